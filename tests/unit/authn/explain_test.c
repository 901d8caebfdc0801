/* SPDX-License-Identifier: Apache-2.0 */
/* What an explain_fn hears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "authn/explain.h"

struct heard {
    size_t count;
    enum authenticator_id authenticator;
    bool passed;
    char check[64];
    char detail[EXPLAIN_DETAIL_MAX];
};

static void hear(void *ctx,
                 enum authenticator_id authenticator,
                 const char *check,
                 bool passed,
                 const char *detail)
{
    struct heard *heard = ctx;
    heard->count++;
    heard->authenticator = authenticator;
    heard->passed = passed;
    (void)snprintf(heard->check, sizeof(heard->check), "%s", check);
    (void)snprintf(heard->detail, sizeof(heard->detail), "%s", detail);
}

static void test_explain_hands_on_check_and_detail(void **state)
{
    (void)state;
    struct heard heard = { 0 };
    const struct question question = { .explain = hear, .explain_ctx = &heard };
    explain_check(&question, AUTHENTICATOR_BOOTSTRAP, "it is so", true, "%d of %s", 1, "many");
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.authenticator, AUTHENTICATOR_BOOTSTRAP);
    assert_true(heard.passed);
    assert_string_equal(heard.check, "it is so");
    assert_string_equal(heard.detail, "1 of many");
    explain_check(&question, AUTHENTICATOR_NONE, "it is so", false, "%s", "");
    assert_false(heard.passed);
    assert_string_equal(heard.detail, "");
}

static void test_explain_cuts_long_details(void **state)
{
    (void)state;
    struct heard heard = { 0 };
    const struct question question = { .explain = hear, .explain_ctx = &heard };
    explain_check(&question, AUTHENTICATOR_NONE, "long", true, "%0*d", 5000, 7);
    assert_int_equal(strlen(heard.detail), EXPLAIN_DETAIL_MAX - 1);
}

static void test_explain_without_a_listener_does_nothing(void **state)
{
    (void)state;
    struct heard heard = { 0 };
    const struct question question = { .explain_ctx = &heard };
    explain_check(&question, AUTHENTICATOR_NONE, "nobody hears", true, "%s", "");
    assert_int_equal(heard.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explain_hands_on_check_and_detail),
        cmocka_unit_test(test_explain_cuts_long_details),
        cmocka_unit_test(test_explain_without_a_listener_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
