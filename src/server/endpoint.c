/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From libmicrohttpd's callback to an endpoint's handler: path, method, client certificate, and the
 * body within its limits.
 *
 * libmicrohttpd calls three times: when the headers are complete, for each piece of the body, and
 * when all is there. What can be refused by the headers alone is refused then, before a byte of the
 * body is read.
 */
#include "server/endpoint.h"

#include <string.h>

#include "server/budget.h"
#include "server/client_refusal.h"
#include "server/reply.h"
#include "server/server_private.h"

/* a chunked body is read on to this many times the limit, so that its sender gets the 413 */
#define BODY_DISCARD_FACTOR 4

#define REVIEW_ENDPOINT(text, handler)                             \
    {                                                              \
        .path = { (text), sizeof(text) - 1 }, .is_post = true,     \
        .client = ENDPOINT_CLIENT_CERTIFICATE, .handle = (handler) \
    }

/* clang-format off */
#define OPERATOR_ENDPOINTS                                                                                             \
    { .path = { "/livez", 6 }, .has_rest = true, .handle = livez_endpoint },                                           \
    { .path = { "/readyz", 7 }, .has_rest = true, .handle = readyz_endpoint },                                         \
    { .path = { "/healthz", 8 }, .has_rest = true, .handle = healthz_endpoint },                                       \
    { .path = { "/metrics", 8 }, .client = ENDPOINT_METRICS_OPTION, .handle = metrics_endpoint }
/* clang-format on */

#define REVIEW_ENDPOINT_COUNT 3

static const struct endpoint secure_endpoints[] = {
    REVIEW_ENDPOINT("/authenticate", token_review_endpoint),
    REVIEW_ENDPOINT("/apis/authentication.k8s.io/v1/tokenreviews", token_review_v1_endpoint),
    REVIEW_ENDPOINT("/apis/authentication.k8s.io/v1beta1/tokenreviews",
                    token_review_v1beta1_endpoint),
    { .path = { "/version", 8 }, .handle = version_endpoint },
    OPERATOR_ENDPOINTS,
};

static const struct endpoint health_endpoints[] = {
    OPERATOR_ENDPOINTS,
    { .path = { "/version", 8 }, .handle = version_endpoint },
};

const struct endpoint *endpoint_table_secure(bool has_health_listener, size_t *ret_count)
{
    /* reviews and version come first; the operator's endpoints move away as a block */
    *ret_count = has_health_listener ? REVIEW_ENDPOINT_COUNT + 1 : COUNTOF(secure_endpoints);
    return secure_endpoints;
}

const struct endpoint *endpoint_table_health(size_t *ret_count)
{
    *ret_count = COUNTOF(health_endpoints);
    return health_endpoints;
}

static const struct endpoint *find_endpoint(const struct worker *worker,
                                            struct span url,
                                            struct span *ret_rest)
{
    for (size_t i = 0; i < worker->endpoint_count; i++) {
        const struct endpoint *endpoint = &worker->endpoints[i];
        if (!span_starts_with(url, endpoint->path)) {
            continue;
        }
        const struct span rest = span_after(url, endpoint->path.len);
        if (rest.len == 0 || (endpoint->has_rest && rest.at[0] == '/')) {
            *ret_rest = rest;
            return endpoint;
        }
    }
    return NULL;
}

