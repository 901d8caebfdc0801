/* SPDX-License-Identifier: Apache-2.0 */
/* Two families in one authenticator: bootstrap tokens and the badges of support/badge_family.h.
 * What concerns one of them must not reach the other; and what an answer of the second looks like
 * on the wire. */
#include <urcu/urcu-bp.h>

#include "authn/authenticator.h"
#include "authn/bootstrap.h"
#include "authn/verification_share.h"
#include "server/endpoints/review_answer.h"
#include "store/open/open.h"
#include "store/store_base.h"
#include "support/badge_family.h"
#include "support/file_kit.h"
#include "support/manifest_text.h"
#include "support/secret_builder.h"

#define NOW_SEC INT64_C(1748779200) /* 2025-06-01T12:00:00Z */

struct fixture {
    atomic_bool has_key;
    atomic_bool is_south_away;
    unsigned fits_count;
    struct authenticator *authenticator;
    struct scratch scratch;
};

static struct badge_options badge_options_of(struct fixture *fixture)
{
    return (struct badge_options){ .has_key = &fixture->has_key,
                                   .is_south_away = &fixture->is_south_away,
                                   .fits_count = &fixture->fits_count };
}

static enum status make(struct fixture *fixture,
                        enum status create_status,
                        struct authenticator **ret_authenticator)
{
    struct badge_options options = badge_options_of(fixture);
    options.create_status = create_status;
    const struct token_family_choice families[] = { { .ops = &bootstrap_ops },
                                                    { .ops = &badge_ops, .options = &options } };
    const struct span api = SPAN_LITERAL("api");
    return authenticator_new(&(struct authenticator_options){ .families = families,
                                                              .family_count = COUNTOF(families),
                                                              .api_audiences = &api,
                                                              .api_audience_count = 1 },
                             ret_authenticator, NULL);
}

static void tell_badge_of(struct fixture *fixture,
                          unsigned cluster,
                          enum store_event_type type,
                          const char *secret_name,
                          const char *pin)
{
    struct test_secret test;
    test_secret_init(&test, "");
    test.secret.meta.namespace = SPAN_LITERAL(BADGE_NAMESPACE);
    test.secret.meta.name = span_of(secret_name);
    test.secret.type = SPAN_LITERAL(BADGE_SECRET_TYPE);
    test_secret_set(&test, "pin", pin);
    test_secret_set(&test, "uid", "007");
    if (strcmp(secret_name, "north.jane") != 0) {
        test_secret_set(&test, "until", "1748779200");
    }
    const struct store_event event = test_secret_event(&test, type);
    authenticator_tell(fixture->authenticator, cluster, &event);
}

static void tell_badge(struct fixture *fixture,
                       enum store_event_type type,
                       const char *secret_name,
                       const char *pin)
{
    tell_badge_of(fixture, 0, type, secret_name, pin);
}

static void tell_synced(struct fixture *fixture)
{
    const struct store_event event = test_synced_event();
    authenticator_handle_event(fixture->authenticator, &event);
}

/* A bootstrap token, jane of the north, who is always welcome, and two who were until today. */
static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){ .has_key = true };
    if (make(&fixture, ST_OK, &fixture.authenticator) != ST_OK ||
        scratch_init(&fixture.scratch, authenticator_scratch_bytes(fixture.authenticator)) !=
            ST_OK) {
        return -1;
    }
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    const struct store_event event = test_secret_event(&test, STORE_ADDED);
    authenticator_handle_event(fixture.authenticator, &event);
    tell_badge(&fixture, STORE_ADDED, "north.jane", "0000");
    tell_badge(&fixture, STORE_ADDED, "north.john", "0000");
    tell_badge(&fixture, STORE_ADDED, "south.jane", "1111");
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture->authenticator = authenticator_free(fixture->authenticator);
    scratch_fini(&fixture->scratch);
    return 0;
}

static struct decision ask(const struct fixture *fixture, struct question question)
{
    struct decision decision;
    question.scratch = fixture->scratch;
    question.now.sec = question.now.sec ? question.now.sec : NOW_SEC;
    urcu_bp_read_lock();
    authenticator_decide(fixture->authenticator, &question, &decision);
    urcu_bp_read_unlock();
    return decision;
}

