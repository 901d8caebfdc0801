/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting streams of JSON: the same values come out wherever the stream was cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "document/json_frames.h"

#define VALUE_MAX 24

/* Values as "<value>", the rest as "[rest]". */
static enum status note(void *ctx, enum json_frame_kind kind, struct span text)
{
    struct buf *seen = ctx;
    if (span_equal(text, SPAN_LITERAL("{\"stop\":1}"))) {
        return ST_GONE;
    }
    buf_append_char(seen, kind == JSON_FRAME_VALUE ? '<' : '[');
    buf_append(seen, text);
    buf_append_char(seen, kind == JSON_FRAME_VALUE ? '>' : ']');
    return ST_OK;
}

static const struct {
    const char *name;
    enum json_frames_form form;
    const char *text;
    const char *want;
    enum status status;
    bool is_whole;
} rows[] = {
    { "nothing", JSON_FRAMES_SEQUENCE, "", "", ST_OK, true },
    { "one", JSON_FRAMES_SEQUENCE, "{\"a\":1}\n", "<{\"a\":1}>", ST_OK, true },
    { "without a newline", JSON_FRAMES_SEQUENCE, "{}{}", "<{}><{}>", ST_OK, true },
    { "blanks", JSON_FRAMES_SEQUENCE, " \t\r\n{} \n\n{}", "<{}><{}>", ST_OK, true },
    { "brackets in strings", JSON_FRAMES_SEQUENCE, "{\"}]\":\"{[\"}", "<{\"}]\":\"{[\"}>", ST_OK,
      true },
    { "a quote in a string", JSON_FRAMES_SEQUENCE, "{\"a\":\"\\\"}\"}", "<{\"a\":\"\\\"}\"}>",
      ST_OK, true },
    { "a backslash at the end of a string", JSON_FRAMES_SEQUENCE, "{\"a\":\"\\\\\"}{}",
      "<{\"a\":\"\\\\\"}><{}>", ST_OK, true },
    { "nested", JSON_FRAMES_SEQUENCE, "{\"a\":[{},[{}]]}", "<{\"a\":[{},[{}]]}>", ST_OK, true },
    { "cut in a value", JSON_FRAMES_SEQUENCE, "{}\n{\"a\":", "<{}>", ST_OK, false },
    { "cut in a string", JSON_FRAMES_SEQUENCE, "{\"}", "", ST_OK, false },
    { "a line end between members", JSON_FRAMES_SEQUENCE, "{\"a\":1,\n\"b\":2}", "", ST_SYNTAX,
      true },
    { "a line end in a string", JSON_FRAMES_SEQUENCE, "{}{\"a\":\"\n\"}", "<{}>", ST_SYNTAX, true },
    { "a line without its end", JSON_FRAMES_SEQUENCE, "{\"a\":{}\n{\"b\":{}}\n", "", ST_SYNTAX,
      true },
    { "an array", JSON_FRAMES_SEQUENCE, "[]", "", ST_SYNTAX, true },
    { "a word", JSON_FRAMES_SEQUENCE, "{} null", "<{}>", ST_SYNTAX, true },
    { "a comma", JSON_FRAMES_SEQUENCE, "{},{}", "<{}>", ST_SYNTAX, true },
    { "as long as allowed", JSON_FRAMES_SEQUENCE, "{\"a\":\"12345678901234567\"}",
      "<{\"a\":\"12345678901234567\"}>", ST_LIMIT, true }, /* 25: see below */
    { "the handler stops", JSON_FRAMES_SEQUENCE, "{}{\"stop\":1}{}", "<{}>", ST_GONE, true },

    { "no object", JSON_FRAMES_ITEMS, "", "", ST_OK, false },
    { "no items", JSON_FRAMES_ITEMS, "{\"kind\":\"L\"}", "[{\"kind\":\"L\"}]", ST_OK, true },
    { "items", JSON_FRAMES_ITEMS, "{\"a\":{\"b\":[1]},\"items\":[{\"x\":[1]}, {}],\"z\":2}\n",
      "<{\"x\":[1]}><{}>[{\"a\":{\"b\":[1]},\"items\":[],\"z\":2}]", ST_OK, true },
    { "items over lines", JSON_FRAMES_ITEMS, "{\"items\":[\n{\n}]}", "<{\n}>[{\"items\":[]}]",
      ST_OK, true },
    { "empty items", JSON_FRAMES_ITEMS, "{\"items\": [ ] }", "[{\"items\": [] }]", ST_OK, true },
    { "null items", JSON_FRAMES_ITEMS, "{\"items\":null}", "[{\"items\":null}]", ST_OK, true },
    { "items as text", JSON_FRAMES_ITEMS, "{\"a\":\"items\",\"b\":[{}]}",
      "[{\"a\":\"items\",\"b\":[{}]}]", ST_OK, true },
    { "items further in", JSON_FRAMES_ITEMS, "{\"a\":{\"items\":[{}]}}",
      "[{\"a\":{\"items\":[{}]}}]", ST_OK, true },
    { "a name that ends in items", JSON_FRAMES_ITEMS, "{\"xitems\":[{}]}", "[{\"xitems\":[{}]}]",
      ST_OK, true },
    { "items in an array", JSON_FRAMES_ITEMS, "{\"items\":5,\"b\":[{}]}",
      "[{\"items\":5,\"b\":[{}]}]", ST_OK, true },
    { "cut between items", JSON_FRAMES_ITEMS, "{\"items\":[{},", "<{}>", ST_OK, false },
    { "cut behind the items", JSON_FRAMES_ITEMS, "{\"items\":[{}]", "<{}>", ST_OK, false },
    { "no comma", JSON_FRAMES_ITEMS, "{\"items\":[{}{}]}", "<{}>", ST_SYNTAX, false },
    { "two commas", JSON_FRAMES_ITEMS, "{\"items\":[{},,{}]}", "<{}>", ST_SYNTAX, false },
    { "a comma first", JSON_FRAMES_ITEMS, "{\"items\":[,{}]}", "", ST_SYNTAX, false },
    { "a comma last", JSON_FRAMES_ITEMS, "{\"items\":[{},]}", "<{}>", ST_SYNTAX, false },
    { "an item that is no object", JSON_FRAMES_ITEMS, "{\"items\":[1]}", "", ST_SYNTAX, false },
    { "text behind the end", JSON_FRAMES_ITEMS, "{} {}", "[{}]", ST_SYNTAX, true },
    { "a list that is an array", JSON_FRAMES_ITEMS, "[{}]", "", ST_SYNTAX, false },
    { "the handler stops in a list", JSON_FRAMES_ITEMS, "{\"items\":[{\"stop\":1},{}]}", "",
      ST_GONE, false },
};

