/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The distributed back end: Kubernetes itself, by list and watch. The rules stand in
 * store/apiserver/apiserver.c.
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "kube/cluster_access.h"
#include "store/store.h"

#define APISERVER_SILENCE_TIMEOUT_MS 90000 /* the server sends a bookmark about every minute */

/* 100,000 Secrets of 1.5 KB each take 20 minutes at 1 Mbit/s. Until a list ends nothing counts as
 * gone, and at the start nobody is answered. */
#define APISERVER_LIST_TIMEOUT_MS 1800000

struct apiserver_options {
    struct cluster_access *access; /* takes: owned by the store from here on, also on failure */
    struct clock clock;
    uint64_t silence_timeout_ms; /* a watch without a byte for this long is begun anew; 0: the
                                    default above */
    uint64_t list_timeout_ms;    /* a list, with all its pages, that is not complete after this long
                                    has failed, however steadily it comes; 0: the default above */
    problem_fn *on_problem;  /* may be NULL; contact lost, an object that cannot be decoded, …:
                                once each, again when it changes; on the loop's thread */
    problem_fn *on_resolved; /* may be NULL; file is the same as in the problem */
    void *ctx;
};

/** apiserver_new() - asks nothing yet: store_load() returns ST_UNSETTLED, store_watch() begins.
 * Return: ST_OK; ST_NOMEM with @reterr_problem */
enum status apiserver_new(const struct apiserver_options *options,
                          struct store **ret_store,
                          struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);
