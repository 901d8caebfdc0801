/* SPDX-License-Identifier: Apache-2.0 */
/* The whole engine: bounds, routing by form, audiences, and what the caller gets to hear. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/authenticator.h"
#include "authn/bootstrap.h"
#include "support/secret_builder.h"
#include "support/vectors.h"

#define NOW_SEC INT64_C(1748779200) /* 2025-06-01T12:00:00Z */

static const struct token_family_choice bootstrap = { .ops = &bootstrap_ops };

static struct authenticator *make(const struct authenticator_options *options)
{
    struct authenticator *authenticator;
    assert_int_equal(authenticator_new(options, &authenticator, NULL), ST_OK);
    return authenticator;
}

static void tell(struct authenticator *authenticator,
                 const struct test_secret *test,
                 enum store_event_type type)
{
    const struct store_event event = test_secret_event(test, type);
    authenticator_handle_event(authenticator, &event);
}

static void tell_synced(struct authenticator *authenticator)
{
    const struct store_event event = test_synced_event();
    authenticator_handle_event(authenticator, &event);
}

/* One TEST-ONLY token that never expires, everything told. */
static struct authenticator *make_with_token(const struct span *api_audiences,
                                             size_t api_audience_count,
                                             enum unknown_token_answer unknown)
{
    struct authenticator *authenticator = make(&(struct authenticator_options){
        .families = &bootstrap,
        .family_count = 1,
        .api_audiences = api_audiences,
        .api_audience_count = api_audience_count,
        .unknown_token_answer = unknown,
    });
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    tell(authenticator, &test, STORE_ADDED);
    tell_synced(authenticator);
    return authenticator;
}

/* The decision's spans are good only inside the read section: hand out what outlives it. */
static struct decision ask(const struct authenticator *authenticator, struct question question)
{
    struct decision decision;
    question.now.sec = NOW_SEC;
    urcu_bp_read_lock();
    authenticator_decide(authenticator, &question, &decision);
    urcu_bp_read_unlock();
    return decision;
}

static struct decision ask_token(const struct authenticator *authenticator, struct span token)
{
    return ask(authenticator, (struct question){ .token = token });
}

static const struct {
    const char *name;
    struct span token;
    enum decision_result want;
    enum status why;
    enum authenticator_id authenticator;
} rows[] = {
    { "the token", SPAN_LITERAL(TEST_TOKEN), DECISION_ALLOW, ST_OK, AUTHENTICATOR_BOOTSTRAP },
    { "wrong secret", SPAN_LITERAL("abcdef.0123456789abcdeg"), DECISION_DENY,
      ST_TOKEN_SECRET_MISMATCH, AUTHENTICATOR_BOOTSTRAP },
    { "unknown ID", SPAN_LITERAL("abcdeg.0123456789abcdef"), DECISION_ERROR, ST_TOKEN_ID_UNKNOWN,
      AUTHENTICATOR_BOOTSTRAP },
    { "empty", SPAN_LITERAL(""), DECISION_DENY, ST_TOKEN_EMPTY, AUTHENTICATOR_NONE },
    { "a JWT", SPAN_LITERAL("eyJhbGciOiJub25lIn0.e30."), DECISION_DENY, ST_TOKEN_UNRECOGNIZED,
      AUTHENTICATOR_NONE },
    { "the token and a newline", SPAN_LITERAL(TEST_TOKEN "\n"), DECISION_DENY,
      ST_TOKEN_UNRECOGNIZED, AUTHENTICATOR_NONE },
    { "the token in upper case", SPAN_LITERAL("ABCDEF.0123456789ABCDEF"), DECISION_DENY,
      ST_TOKEN_UNRECOGNIZED, AUTHENTICATOR_NONE },
};

static void test_authenticator_rows(void **state)
{
    (void)state;
    struct authenticator *authenticator = make_with_token(NULL, 0, UNKNOWN_TOKEN_ERROR);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct decision decision = ask_token(authenticator, rows[i].token);
        if (decision.result != rows[i].want || decision.why != rows[i].why ||
            decision.authenticator != rows[i].authenticator) {
            fail_msg("%s: %s %s %s", rows[i].name, decision_result_label(decision.result),
                     status_label(decision.why), authenticator_label(decision.authenticator));
        }
        const bool has_id = rows[i].authenticator == AUTHENTICATOR_BOOTSTRAP;
        assert_int_equal(decision.token_id.len, has_id ? 6 : 0);
        assert_int_equal(decision.error.len > 0, rows[i].want == DECISION_ERROR);
    }
    authenticator = authenticator_free(authenticator);
}

