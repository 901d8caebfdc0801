/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of the API, and who an object says it is, whatever it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/apiserver/resource.h"

static const struct object_kind kind_widget = {
    .group = "example.com",
    .version = "v1",
    .name = "Widget",
    .plural = "widgets",
    .is_cluster_scoped = true,
};

static void test_resource_path_rows(void **state)
{
    (void)state;
    static const struct {
        const struct object_kind *kind;
        const char *namespace;
        const char *name;
        const char *want;
    } rows[] = {
        { &kind_secret, "", "", "/api/v1/secrets" },
        { &kind_secret, "a", "", "/api/v1/namespaces/a/secrets" },
        { &kind_secret, "a", "b.c", "/api/v1/namespaces/a/secrets/b.c" },
        { &kind_widget, "", "", "/apis/example.com/v1/widgets" },
        { &kind_widget, "", "b.c", "/apis/example.com/v1/widgets/b.c" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct buf path = { 0 };
        resource_path(&path, rows[i].kind, span_of(rows[i].namespace), span_of(rows[i].name));
        assert_true(span_equal(buf_span(&path), span_of(rows[i].want)));
        buf_fini(&path);
    }
}

static void test_resource_metadata_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool has_metadata;
        const char *name;
    } rows[] = {
        { "{\"metadata\":{\"name\":\"a\"}}", true, "a" },
        { "{\"metadata\":{\"name\":7}}", true, "" },
        { "{\"metadata\":{}}", true, "" },
        { "{\"metadata\":\"name\"}", false, "" },
        { "{\"metadata\":[{\"name\":\"a\"}]}", false, "" },
        { "{\"metadata\":null}", false, "" },
        { "{}", false, "" },
        { "[{\"metadata\":{\"name\":\"a\"}}]", false, "" },
        { "\"metadata\"", false, "" },
        { "null", false, "" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        json_object *object = json_tokener_parse(rows[i].text);
        const json_object *metadata = resource_metadata(object);
        print_message("# row: %s\n", rows[i].text);
        assert_int_equal(metadata != NULL, rows[i].has_metadata);
        assert_true(span_equal(resource_text(metadata, "name"), span_of(rows[i].name)));
        json_object_put(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resource_path_rows),
        cmocka_unit_test(test_resource_metadata_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
