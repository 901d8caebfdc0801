/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets, decoded as kube-apiserver would decode and validate them.
 *
 * Untrusted: the tree. A manifest that the API server would refuse is refused here too, with the
 * member's name and place, so that a mistake shows when the file is written and not when somebody
 * cannot log in. Texts name members, never values.
 *
 * A Secret is one block of memory: the struct, its entries and all bytes they point at. It holds
 * plaintext, so freeing wipes it as a whole, and so does every way out of a failed decoding.
 *
 * Threads: none; a Secret belongs to its caller.
 */
#include "kube/secret.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/base64.h"
#include "document/document.h"
#include "kube/member.h"
#include "kube/names.h"

#define DATA_KEY_MAX 253 /* apimachinery's validation of keys of ConfigMaps and Secrets */

/* The one entry that is for people only (bootstrap tokens have it), and so may be damaged. */
#define DESCRIPTION "description"

struct block {
    size_t size;
    struct secret secret; /* what the caller holds; entries and bytes follow */
};

/* What one decoding carries along. */
struct decoder {
    struct problem *problem; /* borrows */
    struct member data;
    struct member string_data;
    struct secret found;          /* its spans borrow the tree */
    struct block *block;          /* owns */
    struct secret_entry *entries; /* in the block */
    char *free_at;                /* the block's free bytes */
};

/* What decides must be what was written. */
static enum status refuse_damage(struct decoder *decoder, const struct member *member)
{
    return document_is_damaged(member->node)
               ? member_refuse(member, ST_SYNTAX, decoder->problem, "expected UTF-8")
               : ST_OK;
}

/* Absent and null leave @ret_text alone. */
static enum status read_text(struct decoder *decoder, struct member member, struct span *ret_text)
{
    if (!member.node) {
        return ST_OK;
    }
    enum status status = member_require(&member, json_type_string, "a string", decoder->problem);
    if (status == ST_OK) {
        status = refuse_damage(decoder, &member);
    }
    if (status == ST_OK) {
        *ret_text = member_text(member.node);
    }
    return status;
}

/* As read_text(), and an empty text stands for @otherwise. */
static enum status read_text_or(struct decoder *decoder,
                                struct member member,
                                struct span otherwise,
                                struct span *ret_text)
{
    struct span text = { 0 };
    const enum status status = read_text(decoder, member, &text);
    if (status == ST_OK) {
        *ret_text = text.len > 0 ? text : otherwise;
    }
    return status;
}

/* null is an empty string, as Go reads it. The API server takes no U+FFFD in labels and finalizers;
 * annotations are held to the same. */
static enum status check_string(struct decoder *decoder, const struct member *element)
{
    if (!element->node) {
        return ST_OK;
    }
    const enum status status =
        member_require(element, json_type_string, "a string", decoder->problem);
    return status == ST_OK ? refuse_damage(decoder, element) : status;
}

/* @path: of @map */
static enum status check_strings(struct decoder *decoder,
                                 const struct member *map,
                                 const char *path)
{
    if (!map->node) {
        return ST_OK;
    }
    enum status status = member_require(map, json_type_object, "an object", decoder->problem);
    if (status != ST_OK) {
        return status;
    }
    json_object_object_foreach(map->node, key, value)
    {
        const struct member element = { map->node, path, key, value };
        if (status == ST_OK) {
            status = check_string(decoder, &element);
        }
    }
    return status;
}

static enum status check_list(struct decoder *decoder, const struct member *list)
{
    if (!list->node) {
        return ST_OK;
    }
    enum status status = member_require(list, json_type_array, "a list", decoder->problem);
    const size_t count = status == ST_OK ? json_object_array_length(list->node) : 0;
    for (size_t i = 0; i < count && status == ST_OK; i++) {
        const struct member element = { list->node, list->path, list->key,
                                        json_object_array_get_idx(list->node, i) };
        status = check_string(decoder, &element);
    }
    return status;
}

