/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of verdicts and decisions: they are an interface (metrics, logs), so they are spelt out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "authn/verdict.h"

static void test_verdict_labels_are_stable(void **state)
{
    (void)state;
    assert_string_equal(authenticator_label(AUTHENTICATOR_NONE), "none");
    assert_string_equal(authenticator_label(AUTHENTICATOR_BOOTSTRAP), "bootstrap");
    assert_string_equal(decision_result_label(DECISION_DENY), "deny");
    assert_string_equal(decision_result_label(DECISION_ERROR), "error");
    assert_string_equal(decision_result_label(DECISION_ALLOW), "allow");
}

static void test_verdict_label_out_of_range_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(authenticator_label(AUTHENTICATOR_COUNT_), "unknown");
    assert_string_equal(decision_result_label(DECISION_RESULT_COUNT_), "unknown");
}

static void test_verdict_zero_denies(void **state)
{
    (void)state;
    const struct decision decision = { 0 };
    assert_int_equal(decision.result, DECISION_DENY);
    const struct verdict verdict = { 0 };
    assert_false(verdict.accepted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdict_labels_are_stable),
        cmocka_unit_test(test_verdict_label_out_of_range_is_unknown),
        cmocka_unit_test(test_verdict_zero_denies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
