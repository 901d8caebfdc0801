/* SPDX-License-Identifier: Apache-2.0 */
/* Asking: what is decided, counted and logged, of questions that are no reviews. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/endpoints/ask.h"
#include "support/engine_kit.h"
#include "support/request_kit.h"

static const struct ask_words words = { .accepted = "Check passed", .refused = "Check refused" };
static const struct span audiences[] = { { "other", 5 } };

static const struct {
    const char *token;
    size_t audience_count;
    enum decision_result result;
    enum status why;
    enum standing standing;
    const char *log;
} rows[] = {
    { TEST_TOKEN, 0, DECISION_ALLOW, ST_OK, STANDING_KNOWN,
      "\"Check passed\" authenticator=\"bootstrap\" user=\"system:bootstrap:abcdef\"" },
    { "abcdef.0123456789abcdeg", 0, DECISION_DENY, ST_TOKEN_SECRET_MISMATCH, STANDING_REFUSED,
      "\"Check refused\" result=\"deny\" reason=\"token_secret_mismatch\" "
      "authenticator=\"bootstrap\" "
      "tokenID=\"abcdef\"\n" },
    { "abcdeg.0123456789abcdef", 0, DECISION_ERROR, ST_TOKEN_ID_UNKNOWN, STANDING_REFUSED,
      "\"Check refused\" result=\"error\"" },
    { TEST_TOKEN, 1, DECISION_DENY, ST_AUDIENCE_MISMATCH, STANDING_REFUSED,
      "firstAudience=\"other\"\n" },
    { "", 0, DECISION_DENY, ST_TOKEN_EMPTY, STANDING_REFUSED, "authenticator=\"none\"\n" },
};

static void test_ask_rows(void **state)
{
    (void)state;
    struct authenticator *authenticator = engine_kit_make(true);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct request_kit kit;
        struct ask *ask;
        char log[1024];
        request_kit_init(&kit);
        kit.shard->index = 1;
        assert_int_equal(ask_new(&(struct ask_options){ .authenticator = authenticator,
                                                        .clock = clock_system(),
                                                        .shard_count = 2 },
                                 &ask),
                         ST_OK);
        struct inquiry inquiry = {
            .words = &words,
            .question = { .token = span_of(rows[i].token),
                          .has_audiences = rows[i].audience_count > 0,
                          .audiences = audiences,
                          .audience_count = rows[i].audience_count },
        };
        ask_begin(ask, kit.shard, &inquiry);
        if (inquiry.decision.result == DECISION_ALLOW) {
            assert_true(
                span_equal(inquiry.decision.user.name, SPAN_LITERAL("system:bootstrap:abcdef")));
        }
        kit.time.monotonic_ns = 6000;
        assert_int_equal(ask_end(ask, kit.shard, &inquiry), rows[i].standing);
        assert_int_equal(inquiry.decision.result, rows[i].result);
        assert_int_equal(inquiry.decision.why, rows[i].why);
        const struct review_metrics *counted = ask_metrics(ask, 1);
        assert_int_equal(
            counted->reviews[inquiry.decision.authenticator][rows[i].result][rows[i].why], 1);
        assert_int_equal(counted->duration_sum_ns, 6000);
        assert_int_equal(ask_metrics(ask, 0)->duration_sum_ns, 0);
        if (!strstr(request_kit_log(&kit, log, sizeof(log)), rows[i].log)) {
            fail_msg("%s in place of %s", log, rows[i].log);
        }
        assert_null(strstr(log, "0123456789"));
        ask = ask_free(ask);
        request_kit_fini(&kit);
    }
    authenticator = authenticator_free(authenticator);
}

/* Ten lines of one reason, and another one has ten of its own. */
static void test_ask_lines_are_held_to_a_rate_by_reason(void **state)
{
    (void)state;
    struct authenticator *authenticator = engine_kit_make(true);
    struct request_kit kit;
    struct ask *ask;
    static char log[65536];
    request_kit_init(&kit);
    assert_int_equal(ask_new(&(struct ask_options){ .authenticator = authenticator,
                                                    .clock = clock_system(),
                                                    .shard_count = 1 },
                             &ask),
                     ST_OK);
    struct inquiry inquiry = { .words = &words };
    for (int i = 0; i < LOG_LIMIT_BURST + 3; i++) {
        ask_begin(ask, kit.shard, &inquiry);
        (void)ask_end(ask, kit.shard, &inquiry); /* it is a no */
    }
    assert_int_equal(kit.shard->metrics.counters[COUNT_LOG_DROPPED], 3);
    inquiry.question.token = SPAN_LITERAL("x");
    ask_begin(ask, kit.shard, &inquiry);
    (void)ask_end(ask, kit.shard, &inquiry); /* it is a no */
    assert_non_null(strstr(request_kit_log(&kit, log, sizeof(log)), "unrecognized"));
    inquiry.question.token = SPAN_LITERAL("");
    kit.time.monotonic_ns = INT64_C(2000000000);
    ask_begin(ask, kit.shard, &inquiry);
    (void)ask_end(ask, kit.shard, &inquiry); /* it is a no */
    assert_non_null(strstr(request_kit_log(&kit, log, sizeof(log)), " dropped=3\n"));
    ask_tell_held_back(ask, kit.shard, "Checks held back");
    assert_null(strstr(request_kit_log(&kit, log, sizeof(log)), "Checks held back"));
    for (int i = 0; i < LOG_LIMIT_BURST; i++) {
        ask_begin(ask, kit.shard, &inquiry);
        (void)ask_end(ask, kit.shard, &inquiry); /* it is a no */
    }
    kit.time.monotonic_ns = INT64_C(20000000000);
    ask_tell_held_back(ask, kit.shard, "Checks held back");
    assert_non_null(strstr(request_kit_log(&kit, log, sizeof(log)),
                           "\"Checks held back\" reason=\"empty_token\" dropped=9\n"));
    ask = ask_free(ask);
    request_kit_fini(&kit);
    authenticator = authenticator_free(authenticator);
}

static void test_ask_yes_is_not_logged_where_nobody_wants_it(void **state)
{
    (void)state;
    struct authenticator *authenticator = engine_kit_make(true);
    struct request_kit kit;
    struct ask *ask;
    char log[1024];
    request_kit_init(&kit);
    log_set_verbosity(kit.shard->log, 4);
    assert_int_equal(ask_new(&(struct ask_options){ .authenticator = authenticator,
                                                    .clock = clock_system(),
                                                    .shard_count = 1 },
                             &ask),
                     ST_OK);
    struct inquiry inquiry = { .words = &words, .question.token = SPAN_LITERAL(TEST_TOKEN) };
    ask_begin(ask, kit.shard, &inquiry);
    assert_int_equal(ask_end(ask, kit.shard, &inquiry), STANDING_KNOWN);
    assert_string_equal(request_kit_log(&kit, log, sizeof(log)), "");
    ask = ask_free(ask);
    request_kit_fini(&kit);
    authenticator = authenticator_free(authenticator);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask_rows),
        cmocka_unit_test(test_ask_lines_are_held_to_a_rate_by_reason),
        cmocka_unit_test(test_ask_yes_is_not_logged_where_nobody_wants_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
