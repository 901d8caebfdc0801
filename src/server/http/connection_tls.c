/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS plumbing of one connection.
 *
 * Reading: GnuTLS asks for a record's 5-byte header and then for its body, a recv each. Our pull
 * function receives up to a whole record into the worker's buffer at once and serves GnuTLS from
 * it. The buffer is shared by the worker's connections, since it is empty again as soon as the
 * request was read; when it is not, and another connection's turn comes, the rest moves to a spill
 * of its owner's. EAGAIN is reported only when the socket said so: libmicrohttpd's epoll is
 * edge-triggered and would wait for ever otherwise.
 *
 * What a request may take on the wire is bounded: chunks of one byte, long chunk extensions,
 * records without content and key updates cost their sender little and are no bytes of a body.
 *
 * Writing: head and body of a reply would be two records in two segments. The session is corked
 * before the reply is queued and uncorked when libmicrohttpd thinks it has sent it. When the socket
 * does not take all of it, libmicrohttpd must not go on to the next request of a pipeline: the
 * connection is suspended until the rest has left (park.h). libmicrohttpd corks the socket itself
 * (TCP_CORK) at the first reply and never again, so taking that off once lets every later send
 * leave at once.
 *
 * Where libmicrohttpd's epoll loop would spin on a handshake or sleep on buffered bytes: park.h.
 */
#include "server/http/connection_tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "server/http/budget.h"
#include "server/http/connection.h"
#include "server/http/park.h"

/* GnuTLS keeps the room for the next reply. A yes with a hundred groups fits; pages go as
 * libmicrohttpd sends them */
#define CORKED_REPLY_MAX_BYTES 8192

#define WIRE_FACTOR      8 /* a body in chunks of 16 bytes, a record each, takes five times its size */
#define WIRE_EXTRA_BYTES 65536

static bool spill_from_worker(struct worker *worker)
{
    struct connection *owner = worker->pull_owner;
    const size_t left = worker->pull_len - worker->pull_at;
    if (!owner || left == 0) {
        return true;
    }
    owner->spill = malloc(left);
    if (!owner->spill) {
        return false;
    }
    memcpy(owner->spill, worker->pull + worker->pull_at, left);
    owner->spill_len = left;
    owner->spill_at = 0;
    worker->spill_count++;
    worker->pull_at = worker->pull_len = 0;
    return true;
}

static ssize_t take(char *from, size_t *at, size_t len, void *to, size_t max)
{
    const size_t n = len - *at < max ? len - *at : max;
    memcpy(to, from + *at, n);
    *at += n;
    return (ssize_t)n;
}

static ssize_t take_from_spill(struct connection *connection, void *to, size_t max)
{
    const ssize_t n =
        take(connection->spill, &connection->spill_at, connection->spill_len, to, max);
    if (connection->spill_at == connection->spill_len) {
        free(connection->spill); /* ciphertext: nothing to wipe */
        connection->spill = NULL;
        connection->spill_len = connection->spill_at = 0;
        connection->worker->spill_count--;
    }
    return n;
}

static bool is_too_much(const struct connection *connection)
{
    const struct http_server_options *options = &connection->worker->server->options;
    /* cannot overflow: both limits are far below it */
    return connection->wire_len >
           WIRE_FACTOR * options->max_body_bytes + options->max_header_bytes + WIRE_EXTRA_BYTES;
}

static ssize_t refuse_bytes(struct connection *connection)
{
    struct worker *worker = connection->worker;
    worker->pull_at = worker->pull_len = 0;
    if (!connection_is_cut(connection)) {
        state_count(worker, COUNT_CLOSED_WIRE);
        connection_cut(connection);
    }
    errno = ECONNRESET;
    return -1;
}

/* The socket has nothing more. In the midst of a request GnuTLS may hold a part of a record, or of
 * a message of the handshake protocol; a request that comes in one piece gets here only when it is
 * done. */
static void wait_for_more(struct connection *connection)
{
    if (connection->phase == CONNECTION_HANDSHAKE) {
        connection_park(connection, PARK_UNTIL_READABLE);
    } else if (connection->phase == CONNECTION_REQUEST && !connection->has_part) {
        connection->has_part = budget_grow(connection, CONNECTION_RECORD_BYTES);
        if (!connection->has_part) {
            state_count(connection->worker, COUNT_CLOSED_MEMORY);
            connection_cut(connection);
        }
    }
}

/* Fill the worker's buffer from the socket. Return: bytes; 0 at the end; -1 with errno as GnuTLS
 * reads it. */
static ssize_t receive(struct connection *connection)
{
    struct worker *worker = connection->worker;
    const ssize_t n = recv(connection->fd, worker->pull, WORKER_PULL_BYTES, 0);
    if (n > 0) {
        worker->pull_at = 0;
        worker->pull_len = (size_t)n;
        connection->wire_len += (size_t)n;
        return is_too_much(connection) ? refuse_bytes(connection) : n;
    }
    if (n < 0 && errno == EAGAIN) {
        wait_for_more(connection);
        errno = EAGAIN;
    }
    return n;
}

/* Make the worker's buffer this connection's. */
static bool claim_buffer(struct connection *connection)
{
    struct worker *worker = connection->worker;
    if (worker->pull_owner != connection) {
        if (!spill_from_worker(worker)) {
            return false;
        }
        worker->pull_owner = connection;
    }
    return true;
}

