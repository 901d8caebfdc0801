/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers: growth, the limit, sticky failure, and JSON strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static const struct {
    const char *name;
    struct span text;
    const char *want;
} json_rows[] = {
    { "plain", SPAN_LITERAL("abc"), "\"abc\"" },
    { "empty", SPAN_LITERAL(""), "\"\"" },
    { "quote and backslash", SPAN_LITERAL("a\"b\\c"), "\"a\\\"b\\\\c\"" },
    { "controls", SPAN_LITERAL("\n\r\t\x01\x1f\x7f"), "\"\\n\\r\\t\\u0001\\u001f\\u007f\"" },
    { "NUL inside", SPAN_LITERAL("a\0b"), "\"a\\u0000b\"" },
    { "UTF-8 stays", SPAN_LITERAL("\xc3\xa9\xf0\x9f\x99\x82"), "\"\xc3\xa9\xf0\x9f\x99\x82\"" },
    { "invalid bytes are replaced one by one", SPAN_LITERAL("a\xff\xc3"), "\"a\\ufffd\\ufffd\"" },
    { "overlong slash is replaced", SPAN_LITERAL("\xc0\xaf"), "\"\\ufffd\\ufffd\"" },
    { "surrogate is replaced", SPAN_LITERAL("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"" },
};

static void test_buf_json_string_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(json_rows); i++) {
        struct buf buf = { 0 };
        buf_append_json_string(&buf, json_rows[i].text);
        buf_append_char(&buf, '\0');
        assert_false(buf.failed);
        assert_string_equal(buf.at, json_rows[i].want);
        buf_fini(&buf);
    }
}

/* As the rows say, and a byte at a time. */
static void append_as_a_beginner_would(struct buf *buf, unsigned char c)
{
    if (c == '"' || c == '\\') {
        buf_printf(buf, "\\%c", c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
        buf_append_text(buf, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    } else if (c >= 0x80) {
        buf_append_text(buf, "\\ufffd"); /* alone it is no UTF-8 */
    } else if (c < 0x20 || c == 0x7f) {
        buf_printf(buf, "\\u%04x", c);
    } else {
        buf_append_char(buf, (char)c);
    }
}

static void test_buf_json_string_looks_at_every_byte_of_a_word(void **state)
{
    (void)state;
    for (size_t place = 0; place < 17; place++) {
        for (unsigned c = 0; c < 256; c++) {
            char text[] = "abcdefghijklmnopq";
            struct buf buf = { 0 };
            struct buf want = { 0 };
            text[place] = (char)c;
            buf_append_json_string(&buf, (struct span){ text, 17 });
            buf_append_char(&want, '"');
            for (size_t i = 0; i < 17; i++) {
                append_as_a_beginner_would(&want, (unsigned char)text[i]);
            }
            buf_append_char(&want, '"');
            assert_int_equal(buf.len, want.len);
            assert_memory_equal(buf.at, want.at, want.len);
            buf_fini(&buf);
            buf_fini(&want);
        }
    }
}

static void test_buf_past_max_len_fails_and_stays_failed(void **state)
{
    (void)state;
    struct buf buf = { .max_len = 4 };
    buf_append_text(&buf, "1234");
    assert_false(buf.failed);
    buf_append_char(&buf, '5');
    assert_true(buf.failed);
    assert_int_equal(buf.len, 4);
    buf_clear(&buf);
    buf_append_text(&buf, "12");
    assert_false(buf.failed);
    buf_fini(&buf);
}

static void test_buf_printf_grows(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    for (int i = 0; i < 1000; i++) {
        buf_printf(&buf, "%04d", i);
    }
    assert_false(buf.failed);
    assert_int_equal(buf.len, 4000);
    assert_memory_equal(buf.at + 3996, "0999", 4);
    buf_fini(&buf);
}

/* Who counts memory asks beforehand what it will be. */
static void test_buf_cap_for_says_what_appending_makes_of_it(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    assert_int_equal(buf_cap_for(&buf, 0), 0);
    for (size_t n = 1; n < 5000; n = n * 3 + 1) {
        const size_t cap = buf_cap_for(&buf, n);
        assert_true(buf_reserve(&buf, n));
        assert_int_equal(buf.cap, cap);
        buf.len += n;
    }
    assert_true(buf_cap_for(&buf, SIZE_MAX) == SIZE_MAX);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_cap_for_says_what_appending_makes_of_it),
        cmocka_unit_test(test_buf_json_string_rows),
        cmocka_unit_test(test_buf_json_string_looks_at_every_byte_of_a_word),
        cmocka_unit_test(test_buf_past_max_len_fails_and_stays_failed),
        cmocka_unit_test(test_buf_printf_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