static struct decision ask_token(const struct fixture *fixture, struct span token)
{
    return ask(fixture, (struct question){ .token = token });
}

/* ------------------------------------------------------------------ answers */

static const struct {
    const char *name;
    struct span token;
    enum decision_result want;
    enum status why;
    enum authenticator_id authenticator;
    const char *reason_text;
} rows[] = {
    { "a bootstrap token", SPAN_LITERAL(TEST_TOKEN), DECISION_ALLOW, ST_OK, AUTHENTICATOR_BOOTSTRAP,
      "success" },
    { "a badge", SPAN_LITERAL(BADGE_JANE), DECISION_ALLOW, ST_OK, AUTHENTICATOR_BADGE, "success" },
    { "a badge with a wrong pin", SPAN_LITERAL(BADGE_JANE_WRONG), DECISION_DENY,
      ST_TOKEN_SECRET_MISMATCH, AUTHENTICATOR_BADGE, "the token secret is wrong" },
    { "a badge that nobody has", SPAN_LITERAL("badge/north/00/0000"), DECISION_ERROR,
      ST_TOKEN_ID_UNKNOWN, AUTHENTICATOR_BADGE, "the token's ID is not known (yet)" },
    { "an expired one, in its family's words", SPAN_LITERAL("badge/north/6a6f686e/0000"),
      DECISION_DENY, ST_TOKEN_EXPIRED, AUTHENTICATOR_BADGE, "the badge is of last year" },
    { "a badge of no site", SPAN_LITERAL("badge/east/6a616e65/0000"), DECISION_DENY, ST_NOT_FOUND,
      AUTHENTICATOR_BADGE, "no site of this name issues badges" },
    { "a wrong bootstrap token", SPAN_LITERAL("abcdef.0123456789abcdeg"), DECISION_DENY,
      ST_TOKEN_SECRET_MISMATCH, AUTHENTICATOR_BOOTSTRAP, "the token secret is wrong" },
    { "an unknown bootstrap token", SPAN_LITERAL("zzzzzz.0123456789abcdef"), DECISION_ERROR,
      ST_TOKEN_ID_UNKNOWN, AUTHENTICATOR_BOOTSTRAP, "no Secret holds this token ID (yet)" },
    { "of no form", SPAN_LITERAL("badge/north/6a616e6/0000"), DECISION_DENY, ST_TOKEN_UNRECOGNIZED,
      AUTHENTICATOR_NONE, "not of the form of any known token" },
};

static void test_token_family_rows(void **state)
{
    struct fixture *fixture = *state;
    tell_synced(fixture);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct decision decision = ask_token(fixture, rows[i].token);
        if (decision.result != rows[i].want || decision.why != rows[i].why ||
            decision.authenticator != rows[i].authenticator) {
            fail_msg("%s: %s %s", rows[i].name, decision_result_label(decision.result),
                     status_label(decision.why));
        }
        assert_string_equal(decision.reason_text, rows[i].reason_text);
    }
}

static void test_token_family_is_asked_of_its_own_form_and_takes_a_token_apart_once(void **state)
{
    struct fixture *fixture = *state;
    tell_synced(fixture);
    (void)ask_token(fixture, SPAN_LITERAL(TEST_TOKEN));
    assert_int_equal(fixture->fits_count, 0); /* the family before it knew the token */
    (void)ask_token(fixture, SPAN_LITERAL(BADGE_JANE));
    assert_int_equal(fixture->fits_count, 1);
}

/* A family whose tokens name their audience grants by itself: --api-audiences ("api") is not asked.
 */
static void test_token_family_grants_audiences_by_itself(void **state)
{
    struct fixture *fixture = *state;
    tell_synced(fixture);
    const struct span asked[] = { SPAN_LITERAL("api"), SPAN_LITERAL("north") };
    struct question question = { .token = SPAN_LITERAL(BADGE_JANE),
                                 .has_audiences = true,
                                 .audiences = asked,
                                 .audience_count = 2 };
    struct decision decision = ask(fixture, question);
    assert_int_equal(decision.result, DECISION_ALLOW);
    assert_int_equal(decision.granted.words[0], 2);
    question.audience_count = 1;
    decision = ask(fixture, question);
    assert_int_equal(decision.result, DECISION_DENY);
    assert_string_equal(decision.reason_text, "the token is for none of the audiences asked for");
    question.token = SPAN_LITERAL(TEST_TOKEN);
    decision = ask(fixture, question);
    assert_int_equal(decision.granted.words[0], 1);
}

