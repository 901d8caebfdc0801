/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-checks: what no single option can see.
 *
 * An option that has no effect in the company it is in stops the start, because who wrote it
 * believes in it: --client-allowed-names without a CA would admit everybody, and so would
 * --client-ca-file="$CA" with a variable that is not set. What works but is probably not meant is a
 * warning. No threads, no state.
 */
#include "cli/options_check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/operator_text.h"
#include "cli/options_table.h"
#include "cli/options_value.h"
#include "cli/service_account_issuers.h"

/* A check of one command: NULL when all is well, else what is wrong. Static texts name the options;
 * nothing of the operator's values is repeated. */
typedef const char *check_fn(const struct options *options);

/* One that can run out of memory, or knows a place in the configuration file. Return: ST_OK;
 * ST_INVALID with @reterr_problem; ST_NOMEM */
typedef enum status judge_fn(const struct options *options, struct problem *reterr_problem);

static bool given(const struct options *options, enum option_command command, const char *name)
{
    const struct option_row *row = option_find(command, span_of(name));
    return row && option_is_given(options, row);
}

static const char *check_sources(const struct options *options)
{
    if (options->kubeconfig && options->in_cluster) {
        return "--kubeconfig and --in-cluster: expected one of them, not both";
    }
    return options->manifests || options->kubeconfig || options->in_cluster
               ? NULL
               : "--manifests, --kubeconfig or --in-cluster: one of them is required: where the "
                 "Secrets are";
}

static const char *check_manifests_company(const struct options *options)
{
    if (options->manifests || options->server) { /* review --server: check_engine_or_server() */
        return NULL;
    }
    if (options->manifests_require_safe_permissions) {
        return "--manifests-require-safe-permissions: needs --manifests";
    }
    if (options->manifests_writable_by_group) {
        return "--manifests-writable-by-group: needs --manifests";
    }
    return options->manifests_follow_outside_directories
               ? "--manifests-follow-outside-directories: needs --manifests"
               : NULL;
}

static const char *check_watch_silence(const struct options *options)
{
    return options->kubeconfig || options->in_cluster ||
                   !given(options, COMMAND_SERVE, "watch-silence-timeout")
               ? NULL
               : "--watch-silence-timeout: needs --kubeconfig or --in-cluster; a directory is not "
                 "watched over a network";
}

static const char *check_serving_pair(const struct options *options)
{
    if (options->tls_cert_file && options->tls_private_key_file) {
        return NULL;
    }
    if (options->tls_cert_file) {
        return "--tls-private-key-file: required with --tls-cert-file";
    }
    return options->tls_private_key_file ? "--tls-cert-file: required with --tls-private-key-file"
                                         : "--tls-cert-file and --tls-private-key-file: required";
}

static const char *check_client_names(const struct options *options)
{
    return options->client_allowed_names.count == 0 || options->client_ca_file
               ? NULL
               : "--client-allowed-names: needs --client-ca-file, by which names are proved";
}

static const char *check_metrics_certificate(const struct options *options)
{
    if (!options->metrics_require_client_certificate) {
        return NULL;
    }
    if (!options->client_ca_file) {
        return "--metrics-require-client-certificate: needs --client-ca-file";
    }
    return options->health_bind_address.host ? "--metrics-require-client-certificate: not together "
                                               "with --health-bind-address, which is plain HTTP"
                                             : NULL;
}

static const char *check_bind_address(const struct options *options)
{
    return options->bind_address && option_is_address(options->bind_address)
               ? NULL
               : "--bind-address: expected an IPv4 or IPv6 address, such as 0.0.0.0 or ::";
}

static bool is_wildcard(const char *address)
{
    return strcmp(address, "::") == 0 || strcmp(address, "0.0.0.0") == 0;
}

