/* SPDX-License-Identifier: Apache-2.0 */
/* Which node comes next, and for what reason. Time is what the nodes say: nothing here waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/manifests/node.h"
#include "store/manifests/queue.h"

#define LONG_AGO_NS 1000 /* since the machine has started */

static struct node *new_node(const char *path)
{
    const size_t size = strlen(path) + 1;
    struct node *node = calloc(1, sizeof(*node) + size);
    assert_non_null(node);
    memcpy(node->path, path, size);
    CDS_INIT_LIST_HEAD(&node->queue);
    return node;
}

static void test_queue_takes_each_once_in_order_of_nomination(void **state)
{
    (void)state;
    struct queues queues;
    struct node *a = new_node("a");
    struct node *b = new_node("b");
    struct node *gone = new_node("gone");
    queue_init(&queues);
    assert_null(queue_take_dirty(&queues));
    queue_nominate(&queues, b, FILE_FOUND);
    queue_nominate(&queues, gone, FILE_FOUND);
    queue_nominate(&queues, a, FILE_FOUND);
    queue_nominate(&queues, b, FILE_FOUND); /* to the end */
    queue_remove(gone);
    assert_ptr_equal(queue_take_dirty(&queues), a);
    assert_ptr_equal(queue_take_dirty(&queues), b);
    assert_null(queue_take_dirty(&queues));
    free(a);
    free(b);
    free(gone);
}

enum where { IN_NONE = 0, IN_DIRTY, IN_LATER };

static const struct {
    const char *name;
    enum where where;
    enum file_occasion before;
    enum file_occasion nominated;
    enum file_occasion want;
} occasions[] = {
    { "nothing waits", IN_NONE, FILE_PUBLISHED, FILE_FOUND, FILE_FOUND },
    { "found is no news of what was published", IN_DIRTY, FILE_PUBLISHED, FILE_FOUND,
      FILE_PUBLISHED },
    { "found is no news of what has appeared", IN_DIRTY, FILE_APPEARED, FILE_FOUND, FILE_APPEARED },
    { "published is news of what was found", IN_DIRTY, FILE_FOUND, FILE_PUBLISHED, FILE_PUBLISHED },
    { "what has appeared is in the making", IN_LATER, FILE_APPEARED, FILE_FOUND, FILE_APPEARED },
    { "what has appeared is published", IN_LATER, FILE_APPEARED, FILE_PUBLISHED, FILE_PUBLISHED },
    { "what was published a while ago", IN_LATER, FILE_PUBLISHED, FILE_FOUND, FILE_FOUND },
};

static void test_queue_keeps_the_better_occasion(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(occasions); i++) {
        struct queues queues;
        struct node *node = new_node("a");
        print_message("# %s\n", occasions[i].name);
        queue_init(&queues);
        if (occasions[i].where == IN_DIRTY) {
            queue_nominate(&queues, node, FILE_FOUND);
        } else if (occasions[i].where == IN_LATER) {
            queue_defer(&queues, node, LATER_SETTLE);
        }
        node->occasion = occasions[i].before;
        queue_nominate(&queues, node, occasions[i].nominated);
        assert_int_equal(node->occasion, occasions[i].want);
        assert_ptr_equal(queue_take_dirty(&queues), node);
        free(node);
    }
}

static void test_queue_wakes_what_has_waited_long_enough(void **state)
{
    (void)state;
    struct queues queues;
    struct node *early = new_node("early");
    struct node *late = new_node("late");
    queue_init(&queues);
    queue_defer(&queues, early, LATER_RETRY);
    queue_defer(&queues, late, LATER_RETRY);
    queue_wake_later(&queues);
    assert_null(queue_take_dirty(&queues));
    early->occasion = FILE_PUBLISHED;
    early->due_ns = LONG_AGO_NS;
    queue_wake_later(&queues);
    assert_ptr_equal(queue_take_dirty(&queues), early);
    assert_int_equal(early->occasion, FILE_PUBLISHED);
    assert_null(queue_take_dirty(&queues));
    free(early);
    free(late);
}

static void test_queue_next_due_is_the_earliest(void **state)
{
    (void)state;
    struct queues queues;
    struct node *move = new_node("move");
    struct node *retry = new_node("retry");
    queue_init(&queues);
    assert_int_equal(queue_next_due_ns(&queues), 0);
    queue_defer(&queues, retry, LATER_RETRY);
    assert_int_equal(queue_next_due_ns(&queues), retry->due_ns);
    queue_defer(&queues, move, LATER_MOVE);
    assert_true(move->due_ns < retry->due_ns);
    assert_int_equal(queue_next_due_ns(&queues), move->due_ns);
    queue_rescan_after(&queues, 0);
    assert_int_equal(queue_next_due_ns(&queues), queues.rescan_at_ns);
    retry->due_ns = LONG_AGO_NS; /* it has waited for longer than what comes before it waits */
    assert_int_equal(queue_next_due_ns(&queues), LONG_AGO_NS);
    queue_nominate(&queues, move, FILE_FOUND);
    assert_int_equal(queue_next_due_ns(&queues), 1);
    free(move);
    free(retry);
}

static void test_queue_rescan_is_due_by_the_earliest_wish(void **state)
{
    (void)state;
    struct queues queues;
    queue_init(&queues);
    assert_false(queue_is_rescan_due(&queues));
    queue_rescan_after(&queues, 3600000);
    assert_false(queue_is_rescan_due(&queues));
    queue_rescan_after(&queues, 0);
    assert_true(queue_is_rescan_due(&queues));
    queue_rescan_after(&queues, 3600000);
    assert_true(queue_is_rescan_due(&queues));
}

static void test_queue_reads_in_order_of_path(void **state)
{
    (void)state;
    static const char *const paths[] = { "b.yaml", "a/z.yaml", "B.yaml", "a.yaml" };
    static const char *const want[] = { "B.yaml", "a.yaml", "a/z.yaml", "b.yaml" };
    struct queues queues;
    queue_init(&queues);
    queue_sort_reads(&queues); /* none */
    for (size_t i = 0; i < COUNTOF(paths); i++) {
        queue_read(&queues, new_node(paths[i]));
    }
    queue_sort_reads(&queues);
    for (size_t i = 0; i < COUNTOF(want); i++) {
        struct node *node = queue_take_read(&queues);
        assert_non_null(node);
        assert_string_equal(node->path, want[i]);
        free(node);
    }
    assert_null(queue_take_read(&queues));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_takes_each_once_in_order_of_nomination),
        cmocka_unit_test(test_queue_keeps_the_better_occasion),
        cmocka_unit_test(test_queue_wakes_what_has_waited_long_enough),
        cmocka_unit_test(test_queue_next_due_is_the_earliest),
        cmocka_unit_test(test_queue_rescan_is_due_by_the_earliest_wish),
        cmocka_unit_test(test_queue_reads_in_order_of_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
