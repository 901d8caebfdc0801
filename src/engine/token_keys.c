/* SPDX-License-Identifier: Apache-2.0 */
/* Which source of keys a source of tokens has, and where its sets go. */
#include "engine/token_keys.h"

#include <stdlib.h>

#include "authn/jwt/service_account.h"
#include "kube/cluster_access.h"

/* Of one source of tokens. */
struct member {
    struct token_keys *keys;
    unsigned number; /* in the options */
    struct key_source *source;
};

struct token_keys {
    struct token_keys_options options;
    struct member members[SERVICE_ACCOUNT_SOURCES_MAX];
};

/* This cluster's span has no text. */
static const char *name_of(const struct member *member)
{
    const struct span name = member->keys->options.sources->sources[member->number].name;
    return name.len ? name.at : "";
}

/* What a source of keys has to say goes to whoever the engine is. @whom: may be NULL */
static void tell(const struct member *member,
                 token_keys_tell_fn *whom,
                 const struct problem *problem)
{
    if (whom) {
        whom(member->keys->options.listener.ctx, name_of(member), problem);
    }
}

static void on_problem(void *ctx, const struct problem *problem)
{
    const struct member *member = ctx;
    tell(member, member->keys->options.listener.on_problem, problem);
}

static void on_resolved(void *ctx, const struct problem *problem)
{
    const struct member *member = ctx;
    tell(member, member->keys->options.listener.on_resolved, problem);
}

static void on_remark(void *ctx, const struct problem *problem)
{
    const struct member *member = ctx;
    tell(member, member->keys->options.listener.on_remark, problem);
}

/* A set that cannot be kept takes all keys of its source away (key_book_put()). */
static void on_keys(void *ctx, struct key_set *set, const struct key_source_state *state)
{
    (void)state; /* whoever wants figures asks for them */
    const struct member *member = ctx;
    const struct token_keys_options *options = &member->keys->options;
    const enum status status = service_account_put_keys(options->family, member->number, set);
    if (status != ST_OK) {
        struct problem problem = { 0 };
        problem_set(&problem, status, 0, 0,
                    "out of memory, so no token is accepted by these keys until they change");
        problem_set_file(&problem, key_source_name(member->source));
        on_problem(ctx, &problem);
    }
}

/* Keys decide who may log in: they come from nobody whose certificate is not looked at. */
static enum status refuse_unverified(const char *kubeconfig,
                                     struct cluster_access **access,
                                     struct problem *reterr_problem)
{
    if (!cluster_access_endpoint(*access)->insecure_skip_tls_verify) {
        return ST_OK;
    }
    *access = cluster_access_free(*access);
    problem_set_file(reterr_problem, kubeconfig ? kubeconfig : "");
    problem_set(reterr_problem, ST_UNSAFE, 0, 0,
                "insecure-skip-tls-verify: expected a server that is verified, since the keys of "
                "ServiceAccount tokens come from it");
    return ST_UNSAFE;
}

static enum status open_access(const struct token_keys_options *options,
                               const struct service_account_source *source,
                               struct cluster_access **ret_access,
                               struct problem *reterr_problem)
{
    const struct store_sources *own = options->own;
    const char *kubeconfig = source->kubeconfig ? source->kubeconfig : own->kubeconfig;
    const bool in_pod = !source->kubeconfig && own->in_pod;
    const enum status status =
        in_pod ? cluster_access_in_pod(own->pod_directory, own->pod_host, own->pod_port, ret_access,
                                       reterr_problem)
               : cluster_access_from_kubeconfig(kubeconfig, ret_access, reterr_problem);
    return status == ST_OK ? refuse_unverified(kubeconfig, ret_access, reterr_problem) : status;
}

static enum status make_member(struct token_keys *keys,
                               struct loop *loop,
                               struct member *member,
                               struct problem *reterr_problem)
{
    const struct token_keys_options *own = &keys->options;
    const struct service_account_source *source = &own->sources->sources[member->number];
    struct key_source_options options = {
        .timings = { .max_stale_ms = own->sources->jwks_max_stale_ms },
        .ca_file = source->certificate_authority,
        .clock = own->clock,
        .on_keys = on_keys,
        .on_problem = on_problem,
        .on_resolved = on_resolved,
        .on_remark = on_remark,
        .ctx = member,
    };
    enum status status = ST_OK;
    switch (source->keys) {
    case SERVICE_ACCOUNT_KEYS_FILES:
        options.kind = KEY_SOURCE_FILES;
        options.paths = source->key_files;
        options.path_count = source->key_file_count;
        break;
    case SERVICE_ACCOUNT_KEYS_URL:
        options.kind = KEY_SOURCE_URL;
        options.url = source->keys_url;
        break;
    case SERVICE_ACCOUNT_KEYS_DISCOVERY:
        options.kind = KEY_SOURCE_DISCOVERY;
        options.issuer = source->issuers[0].at; /* ends in a NUL */
        break;
    case SERVICE_ACCOUNT_KEYS_API_SERVER:
        options.kind = KEY_SOURCE_CLUSTER;
        status = open_access(own, source, &options.access, reterr_problem);
        break;
    case SERVICE_ACCOUNT_KEYS_NONE:
        status = ST_INTERNAL; /* whoever has parsed the options refuses it */
        break;
    }
    return status == ST_OK ? key_source_new(loop, &options, &member->source, reterr_problem)
                           : status;
}

