/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kube-bearer serves: the endpoints as rows, the listeners as rows, and what the handlers
 * need.
 *
 * Threads: everything is set before the workers start, which only read it.
 */
#include "server/server.h"

#include <stdlib.h>

#include "base/version.h"
#include "kube/api_resource.h"
#include "server/endpoints/ask.h"
#include "server/endpoints/discovery_endpoints.h"
#include "server/endpoints/operator_endpoints.h"
#include "server/endpoints/token_review_endpoint.h"
#include "server/http/http_server.h"

enum listener { LISTENER_SECURE = 0, LISTENER_HEALTH };

#define ENDPOINTS_MAX 64

/* Where reviews are taken, and what a body need not say there. */
static const struct {
    const char *path;
    struct token_review_defaults defaults;
} review_paths[] = {
    { "/authenticate", { 0 } }, /* the body says what it is */
    { "/apis/authentication.k8s.io/v1/tokenreviews", { true, TOKEN_REVIEW_V1 } },
    { "/apis/authentication.k8s.io/v1beta1/tokenreviews", { true, TOKEN_REVIEW_V1BETA1 } },
};

#define REVIEW_PATH_COUNT COUNTOF(review_paths)

/* Rows of one listener. */
struct rows {
    struct endpoint at[ENDPOINTS_MAX];
    size_t count;
};

struct server {
    struct http_server *http;
    struct ask *ask;
    struct token_review_endpoint reviews[REVIEW_PATH_COUNT];
    struct operator_endpoints operator;
    struct discovery_endpoints *discovery;
    struct rows secure;
    struct rows health;
    bool has_health_listener;
    void (*on_ended)(void *ctx); /* see struct server_context */
    void *ctx;
};

static void add_row(struct rows *rows, struct endpoint row)
{
    if (rows->count < ENDPOINTS_MAX) {
        rows->at[rows->count] = row;
    }
    rows->count++; /* too many: make() sees it */
}

static void add_reviews(struct rows *rows, struct server *server)
{
    for (size_t i = 0; i < REVIEW_PATH_COUNT; i++) {
        add_row(rows, (struct endpoint){ .path = review_paths[i].path,
                                         .methods = METHOD_POST,
                                         .client = ENDPOINT_CLIENT_CERTIFICATE,
                                         .expects = "POST with a TokenReview",
                                         .handle = token_review_endpoint,
                                         .ctx = &server->reviews[i] });
    }
}

static void add_read(struct rows *rows,
                     const char *path,
                     enum endpoint_client client,
                     endpoint_fn *handle,
                     struct server *server)
{
    add_row(rows, (struct endpoint){ .path = path,
                                     .methods = METHOD_GET | METHOD_HEAD,
                                     .client = client,
                                     .handle = handle,
                                     .ctx = &server->operator});
}

static void add_discovery(struct rows *rows, const struct server *server)
{
    size_t count;
    const struct endpoint *const discovery = discovery_endpoints_rows(server->discovery, &count);
    for (size_t i = 0; i < count; i++) {
        add_row(rows, discovery[i]);
    }
}

/* Health needs no client certificate: kubelets have none. */
static void add_operators(struct rows *rows, enum endpoint_client scraper, struct server *server)
{
    add_read(rows, "/livez/{check...}", ENDPOINT_ANYBODY, livez_endpoint, server);
    add_read(rows, "/readyz/{check...}", ENDPOINT_ANYBODY, readyz_endpoint, server);
    add_read(rows, "/healthz/{check...}", ENDPOINT_ANYBODY, healthz_endpoint, server);
    add_read(rows, "/metrics", scraper, metrics_endpoint, server);
}

static void make_rows(struct server *server, const struct server_options *options)
{
    add_reviews(&server->secure, server);
    add_discovery(&server->secure, server);
    add_read(&server->secure, "/version", ENDPOINT_ANYBODY, version_endpoint, server);
    add_read(&server->health, "/version", ENDPOINT_ANYBODY, version_endpoint, server);
    add_operators(&server->health, ENDPOINT_ANYBODY, server);
    if (!server->has_health_listener) {
        add_operators(&server->secure,
                      options->metrics_require_client_certificate ? ENDPOINT_CLIENT_CERTIFICATE
                                                                  : ENDPOINT_ANYBODY,
                      server);
    }
}

static enum status check_rows(const struct server *server, struct problem *reterr_problem)
{
    if (server->secure.count <= ENDPOINTS_MAX && server->health.count <= ENDPOINTS_MAX) {
        return ST_OK;
    }
    problem_set(reterr_problem, ST_LIMIT, 0, 0, "more than %d endpoints on a listener",
                ENDPOINTS_MAX);
    return ST_LIMIT;
}

static void on_ended(void *ctx)
{
    const struct server *server = ctx;
    if (server->on_ended) {
        server->on_ended(server->ctx);
    }
}

static void on_second(void *ctx, struct shard *shard)
{
    const struct server *server = ctx;
    ask_tell_held_back(server->ask, shard, "TokenReview refusals held back");
}