/* What nobody here has a use for, and the API server refuses of another type all the same. */
static enum status check_types(struct decoder *decoder,
                               const json_object *root,
                               const json_object *metadata)
{
    const struct member labels = member_of(metadata, "metadata", "labels");
    const struct member annotations = member_of(metadata, "metadata", "annotations");
    const struct member finalizers = member_of(metadata, "metadata", "finalizers");
    const struct member immutable = member_of(root, "", "immutable");
    enum status status = check_strings(decoder, &labels, "metadata.labels");
    if (status == ST_OK) {
        status = check_strings(decoder, &annotations, "metadata.annotations");
    }
    if (status == ST_OK) {
        status = check_list(decoder, &finalizers);
    }
    if (status == ST_OK && immutable.node) {
        status = member_require(&immutable, json_type_boolean, "true or false", decoder->problem);
    }
    return status;
}

static enum status read_names(struct decoder *decoder, const json_object *root)
{
    const struct member metadata = member_of(root, "", "metadata");
    struct object_meta *const meta = &decoder->found.meta;
    enum status status = member_require(&metadata, json_type_object, "an object", decoder->problem);
    if (status != ST_OK) {
        return status;
    }
    const struct member name = member_of(metadata.node, "metadata", "name");
    status = read_text(decoder, name, &meta->name);
    if (status != ST_OK) {
        return status;
    }
    if (meta->name.len == 0) {
        return member_refuse(&name, ST_INVALID, decoder->problem, "expected a name");
    }
    if (!name_is_dns_subdomain(meta->name)) {
        return member_refuse(&name, ST_INVALID, decoder->problem,
                             "expected a DNS subdomain: at most 253 of a-z, 0-9, `-` and `.`");
    }
    const struct member namespace = member_of(metadata.node, "metadata", "namespace");
    status = read_text_or(decoder, namespace, SPAN_LITERAL("default"), &meta->namespace);
    if (status != ST_OK) {
        return status;
    }
    if (!name_is_dns_label(meta->namespace)) {
        return member_refuse(&namespace, ST_INVALID, decoder->problem,
                             "expected a DNS label: at most 63 of a-z, 0-9 and `-`");
    }
    return ST_OK;
}

static bool has_deletion_timestamp(const json_object *root)
{
    const json_object *const metadata = json_object_object_get(root, "metadata");
    return json_object_object_get(metadata, "deletionTimestamp") != NULL;
}

static enum status read_metadata(struct decoder *decoder, const json_object *root)
{
    struct object_meta *const meta = &decoder->found.meta;
    enum status status = read_names(decoder, root);
    if (status != ST_OK) {
        return status;
    }
    const json_object *const metadata = json_object_object_get(root, "metadata");
    meta->has_deletion_timestamp = has_deletion_timestamp(root);
    status = read_text(decoder, member_of(metadata, "metadata", "uid"), &meta->uid);
    if (status == ST_OK) {
        status = read_text(decoder, member_of(metadata, "metadata", "resourceVersion"),
                           &meta->resource_version);
    }
    return status == ST_OK ? check_types(decoder, root, metadata) : status;
}

/* IsConfigMapKey: no path may be made of it. */
static bool is_data_key(struct span key)
{
    if (key.len == 0 || key.len > DATA_KEY_MAX || span_equal(key, SPAN_LITERAL(".")) ||
        span_starts_with(key, SPAN_LITERAL(".."))) {
        return false;
    }
    for (size_t i = 0; i < key.len; i++) {
        const char c = key.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
            c != '-' && c != '_' && c != '.') {
            return false;
        }
    }
    return true;
}

