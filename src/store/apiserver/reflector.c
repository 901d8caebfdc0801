/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request for objects kept true: list, then watch, for as long as the process lives.
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
 * Where metadata is all that the listeners want, no more of each object is asked for.
 *
 * Failures wait (base/backoff.h), longer where the server says Retry-After. What a watch tells
 * starts that over; a list alone does not, or one whose watch fails would be read for ever.
 *
 * Source: Kubernetes API concepts ("Efficient detection of changes", "Streaming lists");
 * k8s.io/client-go tools/cache/reflector.go for what servers do in practice. Threads: the loop's.
 */
#include "store/apiserver/reflector.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <uv.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "base/problem.h"
#include "io/http/client.h"
#include "store/apiserver/objects.h"
#include "store/apiserver/reply.h"
#include "store/apiserver/resource.h"

/* Without an event for this long a streaming list has stalled. The server answers within 3 s or
 * fails; then events follow each other closely. */
#define STREAM_STALL_MS 10000

#define LIST_PAGE_SIZE  500   /* objects of one page; client-go's own */
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

#define NOT_ACCEPTABLE 406 /* RFC 9110 15.5.7 */

struct reflector {
    struct session *session; /* borrows */
    struct store_interest interest;
    uint64_t silence_timeout_ms;
    uint64_t list_timeout_ms;
    struct remote_objects objects;
    uv_timer_t *timer; /* freed by its close callback; IDLE: when to begin; STREAM: when it stalls
                          or is due; LIST: when it is due; WATCH: when to list anew */

    struct http_transfer *transfer; /* NULL when IDLE */
    struct reply reply;             /* to it; its phase is the reflector's */
    uint64_t began_ns;
    uint64_t list_due_ms;   /* of the loop's time: when the list, with all its pages, has failed */
    bool has_progress;      /* it has told something */
    uint64_t confirmed_ns;  /* when the server last said where in its history we are */
    int64_t list_began_sec; /* wall clock */
    int64_t told_until_sec; /* store_told_until_sec() */
    bool has_caught_up;     /* what this watch tells now has only just happened */

    char resource_version[RESOURCE_VERSION_MAX]; /* where a watch goes on; "": list first */
    struct buf continue_token;                   /* of the next page; empty: the first */
    bool avoids_stream;                          /* this list is read in pages */
    bool avoids_pages;         /* the token of the last try had expired: all at once */
    bool avoids_partial;       /* the server refuses to send metadata only */
    bool wants_list;           /* read the list again when this one is through */
    size_t unreadable_count;   /* objects of this list, or of the last, that are not readable */
    size_t unreadable_told;    /* how many the last problem said; 0: resolved */
    struct problem unreadable; /* why the last of them is not */

    struct backoff backoff;
    enum status last_failure;
    bool is_synced;
    bool is_connected;
    struct problem problem; /* told and not resolved; ST_OK for none */
};

/* --- the clockwork --- */

static void on_timer(uv_timer_t *timer);

static void schedule(struct reflector *reflector, uint64_t delay_ms)
{
    (void)uv_timer_start(reflector->timer, on_timer, delay_ms, 0); /* fails without callback only */
}

static uint64_t delay_ms_for(struct reflector *reflector, const struct ending *ending)
{
    return backoff_next_ms(&reflector->backoff, ending->code == 0, ending->retry_after_sec);
}

/* Forget what belongs to one request. */
static void end_attempt(struct reflector *reflector)
{
    reflector->transfer = http_cancel(reflector->transfer);
    (void)uv_timer_stop(reflector->timer); /* cannot fail */
    reply_end(&reflector->reply);
}

/* --- what is known of the server --- */

