/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests against a server that says what the test wrote down (support/https_script.h): what goes
 * out, whom it goes to, what of the reply is handed on, and how each way to fail is told.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <gnutls/x509.h>
#include <sodium.h>

#include "io/http/client.h"
#include "support/alloc_fail.h"
#include "support/https_script.h"

#define DEADLINE_MS 60000 /* only that a test ends at all */
#define SHORT_MS    150   /* a timeout that is meant to pass */
#define OK_REPLY    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct https_pki pki;

/* libcrypto looks for CAs in the system's directory by stat(), that of OpenSSL 3.5 by lstat():
 * count that. */
static unsigned system_ca_lookups;

static int count_lookup(const char *path, struct stat *ret_stat, int flags)
{
    const char *directory = curl_version_info(CURLVERSION_NOW)->capath;
    if (directory && strncmp(path, directory, strlen(directory)) == 0) {
        system_ca_lookups++;
    }
    return (int)syscall(SYS_newfstatat, AT_FDCWD, path, ret_stat, flags);
}

int counting_stat(const char *path, struct stat *ret_stat) __asm__("stat");
int counting_stat(const char *path, struct stat *ret_stat)
{
    return count_lookup(path, ret_stat, 0);
}

int counting_lstat(const char *path, struct stat *ret_stat) __asm__("lstat");
int counting_lstat(const char *path, struct stat *ret_stat)
{
    return count_lookup(path, ret_stat, AT_SYMLINK_NOFOLLOW);
}

/* Looking up "slow.test" takes until the gate is opened, or for ever; "node.test" is not there. */
static sem_t lookup_gate;
static sem_t lookup_begun;

int getaddrinfo(const char *restrict name,
                const char *restrict service,
                const struct addrinfo *restrict hints,
                struct addrinfo **restrict ret_list)
{
    static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (name && strcmp(name, "slow.test") == 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 2 * DEADLINE_MS / 1000;
        sem_post(&lookup_begun);
        (void)sem_timedwait(&lookup_gate, &until);
        return EAI_NONAME;
    }
    if (name && strcmp(name, "node.test") == 0) {
        return EAI_NONAME;
    }
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    return next(name, service, hints, ret_list);
}

/* What has been wiped so far, and held one of these. */
static const char *const secret_words[] = { "TEST-ONLY header", "TEST-ONLY body", "PRIVATE KEY" };
static unsigned wiped_words[COUNTOF(secret_words)];

void sodium_memzero(void *const bytes, const size_t len)
{
    for (size_t i = 0; i < COUNTOF(secret_words); i++) {
        wiped_words[i] += memmem(bytes, len, secret_words[i], strlen(secret_words[i])) != NULL;
    }
    explicit_bzero(bytes, len);
}

/* How often a timer was set to this silence. */
#define COUNTED_SILENCE_MS 54321
static unsigned counted_silences;

int uv_timer_start(uv_timer_t *timer, uv_timer_cb callback, uint64_t timeout_ms, uint64_t repeat_ms)
{
    static int (*next)(uv_timer_t *, uv_timer_cb, uint64_t, uint64_t);
    counted_silences += timeout_ms == COUNTED_SILENCE_MS;
    *(void **)&next = dlsym(RTLD_NEXT, "uv_timer_start");
    return next(timer, callback, timeout_ms, repeat_ms);
}

/* A client on a loop, and a watchdog. */
struct kit {
    struct loop *loop;
    struct http_client *client;
    uv_timer_t watchdog;
    unsigned to_wait; /* on_done calls until the loop stops */
    bool late;
};

/* What one request was told, and what it does then. */
struct asked {
    struct kit *kit;
    struct http_transfer *transfer;
    struct http_result head;
    struct http_result result;
    unsigned head_count;
    unsigned done_count;
    char body[4096];
    size_t body_len;
    sem_t *open_gate; /* opened at each piece of the body */
    enum status body_status;
    char server_name[64];
    unsigned server_count;
    unsigned shown_count;      /* certificates */
    bool shows_its_own;        /* the first of them is pki.server */
    enum status server_status; /* what on_server returns */
    bool cancel_in_server;
    bool cancel_in_head;
    bool cancel_in_body;
    bool free_in_head;
    bool free_in_body;
    bool free_in_done;
    struct asked *cancels;             /* cancelled in on_body */
    const struct http_request *next;   /* started in on_body, if @next_in_body, or in on_done */
    const struct http_endpoint *where; /* of next */
    bool next_in_body;
};

static void start(struct kit *kit,
                  const struct http_endpoint *endpoint,
                  const struct http_request *request);

static void on_late(uv_timer_t *timer)
{
    struct kit *kit = timer->data;
    kit->late = true;
    loop_stop(kit->loop);
}

static void kit_init(struct kit *kit)
{
    *kit = (struct kit){ 0 };
    assert_int_equal(loop_new(&kit->loop), ST_OK);
    assert_int_equal(http_client_new(kit->loop, &kit->client), ST_OK);
    assert_int_equal(uv_timer_init(loop_uv(kit->loop), &kit->watchdog), 0);
    kit->watchdog.data = kit;
}

static void kit_fini(struct kit *kit)
{
    assert_null(http_client_free(kit->client));
    uv_close((uv_handle_t *)&kit->watchdog, NULL);
    assert_null(loop_free(kit->loop)); /* asserts that no handle is left open */
    assert_false(kit->late);
}

/* Until @count requests are done. */
static void kit_run(struct kit *kit, unsigned count)
{
    kit->to_wait = count;
    uv_update_time(loop_uv(kit->loop));
    assert_int_equal(uv_timer_start(&kit->watchdog, on_late, DEADLINE_MS, 0), 0);
    loop_run(kit->loop);
    assert_false(kit->late);
    assert_int_equal(uv_timer_stop(&kit->watchdog), 0);
}

static void count_down(struct kit *kit)
{
    if (kit->to_wait && --kit->to_wait == 0) {
        loop_stop(kit->loop);
    }
}

static void on_head(void *ctx, const struct http_result *head)
{
    struct asked *asked = ctx;
    asked->head = *head;
    asked->head_count++;
    if (asked->cancel_in_head) {
        asked->transfer = http_cancel(asked->transfer);
        count_down(asked->kit);
    }
    if (asked->free_in_head) {
        asked->kit->client = http_client_free(asked->kit->client);
        count_down(asked->kit);
    }
}

static enum status on_body(void *ctx, struct span piece)
{
    struct asked *asked = ctx;
    assert_int_equal(asked->head_count, 1);
    if (asked->body_len + piece.len < sizeof(asked->body)) {
        memcpy(asked->body + asked->body_len, piece.at, piece.len);
    }
    asked->body_len += piece.len;
    if (asked->open_gate) {
        sem_post(asked->open_gate);
    }
    if (asked->cancels) {
        asked->cancels->transfer = http_cancel(asked->cancels->transfer);
    }
    if (asked->next && asked->next_in_body) {
        start(asked->kit, asked->where, asked->next);
        asked->next = NULL;
    }
    if (asked->cancel_in_body) {
        asked->transfer = http_cancel(asked->transfer);
        count_down(asked->kit);
        return ST_INTERNAL; /* does not matter */
    }
    if (asked->free_in_body) {
        asked->kit->client = http_client_free(asked->kit->client);
        count_down(asked->kit);
    }
    return asked->body_status;
}

static void on_done(void *ctx, const struct http_result *result)
{
    struct asked *asked = ctx;
    asked->result = *result;
    asked->done_count++;
    asked->transfer = NULL;
    if (asked->next) {
        start(asked->kit, asked->where, asked->next);
    }
    if (asked->free_in_done) {
        asked->kit->client = http_client_free(asked->kit->client);
    }
    count_down(asked->kit);
}

static struct span pem_of(const gnutls_datum_t *pem)
{
    return (struct span){ (const char *)pem->data, pem->size };
}

static const char *url_of(const struct https_script *script, const char *host)
{
    static char url[128];
    (void)snprintf(url, sizeof(url), "%s://%s:%u", script->plain ? "http" : "https", host,
                   script->port);
    return url;
}

static struct http_endpoint endpoint_of(const struct https_script *script)
{
    return (struct http_endpoint){
        .url = url_of(script, "127.0.0.1"),
        .proxy_url = "",
        .ca_pem = pem_of(&pki.ca.certificate),
    };
}

static struct http_request get(struct asked *asked, const char *path)
{
    return (struct http_request){
        .method = "GET",
        .path = path,
        .on_head = on_head,
        .on_body = on_body,
        .on_done = on_done,
        .ctx = asked,
    };
}

static void start(struct kit *kit,
                  const struct http_endpoint *endpoint,
                  const struct http_request *request)
{
    struct asked *asked = request->ctx;
    struct problem problem = { 0 };
    asked->kit = kit;
    assert_int_equal(http_start(kit->client, endpoint, request, &asked->transfer, &problem), ST_OK);
    assert_int_equal(asked->done_count, 0);
}

static void ask(struct kit *kit,
                const struct http_endpoint *endpoint,
                const struct http_request *request)
{
    struct asked *asked = request->ctx;
    start(kit, endpoint, request);
    kit_run(kit, 1);
    assert_int_equal(asked->done_count, 1);
}

/* One GET / of one connection with one exchange; returns what was told. */
static struct asked ask_once(struct https_script *script, struct http_endpoint *endpoint)
{
    struct kit kit;
    struct asked asked = { 0 };
    const struct http_request request = get(&asked, "/");
    kit_init(&kit);
    ask(&kit, endpoint, &request);
    kit_fini(&kit);
    https_script_stop(script);
    return asked;
}

#define SCRIPT(...)                                                                \
    {                                                                              \
        .exchanges = (const struct https_exchange[]){ __VA_ARGS__ },               \
        .exchange_count = sizeof((const struct https_exchange[]){ __VA_ARGS__ }) / \
                          sizeof(struct https_exchange),                           \
        .pki = &pki                                                                \
    }

/* Requests and replies. */

static void test_http_client_url_that_says_it_all(void **state)
{
    (void)state;
    static const struct {
        const char *path; /* of the URL */
        const char *want;
    } url_rows[] = {
        { "", "GET / HTTP/1.1\r\n" },
        { "/a/", "GET /a/ HTTP/1.1\r\n" },
        { "/a/?x=/#y", "GET /a/?x=/ HTTP/1.1\r\n" },
        { "?x", "GET /?x HTTP/1.1\r\n" },
    };
    for (size_t i = 0; i < COUNTOF(url_rows); i++) {
        struct https_script script = SCRIPT({ .expect = url_rows[i].want, .send = OK_REPLY });
        char url[128];
        struct kit kit;
        struct asked asked = { 0 };
        const struct http_request request = get(&asked, NULL);
        https_script_start(&script);
        struct http_endpoint endpoint = endpoint_of(&script);
        (void)snprintf(url, sizeof(url), "%s%s", endpoint.url, url_rows[i].path);
        endpoint.url = url;
        kit_init(&kit);
        ask(&kit, &endpoint, &request);
        kit_fini(&kit);
        https_script_stop(&script);
        assert_int_equal(asked.result.status, ST_OK);
    }
}

