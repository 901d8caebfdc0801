/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Public test vectors: JSON files in the directory KB_VECTORS. They are not part of the tree; a
 * test that misses them says so and goes on with the cases of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "base/span.h"

/** vectors_load() - the root of @file; the caller puts it. NULL, said loudly, when there is none */
static inline json_object *vectors_load(const char *file)
{
    const char *directory = getenv("KB_VECTORS");
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", directory ? directory : "", file);
    json_object *root = directory ? json_object_from_file(path) : NULL;
    if (!root) {
        /* TAP: a line that starts with # is for people */
        printf("# VECTORS MISSING: no %s in KB_VECTORS, so its cases are NOT run\n", file);
    }
    return root;
}

/** vectors_list() - the array root.@section.@list; borrows. Ends the program when it is not there:
 * a renamed section must not pass as a success */
static inline json_object *vectors_list(json_object *root, const char *section, const char *list)
{
    json_object *object = json_object_object_get(json_object_object_get(root, section), list);
    if (!json_object_is_type(object, json_type_array) || json_object_array_length(object) == 0) {
        printf("Bail out! vectors have no list %s/%s\n", section, list);
        exit(1);
    }
    return object;
}

/** vectors_text() - string member @key; the empty span for null or absent. Borrows */
static inline struct span vectors_text(json_object *row, const char *key)
{
    json_object *value = json_object_object_get(row, key);
    if (!json_object_is_type(value, json_type_string)) {
        return (struct span){ 0 };
    }
    return (struct span){ .at = json_object_get_string(value),
                          .len = (size_t)json_object_get_string_len(value) };
}

/** vectors_texts() - the strings of array member @key into @ret, at most @max. Return: how many */
static inline size_t vectors_texts(json_object *row, const char *key, struct span *ret, size_t max)
{
    json_object *list = json_object_object_get(row, key);
    size_t count = 0;
    if (json_object_is_type(list, json_type_array)) {
        for (; count < json_object_array_length(list) && count < max; count++) {
            json_object *text = json_object_array_get_idx(list, count);
            ret[count] = (struct span){ .at = json_object_get_string(text),
                                        .len = (size_t)json_object_get_string_len(text) };
        }
    }
    return count;
}
