/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Create, get, update, patch and delete in a directory of manifests. */
#include "base/compiler.h"
#include "base/status.h"
#include "store/manifests/state.h"
#include "store/store.h"

/* Writes that wait for their turn. Each holds an object, of 1 MiB at most for a Secret, and takes
 * two fsyncs, on a slow disk 50 ms: a controller that has so many waiting should wait itself. */
#define MANIFESTS_MAX_WRITES 128

/** One write that was asked for. */
struct write_job;

void write_init(struct manifests *manifests) NONNULL(1);
void write_fini(struct manifests *manifests) NONNULL(1);

/** write_enqueue() - store_write(); ST_UNSUPPORTED before store_watch(), and while nobody listens
 * to such objects, since then they are not kept track of */
enum status write_enqueue(struct store *store, const struct store_write *write) NODISCARD
    NONNULL(1, 2);

/** write_run_next() - run the first that waits, and tell what has changed. Return: it, for
 * write_finish(); NULL: none was due */
struct write_job *write_run_next(struct manifests *manifests) NODISCARD NONNULL(1);

/** write_finish() - call its done function, and free it; NULL is fine. The store may be gone
 * afterwards */
void write_finish(struct write_job *job);
