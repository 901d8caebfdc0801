/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of all options.
 *
 * To add one: a field in struct options, a row here, `KB_UPDATE_DOCS=1 meson test -C build
 * cli/options_help`. Names and defaults are those of kube-apiserver wherever it has the option. A
 * default is text that goes through the same parser as the operator's, so it cannot be out of
 * range. No threads, no state.
 */
#include "cli/options_table.h"

#include <ctype.h>
#include <string.h>

/* clang-format off */
#define SERVE  (1U << COMMAND_SERVE | 1U << COMMAND_CHECK_CONFIG)
#define REVIEW (1U << COMMAND_REVIEW)
#define WEBHOOK (1U << COMMAND_WEBHOOK_CONFIG)
#define VERSION (1U << COMMAND_VERSION)
#define EVERY  ((1U << COMMAND_COUNT_) - 1)

#define FIELD(name) .offset = offsetof(struct options, name)

#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)

static const struct option_choice unknown_token_choices[] = {
    { "error", UNKNOWN_TOKEN_ERROR }, { "refuse", UNKNOWN_TOKEN_REFUSE }, { NULL, 0 },
};
static const struct option_choice lookup_secrets_choices[] = {
    { "none", SERVICE_ACCOUNT_SECRETS_NONE }, { "tokens", SERVICE_ACCOUNT_SECRETS_TOKENS },
    { "all", SERVICE_ACCOUNT_SECRETS_ALL }, { NULL, 0 },
};
static const struct option_choice tls_version_choices[] = {
    { "VersionTLS12", TLS_MIN_VERSION_12 }, { "VersionTLS13", TLS_MIN_VERSION_13 }, { NULL, 0 },
};
static const struct option_choice log_format_choices[] = {
    { "text", LOG_FORMAT_TEXT }, { "json", LOG_FORMAT_JSON }, { NULL, 0 },
};
static const struct option_choice review_version_choices[] = {
    { "v1", TOKEN_REVIEW_V1 }, { "v1beta1", TOKEN_REVIEW_V1BETA1 }, { NULL, 0 },
};
static const struct option_choice review_output_choices[] = {
    { "json", REVIEW_OUTPUT_JSON }, { "explain", REVIEW_OUTPUT_EXPLAIN }, { NULL, 0 },
};
static const struct option_choice version_output_choices[] = {
    { "text", VERSION_OUTPUT_TEXT }, { "json", VERSION_OUTPUT_JSON }, { NULL, 0 },
};

/* set_enum() stores an int. */
_Static_assert(sizeof(enum unknown_token_answer) == sizeof(int), "enums are stored as int");
_Static_assert(sizeof(enum service_account_secrets) == sizeof(int), "enums are stored as int");
_Static_assert(sizeof(enum tls_min_version) == sizeof(int), "enums are stored as int");
_Static_assert(sizeof(enum log_format) == sizeof(int), "enums are stored as int");
_Static_assert(sizeof(enum token_review_version) == sizeof(int), "enums are stored as int");
_Static_assert(sizeof(enum review_output) == sizeof(int), "enums are stored as int");
_Static_assert(sizeof(enum version_output) == sizeof(int), "enums are stored as int");

