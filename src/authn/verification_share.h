/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What tokens that were never seen before may cost: shares of one worker's time, as buckets of
 * nanoseconds that the clock fills and each verification is paid from.
 *
 * Whoever makes up tokens with the key ID of a real key costs a whole verification with each, half
 * a millisecond with the dearest keys; a few thousand a second would leave no time for anybody
 * else. So they are taken no more when a bucket is empty, however many there are, and who has been
 * seen before, or has a bootstrap token, is answered as fast as ever.
 *
 * There are two. All verifications are paid from the one; it is large, since after a start every
 * token is new. Those that were in vain are paid from the other, too, which is small: nobody but an
 * attacker makes many of them, and each keeps others waiting. Which it will be is not known before,
 * so the next one begins only when there is something in both.
 *
 * Threads: one at a time, the worker's.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"

/** What a bucket takes and holds. */
struct share_limit {
    int64_t percent;  /* of the time that passes: 1 to 100 */
    int64_t burst_ns; /* when it is full */
};

struct share_bucket {
    struct share_limit limit;
    int64_t left_ns; /* below 0: the last one cost more than there was */
};

struct verification_share {
    struct clock clock;
    struct share_bucket all;
    struct share_bucket vain;
    int64_t filled_ns; /* monotonic: up to when */
    int64_t begun_ns;  /* what the worker had consumed of the processor when the last one began */
};

/** verification_share_init() - both buckets are full */
void verification_share_init(struct verification_share *share,
                             struct clock clock,
                             struct share_limit all,
                             struct share_limit vain) NONNULL(1);

/** verification_share_begin() - may one more be verified? Then verification_share_end() is due.
 * NULL: it may. false: ST_VERIFICATION_BUSY is the answer. Cost: one or two looks at clocks */
bool verification_share_begin(struct verification_share *share) NODISCARD;

/** verification_share_end() - pay what it has cost since. @is_good: the signature was. NULL is fine
 */
void verification_share_end(struct verification_share *share, bool is_good);
