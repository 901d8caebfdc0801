/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-checks: each with the company in which an option is fine and the one in which it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/options.h"
#include "cli/options_check.h"
#include "cli/options_file.h"
#include "cli/options_parse.h"
#include "cli/options_table.h"
#include "cli/options_value.h"

#define ARGUMENTS_MAX 8

#define SERVE_TLS   "--tls-cert-file=c", "--tls-private-key-file=k"
#define SERVE_GOOD  "--manifests=m", SERVE_TLS
#define REVIEW_GOOD "--manifests=m", "--token-file=-"
#define SERVER_GOOD "--server=https://h/authenticate", "--token-file=-"

#define ISSUER "--service-account-issuer=https://issuer"

#define NO_SOURCE "--manifests, --kubeconfig or --in-cluster: one of them is required"

static const struct {
    const char *name;
    enum option_command command;
    const char *arguments[ARGUMENTS_MAX];
    const char *want; /* beginning of the complaint; NULL: accepted */
} rows[] = {
    { "serve", COMMAND_SERVE, { SERVE_GOOD }, NULL },
    { "check-config", COMMAND_CHECK_CONFIG, { SERVE_GOOD }, NULL },
    { "no source of objects", COMMAND_SERVE, { SERVE_TLS }, NO_SOURCE },
    { "check-config is no milder", COMMAND_CHECK_CONFIG, { NULL }, NO_SOURCE },
    { "in-cluster that is off is no source",
      COMMAND_SERVE,
      { SERVE_TLS, "--in-cluster=false" },
      NO_SOURCE },
    { "a kubeconfig", COMMAND_SERVE, { SERVE_TLS, "--kubeconfig=x" }, NULL },
    { "in a pod", COMMAND_CHECK_CONFIG, { SERVE_TLS, "--in-cluster" }, NULL },
    { "manifests and a kubeconfig", COMMAND_SERVE, { SERVE_GOOD, "--kubeconfig=x" }, NULL },
    { "manifests and in a pod", COMMAND_SERVE, { SERVE_GOOD, "--in-cluster" }, NULL },
    { "two API servers",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", "--in-cluster" },
      "--kubeconfig and --in-cluster: expected one" },
    { "a kubeconfig and not in a pod",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", "--in-cluster=false" },
      NULL },
    { "a kubeconfig that is empty",
      COMMAND_SERVE,
      { SERVE_GOOD, "--kubeconfig=" },
      "--kubeconfig: expected a value; leave the option out to ask no Kubernetes API server" },
    { "manifests that are empty",
      COMMAND_SERVE,
      { SERVE_TLS, "--manifests=", "--kubeconfig=x" },
      "--manifests: expected a value; leave the option out to read no manifests" },
    { "safe permissions of manifests",
      COMMAND_SERVE,
      { SERVE_GOOD, "--manifests-require-safe-permissions", "--manifests-writable-by-group=ops",
        "--manifests-follow-outside-directories" },
      NULL },
    { "safe permissions of no manifests",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", "--manifests-require-safe-permissions" },
      "--manifests-require-safe-permissions: needs --manifests" },
    { "safe permissions that are not asked for",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", "--manifests-require-safe-permissions=false" },
      NULL },
    { "a group of no manifests",
      COMMAND_CHECK_CONFIG,
      { SERVE_TLS, "--in-cluster", "--manifests-writable-by-group=ops" },
      "--manifests-writable-by-group: needs --manifests" },
    { "a group that is empty",
      COMMAND_SERVE,
      { SERVE_GOOD, "--manifests-writable-by-group=" },
      "--manifests-writable-by-group: expected a value; leave the option out to trust no group" },
    { "links of no manifests",
      COMMAND_REVIEW,
      { "--kubeconfig=x", "--token-file=-", "--manifests-follow-outside-directories" },
      "--manifests-follow-outside-directories: needs --manifests" },
    { "a server has its own opinion of manifests",
      COMMAND_REVIEW,
      { SERVER_GOOD, "--manifests-require-safe-permissions" },
      "--server: not together with --manifests" },
    { "silence of a watch",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", "--watch-silence-timeout=1s" },
      NULL },
    { "silence of a watch in a pod",
      COMMAND_SERVE,
      { SERVE_TLS, "--in-cluster", "--watch-silence-timeout=1h" },
      NULL },
    { "silence of a directory",
      COMMAND_SERVE,
      { SERVE_GOOD, "--watch-silence-timeout=2m" },
      "--watch-silence-timeout: needs --kubeconfig or --in-cluster" },
    { "no certificate and key",
      COMMAND_SERVE,
      { "--manifests=m" },
      "--tls-cert-file and --tls-private-key-file: required" },
    { "certificate without key",
      COMMAND_SERVE,
      { "--manifests=m", "--tls-cert-file=c" },
      "--tls-private-key-file: required" },
    { "key without certificate",
      COMMAND_SERVE,
      { "--manifests=m", "--tls-private-key-file=k" },
      "--tls-cert-file: required" },
    { "names with a CA",
      COMMAND_SERVE,
      { SERVE_GOOD, "--client-allowed-names=a", "--client-ca-file=x" },
      NULL },
    { "names without a CA",
      COMMAND_SERVE,
      { SERVE_GOOD, "--client-allowed-names=a" },
      "--client-allowed-names: needs --client-ca-file" },
    { "a CA that is empty",
      COMMAND_SERVE,
      { SERVE_GOOD, "--client-ca-file=" },
      "--client-ca-file: expected a value; leave the option out to ask for no client" },
    { "a CA that was taken back",
      COMMAND_CHECK_CONFIG,
      { SERVE_GOOD, "--client-ca-file=x", "--client-ca-file=" },
      "--client-ca-file: expected a value" },
    { "a CA behind an empty one",
      COMMAND_SERVE,
      { SERVE_GOOD, "--client-ca-file=", "--client-ca-file=x" },
      NULL },
    { "names that are empty",
      COMMAND_SERVE,
      { SERVE_GOOD, "--client-allowed-names=", "--client-ca-file=x" },
      "--client-allowed-names: expected a value; leave the option out to admit every certificate" },
    { "names behind empty ones",
      COMMAND_SERVE,
      { SERVE_GOOD, "--client-allowed-names=", "--client-allowed-names=a", "--client-ca-file=x" },
      NULL },
    { "other lists may be empty", COMMAND_SERVE, { SERVE_GOOD, "--api-audiences=" }, NULL },
    { "metrics by certificate with a CA",
      COMMAND_SERVE,
      { SERVE_GOOD, "--metrics-require-client-certificate", "--client-ca-file=x" },
      NULL },
    { "metrics by certificate without a CA",
      COMMAND_SERVE,
      { SERVE_GOOD, "--metrics-require-client-certificate" },
      "--metrics-require-client-certificate: needs --client-ca-file" },
    { "metrics for everybody",
      COMMAND_SERVE,
      { SERVE_GOOD, "--metrics-require-client-certificate=false", "--client-ca-file=x" },
      NULL },
    { "metrics by certificate in plain HTTP",
      COMMAND_SERVE,
      { SERVE_GOOD, "--metrics-require-client-certificate", "--client-ca-file=x",
        "--health-bind-address=:8080" },
      "--metrics-require-client-certificate: not together with --health-bind-address" },
    { "IPv4 address", COMMAND_SERVE, { SERVE_GOOD, "--bind-address=127.0.0.1" }, NULL },
    { "IPv6 address", COMMAND_SERVE, { SERVE_GOOD, "--bind-address=::1" }, NULL },
    { "a name as address",
      COMMAND_SERVE,
      { SERVE_GOOD, "--bind-address=localhost" },
      "--bind-address: expected an IPv4 or IPv6 address" },
    { "no address", COMMAND_SERVE, { SERVE_GOOD, "--bind-address=" }, "--bind-address: expected" },
    { "two listeners on two ports",
      COMMAND_SERVE,
      { SERVE_GOOD, "--health-bind-address=127.0.0.1:8080" },
      NULL },
    { "two listeners on one port, one of them everywhere",
      COMMAND_SERVE,
      { SERVE_GOOD, "--health-bind-address=127.0.0.1:8443" },
      "--health-bind-address: expected another port" },
    { "two listeners on one port, the other everywhere",
      COMMAND_SERVE,
      { SERVE_GOOD, "--health-bind-address=:8443", "--bind-address=127.0.0.1" },
      "--health-bind-address: expected another port" },
    { "two listeners on one port of one address",
      COMMAND_SERVE,
      { SERVE_GOOD, "--health-bind-address=[fe80::A]:8443", "--bind-address=fe80::a" },
      "--health-bind-address: expected another port" },
    { "two listeners on one port of two addresses",
      COMMAND_SERVE,
      { SERVE_GOOD, "--health-bind-address=127.0.0.2:8443", "--bind-address=127.0.0.1" },
      NULL },
    { "two listeners on any free port",
      COMMAND_SERVE,
      { SERVE_GOOD, "--health-bind-address=127.0.0.1:0", "--secure-port=0" },
      NULL },
    { "a known suite",
      COMMAND_SERVE,
      { SERVE_GOOD, "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
      NULL },
    { "a suite that is not safe",
      COMMAND_SERVE,
      { SERVE_GOOD, "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA" },
      "--tls-cipher-suites: expected names such as" },
    { "a suite nobody knows behind a known one",
      COMMAND_SERVE,
      { SERVE_GOOD, "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,x" },
      "--tls-cipher-suites: expected names such as" },
    { "suites of TLS 1.3 only leave nothing for TLS 1.2",
      COMMAND_SERVE,
      { SERVE_GOOD, "--tls-cipher-suites=TLS_AES_128_GCM_SHA256" },
      "--tls-cipher-suites: names no suite of TLS 1.2" },
    { "suites of TLS 1.3 only with TLS 1.3 only",
      COMMAND_SERVE,
      { SERVE_GOOD, "--tls-cipher-suites=TLS_AES_128_GCM_SHA256",
        "--tls-min-version=VersionTLS13" },
      NULL },
    { "connections per address up to all",
      COMMAND_SERVE,
      { SERVE_GOOD, "--max-connections=10", "--max-connections-per-address=10" },
      NULL },
    { "connections per address above all",
      COMMAND_SERVE,
      { SERVE_GOOD, "--max-connections=10", "--max-connections-per-address=11" },
      "--max-connections-per-address: expected at most" },
    { "handshake as long as idle",
      COMMAND_SERVE,
      { SERVE_GOOD, "--handshake-timeout=10s", "--idle-timeout=10s" },
      NULL },
    { "handshake longer than idle",
      COMMAND_SERVE,
      { SERVE_GOOD, "--handshake-timeout=11s", "--idle-timeout=10s" },
      "--handshake-timeout: expected at most --idle-timeout" },

    { "an issuer whose keys are in a file",
      COMMAND_SERVE,
      { SERVE_GOOD, ISSUER, "--service-account-key-file=k" },
      NULL },
    { "an issuer whose keys are in two files",
      COMMAND_SERVE,
      { SERVE_GOOD, ISSUER, "--service-account-key-file=k", "--service-account-key-file=l" },
      NULL },
    { "an issuer whose keys are at a URL",
      COMMAND_CHECK_CONFIG,
      { SERVE_GOOD, ISSUER, "--service-account-keys-url=https://h/keys?v=1" },
      NULL },
    { "an issuer whose keys the API server has",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", ISSUER },
      NULL },
    { "an issuer whose keys the pod's API server has",
      COMMAND_SERVE,
      { SERVE_TLS, "--in-cluster", ISSUER },
      NULL },
    { "an issuer without keys",
      COMMAND_SERVE,
      { SERVE_GOOD, ISSUER },
      "--service-account-issuer: needs keys: --service-account-key-file" },
    { "an issuer without keys, reviewed",
      COMMAND_REVIEW,
      { REVIEW_GOOD, ISSUER },
      "--service-account-issuer: needs keys" },
    { "an issuer with keys from two places",
      COMMAND_SERVE,
      { SERVE_GOOD, ISSUER, "--service-account-key-file=k",
        "--service-account-keys-url=https://h/" },
      "--service-account-key-file and --service-account-keys-url: expected one of them" },
    { "an issuer that is empty",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", "--service-account-issuer=" },
      "--service-account-issuer: expected a value; leave the option out to answer for no" },
    { "key files that are empty",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", ISSUER, "--service-account-key-file=" },
      "--service-account-key-file: expected a value; leave the option out to take the keys from" },
    { "a keys' URL that is empty",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", ISSUER, "--service-account-keys-url=" },
      "--service-account-keys-url: expected a value; leave the option out to take the keys from" },
    { "the issuer of legacy tokens",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", ISSUER, "--service-account-issuer=kubernetes/serviceaccount" },
      "--service-account-issuer: kubernetes/serviceaccount is what all clusters' legacy tokens" },
    { "keys in the clear",
      COMMAND_SERVE,
      { SERVE_GOOD, ISSUER, "--service-account-keys-url=http://h/keys" },
      "--service-account-keys-url: expected a URL that begins with https://" },
    { "keys that want a password",
      COMMAND_SERVE,
      { SERVE_GOOD, ISSUER, "--service-account-keys-url=https://a:b@h/keys" },
      "--service-account-keys-url: expected a URL that begins with https://, without user name" },
    { "key files without an issuer",
      COMMAND_SERVE,
      { SERVE_GOOD, "--service-account-key-file=k" },
      "--service-account-key-file: needs --service-account-issuer" },
    { "a keys' URL without an issuer",
      COMMAND_SERVE,
      { SERVE_GOOD, "--service-account-keys-url=https://h/" },
      "--service-account-keys-url: needs --service-account-issuer" },
    { "lookups, all of them",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", ISSUER, "--service-account-lookup",
        "--service-account-lookup-pods=false", "--service-account-lookup-nodes=false",
        "--service-account-lookup-secrets=all" },
      NULL },
    { "lookup of legacy tokens without an issuer",
      COMMAND_SERVE,
      { SERVE_GOOD, "--service-account-lookup=false" },
      "--service-account-lookup: needs --service-account-issuer" },
    { "lookup of Pods without an issuer",
      COMMAND_SERVE,
      { SERVE_GOOD, "--service-account-lookup-pods" },
      "--service-account-lookup-pods: needs --service-account-issuer" },
    { "lookup of Nodes without an issuer",
      COMMAND_REVIEW,
      { REVIEW_GOOD, "--service-account-lookup-nodes=false" },
      "--service-account-lookup-nodes: needs --service-account-issuer" },
    { "lookup of Secrets without an issuer",
      COMMAND_SERVE,
      { SERVE_GOOD, "--service-account-lookup-secrets=none" },
      "--service-account-lookup-secrets: needs --service-account-issuer" },
    { "lookup of legacy tokens where it cannot be",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", ISSUER, "--service-account-lookup",
        "--service-account-lookup-secrets=none" },
      "--service-account-lookup: legacy tokens are looked up in Secrets" },
    { "no lookup of Secrets, and none of legacy tokens asked for",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", ISSUER, "--service-account-lookup-secrets=none" },
      NULL },
    { "no lookup of Secrets nor of legacy tokens",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", ISSUER, "--service-account-lookup=false",
        "--service-account-lookup-secrets=none" },
      NULL },
    { "stale keys of an API server",
      COMMAND_SERVE,
      { SERVE_TLS, "--kubeconfig=x", ISSUER, "--jwks-max-stale=1h" },
      NULL },
    { "stale keys of a URL",
      COMMAND_SERVE,
      { SERVE_GOOD, ISSUER, "--service-account-keys-url=https://h/", "--jwks-max-stale=1h" },
      NULL },
    { "stale keys of a file",
      COMMAND_SERVE,
      { SERVE_GOOD, ISSUER, "--service-account-key-file=k", "--jwks-max-stale=1h" },
      "--jwks-max-stale: needs keys that come over the network" },
    { "stale keys of nobody",
      COMMAND_SERVE,
      { SERVE_GOOD, "--jwks-max-stale=1h" },
      "--jwks-max-stale: needs keys that come over the network" },
    { "a server has its own opinion of ServiceAccounts",
      COMMAND_REVIEW,
      { SERVER_GOOD, "--jwks-max-stale=1h" },
      "--server: not together with --manifests" },

    { "review of a token", COMMAND_REVIEW, { REVIEW_GOOD }, NULL },
    { "review of a TokenReview", COMMAND_REVIEW, { "--manifests=m", "-f", "x" }, NULL },
    { "review of nothing",
      COMMAND_REVIEW,
      { "--manifests=m" },
      "--filename or --token-file: one of them" },
    { "review of both", COMMAND_REVIEW, { REVIEW_GOOD, "-f", "x" }, "--filename and --token-file" },
    { "audience of a token", COMMAND_REVIEW, { REVIEW_GOOD, "--audience=a" }, NULL },
    { "audience of a TokenReview",
      COMMAND_REVIEW,
      { "--manifests=m", "-f", "x", "--audience=a" },
      "--audience: only with --token-file" },
    { "version of a token", COMMAND_REVIEW, { REVIEW_GOOD, "--api-version=v1beta1" }, NULL },
    { "version of a TokenReview",
      COMMAND_REVIEW,
      { "--manifests=m", "-f", "x", "--api-version=v1" },
      "--api-version: only with --token-file" },
    { "review without engine and server", COMMAND_REVIEW, { "--token-file=-" }, NO_SOURCE },
    { "review with a kubeconfig", COMMAND_REVIEW, { "--token-file=-", "--kubeconfig=x" }, NULL },
    { "review of two API servers",
      COMMAND_REVIEW,
      { "--token-file=-", "--kubeconfig=x", "--in-cluster" },
      "--kubeconfig and --in-cluster: expected one" },
    { "review of a server and an API server",
      COMMAND_REVIEW,
      { SERVER_GOOD, "--kubeconfig=x" },
      "--server: not together with --manifests, --kubeconfig, --in-cluster" },
    { "review of a server and a pod's API server",
      COMMAND_REVIEW,
      { SERVER_GOOD, "--in-cluster" },
      "--server: not together with --manifests, --kubeconfig, --in-cluster" },
    { "review of a server", COMMAND_REVIEW, { SERVER_GOOD, "--request-timeout=1s" }, NULL },
    { "review of a server and an engine",
      COMMAND_REVIEW,
      { SERVER_GOOD, "--manifests=m" },
      "--server: not together with --manifests" },
    { "review of a server at another time",
      COMMAND_REVIEW,
      { SERVER_GOOD, "--at=2026-01-02T03:04:05Z" },
      "--server: not together with" },
    { "review of a server with audiences of an engine",
      COMMAND_REVIEW,
      { SERVER_GOOD, "--api-audiences=a" },
      "--server: not together with" },
    { "a server's CA without a server",
      COMMAND_REVIEW,
      { REVIEW_GOOD, "--certificate-authority=x" },
      "--certificate-authority, " },
    { "a server's time without a server",
      COMMAND_REVIEW,
      { REVIEW_GOOD, "--request-timeout=1s" },
      "--certificate-authority, " },
    { "a server in the clear",
      COMMAND_REVIEW,
      { "--server=http://h/", "--token-file=-" },
      "--server: expected a URL that begins with https://" },
    { "client certificate and key",
      COMMAND_REVIEW,
      { SERVER_GOOD, "--client-certificate=c", "--client-key=k" },
      NULL },
    { "client certificate without key",
      COMMAND_REVIEW,
      { SERVER_GOOD, "--client-certificate=c" },
      "--client-certificate and --client-key: expected both" },
    { "client key without certificate",
      COMMAND_REVIEW,
      { SERVER_GOOD, "--client-key=k" },
      "--client-certificate and --client-key: expected both" },

    { "webhook-config", COMMAND_WEBHOOK_CONFIG, { "--server=HTTPS://h/" }, NULL },
    { "webhook-config without server", COMMAND_WEBHOOK_CONFIG, { NULL }, "--server: required" },
    { "webhook-config in the clear",
      COMMAND_WEBHOOK_CONFIG,
      { "--server=http://h/" },
      "--server: expected a URL" },
    { "webhook-config with half a pair",
      COMMAND_WEBHOOK_CONFIG,
      { "--server=https://h/", "--client-key=k" },
      "--client-certificate and --client-key" },
    { "version", COMMAND_VERSION, { NULL }, NULL },
};

