/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file: one YAML or JSON object whose members are options in lowerCamelCase, and
 * serviceAccountIssuers, which has a module of its own.
 *
 * A member that nobody knows stops the start: a misspelt clientCAFile that is skipped would open
 * the server to everybody. Values have JSON types as in Kubernetes' component configurations
 * (numbers are numbers, switches are booleans, lists are lists, durations are texts); null stands
 * for an absent member, unless that would open the server: `clientCAFile:` with nothing behind it
 * is null, too. Lists replace the default, and flags replace lists. No threads, no state.
 */
#include "cli/options_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/options_check.h"
#include "cli/options_table.h"
#include "cli/options_value.h"
#include "cli/service_account_issuers.h"
#include "cli/suggest.h"
#include "document/document.h"

#define CONFIG_API_VERSION "kube-bearer/v1alpha1"
#define CONFIG_KIND        "Configuration"

/* State across the documents of one file. */
struct config_file {
    struct options options; /* what the file says, apart until all of it was right */
    unsigned documents;
    struct problem *problem;
};

static void config_file_fini(struct config_file *file)
{
    options_fini(&file->options);
}

static struct span text_of(json_object *value)
{
    return (struct span){ json_object_get_string(value),
                          (size_t)json_object_get_string_len(value) };
}

static enum status refuse_value(struct config_file *file,
                                const struct option_row *row,
                                const json_object *value)
{
    char expected[OPTION_EXPECTATION_MAX];
    char member[OPTION_NAME_MAX];
    unsigned line;
    unsigned column;
    option_expectation(row, expected);
    option_member(row, member);
    document_position(value, &line, &column);
    problem_set(file->problem, ST_INVALID, line, column, "%s: expected %s", member,
                row->type == OPTION_LIST ? "a list of texts without blanks around them" : expected);
    return ST_INVALID;
}

static enum status set_list(struct config_file *file,
                            const struct option_row *row,
                            json_object *value)
{
    if (!json_object_is_type(value, json_type_array)) {
        return refuse_value(file, row, value);
    }
    const size_t count = json_object_array_length(value);
    for (size_t i = 0; i < count; i++) {
        json_object *item = json_object_array_get_idx(value, i);
        if (!json_object_is_type(item, json_type_string)) {
            return refuse_value(file, row, item ? item : value);
        }
        const enum status status = option_add_item(row, text_of(item), &file->options);
        if (status != ST_OK) {
            return status == ST_INVALID ? refuse_value(file, row, item) : status;
        }
    }
    return ST_OK;
}

/* Has @value the JSON type that @row takes? Sizes are numbers, or texts such as 128Ki. */
static bool has_type(const struct option_row *row, const json_object *value)
{
    switch (row->type) {
    case OPTION_BOOL:
        return json_object_is_type(value, json_type_boolean);
    case OPTION_INT:
    case OPTION_PORT:
        return json_object_is_type(value, json_type_int);
    case OPTION_BYTES:
        return json_object_is_type(value, json_type_int) ||
               json_object_is_type(value, json_type_string);
    case OPTION_STRING:
    case OPTION_PATH:
    case OPTION_SECRET_PATH:
    case OPTION_DURATION:
    case OPTION_ENUM:
    case OPTION_HOST_PORT:
    case OPTION_INSTANT:
        return json_object_is_type(value, json_type_string);
    case OPTION_LIST:
        return json_object_is_type(value, json_type_array);
    }
    return false;
}

static enum status set_scalar(struct config_file *file,
                              const struct option_row *row,
                              json_object *value)
{
    if (!has_type(row, value)) {
        return refuse_value(file, row, value);
    }
    char number[24];
    struct span text;
    if (json_object_is_type(value, json_type_int)) {
        /* a number too large for 64 bits reads as INT64_MAX, which is out of every range here */
        (void)snprintf(number, sizeof(number), "%" PRId64, json_object_get_int64(value));
        text = span_of(number);
    } else if (json_object_is_type(value, json_type_boolean)) {
        text = json_object_get_boolean(value) ? SPAN_LITERAL("true") : SPAN_LITERAL("false");
    } else {
        text = text_of(value);
    }
    const enum status status = option_set(row, text, &file->options);
    return status == ST_INVALID ? refuse_value(file, row, value) : status;
}

