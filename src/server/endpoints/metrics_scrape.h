/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The figures of a scrape: the workers' shards added up, the other modules asked for theirs. */
#include <stddef.h>
#include <stdint.h>

#include "authn/authenticator.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/log.h"
#include "engine/token_keys.h"
#include "io/clock_step.h"
#include "server/endpoints/review_metrics.h"
#include "server/http/metrics.h"
#include "server/tls/tls.h"
#include "store/store.h"

/** Everything a scrape reads. Borrows all of it. */
struct metrics_sources {
    const struct worker_metrics *const *shards;
    const struct review_metrics *const *review_shards;
    size_t shard_count;                        /* of each */
    const struct authenticator *authenticator; /* may be NULL */
    const struct store *store;                 /* may be NULL */
    const struct cluster_store *clusters;      /* further ones */
    size_t cluster_count;                      /* at most AUTHENTICATOR_CLUSTERS_MAX */
    const struct token_keys *token_keys;       /* may be NULL */
    const struct log *log;                     /* may be NULL */
    const struct clock_step *clock_step;       /* may be NULL */
    struct certificate_stats certificate;      /* copied by the caller just before */
    int64_t connections_limit;
    uint64_t connection_memory;       /* bytes charged to connections, see http/budget.h */
    uint64_t connection_memory_limit; /* 0: none */
};

/** metrics_build() - append the page, text format 0.0.4 (check buf->failed). Not for hot paths: it
 * reads /proc */
void metrics_build(struct buf *buf, const struct metrics_sources *sources) NONNULL(1, 2);
