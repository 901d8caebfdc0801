/* SPDX-License-Identifier: Apache-2.0 */
/* Names of members: each once, and so many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "jose/member_names.h"

static void test_member_names_add_twice_is_refused(void **state)
{
    (void)state;
    struct member_names names = { .count = 0 };
    assert_int_equal(member_names_add(&names, SPAN_LITERAL("kid")), ST_OK);
    assert_int_equal(member_names_add(&names, SPAN_LITERAL("Kid")), ST_OK);
    assert_int_equal(member_names_add(&names, SPAN_LITERAL("kid\0")), ST_OK);
    assert_int_equal(member_names_add(&names, SPAN_LITERAL("")), ST_OK);
    assert_int_equal(member_names_add(&names, SPAN_LITERAL("kid")), ST_DUPLICATE);
    assert_int_equal(member_names_add(&names, SPAN_LITERAL("")), ST_DUPLICATE);
}

static void test_member_names_add_is_bounded(void **state)
{
    (void)state;
    struct member_names names = { .count = 0 };
    static const char text[MEMBER_NAMES_MAX + 1] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (size_t i = 0; i < MEMBER_NAMES_MAX; i++) {
        assert_int_equal(member_names_add(&names, (struct span){ text, i }), ST_OK);
    }
    assert_int_equal(member_names_add(&names, (struct span){ text, MEMBER_NAMES_MAX }), ST_LIMIT);
    assert_int_equal(member_names_add(&names, (struct span){ text, 1 }), ST_DUPLICATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_member_names_add_twice_is_refused),
        cmocka_unit_test(test_member_names_add_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
