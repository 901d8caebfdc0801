/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of the wall clock, by its distance from a clock that cannot be set.
 *
 * That one is CLOCK_BOOTTIME: it goes on while the machine sleeps, so a night's sleep is no step,
 * as it would be against CLOCK_MONOTONIC. Both are slewed by NTP alike, as the wall clock is, so
 * their distance stays the same to the millisecond until somebody sets the time (settimeofday(2),
 * ADJ_SETOFFSET, a hypervisor's agent, a leap second). It is compared with what it was at the start
 * or at the last step, not a moment ago: many small steps are one large one.
 *
 * The clocks cannot be read at once. The wall clock is read between two readings of the other, and
 * when these lie far apart (no CPU, a paused virtual machine) nothing can be said until next time.
 *
 * Threads: the loop's; the counters are atomics with one writer.
 */
#include "io/clock_step.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define MS_PER_SEC 1000
#define NS_PER_MS  INT64_C(1000000)

struct clock_step {
    uv_timer_t timer;
    struct clock clock;
    clock_step_fn *fn;
    void *ctx; /* borrows */
    bool has_distance;
    int64_t distance_ms; /* of the wall clock from the other: at the start, or at the last step */
    _Atomic uint64_t forward;
    _Atomic uint64_t backward;
};

static bool read_distance_ms(const struct clock *clock, int64_t *ret_distance_ms)
{
    const int64_t before_ms = clock_boot_ns(clock) / NS_PER_MS;
    const struct instant wall = clock_now(clock);
    const int64_t after_ms = clock_boot_ns(clock) / NS_PER_MS;
    *ret_distance_ms = wall.sec * MS_PER_SEC + wall.nsec / NS_PER_MS - before_ms;
    return after_ms - before_ms <= CLOCK_STEP_READ_MAX_MS;
}

void clock_step_check(struct clock_step *step)
{
    int64_t distance_ms;
    if (!read_distance_ms(&step->clock, &distance_ms)) {
        return;
    }
    const int64_t step_ms = step->has_distance ? distance_ms - step->distance_ms : 0;
    const bool is_step = step_ms >= CLOCK_STEP_MIN_MS || step_ms <= -CLOCK_STEP_MIN_MS;
    if (!step->has_distance || is_step) {
        step->has_distance = true;
        step->distance_ms = distance_ms;
    }
    if (is_step) {
        atomic_fetch_add_explicit(step_ms > 0 ? &step->forward : &step->backward, 1,
                                  memory_order_relaxed);
        step->fn(step->ctx, step_ms);
    }
}

static void on_timer(uv_timer_t *timer)
{
    clock_step_check(timer->data);
}

enum status clock_step_new(struct loop *loop,
                           struct clock clock,
                           uint64_t interval_ms,
                           clock_step_fn *fn,
                           void *ctx,
                           struct clock_step **ret_step)
{
    struct clock_step *step = calloc(1, sizeof(*step));
    if (!step) {
        return ST_NOMEM;
    }
    step->clock = clock;
    step->fn = fn;
    step->ctx = ctx;
    step->timer.data = step;
    clock_step_check(step);
    (void)uv_timer_init(loop_uv(loop), &step->timer); /* neither this nor the next can fail */
    (void)uv_timer_start(&step->timer, on_timer, interval_ms, interval_ms);
    *ret_step = step;
    return ST_OK;
}

void clock_step_stats(const struct clock_step *step, struct clock_step_stats *ret_stats)
{
    ret_stats->forward = atomic_load_explicit(&step->forward, memory_order_relaxed);
    ret_stats->backward = atomic_load_explicit(&step->backward, memory_order_relaxed);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct clock_step *clock_step_free(struct clock_step *step)
{
    if (step) {
        uv_close((uv_handle_t *)&step->timer, on_closed);
    }
    return NULL;
}