static void test_token_family_events_come_and_go(void **state)
{
    struct fixture *fixture = *state;
    tell_synced(fixture);
    struct token_family_stats stats;
    authenticator_stats(fixture->authenticator, AUTHENTICATOR_BADGE, &stats);
    assert_int_equal(stats.usable, 3);
    tell_badge(fixture, STORE_MODIFIED, "north.jane", "0001");
    assert_int_equal(ask_token(fixture, SPAN_LITERAL(BADGE_JANE)).why, ST_TOKEN_SECRET_MISMATCH);
    assert_int_equal(ask_token(fixture, SPAN_LITERAL(BADGE_JANE_WRONG)).result, DECISION_ALLOW);
    tell_badge(fixture, STORE_MODIFIED, "north.jane", "");
    tell_badge(fixture, STORE_DELETED, "north.john", "");
    authenticator_stats(fixture->authenticator, AUTHENTICATOR_BADGE, &stats);
    assert_int_equal(stats.usable, 1);
    assert_int_equal(stats.rejected[ST_SECRET_NO_DATA], 1);
    authenticator_stats(fixture->authenticator, AUTHENTICATOR_BOOTSTRAP, &stats);
    assert_int_equal(stats.usable, 1);
    assert_int_equal(stats.rejected[ST_SECRET_NO_DATA], 0);
}

static void count_piece(void *ctx, const void *at, size_t len)
{
    size_t *pieces = ctx;
    assert_non_null(at);
    assert_true(len > 0);
    (*pieces)++;
}

static void test_token_family_secrets_of_all_are_tainted(void **state)
{
    const struct fixture *fixture = *state;
    size_t pieces = 0;
    authenticator_taint(fixture->authenticator, count_piece, &pieces);
    assert_int_equal(pieces, 3 + 3); /* pins; key, digest, the dummy's digest */
}

/* ------------------------------------------------------------------ readiness */

static enum status why_waiting(const struct fixture *fixture, struct span token)
{
    const struct decision decision =
        ask(fixture, (struct question){ .token = token, .waits_for_sync = true });
    assert_int_equal(decision.result == DECISION_ERROR, decision.why == ST_NOT_SYNCED);
    return decision.why;
}

static void test_token_family_that_syncs_holds_up_nobody_else(void **state)
{
    struct fixture *fixture = *state;
    const struct span token = SPAN_LITERAL(TEST_TOKEN);
    const struct span badge = SPAN_LITERAL(BADGE_JANE);
    assert_int_equal(why_waiting(fixture, token), ST_NOT_SYNCED);
    assert_int_equal(why_waiting(fixture, badge), ST_NOT_SYNCED);
    assert_int_equal(why_waiting(fixture, SPAN_LITERAL("x")), ST_TOKEN_UNRECOGNIZED);
    atomic_store(&fixture->has_key, false);
    tell_synced(fixture);
    assert_false(authenticator_is_synced(fixture->authenticator));
    assert_int_equal(why_waiting(fixture, token), ST_OK);
    assert_int_equal(why_waiting(fixture, badge), ST_NOT_SYNCED);
    atomic_store(&fixture->has_key, true);
    assert_true(authenticator_is_synced(fixture->authenticator));
    assert_int_equal(why_waiting(fixture, badge), ST_OK);
}

/* Who does not wait is answered of what is known already, as an embedder is. */
static void test_token_family_that_syncs_answers_whom_it_knows_to_who_does_not_wait(void **state)
{
    const struct fixture *fixture = *state;
    assert_int_equal(ask_token(fixture, SPAN_LITERAL(TEST_TOKEN)).result, DECISION_ALLOW);
    assert_int_equal(ask_token(fixture, SPAN_LITERAL(BADGE_JANE)).result, DECISION_ALLOW);
}

