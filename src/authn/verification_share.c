/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets that may be overdrawn: what a verification costs is known when it is over.
 *
 * Paid is what the thread has consumed of the processor, not the time that passed: on a machine
 * that has more to do than it can, the latter holds other threads' turns, and those would be paid
 * by whoever logs in first. Threads: the worker's.
 */
#include "authn/verification_share.h"

void verification_share_init(struct verification_share *share,
                             struct clock clock,
                             struct share_limit all,
                             struct share_limit vain)
{
    *share = (struct verification_share){
        .clock = clock,
        .all = { .limit = all, .left_ns = all.burst_ns },
        .vain = { .limit = vain, .left_ns = vain.burst_ns },
        .filled_ns = clock_monotonic_ns(&clock),
    };
}

static void fill(struct share_bucket *bucket, int64_t passed_ns)
{
    const struct share_limit limit = bucket->limit;
    const int64_t missing_ns = limit.burst_ns - bucket->left_ns;
    /* by division, since the product of a long night would overflow */
    if (passed_ns / 100 >= missing_ns / limit.percent + 1) {
        bucket->left_ns = limit.burst_ns;
    } else {
        bucket->left_ns += passed_ns * limit.percent / 100;
    }
}

bool verification_share_begin(struct verification_share *share)
{
    if (!share) {
        return true;
    }
    const int64_t now_ns = clock_monotonic_ns(&share->clock);
    fill(&share->all, now_ns - share->filled_ns);
    fill(&share->vain, now_ns - share->filled_ns);
    share->filled_ns = now_ns;
    if (share->all.left_ns <= 0 || share->vain.left_ns <= 0) {
        return false;
    }
    share->begun_ns = clock_cpu_ns(&share->clock);
    return true;
}

void verification_share_end(struct verification_share *share, bool is_good)
{
    if (share) {
        const int64_t cost_ns = clock_cpu_ns(&share->clock) - share->begun_ns;
        share->all.left_ns -= cost_ns;
        share->vain.left_ns -= is_good ? 0 : cost_ns;
    }
}