static const char *check_two_listeners(const struct options *options)
{
    const struct host_port *health = &options->health_bind_address;
    if (!health->host || health->port == 0 || health->port != options->secure_port) {
        return NULL;
    }
    const bool overlap = is_wildcard(health->host) || is_wildcard(options->bind_address) ||
                         strcasecmp(health->host, options->bind_address) == 0;
    return overlap ? "--health-bind-address: expected another port than --secure-port" : NULL;
}

/* Names of TLS 1.3 suites have no key exchange in them: TLS_AES_128_GCM_SHA256. */
static bool is_tls13_suite(const char *name)
{
    return !strstr(name, "_WITH_");
}

static const char *check_cipher_suites(const struct options *options)
{
    size_t tls12 = 0;
    for (size_t i = 0; i < options->tls_cipher_suites.count; i++) {
        if (!tls_cipher_suite_is_known(options->tls_cipher_suites.items[i])) {
            return "--tls-cipher-suites: expected names such as "
                   "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; one is not known or not safe (help "
                   "lists all)";
        }
        tls12 += !is_tls13_suite(options->tls_cipher_suites.items[i]);
    }
    if (options->tls_cipher_suites.count > 0 && tls12 == 0 &&
        options->tls_min_version == TLS_MIN_VERSION_12) {
        return "--tls-cipher-suites: names no suite of TLS 1.2; expected --tls-min-version "
               "VersionTLS13";
    }
    return NULL;
}

static const char *check_connection_limits(const struct options *options)
{
    return options->max_connections_per_address <= options->max_connections
               ? NULL
               : "--max-connections-per-address: expected at most --max-connections";
}

static const char *check_handshake_timeout(const struct options *options)
{
    return options->handshake_timeout_ms <= options->idle_timeout_ms
               ? NULL
               : "--handshake-timeout: expected at most --idle-timeout";
}

static const char *check_question(const struct options *options)
{
    if (!options->filename == !options->token_file) {
        return options->filename ? "--filename and --token-file: expected one of them, not both"
                                 : "--filename or --token-file: one of them is required";
    }
    if (options->filename && given(options, COMMAND_REVIEW, "audience")) {
        return "--audience: only with --token-file; a TokenReview has spec.audiences";
    }
    if (options->filename && given(options, COMMAND_REVIEW, "api-version")) {
        return "--api-version: only with --token-file; a TokenReview has an apiVersion";
    }
    return NULL;
}

/* Of what review takes: does it concern an engine of its own? What serve has in its configuration
 * file does. */
static bool is_of_engine(const struct option_row *row)
{
    return (row->commands & 1U << COMMAND_REVIEW) &&
           (row->in_file || strcmp(row->name, "at") == 0 || strcmp(row->name, "config") == 0);
}

static const char *check_engine_or_server(const struct options *options)
{
    static const char *const server_only[] = { "certificate-authority", "client-certificate",
                                               "client-key", "tls-server-name", "request-timeout" };
    if (!options->server) {
        for (size_t i = 0; i < COUNTOF(server_only); i++) {
            if (given(options, COMMAND_REVIEW, server_only[i])) {
                return "--certificate-authority, --client-certificate, --client-key, "
                       "--tls-server-name and --request-timeout: only with --server";
            }
        }
        return check_sources(options);
    }
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (is_of_engine(&rows[i]) && option_is_given(options, &rows[i])) {
            return "--server: not together with --manifests, --kubeconfig, --in-cluster, --config, "
                   "--at, --enable-bootstrap-token-auth, --api-audiences, --unknown-token-answer "
                   "or what concerns --manifests or ServiceAccounts: the server has its own";
        }
    }
    return NULL;
}

