/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-16: every code point in both orders, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "document/utf16.h"
#include "support/alloc_fail.h"

#define FFFD "\xef\xbf\xbd"

static const struct {
    const char *name;
    struct span bytes;
    struct span text;
    size_t damage;
} rows[] = {
    { "a mark alone", SPAN_LITERAL("\xff\xfe"), SPAN_LITERAL(""), 0 },
    { "a mark alone, big-endian", SPAN_LITERAL("\xfe\xff"), SPAN_LITERAL(""), 0 },
    { "letters", SPAN_LITERAL("\xff\xfe\x61\0\xe9\0"), SPAN_LITERAL("a\xc3\xa9"), 3 },
    { "letters, big-endian", SPAN_LITERAL("\xfe\xff\0a\0\xe9"), SPAN_LITERAL("a\xc3\xa9"), 3 },
    { "a pair", SPAN_LITERAL("\xff\xfe\x3d\xd8\x42\xde"), SPAN_LITERAL("\xf0\x9f\x99\x82"), 4 },
    { "a second mark is a character", SPAN_LITERAL("\xff\xfe\xff\xfe"),
      SPAN_LITERAL("\xef\xbb\xbf"), 3 },
    { "NUL", SPAN_LITERAL("\xff\xfe\0\0"), SPAN_LITERAL("\0"), 1 },
    { "U+FFFD itself is no damage", SPAN_LITERAL("\xff\xfe\xfd\xff"), SPAN_LITERAL(FFFD), 3 },
    { "half a unit", SPAN_LITERAL("\xff\xfe\x61\0b"), SPAN_LITERAL("a" FFFD), 1 },
    { "a high surrogate at the end", SPAN_LITERAL("\xff\xfe\x61\0\x3d\xd8"), SPAN_LITERAL("a" FFFD),
      1 },
    { "a high surrogate and half a unit", SPAN_LITERAL("\xff\xfe\x61\0\x3d\xd8\x42"),
      SPAN_LITERAL("a" FFFD FFFD), 1 },
    { "a high surrogate before a letter", SPAN_LITERAL("\xff\xfe\x3d\xd8\x61\0"),
      SPAN_LITERAL(FFFD "a"), 0 },
    { "two high surrogates", SPAN_LITERAL("\xff\xfe\xff\xdb\xff\xdb"), SPAN_LITERAL(FFFD FFFD), 0 },
    { "a low surrogate first", SPAN_LITERAL("\xff\xfe\x61\0\x42\xde\x3d\xd8"),
      SPAN_LITERAL("a" FFFD FFFD), 1 },
    { "the last low surrogate alone", SPAN_LITERAL("\xfe\xff\xdf\xff"), SPAN_LITERAL(FFFD), 0 },
};

static void test_utf16_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct buf text = { 0 };
        size_t damage = 99;
        assert_true(utf16_is_marked(rows[i].bytes));
        utf16_decode(rows[i].bytes, &text, &damage);
        if (text.failed || !span_equal(buf_span(&text), rows[i].text) || damage != rows[i].damage) {
            fail_msg("%s: %zu bytes, damage at %zu", rows[i].name, text.len, damage);
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
        size_t damage;
        utf16_decode(buf_span(&bytes), &text, &damage);
        if (text.failed || damage != text.len || utf8_sequence_len(buf_span(&text)) != text.len ||
            code_point_of(buf_span(&text)) != c) {
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
    size_t damage;
    if (alloc_fail_is_available()) {
        alloc_fail_arm(1);
        utf16_decode(SPAN_LITERAL("\xff\xfe\x61\0"), &text, &damage);
        assert_true(alloc_fail_disarm());
        assert_true(text.failed);
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
