/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An HTTP server: listeners, workers, and the phases of its end. What it serves it is told.
 *
 *   SERVING --http_server_drain()--> DRAINING --http_server_stop()--> STOPPING --last worker-->
 * ended DRAINING: every reply says Connection: close, new connections are still served. STOPPING:
 * nothing new is accepted, idle connections are closed, running requests finish, up to the grace
 * duration or http_server_cut().
 *
 * Threads: all functions on the loop's thread (or the one that starts the server), but for those
 * that say otherwise; workers only read.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "server/http/metrics.h"
#include "server/http/options.h"

struct http_server;

/** http_server_new() - bind the listeners and make the workers; clients may connect and are not
 * served yet. Return: ST_OK; ST_IO, ST_INVALID with @reterr_problem (also for endpoints that want a
 * client certificate on a listener without TLS, or are no table); ST_NOMEM */
enum status http_server_new(const struct http_server_options *options,
                            struct http_server **ret_server,
                            struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** http_server_start() - serve. Return: ST_OK; ST_NOMEM: some may run, and http_server_free() ends
 * them */
enum status http_server_start(struct http_server *server) NODISCARD NONNULL(1);

/** http_server_port() - as bound; @listener: its row's number */
uint16_t http_server_port(const struct http_server *server, size_t listener) NONNULL(1);

/** http_server_phase() - any thread */
enum http_server_phase http_server_phase(const struct http_server *server) NONNULL(1);

/** http_server_worker_count() - and so the number of shards; any thread */
unsigned http_server_worker_count(const struct http_server *server) NONNULL(1);

/** http_server_metrics() - what the worker of this number counts; any thread */
const struct worker_metrics *http_server_metrics(const struct http_server *server, unsigned worker)
    NONNULL(1);

/** http_server_connection_memory() - bytes charged to all connections; any thread */
size_t http_server_connection_memory(const struct http_server *server) NONNULL(1);

/** http_server_drain() - from now on replies close their connection */
void http_server_drain(struct http_server *server) NONNULL(1);

/** http_server_stop() - stop accepting, let running requests finish, up to the grace duration from
 * now. It does not wait. Once is enough */
void http_server_stop(struct http_server *server) NONNULL(1);

/** http_server_cut() - like http_server_stop(), before it or after: whoever is still there is cut
 * now. It is over within a few seconds */
void http_server_cut(struct http_server *server) NONNULL(1);

/** http_server_free() - stops first when that was not done, and waits for the workers. NULL is
 * fine. Return: NULL */
struct http_server *http_server_free(struct http_server *server);
