/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of all metrics, read two ways: as the page that Prometheus scrapes and as
 * docs/metrics.md.
 *
 * Names follow Prometheus' conventions: a prefix, base units, `_total` for counters, timestamps in
 * seconds since 1970. Label values are closed sets of ours (status_label() and the like), facts of
 * the build, or names that the operator has given his clusters; no peer and no object can add a
 * series. A timestamp that does not exist yet has no
 * sample, since 0 would read as 1970 and fire alerts on age. Numbers are written without printf's
 * floating point, whose decimal point follows the embedder's locale.
 *
 * Threads: any; nothing is kept.
 */
#include "server/endpoints/metrics_page.h"

#include <stddef.h>
#include <string.h>

#include "authn/families/token_families.h"

#define NS_PER_SEC UINT64_C(1000000000)

struct metric {
    const char *name;
    const char *type;
    const char *labels; /* for the documentation */
    void (*emit)(struct buf *buf,
                 const struct metric *metric,
                 const struct metrics_figures *figures);
    size_t figure; /* emit_count and others: offset in struct metrics_figures; emit_source_count: in
                      struct token_source_figures */
    size_t present; /* offset of the bool that says whether there is one */
    const char *help;
};

static const bool *flag_at(const struct metrics_figures *figures, size_t offset)
{
    return (const bool *)((const char *)figures + offset);
}

static const uint64_t *count_at(const struct metrics_figures *figures, size_t offset)
{
    return (const uint64_t *)((const char *)figures + offset);
}

static const int64_t *sec_at(const struct metrics_figures *figures, size_t offset)
{
    return (const int64_t *)((const char *)figures + offset);
}

static void append_label_value(struct buf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"') {
            buf_append_char(buf, '\\');
        }
        if (*text == '\n') {
            buf_append_text(buf, "\\n");
        } else {
            buf_append_char(buf, *text);
        }
    }
}

static void append_label(struct buf *buf, const char *name, const char *value)
{
    buf_append_text(buf, name);
    buf_append_text(buf, "=\"");
    append_label_value(buf, value);
    buf_append_char(buf, '"');
}

static void append_count(struct buf *buf, uint64_t count)
{
    buf_printf(buf, " %llu\n", (unsigned long long)count);
}

