/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Naming a member of a tree to a person. Untrusted: keys, which may be long, and are cut.
 * Threads: none.
 */
#include "kube/member.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "document/document.h"

/* bytes of a key in a problem: most of PROBLEM_TEXT_MAX is for the rest */
#define KEY_SHOWN_MAX 120

struct member member_of(const json_object *parent, const char *path, const char *key)
{
    return (struct member){ parent, path, key, json_object_object_get(parent, key) };
}

struct span member_text(json_object *node)
{
    if (!node) {
        return (struct span){ 0 };
    }
    return (struct span){ .at = json_object_get_string(node),
                          .len = (size_t)json_object_get_string_len(node) };
}

const char *member_kind(const json_object *node)
{
    switch (json_object_get_type(node)) {
    case json_type_null:
        return "nothing";
    case json_type_boolean:
        return "a boolean";
    case json_type_double:
    case json_type_int:
        return "a number";
    case json_type_object:
        return "an object";
    case json_type_array:
        return "a list";
    case json_type_string:
        break;
    }
    return "a string";
}

enum status member_refuse(const struct member *member,
                          enum status status,
                          struct problem *reterr_problem,
                          const char *format,
                          ...)
{
    char why[PROBLEM_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, sizeof(why), format, args); /* cut, as the problem's text is */
    va_end(args);
    unsigned line, column;
    document_position(member->node ? member->node : member->parent, &line, &column);
    problem_set(reterr_problem, status, line, column, "%s%s%.*s: %s", member->path,
                member->path[0] ? "." : "", KEY_SHOWN_MAX, member->key, why);
    return status;
}

/* YAML takes `yes` and `1.5` for something else than text. */
static bool needs_quotes(enum json_type wanted, enum json_type found)
{
    return wanted == json_type_string &&
           (found == json_type_boolean || found == json_type_int || found == json_type_double);
}

enum status member_require(const struct member *member,
                           enum json_type type,
                           const char *expected,
                           struct problem *reterr_problem)
{
    const enum json_type found = json_object_get_type(member->node);
    if (found == type) {
        return ST_OK;
    }
    return member_refuse(member, ST_TYPE, reterr_problem, "expected %s, found %s%s", expected,
                         member_kind(member->node), needs_quotes(type, found) ? " (quote it)" : "");
}

enum status member_refuse_damage(const struct member *member, struct problem *reterr_problem)
{
    return document_is_damaged(member->node)
               ? member_refuse(member, ST_SYNTAX, reterr_problem, "expected UTF-8")
               : ST_OK;
}

enum status member_read_text(const struct member *member,
                             struct problem *reterr_problem,
                             struct span *ret_text)
{
    if (!member->node) {
        return ST_OK;
    }
    enum status status = member_require(member, json_type_string, "a string", reterr_problem);
    if (status == ST_OK) {
        status = member_refuse_damage(member, reterr_problem);
    }
    if (status == ST_OK) {
        *ret_text = member_text(member->node);
    }
    return status;
}
