/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public face of the library: <kube-bearer/kube-bearer.h> in terms of loop, store and
 * authenticator.
 *
 * Untrusted: the token and the audiences of a question.
 *
 * Threads: kube_bearer_new() reads files on the caller's thread; then the loop has one of its own,
 * and kube_bearer_free() joins it before it frees what the loop feeds. Questions come on any
 * thread.
 */
#include <kube-bearer/kube-bearer.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <urcu/urcu-bp.h>

#include "api/public_verdict.h"
#include "base/clock.h"
#include "base/version.h"
#include "engine/engine.h"

#define READY_POLL_NS 5000000 /* nobody notices 5 ms at a start */

/* audiences that need no allocation: 1 KiB of a stack that is the caller's, and may be small */
#define AUDIENCES_ON_STACK 64

/* no version comes near; a size that nobody set must not have us read far */
#define OPTIONS_SIZE_MAX 4096

_Static_assert(KUBE_BEARER_AUDIENCES_MAX == QUESTION_MAX_AUDIENCES, "the public limit is ours");
_Static_assert(KUBE_BEARER_API_AUDIENCES_MAX == API_AUDIENCES_MAX, "and so is this one");
_Static_assert(offsetof(struct kube_bearer_options, ctx) + sizeof(void *) ==
                   sizeof(struct kube_bearer_options),
               "no padding at the end: a later member there would be garbage of older callers");
_Static_assert(KUBE_BEARER_ERROR_MAX >= PROBLEM_FILE_MAX + PROBLEM_TEXT_MAX + 64, "texts fit");

struct kube_bearer {
    struct clock clock;
    struct engine engine;
    void (*on_problem)(void *ctx, const char *text);
    void *ctx;
};

/* ------------------------------------------------------------------ life */

static void forward_problem(void *ctx, const struct problem *problem)
{
    const struct kube_bearer *bearer = ctx;
    if (bearer->on_problem) {
        char text[KUBE_BEARER_ERROR_MAX];
        problem_format(problem, text, sizeof(text));
        bearer->on_problem(bearer->ctx, text);
    }
}

static enum status open_engine(struct kube_bearer *bearer,
                               const struct kube_bearer_options *options,
                               struct problem *reterr_problem)
{
    if (options->api_audience_count > API_AUDIENCES_MAX) {
        return ST_LIMIT;
    }
    struct span audiences[API_AUDIENCES_MAX];
    for (size_t i = 0; i < options->api_audience_count; i++) {
        audiences[i] = span_of(options->api_audiences[i]);
    }
    const bool refuse = options->unknown_token == KUBE_BEARER_UNKNOWN_TOKEN_REFUSE;
    const struct engine_options engine = {
        .authenticator = {
            .api_audiences = audiences,
            .api_audience_count = options->api_audience_count,
            .unknown_token_answer = refuse ? UNKNOWN_TOKEN_REFUSE : UNKNOWN_TOKEN_ERROR,
            .on_problem = forward_problem,
            .ctx = bearer,
        },
        .families = { [AUTHENTICATOR_BOOTSTRAP] = { .is_on = true } },
        .sources = {
            .manifests = options->manifests,
            .kubeconfig = options->kubeconfig,
            .in_pod = options->in_cluster != 0,
            .pod_host = getenv("KUBERNETES_SERVICE_HOST"), /* where Kubernetes puts it in a pod */
            .pod_port = getenv("KUBERNETES_SERVICE_PORT"),
            .clock = bearer->clock,
            .on_manifest_problem = forward_problem,
            .on_server_problem = forward_problem,
            .ctx = bearer,
        },
    };
    return engine_open(&engine, &bearer->engine, reterr_problem);
}

static enum status start(struct kube_bearer *bearer,
                         const struct kube_bearer_options *options,
                         struct problem *reterr_problem)
{
    enum status status = open_engine(bearer, options, reterr_problem);
    if (status == ST_OK) {
        status = engine_load(&bearer->engine, reterr_problem);
    }
    if (status == ST_OK || status == ST_UNSETTLED) { /* the rest comes while the loop runs */
        status = engine_watch(&bearer->engine, reterr_problem);
    }
    return status == ST_OK ? loop_start(bearer->engine.loop) : status;
}

/*
 * A caller may have been built with the header of another version, and members are only ever added
 * at the end. What an older one lacks is zero; what a newer one has beyond ours must be, since it
 * may be what a yes depends on. Return: NULL when all is well.
 */
