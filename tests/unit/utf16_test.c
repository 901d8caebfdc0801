/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-16: every code point in both orders, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf16.h"
#include "base/utf8.h"
#include "support/alloc_fail.h"

static const struct {
    const char *name;
    struct span bytes;
    enum status want;
    struct span text; /* that was appended, also on failure */
} rows[] = {
    { "a mark alone", SPAN_LITERAL("\xff\xfe"), ST_OK, SPAN_LITERAL("") },
    { "a mark alone, big-endian", SPAN_LITERAL("\xfe\xff"), ST_OK, SPAN_LITERAL("") },
    { "letters",
      SPAN_LITERAL("\xff\xfe"
                   "a\0\xe9\0"),
      ST_OK, SPAN_LITERAL("a\xc3\xa9") },
    { "letters, big-endian", SPAN_LITERAL("\xfe\xff\0a\0\xe9"), ST_OK, SPAN_LITERAL("a\xc3\xa9") },
    { "a pair", SPAN_LITERAL("\xff\xfe\x3d\xd8\x42\xde"), ST_OK, SPAN_LITERAL("\xf0\x9f\x99\x82") },
    { "a second mark is a character", SPAN_LITERAL("\xff\xfe\xff\xfe"), ST_OK,
      SPAN_LITERAL("\xef\xbb\xbf") },
    { "NUL", SPAN_LITERAL("\xff\xfe\0\0"), ST_OK, SPAN_LITERAL("\0") },
    { "half a unit",
      SPAN_LITERAL("\xff\xfe"
                   "a\0b"),
      ST_SYNTAX, SPAN_LITERAL("a") },
    { "a high surrogate at the end",
      SPAN_LITERAL("\xff\xfe"
                   "a\0\x3d\xd8"),
      ST_SYNTAX, SPAN_LITERAL("a") },
    { "a high surrogate and half a unit",
      SPAN_LITERAL("\xff\xfe"
                   "a\0\x3d\xd8\x42"),
      ST_SYNTAX, SPAN_LITERAL("a") },
    { "a high surrogate before a letter",
      SPAN_LITERAL("\xff\xfe\x3d\xd8"
                   "a\0"),
      ST_SYNTAX, SPAN_LITERAL("") },
    { "two high surrogates", SPAN_LITERAL("\xff\xfe\xff\xdb\xff\xdb"), ST_SYNTAX,
      SPAN_LITERAL("") },
    { "a low surrogate first", SPAN_LITERAL("\xff\xfe\x42\xde\x3d\xd8"), ST_SYNTAX,
      SPAN_LITERAL("") },
    { "the last low surrogate alone", SPAN_LITERAL("\xfe\xff\xdf\xff"), ST_SYNTAX,
      SPAN_LITERAL("") },
};

static void test_utf16_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct buf text = { 0 };
        assert_true(utf16_is_marked(rows[i].bytes));
        const enum status status = utf16_decode(rows[i].bytes, &text);
        if (status != rows[i].want || !span_equal(buf_span(&text), rows[i].text)) {
            fail_msg("%s: status %d, %zu bytes", rows[i].name, (int)status, text.len);
        }
        buf_fini(&text);
    }
}

static void test_utf16_other_text_has_no_mark(void **state)
{
    (void)state;
    assert_false(utf16_is_marked(SPAN_LITERAL("")));
    assert_false(utf16_is_marked(SPAN_LITERAL("\xff")));
    assert_false(utf16_is_marked(SPAN_LITERAL("\xef\xbb\xbf")));
    assert_false(utf16_is_marked(SPAN_LITERAL("a\0")));
}

static void append_unit(struct buf *bytes, uint32_t unit, bool is_big_endian)
{
    buf_append_char(bytes, (char)(is_big_endian ? unit >> 8 : unit));
    buf_append_char(bytes, (char)(is_big_endian ? unit : unit >> 8));
}

/* The decoded value of one UTF-8 sequence. */
static uint32_t code_point_of(struct span text)
{
    static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    uint32_t c = (unsigned char)text.at[0] & masks[text.len];
    for (size_t i = 1; i < text.len; i++) {
        c = c << 6 | ((unsigned char)text.at[i] & 0x3f);
    }
    return c;
}

static void test_utf16_every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c = c == 0xd7ff ? 0xe000 : c + 1) {
        struct buf bytes = { 0 };
        struct buf text = { 0 };
        const bool is_big_endian = c % 2 == 0;
        append_unit(&bytes, 0xfeff, is_big_endian);
        if (c < 0x10000) {
            append_unit(&bytes, c, is_big_endian);
        } else {
            append_unit(&bytes, 0xd800 + ((c - 0x10000) >> 10), is_big_endian);
            append_unit(&bytes, 0xdc00 + ((c - 0x10000) & 0x3ff), is_big_endian);
        }
        if (utf16_decode(buf_span(&bytes), &text) != ST_OK ||
            utf8_sequence_len(buf_span(&text)) != text.len || code_point_of(buf_span(&text)) != c) {
            fail_msg("U+%04X", (unsigned)c);
        }
        buf_fini(&bytes);
        buf_fini(&text);
    }
}

static void test_utf16_memory_runs_out(void **state)
{
    (void)state;
    struct buf text = { 0 };
    if (alloc_fail_is_available()) {
        alloc_fail_arm(1);
        const enum status status = utf16_decode(SPAN_LITERAL("\xff\xfe"
                                                             "a\0"),
                                                &text);
        assert_true(alloc_fail_disarm());
        assert_int_equal(status, ST_NOMEM);
    }
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf16_rows),
        cmocka_unit_test(test_utf16_other_text_has_no_mark),
        cmocka_unit_test(test_utf16_every_code_point),
        cmocka_unit_test(test_utf16_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
