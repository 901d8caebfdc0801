/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed digests: equal for equal secrets under one key, different for anything else, and really
 * SipHash-2-4 of 128 bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/quick_digest.h"

static struct quick_digest_key *new_key(void)
{
    struct quick_digest_key *key = NULL;
    assert_int_equal(quick_digest_key_new(&key), ST_OK);
    assert_non_null(key);
    return key;
}

static const struct {
    const char *name;
    struct span a;
    struct span b;
    bool equal;
} rows[] = {
    { "the same bytes", SPAN_LITERAL("TEST-ONLY-secret"), SPAN_LITERAL("TEST-ONLY-secret"), true },
    { "the last byte differs", SPAN_LITERAL("TEST-ONLY-secret"), SPAN_LITERAL("TEST-ONLY-secreu"),
      false },
    { "the first byte differs", SPAN_LITERAL("TEST-ONLY-secret"), SPAN_LITERAL("uEST-ONLY-secret"),
      false },
    { "a prefix", SPAN_LITERAL("TEST-ONLY-secret"), SPAN_LITERAL("TEST-ONLY-secre"), false },
    { "a NUL more", SPAN_LITERAL("TEST-ONLY-secret"), SPAN_LITERAL("TEST-ONLY-secret\0"), false },
    { "behind a NUL", SPAN_LITERAL("a\0b"), SPAN_LITERAL("a\0c"), false },
    { "empty and empty", { NULL, 0 }, SPAN_LITERAL(""), true },
    { "empty and not", { NULL, 0 }, SPAN_LITERAL("a"), false },
};

static void test_quick_digest_rows(void **state)
{
    (void)state;
    struct quick_digest_key *key = new_key();
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct quick_digest a;
        struct quick_digest b;
        quick_digest_compute(key, rows[i].a, &a);
        quick_digest_compute(key, rows[i].b, &b);
        if (quick_digest_equal(&a, &b) != rows[i].equal) {
            fail_msg("%s", rows[i].name);
        }
    }
    quick_digest_key_free(key);
}

/* quick_digest_equal() looks at every byte. */
static void test_quick_digest_equal_sees_each_bit(void **state)
{
    (void)state;
    struct quick_digest_key *key = new_key();
    struct quick_digest a;
    quick_digest_compute(key, SPAN_LITERAL("TEST-ONLY"), &a);
    for (size_t bit = 0; bit < QUICK_DIGEST_BYTES * 8; bit++) {
        struct quick_digest b = a;
        assert_true(quick_digest_equal(&a, &b));
        b.bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_false(quick_digest_equal(&a, &b));
    }
    quick_digest_key_free(key);
}

/* Two caches must not be comparable, nor a leaked digest guessable with the key of another. */
static void test_quick_digest_depends_on_the_key(void **state)
{
    (void)state;
    struct quick_digest_key *one = new_key();
    struct quick_digest_key *two = new_key();
    struct quick_digest a;
    struct quick_digest b;
    quick_digest_compute(one, SPAN_LITERAL("TEST-ONLY"), &a);
    quick_digest_compute(two, SPAN_LITERAL("TEST-ONLY"), &b);
    assert_false(quick_digest_equal(&a, &b));
    quick_digest_compute(one, SPAN_LITERAL("TEST-ONLY"), &b);
    assert_true(quick_digest_equal(&a, &b));
    assert_null(quick_digest_key_free(one));
    assert_null(quick_digest_key_free(two));
    assert_null(quick_digest_key_free(NULL));
}

/* A second implementation: OpenSSL's. Lengths that end within a word, and a token's. */
static void test_quick_digest_is_siphash_2_4_128(void **state)
{
    (void)state;
    static const size_t lengths[] = { 0, 1, 7, 8, 9, 64, 1200, 1203 };
    struct quick_digest_key *key = new_key();
    const struct span taint = quick_digest_key_taint(key);
    assert_int_equal(taint.len, 16);
    char text[1203];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)i;
    }
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    assert_non_null(ctx);
    size_t size = QUICK_DIGEST_BYTES;
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_size_t("size", &size),
                                  OSSL_PARAM_construct_end() };
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        struct quick_digest got;
        struct quick_digest want;
        size_t want_len = 0;
        quick_digest_compute(key, (struct span){ .at = text, .len = lengths[i] }, &got);
        assert_int_equal(EVP_MAC_init(ctx, (const unsigned char *)taint.at, taint.len, params), 1);
        assert_int_equal(EVP_MAC_update(ctx, (const unsigned char *)text, lengths[i]), 1);
        assert_int_equal(EVP_MAC_final(ctx, want.bytes, &want_len, sizeof(want.bytes)), 1);
        assert_int_equal(want_len, QUICK_DIGEST_BYTES);
        assert_true(quick_digest_equal(&got, &want));
    }
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    quick_digest_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quick_digest_rows),
        cmocka_unit_test(test_quick_digest_equal_sees_each_bit),
        cmocka_unit_test(test_quick_digest_depends_on_the_key),
        cmocka_unit_test(test_quick_digest_is_siphash_2_4_128),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
