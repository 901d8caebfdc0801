/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The family of ServiceAccount tokens.
 *
 * A question goes this way: the digest of the whole token, and the cache by it; only what is not
 * there is parsed (service_account_proof). What is known of it then, claims and the key that made
 * the signature, is held against what is true now: does the key still serve its source, what do the
 * objects say, the time, the audiences (service_account_checks). So a cached token is judged as a
 * new one is, and no event has to find it.
 *
 * Objects come by feeds, one for each kind that a source follows, into an index of that source.
 *
 * Threat: one cluster's token taken for another's. Its source is that of the key (key_book), and
 * everything behind that, objects, audiences, prefixes, is the source's.
 */
#include "authn/jwt/service_account.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/urcu-bp.h>

#include "authn/audiences.h"
#include "authn/explain.h"
#include "authn/jwt/issuer_probe.h"
#include "authn/jwt/legacy_patience.h"
#include "authn/jwt/service_account_checks.h"
#include "authn/jwt/service_account_policy.h"
#include "authn/jwt/service_account_proof.h"
#include "authn/jwt/service_account_user.h"
#include "base/quick_digest.h"
#include "jose/jws.h"

/* Kinds that a source may follow: accounts, token Secrets, all Secrets, Pods, Nodes. */
#define FEEDS_PER_SOURCE 5

#define TOKEN_SECRET_TYPE "kubernetes.io/service-account-token"

/* What service_account_user_make() may write of the longest token, with both prefixes. */
#define USER_TEXT_MAX (2 * TOKEN_MAX_BYTES + 4 * SERVICE_ACCOUNT_PREFIX_MAX + 128)

struct source {
    const struct service_account_source *options;
    struct service_account_policy policy;
    struct span *sorted_audiences; /* owns; what policy.audiences has */
    struct object_index *index;    /* owns; NULL: nothing is looked up */
    const struct store *_Atomic store;
    atomic_uint synced_feeds;
    unsigned feed_count;
};

/* Which source a feed is of, and what comes by it. */
struct feed_owner {
    struct source *source;
    enum object_feed feed;
};

struct service_account {
    const struct service_account_options *options;
    struct source sources[SERVICE_ACCOUNT_SOURCES_MAX];
    struct token_feed feeds[SERVICE_ACCOUNT_SOURCES_MAX * FEEDS_PER_SOURCE];
    struct feed_owner owners[SERVICE_ACCOUNT_SOURCES_MAX * FEEDS_PER_SOURCE];
    size_t feed_count;
    struct key_book *keys;
    struct verified_tokens *tokens;
    struct legacy_patience *patience; /* owns */
    token_told_fn *on_told;
    void *told_ctx;
};

/* What one question takes of its scratch, up to the last byte that it uses: the rest, 50 KiB for
 * the longest token, needs no wiping. */
struct working {
    struct quick_digest digest; /* of the whole token */
    const struct key_page *page;
    struct verified_token *known;    /* that still stands: else NULL, and the token is new */
    const struct key_entry *serving; /* the key of what is known */
    const struct key_issuer *issuer; /* of a new token: whose it claims to be */
    struct service_account_user user;
    union {
        char text[USER_TEXT_MAX]; /* of a known token */
        struct {
            struct proof proof;
            struct span audiences[SERVICE_ACCOUNT_AUDIENCES_MAX];
            /* as many bytes as the token has, and behind them the text of its user */
            char room[TOKEN_MAX_BYTES + USER_TEXT_MAX];
        } fresh;
    };
};

/* ------------------------------------------------------------------ life */

unsigned service_account_cluster_of(const struct service_account_options *options, size_t source)
{
    unsigned cluster = 0;
    for (size_t i = 0; i <= source; i++) {
        const struct service_account_source *at = &options->sources[i];
        cluster += !at->is_this_cluster && at->lookup.is_on;
    }
    const struct service_account_source *asked = &options->sources[source];
    return asked->is_this_cluster || !asked->lookup.is_on ? 0 : cluster;
}

static void service_account_free(void *family)
{
    struct service_account *own = family;
    for (size_t i = 0; i < SERVICE_ACCOUNT_SOURCES_MAX; i++) {
        (void)object_index_free(own->sources[i].index);
        free(own->sources[i].sorted_audiences);
    }
    (void)key_book_free(own->keys);
    (void)verified_tokens_free(own->tokens);
    free(own->patience);
    free(own);
}

