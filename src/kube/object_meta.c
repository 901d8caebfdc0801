/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata, read as kube-apiserver would validate it.
 *
 * Untrusted: the tree. Texts name members, never values. Threads: none.
 */
#include "kube/object_meta.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/rfc3339.h"
#include "document/document.h"
#include "kube/member.h"
#include "kube/names.h"

struct block {
    size_t size;
    struct object_meta meta; /* what the caller holds; labels and texts follow */
};

/* null is an empty string, as Go reads it. The API server takes no U+FFFD in labels and finalizers;
 * annotations are held to the same. */
static enum status check_string(const struct member *element, struct problem *problem)
{
    if (!element->node) {
        return ST_OK;
    }
    const enum status status = member_require(element, json_type_string, "a string", problem);
    return status == ST_OK ? member_refuse_damage(element, problem) : status;
}

/* @path: of @map */
static enum status check_strings(const struct member *map,
                                 const char *path,
                                 struct problem *problem)
{
    if (!map->node) {
        return ST_OK;
    }
    enum status status = member_require(map, json_type_object, "an object", problem);
    if (status != ST_OK) {
        return status;
    }
    json_object_object_foreach(map->node, key, value)
    {
        const struct member element = { map->node, path, key, value };
        if (status == ST_OK) {
            status = check_string(&element, problem);
        }
    }
    return status;
}

static enum status check_list(const struct member *list, struct problem *problem)
{
    if (!list->node) {
        return ST_OK;
    }
    enum status status = member_require(list, json_type_array, "a list", problem);
    const size_t count = status == ST_OK ? json_object_array_length(list->node) : 0;
    for (size_t i = 0; i < count && status == ST_OK; i++) {
        const struct member element = { list->node, list->path, list->key,
                                        json_object_array_get_idx(list->node, i) };
        status = check_string(&element, problem);
    }
    return status;
}

/* What not everybody here has a use for, and the API server refuses of another type all the same.
 */
static enum status check_types(const struct object_kind *kind,
                               const json_object *root,
                               struct problem *problem)
{
    const json_object *const metadata = json_object_object_get(root, "metadata");
    const struct member labels = member_of(metadata, "metadata", "labels");
    const struct member annotations = member_of(metadata, "metadata", "annotations");
    const struct member finalizers = member_of(metadata, "metadata", "finalizers");
    const struct member immutable = member_of(root, "", "immutable");
    enum status status = check_strings(&labels, "metadata.labels", problem);
    if (status == ST_OK) {
        status = check_strings(&annotations, "metadata.annotations", problem);
    }
    if (status == ST_OK) {
        status = check_list(&finalizers, problem);
    }
    if (status == ST_OK && kind->frozen && immutable.node) {
        status = member_require(&immutable, json_type_boolean, "true or false", problem);
    }
    return status;
}

static enum status read_namespace(const struct object_kind *kind,
                                  const json_object *metadata,
                                  struct span *ret_namespace,
                                  struct problem *problem)
{
    const struct member namespace = member_of(metadata, "metadata", "namespace");
    struct span text = { 0 };
    if (kind->is_cluster_scoped) {
        return ST_OK; /* whatever it says, it is nobody's name */
    }
    const enum status status = member_read_text(&namespace, problem, &text);
    if (status != ST_OK) {
        return status;
    }
    *ret_namespace = text.len > 0 ? text : SPAN_LITERAL("default");
    return name_is_dns_label(*ret_namespace)
               ? ST_OK
               : member_refuse(&namespace, ST_INVALID, problem,
                               "expected a DNS label: at most 63 of a-z, 0-9 and `-`");
}

static enum status check_scope(const struct object_kind *kind,
                               const json_object *metadata,
                               struct problem *problem)
{
    const struct member namespace = member_of(metadata, "metadata", "namespace");
    const bool is_empty =
        !namespace.node || (json_object_is_type(namespace.node, json_type_string) &&
                            member_text(namespace.node).len == 0);
    return !kind->is_cluster_scoped || is_empty
               ? ST_OK
               : member_refuse(&namespace, ST_INVALID, problem,
                               "expected none: a %s is in no namespace", kind->name);
}

