/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST a TokenReview, get it answered.
 *
 * Every well-formed review is answered 200, also when the answer is no: kube-apiserver's webhook
 * client treats other codes as failures of ours, and asks again. What was asked never enters the
 * reply, which is JSON whatever the question was: client-go, which asks in protobuf, goes by the
 * reply's Content-Type. The body's apiVersion chooses the version, and the reply has the same; of a
 * body that has none the API's own paths say it, as kube-apiserver's do, which some clients count
 * on.
 *
 * Threats: the body is a peer's; the token in it is a secret even when it is wrong (it may be
 * another system's), so the body buffer is wiped and neither token nor audiences are logged as they
 * are.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <urcu-bp.h>

#include "kube/token_review.h"
#include "server/endpoint.h"
#include "server/endpoints/review_answer.h"
#include "server/reply.h"
#include "server/server_private.h"

/* the first scan takes milliseconds; with details.retryAfterSeconds kube-apiserver waits */
#define NOT_SYNCED_RETRY_SEC 1

enum status token_review_prepare(struct worker *worker)
{
    static const struct token_review_answer no = { 0 };
    for (int version = TOKEN_REVIEW_V1; version <= TOKEN_REVIEW_V1BETA1; version++) {
        struct buf body = { 0 };
        token_review_build(&body, (enum token_review_version)version, &no);
        worker->refusal_len[version] = body.len;
        for (int closes = 0; closes <= 1 && !body.failed; closes++) {
            worker->refusals[version][closes] =
                reply_make(buf_span(&body), MHD_RESPMEM_MUST_COPY, "application/json", closes);
        }
        buf_fini(&body);
        if (!worker->refusals[version][0] || !worker->refusals[version][1]) {
            return ST_NOMEM;
        }
    }
    return ST_OK;
}

void token_review_forget(struct worker *worker)
{
    for (int version = TOKEN_REVIEW_V1; version <= TOKEN_REVIEW_V1BETA1; version++) {
        for (int closes = 0; closes <= 1; closes++) {
            if (worker->refusals[version][closes]) {
                MHD_destroy_response(worker->refusals[version][closes]);
            }
        }
    }
}

enum body_form { BODY_UNKNOWN = 0, BODY_JSON, BODY_PROTOBUF };

/* RFC 9110 8.3: type "/" subtype, any parameters behind. Absent is taken for JSON, as the API
 * server does. */
static enum body_form form_of(const char *content_type)
{
    static const char json[] = "application/json";
    static const char protobuf[] = "application/vnd.kubernetes.protobuf";
    if (!content_type) {
        return BODY_JSON;
    }
    const size_t len = strcspn(content_type, "; \t");
    if (len == sizeof(json) - 1 && strncasecmp(content_type, json, len) == 0) {
        return BODY_JSON;
    }
    return len == sizeof(protobuf) - 1 && strncasecmp(content_type, protobuf, len) == 0
               ? BODY_PROTOBUF
               : BODY_UNKNOWN;
}

static enum status parse_body(struct buf *body,
                              enum body_form form,
                              struct token_review_defaults defaults,
                              struct token_review *ret_review,
                              struct problem *reterr_problem)
{
    char nothing[1]; /* a body that never came is an empty text, not a null pointer */
    char *const at = body->at ? body->at : nothing;
    return form == BODY_PROTOBUF
               ? token_review_parse_protobuf((struct span){ at, body->len }, defaults, ret_review,
                                             reterr_problem)
               : token_review_parse(at, body->len, defaults, ret_review, reterr_problem);
}

static enum MHD_Result reply_malformed(struct exchange *exchange, const struct problem *problem)
{
    char text[PROBLEM_TEXT_MAX + 64];
    problem_format(problem, text, sizeof(text));
    return reply_status(exchange, MHD_HTTP_BAD_REQUEST, text, 0);
}

static bool may_log(struct worker *worker, enum status why, uint64_t *ret_dropped)
{
    if (!worker->server->context.log) {
        return false;
    }
    if (log_limit_take(&worker->limits[why], clock_monotonic_ns(&worker->server->context.clock),
                       ret_dropped)) {
        return true;
    }
    metrics_add(&worker->metrics.counters[COUNT_LOG_DROPPED], 1);
    return false;
}

