/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * json-c trees that may be changed.
 *
 * What document_parse() hands out is for reading: aliases share nodes. A copy made here shares
 * nothing, and its strings, which may be secrets, are wiped when json-c frees them.
 */
#include <json-c/json.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

/**
 * document_copy() - a copy of all that @node is
 * @node:     borrows; NULL is null, and its copy
 * @ret_copy: json_object_put() frees it
 *
 * Return: ST_OK; ST_LIMIT when it is nested deeper than DOCUMENT_MAX_DEPTH; ST_NOMEM
 */
enum status document_copy(const json_object *node, json_object **ret_copy) NODISCARD NONNULL(2);

/**
 * document_merge_patch() - apply a JSON merge patch (RFC 7386)
 * @target:     takes, also on failure; NULL is null
 * @patch:      borrows
 * @ret_result: the patched value; NULL is null
 *
 * Return: as document_copy()
 */
enum status document_merge_patch(json_object *target,
                                 const json_object *patch,
                                 json_object **ret_result) NODISCARD NONNULL(3);

/** document_set() - @object's member @key becomes @value. Takes @value, also on failure; NULL is
 * null. Return: ST_OK; ST_NOMEM */
enum status document_set(json_object *object, const char *key, json_object *value) NODISCARD
    NONNULL(1, 2);

/** document_set_text() - @object's member @key becomes the string @text. Return: ST_OK; ST_NOMEM */
enum status document_set_text(json_object *object, const char *key, struct span text) NODISCARD
    NONNULL(1, 2);

/** document_text() - of a string; the empty span for any other node. Borrows @node */
struct span document_text(const json_object *node);
