/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What tokens that were never seen before may cost: a share of one worker's time, as a bucket of
 * nanoseconds that the clock fills and each verification is paid from.
 *
 * Whoever makes up tokens with the key ID of a real key costs a whole verification with each, half
 * a millisecond with the dearest keys; a few thousand a second would leave no time for anybody
 * else. So they are taken no more when the bucket is empty, however many there are, and who has
 * been seen before, or has a bootstrap token, is answered as fast as ever.
 *
 * Threads: one at a time, the worker's.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"

struct verification_share {
    struct clock clock;
    int64_t percent;   /* of the time that passes */
    int64_t burst_ns;  /* what a bucket that is full holds */
    int64_t left_ns;   /* below 0: the last one cost more than there was */
    int64_t filled_ns; /* monotonic: up to when */
    int64_t begun_ns;  /* what the worker had consumed of the processor when the last one began */
};

/** verification_share_init() - a full one. @percent: 1 to 100 */
void verification_share_init(struct verification_share *share,
                             struct clock clock,
                             unsigned percent,
                             int64_t burst_ns) NONNULL(1);

/** verification_share_begin() - may one more be verified? Then verification_share_end() is due.
 * NULL: it may. false: ST_VERIFICATION_BUSY is the answer. Cost: one or two looks at clocks */
bool verification_share_begin(struct verification_share *share) NODISCARD;

/** verification_share_end() - pay what it has cost since. NULL is fine */
void verification_share_end(struct verification_share *share);
