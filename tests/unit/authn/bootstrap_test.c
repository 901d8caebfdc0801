/* SPDX-License-Identifier: Apache-2.0 */
/* The bootstrap authenticator: Secrets come, change and go; what is said to tokens, to operators
 * and to metrics follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/bootstrap.h"
#include "base/rfc3339.h"
#include "support/alloc_fail.h"
#include "support/secret_builder.h"
#include "support/vectors.h"

#define NOW_SEC INT64_C(1748779200) /* 2025-06-01T12:00:00Z */

struct fixture {
    void *bootstrap;
    size_t problem_count;
    struct problem last;
};

static void on_problem(void *ctx, const struct problem *problem)
{
    struct fixture *fixture = ctx;
    fixture->problem_count++;
    fixture->last = *problem;
    /* whatever is wrong, no text gives a secret away */
    assert_null(strstr(problem->text, "0123456789abcde"));
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){ 0 };
    *state = &fixture;
    const struct token_family_setup setup = { .on_problem = on_problem, .ctx = &fixture };
    return bootstrap_ops.create(&setup, &fixture.bootstrap, NULL) == ST_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    bootstrap_ops.free(fixture->bootstrap);
    return 0;
}

static void tell(struct fixture *fixture,
                 const struct test_secret *test,
                 enum store_event_type type)
{
    const struct store_event event = test_secret_event(test, type);
    bootstrap_ops.handle_event(fixture->bootstrap, 0, &event);
}

static void tell_synced(struct fixture *fixture)
{
    const struct store_event event = test_synced_event();
    bootstrap_ops.handle_event(fixture->bootstrap, 0, &event);
}

/* As the chain does. Inside a read section. */
static void authenticate(const struct fixture *fixture,
                         const struct question *question,
                         struct verdict *verdict)
{
    struct token_parts parts;
    verdict->why = ST_TOKEN_UNRECOGNIZED;
    if (bootstrap_ops.fits(fixture->bootstrap, question, &parts)) {
        verdict->why = ST_OK;
        bootstrap_ops.authenticate(fixture->bootstrap, question, &parts, verdict);
    }
}

static enum status ask_at(struct fixture *fixture, const char *token, struct instant now)
{
    const struct question question = { .token = span_of(token), .now = now };
    struct verdict verdict = { .authenticator = AUTHENTICATOR_BOOTSTRAP };
    urcu_bp_read_lock();
    authenticate(fixture, &question, &verdict);
    urcu_bp_read_unlock();
    assert_int_equal(verdict.accepted, verdict.why == ST_OK);
    return verdict.why;
}

static enum status ask(struct fixture *fixture, const char *token)
{
    return ask_at(fixture, token, (struct instant){ .sec = NOW_SEC });
}

static uint64_t usable(const struct fixture *fixture)
{
    struct token_family_stats stats = { 0 };
    bootstrap_ops.stats(fixture->bootstrap, &stats);
    return stats.usable;
}

static uint64_t rejected(const struct fixture *fixture, enum status why)
{
    struct token_family_stats stats = { 0 };
    bootstrap_ops.stats(fixture->bootstrap, &stats);
    return stats.rejected[why];
}