static const char *check_service_account_company(const struct options *options)
{
    static const struct {
        const char *name;
        const char *wrong;
    } needs_issuer[] = {
        { "service-account-key-file",
          "--service-account-key-file: needs --service-account-issuer, whose tokens it verifies" },
        { "service-account-keys-url",
          "--service-account-keys-url: needs --service-account-issuer, whose tokens it verifies" },
        { "service-account-lookup", "--service-account-lookup: needs --service-account-issuer" },
        { "service-account-lookup-pods",
          "--service-account-lookup-pods: needs --service-account-issuer" },
        { "service-account-lookup-nodes",
          "--service-account-lookup-nodes: needs --service-account-issuer" },
        { "service-account-lookup-secrets",
          "--service-account-lookup-secrets: needs --service-account-issuer" },
    };
    for (size_t i = 0; i < COUNTOF(needs_issuer) && options->service_account_issuer.count == 0;
         i++) {
        if (given(options, COMMAND_SERVE, needs_issuer[i].name)) {
            return needs_issuer[i].wrong;
        }
    }
    return NULL;
}

static const char *check_service_account_issuer(const struct options *options)
{
    for (size_t i = 0; i < options->service_account_issuer.count; i++) {
        if (strcmp(options->service_account_issuer.items[i], SERVICE_ACCOUNT_LEGACY_ISSUER) == 0) {
            return "--service-account-issuer: " SERVICE_ACCOUNT_LEGACY_ISSUER
                   " is what all clusters' legacy tokens have; expected this cluster's own, with "
                   "which they are answered, too";
        }
    }
    return NULL;
}

static const char *check_service_account_keys(const struct options *options)
{
    if (options->service_account_key_file.count > 0 && options->service_account_keys_url) {
        return "--service-account-key-file and --service-account-keys-url: expected one of them, "
               "not both";
    }
    const bool has_keys = options->service_account_key_file.count > 0 ||
                          options->service_account_keys_url || options->kubeconfig ||
                          options->in_cluster;
    return options->service_account_issuer.count == 0 || has_keys
               ? NULL
               : "--service-account-issuer: needs keys: --service-account-key-file, "
                 "--service-account-keys-url, or the API server of --kubeconfig or --in-cluster";
}

static enum status judge_service_account_keys_url(const struct options *options,
                                                  struct problem *reterr_problem)
{
    const char *const url = options->service_account_keys_url;
    const enum status status = url ? operator_text_check_https(url, true) : ST_OK;
    if (status == ST_INVALID) {
        problem_set(reterr_problem, status, 0, 0,
                    "--service-account-keys-url: expected a URL that begins with https://, without "
                    "user name and fragment");
    }
    return status;
}

/* An entry without prefixes; NULL when there is none. */
static const struct service_account_issuer *unprefixed_issuer(const struct options *options)
{
    const struct service_account_issuers *issuers = options->service_account_issuers;
    for (size_t i = 0; issuers && i < issuers->count; i++) {
        if (issuers->items[i].source.username_prefix.len == 0) {
            return &issuers->items[i];
        }
    }
    return NULL;
}

static void set_place(const struct options *options,
                      const struct service_account_issuer *issuer,
                      const char *text,
                      struct problem *problem)
{
    if (options->config) {
        problem_set_file(problem, options->config);
    }
    problem_set(problem, ST_INVALID, issuer->place.line, issuer->place.column,
                SERVICE_ACCOUNT_ISSUERS "[%zu]: %s",
                (size_t)(issuer - options->service_account_issuers->items), text);
}

static enum status judge_prefixes(const struct options *options, struct problem *reterr_problem)
{
    const struct service_account_issuer *const issuer = unprefixed_issuer(options);
    if (!issuer || options->service_account_issuer.count == 0) {
        return ST_OK;
    }
    set_place(options, issuer,
              "expected prefixes: without them its users are those of this cluster, for which "
              "--service-account-issuer answers",
              reterr_problem);
    return ST_INVALID;
}

/* Who asks for the lookup believes in it; who says nothing gets what is possible. */
static const char *check_service_account_legacy(const struct options *options)
{
    return given(options, COMMAND_SERVE, "service-account-lookup") &&
                   options->service_account_lookup &&
                   options->service_account_lookup_secrets == SERVICE_ACCOUNT_SECRETS_NONE
               ? "--service-account-lookup: legacy tokens are looked up in Secrets; expected "
                 "--service-account-lookup-secrets tokens or all"
               : NULL;
}