static void test_json_frames_rows_wherever_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const size_t len = strlen(rows[i].text);
        for (size_t piece = 1; piece <= len + 1; piece++) {
            struct json_frames frames;
            struct buf seen = { 0 };
            enum status status = ST_OK;
            /* the row about the limit passes with one byte more, and only then */
            const size_t max =
                rows[i].status == ST_LIMIT && piece == len + 1 ? VALUE_MAX + 1 : VALUE_MAX;
            json_frames_init(&frames, rows[i].form, max, note, &seen);
            for (size_t at = 0; at < len && status == ST_OK; at += piece) {
                const size_t n = len - at < piece ? len - at : piece;
                status =
                    json_frames_push(&frames, (struct span){ .at = rows[i].text + at, .len = n });
            }
            const bool is_refused = rows[i].status == ST_LIMIT && max == VALUE_MAX;
            const enum status want = max == VALUE_MAX ? rows[i].status : ST_OK;
            if (status != want) {
                fail_msg("%s, in pieces of %zu: %s", rows[i].name, piece, status_label(status));
            }
            if (!is_refused && !span_equal(buf_span(&seen), span_of(rows[i].want))) {
                fail_msg("%s, in pieces of %zu: %.*s", rows[i].name, piece, (int)seen.len, seen.at);
            }
            if (status == ST_OK && json_frames_is_whole(&frames) != rows[i].is_whole) {
                fail_msg("%s, in pieces of %zu: whole?", rows[i].name, piece);
            }
            json_frames_fini(&frames);
            buf_fini(&seen);
        }
    }
}

/* The limit on what a list says besides its items, and that it holds behind many items, too. */
static void test_json_frames_rest_is_bounded(void **state)
{
    (void)state;
    struct json_frames frames;
    struct buf seen = { 0 };
    enum status status = ST_OK;
    json_frames_init(&frames, JSON_FRAMES_ITEMS, VALUE_MAX, note, &seen);
    assert_int_equal(json_frames_push(&frames, SPAN_LITERAL("{\"items\":[{}")), ST_OK);
    for (size_t i = 0; i < JSON_FRAMES_MAX_REST; i++) {
        assert_int_equal(json_frames_push(&frames, SPAN_LITERAL(",{}")), ST_OK);
    }
    assert_int_equal(json_frames_push(&frames, SPAN_LITERAL("],\"a\":\"")), ST_OK);
    size_t len = 0;
    while (status == ST_OK && len < 2 * (size_t)JSON_FRAMES_MAX_REST) {
        status = json_frames_push(&frames, SPAN_LITERAL("x"));
        len++;
    }
    assert_int_equal(status, ST_LIMIT);
    assert_in_range(len, JSON_FRAMES_MAX_REST - 32, JSON_FRAMES_MAX_REST);
    json_frames_fini(&frames);
    buf_fini(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_frames_rows_wherever_they_are_cut),
        cmocka_unit_test(test_json_frames_rest_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
