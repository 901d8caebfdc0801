/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object of a manifest: found in its text, replaced there, taken out.
 *
 * Manifests are people's. So only the bytes of the document that holds the object are written anew,
 * from its first value to the end of the line of its last; all others, comments between documents
 * included, are copied. A document that goes takes the comments behind its `---` with it. In a
 * List, the List is the document.
 *
 * A file that is not all UTF-8 is not changed, but for the last document of it: then the file goes.
 *
 * A document of JSON is replaced by JSON, one of YAML by YAML. Whether the result reads as it
 * should is for the caller to find out by reading it (index_expects()): directives, anchors and
 * documents without `---` leave too much room to be sure without.
 *
 * Untrusted: the text; and it holds secrets, as does everything made of it, so that is wiped.
 * Threads: none.
 */
#include "store/manifests/edit.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "document/document.h"
#include "document/edit.h"
#include "document/write.h"
#include "store/manifests/decode.h"
#include "store/manifests/rules.h"

#define END_MARK SPAN_LITERAL("...")

struct edit {
    struct span text;
    const struct store_target *target; /* borrows */
    const json_object *object;         /* borrows; what it becomes; NULL: nothing */
    bool is_search;                    /* take a copy of the object, change nothing */
    json_object *found;                /* owns; the copy */
    struct buf *out;                   /* borrows */
    size_t copied;                     /* of the text, to the output */
    size_t document_count;             /* that are left */
    size_t stream;                     /* that the output has come to */
    bool has_content;                  /* there is more of it in the output than comments */
    bool is_done;       /* the first has been replaced, and others stay as they are */
    bool is_unwritable; /* something is to be changed in a text that is not the file's */
    struct document_notes notes;
    struct problem *problem; /* borrows */

    /* of the document at hand */
    const json_object *root; /* borrows */
    bool is_hit;             /* it is the object itself */
    json_object *list;       /* owns; a changed copy; NULL for none */
    bool has_holes;          /* items were taken out of the list */
};

