/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an API server answers: events of a watch, items of a list, and refusals.
 *
 * What users put into an object may be more than our JSON reader takes (deep nesting, a NUL in a
 * key). In a list such an object counts as gone, so that it keeps nobody from the others; in a
 * watch it cannot be told which one it is, and the list is read again.
 *
 * Untrusted: all of it is bounded before it comes here (document/json_frames, document/document).
 * What goes back to the server (resourceVersion, continue) has a bound of its own; what goes to
 * people is made fit for a log by kube/status_body. Threads: the loop's.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "document/document.h"
#include "store/apiserver/reflector.h"
#include "store/apiserver/resource.h"

/* A resourceVersion is opaque, but it goes into a URL and back to the server that sent it. */
static bool take_resource_version(struct reflector *reflector, const json_object *object)
{
    const struct span version = resource_text(resource_metadata(object), "resourceVersion");
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
    reflector->backoff.failures = 0;
    return take_resource_version(reflector, object) ? ST_OK : ST_SYNTAX;
}

static bool is_end_of_initial_events(const json_object *object)
{
    const json_object *metadata = resource_metadata(object);
    const json_object *annotations =
        metadata ? json_object_object_get(metadata, "annotations") : NULL;
    return span_equal(resource_text(annotations, "k8s.io/initial-events-end"),
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
    reflector_end_stream(reflector);
    return ST_OK;
}

static enum status take_change(struct reflector *reflector, const json_object *object, bool is_gone)
{
    const enum status status = is_gone ? remote_objects_remove(&reflector->objects, object)
                                       : remote_objects_put(&reflector->objects, object);
    if (reflector->phase == PHASE_STREAM) {
        reflector_keep_stream(reflector);
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
    const struct span type = resource_text(root, "type");
    const json_object *object = json_object_object_get(root, "object");
    if (!json_object_is_type(object, json_type_object)) {
        return ST_SYNTAX;
    }
    session_count(&reflector->session->store->counters.watch_events);
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
    const struct span next = resource_text(resource_metadata(root), "continue");
    reflector->is_readable = true;
    if (!take_resource_version(reflector, root) ||
        (next.len > 0 && span_equal(next, buf_span(token)))) {
        return ST_SYNTAX;
    }
    buf_clear(token);
    buf_append(token, next);
    return token->failed ? ST_LIMIT : ST_OK;
}

enum status reply_take(void *ctx, enum json_frame_kind kind, struct span text)
{
    struct reflector *reflector = ctx;
    struct problem problem = { 0 };
    const bool is_object = kind == JSON_FRAME_VALUE;
    const bool is_list = reflector->phase != PHASE_WATCH;
    document_fn *fn = reflector->phase == PHASE_LIST ? take_item : take_event;
    reflector->is_readable = false;
    const enum status status =
        document_parse_json(text, is_object ? fn : take_list, reflector, &problem);
    if (reflector->is_readable || status == ST_OK || status == ST_NOMEM || !is_object || !is_list) {
        return status;
    }
    reflector->unreadable_count++;
    reflector->unreadable = problem;
    return ST_OK;
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

struct ending reply_judge(const struct reflector *reflector, const struct http_result *result)
{
    struct ending ending = { .status = result->status, .code = result->code };
    const bool has_error_event = reflector->error.code != 0 || reflector->error.message[0];
    ending.retry_after_sec = result->has_retry_after ? result->retry_after_sec : 0;
    if (result->status == ST_OK && result->code != 200) {
        judge_reply(reflector, result, &ending);
    } else if (result->status != ST_OK && has_error_event) {
        judge_event(reflector, &ending);
    } else if (result->code == 200 && !is_json(result->content_type) &&
               (result->status == ST_SYNTAX ||
                (result->status == ST_OK && !json_frames_is_whole(&reflector->frames)))) {
        ending.status = result->status == ST_OK ? ST_UNAVAILABLE : result->status;
        say_stranger(result, &ending);
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
