/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: which are taken, what they are called, and what they verify. All are TEST-ONLY. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "base/compiler.h"
#include "jose/jose_key.h"
#include "support/alloc_fail.h"
#include "support/jose_kit.h"
#include "support/vectors.h"

#define NUMBER_MAX 2048
#define THREADS    4
#define ROUNDS     200

/* The numbers of a key, each in a buffer of its own. */
struct numbers {
    char texts[4][NUMBER_MAX];
    struct jose_key_parts parts;
};

static struct span decode(struct span text, char ret[static NUMBER_MAX])
{
    size_t len = 0;
    assert_true(base64url_decoded_len(text.len) <= NUMBER_MAX);
    assert_int_equal(base64url_decode(text, ret, &len), ST_OK);
    return (struct span){ ret, len };
}

static struct span take(const EVP_PKEY *pkey, const char *name, int len, char *ret)
{
    char *const text = jose_kit_number(pkey, name, len);
    const struct span number = decode(span_of(text), ret);
    free(text);
    return number;
}

static void numbers_of(const EVP_PKEY *pkey, struct numbers *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (EVP_PKEY_is_a(pkey, "RSA")) {
        ret->parts.kind = JWS_KEY_RSA;
        ret->parts.n = take(pkey, OSSL_PKEY_PARAM_RSA_N, 0, ret->texts[0]);
        ret->parts.e = take(pkey, OSSL_PKEY_PARAM_RSA_E, 0, ret->texts[1]);
        return;
    }
    const int bits = EVP_PKEY_get_bits(pkey);
    ret->parts.kind = bits == 256 ? JWS_KEY_P256 : bits == 384 ? JWS_KEY_P384 : JWS_KEY_P521;
    ret->parts.x = take(pkey, OSSL_PKEY_PARAM_EC_PUB_X, (bits + 7) / 8, ret->texts[2]);
    ret->parts.y = take(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, (bits + 7) / 8, ret->texts[3]);
}

static struct jose_key *make(const struct jose_key_parts *parts)
{
    struct jose_key *key = NULL;
    const char *expected = NULL;
    assert_int_equal(jose_key_new(parts, &key, &expected), ST_OK);
    assert_null(expected);
    return key;
}

static struct jose_key *key_of(const EVP_PKEY *pkey)
{
    struct numbers numbers;
    numbers_of(pkey, &numbers);
    return make(&numbers.parts);
}

