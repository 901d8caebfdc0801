/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON scanner: the grammar of RFC 8259 at its edges, decoding, positions, and the calls. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "document/json_scan.h"
#include "support/json_oracle.h"

#define VECTOR_MAX_BYTES 1048576 /* the largest of the public vectors has 250 KB */

/* A heap copy without a byte to spare, so that AddressSanitizer sees a read past the end. */
static char *copy_of(struct span text)
{
    char *copy = malloc(text.len ? text.len : 1);
    assert_non_null(copy);
    if (text.len) {
        memcpy(copy, text.at, text.len);
    }
    return copy;
}

/* Skip one value and expect the end. @ret_offset: of the error */
static enum status skip_whole(struct span text,
                              struct problem *reterr_problem,
                              size_t *reterr_offset)
{
    char *copy = copy_of(text);
    struct json_scan scan;
    json_scan_begin(&scan, copy, text.len);
    const bool skipped = json_scan_skip(&scan);
    const enum status status = json_scan_end(&scan);
    assert_true(skipped || status != ST_OK);
    if (status != ST_OK) {
        json_scan_problem(&scan, reterr_problem);
        *reterr_offset = (size_t)(scan.error_at - copy);
    }
    free(copy);
    return status;
}

#define OK                ST_OK, 0, 0
#define BAD(line, column) ST_SYNTAX, line, column