/* As they were printed before families had words of their own. */
static void test_authenticator_reasons_are_bootstraps(void **state)
{
    (void)state;
    const struct span api = SPAN_LITERAL("api");
    struct authenticator *authenticator = make_with_token(&api, 1, UNKNOWN_TOKEN_ERROR);
    struct test_secret test;
    test_secret_token(&test, "expird", TEST_TOKEN_SECRET);
    test_secret_set(&test, "expiration", "2025-05-01T12:00:00Z");
    tell(authenticator, &test, STORE_ADDED);
    static const struct {
        struct span token;
        bool has_audiences;
        const char *want;
    } texts[] = {
        { SPAN_LITERAL("expird.0123456789abcdef"), false, "data.expiration is in the past" },
        { SPAN_LITERAL("abcdeg.0123456789abcdef"), false, "no Secret holds this token ID (yet)" },
        { SPAN_LITERAL(TEST_TOKEN), true,
          "none of the audiences asked for is one of --api-audiences" },
        { SPAN_LITERAL("abcdef.0123456789abcdeg"), false, "the token secret is wrong" },
        { SPAN_LITERAL("x"), false, "not of the form of any known token" }, /* nobody's */
    };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        const struct decision decision =
            ask(authenticator, (struct question){ .token = texts[i].token,
                                                  .has_audiences = texts[i].has_audiences });
        assert_string_equal(decision.reason_text, texts[i].want);
    }
    authenticator = authenticator_free(authenticator);
}

static void test_authenticator_token_length_is_bounded(void **state)
{
    (void)state;
    struct authenticator *authenticator = make_with_token(NULL, 0, UNKNOWN_TOKEN_ERROR);
    char *text = malloc(TOKEN_MAX_BYTES + 1);
    assert_non_null(text);
    memset(text, 'a', TOKEN_MAX_BYTES + 1);
    struct decision decision =
        ask_token(authenticator, (struct span){ .at = text, .len = TOKEN_MAX_BYTES });
    assert_int_equal(decision.why, ST_TOKEN_UNRECOGNIZED);
    decision = ask_token(authenticator, (struct span){ .at = text, .len = TOKEN_MAX_BYTES + 1 });
    assert_int_equal(decision.why, ST_TOKEN_TOO_LONG);
    assert_int_equal(decision.result, DECISION_DENY); /* plain and cacheable */
    free(text);
    authenticator = authenticator_free(authenticator);
}

static void test_authenticator_unknown_token_answer_refuse_denies(void **state)
{
    (void)state;
    struct authenticator *authenticator = make_with_token(NULL, 0, UNKNOWN_TOKEN_REFUSE);
    const struct decision unknown =
        ask_token(authenticator, SPAN_LITERAL("zzzzzz.0123456789abcdef"));
    const struct decision wrong = ask_token(authenticator, SPAN_LITERAL("abcdef.zzzzzzzzzzzzzzzz"));
    assert_int_equal(unknown.result, DECISION_DENY);
    assert_int_equal(wrong.result, DECISION_DENY);
    assert_int_equal(unknown.error.len, 0);
    assert_int_equal(unknown.why, ST_TOKEN_ID_UNKNOWN); /* the operator still learns it */
    authenticator = authenticator_free(authenticator);
}

static void test_authenticator_before_sync_unknown_is_an_error_either_way(void **state)
{
    (void)state;
    struct authenticator *authenticator = make(&(struct authenticator_options){
        .families = &bootstrap, .family_count = 1, .unknown_token_answer = UNKNOWN_TOKEN_REFUSE });
    assert_false(authenticator_is_synced(authenticator));
    struct decision decision = ask_token(authenticator, SPAN_LITERAL(TEST_TOKEN));
    assert_int_equal(decision.result, DECISION_ERROR);
    assert_int_equal(decision.why, ST_NOT_SYNCED);
    tell_synced(authenticator);
    assert_true(authenticator_is_synced(authenticator));
    decision = ask_token(authenticator, SPAN_LITERAL(TEST_TOKEN));
    assert_int_equal(decision.result, DECISION_DENY);
    authenticator = authenticator_free(authenticator);
}

