/* SPDX-License-Identifier: Apache-2.0 */
/* `check-config`: yes, and each way to no. */
#include <time.h>

#include "cli/check_config.h"
#include "cli/options_file.h"
#include "cli/options_value.h"
#include "support/apiserver_script.h"
#include "support/capture.h"
#include "support/certificate_kit.h"
#include "support/file_kit.h"
#include "support/key_texts.h"
#include "support/manifest_text.h"

static struct capture capture;

struct fixture {
    struct file_kit kit;
    struct options options;
};

static char *copy_path(const struct file_kit *kit, const char *name)
{
    char *copy = strdup(kit_path(kit, name).text);
    assert_non_null(copy);
    return copy;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    kit_init(&fixture->kit);
    kit_mkdir(&fixture->kit, "m");
    kit_write(&fixture->kit, "m/a.yaml", MANIFEST_SECRET("kube-system"));
    assert_int_equal(options_init(&fixture->options), ST_OK);
    fixture->options.manifests = copy_path(&fixture->kit, "m");
    fixture->options.tls_cert_file = copy_path(&fixture->kit, "tls.crt");
    fixture->options.tls_private_key_file = copy_path(&fixture->kit, "tls.key");
    certificate_kit_make(fixture->options.tls_cert_file, fixture->options.tls_private_key_file,
                         time(NULL) + 1000);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    options_fini(&fixture->options);
    kit_fini(&fixture->kit);
    free(fixture);
    return 0;
}

static int run(const struct fixture *fixture)
{
    capture_begin(&capture);
    const int status = check_config_run(&fixture->options);
    capture_end(&capture);
    return status;
}

static void test_check_config_says_what_would_be_served(void **state)
{
    assert_int_equal(run(*state), 0);
    assert_non_null(strstr(capture.out, "serving certificate: good until 2"));
    assert_non_null(strstr(capture.out, "metrics: for everybody who reaches the port\n"));
    assert_non_null(strstr(capture.out, "manifests: 1 files, 1 Secrets\n"));
    assert_non_null(strstr(capture.out, "bootstrap tokens: 1 usable\n"));
    assert_non_null(strstr(capture.out, "problems: 0\n"));
    assert_non_null(strstr(capture.out, "memory for connections: "));
    assert_non_null(strstr(capture.err, "check-config: warning: --client-ca-file: "));
}

static void test_check_config_memory_for_connections_is_an_option(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.max_connection_memory_bytes = 16777216;
    assert_int_equal(run(fixture), 0);
    assert_non_null(strstr(capture.out, "memory for connections: 16777216 bytes "
                                        "(--max-connection-memory)\n"));
    fixture->options.max_connection_memory_bytes = 1;
    assert_int_equal(run(fixture), 1);
    assert_non_null(
        strstr(capture.err, "check-config: --max-connection-memory: expected at least "));
}

static void test_check_config_says_who_may_scrape(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.metrics_require_client_certificate = true;
    assert_int_equal(run(fixture), 0);
    assert_non_null(strstr(capture.out, "metrics: for clients with a certificate of --client-ca"));
    fixture->options.metrics_require_client_certificate = false;
    fixture->options.health_bind_address.host = strdup("127.0.0.1");
    assert_int_equal(run(fixture), 0);
    assert_non_null(
        strstr(capture.out, "metrics: for everybody who reaches --health-bind-address"));
}

static void test_check_config_expired_certificate_fails(void **state)
{
    struct fixture *fixture = *state;
    certificate_kit_make(fixture->options.tls_cert_file, fixture->options.tls_private_key_file,
                         time(NULL) - 1);
    assert_int_equal(run(fixture), 1);
    assert_non_null(strstr(capture.err, "tls.crt: "));
    assert_non_null(strstr(capture.err, "expired"));
}

