/* SPDX-License-Identifier: Apache-2.0 */
/* The wire format of protocol buffers: what is read and what is not, limits from both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "kube/protobuf.h"

#define TEN_BYTES(last) "\x80\x80\x80\x80\x80\x80\x80\x80\x80" last

/* Field 1 is read as a string, 2 as a message of the same sort, 3 as bytes, all others are skipped.
 * What came is written down: `1=text 2{…} 3=bytes 4` */
static const struct {
    const char *name;
    struct span message;
    const char *read; /* up to the error */
    enum status want;
    size_t place; /* of the error, from 1 */
    const char *expected;
} rows[] = {
    { "nothing", SPAN_LITERAL(""), "", ST_OK, 0, NULL },
    { "a string", SPAN_LITERAL("\x0a\x03tok"), "1=tok ", ST_OK, 0, NULL },
    { "an empty string at the end", SPAN_LITERAL("\x0a\x00"), "1= ", ST_OK, 0, NULL },
    { "a string with UTF-8", SPAN_LITERAL("\x0a\x02\xc3\xa9"), "1=\xc3\xa9 ", ST_OK, 0, NULL },
    { "a string that is no UTF-8", SPAN_LITERAL("\x0a\x02\xc0\xaf"), "", ST_SYNTAX, 3, "UTF-8" },
    { "a string with half a sequence", SPAN_LITERAL("\x0a\x01\xc3\xa9"), "", ST_SYNTAX, 3,
      "UTF-8" },
    { "bytes that are no UTF-8", SPAN_LITERAL("\x1a\x01\xff"), "3=\xff ", ST_OK, 0, NULL },
    { "a string one byte too long", SPAN_LITERAL("\x0a\x04tok"), "", ST_SYNTAX, 3,
      "as many bytes as the message announces" },
    { "a string without a length", SPAN_LITERAL("\x0a"), "", ST_SYNTAX, 2,
      "a number, but the message ends in it" },
    { "a length that ends early", SPAN_LITERAL("\x0a\x83"), "", ST_SYNTAX, 2,
      "a number, but the message ends in it" },
    { "a length of more bytes than it needs", SPAN_LITERAL("\x0a\x83\x00tok"), "1=tok ", ST_OK, 0,
      NULL },
    { "a length of ten bytes", SPAN_LITERAL("\x0a\x83\x80\x80\x80\x80\x80\x80\x80\x80\x00tok"),
      "1=tok ", ST_OK, 0, NULL },
    { "a length of eleven bytes",
      SPAN_LITERAL("\x0a\x83\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00tok"), "", ST_SYNTAX, 2,
      "a number of at most ten bytes" },
    { "the longest length", SPAN_LITERAL("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01tok"), "",
      ST_SYNTAX, 12, "as many bytes as the message announces" },
    { "a length beyond any address", SPAN_LITERAL("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7ftok"),
      "", ST_SYNTAX, 11, "as many bytes as the message announces" },
    { "a tenth byte loses its upper bits, as in Go",
      SPAN_LITERAL("\x0a\x83\x80\x80\x80\x80\x80\x80\x80\x80\x7etok"), "1=tok ", ST_OK, 0, NULL },
    { "a string as a number", SPAN_LITERAL("\x08\x01"), "", ST_TYPE, 2, "a string" },
    { "a string as a fixed number", SPAN_LITERAL("\x0d\x01\x02\x03\x04"), "", ST_TYPE, 2,
      "a string" },
    { "a string as a group", SPAN_LITERAL("\x0b\x0c"), "", ST_TYPE, 2, "a string" },
    { "bytes as a number", SPAN_LITERAL("\x18\x01"), "", ST_TYPE, 2, "bytes" },
    { "a message", SPAN_LITERAL("\x12\x05\x0a\x03tok\x0a\x01x"), "2{1=tok }1=x ", ST_OK, 0, NULL },
    { "an empty message", SPAN_LITERAL("\x12\x00\x0a\x01x"), "2{}1=x ", ST_OK, 0, NULL },
    { "a message as a number", SPAN_LITERAL("\x10\x00"), "", ST_TYPE, 2, "a message" },
    { "a message beyond the outer one", SPAN_LITERAL("\x12\x06\x0a\x03tok"), "", ST_SYNTAX, 3,
      "as many bytes as the message announces" },
    { "a string beyond its message, not beyond the body",
      SPAN_LITERAL("\x12\x04\x0a\x03tok\x0a\x01x"), "2{", ST_SYNTAX, 5,
      "as many bytes as the message announces" },
    { "a number beyond its message", SPAN_LITERAL("\x12\x02\x20\x80\x01"), "2{", ST_SYNTAX, 4,
      "a number, but the message ends in it" },
    { "four messages in each other", SPAN_LITERAL("\x12\x06\x12\x04\x12\x02\x20\x07"),
      "2{2{2{4 }}}", ST_OK, 0, NULL },
    { "five messages in each other", SPAN_LITERAL("\x12\x06\x12\x04\x12\x02\x12\x00"), "2{2{2{",
      ST_LIMIT, 9, "messages in each other no deeper" },
    { "skipped: a number", SPAN_LITERAL("\x20\x96\x01\x0a\x01x"), "4 1=x ", ST_OK, 0, NULL },
    { "skipped: a number of ten bytes", SPAN_LITERAL("\x20" TEN_BYTES("\x7f") "\x0a\x01x"),
      "4 1=x ", ST_OK, 0, NULL },
    { "skipped: a number of eleven", SPAN_LITERAL("\x20" TEN_BYTES("\x80") "\x01"), "", ST_SYNTAX,
      2, "a number of at most ten bytes" },
    { "skipped: 64 bits",
      SPAN_LITERAL("\x21"
                   "12345678\x0a\x01x"),
      "4 1=x ", ST_OK, 0, NULL },
    { "skipped: 64 bits, cut",
      SPAN_LITERAL("\x21"
                   "1234567"),
      "", ST_SYNTAX, 2, "as many bytes as the message announces" },
    { "skipped: 32 bits",
      SPAN_LITERAL("\x25"
                   "1234\x0a\x01x"),
      "4 1=x ", ST_OK, 0, NULL },
    { "skipped: 32 bits, cut",
      SPAN_LITERAL("\x25"
                   "123"),
      "", ST_SYNTAX, 2, "as many bytes as the message announces" },
    { "skipped: bytes", SPAN_LITERAL("\x22\x02\xff\xff\x0a\x01x"), "4 1=x ", ST_OK, 0, NULL },
    { "skipped: bytes, cut", SPAN_LITERAL("\x22\x02\xff"), "", ST_SYNTAX, 3,
      "as many bytes as the message announces" },
    { "skipped: an empty group", SPAN_LITERAL("\x23\x24\x0a\x01x"), "4 1=x ", ST_OK, 0, NULL },
    { "skipped: a group with all there is",
      SPAN_LITERAL("\x23\x08\x01\x11"
                   "12345678\x1a\x01y\x2b\x2c\x35"
                   "1234\x24\x0a\x01x"),
      "4 1=x ", ST_OK, 0, NULL },
    { "skipped: a group that ends as another, as in Go", SPAN_LITERAL("\x23\x2c\x0a\x01x"),
      "4 1=x ", ST_OK, 0, NULL },
    { "skipped: a group without an end", SPAN_LITERAL("\x23\x08\x01"), "", ST_SYNTAX, 4,
      "a number, but the message ends in it" },
    { "skipped: a group that ends outside of its message", SPAN_LITERAL("\x12\x01\x23\x24"), "2{",
      ST_SYNTAX, 4, "a number, but the message ends in it" },
    { "skipped: a group with a field 0", SPAN_LITERAL("\x23\x00\x00\x24"), "", ST_SYNTAX, 2,
      "the number of a field" },
    { "skipped: a group with wire type 7", SPAN_LITERAL("\x23\x0f\x24"), "", ST_SYNTAX, 2,
      "a wire type" },
    { "the end of no group", SPAN_LITERAL("\x0c"), "", ST_SYNTAX, 1, "no end of a group" },
    { "field 0", SPAN_LITERAL("\x02\x00"), "", ST_SYNTAX, 1, "the number of a field" },
    { "the highest field", SPAN_LITERAL("\xf8\xff\xff\xff\x0f\x01"), "536870911 ", ST_OK, 0, NULL },
    { "one beyond", SPAN_LITERAL("\x80\x80\x80\x80\x10\x01"), "", ST_SYNTAX, 1,
      "the number of a field" },
    { "one that 32 bits would make field 1", SPAN_LITERAL("\x8a\x80\x80\x80\x80\x01\x00"), "",
      ST_SYNTAX, 1, "the number of a field" },
    { "wire type 6", SPAN_LITERAL("\x0e\x00"), "", ST_SYNTAX, 1, "a wire type" },
    { "wire type 7", SPAN_LITERAL("\x0f\x00"), "", ST_SYNTAX, 1, "a wire type" },
    { "a tag that ends early", SPAN_LITERAL("\x8a"), "", ST_SYNTAX, 1,
      "a number, but the message ends in it" },
};

