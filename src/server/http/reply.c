/* SPDX-License-Identifier: Apache-2.0 */
/* Filling in replies. Threads: the worker's; nothing is kept. */
#include "server/http/reply.h"

#include "kube/status_body.h"

enum outcome reply_body(struct reply *reply, unsigned code, const char *content_type)
{
    reply->code = code;
    reply->content_type = content_type;
    return reply->body->failed ? OUTCOME_CLOSES : OUTCOME_REPLIES;
}

enum outcome reply_prepared(struct reply *reply, unsigned number)
{
    reply->prepared = number;
    return OUTCOME_REPLIES;
}

/* One line for what is no answer to a question: a wrong path, a client without a certificate. */
static void log_refused(struct request *request, unsigned code, const char *message)
{
    struct shard *shard = request->shard;
    uint64_t dropped = 0;
    if (shard_may_log(shard, &shard->limit, &dropped)) {
        log_event(shard->log, LOG_INFO, "Request refused",
                  LOG_FIELDS(LOG_INT("code", code),
                             LOG_PEER("method", span_of(request->method_name)),
                             LOG_PEER("message", span_of(message)), LOG_INT("dropped", dropped)));
    }
}

enum outcome reply_status(struct request *request,
                          struct reply *reply,
                          unsigned code,
                          const char *message,
                          unsigned retry_after_sec)
{
    log_refused(request, code, message);
    buf_clear(reply->body);
    status_body_build(reply->body, code, message, retry_after_sec);
    reply->prepared = 0;
    reply->retry_after_sec = retry_after_sec;
    return reply_body(reply, code, "application/json");
}

enum outcome reply_refusal(struct request *request,
                           struct reply *reply,
                           const struct head_refusal *refusal)
{
    if (refusal->allow) {
        reply_add_field(reply, "Allow", refusal->allow);
    }
    return reply_status(request, reply, refusal->code, refusal->text, refusal->retry_after_sec);
}

void reply_add_field(struct reply *reply, const char *name, const char *value)
{
    if (reply->field_count < REPLY_FIELDS_MAX) {
        reply->fields[reply->field_count++] = (struct reply_field){ .name = name, .value = value };
    }
}
