/* SPDX-License-Identifier: Apache-2.0 */
/* The clockwork by rows, and against a model that only remembers what happened when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "keys/key_schedule.h"

#define START_MS 1000000

static const struct key_timings defaults;

static struct key_schedule schedule_after_success(int64_t fresh_sec, uint32_t chance)
{
    struct key_schedule schedule;
    key_schedule_init(&schedule, &defaults, START_MS);
    key_schedule_begin(&schedule);
    key_schedule_succeed(&schedule, START_MS, fresh_sec, chance);
    return schedule;
}

static void test_key_schedule_begins_at_once(void **state)
{
    (void)state;
    struct key_schedule schedule;
    key_schedule_init(&schedule, &defaults, START_MS);
    assert_true(key_schedule_is_due(&schedule, START_MS));
    assert_int_equal(key_schedule_wake_ms(&schedule), START_MS);
    assert_false(key_schedule_expire(&schedule, UINT64_MAX)); /* there is nothing yet */
    key_schedule_begin(&schedule);
    assert_false(key_schedule_is_due(&schedule, UINT64_MAX));
    assert_int_equal(key_schedule_wake_ms(&schedule), UINT64_MAX);
}

static void test_key_schedule_refresh_rows(void **state)
{
    (void)state;
    static const struct {
        int64_t fresh_sec;
        uint32_t chance;
        uint64_t want_ms;
    } rows[] = {
        { 3600, 0, 2700000 }, /* Kubernetes: an hour */
        { 3600, KEY_CHANCE_MAX, 3240000 },
        { 600, 500, 495000 },
        { -1, 0, 450000 }, /* nothing was said */
        { 0, 0, 225000 },  /* no-cache */
        { 299, KEY_CHANCE_MAX, 270000 },
        { 3601, 0, 2700000 },
        { INT64_MAX / 1000, 0, 2700000 },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct key_schedule schedule =
            schedule_after_success(rows[i].fresh_sec, rows[i].chance);
        assert_int_equal(key_schedule_wake_ms(&schedule), START_MS + rows[i].want_ms);
        assert_false(key_schedule_is_due(&schedule, START_MS + rows[i].want_ms - 1));
        assert_true(key_schedule_is_due(&schedule, START_MS + rows[i].want_ms));
    }
}

static void test_key_schedule_retry_rows(void **state)
{
    (void)state;
    static const struct {
        uint64_t retry_after_sec;
        uint32_t chance;
        uint64_t want_ms;
    } rows[] = {
        { 0, 0, 10000 },           { 0, KEY_CHANCE_MAX, 15000 }, { 5, 0, 10000 },
        { 60, 0, 60000 },          { 300, 0, 300000 },           { 301, 0, 300000 },
        { UINT64_MAX, 0, 300000 },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct key_schedule schedule = schedule_after_success(3600, 0);
        key_schedule_begin(&schedule);
        key_schedule_fail(&schedule, START_MS + 1, rows[i].retry_after_sec, rows[i].chance);
        assert_int_equal(key_schedule_wake_ms(&schedule), START_MS + 1 + rows[i].want_ms);
        assert_true(schedule.has_keys);
    }
}

static void test_key_schedule_stale_keys_end_once(void **state)
{
    (void)state;
    struct key_schedule schedule = schedule_after_success(3600, 0);
    key_schedule_begin(&schedule);
    assert_int_equal(key_schedule_wake_ms(&schedule), START_MS + KEY_MAX_STALE_MS);
    assert_false(key_schedule_expire(&schedule, START_MS + KEY_MAX_STALE_MS - 1));
    assert_true(schedule.has_keys);
    assert_true(key_schedule_expire(&schedule, START_MS + KEY_MAX_STALE_MS));
    assert_false(schedule.has_keys);
    assert_false(key_schedule_expire(&schedule, START_MS + KEY_MAX_STALE_MS));
    key_schedule_succeed(&schedule, START_MS + KEY_MAX_STALE_MS, -1, 0);
    assert_true(schedule.has_keys);
}

