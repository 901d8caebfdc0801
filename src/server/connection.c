/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS plumbing and deadlines of one connection.
 *
 * Reading: GnuTLS asks for a record's 5-byte header and then for its body, a recv each. Our pull
 * function receives up to a whole record into the worker's buffer at once and serves GnuTLS from
 * it. The buffer is shared by the worker's connections, since it is empty again as soon as the
 * request was read; when it is not, and another connection's turn comes, the rest moves to a spill
 * of its owner's. EAGAIN is reported only when the socket said so: libmicrohttpd's epoll is
 * edge-triggered and would wait for ever otherwise.
 *
 * Writing: head and body of a reply would be two records in two segments. The session is corked
 * before the reply is queued and uncorked when libmicrohttpd thinks it has sent it. An uncork that
 * meets a full socket (EAGAIN) cannot be waited for there, so the connection is cut: the client
 * sees a broken reply and asks again, not silence. libmicrohttpd corks the socket itself (TCP_CORK)
 * at the first reply and never again, so taking that off once lets every later send leave at once.
 *
 * Where libmicrohttpd's epoll loop would spin on a handshake or sleep on buffered bytes: park.h.
 *
 * Deadlines: see enum connection_phase. libmicrohttpd's own timeout restarts with every byte and is
 * not used.
 */
#include "server/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <sodium.h>

#include "server/address_limit.h"
#include "server/server_private.h"
#include "server/worker.h"

#define RECORD_MAX_BYTES   16384 /* RFC 8446 5.1: plaintext of one record */
#define REPLY_HEAD_RESERVE 1024  /* status line and headers, far above what we send */
#define BODY_KEPT_BYTES \
    4096 /* a body buffer up to this size stays for the next request: typical reviews are 1 KiB */
#define DEADLINE_CLOCK \
    CLOCK_MONOTONIC_COARSE /* within 4 ms, and several times cheaper; deadlines are seconds */

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

/* Fill the worker's buffer from the socket. Return: bytes; 0 at the end; -1 with errno as GnuTLS
 * reads it. */
