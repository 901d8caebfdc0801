/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One source of keys, on the loop.
 *
 *     timer, or a want --> key_schedule: what is due --> key_fetch --> key_set --> on_keys
 *     file_watch -------> key_files ------------------------------------^
 *
 * Whatever fails leaves the keys in force that were there; only their age takes them away. Bytes
 * that are the same as those in force are no news: what others have worked out by the old set stays
 * good. A set without a usable key is a failure as well: issuers do not stop having keys, half
 * written files and broken servers do.
 *
 * Who waits for a key is in a queue of a fixed length, oldest first, and is told when the fetch
 * that serves him ends, or by a timer of his own.
 *
 * Each source has an HTTP client of its own: as there is one fetch at a time it never comes near
 * the client's bound, and nobody's watches take its room.
 *
 * Hostile: what servers send, which others hold within bounds (io/http/fetch, jose/key_set).
 * Trusted to be the operator's: files. Threads: the loop's; `lock` guards `state`, which any thread
 * may read, and is a leaf.
 */
#include "keys/key_source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <uv.h>

#include "base/digest.h"
#include "io/file/watch.h"
#include "io/http/client.h"
#include "io/http/url.h"
#include "jose/key_set.h"
#include "keys/key_fetch.h"
#include "keys/openid_configuration.h"
#include "kube/cluster_access.h"

#define NS_PER_MS 1000000

/* The schedule goes by a clock that runs on while the machine sleeps, the loop's timers do not: so
 * it looks at that clock this often. */
#define WAKE_MAX_MS 60000

/* Remarks on one set: enough to see what is wrong with its keys, and a server that sends another
 * set each time fills no log. */
#define REMARKS_MAX 8

struct waiter {
    key_want_fn *done;
    void *ctx;
    uint64_t seen_count; /* fetches begun when the want came; a later one is conclusive */
    uint64_t for_count;  /* the one that is waited for, or any later one */
    uint64_t due_ms;     /* of the loop's time */
};

struct key_source {
    struct loop *loop; /* borrows */
    struct clock clock;
    key_source_keys_fn *on_keys;
    problem_fn *on_problem;
    problem_fn *on_resolved;
    problem_fn *on_remark;
    void *ctx;

    /* Where the keys come from; owns all of it. */
    enum key_source_kind kind;
    char *paths[KEY_FILES_MAX];
    size_t path_count;
    char *url;
    char *issuer;
    char *ca_file;
    char *ca_pem;
    struct cluster_access *access;
    struct key_fetch_target target; /* borrows from the above */

    struct key_schedule schedule;
    struct http_client *client; /* owns; NULL for files */
    struct key_fetch *fetch;    /* owns; NULL: none is under way */
    struct file_watch *watch;   /* owns */
    uv_timer_t *timer;          /* freed by its close callback; when the schedule wants to wake */
    uv_timer_t *want_timer;     /* the same; when the first waiter has waited long enough */
    bool is_followed;

    struct digest_key *digest_key; /* owns */
    struct digest digest;          /* of the bytes in force; only with schedule.has_keys */
    struct problem told;           /* told and not resolved; ST_OK for none */
    unsigned told_code;            /* HTTP status of it */
    unsigned remark_count;         /* of the set that is being read */

    struct waiter waiters[KEY_SOURCE_WAITERS_MAX]; /* oldest first */
    size_t waiter_count;

    pthread_mutex_t lock;
    struct key_source_state state; /* but for age_ms */
    uint64_t success_ms;           /* of state.success_sec, on the clock that does not stop */
};

static uint64_t now_ms(const struct key_source *source)
{
    return (uint64_t)clock_boot_ns(&source->clock) / NS_PER_MS;
}

static uint32_t chance(void)
{
    return randombytes_uniform(KEY_CHANCE_MAX + 1);
}

/* --- figures and problems --- */

static void lock(struct key_source *source)
{
    (void)pthread_mutex_lock(&source->lock); /* cannot fail for a default mutex used rightly */
}

static void unlock(struct key_source *source)
{
    (void)pthread_mutex_unlock(&source->lock);
}

void key_source_stats(struct key_source *source, struct key_source_state *ret_state)
{
    lock(source);
    *ret_state = source->state;
    const uint64_t success_ms = source->success_ms;
    unlock(source);
    const uint64_t age_ms = now_ms(source) - success_ms;
    ret_state->age_ms = ret_state->success_count ? age_ms : 0;
}

static void note_success(struct key_source *source)
{
    lock(source);
    source->state.is_failing = false;
    source->state.success_count++;
    source->state.success_sec = clock_now(&source->clock).sec;
    source->success_ms = now_ms(source);
    unlock(source);
}

