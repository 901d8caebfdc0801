/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the process does to itself before it touches a secret, what the kernel lets it have, how it
 * ends. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/memory_limit.h"
#include "base/problem.h"
#include "base/status.h"
#include "cli/options.h"
#include "server/http/linger.h"

/* Exit statuses. review has 0, 1 and 2 as yes, no and could not ask. */
#define EXIT_STATUS_OK     0
#define EXIT_STATUS_FAILED 1
#define EXIT_STATUS_USAGE  2

/* Descriptors that are not a client's. Together they are what max_connections must leave free. */
/* standard streams, loop, signals, inotify, listeners, files being read: some 20, and what the
 * parent left open */
#define PROCESS_FILES 64

/* lingering sockets; three of its event loop, one or two being accepted only to be closed, those
 * that a scrape reads */
#define PROCESS_FILES_PER_WORKER (LINGER_MAX_SOCKETS + 8)

/* fewer serve no API servers and their probes: a limit like that is a mistake */
#define PROCESS_CONNECTIONS_MIN 16

/**
 * process_harden() - no core files, no debugger of the same user
 *
 * Call before the first secret is read. Children that exec are not affected by the second half.
 * Return: ST_OK; ST_INTERNAL with @reterr_problem when the kernel refuses: then do not go on
 */
enum status process_harden(struct problem *reterr_problem) NODISCARD NONNULL(1);

/** process_connections_that_fit() - how many of @max_connections a process of @workers threads can
 * have that may open @files files. 0 when even its own do not fit */
uint64_t process_connections_that_fit(uint64_t max_connections,
                                      uint64_t workers,
                                      uint64_t files) NODISCARD;

/**
 * process_fit_connections() - raise RLIMIT_NOFILE as far as it goes, then see what fits in it
 * @ret_connections: --max-connections, or as many as fit
 *
 * A client without a token must not be able to take the descriptor by which the store would read
 * that another's token was revoked. When not all fit, @fn is told once, with both numbers.
 * Return: ST_OK; ST_LIMIT with @reterr_problem when fewer than PROCESS_CONNECTIONS_MIN are left of
 * what was asked for; ST_INTERNAL with @reterr_problem
 */
enum status process_fit_connections(const struct options *options,
                                    problem_fn *fn,
                                    void *ctx,
                                    unsigned *ret_connections,
                                    struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 4, 5);

/* Memory that is not a client's, of a limit: the program, 11 MiB of which 2 are not shared, and the
 * tables, 285 to 367 bytes for a bootstrap Secret: 100,000 of them with room to read them. Small
 * limits are for small clusters: of those it is half. */
#define PROCESS_MEMORY_RESERVE_BYTES 67108864
/* Where nothing limits us: what 10,000 connections need when they idle, twice. */
#define PROCESS_CONNECTION_MEMORY_BYTES 536870912

/** How much memory connections may take together, and why. */
struct process_memory {
    size_t connection_bytes;
    uint64_t limit_bytes;          /* of the process; UINT64_MAX for none */
    char source[PROBLEM_FILE_MAX]; /* the option, or where the limit stands; for people */
};

/** process_connection_memory() - what the memory limit @limit leaves to connections on a machine of
 * @machine_bytes; each may be UINT64_MAX for none */
uint64_t process_connection_memory(uint64_t limit_bytes, uint64_t machine_bytes) NODISCARD;

/**
 * process_fit_memory() - --max-connection-memory, or what the memory limit of the process leaves
 * @root: put before the kernel's files: "", or a test's directory
 *
 * Clients without a token must not be able to have the process killed that answers for those with
 * one. @fn is told what is allowed but bodes ill: a limit that cannot be read, or that leaves less
 * than was asked for. Return: ST_OK; ST_LIMIT with @reterr_problem when the option is too small for
 * PROCESS_CONNECTIONS_MIN of the connections it allows
 */
enum status process_fit_memory(const struct options *options,
                               const char *root,
                               problem_fn *fn,
                               void *ctx,
                               struct process_memory *ret_memory,
                               struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 5, 6);

/* look this often; a peak takes longer to come than to be given back */
#define PROCESS_TRIM_MS 5000

/* resident: what starts with 11 MiB has not had a peak before it has that */
#define PROCESS_TRIM_BYTES 33554432

/**
 * process_trim_memory() - give the kernel the pages that the heap holds free
 *
 * glibc keeps them: in the arena of each worker, below whatever was allocated last. Of 200 MiB of
 * bodies 130 stayed when the last connection had gone, 2 with this, and no setting of mallopt()
 * left less than 55. Cost: some 20 microseconds below PROCESS_TRIM_BYTES. Beyond that some 100 when
 * there is nothing to give back, and 10 to 20 milliseconds once for each 100 MiB that there is; a
 * worker that allocates meanwhile waits for its arena so long. Nothing of it is on a worker's
 * thread. Return: whether there was enough to look
 */
bool process_trim_memory(void);