static const struct option_row rows[] = {
    { .name = "manifests", .type = OPTION_PATH, .group = GROUP_OBJECTS, .commands = SERVE | REVIEW, .in_file = true,
      .reloads = true, .metavar = "DIR", FIELD(manifests), .absent = "to read no manifests",
      .help = "Directory of Kubernetes manifests (YAML or JSON, subdirectories too) whose Secrets hold the tokens. With "
              "--kubeconfig or --in-cluster both count: of an object that both hold, the manifest's does; the other is "
              "reported, and takes over when the manifest goes." },
    { .name = "manifests-require-safe-permissions", .type = OPTION_BOOL, .group = GROUP_OBJECTS, .commands = SERVE | REVIEW,
      .in_file = true, .initial = "false", FIELD(manifests_require_safe_permissions),
      .help = "Whoever can write a manifest grants access. Refuse files and directories of --manifests that others than their "
              "owner can write, or that belong to another user than root and the directory's owner: at the start it fails, later "
              "nothing of them is taken. Without it they are remarked in the log, in check-config and in readyz." },
    { .name = "manifests-writable-by-group", .type = OPTION_STRING, .group = GROUP_OBJECTS, .commands = SERVE | REVIEW,
      .in_file = true, .metavar = "GROUP", FIELD(manifests_writable_by_group),
      .absent = "to trust no group with them",
      .help = "Name or number of a group that may write --manifests, too; what belongs to it may be any member's." },
    { .name = "manifests-follow-outside-directories", .type = OPTION_BOOL, .group = GROUP_OBJECTS, .commands = SERVE | REVIEW,
      .in_file = true, .initial = "false", FIELD(manifests_follow_outside_directories),
      .help = "Follow symbolic links in --manifests to directories outside of it. Without it each is a problem and not read. "
              "Links to files are followed wherever they lead, and --manifests itself may be a link." },
    { .name = "kubeconfig", .type = OPTION_PATH, .group = GROUP_OBJECTS, .commands = SERVE | REVIEW, .in_file = true,
      FIELD(kubeconfig), .absent = "to ask no Kubernetes API server",
      .help = "Kubeconfig of a Kubernetes API server whose Secrets hold the tokens; its current-context decides. It is read at "
              "the start; certificate, key, CA and token files that it names are read again as they rotate. exec plugins are "
              "not supported." },
    { .name = "in-cluster", .type = OPTION_BOOL, .group = GROUP_OBJECTS, .commands = SERVE | REVIEW, .in_file = true,
      .initial = "false", FIELD(in_cluster),
      .help = "The same with the ServiceAccount of the pod that this runs in: KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT "
              "and /var/run/secrets/kubernetes.io/serviceaccount. In a pod it is on by itself when neither --manifests nor "
              "--kubeconfig is given." },
    { .name = "watch-silence-timeout", .type = OPTION_DURATION, .group = GROUP_OBJECTS, .commands = SERVE, .in_file = true,
      .min = 1000, .max = HOUR_MS, .initial = "90s", FIELD(watch_silence_timeout_ms),
      .help = "A watch of the API server from which nothing has come for this long is begun anew. Keep it above 1m0s: about so "
              "often the API server sends a bookmark." },

    { .name = "enable-bootstrap-token-auth", .type = OPTION_BOOL, .group = GROUP_AUTHENTICATION, .commands = SERVE | REVIEW,
      .in_file = true, .initial = "true", FIELD(enable_bootstrap_token_auth),
      .help = "Accept bootstrap tokens: Secrets of type bootstrap.kubernetes.io/token in namespace kube-system. "
              "kube-apiserver has this off by default; here it is what the program is for." },
    { .name = "api-audiences", .type = OPTION_LIST, .group = GROUP_AUTHENTICATION, .commands = SERVE | REVIEW, .in_file = true,
      .metavar = "AUDIENCES", .initial = "https://kubernetes.default.svc.cluster.local", FIELD(api_audiences),
      .initial_text = "--service-account-issuer, or without it https://kubernetes.default.svc.cluster.local",
      .help = "Audiences that a token without audiences of its own is good for. A review that asks for others only is refused. "
              "Give kube-apiserver's --api-audiences, which default to its --service-account-issuer." },
    { .name = "unknown-token-answer", .type = OPTION_ENUM, .group = GROUP_AUTHENTICATION, .commands = SERVE | REVIEW,
      .in_file = true, .choices = unknown_token_choices, .initial = "error", FIELD(unknown_token_answer),
      .help = "What a well-formed bootstrap token with an unknown ID gets. error: status.error, which kube-apiserver does not "
              "cache, so a token created a moment later works at once. refuse: a plain refusal like a wrong secret's, so repeats "
              "stop in kube-apiserver's cache and nobody can tell which IDs exist." },

    { .name = "service-account-issuer", .type = OPTION_LIST, .group = GROUP_SERVICE_ACCOUNTS, .commands = SERVE | REVIEW,
      .in_file = true, .keeps_commas = true, .metavar = "ISSUER", FIELD(service_account_issuer),
      .absent = "to answer for no ServiceAccount tokens of this cluster",
      .help = "Answer for ServiceAccount tokens of this cluster whose issuer is this. May be repeated: give what kube-apiserver "
              "has. Its keys come from --service-account-key-file or --service-account-keys-url; with neither from /openid/v1/jwks "
              "of the API server of --kubeconfig or --in-cluster. Other clusters are listed as serviceAccountIssuers in the "
              "configuration file." },
    { .name = "service-account-key-file", .type = OPTION_LIST, .group = GROUP_SERVICE_ACCOUNTS, .commands = SERVE | REVIEW,
      .in_file = true, .keeps_commas = true, .reloads = true, .metavar = "FILE", FIELD(service_account_key_file),
      .absent = "to take the keys from elsewhere",
      .help = "PEM file of keys that verify them: public or private keys, or certificates, several in one file. May be repeated." },
    { .name = "service-account-keys-url", .type = OPTION_STRING, .group = GROUP_SERVICE_ACCOUNTS, .commands = SERVE | REVIEW,
      .in_file = true, .metavar = "URL", FIELD(service_account_keys_url), .absent = "to take the keys from elsewhere",
      .help = "JWK set of those keys, https:// only, whose server a CA of the system vouches for. Not --service-account-jwks-uri "
              "of kube-apiserver, which says what its discovery document advertises." },
    { .name = "service-account-lookup", .type = OPTION_BOOL, .group = GROUP_SERVICE_ACCOUNTS, .commands = SERVE | REVIEW,
      .in_file = true, .initial = "true", FIELD(service_account_lookup),
      .help = "Hold legacy tokens (those without an end, of Secrets) against their Secret and ServiceAccount. false takes them by "
              "their signature alone, as kube-apiserver does: then nothing revokes one. Other tokens are looked up in any case." },
    { .name = "service-account-lookup-pods", .type = OPTION_BOOL, .group = GROUP_SERVICE_ACCOUNTS, .commands = SERVE | REVIEW,
      .in_file = true, .initial = "true", FIELD(service_account_lookup_pods),
      .help = "Follow Pods (metadata), for tokens that are bound to one: all that a kubelet mounts. Without it they are refused." },
    { .name = "service-account-lookup-nodes", .type = OPTION_BOOL, .group = GROUP_SERVICE_ACCOUNTS, .commands = SERVE | REVIEW,
      .in_file = true, .initial = "true", FIELD(service_account_lookup_nodes),
      .help = "Follow Nodes (metadata), for tokens that are bound to a Node alone. Without it they are refused." },
    { .name = "service-account-lookup-secrets", .type = OPTION_ENUM, .group = GROUP_SERVICE_ACCOUNTS, .commands = SERVE | REVIEW,
      .in_file = true, .choices = lookup_secrets_choices, .initial = "tokens", FIELD(service_account_lookup_secrets),
      .help = "Follow Secrets, for legacy tokens and those that are bound to a Secret. tokens: of type "
              "kubernetes.io/service-account-token. all: metadata of the others, too. none: such tokens are refused." },
    { .name = "jwks-max-stale", .type = OPTION_DURATION, .group = GROUP_SERVICE_ACCOUNTS, .commands = SERVE | REVIEW,
      .in_file = true, .min = MINUTE_MS, .max = 30 * DAY_MS, .initial = "24h", FIELD(jwks_max_stale_ms),
      .help = "Keys that came over the network go on serving for this long after they were last read, while their server is away. "
              "Holds for other clusters' keys, too." },

    { .name = "bind-address", .type = OPTION_STRING, .group = GROUP_SERVING, .commands = SERVE, .in_file = true,
      .metavar = "IP", .initial = "::", FIELD(bind_address),
      .help = "Address to serve HTTPS on. :: takes IPv6 and IPv4 on all interfaces." },
    { .name = "secure-port", .type = OPTION_PORT, .group = GROUP_SERVING, .commands = SERVE, .in_file = true,
      .max = 65535, .initial = "8443", FIELD(secure_port),
      .help = "Port to serve HTTPS on. 0 takes any free one; the log and --port-file say which." },
    { .name = "health-bind-address", .type = OPTION_HOST_PORT, .group = GROUP_SERVING, .commands = SERVE, .in_file = true,
      FIELD(health_bind_address),
      .help = "Serve health pages and metrics on this address in plain HTTP, and no longer on the secure port." },
    { .name = "port-file", .type = OPTION_PATH, .group = GROUP_SERVING, .commands = SERVE, .in_file = true, FIELD(port_file),
      .help = "After binding, write the ports to this file, as JSON: {\"secure\":8443,\"health\":0}; 0 where nothing listens." },
    { .name = "workers", .type = OPTION_INT, .group = GROUP_SERVING, .commands = SERVE, .in_file = true, .min = 1,
      .max = WORKERS_MAX, .initial_text = "number of CPUs", FIELD(workers),
      .help = "Threads that answer requests." },

    { .name = "tls-cert-file", .type = OPTION_PATH, .group = GROUP_TLS, .commands = SERVE, .in_file = true, .reloads = true,
      FIELD(tls_cert_file), .help = "Serving certificate in PEM, intermediates behind it. Required." },
    { .name = "tls-private-key-file", .type = OPTION_PATH, .group = GROUP_TLS, .commands = SERVE, .in_file = true,
      .reloads = true, FIELD(tls_private_key_file), .help = "Its private key in PEM, unencrypted. Required." },
    { .name = "tls-min-version", .type = OPTION_ENUM, .group = GROUP_TLS, .commands = SERVE, .in_file = true,
      .choices = tls_version_choices, .initial = "VersionTLS12", FIELD(tls_min_version), .help = "Lowest TLS version to speak." },
    { .name = "tls-cipher-suites", .type = OPTION_LIST, .group = GROUP_TLS, .commands = SERVE, .in_file = true,
      .metavar = "SUITES", FIELD(tls_cipher_suites),
      .help = "Cipher suites of TLS 1.2 to offer, by their Go names; empty offers all that are safe. As in Go, those of TLS 1.3 "
              "cannot be chosen. Known:", .append_values = tls_cipher_suite_names },
    { .name = "tls-session-tickets", .type = OPTION_BOOL, .group = GROUP_TLS, .commands = SERVE, .in_file = true,
      .initial = "true", FIELD(tls_session_tickets),
      .help = "Let clients resume a TLS session by a ticket, which spares both sides most of a handshake." },
    { .name = "client-ca-file", .type = OPTION_PATH, .group = GROUP_TLS, .commands = SERVE, .in_file = true, .reloads = true,
      FIELD(client_ca_file),
      .absent = "to ask for no client certificates",
      .help = "Reviews need a client certificate signed by a CA of this PEM file, and so does /metrics of the same port. Health pages "
              "do not." },
    { .name = "client-allowed-names", .type = OPTION_LIST, .group = GROUP_TLS, .commands = SERVE, .in_file = true,
      .metavar = "NAMES", FIELD(client_allowed_names),
      .absent = "to admit every certificate of the CA",
      .help = "Common names or DNS names, one of which the client certificate must bear; without it every certificate of the CA "
              "is admitted." },
    { .name = "metrics-require-client-certificate", .type = OPTION_BOOL, .group = GROUP_TLS, .commands = SERVE, .in_file = true,
      .initial_text = "true with --client-ca-file and without --health-bind-address, else false",
      FIELD(metrics_require_client_certificate),
      .help = "Ask for the same client certificate at /metrics; false opens it to everybody who reaches the port." },

    /* A token of 16 KiB may arrive with every byte as \u00XX, six times as long, beside the rest of the object. */
    { .name = "max-request-body-bytes", .type = OPTION_BYTES, .group = GROUP_LIMITS, .commands = SERVE, .in_file = true,
      .min = 32768, .max = 16777216, .initial = "131072", FIELD(max_request_body_bytes),
      .help = "Longest request body; more is answered 413. The default fits the longest acceptable token with every byte "
              "escaped as \\u00XX." },
    { .name = "max-header-bytes", .type = OPTION_BYTES, .group = GROUP_LIMITS, .commands = SERVE, .in_file = true,
      .min = 4096, .max = 1048576, .initial = "8192", FIELD(max_header_bytes),
      .help = "Memory for the request line and headers of a connection, beside 2 KiB for their table and the reply's head; more is answered 431." },
    { .name = "max-connections", .type = OPTION_INT, .group = GROUP_LIMITS, .commands = SERVE, .in_file = true,
      .min = 1, .max = 1000000, .initial = "10000", FIELD(max_connections),
      .help = "Connections at a time; one more is closed when it is accepted, and so is an old one that never got a yes." },
    { .name = "max-connections-per-address", .type = OPTION_INT, .group = GROUP_LIMITS, .commands = SERVE, .in_file = true,
      .max = 1000000, .initial = "0", FIELD(max_connections_per_address),
      .help = "The same for each client address. 0 is no such limit: API servers may share one address behind a load balancer." },
    { .name = "max-connection-memory", .type = OPTION_BYTES, .group = GROUP_LIMITS, .commands = SERVE, .in_file = true,
      .max = INT64_C(1099511627776), .initial = "0", FIELD(max_connection_memory_bytes),
      .help = "Memory of all connections together: before it is passed, those that never had a review answered are closed, then others "
              "that are idle, and new ones refused. 0 derives it from the memory limit (cgroup) of the process: three quarters of what "
              "that leaves beside 64 MiB for the rest (half of it below 128 MiB), or 512 MiB without one. The log and check-config say what it came to." },
    { .name = "handshake-timeout", .type = OPTION_DURATION, .group = GROUP_LIMITS, .commands = SERVE, .in_file = true,
      .min = 100, .max = HOUR_MS, .initial = "10s", FIELD(handshake_timeout_ms),
      .help = "A connection that has not finished its TLS handshake by then is closed." },
    { .name = "request-timeout", .type = OPTION_DURATION, .group = GROUP_LIMITS, .commands = SERVE, .in_file = true,
      .min = 100, .max = HOUR_MS, .initial = "30s", FIELD(request_timeout_ms),
      .help = "A request whose header and body have not arrived, and whose answer has not been taken by then is cut off, however steadily it drips." },
    { .name = "idle-timeout", .type = OPTION_DURATION, .group = GROUP_LIMITS, .commands = SERVE, .in_file = true,
      .min = 100, .max = DAY_MS, .initial = "2m0s", FIELD(idle_timeout_ms),
      .help = "A connection without a request is closed after this long. Keep it above 1m30s, for which kube-apiserver keeps its "
              "own side open." },

    { .name = "shutdown-delay-duration", .type = OPTION_DURATION, .group = GROUP_SHUTDOWN, .commands = SERVE, .in_file = true,
      .max = HOUR_MS, .initial = "0s", FIELD(shutdown_delay_ms),
      .help = "After SIGTERM, go on serving this long with readyz failing, so that load balancers notice." },
    { .name = "shutdown-grace-duration", .type = OPTION_DURATION, .group = GROUP_SHUTDOWN, .commands = SERVE, .in_file = true,
      .max = HOUR_MS, .initial = "30s", FIELD(shutdown_grace_ms),
      .help = "After that, running requests may take this long to finish." },

    { .name = "filename", .letter = 'f', .type = OPTION_SECRET_PATH, .group = GROUP_QUESTION, .commands = REVIEW, .metavar = "FILE|-",
      FIELD(filename), .help = "TokenReview to ask, in JSON; - reads standard input." },
    { .name = "token-file", .type = OPTION_SECRET_PATH, .group = GROUP_QUESTION, .commands = REVIEW, .metavar = "FILE|-",
      FIELD(token_file), .help = "Bare token to ask about; - reads standard input. One newline at the end is left out." },
    { .name = "audience", .type = OPTION_LIST, .group = GROUP_QUESTION, .commands = REVIEW, .metavar = "AUDIENCE",
      FIELD(audiences), .help = "With --token-file: audience to ask for. May be repeated." },
    { .name = "api-version", .type = OPTION_ENUM, .group = GROUP_QUESTION, .commands = REVIEW,
      .choices = review_version_choices, .initial = "v1", FIELD(api_version),
      .help = "With --token-file: version of the TokenReview." },
    { .name = "at", .type = OPTION_INSTANT, .group = GROUP_QUESTION, .commands = REVIEW, .initial_text = "now", FIELD(at),
      .help = "Ask as of this instant." },
    { .name = "output", .letter = 'o', .type = OPTION_ENUM, .group = GROUP_QUESTION, .commands = REVIEW,
      .choices = review_output_choices, .initial = "json", FIELD(review_output),
      .help = "json: the TokenReview that the server sends. explain: every check in order, where it stopped, and why." },

    { .name = "server", .type = OPTION_STRING, .group = GROUP_SERVER, .commands = REVIEW | WEBHOOK, .metavar = "URL", FIELD(server),
      .help = "A running server's URL, https://host:port/authenticate. review asks it instead of an engine of its own; "
              "webhook-config requires it." },
    { .name = "certificate-authority", .type = OPTION_PATH, .group = GROUP_SERVER, .commands = REVIEW | WEBHOOK,
      .initial_text = "the system's", FIELD(certificate_authority), .help = "CA of the server's certificate, in PEM." },
    { .name = "tls-cert-file", .type = OPTION_PATH, .group = GROUP_SERVER, .commands = WEBHOOK, FIELD(server_cert_file),
      .help = "The server's certificate, as serve has it: what kube-apiserver would refuse of it at that URL is said. Not needed when "
              "--certificate-authority is that certificate." },
    { .name = "client-certificate", .type = OPTION_PATH, .group = GROUP_SERVER, .commands = REVIEW | WEBHOOK,
      FIELD(client_certificate), .help = "Client certificate to show the server, in PEM." },
    { .name = "client-key", .type = OPTION_PATH, .group = GROUP_SERVER, .commands = REVIEW | WEBHOOK, FIELD(client_key),
      .help = "Its private key, in PEM." },
    { .name = "tls-server-name", .type = OPTION_STRING, .group = GROUP_SERVER, .commands = REVIEW | WEBHOOK, .metavar = "NAME",
      .initial_text = "the URL's host", FIELD(tls_server_name), .help = "Name to look for in the server's certificate." },
    { .name = "request-timeout", .type = OPTION_DURATION, .group = GROUP_SERVER, .commands = REVIEW, .min = 100, .max = HOUR_MS,
      .initial = "10s", FIELD(client_timeout_ms), .help = "Give up on the server after this long." },
    { .name = "embed-certs", .type = OPTION_BOOL, .group = GROUP_SERVER, .commands = WEBHOOK, .initial = "false",
      FIELD(embed_certs), .help = "Put the files' content into the kubeconfig instead of their paths." },

    { .name = "config", .type = OPTION_PATH, .group = GROUP_GENERAL, .commands = SERVE | REVIEW, FIELD(config),
      .help = "Configuration file: apiVersion kube-bearer/v1alpha1, kind Configuration, and options as members. Flags win." },
    { .name = "logging-format", .type = OPTION_ENUM, .group = GROUP_GENERAL, .commands = SERVE, .in_file = true,
      .choices = log_format_choices, .initial = "text", FIELD(logging_format), .help = "Form of the log, on standard error." },
    { .name = "v", .letter = 'v', .type = OPTION_INT, .group = GROUP_GENERAL, .commands = SERVE, .in_file = true, .max = 10,
      .metavar = "LEVEL", .initial = "0", FIELD(verbosity),
      .help = "Verbosity of the log. Refused reviews are logged at any level, at a limited rate for each reason; 5 logs accepted ones, too." },
    { .name = "output", .letter = 'o', .type = OPTION_ENUM, .group = GROUP_GENERAL, .commands = VERSION,
      .choices = version_output_choices, .initial = "text", FIELD(version_output), .help = "Form of the answer." },
    { .name = "help", .letter = 'h', .type = OPTION_BOOL, .group = GROUP_GENERAL, .commands = EVERY, FIELD(help),
      .help = "Show this page." },
};
/* clang-format on */

