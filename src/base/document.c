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
#include "base/document.h"

#include "base/buf.h"
#include "base/document_json.h"
#include "base/document_tree.h"
#include "base/document_yaml.h"
#include "base/utf16.h"

#define BYTE_ORDER_MARK SPAN_LITERAL("\xef\xbb\xbf")

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
    tree->problem = &as_json;
    enum status status = document_json_read(text, tree, &end);
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

static enum status parse_utf8(struct span text, struct document_tree *tree)
{
    const bool has_mark = span_starts_with(text, BYTE_ORDER_MARK);
    tree->text_offset = has_mark ? BYTE_ORDER_MARK.len : 0;
    const struct span content = has_mark ? span_after(text, BYTE_ORDER_MARK.len) : text;
    return read_documents(content, tree);
}

static enum status parse_utf16(struct span bytes, struct document_tree *tree)
{
    struct buf text = { .is_secret = true };
    tree->is_transcoded = true;
    enum status status = utf16_decode(bytes, &text);
    if (status == ST_OK) {
        status = parse_utf8(buf_span(&text), tree);
    } else if (status == ST_SYNTAX) {
        const struct document_place place = document_place_of_offset(buf_span(&text), text.len);
        status = document_tree_fail(tree, status, place,
                                    "UTF-16, as the byte order mark has it: half a character");
    } else {
        problem_set(tree->problem, status, 0, 0, "out of memory");
    }
    buf_fini(&text);
    return status;
}

static enum status parse(struct span text, struct document_tree *tree)
{
    const enum status status =
        utf16_is_marked(text) ? parse_utf16(text, tree) : parse_utf8(text, tree);
    document_tree_fini(tree);
    return status;
}

enum status document_parse(struct span text,
                           document_fn *fn,
                           void *ctx,
                           struct problem *reterr_problem)
{
    struct document_tree tree = { .problem = reterr_problem, .fn = fn, .ctx = ctx };
    return parse(text, &tree);
}

enum status document_parse_json(struct span text,
                                document_fn *fn,
                                void *ctx,
                                struct problem *reterr_problem)
{
    struct document_tree tree = { .problem = reterr_problem, .fn = fn, .ctx = ctx };
    struct document_json_end end;
    const enum status status = text.len > 0 ? document_json_read(text, &tree, &end) : ST_OK;
    document_tree_fini(&tree);
    return status;
}

enum status document_parse_ranges(struct span text,
                                  struct document_range *ret_range,
                                  document_fn *fn,
                                  void *ctx,
                                  struct problem *reterr_problem)
{
    struct document_tree tree = {
        .problem = reterr_problem,
        .fn = fn,
        .ctx = ctx,
        .range = ret_range,
    };
    return parse(text, &tree);
}
