/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The composition of an engine. What is fed (the authenticators) is made before what feeds it (the
 * store), and freed after it: an event never finds nobody.
 */
#include "engine/engine.h"

#include <stdlib.h>

#include "authn/token_families.h"

_Static_assert(AUTHENTICATOR_COUNT_ - 1 <= AUTHENTICATOR_FAMILIES_MAX, "all may be on");

static enum status explain(struct problem *problem, enum status status, const char *what)
{
    if (status != ST_OK) {
        problem_set(problem, status, 0, 0, "cannot start the %s: %s", what, status_text(status));
    }
    return status;
}

static enum status make_authenticator(const struct engine_options *options,
                                      struct authenticator **ret_authenticator,
                                      struct problem *reterr_problem)
{
    struct token_family_choice families[AUTHENTICATOR_COUNT_];
    struct authenticator_options authenticator = options->authenticator;
    authenticator.families = families;
    authenticator.family_count = 0;
    for (size_t id = AUTHENTICATOR_NONE + 1; id < AUTHENTICATOR_COUNT_; id++) {
        if (options->families[id].is_on) {
            families[authenticator.family_count++] =
                (struct token_family_choice){ .ops = token_families[id],
                                              .options = options->families[id].options };
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

enum status engine_open(const struct engine_options *options,
                        struct engine *engine,
                        struct problem *reterr_problem)
{
    enum status status = explain(reterr_problem, loop_new(&engine->loop), "event loop");
    if (status == ST_OK) {
        status = make_authenticator(options, &engine->authenticator, reterr_problem);
    }
    if (status == ST_OK) {
        status =
            store_open(&options->sources, &engine->store, &engine->kube_apiserver, reterr_problem);
    }
    if (status == ST_OK) {
        problem_set_file(reterr_problem, ""); /* the store has put its source there */
        status =
            explain(reterr_problem, authenticator_attach(engine->authenticator, 0, engine->store),
                    "authenticators, which listen to more than a store tells");
    }
    return status;
}

void engine_close(struct engine *engine)
{
    engine->store = store_free(engine->store);
    engine->loop = loop_free(engine->loop);
    engine->authenticator = authenticator_free(engine->authenticator);
    free(engine->kube_apiserver);
    *engine = (struct engine){ 0 };
}
