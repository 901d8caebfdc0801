/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the wall clock: what is one, and what only looks like it. No clock of the machine is
 * touched. */
#include "io/clock_step.h"
#include "support/file_kit.h"

#define READINGS_MAX 8
#define NS_PER_SEC   INT64_C(1000000000)
#define NS_PER_MS    INT64_C(1000000)

struct told {
    struct file_kit kit;
    struct manual_clock manual;
    struct clock_step *step;
    int64_t steps_ms[READINGS_MAX];
    size_t count;
};

static void note_step(void *ctx, int64_t step_ms)
{
    struct told *told = ctx;
    assert_in_range(told->count, 0, READINGS_MAX - 1);
    told->steps_ms[told->count++] = step_ms;
}

/* What goes by between two readings, for each clock by itself. */
struct passing {
    int64_t wall_ms;
    int64_t boot_ms;
    int64_t monotonic_ms;
};

static void pass(struct manual_clock *manual, struct passing passing)
{
    const int64_t nsec = manual->wall.nsec + passing.wall_ms % 1000 * NS_PER_MS + NS_PER_SEC;
    manual->wall.sec += passing.wall_ms / 1000 + nsec / NS_PER_SEC - 1;
    manual->wall.nsec = (int32_t)(nsec % NS_PER_SEC);
    manual->boot_ns += passing.boot_ms * NS_PER_MS;
    manual->monotonic_ns += passing.monotonic_ms * NS_PER_MS;
}

static const struct {
    const char *name;
    struct passing passing[READINGS_MAX]; /* all-zero: the last */
    int64_t want_ms[READINGS_MAX];        /* 0: the last */
} rows[] = {
    { "time goes by", { { 10000, 10000, 10000 }, { 10000, 10000, 10000 } }, { 0 } },
    { "set back by an hour", { { -3590000, 10000, 10000 } }, { -3600000 } },
    { "set forward by an hour", { { 3610000, 10000, 10000 } }, { 3600000 } },
    { "to 1970 and back",
      { { -1780000000000, 10000, 10000 }, { 1780000000000, 10000, 10000 } },
      { -1780000010000, 1779999990000 } },
    { "a step is told once",
      { { -50000, 10000, 10000 }, { 10000, 10000, 10000 }, { 10000, 10000, 10000 } },
      { -60000 } },
    { "just a step back", { { 8000, 10000, 10000 } }, { -2000 } },
    { "just none back", { { 8001, 10000, 10000 } }, { 0 } },
    { "just a step forward", { { 12000, 10000, 10000 } }, { 2000 } },
    { "just none forward", { { 11999, 10000, 10000 } }, { 0 } },
    { "a leap second", { { 9000, 10000, 10000 }, { 10000, 10000, 10000 } }, { 0 } },
    { "many small ones are one",
      { { 9000, 10000, 10000 }, { 9000, 10000, 10000 }, { 10000, 10000, 10000 } },
      { -2000 } },
    { "there and back is none",
      { { 8500, 10000, 10000 }, { 11500, 10000, 10000 }, { 8500, 10000, 10000 } },
      { 0 } },
    { "slewed fast: all clocks are", /* 500 ppm for two days */
      { { 172886400, 172886400, 172886400 } },
      { 0 } },
    { "slewed slowly: all clocks are", { { 172713600, 172713600, 172713600 } }, { 0 } },
    { "a night's sleep", { { 28800000, 28800000, 3 }, { 10000, 10000, 10000 } }, { 0 } },
    { "set back within a night's sleep", { { 25200000, 28800000, 3 } }, { -3600000 } },
};

static void begin(struct told *told)
{
    *told = (struct told){ 0 };
    kit_init(&told->kit);
    told->manual = (struct manual_clock){ .wall = { 1780000000, 123456789 },
                                          .monotonic_ns = 5 * NS_PER_SEC,
                                          .boot_ns = 77 * NS_PER_SEC };
}

