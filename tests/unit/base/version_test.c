/* SPDX-License-Identifier: Apache-2.0 */
/* The build's facts agree with each other and make a well-formed /version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/version.h"

static void test_version_parts_make_the_number(void **state)
{
    (void)state;
    char start[64];
    snprintf(start, sizeof(start), "%s.%s.", version_major(), version_minor());
    assert_int_equal(strncmp(version_number(), start, strlen(start)), 0);
    char text[128];
    snprintf(text, sizeof(text), "%s (%s)", version_number(), version_commit());
    assert_string_equal(version_text(), text);
    assert_int_equal(strncmp(version_platform(), "linux/", 6), 0);
    assert_true(strncmp(version_compiler(), "gcc ", 4) == 0 ||
                strncmp(version_compiler(), "clang ", 6) == 0);
}

static void assert_member(json_object *root, const char *key, const char *want)
{
    json_object *value;
    assert_true(json_object_object_get_ex(root, key, &value));
    assert_true(json_object_is_type(value, json_type_string));
    assert_string_equal(json_object_get_string(value), want);
}

static void test_version_json_is_kubernetes_version_info(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    version_build_json(&buf);
    buf_append_char(&buf, '\0');
    assert_false(buf.failed);
    json_object *root = json_tokener_parse(buf.at);
    assert_non_null(root);
    assert_member(root, "major", version_major());
    assert_member(root, "minor", version_minor());
    char git_version[64];
    snprintf(git_version, sizeof(git_version), "v%s", version_number());
    assert_member(root, "gitVersion", git_version);
    char commit[64];
    snprintf(commit, sizeof(commit), "%s", version_commit());
    char *dirty = strstr(commit, "-dirty");
    const char *tree = dirty ? "dirty" : strcmp(commit, "unknown") == 0 ? "" : "clean";
    if (dirty) {
        *dirty = '\0';
    }
    assert_member(root, "gitCommit", commit);
    assert_member(root, "gitTreeState", tree);
    assert_member(root, "compiler", version_compiler());
    assert_member(root, "platform", version_platform());
    json_object_put(root);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_parts_make_the_number),
        cmocka_unit_test(test_version_json_is_kubernetes_version_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
