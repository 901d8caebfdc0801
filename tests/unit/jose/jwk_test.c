/* SPDX-License-Identifier: Apache-2.0 */
/* One JWK: which is a key, which is left out in silence, which cannot be used. TEST-ONLY keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "jose/jwk.h"
#include "support/jose_kit.h"

#define TEXT_MAX 4096

/* Of Kubernetes' own tests: public keys, nobody has the private ones. */
#define N                                                                                         \
    "249XwEo9k4tM8fMxV7zxOhcrP-WvXn917koM5Qr2ZXs4vo26e4ytdlrV0bQ9SlcLpQVSYjIxNfhTZdDt-ecIzshKuv1" \
    "gKIxbbLQMOuK1eA_4HALyEkFgmS_tleLJrhc65tKPMGD-pKQ_xhmzRuCG51RoiMgbQxaCyYxGfNLpLAZK9L0Tctv9a0" \
    "mJmGIYnIOQM4kC1A1I1n3EsXMWmeJUj7OTh_AjjCnMnkgvKT2tpKxYQ59PgDgU8Ssc7RDSmSkLxnrv-OrN80j6xrw0O" \
    "jEiB4Ycr0PqfzZcvy8efTtFQ_Jnc4Bp1zUtFXt7-QeevePtQ2EcyELXE0i63T1CujRMWw"
#define X "H6cuzP8XuD5wal6wf9M6xDljTOPLX2i8uIp_C_ASqiI"
#define Y "BlHnikLV9PyEd6gl8k4T_3Wwoh6xd79XLoQTh2PAi1Y"

#define RSA "\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQAB\""
#define EC  "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\""

