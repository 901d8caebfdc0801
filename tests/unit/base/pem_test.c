/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two PEM texts stands in the other's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/pem.h"

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
#define KEY(kind)   "-----BEGIN " kind "PRIVATE KEY-----\nAA==\n-----END " kind "PRIVATE KEY-----\n"

static const struct {
    const char *name;
    const char *certificate;
    const char *key;
    bool want;
} rows[] = {
    { "as they should be", CERTIFICATE, KEY(""), false },
    { "swapped", KEY(""), CERTIFICATE, true },
    { "swapped, a key in an older form", "text before\n" KEY("RSA "), CERTIFICATE CERTIFICATE,
      true },
    { "swapped, an encrypted key", KEY("ENCRYPTED "), CERTIFICATE, true },
    { "both in each", CERTIFICATE KEY(""), CERTIFICATE KEY(""), false },
    { "the key twice", KEY(""), KEY(""), false },
    { "the certificate twice", CERTIFICATE, CERTIFICATE, false },
    { "a key and nothing", KEY(""), "", false },
    { "nothing and a certificate", "", CERTIFICATE, false },
    { "no PEM", "certificate", "key", false },
};

static void test_pem_pair_is_swapped_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        print_message("# row: %s\n", rows[i].name);
        assert_int_equal(pem_pair_is_swapped(span_of(rows[i].certificate), span_of(rows[i].key)),
                         rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_pem_pair_is_swapped_rows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