/* One data key of a good Secret changed (or taken out: NULL); what the right token then hears. */
static const struct {
    const char *name;
    const char *key;
    const char *value;
    enum status want;
    bool is_quiet; /* meant like that: no problem is reported */
} rows[] = {
    { "nothing changed", "description", "for people", ST_OK, false },
    { "unknown usage", "usage-bootstrap-flying", "true", ST_OK, false },
    { "token-secret missing", "token-secret", NULL, ST_TOKEN_SECRET_MISMATCH, false },
    { "token-secret empty", "token-secret", "", ST_TOKEN_SECRET_MISMATCH, false },
    { "token-secret short", "token-secret", "0123456789abcde", ST_TOKEN_SECRET_MISMATCH, false },
    { "token-secret with newline", "token-secret", TEST_TOKEN_SECRET "\n", ST_TOKEN_SECRET_MISMATCH,
      false },
    { "token-id missing", "token-id", NULL, ST_TOKEN_ID_MISMATCH, false },
    { "token-id of another", "token-id", "abcdeg", ST_TOKEN_ID_MISMATCH, false },
    { "token-id with newline", "token-id", "abcdef\n", ST_TOKEN_ID_MISMATCH, false },
    { "expiration empty", "expiration", "", ST_OK, false },
    { "expiration ahead", "expiration", "2109-11-10T23:00:00Z", ST_OK, false },
    { "expiration invalid", "expiration", "tomorrow", ST_EXPIRATION_INVALID, false },
    { "expiration without a zone", "expiration", "2109-11-10T23:00:00", ST_EXPIRATION_INVALID,
      false },
    { "expiration with newline", "expiration", "2109-11-10T23:00:00Z\n", ST_EXPIRATION_INVALID,
      false },
    { "usage missing", "usage-bootstrap-authentication", NULL, ST_USAGE_NOT_ALLOWED, true },
    { "usage empty", "usage-bootstrap-authentication", "", ST_USAGE_NOT_ALLOWED, true },
    { "usage false", "usage-bootstrap-authentication", "false", ST_USAGE_NOT_ALLOWED, true },
    { "usage True", "usage-bootstrap-authentication", "True", ST_USAGE_NOT_ALLOWED, false },
    { "usage 1", "usage-bootstrap-authentication", "1", ST_USAGE_NOT_ALLOWED, false },
    { "usage with newline", "usage-bootstrap-authentication", "true\n", ST_USAGE_NOT_ALLOWED,
      false },
    { "groups empty", "auth-extra-groups", "", ST_OK, false },
    { "groups good", "auth-extra-groups", "system:bootstrappers:a", ST_OK, false },
    { "groups bad", "auth-extra-groups", "system:masters", ST_GROUPS_INVALID, false },
};

static void test_bootstrap_rows(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct test_secret test;
        test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
        if (rows[i].value) {
            test_secret_set(&test, rows[i].key, rows[i].value);
        } else {
            test_secret_unset(&test, rows[i].key);
        }
        fixture->problem_count = 0;
        tell(fixture, &test, STORE_ADDED);
        const bool good = rows[i].want == ST_OK;
        const enum status status = ask(fixture, TEST_TOKEN);
        if (status != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, status_label(status));
        }
        assert_int_equal(usable(fixture), good);
        assert_int_equal(fixture->problem_count, !good && !rows[i].is_quiet);
        if (!good && !rows[i].is_quiet) {
            assert_int_equal(fixture->last.status, rows[i].want);
        }
        if (!good) {
            assert_int_equal(rejected(fixture, rows[i].want), 1);
        }
        /* a wrong secret hears of nothing behind the comparison */
        assert_int_equal(ask(fixture, "abcdef.0000000000000000"), ST_TOKEN_SECRET_MISMATCH);
        tell(fixture, &test, STORE_DELETED);
        assert_int_equal(usable(fixture), 0);
        assert_int_equal(rejected(fixture, rows[i].want), 0);
    }
}

static void test_bootstrap_accepts_with_the_rendered_user(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    test_secret_set(&test, "auth-extra-groups",
                    "system:bootstrappers:kubeadm:default-node-token,system:bootstrappers:a");
    tell(fixture, &test, STORE_ADDED);
    const struct question question = { .token = SPAN_LITERAL(TEST_TOKEN),
                                       .now = { .sec = NOW_SEC } };
    struct verdict verdict = { 0 };
    urcu_bp_read_lock();
    authenticate(fixture, &question, &verdict);
    assert_true(verdict.accepted);
    assert_true(span_equal(verdict.user.name, SPAN_LITERAL("system:bootstrap:abcdef")));
    assert_true(span_equal(verdict.user.json_head,
                           SPAN_LITERAL("{\"username\":\"system:bootstrap:abcdef\",\"groups\":")));
    assert_true(span_equal(verdict.user.groups->json,
                           SPAN_LITERAL("[\"system:bootstrappers\",\"system:bootstrappers:a\","
                                        "\"system:bootstrappers:kubeadm:default-node-token\"]}")));
    urcu_bp_read_unlock();
}

