/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for ServiceAccount tokens: each keeps and breaks once, in Kubernetes' order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "authn/jwt/service_account_checks.h"
#include "support/alloc_fail.h"
#include "support/service_account_kit.h"

#define NOW_SEC  INT64_C(1700000000) /* 2023-11-14T22:13:20Z */
#define NOW_NSEC 500000000
#define ISSUER   "https://kubernetes.default.svc.cluster.local"

/* Everything that a verdict hangs on, to be spoilt. */
struct scene {
    struct service_account_claims claims;
    struct service_account_policy policy;
    struct service_account_evidence evidence;
    struct question question;
    struct span issuers[1];
    struct span held[2];  /* by the token */
    struct span asked[3]; /* by the request */
    struct span ours[2];  /* --api-audiences */
    struct span theirs[2];
};

static struct looked_up found(const char *uid)
{
    return (struct looked_up){ .state = OBJECT_FOUND, .object = { .uid = span_of(uid) } };
}

/* A good bound token of this cluster, bound to nothing but its account. It must not move. */
static void set_bound(struct scene *scene)
{
    *scene = (struct scene){
        .issuers = { SPAN_LITERAL(ISSUER) },
        .held = { SPAN_LITERAL("api") },
        .asked = { SPAN_LITERAL("api") },
        .ours = { SPAN_LITERAL("api") },
        .claims = { .issuer = SPAN_LITERAL(ISSUER),
                    .audiences = scene->held,
                    .audience_count = 1,
                    .has_exp = true,
                    .has_nbf = true,
                    .has_iat = true,
                    .exp = NOW_SEC + 3600,
                    .nbf = NOW_SEC - 10,
                    .iat = NOW_SEC - 10,
                    .namespace = SPAN_LITERAL("ns"),
                    .name = SPAN_LITERAL("builder"),
                    .uid = SPAN_LITERAL("sa-uid") },
        .policy = { .issuers = scene->issuers,
                    .issuer_count = 1,
                    .legacy = SERVICE_ACCOUNT_LEGACY_LOOKED_UP,
                    .lookup = { .is_on = true,
                                .follows_pods = true,
                                .follows_nodes = true,
                                .secrets = SERVICE_ACCOUNT_SECRETS_ALL },
                    .api_audiences = { scene->ours, 1 },
                    .audiences = { scene->ours, 1 } },
        .evidence = { .claims = &scene->claims,
                      .policy = &scene->policy,
                      .family = AUTHENTICATOR_BOOTSTRAP,
                      .account = found("sa-uid") },
        .question = { .has_audiences = true,
                      .audiences = scene->asked,
                      .audience_count = 1,
                      .now = { NOW_SEC, NOW_NSEC } },
    };
}

/* A good bound token with every reference. */
static void set_all_bound(struct scene *scene)
{
    set_bound(scene);
    scene->claims.secret =
        (struct object_ref){ true, SPAN_LITERAL("secret-1"), SPAN_LITERAL("secret-uid") };
    scene->claims.pod = (struct object_ref){ true, SPAN_LITERAL("pod-1"), SPAN_LITERAL("pod-uid") };
    scene->evidence.secret = found("secret-uid");
    scene->evidence.pod = found("pod-uid");
}

/* Bound to a Node alone. */
static void set_node_bound(struct scene *scene)
{
    set_bound(scene);
    scene->claims.node =
        (struct object_ref){ true, SPAN_LITERAL("node-1"), SPAN_LITERAL("node-uid") };
    scene->evidence.node = found("node-uid");
}

/* A good legacy token of this cluster. */
static void set_legacy(struct scene *scene)
{
    set_bound(scene);
    scene->claims = (struct service_account_claims){
        .is_legacy = true,
        .issuer = SPAN_LITERAL(SERVICE_ACCOUNT_LEGACY_ISSUER),
        .subject = SPAN_LITERAL("system:serviceaccount:ns:builder"),
        .namespace = SPAN_LITERAL("ns"),
        .name = SPAN_LITERAL("builder"),
        .uid = SPAN_LITERAL("sa-uid"),
        .secret = { .is_present = true, .name = SPAN_LITERAL("builder-token") },
    };
    scene->evidence.secret = found("any-uid");
    scene->evidence.secret.token_matches = true;
}

/* Of another cluster: bound, with prefixes and audiences of its own. */
static void set_foreign(struct scene *scene)
{
    set_bound(scene);
    scene->theirs[0] = SPAN_LITERAL("api");
    scene->policy.is_foreign = true;
    scene->policy.audiences = (struct audience_list){ scene->theirs, 1 };
}

/* Of another cluster, none of whose objects is looked up. */
static void set_unfollowed(struct scene *scene)
{
    set_foreign(scene);
    scene->policy.lookup = (struct service_account_lookup){ 0 };
    scene->policy.legacy = SERVICE_ACCOUNT_LEGACY_REFUSED;
    scene->evidence.account = (struct looked_up){ 0 };
    scene->claims.pod = (struct object_ref){ true, SPAN_LITERAL("pod-1"), SPAN_LITERAL("") };
    scene->claims.node = (struct object_ref){ true, SPAN_LITERAL("node-1"), SPAN_LITERAL("") };
    scene->claims.has_other_binding = true;
}

typedef void set_fn(struct scene *scene);

static enum status run(struct scene *scene)
{
    struct audience_set granted;
    return service_account_checks_run(&scene->evidence, &scene->question, &granted);
}

static void test_service_account_checks_all_good_is_ok(void **state)
{
    (void)state;
    static set_fn *const sets[] = { set_bound,  set_all_bound, set_node_bound,
                                    set_legacy, set_foreign,   set_unfollowed };
    for (size_t i = 0; i < COUNTOF(sets); i++) {
        struct scene scene;
        sets[i](&scene);
        assert_int_equal(run(&scene), ST_OK);
    }
}

