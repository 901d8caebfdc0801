/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler may ask of its request, and of its worker. Threads: the worker's. */
#include "server/http/request.h"

bool shard_may_log(struct shard *shard, struct log_limit *limit, uint64_t *ret_dropped)
{
    if (!shard->log) {
        return false;
    }
    if (log_limit_take(limit, clock_monotonic_ns(&shard->clock), ret_dropped)) {
        return true;
    }
    metrics_add(&shard->metrics.counters[COUNT_LOG_DROPPED], 1);
    return false;
}

void shard_tell_held_back(struct shard *shard,
                          struct log_limit *limit,
                          const char *message,
                          const char *reason)
{
    uint64_t dropped;
    if (!log_limit_take_dropped(limit, clock_monotonic_ns(&shard->clock), &dropped)) {
        return;
    }
    struct log_field fields[3] = { 0 };
    size_t count = 0;
    if (reason) {
        fields[count++] = LOG_TEXT("reason", reason);
    }
    fields[count] = LOG_INT("dropped", dropped);
    log_event(shard->log, LOG_INFO, message, fields); /* zeroes end the list */
}

unsigned request_field(const struct request *request, const char *name, struct span *ret_value)
{
    *ret_value = (struct span){ 0 };
    return request->source->field(request->origin, name, ret_value);
}

struct pending *request_suspend(struct request *request,
                                void *state,
                                void (*free_state)(void *state))
{
    request->pending = pending_new(request->inbox, request->origin, state, free_state);
    return request->pending;
}
