/* SPDX-License-Identifier: Apache-2.0 */
/* The listing of checks: order, where it stopped, the last line, and nothing raw for a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/review_explain.h"

static const struct span group_names[] = { { "g1", 2 }, { "g\033[0m", 5 } };
static const struct group_list groups = { .count = 2, .names = group_names };
static const struct user_extra extras[] = {
    { { "e\n", 2 }, group_names, 2 },
    { { "none", 4 }, NULL, 0 },
};
static const struct span asked[] = { { "a", 1 }, { "b", 1 }, { "c", 1 } };
static const struct question question = { .audiences = asked, .audience_count = 3 };

static const struct {
    const char *name;
    struct decision decision;
    const char *want;
} rows[] = {
    { "yes with audiences",
      { .result = DECISION_ALLOW,
        .user = { .name = { "u\n", 2 }, .groups = &groups },
        .granted = { { 5 } } },
      "\nuser: u\\x0a\ngroups: g1, g\\x1b[0m\naudiences: a, c\nanswer: yes\n" },
    { "yes without audiences",
      { .result = DECISION_ALLOW, .user = { .name = { "u", 1 }, .groups = &groups } },
      "\nuser: u\ngroups: g1, g\\x1b[0m\nanswer: yes\n" },
    { "yes with all that a user can have",
      { .result = DECISION_ALLOW,
        .user = { .name = { "u", 1 },
                  .uid = { "i\r", 2 },
                  .groups = &groups,
                  .extras = extras,
                  .extra_count = 2 } },
      "\nuser: u\nuid: i\\x0d\ngroups: g1, g\\x1b[0m\nextra e\\x0a: g1, g\\x1b[0m\nextra none: \n"
      "answer: yes\n" },
    { "no",
      { .result = DECISION_DENY,
        .why = ST_TOKEN_EXPIRED,
        .reason_text = "data.expiration is in the past" },
      "\nanswer: no (cacheable): token_expired: data.expiration is in the past\n" },
    { "not known",
      { .result = DECISION_ERROR,
        .why = ST_TOKEN_ID_UNKNOWN,
        .reason_text = "no Secret holds this token ID (yet)",
        .error = { "later", 5 } },
      "\nstatus.error: later\nanswer: not known (not cacheable): unknown_token_id: no Secret holds "
      "this token ID (yet)\n" },
};

static void test_review_explain_decision_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct buf page = { 0 };
        struct review_explain explain = { .buf = &page };
        print_message("# %s\n", rows[i].name);
        review_explain_decision(&explain, &rows[i].decision, &question);
        buf_append_char(&page, '\0');
        assert_string_equal(page.at, rows[i].want);
        buf_fini(&page);
    }
}

static void test_review_explain_check_lists_by_authenticator(void **state)
{
    (void)state;
    struct buf page = { 0 };
    struct review_explain explain = { .buf = &page };
    review_explain_check(&explain, AUTHENTICATOR_NONE, "first", true, "");
    review_explain_check(&explain, AUTHENTICATOR_NONE, "second", true, "detail\r");
    review_explain_check(&explain, AUTHENTICATOR_BOOTSTRAP, "third", false, "why");
    buf_append_char(&page, '\0');
    assert_string_equal(page.at, "any token:\n"
                                 "  ok      first\n"
                                 "  ok      second (detail\\x0d)\n"
                                 "bootstrap:\n"
                                 "  FAILED  third (why)\n");
    buf_fini(&page);
}

static void test_review_explain_printable_escapes_the_escape(void **state)
{
    (void)state;
    struct buf page = { 0 };
    review_explain_printable(&page, SPAN_LITERAL("a ~\\\x7f\0\xc3"));
    buf_append_char(&page, '\0');
    assert_string_equal(page.at, "a ~\\x5c\\x7f\\x00\\xc3");
    buf_fini(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_review_explain_decision_rows),
        cmocka_unit_test(test_review_explain_check_lists_by_authenticator),
        cmocka_unit_test(test_review_explain_printable_escapes_the_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
