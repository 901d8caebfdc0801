/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The parts of the directory store among themselves. Nobody else includes this but their tests.
 *
 *     inotify, timers            watch.c      nominates nodes: "look at this path"
 *     files and directories      tree.c       looks at nominated nodes, queues files to read
 *     bytes to Secrets           decode.c     one file's text to a list of Secrets
 *     objects, duplicates        index.c      which file holds what, events
 *     problems                   report.c     told once, resolved once
 *     who can change them        trust.c      what may be taken, by the rules of store/trust.c
 *     the turn                   manifests.c  look, read, settle, report; then wait
 *
 *     create, update, ...        write.c      one at a time, between two turns
 *     what may be written        rules.c      as the API server has it
 *     one object of a text       edit.c       found, replaced, taken out
 *     what an object says        digest.c     its resourceVersion
 *
 * Events are hints; what counts is what the file system says when a node is looked at. So a lost,
 * doubled or late event costs a look and never an answer.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "store/manifests/decode.h"
#include "store/manifests/digest.h"
#include "store/manifests/edit.h"
#include "store/manifests/index.h"
#include "store/manifests/limits.h"
#include "store/manifests/manifests.h"
#include "store/manifests/node.h"
#include "store/manifests/nodes.h"
#include "store/manifests/queue.h"
#include "store/manifests/report.h"
#include "store/manifests/rules.h"
#include "store/manifests/state.h"
#include "store/manifests/trust.h"
#include "store/store_base.h"

/* --- manifests.c --- */

/** manifests_turn() - look at what is dirty, read, settle, report */
void manifests_turn(struct manifests *manifests) NONNULL(1);

/** manifests_wake_later() - nominate what has waited long enough */
void manifests_wake_later(struct manifests *manifests) NONNULL(1);

/** manifests_next_due_ns() - when manifests_wake_later() has something to do; 0 for never */
uint64_t manifests_next_due_ns(struct manifests *manifests) NODISCARD NONNULL(1);

/* --- tree.c --- */

enum status tree_init(struct manifests *manifests) NODISCARD NONNULL(1);
void tree_fini(struct manifests *manifests) NONNULL(1);

/** tree_look() - at a nominated node: what is it now? Queues it for reading, scans it, drops it */
void tree_look(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/* --- watch.c --- */

enum status watch_init(struct manifests *manifests) NODISCARD NONNULL(1);
void watch_fini(struct manifests *manifests) NONNULL(1);

/** watch_open() - get an inotify descriptor unless there is one. Return: ST_OK; ST_IO */
enum status watch_open(struct manifests *manifests, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** watch_start() - poll it on @loop */
enum status watch_start(struct manifests *manifests,
                        struct loop *loop,
                        struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** watch_directory() - node->watch for the directory at @path. Failing is noted, not told */
void watch_directory(struct manifests *manifests, struct node *node, const char *path)
    NONNULL(1, 2, 3);
void watch_release(struct manifests *manifests, struct node *node) NONNULL(1, 2);
bool watch_is_alive(const struct node *node) NODISCARD NONNULL(1);

/** watch_places() - note everywhere on the way of @path below @directory where it can come to lead
 * elsewhere. @skip_first: not its first component */
void watch_places(struct manifests *manifests,
                  struct node *node,
                  const char *directory,
                  const char *path,
                  bool skip_first) NONNULL(1, 2, 3, 4);
void watch_drop_places(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/** watch_follow() - read what inotify has to say, and take a turn */
void watch_follow(struct manifests *manifests) NONNULL(1);

/** watch_arm() - set the timer to what is due next */
void watch_arm(struct manifests *manifests) NONNULL(1);

/* --- write.c --- */

/* Writes that wait for their turn. Each holds an object, of 1 MiB at most for a Secret, and takes
 * two fsyncs, on a slow disk 50 ms: a controller that has so many waiting should wait itself. */
#define MANIFESTS_MAX_WRITES 128

/* store_create() and so on; ST_UNSUPPORTED before store_watch(), and while nobody listens to such
 * objects, since then they are not kept track of. */
enum status write_create(struct store *store,
                         enum object_kind kind,
                         const json_object *object,
                         store_done_fn *done,
                         void *ctx) NODISCARD NONNULL(1, 3, 4);
enum status write_get(struct store *store,
                      const struct store_target *target,
                      store_done_fn *done,
                      void *ctx) NODISCARD NONNULL(1, 2, 3);
enum status write_update(struct store *store,
                         enum object_kind kind,
                         const json_object *object,
                         store_done_fn *done,
                         void *ctx) NODISCARD NONNULL(1, 3, 4);
enum status write_patch(struct store *store,
                        const struct store_target *target,
                        const json_object *patch,
                        store_done_fn *done,
                        void *ctx) NODISCARD NONNULL(1, 2, 3, 4);
enum status write_delete(struct store *store,
                         const struct store_target *target,
                         store_done_fn *done,
                         void *ctx) NODISCARD NONNULL(1, 2, 3);

/** write_is_due() - does one wait that can be run now? */
bool write_is_due(const struct manifests *manifests) NODISCARD NONNULL(1);

/** write_run_next() - run the first that waits, and tell what has changed. Return: it, for
 * write_finish(); NULL: none was due */
struct write_job *write_run_next(struct manifests *manifests) NODISCARD NONNULL(1);

/** write_finish() - call its done function, and free it; NULL is fine. The store may be gone
 * afterwards */
void write_finish(struct write_job *job);

void write_init(struct manifests *manifests) NONNULL(1);
void write_fini(struct manifests *manifests) NONNULL(1);