static const struct {
    const char *name;
    struct span text;
    enum status want;
    unsigned line;
    unsigned column;
} grammar_rows[] = {
    { "null", SPAN_LITERAL("null"), OK },
    { "true", SPAN_LITERAL("true"), OK },
    { "false", SPAN_LITERAL("false"), OK },
    { "white space of all four sorts", SPAN_LITERAL(" \t\r\n1\n\r\t "), OK },
    { "empty object", SPAN_LITERAL("{}"), OK },
    { "empty array", SPAN_LITERAL("[ ]"), OK },
    { "nested", SPAN_LITERAL("{\"a\":[1,{\"b\":null},[]],\"c\":{}}"), OK },
    { "empty key", SPAN_LITERAL("{\"\":0}"), OK },
    { "nothing", SPAN_LITERAL(""), BAD(1, 1) },
    { "white space only", SPAN_LITERAL(" \n "), BAD(2, 2) },
    { "NUL", SPAN_LITERAL("\0"), BAD(1, 1) },
    { "NUL behind the value", SPAN_LITERAL("1\0"), BAD(1, 1) },
    { "NUL behind white space", SPAN_LITERAL("1 \0"), BAD(1, 3) },
    { "NUL between values", SPAN_LITERAL("[1,\0 2]"), BAD(1, 4) },
    { "byte order mark", SPAN_LITERAL("\xef\xbb\xbf{}"), BAD(1, 1) },
    { "no-break space", SPAN_LITERAL("\xc2\xa0{}"), BAD(1, 1) },
    { "form feed is no white space", SPAN_LITERAL("\f{}"), BAD(1, 1) },
    { "vertical tab is no white space", SPAN_LITERAL("[1,\v2]"), BAD(1, 4) },
    { "word cut", SPAN_LITERAL("nul"), BAD(1, 1) },
    { "word too long", SPAN_LITERAL("nullx"), BAD(1, 1) },
    { "word in capitals", SPAN_LITERAL("True"), BAD(1, 1) },
    { "true with another end", SPAN_LITERAL("[trux]"), BAD(1, 2) },
    { "false cut", SPAN_LITERAL("[fals]"), BAD(1, 2) },
    { "comment", SPAN_LITERAL("/* */ 1"), BAD(1, 1) },
    { "two values", SPAN_LITERAL("{} {}"), BAD(1, 4) },
    { "closing brace too many", SPAN_LITERAL("{}}"), BAD(1, 3) },
    { "comma at the end of an array", SPAN_LITERAL("[1,]"), BAD(1, 4) },
    { "comma at the start of an array", SPAN_LITERAL("[,1]"), BAD(1, 2) },
    { "comma twice", SPAN_LITERAL("[1,,2]"), BAD(1, 4) },
    { "comma forgotten in an array", SPAN_LITERAL("[1 2]"), BAD(1, 4) },
    { "comma at the end of an object", SPAN_LITERAL("{\"a\":1,}"), BAD(1, 8) },
    { "comma at the start of an object", SPAN_LITERAL("{,\"a\":1}"), BAD(1, 2) },
    { "comma forgotten in an object", SPAN_LITERAL("{\"a\":1 \"b\":2}"), BAD(1, 8) },
    { "colon forgotten", SPAN_LITERAL("{\"a\" 1}"), BAD(1, 6) },
    { "colon twice", SPAN_LITERAL("{\"a\"::1}"), BAD(1, 6) },
    { "value forgotten", SPAN_LITERAL("{\"a\":}"), BAD(1, 6) },
    { "key without quotes", SPAN_LITERAL("{a:1}"), BAD(1, 2) },
    { "key in single quotes", SPAN_LITERAL("{'a':1}"), BAD(1, 2) },
    { "key is a number", SPAN_LITERAL("{1:1}"), BAD(1, 2) },
    { "array closed as an object", SPAN_LITERAL("[1}"), BAD(1, 3) },
    { "object closed as an array", SPAN_LITERAL("{\"a\":1]"), BAD(1, 7) },
    { "inner array closed as an object", SPAN_LITERAL("{\"a\":[1}]"), BAD(1, 8) },
    { "array not closed", SPAN_LITERAL("[1"), BAD(1, 3) },
    { "array not closed behind a comma", SPAN_LITERAL("[1,"), BAD(1, 4) },
    { "object not closed", SPAN_LITERAL("{\"a\":1"), BAD(1, 7) },
    { "object not closed behind the key", SPAN_LITERAL("{\"a\""), BAD(1, 5) },
    { "object not closed behind the colon", SPAN_LITERAL("{\"a\":"), BAD(1, 6) },
    { "string not closed", SPAN_LITERAL("\"abc"), BAD(1, 5) },
    { "string ends in a backslash and a quote", SPAN_LITERAL("\"ab\\\""), BAD(1, 6) },
    { "text ends in a backslash", SPAN_LITERAL("\"ab\\"), BAD(1, 4) },
    { "text ends in an escape", SPAN_LITERAL("\"ab\\u12"), BAD(1, 4) },
    { "text ends behind a high surrogate", SPAN_LITERAL("\"\\ud800"), BAD(1, 8) },
    { "text ends in the second half of a pair", SPAN_LITERAL("\"\\ud800\\"), BAD(1, 8) },
    { "text ends in a UTF-8 sequence", SPAN_LITERAL("\"ab\xf0\x9f"), BAD(1, 4) },
    { "only a quote", SPAN_LITERAL("\""), BAD(1, 2) },
    { "error on line 3", SPAN_LITERAL("{\n \"a\": 1,\n  x}"), BAD(3, 3) },
    { "carriage return is no new line", SPAN_LITERAL("[\r1,\rx]"), BAD(1, 6) },
    { "escaped newlines are no lines", SPAN_LITERAL("[\"\\n\\n\",\n\"\\n\", x]"), BAD(2, 7) },
    { "column is of the text, not of what it decodes to", SPAN_LITERAL("[\"\\u0041\\u0042\", x]"),
      BAD(1, 18) },
};

static const struct {
    const char *text;
    bool want;
} number_rows[] = {
    { "0", true },
    { "-0", true },
    { "1", true },
    { "10", true },
    { "-12", true },
    { "0.0", true },
    { "1.5", true },
    { "1e5", true },
    { "1E+5", true },
    { "1e-05", true },
    { "0e0", true },
    { "1.25E-3", true },
    { "1e999", true },
    { "-0.0", true },
    { "99999999999999999999999", true },
    { "-", false },
    { "+1", false },
    { "01", false },
    { "-01", false },
    { "00", false },
    { ".5", false },
    { "-.5", false },
    { "1.", false },
    { "1.e5", false },
    { "1e", false },
    { "1e+", false },
    { "1e+-5", false },
    { "1e5.5", false },
    { "1.2.3", false },
    { "--1", false },
    { "1-", false },
    { "0x10", false },
    { "1_000", false },
    { "1a", false },
    { "NaN", false },
    { "Infinity", false },
    { "-Infinity", false },
    { "1\xef\xbc\x91", false },
};

