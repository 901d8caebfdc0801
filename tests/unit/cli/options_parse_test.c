/* SPDX-License-Identifier: Apache-2.0 */
/* Flags as Kubernetes users write them; defaults; and that no argument is ever repeated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/options.h"
#include "cli/options_parse.h"
#include "cli/options_table.h"
#include "cli/options_value.h"
#include "support/alloc_fail.h"
#include "support/file_kit.h"

#define ARGUMENTS_MAX 8
#define TOKEN         "abcdef.0123456789abcdef" /* TEST-ONLY */

static int count_of(const char *const *arguments)
{
    int count = 0;
    while (count < ARGUMENTS_MAX && arguments[count]) {
        count++;
    }
    return count;
}

static const struct {
    const char *name;
    enum option_command command;
    const char *arguments[ARGUMENTS_MAX];
    const char *want; /* part of the complaint; NULL: accepted */
} rows[] = {
    { "nothing", COMMAND_SERVE, { NULL }, NULL },
    { "value behind =", COMMAND_SERVE, { "--secure-port=7" }, NULL },
    { "value as the next argument", COMMAND_SERVE, { "--secure-port", "7" }, NULL },
    { "empty value", COMMAND_SERVE, { "--port-file=" }, NULL },
    { "= in the value", COMMAND_SERVE, { "--port-file=a=b" }, NULL },
    { "a switch alone", COMMAND_SERVE, { "--tls-session-tickets" }, NULL },
    { "a switch turned off", COMMAND_SERVE, { "--tls-session-tickets=false" }, NULL },
    { "a switch takes no next argument",
      COMMAND_SERVE,
      { "--tls-session-tickets", "false" },
      "expected options only" },
    { "a switch with another word",
      COMMAND_SERVE,
      { "--tls-session-tickets=yes" },
      "--tls-session-tickets: expected true or false" },
    { "a letter and its value", COMMAND_SERVE, { "-v", "3" }, NULL },
    { "a letter with =", COMMAND_SERVE, { "-v=3" }, NULL },
    { "a letter with the value behind it", COMMAND_SERVE, { "-v3" }, NULL },
    { "a letter's long form", COMMAND_SERVE, { "--v=3" }, NULL },
    { "a letter out of range", COMMAND_SERVE, { "-v=11" }, "--v: expected a whole number" },
    { "an unknown letter", COMMAND_SERVE, { "-x" }, "unknown option -x" },
    { "a letter of another command", COMMAND_SERVE, { "-f", "x" }, "unknown option -f" },
    { "two dashes end the options", COMMAND_SERVE, { "--secure-port=7", "--" }, NULL },
    { "an argument behind two dashes", COMMAND_SERVE, { "--", "x" }, "expected options only" },
    { "an argument", COMMAND_SERVE, { "x" }, "expected options only" },
    { "a lone dash", COMMAND_SERVE, { "-" }, "expected options only" },
    { "an empty argument", COMMAND_SERVE, { "" }, "expected options only" },
    { "no value", COMMAND_SERVE, { "--secure-port" }, "--secure-port: expected a value" },
    { "a silence at the lower end", COMMAND_SERVE, { "--watch-silence-timeout=1s" }, NULL },
    { "a silence below it",
      COMMAND_SERVE,
      { "--watch-silence-timeout=999ms" },
      "--watch-silence-timeout: expected a duration" },
    { "a silence at the upper end", COMMAND_SERVE, { "--watch-silence-timeout=1h" }, NULL },
    { "a silence above it",
      COMMAND_SERVE,
      { "--watch-silence-timeout=1h1ms" },
      "--watch-silence-timeout: expected a duration" },
    { "a bad value",
      COMMAND_SERVE,
      { "--secure-port=x" },
      "--secure-port: expected a whole number from 0 to 65535" },
    { "an unknown option with a near one",
      COMMAND_SERVE,
      { "--secure-prot=1" },
      "unknown option --secure-prot; did you mean --secure-port?" },
    { "an unknown option with no near one",
      COMMAND_SERVE,
      { "--leader-elect=x" },
      "unknown option --leader-elect; see --help" },
    { "suggestions are of this command",
      COMMAND_REVIEW,
      { "--secure-port=1" },
      "unknown option --secure-port; see --help" },
    { "only dashes with a name", COMMAND_SERVE, { "--=x" }, "an option is not known" },
    { "a single dash before a long name",
      COMMAND_SERVE,
      { "-secure-port=1" },
      "unknown option -s" },
    { "help stops the reading", COMMAND_SERVE, { "--help", "--bogus" }, NULL },
    { "help by letter", COMMAND_REVIEW, { "-h" }, NULL },
    { "-f with a file", COMMAND_REVIEW, { "-f", "x" }, NULL },
    { "-f with standard input", COMMAND_REVIEW, { "-f", "-" }, NULL },
    { "-o with a choice", COMMAND_REVIEW, { "-o", "explain" }, NULL },
    { "-o with another word",
      COMMAND_REVIEW,
      { "-oyaml" },
      "--output: expected one of json, explain" },
    { "a token on the command line", COMMAND_REVIEW, { TOKEN }, "never goes on the command line" },
    { "a token behind two dashes",
      COMMAND_REVIEW,
      { "--", TOKEN },
      "never goes on the command line" },
    { "a token as an option", COMMAND_REVIEW, { "--" TOKEN }, "an option is not known" },
    { "a token as an option's value", COMMAND_REVIEW, { "--at=" TOKEN }, "--at: expected an RFC" },
    { "--token is not an option",
      COMMAND_REVIEW,
      { "--token=" TOKEN },
      "unknown option --token; did you mean --token-file?" },
    { "a token of another command", COMMAND_SERVE, { TOKEN }, "expected options only" },
};