static struct options parsed(enum option_command command, const char *const *arguments)
{
    struct options options;
    struct problem problem = { 0 };
    int count = 0;
    while (count < ARGUMENTS_MAX && arguments[count]) {
        count++;
    }
    assert_int_equal(options_init(&options), ST_OK);
    assert_int_equal(options_parse_flags(command, count, (char *const *)(uintptr_t)arguments,
                                         &options, &problem),
                     ST_OK);
    return options;
}

static void test_options_check_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct problem problem = { 0 };
        struct options options = parsed(rows[i].command, rows[i].arguments);
        print_message("# %s\n", rows[i].name);
        const enum status status = options_check(&options, rows[i].command, &problem);
        if (rows[i].want) {
            assert_int_equal(status, ST_INVALID);
            assert_ptr_equal(strstr(problem.text, rows[i].want), problem.text);
        } else {
            assert_string_equal(problem.text, "");
            assert_int_equal(status, ST_OK);
        }
        options_fini(&options);
    }
}

/* Two other clusters, one with keys of a file and one with its API server's, and @more. */
#define OTHERS(prefix, more)                                                                    \
    "serviceAccountIssuers:\n"                                                                  \
    "- {name: f, issuer: i, keyFiles: [k], lookup: false, usernamePrefix: u, groupPrefix: g, "  \
    "audiences: [a]}\n"                                                                         \
    "- {name: b, issuer: i, kubeconfig: k, usernamePrefix: '" prefix "', groupPrefix: '" prefix \
    "', audiences: [a]}\n" more

