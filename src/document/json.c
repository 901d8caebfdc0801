/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents, by the scanner that reads requests.
 *
 * json-c could parse them itself, but it keeps no positions, lets the last of two equal keys win
 * and cuts a key at a NUL. So document/json_scan reads, and document/tree builds: the tree that
 * YAML makes too, under the same limits.
 *
 * Untrusted: the text. The scanner decodes in place, in a copy that is wiped afterwards, since it
 * may hold Secrets.
 */
#include "document/json.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/utf8.h"
#include "document/json_scan.h"
#include "document/yaml_scalar.h"

/* Where the scan is, as seen from what is to be left out. */
struct position {
    struct document_path left_out;
    size_t followed; /* of its keys, those that lead here */
};

static struct document_place place_at(const struct json_scan *scan,
                                      const struct document_tree *tree,
                                      const char *at)
{
    /* a key may stand on a line before the one that the scan has come to */
    const unsigned column = at >= scan->line_at ? (unsigned)(at - scan->line_at) + 1 : 1;
    return document_tree_place(tree, scan->line, column);
}

static enum status fail_scan(const struct json_scan *scan, struct document_tree *tree)
{
    struct problem *const problem = tree->problem;
    json_scan_problem(scan, problem);
    const struct document_place place = document_tree_place(tree, problem->line, problem->column);
    problem->line = place.line;
    problem->column = place.column;
    return scan->status;
}

static enum status read_string(struct json_scan *scan,
                               struct document_tree *tree,
                               struct document_place place)
{
    const struct yaml_scalar string = { .kind = YAML_KIND_STRING };
    struct span text;
    if (!json_scan_string(scan, &text)) {
        return fail_scan(scan, tree);
    }
    return document_tree_scalar(tree, &string, text, place, NULL);
}

/* What JSON calls a number, YAML calls the same number, but for those that fit no double. */
static enum status read_number(struct json_scan *scan,
                               struct document_tree *tree,
                               struct document_place place)
{
    const char *const start = scan->at;
    if (!json_scan_skip(scan)) {
        return fail_scan(scan, tree);
    }
    const struct span text = { .at = start, .len = (size_t)(scan->at - start) };
    struct yaml_scalar number;
    const char *expected;
    if (yaml_scalar_resolve(text, NULL, true, &number, &expected) != ST_OK ||
        number.kind == YAML_KIND_STRING) {
        return document_tree_fail(tree, ST_LIMIT, place, "a number that fits 64 bits");
    }
    return document_tree_scalar(tree, &number, text, place, NULL);
}

static enum status read_word(struct json_scan *scan,
                             struct document_tree *tree,
                             enum yaml_kind kind,
                             struct document_place place)
{
    const struct yaml_scalar word = { .kind = kind, .is_true = *scan->at == 't' };
    if (!json_scan_skip(scan)) {
        return fail_scan(scan, tree);
    }
    return document_tree_scalar(tree, &word, (struct span){ 0 }, place, NULL);
}

/* One scalar, or the beginning of a container. */
static enum status read_value(struct json_scan *scan, struct document_tree *tree)
{
    const enum json_kind kind = json_scan_peek(scan);
    const struct document_place place = place_at(scan, tree, scan->at);
    switch (kind) {
    case JSON_NONE:
        (void)json_scan_skip(scan); /* fails, and says what was expected */
        return fail_scan(scan, tree);
    case JSON_NULL:
        return read_word(scan, tree, YAML_KIND_NULL, place);
    case JSON_BOOL:
        return read_word(scan, tree, YAML_KIND_BOOL, place);
    case JSON_NUMBER:
        return read_number(scan, tree, place);
    case JSON_STRING:
        return read_string(scan, tree, place);
    case JSON_ARRAY:
        return json_scan_array(scan) ? document_tree_open(tree, json_type_array, place)
                                     : fail_scan(scan, tree);
    case JSON_OBJECT:
        return json_scan_object(scan) ? document_tree_open(tree, json_type_object, place)
                                      : fail_scan(scan, tree);
    }
    return fail_scan(scan, tree);
}