static void test_http_client_get_brings_head_and_body(void **state)
{
    (void)state;
    struct https_script script = SCRIPT({ .expect = "GET /prefix/a/../api?x=1 HTTP/1.1\r\n",
                                          .send = "HTTP/1.1 200 OK\r\n"
                                                  "content-TYPE: application/json\r\n"
                                                  "Content-Length: 5\r\n\r\nhello" });
    https_script_start(&script);
    struct kit kit;
    struct asked asked = { 0 };
    char url[160];
    (void)snprintf(url, sizeof(url), "%s/prefix/", url_of(&script, "127.0.0.1"));
    struct http_endpoint endpoint = endpoint_of(&script);
    endpoint.url = url;
    struct http_request request = get(&asked, "/a/../api?x=1");
    const char *const headers[] = { "Authorization: Bearer TEST-ONLY", "Accept: application/json" };
    request.headers = headers;
    request.header_count = COUNTOF(headers);
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
    https_script_stop(&script);
    assert_int_equal(asked.result.status, ST_OK);
    assert_int_equal(asked.result.code, 200);
    assert_int_equal(asked.head_count, 1);
    assert_int_equal(asked.head.code, 200);
    assert_string_equal(asked.head.content_type, "application/json");
    assert_true(strncmp(asked.head.from, "127.0.0.1:", 10) == 0);
    assert_false(asked.head.has_retry_after);
    assert_string_equal(asked.body, "hello");
    assert_string_equal(asked.result.text, "");
    assert_non_null(strstr(script.requests, "\r\nAuthorization: Bearer TEST-ONLY\r\n"));
    assert_non_null(strstr(script.requests, "\r\nAccept: application/json\r\n"));
    char host[64];
    (void)snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", script.port);
    assert_non_null(strstr(script.requests, host));
    const char *const absent[] = { "Accept-Encoding", "Cookie", "Expect", "Content-", "Upgrade" };
    for (size_t i = 0; i < COUNTOF(absent); i++) {
        assert_null(strcasestr(script.requests, absent[i]));
    }
}

static const struct {
    const char *method;
    const char *body;
    const char *expect;
    const char *end;
} method_rows[] = {
    { "POST", "{}", "POST / HTTP/1.1\r\n", "\r\nContent-Length: 2\r\n\r\n{}" },
    { "PUT", "{}", "PUT / HTTP/1.1\r\n", "\r\nContent-Length: 2\r\n\r\n{}" },
    { "PATCH", "{}", "PATCH / HTTP/1.1\r\n", "\r\nContent-Length: 2\r\n\r\n{}" },
    { "DELETE", "{}", "DELETE / HTTP/1.1\r\n", "\r\nContent-Length: 2\r\n\r\n{}" },
    { "DELETE", "", "DELETE / HTTP/1.1\r\n", "\r\n\r\n" },
    { "POST", "", "POST / HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n\r\n" },
};

static void test_http_client_methods_send_their_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(method_rows); i++) {
        struct https_script script = SCRIPT({ .expect = method_rows[i].expect, .send = OK_REPLY });
        https_script_start(&script);
        struct kit kit;
        struct asked asked = { 0 };
        const struct http_endpoint endpoint = endpoint_of(&script);
        struct http_request request = get(&asked, "/");
        const char *const headers[] = { "Content-Type: application/json" };
        request.method = method_rows[i].method;
        request.body = span_of(method_rows[i].body);
        request.headers = headers;
        request.header_count = method_rows[i].body[0] ? 1 : 0;
        kit_init(&kit);
        ask(&kit, &endpoint, &request);
        kit_fini(&kit);
        https_script_stop(&script);
        print_message("# %s %s\n", method_rows[i].method, method_rows[i].body);
        assert_int_equal(asked.result.status, ST_OK);
        assert_string_equal(script.requests + script.requests_len - strlen(method_rows[i].end),
                            method_rows[i].end);
        assert_true(!strstr(script.requests, "Content-Type: application/json") ==
                    !method_rows[i].body[0]);
        assert_null(strstr(script.requests, "x-www-form-urlencoded"));
    }
}

static void test_http_client_a_large_body_does_not_wait_for_100_continue(void **state)
{
    (void)state;
    struct https_script script = SCRIPT({ .expect = "POST /", .send = OK_REPLY });
    https_script_start(&script);
    struct kit kit;
    struct asked asked = { 0 };
    const struct http_endpoint endpoint = endpoint_of(&script);
    struct http_request request = get(&asked, "/");
    static char body[1024 * 1024 + 1]; /* from here on libcurl would wait */
    memset(body, 'x', sizeof(body));
    request.method = "POST";
    request.body = (struct span){ body, sizeof(body) };
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
    https_script_stop(&script);
    assert_int_equal(asked.result.status, ST_OK);
    assert_null(strcasestr(script.requests, "Expect"));
}

static const struct {
    const char *name;
    const char *reply;
    enum https_after after;
    enum status status;
    unsigned code;
    const char *body;
} reply_rows[] = {
    { "a redirect is handed back",
      "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
      HTTPS_KEEP, ST_OK, 302, "" },
    { "401 as well",
      "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno",
      HTTPS_KEEP, ST_OK, 401, "no" },
    { "no body", "HTTP/1.1 204 No Content\r\n\r\n", HTTPS_KEEP, ST_OK, 204, "" },
    { "chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
      HTTPS_KEEP, ST_OK, 200, "abcdefg" },
    { "chunks with a trailer",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-More: 1\r\n\r\n",
      HTTPS_KEEP, ST_OK, 200, "abc" },
    { "100 and 103 come before",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\nContent-Type: "
      "early\r\n\r\n" OK_REPLY,
      HTTPS_KEEP, ST_OK, 200, "ok" },
    { "the end of the connection is the end of the body", "HTTP/1.1 200 OK\r\n\r\nold", HTTPS_CLOSE,
      ST_OK, 200, "old" },
    { "101 was not asked for", "HTTP/1.1 101 Switching Protocols\r\n\r\nbytes", HTTPS_CLOSE,
      ST_UNAVAILABLE, 0, "" },
    { "length, cut short", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", HTTPS_CLOSE,
      ST_UNAVAILABLE, 200, "abc" },
    { "chunks, cut between two",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", HTTPS_CLOSE,
      ST_UNAVAILABLE, 200, "abc" },
    { "chunks, cut inside one", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
      HTTPS_CLOSE, ST_UNAVAILABLE, 200, "ab" },
    { "chunks of a length that is none",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", HTTPS_CLOSE,
      ST_UNAVAILABLE, 200, "" },
    { "cut in the head", "HTTP/1.1 200 OK\r\nContent-", HTTPS_CLOSE, ST_UNAVAILABLE, 0, "" },
    { "nothing at all", "", HTTPS_CLOSE, ST_UNAVAILABLE, 0, "" },
    { "no HTTP", "hello\r\n\r\n", HTTPS_CLOSE, ST_UNAVAILABLE, 0, "" },
    { "a header without colon", "HTTP/1.1 200 OK\r\nA: b\r\nnothing\r\n\r\n", HTTPS_CLOSE,
      ST_UNAVAILABLE, 0, "" },
};

static void check_reply_row(size_t i, size_t piece_len)
{
    struct https_script script = SCRIPT({ .expect = "GET / HTTP/1.1\r\n",
                                          .send = reply_rows[i].reply,
                                          .piece_len = piece_len,
                                          .after = reply_rows[i].after });
    https_script_start(&script);
    struct http_endpoint endpoint = endpoint_of(&script);
    const struct asked asked = ask_once(&script, &endpoint);
    print_message("# %s, in pieces of %zu: %s\n", reply_rows[i].name, piece_len, asked.result.text);
    assert_int_equal(asked.result.status, reply_rows[i].status);
    assert_int_equal(asked.result.code, reply_rows[i].code);
    assert_int_equal(asked.head_count, reply_rows[i].code != 0);
    assert_string_equal(asked.body, reply_rows[i].body);
    assert_true(!asked.result.text[0] == (reply_rows[i].status == ST_OK));
    assert_false(asked.result.has_retry_after);
    assert_string_equal(asked.result.content_type, "");
    assert_int_equal(script.connection_count, 1);
}

static void test_http_client_reply_rows_in_pieces_of_any_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(reply_rows); i++) {
        check_reply_row(i, 0);
        check_reply_row(i, 1);
        check_reply_row(i, 7);
    }
}

static const struct {
    const char *header;
    bool has;
    uint64_t sec;
} retry_rows[] = {
    { "Retry-After: 0\r\n", true, 0 },
    { "Retry-After: 17\r\n", true, 17 },
    { "retry-after:   1  \r\n", true, 1 },
    { "Retry-After: 86400\r\n", true, 86400 },
    { "Retry-After: 86401\r\n", true, 86400 },
    { "Retry-After: 99999999999999999999999999999999\r\n", true, 86400 },
    { "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", false, 0 },
    { "Retry-After: -1\r\n", false, 0 },
    { "Retry-After: 1.5\r\n", false, 0 },
    { "Retry-After: 1s\r\n", false, 0 },
    { "Retry-After:\r\n", false, 0 },
    { "", false, 0 },
};

static void test_http_client_retry_after_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(retry_rows); i++) {
        char reply[256];
        (void)snprintf(reply, sizeof(reply),
                       "HTTP/1.1 429 Too Many Requests\r\n%sContent-Length: 0\r\n\r\n",
                       retry_rows[i].header);
        struct https_script script = SCRIPT({ .expect = "GET /", .send = reply });
        https_script_start(&script);
        struct http_endpoint endpoint = endpoint_of(&script);
        const struct asked asked = ask_once(&script, &endpoint);
        print_message("# %s\n", retry_rows[i].header);
        assert_int_equal(asked.result.code, 429);
        assert_int_equal(asked.head.has_retry_after, retry_rows[i].has);
        assert_int_equal(asked.head.retry_after_sec, retry_rows[i].sec);
        assert_int_equal(asked.result.retry_after_sec, retry_rows[i].sec);
    }
}

