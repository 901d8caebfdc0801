/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/http/freshness.h"

static const struct {
    const char *name;
    const char *cache_control[3];
    const char *age;
    int64_t want; /* negative: not told */
} rows[] = {
    { "nothing", { NULL }, NULL, -1 },
    { "empty", { "" }, NULL, -1 },
    { "another directive", { "public, must-revalidate" }, NULL, -1 },
    { "Kubernetes", { "public, max-age=3600" }, NULL, 3600 },
    { "in quotes", { "max-age=\"60\"" }, NULL, 60 },
    { "case", { "Max-AGE=60" }, NULL, 60 },
    { "blanks and empty elements", { " ,,\tmax-age=60 , " }, NULL, 60 },
    { "two of them", { "max-age=60, max-age=30" }, NULL, 30 },
    { "two fields", { "max-age=30", "max-age=60" }, NULL, 30 },
    { "Keycloak", { "no-cache" }, NULL, 0 },
    { "no-store", { "no-store, max-age=60" }, NULL, 0 },
    { "no-cache of some fields", { "no-cache=\"Set-Cookie\", max-age=60" }, NULL, 0 },
    { "shared caches only", { "s-maxage=60" }, NULL, -1 },
    { "inside of a quoted string", { "x=\"a, max-age=1\", max-age=60" }, NULL, 60 },
    { "behind an escaped quote", { "x=\"\\\", max-age=1\", max-age=60" }, NULL, 60 },
    { "a quoted string without end", { "x=\"a, max-age=60" }, NULL, -1 },
    { "a longer name", { "xmax-age=60, max-agee=60" }, NULL, -1 },
    { "no value", { "max-age" }, NULL, 0 },
    { "an empty value", { "max-age=" }, NULL, 0 },
    { "a negative value", { "max-age=-1" }, NULL, 0 },
    { "no number", { "max-age=60s" }, NULL, 0 },
    { "a huge number", { "max-age=99999999999999999999999" }, NULL, INT32_MAX },
    { "some of it spent", { "max-age=60" }, "45", 15 },
    { "all of it spent", { "max-age=60" }, " 60 ", 0 },
    { "more than all of it spent", { "max-age=60" }, "99999999999999999999999", 0 },
    { "an age that is none", { "max-age=60" }, "x", 60 },
    { "an age alone", { NULL }, "45", -1 },
};

static void test_http_freshness_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct http_freshness freshness = { 0 };
        for (size_t k = 0; rows[i].cache_control[k]; k++) {
            http_freshness_add(&freshness, span_of(rows[i].cache_control[k]));
        }
        if (rows[i].age) {
            http_freshness_add_age(&freshness, span_of(rows[i].age));
        }
        if (http_freshness_left_sec(&freshness) != rows[i].want) {
            fail_msg("%s: %lld", rows[i].name, (long long)http_freshness_left_sec(&freshness));
        }
    }
}

/* Every beginning of every row, in memory that ends where the text does. */
static void test_http_freshness_texts_that_are_cut_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct span whole = span_of(rows[i].cache_control[0]);
        for (size_t len = 0; len <= whole.len; len++) {
            char *const copy = malloc(len ? len : 1);
            struct http_freshness freshness = { 0 };
            assert_non_null(copy);
            memcpy(copy, len ? whole.at : "", len);
            http_freshness_add(&freshness, (struct span){ copy, len });
            http_freshness_add_age(&freshness, (struct span){ copy, len });
            assert_in_range(http_freshness_left_sec(&freshness) + 1, 0,
                            (uint64_t)HTTP_FRESH_MAX_SEC + 1);
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_freshness_rows),
        cmocka_unit_test(test_http_freshness_texts_that_are_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
