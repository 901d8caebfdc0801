/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting. Threads: a shard has one writer, its worker. It counts with a relaxed load and store,
 * which costs what a plain variable does.
 */
#include "server/http/metrics.h"

static enum http_code code_index(unsigned code)
{
    switch (code) {
#define X(number) \
    case number:  \
        return HTTP_CODE_##number;
        HTTP_CODE_TABLE(X)
#undef X
    default:
        return HTTP_CODE_OTHER;
    }
}

void metrics_count_http(struct worker_metrics *metrics, unsigned code)
{
    metrics_add(&metrics->http_codes[code_index(code)], 1);
}
