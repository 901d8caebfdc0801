/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One interest kept true: list, then watch, for as long as the process lives.
 *
 *                  +---------------- the resourceVersion is too old ----------------+
 *                  v                                                                |
 *     IDLE --> STREAM: a watch that begins with all there is --- told everything --> WATCH
 *       ^          | refused, stalled                                               ^  |
 *       |          v                                                                |  | ended
 *       +------ LIST: pages of what there is ---------- told everything ------------+<-+
 *    failed: after a while
 *
 * A streaming list costs the server least, so it comes first; servers that have none say so at
 * once, or by an ERROR event (etcd 3.4 behind a v1.36 API server), or fall silent. Whatever it is,
 * the same list is then read in pages. Both read what is current and not what a server's cache may
 * hold, so a restart never brings back what was revoked before.
 *
 * While the server is away, or a list is only half read, nothing that was told is taken back: what
 * is gone shows at the end of a whole list. A watch that breaks goes on from where it was, and
 * loses nothing. But a place in its history that nothing has confirmed for long is not believed in:
 * after etcd has been restored from a backup it lies in the future, and a watch from there is told
 * of nothing, and of no bookmark either, until that future has come.
 *
 * What users put into an object may be more than our JSON reader takes (deep nesting, a NUL in a
 * key). In a list such an object counts as gone, so that it keeps nobody from the others; in a
 * watch it cannot be told which one it is, and the list is read again.
 *
 * Failures wait 50 to 100 ms at first and twice as long each time, up to 10 s, with jitter, so that
 * replicas do not come back all at once; longer where the server says Retry-After. What a watch
 * tells starts that over; a list alone does not, or one whose watch fails would be read for ever.
 *
 * Source: Kubernetes API concepts ("Efficient detection of changes", "Streaming lists");
 * k8s.io/client-go tools/cache/reflector.go for what servers do in practice. Threads: the loop's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/document.h"
#include "base/json_frames.h"
#include "store/apiserver_private.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000

/* A server that answers again is not ready at once: for some seconds a kube-apiserver says 403,
 * since its roles have not been read. So the first answer after a silence goes on as if after so
 * many failures, and what comes next is not 10 s away. */
#define BACKOFF_BACK_FAILURES 2

/* What a server may ask us to wait. Longer is a mistake somewhere, and would keep us blind. */
#define RETRY_AFTER_MAX_SEC 300

/* Without an event for this long a streaming list has stalled. The server answers within 3 s or
 * fails; then events follow each other closely. */
#define STREAM_STALL_MS 10000

#define LIST_SILENCE_MS 30000 /* kube-apiserver gives up on a request itself after 60 s */

/* A watch lives five to ten minutes, each its own while: then the server ends it, and load spreads
 * anew. client-go's numbers. */
#define WATCH_MIN_SEC 300

/* A watch that ends sooner without having told anything was no watch. If it has told something, the
 * next one waits for the rest of this: a server that ends each at once is not asked without end. */
#define WATCH_SHORT_MS 1000

/* One that stood for this part of the silence timeout, 10 s, ends a row of failures. */
#define WATCH_LONG_PART 9

/* Silence timeouts without an event or a bookmark after which a watch's resourceVersion is no
 * longer believed in. A server that is well sends a bookmark about every minute. */
#define WATCH_UNCONFIRMED_MAX 2

/* Failures in a row after which a watch's resourceVersion is no longer believed in. */
#define WATCH_FAILURES_MAX 5

#define RESOURCE_VERSION_MAX 128  /* bytes with NUL; opaque, but etcd's are at most 19 digits */
#define CONTINUE_MAX         8192 /* a token is base64 of a key and a resourceVersion: 150 bytes */
#define ERROR_BODY_MAX       65536 /* a Status is 300 bytes; what a proxy says may be a page of HTML */

enum phase { PHASE_IDLE = 0, PHASE_STREAM, PHASE_LIST, PHASE_WATCH };

struct reflector {
    struct apiserver *apiserver; /* borrows */
    struct store_interest interest;
    struct remote_objects objects;
    uv_timer_t *timer; /* freed by its close callback; IDLE: when to begin; STREAM: when it stalls;
                          WATCH: when to list anew */

    enum phase phase;
    struct http_transfer *transfer; /* NULL when IDLE */
    unsigned code;                  /* of its reply; 0 before it comes */
    struct json_frames frames;
    struct buf error_body;
    struct status_body error; /* of an ERROR event */
    uint64_t began_ns;
    bool has_progress;     /* it has told something */
    uint64_t confirmed_ns; /* when the server last said where in its history we are */

