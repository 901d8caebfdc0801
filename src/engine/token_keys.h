/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The keys of all sources of ServiceAccount tokens: a source of keys for each, whose sets go to the
 * family as they come.
 *
 * Threads: the loop's, or before it runs, but for the figures.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authn/jwt/object_index.h"
#include "authn/jwt/service_account_options.h"
#include "authn/jwt/verified_tokens.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "engine/waiting.h"
#include "io/loop.h"
#include "keys/key_source.h"
#include "store/open/open.h"

struct token_keys;

/** token_keys_tell_fn - what there is to say of the keys of one source; the loop's thread, or who
 * loads them. @cluster: its name, a DNS label; empty: this one's. As problem_fn besides */
typedef void token_keys_tell_fn(void *ctx, const char *cluster, const struct problem *problem);

/** Who is told, as struct key_source_options has it. Each may be NULL. */
struct token_keys_listener {
    token_keys_tell_fn *on_problem;
    token_keys_tell_fn *on_resolved;
    token_keys_tell_fn *on_remark;
    void *ctx;
};

struct token_keys_options {
    const struct service_account_options *sources; /* borrows for the keys' life */
    void *family; /* of service_account_ops, with these options; borrows, the same */
    const struct store_sources *own; /* where this cluster's API server is; borrows until
                                        token_keys_new() returns */
    struct clock clock;
    struct token_keys_listener listener;
};

/** token_keys_new() - nothing is read yet. Return: ST_OK; what key_source_new(),
 * cluster_access_from_kubeconfig() and cluster_access_in_pod() return, with @reterr_problem;
 * ST_NOMEM */
enum status token_keys_new(struct loop *loop,
                           const struct token_keys_options *options,
                           struct token_keys **ret_keys,
                           struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/** token_keys_load() - read all key files; the rest is fetched once the loop runs. Return: ST_OK;
 * what key_source_load() returns; ST_DUPLICATE: two clusters have one key, by file, with
 * @reterr_problem */
enum status token_keys_load(struct token_keys *keys, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** token_keys_watch() - keep them true from here on; after token_keys_load(). Return: as
 * key_source_watch() */
enum status token_keys_watch(struct token_keys *keys, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** token_keys_source() - the keys of source @number of the options; borrows */
struct key_source *token_keys_source(const struct token_keys *keys, size_t number) NONNULL(1);

/** One source of tokens, as it stands. */
struct token_source_figures {
    const char *cluster; /* its name, a DNS label; empty: this one. Borrows for the keys' life */
    struct key_source_state keys;
    bool looks_up;
    struct object_index_stats objects; /* all-zero unless looks_up */
};

/** token_keys_count() - how many sources of tokens there are; at most SERVICE_ACCOUNT_SOURCES_MAX.
 * Any thread */
size_t token_keys_count(const struct token_keys *keys) NONNULL(1);

/** token_keys_figures() - of source @number of the options. Any thread */
void token_keys_figures(const struct token_keys *keys,
                        size_t number,
                        struct token_source_figures *ret_figures) NONNULL(1, 3);

/** token_keys_verified() - of the cache of tokens that these keys have verified. Any thread */
void token_keys_verified(const struct token_keys *keys, struct verified_tokens_stats *ret_stats)
    NONNULL(1, 2);

/** token_keys_waiting() - who looks for these keys when a question waits for them; borrows */
struct waiting_keys token_keys_waiting(struct token_keys *keys) NONNULL(1);

/** token_keys_free() - before the family and the loop. NULL is fine. Return: NULL */
struct token_keys *token_keys_free(struct token_keys *keys);
