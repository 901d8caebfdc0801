/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A core/v1 Secret as far as kube-bearer uses one: identity, type and data, decoded and in
 * plaintext.
 *
 * So it is short-lived: made for one store event, wiped when freed. What stays is a keyed digest
 * (authn/credential_cache).
 */
#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "kube/object_meta.h"

/* sum of decoded values; the API server's own limit (core/v1 MaxSecretSize) */
#define SECRET_MAX_BYTES 1048576

struct secret_entry {
    struct span key;
    struct span value; /* decoded bytes, NULs allowed */
};

struct secret {
    struct object_meta meta;
    struct span type; /* "Opaque" when the manifest names none, as the API server has it */
    const struct secret_entry *entries; /* one block with the struct; sorted by key, keys unique;
                                           stringData merged over data */
    size_t entry_count;
};

/**
 * secret_decode() - decode one v1 Secret
 * @root: borrows; a tree of document_parse() or of the API server
 *
 * data values are base64 (base/base64.h), stringData values plain strings that win over data; both
 * must be JSON strings (null counts as empty). Metadata is as object_meta_read() has it, keys are
 * what the API server takes for keys. kind and apiVersion are the caller's business; other members
 * are ignored. Stricter than the API server in one place: a data value that is a list of numbers
 * (Go reads bytes from it) is ST_TYPE. Return: ST_OK; ST_TYPE, ST_INVALID, ST_LIMIT, ST_SYNTAX with
 * @reterr_problem (position and what was expected, never a value); ST_NOMEM. Cost: one allocation.
 * Source: k8s core/v1 Secret, apimachinery's validation; how kubectl types scalars:
 * document/yaml_scalar.h.
 */
enum status secret_decode(const json_object *root,
                          struct secret **ret_secret,
                          struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** secret_decode_names() - what is left of a Secret that secret_decode() refuses:
 * object_meta_read_names(), no type, no entries. Return: as secret_decode(), when
 * these are refused, too */
enum status secret_decode_names(const json_object *root,
                                struct secret **ret_secret,
                                struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** secret_copy() - a copy of its own, in plaintext: for who has to keep it. NULL: no memory */
struct secret *secret_copy(const struct secret *secret) NODISCARD NONNULL(1);

/** secret_free() - wipe and free; NULL is fine. Return: NULL */
struct secret *secret_free(struct secret *secret);

/** secret_find() - value of data key @key; false when there is none. An empty value is found and
 * has len 0 */
bool secret_find(const struct secret *secret, const char *key, struct span *ret_value)
    NONNULL(1, 2, 3);