static size_t mark_len(struct span text)
{
    return span_starts_with(text, BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.len : 0;
}

static bool is_wanted(const struct edit *edit, const json_object *object)
{
    struct span namespace;
    struct span name;
    rules_names(edit->target->kind, object, &namespace, &name);
    return span_equal(name, edit->target->name) && span_equal(namespace, edit->target->namespace);
}

/* Null marks an item that is taken out: a List that has been read before holds no other. */
static enum status change_item(struct edit *edit, size_t position)
{
    json_object *item = NULL;
    enum status status = edit->list ? ST_OK : document_copy(edit->root, &edit->list);
    if (status == ST_OK) {
        status = document_copy(edit->object, &item);
    }
    if (status != ST_OK) {
        return status;
    }
    edit->has_holes = edit->has_holes || !item;
    json_object *const items = json_object_object_get(edit->list, "items");
    if (json_object_array_put_idx(items, position, item) != 0) {
        (void)json_object_put(item);
        return ST_NOMEM;
    }
    return ST_OK;
}

static enum status visit(void *ctx,
                         const struct store_kind *kind,
                         const json_object *object,
                         size_t position)
{
    struct edit *edit = ctx;
    (void)kind; /* the target's */
    if (edit->is_done || !is_wanted(edit, object)) {
        return ST_OK;
    }
    edit->is_done = edit->object || edit->is_search;
    if (edit->is_search) {
        return document_copy(object, &edit->found);
    }
    if (position == MANIFEST_NOT_IN_LIST) {
        edit->is_hit = true;
        return ST_OK;
    }
    return change_item(edit, position);
}

/* --- the output --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static size_t line_start(struct span text, size_t at)
{
    while (at > 0 && !is_break(text.at[at - 1])) {
        at--;
    }
    return at;
}

/* Behind the line break of the line that @at is in, unless @end comes first. */
static size_t line_end(struct span text, size_t at, size_t end)
{
    while (at < end && !is_break(text.at[at])) {
        at++;
    }
    const bool is_pair = at + 1 < end && text.at[at] == '\r' && text.at[at + 1] == '\n';
    return at < end ? at + 1 + is_pair : at;
}

static bool is_blank_between(struct span text, size_t start, size_t end)
{
    while (start < end && is_blank(text.at[start])) {
        start++;
    }
    return start == end;
}

static bool is_comment(struct span text, size_t start, size_t end)
{
    while (start < end && (is_blank(text.at[start]) || is_break(text.at[start]))) {
        start++;
    }
    return start == end || text.at[start] == '#';
}

static bool is_all_comments(struct span text, size_t start, size_t end)
{
    for (size_t next; start < end; start = next) {
        next = line_end(text, start, end);
        if (!is_comment(text, start, next)) {
            return false;
        }
    }
    return true;
}

static void copy_until(struct edit *edit, size_t end)
{
    const size_t start = edit->copied == 0 ? mark_len(edit->text) : edit->copied;
    edit->has_content = edit->has_content || !is_all_comments(edit->text, start, end);
    buf_append(edit->out,
               (struct span){ .at = edit->text.at + edit->copied, .len = end - edit->copied });
    edit->copied = end;
}

/* What is in front of an offset on its line goes, too, when it is blank. */
static size_t before_blanks(struct span text, size_t at)
{
    const size_t start = line_start(text, at);
    const struct span mark = BYTE_ORDER_MARK;
    const bool has_mark = at >= start + mark.len && span_starts_with(span_after(text, start), mark);
    const size_t first = has_mark ? start + mark.len : start;
    return is_blank_between(text, first, at) ? first : at;
}

/* They would indent what follows. */
static size_t after_blanks(struct span text, size_t at)
{
    while (at < text.len && is_blank(text.at[at])) {
        at++;
    }
    return at;
}

/* So does a byte order mark, but for the file's own. */
static size_t before_mark(struct span text, size_t at)
{
    const struct span mark = BYTE_ORDER_MARK;
    const bool has_mark = at > mark.len && span_starts_with(span_after(text, at - mark.len), mark);
    return has_mark ? at - mark.len : at;
}

/* What stands before it says nothing about what it may begin with. @start: of what is cut */
static void begin_stream(struct edit *edit, size_t start)
{
    const size_t stream = edit->notes.range.stream;
    const size_t end = stream < start ? stream : start;
    if (edit->stream == stream) {
        return;
    }
    if (end > edit->copied) {
        copy_until(edit, end);
    }
    edit->stream = stream;
    edit->has_content = false;
}

static void cut(struct edit *edit)
{
    const struct document_range *range = &edit->notes.range;
    const struct span text = edit->text;
    const size_t start = before_mark(text, before_blanks(text, range->start));
    begin_stream(edit, start);
    copy_until(edit, start);
    edit->copied = range->end;
    const size_t next_line = line_end(text, range->end, text.len);
    const bool is_line_over = next_line > range->end && is_break(text.at[next_line - 1]);
    if (range->is_json) {
        const bool is_rest_blank = is_comment(text, range->end, next_line);
        edit->copied = is_line_over && is_rest_blank ? next_line : after_blanks(text, range->end);
    } else if (!edit->has_content && span_starts_with(span_after(text, range->end), END_MARK)) {
        edit->copied = next_line; /* it ended this document only, and must not come first */
    }
}

static enum status replace_json(struct edit *edit, const json_object *root)
{
    const struct document_range *range = &edit->notes.range;
    copy_until(edit, range->start);
    edit->has_content = true;
    const enum status status = document_write_json(root, edit->out);
    if (status == ST_OK) {
        edit->out->len--; /* the line break that it had, if it had one, is still to come */
        edit->copied = range->end;
    }
    return status;
}

static enum status replace_yaml(struct edit *edit, const json_object *root)
{
    const struct document_range *range = &edit->notes.range;
    const struct span text = edit->text;
    size_t start = before_blanks(text, range->content);
    const bool is_behind_dashes = start > range->start && !is_break(text.at[start - 1]);
    while (is_behind_dashes && is_blank(text.at[start - 1])) {
        start--;
    }
    copy_until(edit, start);
    edit->has_content = true;
    if (is_behind_dashes) { /* a block begins on a line of its own */
        buf_append_char(edit->out, '\n');
    }
    const bool is_at_line_start =
        range->content_end > 0 && is_break(text.at[range->content_end - 1]);
    edit->copied =
        is_at_line_start ? range->content_end : line_end(text, range->content_end, range->end);
    /* indented or empty lines could become part of a literal block at the end */
    while (edit->copied < range->end &&
           (is_blank(text.at[edit->copied]) || is_break(text.at[edit->copied]))) {
        edit->copied = line_end(text, edit->copied, range->end);
    }
    return document_write_yaml(root, edit->out);
}

/* Return: are there any left? */
static enum status fill_holes(struct edit *edit, bool *ret_is_empty)
{
    json_object *const items = json_object_object_get(edit->list, "items");
    json_object *const kept = json_object_new_array();
    if (!kept) {
        return ST_NOMEM;
    }
    const size_t count = json_object_array_length(items);
    for (size_t i = 0; i < count; i++) {
        json_object *const item = json_object_array_get_idx(items, i);
        if (item && json_object_array_add(kept, json_object_get(item)) != 0) {
            (void)json_object_put(item);
            (void)json_object_put(kept);
            return ST_NOMEM;
        }
    }
    *ret_is_empty = json_object_array_length(kept) == 0;
    return document_set(edit->list, "items", kept);
}

static enum status write_document(struct edit *edit)
{
    const json_object *root = edit->is_hit ? edit->object : edit->list;
    bool is_empty = false;
    if (edit->has_holes) {
        const enum status status = fill_holes(edit, &is_empty);
        if (status != ST_OK) {
            return status;
        }
    }
    if (!root || is_empty) {
        edit->document_count--;
    }
    if (edit->notes.is_transcoded) {
        edit->is_unwritable = true;
        return ST_OK;
    }
    if (!root || is_empty) {
        cut(edit);
        return ST_OK;
    }
    const enum status status =
        edit->notes.range.is_json ? replace_json(edit, root) : replace_yaml(edit, root);
    return status == ST_OK && edit->out->failed ? ST_NOMEM : status;
}

static enum status edit_document(void *ctx, json_object *root)
{
    struct edit *edit = ctx;
    edit->root = root;
    edit->is_hit = false;
    edit->has_holes = false;
    edit->document_count++;
    const struct store_kind kind = { .kind = edit->target->kind };
    const struct manifest_kinds kinds = { .at = &kind, .count = 1 };
    enum status status = manifest_each(root, kinds, visit, edit, edit->problem);
    if (status == ST_OK && (edit->is_hit || edit->list)) {
        status = write_document(edit);
    }
    (void)json_object_put(edit->list);
    edit->list = NULL;
    return status;
}

static enum status run(struct edit *edit)
{
    const enum status status =
        document_parse_notes(edit->text, &edit->notes, edit_document, edit, edit->problem);
    if (status == ST_NOMEM) {
        problem_set(edit->problem, ST_NOMEM, 0, 0, "no memory to change it");
    }
    return status;
}

enum status manifest_find(struct span text,
                          const struct store_target *target,
                          json_object **ret_object,
                          struct problem *reterr_problem)
{
    struct edit edit = {
        .text = text,
        .target = target,
        .is_search = true,
        .problem = reterr_problem,
    };
    const enum status status = run(&edit);
    if (status == ST_OK && edit.found) {
        *ret_object = edit.found;
        return ST_OK;
    }
    (void)json_object_put(edit.found);
    if (status == ST_OK) {
        problem_set(reterr_problem, ST_NOT_FOUND, 0, 0, "the object is not in it");
        return ST_NOT_FOUND;
    }
    return status;
}

static enum status end(struct edit *edit)
{
    copy_until(edit, edit->text.len);
    if (edit->out->failed) {
        problem_set(edit->problem, ST_NOMEM, 0, 0, "no memory to change it");
        return ST_NOMEM;
    }
    return ST_OK;
}

/* Of which nothing is left goes as a whole. */
static enum status end_unwritable(struct edit *edit)
{
    if (edit->document_count > 0) {
        problem_set(
            edit->problem, ST_UNSUPPORTED, 0, 0,
            "the file is not all UTF-8, which is read but not written: to be saved as UTF-8");
        return ST_UNSUPPORTED;
    }
    return ST_OK;
}

enum status manifest_rewrite(struct span text,
                             const struct store_target *target,
                             const json_object *object,
                             struct buf *ret_text,
                             bool *ret_is_empty,
                             struct problem *reterr_problem)
{
    struct edit edit = {
        .text = text,
        .target = target,
        .object = object,
        .out = ret_text,
        .problem = reterr_problem,
    };
    ret_text->is_secret = true;
    const enum status status = run(&edit);
    if (status != ST_OK) {
        return status;
    }
    *ret_is_empty = edit.document_count == 0;
    return edit.is_unwritable ? end_unwritable(&edit) : end(&edit);
}
