/* SPDX-License-Identifier: Apache-2.0 */
/* The first names in bytewise order, whatever order they come in, and however many there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/name_list.h"

static void test_name_list_sorts_by_bytes(void **state)
{
    (void)state;
    static const char *const names[] = { "b", "a", "\xc3\xa4", "B", "aa", "" };
    static const char *const want[] = { "", "B", "a", "aa", "b", "\xc3\xa4" };
    struct name_list list = { 0 };
    for (size_t i = 0; i < COUNTOF(names); i++) {
        assert_int_equal(name_list_add(&list, names[i], 100), ST_OK);
    }
    name_list_sort(&list, 100);
    assert_int_equal(list.count, COUNTOF(want));
    for (size_t i = 0; i < COUNTOF(want); i++) {
        assert_string_equal(list.at[i], want[i]);
    }
    name_list_fini(&list);
    assert_null(list.at);
    name_list_sort(&list, 1); /* an empty one */
    name_list_fini(&list);
}

/* Names 000 to 999 in a row of their own, backwards, and mixed: the same few stay. */
static void test_name_list_keeps_the_first_in_any_order(void **state)
{
    (void)state;
    static const unsigned steps[] = { 1, 999, 7, 331 }; /* each visits all 1000 */
    for (size_t step = 0; step < COUNTOF(steps); step++) {
        struct name_list list = { 0 };
        char name[8];
        for (unsigned i = 0; i < 1000; i++) {
            (void)snprintf(name, sizeof(name), "%03u", (i + 1) * steps[step] % 1000);
            assert_int_equal(name_list_add(&list, name, 5), ST_OK);
            assert_in_range(list.count, 1, 10);
        }
        name_list_sort(&list, 5);
        assert_int_equal(list.count, 5);
        for (unsigned i = 0; i < 5; i++) {
            (void)snprintf(name, sizeof(name), "%03u", i);
            assert_string_equal(list.at[i], name);
        }
        assert_in_range(list.cap, 5, 64); /* memory goes by what is wanted */
        name_list_fini(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_list_sorts_by_bytes),
        cmocka_unit_test(test_name_list_keeps_the_first_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
