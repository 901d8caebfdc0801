/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The engine without a server: authenticators fed once from the manifests, for check-config and
 * review. */
#include "authn/authenticator.h"
#include "base/compiler.h"
#include "base/loop.h"
#include "base/problem.h"
#include "cli/options.h"
#include "store/store.h"

#define ENGINE_SETTLE_MAX_MS \
    10000 /* a bound for any back end; `manifests` stops waiting for a file after two seconds */

struct engine {
    struct authenticator *authenticator; /* owns all three */
    struct store *store;
    struct loop *loop; /* NULL unless something was still being written */
};

/**
 * engine_load() - read everything that serve would read before it answers
 * @options:    checked, with manifests; borrows until engine_fini()
 * @on_problem: may be NULL; each problem of a manifest, and each Secret that can hold no token,
 * with its reason
 *
 * A file that is still being written is waited for; the store ends the waiting and calls it a
 * problem. Return: ST_OK; ST_IO, ST_NOMEM, ST_UNSETTLED
 * with @reterr_problem
 */
enum status engine_load(const struct options *options,
                        problem_fn *on_problem,
                        void *ctx,
                        struct engine *ret_engine,
                        struct problem *reterr_problem) NODISCARD NONNULL(1, 4, 5);

/** engine_fini() - all-zero is fine */
void engine_fini(struct engine *engine) NONNULL(1);
