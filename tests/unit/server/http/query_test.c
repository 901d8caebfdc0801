/* SPDX-License-Identifier: Apache-2.0 */
/* A query read pair by pair, as Go reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/query.h"

/* Pairs as "name=value|", so that a row shows all of them. */
static const struct {
    const char *raw;
    const char *want;
} rows[] = {
    { "", "" },
    { "a", "a=|" },
    { "a=", "a=|" },
    { "a=b", "a=b|" },
    { "a=b&a=c", "a=b|a=c|" },
    { "a=b=c", "a=b=c|" },
    { "=b", "=b|" },
    { "&&a&", "a=|" },
    { "a+b=c+d", "a b=c d|" },
    { "%61=%62", "a=b|" },
    { "a=%2b%26%3D", "a=+&=|" },
    { "a=%", "" },
    { "a=%6", "" },
    { "a=%6g&b", "b=|" },
    { "%zz=a&b", "b=|" },
    { "a;b=c&d", "d=|" },
    { "a=%3Bb", "a=;b|" },
};

static void test_query_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct query query;
        struct span name;
        struct span value;
        struct buf got = { 0 };
        query_begin(&query, span_of(rows[i].raw));
        while (query_next(&query, &name, &value)) {
            buf_append(&got, name);
            buf_append_char(&got, '=');
            buf_append(&got, value);
            buf_append_char(&got, '|');
        }
        if (!span_equal(buf_span(&got), span_of(rows[i].want))) {
            fail_msg("%s: %.*s", rows[i].raw, (int)got.len, got.at);
        }
        buf_fini(&got);
        query_fini(&query);
    }
}

static void test_query_spans_live_until_the_end(void **state)
{
    (void)state;
    struct query query;
    struct span names[2];
    struct span values[2];
    query_begin(&query, span_of("a=%41&b=%42%00"));
    assert_true(query_next(&query, &names[0], &values[0]));
    assert_true(query_next(&query, &names[1], &values[1]));
    assert_false(query_next(&query, &names[0], &values[0]));
    assert_true(span_equal(names[0], SPAN_LITERAL("a")));
    assert_true(span_equal(values[0], SPAN_LITERAL("A")));
    assert_true(span_equal(values[1], SPAN_LITERAL("B\0")));
    query_fini(&query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_rows),
        cmocka_unit_test(test_query_spans_live_until_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
