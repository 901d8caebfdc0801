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
};

struct authenticator {
    struct member members[AUTHENTICATOR_FAMILIES_MAX];
    size_t member_count;
    size_t scratch_bytes;       /* of the member that needs most */
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

static enum status create_families(struct authenticator *authenticator,
                                   const struct authenticator_options *options)
{
    for (size_t i = 0; i < options->family_count; i++) {
        const struct token_family_choice *choice = &options->families[i];
        const struct token_family_setup setup = { .options = choice->options,
                                                  .on_problem = options->on_problem,
                                                  .ctx = options->ctx };
        if (choice->ops->scratch_bytes > AUTHENTICATOR_SCRATCH_MAX) {
            return ST_LIMIT;
        }
        struct member *member = &authenticator->members[i];
        const enum status status = choice->ops->create(&setup, &member->family);
        if (status != ST_OK) {
            return status;
        }
        member->ops = choice->ops;
        authenticator->member_count++;
        if (choice->ops->scratch_bytes > authenticator->scratch_bytes) {
            authenticator->scratch_bytes = choice->ops->scratch_bytes;
        }
    }
    return ST_OK;
}

enum status authenticator_new(const struct authenticator_options *options,
                              struct authenticator **ret_authenticator)
{
    if (options->api_audience_count > API_AUDIENCES_MAX ||
        options->family_count > AUTHENTICATOR_FAMILIES_MAX) {
        return ST_LIMIT;
    }
    struct authenticator *authenticator = calloc(1, sizeof(*authenticator));
    if (!authenticator) {
        return ST_NOMEM;
    }
    authenticator->unknown_token_answer = options->unknown_token_answer;
    enum status status =
        copy_audiences(authenticator, options->api_audiences, options->api_audience_count);
    if (status == ST_OK) {
        status = create_families(authenticator, options);
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
        }
        free(authenticator->api_audiences);
        free(authenticator);
    }
    return NULL;
}

static void tell_member(void *ctx, const struct store_event *event)
{
    const struct member *member = ctx;
    member->ops->handle_event(member->family, event);
}

void authenticator_handle_event(void *ctx, const struct store_event *event)
{
    struct authenticator *authenticator = ctx;
    for (size_t i = 0; i < authenticator->member_count; i++) {
        tell_member(&authenticator->members[i], event);
    }
}

static enum status attach_member(struct member *member, struct store *store)
{
    size_t count = 0;
    const struct store_interest *interests = member->ops->interests(member->family, &count);
    enum status status = ST_OK;
    for (size_t i = 0; i < count && status == ST_OK; i++) {
        status = store_subscribe(store, &interests[i], tell_member, member);
    }
    return status;
}

enum status authenticator_attach(struct authenticator *authenticator, struct store *store)
{
    enum status status = ST_OK;
    for (size_t i = 0; i < authenticator->member_count && status == ST_OK; i++) {
        status = attach_member(&authenticator->members[i], store);
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
    decide_verdict(&verdict, authenticator->unknown_token_answer, question->has_audiences,
                   ret_decision);
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
