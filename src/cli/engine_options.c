/* SPDX-License-Identifier: Apache-2.0 */
/* From the operator's words to the engine's. Ranges were checked when the options were parsed. */
#include "cli/engine_options.h"

#include <stdlib.h>

void engine_options_from(const struct options *options,
                         struct span ret_audiences[static API_AUDIENCES_MAX],
                         struct authenticator_options *ret_engine)
{
    for (size_t i = 0; i < options->api_audiences.count; i++) {
        ret_audiences[i] = span_of(options->api_audiences.items[i]);
    }
    *ret_engine = (struct authenticator_options){
        .api_audiences = ret_audiences,
        .api_audience_count = options->api_audiences.count,
        .unknown_token_answer = options->unknown_token_answer,
        .bootstrap = options->enable_bootstrap_token_auth,
    };
}

void store_sources_from(const struct options *options, struct store_sources *ret_sources)
{
    *ret_sources = (struct store_sources){
        .manifests = options->manifests,
        .kubeconfig = options->kubeconfig,
        .in_pod = options->in_cluster,
        .pod_host = getenv(POD_HOST_VARIABLE),
        .pod_port = getenv(POD_PORT_VARIABLE),
        .silence_timeout_ms = (uint64_t)options->watch_silence_timeout_ms,
        .clock = clock_system(),
    };
}

void tls_options_from(const struct options *options, struct tls_options *ret_tls)
{
    *ret_tls = (struct tls_options){
        .cert_file = options->tls_cert_file,
        .key_file = options->tls_private_key_file,
        .client_ca_file = options->client_ca_file,
        .client_allowed_names = options->client_allowed_names.items,
        .client_allowed_name_count = options->client_allowed_names.count,
        .min_version = options->tls_min_version,
        .cipher_suites = options->tls_cipher_suites.items,
        .cipher_suite_count = options->tls_cipher_suites.count,
        .session_tickets = options->tls_session_tickets,
        .clock = clock_system(),
    };
}
