/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bootstrap tokens, Kubernetes' way (k8s.io/kubernetes .../token/bootstrap/bootstrap.go).
 *
 * Everything a Secret says is worked out when it arrives; a question costs a parse of 23 bytes, one
 * keyed digest, one lookup and a walk over flags.
 *
 * Untrusted: the question's token (bytes of a peer) and the Secrets (bytes of whoever may write
 * them). Neither may show in a text: problems name the Secret and the data key, never a value. A
 * Secret's name is cut where its token ID ends, because people have been seen to put the whole
 * token there.
 *
 * Only Secrets in kube-system named bootstrap-token-<id> reach the cache. One of the wrong type
 * with such a name stays in it, so that the answer is a plain no and not "unknown". Others of the
 * bootstrap type are remembered apart (rejected_secrets.h), to be reported once and counted.
 *
 * Memory failing while a Secret changes: the old credential is taken out (which needs no memory),
 * since the change may be a revocation. Until the Secret changes again its token ID is unknown,
 * hence by default an answer that nobody caches; on_problem is told.
 */
#include "authn/bootstrap.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <urcu/urcu-bp.h>

#include "authn/bootstrap_checks.h"
#include "authn/bootstrap_token.h"
#include "authn/credential_cache.h"
#include "authn/rejected_secrets.h"
#include "base/rfc3339.h"
#include "kube/shown_name.h"

struct bootstrap {
    struct credential_cache *cache;
    struct rejected_secrets *rejected;
    problem_fn *on_problem; /* may be NULL */
    void *ctx;
    atomic_bool is_synced;
    /* Secrets by why they are unusable; ST_OK counts the usable ones. Written by the loop only. */
    _Atomic uint64_t counts[STATUS_COUNT_];
};

static void bootstrap_free(void *family)
{
    struct bootstrap *bootstrap = family;
    (void)credential_cache_free(bootstrap->cache);
    (void)rejected_secrets_free(bootstrap->rejected);
    free(bootstrap);
}

static enum status create(const struct token_family_setup *setup,
                          void **ret_family,
                          struct problem *reterr_problem)
{
    (void)reterr_problem; /* it fails for lack of memory only */
    struct bootstrap *bootstrap = calloc(1, sizeof(*bootstrap));
    if (!bootstrap) {
        return ST_NOMEM;
    }
    bootstrap->on_problem = setup->on_problem;
    bootstrap->ctx = setup->ctx;
    enum status status = credential_cache_new(&bootstrap->cache);
    if (status == ST_OK) {
        status = rejected_secrets_new(&bootstrap->rejected);
    }
    if (status != ST_OK) {
        bootstrap_free(bootstrap);
        return status;
    }
    *ret_family = bootstrap;
    return ST_OK;
}

/* ------------------------------------------------------------------ questions */

static bool fits(const void *family, const struct question *question, struct token_parts *ret_parts)
{
    (void)family; /* the form is the same for all */
    struct bootstrap_token parsed;
    if (!bootstrap_token_parse(question->token, &parsed)) {
        return false;
    }
    ret_parts->id = parsed.id;
    ret_parts->pieces[0] = parsed.secret;
    return true;
}

static void authenticate(const void *family,
                         const struct question *question,
                         const struct token_parts *parts,
                         struct verdict *ret_verdict)
{
    const struct bootstrap *bootstrap = family;
    /* read before the lookup: were it read after, a Secret told in between would count as unknown
     */
    const bool is_synced = atomic_load_explicit(&bootstrap->is_synced, memory_order_acquire);
    const struct rcu_table_aim aim = credential_cache_aim(bootstrap->cache, parts->id);
    struct digest presented;
    digest_compute(credential_cache_key(bootstrap->cache), parts->pieces[0], &presented);
    const struct credential *found = credential_cache_hit(bootstrap->cache, &aim, parts->id);
    const struct credential *credential = found ? found : credential_cache_dummy(bootstrap->cache);
    const struct bootstrap_evidence evidence = {
        .id = parts->id,
        .credential = credential,
        .is_known = found != NULL,
        .is_synced = is_synced,
        .secret_matches = digest_equal(&presented, &credential->secret),
        .now = question->now,
    };
    ret_verdict->why = bootstrap_checks_run(&evidence, question);
    if (ret_verdict->why == ST_OK) {
        ret_verdict->accepted = true;
        ret_verdict->user = (struct user){
            .name = credential_name(credential),
            .json_head = { .at = credential->head, .len = sizeof(credential->head) },
            .groups = credential->groups,
        };
    }
}

/* ------------------------------------------------------------------ problems */

