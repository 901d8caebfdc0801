/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the directory store has still to do, as lists of nodes.
 *
 * A node is in one of them at most: to be looked at, to be read, or to be looked at when its time
 * has come. There is one list for each length of waiting, so every list is in order of time, and
 * the first of each tells when the next is due. Whoever finds out that a path may have changed puts
 * its node here; nobody acts at once.
 *
 * Untrusted: nothing but how many nodes there are, which the limits bound. Threads: the loop's.
 */
#include "store/manifests/queue.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "store/manifests/node.h"

#define NS_PER_MS UINT64_C(1000000)

static const uint64_t later_ms[LATER_COUNT_] = {
    [LATER_MOVE] = MANIFESTS_MOVE_MS,
    [LATER_SETTLE] = FILE_SETTLE_MS,
    [LATER_RETRY] = MANIFESTS_RETRY_MS,
};

void queue_init(struct queues *queues)
{
    CDS_INIT_LIST_HEAD(&queues->dirty);
    CDS_INIT_LIST_HEAD(&queues->reads);
    for (unsigned i = 0; i < LATER_COUNT_; i++) {
        CDS_INIT_LIST_HEAD(&queues->later[i]);
    }
    queues->rescan_at_ns = 0;
}

void queue_remove(struct node *node)
{
    cds_list_del_init(&node->queue);
    node->is_later = false;
}

void queue_nominate(struct queues *queues, struct node *node, enum file_occasion occasion)
{
    /* Already nominated for a better reason, or known to be in the making. */
    const bool is_waiting = !cds_list_empty(&node->queue);
    const bool is_better = is_waiting && (!node->is_later || node->occasion == FILE_APPEARED);
    if (occasion != FILE_FOUND || !is_better) {
        node->occasion = occasion;
    }
    queue_remove(node);
    cds_list_add_tail(&node->queue, &queues->dirty);
}

void queue_read(struct queues *queues, struct node *node)
{
    queue_remove(node);
    cds_list_add_tail(&node->queue, &queues->reads);
}

void queue_defer(struct queues *queues, struct node *node, enum later later)
{
    queue_remove(node);
    node->is_later = true;
    node->due_ns = uv_hrtime() + later_ms[later] * NS_PER_MS;
    cds_list_add_tail(&node->queue, &queues->later[later]);
}

void queue_rescan_after(struct queues *queues, uint64_t delay_ms)
{
    const uint64_t at_ns = uv_hrtime() + delay_ms * NS_PER_MS;
    if (queues->rescan_at_ns == 0 || at_ns < queues->rescan_at_ns) {
        queues->rescan_at_ns = at_ns;
    }
}

bool queue_is_rescan_due(const struct queues *queues)
{
    return queues->rescan_at_ns != 0 && queues->rescan_at_ns <= uv_hrtime();
}

static struct node *first_of(struct cds_list_head *list)
{
    return cds_list_empty(list) ? NULL : cds_list_first_entry(list, struct node, queue);
}

void queue_wake_later(struct queues *queues)
{
    const uint64_t now_ns = uv_hrtime();
    for (unsigned i = 0; i < LATER_COUNT_; i++) {
        struct node *node;
        while ((node = first_of(&queues->later[i])) && node->due_ns <= now_ns) {
            queue_nominate(queues, node, node->occasion);
        }
    }
}

uint64_t queue_next_due_ns(struct queues *queues)
{
    uint64_t due_ns = queues->rescan_at_ns;
    for (unsigned i = 0; i < LATER_COUNT_; i++) {
        const struct node *node = first_of(&queues->later[i]);
        if (node && (due_ns == 0 || node->due_ns < due_ns)) {
            due_ns = node->due_ns;
        }
    }
    return cds_list_empty(&queues->dirty) ? due_ns : 1;
}

static struct node *take(struct cds_list_head *list)
{
    struct node *node = first_of(list);
    if (node) {
        queue_remove(node);
    }
    return node;
}

struct node *queue_take_dirty(struct queues *queues)
{
    return take(&queues->dirty);
}

static int compare_paths(const void *a, const void *b)
{
    const struct node *const *left = a;
    const struct node *const *right = b;
    return strcmp((*left)->path, (*right)->path);
}

void queue_sort_reads(struct queues *queues)
{
    size_t count = 0;
    struct node *node;
    cds_list_for_each_entry(node, &queues->reads, queue)
    {
        count++;
    }
    struct node **nodes = count > 1 ? calloc(count, sizeof(struct node *)) : NULL;
    if (!nodes) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        nodes[i] = take(&queues->reads);
    }
    qsort(nodes, count, sizeof(struct node *), compare_paths);
    for (size_t i = 0; i < count; i++) {
        cds_list_add_tail(&nodes[i]->queue, &queues->reads);
    }
    free(nodes);
}

struct node *queue_take_read(struct queues *queues)
{
    return take(&queues->reads);
}
