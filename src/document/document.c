/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents: which form a text has.
 *
 * `{` begins JSON, and the KYAML that kubectl prints since 1.34 (bare keys, a comma behind the last
 * member, comments); and JSON objects may have `---` between them. So what begins so is read as
 * JSON as far as it is.
 *
 * Untrusted: the text. Trees take many times the memory of their text, so there is never more than
 * one: each document is freed before the next is read. What came before an error has then been
 * handed out, and is for the caller to throw away.
 *
 * Threads: none; a call keeps nothing.
 */
#include "document/document.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "document/json.h"
#include "document/tree.h"
#include "document/utf16.h"
#include "document/utf8_repair.h"
#include "document/yaml.h"

#define JSON_ROW_MIN 2 /* objects from which on a text is JSON, as for kubectl */

/* May it be? By the first byte that is not blank, as kubectl looks at it. */
static bool is_json(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            return c == '{';
        }
    }
    return false;
}

/* Nearly every manifest is, and then characters are bytes. */
static bool is_ascii(struct span text)
{
    unsigned char bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        bits |= (unsigned char)text.at[i];
    }
    return bits < 0x80;
}

/* Both readers refuse what is not UTF-8. */
static enum status read_yaml(struct span text, struct document_tree *tree)
{
    return text.len > 0 ? document_yaml_read(text, is_ascii(text), tree) : ST_OK;
}

static bool is_before(const struct problem *problem, unsigned line, unsigned column)
{
    return problem->line < line || (problem->line == line && problem->column < column);
}

/* libyaml calls the end of a text a line of its own. */
static struct document_place last_place(const struct document_tree *tree, struct span text)
{
    const struct document_place last = document_place_of_offset(text, text.len);
    return document_tree_place(tree, last.line, last.column);
}

/* Blanks at the beginning of a line are YAML's; others divide it from the object before. */
static size_t yaml_start(struct span text, size_t offset)
{
    size_t start = offset;
    while (start > 0 && (text.at[start - 1] == ' ' || text.at[start - 1] == '\t')) {
        start--;
    }
    return start == 0 || text.at[start - 1] == '\n' ? start : offset;
}

/* JSON, and from the object on that is none, YAML. Not so behind two objects, which are a row of
 * JSON, nor for what is JSON and is refused: a second reader with other rules must not take it. */
static enum status read_json(struct span text, struct document_tree *tree)
{
    struct problem *const problem = tree->problem;
    struct problem as_json = { 0 };
    struct document_json_end end;
    const struct document_path none = { 0 };
    tree->problem = &as_json;
    enum status status = document_json_read(text, none, tree, &end);
    tree->problem = problem;
    if (status == ST_OK || tree->is_stopped) {
        return status;
    }
    if (status == ST_SYNTAX && end.object_count < JSON_ROW_MIN) {
        const struct document_place last = last_place(tree, text);
        const size_t start = yaml_start(text, end.offset);
        document_tree_restart(tree, text, start);
        status = read_yaml(span_after(text, start), tree);
        const bool is_further_on = is_before(&as_json, problem->line, problem->column) &&
                                   is_before(&as_json, last.line, last.column);
        if (status == ST_OK || status == ST_NOMEM || tree->is_stopped || is_further_on) {
            return status;
        }
    }
    problem_set(problem, as_json.status, as_json.line, as_json.column, "%s", as_json.text);
    return as_json.status;
}