static const struct {
    const char *name;
    struct span text; /* between the quotes */
    struct span want; /* at NULL: refused */
    unsigned column;  /* then: of the error */
} string_rows[] = {
    { "empty", SPAN_LITERAL(""), SPAN_LITERAL(""), 0 },
    { "plain", SPAN_LITERAL("abc"), SPAN_LITERAL("abc"), 0 },
    { "DEL and the printable edges", SPAN_LITERAL(" ~\x7f!#[]"), SPAN_LITERAL(" ~\x7f!#[]"), 0 },
    { "all short escapes", SPAN_LITERAL("\\\"\\\\\\/\\b\\f\\n\\r\\t"),
      SPAN_LITERAL("\"\\/\b\f\n\r\t"), 0 },
    { "escape first", SPAN_LITERAL("\\n0123456789"), SPAN_LITERAL("\n0123456789"), 0 },
    { "escape last", SPAN_LITERAL("0123456789\\n"), SPAN_LITERAL("0123456789\n"), 0 },
    { "runs between escapes", SPAN_LITERAL("abcdefghijk\\tlmnopqrstuv\\twxyz"),
      SPAN_LITERAL("abcdefghijk\tlmnopqrstuv\twxyz"), 0 },
    { "NUL escape", SPAN_LITERAL("a\\u0000b"), SPAN_LITERAL("a\0b"), 0 },
    { "ASCII escape, both cases", SPAN_LITERAL("\\u004A\\u004a"), SPAN_LITERAL("JJ"), 0 },
    { "two bytes", SPAN_LITERAL("\\u0080\\u07fF"), SPAN_LITERAL("\xc2\x80\xdf\xbf"), 0 },
    { "three bytes", SPAN_LITERAL("\\u0800\\uFFFF\\ud7ff\\ue000"),
      SPAN_LITERAL("\xe0\xa0\x80\xef\xbf\xbf\xed\x9f\xbf\xee\x80\x80"), 0 },
    { "first surrogate pair", SPAN_LITERAL("\\ud800\\udc00"), SPAN_LITERAL("\xf0\x90\x80\x80"), 0 },
    { "last surrogate pair", SPAN_LITERAL("\\uDBFF\\uDFFF"), SPAN_LITERAL("\xf4\x8f\xbf\xbf"), 0 },
    { "pair whose low 16 bits look like a surrogate", SPAN_LITERAL("\\ud876\\udcd6"),
      SPAN_LITERAL("\xf0\xad\xa3\x96"), 0 },
    { "high surrogate alone", SPAN_LITERAL("\\ud800"), SPAN_LITERAL("\xef\xbf\xbd"), 0 },
    { "high surrogate, then text", SPAN_LITERAL("\\udbffx"), SPAN_LITERAL("\xef\xbf\xbdx"), 0 },
    { "low surrogate alone", SPAN_LITERAL("\\udc00"), SPAN_LITERAL("\xef\xbf\xbd"), 0 },
    { "high surrogate, then another escape", SPAN_LITERAL("\\ud800\\n"),
      SPAN_LITERAL("\xef\xbf\xbd\n"), 0 },
    { "high surrogate, then a letter's escape", SPAN_LITERAL("\\ud800\\u0041"),
      SPAN_LITERAL("\xef\xbf\xbd"
                   "A"),
      0 },
    { "high, high, low", SPAN_LITERAL("\\ud800\\ud83d\\ude42"),
      SPAN_LITERAL("\xef\xbf\xbd\xf0\x9f\x99\x82"), 0 },
    { "low, low: not a pair", SPAN_LITERAL("\\udc00\\udc00"),
      SPAN_LITERAL("\xef\xbf\xbd\xef\xbf\xbd"), 0 },
    { "high, then the first behind the surrogates", SPAN_LITERAL("\\ud800\\ue000"),
      SPAN_LITERAL("\xef\xbf\xbd\xee\x80\x80"), 0 },
    { "low, high: not a pair", SPAN_LITERAL("\\udc00\\ud800"),
      SPAN_LITERAL("\xef\xbf\xbd\xef\xbf\xbd"), 0 },
    { "UTF-8 stays", SPAN_LITERAL("\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"),
      SPAN_LITERAL("\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"), 0 },
    { "UTF-8 moves behind an escape", SPAN_LITERAL("\\n\xc3\xa9\\n\xf0\x9f\x99\x82z"),
      SPAN_LITERAL("\n\xc3\xa9\n\xf0\x9f\x99\x82z"), 0 },
    { "raw newline", SPAN_LITERAL("ab\ncd"), { .at = NULL }, 4 },
    { "raw tab", SPAN_LITERAL("\t"), { .at = NULL }, 2 },
    { "raw NUL", SPAN_LITERAL("a\0"), { .at = NULL }, 3 },
    { "raw U+001F", SPAN_LITERAL("0123456789\x1f"), { .at = NULL }, 12 },
    { "unknown escape", SPAN_LITERAL("\\a"), { .at = NULL }, 2 },
    { "escape of a single quote", SPAN_LITERAL("\\'"), { .at = NULL }, 2 },
    { "capital escape", SPAN_LITERAL("\\N"), { .at = NULL }, 2 },
    { "escaped NUL byte", SPAN_LITERAL("\\\0"), { .at = NULL }, 2 },
    { "hexadecimal escape", SPAN_LITERAL("\\x41"), { .at = NULL }, 2 },
    { "capital U", SPAN_LITERAL("\\U0041"), { .at = NULL }, 2 },
    { "three digits", SPAN_LITERAL("\\u004"), { .at = NULL }, 2 },
    { "digit g", SPAN_LITERAL("\\u004g"), { .at = NULL }, 2 },
    { "digit below 0", SPAN_LITERAL("\\u004/"), { .at = NULL }, 2 },
    { "digit above 9", SPAN_LITERAL("\\u004:"), { .at = NULL }, 2 },
    { "digit below A", SPAN_LITERAL("\\u004@"), { .at = NULL }, 2 },
    { "digit that folds to a letter's place", SPAN_LITERAL("\\u004\x01"), { .at = NULL }, 2 },
    { "high surrogate, then a broken escape", SPAN_LITERAL("\\ud800\\u12"), { .at = NULL }, 8 },
    { "overlong slash", SPAN_LITERAL("a\xc0\xaf"), { .at = NULL }, 3 },
    { "surrogate in UTF-8", SPAN_LITERAL("\xed\xa0\x80"), { .at = NULL }, 2 },
    { "above U+10FFFF", SPAN_LITERAL("\xf4\x90\x80\x80"), { .at = NULL }, 2 },
    { "continuation byte alone", SPAN_LITERAL("0123456789\x80"), { .at = NULL }, 12 },
    { "sequence cut by the quote", SPAN_LITERAL("\xf0\x9f\x99"), { .at = NULL }, 2 },
    { "error behind an escape keeps its column", SPAN_LITERAL("\\u0041\xff"), { .at = NULL }, 8 },
};

