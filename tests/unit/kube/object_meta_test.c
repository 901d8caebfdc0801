/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata of objects of any kind. What is wrong with a Secret's is secret_test.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/object_meta.h"
#include "support/alloc_fail.h"
#include "support/quoted_json.h"

static const struct object_kind kind_widget = {
    .group = "example.com",
    .version = "v1",
    .name = "Widget",
    .plural = "widgets",
    .is_cluster_scoped = true,
};

static const struct {
    const struct object_kind *kind;
    const char *text;
    enum status status;
    const char *want; /* namespace/name; or in the problem */
} rows[] = {
    { &kind_config_map, "{'metadata':{'name':'a','namespace':'n'}}", ST_OK, "n/a" },
    { &kind_config_map, "{'metadata':{'name':'a'}}", ST_OK, "default/a" },
    { &kind_config_map, "{'metadata':{'name':'a'},'immutable':true}", ST_OK, "default/a" },
    { &kind_config_map, "{'metadata':{'name':'a'},'immutable':1}", ST_TYPE, "immutable: expected" },
    { &kind_service_account, "{'metadata':{'name':'a'},'immutable':1}", ST_OK, "default/a" },
    { &kind_service_account, "{'metadata':{'name':'A'}}", ST_INVALID, "metadata.name: expected" },
    { &kind_service_account, "{'metadata':{'name':'a','namespace':'n.m'}}", ST_INVALID,
      "metadata.namespace: expected a DNS label" },
    { &kind_service_account, "{'metadata':{'name':'a','uid':1}}", ST_TYPE, "metadata.uid" },
    { &kind_service_account, "{'metadata':{'name':'a','labels':{'l':1}}}", ST_TYPE,
      "metadata.labels.l" },
    { &kind_service_account, "'text'", ST_TYPE, "expected a ServiceAccount, found a string" },
    { &kind_widget, "{'metadata':{'name':'a.b'}}", ST_OK, "/a.b" },
    { &kind_widget, "{'metadata':{'name':'a','namespace':''}}", ST_OK, "/a" },
    { &kind_widget, "{'metadata':{'name':'a','namespace':null}}", ST_OK, "/a" },
    { &kind_widget, "{'metadata':{'name':'a','namespace':'default'}}", ST_INVALID,
      "metadata.namespace: expected none: a Widget is in no namespace" },
};

static void test_object_meta_decode_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct object_meta *meta = NULL;
        struct problem problem = { 0 };
        char shown[256] = "";
        json_object *root = parse_quoted(rows[i].text);
        const enum status status = object_meta_decode(rows[i].kind, root, &meta, &problem);
        (void)json_object_put(root); /* the copy stands for itself */
        if (status == ST_OK) {
            (void)snprintf(shown, sizeof(shown), "%.*s/%.*s", (int)meta->namespace.len,
                           meta->namespace.at, (int)meta->name.len, meta->name.at);
        }
        const bool is_as_wanted = status == ST_OK ? strcmp(shown, rows[i].want) == 0
                                                  : strstr(problem.text, rows[i].want) != NULL;
        if (status != rows[i].status || !is_as_wanted) {
            fail_msg("%s: %d, %s%s", rows[i].text, (int)status, shown, problem.text);
        }
        assert_null(object_meta_free(meta));
    }
}

static void assert_label(const struct object_label *labels,
                         size_t count,
                         const char *key,
                         const char *want)
{
    struct span value = { 0 };
    assert_int_equal(object_label_find(labels, count, key, &value), want != NULL);
    if (want) {
        assert_true(span_equal(value, span_of(want)));
    }
}