static enum status read_documents(struct span text, struct document_tree *tree)
{
    return is_json(text) ? read_json(text, tree) : read_yaml(text, tree);
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static struct span line_at(struct span text, size_t offset)
{
    struct span line = span_after(text, offset);
    for (size_t i = 0; i < line.len; i++) {
        if (is_break(line.at[i])) {
            line.len = i;
        }
    }
    return line;
}

/* Blank, or a comment. */
static bool is_empty(struct span line)
{
    while (line.len > 0 && (line.at[0] == ' ' || line.at[0] == '\t')) {
        line = span_after(line, 1);
    }
    return line.len == 0 || line.at[0] == '#';
}

/* `---` and `...` */
static bool is_boundary(struct span line)
{
    return (span_starts_with(line, SPAN_LITERAL("---")) ||
            span_starts_with(line, SPAN_LITERAL("..."))) &&
           (line.len == 3 || line.at[3] == ' ' || line.at[3] == '\t');
}

/* Has no document begun since @from, the beginning of a line? */
static bool is_behind_boundary(struct span text, size_t from, size_t offset)
{
    while (offset > from) {
        size_t start = offset - 1;
        while (start > from && !is_break(text.at[start - 1])) {
            start--;
        }
        const struct span line = line_at(text, start);
        if (!is_empty(line)) {
            return is_boundary(line);
        }
        offset = start;
    }
    return true;
}

/* Does a document end where @text begins? It looks no further than to the next mark. */
static bool is_before_boundary(struct span text)
{
    while (text.len > 0) {
        const struct span line = line_at(text, 0);
        if (!is_empty(line)) {
            return is_boundary(line) || line.at[0] == '%';
        }
        text = span_after(text, line.len + (line.len < text.len));
    }
    return true;
}

/* Where the next mark is that stands in front of a document, from @from on, where another begins.
 * Elsewhere it is a character like any other. */
static size_t find_mark(struct span text, size_t from)
{
    const struct span mark = BYTE_ORDER_MARK;
    struct span rest = span_after(text, from);
    const char *at;
    while (rest.len > 0 && (at = memmem(rest.at, rest.len, mark.at, mark.len))) {
        const size_t offset = (size_t)(at - text.at);
        rest = span_after(text, offset + mark.len);
        if ((offset == from || is_break(text.at[offset - 1])) &&
            (is_behind_boundary(text, from, offset) || is_before_boundary(rest))) {
            return offset;
        }
    }
    return text.len;
}

/* Files that Windows has joined have a mark in front of each part. */
static enum status parse_utf8(struct span text, struct document_tree *tree)
{
    enum status status = ST_OK;
    unsigned lines = 0;
    for (size_t start = 0; start < text.len && status == ST_OK;) {
        const bool has_mark = span_starts_with(span_after(text, start), BYTE_ORDER_MARK);
        start += has_mark ? BYTE_ORDER_MARK.len : 0;
        const size_t end = find_mark(text, start);
        const struct span part = { .at = text.at + start, .len = end - start };
        tree->text_offset = start;
        tree->before = (struct document_place){ .line = lines };
        status = read_documents(part, tree);
        lines += document_place_of_offset(part, part.len).line - 1;
        start = end;
    }
    return status;
}

/* A text that is not as the readers want it. @damage: offset of the first U+FFFD that stands for
 * what could not be read. */
static enum status parse_copy(const struct buf *copy,
                              size_t damage,
                              struct document_tree *tree,
                              struct document_notes *notes)
{
    const struct document_place place = document_place_of_offset(buf_span(copy), damage);
    tree->is_damaged = damage < copy->len;
    if (tree->is_damaged && !notes) {
        return document_tree_fail(tree, ST_SYNTAX, place,
                                  "UTF-16, as the byte order mark has it: half a character");
    }
    if (notes) {
        notes->is_transcoded = true;
        notes->damage_line = tree->is_damaged ? place.line : 0;
        notes->damage_column = tree->is_damaged ? place.column : 0;
    }
    return parse_utf8(buf_span(copy), tree);
}

static enum status parse_utf16(struct span text,
                               struct buf *copy,
                               struct document_tree *tree,
                               struct document_notes *notes)
{
    size_t damage = 0;
    utf16_decode(text, copy, &damage);
    if (copy->failed) {
        problem_set(tree->problem, ST_NOMEM, 0, 0, "out of memory");
        return ST_NOMEM;
    }
    return parse_copy(copy, damage, tree, notes);
}

static enum status parse_repaired(struct span text,
                                  struct buf *copy,
                                  struct document_tree *tree,
                                  struct document_notes *notes)
{
    size_t damage = 0;
    const enum status status = utf8_repair(text, DOCUMENT_MAX_REPAIRED_BYTES, copy, &damage);
    if (status == ST_LIMIT) {
        problem_set(tree->problem, ST_LIMIT, 0, 0,
                    "expected at most %d bytes, counting three for each that is no UTF-8",
                    DOCUMENT_MAX_REPAIRED_BYTES);
    } else if (status != ST_OK) {
        problem_set(tree->problem, status, 0, 0, "out of memory");
    }
    return status == ST_OK ? parse_copy(copy, damage, tree, notes) : status;
}

/* @notes: NULL: all must be well-formed */
static enum status parse(struct span text, struct document_tree *tree, struct document_notes *notes)
{
    struct buf copy = { .is_secret = true };
    enum status status;
    const bool may_repair = notes && !span_starts_with(text, BYTE_ORDER_MARK);
    if (utf16_is_marked(text)) {
        status = parse_utf16(text, &copy, tree, notes);
    } else if (may_repair && !utf8_is_valid(text)) {
        status = parse_repaired(text, &copy, tree, notes);
    } else {
        status = parse_utf8(text, tree);
    }
    buf_fini(&copy);
    document_tree_fini(tree);
    return status;
}

enum status document_parse(struct span text,
                           document_fn *fn,
                           void *ctx,
                           struct problem *reterr_problem)
{
    struct document_tree tree = { .problem = reterr_problem, .fn = fn, .ctx = ctx };
    return parse(text, &tree, NULL);
}

enum status document_parse_json(struct span text,
                                struct document_path left_out,
                                document_fn *fn,
                                void *ctx,
                                struct problem *reterr_problem)
{
    struct document_tree tree = { .problem = reterr_problem, .fn = fn, .ctx = ctx };
    struct document_json_end end;
    const enum status status =
        text.len > 0 ? document_json_read(text, left_out, &tree, &end) : ST_OK;
    document_tree_fini(&tree);
    return status;
}

enum status document_parse_notes(struct span text,
                                 struct document_notes *ret_notes,
                                 document_fn *fn,
                                 void *ctx,
                                 struct problem *reterr_problem)
{
    *ret_notes = (struct document_notes){ 0 };
    struct document_tree tree = {
        .problem = reterr_problem,
        .fn = fn,
        .ctx = ctx,
        .range = &ret_notes->range,
    };
    return parse(text, &tree, ret_notes);
}