/* Keys that may not be older than a minute are fetched more than once a minute. */
static void test_key_schedule_short_staleness_is_refreshed_before(void **state)
{
    (void)state;
    const struct key_timings timings = { .max_stale_ms = 60000 };
    struct key_schedule schedule;
    key_schedule_init(&schedule, &timings, START_MS);
    key_schedule_begin(&schedule);
    key_schedule_succeed(&schedule, START_MS, 3600, KEY_CHANCE_MAX);
    assert_int_equal(key_schedule_wake_ms(&schedule), START_MS + 54000);
}

static void test_key_schedule_one_wanted_fetch_per_cool_down(void **state)
{
    (void)state;
    struct key_schedule schedule = schedule_after_success(3600, 0);
    assert_int_equal(key_schedule_want(&schedule, START_MS), KEY_WANT_STEP_BEGIN);
    assert_int_equal(key_schedule_want(&schedule, START_MS), KEY_WANT_STEP_JOIN);
    assert_int_equal(schedule.begun_count, 2);
    key_schedule_succeed(&schedule, START_MS + 50, 3600, 0);
    assert_int_equal(key_schedule_want(&schedule, START_MS + 50), KEY_WANT_STEP_REFUSE);
    assert_int_equal(key_schedule_want(&schedule, START_MS + KEY_COOL_DOWN_MS - 1),
                     KEY_WANT_STEP_REFUSE);
    assert_int_equal(key_schedule_want(&schedule, START_MS + KEY_COOL_DOWN_MS),
                     KEY_WANT_STEP_BEGIN);
    assert_int_equal(schedule.begun_count, 3);
}

/* What began before cannot tell, so it is begun anew; and does not cool anything down itself. */
static void test_key_schedule_want_replaces_a_fetch_that_was_due(void **state)
{
    (void)state;
    struct key_schedule schedule;
    key_schedule_init(&schedule, &defaults, START_MS);
    key_schedule_begin(&schedule);
    assert_int_equal(key_schedule_want(&schedule, START_MS), KEY_WANT_STEP_BEGIN);
    assert_int_equal(schedule.begun_count, 2);
    assert_true(schedule.is_fetching);
}

/* Random lives. The model: lists of what happened, asked anew each time. */

struct model {
    bool has_success;
    uint64_t success_ms;
    uint64_t fresh_ms; /* bounded, of that */
    bool has_want;
    uint64_t want_ms;
    bool is_fetching;
    bool was_failure; /* what ended last */
    uint64_t ended_ms;
    uint64_t asked_ms;
    bool is_taken_back; /* expiry has been told since the success */
};

