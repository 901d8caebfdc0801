/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server of endpoints that only this test has: methods and parameters, replies at the head, and
 * requests that wait, over TLS and without. Requests are resumed by the test's own thread, as the
 * loop would.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>

#include "server/http/http_server.h"
#include "server/http/query.h"
#include "support/certificate_kit.h"

#define DEADLINE_MS \
    20000 /* sanitizers are slow; nothing here waits for as long as this otherwise */
#define MAX_BODY 4096

/* What a suspended request waits for. */
struct answer {
    struct fixture *fixture;
    char text[64];
};

struct fixture {
    char directory[64];
    char cert[128];
    char key[128];
    struct tls_context *tls;
    struct http_server *server;
    bool is_secure_only;
    unsigned max_connections;           /* 0: enough */
    size_t max_connection_memory_bytes; /* 0: off */
    FILE *log_file;                     /* NULL: nothing is logged */
    struct log *log;
    pthread_mutex_t mutex;   /* of the next */
    struct pending *waiting; /* what the test may resume */
    _Atomic int asked;       /* calls of handlers that suspend */
    _Atomic int freed;       /* struct answer */
    _Atomic int ended;
};

enum { PLAIN = 0, SECURE, LISTENER_COUNT };

/* --- endpoints --- */

static enum outcome text(struct reply *reply, const char *words)
{
    buf_append_text(reply->body, words);
    return reply_body(reply, 200, "text/plain");
}

/* "PUT item=a query=b=c body=d" */
static enum outcome item_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    struct query query;
    struct span name;
    struct span value;
    (void)ctx;
    buf_printf(reply->body, "%s item=%.*s query=", request->method_name,
               (int)request->parameter.len, request->parameter.at);
    query_begin(&query, request->query);
    while (query_next(&query, &name, &value)) {
        buf_printf(reply->body, "%.*s=%.*s;", (int)name.len, name.at, (int)value.len, value.at);
    }
    query_fini(&query);
    buf_printf(reply->body, " body=%.*s", (int)request->body_len, request->body);
    reply_add_field(reply, "X-Item", "yes");
    reply->closes = span_equal(request->parameter, SPAN_LITERAL("last"));
    return reply_body(reply, request->method == METHOD_PUT ? 201 : 200, "text/plain");
}

/* Says how often the field was there, and what the first said. */
static enum outcome head_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    struct span value;
    (void)ctx;
    const unsigned count = request_field(request, "x-asked", &value);
    buf_printf(reply->body, "head %u %.*s %zu", count, (int)value.len, value.at, request->body_len);
    return reply_body(reply, 200, "text/plain");
}

static void free_answer(void *state)
{
    struct answer *answer = state;
    atomic_fetch_add(&answer->fixture->freed, 1);
    free(answer);
}

static struct pending *suspend(struct fixture *fixture, struct request *request)
{
    struct answer *answer = calloc(1, sizeof(*answer));
    assert_non_null(answer);
    answer->fixture = fixture;
    return request_suspend(request, answer, free_answer);
}

static enum outcome later_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    struct fixture *fixture = ctx;
    const struct answer *answer = request->state;
    if (answer) {
        buf_printf(reply->body, "later %s body=%.*s", answer->text, (int)request->body_len,
                   request->body);
        return reply_body(reply, 200, "text/plain");
    }
    struct pending *pending = suspend(fixture, request);
    assert_non_null(pending);
    pthread_mutex_lock(&fixture->mutex);
    assert_null(fixture->waiting);
    fixture->waiting = pending;
    pthread_mutex_unlock(&fixture->mutex);
    atomic_fetch_add(&fixture->asked, 1);
    return OUTCOME_PENDING;
}

/* Resumed before it has returned, three times over. */
static enum outcome at_once_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    struct fixture *fixture = ctx;
    const struct answer *before = request->state;
    const int step = before ? before->text[0] - '0' : 0;
    if (step == 3) {
        return text(reply, "three steps");
    }
    struct pending *pending = suspend(fixture, request);
    assert_non_null(pending);
    ((struct answer *)pending_state(pending))->text[0] = (char)('1' + step);
    pending_resume(pending);
    return OUTCOME_PENDING;
}

/* Asks for something, and answers without it. */
static enum outcome impatient_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    struct pending *pending = suspend(ctx, request);
    assert_non_null(pending);
    pending_resume(pending);
    return text(reply, "impatient");
}

static enum outcome careless_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    (void)ctx;
    (void)request;
    (void)reply;
    return OUTCOME_PENDING; /* waits for nothing */
}

static enum outcome silent_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    (void)ctx;
    (void)request;
    (void)reply;
    return OUTCOME_CLOSES;
}

#define LONG_REPLY_BYTES 7000

static enum outcome long_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    (void)ctx;
    (void)request;
    buf_printf(reply->body, "%0*d", LONG_REPLY_BYTES, 0);
    return reply_body(reply, 200, "text/plain");
}

static enum outcome prepared_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    (void)ctx;
    (void)request;
    return reply_prepared(reply, 2);
}

#define ANYBODY .client = ENDPOINT_ANYBODY
#define READ    (METHOD_GET | METHOD_HEAD)

/* --- the server --- */

static void on_ended(void *ctx)
{
    struct fixture *fixture = ctx;
    atomic_fetch_add(&fixture->ended, 1);
}

