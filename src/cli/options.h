/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the operator asked for. Every option is one row of options_table.c; flags, configuration
 * file, help and the README table all come from that row, and its value lands in one typed field
 * here.
 *
 * Ownership: struct options owns every string and list in it; options_fini() frees them. A string
 * that was not given, or given empty, is NULL. After options_parse() (cli/options_parse.h) returned
 * ST_OK all ranges and cross-checks hold, so who reads the fields checks nothing again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authn/authenticator.h"
#include "authn/jwt/service_account_options.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/log.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "kube/token_review.h"
#include "server/tls/policy.h"

/** Subcommands that take options. One bit each in struct option_row. */
enum option_command {
    COMMAND_SERVE = 0,
    COMMAND_CHECK_CONFIG,
    COMMAND_REVIEW,
    COMMAND_WEBHOOK_CONFIG,
    COMMAND_VERSION,
    COMMAND_COUNT_
};

enum review_output { REVIEW_OUTPUT_JSON = 0, REVIEW_OUTPUT_EXPLAIN };
enum version_output { VERSION_OUTPUT_TEXT = 0, VERSION_OUTPUT_JSON };

struct service_account_issuers; /* cli/service_account_issuers.h */

struct option_list {
    const char **items; /* owns the array and each text; no item is empty */
    size_t count;
};

struct host_port {
    char *host; /* owns; an IP address; NULL when the option was not given */
    uint16_t port;
};

struct option_instant {
    bool is_set; /* false: the option was not given */
    struct instant instant;
};

struct options {
    bool help; /* --help: the other fields were not checked */
    char *config;

    /* objects: at least one of the three, and never the last two together */
    char *manifests;
    bool manifests_require_safe_permissions;
    char *manifests_writable_by_group; /* a name or a number; known only to the machine */
    bool manifests_follow_outside_directories;
    char *kubeconfig;
    bool in_cluster; /* asked for, or taken by itself in a pod */
    int64_t watch_silence_timeout_ms;

    /* authentication */
    bool enable_bootstrap_token_auth;
    struct option_list api_audiences; /* at most API_AUDIENCES_MAX; the issuers unless given */
    enum unknown_token_answer unknown_token_answer;

    /* ServiceAccount tokens of this cluster: answered when an issuer is given. Its keys are in
     * files or at a URL, never both; else its API server has them */
    struct option_list service_account_issuer;
    struct option_list service_account_key_file;
    char *service_account_keys_url;
    bool service_account_lookup; /* of legacy tokens */
    bool service_account_lookup_pods;
    bool service_account_lookup_nodes;
    enum service_account_secrets service_account_lookup_secrets;
    int64_t jwks_max_stale_ms;
    struct service_account_issuers *service_account_issuers; /* owns; other clusters'; of the file
                                                                only; NULL: it names none */

    /* serving */
    char *bind_address;
    uint16_t secure_port; /* 0: any free one */
    struct host_port health_bind_address;
    char *port_file;
    int64_t workers; /* 1 to WORKERS_MAX */

    /* TLS */
    char *tls_cert_file;
    char *tls_private_key_file;
    enum tls_min_version tls_min_version;
    struct option_list tls_cipher_suites; /* known ones; empty: the default list */
    bool tls_session_tickets;
    char *client_ca_file;
    struct option_list client_allowed_names; /* empty: any certificate of the CA */
    bool metrics_require_client_certificate; /* asked for, or by itself with a CA on one port */

    /* limits */
    int64_t max_request_body_bytes;
    int64_t max_header_bytes;
    int64_t max_connections;
    int64_t max_connections_per_address; /* 0: off */
    int64_t max_connection_memory_bytes; /* 0: process_fit_memory() chooses */
    int64_t handshake_timeout_ms;
    int64_t request_timeout_ms;
    int64_t idle_timeout_ms;

    /* shutdown */
    int64_t shutdown_delay_ms;
    int64_t shutdown_grace_ms;

    /* logs */
    enum log_format logging_format;
    int64_t verbosity; /* 0 to 10 */

    /* review: the question */
    char *filename;   /* a TokenReview; "-" is standard input */
    char *token_file; /* a bare token; "-" is standard input */
    struct option_list audiences;
    enum token_review_version api_version;
    struct option_instant at;
    enum review_output review_output;

    /* review --server, webhook-config */
    char *server;
    char *certificate_authority;
    char *client_certificate;
    char *client_key;
    char *tls_server_name;
    char *server_cert_file; /* --tls-cert-file of webhook-config */
    int64_t client_timeout_ms;
    bool embed_certs;

    enum version_output version_output;

    uint64_t given; /* bit i: row i was given, by flag or by file */
};

#define WORKERS_MAX                  256 /* more than any machine's cores that one process should use */
#define OPTION_LIST_MAX              64      /* items of one list: more than a person writes */
#define CONFIG_FILE_MAX_BYTES        1048576 /* a real one is 2 KiB */
#define WATCH_SILENCE_RECOMMENDED_MS 60000   /* a quiet watch gets a bookmark about so often */

/* kube-apiserver keeps idle connections this long; closing first costs it EOFs */
#define IDLE_TIMEOUT_RECOMMENDED_MS 90000