/* Seconds without trailing zeros: 0.000005, 1, 2.5 */
static void append_seconds(struct buf *buf, uint64_t ns)
{
    buf_printf(buf, "%llu", (unsigned long long)(ns / NS_PER_SEC));
    uint64_t rest = ns % NS_PER_SEC;
    if (rest == 0) {
        return;
    }
    int digits = 9;
    while (rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    buf_printf(buf, ".%0*llu", digits, (unsigned long long)rest);
}

static void emit_count(struct buf *buf,
                       const struct metric *metric,
                       const struct metrics_figures *figures)
{
    if (*flag_at(figures, metric->present)) {
        buf_append_text(buf, metric->name);
        append_count(buf, *count_at(figures, metric->figure));
    }
}

static void emit_flag(struct buf *buf,
                      const struct metric *metric,
                      const struct metrics_figures *figures)
{
    if (*flag_at(figures, metric->present)) {
        buf_append_text(buf, metric->name);
        append_count(buf, *flag_at(figures, metric->figure) ? 1 : 0);
    }
}

static void emit_timestamp(struct buf *buf,
                           const struct metric *metric,
                           const struct metrics_figures *figures)
{
    const int64_t sec = *sec_at(figures, metric->figure);
    if (sec != 0) {
        buf_printf(buf, "%s %lld\n", metric->name, (long long)sec);
    }
}

static void emit_seconds(struct buf *buf,
                         const struct metric *metric,
                         const struct metrics_figures *figures)
{
    if (*flag_at(figures, metric->present)) {
        buf_printf(buf, "%s ", metric->name);
        append_seconds(buf, *count_at(figures, metric->figure));
        buf_append_char(buf, '\n');
    }
}

static void emit_reviews(struct buf *buf,
                         const struct metric *metric,
                         const struct metrics_figures *figures)
{
    for (size_t i = 0; i < (size_t)AUTHENTICATOR_COUNT_ * DECISION_RESULT_COUNT_ * STATUS_COUNT_;
         i++) {
        const enum status why = (enum status)(i % STATUS_COUNT_);
        const enum decision_result result =
            (enum decision_result)(i / STATUS_COUNT_ % DECISION_RESULT_COUNT_);
        const enum authenticator_id id =
            (enum authenticator_id)(i / STATUS_COUNT_ / DECISION_RESULT_COUNT_);
        const uint64_t count = figures->totals.reviews[id][result][why];
        if (count == 0) {
            continue;
        }
        buf_printf(buf, "%s{", metric->name);
        append_label(buf, "authenticator", authenticator_label(id));
        append_label(buf, ",result", decision_result_label(result));
        append_label(buf, ",reason", status_label(why));
        buf_append_char(buf, '}');
        append_count(buf, count);
    }
}

static void emit_durations(struct buf *buf,
                           const struct metric *metric,
                           const struct metrics_figures *figures)
{
    static const uint64_t bounds_us[DURATION_BOUND_COUNT] = DURATION_BOUNDS_US;
    uint64_t count = 0; /* the format wants each bucket to hold those below it */
    for (size_t i = 0; i <= DURATION_BOUND_COUNT; i++) {
        count += figures->totals.durations[i];
        buf_printf(buf, "%s_bucket{le=\"", metric->name);
        if (i < DURATION_BOUND_COUNT) {
            append_seconds(buf, bounds_us[i] * 1000);
        } else {
            buf_append_text(buf, "+Inf");
        }
        buf_append_text(buf, "\"}");
        append_count(buf, count);
    }
    buf_printf(buf, "%s_sum ", metric->name);
    append_seconds(buf, figures->totals.duration_sum_ns);
    buf_printf(buf, "\n%s_count", metric->name);
    append_count(buf, count);
}

static void emit_http_codes(struct buf *buf,
                            const struct metric *metric,
                            const struct metrics_figures *figures)
{
    static const char *const labels[HTTP_CODE_COUNT_] = {
#define X(code) [HTTP_CODE_##code] = #code,
        HTTP_CODE_TABLE(X)
#undef X
            [HTTP_CODE_OTHER] = "other"
    };
    for (size_t i = 0; i < HTTP_CODE_COUNT_; i++) {
        if (figures->totals.http_codes[i]) {
            buf_printf(buf, "%s{code=\"%s\"}", metric->name, labels[i]);
            append_count(buf, figures->totals.http_codes[i]);
        }
    }
}

static const struct {
    const char *name;
    const char *labels;
} worker_rows[WORKER_COUNTER_COUNT_] = {
#define X(counter, row_name, row_labels) [counter] = { .name = (row_name), .labels = (row_labels) },
    WORKER_COUNTER_TABLE(X)
#undef X
};

static void emit_worker(struct buf *buf,
                        const struct metric *metric,
                        const struct metrics_figures *figures)
{
    for (size_t i = 0; i < WORKER_COUNTER_COUNT_; i++) {
        if (strcmp(worker_rows[i].name, metric->name) != 0) {
            continue;
        }
        buf_append_text(buf, metric->name);
        if (worker_rows[i].labels[0]) {
            buf_printf(buf, "{%s}", worker_rows[i].labels);
        }
        append_count(buf, figures->totals.counters[i]);
    }
}

static void emit_open(struct buf *buf,
                      const struct metric *metric,
                      const struct metrics_figures *figures)
{
    const uint64_t accepted = figures->totals.counters[COUNT_CONNECTIONS_ACCEPTED];
    const uint64_t closed = figures->totals.counters[COUNT_CONNECTIONS_CLOSED];
    buf_append_text(buf, metric->name);
    append_count(buf, accepted > closed ? accepted - closed : 0); /* closed is read later */
}

static void emit_limit(struct buf *buf,
                       const struct metric *metric,
                       const struct metrics_figures *figures)
{
    if (figures->connections_limit > 0) {
        buf_append_text(buf, metric->name);
        append_count(buf, (uint64_t)figures->connections_limit);
    }
}

static void emit_rejected(struct buf *buf,
                          const struct metric *metric,
                          const struct metrics_figures *figures)
{
    for (size_t i = 0; i < STATUS_COUNT_; i++) {
        if (figures->bootstrap.rejected[i]) {
            buf_printf(buf, "%s{reason=\"%s\"}", metric->name, status_label((enum status)i));
            append_count(buf, figures->bootstrap.rejected[i]);
        }
    }
}

static void emit_objects(struct buf *buf,
                         const struct metric *metric,
                         const struct metrics_figures *figures)
{
    const struct store_stats *stats = &figures->store;
    for (size_t i = 0; figures->has_store && i < COUNTOF(stats->kinds) && stats->kinds[i].kind;
         i++) {
        buf_printf(buf, "%s{kind=\"%s\"}", metric->name, stats->kinds[i].kind->name);
        append_count(buf, stats->kinds[i].objects);
    }
}

static void append_cluster(struct buf *buf,
                           const struct metric *metric,
                           const struct metrics_cluster *cluster)
{
    buf_printf(buf, "%s{", metric->name);
    append_label(buf, "cluster", cluster->name);
}

static void emit_cluster_synced(struct buf *buf,
                                const struct metric *metric,
                                const struct metrics_figures *figures)
{
    for (size_t i = 0; i < figures->cluster_count; i++) {
        append_cluster(buf, metric, &figures->clusters[i]);
        buf_append_char(buf, '}');
        append_count(buf, figures->clusters[i].store.is_synced ? 1 : 0);
    }
}

static void emit_cluster_connected(struct buf *buf,
                                   const struct metric *metric,
                                   const struct metrics_figures *figures)
{
    for (size_t i = 0; i < figures->cluster_count; i++) {
        append_cluster(buf, metric, &figures->clusters[i]);
        buf_append_char(buf, '}');
        append_count(buf, figures->clusters[i].store.is_connected ? 1 : 0);
    }
}

static void emit_cluster_contact(struct buf *buf,
                                 const struct metric *metric,
                                 const struct metrics_figures *figures)
{
    for (size_t i = 0; i < figures->cluster_count; i++) {
        const int64_t sec = figures->clusters[i].store.last_contact_sec;
        if (sec != 0) {
            append_cluster(buf, metric, &figures->clusters[i]);
            buf_printf(buf, "} %lld\n", (long long)sec);
        }
    }
}

static void emit_cluster_objects(struct buf *buf,
                                 const struct metric *metric,
                                 const struct metrics_figures *figures)
{
    for (size_t i = 0; i < figures->cluster_count; i++) {
        const struct store_stats *stats = &figures->clusters[i].store;
        for (size_t k = 0; k < COUNTOF(stats->kinds) && stats->kinds[k].kind; k++) {
            append_cluster(buf, metric, &figures->clusters[i]);
            append_label(buf, ",kind", stats->kinds[k].kind->name);
            buf_append_char(buf, '}');
            append_count(buf, stats->kinds[k].objects);
        }
    }
}

static void append_source(struct buf *buf,
                          const struct metric *metric,
                          const struct token_source_figures *source)
{
    buf_printf(buf, "%s{", metric->name);
    append_label(buf, "cluster", source->cluster);
}

/* A figure of each source of tokens; @figure: its offset in struct token_source_figures. */
static void emit_source_count(struct buf *buf,
                              const struct metric *metric,
                              const struct metrics_figures *figures)
{
    for (size_t i = 0; i < figures->token_source_count; i++) {
        const struct token_source_figures *source = &figures->token_sources[i];
        append_source(buf, metric, source);
        buf_append_char(buf, '}');
        append_count(buf, *(const uint64_t *)((const char *)source + metric->figure));
    }
}

static void emit_source_failing(struct buf *buf,
                                const struct metric *metric,
                                const struct metrics_figures *figures)
{
    for (size_t i = 0; i < figures->token_source_count; i++) {
        append_source(buf, metric, &figures->token_sources[i]);
        buf_append_char(buf, '}');
        append_count(buf, figures->token_sources[i].keys.is_failing ? 1 : 0);
    }
}

static void emit_source_success(struct buf *buf,
                                const struct metric *metric,
                                const struct metrics_figures *figures)
{
    for (size_t i = 0; i < figures->token_source_count; i++) {
        const int64_t sec = figures->token_sources[i].keys.success_sec;
        if (sec != 0) {
            append_source(buf, metric, &figures->token_sources[i]);
            buf_printf(buf, "} %lld\n", (long long)sec);
        }
    }
}

static void append_source_result(struct buf *buf,
                                 const struct metric *metric,
                                 const struct token_source_figures *source,
                                 const char *result,
                                 uint64_t count)
{
    append_source(buf, metric, source);
    append_label(buf, ",result", result);
    buf_append_char(buf, '}');
    append_count(buf, count);
}

static void emit_source_fetches(struct buf *buf,
                                const struct metric *metric,
                                const struct metrics_figures *figures)
{
    for (size_t i = 0; i < figures->token_source_count; i++) {
        const struct token_source_figures *source = &figures->token_sources[i];
        append_source_result(buf, metric, source, "success", source->keys.success_count);
        append_source_result(buf, metric, source, "failure", source->keys.failure_count);
    }
}

static void emit_source_wants(struct buf *buf,
                              const struct metric *metric,
                              const struct metrics_figures *figures)
{
    for (size_t i = 0; i < figures->token_source_count; i++) {
        const struct token_source_figures *source = &figures->token_sources[i];
        append_source_result(buf, metric, source, "waited", source->keys.wanted_count);
        append_source_result(buf, metric, source, "refused", source->keys.refused_want_count);
    }
}

static void emit_source_objects(struct buf *buf,
                                const struct metric *metric,
                                const struct metrics_figures *figures)
{
    for (size_t i = 0; i < figures->token_source_count; i++) {
        const struct token_source_figures *source = &figures->token_sources[i];
        const struct object_index_stats *objects = &source->objects;
        const struct {
            const char *kind;
            uint64_t count;
        } rows[] = {
            { "service_accounts", objects->service_accounts },
            { "pods", objects->pods },
            { "nodes", objects->nodes },
            { "secrets", objects->secrets },
            { "token_secrets", objects->token_secrets },
        };
        for (size_t k = 0; source->looks_up && k < COUNTOF(rows); k++) {
            append_source(buf, metric, source);
            append_label(buf, ",kind", rows[k].kind);
            buf_append_char(buf, '}');
            append_count(buf, rows[k].count);
        }
    }
}

static void emit_verified(struct buf *buf,
                          const struct metric *metric,
                          const struct metrics_figures *figures)
{
    if (figures->token_source_count > 0) {
        buf_append_text(buf, metric->name);
        append_count(buf, *count_at(figures, metric->figure));
    }
}

/* Two counters side by side, good ones first. */
static void append_results(struct buf *buf, const char *name, uint64_t ok, uint64_t failed)
{
    buf_printf(buf, "%s{result=\"success\"}", name);
    append_count(buf, ok);
    buf_printf(buf, "%s{result=\"failure\"}", name);
    append_count(buf, failed);
}

static void emit_store_reloads(struct buf *buf,
                               const struct metric *metric,
                               const struct metrics_figures *figures)
{
    if (figures->has_store) {
        append_results(buf, metric->name, figures->store.reloads_ok, figures->store.reloads_failed);
    }
}

static void emit_store_flag(struct buf *buf,
                            const struct metric *metric,
                            const struct metrics_figures *figures)
{
    if (figures->store.last_reload_sec) { /* an API server has lists, and nothing is read again */
        buf_append_text(buf, metric->name);
        append_count(buf, figures->store.last_reload_ok ? 1 : 0);
    }
}

static void emit_store_lists(struct buf *buf,
                             const struct metric *metric,
                             const struct metrics_figures *figures)
{
    if (figures->store.is_remote) {
        append_results(buf, metric->name, figures->store.lists_ok, figures->store.lists_failed);
    }
}

static void emit_certificate_reloads(struct buf *buf,
                                     const struct metric *metric,
                                     const struct metrics_figures *figures)
{
    if (figures->certificate.not_after_sec) {
        append_results(buf, metric->name, figures->certificate.reloads_ok,
                       figures->certificate.reloads_failed);
    }
}

static void emit_certificate_flag(struct buf *buf,
                                  const struct metric *metric,
                                  const struct metrics_figures *figures)
{
    if (figures->certificate.last_reload_sec) {
        buf_append_text(buf, metric->name);
        append_count(buf, figures->certificate.last_reload_ok ? 1 : 0);
    }
}

static void emit_clock_steps(struct buf *buf,
                             const struct metric *metric,
                             const struct metrics_figures *figures)
{
    if (figures->has_clock_steps) {
        buf_printf(buf, "%s{direction=\"backward\"}", metric->name);
        append_count(buf, figures->clock_steps.backward);
        buf_printf(buf, "%s{direction=\"forward\"}", metric->name);
        append_count(buf, figures->clock_steps.forward);
    }
}

static void emit_build(struct buf *buf,
                       const struct metric *metric,
                       const struct metrics_figures *figures)
{
    const struct build_facts *build = &figures->build;
    if (!build->version) {
        return;
    }
    buf_printf(buf, "%s{", metric->name);
    append_label(buf, "version", build->version);
    append_label(buf, ",commit", build->commit);
    append_label(buf, ",compiler", build->compiler);
    append_label(buf, ",platform", build->platform);
    buf_append_text(buf, "} 1\n");
}

static void emit_start(struct buf *buf,
                       const struct metric *metric,
                       const struct metrics_figures *figures)
{
    if (figures->has_process && figures->process.start_time_ms > 0) {
        buf_printf(buf, "%s ", metric->name);
        append_seconds(buf, (uint64_t)figures->process.start_time_ms * 1000000);
        buf_append_char(buf, '\n');
    }
}

/* clang-format off */
#define AT(member)      .figure = offsetof(struct metrics_figures, member)
#define OF_SOURCE(member) .figure = offsetof(struct token_source_figures, member)
#define IF(member)      .present = offsetof(struct metrics_figures, member)
#define COUNTER(n, ...) { .name = (n), .type = "counter",   __VA_ARGS__ },
#define GAUGE(n, ...)   { .name = (n), .type = "gauge",     __VA_ARGS__ },
#define HISTOGRAM(n, ...) { .name = (n), .type = "histogram", __VA_ARGS__ },

static const struct metric metrics[] = {
    COUNTER("kube_bearer_token_reviews_total", .emit = emit_reviews, .labels = "authenticator, result, reason",
        .help = "TokenReviews answered, by the authenticator that decided, its decision and why")
    HISTOGRAM("kube_bearer_token_review_duration_seconds", .emit = emit_durations, .labels = "le",
        .help = "Time from the last byte of a TokenReview to its answer, TLS and network left out")
    COUNTER("kube_bearer_http_requests_total", .emit = emit_http_codes, .labels = "code",
        .help = "HTTP requests answered by an endpoint, by status code")

    GAUGE("kube_bearer_connections", .emit = emit_open,
        .help = "Connections open now")
    GAUGE("kube_bearer_connections_limit", .emit = emit_limit,
        .help = "Connections that may be open at once; further ones are closed at accept")
    GAUGE("kube_bearer_connection_memory_bytes", .emit = emit_count, AT(connection_memory), IF(has_connection_memory),
        .help = "Memory that open connections are charged for: what they may pin, not what they do")
    GAUGE("kube_bearer_connection_memory_limit_bytes", .emit = emit_count, AT(connection_memory_limit), IF(has_connection_memory_limit),
        .help = "The most that they may be charged together; near it connections are closed to make room, and refused at accept")
    COUNTER("kube_bearer_connections_accepted_total", .emit = emit_worker,
        .help = "Connections accepted")
    COUNTER("kube_bearer_connections_closed_total", .emit = emit_worker,
        .help = "Connections that have ended, whoever ended them")
    COUNTER("kube_bearer_connections_cut_total", .emit = emit_worker, .labels = "reason",
        .help = "Connections that a limit, a failed send or a malformed request ended; docs/operations.md has the reasons")
    COUNTER("kube_bearer_tls_handshakes_total", .emit = emit_worker, .labels = "kind",
        .help = "TLS handshakes completed, full or resumed from a session ticket")
    COUNTER("kube_bearer_tls_handshake_failures_total", .emit = emit_worker,
        .help = "Connections that ended before their TLS handshake did")
    COUNTER("kube_bearer_client_certificates_refused_total", .emit = emit_worker, .labels = "reason",
        .help = "Requests refused for their client certificate")

    GAUGE("kube_bearer_bootstrap_tokens", .emit = emit_count, AT(bootstrap.usable), IF(has_authenticator),
        .help = "Secrets held that can authenticate as bootstrap tokens, now or until they expire")
    GAUGE("kube_bearer_secrets_rejected", .emit = emit_rejected, .labels = "reason",
        .help = "Secrets of the bootstrap token type or name that cannot authenticate now")
    GAUGE("kube_bearer_store_synced", .emit = emit_flag, AT(store.is_synced), IF(has_store),
        .help = "Whether everything that was there at the start has been read: 1 or 0")
    GAUGE("kube_bearer_store_objects", .emit = emit_objects, .labels = "kind",
        .help = "Kubernetes objects held")
    GAUGE("kube_bearer_store_files", .emit = emit_count, AT(store.files), IF(has_store),
        .help = "Manifest files held")
    GAUGE("kube_bearer_store_problems", .emit = emit_count, AT(store.problems), IF(has_store),
        .help = "What is wrong now: files and objects that cannot be read, objects in two places, credentials that cannot be "
                "read, a Kubernetes API server that is away")
    COUNTER("kube_bearer_store_reloads_total", .emit = emit_store_reloads, .labels = "result",
        .help = "Scans and files read again")
    GAUGE("kube_bearer_store_last_reload_timestamp_seconds", .emit = emit_timestamp, AT(store.last_reload_sec),
        .help = "When objects were last read, in seconds since 1970")
    GAUGE("kube_bearer_store_last_reload_successful", .emit = emit_store_flag,
        .help = "Whether objects were last read without a problem: 1 or 0")
    GAUGE("kube_bearer_store_connected", .emit = emit_flag, AT(store.is_connected), IF(store.is_remote),
        .help = "Whether every watch of the Kubernetes API server is open, as far as known: 1 or 0")
    GAUGE("kube_bearer_store_last_contact_timestamp_seconds", .emit = emit_timestamp, AT(store.last_contact_sec),
        .help = "When the Kubernetes API server last sent anything, in seconds since 1970; it does about every minute, so "
                "alert when time() - this > 120: what is answered may be as old as that")
    COUNTER("kube_bearer_store_lists_total", .emit = emit_store_lists, .labels = "result",
        .help = "Whole lists of objects asked of the Kubernetes API server")
    COUNTER("kube_bearer_store_watches_total", .emit = emit_count, AT(store.watches_begun), IF(store.is_remote),
        .help = "Watches of the Kubernetes API server begun; a healthy one lasts five to ten minutes")
    COUNTER("kube_bearer_store_watch_events_total", .emit = emit_count, AT(store.watch_events), IF(store.is_remote),
        .help = "Events that watches of the Kubernetes API server have told")
    GAUGE("kube_bearer_cluster_synced", .emit = emit_cluster_synced, .labels = "cluster",
        .help = "Whether everything that was there at the start has been read of a further cluster: 1 or 0; its tokens get an error "
                "until then")
    GAUGE("kube_bearer_cluster_connected", .emit = emit_cluster_connected, .labels = "cluster",
        .help = "Whether every watch of a further cluster's API server is open, as far as known: 1 or 0")
    GAUGE("kube_bearer_cluster_last_contact_timestamp_seconds", .emit = emit_cluster_contact, .labels = "cluster",
        .help = "When a further cluster's API server last sent anything, in seconds since 1970")
    GAUGE("kube_bearer_cluster_objects", .emit = emit_cluster_objects, .labels = "cluster, kind",
        .help = "Kubernetes objects held of a further cluster")

    GAUGE("kube_bearer_service_account_keys", .emit = emit_source_count, OF_SOURCE(keys.key_count), .labels = "cluster",
        .help = "Keys in force that verify a cluster's ServiceAccount tokens; cluster is empty for this one, else the name of an entry of "
                "serviceAccountIssuers. At 0 its tokens get an error")
    GAUGE("kube_bearer_service_account_keys_skipped", .emit = emit_source_count, OF_SOURCE(keys.skipped_count), .labels = "cluster",
        .help = "Keys beside them that cannot be used; the log says which and why")
    GAUGE("kube_bearer_service_account_keys_failing", .emit = emit_source_failing, .labels = "cluster",
        .help = "Whether keys could not be had at the latest attempt: 1 or 0; those of before serve on, for --jwks-max-stale")
    GAUGE("kube_bearer_service_account_keys_last_success_timestamp_seconds", .emit = emit_source_success, .labels = "cluster",
        .help = "When keys were last had, in seconds since 1970. Over the network that is every hour at least, so alert when "
                "time() - this > 7200; files are read when they change")
    COUNTER("kube_bearer_service_account_key_fetches_total", .emit = emit_source_fetches, .labels = "cluster, result",
        .help = "Times that keys were fetched or their files read")
    COUNTER("kube_bearer_service_account_key_waits_total", .emit = emit_source_wants, .labels = "cluster, result",
        .help = "Tokens of a key that was not known: waited for a fetch, or refused to, since one was made just before or too many "
                "waited")
    GAUGE("kube_bearer_service_account_objects", .emit = emit_source_objects, .labels = "cluster, kind",
        .help = "Objects that ServiceAccount tokens are held against; token_secrets are those of type "
                "kubernetes.io/service-account-token")
    GAUGE("kube_bearer_service_account_objects_unusable", .emit = emit_source_count, OF_SOURCE(objects.unusable), .labels = "cluster",
        .help = "Those among them whose uid is longer than any API server gives, so that they count as absent")
    GAUGE("kube_bearer_verified_tokens", .emit = emit_verified, AT(verified.count),
        .help = "Signed tokens held whose signature need not be verified again")
    GAUGE("kube_bearer_verified_tokens_accepted", .emit = emit_verified, AT(verified.accepted),
        .help = "Those of them that were answered yes lately, as far as is known; the others go first when room is needed")
    GAUGE("kube_bearer_verified_tokens_bytes", .emit = emit_verified, AT(verified.bytes),
        .help = "Memory that they take")
    COUNTER("kube_bearer_verified_tokens_evicted_total", .emit = emit_verified, AT(verified.evicted),
        .help = "Those that had to go to make room")
    COUNTER("kube_bearer_verified_tokens_refused_total", .emit = emit_verified, AT(verified.refused),
        .help = "Tokens that found no room, and cost their verification again")

    GAUGE("kube_bearer_certificate_not_after_timestamp_seconds", .emit = emit_timestamp, AT(certificate.not_after_sec),
        .help = "When the serving certificate in use expires, in seconds since 1970")
    COUNTER("kube_bearer_certificate_reloads_total", .emit = emit_certificate_reloads, .labels = "result",
        .help = "Times that certificate, key and client CA were read again; a failure keeps the old ones")
    GAUGE("kube_bearer_certificate_last_reload_timestamp_seconds", .emit = emit_timestamp, AT(certificate.last_reload_sec),
        .help = "When certificate, key and client CA were last read again, in seconds since 1970")
    GAUGE("kube_bearer_certificate_last_reload_successful", .emit = emit_certificate_flag,
        .help = "Whether certificate, key and client CA were last read without a problem: 1 or 0")

    COUNTER("kube_bearer_log_lines_dropped_total", .emit = emit_worker,
        .help = "Log lines about requests held back by the rate limit")
    COUNTER("kube_bearer_log_write_failures_total", .emit = emit_count, AT(log_lines_failed), IF(has_log),
        .help = "Log lines lost because they could not be written in time")
    COUNTER("kube_bearer_clock_steps_total", .emit = emit_clock_steps, .labels = "direction",
        .help = "Times that the wall clock was set by 2 seconds or more; once it is set back, tokens that had expired in between are good "
                "again")
    GAUGE("kube_bearer_build_info", .emit = emit_build, .labels = "version, commit, compiler, platform",
        .help = "Which build this is; always 1")

    COUNTER("process_cpu_seconds_total", .emit = emit_seconds, AT(process.cpu_ns), IF(has_process),
        .help = "Total user and system CPU time spent in seconds")
    GAUGE("process_resident_memory_bytes", .emit = emit_count, AT(process.resident_bytes), IF(has_process),
        .help = "Resident memory size in bytes")
    GAUGE("process_virtual_memory_bytes", .emit = emit_count, AT(process.virtual_bytes), IF(has_process),
        .help = "Virtual memory size in bytes")
    GAUGE("process_open_fds", .emit = emit_count, AT(process.open_fds), IF(has_process),
        .help = "Number of open file descriptors")
    GAUGE("process_max_fds", .emit = emit_count, AT(process.max_fds), IF(has_process),
        .help = "Maximum number of open file descriptors")
    GAUGE("process_start_time_seconds", .emit = emit_start,
        .help = "Start time of the process since unix epoch in seconds")
};
/* clang-format on */

void metrics_page_build(struct buf *buf, const struct metrics_figures *figures)
{
    for (size_t i = 0; i < COUNTOF(metrics); i++) {
        const struct metric *metric = &metrics[i];
        buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                   metric->type);
        metric->emit(buf, metric, figures);
    }
}

