/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Two stores as one: a directory of manifests and a Kubernetes API server.
 *
 * Of an object that both hold the first store's is the one that counts, and the other is told as a
 * problem; when the first store's goes, the second's takes over. (So what a machine's own files say
 * does not change with the reachability of the network.) Synced when both are. Writes go to the
 * store that holds the object (the first's when both do, so that the second's takes over when it is
 * deleted); what is created goes to the second, unless the first has that name.
 */
#include "base/compiler.h"
#include "base/problem.h"
#include "store/store.h"

struct union_options {
    struct store *first;     /* takes, also on failure; can find_source (store_ops) */
    struct store *second;    /* takes, also on failure; can retell */
    problem_fn *on_problem;  /* may be NULL; on the loop's thread: the same name in both, once; file
                                is "namespace/name" */
    problem_fn *on_resolved; /* may be NULL; one of the two is gone */
    void *ctx;
};

/** union_new() - subscribe to the union, not to its parts. Return: ST_OK; ST_NOMEM; ST_INTERNAL */
enum status union_new(const struct union_options *options, struct store **ret_store) NODISCARD
    NONNULL(1, 2);