static enum status parse(size_t i, struct options *options, struct problem *problem)
{
    return options_parse_flags(rows[i].command, count_of(rows[i].arguments),
                               (char *const *)(uintptr_t)rows[i].arguments, options, problem);
}

static void test_options_parse_flags_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct options options;
        struct problem problem = { 0 };
        print_message("# %s\n", rows[i].name);
        assert_int_equal(options_init(&options), ST_OK);
        const enum status status = parse(i, &options, &problem);
        if (rows[i].want) {
            assert_int_not_equal(status, ST_OK);
            assert_int_equal(problem.status, status);
            assert_non_null(strstr(problem.text, rows[i].want));
            assert_null(strstr(problem.text, "0123456789abcdef"));
        } else {
            assert_string_equal(problem.text, "");
            assert_int_equal(status, ST_OK);
        }
        options_fini(&options);
    }
}

/* Parse, and say that it went well. */
static struct options parsed(enum option_command command, const char *const *arguments)
{
    struct options options;
    struct problem problem = { 0 };
    assert_int_equal(options_init(&options), ST_OK);
    assert_int_equal(options_parse_flags(command, count_of(arguments),
                                         (char *const *)(uintptr_t)arguments, &options, &problem),
                     ST_OK);
    return options;
}

#define ARGUMENTS(...) ((const char *const[ARGUMENTS_MAX]){ __VA_ARGS__ })

static void test_options_flags_values_arrive(void **state)
{
    (void)state;
    struct options options =
        parsed(COMMAND_SERVE, ARGUMENTS("--secure-port", "7", "-v3", "--tls-session-tickets=false",
                                        "--port-file=a=b", "--tls-min-version=VersionTLS13"));
    assert_int_equal(options.secure_port, 7);
    assert_int_equal(options.verbosity, 3);
    assert_false(options.tls_session_tickets);
    assert_string_equal(options.port_file, "a=b");
    assert_int_equal(options.tls_min_version, TLS_MIN_VERSION_13);
    options_fini(&options);
    assert_null(options.port_file);
}

static void test_options_flags_last_one_wins(void **state)
{
    (void)state;
    struct options options = parsed(COMMAND_SERVE, ARGUMENTS("--secure-port=7", "--secure-port=8",
                                                             "--manifests=a", "--manifests=b"));
    assert_int_equal(options.secure_port, 8);
    assert_string_equal(options.manifests, "b");
    options_fini(&options);
}

static void test_options_flags_lists_replace_the_default_and_add_up(void **state)
{
    (void)state;
    struct options options = parsed(COMMAND_SERVE, ARGUMENTS("-v=1"));
    assert_int_equal(options.api_audiences.count, 1);
    options_fini(&options);
    options = parsed(COMMAND_SERVE, ARGUMENTS("--api-audiences=a,b", "--api-audiences=c"));
    assert_int_equal(options.api_audiences.count, 3);
    assert_string_equal(options.api_audiences.items[0], "a");
    assert_string_equal(options.api_audiences.items[2], "c");
    options_fini(&options);
    options = parsed(COMMAND_SERVE, ARGUMENTS("--api-audiences="));
    assert_int_equal(options.api_audiences.count, 0);
    options_fini(&options);
}