    char resource_version[RESOURCE_VERSION_MAX]; /* where a watch goes on; "": list first */
    struct buf continue_token;                   /* of the next page; empty: the first */
    bool avoids_stream;                          /* this list is read in pages */
    bool avoids_pages;         /* the token of the last try had expired: all at once */
    bool wants_list;           /* read the list again when this one is through */
    size_t unreadable_count;   /* objects of this list, or of the last, that are not readable */
    size_t unreadable_told;    /* how many the last problem said; 0: resolved */
    struct problem unreadable; /* why the last of them is not */
    bool is_readable;          /* the present frame is: whatever is wrong now is our own finding */

    unsigned failures; /* in a row */
    bool was_away;     /* the last of them had no answer at all */
    enum status last_failure;
    bool is_synced;
    bool is_connected;
    struct problem problem; /* told and not resolved; ST_OK for none */
};

/* Why an attempt ended. */
struct ending {
    enum status status;
    unsigned code;
    uint64_t retry_after_sec;
    char text[PROBLEM_TEXT_MAX];
};

/* --- the clockwork --- */

static void on_timer(uv_timer_t *timer);

static void schedule(struct reflector *reflector, uint64_t delay_ms)
{
    (void)uv_timer_start(reflector->timer, on_timer, delay_ms, 0); /* fails without callback only */
}

/* Half of the delay is certain, the rest is chance. */
static uint64_t next_backoff_ms(struct reflector *reflector)
{
    uint64_t most = BACKOFF_MAX_MS;
    if (reflector->failures < 16 && (BACKOFF_MIN_MS << reflector->failures) < BACKOFF_MAX_MS) {
        most = (uint64_t)BACKOFF_MIN_MS << reflector->failures;
    }
    reflector->failures++;
    return most / 2 + randombytes_uniform((uint32_t)(most / 2) + 1);
}

static uint64_t delay_ms_for(struct reflector *reflector, const struct ending *ending)
{
    const bool is_away = ending->code == 0;
    if (reflector->was_away && !is_away && reflector->failures > BACKOFF_BACK_FAILURES) {
        reflector->failures = BACKOFF_BACK_FAILURES;
    }
    reflector->was_away = is_away;
    const uint64_t backoff_ms = next_backoff_ms(reflector);
    const uint64_t sec = ending->retry_after_sec < RETRY_AFTER_MAX_SEC ? ending->retry_after_sec
                                                                       : RETRY_AFTER_MAX_SEC;
    if (sec == 0) {
        return backoff_ms;
    }
    const uint64_t asked_ms = sec * 1000 + randombytes_uniform((uint32_t)(sec * 100) + 1);
    return asked_ms > backoff_ms ? asked_ms : backoff_ms;
}

/* Forget what belongs to one request. */
static void end_attempt(struct reflector *reflector)
{
    reflector->transfer = http_cancel(reflector->transfer);
    (void)uv_timer_stop(reflector->timer); /* cannot fail */
    reflector->phase = PHASE_IDLE;
    reflector->code = 0;
    json_frames_fini(&reflector->frames);
    buf_fini(&reflector->error_body);
    reflector->error_body.max_len = ERROR_BODY_MAX;
    reflector->error = (struct status_body){ 0 };
}

/* --- what is known of the server --- */

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void note_connected(struct reflector *reflector)
{
    reflector->is_connected = true;
    reflector->last_failure = ST_OK;
    if (reflector->problem.status != ST_OK) {
        struct problem problem = reflector->problem;
        reflector->problem.status = ST_OK;
        problem.status = ST_OK;
        apiserver_resolved(reflector->apiserver, &problem);
    }
    apiserver_note_state(reflector->apiserver);
}

