/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for ServiceAccount tokens, one row each.
 *
 * One table for each kind of token serves questions (the first refusal wins) and the operator's
 * `explain` (the list up to it), so that the two cannot drift apart. The order is Kubernetes': it
 * decides which reason is told, and whether one that may go away soon stands in front of one that
 * will not.
 *
 * Threat: an object that was deleted and made anew under the same name. So references hold a UID,
 * and one without a UID matches nothing.
 *
 * Whoever comes here has a token that one of our issuers signed. What it says may still be odd, and
 * texts show of it names and dates only (kube/shown_name.h), audiences and the issuer.
 *
 * Threads: pure functions.
 */
#include "authn/jwt/service_account_checks.h"

#include <inttypes.h>

#include "authn/audiences.h"
#include "authn/explain.h"
#include "base/buf.h"
#include "base/rfc3339.h"
#include "kube/names.h"
#include "kube/service_account_name.h"
#include "kube/shown_name.h"

#define ISSUER_SHOWN_MAX 128 /* bytes of a peer's */

/* What is looked at, and what comes of it. */
struct judged {
    const struct service_account_claims *claims;
    const struct service_account_policy *policy;
    const struct service_account_evidence *evidence;
    const struct question *question;
    struct audience_set granted;
};

/* An object that the token names, and what was found. All-zero in a row that is about none. */
struct named {
    const char *kind;
    struct span namespace; /* empty for a Node */
    struct span name;
    struct span uid;
    const struct looked_up *found;
};

typedef enum status check_fn(struct judged *judged, const struct named *named);
typedef bool applies_fn(const struct judged *judged, enum service_account_object object);
typedef void detail_fn(const struct judged *judged, const struct named *named, struct buf *text);

struct check {
    check_fn *run;
    const char *text;
    detail_fn *detail;   /* NULL: the text says all */
    applies_fn *applies; /* NULL: always */
    enum service_account_object object;
};

/* For the tables. */
#define NONE    SERVICE_ACCOUNT_OBJECT_NONE
#define ACCOUNT SERVICE_ACCOUNT_OBJECT_ACCOUNT
#define SECRET  SERVICE_ACCOUNT_OBJECT_SECRET
#define POD     SERVICE_ACCOUNT_OBJECT_POD
#define NODE    SERVICE_ACCOUNT_OBJECT_NODE

static struct named named_by(const struct judged *judged, enum service_account_object object)
{
    const struct service_account_claims *claims = judged->claims;
    const struct service_account_evidence *evidence = judged->evidence;
    const struct span none = { 0 };
    switch (object) {
    case SERVICE_ACCOUNT_OBJECT_NONE:
        break;
    case SERVICE_ACCOUNT_OBJECT_ACCOUNT:
        return (struct named){ "ServiceAccount", claims->namespace, claims->name, claims->uid,
                               &evidence->account };
    case SERVICE_ACCOUNT_OBJECT_SECRET:
        return (struct named){ "Secret", claims->namespace, claims->secret.name, claims->secret.uid,
                               &evidence->secret };
    case SERVICE_ACCOUNT_OBJECT_POD:
        return (struct named){ "Pod", claims->namespace, claims->pod.name, claims->pod.uid,
                               &evidence->pod };
    case SERVICE_ACCOUNT_OBJECT_NODE:
        return (struct named){ "Node", none, claims->node.name, claims->node.uid, &evidence->node };
    }
    return (struct named){ 0 };
}

/* ------------------------------------------------------------------ what is said of them */

static void show_time(struct buf *text, int64_t sec)
{
    char shown[RFC3339_MAX];
    rfc3339_format((struct instant){ .sec = sec }, shown);
    if (shown[0]) {
        buf_append_text(text, shown);
    } else {
        buf_printf(text, "second %" PRId64 " since 1970", sec);
    }
}

static void show_date(struct buf *text, const char *name, bool has_date, int64_t sec)
{
    buf_printf(text, "%s ", name);
    if (has_date) {
        show_time(text, sec);
    } else {
        buf_append_text(text, "is absent");
    }
}

static void show_asked_as_of(const struct judged *judged, struct buf *text)
{
    buf_append_text(text, ", asked as of ");
    show_time(text, judged->question->now.sec);
}

