/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What answers whose token it is: a loop, a store on it, and the authenticators that the store
 * feeds. The one place that puts them together, for serve, for check-config and review, and for the
 * public library.
 *
 * Threads: the loop's, or the caller's as long as the loop does not run.
 */
#include "authn/authenticator.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "io/loop.h"
#include "store/open/open.h"
#include "store/store.h"

/** A family of tokens, as an engine has it or not. */
struct engine_family {
    bool is_on;
    const void *options; /* the family's own; NULL for none */
};

struct engine_options {
    struct authenticator_options authenticator;          /* but for its families: */
    struct engine_family families[AUTHENTICATOR_COUNT_]; /* by id */
    struct store_sources sources;
};

/** All-zero is none. */
struct engine {
    struct loop *loop; /* owns all four */
    struct authenticator *authenticator;
    struct store *store;
    char *kube_apiserver; /* its URL, for people; NULL without one */
};

/**
 * engine_open() - make loop, authenticators and store; nothing is loaded and nothing asked yet
 * @options: borrows until return
 * @engine:  all-zero; engine_close() also after a failure
 *
 * Then, in this order: whoever wants to be told of objects behind the authenticators subscribes to
 * the store; store_load(); store_watch(), and the loop is run, unless what was loaded will do.
 * Return: ST_OK; what loop_new(), authenticator_new() and store_open() return, with @reterr_problem
 */
enum status engine_open(const struct engine_options *options,
                        struct engine *engine,
                        struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** engine_close() - the loop does not run, nobody asks any more; all-zero is fine, and what it is
 * afterwards */
void engine_close(struct engine *engine) NONNULL(1);
