/* SPDX-License-Identifier: Apache-2.0 */
/* `version`, for people and as JSON. */
#include <json-c/json.h>

#include "base/version.h"
#include "cli/version_command.h"
#include "support/capture.h"

static struct capture capture;

static void test_version_command_prints_the_number(void **state)
{
    (void)state;
    const struct options options = { 0 };
    capture_begin(&capture);
    const int status = version_command_run(&options);
    capture_end(&capture);
    assert_int_equal(status, 0);
    assert_ptr_equal(strstr(capture.out, "kube-bearer "), capture.out);
    assert_non_null(strstr(capture.out, version_number()));
    assert_ptr_equal(strchr(capture.out, '\n'), capture.out + strlen(capture.out) - 1);
}

static void test_version_command_prints_json(void **state)
{
    (void)state;
    const struct options options = { .version_output = VERSION_OUTPUT_JSON };
    capture_begin(&capture);
    const int status = version_command_run(&options);
    capture_end(&capture);
    assert_int_equal(status, 0);
    json_object *root = json_tokener_parse(capture.out);
    assert_non_null(root);
    assert_non_null(json_object_object_get(root, "gitVersion"));
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_command_prints_the_number),
        cmocka_unit_test(test_version_command_prints_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
