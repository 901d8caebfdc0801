/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting. Threads: a shard has one writer, its worker. It counts with a relaxed load and store,
 * which costs what a plain variable does.
 */
#include "server/http/metrics.h"

static const int64_t bounds_us[DURATION_BOUND_COUNT] = DURATION_BOUNDS_US;

void metrics_count_review(struct worker_metrics *metrics,
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

static enum http_code code_index(unsigned code)
{
    switch (code) {
#define X(number) \
    case number:  \
        return HTTP_CODE_##number;
        HTTP_CODE_TABLE(X)
#undef X
    default:
        return HTTP_CODE_OTHER;
    }
}

void metrics_count_http(struct worker_metrics *metrics, unsigned code)
{
    metrics_add(&metrics->http_codes[code_index(code)], 1);
}
