/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket that may be overdrawn: what a verification costs is known when it is over.
 *
 * Paid is what the thread has consumed of the processor, not the time that passed: on a machine
 * that has more to do than it can, the latter holds other threads' turns, and those would be paid
 * by whoever logs in first. Threads: the worker's.
 */
#include "authn/verification_share.h"

void verification_share_init(struct verification_share *share,
                             struct clock clock,
                             unsigned percent,
                             int64_t burst_ns)
{
    *share = (struct verification_share){
        .clock = clock,
        .percent = percent,
        .burst_ns = burst_ns,
        .left_ns = burst_ns,
        .filled_ns = clock_monotonic_ns(&clock),
    };
}

static void fill(struct verification_share *share)
{
    const int64_t now_ns = clock_monotonic_ns(&share->clock);
    const int64_t missing_ns = share->burst_ns - share->left_ns;
    const int64_t passed_ns = now_ns - share->filled_ns;
    /* by division, since the product of a long night would overflow */
    if (passed_ns / 100 >= missing_ns / share->percent + 1) {
        share->left_ns = share->burst_ns;
    } else {
        share->left_ns += passed_ns * share->percent / 100;
    }
    share->filled_ns = now_ns;
}

bool verification_share_begin(struct verification_share *share)
{
    if (!share) {
        return true;
    }
    fill(share);
    if (share->left_ns <= 0) {
        return false;
    }
    share->begun_ns = clock_cpu_ns(&share->clock);
    return true;
}

void verification_share_end(struct verification_share *share)
{
    if (share) {
        share->left_ns -= clock_cpu_ns(&share->clock) - share->begun_ns;
    }
}
