/* SPDX-License-Identifier: Apache-2.0 */
/* Loop, store and authenticators put together: what is loaded answers, what cannot be made is said.
 */
#include <urcu-bp.h>

#include "engine/engine.h"
#include "support/file_kit.h"
#include "support/manifest_text.h"

static enum decision_result ask(const struct engine *engine)
{
    const struct question question = { .token = span_of(MANIFEST_TOKEN),
                                       .now = { .sec = 1780000000 } };
    struct decision decision;
    rcu_read_lock();
    authenticator_decide(engine->authenticator, &question, &decision);
    const enum decision_result result = decision.result;
    rcu_read_unlock();
    return result;
}

static struct engine_options options_of(const struct kit_path *manifests)
{
    return (struct engine_options){
        .families = { [AUTHENTICATOR_BOOTSTRAP] = { .is_on = true } },
        .sources = { .manifests = manifests->text, .clock = clock_system() },
    };
}

static void test_engine_open_what_the_store_tells_is_answered(void **state)
{
    (void)state;
    struct file_kit kit;
    struct engine engine = { 0 };
    struct problem problem = { 0 };
    kit_init(&kit);
    kit_mkdir(&kit, "m");
    kit_write(&kit, "m/a.yaml", MANIFEST_SECRET("kube-system"));
    const struct kit_path folder = kit_path(&kit, "m");
    struct engine_options options = options_of(&folder);
    struct manual_clock later = { .wall = clock_now(&options.sources.clock) };
    later.wall.sec += 10; /* so that the file has been quiet for long enough */
    options.sources.clock = clock_manual(&later);
    assert_int_equal(engine_open(&options, &engine, &problem), ST_OK);
    assert_null(engine.kube_apiserver);
    assert_int_equal(ask(&engine), DECISION_ERROR); /* nothing has been loaded */
    assert_int_equal(store_load(engine.store, &problem), ST_OK);
    assert_int_equal(ask(&engine), DECISION_ALLOW);
    engine_close(&engine);
    assert_null(engine.loop);
    engine_close(&engine);
    kit_fini(&kit);
}

static void test_engine_open_tells_the_api_server_and_closes_what_was_made(void **state)
{
    (void)state;
    struct file_kit kit;
    struct engine engine = { 0 };
    struct problem problem = { 0 };
    kit_init(&kit);
    kit_write(&kit, "kubeconfig",
              "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
              "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n");
    const struct kit_path folder = kit_path(&kit, "absent");
    const struct kit_path kubeconfig = kit_path(&kit, "kubeconfig");
    struct engine_options options = options_of(&folder);
    options.sources.manifests = NULL;
    options.sources.kubeconfig = kubeconfig.text;
    assert_int_equal(engine_open(&options, &engine, &problem), ST_OK);
    assert_string_equal(engine.kube_apiserver, "http://127.0.0.1:1");
    engine_close(&engine);

    options.sources = options_of(&folder).sources;
    assert_int_equal(engine_open(&options, &engine, &problem), ST_IO);
    assert_string_equal(problem.file, folder.text);
    assert_non_null(engine.loop); /* half made, and closed all the same */
    engine_close(&engine);
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_open_what_the_store_tells_is_answered),
        cmocka_unit_test(test_engine_open_tells_the_api_server_and_closes_what_was_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
