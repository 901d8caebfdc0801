/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listeners and workers put together, and taken apart in the right order.
 *
 * Threads: the workers read `phase` and the counters; everything else is set before they start.
 * Workers are started only when all of them exist, since a scrape on one reads the shards of all.
 */
#include "server/http/http_server.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/http/address_limit.h"
#include "server/http/listener.h"
#include "server/http/state.h"
#include "server/http/worker.h"

/* Without TLS nobody can show a certificate: what wants one must not be there at all. */
static enum status check_clients(const struct http_listener *row, struct problem *reterr_problem)
{
    bool wants_certificate = row->client == ENDPOINT_CLIENT_CERTIFICATE;
    for (size_t i = 0; i < row->endpoint_count; i++) {
        wants_certificate =
            wants_certificate || row->endpoints[i].client == ENDPOINT_CLIENT_CERTIFICATE;
    }
    if (wants_certificate && !row->is_tls) {
        problem_set(reterr_problem, ST_INVALID, 0, 0,
                    "a listener without TLS cannot ask for client certificates");
        return ST_INVALID;
    }
    return ST_OK;
}

static enum status open_listener(struct listener_state *listener,
                                 const struct http_listener *row,
                                 struct problem *reterr_problem)
{
    listener->row = *row;
    enum status status = check_clients(row, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    status = listener_open(row->address, row->port,
                           row->is_tls ? LISTENER_BUFFER_BYTES : LISTENER_HEALTH_BUFFER_BYTES,
                           &listener->fd, &listener->port, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    status = endpoint_table_new(row->endpoints, row->endpoint_count, &listener->endpoints);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "cannot make the table of endpoints: %s",
                    status_text(status));
    }
    return status;
}

static enum status open_listeners(struct http_server *server, struct problem *reterr_problem)
{
    enum status status = ST_OK;
    for (size_t i = 0; i < server->options.listener_count && status == ST_OK; i++) {
        status =
            open_listener(&server->listeners[i], &server->options.listeners[i], reterr_problem);
    }
    server->options.listeners = NULL; /* copied */
    return status;
}

static enum status add_workers(struct http_server *server, struct listener_state *listener)
{
    enum status status = ST_OK;
    for (unsigned i = 0; i < listener->row.workers && status == ST_OK; i++) {
        status = server->worker_count == HTTP_SERVER_WORKERS_MAX
                     ? ST_LIMIT
                     : worker_new(server, listener, server->worker_count,
                                  &server->workers[server->worker_count]);
        if (status == ST_OK) {
            server->worker_count++;
            server->tls_worker_count += listener->row.is_tls;
        }
    }
    return status;
}

static enum status make_workers(struct http_server *server)
{
    enum status status = ST_OK;
    if (server->options.max_connections_per_address) {
        status =
            address_limit_new(server->options.max_connections_per_address, &server->address_limit);
    }
    for (size_t i = 0; i < server->options.listener_count && status == ST_OK; i++) {
        status = add_workers(server, &server->listeners[i]);
    }
    return status;
}

static void http_server_freep(struct http_server **server)
{
    *server = http_server_free(*server);
}

static enum status fail_workers(enum status status, struct problem *reterr_problem)
{
    problem_set(reterr_problem, status, 0, 0, "cannot start the workers: %s", status_text(status));
    return status;
}

enum status http_server_new(const struct http_server_options *options,
                            struct http_server **ret_server,
                            struct problem *reterr_problem)
{
    if (options->listener_count > HTTP_SERVER_LISTENERS_MAX) {
        return fail_workers(ST_LIMIT, reterr_problem);
    }
    CLEANUP(http_server_freep) struct http_server *server = calloc(1, sizeof(*server));
    if (!server) {
        return ST_NOMEM;
    }
    problem_set_file(reterr_problem, ""); /* whatever goes wrong from here on is about no file */
    server->options = *options;
    for (size_t i = 0; i < HTTP_SERVER_LISTENERS_MAX; i++) {
        server->listeners[i].fd = -1;
    }
    enum status status = open_listeners(server, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    status = make_workers(server);
    if (status != ST_OK) {
        return fail_workers(status, reterr_problem);
    }
    server->options.prepared = NULL; /* made */
    *ret_server = server;
    server = NULL;
    return ST_OK;
}

enum status http_server_start(struct http_server *server)
{
    enum status status = ST_OK;
    atomic_store(&server->running_count, server->worker_count);
    for (unsigned i = 0; i < server->worker_count && status == ST_OK; i++) {
        status = worker_start(server->workers[i]);
    }
    return status;
}

uint16_t http_server_port(const struct http_server *server, size_t listener)
{
    return server->listeners[listener].port;
}

enum http_server_phase http_server_phase(const struct http_server *server)
{
    return state_phase(server);
}

unsigned http_server_worker_count(const struct http_server *server)
{
    return server->worker_count;
}

const struct worker_metrics *http_server_metrics(const struct http_server *server, unsigned worker)
{
    return &server->workers[worker]->shard.metrics;
}

size_t http_server_connection_memory(const struct http_server *server)
{
    return atomic_load_explicit(&server->connection_memory, memory_order_relaxed);
}

void http_server_drain(struct http_server *server)
{
    int serving = HTTP_SERVER_SERVING; /* never back from STOPPING */
    (void)atomic_compare_exchange_strong(&server->phase, &serving, HTTP_SERVER_DRAINING);
}

static void stop_within(struct http_server *server, int64_t grace_ns)
{
    const int64_t deadline_ns = clock_monotonic_ns(&server->options.clock) + grace_ns;
    if (state_phase(server) != HTTP_SERVER_STOPPING ||
        deadline_ns < atomic_load(&server->stop_deadline_ns)) {
        atomic_store(&server->stop_deadline_ns, deadline_ns);
    }
    atomic_store_explicit(&server->phase, HTTP_SERVER_STOPPING, memory_order_release);
}

void http_server_stop(struct http_server *server)
{
    stop_within(server, server->options.shutdown_grace_ns);
}

void http_server_cut(struct http_server *server)
{
    stop_within(server, 0);
}

static void close_listener(struct listener_state *listener)
{
    if (listener->fd >= 0) {
        (void)close(listener->fd); /* nothing to lose on a listening socket */
    }
    listener->endpoints = endpoint_table_free(listener->endpoints);
}

struct http_server *http_server_free(struct http_server *server)
{
    if (!server) {
        return NULL;
    }
    http_server_stop(server);
    for (unsigned i = 0; i < server->worker_count; i++) {
        worker_join(server->workers[i]);
    }
    for (unsigned i = 0; i < server->worker_count; i++) {
        server->workers[i] = worker_free(server->workers[i]);
    }
    for (size_t i = 0; i < HTTP_SERVER_LISTENERS_MAX; i++) {
        close_listener(&server->listeners[i]);
    }
    server->address_limit = address_limit_free(server->address_limit);
    free(server);
    return NULL;
}