static void note_failure(struct reflector *reflector,
                         enum phase phase,
                         const struct ending *ending,
                         bool is_worth_a_word)
{
    static const char *const doing[] = {
        [PHASE_IDLE] = "list",
        [PHASE_STREAM] = "list",
        [PHASE_LIST] = "list",
        [PHASE_WATCH] = "watch",
    };
    const char *namespace = reflector->interest.namespace;
    struct problem problem = { 0 };
    reflector->is_connected = false;
    reflector->last_failure = ending->status;
    if (phase != PHASE_WATCH) {
        count(&reflector->apiserver->base.counters.lists_failed);
    }
    problem_set(&problem, ending->status, 0, 0, "cannot %s %s in %s%s: %s", doing[phase],
                apiserver_plural(reflector->interest.kind), namespace ? "namespace " : "",
                namespace ? namespace : "all namespaces", ending->text);
    if (is_worth_a_word && (reflector->problem.status != problem.status ||
                            strcmp(reflector->problem.text, problem.text) != 0)) {
        reflector->problem = problem;
        apiserver_report(reflector->apiserver, &problem);
    }
    apiserver_note_state(reflector->apiserver);
}

/* Which objects they are is in what cannot be read: only their number is known. */
static void tell_unreadable(struct reflector *reflector)
{
    struct problem problem = { 0 };
    const size_t count = reflector->unreadable_count;
    const bool is_news = count != reflector->unreadable_told;
    reflector->unreadable_told = count;
    if (is_news && count > 0) {
        problem_set(&problem, reflector->unreadable.status, 0, 0,
                    "%zu %s cannot be read, and count as gone (metadata.managedFields?): %s", count,
                    apiserver_plural(reflector->interest.kind), reflector->unreadable.text);
        apiserver_report(reflector->apiserver, &problem);
    } else if (is_news) {
        problem_set(&problem, ST_OK, 0, 0, "all %s can be read",
                    apiserver_plural(reflector->interest.kind));
        apiserver_resolved(reflector->apiserver, &problem);
    }
}

/* Everything there is has been told. */
static void finish_list(struct reflector *reflector)
{
    remote_objects_end_list(&reflector->objects);
    tell_unreadable(reflector);
    reflector->confirmed_ns = uv_hrtime();
    reflector->is_synced = true;
    reflector->avoids_stream = false;
    reflector->avoids_pages = false;
    buf_clear(&reflector->continue_token);
    count(&reflector->apiserver->base.counters.lists_ok);
    if (reflector->wants_list) {
        reflector->wants_list = false;
        reflector->resource_version[0] = '\0';
    }
}

/* --- reading replies --- */

/* A resourceVersion is opaque, but it goes into a URL and back to the server that sent it. */
static bool take_resource_version(struct reflector *reflector, const json_object *object)
{
    const struct span version = apiserver_text(apiserver_metadata(object), "resourceVersion");
    if (version.len == 0 || version.len >= RESOURCE_VERSION_MAX ||
        memchr(version.at, '\0', version.len)) { /* it would be cut there */
        return false;
    }
    memcpy(reflector->resource_version, version.at, version.len);
    reflector->resource_version[version.len] = '\0';
    return true;
}

/* The watch has come as far as @object. */
static enum status follow(struct reflector *reflector, const json_object *object)
{
    if (!reflector->resource_version[0]) {
        return ST_OK; /* it is about to be replaced by a list */
    }
    reflector->has_progress = true;
    reflector->confirmed_ns = uv_hrtime();
    reflector->failures = 0;
    return take_resource_version(reflector, object) ? ST_OK : ST_SYNTAX;
}

static bool is_end_of_initial_events(const json_object *object)
{
    const json_object *metadata = apiserver_metadata(object);
    const json_object *annotations =
        metadata ? json_object_object_get(metadata, "annotations") : NULL;
    return span_equal(apiserver_text(annotations, "k8s.io/initial-events-end"),
                      SPAN_LITERAL("true"));
}

static enum status take_bookmark(struct reflector *reflector, const json_object *object)
{
    if (reflector->phase == PHASE_WATCH) {
        return follow(reflector, object);
    }
    if (!is_end_of_initial_events(object)) {
        return ST_OK; /* where the stream is means nothing before it has told everything */
    }
    if (!take_resource_version(reflector, object)) {
        return ST_SYNTAX;
    }
    (void)uv_timer_stop(reflector->timer); /* cannot fail */
    reflector->phase = PHASE_WATCH;
    finish_list(reflector);
    note_connected(reflector);
    if (!reflector->resource_version[0]) {
        schedule(reflector, 0); /* not from in here: list anew */
    }
    return ST_OK;
}

static enum status take_change(struct reflector *reflector, const json_object *object, bool is_gone)
{
    const enum status status = is_gone ? remote_objects_remove(&reflector->objects, object)
                                       : remote_objects_put(&reflector->objects, object);
    if (reflector->phase == PHASE_STREAM) {
        schedule(reflector, STREAM_STALL_MS);
        return status; /* initial events come in no order of time */
    }
    return status == ST_OK ? follow(reflector, object) : status;
}

