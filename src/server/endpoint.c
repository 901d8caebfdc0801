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

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/reply.h"
#include "server/server_private.h"

#define BODY_DISCARD_FACTOR                                                                      \
    4 /* a chunked body is read on to this many times the limit, so that its sender gets the 413 \
       */

#define REVIEW_ENDPOINT(text)                                                  \
    {                                                                          \
        .path = { (text), sizeof(text) - 1 }, .is_post = true,                 \
        .client = ENDPOINT_CLIENT_CERTIFICATE, .handle = token_review_endpoint \
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
    REVIEW_ENDPOINT("/authenticate"),
    REVIEW_ENDPOINT("/apis/authentication.k8s.io/v1/tokenreviews"),
    REVIEW_ENDPOINT("/apis/authentication.k8s.io/v1beta1/tokenreviews"),
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

/* What the headers say about the request's framing. */
struct framing {
    struct request *request;
    const struct worker *worker;
    unsigned lengths;  /* Content-Length headers */
    bool has_encoding; /* Transfer-Encoding */
    bool has_bad_name;
    bool is_too_large;
};

static bool declares_too_much(const struct worker *worker, const char *text)
{
    errno = 0;
    const unsigned long long len =
        strtoull(text, NULL, 10); /* libmicrohttpd has checked that it is a number */
    return errno == ERANGE || len > worker->server->options.max_body_bytes;
}

/* MHD_KeyValueIterator */
static enum MHD_Result look_at_header(void *cls,
                                      enum MHD_ValueKind kind,
                                      const char *name,
                                      const char *value)
{
    (void)kind;
    struct framing *framing = cls;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        framing->lengths++;
        framing->is_too_large = framing->is_too_large || declares_too_much(framing->worker, value);
    } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_TYPE) == 0) {
        framing->request->content_type = value;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        framing->has_encoding = true;
    }
    framing->has_bad_name = framing->has_bad_name || strpbrk(name, " \t") != NULL;
    return MHD_YES;
}

/* RFC 9112 6.1, 6.3 and 5.1: two lengths, a length beside an encoding, or a blank before the colon
 * mean that somebody before us may see other requests in these bytes than we do. libmicrohttpd
 * 0.9.75 lets them pass. */
static bool is_ambiguous(const struct framing *framing)
{
    return framing->lengths > 1 || (framing->lengths && framing->has_encoding) ||
           framing->has_bad_name;
}

/* Refuse while the body is unread: the connection ends after this reply, and its client is let
 * finish. */
static enum MHD_Result refuse_and_close(struct exchange *exchange,
                                        unsigned code,
                                        const char *message)
{
    exchange->must_close = true;
    exchange->connection->lingers = true;
    return reply_status(exchange, code, message, 0);
}

static const char too_large[] = "the request body is larger than --max-request-body-bytes";

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

/* The reply that refuses the client, or NULL when it may ask. */
static const char *refuse_client(struct exchange *exchange, unsigned *ret_code)
{
    if (!needs_client_certificate(exchange)) {
        return NULL;
    }
    struct connection *connection = exchange->connection;
    _Atomic uint64_t *counters = exchange->worker->metrics.counters;
    *ret_code = MHD_HTTP_UNAUTHORIZED;
    switch (tls_client_certificate_check(exchange->worker->server->context.tls, connection->session,
                                         &connection->client_certificate)) {
    case CLIENT_CERTIFICATE_ACCEPTED:
        return NULL;
    case CLIENT_CERTIFICATE_MISSING:
        metrics_add(&counters[COUNT_CLIENT_CERT_MISSING], 1);
        return "a client certificate is required";
    case CLIENT_CERTIFICATE_NAME_REFUSED:
        metrics_add(&counters[COUNT_CLIENT_CERT_NAME], 1);
        *ret_code = MHD_HTTP_FORBIDDEN;
        return "the client certificate's name is not one that may ask";
    case CLIENT_CERTIFICATE_UNTRUSTED:
        break;
    }
    metrics_add(&counters[COUNT_CLIENT_CERT_UNTRUSTED], 1);
    return "the client certificate is not trusted";
}

static void refuse(struct request *request, unsigned code, const char *why)
{
    request->refusal_code = code;
    request->refusal = why;
}

/* Path, method, client: all that can be said no to before the body. What is refused keeps no body.
 */
static void admit(struct exchange *exchange)
{
    struct request *request = &exchange->connection->request;
    if (!exchange->endpoint) {
        refuse(request, MHD_HTTP_NOT_FOUND, "the server could not find the requested resource");
        return;
    }
    if (!is_method_allowed(exchange)) {
        refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "");
        return;
    }
    unsigned code = 0;
    const char *why = refuse_client(exchange, &code);
    refuse(request, code, why);
}

/* The headers are complete. Either refuses by them or lets the body come. */
static enum MHD_Result on_headers(struct exchange *exchange, struct span url)
{
    struct request *request = &exchange->connection->request;
    struct framing framing = { .request = request, .worker = exchange->worker };
    request->started = true;
    request->body_seen = 0;
    request->content_type = NULL;
    request->rest = (struct span){ 0 };
    request->endpoint = find_endpoint(exchange->worker, url, &request->rest);
    exchange->endpoint = request->endpoint;
    connection_note_request(exchange->connection);
    (void)MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, look_at_header,
                                    &framing); /* a count */
    if (is_ambiguous(&framing)) {
        return refuse_and_close(exchange, MHD_HTTP_BAD_REQUEST,
                                "the length of the request is ambiguous");
    }
    if (framing.is_too_large) {
        return refuse_and_close(exchange, MHD_HTTP_CONTENT_TOO_LARGE, too_large);
    }
    admit(exchange);
    return MHD_YES;
}

static enum MHD_Result on_body(struct exchange *exchange, struct span piece, size_t *ret_left)
{
    struct request *request = &exchange->connection->request;
    const size_t max = exchange->worker->server->options.max_body_bytes;
    /* cannot overflow: both stay below a small multiple of the limit */
    request->body_seen += piece.len;
    if (request->body_seen > max * BODY_DISCARD_FACTOR) {
        metrics_add(&exchange->worker->metrics.counters[COUNT_CLOSED_BODY], 1);
        return MHD_NO;
    }
    if (!request->refusal && exchange->endpoint->is_post && request->body_seen <= max) {
        buf_append(&request->body, piece);
    }
    *ret_left = 0;
    return MHD_YES;
}

static enum MHD_Result on_complete(struct exchange *exchange)
{
    const struct request *request = &exchange->connection->request;
    if (request->body_seen > exchange->worker->server->options.max_body_bytes) {
        return reply_status(exchange, MHD_HTTP_CONTENT_TOO_LARGE, too_large, 0);
    }
    if (request->refusal_code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        return reply_method_not_allowed(exchange);
    }
    if (request->refusal) {
        return reply_status(exchange, request->refusal_code, request->refusal, 0);
    }
    if (request->body.failed) {
        return reply_status(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, status_text(ST_NOMEM), 0);
    }
    return exchange->endpoint->handle(exchange);
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
    (void)version;
    struct connection *connection = connection_of(mhd);
    if (!connection) {
        return MHD_NO; /* there was no memory for it */
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
    *request_context = connection;
    if (!request->started) {
        return on_headers(&exchange, span_of(url));
    }
    if (*upload_data_size) {
        return on_body(&exchange, (struct span){ upload_data, *upload_data_size },
                       upload_data_size);
    }
    return on_complete(&exchange);
}
