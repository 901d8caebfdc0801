/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticators and store, loaded once.
 *
 * The same two objects that serve makes, from the same options by the same function, so that what
 * check-config and review say holds for serve. Manifests that were written a moment ago may be
 * unfinished; then the store's own watch is run until it has seen them settle, with a deadline.
 * One thread.
 */
#include "cli/engine.h"

#include "base/clock.h"
#include "cli/engine_options.h"
#include "store/manifests.h"

#define SETTLE_POLL_MS 10

void engine_fini(struct engine *engine)
{
    engine->store = store_free(engine->store);
    engine->loop = loop_free(engine->loop);
    engine->authenticator = authenticator_free(engine->authenticator);
}

struct settling {
    const struct engine *engine;
    unsigned polls_left;
    bool settled;
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
    struct store_stats stats;
    store_stats(settling->engine->store, &stats);
    settling->settled = stats.synced;
    if (settling->settled || settling->polls_left-- == 0) {
        uv_close((uv_handle_t *)timer, on_timer_closed);
    }
}

static enum status wait_until_settled(struct engine *engine, struct problem *reterr_problem)
{
    enum status st = loop_new(&engine->loop);
    if (st == ST_OK) {
        st = store_watch(engine->store, engine->loop, reterr_problem);
    }
    if (st != ST_OK) {
        return st;
    }
    struct settling settling = { .engine = engine,
                                 .polls_left = ENGINE_SETTLE_MAX_MS / SETTLE_POLL_MS };
    uv_timer_t timer = { .data = &settling };
    /* neither can fail on a loop that exists */
    (void)uv_timer_init(loop_uv(engine->loop), &timer);
    (void)uv_timer_start(&timer, on_poll, SETTLE_POLL_MS, SETTLE_POLL_MS);
    loop_run(engine->loop);
    if (!settling.settled) {
        problem_set(reterr_problem, ST_UNSETTLED, 0, 0, "--manifests: %s",
                    status_text(ST_UNSETTLED));
        return ST_UNSETTLED;
    }
    return ST_OK;
}

static enum status load(const struct options *options,
                        problem_fn *on_problem,
                        void *ctx,
                        struct engine *engine,
                        struct problem *reterr_problem)
{
    struct authenticator_options authn;
    struct span audiences[API_AUDIENCES_MAX];
    engine_options_from(options, audiences, &authn);
    authn.on_problem = on_problem;
    authn.ctx = ctx;
    enum status st = authenticator_new(&authn, &engine->authenticator);
    if (st != ST_OK) {
        return st;
    }
    const struct manifests_options manifests = {
        .directory = options->manifests,
        .clock = clock_system(), /* files settle in real time, whatever --at says */
        .on_problem = on_problem,
        .ctx = ctx,
    };
    st = manifests_new(&manifests, &engine->store, reterr_problem);
    if (st == ST_OK) {
        st = authenticator_attach(engine->authenticator, engine->store);
    }
    if (st == ST_OK) {
        st = store_load(engine->store, reterr_problem);
    }
    return st == ST_UNSETTLED ? wait_until_settled(engine, reterr_problem) : st;
}

enum status engine_load(const struct options *options,
                        problem_fn *on_problem,
                        void *ctx,
                        struct engine *ret_engine,
                        struct problem *reterr_problem)
{
    CLEANUP(engine_fini) struct engine engine = { 0 };
    struct problem problem = { 0 };
    const enum status st = load(options, on_problem, ctx, &engine, &problem);
    if (st != ST_OK) {
        if (!problem.text[0]) {
            problem_set(&problem, st, 0, 0, "--manifests: %s", status_text(st));
        }
        *reterr_problem = problem;
        return st;
    }
    *ret_engine = engine;
    engine = (struct engine){ 0 };
    return ST_OK;
}