static void test_authenticator_without_bootstrap_knows_no_form(void **state)
{
    (void)state;
    struct authenticator *authenticator = make(&(struct authenticator_options){ 0 });
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    tell(authenticator, &test, STORE_ADDED);
    assert_true(authenticator_is_synced(authenticator)); /* waits for nothing */
    const struct decision decision = ask_token(authenticator, SPAN_LITERAL(TEST_TOKEN));
    assert_int_equal(decision.result, DECISION_DENY);
    assert_int_equal(decision.why, ST_TOKEN_UNRECOGNIZED);
    struct token_family_stats stats;
    authenticator_stats(authenticator, AUTHENTICATOR_BOOTSTRAP, &stats);
    assert_int_equal(stats.usable, 0);
    authenticator = authenticator_free(authenticator);
    assert_null(authenticator);
}

static void test_authenticator_two_do_not_know_each_other(void **state)
{
    (void)state;
    struct authenticator *with = make_with_token(NULL, 0, UNKNOWN_TOKEN_ERROR);
    struct authenticator *without =
        make(&(struct authenticator_options){ .families = &bootstrap, .family_count = 1 });
    tell_synced(without);
    assert_int_equal(ask_token(with, SPAN_LITERAL(TEST_TOKEN)).result, DECISION_ALLOW);
    assert_int_equal(ask_token(without, SPAN_LITERAL(TEST_TOKEN)).why, ST_TOKEN_ID_UNKNOWN);
    with = authenticator_free(with);
    without = authenticator_free(without);
}

static void test_authenticator_too_many_api_audiences_are_refused(void **state)
{
    (void)state;
    struct span many[API_AUDIENCES_MAX + 1];
    for (size_t i = 0; i < COUNTOF(many); i++) {
        many[i] = SPAN_LITERAL("a");
    }
    struct authenticator *authenticator = NULL;
    const struct authenticator_options too_many = { .api_audiences = many,
                                                    .api_audience_count = COUNTOF(many) };
    assert_int_equal(authenticator_new(&too_many, &authenticator, NULL), ST_LIMIT);
    assert_null(authenticator);
    authenticator = make(&(struct authenticator_options){
        .api_audiences = many, .api_audience_count = API_AUDIENCES_MAX });
    authenticator = authenticator_free(authenticator);
}

/* ------------------------------------------------------------------ audiences */

static const struct {
    const char *name;
    bool has_audiences;
    const char *asked[4];
    const char *ours[4];
    enum decision_result want;
    uint64_t mask;
} audience_rows[] = {
    { "none named", false, { NULL }, { "api" }, DECISION_ALLOW, 0 },
    { "none named, none ours", false, { NULL }, { NULL }, DECISION_ALLOW, 0 },
    { "an empty list named", true, { NULL }, { "api" }, DECISION_DENY, 0 },
    { "ours named", true, { "api" }, { "api" }, DECISION_ALLOW, 1 },
    { "ours among others", true, { "x", "api", "y" }, { "other", "api" }, DECISION_ALLOW, 2 },
    { "two of ours", true, { "b", "x", "a" }, { "a", "b" }, DECISION_ALLOW, 5 },
    { "only others", true, { "x", "y" }, { "api" }, DECISION_DENY, 0 },
    { "named, none ours", true, { "api" }, { NULL }, DECISION_DENY, 0 },
};

static size_t spans_of(const char *const *texts, struct span *ret_spans)
{
    size_t count = 0;
    for (; count < 4 && texts[count]; count++) {
        ret_spans[count] = span_of(texts[count]);
    }
    return count;
}

