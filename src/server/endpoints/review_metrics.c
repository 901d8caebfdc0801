/* SPDX-License-Identifier: Apache-2.0 */
/* Counting answers. Threads: a shard has one writer, its worker. */
#include "server/endpoints/review_metrics.h"

#include "server/http/metrics.h"

static const int64_t bounds_us[DURATION_BOUND_COUNT] = DURATION_BOUNDS_US;

void review_metrics_count(struct review_metrics *metrics,
                          const struct decision *decision,
                          int64_t duration_ns)
{
    if (duration_ns < 0) {
        duration_ns = 0;
    }
    /* a review takes a few microseconds, so this loop ends at once and its branches are foreseen */
    size_t bucket = 0;
    while (bucket < DURATION_BOUND_COUNT && duration_ns > bounds_us[bucket] * 1000) {
        bucket++;
    }
    metrics_add(&metrics->durations[bucket], 1);
    metrics_add(&metrics->duration_sum_ns, (uint64_t)duration_ns);
    metrics_add(&metrics->reviews[decision->authenticator][decision->result][decision->why], 1);
}
