/* SPDX-License-Identifier: Apache-2.0 */
/* Health, metrics and version, of a server that is there and does not run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/version.h"
#include "server/endpoints/operator_endpoints.h"
#include "store/store_base.h"
#include "support/certificate_kit.h"
#include "support/engine_kit.h"
#include "support/file_kit.h"
#include "support/request_kit.h"
#include "support/token_kit.h"

struct fixture {
    char directory[64];
    char cert[128];
    char key[128];
    struct manual_clock time; /* of the certificate */
    struct authenticator *authenticator;
    struct ask *ask;
    struct tls_context *tls;
    struct http_server *http;
    struct operator_endpoints operator;
    struct request_kit kit;
};

static struct fixture *make(bool is_synced)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    (void)snprintf(fixture->directory, sizeof(fixture->directory), "kb-operator-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(fixture->cert, sizeof(fixture->cert), "%s/tls.crt", fixture->directory);
    (void)snprintf(fixture->key, sizeof(fixture->key), "%s/tls.key", fixture->directory);
    fixture->time.wall.sec = time(NULL);
    certificate_kit_make(fixture->cert, fixture->key, fixture->time.wall.sec + 100);
    const struct tls_options tls = { .cert_file = fixture->cert,
                                     .key_file = fixture->key,
                                     .clock = clock_manual(&fixture->time) };
    struct problem problem = { 0 };
    assert_int_equal(tls_context_new(&tls, &fixture->tls, &problem), ST_OK);
    const struct http_listener listener = { .address = "127.0.0.1",
                                            .client = ENDPOINT_ANYBODY,
                                            .workers = 2 };
    const struct http_server_options http = { .listeners = &listener,
                                              .listener_count = 1,
                                              .clock = clock_system() };
    assert_int_equal(http_server_new(&http, &fixture->http, &problem), ST_OK);
    fixture->authenticator = engine_kit_make(is_synced);
    assert_int_equal(ask_new(&(struct ask_options){ .authenticator = fixture->authenticator,
                                                    .clock = clock_system(),
                                                    .shard_count = 2 },
                             &fixture->ask),
                     ST_OK);
    fixture->operator=(struct operator_endpoints){
        .http = fixture->http,
        .ask = fixture->ask,
        .authenticator = fixture->authenticator,
        .tls = fixture->tls,
        .connections_limit = 77,
        .connection_memory_limit = 88,
    };
    request_kit_init(&fixture->kit);
    return fixture;
}

static void discard(struct fixture *fixture)
{
    request_kit_fini(&fixture->kit);
    fixture->http = http_server_free(fixture->http);
    fixture->ask = ask_free(fixture->ask);
    fixture->authenticator = authenticator_free(fixture->authenticator);
    fixture->tls = tls_context_free(fixture->tls);
    (void)unlink(fixture->cert);
    (void)unlink(fixture->key);
    (void)rmdir(fixture->directory);
    free(fixture);
}

static const char *page_of(struct fixture *fixture, endpoint_fn *endpoint, unsigned code)
{
    struct request_kit *kit = &fixture->kit;
    request_kit_again(kit);
    assert_int_equal(endpoint(&fixture->operator, & kit->request, &kit->reply), OUTCOME_REPLIES);
    buf_append_char(&kit->body, '\0');
    assert_false(kit->body.failed);
    if (kit->reply.code != code) {
        fail_msg("%u in place of %u: %s", kit->reply.code, code, kit->body.at);
    }
    return kit->body.at;
}

static void test_operator_health_pages(void **state)
{
    (void)state;
    struct fixture *fixture = make(true);
    struct request *request = &fixture->kit.request;
    assert_string_equal(page_of(fixture, livez_endpoint, 200), "ok");
    assert_string_equal(page_of(fixture, healthz_endpoint, 200), "ok");
    assert_string_equal(page_of(fixture, readyz_endpoint, 200), "ok");
    assert_string_equal(fixture->kit.reply.content_type, "text/plain; charset=utf-8");
    request->query = SPAN_LITERAL("verbose&exclude=p%69ng");
    assert_string_equal(page_of(fixture, readyz_endpoint, 200),
                        "[+]ping excluded: ok\n[+]informer-sync ok\n[+]store ok\n"
                        "[+]serving-certificate ok\n[+]shutdown ok\nreadyz check passed\n");
    request->parameter = SPAN_LITERAL("shutdown");
    assert_string_equal(page_of(fixture, readyz_endpoint, 200),
                        "[+]shutdown ok\nreadyz check passed\n");
    request->parameter = SPAN_LITERAL("shutdown/x");
    assert_string_equal(page_of(fixture, readyz_endpoint, 404), "404 page not found\n");
    discard(fixture);
}

