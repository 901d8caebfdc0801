/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML documents, from libyaml's events.
 *
 * libyaml says what stands where; what a scalar means is document/yaml_scalar's business, and what
 * a tree may be document/tree's. Left for here: anchors and aliases, `<<`, keys that are no
 * strings, and positions: libyaml counts characters, we count bytes.
 *
 * Untrusted: the text. libyaml's event parser keeps its own stack on the heap, and ours ends at
 * DOCUMENT_MAX_DEPTH, which stops it too. Directives are where it is quadratic, so they are counted
 * before it reads them; the rest of 0.2.5 was measured to be linear. Anchors are found by hash. An
 * alias to a value that is still open would make a ring, and is refused.
 *
 * What libyaml copied of the text is wiped where we can reach it; the pieces that its scanner
 * reallocated on the way are not.
 */
#include "document/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <yaml.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "document/yaml_directives.h"
#include "document/yaml_scalar.h"

#define ANCHOR_TABLE_SIZE 16 /* grows; few files have an anchor at all */

struct anchor {
    struct document_value value; /* shares its node */
    unsigned open_depth; /* of the container that is its value, while that is open; else 0 */
};

/* How far the text has been walked to turn character counts into bytes. */
struct cursor {
    size_t characters;
    size_t bytes;
    size_t line_bytes; /* where the line of the last position began */
};

struct reader {
    yaml_parser_t parser;
    struct document_tree *tree; /* borrows */
    struct span text;           /* borrows */
    bool is_ascii;              /* then characters are bytes */
    struct cursor cursor;
    struct lh_table *anchors;                /* owns; NULL until the document has one */
    struct anchor *open[DOCUMENT_MAX_DEPTH]; /* borrow; of the open containers, NULL for none */
    bool has_content;                        /* the document: its first value has come */
};

static void walk_to(struct cursor *cursor, struct span text, size_t characters)
{
    while (cursor->characters < characters && cursor->bytes < text.len) {
        const size_t len = utf8_sequence_len(span_after(text, cursor->bytes));
        cursor->bytes += len > 0 ? len : 1;
        cursor->characters++;
    }
}

/* Marks must come in the order of the text; one that lies behind the cursor keeps its column in
 * characters. Linear over all calls. */
static struct document_place place_of(struct cursor *cursor,
                                      const struct reader *reader,
                                      const yaml_mark_t *mark)
{
    const unsigned line = (unsigned)mark->line + 1;
    if (reader->is_ascii || mark->index < cursor->characters || mark->column > mark->index) {
        return document_tree_place(reader->tree, line, (unsigned)mark->column + 1);
    }
    if (mark->index - mark->column >= cursor->characters) {
        walk_to(cursor, reader->text, mark->index - mark->column);
        cursor->line_bytes = cursor->bytes;
    }
    walk_to(cursor, reader->text, mark->index);
    return document_tree_place(reader->tree, line,
                               (unsigned)(cursor->bytes - cursor->line_bytes) + 1);
}

static struct document_place place_of_event(struct reader *reader, const yaml_event_t *event)
{
    return place_of(&reader->cursor, reader, &event->start_mark);
}

/* In bytes. As with place_of(), marks must come in the order of the text. */
static size_t offset_of(struct reader *reader, const yaml_mark_t *mark)
{
    if (!reader->is_ascii) {
        (void)place_of(&reader->cursor, reader, mark); /* walks there */
        return reader->cursor.bytes;
    }
    return mark->index < reader->text.len ? mark->index : reader->text.len;
}

static void free_anchor(struct lh_entry *entry)
{
    struct anchor *const anchor = (struct anchor *)lh_entry_v(entry);
    (void)json_object_put(anchor->value.node);
    free(anchor);
    free(lh_entry_k(entry));
}

static void forget_anchors(struct reader *reader)
{
    if (reader->anchors) {
        lh_table_free(reader->anchors);
        reader->anchors = NULL;
    }
}

static enum status fail_nomem(struct reader *reader)
{
    problem_set(reader->tree->problem, ST_NOMEM, 0, 0, "out of memory");
    return ST_NOMEM;
}