static void detail_name(const struct judged *judged, const struct named *named, struct buf *text)
{
    (void)judged;
    const struct shown_name namespace = shown_name_of(named->namespace);
    const struct shown_name name = shown_name_of(named->name);
    buf_printf(text, "%s %s%s%s", named->kind, namespace.text, named->namespace.len ? "/" : "",
               name.text);
}

static void detail_found(const struct judged *judged, const struct named *named, struct buf *text)
{
    detail_name(judged, named, text);
    switch (named->found->state) {
    case OBJECT_NOT_LOOKED_UP:
        buf_append_text(text, ": objects of this kind are not looked up");
        break;
    case OBJECT_MISSING:
        buf_append_text(text, ": there is none");
        break;
    case OBJECT_NOT_TOLD:
        buf_append_text(text, ": none has been told of, and it may be too new for that");
        break;
    case OBJECT_FOUND:
        break;
    }
}

static void detail_uid(const struct judged *judged, const struct named *named, struct buf *text)
{
    (void)judged;
    const struct shown_name is = shown_name_of(named->found->object.uid);
    const struct shown_name wanted = shown_name_of(named->uid);
    buf_printf(text, "it is \"%s\", the token says \"%s\"", is.text, wanted.text);
}

static void detail_deletion(const struct judged *judged,
                            const struct named *named,
                            struct buf *text)
{
    if (named->found->object.is_being_deleted) {
        buf_append_text(text, "deletionTimestamp ");
        show_time(text, named->found->object.deletion_sec);
        show_asked_as_of(judged, text);
    }
}

static void show_audiences(struct buf *text,
                           const char *what,
                           const struct span *audiences,
                           size_t count)
{
    buf_append_text(text, what);
    for (size_t i = 0; i < count; i++) {
        buf_append_char(text, ' ');
        buf_append(text, audiences[i]);
    }
}

/* ------------------------------------------------------------------ issuer and audiences */

static enum status check_issuer(struct judged *judged, const struct named *named)
{
    (void)named;
    if (judged->claims->is_legacy) {
        return span_equal(judged->claims->issuer, SPAN_LITERAL(SERVICE_ACCOUNT_LEGACY_ISSUER))
                   ? ST_OK
                   : ST_TOKEN_UNRECOGNIZED;
    }
    for (size_t i = 0; i < judged->policy->issuer_count; i++) {
        if (span_equal(judged->claims->issuer, judged->policy->issuers[i])) {
            return ST_OK;
        }
    }
    return ST_TOKEN_UNRECOGNIZED;
}

static void detail_issuer(const struct judged *judged, const struct named *named, struct buf *text)
{
    (void)named;
    struct span issuer = judged->claims->issuer;
    const bool is_cut = issuer.len > ISSUER_SHOWN_MAX;
    issuer.len = is_cut ? ISSUER_SHOWN_MAX : issuer.len;
    buf_append(text, issuer);
    buf_append_text(text, is_cut ? "..." : "");
}

static bool is_legacy(const struct judged *judged, enum service_account_object object)
{
    (void)object;
    return judged->claims->is_legacy;
}

static enum status check_legacy_is_answered(struct judged *judged, const struct named *named)
{
    (void)named;
    return judged->policy->legacy == SERVICE_ACCOUNT_LEGACY_REFUSED ? ST_TOKEN_UNRECOGNIZED : ST_OK;
}

/* jwt.go: a token without audiences is for the API server's; a request without means those. Of
 * another cluster's tokens `audiences` are what its API server's would be, and hold besides. */
static enum status check_audiences(struct judged *judged, const struct named *named)
{
    (void)named;
    const struct question *question = judged->question;
    const struct service_account_claims *claims = judged->claims;
    const struct service_account_policy *policy = judged->policy;
    const struct audience_list asked =
        question->has_audiences
            ? (struct audience_list){ question->audiences, question->audience_count }
            : policy->api_audiences;
    const struct audience_list held =
        claims->audience_count > 0
            ? (struct audience_list){ claims->audiences, claims->audience_count }
            : policy->audiences;
    struct audience_set common;
    bool is_for_us =
        audiences_intersect(asked.sorted, asked.count, held.sorted, held.count, &common);
    if (is_for_us && policy->is_foreign && claims->audience_count > 0) {
        struct audience_set allowed;
        is_for_us = audiences_intersect(asked.sorted, asked.count, policy->audiences.sorted,
                                        policy->audiences.count, &allowed);
        for (size_t i = 0; i < COUNTOF(common.words); i++) {
            common.words[i] &= allowed.words[i];
        }
        is_for_us = is_for_us && !audience_set_is_empty(&common);
    }
    if (is_for_us && question->has_audiences) {
        judged->granted = common;
    }
    return is_for_us ? ST_OK : ST_AUDIENCE_MISMATCH;
}

