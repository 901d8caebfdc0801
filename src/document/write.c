/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees become text again.
 *
 * libyaml's emitter knows YAML's syntax: where plain text needs quotes, how a block is indented.
 * What a plain word means it does not know; document/yaml_scalar does, and here is decided what to
 * quote. Readers differ (PyYAML takes 2030-01-02 for a date, YAML 1.2 takes 0o7 for a number), so
 * whatever begins like a number or a sign is quoted without asking. JSON is written by hand: it is
 * a page, and json-c would keep a copy of the text in each node.
 *
 * Untrusted: the tree. Recursion ends at DOCUMENT_MAX_DEPTH. Texts may be secrets: the emitter's
 * buffer is wiped, and so is the caller's if it says so. Threads: none.
 */
#include "document/write.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <yaml.h>

#include "base/utf8.h"
#include "document/document.h"
#include "document/edit.h"
#include "document/yaml_scalar.h"

#define NUMBER_MAX 32 /* bytes with NUL of a number's text */

#define DOUBLE_DIGITS_MIN 15 /* decimal digits that every double keeps */
#define DOUBLE_DIGITS_MAX 17 /* that tell any two doubles apart */

/* --- scalars --- */

/* The fewest digits that give the number back. */
static enum status format_double(double number, char ret_text[static NUMBER_MAX])
{
    if (!isfinite(number)) {
        return ST_INVALID;
    }
    /* the process may have another decimal point; this locale is static in glibc */
    const locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0) {
        return ST_NOMEM;
    }
    const locale_t callers = uselocale(c_locale); /* of this thread alone */
    for (int digits = DOUBLE_DIGITS_MIN; digits <= DOUBLE_DIGITS_MAX; digits++) {
        (void)snprintf(ret_text, NUMBER_MAX, "%.*g", digits, number);
        if (strtod(ret_text, NULL) == number) {
            break;
        }
    }
    (void)uselocale(callers); /* a valid handle, so it cannot fail */
    freelocale(c_locale);
    if (!strchr(ret_text, '.')) { /* an integer, or text for readers of YAML 1.1 */
        char *const exponent = ret_text + strcspn(ret_text, "e");
        memmove(exponent + 2, exponent, strlen(exponent) + 1); /* 24 bytes at most are used */
        exponent[0] = '.';
        exponent[1] = '0';
    }
    return ST_OK;
}

/* null, a boolean or a number: the same in YAML and JSON. */
static enum status format_scalar(const json_object *node, char ret_text[static NUMBER_MAX])
{
    if (json_object_is_type(node, json_type_double)) {
        return format_double(json_object_get_double(node), ret_text);
    }
    if (json_object_is_type(node, json_type_int)) {
        const uint64_t above = json_object_get_uint64(node); /* both saturate */
        const char *const sign = above > INT64_MAX || json_object_get_int64(node) >= 0 ? "" : "-";
        const uint64_t size = *sign ? 0 - (uint64_t)json_object_get_int64(node) : above;
        (void)snprintf(ret_text, NUMBER_MAX, "%s%llu", sign, (unsigned long long)size);
        return ST_OK;
    }
    const char *const word = !node ? "null" : json_object_get_boolean(node) ? "true" : "false";
    (void)snprintf(ret_text, NUMBER_MAX, "%s", word);
    return ST_OK;
}

/* --- YAML --- */

struct yaml_writer {
    yaml_emitter_t emitter;
    struct buf *buf; /* borrows */
};

static int write_out(void *ctx, unsigned char *bytes, size_t len)
{
    const struct yaml_writer *const writer = ctx;
    buf_append(writer->buf, (struct span){ .at = (const char *)bytes, .len = len });
    return !writer->buf->failed;
}

/* Takes @event. Its initialization fails only without memory, as all texts are UTF-8. */
static enum status emit(struct yaml_writer *writer, int is_initialized, yaml_event_t *event)
{
    return is_initialized && yaml_emitter_emit(&writer->emitter, event) ? ST_OK : ST_NOMEM;
}

