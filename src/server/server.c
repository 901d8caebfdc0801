/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listeners and workers put together, and taken apart in the right order.
 *
 * Threads: the workers read `phase` and the counters; everything else is set before they start.
 * Workers are started only when all of them exist, since a scrape on one reads the shards of all.
 */
#include "server/server.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/http/address_limit.h"
#include "server/http/listener.h"
#include "server/server_private.h"
#include "server/worker.h"

static enum status open_listeners(struct server *server,
                                  const struct server_options *options,
                                  struct problem *reterr_problem)
{
    enum status status =
        listener_open(options->bind_address, options->secure_port, LISTENER_BUFFER_BYTES,
                      &server->secure_fd, &server->secure_port, reterr_problem);
    if (status == ST_OK && options->health_bind_host) {
        status = listener_open(options->health_bind_host, options->health_bind_port,
                               LISTENER_HEALTH_BUFFER_BYTES, &server->health_fd,
                               &server->health_port, reterr_problem);
    }
    return status;
}

static enum status add_worker(struct server *server, int listen_fd, bool is_tls)
{
    const enum status status =
        worker_new(server, listen_fd, is_tls, &server->workers[server->worker_count]);
    if (status == ST_OK) {
        server->worker_count++;
    }
    return status;
}

static enum status make_workers(struct server *server)
{
    enum status status = ST_OK;
    for (unsigned i = 0; i < server->options.workers && status == ST_OK; i++) {
        status = add_worker(server, server->secure_fd, true);
    }
    if (status == ST_OK && server->health_fd >= 0) {
        status = add_worker(server, server->health_fd, false);
    }
    atomic_store(&server->running_count, server->worker_count);
    for (unsigned i = 0; i < server->worker_count && status == ST_OK; i++) {
        status = worker_start(server->workers[i]);
    }
    return status;
}

static void server_freep(struct server **server)
{
    *server = server_free(*server);
}

enum status server_new(const struct server_options *options,
                       const struct server_context *context,
                       struct server **ret_server,
                       struct problem *reterr_problem)
{
    CLEANUP(server_freep) struct server *server = calloc(1, sizeof(*server));
    if (!server) {
        return ST_NOMEM;
    }
    problem_set_file(reterr_problem, ""); /* whatever goes wrong from here on is about no file */
    server->options = *options;
    server->context = *context;
    server->secure_fd = server->health_fd = -1;
    enum status status = open_listeners(server, options, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    if (options->max_connections_per_address) {
        status = address_limit_new(options->max_connections_per_address, &server->address_limit);
    }
    if (status == ST_OK) {
        status = make_workers(server);
    }
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "cannot start the workers: %s",
                    status_text(status));
        return status;
    }
    *ret_server = server;
    server = NULL;
    return ST_OK;
}

uint16_t server_secure_port(const struct server *server)
{
    return server->secure_port;
}

uint16_t server_health_port(const struct server *server)
{
    return server->health_port;
}

void server_drain(struct server *server)
{
    int serving = SERVER_SERVING; /* never back from STOPPING */
    (void)atomic_compare_exchange_strong(&server->phase, &serving, SERVER_DRAINING);
}

static void stop_within(struct server *server, int64_t grace_ns)
{
    const int64_t deadline_ns = clock_monotonic_ns(&server->context.clock) + grace_ns;
    if (server_phase(server) != SERVER_STOPPING ||
        deadline_ns < atomic_load(&server->stop_deadline_ns)) {
        atomic_store(&server->stop_deadline_ns, deadline_ns);
    }
    atomic_store_explicit(&server->phase, SERVER_STOPPING, memory_order_release);
}

void server_stop(struct server *server)
{
    stop_within(server, server->options.shutdown_grace_ns);
}

void server_cut(struct server *server)
{
    stop_within(server, 0);
}

void server_worker_ended(struct server *server)
{
    if (atomic_fetch_sub(&server->running_count, 1) == 1 && server->context.on_ended) {
        server->context.on_ended(server->context.ctx);
    }
}

static void close_listener(int fd)
{
    if (fd >= 0) {
        (void)close(fd); /* nothing to lose on a listening socket */
    }
}

struct server *server_free(struct server *server)
{
    if (!server) {
        return NULL;
    }
    server_stop(server);
    for (unsigned i = 0; i < server->worker_count; i++) {
        worker_join(server->workers[i]);
    }
    for (unsigned i = 0; i < server->worker_count; i++) {
        server->workers[i] = worker_free(server->workers[i]);
    }
    close_listener(server->secure_fd);
    close_listener(server->health_fd);
    server->address_limit = address_limit_free(server->address_limit);
    free(server);
    return NULL;
}
