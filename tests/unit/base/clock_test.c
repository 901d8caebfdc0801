/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks: the order of instants, the settable clock, and that the system's is the system's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static const struct {
    const char *name;
    struct instant a;
    struct instant b;
    int want; /* sign */
} rows[] = {
    { "equal", { 5, 7 }, { 5, 7 }, 0 },
    { "a nanosecond earlier", { 5, 6 }, { 5, 7 }, -1 },
    { "a nanosecond later", { 5, 8 }, { 5, 7 }, 1 },
    { "seconds count before nanoseconds", { 4, 999999999 }, { 5, 0 }, -1 },
    { "and the other way round", { 5, 0 }, { 4, 999999999 }, 1 },
    { "before 1970", { -1, 0 }, { 0, 0 }, -1 },
    { "the whole range does not wrap", { INT64_MIN, 0 }, { INT64_MAX, 0 }, -1 },
    { "nor does it backwards", { INT64_MAX, 0 }, { INT64_MIN, 0 }, 1 },
};

static void test_instant_compare_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const int got = instant_compare(rows[i].a, rows[i].b);
        if ((got > 0) - (got < 0) != rows[i].want) {
            fail_msg("%s: got %d", rows[i].name, got);
        }
    }
}

static void test_clock_manual_stands_still_until_moved(void **state)
{
    (void)state;
    struct manual_clock manual = {
        .wall = { 100, 5 }, .monotonic_ns = 42, .boot_ns = 7, .cpu_ns = 3
    };
    const struct clock clock = clock_manual(&manual);
    assert_int_equal(instant_compare(clock_now(&clock), (struct instant){ 100, 5 }), 0);
    assert_int_equal(instant_compare(clock_now(&clock), (struct instant){ 100, 5 }), 0);
    assert_int_equal(clock_monotonic_ns(&clock), 42);
    assert_int_equal(clock_boot_ns(&clock), 7);
    assert_int_equal(clock_cpu_ns(&clock), 3);
    manual.wall.sec = -3;
    manual.monotonic_ns = 43;
    assert_int_equal(instant_compare(clock_now(&clock), (struct instant){ -3, 5 }), 0);
    assert_int_equal(clock_monotonic_ns(&clock), 43);
}

static struct instant wall(void)
{
    struct timespec ts;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &ts), 0);
    return (struct instant){ .sec = ts.tv_sec, .nsec = (int32_t)ts.tv_nsec };
}

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;
    assert_int_equal(clock_gettime(id, &ts), 0);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void test_clock_system_lies_between_two_readings(void **state)
{
    (void)state;
    const struct clock clock = clock_system();
    const struct instant before = wall();
    const struct instant now = clock_now(&clock);
    const struct instant after = wall();
    assert_true(instant_compare(before, now) <= 0);
    assert_true(instant_compare(now, after) <= 0);
    assert_in_range(now.nsec, 0, 999999999);

    const int64_t before_ns = read_ns(CLOCK_MONOTONIC);
    const int64_t now_ns = clock_monotonic_ns(&clock);
    const int64_t after_ns = read_ns(CLOCK_MONOTONIC);
    assert_true(before_ns <= now_ns);
    assert_true(now_ns <= after_ns);

    const int64_t before_boot_ns = read_ns(CLOCK_BOOTTIME);
    const int64_t boot_ns = clock_boot_ns(&clock);
    const int64_t after_boot_ns = read_ns(CLOCK_BOOTTIME);
    assert_true(before_boot_ns <= boot_ns);
    assert_true(boot_ns <= after_boot_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instant_compare_rows),
        cmocka_unit_test(test_clock_manual_stands_still_until_moved),
        cmocka_unit_test(test_clock_system_lies_between_two_readings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