static void read_field(struct protobuf *scan, uint32_t number, struct buf *read);

static void read_all(struct protobuf *scan, struct buf *read)
{
    uint32_t number;
    while (protobuf_field(scan, &number)) {
        read_field(scan, number, read);
    }
}

static void read_field(struct protobuf *scan, uint32_t number, struct buf *read)
{
    struct span value = { 0 };
    if (number == 1 || number == 3) {
        if (number == 1 ? protobuf_text(scan, &value) : protobuf_bytes(scan, &value)) {
            buf_printf(read, "%u=%.*s ", number, (int)value.len, value.at);
        }
    } else if (number == 2) {
        if (protobuf_message(scan)) {
            buf_append_text(read, "2{");
            read_all(scan, read);
            buf_append_text(read, scan->status == ST_OK ? "}" : "");
        }
    } else if (protobuf_skip(scan)) {
        buf_printf(read, "%u ", number);
    }
}

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

static void test_protobuf_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char *message = copy_of(rows[i].message);
        struct protobuf scan;
        struct buf read = { 0 };
        protobuf_begin(&scan, (struct span){ message, rows[i].message.len });
        read_all(&scan, &read);
        buf_append_char(&read, '\0');
        assert_false(read.failed);
        print_message("# %s\n", rows[i].name);
        assert_string_equal(read.at, rows[i].read);
        assert_int_equal(scan.status, rows[i].want);
        if (scan.status != ST_OK) {
            char want[PROBLEM_TEXT_MAX];
            struct problem problem = { 0 };
            (void)snprintf(want, sizeof(want), "protobuf, byte %zu: expected %s", rows[i].place,
                           rows[i].expected);
            protobuf_problem(&scan, message, &problem);
            assert_string_equal(problem.text, want);
            assert_int_equal(problem.status, rows[i].want);
        }
        buf_fini(&read);
        free(message);
    }
}

