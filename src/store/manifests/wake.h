/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Has the loop call when there is something to do. */
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "io/loop.h"
#include "store/manifests/state.h"

/** wake_fn - inotify has something to say, or something is due. It may free the store */
typedef void wake_fn(struct manifests *manifests);

/** wake_start() - from now on @fn is called on @loop. Return: ST_OK; ST_NOMEM, ST_IO with
 * @reterr_problem */
enum status wake_start(struct manifests *manifests,
                       struct loop *loop,
                       wake_fn *fn,
                       struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/** wake_stop() - it is called no more. Does nothing before wake_start() */
void wake_stop(struct manifests *manifests) NONNULL(1);

/** wake_arm() - set the timer to what is due next. Does nothing before wake_start() */
void wake_arm(struct manifests *manifests) NONNULL(1);
