/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which nodes wait to be looked at or read, and until when. */
#include <stdbool.h>
#include <stdint.h>

#include <urcu/list.h>

#include "base/compiler.h"
#include "io/file/read.h"

struct node;

/** How long things wait. */
enum later {
    LATER_MOVE = 0, /* renamed away: the other half of the rename may be a moment behind */
    LATER_SETTLE,   /* being written, or a directory that is gone; FILE_SETTLE_MS */
    LATER_RETRY,    /* what failed by our own lack of memory or descriptors, or takes very long */
    LATER_COUNT_
};

#define MANIFESTS_MOVE_MS  10
#define MANIFESTS_RETRY_MS 250

/** Lists of nodes, each of which is in one of them at most. They borrow the nodes. */
struct queues {
    struct cds_list_head dirty; /* to look at */
    struct cds_list_head reads; /* to read, once everything dirty has been looked at */
    struct cds_list_head later[LATER_COUNT_]; /* each in order of time */
    uint64_t rescan_at_ns;                    /* when to look at everything; 0 for never */
};

void queue_init(struct queues *queues) NONNULL(1);

/** queue_remove() - @node waits for nothing any more */
void queue_remove(struct node *node) NONNULL(1);

/** queue_nominate() - look at @node in this turn. FILE_FOUND does not weaken what is known */
void queue_nominate(struct queues *queues, struct node *node, enum file_occasion occasion)
    NONNULL(1, 2);

/** queue_read() - read @node in this turn */
void queue_read(struct queues *queues, struct node *node) NONNULL(1, 2);

/** queue_defer() - look at @node after the time of @later */
void queue_defer(struct queues *queues, struct node *node, enum later later) NONNULL(1, 2);

/** queue_rescan_after() - a full scan, @delay_ms from now at the latest */
void queue_rescan_after(struct queues *queues, uint64_t delay_ms) NONNULL(1);

/** queue_is_rescan_due() - is it time for a full scan? */
bool queue_is_rescan_due(const struct queues *queues) NODISCARD NONNULL(1);

/** queue_wake_later() - nominate what has waited long enough */
void queue_wake_later(struct queues *queues) NONNULL(1);

/** queue_next_due_ns() - when something here is due, monotonic; 0 for never, 1 for at once */
uint64_t queue_next_due_ns(struct queues *queues) NODISCARD NONNULL(1);

/** queue_take_dirty() - the next to look at, in order of nomination; NULL: none */
struct node *queue_take_dirty(struct queues *queues) NODISCARD NONNULL(1);

/** queue_sort_reads() - in order of path, so that of two new files with the same object only the
 * winner's is ever told. Without memory for the order, the result is the same, by way of the other
 */
void queue_sort_reads(struct queues *queues) NONNULL(1);

/** queue_take_read() - the next to read; NULL: none */
struct node *queue_take_read(struct queues *queues) NODISCARD NONNULL(1);
