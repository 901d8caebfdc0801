/* SPDX-License-Identifier: Apache-2.0 */
/* Options in the shape that engine and TLS take: every field arrives where it belongs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/engine_options.h"

static const char *audiences[] = { "a", "b" };
static const char *names[] = { "n" };
static const char *suites[] = { "s", "t" };

static const struct options options = {
    .manifests = (char *)(uintptr_t) "m",
    .kubeconfig = (char *)(uintptr_t) "kc",
    .watch_silence_timeout_ms = 70001,
    .enable_bootstrap_token_auth = true,
    .api_audiences = { audiences, 2 },
    .unknown_token_answer = UNKNOWN_TOKEN_REFUSE,
    .tls_cert_file = (char *)(uintptr_t) "cert",
    .tls_private_key_file = (char *)(uintptr_t) "key",
    .client_ca_file = (char *)(uintptr_t) "ca",
    .client_allowed_names = { names, 1 },
    .tls_min_version = TLS_MIN_VERSION_13,
    .tls_cipher_suites = { suites, 2 },
    .tls_session_tickets = true,
};

static void test_engine_options_from_every_field_arrives(void **state)
{
    (void)state;
    struct span storage[API_AUDIENCES_MAX];
    struct authenticator_options engine;
    engine_options_from(&options, storage, &engine);
    assert_true(engine.bootstrap);
    assert_int_equal(engine.unknown_token_answer, UNKNOWN_TOKEN_REFUSE);
    assert_int_equal(engine.api_audience_count, 2);
    assert_true(span_equal(engine.api_audiences[0], SPAN_LITERAL("a")));
    assert_true(span_equal(engine.api_audiences[1], SPAN_LITERAL("b")));
    assert_null(engine.on_problem);
}

static void test_engine_options_from_nothing_is_off(void **state)
{
    (void)state;
    const struct options none = { 0 };
    struct span storage[API_AUDIENCES_MAX];
    struct authenticator_options engine;
    engine_options_from(&none, storage, &engine);
    assert_false(engine.bootstrap);
    assert_int_equal(engine.unknown_token_answer, UNKNOWN_TOKEN_ERROR);
    assert_int_equal(engine.api_audience_count, 0);
}

static void test_store_sources_from_every_field_arrives(void **state)
{
    (void)state;
    struct store_sources sources;
    assert_int_equal(setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1), 0);
    assert_int_equal(setenv("KUBERNETES_SERVICE_PORT", "6443", 1), 0);
    store_sources_from(&options, &sources);
    assert_string_equal(sources.manifests, "m");
    assert_string_equal(sources.kubeconfig, "kc");
    assert_false(sources.in_pod);
    assert_null(sources.pod_directory); /* where Kubernetes puts it */
    assert_string_equal(sources.pod_host, "10.0.0.1");
    assert_string_equal(sources.pod_port, "6443");
    assert_int_equal(sources.silence_timeout_ms, 70001);
    assert_true(clock_now(&sources.clock).sec > 1700000000); /* the real one */

    const struct options pod = { .in_cluster = true };
    assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
    assert_int_equal(unsetenv("KUBERNETES_SERVICE_PORT"), 0);
    store_sources_from(&pod, &sources);
    assert_true(sources.in_pod);
    assert_null(sources.manifests);
    assert_null(sources.kubeconfig);
    assert_null(sources.pod_host);
    assert_null(sources.pod_port);
}

static void test_tls_options_from_every_field_arrives(void **state)
{
    (void)state;
    struct tls_options tls;
    tls_options_from(&options, &tls);
    assert_string_equal(tls.cert_file, "cert");
    assert_string_equal(tls.key_file, "key");
    assert_string_equal(tls.client_ca_file, "ca");
    assert_int_equal(tls.client_allowed_name_count, 1);
    assert_string_equal(tls.client_allowed_names[0], "n");
    assert_int_equal(tls.min_version, TLS_MIN_VERSION_13);
    assert_int_equal(tls.cipher_suite_count, 2);
    assert_string_equal(tls.cipher_suites[1], "t");
    assert_true(tls.session_tickets);
    assert_true(clock_now(&tls.clock).sec > 1700000000); /* the real one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_options_from_every_field_arrives),
        cmocka_unit_test(test_engine_options_from_nothing_is_off),
        cmocka_unit_test(test_store_sources_from_every_field_arrives),
        cmocka_unit_test(test_tls_options_from_every_field_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