/* @depth: of the object whose member @key is, 1 for the root. True: it is what is left out. */
static bool leads_out(struct position *position, unsigned depth, struct span key)
{
    const struct document_path *path = &position->left_out;
    if (depth > path->count || position->followed < depth - 1) {
        return false;
    }
    const bool is_next = span_equal(key, span_of(path->keys[depth - 1]));
    position->followed = is_next ? depth : depth - 1;
    return is_next && depth == path->count;
}

/* The next member or element of the innermost container, or its end. */
static enum status read_step(struct json_scan *scan,
                             struct document_tree *tree,
                             struct position *position)
{
    struct span key;
    const bool is_object = document_tree_is_in_object(tree);
    const bool more = is_object ? json_scan_member(scan, &key) : json_scan_element(scan);
    if (!more) {
        return scan->status == ST_OK ? document_tree_close(tree, NULL) : fail_scan(scan, tree);
    }
    if (is_object && leads_out(position, tree->depth, key)) {
        return json_scan_skip(scan) ? ST_OK : fail_scan(scan, tree);
    }
    if (is_object) {
        const struct document_place place = place_at(scan, tree, key.at - 1); /* its quote */
        ((char *)key.at)[key.len] =
            '\0'; /* in our copy, where the closing quote or an escape was */
        const enum status status = document_tree_key(tree, key, place);
        if (status != ST_OK) {
            return status;
        }
    }
    return read_value(scan, tree);
}

static void note_range(struct document_tree *tree, size_t start, size_t end)
{
    if (tree->range) {
        *tree->range = (struct document_range){
            .stream = tree->text_offset,
            .start = tree->text_offset + start,
            .content = tree->text_offset + start,
            .content_end = tree->text_offset + end,
            .end = tree->text_offset + end,
            .is_json = true,
        };
    }
}

/* Between two objects: of files that were joined. */
static void skip_mark(struct json_scan *scan)
{
    const struct span mark = BYTE_ORDER_MARK;
    const struct span rest = { .at = scan->at, .len = (size_t)(scan->end - scan->at) };
    if (span_starts_with(rest, mark)) {
        const bool is_line_start = scan->line_at == scan->at;
        scan->at += mark.len;
        scan->line_at = is_line_start ? scan->at : scan->line_at;
    }
}

/* @text: where the scan began */
static enum status read_objects(struct json_scan *scan,
                                struct document_path left_out,
                                struct document_tree *tree,
                                const char *text,
                                struct document_json_end *end)
{
    for (; !json_scan_finished(scan); end->object_count++) {
        if (end->object_count > 0) {
            skip_mark(scan);
        }
        const enum json_kind kind = json_scan_peek(scan);
        end->offset = (size_t)(scan->at - text); /* what is blank has been skipped */
        if (kind != JSON_OBJECT) {
            (void)json_scan_fail(scan, ST_SYNTAX, "a JSON object, or the end of the file");
            break;
        }
        struct position position = { .left_out = left_out };
        enum status status = read_value(scan, tree);
        while (status == ST_OK && tree->depth > 0) {
            status = read_step(scan, tree, &position);
        }
        if (status == ST_OK) {
            note_range(tree, end->offset, (size_t)(scan->at - text));
            status = document_tree_end_document(tree);
        }
        if (status != ST_OK) {
            return status;
        }
    }
    return json_scan_end(scan) == ST_OK ? ST_OK : fail_scan(scan, tree);
}

enum status document_json_read(struct span text,
                               struct document_path left_out,
                               struct document_tree *tree,
                               struct document_json_end *reterr_end)
{
    *reterr_end = (struct document_json_end){ 0 };
    char *const copy = malloc(text.len + 1);
    if (!copy) {
        problem_set(tree->problem, ST_NOMEM, 0, 0, "out of memory");
        return ST_NOMEM;
    }
    memcpy(copy, text.at, text.len);
    struct json_scan scan;
    json_scan_begin(&scan, copy, text.len);
    const enum status status = read_objects(&scan, left_out, tree, copy, reterr_end);
    sodium_memzero(copy, text.len);
    free(copy);
    return status;
}
