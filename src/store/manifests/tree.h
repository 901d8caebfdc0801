/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What stands where, found out by looking. */
#include "base/compiler.h"
#include "base/status.h"
#include "store/manifests/state.h"

/** tree_init() - behind nodes_init(). Return: ST_OK; ST_INTERNAL */
enum status tree_init(struct manifests *manifests) NODISCARD NONNULL(1);

/** tree_fini() - drop all nodes, and tell of none. @manifests may be half-built */
void tree_fini(struct manifests *manifests) NONNULL(1);

/** tree_look() - at a nominated node: what is it now? Queues it for reading, scans it, drops it */
void tree_look(struct manifests *manifests, struct node *node) NONNULL(1, 2);
