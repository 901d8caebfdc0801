/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's thread: let libmicrohttpd wait and work, look at the deadlines, and end when the
 * server stops.
 *
 * All daemons share one listening socket, so the kernel wakes whoever is free. Limits on
 * connections are applied when libmicrohttpd asks whether to accept one, over all workers together;
 * two workers that accept at the same instant may exceed them by one.
 */
#include "server/http/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <microhttpd.h>

#include "server/http/address_limit.h"
#include "server/http/budget.h"
#include "server/http/client_refusal.h"
#include "server/http/connection.h"
#include "server/http/connection_life.h"
#include "server/http/connection_tls.h"
#include "server/http/dispatch.h"
#include "server/http/park.h"
#include "server/http/send.h"

#define WAIT_MS 250 /* deadlines are looked at this often, and the end is noticed within it */

/* not more often than this, however busy: a sweep visits every connection */
#define SWEEP_NS (250 * 1000000LL)

/* sooner there is no line to be had for it */
#define HELD_BACK_NS (1000000000LL / LOG_LIMIT_PER_SECOND)

/* cut connections are gone within a second or so; then the worker ends */
#define FINISH_LAST_NS (3 * 1000000000LL)

/* at the end: a reply that is done leaves an idle connection to close */
#define FINISH_WAIT_MS 20

/* RFC 9112 to the letter. 2 also refuses the empty line before a request that RFC 9112 2.2 has us
 * ignore; 3 in 1.0.1 takes blanks before a chunk extension, which 1 refuses */
#define DISCIPLINE 1

#define MHD_LOG_VERBOSITY 4 /* libmicrohttpd's remarks are about single peers */

/* MHD_LogCallback */
static void PRINTF_LIKE(2, 0) on_library_message(void *cls, const char *format, va_list args)
{
    struct worker *worker = cls;
    struct shard *shard = &worker->shard;
    if (!log_is_enabled(shard->log, MHD_LOG_VERBOSITY)) {
        return;
    }
    char text[LOG_PEER_MAX];
    (void)vsnprintf(text, sizeof(text), format, args); /* cut on purpose */
    text[strcspn(text, "\n")] = '\0';
    uint64_t dropped = 0;
    if (shard_may_log(shard, &shard->limit, &dropped)) {
        log_event_v(shard->log, MHD_LOG_VERBOSITY, "libmicrohttpd",
                    LOG_FIELDS(LOG_PEER("text", span_of(text)), LOG_INT("dropped", dropped)));
    }
}

/* MHD_AcceptPolicyCallback */
static enum MHD_Result may_accept(void *cls, const struct sockaddr *address, socklen_t address_len)
{
    (void)address_len;
    struct worker *worker = cls;
    struct http_server *server = worker->server;
    const unsigned places =
        server->options.max_connections + (worker->listener->row.is_tls ? 0 : BUDGET_HEALTH_PLACES);
    if (atomic_load_explicit(&server->connection_count, memory_order_relaxed) >= places) {
        state_count(worker, COUNT_CLOSED_LIMIT);
        budget_make_place(worker);
        return MHD_NO;
    }
    if (server->address_limit && !address_limit_allows(server->address_limit, address)) {
        state_count(worker, COUNT_CLOSED_LIMIT_ADDRESS);
        return MHD_NO;
    }
    if (!budget_admits(worker)) {
        state_count(worker, COUNT_CLOSED_LIMIT_MEMORY);
        return MHD_NO;
    }
    return MHD_YES;
}

