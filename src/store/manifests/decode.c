/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a manifest's text to the objects that somebody asked for.
 *
 * Untrusted: the text. A document must be a Kubernetes object, that is say apiVersion and kind;
 * what these name decides. Lists are unwrapped one level deep, as kubectl writes them. Kinds that
 * nobody asked for are passed over without a word, since a directory of manifests may hold a whole
 * application. A Secret in an unknown version of the core group is not such a kind: it is a slip.
 *
 * A text that is not well-formed, or holds what is no Kubernetes object, is refused as a whole. In
 * one that is, objects stand for themselves: a Secret that is refused is handed out by its names.
 *
 * Decoding is all or nothing: the list is handed out when the last object has decoded. Documents
 * are freed one by one as they are read, but what they decode to is kept until then, so it has
 * bounds of its own: a data entry of six characters is 35 bytes here.
 */
#include "store/manifests/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document/document.h"

struct walk {
    manifest_secret_fn *fn;
    void *ctx;               /* borrows */
    struct problem *problem; /* borrows */
};

struct decoding {
    bool wants_secrets;
    const struct manifests_limits *limits; /* borrows */
    struct digester *digester;             /* borrows */
    struct manifest_objects objects;
    size_t entry_count;      /* of all objects */
    struct problem *problem; /* borrows */
};

enum what { WHAT_OTHER = 0, WHAT_SECRET, WHAT_LIST, WHAT_SECRET_LIST };

static enum status refuse(struct problem *problem,
                          const json_object *node,
                          enum status status,
                          const char *what)
{
    unsigned line;
    unsigned column;
    document_position(node, &line, &column);
    problem_set(problem, status, line, column, "%s", what);
    return status;
}

/* A member of @object that must be a non-empty string. */
static enum status take_string(const struct walk *walk,
                               const json_object *object,
                               const char *key,
                               const char *missing,
                               const char *mistyped,
                               struct span *ret_text)
{
    json_object *member = json_object_object_get(object, key);
    if (!member) {
        return refuse(walk->problem, object, ST_INVALID, missing);
    }
    if (!json_object_is_type(member, json_type_string)) {
        return refuse(walk->problem, member, ST_TYPE, mistyped);
    }
    if (document_is_damaged(member)) {
        return refuse(walk->problem, member, ST_SYNTAX,
                      "expected UTF-8: this says what the object is");
    }
    *ret_text = (struct span){
        .at = json_object_get_string(member),
        .len = (size_t)json_object_get_string_len(member),
    };
    return ret_text->len ? ST_OK : refuse(walk->problem, member, ST_INVALID, missing);
}

static bool has_group(struct span api_version)
{
    return api_version.len && memchr(api_version.at, '/', api_version.len);
}

static enum status classify(const struct walk *walk, const json_object *object, enum what *ret_what)
{
    struct span api_version;
    struct span kind;
    if (!json_object_is_type(object, json_type_object)) {
        return refuse(walk->problem, object, ST_TYPE,
                      "expected a Kubernetes object: a mapping with apiVersion and kind");
    }
    enum status status =
        take_string(walk, object, "apiVersion", "expected apiVersion, as in `apiVersion: v1`",
                    "apiVersion: expected a string", &api_version);
    if (status == ST_OK) {
        status = take_string(walk, object, "kind", "expected kind, as in `kind: Secret`",
                             "kind: expected a string", &kind);
    }
    if (status != ST_OK) {
        return status;
    }
    static const struct {
        struct span kind;
        enum what what;
    } known[] = {
        { SPAN_LITERAL("Secret"), WHAT_SECRET },
        { SPAN_LITERAL("List"), WHAT_LIST },
        { SPAN_LITERAL("SecretList"), WHAT_SECRET_LIST },
    };
    *ret_what = WHAT_OTHER;
    for (size_t i = 0; i < COUNTOF(known); i++) {
        if (span_equal(kind, known[i].kind) && !has_group(api_version)) {
            *ret_what = known[i].what;
        }
    }
    if (*ret_what != WHAT_OTHER && !span_equal(api_version, SPAN_LITERAL("v1"))) {
        return refuse(walk->problem, json_object_object_get(object, "apiVersion"), ST_UNSUPPORTED,
                      "apiVersion: expected v1 for this kind");
    }
    return ST_OK;
}

