/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-c trees that know where they stood. Numbers are typed and valued, but their spelling is not
 * kept.
 *
 * Threat: text from files that others write. Of what costs text, one document is bounded in values,
 * and goes before the next is read. Of what costs no text, the whole file is: an alias is a
 * reference here, but its readers go through what it repeats, and copy it (a "billion laughs" tree
 * would take them for ever, a value of 1 MB 100,000 times all memory); `<<` copies keys.
 * json_object_put() recurses, no deeper than DOCUMENT_MAX_DEPTH: aliased trees add their height to
 * the depth they are put at.
 *
 * Threads: none; a tree belongs to its caller.
 */
#include "document/tree.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/utf8.h"

#define KEY_SHOWN_MAX 64 /* bytes of a key that a problem quotes; more does not help to find it */

#define ARRAY_ROOM 4 /* elements that an array begins with room for, where json-c would have 32 */

/* Of members of an object whose table is made smaller; more need all that json-c reserves. */
#define SHRINK_MEMBERS_MAX 9

enum status document_tree_fail(struct document_tree *tree,
                               enum status status,
                               struct document_place place,
                               const char *expected)
{
    problem_set(tree->problem, status, place.line, place.column, "expected %s", expected);
    return status;
}

static enum status fail_nomem(struct document_tree *tree)
{
    problem_set(tree->problem, ST_NOMEM, 0, 0, "out of memory");
    return ST_NOMEM;
}

/* Printable ASCII only, cut: a problem is one line on somebody's terminal. */
static void show_key(const char *key, char ret_shown[static KEY_SHOWN_MAX + 1])
{
    size_t len = 0;
    for (; len < KEY_SHOWN_MAX && key[len] != '\0'; len++) {
        ret_shown[len] = key[len] >= ' ' && key[len] <= '~' ? key[len] : '?';
    }
    ret_shown[len] = '\0';
}

static enum status fail_duplicate(struct document_tree *tree,
                                  const char *key,
                                  const json_object *first,
                                  struct document_place place)
{
    char shown[KEY_SHOWN_MAX + 1];
    unsigned line, column;
    show_key(key, shown);
    document_position(first, &line, &column);
    if (line > 0) {
        problem_set(tree->problem, ST_DUPLICATE, place.line, place.column,
                    "the key \"%s\" is there already, with a value on line %u", shown, line);
    } else {
        problem_set(tree->problem, ST_DUPLICATE, place.line, place.column,
                    "the key \"%s\" is there already", shown);
    }
    return ST_DUPLICATE;
}

static bool is_damaged(const struct document_tree *tree, struct span text)
{
    const struct span mark = UTF8_REPLACEMENT;
    return tree->is_damaged && text.len > 0 && memmem(text.at, text.len, mark.at, mark.len);
}

static struct document_frame *innermost(struct document_tree *tree)
{
    return tree->depth > 0 ? &tree->frames[tree->depth - 1] : NULL;
}

bool document_tree_is_in_object(const struct document_tree *tree)
{
    return tree->depth > 0 &&
           json_object_is_type(tree->frames[tree->depth - 1].node, json_type_object);
}

bool document_tree_wants_key(const struct document_tree *tree)
{
    const struct document_frame *frame = tree->depth > 0 ? &tree->frames[tree->depth - 1] : NULL;
    return document_tree_is_in_object(tree) && !frame->slot && !frame->is_merging;
}

static void close_frame(struct document_frame *frame)
{
    (void)json_object_put(frame->merged); /* tells whether it was the last reference: no matter */
    (void)json_object_put(frame->node);
    *frame = (struct document_frame){ 0 };
}

/* Of the document that is being built. */
static void drop(struct document_tree *tree)
{
    while (tree->depth > 0) {
        close_frame(&tree->frames[--tree->depth]);
    }
    (void)json_object_put(tree->root);
    tree->root = NULL;
    tree->node_count = 0;
    tree->byte_count = 0;
}

void document_tree_fini(struct document_tree *tree)
{
    drop(tree);
    *tree = (struct document_tree){ .problem = tree->problem };
}

struct document_place document_tree_place(const struct document_tree *tree,
                                          unsigned line,
                                          unsigned column)
{
    return (struct document_place){
        .line = tree->before.line + line,
        .column = line == 1 ? tree->before.column + column : column,
    };
}