static void note_connected(struct reflector *reflector)
{
    reflector->is_connected = true;
    reflector->last_failure = ST_OK;
    if (reflector->problem.status != ST_OK) {
        struct problem problem = reflector->problem;
        reflector->problem.status = ST_OK;
        problem.status = ST_OK;
        session_resolved(reflector->session, &problem);
    }
    session_note_state(reflector->session);
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
        session_count(&reflector->session->store->counters.lists_failed);
    }
    problem_set(&problem, ending->status, 0, 0, "cannot %s %s in %s%s: %s", doing[phase],
                reflector->interest.kind->plural, namespace ? "namespace " : "",
                namespace ? namespace : "all namespaces", ending->text);
    if (is_worth_a_word && (reflector->problem.status != problem.status ||
                            strcmp(reflector->problem.text, problem.text) != 0)) {
        reflector->problem = problem;
        session_report(reflector->session, &problem);
    }
    session_note_state(reflector->session);
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
                    reflector->interest.kind->plural, reflector->unreadable.text);
        session_report(reflector->session, &problem);
    } else if (is_news) {
        problem_set(&problem, ST_OK, 0, 0, "all %s can be read", reflector->interest.kind->plural);
        session_resolved(reflector->session, &problem);
    }
}

/* Where in its history the server says we are. */
static void set_version(struct reflector *reflector)
{
    memcpy(reflector->resource_version, reflector->reply.version,
           sizeof(reflector->resource_version));
}

/* Everything there is has been told. */
static void finish_list(struct reflector *reflector)
{
    remote_objects_end_list(&reflector->objects);
    tell_unreadable(reflector);
    reflector->confirmed_ns = uv_hrtime();
    reflector->told_until_sec = reflector->list_began_sec;
    reflector->has_caught_up = true; /* until another watch is begun */
    reflector->is_synced = true;
    reflector->avoids_stream = false;
    reflector->avoids_pages = false;
    buf_clear(&reflector->continue_token);
    session_count(&reflector->session->store->counters.lists_ok);
    if (reflector->wants_list) {
        reflector->wants_list = false;
        reflector->resource_version[0] = '\0';
    }
}

/* --- replies --- */

static void on_head(void *ctx, const struct http_result *head)
{
    struct reflector *reflector = ctx;
    reflector->reply.code = head->code;
    if (head->code != 200) {
        return;
    }
    session_note_contact(reflector->session);
    if (reflector->reply.phase == PHASE_LIST) {
        return;
    }
    session_count(&reflector->session->store->counters.watches_begun);
    if (reflector->reply.phase == PHASE_WATCH) {
        note_connected(reflector);
    }
}

static enum status on_body(void *ctx, struct span piece)
{
    struct reflector *reflector = ctx;
    return reply_push(&reflector->reply, piece);
}

/* What is left of the list's time, by the clock that timers go by. */
static uint64_t list_rest_ms(const struct reflector *reflector)
{
    const uint64_t now_ms = uv_now(loop_uv(reflector->session->loop));
    return reflector->list_due_ms > now_ms ? reflector->list_due_ms - now_ms : 0;
}

static void keep_stream(struct reflector *reflector)
{
    const uint64_t rest_ms = list_rest_ms(reflector);
    schedule(reflector, rest_ms < STREAM_STALL_MS ? rest_ms : STREAM_STALL_MS);
}

static void end_stream(struct reflector *reflector)
{
    (void)uv_timer_stop(reflector->timer); /* cannot fail */
    set_version(reflector);
    finish_list(reflector);
    note_connected(reflector);
    if (!reflector->resource_version[0]) {
        schedule(reflector, 0); /* not from in here: list anew */
    }
}

/* A watch that goes on from an older place begins with what happened meanwhile: how much that is,
 * it does not say before its first bookmark. */
static void note_told(struct reflector *reflector)
{
    const int64_t now_sec = clock_now(&reflector->session->clock).sec;
    reflector->has_caught_up = reflector->has_caught_up || reflector->reply.is_bookmark;
    if (reflector->has_caught_up && now_sec != reflector->told_until_sec) {
        reflector->told_until_sec = now_sec;
        session_note_state(reflector->session);
    }
}

static enum status follow(struct reflector *reflector)
{
    if (!reflector->resource_version[0]) {
        return ST_OK; /* it is about to be replaced by a list */
    }
    reflector->has_progress = true;
    reflector->confirmed_ns = uv_hrtime();
    reflector->backoff.failures = 0;
    if (!reflector->reply.version[0]) {
        return ST_SYNTAX;
    }
    set_version(reflector);
    note_told(reflector);
    return ST_OK;
}

/* A page that leads to itself would be read for ever. */
static enum status turn_page(struct reflector *reflector)
{
    struct buf *token = &reflector->continue_token;
    const struct span next = buf_span(&reflector->reply.next_page);
    if (next.len > 0 && span_equal(next, buf_span(token))) {
        return ST_SYNTAX;
    }
    set_version(reflector);
    buf_clear(token);
    buf_append(token, next);
    return token->failed ? ST_NOMEM : ST_OK;
}