static enum status start(struct fixture *fixture,
                         const struct endpoint *endpoints,
                         size_t endpoint_count,
                         int64_t request_ms,
                         int64_t grace_ms)
{
    static const struct prepared_reply prepared[] = {
        { .code = 200, .content_type = "text/plain", .body = { "one", 3 } },
        { .code = 202, .content_type = "text/plain", .body = { "two", 3 } },
    };
    const struct http_listener listeners[LISTENER_COUNT] = {
        [PLAIN] = { .address = "127.0.0.1",
                    ANYBODY,
                    .workers = 1,
                    .endpoints = endpoints,
                    .endpoint_count = endpoint_count },
        [SECURE] = { .address = "127.0.0.1",
                     .is_tls = true,
                     ANYBODY,
                     .workers = 2,
                     .endpoints = endpoints,
                     .endpoint_count = endpoint_count },
    };
    if (fixture->log_file) {
        assert_int_equal(
            log_new(fileno(fixture->log_file), LOG_FORMAT_TEXT, 0, clock_system(), &fixture->log),
            ST_OK);
    }
    const struct http_server_options options = {
        .listeners = fixture->is_secure_only ? &listeners[SECURE] : listeners,
        .listener_count = fixture->is_secure_only ? 1 : COUNTOF(listeners),
        .prepared = prepared,
        .prepared_count = COUNTOF(prepared),
        .max_body_bytes = MAX_BODY,
        .max_header_bytes = 8192,
        .max_connections = fixture->max_connections ? fixture->max_connections : 64,
        .max_connection_memory_bytes = fixture->max_connection_memory_bytes,
        .handshake_timeout_ns = DEADLINE_MS * INT64_C(1000000),
        .request_timeout_ns = request_ms * 1000000,
        .idle_timeout_ns = DEADLINE_MS * INT64_C(1000000),
        .shutdown_grace_ns = grace_ms * 1000000,
        .tls = fixture->tls,
        .log = fixture->log,
        .clock = clock_system(),
        .on_ended = on_ended,
        .ctx = fixture,
    };
    struct problem problem = { 0 };
    const enum status status = http_server_new(&options, &fixture->server, &problem);
    return status == ST_OK ? http_server_start(fixture->server) : status;
}

static void start_all(struct fixture *fixture, int64_t request_ms, int64_t grace_ms)
{
    static struct endpoint endpoints[10]; /* borrowed by the server, which ends with each test */
    /* clang-format off */
    const struct endpoint rows[] = {
        { .path = "/items/{name}", .methods = READ, ANYBODY, .handle = item_endpoint },
        { .path = "/items/{name}", .methods = METHOD_PUT | METHOD_DELETE, ANYBODY, .handle = item_endpoint },
        { .path = "/head", .methods = READ | METHOD_POST, ANYBODY, .moment = ENDPOINT_AT_HEAD, .handle = head_endpoint },
        { .path = "/later", .methods = READ | METHOD_POST, ANYBODY, .handle = later_endpoint, .ctx = fixture },
        { .path = "/head/later", .methods = READ | METHOD_POST, ANYBODY, .moment = ENDPOINT_AT_HEAD, .handle = later_endpoint, .ctx = fixture },
        { .path = "/at-once", .methods = READ, ANYBODY, .handle = at_once_endpoint, .ctx = fixture },
        { .path = "/impatient", .methods = READ, ANYBODY, .handle = impatient_endpoint, .ctx = fixture },
        { .path = "/prepared", .methods = READ, ANYBODY, .handle = prepared_endpoint },
        { .path = "/long", .methods = READ, ANYBODY, .handle = long_endpoint },
        { .path = "/nothing/{how}", .methods = READ, ANYBODY, .handle = silent_endpoint },
    };
    /* clang-format on */
    assert_int_equal(sizeof(rows), sizeof(endpoints));
    memcpy(endpoints, rows, sizeof(rows));
    assert_int_equal(start(fixture, endpoints, COUNTOF(endpoints), request_ms, grace_ms), ST_OK);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    assert_int_equal(pthread_mutex_init(&fixture->mutex, NULL), 0);
    (void)snprintf(fixture->directory, sizeof(fixture->directory), "kb-http-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(fixture->cert, sizeof(fixture->cert), "%s/tls.crt", fixture->directory);
    (void)snprintf(fixture->key, sizeof(fixture->key), "%s/tls.key", fixture->directory);
    certificate_kit_make(fixture->cert, fixture->key, time(NULL) + 3600);
    const struct tls_options options = { .cert_file = fixture->cert,
                                         .key_file = fixture->key,
                                         .clock = clock_system() };
    struct problem problem = { 0 };
    assert_int_equal(tls_context_new(&options, &fixture->tls, &problem), ST_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fixture->server = http_server_free(fixture->server);
    if (fixture->waiting) {
        pending_resume(fixture->waiting); /* long after the server has gone */
    }
    fixture->tls = tls_context_free(fixture->tls);
    fixture->log = log_free(fixture->log);
    if (fixture->log_file) {
        assert_int_equal(fclose(fixture->log_file), 0);
    }
    (void)unlink(fixture->cert);
    (void)unlink(fixture->key);
    (void)rmdir(fixture->directory);
    (void)pthread_mutex_destroy(&fixture->mutex);
    free(fixture);
    return 0;
}

static int64_t now_ms(void)
{
    const struct clock clock = clock_system();
    return clock_monotonic_ns(&clock) / 1000000;
}

static void wait_for(const _Atomic int *count, int want)
{
    const int64_t end_ms = now_ms() + DEADLINE_MS;
    while (atomic_load(count) < want) {
        if (now_ms() > end_ms) {
            fail_msg("%d in place of %d", atomic_load(count), want);
        }
        (void)poll(NULL, 0, 1);
    }
}

static struct pending *take_waiting(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    struct pending *pending = fixture->waiting;
    fixture->waiting = NULL;
    pthread_mutex_unlock(&fixture->mutex);
    assert_non_null(pending);
    return pending;
}

static void resume(struct fixture *fixture, const char *words)
{
    struct pending *pending = take_waiting(fixture);
    struct answer *answer = pending_state(pending);
    (void)snprintf(answer->text, sizeof(answer->text), "%s", words);
    pending_resume(pending);
}

static uint64_t counter(const struct fixture *fixture, enum worker_counter which)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < http_server_worker_count(fixture->server); i++) {
        sum += http_server_metrics(fixture->server, i)->counters[which];
    }
    return sum;
}