static const struct {
    const char *text;
    const char *flag;
    const char *want; /* NULL: accepted */
} file_rows[] = {
    { "clientCAFile: x\nclientAllowedNames: [a]\n", NULL, NULL },
    { "", NULL, NULL },
    { "clientCAFile: ''\n", NULL, "--client-ca-file: expected a value" },
    { "clientCAFile: null\n", NULL, "--client-ca-file: expected a value" },
    { "clientCAFile:\n", NULL, "--client-ca-file: expected a value" },
    { "clientCAFile: ''\n", "--client-ca-file=x", NULL },
    { "clientCAFile: x\n", "--client-ca-file=", "--client-ca-file: expected a value" },
    { "clientCAFile: x\nclientAllowedNames: []\n", NULL, "--client-allowed-names: expected" },
    { "clientCAFile: x\nclientAllowedNames:\n", NULL, "--client-allowed-names: expected" },
    { "clientCAFile: x\nclientAllowedNames: [a]\n",
      "--client-allowed-names=", "--client-allowed-names: expected a value" },
    { "workers: null\nportFile:\napiAudiences: []\n", NULL, NULL }, /* these may */
    { "serviceAccountIssuer: [a]\nserviceAccountKeyFile: [k]\n", NULL, NULL },
    { "serviceAccountIssuer: [a]\nserviceAccountKeyFile:\n", NULL,
      "--service-account-key-file: expected a value" },
    { "serviceAccountKeysURL: https://h/\n", NULL, "--service-account-keys-url: needs" },
    { OTHERS("b:", ""), NULL, NULL },
    { OTHERS("b:", "serviceAccountIssuer: [a]\nserviceAccountKeyFile: [k]\n"), NULL, NULL },
    { OTHERS("", ""), NULL, NULL },
    { OTHERS("", "serviceAccountIssuer: [a]\nserviceAccountKeyFile: [k]\n"), NULL,
      "serviceAccountIssuers[1]: expected prefixes: without them its users are those of this "
      "cluster" },
    { OTHERS("b:", ""), "--jwks-max-stale=1h", NULL },
    { "serviceAccountIssuers:\n- {name: f, issuer: i, keyFiles: [k], lookup: false, "
      "usernamePrefix: u, groupPrefix: g, audiences: [a]}\n",
      "--jwks-max-stale=1h", "--jwks-max-stale: needs keys" },
};

