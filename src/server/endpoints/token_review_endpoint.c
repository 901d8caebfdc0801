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
 * another system's), so the body buffer is wiped and what is logged is endpoints/ask's business.
 */
#include "server/endpoints/token_review_endpoint.h"

#include <string.h>
#include <strings.h>

#include "server/endpoints/review_answer.h"

/* the first scan takes milliseconds; with details.retryAfterSeconds kube-apiserver waits */
#define NOT_SYNCED_RETRY_SEC 1

static const struct ask_words words = { .accepted = "TokenReview accepted",
                                        .refused = "TokenReview refused" };

enum status token_review_endpoint_refusals(struct buf *buf,
                                           struct prepared_reply ret_rows[static 2])
{
    static const struct token_review_answer no = { 0 };
    size_t ends[2];
    for (int version = TOKEN_REVIEW_V1; version <= TOKEN_REVIEW_V1BETA1; version++) {
        token_review_build(buf, (enum token_review_version)version, &no);
        ends[version] = buf->len;
    }
    if (buf->failed) {
        return ST_NOMEM;
    }
    for (int version = TOKEN_REVIEW_V1; version <= TOKEN_REVIEW_V1BETA1; version++) {
        const size_t from = version == TOKEN_REVIEW_V1 ? 0 : ends[version - 1];
        ret_rows[version] = (struct prepared_reply){
            .code = 200,
            .content_type = "application/json",
            .body = { .at = buf->at + from, .len = ends[version] - from },
        };
    }
    return ST_OK;
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

static enum status parse_body(const struct request *request,
                              enum body_form form,
                              struct token_review_defaults defaults,
                              struct token_review *ret_review,
                              struct problem *reterr_problem)
{
    return form == BODY_PROTOBUF
               ? token_review_parse_protobuf((struct span){ request->body, request->body_len },
                                             defaults, ret_review, reterr_problem)
               : token_review_parse(request->body, request->body_len, defaults, ret_review,
                                    reterr_problem);
}

static enum outcome reply_malformed(struct request *request,
                                    struct reply *reply,
                                    const struct problem *problem)
{
    char text[PROBLEM_TEXT_MAX + 64];
    problem_format(problem, text, sizeof(text));
    return reply_status(request, reply, 400, text, 0);
}

/* Inside the RCU read section, since the decision borrows from the cache. */
static void build_answer(struct reply *reply,
                         enum token_review_version version,
                         const struct inquiry *inquiry)
{
    struct token_review_answer answer;
    review_answer_from_decision(&inquiry->decision, &inquiry->question, &answer);
    token_review_build(reply->body, version, &answer);
}

/* @inquiry: also of a request that has waited. Its form is the review's version */
static enum outcome answer(const struct token_review_endpoint *endpoint,
                           struct request *request,
                           struct reply *reply,
                           struct inquiry *inquiry)
{
    struct shard *shard = request->shard;
    const unsigned version = inquiry->form;
    ask_begin(endpoint->ask, shard, inquiry);
    if (ask_suspend(endpoint->ask, request, inquiry)) {
        return OUTCOME_PENDING;
    }
    const bool is_plain_no = inquiry->decision.result == DECISION_DENY;
    const bool is_answered = !inquiry->decision.is_unready;
    if (!is_plain_no && is_answered) {
        build_answer(reply, (enum token_review_version)version, inquiry);
    }
    reply->standing = ask_end(endpoint->ask, shard, inquiry);
    if (!is_answered) {
        return reply_status(request, reply, 503, inquiry->decision.reason_text,
                            NOT_SYNCED_RETRY_SEC);
    }
    return is_plain_no ? reply_prepared(reply, endpoint->first_refusal + version)
                       : reply_body(reply, 200, "application/json");
}

/* A review whose body has been read. */
static enum outcome answer_new(const struct token_review_endpoint *endpoint,
                               struct request *request,
                               struct reply *reply,
                               const struct token_review *review,
                               int64_t started_ns)
{
    struct inquiry inquiry;
    inquiry.words = &words;
    inquiry.form = review->version;
    inquiry.started_ns = started_ns;
    inquiry.objects_late_ns = 0;
    inquiry.has_sought_keys = false;
    review_question_from(review, clock_now(&request->shard->clock), &inquiry.question);
    return answer(endpoint, request, reply, &inquiry);
}

enum outcome token_review_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    const struct token_review_endpoint *endpoint = ctx;
    struct inquiry *resumed = ask_resumed(request);
    if (resumed) { /* its body has been taken apart where it stands */
        return answer(endpoint, request, reply, resumed);
    }
    const enum body_form form = form_of(request->content_type);
    if (request->refuses_json) {
        return reply_status(request, reply, 406,
                            "reviews are answered in application/json, which Accept excludes", 0);
    }
    if (form == BODY_UNKNOWN) {
        return reply_status(request, reply, 415,
                            "expected Content-Type application/json or "
                            "application/vnd.kubernetes.protobuf",
                            0);
    }
    const int64_t started_ns = clock_monotonic_ns(&request->shard->clock);
    struct token_review review;
    struct problem problem = { 0 };
    if (parse_body(request, form, endpoint->defaults, &review, &problem) != ST_OK) {
        return reply_malformed(request, reply, &problem);
    }
    return answer_new(endpoint, request, reply, &review, started_ns);
}
