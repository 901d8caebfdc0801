/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a manifest's text to the objects that somebody asked for.
 *
 * Untrusted: the text. A document must be a Kubernetes object, that is say apiVersion and kind;
 * what these name decides. Lists are unwrapped one level deep, as kubectl writes them. Kinds that
 * nobody asked for are passed over without a word, since a directory of manifests may hold a whole
 * application. One that was asked for, in an unknown version, is not such a kind: it is a slip.
 *
 * A text that is not well-formed, or holds what is no Kubernetes object, is refused as a whole. In
 * one that is, objects stand for themselves: one that is refused is handed out by its names.
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
    struct manifest_kinds kinds;
    manifest_object_fn *fn;
    void *ctx;               /* borrows */
    struct problem *problem; /* borrows */
};

struct decoding {
    struct manifest_kinds kinds;
    const struct manifests_limits *limits; /* borrows */
    struct digester *digester;             /* borrows */
    struct manifest_objects objects;
    size_t entry_count;      /* of all objects */
    size_t value_count;      /* of those that are kept whole */
    struct problem *problem; /* borrows */
};

enum what { WHAT_OTHER = 0, WHAT_OBJECT, WHAT_LIST, WHAT_TYPED_LIST };

/* What a document, or an item of a list, is. */
struct class
{
    enum what what;
    const struct store_kind *kind; /* WHAT_OBJECT; WHAT_TYPED_LIST: of its items */
};

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

static bool is_list_of(const struct object_kind *kind, struct span name)
{
    static const struct span suffix = SPAN_LITERAL("List");
    const struct span item = span_of(kind->name);
    return name.len == item.len + suffix.len && span_starts_with(name, item) &&
           span_equal(span_after(name, item.len), suffix);
}

/* By group and kind, whatever the version. */
static struct class find_class(const struct walk *walk, struct span api_version, struct span name)
{
    struct class found = { 0 };
    if (span_equal(name, SPAN_LITERAL("List")) && !memchr(api_version.at, '/', api_version.len)) {
        found.what = WHAT_LIST;
    }
    for (size_t i = 0; i < walk->kinds.count; i++) {
        const struct store_kind *const wanted = &walk->kinds.at[i];
        if (!object_kind_has_group(wanted->kind, api_version)) {
            continue;
        }
        if (span_equal(name, span_of(wanted->kind->name))) {
            found = (struct class){ WHAT_OBJECT, wanted };
        } else if (is_list_of(wanted->kind, name)) {
            found = (struct class){ WHAT_TYPED_LIST, wanted };
        }
    }
    return found;
}

static enum status classify(const struct walk *walk,
                            const json_object *object,
                            struct class *ret_class)
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
    const struct class found = find_class(walk, api_version, kind);
    const struct object_api_version want =
        found.kind ? object_api_version(found.kind->kind) : (struct object_api_version){ "v1" };
    if (found.what != WHAT_OTHER && !span_equal(api_version, span_of(want.text))) {
        char text[PROBLEM_TEXT_MAX];
        (void)snprintf(text, sizeof(text), "apiVersion: expected %.200s for this kind", want.text);
        return refuse(walk->problem, json_object_object_get(object, "apiVersion"), ST_UNSUPPORTED,
                      text);
    }
    *ret_class = found;
    return ST_OK;
}

/* An element of a list. The items of a SecretList need not say what they are. */
static enum status visit_item(const struct walk *walk,
                              const struct class *list,
                              const json_object *item,
                              size_t position)
{
    struct class class = { .what = WHAT_OBJECT, .kind = list->kind };
    const bool is_typed = list->what == WHAT_TYPED_LIST;
    const bool is_plain = is_typed && json_object_is_type(item, json_type_object) &&
                          !json_object_object_get(item, "apiVersion") &&
                          !json_object_object_get(item, "kind");
    if (!is_plain) {
        const enum status status = classify(walk, item, &class);
        if (status != ST_OK) {
            return status;
        }
    }
    if (is_typed && (class.what != WHAT_OBJECT || class.kind != list->kind)) {
        char text[PROBLEM_TEXT_MAX];
        const char *const name = list->kind->kind->name;
        (void)snprintf(text, sizeof(text), "expected a %.80s in a %.80sList", name, name);
        return refuse(walk->problem, item, ST_INVALID, text);
    }
    switch (class.what) {
    case WHAT_OBJECT:
        return walk->fn(walk->ctx, class.kind, item, position);
    case WHAT_LIST:
    case WHAT_TYPED_LIST:
        return refuse(walk->problem, item, ST_UNSUPPORTED, "a list inside a list is not supported");
    case WHAT_OTHER:
        break;
    }
    return ST_OK;
}

static enum status visit_list(const struct walk *walk,
                              const struct class *list,
                              const json_object *object)
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
        const enum status status = visit_item(walk, list, item, i);
        if (status != ST_OK) {
            return status;
        }
    }
    return ST_OK;
}