static void detail_audiences(const struct judged *judged,
                             const struct named *named,
                             struct buf *text)
{
    (void)named;
    const struct question *question = judged->question;
    const struct service_account_claims *claims = judged->claims;
    const struct service_account_policy *policy = judged->policy;
    if (question->has_audiences) {
        show_audiences(text, "asked for:", question->audiences, question->audience_count);
    } else {
        show_audiences(text,
                       "asked for none, so for --api-audiences:", policy->api_audiences.sorted,
                       policy->api_audiences.count);
    }
    if (claims->audience_count > 0) {
        show_audiences(text, "; the token is for:", claims->audiences, claims->audience_count);
    }
    if (claims->audience_count == 0 || policy->is_foreign) {
        show_audiences(text,
                       claims->audience_count > 0 ? "; audiences of its cluster:"
                                                  : "; the token says none, so it is for:",
                       policy->audiences.sorted, policy->audiences.count);
    }
}

/* clang-format off */
static const struct check common_checks[] = {
    { check_issuer,             "the issuer is one that the key speaks for", detail_issuer, NULL, NONE },
    { check_legacy_is_answered, "legacy tokens of its cluster are answered", NULL, is_legacy, NONE },
    { check_audiences,          "the token is for one of the audiences asked for", detail_audiences, NULL, NONE },
};
/* clang-format on */

/* ------------------------------------------------------------------ objects */

static enum status find(const struct looked_up *looked_up, enum status when_missing)
{
    switch (looked_up->state) {
    case OBJECT_NOT_LOOKED_UP:
        return ST_BINDING_NOT_FOLLOWED;
    case OBJECT_NOT_TOLD:
        return ST_OBJECT_NOT_TOLD;
    case OBJECT_FOUND:
        return ST_OK;
    case OBJECT_MISSING:
        break;
    }
    return when_missing;
}

static enum status check_exists(struct judged *judged, const struct named *named)
{
    (void)judged;
    return find(named->found, ST_OBJECT_UNKNOWN);
}

static enum status check_uid(struct judged *judged, const struct named *named)
{
    (void)judged;
    const bool is_same = named->uid.len > 0 && span_equal(named->found->object.uid, named->uid);
    return is_same ? ST_OK : ST_OBJECT_UID_MISMATCH;
}

/* The instant @sec seconds from now. */
static struct instant from_now(const struct judged *judged, int64_t sec)
{
    const struct instant now = judged->question->now;
    return (struct instant){ .sec = now.sec + sec, .nsec = now.nsec };
}

/* claims.go: deleted iff deletionTimestamp < now - leeway */
static enum status check_deletion(struct judged *judged, const struct named *named)
{
    const struct instant deletion = { .sec = named->found->object.deletion_sec };
    const bool is_gone =
        named->found->object.is_being_deleted &&
        instant_compare(deletion, from_now(judged, -SERVICE_ACCOUNT_LEEWAY_SEC)) < 0;
    return is_gone ? ST_OBJECT_DELETED : ST_OK;
}

/* ------------------------------------------------------------------ legacy tokens */

static const char *find_missing_claim(const struct service_account_claims *claims)
{
    const struct {
        struct span claim;
        const char *name;
    } wanted[] = {
        { claims->subject, "sub" },
        { claims->namespace, "kubernetes.io/serviceaccount/namespace" },
        { claims->secret.name, "kubernetes.io/serviceaccount/secret.name" },
        { claims->name, "kubernetes.io/serviceaccount/service-account.name" },
        { claims->uid, "kubernetes.io/serviceaccount/service-account.uid" },
    };
    for (size_t i = 0; i < COUNTOF(wanted); i++) {
        if (wanted[i].claim.len == 0) {
            return wanted[i].name;
        }
    }
    return NULL;
}

static enum status check_legacy_claims(struct judged *judged, const struct named *named)
{
    (void)named;
    return find_missing_claim(judged->claims) ? ST_CLAIM_MISSING : ST_OK;
}

static void detail_legacy_claims(const struct judged *judged,
                                 const struct named *named,
                                 struct buf *text)
{
    (void)named;
    const char *const missing = find_missing_claim(judged->claims);
    buf_append_text(text, missing ? "not " : "");
    buf_append_text(text, missing ? missing : "");
}

