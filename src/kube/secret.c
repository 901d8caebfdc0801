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
            status = member_refuse_damage(&entry, decoder->problem);
        }
        if (status != ST_OK) {
            return status;
        }
        /* enough for plain text and for base64_decoded_max() */
        *size += sizeof(struct secret_entry) + strlen(key) + member_text(value).len + 3;
    }
    return ST_OK;
}

static struct span copy_to(char **at, struct span text)
{
    char *const copy = *at;
    if (text.len > 0) {
        memcpy(copy, text.at, text.len);
    }
    *at += text.len;
    return (struct span){ .at = copy, .len = text.len };
}

static struct span copy_text(struct decoder *decoder, struct span text)
{
    return copy_to(&decoder->free_at, text);
}

static enum status make_block(struct decoder *decoder, const json_object *root, size_t entries_size)
{
    const struct secret *const found = &decoder->found;
    const struct object_meta_size meta = object_meta_measure(&found->meta, root);
    const size_t size = sizeof(struct block) + entries_size +
                        meta.label_count * sizeof(struct object_label) + meta.text_len +
                        found->type.len;
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
    struct object_label *const labels = (struct object_label *)(decoder->entries + entry_max);
    decoder->free_at = (char *)(labels + meta.label_count);
    block->secret = (struct secret){
        .meta = object_meta_copy(&found->meta, root, labels, &decoder->free_at),
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
    const struct member type = member_of(root, "", "type");
    enum status status =
        object_meta_read(&kind_secret, root, &decoder->found.meta, decoder->problem);
    if (status == ST_OK) {
        status = member_read_text(&type, decoder->problem, &decoder->found.type);
    }
    if (decoder->found.type.len == 0) {
        decoder->found.type = SPAN_LITERAL("Opaque");
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
        status = make_block(decoder, root, entries_size);
    }
    return status == ST_OK ? fill_block(decoder, root) : status;
}

enum status secret_decode_names(const json_object *root,
                                struct secret **ret_secret,
                                struct problem *reterr_problem)
{
    struct decoder decoder = { .problem = reterr_problem };
    enum status status =
        object_meta_read_names(&kind_secret, root, &decoder.found.meta, reterr_problem);
    if (status == ST_OK) {
        status = make_block(&decoder, root, 0);
    }
    if (status == ST_OK) {
        *ret_secret = &decoder.block->secret;
    }
    return status;
}

enum status secret_decode(const json_object *root,
                          struct secret **ret_secret,
                          struct problem *reterr_problem)
{
    struct decoder decoder = { .problem = reterr_problem };
    const enum status status = decode(&decoder, root);
    if (status == ST_OK) {
        *ret_secret = &decoder.block->secret;
    } else if (decoder.block) {
        (void)secret_free(&decoder.block->secret); /* always NULL */
    }
    return status;
}

struct secret *secret_copy(const struct secret *secret)
{
    const struct object_meta_size meta = object_meta_size(&secret->meta);
    size_t size = sizeof(struct block) + meta.label_count * sizeof(struct object_label) +
                  meta.text_len + secret->type.len;
    for (size_t i = 0; i < secret->entry_count; i++) {
        const struct secret_entry *entry = &secret->entries[i];
        size += sizeof(*entry) + entry->key.len + entry->value.len;
    }
    struct block *const block = malloc(size);
    if (!block) {
        return NULL;
    }
    struct secret_entry *const entries = (struct secret_entry *)(block + 1);
    struct object_label *const labels = (struct object_label *)(entries + secret->entry_count);
    char *text = (char *)(labels + meta.label_count);
    *block = (struct block){ .size = size };
    block->secret.meta = object_meta_copy_of(&secret->meta, labels, &text);
    block->secret.type = copy_to(&text, secret->type);
    block->secret.entries = entries;
    block->secret.entry_count = secret->entry_count;
    for (size_t i = 0; i < secret->entry_count; i++) {
        entries[i].key = copy_to(&text, secret->entries[i].key);
        entries[i].value = copy_to(&text, secret->entries[i].value);
    }
    return &block->secret;
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