static bool fetches_keys(const struct options *options)
{
    const struct service_account_issuers *issuers = options->service_account_issuers;
    for (size_t i = 0; issuers && i < issuers->count; i++) {
        if (issuers->items[i].source.keys != SERVICE_ACCOUNT_KEYS_FILES) {
            return true;
        }
    }
    return options->service_account_issuer.count > 0 &&
           options->service_account_key_file.count == 0;
}

static const char *check_jwks_max_stale(const struct options *options)
{
    return given(options, COMMAND_SERVE, "jwks-max-stale") && !fetches_keys(options)
               ? "--jwks-max-stale: needs keys that come over the network"
               : NULL;
}

/* A token goes to this URL: it must not travel in the clear. */
static const char *check_server_url(const struct options *options)
{
    return !options->server || strncasecmp(options->server, "https://", 8) == 0
               ? NULL
               : "--server: expected a URL that begins with https://";
}

static const char *check_client_pair(const struct options *options)
{
    return !options->client_certificate == !options->client_key
               ? NULL
               : "--client-certificate and --client-key: expected both or none";
}

static const char *check_server_required(const struct options *options)
{
    return options->server ? NULL : "--server: required: the URL that kube-apiserver will ask";
}

#define SERVE_BITS  (1U << COMMAND_SERVE | 1U << COMMAND_CHECK_CONFIG)
#define REVIEW_BIT  (1U << COMMAND_REVIEW)
#define WEBHOOK_BIT (1U << COMMAND_WEBHOOK_CONFIG)

static const struct {
    unsigned commands;
    check_fn *check;
} checks[] = {
    { SERVE_BITS, check_sources },
    { SERVE_BITS | REVIEW_BIT, check_manifests_company },
    { SERVE_BITS, check_watch_silence },
    { SERVE_BITS, check_serving_pair },
    { SERVE_BITS, check_client_names },
    { SERVE_BITS, check_metrics_certificate },
    { SERVE_BITS, check_bind_address },
    { SERVE_BITS, check_two_listeners },
    { SERVE_BITS, check_cipher_suites },
    { SERVE_BITS, check_connection_limits },
    { SERVE_BITS, check_handshake_timeout },
    { REVIEW_BIT, check_question },
    { REVIEW_BIT, check_engine_or_server },
    { SERVE_BITS | REVIEW_BIT, check_service_account_company },
    { SERVE_BITS | REVIEW_BIT, check_service_account_issuer },
    { SERVE_BITS | REVIEW_BIT, check_service_account_keys },
    { SERVE_BITS | REVIEW_BIT, check_service_account_legacy },
    { SERVE_BITS | REVIEW_BIT, check_jwks_max_stale },
    { WEBHOOK_BIT, check_server_required },
    { REVIEW_BIT | WEBHOOK_BIT, check_server_url },
    { REVIEW_BIT | WEBHOOK_BIT, check_client_pair },
};

static const struct {
    unsigned commands;
    judge_fn *judge;
} judgements[] = {
    { SERVE_BITS | REVIEW_BIT, judge_service_account_keys_url },
    { SERVE_BITS | REVIEW_BIT, judge_prefixes },
};

static enum status check_empty(const struct options *options,
                               enum option_command command,
                               struct problem *reterr_problem)
{
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        const struct option_row *row = &rows[i];
        if (row->commands & 1U << command && row->absent && option_is_given(options, row) &&
            option_is_empty(row, options)) {
            problem_set(reterr_problem, ST_INVALID, 0, 0,
                        "--%s: expected a value; leave the option out %s", row->name, row->absent);
            return ST_INVALID;
        }
    }
    return ST_OK;
}