static void test_operator_readyz_fails(void **state)
{
    (void)state;
    struct fixture *fixture = make(false);
    assert_non_null(strstr(page_of(fixture, readyz_endpoint, 500), "[-]informer-sync failed: "));
    assert_string_equal(page_of(fixture, livez_endpoint, 200), "ok");
    discard(fixture);
    fixture = make(true);
    http_server_drain(fixture->http);
    assert_non_null(strstr(page_of(fixture, readyz_endpoint, 500),
                           "[-]shutdown failed: process is shutting down\n"));
    discard(fixture);
    fixture = make(true);
    fixture->time.wall.sec += 200;
    assert_non_null(
        strstr(page_of(fixture, readyz_endpoint, 500), "[-]serving-certificate failed: "));
    discard(fixture);
}

/* One that is away is a remark, and a line of its own. */
static void test_operator_tells_of_each_further_cluster(void **state)
{
    (void)state;
    static const struct store_ops no_ops = { 0 };
    struct fixture *fixture = make(true);
    struct store stores[2];
    struct cluster_store clusters[2] = { { .name = "north", .store = &stores[0] },
                                         { .name = "south", .store = &stores[1] } };
    store_base_init(&stores[0], &no_ops);
    store_base_init(&stores[1], &no_ops);
    atomic_store(&stores[0].counters.is_synced, true);
    atomic_store(&stores[0].counters.is_connected, true);
    atomic_store(&stores[0].counters.last_contact_sec, 42);
    atomic_store(&stores[1].counters.last_failure, ST_TIMEOUT);
    fixture->operator.clusters = clusters;
    fixture->operator.cluster_count = 2;
    assert_string_equal(page_of(fixture, readyz_endpoint, 200), "ok");
    assert_string_equal(page_of(fixture, livez_endpoint, 200), "ok");
    fixture->kit.request.query = SPAN_LITERAL("verbose");
    assert_non_null(
        strstr(page_of(fixture, readyz_endpoint, 200),
               "\n[+]store ok\n[+]cluster/north ok\n[+]cluster/south ok: not everything "
               "has been read yet: the server did not answer in time; its tokens get "
               "an error until then\n[+]serving-certificate ok"));
    fixture->kit.request.parameter = SPAN_LITERAL("cluster/north");
    assert_string_equal(page_of(fixture, readyz_endpoint, 200),
                        "[+]cluster/north ok\nreadyz check passed\n");
    const char *page = page_of(fixture, metrics_endpoint, 200);
    assert_non_null(strstr(page, "\nkube_bearer_cluster_synced{cluster=\"north\"} 1\n"
                                 "kube_bearer_cluster_synced{cluster=\"south\"} 0\n"));
    assert_non_null(
        strstr(page, "\nkube_bearer_cluster_last_contact_timestamp_seconds{cluster=\"north\"} 42\n"
                     "# HELP"));
    discard(fixture);
}

