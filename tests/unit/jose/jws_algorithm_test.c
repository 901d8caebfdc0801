/* SPDX-License-Identifier: Apache-2.0 */
/* Names of algorithms and curves, letter by letter, and what goes with which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "jose/jws_algorithm.h"

static const struct {
    const char *name;
    enum jws_algorithm want;
    enum jws_key_kind want_kind;
} rows[] = {
    { "RS256", JWS_RS256, JWS_KEY_RSA },
    { "RS384", JWS_RS384, JWS_KEY_RSA },
    { "RS512", JWS_RS512, JWS_KEY_RSA },
    { "PS256", JWS_PS256, JWS_KEY_RSA },
    { "PS384", JWS_PS384, JWS_KEY_RSA },
    { "PS512", JWS_PS512, JWS_KEY_RSA },
    { "ES256", JWS_ES256, JWS_KEY_P256 },
    { "ES384", JWS_ES384, JWS_KEY_P384 },
    { "ES512", JWS_ES512, JWS_KEY_P521 },
    { "", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "none", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "nOnE", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "HS256", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "HS384", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "HS512", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "EdDSA", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "ES256K", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "ES521", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "rs256", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "RS256 ", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "RS25", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
    { "RSA-OAEP", JWS_ALGORITHM_NONE, JWS_KEY_NONE },
};

static void test_jws_algorithm_from_name_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const enum jws_algorithm algorithm = jws_algorithm_from_name(span_of(rows[i].name));
        const struct jws_algorithm_traits *const traits = jws_algorithm_traits(algorithm);
        if (algorithm != rows[i].want || traits->kind != rows[i].want_kind) {
            fail_msg("%s: %d", rows[i].name, (int)algorithm);
        }
        if (algorithm != JWS_ALGORITHM_NONE) {
            assert_true(span_equal(traits->name, span_of(rows[i].name)));
            assert_non_null(traits->digest);
            assert_int_equal(traits->is_pss, rows[i].name[0] == 'P');
        }
    }
    /* a NUL does not end a name */
    assert_int_equal(jws_algorithm_from_name(SPAN_LITERAL("RS256\0")), JWS_ALGORITHM_NONE);
}

static void test_jws_key_kind_from_curve_rows(void **state)
{
    (void)state;
    assert_int_equal(jws_key_kind_from_curve(SPAN_LITERAL("P-256")), JWS_KEY_P256);
    assert_int_equal(jws_key_kind_from_curve(SPAN_LITERAL("P-384")), JWS_KEY_P384);
    assert_int_equal(jws_key_kind_from_curve(SPAN_LITERAL("P-521")), JWS_KEY_P521);
    const char *const others[] = { "", "P-224", "p-256", "secp256k1", "Ed25519", "prime256v1" };
    for (size_t i = 0; i < COUNTOF(others); i++) {
        assert_int_equal(jws_key_kind_from_curve(span_of(others[i])), JWS_KEY_NONE);
    }
    assert_int_equal(jws_key_traits(JWS_KEY_P521)->field_len, 66);
    assert_int_equal(jws_key_traits(JWS_KEY_RSA)->field_len, 0);
    assert_int_equal(jws_key_traits(JWS_KEY_NONE)->field_len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jws_algorithm_from_name_rows),
        cmocka_unit_test(test_jws_key_kind_from_curve_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
