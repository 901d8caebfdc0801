/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The keys of one issuer, as a file or a URL has them.
 *
 * A set is immutable and counted by references: any thread may read it and let go of it. Its keys
 * live as long as it does, longer for who takes a reference of theirs.
 */
#include <stddef.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "jose/jose_key.h"

/* Keys of one text, usable or not. Issuers publish two to five; shared ones of the large clouds,
 * with a key for each region, some twenty. A token without `kid` is tried with all. */
#define KEY_SET_MAX_KEYS 64

/* A text of keys. An entry of a JWKS takes half a KB, with a chain of certificates beside it
 * (`x5c`) up to 8 KB; 64 of those are half of this. */
#define KEY_SET_MAX_BYTES 1048576

struct key_set;

/**
 * key_set_from_pem() - keys of a PEM text: public and private ones (RSA, EC, PKCS 8) and
 *                      certificates, as kube-apiserver's --service-account-key-file takes them
 * @pem:        borrows; may hold private keys, of which no copy is left behind
 * @on_problem: called for each block that is left out, with its line; NULL is fine
 * @ret_set:    one reference
 *
 * Blocks of other kinds and what stands between blocks are no problem. Return: ST_OK; ST_NOT_FOUND:
 * no usable key; ST_LIMIT; ST_NOMEM; ST_INTERNAL; with @reterr_problem filled (not its file).
 */
enum status key_set_from_pem(struct span pem,
                             problem_fn *on_problem,
                             void *ctx,
                             struct key_set **ret_set,
                             struct problem *reterr_problem) NODISCARD NONNULL(4, 5);

/**
 * key_set_from_jwks() - keys of a JWK Set (RFC 7517 section 5) that a server sent
 * @json:       borrows
 * @on_problem: called for each key that is left out, with its line; NULL is fine
 * @ret_set:    one reference
 *
 * A key that cannot be used does not lose the others. In silence are left out those that are not
 * for signatures: `use` other than `sig`, `key_ops` without `verify`. Return: ST_OK; ST_NOT_FOUND:
 * no usable key; ST_SYNTAX, ST_TYPE, ST_DUPLICATE: it is no JWK Set; ST_LIMIT; ST_NOMEM;
 * ST_INTERNAL; with @reterr_problem filled (not its file).
 */
enum status key_set_from_jwks(struct span json,
                              problem_fn *on_problem,
                              void *ctx,
                              struct key_set **ret_set,
                              struct problem *reterr_problem) NODISCARD NONNULL(4, 5);

/** key_set_ref() - one reference more. Return: @set */
struct key_set *key_set_ref(struct key_set *set) NONNULL(1);

/** key_set_unref() - one reference less, the last one frees; NULL is fine. Return: NULL */
struct key_set *key_set_unref(struct key_set *set);

/** key_set_count() - usable keys: 1 to KEY_SET_MAX_KEYS */
size_t key_set_count(const struct key_set *set) NONNULL(1);

/** key_set_at() - key number @i, in the order of the text; borrows the set */
struct jose_key *key_set_at(const struct key_set *set, size_t i) NONNULL(1);

/** key_set_skipped() - keys that were left out and told of */
size_t key_set_skipped(const struct key_set *set) NONNULL(1);