enum status manifest_each(const json_object *root,
                          struct manifest_kinds kinds,
                          manifest_object_fn *fn,
                          void *ctx,
                          struct problem *reterr_problem)
{
    const struct walk walk = { .kinds = kinds, .fn = fn, .ctx = ctx, .problem = reterr_problem };
    struct class class = { 0 };
    const enum status status = classify(&walk, root, &class);
    if (status != ST_OK) {
        return status;
    }
    switch (class.what) {
    case WHAT_OBJECT:
        return fn(ctx, class.kind, root, MANIFEST_NOT_IN_LIST);
    case WHAT_LIST:
    case WHAT_TYPED_LIST:
        return visit_list(&walk, &class, root);
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

static enum status decode_whole(const struct store_kind *kind,
                                const json_object *object,
                                struct manifest_object *ret_object,
                                struct problem *problem)
{
    return store_kind_decodes_secret(kind)
               ? secret_decode(object, &ret_object->secret, problem)
               : object_meta_decode(kind->kind, object, &ret_object->plain, problem);
}

static enum status decode_names(const struct store_kind *kind,
                                const json_object *object,
                                struct manifest_object *ret_object,
                                struct problem *problem)
{
    return store_kind_decodes_secret(kind)
               ? secret_decode_names(object, &ret_object->secret, problem)
               : object_meta_decode_names(kind->kind, object, &ret_object->plain, problem);
}

/* One that is refused is taken by its names, so that no other of these names counts in its place.
 * Without names that can be told apart, it could be any, and the whole file is refused. */
static enum status decode_object(const struct decoding *decoding,
                                 const struct store_kind *kind,
                                 const json_object *object,
                                 struct manifest_object *ret_object)
{
    struct problem problem;
    struct problem names;
    enum status status = decode_whole(kind, object, ret_object, &problem);
    if (status == ST_OK || status == ST_NOMEM) {
        return status;
    }
    const enum status named = decode_names(kind, object, ret_object, &names);
    if (named != ST_OK) {
        problem_set(decoding->problem, status, problem.line, problem.column, "%s", problem.text);
        return named == ST_NOMEM ? ST_NOMEM : status;
    }
    ret_object->refusal = copy_refusal(&problem);
    if (!ret_object->refusal) {
        ret_object->secret = secret_free(ret_object->secret);
        ret_object->plain = object_meta_free(ret_object->plain);
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

static size_t count_values(const json_object *node)
{
    size_t count = 1;
    if (json_object_is_type(node, json_type_object)) {
        json_object_object_foreach((json_object *)node, key, value)
        {
            (void)key;
            count += count_values(value);
        }
    } else if (json_object_is_type(node, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(node); i++) {
            count += count_values(json_object_array_get_idx(node, i));
        }
    }
    return count;
}

/* The tree itself: whoever reads the document has no further use for it. */
static enum status keep_json(struct decoding *decoding,
                             const json_object *object,
                             struct manifest_object *added)
{
    decoding->value_count += count_values(object);
    if (decoding->value_count > decoding->limits->file_values) {
        return refuse_number(decoding, object, decoding->limits->file_values,
                             "values of objects that are wanted whole");
    }
    added->json = json_object_get((json_object *)object);
    return ST_OK;
}

static enum status add_object(void *ctx,
                              const struct store_kind *kind,
                              const json_object *object,
                              size_t position)
{
    struct decoding *decoding = ctx;
    (void)position;
    struct manifest_objects *objects = &decoding->objects;
    if (objects->count >= decoding->limits->file_objects) {
        return refuse_number(decoding, object, decoding->limits->file_objects,
                             decoding->kinds.count == 1 && kind->kind->is_secret ? "Secrets"
                                                                                 : "objects");
    }
    enum status status = make_room(objects);
    if (status != ST_OK) {
        return status;
    }
    struct manifest_object *added = &objects->at[objects->count];
    *added = (struct manifest_object){ .kind = kind->kind };
    status = decode_object(decoding, kind, object, added);
    if (status != ST_OK) {
        return status;
    }
    objects->count++; /* from here on freed with the others */
    document_position(object, &added->line, &added->column);
    added->meta = added->secret ? &added->secret->meta : added->plain;
    decoding->entry_count += added->meta->label_count + added->meta->annotation_count +
                             (added->secret ? added->secret->entry_count : 0);
    if (decoding->entry_count > decoding->limits->file_entries) {
        return refuse_number(decoding, object, decoding->limits->file_entries, "data entries");
    }
    if (kind->wants_json && !added->refusal) {
        status = keep_json(decoding, object, added);
    }
    return status == ST_OK ? digester_compute(decoding->digester, object, added->meta,
                                              added->secret, &added->content)
                           : status;
}

static enum status add_document(void *ctx, json_object *root)
{
    struct decoding *decoding = ctx;
    return manifest_each(root, decoding->kinds, add_object, decoding, decoding->problem);
}

enum status manifest_decode(struct span text,
                            struct manifest_kinds kinds,
                            const struct manifests_limits *limits,
                            struct digester *digester,
                            struct manifest_objects *ret_objects,
                            struct problem *reterr_problem)
{
    struct decoding decoding = {
        .kinds = kinds,
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
        object_meta_free(objects->at[i].plain);
        json_object_put(objects->at[i].json);
        free(objects->at[i].refusal);
    }
    free(objects->at);
    *objects = (struct manifest_objects){ 0 };
}