static void add_feed(struct service_account *own,
                     struct source *source,
                     enum object_feed feed,
                     const struct store_interest *interest)
{
    const size_t number = (size_t)(source - own->sources);
    own->feeds[own->feed_count] =
        (struct token_feed){ .cluster = service_account_cluster_of(own->options, number),
                             .interest = *interest };
    own->owners[own->feed_count] = (struct feed_owner){ .source = source, .feed = feed };
    own->feed_count++;
    source->feed_count++;
}

static void add_metadata_feed(struct service_account *own,
                              struct source *source,
                              const struct object_kind *kind)
{
    const struct store_interest interest = { .kind = kind, .is_metadata_only = true };
    add_feed(own, source, OBJECT_FEED_METADATA, &interest);
}

static void add_feeds(struct service_account *own, struct source *source)
{
    const struct service_account_lookup *lookup = &source->options->lookup;
    add_metadata_feed(own, source, &kind_service_account);
    if (lookup->follows_pods) {
        add_metadata_feed(own, source, &kind_pod);
    }
    if (lookup->follows_nodes) {
        add_metadata_feed(own, source, &kind_node);
    }
    if (lookup->secrets != SERVICE_ACCOUNT_SECRETS_NONE) {
        const struct store_interest interest = { .kind = &kind_secret,
                                                 .secret_type = TOKEN_SECRET_TYPE };
        add_feed(own, source, OBJECT_FEED_TOKEN_SECRETS, &interest);
    }
    if (lookup->secrets == SERVICE_ACCOUNT_SECRETS_ALL) {
        add_metadata_feed(own, source, &kind_secret);
    }
}

static enum status make_policy(struct source *source, const struct audience_list *api_audiences)
{
    const struct service_account_source *options = source->options;
    source->sorted_audiences = calloc(options->audience_count + 1, sizeof(struct span));
    if (!source->sorted_audiences) {
        return ST_NOMEM;
    }
    for (size_t i = 0; i < options->audience_count; i++) {
        source->sorted_audiences[i] = options->audiences[i];
    }
    audiences_sort(source->sorted_audiences, options->audience_count);
    source->policy = (struct service_account_policy){
        .issuers = options->issuers,
        .issuer_count = options->issuer_count,
        .is_foreign = !options->is_this_cluster,
        .legacy = options->legacy,
        .lookup = options->lookup,
        .api_audiences = *api_audiences,
        .audiences = { .sorted = source->sorted_audiences, .count = options->audience_count },
        .username_prefix = options->username_prefix,
        .group_prefix = options->group_prefix,
    };
    return ST_OK;
}

static enum status make_source(struct service_account *own,
                               const struct token_family_setup *setup,
                               size_t number)
{
    struct source *source = &own->sources[number];
    source->options = &own->options->sources[number];
    const struct audience_list api_audiences = { .sorted = setup->api_audiences,
                                                 .count = setup->api_audience_count };
    enum status status = make_policy(source, &api_audiences);
    if (status != ST_OK || !source->options->lookup.is_on) {
        return status;
    }
    const struct object_index_options index = { .token_key = verified_tokens_key(own->tokens),
                                                .on_problem = setup->on_problem,
                                                .ctx = setup->ctx };
    status = object_index_new(&index, &source->index);
    if (status == ST_OK) {
        add_feeds(own, source);
    }
    return status;
}

static enum status create(const struct token_family_setup *setup,
                          void **ret_family,
                          struct problem *reterr_problem)
{
    (void)reterr_problem; /* the options were checked, and keys come later */
    struct service_account *own = calloc(1, sizeof(*own));
    if (!own) {
        return ST_NOMEM;
    }
    own->options = setup->options;
    own->on_told = setup->on_told;
    own->told_ctx = setup->told_ctx;
    own->patience = calloc(1, sizeof(*own->patience));
    const struct key_book_options book = { .sources = own->options->sources,
                                           .source_count = own->options->source_count,
                                           .on_problem = setup->on_problem,
                                           .ctx = setup->ctx };
    enum status status = own->patience ? key_book_new(&book, &own->keys) : ST_NOMEM;
    if (status == ST_OK) {
        status = verified_tokens_new(VERIFIED_TOKENS_DEFAULT_BYTES, &own->tokens);
    }
    for (size_t i = 0; i < own->options->source_count && status == ST_OK; i++) {
        status = make_source(own, setup, i);
    }
    if (status != ST_OK) {
        service_account_free(own);
        return status;
    }
    *ret_family = own;
    return ST_OK;
}

enum status service_account_put_keys(void *family, unsigned source, struct key_set *set)
{
    struct service_account *own = family;
    return key_book_put(own->keys, source, set);
}

bool service_account_find_doubled(const void *family, struct problem *reterr_problem)
{
    const struct service_account *own = family;
    return key_book_find_doubled(own->keys, reterr_problem);
}