/* One of a family's issuers is its own business. */
static void test_token_family_issuer_that_is_away_holds_up_no_other(void **state)
{
    struct fixture *fixture = *state;
    const struct span south = SPAN_LITERAL("badge/south/6a616e65/1111");
    tell_synced(fixture);
    atomic_store(&fixture->is_south_away, true);
    assert_int_equal(ask_token(fixture, south).result, DECISION_ERROR);
    assert_int_equal(ask_token(fixture, SPAN_LITERAL(BADGE_JANE)).result, DECISION_ALLOW);
    atomic_store(&fixture->is_south_away, false);
    assert_int_equal(
        ask(fixture, (struct question){ .token = south, .now = { .sec = NOW_SEC - 1 } }).result,
        DECISION_ALLOW);
}

/* ------------------------------------------------------------------ composition */

static void test_token_family_needs_its_scratch(void **state)
{
    struct fixture *fixture = *state;
    struct decision decision;
    tell_synced(fixture);
    assert_true(fixture->scratch.len > 0);
    struct question question = { .token = SPAN_LITERAL(BADGE_JANE), .scratch = fixture->scratch };
    question.scratch.len--;
    urcu_bp_read_lock();
    authenticator_decide(fixture->authenticator, &question, &decision);
    urcu_bp_read_unlock();
    assert_int_equal(decision.result, DECISION_ERROR);
    assert_int_equal(decision.why, ST_INTERNAL);
    assert_int_equal(fixture->fits_count, 0);
}

static void test_token_family_that_cannot_be_made_ends_the_start(void **state)
{
    struct fixture *fixture = *state;
    struct authenticator *authenticator = NULL;
    assert_int_equal(make(fixture, ST_INVALID, &authenticator), ST_INVALID);
    assert_null(authenticator);
    struct token_family_choice many[AUTHENTICATOR_FAMILIES_MAX + 1];
    for (size_t i = 0; i < COUNTOF(many); i++) {
        many[i] = (struct token_family_choice){ .ops = &bootstrap_ops };
    }
    struct authenticator_options options = { .families = many, .family_count = COUNTOF(many) };
    assert_int_equal(authenticator_new(&options, &authenticator, NULL), ST_LIMIT);
    struct token_family_ops greedy = bootstrap_ops;
    greedy.scratch_bytes = AUTHENTICATOR_SCRATCH_MAX + 1;
    many[0].ops = &greedy;
    options.family_count = 1;
    assert_int_equal(authenticator_new(&options, &authenticator, NULL), ST_LIMIT);
    greedy.scratch_bytes = AUTHENTICATOR_SCRATCH_MAX;
    assert_int_equal(authenticator_new(&options, &authenticator, NULL), ST_OK);
    assert_int_equal(authenticator_scratch_bytes(authenticator), AUTHENTICATOR_SCRATCH_MAX);
    authenticator = authenticator_free(authenticator);
}

static void test_token_family_is_fed_by_a_store_as_it_asked(void **state)
{
    struct fixture *fixture = *state;
    struct file_kit kit;
    struct problem problem = { 0 };
    struct store *store = NULL;
    char *server = NULL;
    kit_init(&kit);
    kit_mkdir(&kit, "m");
    kit_write(&kit, "m/a.yaml", MANIFEST_SECRET("kube-system"));
    kit_write(&kit, "m/b.yaml",
              "apiVersion: v1\nkind: Secret\nmetadata: {name: north.jane, namespace: badges}\n"
              "type: example.org/badge\nstringData: {pin: '9999'}\n");
    const struct kit_path folder = kit_path(&kit, "m");
    struct clock clock = clock_system();
    struct manual_clock later = { .wall = clock_now(&clock) };
    later.wall.sec += 10; /* so that the files have been quiet for long enough */
    const struct store_sources sources = { .manifests = folder.text,
                                           .clock = clock_manual(&later) };
    assert_int_equal(store_open(&sources, &store, &server, &problem), ST_OK);
    assert_int_equal(authenticator_attach(fixture->authenticator, 0, store), ST_OK);
    assert_int_equal(store_load(store, &problem), ST_OK);
    assert_true(authenticator_is_synced(fixture->authenticator));
    assert_int_equal(ask_token(fixture, SPAN_LITERAL(MANIFEST_TOKEN)).result, DECISION_ALLOW);
    assert_int_equal(ask_token(fixture, SPAN_LITERAL("badge/north/6a616e65/9999")).result,
                     DECISION_ALLOW);
    store = store_free(store);
    kit_fini(&kit);
}

