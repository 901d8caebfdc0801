/* SPDX-License-Identifier: Apache-2.0 */
/* Loop, store and authenticators put together: what is loaded answers, what cannot be made is said.
 */
#include <urcu-bp.h>

#include "engine/engine.h"
#include "support/badge_family.h"
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

/* ------------------------------------------------------------------ clusters */

#define SOUTH_SECRET                                                             \
    "apiVersion: v1\nkind: Secret\n"                                             \
    "metadata: {name: south.jane, namespace: badges}\ntype: example.org/badge\n" \
    "stringData: {pin: '1111'}\n"

/* An engine for badges, of which those of the south are another directory's. */
struct clusters {
    struct file_kit kit;
    struct kit_path north;
    struct kit_path south;
    struct manual_clock time;
    atomic_bool has_key;
    atomic_bool is_south_away;
    struct badge_options badges;
    struct engine_cluster_options cluster;
    struct engine_options options;
};

static void clusters_init(struct clusters *clusters)
{
    const struct clock system = clock_system();
    *clusters = (struct clusters){ .has_key = true, .time = { .wall = clock_now(&system) } };
    clusters->time.wall.sec += 10; /* so that the files have been quiet for long enough */
    kit_init(&clusters->kit);
    kit_mkdir(&clusters->kit, "north");
    kit_mkdir(&clusters->kit, "south");
    kit_write(&clusters->kit, "south/a.yaml", SOUTH_SECRET);
    clusters->north = kit_path(&clusters->kit, "north");
    clusters->south = kit_path(&clusters->kit, "south");
    clusters->badges = (struct badge_options){ .has_key = &clusters->has_key,
                                               .is_south_away = &clusters->is_south_away,
                                               .south_cluster = 1 };
    clusters->cluster = (struct engine_cluster_options){
        .name = "south",
        .sources = { .manifests = clusters->south.text, .clock = clock_manual(&clusters->time) },
    };
    clusters->options = (struct engine_options){
        .families = { [AUTHENTICATOR_BOOTSTRAP] = { .is_on = true,
                                                    .options = &clusters->badges,
                                                    .ops = &badge_as_bootstrap_ops } },
        .sources = { .manifests = clusters->north.text, .clock = clock_manual(&clusters->time) },
        .clusters = &clusters->cluster,
        .cluster_count = 1,
    };
}

static enum status ask_south(const struct engine *engine)
{
    struct scratch scratch;
    struct decision decision;
    assert_int_equal(scratch_init(&scratch, authenticator_scratch_bytes(engine->authenticator)),
                     ST_OK);
    const struct question question = { .token = SPAN_LITERAL("badge/south/6a616e65/1111"),
                                       .scratch = scratch,
                                       .waits_for_sync = true };
    rcu_read_lock();
    authenticator_decide(engine->authenticator, &question, &decision);
    rcu_read_unlock();
    scratch_fini(&scratch);
    return decision.why;
}

static void test_engine_loads_every_cluster(void **state)
{
    (void)state;
    struct clusters clusters;
    struct engine engine = { 0 };
    struct problem problem = { 0 };
    clusters_init(&clusters);
    assert_int_equal(engine_open(&clusters.options, &engine, &problem), ST_OK);
    assert_int_equal(engine.cluster_count, 1);
    assert_string_equal(engine.clusters[0].name, "south");
    assert_null(engine.clusters[0].server);
    assert_int_equal(ask_south(&engine), ST_NOT_SYNCED);
    assert_int_equal(engine_load(&engine, &problem), ST_OK);
    assert_int_equal(ask_south(&engine), ST_OK);
    assert_int_equal(engine_watch(&engine, &problem), ST_OK);
    engine_close(&engine);
    assert_null(engine.clusters);
    kit_fini(&clusters.kit);
}

/* Files that were written just now: of one store or of another, there is something to wait for. */
static void test_engine_load_is_unsettled_when_one_store_is(void **state)
{
    (void)state;
    for (int is_own = 0; is_own < 2; is_own++) {
        struct clusters clusters;
        struct engine engine = { 0 };
        struct problem problem = { 0 };
        clusters_init(&clusters);
        kit_write(&clusters.kit, "north/a.yaml", MANIFEST_SECRET("kube-system"));
        struct manual_clock now = { .wall = clusters.time.wall };
        now.wall.sec -= 10;
        (is_own ? &clusters.options.sources : &clusters.cluster.sources)->clock =
            clock_manual(&now);
        assert_int_equal(engine_open(&clusters.options, &engine, &problem), ST_OK);
        assert_int_equal(engine_load(&engine, &problem), ST_UNSETTLED);
        assert_int_equal(authenticator_is_synced(engine.authenticator), !is_own);
        engine_close(&engine);
        kit_fini(&clusters.kit);
    }
}

static void test_engine_open_of_a_cluster_that_cannot_be_had_says_why(void **state)
{
    (void)state;
    struct clusters clusters;
    struct engine engine = { 0 };
    struct problem problem = { 0 };
    clusters_init(&clusters);
    kit_write(&clusters.kit, "kubeconfig", "clusters: [\n");
    const struct kit_path kubeconfig = kit_path(&clusters.kit, "kubeconfig");
    clusters.cluster.sources.manifests = NULL;
    clusters.cluster.sources.kubeconfig = kubeconfig.text;
    assert_int_equal(engine_open(&clusters.options, &engine, &problem), ST_SYNTAX);
    assert_string_equal(problem.file, kubeconfig.text);
    assert_int_equal(problem.line, 2);
    engine_close(&engine);
    clusters.badges.south_cluster = 2;
    assert_int_equal(engine_open(&clusters.options, &engine, &problem), ST_INVALID);
    assert_non_null(strstr(problem.text, "want to be told of cluster 2"));
    engine_close(&engine);
    kit_fini(&clusters.kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_open_what_the_store_tells_is_answered),
        cmocka_unit_test(test_engine_open_tells_the_api_server_and_closes_what_was_made),
        cmocka_unit_test(test_engine_loads_every_cluster),
        cmocka_unit_test(test_engine_load_is_unsettled_when_one_store_is),
        cmocka_unit_test(test_engine_open_of_a_cluster_that_cannot_be_had_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
