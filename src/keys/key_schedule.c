/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clockwork of a source of keys.
 *
 *                 succeed: before they age
 *            +---------------------------------+
 *            v                                 |
 *     waiting (due_ms) --- due, or wanted ---> fetching ---+
 *            ^                                 |  ^        | wanted, and no fetch was in a
 *            +---------------------------------+  +--------+ while: begin again
 *                 fail: retry
 *
 * Beside it, keys are in force from a success until max_stale_ms later, whatever happens.
 *
 * A fetch that began before a key was wanted may have missed it, so it is given up for one that
 * begins now; within the cool-down it has to do. Fetches that are due anyway do not start the
 * cool-down: else the first login after a rotation could fail because of one.
 *
 * Untrusted: how long a server says that its reply is good, and when it wants to be asked again.
 */
#include "keys/key_schedule.h"

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value ? value : fallback;
}

struct key_timings key_timings_resolve(const struct key_timings *timings)
{
    return (struct key_timings){
        .refresh_min_ms = or_default(timings->refresh_min_ms, KEY_REFRESH_MIN_MS),
        .refresh_max_ms = or_default(timings->refresh_max_ms, KEY_REFRESH_MAX_MS),
        .refresh_default_ms = or_default(timings->refresh_default_ms, KEY_REFRESH_DEFAULT_MS),
        .retry_ms = or_default(timings->retry_ms, KEY_RETRY_MS),
        .max_stale_ms = or_default(timings->max_stale_ms, KEY_MAX_STALE_MS),
        .cool_down_ms = or_default(timings->cool_down_ms, KEY_COOL_DOWN_MS),
        .want_ms = or_default(timings->want_ms, KEY_WANT_MS),
        .fetch_ms = or_default(timings->fetch_ms, KEY_FETCH_MS),
    };
}

void key_schedule_init(struct key_schedule *schedule,
                       const struct key_timings *timings,
                       uint64_t now_ms)
{
    *schedule = (struct key_schedule){ .timings = key_timings_resolve(timings), .due_ms = now_ms };
}

bool key_schedule_is_due(const struct key_schedule *schedule, uint64_t now_ms)
{
    return !schedule->is_fetching && now_ms >= schedule->due_ms;
}

bool key_schedule_expire(struct key_schedule *schedule, uint64_t now_ms)
{
    const bool is_over =
        schedule->has_keys && now_ms - schedule->good_ms >= schedule->timings.max_stale_ms;
    schedule->has_keys = schedule->has_keys && !is_over;
    return is_over;
}

uint64_t key_schedule_wake_ms(const struct key_schedule *schedule)
{
    const uint64_t due_ms = schedule->is_fetching ? UINT64_MAX : schedule->due_ms;
    const uint64_t end_ms =
        schedule->has_keys ? schedule->good_ms + schedule->timings.max_stale_ms : UINT64_MAX;
    return due_ms < end_ms ? due_ms : end_ms;
}

void key_schedule_begin(struct key_schedule *schedule)
{
    schedule->is_fetching = true;
    schedule->begun_count++;
}

/* Three quarters of the time to nine tenths of it: many of us do not come at once, and none too
 * late. */
static uint64_t before(uint64_t ms, uint32_t chance)
{
    return ms / 4 * 3 + ms * 3 / 20 * chance / KEY_CHANCE_MAX;
}

void key_schedule_succeed(struct key_schedule *schedule,
                          uint64_t now_ms,
                          int64_t fresh_sec,
                          uint32_t chance)
{
    const struct key_timings *const timings = &schedule->timings;
    uint64_t fresh_ms = fresh_sec < 0 ? timings->refresh_default_ms : (uint64_t)fresh_sec * 1000;
    fresh_ms = fresh_ms > timings->refresh_min_ms ? fresh_ms : timings->refresh_min_ms;
    fresh_ms = fresh_ms < timings->refresh_max_ms ? fresh_ms : timings->refresh_max_ms;
    /* Else they would be none for a while though their server is well. */
    fresh_ms = fresh_ms < timings->max_stale_ms ? fresh_ms : timings->max_stale_ms;
    schedule->is_fetching = false;
    schedule->has_keys = true;
    schedule->good_ms = now_ms;
    schedule->due_ms = now_ms + before(fresh_ms, chance);
}

void key_schedule_fail(struct key_schedule *schedule,
                       uint64_t now_ms,
                       uint64_t retry_after_sec,
                       uint32_t chance)
{
    const uint64_t asked_ms = retry_after_sec < KEY_RETRY_AFTER_MAX_MS / 1000
                                  ? retry_after_sec * 1000
                                  : KEY_RETRY_AFTER_MAX_MS;
    const uint64_t retry_ms = schedule->timings.retry_ms;
    const uint64_t own_ms = retry_ms + retry_ms / 2 * chance / KEY_CHANCE_MAX;
    schedule->is_fetching = false;
    schedule->due_ms = now_ms + (asked_ms > own_ms ? asked_ms : own_ms);
}

enum key_want_step key_schedule_want(struct key_schedule *schedule, uint64_t now_ms)
{
    if (schedule->has_wanted && now_ms - schedule->wanted_ms < schedule->timings.cool_down_ms) {
        return schedule->is_fetching ? KEY_WANT_STEP_JOIN : KEY_WANT_STEP_REFUSE;
    }
    schedule->has_wanted = true;
    schedule->wanted_ms = now_ms;
    key_schedule_begin(schedule);
    return KEY_WANT_STEP_BEGIN;
}
