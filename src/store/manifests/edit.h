/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One object in the text of a manifest: found there, replaced, taken out. */
#include <stdbool.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "store/store.h"

/** manifest_find() - the first of this kind and name in a manifest's text
 * @ret_object: a copy; json_object_put() frees it
 *
 * Return: ST_OK; ST_NOT_FOUND; as document_parse() and manifest_each() with @reterr_problem
 */
enum status manifest_find(struct span text,
                          const struct store_target *target,
                          json_object **ret_object,
                          struct problem *reterr_problem) NODISCARD NONNULL(2, 3, 4);

/**
 * manifest_rewrite() - a manifest's text with one object changed
 * @object:   becomes the first of this name; NULL: all of this name are taken out
 * @ret_text: appended to; secret; on failure of no use
 * @ret_is_empty: no document is left
 *
 * Other documents of a YAML stream or a row of JSON objects keep their bytes. A List is written
 * anew as a whole. Return: ST_OK; ST_UNSUPPORTED with @reterr_problem for what is not all UTF-8,
 * unless no document is left; as manifest_find(), and as document_write_yaml()
 */
enum status manifest_rewrite(struct span text,
                             const struct store_target *target,
                             const json_object *object,
                             struct buf *ret_text,
                             bool *ret_is_empty,
                             struct problem *reterr_problem) NODISCARD NONNULL(2, 4, 5, 6);
