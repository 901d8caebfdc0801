/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A pull scanner for JSON text that a peer sent: RFC 8259, strict, bounded depth, no recursion, no
 * allocation.
 *
 * It exists beside json-c because the request path asks for what a tree cannot give: strings
 * decoded in place without a single allocation, and errors with a position. (json-c costs a
 * review 2.2-4.3 microseconds, most of it malloc.)
 *
 * Escapes are decoded in the caller's buffer, which shrinks them, so the buffer is clobbered. A
 * lone surrogate escape becomes U+FFFD, as in Go. Raw bytes that are not UTF-8 are an error (RFC
 * 8259 section 8.1).
 *
 * Errors stick: after one, every call returns false and json_scan_end() names it. A loop over
 * members reads:
 *
 *     struct span key;
 *     if (json_scan_object(&scan)) {
 *         while (json_scan_member(&scan, &key)) {
 *             if (span_equal(key, SPAN_LITERAL("kind"))) {
 *                 (void)json_scan_string(&scan, &kind);
 *             } else {
 *                 (void)json_scan_skip(&scan);
 *             }
 *         }
 *     }
 *     status = json_scan_end(&scan);
 *
 * Threads: none; a scan belongs to its caller.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"

/* Objects and arrays nested; Kubernetes' own wire objects stay below 20. Also the bits of
 * json_scan.objects. */
#define JSON_SCAN_MAX_DEPTH 64

enum json_kind {
    JSON_NONE = 0, /* malformed, or the text has ended */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_scan {
    char *at; /* borrows the text until the scan is over; clobbers it behind this point */
    char *end;
    enum status status;   /* first error, sticky */
    const char *expected; /* static text for the first error */
    const char *error_at; /* where it was */
    const char *line_at;  /* first byte of the line that the scan has come to */
    unsigned line;        /* its number, from 1 */
    unsigned depth;       /* open containers */
    uint64_t objects;     /* a stack of bits, innermost lowest: 1 for an object, 0 for an array */
    bool is_fresh;        /* the innermost container was entered just now: no comma is due */
};

/** json_scan_begin() - start at the first byte of @text, @len bytes; no NUL needed */
void json_scan_begin(struct json_scan *scan, char *text, size_t len) NONNULL(1);

/** json_scan_peek() - kind of the value that comes next, by its first byte; consumes only white
 * space */
enum json_kind json_scan_peek(struct json_scan *scan) NONNULL(1);

/** json_scan_object() / json_scan_array() - enter it. ST_TYPE when the next value is something
 * else, ST_LIMIT when nested deeper than JSON_SCAN_MAX_DEPTH */
bool json_scan_object(struct json_scan *scan) NONNULL(1);
bool json_scan_array(struct json_scan *scan) NONNULL(1);

/** json_scan_member() - next key of the object, decoded; false at its end (then it has been left)
 * or on error */
bool json_scan_member(struct json_scan *scan, struct span *ret_key) NONNULL(1, 2);

/** json_scan_element() - true when the array has another value; false at its end (then it has been
 * left) or on error */
bool json_scan_element(struct json_scan *scan) NONNULL(1);

/** json_scan_string() - the string that comes next, decoded in place. ST_TYPE when it is no string.
 * @ret_text: borrows the caller's buffer; may hold NUL bytes */
bool json_scan_string(struct json_scan *scan, struct span *ret_text) NONNULL(1, 2);

/** json_scan_number() - the number that comes next, as it is written (RFC 8259 section 6). ST_TYPE
 * when it is no number. @ret_text: borrows the caller's buffer */
bool json_scan_number(struct json_scan *scan, struct span *ret_text) NONNULL(1, 2);

/** json_scan_null() - consume `null` when it comes next; false without an error when another value
 * does, with ST_SYNTAX when it is a misspelt null */
bool json_scan_null(struct json_scan *scan) NONNULL(1);

/** json_scan_skip() - check and skip one value of any kind, to any allowed depth */
bool json_scan_skip(struct json_scan *scan) NONNULL(1);

/** json_scan_finished() - is nothing left but white space, or has the scan failed? Outside of any
 * container only: it is how values that follow each other are told from the end */
bool json_scan_finished(struct json_scan *scan) NONNULL(1);

/**
 * json_scan_fail() - make it an error of the scan that the caller did not like what it read
 * @status:   what the error counts as
 * @expected: static text, follows "expected "
 * Keeps an earlier error. Return: false
 */
bool json_scan_fail(struct json_scan *scan, enum status status, const char *expected) NONNULL(1, 3);

/** json_scan_end() - the text must end here but for white space.
 * Return: ST_OK; else the first error: ST_SYNTAX, ST_TYPE, ST_LIMIT */
enum status json_scan_end(struct json_scan *scan) NODISCARD NONNULL(1);

/** json_scan_problem() - status, line, column (in bytes of the original text) and what was
 * expected, for the first error. Lines are counted on the way: a decoded `\n` in the buffer is not
 * one */
void json_scan_problem(const struct json_scan *scan, struct problem *reterr_problem) NONNULL(1, 2);
