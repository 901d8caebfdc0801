/* SPDX-License-Identifier: Apache-2.0 */
/* Hardening, seen from inside a child: no core file, not dumpable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/process.h"

/* In a child, for it cannot be taken back. Its exit status has a bit for each thing that holds. */
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
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(harden_and_look());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_harden_turns_core_files_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
