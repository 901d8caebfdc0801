/* SPDX-License-Identifier: Apache-2.0 */
/* Names of objects and namespaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/names.h"

#define TEN   "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

static const struct {
    const char *text;
    bool is_subdomain;
    bool is_label;
} rows[] = {
    { "a", true, true },
    { "0", true, true },
    { "bootstrap-token-07401b", true, true },
    { "a.b-c.d", true, false },
    { SIXTY "123", true, true },
    { SIXTY "1234", true, false },
    { SIXTY SIXTY SIXTY SIXTY TEN "123", true, false },
    { SIXTY SIXTY SIXTY SIXTY TEN "1234", false, false },
    { "", false, false },
    { ".", false, false },
    { "..", false, false },
    { "a..b", false, false },
    { ".a", false, false },
    { "a.", false, false },
    { "-a", false, false },
    { "a-", false, false },
    { "a.-b", false, false },
    { "a-.b", false, false },
    { "A", false, false },
    { "a_b", false, false },
    { "a/b", false, false },
    { "a%2f", false, false },
    { "a b", false, false },
    { "\xc3\xa4", false, false },
};

static void test_names_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct span text = span_of(rows[i].text);
        if (name_is_dns_subdomain(text) != rows[i].is_subdomain ||
            name_is_dns_label(text) != rows[i].is_label) {
            fail_msg("\"%s\"", rows[i].text);
        }
    }
    assert_false(name_is_dns_subdomain((struct span){ .at = "a\0b", .len = 3 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