static enum status read_names(const struct object_kind *kind,
                              const json_object *root,
                              struct object_meta *meta,
                              struct problem *problem)
{
    if (!json_object_is_type(root, json_type_object)) {
        unsigned line, column;
        document_position(root, &line, &column);
        problem_set(problem, ST_TYPE, line, column, "expected a %s, found %s", kind->name,
                    member_kind(root));
        return ST_TYPE;
    }
    const struct member metadata = member_of(root, "", "metadata");
    enum status status = member_require(&metadata, json_type_object, "an object", problem);
    if (status != ST_OK) {
        return status;
    }
    const struct member name = member_of(metadata.node, "metadata", "name");
    status = member_read_text(&name, problem, &meta->name);
    if (status != ST_OK) {
        return status;
    }
    if (meta->name.len == 0) {
        return member_refuse(&name, ST_INVALID, problem, "expected a name");
    }
    if (!name_is_dns_subdomain(meta->name)) {
        return member_refuse(&name, ST_INVALID, problem,
                             "expected a DNS subdomain: at most 253 of a-z, 0-9, `-` and `.`");
    }
    return read_namespace(kind, metadata.node, &meta->namespace, problem);
}

/* As metav1.Time reads it, but that nothing is refused for it: no API server has an object with one
 * that cannot be read, and in a manifest it shows that the object is meant to be gone. */
static void read_deletion(const json_object *root, struct object_meta *meta)
{
    const json_object *const metadata = json_object_object_get(root, "metadata");
    json_object *const timestamp = json_object_object_get(metadata, "deletionTimestamp");
    meta->has_deletion_timestamp = timestamp != NULL;
    meta->deletion = (struct instant){ 0 };
    struct instant deletion;
    if (json_object_is_type(timestamp, json_type_string) &&
        rfc3339_parse(member_text(timestamp), &deletion) == ST_OK) {
        meta->deletion = deletion;
    }
}

enum status object_meta_read(const struct object_kind *kind,
                             const json_object *root,
                             struct object_meta *ret_meta,
                             struct problem *reterr_problem)
{
    struct object_meta meta = { 0 };
    enum status status = read_names(kind, root, &meta, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    const json_object *const metadata = json_object_object_get(root, "metadata");
    const struct member uid = member_of(metadata, "metadata", "uid");
    const struct member version = member_of(metadata, "metadata", "resourceVersion");
    read_deletion(root, &meta);
    status = member_read_text(&uid, reterr_problem, &meta.uid);
    if (status == ST_OK) {
        status = member_read_text(&version, reterr_problem, &meta.resource_version);
    }
    if (status == ST_OK) {
        status = check_scope(kind, metadata, reterr_problem);
    }
    if (status == ST_OK) {
        status = check_types(kind, root, reterr_problem);
    }
    if (status == ST_OK) {
        *ret_meta = meta;
    }
    return status;
}

enum status object_meta_read_names(const struct object_kind *kind,
                                   const json_object *root,
                                   struct object_meta *ret_meta,
                                   struct problem *reterr_problem)
{
    struct object_meta meta = { .is_refused = true };
    const enum status status = read_names(kind, root, &meta, reterr_problem);
    if (status == ST_OK) {
        read_deletion(root, &meta);
        *ret_meta = meta;
    }
    return status;
}

/* --- copies --- */

/* Of labels or annotations; NULL: there are none, or they are not to be believed. */
static json_object *map_of(const struct object_meta *meta, const json_object *root, const char *key)
{
    return meta->is_refused ? NULL
                            : json_object_object_get(json_object_object_get(root, "metadata"), key);
}

static void measure_map(json_object *map, struct object_meta_size *size)
{
    if (!map) {
        return;
    }
    json_object_object_foreach(map, key, value)
    {
        size->label_count++;
        size->text_len += strlen(key) + member_text(value).len;
    }
}

struct object_meta_size object_meta_measure(const struct object_meta *meta, const json_object *root)
{
    struct object_meta_size size = {
        .text_len =
            meta->name.len + meta->namespace.len + meta->uid.len + meta->resource_version.len,
    };
    measure_map(map_of(meta, root, "labels"), &size);
    measure_map(map_of(meta, root, "annotations"), &size);
    return size;
}

static struct span copy_text(char **at, struct span text)
{
    char *const copy = *at;
    if (text.len > 0) {
        memcpy(copy, text.at, text.len);
    }
    *at += text.len;
    return (struct span){ .at = copy, .len = text.len };
}

static size_t copy_map(json_object *map, struct object_label *labels, char **at)
{
    size_t count = 0;
    if (!map) {
        return 0;
    }
    json_object_object_foreach(map, key, value)
    {
        labels[count].key = copy_text(at, span_of(key));
        labels[count++].value = copy_text(at, member_text(value));
    }
    return count;
}

struct object_meta object_meta_copy(const struct object_meta *meta,
                                    const json_object *root,
                                    struct object_label *labels,
                                    char **text)
{
    struct object_meta copy = {
        .name = copy_text(text, meta->name),
        .namespace = copy_text(text, meta->namespace),
        .uid = copy_text(text, meta->uid),
        .resource_version = copy_text(text, meta->resource_version),
        .has_deletion_timestamp = meta->has_deletion_timestamp,
        .deletion = meta->deletion,
        .is_refused = meta->is_refused,
    };
    copy.labels = labels;
    copy.label_count = copy_map(map_of(meta, root, "labels"), labels, text);
    copy.annotations = labels + copy.label_count;
    copy.annotation_count =
        copy_map(map_of(meta, root, "annotations"), labels + copy.label_count, text);
    return copy;
}

static enum status make_block(const struct object_meta *meta,
                              const json_object *root,
                              struct object_meta **ret_meta,
                              struct problem *problem)
{
    const struct object_meta_size room = object_meta_measure(meta, root);
    const size_t size =
        sizeof(struct block) + room.label_count * sizeof(struct object_label) + room.text_len;
    struct block *const block = malloc(size);
    if (!block) {
        problem_set(problem, ST_NOMEM, 0, 0, "out of memory");
        return ST_NOMEM;
    }
    struct object_label *const labels = (struct object_label *)(block + 1);
    char *text = (char *)(labels + room.label_count);
    block->size = size;
    block->meta = object_meta_copy(meta, root, labels, &text);
    *ret_meta = &block->meta;
    return ST_OK;
}

enum status object_meta_decode(const struct object_kind *kind,
                               const json_object *root,
                               struct object_meta **ret_meta,
                               struct problem *reterr_problem)
{
    struct object_meta meta;
    const enum status status = object_meta_read(kind, root, &meta, reterr_problem);
    return status == ST_OK ? make_block(&meta, root, ret_meta, reterr_problem) : status;
}

enum status object_meta_decode_names(const struct object_kind *kind,
                                     const json_object *root,
                                     struct object_meta **ret_meta,
                                     struct problem *reterr_problem)
{
    struct object_meta meta;
    const enum status status = object_meta_read_names(kind, root, &meta, reterr_problem);
    return status == ST_OK ? make_block(&meta, root, ret_meta, reterr_problem) : status;
}

static size_t labels_len(const struct object_label *labels, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += labels[i].key.len + labels[i].value.len;
    }
    return len;
}

