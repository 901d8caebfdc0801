/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From libmicrohttpd's callback to an endpoint's handler: path, method, client certificate, and the
 * body within its limits.
 *
 * libmicrohttpd calls three times: when the headers are complete, for each piece of the body, and
 * when all is there. What can be refused by the headers alone is refused then, before a byte of the
 * body is read; an endpoint that answers at the head is asked then, if a body follows, and else
 * when all is there, since libmicrohttpd closes the connection behind any reply that comes earlier.
 * A request that is pending has its connection suspended, and libmicrohttpd makes the same call
 * again when that is resumed.
 */
#include "server/http/dispatch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/http/admission.h"
#include "server/http/budget.h"
#include "server/http/client_refusal.h"
#include "server/http/connection.h"
#include "server/http/send.h"

/* a chunked body is read on to this many times the limit, so that its sender gets the 413 */
#define BODY_DISCARD_FACTOR 4

/** One call of libmicrohttpd's. */
struct call {
    struct connection *connection;
    const char *url;
    const char *method;
    const char *version;
};

/** A search for the fields of one name. */
struct field_search {
    struct span name;
    struct span *ret_value;
    unsigned count;
};

/* MHD_KeyValueIteratorN */
static enum MHD_Result look_for_field(void *cls,
                                      enum MHD_ValueKind kind,
                                      const char *name,
                                      size_t name_len,
                                      const char *value,
                                      size_t value_len)
{
    (void)kind;
    struct field_search *search = cls;
    if (name_len == search->name.len && strncasecmp(name, search->name.at, name_len) == 0 &&
        search->count++ == 0) {
        *search->ret_value = (struct span){ value, value_len };
    }
    return MHD_YES;
}

static unsigned find_field(void *origin, const char *name, struct span *ret_value)
{
    const struct connection *connection = origin;
    struct field_search search = { .name = span_of(name), .ret_value = ret_value };
    (void)MHD_get_connection_values_n(connection->mhd, MHD_HEADER_KIND, look_for_field,
                                      &search); /* a count of all */
    return search.count;
}

static const struct request_source source = { .field = find_field };

static struct request request_of(const struct call *call, char *nothing)
{
    struct connection *connection = call->connection;
    const struct connection_request *kept = &connection->request;
    return (struct request){
        .method = (enum method)kept->method,
        .method_name = call->method,
        .version = call->version,
        .path = span_of(call->url),
        .parameter = span_of(kept->parameter),
        .query = span_of(kept->query),
        .content_type = kept->content_type,
        .refuses_json = kept->refuses_json,
        .body = kept->body.at ? kept->body.at : nothing,
        .body_len = kept->body.len,
        .shard = &connection->worker->shard,
        .state = kept->pending ? pending_state(kept->pending) : NULL,
        .inbox = connection->worker->inbox,
        .source = &source,
        .origin = connection,
    };
}

static enum MHD_Result refuse(const struct call *call, const struct head_refusal *refusal)
{
    char nothing[1];
    struct request request = request_of(call, nothing);
    struct reply reply = { .body = &call->connection->request.reply };
    return reply_refusal(&request, &reply, refusal) == OUTCOME_REPLIES
               ? send_reply(call->connection, &request, &reply)
               : MHD_NO;
}

/* Refuse while the body is unread: the connection ends after this reply, and its client is let
 * finish. */
static enum MHD_Result refuse_and_close(const struct call *call, const struct head_refusal *refusal)
{
    call->connection->request.closes = true;
    call->connection->lingers = true;
    return refuse(call, refusal);
}

static enum MHD_Result suspend(struct connection *connection, struct pending *pending)
{
    if (!pending) {
        return MHD_NO; /* a handler that waits for nothing */
    }
    (void)pending_leave(connection->request.pending); /* of an earlier step */
    connection->request.pending = pending;
    connection_park(connection, PARK_UNTIL_RESUMED);
    return MHD_YES;
}

