/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: every code point, and what is next to the table of RFC 3629 section 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/utf8.h"

static const struct {
    const char *name;
    struct span text;
    size_t want;
} rows[] = {
    { "nothing", SPAN_LITERAL(""), 0 },
    { "NUL is a character", SPAN_LITERAL("\0"), 1 },
    { "letter", SPAN_LITERAL("a"), 1 },
    { "only the first sequence counts", SPAN_LITERAL("a\xff"), 1 },
    { "DEL", SPAN_LITERAL("\x7f"), 1 },
    { "continuation byte alone", SPAN_LITERAL("\x80"), 0 },
    { "last continuation byte alone", SPAN_LITERAL("\xbf"), 0 },
    { "overlong with c0", SPAN_LITERAL("\xc0\x80"), 0 },
    { "overlong with c1", SPAN_LITERAL("\xc1\xbf"), 0 },
    { "U+0080, first of two bytes", SPAN_LITERAL("\xc2\x80"), 2 },
    { "U+07FF, last of two bytes", SPAN_LITERAL("\xdf\xbf"), 2 },
    { "two bytes, second is ASCII", SPAN_LITERAL("\xc3("), 0 },
    { "two bytes, second is a first byte", SPAN_LITERAL("\xc3\xc0"), 0 },
    { "two bytes, cut", SPAN_LITERAL("\xc3"), 0 },
    { "overlong with e0", SPAN_LITERAL("\xe0\x9f\xbf"), 0 },
    { "U+0800, first of three bytes", SPAN_LITERAL("\xe0\xa0\x80"), 3 },
    { "U+D7FF, last before the surrogates", SPAN_LITERAL("\xed\x9f\xbf"), 3 },
    { "U+D800, first surrogate", SPAN_LITERAL("\xed\xa0\x80"), 0 },
    { "U+DFFF, last surrogate", SPAN_LITERAL("\xed\xbf\xbf"), 0 },
    { "U+E000, first behind the surrogates", SPAN_LITERAL("\xee\x80\x80"), 3 },
    { "three bytes, third is ASCII", SPAN_LITERAL("\xe2\x82x"), 0 },
    { "three bytes, cut", SPAN_LITERAL("\xe2\x82"), 0 },
    { "overlong with f0", SPAN_LITERAL("\xf0\x8f\xbf\xbf"), 0 },
    { "U+10000, first of four bytes", SPAN_LITERAL("\xf0\x90\x80\x80"), 4 },
    { "U+10FFFF, the last", SPAN_LITERAL("\xf4\x8f\xbf\xbf"), 4 },
    { "U+110000, one too far", SPAN_LITERAL("\xf4\x90\x80\x80"), 0 },
    { "four bytes, fourth is ASCII", SPAN_LITERAL("\xf0\x9f\x99x"), 0 },
    { "four bytes, cut", SPAN_LITERAL("\xf0\x9f\x99"), 0 },
    { "first byte f5", SPAN_LITERAL("\xf5\x80\x80\x80"), 0 },
    { "first byte ff", SPAN_LITERAL("\xff"), 0 },
};

static void test_utf8_text_is_valid_to_its_end(void **state)
{
    (void)state;
    assert_true(utf8_is_valid(SPAN_LITERAL("")));
    assert_true(utf8_is_valid(SPAN_LITERAL("a\0\xc3\xa9\xf0\x9f\x98\x80")));
    assert_false(utf8_is_valid(SPAN_LITERAL("a\xc3\xa9\xff")));
    assert_false(utf8_is_valid(SPAN_LITERAL("a\xc3")));
}

static void test_utf8_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const size_t got = utf8_sequence_len(rows[i].text);
        if (got != rows[i].want) {
            fail_msg("%s: %zu instead of %zu", rows[i].name, got, rows[i].want);
        }
    }
}

/* Encoding by the bit pattern alone: it also makes surrogates and U+110000 and up. */
static size_t encode(uint32_t code, char ret_text[static 4])
{
    const size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = len - 1; i > 0; i--) {
        ret_text[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    ret_text[0] = (char)(first[len] | code);
    return len;
}

static void test_utf8_every_code_point(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x1fffff; code++) {
        char text[4];
        const size_t len = encode(code, text);
        const bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        const size_t got = utf8_sequence_len((struct span){ .at = text, .len = len });
        if (got != (valid ? len : 0)) {
            fail_msg("U+%04X: %zu", (unsigned)code, got);
        }
        if (len > 1 && utf8_sequence_len((struct span){ .at = text, .len = len - 1 }) != 0) {
            fail_msg("U+%04X, cut: accepted", (unsigned)code);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_rows),
        cmocka_unit_test(test_utf8_text_is_valid_to_its_end),
        cmocka_unit_test(test_utf8_every_code_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
