/* SPDX-License-Identifier: Apache-2.0 */
/* TLS versions and suites: GnuTLS must take every priority string that we build, and it must mean
 * what was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/tls/policy.h"

static bool has_protocol(gnutls_priority_t priority, unsigned wanted)
{
    const unsigned *list = NULL;
    const int count = gnutls_priority_protocol_list(priority, &list);
    for (int i = 0; i < count; i++) {
        if (list[i] == wanted) {
            return true;
        }
    }
    return false;
}

static const struct {
    const char *name;
    enum tls_min_version min_version;
    const char *suites[2];
    size_t count;
    bool tls12;
} rows[] = {
    { "defaults", TLS_MIN_VERSION_12, { NULL }, 0, true },
    { "1.3 only", TLS_MIN_VERSION_13, { NULL }, 0, false },
    { "a suite of 1.2",
      TLS_MIN_VERSION_12,
      { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
      1,
      true },
    { "a suite of 1.2 does not lower the minimum",
      TLS_MIN_VERSION_13,
      { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
      1,
      false },
    { "only suites of 1.3 leave 1.2 without any",
      TLS_MIN_VERSION_12,
      { "TLS_AES_128_GCM_SHA256" },
      1,
      false },
};

static void test_tls_priority_build_means_what_was_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct buf buf = { 0 };
        struct problem problem = { 0 };
        gnutls_priority_t priority = NULL;
        assert_int_equal(
            tls_priority_build(&buf, rows[i].min_version, rows[i].suites, rows[i].count, &problem),
            ST_OK);
        assert_int_equal(gnutls_priority_init(&priority, buf.at, NULL), GNUTLS_E_SUCCESS);
        assert_true(has_protocol(priority, GNUTLS_TLS1_3));
        assert_int_equal(has_protocol(priority, GNUTLS_TLS1_2), rows[i].tls12);
        assert_false(has_protocol(priority, GNUTLS_TLS1_1));
        assert_false(has_protocol(priority, GNUTLS_TLS1_0));
        gnutls_priority_deinit(priority);
        buf_fini(&buf);
    }
}

static void test_tls_priority_build_offers_no_weak_cipher(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    gnutls_priority_t priority = NULL;
    assert_int_equal(tls_priority_build(&buf, TLS_MIN_VERSION_12, NULL, 0, NULL), ST_OK);
    assert_int_equal(gnutls_priority_init(&priority, buf.at, NULL), GNUTLS_E_SUCCESS);
    const unsigned *list = NULL;
    const int count = gnutls_priority_cipher_list(priority, &list);
    assert_true(count >= 3);
    for (int i = 0; i < count; i++) {
        assert_true(list[i] == GNUTLS_CIPHER_AES_128_GCM || list[i] == GNUTLS_CIPHER_AES_256_GCM ||
                    list[i] == GNUTLS_CIPHER_CHACHA20_POLY1305);
    }
    const int kx_count = gnutls_priority_kx_list(priority, &list);
    for (int i = 0; i < kx_count; i++) {
        assert_true(list[i] == GNUTLS_KX_ECDHE_ECDSA || list[i] == GNUTLS_KX_ECDHE_RSA);
    }
    gnutls_priority_deinit(priority);
    buf_fini(&buf);
}

static void test_tls_cipher_suite_insecure_names_are_refused(void **state)
{
    (void)state;
    static const char *const insecure[] = { "TLS_RSA_WITH_AES_128_CBC_SHA",
                                            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
                                            "TLS_RSA_WITH_RC4_128_SHA", "tls_aes_128_gcm_sha256",
                                            "" };
    for (size_t i = 0; i < COUNTOF(insecure); i++) {
        struct buf buf = { 0 };
        struct problem problem = { 0 };
        assert_false(tls_cipher_suite_is_known(insecure[i]));
        assert_int_equal(tls_priority_build(&buf, TLS_MIN_VERSION_12, &insecure[i], 1, &problem),
                         ST_INVALID);
        buf_fini(&buf);
    }
}

static void test_tls_cipher_suite_names_are_all_known(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    tls_cipher_suite_names(&buf);
    buf_append_char(&buf, '\0');
    assert_false(buf.failed);
    int count = 0;
    for (char *save = NULL, *name = strtok_r(buf.at, ",", &save); name;
         name = strtok_r(NULL, ",", &save)) {
        assert_true(tls_cipher_suite_is_known(name));
        count++;
    }
    assert_true(count > 8);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_priority_build_means_what_was_asked),
        cmocka_unit_test(test_tls_priority_build_offers_no_weak_cipher),
        cmocka_unit_test(test_tls_cipher_suite_insecure_names_are_refused),
        cmocka_unit_test(test_tls_cipher_suite_names_are_all_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