static enum MHD_Result handle(const struct call *call)
{
    struct connection *connection = call->connection;
    const struct endpoint *endpoint = connection->request.endpoint;
    char nothing[1]; /* a body that never came is an empty text, not a null pointer */
    struct request request = request_of(call, nothing);
    struct reply reply = { .body = &connection->request.reply };
    buf_clear(reply.body);
    const enum outcome outcome = endpoint->handle(endpoint->ctx, &request, &reply);
    if (outcome == OUTCOME_PENDING) {
        return suspend(connection, request.pending);
    }
    (void)pending_leave(request.pending); /* a handler that does not wait after all */
    return outcome == OUTCOME_REPLIES ? send_reply(connection, &request, &reply) : MHD_NO;
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

/* May this client ask here? */
static const struct head_refusal *refuse_client(struct connection *connection)
{
    const struct worker *worker = connection->worker;
    struct tls_context *tls = worker->server->options.tls;
    if (!connection->session || !tls_context_wants_client_certificates(tls) ||
        !admission_needs_certificate(worker->listener->row.client, connection->request.endpoint)) {
        return NULL;
    }
    const enum client_certificate found =
        tls_client_certificate_check(tls, connection->session, &connection->client_certificate);
    if (found != CLIENT_CERTIFICATE_ACCEPTED) {
        return client_refusal(connection, found);
    }
    connection_raise(connection, STANDING_KNOWN);
    return NULL;
}

/* Path, method, client: all that can be said no to before the body. What is refused keeps no body.
 */
static void admit(const struct call *call)
{
    struct connection *connection = call->connection;
    struct connection_request *request = &connection->request;
    const struct endpoint_match match = endpoint_find(
        connection->worker->listener->endpoints, span_of(call->url), (enum method)request->method);
    request->endpoint = match.endpoint;
    request->parameter = match.parameter.at;
    request->refusal = match.endpoint ? refuse_client(connection) : match.refusal;
    if (request->is_target_lost && !request->refusal) {
        request->refusal = budget_refusal();
    }
}

/* The headers are complete. Either refuses by them, or answers by them, or lets the body come. */
static enum MHD_Result on_headers(const struct call *call)
{
    struct connection *connection = call->connection;
    struct connection_request *request = &connection->request;
    const enum method method = method_parse(call->method);
    struct request_head head = {
        .is_malformed = request->is_target_bad ||
                        (method == METHOD_OTHER && !request_method_is_valid(span_of(call->method))),
    };
    request->started = true;
    request->method = (uint8_t)method;
    request->body_seen = 0;
    connection_note_request(connection);
    (void)MHD_get_connection_values_n(connection->mhd, MHD_HEADER_KIND, look_at_header,
                                      &head); /* a count */
    request->content_type = head.content_type;
    request->refuses_json = !accept_takes_json(&head.accept);
    /* where a chunked body ends is for libmicrohttpd to say, whose reading of chunk lines is not
     * the strictest: nothing behind one is believed */
    request->is_chunked = head.codings > 0;
    request->closes = head.asks_close || request->is_chunked;
    admit(call);
    const struct admission admission = {
        .method = method,
        .endpoint = request->endpoint,
        .refusal = request->refusal,
        .head = &head,
        .version = call->version,
        .max_body_bytes = connection->worker->server->options.max_body_bytes,
    };
    const struct head_refusal *refusal = admission_judge(&admission);
    if (refusal) {
        return refuse_and_close(call, refusal);
    }
    if (admission_answers_now(&admission)) {
        request->closes = true;
        connection->lingers = true;
        return handle(call);
    }
    return MHD_YES;
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

static void keep(struct connection *connection, struct span piece)
{
    struct connection_request *request = &connection->request;
    if (has_room(connection, piece)) {
        buf_append(&request->body, piece);
    } else {
        request->refusal = budget_refusal();
    }
}

static enum MHD_Result on_body(const struct call *call, struct span piece, size_t *ret_left)
{
    struct connection *connection = call->connection;
    struct connection_request *request = &connection->request;
    const size_t max = connection->worker->server->options.max_body_bytes;
    /* cannot overflow: both stay below a small multiple of the limit */
    request->body_seen += piece.len;
    if (request->body_seen > max * BODY_DISCARD_FACTOR) {
        state_count(connection->worker, COUNT_CLOSED_BODY);
        connection_cut(connection);
        return MHD_NO;
    }
    if (!request->refusal && request->body_seen <= max &&
        admission_keeps_body(request->endpoint, (enum method)request->method)) {
        keep(connection, piece);
    }
    *ret_left = 0;
    return MHD_YES;
}

/* Fields behind a chunked body, RFC 9112 7.1.2: nothing in them counts, but they must be ones. */
static bool has_bad_trailer(const struct connection *connection)
{
    struct request_head trailer = { 0 };
    if (connection->request.is_chunked) {
        (void)MHD_get_connection_values_n(connection->mhd, MHD_FOOTER_KIND, look_at_header,
                                          &trailer); /* a count */
    }
    return trailer.is_malformed;
}

static enum MHD_Result on_complete(const struct call *call)
{
    static const struct head_refusal bad_trailer = { .code = 400,
                                                     .text = "a trailer field is malformed" };
    const struct head_refusal no_memory = { .code = 500, .text = status_text(ST_NOMEM) };
    const struct connection *connection = call->connection;
    const struct connection_request *request = &connection->request;
    if (has_bad_trailer(connection)) {
        return refuse(call, &bad_trailer);
    }
    if (request->body_seen > connection->worker->server->options.max_body_bytes) {
        return refuse(call, admission_too_large());
    }
    if (request->refusal) {
        return refuse(call, request->refusal);
    }
    if (request->body.failed) {
        return refuse(call, &no_memory);
    }
    return handle(call);
}

/* libmicrohttpd takes the query apart where it stands, when this has returned. */
static void keep_query(struct connection *connection, const char *query)
{
    struct connection_request *request = &connection->request;
    const size_t size = strlen(query) + 1;
    free(request->query); /* of a request that was given up */
    request->query =
        size > CONNECTION_BUF_KEPT_BYTES && !budget_grow(connection, size) ? NULL : strdup(query);
    request->is_target_lost = !request->query;
}

void *dispatch_note_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    (void)cls;
    struct connection *connection = connection_of(mhd);
    if (connection) {
        const struct span whole = span_of(target);
        const char *mark = memchr(target, '?', whole.len);
        connection->request.is_target_bad = !request_target_is_valid(whole);
        connection->request.is_target_lost = false;
        if (mark && !connection->request.is_target_bad) {
            keep_query(connection, mark + 1);
        }
    }
    return connection;
}

enum MHD_Result dispatch_call(void *cls,
                              struct MHD_Connection *mhd,
                              const char *url,
                              const char *method,
                              const char *version,
                              const char *upload_data,
                              size_t *upload_data_size,
                              void **request_context)
{
    struct connection *connection = *request_context; /* from dispatch_note_target() */
    (void)cls;
    (void)mhd;
    if (!connection || connection_is_cut(connection)) {
        return MHD_NO; /* there was no memory for it; or it has ended, and this is its pipeline */
    }
    const struct call call = { connection, url, method, version };
    const struct connection_request *request = &connection->request;
    if (request->pending) {
        return pending_is_resumed(request->pending) ? handle(&call) : MHD_YES;
    }
    if (!request->started) {
        return on_headers(&call);
    }
    if (*upload_data_size) {
        return on_body(&call, (struct span){ upload_data, *upload_data_size }, upload_data_size);
    }
    return on_complete(&call);
}
