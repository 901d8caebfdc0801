/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The background loop: one libuv loop on which files are watched, timers fire and objects are
 * published. It is the only writer of what workers read. Run it on a thread of the caller
 * (loop_run) or on one of its own (loop_start).
 */
#include <uv.h>

#include "base/compiler.h"
#include "base/status.h"

struct loop;

typedef void loop_fn(void *ctx);

/** loop_new() - Return: ST_OK; ST_NOMEM; ST_IO when the kernel refuses the descriptors */
enum status loop_new(struct loop **ret_loop) NODISCARD NONNULL(1);

/** loop_free() - stop the thread if one runs, run pending close callbacks, free. Every handle on
 * the loop must have been uv_close()d by its owner before. Posts that have not run are dropped: who
 * hands out contexts by loop_post() keeps track of them. NULL is fine. Return: NULL */
struct loop *loop_free(struct loop *loop);

/** loop_uv() - the libuv loop, for handles; touch it on the loop's thread only, or before it runs
 */
uv_loop_t *loop_uv(struct loop *loop) NONNULL(1);

/** loop_run() - run on this thread until loop_stop(); handles may come and go meanwhile. A stop
 * that came before makes it return at once */
void loop_run(struct loop *loop) NONNULL(1);

/** loop_start() - run on a new thread, all signals blocked in it. Return: ST_OK; ST_NOMEM */
enum status loop_start(struct loop *loop) NODISCARD NONNULL(1);

/** loop_stop() - any thread: leave loop_run() soon; joins the thread of loop_start() unless called
 * on it */
void loop_stop(struct loop *loop) NONNULL(1);

/** loop_post() - any thread: run @fn(@ctx) on the loop's thread, in the order posted. Return:
 * ST_OK; ST_NOMEM */
enum status loop_post(struct loop *loop, loop_fn *fn, void *ctx) NODISCARD NONNULL(1, 2);