static void start(struct told *told, struct clock clock, uint64_t interval_ms)
{
    assert_int_equal(
        clock_step_new(told->kit.loop, clock, interval_ms, note_step, told, &told->step), ST_OK);
}

static void finish(struct told *told)
{
    told->step = clock_step_free(told->step);
    assert_null(told->step);
    kit_fini(&told->kit);
}

static void expect_stats(const struct told *told, uint64_t forward, uint64_t backward)
{
    struct clock_step_stats stats;
    clock_step_stats(told->step, &stats);
    assert_int_equal(stats.forward, forward);
    assert_int_equal(stats.backward, backward);
}

static void test_clock_step_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct told told;
        uint64_t forward = 0;
        uint64_t backward = 0;
        print_message("# %s\n", rows[i].name);
        begin(&told);
        start(&told, clock_manual(&told.manual), CLOCK_STEP_INTERVAL_MS);
        for (size_t j = 0; j < READINGS_MAX && rows[i].passing[j].boot_ms; j++) {
            pass(&told.manual, rows[i].passing[j]);
            clock_step_check(told.step);
        }
        for (size_t j = 0; j < READINGS_MAX && rows[i].want_ms[j]; j++) {
            assert_int_equal(told.steps_ms[j], rows[i].want_ms[j]);
            forward += rows[i].want_ms[j] > 0;
            backward += rows[i].want_ms[j] < 0;
        }
        assert_int_equal(told.count, forward + backward);
        expect_stats(&told, forward, backward);
        finish(&told);
    }
}

/* --- readings that are no pair --- */

struct stalling_clock {
    struct manual_clock manual; /* first: what clock_manual() reads */
    int64_t stall_ms;           /* between the reading of the wall clock and the next */
};

static struct instant stall_after_reading(void *ctx)
{
    struct stalling_clock *stalling = ctx;
    const struct instant now = stalling->manual.wall;
    pass(&stalling->manual,
         (struct passing){ stalling->stall_ms, stalling->stall_ms, stalling->stall_ms });
    return now;
}

static void test_clock_step_a_reading_that_was_interrupted_says_nothing(void **state)
{
    (void)state;
    struct told told;
    struct stalling_clock stalling;
    begin(&told);
    stalling = (struct stalling_clock){ .manual = told.manual };
    struct clock clock = clock_manual(&stalling.manual);
    clock.now = stall_after_reading;
    start(&told, clock, CLOCK_STEP_INTERVAL_MS);
    stalling.manual.wall.sec -= 3600;
    stalling.stall_ms = CLOCK_STEP_READ_MAX_MS + 1;
    clock_step_check(told.step);
    assert_int_equal(told.count, 0);
    stalling.stall_ms = CLOCK_STEP_READ_MAX_MS;
    clock_step_check(told.step); /* and the next one has it */
    assert_int_equal(told.count, 1);
    assert_int_equal(told.steps_ms[0], -3600000);
    finish(&told);
}

/* --- on the loop --- */

static bool has_told(void *ctx)
{
    return ((const struct told *)ctx)->count > 0;
}

static void test_clock_step_is_noticed_on_the_loop(void **state)
{
    (void)state;
    struct told told;
    begin(&told);
    start(&told, clock_manual(&told.manual), 1);
    told.manual.wall.sec -= 60;
    assert_true(kit_run_until(&told.kit, has_told, &told, FILE_KIT_DEADLINE_MS));
    assert_int_equal(told.steps_ms[0], -60000);
    expect_stats(&told, 0, 1);
    finish(&told);
}

static void test_clock_step_free_nothing(void **state)
{
    (void)state;
    assert_null(clock_step_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_step_rows),
        cmocka_unit_test(test_clock_step_a_reading_that_was_interrupted_says_nothing),
        cmocka_unit_test(test_clock_step_is_noticed_on_the_loop),
        cmocka_unit_test(test_clock_step_free_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