static enum status refuse_member(struct config_file *file,
                                 struct span member,
                                 const json_object *value,
                                 const json_object *root)
{
    unsigned line;
    unsigned column;
    document_position(value ? value : root, &line, &column);
    if (!suggest_is_quotable(member)) {
        problem_set(file->problem, ST_NOT_FOUND, line, column, "a member is not known");
        return ST_NOT_FOUND;
    }
    struct suggest suggest;
    suggest_begin(&suggest, member);
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        char name[OPTION_NAME_MAX];
        option_member(&rows[i], name);
        if (rows[i].in_file) {
            suggest_offer(&suggest, name);
        }
    }
    suggest_offer(&suggest, SERVICE_ACCOUNT_ISSUERS);
    const char *best = suggest_best(&suggest);
    problem_set(file->problem, ST_NOT_FOUND, line, column, "unknown member %.*s%s%s%s",
                (int)member.len, member.at, best ? "; did you mean " : "", best ? best : "",
                best ? "?" : "");
    return ST_NOT_FOUND;
}

static enum status set_member(struct config_file *file,
                              const char *key,
                              json_object *value,
                              const json_object *root)
{
    const struct span member = span_of(key);
    if (strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0) {
        return ST_OK; /* seen by check_kind() */
    }
    if (strcmp(key, SERVICE_ACCOUNT_ISSUERS) == 0) {
        return value ? service_account_issuers_parse(value, &file->options.service_account_issuers,
                                                     file->problem)
                     : ST_OK; /* null: absent */
    }
    const struct option_row *row = option_find_member(member);
    if (!row) {
        return refuse_member(file, member, value, root);
    }
    if (!value) { /* null: absent */
        if (row->absent) {
            option_mark_given(&file->options, row); /* and empty: options_check() refuses it */
        }
        return ST_OK;
    }
    const enum status status =
        row->type == OPTION_LIST ? set_list(file, row, value) : set_scalar(file, row, value);
    if (status == ST_OK) {
        option_mark_given(&file->options, row);
    }
    return status;
}

static enum status check_text(struct config_file *file,
                              const json_object *root,
                              const char *key,
                              const char *want)
{
    json_object *value = NULL;
    if (json_object_object_get_ex(root, key, &value) &&
        json_object_is_type(value, json_type_string) && span_equal(text_of(value), span_of(want))) {
        return ST_OK;
    }
    unsigned line;
    unsigned column;
    document_position(value ? value : root, &line, &column);
    problem_set(file->problem, ST_INVALID, line, column, "expected %s: %s", key, want);
    return ST_INVALID;
}

static enum status on_document(void *ctx, json_object *root)
{
    struct config_file *file = ctx;
    unsigned line;
    unsigned column;
    document_position(root, &line, &column);
    if (!json_object_is_type(root, json_type_object)) {
        problem_set(file->problem, ST_TYPE, line, column, "expected an object");
        return ST_TYPE;
    }
    if (file->documents++ > 0) {
        problem_set(file->problem, ST_DUPLICATE, line, column, "expected one document only");
        return ST_DUPLICATE;
    }
    enum status status = check_text(file, root, "apiVersion", CONFIG_API_VERSION);
    if (status == ST_OK) {
        status = check_text(file, root, "kind", CONFIG_KIND);
    }
    struct json_object_iterator at = json_object_iter_begin(root);
    const struct json_object_iterator end = json_object_iter_end(root);
    while (status == ST_OK && !json_object_iter_equal(&at, &end)) {
        status = set_member(file, json_object_iter_peek_name(&at), json_object_iter_peek_value(&at),
                            root);
        json_object_iter_next(&at);
    }
    return status;
}

enum status options_parse_file(struct span text,
                               struct options *options,
                               struct problem *reterr_problem)
{
    CLEANUP(config_file_fini) struct config_file file = { .problem = reterr_problem };
    enum status status = document_parse(text, on_document, &file, reterr_problem);
    if (status == ST_OK && file.documents == 0) {
        problem_set(reterr_problem, ST_SYNTAX, 1, 1,
                    "expected apiVersion: " CONFIG_API_VERSION " and kind: " CONFIG_KIND);
        status = ST_SYNTAX;
    }
    if (status == ST_NOMEM) {
        problem_set(reterr_problem, status, 0, 0, "%s", status_text(status));
    }
    if (status != ST_OK) {
        return status;
    }
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (option_is_given(&file.options, &rows[i]) && !option_is_given(options, &rows[i])) {
            option_move(&rows[i], &file.options, options);
            option_mark_given(options, &rows[i]);
        }
    }
    if (file.options.service_account_issuers) {
        (void)service_account_issuers_free(options->service_account_issuers);
        options->service_account_issuers = file.options.service_account_issuers;
        file.options.service_account_issuers = NULL;
    }
    return ST_OK;
}