/* --- a client --- */

struct client {
    int fd;
    gnutls_session_t session; /* NULL: without TLS */
    gnutls_certificate_credentials_t credentials;
    char got[16384];
    size_t len;
};

/* With the certificate and key of @pair, if there is one. */
static void shake_hands(struct client *client, const gnutls_datum_t *pair)
{
    assert_int_equal(gnutls_certificate_allocate_credentials(&client->credentials), 0);
    if (pair) {
        assert_int_equal(gnutls_certificate_set_x509_key_mem(client->credentials, &pair[0],
                                                             &pair[1], GNUTLS_X509_FMT_PEM),
                         0);
    }
    /* shown whatever authorities the server names */
    assert_int_equal(gnutls_init(&client->session, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT), 0);
    assert_int_equal(gnutls_set_default_priority(client->session), 0);
    assert_int_equal(
        gnutls_credentials_set(client->session, GNUTLS_CRD_CERTIFICATE, client->credentials), 0);
    gnutls_transport_set_int(client->session, client->fd);
    assert_int_equal(gnutls_handshake(client->session), 0);
}

static struct client connect_only(const struct fixture *fixture, int listener)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(
            http_server_port(fixture->server, fixture->is_secure_only ? 0 : (size_t)listener)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct timeval timeout = { .tv_sec = DEADLINE_MS / 1000 };
    const struct client client = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    assert_true(client.fd >= 0);
    assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
    assert_int_equal(connect(client.fd, (const void *)&address, sizeof(address)), 0);
    return client;
}

static void connect_as(struct client *client,
                       const struct fixture *fixture,
                       int listener,
                       const gnutls_datum_t *pair)
{
    *client = connect_only(fixture, listener);
    if (listener == SECURE) {
        shake_hands(client, pair);
    }
}

static void connect_to(struct client *client, const struct fixture *fixture, int listener)
{
    connect_as(client, fixture, listener, NULL);
}

static void disconnect(struct client *client)
{
    if (client->session) {
        gnutls_deinit(client->session);
        gnutls_certificate_free_credentials(client->credentials);
    }
    assert_int_equal(close(client->fd), 0);
    client->fd = -1;
}

static void send_text(const struct client *client, const char *bytes)
{
    const ssize_t len = (ssize_t)strlen(bytes);
    assert_int_equal(client->session ? gnutls_record_send(client->session, bytes, (size_t)len)
                                     : send(client->fd, bytes, (size_t)len, MSG_NOSIGNAL),
                     len);
}

static void ask(const struct client *client, const char *line, const char *more)
{
    char head[1024];
    (void)snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: a\r\n%s", line, more);
    send_text(client, head);
}

/* False at the end of the stream. */
static bool receive(struct client *client)
{
    char *to = client->got + client->len;
    const size_t max = sizeof(client->got) - 1 - client->len;
    assert_true(max > 0);
    ssize_t n = 0;
    do {
        n = client->session ? gnutls_record_recv(client->session, to, max)
                            : recv(client->fd, to, max, 0);
    } while (client->session && (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED));
    if (n > 0) {
        client->len += (size_t)n;
        client->got[client->len] = '\0';
    }
    return n > 0;
}

/* A whole reply is there; what is behind it stays. Its text is in @reply. */
static void read_reply(struct client *client, char *reply, size_t size)
{
    client->got[client->len] = '\0';
    for (;;) {
        const char *body = strstr(client->got, "\r\n\r\n");
        const char *length = strcasestr(client->got, "Content-Length: ");
        if (body && length) {
            const size_t whole = (size_t)(body + 4 - client->got) + strtoul(length + 16, NULL, 10);
            if (client->len >= whole) {
                assert_true(whole < size);
                memcpy(reply, client->got, whole);
                reply[whole] = '\0';
                client->len -= whole;
                memmove(client->got, client->got + whole, client->len + 1);
                return;
            }
        }
        if (!receive(client)) {
            fail_msg("no reply but \"%s\"", client->got);
        }
    }
}

