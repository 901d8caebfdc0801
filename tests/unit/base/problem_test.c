/* SPDX-License-Identifier: Apache-2.0 */
/* Problems: how they read, and that long texts and paths are cut, not overrun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/problem.h"

static const struct {
    const char *name;
    const char *file;
    unsigned line;
    unsigned column;
    const char *want;
} rows[] = {
    { "file and position", "a.yaml", 3, 7, "a.yaml:3:7: expected X" },
    { "file only", "a.yaml", 0, 0, "a.yaml: expected X" },
    { "position only", "", 3, 7, "line 3, column 7: expected X" },
    { "neither", "", 0, 0, "expected X" },
    { "the largest position", "a", 4294967295, 4294967295, "a:4294967295:4294967295: expected X" },
};

static void test_problem_format_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct problem problem = { 0 };
        problem_set_file(&problem, rows[i].file);
        problem_set(&problem, ST_SYNTAX, rows[i].line, rows[i].column, "expected %s", "X");
        char line[128];
        problem_format(&problem, line, sizeof(line));
        if (strcmp(line, rows[i].want) != 0) {
            fail_msg("%s: got %s", rows[i].name, line);
        }
        assert_int_equal(problem.status, ST_SYNTAX);
    }
}

static void test_problem_set_leaves_the_file_alone(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    problem_set_file(&problem, "a.yaml");
    problem_set(&problem, ST_TYPE, 1, 2, "first");
    problem_set(&problem, ST_LIMIT, 0, 0, "second");
    char line[64];
    problem_format(&problem, line, sizeof(line));
    assert_string_equal(line, "a.yaml: second");
    assert_int_equal(problem.status, ST_LIMIT);
}

static void test_problem_long_text_is_cut(void **state)
{
    (void)state;
    struct {
        struct problem problem;
        char guard;
    } place = { .guard = 'g' };
    char text[PROBLEM_TEXT_MAX * 2];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    problem_set(&place.problem, ST_SYNTAX, 0, 0, "%s", text);
    assert_int_equal(strlen(place.problem.text), PROBLEM_TEXT_MAX - 1);
    assert_int_equal(place.guard, 'g');
}

static void test_problem_long_path_keeps_its_end(void **state)
{
    (void)state;
    for (size_t len = PROBLEM_FILE_MAX - 2; len <= PROBLEM_FILE_MAX + 1; len++) {
        char path[PROBLEM_FILE_MAX + 2];
        memset(path, 'd', len);
        path[0] = '/';
        path[len - 1] = 'z';
        path[len] = '\0';
        struct problem problem = { 0 };
        problem_set_file(&problem, path);
        const size_t kept = len < PROBLEM_FILE_MAX ? len : PROBLEM_FILE_MAX - 1;
        assert_string_equal(problem.file, path + len - kept);
    }
}

static void test_problem_format_is_cut_to_the_callers_size(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    char path[PROBLEM_FILE_MAX * 2];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    problem_set_file(&problem, path);
    problem_set(&problem, ST_SYNTAX, 4294967295, 4294967295, "the text");
    char whole[PROBLEM_FILE_MAX + PROBLEM_TEXT_MAX + 64];
    problem_format(&problem, whole, sizeof(whole));
    assert_int_equal(strlen(whole),
                     PROBLEM_FILE_MAX - 1 + strlen(":4294967295:4294967295: the text"));
    char line[8];
    memset(line, 'g', sizeof(line));
    problem_format(&problem, line, 5);
    assert_memory_equal(line, "pppp\0ggg", 8);
}

static void test_problem_null_is_fine(void **state)
{
    (void)state;
    problem_set(NULL, ST_SYNTAX, 1, 1, "nobody listens");
    problem_set_file(NULL, "a.yaml");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_problem_format_rows),
        cmocka_unit_test(test_problem_set_leaves_the_file_alone),
        cmocka_unit_test(test_problem_long_text_is_cut),
        cmocka_unit_test(test_problem_long_path_keeps_its_end),
        cmocka_unit_test(test_problem_format_is_cut_to_the_callers_size),
        cmocka_unit_test(test_problem_null_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
