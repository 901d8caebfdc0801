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
        cmocka_unit_test(test_object_kind_has_group_rows),
        cmocka_unit_test(test_object_kind_shows_no_whole_token_and_no_empty_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