/* A reply whose head has so many bytes, in lines of @line_len. */
static char *long_head(size_t head_len, size_t line_len)
{
    static const char first[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
    char *reply = malloc(head_len + 16);
    assert_non_null(reply);
    size_t at = sizeof(first) - 1;
    memcpy(reply, first, at);
    while (at < head_len - 2) {
        size_t line = head_len - 2 - at < line_len ? head_len - 2 - at : line_len;
        if (head_len - 2 - at - line < 8) {
            line = head_len - 2 - at;
        }
        memset(reply + at, 'x', line);
        reply[at + 1] = ':';
        memcpy(reply + at + line - 2, "\r\n", 2);
        at += line;
    }
    memcpy(reply + at, "\r\nok", sizeof("\r\nok"));
    return reply;
}

static void test_http_client_header_limit(void **state)
{
    (void)state;
    const struct {
        size_t head_len;
        size_t line_len;
        enum status status;
    } rows[] = {
        { HTTP_MAX_HEADER_BYTES, 1000, ST_OK },
        { HTTP_MAX_HEADER_BYTES + 1, 1000, ST_UNAVAILABLE },
        { HTTP_MAX_HEADER_BYTES, HTTP_MAX_HEADER_BYTES, ST_OK },
        { HTTP_MAX_HEADER_BYTES + 1, HTTP_MAX_HEADER_BYTES, ST_UNAVAILABLE },
        { 4 * HTTP_MAX_HEADER_BYTES, 4 * HTTP_MAX_HEADER_BYTES, ST_UNAVAILABLE },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char *reply = long_head(rows[i].head_len, rows[i].line_len);
        struct https_script script = SCRIPT({ .expect = "GET /", .send = reply });
        https_script_start(&script);
        struct http_endpoint endpoint = endpoint_of(&script);
        const struct asked asked = ask_once(&script, &endpoint);
        print_message("# head of %zu bytes: %s\n", rows[i].head_len, asked.result.text);
        assert_int_equal(asked.result.status, rows[i].status);
        assert_int_equal(asked.head_count, rows[i].status == ST_OK);
        free(reply);
    }
}

static void test_http_client_endless_interim_replies_end_at_the_header_limit(void **state)
{
    (void)state;
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const size_t count = HTTP_MAX_HEADER_BYTES / (sizeof(interim) - 1) + 1;
    char *reply = malloc(count * (sizeof(interim) - 1) + 1);
    assert_non_null(reply);
    for (size_t i = 0; i < count; i++) {
        memcpy(reply + i * (sizeof(interim) - 1), interim, sizeof(interim));
    }
    struct https_script script = SCRIPT({ .expect = "GET /", .send = reply, .after = HTTPS_HANG });
    https_script_start(&script);
    struct http_endpoint endpoint = endpoint_of(&script);
    const struct asked asked = ask_once(&script, &endpoint);
    assert_int_equal(asked.result.status, ST_UNAVAILABLE);
    assert_int_equal(asked.head_count, 0);
    free(reply);
}

static void test_http_client_status_of_on_body_ends_the_transfer(void **state)
{
    (void)state;
    struct https_script script =
        SCRIPT({ .expect = "GET /",
                 .send = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                 .after = HTTPS_HANG });
    https_script_start(&script);
    struct kit kit;
    struct asked asked = { .body_status = ST_LIMIT };
    const struct http_endpoint endpoint = endpoint_of(&script);
    const struct http_request request = get(&asked, "/");
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
    https_script_stop(&script);
    assert_int_equal(asked.result.status, ST_LIMIT);
    assert_int_equal(asked.result.code, 200);
    assert_string_equal(asked.result.text, status_text(ST_LIMIT));
}

static void test_http_client_pieces_arrive_before_the_end(void **state)
{
    (void)state;
    sem_t gate;
    sem_init(&gate, 0, 0);
    struct https_script script =
        SCRIPT({ .expect = "GET /watch",
                 .send = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" },
               { .gate = &gate, .send = "3\r\ndef\r\n0\r\n\r\n" });
    https_script_start(&script);
    struct kit kit;
    struct asked asked = { .open_gate = &gate };
    const struct http_endpoint endpoint = endpoint_of(&script);
    struct http_request request = get(&asked, "/watch");
    request.own_connection = true;
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
    https_script_stop(&script);
    sem_destroy(&gate);
    assert_int_equal(asked.result.status, ST_OK);
    assert_string_equal(asked.body, "abcdef");
}

/* Somebody else on the loop, while a body comes faster than it is read. */
struct bystander {
    struct asked asked; /* first */
    uv_timer_t timer;
    size_t seen;     /* bytes, at its last turn */
    size_t gap_most; /* between two turns */
};

static void on_turn(uv_timer_t *timer)
{
    struct bystander *bystander = timer->data;
    const size_t gap = bystander->asked.body_len - bystander->seen;
    bystander->seen = bystander->asked.body_len;
    bystander->gap_most = gap > bystander->gap_most ? gap : bystander->gap_most;
}

static enum status on_body_slowly(void *ctx, struct span piece)
{
    const uint64_t until_ns = uv_hrtime() + 200000;
    while (uv_hrtime() < until_ns) {
    }
    return on_body(ctx, piece);
}

static void test_http_client_leaves_time_to_others_while_a_body_comes(void **state)
{
    (void)state;
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n";
    const size_t len = 16777216;
    char *reply = malloc(sizeof(head) + len);
    assert_non_null(reply);
    memcpy(reply, head, sizeof(head) - 1);
    memset(reply + sizeof(head) - 1, 'x', len);
    reply[sizeof(head) - 1 + len] = '\0';
    struct https_script script = SCRIPT({ .expect = "GET /large", .send = reply });
    script.plain = true;
    https_script_start(&script);
    struct kit kit;
    struct bystander bystander = { .timer.data = &bystander };
    const struct http_endpoint endpoint = endpoint_of(&script);
    struct http_request request = get(&bystander.asked, "/large");
    request.on_body = on_body_slowly;
    kit_init(&kit);
    assert_int_equal(uv_timer_init(loop_uv(kit.loop), &bystander.timer), 0);
    assert_int_equal(uv_timer_start(&bystander.timer, on_turn, 1, 1), 0);
    ask(&kit, &endpoint, &request);
    on_turn(&bystander.timer);
    uv_close((uv_handle_t *)&bystander.timer, NULL);
    kit_fini(&kit);
    https_script_stop(&script);
    free(reply);
    assert_int_equal(bystander.asked.result.status, ST_OK);
    assert_int_equal(bystander.asked.body_len, len);
    assert_in_range(bystander.gap_most, 1, len / 4);
}

static void test_http_client_a_reset_is_no_end(void **state)
{
    (void)state;
    sem_t gate; /* a reset overtakes what was sent before it */
    sem_init(&gate, 0, 0);
    struct https_script script =
        SCRIPT({ .expect = "GET /", .send = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc" },
               { .gate = &gate, .after = HTTPS_CUT });
    https_script_start(&script);
    struct kit kit;
    struct asked asked = { .open_gate = &gate };
    const struct http_endpoint endpoint = endpoint_of(&script);
    const struct http_request request = get(&asked, "/");
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
    https_script_stop(&script);
    sem_destroy(&gate);
    print_message("# %s\n", asked.result.text);
    assert_int_equal(asked.result.status, ST_UNAVAILABLE);
    assert_int_equal(asked.result.code, 200);
    assert_string_equal(asked.body, "abc");
}

/* Trust. */

static const struct {
    const char *name;
    bool other_ca;
    bool insecure;
    const char *host;
    const char *server_name;
    enum status status;
    const char *sni;
    const char *text; /* part of it */
} trust_rows[] = {
    { "the CA, by address", false, false, "127.0.0.1", NULL, ST_OK, "", "" },
    { "the CA, by name", false, false, "localhost", NULL, ST_OK, "localhost", "" },
    { "another CA", true, false, "127.0.0.1", NULL, ST_UNAVAILABLE, "",
      "unable to get local issuer certificate" },
    { "another CA, not verified", true, true, "127.0.0.1", NULL, ST_OK, "", "" },
    { "another address", false, false, "127.0.0.2", NULL, ST_UNAVAILABLE, "",
      "it is not for the name 127.0.0.2" },
    { "another address, not verified", false, true, "127.0.0.2", NULL, ST_OK, "", "" },
    { "another address, its name given", false, false, "127.0.0.2", "kubernetes.test", ST_OK,
      "kubernetes.test", "" },
    { "a server name that is not its own", false, false, "127.0.0.1", "elsewhere.test",
      ST_UNAVAILABLE, "elsewhere.test", "it is not for the name elsewhere.test" },
    { "a server name, not verified", false, true, "127.0.0.1", "elsewhere.test", ST_OK,
      "elsewhere.test", "" },
    { "a server name and another CA", true, false, "127.0.0.1", "kubernetes.test", ST_UNAVAILABLE,
      "kubernetes.test", "unable to get local issuer certificate" },
    { "an empty server name is none", false, false, "localhost", "", ST_OK, "localhost", "" },
};

static void test_http_client_trust_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(trust_rows); i++) {
        const bool ok = trust_rows[i].status == ST_OK;
        struct https_script script = SCRIPT({ .expect = "GET /", .send = OK_REPLY });
        script.exchange_count = ok ? 1 : 0;
        script.address = trust_rows[i].host[0] == '1' ? trust_rows[i].host : NULL;
        https_script_start(&script);
        struct http_endpoint endpoint = endpoint_of(&script);
        endpoint.url = url_of(&script, trust_rows[i].host);
        endpoint.ca_pem =
            pem_of(trust_rows[i].other_ca ? &pki.other_ca.certificate : &pki.ca.certificate);
        endpoint.insecure_skip_tls_verify = trust_rows[i].insecure;
        endpoint.tls_server_name = trust_rows[i].server_name;
        const struct asked asked = ask_once(&script, &endpoint);
        print_message("# %s: %s\n", trust_rows[i].name, asked.result.text);
        assert_int_equal(asked.result.status, trust_rows[i].status);
        assert_string_equal(script.server_name, trust_rows[i].sni);
        assert_non_null(strstr(asked.result.text, trust_rows[i].text));
        if (ok) { /* the real host stays in the request */
            char host[64];
            (void)snprintf(host, sizeof(host), "\r\nHost: %s:%u\r\n", trust_rows[i].host,
                           script.port);
            assert_non_null(strstr(script.requests, host));
            assert_null(strstr(strstr(script.requests, "Host: ") + 1, "Host: "));
        } else {
            assert_string_equal(script.requests, ""); /* nothing of it has gone out */
        }
    }
}

static void test_http_client_only_the_given_ca_counts(void **state)
{
    (void)state;
    const struct {
        struct span ca_pem;
        bool looks_elsewhere;
    } rows[] = {
        { pem_of(&pki.other_ca.certificate), false },
        { { 0 }, true },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct https_script script = { .pki = &pki };
        https_script_start(&script);
        struct http_endpoint endpoint = endpoint_of(&script);
        endpoint.ca_pem = rows[i].ca_pem;
        system_ca_lookups = 0;
        const struct asked asked = ask_once(&script, &endpoint);
        assert_int_equal(asked.result.status, ST_UNAVAILABLE);
        assert_int_equal(system_ca_lookups > 0, rows[i].looks_elsewhere);
    }
}

static enum status on_server(void *ctx, const char *name, struct span chain_pem)
{
    struct asked *asked = ctx;
    gnutls_x509_crt_t *chain = NULL;
    gnutls_x509_crt_t own;
    const gnutls_datum_t datum = { (unsigned char *)(uintptr_t)chain_pem.at,
                                   (unsigned)chain_pem.len };
    assert_int_equal(asked->head_count, 0);
    (void)snprintf(asked->server_name, sizeof(asked->server_name), "%s", name);
    asked->server_count++;
    asked->shown_count = 0;
    if (chain_pem.len > 0) {
        assert_int_equal(gnutls_x509_crt_list_import2(&chain, &asked->shown_count, &datum,
                                                      GNUTLS_X509_FMT_PEM, 0),
                         0);
        assert_int_equal(gnutls_x509_crt_init(&own), 0);
        assert_int_equal(gnutls_x509_crt_import(own, &pki.server.certificate, GNUTLS_X509_FMT_PEM),
                         0);
        asked->shows_its_own = gnutls_x509_crt_equals(chain[0], own);
        gnutls_x509_crt_deinit(own);
    }
    for (unsigned i = 0; i < asked->shown_count; i++) {
        gnutls_x509_crt_deinit(chain[i]);
    }
    gnutls_free(chain);
    if (asked->cancel_in_server) {
        asked->transfer = http_cancel(asked->transfer);
        count_down(asked->kit);
    }
    return asked->server_status;
}

static const struct {
    const char *name;
    bool other_ca;
    const char *server_name; /* of the endpoint */
    enum status answer;      /* of on_server */
    unsigned shown_count;    /* 0: not asked */
    enum status status;
    const char *text;
    const char *distrust;
} server_rows[] = {
    { "taken", false, NULL, ST_OK, 1, ST_OK, "", NULL },
    { "refused", false, NULL, ST_INVALID, 1, ST_INVALID, "a value is not valid", NULL },
    { "taken by another name", false, "kubernetes.test", ST_OK, 1, ST_OK, "", NULL },
    { "taken, but it has not that name", false, "elsewhere.test", ST_OK, 1, ST_UNAVAILABLE,
      "it is not for the name elsewhere.test", NULL },
    { "refused, and it has not that name", false, "elsewhere.test", ST_INVALID, 1, ST_INVALID,
      "a value is not valid", NULL },
    { "of another CA", true, NULL, ST_OK, 0, ST_UNAVAILABLE, "unable to get local issuer",
      "unable to get local issuer certificate" },
};

static void test_http_client_shows_the_server_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(server_rows); i++) {
        struct https_script script = SCRIPT({ .expect = "GET /", .send = OK_REPLY });
        script.exchange_count = server_rows[i].status == ST_OK ? 1 : 0;
        https_script_start(&script);
        struct http_endpoint endpoint = endpoint_of(&script);
        endpoint.tls_server_name = server_rows[i].server_name;
        endpoint.ca_pem =
            pem_of(server_rows[i].other_ca ? &pki.other_ca.certificate : &pki.ca.certificate);
        struct asked asked = { .server_status = server_rows[i].answer };
        struct http_request request = get(&asked, "/");
        struct kit kit;
        request.on_server = on_server;
        kit_init(&kit);
        ask(&kit, &endpoint, &request);
        kit_fini(&kit);
        https_script_stop(&script);
        print_message("# %s: %s\n", server_rows[i].name, asked.result.text);
        assert_int_equal(asked.server_count, server_rows[i].shown_count > 0);
        assert_int_equal(asked.shown_count, server_rows[i].shown_count);
        assert_int_equal(asked.shows_its_own, server_rows[i].shown_count > 0);
        if (asked.server_count) {
            assert_string_equal(asked.server_name, server_rows[i].server_name
                                                       ? server_rows[i].server_name
                                                       : "127.0.0.1");
        }
        assert_int_equal(asked.result.status, server_rows[i].status);
        assert_non_null(strstr(asked.result.text, server_rows[i].text));
        assert_int_equal(asked.result.distrust != NULL, server_rows[i].distrust != NULL);
        if (server_rows[i].distrust) {
            assert_string_equal(asked.result.distrust, server_rows[i].distrust);
        }
        assert_int_equal(strlen(script.requests) > 0, server_rows[i].status == ST_OK);
    }
}