static void test_json_scan_grammar_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(grammar_rows); i++) {
        struct problem problem = { 0 };
        size_t offset = 0;
        const enum status got = skip_whole(grammar_rows[i].text, &problem, &offset);
        if (got != grammar_rows[i].want || problem.status != got ||
            problem.line != grammar_rows[i].line || problem.column != grammar_rows[i].column) {
            fail_msg("%s: %s at %u:%u (%s)", grammar_rows[i].name, status_label(got), problem.line,
                     problem.column, problem.text);
        }
    }
}

/* Alone, and inside an array, where something follows. */
static void test_json_scan_number_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(number_rows); i++) {
        static const char *const formats[] = { "%s", "[%s]", "[%s,1]", "{\"a\":%s}", " %s " };
        for (size_t j = 0; j < COUNTOF(formats); j++) {
            char text[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            (void)snprintf(text, sizeof(text), formats[j], number_rows[i].text);
#pragma GCC diagnostic pop
            struct problem problem = { 0 };
            size_t offset = 0;
            const enum status got = skip_whole(span_of(text), &problem, &offset);
            if ((got == ST_OK) != number_rows[i].want) {
                fail_msg("%s: %s", text, status_label(got));
            }
        }
    }
}

/* As a value and as a key. */
static void check_string(size_t row, bool as_key)
{
    const struct span text = string_rows[row].text;
    const struct span want = string_rows[row].want;
    char buffer[128];
    const int len = snprintf(buffer, sizeof(buffer), "%s\"", as_key ? "{" : "");
    size_t at = (size_t)len;
    memcpy(buffer + at, text.at, text.len);
    at += text.len;
    const struct span tail = as_key ? SPAN_LITERAL("\":1}") : SPAN_LITERAL("\"");
    memcpy(buffer + at, tail.at, tail.len);
    at += tail.len;

    char *copy = copy_of((struct span){ .at = buffer, .len = at });
    struct json_scan scan;
    json_scan_begin(&scan, copy, at);
    struct span got = { 0 };
    const bool ok = as_key ? json_scan_object(&scan) && json_scan_member(&scan, &got)
                           : json_scan_string(&scan, &got);
    if (ok != (want.at != NULL)) {
        fail_msg("%s: %s", string_rows[row].name, ok ? "accepted" : "refused");
    }
    if (ok && !span_equal(got, want)) {
        fail_msg("%s: decoded to other bytes", string_rows[row].name);
    }
    if (!ok) {
        struct problem problem;
        json_scan_problem(&scan, &problem);
        const unsigned column = string_rows[row].column + (as_key ? 1 : 0);
        if (problem.column != column) {
            fail_msg("%s: column %u instead of %u", string_rows[row].name, problem.column, column);
        }
        assert_null(got.at); /* written on success only */
        assert_int_equal(json_scan_end(&scan), ST_SYNTAX);
    }
    free(copy);
}

