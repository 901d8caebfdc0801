/* SPDX-License-Identifier: Apache-2.0 */
/* Group lists of any family: what a list says, and that equal lists are one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/group_lists.h"
#include "support/alloc_fail.h"

static int setup(void **state)
{
    struct group_lists *lists;
    if (group_lists_new(&lists) != ST_OK) {
        return -1;
    }
    *state = lists;
    return 0;
}

static int teardown(void **state)
{
    urcu_bp_barrier(); /* lists that wait for their grace period */
    *state = group_lists_free(*state);
    return 0;
}

#define NAMES_MAX 3

static const struct {
    const char *name;
    struct span names[NAMES_MAX];
    size_t count;
    const char *json;
} rows[] = {
    { "none", { { 0 } }, 0, "[]}" },
    { "one", { SPAN_LITERAL("a") }, 1, "[\"a\"]}" },
    { "an empty name", { SPAN_LITERAL("") }, 1, "[\"\"]}" },
    { "an empty name, by no address", { { 0 } }, 1, "[\"\"]}" },
    { "in the order of their family",
      { SPAN_LITERAL("b"), SPAN_LITERAL("a"), SPAN_LITERAL("b") },
      3,
      "[\"b\",\"a\",\"b\"]}" },
    { "escapes", { SPAN_LITERAL("\"\\\n"), SPAN_LITERAL("ä") }, 2, "[\"\\\"\\\\\\n\",\"ä\"]}" },
    { "a comma", { SPAN_LITERAL("a,b") }, 1, "[\"a,b\"]}" },
    { "no UTF-8", { SPAN_LITERAL("a\xff") }, 1, "[\"a\\ufffd\"]}" },
};

static void test_group_lists_rows(void **state)
{
    struct group_lists *lists = *state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct group_list *list = NULL;
        assert_int_equal(group_lists_ref(lists, rows[i].names, rows[i].count, &list), ST_OK);
        if (!span_equal(list->json, span_of(rows[i].json))) {
            fail_msg("%s: %.*s", rows[i].name, (int)list->json.len, list->json.at);
        }
        assert_int_equal(list->count, rows[i].count);
        for (size_t n = 0; n < list->count; n++) {
            assert_true(span_equal(list->names[n], rows[i].names[n]));
            assert_ptr_not_equal(list->names[n].at, rows[i].names[n].at);
        }
        group_lists_unref(lists, list);
    }
    assert_int_equal(group_lists_count(lists), 0);
}

/* What differs in anything but its bytes' place is another list. */
static void test_group_lists_equal_lists_are_one(void **state)
{
    struct group_lists *lists = *state;
    const struct span names[][NAMES_MAX] = {
        { SPAN_LITERAL("a"), SPAN_LITERAL("b") },    { SPAN_LITERAL("b"), SPAN_LITERAL("a") },
        { SPAN_LITERAL("a,b"), SPAN_LITERAL("") },   { SPAN_LITERAL("ab"), SPAN_LITERAL("") },
        { SPAN_LITERAL(""), SPAN_LITERAL("ab") },    { SPAN_LITERAL("a\xff"), SPAN_LITERAL("") },
        { SPAN_LITERAL("a\xfe"), SPAN_LITERAL("") }, { SPAN_LITERAL("a\"],[\"b"), { 0 } },
    };
    const struct group_list *first[COUNTOF(names)];
    for (size_t i = 0; i < COUNTOF(names); i++) {
        const struct span copies[2] = { { span_copy(names[i][0]), names[i][0].len },
                                        { span_copy(names[i][1]), names[i][1].len } };
        const struct group_list *again;
        assert_int_equal(group_lists_ref(lists, names[i], 2, &first[i]), ST_OK);
        assert_int_equal(group_lists_count(lists), i + 1);
        assert_int_equal(group_lists_ref(lists, copies, 2, &again), ST_OK);
        assert_ptr_equal(again, first[i]);
        assert_int_equal(group_lists_count(lists), i + 1);
        group_lists_unref(lists, again);
        free((char *)copies[0].at);
        free((char *)copies[1].at);
    }
    assert_true(span_equal(first[0]->names[1], SPAN_LITERAL("b"))); /* it has bytes of its own */
    for (size_t i = 0; i < COUNTOF(names); i++) {
        assert_int_equal(group_lists_count(lists), COUNTOF(names) - i);
        group_lists_unref(lists, first[i]);
    }
    group_lists_unref(lists, NULL);
    assert_int_equal(group_lists_count(lists), 0);
}

/* A reader that found the list before its last reference went may use it until it leaves. */
static void test_group_lists_unref_waits_for_readers(void **state)
{
    struct group_lists *lists = *state;
    const struct group_list *list;
    const struct span name = SPAN_LITERAL("a");
    assert_int_equal(group_lists_ref(lists, &name, 1, &list), ST_OK);
    urcu_bp_read_lock();
    group_lists_unref(lists, list);
    assert_int_equal(list->count, 1); /* ASan has its eye on this */
    assert_true(span_equal(list->names[0], name));
    urcu_bp_read_unlock();
}

static void test_group_lists_without_memory(void **state)
{
    struct group_lists *lists = *state;
    if (!alloc_fail_is_available()) {
        return;
    }
    const struct span name = SPAN_LITERAL("a");
    const struct group_list *list = NULL;
    size_t nth = 1;
    bool reached;
    do {
        alloc_fail_arm(nth++);
        const enum status status = group_lists_ref(lists, &name, 1, &list);
        reached = alloc_fail_disarm();
        assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
        assert_int_equal(group_lists_count(lists), reached ? 0 : 1);
    } while (reached);
    group_lists_unref(lists, list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_group_lists_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_group_lists_equal_lists_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_group_lists_unref_waits_for_readers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_group_lists_without_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
