/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting what was counted. Threads: any worker scrapes, and reads all shards with relaxed
 * loads: each figure is exact, figures among themselves may be a request apart.
 */
#include "server/endpoints/metrics_scrape.h"

#include "base/version.h"
#include "server/endpoints/metrics_page.h"

static void sum_up(uint64_t *sums, const _Atomic uint64_t *counters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sums[i] += atomic_load_explicit(&counters[i], memory_order_relaxed);
    }
}

static void sum_up_shard(struct metrics_totals *totals, const struct worker_metrics *shard)
{
    sum_up(totals->http_codes, shard->http_codes, HTTP_CODE_COUNT_);
    sum_up(totals->counters, shard->counters, WORKER_COUNTER_COUNT_);
}

static void sum_up_reviews(struct metrics_totals *totals, const struct review_metrics *shard)
{
    for (size_t a = 0; a < AUTHENTICATOR_COUNT_; a++) {
        for (size_t r = 0; r < DECISION_RESULT_COUNT_; r++) {
            sum_up(totals->reviews[a][r], shard->reviews[a][r], STATUS_COUNT_);
        }
    }
    sum_up(totals->durations, shard->durations, DURATION_BOUND_COUNT + 1);
    sum_up(&totals->duration_sum_ns, &shard->duration_sum_ns, 1);
}

void metrics_build(struct buf *buf, const struct metrics_sources *sources)
{
    struct metrics_figures figures = {
        .has_authenticator = sources->authenticator != NULL,
        .has_store = sources->store != NULL,
        .has_log = sources->log != NULL,
        .has_clock_steps = sources->clock_step != NULL,
        .certificate = sources->certificate,
        .connections_limit = sources->connections_limit,
        .has_connection_memory = sources->connections_limit > 0,
        .connection_memory = sources->connection_memory,
        .has_connection_memory_limit = sources->connection_memory_limit > 0,
        .connection_memory_limit = sources->connection_memory_limit,
        .build = { .version = version_number(),
                   .commit = version_commit(),
                   .compiler = version_compiler(),
                   .platform = version_platform() },
    };
    for (size_t i = 0; i < sources->shard_count; i++) {
        sum_up_shard(&figures.totals, sources->shards[i]);
        sum_up_reviews(&figures.totals, sources->review_shards[i]);
    }
    if (sources->authenticator) {
        authenticator_stats(sources->authenticator, AUTHENTICATOR_BOOTSTRAP, &figures.bootstrap);
    }
    if (sources->store) {
        store_stats(sources->store, &figures.store);
    }
    struct metrics_cluster clusters[AUTHENTICATOR_CLUSTERS_MAX];
    for (size_t i = 0; i < sources->cluster_count; i++) {
        clusters[i].name = sources->clusters[i].name;
        store_stats(sources->clusters[i].store, &clusters[i].store);
    }
    figures.clusters = clusters;
    figures.cluster_count = sources->cluster_count;
    struct token_source_figures token_sources[SERVICE_ACCOUNT_SOURCES_MAX];
    if (sources->token_keys) {
        figures.token_source_count = token_keys_count(sources->token_keys);
        for (size_t i = 0; i < figures.token_source_count; i++) {
            token_keys_figures(sources->token_keys, i, &token_sources[i]);
        }
        token_keys_verified(sources->token_keys, &figures.verified);
    }
    figures.token_sources = token_sources;
    if (sources->log) {
        figures.log_lines_failed = log_lines_failed(sources->log);
    }
    if (sources->clock_step) {
        clock_step_stats(sources->clock_step, &figures.clock_steps);
    }
    figures.has_process = process_stats_read(&figures.process) == ST_OK; /* no /proc: no samples */
    metrics_page_build(buf, &figures);
}
