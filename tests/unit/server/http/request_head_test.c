/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request: each rule with what it takes and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/request_head.h"

#define FIELDS_MAX 3
#define TEXT(literal)                     \
    {                                     \
        (literal), sizeof(literal "") - 1 \
    }

struct field {
    struct span name;
    struct span value;
};

#define HOST                          \
    {                                 \
        TEXT("Host"), TEXT("a.b:443") \
    }

/* clang-format off */
static const struct {
    const char *what;
    struct field fields[FIELDS_MAX];
    unsigned code;
    const char *version; /* NULL: HTTP/1.1 */
} rows[] = {
    { "no field", { { { 0 }, { 0 } } }, 0, NULL },
    { "one host", { HOST }, 0, NULL },
    { "an empty host", { { TEXT("Host"), TEXT("") } }, 0, NULL },
    { "an address as host", { { TEXT("host"), TEXT("[::1]:8443") } }, 0, NULL },
    { "two hosts", { HOST, HOST }, 400, NULL },
    { "a blank in a host", { { TEXT("Host"), TEXT("a b") } }, 400, NULL },
    { "a slash in a host", { { TEXT("Host"), TEXT("a/b") } }, 400, NULL },
    { "a user in a host", { { TEXT("Host"), TEXT("a@b") } }, 400, NULL },
    { "an angle bracket in a host", { { TEXT("Host"), TEXT("<a>") } }, 400, NULL },
    { "a byte above ASCII in a host", { { TEXT("Host"), TEXT("a\xff") } }, 400, NULL },
    { "a length", { { TEXT("Content-Length"), TEXT("5") } }, 0, NULL },
    { "two lengths", { { TEXT("Content-Length"), TEXT("5") }, { TEXT("content-length"), TEXT("5") } }, 400, NULL },
    { "chunked", { { TEXT("Transfer-Encoding"), TEXT("chunked") } }, 0, NULL },
    { "chunked in other letters", { { TEXT("TRANSFER-ENCODING"), TEXT("Chunked") } }, 0, NULL },
    { "chunked twice", { { TEXT("Transfer-Encoding"), TEXT("chunked") }, { TEXT("Transfer-Encoding"), TEXT("chunked") } }, 400, NULL },
    { "chunked in HTTP/1.0", { { TEXT("Transfer-Encoding"), TEXT("chunked") } }, 400, "HTTP/1.0" },
    { "a length in HTTP/1.0", { { TEXT("Content-Length"), TEXT("5") } }, 0, "HTTP/1.0" },
    { "chunked beside a length", { { TEXT("Transfer-Encoding"), TEXT("chunked") }, { TEXT("Content-Length"), TEXT("5") } }, 400, NULL },
    { "another coding", { { TEXT("Transfer-Encoding"), TEXT("gzip") } }, 501, NULL },
    { "another coding before chunked", { { TEXT("Transfer-Encoding"), TEXT("gzip, chunked") } }, 501, NULL },
    { "an empty coding", { { TEXT("Transfer-Encoding"), TEXT("") } }, 501, NULL },
    { "an empty name", { { TEXT(""), TEXT("x") } }, 400, NULL },
    { "a name with a blank", { { TEXT("X Y"), TEXT("x") } }, 400, NULL },
    { "a name with a bracket", { { TEXT("X(Y"), TEXT("x") } }, 400, NULL },
    { "a name with a byte above ASCII", { { TEXT("X\x80"), TEXT("x") } }, 400, NULL },
    { "every kind of byte in a name", { { TEXT("!#$%&'*+-.^_`|~09AZaz"), TEXT("x") } }, 0, NULL },
    { "an empty value", { { TEXT("X"), TEXT("") } }, 0, NULL },
    { "a value of eight bytes", { { TEXT("X"), TEXT("12345678") } }, 0, NULL },
    { "a value with a tab", { { TEXT("X"), TEXT("1234567\t9012345678") } }, 0, NULL },
    { "a value with bytes above ASCII", { { TEXT("X"), TEXT("\x80\xff\xa0\x9f 0123456789") } }, 0, NULL },
};
/* clang-format on */

static struct request_head head_of(const struct field *fields)
{
    struct request_head head = { 0 };
    for (size_t i = 0; i < FIELDS_MAX && fields[i].name.at; i++) {
        request_head_add(&head, fields[i].name, fields[i].value);
    }
    return head;
}