static void test_bootstrap_refusal_names_no_user(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    tell(fixture, &test, STORE_ADDED);
    const struct question question = { .token = SPAN_LITERAL("abcdef.0000000000000000"),
                                       .now = { .sec = NOW_SEC } };
    struct verdict verdict = { 0 };
    urcu_bp_read_lock();
    authenticate(fixture, &question, &verdict);
    urcu_bp_read_unlock();
    assert_false(verdict.accepted);
    assert_int_equal(verdict.user.name.len, 0);
    assert_null(verdict.user.groups);
}

/* What is not data: deletionTimestamp, type, no data at all. */
static void test_bootstrap_secret_that_is_going_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    tell(fixture, &test, STORE_ADDED);
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_OK);
    test.secret.meta.has_deletion_timestamp = true;
    tell(fixture, &test, STORE_MODIFIED);
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_SECRET_BEING_DELETED);
    assert_int_equal(rejected(fixture, ST_SECRET_BEING_DELETED), 1);
}

static void test_bootstrap_wrong_type_is_a_plain_no(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    test.secret.type = SPAN_LITERAL("Opaque");
    tell(fixture, &test, STORE_ADDED);
    tell_synced(fixture);
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_SECRET_WRONG_TYPE); /* not "unknown" */
    assert_int_equal(rejected(fixture, ST_SECRET_WRONG_TYPE), 1);
    assert_int_equal(fixture->problem_count, 1);
}

static void test_bootstrap_no_data_is_a_plain_no(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_init(&test, TEST_TOKEN_ID);
    tell(fixture, &test, STORE_ADDED);
    tell_synced(fixture);
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_SECRET_NO_DATA);
    assert_int_equal(rejected(fixture, ST_SECRET_NO_DATA), 1);
}

static void test_bootstrap_expires_at_the_instant(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    test_secret_set(&test, "expiration", "2025-06-01T14:00:00.5+02:00");
    tell(fixture, &test, STORE_ADDED);
    struct instant now = { .sec = NOW_SEC, .nsec = 499999999 };
    assert_int_equal(ask_at(fixture, TEST_TOKEN, now), ST_OK);
    now.nsec = 500000000;
    assert_int_equal(ask_at(fixture, TEST_TOKEN, now), ST_TOKEN_EXPIRED);
    now.nsec = 500000001;
    assert_int_equal(ask_at(fixture, TEST_TOKEN, now), ST_TOKEN_EXPIRED);
    assert_int_equal(fixture->problem_count, 0); /* growing old is no problem of the Secret */
    assert_int_equal(usable(fixture), 1);
}

static void test_bootstrap_unknown_id_depends_on_sync(void **state)
{
    struct fixture *fixture = *state;
    assert_false(bootstrap_ops.is_synced(fixture->bootstrap));
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_NOT_SYNCED);
    tell_synced(fixture);
    assert_true(bootstrap_ops.is_synced(fixture->bootstrap));
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_TOKEN_ID_UNKNOWN);
}

static void test_bootstrap_changes_take_effect_at_once(void **state)
{
    struct fixture *fixture = *state;
    tell_synced(fixture);
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    tell(fixture, &test, STORE_ADDED);
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_OK);
    test_secret_set(&test, "token-secret", "fedcba9876543210");
    tell(fixture, &test, STORE_MODIFIED);
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_TOKEN_SECRET_MISMATCH);
    assert_int_equal(ask(fixture, "abcdef.fedcba9876543210"), ST_OK);
    assert_int_equal(usable(fixture), 1);
    tell(fixture, &test, STORE_DELETED);
    assert_int_equal(ask(fixture, "abcdef.fedcba9876543210"), ST_TOKEN_ID_UNKNOWN);
    assert_int_equal(usable(fixture), 0);
    tell(fixture, &test, STORE_DELETED); /* once more: nothing to take out, nothing to count */
    assert_int_equal(usable(fixture), 0);
}

/* Nothing of it is known but its name. */
static void test_bootstrap_refused_secret_holds_no_token(void **state)
{
    struct fixture *fixture = *state;
    tell_synced(fixture);
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    tell(fixture, &test, STORE_ADDED);
    test.secret.meta.is_refused = true;
    tell(fixture, &test, STORE_MODIFIED);
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_TOKEN_ID_UNKNOWN);
    assert_int_equal(usable(fixture), 0);
    assert_int_equal(fixture->problem_count, 0); /* the store has told */
    test.secret.meta.is_refused = false;
    tell(fixture, &test, STORE_MODIFIED);
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_OK);
    assert_int_equal(usable(fixture), 1);
}

