/* SPDX-License-Identifier: Apache-2.0 */
/* The choke point: when it says yes, and who hears "no" and who hears "not known". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "authn/decide.h"

static const struct group_list no_groups = { .json = { .at = "[]}", .len = 3 } };

static struct verdict accepted(void)
{
    return (struct verdict){
        .accepted = true,
        .authenticator = AUTHENTICATOR_BOOTSTRAP,
        .token_id = SPAN_LITERAL("abcdef"),
        .user = { .name = SPAN_LITERAL("jane"),
                  .json_head = SPAN_LITERAL("{\"username\":\"jane\",\"groups\":"),
                  .groups = &no_groups },
        .granted = { { 5 } },
    };
}

/* Whose JSON is made when the reply is. */
static struct verdict late(void)
{
    static const struct span names[] = { SPAN_LITERAL("staff") };
    static const struct group_list groups = { .count = 1, .names = names };
    static const struct user_extra extra = { .key = SPAN_LITERAL("k"),
                                             .values = names,
                                             .value_count = 1 };
    struct verdict verdict = accepted();
    verdict.user = (struct user){ .name = SPAN_LITERAL("jane"),
                                  .uid = SPAN_LITERAL("42"),
                                  .groups = &groups,
                                  .extras = &extra,
                                  .extra_count = 1,
                                  .is_rendered_late = true };
    return verdict;
}

static struct decision decide(const struct verdict *verdict, enum unknown_token_answer unknown)
{
    struct decision decision;
    memset(&decision, 0xff, sizeof(decision)); /* every field must be written */
    decide_verdict(verdict, unknown, false, &decision);
    return decision;
}

static void test_decide_whole_acceptance_allows(void **state)
{
    (void)state;
    const struct verdict verdict = accepted();
    const struct decision decision = decide(&verdict, UNKNOWN_TOKEN_ERROR);
    assert_int_equal(decision.result, DECISION_ALLOW);
    assert_int_equal(decision.why, ST_OK);
    assert_int_equal(decision.authenticator, AUTHENTICATOR_BOOTSTRAP);
    assert_true(span_equal(decision.token_id, SPAN_LITERAL("abcdef")));
    assert_true(span_equal(decision.user.name, SPAN_LITERAL("jane")));
    assert_ptr_equal(decision.user.groups, &no_groups);
    assert_int_equal(decision.granted.words[0], 5);
    assert_int_equal(decision.error.len, 0);
}

static void test_decide_audiences_that_were_named_want_one_that_is_granted(void **state)
{
    (void)state;
    struct verdict verdict = accepted();
    struct decision decision;
    decide_verdict(&verdict, UNKNOWN_TOKEN_ERROR, true, &decision);
    assert_int_equal(decision.result, DECISION_ALLOW);
    verdict.granted = (struct audience_set){ 0 };
    decide_verdict(&verdict, UNKNOWN_TOKEN_ERROR, true, &decision);
    assert_int_equal(decision.result, DECISION_ERROR);
    assert_int_equal(decision.why, ST_INTERNAL);
    decide_verdict(&verdict, UNKNOWN_TOKEN_ERROR, false, &decision);
    assert_int_equal(decision.result, DECISION_ALLOW);
}

static void test_decide_user_that_is_rendered_late_is_whole(void **state)
{
    (void)state;
    const struct verdict verdict = late();
    const struct decision decision = decide(&verdict, UNKNOWN_TOKEN_ERROR);
    assert_int_equal(decision.result, DECISION_ALLOW);
    assert_true(decision.user.is_rendered_late);
    assert_true(span_equal(decision.user.uid, SPAN_LITERAL("42")));
    assert_ptr_equal(decision.user.groups, verdict.user.groups);
    assert_ptr_equal(decision.user.extras, verdict.user.extras);
    assert_int_equal(decision.user.extra_count, 1);
}

static void assert_broken(const char *name, const struct verdict *verdict)
{
    const struct decision decision = decide(verdict, UNKNOWN_TOKEN_REFUSE);
    if (decision.result != DECISION_ERROR) {
        print_error("%s\n", name);
    }
    assert_int_equal(decision.result, DECISION_ERROR);
    assert_int_equal(decision.why, ST_INTERNAL);
    assert_true(span_equal(decision.error, SPAN_LITERAL("internal error")));
    assert_int_equal(decision.user.name.len, 0);
    assert_null(decision.user.groups);
    assert_int_equal(decision.granted.words[0], 0);
}

static void test_decide_contradiction_is_our_error(void **state)
{
    (void)state;
    struct verdict verdict = accepted();
    verdict.why = ST_TOKEN_EXPIRED;
    assert_broken("accepted, and a reason to refuse", &verdict);
    verdict = accepted();
    verdict.authenticator = AUTHENTICATOR_NONE;
    assert_broken("accepted by nobody", &verdict);
    verdict = accepted();
    verdict.user.name.len = 0;
    assert_broken("accepted without a name", &verdict);
    verdict = accepted();
    verdict.user.json_head.len = 0;
    assert_broken("accepted without a rendered user", &verdict);
    verdict = accepted();
    verdict.user.groups = NULL;
    assert_broken("accepted without a group list", &verdict);
    static const struct group_list unrendered = { .count = 0 };
    verdict = accepted();
    verdict.user.groups = &unrendered;
    assert_broken("accepted with half a rendered user", &verdict);
    verdict = late();
    verdict.user.name.len = 0;
    assert_broken("to be rendered without a name", &verdict);
    verdict = late();
    verdict.user.groups = NULL;
    assert_broken("to be rendered without a group list", &verdict);
    verdict = (struct verdict){ 0 };
    assert_broken("refused without a reason", &verdict);
}