/* What clients refuse is a problem, though serve would start. */
static void test_check_config_certificate_that_clients_refuse_fails(void **state)
{
    struct fixture *fixture = *state;
    struct certificate_kit kit = { .dn = "CN=localhost", .not_after_sec = time(NULL) + 1000 };
    certificate_kit_issue(&kit, NULL);
    certificate_kit_save(&kit, fixture->options.tls_cert_file,
                         fixture->options.tls_private_key_file);
    certificate_kit_free(&kit);
    assert_int_equal(run(fixture), 1);
    assert_non_null(strstr(capture.err, "tls.crt: the certificate has a common name and no "
                                        "subject alternative name; kube-apiserver says \"x509: "
                                        "certificate relies on legacy Common Name field, use "
                                        "SANs instead\"; issue it with "));
    assert_non_null(strstr(capture.out, "serving certificate: good until 2"));
    assert_non_null(strstr(capture.out, "problems: 1\n"));
}

static void append_file(const char *to, const char *from)
{
    char text[4096];
    FILE *in = fopen(from, "re");
    FILE *out = fopen(to, "ae");
    assert_non_null(in);
    assert_non_null(out);
    const size_t len = fread(text, 1, sizeof(text), in);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fclose(out), 0);
}

/* What hangs on whom clients trust is a warning. */
static void test_check_config_certificate_that_clients_may_refuse_is_a_warning(void **state)
{
    struct fixture *fixture = *state;
    const struct kit_path other = kit_path(&fixture->kit, "other.crt");
    const struct kit_path key = kit_path(&fixture->kit, "other.key");
    struct certificate_kit ca = { .dn = "CN=a CA", .not_after_sec = time(NULL) + 1000 };
    struct certificate_kit kit = { .dn = "CN=x",
                                   .names = { "DNS:localhost" },
                                   .not_after_sec = time(NULL) + 1000 };
    certificate_kit_issue(&ca, NULL);
    certificate_kit_issue(&kit, &ca);
    certificate_kit_save(&kit, fixture->options.tls_cert_file,
                         fixture->options.tls_private_key_file);
    certificate_kit_make(other.text, key.text, time(NULL) + 1000);
    append_file(fixture->options.tls_cert_file, other.text);
    certificate_kit_free(&kit);
    certificate_kit_free(&ca);
    assert_int_equal(run(fixture), 0);
    assert_non_null(strstr(capture.err, "tls.crt: warning: the file lacks the issuer of the "
                                        "certificate, \"CN=a CA\"; kube-apiserver may say "));
    assert_non_null(strstr(capture.out, "problems: 0\n"));
}

static void test_check_config_key_of_another_certificate_fails(void **state)
{
    struct fixture *fixture = *state;
    const struct kit_path other = kit_path(&fixture->kit, "other.crt");
    certificate_kit_make(other.text, fixture->options.tls_private_key_file, time(NULL) + 1000);
    assert_int_equal(run(fixture), 1);
    assert_string_equal(capture.out, "");
    assert_non_null(strstr(capture.err, "kube-bearer check-config: "));
}

static void test_check_config_broken_manifest_fails_and_is_named(void **state)
{
    struct fixture *fixture = *state;
    kit_write(&fixture->kit, "m/b.yaml", "kind: [\n");
    assert_int_equal(run(fixture), 1);
    assert_non_null(strstr(capture.err, "b.yaml:2:1: "));
    assert_non_null(strstr(capture.out, "bootstrap tokens: 1 usable\n"));
    assert_non_null(strstr(capture.out, "problems: 1\n"));
}

static void test_check_config_warns_of_manifests_that_others_can_change(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(chmod(kit_path(&fixture->kit, "m/a.yaml").text, 0666), 0);
    kit_symlink(&fixture->kit, "/", "m/link");
    assert_int_equal(run(fixture), 1); /* the link is a problem, the file is not */
    assert_non_null(strstr(capture.err, "a.yaml: warning: everybody can write it (mode 0666"));
    assert_non_null(strstr(capture.err, "link: the symbolic link leads to a directory outside"));
    assert_non_null(strstr(capture.out, "problems: 1\n"));
    kit_unlink(&fixture->kit, "m/link");
    assert_int_equal(run(fixture), 0);
    assert_non_null(strstr(capture.err, "a.yaml: warning: everybody can write it (mode 0666"));
    assert_non_null(strstr(capture.out, "bootstrap tokens: 1 usable\n"));
}