/* Check the entries of data or stringData, and add up how many bytes of the block they need. */
static enum status measure_entries(struct decoder *decoder,
                                   const struct member *map,
                                   const char *expected,
                                   size_t *size)
{
    if (!map->node) {
        return ST_OK;
    }
    enum status status = member_require(map, json_type_object, "an object", decoder->problem);
    if (status != ST_OK) {
        return status;
    }
    json_object_object_foreach(map->node, key, value)
    {
        const struct member entry = { map->node, map->key, key, value };
        if (!is_data_key(span_of(key))) {
            return member_refuse(map, ST_INVALID, decoder->problem,
                                 "expected keys of 1 to 253 of a-z, A-Z, 0-9, `-`, `_` and `.`, "
                                 "not `.` and not starting with `..`");
        }
        if (value) {
            status = member_require(&entry, json_type_string, expected, decoder->problem);
        }
        if (status == ST_OK && strcmp(key, DESCRIPTION) != 0) {
            status = refuse_damage(decoder, &entry);
        }
        if (status != ST_OK) {
            return status;
        }
        /* enough for plain text and for base64_decoded_max() */
        *size += sizeof(struct secret_entry) + strlen(key) + member_text(value).len + 3;
    }
    return ST_OK;
}

static struct span copy_text(struct decoder *decoder, struct span text)
{
    char *const copy = decoder->free_at;
    if (text.len > 0) {
        memcpy(copy, text.at, text.len);
    }
    decoder->free_at += text.len;
    return (struct span){ .at = copy, .len = text.len };
}

static enum status make_block(struct decoder *decoder, size_t entries_size)
{
    const struct secret *const found = &decoder->found;
    const size_t size = sizeof(struct block) + entries_size + found->meta.name.len +
                        found->meta.namespace.len + found->meta.uid.len +
                        found->meta.resource_version.len + found->type.len;
    struct block *const block = malloc(size);
    if (!block) {
        problem_set(decoder->problem, ST_NOMEM, 0, 0, "out of memory");
        return ST_NOMEM;
    }
    const size_t entry_max =
        (size_t)(decoder->data.node ? json_object_object_length(decoder->data.node) : 0) +
        (size_t)(decoder->string_data.node ? json_object_object_length(decoder->string_data.node)
                                           : 0);
    *block = (struct block){ .size = size };
    decoder->block = block;
    decoder->entries = (struct secret_entry *)(block + 1);
    decoder->free_at = (char *)(decoder->entries + entry_max);
    block->secret = (struct secret){
        .meta = {
            .name = copy_text(decoder, found->meta.name),
            .namespace = copy_text(decoder, found->meta.namespace),
            .uid = copy_text(decoder, found->meta.uid),
            .resource_version = copy_text(decoder, found->meta.resource_version),
            .has_deletion_timestamp = found->meta.has_deletion_timestamp,
        },
        .type = copy_text(decoder, found->type),
        .entries = decoder->entries,
    };
    return ST_OK;
}

static enum status decode_value(struct decoder *decoder,
                                const struct member *entry,
                                struct span *ret_value)
{
    char *const value = decoder->free_at;
    size_t len;
    if (base64_decode(member_text(entry->node), value, &len) != ST_OK) {
        return member_refuse(entry, ST_INVALID, decoder->problem,
                             "expected base64 with its padding, which character %zu is not part of",
                             len + 1);
    }
    decoder->free_at += len;
    *ret_value = (struct span){ .at = value, .len = len };
    return ST_OK;
}

static void add_entry(struct decoder *decoder, const char *key, struct span value)
{
    const struct span name = copy_text(decoder, span_of(key));
    decoder->entries[decoder->block->secret.entry_count++] =
        (struct secret_entry){ .key = name, .value = value };
}

/* What stringData replaces must be base64 all the same, as in the API server. */
static enum status decode_data(struct decoder *decoder)
{
    if (!decoder->data.node) {
        return ST_OK;
    }
    json_object_object_foreach(decoder->data.node, key, node)
    {
        const struct member entry = { decoder->data.node, decoder->data.key, key, node };
        struct span value = { 0 };
        const enum status status = node ? decode_value(decoder, &entry, &value) : ST_OK;
        if (status != ST_OK) {
            return status;
        }
        if (!json_object_object_get_ex(decoder->string_data.node, key, NULL)) {
            add_entry(decoder, key, value);
        }
    }
    return ST_OK;
}

static void copy_string_data(struct decoder *decoder)
{
    if (!decoder->string_data.node) {
        return;
    }
    json_object_object_foreach(decoder->string_data.node, key, node)
    {
        add_entry(decoder, key, copy_text(decoder, member_text(node)));
    }
}

