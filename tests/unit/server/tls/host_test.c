/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a certificate covers a host, and what Go says if not: each row was put to
 * VerifyHostname() of Go 1.26. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "server/tls/host.h"
#include "support/certificate_kit.h"

/* clang-format off */
static const struct {
    const char *name;
    const char *dn; /* NULL: CN=kube-bearer */
    const char *names[CERTIFICATE_KIT_LIST_MAX];
    const char *host;
    const char *says; /* "": covered */
} rows[] = {
    { "a name", NULL, { "DNS:a.example", "DNS:localhost" }, "localhost", "" },
    { "a name in other case", NULL, { "DNS:LocalHost" }, "lOCALhOST", "" },
    { "a dot at the end", NULL, { "DNS:localhost" }, "localhost.", "" },
    { "an address", NULL, { "IP:127.0.0.1" }, "127.0.0.1", "" },
    { "an address of IPv6", NULL, { "IP:::1" }, "::1", "" },
    { "in brackets", NULL, { "IP:::1" }, "[::1]", "" },
    { "written otherwise", NULL, { "IP:2001:db8::1" }, "2001:DB8:0::0:1", "" },
    { "IPv4 as IPv6", NULL, { "IP:127.0.0.1" }, "::ffff:127.0.0.1", "" },
    { "a wildcard", NULL, { "DNS:*.example" }, "a.example", "" },
    { "a wildcard is for one label", NULL, { "DNS:*.example" }, "b.a.example", "x509: certificate is valid for *.example, not b.a.example" },
    { "a wildcard is for a label", NULL, { "DNS:*.example" }, "example", "x509: certificate is valid for *.example, not example" },
    { "a wildcard is a whole label", NULL, { "DNS:a*.example" }, "ab.example", "x509: certificate is valid for a*.example, not ab.example" },
    { "a wildcard alone", NULL, { "DNS:*" }, "localhost", "x509: certificate is valid for *, not localhost" },
    { "a wildcard in the middle", NULL, { "DNS:a.*.example" }, "a.b.example", "x509: certificate is valid for a.*.example, not a.b.example" },
    { "what is no host name must be equal", NULL, { "DNS:a b" }, "A B", "" },
    { "and a dot counts then", NULL, { "DNS:a b" }, "a b.", "x509: certificate is valid for a b, not a b." },
    { "two wildcards", NULL, { "DNS:*.*.example" }, "a.b.example", "x509: certificate is valid for *.*.example, not a.b.example" },
    { "a wildcard before what is no host name", NULL, { "DNS:*.a b" }, "x.a b", "x509: certificate is valid for *.a b, not x.a b" },
    { "a dot at its own end", NULL, { "DNS:localhost." }, "localhost", "x509: certificate is valid for localhost., not localhost" },
    { "a dot at both ends", NULL, { "DNS:localhost." }, "localhost.", "" },
    { "other names", NULL, { "DNS:a.example", "DNS:b.example" }, "localhost", "x509: certificate is valid for a.example, b.example, not localhost" },
    { "a part of a name", NULL, { "DNS:a.example" }, "a.exampl", "x509: certificate is valid for a.example, not a.exampl" },
    { "other addresses", NULL, { "IP:10.0.0.1", "IP:::1", "DNS:localhost" }, "127.0.0.1",
      "x509: certificate is valid for 10.0.0.1, ::1, not 127.0.0.1" },
    { "an address as a name", NULL, { "DNS:127.0.0.1" }, "127.0.0.1",
      "x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs" },
    { "an address for a name", NULL, { "IP:127.0.0.1" }, "localhost",
      "x509: certificate is not valid for any names, but wanted to match localhost" },
    { "a common name", "CN=localhost", { NULL }, "localhost", "x509: certificate relies on legacy Common Name field, use SANs instead" },
    { "a common name that is an address", "CN=127.0.0.1", { NULL }, "127.0.0.1",
      "x509: certificate relies on legacy Common Name field, use SANs instead" },
    { "another common name", NULL, { NULL }, "127.0.0.1",
      "x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs" },
    { "a common name beside a mail address", "CN=localhost", { "MAIL:a@b.c" }, "localhost",
      "x509: certificate is not valid for any names, but wanted to match localhost" },
};
/* clang-format on */

static void test_tls_host_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char says[TLS_HOST_SAYS_MAX];
        struct certificate_kit kit = { .dn = rows[i].dn ? rows[i].dn : "CN=kube-bearer",
                                       .not_after_sec = 1 };
        memcpy(kit.names, rows[i].names, sizeof(kit.names));
        print_message("# row: %s\n", rows[i].name);
        certificate_kit_issue(&kit, NULL);
        assert_int_equal(tls_host_is_covered(kit.certificate, rows[i].host, says),
                         rows[i].says[0] == '\0');
        assert_string_equal(says, rows[i].says);
        certificate_kit_free(&kit);
    }
}

/* A name with a NUL is not the name before it, which a CA of somebody else may have vouched for. */
static void test_tls_host_nul_in_a_name_ends_nothing(void **state)
{
    (void)state;
    char says[TLS_HOST_SAYS_MAX];
    struct certificate_kit kit = { .dn = "CN=x", .names = { "DNS:localhostX.example" } };
    certificate_kit_issue(&kit, NULL);
    gnutls_datum_t der = { 0 };
    assert_int_equal(gnutls_x509_crt_export2(kit.certificate, GNUTLS_X509_FMT_DER, &der), 0);
    unsigned char *name = memmem(der.data, der.size, "localhostX", 10);
    assert_non_null(name);
    name[9] = '\0';
    gnutls_x509_crt_deinit(kit.certificate);
    assert_int_equal(gnutls_x509_crt_init(&kit.certificate), 0);
    assert_int_equal(gnutls_x509_crt_import(kit.certificate, &der, GNUTLS_X509_FMT_DER), 0);
    gnutls_free(der.data);
    assert_false(tls_host_is_covered(kit.certificate, "localhost", says));
    certificate_kit_free(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_host_rows),
        cmocka_unit_test(test_tls_host_nul_in_a_name_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
