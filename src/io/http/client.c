/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests on the loop: libcurl's multi interface over libuv.
 *
 * libcurl says which sockets to watch and when it wants to be woken; libuv does both and calls
 * libcurl back. While libcurl runs it must not be entered again, and its callbacks are where
 * callers cancel, start and free. So nothing but drive() ever enters it to make progress: starting,
 * cancelling and freeing only change a transfer's state, and settle() does the work between two
 * entries: hand out results, free what was cancelled, add what is new. That is also why no callback
 * runs inside http_start().
 *
 * A pool is one multi handle with the connections it keeps. Requests share one, a watch has its
 * own; http_client_drop_idle() retires the shared one, which goes when its last request has ended.
 * libcurl gives a kept connection only to requests whose TLS options (certificates compared byte by
 * byte), proxy and host are the same.
 *
 * Names are looked up by a thread that libcurl makes for each. It has the signal mask of the loop's
 * thread; libuv's signal handlers, which only write to a pipe, may run in it. Nobody waits for it
 * (io/http/setup.c), so a lookup that was given up ends by itself.
 *
 * Structs that hold a libuv handle are freed by its close callback, which the loop runs later.
 *
 * Untrusted: what servers and proxies send; times, header bytes and transfers are bounded here,
 * bodies by who asks. Threads: the loop's, or before it runs.
 */
#include "io/http/client.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/buf.h"
#include "io/http/setup.h"

#define HTTP_RETRY_AFTER_MAX_SEC 86400 /* whoever asks for more is asked again after a day */

/* Connections kept for reuse: one server, seldom two requests at a time. */
#define HTTP_IDLE_CONNECTIONS_MAX 4

/* In this order; whoever is cancelled skips what is left. */
enum transfer_state {
    TRANSFER_WAITING = 0, /* libcurl does not know it yet */
    TRANSFER_RUNNING,
    TRANSFER_ENDED,     /* the result stands and is to be told */
    TRANSFER_CANCELLED, /* nothing is told any more; to be freed */
};

struct http_transfer {
    struct http_client *client;
    struct http_pool *pool;     /* whose connections it uses; counted there */
    struct http_transfer *next; /* older first */
    enum transfer_state state;
    uv_timer_t silence; /* owns this struct once it is open: freed when the loop has closed it */
    uint64_t silence_timeout_ms;
    struct http_setup setup;
    size_t header_bytes; /* of the reply so far */
    bool head_told;
    struct http_result result;
    enum status (*on_server)(void *ctx, const char *name, struct span chain_pem);
    void (*on_head)(void *ctx, const struct http_result *head);
    enum status (*on_body)(void *ctx, struct span piece);
    void (*on_done)(void *ctx, const struct http_result *result);
    void *ctx;
};

/* A socket that libcurl wants watched. */
struct socket {
    uv_poll_t poll; /* owns this struct */
    struct http_pool *pool;
    int fd; /* libcurl's */
    int events;
};

struct http_pool {
    uv_timer_t timer; /* owns this struct; when libcurl wants to be called */
    struct http_client *client;
    struct http_pool *next;
    CURLM *multi; /* owns */
    unsigned transfer_count;
};

struct http_client {
    uv_timer_t wake; /* owns this struct; settle() soon */
    uv_loop_t *uv;
    struct http_pool *pools;         /* owns */
    struct http_pool *shared;        /* one of them, or NULL */
    struct http_transfer *transfers; /* owns; older first */
    bool busy;                       /* a callback of the caller may be running */
    bool freed;                      /* http_client_free() came meanwhile */
};

static void settle(struct http_client *client);

static void free_handle(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_wake(uv_timer_t *timer)
{
    settle(timer->data);
}

static void settle_soon(struct http_client *client)
{
    if (!client->freed) {
        (void)uv_timer_start(&client->wake, on_wake, 0, 0); /* has a callback, is not closing */
    }
}

/* What a terminal might obey is left out. */
static void make_printable(char *text)
{
    for (char *c = text; *c; c++) {
        *c = (*c < ' ' || *c > '~') ? ' ' : *c;
    }
}

/* Say why it failed. libcurl's own words hold host names and texts of OpenSSL and the C library,
 * neither URLs nor headers. Return: false */
static bool PRINTF_LIKE(3, 4)
    fail(struct http_transfer *transfer, enum status status, const char *format, ...)
{
    struct http_result *result = &transfer->result;
    result->status = status;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(result->text, sizeof(result->text), format, args); /* cut on purpose */
    va_end(args);
    make_printable(result->text);
    return false;
}

/* The server, before anything is sent. */

/* The certificates of the handshake, in PEM one behind the other. */
static void append_certificates(CURL *easy, struct buf *pem)
{
    static const struct span key = { "Cert:", 5 };
    struct curl_certinfo *info = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK || !info) {
        return;
    }
    for (int i = 0; i < info->num_of_certs; i++) {
        for (const struct curl_slist *at = info->certinfo[i]; at; at = at->next) {
            if (span_starts_with(span_of(at->data), key)) {
                buf_append(pem, span_after(span_of(at->data), key.len));
                buf_append_char(pem, '\n');
            }
        }
    }
}