static void test_service_account_checks_all_zero_policy_believes_nothing(void **state)
{
    (void)state;
    struct scene scene;
    set_bound(&scene);
    scene.policy = (struct service_account_policy){ 0 };
    assert_int_equal(run(&scene), ST_TOKEN_UNRECOGNIZED);
    set_legacy(&scene);
    scene.policy = (struct service_account_policy){ 0 };
    assert_int_equal(run(&scene), ST_TOKEN_UNRECOGNIZED);
}

/* ------------------------------------------------------------------ each rule, in order */

#define SPOIL(name, change)                   \
    static void spoil_##name(struct scene *s) \
    {                                         \
        change;                               \
    }

SPOIL(issuer, s->claims.issuer = SPAN_LITERAL(ISSUER "/"))
SPOIL(legacy_refused, s->policy.legacy = SERVICE_ACCOUNT_LEGACY_REFUSED)
SPOIL(audience, s->asked[0] = SPAN_LITERAL("other"))
SPOIL(nbf, s->claims.nbf = NOW_SEC + 1000)
SPOIL(exp, s->claims.exp = NOW_SEC - 1000)
SPOIL(exp_absent, (s->claims.has_exp = false, s->claims.exp = 0))
SPOIL(iat, s->claims.iat = NOW_SEC + 1000)
SPOIL(namespace_absent, s->claims.namespace = SPAN_LITERAL(""))
SPOIL(name_absent, s->claims.name = SPAN_LITERAL(""))
SPOIL(uid_absent, s->claims.uid = SPAN_LITERAL(""))
SPOIL(namespace_colon, s->claims.namespace = SPAN_LITERAL("a:b"))
SPOIL(name_upper, s->claims.name = SPAN_LITERAL("Builder"))
SPOIL(account_missing, s->evidence.account.state = OBJECT_MISSING)
SPOIL(account_untold, s->evidence.account.state = OBJECT_NOT_TOLD)
SPOIL(account_unfollowed, s->evidence.account = (struct looked_up){ 0 })
SPOIL(account_uid, s->evidence.account.object.uid = SPAN_LITERAL("sa-uid2"))
SPOIL(account_deleted, s->evidence.account.object.is_being_deleted = true)
SPOIL(secret_missing, s->evidence.secret.state = OBJECT_MISSING)
SPOIL(secret_untold, s->evidence.secret.state = OBJECT_NOT_TOLD)
SPOIL(secret_unfollowed, s->evidence.secret = (struct looked_up){ 0 })
SPOIL(secret_uid, s->evidence.secret.object.uid = SPAN_LITERAL("x"))
SPOIL(secret_deleted, s->evidence.secret.object.is_being_deleted = true)
SPOIL(pod_missing, s->evidence.pod.state = OBJECT_MISSING)
SPOIL(pod_untold, s->evidence.pod.state = OBJECT_NOT_TOLD)
SPOIL(pod_unfollowed, s->evidence.pod = (struct looked_up){ 0 })
SPOIL(pod_uid, s->evidence.pod.object.uid = SPAN_LITERAL(""))
SPOIL(pod_uid_unsaid, s->claims.pod.uid = s->evidence.pod.object.uid = SPAN_LITERAL(""))
SPOIL(pod_deleted, s->evidence.pod.object.is_being_deleted = true)
SPOIL(node_missing, s->evidence.node.state = OBJECT_MISSING)
SPOIL(node_untold, s->evidence.node.state = OBJECT_NOT_TOLD)
SPOIL(node_unfollowed, s->evidence.node = (struct looked_up){ 0 })
SPOIL(node_uid, s->evidence.node.object.uid = SPAN_LITERAL("node-uid "))
SPOIL(node_deleted, s->evidence.node.object.is_being_deleted = true)
SPOIL(other_binding, s->claims.has_other_binding = true)
SPOIL(subject_absent, s->claims.subject = SPAN_LITERAL(""))
SPOIL(secret_absent, s->claims.secret.name = SPAN_LITERAL(""))
SPOIL(subject_of_other_namespace,
      s->claims.subject = SPAN_LITERAL("system:serviceaccount:other:builder"))
SPOIL(subject_of_other_name, s->claims.subject = SPAN_LITERAL("system:serviceaccount:ns:build"))
SPOIL(subject_malformed, s->claims.subject = SPAN_LITERAL("builder"))
SPOIL(token_differs, s->evidence.secret.token_matches = false)
SPOIL(invalidated, s->evidence.secret.object.is_invalidated = true)

struct rule {
    const char *name;
    void (*spoil)(struct scene *scene);
    enum status want;
};

#define RULE(name, want)          \
    {                             \
#        name, spoil_##name, want \
    }