static struct anchor *find_anchor(struct reader *reader, const yaml_char_t *name)
{
    void *anchor = NULL;
    if (reader->anchors) {
        (void)lh_table_lookup_ex(reader->anchors, name, &anchor); /* leaves NULL for none */
    }
    return anchor;
}

static enum status new_anchor(struct reader *reader,
                              const yaml_char_t *name,
                              struct anchor **ret_anchor)
{
    if (!reader->anchors) {
        reader->anchors = lh_kchar_table_new(ANCHOR_TABLE_SIZE, free_anchor);
    }
    struct anchor *const anchor = calloc(1, sizeof(*anchor));
    char *const key = strdup((const char *)name);
    if (!reader->anchors || !anchor || !key || lh_table_insert(reader->anchors, key, anchor) != 0) {
        free(anchor);
        free(key);
        return fail_nomem(reader);
    }
    *ret_anchor = anchor;
    return ST_OK;
}

/* An anchor may be set again: aliases that follow mean the new value, from its beginning on.
 * @open_depth: of the container that begins; 0 for a scalar */
static enum status begin_anchor(struct reader *reader,
                                const yaml_char_t *name,
                                unsigned open_depth,
                                struct anchor **ret_anchor)
{
    struct anchor *anchor = NULL;
    if (name) {
        anchor = find_anchor(reader, name);
        const enum status status = anchor ? ST_OK : new_anchor(reader, name, &anchor);
        if (status != ST_OK) {
            return status;
        }
        (void)json_object_put(anchor->value.node);
        *anchor = (struct anchor){ .open_depth = open_depth };
    }
    *ret_anchor = anchor;
    return ST_OK;
}

/* Takes the value's node. Inside of a container its own anchor may have been set again. */
static void end_anchor(struct anchor *anchor, unsigned open_depth, struct document_value value)
{
    if (anchor->open_depth == open_depth) {
        *anchor = (struct anchor){ .value = value };
    } else {
        (void)json_object_put(value.node);
    }
}

static enum status add_key(struct reader *reader,
                           const struct yaml_scalar *scalar,
                           struct span text,
                           struct document_place place)
{
    char formatted[YAML_KEY_MAX];
    if (scalar->kind == YAML_KIND_STRING || scalar->kind == YAML_KIND_BINARY) {
        return document_tree_key(reader->tree, text, place);
    }
    if (!yaml_scalar_format_key(scalar, formatted)) {
        return document_tree_fail(reader->tree, ST_SYNTAX, place,
                                  "a key that is a string (quote it)");
    }
    return document_tree_key(reader->tree, span_of(formatted), place);
}

/* In place: decoding only shrinks. */
static enum status decode_binary(struct reader *reader,
                                 yaml_event_t *event,
                                 struct span *text,
                                 struct document_place place)
{
    char *const bytes = (char *)event->data.scalar.value;
    if (base64_decode(*text, bytes, &text->len) != ST_OK) {
        return document_tree_fail(reader->tree, ST_SYNTAX, place, "base64 behind the tag !!binary");
    }
    bytes[text->len] = '\0'; /* it had more characters, or was empty */
    if (!utf8_is_valid(*text)) {
        return document_tree_fail(reader->tree, ST_SYNTAX, place, "!!binary to decode to UTF-8");
    }
    return ST_OK;
}

/* What is not a key. */
static enum status add_value(struct reader *reader,
                             const struct yaml_scalar *scalar,
                             struct span text,
                             struct document_place place,
                             struct document_value *ret_value)
{
    if (scalar->kind == YAML_KIND_FLOAT && !isfinite(scalar->number)) {
        return document_tree_fail(reader->tree, ST_SYNTAX, place,
                                  "a number that JSON has (quote .inf and .nan to mean text)");
    }
    return document_tree_scalar(reader->tree, scalar, text, place, ret_value);
}

