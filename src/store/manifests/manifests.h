/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The embedded back end: a directory of ordinary Kubernetes manifests. The rules stand in
 * store/manifests/manifests.c. */
#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "store/store.h"
#include "store/trust.h"

struct manifests_options {
    const char *directory;   /* copies */
    struct clock clock;      /* wall clock for settling and stats */
    problem_fn *on_problem;  /* may be NULL; on the loop's thread; each problem once, again when it
                                changes */
    problem_fn *on_resolved; /* may be NULL; a file that had a problem is fine now (status ST_OK,
                                file set) */
    problem_fn *on_remark;   /* may be NULL; what is served although others can change it, or that a
                                link leads out (status ST_UNSAFE), or that a file is not all UTF-8
                                (ST_SYNTAX): each once, when it is found */
    void *ctx;
    struct trust_policy trust;
};

/** manifests_new() - Return: ST_OK; ST_NOMEM; ST_IO with @reterr_problem when @directory is no
 * readable directory */
enum status manifests_new(const struct manifests_options *options,
                          struct store **ret_store,
                          struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);
