/* SPDX-License-Identifier: Apache-2.0 */
/* Trees as text: what it looks like, that it reads back as the same tree, what is refused. */
#include <math.h>
#include <stdlib.h>

#include "document/document.h"
#include "document/write.h"
#include "support/alloc_fail.h"
#include "support/random_tree.h"

typedef enum status write_fn(const json_object *root, struct buf *buf);

static json_object *parse_json(const char *text)
{
    json_object *root = json_tokener_parse(text);
    assert_non_null(root);
    return root;
}

static const struct {
    const char *json;
    const char *yaml;
} rows[] = {
    { "{\"a\":1,\"b\":{\"c\":[1,2.5,null,true,false]},\"d\":\"x\"}",
      "a: 1\nb:\n  c:\n  - 1\n  - 2.5\n  - null\n  - true\n  - false\nd: x\n" },
    { "{\"a\":{},\"b\":[],\"c\":\"\"}", "a: {}\nb: []\nc: ''\n" },
    { "{\"a\":1.0,\"b\":-0.0,\"c\":1e22,\"d\":0.1,\"e\":18446744073709551615}",
      "a: 1.0\nb: -0.0\nc: 1.0e+22\nd: 0.1\ne: 18446744073709551615\n" },
    /* what a reader could take for something else is quoted, what none does is not */
    { "{\"a\":\"07401b\",\"b\":\"yes\",\"c\":\"null\",\"d\":\"2030-01-02T03:04:05Z\"}",
      "a: '07401b'\nb: 'yes'\nc: 'null'\nd: '2030-01-02T03:04:05Z'\n" },
    { "{\"<<\":1,\"12\":2,\"on\":3,\"a b\":4}", "'<<': 1\n'12': 2\n'on': 3\na b: 4\n" },
    { "{\"a\":\"bootstrap.kubernetes.io/token\",\"b\":\"system:nodes\",\"c\":\"a: b\",\"d\":\"a "
      "#b\"}",
      "a: bootstrap.kubernetes.io/token\nb: system:nodes\nc: 'a: b'\nd: 'a #b'\n" },
    { "{\"a\":\"one\\ntwo\\n\",\"b\":\"one\\ntwo\"}", "a: |\n  one\n  two\nb: |-\n  one\n  two\n" },
    { "{\"a\":\"\\u00e9\",\"b\":\"x\\u0000y\",\"c\":\"\\u2028\"}",
      "a: \"\xc3\xa9\"\nb: \"x\\0y\"\nc: \"\\L\"\n" },
    { "[{\"a\":1,\"b\":[2]},[]]", "- a: 1\n  b:\n  - 2\n- []\n" },
    { "\"x\"", "x\n" },
};

static void test_document_write_yaml_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        json_object *root = parse_json(rows[i].json);
        struct buf buf = { 0 };
        assert_int_equal(document_write_yaml(root, &buf), ST_OK);
        buf_append_char(&buf, '\0');
        assert_string_equal(buf.at, rows[i].yaml);
        buf_fini(&buf);
        (void)json_object_put(root);
    }
}

static void test_document_write_yaml_does_not_fold_long_lines(void **state)
{
    (void)state;
    char text[1001];
    struct buf buf = { 0 };
    memset(text, 'x', sizeof(text) - 1);
    text[500] = ' ';
    text[1000] = '\0';
    json_object *root = json_object_new_object();
    assert_int_equal(json_object_object_add(root, "a", json_object_new_string(text)), 0);
    assert_int_equal(document_write_yaml(root, &buf), ST_OK);
    assert_int_equal(buf.len, 3 + 1000 + 1);
    buf_fini(&buf);
    (void)json_object_put(root);
}