/* Ask the caller about it. @is_connected: else TLS has refused it, perhaps before it had shown
 * anything. False, with the result: the caller does not want it. */
static bool take_server(struct http_transfer *transfer, bool is_connected)
{
    CLEANUP(buf_fini) struct buf pem = { 0 };
    append_certificates(transfer->setup.easy, &pem);
    if (!is_connected && pem.len == 0) {
        return true;
    }
    const enum status status =
        pem.failed ? ST_NOMEM
                   : transfer->on_server(transfer->ctx, transfer->setup.name, buf_span(&pem));
    return status == ST_OK || fail(transfer, status, "%s", status_text(status));
}

/* A CURLOPT_PREREQFUNCTION. */
static int on_connected(void *ctx, char *server_ip, char *own_ip, int server_port, int own_port)
{
    struct http_transfer *transfer = ctx;
    (void)server_ip;
    (void)own_ip;
    (void)server_port;
    (void)own_port;
    const bool is_wanted = transfer->state == TRANSFER_RUNNING && take_server(transfer, true);
    return is_wanted && transfer->state == TRANSFER_RUNNING ? CURL_PREREQFUNC_OK
                                                            : CURL_PREREQFUNC_ABORT;
}

/* The reply: callbacks of libcurl. */

static void on_silence(uv_timer_t *timer)
{
    struct http_transfer *transfer = timer->data;
    struct http_client *client = transfer->client;
    (void)fail(transfer, ST_TIMEOUT, "%s sent nothing for %" PRIu64 " ms", transfer->setup.where,
               transfer->silence_timeout_ms);
    transfer->state = TRANSFER_ENDED;
    settle(client);
}

static void restart_silence(struct http_transfer *transfer)
{
    if (transfer->silence_timeout_ms) {
        (void)uv_timer_start(&transfer->silence, on_silence, transfer->silence_timeout_ms, 0);
    }
}

static struct span header_value(CURL *easy, const char *name, size_t i)
{
    struct curl_header *header = NULL;
    return curl_easy_header(easy, name, i, CURLH_HEADER, -1, &header) == CURLHE_OK
               ? span_of(header->value)
               : (struct span){ 0 };
}

/* RFC 9110 10.2.3: delta-seconds; the other form, a date, would need the server's clock. */
static void read_retry_after(struct span value, struct http_result *result)
{
    uint64_t sec = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') {
            return;
        }
        sec = sec * 10 + (uint64_t)(value.at[i] - '0');
        sec = sec < HTTP_RETRY_AFTER_MAX_SEC ? sec : HTTP_RETRY_AFTER_MAX_SEC;
    }
    result->has_retry_after = value.len > 0;
    result->retry_after_sec = sec;
}

