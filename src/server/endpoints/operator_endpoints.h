/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Health, metrics, version. */
#include <stddef.h>
#include <stdint.h>

#include "authn/authenticator.h"
#include "base/log.h"
#include "engine/token_keys.h"
#include "io/clock_step.h"
#include "server/endpoints/ask.h"
#include "server/http/endpoint.h"
#include "server/http/http_server.h"
#include "server/tls/tls.h"
#include "store/store.h"

/** What they tell of: the ctx of their rows. Borrows all of it. */
struct operator_endpoints {
    const struct http_server *http;
    const struct ask *ask;
    const struct authenticator *authenticator;
    const struct store *store; /* may be NULL */
    const struct cluster_store *clusters;
    size_t cluster_count;                /* at most AUTHENTICATOR_CLUSTERS_MAX */
    const struct token_keys *token_keys; /* may be NULL */
    struct tls_context *tls;
    const struct log *log;               /* may be NULL */
    const struct clock_step *clock_step; /* may be NULL */
    int64_t connections_limit;
    uint64_t connection_memory_limit; /* 0: none */
};

endpoint_fn livez_endpoint;
endpoint_fn readyz_endpoint;
endpoint_fn healthz_endpoint;
endpoint_fn metrics_endpoint;
endpoint_fn version_endpoint; /* its ctx is not looked at */
