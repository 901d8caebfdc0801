/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An engine without a server, which has been told everything once: for check-config and review. */
#include "base/compiler.h"
#include "base/problem.h"
#include "cli/options.h"
#include "engine/engine.h"

/* Bounds on the waiting. The longest for any store; `manifests` itself stops waiting for a file
 * after two seconds, a large list of a busy API server may take many. When it fails a second try
 * may do, but a person is waiting for the command. */
#define SETTLE_MAX_MS         30000
#define SETTLE_FAILING_MAX_MS 3000

struct settled_engine;

/** The same of a further cluster. */
struct settled_cluster {
    const struct settled_engine *settled; /* borrows */
    struct problem last_failure;
};

struct settled_engine {
    struct engine engine;     /* owns */
    struct engine_room *room; /* owns; of its options; NULL when they are the caller's */
    problem_fn *on_problem;
    problem_fn *on_remark; /* may be NULL; the caller's to set: of a manifest that others can
                              change, of a kubeconfig; with the ctx of on_problem */
    void *ctx;
    struct problem last_failure;      /* of the API server, not told: it may be over */
    struct settled_cluster *clusters; /* owns; as many as the engine has */
};

/**
 * settled_engine_load() - read everything that serve would read before it answers
 * @options:    checked, with a source of objects; borrows until settled_engine_fini()
 * @on_problem: may be NULL; each problem of a manifest or of an object of the API server, and each
 * Secret that can hold no token, with its reason; while loading only
 * @settled:    all-zero, but for on_remark; stays where it is until settled_engine_fini()
 *
 * A file that is still being written is waited for; the store ends the waiting and calls it a
 * problem. So is an API server, up to SETTLE_MAX_MS, or SETTLE_FAILING_MAX_MS of failing
 * without a break. A further cluster that has not told everything by then is a problem, and no
 * failure: serve would answer all others. So are keys of ServiceAccount tokens that could not be
 * fetched by then, and those that cannot be used. Return: ST_OK; ST_UNAVAILABLE, ST_TIMEOUT,
 * ST_FORBIDDEN, …: why the API server did not tell everything; what engine_open() returns; ST_IO,
 * ST_NOMEM, ST_UNSETTLED; all with
 * @reterr_problem. @settled is all-zero then
 */
enum status settled_engine_load(const struct options *options,
                                problem_fn *on_problem,
                                void *ctx,
                                struct settled_engine *settled,
                                struct problem *reterr_problem) NODISCARD NONNULL(1, 4, 5);

/** settled_engine_load_from() - the same, from the engine's own options, whose callbacks are set
 * here. @engine: borrows until return */
enum status settled_engine_load_from(struct engine_options *engine,
                                     problem_fn *on_problem,
                                     void *ctx,
                                     struct settled_engine *settled,
                                     struct problem *reterr_problem) NODISCARD NONNULL(1, 4, 5);

/** settled_engine_fini() - all-zero is fine */
void settled_engine_fini(struct settled_engine *settled) NONNULL(1);
