/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one connection: its start, what lies between two of its requests, its end.
 */
#include "server/http/connection_life.h"

#include <stdlib.h>
#include <sys/socket.h>

#include <microhttpd.h>
#include <sodium.h>

#include "server/http/address_limit.h"
#include "server/http/budget.h"
#include "server/http/connection.h"
#include "server/http/connection_tls.h"
#include "server/http/park.h"

static void start(struct worker *worker, struct MHD_Connection *mhd, void **socket_context)
{
    const bool is_tls = worker->listener->row.is_tls;
    struct connection *connection = calloc(1, sizeof(*connection));
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const int fd = info->connect_fd;
    *socket_context = connection;
    if (!connection) {
        (void)shutdown(fd, SHUT_RDWR); /* out of memory: this connection only */
        return;
    }
    connection->worker = worker;
    connection->mhd = mhd;
    connection->fd = fd;
    connection->request.body.is_secret = true;
    connection->request.body.max_len = worker->server->options.max_body_bytes;
    connection_list_append(connection);
    connection->kept_bytes =
        budget_connection_bytes(worker->server->options.max_header_bytes, is_tls);
    budget_set(connection, connection->kept_bytes + (is_tls ? CONNECTION_HANDSHAKE_BYTES : 0));
    atomic_fetch_add_explicit(&worker->server->connection_count, 1, memory_order_relaxed);
    state_count(worker, COUNT_CONNECTIONS_ACCEPTED);
    if (worker->server->address_limit) {
        info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        connection->counted_address =
            address_limit_add(worker->server->address_limit, info->client_addr);
    }
    connection_enter(connection, is_tls ? CONNECTION_HANDSHAKE : CONNECTION_REQUEST);
    if (is_tls) {
        connection_tls_start(connection, mhd);
    }
}

static void end(struct worker *worker, struct MHD_Connection *mhd, struct connection *connection)
{
    state_count(worker, COUNT_CONNECTIONS_CLOSED);
    if (worker->listener->row.is_tls && !connection->is_tls_done) {
        state_count(worker, COUNT_HANDSHAKE_FAILURES);
    }
    if (connection->counted_address) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        address_limit_remove(worker->server->address_limit, info->client_addr);
    }
    if (connection->lingers && !connection_is_cut(connection)) {
        linger_add(&worker->linger, connection->fd,
                   clock_monotonic_ns(&worker->server->options.clock));
    }
    connection_tls_forget(connection);
    park_remove(&worker->park, connection);
    budget_set(connection, 0);
    connection_list_remove(connection);
    atomic_fetch_sub_explicit(&worker->server->connection_count, 1, memory_order_relaxed);
    (void)tls_credentials_unref(connection->credentials);
    connection->request.pending = pending_leave(connection->request.pending);
    free(connection->request.query);
    buf_fini(&connection->request.body);
    buf_fini(&connection->request.reply);
    free(connection);
}

void connection_life_notify(void *cls,
                            struct MHD_Connection *mhd,
                            void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        start(cls, mhd, socket_context);
    } else if (*socket_context) {
        end(cls, mhd, *socket_context);
        *socket_context = NULL;
    }
}

/* What the request leaves in memory: nothing secret, and no more than the next one likely needs. */
static void forget_request(struct connection *connection)
{
    struct connection_request *request = &connection->request;
    const size_t body_max_len = request->body.max_len;
    if (request->body.at) {
        sodium_memzero(request->body.at, request->body.len);
    }
    if (request->body.cap > CONNECTION_BUF_KEPT_BYTES) {
        buf_fini(&request->body);
        request->body = (struct buf){ .max_len = body_max_len, .is_secret = true };
    }
    if (request->reply.cap > CONNECTION_BUF_KEPT_BYTES) {
        buf_fini(&request->reply);
    }
    buf_clear(&request->body);
    if (request->query) {
        free(request->query);
        request->query = NULL;
    }
    if (request->pending) {
        request->pending = pending_leave(request->pending);
    }
    request->started = request->is_answered = false;
    connection->wire_len = 0;
}

static void break_off(struct connection *connection)
{
    if (!connection_is_cut(connection)) {
        state_count(connection->worker, COUNT_CLOSED_SEND);
        connection_cut(connection);
    }
}

static void reply_left(struct connection *connection)
{
    connection->reply_waits = false;
    if (connection_is_cut(connection)) {
        return;
    }
    if (connection->charged != connection->kept_bytes) {
        connection->has_part = false;
        budget_set(connection, connection->kept_bytes);
    }
    connection_enter(connection, CONNECTION_IDLE);
    connection_set_standing(connection, connection->standing); /* heard of just now */
}

void connection_life_request_done(struct connection *connection, bool goes_on)
{
    const enum push push = connection->request.is_corked ? connection_push(connection) : PUSH_DONE;
    forget_request(connection);
    if (push == PUSH_DONE) {
        reply_left(connection);
    } else if (push == PUSH_WAITS && goes_on && !connection_is_cut(connection) &&
               budget_grow(connection, CONNECTION_BLOCKED_BYTES)) {
        /* its deadline stays that of the request */
        connection->reply_waits = true;
        connection_park(connection, PARK_UNTIL_WRITABLE);
    } else {
        break_off(connection);
    }
}

void connection_life_ready(struct connection *connection)
{
    if (connection->request.pending) {
        connection_cut(connection); /* its socket broke: nobody waits for the answer any more */
        return;
    }
    const enum push push = connection->reply_waits ? connection_push(connection) : PUSH_DONE;
    if (push == PUSH_WAITS &&
        park_wait_on(&connection->worker->park, connection, PARK_UNTIL_WRITABLE)) {
        return;
    }
    if (push != PUSH_DONE) {
        break_off(connection);
        return;
    }
    if (connection->reply_waits) {
        reply_left(connection);
    }
    park_release(&connection->worker->park, connection);
}