/* Table cells: `|` would end one, `<` would start HTML. */
static void append_cell(struct buf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') {
            buf_append_text(buf, "\\|");
        } else if (*text == '<') {
            buf_append_text(buf, "&lt;");
        } else {
            buf_append_char(buf, *text);
        }
    }
}

static void append_code_list(struct buf *buf, const char *names)
{
    for (const char *at = names; at && *at; at += strspn(at, ", ")) {
        const size_t len = strcspn(at, ",");
        buf_printf(buf, "%s`%.*s`", at == names ? "" : ", ", (int)len, at);
        at += len;
    }
}

static void document_metrics(struct buf *buf)
{
    buf_append_text(buf, "| Metric | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < COUNTOF(metrics); i++) {
        buf_printf(buf, "| `%s` | %s | ", metrics[i].name, metrics[i].type);
        append_code_list(buf, metrics[i].labels);
        buf_append_text(buf, " | ");
        append_cell(buf, metrics[i].help);
        buf_append_text(buf, " |\n");
    }
}

static void document_worker_labels(struct buf *buf)
{
    buf_append_text(buf, "| Metric | Series |\n| --- | --- |\n");
    for (size_t i = 0; i < WORKER_COUNTER_COUNT_; i++) {
        if (worker_rows[i].labels[0]) {
            buf_printf(buf, "| `%s` | `%s` |\n", worker_rows[i].name, worker_rows[i].labels);
        }
    }
}

