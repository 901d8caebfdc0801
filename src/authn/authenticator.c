/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain: which family of tokens is asked, and on what terms.
 *
 * Untrusted: the token and the audiences of a question. Length comes first, then form, then
 * audiences, and only then is a family asked: what it looks at has been bounded before.
 *
 * Audiences (spec: k8s.io/apiserver audagnostic.go). A family whose tokens carry none is asked only
 * when the request's audiences and --api-audiences have one in common; a request that names none
 * passes. Naming an empty list is naming: nothing is in common with it.
 *
 * Threads: the list of families never changes after creation; see authenticator.h for the rest.
 */
#include "authn/authenticator.h"

#include <stdlib.h>

#include "authn/audiences.h"
#include "authn/decide.h"
#include "authn/explain.h"
#include "base/buf.h"

struct member {
    const struct token_family_ops *ops;
    void *family; /* owns */
    struct authenticator *authenticator;
    const struct token_feed *feeds; /* borrows the family */
    size_t feed_count;
    struct listener *listeners; /* owns; one for each feed */
};

/* Who hears what comes by one feed. */
struct listener {
    const struct member *member;
    size_t feed;
};

struct authenticator {
    struct member members[AUTHENTICATOR_FAMILIES_MAX];
    size_t member_count;
    size_t scratch_bytes;   /* of the member that needs most */
    unsigned cluster_count; /* with the engine's own */
    void (*on_told)(void *ctx, enum authenticator_id family, unsigned source, uint64_t what);
    void *told_ctx;
    struct span *api_audiences; /* owns; behind them the same sorted, and then their bytes */
    const struct span *sorted_audiences;
    size_t api_audience_count;
    enum unknown_token_answer unknown_token_answer;
};

static enum status copy_audiences(struct authenticator *authenticator,
                                  const struct span *audiences,
                                  size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += audiences[i].len;
    }
    struct span *copy = malloc(2 * count * sizeof(*copy) + bytes + 1);
    if (!copy) {
        return ST_NOMEM;
    }
    struct span *const sorted = &copy[count];
    char *at = (char *)&sorted[count];
    for (size_t i = 0; i < count; i++) {
        copy[i] = sorted[i] = (struct span){ .at = at, .len = audiences[i].len };
        if (audiences[i].len) {
            memcpy(at, audiences[i].at, audiences[i].len);
        }
        at += audiences[i].len;
    }
    audiences_sort(sorted, count);
    authenticator->api_audiences = copy;
    authenticator->sorted_audiences = sorted;
    authenticator->api_audience_count = count;
    return ST_OK;
}

/* A family says only what has come; whose it is, is known here. */
static void on_told(void *ctx, unsigned source, uint64_t what)
{
    const struct member *member = ctx;
    const struct authenticator *authenticator = member->authenticator;
    if (authenticator->on_told) {
        authenticator->on_told(authenticator->told_ctx, member->ops->id, source, what);
    }
}

static enum status take_feeds(struct member *member, struct problem *reterr_problem)
{
    const unsigned clusters = member->authenticator->cluster_count;
    member->feeds = member->ops->feeds(member->family, &member->feed_count);
    member->listeners = calloc(member->feed_count + 1, sizeof(*member->listeners));
    if (!member->listeners) {
        return ST_NOMEM;
    }
    for (size_t i = 0; i < member->feed_count; i++) {
        if (member->feeds[i].cluster >= clusters) {
            problem_set(reterr_problem, ST_INVALID, 0, 0,
                        "%s tokens want to be told of cluster %u, and there are %u",
                        authenticator_label(member->ops->id), member->feeds[i].cluster, clusters);
            return ST_INVALID;
        }
        member->listeners[i] = (struct listener){ .member = member, .feed = i };
    }
    return ST_OK;
}

