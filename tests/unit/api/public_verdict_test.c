/* SPDX-License-Identifier: Apache-2.0 */
/* The copy that an embedder gets: all of a decision, and nothing that the decision's memory is
 * needed for afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/public_verdict.h"

/* Overwritten before the copy is looked at. */
struct source {
    char texts[64];
    struct span groups[2];
    struct span values[3];
    struct user_extra extras[3];
    struct span audiences[3];
    struct group_list group_list;
};

static struct span put(struct source *source, size_t *at, const char *text)
{
    const struct span span = { .at = source->texts + *at, .len = strlen(text) };
    memcpy(source->texts + *at, text, span.len);
    *at += span.len;
    return span;
}

static struct decision make(struct source *source, struct question *question)
{
    size_t at = 0;
    source->groups[0] = put(source, &at, "g1");
    source->groups[1] = put(source, &at, "g2");
    source->values[0] = put(source, &at, "v1");
    source->values[1] = put(source, &at, "");
    source->values[2] = put(source, &at, "v3");
    source->extras[0] = (struct user_extra){ put(source, &at, "a/k"), source->values, 2 };
    source->extras[1] = (struct user_extra){ put(source, &at, "b/none"), NULL, 0 };
    source->extras[2] = (struct user_extra){ put(source, &at, "c"), &source->values[2], 1 };
    source->audiences[0] = put(source, &at, "x");
    source->audiences[1] = put(source, &at, "api");
    source->audiences[2] = put(source, &at, "other");
    source->group_list = (struct group_list){ .count = 2, .names = source->groups };
    *question = (struct question){ .has_audiences = true,
                                   .audiences = source->audiences,
                                   .audience_count = 3 };
    return (struct decision){ .result = DECISION_ALLOW,
                              .reason_text = "success",
                              .user = { .name = put(source, &at, "jane"),
                                        .uid = put(source, &at, "42"),
                                        .groups = &source->group_list,
                                        .extras = source->extras,
                                        .extra_count = 3,
                                        .is_rendered_late = true },
                              .granted = { { 6 } } };
}

static void assert_extra(const struct kube_bearer_verdict *verdict,
                         size_t index,
                         const char *key,
                         size_t value_count,
                         const char *first)
{
    assert_string_equal(kube_bearer_verdict_extra_key(verdict, index), key);
    assert_int_equal(kube_bearer_verdict_extra_value_count(verdict, index), value_count);
    assert_null(kube_bearer_verdict_extra_value(verdict, index, value_count));
    if (first) {
        assert_string_equal(kube_bearer_verdict_extra_value(verdict, index, 0), first);
    }
}

static void test_public_verdict_has_all_of_a_user_and_outlives_the_decision(void **state)
{
    (void)state;
    struct source source;
    struct question question;
    struct decision decision = make(&source, &question);
    struct kube_bearer_verdict *verdict = public_verdict_copy(&decision, &question);
    assert_non_null(verdict);
    memset(&source, 0xff, sizeof(source));
    memset(&decision, 0xff, sizeof(decision));
    assert_int_equal(kube_bearer_verdict_result(verdict), KUBE_BEARER_ALLOW);
    assert_string_equal(kube_bearer_verdict_username(verdict), "jane");
    assert_string_equal(kube_bearer_verdict_uid(verdict), "42");
    assert_int_equal(kube_bearer_verdict_group_count(verdict), 2);
    assert_string_equal(kube_bearer_verdict_group(verdict, 0), "g1");
    assert_string_equal(kube_bearer_verdict_group(verdict, 1), "g2");
    assert_int_equal(kube_bearer_verdict_extra_count(verdict), 3);
    assert_extra(verdict, 0, "a/k", 2, "v1");
    assert_string_equal(kube_bearer_verdict_extra_value(verdict, 0, 1), "");
    assert_extra(verdict, 1, "b/none", 0, NULL);
    assert_extra(verdict, 2, "c", 1, "v3");
    assert_null(kube_bearer_verdict_extra_key(verdict, 3));
    assert_int_equal(kube_bearer_verdict_extra_value_count(verdict, 3), 0);
    assert_null(kube_bearer_verdict_extra_value(verdict, 3, 0));
    assert_int_equal(kube_bearer_verdict_audience_count(verdict), 2);
    assert_string_equal(kube_bearer_verdict_audience(verdict, 0), "api");
    assert_string_equal(kube_bearer_verdict_audience(verdict, 1), "other");
    assert_null(kube_bearer_verdict_audience(verdict, 2));
    assert_string_equal(kube_bearer_verdict_reason(verdict), "ok");
    assert_string_equal(kube_bearer_verdict_reason_text(verdict), "success");
    kube_bearer_verdict_free(verdict);
}

static void test_public_verdict_of_a_refusal_has_its_reason_only(void **state)
{
    (void)state;
    const struct question question = { .audience_count = 0 };
    const struct decision decision = { .why = ST_TOKEN_EXPIRED,
                                       .reason_text = "the badge is of last year" };
    struct kube_bearer_verdict *verdict = public_verdict_copy(&decision, &question);
    assert_non_null(verdict);
    assert_int_equal(kube_bearer_verdict_result(verdict), KUBE_BEARER_DENY);
    assert_string_equal(kube_bearer_verdict_username(verdict), "");
    assert_string_equal(kube_bearer_verdict_uid(verdict), "");
    assert_int_equal(kube_bearer_verdict_group_count(verdict), 0);
    assert_int_equal(kube_bearer_verdict_extra_count(verdict), 0);
    assert_null(kube_bearer_verdict_extra_key(verdict, 0));
    assert_int_equal(kube_bearer_verdict_audience_count(verdict), 0);
    assert_string_equal(kube_bearer_verdict_reason(verdict), "token_expired");
    assert_string_equal(kube_bearer_verdict_reason_text(verdict), "the badge is of last year");
    kube_bearer_verdict_free(verdict);
}

static void test_public_verdict_that_is_none_has_no_user(void **state)
{
    (void)state;
    assert_string_equal(kube_bearer_verdict_uid(NULL), "");
    assert_int_equal(kube_bearer_verdict_extra_count(NULL), 0);
    assert_null(kube_bearer_verdict_extra_key(NULL, 0));
    assert_int_equal(kube_bearer_verdict_extra_value_count(NULL, 0), 0);
    assert_null(kube_bearer_verdict_extra_value(NULL, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_verdict_has_all_of_a_user_and_outlives_the_decision),
        cmocka_unit_test(test_public_verdict_of_a_refusal_has_its_reason_only),
        cmocka_unit_test(test_public_verdict_that_is_none_has_no_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
