/* SPDX-License-Identifier: Apache-2.0 */
/* The port file: what it says, and what stands at its temporary's name beforehand. */
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>

#include "cli/port_file.h"
#include "support/file_kit.h"

#define WANT "{\"secure\":8443,\"health\":0}\n"

static int set_up(void **state)
{
    struct file_kit *kit = calloc(1, sizeof(*kit));
    assert_non_null(kit);
    kit_init(kit);
    *state = kit;
    return 0;
}

static int tear_down(void **state)
{
    kit_fini(*state);
    free(*state);
    return 0;
}

static void assert_content(const struct file_kit *kit, const char *name, const char *want)
{
    char text[256] = { 0 };
    struct stat stat;
    const int fd = open(kit_path(kit, name).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &stat), 0);
    assert_true(S_ISREG(stat.st_mode));
    assert_true(read(fd, text, sizeof(text) - 1) >= 0);
    assert_int_equal(close(fd), 0);
    assert_string_equal(text, want);
}

static bool exists(const struct file_kit *kit, const char *name)
{
    struct stat stat;
    return lstat(kit_path(kit, name).text, &stat) == 0;
}

static enum status write_ports(const struct file_kit *kit, struct problem *reterr_problem)
{
    return port_file_write(kit_path(kit, "ports").text, 8443, 0, reterr_problem);
}

static void test_port_file_is_written_and_replaced(void **state)
{
    const struct file_kit *kit = *state;
    struct problem problem = { 0 };
    assert_int_equal(port_file_write(kit_path(kit, "ports").text, UINT16_MAX, UINT16_MAX, &problem),
                     ST_OK);
    assert_content(kit, "ports", "{\"secure\":65535,\"health\":65535}\n");
    assert_int_equal(write_ports(kit, &problem), ST_OK);
    assert_content(kit, "ports", WANT);
    assert_false(exists(kit, "ports.tmp"));
}

static void test_port_file_mode_is_0644(void **state)
{
    const struct file_kit *kit = *state;
    struct problem problem = { 0 };
    struct stat stat_buf;
    const mode_t before = umask(0);
    assert_int_equal(write_ports(kit, &problem), ST_OK);
    (void)umask(before); /* cannot fail */
    assert_int_equal(stat(kit_path(kit, "ports").text, &stat_buf), 0);
    assert_int_equal(stat_buf.st_mode & 07777, 0644);
}

static void test_port_file_temporary_is_not_followed(void **state)
{
    const struct file_kit *kit = *state;
    struct problem problem = { 0 };
    kit_write(kit, "victim", "precious\n");
    kit_symlink(kit, "victim", "ports.tmp");
    assert_int_equal(write_ports(kit, &problem), ST_OK);
    assert_content(kit, "victim", "precious\n");
    assert_content(kit, "ports", WANT);
    assert_false(exists(kit, "ports.tmp"));
}

static void test_port_file_hard_link_at_the_temporary_is_not_written_to(void **state)
{
    const struct file_kit *kit = *state;
    struct problem problem = { 0 };
    kit_write(kit, "victim", "precious\n");
    assert_int_equal(link(kit_path(kit, "victim").text, kit_path(kit, "ports.tmp").text), 0);
    assert_int_equal(write_ports(kit, &problem), ST_OK);
    assert_content(kit, "victim", "precious\n");
    assert_content(kit, "ports", WANT);
}

static void test_port_file_stale_temporary_is_replaced(void **state)
{
    const struct file_kit *kit = *state;
    struct problem problem = { 0 };
    kit_write(kit, "ports.tmp", "longer than what will be written, and nobody wants it\n");
    assert_int_equal(write_ports(kit, &problem), ST_OK);
    assert_content(kit, "ports", WANT);
}

static void test_port_file_temporary_that_cannot_go_fails(void **state)
{
    const struct file_kit *kit = *state;
    struct problem problem = { 0 };
    kit_mkdir(kit, "ports.tmp");
    assert_int_equal(write_ports(kit, &problem), ST_IO);
    assert_string_equal(problem.file, kit_path(kit, "ports").text);
    assert_string_equal(problem.text, "cannot be written: File exists");
    assert_false(exists(kit, "ports"));
    assert_true(exists(kit, "ports.tmp"));
}

static void test_port_file_failed_rename_leaves_no_temporary(void **state)
{
    const struct file_kit *kit = *state;
    struct problem problem = { 0 };
    kit_mkdir(kit, "ports");
    assert_int_equal(write_ports(kit, &problem), ST_IO);
    assert_string_equal(problem.text, "cannot be written: Is a directory");
    assert_false(exists(kit, "ports.tmp"));
}

static void test_port_file_failed_write_leaves_no_temporary(void **state)
{
    const struct file_kit *kit = *state;
    struct problem problem = { 0 };
    kit_write(kit, "ports", "old\n");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = { .rlim_cur = 0, .rlim_max = before.rlim_max };
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN); /* the write fails with EFBIG instead */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const enum status status = write_ports(kit, &problem);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler); /* as it was */
    assert_int_equal(status, ST_IO);
    assert_string_equal(problem.text, "cannot be written: File too large");
    assert_content(kit, "ports", "old\n");
    assert_false(exists(kit, "ports.tmp"));
}

static void test_port_file_path_too_long_fails(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    char path[PATH_MAX];
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 4] = '\0'; /* with .tmp one byte too long */
    assert_int_equal(port_file_write(path, 1, 0, &problem), ST_IO);
    assert_string_equal(problem.text, "cannot be written: File name too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_port_file_is_written_and_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_port_file_mode_is_0644, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_port_file_temporary_is_not_followed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_port_file_hard_link_at_the_temporary_is_not_written_to,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_port_file_stale_temporary_is_replaced, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_port_file_temporary_that_cannot_go_fails, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_port_file_failed_rename_leaves_no_temporary, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_port_file_failed_write_leaves_no_temporary, set_up,
                                        tear_down),
        cmocka_unit_test(test_port_file_path_too_long_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
