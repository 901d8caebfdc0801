/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for bootstrap tokens: each one refuses, in Kubernetes' order, and explains itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "authn/bootstrap_checks.h"

static const struct group_list some_groups = { .json = { .at = "[]}", .len = 3 } };

#define NOW_SEC  INT64_C(1748779200) /* 2025-06-01T12:00:00Z */
#define NOW_NSEC 500
#define NOW      ((struct instant){ .sec = NOW_SEC, .nsec = NOW_NSEC })

static struct credential good_credential(void)
{
    return (struct credential){
        .expiry = CREDENTIAL_EXPIRES,
        .expires = { .sec = NOW_SEC, .nsec = NOW_NSEC + 1 },
        .groups = &some_groups,
        .is_live = true,
        .is_bootstrap_type = true,
        .has_data = true,
        .id_matches = true,
        .may_authenticate = true,
    };
}

static struct bootstrap_evidence good_evidence(const struct credential *credential)
{
    return (struct bootstrap_evidence){
        .id = SPAN_LITERAL("abcdef"),
        .credential = credential,
        .is_known = true,
        .is_synced = true,
        .secret_matches = true,
        .now = NOW,
    };
}

/* In the order of bootstrap.go. Each spoils one fact. */
static void spoil_found(struct credential *c, struct bootstrap_evidence *e)
{
    (void)c;
    e->is_known = false;
}
static void spoil_live(struct credential *c, struct bootstrap_evidence *e)
{
    (void)e;
    c->is_live = false;
}
static void spoil_type(struct credential *c, struct bootstrap_evidence *e)
{
    (void)e;
    c->is_bootstrap_type = false;
}
static void spoil_data(struct credential *c, struct bootstrap_evidence *e)
{
    (void)e;
    c->has_data = false;
}
static void spoil_secret(struct credential *c, struct bootstrap_evidence *e)
{
    (void)c;
    e->secret_matches = false;
}
static void spoil_id(struct credential *c, struct bootstrap_evidence *e)
{
    (void)e;
    c->id_matches = false;
}
static void spoil_expiration(struct credential *c, struct bootstrap_evidence *e)
{
    (void)e;
    c->expiry = CREDENTIAL_EXPIRY_INVALID;
}
static void spoil_time(struct credential *c, struct bootstrap_evidence *e)
{
    (void)e;
    c->expires = NOW;
}
static void spoil_usage(struct credential *c, struct bootstrap_evidence *e)
{
    (void)e;
    c->may_authenticate = false;
}
static void spoil_groups(struct credential *c, struct bootstrap_evidence *e)
{
    (void)e;
    c->groups = NULL;
}

static const struct {
    void (*spoil)(struct credential *c, struct bootstrap_evidence *e);
    enum status want;
} rules[] = {
    { spoil_found, ST_TOKEN_ID_UNKNOWN },        { spoil_live, ST_SECRET_BEING_DELETED },
    { spoil_type, ST_SECRET_WRONG_TYPE },        { spoil_data, ST_SECRET_NO_DATA },
    { spoil_secret, ST_TOKEN_SECRET_MISMATCH },  { spoil_id, ST_TOKEN_ID_MISMATCH },
    { spoil_expiration, ST_EXPIRATION_INVALID }, { spoil_time, ST_TOKEN_EXPIRED },
    { spoil_usage, ST_USAGE_NOT_ALLOWED },       { spoil_groups, ST_GROUPS_INVALID },
};

static void test_bootstrap_checks_all_good_is_ok(void **state)
{
    (void)state;
    const struct credential credential = good_credential();
    const struct bootstrap_evidence evidence = good_evidence(&credential);
    assert_int_equal(bootstrap_checks_run(&evidence, NULL), ST_OK);
}

static void test_bootstrap_checks_each_rule_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rules); i++) {
        struct credential credential = good_credential();
        struct bootstrap_evidence evidence = good_evidence(&credential);
        rules[i].spoil(&credential, &evidence);
        const enum status status = bootstrap_checks_run(&evidence, NULL);
        if (status != rules[i].want) {
            fail_msg("%s, not %s", status_label(status), status_label(rules[i].want));
        }
    }
}

static void test_bootstrap_checks_of_two_faults_the_earlier_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rules); i++) {
        for (size_t later = i + 1; later < COUNTOF(rules); later++) {
            struct credential credential = good_credential();
            struct bootstrap_evidence evidence = good_evidence(&credential);
            rules[i].spoil(&credential, &evidence);
            rules[later].spoil(&credential, &evidence);
            assert_int_equal(bootstrap_checks_run(&evidence, NULL), rules[i].want);
        }
    }
}

static void test_bootstrap_checks_unknown_before_sync_is_not_synced(void **state)
{
    (void)state;
    const struct credential credential = good_credential();
    struct bootstrap_evidence evidence = good_evidence(&credential);
    evidence.is_synced = false;
    assert_int_equal(bootstrap_checks_run(&evidence, NULL), ST_OK); /* known is known */
    evidence.is_known = false;
    assert_int_equal(bootstrap_checks_run(&evidence, NULL), ST_NOT_SYNCED);
}

