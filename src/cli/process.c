/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process hardening.
 *
 * A core file of the server holds the private key, and for a moment tokens. RLIMIT_CORE keeps the
 * kernel from writing one; a pipe in core_pattern is not bound by that limit, but PR_SET_DUMPABLE
 * covers it, and also keeps other processes of the same user from attaching and from reading
 * /proc/PID/mem. Called on the main thread before any other exists.
 */
#include "cli/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>

enum status process_harden(struct problem *reterr_problem)
{
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0) {
        problem_set(reterr_problem, ST_INTERNAL, 0, 0, "core files cannot be turned off: %m");
        return ST_INTERNAL;
    }
    return ST_OK;
}