static void test_json_scan_string_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(string_rows); i++) {
        check_string(i, false);
        check_string(i, true);
    }
}

/* Eight bytes are looked at together: put each byte at each place of two words and a rest. */
static void test_json_scan_string_every_byte_at_every_place(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t place = 0; place < 20; place++) {
            char text[24] = "\"abcdefghijklmnopqrstu\"";
            const size_t len = sizeof(text) - 1;
            text[1 + place] = (char)byte;
            struct problem problem = { 0 };
            size_t offset = 0;
            const enum status got =
                skip_whole((struct span){ .at = text, .len = len }, &problem, &offset);
            const bool plain = byte >= 0x20 && byte < 0x80 && byte != '"';
            /* the letters behind a backslash that make a short escape */
            const bool escape = byte == '\\' && strchr("bfnrt\"", text[2 + place]) != NULL;
            const bool want = byte == '\\' ? escape : plain;
            if ((got == ST_OK) != want) {
                fail_msg("byte %02x at %zu: %s", byte, place, status_label(got));
            }
            if (byte >= 0x80 && offset != 1 + place) {
                fail_msg("byte %02x at %zu: error at %zu", byte, place, offset);
            }
        }
    }
}

/* @depth times [ or {"a": around a 1 */
static struct span nest(char *buffer, size_t depth, bool objects)
{
    char *at = buffer;
    for (size_t i = 0; i < depth; i++) {
        at = stpcpy(at, objects ? "{\"a\":" : "[");
    }
    *at++ = '1';
    for (size_t i = 0; i < depth; i++) {
        *at++ = objects ? '}' : ']';
    }
    return (struct span){ .at = buffer, .len = (size_t)(at - buffer) };
}

static void test_json_scan_depth_limit(void **state)
{
    (void)state;
    static char buffer[8 * (JSON_SCAN_MAX_DEPTH + 1)];
    for (int objects = 0; objects < 2; objects++) {
        struct problem problem = { 0 };
        size_t offset = 0;
        struct span text = nest(buffer, JSON_SCAN_MAX_DEPTH, objects);
        assert_int_equal(skip_whole(text, &problem, &offset), ST_OK);
        text = nest(buffer, JSON_SCAN_MAX_DEPTH + 1, objects);
        assert_int_equal(skip_whole(text, &problem, &offset), ST_LIMIT);
        assert_int_equal(offset, JSON_SCAN_MAX_DEPTH * (objects ? 5 : 1));
        assert_int_equal(problem.status, ST_LIMIT);
    }
}