static void test_bootstrap_same_problem_is_reported_once(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    test_secret_set(&test, "usage-bootstrap-authentication", "True");
    tell(fixture, &test, STORE_ADDED);
    tell(fixture, &test, STORE_MODIFIED);
    assert_int_equal(fixture->problem_count, 1);
    assert_string_equal(fixture->last.file, "test.yaml");
    assert_int_equal(fixture->last.line, 7);
    assert_string_equal(fixture->last.text, "Secret kube-system/bootstrap-token-abcdef: "
                                            "data.usage-bootstrap-authentication is not \"true\"");
    test_secret_set(&test, "token-id", "other0");
    tell(fixture, &test, STORE_MODIFIED); /* another reason is news */
    assert_int_equal(fixture->problem_count, 2);
    assert_int_equal(rejected(fixture, ST_USAGE_NOT_ALLOWED), 0);
    assert_int_equal(rejected(fixture, ST_TOKEN_ID_MISMATCH), 1);
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    tell(fixture, &test, STORE_MODIFIED);
    assert_int_equal(fixture->problem_count, 2);
    assert_int_equal(rejected(fixture, ST_TOKEN_ID_MISMATCH), 0);
    assert_int_equal(usable(fixture), 1);
}

static void test_bootstrap_unusable_on_purpose_is_counted_and_not_reported(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    test_secret_unset(&test, "usage-bootstrap-authentication"); /* for signing only */
    tell(fixture, &test, STORE_ADDED);
    assert_int_equal(rejected(fixture, ST_USAGE_NOT_ALLOWED), 1);
    test_secret_set(&test, "usage-bootstrap-authentication", "false");
    tell(fixture, &test, STORE_MODIFIED);
    assert_int_equal(rejected(fixture, ST_USAGE_NOT_ALLOWED), 1);
    test.secret.meta.has_deletion_timestamp = true;
    tell(fixture, &test, STORE_MODIFIED);
    assert_int_equal(rejected(fixture, ST_SECRET_BEING_DELETED), 1);
    assert_int_equal(fixture->problem_count, 0);
}

static void test_bootstrap_secret_elsewhere_is_never_found(void **state)
{
    struct fixture *fixture = *state;
    tell_synced(fixture);
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    test.secret.meta.namespace = SPAN_LITERAL("default");
    tell(fixture, &test, STORE_ADDED);
    tell(fixture, &test, STORE_MODIFIED);
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_TOKEN_ID_UNKNOWN);
    assert_int_equal(rejected(fixture, ST_SECRET_WRONG_NAMESPACE), 1);
    assert_int_equal(fixture->problem_count, 1);
    assert_string_equal(fixture->last.text,
                        "Secret default/bootstrap-token-abcdef: "
                        "a bootstrap token Secret must be in namespace kube-system");
    tell(fixture, &test, STORE_DELETED);
    assert_int_equal(rejected(fixture, ST_SECRET_WRONG_NAMESPACE), 0);
}

static void test_bootstrap_deletion_elsewhere_leaves_ours(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    tell(fixture, &test, STORE_ADDED);
    test.secret.meta.namespace = SPAN_LITERAL("default");
    tell(fixture, &test, STORE_DELETED);
    assert_int_equal(ask(fixture, TEST_TOKEN), ST_OK);
}

static void test_bootstrap_wrong_name_is_reported_without_what_follows_the_id(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN, TEST_TOKEN_SECRET); /* the whole token in the name */
    tell(fixture, &test, STORE_ADDED);
    assert_int_equal(rejected(fixture, ST_SECRET_WRONG_NAME), 1);
    assert_string_equal(fixture->last.text,
                        "Secret kube-system/bootstrap-token-abcdef...: a bootstrap token Secret "
                        "must be named bootstrap-token-<token id>");
    test.secret.type = SPAN_LITERAL("Opaque"); /* no longer meant as one */
    tell(fixture, &test, STORE_MODIFIED);
    assert_int_equal(rejected(fixture, ST_SECRET_WRONG_NAME), 0);
}