static void test_token_family_says_why_it_cannot_be_made(void **state)
{
    struct fixture *fixture = *state;
    struct badge_options badges = badge_options_of(fixture);
    const struct token_family_choice family = { .ops = &badge_ops, .options = &badges };
    struct authenticator_options options = { .families = &family, .family_count = 1 };
    struct authenticator *authenticator = NULL;
    struct problem problem = { 0 };
    badges.create_status = ST_INVALID;
    assert_int_equal(authenticator_new(&options, &authenticator, &problem), ST_INVALID);
    assert_string_equal(problem.text, "badges cannot be printed");
    options.cluster_count = AUTHENTICATOR_CLUSTERS_MAX + 1;
    assert_int_equal(authenticator_new(&options, &authenticator, NULL), ST_LIMIT);
    assert_null(authenticator);
}

/* ------------------------------------------------------------------ clusters */

#define BADGE_SOUTH "badge/south/6a616e65/1111" /* TEST-ONLY */

/* The same families, but the south is the second of two further clusters. Return: what
 * authenticator_new() says of it with so many of them. */
static enum status make_with_clusters(struct fixture *fixture,
                                      unsigned cluster_count,
                                      struct problem *reterr_problem)
{
    struct badge_options badges = badge_options_of(fixture);
    badges.south_cluster = 2;
    const struct token_family_choice families[] = { { .ops = &bootstrap_ops },
                                                    { .ops = &badge_ops, .options = &badges } };
    const struct authenticator_options options = { .families = families,
                                                   .family_count = COUNTOF(families),
                                                   .cluster_count = cluster_count };
    fixture->authenticator = authenticator_free(fixture->authenticator);
    return authenticator_new(&options, &fixture->authenticator, reterr_problem);
}

static void test_token_family_hears_of_a_cluster_what_that_tells(void **state)
{
    struct fixture *fixture = *state;
    const struct store_event synced = test_synced_event();
    struct token_family_stats stats;
    assert_int_equal(make_with_clusters(fixture, 2, NULL), ST_OK);
    tell_badge_of(fixture, 0, STORE_ADDED, "north.jane", "0000");
    tell_badge_of(fixture, 0, STORE_ADDED, "south.jane", "1111"); /* not the south's word */
    tell_badge_of(fixture, 1, STORE_ADDED, "south.jane", "1111"); /* nobody listens to this one */
    tell_synced(fixture);
    authenticator_stats(fixture->authenticator, AUTHENTICATOR_BADGE, &stats);
    assert_int_equal(stats.usable, 2);
    authenticator_tell(fixture->authenticator, 2, &synced);
    const struct question question = { .token = SPAN_LITERAL(BADGE_SOUTH), .now = { .sec = 1 } };
    assert_int_equal(ask(fixture, question).why, ST_TOKEN_ID_UNKNOWN);
    tell_badge_of(fixture, 2, STORE_ADDED, "south.jane", "1111");
    assert_int_equal(ask(fixture, question).result, DECISION_ALLOW);
    tell_badge_of(fixture, 0, STORE_DELETED, "south.jane", "1111");
    assert_int_equal(ask(fixture, question).result, DECISION_ALLOW);
    tell_badge_of(fixture, 2, STORE_DELETED, "south.jane", "1111");
    assert_int_equal(ask(fixture, question).why, ST_TOKEN_ID_UNKNOWN);
    assert_int_equal(ask_token(fixture, SPAN_LITERAL(BADGE_JANE)).result, DECISION_ALLOW);
}