static void test_object_meta_decode_copies_labels_and_annotations(void **state)
{
    (void)state;
    struct object_meta *meta = NULL;
    struct problem problem;
    json_object *root = parse_quoted(
        "{'metadata':{'name':'a','uid':'u','resourceVersion':'7','deletionTimestamp':'soon',"
        "'labels':{'x':'1','y':null},'annotations':{'x':'2'}}}");
    assert_int_equal(object_meta_decode(&kind_config_map, root, &meta, &problem), ST_OK);
    (void)json_object_put(root);
    assert_int_equal(meta->label_count, 2);
    assert_int_equal(meta->annotation_count, 1);
    assert_label(meta->labels, meta->label_count, "x", "1");
    assert_label(meta->labels, meta->label_count, "y", "");
    assert_label(meta->labels, meta->label_count, "z", NULL);
    assert_label(meta->annotations, meta->annotation_count, "x", "2");
    assert_label(meta->annotations, meta->annotation_count, "y", NULL);
    assert_true(span_equal(meta->uid, SPAN_LITERAL("u")));
    assert_true(span_equal(meta->resource_version, SPAN_LITERAL("7")));
    assert_true(meta->has_deletion_timestamp);
    assert_false(meta->is_refused);
    meta = object_meta_free(meta);
}

/* What cannot be read was long ago, so that no grace period is left of it. */
static void test_object_meta_says_since_when_it_is_being_deleted(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool has;
        int64_t sec;
    } times[] = {
        { "null", false, 0 },
        { "'2026-01-02T03:04:05Z'", true, 1767323045 },
        { "'2026-01-02T05:04:05+02:00'", true, 1767323045 },
        { "'0001-01-01T00:00:00Z'", true, -62135596800 },
        { "'2026-01-02 03:04:05'", true, 0 },
        { "'2026-01-02T03:04:05Z '", true, 0 },
        { "'2026-01-02T03:04:05Z\\u0000'", true, 0 },
        { "''", true, 0 },
        { "1767323045", true, 0 },
        { "{}", true, 0 },
    };
    for (size_t i = 0; i < COUNTOF(times); i++) {
        char text[128];
        struct object_meta *meta = NULL;
        struct problem problem;
        (void)snprintf(text, sizeof(text), "{'metadata':{'name':'a','deletionTimestamp':%s}}",
                       times[i].value);
        json_object *root = parse_quoted(text);
        assert_int_equal(object_meta_decode(&kind_pod, root, &meta, &problem), ST_OK);
        (void)json_object_put(root);
        struct object_meta *copy = object_meta_dup(meta);
        assert_non_null(copy);
        if (copy->has_deletion_timestamp != times[i].has || copy->deletion.sec != times[i].sec) {
            fail_msg("%s: %lld", times[i].value, (long long)copy->deletion.sec);
        }
        copy = object_meta_free(copy);
        meta = object_meta_free(meta);
    }
}

static void test_object_meta_decode_names_believes_nothing_else(void **state)
{
    (void)state;
    struct object_meta *meta = NULL;
    struct problem problem;
    json_object *root = parse_quoted(
        "{'metadata':{'name':'a','labels':{'x':1},'uid':'u','deletionTimestamp':'soon'}}");
    assert_int_equal(object_meta_decode(&kind_config_map, root, &meta, &problem), ST_TYPE);
    assert_int_equal(object_meta_decode_names(&kind_config_map, root, &meta, &problem), ST_OK);
    (void)json_object_put(root);
    assert_true(span_equal(meta->name, SPAN_LITERAL("a")));
    assert_true(meta->is_refused);
    assert_true(meta->has_deletion_timestamp);
    assert_int_equal(meta->uid.len, 0);
    assert_int_equal(meta->label_count, 0);
    meta = object_meta_free(meta);
}

static void test_object_meta_without_memory_says_so(void **state)
{
    (void)state;
    struct object_meta *meta = NULL;
    struct problem problem;
    if (!alloc_fail_is_available()) {
        return;
    }
    json_object *root = parse_quoted("{'metadata':{'name':'a'}}");
    alloc_fail_arm(1);
    const enum status status = object_meta_decode(&kind_config_map, root, &meta, &problem);
    assert_true(alloc_fail_disarm());
    assert_int_equal(status, ST_NOMEM);
    assert_null(meta);
    (void)json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object_meta_decode_rows),
        cmocka_unit_test(test_object_meta_decode_copies_labels_and_annotations),
        cmocka_unit_test(test_object_meta_says_since_when_it_is_being_deleted),
        cmocka_unit_test(test_object_meta_decode_names_believes_nothing_else),
        cmocka_unit_test(test_object_meta_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