static void test_bootstrap_problem_text_escapes_names(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    test.secret.meta.namespace = SPAN_LITERAL("a\nb\x1b[31m\xff");
    tell(fixture, &test, STORE_ADDED);
    assert_non_null(strstr(fixture->last.text, "Secret a?b??31m?/bootstrap-token-abcdef: "));
    char long_name[400];
    memset(long_name, 'n', sizeof(long_name));
    test.secret.meta.name = (struct span){ .at = long_name, .len = sizeof(long_name) };
    tell(fixture, &test, STORE_ADDED);
    assert_non_null(strstr(fixture->last.text, "nnn...: a bootstrap token Secret"));
}

static void test_bootstrap_other_secrets_pass_quietly(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    test_secret_token(&test, "not-a-token-id", TEST_TOKEN_SECRET);
    test.secret.type = SPAN_LITERAL("Opaque");
    tell(fixture, &test, STORE_ADDED);
    tell(fixture, &test, STORE_DELETED);
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    test.secret.type = SPAN_LITERAL("Opaque");
    test.secret.meta.namespace = SPAN_LITERAL("default");
    tell(fixture, &test, STORE_ADDED);
    assert_int_equal(fixture->problem_count, 0);
    struct token_family_stats stats = { 0 };
    const struct token_family_stats none = { 0 };
    bootstrap_ops.stats(fixture->bootstrap, &stats);
    assert_memory_equal(&stats, &none, sizeof(stats));
}

/* ------------------------------------------------------------------ memory */

/* A change that cannot be taken in may have been a revocation: neither version is accepted, it is
 * said, and the next change makes it good. */
static void test_bootstrap_out_of_memory_fails_closed_and_heals(void **state)
{
    struct fixture *fixture = *state;
    if (!alloc_fail_is_available()) {
        return;
    }
    tell_synced(fixture);
    bool failed = true;
    for (size_t nth = 1; failed; nth++) {
        struct test_secret test;
        test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
        tell(fixture, &test, STORE_ADDED);
        assert_int_equal(ask(fixture, TEST_TOKEN), ST_OK);
        test_secret_set(&test, "token-secret", "fedcba9876543210");
        test_secret_set(&test, "auth-extra-groups", "system:bootstrappers:a");
        fixture->problem_count = 0;
        alloc_fail_arm(nth);
        tell(fixture, &test, STORE_MODIFIED);
        failed = alloc_fail_disarm();
        assert_int_equal(fixture->problem_count, failed);
        assert_int_equal(usable(fixture), !failed);
        assert_int_equal(ask(fixture, TEST_TOKEN),
                         failed ? ST_TOKEN_ID_UNKNOWN : ST_TOKEN_SECRET_MISMATCH);
        assert_int_equal(ask(fixture, "abcdef.fedcba9876543210"),
                         failed ? ST_TOKEN_ID_UNKNOWN : ST_OK);
        if (failed) {
            assert_int_equal(fixture->last.status, ST_NOMEM);
            tell(fixture, &test, STORE_MODIFIED);
            assert_int_equal(ask(fixture, "abcdef.fedcba9876543210"), ST_OK);
            assert_int_equal(usable(fixture), 1);
        } else {
            assert_true(nth > 4); /* names, JSON, list, tree node, entry: they did fail */
        }
        tell(fixture, &test, STORE_DELETED);
    }
}

static void test_bootstrap_out_of_memory_still_reports_what_cannot_be_counted(void **state)
{
    struct fixture *fixture = *state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    test.secret.meta.namespace = SPAN_LITERAL("default");
    bool failed = true;
    for (size_t nth = 1; failed; nth++) {
        fixture->problem_count = 0;
        alloc_fail_arm(nth);
        tell(fixture, &test, STORE_ADDED);
        failed = alloc_fail_disarm();
        assert_int_equal(fixture->problem_count, 1);
        assert_int_equal(fixture->last.status, ST_SECRET_WRONG_NAMESPACE);
        assert_int_equal(rejected(fixture, ST_SECRET_WRONG_NAMESPACE), !failed);
        tell(fixture, &test, STORE_DELETED);
        assert_int_equal(rejected(fixture, ST_SECRET_WRONG_NAMESPACE), 0);
    }
}