struct document_place document_place_of_offset(struct span text, size_t offset)
{
    struct document_place place = { .line = 1, .column = 1 };
    for (size_t i = 0; i < offset && i < text.len; i++) {
        const bool is_mark =
            place.column == 1 && span_starts_with(span_after(text, i), BYTE_ORDER_MARK);
        i += is_mark ? BYTE_ORDER_MARK.len - 1 : 0;
        place.column = is_mark || text.at[i] == '\n' ? 1 : place.column + 1;
        place.line += text.at[i] == '\n';
    }
    return place;
}

void document_tree_restart(struct document_tree *tree, struct span text, size_t offset)
{
    drop(tree);
    const struct document_place place = document_place_of_offset(text, offset);
    const struct document_place start = document_tree_place(tree, place.line, place.column);
    tree->text_offset += offset;
    tree->before = (struct document_place){ .line = start.line - 1, .column = start.column - 1 };
}

static enum status count_nodes(struct document_tree *tree,
                               size_t count,
                               struct document_place place)
{
    if (count > DOCUMENT_MAX_NODES - tree->node_count) {
        return document_tree_fail(tree, ST_LIMIT, place,
                                  "at most 2000000 values in one document, aliases expanded");
    }
    tree->node_count += count;
    return ST_OK;
}

enum status document_tree_count_repeated(struct document_tree *tree,
                                         size_t nodes,
                                         size_t bytes,
                                         struct document_place place)
{
    if (nodes > DOCUMENT_MAX_REPEATED_NODES - tree->repeated_count) {
        return document_tree_fail(tree, ST_LIMIT, place,
                                  "aliases to repeat at most 1000000 values in one file");
    }
    if (bytes > DOCUMENT_MAX_REPEATED_BYTES - tree->repeated_bytes) {
        return document_tree_fail(tree, ST_LIMIT, place,
                                  "aliases to repeat at most 67108864 bytes in one file");
    }
    tree->repeated_count += nodes;
    tree->repeated_bytes += bytes;
    return ST_OK;
}

/* `<<`: one member of an inherited object. */
static enum status merge_member(struct document_tree *tree,
                                struct document_frame *frame,
                                const char *key,
                                json_object *value,
                                struct document_place place)
{
    json_object *there = NULL;
    if (json_object_object_get_ex(frame->node, key, &there) &&
        !json_object_object_get_ex(frame->merged, key, NULL)) {
        return fail_duplicate(tree, key, there, place);
    }
    if (++tree->merged_count > DOCUMENT_MAX_MERGED_KEYS) {
        return document_tree_fail(tree, ST_LIMIT, place, "at most 100000 keys merged in one file");
    }
    if (json_object_object_add(frame->merged, key, NULL) != 0) {
        return fail_nomem(tree);
    }
    json_object *const shared = json_object_get(value);
    if (json_object_object_add(frame->node, key, shared) != 0) {
        (void)json_object_put(shared);
        return fail_nomem(tree);
    }
    return ST_OK;
}

static enum status merge_object(struct document_tree *tree,
                                struct document_frame *frame,
                                json_object *source,
                                struct document_place place)
{
    json_object_object_foreach(source, key, value)
    {
        const enum status status = merge_member(tree, frame, key, value, place);
        if (status != ST_OK) {
            return status;
        }
    }
    return ST_OK;
}

static bool is_mergeable(json_object *source)
{
    if (json_object_is_type(source, json_type_object)) {
        return true;
    }
    if (!json_object_is_type(source, json_type_array)) {
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(source); i++) {
        if (!json_object_is_type(json_object_array_get_idx(source, i), json_type_object)) {
            return false;
        }
    }
    return true;
}

static enum status merge(struct document_tree *tree,
                         struct document_frame *frame,
                         json_object *source,
                         struct document_place place)
{
    if (!is_mergeable(source)) {
        return document_tree_fail(tree, ST_SYNTAX, place,
                                  "a mapping or a list of mappings as the value of <<");
    }
    frame->merged = json_object_new_object();
    if (!frame->merged) {
        return fail_nomem(tree);
    }
    if (json_object_is_type(source, json_type_object)) {
        return merge_object(tree, frame, source, place);
    }
    /* from the last, so that earlier ones replace what it set */
    for (size_t i = json_object_array_length(source); i > 0; i--) {
        json_object *const element = json_object_array_get_idx(source, i - 1);
        const enum status status = merge_object(tree, frame, element, place);
        if (status != ST_OK) {
            return status;
        }
    }
    return ST_OK;
}

