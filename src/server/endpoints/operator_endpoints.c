/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators and kubelets ask: health, metrics, version.
 *
 * Health needs no client certificate (kubelets have none), so its pages hold nothing but states and
 * reload errors.
 */
#include "server/endpoints/operator_endpoints.h"

#include <stdio.h>

#include "base/version.h"
#include "server/endpoints/health.h"
#include "server/endpoints/keys_remark.h"
#include "server/endpoints/metrics_scrape.h"
#include "server/endpoints/store_remark.h"

#define OWN_CHECKS_MAX 8

#define NAMED_CHECK_MAX 80 /* "cluster/" or "keys/" and a DNS label, with NUL */

static bool check_ping(void *ctx, char *ret_remark)
{
    (void)ctx;
    (void)ret_remark;
    return true;
}

static bool check_synced(void *ctx, char *ret_remark)
{
    const struct operator_endpoints *operator= ctx;
    struct store_stats stats = { 0 };
    if (authenticator_is_synced(operator->authenticator)) {
        return true;
    }
    if (operator->store) {
        store_stats(operator->store, &stats);
    }
    store_remark_before_sync(&stats, ret_remark);
    return false;
}

static bool check_shutdown(void *ctx, char *ret_remark)
{
    const struct operator_endpoints *operator= ctx;
    if (http_server_phase(operator->http) == HTTP_SERVER_SERVING) {
        return true;
    }
    (void)snprintf(ret_remark, HEALTH_REMARK_MAX, "process is shutting down");
    return false;
}

/* The certificate in service is what counts. A newer one that could not be loaded is a remark, and
 * so is what clients refuse of this one, but for its time: all replicas have the same one, and who
 * asks here has not verified it. */
static bool check_certificate(void *ctx, char *ret_remark)
{
    const struct operator_endpoints *operator= ctx;
    struct certificate_stats stats;
    struct tls_finding findings[TLS_FINDINGS_MAX];
    struct problem problem = { 0 };
    tls_context_stats(operator->tls, &stats);
    const size_t count = tls_context_judge(operator->tls, findings);
    const bool is_in_force = tls_findings_tell(findings, count, &problem);
    if (is_in_force && !stats.last_reload_ok) {
        (void)snprintf(ret_remark, HEALTH_REMARK_MAX,
                       "reload failed, the previous certificate is served: %s", stats.last_error);
    } else {
        (void)snprintf(ret_remark, HEALTH_REMARK_MAX, "%s", problem.text);
    }
    return is_in_force;
}

static bool check_store(void *ctx, char *ret_remark)
{
    const struct operator_endpoints *operator= ctx;
    struct store_stats stats;
    if (!operator->store) {
        return true;
    }
    store_stats(operator->store, &stats);
    store_remark(&stats, ret_remark);
    return true;
}

/* Its tokens are answered from what was known, or get an error; all others are answered as ever. */
static bool check_cluster(void *ctx, char *ret_remark)
{
    const struct cluster_store *cluster = ctx;
    struct store_stats stats;
    store_stats(cluster->store, &stats);
    store_remark_cluster(&stats, ret_remark);
    return true;
}

static bool check_keys(void *ctx, char *ret_remark)
{
    const struct token_source_figures *source = ctx;
    keys_remark(&source->keys, ret_remark);
    return true;
}

/* The checks of one page, as long as it is made. */
struct checks {
    struct health_check
        at[OWN_CHECKS_MAX + AUTHENTICATOR_CLUSTERS_MAX + SERVICE_ACCOUNT_SOURCES_MAX];
    size_t count;
    char names[AUTHENTICATOR_CLUSTERS_MAX][NAMED_CHECK_MAX];
    char key_names[SERVICE_ACCOUNT_SOURCES_MAX][NAMED_CHECK_MAX];
    struct token_source_figures token_sources[SERVICE_ACCOUNT_SOURCES_MAX];
};

