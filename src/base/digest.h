/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Keyed digests of secrets: BLAKE2b-256 (RFC 7693) under a random key that lives as long as its
 * owner.
 *
 * Caches keep digests, not secrets, and comparison is sodium_memcmp over fixed lengths. The key
 * sits in memory that is locked, guarded and left out of core files (sodium_malloc). This is the
 * only place where secrets are compared.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

#define DIGEST_BYTES 32

struct digest_key;

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

/** digest_key_new() - random key. Return: ST_OK; ST_NOMEM; ST_INTERNAL when libsodium cannot start
 */
enum status digest_key_new(struct digest_key **ret_key) NODISCARD NONNULL(1);

/** digest_key_free() - wipe and free; NULL is fine. Return: NULL */
struct digest_key *digest_key_free(struct digest_key *key);

/** digest_compute() - digest of @secret; time depends on its length only */
void digest_compute(const struct digest_key *key, struct span secret, struct digest *ret_digest)
    NONNULL(1, 3);

/** digest_equal() - constant time */
bool digest_equal(const struct digest *a, const struct digest *b) NODISCARD NONNULL(1, 2);

/** digest_key_taint() - the key's bytes, for the valgrind test that marks them undefined */
struct span digest_key_taint(const struct digest_key *key) NONNULL(1);