static void test_options_one_name_two_meanings_by_command(void **state)
{
    (void)state;
    struct options options = parsed(COMMAND_REVIEW, ARGUMENTS("--request-timeout=1s"));
    assert_int_equal(options.client_timeout_ms, 1000);
    assert_int_equal(options.request_timeout_ms, 30000);
    options_fini(&options);
    options = parsed(COMMAND_SERVE, ARGUMENTS("--request-timeout=1s"));
    assert_int_equal(options.client_timeout_ms, 10000);
    assert_int_equal(options.request_timeout_ms, 1000);
    options_fini(&options);
}

static void test_options_defaults(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(options_init(&options), ST_OK);
    assert_string_equal(options.bind_address, "::");
    assert_int_equal(options.secure_port, 8443);
    assert_in_range(options.workers, 1, WORKERS_MAX);
    assert_true(options.enable_bootstrap_token_auth);
    assert_int_equal(options.unknown_token_answer, UNKNOWN_TOKEN_ERROR);
    assert_int_equal(options.api_audiences.count, 1);
    assert_string_equal(options.api_audiences.items[0],
                        "https://kubernetes.default.svc.cluster.local");
    assert_int_equal(options.tls_min_version, TLS_MIN_VERSION_12);
    assert_true(options.tls_session_tickets);
    assert_false(options.metrics_require_client_certificate);
    assert_int_equal(options.max_request_body_bytes, 131072);
    assert_true(options.max_request_body_bytes > 6 * TOKEN_MAX_BYTES);
    assert_true(options.idle_timeout_ms > IDLE_TIMEOUT_RECOMMENDED_MS);
    assert_int_equal(options.shutdown_delay_ms, 0);
    assert_int_equal(options.shutdown_grace_ms, 30000);
    assert_null(options.manifests);
    assert_null(options.kubeconfig);
    assert_false(options.in_cluster);
    assert_int_equal(options.watch_silence_timeout_ms, 90000);
    assert_true(options.watch_silence_timeout_ms > WATCH_SILENCE_RECOMMENDED_MS);
    assert_null(options.client_ca_file);
    assert_null(options.health_bind_address.host);
    assert_int_equal(options.service_account_issuer.count, 0);
    assert_true(options.service_account_lookup); /* as kube-apiserver */
    assert_true(options.service_account_lookup_pods);
    assert_true(options.service_account_lookup_nodes);
    assert_int_equal(options.service_account_lookup_secrets, SERVICE_ACCOUNT_SECRETS_TOKENS);
    assert_int_equal(options.jwks_max_stale_ms, INT64_C(86400000));
    assert_int_equal(options.given, 0);
    options_fini(&options);
}

/* Every default goes through the parser that flags go through. */
static void test_options_defaults_are_values_that_flags_accept(void **state)
{
    (void)state;
    size_t count;
    const struct option_row *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        for (enum option_command command = 0; table[i].initial && command < COMMAND_COUNT_;
             command++) {
            if (!(table[i].commands & 1U << command)) {
                continue;
            }
            char argument[256];
            (void)snprintf(argument, sizeof(argument), "--%s=%s", table[i].name, table[i].initial);
            struct options options = parsed(command, ARGUMENTS(argument));
            assert_true(option_is_given(&options, &table[i]));
            options_fini(&options);
        }
    }
}

static enum status parse_all_of(enum option_command command,
                                const struct file_kit *kit,
                                const char *config,
                                const char *const *arguments,
                                struct options *options,
                                struct problem *problem)
{
    char flag[PATH_MAX + 16];
    char *argv[ARGUMENTS_MAX + 1] = { flag };
    (void)snprintf(flag, sizeof(flag), "--config=%s", kit_path(kit, config).text);
    const int count = count_of(arguments);
    for (int i = 0; i < count; i++) {
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    }
    return options_parse(command, count + 1, argv, options, problem);
}

