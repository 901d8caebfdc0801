/* SPDX-License-Identifier: Apache-2.0 */
/* Duplicate keys: where they count, where they do not, and that a huge object costs no more than
 * many small ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "document/json_scan.h"
#include "support/json_check.h"

#define OK                      ST_OK, 0, 0, ""
#define DUPLICATE(line, column) ST_DUPLICATE, line, column

static const struct {
    const char *name;
    struct span text;
    enum status want;
    unsigned line;
    unsigned column;
    const char *message; /* all of it; "" for not compared */
} rows[] = {
    { "nothing", SPAN_LITERAL(""), OK },
    { "white space", SPAN_LITERAL(" \n"), OK },
    { "no object", SPAN_LITERAL("[1, \"a\", null]"), OK },
    { "empty object", SPAN_LITERAL("{}"), OK },
    { "different keys", SPAN_LITERAL("{\"a\":1,\"b\":2,\"ab\":3,\"\":4}"), OK },
    { "case differs", SPAN_LITERAL("{\"a\":1,\"A\":2}"), OK },
    { "a prefix", SPAN_LITERAL("{\"key\":1,\"key\\u0000\":2}"), OK },
    { "same key in sister objects", SPAN_LITERAL("[{\"a\":1},{\"a\":2}]"), OK },
    { "same key in parent and child", SPAN_LITERAL("{\"a\":{\"a\":{\"a\":1}}}"), OK },
    { "same key behind a child", SPAN_LITERAL("{\"a\":{\"b\":1},\"b\":2}"), OK },
    { "same key in the next value", SPAN_LITERAL("{\"a\":1}\n{\"a\":1}"), OK },
    { "values touch", SPAN_LITERAL("{\"a\":1}{\"a\":1}"), OK },
    { "same strings as values", SPAN_LITERAL("{\"a\":\"a\",\"b\":[\"a\",\"a\"]}"), OK },
    { "twice", SPAN_LITERAL("{\"a\":1,\"a\":1}"), DUPLICATE(1, 8),
      "the key \"a\" appears twice in one object" },
    { "twice, with another between", SPAN_LITERAL("{\"a\":1,\"b\":2,\"a\":3}"), DUPLICATE(1, 14),
      "" },
    { "three times: the second is named", SPAN_LITERAL("{\"a\":1,\n\"a\":2,\n\"a\":3}"),
      DUPLICATE(2, 1), "" },
    { "two pairs: the earlier second is named",
      SPAN_LITERAL("{\"b\":1,\"a\":2,\n\"a\":3, \"b\":4}"), DUPLICATE(2, 1), "" },
    { "two pairs, other way round", SPAN_LITERAL("{\"a\":1,\"b\":2,\n\"b\":3, \"a\":4}"),
      DUPLICATE(2, 1), "" },
    { "empty key twice", SPAN_LITERAL("{\"\":1,\"\":2}"), DUPLICATE(1, 7),
      "a key appears twice in one object" },
    { "written differently", SPAN_LITERAL("{\"a\":1,\"\\u0061\":2}"), DUPLICATE(1, 8), "" },
    { "with NUL", SPAN_LITERAL("{\"\\u0000\":1,\"\\u0000\":2}"), DUPLICATE(1, 13), "" },
    { "around a child", SPAN_LITERAL("{\"a\":{\"b\":1},\"a\":2}"), DUPLICATE(1, 14), "" },
    { "with a longer key of the same start between, which sorts before the quote",
      SPAN_LITERAL("{\"a\":1,\"a!\":2,\"a\":3}"), DUPLICATE(1, 15), "" },
    { "in a child", SPAN_LITERAL("{\"data\":{\n  \"token-id\": \"x\",\n  \"token-id\": \"y\"}}"),
      DUPLICATE(3, 3), "the key \"token-id\" appears twice in one object" },
    { "in an array", SPAN_LITERAL("[{},[{\"a\":1,\"a\":2}]]"), DUPLICATE(1, 13), "" },
    { "in the second value", SPAN_LITERAL("{\"a\":1}\n{\"b\":1,\"b\":2}"), DUPLICATE(2, 8), "" },
    { "escaped newlines are no lines", SPAN_LITERAL("{\"a\":\"\\n\\n\",\"a\":2}"), DUPLICATE(1, 13),
      "" },
    { "a key that would draw on the terminal is not quoted",
      SPAN_LITERAL("{\"\\u001b[2J\":1,\"\\u001b[2J\":2}"), DUPLICATE(1, 16),
      "a key appears twice in one object" },
    { "nor one with DEL", SPAN_LITERAL("{\"\\u007f\":1,\"\\u007f\":2}"), DUPLICATE(1, 13),
      "a key appears twice in one object" },
    { "a key of 63 letters is quoted",
      SPAN_LITERAL("{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1,"
                   "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}"),
      DUPLICATE(1, 70),
      "the key \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" appears twice "
      "in one object" },
    { "a key of 64 letters is not",
      SPAN_LITERAL("{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1,"
                   "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}"),
      DUPLICATE(1, 71), "a key appears twice in one object" },
    { "malformed", SPAN_LITERAL("{\"a\":1,\n}"), ST_SYNTAX, 2, 1,
      "expected a member name in quotes" },
    { "malformed second value", SPAN_LITERAL("{} {"), ST_SYNTAX, 1, 5, "" },
    { "comma between values", SPAN_LITERAL("{},{}"), ST_SYNTAX, 1, 3, "" },
    { "a mistake that stands before the duplicate", SPAN_LITERAL("{\"a\":x,\"a\":1}"), ST_SYNTAX, 1,
      6, "" },
};