static void test_decide_refusal_follows_the_blame(void **state)
{
    (void)state;
    for (int i = ST_OK + 1; i < STATUS_COUNT_; i++) {
        const struct verdict verdict = { .why = (enum status)i,
                                         .authenticator = AUTHENTICATOR_BOOTSTRAP };
        const struct decision decision = decide(&verdict, UNKNOWN_TOKEN_ERROR);
        const bool peer = status_fault((enum status)i) == FAULT_PEER;
        assert_int_equal(decision.result, peer ? DECISION_DENY : DECISION_ERROR);
        assert_int_equal(decision.why, i);
        assert_int_equal(decision.error.len == 0, peer);
    }
}

/* What may be said to whoever holds the token. */
static const struct {
    const char *name;
    enum status why;
    enum unknown_token_answer unknown;
    enum decision_result want;
    const char *text;
} rows[] = {
    { "unknown ID, default", ST_TOKEN_ID_UNKNOWN, UNKNOWN_TOKEN_ERROR, DECISION_ERROR,
      "token not known (yet)" },
    { "unknown ID, refuse", ST_TOKEN_ID_UNKNOWN, UNKNOWN_TOKEN_REFUSE, DECISION_DENY, "" },
    { "not synced, default", ST_NOT_SYNCED, UNKNOWN_TOKEN_ERROR, DECISION_ERROR,
      "not ready to answer, ask again" },
    { "not synced is no refusal even with refuse", ST_NOT_SYNCED, UNKNOWN_TOKEN_REFUSE,
      DECISION_ERROR, "not ready to answer, ask again" },
    { "our memory", ST_NOMEM, UNKNOWN_TOKEN_REFUSE, DECISION_ERROR, "internal error" },
    { "wrong secret", ST_TOKEN_SECRET_MISMATCH, UNKNOWN_TOKEN_ERROR, DECISION_DENY, "" },
    { "expired", ST_TOKEN_EXPIRED, UNKNOWN_TOKEN_ERROR, DECISION_DENY, "" },
    { "audience", ST_AUDIENCE_MISMATCH, UNKNOWN_TOKEN_ERROR, DECISION_DENY, "" },
};

static void test_decide_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct verdict verdict = { .why = rows[i].why,
                                         .authenticator = AUTHENTICATOR_BOOTSTRAP };
        const struct decision decision = decide(&verdict, rows[i].unknown);
        if (decision.result != rows[i].want || !span_equal(decision.error, span_of(rows[i].text))) {
            fail_msg("%s: %s, \"%.*s\"", rows[i].name, decision_result_label(decision.result),
                     (int)decision.error.len, decision.error.at);
        }
    }
}

static void test_decide_reason_is_in_the_familys_words_if_it_has_any(void **state)
{
    (void)state;
    struct verdict verdict = { .why = ST_TOKEN_EXPIRED, .authenticator = AUTHENTICATOR_BOOTSTRAP };
    assert_string_equal(decide(&verdict, UNKNOWN_TOKEN_ERROR).reason_text, "the token has expired");
    verdict.reason_text = "the badge is of last year";
    assert_string_equal(decide(&verdict, UNKNOWN_TOKEN_ERROR).reason_text,
                        "the badge is of last year");
    verdict.accepted = true; /* a bug of ours is nobody's reason */
    assert_string_equal(decide(&verdict, UNKNOWN_TOKEN_ERROR).reason_text, "internal error");
    verdict = accepted();
    assert_string_equal(decide(&verdict, UNKNOWN_TOKEN_ERROR).reason_text, "success");
}

static void test_decide_only_an_error_may_wait(void **state)
{
    (void)state;
    const struct question_wait wait = { .kind = WAIT_OBJECT, .source = 3, .what = 42 };
    struct verdict verdict = { .why = ST_OBJECT_NOT_TOLD, .wait = wait };
    struct decision decision = decide(&verdict, UNKNOWN_TOKEN_ERROR);
    assert_int_equal(decision.result, DECISION_ERROR);
    assert_memory_equal(&decision.wait, &wait, sizeof(wait));
    verdict.why = ST_OBJECT_UNKNOWN;
    decision = decide(&verdict, UNKNOWN_TOKEN_ERROR);
    assert_int_equal(decision.result, DECISION_DENY);
    assert_int_equal(decision.wait.kind, WAIT_NOTHING);
    verdict = accepted();
    verdict.wait = wait;
    decision = decide(&verdict, UNKNOWN_TOKEN_ERROR);
    assert_int_equal(decision.result, DECISION_ALLOW);
    assert_int_equal(decision.wait.kind, WAIT_NOTHING);
    verdict.user.name = (struct span){ 0 }; /* a bug of ours, which no waiting mends */
    decision = decide(&verdict, UNKNOWN_TOKEN_ERROR);
    assert_int_equal(decision.result, DECISION_ERROR);
    assert_int_equal(decision.wait.kind, WAIT_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide_whole_acceptance_allows),
        cmocka_unit_test(test_decide_audiences_that_were_named_want_one_that_is_granted),
        cmocka_unit_test(test_decide_user_that_is_rendered_late_is_whole),
        cmocka_unit_test(test_decide_contradiction_is_our_error),
        cmocka_unit_test(test_decide_refusal_follows_the_blame),
        cmocka_unit_test(test_decide_rows),
        cmocka_unit_test(test_decide_reason_is_in_the_familys_words_if_it_has_any),
        cmocka_unit_test(test_decide_only_an_error_may_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