static void assert_reply(struct client *client, const char *status, const char *body)
{
    char reply[4096];
    read_reply(client, reply, sizeof(reply));
    char want[64];
    (void)snprintf(want, sizeof(want), "HTTP/1.1 %s ", status);
    if (strncmp(reply, want, strlen(want)) != 0 || !strstr(reply, body)) {
        fail_msg("%s in place of %s %s", reply, status, body);
    }
}

static void assert_closed(struct client *client)
{
    while (receive(client)) {
    }
    assert_int_equal(client->len, 0);
}

/* --- cases, each on both listeners --- */

static void test_http_server_methods_parameters_queries(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    for (int listener = PLAIN; listener < LISTENER_COUNT; listener++) {
        struct client client;
        char reply[4096];
        connect_to(&client, fixture, listener);
        ask(&client, "GET /items/a?x=%41&y", "\r\n");
        assert_reply(&client, "200", "\r\n\r\nGET item=a query=x=A;y=; body=");
        ask(&client, "PUT /items/a%20b", "Content-Length: 4\r\n\r\nbody");
        assert_reply(&client, "201", "\r\n\r\nPUT item=a b query= body=body");
        ask(&client, "DELETE /items/c", "Content-Length: 1\r\n\r\nd");
        assert_reply(&client, "200", "\r\n\r\nDELETE item=c query= body=d");
        ask(&client, "GET /items/c", "Content-Length: 1\r\n\r\nd"); /* a body that means nothing */
        assert_reply(&client, "200", "\r\n\r\nGET item=c query= body=");
        ask(&client, "POST /items/c", "Content-Length: 1\r\n\r\nd");
        read_reply(&client, reply, sizeof(reply));
        assert_non_null(strstr(reply, "HTTP/1.1 405 "));
        assert_non_null(strstr(reply, "\r\nAllow: GET, HEAD, PUT, DELETE\r\n"));
        assert_non_null(strstr(reply, "\"expected GET, HEAD, PUT or DELETE\""));
        ask(&client, "GET /items/", "\r\n");
        assert_reply(&client, "404", "\"reason\":\"NotFound\"");
        ask(&client, "GET /prepared", "\r\n");
        assert_reply(&client, "202", "\r\n\r\ntwo");
        ask(&client, "GET /items/last", "\r\n");
        read_reply(&client, reply, sizeof(reply));
        assert_non_null(strstr(reply, "\r\nX-Item: yes\r\n"));
        assert_non_null(strstr(reply, "\r\nConnection: close\r\n"));
        assert_closed(&client);
        disconnect(&client);
        connect_to(&client, fixture, listener);
        ask(&client, "GET /nothing/said", "\r\n");
        assert_closed(&client);
        disconnect(&client);
    }
}

