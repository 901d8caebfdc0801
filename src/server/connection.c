/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one connection: its start, its phases, its standing, its end.
 *
 * Deadlines: see enum connection_phase. libmicrohttpd's own timeout restarts with every byte, so it
 * serves only to close what was cut: most connections go by the event of their socket's shutdown,
 * but one whose buffers are full, or whose library state takes no event, goes by that.
 */
#include "server/connection.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <sodium.h>

#include "server/budget.h"
#include "server/connection_tls.h"
#include "server/http/address_limit.h"
#include "server/server_private.h"
#include "server/worker.h"

/* within 4 ms, and several times cheaper; deadlines are seconds */
#define DEADLINE_CLOCK CLOCK_MONOTONIC_COARSE

#define CUT_TIMEOUT_SEC 1U /* the shortest that libmicrohttpd knows */

static int64_t coarse_now_ns(void)
{
    struct timespec ts = { 0 };
    (void)clock_gettime(DEADLINE_CLOCK, &ts); /* cannot fail for this clock on Linux */
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void enter_phase(struct connection *connection, enum connection_phase phase)
{
    const struct server_options *options = &connection->worker->server->options;
    int64_t timeout_ns = options->idle_timeout_ns;
    switch (phase) {
    case CONNECTION_HANDSHAKE:
        timeout_ns = options->handshake_timeout_ns;
        break;
    case CONNECTION_REQUEST:
        timeout_ns = options->request_timeout_ns;
        break;
    case CONNECTION_IDLE:
        break;
    }
    connection->phase = phase;
    connection->deadline_ns = coarse_now_ns() + timeout_ns;
}

void connection_note_request(struct connection *connection)
{
    if (connection->phase == CONNECTION_IDLE) {
        enter_phase(connection, CONNECTION_REQUEST);
    }
}

/* Behind all others of its standing: it is the one that was heard of last. */
static void list_append(struct connection *connection)
{
    struct connection_list *list = &connection->worker->connections[connection->standing];
    connection->next = NULL;
    connection->prev = list->tail;
    *(list->tail ? &list->tail->next : &list->head) = connection;
    list->tail = connection;
}

static void list_remove(struct connection *connection)
{
    struct connection_list *list = &connection->worker->connections[connection->standing];
    *(connection->prev ? &connection->prev->next : &list->head) = connection->next;
    *(connection->next ? &connection->next->prev : &list->tail) = connection->prev;
}

static void set_standing(struct connection *connection, enum connection_standing standing)
{
    list_remove(connection);
    connection->standing = standing;
    list_append(connection);
}

void connection_raise(struct connection *connection, enum connection_standing standing)
{
    if (connection->standing < standing) {
        set_standing(connection, standing);
    }
}

bool connection_note_handshake(struct connection *connection, size_t certificate_bytes)
{
    connection->is_tls_done = true;
    connection->kept_bytes += certificate_bytes;
    budget_set(connection, connection->kept_bytes - certificate_bytes);
    enter_phase(connection, CONNECTION_IDLE);
    return certificate_bytes == 0 || budget_grow(connection, certificate_bytes);
}

static void connection_start(struct worker *worker,
                             struct MHD_Connection *mhd,
                             void **socket_context)
{
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
    list_append(connection);
    connection->kept_bytes =
        budget_connection_bytes(worker->server->options.max_header_bytes, worker->is_tls);
    budget_set(connection,
               connection->kept_bytes + (worker->is_tls ? CONNECTION_HANDSHAKE_BYTES : 0));
    atomic_fetch_add_explicit(&worker->server->connection_count, 1, memory_order_relaxed);
    metrics_add(&worker->metrics.counters[COUNT_CONNECTIONS_ACCEPTED], 1);
    if (worker->server->address_limit) {
        info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        connection->counted_address =
            address_limit_add(worker->server->address_limit, info->client_addr);
    }
    enter_phase(connection, worker->is_tls ? CONNECTION_HANDSHAKE : CONNECTION_REQUEST);
    if (worker->is_tls) {
        connection_tls_start(connection, mhd);
    }
}

static void connection_end(struct worker *worker,
                           struct MHD_Connection *mhd,
                           struct connection *connection)
{
    metrics_add(&worker->metrics.counters[COUNT_CONNECTIONS_CLOSED], 1);
    if (worker->is_tls && !connection->is_tls_done) {
        metrics_add(&worker->metrics.counters[COUNT_HANDSHAKE_FAILURES], 1);
    }
    if (connection->counted_address) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        address_limit_remove(worker->server->address_limit, info->client_addr);
    }
    if (connection->lingers && !connection_is_cut(connection)) {
        linger_add(&worker->linger, connection->fd,
                   clock_monotonic_ns(&worker->server->context.clock));
    }
    connection_tls_forget(connection);
    park_remove(&worker->park, connection);
    budget_set(connection, 0);
    list_remove(connection);
    atomic_fetch_sub_explicit(&worker->server->connection_count, 1, memory_order_relaxed);
    (void)tls_credentials_unref(connection->credentials);
    buf_fini(&connection->request.body);
    buf_fini(&connection->request.reply);
    free(connection);
}

