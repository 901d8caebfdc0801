/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The composition of an engine. What is fed (the authenticators) is made before what feeds it (the
 * store), and freed after it: an event never finds nobody.
 */
#include "engine/engine.h"

#include <stdlib.h>

static enum status explain(struct problem *problem, enum status status, const char *what)
{
    if (status != ST_OK) {
        problem_set(problem, status, 0, 0, "cannot start the %s: %s", what, status_text(status));
    }
    return status;
}

enum status engine_open(const struct engine_options *options,
                        struct engine *engine,
                        struct problem *reterr_problem)
{
    enum status status = explain(reterr_problem, loop_new(&engine->loop), "event loop");
    if (status == ST_OK) {
        status = explain(reterr_problem,
                         authenticator_new(&options->authenticator, &engine->authenticator),
                         "authenticators");
    }
    if (status == ST_OK) {
        status =
            store_open(&options->sources, &engine->store, &engine->kube_apiserver, reterr_problem);
    }
    return status == ST_OK ? authenticator_attach(engine->authenticator, engine->store) : status;
}

void engine_close(struct engine *engine)
{
    engine->store = store_free(engine->store);
    engine->loop = loop_free(engine->loop);
    engine->authenticator = authenticator_free(engine->authenticator);
    free(engine->kube_apiserver);
    *engine = (struct engine){ 0 };
}
