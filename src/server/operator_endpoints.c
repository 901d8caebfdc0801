/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators and kubelets ask: health, metrics, version.
 *
 * Health needs no client certificate (kubelets have none), so its pages hold nothing but states and
 * reload errors.
 */
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "server/endpoint.h"
#include "server/endpoints/health.h"
#include "server/endpoints/metrics_scrape.h"
#include "server/endpoints/store_remark.h"
#include "server/http/metrics.h"
#include "server/reply.h"
#include "server/server_private.h"

static bool check_ping(void *ctx, char *ret_remark)
{
    (void)ctx;
    (void)ret_remark;
    return true;
}

static bool check_synced(void *ctx, char *ret_remark)
{
    const struct server *server = ctx;
    struct store_stats stats = { 0 };
    if (authenticator_is_synced(server->context.authenticator)) {
        return true;
    }
    if (server->context.store) {
        store_stats(server->context.store, &stats);
    }
    store_remark_before_sync(&stats, ret_remark);
    return false;
}

static bool check_shutdown(void *ctx, char *ret_remark)
{
    if (server_phase(ctx) == SERVER_SERVING) {
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
    const struct server *server = ctx;
    struct certificate_stats stats;
    struct tls_finding findings[TLS_FINDINGS_MAX];
    struct problem problem = { 0 };
    tls_context_stats(server->context.tls, &stats);
    const size_t count = tls_context_judge(server->context.tls, findings);
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
    const struct server *server = ctx;
    struct store_stats stats;
    if (!server->context.store) {
        return true;
    }
    store_stats(server->context.store, &stats);
    store_remark(&stats, ret_remark);
    return true;
}

/* Percent-encode what would be read as syntax, RFC 3986 2.1: libmicrohttpd has decoded it already.
 */
static void append_encoded(struct buf *buf, const char *text)
{
    for (; *text; text++) {
        if (strchr("%&;=+#", *text)) {
            buf_printf(buf, "%%%02X", (unsigned char)*text);
        } else {
            buf_append_char(buf, *text);
        }
    }
}

static enum MHD_Result append_argument(void *cls,
                                       enum MHD_ValueKind kind,
                                       const char *key,
                                       const char *value)
{
    (void)kind;
    struct buf *query = cls;
    buf_append_text(query, query->len ? "&" : "");
    append_encoded(query, key);
    if (value) {
        buf_append_char(query, '=');
        append_encoded(query, value);
    }
    return MHD_YES;
}

static enum MHD_Result health(struct exchange *exchange, enum health_page page)
{
    struct server *server = exchange->worker->server;
    const struct health_check checks[] = {
        { .name = "ping", .livez = true, .run = check_ping },
        { .name = "informer-sync", .run = check_synced, .ctx = server },
        { .name = "store", .run = check_store, .ctx = server },
        { .name = "serving-certificate", .run = check_certificate, .ctx = server },
        { .name = "shutdown", .run = check_shutdown, .ctx = server },
    };
    CLEANUP(buf_fini) struct buf query = { .max_len = server->options.max_header_bytes * 3 };
    (void)MHD_get_connection_values(exchange->mhd, MHD_GET_ARGUMENT_KIND, append_argument,
                                    &query); /* a count */
    struct buf *reply = &exchange->connection->request.reply;
    const struct span check = exchange->rest.len ? span_after(exchange->rest, 1) : exchange->rest;
    buf_clear(reply);
    if (query.failed) {
        return MHD_NO;
    }
    const unsigned code =
        health_build(reply, page, check, buf_span(&query), checks, COUNTOF(checks));
    return reply_built(exchange, code, "text/plain; charset=utf-8");
}

enum MHD_Result livez_endpoint(struct exchange *exchange)
{
    return health(exchange, HEALTH_LIVEZ);
}

enum MHD_Result readyz_endpoint(struct exchange *exchange)
{
    return health(exchange, HEALTH_READYZ);
}

enum MHD_Result healthz_endpoint(struct exchange *exchange)
{
    return health(exchange, HEALTH_HEALTHZ);
}

enum MHD_Result metrics_endpoint(struct exchange *exchange)
{
    const struct server *server = exchange->worker->server;
    const struct worker_metrics *shards[SERVER_MAX_WORKERS + 1];
    size_t count = 0;
    for (; count < server->worker_count; count++) {
        shards[count] = &server->workers[count]->metrics;
    }
    struct metrics_sources sources = {
        .shards = shards,
        .shard_count = count,
        .authenticator = server->context.authenticator,
        .store = server->context.store,
        .log = server->context.log,
        .clock_step = server->context.clock_step,
        .clock = server->context.clock,
        .connections_limit = server->options.max_connections,
        .connection_memory = atomic_load_explicit(&server->connection_memory, memory_order_relaxed),
        .connection_memory_limit = server->options.max_connection_memory_bytes,
    };
    tls_context_stats(server->context.tls, &sources.certificate);
    struct buf *reply = &exchange->connection->request.reply;
    buf_clear(reply);
    metrics_build(reply, &sources);
    return reply_built(exchange, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8");
}

enum MHD_Result version_endpoint(struct exchange *exchange)
{
    struct buf *reply = &exchange->connection->request.reply;
    buf_clear(reply);
    version_build_json(reply);
    return reply_built(exchange, MHD_HTTP_OK, "application/json");
}