/* clang-format off */
static const struct rule bound_rules[] = {
    RULE(issuer, ST_TOKEN_UNRECOGNIZED),
    RULE(audience, ST_AUDIENCE_MISMATCH),
    RULE(nbf, ST_TOKEN_NOT_YET_VALID),
    RULE(exp, ST_TOKEN_EXPIRED),
    RULE(iat, ST_TOKEN_FROM_FUTURE),
    RULE(namespace_absent, ST_CLAIM_MISSING),
    RULE(name_absent, ST_CLAIM_MISSING),
    RULE(uid_absent, ST_CLAIM_MISSING),
    RULE(namespace_colon, ST_CLAIMS_MALFORMED),
    RULE(name_upper, ST_CLAIMS_MALFORMED),
    RULE(account_unfollowed, ST_BINDING_NOT_FOLLOWED),
    RULE(account_untold, ST_OBJECT_NOT_TOLD),
    RULE(account_missing, ST_OBJECT_UNKNOWN),
    RULE(account_uid, ST_OBJECT_UID_MISMATCH),
    RULE(account_deleted, ST_OBJECT_DELETED),
    RULE(secret_unfollowed, ST_BINDING_NOT_FOLLOWED),
    RULE(secret_untold, ST_OBJECT_NOT_TOLD),
    RULE(secret_missing, ST_OBJECT_UNKNOWN),
    RULE(secret_uid, ST_OBJECT_UID_MISMATCH),
    RULE(secret_deleted, ST_OBJECT_DELETED),
    RULE(pod_unfollowed, ST_BINDING_NOT_FOLLOWED),
    RULE(pod_untold, ST_OBJECT_NOT_TOLD),
    RULE(pod_missing, ST_OBJECT_UNKNOWN),
    RULE(pod_uid, ST_OBJECT_UID_MISMATCH),
    RULE(pod_uid_unsaid, ST_OBJECT_UID_MISMATCH),
    RULE(pod_deleted, ST_OBJECT_DELETED),
    RULE(other_binding, ST_BINDING_NOT_FOLLOWED),
};

static const struct rule node_rules[] = {
    RULE(account_deleted, ST_OBJECT_DELETED),
    RULE(node_unfollowed, ST_BINDING_NOT_FOLLOWED),
    RULE(node_untold, ST_OBJECT_NOT_TOLD),
    RULE(node_missing, ST_OBJECT_UNKNOWN),
    RULE(node_uid, ST_OBJECT_UID_MISMATCH),
    RULE(node_deleted, ST_OBJECT_DELETED),
    RULE(other_binding, ST_BINDING_NOT_FOLLOWED),
};

static const struct rule legacy_rules[] = {
    RULE(issuer, ST_TOKEN_UNRECOGNIZED),
    RULE(legacy_refused, ST_TOKEN_UNRECOGNIZED),
    RULE(audience, ST_AUDIENCE_MISMATCH),
    RULE(subject_absent, ST_CLAIM_MISSING),
    RULE(namespace_absent, ST_CLAIM_MISSING),
    RULE(secret_absent, ST_CLAIM_MISSING),
    RULE(name_absent, ST_CLAIM_MISSING),
    RULE(uid_absent, ST_CLAIM_MISSING),
    RULE(subject_of_other_namespace, ST_SUBJECT_INVALID),
    RULE(subject_of_other_name, ST_SUBJECT_INVALID),
    RULE(subject_malformed, ST_SUBJECT_INVALID),
    RULE(secret_unfollowed, ST_BINDING_NOT_FOLLOWED),
    RULE(secret_untold, ST_OBJECT_NOT_TOLD),
    RULE(secret_missing, ST_TOKEN_INVALIDATED),
    RULE(secret_deleted, ST_TOKEN_INVALIDATED),
    RULE(token_differs, ST_TOKEN_SECRET_MISMATCH),
    RULE(account_unfollowed, ST_BINDING_NOT_FOLLOWED),
    RULE(account_untold, ST_OBJECT_NOT_TOLD),
    RULE(account_missing, ST_OBJECT_UNKNOWN),
    RULE(account_deleted, ST_OBJECT_DELETED),
    RULE(account_uid, ST_OBJECT_UID_MISMATCH),
    RULE(invalidated, ST_TOKEN_INVALIDATED),
};

/* Of a cluster whose objects are not looked up. */
static const struct rule unfollowed_rules[] = {
    RULE(issuer, ST_TOKEN_UNRECOGNIZED),
    RULE(audience, ST_AUDIENCE_MISMATCH),
    RULE(nbf, ST_TOKEN_NOT_YET_VALID),
    RULE(exp_absent, ST_CLAIM_MISSING),
    RULE(exp, ST_TOKEN_EXPIRED),
    RULE(iat, ST_TOKEN_FROM_FUTURE),
    RULE(namespace_absent, ST_CLAIM_MISSING),
    RULE(namespace_colon, ST_CLAIMS_MALFORMED),
};

static const struct {
    const char *name;
    set_fn *set;
    const struct rule *rules;
    size_t count;
} books[] = {
    { "bound", set_all_bound, bound_rules, COUNTOF(bound_rules) },
    { "bound to a node", set_node_bound, node_rules, COUNTOF(node_rules) },
    { "legacy", set_legacy, legacy_rules, COUNTOF(legacy_rules) },
    { "not looked up", set_unfollowed, unfollowed_rules, COUNTOF(unfollowed_rules) },
};
/* clang-format on */

static void test_service_account_checks_each_rule_refuses(void **state)
{
    (void)state;
    for (size_t book = 0; book < COUNTOF(books); book++) {
        for (size_t i = 0; i < books[book].count; i++) {
            const struct rule *rule = &books[book].rules[i];
            struct scene scene;
            books[book].set(&scene);
            rule->spoil(&scene);
            const enum status status = run(&scene);
            if (status != rule->want) {
                fail_msg("%s, %s: %s", books[book].name, rule->name, status_label(status));
            }
        }
    }
}

/* Those that spoil the same thing apart: the later one wins, whatever it is. */
static bool is_of_one_check(enum status earlier, enum status later)
{
    const bool is_of_finding = earlier == ST_BINDING_NOT_FOLLOWED || earlier == ST_OBJECT_NOT_TOLD;
    return earlier == later || is_of_finding;
}

