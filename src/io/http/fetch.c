/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET, and GET again where a redirect leads.
 *
 * The client follows no redirect, so that what goes out is decided here: the first request is the
 * caller's, with all that says who we are; each further one is made of the new URL, the CA, the
 * proxy rules and what we accept, for nothing else has been kept. Credentials are to be shown to
 * the server that the operator named, and what comes by way of another server is not its answer:
 * with them a redirect is the end.
 *
 * Each request has a connection of its own, closed behind it: documents are fetched minutes apart,
 * and an idle connection would cost both sides more than a handshake.
 *
 * Untrusted: the servers. Bytes, time and redirects are bounded here, the header by the client.
 * Threads: the loop's.
 */
#include "io/http/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/version.h"
#include "io/http/freshness.h"
#include "io/http/url.h"

#define NS_PER_MS 1000000

struct http_fetch {
    struct http_client *client; /* borrows */
    struct http_transfer *transfer;
    char *url;       /* owns; what the transfer asks; NULL: no redirect is followed */
    char *proxy_url; /* owns; NULL as in struct http_endpoint */
    char *ca_pem;    /* owns */
    size_t ca_pem_len;
    char *accept; /* owns; the whole header */
    unsigned redirect_count;
    uint64_t due_ns;
    size_t max_bytes;
    struct buf body;
    struct http_freshness freshness;
    http_fetch_fn *on_done;
    void *ctx;
};

static struct http_fetch *fetch_free(struct http_fetch *fetch)
{
    if (fetch) {
        buf_fini(&fetch->body);
        free(fetch->url);
        free(fetch->proxy_url);
        free(fetch->ca_pem);
        free(fetch->accept);
        free(fetch);
    }
    return NULL;
}

/* The transfer is over, or cancelled. */
static void finish(struct http_fetch *fetch, const struct http_result *result)
{
    struct http_document document = { 0 };
    if (result->status == ST_OK) {
        document = (struct http_document){
            .at = fetch->body.at,
            .len = fetch->body.len,
            .max_age_sec = http_freshness_left_sec(&fetch->freshness),
        };
    }
    fetch->on_done(fetch->ctx, result, &document);
    (void)fetch_free(fetch);
}

/* In on_head: @head says what came, @text what is wrong with it. */
static void PRINTF_LIKE(4, 5) give_up(struct http_fetch *fetch,
                                      const struct http_result *head,
                                      enum status status,
                                      const char *format,
                                      ...)
{
    struct http_result result = *head;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(result.text, sizeof(result.text), format, args); /* cut on purpose */
    va_end(args);
    result.status = status;
    fetch->transfer = http_cancel(fetch->transfer);
    finish(fetch, &result);
}

static void on_head(void *ctx, const struct http_result *head);

static enum status on_body(void *ctx, struct span piece)
{
    struct http_fetch *fetch = ctx;
    if (piece.len > fetch->max_bytes - fetch->body.len) {
        return ST_LIMIT;
    }
    buf_append(&fetch->body, piece);
    return fetch->body.failed ? ST_NOMEM : ST_OK;
}

static void on_done(void *ctx, const struct http_result *result)
{
    struct http_fetch *fetch = ctx;
    struct http_result told = *result;
    if (told.status == ST_LIMIT) {
        (void)snprintf(told.text, sizeof(told.text), "%s: the reply is longer than %zu bytes",
                       told.from, fetch->max_bytes);
    }
    finish(fetch, &told);
}

static enum status send_request(struct http_fetch *fetch,
                                const struct http_endpoint *endpoint,
                                const char *path,
                                const char *authorization,
                                struct problem *reterr_problem)
{
    char agent[128];
    /* texts of ours: they fit */
    (void)snprintf(agent, sizeof(agent), "User-Agent: kube-bearer/%s (%s)", version_number(),
                   version_platform());
    const char *const headers[] = { fetch->accept, agent, authorization };
    const uint64_t now_ns = uv_hrtime();
    const uint64_t left_ms = fetch->due_ns > now_ns ? (fetch->due_ns - now_ns) / NS_PER_MS : 0;
    const struct http_request request = {
        .method = "GET",
        .path = path,
        .headers = headers,
        .header_count = authorization ? 3 : 2,
        .connect_timeout_ms = left_ms + 1, /* 0 would be none */
        .total_timeout_ms = left_ms + 1,
        .silence_timeout_ms = left_ms + 1, /* should libcurl lose its timer for want of memory */
        .own_connection = true,
        .on_head = on_head,
        .on_body = on_body,
        .on_done = on_done,
        .ctx = fetch,
    };
    return http_start(fetch->client, endpoint, &request, &fetch->transfer, reterr_problem);
}

/* Fetch what is at @url, the fetch's now. */
static enum status go_on(struct http_fetch *fetch, char *url, struct problem *reterr_problem)
{
    const struct http_endpoint endpoint = {
        .url = url,
        .proxy_url = fetch->proxy_url,
        .ca_pem = { .at = fetch->ca_pem, .len = fetch->ca_pem_len },
    };
    free(fetch->url);
    fetch->url = url;
    fetch->redirect_count++;
    return send_request(fetch, &endpoint, NULL, NULL, reterr_problem);
}

