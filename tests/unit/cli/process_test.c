/* SPDX-License-Identifier: Apache-2.0 */
/* Hardening and limits, seen from inside a child: they cannot be taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process_stats.h"
#include "cli/process.h"
#include "support/file_kit.h"

/* The exit status of a child that runs @fn: a bit for each thing that holds. */
static int in_child(int (*fn)(void))
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(fn());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int harden_and_look(void)
{
    struct problem problem = { 0 };
    struct rlimit core;
    if (process_harden(&problem) != ST_OK || getrlimit(RLIMIT_CORE, &core) != 0) {
        return 0;
    }
    return (core.rlim_cur == 0) | (core.rlim_max == 0) << 1 |
           (prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) == 0) << 2;
}

static void test_process_harden_turns_core_files_off(void **state)
{
    (void)state;
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L), 1); /* or the test shows nothing */
    assert_int_equal(in_child(harden_and_look), 7);
}

static const struct {
    const char *name;
    uint64_t max_connections;
    uint64_t workers;
    uint64_t files;
    uint64_t want;
} rows[] = {
    { "all fit", 10000, 8, 20000, 10000 },
    { "all just fit", 10000, 8, 10640, 10000 },
    { "one does not", 10000, 8, 10639, 9999 },
    { "the usual 1024", 10000, 2, 1024, 816 },
    { "each worker takes its own", 10000, 3, 1024, 744 },
    { "one is left", 10000, 1, 137, 1 },
    { "just what the process needs itself", 10000, 1, 136, 0 },
    { "less than that", 10000, 1, 3, 0 },
    { "fewer asked for than fit", 10, 1, 256, 10 },
    { "no limit", 1000000, 256, RLIM_INFINITY, 1000000 },
};

static void test_process_connections_that_fit_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        print_message("# %s\n", rows[i].name);
        assert_int_equal(
            process_connections_that_fit(rows[i].max_connections, rows[i].workers, rows[i].files),
            rows[i].want);
    }
}

struct fit {
    enum status status;
    unsigned connections;
    unsigned warnings;
    struct rlimit after;
    struct problem warning;
    struct problem problem;
};

static void on_warning(void *ctx, const struct problem *problem)
{
    struct fit *fit = ctx;
    fit->warnings++;
    fit->warning = *problem;
}

static struct fit fit_within(rlim_t soft, rlim_t hard, const struct options *options)
{
    struct fit fit = { .status = ST_INTERNAL };
    const struct rlimit limit = { .rlim_cur = soft, .rlim_max = hard };
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
        fit.status =
            process_fit_connections(options, on_warning, &fit, &fit.connections, &fit.problem);
        (void)getrlimit(RLIMIT_NOFILE, &fit.after); /* all-zero when it fails: no row wants that */
    }
    return fit;
}

static int soft_limit_is_raised(void)
{
    const struct options options = { .max_connections = 100, .workers = 1 };
    const struct fit fit = fit_within(150, 300, &options);
    return (fit.status == ST_OK && fit.connections == 100) | (fit.warnings == 0) << 1 |
           (fit.after.rlim_cur == 300 && fit.after.rlim_max == 300) << 2;
}

static int connections_are_lowered(void)
{
    const struct options options = { .max_connections = 10000, .workers = 1 };
    const struct fit fit = fit_within(150, 256, &options);
    return (fit.status == ST_OK && fit.connections == 120) | (fit.warnings == 1) << 1 |
           (strstr(fit.warning.text, "from 10000 to 120: ") != NULL) << 2 |
           (strstr(fit.warning.text, "to 10136") != NULL) << 3;
}

static int health_listener_is_a_worker(void)
{
    char host[] = "127.0.0.1";
    const struct options options = { .max_connections = 10000,
                                     .workers = 1,
                                     .health_bind_address.host = host };
    const struct fit fit = fit_within(256, 256, &options);
    return (fit.status == ST_OK && fit.connections == 48) | (fit.warnings == 1) << 1;
}

static int as_few_as_sixteen_serve(void)
{
    const struct options options = { .max_connections = 10000, .workers = 1 };
    const struct fit fit = fit_within(152, 152, &options);
    return (fit.status == ST_OK && fit.connections == 16) | (fit.warnings == 1) << 1;
}

static int fewer_do_not(void)
{
    const struct options options = { .max_connections = 10000, .workers = 1 };
    const struct fit fit = fit_within(151, 151, &options);
    return (fit.status == ST_LIMIT) | (fit.warnings == 0 && fit.connections == 0) << 1 |
           (strstr(fit.problem.text, "only 15 fit: the process may open 151 files") != NULL) << 2 |
           (strstr(fit.problem.text, "to 10136") != NULL) << 3;
}