static void require_refused(const char *name, const struct jose_key_parts *parts, const char *want)
{
    struct jose_key *key = NULL;
    const char *expected = NULL;
    const enum status status = jose_key_new(parts, &key, &expected);
    if (status != ST_INVALID || key || !expected || !strstr(expected, want)) {
        fail_msg("%s: status %s, expected %s", name, status_label(status), expected);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

/* A number of @bits bits, odd or even; no modulus of anybody's, but nothing is computed with it. */
static struct span number_of_bits(size_t bits, bool is_odd, char *ret)
{
    const size_t len = (bits + 7) / 8;
    memset(ret, 0x5a, len);
    ret[0] = (char)(1U << (bits - 1) % 8);
    ret[len - 1] = (char)((ret[len - 1] & 0xfe) | (len > 0 && is_odd));
    return (struct span){ ret, len };
}

static void test_jose_key_new_rsa_size_rows(void **state)
{
    (void)state;
    const struct {
        const char *name;
        size_t bits;
        bool is_odd;
        struct span e;
        const char *refusal; /* NULL: taken */
    } rows[] = {
        { "2048 bits", 2048, true, SPAN_LITERAL("\x01\x00\x01"), NULL },
        { "8192 bits", 8192, true, SPAN_LITERAL("\x01\x00\x01"), NULL },
        { "2049 bits", 2049, true, SPAN_LITERAL("\x03"), NULL },
        { "a long exponent", 2048, true, SPAN_LITERAL("\xff\xff\xff\xff"), NULL },
        { "an exponent with zeroes in front", 2048, true, SPAN_LITERAL("\0\0\0\0\x01\x00\x01"),
          NULL },
        { "2047 bits", 2047, true, SPAN_LITERAL("\x01\x00\x01"), "2048 to 8192 bits" },
        { "1024 bits", 1024, true, SPAN_LITERAL("\x01\x00\x01"), "2048 to 8192 bits" },
        { "8193 bits", 8193, true, SPAN_LITERAL("\x01\x00\x01"), "2048 to 8192 bits" },
        { "16384 bits", 16384, true, SPAN_LITERAL("\x01\x00\x01"), "2048 to 8192 bits" },
        { "an even modulus", 2048, false, SPAN_LITERAL("\x01\x00\x01"), "an odd modulus" },
        { "an exponent of 33 bits", 2048, true, SPAN_LITERAL("\x01\x00\x00\x00\x01"), "32 bits" },
        { "one of 64", 2048, true, SPAN_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff"), "32 bits" },
        { "an even exponent", 2048, true, SPAN_LITERAL("\x01\x00\x00"), "an odd exponent" },
        { "an exponent of 1", 2048, true, SPAN_LITERAL("\x01"), "an odd exponent" },
        { "an exponent of 0", 2048, true, SPAN_LITERAL("\0"), "an odd exponent" },
        { "no exponent", 2048, true, SPAN_LITERAL(""), "an odd exponent" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char n[NUMBER_MAX + 1];
        const struct jose_key_parts parts = { .kind = JWS_KEY_RSA,
                                              .n = number_of_bits(rows[i].bits, rows[i].is_odd, n),
                                              .e = rows[i].e };
        if (rows[i].refusal) {
            require_refused(rows[i].name, &parts, rows[i].refusal);
        } else {
            print_message("# row: %s\n", rows[i].name);
            (void)jose_key_unref(make(&parts));
        }
    }
    char n[NUMBER_MAX + 1] = { 0 };
    struct jose_key_parts parts = { .kind = JWS_KEY_RSA, .e = SPAN_LITERAL("\x03") };
    require_refused("no modulus", &parts, "2048 to 8192 bits");
    parts.n = (struct span){ n, 256 };
    require_refused("a modulus of zeroes", &parts, "2048 to 8192 bits");
    /* 2040 bits, and zeroes that would make 2056 of them */
    (void)number_of_bits(2040, true, n + 2);
    parts.n = (struct span){ n, 257 };
    require_refused("zeroes in front do not count", &parts, "2048 to 8192 bits");
}

static void test_jose_key_new_point_rows(void **state)
{
    (void)state;
    static const char *const curves[] = { "P-256", "P-384", "P-521" };
    for (size_t i = 0; i < COUNTOF(curves); i++) {
        EVP_PKEY *const pkey = jose_kit_curve(curves[i]);
        struct numbers numbers;
        numbers_of(pkey, &numbers);
        (void)jose_key_unref(make(&numbers.parts));

        struct jose_key_parts parts = numbers.parts;
        parts.x = numbers.parts.y;
        parts.y = numbers.parts.x;
        require_refused("x and y swapped", &parts, "a point on the curve");
        parts = numbers.parts;
        parts.y.len--;
        require_refused("y too short", &parts, "as long as the field");
        parts = numbers.parts;
        parts.x = (struct span){ numbers.texts[0], numbers.parts.x.len + 1 };
        require_refused("x with a zero in front", &parts, "as long as the field");
        parts.x = (struct span){ 0 };
        require_refused("no x", &parts, "as long as the field");
        parts = numbers.parts;
        memset(numbers.texts[0], 0xff, NUMBER_MAX);
        parts.x.at = numbers.texts[0];
        require_refused("x beyond the field", &parts, "a point on the curve");
        memset(numbers.texts[0], 0, NUMBER_MAX);
        parts.y.at = parts.x.at;
        require_refused("zeroes", &parts, "a point on the curve");
        parts = numbers.parts;
        parts.kind = JWS_KEY_P256 + (i + 1) % 3;
        require_refused("another curve", &parts, "as long as the field");
        EVP_PKEY_free(pkey);
    }
}

static void test_jose_key_new_pins_an_algorithm_that_fits(void **state)
{
    (void)state;
    EVP_PKEY *const rsa = jose_kit_rsa(2048);
    EVP_PKEY *const p256 = jose_kit_curve("P-256");
    struct numbers numbers;
    for (enum jws_algorithm pinned = JWS_RS256; pinned < JWS_ALGORITHM_COUNT_; pinned++) {
        const enum jws_key_kind kind = jws_algorithm_traits(pinned)->kind;
        numbers_of(kind == JWS_KEY_RSA ? p256 : rsa, &numbers);
        numbers.parts.pinned = pinned;
        require_refused("the other kind", &numbers.parts, "an algorithm that fits");
        if (kind == JWS_KEY_P384 || kind == JWS_KEY_P521) {
            continue;
        }
        numbers_of(kind == JWS_KEY_RSA ? rsa : p256, &numbers);
        numbers.parts.pinned = pinned;
        struct jose_key *const key = make(&numbers.parts);
        for (unsigned asked = 0; asked < JWS_ALGORITHM_COUNT_; asked++) {
            assert_int_equal(jose_key_may_verify(key, (enum jws_algorithm)asked), asked == pinned);
        }
        (void)jose_key_unref(key);
    }
    numbers_of(p256, &numbers);
    numbers.parts.pinned = JWS_ES384;
    require_refused("another curve's", &numbers.parts, "an algorithm that fits");
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p256);
}

static void require_signature(const struct jose_key *key,
                              enum jws_algorithm algorithm,
                              struct span input,
                              unsigned char *signature,
                              size_t len)
{
    const struct span good = { (const char *)signature, len };
    assert_int_equal(jose_key_verify(key, algorithm, input, good), ST_OK);
    assert_int_equal(jose_key_verify(key, algorithm, span_after(input, 1), good),
                     ST_SIGNATURE_INVALID);
    const size_t flips[] = { 0, 1, len / 2 - 1, len / 2, len - 1 };
    for (size_t i = 0; i < COUNTOF(flips); i++) {
        signature[flips[i]] ^= 0x10;
        assert_int_equal(jose_key_verify(key, algorithm, input, good), ST_SIGNATURE_INVALID);
        signature[flips[i]] ^= 0x10;
    }
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(jose_key_verify(key, algorithm, input, (struct span){ good.at, cut }),
                         ST_SIGNATURE_INVALID);
    }
    assert_int_equal(jose_key_verify(key, algorithm, input, (struct span){ good.at, len + 1 }),
                     ST_SIGNATURE_INVALID);
    for (unsigned asked = 0; asked < JWS_ALGORITHM_COUNT_; asked++) {
        const enum status want = !jose_key_may_verify(key, asked) ? ST_ALGORITHM_NOT_ALLOWED
                                 : asked == algorithm             ? ST_OK
                                                                  : ST_SIGNATURE_INVALID;
        assert_int_equal(jose_key_verify(key, asked, input, good), want);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void test_jose_key_verify_each_algorithm(void **state)
{
    (void)state;
    const struct span input = SPAN_LITERAL("eyJhbGciOiJSUzI1NiJ9.Zm9v");
    for (enum jws_algorithm algorithm = JWS_RS256; algorithm < JWS_ALGORITHM_COUNT_; algorithm++) {
        print_message("# row: %s\n", jws_algorithm_traits(algorithm)->name.at);
        unsigned char signature[JOSE_KIT_SIGNATURE_MAX + 1] = { 0 };
        EVP_PKEY *const pkey = jose_kit_for(algorithm);
        EVP_PKEY *const other = jose_kit_for(algorithm);
        struct jose_key *const key = key_of(pkey);
        struct jose_key *const other_key = key_of(other);
        const size_t len = jose_kit_sign(pkey, algorithm, input, signature);
        require_signature(key, algorithm, input, signature, len);
        assert_int_equal(jose_key_verify(other_key, algorithm, input,
                                         (struct span){ (const char *)signature, len }),
                         ST_SIGNATURE_INVALID);
        (void)jose_key_unref(key);
        (void)jose_key_unref(other_key);
        EVP_PKEY_free(pkey);
        EVP_PKEY_free(other);
    }
}

/* The same numbers with a zero in front of each: another text for the same signature. */
static void test_jose_key_verify_halves_of_another_length_are_refused(void **state)
{
    (void)state;
    EVP_PKEY *const pkey = jose_kit_curve("P-256");
    struct jose_key *const key = key_of(pkey);
    unsigned char signature[JOSE_KIT_SIGNATURE_MAX];
    unsigned char longer[JOSE_KIT_SIGNATURE_MAX] = { 0 };
    const size_t len = jose_kit_sign(pkey, JWS_ES256, SPAN_LITERAL("a.b"), signature);
    memcpy(longer + 1, signature, len / 2);
    memcpy(longer + 2 + len / 2, signature + len / 2, len / 2);
    assert_int_equal(jose_key_verify(key, JWS_ES256, SPAN_LITERAL("a.b"),
                                     (struct span){ (const char *)signature, len }),
                     ST_OK);
    assert_int_equal(jose_key_verify(key, JWS_ES256, SPAN_LITERAL("a.b"),
                                     (struct span){ (const char *)longer, len + 2 }),
                     ST_SIGNATURE_INVALID);
    (void)jose_key_unref(key);
    EVP_PKEY_free(pkey);
}

/* RFC 7518 section 3.5: a salt of the hash's length, no other; the same hash for MGF1. */
static void test_jose_key_verify_pss_salt_and_mask(void **state)
{
    (void)state;
    EVP_PKEY *const pkey = jose_kit_rsa(2048);
    struct jose_key *const key = key_of(pkey);
    const struct {
        int salt_len;
        const char *mask;
        enum status want;
    } rows[] = {
        { 32, "SHA256", ST_OK },
        { 31, "SHA256", ST_SIGNATURE_INVALID },
        { 20, "SHA256", ST_SIGNATURE_INVALID },
        { 0, "SHA256", ST_SIGNATURE_INVALID },
        { RSA_PSS_SALTLEN_MAX, "SHA256", ST_SIGNATURE_INVALID },
        { 32, "SHA1", ST_SIGNATURE_INVALID },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        unsigned char signature[JOSE_KIT_SIGNATURE_MAX];
        size_t len = sizeof(signature);
        EVP_PKEY_CTX *pctx = NULL;
        EVP_MD_CTX *const ctx = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, "SHA256", NULL, NULL, pkey, NULL), 1);
        assert_true(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, rows[i].salt_len) > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md_name(pctx, rows[i].mask, NULL) > 0);
        assert_int_equal(EVP_DigestSign(ctx, signature, &len, (const unsigned char *)"a.b", 3), 1);
        EVP_MD_CTX_free(ctx);
        assert_int_equal(jose_key_verify(key, JWS_PS256, SPAN_LITERAL("a.b"),
                                         (struct span){ (const char *)signature, len }),
                         rows[i].want);
    }
    (void)jose_key_unref(key);
    EVP_PKEY_free(pkey);
}

/* RFC 7638 section 3.1 has the key and the answer. */
static void test_jose_key_thumbprint_known_answer(void **state)
{
    (void)state;
    const struct span n =
        SPAN_LITERAL("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuh"
                     "DR1L6tSoc_BJECP"
                     "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-"
                     "65YGjQR0_FDW2QvzqY3"
                     "68QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
                     "bFTWhAI4vMQFh6WeZu0fM4"
                     "lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw");
    char n_room[NUMBER_MAX];
    struct jose_key_parts parts = { .kind = JWS_KEY_RSA,
                                    .n = decode(n, n_room),
                                    .e = SPAN_LITERAL("\x01\x00\x01"),
                                    .id = SPAN_LITERAL("2011-04-29") };
    struct jose_key *const key = make(&parts);
    char text[64];
    base64url_encode(
        (struct span){ (const char *)jose_key_thumbprint(key)->bytes, JOSE_THUMBPRINT_BYTES },
        text);
    assert_memory_equal(text, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", 43);
    assert_true(span_equal(jose_key_id(key), SPAN_LITERAL("2011-04-29")));

    parts.e = SPAN_LITERAL("\0\x01\x00\x01");
    struct jose_key *const same = make(&parts);
    assert_true(jose_thumbprint_equal(jose_key_thumbprint(key), jose_key_thumbprint(same)));
    assert_true(jose_key_is_same(key, same));
    parts.e = SPAN_LITERAL("\x03");
    struct jose_key *const other = make(&parts);
    assert_false(jose_thumbprint_equal(jose_key_thumbprint(key), jose_key_thumbprint(other)));
    assert_false(jose_key_is_same(key, other));
    parts.e = SPAN_LITERAL("\x01\x00\x01");
    parts.pinned = JWS_RS256;
    struct jose_key *const pinned = make(&parts);
    assert_true(jose_thumbprint_equal(jose_key_thumbprint(key), jose_key_thumbprint(pinned)));
    assert_false(jose_key_is_same(key, pinned));
    (void)jose_key_unref(key);
    (void)jose_key_unref(same);
    (void)jose_key_unref(other);
    (void)jose_key_unref(pinned);
}

/* Kubernetes' own key IDs: keyid_test.go, as the vectors have it. */
static void test_jose_key_kubernetes_id_vectors(void **state)
{
    (void)state;
    json_object *const root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    json_object *const list = vectors_list(root, "service_account", "key_id");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *const row = json_object_array_get_idx(list, i);
        json_object *const jwk = json_object_object_get(row, "jwk");
        struct numbers room;
        struct jose_key_parts parts = { .takes_kubernetes_id = true };
        parts.kind = span_equal(vectors_text(jwk, "kty"), SPAN_LITERAL("RSA"))
                         ? JWS_KEY_RSA
                         : jws_key_kind_from_curve(vectors_text(jwk, "crv"));
        parts.n = decode(vectors_text(jwk, "n"), room.texts[0]);
        parts.e = decode(vectors_text(jwk, "e"), room.texts[1]);
        parts.x = decode(vectors_text(jwk, "x"), room.texts[2]);
        parts.y = decode(vectors_text(jwk, "y"), room.texts[3]);
        struct jose_key *const key = make(&parts);
        assert_true(span_equal(jose_key_id(key), vectors_text(row, "kid")));
        (void)jose_key_unref(key);
    }
    json_object_put(root);
}

struct crowd {
    struct jose_key *key;
    struct span input;
    struct span signature;
    struct span bad_signature;
};

static void *verify_many(void *arg)
{
    const struct crowd *const crowd = arg;
    struct jose_key *const key = crowd->key;
    size_t wrong = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        wrong += jose_key_verify(key, JWS_ES256, crowd->input, crowd->signature) != ST_OK;
        wrong += jose_key_verify(key, JWS_ES256, crowd->input, crowd->bad_signature) !=
                 ST_SIGNATURE_INVALID;
    }
    (void)jose_key_unref(key);
    return (void *)(uintptr_t)wrong;
}

