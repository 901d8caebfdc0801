/* SPDX-License-Identifier: Apache-2.0 */
/* How a kind is named, in apiVersions and to people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/object_kind.h"

static const struct object_kind kind_widget = {
    .group = "example.com",
    .version = "v1alpha1",
    .name = "Widget",
    .plural = "widgets",
    .is_cluster_scoped = true,
};

static void test_object_kind_has_an_api_version(void **state)
{
    (void)state;
    assert_string_equal(object_api_version(&kind_secret).text, "v1");
    assert_string_equal(object_api_version(&kind_widget).text, "example.com/v1alpha1");
}

/* What a path is made of, and whether it has a namespace in it. Source: `kubectl api-resources`. */
static void test_object_kind_rows(void **state)
{
    (void)state;
    static const struct {
        const struct object_kind *kind;
        const char *name;
        const char *plural;
        bool is_cluster_scoped;
        bool is_secret;
    } rows[] = {
        { &kind_secret, "Secret", "secrets", false, true },
        { &kind_config_map, "ConfigMap", "configmaps", false, false },
        { &kind_service_account, "ServiceAccount", "serviceaccounts", false, false },
        { &kind_pod, "Pod", "pods", false, false },
        { &kind_node, "Node", "nodes", true, false },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        assert_string_equal(object_api_version(rows[i].kind).text, "v1");
        assert_string_equal(rows[i].kind->name, rows[i].name);
        assert_string_equal(rows[i].kind->plural, rows[i].plural);
        assert_int_equal(rows[i].kind->is_cluster_scoped, rows[i].is_cluster_scoped);
        assert_int_equal(rows[i].kind->is_secret, rows[i].is_secret);
    }
}

static void test_object_kind_has_group_rows(void **state)
{
    (void)state;
    static const struct {
        const struct object_kind *kind;
        const char *api_version;
        bool want;
    } rows[] = {
        { &kind_secret, "v1", true },
        { &kind_secret, "v2", true },
        { &kind_secret, "", true },
        { &kind_secret, "example.com/v1", false },
        { &kind_widget, "example.com/v1alpha1", true },
        { &kind_widget, "example.com/v2", true },
        { &kind_widget, "example.com", false },
        { &kind_widget, "v1alpha1", false },
        { &kind_widget, "example.com.org/v1alpha1", false },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        if (object_kind_has_group(rows[i].kind, span_of(rows[i].api_version)) != rows[i].want) {
            fail_msg("%s of %s", rows[i].kind->name, rows[i].api_version);
        }
    }
}

static void test_object_kind_shows_no_whole_token_and_no_empty_namespace(void **state)
{
    (void)state;
    const struct span token = SPAN_LITERAL("bootstrap-token-abcdef.0123456789abcdef");
    const struct span none = { 0 };
    assert_string_equal(shown_object_of(&kind_secret, SPAN_LITERAL("kube-system"), token).text,
                        "Secret kube-system/bootstrap-token-abcdef...");
    assert_string_equal(shown_object_of(&kind_widget, none, SPAN_LITERAL("a\nb")).text,
                        "Widget a?b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object_kind_has_an_api_version),
        cmocka_unit_test(test_object_kind_rows),
        cmocka_unit_test(test_object_kind_has_group_rows),
        cmocka_unit_test(test_object_kind_shows_no_whole_token_and_no_empty_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