static int fewer_serve_who_asked_for_no_more(void)
{
    const struct options options = { .max_connections = 15, .workers = 1 };
    const struct fit fit = fit_within(151, 151, &options);
    return (fit.status == ST_OK && fit.connections == 15) | (fit.warnings == 0) << 1;
}

static void test_process_fit_connections_within_the_limit_of_the_kernel(void **state)
{
    (void)state;
    assert_int_equal(in_child(soft_limit_is_raised), 7);
    assert_int_equal(in_child(connections_are_lowered), 15);
    assert_int_equal(in_child(health_listener_is_a_worker), 3);
    assert_int_equal(in_child(as_few_as_sixteen_serve), 3);
    assert_int_equal(in_child(fewer_do_not), 15);
    assert_int_equal(in_child(fewer_serve_who_asked_for_no_more), 3);
}

#define MIB (UINT64_C(1) << 20)

static const struct {
    const char *name;
    uint64_t limit_bytes;
    uint64_t machine_bytes;
    uint64_t want;
} memory_rows[] = {
    { "what is shipped in config/", 256 * MIB, UINT64_MAX, 144 * MIB },
    { "a limit of 1 GiB", 1024 * MIB, UINT64_MAX, 720 * MIB },
    { "the reserve is half of the limit", 128 * MIB, UINT64_MAX, 48 * MIB },
    { "of less it is half, too", 32 * MIB, UINT64_MAX, 12 * MIB },
    { "a limit of nothing", 0, UINT64_MAX, 0 },
    { "no limit on a large machine", UINT64_MAX, 65536 * MIB, 512 * MIB },
    { "no limit on a machine that is just large enough", UINT64_MAX, 747 * MIB, 512 * MIB },
    { "no limit on a small machine", UINT64_MAX, 512 * MIB, 336 * MIB },
    { "a limit that is more than the machine has", 65536 * MIB, 512 * MIB, 336 * MIB },
    { "a large limit is not cut down", 4096 * MIB, 65536 * MIB, 3024 * MIB },
    { "nothing known", UINT64_MAX, UINT64_MAX, 512 * MIB },
};

static void test_process_connection_memory_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(memory_rows); i++) {
        print_message("# %s\n", memory_rows[i].name);
        assert_true(process_connection_memory(memory_rows[i].limit_bytes,
                                              memory_rows[i].machine_bytes) == memory_rows[i].want);
    }
}

#define DEFAULT_SIZES .max_header_bytes = 8192, .max_request_body_bytes = 131072
#define LEAST_BYTES   3112960 /* 16 x (28672 + 34816 + 131072), see server/http/budget */