/* A head, and what its answer begins with. All of them but the last end the connection. */
/* clang-format off */
static const struct {
    const char *line;
    const char *more;
    const char *status;
    const char *text;
} refused_heads[] = {
    { "GET /items/%zz", "\r\n", "400", "the request line or a header field is malformed" },
    { "G(T /items/a", "\r\n", "400", "the request line or a header field is malformed" },
    { "GET /items/a", "Host: b\r\n\r\n", "400", "" },
    { "PUT /items/a", "Content-Length: 4097\r\n\r\n", "413", "--max-request-body-bytes" },
    { "GET /items/a", "Transfer-Encoding: chunked\r\n\r\n", "400", "no chunked body is taken here" },
    { "PUT /items/a", "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "201", "body=a" },
    { "PUT /items/a", "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx y: z\r\n\r\n", "400", "" },
    { "PUT /items/a", "Connection: close\r\nContent-Length: 0\r\n\r\n", "201", "body=" },
    { "PUT /nothing/here", "Content-Length: 2\r\n\r\nab", "405", "expected GET or HEAD" },
};
/* clang-format on */

static void test_http_server_refuses_by_the_head(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    for (int listener = PLAIN; listener < LISTENER_COUNT; listener++) {
        for (size_t i = 0; i < COUNTOF(refused_heads); i++) {
            struct client client;
            print_message("# row: %zu %s\n", i, refused_heads[i].line);
            connect_to(&client, fixture, listener);
            ask(&client, refused_heads[i].line, refused_heads[i].more);
            assert_reply(&client, refused_heads[i].status, refused_heads[i].text);
            if (i + 1 < COUNTOF(refused_heads)) {
                assert_closed(&client);
            }
            disconnect(&client);
        }
    }
}

/* Longer than any limit says, and sent in pieces that say nothing of the whole. */
static void test_http_server_body_without_end(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    for (int factor = 2; factor <= 8; factor *= 4) {
        struct client client;
        char piece[1100];
        connect_to(&client, fixture, PLAIN);
        ask(&client, "PUT /items/a", "Transfer-Encoding: chunked\r\n\r\n");
        (void)snprintf(piece, sizeof(piece), "400\r\n%01024d\r\n", 0);
        for (int i = 0; i < MAX_BODY / 1024 * factor; i++) {
            (void)send(client.fd, piece, strlen(piece),
                       MSG_NOSIGNAL); /* it may be closed already */
        }
        (void)send(client.fd, "0\r\n\r\n", 5, MSG_NOSIGNAL);
        if (factor == 2) {
            assert_reply(&client, "413", "--max-request-body-bytes");
        } else {
            assert_closed(&client);
            assert_int_equal(counter(fixture, COUNT_CLOSED_BODY), 1);
        }
        disconnect(&client);
    }
}

/* A query longer than what is kept between requests counts as memory of its connection. */
static void test_http_server_long_queries(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    struct client client;
    char line[6000];
    connect_to(&client, fixture, PLAIN);
    for (int round = 0; round < 2; round++) {
        (void)snprintf(line, sizeof(line), "GET /items/a?x=%05000d HTTP/1.1\r\nHost: a\r\n\r\n", 0);
        send_text(&client, line);
        char reply[8192];
        read_reply(&client, reply, sizeof(reply));
        assert_non_null(strstr(reply, "query=x=00000"));
    }
    disconnect(&client);
}

static void test_http_server_answers_at_the_head(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    for (int listener = PLAIN; listener < LISTENER_COUNT; listener++) {
        struct client client;
        char reply[4096];
        connect_to(&client, fixture, listener);
        ask(&client, "GET /head", "X-Asked: one\r\nx-asked: two\r\n\r\n");
        assert_reply(&client, "200", "\r\n\r\nhead 2 one 0");
        ask(&client, "GET /head", "\r\n"); /* without a body the connection goes on */
        assert_reply(&client, "200", "\r\n\r\nhead 0  0");
        /* longer than any body may be, and never sent */
        ask(&client, "POST /head", "Expect: 100-continue\r\nContent-Length: 99999\r\n\r\n");
        read_reply(&client, reply, sizeof(reply));
        assert_non_null(strstr(reply, "HTTP/1.1 200 "));
        assert_non_null(strstr(reply, "\r\nConnection: close\r\n"));
        assert_closed(&client);
        disconnect(&client);
        connect_to(&client, fixture, listener);
        ask(&client, "POST /head", "Transfer-Encoding: chunked\r\n\r\n");
        assert_reply(&client, "200", "\r\n\r\nhead 0  0");
        assert_closed(&client);
        disconnect(&client);
    }
}

static void test_http_server_pending_is_answered_when_resumed(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    int asked = 0;
    for (int listener = PLAIN; listener < LISTENER_COUNT; listener++) {
        struct client client;
        connect_to(&client, fixture, listener);
        for (int round = 0; round < 3; round++) {
            ask(&client, "POST /later", "Content-Length: 2\r\n\r\nab");
            wait_for(&fixture->asked, ++asked);
            /* of a pipeline, and answered in its turn */
            ask(&client, "GET /items/a", "\r\n");
            resume(fixture, "now");
            assert_reply(&client, "200", "\r\n\r\nlater now body=ab");
            assert_reply(&client, "200", "\r\n\r\nGET item=a");
            wait_for(&fixture->freed, asked);
        }
        ask(&client, "GET /head/later", "\r\n");
        wait_for(&fixture->asked, ++asked);
        resume(fixture, "at the head");
        assert_reply(&client, "200", "\r\n\r\nlater at the head body=");
        ask(&client, "POST /head/later", "Content-Length: 99999\r\n\r\n");
        wait_for(&fixture->asked, ++asked);
        resume(fixture, "before its body");
        assert_reply(&client, "200", "\r\n\r\nlater before its body body=");
        assert_closed(&client);
        disconnect(&client);
    }
    wait_for(&fixture->freed, asked);
}

static void test_http_server_pending_in_several_steps(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    for (int listener = PLAIN; listener < LISTENER_COUNT; listener++) {
        struct client client;
        connect_to(&client, fixture, listener);
        for (int round = 0; round < 20; round++) {
            ask(&client, "GET /at-once", "\r\n");
            assert_reply(&client, "200", "\r\n\r\nthree steps");
        }
        ask(&client, "GET /impatient", "\r\n");
        assert_reply(&client, "200", "\r\n\r\nimpatient");
        disconnect(&client);
    }
    wait_for(&fixture->freed, LISTENER_COUNT * (20 * 3 + 1));
}

/* The client resets its connection, ends its side, or just goes. */
static void test_http_server_pending_whose_client_leaves(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    int asked = 0;
    for (int listener = PLAIN; listener < LISTENER_COUNT; listener++) {
        struct client client;
        const struct linger reset = { .l_onoff = 1 };
        connect_to(&client, fixture, listener);
        ask(&client, "GET /later", "\r\n");
        wait_for(&fixture->asked, ++asked);
        assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        disconnect(&client);
        /* the connection goes at once, not with its deadline */
        const int64_t end_ms = now_ms() + DEADLINE_MS / 2;
        while (counter(fixture, COUNT_CONNECTIONS_CLOSED) <
               counter(fixture, COUNT_CONNECTIONS_ACCEPTED)) {
            assert_true(now_ms() < end_ms);
            (void)poll(NULL, 0, 1);
        }
        assert_int_equal(fixture->freed, asked - 1); /* it is still ours to resume */
        resume(fixture, "too late");
        wait_for(&fixture->freed, asked);

        connect_to(&client, fixture, listener);
        ask(&client, "GET /later", "\r\n");
        wait_for(&fixture->asked, ++asked);
        disconnect(&client);
        resume(fixture, "into the void");
        wait_for(&fixture->freed, asked);
    }
}

/* Who has ended his own side may well wait for the reply. */
static void test_http_server_pending_of_a_client_that_ended_its_side(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    struct client client;
    connect_to(&client, fixture, PLAIN);
    ask(&client, "GET /later", "\r\n");
    wait_for(&fixture->asked, 1);
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    (void)poll(NULL, 0, 600); /* two sweeps, which close what its client has left */
    resume(fixture, "all the same");
    assert_reply(&client, "200", "\r\n\r\nlater all the same");
    disconnect(&client);
}

/* As TCP knows it, and before that perhaps as TLS does (RFC 8446 6.1). */
static void end_side(const struct client *client, bool is_announced)
{
    if (client->session && is_announced) {
        assert_int_equal(gnutls_bye(client->session, GNUTLS_SHUT_WR), 0);
    }
    assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
}

/* Whichever comes first to the worker, the end of its client's side or that it is resumed. */
static void test_http_server_pending_resumed_as_its_client_ends_its_side(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    int asked = 0;
    for (int listener = PLAIN; listener < LISTENER_COUNT; listener++) {
        for (int round = 0; round < 60; round++) {
            struct client client;
            connect_to(&client, fixture, listener);
            ask(&client, "POST /later", "Content-Length: 2\r\n\r\nab");
            wait_for(&fixture->asked, ++asked);
            if (round % 2) {
                resume(fixture, "all the same");
            }
            for (volatile int spin = round * 2000; spin > 0; spin--) {
            }
            end_side(&client, round % 4 < 2);
            for (volatile int spin = round * 2000; spin > 0; spin--) {
            }
            if (round % 2 == 0) {
                resume(fixture, "all the same");
            }
            assert_reply(&client, "200", "\r\n\r\nlater all the same");
            disconnect(&client);
        }
        for (int round = 0; round < 60; round++) {
            struct client client;
            connect_to(&client, fixture, listener);
            ask(&client, "GET /at-once", "\r\n");
            end_side(&client, round % 4 < 2);
            assert_reply(&client, "200", "\r\n\r\nthree steps");
            disconnect(&client);
        }
    }
}

static void test_http_server_pending_is_held_to_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, 300, DEADLINE_MS);
    int asked = 0;
    for (int listener = PLAIN; listener < LISTENER_COUNT; listener++) {
        struct client client;
        connect_to(&client, fixture, listener);
        ask(&client, "GET /later", "\r\n");
        wait_for(&fixture->asked, ++asked);
        assert_closed(&client);
        disconnect(&client);
        assert_int_equal(counter(fixture, COUNT_CLOSED_REQUEST_TIME), asked);
        resume(fixture, "too late");
        wait_for(&fixture->freed, asked);
    }
}