/* The kinds of all open containers are remembered, not only the innermost. */
static void test_json_scan_mixed_nesting(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    size_t offset = 0;
    for (uint32_t kinds = 0; kinds < 1024; kinds++) {
        char text[128];
        char *at = text;
        for (unsigned i = 0; i < 10; i++) {
            at = stpcpy(at, kinds >> i & 1 ? "{\"k\":" : "[");
        }
        *at++ = '0';
        char *const closers = at;
        for (unsigned i = 10; i-- > 0;) {
            at = stpcpy(at, kinds >> i & 1 ? ",\"l\":1}" : ",2]");
        }
        assert_int_equal(
            skip_whole((struct span){ .at = text, .len = (size_t)(at - text) }, &problem, &offset),
            ST_OK);
        at[-1] = at[-1] == ']' ? '}' : ']';
        assert_int_equal(
            skip_whole((struct span){ .at = text, .len = (size_t)(at - text) }, &problem, &offset),
            ST_SYNTAX);
        assert_true(at > closers);
    }
}

static void test_json_scan_reads_members_and_elements(void **state)
{
    (void)state;
    char text[] = " { \"a\" : [ null , \"x\\ty\" , [] ] , \"b\" : { \"c\" : 1 } } ";
    struct json_scan scan;
    json_scan_begin(&scan, text, sizeof(text) - 1);
    struct span got;
    assert_int_equal(json_scan_peek(&scan), JSON_OBJECT);
    assert_true(json_scan_object(&scan));
    assert_true(json_scan_member(&scan, &got));
    assert_true(span_equal(got, SPAN_LITERAL("a")));
    assert_int_equal(json_scan_peek(&scan), JSON_ARRAY);
    assert_true(json_scan_array(&scan));
    assert_true(json_scan_element(&scan));
    assert_int_equal(json_scan_peek(&scan), JSON_NULL);
    assert_true(json_scan_null(&scan));
    assert_true(json_scan_element(&scan));
    assert_false(json_scan_null(&scan)); /* no error: a string comes next */
    assert_int_equal(json_scan_peek(&scan), JSON_STRING);
    assert_true(json_scan_string(&scan, &got));
    assert_true(span_equal(got, SPAN_LITERAL("x\ty")));
    assert_true(json_scan_element(&scan));
    assert_true(json_scan_skip(&scan));
    assert_false(json_scan_element(&scan));
    assert_true(json_scan_member(&scan, &got));
    assert_true(span_equal(got, SPAN_LITERAL("b")));
    assert_true(json_scan_object(&scan));
    assert_true(json_scan_member(&scan, &got));
    assert_int_equal(json_scan_peek(&scan), JSON_NUMBER);
    assert_true(json_scan_skip(&scan));
    assert_false(json_scan_member(&scan, &got));
    assert_false(json_scan_member(&scan, &got));
    assert_int_equal(json_scan_peek(&scan), JSON_NONE);
    assert_true(json_scan_finished(&scan));
    assert_int_equal(json_scan_end(&scan), ST_OK);
}

static void test_json_scan_other_kind_is_a_type_error(void **state)
{
    (void)state;
    static const char *const texts[] = { "null", "true", "12", "\"s\"", "[1]", "{\"a\":1}" };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        for (int want = -1; want < 3; want++) {
            char text[16];
            (void)snprintf(text, sizeof(text), "%s", texts[i]);
            struct json_scan scan;
            struct span ignored;
            json_scan_begin(&scan, text, strlen(text));
            const bool ok = want < 0    ? json_scan_number(&scan, &ignored)
                            : want == 0 ? json_scan_string(&scan, &ignored)
                            : want == 1 ? json_scan_array(&scan)
                                        : json_scan_object(&scan);
            assert_int_equal(ok, (int)i == want + 3);
            assert_int_equal(scan.status, ok ? ST_OK : ST_TYPE);
        }
    }
    char nothing[] = " ";
    struct json_scan scan;
    json_scan_begin(&scan, nothing, 1);
    assert_false(json_scan_object(&scan));
    assert_int_equal(json_scan_end(&scan), ST_SYNTAX);
}

