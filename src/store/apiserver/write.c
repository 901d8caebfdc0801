/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single objects of the API server: create, read, replace, patch, delete.
 *
 * One request each, never tried again from here: whether a write that got no answer has happened is
 * not known, and whoever wanted it knows best what to do then. Preconditions are the API's own:
 * uid and resourceVersion in the object's metadata, or in a deletion's options.
 *
 * Bodies may hold Secrets: they are wiped here and in the HTTP client, and nothing of them is in a
 * text. Names are checked before they stand in a path. Threads: the loop's only.
 */
#include "store/apiserver/write.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "document/document.h"
#include "document/edit.h"
#include "kube/names.h"
#include "kube/status_body.h"
#include "store/apiserver/resource.h"

#define WRITES_MAX       32    /* under way at once; controllers do one thing at a time */
#define WRITE_TIMEOUT_MS 30000 /* for all of it; kube-apiserver's own is 60 s, webhooks' 10 s */

/* How each is asked for. */
static const struct verb {
    const char *name; /* for people */
    const char *method;
    const char *content_type; /* NULL: no body */
} verbs[] = {
    [STORE_GET] = { "get", "GET", NULL },
    [STORE_CREATE] = { "create", "POST", "application/json" },
    [STORE_UPDATE] = { "update", "PUT", "application/json" },
    [STORE_PATCH] = { "patch", "PATCH", "application/merge-patch+json" },
    [STORE_ADOPT] = { "get", "GET", NULL }, /* the server has seen to it */
    [STORE_DELETE] = { "delete", "DELETE", "application/json" },
};

struct remote_write {
    struct cds_list_head siblings;
    struct remote_writes *writes; /* borrows */
    struct http_transfer *transfer;
    store_done_fn *done;
    void *ctx;
    enum store_verb verb;
    struct buf body; /* of the reply; wiped */
    json_object *object;
};

/* The store no longer knows of it. */
static void take_out(struct remote_write *write)
{
    cds_list_del(&write->siblings);
    write->writes->count--;
}

static void free_write(struct remote_write *write)
{
    buf_fini(&write->body);
    json_object_put(write->object); /* wipes its strings: document/document */
    free(write);
}

static enum status on_body(void *ctx, struct span piece)
{
    struct remote_write *write = ctx;
    buf_append(&write->body, piece);
    if (!write->body.failed) {
        return ST_OK;
    }
    return write->body.len + piece.len > write->body.max_len ? ST_LIMIT : ST_NOMEM;
}

static enum status take_object(void *ctx, json_object *root)
{
    struct remote_write *write = ctx;
    json_object_put(write->object); /* of several the last; the API sends one */
    write->object = json_object_get(root);
    return ST_OK;
}

/* What an answer means. Return: ST_OK, with write->object but for deletions */
static enum status read_reply(struct remote_write *write,
                              const struct http_result *result,
                              struct problem *problem)
{
    const char *verb = verbs[write->verb].name;
    struct problem syntax;
    const struct span text = buf_span(&write->body);
    if (result->status != ST_OK) {
        problem_set(problem, result->status, 0, 0, "%s: %s", verb,
                    result->text[0] ? result->text : status_text(result->status));
        return result->status;
    }
    if (result->code < 200 || result->code > 299) {
        struct status_body body;
        status_body_parse(text, &body);
        /* a patch has no other way to say which uid it wants than to patch it */
        const enum status status =
            body.is_about_uid ? ST_CONFLICT : status_body_meaning(result->code, body.reason);
        problem_set(problem, status, 0, 0, "%s: the server answers %u %s: %s", verb, result->code,
                    body.reason, body.message);
        return status;
    }
    if (write->verb == STORE_DELETE) {
        return ST_OK;
    }
    if (text.len == 0 || text.at[0] != '{' ||
        document_parse_json(text, (struct document_path){ 0 }, take_object, write, &syntax) !=
            ST_OK ||
        !write->object) {
        problem_set(problem, ST_UNAVAILABLE, 0, 0, "%s: the server's answer is not an object",
                    verb);
        return ST_UNAVAILABLE;
    }
    return ST_OK;
}

static void on_done(void *ctx, const struct http_result *result)
{
    struct remote_write *write = ctx;
    struct problem problem = { 0 };
    problem_set_file(&problem, session_url(write->writes->session));
    const enum status status = read_reply(write, result, &problem);
    take_out(write); /* first: `done` may free the store, or begin the next one */
    write->done(write->ctx, status, status == ST_OK ? write->object : NULL,
                status == ST_OK ? NULL : &problem);
    free_write(write);
}

void remote_writes_init(struct remote_writes *writes, struct session *session)
{
    writes->session = session;
    writes->count = 0;
    CDS_INIT_LIST_HEAD(&writes->list);
}

void remote_writes_fini(struct remote_writes *writes)
{
    struct remote_write *write;
    struct remote_write *next;
    cds_list_for_each_entry_safe(write, next, &writes->list, siblings)
    {
        write->transfer = http_cancel(write->transfer);
        take_out(write);
        free_write(write);
    }
}

/* --- beginning --- */