static enum status check_subject(struct judged *judged, const struct named *named)
{
    struct span namespace;
    struct span name;
    const bool is_same = service_account_name_split(judged->claims->subject, &namespace, &name) &&
                         span_equal(namespace, named->namespace) && span_equal(name, named->name);
    return is_same ? ST_OK : ST_SUBJECT_INVALID;
}

static enum status check_token_secret(struct judged *judged, const struct named *named)
{
    (void)judged;
    return find(named->found, ST_TOKEN_INVALIDATED);
}

static enum status check_token_secret_live(struct judged *judged, const struct named *named)
{
    (void)judged;
    return named->found->object.is_being_deleted ? ST_TOKEN_INVALIDATED : ST_OK;
}

static enum status check_token_matches(struct judged *judged, const struct named *named)
{
    (void)judged;
    return named->found->token_matches ? ST_OK : ST_TOKEN_SECRET_MISMATCH;
}

/* Without the grace that bound tokens have: legacy.go */
static enum status check_live(struct judged *judged, const struct named *named)
{
    (void)judged;
    return named->found->object.is_being_deleted ? ST_OBJECT_DELETED : ST_OK;
}

static enum status check_not_invalidated(struct judged *judged, const struct named *named)
{
    (void)judged;
    return named->found->object.is_invalidated ? ST_TOKEN_INVALIDATED : ST_OK;
}

static bool is_followed(const struct judged *judged, enum service_account_object object)
{
    (void)object;
    return judged->policy->legacy != SERVICE_ACCOUNT_LEGACY_TRUSTED;
}

/* clang-format off */
static const struct check legacy_checks[] = {
    { check_legacy_claims,     "Secret, ServiceAccount, its UID and the subject are named", detail_legacy_claims, NULL, NONE },
    { check_subject,           "the subject is that ServiceAccount", detail_name, NULL, ACCOUNT },
    { check_token_secret,      "the Secret exists", detail_found, is_followed, SECRET },
    { check_token_secret_live, "the Secret is not being deleted", NULL, is_followed, SECRET },
    { check_token_matches,     "the Secret's data.token is this very token", NULL, is_followed, SECRET },
    { check_exists,            "the ServiceAccount exists", detail_found, is_followed, ACCOUNT },
    { check_live,              "the ServiceAccount is not being deleted", NULL, is_followed, ACCOUNT },
    { check_uid,               "the ServiceAccount's UID is the one named", detail_uid, is_followed, ACCOUNT },
    { check_not_invalidated,   "the Secret has no label kubernetes.io/legacy-token-invalid-since", NULL, is_followed, SECRET },
};
/* clang-format on */

/* ------------------------------------------------------------------ bound tokens */

/* now + leeway < date (go-jose ValidateWithLeeway) */
static bool is_too_early(const struct judged *judged, int64_t date)
{
    return instant_compare(from_now(judged, SERVICE_ACCOUNT_LEEWAY_SEC),
                           (struct instant){ .sec = date }) < 0;
}

static enum status check_not_before(struct judged *judged, const struct named *named)
{
    (void)named;
    const bool is_early = judged->claims->has_nbf && is_too_early(judged, judged->claims->nbf);
    return is_early ? ST_TOKEN_NOT_YET_VALID : ST_OK;
}

static void detail_not_before(const struct judged *judged,
                              const struct named *named,
                              struct buf *text)
{
    (void)named;
    show_date(text, "nbf", judged->claims->has_nbf, judged->claims->nbf);
    show_asked_as_of(judged, text);
}

static enum status check_has_exp(struct judged *judged, const struct named *named)
{
    (void)named;
    return judged->claims->has_exp ? ST_OK : ST_CLAIM_MISSING;
}

static enum status check_not_expired(struct judged *judged, const struct named *named)
{
    (void)named;
    /* expired iff now - leeway > exp (as above) */
    const struct instant exp = { .sec = judged->claims->exp };
    const bool is_expired = judged->claims->has_exp &&
                            instant_compare(from_now(judged, -SERVICE_ACCOUNT_LEEWAY_SEC), exp) > 0;
    return is_expired ? ST_TOKEN_EXPIRED : ST_OK;
}