static void log_refusal(struct worker *worker,
                        const struct decision *decision,
                        const struct question *question)
{
    uint64_t dropped = 0;
    if (!may_log(worker, decision->why, &dropped)) {
        return;
    }
    struct log_field fields[7] = {
        LOG_TEXT("result", decision_result_label(decision->result)),
        LOG_TEXT("reason", status_label(decision->why)),
        LOG_TEXT("authenticator", authenticator_label(decision->authenticator)),
    };
    size_t count = 3;
    if (decision->token_id.len) {
        fields[count++] = LOG_PEER("tokenID", decision->token_id);
    }
    if (decision->why == ST_AUDIENCE_MISMATCH && question->audience_count) {
        fields[count++] = LOG_PEER("firstAudience", question->audiences[0]);
    }
    if (dropped) {
        fields[count++] = LOG_INT("dropped", dropped);
    }
    log_event(worker->server->context.log, LOG_INFO, "TokenReview refused",
              fields); /* zeroes end the list */
}

static void log_acceptance(struct worker *worker, const struct decision *decision)
{
    struct log *log = worker->server->context.log;
    if (log_is_enabled(log, 5)) {
        log_event_v(
            log, 5, "TokenReview accepted",
            LOG_FIELDS(LOG_TEXT("authenticator", authenticator_label(decision->authenticator)),
                       LOG_PEER("user", decision->user.name)));
    }
}

/* Inside the RCU read section, since the decision borrows from the cache. Leaves the reply in
 * connection->request.reply unless the answer is a plain no. */
static void build_reply(struct exchange *exchange,
                        const struct token_review *review,
                        const struct question *question,
                        const struct decision *decision)
{
    struct token_review_answer answer;
    review_answer_from_decision(decision, question, &answer);
    buf_clear(&exchange->connection->request.reply);
    token_review_build(&exchange->connection->request.reply, review->version, &answer);
}

static enum MHD_Result answer(struct exchange *exchange,
                              const struct token_review *review,
                              int64_t started_ns)
{
    struct worker *worker = exchange->worker;
    const struct server *server = worker->server;
    struct question question;
    struct decision decision;
    review_question_from(review, clock_now(&server->context.clock), &question);
    rcu_read_lock();
    authenticator_decide(server->context.authenticator, &question, &decision);
    if (decision.result == DECISION_ALLOW) {
        log_acceptance(worker, &decision);
    }
    if (decision.result != DECISION_DENY) {
        build_reply(exchange, review, &question, &decision);
    }
    rcu_read_unlock();
    metrics_count_review(&worker->metrics, &decision,
                         clock_monotonic_ns(&server->context.clock) - started_ns);
    connection_raise(exchange->connection,
                     decision.result == DECISION_ALLOW ? STANDING_KNOWN : STANDING_REFUSED);
    if (decision.result != DECISION_ALLOW) {
        log_refusal(worker, &decision,
                    &question); /* borrows from the body, no longer from the cache */
    }
    if (decision.result != DECISION_DENY) {
        return reply_built(exchange, MHD_HTTP_OK, "application/json");
    }
    return reply_prepared(exchange, MHD_HTTP_OK,
                          worker->refusals[review->version][reply_must_close(exchange)],
                          worker->refusal_len[review->version]);
}

static enum MHD_Result respond(struct exchange *exchange, struct token_review_defaults defaults)
{
    struct request *request = &exchange->connection->request;
    const enum body_form form = form_of(request->content_type);
    if (request->refuses_json) {
        return reply_status(exchange, MHD_HTTP_NOT_ACCEPTABLE,
                            "reviews are answered in application/json, which Accept excludes", 0);
    }
    if (form == BODY_UNKNOWN) {
        return reply_status(exchange, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                            "expected Content-Type application/json or "
                            "application/vnd.kubernetes.protobuf",
                            0);
    }
    const int64_t started_ns = clock_monotonic_ns(&exchange->worker->server->context.clock);
    struct token_review review;
    struct problem problem = { 0 };
    if (parse_body(&request->body, form, defaults, &review, &problem) != ST_OK) {
        return reply_malformed(exchange, &problem);
    }
    if (!authenticator_is_synced(exchange->worker->server->context.authenticator)) {
        return reply_status(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, status_text(ST_NOT_SYNCED),
                            NOT_SYNCED_RETRY_SEC);
    }
    return answer(exchange, &review, started_ns);
}

enum MHD_Result token_review_endpoint(struct exchange *exchange)
{
    return respond(exchange, TOKEN_REVIEW_NO_DEFAULTS);
}

enum MHD_Result token_review_v1_endpoint(struct exchange *exchange)
{
    return respond(exchange, (struct token_review_defaults){ true, TOKEN_REVIEW_V1 });
}

enum MHD_Result token_review_v1beta1_endpoint(struct exchange *exchange)
{
    return respond(exchange, (struct token_review_defaults){ true, TOKEN_REVIEW_V1BETA1 });
}
