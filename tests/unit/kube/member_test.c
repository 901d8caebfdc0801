/* SPDX-License-Identifier: Apache-2.0 */
/* Members and how they are named to a person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "document/document.h"
#include "kube/member.h"

#define K60  "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define K120 K60 K60

static const char text[] = "string: a\n"
                           "nul: \"a\\0b\"\n"
                           "boolean: yes\n"
                           "int: 7\n"
                           "double: 1.5\n"
                           "list: [a]\n"
                           "object: {a: b}\n"
                           "nothing:\n";

static const struct {
    const char *key;
    enum json_type type; /* that is required */
    const char *want;    /* the problem; NULL: none */
    unsigned line;
    unsigned column;
} rows[] = {
    { "string", json_type_string, NULL, 0, 0 },
    { "boolean", json_type_boolean, NULL, 0, 0 },
    { "list", json_type_array, NULL, 0, 0 },
    { "object", json_type_object, NULL, 0, 0 },
    { "boolean", json_type_string, "at.boolean: expected x, found a boolean (quote it)", 3, 10 },
    { "int", json_type_string, "at.int: expected x, found a number (quote it)", 4, 6 },
    { "double", json_type_string, "at.double: expected x, found a number (quote it)", 5, 9 },
    { "list", json_type_string, "at.list: expected x, found a list", 6, 7 },
    { "object", json_type_string, "at.object: expected x, found an object", 7, 9 },
    { "string", json_type_boolean, "at.string: expected x, found a string", 1, 9 },
    { "int", json_type_boolean, "at.int: expected x, found a number", 4, 6 },
    { "boolean", json_type_object, "at.boolean: expected x, found a boolean", 3, 10 },
    { "nothing", json_type_string, "at.nothing: expected x, found nothing", 1, 1 },
    { "absent", json_type_string, "at.absent: expected x, found nothing", 1, 1 },
};

static enum status check_rows(void *ctx, json_object *root)
{
    (void)ctx;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct problem problem = { 0 };
        const struct member member = member_of(root, "at", rows[i].key);
        const enum status status = member_require(&member, rows[i].type, "x", &problem);
        assert_int_equal(status, rows[i].want ? ST_TYPE : ST_OK);
        assert_int_equal(problem.status, status);
        assert_string_equal(problem.text, rows[i].want ? rows[i].want : "");
        assert_int_equal(problem.line, rows[i].line);
        assert_int_equal(problem.column, rows[i].column);
    }
    return ST_OK;
}

static enum status check_texts(void *ctx, json_object *root)
{
    (void)ctx;
    assert_true(span_equal(member_text(member_of(root, "", "string").node), SPAN_LITERAL("a")));
    assert_true(span_equal(member_text(member_of(root, "", "nul").node), SPAN_LITERAL("a\0b")));
    assert_int_equal(member_text(member_of(root, "", "nothing").node).len, 0);
    assert_null(member_of(root, "", "absent").node);
    assert_null(member_of(NULL, "", "absent").node);
    assert_null(member_of(member_of(root, "", "string").node, "", "absent").node);
    return ST_OK;
}

static enum status check_refusal(void *ctx, json_object *root)
{
    (void)ctx;
    struct problem problem = { 0 };
    const struct member at_root = member_of(root, "", "list");
    const struct member with_long_key = member_of(root, "at", K120 "k");
    assert_int_equal(member_refuse(&at_root, ST_LIMIT, &problem, "at most %d", 7), ST_LIMIT);
    assert_int_equal(problem.status, ST_LIMIT);
    assert_string_equal(problem.text, "list: at most 7");
    assert_int_equal(member_refuse(&with_long_key, ST_INVALID, &problem, "no"), ST_INVALID);
    assert_string_equal(problem.text, "at." K120 ": no");
    return ST_OK;
}

static void parse(document_fn *check)
{
    struct problem problem = { 0 };
    assert_int_equal(document_parse(span_of(text), check, NULL, &problem), ST_OK);
}

static void test_member_require_rows(void **state)
{
    (void)state;
    parse(check_rows);
}

static void test_member_text_may_hold_any_byte(void **state)
{
    (void)state;
    parse(check_texts);
}

static void test_member_refuse_names_the_member(void **state)
{
    (void)state;
    parse(check_refusal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_member_require_rows),
        cmocka_unit_test(test_member_text_may_hold_any_byte),
        cmocka_unit_test(test_member_refuse_names_the_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