/* Return: never ST_OK */
static enum status take_error(struct reflector *reflector, const json_object *object)
{
    status_body_read(object, &reflector->error);
    return status_body_meaning(reflector->error.code, reflector->error.reason);
}

static enum status take_event(void *ctx, json_object *root)
{
    struct reflector *reflector = ctx;
    reflector->is_readable = true;
    const struct span type = apiserver_text(root, "type");
    const json_object *object = json_object_object_get(root, "object");
    if (!json_object_is_type(object, json_type_object)) {
        return ST_SYNTAX;
    }
    count(&reflector->apiserver->base.counters.watch_events);
    if (span_equal(type, SPAN_LITERAL("ADDED")) || span_equal(type, SPAN_LITERAL("MODIFIED"))) {
        return take_change(reflector, object, false);
    }
    if (span_equal(type, SPAN_LITERAL("DELETED"))) {
        return take_change(reflector, object, true);
    }
    if (span_equal(type, SPAN_LITERAL("BOOKMARK"))) {
        return take_bookmark(reflector, object);
    }
    /* What else it may be could be a revocation: the list is read again. */
    return span_equal(type, SPAN_LITERAL("ERROR")) ? take_error(reflector, object) : ST_SYNTAX;
}

static enum status take_item(void *ctx, json_object *root)
{
    struct reflector *reflector = ctx;
    reflector->is_readable = true;
    return remote_objects_put(&reflector->objects, root);
}

/* A page that leads to itself would be read for ever. */
static enum status take_list(void *ctx, json_object *root)
{
    struct reflector *reflector = ctx;
    struct buf *token = &reflector->continue_token;
    const struct span next = apiserver_text(apiserver_metadata(root), "continue");
    reflector->is_readable = true;
    if (!take_resource_version(reflector, root) ||
        (next.len > 0 && span_equal(next, buf_span(token)))) {
        return ST_SYNTAX;
    }
    buf_clear(token);
    buf_append(token, next);
    return token->failed ? ST_LIMIT : ST_OK;
}

static enum status on_frame(void *ctx, enum json_frame_kind kind, struct span text)
{
    struct reflector *reflector = ctx;
    struct problem problem = { 0 };
    const bool is_object = kind == JSON_FRAME_VALUE;
    const bool is_list = reflector->phase != PHASE_WATCH;
    document_fn *fn = reflector->phase == PHASE_LIST ? take_item : take_event;
    reflector->is_readable = false;
    const enum status status =
        document_parse(text, is_object ? fn : take_list, reflector, &problem);
    if (reflector->is_readable || status == ST_OK || status == ST_NOMEM || !is_object || !is_list) {
        return status;
    }
    reflector->unreadable_count++;
    reflector->unreadable = problem;
    return ST_OK;
}

static void on_head(void *ctx, const struct http_result *head)
{
    struct reflector *reflector = ctx;
    reflector->code = head->code;
    if (head->code != 200) {
        return;
    }
    apiserver_note_contact(reflector->apiserver);
    if (reflector->phase == PHASE_LIST) {
        return;
    }
    count(&reflector->apiserver->base.counters.watches_begun);
    if (reflector->phase == PHASE_WATCH) {
        note_connected(reflector);
    }
}

static enum status on_body(void *ctx, struct span piece)
{
    struct reflector *reflector = ctx;
    if (reflector->code == 200) {
        apiserver_note_contact(reflector->apiserver);
        return json_frames_push(&reflector->frames, piece);
    }
    buf_append(&reflector->error_body, piece); /* what does not fit is not looked at */
    return ST_OK;
}

/* --- what comes next --- */

static void begin_after(struct reflector *reflector, uint64_t delay_ms)
{
    if (!reflector->resource_version[0] && reflector->continue_token.len == 0) {
        reflector->wants_list = false; /* it is what comes next */
    }
    schedule(reflector, delay_ms);
}

/* Did the server itself turn a streaming list down, rather than being away or busy? */
static bool is_refusal(const struct ending *ending)
{
    return ending->code != 0 && ending->code != 401 && ending->code != 429 && ending->code != 503;
}

static void after_stream(struct reflector *reflector, const struct ending *ending)
{
    if (is_refusal(ending)) {
        reflector->avoids_stream = true;
        begin_after(reflector, 0);
        return;
    }
    note_failure(reflector, PHASE_STREAM, ending, true);
    begin_after(reflector, delay_ms_for(reflector, ending));
}