static bool is_plain_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        if (c != '\n' && (c < ' ' || c > '~')) {
            return false;
        }
    }
    return true;
}

/* Would any reader take the bare text for a string? */
static bool is_plainly_text(struct span text)
{
    struct yaml_scalar scalar;
    const char *expected;
    return text.len > 0 && !strchr("+-.0123456789=<~", text.at[0]) &&
           yaml_scalar_resolve(text, NULL, true, &scalar, &expected) == ST_OK &&
           scalar.kind == YAML_KIND_STRING;
}

/* The emitter takes another where the syntax asks for it. */
static yaml_scalar_style_t style_of(struct span text)
{
    if (!is_plain_ascii(text)) { /* line breaks and such that only escapes keep */
        return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    }
    if (text.len > 0 && memchr(text.at, '\n', text.len)) {
        return YAML_LITERAL_SCALAR_STYLE;
    }
    return is_plainly_text(text) ? YAML_PLAIN_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE;
}

static enum status write_yaml_text(struct yaml_writer *writer, struct span text, bool is_string)
{
    yaml_event_t event;
    if (text.len > INT_MAX || !utf8_is_valid(text)) {
        return ST_INVALID;
    }
    const yaml_scalar_style_t style = is_string ? style_of(text) : YAML_PLAIN_SCALAR_STYLE;
    const yaml_char_t *const at = (const yaml_char_t *)(text.len ? text.at : "");
    return emit(
        writer,
        yaml_scalar_event_initialize(&event, NULL, NULL, at, (int)text.len, true, is_string, style),
        &event);
}

static enum status write_yaml_scalar(struct yaml_writer *writer, const json_object *node)
{
    char text[NUMBER_MAX];
    if (json_object_is_type(node, json_type_string)) {
        return write_yaml_text(writer, document_text(node), true);
    }
    const enum status status = format_scalar(node, text);
    return status == ST_OK ? write_yaml_text(writer, span_of(text), false) : status;
}

static enum status write_yaml(struct yaml_writer *writer, const json_object *node, unsigned depth);

static enum status write_yaml_object(struct yaml_writer *writer,
                                     const json_object *node,
                                     unsigned depth)
{
    yaml_event_t event;
    enum status status = emit(
        writer,
        yaml_mapping_start_event_initialize(&event, NULL, NULL, true, YAML_BLOCK_MAPPING_STYLE),
        &event);
    json_object_object_foreach(node, key, value)
    {
        if (status == ST_OK) {
            status = write_yaml_text(writer, span_of(key), true);
        }
        if (status == ST_OK) {
            status = write_yaml(writer, value, depth);
        }
    }
    return status == ST_OK ? emit(writer, yaml_mapping_end_event_initialize(&event), &event)
                           : status;
}

static enum status write_yaml_array(struct yaml_writer *writer,
                                    const json_object *node,
                                    unsigned depth)
{
    yaml_event_t event;
    enum status status = emit(
        writer,
        yaml_sequence_start_event_initialize(&event, NULL, NULL, true, YAML_BLOCK_SEQUENCE_STYLE),
        &event);
    const size_t count = json_object_array_length(node);
    for (size_t i = 0; i < count && status == ST_OK; i++) {
        status = write_yaml(writer, json_object_array_get_idx(node, i), depth);
    }
    return status == ST_OK ? emit(writer, yaml_sequence_end_event_initialize(&event), &event)
                           : status;
}

/* @depth: containers around @node */
static enum status write_yaml(struct yaml_writer *writer, const json_object *node, unsigned depth)
{
    const bool is_object = json_object_is_type(node, json_type_object);
    if (!is_object && !json_object_is_type(node, json_type_array)) {
        return write_yaml_scalar(writer, node);
    }
    if (depth == DOCUMENT_MAX_DEPTH) {
        return ST_LIMIT;
    }
    return is_object ? write_yaml_object(writer, node, depth + 1)
                     : write_yaml_array(writer, node, depth + 1);
}

