/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What answers whose token it is: a loop, a store on it, perhaps stores of further clusters, and
 * the authenticators that the stores feed. The one place that puts them together, for serve, for
 * check-config and review, and for the public library.
 *
 * Threads: the loop's, or the caller's as long as the loop does not run.
 */
#include "authn/authenticator.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "engine/token_keys.h"
#include "engine/waiting.h"
#include "io/loop.h"
#include "store/open/open.h"
#include "store/store.h"

/** A family of tokens, as an engine has it or not. */
struct engine_family {
    bool is_on;
    const void *options;                /* the family's own; NULL for none */
    const struct token_family_ops *ops; /* in place of those that the program has under this id:
                                           for tests. NULL: those */
};

/** A further cluster, of whose objects some tokens speak. */
struct engine_cluster_options {
    const char *name; /* unique: a DNS label */
    struct store_sources sources;
};

struct engine_options {
    struct authenticator_options
        authenticator; /* but for its families, its clusters and whom it tells: */
    struct engine_family families[AUTHENTICATOR_COUNT_]; /* by id */
    struct token_keys_listener keys;                     /* told of ServiceAccount tokens' */
    struct store_sources sources;
    struct engine_cluster_options *clusters; /* by number from 1 on, as families know them */
    size_t cluster_count;                    /* at most AUTHENTICATOR_CLUSTERS_MAX */
};

/** All-zero is none. */
struct engine {
    struct loop *loop;       /* owns all of these */
    struct waiting *waiting; /* told by the authenticator */
    struct authenticator *authenticator;
    struct store *store;
    char *kube_apiserver;           /* its URL, for people; NULL without one */
    struct token_keys *token_keys;  /* of ServiceAccount tokens; NULL without */
    struct cluster_store *clusters; /* the further ones, with their texts */
    size_t cluster_count;
};

/**
 * engine_open() - make loop, authenticators and store; nothing is loaded and nothing asked yet
 * @options: borrows until return
 * @engine:  all-zero; engine_close() also after a failure
 *
 * Then, in this order: whoever wants to be told of objects behind the authenticators subscribes to
 * the stores; engine_load(); engine_watch(), and the loop is run, unless what was loaded will do.
 * Return: ST_OK; what loop_new(), authenticator_new() and store_open() return, with @reterr_problem
 */
enum status engine_open(const struct engine_options *options,
                        struct engine *engine,
                        struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** engine_load() - store_load() of each store. Return: ST_OK; ST_UNSETTLED, when one of them at
 * least has not told everything; what store_load() returns, with @reterr_problem */
enum status engine_load(const struct engine *engine, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** engine_watch() - store_watch() of each store. Return: as that */
enum status engine_watch(const struct engine *engine, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** engine_close() - the loop does not run, nobody asks any more; all-zero is fine, and what it is
 * afterwards */
void engine_close(struct engine *engine) NONNULL(1);