/* Put a finished value where it belongs; takes @node, whatever the outcome. */
static enum status put_value(struct document_tree *tree,
                             json_object *node,
                             unsigned height,
                             struct document_place place)
{
    struct document_frame *const frame = innermost(tree);
    if (!frame) {
        tree->root = node;
        return ST_OK;
    }
    if (frame->height < height + 1) {
        frame->height = height + 1;
    }
    if (json_object_is_type(frame->node, json_type_array)) {
        if (json_object_array_add(frame->node, node) != 0) {
            (void)json_object_put(node);
            return fail_nomem(tree);
        }
        return ST_OK;
    }
    if (frame->is_merging) {
        frame->is_merging = false;
        const enum status status = merge(tree, frame, node, place);
        (void)json_object_put(node);
        return status;
    }
    assert(frame->slot);
    lh_entry_set_val(frame->slot, node);
    frame->slot = NULL;
    return ST_OK;
}

enum status document_tree_open(struct document_tree *tree,
                               enum json_type type,
                               struct document_place place)
{
    if (tree->depth == DOCUMENT_MAX_DEPTH) {
        return document_tree_fail(tree, ST_LIMIT, place, "at most 64 levels of nesting");
    }
    const size_t nodes_before = tree->node_count;
    const enum status status = count_nodes(tree, 1, place);
    if (status != ST_OK) {
        return status;
    }
    json_object *const node =
        type == json_type_object ? json_object_new_object() : json_object_new_array_ext(ARRAY_ROOM);
    if (!node) {
        return fail_nomem(tree);
    }
    document_mark(node, place, false);
    tree->frames[tree->depth++] = (struct document_frame){
        .node = node,
        .nodes_before = nodes_before,
        .bytes_before = tree->byte_count,
        .height = 1,
    };
    return ST_OK;
}

/* json-c makes every object for more members than most have: 800 bytes for {}, of which 180 do. */
static bool shrink(json_object *node)
{
    if (json_object_is_type(node, json_type_array)) {
        return json_object_array_shrink(node, 0) == 0;
    }
    struct lh_table *const members = json_object_get_object(node);
    if (members->size > JSON_OBJECT_DEF_HASH_ENTRIES || members->count > SHRINK_MEMBERS_MAX) {
        return true;
    }
    /* more than count / LH_LOAD_FACTOR, or it would grow again on the way */
    return lh_table_resize(members, members->count + members->count / 2 + 1) == 0;
}

/* Give @value to the caller, who may not want it; takes its node. */
static enum status hand_out(enum status status,
                            struct document_value value,
                            struct document_value *ret_value)
{
    if (status == ST_OK && ret_value) {
        *ret_value = value;
    } else {
        (void)json_object_put(value.node);
    }
    return status;
}

enum status document_tree_close(struct document_tree *tree, struct document_value *ret_value)
{
    struct document_frame *const frame = innermost(tree);
    assert(frame && !frame->slot && !frame->is_merging);
    if (!shrink(frame->node)) {
        return fail_nomem(tree);
    }
    json_object *const node = frame->node;
    const struct document_value value = {
        .node = json_object_get(node), /* the merge of an object frees it */
        .node_count = tree->node_count - frame->nodes_before,
        .byte_count = tree->byte_count - frame->bytes_before,
        .height = frame->height,
    };
    struct document_place place;
    document_position(node, &place.line, &place.column);
    frame->node = NULL;
    close_frame(frame);
    tree->depth--;
    const enum status status = put_value(tree, node, value.height, place);
    return hand_out(status, value, ret_value);
}

/* A member that exists may be begun again when only `<<` has set it. */
static enum status reopen_member(struct document_tree *tree,
                                 struct document_frame *frame,
                                 struct lh_entry *entry,
                                 const char *key,
                                 struct document_place place)
{
    json_object *const value = (json_object *)lh_entry_v(entry);
    if (!frame->merged || !json_object_object_get_ex(frame->merged, key, NULL)) {
        return fail_duplicate(tree, key, value, place);
    }
    json_object_object_del(frame->merged, key);
    (void)json_object_put(value);
    lh_entry_set_val(entry, NULL);
    frame->slot = entry;
    return ST_OK;
}