/* libcurl shows the certificates of a connection to the request that made it. */
static void test_http_client_shows_the_server_each_time(void **state)
{
    (void)state;
    struct https_script script =
        SCRIPT({ .expect = "GET /", .send = OK_REPLY }, { .expect = "GET /", .send = OK_REPLY });
    struct kit kit;
    struct asked asked = { 0 };
    struct http_request request = get(&asked, "/");
    request.on_server = on_server;
    https_script_start(&script);
    const struct http_endpoint endpoint = endpoint_of(&script);
    kit_init(&kit);
    for (unsigned i = 1; i <= 2; i++) {
        asked = (struct asked){ .server_count = asked.server_count };
        ask(&kit, &endpoint, &request);
        assert_int_equal(asked.result.status, ST_OK);
        assert_int_equal(asked.server_count, i);
        assert_int_equal(asked.shown_count, 1);
    }
    kit_fini(&kit);
    https_script_stop(&script);
    assert_int_equal(script.connection_count, 2);
}

static void test_http_client_shows_a_server_without_tls_as_nothing(void **state)
{
    (void)state;
    struct https_script script = { .plain = true };
    struct kit kit;
    struct asked asked = { .server_status = ST_INVALID };
    struct http_request request = get(&asked, "/");
    request.on_server = on_server;
    https_script_start(&script);
    const struct http_endpoint endpoint = endpoint_of(&script);
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
    https_script_stop(&script);
    assert_int_equal(asked.result.status, ST_INVALID);
    assert_int_equal(asked.server_count, 1);
    assert_int_equal(asked.shown_count, 0);
    assert_string_equal(script.requests, "");
}

static void test_http_cancel_of_a_server_that_is_shown_sends_nothing(void **state)
{
    (void)state;
    static const char *const server_names[] = { NULL, "elsewhere.test" };
    for (size_t i = 0; i < COUNTOF(server_names); i++) {
        struct https_script script = { .pki = &pki };
        struct kit kit;
        struct asked asked = { .cancel_in_server = true };
        struct http_request request = get(&asked, "/");
        request.on_server = on_server;
        https_script_start(&script);
        struct http_endpoint endpoint = endpoint_of(&script);
        endpoint.tls_server_name = server_names[i];
        kit_init(&kit);
        start(&kit, &endpoint, &request);
        kit_run(&kit, 1);
        kit_fini(&kit);
        https_script_stop(&script);
        assert_int_equal(asked.server_count, 1);
        assert_int_equal(asked.done_count, 0);
        assert_string_equal(script.requests, "");
    }
}

static void test_http_client_tls_below_1_2_is_refused(void **state)
{
    (void)state;
    struct https_script old = { .pki = &pki, .priority = "LEGACY:-VERS-ALL:+VERS-TLS1.1" };
    https_script_start(&old);
    struct http_endpoint endpoint = endpoint_of(&old);
    endpoint.insecure_skip_tls_verify = true;
    assert_int_equal(ask_once(&old, &endpoint).result.status, ST_UNAVAILABLE);
    struct https_script least = SCRIPT({ .expect = "GET /", .send = OK_REPLY });
    least.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
    https_script_start(&least);
    endpoint = endpoint_of(&least);
    assert_int_equal(ask_once(&least, &endpoint).result.status, ST_OK);
}

static void test_http_client_presents_its_certificate(void **state)
{
    (void)state;
    for (unsigned presents = 0; presents < 2; presents++) {
        struct https_script script = SCRIPT({ .expect = "GET /", .send = OK_REPLY });
        script.exchange_count = presents;
        script.wants_client = true;
        https_script_start(&script);
        struct http_endpoint endpoint = endpoint_of(&script);
        if (presents) {
            endpoint.client_certificate_pem = pem_of(&pki.client.certificate);
            endpoint.client_key_pem = pem_of(&pki.client.key);
        }
        const struct asked asked = ask_once(&script, &endpoint);
        print_message("# %s\n", asked.result.text);
        assert_int_equal(asked.result.status, presents ? ST_OK : ST_UNAVAILABLE);
        assert_int_equal(script.client_certificate_count, presents);
    }
}

static void test_http_client_http_without_tls(void **state)
{
    (void)state;
    struct https_script script = SCRIPT({ .expect = "GET / HTTP/1.1\r\n", .send = OK_REPLY });
    script.plain = true;
    https_script_start(&script);
    struct http_endpoint endpoint = endpoint_of(&script);
    endpoint.tls_server_name = "kubernetes.test"; /* means nothing */
    const struct asked asked = ask_once(&script, &endpoint);
    assert_int_equal(asked.result.status, ST_OK);
    assert_null(strstr(script.requests, "kubernetes.test"));
}

/* Refused before anything goes out. */

static void check_refused(const struct http_endpoint *endpoint,
                          const struct http_request *request,
                          const char *text)
{
    struct kit kit;
    struct problem problem = { 0 };
    struct http_transfer *transfer = NULL;
    kit_init(&kit);
    assert_int_equal(http_start(kit.client, endpoint, request, &transfer, &problem), ST_INVALID);
    assert_null(transfer);
    print_message("# %s\n", problem.text);
    assert_int_equal(problem.status, ST_INVALID);
    assert_non_null(strstr(problem.text, text));
    assert_null(strstr(problem.text, "TEST-ONLY"));
    kit_fini(&kit);
}

static void test_http_start_refuses_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *server_name;
        const char *proxy_url;
        const char *text;
    } rows[] = {
        { "https://", NULL, "", "the server's URL" },
        { "", NULL, "", "the server's URL" },
        { "https://user:TEST-ONLY@127.0.0.1:1", NULL, "", "the server's URL" },
        { "https://127.0.0.1:99999", NULL, "", "the server's URL" },
        { "ftp://127.0.0.1:1", NULL, "", "the server's URL" },
        { "file:///etc", NULL, "", "the server's URL" },
        { "https://127.0.0.1:1/?a=TEST-ONLY", NULL, "", "the server's URL" },
        { "https://127.0.0.1:1/#a", NULL, "", "the server's URL" },
        { "https://127.0.0.1:1/a\nb", NULL, "", "the server's URL" },
        { "https://127.0.0.1:1", "a b", "", "the TLS server name" },
        { "https://127.0.0.1:1", NULL, "ftp://user:TEST-ONLY@127.0.0.1:1", "the proxy's URL" },
        { "https://127.0.0.1:1", NULL, "socks4://127.0.0.1:1", "the proxy's URL" },
        { "https://127.0.0.1:1", NULL, "127.0.0.1:1", "the proxy's URL" },
        { "https://127.0.0.1:1", NULL, "http://", "the proxy's URL" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct asked asked = { 0 };
        const struct http_request request = get(&asked, "/");
        const struct http_endpoint endpoint = { .url = rows[i].url,
                                                .tls_server_name = rows[i].server_name,
                                                .proxy_url = rows[i].proxy_url };
        check_refused(&endpoint, &request, rows[i].text);
    }
}

