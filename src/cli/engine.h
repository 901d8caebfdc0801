/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The engine without a server: authenticators fed once from the manifests or the Kubernetes API
 * server, for check-config and review. */
#include "authn/authenticator.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "cli/options.h"
#include "io/loop.h"
#include "store/store.h"

/* Bounds on the waiting. The longest for any store; `manifests` itself stops waiting for a file
 * after two seconds, a large list of a busy API server may take many. When it fails a second try
 * may do, but a person is waiting for the command. */
#define ENGINE_SETTLE_MAX_MS  30000
#define ENGINE_FAILING_MAX_MS 3000

struct engine {
    struct authenticator *authenticator; /* owns all four */
    struct store *store;
    struct loop *loop;    /* NULL unless the store had to be waited for */
    char *kube_apiserver; /* its URL; NULL without one */
    problem_fn *on_problem;
    problem_fn *on_remark; /* may be NULL; the caller's to set: of a manifest that others can
                              change, of a kubeconfig; with the ctx of on_problem */
    void *ctx;
    struct problem last_failure; /* of the API server, not told: it may be over */
};

/**
 * engine_load() - read everything that serve would read before it answers
 * @options:    checked, with a source of objects; borrows until engine_fini()
 * @on_problem: may be NULL; each problem of a manifest or of an object of the API server, and each
 * Secret that can hold no token, with its reason; while loading only
 * @engine:     all-zero, but for on_remark; stays where it is until engine_fini()
 *
 * A file that is still being written is waited for; the store ends the waiting and calls it a
 * problem. So is an API server, up to ENGINE_SETTLE_MAX_MS, or ENGINE_FAILING_MAX_MS of failing
 * without a break. Return: ST_OK; ST_UNAVAILABLE, ST_TIMEOUT, ST_FORBIDDEN, …: why the API server
 * did not tell everything; what store_open() returns; ST_IO, ST_NOMEM, ST_UNSETTLED; all with
 * @reterr_problem. @engine is all-zero then
 */
enum status engine_load(const struct options *options,
                        problem_fn *on_problem,
                        void *ctx,
                        struct engine *engine,
                        struct problem *reterr_problem) NODISCARD NONNULL(1, 4, 5);

/** engine_fini() - all-zero is fine */
void engine_fini(struct engine *engine) NONNULL(1);