/* util/secrets GetExpiration: expired iff expires - now <= 0. */
static const struct {
    const char *name;
    struct instant expires;
    enum status want;
} time_rows[] = {
    { "a nanosecond left", { NOW_SEC, NOW_NSEC + 1 }, ST_OK },
    { "this very instant", { NOW_SEC, NOW_NSEC }, ST_TOKEN_EXPIRED },
    { "a nanosecond ago", { NOW_SEC, NOW_NSEC - 1 }, ST_TOKEN_EXPIRED },
    { "a second left, fewer nanoseconds", { NOW_SEC + 1, 0 }, ST_OK },
    { "a second ago, more nanoseconds", { NOW_SEC - 1, 999999999 }, ST_TOKEN_EXPIRED },
    { "the year 9999", { INT64_C(253402300799), 0 }, ST_OK },
    { "before the epoch", { -1, 0 }, ST_TOKEN_EXPIRED },
};

static void test_bootstrap_checks_expire_at_the_instant(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(time_rows); i++) {
        struct credential credential = good_credential();
        credential.expires = time_rows[i].expires;
        const struct bootstrap_evidence evidence = good_evidence(&credential);
        if (bootstrap_checks_run(&evidence, NULL) != time_rows[i].want) {
            fail_msg("%s", time_rows[i].name);
        }
    }
}

static void test_bootstrap_checks_without_expiration_never_expire(void **state)
{
    (void)state;
    struct credential credential = good_credential();
    credential.expiry = CREDENTIAL_NEVER_EXPIRES;
    credential.expires = (struct instant){ 0 };
    const struct bootstrap_evidence evidence = good_evidence(&credential);
    assert_int_equal(bootstrap_checks_run(&evidence, NULL), ST_OK);
}

struct heard {
    size_t count;
    size_t failed;
    char last[256];
    char details[1024];
};

static void hear(void *ctx,
                 enum authenticator_id authenticator,
                 const char *check,
                 bool passed,
                 const char *detail)
{
    struct heard *heard = ctx;
    assert_int_equal(authenticator, AUTHENTICATOR_BOOTSTRAP);
    heard->count++;
    heard->failed += !passed;
    (void)snprintf(heard->last, sizeof(heard->last), "%s", check);
    const size_t used = strlen(heard->details);
    (void)snprintf(heard->details + used, sizeof(heard->details) - used, "%s|", detail);
}

static void test_bootstrap_checks_explain_stops_at_the_refusal(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rules); i++) {
        struct credential credential = good_credential();
        struct bootstrap_evidence evidence = good_evidence(&credential);
        rules[i].spoil(&credential, &evidence);
        struct heard heard = { 0 };
        const struct question question = { .explain = hear, .explain_ctx = &heard };
        assert_int_equal(bootstrap_checks_run(&evidence, &question), rules[i].want);
        assert_int_equal(heard.count, i + 1);
        assert_int_equal(heard.failed, 1);
    }
    const struct credential credential = good_credential();
    const struct bootstrap_evidence evidence = good_evidence(&credential);
    struct heard heard = { 0 };
    const struct question question = { .explain = hear, .explain_ctx = &heard };
    assert_int_equal(bootstrap_checks_run(&evidence, &question), ST_OK);
    assert_int_equal(heard.count, COUNTOF(rules));
    assert_int_equal(heard.failed, 0);
}

static void test_bootstrap_checks_explain_names_secret_and_times(void **state)
{
    (void)state;
    struct credential credential = good_credential();
    credential.expires = (struct instant){ .sec = NOW_SEC + 60 };
    struct bootstrap_evidence evidence = good_evidence(&credential);
    struct heard heard = { 0 };
    const struct question question = { .explain = hear, .explain_ctx = &heard };
    assert_int_equal(bootstrap_checks_run(&evidence, &question), ST_OK);
    assert_non_null(strstr(heard.details, "kube-system/bootstrap-token-abcdef|"));
    assert_non_null(
        strstr(heard.details, "expires 2025-06-01T12:01:00Z, asked as of 2025-06-01T12:00:00Z|"));
    heard = (struct heard){ 0 };
    credential.expiry = CREDENTIAL_NEVER_EXPIRES;
    assert_int_equal(bootstrap_checks_run(&evidence, &question), ST_OK);
    assert_non_null(strstr(heard.details, "expires never, asked as of 2025-06-01T12:00:00Z|"));
    heard = (struct heard){ 0 };
    evidence.is_known = evidence.is_synced = false;
    assert_int_equal(bootstrap_checks_run(&evidence, &question), ST_NOT_SYNCED);
    assert_non_null(strstr(heard.details, "not every Secret has been read yet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bootstrap_checks_all_good_is_ok),
        cmocka_unit_test(test_bootstrap_checks_each_rule_refuses),
        cmocka_unit_test(test_bootstrap_checks_of_two_faults_the_earlier_is_named),
        cmocka_unit_test(test_bootstrap_checks_unknown_before_sync_is_not_synced),
        cmocka_unit_test(test_bootstrap_checks_expire_at_the_instant),
        cmocka_unit_test(test_bootstrap_checks_without_expiration_never_expire),
        cmocka_unit_test(test_bootstrap_checks_explain_stops_at_the_refusal),
        cmocka_unit_test(test_bootstrap_checks_explain_names_secret_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
