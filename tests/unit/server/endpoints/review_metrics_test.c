/* SPDX-License-Identifier: Apache-2.0 */
/* Counting answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/endpoints/review_metrics.h"

static void test_review_metrics_count_falls_into_its_bucket(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t duration_ns;
        size_t bucket;
    } rows[] = {
        { "a clock that went back", -1, 0 },
        { "nothing", 0, 0 },
        { "exactly the first bound", 5000, 0 }, /* le: less or equal */
        { "just above it", 5001, 1 },
        { "exactly the second bound", 10000, 1 },
        { "exactly a millisecond", 1000000, 7 },
        { "exactly the last bound", 1000000000, 12 },
        { "above the last bound", 1000000001, 13 },
        { "far above", INT64_MAX, 13 },
    };
    static const struct decision decision = { .result = DECISION_DENY,
                                              .why = ST_TOKEN_EXPIRED,
                                              .authenticator = AUTHENTICATOR_BOOTSTRAP };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct review_metrics *metrics = aligned_alloc(64, sizeof(*metrics));
        assert_non_null(metrics);
        memset(metrics, 0, sizeof(*metrics));
        review_metrics_count(metrics, &decision, rows[i].duration_ns);
        for (size_t bucket = 0; bucket <= DURATION_BOUND_COUNT; bucket++) {
            if (metrics->durations[bucket] != (bucket == rows[i].bucket)) {
                fail_msg("%s: bucket %zu", rows[i].name, bucket);
            }
        }
        assert_int_equal(metrics->duration_sum_ns,
                         rows[i].duration_ns < 0 ? 0 : (uint64_t)rows[i].duration_ns);
        assert_int_equal(metrics->reviews[AUTHENTICATOR_BOOTSTRAP][DECISION_DENY][ST_TOKEN_EXPIRED],
                         1);
        free(metrics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_review_metrics_count_falls_into_its_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
