/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which legacy tokens have lately been waited for. A legacy token does not say when it was made, so
 * whether its Secret is still to come nobody can tell: one question a minute may wait for it, and
 * all others are answered at once.
 *
 * Bounded: tokens that share a place share their minute. Threads: any, without a lock.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define LEGACY_PATIENCE_PLACES 1024

/** All-zero is nobody. */
struct legacy_patience {
    _Atomic uint64_t minutes[LEGACY_PATIENCE_PLACES]; /* since 1970, and one: of the last wait */
};

/** legacy_patience_take() - may this question wait? @token: a number of the token's, evenly
 * distributed. @now_sec: since 1970 */
bool legacy_patience_take(struct legacy_patience *patience,
                          uint64_t token,
                          int64_t now_sec) NODISCARD NONNULL(1);
