/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine that serve makes, from the same options by the same function, so that what
 * check-config and review say holds for serve; but loaded once. Manifests that were written a
 * moment ago may be unfinished, and an API server is only asked once the loop runs: then the
 * store's own watch is run until it has seen everything, with a deadline. One thread.
 */
#include "cli/settled_engine.h"

#include "cli/engine_options.h"

#define SETTLE_POLL_MS 10

void settled_engine_fini(struct settled_engine *settled)
{
    engine_close(&settled->engine);
    *settled = (struct settled_engine){ 0 };
}

static void on_problem_of_input(void *ctx, const struct problem *problem)
{
    const struct settled_engine *settled = ctx;
    if (settled->on_problem) {
        settled->on_problem(settled->ctx, problem);
    }
}

static void on_remark_of_input(void *ctx, const struct problem *problem)
{
    const struct settled_engine *settled = ctx;
    if (settled->on_remark) {
        settled->on_remark(settled->ctx, problem);
    }
}

/* Contact that fails is no finding as long as another try may succeed. */
static void on_problem_of_server(void *ctx, const struct problem *problem)
{
    struct settled_engine *settled = ctx;
    if (status_fault(problem->status) == FAULT_UPSTREAM) {
        settled->last_failure = *problem;
    } else {
        on_problem_of_input(ctx, problem);
    }
}

struct settling {
    const struct settled_engine *settled;
    unsigned polls;
    unsigned polls_failing;   /* until now, without an object that was told in between */
    struct store_stats stats; /* of the last poll */
};

/* Once libuv has let go of the timer, its memory may go: only then is the loop left. */
static void on_timer_closed(uv_handle_t *timer)
{
    const struct settling *settling = timer->data;
    loop_stop(settling->settled->engine.loop);
}

static uint64_t told_objects(const struct store_stats *stats)
{
    uint64_t objects = 0;
    for (size_t i = 0; i < STORE_MAX_HANDLERS; i++) {
        objects += stats->kinds[i].objects;
    }
    return objects;
}

static void on_poll(uv_timer_t *timer)
{
    struct settling *settling = timer->data;
    const uint64_t told_before = told_objects(&settling->stats);
    store_stats(settling->settled->engine.store, &settling->stats);
    const bool is_failing =
        settling->stats.last_failure != ST_OK && told_objects(&settling->stats) == told_before;
    settling->polls++;
    settling->polls_failing = is_failing ? settling->polls_failing + 1 : 0;
    if (settling->stats.is_synced || settling->polls > SETTLE_MAX_MS / SETTLE_POLL_MS ||
        settling->polls_failing > SETTLE_FAILING_MAX_MS / SETTLE_POLL_MS) {
        uv_close((uv_handle_t *)timer, on_timer_closed);
    }
}

static enum status say_unsettled(const struct settled_engine *settled,
                                 const struct store_stats *stats,
                                 struct problem *reterr_problem)
{
    const char *const server = settled->engine.kube_apiserver;
    const enum status why = !server                        ? ST_UNSETTLED
                            : stats->last_failure != ST_OK ? stats->last_failure
                                                           : ST_TIMEOUT;
    if (settled->last_failure.text[0]) {
        *reterr_problem = settled->last_failure;
        return settled->last_failure.status;
    }
    problem_set_file(reterr_problem, server ? server : "--manifests");
    problem_set(reterr_problem, why, 0, 0, "%s", status_text(why));
    return why;
}

static enum status wait_until_settled(struct settled_engine *settled,
                                      struct problem *reterr_problem)
{
    struct settling settling = { .settled = settled };
    uv_timer_t timer = { .data = &settling };
    struct loop *const loop = settled->engine.loop;
    const enum status status = store_watch(settled->engine.store, loop, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    /* neither can fail on a loop that exists */
    (void)uv_timer_init(loop_uv(loop), &timer);
    (void)uv_timer_start(&timer, on_poll, SETTLE_POLL_MS, SETTLE_POLL_MS);
    loop_run(loop);
    return settling.stats.is_synced ? ST_OK
                                    : say_unsettled(settled, &settling.stats, reterr_problem);
}

static enum status load(const struct options *options,
                        struct settled_engine *settled,
                        struct problem *reterr_problem)
{
    struct engine_options engine;
    struct span audiences[API_AUDIENCES_MAX];
    enum status status = engine_options_from(options, audiences, &engine, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    engine.authenticator.on_problem = on_problem_of_input;
    engine.sources.on_manifest_problem = on_problem_of_input;
    engine.sources.on_manifest_remark = on_remark_of_input;
    engine.sources.on_server_problem = on_problem_of_server;
    engine.sources.on_server_remark = on_remark_of_input;
    engine.authenticator.ctx = engine.sources.ctx = settled;
    status = engine_open(&engine, &settled->engine, reterr_problem);
    if (status == ST_OK) {
        status = store_load(settled->engine.store, reterr_problem);
    }
    return status == ST_UNSETTLED ? wait_until_settled(settled, reterr_problem) : status;
}

enum status settled_engine_load(const struct options *options,
                                problem_fn *on_problem,
                                void *ctx,
                                struct settled_engine *settled,
                                struct problem *reterr_problem)
{
    struct problem problem = { 0 };
    settled->on_problem = on_problem;
    settled->ctx = ctx;
    const enum status status = load(options, settled, &problem);
    if (status != ST_OK) {
        if (!problem.text[0]) {
            problem_set(&problem, status, 0, 0, "cannot load Secrets: %s", status_text(status));
        }
        *reterr_problem = problem;
        settled_engine_fini(settled);
    }
    return status;
}
