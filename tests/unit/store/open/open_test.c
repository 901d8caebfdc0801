/* SPDX-License-Identifier: Apache-2.0 */
/* Which store comes of which sources, whose problems go where, and that what is wrong stops it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/open/open.h"
#include "support/certificate_kit.h"
#include "support/file_kit.h"

#define NOT_AFTER_SEC INT64_C(4102444800) /* 2100-01-01 */

#define KUBECONFIG                                                          \
    "current-context: x\n"                                                  \
    "contexts: [{name: x, context: {cluster: c, user: u}}]\n"               \
    "clusters: [{name: c, cluster: {server: 'https://kubernetes:6443'}}]\n" \
    "users: [{name: u, user: {token: TEST-ONLY}}]\n"

struct fixture {
    struct file_kit kit;
    struct kit_path manifests;
    struct kit_path kubeconfig;
    struct kit_path pod;
    struct store_sources sources;
    struct store *store;
    char *server;
    struct problem problem;
    unsigned manifest_problems;
    unsigned server_problems;
};

static void on_manifest_problem(void *ctx, const struct problem *problem)
{
    struct fixture *fixture = ctx;
    assert_true(problem->text[0]);
    fixture->manifest_problems++;
}

static void on_server_problem(void *ctx, const struct problem *problem)
{
    struct fixture *fixture = ctx;
    assert_true(problem->text[0]);
    fixture->server_problems++;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    kit_init(&fixture->kit);
    kit_mkdir(&fixture->kit, "m");
    kit_write(&fixture->kit, "m/broken.yaml", "kind: [\n");
    kit_write(&fixture->kit, "kubeconfig", KUBECONFIG);
    kit_mkdir(&fixture->kit, "pod");
    kit_write(&fixture->kit, "pod/token", "TEST-ONLY");
    kit_write(&fixture->kit, "pod/namespace", "default");
    fixture->manifests = kit_path(&fixture->kit, "m");
    fixture->kubeconfig = kit_path(&fixture->kit, "kubeconfig");
    fixture->pod = kit_path(&fixture->kit, "pod");
    certificate_kit_make(kit_path(&fixture->kit, "pod/ca.crt").text,
                         kit_path(&fixture->kit, "ca.key").text, NOT_AFTER_SEC);
    fixture->sources = (struct store_sources){
        .clock = clock_system(),
        .on_manifest_problem = on_manifest_problem,
        .on_server_problem = on_server_problem,
        .ctx = fixture,
    };
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    store_free(fixture->store);
    free(fixture->server);
    kit_fini(&fixture->kit);
    free(fixture);
    return 0;
}

static enum status open_it(struct fixture *fixture)
{
    return store_open(&fixture->sources, &fixture->store, &fixture->server, &fixture->problem);
}

static void open_ok(struct fixture *fixture)
{
    if (open_it(fixture) != ST_OK) {
        fail_msg("%s:%u: %s", fixture->problem.file, fixture->problem.line, fixture->problem.text);
    }
}

static struct store_stats stats_of(const struct fixture *fixture)
{
    struct store_stats stats;
    store_stats(fixture->store, &stats);
    return stats;
}

static void ignore_event(void *ctx, const struct store_event *event)
{
    (void)ctx;
    (void)event;
}

/* What is loaded without a loop: everything of manifests, nothing yet of an API server. */
static enum status load(struct fixture *fixture)
{
    const struct store_interest secrets = { .kind = &kind_secret };
    assert_int_equal(store_subscribe(fixture->store, &secrets, ignore_event, NULL), ST_OK);
    return store_load(fixture->store, &fixture->problem);
}

static void test_store_open_manifests(void **state)
{
    struct fixture *fixture = *state;
    fixture->sources.manifests = fixture->manifests.text;
    open_ok(fixture);
    assert_null(fixture->server);
    assert_false(stats_of(fixture).is_remote);
    const enum status status = load(fixture);
    assert_true(status == ST_OK || status == ST_UNSETTLED); /* it was written a moment ago */
}

static void test_store_open_kubeconfig(void **state)
{
    struct fixture *fixture = *state;
    fixture->sources.kubeconfig = fixture->kubeconfig.text;
    open_ok(fixture);
    assert_string_equal(fixture->server, "https://kubernetes:6443");
    assert_true(stats_of(fixture).is_remote);
    assert_int_equal(load(fixture), ST_UNSETTLED);
    assert_false(stats_of(fixture).is_synced);
}