static void detail_not_expired(const struct judged *judged,
                               const struct named *named,
                               struct buf *text)
{
    (void)named;
    show_date(text, "exp", judged->claims->has_exp, judged->claims->exp);
    show_asked_as_of(judged, text);
}

static enum status check_issued(struct judged *judged, const struct named *named)
{
    (void)named;
    const bool is_early = judged->claims->has_iat && is_too_early(judged, judged->claims->iat);
    return is_early ? ST_TOKEN_FROM_FUTURE : ST_OK;
}

static void detail_issued(const struct judged *judged, const struct named *named, struct buf *text)
{
    (void)named;
    show_date(text, "iat", judged->claims->has_iat, judged->claims->iat);
    show_asked_as_of(judged, text);
}

static enum status check_account_is_named(struct judged *judged, const struct named *named)
{
    (void)judged;
    const bool is_named = named->namespace.len > 0 && named->name.len > 0 && named->uid.len > 0;
    return is_named ? ST_OK : ST_CLAIM_MISSING;
}

/* Where nothing is looked up, nothing else keeps a colon out of the user's name; where it is, such
 * an object will never be told of. */
static enum status check_account_name(struct judged *judged, const struct named *named)
{
    (void)judged;
    const bool is_possible =
        name_is_dns_label(named->namespace) && name_is_dns_subdomain(named->name);
    return is_possible ? ST_OK : ST_CLAIMS_MALFORMED;
}

static enum status check_no_other_binding(struct judged *judged, const struct named *named)
{
    (void)named;
    return judged->claims->has_other_binding ? ST_BINDING_NOT_FOLLOWED : ST_OK;
}

static bool is_not_looked_up(const struct judged *judged, enum service_account_object object)
{
    (void)object;
    return !judged->policy->lookup.is_on;
}

/* Beside a pod the node is no binding: it is where the pod was when the token was made (claims.go).
 */
static bool is_bound(const struct judged *judged, enum service_account_object object)
{
    const struct service_account_claims *claims = judged->claims;
    switch (object) {
    case SERVICE_ACCOUNT_OBJECT_NONE:
    case SERVICE_ACCOUNT_OBJECT_ACCOUNT:
        break;
    case SERVICE_ACCOUNT_OBJECT_SECRET:
        return judged->policy->lookup.is_on && claims->secret.is_present;
    case SERVICE_ACCOUNT_OBJECT_POD:
        return judged->policy->lookup.is_on && claims->pod.is_present;
    case SERVICE_ACCOUNT_OBJECT_NODE:
        return judged->policy->lookup.is_on && claims->node.is_present && !claims->pod.is_present;
    }
    return judged->policy->lookup.is_on;
}

/* clang-format off */
static const struct check bound_checks[] = {
    { check_not_before,       "the token is valid by now", detail_not_before, NULL, NONE },
    { check_has_exp,          "the token expires, since no object is looked up", NULL, is_not_looked_up, NONE },
    { check_not_expired,      "the token has not expired", detail_not_expired, NULL, NONE },
    { check_issued,           "the token has been issued", detail_issued, NULL, NONE },
    { check_account_is_named, "ServiceAccount, namespace and UID are named", NULL, NULL, ACCOUNT },
    { check_account_name,     "a ServiceAccount can have that name", detail_name, NULL, ACCOUNT },
    { check_exists,           "the ServiceAccount exists", detail_found, is_bound, ACCOUNT },
    { check_uid,              "the ServiceAccount's UID is the one named", detail_uid, is_bound, ACCOUNT },
    { check_deletion,         "the ServiceAccount was not deleted more than 60 seconds ago", detail_deletion, is_bound, ACCOUNT },
    { check_exists,           "the Secret exists that the token is bound to", detail_found, is_bound, SECRET },
    { check_uid,              "the Secret's UID is the one named", detail_uid, is_bound, SECRET },
    { check_deletion,         "the Secret was not deleted more than 60 seconds ago", detail_deletion, is_bound, SECRET },
    { check_exists,           "the Pod exists that the token is bound to", detail_found, is_bound, POD },
    { check_uid,              "the Pod's UID is the one named", detail_uid, is_bound, POD },
    { check_deletion,         "the Pod was not deleted more than 60 seconds ago", detail_deletion, is_bound, POD },
    { check_exists,           "the Node exists that the token is bound to", detail_found, is_bound, NODE },
    { check_uid,              "the Node's UID is the one named", detail_uid, is_bound, NODE },
    { check_deletion,         "the Node was not deleted more than 60 seconds ago", detail_deletion, is_bound, NODE },
    { check_no_other_binding, "the token is bound to nothing that is not known here", NULL, is_bound, NONE },
};
/* clang-format on */

