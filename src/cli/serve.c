/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-bearer serve`: the parts put together, and the process's life.
 *
 * The main thread is the loop: it reads the manifests, follows files and the API server, reloads
 * certificates, receives signals. Workers start before the first scan, so that health is answered
 * meanwhile and reviews get a 503 that kube-apiserver waits out. An API server that is away does
 * not stop the start: it may itself be waiting for us.
 *
 *   SIGTERM or SIGINT: drain (readyz fails, replies close), wait --shutdown-delay-duration, let
 * what runs finish within --shutdown-grace-duration. Each further one goes to the next of these
 * steps at once, and so does SIGQUIT, which skips the delay from the start. SIGHUP: read everything
 * again that is followed. Any other that would end the process is logged, and has no effect
 * (cli/serve_signals.c). All of this goes on until the last worker has ended, and files are
 * followed meanwhile: a token that is revoked in the grace is not good for the last requests.
 */
#include "cli/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "base/version.h"
#include "cli/engine_options.h"
#include "cli/options_check.h"
#include "cli/port_file.h"
#include "cli/problem_log.h"
#include "cli/process.h"
#include "cli/serve_reread.h"
#include "cli/serve_signals.h"
#include "engine/engine.h"
#include "io/clock_step.h"
#include "io/file/watch.h"
#include "server/server.h"

/* for file systems without events; as kube-apiserver does beside its watch */
#define CERTIFICATE_POLL_MS 60000

/* How far the end has come. */
enum stage { STAGE_SERVING = 0, STAGE_DELAY, STAGE_GRACE };

/* A further cluster: what is said of it is held back apart from what is said of others. */
struct serve_cluster {
    struct serve *serve; /* borrows */
    size_t index;
    struct problem_log problems;
};

/* Everything that lives as long as the process serves. */
struct serve {
    const struct options *options;
    unsigned max_connections; /* --max-connections, or what the kernel has descriptors for */
    struct process_memory memory;
    struct clock clock;
    struct log *log;
    struct engine_room room; /* of the engine's options */
    struct engine engine;
    struct tls_context *tls;
    struct server *server;
    struct file_watch *certificate_watch;
    unsigned told_flaws; /* of the certificate, see serve_tell_certificate() */
    struct serve_signals *signals;
    struct clock_step *clock_step;
    uv_timer_t delay;
    uv_timer_t certificate_poll;
    uv_timer_t memory_trim;
    bool has_handles;
    enum stage stage;
    struct problem_log problems;
    struct serve_cluster *clusters; /* owns; as many as the engine has */
    size_t cluster_count;
    struct log_limit signal_limit;
};

static int fail(const struct problem *problem)
{
    char line[PROBLEM_FILE_MAX + PROBLEM_TEXT_MAX + 64];
    problem_format(problem, line, sizeof(line));
    (void)fprintf(stderr, "kube-bearer serve: %s\n", line); /* nowhere else to complain */
    return 1;
}

static void tell_certificate(struct serve *serve, bool is_new)
{
    serve->told_flaws = is_new ? 0 : serve->told_flaws;
    serve_tell_certificate(serve->tls, serve->log, serve->options->tls_cert_file,
                           &serve->told_flaws);
}

static void reload_certificates(void *ctx)
{
    struct serve *serve = ctx;
    bool changed = false;
    struct problem problem = { 0 };
    (void)serve_reload_certificates(serve->tls, serve->log, &changed, &problem); /* it has told */
    tell_certificate(serve, changed); /* it may expire as it is */
}

static void on_certificate_poll(uv_timer_t *timer)
{
    reload_certificates(timer->data);
}

static void on_memory_trim(uv_timer_t *timer)
{
    (void)timer;
    (void)process_trim_memory(); /* there may be nothing to do */
}

/* Nothing new is accepted; on_server_ended() follows. */
static void begin_grace(struct serve *serve)
{
    serve->stage = STAGE_GRACE;
    (void)uv_timer_stop(&serve->delay); /* cannot fail */
    server_stop(serve->server);
}

static void on_delay_over(uv_timer_t *timer)
{
    begin_grace(timer->data);
}

/* On the last worker's thread. */
static void on_server_ended(void *ctx)
{
    const struct serve *serve = ctx;
    loop_stop(serve->engine.loop);
}

static void end(struct serve *serve, const struct signal_event *signal)
{
    static const char *const lines[] = {
        [STAGE_SERVING] = "Signal received, shutting down",
        [STAGE_DELAY] = "Signal received again, stopping now",
        [STAGE_GRACE] = "Signal received again, cutting off what still runs",
    };
    const bool delays = serve->stage == STAGE_SERVING && signal->meaning != SIGNAL_END_NOW;
    const int64_t delay_ms = delays ? serve->options->shutdown_delay_ms : 0;
    log_event(serve->log, LOG_INFO, lines[serve->stage],
              LOG_FIELDS(SIGNAL_FIELDS(signal), LOG_INT("delayMs", delay_ms)));
    server_drain(serve->server);
    if (serve->stage == STAGE_GRACE) {
        server_cut(serve->server);
    } else if (delay_ms > 0 &&
               uv_timer_start(&serve->delay, on_delay_over, (uint64_t)delay_ms, 0) == 0) {
        serve->stage = STAGE_DELAY;
    } else {
        begin_grace(serve);
    }
}

static void on_signal(void *ctx, const struct signal_event *signal)
{
    struct serve *serve = ctx;
    uint64_t dropped = 0;
    switch (signal->meaning) {
    case SIGNAL_END:
    case SIGNAL_END_NOW:
        end(serve, signal);
        break;
    case SIGNAL_REREAD:
        serve_reread(serve->tls, &serve->engine, serve->log, signal);
        tell_certificate(serve, true);
        break;
    case SIGNAL_IGNORED:
        if (log_limit_take(&serve->signal_limit, clock_monotonic_ns(&serve->clock), &dropped)) {
            log_event(serve->log, LOG_INFO, "Signal received, ignored",
                      LOG_FIELDS(SIGNAL_FIELDS(signal), LOG_INT("dropped", dropped)));
        }
        break;
    case SIGNAL_LEFT:
    case SIGNAL_SHUT:
        break; /* never told */
    }
}

static void on_clock_step(void *ctx, int64_t step_ms)
{
    const struct serve *serve = ctx;
    log_event(serve->log, LOG_WARNING,
              step_ms < 0 ? "Clock set back, tokens that had expired meanwhile are good again"
                          : "Clock set forward, tokens may have expired by that",
              LOG_FIELDS(LOG_INT("stepMs", step_ms)));
}

static void open_handles(struct serve *serve)
{
    uv_loop_t *uv = loop_uv(serve->engine.loop);
    /* these cannot fail on a loop that exists: they only fill in the handles */
    (void)uv_timer_init(uv, &serve->delay);
    (void)uv_timer_init(uv, &serve->certificate_poll);
    (void)uv_timer_init(uv, &serve->memory_trim);
    serve->delay.data = serve->certificate_poll.data = serve;
    problem_log_open(&serve->problems, serve->engine.loop);
    for (size_t i = 0; i < serve->cluster_count; i++) {
        problem_log_open(&serve->clusters[i].problems, serve->engine.loop);
    }
    serve->has_handles = true;
}

static void close_handles(struct serve *serve)
{
    if (serve->has_handles) {
        uv_close((uv_handle_t *)&serve->delay, NULL);
        uv_close((uv_handle_t *)&serve->certificate_poll, NULL);
        uv_close((uv_handle_t *)&serve->memory_trim, NULL);
        problem_log_close(&serve->problems);
        for (size_t i = 0; i < serve->cluster_count; i++) {
            problem_log_close(&serve->clusters[i].problems);
        }
    }
}

/* In the reverse order of need: workers first, since they read what the others own. */
static void serve_fini(struct serve *serve)
{
    serve->server = server_free(serve->server);
    serve->certificate_watch = file_watch_free(serve->certificate_watch);
    serve->signals = serve_signals_free(serve->signals);
    serve->clock_step = clock_step_free(serve->clock_step);
    close_handles(serve);
    engine_close(&serve->engine);
    free(serve->clusters);
    serve->tls = tls_context_free(serve->tls);
    serve->log = log_free(serve->log);
}

/* store_handler, called behind the authenticator's: everything has been read once. */
static void on_store_event(void *ctx, const struct store_event *event)
{
    const struct serve *serve = ctx;
    struct store_stats objects;
    struct token_family_stats tokens;
    if (event->type != STORE_SYNCED) {
        return;
    }
    store_stats(serve->engine.store, &objects);
    authenticator_stats(serve->engine.authenticator, AUTHENTICATOR_BOOTSTRAP, &tokens);
    log_event(serve->log, LOG_INFO, "Synced",
              LOG_FIELDS(LOG_INT("files", objects.files), LOG_INT("bootstrapTokens", tokens.usable),
                         LOG_INT("problems", objects.problems)));
}

/* store_handler, behind the authenticator's. */
static void on_cluster_event(void *ctx, const struct store_event *event)
{
    const struct serve_cluster *cluster = ctx;
    const struct engine *engine = &cluster->serve->engine;
    if (event->type == STORE_SYNCED) {
        log_event(cluster->serve->log, LOG_INFO, "Cluster synced",
                  LOG_FIELDS(LOG_TEXT("cluster", engine->clusters[cluster->index].name)));
    }
}

static void set_callbacks(struct store_sources *sources, struct problem_log *problems)
{
    sources->on_manifest_problem = problem_log_manifest;
    sources->on_manifest_resolved = problem_log_manifest_resolved;
    sources->on_manifest_remark = problem_log_manifest_remark;
    sources->on_server_problem = problem_log_kubernetes;
    sources->on_server_resolved = problem_log_kubernetes_resolved;
    sources->on_server_remark = problem_log_kubeconfig_remark;
    sources->ctx = problems;
}

/* Before the engine has them. */
static enum status prepare_clusters(struct serve *serve, const struct engine_options *engine)
{
    serve->clusters = calloc(engine->cluster_count + 1, sizeof(*serve->clusters));
    if (!serve->clusters) {
        return ST_NOMEM;
    }
    serve->cluster_count = engine->cluster_count;
    for (size_t i = 0; i < engine->cluster_count; i++) {
        struct serve_cluster *cluster = &serve->clusters[i];
        cluster->serve = serve;
        cluster->index = i;
        problem_log_init(&cluster->problems, serve->log, serve->clock);
        set_callbacks(&engine->clusters[i].sources, &cluster->problems);
    }
    return ST_OK;
}

/* To tell when everything has been read once. */
static enum status subscribe(struct serve *serve)
{
    enum status status = store_subscribe(serve->engine.store, NULL, on_store_event, serve);
    for (size_t i = 0; i < serve->cluster_count && status == ST_OK; i++) {
        status = store_subscribe(serve->engine.clusters[i].store, NULL, on_cluster_event,
                                 &serve->clusters[i]);
    }
    return status;
}

static enum status open_engine(struct serve *serve, struct problem *reterr_problem)
{
    struct engine_options engine;
    enum status status = engine_options_from(serve->options, &serve->room, &engine, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    problem_log_init(&serve->problems, serve->log, serve->clock);
    set_callbacks(&engine.sources, &serve->problems);
    engine.authenticator.on_problem = problem_log_secret;
    engine.authenticator.ctx = &serve->problems;
    engine.keys.on_problem = problem_log_keys;
    engine.keys.on_resolved = problem_log_keys_resolved;
    engine.keys.on_remark = problem_log_keys_remark;
    engine.keys.ctx = &serve->problems;
    status = prepare_clusters(serve, &engine);
    if (status == ST_OK) {
        status = engine_open(&engine, &serve->engine, reterr_problem);
    }
    return status == ST_OK ? subscribe(serve) : status;
}

/* What else runs on the loop. */
static enum status open_loop(struct serve *serve, struct problem *reterr_problem)
{
    open_handles(serve);
    const enum status status =
        clock_step_new(serve->engine.loop, serve->clock, CLOCK_STEP_INTERVAL_MS, on_clock_step,
                       serve, &serve->clock_step);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "cannot watch the clock: %s",
                    status_text(status));
    }
    return status;
}

static enum status open_server(struct serve *serve, struct problem *reterr_problem)
{
    const struct options *options = serve->options;
    struct tls_options tls;
    tls_options_from(options, &tls);
    const enum status status = tls_context_new(&tls, &serve->tls, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    tell_certificate(serve, true);
    const struct server_options server = {
        .bind_address = options->bind_address ? options->bind_address : "",
        .secure_port = options->secure_port,
        .health_bind_host = options->health_bind_address.host,
        .health_bind_port = options->health_bind_address.port,
        .workers = (unsigned)options->workers,
        .max_body_bytes = (size_t)options->max_request_body_bytes,
        .max_header_bytes = (size_t)options->max_header_bytes,
        .max_connections = serve->max_connections,
        .max_connections_per_address = (unsigned)options->max_connections_per_address,
        .max_connection_memory_bytes = serve->memory.connection_bytes,
        .handshake_timeout_ns = options->handshake_timeout_ms * 1000000,
        .request_timeout_ns = options->request_timeout_ms * 1000000,
        .idle_timeout_ns = options->idle_timeout_ms * 1000000,
        .shutdown_grace_ns = options->shutdown_grace_ms * 1000000,
        .metrics_require_client_certificate = options->metrics_require_client_certificate,
    };
    const struct server_context context = {
        .authenticator = serve->engine.authenticator,
        .waiting = serve->engine.waiting,
        .store = serve->engine.store,
        .clusters = serve->engine.clusters,
        .cluster_count = serve->engine.cluster_count,
        .token_keys = serve->engine.token_keys,
        .tls = serve->tls,
        .log = serve->log,
        .clock_step = serve->clock_step,
        .clock = serve->clock,
        .on_ended = on_server_ended,
        .ctx = serve,
    };
    return server_new(&server, &context, &serve->server, reterr_problem);
}

static enum status write_port_file(const struct serve *serve, struct problem *reterr_problem)
{
    const char *path = serve->options->port_file;
    return path ? port_file_write(path, server_secure_port(serve->server),
                                  server_health_port(serve->server), reterr_problem)
                : ST_OK;
}

static enum status load_objects(struct serve *serve, struct problem *reterr_problem)
{
    if (serve->engine.kube_apiserver) {
        log_event(serve->log, LOG_INFO, "Following the Kubernetes API server",
                  LOG_FIELDS(LOG_TEXT("server", serve->engine.kube_apiserver)));
    }
    for (size_t i = 0; i < serve->engine.cluster_count; i++) {
        const struct cluster_store *cluster = &serve->engine.clusters[i];
        log_event(serve->log, LOG_INFO, "Following the objects of a further cluster",
                  LOG_FIELDS(LOG_TEXT("cluster", cluster->name),
                             LOG_TEXT("server", cluster->server ? cluster->server : "")));
    }
    enum status status = engine_load(&serve->engine, reterr_problem);
    if (status == ST_OK || status == ST_UNSETTLED) {
        status = engine_watch(&serve->engine, reterr_problem);
    }
    return status;
}

static enum status follow_files_and_signals(struct serve *serve, struct problem *reterr_problem)
{
    const struct options *options = serve->options;
    const char *paths[3] = { options->tls_cert_file, options->tls_private_key_file,
                             options->client_ca_file };
    const enum status status =
        file_watch_new(serve->engine.loop, paths, options->client_ca_file ? 3 : 2,
                       reload_certificates, serve, &serve->certificate_watch);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "cannot watch the certificate files: %m");
        return status;
    }
    if (serve_signals_new(serve->engine.loop, on_signal, serve, &serve->signals) != ST_OK ||
        uv_timer_start(&serve->certificate_poll, on_certificate_poll, CERTIFICATE_POLL_MS,
                       CERTIFICATE_POLL_MS) != 0 ||
        uv_timer_start(&serve->memory_trim, on_memory_trim, PROCESS_TRIM_MS, PROCESS_TRIM_MS) !=
            0) {
        problem_set(reterr_problem, ST_INTERNAL, 0, 0, "cannot receive signals");
        return ST_INTERNAL;
    }
    return ST_OK;
}

static void log_started(const struct serve *serve)
{
    log_event(serve->log, LOG_INFO, "Serving",
              LOG_FIELDS(LOG_TEXT("version", version_text()),
                         LOG_INT("port", server_secure_port(serve->server)),
                         LOG_INT("healthPort", server_health_port(serve->server)),
                         LOG_INT("workers", serve->options->workers),
                         LOG_INT("connectionMemory", serve->memory.connection_bytes),
                         LOG_TEXT("connectionMemoryFrom", serve->memory.source)));
}

static void on_warning(void *ctx, const struct problem *problem)
{
    const struct serve *serve = ctx;
    log_event(serve->log, LOG_WARNING, "Configuration",
              LOG_FIELDS(LOG_TEXT("remark", problem->text)));
}

static enum status start(struct serve *serve, struct problem *reterr_problem)
{
    enum status status = process_fit_connections(serve->options, on_warning, serve,
                                                 &serve->max_connections, reterr_problem);
    if (status == ST_OK) {
        status = process_fit_memory(serve->options, "", on_warning, serve, &serve->memory,
                                    reterr_problem);
    }
    if (status == ST_OK) {
        status = open_engine(serve, reterr_problem);
    }
    if (status == ST_OK) {
        status = open_loop(serve, reterr_problem);
    }
    if (status == ST_OK) {
        status = open_server(serve, reterr_problem);
    }
    if (status == ST_OK) {
        status = follow_files_and_signals(serve, reterr_problem);
    }
    if (status == ST_OK) {
        status = write_port_file(serve, reterr_problem);
    }
    return status == ST_OK ? load_objects(serve, reterr_problem) : status;
}

int serve_run(const struct options *options)
{
    CLEANUP(serve_fini) struct serve serve = { .options = options, .clock = clock_system() };
    struct problem problem = { 0 };
    serve_signals_hold(); /* before any other thread is there */
    enum status status = log_new(STDERR_FILENO, options->logging_format, (int)options->verbosity,
                                 serve.clock, &serve.log);
    if (status == ST_OK) {
        options_warn(options, COMMAND_SERVE, on_warning, &serve);
        status = start(&serve, &problem);
    }
    if (status != ST_OK) {
        if (!problem.text[0]) {
            problem_set(&problem, status, 0, 0, "%s", status_text(status));
        }
        return fail(&problem);
    }
    log_started(&serve);
    loop_run(serve.engine.loop);
    log_event(serve.log, LOG_INFO, "Stopped", LOG_NO_FIELDS);
    return 0;
}