static void test_http_server_stop_waits_for_what_is_pending(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    struct client client;
    char reply[4096];
    connect_to(&client, fixture, SECURE);
    ask(&client, "GET /later", "\r\n");
    wait_for(&fixture->asked, 1);
    http_server_drain(fixture->server);
    http_server_stop(fixture->server);
    assert_int_equal(http_server_phase(fixture->server), HTTP_SERVER_STOPPING);
    resume(fixture, "in the grace");
    read_reply(&client, reply, sizeof(reply));
    assert_non_null(strstr(reply, "later in the grace"));
    assert_non_null(strstr(reply, "\r\nConnection: close\r\n"));
    assert_closed(&client);
    wait_for(&fixture->ended, 1);
    disconnect(&client);
}

/* Nobody resumes: the grace is all there is, and the server is gone when somebody does. */
static void test_http_server_end_does_not_wait_for_ever(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS * 10, 100);
    for (int listener = PLAIN; listener < LISTENER_COUNT; listener++) {
        struct client client;
        connect_to(&client, fixture, listener);
        ask(&client, "GET /later", "\r\n");
        wait_for(&fixture->asked, listener + 1);
        if (listener == PLAIN) {
            pending_resume(take_waiting(fixture));
            assert_reply(&client, "200", "later");
            disconnect(&client);
        } else {
            const int64_t from_ms = now_ms();
            fixture->server = http_server_free(fixture->server);
            assert_true(now_ms() - from_ms < DEADLINE_MS);
            assert_closed(&client);
            disconnect(&client);
        }
    }
    assert_int_equal(fixture->freed, 1);
    pending_resume(take_waiting(fixture));
    assert_int_equal(fixture->freed, 2);
}

static void test_http_server_cut_cuts_what_is_pending(void **state)
{
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS * 10, DEADLINE_MS * 10);
    struct client client;
    connect_to(&client, fixture, PLAIN);
    ask(&client, "GET /later", "\r\n");
    wait_for(&fixture->asked, 1);
    http_server_cut(fixture->server);
    assert_closed(&client);
    wait_for(&fixture->ended, 1);
    disconnect(&client);
    resume(fixture, "too late");
}