/* An element of a list. The items of a SecretList need not say what they are. */
static enum status visit_item(const struct walk *walk,
                              enum what list,
                              const json_object *item,
                              size_t position)
{
    enum what what = WHAT_SECRET;
    const bool is_plain = list == WHAT_SECRET_LIST && json_object_is_type(item, json_type_object) &&
                          !json_object_object_get(item, "apiVersion") &&
                          !json_object_object_get(item, "kind");
    if (!is_plain) {
        const enum status status = classify(walk, item, &what);
        if (status != ST_OK) {
            return status;
        }
    }
    if (list == WHAT_SECRET_LIST && what != WHAT_SECRET) {
        return refuse(walk->problem, item, ST_INVALID, "expected a Secret in a SecretList");
    }
    switch (what) {
    case WHAT_SECRET:
        return walk->fn(walk->ctx, item, position);
    case WHAT_LIST:
    case WHAT_SECRET_LIST:
        return refuse(walk->problem, item, ST_UNSUPPORTED, "a list inside a list is not supported");
    case WHAT_OTHER:
        break;
    }
    return ST_OK;
}

static enum status visit_list(const struct walk *walk, enum what what, const json_object *object)
{
    json_object *items = json_object_object_get(object, "items");
    if (!items) { /* absent or null: empty, as Go reads it */
        return ST_OK;
    }
    if (!json_object_is_type(items, json_type_array)) {
        return refuse(walk->problem, items, ST_TYPE, "items: expected a sequence of objects");
    }
    const size_t count = json_object_array_length(items);
    for (size_t i = 0; i < count; i++) {
        const json_object *item = json_object_array_get_idx(items, i);
        if (!item) { /* null has no position of its own */
            return refuse(walk->problem, items, ST_TYPE, "items: expected objects, found null");
        }
        const enum status status = visit_item(walk, what, item, i);
        if (status != ST_OK) {
            return status;
        }
    }
    return ST_OK;
}

enum status manifest_each_secret(const json_object *root,
                                 manifest_secret_fn *fn,
                                 void *ctx,
                                 struct problem *reterr_problem)
{
    const struct walk walk = { .fn = fn, .ctx = ctx, .problem = reterr_problem };
    enum what what = WHAT_OTHER;
    const enum status status = classify(&walk, root, &what);
    if (status != ST_OK) {
        return status;
    }
    switch (what) {
    case WHAT_SECRET:
        return fn(ctx, root, MANIFEST_NOT_IN_LIST);
    case WHAT_LIST:
    case WHAT_SECRET_LIST:
        return visit_list(&walk, what, root);
    case WHAT_OTHER:
        break;
    }
    return ST_OK;
}

static enum status refuse_number(const struct decoding *decoding,
                                 const json_object *node,
                                 size_t max,
                                 const char *what)
{
    char text[PROBLEM_TEXT_MAX];
    (void)snprintf(text, sizeof(text), "expected at most %zu %s in one file", max,
                   what); /* fits: all of it is ours */
    return refuse(decoding->problem, node, ST_LIMIT, text);
}

static struct manifest_refusal *copy_refusal(const struct problem *problem)
{
    const size_t size = strlen(problem->text) + 1;
    struct manifest_refusal *refusal = malloc(sizeof(*refusal) + size);
    if (refusal) {
        *refusal = (struct manifest_refusal){
            .status = problem->status,
            .line = problem->line,
            .column = problem->column,
        };
        memcpy(refusal->text, problem->text, size);
    }
    return refusal;
}