static enum status write_yaml_stream(struct yaml_writer *writer, const json_object *root)
{
    yaml_event_t event;
    enum status status =
        emit(writer, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event);
    if (status == ST_OK) {
        status = emit(writer, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, true),
                      &event);
    }
    if (status == ST_OK) {
        status = write_yaml(writer, root, 0);
    }
    if (status == ST_OK) {
        status = emit(writer, yaml_document_end_event_initialize(&event, true), &event);
    }
    if (status == ST_OK) {
        status = emit(writer, yaml_stream_end_event_initialize(&event), &event);
    }
    return status;
}

enum status document_write_yaml(const json_object *root, struct buf *buf)
{
    struct yaml_writer writer = { .buf = buf };
    if (!yaml_emitter_initialize(&writer.emitter)) {
        return ST_NOMEM;
    }
    yaml_emitter_set_output(&writer.emitter, write_out, &writer);
    yaml_emitter_set_unicode(&writer.emitter, true);
    yaml_emitter_set_width(&writer.emitter, -1); /* base64 stays on its line */
    const enum status status = write_yaml_stream(&writer, root);
    const yaml_emitter_t *const emitter = &writer.emitter;
    sodium_memzero(emitter->buffer.start, (size_t)(emitter->buffer.end - emitter->buffer.start));
    yaml_emitter_delete(&writer.emitter);
    return status;
}

/* --- JSON --- */

static void indent(struct buf *buf, unsigned depth)
{
    buf_append_char(buf, '\n');
    for (unsigned i = 0; i < depth; i++) {
        buf_append_text(buf, "  ");
    }
}

static enum status write_json_text(struct buf *buf, struct span text)
{
    if (!utf8_is_valid(text)) {
        return ST_INVALID;
    }
    buf_append_json_string(buf, text);
    return ST_OK;
}

static enum status write_json_scalar(struct buf *buf, const json_object *node)
{
    char text[NUMBER_MAX];
    if (json_object_is_type(node, json_type_string)) {
        return write_json_text(buf, document_text(node));
    }
    const enum status status = format_scalar(node, text);
    if (status == ST_OK) {
        buf_append_text(buf, text);
    }
    return status;
}

static enum status write_json(struct buf *buf, const json_object *node, unsigned depth);

static enum status write_json_object(struct buf *buf, const json_object *node, unsigned depth)
{
    enum status status = ST_OK;
    const char *separator = "{";
    json_object_object_foreach(node, key, value)
    {
        buf_append_text(buf, separator);
        separator = ",";
        indent(buf, depth);
        status = write_json_text(buf, span_of(key));
        buf_append_text(buf, ": ");
        if (status == ST_OK) {
            status = write_json(buf, value, depth);
        }
        if (status != ST_OK) {
            return status;
        }
    }
    if (*separator == '{') {
        buf_append_text(buf, "{}");
    } else {
        indent(buf, depth - 1);
        buf_append_char(buf, '}');
    }
    return ST_OK;
}

static enum status write_json_array(struct buf *buf, const json_object *node, unsigned depth)
{
    const size_t count = json_object_array_length(node);
    buf_append_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        buf_append_text(buf, i ? "," : "");
        indent(buf, depth);
        const enum status status = write_json(buf, json_object_array_get_idx(node, i), depth);
        if (status != ST_OK) {
            return status;
        }
    }
    if (count) {
        indent(buf, depth - 1);
    }
    buf_append_char(buf, ']');
    return ST_OK;
}

/* @depth: containers around @node */
static enum status write_json(struct buf *buf, const json_object *node, unsigned depth)
{
    const bool is_object = json_object_is_type(node, json_type_object);
    if (!is_object && !json_object_is_type(node, json_type_array)) {
        return write_json_scalar(buf, node);
    }
    if (depth == DOCUMENT_MAX_DEPTH) {
        return ST_LIMIT;
    }
    return is_object ? write_json_object(buf, node, depth + 1)
                     : write_json_array(buf, node, depth + 1);
}

enum status document_write_json(const json_object *root, struct buf *buf)
{
    const enum status status = write_json(buf, root, 0);
    buf_append_char(buf, '\n');
    return status == ST_OK && buf->failed ? ST_NOMEM : status;
}