static void test_http_start_refuses_requests(void **state)
{
    (void)state;
    const struct http_endpoint endpoint = { .url = "https://127.0.0.1:1", .proxy_url = "" };
    static const struct {
        const char *method;
        const char *path;
        const char *header;
        const char *text;
    } rows[] = {
        { "get", "/", "A: b", "the method" },
        { "GET / HTTP/1.1\r\nX: ", "/", "A: b", "the method" },
        { "GET", "", "A: b", "the request's path" },
        { "GET", "api", "A: b", "the request's path" },
        { "GET", "/api#x", "A: b", "the request's path" },
        { "GET", "/a b", "A: b", "the server's URL" },
        { "GET", "/a\r\nb", "A: b", "the server's URL" },
        { "GET", "/", "A: TEST-ONLY\r\nB: c", "a header" },
        { "GET", "/", "A: TEST-ONLY\n", "a header" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct asked asked = { 0 };
        struct http_request request = get(&asked, rows[i].path);
        request.method = rows[i].method;
        request.headers = &rows[i].header;
        request.header_count = 1;
        check_refused(&endpoint, &request, rows[i].text);
    }
}

static void test_http_start_refuses_pem(void **state)
{
    (void)state;
    static const struct span noise = { "TEST-ONLY", 9 };
    const struct span certificate = pem_of(&pki.client.certificate);
    const struct span key = pem_of(&pki.client.key);
    gnutls_x509_privkey_t raw;
    gnutls_datum_t encrypted = { 0 };
    assert_int_equal(gnutls_x509_privkey_init(&raw), 0);
    assert_int_equal(gnutls_x509_privkey_import(raw, &pki.client.key, GNUTLS_X509_FMT_PEM), 0);
    assert_int_equal(gnutls_x509_privkey_export2_pkcs8(raw, GNUTLS_X509_FMT_PEM, "TEST-ONLY",
                                                       GNUTLS_PKCS_PBES2_AES_256, &encrypted),
                     0);
    gnutls_x509_privkey_deinit(raw);
    const struct {
        struct span ca;
        struct span certificate;
        struct span key;
        const char *text;
    } rows[] = {
        { noise, { 0 }, { 0 }, "the CA holds no certificate" },
        { key, { 0 }, { 0 }, "the CA holds no certificate" },
        { { 0 }, certificate, { 0 }, "go together" },
        { { 0 }, { 0 }, key, "go together" },
        { { 0 }, noise, key, "the client certificate holds no certificate" },
        { { 0 }, certificate, noise, "the client key holds no private key" },
        { { 0 }, certificate, pem_of(&encrypted), "or an encrypted one" },
        { { 0 }, certificate, pem_of(&pki.other_client.key), "do not belong together" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct asked asked = { 0 };
        const struct http_request request = get(&asked, "/");
        const struct http_endpoint endpoint = {
            .url = "https://127.0.0.1:1",
            .proxy_url = "",
            .ca_pem = rows[i].ca,
            .client_certificate_pem = rows[i].certificate,
            .client_key_pem = rows[i].key,
        };
        check_refused(&endpoint, &request, rows[i].text);
    }
    gnutls_free(encrypted.data);
}

static void test_http_start_at_most_so_many_at_once(void **state)
{
    (void)state;
    struct kit kit;
    struct asked asked = { 0 };
    struct problem problem = { 0 };
    struct http_transfer *transfer = NULL;
    const struct http_endpoint endpoint = { .url = "https://127.0.0.1:1", .proxy_url = "" };
    const struct http_request request = get(&asked, "/");
    kit_init(&kit);
    for (unsigned i = 0; i < HTTP_TRANSFERS_MAX; i++) {
        start(&kit, &endpoint, &request);
    }
    assert_int_equal(http_start(kit.client, &endpoint, &request, &transfer, &problem), ST_LIMIT);
    assert_int_equal(problem.status, ST_LIMIT);
    kit_run(&kit, HTTP_TRANSFERS_MAX);
    assert_int_equal(asked.done_count, HTTP_TRANSFERS_MAX);
    asked.done_count = 0;
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
}

/* Ways to fail. */

static uint16_t closed_port(void)
{
    struct https_script script = { .plain = true };
    https_script_start(&script);
    https_script_stop(&script);
    return script.port;
}

static void test_http_client_connection_refused_is_told(void **state)
{
    (void)state;
    struct kit kit;
    struct asked asked = { 0 };
    char url[64];
    char text[128];
    const uint16_t port = closed_port();
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
    (void)snprintf(text, sizeof(text), "cannot connect to 127.0.0.1:%u: Connection refused", port);
    const struct http_endpoint endpoint = { .url = url, .proxy_url = "" };
    const struct http_request request = get(&asked, "/");
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
    assert_int_equal(asked.result.status, ST_UNAVAILABLE);
    assert_int_equal(asked.result.code, 0);
    assert_string_equal(asked.result.text, text);
}

static void test_http_client_no_such_name_is_told(void **state)
{
    (void)state;
    struct kit kit;
    struct asked asked = { 0 };
    /* RFC 6761: never exists; resolvers answer it without asking anybody */
    const struct http_endpoint endpoint = { .url = "https://kb.invalid", .proxy_url = "" };
    const struct http_request request = get(&asked, "/");
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
    print_message("# %s\n", asked.result.text);
    assert_int_equal(asked.result.status, ST_UNAVAILABLE);
    assert_non_null(strstr(asked.result.text, "kb.invalid:443"));
}

static void test_http_client_ipv6_addresses_keep_their_brackets(void **state)
{
    (void)state;
    static const char *const server_names[] = { NULL, "kubernetes.test" };
    for (size_t i = 0; i < COUNTOF(server_names); i++) {
        struct kit kit;
        struct asked asked = { 0 };
        /* port 1 is nobody's; and with no IPv6 here there is no such address */
        const struct http_endpoint endpoint = { .url = "https://[::1]:1",
                                                .tls_server_name = server_names[i],
                                                .proxy_url = "" };
        const struct http_request request = get(&asked, "/");
        kit_init(&kit);
        ask(&kit, &endpoint, &request);
        kit_fini(&kit);
        print_message("# %s\n", asked.result.text);
        assert_int_equal(asked.result.status, ST_UNAVAILABLE);
        assert_non_null(strstr(asked.result.text, "cannot connect to [::1]:1: "));
    }
}

static void test_http_client_a_lookup_that_hangs_holds_nobody_up(void **state)
{
    (void)state;
    struct kit kit;
    struct asked asked = { 0 };
    struct asked cancelled = { 0 };
    const struct http_endpoint endpoint = { .url = "https://slow.test", .proxy_url = "" };
    struct http_request request = get(&asked, "/");
    const struct http_request second = get(&cancelled, "/");
    request.connect_timeout_ms = SHORT_MS;
    sem_init(&lookup_gate, 0, 0);
    sem_init(&lookup_begun, 0, 0);
    kit_init(&kit);
    start(&kit, &endpoint, &second);
    ask(&kit, &endpoint, &request);
    print_message("# %s\n", asked.result.text);
    assert_int_equal(asked.result.status, ST_TIMEOUT);
    cancelled.transfer = http_cancel(cancelled.transfer);
    kit_fini(&kit);
    for (unsigned i = 0; i < 2; i++) { /* both are still in there; let them out */
        sem_wait(&lookup_begun);
        sem_post(&lookup_gate);
    }
}

static void test_http_client_connect_timeout_counts_the_handshake(void **state)
{
    (void)state;
    struct https_script mute = { .plain = true }; /* it waits for a request in plain */
    https_script_start(&mute);
    struct kit kit;
    struct asked asked = { 0 };
    char url[64];
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", mute.port);
    const struct http_endpoint endpoint = { .url = url, .proxy_url = "" };
    struct http_request request = get(&asked, "/");
    request.connect_timeout_ms = SHORT_MS;
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
    https_script_stop(&mute);
    print_message("# %s\n", asked.result.text);
    assert_int_equal(asked.result.status, ST_TIMEOUT);
}

static const struct {
    const char *name;
    uint64_t silence_ms;
    uint64_t total_ms;
    const char *send;
    const char *text;
} timeout_rows[] = {
    { "no reply", SHORT_MS, 0, NULL, "sent nothing for 150 ms" },
    { "silence in the head", SHORT_MS, 0, "HTTP/1.1 200 OK\r\n", "sent nothing for 150 ms" },
    { "silence in the body", SHORT_MS, 0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
      "sent nothing for 150 ms" },
    { "all in all too long", 0, SHORT_MS, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
      "timed out" },
};

static void test_http_client_timeout_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(timeout_rows); i++) {
        struct https_script script = SCRIPT({ .expect = "GET /",
                                              .send = timeout_rows[i].send,
                                              .after = HTTPS_HANG,
                                              .optional = true });
        https_script_start(&script);
        struct kit kit;
        struct asked asked = { 0 };
        const struct http_endpoint endpoint = endpoint_of(&script);
        struct http_request request = get(&asked, "/");
        kit_init(&kit);
        request.silence_timeout_ms = timeout_rows[i].silence_ms;
        request.total_timeout_ms = timeout_rows[i].total_ms;
        ask(&kit, &endpoint, &request);
        kit_fini(&kit);
        print_message("# %s: %s\n", timeout_rows[i].name, asked.result.text);
        assert_int_equal(asked.result.status, ST_TIMEOUT);
        assert_non_null(strstr(asked.result.text, timeout_rows[i].text));
        https_script_stop(&script);
    }
}

static void test_http_client_silence_ends_with_each_line_and_piece(void **state)
{
    (void)state;
    struct https_script script = SCRIPT({ .expect = "GET /", .send = OK_REPLY });
    https_script_start(&script);
    struct kit kit;
    struct asked asked = { 0 };
    const struct http_endpoint endpoint = endpoint_of(&script);
    struct http_request request = get(&asked, "/");
    request.silence_timeout_ms = COUNTED_SILENCE_MS;
    kit_init(&kit);
    counted_silences = 0;
    start(&kit, &endpoint, &request);
    assert_int_equal(counted_silences, 1);
    kit_run(&kit, 1);
    kit_fini(&kit);
    https_script_stop(&script);
    assert_int_equal(asked.result.status, ST_OK);
    assert_int_equal(counted_silences, 1 + 3 + 1); /* three lines of the head, a piece */
}

/* Cancelling. */

