/* SPDX-License-Identifier: Apache-2.0 */
/* Which proxy: each form of an entry in NO_PROXY with what it matches and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/http/proxy.h"

static const struct {
    const char *no_proxy;
    const char *host;
    const char *port;
    bool direct;
} rows[] = {
    { NULL, "api.example", "443", false },
    { "", "api.example", "443", false },
    { " , ,", "api.example", "443", false },
    { "*", "api.example", "443", true },
    { "*", "10.0.0.1", "443", true },
    /* never through a proxy */
    { NULL, "localhost", "443", true },
    { NULL, "LOCALHOST", "443", true },
    { NULL, "127.0.0.1", "443", true },
    { NULL, "127.9.9.9", "443", true },
    { NULL, "128.0.0.1", "443", false },
    { NULL, "[::1]", "443", true },
    { NULL, "[::2]", "443", false },
    { NULL, "[::ffff:127.0.0.1]", "443", true },
    { NULL, "localhost.example", "443", false },
    /* names */
    { "api.example", "api.example", "443", true },
    { "api.example", "API.Example", "443", true },
    { "api.example", "a.api.example", "443", true },
    { "api.example", "myapi.example", "443", false },
    { "api.example", "api.example.test", "443", false },
    { ".example", "api.example", "443", true },
    { ".example", "example", "443", false },
    { "*.example", "api.example", "443", true },
    { "*.example", "example", "443", false },
    { "other, api.example\t,more", "api.example", "443", true },
    { "api.example:443", "api.example", "443", true },
    { "api.example:443", "api.example", "6443", false },
    { "api.example:", "api.example", "443", false },
    { "0.0.1", "10.0.0.1", "443", false },
    /* addresses */
    { "10.0.0.1", "10.0.0.1", "443", true },
    { "10.0.0.1", "10.0.0.2", "443", false },
    { "10.0.0.1", "10.0.0.1.example", "443", false },
    { "10.0.0.1:443", "10.0.0.1", "443", true },
    { "10.0.0.1:443", "10.0.0.1", "6443", false },
    { "2001:db8::1", "[2001:db8::1]", "443", true },
    { "2001:DB8:0::1", "[2001:db8::1]", "443", true },
    { "2001:db8::1", "[2001:db8::2]", "443", false },
    { "[2001:db8::1]", "[2001:db8::1]", "443", true },
    { "[2001:db8::1]:443", "[2001:db8::1]", "443", true },
    { "[2001:db8::1]:443", "[2001:db8::1]", "6443", false },
    /* networks */
    { "10.0.0.0/8", "10.255.0.1", "443", true },
    { "10.0.0.0/8", "11.0.0.1", "443", false },
    { "10.1.0.0/15", "10.0.0.1", "443", true },
    { "10.2.0.0/15", "10.1.255.255", "443", false },
    { "10.0.0.1/32", "10.0.0.1", "443", true },
    { "10.0.0.1/32", "10.0.0.0", "443", false },
    { "0.0.0.0/0", "10.0.0.1", "443", true },
    { "0.0.0.0/0", "[2001:db8::1]", "443", false },
    { "2001:db8::/32", "[2001:db8:1::1]", "443", true },
    { "2001:db8::/32", "[2001:db9::1]", "443", false },
    { "::/0", "[2001:db8::1]", "443", true },
    { "10.0.0.0/8", "api.example", "443", false },
    { "10.0.0.0/33", "10.0.0.0", "443", false },
    { "10.0.0.0/", "10.0.0.0", "443", false },
    { "10.0.0.0/x", "10.0.0.0", "443", false },
    { "10.0.0.0/9999", "10.0.0.0", "443", false },
    { "10.0.0/8", "10.0.0.0", "443", false },
    { "/8", "10.0.0.0", "443", false },
};

static void test_http_proxy_choose_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct http_proxy_rules rules = {
            .https_proxy = "http://secure.test",
            .http_proxy = "http://plain.test",
            .no_proxy = rows[i].no_proxy,
        };
        print_message("# %s: %s:%s\n", rows[i].no_proxy ? rows[i].no_proxy : "(unset)",
                      rows[i].host, rows[i].port);
        assert_string_equal(http_proxy_choose(&rules, true, rows[i].host, rows[i].port),
                            rows[i].direct ? "" : "http://secure.test");
        assert_string_equal(http_proxy_choose(&rules, false, rows[i].host, rows[i].port),
                            rows[i].direct ? "" : "http://plain.test");
    }
}

static void test_http_proxy_choose_without_one_is_direct(void **state)
{
    (void)state;
    const struct http_proxy_rules none = { 0 };
    const struct http_proxy_rules plain = { .http_proxy = "http://plain.test" };
    assert_string_equal(http_proxy_choose(&none, true, "api.example", "443"), "");
    assert_string_equal(http_proxy_choose(&plain, true, "api.example", "443"), "");
    assert_string_equal(http_proxy_choose(&plain, false, "api.example", "80"), "http://plain.test");
}

static void test_http_proxy_environment_prefers_upper_case(void **state)
{
    (void)state;
    static const char *const names[] = { "HTTPS_PROXY", "https_proxy", "HTTP_PROXY",
                                         "http_proxy",  "NO_PROXY",    "no_proxy" };
    for (size_t i = 0; i < COUNTOF(names); i++) {
        assert_int_equal(unsetenv(names[i]), 0);
    }
    struct http_proxy_rules rules = http_proxy_environment();
    assert_null(rules.https_proxy);
    assert_null(rules.http_proxy);
    assert_null(rules.no_proxy);
    for (size_t i = 0; i < COUNTOF(names); i++) {
        assert_int_equal(setenv(names[i], names[i], 1), 0);
    }
    rules = http_proxy_environment();
    assert_string_equal(rules.https_proxy, "HTTPS_PROXY");
    assert_string_equal(rules.http_proxy, "HTTP_PROXY");
    assert_string_equal(rules.no_proxy, "NO_PROXY");
    for (size_t i = 0; i < COUNTOF(names); i += 2) {
        assert_int_equal(setenv(names[i], "", 1), 0);
    }
    rules = http_proxy_environment();
    assert_string_equal(rules.https_proxy, "https_proxy");
    assert_string_equal(rules.http_proxy, "http_proxy");
    assert_string_equal(rules.no_proxy, "no_proxy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_proxy_choose_rows),
        cmocka_unit_test(test_http_proxy_choose_without_one_is_direct),
        cmocka_unit_test(test_http_proxy_environment_prefers_upper_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
