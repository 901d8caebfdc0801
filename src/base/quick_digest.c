/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed digests with libsodium: crypto_shorthash_siphashx24 is SipHash-2-4-128. */
#include "base/quick_digest.h"

#include <sodium.h>

_Static_assert(QUICK_DIGEST_BYTES == crypto_shorthash_siphashx24_BYTES, "the whole result is kept");

struct quick_digest_key {
    uint8_t bytes[crypto_shorthash_siphashx24_KEYBYTES];
};

enum status quick_digest_key_new(struct quick_digest_key **ret_key)
{
    if (sodium_init() < 0) { /* may be called again and again, from any thread */
        return ST_INTERNAL;
    }
    struct quick_digest_key *key = sodium_malloc(sizeof(*key));
    if (!key) {
        return ST_NOMEM;
    }
    randombytes_buf(key->bytes, sizeof(key->bytes));
    (void)sodium_mprotect_readonly(key); /* defence in depth: without it the key works as well */
    *ret_key = key;
    return ST_OK;
}

struct quick_digest_key *quick_digest_key_free(struct quick_digest_key *key)
{
    sodium_free(key); /* wipes; NULL is fine */
    return NULL;
}

void quick_digest_compute(const struct quick_digest_key *key,
                          struct span secret,
                          struct quick_digest *ret_digest)
{
    const struct span some = secret.len ? secret : SPAN_LITERAL(""); /* it adds to the pointer */
    (void)crypto_shorthash_siphashx24(ret_digest->bytes, (const unsigned char *)some.at, some.len,
                                      key->bytes); /* always 0 */
}

bool quick_digest_equal(const struct quick_digest *a, const struct quick_digest *b)
{
    return sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct span quick_digest_key_taint(const struct quick_digest_key *key)
{
    return (struct span){ .at = (const char *)key->bytes, .len = sizeof(key->bytes) };
}
