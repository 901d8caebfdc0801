/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents of servers that say what the test wrote down (support/https_script.h): whole or not at
 * all, where redirects lead, and what is never sent there.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/http/fetch.h"
#include "support/alloc_fail.h"
#include "support/https_script.h"

#define DEADLINE_MS 60000 /* only that a test ends at all */
#define SHORT_MS    150   /* a timeout that is meant to pass */
#define MAX_BYTES   64
#define OK_REPLY    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define SECRET      "Authorization: Bearer TEST-ONLY"

static struct https_pki pki;

#define SCRIPT(...)                                                                \
    {                                                                              \
        .exchanges = (const struct https_exchange[]){ __VA_ARGS__ },               \
        .exchange_count = sizeof((const struct https_exchange[]){ __VA_ARGS__ }) / \
                          sizeof(struct https_exchange),                           \
        .pki = &pki                                                                \
    }

struct kit {
    struct loop *loop;
    struct http_client *client;
    uv_timer_t watchdog;
    bool is_late;
    bool frees_client; /* in on_done */

    struct http_fetch *fetch;
    unsigned done_count;
    struct http_result result;
    char body[MAX_BYTES + 1];
    int64_t max_age_sec;
};

static void on_late(uv_timer_t *timer)
{
    struct kit *kit = timer->data;
    kit->is_late = true;
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
}

static void on_done(void *ctx,
                    const struct http_result *result,
                    const struct http_document *document)
{
    struct kit *kit = ctx;
    kit->done_count++;
    kit->fetch = NULL;
    kit->result = *result;
    kit->max_age_sec = document->max_age_sec;
    assert_in_range(document->len, 0, MAX_BYTES);
    memcpy(kit->body, document->len ? document->at : "", document->len);
    if (kit->frees_client) {
        kit->client = http_client_free(kit->client);
    }
    loop_stop(kit->loop);
}

static struct span pem_of(const gnutls_datum_t *pem)
{
    return (struct span){ (const char *)pem->data, pem->size };
}

/* Fetch @path of @script, which may name nothing that says who we are but @authorization and
 * what @endpoint has beside URL and CA. */
static void fetch_with(struct kit *kit,
                       const struct https_script *script,
                       struct http_endpoint endpoint,
                       const char *path,
                       const char *authorization,
                       uint64_t timeout_ms)
{
    char url[128];
    struct problem problem = { 0 };
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", script->plain ? "http" : "https",
                   script->port);
    endpoint.url = url;
    endpoint.proxy_url = "";
    endpoint.ca_pem = pem_of(&pki.ca.certificate);
    const struct http_fetch_request request = {
        .endpoint = &endpoint,
        .path = path,
        .accept = "application/json",
        .authorization = authorization,
        .max_bytes = MAX_BYTES,
        .timeout_ms = timeout_ms,
        .on_done = on_done,
        .ctx = kit,
    };
    assert_int_equal(http_fetch_start(kit->client, &request, &kit->fetch, &problem), ST_OK);
    assert_int_equal(kit->done_count, 0);
    assert_int_equal(uv_timer_start(&kit->watchdog, on_late, DEADLINE_MS, 0), 0);
    loop_run(kit->loop);
    assert_false(kit->is_late);
    assert_int_equal(kit->done_count, 1);
}

static void fetch(struct kit *kit, const struct https_script *script, const char *path)
{
    fetch_with(kit, script, (struct http_endpoint){ 0 }, path, NULL, DEADLINE_MS);
}

#define TWO_CACHE_CONTROLS "Cache-Control: public\r\nCache-Control: public\r\n"
#define EIGHT_CACHE_CONTROLS \
    TWO_CACHE_CONTROLS TWO_CACHE_CONTROLS TWO_CACHE_CONTROLS TWO_CACHE_CONTROLS

