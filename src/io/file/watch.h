/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Watch single files for being replaced: certificate, key, CA, later key sets and kubeconfigs.
 *
 * A change is close-after-write, rename over, or a symlink swapped anywhere along the path
 * (Kubernetes mounts point tls.crt at ..data/tls.crt and swap ..data). libuv's own file events do
 * not tell "written to" from "closed after writing", so this is inotify on the directories
 * involved, polled by the loop. The callback comes once per burst, after things have been quiet for
 * FILE_WATCH_QUIET_MS; the caller re-reads and decides by content whether anything changed.
 */
#include "base/compiler.h"
#include "base/status.h"
#include "io/loop.h"

/* a pair of files is renamed within this; still far below 100 ms */
#define FILE_WATCH_QUIET_MS 20

struct file_watch;

/**
 * file_watch_new() - watch @count files; none need exist yet
 * @paths:   copies
 * @fn, @ctx: called on the loop's thread
 * Return: ST_OK; ST_NOMEM; ST_IO (inotify limits: the errno text goes to the caller's log by way of
 * errno being unchanged)
 */
enum status file_watch_new(struct loop *loop,
                           const char *const *paths,
                           size_t count,
                           loop_fn *fn,
                           void *ctx,
                           struct file_watch **ret_watch) NODISCARD NONNULL(1, 2, 4, 6);

/** file_watch_free() - on the loop's thread, or when it does not run. NULL is fine. Return: NULL */
struct file_watch *file_watch_free(struct file_watch *watch);