/* A pipeline whose replies are not read for a while: the rest of it is answered when they are. */
static void test_http_server_replies_that_wait(void **state)
{
    enum { REQUESTS = 120 };
    struct fixture *fixture = *state;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    struct client client;
    static const char one[] = "GET /long HTTP/1.1\r\nHost: a\r\n\r\n";
    char pipeline[REQUESTS * sizeof(one)];
    char reply[LONG_REPLY_BYTES + 1000];
    for (size_t i = 0; i < REQUESTS; i++) {
        memcpy(pipeline + i * (sizeof(one) - 1), one, sizeof(one));
    }
    for (int listener = PLAIN; listener < LISTENER_COUNT; listener++) {
        connect_to(&client, fixture, listener);
        send_text(&client, pipeline);
        (void)poll(NULL, 0, 300); /* until the sockets are full */
        for (int i = 0; i < REQUESTS; i++) {
            read_reply(&client, reply, sizeof(reply));
            assert_non_null(strstr(reply, "\r\n\r\n0000"));
        }
        ask(&client, "GET /prepared", "\r\n");
        assert_reply(&client, "202", "two");
        disconnect(&client);
    }
    /* one that never reads goes with its deadline, or with us: nothing waits for it */
    connect_to(&client, fixture, SECURE);
    send_text(&client, pipeline);
    (void)poll(NULL, 0, 300);
    http_server_cut(fixture->server);
    wait_for(&fixture->ended, 1);
    disconnect(&client);
}

/* Whoever comes when all places are taken finds one the next time, since a stranger was let go. */
static void test_http_server_places_are_limited(void **state)
{
    struct fixture *fixture = *state;
    struct client clients[2];
    struct client late;
    fixture->is_secure_only = true;
    fixture->max_connections = COUNTOF(clients);
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    for (size_t i = 0; i < COUNTOF(clients); i++) {
        connect_to(&clients[i], fixture, SECURE);
    }
    const int64_t end_ms = now_ms() + DEADLINE_MS;
    while (counter(fixture, COUNT_CLOSED_MEMORY) == 0) {
        const struct client refused = connect_only(fixture, SECURE);
        char byte;
        assert_int_equal(recv(refused.fd, &byte, 1, 0) > 0, 0);
        assert_int_equal(close(refused.fd), 0);
        assert_true(now_ms() < end_ms);
    }
    assert_true(counter(fixture, COUNT_CLOSED_LIMIT) > 0);
    while (counter(fixture, COUNT_CONNECTIONS_CLOSED) == 0) {
        assert_true(now_ms() < end_ms);
        (void)poll(NULL, 0, 1);
    }
    connect_to(&late, fixture, SECURE);
    ask(&late, "GET /prepared", "\r\n");
    assert_reply(&late, "202", "two");
    disconnect(&late);
    for (size_t i = 0; i < COUNTOF(clients); i++) {
        disconnect(&clients[i]);
    }
}

/* Nobody is let in who does not fit. */
static void test_http_server_memory_is_limited(void **state)
{
    struct fixture *fixture = *state;
    fixture->is_secure_only = true;
    fixture->max_connection_memory_bytes = 1;
    start_all(fixture, DEADLINE_MS, DEADLINE_MS);
    const struct client refused = connect_only(fixture, SECURE);
    char byte;
    assert_int_equal(recv(refused.fd, &byte, 1, 0) > 0, 0);
    assert_int_equal(close(refused.fd), 0);
    assert_int_equal(counter(fixture, COUNT_CLOSED_LIMIT_MEMORY), 1);
    assert_int_equal(http_server_connection_memory(fixture->server), 0);
}

/* --- client certificates --- */

static gnutls_datum_t file_text(const char *path)
{
    gnutls_datum_t text = { 0 };
    assert_int_equal(gnutls_load_file(path, &text), 0);
    return text;
}

/* A certificate and its key, as PEM. @issuer: NULL: it signs itself */
static void issue(struct certificate_kit *kit,
                  const struct certificate_kit *issuer,
                  const struct fixture *fixture,
                  gnutls_datum_t ret_pair[static 2])
{
    char cert[160];
    char key[160];
    (void)snprintf(cert, sizeof(cert), "%s.client", fixture->cert);
    (void)snprintf(key, sizeof(key), "%s.client", fixture->key);
    certificate_kit_issue(kit, issuer);
    certificate_kit_save(kit, cert, key);
    ret_pair[0] = file_text(cert);
    ret_pair[1] = file_text(key);
    (void)unlink(cert);
    (void)unlink(key);
}