static void test_store_open_in_a_pod(void **state)
{
    struct fixture *fixture = *state;
    fixture->sources.in_pod = true;
    fixture->sources.pod_directory = fixture->pod.text;
    fixture->sources.pod_host = "fd00::1";
    fixture->sources.pod_port = "443";
    open_ok(fixture);
    assert_string_equal(fixture->server, "https://[fd00::1]:443");
    assert_true(stats_of(fixture).is_remote);
}

static void test_store_open_both_is_their_union(void **state)
{
    struct fixture *fixture = *state;
    fixture->sources.manifests = fixture->manifests.text;
    fixture->sources.kubeconfig = fixture->kubeconfig.text;
    open_ok(fixture);
    assert_string_equal(fixture->server, "https://kubernetes:6443");
    assert_true(stats_of(fixture).is_remote);
    assert_int_equal(load(fixture), ST_UNSETTLED);
    assert_false(stats_of(fixture).is_synced); /* both must be */
}

static bool has_manifest_problem(void *ctx)
{
    const struct fixture *fixture = ctx;
    return fixture->manifest_problems > 0;
}

static bool has_server_problem(void *ctx)
{
    const struct fixture *fixture = ctx;
    return fixture->server_problems > 0;
}

static void test_store_open_problems_go_where_they_belong(void **state)
{
    struct fixture *fixture = *state;
    fixture->sources.manifests = fixture->manifests.text;
    open_ok(fixture);
    (void)load(fixture); /* either way the file is read by now or soon */
    assert_int_equal(store_watch(fixture->store, fixture->kit.loop, &fixture->problem), ST_OK);
    assert_true(kit_run_until(&fixture->kit, has_manifest_problem, fixture, FILE_KIT_DEADLINE_MS));
    assert_int_equal(fixture->manifest_problems, 1);
    assert_int_equal(fixture->server_problems, 0);
    fixture->store = store_free(fixture->store);

    kit_write(&fixture->kit, "kubeconfig",
              "current-context: x\n"
              "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
              "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
              "users: [{name: u, user: {token: TEST-ONLY}}]\n");
    fixture->sources.manifests = NULL;
    fixture->sources.kubeconfig = fixture->kubeconfig.text;
    open_ok(fixture);
    assert_int_equal(load(fixture), ST_UNSETTLED);
    assert_int_equal(store_watch(fixture->store, fixture->kit.loop, &fixture->problem), ST_OK);
    assert_true(kit_run_until(&fixture->kit, has_server_problem, fixture, FILE_KIT_DEADLINE_MS));
    assert_int_equal(fixture->manifest_problems, 1);
    fixture->store = store_free(fixture->store); /* before the loop */
}

static void test_store_open_of_what_is_not_there_fails(void **state)
{
    struct fixture *fixture = *state;
    const struct kit_path absent = kit_path(&fixture->kit, "absent");
    fixture->sources.manifests = absent.text;
    assert_int_equal(open_it(fixture), ST_IO);
    assert_string_equal(fixture->problem.file, absent.text);
    fixture->sources.kubeconfig = fixture->kubeconfig.text; /* nor with a good one beside it */
    assert_int_equal(open_it(fixture), ST_IO);
    assert_string_equal(fixture->problem.file, absent.text);
    fixture->sources.manifests = fixture->manifests.text;
    fixture->sources.kubeconfig = absent.text;
    assert_int_not_equal(open_it(fixture), ST_OK);
    assert_string_equal(fixture->problem.file, absent.text);
    fixture->sources.kubeconfig = NULL;
    fixture->sources.in_pod = true;
    assert_int_equal(open_it(fixture), ST_NOT_FOUND);
    assert_non_null(strstr(fixture->problem.text, "KUBERNETES_SERVICE_HOST"));
    assert_null(fixture->store);
    assert_null(fixture->server);
}

static void test_store_open_of_a_wrong_kubeconfig_says_where(void **state)
{
    struct fixture *fixture = *state;
    kit_write(&fixture->kit, "kubeconfig", "current-context: x\nclusters: [\n");
    fixture->sources.kubeconfig = fixture->kubeconfig.text;
    assert_int_equal(open_it(fixture), ST_SYNTAX);
    assert_string_equal(fixture->problem.file, fixture->kubeconfig.text);
    assert_int_equal(fixture->problem.line, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(test_store_open_manifests),
        T(test_store_open_kubeconfig),
        T(test_store_open_in_a_pod),
        T(test_store_open_both_is_their_union),
        T(test_store_open_problems_go_where_they_belong),
        T(test_store_open_of_what_is_not_there_fails),
        T(test_store_open_of_a_wrong_kubeconfig_says_where),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