/* The empty line behind the header. False: go no further. */
static bool end_of_head(struct http_transfer *transfer)
{
    const struct http_setup *setup = &transfer->setup;
    struct http_result *result = &transfer->result;
    long code = 0;
    (void)curl_easy_getinfo(setup->easy, CURLINFO_RESPONSE_CODE, &code); /* cannot fail */
    if (code < 200) {
        return true; /* an interim reply, or a proxy's to CONNECT: the reply is still to come */
    }
    const struct span content_type = header_value(setup->easy, "Content-Type", 0);
    result->code = (unsigned)code;
    (void)snprintf(result->content_type, sizeof(result->content_type), "%.*s",
                   (int)content_type.len, content_type.len ? content_type.at : "");
    make_printable(result->content_type);
    (void)snprintf(result->from, sizeof(result->from), "%.80s%s%.80s", setup->where,
                   setup->proxy[0] ? " through the proxy " : "", setup->proxy);
    read_retry_after(header_value(setup->easy, "Retry-After", 0), result);
    transfer->head_told = true;
    if (transfer->on_head) {
        transfer->on_head(transfer->ctx, result);
    }
    return transfer->state == TRANSFER_RUNNING;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct http_transfer *transfer = ctx;
    const size_t len = size * count;
    if (transfer->state != TRANSFER_RUNNING) {
        return CURL_WRITEFUNC_ERROR;
    }
    restart_silence(transfer);
    transfer->header_bytes += len; /* at most CURL_MAX_HTTP_HEADER a time */
    if (transfer->header_bytes > HTTP_MAX_HEADER_BYTES) {
        (void)fail(transfer, ST_UNAVAILABLE, "%s: the reply's header is longer than %d bytes",
                   transfer->setup.where, HTTP_MAX_HEADER_BYTES);
        return CURL_WRITEFUNC_ERROR;
    }
    const bool is_end = len && (bytes[0] == '\r' || bytes[0] == '\n');
    if (is_end && !transfer->head_told && !end_of_head(transfer)) { /* else it ends trailers */
        return CURL_WRITEFUNC_ERROR;
    }
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct http_transfer *transfer = ctx;
    const size_t len = size * count;
    if (transfer->state != TRANSFER_RUNNING) {
        return CURL_WRITEFUNC_ERROR;
    }
    if (!transfer->head_told) { /* libcurl takes what follows a 101 for a body */
        (void)fail(transfer, ST_UNAVAILABLE, "%s changed to a protocol nobody asked for",
                   transfer->setup.where);
        return CURL_WRITEFUNC_ERROR;
    }
    restart_silence(transfer);
    if (!transfer->on_body) {
        return len;
    }
    const enum status status = transfer->on_body(transfer->ctx, (struct span){ bytes, len });
    if (transfer->state != TRANSFER_RUNNING) {
        return CURL_WRITEFUNC_ERROR;
    }
    if (status != ST_OK) {
        (void)fail(transfer, status, "%s", status_text(status));
        return CURL_WRITEFUNC_ERROR;
    }
    return len;
}

/* The result. */

static void describe(struct http_transfer *transfer, CURLcode code)
{
    const struct http_setup *setup = &transfer->setup;
    const enum status status = code == CURLE_OPERATION_TIMEDOUT ? ST_TIMEOUT : ST_UNAVAILABLE;
    /* Of several texts libcurl keeps the first; this one is a failure to describe the peer. */
    const bool useful = setup->error[0] && !strstr(setup->error, "getpeername()");
    const char *words = useful ? setup->error : curl_easy_strerror(code);
    const char *where = setup->where;
    long number = 0;
    if (code == CURLE_PEER_FAILED_VERIFICATION && transfer->on_server &&
        !take_server(transfer, false)) {
        return;
    }
    if (code == CURLE_COULDNT_CONNECT) {
        (void)curl_easy_getinfo(setup->easy, CURLINFO_OS_ERRNO, &number);
        const char *reason = number ? strerrordesc_np((int)number) : NULL;
        const bool proxied = setup->proxy[0];
        (void)fail(transfer, status, "cannot connect to %s%s: %s", proxied ? "the proxy " : "",
                   proxied ? setup->proxy : where, reason ? reason : words);
    } else if (code == CURLE_PEER_FAILED_VERIFICATION) {
        /* libcurl's words may quote the certificate, which is the peer's. It compares names first
         * and sets its result, which starts as "unspecified", when they fit. */
        (void)curl_easy_getinfo(setup->easy, CURLINFO_SSL_VERIFYRESULT, &number);
        const bool trusted = number == X509_V_OK || number == X509_V_ERR_UNSPECIFIED;
        const char *distrust = trusted ? NULL : X509_verify_cert_error_string(number);
        transfer->result.distrust = distrust;
        (void)fail(transfer, status, "the certificate of %s%s: %s%s", where,
                   setup->proxy[0] ? " or of its proxy" : "",
                   distrust ? distrust : "it is not for the name ", distrust ? "" : setup->name);
    } else if (code == CURLE_OUT_OF_MEMORY) {
        (void)fail(transfer, status, "%s: out of memory, or a header line that is too long", where);
    } else {
        (void)fail(transfer, status, "%s: %s", where, words);
    }
}

static void conclude(struct http_transfer *transfer, CURLcode code)
{
    if (transfer->state != TRANSFER_RUNNING) {
        return;
    }
    transfer->state = TRANSFER_ENDED;
    if (transfer->result.status != ST_OK) {
        return; /* we ended it ourselves, and have said why */
    }
    if (code != CURLE_OK) {
        describe(transfer, code);
    } else if (!transfer->head_told) { /* libcurl is content with half a header */
        (void)fail(transfer, ST_UNAVAILABLE, "%s: the connection ended in the reply's header",
                   transfer->setup.where);
    }
}

static void read_messages(struct http_pool *pool)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(pool->multi, &left));) {
        void *transfer = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK) {
            conclude(transfer, message->data.result);
        }
    }
}