static const char *read_options(const struct kube_bearer_options *options,
                                struct kube_bearer_options *ret_options)
{
    const size_t size = options->size;
    const size_t known = size < sizeof(*options) ? size : sizeof(*options);
    if (size == 0) {
        return "options: size must be set, by KUBE_BEARER_OPTIONS_INIT";
    }
    if (size > OPTIONS_SIZE_MAX || size % _Alignof(struct kube_bearer_options) != 0) {
        return "options: size is that of no version, set it by KUBE_BEARER_OPTIONS_INIT";
    }
    const unsigned char *bytes = (const unsigned char *)options;
    for (size_t i = known; i < size; i++) {
        if (bytes[i] != 0) {
            return "options: a member is set that this version of the library does not know";
        }
    }
    *ret_options = (struct kube_bearer_options){ 0 };
    memcpy(ret_options, options, known);
    return NULL;
}

/* NULL when all is well. */
static const char *check_options(const struct kube_bearer_options *options)
{
    if (options->kubeconfig && options->in_cluster) {
        return "options: kubeconfig and in_cluster are not for use together";
    }
    return options->manifests || options->kubeconfig || options->in_cluster
               ? NULL
               : "options: manifests, kubeconfig or in_cluster must be set";
}

struct kube_bearer *kube_bearer_new(const struct kube_bearer_options *options,
                                    char *reterr_text,
                                    size_t reterr_size)
{
    struct problem problem = { 0 };
    enum status status = ST_NOMEM;
    struct kube_bearer *bearer = NULL;
    struct kube_bearer_options known;
    const char *wrong = read_options(options, &known);
    if (!wrong) {
        wrong = check_options(&known);
    }
    if (wrong) {
        status = ST_INVALID;
        problem_set(&problem, status, 0, 0, "%s", wrong);
    } else if ((bearer = calloc(1, sizeof(*bearer)))) {
        bearer->clock = clock_system();
        bearer->on_problem = known.on_problem;
        bearer->ctx = known.ctx;
        status = start(bearer, &known, &problem);
    }
    if (status == ST_OK) {
        return bearer;
    }
    kube_bearer_free(bearer);
    if (!problem.text[0]) {
        problem_set(&problem, status, 0, 0, "%s", status_text(status));
    }
    if (reterr_size > 0) {
        problem_format(&problem, reterr_text, reterr_size);
    }
    return NULL;
}

void kube_bearer_free(struct kube_bearer *bearer)
{
    if (!bearer) {
        return;
    }
    if (bearer->engine.loop) {
        loop_stop(bearer->engine.loop); /* joins: no event comes after this */
    }
    engine_close(&bearer->engine);
    free(bearer);
}

int kube_bearer_is_ready(const struct kube_bearer *bearer)
{
    return authenticator_is_synced(bearer->engine.authenticator);
}

int kube_bearer_wait_ready(const struct kube_bearer *bearer, unsigned timeout_ms)
{
    /* polled: it happens once in a process's life, and mostly it is so already */
    const int64_t deadline_ns =
        clock_monotonic_ns(&bearer->clock) + (int64_t)timeout_ms * INT64_C(1000000);
    while (!kube_bearer_is_ready(bearer) && clock_monotonic_ns(&bearer->clock) < deadline_ns) {
        (void)nanosleep(&(struct timespec){ .tv_nsec = READY_POLL_NS }, NULL); /* or a signal */
    }
    return kube_bearer_is_ready(bearer);
}

/* ------------------------------------------------------------------ questions */

struct kube_bearer_verdict *kube_bearer_authenticate(const struct kube_bearer *bearer,
                                                     const char *token,
                                                     size_t token_len,
                                                     const char *const *audiences,
                                                     size_t audience_count)
{
    struct span few[AUDIENCES_ON_STACK];
    struct span *many = NULL;
    const bool is_refused = audience_count > QUESTION_MAX_AUDIENCES; /* before spans is read */
    if (audience_count > AUDIENCES_ON_STACK && !is_refused &&
        !(many = malloc(audience_count * sizeof(*many)))) {
        return NULL;
    }
    struct span *const spans = many ? many : few;
    for (size_t i = 0; i < audience_count && !is_refused; i++) {
        spans[i] = span_of(audiences[i]);
    }
    struct question question = {
        .token = { .at = token, .len = token_len },
        .has_audiences = audience_count > 0,
        .audiences = spans,
        .audience_count = audience_count,
        .now = clock_now(&bearer->clock),
    };
    struct kube_bearer_verdict *verdict = NULL;
    if (scratch_init(&question.scratch,
                     authenticator_scratch_bytes(bearer->engine.authenticator)) == ST_OK) {
        struct decision decision;
        urcu_bp_read_lock();
        authenticator_decide(bearer->engine.authenticator, &question, &decision);
        verdict = public_verdict_copy(&decision, &question);
        urcu_bp_read_unlock();
        scratch_fini(&question.scratch);
    }
    free(many);
    return verdict;
}

const char *kube_bearer_version(void)
{
    return version_number();
}