static void test_service_account_checks_of_two_faults_the_earlier_is_named(void **state)
{
    (void)state;
    for (size_t book = 0; book < COUNTOF(books); book++) {
        const struct rule *rules = books[book].rules;
        for (size_t i = 0; i < books[book].count; i++) {
            for (size_t later = i + 1; later < books[book].count; later++) {
                if (is_of_one_check(rules[i].want, rules[later].want)) {
                    continue;
                }
                struct scene scene;
                books[book].set(&scene);
                rules[later].spoil(&scene);
                rules[i].spoil(&scene);
                const enum status status = run(&scene);
                if (status != rules[i].want) {
                    fail_msg("%s, %s and %s: %s", books[book].name, rules[i].name,
                             rules[later].name, status_label(status));
                }
            }
        }
    }
}

/* ------------------------------------------------------------------ what does not matter */

/* What only other tokens have is not looked at: each of these would refuse one of them. */
static const struct {
    const char *name;
    set_fn *set;
    void (*spoil)(struct scene *scene);
} ignored_rows[] = {
    { "sub of a bound token", set_bound, spoil_subject_malformed },
    { "legacy tokens refused", set_bound, spoil_legacy_refused },
    { "exp of a bound token, absent", set_bound, spoil_exp_absent },
    { "the label of a bound token's Secret", set_all_bound, spoil_invalidated },
    { "data.token of a bound token's Secret", set_all_bound, spoil_token_differs },
    { "a Node that is not named", set_all_bound, spoil_node_missing },
    { "a Pod that is not named", set_node_bound, spoil_pod_missing },
    { "exp of a legacy token", set_legacy, spoil_exp },
    { "nbf of a legacy token", set_legacy, spoil_nbf },
    { "iat of a legacy token", set_legacy, spoil_iat },
    { "the UID of a legacy token's Secret", set_legacy, spoil_secret_uid },
    { "objects that are not looked up", set_unfollowed, spoil_account_missing },
    { "bindings to them", set_unfollowed, spoil_pod_missing },
    { "one of an unknown kind to them", set_unfollowed, spoil_other_binding },
};

static void test_service_account_checks_look_at_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(ignored_rows); i++) {
        struct scene scene;
        ignored_rows[i].set(&scene);
        scene.claims.has_exp = scene.claims.has_nbf = scene.claims.has_iat = true;
        scene.claims.exp = NOW_SEC + 3600;
        ignored_rows[i].spoil(&scene);
        if (run(&scene) != ST_OK) {
            fail_msg("%s: %s", ignored_rows[i].name, status_label(run(&scene)));
        }
    }
}

/* --service-account-lookup=false: a signature and claims that agree are all there is. */
static void test_service_account_checks_trusted_legacy_asks_for_no_object(void **state)
{
    (void)state;
    struct scene scene;
    set_legacy(&scene);
    scene.policy.legacy = SERVICE_ACCOUNT_LEGACY_TRUSTED;
    scene.evidence.account = scene.evidence.secret = (struct looked_up){ 0 };
    assert_int_equal(run(&scene), ST_OK);
    spoil_subject_of_other_name(&scene);
    assert_int_equal(run(&scene), ST_SUBJECT_INVALID);
}

static void test_service_account_checks_node_beside_a_pod_is_no_binding(void **state)
{
    (void)state;
    struct scene scene;
    set_all_bound(&scene);
    scene.claims.node = (struct object_ref){ true, SPAN_LITERAL("gone"), SPAN_LITERAL("x") };
    assert_int_equal(run(&scene), ST_OK);
    scene.evidence.node.state = OBJECT_MISSING;
    assert_int_equal(run(&scene), ST_OK);
    scene.claims.pod = (struct object_ref){ 0 };
    assert_int_equal(run(&scene), ST_OBJECT_UNKNOWN);
}

/* ------------------------------------------------------------------ times */

static const struct {
    const char *name;
    struct instant now;
    int64_t date;
    bool is_early; /* nbf, iat: too early by now */
    bool is_late;  /* exp, deletionTimestamp: over by now */
} time_rows[] = {
    { "this very second", { NOW_SEC, 0 }, NOW_SEC, false, false },
    { "60 s ahead", { NOW_SEC, 0 }, NOW_SEC + 60, false, false },
    { "a nanosecond less than 61 s ahead", { NOW_SEC, 1 }, NOW_SEC + 61, true, false },
    { "61 s ahead", { NOW_SEC, 0 }, NOW_SEC + 61, true, false },
    { "60 s ago", { NOW_SEC, 0 }, NOW_SEC - 60, false, false },
    { "a nanosecond more", { NOW_SEC, 1 }, NOW_SEC - 60, false, true },
    { "61 s ago", { NOW_SEC, 0 }, NOW_SEC - 61, false, true },
    { "the last date there is", { NOW_SEC, 0 }, INT64_C(9000000000000000000), true, false },
    { "the first", { NOW_SEC, 0 }, INT64_C(-9000000000000000000), false, true },
    { "the epoch", { NOW_SEC, 0 }, 0, false, true },
};

static void test_service_account_checks_time_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(time_rows); i++) {
        const int64_t date = time_rows[i].date;
        struct scene scenes[4];
        for (size_t which = 0; which < COUNTOF(scenes); which++) {
            set_bound(&scenes[which]);
            scenes[which].question.now = time_rows[i].now;
        }
        scenes[0].claims.nbf = scenes[1].claims.iat = scenes[2].claims.exp = date;
        scenes[3].evidence.account.object.is_being_deleted = true;
        scenes[3].evidence.account.object.deletion_sec = date;
        const enum status wants[COUNTOF(scenes)] = {
            time_rows[i].is_early ? ST_TOKEN_NOT_YET_VALID : ST_OK,
            time_rows[i].is_early ? ST_TOKEN_FROM_FUTURE : ST_OK,
            time_rows[i].is_late ? ST_TOKEN_EXPIRED : ST_OK,
            time_rows[i].is_late ? ST_OBJECT_DELETED : ST_OK,
        };
        for (size_t which = 0; which < COUNTOF(scenes); which++) {
            if (run(&scenes[which]) != wants[which]) {
                fail_msg("%s (%zu): %s", time_rows[i].name, which,
                         status_label(run(&scenes[which])));
            }
        }
    }
}