/* Its own tokens get an error, which asks nobody to wait for the whole family. */
static void test_token_family_cluster_that_syncs_holds_up_no_other(void **state)
{
    struct fixture *fixture = *state;
    const struct store_event synced = test_synced_event();
    const struct question question = { .token = SPAN_LITERAL(BADGE_SOUTH), .waits_for_sync = true };
    assert_int_equal(make_with_clusters(fixture, 2, NULL), ST_OK);
    struct decision decision = ask(fixture, question);
    assert_int_equal(decision.why, ST_NOT_SYNCED);
    assert_true(decision.is_unready);
    tell_synced(fixture);
    assert_true(authenticator_is_synced(fixture->authenticator));
    decision = ask(fixture, question);
    assert_int_equal(decision.result, DECISION_ERROR);
    assert_int_equal(decision.why, ST_NOT_SYNCED);
    assert_false(decision.is_unready);
    assert_true(span_equal(decision.error, SPAN_LITERAL("not ready to answer, ask again")));
    authenticator_tell(fixture->authenticator, 2, &synced);
    assert_int_equal(ask(fixture, question).why, ST_TOKEN_ID_UNKNOWN);
}

static void test_token_family_that_wants_a_cluster_that_is_not_there_ends_the_start(void **state)
{
    struct fixture *fixture = *state;
    struct problem problem = { 0 };
    assert_int_equal(make_with_clusters(fixture, 1, &problem), ST_INVALID);
    assert_string_equal(problem.text, "unknown tokens want to be told of cluster 2, and there are "
                                      "2");
    assert_null(fixture->authenticator);
    assert_int_equal(make_with_clusters(fixture, 2, &problem), ST_OK);
}

static void test_token_family_asks_a_cluster_for_its_figures(void **state)
{
    static const struct store_ops no_ops = { 0 };
    struct fixture *fixture = *state;
    struct store south;
    const struct question question = { .token = SPAN_LITERAL(BADGE_SOUTH) };
    store_base_init(&south, &no_ops);
    assert_int_equal(make_with_clusters(fixture, 2, NULL), ST_OK);
    assert_int_equal(authenticator_attach(fixture->authenticator, 3, &south), ST_LIMIT);
    assert_int_equal(authenticator_attach(fixture->authenticator, 1, &south), ST_OK);
    assert_int_equal(south.subscription_count, 0);
    assert_int_equal(authenticator_attach(fixture->authenticator, 2, &south), ST_OK);
    assert_int_equal(south.subscription_count, 1);
    assert_int_equal(ask(fixture, question).why, ST_NOT_SYNCED);
    atomic_store(&south.counters.last_failure, ST_UNAVAILABLE);
    assert_int_equal(ask(fixture, question).why, ST_UNAVAILABLE);
}

/* ------------------------------------------------------------------ what may change */

#define BADGE_VAULT "badge/vault/6a616e65/1" /* TEST-ONLY */

static void test_token_family_answer_that_may_change_says_by_what(void **state)
{
    struct fixture *fixture = *state;
    tell_synced(fixture);
    struct question question = { .token = SPAN_LITERAL("badge/south/616e6e65/0000") };
    struct decision decision = ask(fixture, question);
    assert_int_equal(decision.why, ST_TOKEN_ID_UNKNOWN);
    assert_int_equal(decision.wait.kind, WAIT_NOTHING); /* nobody would */
    question.may_wait = true;
    decision = ask(fixture, question);
    assert_int_equal(decision.result, DECISION_ERROR);
    assert_int_equal(decision.wait.kind, WAIT_OBJECT);
    assert_int_equal(decision.wait.source, BADGE_SITE_SOUTH);
    question.token = SPAN_LITERAL(BADGE_JANE_WRONG);
    decision = ask(fixture, question);
    assert_int_equal(decision.why, ST_TOKEN_SECRET_MISMATCH);
    assert_int_equal(decision.wait.kind, WAIT_NOTHING);
}

struct told {
    unsigned count;
    enum authenticator_id family;
    unsigned source;
    uint64_t what;
};

static void hear_told(void *ctx, enum authenticator_id family, unsigned source, uint64_t what)
{
    struct told *told = ctx;
    *told = (struct told){ told->count + 1, family, source, what };
}

