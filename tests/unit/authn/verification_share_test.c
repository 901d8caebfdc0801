/* SPDX-License-Identifier: Apache-2.0 */
/* The share of a worker's time, by a clock that is moved by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "authn/verification_share.h"

#define MS INT64_C(1000000)

/* One verification of @cost_ns, if there may be one. */
static bool verify_as(struct verification_share *share,
                      struct manual_clock *time,
                      int64_t cost_ns,
                      bool is_good)
{
    if (!verification_share_begin(share)) {
        return false;
    }
    time->cpu_ns += cost_ns;
    time->monotonic_ns += cost_ns;
    verification_share_end(share, is_good);
    return true;
}

static bool verify(struct verification_share *share, struct manual_clock *time, int64_t cost_ns)
{
    return verify_as(share, time, cost_ns, true);
}

/* Of all verifications; those in vain have all of it. */
static void init(struct verification_share *share,
                 struct manual_clock *time,
                 unsigned percent,
                 int64_t burst_ns)
{
    const struct share_limit limit = { .percent = percent, .burst_ns = burst_ns };
    verification_share_init(share, clock_manual(time), limit, limit);
}

static void test_verification_share_burst_then_no_more(void **state)
{
    (void)state;
    struct manual_clock time = { .monotonic_ns = 7, .cpu_ns = 5 };
    struct verification_share share;
    init(&share, &time, 10, 10 * MS);
    for (int i = 0; i < 4; i++) {
        assert_true(verify(&share, &time, 3 * MS)); /* the last one overdraws it */
    }
    assert_false(verify(&share, &time, 3 * MS));
    time.monotonic_ns += 7 * MS;
    assert_false(verify(&share, &time, 3 * MS));
    time.monotonic_ns += 2 * MS;
    assert_true(verify(&share, &time, 3 * MS));
    assert_false(verify(&share, &time, 3 * MS));
}

/* Whatever the size of what is asked for: no more than the share is consumed in the long run. */
static void test_verification_share_is_kept_in_the_long_run(void **state)
{
    (void)state;
    static const int64_t costs_ns[] = { 17000, 64000, 533000, 20 * MS };
    for (size_t i = 0; i < COUNTOF(costs_ns); i++) {
        struct manual_clock time = { 0 };
        struct verification_share share;
        int64_t consumed_ns = 0;
        init(&share, &time, 30, 2 * MS);
        while (time.monotonic_ns < 10000 * MS) {
            if (verify(&share, &time, costs_ns[i])) {
                consumed_ns += costs_ns[i];
            }
            time.monotonic_ns += 10000; /* the next token */
        }
        assert_in_range(consumed_ns, 2900 * MS, 3002 * MS + costs_ns[i]);
    }
}

/* Other threads' turns are not paid for. */
static void test_verification_share_is_paid_in_processor_time(void **state)
{
    (void)state;
    struct manual_clock time = { 0 };
    struct verification_share share;
    init(&share, &time, 1, 1 * MS);
    assert_true(verification_share_begin(&share));
    time.monotonic_ns += 50 * MS;
    time.cpu_ns += MS / 2;
    verification_share_end(&share, true);
    assert_true(verification_share_begin(&share));
}

static void test_verification_share_after_a_long_night_is_a_burst(void **state)
{
    (void)state;
    struct manual_clock time = { 0 };
    struct verification_share share;
    init(&share, &time, 50, 2 * MS);
    assert_true(verify(&share, &time, 5000 * MS));
    assert_false(verify(&share, &time, 1)); /* half of what passed is not enough */
    time.monotonic_ns = INT64_MAX;
    assert_true(verify(&share, &time, 0));
    assert_int_equal(share.all.left_ns, 2 * MS);
}

/* What is good is not held to the small share, but nobody knows before what it will be. */
static void test_verification_share_in_vain_is_a_smaller_one(void **state)
{
    (void)state;
    struct manual_clock time = { 0 };
    struct verification_share share;
    const struct share_limit all = { .percent = 30, .burst_ns = 10 * MS };
    const struct share_limit vain = { .percent = 3, .burst_ns = 1 * MS };
    verification_share_init(&share, clock_manual(&time), all, vain);
    for (int i = 0; i < 3; i++) {
        assert_true(verify_as(&share, &time, 2 * MS, true));
    }
    assert_true(verify_as(&share, &time, 1 * MS, false));
    time.monotonic_ns += 1 * MS;
    assert_true(verify_as(&share, &time, 1 * MS, false)); /* as much as has come since */
    assert_false(verify_as(&share, &time, 1 * MS, true));
    time.monotonic_ns += 40 * MS; /* of which 3 % pay for what was overdrawn */
    assert_true(verify_as(&share, &time, 1 * MS, true));
    const int64_t until_ns = time.monotonic_ns + 10000 * MS;
    int64_t consumed_ns = 0;
    while (time.monotonic_ns < until_ns) {
        consumed_ns += verify_as(&share, &time, MS / 2, false) ? MS / 2 : 0;
        time.monotonic_ns += MS / 10; /* the next token */
    }
    assert_in_range(consumed_ns, 290 * MS, 303 * MS);
}

static void test_verification_share_without_one_there_is_no_bound(void **state)
{
    (void)state;
    assert_true(verification_share_begin(NULL));
    verification_share_end(NULL, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verification_share_burst_then_no_more),
        cmocka_unit_test(test_verification_share_is_kept_in_the_long_run),
        cmocka_unit_test(test_verification_share_is_paid_in_processor_time),
        cmocka_unit_test(test_verification_share_after_a_long_night_is_a_burst),
        cmocka_unit_test(test_verification_share_in_vain_is_a_smaller_one),
        cmocka_unit_test(test_verification_share_without_one_there_is_no_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