/* @set: NULL: there are none any more. */
static void note_keys(struct key_source *source, const struct key_set *set)
{
    lock(source);
    source->state.has_keys = set != NULL;
    source->state.key_count = set ? key_set_count(set) : 0;
    source->state.skipped_count = set ? key_set_skipped(set) : 0;
    unlock(source);
}

static void note_want(struct key_source *source, bool is_refused)
{
    lock(source);
    source->state.wanted_count += !is_refused;
    source->state.refused_want_count += is_refused;
    unlock(source);
}

static void tell_keys(struct key_source *source, struct key_set *set)
{
    struct key_source_state state;
    note_keys(source, set);
    key_source_stats(source, &state);
    source->on_keys(source->ctx, set, &state);
}

/* Texts differ from one attempt to the next (bytes, milliseconds), the kind of failure seldom. */
static void note_failure(struct key_source *source, const struct problem *problem, unsigned code)
{
    const bool is_news = source->told.status != problem->status || source->told_code != code;
    lock(source);
    source->state.is_failing = true;
    source->state.failure_count++;
    source->state.failure = *problem;
    unlock(source);
    if (!is_news) {
        return;
    }
    source->told = *problem;
    source->told_code = code;
    if (source->on_problem) {
        source->on_problem(source->ctx, problem);
    }
}

static void note_resolved(struct key_source *source)
{
    const struct problem problem = source->told;
    source->told = (struct problem){ .status = ST_OK };
    source->told_code = 0;
    if (problem.status != ST_OK && source->on_resolved) {
        source->on_resolved(source->ctx, &problem);
    }
}

static void remark(void *ctx, const struct problem *problem)
{
    struct key_source *source = ctx;
    struct problem told = *problem;
    if (!told.file[0]) {
        problem_set_file(&told, key_source_name(source));
    }
    if (source->remark_count++ < REMARKS_MAX && source->on_remark) {
        source->on_remark(source->ctx, &told);
    }
}

/* --- bytes that may be keys --- */

/* @text: what @files hold, or the JWKS that came without them. */
static enum status parse(struct key_source *source,
                         struct span text,
                         const struct key_files *files,
                         struct key_set **ret_set,
                         struct problem *reterr_problem)
{
    source->remark_count = 0;
    if (files) {
        return key_files_parse(files, (const char *const *)source->paths, remark, source, ret_set,
                               reterr_problem);
    }
    const enum status status = key_set_from_jwks(text, remark, source, ret_set, reterr_problem);
    if (status != ST_OK) {
        problem_set_file(reterr_problem, key_source_name(source));
    }
    return status;
}

/* Put them in force, if they are news. */
static enum status take(struct key_source *source,
                        struct span text,
                        const struct key_files *files,
                        int64_t fresh_sec,
                        struct problem *reterr_problem)
{
    struct digest digest;
    struct key_set *set = NULL;
    digest_compute(source->digest_key, text, &digest);
    const bool is_news = !source->schedule.has_keys || !digest_equal(&digest, &source->digest);
    const enum status status = is_news ? parse(source, text, files, &set, reterr_problem) : ST_OK;
    if (status != ST_OK) {
        return status;
    }
    key_schedule_succeed(&source->schedule, now_ms(source), fresh_sec, chance());
    note_success(source);
    if (is_news) {
        source->digest = digest;
        tell_keys(source, set);
        (void)key_set_unref(set);
    }
    note_resolved(source);
    return ST_OK;
}

/* --- who waits --- */

static void on_want_timer(uv_timer_t *timer);

static void set_want_timer(struct key_source *source)
{
    uv_loop_t *const uv = loop_uv(source->loop);
    if (source->waiter_count == 0) {
        (void)uv_timer_stop(source->want_timer); /* cannot fail */
        return;
    }
    const uint64_t due_ms = source->waiters[0].due_ms;
    const uint64_t now = uv_now(uv);
    /* has a callback, is not closing */
    (void)uv_timer_start(source->want_timer, on_want_timer, due_ms > now ? due_ms - now : 0, 0);
}

static struct waiter remove_waiter(struct key_source *source, size_t i)
{
    const struct waiter waiter = source->waiters[i];
    source->waiter_count--;
    memmove(&source->waiters[i], &source->waiters[i + 1],
            (source->waiter_count - i) * sizeof(source->waiters[0]));
    return waiter;
}

