/* SPDX-License-Identifier: Apache-2.0 */
/* The engine without a server: loads, waits for files that are being written and for an API server,
 * tells problems. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <urcu-bp.h>

#include "cli/options_value.h"
#include "cli/settled_engine.h"
#include "support/apiserver_script.h"
#include "support/badge_family.h"
#include "support/file_kit.h"
#include "support/https_script.h"
#include "support/key_texts.h"
#include "support/manifest_text.h"

static void count_problem(void *ctx, const struct problem *problem)
{
    assert_true(problem->text[0]);
    *(unsigned *)ctx += 1;
}

static struct options options_for(const struct kit_path *manifests)
{
    struct options options;
    assert_int_equal(options_init(&options), ST_OK);
    options.manifests = strdup(manifests->text);
    assert_non_null(options.manifests);
    return options;
}

static enum decision_result ask(const struct settled_engine *engine)
{
    const struct question question = { .token = span_of(MANIFEST_TOKEN),
                                       .now = { .sec = 1780000000 } };
    struct decision decision;
    rcu_read_lock();
    authenticator_decide(engine->engine.authenticator, &question, &decision);
    const enum decision_result result = decision.result;
    rcu_read_unlock();
    return result;
}

/* A file that was written a moment ago counts as unsettled: this is the waiting, too. */
static void test_settled_engine_load_reads_what_was_written_just_now(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_mkdir(&kit, "m");
    kit_write(&kit, "m/a.yaml", MANIFEST_SECRET("kube-system"));
    const struct kit_path folder = kit_path(&kit, "m");
    struct options options = options_for(&folder);
    struct settled_engine engine = { 0 };
    struct problem problem = { 0 };
    unsigned problems = 0;
    assert_int_equal(settled_engine_load(&options, count_problem, &problems, &engine, &problem),
                     ST_OK);
    assert_int_equal(problems, 0);
    assert_int_equal(ask(&engine), DECISION_ALLOW);
    settled_engine_fini(&engine);
    assert_null(engine.engine.store);
    options_fini(&options);
    kit_fini(&kit);
}

static void test_settled_engine_load_tells_problems_of_files_and_of_secrets(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_mkdir(&kit, "m");
    kit_write(&kit, "m/a.yaml", MANIFEST_SECRET("default"));
    kit_write(&kit, "m/b.yaml", "kind: [\n");
    const struct kit_path folder = kit_path(&kit, "m");
    struct options options = options_for(&folder);
    struct settled_engine engine = { 0 };
    struct problem problem = { 0 };
    unsigned problems = 0;
    assert_int_equal(settled_engine_load(&options, count_problem, &problems, &engine, &problem),
                     ST_OK);
    assert_int_equal(problems, 2);
    assert_int_equal(ask(&engine), DECISION_ERROR);
    settled_engine_fini(&engine);
    options_fini(&options);
    kit_fini(&kit);
}

static void test_settled_engine_load_of_no_directory_fails(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    const struct kit_path folder = kit_path(&kit, "absent");
    struct options options = options_for(&folder);
    struct settled_engine engine = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(settled_engine_load(&options, NULL, NULL, &engine, &problem), ST_IO);
    assert_true(problem.text[0]);
    assert_null(engine.engine.authenticator);
    options_fini(&options);
    kit_fini(&kit);
}

struct writer {
    int fd;
    atomic_bool stop;
};

/* A byte every few milliseconds: the file is never quiet, on any file system. */
static void *write_on_and_on(void *ctx)
{
    struct writer *writer = ctx;
    const struct timespec pause = { .tv_nsec = 5000000 };
    while (!atomic_load(&writer->stop)) {
        kit_append(writer->fd, "#\n", 2);
        (void)nanosleep(&pause, NULL); /* sooner is as good */
    }
    return NULL;
}