/* MHD_RequestCompletedCallback */
static void on_request_completed(void *cls,
                                 struct MHD_Connection *mhd,
                                 void **request_context,
                                 enum MHD_RequestTerminationCode code)
{
    struct worker *worker = cls;
    const struct connection *connection = *request_context;
    (void)mhd;
    if (connection) {
        if (code == MHD_REQUEST_TERMINATED_WITH_ERROR && !connection->request.is_answered &&
            !connection_is_cut(connection)) {
            /* refused by libmicrohttpd, with a page of its own */
            state_count(worker, COUNT_CLOSED_MALFORMED);
        }
        connection_life_request_done(*request_context, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
        *request_context = NULL;
    }
}

/* gnutls_certificate_retrieve_function2: libmicrohttpd wants a certificate or this at its start. It
 * is never called, since every session gets credentials of ours (tls_session_prepare) before its
 * handshake. */
static int no_certificate(gnutls_session_t session,
                          const gnutls_datum_t *request,
                          int request_count,
                          const gnutls_pk_algorithm_t *algorithms,
                          int algorithm_count,
                          gnutls_pcert_st **ret_chain,
                          unsigned *ret_chain_len,
                          gnutls_privkey_t *ret_key)
{
    (void)session;
    (void)request;
    (void)request_count;
    (void)algorithms;
    (void)algorithm_count;
    (void)ret_chain;
    (void)ret_chain_len;
    (void)ret_key;
    return -1;
}

static struct MHD_Daemon *start_daemon(struct worker *worker)
{
    const struct http_server *server = worker->server;
    unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_PRIORITIES, 0, NULL },
        { MHD_OPTION_HTTPS_CERT_CALLBACK, 0, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    if (worker->listener->row.is_tls) {
        flags |= MHD_USE_TLS;
        tls[1].ptr_value = (void *)(uintptr_t)no_certificate;
        tls[0].ptr_value = (void *)(uintptr_t)tls_context_priority(server->options.tls);
    } else {
        tls[0] = tls[2];
    }
    return MHD_start_daemon(
        flags, 0, may_accept, worker, dispatch_call, worker, MHD_OPTION_EXTERNAL_LOGGER,
        on_library_message, worker, MHD_OPTION_LISTEN_SOCKET, worker->listener->fd,
        MHD_OPTION_NOTIFY_CONNECTION, connection_life_notify, worker, MHD_OPTION_URI_LOG_CALLBACK,
        dispatch_note_target, worker, MHD_OPTION_NOTIFY_COMPLETED, on_request_completed, worker,
        MHD_OPTION_CONNECTION_LIMIT,
        server->options.max_connections + 1, /* ours comes first: see may_accept() */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, budget_pool_bytes(server->options.max_header_bytes),
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, /* connections have deadlines of their own */
        MHD_OPTION_CLIENT_DISCIPLINE_LVL, DISCIPLINE, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

/* How long libmicrohttpd would sleep: not at all while it has work that no descriptor shows. */
static int limit_wait(struct worker *worker, int wait_ms)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (MHD_get_timeout(worker->daemon, &timeout_ms) == MHD_YES && timeout_ms < (unsigned)wait_ms) {
        return (int)timeout_ms;
    }
    return wait_ms;
}

/* A pending request has its answer: libmicrohttpd makes its call again. */
static void on_resumed(void *origin)
{
    struct connection *connection = origin;
    park_release(&connection->worker->park, connection);
}

/* Wait for something to do, and do it. */
static void run_once(struct worker *worker, int wait_ms)
{
    if (worker->linger.count) {
        linger_drain(&worker->linger, clock_monotonic_ns(&worker->shard.clock), worker->scratch,
                     WORKER_SCRATCH_BYTES);
        wait_ms = wait_ms < LINGER_WAIT_MS ? wait_ms : LINGER_WAIT_MS;
    }
    if (worker->park.count) {
        if (park_wait(&worker->park, limit_wait(worker, wait_ms), connection_life_ready)) {
            pending_inbox_wake(worker->inbox);
        }
        pending_inbox_deliver(worker->inbox, on_resumed);
        wait_ms = 0;
    }
    (void)MHD_run_wait(worker->daemon, wait_ms); /* fails only on a daemon that was shut down */
    connection_nudge_stalled(worker);
}

static void sweep(struct worker *worker, int64_t now_ns)
{
    struct connection *next;
    for (unsigned standing = 0; standing < STANDING_LEAVING; standing++) {
        for (struct connection *connection = worker->connections[standing].head; connection;
             connection = next) {
            next = connection->next;
            /* cut or not: nothing else to do here */
            if (!connection_is_late(connection, now_ns) && !worker->listener->row.is_tls) {
                (void)connection_is_left(connection);
            }
        }
    }
    for (struct connection *connection = worker->connections[STANDING_LEAVING].head; connection;
         connection = connection->next) {
        connection_hasten(connection);
    }
    pending_inbox_deliver(worker->inbox, on_resumed); /* of those that have left: to be freed */
    budget_sweep(worker);
}

/* The next line of a kind says how many were held back before it; here it is said where none comes,
 * or who reads the log takes ten lines for the whole. libmicrohttpd's remarks count as requests. */
static void tell_held_back(struct worker *worker)
{
    const struct http_server_options *options = &worker->server->options;
    if (options->on_second) {
        options->on_second(options->ctx, &worker->shard);
    }
    for (enum client_certificate why = 0; why < CLIENT_CERTIFICATE_COUNT_; why++) {
        shard_tell_held_back(&worker->shard, &worker->certificate_limits[why],
                             "Client certificate refusals held back", client_refusal_label(why));
    }
    shard_tell_held_back(&worker->shard, &worker->shard.limit, "Request refusals held back", NULL);
}

/* Nothing new is accepted any more. Idle connections go at once, a handshake cannot become a
 * request in time. */
static void close_waiting_connections(struct worker *worker, bool all)
{
    struct connection *next;
    for (unsigned standing = 0; standing < STANDING_LEAVING; standing++) {
        for (struct connection *connection = worker->connections[standing].head; connection;
             connection = next) {
            next = connection->next;
            if (all || connection->phase != CONNECTION_REQUEST) {
                connection_cut(connection);
            }
        }
    }
}

static bool has_connections(const struct worker *worker)
{
    bool has = false;
    for (unsigned standing = 0; standing < STANDING_COUNT_; standing++) {
        has = has || worker->connections[standing].head;
    }
    return has;
}

/* What is still there at the end is closed with libmicrohttpd's daemon, by worker_free(). */
static void finish(struct worker *worker)
{
    const struct http_server *server = worker->server;
    int64_t deadline_ns = atomic_load(&server->stop_deadline_ns);
    int64_t now_ns = clock_monotonic_ns(&server->options.clock);
    (void)MHD_quiesce_daemon(worker->daemon); /* the socket is the server's to close */
    while (has_connections(worker) && now_ns - FINISH_LAST_NS < deadline_ns) {
        close_waiting_connections(worker, now_ns >= deadline_ns);
        sweep(worker, now_ns);
        run_once(worker, FINISH_WAIT_MS);
        deadline_ns = atomic_load(&server->stop_deadline_ns);
        now_ns = clock_monotonic_ns(&server->options.clock);
    }
    /* A process that was paused comes here without having cut anybody. libmicrohttpd aborts it when
     * a daemon is stopped while a connection is suspended, and what is cut is not. */
    close_waiting_connections(worker, true);
}

/* A worker's last act. */
static void end(struct http_server *server)
{
    if (atomic_fetch_sub(&server->running_count, 1) == 1 && server->options.on_ended) {
        server->options.on_ended(server->options.ctx);
    }
}

static void *run(void *cls)
{
    struct worker *worker = cls;
    const struct clock *clock = &worker->shard.clock;
    int64_t swept_ns = 0;
    int64_t told_ns = 0;
    while (state_phase(worker->server) != HTTP_SERVER_STOPPING) {
        run_once(worker, WAIT_MS);
        const int64_t now_ns = clock_monotonic_ns(clock);
        if (now_ns - swept_ns >= SWEEP_NS) {
            swept_ns = now_ns;
            sweep(worker, now_ns);
        }
        if (now_ns - told_ns >= HELD_BACK_NS) {
            told_ns = now_ns;
            tell_held_back(worker);
        }
    }
    finish(worker);
    end(worker->server);
    return NULL;
}

static enum status prepare(struct worker *worker)
{
    worker->pull = malloc(WORKER_PULL_BYTES);
    worker->scratch = malloc(WORKER_SCRATCH_BYTES);
    if (!worker->pull || !worker->scratch || send_prepare(worker) != ST_OK) {
        return ST_NOMEM;
    }
    const enum status status = pending_inbox_new(&worker->inbox);
    if (status != ST_OK) {
        return status;
    }
    worker->daemon = start_daemon(worker);
    return worker->daemon
               ? park_init(&worker->park, worker->daemon, pending_inbox_fd(worker->inbox))
               : ST_IO;
}

enum status worker_new(struct http_server *server,
                       struct listener_state *listener,
                       unsigned index,
                       struct worker **ret_worker)
{
    struct worker *worker = aligned_alloc(_Alignof(struct worker), sizeof(*worker));
    if (!worker) {
        return ST_NOMEM;
    }
    memset(worker, 0, sizeof(*worker));
    worker->server = server;
    worker->listener = listener;
    worker->shard.index = index;
    worker->shard.log = server->options.log;
    worker->shard.clock = server->options.clock;
    worker->park.fd = -1;
    const enum status status = prepare(worker);
    if (status != ST_OK) {
        (void)worker_free(worker);
        return status;
    }
    *ret_worker = worker;
    return ST_OK;
}

enum status worker_start(struct worker *worker)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* cannot fail */
    (void)pthread_sigmask(SIG_SETMASK, &all,
                          &before); /* the thread inherits it; cannot fail with SIG_SETMASK */
    worker->thread_started = pthread_create(&worker->thread, NULL, run, worker) == 0;
    if (worker->thread_started) {
        (void)pthread_setname_np(worker->thread,
                                 "worker"); /* best effort: for top, perf, debuggers */
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return worker->thread_started ? ST_OK : ST_NOMEM;
}

void worker_join(struct worker *worker)
{
    if (worker->thread_started) {
        (void)pthread_join(worker->thread, NULL); /* ours, and joined once */
        worker->thread_started = false;
    }
}

struct worker *worker_free(struct worker *worker)
{
    if (!worker) {
        return NULL;
    }
    if (worker->daemon) {
        (void)MHD_quiesce_daemon(worker->daemon); /* if it never ran: as in finish() */
        MHD_stop_daemon(worker->daemon);
    }
    linger_close_all(&worker->linger);
    park_fini(&worker->park);
    send_forget(worker);
    worker->inbox = pending_inbox_close(worker->inbox);
    free(worker->pull);
    free(worker->scratch);
    free(worker);
    return NULL;
}