/* clang-format off */
static const char *const reason_texts[STATUS_COUNT_] = {
    [ST_AUDIENCE_MISMATCH]      = "none of the audiences asked for is one of --api-audiences",
    [ST_TOKEN_ID_UNKNOWN]       = "no Secret holds this token ID (yet)",
    [ST_SECRET_WRONG_TYPE]      = "the Secret is not of type bootstrap.kubernetes.io/token",
    [ST_TOKEN_ID_MISMATCH]      = "data.token-id differs from the ID in the Secret's name",
    [ST_TOKEN_EXPIRED]          = "data.expiration is in the past",
    [ST_EXPIRATION_INVALID]     = "data.expiration is not RFC 3339, so the token counts as expired",
    [ST_USAGE_NOT_ALLOWED]      = "data.usage-bootstrap-authentication is not \"true\"",
    [ST_GROUPS_INVALID]         = "data.auth-extra-groups holds an invalid group",
    [ST_SECRET_WRONG_NAMESPACE] = "a bootstrap token Secret must be in namespace kube-system",
    [ST_SECRET_WRONG_NAME]      = "a bootstrap token Secret must be named bootstrap-token-<token id>",
};
/* clang-format on */

static const char *problem_text(enum status reason)
{
    if (reason == ST_TOKEN_SECRET_MISMATCH) {
        return "data.token-secret is missing or not 16 characters of [a-z0-9], so no token can "
               "match it";
    }
    if (reason == ST_NOMEM) {
        return "out of memory, so its token is refused until the Secret changes again";
    }
    return token_family_reason_text(&bootstrap_ops, reason);
}

static void report(const struct bootstrap *bootstrap,
                   const struct store_event *event,
                   enum status reason)
{
    if (!bootstrap->on_problem) {
        return;
    }
    const struct shown_name namespace = shown_name_of(event->namespace);
    const struct shown_name name = shown_name_of(event->name);
    struct problem problem = { 0 };
    problem_set(&problem, reason, event->source_line, event->source_line ? 1 : 0,
                "Secret %s/%s: %s", namespace.text, name.text, problem_text(reason));
    if (event->source) {
        problem_set_file(&problem, event->source);
    }
    bootstrap->on_problem(bootstrap->ctx, &problem);
}

/* ------------------------------------------------------------------ events */

/* One writer: a load and a store, no locked instruction. */
static void count(struct bootstrap *bootstrap, enum status reason, int change)
{
    _Atomic uint64_t *counter = &bootstrap->counts[reason];
    const uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + (uint64_t)(int64_t)change, memory_order_relaxed);
}

static struct span value_of(const struct secret *secret, const char *key)
{
    struct span value = { 0 };
    (void)secret_find(secret, key, &value); /* a missing value is an empty one, as in Go */
    return value;
}

static void read_expiration(struct span text, struct credential *credential)
{
    if (text.len == 0) {
        credential->expiry = CREDENTIAL_NEVER_EXPIRES;
    } else if (rfc3339_parse(text, &credential->expires) == ST_OK) {
        credential->expiry = CREDENTIAL_EXPIRES;
    } else {
        credential->expiry = CREDENTIAL_EXPIRY_INVALID;
    }
}

/* Why no token can ever match, asked of the very checks that requests go through: as if the right
 * secret came, long before any expiration. */
static enum status find_unusable(const struct credential *credential,
                                 struct span id,
                                 struct span token_secret)
{
    const struct bootstrap_evidence best_case = {
        .id = id,
        .credential = credential,
        .is_known = true,
        .is_synced = true,
        .secret_matches = bootstrap_token_secret_is_valid(token_secret),
        .now = { .sec = INT64_MIN },
    };
    return bootstrap_checks_run(&best_case, NULL);
}

/* Work out what a Secret says. Return: ST_OK; ST_NOMEM. Invalid groups are a fact, no failure. */
static enum status evaluate(const struct bootstrap *bootstrap,
                            struct span id,
                            const struct secret *secret,
                            struct credential *ret_credential)
{
    const struct span token_secret = value_of(secret, "token-secret");
    struct credential credential = {
        .is_live = !secret->meta.has_deletion_timestamp,
        .is_bootstrap_type = span_equal(secret->type, SPAN_LITERAL(BOOTSTRAP_SECRET_TYPE)),
        .has_data = secret->entry_count > 0,
        .id_matches = span_equal(value_of(secret, "token-id"), id),
        .may_authenticate =
            span_equal(value_of(secret, "usage-bootstrap-authentication"), SPAN_LITERAL("true")),
    };
    digest_compute(credential_cache_key(bootstrap->cache), token_secret, &credential.secret);
    read_expiration(value_of(secret, "expiration"), &credential);
    const enum status status = credential_cache_ref_groups(
        bootstrap->cache, value_of(secret, "auth-extra-groups"), &credential.groups);
    if (status != ST_OK && status != ST_GROUPS_INVALID) {
        return status;
    }
    credential.unusable = find_unusable(&credential, id, token_secret);
    *ret_credential = credential;
    return ST_OK;
}

/* Not everything unusable is a mistake: a token may be for signing only (kubeadm: usages:
 * [signing]), and one that is being deleted is on its way out. Counted, but no problem to report.
 */
static bool is_on_purpose(const struct secret *secret, enum status unusable)
{
    const struct span usage = value_of(secret, "usage-bootstrap-authentication");
    return unusable == ST_SECRET_BEING_DELETED ||
           (unusable == ST_USAGE_NOT_ALLOWED &&
            (usage.len == 0 || span_equal(usage, SPAN_LITERAL("false"))));
}

