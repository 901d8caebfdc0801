/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an API server answers: events of a watch, items of a list, and refusals.
 *
 * What users put into an object may be more than our JSON reader takes (deep nesting, a NUL in a
 * key). In a list such an object counts as gone, so that it keeps nobody from the others; in a
 * watch it cannot be told which one it is, and the list is read again.
 *
 * Nothing is decided here but what a frame says; what follows from it (to ask again, to ask for
 * something else, to wait) is for whoever asked (store/apiserver/reflector.c).
 *
 * Untrusted: all of it is bounded before it comes here (document/json_frames, document/document).
 * What goes back to the server (resourceVersion, continue) has a bound of its own; what goes to
 * people is made fit for a log by kube/status_body. Threads: the loop's.
 */
#include "store/apiserver/reply.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "document/document.h"
#include "store/apiserver/resource.h"

#define CONTINUE_MAX   8192  /* a token is base64 of a key and a resourceVersion: 150 bytes */
#define ERROR_BODY_MAX 65536 /* a Status is 300 bytes; what a proxy says may be a page of HTML */

void reply_init(struct reply *reply, struct session *session, struct remote_objects *objects)
{
    *reply = (struct reply){
        .session = session,
        .objects = objects,
        .error_body = { .max_len = ERROR_BODY_MAX },
        .next_page = { .max_len = CONTINUE_MAX },
    };
}

void reply_fini(struct reply *reply)
{
    reply_end(reply);
    buf_fini(&reply->next_page);
}

void reply_begin(struct reply *reply, enum phase phase, json_frame_fn *fn, void *ctx)
{
    reply->phase = phase;
    json_frames_init(&reply->frames, phase == PHASE_LIST ? JSON_FRAMES_ITEMS : JSON_FRAMES_SEQUENCE,
                     RESOURCE_MAX_BYTES, fn, ctx);
}

void reply_end(struct reply *reply)
{
    reply->phase = PHASE_IDLE;
    reply->code = 0;
    json_frames_fini(&reply->frames);
    buf_fini(&reply->error_body);
    reply->error_body.max_len = ERROR_BODY_MAX;
    reply->error = (struct status_body){ 0 };
}

enum status reply_push(struct reply *reply, struct span piece)
{
    if (reply->code == 200) {
        session_note_contact(reply->session);
        return json_frames_push(&reply->frames, piece);
    }
    buf_append(&reply->error_body, piece); /* what does not fit is not looked at */
    return ST_OK;
}

/* A resourceVersion is opaque, but it goes into a URL and back to the server that sent it. Return:
 * false, and "", when it cannot. */
static bool take_version(struct reply *reply, const json_object *object)
{
    const struct span version = resource_text(resource_metadata(object), "resourceVersion");
    reply->version[0] = '\0';
    if (version.len == 0 || version.len >= RESOURCE_VERSION_MAX ||
        memchr(version.at, '\0', version.len)) { /* it would be cut there */
        return false;
    }
    memcpy(reply->version, version.at, version.len);
    reply->version[version.len] = '\0';
    return true;
}

/* The watch has come as far as @object. */
static enum status follow(struct reply *reply, const json_object *object)
{
    (void)take_version(reply, object); /* whoever asked knows what to do without one */
    reply->step = REPLY_FOLLOWED;
    return ST_OK;
}

static bool is_end_of_initial_events(const json_object *object)
{
    const json_object *metadata = resource_metadata(object);
    const json_object *annotations =
        metadata ? json_object_object_get(metadata, "annotations") : NULL;
    return span_equal(resource_text(annotations, "k8s.io/initial-events-end"),
                      SPAN_LITERAL("true"));
}

static enum status take_bookmark(struct reply *reply, const json_object *object)
{
    if (reply->phase == PHASE_WATCH) {
        reply->is_bookmark = true;
        return follow(reply, object);
    }
    if (!is_end_of_initial_events(object)) {
        return ST_OK; /* where the stream is means nothing before it has told everything */
    }
    if (!take_version(reply, object)) {
        return ST_SYNTAX;
    }
    reply->phase = PHASE_WATCH;
    reply->step = REPLY_TOLD_ALL;
    return ST_OK;
}

static enum status take_change(struct reply *reply, const json_object *object, bool is_gone)
{
    const enum status status = is_gone ? remote_objects_remove(reply->objects, object)
                                       : remote_objects_put(reply->objects, object);
    if (reply->phase == PHASE_STREAM) {
        reply->step = REPLY_TOLD_ONE;
        return status; /* initial events come in no order of time */
    }
    return status == ST_OK ? follow(reply, object) : status;
}

/* Return: never ST_OK */
static enum status take_error(struct reply *reply, const json_object *object)
{
    status_body_read(object, &reply->error);
    return status_body_meaning(reply->error.code, reply->error.reason);
}