static void test_settled_engine_load_of_a_file_that_never_settles_is_a_problem(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_mkdir(&kit, "m");
    struct writer writer = { .fd = kit_open(&kit, "m/a.yaml") };
    pthread_t thread;
    kit_append(writer.fd, MANIFEST_SECRET("kube-system"), strlen(MANIFEST_SECRET("kube-system")));
    assert_int_equal(pthread_create(&thread, NULL, write_on_and_on, &writer), 0);
    const struct kit_path folder = kit_path(&kit, "m");
    struct options options = options_for(&folder);
    struct settled_engine engine = { 0 };
    struct problem problem = { 0 };
    unsigned problems = 0;
    const enum status status =
        settled_engine_load(&options, count_problem, &problems, &engine, &problem);
    atomic_store(&writer.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(close(writer.fd), 0);
    assert_int_equal(status, ST_OK);
    assert_int_equal(problems, 1);
    assert_int_equal(ask(&engine), DECISION_ERROR); /* half a Secret is no Secret */
    settled_engine_fini(&engine);
    options_fini(&options);
    kit_fini(&kit);
}

/* Options for an API server at @port, in a file of @kit. */
static struct options options_for_server(const struct file_kit *kit, uint16_t port)
{
    struct options options;
    apiserver_script_kubeconfig(kit, "kubeconfig", port);
    assert_int_equal(options_init(&options), ST_OK);
    options.kubeconfig = strdup(kit_path(kit, "kubeconfig").text);
    assert_non_null(options.kubeconfig);
    return options;
}

/* A first try that fails is not told: the second one succeeds. */
static void test_settled_engine_load_asks_the_api_server_until_it_answers(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[] = {
        { .expect = APISERVER_SECRETS, .send = APISERVER_UNAVAILABLE },
        { .expect = APISERVER_SECRETS,
          .send = APISERVER_HEAD APISERVER_ADDED("bootstrap-token-abcdef") APISERVER_TOLD_ALL,
          .after = HTTPS_HANG },
    };
    struct file_kit kit;
    struct https_script script;
    kit_init(&kit);
    apiserver_script_start(&script, exchanges, COUNTOF(exchanges));
    struct options options = options_for_server(&kit, script.port);
    struct settled_engine engine = { 0 };
    struct problem problem = { 0 };
    unsigned problems = 0;
    assert_int_equal(settled_engine_load(&options, count_problem, &problems, &engine, &problem),
                     ST_OK);
    assert_int_equal(problems, 0);
    assert_int_equal(ask(&engine), DECISION_ALLOW);
    assert_non_null(strstr(engine.engine.kube_apiserver, "http://127.0.0.1:"));
    settled_engine_fini(&engine);
    assert_null(engine.engine.kube_apiserver);
    https_script_stop(&script);
    options_fini(&options);
    kit_fini(&kit);
}

static void test_settled_engine_load_tells_problems_of_the_api_servers_secrets(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[] = {
        { .expect = APISERVER_SECRETS,
          .send = APISERVER_HEAD APISERVER_ADDED("elsewhere") APISERVER_TOLD_ALL,
          .after = HTTPS_HANG },
    };
    struct file_kit kit;
    struct https_script script;
    kit_init(&kit);
    apiserver_script_start(&script, exchanges, COUNTOF(exchanges));
    struct options options = options_for_server(&kit, script.port);
    struct settled_engine engine = { 0 };
    struct problem problem = { 0 };
    unsigned problems = 0;
    assert_int_equal(settled_engine_load(&options, count_problem, &problems, &engine, &problem),
                     ST_OK);
    assert_int_equal(problems, 1);
    assert_int_equal(ask(&engine), DECISION_ERROR);
    settled_engine_fini(&engine);
    https_script_stop(&script);
    options_fini(&options);
    kit_fini(&kit);
}

/* Nobody listens there: the failure is the error, and a person need not wait long for it. */
static void test_settled_engine_load_without_the_api_server_says_why(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    const int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    assert_int_equal(bind(taken, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &len), 0);
    struct options options = options_for_server(&kit, ntohs(address.sin_port));
    struct settled_engine engine = { 0 };
    struct problem problem = { 0 };
    unsigned problems = 0;
    assert_int_equal(settled_engine_load(&options, count_problem, &problems, &engine, &problem),
                     ST_UNAVAILABLE);
    assert_int_equal(problems, 0);
    assert_non_null(strstr(problem.file, "http://127.0.0.1:"));
    assert_non_null(strstr(problem.text, "cannot list"));
    assert_null(engine.engine.authenticator);
    assert_null(engine.engine.kube_apiserver);
    assert_int_equal(close(taken), 0);
    options_fini(&options);
    kit_fini(&kit);
}

/* The others' tokens are answered all the same; who asks is told, once it is clear. */
static void test_settled_engine_load_without_a_further_cluster_is_a_problem(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_mkdir(&kit, "m");
    kit_write(&kit, "m/a.yaml",
              "apiVersion: v1\nkind: Secret\nmetadata: {name: north.jane, namespace: badges}\n"
              "type: example.org/badge\nstringData: {pin: '0000'}\n");
    apiserver_script_kubeconfig(&kit, "kubeconfig", 1); /* nobody listens there */
    const struct kit_path folder = kit_path(&kit, "m");
    const struct kit_path kubeconfig = kit_path(&kit, "kubeconfig");
    atomic_bool yes = true;
    atomic_bool no = false;
    const struct badge_options badges = { .has_key = &yes,
                                          .is_south_away = &no,
                                          .south_cluster = 1 };
    struct engine_cluster_options cluster = {
        .name = "south",
        .sources = { .kubeconfig = kubeconfig.text, .clock = clock_system() },
    };
    struct engine_options options = {
        .families = { [AUTHENTICATOR_BOOTSTRAP] = { .is_on = true,
                                                    .options = &badges,
                                                    .ops = &badge_as_bootstrap_ops } },
        .sources = { .manifests = folder.text, .clock = clock_system() },
        .clusters = &cluster,
        .cluster_count = 1,
    };
    struct settled_engine engine = { 0 };
    struct problem problem = { 0 };
    unsigned problems = 0;
    assert_int_equal(
        settled_engine_load_from(&options, count_problem, &problems, &engine, &problem), ST_OK);
    assert_int_equal(problems, 1);
    assert_true(authenticator_is_synced(engine.engine.authenticator));
    struct store_stats stats;
    store_stats(engine.engine.store, &stats);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), 1);
    settled_engine_fini(&engine);
    assert_null(engine.clusters);
    kit_fini(&kit);
}