static void on_want_timer(uv_timer_t *timer)
{
    struct key_source *source = timer->data;
    const uint64_t now = uv_now(timer->loop);
    while (source->waiter_count && source->waiters[0].due_ms <= now) {
        const struct waiter waiter = remove_waiter(source, 0);
        waiter.done(waiter.ctx, false); /* may want again: then it waits at the end */
    }
    set_want_timer(source);
}

/* The fetch of the number @ended has. Whoever is told may want again, and others may have come
 * since: they wait for a later one. */
static void tell_waiters(struct key_source *source, uint64_t ended, bool is_success)
{
    size_t i = 0;
    while (i < source->waiter_count) {
        if (source->waiters[i].for_count > ended) {
            i++;
            continue;
        }
        const struct waiter waiter = remove_waiter(source, i);
        waiter.done(waiter.ctx, is_success && waiter.seen_count < ended);
        i = 0;
    }
    set_want_timer(source);
}

/* --- fetching --- */

static void on_timer(uv_timer_t *timer);

static void set_timer(struct key_source *source)
{
    const uint64_t now = now_ms(source);
    const uint64_t wake_ms = key_schedule_wake_ms(&source->schedule);
    const uint64_t left_ms = wake_ms > now ? wake_ms - now : 0;
    if (source->is_followed) {
        /* has a callback, is not closing */
        (void)uv_timer_start(source->timer, on_timer, left_ms < WAKE_MAX_MS ? left_ms : WAKE_MAX_MS,
                             0);
    }
}

static void fail(struct key_source *source,
                 const struct problem *problem,
                 unsigned code,
                 uint64_t retry_after_sec)
{
    key_schedule_fail(&source->schedule, now_ms(source), retry_after_sec, chance());
    note_failure(source, problem, code);
}

static void fill_problem(const struct key_source *source,
                         enum status status,
                         struct problem *problem)
{
    if (!problem->text[0]) {
        problem_set(problem, status, 0, 0, "%s", status_text(status));
    }
    if (!problem->file[0]) {
        problem_set_file(problem, key_source_name(source));
    }
    problem->status = status;
}

static void on_fetched(void *ctx, const struct key_fetch_result *result)
{
    struct key_source *source = ctx;
    const uint64_t number = source->schedule.begun_count;
    struct problem problem = result->problem;
    enum status status = result->status;
    source->fetch = NULL;
    if (status == ST_OK) {
        status = take(source, result->jwks, NULL, result->fresh_sec, &problem);
    }
    if (status != ST_OK) {
        fill_problem(source, status, &problem);
        fail(source, &problem, result->code, result->retry_after_sec);
    }
    tell_waiters(source, number, status == ST_OK);
    set_timer(source);
}

/* The schedule has begun a fetch. False: it has failed at once. */
static bool begin_fetch(struct key_source *source)
{
    struct problem problem = { 0 };
    source->fetch = key_fetch_cancel(source->fetch);
    const enum status status = key_fetch_start(source->client, &source->target, on_fetched, source,
                                               &source->fetch, &problem);
    if (status != ST_OK) {
        fill_problem(source, status, &problem);
        fail(source, &problem, 0, 0);
    }
    return status == ST_OK;
}

