/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What was answered to questions, and how long that took: shards like those of http/metrics.h. */
#include <stdatomic.h>
#include <stdint.h>

#include "authn/verdict.h"
#include "base/compiler.h"

/* Upper bounds of the review duration histogram, in microseconds; +Inf is added. A review takes a
 * few microseconds. */
#define DURATION_BOUNDS_US                                                     \
    {                                                                          \
        5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 100000, 1000000 \
    }
#define DURATION_BOUND_COUNT 13

/** A shard: written by one thread with relaxed atomics, read by scrapes. All-zero is the empty
 * shard. */
struct review_metrics {
    _Alignas(
        64) _Atomic uint64_t reviews[AUTHENTICATOR_COUNT_][DECISION_RESULT_COUNT_][STATUS_COUNT_];
    _Atomic uint64_t durations[DURATION_BOUND_COUNT + 1]; /* each bucket by itself, not summed */
    _Atomic uint64_t duration_sum_ns;
};

/** review_metrics_count() - one answered review and how long it took from the last byte of the
 * request on */
void review_metrics_count(struct review_metrics *metrics,
                          const struct decision *decision,
                          int64_t duration_ns) NONNULL(1, 2);