static enum status add_scalar(struct reader *reader,
                              const yaml_event_t *event,
                              const struct yaml_scalar *scalar,
                              struct span text,
                              struct document_place place)
{
    const yaml_char_t *const name = event->data.scalar.anchor;
    if (document_tree_wants_key(reader->tree)) {
        return name ? document_tree_fail(reader->tree, ST_SYNTAX, place, "a key without an anchor")
                    : add_key(reader, scalar, text, place);
    }
    struct anchor *anchor;
    struct document_value value = { 0 };
    enum status status = begin_anchor(reader, name, 0, &anchor);
    if (status == ST_OK) {
        status = add_value(reader, scalar, text, place, anchor ? &value : NULL);
    }
    if (status == ST_OK && anchor) {
        end_anchor(anchor, 0, value);
    }
    return status;
}

/* yaml.v2: the text is `<<` and nothing makes it a string, or it has the tag. */
static bool is_merge_key(const yaml_event_t *event)
{
    const char *const tag = (const char *)event->data.scalar.tag;
    return strcmp((const char *)event->data.scalar.value, "<<") == 0 &&
           (event->data.scalar.plain_implicit ||
            (tag && strcmp(tag, "tag:yaml.org,2002:merge") == 0));
}

static enum status fail_mark(struct reader *reader, struct document_place place)
{
    return document_tree_fail(reader->tree, ST_SYNTAX, place,
                              "no byte order mark within a document: is a `---` missing?");
}

/* It cannot be seen, and would make another key of the one that is. */
static bool has_mark(const yaml_event_t *event)
{
    const struct span text = {
        .at = (const char *)event->data.scalar.value,
        .len = event->data.scalar.length,
    };
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           span_starts_with(text, BYTE_ORDER_MARK);
}

static enum status on_scalar(struct reader *reader, yaml_event_t *event)
{
    const struct document_place place = place_of_event(reader, event);
    const bool is_key = document_tree_wants_key(reader->tree);
    if (is_key && is_merge_key(event)) {
        return document_tree_merge_key(reader->tree, place);
    }
    if (is_key && has_mark(event)) {
        return fail_mark(reader, place);
    }
    struct span text = {
        .at = (const char *)event->data.scalar.value,
        .len = event->data.scalar.length,
    };
    /* set for the bare tag `!` too, but that stays in the event, and makes a string */
    const bool is_plain = event->data.scalar.plain_implicit != 0;
    struct yaml_scalar scalar;
    const char *expected;
    enum status status = yaml_scalar_resolve(text, (const char *)event->data.scalar.tag, is_plain,
                                             &scalar, &expected);
    if (status != ST_OK) {
        return document_tree_fail(reader->tree, status, place, expected);
    }
    if (scalar.kind == YAML_KIND_BINARY) {
        status = decode_binary(reader, event, &text, place);
    }
    return status == ST_OK ? add_scalar(reader, event, &scalar, text, place) : status;
}

/* An alias to a scalar as a key. */
static enum status add_alias_key(struct reader *reader,
                                 json_object *node,
                                 struct document_place place)
{
    struct yaml_scalar scalar = { .kind = YAML_KIND_NULL };
    struct span text = { 0 };
    enum status status = ST_OK;
    switch (json_object_get_type(node)) {
    case json_type_string:
        scalar.kind = YAML_KIND_STRING;
        text =
            (struct span){ json_object_get_string(node), (size_t)json_object_get_string_len(node) };
        status = document_tree_count_repeated(reader->tree, 0, text.len, place); /* it is copied */
        break;
    case json_type_boolean:
        scalar.kind = YAML_KIND_BOOL;
        scalar.is_true = json_object_get_boolean(node) != 0;
        break;
    case json_type_int:
        scalar.integer = json_object_get_int64(node); /* saturates */
        scalar.unsigned_integer = json_object_get_uint64(node);
        scalar.kind = scalar.unsigned_integer > INT64_MAX ? YAML_KIND_UINT : YAML_KIND_INT;
        break;
    case json_type_double:
        scalar.kind = YAML_KIND_FLOAT;
        scalar.number = json_object_get_double(node);
        break;
    case json_type_null:
    case json_type_object:
    case json_type_array:
        break;
    }
    return status == ST_OK ? add_key(reader, &scalar, text, place) : status;
}

