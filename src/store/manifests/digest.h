/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What an object says, as 16 bytes that tell it from others and are its resourceVersion. */
#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/status.h"
#include "kube/secret.h"
#include "store/store_base.h"

/* Of a keyed digest, enough to tell two contents apart: a chance of 1 in 2^128 to miss a change. */
#define CONTENT_DIGEST_BYTES 16

_Static_assert(2 * CONTENT_DIGEST_BYTES + 1 <= RESOURCE_VERSION_MAX, "in hex it is a version");

/** All that an object says, but for its metadata.resourceVersion. */
struct content_digest {
    uint8_t bytes[CONTENT_DIGEST_BYTES];
};

/** Makes content_digests. Its key lives as long as the store. */
struct digester {
    struct digest_key *key; /* owns */
    struct buf scratch;     /* plaintext for the time of one digest */
};

enum status digester_init(struct digester *digester) NODISCARD NONNULL(1);
void digester_fini(struct digester *digester) NONNULL(1);

/** digester_compute() - @root: as document_parse() or document_copy() made it. @meta, @secret:
 * decoded from it; NULL: of an object of which no more is decoded than its metadata. Return: ST_OK;
 * ST_NOMEM */
enum status digester_compute(struct digester *digester,
                             const json_object *root,
                             const struct object_meta *meta,
                             const struct secret *secret,
                             struct content_digest *ret_content) NODISCARD NONNULL(1, 2, 3, 5);

/** digester_rest() - wipe, and give back what is large */
void digester_rest(struct digester *digester) NONNULL(1);

bool content_digest_equal(const struct content_digest *a, const struct content_digest *b) NODISCARD
    NONNULL(1, 2);

/** content_digest_format() - as a metadata.resourceVersion */
void content_digest_format(const struct content_digest *content,
                           char ret_version[static RESOURCE_VERSION_MAX]) NONNULL(1, 2);
