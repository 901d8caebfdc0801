/* SPDX-License-Identifier: Apache-2.0 */
/* Backoff: bounds of each step, and that there is chance in it. No clock is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/backoff.h"

#define TRIES 200 /* that all of them are the same by chance: 50^-199 */

static void assert_steps(const uint64_t *most, size_t count, bool is_away)
{
    for (unsigned i = 0; i < TRIES; i++) {
        struct backoff backoff = { 0 };
        for (size_t j = 0; j < count; j++) {
            assert_in_range(backoff_next_ms(&backoff, is_away, 0), most[j] / 2, most[j]);
        }
    }
}

static void test_backoff_doubles_up_to_its_end(void **state)
{
    (void)state;
    static const uint64_t most[] = { 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000 };
    assert_steps(most, COUNTOF(most), true);
    assert_steps(most, COUNTOF(most), false);
    struct backoff backoff = { .failures = 4000000000u };
    assert_in_range(backoff_next_ms(&backoff, true, 0), BACKOFF_MAX_MS / 2, BACKOFF_MAX_MS);
}

static void test_backoff_has_jitter(void **state)
{
    (void)state;
    static const uint64_t retry_after_sec[] = { 0, 1 };
    for (size_t i = 0; i < COUNTOF(retry_after_sec); i++) {
        uint64_t least = UINT64_MAX;
        uint64_t most = 0;
        for (unsigned j = 0; j < TRIES; j++) {
            struct backoff backoff = { 0 };
            const uint64_t ms = backoff_next_ms(&backoff, false, retry_after_sec[i]);
            least = ms < least ? ms : least;
            most = ms > most ? ms : most;
        }
        assert_true(least < most);
    }
}

static void test_backoff_waits_as_long_as_it_is_asked_to(void **state)
{
    (void)state;
    static const struct {
        unsigned failures;
        uint64_t retry_after_sec;
        uint64_t least_ms;
        uint64_t most_ms;
    } rows[] = {
        { 0, 1, 1000, 1100 },
        { 0, 30, 30000, 33000 },
        { 8, 1, 5000, 10000 }, /* our own is longer */
        { 0, BACKOFF_RETRY_AFTER_MAX_SEC, 300000, 330000 },
        { 0, BACKOFF_RETRY_AFTER_MAX_SEC + 1, 300000, 330000 },
        { 0, UINT64_MAX, 300000, 330000 },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        for (unsigned j = 0; j < TRIES; j++) {
            struct backoff backoff = { .failures = rows[i].failures };
            assert_in_range(backoff_next_ms(&backoff, false, rows[i].retry_after_sec),
                            rows[i].least_ms, rows[i].most_ms);
        }
    }
}

static void test_backoff_is_short_when_the_server_is_back(void **state)
{
    (void)state;
    struct backoff backoff = { 0 };
    for (unsigned i = 0; i < 10; i++) {
        assert_in_range(backoff_next_ms(&backoff, true, 0), 50, 10000); /* away */
    }
    assert_in_range(backoff_next_ms(&backoff, false, 0), 200, 400); /* the first answer */
    assert_in_range(backoff_next_ms(&backoff, false, 0), 400, 800); /* further ones are failures */
    assert_in_range(backoff_next_ms(&backoff, true, 0), 800, 1600); /* away again */
    assert_in_range(backoff_next_ms(&backoff, false, 0), 200, 400);
    struct backoff young = { .failures = 1, .was_away = true };
    assert_in_range(backoff_next_ms(&young, false, 0), 100, 200); /* never longer for it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_doubles_up_to_its_end),
        cmocka_unit_test(test_backoff_has_jitter),
        cmocka_unit_test(test_backoff_waits_as_long_as_it_is_asked_to),
        cmocka_unit_test(test_backoff_is_short_when_the_server_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