static void add_check(struct checks *checks, struct health_check check)
{
    checks->at[checks->count++] = check;
}

static void add_clusters(struct checks *checks, const struct operator_endpoints *operator)
{
    for (size_t i = 0; i < operator->cluster_count; i++) {
        (void)snprintf(checks->names[i], sizeof(checks->names[i]),
                       "cluster/%s", operator->clusters[i].name);
        add_check(checks, (struct health_check){ .name = checks->names[i],
                                                 .run = check_cluster,
                                                 .ctx = (void *)(uintptr_t)&operator->clusters[i] });
    }
}

/* This cluster's have no name. */
static void add_keys(struct checks *checks, const struct operator_endpoints *operator)
{
    const size_t count = operator->token_keys ? token_keys_count(operator->token_keys) : 0;
    for (size_t i = 0; i < count; i++) {
        struct token_source_figures *source = &checks->token_sources[i];
        token_keys_figures(operator->token_keys, i, source);
        (void)snprintf(checks->key_names[i], sizeof(checks->key_names[i]), "keys%s%s",
                       source->cluster[0] ? "/" : "", source->cluster);
        add_check(checks, (struct health_check){
                              .name = checks->key_names[i], .run = check_keys, .ctx = source });
    }
}

static enum outcome health(void *ctx,
                           struct request *request,
                           struct reply *reply,
                           enum health_page page)
{
    struct checks checks;
    checks.count = 0;
    add_check(&checks, (struct health_check){ .name = "ping", .livez = true, .run = check_ping });
    add_check(&checks,
              (struct health_check){ .name = "informer-sync", .run = check_synced, .ctx = ctx });
    add_check(&checks, (struct health_check){ .name = "store", .run = check_store, .ctx = ctx });
    add_clusters(&checks, ctx);
    add_keys(&checks, ctx);
    add_check(&checks, (struct health_check){
                           .name = "serving-certificate", .run = check_certificate, .ctx = ctx });
    add_check(&checks,
              (struct health_check){ .name = "shutdown", .run = check_shutdown, .ctx = ctx });
    const unsigned code = health_build(reply->body, page, request->parameter, request->query,
                                       checks.at, checks.count);
    return reply_body(reply, code, "text/plain; charset=utf-8");
}

enum outcome livez_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    return health(ctx, request, reply, HEALTH_LIVEZ);
}

enum outcome readyz_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    return health(ctx, request, reply, HEALTH_READYZ);
}

enum outcome healthz_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    return health(ctx, request, reply, HEALTH_HEALTHZ);
}

enum outcome metrics_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    const struct operator_endpoints *operator= ctx;
    (void)request;
    const struct worker_metrics *shards[HTTP_SERVER_WORKERS_MAX];
    const struct review_metrics *review_shards[HTTP_SERVER_WORKERS_MAX];
    const unsigned count = http_server_worker_count(operator->http);
    for (unsigned i = 0; i < count; i++) {
        shards[i] = http_server_metrics(operator->http, i);
        review_shards[i] = ask_metrics(operator->ask, i);
    }
    struct metrics_sources sources = {
        .shards = shards,
        .review_shards = review_shards,
        .shard_count = count,
        .authenticator = operator->authenticator,
        .store = operator->store,
        .clusters = operator->clusters,
        .cluster_count = operator->cluster_count,
        .token_keys = operator->token_keys,
        .log = operator->log,
        .clock_step = operator->clock_step,
        .connections_limit = operator->connections_limit,
        .connection_memory = http_server_connection_memory(operator->http),
        .connection_memory_limit = operator->connection_memory_limit,
    };
    tls_context_stats(operator->tls, &sources.certificate);
    metrics_build(reply->body, &sources);
    return reply_body(reply, 200, "text/plain; version=0.0.4; charset=utf-8");
}

enum outcome version_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    (void)ctx;
    (void)request;
    version_build_json(reply->body);
    return reply_body(reply, 200, "application/json");
}