static const struct span issuers[] = { SPAN_LITERAL("https://issuer") };

/* What a file of options would say of a cluster whose keys are at @url. */
static struct service_account_source source_at(const char *url, const char *ca)
{
    return (struct service_account_source){
        .name = SPAN_LITERAL("north"),
        .issuers = issuers,
        .issuer_count = 1,
        .audiences = issuers,
        .audience_count = 1,
        .keys = SERVICE_ACCOUNT_KEYS_URL,
        .keys_url = url,
        .certificate_authority = ca,
        .username_prefix = SPAN_LITERAL("n:"),
        .group_prefix = SPAN_LITERAL("n:"),
    };
}

static void load_keys(const struct https_exchange *exchange, uint64_t keys, unsigned want)
{
    struct file_kit kit;
    struct https_pki pki;
    char url[64];
    kit_init(&kit);
    kit_mkdir(&kit, "m");
    https_pki_make(&pki);
    struct https_script script = { .exchanges = exchange, .exchange_count = 1, .pki = &pki };
    https_script_start(&script);
    kit_write(&kit, "ca.crt", (const char *)pki.ca.certificate.data);
    const struct kit_path folder = kit_path(&kit, "m");
    const struct kit_path ca = kit_path(&kit, "ca.crt");
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/keys", script.port);
    const struct service_account_source source = source_at(url, ca.text);
    const struct service_account_options accounts = { .sources = &source, .source_count = 1 };
    struct engine_options options = {
        .families = { [AUTHENTICATOR_SERVICE_ACCOUNT] = { .is_on = true, .options = &accounts } },
        .sources = { .manifests = folder.text, .clock = clock_system() },
    };
    struct settled_engine engine = { 0 };
    struct problem problem = { 0 };
    unsigned problems = 0;
    assert_int_equal(
        settled_engine_load_from(&options, count_problem, &problems, &engine, &problem), ST_OK);
    assert_int_equal(problems, want);
    struct token_source_figures figures;
    token_keys_figures(engine.engine.token_keys, 0, &figures);
    assert_int_equal(figures.keys.key_count, keys);
    settled_engine_fini(&engine);
    https_script_stop(&script);
    https_pki_free(&pki);
    kit_fini(&kit);
}

#define REPLY(head, body)                                                                      \
    {                                                                                          \
        .expect = "GET /keys ", .send = "HTTP/1.0 " head "\r\n\r\n" body, .after = HTTPS_CLOSE \
    }

/* Of a set that comes late, too; and what cannot be used of it is told. */
static void test_settled_engine_load_waits_for_keys(void **state)
{
    (void)state;
    const struct https_exchange good = REPLY("200 OK", JWKS(JWK_1));
    const struct https_exchange slow = { .expect = "GET /keys ",
                                         .send = good.send,
                                         .piece_len = 32,
                                         .pause_ms = 20,
                                         .after = HTTPS_CLOSE };
    const struct https_exchange with_another = REPLY("200 OK", JWKS(JWK_1 "," JWK_UNUSABLE));
    load_keys(&good, 1, 0);
    load_keys(&slow, 1, 0);
    load_keys(&with_another, 1, 1);
}

/* Its tokens get an error, all others are answered: told once, however it fails. */
static void test_settled_engine_load_without_keys_is_a_problem(void **state)
{
    (void)state;
    const struct https_exchange away = REPLY("503 No", "");
    const struct https_exchange empty = REPLY("200 OK", JWKS(""));
    load_keys(&away, 0, 1);
    load_keys(&empty, 0, 1);
}

static void test_settled_engine_load_of_a_wrong_kubeconfig_says_where(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    struct options options = options_for_server(&kit, 1);
    kit_write(&kit, "kubeconfig", "clusters: [\n");
    struct settled_engine engine = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(settled_engine_load(&options, NULL, NULL, &engine, &problem), ST_SYNTAX);
    assert_string_equal(problem.file, options.kubeconfig);
    assert_int_equal(problem.line, 2);
    options_fini(&options);
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settled_engine_load_reads_what_was_written_just_now),
        cmocka_unit_test(test_settled_engine_load_tells_problems_of_files_and_of_secrets),
        cmocka_unit_test(test_settled_engine_load_of_no_directory_fails),
        cmocka_unit_test(test_settled_engine_load_of_a_file_that_never_settles_is_a_problem),
        cmocka_unit_test(test_settled_engine_load_asks_the_api_server_until_it_answers),
        cmocka_unit_test(test_settled_engine_load_tells_problems_of_the_api_servers_secrets),
        cmocka_unit_test(test_settled_engine_load_without_the_api_server_says_why),
        cmocka_unit_test(test_settled_engine_load_without_a_further_cluster_is_a_problem),
        cmocka_unit_test(test_settled_engine_load_waits_for_keys),
        cmocka_unit_test(test_settled_engine_load_without_keys_is_a_problem),
        cmocka_unit_test(test_settled_engine_load_of_a_wrong_kubeconfig_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