static void test_protobuf_group_limit(void **state)
{
    (void)state;
    for (size_t depth = PROTOBUF_MAX_GROUPS; depth <= PROTOBUF_MAX_GROUPS + 1; depth++) {
        char message[2 * (PROTOBUF_MAX_GROUPS + 1)];
        memset(message, '\x23', depth);
        memset(message + depth, '\x24', depth);
        struct protobuf scan;
        uint32_t number;
        protobuf_begin(&scan, (struct span){ message, 2 * depth });
        assert_true(protobuf_field(&scan, &number));
        assert_int_equal(protobuf_skip(&scan), depth == PROTOBUF_MAX_GROUPS);
        assert_int_equal(scan.status, depth == PROTOBUF_MAX_GROUPS ? ST_OK : ST_LIMIT);
    }
}

static void test_protobuf_first_error_stays_and_nothing_is_read_behind_it(void **state)
{
    (void)state;
    const struct span message = SPAN_LITERAL("\x0a\x01x\x0a\x01y");
    struct protobuf scan;
    struct span text = SPAN_LITERAL("untouched");
    uint32_t number;
    protobuf_begin(&scan, message);
    assert_true(protobuf_field(&scan, &number));
    assert_false(protobuf_fail(&scan, ST_LIMIT, "less"));
    assert_false(protobuf_fail(&scan, ST_SYNTAX, "more"));
    assert_false(protobuf_text(&scan, &text));
    assert_false(protobuf_bytes(&scan, &text));
    assert_false(protobuf_message(&scan));
    assert_false(protobuf_skip(&scan));
    assert_false(protobuf_field(&scan, &number));
    assert_int_equal(scan.status, ST_LIMIT);
    assert_string_equal(scan.expected, "less");
    assert_true(span_equal(text, SPAN_LITERAL("untouched")));
}

static void test_protobuf_end_is_the_end(void **state)
{
    (void)state;
    struct protobuf scan;
    uint32_t number;
    protobuf_begin(&scan, SPAN_LITERAL(""));
    assert_false(protobuf_field(&scan, &number));
    assert_false(protobuf_field(&scan, &number));
    assert_int_equal(scan.status, ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protobuf_rows),
        cmocka_unit_test(test_protobuf_group_limit),
        cmocka_unit_test(test_protobuf_first_error_stays_and_nothing_is_read_behind_it),
        cmocka_unit_test(test_protobuf_end_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