static void test_authenticator_audience_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(audience_rows); i++) {
        struct span asked[4];
        struct span ours[4];
        const size_t asked_count = spans_of(audience_rows[i].asked, asked);
        const size_t our_count = spans_of(audience_rows[i].ours, ours);
        struct authenticator *authenticator = make_with_token(ours, our_count, UNKNOWN_TOKEN_ERROR);
        const struct decision decision =
            ask(authenticator, (struct question){ .token = SPAN_LITERAL(TEST_TOKEN),
                                                  .has_audiences = audience_rows[i].has_audiences,
                                                  .audiences = asked,
                                                  .audience_count = asked_count });
        if (decision.result != audience_rows[i].want ||
            decision.granted.words[0] != audience_rows[i].mask) {
            fail_msg("%s: %s %llx", audience_rows[i].name, decision_result_label(decision.result),
                     (unsigned long long)decision.granted.words[0]);
        }
        if (decision.result == DECISION_DENY) {
            assert_int_equal(decision.why, ST_AUDIENCE_MISMATCH);
            assert_int_equal(decision.token_id.len, 6);
        }
        authenticator = authenticator_free(authenticator);
    }
}

static void test_authenticator_audiences_are_copied(void **state)
{
    (void)state;
    char text[] = "api";
    struct span ours = { .at = text, .len = 3 };
    struct authenticator *authenticator = make_with_token(&ours, 1, UNKNOWN_TOKEN_ERROR);
    memcpy(text, "xyz", 3);
    ours = (struct span){ 0 };
    const struct span asked = SPAN_LITERAL("api");
    const struct decision decision =
        ask(authenticator, (struct question){ .token = SPAN_LITERAL(TEST_TOKEN),
                                              .has_audiences = true,
                                              .audiences = &asked,
                                              .audience_count = 1 });
    assert_int_equal(decision.result, DECISION_ALLOW);
    authenticator = authenticator_free(authenticator);
}

static void test_authenticator_refusal_grants_no_audience(void **state)
{
    (void)state;
    const struct span api = SPAN_LITERAL("api");
    struct authenticator *authenticator = make_with_token(&api, 1, UNKNOWN_TOKEN_ERROR);
    const struct decision decision =
        ask(authenticator, (struct question){ .token = SPAN_LITERAL("abcdef.zzzzzzzzzzzzzzzz"),
                                              .has_audiences = true,
                                              .audiences = &api,
                                              .audience_count = 1 });
    assert_int_equal(decision.result, DECISION_DENY);
    assert_int_equal(decision.granted.words[0], 0);
    authenticator = authenticator_free(authenticator);
}

static void test_authenticator_more_audiences_than_bits_are_refused(void **state)
{
    (void)state;
    struct span asked[QUESTION_MAX_AUDIENCES + 1];
    for (size_t i = 0; i < COUNTOF(asked); i++) {
        asked[i] = SPAN_LITERAL("api");
    }
    struct authenticator *authenticator = make_with_token(asked, 1, UNKNOWN_TOKEN_ERROR);
    struct question question = { .token = SPAN_LITERAL(TEST_TOKEN),
                                 .has_audiences = true,
                                 .audiences = asked,
                                 .audience_count = QUESTION_MAX_AUDIENCES };
    struct decision decision = ask(authenticator, question);
    assert_int_equal(decision.result, DECISION_ALLOW);
    for (size_t i = 0; i < QUESTION_MAX_AUDIENCES; i++) {
        assert_true(audience_set_has(&decision.granted, i));
    }
    question.audience_count++;
    decision = ask(authenticator, question);
    assert_int_equal(decision.result, DECISION_DENY);
    assert_int_equal(decision.why, ST_LIMIT);
    authenticator = authenticator_free(authenticator);
}

/* What upstream's wrapped authenticator does, by a token of ours that does the same. */
static struct span token_that(struct span behaviour)
{
    if (span_starts_with(behaviour, SPAN_LITERAL("accepts"))) {
        return SPAN_LITERAL(TEST_TOKEN);
    }
    if (span_starts_with(behaviour, SPAN_LITERAL("refuses"))) {
        return SPAN_LITERAL("abcdef.zzzzzzzzzzzzzzzz");
    }
    assert_true(span_starts_with(behaviour, SPAN_LITERAL("fails")));
    return SPAN_LITERAL("zzzzzz.zzzzzzzzzzzzzzzz"); /* unknown: an error by default */
}