void connection_notify(void *cls,
                       struct MHD_Connection *mhd,
                       void **socket_context,
                       enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_start(cls, mhd, socket_context);
    } else if (*socket_context) {
        connection_end(cls, mhd, *socket_context);
        *socket_context = NULL;
    }
}

struct connection *connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* What the request leaves in memory: nothing secret, and no more than the next one likely needs. */
static void forget_request(struct connection *connection)
{
    struct request *request = &connection->request;
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
    request->started = request->is_answered = false;
    connection->wire_len = 0;
}

void connection_break_off(struct connection *connection)
{
    if (!connection_is_cut(connection)) {
        metrics_add(&connection->worker->metrics.counters[COUNT_CLOSED_SEND], 1);
        connection_cut(connection);
    }
}

void connection_reply_left(struct connection *connection)
{
    connection->reply_waits = false;
    if (connection_is_cut(connection)) {
        return;
    }
    if (connection->charged != connection->kept_bytes) {
        connection->has_part = false;
        budget_set(connection, connection->kept_bytes);
    }
    enter_phase(connection, CONNECTION_IDLE);
    set_standing(connection, connection->standing); /* heard of just now */
}

void connection_request_done(struct connection *connection, bool goes_on)
{
    const enum push push = connection->request.is_corked ? connection_push(connection) : PUSH_DONE;
    forget_request(connection);
    if (push == PUSH_DONE) {
        connection_reply_left(connection);
    } else if (push == PUSH_WAITS && goes_on && !connection_is_cut(connection) &&
               budget_grow(connection, CONNECTION_BLOCKED_BYTES)) {
        /* its deadline stays that of the request */
        connection->reply_waits = true;
        park_add(&connection->worker->park, connection, PARK_UNTIL_WRITABLE);
    } else {
        connection_break_off(connection);
    }
}

void connection_hasten(struct connection *connection)
{
    /* cannot fail: the option is known */
    (void)MHD_set_connection_option(connection->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
                                    CUT_TIMEOUT_SEC);
}

void connection_cut(struct connection *connection)
{
    if (connection_is_cut(connection)) {
        return;
    }
    set_standing(connection, STANDING_LEAVING);
    connection->worker->leaving_bytes += connection->charged;
    /* No more than this: another connection may have had its turn just now and be cut by the one
     * whose turn it is. libmicrohttpd may have taken it off its lists then without having told us.
     */
    (void)shutdown(connection->fd, SHUT_RDWR); /* fails only when the peer was faster */
    park_release(&connection->worker->park, connection);
}

bool connection_is_late(struct connection *connection, int64_t now_ns)
{
    static const enum worker_counter counter[] = {
        [CONNECTION_HANDSHAKE] = COUNT_CLOSED_HANDSHAKE_TIME,
        [CONNECTION_IDLE] = COUNT_CLOSED_IDLE,
        [CONNECTION_REQUEST] = COUNT_CLOSED_REQUEST_TIME,
    };
    if (connection_is_cut(connection) || now_ns < connection->deadline_ns) {
        return false;
    }
    metrics_add(&connection->worker->metrics.counters[counter[connection->phase]], 1);
    connection_cut(connection);
    return true;
}

bool connection_is_left(struct connection *connection)
{
    char byte;
    /* who waits for a reply may well have ended his own side */
    if (connection_is_cut(connection) || connection->request.is_answered ||
        recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0) {
        return false;
    }
    connection_cut(connection);
    return true;
}