/* ------------------------------------------------------------------ vectors */

static void tell_object(struct fixture *fixture, json_object *object)
{
    struct problem problem;
    struct secret *secret = NULL;
    assert_int_equal(secret_decode(object, &secret, &problem), ST_OK);
    const struct store_event event = {
        .type = STORE_ADDED,
        .kind = &kind_secret,
        .namespace = secret->meta.namespace,
        .name = secret->meta.name,
        .secret = secret,
    };
    bootstrap_ops.handle_event(fixture->bootstrap, 0, &event);
    secret = secret_free(secret);
}

static void check_user(json_object *want, const struct verdict *verdict)
{
    assert_true(span_equal(verdict->user.name, vectors_text(want, "username")));
    struct span groups[8];
    const size_t count = vectors_texts(want, "groups", groups, 8);
    assert_int_equal(verdict->user.groups->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(span_equal(verdict->user.groups->names[i], groups[i]));
    }
}

static void check_vector(json_object *row)
{
    struct fixture fixture = { 0 };
    assert_int_equal(
        bootstrap_ops.create(&(struct token_family_setup){ 0 }, &fixture.bootstrap, NULL), ST_OK);
    json_object *secrets = json_object_object_get(row, "secrets");
    for (size_t i = 0; i < json_object_array_length(secrets); i++) {
        tell_object(&fixture, json_object_array_get_idx(secrets, i));
    }
    json_object *want = json_object_object_get(row, "expect");
    /* the one vector whose Secret cannot be read: nothing has been told yet */
    const bool unreadable = json_object_object_get(want, "error") != NULL;
    if (!unreadable) {
        tell_synced(&fixture);
    }
    struct question question = { .token = vectors_text(row, "token") };
    assert_int_equal(rfc3339_parse(vectors_text(row, "now"), &question.now), ST_OK);
    struct verdict verdict = { 0 };
    urcu_bp_read_lock();
    authenticate(&fixture, &question, &verdict);
    const bool authenticated =
        json_object_get_boolean(json_object_object_get(want, "authenticated"));
    if (verdict.accepted != authenticated) {
        fail_msg("%s: %s", json_object_get_string(json_object_object_get(row, "id")),
                 status_label(verdict.why));
    }
    if (authenticated) {
        check_user(want, &verdict);
    }
    assert_int_equal(verdict.why == ST_NOT_SYNCED, unreadable);
    urcu_bp_read_unlock();
    bootstrap_ops.free(fixture.bootstrap);
}

static void test_bootstrap_vectors(void **state)
{
    (void)state;
    json_object *root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    json_object *list = vectors_list(root, "bootstrap", "authenticate");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        check_vector(json_object_array_get_idx(list, i));
    }
    print_message("# %zu vectors of bootstrap/authenticate\n", json_object_array_length(list));
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_bootstrap_rows),
        T(test_bootstrap_accepts_with_the_rendered_user),
        T(test_bootstrap_refusal_names_no_user),
        T(test_bootstrap_secret_that_is_going_is_refused),
        T(test_bootstrap_wrong_type_is_a_plain_no),
        T(test_bootstrap_no_data_is_a_plain_no),
        T(test_bootstrap_expires_at_the_instant),
        T(test_bootstrap_unknown_id_depends_on_sync),
        T(test_bootstrap_changes_take_effect_at_once),
        T(test_bootstrap_refused_secret_holds_no_token),
        T(test_bootstrap_same_problem_is_reported_once),
        T(test_bootstrap_unusable_on_purpose_is_counted_and_not_reported),
        T(test_bootstrap_secret_elsewhere_is_never_found),
        T(test_bootstrap_deletion_elsewhere_leaves_ours),
        T(test_bootstrap_wrong_name_is_reported_without_what_follows_the_id),
        T(test_bootstrap_problem_text_escapes_names),
        T(test_bootstrap_other_secrets_pass_quietly),
        T(test_bootstrap_out_of_memory_fails_closed_and_heals),
        T(test_bootstrap_out_of_memory_still_reports_what_cannot_be_counted),
        T(test_bootstrap_vectors),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
