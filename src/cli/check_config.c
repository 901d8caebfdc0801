/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-bearer check-config`: the start of serve, without serving.
 *
 * Options, certificate, key and CA are loaded by the functions that serve calls, and so are the
 * manifests and the API server's Secrets. Complaints go to standard error, one line each; what
 * would be served to standard output. One thread.
 */
#include "cli/check_config.h"

#include <inttypes.h>

#include "authn/families/token_families.h"
#include "base/rfc3339.h"
#include "cli/engine_options.h"
#include "cli/options_check.h"
#include "cli/output.h"
#include "cli/process.h"
#include "cli/settled_engine.h"
#include "server/tls/tls.h"

static const char command[] = "check-config";

/* What would be served nevertheless. */
static void on_warning(void *ctx, const struct problem *problem)
{
    (void)ctx;
    output_warn(command, problem);
}

static void on_problem(void *ctx, const struct problem *problem)
{
    uint64_t *count = ctx;
    *count += 1;
    output_complain(command, problem);
}

/* What kube-apiserver refuses is a problem; what hangs on whom it trusts, a warning. */
static void report_findings(const struct options *options,
                            struct tls_context *context,
                            uint64_t *problem_count)
{
    struct tls_finding findings[TLS_FINDINGS_MAX];
    const size_t count = tls_context_judge(context, findings);
    for (size_t i = 0; i < count; i++) {
        struct problem problem = { 0 };
        problem_set_file(&problem, options->tls_cert_file);
        tls_finding_tell(&findings[i], &problem);
        if (findings[i].is_certain) {
            on_problem(problem_count, &problem);
        } else {
            on_warning(NULL, &problem);
        }
    }
}

static enum status check_certificate(const struct options *options,
                                     struct buf *report,
                                     uint64_t *problem_count,
                                     struct problem *reterr_problem)
{
    struct tls_options tls;
    struct tls_context *context = NULL;
    tls_options_from(options, &tls);
    const enum status status = tls_context_new(&tls, &context, reterr_problem);
    if (status != ST_OK) {
        if (!reterr_problem->text[0]) {
            problem_set(reterr_problem, status, 0, 0, "%s", status_text(status));
        }
        return status;
    }
    struct certificate_stats stats;
    tls_context_stats(context, &stats);
    report_findings(options, context, problem_count);
    context = tls_context_free(context);
    char text[RFC3339_MAX];
    rfc3339_format((struct instant){ .sec = stats.not_after_sec }, text);
    buf_printf(report, "serving certificate: good until %s\n", text);
    return ST_OK;
}

static void report_metrics(const struct options *options, struct buf *report)
{
    const char *whom = options->health_bind_address.host
                           ? "everybody who reaches --health-bind-address"
                       : options->metrics_require_client_certificate
                           ? "clients with a certificate of --client-ca-file"
                           : "everybody who reaches the port";
    buf_printf(report, "metrics: for %s\n", whom);
}

static void report_sources(const struct engine *engine,
                           const struct options *options,
                           const struct store_stats *stats,
                           struct buf *report)
{
    if (options->manifests) {
        buf_printf(report, "manifests: %" PRIu64 " files", stats->files);
    }
    if (engine->kube_apiserver) {
        buf_printf(report, "%skube-apiserver: %s", options->manifests ? "; " : "",
                   engine->kube_apiserver);
    }
    buf_printf(report, ", %" PRIu64 " Secrets\n", store_stats_objects(stats, &kind_secret));
}

static void report_clusters(const struct engine *engine, struct buf *report)
{
    for (size_t i = 0; i < engine->cluster_count; i++) {
        const struct cluster_store *cluster = &engine->clusters[i];
        struct store_stats stats;
        store_stats(cluster->store, &stats);
        buf_printf(report, "cluster %s: %s", cluster->name, cluster->server ? cluster->server : "");
        for (size_t k = 0; k < COUNTOF(stats.kinds) && stats.kinds[k].kind; k++) {
            buf_printf(report, ", %" PRIu64 " %s", stats.kinds[k].objects,
                       stats.kinds[k].kind->name);
        }
        buf_append_text(report, stats.is_synced ? "\n" : ", not everything has been read\n");
    }
}

static void report_keys(const struct service_account_source *source,
                        const struct token_source_figures *figures,
                        const char *from,
                        struct buf *report)
{
    buf_printf(report, "; keys: %" PRIu64 " of %s", figures->keys.key_count, from);
    if (source->key_file_count > 1) {
        buf_printf(report, " and %zu more", source->key_file_count - 1);
    }
    if (figures->keys.skipped_count > 0) {
        buf_printf(report, ", beside %" PRIu64 " that cannot be used", figures->keys.skipped_count);
    }
}

static void report_lookups(const struct service_account_lookup *lookup,
                           const struct object_index_stats *objects,
                           struct buf *report)
{
    if (!lookup->is_on) {
        buf_append_text(report, "; nothing is looked up");
        return;
    }
    buf_printf(report, "; looked up: %" PRIu64 " ServiceAccounts", objects->service_accounts);
    if (lookup->follows_pods) {
        buf_printf(report, ", %" PRIu64 " Pods", objects->pods);
    }
    if (lookup->follows_nodes) {
        buf_printf(report, ", %" PRIu64 " Nodes", objects->nodes);
    }
    if (lookup->secrets != SERVICE_ACCOUNT_SECRETS_NONE) {
        buf_printf(report, ", %" PRIu64 " token Secrets", objects->token_secrets);
    }
    if (lookup->secrets == SERVICE_ACCOUNT_SECRETS_ALL) {
        buf_printf(report, ", %" PRIu64 " Secrets of any type", objects->secrets);
    }
}

/* Where ServiceAccount tokens may come from; none without the family. */
static void report_token_sources(const struct settled_engine *settled, struct buf *report)
{
    const struct token_keys *keys = settled->engine.token_keys;
    for (size_t i = 0; keys && i < token_keys_count(keys); i++) {
        const struct service_account_source *source = &settled->room->service_accounts.sources[i];
        struct token_source_figures figures;
        token_keys_figures(keys, i, &figures);
        buf_printf(report, "ServiceAccount tokens of %s%s: %s",
                   figures.cluster[0] ? "cluster " : "this cluster", figures.cluster,
                   source->issuer_count > 1 ? "issuers" : "issuer");
        for (size_t k = 0; k < source->issuer_count; k++) {
            buf_printf(report, "%s %s", k > 0 ? "," : "", source->issuers[k].at);
        }
        report_keys(source, &figures, key_source_name(token_keys_source(keys, i)), report);
        report_lookups(&source->lookup, &figures.objects, report);
        buf_append_char(report, '\n');
    }
}

static void report_family(const struct engine *engine,
                          enum authenticator_id family,
                          struct buf *report)
{
    struct token_family_stats tokens;
    authenticator_stats(engine->authenticator, family, &tokens);
    const char *counted = token_families[family]->counted_text;
    buf_printf(report, "%s tokens: %" PRIu64 " %s\n", authenticator_label(family), tokens.usable,
               counted ? counted : "usable");
    for (enum status status = 0; status < STATUS_COUNT_; status++) {
        if (tokens.rejected[status] > 0) {
            buf_printf(report, "not usable: %" PRIu64 " %s: %s\n", tokens.rejected[status],
                       status_label(status),
                       token_family_reason_text(token_families[family], status));
        }
    }
}

static void report_tokens(const struct settled_engine *settled,
                          const struct options *options,
                          uint64_t problem_count,
                          struct buf *report)
{
    const struct engine *engine = &settled->engine;
    struct store_stats objects;
    store_stats(engine->store, &objects);
    report_sources(engine, options, &objects, report);
    report_clusters(engine, report);
    report_token_sources(settled, report);
    for (enum authenticator_id id = AUTHENTICATOR_NONE + 1; id < AUTHENTICATOR_COUNT_; id++) {
        report_family(engine, id, report);
    }
    buf_printf(report, "problems: %" PRIu64 "\n", problem_count);
}

int check_config_run(const struct options *options)
{
    CLEANUP(buf_fini) struct buf report = { 0 };
    CLEANUP(settled_engine_fini) struct settled_engine settled = { .on_remark = on_warning };
    struct problem problem = { 0 };
    uint64_t problem_count = 0;
    options_warn(options, COMMAND_CHECK_CONFIG, on_warning, NULL);
    unsigned connections = 0; /* that serve would get here: only whether it would start matters */
    struct process_memory memory;
    if (process_fit_connections(options, on_warning, NULL, &connections, &problem) != ST_OK ||
        process_fit_memory(options, "", on_warning, NULL, &memory, &problem) != ST_OK ||
        check_certificate(options, &report, &problem_count, &problem) != ST_OK ||
        settled_engine_load(options, on_problem, &problem_count, &settled, &problem) != ST_OK) {
        output_complain(command, &problem);
        return EXIT_STATUS_FAILED;
    }
    buf_printf(&report, "memory for connections: %zu bytes (%s)\n", memory.connection_bytes,
               memory.source);
    report_metrics(options, &report);
    report_tokens(&settled, options, problem_count, &report);
    if (!output_write(command, &report) || problem_count > 0) {
        return EXIT_STATUS_FAILED;
    }
    return EXIT_STATUS_OK;
}