/* Where one says more than holds for all. */
static void document_reason_of_families(struct buf *buf, enum status why)
{
    for (size_t id = AUTHENTICATOR_NONE + 1; id < AUTHENTICATOR_COUNT_; id++) {
        const char *text = token_family_reason_text(token_families[id], why);
        if (strcmp(text, status_text(why)) != 0) {
            buf_printf(buf, "; `%s`: ", authenticator_label((enum authenticator_id)id));
            append_cell(buf, text);
        }
    }
}

static void document_reasons(struct buf *buf)
{
    static const char *const blames[] = {
        [FAULT_NONE] = "nobody",
        [FAULT_PEER] = "the question, or the object it is about",
        [FAULT_UPSTREAM] = "what has not been told (yet)",
        [FAULT_SELF] = "this server",
    };
    buf_append_text(buf, "| Reason | Lies with | Meaning |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < STATUS_COUNT_; i++) {
        buf_printf(buf, "| `%s` | %s | ", status_label((enum status)i),
                   blames[status_fault((enum status)i)]);
        append_cell(buf, status_text((enum status)i));
        document_reason_of_families(buf, (enum status)i);
        buf_append_text(buf, " |\n");
    }
}

void metrics_document(struct buf *buf)
{
    buf_append_text(
        buf,
        "# Metrics\n\n"
        "Made from the tables in `src/server/endpoints/metrics_page.c`, "
        "`src/server/http/metrics.h` and "
        "`src/base/status.h`; do not edit.\n"
        "`KB_UPDATE_DOCS=1 meson test -C build server/endpoints/metrics_page` writes it anew, and "
        "the test "
        "fails "
        "when it is out of date.\n\n"
        "`/metrics` is Prometheus' text format 0.0.4. Reviews, HTTP codes and rejected "
        "Secrets have the series that are not 0;\n"
        "a timestamp of something that has not happened has no sample, and neither has what is "
        "about the Kubernetes API\n"
        "server when none is asked for objects.\n\n"
        "With `--client-ca-file` a scrape needs a client certificate, unless "
        "`--health-bind-address` moves the page to a port of\n"
        "its own or `--metrics-require-client-certificate=false` opens it: "
        "[operations.md](operations.md#metrics).\n\n");
    document_metrics(buf);
    buf_append_text(buf, "\n## Series of the connection counters\n\n");
    document_worker_labels(buf);
    buf_append_text(buf, "\n## Values of `authenticator` and `result`\n\n- `authenticator`: ");
    for (size_t i = 0; i < AUTHENTICATOR_COUNT_; i++) {
        buf_printf(buf, "%s`%s`", i ? ", " : "", authenticator_label((enum authenticator_id)i));
    }
    buf_append_text(buf, "; `none` means that no authenticator was asked\n- `result`: ");
    for (size_t i = 0; i < DECISION_RESULT_COUNT_; i++) {
        buf_printf(buf, "%s`%s`", i ? ", " : "", decision_result_label((enum decision_result)i));
    }
    buf_append_text(buf, "\n\n## Values of `reason`\n\n"
                         "Logs and `kube-bearer review -o explain` use the same names. Where a "
                         "family of tokens says "
                         "more than holds for all,\nits name stands before that.\n\n");
    document_reasons(buf);
}