static void test_token_family_says_what_has_come(void **state)
{
    struct fixture *fixture = *state;
    struct told told = { 0 };
    const struct badge_options badges = badge_options_of(fixture);
    const struct token_family_choice family = { .ops = &badge_ops, .options = &badges };
    const struct authenticator_options options = {
        .families = &family, .family_count = 1, .on_told = hear_told, .told_ctx = &told
    };
    const struct question question = { .token = SPAN_LITERAL("badge/south/616e6e65/0000"),
                                       .may_wait = true };
    fixture->authenticator = authenticator_free(fixture->authenticator);
    assert_int_equal(authenticator_new(&options, &fixture->authenticator, NULL), ST_OK);
    const struct decision decision = ask(fixture, question);
    tell_badge(fixture, STORE_ADDED, "south.anne", "0000");
    assert_int_equal(told.count, 1);
    assert_int_equal(told.family, AUTHENTICATOR_BADGE);
    assert_int_equal(told.source, decision.wait.source);
    assert_int_equal(told.what, decision.wait.what);
}

/* What key is not among them is none, once they have been fetched since. */
static void test_token_family_keys_are_unknown_until_they_were_fetched(void **state)
{
    struct fixture *fixture = *state;
    tell_synced(fixture);
    struct question question = { .token = SPAN_LITERAL(BADGE_VAULT), .may_wait = true };
    struct decision decision = ask(fixture, question);
    assert_int_equal(decision.result, DECISION_ERROR);
    assert_int_equal(decision.why, ST_KEYS_UNAVAILABLE);
    assert_int_equal(decision.wait.kind, WAIT_KEYS);
    question.conclusive_sources = decision.wait.what;
    decision = ask(fixture, question);
    assert_int_equal(decision.result, DECISION_DENY);
    assert_int_equal(decision.why, ST_KEY_UNKNOWN);
    assert_int_equal(decision.wait.kind, WAIT_NOTHING);
}

static void test_token_family_pays_for_what_is_dear(void **state)
{
    struct fixture *fixture = *state;
    struct manual_clock time = { 0 };
    struct verification_share share;
    atomic_uint keys = 1;
    struct badge_options badges = badge_options_of(fixture);
    badges.vault_keys = &keys;
    badges.vault_time = &time;
    badges.vault_cost_ns = 600000;
    const struct token_family_choice family = { .ops = &badge_ops, .options = &badges };
    const struct authenticator_options options = { .families = &family, .family_count = 1 };
    struct question question = { .token = SPAN_LITERAL(BADGE_VAULT), .share = &share };
    fixture->authenticator = authenticator_free(fixture->authenticator);
    assert_int_equal(authenticator_new(&options, &fixture->authenticator, NULL), ST_OK);
    const struct share_limit limit = { .percent = 10, .burst_ns = 1000000 };
    verification_share_init(&share, clock_manual(&time), limit, limit);
    assert_int_equal(ask(fixture, question).result, DECISION_ALLOW);
    assert_int_equal(ask(fixture, question).result, DECISION_ALLOW);
    const struct decision decision = ask(fixture, question);
    assert_int_equal(decision.result, DECISION_ERROR); /* not a no: nothing is known of it */
    assert_int_equal(decision.why, ST_VERIFICATION_BUSY);
    question.share = NULL;
    assert_int_equal(ask(fixture, question).result, DECISION_ALLOW);
}

/* ------------------------------------------------------------------ the wire */

struct heard {
    char text[1024];
};

static void hear(void *ctx,
                 enum authenticator_id authenticator,
                 const char *check,
                 bool passed,
                 const char *detail)
{
    struct heard *heard = ctx;
    const size_t used = strlen(heard->text);
    (void)detail; /* of the bounds and of readiness there is none */
    (void)snprintf(heard->text + used, sizeof(heard->text) - used, "%d %s %s\n", (int)authenticator,
                   passed ? "ok" : "no", check);
}

static void test_token_family_explains_which_was_asked_and_that_it_waits(void **state)
{
    const struct fixture *fixture = *state;
    struct heard heard = { 0 };
    (void)ask(fixture, (struct question){ .token = SPAN_LITERAL(BADGE_JANE),
                                          .waits_for_sync = true,
                                          .explain = hear,
                                          .explain_ctx = &heard });
    char want[256];
    (void)snprintf(want, sizeof(want),
                   "\n%d no the token has the form [a-z0-9]{6}.[a-z0-9]{16}\n"
                   "%d ok the token has the form badge/site/name/pin\n"
                   "%d no everything has been read once\n",
                   (int)AUTHENTICATOR_BOOTSTRAP, (int)AUTHENTICATOR_BADGE,
                   (int)AUTHENTICATOR_BADGE);
    assert_non_null(strstr(heard.text, want));
}