static void test_json_check_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct problem problem = { 0 };
        char *copy = malloc(rows[i].text.len + 1); /* exact for the sanitizer but for empty ones */
        assert_non_null(copy);
        memcpy(copy, rows[i].text.at, rows[i].text.len);
        const struct span text = { .at = copy, .len = rows[i].text.len };
        const enum status got = json_check_duplicates(text, &problem);
        if (got != rows[i].want || problem.line != rows[i].line ||
            problem.column != rows[i].column || problem.status != got) {
            fail_msg("%s: %s at %u:%u (%s)", rows[i].name, status_label(got), problem.line,
                     problem.column, problem.text);
        }
        if (rows[i].message[0]) {
            assert_string_equal(problem.text, rows[i].message);
        }
        assert_memory_equal(copy, rows[i].text.at, rows[i].text.len); /* the text is untouched */
        free(copy);
    }
}

static void test_json_check_depth_limit(void **state)
{
    (void)state;
    char text[2 * (JSON_SCAN_MAX_DEPTH + 1)];
    for (size_t depth = JSON_SCAN_MAX_DEPTH; depth <= JSON_SCAN_MAX_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct problem problem = { 0 };
        assert_int_equal(
            json_check_duplicates((struct span){ .at = text, .len = 2 * depth }, &problem),
            depth <= JSON_SCAN_MAX_DEPTH ? ST_OK : ST_LIMIT);
    }
}

/* One object of 200,000 keys, their order no help to a sort, in seconds even under a sanitizer;
 * comparing each with each would take minutes. */
static void test_json_check_huge_object_is_not_quadratic(void **state)
{
    (void)state;
    const unsigned count = 200000;
    struct buf text = { 0 };
    for (unsigned i = 0; i < count; i++) {
        buf_printf(&text, "%c\"%08x\":0", i ? ',' : '{', i * 2654435761u);
    }
    buf_append_char(&text, '}');
    assert_false(text.failed);
    struct problem problem = { 0 };
    struct timespec before;
    struct timespec after;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before), 0);
    assert_int_equal(json_check_duplicates(buf_span(&text), &problem), ST_OK);
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after), 0);
    assert_true(after.tv_sec - before.tv_sec < 10);

    text.len--; /* the last key again: 00000000 was the first */
    buf_append_text(&text, ",\"00000000\":0}");
    assert_false(text.failed);
    assert_int_equal(json_check_duplicates(buf_span(&text), &problem), ST_DUPLICATE);
    assert_int_equal(problem.column, text.len - 12);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_check_rows),
        cmocka_unit_test(test_json_check_depth_limit),
        cmocka_unit_test(test_json_check_huge_object_is_not_quadratic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
