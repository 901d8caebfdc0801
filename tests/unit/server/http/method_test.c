/* SPDX-License-Identifier: Apache-2.0 */
/* Names of methods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/method.h"

static const struct {
    const char *name;
    enum method want;
} rows[] = {
    { "GET", METHOD_GET },     { "HEAD", METHOD_HEAD },     { "POST", METHOD_POST },
    { "PUT", METHOD_PUT },     { "PATCH", METHOD_PATCH },   { "DELETE", METHOD_DELETE },
    { "get", METHOD_OTHER },   { "GETS", METHOD_OTHER },    { "GE", METHOD_OTHER },
    { "", METHOD_OTHER },      { "P", METHOD_OTHER },       { "POS", METHOD_OTHER },
    { "TRACE", METHOD_OTHER }, { "CONNECT", METHOD_OTHER },
};

static void test_method_parse_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        if (method_parse(rows[i].name) != rows[i].want) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void test_method_list_names_them_in_order(void **state)
{
    (void)state;
    static const struct {
        unsigned methods;
        const char *want;
    } lists[] = {
        { 0, "" },
        { METHOD_POST, "POST" },
        { METHOD_HEAD | METHOD_GET, "GET or HEAD" },
        { METHOD_DELETE | METHOD_PUT | METHOD_PATCH, "PUT, PATCH or DELETE" },
    };
    for (size_t i = 0; i < COUNTOF(lists); i++) {
        struct buf buf = { 0 };
        method_list(&buf, lists[i].methods, " or ");
        assert_true(span_equal(buf_span(&buf), span_of(lists[i].want)));
        buf_fini(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_method_parse_rows),
        cmocka_unit_test(test_method_list_names_them_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
