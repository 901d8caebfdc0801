/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Public keys of a PEM text (RFC 7468): of each public or private key, and of each certificate. */
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"
#include "jose/jose_key.h"

/** What became of one block. */
struct pem_key {
    unsigned line;        /* where the block begins, from 1 */
    enum status status;   /* ST_OK: there is a key; ST_SYNTAX, ST_UNSUPPORTED, ST_INVALID */
    struct jose_key *key; /* one reference for whoever is told; NULL when there is none */
    const char *expected; /* static text for people, follows "expected "; when there is none */
};

/** pem_key_fn - told of each block with a key. Return: ST_OK to go on; anything else stops */
typedef enum status pem_key_fn(void *ctx, const struct pem_key *key);

/**
 * pem_keys_read() - tell @fn of each key
 * @pem: borrows
 *
 * Blocks of other kinds are passed over, as is what stands between blocks. Return: ST_OK; ST_LIMIT:
 * a text of more than 2 GiB; ST_NOMEM; ST_INTERNAL; or what @fn returned. What needs a passphrase
 * cannot be used. Copies of private keys are wiped.
 */
enum status pem_keys_read(struct span pem, pem_key_fn *fn, void *ctx) NODISCARD NONNULL(2);