static void test_service_account_checks_unreadable_deletion_is_long_ago(void **state)
{
    (void)state;
    struct scene scene;
    set_all_bound(&scene);
    scene.evidence.pod.object.is_being_deleted = true;
    scene.evidence.pod.object.deletion_sec = INT64_MIN;
    assert_int_equal(run(&scene), ST_OBJECT_DELETED);
}

/* Legacy tokens have no grace: even a deletion that lies ahead counts. */
static void test_service_account_checks_legacy_has_no_grace(void **state)
{
    (void)state;
    struct scene scene;
    set_legacy(&scene);
    scene.evidence.account.object.is_being_deleted = true;
    scene.evidence.account.object.deletion_sec = NOW_SEC + 1000;
    assert_int_equal(run(&scene), ST_OBJECT_DELETED);
    set_legacy(&scene);
    scene.evidence.secret.object.is_being_deleted = true;
    scene.evidence.secret.object.deletion_sec = NOW_SEC + 1000;
    assert_int_equal(run(&scene), ST_TOKEN_INVALIDATED);
}

/* ------------------------------------------------------------------ audiences */

/* Texts of one letter, an audience each. */
static const struct {
    const char *name;
    bool is_foreign;
    const char *asked; /* NULL: the request names none */
    const char *held;
    const char *ours;
    const char *theirs;
    bool is_fine;
    uint64_t granted;
} audience_rows[] = {
    { "the one that is held", false, "a", "a", "o", "", true, 1 },
    { "another one", false, "b", "a", "ab", "", false, 0 },
    { "order and duplicates of the request", false, "xbaxb", "ab", "o", "", true, 0x16 },
    { "--api-audiences do not widen", false, "o", "a", "o", "", false, 0 },
    { "none held: --api-audiences", false, "ao", "", "o", "", true, 2 },
    { "none held, others asked for", false, "a", "", "o", "", false, 0 },
    { "none asked for: --api-audiences", false, NULL, "o", "ao", "", true, 0 },
    { "none asked for, others held", false, NULL, "b", "ao", "", false, 0 },
    { "neither", false, NULL, "", "o", "", true, 0 },
    { "neither, and no --api-audiences", false, NULL, "", "", "", false, 0 },
    { "an empty list asked for", false, "", "a", "a", "", false, 0 },

    { "foreign: held and allowed", true, "xab", "ab", "", "ab", true, 6 },
    { "foreign: held, not allowed", true, "ab", "ab", "ab", "b", true, 2 },
    { "foreign: none allowed", true, "a", "a", "a", "b", false, 0 },
    { "foreign: allowed and held, never both", true, "ab", "a", "ab", "b", false, 0 },
    { "foreign: none held is what its cluster's are", true, "oa", "", "o", "a", true, 2 },
    { "foreign: none held, ours alone asked for", true, "o", "", "o", "a", false, 0 },
    { "foreign: none asked for is ours", true, NULL, "a", "a", "a", true, 0 },
    { "foreign: none asked for, ours are others", true, NULL, "a", "o", "a", false, 0 },
    { "foreign: neither", true, NULL, "", "a", "a", true, 0 },
};

static size_t letters(const char *text, struct span ret_spans[static 8])
{
    const size_t count = text ? strlen(text) : 0;
    for (size_t i = 0; i < count; i++) {
        ret_spans[i] = (struct span){ .at = &text[i], .len = 1 };
    }
    return count;
}

static void test_service_account_checks_audience_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(audience_rows); i++) {
        struct scene scene;
        struct span asked[8];
        struct span held[8];
        struct span ours[8];
        struct span theirs[8];
        set_bound(&scene);
        scene.question.has_audiences = audience_rows[i].asked != NULL;
        scene.question.audiences = asked;
        scene.question.audience_count = letters(audience_rows[i].asked, asked);
        scene.claims.audiences = held;
        scene.claims.audience_count = letters(audience_rows[i].held, held);
        scene.policy.is_foreign = audience_rows[i].is_foreign;
        scene.policy.api_audiences =
            (struct audience_list){ ours, letters(audience_rows[i].ours, ours) };
        scene.policy.audiences = scene.policy.api_audiences;
        if (audience_rows[i].is_foreign) {
            scene.policy.audiences =
                (struct audience_list){ theirs, letters(audience_rows[i].theirs, theirs) };
        }
        struct audience_set granted;
        memset(&granted, 0xff, sizeof(granted));
        const enum status status =
            service_account_checks_run(&scene.evidence, &scene.question, &granted);
        if (status != (audience_rows[i].is_fine ? ST_OK : ST_AUDIENCE_MISMATCH) ||
            (status == ST_OK && granted.words[0] != audience_rows[i].granted)) {
            fail_msg("%s: %s, %llx", audience_rows[i].name, status_label(status),
                     (unsigned long long)granted.words[0]);
        }
        assert_int_equal(granted.words[1], status == ST_OK ? 0 : UINT64_MAX);
    }
}

/* ------------------------------------------------------------------ lookups */

static void require_lookups(struct service_account_lookups got, const char *want)
{
    char text[5];
    (void)snprintf(text, sizeof(text), "%s%s%s%s", got.account ? "a" : "", got.secret ? "s" : "",
                   got.pod ? "p" : "", got.node ? "n" : "");
    assert_string_equal(text, want);
}