/* One that is refused is taken by its names, so that no other of these names counts in its place.
 * Without names that can be told apart, it could be any, and the whole file is refused. */
static enum status decode_secret(const struct decoding *decoding,
                                 const json_object *object,
                                 struct manifest_object *ret_object)
{
    struct problem problem;
    struct problem names;
    enum status status = secret_decode(object, &ret_object->secret, &problem);
    if (status == ST_OK || status == ST_NOMEM) {
        return status;
    }
    const enum status named = secret_decode_names(object, &ret_object->secret, &names);
    if (named != ST_OK) {
        problem_set(decoding->problem, status, problem.line, problem.column, "%s", problem.text);
        return named == ST_NOMEM ? ST_NOMEM : status;
    }
    ret_object->refusal = copy_refusal(&problem);
    if (!ret_object->refusal) {
        ret_object->secret = secret_free(ret_object->secret);
        return ST_NOMEM;
    }
    return ST_OK;
}

static enum status make_room(struct manifest_objects *objects)
{
    if (objects->count < objects->cap) {
        return ST_OK;
    }
    const size_t cap = objects->cap ? objects->cap * 2 : 8;
    struct manifest_object *at = reallocarray(objects->at, cap, sizeof(*at));
    if (!at) {
        return ST_NOMEM;
    }
    objects->at = at;
    objects->cap = cap;
    return ST_OK;
}

static enum status add_secret(void *ctx, const json_object *object, size_t position)
{
    struct decoding *decoding = ctx;
    (void)position;
    struct manifest_objects *objects = &decoding->objects;
    if (!decoding->wants_secrets) {
        return ST_OK;
    }
    if (objects->count >= decoding->limits->file_objects) {
        return refuse_number(decoding, object, decoding->limits->file_objects, "Secrets");
    }
    enum status status = make_room(objects);
    if (status != ST_OK) {
        return status;
    }
    struct manifest_object *added = &objects->at[objects->count];
    *added = (struct manifest_object){ 0 };
    status = decode_secret(decoding, object, added);
    if (status != ST_OK) {
        return status;
    }
    objects->count++; /* from here on freed with the others */
    document_position(object, &added->line, &added->column);
    decoding->entry_count += added->secret->entry_count;
    return decoding->entry_count <= decoding->limits->file_entries
               ? digester_compute(decoding->digester, object, added->secret, &added->content)
               : refuse_number(decoding, object, decoding->limits->file_entries, "data entries");
}

static enum status add_document(void *ctx, json_object *root)
{
    struct decoding *decoding = ctx;
    return manifest_each_secret(root, add_secret, decoding, decoding->problem);
}

enum status manifest_decode(struct span text,
                            bool want_secrets,
                            const struct manifests_limits *limits,
                            struct digester *digester,
                            struct manifest_objects *ret_objects,
                            struct problem *reterr_problem)
{
    struct decoding decoding = {
        .wants_secrets = want_secrets,
        .limits = limits,
        .digester = digester,
        .problem = reterr_problem,
    };
    struct document_notes notes;
    const enum status status =
        document_parse_notes(text, &notes, add_document, &decoding, reterr_problem);
    if (status != ST_OK) {
        manifest_objects_fini(&decoding.objects);
        if (status == ST_NOMEM) {
            problem_set(reterr_problem, ST_NOMEM, 0, 0, "no memory to decode it");
        }
        return status;
    }
    *ret_objects = decoding.objects;
    ret_objects->damage_line = notes.damage_line;
    ret_objects->damage_column = notes.damage_column;
    return ST_OK;
}

void manifest_objects_fini(struct manifest_objects *objects)
{
    for (size_t i = 0; i < objects->count; i++) {
        secret_free(objects->at[i].secret); /* wipes */
        free(objects->at[i].refusal);
    }
    free(objects->at);
    *objects = (struct manifest_objects){ 0 };
}
