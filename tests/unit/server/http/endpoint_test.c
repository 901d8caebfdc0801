/* SPDX-License-Identifier: Apache-2.0 */
/* Which row a path and a method find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/endpoint.h"

static enum outcome handle(void *ctx, struct request *request, struct reply *reply)
{
    (void)ctx;
    (void)request;
    (void)reply;
    return OUTCOME_CLOSES;
}

#define READ (METHOD_GET | METHOD_HEAD)

/* The names of rows are their contexts. */
#define ROW(row_path, row_methods, name)                                \
    {                                                                   \
        .path = (row_path), .methods = (row_methods), .handle = handle, \
        .ctx = (void *)(uintptr_t)(name)                                \
    }

static const struct endpoint endpoints[] = {
    ROW("/x", READ, "x"),
    ROW("/x/{name}", METHOD_GET, "x name"),
    ROW("/x/{name}", METHOD_PUT | METHOD_DELETE, "x name written"),
    ROW("/x/special", METHOD_GET, "special"),
    ROW("/rest/{path...}", READ, "rest"),
    ROW("/rest/deep/{name}", METHOD_POST, "deep"),
    ROW("/y", METHOD_POST, "y"),
    { .path = "/z", .methods = METHOD_POST, .expects = "a letter", .handle = handle, .ctx = NULL },
    ROW("/both/{name}", METHOD_GET, "both segment"),
    ROW("/both/{rest...}", METHOD_GET, "both rest"),
};

static const struct {
    const char *path;
    enum method method;
    const char *want;      /* NULL: none */
    const char *parameter; /* NULL: none */
    unsigned code;
    const char *allow;
    const char *text;
} rows[] = {
    { "/x", METHOD_GET, "x", NULL, 0, NULL, NULL },
    { "/x", METHOD_HEAD, "x", NULL, 0, NULL, NULL },
    { "/x", METHOD_POST, NULL, NULL, 405, "GET, HEAD", "expected GET or HEAD" },
    { "/x", METHOD_OTHER, NULL, NULL, 405, "GET, HEAD", "expected GET or HEAD" },
    { "/x/a", METHOD_GET, "x name", "a", 0, NULL, NULL },
    { "/x/a", METHOD_DELETE, "x name written", "a", 0, NULL, NULL },
    { "/x/a", METHOD_POST, NULL, "a", 405, "GET, PUT, DELETE", "expected GET, PUT or DELETE" },
    { "/x/special", METHOD_GET, "special", NULL, 0, NULL, NULL },
    { "/x/special", METHOD_PUT, NULL, NULL, 405, "GET", "expected GET" },
    { "/x/specials", METHOD_GET, "x name", "specials", 0, NULL, NULL },
    { "/x/", METHOD_GET, NULL, NULL, 404, NULL, NULL },
    { "/x/a/b", METHOD_GET, NULL, NULL, 404, NULL, NULL },
    { "/x/a/", METHOD_GET, NULL, NULL, 404, NULL, NULL },
    { "/xx", METHOD_GET, NULL, NULL, 404, NULL, NULL },
    { "/X", METHOD_GET, NULL, NULL, 404, NULL, NULL },
    { "x", METHOD_GET, NULL, NULL, 404, NULL, NULL },
    { "", METHOD_GET, NULL, NULL, 404, NULL, NULL },
    { "/", METHOD_GET, NULL, NULL, 404, NULL, NULL },
    { "/rest", METHOD_GET, "rest", NULL, 0, NULL, NULL },
    { "/rest/", METHOD_GET, "rest", "", 0, NULL, NULL },
    { "/rest/a", METHOD_GET, "rest", "a", 0, NULL, NULL },
    { "/rest/a/b//c", METHOD_GET, "rest", "a/b//c", 0, NULL, NULL },
    { "/resting", METHOD_GET, NULL, NULL, 404, NULL, NULL },
    { "/rest/deep/a", METHOD_POST, "deep", "a", 0, NULL, NULL },
    { "/rest/deep/a", METHOD_GET, NULL, "a", 405, "POST", "expected POST" },
    { "/rest/deep/a/b", METHOD_GET, "rest", "deep/a/b", 0, NULL, NULL },
    { "/z", METHOD_GET, NULL, NULL, 405, "POST", "expected a letter" },
    { "/both/a", METHOD_GET, "both segment", "a", 0, NULL, NULL },
    { "/both/a/b", METHOD_GET, "both rest", "a/b", 0, NULL, NULL },
    { "/both", METHOD_GET, "both rest", NULL, 0, NULL, NULL },
    { "////////////////////////////////////////////////////", METHOD_GET, NULL, NULL, 404, NULL,
      NULL },
};

