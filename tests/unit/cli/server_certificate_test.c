/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate beside the host that is asked for. The rules themselves: server/tls/host_test.c
 * and judge_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cli/server_certificate.h"
#include "support/certificate_kit.h"

#define NOW_SEC 1800000000

static const struct {
    const char *name;
    struct certificate_kit kit;
    const char *host;
    const char *want; /* how the text begins; NULL: good */
} rows[] = {
    { "good",
      { .dn = "CN=x", .names = { "DNS:localhost" }, .not_after_sec = NOW_SEC },
      "localhost",
      NULL },
    { "another host",
      { .dn = "CN=x", .names = { "DNS:localhost" }, .not_after_sec = NOW_SEC },
      "h",
      "the certificate does not cover h; kube-apiserver says \"x509: certificate is valid for "
      "localhost, not h\"" },
    { "a common name",
      { .dn = "CN=localhost", .not_after_sec = NOW_SEC },
      "localhost",
      "the certificate does not cover localhost; kube-apiserver says \"x509: certificate relies on "
      "legacy Common Name field, use SANs instead\"" },
    { "the host, and a flaw",
      { .dn = "CN=x", .names = { "DNS:localhost" }, .not_after_sec = NOW_SEC - 1 },
      "localhost",
      "the certificate expired at " },
};

static void test_server_certificate_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct certificate_kit kit = rows[i].kit;
        struct problem problem = { 0 };
        print_message("# row: %s\n", rows[i].name);
        certificate_kit_issue(&kit, NULL);
        assert_int_equal(
            server_certificate_is_good(&kit.certificate, 1, rows[i].host, NOW_SEC, &problem),
            !rows[i].want);
        const char *want = rows[i].want ? rows[i].want : "";
        assert_true(strncmp(problem.text, want, strlen(want)) == 0);
        assert_int_equal(problem.text[0] == '\0', !rows[i].want);
        certificate_kit_free(&kit);
    }
}

/* What hangs on the CA is not said: who asked has verified by one. */
static void test_server_certificate_what_hangs_on_the_ca_is_good(void **state)
{
    (void)state;
    struct certificate_kit ca = { .dn = "CN=ca", .is_ca = true, .not_after_sec = 1 };
    struct certificate_kit leaf = { .dn = "CN=x", .names = { "DNS:h" }, .not_after_sec = NOW_SEC };
    struct problem problem = { 0 };
    certificate_kit_issue(&ca, NULL);
    certificate_kit_issue(&leaf, &ca);
    const gnutls_x509_crt_t chain[] = { leaf.certificate, ca.certificate };
    assert_true(server_certificate_is_good(chain, 2, "h", NOW_SEC, &problem));
    certificate_kit_free(&leaf);
    certificate_kit_free(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_certificate_rows),
        cmocka_unit_test(test_server_certificate_what_hangs_on_the_ca_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