/* ------------------------------------------------------------------ objects */

static const struct token_feed *feeds(const void *family, size_t *ret_count)
{
    const struct service_account *own = family;
    *ret_count = own->feed_count;
    return own->feeds;
}

static void set_store(void *family, unsigned cluster, const struct store *store)
{
    struct service_account *own = family;
    for (size_t i = 0; i < own->options->source_count; i++) {
        if (own->sources[i].index && service_account_cluster_of(own->options, i) == cluster) {
            atomic_store_explicit(&own->sources[i].store, store, memory_order_release);
        }
    }
}

static void handle_event(void *family, size_t feed, const struct store_event *event)
{
    struct service_account *own = family;
    const struct feed_owner *owner = &own->owners[feed];
    if (event->type == STORE_SYNCED) {
        atomic_fetch_add_explicit(&owner->source->synced_feeds, 1, memory_order_release);
        return;
    }
    object_index_handle_event(owner->source->index, owner->feed, event);
    if (event->type != STORE_DELETED && own->on_told) {
        own->on_told(own->told_ctx, (unsigned)(owner->source - own->sources),
                     object_index_number(owner->source->index, owner->feed, event->kind,
                                         event->namespace, event->name));
    }
}

static bool is_source_synced(const struct source *source)
{
    return atomic_load_explicit(&source->synced_feeds, memory_order_acquire) == source->feed_count;
}