/* gnutls_pull_func */
static ssize_t pull(gnutls_transport_ptr_t transport, void *to, size_t max)
{
    struct connection *connection = transport;
    struct worker *worker = connection->worker;
    connection->is_nudged = false;
    if (!connection->spill) {
        if (!claim_buffer(connection)) {
            errno = ENOMEM;
            return -1;
        }
        if (worker->pull_at == worker->pull_len) {
            const ssize_t n = receive(connection);
            if (n <= 0) {
                return n;
            }
        }
    }
    /* bytes of an idle connection begin a request, also those that came along with its handshake's
     * last message */
    connection_note_request(connection);
    return connection->spill ? take_from_spill(connection, to, max)
                             : take(worker->pull, &worker->pull_at, worker->pull_len, to, max);
}

/* The connection is idle. False when the client's certificates do not fit into the budget: cut it.
 */
static bool note_handshake(struct connection *connection, size_t certificate_bytes)
{
    connection->is_tls_done = true;
    connection->kept_bytes += certificate_bytes;
    budget_set(connection, connection->kept_bytes - certificate_bytes);
    connection_enter(connection, CONNECTION_IDLE);
    return certificate_bytes == 0 || budget_grow(connection, certificate_bytes);
}

/* The client's Finished has been checked, so the handshake is good on both sides. */
static int on_client_finished(struct connection *connection)
{
    struct worker *worker = connection->worker;
    const gnutls_session_t session = connection->session;
    if (!tls_session_is_acceptable(worker->server->options.tls, session)) {
        return GNUTLS_E_NO_CIPHER_SUITES;
    }
    if (!note_handshake(connection, tls_session_client_chain_bytes(session))) {
        return GNUTLS_E_MEMORY_ERROR;
    }
    state_count(worker, gnutls_session_is_resumed(session) ? COUNT_HANDSHAKES_RESUMED
                                                           : COUNT_HANDSHAKES_FULL);
    return 0;
}

/* gnutls_handshake_hook_func: a message of the client has come whole and is about to be looked at.
 */
static int on_handshake_message(gnutls_session_t session,
                                unsigned type,
                                unsigned when,
                                unsigned incoming,
                                const gnutls_datum_t *message)
{
    (void)when;
    (void)message;
    if (incoming && type == GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY) {
        return tls_session_chain_is_affordable(session) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
    }
    if (incoming && type == GNUTLS_HANDSHAKE_FINISHED) {
        return on_client_finished(connection_of(gnutls_session_get_ptr(session)));
    }
    return 0;
}

void connection_tls_start(struct connection *connection, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    connection->session = info->tls_session;
    if (tls_session_prepare(connection->worker->server->options.tls, connection->session,
                            &connection->credentials) != ST_OK) {
        connection_cut(connection); /* out of memory: this connection only */
        return;
    }
    gnutls_transport_set_ptr2(
        connection->session, connection,
        (gnutls_transport_ptr_t)(intptr_t)connection->fd); /* GnuTLS sends by itself */
    gnutls_transport_set_pull_function(connection->session, pull);
    gnutls_handshake_set_hook_function(connection->session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_POST,
                                       on_handshake_message);
}

void connection_tls_forget(struct connection *connection)
{
    struct worker *worker = connection->worker;
    if (worker->pull_owner == connection) {
        worker->pull_owner = NULL;
        worker->pull_at = worker->pull_len = 0;
    }
    if (connection->spill) {
        worker->spill_count--;
    }
    free(connection->spill); /* ciphertext: nothing to wipe */
    connection->spill = NULL;
}

void connection_cork(struct connection *connection, size_t reply_len)
{
    if (connection->session && !connection->request.closes && reply_len <= CORKED_REPLY_MAX_BYTES) {
        gnutls_record_cork(connection->session);
        connection->request.is_corked = true;
    }
}

/* libmicrohttpd sets TCP_CORK before the first small reply and believes from then on that it is
 * set. */
static void clear_tcp_cork(struct connection *connection)
{
    int corked = 0;
    socklen_t len = sizeof(corked);
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_CORK, &corked, &len) == 0 && corked) {
        const int off = 0;
        connection->cork_cleared =
            setsockopt(connection->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off)) == 0;
    }
}

enum push connection_push(struct connection *connection)
{
    const int n = gnutls_record_uncork(connection->session, 0);
    if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) {
        return PUSH_WAITS;
    }
    connection->request.is_corked = false;
    if (n < 0) {
        return PUSH_FAILED;
    }
    if (!connection->cork_cleared) {
        clear_tcp_cork(connection);
    }
    return PUSH_DONE;
}

static bool is_stalled(const struct connection *connection)
{
    const struct worker *worker = connection->worker;
    const bool has_bytes = connection->spill ||
                           (worker->pull_owner == connection && worker->pull_at < worker->pull_len);
    return has_bytes && !connection->is_nudged && !connection->is_parked &&
           !connection_is_cut(connection);
}

static void nudge(struct connection *connection)
{
    connection->is_nudged = true;
    park_nudge(connection);
}

static void nudge_spilled(struct connection *connection)
{
    for (; connection; connection = connection->next) {
        if (connection->spill && is_stalled(connection)) {
            nudge(connection);
        }
    }
}

void connection_nudge_stalled(struct worker *worker)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (worker->pull_at == worker->pull_len && worker->spill_count == 0) {
        return; /* nearly always */
    }
    if (MHD_get_timeout(worker->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0) {
        return; /* it is still at work: those bytes' turn comes */
    }
    if (worker->pull_owner && is_stalled(worker->pull_owner)) {
        nudge(worker->pull_owner);
    }
    for (unsigned standing = 0; standing < STANDING_LEAVING && worker->spill_count; standing++) {
        nudge_spilled(worker->connections[standing].head);
    }
}