/* Flags first, then the file, then the checks: as options_parse() does it. */
static void test_options_check_rows_of_a_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(file_rows); i++) {
        const char *arguments[ARGUMENTS_MAX] = { SERVE_GOOD, file_rows[i].flag };
        struct options options = parsed(COMMAND_SERVE, arguments);
        struct problem problem = { 0 };
        struct buf text = { 0 };
        print_message("# row %zu of files\n", i);
        buf_printf(&text, "apiVersion: kube-bearer/v1alpha1\nkind: Configuration\n%s",
                   file_rows[i].text);
        assert_int_equal(options_parse_file(buf_span(&text), &options, &problem), ST_OK);
        const enum status status = options_check(&options, COMMAND_SERVE, &problem);
        if (file_rows[i].want) {
            assert_int_equal(status, ST_INVALID);
            assert_ptr_equal(strstr(problem.text, file_rows[i].want), problem.text);
        } else {
            assert_string_equal(problem.text, "");
            assert_int_equal(status, ST_OK);
        }
        buf_fini(&text);
        options_fini(&options);
    }
}

static void collect(void *ctx, const struct problem *problem)
{
    struct buf *all = ctx;
    buf_printf(all, "%.14s;", problem->text);
}

static const struct {
    const char *name;
    enum option_command command;
    const char *arguments[ARGUMENTS_MAX];
    const char *want;
} warning_rows[] = {
    { "nothing to say", COMMAND_SERVE, { "--client-ca-file=x" }, "" },
    { "no client CA", COMMAND_SERVE, { NULL }, "--client-ca-fi;" },
    { "idle just above", COMMAND_SERVE, { "--client-ca-file=x", "--idle-timeout=90001ms" }, "" },
    { "idle too short",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--idle-timeout=90s" },
      "--idle-timeout;" },
    { "no audiences",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--api-audiences=" },
      "--api-audience;" },
    { "no authenticator",
      COMMAND_CHECK_CONFIG,
      { "--client-ca-file=x", "--enable-bootstrap-token-auth=false" },
      "--enable-boots;" },
    { "an authenticator of ServiceAccount tokens",
      COMMAND_CHECK_CONFIG,
      { "--client-ca-file=x", "--enable-bootstrap-token-auth=false", "--kubeconfig=x", ISSUER },
      "" },
    { "ServiceAccounts of manifests",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--manifests=m", ISSUER, "--service-account-key-file=k" },
      "--service-acco;" },
    { "legacy tokens that nothing revokes",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--kubeconfig=x", ISSUER, "--service-account-lookup=false" },
      "--service-acco;" },
    { "legacy tokens that are refused",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--in-cluster", ISSUER, "--service-account-lookup-secrets=none" },
      "--service-acco;" },
    { "silence just above",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--kubeconfig=x", "--watch-silence-timeout=60001ms" },
      "" },
    { "silence too short",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--kubeconfig=x", "--watch-silence-timeout=1m" },
      "--watch-silenc;" },
    { "silence too short in a pod",
      COMMAND_SERVE,
      { "--client-ca-file=x", "--in-cluster", "--watch-silence-timeout=1m" },
      "--watch-silenc;" },
    { "not for review", COMMAND_REVIEW, { "--api-audiences=" }, "" },
};

