/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* inotify: from events to nominated nodes. */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "store/manifests/state.h"

/** watch_init() - Return: ST_OK; ST_INTERNAL */
enum status watch_init(struct manifests *manifests) NODISCARD NONNULL(1);

/** watch_fini() - when no node has a watch any more. @manifests may be half-built */
void watch_fini(struct manifests *manifests) NONNULL(1);

/** watch_open() - get an inotify descriptor unless there is one. Return: ST_OK; ST_IO */
enum status watch_open(struct manifests *manifests, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** watch_directory() - node->watch for the directory at @path. Failing is noted, not told */
void watch_directory(struct manifests *manifests, struct node *node, const char *path)
    NONNULL(1, 2, 3);

/** watch_release() - of watch_directory(); does nothing without */
void watch_release(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/** watch_is_alive() - do events tell what happens in @node, a directory? */
bool watch_is_alive(const struct node *node) NODISCARD NONNULL(1);

/** watch_places() - note everywhere on the way of @path below @directory where it can come to lead
 * elsewhere. @skip_first: not its first component */
void watch_places(struct manifests *manifests,
                  struct node *node,
                  const char *directory,
                  const char *path,
                  bool skip_first) NONNULL(1, 2, 3, 4);

/** watch_drop_places() - of watch_places(): it is no link any more */
void watch_drop_places(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/** watch_take_events() - take in what inotify has to say: nodes are nominated, and nothing is
 * looked at yet */
void watch_take_events(struct manifests *manifests) NONNULL(1);
