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

#include "cli/process.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_harden_turns_core_files_off),
        cmocka_unit_test(test_process_connections_that_fit_rows),
        cmocka_unit_test(test_process_fit_connections_within_the_limit_of_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