static void test_service_account_checks_lookups_are_what_is_named_and_followed(void **state)
{
    (void)state;
    struct scene scene;
    set_bound(&scene);
    require_lookups(service_account_lookups_of(&scene.claims, &scene.policy), "a");
    set_all_bound(&scene);
    scene.claims.node.is_present = true;
    require_lookups(service_account_lookups_of(&scene.claims, &scene.policy), "asp");
    scene.policy.lookup.secrets = SERVICE_ACCOUNT_SECRETS_TOKENS;
    scene.policy.lookup.follows_pods = false;
    require_lookups(service_account_lookups_of(&scene.claims, &scene.policy), "a");
    set_node_bound(&scene);
    require_lookups(service_account_lookups_of(&scene.claims, &scene.policy), "an");
    scene.policy.lookup.follows_nodes = false;
    require_lookups(service_account_lookups_of(&scene.claims, &scene.policy), "a");
    set_unfollowed(&scene);
    scene.policy.lookup.follows_pods = true; /* means nothing while it is off */
    require_lookups(service_account_lookups_of(&scene.claims, &scene.policy), "");
    set_legacy(&scene);
    scene.policy.lookup.secrets = SERVICE_ACCOUNT_SECRETS_TOKENS;
    require_lookups(service_account_lookups_of(&scene.claims, &scene.policy), "as");
    scene.policy.lookup.secrets = SERVICE_ACCOUNT_SECRETS_NONE;
    require_lookups(service_account_lookups_of(&scene.claims, &scene.policy), "a");
    scene.policy.legacy = SERVICE_ACCOUNT_LEGACY_TRUSTED;
    require_lookups(service_account_lookups_of(&scene.claims, &scene.policy), "");
    scene.policy.legacy = SERVICE_ACCOUNT_LEGACY_REFUSED;
    require_lookups(service_account_lookups_of(&scene.claims, &scene.policy), "");
}

static void test_service_account_checks_untold_until_the_store_is_surely_later(void **state)
{
    (void)state;
    struct service_account_claims claims = { .has_iat = true, .iat = NOW_SEC };
    assert_true(service_account_may_be_untold(&claims, 0));
    assert_true(service_account_may_be_untold(&claims, NOW_SEC));
    assert_true(service_account_may_be_untold(&claims, NOW_SEC + 60));
    assert_false(service_account_may_be_untold(&claims, NOW_SEC + 61));
    claims.has_iat = false;
    assert_true(service_account_may_be_untold(&claims, INT64_MAX));
    claims =
        (struct service_account_claims){ .has_iat = true, .iat = INT64_C(9000000000000000000) };
    assert_true(service_account_may_be_untold(&claims, NOW_SEC));
}

static void test_service_account_checks_first_untold_is_the_one_that_refused(void **state)
{
    (void)state;
    struct scene scene;
    set_all_bound(&scene);
    assert_int_equal(service_account_first_untold(&scene.evidence), SERVICE_ACCOUNT_OBJECT_NONE);
    scene.evidence.pod.state = OBJECT_NOT_TOLD;
    assert_int_equal(service_account_first_untold(&scene.evidence), SERVICE_ACCOUNT_OBJECT_POD);
    scene.evidence.secret.state = OBJECT_NOT_TOLD;
    assert_int_equal(service_account_first_untold(&scene.evidence), SERVICE_ACCOUNT_OBJECT_SECRET);
    scene.evidence.account.state = OBJECT_NOT_TOLD;
    assert_int_equal(service_account_first_untold(&scene.evidence), SERVICE_ACCOUNT_OBJECT_ACCOUNT);
    scene.claims.is_legacy = true; /* then the Secret is asked for first */
    assert_int_equal(service_account_first_untold(&scene.evidence), SERVICE_ACCOUNT_OBJECT_SECRET);
    set_node_bound(&scene);
    scene.evidence.node.state = OBJECT_NOT_TOLD;
    assert_int_equal(service_account_first_untold(&scene.evidence), SERVICE_ACCOUNT_OBJECT_NODE);
}

/* An answer costs no memory, whichever it is. */
static void test_service_account_checks_allocate_nothing(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return; /* it has said so */
    }
    for (size_t book = 0; book < COUNTOF(books); book++) {
        for (size_t i = 0; i <= books[book].count; i++) {
            struct scene scene;
            books[book].set(&scene);
            if (i < books[book].count) {
                books[book].rules[i].spoil(&scene);
            }
            alloc_fail_arm(1);
            const enum status status = run(&scene);
            assert_false(alloc_fail_disarm());
            assert_true((status == ST_OK) == (i == books[book].count));
        }
    }
}

/* ------------------------------------------------------------------ explain */

struct heard {
    size_t count;
    size_t failed;
    char all[4096];
};

static void hear(void *ctx,
                 enum authenticator_id authenticator,
                 const char *check,
                 bool passed,
                 const char *detail)
{
    struct heard *heard = ctx;
    assert_int_equal(authenticator, AUTHENTICATOR_BOOTSTRAP); /* as the evidence says */
    heard->count++;
    heard->failed += !passed;
    const size_t used = strlen(heard->all);
    (void)snprintf(heard->all + used, sizeof(heard->all) - used, "%s (%s)\n", check, detail);
}

static void listen_to(struct scene *scene, struct heard *heard)
{
    *heard = (struct heard){ 0 };
    scene->question.explain = hear;
    scene->question.explain_ctx = heard;
}

