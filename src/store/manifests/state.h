/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The directory store, as its parts share it. */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <urcu/list.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/table.h"
#include "store/manifests/digest.h"
#include "store/manifests/limits.h"
#include "store/manifests/node.h"
#include "store/manifests/queue.h"
#include "store/store_base.h"
#include "store/trust.h"

struct object;
struct wake;

struct manifests_index {
    struct table objects;
    struct object *dirty; /* list of objects to settle */
    size_t claim_count;
};

/** In groups, by the part that has to do with them most. */
struct manifests {
    struct store base; /* first */

    /* manifests_new() */
    char *directory; /* owns; as given, for people */
    char *absolute;  /* owns; for the kernel */
    struct clock clock;
    problem_fn *on_problem;
    problem_fn *on_resolved;
    problem_fn *on_remark;
    void *ctx;
    struct manifests_limits limits;

    /* queue.c, for all */
    struct queues queues;

    /* nodes.c */
    struct table nodes; /* by path */
    struct node *root;  /* owns the tree */

    /* tree.c */
    struct table directories; /* by device and inode: none is read under two paths */
    size_t alias_count;
    char physical[PATH_MAX]; /* without symbolic links, as last looked at; "" for unknown */
    bool is_root_lost;
    bool is_unmounted; /* the root was a mount, and what is there now is what it covered; watch.c */

    /* watch.c */
    int inotify_fd;       /* -1 for none */
    struct table watches; /* by descriptor */
    struct table names;   /* by watch and name: where links can come to lead elsewhere */

    /* wake.c */
    struct wake *wake; /* owns; NULL before store_watch() */

    /* trust.c */
    struct trust trust;
    struct problem refusal; /* while loading: of what is refused, the first by path */

    /* index.c */
    struct manifests_index index;
    struct digester digester; /* for all */

    /* report.c */
    struct cds_list_head touched; /* nodes whose problems changed in this turn */
    struct problem first_failure; /* of the last turn that had any */
    bool has_failures;            /* in this turn */

    /* write.c */
    struct cds_list_head writes; /* owns; in the order of their calls */
    size_t write_count;

    /* turn.c */
    unsigned generation; /* of the present or last full scan, from 1 */
    size_t sync_blockers;
    bool is_loading;
    bool is_loaded;
    bool is_scan; /* this turn is a full scan: it counts as one reload */

    /* whoever cannot go on says what a full scan is to make up for */
    bool is_over_limit; /* there are files that the limit on nodes kept out */
    bool is_unwatched;  /* a directory could not be watched: rescan by time */
    bool is_out_of_memory;
};

/** manifests_of() - the back end behind a store of manifests_new() */
static inline struct manifests *manifests_of(struct store *store)
{
    return CONTAINER_OF(store, struct manifests, base);
}

/** manifests_is_settled() - has everything that was there at the start been read? */
static inline bool manifests_is_settled(const struct manifests *manifests)
{
    return manifests->is_loaded && manifests->sync_blockers == 0;
}

/** manifests_is_write_due() - does a write wait that can be run now? */
static inline bool manifests_is_write_due(const struct manifests *manifests)
{
    return manifests->write_count > 0 && manifests_is_settled(manifests);
}

/** manifests_unblock_sync() - STORE_SYNCED need not wait for @node any longer */
static inline void manifests_unblock_sync(struct manifests *manifests, struct node *node)
{
    manifests->sync_blockers -= node->blocks_sync;
    node->blocks_sync = false;
}
