/* SPDX-License-Identifier: Apache-2.0 */
/* What texts of the operator may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/operator_text.h"

static void test_operator_text_is_plain_rows(void **state)
{
    (void)state;
    static char longest[OPERATOR_TEXT_MAX + 1];
    memset(longest, 'a', sizeof(longest));
    assert_true(operator_text_is_plain(SPAN_LITERAL("")));
    assert_true(operator_text_is_plain(SPAN_LITERAL("/a b/\xc3\xa9")));
    assert_true(operator_text_is_plain((struct span){ longest, OPERATOR_TEXT_MAX }));
    assert_false(operator_text_is_plain((struct span){ longest, OPERATOR_TEXT_MAX + 1 }));
    assert_false(operator_text_is_plain(SPAN_LITERAL("a\nb")));
    assert_false(operator_text_is_plain(SPAN_LITERAL("a\0b")));
    assert_false(operator_text_is_plain(SPAN_LITERAL("a\x7f")));
}

static const struct {
    const char *text;
    enum status with_query; /* where a query is allowed */
    enum status without;
} urls[] = {
    { "https://h", ST_OK, ST_OK },
    { "HTTPS://h/keys", ST_OK, ST_OK },
    { "https://h:8443/a/b.json", ST_OK, ST_OK },
    { "https://[::1]:6443/openid/v1/jwks", ST_OK, ST_OK },
    { "https://h/keys?policy=x", ST_OK, ST_INVALID },
    { "https://h/keys#x", ST_INVALID, ST_INVALID },
    { "https://user@h/", ST_INVALID, ST_INVALID },
    { "https://user:password@h/", ST_INVALID, ST_INVALID }, /* TEST-ONLY */
    { "https://h:65536/", ST_INVALID, ST_INVALID },
    { "https://h h/", ST_INVALID, ST_INVALID },
    { "https://", ST_INVALID, ST_INVALID },
    { "https:///h", ST_INVALID, ST_INVALID },
    { "https:/h", ST_INVALID, ST_INVALID },
    { "http://h/", ST_INVALID, ST_INVALID },
    { "file:///etc/keys", ST_INVALID, ST_INVALID },
    { "h/keys", ST_INVALID, ST_INVALID },
    { "", ST_INVALID, ST_INVALID },
};

static void test_operator_text_check_https_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(urls); i++) {
        print_message("# %s\n", urls[i].text);
        assert_int_equal(operator_text_check_https(urls[i].text, true), urls[i].with_query);
        assert_int_equal(operator_text_check_https(urls[i].text, false), urls[i].without);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operator_text_is_plain_rows),
        cmocka_unit_test(test_operator_text_check_https_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
