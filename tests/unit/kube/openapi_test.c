/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptions of the resources: every schema is there once, every reference leads to one, and
 * both forms say the same of each member. That kubectl reads them is shown beside the real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "kube/openapi.h"
#include "kube/protobuf.h"

#define REVIEW "io.k8s.api.authentication.v1.TokenReview"

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;
    if (!json_object_object_get_ex(object, name, &value)) {
        fail_msg("no member %s", name);
    }
    return value;
}

static const char *text_of(json_object *object, const char *name)
{
    return json_object_get_string(member(object, name));
}

static json_object *document_of(size_t first)
{
    struct buf buf = { 0 };
    openapi_v3(&buf, api_resources_served(), first, "1.2.3");
    buf_append_char(&buf, '\0');
    assert_false(buf.failed);
    json_object *const root = json_tokener_parse(buf.at);
    assert_non_null(root);
    buf_fini(&buf);
    return root;
}

/* Every "$ref" below @node. */
static size_t follow_references(json_object *node, json_object *schemas)
{
    size_t count = 0;
    if (json_object_is_type(node, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(node); i++) {
            count += follow_references(json_object_array_get_idx(node, i), schemas);
        }
    } else if (json_object_is_type(node, json_type_object)) {
        json_object_object_foreach(node, key, value)
        {
            if (strcmp(key, "$ref") == 0) {
                const char prefix[] = "#/components/schemas/";
                const char *const to = json_object_get_string(value);
                assert_memory_equal(to, prefix, strlen(prefix));
                (void)member(schemas, to + strlen(prefix));
                count++;
            } else {
                count += follow_references(value, schemas);
            }
        }
    }
    return count;
}

static void test_openapi_v3_describes_the_path_and_every_schema(void **state)
{
    (void)state;
    json_object *const root = document_of(0);
    json_object *const schemas = member(member(root, "components"), "schemas");
    assert_string_equal(text_of(root, "openapi"), "3.0.0");
    assert_string_equal(text_of(member(root, "info"), "version"), "1.2.3");
    assert_int_equal(json_object_object_length(member(root, "paths")), 1);
    json_object *const post = member(
        member(member(root, "paths"), "/apis/authentication.k8s.io/v1/tokenreviews"), "post");
    assert_string_equal(text_of(member(post, "x-kubernetes-group-version-kind"), "kind"),
                        "TokenReview");
    assert_int_equal(json_object_object_length(schemas), 5);
    assert_int_equal(follow_references(root, schemas), 3 + 3 + 1); /* path, review, status */
    json_object *const review = member(schemas, REVIEW);
    assert_string_equal(json_object_to_json_string_ext(member(review, "required"), 0),
                        "[\"spec\"]");
    json_object *const kinds = member(review, "x-kubernetes-group-version-kind");
    assert_string_equal(text_of(json_object_array_get_idx(kinds, 0), "version"), "v1");
    json_object *const spec = member(schemas, REVIEW "Spec");
    json_object *const audiences = member(member(spec, "properties"), "audiences");
    assert_string_equal(text_of(audiences, "type"), "array");
    assert_string_equal(text_of(member(audiences, "items"), "type"), "string");
    (void)json_object_put(root);
}

static void test_openapi_v3_each_version_has_its_own(void **state)
{
    (void)state;
    json_object *const root = document_of(1);
    json_object *const schemas = member(member(root, "components"), "schemas");
    (void)member(member(root, "paths"), "/apis/authentication.k8s.io/v1beta1/tokenreviews");
    (void)member(schemas, "io.k8s.api.authentication.v1beta1.TokenReview");
    assert_false(json_object_object_get_ex(schemas, REVIEW, NULL));
    (void)json_object_put(root);
}