/* More threads than processors, so that they take each other's verifiers. */
static void test_jose_key_verify_by_many_threads(void **state)
{
    (void)state;
    EVP_PKEY *const pkey = jose_kit_curve("P-256");
    unsigned char signature[JOSE_KIT_SIGNATURE_MAX];
    unsigned char bad[JOSE_KIT_SIGNATURE_MAX];
    struct crowd crowd = { .key = key_of(pkey), .input = SPAN_LITERAL("a.b") };
    const size_t len = jose_kit_sign(pkey, JWS_ES256, crowd.input, signature);
    memcpy(bad, signature, len);
    bad[len - 1] ^= 1;
    crowd.signature = (struct span){ (const char *)signature, len };
    crowd.bad_signature = (struct span){ (const char *)bad, len };
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        (void)jose_key_ref(crowd.key); /* the thread's */
        assert_int_equal(pthread_create(&threads[i], NULL, verify_many, &crowd), 0);
    }
    (void)jose_key_unref(crowd.key); /* perhaps the last but those of the threads */
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    EVP_PKEY_free(pkey);
}

static void try_out_of_memory(enum jws_algorithm algorithm)
{
    EVP_PKEY *const pkey = jose_kit_for(algorithm);
    unsigned char signature[JOSE_KIT_SIGNATURE_MAX];
    const struct span input = SPAN_LITERAL("a.b");
    const size_t len = jose_kit_sign(pkey, algorithm, input, signature);
    struct numbers numbers;
    numbers_of(pkey, &numbers);
    numbers.parts.takes_kubernetes_id = true;
    (void)jose_key_unref(make(&numbers.parts)); /* OpenSSL loads what it needs once */
    for (size_t flip = 0; flip < 2; flip++) {
        signature[len - 1] ^= (unsigned char)flip;
        bool is_reached = false;
        size_t nth = 1;
        do {
            struct jose_key *key = NULL;
            const char *expected = NULL;
            alloc_fail_arm(nth++);
            enum status status = jose_key_new(&numbers.parts, &key, &expected);
            const bool is_made = status == ST_OK;
            if (is_made) {
                status = jose_key_verify(key, algorithm, input,
                                         (struct span){ (const char *)signature, len });
            }
            is_reached = alloc_fail_disarm();
            const enum status want = flip ? ST_SIGNATURE_INVALID : ST_OK;
            if (status != want && (!is_reached || status_fault(status) != FAULT_SELF)) {
                fail_msg("%s, allocation %zu: %s %s", jws_algorithm_traits(algorithm)->name.at,
                         nth - 1, status_label(status), is_made ? "" : expected);
            }
            key = jose_key_unref(key);
        } while (is_reached);
        print_message("# %s: %zu allocations\n", jws_algorithm_traits(algorithm)->name.at, nth - 2);
    }
    EVP_PKEY_free(pkey);
}

/* Without memory there is no yes and no no: a no would be remembered. */
static void test_jose_key_without_memory(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    try_out_of_memory(JWS_RS256);
    try_out_of_memory(JWS_PS384);
    try_out_of_memory(JWS_ES256);
    try_out_of_memory(JWS_ES384);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jose_key_new_rsa_size_rows),
        cmocka_unit_test(test_jose_key_new_point_rows),
        cmocka_unit_test(test_jose_key_new_pins_an_algorithm_that_fits),
        cmocka_unit_test(test_jose_key_verify_each_algorithm),
        cmocka_unit_test(test_jose_key_verify_halves_of_another_length_are_refused),
        cmocka_unit_test(test_jose_key_verify_pss_salt_and_mask),
        cmocka_unit_test(test_jose_key_thumbprint_known_answer),
        cmocka_unit_test(test_jose_key_kubernetes_id_vectors),
        cmocka_unit_test(test_jose_key_verify_by_many_threads),
        cmocka_unit_test(test_jose_key_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