static void test_service_account_checks_explain_stops_at_the_refusal(void **state)
{
    (void)state;
    for (size_t book = 0; book < COUNTOF(books); book++) {
        size_t before = 1;
        for (size_t i = 0; i < books[book].count; i++) {
            struct scene scene;
            struct heard heard;
            books[book].set(&scene);
            books[book].rules[i].spoil(&scene);
            listen_to(&scene, &heard);
            assert_int_equal(run(&scene), books[book].rules[i].want);
            assert_int_equal(heard.failed, 1);
            assert_true(heard.count >= before);
            before = heard.count;
        }
        struct scene scene;
        struct heard heard;
        books[book].set(&scene);
        listen_to(&scene, &heard);
        assert_int_equal(run(&scene), ST_OK);
        assert_int_equal(heard.failed, 0);
        assert_true(heard.count >= before);
    }
}

static void require_heard(const struct heard *heard, const char *want)
{
    if (!strstr(heard->all, want)) {
        fail_msg("no \"%s\" in:\n%s", want, heard->all);
    }
}

static void test_service_account_checks_explain_names_what_was_looked_at(void **state)
{
    (void)state;
    struct scene scene;
    struct heard heard;
    set_all_bound(&scene);
    scene.evidence.pod.object.is_being_deleted = true;
    scene.evidence.pod.object.deletion_sec = NOW_SEC - 30;
    listen_to(&scene, &heard);
    assert_int_equal(run(&scene), ST_OK);
    require_heard(&heard, "(" ISSUER ")");
    require_heard(&heard, "(asked for: api; the token is for: api)");
    require_heard(&heard, "(exp 2023-11-14T23:13:20Z, asked as of 2023-11-14T22:13:20Z)");
    require_heard(&heard, "the ServiceAccount exists (ServiceAccount ns/builder)");
    require_heard(&heard, "(it is \"sa-uid\", the token says \"sa-uid\")");
    require_heard(&heard, "(Secret ns/secret-1)");
    require_heard(&heard, "(Pod ns/pod-1)");
    require_heard(&heard, "(deletionTimestamp 2023-11-14T22:12:50Z, asked as of");

    set_node_bound(&scene);
    scene.evidence.node.state = OBJECT_NOT_TOLD;
    scene.claims.has_nbf = false;
    scene.claims.exp = INT64_C(9000000000000000000);
    listen_to(&scene, &heard);
    assert_int_equal(run(&scene), ST_OBJECT_NOT_TOLD);
    require_heard(&heard, "(nbf is absent, asked as of");
    require_heard(&heard, "(exp second 9000000000000000000 since 1970, asked as of");
    require_heard(&heard, "(Node node-1: none has been told of, and it may be too new for that)");

    set_legacy(&scene);
    scene.evidence.secret.state = OBJECT_MISSING;
    scene.question.has_audiences = false;
    listen_to(&scene, &heard);
    assert_int_equal(run(&scene), ST_TOKEN_INVALIDATED);
    require_heard(&heard,
                  "(asked for none, so for --api-audiences: api; the token says none, so it "
                  "is for: api)");
    require_heard(&heard, "(Secret ns/builder-token: there is none)");
    set_legacy(&scene);
    scene.claims.uid = SPAN_LITERAL("");
    listen_to(&scene, &heard);
    assert_int_equal(run(&scene), ST_CLAIM_MISSING);
    require_heard(&heard, "(not kubernetes.io/serviceaccount/service-account.uid)");

    set_foreign(&scene);
    scene.evidence.account = (struct looked_up){ 0 };
    listen_to(&scene, &heard);
    assert_int_equal(run(&scene), ST_BINDING_NOT_FOLLOWED);
    require_heard(&heard, "; the token is for: api; audiences of its cluster: api)");
    require_heard(&heard, "builder: objects of this kind are not looked up)");
}

static void test_service_account_checks_explain_cuts_what_a_token_says(void **state)
{
    (void)state;
    char issuer[300];
    char name[300];
    memset(issuer, 'i', sizeof(issuer));
    memset(name, '\x1b', sizeof(name));
    struct scene scene;
    struct heard heard;
    set_bound(&scene);
    scene.claims.issuer = (struct span){ issuer, sizeof(issuer) };
    listen_to(&scene, &heard);
    assert_int_equal(run(&scene), ST_TOKEN_UNRECOGNIZED);
    assert_true(strlen(heard.all) < 250);
    require_heard(&heard, "iii...)");
    set_bound(&scene);
    scene.claims.name = (struct span){ name, sizeof(name) };
    listen_to(&scene, &heard);
    assert_int_equal(run(&scene), ST_CLAIMS_MALFORMED);
    assert_null(strchr(heard.all, '\x1b'));
    require_heard(&heard, "ServiceAccount ns/????");
}

/* ------------------------------------------------------------------ public vectors */

/* What kube-apiserver says, as a reason of ours. */
static const struct {
    const char *error; /* how it begins */
    enum status status;
} errors[] = {
    { "Token has been invalidated", ST_TOKEN_INVALIDATED },
    { "Token does not match", ST_TOKEN_SECRET_MISMATCH },
    { "serviceaccounts \"", ST_OBJECT_UNKNOWN },
    { "ServiceAccount UID", ST_OBJECT_UID_MISMATCH },
    { "ServiceAccount ", ST_OBJECT_DELETED },
    { "has been marked invalid", ST_TOKEN_INVALIDATED },
    { "sub claim is invalid", ST_SUBJECT_INVALID },
    { "sub claim is missing", ST_CLAIM_MISSING },
    { "namespace claim is missing", ST_CLAIM_MISSING },
    { "secretName claim is missing", ST_CLAIM_MISSING },
    { "serviceAccountName claim is missing", ST_CLAIM_MISSING },
    { "serviceAccountUID claim is missing", ST_CLAIM_MISSING },
    { "service account token is not valid yet", ST_TOKEN_NOT_YET_VALID },
    { "service account token has expired", ST_TOKEN_EXPIRED },
    { "service account token is issued", ST_TOKEN_FROM_FUTURE },
    { "service account token has been invalidated", ST_OBJECT_UNKNOWN },
    { "service account UID", ST_OBJECT_UID_MISMATCH },
    { "secret UID", ST_OBJECT_UID_MISMATCH },
    { "pod UID", ST_OBJECT_UID_MISMATCH },
    { "node UID", ST_OBJECT_UID_MISMATCH },
    { "service account ", ST_OBJECT_DELETED },
};