static enum status create_family(struct authenticator *authenticator,
                                 const struct authenticator_options *options,
                                 const struct token_family_choice *choice,
                                 struct problem *reterr_problem)
{
    struct member *member = &authenticator->members[authenticator->member_count];
    const struct token_family_setup setup = { .options = choice->options,
                                              .api_audiences = authenticator->sorted_audiences,
                                              .api_audience_count =
                                                  authenticator->api_audience_count,
                                              .on_problem = options->on_problem,
                                              .ctx = options->ctx,
                                              .on_told = on_told,
                                              .told_ctx = member };
    if (choice->ops->scratch_bytes > AUTHENTICATOR_SCRATCH_MAX) {
        return ST_LIMIT;
    }
    *member = (struct member){ .ops = choice->ops, .authenticator = authenticator };
    const enum status status = choice->ops->create(&setup, &member->family, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    authenticator->member_count++;
    if (choice->ops->scratch_bytes > authenticator->scratch_bytes) {
        authenticator->scratch_bytes = choice->ops->scratch_bytes;
    }
    return take_feeds(member, reterr_problem);
}

static enum status create_families(struct authenticator *authenticator,
                                   const struct authenticator_options *options,
                                   struct problem *reterr_problem)
{
    enum status status = ST_OK;
    for (size_t i = 0; i < options->family_count && status == ST_OK; i++) {
        status = create_family(authenticator, options, &options->families[i], reterr_problem);
    }
    return status;
}

enum status authenticator_new(const struct authenticator_options *options,
                              struct authenticator **ret_authenticator,
                              struct problem *reterr_problem)
{
    if (options->api_audience_count > API_AUDIENCES_MAX ||
        options->family_count > AUTHENTICATOR_FAMILIES_MAX ||
        options->cluster_count > AUTHENTICATOR_CLUSTERS_MAX) {
        return ST_LIMIT;
    }
    struct authenticator *authenticator = calloc(1, sizeof(*authenticator));
    if (!authenticator) {
        return ST_NOMEM;
    }
    authenticator->unknown_token_answer = options->unknown_token_answer;
    authenticator->cluster_count = options->cluster_count + 1;
    authenticator->on_told = options->on_told;
    authenticator->told_ctx = options->told_ctx;
    enum status status =
        copy_audiences(authenticator, options->api_audiences, options->api_audience_count);
    if (status == ST_OK) {
        status = create_families(authenticator, options, reterr_problem);
    }
    if (status != ST_OK) {
        (void)authenticator_free(authenticator);
        return status;
    }
    *ret_authenticator = authenticator;
    return ST_OK;
}

struct authenticator *authenticator_free(struct authenticator *authenticator)
{
    if (authenticator) {
        for (size_t i = 0; i < authenticator->member_count; i++) {
            authenticator->members[i].ops->free(authenticator->members[i].family);
            free(authenticator->members[i].listeners);
        }
        free(authenticator->api_audiences);
        free(authenticator);
    }
    return NULL;
}

/* A store_handler. */
static void tell_listener(void *ctx, const struct store_event *event)
{
    const struct listener *listener = ctx;
    const struct member *member = listener->member;
    member->ops->handle_event(member->family, listener->feed, event);
}

static bool feed_takes(const struct token_feed *feed,
                       unsigned cluster,
                       const struct store_event *event)
{
    return feed->cluster == cluster &&
           (event->type == STORE_SYNCED || event->kind == feed->interest.kind);
}

void authenticator_tell(struct authenticator *authenticator,
                        unsigned cluster,
                        const struct store_event *event)
{
    for (size_t i = 0; i < authenticator->member_count; i++) {
        const struct member *member = &authenticator->members[i];
        for (size_t feed = 0; feed < member->feed_count; feed++) {
            if (feed_takes(&member->feeds[feed], cluster, event)) {
                tell_listener(&member->listeners[feed], event);
            }
        }
    }
}

void authenticator_handle_event(void *ctx, const struct store_event *event)
{
    authenticator_tell(ctx, 0, event);
}

static enum status attach_member(struct member *member, unsigned cluster, struct store *store)
{
    enum status status = ST_OK;
    if (member->ops->set_store) {
        member->ops->set_store(member->family, cluster, store);
    }
    for (size_t i = 0; i < member->feed_count && status == ST_OK; i++) {
        if (member->feeds[i].cluster == cluster) {
            status = store_subscribe(store, &member->feeds[i].interest, tell_listener,
                                     &member->listeners[i]);
        }
    }
    return status;
}

enum status authenticator_attach(struct authenticator *authenticator,
                                 unsigned cluster,
                                 struct store *store)
{
    enum status status = cluster < authenticator->cluster_count ? ST_OK : ST_LIMIT;
    for (size_t i = 0; i < authenticator->member_count && status == ST_OK; i++) {
        status = attach_member(&authenticator->members[i], cluster, store);
    }
    return status;
}

size_t authenticator_scratch_bytes(const struct authenticator *authenticator)
{
    return authenticator->scratch_bytes;
}

bool authenticator_is_synced(const struct authenticator *authenticator)
{
    for (size_t i = 0; i < authenticator->member_count; i++) {
        const struct member *member = &authenticator->members[i];
        if (!member->ops->is_synced(member->family)) {
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------ the chain */

static enum status check_bounds(const struct question *question)
{
    const struct {
        const char *text;
        bool passed;
        enum status why;
    } bounds[] = {
        { "the token is not empty", question->token.len > 0, ST_TOKEN_EMPTY },
        { "the token is at most 16384 bytes long", question->token.len <= TOKEN_MAX_BYTES,
          ST_TOKEN_TOO_LONG },
        { "the request names at most 1024 audiences",
          question->audience_count <= QUESTION_MAX_AUDIENCES, ST_LIMIT },
    };
    _Static_assert(TOKEN_MAX_BYTES == 16384 && QUESTION_MAX_AUDIENCES == 1024, "as the texts say");
    for (size_t i = 0; i < COUNTOF(bounds); i++) {
        explain_check(question, AUTHENTICATOR_NONE, bounds[i].text, bounds[i].passed, "%s", "");
        if (!bounds[i].passed) {
            return bounds[i].why;
        }
    }
    return ST_OK;
}

static void explain_audiences(const struct authenticator *authenticator,
                              const struct question *question,
                              enum authenticator_id id,
                              bool passed)
{
    if (!question->explain) {
        return;
    }
    struct buf text = { 0 };
    buf_append_text(&text, "asked for:");
    for (size_t i = 0; i < question->audience_count; i++) {
        buf_append_char(&text, ' ');
        buf_append(&text, question->audiences[i]);
    }
    buf_append_text(&text, "; --api-audiences:");
    for (size_t i = 0; i < authenticator->api_audience_count; i++) {
        buf_append_char(&text, ' ');
        buf_append(&text, authenticator->api_audiences[i]);
    }
    const int len =
        text.failed ? 0 : (int)(text.len < EXPLAIN_DETAIL_MAX ? text.len : EXPLAIN_DETAIL_MAX);
    explain_check(question, id, "the request's audiences include one of --api-audiences", passed,
                  "%.*s", len, text.failed ? "" : text.at);
    buf_fini(&text);
}

/* For families whose tokens carry no audiences. @verdict has none yet; what is granted counts only
 * when it accepts: decide_verdict(). false: nothing in common, do not ask. */
static bool grant_audiences(const struct authenticator *authenticator,
                            const struct question *question,
                            enum authenticator_id id,
                            struct verdict *verdict)
{
    if (!question->has_audiences) {
        return true;
    }
    const bool has_common = audiences_intersect(
        question->audiences, question->audience_count, authenticator->sorted_audiences,
        authenticator->api_audience_count, &verdict->granted);
    explain_audiences(authenticator, question, id, has_common);
    return has_common;
}

static void ask_member(const struct authenticator *authenticator,
                       const struct member *member,
                       const struct question *question,
                       const struct token_parts *parts,
                       struct verdict *ret_verdict)
{
    const struct token_family_ops *ops = member->ops;
    if (question->waits_for_sync && !ops->is_synced(member->family)) {
        explain_check(question, ops->id, "everything has been read once", false, "%s", "");
        ret_verdict->why = ST_NOT_SYNCED;
        ret_verdict->is_unready = true;
        return;
    }
    if (ops->is_audience_agnostic &&
        !grant_audiences(authenticator, question, ops->id, ret_verdict)) {
        ret_verdict->why = ST_AUDIENCE_MISMATCH;
        return;
    }
    ops->authenticate(member->family, question, parts, ret_verdict);
}

static void conclude(const struct authenticator *authenticator,
                     const struct question *question,
                     struct verdict *ret_verdict)
{
    *ret_verdict = (struct verdict){ .why = check_bounds(question) };
    if (ret_verdict->why != ST_OK) {
        return;
    }
    if (question->scratch.len < authenticator->scratch_bytes) {
        ret_verdict->why = ST_INTERNAL; /* a bug of who asks */
        return;
    }
    ret_verdict->why = ST_TOKEN_UNRECOGNIZED;
    for (size_t i = 0; i < authenticator->member_count; i++) {
        const struct member *member = &authenticator->members[i];
        struct token_parts parts;
        const bool fits = member->ops->fits(member->family, question, &parts);
        explain_check(question, member->ops->id, member->ops->form, fits, "%s", "");
        if (fits) {
            *ret_verdict =
                (struct verdict){ .authenticator = member->ops->id, .token_id = parts.id };
            ask_member(authenticator, member, question, &parts, ret_verdict);
            ret_verdict->reason_text = token_family_reason_text(member->ops, ret_verdict->why);
            return;
        }
    }
}

void authenticator_decide(const struct authenticator *authenticator,
                          const struct question *question,
                          struct decision *ret_decision)
{
    struct verdict verdict;
    conclude(authenticator, question, &verdict);
    if (!question->may_wait) {
        verdict.wait = (struct question_wait){ 0 };
    }
    decide_verdict(&verdict, authenticator->unknown_token_answer, question->has_audiences,
                   ret_decision);
}

void *authenticator_family(const struct authenticator *authenticator, enum authenticator_id id)
{
    for (size_t i = 0; i < authenticator->member_count; i++) {
        if (authenticator->members[i].ops->id == id) {
            return authenticator->members[i].family;
        }
    }
    return NULL;
}

void authenticator_stats(const struct authenticator *authenticator,
                         enum authenticator_id family,
                         struct token_family_stats *ret_stats)
{
    *ret_stats = (struct token_family_stats){ 0 };
    for (size_t i = 0; i < authenticator->member_count; i++) {
        const struct member *member = &authenticator->members[i];
        if (member->ops->id == family) {
            member->ops->stats(member->family, ret_stats);
        }
    }
}

void authenticator_taint(const struct authenticator *authenticator, taint_fn *taint, void *ctx)
{
    for (size_t i = 0; i < authenticator->member_count; i++) {
        authenticator->members[i].ops->taint(authenticator->members[i].family, taint, ctx);
    }
}