static uint64_t bounded(uint64_t value, uint64_t least, uint64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static void check_due(const struct key_schedule *schedule, const struct model *model)
{
    const struct key_timings *const timings = &schedule->timings;
    const uint64_t wait_ms = schedule->due_ms - model->ended_ms;
    if (!model->ended_ms || model->is_fetching) {
        return;
    }
    if (model->was_failure) {
        const uint64_t least = bounded(model->asked_ms, timings->retry_ms, UINT64_MAX);
        assert_in_range(wait_ms, least, bounded(least, timings->retry_ms * 3 / 2, UINT64_MAX));
    } else {
        assert_in_range(wait_ms, model->fresh_ms / 4 * 3, model->fresh_ms * 9 / 10);
    }
}

static void check(struct key_schedule *schedule, struct model *model, uint64_t now_ms)
{
    const uint64_t stale_ms = model->success_ms + schedule->timings.max_stale_ms;
    const bool has_keys = model->has_success && now_ms < stale_ms;
    const bool is_news = model->has_success && !has_keys && !model->is_taken_back;
    assert_int_equal(key_schedule_expire(schedule, now_ms), is_news);
    model->is_taken_back |= is_news;
    assert_int_equal(schedule->has_keys, has_keys);
    assert_int_equal(schedule->is_fetching, model->is_fetching);
    assert_int_equal(key_schedule_is_due(schedule, now_ms),
                     !model->is_fetching && now_ms >= schedule->due_ms);
    check_due(schedule, model);
    /* Whoever sleeps until the wake misses nothing. */
    const uint64_t wake_ms = key_schedule_wake_ms(schedule);
    assert_int_equal(wake_ms <= now_ms, key_schedule_is_due(schedule, now_ms));
    assert_true(!has_keys || wake_ms <= stale_ms);
}

static void end_fetch(struct key_schedule *schedule, struct model *model, uint64_t now_ms)
{
    const struct key_timings *const timings = &schedule->timings;
    const uint32_t chance = (uint32_t)(rand() % (KEY_CHANCE_MAX + 1));
    model->is_fetching = false;
    model->ended_ms = now_ms;
    model->was_failure = rand() % 2;
    if (model->was_failure) {
        const uint64_t retry_after_sec = (uint64_t)(rand() % 3) * (uint64_t)(rand() % 500);
        model->asked_ms = bounded(retry_after_sec * 1000, 0, KEY_RETRY_AFTER_MAX_MS);
        key_schedule_fail(schedule, now_ms, retry_after_sec, chance);
        return;
    }
    const int64_t fresh_sec = rand() % 8000 - 1;
    const uint64_t told_ms =
        fresh_sec < 0 ? timings->refresh_default_ms : (uint64_t)fresh_sec * 1000;
    model->fresh_ms = bounded(bounded(told_ms, timings->refresh_min_ms, timings->refresh_max_ms), 0,
                              timings->max_stale_ms);
    model->has_success = true;
    model->success_ms = now_ms;
    model->is_taken_back = false;
    key_schedule_succeed(schedule, now_ms, fresh_sec, chance);
}

static void want(struct key_schedule *schedule, struct model *model, uint64_t now_ms)
{
    const bool is_cool =
        !model->has_want || now_ms >= model->want_ms + schedule->timings.cool_down_ms;
    const uint64_t begun_before = schedule->begun_count;
    const enum key_want_step step = key_schedule_want(schedule, now_ms);
    assert_int_equal(step, is_cool              ? KEY_WANT_STEP_BEGIN
                           : model->is_fetching ? KEY_WANT_STEP_JOIN
                                                : KEY_WANT_STEP_REFUSE);
    assert_int_equal(schedule->begun_count, begun_before + is_cool);
    if (is_cool) {
        model->has_want = true;
        model->want_ms = now_ms;
        model->is_fetching = true;
    }
}

static void live(const struct key_timings *timings)
{
    struct key_schedule schedule;
    struct model model = { 0 };
    uint64_t now_ms = START_MS;
    key_schedule_init(&schedule, timings, now_ms);
    for (unsigned i = 0; i < 300; i++) {
        now_ms += rand() % 3 ? (uint64_t)(rand() % 5000) : (uint64_t)(rand() % 4000000);
        check(&schedule, &model, now_ms);
        const int what = rand() % 3;
        if (what == 0) {
            want(&schedule, &model, now_ms);
        } else if (model.is_fetching) {
            end_fetch(&schedule, &model, now_ms);
        } else if (key_schedule_is_due(&schedule, now_ms)) {
            key_schedule_begin(&schedule);
            model.is_fetching = true;
        }
        check(&schedule, &model, now_ms);
    }
}

static void test_key_schedule_random_lives_are_those_of_the_model(void **state)
{
    (void)state;
    const struct key_timings short_ones = { .max_stale_ms = 2000000, .cool_down_ms = 100000 };
    srand(7);
    for (unsigned i = 0; i < 500; i++) {
        live(&defaults);
        live(&short_ones);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_schedule_begins_at_once),
        cmocka_unit_test(test_key_schedule_refresh_rows),
        cmocka_unit_test(test_key_schedule_retry_rows),
        cmocka_unit_test(test_key_schedule_stale_keys_end_once),
        cmocka_unit_test(test_key_schedule_short_staleness_is_refreshed_before),
        cmocka_unit_test(test_key_schedule_one_wanted_fetch_per_cool_down),
        cmocka_unit_test(test_key_schedule_want_replaces_a_fetch_that_was_due),
        cmocka_unit_test(test_key_schedule_random_lives_are_those_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