static enum status make_http(struct server *server,
                             const struct server_options *options,
                             const struct server_context *context,
                             struct problem *reterr_problem)
{
    CLEANUP(buf_fini) struct buf bodies = { 0 };
    struct prepared_reply refusals[2];
    const struct http_listener listeners[] = {
        [LISTENER_SECURE] = { .address = options->bind_address,
                              .port = options->secure_port,
                              .is_tls = true,
                              .client = ENDPOINT_ANYBODY, /* the endpoints say it */
                              .workers = options->workers,
                              .endpoints = server->secure.at,
                              .endpoint_count = server->secure.count },
        [LISTENER_HEALTH] = { .address = options->health_bind_host,
                              .port = options->health_bind_port,
                              .client = ENDPOINT_ANYBODY,
                              .workers = 1,
                              .endpoints = server->health.at,
                              .endpoint_count = server->health.count },
    };
    const struct http_server_options http = {
        .listeners = listeners,
        .listener_count = server->has_health_listener ? 2 : 1,
        .prepared = refusals,
        .prepared_count = COUNTOF(refusals),
        .max_body_bytes = options->max_body_bytes,
        .max_header_bytes = options->max_header_bytes,
        .max_connections = options->max_connections,
        .max_connections_per_address = options->max_connections_per_address,
        .max_connection_memory_bytes = options->max_connection_memory_bytes,
        .handshake_timeout_ns = options->handshake_timeout_ns,
        .request_timeout_ns = options->request_timeout_ns,
        .idle_timeout_ns = options->idle_timeout_ns,
        .shutdown_grace_ns = options->shutdown_grace_ns,
        .tls = context->tls,
        .log = context->log,
        .clock = context->clock,
        .on_ended = on_ended,
        .on_second = on_second,
        .ctx = server,
    };
    const enum status status = token_review_endpoint_refusals(&bodies, refusals);
    return status == ST_OK ? http_server_new(&http, &server->http, reterr_problem) : status;
}

static enum status make(struct server *server,
                        const struct server_options *options,
                        const struct server_context *context,
                        struct problem *reterr_problem)
{
    server->has_health_listener = options->health_bind_host != NULL;
    server->on_ended = context->on_ended;
    server->ctx = context->ctx;
    enum status status =
        discovery_endpoints_new(api_resources_served(), version_number(), &server->discovery);
    if (status == ST_OK) {
        make_rows(server, options);
        status = check_rows(server, reterr_problem);
    }
    if (status == ST_OK) {
        const struct ask_options ask = {
            .authenticator = context->authenticator,
            .waiting = context->waiting,
            .clock = context->clock,
            .shard_count = options->workers + server->has_health_listener,
        };
        status = ask_new(&ask, &server->ask);
    }
    if (status == ST_OK) {
        status = make_http(server, options, context, reterr_problem);
    }
    if (status != ST_OK) {
        return status;
    }
    for (size_t i = 0; i < REVIEW_PATH_COUNT; i++) {
        server->reviews[i] = (struct token_review_endpoint){ .ask = server->ask,
                                                             .first_refusal = 1,
                                                             .defaults = review_paths[i].defaults };
    }
    server->operator=(struct operator_endpoints){
        .http = server->http,
        .ask = server->ask,
        .authenticator = context->authenticator,
        .store = context->store,
        .clusters = context->clusters,
        .cluster_count = context->cluster_count,
        .token_keys = context->token_keys,
        .tls = context->tls,
        .log = context->log,
        .clock_step = context->clock_step,
        .connections_limit = options->max_connections,
        .connection_memory_limit = options->max_connection_memory_bytes,
    };
    status = http_server_start(server->http);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "cannot start the workers: %s",
                    status_text(status));
    }
    return status;
}

enum status server_new(const struct server_options *options,
                       const struct server_context *context,
                       struct server **ret_server,
                       struct problem *reterr_problem)
{
    struct server *server = calloc(1, sizeof(*server));
    if (!server) {
        return ST_NOMEM;
    }
    const enum status status = make(server, options, context, reterr_problem);
    if (status != ST_OK) {
        (void)server_free(server);
        return status;
    }
    *ret_server = server;
    return ST_OK;
}

uint16_t server_secure_port(const struct server *server)
{
    return http_server_port(server->http, LISTENER_SECURE);
}

uint16_t server_health_port(const struct server *server)
{
    return server->has_health_listener ? http_server_port(server->http, LISTENER_HEALTH) : 0;
}

void server_drain(struct server *server)
{
    http_server_drain(server->http);
}

void server_stop(struct server *server)
{
    http_server_stop(server->http);
}

void server_cut(struct server *server)
{
    http_server_cut(server->http);
}

struct server *server_free(struct server *server)
{
    if (server) {
        server->http = http_server_free(server->http);
        server->ask = ask_free(server->ask);
        server->discovery = discovery_endpoints_free(server->discovery);
        free(server);
    }
    return NULL;
}