static enum status on_alias(struct reader *reader, const yaml_event_t *event)
{
    const struct document_place place = place_of_event(reader, event);
    const struct anchor *const anchor = find_anchor(reader, event->data.alias.anchor);
    if (!anchor) {
        return document_tree_fail(reader->tree, ST_SYNTAX, place,
                                  "an alias of an anchor before it");
    }
    if (anchor->open_depth > 0) {
        return document_tree_fail(reader->tree, ST_SYNTAX, place,
                                  "an alias outside of the value that it repeats");
    }
    if (document_tree_wants_key(reader->tree)) {
        return add_alias_key(reader, anchor->value.node, place);
    }
    return document_tree_repeat(reader->tree, &anchor->value, place);
}

static enum status on_open(struct reader *reader,
                           const yaml_event_t *event,
                           enum json_type type,
                           const yaml_char_t *name)
{
    const struct document_place place = place_of_event(reader, event);
    if (document_tree_wants_key(reader->tree)) {
        return document_tree_fail(reader->tree, ST_SYNTAX, place, "a key that is a scalar");
    }
    enum status status = document_tree_open(reader->tree, type, place);
    if (status == ST_OK) {
        const unsigned depth = reader->tree->depth;
        status = begin_anchor(reader, name, depth, &reader->open[depth - 1]);
    }
    return status;
}

static enum status on_close(struct reader *reader)
{
    const unsigned depth = reader->tree->depth;
    struct anchor *const anchor = reader->open[depth - 1];
    struct document_value value = { 0 };
    const enum status status = document_tree_close(reader->tree, anchor ? &value : NULL);
    if (status == ST_OK && anchor) {
        end_anchor(anchor, depth, value);
    }
    return status;
}

/* What counts bytes and knows no lines: libyaml's reader, and yaml_directives_check(). */
static struct document_place place_of_offset(const struct reader *reader, size_t offset)
{
    const struct document_place place = document_place_of_offset(reader->text, offset);
    return document_tree_place(reader->tree, place.line, place.column);
}

/* Before libyaml reads what is in front of the next document. */
static enum status check_directives(struct reader *reader, const yaml_event_t *event)
{
    size_t offset;
    if (yaml_directives_check(reader->text, offset_of(reader, &event->end_mark), &offset)) {
        return ST_OK;
    }
    return document_tree_fail(reader->tree, ST_LIMIT, place_of_offset(reader, offset),
                              "at most 16 directives before a document, of at most 256 bytes each");
}

static enum status on_document_end(struct reader *reader, const yaml_event_t *event)
{
    forget_anchors(reader);
    const enum status status = document_tree_end_document(reader->tree);
    return status == ST_OK ? check_directives(reader, event) : status;
}

static enum status on_event(struct reader *reader, yaml_event_t *event)
{
    switch (event->type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
        break;
    case YAML_STREAM_START_EVENT:
        return check_directives(reader, event);
    case YAML_DOCUMENT_END_EVENT:
        return on_document_end(reader, event);
    case YAML_ALIAS_EVENT:
        return on_alias(reader, event);
    case YAML_SCALAR_EVENT:
        return on_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(reader, event, json_type_array, event->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return on_open(reader, event, json_type_object, event->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(reader);
    }
    return ST_OK;
}

/* Its texts are constant: they name no content. */
static enum status fail_parser(struct reader *reader)
{
    const yaml_parser_t *const parser = &reader->parser;
    struct problem *const problem = reader->tree->problem;
    struct cursor cursor = { 0 };
    if (parser->error == YAML_MEMORY_ERROR) {
        return fail_nomem(reader);
    }
    const char *const text = parser->problem ? parser->problem : "not well-formed";
    if (parser->error == YAML_READER_ERROR) {
        const struct document_place place = place_of_offset(reader, parser->problem_offset);
        problem_set(problem, ST_SYNTAX, place.line, place.column, "%s", text);
        return ST_SYNTAX;
    }
    const struct document_place place = place_of(&cursor, reader, &parser->problem_mark);
    if (parser->context) {
        const struct document_place start =
            document_tree_place(reader->tree, (unsigned)parser->context_mark.line + 1, 1);
        problem_set(problem, ST_SYNTAX, place.line, place.column, "%s %s that began on line %u",
                    text, parser->context, start.line);
    } else {
        problem_set(problem, ST_SYNTAX, place.line, place.column, "%s", text);
    }
    return ST_SYNTAX;
}

static void wipe_event(yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT) {
        sodium_memzero(event->data.scalar.value, event->data.scalar.length);
    }
    yaml_event_delete(event);
}

static bool is_content(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    case YAML_ALIAS_EVENT:
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_START_EVENT:
    case YAML_MAPPING_END_EVENT:
        return true;
    }
    return false;
}