static void test_openapi_v3_index_changes_with_the_document(void **state)
{
    (void)state;
    struct buf first = { 0 };
    struct buf second = { 0 };
    const struct api_resource *const row = &api_resources_served().rows[0];
    openapi_v3_index(&first, row, SPAN_LITERAL("a"));
    openapi_v3_index(&second, row, SPAN_LITERAL("b"));
    const struct span start = SPAN_LITERAL("\"apis/authentication.k8s.io/v1\":{"
                                           "\"serverRelativeURL\":\"/openapi/v3/apis/"
                                           "authentication.k8s.io/v1?hash=");
    assert_true(span_starts_with(buf_span(&first), start));
    assert_int_equal(first.len, start.len + 32 + 2);
    assert_false(span_equal(buf_span(&first), buf_span(&second)));
    buf_fini(&first);
    buf_fini(&second);
}

/* Bytes of the first field @number of @message; fails the test when there is none. */
static struct span field(struct span message, uint32_t number)
{
    struct protobuf scan;
    uint32_t found = 0;
    struct span bytes = { 0 };
    protobuf_begin(&scan, message);
    while (protobuf_field(&scan, &found)) {
        if (found == number) {
            assert_true(protobuf_bytes(&scan, &bytes));
            return bytes;
        }
        assert_true(protobuf_skip(&scan));
    }
    fail_msg("no field %u", number);
    return bytes;
}

/* The value of the NamedSchema @name in a list of them, and how many there are. */
static struct span named(struct span list, const char *name, size_t *ret_count)
{
    struct protobuf scan;
    uint32_t found = 0;
    struct span value = { 0 };
    *ret_count = 0;
    protobuf_begin(&scan, list);
    while (protobuf_field(&scan, &found)) {
        struct span item;
        assert_int_equal(found, 1);
        assert_true(protobuf_bytes(&scan, &item));
        if (span_equal(field(item, 1), span_of(name))) {
            value = field(item, 2);
        }
        (*ret_count)++;
    }
    assert_int_equal(scan.status, ST_OK);
    if (!value.at) {
        fail_msg("no schema %s", name);
    }
    return value;
}

static void test_openapi_v2_has_every_schema_once(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    size_t count = 0;
    openapi_v2(&buf, api_resources_served(), "1.2.3");
    assert_false(buf.failed);
    assert_true(span_equal(field(buf_span(&buf), 1), SPAN_LITERAL("2.0")));
    assert_true(span_equal(field(field(buf_span(&buf), 2), 2), SPAN_LITERAL("1.2.3")));
    const struct span definitions = field(buf_span(&buf), 9);
    const struct span review = named(definitions, REVIEW, &count);
    assert_int_equal(count, 4 + 4 + 1); /* of each version, and ObjectMeta of both */
    assert_true(span_equal(field(review, 19), SPAN_LITERAL("spec")));
    assert_true(
        span_equal(field(field(review, 31), 1), SPAN_LITERAL("x-kubernetes-group-version-kind")));
    assert_true(span_equal(field(field(field(review, 31), 2), 2),
                           SPAN_LITERAL("[{\"group\":\"authentication.k8s.io\",\"version\":"
                                        "\"v1\",\"kind\":\"TokenReview\"}]")));
    const struct span properties = field(review, 25);
    const struct span spec = named(properties, "spec", &count);
    assert_int_equal(count, 5);
    assert_true(span_equal(field(spec, 1), SPAN_LITERAL("#/definitions/" REVIEW "Spec")));
    const struct span user = named(definitions, "io.k8s.api.authentication.v1.UserInfo", &count);
    const struct span extra = named(field(user, 25), "extra", &count);
    assert_true(span_equal(field(field(extra, 22), 1), SPAN_LITERAL("object")));
    const struct span values = field(field(extra, 21), 1); /* lists */
    assert_true(span_equal(field(field(values, 22), 1), SPAN_LITERAL("array")));
    assert_true(
        span_equal(field(field(field(field(values, 23), 1), 22), 1), SPAN_LITERAL("string")));
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openapi_v3_describes_the_path_and_every_schema),
        cmocka_unit_test(test_openapi_v3_each_version_has_its_own),
        cmocka_unit_test(test_openapi_v3_index_changes_with_the_document),
        cmocka_unit_test(test_openapi_v2_has_every_schema_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