static int compare_keys(struct span a, struct span b)
{
    const int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_entries(const void *a, const void *b)
{
    return compare_keys(((const struct secret_entry *)a)->key,
                        ((const struct secret_entry *)b)->key);
}

static enum status check_size(struct decoder *decoder, const json_object *root)
{
    const struct secret *const secret = &decoder->block->secret;
    size_t size = 0;
    for (size_t i = 0; i < secret->entry_count; i++) {
        size += secret->entries[i].value.len;
    }
    if (size > SECRET_MAX_BYTES) {
        const struct member data = { root, "", "data", NULL };
        return member_refuse(&data, ST_LIMIT, decoder->problem,
                             "expected at most 1048576 bytes in all values");
    }
    return ST_OK;
}

static enum status fill_block(struct decoder *decoder, const json_object *root)
{
    const enum status status = decode_data(decoder);
    if (status != ST_OK) {
        return status;
    }
    copy_string_data(decoder);
    qsort(decoder->entries, decoder->block->secret.entry_count, sizeof(*decoder->entries),
          compare_entries);
    return check_size(decoder, root);
}

static enum status decode(struct decoder *decoder, const json_object *root)
{
    size_t entries_size = 0;
    enum status status = read_metadata(decoder, root);
    if (status == ST_OK) {
        status = read_text_or(decoder, member_of(root, "", "type"), SPAN_LITERAL("Opaque"),
                              &decoder->found.type);
    }
    decoder->data = member_of(root, "", "data");
    decoder->string_data = member_of(root, "", "stringData");
    if (status == ST_OK) {
        status = measure_entries(decoder, &decoder->data, "a base64 string", &entries_size);
    }
    if (status == ST_OK) {
        status = measure_entries(decoder, &decoder->string_data, "a string", &entries_size);
    }
    if (status == ST_OK) {
        status = make_block(decoder, entries_size);
    }
    return status == ST_OK ? fill_block(decoder, root) : status;
}

static enum status require_object(const json_object *root, struct problem *problem)
{
    unsigned line, column;
    if (json_object_is_type(root, json_type_object)) {
        return ST_OK;
    }
    document_position(root, &line, &column);
    problem_set(problem, ST_TYPE, line, column, "expected a Secret, found %s", member_kind(root));
    return ST_TYPE;
}

enum status secret_decode_names(const json_object *root,
                                struct secret **ret_secret,
                                struct problem *reterr_problem)
{
    struct decoder decoder = { .problem = reterr_problem };
    enum status status = require_object(root, reterr_problem);
    if (status == ST_OK) {
        status = read_names(&decoder, root);
    }
    if (status == ST_OK) {
        decoder.found.meta.has_deletion_timestamp = has_deletion_timestamp(root);
        status = make_block(&decoder, 0);
    }
    if (status == ST_OK) {
        decoder.block->secret.is_refused = true;
        *ret_secret = &decoder.block->secret;
    }
    return status;
}

enum status secret_decode(const json_object *root,
                          struct secret **ret_secret,
                          struct problem *reterr_problem)
{
    struct decoder decoder = { .problem = reterr_problem };
    enum status status = require_object(root, reterr_problem);
    if (status == ST_OK) {
        status = decode(&decoder, root);
    }
    if (status == ST_OK) {
        *ret_secret = &decoder.block->secret;
    } else if (decoder.block) {
        (void)secret_free(&decoder.block->secret); /* always NULL */
    }
    return status;
}

struct secret *secret_free(struct secret *secret)
{
    if (secret) {
        struct block *const block = CONTAINER_OF(secret, struct block, secret);
        sodium_memzero(block, block->size);
        free(block);
    }
    return NULL;
}

bool secret_find(const struct secret *secret, const char *key, struct span *ret_value)
{
    const struct span name = span_of(key);
    size_t low = 0;
    size_t high = secret->entry_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare_keys(name, secret->entries[middle].key);
        if (order == 0) {
            *ret_value = secret->entries[middle].value;
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}