enum status options_check(const struct options *options,
                          enum option_command command,
                          struct problem *reterr_problem)
{
    if (check_empty(options, command, reterr_problem) != ST_OK) {
        return ST_INVALID;
    }
    for (size_t i = 0; i < COUNTOF(checks); i++) {
        if (!(checks[i].commands & 1U << command)) {
            continue;
        }
        const char *wrong = checks[i].check(options);
        if (wrong) {
            problem_set(reterr_problem, ST_INVALID, 0, 0, "%s", wrong);
            return ST_INVALID;
        }
    }
    enum status status = ST_OK;
    for (size_t i = 0; i < COUNTOF(judgements) && status == ST_OK; i++) {
        if (judgements[i].commands & 1U << command) {
            status = judgements[i].judge(options, reterr_problem);
        }
    }
    if (status == ST_NOMEM) {
        problem_set(reterr_problem, status, 0, 0, "%s", status_text(status));
    }
    return status;
}

static const char *warn_idle_timeout(const struct options *options)
{
    return options->idle_timeout_ms > IDLE_TIMEOUT_RECOMMENDED_MS
               ? NULL
               : "--idle-timeout: kube-apiserver keeps idle connections for 1m30s; closing them no "
                 "later makes some of its questions fail";
}

static const char *warn_client_ca(const struct options *options)
{
    return options->client_ca_file
               ? NULL
               : "--client-ca-file: without it everybody who reaches the port may try tokens";
}

static const char *warn_audiences(const struct options *options)
{
    return options->api_audiences.count > 0
               ? NULL
               : "--api-audiences: empty, so every review that names audiences is refused, and "
                 "kube-apiserver's always do";
}

static const char *warn_authenticators(const struct options *options)
{
    return options->enable_bootstrap_token_auth || options->service_account_issuer.count > 0 ||
                   options->service_account_issuers
               ? NULL
               : "--enable-bootstrap-token-auth: off, and no other authenticator is on: every "
                 "token is refused";
}

static const char *warn_service_accounts_of_manifests(const struct options *options)
{
    return options->service_account_issuer.count == 0 || options->kubeconfig || options->in_cluster
               ? NULL
               : "--service-account-issuer: without --kubeconfig or --in-cluster only "
                 "ServiceAccounts, Pods, Nodes and Secrets of --manifests count, by their uid";
}

static const char *warn_service_account_legacy(const struct options *options)
{
    if (options->service_account_issuer.count == 0) {
        return NULL;
    }
    if (!options->service_account_lookup) {
        return "--service-account-lookup: off: a legacy token is good for as long as its key is, "
               "whatever became of its Secret";
    }
    return options->service_account_lookup_secrets != SERVICE_ACCOUNT_SECRETS_NONE
               ? NULL
               : "--service-account-lookup-secrets: none: legacy tokens, and those that are bound "
                 "to a Secret, are refused";
}

static const char *warn_watch_silence(const struct options *options)
{
    return options->watch_silence_timeout_ms > WATCH_SILENCE_RECOMMENDED_MS ||
                   !(options->kubeconfig || options->in_cluster)
               ? NULL
               : "--watch-silence-timeout: the API server sends a bookmark about every minute; "
                 "sooner than that, quiet watches are begun anew for nothing";
}

static check_fn *const warnings[] = {
    warn_idle_timeout,           warn_client_ca,     warn_audiences,
    warn_authenticators,         warn_watch_silence, warn_service_accounts_of_manifests,
    warn_service_account_legacy,
};

void options_warn(const struct options *options,
                  enum option_command command,
                  problem_fn *fn,
                  void *ctx)
{
    if (!(SERVE_BITS & 1U << command)) {
        return;
    }
    for (size_t i = 0; i < COUNTOF(warnings); i++) {
        const char *text = warnings[i](options);
        if (text) {
            struct problem problem = { 0 };
            problem_set(&problem, ST_INVALID, 0, 0, "%s", text);
            fn(ctx, &problem);
        }
    }
    const struct service_account_issuer *const issuer = unprefixed_issuer(options);
    if (issuer) {
        struct problem problem = { 0 };
        set_place(options, issuer,
                  "without prefixes: its ServiceAccounts are users and groups like those of the "
                  "cluster that asks",
                  &problem);
        fn(ctx, &problem);
    }
}
