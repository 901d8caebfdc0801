/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phases of one connection, its standing, and how it is cut.
 *
 * Deadlines: see enum connection_phase. libmicrohttpd's own timeout restarts with every byte, so it
 * serves only to close what was cut: most connections go by the event of their socket's shutdown,
 * but one whose buffers are full, or whose library state takes no event, goes by that.
 */
#include "server/http/connection.h"

#include <sys/socket.h>
#include <time.h>

#include <microhttpd.h>

/* within 4 ms, and several times cheaper; deadlines are seconds */
#define DEADLINE_CLOCK CLOCK_MONOTONIC_COARSE

#define CUT_TIMEOUT_SEC 1U /* the shortest that libmicrohttpd knows */

static int64_t coarse_now_ns(void)
{
    struct timespec ts = { 0 };
    (void)clock_gettime(DEADLINE_CLOCK, &ts); /* cannot fail for this clock on Linux */
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void connection_enter(struct connection *connection, enum connection_phase phase)
{
    const struct http_server_options *options = &connection->worker->server->options;
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
        connection_enter(connection, CONNECTION_REQUEST);
    }
}

/* Behind all others of its standing: it is the one that was heard of last. */
void connection_list_append(struct connection *connection)
{
    struct connection_list *list = &connection->worker->connections[connection->standing];
    connection->next = NULL;
    connection->prev = list->tail;
    *(list->tail ? &list->tail->next : &list->head) = connection;
    list->tail = connection;
}

void connection_list_remove(struct connection *connection)
{
    struct connection_list *list = &connection->worker->connections[connection->standing];
    *(connection->prev ? &connection->prev->next : &list->head) = connection->next;
    *(connection->next ? &connection->next->prev : &list->tail) = connection->prev;
}

void connection_set_standing(struct connection *connection, enum standing standing)
{
    connection_list_remove(connection);
    connection->standing = standing;
    connection_list_append(connection);
}

void connection_raise(struct connection *connection, enum standing standing)
{
    if (connection->standing < standing) {
        connection_set_standing(connection, standing);
    }
}

struct connection *connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void connection_park(struct connection *connection, enum park_event event)
{
    if (!park_add(&connection->worker->park, connection, event)) {
        connection_cut(connection);
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
    connection_set_standing(connection, STANDING_LEAVING);
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
    state_count(connection->worker, counter[connection->phase]);
    connection_cut(connection);
    return true;
}

bool connection_is_left(struct connection *connection)
{
    char byte;
    /* who waits for a reply may well have ended his own side */
    if (connection_is_cut(connection) || connection->request.is_answered ||
        connection->request.pending ||
        recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0) {
        return false;
    }
    connection_cut(connection);
    return true;
}