static void test_check_config_fails_where_safe_permissions_are_required(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.manifests_require_safe_permissions = true;
    assert_int_equal(run(fixture), 0);
    assert_null(strstr(capture.err, "a.yaml"));
    assert_int_equal(chmod(kit_path(&fixture->kit, "m/a.yaml").text, 0666), 0);
    assert_int_equal(run(fixture), 1);
    assert_non_null(strstr(capture.err, "a.yaml: --manifests-require-safe-permissions: everybody "
                                        "can write it (mode 0666"));
    assert_string_equal(capture.out, "");
}

static void test_check_config_secret_in_the_wrong_place_fails_and_is_named(void **state)
{
    struct fixture *fixture = *state;
    kit_write(&fixture->kit, "m/a.yaml", MANIFEST_SECRET("default"));
    assert_int_equal(run(fixture), 1);
    assert_non_null(strstr(capture.err, "a.yaml:"));
    assert_non_null(strstr(capture.out, "bootstrap tokens: 0 usable\n"));
    assert_non_null(strstr(capture.out, "not usable: 1 secret_wrong_namespace: "));
}

static void test_check_config_asks_the_api_server(void **state)
{
    static const struct https_exchange exchanges[] = {
        { .expect = APISERVER_SECRETS,
          .send = APISERVER_HEAD APISERVER_ADDED("bootstrap-token-abcdef") APISERVER_TOLD_ALL,
          .after = HTTPS_HANG },
        { .expect = APISERVER_SECRETS,
          .send = APISERVER_HEAD APISERVER_ADDED("bootstrap-token-fedcba") APISERVER_TOLD_ALL,
          .after = HTTPS_HANG },
    };
    struct fixture *fixture = *state;
    struct https_script script;
    apiserver_script_start(&script, exchanges, COUNTOF(exchanges));
    apiserver_script_kubeconfig(&fixture->kit, "kubeconfig", script.port);
    char want[128];
    char *manifests = fixture->options.manifests;
    fixture->options.manifests = NULL;
    fixture->options.kubeconfig = copy_path(&fixture->kit, "kubeconfig");
    const int alone = run(fixture);
    (void)snprintf(want, sizeof(want), "kube-apiserver: http://127.0.0.1:%u, 1 Secrets\n",
                   script.port);
    assert_int_equal(alone, 0);
    assert_non_null(strstr(capture.out, want));
    assert_non_null(strstr(capture.out, "bootstrap tokens: 1 usable\n"));

    fixture->options.manifests = manifests;
    const int both = run(fixture);
    https_script_stop(&script);
    (void)snprintf(want, sizeof(want),
                   "manifests: 1 files; kube-apiserver: http://127.0.0.1:%u, 2 Secrets\n",
                   script.port);
    assert_int_equal(both, 1); /* the second's name is not that of its token ID */
    assert_non_null(strstr(capture.out, want));
    assert_non_null(strstr(capture.out, "problems: 1\n"));
}

/* An operator's words, as the parser takes them. */
static void use(struct fixture *fixture, const char *members)
{
    struct problem problem = { 0 };
    struct buf text = { 0 };
    buf_printf(&text, "apiVersion: kube-bearer/v1alpha1\nkind: Configuration\n%s", members);
    if (options_parse_file(buf_span(&text), &fixture->options, &problem) != ST_OK) {
        fail_msg("%s", problem.text);
    }
    buf_fini(&text);
}

#define SERVICE_ACCOUNT                                                                  \
    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: ns, uid: u}\n" \
    "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: b, namespace: ns, uid: v}\n"