static void test_http_cancel_before_anything(void **state)
{
    (void)state;
    struct kit kit;
    struct asked asked = { 0 };
    const struct http_endpoint endpoint = { .url = "https://127.0.0.1:1", .proxy_url = "" };
    const struct http_request request = get(&asked, "/");
    kit_init(&kit);
    start(&kit, &endpoint, &request);
    assert_null(http_cancel(asked.transfer));
    assert_null(http_cancel(NULL));
    struct asked other = { 0 };
    const struct http_request second = get(&other, "/");
    ask(&kit, &endpoint, &second); /* the loop turns */
    kit_fini(&kit);
    assert_int_equal(asked.done_count, 0);
}

static void check_cancel(struct asked asked, unsigned head_count)
{
    struct https_script script = SCRIPT(
        { .expect = "GET /a",
          .send = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n" },
        { .send = "3\r\nghi\r\n0\r\n\r\n" }, { .expect = "GET /b", .send = OK_REPLY });
    https_script_start(&script);
    struct kit kit;
    struct asked next = { 0 };
    const struct http_endpoint endpoint = endpoint_of(&script);
    const struct http_request request = get(&asked, "/a");
    const struct http_request second = get(&next, "/b");
    kit_init(&kit);
    start(&kit, &endpoint, &request);
    kit_run(&kit, 1);
    assert_int_equal(asked.done_count, 0);
    assert_int_equal(asked.head_count, head_count);
    const size_t body_len = asked.body_len;
    ask(&kit, &endpoint, &second);
    assert_int_equal(next.result.status, ST_OK);
    kit_fini(&kit);
    https_script_stop(&script);
    assert_int_equal(asked.done_count, 0);
    assert_int_equal(asked.body_len, body_len); /* nothing came after it */
}

static void test_http_cancel_in_on_head(void **state)
{
    (void)state;
    check_cancel((struct asked){ .cancel_in_head = true }, 1);
}

static void test_http_cancel_in_on_body(void **state)
{
    (void)state;
    check_cancel((struct asked){ .cancel_in_body = true }, 1);
}

static void test_http_client_free_in_callbacks(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct https_script script =
            SCRIPT({ .expect = "GET /a", .send = OK_REPLY },
                   { .expect = "GET /b", .after = HTTPS_HANG, .optional = true });
        https_script_start(&script);
        struct kit kit;
        struct asked asked = { .free_in_body = i == 0,
                               .free_in_done = i == 1,
                               .free_in_head = i == 2 };
        struct asked other = { 0 };
        const struct http_endpoint endpoint = endpoint_of(&script);
        const struct http_request request = get(&asked, "/a");
        const struct http_request second = get(&other, "/b");
        kit_init(&kit);
        start(&kit, &endpoint, &second);
        start(&kit, &endpoint, &request);
        kit_run(&kit, 1);
        kit_fini(&kit);
        https_script_stop(&script);
        assert_int_equal(asked.done_count, i == 1);
        assert_int_equal(other.done_count, 0);
    }
}

static void test_http_client_free_with_transfers_under_way(void **state)
{
    (void)state;
    struct https_script script =
        SCRIPT({ .expect = "GET /a", .send = OK_REPLY },
               { .expect = "GET /w",
                 .send = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                 .after = HTTPS_HANG });
    https_script_start(&script);
    struct kit kit;
    struct asked watch = { 0 };
    struct asked asked = { 0 };
    struct asked waiting = { 0 };
    const struct http_endpoint endpoint = endpoint_of(&script);
    struct http_request first = get(&watch, "/w");
    first.own_connection = true;
    const struct http_request request = get(&asked, "/a");
    const struct http_request third = get(&waiting, "/never");
    kit_init(&kit);
    start(&kit, &endpoint, &first);
    while (watch.body_len == 0) {
        assert_int_equal(uv_run(loop_uv(kit.loop), UV_RUN_ONCE) != 0, 1);
    }
    ask(&kit, &endpoint, &request);
    start(&kit, &endpoint, &third);
    kit_fini(&kit);
    https_script_stop(&script);
    assert_int_equal(watch.done_count, 0);
    assert_int_equal(waiting.done_count, 0);
}

static void test_http_callbacks_may_cancel_others_and_start_new_ones(void **state)
{
    (void)state;
    struct https_script script =
        SCRIPT({ .expect = "GET /hangs",
                 .send = "HTTP/1.1 200 OK\r\n",
                 .after = HTTPS_HANG,
                 .optional = true },
               { .expect = "GET /a", .send = OK_REPLY }, { .expect = "GET /b", .send = OK_REPLY },
               { .expect = "GET /c", .send = OK_REPLY });
    https_script_start(&script);
    struct kit kit;
    struct asked hanging = { 0 };
    struct asked third = { 0 };
    const struct http_endpoint endpoint = endpoint_of(&script);
    const struct http_request hangs = get(&hanging, "/hangs");
    const struct http_request c = get(&third, "/c");
    struct asked second = { .next = &c, .where = &endpoint };
    const struct http_request b = get(&second, "/b");
    struct asked first = {
        .cancels = &hanging, .next = &b, .next_in_body = true, .where = &endpoint
    };
    const struct http_request a = get(&first, "/a");
    kit_init(&kit);
    start(&kit, &endpoint, &hangs);
    start(&kit, &endpoint, &a);
    kit_run(&kit, 3);
    kit_fini(&kit);
    https_script_stop(&script);
    assert_int_equal(first.result.status, ST_OK);
    assert_int_equal(second.result.status, ST_OK);
    assert_int_equal(third.result.status, ST_OK);
    assert_int_equal(hanging.done_count, 0);
}

/* Connections. */

/* The first descriptor from @fd on that is connected to a port; -1 for none. */
static int connected_to(uint16_t port, int fd)
{
    for (; fd < 1024; fd++) {
        struct sockaddr_in peer = { 0 };
        socklen_t len = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
            ntohs(peer.sin_port) == port) {
            return fd;
        }
    }
    return -1;
}

static unsigned connected_count(uint16_t port)
{
    unsigned count = 0;
    for (int fd = connected_to(port, 0); fd >= 0; fd = connected_to(port, fd + 1)) {
        count++;
    }
    return count;
}

static void test_http_client_a_read_outlives_a_connection_closed_meanwhile(void **state)
{
    (void)state;
    struct https_script script =
        SCRIPT({ .expect = "GET /a", .send = OK_REPLY, .after = HTTPS_CLOSE },
               { .expect = "GET /b", .send = OK_REPLY });
    https_script_start(&script);
    struct kit kit;
    const struct http_endpoint endpoint = endpoint_of(&script);
    struct asked first = { 0 };
    struct asked second = { 0 };
    const struct http_request a = get(&first, "/a");
    const struct http_request b = get(&second, "/b");
    kit_init(&kit);
    ask(&kit, &endpoint, &a);
    ask(&kit, &endpoint, &b);
    kit_fini(&kit);
    https_script_stop(&script);
    assert_int_equal(second.result.status, ST_OK);
    assert_int_equal(script.connection_count, 2);
}

static void test_http_client_a_write_is_sent_once(void **state)
{
    (void)state;
    struct https_script script = SCRIPT({ .expect = "GET /", .send = OK_REPLY },
                                        { .expect = "POST /", .after = HTTPS_CLOSE });
    https_script_start(&script);
    struct kit kit;
    const struct http_endpoint endpoint = endpoint_of(&script);
    struct asked read = { 0 };
    struct asked write = { 0 };
    const struct http_request a = get(&read, "/");
    struct http_request b = get(&write, "/");
    b.method = "POST";
    b.body = span_of("{}");
    kit_init(&kit);
    ask(&kit, &endpoint, &a);
    ask(&kit, &endpoint, &b);
    kit_fini(&kit);
    https_script_stop(&script); /* nothing came that was not expected */
    assert_int_equal(write.result.status, ST_UNAVAILABLE);
}

