/* SPDX-License-Identifier: Apache-2.0 */
/* Decision to answer: yes, no and not known do not blur. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/endpoints/review_answer.h"

static const struct group_list groups = { .json = { "[\"g\"]}", 6 }, .count = 1 };

static const struct span audiences[] = { { "a", 1 }, { "b", 1 } };

static const struct question question = {
    .token = { "abcdef.0123456789abcdef", 23 },
    .has_audiences = true,
    .audiences = audiences,
    .audience_count = 2,
};

/* Every field filled, so that a row shows what each result lets through. */
static struct decision full_decision(enum decision_result result)
{
    return (struct decision){
        .result = result,
        .why = result == DECISION_ALLOW ? ST_OK : ST_TOKEN_EXPIRED,
        .user = { .name = { "u", 1 },
                  .json_head = { "{\"username\":\"u\"", 15 },
                  .groups = &groups },
        .granted = { { 2 } },
        .error = { "later", 5 },
    };
}

static const struct {
    const char *name;
    enum decision_result result;
    bool authenticated;
    bool user;
    size_t audience_count;
    uint64_t audience_mask;
    size_t error_len;
} rows[] = {
    { "allow has user and audiences, no error", DECISION_ALLOW, true, true, 2, 2, 0 },
    { "deny has nothing, so that it is cacheable", DECISION_DENY, false, false, 0, 0, 0 },
    { "error has its text only", DECISION_ERROR, false, false, 0, 0, 5 },
    { "a result out of range denies", DECISION_RESULT_COUNT_, false, false, 0, 0, 0 },
};

static void test_review_answer_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct decision decision = full_decision(rows[i].result);
        struct token_review_answer answer;
        memset(&answer, 0xff, sizeof(answer)); /* leftovers of the last request must not survive */
        review_answer_from_decision(&decision, &question, &answer);
        print_message("# %s\n", rows[i].name);
        assert_int_equal(answer.authenticated, rows[i].authenticated);
        assert_int_equal(answer.user_head.len, rows[i].user ? 15 : 0);
        assert_int_equal(answer.user_tail.len, rows[i].user ? 6 : 0);
        assert_int_equal(answer.audience_count, rows[i].audience_count);
        assert_int_equal(answer.granted ? answer.granted->words[0] : 0, rows[i].audience_mask);
        assert_int_equal(answer.error.len, rows[i].error_len);
        if (rows[i].user) {
            assert_ptr_equal(answer.user_head.at, decision.user.json_head.at);
            assert_ptr_equal(answer.user_tail.at, groups.json.at);
            assert_ptr_equal(answer.audiences, audiences);
        }
    }
}

static void test_review_answer_hands_on_what_is_to_be_rendered(void **state)
{
    (void)state;
    static const struct span names[] = { SPAN_LITERAL("g") };
    static const struct group_list unrendered = { .count = 1, .names = names };
    static const struct user_extra extra = { .key = SPAN_LITERAL("k") };
    struct decision decision = full_decision(DECISION_ALLOW);
    decision.user = (struct user){ .name = SPAN_LITERAL("u"),
                                   .uid = SPAN_LITERAL("1"),
                                   .groups = &unrendered,
                                   .extras = &extra,
                                   .extra_count = 1,
                                   .is_rendered_late = true };
    struct token_review_answer answer;
    review_answer_from_decision(&decision, &question, &answer);
    assert_true(answer.authenticated);
    assert_int_equal(answer.user_head.len, 0);
    assert_true(span_equal(answer.user.username, SPAN_LITERAL("u")));
    assert_true(span_equal(answer.user.uid, SPAN_LITERAL("1")));
    assert_ptr_equal(answer.user.groups, names);
    assert_int_equal(answer.user.group_count, 1);
    assert_ptr_equal(answer.user.extras, &extra);
    assert_int_equal(answer.user.extra_count, 1);
    decision.result = DECISION_DENY;
    review_answer_from_decision(&decision, &question, &answer);
    assert_int_equal(answer.user.username.len, 0);
}

static void test_review_answer_zero_decision_denies(void **state)
{
    (void)state;
    const struct decision decision = { 0 };
    struct token_review_answer answer;
    review_answer_from_decision(&decision, &question, &answer);
    assert_false(answer.authenticated);
    assert_int_equal(answer.error.len, 0);
}

static void test_review_question_has_audiences_only_when_named(void **state)
{
    (void)state;
    struct token_review review = { .token = { "t", 1 } };
    struct question asked;
    memset(&asked, 0xff, sizeof(asked));
    review_question_from(&review, (struct instant){ .sec = 7 }, &asked);
    assert_false(asked.has_audiences);
    assert_int_equal(asked.audience_count, 0);
    assert_int_equal(asked.now.sec, 7);
    assert_ptr_equal(asked.token.at, review.token.at);
    assert_null(asked.explain);

    review.audience_count = 1;
    review.audiences[0] = audiences[0];
    review_question_from(&review, (struct instant){ .sec = 7 }, &asked);
    assert_true(asked.has_audiences);
    assert_int_equal(asked.audience_count, 1);
    assert_ptr_equal(asked.audiences, review.audiences);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_review_answer_rows),
        cmocka_unit_test(test_review_answer_hands_on_what_is_to_be_rendered),
        cmocka_unit_test(test_review_question_has_audiences_only_when_named),
        cmocka_unit_test(test_review_answer_zero_decision_denies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