static void after_list(struct reflector *reflector, const struct ending *ending)
{
    if (ending->status == ST_OK) {
        const bool has_more = reflector->continue_token.len > 0;
        if (!has_more) {
            finish_list(reflector);
            apiserver_note_state(reflector->apiserver);
        }
        begin_after(reflector, 0);
        return;
    }
    const bool has_expired = ending->status == ST_GONE && reflector->continue_token.len > 0;
    reflector->resource_version[0] = '\0';
    buf_clear(&reflector->continue_token);
    if (has_expired && !reflector->avoids_pages) {
        reflector->avoids_pages = true;
        begin_after(reflector, 0);
        return;
    }
    note_failure(reflector, PHASE_LIST, ending, true);
    begin_after(reflector, delay_ms_for(reflector, ending));
}

static uint64_t ms_since(uint64_t at_ns)
{
    return (uv_hrtime() - at_ns) / 1000000;
}

static void after_watch(struct reflector *reflector, const struct ending *ending)
{
    const uint64_t silence_ms = reflector->apiserver->options.silence_timeout_ms;
    const uint64_t lasted_ms = ms_since(reflector->began_ns);
    const uint64_t rest_ms = lasted_ms < WATCH_SHORT_MS ? WATCH_SHORT_MS - lasted_ms : 0;
    const bool has_stood = ending->code == 200; /* else it was a try */
    if (has_stood && lasted_ms >= silence_ms / WATCH_LONG_PART) {
        reflector->failures = 0;
    }
    if (has_stood && ms_since(reflector->confirmed_ns) >= WATCH_UNCONFIRMED_MAX * silence_ms) {
        reflector->resource_version[0] = '\0';
    }
    if (ending->status == ST_OK && (reflector->has_progress || rest_ms == 0)) {
        begin_after(reflector, rest_ms); /* its time was up */
        return;
    }
    if (ending->status == ST_GONE && reflector->failures == 0) {
        reflector->resource_version[0] = '\0';
        reflector->failures = 1;
        begin_after(reflector, reflector->has_progress ? rest_ms : 0);
        return;
    }
    struct ending failure = *ending;
    failure.status = ending->status == ST_OK ? ST_UNAVAILABLE : ending->status;
    /* The server is away, busy, or has closed the connection: the place in its history stays. */
    const bool is_passing = failure.status == ST_UNAVAILABLE || failure.status == ST_TIMEOUT;
    if (!is_passing || (failure.code != 0 && reflector->failures >= WATCH_FAILURES_MAX)) {
        reflector->resource_version[0] = '\0';
    }
    /* A connection that breaks once is no news. */
    note_failure(reflector, PHASE_WATCH, &failure, !is_passing || reflector->failures > 0);
    begin_after(reflector, delay_ms_for(reflector, &failure));
}

static void go_on(struct reflector *reflector, enum phase phase, const struct ending *ending)
{
    switch (phase) {
    case PHASE_STREAM:
        after_stream(reflector, ending);
        break;
    case PHASE_LIST:
        after_list(reflector, ending);
        break;
    case PHASE_IDLE: /* the request could not be sent at all */
    case PHASE_WATCH:
        after_watch(reflector, ending);
        break;
    }
}

/* --- why an attempt ended --- */

static void say_refusal(struct ending *ending,
                        const char *how,
                        unsigned code,
                        const struct status_body *body)
{
    struct problem text = { 0 }; /* for its way of cutting what is too long */
    problem_set(&text, ending->status, 0, 0, "%s %u%s%s%s%s", how, code, body->reason[0] ? " " : "",
                body->reason, body->message[0] ? ": " : "", body->message);
    memcpy(ending->text, text.text, sizeof(ending->text));
}

static void judge_reply(const struct reflector *reflector,
                        const struct http_result *result,
                        struct ending *ending)
{
    struct status_body body;
    status_body_parse(buf_span(&reflector->error_body), &body);
    ending->status = status_body_meaning(result->code, body.reason);
    if (body.retry_after_sec > ending->retry_after_sec) {
        ending->retry_after_sec = body.retry_after_sec;
    }
    say_refusal(ending, "the server answers", result->code, &body);
}

