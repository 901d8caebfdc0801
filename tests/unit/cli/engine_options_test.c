/* SPDX-License-Identifier: Apache-2.0 */
/* Options in the shape that engine and TLS take: every field arrives where it belongs. */
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/engine_options.h"

static const char *audiences[] = { "a", "b" };
static const char *names[] = { "n" };
static const char *suites[] = { "s", "t" };

static const struct options options = {
    .manifests = (char *)(uintptr_t) "m",
    .manifests_require_safe_permissions = true,
    .manifests_writable_by_group = (char *)(uintptr_t) "4711",
    .manifests_follow_outside_directories = true,
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

static struct engine_options made_of(const struct options *from, struct engine_room *storage)
{
    struct engine_options engine;
    struct problem problem;
    assert_int_equal(engine_options_from(from, storage, &engine, &problem), ST_OK);
    return engine;
}

static void test_engine_options_from_every_field_arrives(void **state)
{
    (void)state;
    struct engine_room storage;
    const struct engine_options made = made_of(&options, &storage);
    const struct authenticator_options engine = made.authenticator;
    assert_true(made.families[AUTHENTICATOR_BOOTSTRAP].is_on);
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
    struct engine_room storage;
    const struct engine_options made = made_of(&none, &storage);
    const struct authenticator_options engine = made.authenticator;
    assert_false(made.families[AUTHENTICATOR_BOOTSTRAP].is_on);
    assert_int_equal(engine.unknown_token_answer, UNKNOWN_TOKEN_ERROR);
    assert_int_equal(engine.api_audience_count, 0);
}

static void test_engine_options_from_sources_every_field_arrives(void **state)
{
    (void)state;
    struct engine_room storage;
    assert_int_equal(setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1), 0);
    assert_int_equal(setenv("KUBERNETES_SERVICE_PORT", "6443", 1), 0);
    struct store_sources sources = made_of(&options, &storage).sources;
    assert_string_equal(sources.manifests, "m");
    assert_true(sources.trust.is_required);
    assert_true(sources.trust.follows_outside);
    assert_true(sources.trust.has_group);
    assert_int_equal(sources.trust.group, 4711);
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
    sources = made_of(&pod, &storage).sources;
    assert_false(sources.trust.is_required);
    assert_false(sources.trust.follows_outside);
    assert_false(sources.trust.has_group);
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

static const struct {
    const char *group;
    enum status want;
    gid_t want_group;
    const char *complaint; /* contained */
} groups[] = {
    { "0", ST_OK, 0, NULL },
    { "65532", ST_OK, 65532, NULL },
    { "4294967294", ST_OK, 4294967294, NULL },
    { "4294967295", ST_INVALID, 0, "expected a number below 4294967295" },
    { "99999999999999999999999", ST_INVALID, 0, "expected a number below" },
    { "hunter2-no-such-group", ST_NOT_FOUND, 0,
      "expected the name or number of a group of this machine" },
    { "-1", ST_NOT_FOUND, 0, "expected the name or number" },
    { "0x10", ST_NOT_FOUND, 0, "expected the name or number" },
};

static void test_engine_options_from_sources_group_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(groups); i++) {
        struct options named = { 0 };
        struct engine_room storage;
        struct engine_options engine;
        struct problem problem = { 0 };
        named.manifests_writable_by_group = (char *)(uintptr_t)groups[i].group;
        print_message("# %s\n", groups[i].group);
        assert_int_equal(engine_options_from(&named, &storage, &engine, &problem), groups[i].want);
        if (groups[i].want == ST_OK) {
            assert_int_equal(engine.sources.trust.group, groups[i].want_group);
        } else {
            assert_non_null(strstr(problem.text, groups[i].complaint));
            assert_null(strstr(problem.text, "hunter2")); /* no value comes back */
        }
    }
}

/* By name, as the machine has it: the group that we are of, if it has a name. */
static void test_engine_options_from_sources_group_by_name(void **state)
{
    (void)state;
    const struct group *mine = getgrgid(getegid());
    struct options named = { .manifests_writable_by_group = mine ? mine->gr_name : NULL };
    struct engine_room storage;
    const struct store_sources sources = made_of(&named, &storage).sources;
    assert_int_equal(sources.trust.has_group, mine != NULL);
    assert_int_equal(sources.trust.group, mine ? getegid() : 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_options_from_every_field_arrives),
        cmocka_unit_test(test_engine_options_from_nothing_is_off),
        cmocka_unit_test(test_engine_options_from_sources_every_field_arrives),
        cmocka_unit_test(test_engine_options_from_sources_group_rows),
        cmocka_unit_test(test_engine_options_from_sources_group_by_name),
        cmocka_unit_test(test_tls_options_from_every_field_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
