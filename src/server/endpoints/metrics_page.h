/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The /metrics page and its documentation, from one table; figures in, text out. */
#include "authn/authenticator.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/process_stats.h"
#include "engine/token_keys.h"
#include "io/clock_step.h"
#include "server/endpoints/review_metrics.h"
#include "server/http/metrics.h"
#include "server/tls/tls.h"
#include "store/store.h"

/** What the shards add up to. */
struct metrics_totals {
    uint64_t reviews[AUTHENTICATOR_COUNT_][DECISION_RESULT_COUNT_][STATUS_COUNT_];
    uint64_t durations[DURATION_BOUND_COUNT + 1];
    uint64_t duration_sum_ns;
    uint64_t http_codes[HTTP_CODE_COUNT_];
    uint64_t counters[WORKER_COUNTER_COUNT_];
};

/** Labels of build_info; static texts. */
struct build_facts {
    const char *version; /* NULL: unknown, no sample */
    const char *commit;
    const char *compiler;
    const char *platform;
};

/** A further cluster. */
struct metrics_cluster {
    const char *name; /* a DNS label: the operator's, and the value of a label */
    struct store_stats store;
};

/** Everything on the page at one moment. All-zero is a page without samples of absent parts. */
struct metrics_figures {
    struct metrics_totals totals;
    bool has_authenticator;
    struct token_family_stats bootstrap;
    bool has_store;
    struct store_stats store;
    const struct metrics_cluster *clusters;
    size_t cluster_count;
    const struct token_source_figures *token_sources; /* of ServiceAccount tokens */
    size_t token_source_count;                        /* 0: none, and so no verified tokens */
    struct verified_tokens_stats verified;
    bool has_log;
    uint64_t log_lines_failed;
    bool has_clock_steps;
    struct clock_step_stats clock_steps;
    struct certificate_stats certificate; /* not_after_sec 0: no TLS */
    int64_t connections_limit;
    bool has_connection_memory;
    uint64_t connection_memory;
    bool has_connection_memory_limit;
    uint64_t connection_memory_limit;
    bool has_process;
    struct process_stats process;
    struct build_facts build;
};

/** metrics_page_build() - append the page, text format 0.0.4. Every metric has its HELP and TYPE;
 * reviews, HTTP codes and rejected Secrets have the series that are not 0 */
void metrics_page_build(struct buf *buf, const struct metrics_figures *figures) NONNULL(1, 2);

/** metrics_document() - append docs/metrics.md: the same table in Markdown */
void metrics_document(struct buf *buf) NONNULL(1);
