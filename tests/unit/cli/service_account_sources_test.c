/* SPDX-License-Identifier: Apache-2.0 */
/* One source a cluster: every field arrives where it belongs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/options_file.h"
#include "cli/options_parse.h"
#include "cli/options_value.h"
#include "cli/service_account_sources.h"

#define ARGUMENTS_MAX 8
#define ARGUMENTS(...)                 \
    (const char *const[ARGUMENTS_MAX]) \
    {                                  \
        __VA_ARGS__                    \
    }

#define HEAD "apiVersion: kube-bearer/v1alpha1\nkind: Configuration\n"

#define OTHERS                                                                         \
    "serviceAccountIssuers:\n"                                                         \
    "- {name: b, issuer: ib, kubeconfig: k, usernamePrefix: 'b:', groupPrefix: 'b:', " \
    "audiences: [x]}\n"                                                                \
    "- {name: c, issuer: ic, keyFiles: [f], lookup: false, usernamePrefix: 'c:', "     \
    "groupPrefix: 'c:', audiences: [v, w]}\n"

static struct options parsed(const char *const *arguments, const char *members)
{
    struct options options;
    struct problem problem = { 0 };
    struct buf text = { 0 };
    int count = 0;
    while (count < ARGUMENTS_MAX && arguments[count]) {
        count++;
    }
    buf_printf(&text, HEAD "%s", members);
    assert_int_equal(options_init(&options), ST_OK);
    assert_int_equal(options_parse_flags(COMMAND_SERVE, count, (char *const *)(uintptr_t)arguments,
                                         &options, &problem),
                     ST_OK);
    assert_int_equal(options_parse_file(buf_span(&text), &options, &problem), ST_OK);
    buf_fini(&text);
    return options;
}

static void test_service_account_sources_from_nothing_is_off(void **state)
{
    (void)state;
    struct options options = parsed(ARGUMENTS(NULL), "");
    struct service_account_sources room;
    struct service_account_options made;
    service_account_sources_from(&options, &room, &made);
    assert_int_equal(made.source_count, 0);
    options_fini(&options);
}

static void test_service_account_sources_from_this_cluster_comes_first(void **state)
{
    (void)state;
    struct options options = parsed(
        ARGUMENTS("--service-account-issuer=a", "--service-account-issuer=b",
                  "--service-account-key-file=k", "--service-account-key-file=l",
                  "--service-account-lookup-pods=false", "--service-account-lookup-secrets=all",
                  "--api-audiences=x,y", "--jwks-max-stale=90s"),
        OTHERS);
    struct service_account_sources room;
    struct service_account_options made;
    service_account_sources_from(&options, &room, &made);
    assert_int_equal(made.source_count, 3);
    assert_int_equal(made.jwks_max_stale_ms, 90000);
    const struct service_account_source *source = &made.sources[0];
    assert_true(source->is_this_cluster);
    assert_int_equal(source->name.len, 0);
    assert_int_equal(source->issuer_count, 2);
    assert_string_equal(source->issuers[0].at, "a");
    assert_string_equal(source->issuers[1].at, "b");
    assert_int_equal(source->audience_count, 2);
    assert_string_equal(source->audiences[1].at, "y");
    assert_int_equal(source->keys, SERVICE_ACCOUNT_KEYS_FILES);
    assert_int_equal(source->key_file_count, 2);
    assert_string_equal(source->key_files[1], "l");
    assert_null(source->keys_url);
    assert_null(source->certificate_authority);
    assert_null(source->kubeconfig);
    assert_true(source->lookup.is_on);
    assert_false(source->lookup.follows_pods);
    assert_true(source->lookup.follows_nodes);
    assert_int_equal(source->lookup.secrets, SERVICE_ACCOUNT_SECRETS_ALL);
    assert_int_equal(source->legacy, SERVICE_ACCOUNT_LEGACY_LOOKED_UP);
    assert_int_equal(source->username_prefix.len, 0);
    assert_int_equal(source->group_prefix.len, 0);

    source = &made.sources[1];
    assert_false(source->is_this_cluster);
    assert_string_equal(source->name.at, "b");
    assert_string_equal(source->issuers[0].at, "ib");
    assert_string_equal(source->kubeconfig, "k");
    source = &made.sources[2];
    assert_string_equal(source->name.at, "c");
    assert_string_equal(source->key_files[0], "f");
    assert_string_equal(source->audiences[1].at, "w");
    options_fini(&options);
}

static const struct {
    const char *name;
    const char *arguments[ARGUMENTS_MAX];
    enum service_account_keys keys;
    enum service_account_legacy legacy;
} rows[] = {
    { "of an API server",
      { "--kubeconfig=x" },
      SERVICE_ACCOUNT_KEYS_API_SERVER,
      SERVICE_ACCOUNT_LEGACY_LOOKED_UP },
    { "of a URL",
      { "--service-account-keys-url=https://h/" },
      SERVICE_ACCOUNT_KEYS_URL,
      SERVICE_ACCOUNT_LEGACY_LOOKED_UP },
    { "without Secrets",
      { "--service-account-key-file=k", "--service-account-lookup-secrets=none" },
      SERVICE_ACCOUNT_KEYS_FILES,
      SERVICE_ACCOUNT_LEGACY_REFUSED },
    { "without lookup of legacy tokens",
      { "--service-account-key-file=k", "--service-account-lookup=false" },
      SERVICE_ACCOUNT_KEYS_FILES,
      SERVICE_ACCOUNT_LEGACY_TRUSTED },
    { "without either",
      { "--service-account-key-file=k", "--service-account-lookup=false",
        "--service-account-lookup-secrets=none" },
      SERVICE_ACCOUNT_KEYS_FILES,
      SERVICE_ACCOUNT_LEGACY_TRUSTED },
};

static void test_service_account_sources_from_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct options options =
            parsed(rows[i].arguments, "serviceAccountIssuer: [https://issuer]\n");
        struct service_account_sources room;
        struct service_account_options made;
        print_message("# %s\n", rows[i].name);
        service_account_sources_from(&options, &room, &made);
        assert_int_equal(made.source_count, 1);
        assert_int_equal(made.sources[0].keys, rows[i].keys);
        assert_int_equal(made.sources[0].legacy, rows[i].legacy);
        options_fini(&options);
    }
}

static void test_service_account_sources_from_others_alone(void **state)
{
    (void)state;
    struct options options = parsed(ARGUMENTS(NULL), OTHERS);
    struct service_account_sources room;
    struct service_account_options made;
    service_account_sources_from(&options, &room, &made);
    assert_int_equal(made.source_count, 2);
    assert_false(made.sources[0].is_this_cluster);
    options_fini(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_account_sources_from_nothing_is_off),
        cmocka_unit_test(test_service_account_sources_from_this_cluster_comes_first),
        cmocka_unit_test(test_service_account_sources_from_rows),
        cmocka_unit_test(test_service_account_sources_from_others_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