static void test_request_head_judges_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct request_head head = head_of(rows[i].fields);
        const struct head_refusal *refusal =
            request_head_judge(&head, rows[i].version ? rows[i].version : "HTTP/1.1");
        const unsigned code = refusal ? refusal->code : 0;
        if (code != rows[i].code) {
            fail_msg("%s: %u in place of %u", rows[i].what, code, rows[i].code);
        }
        assert_int_equal(refusal && refusal->text, rows[i].code != 0);
    }
}

/* RFC 9110 5.5, at each place of a value, since it is looked at in pieces. */
static void test_request_head_value_byte_is_judged_wherever_it_stands(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < 20; at++) {
            char value[] = "aaaaaaaaaaaaaaaaaaaa";
            value[at] = (char)byte;
            struct request_head head = { 0 };
            request_head_add(&head, (struct span){ "X", 1 }, (struct span){ value, 20 });
            const bool is_control = (byte < ' ' && byte != '\t') || byte == 0x7F;
            assert_int_equal(head.is_malformed, is_control);
        }
    }
}

static void test_request_head_length_is_its_number(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } lengths[] = {
        { "0", 0 },
        { "005", 5 },
        { "131072", 131072 },
        { "18446744073709551614", SIZE_MAX - 1 },
        { "18446744073709551616", SIZE_MAX },
        { "99999999999999999999999", SIZE_MAX },
        { "5x", SIZE_MAX },
    };
    (void)state;
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        struct request_head head = { 0 };
        request_head_add(&head, span_of("Content-Length"), span_of(lengths[i].text));
        assert_true(head.content_length == lengths[i].len);
    }
}

static void test_request_head_finds_close_among_options(void **state)
{
    static const struct {
        const char *options;
        bool closes;
    } options[] = {
        { "close", true },   { "Close", true },       { "keep-alive, close", true },
        { "close,x", true }, { "keep-alive", false }, { "", false },
        { "closed", false }, { "x-close", false },    { " , ,close", true },
    };
    (void)state;
    for (size_t i = 0; i < COUNTOF(options); i++) {
        struct request_head head = { 0 };
        request_head_add(&head, span_of("Connection"), span_of(options[i].options));
        assert_int_equal(head.asks_close, options[i].closes);
    }
}

static void test_request_head_keeps_the_content_type(void **state)
{
    (void)state;
    struct request_head head = { 0 };
    request_head_add(&head, span_of("Content-Tape"), span_of("x"));
    assert_null(head.content_type);
    request_head_add(&head, span_of("content-type"), span_of("application/json"));
    assert_string_equal(head.content_type, "application/json");
}

static void test_request_head_method_is_a_token(void **state)
{
    (void)state;
    assert_true(request_method_is_valid(span_of("GET")));
    assert_true(request_method_is_valid(span_of("M-SEARCH")));
    assert_false(request_method_is_valid(span_of("")));
    assert_false(request_method_is_valid(span_of("G(T")));
    assert_false(request_method_is_valid(span_of("{\"kind\":")));
    assert_false(request_method_is_valid(span_of("\x80")));
}

static void test_request_head_target_is_a_path(void **state)
{
    static const char *const good[] = { "/",      "/a",       "/a?b=c&d", "/a%20b",  "/%fF",
                                        "/a?%2f", "/a?b=%00", "//",       "/~!$'()*" };
    static const char *const bad[] = { "",     "a",     "*",     "http://a/", "?/a",
                                       "/a b", "/a\t",  "/\x80", "/a\x7f",    "/a%",
                                       "/a%2", "/a%zz", "/a%2z", "/%00",      "/a%00?b" };
    (void)state;
    for (size_t i = 0; i < COUNTOF(good); i++) {
        assert_true(request_target_is_valid(span_of(good[i])));
    }
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        assert_false(request_target_is_valid(span_of(bad[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_head_judges_as_the_table_says),
        cmocka_unit_test(test_request_head_value_byte_is_judged_wherever_it_stands),
        cmocka_unit_test(test_request_head_length_is_its_number),
        cmocka_unit_test(test_request_head_finds_close_among_options),
        cmocka_unit_test(test_request_head_keeps_the_content_type),
        cmocka_unit_test(test_request_head_method_is_a_token),
        cmocka_unit_test(test_request_head_target_is_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