static void test_http_client_drop_idle_lets_requests_end(void **state)
{
    (void)state;
    sem_t gate;
    sem_init(&gate, 0, 0);
    struct https_script script =
        SCRIPT({ .expect = "GET /a", .send = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc" },
               { .gate = &gate, .send = "def" }, { .expect = "GET /b", .send = OK_REPLY });
    https_script_start(&script);
    struct kit kit;
    struct asked first = { 0 };
    struct asked second = { 0 };
    const struct http_endpoint endpoint = endpoint_of(&script);
    const struct http_request a = get(&first, "/a");
    const struct http_request b = get(&second, "/b");
    kit_init(&kit);
    start(&kit, &endpoint, &a);
    while (first.body_len == 0) {
        assert_int_equal(uv_run(loop_uv(kit.loop), UV_RUN_ONCE) != 0, 1);
    }
    http_client_drop_idle(kit.client);
    sem_post(&gate);
    kit_run(&kit, 1);
    assert_int_equal(first.result.status, ST_OK);
    assert_string_equal(first.body, "abcdef");
    ask(&kit, &endpoint, &b);
    assert_int_equal(second.result.status, ST_OK);
    kit_fini(&kit);
    https_script_stop(&script);
    sem_destroy(&gate);
    assert_int_equal(script.connection_count, 2);
}

static void test_http_client_drop_idle_closes_at_once(void **state)
{
    (void)state;
    struct https_script script = SCRIPT({ .expect = "GET /", .send = OK_REPLY });
    https_script_start(&script);
    struct kit kit;
    struct asked asked = { 0 };
    struct asked other = { 0 };
    const struct http_endpoint endpoint = endpoint_of(&script);
    const struct http_endpoint nowhere = { .url = "https://127.0.0.1:1", .proxy_url = "" };
    const struct http_request request = get(&asked, "/");
    const struct http_request second = get(&other, "/");
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    assert_int_equal(connected_count(script.port), 1);
    http_client_drop_idle(kit.client);
    ask(&kit, &nowhere, &second); /* the loop turns */
    assert_int_equal(connected_count(script.port), 0);
    kit_fini(&kit);
    https_script_stop(&script);
}

static void test_http_client_wipes_what_is_secret(void **state)
{
    (void)state;
    for (unsigned cancelled = 0; cancelled < 2; cancelled++) {
        struct https_script script =
            SCRIPT({ .expect = "POST /", .send = OK_REPLY, .optional = cancelled });
        script.wants_client = true;
        https_script_start(&script);
        struct kit kit;
        struct asked asked = { 0 };
        struct http_endpoint endpoint = endpoint_of(&script);
        endpoint.client_certificate_pem = pem_of(&pki.client.certificate);
        endpoint.client_key_pem = pem_of(&pki.client.key);
        const char *const headers[] = { "A: b", "Authorization: TEST-ONLY header" };
        struct http_request request = get(&asked, "/");
        request.method = "POST";
        request.headers = headers;
        request.header_count = COUNTOF(headers);
        request.body = span_of("TEST-ONLY body");
        kit_init(&kit);
        memset(wiped_words, 0, sizeof(wiped_words));
        start(&kit, &endpoint, &request);
        if (cancelled) {
            asked.transfer = http_cancel(asked.transfer);
        } else {
            kit_run(&kit, 1);
            assert_int_equal(asked.result.status, ST_OK);
        }
        kit_fini(&kit);
        https_script_stop(&script);
        for (size_t i = 0; i < COUNTOF(secret_words); i++) {
            print_message("# %s\n", secret_words[i]);
            assert_int_equal(wiped_words[i], 1);
        }
    }
}

static unsigned connections_of(const struct http_endpoint *endpoints,
                               const struct http_request *requests,
                               size_t count,
                               struct https_script *script,
                               bool drop_idle)
{
    struct kit kit;
    kit_init(&kit);
    for (size_t i = 0; i < count; i++) {
        struct asked asked = { 0 };
        struct http_request request = requests[i];
        request.ctx = &asked;
        ask(&kit, &endpoints[i], &request);
        assert_int_equal(asked.result.status, ST_OK);
        if (drop_idle) {
            http_client_drop_idle(kit.client);
        }
    }
    kit_fini(&kit);
    https_script_stop(script);
    return script->connection_count;
}

static void test_http_client_connections_are_reused_when_they_may_be(void **state)
{
    (void)state;
    const struct https_exchange twice[2] = { { .expect = "", .send = OK_REPLY },
                                             { .expect = "", .send = OK_REPLY } };
    const struct {
        const char *name;
        const char *methods[2];
        bool own;
        bool drop_idle;
        bool second_ca;
        bool second_client;
        bool second_insecure;
        const char *second_name;
        unsigned connections;
    } rows[] = {
        { "the same", { "GET", "GET" }, .connections = 1 },
        { "a write makes its own", { "GET", "POST" }, .connections = 2 },
        { "which a read may use", { "PUT", "GET" }, .connections = 1 },
        { "own connections", { "GET", "GET" }, .own = true, .connections = 2 },
        { "dropped meanwhile", { "GET", "GET" }, .drop_idle = true, .connections = 2 },
        { "another CA", { "GET", "GET" }, .second_ca = true, .connections = 2 },
        { "another client", { "GET", "GET" }, .second_client = true, .connections = 2 },
        { "not verified", { "GET", "GET" }, .second_insecure = true, .connections = 2 },
        { "another name", { "GET", "GET" }, .second_name = "localhost", .connections = 2 },
    };
    char *both = NULL;
    assert_true(asprintf(&both, "%s%s", pki.other_ca.certificate.data, pki.ca.certificate.data) >
                0);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct https_script script = { .exchanges = twice, .exchange_count = 2, .pki = &pki };
        script.wants_client = true;
        https_script_start(&script);
        struct http_endpoint endpoints[2] = { endpoint_of(&script), endpoint_of(&script) };
        struct http_request requests[2] = { get(NULL, "/"), get(NULL, "/") };
        for (unsigned j = 0; j < 2; j++) {
            const struct https_identity *client =
                j && rows[i].second_client ? &pki.other_client : &pki.client;
            endpoints[j].client_certificate_pem = pem_of(&client->certificate);
            endpoints[j].client_key_pem = pem_of(&client->key);
            requests[j].method = rows[i].methods[j];
            requests[j].own_connection = rows[i].own;
        }
        endpoints[1].ca_pem = rows[i].second_ca ? span_of(both) : endpoints[0].ca_pem;
        endpoints[1].insecure_skip_tls_verify = rows[i].second_insecure;
        endpoints[1].tls_server_name = rows[i].second_name;
        print_message("# %s\n", rows[i].name);
        assert_int_equal(connections_of(endpoints, requests, 2, &script, rows[i].drop_idle),
                         rows[i].connections);
        assert_int_equal(script.resumed_count, 0); /* each connection is verified anew */
    }
    free(both);
}

static unsigned open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;
    assert_non_null(directory);
    while (readdir(directory)) {
        count++;
    }
    closedir(directory);
    return count;
}

static void test_http_client_leaves_no_descriptor_open(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit); /* the first loop opens what libuv keeps */
    kit_fini(&kit);
    const unsigned before = open_descriptors();
    test_http_client_free_with_transfers_under_way(NULL);
    test_http_client_timeout_rows(NULL);
    test_http_cancel_in_on_body(NULL);
    assert_int_equal(open_descriptors(), before);
}

static void test_http_client_notices_dead_peers_by_tcp(void **state)
{
    (void)state;
    static const struct {
        int level;
        int name;
        int value;
    } wanted[] = {
        { SOL_SOCKET, SO_KEEPALIVE, 1 },          { IPPROTO_TCP, TCP_KEEPIDLE, 15 },
        { IPPROTO_TCP, TCP_KEEPINTVL, 5 },        { IPPROTO_TCP, TCP_KEEPCNT, 4 },
        { IPPROTO_TCP, TCP_USER_TIMEOUT, 35000 },
    };
    struct https_script script = SCRIPT({ .expect = "GET /", .send = OK_REPLY });
    https_script_start(&script);
    struct kit kit;
    struct asked asked = { 0 };
    const struct http_endpoint endpoint = endpoint_of(&script);
    const struct http_request request = get(&asked, "/");
    kit_init(&kit);
    ask(&kit, &endpoint, &request); /* its connection is kept */
    const int fd = connected_to(script.port, 0);
    assert_true(fd >= 0);
    for (size_t i = 0; i < COUNTOF(wanted); i++) {
        int value = 0;
        socklen_t len = sizeof(value);
        assert_int_equal(getsockopt(fd, wanted[i].level, wanted[i].name, &value, &len), 0);
        assert_int_equal(value, wanted[i].value);
    }
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    kit_fini(&kit);
    https_script_stop(&script);
}

/* Proxies. */

static void test_http_client_https_goes_through_a_tunnel(void **state)
{
    (void)state;
    static const char *const server_names[] = { NULL, "kubernetes.test" };
    for (size_t i = 0; i < COUNTOF(server_names); i++) {
        struct https_script script = SCRIPT({ .expect = "GET / HTTP/1.1\r\n", .send = OK_REPLY });
        https_script_start(&script);
        char connect[64];
        (void)snprintf(connect, sizeof(connect), "CONNECT 127.0.0.1:%u HTTP/1.1\r\n", script.port);
        struct https_script proxy =
            SCRIPT({ .expect = connect,
                     .send = "HTTP/1.1 200 Connected\r\nRetry-After: 5\r\n\r\n",
                     .after = HTTPS_TUNNEL,
                     .tunnel_port = script.port });
        proxy.plain = true;
        https_script_start(&proxy);
        struct kit kit;
        struct asked asked = { 0 };
        char proxy_url[64];
        (void)snprintf(proxy_url, sizeof(proxy_url), "http://127.0.0.1:%u", proxy.port);
        struct http_endpoint endpoint = endpoint_of(&script);
        endpoint.proxy_url = proxy_url;
        endpoint.tls_server_name = server_names[i];
        struct http_request request = get(&asked, "/");
        const char *const headers[] = { "Authorization: Bearer TEST-ONLY" };
        request.headers = headers;
        request.header_count = 1;
        kit_init(&kit);
        ask(&kit, &endpoint, &request);
        kit_fini(&kit);
        https_script_stop(&script);
        https_script_stop(&proxy);
        assert_int_equal(asked.result.status, ST_OK);
        assert_int_equal(asked.head_count, 1);
        assert_false(asked.result.has_retry_after); /* that was the proxy's */
        assert_non_null(strstr(script.requests, "TEST-ONLY"));
        assert_null(strstr(proxy.requests, "TEST-ONLY"));
        assert_null(strstr(proxy.requests, "kubernetes.test"));
        assert_string_equal(script.server_name, server_names[i] ? server_names[i] : "");
    }
}