/* From a request's bytes to a reply's, as a worker goes. */
static void assert_reply(struct fixture *fixture, const char *request, const char *status)
{
    static const char head[] =
        "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\","
        "\"spec\":{\"token\":\"\"},\"status\":";
    char body[512];
    struct token_review review;
    struct problem problem = { 0 };
    struct question question;
    struct decision decision;
    struct token_review_answer answer;
    struct buf reply = { 0 };
    (void)snprintf(body, sizeof(body),
                   "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\","
                   "\"spec\":%s}",
                   request);
    assert_int_equal(
        token_review_parse(body, strlen(body), TOKEN_REVIEW_NO_DEFAULTS, &review, &problem), ST_OK);
    review_question_from(&review, (struct instant){ .sec = NOW_SEC }, &question);
    question.scratch = fixture->scratch;
    urcu_bp_read_lock();
    authenticator_decide(fixture->authenticator, &question, &decision);
    review_answer_from_decision(&decision, &question, &answer);
    token_review_build(&reply, review.version, &answer);
    urcu_bp_read_unlock();
    scratch_wipe(&question.scratch);
    buf_append_char(&reply, '\0');
    assert_false(reply.failed);
    assert_memory_equal(reply.at, head, strlen(head));
    assert_string_equal(reply.at + strlen(head), status);
    buf_fini(&reply);
}

static void test_token_family_user_is_rendered_into_the_reply(void **state)
{
    struct fixture *fixture = *state;
    tell_synced(fixture);
    assert_reply(fixture, "{\"token\":\"" BADGE_JANE "\",\"audiences\":[\"x\",\"north\"]}",
                 "{\"authenticated\":true,\"user\":{\"username\":\"badge:jane\",\"uid\":\"007\","
                 "\"groups\":[\"\\\"staff\\\"\"],\"extra\":{\"example.org/day\":[\"monday\"],"
                 "\"example.org/site\":[\"north\"]}},\"audiences\":[\"north\"]}}");
    assert_reply(fixture, "{\"token\":\"" BADGE_JANE_WRONG "\"}", "{\"authenticated\":false}}");
    assert_reply(fixture, "{\"token\":\"" TEST_TOKEN "\"}",
                 "{\"authenticated\":true,\"user\":{\"username\":\"system:bootstrap:abcdef\","
                 "\"groups\":[\"system:bootstrappers\"]}}}");
    atomic_store(&fixture->has_key, false);
    assert_reply(fixture, "{\"token\":\"" BADGE_JANE "\"}",
                 "{\"authenticated\":false,\"error\":\"not ready to answer, ask again\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_token_family_rows),
        T(test_token_family_is_asked_of_its_own_form_and_takes_a_token_apart_once),
        T(test_token_family_grants_audiences_by_itself),
        T(test_token_family_events_come_and_go),
        T(test_token_family_secrets_of_all_are_tainted),
        T(test_token_family_that_syncs_holds_up_nobody_else),
        T(test_token_family_that_syncs_answers_whom_it_knows_to_who_does_not_wait),
        T(test_token_family_issuer_that_is_away_holds_up_no_other),
        T(test_token_family_needs_its_scratch),
        T(test_token_family_that_cannot_be_made_ends_the_start),
        T(test_token_family_says_why_it_cannot_be_made),
        T(test_token_family_hears_of_a_cluster_what_that_tells),
        T(test_token_family_cluster_that_syncs_holds_up_no_other),
        T(test_token_family_that_wants_a_cluster_that_is_not_there_ends_the_start),
        T(test_token_family_asks_a_cluster_for_its_figures),
        T(test_token_family_is_fed_by_a_store_as_it_asked),
        T(test_token_family_answer_that_may_change_says_by_what),
        T(test_token_family_says_what_has_come),
        T(test_token_family_keys_are_unknown_until_they_were_fetched),
        T(test_token_family_pays_for_what_is_dear),
        T(test_token_family_explains_which_was_asked_and_that_it_waits),
        T(test_token_family_user_is_rendered_into_the_reply),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
