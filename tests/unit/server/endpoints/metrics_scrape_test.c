/* SPDX-License-Identifier: Apache-2.0 */
/* Shards added up. What the page looks like: metrics_page_test.c. */
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

static void test_metrics_build_adds_shards_up(void **state)
{
    (void)state;
    struct worker_metrics *shards = aligned_alloc(64, 2 * sizeof(*shards));
    struct review_metrics *reviews = aligned_alloc(64, 2 * sizeof(*reviews));
    assert_non_null(shards);
    assert_non_null(reviews);
    memset(shards, 0, 2 * sizeof(*shards));
    memset(reviews, 0, 2 * sizeof(*reviews));
    const struct decision allow = { .result = DECISION_ALLOW,
                                    .authenticator = AUTHENTICATOR_BOOTSTRAP };
    const struct decision deny = { .why = ST_TOKEN_EMPTY };
    review_metrics_count(&reviews[0], &allow, 6000);
    review_metrics_count(&reviews[1], &allow, 7000);
    review_metrics_count(&reviews[1], &deny, 1000);
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
    const struct review_metrics *const review_list[] = { &reviews[0], &reviews[1] };
    const struct metrics_sources sources = { .shards = list,
                                             .review_shards = review_list,
                                             .shard_count = 2 };
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
    free(reviews);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_build_adds_shards_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