static bool is_text(const char *got, const char *want)
{
    return got == want || (got && want && strcmp(got, want) == 0);
}

static void test_endpoint_find_rows(void **state)
{
    (void)state;
    struct endpoint_table *table;
    assert_int_equal(endpoint_table_new(endpoints, COUNTOF(endpoints), &table), ST_OK);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct endpoint_match match =
            endpoint_find(table, span_of(rows[i].path), rows[i].method);
        print_message("# row: %d %s\n", (int)rows[i].method, rows[i].path);
        assert_true(is_text(match.endpoint ? match.endpoint->ctx : NULL, rows[i].want));
        assert_int_equal(match.parameter.at != NULL, rows[i].parameter != NULL);
        assert_true(span_equal(match.parameter, span_of(rows[i].parameter)));
        assert_int_equal(match.refusal ? match.refusal->code : 0, rows[i].code);
        assert_true(is_text(match.refusal ? match.refusal->allow : NULL, rows[i].allow));
        if (rows[i].text) {
            assert_string_equal(match.refusal->text, rows[i].text);
        }
    }
    table = endpoint_table_free(table);
    assert_null(table);
}

static void test_endpoint_table_of_nothing_finds_nothing(void **state)
{
    (void)state;
    struct endpoint_table *table;
    assert_int_equal(endpoint_table_new(NULL, 0, &table), ST_OK);
    assert_int_equal(endpoint_find(table, SPAN_LITERAL("/"), METHOD_GET).refusal->code, 404);
    assert_int_equal(endpoint_find(table, SPAN_LITERAL(""), METHOD_GET).refusal->code, 404);
    table = endpoint_table_free(table);
}

static void test_endpoint_table_refuses_bad_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct endpoint rows[2];
        size_t count;
    } bad[] = {
        { "a relative path", { ROW("x", READ, "") }, 1 },
        { "no path", { ROW("", READ, "") }, 1 },
        { "no method", { ROW("/x", 0, "") }, 1 },
        { "no handler", { { .path = "/x", .methods = READ } }, 1 },
        { "a parameter within a segment", { ROW("/x{name}", READ, "") }, 1 },
        { "a parameter that is not last", { ROW("/x/{name}/y", READ, "") }, 1 },
        { "two parameters", { ROW("/{a}/{b}", READ, "") }, 1 },
        { "a parameter without a name", { ROW("/x/{}", READ, "") }, 1 },
        { "a parameter that does not end", { ROW("/x/{name", READ, "") }, 1 },
        { "something behind a parameter", { ROW("/x/{name}y", READ, "") }, 1 },
        { "a brace that does not begin", { ROW("/x/name}", READ, "") }, 1 },
        { "a method twice", { ROW("/x", READ, "1"), ROW("/x", METHOD_GET, "2") }, 2 },
        { "a method of a parameter twice",
          { ROW("/x/{a}", READ, "1"), ROW("/x/{b}", METHOD_GET, "2") },
          2 },
    };
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct endpoint_table *table = NULL;
        if (endpoint_table_new(bad[i].rows, bad[i].count, &table) != ST_INVALID) {
            fail_msg("%s", bad[i].name);
        }
        assert_null(table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoint_find_rows),
        cmocka_unit_test(test_endpoint_table_of_nothing_finds_nothing),
        cmocka_unit_test(test_endpoint_table_refuses_bad_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
