/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Target: json_frames_push().
 *
 * The first byte chooses the form and the size of the pieces. Properties: what comes out does not
 * depend on where the stream was cut; a value starts and ends with its braces and is no longer than
 * allowed; nothing comes behind the rest.
 */
#include "document/json_frames.h"
#include "fuzz.h"

#define VALUE_MAX 64

struct seen {
    struct buf text;
    bool is_over;
};

static enum status note(void *ctx, enum json_frame_kind kind, struct span text)
{
    struct seen *seen = ctx;
    FUZZ_REQUIRE(!seen->is_over);
    FUZZ_REQUIRE(text.len >= 2 && text.at[0] == '{');
    if (kind == JSON_FRAME_VALUE) {
        const char last = text.at[text.len - 1];
        FUZZ_REQUIRE(text.len <= VALUE_MAX && (last == '}' || last == ']'));
    } else {
        FUZZ_REQUIRE(text.len <= JSON_FRAMES_MAX_REST);
        seen->is_over = true;
    }
    buf_append_char(&seen->text, kind == JSON_FRAME_VALUE ? '<' : '[');
    buf_append(&seen->text, text);
    buf_append_char(&seen->text, '\n');
    return text.len == 3 ? ST_GONE : ST_OK; /* some handlers stop */
}

static enum status cut(enum json_frames_form form,
                       struct span text,
                       size_t piece,
                       struct seen *seen,
                       bool *ret_is_whole)
{
    struct json_frames frames;
    enum status status = ST_OK;
    json_frames_init(&frames, form, VALUE_MAX, note, seen);
    while (text.len > 0 && status == ST_OK) {
        const size_t len = text.len < piece ? text.len : piece;
        status = json_frames_push(&frames, (struct span){ .at = text.at, .len = len });
        text = span_after(text, len);
    }
    *ret_is_whole = status == ST_OK && json_frames_is_whole(&frames);
    json_frames_fini(&frames);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const enum json_frames_form form = data[0] & 1 ? JSON_FRAMES_ITEMS : JSON_FRAMES_SEQUENCE;
    char *copy = fuzz_copy(data + 1, size - 1);
    const struct span text = { .at = copy, .len = size - 1 };
    struct seen one = { 0 };
    struct seen many = { 0 };
    bool is_whole_one;
    bool is_whole_many;
    const enum status whole = cut(form, text, size, &one, &is_whole_one);
    const enum status pieces = cut(form, text, (data[0] >> 1) % 16 + 1, &many, &is_whole_many);
    FUZZ_REQUIRE(whole == pieces && is_whole_one == is_whole_many);
    FUZZ_REQUIRE(span_equal(buf_span(&one.text), buf_span(&many.text)));
    buf_fini(&one.text);
    buf_fini(&many.text);
    free(copy);
    return 0;
}