/* Before the event is looked at: marks are walked to in the order of the text. */
static void note_start(struct reader *reader, const yaml_event_t *event)
{
    struct document_range *const range = reader->tree->range;
    if (!range) {
        return;
    }
    if (event->type == YAML_DOCUMENT_START_EVENT) {
        *range = (struct document_range){
            .stream = reader->tree->text_offset,
            .start = reader->tree->text_offset + offset_of(reader, &event->start_mark),
        };
        reader->has_content = false;
    } else if (event->type == YAML_DOCUMENT_END_EVENT) {
        range->end = reader->tree->text_offset + offset_of(reader, &event->start_mark);
    } else if (is_content(event) && !reader->has_content) {
        reader->has_content = true;
        range->content = reader->tree->text_offset + offset_of(reader, &event->start_mark);
    }
}

/* The end of a block is found only where the next thing begins, and has no length there. */
static void note_end(struct reader *reader, const yaml_event_t *event)
{
    struct document_range *const range = reader->tree->range;
    const bool is_there = event->type == YAML_SCALAR_EVENT ||
                          (is_content(event) && event->end_mark.index > event->start_mark.index);
    if (range && is_there) {
        range->content_end = reader->tree->text_offset + offset_of(reader, &event->end_mark);
    }
}

/* At the beginning of a line libyaml takes it for a blank, and so for an indentation; kubectl's
 * reader takes it for part of what follows. */
static enum status check_marks(struct reader *reader)
{
    const struct span text = reader->text;
    for (size_t i = 0; !reader->is_ascii && i < text.len; i++) {
        if (span_starts_with(span_after(text, i), BYTE_ORDER_MARK) &&
            (i == 0 || yaml_ends_in_break((struct span){ text.at, i }))) {
            return fail_mark(reader, place_of_offset(reader, i));
        }
    }
    return ST_OK;
}

static enum status read_events(struct reader *reader)
{
    for (bool is_over = false; !is_over;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event)) {
            return fail_parser(reader);
        }
        note_start(reader, &event);
        const enum status status = on_event(reader, &event);
        note_end(reader, &event);
        is_over = event.type == YAML_STREAM_END_EVENT;
        wipe_event(&event);
        if (status != ST_OK) {
            return status;
        }
    }
    return ST_OK;
}

/* Only what the text can have touched: the buffers are larger than most files. */
static void wipe_touched(unsigned char *start, const unsigned char *end, size_t text_len)
{
    const size_t size = (size_t)(end - start);
    sodium_memzero(start, size < text_len ? size : text_len);
}

enum status document_yaml_read(struct span text, bool is_ascii, struct document_tree *tree)
{
    struct reader reader = { .tree = tree, .text = text, .is_ascii = is_ascii };
    if (!yaml_parser_initialize(&reader.parser)) {
        return fail_nomem(&reader);
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.at, text.len);
    enum status status = check_marks(&reader);
    if (status == ST_OK) {
        status = read_events(&reader);
    }
    forget_anchors(&reader);
    wipe_touched(reader.parser.raw_buffer.start, reader.parser.raw_buffer.end, text.len);
    wipe_touched(reader.parser.buffer.start, reader.parser.buffer.end, text.len);
    yaml_parser_delete(&reader.parser);
    return status;
}