static void expire(struct key_source *source)
{
    if (key_schedule_expire(&source->schedule, now_ms(source))) {
        tell_keys(source, NULL);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct key_source *source = timer->data;
    expire(source);
    if (key_schedule_is_due(&source->schedule, now_ms(source))) {
        key_schedule_begin(&source->schedule);
        (void)begin_fetch(source); /* it has told */
    }
    set_timer(source);
}

enum key_want key_source_want(struct key_source *source, key_want_fn *done, void *ctx)
{
    if (source->kind == KEY_SOURCE_FILES) {
        return source->told.status == ST_OK ? KEY_WANT_CURRENT : KEY_WANT_REFUSED;
    }
    if (source->waiter_count == KEY_SOURCE_WAITERS_MAX) {
        note_want(source, true);
        return KEY_WANT_REFUSED;
    }
    const uint64_t seen_count = source->schedule.begun_count;
    const enum key_want_step step = key_schedule_want(&source->schedule, now_ms(source));
    const bool is_waiting =
        step == KEY_WANT_STEP_JOIN || (step == KEY_WANT_STEP_BEGIN && begin_fetch(source));
    note_want(source, !is_waiting);
    set_timer(source);
    if (!is_waiting) {
        return KEY_WANT_REFUSED;
    }
    uv_update_time(loop_uv(source->loop)); /* a callback may have run for long */
    source->waiters[source->waiter_count++] = (struct waiter){
        .done = done,
        .ctx = ctx,
        .seen_count = seen_count,
        .for_count = source->schedule.begun_count,
        .due_ms = uv_now(loop_uv(source->loop)) + source->schedule.timings.want_ms,
    };
    set_want_timer(source);
    return KEY_WANT_WAITING;
}

void key_source_unwant(struct key_source *source, void *ctx)
{
    for (size_t i = 0; i < source->waiter_count; i++) {
        if (source->waiters[i].ctx == ctx) {
            (void)remove_waiter(source, i);
            set_want_timer(source);
            return;
        }
    }
}

/* --- files --- */

static enum status load_files(struct key_source *source, struct problem *reterr_problem)
{
    CLEANUP(key_files_fini) struct key_files files = { 0 };
    const enum status status = key_files_read((const char *const *)source->paths,
                                              source->path_count, &files, reterr_problem);
    return status == ST_OK ? take(source, buf_span(&files.pem), &files, -1, reterr_problem)
                           : status;
}

static void on_files(void *ctx)
{
    struct key_source *source = ctx;
    struct problem problem = { 0 };
    const enum status status = load_files(source, &problem);
    if (status != ST_OK) {
        fill_problem(source, status, &problem);
        note_failure(source, &problem, 0);
    }
}

/* --- the public face --- */

static void free_timer(uv_handle_t *handle)
{
    free(handle);
}

static uv_timer_t *timer_new(struct key_source *source)
{
    uv_timer_t *const timer = malloc(sizeof(*timer));
    if (timer) {
        (void)uv_timer_init(loop_uv(source->loop), timer); /* cannot fail */
        timer->data = source;
    }
    return timer;
}

static void timer_end(uv_timer_t *timer)
{
    if (timer) {
        uv_close((uv_handle_t *)timer, free_timer);
    }
}

static enum status refuse(struct problem *reterr_problem, enum status status, const char *text)
{
    problem_set(reterr_problem, status, 0, 0, "%s", text);
    return status;
}

/* @url may be NULL. */
static enum status check_discovery(const char *issuer,
                                   const char *url,
                                   struct problem *reterr_problem)
{
    const enum status status = http_url_check(span_of(issuer), "the issuer", reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    if (strchr(issuer, '?')) { /* OpenID Connect Discovery 1.0 section 3 */
        return refuse(reterr_problem, ST_INVALID, "the issuer: expected no query");
    }
    return url ? http_url_check(span_of(url), "the discovery URL", reterr_problem) : ST_OK;
}

static enum status check_options(const struct key_source_options *options,
                                 struct problem *reterr_problem)
{
    switch (options->kind) {
    case KEY_SOURCE_FILES:
        if (options->path_count == 0 || options->path_count > KEY_FILES_MAX) {
            return refuse(reterr_problem, ST_LIMIT, "key files: expected 1 to 16");
        }
        return ST_OK;
    case KEY_SOURCE_URL:
        return http_url_check(span_of(options->url), "the keys' URL", reterr_problem);
    case KEY_SOURCE_DISCOVERY:
        return check_discovery(options->issuer, options->url, reterr_problem);
    case KEY_SOURCE_CLUSTER:
        /* Whoever is in between would say whose tokens are good. */
        return http_url_check(span_of(cluster_access_endpoint(options->access)->url),
                              "the API server's URL", reterr_problem);
    case KEY_SOURCE_NONE:
        break;
    }
    return refuse(reterr_problem, ST_INVALID, "keys: expected files or a server");
}

/* A copy of @text, if there is one. False without memory. */
static bool copy_text(const char *text, char **ret_copy)
{
    *ret_copy = text ? span_copy(span_of(text)) : NULL;
    return *ret_copy || !text;
}

static char *discovery_url(const char *issuer)
{
    struct span base = span_of(issuer);
    if (base.len && base.at[base.len - 1] == '/') { /* section 4.1 */
        base.len--;
    }
    return span_join(base, SPAN_LITERAL(OPENID_CONFIGURATION_PATH), (struct span){ 0 });
}

static bool copy_options(struct key_source *source, const struct key_source_options *options)
{
    const bool is_discovered = options->kind == KEY_SOURCE_DISCOVERY && !options->url;
    for (size_t i = 0; options->kind == KEY_SOURCE_FILES && i < options->path_count; i++) {
        if (!copy_text(options->paths[i], &source->paths[i])) {
            return false;
        }
        source->path_count++;
    }
    if (is_discovered) {
        source->url = discovery_url(options->issuer);
    }
    if ((is_discovered && !source->url) ||
        (!is_discovered && !copy_text(options->url, &source->url)) ||
        !copy_text(options->issuer, &source->issuer) ||
        !copy_text(options->ca_file, &source->ca_file)) {
        return false;
    }
    source->ca_pem = span_copy(options->ca_pem);
    return source->ca_pem;
}

static void fill_target(struct key_source *source, size_t ca_pem_len)
{
    source->target = (struct key_fetch_target){
        .jwks_url = source->kind == KEY_SOURCE_URL ? source->url : NULL,
        .discovery_url = source->kind == KEY_SOURCE_DISCOVERY ? source->url : NULL,
        .access = source->access,
        .issuer = source->issuer,
        .ca_file = source->ca_file,
        .ca_pem = { .at = source->ca_pem, .len = ca_pem_len },
        .timeout_ms = source->schedule.timings.fetch_ms,
    };
}

static enum status make(struct key_source *source,
                        const struct key_source_options *options,
                        struct problem *reterr_problem)
{
    enum status status = check_options(options, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    source->timer = timer_new(source);
    source->want_timer = timer_new(source);
    if (!source->timer || !source->want_timer || !copy_options(source, options)) {
        return ST_NOMEM;
    }
    key_schedule_init(&source->schedule, &options->timings, now_ms(source));
    fill_target(source, options->ca_pem.len);
    status = digest_key_new(&source->digest_key);
    if (status != ST_OK || source->kind == KEY_SOURCE_FILES) {
        return status;
    }
    status = key_fetch_check_ca(&source->target, reterr_problem);
    return status == ST_OK ? http_client_new(source->loop, &source->client) : status;
}

enum status key_source_new(struct loop *loop,
                           const struct key_source_options *options,
                           struct key_source **ret_source,
                           struct problem *reterr_problem)
{
    struct key_source *source = calloc(1, sizeof(*source));
    if (!source) {
        (void)cluster_access_free(options->access);
        return ST_NOMEM;
    }
    source->loop = loop;
    source->clock = options->clock;
    source->kind = options->kind;
    source->on_keys = options->on_keys;
    source->on_problem = options->on_problem;
    source->on_resolved = options->on_resolved;
    source->on_remark = options->on_remark;
    source->ctx = options->ctx;
    source->access = options->access;
    (void)pthread_mutex_init(&source->lock, NULL); /* a default mutex: cannot fail on Linux */
    const enum status status = make(source, options, reterr_problem);
    if (status != ST_OK) {
        (void)key_source_free(source);
        return status;
    }
    *ret_source = source;
    return ST_OK;
}

enum status key_source_load(struct key_source *source, struct problem *reterr_problem)
{
    if (source->kind == KEY_SOURCE_FILES) {
        return load_files(source, reterr_problem);
    }
    (void)uv_timer_start(source->timer, on_timer, 0, 0); /* has a callback, is not closing */
    return ST_OK;
}

enum status key_source_watch(struct key_source *source, struct problem *reterr_problem)
{
    if (source->kind != KEY_SOURCE_FILES) {
        source->is_followed = true;
        set_timer(source);
        return ST_OK;
    }
    const enum status status = file_watch_new(source->loop, (const char *const *)source->paths,
                                              source->path_count, on_files, source, &source->watch);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "cannot be followed: %s",
                    status == ST_IO ? strerrordesc_np(errno) : status_text(status));
        problem_set_file(reterr_problem, source->paths[0]);
        return status;
    }
    on_files(source); /* what came between */
    return ST_OK;
}

const char *key_source_name(const struct key_source *source)
{
    switch (source->kind) {
    case KEY_SOURCE_FILES:
        return source->paths[0];
    case KEY_SOURCE_URL:
        return source->url;
    case KEY_SOURCE_DISCOVERY:
        return source->issuer;
    case KEY_SOURCE_CLUSTER:
        return cluster_access_endpoint(source->access)->url;
    case KEY_SOURCE_NONE:
        break;
    }
    return "";
}

struct key_source *key_source_free(struct key_source *source)
{
    if (!source) {
        return NULL;
    }
    source->fetch = key_fetch_cancel(source->fetch);
    source->client = http_client_free(source->client);
    source->watch = file_watch_free(source->watch);
    timer_end(source->timer);
    timer_end(source->want_timer);
    source->access = cluster_access_free(source->access);
    source->digest_key = digest_key_free(source->digest_key);
    for (size_t i = 0; i < source->path_count; i++) {
        free(source->paths[i]);
    }
    free(source->url);
    free(source->issuer);
    free(source->ca_file);
    free(source->ca_pem);
    (void)pthread_mutex_destroy(&source->lock); /* nobody holds it */
    free(source);
    return NULL;
}