static enum status parse_all(const struct file_kit *kit,
                             const char *config,
                             const char *const *arguments,
                             struct options *options,
                             struct problem *problem)
{
    return parse_all_of(COMMAND_SERVE, kit, config, arguments, options, problem);
}

static void test_options_parse_flags_win_over_the_file(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_write(&kit, "c.yaml",
              "apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nmanifests: m\n"
              "tlsCertFile: c\ntlsPrivateKeyFile: k\nsecurePort: 1\nv: 2\napiAudiences: [a, b]\n");
    struct options options;
    struct problem problem = { 0 };
    assert_int_equal(parse_all(&kit, "c.yaml", ARGUMENTS("--secure-port=7", "--api-audiences=c"),
                               &options, &problem),
                     ST_OK);
    assert_int_equal(options.secure_port, 7);
    assert_int_equal(options.verbosity, 2);
    assert_int_equal(options.api_audiences.count, 1);
    assert_string_equal(options.api_audiences.items[0], "c");
    assert_string_equal(options.manifests, "m");
    options_fini(&options);
    kit_fini(&kit);
}

static void test_options_parse_names_the_file_that_is_wrong(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_write(&kit, "c.yaml", "apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nworker: 1\n");
    struct options options;
    struct problem problem = { 0 };
    assert_int_equal(parse_all(&kit, "c.yaml", ARGUMENTS(NULL), &options, &problem), ST_NOT_FOUND);
    assert_string_equal(problem.file, kit_path(&kit, "c.yaml").text);
    assert_int_equal(problem.line, 3);
    assert_string_equal(problem.text, "unknown member worker; did you mean workers?");

    memset(&problem, 0, sizeof(problem));
    assert_int_equal(parse_all(&kit, "absent.yaml", ARGUMENTS(NULL), &options, &problem), ST_IO);
    assert_string_equal(problem.file, kit_path(&kit, "absent.yaml").text);
    assert_non_null(strstr(problem.text, "No such file"));

    char *large = malloc(CONFIG_FILE_MAX_BYTES + 2);
    assert_non_null(large);
    memset(large, '\n', CONFIG_FILE_MAX_BYTES + 1);
    large[CONFIG_FILE_MAX_BYTES + 1] = '\0';
    kit_write(&kit, "large.yaml", large);
    free(large);
    assert_int_equal(parse_all(&kit, "large.yaml", ARGUMENTS(NULL), &options, &problem), ST_LIMIT);
    kit_fini(&kit);
}

static void test_options_parse_checks_unless_help_is_asked_for(void **state)
{
    (void)state;
    struct options options;
    struct problem problem = { 0 };
    char *help[] = { (char *)(uintptr_t) "--help" };
    assert_int_equal(options_parse(COMMAND_SERVE, 0, NULL, &options, &problem), ST_INVALID);
    assert_non_null(strstr(problem.text, "--manifests, --kubeconfig or --in-cluster: one of them"));
    assert_int_equal(options_parse(COMMAND_SERVE, 1, help, &options, &problem), ST_OK);
    assert_true(options.help);
    options_fini(&options);
}

static const struct {
    const char *name;
    enum option_command command;
    const char *host; /* KUBERNETES_SERVICE_HOST; NULL: not set */
    const char *argument;
    enum status want;
    bool in_cluster;
} pod_rows[] = {
    { "in a pod", COMMAND_SERVE, "10.0.0.1", NULL, ST_OK, true },
    { "review in a pod", COMMAND_REVIEW, "10.0.0.1", NULL, ST_OK, true },
    { "elsewhere", COMMAND_SERVE, NULL, NULL, ST_INVALID, false },
    { "an empty variable", COMMAND_SERVE, "", NULL, ST_INVALID, false },
    { "manifests in a pod", COMMAND_SERVE, "10.0.0.1", "--manifests=m", ST_OK, false },
    { "a kubeconfig in a pod", COMMAND_SERVE, "10.0.0.1", "--kubeconfig=x", ST_OK, false },
    { "turned off in a pod", COMMAND_SERVE, "10.0.0.1", "--in-cluster=false", ST_INVALID, false },
    { "empty manifests in a pod", COMMAND_SERVE, "10.0.0.1", "--manifests=", ST_INVALID, false },
    { "an empty kubeconfig in a pod", COMMAND_SERVE, "10.0.0.1", "--kubeconfig=", ST_INVALID,
      false },
    { "asked for elsewhere", COMMAND_SERVE, NULL, "--in-cluster", ST_OK, true },
    { "a server asked from a pod", COMMAND_REVIEW, "10.0.0.1", "--server=https://h/", ST_OK,
      false },
};