static void test_json_scan_number_is_handed_out_as_written(void **state)
{
    (void)state;
    char text[] = "[ 0,-1.50e+07 ,12]";
    static const char *const wants[] = { "0", "-1.50e+07", "12" };
    struct json_scan scan;
    json_scan_begin(&scan, text, sizeof(text) - 1);
    assert_true(json_scan_array(&scan));
    for (size_t i = 0; i < COUNTOF(wants); i++) {
        struct span got;
        assert_true(json_scan_element(&scan));
        assert_true(json_scan_number(&scan, &got));
        assert_true(span_equal(got, span_of(wants[i])));
    }
    assert_false(json_scan_element(&scan));
    assert_int_equal(json_scan_end(&scan), ST_OK);
    char bad[] = "01";
    struct span got = { 0 };
    json_scan_begin(&scan, bad, sizeof(bad) - 1);
    assert_false(json_scan_number(&scan, &got));
    assert_int_equal(json_scan_end(&scan), ST_SYNTAX);
    assert_null(got.at);
}

static void test_json_scan_errors_stick(void **state)
{
    (void)state;
    char text[] = "{\"a\": 1, \"b\": [], \"c\": \"s\"}";
    struct json_scan scan;
    struct span got;
    json_scan_begin(&scan, text, sizeof(text) - 1);
    assert_true(json_scan_object(&scan));
    assert_true(json_scan_member(&scan, &got));
    got = (struct span){ 0 };
    assert_false(json_scan_string(&scan, &got));
    assert_false(json_scan_skip(&scan));
    assert_false(json_scan_null(&scan));
    assert_false(json_scan_member(&scan, &got));
    assert_false(json_scan_element(&scan));
    assert_false(json_scan_object(&scan));
    assert_false(json_scan_array(&scan));
    assert_false(json_scan_string(&scan, &got));
    assert_false(json_scan_number(&scan, &got));
    assert_false(json_scan_fail(&scan, ST_LIMIT, "something else"));
    assert_int_equal(json_scan_peek(&scan), JSON_NONE);
    assert_true(json_scan_finished(&scan));
    assert_int_equal(json_scan_end(&scan), ST_TYPE);
    assert_null(got.at);
    struct problem problem = { 0 };
    json_scan_problem(&scan, &problem);
    assert_int_equal(problem.status, ST_TYPE);
    assert_int_equal(problem.line, 1);
    assert_int_equal(problem.column, 7);
    assert_string_equal(problem.text, "expected a string");
}

static void test_json_scan_fail_reports_the_callers_words(void **state)
{
    (void)state;
    char text[] = "[1,\n 2]";
    struct json_scan scan;
    json_scan_begin(&scan, text, sizeof(text) - 1);
    assert_true(json_scan_array(&scan));
    assert_true(json_scan_element(&scan));
    assert_true(json_scan_skip(&scan));
    assert_false(json_scan_fail(&scan, ST_LIMIT, "one element"));
    assert_int_equal(json_scan_end(&scan), ST_LIMIT);
    struct problem problem = { 0 };
    json_scan_problem(&scan, &problem);
    assert_string_equal(problem.text, "expected one element");
    assert_int_equal(problem.column, 3);
}

static void test_json_scan_end_inside_a_container_is_an_error(void **state)
{
    (void)state;
    char text[] = "[";
    struct json_scan scan;
    json_scan_begin(&scan, text, 1);
    assert_true(json_scan_array(&scan));
    assert_int_equal(json_scan_end(&scan), ST_SYNTAX);
}