static bool is_method_allowed(const struct exchange *exchange)
{
    if (exchange->endpoint->is_post) {
        return strcmp(exchange->method, MHD_HTTP_METHOD_POST) == 0;
    }
    return strcmp(exchange->method, MHD_HTTP_METHOD_GET) == 0 ||
           strcmp(exchange->method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* MHD_KeyValueIteratorN */
static enum MHD_Result look_at_header(void *cls,
                                      enum MHD_ValueKind kind,
                                      const char *name,
                                      size_t name_len,
                                      const char *value,
                                      size_t value_len)
{
    (void)kind;
    request_head_add(cls, (struct span){ name, name_len }, (struct span){ value, value_len });
    return MHD_YES;
}

static enum MHD_Result reply_refusal(struct exchange *exchange, struct head_refusal refusal)
{
    if (refusal.code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        return reply_method_not_allowed(exchange);
    }
    return reply_status(exchange, refusal.code, refusal.text,
                        refusal.code == MHD_HTTP_SERVICE_UNAVAILABLE ? BUDGET_RETRY_AFTER_SEC : 0);
}

/* Refuse while the body is unread: the connection ends after this reply, and its client is let
 * finish. */
static enum MHD_Result refuse_and_close(struct exchange *exchange, struct head_refusal refusal)
{
    exchange->connection->request.closes = true;
    exchange->connection->lingers = true;
    return reply_refusal(exchange, refusal);
}

static const struct head_refusal too_large = {
    MHD_HTTP_CONTENT_TOO_LARGE, "the request body is larger than --max-request-body-bytes"
};

static bool needs_client_certificate(const struct exchange *exchange)
{
    const struct server *server = exchange->worker->server;
    if (!exchange->worker->is_tls || !tls_context_wants_client_certificates(server->context.tls)) {
        return false;
    }
    switch (exchange->endpoint->client) {
    case ENDPOINT_CLIENT_CERTIFICATE:
        return true;
    case ENDPOINT_METRICS_OPTION:
        return server->options.metrics_require_client_certificate;
    case ENDPOINT_ANYBODY:
        break;
    }
    return false;
}

/* May this client ask here? All-zero: yes. */
static struct head_refusal refuse_client(struct exchange *exchange)
{
    if (!needs_client_certificate(exchange)) {
        return (struct head_refusal){ 0 };
    }
    struct connection *connection = exchange->connection;
    const enum client_certificate found =
        tls_client_certificate_check(exchange->worker->server->context.tls, connection->session,
                                     &connection->client_certificate);
    if (found != CLIENT_CERTIFICATE_ACCEPTED) {
        return client_refusal(exchange, found);
    }
    connection_raise(connection, STANDING_KNOWN);
    return (struct head_refusal){ 0 };
}

/* Path, method, client: all that can be said no to before the body. What is refused keeps no body.
 */
static struct head_refusal admit(struct exchange *exchange)
{
    static const struct head_refusal no_path = {
        MHD_HTTP_NOT_FOUND, "the server could not find the requested resource"
    };
    static const struct head_refusal no_method = { MHD_HTTP_METHOD_NOT_ALLOWED, "" };
    if (!exchange->endpoint) {
        return no_path;
    }
    return is_method_allowed(exchange) ? refuse_client(exchange) : no_method;
}

static bool takes_body(const struct exchange *exchange)
{
    return exchange->endpoint && exchange->endpoint->is_post && is_method_allowed(exchange);
}

/* What ends the connection at once, since its body is not worth reading or has no certain end. */
static struct head_refusal judge_framing(const struct exchange *exchange,
                                         const struct request_head *head,
                                         const char *version)
{
    static const struct head_refusal no_chunks = { MHD_HTTP_BAD_REQUEST,
                                                   "no chunked body is taken here" };
    const struct head_refusal refusal = request_head_judge(head, version);
    if (refusal.code) {
        return refusal;
    }
    if (head->content_length > exchange->worker->server->options.max_body_bytes) {
        return too_large;
    }
    if (head->codings && !takes_body(exchange)) {
        return exchange->connection->request.refusal.code ? exchange->connection->request.refusal
                                                          : no_chunks;
    }
    return refusal;
}

/* The headers are complete. Either refuses by them or lets the body come. */
static enum MHD_Result on_headers(struct exchange *exchange, struct span url, const char *version)
{
    struct request *request = &exchange->connection->request;
    struct request_head head = {
        .is_malformed =
            request->is_target_bad || !request_method_is_valid(span_of(exchange->method)),
    };
    request->started = true;
    request->body_seen = 0;
    request->rest = (struct span){ 0 };
    request->endpoint = find_endpoint(exchange->worker, url, &request->rest);
    exchange->endpoint = request->endpoint;
    connection_note_request(exchange->connection);
    (void)MHD_get_connection_values_n(exchange->mhd, MHD_HEADER_KIND, look_at_header,
                                      &head); /* a count */
    request->content_type = head.content_type;
    request->refuses_json = !accept_takes_json(&head.accept);
    /* where a chunked body ends is for libmicrohttpd to say, whose reading of chunk lines is not
     * the strictest: nothing behind one is believed */
    request->is_chunked = head.codings > 0;
    request->closes = head.asks_close || request->is_chunked;
    request->refusal = admit(exchange);
    const struct head_refusal refusal = judge_framing(exchange, &head, version);
    return refusal.code ? refuse_and_close(exchange, refusal) : MHD_YES;
}

/* Room for @piece in the body's buffer, and in the memory of all connections together. */
static bool has_room(struct connection *connection, struct span piece)
{
    const struct buf *body = &connection->request.body;
    const size_t cap = buf_cap_for(body, piece.len);
    if (cap <= CONNECTION_BUF_KEPT_BYTES || cap == body->cap) {
        return true;
    }
    return budget_grow(connection, cap - (body->cap > CONNECTION_BUF_KEPT_BYTES ? body->cap : 0));
}

static void keep(struct exchange *exchange, struct span piece)
{
    static const struct head_refusal no_memory = { MHD_HTTP_SERVICE_UNAVAILABLE, BUDGET_REFUSAL };
    struct request *request = &exchange->connection->request;
    if (has_room(exchange->connection, piece)) {
        buf_append(&request->body, piece);
    } else {
        request->refusal = no_memory;
    }
}

static enum MHD_Result on_body(struct exchange *exchange, struct span piece, size_t *ret_left)
{
    struct request *request = &exchange->connection->request;
    const size_t max = exchange->worker->server->options.max_body_bytes;
    /* cannot overflow: both stay below a small multiple of the limit */
    request->body_seen += piece.len;
    if (request->body_seen > max * BODY_DISCARD_FACTOR) {
        metrics_add(&exchange->worker->metrics.counters[COUNT_CLOSED_BODY], 1);
        connection_cut(exchange->connection);
        return MHD_NO;
    }
    if (!request->refusal.code && exchange->endpoint->is_post && request->body_seen <= max) {
        keep(exchange, piece);
    }
    *ret_left = 0;
    return MHD_YES;
}

/* Fields behind a chunked body, RFC 9112 7.1.2: nothing in them counts, but they must be ones. */
static bool has_bad_trailer(const struct exchange *exchange)
{
    struct request_head trailer = { 0 };
    if (exchange->connection->request.is_chunked) {
        (void)MHD_get_connection_values_n(exchange->mhd, MHD_FOOTER_KIND, look_at_header,
                                          &trailer); /* a count */
    }
    return trailer.is_malformed;
}

static enum MHD_Result on_complete(struct exchange *exchange)
{
    const struct request *request = &exchange->connection->request;
    if (has_bad_trailer(exchange)) {
        return reply_status(exchange, MHD_HTTP_BAD_REQUEST, "a trailer field is malformed", 0);
    }
    if (request->body_seen > exchange->worker->server->options.max_body_bytes) {
        return reply_status(exchange, too_large.code, too_large.text, 0);
    }
    if (request->refusal.code) {
        return reply_refusal(exchange, request->refusal);
    }
    if (request->body.failed) {
        return reply_status(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, status_text(ST_NOMEM), 0);
    }
    return exchange->endpoint->handle(exchange);
}

void *endpoint_note_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    (void)cls;
    struct connection *connection = connection_of(mhd);
    if (connection) {
        connection->request.is_target_bad = !request_target_is_valid(span_of(target));
    }
    return connection;
}

enum MHD_Result endpoint_dispatch(void *cls,
                                  struct MHD_Connection *mhd,
                                  const char *url,
                                  const char *method,
                                  const char *version,
                                  const char *upload_data,
                                  size_t *upload_data_size,
                                  void **request_context)
{
    struct connection *connection = *request_context; /* from endpoint_note_target() */
    if (!connection || connection_is_cut(connection)) {
        return MHD_NO; /* there was no memory for it; or it has ended, and this is its pipeline */
    }
    struct request *request = &connection->request;
    struct exchange exchange = {
        .worker = cls,
        .connection = connection,
        .mhd = mhd,
        .method = method,
        .endpoint = request->endpoint,
        .rest = request->rest,
    };
    if (!request->started) {
        return on_headers(&exchange, span_of(url), version);
    }
    if (*upload_data_size) {
        return on_body(&exchange, (struct span){ upload_data, *upload_data_size },
                       upload_data_size);
    }
    return on_complete(&exchange);
}