/* The pod's own API server is taken when nothing else is said. */
static void test_options_parse_in_a_pod_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(pod_rows); i++) {
        const bool serve = pod_rows[i].command == COMMAND_SERVE;
        char *argv[ARGUMENTS_MAX] = {
            (char *)(uintptr_t)(serve ? "--tls-cert-file=c" : "--token-file=-"),
            (char *)(uintptr_t)(serve ? "--tls-private-key-file=k" : "--output=json"),
            (char *)(uintptr_t)pod_rows[i].argument,
        };
        struct options options = { 0 };
        struct problem problem = { 0 };
        print_message("# %s\n", pod_rows[i].name);
        if (pod_rows[i].host) {
            assert_int_equal(setenv("KUBERNETES_SERVICE_HOST", pod_rows[i].host, 1), 0);
        }
        const enum status status = options_parse(pod_rows[i].command, pod_rows[i].argument ? 3 : 2,
                                                 argv, &options, &problem);
        assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
        assert_int_equal(status, pod_rows[i].want);
        assert_int_equal(options.in_cluster, pod_rows[i].in_cluster);
        options_fini(&options);
    }
}

static const struct {
    const char *name;
    enum option_command command;
    const char *arguments[ARGUMENTS_MAX];
    const char *file; /* members, or NULL */
    bool want;
} metrics_rows[] = {
    { "no CA", COMMAND_SERVE, { NULL }, NULL, false },
    { "a CA", COMMAND_SERVE, { "--client-ca-file=x" }, NULL, true },
    { "check-config goes by the same rule",
      COMMAND_CHECK_CONFIG,
      { "--client-ca-file=x" },
      NULL,
      true },
    { "a health listener", COMMAND_SERVE, { "--health-bind-address=:1" }, NULL, false },
    { "a CA, and a health listener",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--health-bind-address=:1" },
      NULL,
      false },
    { "opened",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--metrics-require-client-certificate=false" },
      NULL,
      false },
    { "asked for",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--metrics-require-client-certificate" },
      NULL,
      true },
    { "opened without a CA",
      COMMAND_SERVE,
      { "--metrics-require-client-certificate=false" },
      NULL,
      false },
    { "a CA of the file", COMMAND_SERVE, { NULL }, "clientCAFile: x\n", true },
    { "opened in the file",
      COMMAND_SERVE,
      { NULL },
      "clientCAFile: x\nmetricsRequireClientCertificate: false\n",
      false },
    { "absent from the file",
      COMMAND_SERVE,
      { NULL },
      "clientCAFile: x\nmetricsRequireClientCertificate: null\n",
      true },
    { "opened in the file, asked for by a flag",
      COMMAND_SERVE,
      { "--metrics-require-client-certificate" },
      "clientCAFile: x\nmetricsRequireClientCertificate: false\n",
      true },
    { "a health listener of the file",
      COMMAND_SERVE,
      { "--client-ca-file=x" },
      "healthBindAddress: \":1\"\n",
      false },
};

/* Where nothing is said: closed to whoever may not ask for reviews, unless it is elsewhere. */
static void test_options_parse_metrics_certificate_rows(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    for (size_t i = 0; i < COUNTOF(metrics_rows); i++) {
        char text[512];
        const char *file = metrics_rows[i].file;
        struct options options = { 0 };
        struct problem problem = { 0 };
        print_message("# %s\n", metrics_rows[i].name);
        (void)snprintf(text, sizeof(text),
                       "apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nmanifests: m\n"
                       "tlsCertFile: c\ntlsPrivateKeyFile: k\n%s",
                       file ? file : "");
        kit_write(&kit, "c.yaml", text);
        assert_int_equal(parse_all_of(metrics_rows[i].command, &kit, "c.yaml",
                                      metrics_rows[i].arguments, &options, &problem),
                         ST_OK);
        assert_int_equal(options.metrics_require_client_certificate, metrics_rows[i].want);
        options_fini(&options);
    }
    kit_fini(&kit);
}