static enum decision_result result_of(struct span verdict)
{
    if (span_equal(verdict, SPAN_LITERAL("authenticated"))) {
        return DECISION_ALLOW;
    }
    return span_equal(verdict, SPAN_LITERAL("error")) ? DECISION_ERROR : DECISION_DENY;
}

static void check_audience_vector(json_object *row)
{
    struct span ours[8];
    struct span asked[8];
    struct span want[8];
    const size_t our_count = vectors_texts(row, "api_audiences", ours, 8);
    const size_t asked_count = vectors_texts(row, "request_audiences", asked, 8);
    json_object *expect = json_object_object_get(row, "expect");
    const size_t want_count = vectors_texts(expect, "audiences", want, 8);
    struct authenticator *authenticator = make_with_token(ours, our_count, UNKNOWN_TOKEN_ERROR);
    const struct decision decision =
        ask(authenticator,
            (struct question){ .token = token_that(vectors_text(row, "wrapped_authenticator")),
                               .has_audiences = true,
                               .audiences = asked,
                               .audience_count = asked_count });
    if (decision.result != result_of(vectors_text(expect, "verdict"))) {
        fail_msg("%s", json_object_get_string(json_object_object_get(row, "id")));
    }
    const bool called = json_object_get_boolean(json_object_object_get(row, "wrapped_called"));
    assert_int_equal(decision.why != ST_AUDIENCE_MISMATCH, called);
    size_t got = 0;
    for (size_t i = 0; i < asked_count; i++) {
        if (audience_set_has(&decision.granted, i)) {
            assert_true(got < want_count && span_equal(asked[i], want[got]));
            got++;
        }
    }
    assert_int_equal(got, want_count);
    authenticator = authenticator_free(authenticator);
}

static void test_authenticator_audience_vectors(void **state)
{
    (void)state;
    json_object *root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    json_object *list = vectors_list(root, "request_pipeline", "audience_agnostic");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        check_audience_vector(json_object_array_get_idx(list, i));
    }
    print_message("# %zu vectors of request_pipeline/audience_agnostic\n",
                  json_object_array_length(list));
    json_object_put(root);
}

/* ------------------------------------------------------------------ explain */

struct heard {
    char text[4096];
};

static void hear(void *ctx,
                 enum authenticator_id authenticator,
                 const char *check,
                 bool passed,
                 const char *detail)
{
    struct heard *heard = ctx;
    const size_t used = strlen(heard->text);
    (void)snprintf(heard->text + used, sizeof(heard->text) - used, "%s %s %s (%s)\n",
                   authenticator_label(authenticator), passed ? "ok" : "no", check, detail);
}

static void test_authenticator_explains_in_order(void **state)
{
    (void)state;
    const struct span api = SPAN_LITERAL("api");
    const struct span other = SPAN_LITERAL("other");
    struct authenticator *authenticator = make_with_token(&api, 1, UNKNOWN_TOKEN_ERROR);
    struct heard heard = { 0 };
    struct question question = { .token = SPAN_LITERAL("abcdef.zzzzzzzzzzzzzzzz"),
                                 .has_audiences = true,
                                 .audiences = &api,
                                 .audience_count = 1,
                                 .explain = hear,
                                 .explain_ctx = &heard };
    (void)ask(authenticator, question);
    assert_string_equal(
        heard.text,
        "none ok the token is not empty ()\n"
        "none ok the token is at most 16384 bytes long ()\n"
        "none ok the request names at most 1024 audiences ()\n"
        "bootstrap ok the token has the form [a-z0-9]{6}.[a-z0-9]{16} ()\n"
        "bootstrap ok the request's audiences include one of --api-audiences (asked for: api; "
        "--api-audiences: api)\n"
        "bootstrap ok Secret bootstrap-token-<token id> exists in namespace kube-system "
        "(kube-system/bootstrap-token-abcdef)\n"
        "bootstrap ok the Secret is not being deleted ()\n"
        "bootstrap ok the Secret is of type bootstrap.kubernetes.io/token ()\n"
        "bootstrap ok the Secret has data ()\n"
        "bootstrap no the token secret is data.token-secret ()\n");
    heard = (struct heard){ 0 };
    question.audiences = &other;
    (void)ask(authenticator, question);
    assert_non_null(strstr(heard.text, "\nbootstrap no the request's audiences include one of "
                                       "--api-audiences (asked for: other; --api-audiences: api)"));
    assert_null(strstr(heard.text, "exists in namespace")); /* was not asked */
    heard = (struct heard){ 0 };
    question.token = SPAN_LITERAL("x");
    (void)ask(authenticator, question);
    assert_non_null(strstr(heard.text, "\nbootstrap no the token has the form"));
    heard = (struct heard){ 0 };
    question.token = (struct span){ 0 };
    (void)ask(authenticator, question);
    assert_string_equal(heard.text, "none no the token is not empty ()\n");
    authenticator = authenticator_free(authenticator);
}