static const struct {
    const char *name;
    const char *reply;
    enum status want;
    const char *body;
    int64_t max_age_sec;
    const char *text; /* a part of it */
} reply_rows[] = {
    { "a document", OK_REPLY, ST_OK, "ok", -1, "" },
    { "with its age",
      "HTTP/1.1 200 OK\r\nCache-Control: public\r\nAge: 5\r\ncache-control: max-age=60\r\n"
      "Content-Length: 2\r\n\r\nok",
      ST_OK, "ok", 55, "" },
    { "with more fields for its age than are looked at",
      "HTTP/1.1 200 OK\r\n" EIGHT_CACHE_CONTROLS "Cache-Control: max-age=60\r\n"
      "Content-Length: 2\r\n\r\nok",
      ST_OK, "ok", -1, "" },
    { "in chunks, just short enough",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "20\r\n0123456789abcdef0123456789abcdef\r\n20\r\n0123456789abcdef0123456789abcdef\r\n"
      "0\r\n\r\n",
      ST_OK, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", -1, "" },
    { "a byte too long",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\n"
      "20\r\n0123456789abcdef0123456789abcdef\r\n20\r\n0123456789abcdef0123456789abcdef\r\n"
      "1\r\n0\r\n0\r\n\r\n",
      ST_LIMIT, "", 0, "the reply is longer than 64 bytes" },
    { "empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ST_OK, "", -1, "" },
    { "half of it", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok", ST_UNAVAILABLE, "", 0, "" },
    { "nothing", "", ST_UNAVAILABLE, "", 0, "" },
    { "not there", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nok", ST_UNAVAILABLE, "", 0,
      " answered 404" },
    { "no content", "HTTP/1.1 204 No Content\r\n\r\n", ST_UNAVAILABLE, "", 0, " answered 204" },
    { "not modified", "HTTP/1.1 304 Not Modified\r\n\r\n", ST_UNAVAILABLE, "", 0, " answered 304" },
    { "a choice", "HTTP/1.1 300 Multiple Choices\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
      ST_UNAVAILABLE, "", 0, " answered 300" },
    { "later", "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
      ST_UNAVAILABLE, "", 0, " answered 503" },
    { "to nowhere", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", ST_UNAVAILABLE, "", 0,
      " answered 302, a redirect to nowhere" },
    { "to plain HTTP",
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/b\r\nContent-Length: 0\r\n\r\n",
      ST_UNAVAILABLE, "", 0, " answered 302: the redirect: expected https://, found http://" },
    { "to a file",
      "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
      ST_UNAVAILABLE, "", 0, " answered 302: the redirect: expected https://, found another" },
    { "with a password",
      "HTTP/1.1 302 Found\r\nLocation: https://a:b@127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
      ST_UNAVAILABLE, "", 0, " answered 302: the redirect: expected https:// and a host" },
};

static void test_http_fetch_reply_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(reply_rows); i++) {
        struct kit kit;
        struct https_script script = SCRIPT(
            { .expect = "GET /a HTTP/1.1\r\n", .send = reply_rows[i].reply, .after = HTTPS_CLOSE });
        https_script_start(&script);
        kit_init(&kit);
        fetch(&kit, &script, "/a");
        if (kit.result.status != reply_rows[i].want || strcmp(kit.body, reply_rows[i].body) != 0 ||
            kit.max_age_sec != reply_rows[i].max_age_sec ||
            !strstr(kit.result.text, reply_rows[i].text)) {
            fail_msg("%s: %s, %s, %s", reply_rows[i].name, status_label(kit.result.status),
                     kit.body, kit.result.text);
        }
        assert_true(kit.result.status == ST_OK || kit.result.text[0]);
        kit_fini(&kit);
        https_script_stop(&script);
        assert_non_null(strstr(script.requests, "\r\nAccept: application/json\r\n"));
        assert_non_null(strstr(script.requests, "\r\nUser-Agent: kube-bearer/"));
    }
}

/* Redirects. */

#define REDIRECT(code, where)                                                      \
    "HTTP/1.1 " code " Elsewhere\r\nLocation: " where "\r\nContent-Length: 11\r\n" \
    "Cache-Control: max-age=1\r\n\r\nnot the one"

static void test_http_fetch_follows_three_redirects(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script = SCRIPT({ .expect = "GET /a ", .send = REDIRECT("301", "/b?x") },
                                        { .expect = "GET /b?x ", .send = REDIRECT("307", "c") },
                                        { .expect = "GET /c ", .send = REDIRECT("308", "/d#e") },
                                        { .expect = "GET /d ", .send = OK_REPLY });
    https_script_start(&script);
    kit_init(&kit);
    fetch(&kit, &script, "/a");
    assert_int_equal(kit.result.status, ST_OK);
    assert_string_equal(kit.body, "ok");
    assert_int_equal(kit.max_age_sec, -1); /* the redirect's does not count */
    kit_fini(&kit);
    https_script_stop(&script);
}

static void test_http_fetch_does_not_follow_a_fourth(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script = SCRIPT({ .expect = "GET /a ", .send = REDIRECT("302", "/a") },
                                        { .expect = "GET /a ", .send = REDIRECT("302", "/a") },
                                        { .expect = "GET /a ", .send = REDIRECT("303", "/a") },
                                        { .expect = "GET /a ", .send = REDIRECT("302", "/a") });
    https_script_start(&script);
    kit_init(&kit);
    fetch(&kit, &script, "/a");
    assert_int_equal(kit.result.status, ST_UNAVAILABLE);
    assert_non_null(strstr(kit.result.text, "and there were 3 redirects before"));
    kit_fini(&kit);
    https_script_stop(&script);
}

static void test_http_fetch_redirect_to_another_server(void **state)
{
    (void)state;
    struct kit kit;
    char reply[256];
    struct https_script other = SCRIPT({ .expect = "GET /keys HTTP/1.1\r\n", .send = OK_REPLY });
    https_script_start(&other);
    (void)snprintf(reply, sizeof(reply), REDIRECT("302", "https://localhost:%u/keys"), other.port);
    struct https_script script = SCRIPT({ .expect = "GET /a ", .send = reply });
    https_script_start(&script);
    kit_init(&kit);
    fetch(&kit, &script, "/a");
    assert_int_equal(kit.result.status, ST_OK);
    assert_non_null(strstr(kit.result.from, "localhost:"));
    kit_fini(&kit);
    https_script_stop(&script);
    https_script_stop(&other);
    assert_non_null(strstr(other.requests, "\r\nHost: localhost:"));
}

static void test_http_fetch_redirect_to_a_server_of_another_ca_is_refused(void **state)
{
    (void)state;
    struct kit kit;
    char reply[256];
    struct https_pki other_pki = { 0 };
    https_identity_make(&other_pki.server, &pki.other_ca, "CN=server", true);
    struct https_script other = { .pki = &other_pki };
    https_script_start(&other);
    (void)snprintf(reply, sizeof(reply), REDIRECT("302", "https://127.0.0.1:%u/keys"), other.port);
    struct https_script script = SCRIPT({ .expect = "GET /a ", .send = reply });
    https_script_start(&script);
    kit_init(&kit);
    fetch(&kit, &script, "/a");
    assert_int_equal(kit.result.status, ST_UNAVAILABLE);
    assert_non_null(strstr(kit.result.text, "the certificate of 127.0.0.1:"));
    kit_fini(&kit);
    https_script_stop(&script);
    https_script_stop(&other);
    https_pki_free(&other_pki);
}

/* Whoever is shown who we are is the last to be asked. */
static void test_http_fetch_with_credentials_follows_no_redirect(void **state)
{
    (void)state;
    const struct {
        struct http_endpoint endpoint;
        const char *authorization;
    } rows[] = {
        { { 0 }, SECRET },
        { { .client_certificate_pem = pem_of(&pki.client.certificate),
            .client_key_pem = pem_of(&pki.client.key) },
          NULL },
        { { .tls_server_name = "kubernetes.test" }, NULL },
        { { .insecure_skip_tls_verify = true }, NULL },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct kit kit;
        struct https_script script = SCRIPT({ .expect = "GET /a ", .send = REDIRECT("302", "/b") });
        script.wants_client = rows[i].endpoint.client_key_pem.len > 0;
        https_script_start(&script);
        kit_init(&kit);
        fetch_with(&kit, &script, rows[i].endpoint, "/a", rows[i].authorization, DEADLINE_MS);
        assert_int_equal(kit.result.status, ST_UNAVAILABLE);
        assert_non_null(
            strstr(kit.result.text, " answered 302, a redirect; none is followed with"));
        kit_fini(&kit);
        https_script_stop(&script);
        assert_int_equal(strstr(script.requests, SECRET) != NULL, rows[i].authorization != NULL);
    }
}

static void test_http_fetch_credentials_reach_the_server_that_was_named(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script = SCRIPT({ .expect = "GET /a ", .send = OK_REPLY });
    https_script_start(&script);
    kit_init(&kit);
    fetch_with(&kit, &script, (struct http_endpoint){ 0 }, "/a", SECRET, DEADLINE_MS);
    assert_int_equal(kit.result.status, ST_OK);
    kit_fini(&kit);
    https_script_stop(&script);
    assert_non_null(strstr(script.requests, "\r\n" SECRET "\r\n"));
}

/* Time. */

static void test_http_fetch_a_byte_now_and_then_is_not_in_time(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script = SCRIPT({ .expect = "GET /a ",
                                          .send = OK_REPLY,
                                          .piece_len = 1,
                                          .pause_ms = 20,
                                          .after = HTTPS_HANG });
    https_script_start(&script);
    kit_init(&kit);
    fetch_with(&kit, &script, (struct http_endpoint){ 0 }, "/a", NULL, SHORT_MS);
    assert_int_equal(kit.result.status, ST_TIMEOUT);
    kit_fini(&kit);
    https_script_stop(&script);
}

/* The time is that of all requests together. */
static void test_http_fetch_redirects_do_not_start_time_over(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script = SCRIPT({ .expect = "GET /a ",
                                          .send = REDIRECT("302", "/a"),
                                          .piece_len = 16,
                                          .pause_ms = SHORT_MS / 8 },
                                        { .expect = "GET /a ", .after = HTTPS_HANG });
    https_script_start(&script);
    kit_init(&kit);
    const uint64_t began_ns = uv_hrtime();
    fetch_with(&kit, &script, (struct http_endpoint){ 0 }, "/a", NULL, 2 * SHORT_MS);
    const uint64_t took_ms = (uv_hrtime() - began_ns) / 1000000;
    assert_int_equal(kit.result.status, ST_TIMEOUT);
    assert_in_range(took_ms, 2 * SHORT_MS - 10, DEADLINE_MS);
    kit_fini(&kit);
    https_script_stop(&script);
}

/* The kernel accepts, and nobody shakes hands. */
static void test_http_fetch_a_handshake_that_never_comes(void **state)
{
    (void)state;
    struct kit kit;
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t address_len = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &address_len), 0);
    const struct https_script script = { .port = ntohs(address.sin_port) };
    kit_init(&kit);
    fetch_with(&kit, &script, (struct http_endpoint){ 0 }, "/a", NULL, SHORT_MS);
    assert_int_equal(kit.result.status, ST_TIMEOUT);
    kit_fini(&kit);
    assert_int_equal(close(fd), 0);
}

