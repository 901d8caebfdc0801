/* SPDX-License-Identifier: Apache-2.0 */
/* Discovery documents: well-formed, complete, and in the shape that clients look for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "kube/discovery.h"

static const char *const create_only[] = { "create", NULL };
static const char *const read_only[] = { "get", "list", NULL };

/* Two groups, one of which has two versions, one of which has two resources. */
static const struct api_resource rows[] = {
    { .group = "a.test",
      .version = "v2",
      .kind = "Apple",
      .plural = "apples",
      .singular = "apple",
      .verbs = read_only,
      .is_namespaced = true },
    { .group = "a.test",
      .version = "v2",
      .kind = "Pear",
      .plural = "pears",
      .singular = "pear",
      .verbs = create_only },
    { .group = "a.test",
      .version = "v1",
      .kind = "Apple",
      .plural = "apples",
      .singular = "apple",
      .verbs = create_only,
      .is_namespaced = true },
    { .group = "b.test",
      .version = "v1",
      .kind = "Bean",
      .plural = "beans",
      .singular = "bean",
      .verbs = create_only },
};
static const struct api_resources resources = { rows, COUNTOF(rows) };

/* What was appended, as json-c writes it again: it is well-formed, and free of blanks. */
static void assert_document(struct buf *buf, const char *expected)
{
    buf_append_char(buf, '\0');
    assert_false(buf->failed);
    json_object *const root = json_tokener_parse(buf->at);
    assert_non_null(root);
    assert_string_equal(json_object_to_json_string_ext(root, JSON_C_TO_STRING_NOSLASHESCAPE),
                        expected);
    (void)json_object_put(root);
    buf_fini(buf);
}

static void test_discovery_core_has_no_versions(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    discovery_core(&buf);
    assert_document(&buf,
                    "{\"kind\":\"APIVersions\",\"versions\":[],\"serverAddressByClientCIDRs\":[]}");
    discovery_aggregated_core(&buf);
    assert_document(&buf, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":"
                          "\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[]}");
}

#define V(group, version) "{\"groupVersion\":\"" group "/" version "\",\"version\":\"" version "\"}"
#define GROUP_A                                                   \
    "\"name\":\"a.test\",\"versions\":[" V("a.test", "v2") "," V( \
        "a.test", "v1") "],\"preferredVersion\":" V("a.test", "v2")

static void test_discovery_groups_each_once_with_its_versions(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    discovery_groups(&buf, resources);
    assert_document(&buf, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{" GROUP_A
                          "},{\"name\":\"b.test\",\"versions\":[" V(
                              "b.test", "v1") "],"
                                              "\"preferredVersion\":" V("b.test", "v1") "}]}");
    discovery_group(&buf, resources, 0);
    assert_document(&buf, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\"," GROUP_A "}");
}

static void test_discovery_resources_of_one_version_only(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    discovery_resources(&buf, resources, 0);
    assert_document(
        &buf,
        "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"a.test/v2\","
        "\"resources\":[{\"name\":\"apples\",\"singularName\":\"apple\",\"namespaced\":true,"
        "\"kind\":\"Apple\",\"verbs\":[\"get\",\"list\"]},{\"name\":\"pears\","
        "\"singularName\":\"pear\",\"namespaced\":false,\"kind\":\"Pear\",\"verbs\":[\"create\"]}"
        "]}");
    discovery_resources(&buf, resources, 3);
    assert_document(
        &buf, "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"b.test/v1\","
              "\"resources\":[{\"name\":\"beans\",\"singularName\":\"bean\",\"namespaced\":false,"
              "\"kind\":\"Bean\",\"verbs\":[\"create\"]}]}");
}

#define APPLE(version, verbs)                                                                   \
    "{\"resource\":\"apples\",\"responseKind\":{\"group\":\"a.test\",\"version\":\"" version    \
    "\",\"kind\":\"Apple\"},\"scope\":\"Namespaced\",\"singularResource\":\"apple\",\"verbs\":" \
    "[" verbs "]}"

static void test_discovery_aggregated_nests_all_of_it(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    discovery_aggregated(&buf, resources);
    assert_document(
        &buf,
        "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\","
        "\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"a.test\"},\"versions\":[{"
        "\"version\":\"v2\",\"freshness\":\"Current\",\"resources\":[" APPLE(
            "v2",
            "\"get\",\"list\"") ",{\"resource\":\"pears\",\"responseKind\":{\"group\":"
                                "\"a.test\",\"version\":\"v2\",\"kind\":\"Pear\"},\"scope\":"
                                "\"Cluster\","
                                "\"singularResource\":\"pear\",\"verbs\":[\"create\"]}]},{"
                                "\"version\":\"v1\","
                                "\"freshness\":\"Current\",\"resources\":[" APPLE(
                                    "v1",
                                    "\"create\"") "]}]},{"
                                                  "\"metadata\":{\"name\":\"b.test\"},\"versions\":"
                                                  "[{\"version\":\"v1\",\"freshness\":"
                                                  "\"Current\",\"resources\":[{\"resource\":"
                                                  "\"beans\",\"responseKind\":{\"group\":"
                                                  "\"b.test\",\"version\":\"v1\",\"kind\":\"Bean\"}"
                                                  ",\"scope\":\"Cluster\","
                                                  "\"singularResource\":\"bean\",\"verbs\":["
                                                  "\"create\"]}]}]}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discovery_core_has_no_versions),
        cmocka_unit_test(test_discovery_groups_each_once_with_its_versions),
        cmocka_unit_test(test_discovery_resources_of_one_version_only),
        cmocka_unit_test(test_discovery_aggregated_nests_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
