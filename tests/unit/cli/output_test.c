/* SPDX-License-Identifier: Apache-2.0 */
/* Complaints are one printable line; a reply that was not delivered is a failure. */
#include <fcntl.h>

#include "cli/output.h"
#include "support/capture.h"

static struct capture capture;

static const struct {
    const char *name;
    const char *command;
    const char *file;
    const char *text;
    const char *want;
} rows[] = {
    { "with a command", "review", "", "no", "kube-bearer review: no\n" },
    { "without a command", NULL, "", "no", "kube-bearer: no\n" },
    { "with a file", "review", "a.yaml", "no", "kube-bearer review: a.yaml:2:3: no\n" },
    { "an escape sequence and a line break in a file name", "review", "a\033[31m\n.yaml", "no",
      "kube-bearer review: a?[31m?.yaml:2:3: no\n" },
};

static void test_output_complain_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct problem problem = { 0 };
        problem_set_file(&problem, rows[i].file);
        problem_set(&problem, ST_INVALID, rows[i].file[0] ? 2 : 0, rows[i].file[0] ? 3 : 0, "%s",
                    rows[i].text);
        capture_begin(&capture);
        output_complain(rows[i].command, &problem);
        capture_end(&capture);
        assert_string_equal(capture.err, rows[i].want);
        assert_string_equal(capture.out, "");
    }
}

static void test_output_write_writes_all(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    for (int i = 0; i < 10000; i++) {
        buf_append_text(&buf, "abc\n");
    }
    capture_begin(&capture);
    const bool written = output_write("x", &buf);
    capture_end(&capture);
    assert_true(written);
    assert_int_equal(strlen(capture.out), 40000);
    assert_string_equal(capture.err, "");
    buf_fini(&buf);
}

static void test_output_write_of_a_failed_buf_is_a_failure(void **state)
{
    (void)state;
    struct buf buf = { .max_len = 1 };
    buf_append_text(&buf, "abc");
    capture_begin(&capture);
    const bool written = output_write("x", &buf);
    capture_end(&capture);
    assert_false(written);
    assert_string_equal(capture.out, "");
    assert_string_equal(capture.err, "kube-bearer x: out of memory\n");
    buf_fini(&buf);
}

static void test_output_write_to_a_full_device_is_a_failure(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    buf_append_text(&buf, "abc");
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    capture_begin(&capture);
    const int replaced = dup2(full, STDOUT_FILENO);
    const bool written = output_write("x", &buf);
    capture_end(&capture);
    assert_int_equal(replaced, STDOUT_FILENO);
    assert_false(written);
    assert_non_null(strstr(capture.err, "kube-bearer x: standard output cannot be written: "));
    assert_int_equal(close(full), 0);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_complain_rows),
        cmocka_unit_test(test_output_write_writes_all),
        cmocka_unit_test(test_output_write_of_a_failed_buf_is_a_failure),
        cmocka_unit_test(test_output_write_to_a_full_device_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
