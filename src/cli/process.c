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
 * less what the rest needs. Memory likewise, of which a group of processes has a limit: who takes
 * all of it has us killed. RLIMIT_AS and RLIMIT_DATA are no such limits: they count what threads
 * reserve and never touch, nobody is killed for them, and an allocation that is refused closes one
 * connection. All of this on the main thread before any other exists.
 */
#include "cli/process.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/process_stats.h"
#include "server/http/budget.h"

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
    const enum status status = raise_file_limit(&files, reterr_problem);
    if (status != ST_OK) {
        return status;
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

uint64_t process_connection_memory(uint64_t limit_bytes, uint64_t machine_bytes)
{
    const uint64_t bytes = limit_bytes < machine_bytes ? limit_bytes : machine_bytes;
    const uint64_t reserve =
        bytes / 2 < PROCESS_MEMORY_RESERVE_BYTES ? bytes / 2 : PROCESS_MEMORY_RESERVE_BYTES;
    /* a quarter is for what is not counted: holes in the heap, sockets in the kernel */
    const uint64_t share = (bytes - reserve) / 4 * 3;
    /* a machine that has no limit for us is not all ours */
    return limit_bytes == UINT64_MAX && share > PROCESS_CONNECTION_MEMORY_BYTES
               ? PROCESS_CONNECTION_MEMORY_BYTES
               : share;
}

static uint64_t machine_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : UINT64_MAX;
}

/* The fewest connections that are worth a start, and what they need with the largest requests. */
static uint64_t least_connections(const struct options *options)
{
    return options->max_connections < PROCESS_CONNECTIONS_MIN ? (uint64_t)options->max_connections
                                                              : PROCESS_CONNECTIONS_MIN;
}

static uint64_t least_connection_memory(const struct options *options)
{
    return least_connections(options) * budget_least_bytes((size_t)options->max_header_bytes,
                                                           (size_t)options->max_request_body_bytes);
}

/* Who says himself how much is not told that we could not have said it. */
static void find_limit(
    const char *root, problem_fn *fn, void *ctx, bool is_needed, struct memory_limit *ret_limit)
{
    struct problem problem = { 0 };
    if (memory_limit_find(root, ret_limit, &problem) == ST_OK || !is_needed) {
        return;
    }
    char line[PROBLEM_FILE_MAX + PROBLEM_TEXT_MAX];
    struct problem remark = { 0 };
    problem_format(&problem, line, sizeof(line));
    problem_set(&remark, problem.status, 0, 0,
                "--max-connection-memory: the memory limit of the process is not known: %s", line);
    fn(ctx, &remark);
}

static void remark_more_than_share(const struct process_memory *memory,
                                   uint64_t share,
                                   problem_fn *fn,
                                   void *ctx)
{
    struct problem remark = { 0 };
    problem_set(&remark, ST_LIMIT, 0, 0,
                "--max-connection-memory: connections may take %zu bytes, but the memory limit of "
                "%" PRIu64 " leaves them %" PRIu64 ": the process may be killed",
                memory->connection_bytes, memory->limit_bytes, share);
    fn(ctx, &remark);
}

enum status process_fit_memory(const struct options *options,
                               const char *root,
                               problem_fn *fn,
                               void *ctx,
                               struct process_memory *ret_memory,
                               struct problem *reterr_problem)
{
    const uint64_t wanted = (uint64_t)options->max_connection_memory_bytes;
    const uint64_t least = least_connection_memory(options);
    if (wanted > 0 && wanted < least) {
        problem_set(reterr_problem, ST_LIMIT, 0, 0,
                    "--max-connection-memory: expected at least %" PRIu64 " bytes, which %" PRIu64
                    " connections need with the largest request each",
                    least, least_connections(options));
        return ST_LIMIT;
    }
    struct memory_limit limit;
    find_limit(root, fn, ctx, wanted == 0, &limit);
    const bool is_limited = limit.bytes != UINT64_MAX;
    const uint64_t share = process_connection_memory(limit.bytes, machine_memory());
    const uint64_t bytes = wanted > 0 ? wanted : share > least ? share : least;
    *ret_memory = (struct process_memory){
        .connection_bytes = bytes < SIZE_MAX ? (size_t)bytes : SIZE_MAX,
        .limit_bytes = limit.bytes,
    };
    (void)snprintf(ret_memory->source, sizeof(ret_memory->source), "%s",
                   wanted > 0   ? "--max-connection-memory"
                   : is_limited ? limit.file
                                : "no memory limit");
    if (is_limited && bytes > share) {
        remark_more_than_share(ret_memory, share, fn, ctx);
    }
    return ST_OK;
}

bool process_trim_memory(void)
{
    uint64_t resident_bytes = 0;
    if (process_stats_resident(&resident_bytes) != ST_OK || resident_bytes <= PROCESS_TRIM_BYTES) {
        return false;
    }
    (void)malloc_trim(0); /* whether any page went is of no interest */
    return true;
}