static void test_http_server_client_certificates(void **state)
{
    struct fixture *fixture = *state;
    static const struct endpoint rows[] = {
        { .path = "/known", .methods = READ, .handle = head_endpoint },
        { .path = "/any", .methods = READ, ANYBODY, .handle = head_endpoint },
    };
    struct certificate_kit authority = { .dn = "CN=authority",
                                         .is_ca = true,
                                         .not_after_sec = time(NULL) + 3600 };
    struct certificate_kit good = { .dn = "CN=good",
                                    .usages = { GNUTLS_KP_TLS_WWW_CLIENT },
                                    .not_after_sec = time(NULL) + 3600 };
    struct certificate_kit stranger = { .dn = "CN=stranger",
                                        .usages = { GNUTLS_KP_TLS_WWW_CLIENT },
                                        .not_after_sec = time(NULL) + 3600 };
    gnutls_datum_t good_pair[2];
    gnutls_datum_t stranger_pair[2];
    char ca[160];
    char ca_key[160];
    (void)snprintf(ca, sizeof(ca), "%s.ca", fixture->cert);
    (void)snprintf(ca_key, sizeof(ca_key), "%s.ca", fixture->key);
    certificate_kit_issue(&authority, NULL);
    certificate_kit_save(&authority, ca, ca_key);
    issue(&good, &authority, fixture, good_pair);
    issue(&stranger, NULL, fixture, stranger_pair);
    const struct tls_options options = { .cert_file = fixture->cert,
                                         .key_file = fixture->key,
                                         .client_ca_file = ca,
                                         .clock = clock_system() };
    struct problem problem = { 0 };
    fixture->tls = tls_context_free(fixture->tls);
    assert_int_equal(tls_context_new(&options, &fixture->tls, &problem), ST_OK);
    fixture->is_secure_only = true;
    fixture->log_file = tmpfile();
    assert_non_null(fixture->log_file);
    assert_int_equal(start(fixture, rows, COUNTOF(rows), DEADLINE_MS, DEADLINE_MS), ST_OK);

    static const char *const want[] = { "401", "200", "401" };
    const gnutls_datum_t *const pairs[] = { NULL, good_pair, stranger_pair };
    for (size_t i = 0; i < COUNTOF(pairs); i++) {
        struct client client;
        connect_as(&client, fixture, SECURE, pairs[i]);
        ask(&client, "GET /known", "\r\n");
        assert_reply(&client, want[i], "");
        ask(&client, "GET /any", "\r\n");
        assert_reply(&client, "200", "head");
        disconnect(&client);
    }
    assert_int_equal(counter(fixture, COUNT_CLIENT_CERT_MISSING), 1);
    assert_int_equal(counter(fixture, COUNT_CLIENT_CERT_UNTRUSTED), 1);
    char log[4096];
    rewind(fixture->log_file);
    log[fread(log, 1, sizeof(log) - 1, fixture->log_file)] = '\0';
    assert_non_null(
        strstr(log, "\"Client certificate refused\" reason=\"untrusted\" client=\"127.0.0.1:"));
    assert_non_null(strstr(log, "CN=stranger"));
    (void)unlink(ca);
    (void)unlink(ca_key);
    for (int i = 0; i < 2; i++) {
        gnutls_free(good_pair[i].data);
        gnutls_free(stranger_pair[i].data);
    }
    certificate_kit_free(&authority);
    certificate_kit_free(&good);
    certificate_kit_free(&stranger);
}

static void test_http_server_careless_handler_ends_its_connection(void **state)
{
    struct fixture *fixture = *state;
    static const struct endpoint careless = {
        .path = "/", .methods = READ, ANYBODY, .handle = careless_endpoint
    };
    assert_int_equal(start(fixture, &careless, 1, DEADLINE_MS, DEADLINE_MS), ST_OK);
    struct client client;
    connect_to(&client, fixture, PLAIN);
    ask(&client, "GET /", "\r\n");
    assert_closed(&client);
    disconnect(&client);
}

static void test_http_server_refuses_rows_that_cannot_be(void **state)
{
    struct fixture *fixture = *state;
    static const struct endpoint for_known = { .path = "/",
                                               .methods = READ,
                                               .handle = silent_endpoint };
    static const struct endpoint relative = {
        .path = "x", .methods = READ, ANYBODY, .handle = silent_endpoint
    };
    /* nobody can show a certificate on the plain listener */
    assert_int_equal(start(fixture, &for_known, 1, DEADLINE_MS, DEADLINE_MS), ST_INVALID);
    assert_null(fixture->server);
    assert_int_equal(start(fixture, &relative, 1, DEADLINE_MS, DEADLINE_MS), ST_INVALID);
    const struct http_listener listener = { .address = "127.0.0.1", .workers = 1 };
    struct http_server_options options = { .listeners = &listener,
                                           .listener_count = 1,
                                           .clock = clock_system() };
    struct problem problem = { 0 };
    assert_int_equal(http_server_new(&options, &fixture->server, &problem), ST_INVALID);
    assert_string_equal(problem.text, "a listener without TLS cannot ask for client certificates");
    options.listener_count = HTTP_SERVER_LISTENERS_MAX + 1;
    assert_int_equal(http_server_new(&options, &fixture->server, &problem), ST_LIMIT);
    assert_null(fixture->server);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_http_server_methods_parameters_queries),
        CASE(test_http_server_refuses_by_the_head),
        CASE(test_http_server_body_without_end),
        CASE(test_http_server_long_queries),
        CASE(test_http_server_answers_at_the_head),
        CASE(test_http_server_pending_is_answered_when_resumed),
        CASE(test_http_server_pending_in_several_steps),
        CASE(test_http_server_pending_whose_client_leaves),
        CASE(test_http_server_pending_of_a_client_that_ended_its_side),
        CASE(test_http_server_pending_resumed_as_its_client_ends_its_side),
        CASE(test_http_server_pending_is_held_to_the_deadline),
        CASE(test_http_server_stop_waits_for_what_is_pending),
        CASE(test_http_server_end_does_not_wait_for_ever),
        CASE(test_http_server_cut_cuts_what_is_pending),
        CASE(test_http_server_replies_that_wait),
        CASE(test_http_server_places_are_limited),
        CASE(test_http_server_memory_is_limited),
        CASE(test_http_server_client_certificates),
        CASE(test_http_server_careless_handler_ends_its_connection),
        CASE(test_http_server_refuses_rows_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