_Static_assert(SERVICE_ACCOUNT_LEEWAY_SEC == 60, "as the texts say");

/* ------------------------------------------------------------------ running them */

static void explain(const struct judged *judged,
                    const struct check *check,
                    const struct named *named,
                    enum status status)
{
    struct buf text = { 0 };
    if (check->detail) {
        check->detail(judged, named, &text);
    }
    const size_t len = text.failed ? 0 : text.len;
    const size_t shown_len = len < EXPLAIN_DETAIL_MAX ? len : EXPLAIN_DETAIL_MAX;
    explain_check(judged->question, judged->evidence->family, check->text, status == ST_OK, "%.*s",
                  (int)shown_len, shown_len ? text.at : "");
    buf_fini(&text);
}

static enum status run(const struct check *checks, size_t count, struct judged *judged)
{
    for (size_t i = 0; i < count; i++) {
        const struct check *const check = &checks[i];
        if (check->applies && !check->applies(judged, check->object)) {
            continue;
        }
        const struct named named = named_by(judged, check->object);
        const enum status status = check->run(judged, &named);
        if (judged->question->explain) {
            explain(judged, check, &named, status);
        }
        if (status != ST_OK) {
            return status;
        }
    }
    return ST_OK;
}

enum status service_account_checks_run(const struct service_account_evidence *evidence,
                                       const struct question *question,
                                       struct audience_set *ret_granted)
{
    struct judged judged = { .claims = evidence->claims,
                             .policy = evidence->policy,
                             .evidence = evidence,
                             .question = question };
    enum status status = run(common_checks, COUNTOF(common_checks), &judged);
    if (status == ST_OK) {
        status = evidence->claims->is_legacy ? run(legacy_checks, COUNTOF(legacy_checks), &judged)
                                             : run(bound_checks, COUNTOF(bound_checks), &judged);
    }
    if (status == ST_OK) {
        *ret_granted = judged.granted;
    }
    return status;
}

struct service_account_lookups service_account_lookups_of(
    const struct service_account_claims *claims, const struct service_account_policy *policy)
{
    if (claims->is_legacy) {
        const bool is_on = policy->legacy == SERVICE_ACCOUNT_LEGACY_LOOKED_UP;
        return (struct service_account_lookups){
            .account = is_on,
            .secret = is_on && policy->lookup.secrets != SERVICE_ACCOUNT_SECRETS_NONE,
        };
    }
    const struct service_account_lookup *lookup = &policy->lookup;
    return (struct service_account_lookups){
        .account = lookup->is_on,
        .secret = lookup->is_on && claims->secret.is_present &&
                  lookup->secrets == SERVICE_ACCOUNT_SECRETS_ALL,
        .pod = lookup->is_on && claims->pod.is_present && lookup->follows_pods,
        .node = lookup->is_on && claims->node.is_present && !claims->pod.is_present &&
                lookup->follows_nodes,
    };
}

bool service_account_may_be_untold(const struct service_account_claims *claims,
                                   int64_t last_contact_sec)
{
    return !claims->has_iat || last_contact_sec <= claims->iat + SERVICE_ACCOUNT_LEEWAY_SEC;
}

enum service_account_object service_account_first_untold(
    const struct service_account_evidence *evidence)
{
    const struct {
        const struct looked_up *looked_up;
        enum service_account_object object;
    } bound[] = {
        { &evidence->account, SERVICE_ACCOUNT_OBJECT_ACCOUNT },
        { &evidence->secret, SERVICE_ACCOUNT_OBJECT_SECRET },
        { &evidence->pod, SERVICE_ACCOUNT_OBJECT_POD },
        { &evidence->node, SERVICE_ACCOUNT_OBJECT_NODE },
    };
    if (evidence->claims->is_legacy && evidence->secret.state == OBJECT_NOT_TOLD) {
        return SERVICE_ACCOUNT_OBJECT_SECRET; /* whose check comes first */
    }
    for (size_t i = 0; i < COUNTOF(bound); i++) {
        if (bound[i].looked_up->state == OBJECT_NOT_TOLD) {
            return bound[i].object;
        }
    }
    return SERVICE_ACCOUNT_OBJECT_NONE;
}