static enum status take_event(void *ctx, json_object *root)
{
    struct reply *reply = ctx;
    reply->is_readable = true;
    const struct span type = resource_text(root, "type");
    const json_object *object = json_object_object_get(root, "object");
    if (!json_object_is_type(object, json_type_object)) {
        return ST_SYNTAX;
    }
    session_count(&reply->session->store->counters.watch_events);
    if (span_equal(type, SPAN_LITERAL("ADDED")) || span_equal(type, SPAN_LITERAL("MODIFIED"))) {
        return take_change(reply, object, false);
    }
    if (span_equal(type, SPAN_LITERAL("DELETED"))) {
        return take_change(reply, object, true);
    }
    if (span_equal(type, SPAN_LITERAL("BOOKMARK"))) {
        return take_bookmark(reply, object);
    }
    /* What else it may be could be a revocation: the list is read again. */
    return span_equal(type, SPAN_LITERAL("ERROR")) ? take_error(reply, object) : ST_SYNTAX;
}

static enum status take_item(void *ctx, json_object *root)
{
    struct reply *reply = ctx;
    reply->is_readable = true;
    return remote_objects_put(reply->objects, root);
}

static enum status take_list(void *ctx, json_object *root)
{
    struct reply *reply = ctx;
    reply->is_readable = true;
    if (!take_version(reply, root)) {
        return ST_SYNTAX;
    }
    buf_clear(&reply->next_page);
    buf_append(&reply->next_page, resource_text(resource_metadata(root), "continue"));
    reply->step = REPLY_PAGE_ENDS;
    return reply->next_page.failed ? ST_LIMIT : ST_OK;
}

/* Who wrote which field: most of what metadata is, and nobody here asks. Whoever sends an object
 * back without it leaves it as it is. Source: Kubernetes API concepts, "Server-Side Apply". */
static struct document_path managed_fields(enum phase phase)
{
    static const char *const keys[] = { "object", "metadata", "managedFields" };
    const size_t above = phase == PHASE_LIST; /* an item stands alone */
    return (struct document_path){ .keys = keys + above, .count = COUNTOF(keys) - above };
}

enum status reply_take(struct reply *reply, enum json_frame_kind kind, struct span text)
{
    struct problem problem = { 0 };
    const bool is_object = kind == JSON_FRAME_VALUE;
    const bool is_list = reply->phase != PHASE_WATCH;
    document_fn *fn = reply->phase == PHASE_LIST ? take_item : take_event;
    reply->step = REPLY_GO_ON;
    reply->is_bookmark = false;
    reply->is_readable = false;
    const enum status status = document_parse_json(text, managed_fields(reply->phase),
                                                   is_object ? fn : take_list, reply, &problem);
    if (reply->is_readable || status == ST_OK || status == ST_NOMEM || !is_object || !is_list) {
        return status;
    }
    reply->unreadable = problem;
    reply->step = REPLY_UNREADABLE;
    return ST_OK;
}

/* --- why a request ended --- */

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

static void judge_refusal(const struct reply *reply,
                          const struct http_result *result,
                          struct ending *ending)
{
    struct status_body body;
    status_body_parse(buf_span(&reply->error_body), &body);
    ending->status = status_body_meaning(result->code, body.reason);
    if (body.retry_after_sec > ending->retry_after_sec) {
        ending->retry_after_sec = body.retry_after_sec;
    }
    say_refusal(ending, "the server answers", result->code, &body);
}

static void judge_event(const struct reply *reply, struct ending *ending)
{
    const struct status_body *error = &reply->error;
    ending->retry_after_sec = error->retry_after_sec;
    say_refusal(ending, "the watch ends with error", error->code, error);
}

/* RFC 9110 8.3.1: parameters may follow. */
static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    const size_t len = strcspn(content_type, "; \t");
    return len == sizeof(json) - 1 && strncasecmp(content_type, json, len) == 0;
}

/* What was read as JSON and is none. A server that only forgot to name its type is not among them:
 * it was understood. */
static void say_stranger(const struct http_result *result, struct ending *ending)
{
    struct problem text = { 0 };
    problem_set(&text, ending->status, 0, 0,
                "got %.40s from %s, where an API server sends application/json: a login page, a "
                "proxy, or another server?",
                result->content_type[0] ? result->content_type : "no Content-Type", result->from);
    memcpy(ending->text, text.text, sizeof(ending->text));
}

struct ending reply_judge(const struct reply *reply, const struct http_result *result)
{
    struct ending ending = { .status = result->status, .code = result->code };
    const bool has_error_event = reply->error.code != 0 || reply->error.message[0];
    ending.retry_after_sec = result->has_retry_after ? result->retry_after_sec : 0;
    if (result->status == ST_OK && result->code != 200) {
        judge_refusal(reply, result, &ending);
    } else if (result->status != ST_OK && has_error_event) {
        judge_event(reply, &ending);
    } else if (result->code == 200 && !is_json(result->content_type) &&
               (result->status == ST_SYNTAX ||
                (result->status == ST_OK && !json_frames_is_whole(&reply->frames)))) {
        ending.status = result->status == ST_OK ? ST_UNAVAILABLE : result->status;
        say_stranger(result, &ending);
    } else if (result->status != ST_OK) {
        (void)snprintf(ending.text, sizeof(ending.text), "%s",
                       result->text[0] ? result->text : status_text(result->status));
    } else if (reply->phase == PHASE_WATCH) {
        (void)snprintf(ending.text, sizeof(ending.text), "the watch ended at once");
    } else if (reply->phase == PHASE_STREAM || !json_frames_is_whole(&reply->frames)) {
        ending.status = ST_UNAVAILABLE;
        (void)snprintf(ending.text, sizeof(ending.text), "the reply ended early");
    }
    return ending;
}