static bool is_redirect(unsigned code)
{
    return (code >= 301 && code <= 303) || code == 307 || code == 308; /* RFC 9110 15.4 */
}

static void redirect(struct http_fetch *fetch, const struct http_result *head)
{
    const struct span location = http_reply_header(fetch->transfer, "Location", 0);
    struct problem problem = { 0 };
    char *url = NULL;
    if (!fetch->url) {
        give_up(fetch, head, ST_UNAVAILABLE,
                "%s answered %u, a redirect; none is followed with credentials", head->from,
                head->code);
        return;
    }
    if (fetch->redirect_count == HTTP_FETCH_REDIRECTS_MAX) {
        give_up(fetch, head, ST_UNAVAILABLE, "%s answered %u, and there were %d redirects before",
                head->from, head->code, HTTP_FETCH_REDIRECTS_MAX);
        return;
    }
    if (location.len == 0) {
        give_up(fetch, head, ST_UNAVAILABLE, "%s answered %u, a redirect to nowhere", head->from,
                head->code);
        return;
    }
    enum status status = http_url_resolve(fetch->url, location, &url, &problem);
    if (status == ST_OK) {
        fetch->transfer = http_cancel(fetch->transfer);
        status = go_on(fetch, url, &problem);
    }
    if (status == ST_NOMEM) {
        give_up(fetch, head, ST_NOMEM, "%s", status_text(ST_NOMEM));
    } else if (status != ST_OK) {
        give_up(fetch, head, ST_UNAVAILABLE, "%s answered %u: %s", head->from, head->code,
                problem.text);
    }
}

/* Servers send one, proxies may add theirs. libcurl goes through all fields for each that is asked
 * for: of 4,000 that took the loop 0.7 s. */
#define CACHE_CONTROLS_MAX 8

static void read_freshness(struct http_fetch *fetch)
{
    struct span value = http_reply_header(fetch->transfer, "Cache-Control", 0);
    for (size_t i = 1; value.at && i <= CACHE_CONTROLS_MAX; i++) {
        http_freshness_add(&fetch->freshness, value);
        value = http_reply_header(fetch->transfer, "Cache-Control", i);
    }
    http_freshness_add_age(&fetch->freshness, http_reply_header(fetch->transfer, "Age", 0));
}

static void on_head(void *ctx, const struct http_result *head)
{
    struct http_fetch *fetch = ctx;
    if (is_redirect(head->code)) {
        redirect(fetch, head);
    } else if (head->code != 200) {
        give_up(fetch, head, ST_UNAVAILABLE, "%s answered %u", head->from, head->code);
    } else {
        read_freshness(fetch);
    }
}

/* May somebody else be asked in this server's place? Not with what shows who we are, nor with what
 * was said of this one only. */
static bool may_follow(const struct http_fetch_request *request)
{
    const struct http_endpoint *const endpoint = request->endpoint;
    return !request->authorization && endpoint->client_key_pem.len == 0 &&
           endpoint->client_certificate_pem.len == 0 && !endpoint->insecure_skip_tls_verify &&
           !(endpoint->tls_server_name && endpoint->tls_server_name[0]);
}

static bool keep_for_redirects(struct http_fetch *fetch, const struct http_fetch_request *request)
{
    const struct http_endpoint *const endpoint = request->endpoint;
    struct span base = span_of(endpoint->url);
    if (request->path && base.len && base.at[base.len - 1] == '/') {
        base.len--;
    }
    fetch->url = span_join(base, span_of(request->path), (struct span){ 0 });
    fetch->proxy_url = endpoint->proxy_url ? span_copy(span_of(endpoint->proxy_url)) : NULL;
    fetch->ca_pem = span_copy(endpoint->ca_pem);
    fetch->ca_pem_len = endpoint->ca_pem.len;
    return fetch->url && fetch->ca_pem && (fetch->proxy_url || !endpoint->proxy_url);
}

enum status http_fetch_start(struct http_client *client,
                             const struct http_fetch_request *request,
                             struct http_fetch **ret_fetch,
                             struct problem *reterr_problem)
{
    struct http_fetch *fetch = calloc(1, sizeof(*fetch));
    if (!fetch) {
        return ST_NOMEM;
    }
    fetch->client = client;
    fetch->due_ns = uv_hrtime() + request->timeout_ms * NS_PER_MS;
    fetch->max_bytes = request->max_bytes;
    fetch->on_done = request->on_done;
    fetch->ctx = request->ctx;
    fetch->accept =
        span_join(SPAN_LITERAL("Accept: "), span_of(request->accept), (struct span){ 0 });
    enum status status = ST_NOMEM;
    if (fetch->accept && (!may_follow(request) || keep_for_redirects(fetch, request))) {
        status = send_request(fetch, request->endpoint, request->path, request->authorization,
                              reterr_problem);
    }
    if (status != ST_OK) {
        (void)fetch_free(fetch);
        return status;
    }
    *ret_fetch = fetch;
    return ST_OK;
}

struct http_fetch *http_fetch_cancel(struct http_fetch *fetch)
{
    if (fetch) {
        (void)http_cancel(fetch->transfer);
    }
    return fetch_free(fetch);
}