static void test_check_config_says_whose_tokens_are_answered(void **state)
{
    struct fixture *fixture = *state;
    const struct kit_path key = kit_path(&fixture->kit, "sa.pub");
    const struct kit_path more = kit_path(&fixture->kit, "more.pub");
    const struct kit_path other = kit_path(&fixture->kit, "other.pub");
    struct buf members = { 0 };
    struct buf want = { 0 };
    kit_write(&fixture->kit, "sa.pub", PEM_PUBLIC_1);
    kit_write(&fixture->kit, "more.pub", PEM_PUBLIC_2);
    kit_write(&fixture->kit, "other.pub", PEM_PUBLIC_1);
    kit_write(&fixture->kit, "m/b.yaml", SERVICE_ACCOUNT);
    buf_printf(&members,
               "serviceAccountIssuer: [https://a, https://b]\n"
               "serviceAccountKeyFile: ['%s', '%s']\n"
               "serviceAccountLookupNodes: false\n"
               "serviceAccountIssuers:\n"
               "- {name: north, issuer: https://c, keyFiles: ['%s'], lookup: false,\n"
               "   usernamePrefix: 'n:', groupPrefix: 'n:', audiences: [x]}\n%c",
               key.text, more.text, other.text, '\0');
    use(fixture, members.at);
    assert_int_equal(run(fixture), 0);
    buf_printf(&want,
               "ServiceAccount tokens of this cluster: issuers https://a, https://b; keys: 2 "
               "of %s and 1 more; looked up: 2 ServiceAccounts, 0 Pods, 0 token Secrets\n"
               "ServiceAccount tokens of cluster north: issuer https://c; keys: 1 of %s; "
               "nothing is looked up\n"
               "bootstrap tokens: 1 usable\n"
               "service_account tokens: 2 ServiceAccounts, which may have any number\n"
               "problems: 0\n%c",
               key.text, other.text, '\0');
    if (!strstr(capture.out, want.at)) {
        fail_msg("%s not in %s", want.at, capture.out);
    }
    buf_fini(&members);
    buf_fini(&want);
}

static void test_check_config_keys_that_cannot_be_had_are_a_problem(void **state)
{
    struct fixture *fixture = *state;
    use(fixture,
        "serviceAccountIssuers:\n"
        "- {name: north, issuer: https://c, keysURL: 'https://127.0.0.1:1/keys', lookup: false,\n"
        "   usernamePrefix: 'n:', groupPrefix: 'n:', audiences: [x]}\n");
    assert_int_equal(run(fixture), 1); /* nobody listens there */
    assert_non_null(strstr(capture.err, "check-config: https://127.0.0.1:1/keys: "));
    assert_non_null(strstr(capture.out, "issuer https://c; keys: 0 of https://127.0.0.1:1/keys; "
                                        "nothing is looked up\n"));
    assert_non_null(strstr(capture.out, "problems: 1\n"));
}

static void test_check_config_absent_directory_fails(void **state)
{
    struct fixture *fixture = *state;
    kit_unlink(&fixture->kit, "m/a.yaml");
    assert_int_equal(rmdir(fixture->options.manifests), 0);
    assert_int_equal(run(fixture), 1);
    assert_string_equal(capture.out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_check_config_says_what_would_be_served, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_memory_for_connections_is_an_option,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_says_who_may_scrape, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_expired_certificate_fails, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_certificate_that_clients_refuse_fails,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_check_config_certificate_that_clients_may_refuse_is_a_warning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_key_of_another_certificate_fails, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_broken_manifest_fails_and_is_named,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_warns_of_manifests_that_others_can_change,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_fails_where_safe_permissions_are_required,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_check_config_secret_in_the_wrong_place_fails_and_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_absent_directory_fails, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_says_whose_tokens_are_answered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_keys_that_cannot_be_had_are_a_problem,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check_config_asks_the_api_server, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