enum status token_keys_new(struct loop *loop,
                           const struct token_keys_options *options,
                           struct token_keys **ret_keys,
                           struct problem *reterr_problem)
{
    struct token_keys *keys = calloc(1, sizeof(*keys));
    if (!keys) {
        return ST_NOMEM;
    }
    keys->options = *options;
    enum status status = ST_OK;
    for (unsigned i = 0; i < options->sources->source_count && status == ST_OK; i++) {
        keys->members[i] = (struct member){ .keys = keys, .number = i };
        status = make_member(keys, loop, &keys->members[i], reterr_problem);
    }
    keys->options.own = NULL;
    if (status != ST_OK) {
        (void)token_keys_free(keys);
        return status;
    }
    *ret_keys = keys;
    return ST_OK;
}

enum status token_keys_load(struct token_keys *keys, struct problem *reterr_problem)
{
    enum status status = ST_OK;
    for (size_t i = 0; i < keys->options.sources->source_count && status == ST_OK; i++) {
        status = key_source_load(keys->members[i].source, reterr_problem);
    }
    const bool is_doubled =
        status == ST_OK && service_account_find_doubled(keys->options.family, reterr_problem);
    return is_doubled ? ST_DUPLICATE : status;
}

enum status token_keys_watch(struct token_keys *keys, struct problem *reterr_problem)
{
    enum status status = ST_OK;
    for (size_t i = 0; i < keys->options.sources->source_count && status == ST_OK; i++) {
        status = key_source_watch(keys->members[i].source, reterr_problem);
    }
    return status;
}

struct key_source *token_keys_source(const struct token_keys *keys, size_t number)
{
    return keys->members[number].source;
}

size_t token_keys_count(const struct token_keys *keys)
{
    return keys->options.sources->source_count;
}

void token_keys_figures(const struct token_keys *keys,
                        size_t number,
                        struct token_source_figures *ret_figures)
{
    const struct member *member = &keys->members[number];
    ret_figures->cluster = name_of(member);
    ret_figures->looks_up = keys->options.sources->sources[number].lookup.is_on;
    key_source_stats(member->source, &ret_figures->keys);
    service_account_objects(keys->options.family, member->number, &ret_figures->objects);
}

void token_keys_verified(const struct token_keys *keys, struct verified_tokens_stats *ret_stats)
{
    service_account_tokens(keys->options.family, ret_stats);
}

static enum waiting_want want(
    void *ctx, enum authenticator_id family, unsigned source, waiting_done_fn *done, void *mark)
{
    const struct token_keys *keys = ctx;
    if (family != AUTHENTICATOR_SERVICE_ACCOUNT) {
        return WAITING_WANT_CURRENT;
    }
    switch (key_source_want(keys->members[source].source, done, mark)) {
    case KEY_WANT_WAITING:
        return WAITING_WANT_WAITING;
    case KEY_WANT_CURRENT:
        return WAITING_WANT_CURRENT;
    case KEY_WANT_REFUSED:
        break;
    }
    return WAITING_WANT_REFUSED;
}

static void unwant(void *ctx, enum authenticator_id family, unsigned source, void *mark)
{
    const struct token_keys *keys = ctx;
    if (family == AUTHENTICATOR_SERVICE_ACCOUNT) {
        key_source_unwant(keys->members[source].source, mark);
    }
}

struct waiting_keys token_keys_waiting(struct token_keys *keys)
{
    return (struct waiting_keys){ .want = want, .unwant = unwant, .ctx = keys };
}

struct token_keys *token_keys_free(struct token_keys *keys)
{
    for (size_t i = 0; keys && i < SERVICE_ACCOUNT_SOURCES_MAX; i++) {
        (void)key_source_free(keys->members[i].source);
    }
    free(keys);
    return NULL;
}