/* A json_frame_fn. */
static enum status on_frame(void *ctx, enum json_frame_kind kind, struct span text)
{
    struct reflector *reflector = ctx;
    struct reply *reply = &reflector->reply;
    const enum status status = reply_take(reply, kind, text);
    if (status != ST_OK) {
        return status;
    }
    switch (reply->step) {
    case REPLY_GO_ON:
        break;
    case REPLY_UNREADABLE:
        reflector->unreadable_count++;
        reflector->unreadable = reply->unreadable;
        break;
    case REPLY_TOLD_ONE:
        keep_stream(reflector);
        break;
    case REPLY_TOLD_ALL:
        end_stream(reflector);
        break;
    case REPLY_FOLLOWED:
        return follow(reflector);
    case REPLY_PAGE_ENDS:
        return turn_page(reflector);
    }
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
            session_note_state(reflector->session);
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
    const uint64_t silence_ms = reflector->silence_timeout_ms;
    const uint64_t lasted_ms = ms_since(reflector->began_ns);
    const bool is_short = lasted_ms < WATCH_SHORT_MS;
    const uint64_t rest_ms = is_short && reflector->has_progress ? WATCH_SHORT_MS - lasted_ms : 0;
    const bool has_stood = ending->code == 200; /* else it was a try */
    if (has_stood && lasted_ms >= silence_ms / WATCH_LONG_PART) {
        reflector->backoff.failures = 0;
    }
    if (has_stood && ms_since(reflector->confirmed_ns) >= WATCH_UNCONFIRMED_MAX * silence_ms) {
        reflector->resource_version[0] = '\0';
    }
    if (ending->status == ST_OK && (reflector->has_progress || !is_short)) {
        begin_after(reflector, rest_ms); /* its time was up */
        return;
    }
    if (ending->status == ST_GONE && reflector->backoff.failures == 0) {
        reflector->resource_version[0] = '\0';
        reflector->backoff.failures = 1;
        begin_after(reflector, rest_ms);
        return;
    }
    struct ending failure = *ending;
    failure.status = ending->status == ST_OK ? ST_UNAVAILABLE : ending->status;
    /* The server is away, busy, or has closed the connection: the place in its history stays. */
    const bool is_passing = failure.status == ST_UNAVAILABLE || failure.status == ST_TIMEOUT;
    if (!is_passing || (failure.code != 0 && reflector->backoff.failures >= WATCH_FAILURES_MAX)) {
        reflector->resource_version[0] = '\0';
    }
    /* A connection that breaks once is no news. */
    note_failure(reflector, PHASE_WATCH, &failure, !is_passing || reflector->backoff.failures > 0);
    /* What it told has ended the row of failures: a list is not to be had more often by that. */
    const uint64_t delay_ms = delay_ms_for(reflector, &failure);
    begin_after(reflector, !is_passing && rest_ms > delay_ms ? rest_ms : delay_ms);
}

static bool asks_partial(const struct reflector *reflector)
{
    return reflector->interest.is_metadata_only && !reflector->avoids_partial;
}