static void test_http_client_a_proxy_that_refuses_is_told(void **state)
{
    (void)state;
    struct https_script proxy = SCRIPT(
        { .expect = "CONNECT ", .send = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" });
    proxy.plain = true;
    https_script_start(&proxy);
    char proxy_url[64];
    (void)snprintf(proxy_url, sizeof(proxy_url), "http://user:TEST-ONLY@127.0.0.1:%u", proxy.port);
    struct http_endpoint endpoint = { .url = "https://127.0.0.1:1", .proxy_url = proxy_url };
    const struct asked asked = ask_once(&proxy, &endpoint);
    print_message("# %s\n", asked.result.text);
    assert_int_equal(asked.result.status, ST_UNAVAILABLE);
    assert_int_equal(asked.result.code, 0);
    assert_int_equal(asked.head_count, 0);
    assert_non_null(strstr(asked.result.text, "403"));
    assert_null(strstr(asked.result.text, "TEST-ONLY"));
    assert_non_null(strstr(proxy.requests, "Proxy-Authorization: Basic "));
}

/* Whoever stands in for the proxy would see where we go, and the proxy's password. */
static void test_http_client_a_proxy_with_tls_is_verified(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool other_ca;
        bool insecure;
        const char *text; /* part of it */
    } rows[] = {
        { "127.0.0.1", false, false, "403" }, { "127.0.0.1", true, false, "or of its proxy: " },
        { "127.0.0.1", true, true, "403" },   { "127.0.0.2", false, false, "or of its proxy: " },
        { "127.0.0.2", false, true, "403" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const bool is_asked = strcmp(rows[i].text, "403") == 0;
        struct https_script proxy =
            SCRIPT({ .expect = "CONNECT ",
                     .send = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" });
        proxy.exchange_count = is_asked ? 1 : 0;
        proxy.address = rows[i].host;
        https_script_start(&proxy);
        char proxy_url[64];
        (void)snprintf(proxy_url, sizeof(proxy_url), "https://%s:%u", rows[i].host, proxy.port);
        struct http_endpoint endpoint = {
            .url = "https://127.0.0.1:1",
            .proxy_url = proxy_url,
            .ca_pem = pem_of(rows[i].other_ca ? &pki.other_ca.certificate : &pki.ca.certificate),
            .insecure_skip_tls_verify = rows[i].insecure,
        };
        const struct asked asked = ask_once(&proxy, &endpoint);
        print_message("# %s\n", asked.result.text);
        assert_int_equal(asked.result.status, ST_UNAVAILABLE);
        assert_non_null(strstr(asked.result.text, rows[i].text));
        assert_int_equal(proxy.requests[0] != '\0', is_asked);
    }
}

static void test_http_client_header_limit_counts_the_proxys(void **state)
{
    (void)state;
    char *reply = long_head(HTTP_MAX_HEADER_BYTES + 1, 1000);
    struct https_script proxy = SCRIPT({ .expect = "CONNECT ", .send = reply });
    proxy.plain = true;
    https_script_start(&proxy);
    char proxy_url[64];
    (void)snprintf(proxy_url, sizeof(proxy_url), "http://127.0.0.1:%u", proxy.port);
    struct http_endpoint endpoint = { .url = "https://127.0.0.1:1", .proxy_url = proxy_url };
    const struct asked asked = ask_once(&proxy, &endpoint);
    assert_int_equal(asked.result.status, ST_UNAVAILABLE);
    assert_non_null(strstr(asked.result.text, "header is longer than"));
    free(reply);
}

static void test_http_client_proxy_of_the_environment(void **state)
{
    (void)state;
    /* NO_PROXY is asked about the real host, not about the TLS server name. */
    static const struct {
        const char *no_proxy;
        const char *proxy_url;
        bool proxied;
    } rows[] = {
        { "", NULL, true },
        { "kubernetes.test", NULL, true },
        { "node.test", NULL, false },
        { "", "", false }, /* none, whatever the environment says */
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct https_script proxy =
            SCRIPT({ .expect = "CONNECT node.test:443 ",
                     .send = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" });
        proxy.plain = true;
        proxy.exchange_count = rows[i].proxied ? 1 : 0;
        https_script_start(&proxy);
        char variable[64]; /* no scheme: http */
        (void)snprintf(variable, sizeof(variable), "127.0.0.1:%u", proxy.port);
        assert_int_equal(setenv("HTTPS_PROXY", variable, 1), 0);
        assert_int_equal(setenv("NO_PROXY", rows[i].no_proxy, 1), 0);
        struct http_endpoint endpoint = { .url = "https://node.test",
                                          .tls_server_name = "kubernetes.test",
                                          .proxy_url = rows[i].proxy_url };
        const struct asked asked = ask_once(&proxy, &endpoint);
        print_message("# %s: %s\n", rows[i].no_proxy, asked.result.text);
        assert_int_equal(asked.result.status, ST_UNAVAILABLE);
        assert_non_null(
            strstr(asked.result.text, rows[i].proxied ? "response 403" : "Could not resolve host"));
    }
    assert_int_equal(unsetenv("HTTPS_PROXY"), 0);
    assert_int_equal(unsetenv("NO_PROXY"), 0);
}

static void test_http_client_a_proxy_out_of_reach_is_named(void **state)
{
    (void)state;
    static const char *const starts[] = { "http://user:TEST-ONLY@", "https://", "socks5://" };
    for (size_t i = 0; i < COUNTOF(starts); i++) {
        struct kit kit;
        struct asked asked = { 0 };
        char proxy_url[64];
        char text[128];
        const uint16_t port = closed_port();
        (void)snprintf(proxy_url, sizeof(proxy_url), "%s127.0.0.1:%u", starts[i], port);
        (void)snprintf(text, sizeof(text),
                       "cannot connect to the proxy 127.0.0.1:%u: Connection refused", port);
        const struct http_endpoint endpoint = { .url = "https://kb.invalid",
                                                .proxy_url = proxy_url };
        const struct http_request request = get(&asked, "/");
        kit_init(&kit);
        ask(&kit, &endpoint, &request);
        kit_fini(&kit);
        assert_int_equal(asked.result.status, ST_UNAVAILABLE);
        assert_string_equal(asked.result.text, text);
    }
}

/* A SOCKS 5 proxy (RFC 1928) for one connection, which it refuses. */
struct socks {
    int listen_fd;
    uint8_t request[64];
    ssize_t request_len;
};

static void *serve_socks(void *ctx)
{
    struct socks *socks = ctx;
    uint8_t greeting[16];
    const int fd = accept(socks->listen_fd, NULL, NULL);
    if (recv(fd, greeting, sizeof(greeting), 0) > 0 && send(fd, "\x05\x00", 2, MSG_NOSIGNAL) == 2) {
        socks->request_len = recv(fd, socks->request, sizeof(socks->request), 0);
        (void)send(fd, "\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00", 10, MSG_NOSIGNAL);
        (void)recv(fd, greeting, sizeof(greeting), 0); /* until it closes */
    }
    close(fd);
    return NULL;
}

static void test_http_client_a_socks_proxy_finds_the_address(void **state)
{
    (void)state;
    struct socks socks = { .listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    pthread_t thread;
    assert_int_equal(bind(socks.listen_fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(socks.listen_fd, 1), 0);
    assert_int_equal(getsockname(socks.listen_fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve_socks, &socks), 0);
    struct kit kit;
    struct asked asked = { 0 };
    char proxy_url[64];
    (void)snprintf(proxy_url, sizeof(proxy_url), "socks5://127.0.0.1:%u", ntohs(address.sin_port));
    const struct http_endpoint endpoint = { .url = "https://node.test", .proxy_url = proxy_url };
    const struct http_request request = get(&asked, "/");
    kit_init(&kit);
    ask(&kit, &endpoint, &request);
    kit_fini(&kit);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(socks.listen_fd);
    print_message("# %s\n", asked.result.text);
    assert_int_equal(asked.result.status, ST_UNAVAILABLE);
    static const char wanted[] = "\x05\x01\x00\x03\x09node.test\x01\xbb"; /* a name, 443 */
    assert_int_equal(socks.request_len, sizeof(wanted) - 1);
    assert_memory_equal(socks.request, wanted, sizeof(wanted) - 1);
}

static void test_http_start_without_memory_starts_nothing(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct kit kit;
    struct asked asked = { 0 };
    const struct http_endpoint endpoint = { .url = "https://127.0.0.1:1/prefix",
                                            .tls_server_name = "kubernetes.test",
                                            .proxy_url = "http://127.0.0.1:1" };
    const char *const headers[] = { "Authorization: TEST-ONLY" };
    struct http_request request = get(&asked, "/");
    request.method = "PUT";
    request.headers = headers;
    request.header_count = 1;
    request.body = span_of("{}");
    request.own_connection = true;
    kit_init(&kit);
    bool reached = true;
    for (size_t nth = 1; reached; nth++) {
        struct http_transfer *transfer = NULL;
        struct problem problem = { 0 };
        alloc_fail_arm(nth);
        const enum status status = http_start(kit.client, &endpoint, &request, &transfer, &problem);
        reached = alloc_fail_disarm();
        assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
        assert_true(!transfer == reached);
        transfer = http_cancel(transfer);
    }
    kit_fini(&kit);
    assert_int_equal(asked.done_count, 0);
}

/* OpenSSL as permissive as can be, so that it is us who refuse old TLS. */
static void loosen_openssl(void)
{
    static const char config[] = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
                                 "[c]\nMinProtocol = TLSv1\nCipherString = DEFAULT:@SECLEVEL=0\n";
    char path[64];
    const int fd = memfd_create("openssl.cnf", MFD_CLOEXEC);
    assert_int_equal(write(fd, config, sizeof(config) - 1), sizeof(config) - 1);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    assert_int_equal(setenv("OPENSSL_CONF", path, 1), 0);
}

static int set_up(void **state)
{
    (void)state;
    loosen_openssl();
    https_pki_make(&pki);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    https_pki_free(&pki);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* before a lookup is left behind, which closes its descriptors when it likes */
        cmocka_unit_test(test_http_client_leaves_no_descriptor_open),
        cmocka_unit_test(test_http_client_url_that_says_it_all),
        cmocka_unit_test(test_http_client_get_brings_head_and_body),
        cmocka_unit_test(test_http_client_methods_send_their_bodies),
        cmocka_unit_test(test_http_client_a_large_body_does_not_wait_for_100_continue),
        cmocka_unit_test(test_http_client_reply_rows_in_pieces_of_any_length),
        cmocka_unit_test(test_http_client_retry_after_rows),
        cmocka_unit_test(test_http_client_header_limit),
        cmocka_unit_test(test_http_client_endless_interim_replies_end_at_the_header_limit),
        cmocka_unit_test(test_http_client_status_of_on_body_ends_the_transfer),
        cmocka_unit_test(test_http_client_pieces_arrive_before_the_end),
        cmocka_unit_test(test_http_client_leaves_time_to_others_while_a_body_comes),
        cmocka_unit_test(test_http_client_a_reset_is_no_end),
        cmocka_unit_test(test_http_client_trust_rows),
        cmocka_unit_test(test_http_client_only_the_given_ca_counts),
        cmocka_unit_test(test_http_client_shows_the_server_rows),
        cmocka_unit_test(test_http_client_shows_the_server_each_time),
        cmocka_unit_test(test_http_client_shows_a_server_without_tls_as_nothing),
        cmocka_unit_test(test_http_cancel_of_a_server_that_is_shown_sends_nothing),
        cmocka_unit_test(test_http_client_tls_below_1_2_is_refused),
        cmocka_unit_test(test_http_client_presents_its_certificate),
        cmocka_unit_test(test_http_client_http_without_tls),
        cmocka_unit_test(test_http_start_refuses_urls),
        cmocka_unit_test(test_http_start_refuses_requests),
        cmocka_unit_test(test_http_start_refuses_pem),
        cmocka_unit_test(test_http_start_at_most_so_many_at_once),
        cmocka_unit_test(test_http_client_connection_refused_is_told),
        cmocka_unit_test(test_http_client_no_such_name_is_told),
        cmocka_unit_test(test_http_client_ipv6_addresses_keep_their_brackets),
        cmocka_unit_test(test_http_client_a_lookup_that_hangs_holds_nobody_up),
        cmocka_unit_test(test_http_client_connect_timeout_counts_the_handshake),
        cmocka_unit_test(test_http_client_timeout_rows),
        cmocka_unit_test(test_http_client_silence_ends_with_each_line_and_piece),
        cmocka_unit_test(test_http_cancel_before_anything),
        cmocka_unit_test(test_http_cancel_in_on_head),
        cmocka_unit_test(test_http_cancel_in_on_body),
        cmocka_unit_test(test_http_client_free_in_callbacks),
        cmocka_unit_test(test_http_client_free_with_transfers_under_way),
        cmocka_unit_test(test_http_callbacks_may_cancel_others_and_start_new_ones),
        cmocka_unit_test(test_http_client_connections_are_reused_when_they_may_be),
        cmocka_unit_test(test_http_client_a_read_outlives_a_connection_closed_meanwhile),
        cmocka_unit_test(test_http_client_a_write_is_sent_once),
        cmocka_unit_test(test_http_client_drop_idle_lets_requests_end),
        cmocka_unit_test(test_http_client_drop_idle_closes_at_once),
        cmocka_unit_test(test_http_client_wipes_what_is_secret),
        cmocka_unit_test(test_http_client_notices_dead_peers_by_tcp),
        cmocka_unit_test(test_http_client_https_goes_through_a_tunnel),
        cmocka_unit_test(test_http_client_a_proxy_that_refuses_is_told),
        cmocka_unit_test(test_http_client_a_proxy_with_tls_is_verified),
        cmocka_unit_test(test_http_client_header_limit_counts_the_proxys),
        cmocka_unit_test(test_http_client_proxy_of_the_environment),
        cmocka_unit_test(test_http_client_a_proxy_out_of_reach_is_named),
        cmocka_unit_test(test_http_client_a_socks_proxy_finds_the_address),
        cmocka_unit_test(test_http_start_without_memory_starts_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