static bool is_synced(const void *family)
{
    const struct service_account *own = family;
    for (size_t i = 0; i < own->options->source_count; i++) {
        if (own->sources[i].options->is_this_cluster && !is_source_synced(&own->sources[i])) {
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------ what is true now */

/* An object that a token names. */
struct reference {
    enum service_account_object object;
    const struct object_kind *kind;
    struct span namespace;
    struct span name;
    enum object_feed feed;
};

static struct reference reference_to(const struct service_account_claims *claims,
                                     enum service_account_object object)
{
    struct reference reference = { .object = object, .namespace = claims->namespace };
    switch (object) {
    case SERVICE_ACCOUNT_OBJECT_ACCOUNT:
        reference.kind = &kind_service_account;
        reference.name = claims->name;
        break;
    case SERVICE_ACCOUNT_OBJECT_SECRET:
        reference.kind = &kind_secret;
        reference.name = claims->secret.name;
        reference.feed = claims->is_legacy ? OBJECT_FEED_TOKEN_SECRETS : OBJECT_FEED_METADATA;
        break;
    case SERVICE_ACCOUNT_OBJECT_POD:
        reference.kind = &kind_pod;
        reference.name = claims->pod.name;
        break;
    case SERVICE_ACCOUNT_OBJECT_NODE:
        reference.kind = &kind_node;
        reference.namespace = (struct span){ 0 };
        reference.name = claims->node.name;
        break;
    case SERVICE_ACCOUNT_OBJECT_NONE:
        break;
    }
    return reference;
}

static struct looked_up look_up(const struct source *source,
                                const struct service_account_claims *claims,
                                enum service_account_object object,
                                const struct quick_digest *digest)
{
    const struct reference to = reference_to(claims, object);
    const struct store *store = atomic_load_explicit(&source->store, memory_order_acquire);
    /* before the lookup: asked behind it, what was told in between would count as missing */
    const bool may_be_untold =
        !store || service_account_may_be_untold(claims, store_told_until_sec(store, to.kind));
    struct looked_up found = { 0 };
    const bool is_token_secret = to.feed == OBJECT_FEED_TOKEN_SECRETS;
    const bool is_there =
        is_token_secret
            ? object_index_find_token_secret(source->index, to.namespace, to.name, &found.object)
            : object_index_find(source->index, to.kind, to.namespace, to.name, &found.object);
    found.state = is_there ? OBJECT_FOUND : may_be_untold ? OBJECT_NOT_TOLD : OBJECT_MISSING;
    found.token_matches =
        is_token_secret && is_there && quick_digest_equal(digest, &found.object.token);
    return found;
}

static void look_up_all(const struct source *source,
                        const struct quick_digest *digest,
                        struct service_account_evidence *evidence)
{
    const struct service_account_claims *claims = evidence->claims;
    const struct service_account_lookups wanted =
        service_account_lookups_of(claims, &source->policy);
    const struct {
        bool is_wanted;
        enum service_account_object object;
        struct looked_up *found;
    } lookups[] = {
        { wanted.account, SERVICE_ACCOUNT_OBJECT_ACCOUNT, &evidence->account },
        { wanted.secret, SERVICE_ACCOUNT_OBJECT_SECRET, &evidence->secret },
        { wanted.pod, SERVICE_ACCOUNT_OBJECT_POD, &evidence->pod },
        { wanted.node, SERVICE_ACCOUNT_OBJECT_NODE, &evidence->node },
    };
    for (size_t i = 0; i < COUNTOF(lookups); i++) {
        if (lookups[i].is_wanted && source->index) {
            *lookups[i].found = look_up(source, claims, lookups[i].object, digest);
        }
    }
}

/* A question whose answer hangs on an object that was not told yet: may it wait for that? */
static struct question_wait wait_for(const struct service_account *own,
                                     const struct source *source,
                                     const struct service_account_evidence *evidence,
                                     const struct question *question,
                                     const struct quick_digest *digest)
{
    const struct question_wait none = { 0 };
    const struct service_account_claims *claims = evidence->claims;
    uint64_t token = 0;
    memcpy(&token, digest->bytes, sizeof(token));
    /* of a store that has told nothing yet nothing comes soon */
    const bool is_patient = question->may_wait && is_source_synced(source) &&
                            (claims->has_iat || question->is_asked_again ||
                             legacy_patience_take(own->patience, token, question->now.sec));
    if (!is_patient) {
        return none;
    }
    const struct reference to = reference_to(claims, service_account_first_untold(evidence));
    return to.kind ? (struct question_wait){ .kind = WAIT_OBJECT,
                                             .source = (unsigned)(source - own->sources),
                                             .what = object_index_number(source->index, to.feed,
                                                                         to.kind, to.namespace,
                                                                         to.name) }
                   : none;
}

/* ------------------------------------------------------------------ questions */

static bool fits(const void *family, const struct question *question, struct token_parts *ret_parts)
{
    const struct service_account *own = family;
    struct working *working = question->scratch.at;
    scratch_use(&question->scratch, offsetof(struct working, text));
    *ret_parts = (struct token_parts){ 0 };
    quick_digest_compute(verified_tokens_key(own->tokens), question->token, &working->digest);
    working->page = key_book_page(own->keys);
    working->known = verified_tokens_find(own->tokens, &working->digest);
    if (working->known) {
        working->serving = key_page_serving(working->page, working->known->generation);
        if (working->serving) {
            return true;
        }
        working->known = NULL;
    }
    if (!jws_split(question->token, ret_parts->pieces)) {
        return false;
    }
    scratch_use(&question->scratch, offsetof(struct working, fresh.room) + question->token.len);
    struct span issuer = { 0 };
    if (!jwt_probe_issuer(ret_parts->pieces[JWS_PIECE_PAYLOAD], working->fresh.room,
                          question->token.len, &issuer)) {
        return false;
    }
    working->issuer = key_page_issuer(working->page, issuer);
    return working->issuer != NULL;
}

static enum status prove(const struct question *question,
                         const struct token_parts *parts,
                         struct working *working,
                         struct verdict *ret_verdict)
{
    const struct proof_task task = {
        .question = question,
        .family = AUTHENTICATOR_SERVICE_ACCOUNT,
        .pieces = parts->pieces,
        .page = working->page,
        .issuer = working->issuer,
        .room = working->fresh.room,
        .room_len = question->token.len,
        .audiences = working->fresh.audiences,
    };
    const enum status status = service_account_prove(&task, &working->fresh.proof);
    if (status == ST_KEYS_UNAVAILABLE && working->fresh.proof.waits_for) {
        ret_verdict->wait = (struct question_wait){
            .kind = WAIT_KEYS,
            .source = (unsigned)__builtin_ctzll(working->fresh.proof.waits_for),
            .what = working->fresh.proof.waits_for,
        };
    }
    return status;
}

/* A token that cannot be kept is proved again when it comes again. */
static void keep(const struct service_account *own, const struct working *working, bool is_accepted)
{
    const struct service_account_claims *claims = &working->fresh.proof.claims;
    struct verified_token *token = verified_token_new(service_account_claims_size(claims));
    if (!token) {
        return;
    }
    token->generation = working->fresh.proof.key->generation;
    token->source = working->fresh.proof.key->source;
    (void)service_account_claims_copy(claims, verified_token_kept(token)); /* at its start */
    verified_tokens_put(own->tokens, &working->digest, token, is_accepted);
}

static void explain_source(const struct question *question, const struct source *source)
{
    explain_check(question, AUTHENTICATOR_SERVICE_ACCOUNT, "a cluster is known by that key", true,
                  "%s", source->options->is_this_cluster ? "this one" : source->options->name.at);
}

static void authenticate(const void *family,
                         const struct question *question,
                         const struct token_parts *parts,
                         struct verdict *ret_verdict)
{
    const struct service_account *own = family;
    struct working *working = question->scratch.at;
    const struct key_entry *key = working->serving;
    const struct service_account_claims *claims = NULL;
    if (working->known) {
        claims = verified_token_kept(working->known);
    } else {
        ret_verdict->why = prove(question, parts, working, ret_verdict);
        if (ret_verdict->why != ST_OK) {
            return;
        }
        key = working->fresh.proof.key;
        claims = &working->fresh.proof.claims;
    }
    const struct source *source = &own->sources[key->source];
    explain_source(question, source);
    struct service_account_evidence evidence = { .claims = claims,
                                                 .policy = &source->policy,
                                                 .family = AUTHENTICATOR_SERVICE_ACCOUNT };
    look_up_all(source, &working->digest, &evidence);
    ret_verdict->why = service_account_checks_run(&evidence, question, &ret_verdict->granted);
    const bool is_accepted = ret_verdict->why == ST_OK;
    if (!working->known) {
        keep(own, working, is_accepted);
    } else if (is_accepted) {
        verified_token_was_accepted(working->known);
    }
    if (ret_verdict->why == ST_OBJECT_NOT_TOLD) {
        ret_verdict->wait = wait_for(own, source, &evidence, question, &working->digest);
    }
    if (is_accepted) {
        char *text = working->known ? working->text : working->fresh.room + question->token.len;
        const size_t text_len = service_account_user_text_len(claims, &source->policy);
        scratch_use(&question->scratch, (size_t)(text - (char *)working) + text_len);
        service_account_user_make(claims, &source->policy, text, &working->user,
                                  &ret_verdict->user);
        ret_verdict->accepted = true;
    }
}

/* ------------------------------------------------------------------ figures */

void service_account_objects(const void *family,
                             unsigned source,
                             struct object_index_stats *ret_stats)
{
    const struct service_account *own = family;
    *ret_stats = (struct object_index_stats){ 0 };
    if (own->sources[source].index) {
        object_index_stats(own->sources[source].index, ret_stats);
    }
}

void service_account_tokens(const void *family, struct verified_tokens_stats *ret_stats)
{
    const struct service_account *own = family;
    verified_tokens_stats(own->tokens, ret_stats);
}

/* A token is made whenever somebody asks for one: what stands for them are their accounts. */
static void stats(const void *family, struct token_family_stats *ret_stats)
{
    const struct service_account *own = family;
    for (unsigned i = 0; i < own->options->source_count; i++) {
        struct object_index_stats objects;
        service_account_objects(family, i, &objects);
        ret_stats->usable += objects.service_accounts;
    }
}

/* What Secrets hold. The digests of questions' own tokens steer: the cache is looked up by them,
 * under a key that nobody knows. */
static void taint(const void *family, taint_fn *fn, void *ctx)
{
    const struct service_account *own = family;
    for (size_t i = 0; i < own->options->source_count; i++) {
        if (own->sources[i].index) {
            object_index_taint(own->sources[i].index, fn, ctx);
        }
    }
}

/* clang-format off */
static const char *const reason_texts[STATUS_COUNT_] = {
    [ST_NOT_SYNCED]            = "the first synchronization of ServiceAccounts, and of what their tokens are bound to, is not complete",
    [ST_AUDIENCE_MISMATCH]     = "none of the audiences asked for is one that the token is for and that counts for its cluster",
    [ST_OBJECT_UNKNOWN]        = "the ServiceAccount, or the Pod, Node or Secret that the token is bound to, does not exist",
    [ST_TOKEN_SECRET_MISMATCH] = "data.token of the Secret that the token names is another token",
    [ST_TOKEN_INVALIDATED]     = "the Secret that the token names is gone, being deleted, or labelled kubernetes.io/legacy-token-invalid-since",
};
/* clang-format on */

const struct token_family_ops service_account_ops = {
    .id = AUTHENTICATOR_SERVICE_ACCOUNT,
    .form = "the token is a JWT of an issuer of ServiceAccount tokens",
    .reason_texts = reason_texts,
    .counted_text = "ServiceAccounts, which may have any number",
    .scratch_bytes = sizeof(struct working),
    .create = create,
    .free = service_account_free,
    .feeds = feeds,
    .set_store = set_store,
    .handle_event = handle_event,
    .is_synced = is_synced,
    .fits = fits,
    .authenticate = authenticate,
    .stats = stats,
    .taint = taint,
};
