/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed digests: equal for equal secrets under one key, different for anything else, and really
 * keyed BLAKE2b-256. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/digest.h"

static struct digest_key *new_key(void)
{
    struct digest_key *key = NULL;
    assert_int_equal(digest_key_new(&key), ST_OK);
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

static void test_digest_rows(void **state)
{
    (void)state;
    struct digest_key *key = new_key();
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct digest a;
        struct digest b;
        digest_compute(key, rows[i].a, &a);
        digest_compute(key, rows[i].b, &b);
        if (digest_equal(&a, &b) != rows[i].equal) {
            fail_msg("%s", rows[i].name);
        }
    }
    digest_key_free(key);
}

/* digest_equal() looks at every byte. */
static void test_digest_equal_sees_each_bit(void **state)
{
    (void)state;
    struct digest_key *key = new_key();
    struct digest a;
    digest_compute(key, SPAN_LITERAL("TEST-ONLY"), &a);
    for (size_t bit = 0; bit < DIGEST_BYTES * 8; bit++) {
        struct digest b = a;
        assert_true(digest_equal(&a, &b));
        b.bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_false(digest_equal(&a, &b));
    }
    digest_key_free(key);
}

/* Two caches must not be comparable, nor a leaked digest guessable with the key of another. */
static void test_digest_depends_on_the_key(void **state)
{
    (void)state;
    struct digest_key *one = new_key();
    struct digest_key *two = new_key();
    struct digest a;
    struct digest b;
    digest_compute(one, SPAN_LITERAL("TEST-ONLY"), &a);
    digest_compute(two, SPAN_LITERAL("TEST-ONLY"), &b);
    assert_false(digest_equal(&a, &b));
    digest_compute(one, SPAN_LITERAL("TEST-ONLY"), &b);
    assert_true(digest_equal(&a, &b));
    assert_null(digest_key_free(one));
    assert_null(digest_key_free(two));
    assert_null(digest_key_free(NULL));
}

/* RFC 7693 by a second implementation: OpenSSL's keyed BLAKE2b. */
static void test_digest_is_keyed_blake2b_256(void **state)
{
    (void)state;
    struct digest_key *key = new_key();
    const struct span taint = digest_key_taint(key);
    assert_int_equal(taint.len, 32);
    struct digest got;
    digest_compute(key, SPAN_LITERAL("TEST-ONLY"), &got);

    EVP_MAC *mac = EVP_MAC_fetch(NULL, "BLAKE2BMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    assert_non_null(ctx);
    size_t size = DIGEST_BYTES;
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_size_t("size", &size),
                                  OSSL_PARAM_construct_end() };
    struct digest want;
    size_t want_len = 0;
    assert_int_equal(EVP_MAC_init(ctx, (const unsigned char *)taint.at, taint.len, params), 1);
    assert_int_equal(EVP_MAC_update(ctx, (const unsigned char *)"TEST-ONLY", 9), 1);
    assert_int_equal(EVP_MAC_final(ctx, want.bytes, &want_len, sizeof(want.bytes)), 1);
    assert_int_equal(want_len, DIGEST_BYTES);
    assert_true(digest_equal(&got, &want));
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    digest_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_rows),
        cmocka_unit_test(test_digest_equal_sees_each_bit),
        cmocka_unit_test(test_digest_depends_on_the_key),
        cmocka_unit_test(test_digest_is_keyed_blake2b_256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