static const struct {
    const char *name;
    const char *text;
    enum status want;
    const char *expected; /* part of it; NULL: a key, or silence */
} rows[] = {
    { "RSA", "{" RSA "}", ST_OK, NULL },
    { "EC", "{" EC "}", ST_OK, NULL },
    { "for signatures", "{\"use\":\"sig\"," RSA "}", ST_OK, NULL },
    { "to verify", "{\"key_ops\":[\"verify\"]," RSA "}", ST_OK, NULL },
    { "to verify, among others", "{\"key_ops\":[\"encrypt\",\"verify\",\"x\"]," EC "}", ST_OK,
      NULL },
    { "with an algorithm", "{\"alg\":\"PS384\"," RSA "}", ST_OK, NULL },
    { "with what is ignored",
      "{\"x5c\":[\"AA==\"],\"x5t\":1,\"nbf\":5,\"issuer\":{\"a\":1,\"a\":2}," RSA "}", ST_OK,
      NULL },
    { "members of the other kind do not matter", "{\"crv\":\"P-1\",\"x\":\"AA\"," RSA "}", ST_OK,
      NULL },
    { "null is absent",
      "{\"use\":null,\"alg\":null,\"kid\":null,\"key_ops\":null,\"x\":null," RSA "}", ST_OK, NULL },

    { "for encryption", "{\"use\":\"enc\"," RSA "}", ST_NOT_FOUND, NULL },
    { "for encryption, as Keycloak has it", "{\"use\":\"enc\",\"alg\":\"RSA-OAEP\"," RSA "}",
      ST_NOT_FOUND, NULL },
    { "an unknown use", "{\"use\":\"SIG\"," RSA "}", ST_NOT_FOUND, NULL },
    { "for encryption, and no key at all", "{\"use\":\"enc\",\"n\":5}", ST_NOT_FOUND, NULL },
    { "not to verify", "{\"key_ops\":[\"encrypt\"]," RSA "}", ST_NOT_FOUND, NULL },
    { "to sign", "{\"use\":\"sig\",\"key_ops\":[\"sign\"]," RSA "}", ST_NOT_FOUND, NULL },
    { "for nothing", "{\"key_ops\":[]," RSA "}", ST_NOT_FOUND, NULL },

    { "no object", "5", ST_TYPE, "an object" },
    { "null", "null", ST_TYPE, "an object" },
    { "an empty object", "{}", ST_UNSUPPORTED, "a key of RSA, P-256" },
    { "symmetric", "{\"kty\":\"oct\",\"k\":\"AAAA\"}", ST_INVALID, "not a private or symmetric" },
    { "Ed25519", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", ST_UNSUPPORTED,
      "a key of RSA, P-256" },
    { "of no kind", "{\"n\":\"" N "\",\"e\":\"AQAB\"}", ST_UNSUPPORTED, "a key of RSA, P-256" },
    { "kty in another case", "{\"kty\":\"rsa\",\"n\":\"" N "\",\"e\":\"AQAB\"}", ST_UNSUPPORTED,
      "a key of RSA, P-256" },
    { "a curve of others", "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X "\",\"y\":\"" Y "\"}",
      ST_UNSUPPORTED, "a key of RSA, P-256" },
    { "no curve", "{\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\"}", ST_UNSUPPORTED,
      "a key of RSA, P-256" },
    { "private, RSA", "{\"d\":\"AAAA\"," RSA "}", ST_INVALID, "not a private or symmetric" },
    { "private, by a prime", "{\"p\":\"AAAA\"," RSA "}", ST_INVALID, "not a private or symmetric" },
    { "private, EC", "{\"d\":\"AAAA\"," EC "}", ST_INVALID, "not a private or symmetric" },
    { "an unknown algorithm", "{\"alg\":\"ES521\"," EC "}", ST_UNSUPPORTED, "as alg" },
    { "an algorithm of encryption", "{\"alg\":\"RSA-OAEP\"," RSA "}", ST_UNSUPPORTED, "as alg" },
    { "an algorithm of HMAC", "{\"alg\":\"HS256\"," RSA "}", ST_UNSUPPORTED, "as alg" },
    { "an algorithm of the other kind", "{\"alg\":\"ES256\"," RSA "}", ST_INVALID, "that fits" },
    { "an algorithm of another curve", "{\"alg\":\"ES384\"," EC "}", ST_INVALID, "that fits" },
    { "a member twice", "{\"kid\":\"a\"," RSA ",\"kid\":\"a\"}", ST_DUPLICATE, "each member once" },
    { "an unknown member twice", "{\"a\":1," RSA ",\"a\":1}", ST_DUPLICATE, "each member once" },
    { "use as a number", "{\"use\":1," RSA "}", ST_TYPE, "texts for kty" },
    { "kid as a list", "{\"kid\":[\"a\"]," RSA "}", ST_TYPE, "texts for kty" },
    { "n as an object", "{\"kty\":\"RSA\",\"n\":{\"n\":1},\"e\":\"AQAB\"}", ST_TYPE,
      "texts for kty" },
    { "key_ops as a text", "{\"key_ops\":\"verify\"," RSA "}", ST_NOT_FOUND, NULL },
    { "key_ops with a number", "{\"key_ops\":[\"verify\",1]," RSA "}", ST_TYPE, "list of texts" },
    { "padding", "{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQAB==\"}", ST_INVALID, "base64url" },
    { "base64", "{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"A+AB\"}", ST_INVALID, "base64url" },
    { "no modulus", "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", ST_INVALID, "2048 to 8192 bits" },
    { "no exponent", "{\"kty\":\"RSA\",\"n\":\"" N "\"}", ST_INVALID, "an odd exponent" },
    { "an exponent of 1", "{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQ\"}", ST_INVALID,
      "an odd exponent" },
    { "a point off the curve", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" X "\"}",
      ST_INVALID, "a point on the curve" },
    { "a short point", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"AAAA\"}",
      ST_INVALID, "as long as the field" },
};

/* Read as one of a list, with something behind it: whatever is wrong with a key, what follows it is
 * read. */