static void test_json_scan_values_in_a_row(void **state)
{
    (void)state;
    char text[] = "{}[] \"a\"\n";
    struct json_scan scan;
    json_scan_begin(&scan, text, sizeof(text) - 1);
    int count = 0;
    while (!json_scan_finished(&scan)) {
        assert_true(json_scan_skip(&scan));
        count++;
    }
    assert_int_equal(count, 3);
    assert_int_equal(json_scan_end(&scan), ST_OK);
}

static void test_json_scan_says_that_the_text_ends(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    size_t offset = 0;
    assert_int_equal(skip_whole(SPAN_LITERAL("{\"a\":"), &problem, &offset), ST_SYNTAX);
    assert_string_equal(problem.text, "expected a value, but the text ends here");
}

static size_t read_file(const char *path, char *ret_text)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("cannot open %s", path);
        return 0;
    }
    const size_t len = fread(ret_text, 1, VECTOR_MAX_BYTES, file);
    assert_true(len < VECTOR_MAX_BYTES);
    (void)fclose(file); /* only read */
    return len;
}

/* y_: must be accepted, n_: must not, i_: either, but json-c and we see the same in it. */
static void check_vector(const char *name, struct span text)
{
    struct problem problem = { 0 };
    size_t offset = 0;
    const bool accepted = skip_whole(text, &problem, &offset) == ST_OK;
    if ((name[0] == 'y' && !accepted) || (name[0] == 'n' && accepted)) {
        fail_msg("%s: %s (%s)", name, accepted ? "accepted" : "refused", problem.text);
    }
    char *copy = copy_of(text);
    struct json_scan scan;
    json_scan_begin(&scan, copy, text.len);
    json_object *root = NULL;
    const bool oracle_accepts = json_oracle_parse(text, &root);
    if (accepted && !oracle_accepts) {
        fail_msg("%s: json-c refuses what we accept", name);
    } else if (accepted) {
        if (json_oracle_is_comparable(text) && !json_oracle_same(&scan, root)) {
            fail_msg("%s: json-c decodes it to something else", name);
        }
    } else {
        (void)json_scan_skip(&scan); /* for the error: the status was checked above */
        if (oracle_accepts && !json_oracle_is_lax(text, offset, &scan)) {
            fail_msg("%s: json-c accepts what we refuse (%s)", name, problem.text);
        }
    }
    json_object_put(root);
    free(copy);
}

static void test_json_scan_public_vectors(void **state)
{
    (void)state;
    static char text[VECTOR_MAX_BYTES];
    const char *vectors = getenv("KB_VECTORS");
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/json", vectors ? vectors : "");
    DIR *directory = vectors ? opendir(path) : NULL;
    if (!directory) {
        print_message("# WARNING: no public JSON vectors: KB_VECTORS/json is not there\n");
        return;
    }
    size_t count = 0;
    for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        const char *name = entry->d_name;
        if (strchr("yni", name[0]) == NULL || name[1] != '_') {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/json/%s", vectors, name);
        const size_t len = read_file(path, text);
        check_vector(name, (struct span){ .at = text, .len = len });
        count++;
    }
    (void)closedir(directory); /* only read */
    assert_true(count > 300);
    print_message("# %zu public JSON vectors\n", count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_scan_grammar_rows),
        cmocka_unit_test(test_json_scan_number_rows),
        cmocka_unit_test(test_json_scan_string_rows),
        cmocka_unit_test(test_json_scan_string_every_byte_at_every_place),
        cmocka_unit_test(test_json_scan_depth_limit),
        cmocka_unit_test(test_json_scan_mixed_nesting),
        cmocka_unit_test(test_json_scan_reads_members_and_elements),
        cmocka_unit_test(test_json_scan_other_kind_is_a_type_error),
        cmocka_unit_test(test_json_scan_number_is_handed_out_as_written),
        cmocka_unit_test(test_json_scan_errors_stick),
        cmocka_unit_test(test_json_scan_fail_reports_the_callers_words),
        cmocka_unit_test(test_json_scan_end_inside_a_container_is_an_error),
        cmocka_unit_test(test_json_scan_values_in_a_row),
        cmocka_unit_test(test_json_scan_says_that_the_text_ends),
        cmocka_unit_test(test_json_scan_public_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
