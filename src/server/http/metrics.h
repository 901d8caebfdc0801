/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What workers count, in shards of their own (one writer each, no shared cache line).
 * endpoints/metrics_scrape adds them up; the table of all metrics stands in endpoints/metrics_page.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* clang-format off */
/* Counters that workers keep: enumerator, name, labels (text or ""). Type and HELP stand in the table of endpoints/metrics_page.c. */
#define WORKER_COUNTER_TABLE(X)                                                                                      \
    X(COUNT_HANDSHAKES_FULL,        "kube_bearer_tls_handshakes_total",               "kind=\"full\"")               \
    X(COUNT_HANDSHAKES_RESUMED,     "kube_bearer_tls_handshakes_total",               "kind=\"resumed\"")            \
    X(COUNT_HANDSHAKE_FAILURES,     "kube_bearer_tls_handshake_failures_total",       "")                            \
    X(COUNT_CONNECTIONS_ACCEPTED,   "kube_bearer_connections_accepted_total",         "")                            \
    X(COUNT_CONNECTIONS_CLOSED,     "kube_bearer_connections_closed_total",           "")                            \
    X(COUNT_CLOSED_LIMIT,           "kube_bearer_connections_cut_total",              "reason=\"too_many\"")         \
    X(COUNT_CLOSED_LIMIT_ADDRESS,   "kube_bearer_connections_cut_total",              "reason=\"too_many_from_address\"") \
    X(COUNT_CLOSED_LIMIT_MEMORY,    "kube_bearer_connections_cut_total",              "reason=\"too_much_memory\"")  \
    X(COUNT_CLOSED_MEMORY,          "kube_bearer_connections_cut_total",              "reason=\"made_room\"")        \
    X(COUNT_CLOSED_HANDSHAKE_TIME,  "kube_bearer_connections_cut_total",              "reason=\"handshake_timeout\"") \
    X(COUNT_CLOSED_REQUEST_TIME,    "kube_bearer_connections_cut_total",              "reason=\"request_timeout\"")  \
    X(COUNT_CLOSED_IDLE,            "kube_bearer_connections_cut_total",              "reason=\"idle_timeout\"")     \
    X(COUNT_CLOSED_BODY,            "kube_bearer_connections_cut_total",              "reason=\"body_too_large\"")   \
    X(COUNT_CLOSED_MALFORMED,       "kube_bearer_connections_cut_total",              "reason=\"malformed\"")        \
    X(COUNT_CLOSED_WIRE,            "kube_bearer_connections_cut_total",              "reason=\"too_many_bytes\"")   \
    X(COUNT_CLOSED_SEND,            "kube_bearer_connections_cut_total",              "reason=\"send_failed\"")      \
    X(COUNT_CLIENT_CERT_MISSING,    "kube_bearer_client_certificates_refused_total",  "reason=\"missing\"")          \
    X(COUNT_CLIENT_CERT_UNTRUSTED,  "kube_bearer_client_certificates_refused_total",  "reason=\"untrusted\"")        \
    X(COUNT_CLIENT_CERT_EXPIRED,    "kube_bearer_client_certificates_refused_total",  "reason=\"expired\"")          \
    X(COUNT_CLIENT_CERT_NOT_YET,    "kube_bearer_client_certificates_refused_total",  "reason=\"not_yet_valid\"")    \
    X(COUNT_CLIENT_CERT_USAGE,      "kube_bearer_client_certificates_refused_total",  "reason=\"wrong_usage\"")      \
    X(COUNT_CLIENT_CERT_NAME,       "kube_bearer_client_certificates_refused_total",  "reason=\"name\"")             \
    X(COUNT_LOG_DROPPED,            "kube_bearer_log_lines_dropped_total",            "")

/* HTTP status codes that are counted one by one; any other is counted as "other". */
#define HTTP_CODE_TABLE(X) X(200) X(400) X(401) X(403) X(404) X(405) X(406) X(413) X(415) X(429) X(431) X(500) X(501) X(503)
/* clang-format on */

enum worker_counter {
#define X(name, metric, labels) name,
    WORKER_COUNTER_TABLE(X)
#undef X
        WORKER_COUNTER_COUNT_
};

enum http_code {
#define X(code) HTTP_CODE_##code,
    HTTP_CODE_TABLE(X)
#undef X
        HTTP_CODE_OTHER,
    HTTP_CODE_COUNT_
};

/** A shard: written by one thread with relaxed atomics, read by scrapes. All-zero is the empty
 * shard. */
struct worker_metrics {
    _Alignas(64) _Atomic uint64_t http_codes[HTTP_CODE_COUNT_];
    _Atomic uint64_t counters[WORKER_COUNTER_COUNT_];
};

/** metrics_add() - single writer: a load and a store, no locked instruction */
static inline void metrics_add(_Atomic uint64_t *counter, uint64_t n)
{
    const uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + n, memory_order_relaxed);
}

/** metrics_count_http() - one HTTP answer of an endpoint (not of libmicrohttpd itself) */
void metrics_count_http(struct worker_metrics *metrics, unsigned code) NONNULL(1);
