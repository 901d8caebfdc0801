/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Members of a document's tree, with what it takes to name them to a person.
 *
 * A problem names the member and its place, and says what was expected; never a value.
 */
#include <stddef.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"

struct member {
    const json_object *parent; /* borrows */
    const char *path;          /* borrows; of the parent; "" for the root */
    const char *key;           /* borrows */
    json_object *node;         /* borrows; NULL when it is absent or null */
};

/** member_of() - the member @key of @parent; absent when that is no object. Borrows its arguments
 */
struct member member_of(const json_object *parent, const char *path, const char *key) NONNULL(2, 3);

/** member_text() - the text of a string, empty for null. Borrows the tree; a NUL follows, and
 * others may be inside */
struct span member_text(json_object *node);

/** member_kind() - "a string", "a list", …; "nothing" for null. Static storage */
const char *member_kind(const json_object *node);

/** member_refuse() - fill @reterr_problem: where the member is, or where it should be, and
 * "path.key: " with what @format makes. Return: @status */
enum status member_refuse(const struct member *member,
                          enum status status,
                          struct problem *reterr_problem,
                          const char *format,
                          ...) NONNULL(1, 4) PRINTF_LIKE(4, 5);

/** member_require() - is it of @type? @expected: says so to a person. Return: ST_OK; ST_TYPE with
 * @reterr_problem, also when it is absent or null */
enum status member_require(const struct member *member,
                           enum json_type type,
                           const char *expected,
                           struct problem *reterr_problem) NODISCARD NONNULL(1, 3);

/** member_refuse_damage() - is it what was written, in UTF-8? What decides must be. Return: ST_OK;
 * ST_SYNTAX with @reterr_problem */
enum status member_refuse_damage(const struct member *member,
                                 struct problem *reterr_problem) NODISCARD NONNULL(1, 2);

/** member_read_text() - a string in UTF-8; absent and null leave @ret_text alone. Borrows the tree.
 * Return: ST_OK; ST_TYPE, ST_SYNTAX with @reterr_problem */
enum status member_read_text(const struct member *member,
                             struct problem *reterr_problem,
                             struct span *ret_text) NODISCARD NONNULL(1, 2, 3);