static enum status wanted_by(json_object *row)
{
    json_object *expect = json_object_object_get(row, "expect");
    struct span error = vectors_text(expect, "error");
    if (json_object_get_boolean(json_object_object_get(expect, "authenticated"))) {
        return ST_OK;
    }
    if (error.len == 0) {
        error = vectors_text(expect, "error_contains");
    }
    for (size_t i = 0; i < COUNTOF(errors); i++) {
        if (span_starts_with(error, span_of(errors[i].error))) {
            return errors[i].status;
        }
    }
    fail_msg("%s: unknown error: %.*s", vectors_text(row, "id").at, (int)error.len, error.at);
    return ST_INTERNAL;
}

/* Claims, objects and time of a vector, asked for the audience that its token has. The vectors say
 * nothing of issuers and audiences: what a good token of this cluster has is put in. */
static void require_vector(json_object *row, bool is_legacy)
{
    json_object *written = json_object_object_get(row, "claims");
    const char *payload = json_object_to_json_string_ext(written, JSON_C_TO_STRING_PLAIN);
    struct test_claims test;
    struct scene scene;
    if (is_legacy) {
        set_legacy(&scene);
    } else {
        set_bound(&scene);
    }
    test_claims_read(&test, span_of(payload), is_legacy);
    const struct service_account_claims *claims = &test.claims;
    test.claims.issuer = scene.claims.issuer;
    scene.evidence.claims = claims;
    json_object *objects = json_object_object_get(row, "objects");
    json_object *secrets = is_legacy ? json_object_object_get(row, "secrets") : objects;
    json_object *accounts = is_legacy ? json_object_object_get(row, "serviceaccounts") : objects;
    const struct span none = { 0 };
    scene.evidence.account = test_look_up(accounts, is_legacy ? NULL : "ServiceAccount",
                                          claims->namespace, claims->name);
    scene.evidence.secret =
        test_look_up(secrets, is_legacy ? NULL : "Secret", claims->namespace, claims->secret.name);
    if (is_legacy) {
        json_object *secret = json_object_array_get_idx(secrets, 0);
        json_object *data = json_object_object_get(secret, "data_plain");
        scene.evidence.secret.token_matches =
            span_equal(vectors_text(data, "token"), SPAN_LITERAL("<RAW_TOKEN>"));
    } else {
        scene.evidence.pod = test_look_up(objects, "Pod", claims->namespace, claims->pod.name);
        scene.evidence.node = test_look_up(objects, "Node", none, claims->node.name);
        scene.question.now = (struct instant){ .sec = json_object_get_int64(
                                                   json_object_object_get(row, "now_unix")) };
    }
    const enum status status = run(&scene);
    if (status != wanted_by(row)) {
        fail_msg("%s: %s", vectors_text(row, "id").at, status_label(status));
    }
    test_claims_fini(&test);
}

static void test_service_account_checks_public_vectors(void **state)
{
    (void)state;
    json_object *root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    json_object *bound = vectors_list(root, "service_account", "bound_validate");
    for (size_t i = 0; i < json_object_array_length(bound); i++) {
        require_vector(json_object_array_get_idx(bound, i), false);
    }
    json_object *legacy = vectors_list(root, "service_account", "legacy_validate");
    for (size_t i = 0; i < json_object_array_length(legacy); i++) {
        require_vector(json_object_array_get_idx(legacy, i), true);
    }
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_account_checks_all_good_is_ok),
        cmocka_unit_test(test_service_account_checks_all_zero_policy_believes_nothing),
        cmocka_unit_test(test_service_account_checks_each_rule_refuses),
        cmocka_unit_test(test_service_account_checks_of_two_faults_the_earlier_is_named),
        cmocka_unit_test(test_service_account_checks_look_at_nothing_else),
        cmocka_unit_test(test_service_account_checks_trusted_legacy_asks_for_no_object),
        cmocka_unit_test(test_service_account_checks_node_beside_a_pod_is_no_binding),
        cmocka_unit_test(test_service_account_checks_time_rows),
        cmocka_unit_test(test_service_account_checks_unreadable_deletion_is_long_ago),
        cmocka_unit_test(test_service_account_checks_legacy_has_no_grace),
        cmocka_unit_test(test_service_account_checks_audience_rows),
        cmocka_unit_test(test_service_account_checks_lookups_are_what_is_named_and_followed),
        cmocka_unit_test(test_service_account_checks_untold_until_the_store_is_surely_later),
        cmocka_unit_test(test_service_account_checks_first_untold_is_the_one_that_refused),
        cmocka_unit_test(test_service_account_checks_allocate_nothing),
        cmocka_unit_test(test_service_account_checks_explain_stops_at_the_refusal),
        cmocka_unit_test(test_service_account_checks_explain_names_what_was_looked_at),
        cmocka_unit_test(test_service_account_checks_explain_cuts_what_a_token_says),
        cmocka_unit_test(test_service_account_checks_public_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
