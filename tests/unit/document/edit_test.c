/* SPDX-License-Identifier: Apache-2.0 */
/* Trees that may be changed: copies share nothing, and RFC 7386's own examples. */
#include <stdlib.h>

#include "document/document.h"
#include "document/edit.h"
#include "support/alloc_fail.h"
#include "support/random_tree.h"

/* json_tokener_parse() gives NULL for null, and for an error. */
static json_object *parse_json(const char *text)
{
    enum json_tokener_error error;
    json_object *root = json_tokener_parse_verbose(text, &error);
    assert_int_equal(error, json_tokener_success);
    return root;
}

static void test_document_copy_is_equal(void **state)
{
    (void)state;
    struct random_tree random = { .state = 42 };
    for (unsigned i = 0; i < 500; i++) {
        json_object *tree = random_tree(&random, 5);
        json_object *copy = NULL;
        assert_int_equal(document_copy(tree, &copy), ST_OK);
        assert_true(tree_equal(tree, copy));
        (void)json_object_put(tree);
        (void)json_object_put(copy);
    }
}

static enum status copy_and_change(void *ctx, json_object *root)
{
    json_object *copy = NULL;
    (void)ctx;
    assert_int_equal(document_copy(root, &copy), ST_OK);
    json_object *b = json_object_object_get(copy, "b");
    assert_int_equal(document_set_text(b, "x", SPAN_LITERAL("changed")), ST_OK);
    assert_string_equal(json_object_to_json_string_ext(copy, JSON_C_TO_STRING_PLAIN),
                        "{\"a\":{\"x\":1},\"b\":{\"x\":\"changed\"}}");
    assert_string_equal(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN),
                        "{\"a\":{\"x\":1},\"b\":{\"x\":1}}");
    (void)json_object_put(copy);
    return ST_OK;
}

static void test_document_copy_shares_nothing_that_aliases_share(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    assert_int_equal(
        document_parse(SPAN_LITERAL("a: &x {x: 1}\nb: *x\n"), copy_and_change, NULL, &problem),
        ST_OK);
}

static json_object *nested(unsigned depth)
{
    json_object *node = NULL;
    for (unsigned i = 0; i < depth; i++) {
        json_object *around = json_object_new_object();
        assert_int_equal(json_object_object_add(around, "a", node), 0);
        node = around;
    }
    return node;
}

static void test_document_depth_is_limited(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        json_object *deep = nested(DOCUMENT_MAX_DEPTH + i);
        json_object *copy = NULL;
        json_object *patched = NULL;
        assert_int_equal(document_copy(deep, &copy), i ? ST_LIMIT : ST_OK);
        assert_int_equal(document_merge_patch(NULL, deep, &patched), i ? ST_LIMIT : ST_OK);
        (void)json_object_put(deep);
        (void)json_object_put(copy);
        (void)json_object_put(patched);
    }
}

/* RFC 7386, appendix A; and what it leaves out. */
static const struct {
    const char *target;
    const char *patch;
    const char *want;
} patches[] = {
    { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
    { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
    { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
    { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
    { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
    { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
    { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
    { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
    { "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
    { "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
    { "{\"a\":\"foo\"}", "null", "null" },
    { "{\"a\":\"foo\"}", "\"bar\"", "\"bar\"" },
    { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
    { "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
    { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
    { "null", "{\"a\":[null]}", "{\"a\":[null]}" },
};

static void test_document_merge_patch_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(patches); i++) {
        json_object *patch = parse_json(patches[i].patch);
        json_object *result = NULL;
        assert_int_equal(document_merge_patch(parse_json(patches[i].target), patch, &result),
                         ST_OK);
        assert_string_equal(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN),
                            patches[i].want);
        (void)json_object_put(patch);
        (void)json_object_put(result);
    }
}

static void test_document_text_is_of_strings_only(void **state)
{
    (void)state;
    json_object *number = json_object_new_int(1);
    json_object *string = json_object_new_string_len("a\0b", 3);
    assert_true(span_equal(document_text(string), (struct span){ "a\0b", 3 }));
    assert_int_equal(document_text(number).len, 0);
    assert_int_equal(document_text(NULL).len, 0);
    (void)json_object_put(number);
    (void)json_object_put(string);
}

static void test_document_edit_without_memory_says_so(void **state)
{
    (void)state;
    json_object *tree = parse_json("{\"a\":[\"x\",1.5,true],\"b\":{\"c\":1,\"d\":null}}");
    bool reached;
    size_t nth = 1;
    do {
        json_object *copy = NULL;
        json_object *patched = NULL;
        alloc_fail_arm(nth++);
        enum status status = document_copy(tree, &copy);
        if (status == ST_OK) {
            status = document_merge_patch(json_object_get(copy), tree, &patched);
        }
        reached = alloc_fail_disarm();
        assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
        (void)json_object_put(copy);
        (void)json_object_put(patched);
    } while (reached && alloc_fail_is_available());
    (void)json_object_put(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_copy_is_equal),
        cmocka_unit_test(test_document_copy_shares_nothing_that_aliases_share),
        cmocka_unit_test(test_document_depth_is_limited),
        cmocka_unit_test(test_document_merge_patch_rows),
        cmocka_unit_test(test_document_text_is_of_strings_only),
        cmocka_unit_test(test_document_edit_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