static ssize_t receive(struct connection *connection)
{
    struct worker *worker = connection->worker;
    const ssize_t n = recv(connection->fd, worker->pull, WORKER_PULL_BYTES, 0);
    if (n > 0) {
        worker->pull_at = 0;
        worker->pull_len = (size_t)n;
    } else if (n < 0 && errno == EAGAIN && connection->phase == CONNECTION_HANDSHAKE) {
        park_add(&worker->park, connection);
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
    connection->nudged = false;
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

/* The client's Finished has been checked, so the handshake is good on both sides. */
static int on_client_finished(struct connection *connection)
{
    struct worker *worker = connection->worker;
    const gnutls_session_t session = connection->session;
    if (!tls_session_is_acceptable(worker->server->context.tls, session)) {
        return GNUTLS_E_NO_CIPHER_SUITES;
    }
    connection->tls_done = true;
    metrics_add(
        &worker->metrics.counters[gnutls_session_is_resumed(session) ? COUNT_HANDSHAKES_RESUMED
                                                                     : COUNT_HANDSHAKES_FULL],
        1);
    enter_phase(connection, CONNECTION_IDLE);
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

static void start_tls(struct connection *connection, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    connection->session = info->tls_session;
    if (tls_session_prepare(connection->worker->server->context.tls, connection->session,
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
    connection->next = worker->connections;
    if (connection->next) {
        connection->next->prev = connection;
    }
    worker->connections = connection;
    worker->connection_count++;
    atomic_fetch_add_explicit(&worker->server->connection_count, 1, memory_order_relaxed);
    metrics_add(&worker->metrics.counters[COUNT_CONNECTIONS_ACCEPTED], 1);
    if (worker->server->address_limit) {
        info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        connection->counted_address =
            address_limit_add(worker->server->address_limit, info->client_addr);
    }
    enter_phase(connection, worker->is_tls ? CONNECTION_HANDSHAKE : CONNECTION_REQUEST);
    if (worker->is_tls) {
        start_tls(connection, mhd);
    }
}

static void unlink_connection(struct worker *worker, struct connection *connection)
{
    if (connection->prev) {
        connection->prev->next = connection->next;
    } else {
        worker->connections = connection->next;
    }
    if (connection->next) {
        connection->next->prev = connection->prev;
    }
    if (worker->pull_owner == connection) {
        worker->pull_owner = NULL;
        worker->pull_at = worker->pull_len = 0;
    }
    park_remove(&worker->park, connection);
    if (connection->spill) {
        worker->spill_count--;
    }
    worker->connection_count--;
    atomic_fetch_sub_explicit(&worker->server->connection_count, 1, memory_order_relaxed);
}

static void wipe_body(struct request *request)
{
    if (request->body.at) {
        sodium_memzero(request->body.at, request->body.len);
    }
}

static void connection_end(struct worker *worker,
                           struct MHD_Connection *mhd,
                           struct connection *connection)
{
    metrics_add(&worker->metrics.counters[COUNT_CONNECTIONS_CLOSED], 1);
    if (worker->is_tls && !connection->tls_done) {
        metrics_add(&worker->metrics.counters[COUNT_HANDSHAKE_FAILURES], 1);
    }
    if (connection->counted_address) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        address_limit_remove(worker->server->address_limit, info->client_addr);
    }
    if (connection->lingers && !connection->cut) {
        linger_add(&worker->linger, connection->fd,
                   clock_monotonic_ns(&worker->server->context.clock));
    }
    unlink_connection(worker, connection);
    (void)tls_credentials_unref(connection->credentials);
    buf_fini(&connection->request.body);
    buf_fini(&connection->request.reply);
    free(connection->spill);
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

void connection_cork(struct connection *connection, size_t reply_len)
{
    if (connection->session && reply_len + REPLY_HEAD_RESERVE <= RECORD_MAX_BYTES) {
        gnutls_record_cork(connection->session);
        connection->request.corked = true;
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

static void push_reply(struct connection *connection)
{
    connection->request.corked = false;
    if (gnutls_record_uncork(connection->session, 0) < 0) {
        metrics_add(&connection->worker->metrics.counters[COUNT_CLOSED_SEND], 1);
        connection_cut(connection);
    } else if (!connection->cork_cleared) {
        clear_tcp_cork(connection);
    }
}

void connection_request_done(struct connection *connection)
{
    struct request *request = &connection->request;
    if (request->corked) {
        push_reply(connection);
    }
    wipe_body(request);
    if (request->body.cap > BODY_KEPT_BYTES) {
        const size_t max_len = request->body.max_len;
        buf_fini(&request->body);
        request->body = (struct buf){ .max_len = max_len, .is_secret = true };
    }
    buf_clear(&request->body);
    request->started = false;
    enter_phase(connection, CONNECTION_IDLE);
}

static bool is_stalled(const struct connection *connection)
{
    const struct worker *worker = connection->worker;
    const bool has_bytes = connection->spill ||
                           (worker->pull_owner == connection && worker->pull_at < worker->pull_len);
    return has_bytes && !connection->nudged && !connection->parked && !connection->cut;
}

static void nudge(struct connection *connection)
{
    connection->nudged = true;
    park_nudge(connection);
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
    for (struct connection *connection = worker->connections; connection && worker->spill_count;
         connection = connection->next) {
        if (connection->spill && is_stalled(connection)) {
            nudge(connection);
        }
    }
}

void connection_cut(struct connection *connection)
{
    connection->cut = true;
    (void)shutdown(connection->fd, SHUT_RDWR); /* fails only when the peer was faster */
}

bool connection_is_late(struct connection *connection, int64_t now_ns)
{
    static const enum worker_counter counter[] = {
        [CONNECTION_HANDSHAKE] = COUNT_CLOSED_HANDSHAKE_TIME,
        [CONNECTION_IDLE] = COUNT_CLOSED_IDLE,
        [CONNECTION_REQUEST] = COUNT_CLOSED_REQUEST_TIME,
    };
    if (connection->cut || now_ns < connection->deadline_ns) {
        return false;
    }
    metrics_add(&connection->worker->metrics.counters[counter[connection->phase]], 1);
    connection_cut(connection);
    return true;
}