/* Lives. */

static void test_http_fetch_client_may_be_freed_when_done(void **state)
{
    (void)state;
    static const char *const replies[] = { OK_REPLY,
                                           "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" };
    for (size_t i = 0; i < COUNTOF(replies); i++) {
        struct kit kit;
        struct https_script script = SCRIPT({ .expect = "GET /a ", .send = replies[i] });
        https_script_start(&script);
        kit_init(&kit);
        kit.frees_client = true;
        fetch(&kit, &script, "/a");
        kit_fini(&kit);
        https_script_stop(&script);
    }
}

static void test_http_fetch_cancelled_is_not_told(void **state)
{
    (void)state;
    struct kit kit;
    struct problem problem = { 0 };
    const struct http_endpoint endpoint = { .url = "https://127.0.0.1:1", .proxy_url = "" };
    const struct http_fetch_request request = {
        .endpoint = &endpoint, .accept = "x", .timeout_ms = 1, .on_done = on_done, .ctx = &kit
    };
    kit_init(&kit);
    assert_int_equal(http_fetch_start(kit.client, &request, &kit.fetch, &problem), ST_OK);
    assert_null(http_fetch_cancel(kit.fetch));
    assert_null(http_fetch_cancel(NULL));
    (void)uv_run(loop_uv(kit.loop), UV_RUN_NOWAIT);
    assert_int_equal(kit.done_count, 0);
    kit_fini(&kit);
}

