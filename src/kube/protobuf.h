/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Protocol buffers, the wire format, pulled field by field. Untrusted bytes; reads where they lie.
 *
 * As with document/json_scan one calls what one expects. A call that fails records the first error
 * in the scan, and every later call fails at once. Each value must be consumed before the next call
 * of protobuf_field().
 *
 *     while (protobuf_field(&scan, &number)) {
 *         if (number == 1) {
 *             protobuf_text(&scan, &name);
 *         } else {
 *             protobuf_skip(&scan);
 *         }
 *     }
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"

/* messages within each other that are looked into: Kubernetes' TokenReview needs two */
#define PROTOBUF_MAX_DEPTH 4

/* groups within each other in what is skipped: as many as JSON may have levels, though nobody has
 * sent one for ten years */
#define PROTOBUF_MAX_GROUPS 64

#define PROTOBUF_MAX_NUMBER 536870911 /* of a field: 29 bits */

enum protobuf_type { /* the low three bits of a tag; 6 and 7 are none */
                     PROTOBUF_VARINT = 0,
                     PROTOBUF_FIXED64 = 1,
                     PROTOBUF_BYTES = 2, /* bytes, strings, messages */
                     PROTOBUF_GROUP = 3,
                     PROTOBUF_GROUP_END = 4,
                     PROTOBUF_FIXED32 = 5,
};

struct protobuf {
    const char *at;                       /* borrows the bytes until the scan is over */
    const char *ends[PROTOBUF_MAX_DEPTH]; /* of the open messages, the innermost last */
    unsigned depth;                       /* open messages; 0 when all is read */
    enum protobuf_type type;              /* of the field that comes next */
    enum status status;                   /* first error, sticky */
    const char *expected;                 /* static text for the first error */
    const char *error_at;                 /* where it was */
};

/** protobuf_begin() - start at the first field of @message, whose pointer is not NULL */
void protobuf_begin(struct protobuf *scan, struct span message) NONNULL(1);

/** protobuf_field() - number of the next field of the innermost message; false at its end (then it
 * has been left) or on error */
bool protobuf_field(struct protobuf *scan, uint32_t *ret_number) NONNULL(1, 2);

/** protobuf_message() - enter the message that is the field's value. ST_TYPE when it cannot be one,
 * ST_LIMIT when nested deeper than PROTOBUF_MAX_DEPTH */
bool protobuf_message(struct protobuf *scan) NONNULL(1);

/** protobuf_bytes() - the bytes that are the field's value. ST_TYPE when it has none
 * @ret_bytes: borrows the scan's */
bool protobuf_bytes(struct protobuf *scan, struct span *ret_bytes) NONNULL(1, 2);

/** protobuf_text() - the string that is the field's value: bytes that must be UTF-8; may hold NUL
 */
bool protobuf_text(struct protobuf *scan, struct span *ret_text) NONNULL(1, 2);

/** protobuf_skip() - pass over the field's value, of any type */
bool protobuf_skip(struct protobuf *scan) NONNULL(1);

/** protobuf_fail() - make it an error of the scan that the caller did not like what it read
 * @expected: static text, follows "expected "
 * Keeps an earlier error. Return: false */
bool protobuf_fail(struct protobuf *scan, enum status status, const char *expected) NONNULL(1, 3);

/**
 * protobuf_problem() - status, place and what was expected, for the first error
 * @start: what the place is counted from: the first byte of the body
 */
void protobuf_problem(const struct protobuf *scan,
                      const char *start,
                      struct problem *reterr_problem) NONNULL(1, 2, 3);
