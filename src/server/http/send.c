/* SPDX-License-Identifier: Apache-2.0 */
/* Responses of libmicrohttpd, their headers, and the cork around them. */
#include "server/http/send.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/http/budget.h"
#include "server/http/connection.h"
#include "server/http/connection_tls.h"

static struct MHD_Response *make_response(struct span body,
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

static enum MHD_Result queue(struct connection *connection,
                             unsigned code,
                             struct MHD_Response *response,
                             size_t len)
{
    metrics_count_http(&connection->worker->shard.metrics, code);
    connection->request.is_answered = true;
    connection_cork(connection, len);
    return MHD_queue_response(connection->mhd, code, response);
}

/* A header that is missing only makes the reply less helpful. */
static void add_fields(struct MHD_Response *response, const struct reply *reply)
{
    if (reply->retry_after_sec) {
        char seconds[16];
        (void)snprintf(seconds, sizeof(seconds), "%u",
                       reply->retry_after_sec); /* ten digits at most */
        /* without the header the client still reads details.retryAfterSeconds */
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    for (unsigned i = 0; i < reply->field_count; i++) {
        (void)MHD_add_response_header(response, reply->fields[i].name, reply->fields[i].value);
    }
}

/* MHD_NO makes libmicrohttpd close the connection: all that is left to do without memory. */
static enum MHD_Result send_built(struct connection *connection, const struct reply *reply)
{
    struct MHD_Response *response =
        reply->body->failed ? NULL
                            : make_response(buf_span(reply->body), MHD_RESPMEM_PERSISTENT,
                                            reply->content_type, connection->request.closes);
    if (!response) {
        return MHD_NO;
    }
    add_fields(response, reply);
    const enum MHD_Result result = queue(connection, reply->code, response, reply->body->len);
    MHD_destroy_response(response); /* libmicrohttpd holds a share of its own until it is sent */
    return result;
}

static bool has_room(struct connection *connection, const struct buf *body)
{
    return body->cap <= CONNECTION_BUF_KEPT_BYTES ||
           budget_grow(connection, body->cap + CONNECTION_BLOCKED_BYTES);
}

enum MHD_Result send_reply(struct connection *connection,
                           struct request *request,
                           struct reply *reply)
{
    const struct worker *worker = connection->worker;
    connection_raise(connection, reply->standing);
    connection->request.closes = connection->request.closes || reply->closes ||
                                 state_phase(worker->server) != HTTP_SERVER_SERVING;
    if (reply->prepared) {
        const struct worker_reply *kept = &worker->replies[reply->prepared - 1];
        return queue(connection, kept->code, kept->responses[connection->request.closes],
                     kept->len);
    }
    if (!has_room(connection, reply->body)) {
        buf_fini(reply->body);
        if (reply_refusal(request, reply, budget_refusal()) != OUTCOME_REPLIES) {
            return MHD_NO;
        }
    }
    return send_built(connection, reply);
}

enum status send_prepare(struct worker *worker)
{
    const struct http_server_options *options = &worker->server->options;
    worker->replies = calloc(options->prepared_count + 1, sizeof(*worker->replies));
    if (!worker->replies) {
        return ST_NOMEM;
    }
    for (size_t i = 0; i < options->prepared_count; i++) {
        const struct prepared_reply *row = &options->prepared[i];
        struct worker_reply *kept = &worker->replies[i];
        kept->code = row->code;
        kept->len = row->body.len;
        for (int closes = 0; closes <= 1; closes++) {
            kept->responses[closes] =
                make_response(row->body, MHD_RESPMEM_MUST_COPY, row->content_type, closes);
        }
        if (!kept->responses[0] || !kept->responses[1]) {
            return ST_NOMEM;
        }
    }
    return ST_OK;
}

void send_forget(struct worker *worker)
{
    for (size_t i = 0; worker->replies && i < worker->server->options.prepared_count; i++) {
        for (int closes = 0; closes <= 1; closes++) {
            if (worker->replies[i].responses[closes]) {
                MHD_destroy_response(worker->replies[i].responses[closes]);
            }
        }
    }
    free(worker->replies);
    worker->replies = NULL;
}