/* The only way into libcurl to make progress. @pool may be gone afterwards. */
static void drive(struct http_pool *pool, curl_socket_t fd, int events)
{
    struct http_client *client = pool->client;
    int running = 0;
    client->busy = true;
    /* Fails without memory only; each transfer's own timer then ends it. */
    (void)curl_multi_socket_action(pool->multi, fd, events, &running);
    read_messages(pool);
    settle(client);
}

/* Sockets and timers, on behalf of libcurl. */

static void on_timer(uv_timer_t *timer)
{
    drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* While bytes come faster than they are read, libcurl asks to be called again at once, after 1.6
 * MB. libuv runs a timer of no time that is started by a timer before it turns to anything else: a
 * long list would hold the loop until it ends. */
static int set_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct http_pool *pool = ctx;
    (void)multi;
    if (timeout_ms < 0) {
        (void)uv_timer_stop(&pool->timer);
    } else {
        const uint64_t delay_ms = timeout_ms > 0 ? (uint64_t)timeout_ms : 1;
        (void)uv_timer_start(&pool->timer, on_timer, delay_ms, 0);
    }
    return 0;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct socket *socket = poll->data;
    int action = 0; /* on an error: libcurl looks itself */
    if (status == 0) {
        action |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
        action |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    }
    drive(socket->pool, socket->fd, action);
    /* libuv stops watching a socket that has an error. */
    if (status != 0 && !uv_is_closing((uv_handle_t *)poll)) {
        (void)uv_poll_start(poll, socket->events, on_ready);
    }
}

static struct socket *socket_new(struct http_pool *pool, curl_socket_t fd)
{
    struct socket *socket = calloc(1, sizeof(*socket));
    if (!socket) {
        return NULL;
    }
    *socket = (struct socket){ .pool = pool, .fd = fd };
    if (uv_poll_init(pool->client->uv, &socket->poll, fd) != 0) {
        free(socket);
        return NULL;
    }
    socket->poll.data = socket;
    return socket;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
    struct http_pool *pool = ctx;
    struct socket *socket = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (socket) {
            uv_close((uv_handle_t *)&socket->poll, free_handle);
        }
        return 0;
    }
    if (!socket) {
        socket = socket_new(pool, fd);
        if (!socket || curl_multi_assign(pool->multi, fd, socket) != CURLM_OK) {
            return -1;
        }
    }
    socket->events =
        (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&socket->poll, socket->events, on_ready) == 0 ? 0 : -1;
}

/* Pools. */

static struct http_pool *pool_new(struct http_client *client)
{
    struct http_pool *pool = calloc(1, sizeof(*pool));
    CURLM *multi = curl_multi_init();
    if (!pool || !multi ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, pool) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, pool) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)HTTP_IDLE_CONNECTIONS_MAX) !=
            CURLM_OK) {
        (void)curl_multi_cleanup(multi); /* empty */
        free(pool);
        return NULL;
    }
    *pool = (struct http_pool){ .client = client, .multi = multi, .next = client->pools };
    (void)uv_timer_init(client->uv, &pool->timer); /* cannot fail */
    pool->timer.data = pool;
    client->pools = pool;
    return pool;
}

static void sweep_pools(struct http_client *client)
{
    struct http_pool **link = &client->pools;
    while (*link) {
        struct http_pool *pool = *link;
        if (pool->transfer_count || pool == client->shared) {
            link = &pool->next;
            continue;
        }
        *link = pool->next;
        (void)curl_multi_cleanup(pool->multi); /* closes its connections; no transfer is left */
        uv_close((uv_handle_t *)&pool->timer, free_handle);
    }
}

/* Transfers. */

static void add_transfer(struct http_transfer *transfer)
{
    if (curl_multi_add_handle(transfer->pool->multi, transfer->setup.easy) == CURLM_OK) {
        transfer->state = TRANSFER_RUNNING;
    } else {
        (void)fail(transfer, ST_NOMEM, "%s", status_text(ST_NOMEM));
        transfer->state = TRANSFER_ENDED;
    }
}

static void free_transfer(struct http_transfer *transfer)
{
    /* One that was never added is refused, which is fine. */
    (void)curl_multi_remove_handle(transfer->pool->multi, transfer->setup.easy);
    transfer->pool->transfer_count--;
    http_setup_fini(&transfer->setup);
    uv_close((uv_handle_t *)&transfer->silence, free_handle);
}