/* json-c keeps the text it makes with the tree: there it is wiped, after it has been copied. */
static enum status serialize(const json_object *tree, struct buf *ret_text)
{
    size_t len = 0;
    const char *text = json_object_to_json_string_length((json_object *)tree,
                                                         JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    struct buf body = { .is_secret = true };
    if (!text) {
        return ST_NOMEM;
    }
    buf_append(&body, (struct span){ .at = text, .len = len });
    sodium_memzero((char *)text, len);
    if (body.failed) {
        return ST_NOMEM;
    }
    *ret_text = body;
    return ST_OK;
}

/* @tree: what is sent; NULL: nothing */
static enum status start(struct remote_write *write,
                         const struct store_target *target,
                         const json_object *tree)
{
    const struct verb *verb = &verbs[write->verb];
    const struct span collection = { 0 };
    struct problem problem = { 0 };
    struct buf path = { 0 };
    struct buf body = { .is_secret = true };
    resource_path(&path, target->kind, target->namespace,
                  write->verb == STORE_CREATE ? collection : target->name);
    buf_append_char(&path, '\0');
    enum status status = path.failed ? ST_NOMEM : ST_OK;
    if (status == ST_OK && tree) {
        status = serialize(tree, &body);
    }
    if (status == ST_OK) {
        struct http_request request = {
            .method = verb->method,
            .path = path.at,
            .body = buf_span(&body),
            .total_timeout_ms = WRITE_TIMEOUT_MS,
            .on_body = on_body,
            .on_done = on_done,
            .ctx = write,
        };
        const struct media_types media = { .content_type = verb->content_type };
        status =
            session_request(write->writes->session, &request, media, &write->transfer, &problem);
    }
    buf_fini(&body);
    buf_fini(&path);
    return status;
}

static enum status send_tree(struct remote_writes *writes,
                             const struct store_write *wanted,
                             const json_object *tree)
{
    struct remote_write *write = calloc(1, sizeof(*write));
    if (!write) {
        return ST_NOMEM;
    }
    write->writes = writes;
    write->done = wanted->done;
    write->ctx = wanted->ctx;
    write->verb = wanted->verb;
    write->body = (struct buf){ .max_len = RESOURCE_MAX_BYTES, .is_secret = true };
    cds_list_add_tail(&write->siblings, &writes->list);
    writes->count++;
    const enum status status = start(write, &wanted->target, tree);
    if (status != ST_OK) {
        take_out(write);
        free_write(write);
    }
    return status;
}

/* Add @text to @object as member @key, unless it is empty: then nobody asks for it. */
static bool add_text(json_object *object, const char *key, struct span text)
{
    return text.len == 0 || document_set_text(object, key, text) == ST_OK;
}

static bool add_preconditions(json_object *object, const struct store_target *target)
{
    return add_text(object, "uid", target->uid) &&
           add_text(object, "resourceVersion", target->resource_version);
}

/* A new object with the members of @from, which is not changed; no members when it is no object. */
static json_object *share_members(const json_object *from)
{
    json_object *object = json_object_new_object();
    if (!object || !json_object_is_type(from, json_type_object)) {
        return object;
    }
    json_object_object_foreach(from, key, value)
    {
        if (document_set(object, key, json_object_get(value)) != ST_OK) {
            json_object_put(object);
            return NULL;
        }
    }
    return object;
}

/* Preconditions of a patch are part of it. */
static enum status send_patch(struct remote_writes *writes, const struct store_write *wanted)
{
    json_object *root = share_members(wanted->object);
    json_object *metadata = share_members(json_object_object_get(wanted->object, "metadata"));
    enum status status = ST_NOMEM;
    if (!root || !metadata || !add_preconditions(metadata, &wanted->target)) {
        json_object_put(metadata);
    } else if (document_set(root, "metadata", metadata) == ST_OK) {
        status = send_tree(writes, wanted, root);
    }
    json_object_put(root);
    return status;
}

static enum status send_deletion(struct remote_writes *writes, const struct store_write *wanted)
{
    json_object *options = json_object_new_object();
    json_object *preconditions = json_object_new_object();
    enum status status = ST_NOMEM;
    if (!options || !preconditions || !add_preconditions(preconditions, &wanted->target)) {
        json_object_put(preconditions);
    } else if (document_set(options, "preconditions", preconditions) == ST_OK &&
               add_text(options, "kind", SPAN_LITERAL("DeleteOptions")) &&
               add_text(options, "apiVersion", SPAN_LITERAL("v1"))) {
        status = send_tree(writes, wanted, options);
    }
    json_object_put(options);
    return status;
}

/* What stands in a path must be a name; of what is created the server itself says so. An empty one
 * would mean the collection. */
static bool has_names(const struct store_write *wanted)
{
    const struct store_target *target = &wanted->target;
    return (target->kind->is_cluster_scoped || name_is_dns_label(target->namespace)) &&
           (wanted->verb == STORE_CREATE || name_is_dns_subdomain(target->name));
}

enum status remote_write_begin(struct remote_writes *writes, const struct store_write *write)
{
    const bool is_patch = write->verb == STORE_PATCH;
    if (!has_names(write) || (is_patch && !json_object_is_type(write->object, json_type_object))) {
        return ST_INVALID;
    }
    if (!writes->session->client) {
        return ST_UNSUPPORTED;
    }
    if (writes->count >= WRITES_MAX) {
        return ST_LIMIT;
    }
    switch (write->verb) {
    case STORE_GET:
    case STORE_ADOPT:
        return send_tree(writes, write, NULL);
    case STORE_CREATE:
    case STORE_UPDATE:
        return send_tree(writes, write, write->object);
    case STORE_PATCH:
        return send_patch(writes, write);
    case STORE_DELETE:
        return send_deletion(writes, write);
    }
    return ST_INTERNAL;
}
