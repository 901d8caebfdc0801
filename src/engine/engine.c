/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The composition of an engine. What is fed (the authenticators) is made before what feeds it (the
 * stores), and freed after it: an event never finds nobody.
 */
#include "engine/engine.h"

#include <stdlib.h>

#include "authn/families/token_families.h"

_Static_assert(AUTHENTICATOR_COUNT_ - 1 <= AUTHENTICATOR_FAMILIES_MAX, "all may be on");

static enum status explain(struct problem *problem, enum status status, const char *what)
{
    if (status != ST_OK) {
        problem_set(problem, status, 0, 0, "cannot start the %s: %s", what, status_text(status));
    }
    return status;
}

static enum status make_authenticator(const struct engine_options *options,
                                      struct waiting *waiting,
                                      struct authenticator **ret_authenticator,
                                      struct problem *reterr_problem)
{
    struct token_family_choice families[AUTHENTICATOR_COUNT_];
    struct authenticator_options authenticator = options->authenticator;
    authenticator.families = families;
    authenticator.family_count = 0;
    authenticator.cluster_count = (unsigned)options->cluster_count;
    authenticator.on_told = waiting_told;
    authenticator.told_ctx = waiting;
    for (size_t id = AUTHENTICATOR_NONE + 1; id < AUTHENTICATOR_COUNT_; id++) {
        const struct engine_family *family = &options->families[id];
        if (family->is_on) {
            families[authenticator.family_count++] =
                (struct token_family_choice){ .ops = family->ops ? family->ops : token_families[id],
                                              .options = family->options };
        }
    }
    struct problem problem = { 0 };
    const enum status status = authenticator_new(&authenticator, ret_authenticator, &problem);
    if (problem.text[0]) {
        *reterr_problem = problem; /* a family has said what is wrong */
        return status;
    }
    return explain(reterr_problem, status, "authenticators");
}

static enum status attach(struct engine *engine,
                          unsigned cluster,
                          struct store *store,
                          struct problem *reterr_problem)
{
    problem_set_file(reterr_problem, ""); /* the store has put its source there */
    return explain(reterr_problem, authenticator_attach(engine->authenticator, cluster, store),
                   "authenticators, which listen to more than a store tells");
}

static enum status open_cluster(const struct engine_cluster_options *options,
                                struct cluster_store *ret_cluster,
                                struct problem *reterr_problem)
{
    char *server = NULL;
    struct store *store = NULL;
    char *name = span_copy(span_of(options->name));
    if (!name) {
        return explain(reterr_problem, ST_NOMEM, "stores");
    }
    const enum status status = store_open(&options->sources, &store, &server, reterr_problem);
    if (status != ST_OK) {
        free(name);
        return status;
    }
    *ret_cluster = (struct cluster_store){ .name = name, .server = server, .store = store };
    return ST_OK;
}

static enum status open_clusters(const struct engine_options *options,
                                 struct engine *engine,
                                 struct problem *reterr_problem)
{
    enum status status = ST_OK;
    engine->clusters = calloc(options->cluster_count + 1, sizeof(*engine->clusters));
    if (!engine->clusters) {
        return explain(reterr_problem, ST_NOMEM, "stores");
    }
    while (status == ST_OK && engine->cluster_count < options->cluster_count) {
        struct cluster_store *cluster = &engine->clusters[engine->cluster_count];
        status = open_cluster(&options->clusters[engine->cluster_count], cluster, reterr_problem);
        if (status == ST_OK) {
            engine->cluster_count++;
            status =
                attach(engine, (unsigned)engine->cluster_count, cluster->store, reterr_problem);
        }
    }
    return status;
}

static enum status open_keys(const struct engine_options *options,
                             struct engine *engine,
                             struct problem *reterr_problem)
{
    const struct engine_family *family = &options->families[AUTHENTICATOR_SERVICE_ACCOUNT];
    if (!family->is_on || family->ops) {
        return ST_OK;
    }
    const struct token_keys_options keys = {
        .sources = family->options,
        .family = authenticator_family(engine->authenticator, AUTHENTICATOR_SERVICE_ACCOUNT),
        .own = &options->sources,
        .clock = options->sources.clock,
        .listener = options->keys,
    };
    const enum status status =
        token_keys_new(engine->loop, &keys, &engine->token_keys, reterr_problem);
    if (status != ST_OK) {
        return reterr_problem->text[0] ? status : explain(reterr_problem, status, "keys");
    }
    const struct waiting_keys wanted = token_keys_waiting(engine->token_keys);
    waiting_set_keys(engine->waiting, &wanted);
    return ST_OK;
}

enum status engine_open(const struct engine_options *options,
                        struct engine *engine,
                        struct problem *reterr_problem)
{
    enum status status = explain(reterr_problem, loop_new(&engine->loop), "event loop");
    if (status == ST_OK) {
        status = explain(reterr_problem,
                         waiting_new(engine->loop, clock_system(), &engine->waiting), "waiting");
    }
    if (status == ST_OK) {
        status =
            make_authenticator(options, engine->waiting, &engine->authenticator, reterr_problem);
    }
    if (status == ST_OK) {
        status =
            store_open(&options->sources, &engine->store, &engine->kube_apiserver, reterr_problem);
    }
    if (status == ST_OK) {
        status = attach(engine, 0, engine->store, reterr_problem);
    }
    if (status == ST_OK) {
        status = open_clusters(options, engine, reterr_problem);
    }
    return status == ST_OK ? open_keys(options, engine, reterr_problem) : status;
}

enum status engine_load(const struct engine *engine, struct problem *reterr_problem)
{
    enum status status =
        engine->token_keys ? token_keys_load(engine->token_keys, reterr_problem) : ST_OK;
    if (status != ST_OK) {
        return status;
    }
    status = store_load(engine->store, reterr_problem);
    for (size_t i = 0; i < engine->cluster_count && (status == ST_OK || status == ST_UNSETTLED);
         i++) {
        const enum status loaded = store_load(engine->clusters[i].store, reterr_problem);
        status = loaded == ST_OK ? status : loaded;
    }
    return status;
}

enum status engine_watch(const struct engine *engine, struct problem *reterr_problem)
{
    enum status status = store_watch(engine->store, engine->loop, reterr_problem);
    for (size_t i = 0; i < engine->cluster_count && status == ST_OK; i++) {
        status = store_watch(engine->clusters[i].store, engine->loop, reterr_problem);
    }
    if (status == ST_OK && engine->token_keys) {
        status = token_keys_watch(engine->token_keys, reterr_problem);
    }
    return status;
}

static void close_clusters(struct engine *engine)
{
    for (size_t i = 0; i < engine->cluster_count; i++) {
        const struct cluster_store *cluster = &engine->clusters[i];
        (void)store_free(cluster->store);
        free((char *)(uintptr_t)cluster->name);
        free((char *)(uintptr_t)cluster->server);
    }
    free(engine->clusters);
}

void engine_close(struct engine *engine)
{
    engine->store = store_free(engine->store);
    close_clusters(engine);
    engine->waiting = waiting_free(engine->waiting);
    engine->token_keys = token_keys_free(engine->token_keys); /* waiters have left it */
    engine->loop = loop_free(engine->loop);
    engine->authenticator = authenticator_free(engine->authenticator);
    free(engine->kube_apiserver);
    *engine = (struct engine){ 0 };
}
