/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting by brackets and quotes alone.
 *
 * In well-formed JSON a value ends where its brackets balance outside of strings, so nothing else
 * needs to be understood, and malformed JSON is cut somewhere and refused by whoever parses the
 * piece. A value that lies in one piece of the stream is handed out from there; only one that
 * straddles pieces is copied.
 *
 * A line end inside a value of a sequence is the end of a line whose brackets do not balance: what
 * follows would be taken for its inside, and a watch would be deaf without anybody noticing.
 *
 * Untrusted: the stream, from whoever plays the server. Its values are bounded by value_max, the
 * rest of a list by JSON_FRAMES_MAX_REST; depth is a number and costs no memory. Threads: one at a
 * time.
 */
#include "document/json_frames.h"

void json_frames_init(struct json_frames *frames,
                      enum json_frames_form form,
                      size_t value_max,
                      json_frame_fn *fn,
                      void *ctx)
{
    *frames = (struct json_frames){
        .form = form,
        .fn = fn,
        .ctx = ctx,
        .value = { .max_len = value_max, .is_secret = true },
        .rest = { .max_len = JSON_FRAMES_MAX_REST },
    };
}

void json_frames_fini(struct json_frames *frames)
{
    buf_fini(&frames->value);
    buf_fini(&frames->rest);
    *frames = (struct json_frames){ 0 };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum status why_failed(const struct buf *buf, size_t more)
{
    return buf->len + more > buf->max_len ? ST_LIMIT : ST_NOMEM;
}

/* What strings and brackets do wherever they stand. */
static void step(struct json_frames *frames, char c)
{
    if (frames->in_string) {
        const bool was_escaped = frames->is_escaped;
        frames->is_escaped = !was_escaped && c == '\\';
        frames->in_string = was_escaped || c != '"';
        return;
    }
    frames->in_string = c == '"';
    frames->depth += c == '{' || c == '[';
    frames->depth -= c == '}' || c == ']';
}

/* Find where the value that is under way ends. @ret_len: bytes of @text that belong to it. Return:
 * ST_OK; ST_SYNTAX */
static enum status take_value(struct json_frames *frames, struct span text, size_t *ret_len)
{
    const size_t outside = frames->form == JSON_FRAMES_ITEMS ? 2 : 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\n' && frames->form == JSON_FRAMES_SEQUENCE) {
            return ST_SYNTAX;
        }
        step(frames, text.at[i]);
        if (frames->depth == outside) {
            frames->in_value = false;
            *ret_len = i + 1;
            return ST_OK;
        }
    }
    *ret_len = text.len;
    return ST_OK;
}

static enum status push_value(struct json_frames *frames, struct span text, size_t *ret_taken)
{
    size_t len = 0;
    const enum status taken = take_value(frames, text, &len);
    if (taken != ST_OK) {
        return taken;
    }
    struct span value = { .at = text.at, .len = len };
    *ret_taken = len;
    if (frames->value.len > 0 || frames->in_value) {
        buf_append(&frames->value, value);
        if (frames->value.failed) {
            return why_failed(&frames->value, len);
        }
        value = buf_span(&frames->value);
    } else if (len > frames->value.max_len) {
        return ST_LIMIT;
    }
    if (frames->in_value) {
        return ST_OK; /* its end is in a later piece */
    }
    const enum status status = frames->fn(frames->ctx, JSON_FRAME_VALUE, value);
    if (frames->value.len > 0) {
        const size_t max_len = frames->value.max_len;
        buf_fini(&frames->value); /* wipes; rare enough to give the memory back */
        frames->value = (struct buf){ .max_len = max_len, .is_secret = true };
    }
    return status;
}

static enum status begin_value(struct json_frames *frames)
{
    if (frames->in_items && frames->wants_comma) {
        return ST_SYNTAX;
    }
    frames->in_value = true;
    frames->wants_comma = true;
    frames->wants_value = false;
    return ST_OK;
}

/* Between the objects of a sequence. */
static enum status push_gap(struct json_frames *frames, char c)
{
    if (c == '{') {
        return begin_value(frames);
    }
    return is_blank(c) ? ST_OK : ST_SYNTAX;
}

/* Between the elements of `items`. */
static enum status push_separator(struct json_frames *frames, char c)
{
    if (c == '{') {
        return begin_value(frames);
    }
    if (c == ']' && !frames->wants_value) {
        frames->in_items = false;
        frames->depth--;
        buf_append_char(&frames->rest, c);
        return frames->rest.failed ? why_failed(&frames->rest, 1) : ST_OK;
    }
    if (c == ',' && frames->wants_comma) {
        frames->wants_comma = false;
        frames->wants_value = true;
        return ST_OK;
    }
    return is_blank(c) ? ST_OK : ST_SYNTAX;
}

/* A member's name begins or ends at depth 1, or the next may come. */
static void note_key(struct json_frames *frames, char c, bool was_in_string)
{
    if (frames->depth != 1) {
        return;
    }
    if (!was_in_string && (c == '{' || c == ',')) {
        frames->expects_key = true;
        frames->is_items = false;
    } else if (!was_in_string && c == '"' && frames->expects_key) {
        frames->key_at = frames->rest.len;
    } else if (was_in_string && !frames->in_string && frames->expects_key) {
        const struct span key = { .at = frames->rest.at + frames->key_at,
                                  .len = frames->rest.len - 1 - frames->key_at };
        frames->is_items = span_equal(key, SPAN_LITERAL("items"));
        frames->expects_key = false;
    }
}

/* The list outside its items. */
static enum status push_rest(struct json_frames *frames, char c)
{
    if (frames->is_complete || frames->depth == 0) {
        if (is_blank(c)) {
            return ST_OK;
        }
        if (frames->is_complete || c != '{') {
            return ST_SYNTAX;
        }
    }
    buf_append_char(&frames->rest, c);
    if (frames->rest.failed) {
        return why_failed(&frames->rest, 1);
    }
    const bool was_in_string = frames->in_string;
    const size_t was_depth = frames->depth;
    step(frames, c);
    note_key(frames, c, was_in_string);
    if (was_depth == 1 && frames->depth == 2 && c == '[' && frames->is_items) {
        frames->in_items = true;
        frames->wants_comma = false;
    } else if (was_depth == 1 && frames->depth == 0) {
        frames->is_complete = true;
        return frames->fn(frames->ctx, JSON_FRAME_REST, buf_span(&frames->rest));
    }
    return ST_OK;
}

static enum status push_outside(struct json_frames *frames, char c)
{
    if (frames->form == JSON_FRAMES_SEQUENCE) {
        return push_gap(frames, c);
    }
    return frames->in_items ? push_separator(frames, c) : push_rest(frames, c);
}

enum status json_frames_push(struct json_frames *frames, struct span piece)
{
    enum status status = ST_OK;
    while (piece.len > 0 && status == ST_OK) {
        size_t taken = 1;
        if (!frames->in_value) {
            status = push_outside(frames, piece.at[0]);
            taken = !frames->in_value; /* a value's first byte is the value's */
        } else {
            status = push_value(frames, piece, &taken);
        }
        piece = span_after(piece, taken);
    }
    return status;
}

bool json_frames_is_whole(const struct json_frames *frames)
{
    return frames->form == JSON_FRAMES_ITEMS ? frames->is_complete : !frames->in_value;
}
