/* SPDX-License-Identifier: Apache-2.0 */
/* Process figures: lines of proc(5), and this very process. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process_stats.h"

#define FIELDS_3_TO_21 "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 0"

static const struct {
    const char *name;
    const char *line;
    enum status want;
} rows[] = {
    { "as the kernel writes it", "7 (kube-bearer) " FIELDS_3_TO_21 " 100 200 300 400\n", ST_OK },
    { "a name with a parenthesis and spaces", "7 (a) b ( c)) " FIELDS_3_TO_21 " 100 200 300\n",
      ST_OK },
    { "a name that looks like fields", "7 () S 1 2 3 4) " FIELDS_3_TO_21 " 100 200 300\n", ST_OK },
    { "cut before the resident set", "7 (x) " FIELDS_3_TO_21 " 100 200", ST_SYNTAX },
    { "cut behind a space", "7 (x) " FIELDS_3_TO_21 " 100 200 ", ST_SYNTAX },
    { "no name", "7 " FIELDS_3_TO_21 " 100 200 300", ST_SYNTAX },
    { "ends with the name", "7 (x)", ST_SYNTAX },
    { "not a number", "7 (x) " FIELDS_3_TO_21 " 100 -200 300", ST_SYNTAX },
    { "a number past 64 bits", "7 (x) " FIELDS_3_TO_21 " 100 99999999999999999999 300", ST_SYNTAX },
    { "empty", "", ST_SYNTAX },
};

static void test_process_stat_parse_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct process_stat_line stat = { 1, 2, 3 };
        if (process_stat_parse(rows[i].line, &stat) != rows[i].want) {
            fail_msg("%s", rows[i].name);
        }
        const bool ok = rows[i].want == ST_OK;
        assert_int_equal(stat.start_ticks, ok ? 100 : 1);
        assert_int_equal(stat.virtual_bytes, ok ? 200 : 2);
        assert_int_equal(stat.resident_pages, ok ? 300 : 3);
    }
}

static void test_process_stats_follow_this_process(void **state)
{
    (void)state;
    struct process_stats before;
    assert_int_equal(process_stats_read(&before), ST_OK);

    const size_t len = 16 << 20;
    char *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    memset(memory, 1, len);
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct process_stats after;
    assert_int_equal(process_stats_read(&after), ST_OK);
    uint64_t resident_bytes = 0;
    assert_int_equal(process_stats_resident(&resident_bytes), ST_OK);
    close(fd);
    munmap(memory, len);

    assert_int_equal(after.open_fds, before.open_fds + 1);
    assert_true(after.virtual_bytes >= before.virtual_bytes + len);
    assert_true(after.resident_bytes >= before.resident_bytes + len * 3 / 4);
    assert_true(resident_bytes >= before.resident_bytes + len * 3 / 4);
    assert_true(after.cpu_ns > before.cpu_ns);
    assert_true(after.start_time_ms == before.start_time_ms);

    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_true(after.max_fds ==
                (files.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)files.rlim_cur));
}

static void test_process_stats_start_time_is_in_the_recent_past(void **state)
{
    (void)state;
    struct process_stats stats;
    assert_int_equal(process_stats_read(&stats), ST_OK);
    const int64_t now_ms = (int64_t)time(NULL) * 1000;
    assert_true(stats.start_time_ms <= now_ms + 2000); /* btime has whole seconds */
    assert_true(stats.start_time_ms > now_ms - 600 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_stat_parse_rows),
        cmocka_unit_test(test_process_stats_follow_this_process),
        cmocka_unit_test(test_process_stats_start_time_is_in_the_recent_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
