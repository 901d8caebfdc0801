/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine that serve makes, from the same options by the same function, so that what
 * check-config and review say holds for serve; but loaded once. Manifests that were written a
 * moment ago may be unfinished, and an API server is only asked once the loop runs: then the
 * store's own watch is run until it has seen everything, with a deadline. One thread.
 */
#include "cli/settled_engine.h"

#include <stdlib.h>

#include "cli/engine_options.h"

#define SETTLE_POLL_MS 10

void settled_engine_fini(struct settled_engine *settled)
{
    engine_close(&settled->engine);
    free(settled->clusters);
    free(settled->room);
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

/* A server that fails is a finding when the waiting ends without its keys; its figures have it. */
static void on_problem_of_keys(void *ctx, const char *cluster, const struct problem *problem)
{
    (void)cluster; /* file or URL say whose */
    if (status_fault(problem->status) != FAULT_UPSTREAM) {
        on_problem_of_input(ctx, problem);
    }
}

/* Tokens of that key get a no. */
static void on_remark_of_keys(void *ctx, const char *cluster, const struct problem *problem)
{
    (void)cluster;
    on_problem_of_input(ctx, problem);
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

/* Contact with a further cluster that fails. */
static void on_problem_of_cluster(void *ctx, const struct problem *problem)
{
    struct settled_cluster *cluster = ctx;
    if (status_fault(problem->status) == FAULT_UPSTREAM) {
        cluster->last_failure = *problem;
    } else {
        on_problem_of_input((void *)(uintptr_t)cluster->settled, problem);
    }
}

static void on_input_of_cluster(void *ctx, const struct problem *problem)
{
    const struct settled_cluster *cluster = ctx;
    on_problem_of_input((void *)(uintptr_t)cluster->settled, problem);
}

static void on_remark_of_cluster(void *ctx, const struct problem *problem)
{
    const struct settled_cluster *cluster = ctx;
    on_remark_of_input((void *)(uintptr_t)cluster->settled, problem);
}

/* A store that is waited for. */
struct settling_store {
    const struct store *store;
    unsigned polls_failing;   /* until now, without an object that was told in between */
    struct store_stats stats; /* of the last poll */
};

struct settling {
    const struct settled_engine *settled;
    unsigned polls;
    struct settling_store stores[1 + AUTHENTICATOR_CLUSTERS_MAX];
    size_t store_count;
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

/* Return: is it of no use to wait for it any longer? */
static bool poll_store(struct settling_store *settling)
{
    const uint64_t told_before = told_objects(&settling->stats);
    store_stats(settling->store, &settling->stats);
    const bool is_failing =
        settling->stats.last_failure != ST_OK && told_objects(&settling->stats) == told_before;
    settling->polls_failing = is_failing ? settling->polls_failing + 1 : 0;
    return settling->stats.is_synced ||
           settling->polls_failing > SETTLE_FAILING_MAX_MS / SETTLE_POLL_MS;
}

/* One attempt has ended, well or not: the next one is further away than anybody waits. */
static bool is_tried(const struct key_source_state *keys)
{
    return keys->has_keys || keys->is_failing;
}

static bool are_keys_tried(const struct engine *engine)
{
    const size_t count = engine->token_keys ? token_keys_count(engine->token_keys) : 0;
    for (size_t i = 0; i < count; i++) {
        struct token_source_figures figures;
        token_keys_figures(engine->token_keys, i, &figures);
        if (!is_tried(&figures.keys)) {
            return false;
        }
    }
    return true;
}

static void on_poll(uv_timer_t *timer)
{
    struct settling *settling = timer->data;
    bool is_over = are_keys_tried(&settling->settled->engine);
    for (size_t i = 0; i < settling->store_count; i++) {
        is_over &= poll_store(&settling->stores[i]);
    }
    settling->polls++;
    if (is_over || settling->polls > SETTLE_MAX_MS / SETTLE_POLL_MS) {
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

/* Its tokens would get an error; all others would be answered. */
static void say_unsettled_cluster(struct settled_cluster *cluster,
                                  const struct cluster_store *store,
                                  const struct store_stats *stats)
{
    struct problem problem = cluster->last_failure;
    const enum status why = stats->last_failure != ST_OK ? stats->last_failure : ST_TIMEOUT;
    if (!problem.text[0]) {
        problem_set_file(&problem, store->server ? store->server : store->name);
        problem_set(&problem, why, 0, 0, "%s", status_text(why));
    }
    on_input_of_cluster(cluster, &problem);
}

/* The same of keys. */
static void say_missing_keys(struct settled_engine *settled)
{
    const struct token_keys *keys = settled->engine.token_keys;
    const size_t count = keys ? token_keys_count(keys) : 0;
    for (size_t i = 0; i < count; i++) {
        struct token_source_figures figures;
        token_keys_figures(keys, i, &figures);
        struct problem problem = figures.keys.failure;
        if (figures.keys.has_keys ||
            (figures.keys.is_failing && status_fault(problem.status) != FAULT_UPSTREAM)) {
            continue; /* there, or told */
        }
        if (!figures.keys.is_failing) {
            problem_set_file(&problem, key_source_name(token_keys_source(keys, i)));
            problem_set(&problem, ST_TIMEOUT, 0, 0, "%s", status_text(ST_TIMEOUT));
        }
        on_problem_of_input(settled, &problem);
    }
}

static void add_store(struct settling *settling, const struct store *store)
{
    settling->stores[settling->store_count++] = (struct settling_store){ .store = store };
}

static enum status wait_until_settled(struct settled_engine *settled,
                                      struct problem *reterr_problem)
{
    struct settling settling = { .settled = settled };
    uv_timer_t timer = { .data = &settling };
    const struct engine *const engine = &settled->engine;
    struct loop *const loop = engine->loop;
    const enum status status = engine_watch(engine, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    add_store(&settling, engine->store);
    for (size_t i = 0; i < engine->cluster_count; i++) {
        add_store(&settling, engine->clusters[i].store);
    }
    /* neither can fail on a loop that exists */
    (void)uv_timer_init(loop_uv(loop), &timer);
    (void)uv_timer_start(&timer, on_poll, SETTLE_POLL_MS, SETTLE_POLL_MS);
    loop_run(loop);
    for (size_t i = 0; i < engine->cluster_count; i++) {
        const struct store_stats *stats = &settling.stores[1 + i].stats;
        if (!stats->is_synced) {
            say_unsettled_cluster(&settled->clusters[i], &engine->clusters[i], stats);
        }
    }
    say_missing_keys(settled);
    const struct store_stats *own = &settling.stores[0].stats;
    return own->is_synced ? ST_OK : say_unsettled(settled, own, reterr_problem);
}

static enum status prepare_clusters(struct settled_engine *settled, struct engine_options *engine)
{
    settled->clusters = calloc(engine->cluster_count + 1, sizeof(*settled->clusters));
    if (!settled->clusters) {
        return ST_NOMEM;
    }
    for (size_t i = 0; i < engine->cluster_count; i++) {
        struct store_sources *sources = &engine->clusters[i].sources;
        settled->clusters[i].settled = settled;
        sources->on_manifest_problem = on_input_of_cluster;
        sources->on_manifest_remark = on_remark_of_cluster;
        sources->on_server_problem = on_problem_of_cluster;
        sources->on_server_remark = on_remark_of_cluster;
        sources->ctx = &settled->clusters[i];
    }
    return ST_OK;
}

static enum status load(struct engine_options *engine,
                        struct settled_engine *settled,
                        struct problem *reterr_problem)
{
    engine->authenticator.on_problem = on_problem_of_input;
    engine->sources.on_manifest_problem = on_problem_of_input;
    engine->sources.on_manifest_remark = on_remark_of_input;
    engine->sources.on_server_problem = on_problem_of_server;
    engine->sources.on_server_remark = on_remark_of_input;
    engine->keys.on_problem = on_problem_of_keys;
    engine->keys.on_remark = on_remark_of_keys;
    engine->authenticator.ctx = engine->sources.ctx = engine->keys.ctx = settled;
    enum status status = prepare_clusters(settled, engine);
    if (status == ST_OK) {
        status = engine_open(engine, &settled->engine, reterr_problem);
    }
    if (status == ST_OK) {
        status = engine_load(&settled->engine, reterr_problem);
    }
    const bool is_to_wait =
        status == ST_UNSETTLED || (status == ST_OK && !are_keys_tried(&settled->engine));
    return is_to_wait ? wait_until_settled(settled, reterr_problem) : status;
}

/* Where nobody has said more. */
static void say_unloaded(enum status status, struct problem *problem)
{
    if (!problem->text[0]) {
        problem_set(problem, status, 0, 0, "cannot load Secrets: %s", status_text(status));
    }
}

enum status settled_engine_load(const struct options *options,
                                problem_fn *on_problem,
                                void *ctx,
                                struct settled_engine *settled,
                                struct problem *reterr_problem)
{
    struct engine_options engine;
    struct engine_room *room = calloc(1, sizeof(*room));
    enum status status =
        room ? engine_options_from(options, room, &engine, reterr_problem) : ST_NOMEM;
    if (status == ST_OK) {
        status = settled_engine_load_from(&engine, on_problem, ctx, settled, reterr_problem);
    } else {
        say_unloaded(status, reterr_problem);
    }
    if (status == ST_OK) {
        settled->room = room;
        room = NULL;
    }
    free(room);
    return status;
}

enum status settled_engine_load_from(struct engine_options *engine,
                                     problem_fn *on_problem,
                                     void *ctx,
                                     struct settled_engine *settled,
                                     struct problem *reterr_problem)
{
    struct problem problem = { 0 };
    settled->on_problem = on_problem;
    settled->ctx = ctx;
    const enum status status = load(engine, settled, &problem);
    if (status != ST_OK) {
        say_unloaded(status, &problem);
        *reterr_problem = problem;
        settled_engine_fini(settled);
    }
    return status;
}