static void go_on(struct reflector *reflector, enum phase phase, const struct ending *ending)
{
    if (ending->code == NOT_ACCEPTABLE && asks_partial(reflector)) {
        reflector->avoids_partial = true;
        begin_after(reflector, 0);
        return;
    }
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

static void on_done(void *ctx, const struct http_result *result)
{
    struct reflector *reflector = ctx;
    const enum phase phase = reflector->reply.phase;
    const struct ending ending = reply_judge(&reflector->reply, result);
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
    resource_path(path, interest->kind, span_of(interest->namespace), (struct span){ 0 });
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
        buf_printf(path, "limit=%d", reflector->avoids_pages ? 0 : LIST_PAGE_SIZE);
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

/* A server that cannot make metadata of a kind is to send whole objects. Source: Kubernetes API
 * concepts, "Metadata-only fetches". */
static struct media_types choose_media(const struct reflector *reflector)
{
    const bool is_list = reflector->reply.phase == PHASE_LIST;
    return (struct media_types){
        .accept = !asks_partial(reflector) ? NULL
                  : is_list ? "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
                              "application/json"
                            : "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
                              "application/json",
    };
}

static enum status send_request(struct reflector *reflector, struct problem *reterr_problem)
{
    struct buf path = { 0 };
    build_path(reflector, reflector->reply.phase, &path);
    struct http_request request = {
        .method = "GET",
        .path = path.at,
        .silence_timeout_ms =
            reflector->reply.phase == PHASE_LIST ? LIST_SILENCE_MS : reflector->silence_timeout_ms,
        .own_connection = reflector->reply.phase != PHASE_LIST,
        .on_head = on_head,
        .on_body = on_body,
        .on_done = on_done,
        .ctx = reflector,
    };
    const enum status status =
        path.failed ? ST_NOMEM
                    : session_request(reflector->session, &request, choose_media(reflector),
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
        reflector->list_began_sec = clock_now(&reflector->session->clock).sec;
        reflector->list_due_ms =
            uv_now(loop_uv(reflector->session->loop)) + reflector->list_timeout_ms;
    }
    reply_begin(&reflector->reply, phase, on_frame, reflector);
    reflector->has_progress = false;
    reflector->has_caught_up = false;
    reflector->began_ns = uv_hrtime();
    const enum status status = send_request(reflector, &problem);
    if (status != ST_OK) {
        struct ending ending = { .status = status };
        (void)snprintf(ending.text, sizeof(ending.text), "%s",
                       problem.text[0] ? problem.text : status_text(status));
        end_attempt(reflector);
        go_on(reflector, phase, &ending);
    } else if (phase == PHASE_STREAM) {
        keep_stream(reflector);
    } else if (phase == PHASE_LIST) {
        schedule(reflector, list_rest_ms(reflector));
    }
}

/* Silence shows what is broken, but bytes may trickle without end. To whoever waits this is no
 * better than no answer. */
static void fail_list(struct reflector *reflector, enum phase phase)
{
    struct ending ending = { .status = ST_TIMEOUT };
    (void)snprintf(ending.text, sizeof(ending.text), "not complete after %" PRIu64 " ms",
                   reflector->list_timeout_ms);
    go_on(reflector, phase, &ending);
}

static void on_timer(uv_timer_t *timer)
{
    struct reflector *reflector = timer->data;
    const enum phase phase = reflector->reply.phase;
    end_attempt(reflector);
    if (phase == PHASE_STREAM) {
        reflector->avoids_stream = true; /* it has stalled */
    }
    if ((phase == PHASE_STREAM || phase == PHASE_LIST) && list_rest_ms(reflector) == 0) {
        fail_list(reflector, phase);
    } else {
        begin(reflector);
    }
}

/* --- making one --- */

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer);
}

enum status reflector_new(struct session *session,
                          const struct store_request *request,
                          uint64_t silence_timeout_ms,
                          uint64_t list_timeout_ms,
                          struct reflector **ret_reflector)
{
    struct reflector *reflector = calloc(1, sizeof(*reflector));
    if (!reflector) {
        return ST_NOMEM;
    }
    reflector->session = session;
    reflector->interest = request->interest;
    reflector->silence_timeout_ms = silence_timeout_ms;
    reflector->list_timeout_ms = list_timeout_ms;
    reply_init(&reflector->reply, session, &reflector->objects);
    enum status status = remote_objects_init(&reflector->objects, session, request);
    if (status == ST_OK) {
        reflector->timer = calloc(1, sizeof(*reflector->timer));
        status = reflector->timer ? ST_OK : ST_NOMEM;
    }
    if (status != ST_OK) {
        (void)reflector_free(reflector);
        return status;
    }
    (void)uv_timer_init(loop_uv(session->loop), reflector->timer); /* cannot fail */
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
    reply_fini(&reflector->reply);
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
    switch (reflector->reply.phase) {
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

int64_t reflector_told_until_sec(const struct reflector *reflector)
{
    return reflector->told_until_sec;
}

const struct object_kind *reflector_kind(const struct reflector *reflector)
{
    return reflector->interest.kind;
}

uint64_t reflector_problem_count(const struct reflector *reflector)
{
    return reflector->objects.wrong_count + reflector->unreadable_told +
           (reflector->problem.status != ST_OK);
}
