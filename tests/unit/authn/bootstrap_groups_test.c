/* SPDX-License-Identifier: Apache-2.0 */
/* What data.auth-extra-groups stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/bootstrap_groups.h"
#include "support/vectors.h"

#define P "system:bootstrappers:"

static const struct {
    const char *name;
    struct span extra;
    enum status want;
    const char *json;
} rows[] = {
    { "absent", { 0 }, ST_OK, "[\"system:bootstrappers\"]}" },
    { "empty", SPAN_LITERAL(""), ST_OK, "[\"system:bootstrappers\"]}" },
    { "one", SPAN_LITERAL(P "a"), ST_OK, "[\"system:bootstrappers\",\"" P "a\"]}" },
    { "sorted", SPAN_LITERAL(P "b," P "a"), ST_OK,
      "[\"system:bootstrappers\",\"" P "a\",\"" P "b\"]}" },
    { "bytewise: dash, digits, colon, letters", SPAN_LITERAL(P "xa," P "x:a," P "x9," P "x-a"),
      ST_OK, "[\"system:bootstrappers\",\"" P "x-a\",\"" P "x9\",\"" P "x:a\",\"" P "xa\"]}" },
    { "a prefix comes first", SPAN_LITERAL(P "aa," P "a"), ST_OK,
      "[\"system:bootstrappers\",\"" P "a\",\"" P "aa\"]}" },
    { "duplicates once", SPAN_LITERAL(P "a," P "b," P "a"), ST_OK,
      "[\"system:bootstrappers\",\"" P "a\",\"" P "b\"]}" },
    { "blank behind the comma", SPAN_LITERAL(P "a, " P "b"), ST_GROUPS_INVALID, NULL },
    { "trailing comma", SPAN_LITERAL(P "a,"), ST_GROUPS_INVALID, NULL },
    { "leading comma", SPAN_LITERAL("," P "a"), ST_GROUPS_INVALID, NULL },
    { "only a comma", SPAN_LITERAL(","), ST_GROUPS_INVALID, NULL },
    { "the bare default group", SPAN_LITERAL("system:bootstrappers"), ST_GROUPS_INVALID, NULL },
    { "one bad among good", SPAN_LITERAL(P "a,system:masters," P "b"), ST_GROUPS_INVALID, NULL },
    { "newline at the end", SPAN_LITERAL(P "a\n"), ST_GROUPS_INVALID, NULL },
    { "NUL inside", SPAN_LITERAL(P "a\0," P "b"), ST_GROUPS_INVALID, NULL },
};

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

/* The names must be the JSON's: the answer uses one, the log the other. */
static void assert_names_match_json(const struct group_list *list)
{
    size_t at = 0;
    for (size_t i = 0; i < list->count; i++) {
        assert_int_equal(list->json.at[at], i == 0 ? '[' : ',');
        assert_int_equal(list->json.at[at + 1], '"');
        assert_true(span_starts_with(span_after(list->json, at + 2), list->names[i]));
        at += 2 + list->names[i].len;
        assert_int_equal(list->json.at[at++], '"');
    }
    assert_true(span_equal(span_after(list->json, at), SPAN_LITERAL("]}")));
}

static void test_bootstrap_groups_rows(void **state)
{
    struct group_lists *lists = *state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct group_list *list = NULL;
        const enum status status = bootstrap_groups_ref(lists, rows[i].extra, &list);
        if (status != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, status_label(status));
        }
        if (status != ST_OK) {
            assert_null(list);
            continue;
        }
        if (!span_equal(list->json, span_of(rows[i].json))) {
            fail_msg("%s: %.*s", rows[i].name, (int)list->json.len, list->json.at);
        }
        assert_names_match_json(list);
        group_lists_unref(lists, list);
    }
    assert_int_equal(group_lists_count(lists), 0);
}

static void test_bootstrap_groups_equal_lists_are_one(void **state)
{
    struct group_lists *lists = *state;
    const struct group_list *a;
    const struct group_list *b;
    const struct group_list *c;
    assert_int_equal(bootstrap_groups_ref(lists, SPAN_LITERAL(P "a," P "b"), &a), ST_OK);
    assert_int_equal(bootstrap_groups_ref(lists, SPAN_LITERAL(P "b," P "a," P "b"), &b), ST_OK);
    assert_int_equal(bootstrap_groups_ref(lists, SPAN_LITERAL(P "a"), &c), ST_OK);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_int_equal(group_lists_count(lists), 2);
    group_lists_unref(lists, a);
    assert_int_equal(group_lists_count(lists), 2);
    assert_int_equal(b->count, 3); /* still there for its other user */
    group_lists_unref(lists, b);
    assert_int_equal(group_lists_count(lists), 1);
    group_lists_unref(lists, c);
    group_lists_unref(lists, NULL);
    assert_int_equal(group_lists_count(lists), 0);
}

static void test_bootstrap_groups_vectors(void **state)
{
    struct group_lists *lists = *state;
    json_object *root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    json_object *all = vectors_list(root, "bootstrap", "extra_groups_parse");
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        json_object *row = json_object_array_get_idx(all, i);
        const bool ok = json_object_get_boolean(json_object_object_get(row, "ok"));
        struct span want[8];
        const size_t want_count = vectors_texts(row, "groups", want, 8);
        const struct group_list *list;
        const enum status status =
            bootstrap_groups_ref(lists, vectors_text(row, "auth_extra_groups"), &list);
        assert_int_equal(status, ok ? ST_OK : ST_GROUPS_INVALID);
        if (!ok) {
            continue;
        }
        assert_int_equal(list->count, want_count);
        for (size_t n = 0; n < want_count; n++) {
            assert_true(span_equal(list->names[n], want[n]));
        }
        group_lists_unref(lists, list);
    }
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bootstrap_groups_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bootstrap_groups_equal_lists_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bootstrap_groups_vectors, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
