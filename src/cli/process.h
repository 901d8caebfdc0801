/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the process does to itself before it touches a secret, and what the kernel lets it have. */
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "cli/options.h"
#include "server/linger.h"

/* Descriptors that are not a client's. Together they are what max_connections must leave free. */
#define PROCESS_FILES                                                                              \
    64 /* standard streams, loop, signals, inotify, listeners, files being read: some 20, and what \
          the parent left open */
#define PROCESS_FILES_PER_WORKER                                                             \
    (LINGER_MAX_SOCKETS + 8) /* lingering sockets; three of its event loop, one or two being \
                                accepted only to be closed, those that a scrape reads */
#define PROCESS_CONNECTIONS_MIN \
    16 /* fewer serve no API servers and their probes: a limit like that is a mistake */

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