struct object_meta_size object_meta_size(const struct object_meta *meta)
{
    return (struct object_meta_size){
        .label_count = meta->label_count + meta->annotation_count,
        .text_len = meta->name.len + meta->namespace.len + meta->uid.len +
                    meta->resource_version.len + labels_len(meta->labels, meta->label_count) +
                    labels_len(meta->annotations, meta->annotation_count),
    };
}

static void copy_labels(const struct object_label *from,
                        size_t count,
                        struct object_label *labels,
                        char **text)
{
    for (size_t i = 0; i < count; i++) {
        labels[i].key = copy_text(text, from[i].key);
        labels[i].value = copy_text(text, from[i].value);
    }
}

struct object_meta object_meta_copy_of(const struct object_meta *meta,
                                       struct object_label *labels,
                                       char **text)
{
    struct object_meta copy = *meta;
    copy.name = copy_text(text, meta->name);
    copy.namespace = copy_text(text, meta->namespace);
    copy.uid = copy_text(text, meta->uid);
    copy.resource_version = copy_text(text, meta->resource_version);
    copy.labels = labels;
    copy.annotations = labels + meta->label_count;
    copy_labels(meta->labels, meta->label_count, labels, text);
    copy_labels(meta->annotations, meta->annotation_count, labels + meta->label_count, text);
    return copy;
}

struct object_meta *object_meta_dup(const struct object_meta *meta)
{
    const struct object_meta_size room = object_meta_size(meta);
    const size_t size =
        sizeof(struct block) + room.label_count * sizeof(struct object_label) + room.text_len;
    struct block *const block = malloc(size);
    if (!block) {
        return NULL;
    }
    struct object_label *const labels = (struct object_label *)(block + 1);
    char *text = (char *)(labels + room.label_count);
    block->size = size;
    block->meta = object_meta_copy_of(meta, labels, &text);
    return &block->meta;
}

struct object_meta *object_meta_free(struct object_meta *meta)
{
    if (meta) {
        struct block *const block = CONTAINER_OF(meta, struct block, meta);
        sodium_memzero(block, block->size);
        free(block);
    }
    return NULL;
}

bool object_label_find(const struct object_label *labels,
                       size_t count,
                       const char *key,
                       struct span *ret_value)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal(labels[i].key, span_of(key))) {
            *ret_value = labels[i].value;
            return true;
        }
    }
    return false;
}