static const struct {
    const char *name;
    const char *arguments[ARGUMENTS_MAX];
    const char *file; /* members, or NULL */
    const char *want[3];
} audience_rows[] = {
    { "no issuer", { NULL }, "", { "https://kubernetes.default.svc.cluster.local" } },
    { "an issuer", { "--service-account-issuer=a", "--kubeconfig=x" }, "", { "a" } },
    { "issuers of the file",
      { NULL },
      "serviceAccountIssuer: [a, 'b,c']\nkubeconfig: x\n",
      { "a", "b,c" } },
    { "audiences by flag",
      { "--service-account-issuer=a", "--kubeconfig=x", "--api-audiences=b" },
      "",
      { "b" } },
    { "audiences of the file",
      { "--service-account-issuer=a", "--kubeconfig=x" },
      "apiAudiences: [b, c]\n",
      { "b", "c" } },
    { "none, on purpose",
      { "--service-account-issuer=a", "--kubeconfig=x", "--api-audiences=" },
      "",
      { NULL } },
};

static void test_options_parse_audiences_are_the_issuers_unless_given(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    for (size_t i = 0; i < COUNTOF(audience_rows); i++) {
        struct options options;
        struct problem problem = { 0 };
        struct buf text = { 0 };
        print_message("# %s\n", audience_rows[i].name);
        buf_printf(&text,
                   "apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nmanifests: m\n"
                   "tlsCertFile: c\ntlsPrivateKeyFile: k\n%s",
                   audience_rows[i].file);
        buf_append_char(&text, '\0');
        kit_write(&kit, "c.yaml", text.at);
        buf_fini(&text);
        assert_int_equal(parse_all(&kit, "c.yaml", audience_rows[i].arguments, &options, &problem),
                         ST_OK);
        size_t count = 0;
        while (audience_rows[i].want[count]) {
            assert_true(count < options.api_audiences.count);
            assert_string_equal(options.api_audiences.items[count], audience_rows[i].want[count]);
            count++;
        }
        assert_int_equal(options.api_audiences.count, count);
        options_fini(&options);
    }
    kit_fini(&kit);
}

/* Whatever allocation fails: no memory, said so, nothing leaked, nothing half done handed out. */
static void test_options_parse_survives_every_allocation_failure(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct file_kit kit;
    kit_init(&kit);
    kit_write(&kit, "c.yaml",
              "apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nmanifests: m\n"
              "tlsCertFile: c\ntlsPrivateKeyFile: k\nserviceAccountIssuer: [a, b]\n"
              "serviceAccountKeysURL: https://h/keys\nhealthBindAddress: \":1\"\n");
    size_t nth = 1;
    bool reached;
    do {
        struct options options = { 0 };
        struct problem problem = { 0 };
        alloc_fail_arm(nth++);
        const enum status status =
            parse_all(&kit, "c.yaml", ARGUMENTS("--client-ca-file=x", "--client-allowed-names=a,b"),
                      &options, &problem);
        reached = alloc_fail_disarm();
        assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
        assert_int_equal(problem.text[0] != '\0', reached);
        options_fini(&options);
    } while (reached);
    assert_true(nth > 20); /* or it showed nothing */
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_parse_flags_rows),
        cmocka_unit_test(test_options_flags_values_arrive),
        cmocka_unit_test(test_options_flags_last_one_wins),
        cmocka_unit_test(test_options_flags_lists_replace_the_default_and_add_up),
        cmocka_unit_test(test_options_one_name_two_meanings_by_command),
        cmocka_unit_test(test_options_defaults),
        cmocka_unit_test(test_options_defaults_are_values_that_flags_accept),
        cmocka_unit_test(test_options_parse_flags_win_over_the_file),
        cmocka_unit_test(test_options_parse_names_the_file_that_is_wrong),
        cmocka_unit_test(test_options_parse_survives_every_allocation_failure),
        cmocka_unit_test(test_options_parse_checks_unless_help_is_asked_for),
        cmocka_unit_test(test_options_parse_in_a_pod_rows),
        cmocka_unit_test(test_options_parse_metrics_certificate_rows),
        cmocka_unit_test(test_options_parse_audiences_are_the_issuers_unless_given),
    };
    if (unsetenv("KUBERNETES_SERVICE_HOST") != 0) { /* the tests themselves may run in a pod */
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
