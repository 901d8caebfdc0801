/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "io/http/url.h"
#include "support/alloc_fail.h"

static const struct {
    const char *url;
    enum status want;
    const char *text;
} check_rows[] = {
    { "https://idp.test", ST_OK, "" },
    { "https://idp.test:8443/realms/a/?x=%20", ST_OK, "" },
    { "https://[::1]/keys", ST_OK, "" },
    { "HTTPS://idp.test/", ST_OK, "" },
    { "", ST_INVALID, "x: expected https:// and a host, without a user" },
    { "idp.test/keys", ST_INVALID, "x: expected https:// and a host, without a user" },
    { "/keys", ST_INVALID, "x: expected https:// and a host, without a user" },
    { "https://", ST_INVALID, "x: expected https:// and a host, without a user" },
    { "https://user@idp.test/", ST_INVALID, "x: expected https:// and a host, without a user" },
    { "https://user:secret@idp.test/", ST_INVALID,
      "x: expected https:// and a host, without a user" },
    { "http://idp.test/", ST_INVALID, "x: expected https://, found http://" },
    { "ftp://idp.test/", ST_INVALID, "x: expected https://, found another scheme" },
    { "file:///etc/passwd", ST_INVALID, "x: expected https://, found another scheme" },
    { "gopher2://idp.test/", ST_INVALID, "x: expected https:// and a host, without a user" },
    { "https:/idp.test/", ST_INVALID, "x: expected https:// and a host" },
    { "https:/..//idp.test/", ST_INVALID, "x: expected https:// and a host" },
    { "https:///idp.test/", ST_INVALID, "x: expected https:// and a host" },
    { "https://idp.test/#a", ST_INVALID, "x: expected no fragment" },
    { "https://idp.test/a b", ST_INVALID, "x: expected visible ASCII characters" },
    { "https://idp.test/\r\nx", ST_INVALID, "x: expected visible ASCII characters" },
    { "https://idp.test/\xc3\xa4", ST_INVALID, "x: expected visible ASCII characters" },
};

static void test_http_url_check_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(check_rows); i++) {
        struct problem problem = { 0 };
        const enum status status = http_url_check(span_of(check_rows[i].url), "x", &problem);
        if (status != check_rows[i].want || strcmp(problem.text, check_rows[i].text) != 0) {
            fail_msg("%s: %s, %s", check_rows[i].url, status_label(status), problem.text);
        }
    }
}

static void test_http_url_check_nul_inside_is_refused(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    assert_int_equal(http_url_check(SPAN_LITERAL("https://idp.test/\0x"), "x", &problem),
                     ST_INVALID);
}

static void test_http_url_check_length(void **state)
{
    (void)state;
    char url[HTTP_URL_MAX + 2] = "https://idp.test/";
    struct problem problem = { 0 };
    memset(url + strlen(url), 'a', sizeof(url) - 1 - strlen(url));
    assert_int_equal(http_url_check((struct span){ url, HTTP_URL_MAX }, "x", &problem), ST_OK);
    assert_int_equal(http_url_check((struct span){ url, HTTP_URL_MAX + 1 }, "x", &problem),
                     ST_LIMIT);
    assert_string_equal(problem.text, "x: expected at most 2048 bytes");
}

static const struct {
    const char *base;
    const char *location;
    const char *want; /* NULL: refused */
} resolve_rows[] = {
    { "https://idp.test/a/b?c", "https://other.test/keys", "https://other.test/keys" },
    { "https://idp.test/a/b?c", "d?e", "https://idp.test/a/d?e" },
    { "https://idp.test:8443/a/b", "/d", "https://idp.test:8443/d" },
    { "https://idp.test/a/b", "../d", "https://idp.test/d" },
    { "https://idp.test/a", "//other.test/d", "https://other.test/d" },
    { "https://idp.test/a", "https://other.test/d#e", "https://other.test/d" },
    { "http://idp.test/a", "https://idp.test/a", "https://idp.test/a" },
    { "https://idp.test/a", "http://idp.test/a", NULL },
    { "http://idp.test/a", "/a", NULL },
    { "https://idp.test/a", "ftp://idp.test/a", NULL },
    { "https://idp.test/a", "https://user:secret@idp.test/a", NULL },
    { "https://idp.test/a", "//user@idp.test/a", NULL },
    { "https://idp.test/a", "https://", NULL },
    { "https://idp.test/a", "/a b", NULL },
    { "https://idp.test/a", "/a\nb", NULL },
};

static void test_http_url_resolve_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(resolve_rows); i++) {
        struct problem problem = { 0 };
        char *url = NULL;
        const enum status status = http_url_resolve(
            resolve_rows[i].base, span_of(resolve_rows[i].location), &url, &problem);
        const char *const want = resolve_rows[i].want;
        if ((status == ST_OK) != (want != NULL) || (want && strcmp(url, want) != 0)) {
            fail_msg("%s: %s, %s", resolve_rows[i].location, status_label(status),
                     url ? url : problem.text);
        }
        assert_true(want || problem.text[0]);
        free(url);
    }
}

static void test_http_url_without_memory(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    size_t nth = 1;
    bool is_reached = true;
    while (is_reached) {
        struct problem problem = { 0 };
        char *url = NULL;
        alloc_fail_arm(nth++);
        const enum status status =
            http_url_resolve("https://idp.test/a", SPAN_LITERAL("/b#c"), &url, &problem);
        is_reached = alloc_fail_disarm();
        assert_int_equal(status, is_reached ? ST_NOMEM : ST_OK);
        free(url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_url_check_rows),
        cmocka_unit_test(test_http_url_check_nul_inside_is_refused),
        cmocka_unit_test(test_http_url_check_length),
        cmocka_unit_test(test_http_url_resolve_rows),
        cmocka_unit_test(test_http_url_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
