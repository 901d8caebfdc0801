/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed digests with libsodium: crypto_generichash is BLAKE2b. */
#include "base/digest.h"

#include <sodium.h>

struct digest_key {
    uint8_t bytes[crypto_generichash_KEYBYTES];
};

enum status digest_key_new(struct digest_key **ret_key)
{
    if (sodium_init() < 0) { /* may be called again and again, from any thread */
        return ST_INTERNAL;
    }
    struct digest_key *key = sodium_malloc(sizeof(*key));
    if (!key) {
        return ST_NOMEM;
    }
    randombytes_buf(key->bytes, sizeof(key->bytes));
    (void)sodium_mprotect_readonly(key); /* defence in depth: without it the key works as well */
    *ret_key = key;
    return ST_OK;
}

struct digest_key *digest_key_free(struct digest_key *key)
{
    sodium_free(key); /* wipes; NULL is fine */
    return NULL;
}

void digest_compute(const struct digest_key *key, struct span secret, struct digest *ret_digest)
{
    /* fails only for lengths out of range, and both are constants within it */
    (void)crypto_generichash(ret_digest->bytes, sizeof(ret_digest->bytes),
                             (const unsigned char *)secret.at, secret.len, key->bytes,
                             sizeof(key->bytes));
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct span digest_key_taint(const struct digest_key *key)
{
    return (struct span){ .at = (const char *)key->bytes, .len = sizeof(key->bytes) };
}
