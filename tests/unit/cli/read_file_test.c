/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files up to a limit, from a path or standard input, without a copy left behind. */
#include "cli/read_file.h"
#include "support/file_kit.h"

static enum status read_one(const struct file_kit *kit,
                            const char *name,
                            size_t max_bytes,
                            struct buf *content,
                            struct problem *problem)
{
    return read_file(kit_path(kit, name).text, max_bytes, content, problem);
}

static void test_read_file_up_to_the_limit(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_write(&kit, "f", "12345678");
    struct buf content = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(read_one(&kit, "f", 8, &content, &problem), ST_OK);
    assert_true(span_equal(buf_span(&content), SPAN_LITERAL("12345678")));
    read_file_wipe(&content);
    assert_null(content.at);
    assert_int_equal(read_one(&kit, "f", 7, &content, &problem), ST_LIMIT);
    assert_null(content.at);
    assert_string_equal(problem.text, "expected at most 7 bytes");
    kit_write(&kit, "empty", "");
    assert_int_equal(read_one(&kit, "empty", 8, &content, &problem), ST_OK);
    assert_int_equal(content.len, 0);
    read_file_wipe(&content);
    kit_fini(&kit);
}

static void test_read_file_complains_without_the_path(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    struct buf content = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(read_one(&kit, "absent-canary", 8, &content, &problem), ST_IO);
    assert_string_equal(problem.text, "cannot be opened: No such file or directory");
    assert_string_equal(problem.file, "");
    assert_int_equal(read_one(&kit, ".", 8, &content, &problem), ST_IO);
    assert_string_equal(problem.text, "cannot be read: Is a directory");
    kit_fini(&kit);
}

static void test_read_file_takes_a_pipe_in_pieces(void **state)
{
    (void)state;
    int ends[2];
    char path[64];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    kit_append(ends[1], "abc", 3);
    kit_append(ends[1], "def", 3);
    assert_int_equal(close(ends[1]), 0);
    struct buf content = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(read_file(path, 8, &content, &problem), ST_OK);
    assert_true(span_equal(buf_span(&content), SPAN_LITERAL("abcdef")));
    read_file_wipe(&content);
    assert_int_equal(close(ends[0]), 0);
}

static void test_read_file_dash_is_standard_input(void **state)
{
    (void)state;
    int ends[2];
    const int saved = dup(STDIN_FILENO);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    kit_append(ends[1], "abc", 3);
    assert_int_equal(close(ends[1]), 0);
    struct buf content = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(read_file("-", 8, &content, &problem), ST_OK);
    assert_true(span_equal(buf_span(&content), SPAN_LITERAL("abc")));
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* it is not ours to close */
    read_file_wipe(&content);
    assert_int_equal(close(ends[0]), 0);
    if (saved >= 0) {
        assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
        assert_int_equal(close(saved), 0);
    }
}

/* One allocation of full size: what is read never moves. */
static void test_read_file_reserves_the_limit_at_once(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_write(&kit, "f", "x");
    struct buf content = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(read_one(&kit, "f", 10000, &content, &problem), ST_OK);
    assert_true(content.cap > 10000);
    read_file_wipe(&content);
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_file_up_to_the_limit),
        cmocka_unit_test(test_read_file_complains_without_the_path),
        cmocka_unit_test(test_read_file_takes_a_pipe_in_pieces),
        cmocka_unit_test(test_read_file_dash_is_standard_input),
        cmocka_unit_test(test_read_file_reserves_the_limit_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