enum status document_tree_key(struct document_tree *tree,
                              struct span key,
                              struct document_place place)
{
    struct document_frame *const frame = innermost(tree);
    assert(document_tree_wants_key(tree));
    if (memchr(key.at, '\0', key.len)) {
        return document_tree_fail(tree, ST_SYNTAX, place, "a key without a NUL character");
    }
    if (is_damaged(tree, key)) {
        return document_tree_fail(tree, ST_SYNTAX, place, "a key in UTF-8");
    }
    tree->byte_count += key.len;
    struct lh_table *const members = json_object_get_object(frame->node);
    const unsigned long hash = lh_get_hash(members, key.at);
    struct lh_entry *const there = lh_table_lookup_entry_w_hash(members, key.at, hash);
    if (there) {
        return reopen_member(tree, frame, there, key.at, place);
    }
    char *const copy = strndup(key.at, key.len);
    if (!copy) {
        return fail_nomem(tree);
    }
    if (lh_table_insert_w_hash(members, copy, NULL, hash, 0) != 0) {
        free(copy);
        return fail_nomem(tree);
    }
    /* valid until the next member: only an insertion can move the table */
    frame->slot = lh_table_lookup_entry_w_hash(members, copy, hash);
    return ST_OK;
}

enum status document_tree_merge_key(struct document_tree *tree, struct document_place place)
{
    struct document_frame *const frame = innermost(tree);
    assert(document_tree_wants_key(tree));
    if (frame->has_merged) {
        return fail_duplicate(tree, "<<", NULL, place);
    }
    frame->has_merged = true;
    frame->is_merging = true;
    return ST_OK;
}

/* NULL for null; the caller has to tell that from memory that ran out. */
static json_object *new_scalar(const struct yaml_scalar *scalar, struct span text)
{
    switch (scalar->kind) {
    case YAML_KIND_NULL:
        return NULL;
    case YAML_KIND_BOOL:
        return json_object_new_boolean(scalar->is_true);
    case YAML_KIND_INT:
        return json_object_new_int64(scalar->integer);
    case YAML_KIND_UINT:
        return json_object_new_uint64(scalar->unsigned_integer);
    case YAML_KIND_FLOAT:
        return json_object_new_double(scalar->number);
    case YAML_KIND_STRING:
    case YAML_KIND_BINARY:
        return json_object_new_string_len(text.at, (int)text.len);
    }
    return NULL;
}

enum status document_tree_scalar(struct document_tree *tree,
                                 const struct yaml_scalar *scalar,
                                 struct span text,
                                 struct document_place place,
                                 struct document_value *ret_value)
{
    const enum status status = count_nodes(tree, 1, place);
    if (status != ST_OK) {
        return status;
    }
    if (text.len > INT_MAX) { /* json-c's lengths */
        return document_tree_fail(tree, ST_LIMIT, place, "a string of less than 2 GiB");
    }
    json_object *const node = new_scalar(scalar, text);
    if (!node && scalar->kind != YAML_KIND_NULL) {
        return fail_nomem(tree);
    }
    if (node) {
        document_mark(node, place, is_damaged(tree, text));
    }
    const size_t byte_count = json_object_is_type(node, json_type_string) ? text.len : 0;
    tree->byte_count += byte_count;
    const struct document_value value = {
        .node = json_object_get(node),
        .node_count = 1,
        .byte_count = byte_count,
    };
    return hand_out(put_value(tree, node, 0, place), value, ret_value);
}

enum status document_tree_repeat(struct document_tree *tree,
                                 const struct document_value *value,
                                 struct document_place place)
{
    const struct document_frame *const frame = innermost(tree);
    if (frame && frame->is_merging && !json_object_is_type(value->node, json_type_object)) {
        return document_tree_fail(tree, ST_SYNTAX, place, "an alias of a mapping behind <<");
    }
    if (value->height > DOCUMENT_MAX_DEPTH - tree->depth) {
        return document_tree_fail(tree, ST_LIMIT, place,
                                  "at most 64 levels of nesting, aliases expanded");
    }
    enum status status = count_nodes(tree, value->node_count, place);
    if (status == ST_OK) {
        status = document_tree_count_repeated(tree, value->node_count, value->byte_count, place);
    }
    if (status != ST_OK) {
        return status;
    }
    tree->byte_count += value->byte_count;
    return put_value(tree, json_object_get(value->node), value->height, place);
}

enum status document_tree_end_document(struct document_tree *tree)
{
    assert(tree->depth == 0);
    json_object *const root = tree->root;
    tree->root = NULL;
    const enum status status = root ? tree->fn(tree->ctx, root) : ST_OK;
    (void)json_object_put(root);
    tree->is_stopped = status != ST_OK;
    tree->node_count = 0;
    tree->byte_count = 0;
    return status;
}