static const struct {
    const char *name;
    const char *limit; /* content of memory.max; NULL: no control groups here */
    struct options options;
    enum status status;
    uint64_t want;      /* 0: what is had without a limit */
    const char *source; /* its end */
    const char *text;   /* in what is told or why it fails; NULL: nothing */
} fit_rows[] = {
    { "what the limit leaves",
      "268435456\n",
      { .max_connections = 10000, DEFAULT_SIZES },
      ST_OK,
      144 * MIB,
      "/sys/fs/cgroup/memory.max",
      NULL },
    { "the option goes before the limit",
      "268435456\n",
      { .max_connections = 10000, .max_connection_memory_bytes = 1 << 24, DEFAULT_SIZES },
      ST_OK,
      16 * MIB,
      "--max-connection-memory",
      NULL },
    { "the option is more than the limit leaves",
      "268435456\n",
      { .max_connections = 10000, .max_connection_memory_bytes = 150994945, DEFAULT_SIZES },
      ST_OK,
      150994945,
      "--max-connection-memory",
      "may take 150994945 bytes, but the memory limit of 268435456 leaves them 150994944" },
    { "all that the limit leaves",
      "268435456\n",
      { .max_connections = 10000, .max_connection_memory_bytes = 150994944, DEFAULT_SIZES },
      ST_OK,
      144 * MIB,
      "--max-connection-memory",
      NULL },
    { "the least that the option may be",
      "max\n",
      { .max_connections = 10000, .max_connection_memory_bytes = LEAST_BYTES, DEFAULT_SIZES },
      ST_OK,
      LEAST_BYTES,
      "--max-connection-memory",
      NULL },
    { "one byte less",
      "max\n",
      { .max_connections = 10000, .max_connection_memory_bytes = LEAST_BYTES - 1, DEFAULT_SIZES },
      ST_LIMIT,
      0,
      "",
      "--max-connection-memory: expected at least 3112960 bytes, which 16 connections need" },
    { "who asked for fewer connections needs less",
      "max\n",
      { .max_connections = 2, .max_connection_memory_bytes = 389120, DEFAULT_SIZES },
      ST_OK,
      389120,
      "--max-connection-memory",
      NULL },
    { "but not less than these",
      "max\n",
      { .max_connections = 2, .max_connection_memory_bytes = 344063, DEFAULT_SIZES },
      ST_LIMIT,
      0,
      "",
      "expected at least 389120 bytes, which 2 connections need" },
    { "the limit leaves less than the least",
      "4194304\n",
      { .max_connections = 10000, DEFAULT_SIZES },
      ST_OK,
      LEAST_BYTES,
      "/sys/fs/cgroup/memory.max",
      "may take 3112960 bytes, but the memory limit of 4194304 leaves them 1572864" },
    { "no limit",
      "max\n",
      { .max_connections = 10000, DEFAULT_SIZES },
      ST_OK,
      0,
      "no memory limit",
      NULL },
    { "a limit that cannot be told",
      NULL,
      { .max_connections = 10000, DEFAULT_SIZES },
      ST_OK,
      0,
      "no memory limit",
      "the memory limit of the process is not known: " },
    { "a limit that nobody needs cannot be told",
      NULL,
      { .max_connections = 10000, .max_connection_memory_bytes = 1 << 24, DEFAULT_SIZES },
      ST_OK,
      16 * MIB,
      "--max-connection-memory",
      NULL },
};

static void lay_out_limit(const struct file_kit *kit, const char *limit)
{
    static const char *const directories[] = { "proc", "proc/self", "sys", "sys/fs",
                                               "sys/fs/cgroup" };
    for (size_t i = 0; i < COUNTOF(directories) && limit; i++) {
        kit_mkdir(kit, directories[i]);
    }
    if (limit) {
        kit_write(kit, "proc/self/cgroup", "0::/\n");
        kit_write(kit, "proc/self/mountinfo", "1 2 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        kit_write(kit, "sys/fs/cgroup/memory.max", limit);
    }
}

static void test_process_fit_memory_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(fit_rows); i++) {
        struct file_kit kit = { 0 };
        struct fit fit = { 0 };
        struct process_memory memory = { 0 };
        print_message("# %s\n", fit_rows[i].name);
        kit_init(&kit);
        lay_out_limit(&kit, fit_rows[i].limit);

        fit.status = process_fit_memory(&fit_rows[i].options, kit.directory, on_warning, &fit,
                                        &memory, &fit.problem);

        kit_fini(&kit);
        const bool ok = fit_rows[i].status == ST_OK;
        assert_int_equal(fit.status, fit_rows[i].status);
        assert_true(memory.connection_bytes ==
                    (fit_rows[i].want || !ok ? fit_rows[i].want
                                             : process_connection_memory(UINT64_MAX, UINT64_MAX)));
        assert_string_equal(memory.source, fit_rows[i].source);
        assert_int_equal(fit.warnings, ok && fit_rows[i].text ? 1 : 0);
        if (fit_rows[i].text) {
            assert_non_null(strstr(ok ? fit.warning.text : fit.problem.text, fit_rows[i].text));
        }
    }
}

static void test_process_trim_memory_looks_when_there_is_much(void **state)
{
    (void)state;
    uint64_t before = 0;
    assert_int_equal(process_stats_resident(&before), ST_OK);
    /* sanitizers alone may take more than that */
    assert_int_equal(process_trim_memory(), before > PROCESS_TRIM_BYTES);
    char *const memory = malloc(PROCESS_TRIM_BYTES);
    assert_non_null(memory);
    memset(memory, 1, PROCESS_TRIM_BYTES);
    assert_true(process_trim_memory());
    assert_int_equal(memory[PROCESS_TRIM_BYTES - 1], 1); /* and what is in use stays */
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_harden_turns_core_files_off),
        cmocka_unit_test(test_process_connections_that_fit_rows),
        cmocka_unit_test(test_process_fit_connections_within_the_limit_of_the_kernel),
        cmocka_unit_test(test_process_connection_memory_rows),
        cmocka_unit_test(test_process_fit_memory_rows),
        cmocka_unit_test(test_process_trim_memory_looks_when_there_is_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