static void test_http_fetch_url_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct kit kit;
    struct problem problem = { 0 };
    const struct http_endpoint endpoint = { .url = "nonsense://", .proxy_url = "" };
    const struct http_fetch_request request = { .endpoint = &endpoint, .accept = "x" };
    kit_init(&kit);
    assert_int_equal(http_fetch_start(kit.client, &request, &kit.fetch, &problem), ST_INVALID);
    assert_null(kit.fetch);
    kit_fini(&kit);
}

static void test_http_fetch_start_without_memory(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct kit kit;
    const struct http_endpoint endpoint = { .url = "https://127.0.0.1:1/", .proxy_url = "" };
    const struct http_fetch_request request = {
        .endpoint = &endpoint, .path = "/a", .accept = "x", .timeout_ms = 1, .on_done = on_done
    };
    kit_init(&kit);
    size_t nth = 1;
    bool is_reached = true;
    while (is_reached) {
        struct problem problem = { 0 };
        struct http_fetch *started = NULL;
        alloc_fail_arm(nth++);
        const enum status status = http_fetch_start(kit.client, &request, &started, &problem);
        is_reached = alloc_fail_disarm();
        assert_true(status == ST_OK || (is_reached && status == ST_NOMEM));
        assert_null(http_fetch_cancel(started));
    }
    kit_fini(&kit);
}

