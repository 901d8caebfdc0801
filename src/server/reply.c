/* SPDX-License-Identifier: Apache-2.0 */
/* Replies: response objects, their headers, and the cork around them. */
#include "server/reply.h"

#include <stdio.h>

#include "kube/status_body.h"
#include "server/budget.h"
#include "server/connection_tls.h"
#include "server/http/metrics.h"
#include "server/server_private.h"

bool reply_must_close(const struct exchange *exchange)
{
    return exchange->connection->request.closes ||
           server_phase(exchange->worker->server) != SERVER_SERVING;
}

struct MHD_Response *reply_make(struct span body,
                                enum MHD_ResponseMemoryMode mode,
                                const char *content_type,
                                bool closes)
{
    /* the cast: libmicrohttpd takes void * and writes to it in no mode used here */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.at, mode);
    if (!response) {
        return NULL;
    }
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) != MHD_YES ||
        (closes &&
         MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") != MHD_YES)) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

enum MHD_Result reply_prepared(struct exchange *exchange,
                               unsigned code,
                               struct MHD_Response *response,
                               size_t len)
{
    struct request *request = &exchange->connection->request;
    metrics_count_http(&exchange->worker->metrics, code);
    request->closes = reply_must_close(exchange);
    request->is_answered = true;
    connection_cork(exchange->connection, len);
    return MHD_queue_response(exchange->mhd, code, response);
}

/* MHD_NO makes libmicrohttpd close the connection: all that is left to do without memory. */
static enum MHD_Result send_and_release(struct exchange *exchange,
                                        unsigned code,
                                        struct MHD_Response *response)
{
    if (!response) {
        return MHD_NO;
    }
    const enum MHD_Result result =
        reply_prepared(exchange, code, response, exchange->connection->request.reply.len);
    MHD_destroy_response(response); /* libmicrohttpd holds a share of its own until it is sent */
    return result;
}

enum MHD_Result reply_built(struct exchange *exchange, unsigned code, const char *content_type)
{
    const struct buf *reply = &exchange->connection->request.reply;
    if (reply->failed) {
        return MHD_NO;
    }
    if (reply->cap > CONNECTION_BUF_KEPT_BYTES &&
        !budget_grow(exchange->connection, reply->cap + CONNECTION_BLOCKED_BYTES)) {
        buf_fini(&exchange->connection->request.reply);
        return reply_status(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, BUDGET_REFUSAL,
                            BUDGET_RETRY_AFTER_SEC);
    }
    return send_and_release(exchange, code,
                            reply_make(buf_span(reply), MHD_RESPMEM_PERSISTENT, content_type,
                                       reply_must_close(exchange)));
}

/* One line for what is no answer to a review: a wrong path, a client without a certificate. */
static void log_refused(struct exchange *exchange, unsigned code, const char *message)
{
    struct worker *worker = exchange->worker;
    uint64_t dropped = 0;
    if (!worker->server->context.log) {
        return;
    }
    if (!log_limit_take(&worker->http_limit, clock_monotonic_ns(&worker->server->context.clock),
                        &dropped)) {
        metrics_add(&worker->metrics.counters[COUNT_LOG_DROPPED], 1);
        return;
    }
    log_event(worker->server->context.log, LOG_INFO, "Request refused",
              LOG_FIELDS(LOG_INT("code", code), LOG_PEER("method", span_of(exchange->method)),
                         LOG_PEER("message", span_of(message)), LOG_INT("dropped", dropped)));
}

static struct MHD_Response *make_status(struct exchange *exchange,
                                        unsigned code,
                                        const char *message,
                                        unsigned retry_after_sec)
{
    struct buf *reply = &exchange->connection->request.reply;
    log_refused(exchange, code, message);
    buf_clear(reply);
    status_body_build(reply, code, message, retry_after_sec);
    if (reply->failed) {
        return NULL;
    }
    return reply_make(buf_span(reply), MHD_RESPMEM_PERSISTENT, "application/json",
                      reply_must_close(exchange));
}

enum MHD_Result reply_status(struct exchange *exchange,
                             unsigned code,
                             const char *message,
                             unsigned retry_after_sec)
{
    struct MHD_Response *response = make_status(exchange, code, message, retry_after_sec);
    if (response && retry_after_sec) {
        char seconds[16];
        (void)snprintf(seconds, sizeof(seconds), "%u", retry_after_sec); /* ten digits at most */
        /* without the header the client still reads details.retryAfterSeconds */
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    return send_and_release(exchange, code, response);
}

enum MHD_Result reply_method_not_allowed(struct exchange *exchange)
{
    const bool is_post = exchange->endpoint->is_post;
    struct MHD_Response *response =
        make_status(exchange, MHD_HTTP_METHOD_NOT_ALLOWED,
                    is_post ? "expected POST with a TokenReview" : "expected GET or HEAD", 0);
    if (response) {
        /* a missing Allow header only makes the reply less helpful */
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
                                      is_post ? "POST" : "GET, HEAD");
    }
    return send_and_release(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, response);
}
