/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticators and store, loaded once.
 *
 * The same two objects that serve makes, from the same options by the same function, so that what
 * check-config and review say holds for serve. Manifests that were written a moment ago may be
 * unfinished, and an API server is only asked once the loop runs: then the store's own watch is run
 * until it has seen everything, with a deadline. One thread.
 */
#include "cli/engine.h"

#include <stdlib.h>

#include "cli/engine_options.h"
#include "store/open/open.h"

#define SETTLE_POLL_MS 10

void engine_fini(struct engine *engine)
{
    engine->store = store_free(engine->store);
    engine->loop = loop_free(engine->loop);
    engine->authenticator = authenticator_free(engine->authenticator);
    free(engine->kube_apiserver);
    *engine = (struct engine){ 0 };
}

static void on_problem_of_input(void *ctx, const struct problem *problem)
{
    const struct engine *engine = ctx;
    if (engine->on_problem) {
        engine->on_problem(engine->ctx, problem);
    }
}

static void on_remark_of_input(void *ctx, const struct problem *problem)
{
    const struct engine *engine = ctx;
    if (engine->on_remark) {
        engine->on_remark(engine->ctx, problem);
    }
}

/* Contact that fails is no finding as long as another try may succeed. */
static void on_problem_of_server(void *ctx, const struct problem *problem)
{
    struct engine *engine = ctx;
    if (status_fault(problem->status) == FAULT_UPSTREAM) {
        engine->last_failure = *problem;
    } else {
        on_problem_of_input(ctx, problem);
    }
}

struct settling {
    const struct engine *engine;
    unsigned polls;
    unsigned polls_failing;   /* until now, without an object that was told in between */
    struct store_stats stats; /* of the last poll */
};

/* Once libuv has let go of the timer, its memory may go: only then is the loop left. */
static void on_timer_closed(uv_handle_t *timer)
{
    const struct settling *settling = timer->data;
    loop_stop(settling->engine->loop);
}

static void on_poll(uv_timer_t *timer)
{
    struct settling *settling = timer->data;
    const uint64_t told_before = settling->stats.objects[OBJECT_SECRET];
    store_stats(settling->engine->store, &settling->stats);
    const bool is_failing = settling->stats.last_failure != ST_OK &&
                            settling->stats.objects[OBJECT_SECRET] == told_before;
    settling->polls++;
    settling->polls_failing = is_failing ? settling->polls_failing + 1 : 0;
    if (settling->stats.is_synced || settling->polls > ENGINE_SETTLE_MAX_MS / SETTLE_POLL_MS ||
        settling->polls_failing > ENGINE_FAILING_MAX_MS / SETTLE_POLL_MS) {
        uv_close((uv_handle_t *)timer, on_timer_closed);
    }
}

static enum status say_unsettled(const struct engine *engine,
                                 const struct store_stats *stats,
                                 struct problem *reterr_problem)
{
    const enum status why = !engine->kube_apiserver        ? ST_UNSETTLED
                            : stats->last_failure != ST_OK ? stats->last_failure
                                                           : ST_TIMEOUT;
    if (engine->last_failure.text[0]) {
        *reterr_problem = engine->last_failure;
        return engine->last_failure.status;
    }
    problem_set_file(reterr_problem,
                     engine->kube_apiserver ? engine->kube_apiserver : "--manifests");
    problem_set(reterr_problem, why, 0, 0, "%s", status_text(why));
    return why;
}

static enum status wait_until_settled(struct engine *engine, struct problem *reterr_problem)
{
    enum status status = loop_new(&engine->loop);
    if (status == ST_OK) {
        status = store_watch(engine->store, engine->loop, reterr_problem);
    }
    if (status != ST_OK) {
        return status;
    }
    struct settling settling = { .engine = engine };
    uv_timer_t timer = { .data = &settling };
    /* neither can fail on a loop that exists */
    (void)uv_timer_init(loop_uv(engine->loop), &timer);
    (void)uv_timer_start(&timer, on_poll, SETTLE_POLL_MS, SETTLE_POLL_MS);
    loop_run(engine->loop);
    return settling.stats.is_synced ? ST_OK
                                    : say_unsettled(engine, &settling.stats, reterr_problem);
}

static enum status load(const struct options *options,
                        struct engine *engine,
                        struct problem *reterr_problem)
{
    struct authenticator_options authn;
    struct span audiences[API_AUDIENCES_MAX];
    engine_options_from(options, audiences, &authn);
    authn.on_problem = on_problem_of_input;
    authn.ctx = engine;
    enum status status = authenticator_new(&authn, &engine->authenticator);
    if (status != ST_OK) {
        return status;
    }
    struct store_sources sources;
    /* files settle in real time, whatever --at says */
    status = store_sources_from(options, &sources, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    sources.on_manifest_problem = on_problem_of_input;
    sources.on_manifest_remark = on_remark_of_input;
    sources.on_server_problem = on_problem_of_server;
    sources.on_server_remark = on_remark_of_input;
    sources.ctx = engine;
    status = store_open(&sources, &engine->store, &engine->kube_apiserver, reterr_problem);
    if (status == ST_OK) {
        status = authenticator_attach(engine->authenticator, engine->store);
    }
    if (status == ST_OK) {
        status = store_load(engine->store, reterr_problem);
    }
    return status == ST_UNSETTLED ? wait_until_settled(engine, reterr_problem) : status;
}

enum status engine_load(const struct options *options,
                        problem_fn *on_problem,
                        void *ctx,
                        struct engine *engine,
                        struct problem *reterr_problem)
{
    struct problem problem = { 0 };
    engine->on_problem = on_problem;
    engine->ctx = ctx;
    const enum status status = load(options, engine, &problem);
    if (status != ST_OK) {
        if (!problem.text[0]) {
            problem_set(&problem, status, 0, 0, "cannot load Secrets: %s", status_text(status));
        }
        *reterr_problem = problem;
        engine_fini(engine);
    }
    return status;
}
