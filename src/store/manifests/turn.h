/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The turn: everything that there is to do for now, in its order. */
#include "base/compiler.h"
#include "store/manifests/state.h"

/** turn_begin_scan() - the next turn looks at everything */
void turn_begin_scan(struct manifests *manifests) NONNULL(1);

/** turn_run() - look at what is dirty, read, settle, report */
void turn_run(struct manifests *manifests) NONNULL(1);

/** turn_follow() - a turn, over what inotify has to say and what has waited long enough, too */
void turn_follow(struct manifests *manifests) NONNULL(1);