static void test_options_warn_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(warning_rows); i++) {
        struct buf all = { 0 };
        struct options options = parsed(warning_rows[i].command, warning_rows[i].arguments);
        print_message("# %s\n", warning_rows[i].name);
        options_warn(&options, warning_rows[i].command, collect, &all);
        buf_append_char(&all, '\0');
        assert_string_equal(all.at, warning_rows[i].want);
        buf_fini(&all);
        options_fini(&options);
    }
}

static void keep(void *ctx, const struct problem *problem)
{
    struct problem *const last = ctx;
    *last = *problem;
}

/* What concerns an entry is said with its place in the file. */
static void test_options_check_of_an_entry_names_file_and_line(void **state)
{
    (void)state;
    const char *arguments[ARGUMENTS_MAX] = { SERVE_GOOD, "--config=c.yaml",
                                             "--enable-bootstrap-token-auth=false",
                                             "--client-ca-file=x" };
    struct options options = parsed(COMMAND_SERVE, arguments);
    struct problem problem = { 0 };
    static const char text[] = "apiVersion: kube-bearer/v1alpha1\nkind: Configuration\n" OTHERS(
        "", "serviceAccountKeyFile: [k]\n");
    assert_int_equal(options_parse_file(span_of(text), &options, &problem), ST_OK);
    options_warn(&options, COMMAND_SERVE, keep, &problem); /* the only warning */
    assert_string_equal(problem.file, "c.yaml");
    assert_int_equal(problem.line, 5);
    assert_int_equal(problem.column, 3);
    assert_ptr_equal(strstr(problem.text, "serviceAccountIssuers[1]: without prefixes"),
                     problem.text);

    const struct option_row *issuer =
        option_find(COMMAND_SERVE, SPAN_LITERAL("service-account-issuer"));
    assert_int_equal(option_set(issuer, SPAN_LITERAL("https://a"), &options), ST_OK);
    problem = (struct problem){ 0 };
    assert_int_equal(options_check(&options, COMMAND_SERVE, &problem), ST_INVALID);
    assert_string_equal(problem.file, "c.yaml");
    assert_int_equal(problem.line, 5);
    assert_int_equal(problem.column, 3);
    options_fini(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_check_rows),
        cmocka_unit_test(test_options_check_rows_of_a_file),
        cmocka_unit_test(test_options_warn_rows),
        cmocka_unit_test(test_options_check_of_an_entry_names_file_and_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