static void judge_event(const struct reflector *reflector, struct ending *ending)
{
    const struct status_body *error = &reflector->error;
    ending->retry_after_sec = error->retry_after_sec;
    say_refusal(ending, "the watch ends with error", error->code, error);
}

static struct ending judge(const struct reflector *reflector, const struct http_result *result)
{
    struct ending ending = { .status = result->status, .code = result->code };
    const bool has_error_event = reflector->error.code != 0 || reflector->error.message[0];
    ending.retry_after_sec = result->has_retry_after ? result->retry_after_sec : 0;
    if (result->status == ST_OK && result->code != 200) {
        judge_reply(reflector, result, &ending);
    } else if (result->status != ST_OK && has_error_event) {
        judge_event(reflector, &ending);
    } else if (result->status != ST_OK) {
        (void)snprintf(ending.text, sizeof(ending.text), "%s",
                       result->text[0] ? result->text : status_text(result->status));
    } else if (reflector->phase == PHASE_WATCH) {
        (void)snprintf(ending.text, sizeof(ending.text), "the watch ended at once");
    } else if (reflector->phase == PHASE_STREAM || !json_frames_is_whole(&reflector->frames)) {
        ending.status = ST_UNAVAILABLE;
        (void)snprintf(ending.text, sizeof(ending.text), "the reply ended early");
    }
    return ending;
}

static void on_done(void *ctx, const struct http_result *result)
{
    struct reflector *reflector = ctx;
    const enum phase phase = reflector->phase;
    const struct ending ending = judge(reflector, result);
    reflector->transfer = NULL; /* it is gone when this returns */
    end_attempt(reflector);
    go_on(reflector, phase, &ending);
}

/* --- asking --- */

/* Everything but what RFC 3986 calls unreserved: what a peer sent must stay one value. */
static void append_escaped(struct buf *path, struct span text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (size_t i = 0; i < text.len; i++) {
        if (memchr(plain, text.at[i], sizeof(plain) - 1)) {
            buf_append_char(path, text.at[i]);
        } else {
            buf_printf(path, "%%%02X", (unsigned char)text.at[i]);
        }
    }
}

static void build_path(const struct reflector *reflector, enum phase phase, struct buf *path)
{
    static const char watching[] = "watch=true&allowWatchBookmarks=true";
    const struct store_interest *interest = &reflector->interest;
    const unsigned timeout_sec = WATCH_MIN_SEC + (unsigned)randombytes_uniform(WATCH_MIN_SEC);
    apiserver_path(path, interest->kind, span_of(interest->namespace), (struct span){ 0 });
    buf_append_char(path, '?');
    if (interest->secret_type) {
        buf_append_text(path, "fieldSelector=type%3D");
        append_escaped(path, span_of(interest->secret_type));
        buf_append_char(path, '&');
    }
    switch (phase) {
    case PHASE_STREAM:
        buf_printf(path,
                   "%s&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=%u",
                   watching, timeout_sec);
        break;
    case PHASE_WATCH:
        buf_printf(path, "%s&resourceVersion=", watching);
        append_escaped(path, span_of(reflector->resource_version));
        buf_printf(path, "&timeoutSeconds=%u", timeout_sec);
        break;
    case PHASE_IDLE:
    case PHASE_LIST:
        buf_printf(path, "limit=%d", reflector->avoids_pages ? 0 : APISERVER_PAGE_SIZE);
        if (reflector->continue_token.len > 0) {
            buf_append_text(path, "&continue=");
            append_escaped(path, buf_span(&reflector->continue_token));
        }
        break;
    }
    buf_append_char(path, '\0');
}

static enum phase choose_phase(const struct reflector *reflector)
{
    if (reflector->continue_token.len > 0) {
        return PHASE_LIST;
    }
    if (reflector->resource_version[0]) {
        return PHASE_WATCH;
    }
    return reflector->avoids_stream ? PHASE_LIST : PHASE_STREAM;
}

static enum status send_request(struct reflector *reflector, struct problem *reterr_problem)
{
    struct buf path = { 0 };
    build_path(reflector, reflector->phase, &path);
    struct http_request request = {
        .method = "GET",
        .path = path.at,
        .silence_timeout_ms = reflector->phase == PHASE_LIST
                                  ? LIST_SILENCE_MS
                                  : reflector->apiserver->options.silence_timeout_ms,
        .own_connection = reflector->phase != PHASE_LIST,
        .on_head = on_head,
        .on_body = on_body,
        .on_done = on_done,
        .ctx = reflector,
    };
    const enum status status = path.failed
                                   ? ST_NOMEM
                                   : apiserver_request(reflector->apiserver, &request, NULL,
                                                       &reflector->transfer, reterr_problem);
    buf_fini(&path);
    return status;
}