static void settle_transfers(struct http_client *client)
{
    struct http_transfer **link = &client->transfers;
    while (*link) {
        struct http_transfer *transfer = *link;
        if (transfer->state == TRANSFER_WAITING) {
            add_transfer(transfer);
        }
        if (transfer->state == TRANSFER_ENDED) {
            transfer->state = TRANSFER_CANCELLED;
            transfer->on_done(transfer->ctx, &transfer->result); /* may start, cancel, free */
        }
        if (transfer->state == TRANSFER_CANCELLED) {
            *link = transfer->next;
            free_transfer(transfer);
        } else {
            link = &transfer->next;
        }
    }
}

/* Between two entries into libcurl. @client may be gone afterwards. */
static void settle(struct http_client *client)
{
    client->busy = true;
    settle_transfers(client);
    if (client->freed) {
        settle_transfers(client); /* those that were passed already when it was freed */
        client->shared = NULL;
    }
    sweep_pools(client);
    client->busy = false;
    if (client->freed) {
        uv_close((uv_handle_t *)&client->wake, free_handle);
    }
}

/* The public face. */

enum status http_client_new(struct loop *loop, struct http_client **ret_client)
{
    /* Counted and locked by libcurl itself. Never undone: it costs nothing, and others in the
     * process may have libcurl in use. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return ST_INTERNAL;
    }
    struct http_client *client = calloc(1, sizeof(*client));
    if (!client) {
        return ST_NOMEM;
    }
    client->uv = loop_uv(loop);
    (void)uv_timer_init(client->uv, &client->wake); /* cannot fail */
    client->wake.data = client;
    *ret_client = client;
    return ST_OK;
}

struct http_client *http_client_free(struct http_client *client)
{
    if (!client) {
        return NULL;
    }
    for (struct http_transfer *transfer = client->transfers; transfer; transfer = transfer->next) {
        transfer->state = TRANSFER_CANCELLED;
    }
    client->freed = true;
    if (!client->busy) {
        settle(client);
    }
    return NULL;
}

static struct http_pool *choose_pool(struct http_client *client, bool own_connection)
{
    if (own_connection) {
        return pool_new(client);
    }
    if (!client->shared) {
        client->shared = pool_new(client);
    }
    return client->shared;
}

static bool set_callbacks(struct http_transfer *transfer)
{
    CURL *easy = transfer->setup.easy;
    const bool server_set =
        !transfer->on_server ||
        (curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer) == CURLE_OK);
    return server_set && curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK;
}

enum status http_start(struct http_client *client,
                       const struct http_endpoint *endpoint,
                       const struct http_request *request,
                       struct http_transfer **ret_transfer,
                       struct problem *reterr_problem)
{
    size_t count = 0;
    struct http_transfer **last = &client->transfers;
    for (; *last; last = &(*last)->next) {
        count++;
    }
    if (count >= HTTP_TRANSFERS_MAX) {
        problem_set(reterr_problem, ST_LIMIT, 0, 0, "more than %d requests at once",
                    HTTP_TRANSFERS_MAX);
        return ST_LIMIT;
    }
    struct http_transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer) {
        return ST_NOMEM;
    }
    transfer->client = client;
    transfer->silence_timeout_ms = request->silence_timeout_ms;
    transfer->on_server = request->on_server;
    transfer->on_head = request->on_head;
    transfer->on_body = request->on_body;
    transfer->on_done = request->on_done;
    transfer->ctx = request->ctx;
    enum status status = http_setup_init(&transfer->setup, endpoint, request, reterr_problem);
    if (status == ST_OK && !set_callbacks(transfer)) {
        status = ST_NOMEM;
    }
    if (status == ST_OK) {
        transfer->pool = choose_pool(client, request->own_connection);
        status = transfer->pool ? ST_OK : ST_NOMEM;
    }
    if (status != ST_OK) {
        http_setup_fini(&transfer->setup);
        free(transfer);
        return status;
    }
    transfer->pool->transfer_count++;
    (void)uv_timer_init(client->uv, &transfer->silence); /* cannot fail */
    transfer->silence.data = transfer;
    uv_update_time(client->uv); /* before the loop runs its clock may be far behind */
    restart_silence(transfer);
    *last = transfer;
    settle_soon(client);
    *ret_transfer = transfer;
    return ST_OK;
}

struct span http_reply_header(const struct http_transfer *transfer, const char *name, size_t i)
{
    return header_value(transfer->setup.easy, name, i);
}

struct http_transfer *http_cancel(struct http_transfer *transfer)
{
    if (transfer) {
        transfer->state = TRANSFER_CANCELLED;
        (void)uv_timer_stop(&transfer->silence);
        settle_soon(transfer->client);
    }
    return NULL;
}

void http_client_drop_idle(struct http_client *client)
{
    client->shared = NULL;
    settle_soon(client);
}
