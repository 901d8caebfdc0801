/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process hardening.
 *
 * A core file of the server holds the private key, and for a moment tokens. RLIMIT_CORE keeps the
 * kernel from writing one; a pipe in core_pattern is not bound by that limit, but PR_SET_DUMPABLE
 * covers it, and also keeps other processes of the same user from attaching and from reading
 * /proc/PID/mem.
 *
 * Descriptors are the other thing that all of the process share: who opens connections until none
 * is left stops it from reading its own files. So connections are limited to what the kernel gives,
 * less what the rest needs. All of this on the main thread before any other exists.
 */
#include "cli/process.h"

#include <inttypes.h>
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

static uint64_t own_files(uint64_t workers)
{
    return PROCESS_FILES + workers * PROCESS_FILES_PER_WORKER;
}

uint64_t process_connections_that_fit(uint64_t max_connections, uint64_t workers, uint64_t files)
{
    const uint64_t own = own_files(workers);
    const uint64_t left = files > own ? files - own : 0;
    return max_connections < left ? max_connections : left;
}

static enum status raise_file_limit(uint64_t *ret_files, struct problem *reterr_problem)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        problem_set(reterr_problem, ST_INTERNAL, 0, 0,
                    "cannot tell how many files may be open: %m");
        return ST_INTERNAL;
    }
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    /* refused when fs.nr_open was lowered since: then what we have must do */
    *ret_files = setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
    return ST_OK;
}

enum status process_fit_connections(const struct options *options,
                                    problem_fn *fn,
                                    void *ctx,
                                    unsigned *ret_connections,
                                    struct problem *reterr_problem)
{
    uint64_t files = 0;
    const enum status st = raise_file_limit(&files, reterr_problem);
    if (st != ST_OK) {
        return st;
    }
    const uint64_t wanted = (uint64_t)options->max_connections;
    /* a health listener has a worker of its own */
    const uint64_t workers =
        (uint64_t)options->workers + (options->health_bind_address.host ? 1 : 0);
    const uint64_t fitting = process_connections_that_fit(wanted, workers, files);
    const uint64_t needed = wanted + own_files(workers);
    if (fitting < wanted && fitting < PROCESS_CONNECTIONS_MIN) {
        problem_set(reterr_problem, ST_LIMIT, 0, 0,
                    "--max-connections: only %" PRIu64 " fit: the process may open %" PRIu64
                    " files; raise that limit (LimitNOFILE, ulimit -n) to %" PRIu64
                    ", or lower --workers",
                    fitting, files, needed);
        return ST_LIMIT;
    }
    if (fitting < wanted) {
        struct problem problem = { 0 };
        problem_set(&problem, ST_LIMIT, 0, 0,
                    "--max-connections: lowered from %" PRIu64 " to %" PRIu64
                    ": the process may open %" PRIu64
                    " files; raise that limit (LimitNOFILE, ulimit -n) to %" PRIu64,
                    wanted, fitting, files, needed);
        fn(ctx, &problem);
    }
    *ret_connections = (unsigned)fitting;
    return ST_OK;
}