static void test_document_write_json_looks_like_kubectl(void **state)
{
    (void)state;
    json_object *root = parse_json("{\"a\":1,\"b\":{\"c\":[\"x\",null]},\"d\":{},\"e\":[]}");
    struct buf buf = { 0 };
    assert_int_equal(document_write_json(root, &buf), ST_OK);
    buf_append_char(&buf, '\0');
    assert_string_equal(buf.at, "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": [\n      \"x\",\n"
                                "      null\n    ]\n  },\n  \"d\": {},\n  \"e\": []\n}\n");
    buf_fini(&buf);
    (void)json_object_put(root);
}

/* --- reading it back --- */

static enum status expect_equal(void *ctx, json_object *root)
{
    json_object **want = ctx;
    if (!tree_equal(*want, root)) {
        fail_msg("wrote %s, read %s", json_object_to_json_string(*want),
                 json_object_to_json_string(root));
    }
    *want = NULL;
    return ST_OK;
}

static void check_round_trip(json_object *tree, write_fn *write)
{
    struct buf buf = { 0 };
    struct problem problem = { 0 };
    json_object *want = tree;
    assert_int_equal(write(tree, &buf), ST_OK);
    const enum status status = document_parse(buf_span(&buf), expect_equal, &want, &problem);
    if (status != ST_OK || want) {
        fail_msg("%s at %u:%u in\n%.*s", problem.text, problem.line, problem.column, (int)buf.len,
                 buf.at);
    }
    buf_fini(&buf);
}

static void test_document_write_reads_back_as_it_was(void **state)
{
    (void)state;
    struct random_tree random = { .state = 0x9e3779b97f4a7c15u };
    for (unsigned i = 0; i < 3000; i++) {
        json_object *root = json_object_new_object(); /* a document that is null is left out */
        assert_int_equal(json_object_object_add(root, "tree", random_tree(&random, 5)), 0);
        check_round_trip(root, document_write_yaml);
        check_round_trip(root, document_write_json);
        (void)json_object_put(root);
    }
}

static void test_document_write_several_documents_stay_apart(void **state)
{
    (void)state;
    struct random_tree random = { .state = 12345 };
    for (unsigned i = 0; i < 300; i++) {
        struct buf buf = { 0 };
        struct problem problem = { 0 };
        json_object *root = json_object_new_object();
        assert_int_equal(json_object_object_add(root, "tree", random_tree(&random, 4)), 0);
        assert_int_equal(document_write_yaml(root, &buf), ST_OK);
        json_object *want = root;
        buf_append_text(&buf, "---\n");
        assert_int_equal(document_parse(buf_span(&buf), expect_equal, &want, &problem), ST_OK);
        assert_null(want);
        buf_fini(&buf);
        (void)json_object_put(root);
    }
}

/* --- what is refused --- */

static json_object *nested(unsigned depth)
{
    json_object *node = NULL;
    for (unsigned i = 0; i < depth; i++) {
        json_object *around = i % 2 ? json_object_new_object() : json_object_new_array();
        assert_int_equal(i % 2 ? json_object_object_add(around, "a", node)
                               : json_object_array_add(around, node),
                         0);
        node = around;
    }
    return node;
}

static void check_refused(json_object *root, enum status want)
{
    struct buf yaml = { 0 };
    struct buf json = { 0 };
    assert_int_equal(document_write_yaml(root, &yaml), want);
    assert_int_equal(document_write_json(root, &json), want);
    buf_fini(&yaml);
    buf_fini(&json);
    (void)json_object_put(root);
}

static void test_document_write_refuses_what_cannot_be_read_back(void **state)
{
    (void)state;
    check_refused(nested(DOCUMENT_MAX_DEPTH), ST_OK);
    check_refused(nested(DOCUMENT_MAX_DEPTH + 1), ST_LIMIT);
    check_refused(json_object_new_string("\xc3\xa9"), ST_OK);
    check_refused(json_object_new_string("\xc3"), ST_INVALID);
    check_refused(json_object_new_double(1.0), ST_OK);
    check_refused(json_object_new_double(INFINITY), ST_INVALID);
    check_refused(json_object_new_double(NAN), ST_INVALID);
    json_object *object = json_object_new_object();
    assert_int_equal(json_object_object_add(object, "\xff", NULL), 0);
    check_refused(object, ST_INVALID);
}

static void check_memory(json_object *root, write_fn *write)
{
    bool reached;
    size_t nth = 1;
    do {
        struct buf buf = { .is_secret = true };
        alloc_fail_arm(nth++);
        const enum status status = write(root, &buf);
        reached = alloc_fail_disarm();
        assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
        buf_fini(&buf);
    } while (reached);
}

static void test_document_write_without_memory_says_so(void **state)
{
    (void)state;
    json_object *root =
        parse_json("{\"a\":[\"x\",1.5,\"\\u00e9\\u0001\"],\"b\":{\"c\":\"1\\n2\"}}");
    if (alloc_fail_is_available()) {
        check_memory(root, document_write_yaml);
        check_memory(root, document_write_json);
    }
    (void)json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_write_yaml_rows),
        cmocka_unit_test(test_document_write_yaml_does_not_fold_long_lines),
        cmocka_unit_test(test_document_write_json_looks_like_kubectl),
        cmocka_unit_test(test_document_write_reads_back_as_it_was),
        cmocka_unit_test(test_document_write_several_documents_stay_apart),
        cmocka_unit_test(test_document_write_refuses_what_cannot_be_read_back),
        cmocka_unit_test(test_document_write_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