static void test_jwk_read_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char text[TEXT_MAX];
        const int len = snprintf(text, sizeof(text), "[%s,\"behind\"]", rows[i].text);
        struct json_scan scan;
        struct jose_key *key = NULL;
        const char *expected = NULL;
        struct span behind = { 0 };
        json_scan_begin(&scan, text, (size_t)len);
        assert_true(json_scan_array(&scan) && json_scan_element(&scan));
        const enum status status = jwk_read(&scan, &key, &expected);
        if (status != rows[i].want || (status == ST_OK) != (key != NULL) ||
            (rows[i].expected != NULL) != (expected != NULL) ||
            (expected && !strstr(expected, rows[i].expected))) {
            fail_msg("%s: status %s, expected %s", rows[i].name, status_label(status), expected);
        }
        assert_true(json_scan_element(&scan) && json_scan_string(&scan, &behind));
        assert_true(span_equal(behind, SPAN_LITERAL("behind")) && !json_scan_element(&scan));
        assert_int_equal(json_scan_end(&scan), ST_OK);
        (void)jose_key_unref(key);
    }
}

static void test_jwk_read_what_is_no_json_fails_the_scan(void **state)
{
    (void)state;
    const char *const texts[] = { "",
                                  "{",
                                  "{\"kty\":\"RSA\"",
                                  "{\"kty\":}",
                                  "{\"n\":\"\\x\"}",
                                  "{\"key_ops\":[1,}",
                                  "{\"use\":nul}",
                                  "nul" };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        char text[TEXT_MAX];
        (void)snprintf(text, sizeof(text), "%s", texts[i]);
        struct json_scan scan;
        struct jose_key *key = NULL;
        const char *expected = NULL;
        json_scan_begin(&scan, text, strlen(texts[i]));
        assert_int_equal(jwk_read(&scan, &key, &expected), ST_SYNTAX);
        assert_int_equal(json_scan_end(&scan), ST_SYNTAX);
        assert_null(key);
    }
}

static struct jose_key *read_one(const char *one)
{
    char text[TEXT_MAX];
    struct json_scan scan;
    struct jose_key *key = NULL;
    const char *expected = NULL;
    json_scan_begin(&scan, text, (size_t)snprintf(text, sizeof(text), "%s", one));
    assert_int_equal(jwk_read(&scan, &key, &expected), ST_OK);
    return key;
}

static void test_jwk_read_takes_kid_and_alg(void **state)
{
    (void)state;
    struct jose_key *key = read_one("{\"kid\":\"a\\u0000b\",\"alg\":\"PS384\"," RSA "}");
    assert_true(span_equal(jose_key_id(key), SPAN_LITERAL("a\0b")));
    assert_true(jose_key_may_verify(key, JWS_PS384));
    assert_false(jose_key_may_verify(key, JWS_RS256));
    key = jose_key_unref(key);
    key = read_one("{" RSA "}");
    assert_int_equal(jose_key_id(key).len, 0);
    assert_true(jose_key_may_verify(key, JWS_PS384));
    assert_true(jose_key_may_verify(key, JWS_RS256));
    assert_false(jose_key_may_verify(key, JWS_ES256));
    (void)jose_key_unref(key);
}

static void test_jwk_read_made_keys_verify(void **state)
{
    (void)state;
    for (enum jws_algorithm algorithm = JWS_RS256; algorithm < JWS_ALGORITHM_COUNT_; algorithm++) {
        EVP_PKEY *const pkey = jose_kit_for(algorithm);
        char *const jwk = jose_kit_jwk(pkey, "\"use\":\"sig\",");
        struct jose_key *const key = read_one(jwk);
        unsigned char signature[JOSE_KIT_SIGNATURE_MAX];
        const size_t len = jose_kit_sign(pkey, algorithm, SPAN_LITERAL("a.b"), signature);
        assert_int_equal(jose_key_verify(key, algorithm, SPAN_LITERAL("a.b"),
                                         (struct span){ (const char *)signature, len }),
                         ST_OK);
        (void)jose_key_unref(key);
        free(jwk);
        EVP_PKEY_free(pkey);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jwk_read_rows),
        cmocka_unit_test(test_jwk_read_what_is_no_json_fails_the_scan),
        cmocka_unit_test(test_jwk_read_takes_kid_and_alg),
        cmocka_unit_test(test_jwk_read_made_keys_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