_Static_assert(COUNTOF(rows) <= 64, "struct options.given has one bit for each row");

static const char *const group_titles[GROUP_COUNT_] = {
    [GROUP_OBJECTS] = "Objects",
    [GROUP_AUTHENTICATION] = "Authentication",
    [GROUP_SERVICE_ACCOUNTS] = "ServiceAccount tokens",
    [GROUP_SERVING] = "Serving",
    [GROUP_TLS] = "TLS and client certificates",
    [GROUP_LIMITS] = "Limits",
    [GROUP_SHUTDOWN] = "Shutdown",
    [GROUP_QUESTION] = "Question",
    [GROUP_SERVER] = "Asking a server",
    [GROUP_GENERAL] = "General",
};

const struct option_row *options_table(size_t *ret_count)
{
    *ret_count = COUNTOF(rows);
    return rows;
}

const struct option_row *option_find(enum option_command command, struct span name)
{
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        if ((rows[i].commands & 1U << command) && span_equal(name, span_of(rows[i].name))) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct option_row *option_find_letter(enum option_command command, char letter)
{
    for (size_t i = 0; i < COUNTOF(rows) && letter; i++) {
        if ((rows[i].commands & 1U << command) && rows[i].letter == letter) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct option_row *option_find_member(struct span member)
{
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char name[OPTION_NAME_MAX];
        option_member(&rows[i], name);
        if (rows[i].in_file && span_equal(member, span_of(name))) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Kubernetes writes clientCAFile, keysURL: an acronym behind the first word stays upper case.
 * Return: bytes of the acronym that @at begins with; 0 for none */
static size_t acronym_len(const char *at)
{
    static const char *const acronyms[] = { "ca", "url" };
    for (size_t i = 0; i < COUNTOF(acronyms); i++) {
        const size_t len = strlen(acronyms[i]);
        if (strncmp(at, acronyms[i], len) == 0 && (at[len] == '-' || at[len] == '\0')) {
            return len;
        }
    }
    return 0;
}

void option_member(const struct option_row *row, char ret_member[static OPTION_NAME_MAX])
{
    size_t len = 0;
    const char *at = row->name;
    while (*at && len + 1 < OPTION_NAME_MAX) {
        if (*at != '-') {
            ret_member[len++] = *at++;
            continue;
        }
        at++;
        const size_t acronym = acronym_len(at);
        for (size_t i = 0; i < (acronym ? acronym : 1) && len + 1 < OPTION_NAME_MAX; i++) {
            ret_member[len++] = (char)toupper((unsigned char)*at++);
        }
    }
    ret_member[len] = '\0';
}

const char *option_group_title(enum option_group group)
{
    return group_titles[group];
}

static uint64_t bit_of(const struct option_row *row)
{
    return UINT64_C(1) << (row - rows);
}

bool option_is_given(const struct options *options, const struct option_row *row)
{
    return (options->given & bit_of(row)) != 0;
}

void option_mark_given(struct options *options, const struct option_row *row)
{
    options->given |= bit_of(row);
}