/* A Secret with the name of a token: @id. */
static void handle_token(struct bootstrap *bootstrap,
                         struct span id,
                         const struct store_event *event)
{
    urcu_bp_read_lock();
    const struct credential *old = credential_cache_find(bootstrap->cache, id);
    const bool was_there = old != NULL;
    const enum status was = old ? old->unusable : ST_OK;
    urcu_bp_read_unlock();
    if (was_there) {
        count(bootstrap, was, -1);
    }
    if (event->type == STORE_DELETED || event->secret->meta.is_refused) {
        credential_cache_remove(bootstrap->cache, id);
        return;
    }
    struct credential credential;
    enum status status = evaluate(bootstrap, id, event->secret, &credential);
    if (status == ST_OK) {
        status = credential_cache_put(bootstrap->cache, id, &credential);
    }
    if (status != ST_OK) {
        credential_cache_remove(bootstrap->cache, id);
        report(bootstrap, event, status);
        return;
    }
    count(bootstrap, credential.unusable, 1);
    const bool is_news = credential.unusable != ST_OK && (!was_there || was != credential.unusable);
    if (is_news && !is_on_purpose(event->secret, credential.unusable)) {
        report(bootstrap, event, credential.unusable);
    }
}

/* A Secret that no token can find: worth a word only when it is of the bootstrap type. */
static void handle_other(struct bootstrap *bootstrap, const struct store_event *event)
{
    const bool in_namespace =
        span_equal(event->namespace, SPAN_LITERAL(BOOTSTRAP_SECRET_NAMESPACE));
    const enum status reason = in_namespace ? ST_SECRET_WRONG_NAME : ST_SECRET_WRONG_NAMESPACE;
    const bool is_meant = event->type != STORE_DELETED &&
                          span_equal(event->secret->type, SPAN_LITERAL(BOOTSTRAP_SECRET_TYPE));
    if (!is_meant) {
        if (rejected_secrets_remove(bootstrap->rejected, event->namespace, event->name)) {
            count(bootstrap, reason, -1);
        }
        return;
    }
    bool is_new = false;
    if (rejected_secrets_put(bootstrap->rejected, event->namespace, event->name, &is_new) !=
        ST_OK) {
        report(bootstrap, event, reason); /* not counted: there is no memory to remember it */
    } else if (is_new) {
        count(bootstrap, reason, 1);
        report(bootstrap, event, reason);
    }
}

/* A store that fetches need fetch no more: a Secret of another type or elsewhere authenticates
 * nobody. (One that tells more lets us report mistakes.) */
const struct token_feed bootstrap_feed = {
    .interest = { .kind = &kind_secret,
                  .namespace = BOOTSTRAP_SECRET_NAMESPACE,
                  .secret_type = BOOTSTRAP_SECRET_TYPE,
                  .hears_more = true },
};

static const struct token_feed *feeds(const void *family, size_t *ret_count)
{
    (void)family; /* the same for all */
    *ret_count = 1;
    return &bootstrap_feed;
}

static void handle_event(void *family, size_t feed, const struct store_event *event)
{
    (void)feed; /* there is one */
    struct bootstrap *bootstrap = family;
    if (event->type == STORE_SYNCED) {
        atomic_store_explicit(&bootstrap->is_synced, true, memory_order_release);
        return;
    }
    if (event->kind != &kind_secret) {
        return;
    }
    struct span id;
    if (span_equal(event->namespace, SPAN_LITERAL(BOOTSTRAP_SECRET_NAMESPACE)) &&
        bootstrap_secret_name_parse(event->name, &id)) {
        handle_token(bootstrap, id, event);
    } else {
        handle_other(bootstrap, event);
    }
}

/* ------------------------------------------------------------------ figures */

static bool is_synced(const void *family)
{
    const struct bootstrap *bootstrap = family;
    return atomic_load_explicit(&bootstrap->is_synced, memory_order_acquire);
}

static void stats(const void *family, struct token_family_stats *ret_stats)
{
    const struct bootstrap *bootstrap = family;
    for (size_t i = 0; i < STATUS_COUNT_; i++) {
        const uint64_t n = atomic_load_explicit(&bootstrap->counts[i], memory_order_relaxed);
        if (i == ST_OK) {
            ret_stats->usable = n;
        } else {
            ret_stats->rejected[i] = n;
        }
    }
}

static void taint(const void *family, taint_fn *fn, void *ctx)
{
    const struct bootstrap *bootstrap = family;
    credential_cache_taint(bootstrap->cache, fn, ctx);
}

const struct token_family_ops bootstrap_ops = {
    .id = AUTHENTICATOR_BOOTSTRAP,
    .form = "the token has the form [a-z0-9]{6}.[a-z0-9]{16}",
    .is_audience_agnostic = true,
    .reason_texts = reason_texts,
    .create = create,
    .free = bootstrap_free,
    .feeds = feeds,
    .handle_event = handle_event,
    .is_synced = is_synced,
    .fits = fits,
    .authenticate = authenticate,
    .stats = stats,
    .taint = taint,
};