/* ------------------------------------------------------------------ threads */

#define RACE_READERS 3
#define RACE_CHANGES 5000

struct race {
    struct authenticator *authenticator;
    pthread_barrier_t start;
    atomic_bool over;
    _Atomic uint64_t wrong;
    _Atomic uint64_t asked;
};

/* While a writer switches the Secret between two token secrets, at most one of them is right at any
 * time, and a third never is. */
static void *ask_on(void *arg)
{
    struct race *race = arg;
    (void)pthread_barrier_wait(&race->start);
    do {
        const struct decision never =
            ask_token(race->authenticator, SPAN_LITERAL("abcdef.zzzzzzzzzzzzzzzz"));
        const struct decision maybe = ask_token(race->authenticator, SPAN_LITERAL(TEST_TOKEN));
        const bool odd = maybe.result != DECISION_ALLOW && maybe.why != ST_TOKEN_SECRET_MISMATCH &&
                         maybe.why != ST_TOKEN_ID_UNKNOWN;
        atomic_fetch_add(&race->wrong, never.result == DECISION_ALLOW || odd);
        atomic_fetch_add(&race->asked, 1);
    } while (!atomic_load(&race->over));
    return NULL;
}

static void test_authenticator_readers_beside_a_writer(void **state)
{
    (void)state;
    struct race race = { .authenticator = make_with_token(NULL, 0, UNKNOWN_TOKEN_ERROR) };
    pthread_t readers[RACE_READERS];
    assert_int_equal(pthread_barrier_init(&race.start, NULL, RACE_READERS + 1), 0);
    for (size_t i = 0; i < RACE_READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, ask_on, &race), 0);
    }
    (void)pthread_barrier_wait(&race.start);
    for (unsigned n = 0; n < RACE_CHANGES; n++) {
        struct test_secret test;
        test_secret_token(&test, TEST_TOKEN_ID, n % 2 ? TEST_TOKEN_SECRET : "fedcba9876543210");
        test_secret_set(&test, "auth-extra-groups", n % 3 ? "" : "system:bootstrappers:a");
        tell(race.authenticator, &test, n % 7 ? STORE_MODIFIED : STORE_DELETED);
    }
    atomic_store(&race.over, true);
    for (size_t i = 0; i < RACE_READERS; i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&race.start);
    assert_int_equal(atomic_load(&race.wrong), 0);
    assert_true(atomic_load(&race.asked) > 0);
    race.authenticator = authenticator_free(race.authenticator);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_authenticator_rows),
        cmocka_unit_test(test_authenticator_reasons_are_bootstraps),
        cmocka_unit_test(test_authenticator_token_length_is_bounded),
        cmocka_unit_test(test_authenticator_unknown_token_answer_refuse_denies),
        cmocka_unit_test(test_authenticator_before_sync_unknown_is_an_error_either_way),
        cmocka_unit_test(test_authenticator_without_bootstrap_knows_no_form),
        cmocka_unit_test(test_authenticator_two_do_not_know_each_other),
        cmocka_unit_test(test_authenticator_too_many_api_audiences_are_refused),
        cmocka_unit_test(test_authenticator_audience_rows),
        cmocka_unit_test(test_authenticator_audiences_are_copied),
        cmocka_unit_test(test_authenticator_refusal_grants_no_audience),
        cmocka_unit_test(test_authenticator_more_audiences_than_bits_are_refused),
        cmocka_unit_test(test_authenticator_audience_vectors),
        cmocka_unit_test(test_authenticator_explains_in_order),
        cmocka_unit_test(test_authenticator_readers_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
