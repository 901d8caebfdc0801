/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SIGHUP asks for. Everything here is followed anyway, so an operator who sends it wants to
 * know rather than to have it done: one line says what was looked at and how it went, a problem
 * included that was told before.
 */
#include "cli/serve_reread.h"

#include <stdio.h>

/* certificates; of the store: manifests, credentials. A cluster's name takes that of certificates
 */
#define REREAD_PLACES_MAX 3

/* The line being put together: a field for each place behind those of the signal. */
struct reread_line {
    struct log_field
        fields[SIGNAL_FIELD_COUNT + REREAD_PLACES_MAX + 1]; /* the last one ends them */
    char texts[REREAD_PLACES_MAX][LOG_TEXT_MAX];
    size_t place_count;
    bool has_failed;
};

enum status serve_reload_certificates(struct tls_context *tls,
                                      struct log *log,
                                      bool *ret_changed,
                                      struct problem *reterr_problem)
{
    const enum status status = tls_context_reload(tls, ret_changed, reterr_problem);
    if (status != ST_OK) {
        log_event(log, LOG_ERROR, "Certificate reload failed, the previous one stays in service",
                  LOG_FIELDS(LOG_TEXT("file", reterr_problem->file),
                             LOG_TEXT("problem", reterr_problem->text)));
    } else if (*ret_changed) {
        struct certificate_stats stats;
        tls_context_stats(tls, &stats);
        log_event(log, LOG_INFO, "Certificate reloaded",
                  LOG_FIELDS(LOG_INT("notAfter", stats.not_after_sec)));
    }
    return status;
}

void serve_tell_certificate(struct tls_context *tls,
                            struct log *log,
                            const char *file,
                            unsigned *told)
{
    struct tls_finding findings[TLS_FINDINGS_MAX];
    const size_t count = tls_context_judge(tls, findings);
    unsigned flaws = 0;
    for (size_t i = 0; i < count; i++) {
        const unsigned flaw = 1U << findings[i].flaw;
        flaws |= flaw;
        if (!(*told & flaw)) {
            log_event(log, LOG_WARNING,
                      findings[i].is_certain ? "Clients will refuse the serving certificate"
                                             : "Clients may refuse the serving certificate",
                      LOG_FIELDS(LOG_TEXT("reason", tls_flaw_label(findings[i].flaw)),
                                 LOG_TEXT("file", file), LOG_TEXT("problem", findings[i].problem),
                                 LOG_TEXT("kubeAPIServerSays", findings[i].says),
                                 LOG_TEXT("mend", findings[i].mend)));
        }
    }
    *told = flaws;
}

static void format_result(const struct store_reread *found, char *ret_text, size_t size)
{
    char line[PROBLEM_FILE_MAX + PROBLEM_TEXT_MAX + 64];
    if (found->status == ST_OK) {
        (void)snprintf(ret_text, size, "%s", found->has_changed ? "ok" : "unchanged");
    } else if (found->problem && found->problem->text[0]) {
        problem_format(found->problem, line, sizeof(line));
        (void)snprintf(ret_text, size, "failed: %s", line);
    } else {
        (void)snprintf(ret_text, size, "%s%s", found->problem ? "failed: " : "",
                       status_text(found->status));
    }
}

static void add_result(void *ctx, const struct store_reread *found)
{
    struct reread_line *line = ctx;
    if (line->place_count == REREAD_PLACES_MAX) {
        return;
    }
    char *text = line->texts[line->place_count];
    format_result(found, text, sizeof(line->texts[0]));
    line->fields[SIGNAL_FIELD_COUNT + line->place_count++] = LOG_TEXT(found->what, text);
    line->has_failed = line->has_failed || found->problem;
}

static void tell(struct log *log, const struct reread_line *line)
{
    log_event(
        log, line->has_failed ? LOG_WARNING : LOG_INFO,
        line->has_failed
            ? "Signal received, not everything could be read again; what was read before stays"
            : "Signal received, everything read again",
        line->fields);
}

static void reread_cluster(const struct cluster_store *cluster,
                           struct log *log,
                           const struct signal_event *signal)
{
    struct reread_line line = {
        .fields = { SIGNAL_FIELDS(signal), LOG_TEXT("cluster", cluster->name) }, .place_count = 1
    };
    store_reread(cluster->store, add_result, &line);
    tell(log, &line);
}

void serve_reread(struct tls_context *tls,
                  const struct engine *engine,
                  struct log *log,
                  const struct signal_event *signal)
{
    struct problem problem = { 0 };
    struct store_reread certificates = { .what = "certificates" };
    struct reread_line line = { .fields = { SIGNAL_FIELDS(signal) } };
    certificates.status = serve_reload_certificates(tls, log, &certificates.has_changed, &problem);
    certificates.problem = certificates.status == ST_OK ? NULL : &problem;
    add_result(&line, &certificates);
    store_reread(engine->store, add_result, &line);
    tell(log, &line);
    for (size_t i = 0; i < engine->cluster_count; i++) {
        reread_cluster(&engine->clusters[i], log, signal);
    }
}