static void begin(struct reflector *reflector)
{
    struct problem problem = { 0 };
    const enum phase phase = choose_phase(reflector);
    if (phase == PHASE_STREAM || (phase == PHASE_LIST && reflector->continue_token.len == 0)) {
        remote_objects_begin_list(&reflector->objects);
        reflector->unreadable_count = 0;
    }
    json_frames_init(&reflector->frames,
                     phase == PHASE_LIST ? JSON_FRAMES_ITEMS : JSON_FRAMES_SEQUENCE,
                     APISERVER_OBJECT_MAX_BYTES, on_frame, reflector);
    reflector->phase = phase;
    reflector->has_progress = false;
    reflector->began_ns = uv_hrtime();
    const enum status status = send_request(reflector, &problem);
    if (status != ST_OK) {
        struct ending ending = { .status = status };
        (void)snprintf(ending.text, sizeof(ending.text), "%s",
                       problem.text[0] ? problem.text : status_text(status));
        end_attempt(reflector);
        go_on(reflector, phase, &ending);
    } else if (phase == PHASE_STREAM) {
        schedule(reflector, STREAM_STALL_MS);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct reflector *reflector = timer->data;
    const enum phase phase = reflector->phase;
    end_attempt(reflector);
    if (phase == PHASE_STREAM) {
        reflector->avoids_stream = true; /* it has stalled */
    }
    begin(reflector);
}

/* --- making one --- */

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer);
}

enum status reflector_new(struct apiserver *apiserver,
                          const struct store_interest *interest,
                          struct reflector **ret_reflector)
{
    struct reflector *reflector = calloc(1, sizeof(*reflector));
    if (!reflector) {
        return ST_NOMEM;
    }
    reflector->apiserver = apiserver;
    reflector->interest = *interest;
    reflector->error_body.max_len = ERROR_BODY_MAX;
    reflector->continue_token.max_len = CONTINUE_MAX;
    enum status status = remote_objects_init(&reflector->objects, apiserver, interest->kind);
    if (status == ST_OK) {
        reflector->timer = calloc(1, sizeof(*reflector->timer));
        status = reflector->timer ? ST_OK : ST_NOMEM;
    }
    if (status != ST_OK) {
        (void)reflector_free(reflector);
        return status;
    }
    (void)uv_timer_init(loop_uv(apiserver->loop), reflector->timer); /* cannot fail */
    reflector->timer->data = reflector;
    *ret_reflector = reflector;
    return ST_OK;
}

struct reflector *reflector_free(struct reflector *reflector)
{
    if (!reflector) {
        return NULL;
    }
    if (reflector->timer) {
        end_attempt(reflector);
        uv_close((uv_handle_t *)reflector->timer, on_timer_closed);
    }
    remote_objects_fini(&reflector->objects);
    buf_fini(&reflector->error_body);
    buf_fini(&reflector->continue_token);
    free(reflector);
    return NULL;
}

void reflector_start(struct reflector *reflector)
{
    schedule(reflector, 0);
}

void reflector_retell(struct reflector *reflector, const struct store_target *target)
{
    if (target->kind != reflector->interest.kind ||
        !remote_objects_forget(&reflector->objects, target->namespace, target->name)) {
        return;
    }
    switch (reflector->phase) {
    case PHASE_STREAM:
    case PHASE_LIST:
        reflector->wants_list = true;
        break;
    case PHASE_WATCH:
        reflector->resource_version[0] = '\0';
        schedule(reflector, 0);
        break;
    case PHASE_IDLE: /* between two pages the token says more than the version */
        reflector->wants_list = reflector->continue_token.len > 0;
        reflector->resource_version[0] = '\0';
        break;
    }
}

bool reflector_is_synced(const struct reflector *reflector)
{
    return reflector->is_synced;
}

bool reflector_is_connected(const struct reflector *reflector)
{
    return reflector->is_connected;
}

enum status reflector_last_failure(const struct reflector *reflector)
{
    return reflector->last_failure;
}

uint64_t reflector_problem_count(const struct reflector *reflector)
{
    return reflector->objects.wrong_count + reflector->unreadable_told +
           (reflector->problem.status != ST_OK);
}
