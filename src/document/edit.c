/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of trees, and changes to them.
 *
 * json-c's own deep copy refuses trees that carry positions, and leaves strings to be found in
 * freed memory. Positions are not copied: what is changed stands nowhere.
 *
 * Untrusted: trees and patches. Recursion ends at DOCUMENT_MAX_DEPTH, as in document_parse(), so
 * that what is made here can be read back. Threads: none; a tree belongs to its caller.
 */
#include "document/edit.h"

#include <limits.h>

#include "document/document.h"

struct span document_text(const json_object *node)
{
    if (!json_object_is_type(node, json_type_string)) {
        return (struct span){ 0 };
    }
    /* json-c's getter makes a text of numbers and containers, hence no const; of strings it does
     * not */
    return (struct span){ .at = json_object_get_string((json_object *)node),
                          .len = (size_t)json_object_get_string_len(node) };
}

static json_object *new_string(struct span text)
{
    json_object *const node =
        text.len <= INT_MAX ? json_object_new_string_len(text.len ? text.at : "", (int)text.len)
                            : NULL;
    if (node) {
        json_object_set_userdata(node, NULL, document_wipe_string);
    }
    return node;
}

static json_object *copy_integer(const json_object *node)
{
    const uint64_t above = json_object_get_uint64(node); /* both saturate */
    return above > INT64_MAX ? json_object_new_uint64(above)
                             : json_object_new_int64(json_object_get_int64(node));
}

static json_object *copy_scalar(const json_object *node)
{
    switch (json_object_get_type(node)) {
    case json_type_boolean:
        return json_object_new_boolean(json_object_get_boolean(node));
    case json_type_double:
        return json_object_new_double(json_object_get_double(node));
    case json_type_int:
        return copy_integer(node);
    case json_type_string:
        return new_string(document_text(node));
    case json_type_null:
    case json_type_object:
    case json_type_array:
        break;
    }
    return NULL;
}

enum status document_set(json_object *object, const char *key, json_object *value)
{
    if (json_object_object_add(object, key, value) != 0) {
        (void)json_object_put(value);
        return ST_NOMEM;
    }
    return ST_OK;
}

enum status document_set_text(json_object *object, const char *key, struct span text)
{
    json_object *const node = new_string(text);
    return node ? document_set(object, key, node) : ST_NOMEM;
}

static enum status copy(const json_object *node, unsigned depth, json_object **ret_copy);

static enum status copy_members(const json_object *from, unsigned depth, json_object *to)
{
    json_object_object_foreach(from, key, value)
    {
        json_object *member = NULL;
        enum status status = copy(value, depth, &member);
        if (status == ST_OK) {
            status = document_set(to, key, member);
        }
        if (status != ST_OK) {
            return status;
        }
    }
    return ST_OK;
}

static enum status copy_elements(const json_object *from, unsigned depth, json_object *to)
{
    const size_t count = json_object_array_length(from);
    for (size_t i = 0; i < count; i++) {
        json_object *element = NULL;
        const enum status status = copy(json_object_array_get_idx(from, i), depth, &element);
        if (status != ST_OK) {
            return status;
        }
        if (json_object_array_add(to, element) != 0) {
            (void)json_object_put(element);
            return ST_NOMEM;
        }
    }
    return ST_OK;
}

static enum status copy_container(const json_object *node, unsigned depth, json_object **ret_copy)
{
    const bool is_object = json_object_is_type(node, json_type_object);
    json_object *const container = is_object ? json_object_new_object() : json_object_new_array();
    if (!container) {
        return ST_NOMEM;
    }
    const enum status status =
        is_object ? copy_members(node, depth, container) : copy_elements(node, depth, container);
    if (status != ST_OK) {
        (void)json_object_put(container);
        return status;
    }
    *ret_copy = container;
    return ST_OK;
}

/* @depth: containers around @node */
static enum status copy(const json_object *node, unsigned depth, json_object **ret_copy)
{
    if (!node) {
        *ret_copy = NULL;
        return ST_OK;
    }
    if (json_object_is_type(node, json_type_object) || json_object_is_type(node, json_type_array)) {
        return depth < DOCUMENT_MAX_DEPTH ? copy_container(node, depth + 1, ret_copy) : ST_LIMIT;
    }
    json_object *const scalar = copy_scalar(node);
    if (!scalar) {
        return ST_NOMEM;
    }
    *ret_copy = scalar;
    return ST_OK;
}

enum status document_copy(const json_object *node, json_object **ret_copy)
{
    return copy(node, 0, ret_copy);
}

static enum status merge(json_object *target,
                         const json_object *patch,
                         unsigned depth,
                         json_object **ret_result);

/* One member of the patch. null takes the member away. */
static enum status merge_member(json_object *target,
                                const char *key,
                                const json_object *patch,
                                unsigned depth)
{
    if (!patch) {
        json_object_object_del(target, key);
        return ST_OK;
    }
    json_object *member = json_object_get(json_object_object_get(target, key));
    const enum status status = merge(member, patch, depth, &member);
    return status == ST_OK ? document_set(target, key, member) : status;
}

/* @depth: containers around @target */
static enum status merge(json_object *target,
                         const json_object *patch,
                         unsigned depth,
                         json_object **ret_result)
{
    if (!json_object_is_type(patch, json_type_object)) {
        (void)json_object_put(target);
        return copy(patch, depth, ret_result);
    }
    if (!json_object_is_type(target, json_type_object)) {
        (void)json_object_put(target);
        target = json_object_new_object();
        if (!target) {
            return ST_NOMEM;
        }
    }
    enum status status = depth < DOCUMENT_MAX_DEPTH ? ST_OK : ST_LIMIT;
    if (status == ST_OK) {
        json_object_object_foreach(patch, key, value)
        {
            status = merge_member(target, key, value, depth + 1);
            if (status != ST_OK) {
                break;
            }
        }
    }
    if (status != ST_OK) {
        (void)json_object_put(target);
        return status;
    }
    *ret_result = target;
    return ST_OK;
}

enum status document_merge_patch(json_object *target,
                                 const json_object *patch,
                                 json_object **ret_result)
{
    return merge(target, patch, 0, ret_result);
}