static int make_pki(void **state)
{
    (void)state;
    https_pki_make(&pki);
    return 0;
}

static int free_pki(void **state)
{
    (void)state;
    https_pki_free(&pki);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_fetch_reply_rows),
        cmocka_unit_test(test_http_fetch_follows_three_redirects),
        cmocka_unit_test(test_http_fetch_does_not_follow_a_fourth),
        cmocka_unit_test(test_http_fetch_redirect_to_another_server),
        cmocka_unit_test(test_http_fetch_redirect_to_a_server_of_another_ca_is_refused),
        cmocka_unit_test(test_http_fetch_with_credentials_follows_no_redirect),
        cmocka_unit_test(test_http_fetch_credentials_reach_the_server_that_was_named),
        cmocka_unit_test(test_http_fetch_a_byte_now_and_then_is_not_in_time),
        cmocka_unit_test(test_http_fetch_redirects_do_not_start_time_over),
        cmocka_unit_test(test_http_fetch_a_handshake_that_never_comes),
        cmocka_unit_test(test_http_fetch_client_may_be_freed_when_done),
        cmocka_unit_test(test_http_fetch_cancelled_is_not_told),
        cmocka_unit_test(test_http_fetch_url_that_cannot_be_is_refused),
        cmocka_unit_test(test_http_fetch_start_without_memory),
    };
    return cmocka_run_group_tests(tests, make_pki, free_pki);
}
