/* SPDX-License-Identifier: Apache-2.0 */
/* Counting HTTP answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/metrics.h"

static void test_metrics_count_http_knows_its_codes(void **state)
{
    (void)state;
    static struct worker_metrics metrics; /* aligned, as a stack need not be */
#define X(code) metrics_count_http(&metrics, code);
    HTTP_CODE_TABLE(X)
#undef X
    metrics_count_http(&metrics, 0);
    metrics_count_http(&metrics, 418);
    for (size_t i = 0; i < HTTP_CODE_COUNT_; i++) {
        assert_int_equal(metrics.http_codes[i], i == HTTP_CODE_OTHER ? 2 : 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_count_http_knows_its_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
