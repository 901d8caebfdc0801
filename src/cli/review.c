/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-bearer review`: whose token is this?
 *
 * A bare token is first put into a TokenReview and then goes the way of every TokenReview: the
 * server's parser, the server's engine, the server's translation of the decision. So the answer
 * here is the answer there. The token exists in one buffer, which is allocated at its full size and
 * wiped.
 *
 * Untrusted: the files asked about. One thread.
 */
#include "cli/review.h"

#include <urcu-bp.h>

#include "base/clock.h"
#include "cli/output.h"
#include "cli/process.h"
#include "cli/read_file.h"
#include "cli/review_explain.h"
#include "cli/review_server.h"
#include "cli/settled_engine.h"
#include "kube/token_review.h"
#include "server/endpoints/review_answer.h"

static const char command[] = "review";

/* long enough to see what a token that is too long gets */
#define TOKEN_FILE_MAX_BYTES ((size_t)4 * TOKEN_MAX_BYTES)

#define JSON_GROWTH_MAX 6 /* a byte as \u00XX */

/* member names, and quotes around audiences */
#define REQUEST_FRAME_MAX (512 + 4 * TOKEN_REVIEW_MAX_AUDIENCES)

static int fail(const struct problem *problem)
{
    output_complain(command, problem);
    return EXIT_STATUS_USAGE; /* 1 would be an answer */
}

/* A TokenReview for the bare token in the file, in one allocation that never grows. */
static enum status build_request(const struct options *options,
                                 struct span token,
                                 struct buf *ret_body)
{
    struct span audiences[OPTION_LIST_MAX];
    size_t len = token.len;
    for (size_t i = 0; i < options->audiences.count; i++) {
        audiences[i] = span_of(options->audiences.items[i]);
        len += audiences[i].len;
    }
    struct buf body = { 0 };
    if (!buf_reserve(&body, JSON_GROWTH_MAX * len + REQUEST_FRAME_MAX)) {
        return ST_NOMEM;
    }
    token_review_build_request(&body, options->api_version, token, audiences,
                               options->audiences.count);
    if (body.failed) {
        read_file_wipe(&body);
        return ST_NOMEM;
    }
    *ret_body = body;
    return ST_OK;
}

static enum status read_token(const struct options *options,
                              struct buf *ret_body,
                              struct problem *reterr_problem)
{
    CLEANUP(read_file_wipe) struct buf token = { 0 };
    enum status status =
        read_file(options->token_file, TOKEN_FILE_MAX_BYTES, &token, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    struct span text = buf_span(&token);
    if (text.len > 0 && text.at[text.len - 1] == '\n') {
        text.len--; /* as `echo` and every editor leave it; a second one is the token's own */
    }
    status = build_request(options, text, ret_body);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "%s", status_text(status));
    }
    return status;
}

/* The path is not repeated in complaints: somebody will put the token there. */
static enum status read_question(const struct options *options,
                                 struct buf *ret_body,
                                 struct problem *reterr_problem)
{
    struct problem problem = { 0 };
    const bool bare = options->token_file;
    const enum status status =
        bare ? read_token(options, ret_body, &problem)
             : read_file(options->filename, (size_t)options->max_request_body_bytes, ret_body,
                         &problem);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "%s: %s", bare ? "--token-file" : "--filename",
                    problem.text);
    }
    return status;
}

/* --------------------------------------------------------------- the engine */

static void on_problem(void *ctx, const struct problem *problem)
{
    (void)ctx;
    output_complain(command, problem);
}

static enum status decide(const struct options *options,
                          const struct engine *engine,
                          const struct token_review *review,
                          struct buf *output,
                          bool *ret_authenticated)
{
    const struct clock clock = clock_system();
    CLEANUP(scratch_fini) struct scratch scratch = { 0 };
    struct question question;
    struct decision decision;
    struct review_explain explain = { .buf = output };
    review_question_from(review, options->at.is_set ? options->at.instant : clock_now(&clock),
                         &question);
    const enum status status =
        scratch_init(&scratch, authenticator_scratch_bytes(engine->authenticator));
    if (status != ST_OK) {
        return status;
    }
    question.scratch = scratch;
    if (options->review_output == REVIEW_OUTPUT_EXPLAIN) {
        question.explain = review_explain_check;
        question.explain_ctx = &explain;
    }
    rcu_read_lock();
    authenticator_decide(engine->authenticator, &question, &decision);
    struct token_review_answer answer;
    review_answer_from_decision(&decision, &question, &answer);
    if (options->review_output == REVIEW_OUTPUT_EXPLAIN) {
        review_explain_decision(&explain, &decision, &question);
    } else {
        token_review_build(output, review->version, &answer);
    }
    rcu_read_unlock();
    *ret_authenticated = answer.authenticated;
    return ST_OK;
}

static int ask_engine(const struct options *options, struct buf *body, struct buf *output)
{
    CLEANUP(settled_engine_fini) struct settled_engine settled = { 0 };
    struct token_review review;
    struct problem problem = { 0 };
    char nothing[1]; /* an empty file is an empty text, not a null pointer */
    if (token_review_parse(body->at ? body->at : nothing, body->len, TOKEN_REVIEW_NO_DEFAULTS,
                           &review, &problem) != ST_OK) {
        struct problem named = problem;
        problem_set(&named, problem.status, problem.line, problem.column, "--filename: %s",
                    problem.text);
        return fail(&named);
    }
    if (settled_engine_load(options, on_problem, NULL, &settled, &problem) != ST_OK) {
        return fail(&problem);
    }
    bool authenticated = false;
    const enum status status = decide(options, &settled.engine, &review, output, &authenticated);
    if (status != ST_OK) {
        problem_set(&problem, status, 0, 0, "%s", status_text(status));
        return fail(&problem);
    }
    return authenticated ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}

/* ---------------------------------------------------------------- a server */

static int ask_server(const struct options *options, const struct buf *body, struct buf *output)
{
    CLEANUP(buf_fini) struct buf reply = { 0 };
    struct problem problem = { 0 };
    long code = 0;
    enum status status = review_server_ask(options, buf_span(body), &reply, &code, &problem);
    if (status != ST_OK) {
        if (!problem.text[0]) {
            problem_set(&problem, status, 0, 0, "--server: %s", status_text(status));
        }
        return fail(&problem);
    }
    const bool explains = options->review_output == REVIEW_OUTPUT_EXPLAIN;
    bool authenticated = false;
    if (!explains) {
        buf_append(output, buf_span(&reply)); /* as it came, whatever it is */
    }
    status = code == 200 || code == 201
                 ? review_server_read(buf_span(&reply), &authenticated, explains ? output : NULL)
                 : ST_INVALID;
    if (status != ST_OK) {
        problem_set(&problem, status, 0, 0, "--server: answered %ld with %s, not a TokenReview",
                    code, status == ST_INVALID ? "an error" : "something else");
        output_complain(command, &problem);
        return EXIT_STATUS_USAGE;
    }
    return authenticated ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}

int review_run(const struct options *options)
{
    CLEANUP(read_file_wipe) struct buf body = { 0 };
    CLEANUP(buf_fini) struct buf output = { 0 };
    struct problem problem = { 0 };
    if (read_question(options, &body, &problem) != ST_OK) {
        return fail(&problem);
    }
    const int exit_status =
        options->server ? ask_server(options, &body, &output) : ask_engine(options, &body, &output);
    if (output.len > 0 && output.at[output.len - 1] != '\n') {
        buf_append_char(&output, '\n');
    }
    return output_write(command, &output) ? exit_status : EXIT_STATUS_USAGE;
}
