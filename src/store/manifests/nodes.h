/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The paths that are known: found, made, forgotten. */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/status.h"
#include "store/manifests/state.h"

/** nodes_init() - the root alone. Return: ST_OK; ST_NOMEM; ST_INTERNAL */
enum status nodes_init(struct manifests *manifests) NODISCARD NONNULL(1);

/** nodes_fini() - when every node has gone. @manifests may be half-built */
void nodes_fini(struct manifests *manifests) NONNULL(1);

/** nodes_is_manifest_name() - *.yaml, *.yml, *.json */
bool nodes_is_manifest_name(const char *name) NODISCARD NONNULL(1);

/** nodes_find() - borrows; NULL when nothing of this @name is known in @parent */
struct node *nodes_find(const struct manifests *manifests,
                        const struct node *parent,
                        const char *name) NODISCARD NONNULL(1, 2, 3);

/** nodes_add() - find or make. NULL past the limits or without memory, which is noted */
struct node *nodes_add(struct manifests *manifests, struct node *parent, const char *name) NODISCARD
    NONNULL(1, 2, 3);

/** nodes_free() - @node is known no more. It has no children, waits for nothing, and whatever it
 * held has been given back */
void nodes_free(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/** nodes_path() - of @node for the kernel, PATH_MAX bytes; false when it is too long */
bool nodes_path(const struct manifests *manifests,
                const struct node *node,
                char *ret_path) NODISCARD NONNULL(1, 2, 3);