/* A source without keys is a remark, and a line of its own. */
static void test_operator_tells_of_keys_of_each_cluster(void **state)
{
    (void)state;
    struct fixture *fixture = make(true);
    struct file_kit files;
    struct token_kit tokens = { 0 };
    struct token_keys *keys = NULL;
    struct problem problem = { 0 };
    kit_init(&files);
    const struct kit_path missing = kit_path(&files, "sa.pub");
    const char *const paths[] = { missing.text };
    const struct store_sources own = { 0 };
    token_kit_sources(&tokens);
    tokens.options.source_count = 2;
    for (size_t i = 0; i < 2; i++) {
        tokens.sources[i].keys = SERVICE_ACCOUNT_KEYS_FILES;
        tokens.sources[i].key_files = paths;
        tokens.sources[i].key_file_count = 1;
    }
    tokens.sources[1].lookup = (struct service_account_lookup){ 0 };
    token_kit_open(&tokens);
    const struct token_keys_options options = {
        .sources = &tokens.options, .family = tokens.family, .own = &own, .clock = clock_system()
    };
    assert_int_equal(token_keys_new(files.loop, &options, &keys, &problem), ST_OK);
    fixture->operator.token_keys = keys;
    assert_string_equal(page_of(fixture, readyz_endpoint, 200), "ok");
    assert_string_equal(page_of(fixture, livez_endpoint, 200), "ok");
    fixture->kit.request.query = SPAN_LITERAL("verbose");
    assert_non_null(strstr(page_of(fixture, readyz_endpoint, 200),
                           "\n[+]store ok\n"
                           "[+]keys ok: no keys yet; its tokens get an error until then\n"
                           "[+]keys/one ok: no keys yet; its tokens get an error until then\n"
                           "[+]serving-certificate ok"));
    assert_int_equal(token_keys_load(keys, &problem), ST_NOT_FOUND);
    fixture->kit.request.parameter = SPAN_LITERAL("keys/one");
    assert_string_equal(page_of(fixture, readyz_endpoint, 200),
                        "[+]keys/one ok: no keys yet; its tokens get an error until then\n"
                        "readyz check passed\n");
    const char *page = page_of(fixture, metrics_endpoint, 200);
    assert_non_null(strstr(page, "\nkube_bearer_service_account_keys{cluster=\"\"} 0\n"
                                 "kube_bearer_service_account_keys{cluster=\"one\"} 0\n"));
    assert_non_null(strstr(page, "_objects{cluster=\"\",kind=\"service_accounts\"} 0\n"));
    assert_null(strstr(page, "_objects{cluster=\"one\""));
    assert_non_null(strstr(page, "\nkube_bearer_verified_tokens 0\n"));
    (void)token_keys_free(keys);
    token_kit_fini(&tokens);
    kit_fini(&files);
    discard(fixture);
}

/* The old one is served on, and that is a remark. */
static void test_operator_readyz_tells_of_a_reload_that_failed(void **state)
{
    (void)state;
    struct fixture *fixture = make(true);
    struct problem problem = { 0 };
    bool changed = false;
    assert_int_equal(truncate(fixture->cert, 0), 0);
    assert_int_not_equal(tls_context_reload(fixture->tls, &changed, &problem), ST_OK);
    fixture->kit.request.query = SPAN_LITERAL("verbose");
    assert_non_null(strstr(page_of(fixture, readyz_endpoint, 200),
                           "[+]serving-certificate ok: reload failed, the previous certificate is "
                           "served: "));
    discard(fixture);
}

static void test_operator_metrics_are_of_all_workers(void **state)
{
    (void)state;
    struct fixture *fixture = make(true);
    static struct shard shard; /* aligned, as a stack need not be */
    shard.clock = clock_system();
    static const struct ask_words words = { "yes", "no" };
    for (unsigned i = 0; i < 2; i++) {
        struct inquiry inquiry = { .words = &words };
        shard.index = i;
        ask_begin(fixture->ask, &shard, &inquiry);
        (void)ask_end(fixture->ask, &shard, &inquiry); /* it is a no */
    }
    const char *page = page_of(fixture, metrics_endpoint, 200);
    assert_string_equal(fixture->kit.reply.content_type,
                        "text/plain; version=0.0.4; charset=utf-8");
    static const char *const lines[] = {
        "{authenticator=\"none\",result=\"deny\",reason=\"empty_token\"} 2\n",
        "\nkube_bearer_connections_limit 77\n",
        "\nkube_bearer_bootstrap_tokens 1\n",
    };
    for (size_t i = 0; i < COUNTOF(lines); i++) {
        if (!strstr(page, lines[i])) {
            fail_msg("no%sin %s", lines[i], page);
        }
    }
    discard(fixture);
}

static void test_operator_version_is_the_programs(void **state)
{
    (void)state;
    struct fixture *fixture = make(true);
    assert_non_null(strstr(page_of(fixture, version_endpoint, 200), version_number()));
    assert_string_equal(fixture->kit.reply.content_type, "application/json");
    discard(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operator_health_pages),
        cmocka_unit_test(test_operator_readyz_fails),
        cmocka_unit_test(test_operator_tells_of_each_further_cluster),
        cmocka_unit_test(test_operator_tells_of_keys_of_each_cluster),
        cmocka_unit_test(test_operator_readyz_tells_of_a_reload_that_failed),
        cmocka_unit_test(test_operator_metrics_are_of_all_workers),
        cmocka_unit_test(test_operator_version_is_the_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
