/* SPDX-License-Identifier: Apache-2.0 */
/* Counting into shards, and adding them up. What the page looks like: metrics_page_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/version.h"
#include "server/endpoints/metrics_scrape.h"
#include "server/http/metrics.h"

static void assert_line(const struct buf *page, const char *line)
{
    char whole[256];
    snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (!strstr(page->at, whole)) {
        fail_msg("no line %s in%s", line, page->at);
    }
}

static void test_metrics_review_falls_into_its_bucket(void **state)
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
        struct worker_metrics *metrics = aligned_alloc(64, sizeof(*metrics));
        assert_non_null(metrics);
        memset(metrics, 0, sizeof(*metrics));
        metrics_count_review(metrics, &decision, rows[i].duration_ns);
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

static void test_metrics_build_adds_shards_up(void **state)
{
    (void)state;
    struct worker_metrics *shards = aligned_alloc(64, 2 * sizeof(*shards));
    assert_non_null(shards);
    memset(shards, 0, 2 * sizeof(*shards));
    const struct decision allow = { .result = DECISION_ALLOW,
                                    .authenticator = AUTHENTICATOR_BOOTSTRAP };
    const struct decision deny = { .why = ST_TOKEN_EMPTY };
    metrics_count_review(&shards[0], &allow, 6000);
    metrics_count_review(&shards[1], &allow, 7000);
    metrics_count_review(&shards[1], &deny, 1000);
    metrics_count_http(&shards[0], 200);
    metrics_count_http(&shards[1], 200);
    metrics_count_http(&shards[1], 413);
    metrics_count_http(&shards[0], 418);
    metrics_count_http(&shards[0], 0);
    metrics_add(&shards[0].counters[COUNT_CONNECTIONS_ACCEPTED], 5);
    metrics_add(&shards[1].counters[COUNT_CONNECTIONS_ACCEPTED], 2);
    metrics_add(&shards[1].counters[COUNT_CONNECTIONS_CLOSED], 3);
    metrics_add(&shards[1].counters[COUNT_LOG_DROPPED], 9);

    const struct worker_metrics *const list[] = { &shards[0], &shards[1] };
    const struct metrics_sources sources = { .shards = list, .shard_count = 2 };
    struct buf page = { 0 };
    buf_append_char(&page, '\n');
    metrics_build(&page, &sources);
    buf_append_char(&page, '\0');
    assert_false(page.failed);
    assert_line(&page, "kube_bearer_token_reviews_total{authenticator=\"bootstrap\","
                       "result=\"allow\",reason=\"ok\"} 2");
    assert_line(&page, "kube_bearer_token_reviews_total{authenticator=\"none\","
                       "result=\"deny\",reason=\"empty_token\"} 1");
    assert_line(&page, "kube_bearer_token_review_duration_seconds_bucket{le=\"0.000005\"} 1");
    assert_line(&page, "kube_bearer_token_review_duration_seconds_bucket{le=\"0.00001\"} 3");
    assert_line(&page, "kube_bearer_token_review_duration_seconds_sum 0.000014");
    assert_line(&page, "kube_bearer_token_review_duration_seconds_count 3");
    assert_line(&page, "kube_bearer_http_requests_total{code=\"200\"} 2");
    assert_line(&page, "kube_bearer_http_requests_total{code=\"413\"} 1");
    assert_line(&page, "kube_bearer_http_requests_total{code=\"other\"} 2");
    assert_line(&page, "kube_bearer_connections 4");
    assert_line(&page, "kube_bearer_log_lines_dropped_total 9");
    char build[64];
    snprintf(build, sizeof(build), "\nkube_bearer_build_info{version=\"%s\",", version_number());
    assert_non_null(strstr(page.at, build));
    assert_non_null(strstr(page.at, "\nprocess_resident_memory_bytes "));
    assert_null(strstr(page.at, "\nkube_bearer_store_files "));
    buf_fini(&page);
    free(shards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_review_falls_into_its_bucket),
        cmocka_unit_test(test_metrics_build_adds_shards_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
