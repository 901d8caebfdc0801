/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn of the directory store: everything that there is to do for now, in the order that lets
 * it be told as a whole.
 *
 * First all nominated nodes are looked at, then what is new is read, in rounds, since either may
 * find work for the other. Only when nothing more is found are the objects settled that are in no
 * file any more, and the files told that are fine again.
 *
 * A file that is still being written is looked at again until it is whole; for how long, and what
 * is told when it takes longer, stands here, too.
 *
 * Threads: the loop's, or whoever loads before it runs.
 */
#include "store/manifests/turn.h"

#include <limits.h>

#include <uv.h>

#include "io/file/read.h"
#include "store/manifests/decode.h"
#include "store/manifests/index.h"
#include "store/manifests/nodes.h"
#include "store/manifests/queue.h"
#include "store/manifests/report.h"
#include "store/manifests/tree.h"
#include "store/manifests/trust.h"
#include "store/manifests/watch.h"

/* Rounds of looking in one turn. A directory that is replaced while it is read takes another; who
 * replaces it faster than we look waits for the next turn. */
#define TURN_ROUNDS_MAX 8

/* File times tick every few milliseconds, and a change within the same tick leaves no trace in them
 * (git's "racy" files). Read again in a full scan what was read this soon after its change. */
#define RACY_MS 50

/* In place of watches that the kernel refuses. */
#define RESCAN_MS 10000

/* A file that is being written for longer no longer delays STORE_SYNCED, and is told about. */
#define UNSETTLED_MAX_MS 2000

#define NS_PER_MS UINT64_C(1000000)

/* --- reading one file --- */

static void note_unsettled(struct manifests *manifests,
                           struct node *node,
                           const struct file_stamp *stamp)
{
    const uint64_t now_ns = uv_hrtime();
    if (!node->is_unsettled) {
        node->is_unsettled = true;
        node->unsettled_at_ns = now_ns;
        node->blocks_sync = manifests->is_loading;
        manifests->sync_blockers += manifests->is_loading;
    }
    if (node->is_stamp_loaded || !file_stamp_equal(&node->stamp, stamp)) {
        node->stamp = *stamp;
        node->stamp_at_ns = now_ns;
        node->is_stamp_loaded = false;
    }
    if (node->occasion == FILE_PUBLISHED) {
        node->occasion = FILE_FOUND; /* somebody is at it again */
    }
    if (now_ns - node->unsettled_at_ns < UNSETTLED_MAX_MS * NS_PER_MS) {
        queue_defer(&manifests->queues, node, LATER_SETTLE);
        return;
    }
    struct problem problem;
    problem_set(&problem, ST_UNSETTLED, 0, 0,
                "somebody has been writing it for over %d seconds; it is read when they close it",
                UNSETTLED_MAX_MS / 1000);
    report_problem(manifests, node, &problem);
    manifests_unblock_sync(manifests, node);
    queue_defer(&manifests->queues, node, LATER_RETRY);
}

static void note_loaded(struct manifests *manifests,
                        struct node *node,
                        const struct file_stamp *stamp)
{
    struct instant racy_before = clock_now(&manifests->clock);
    racy_before.nsec += (FILE_SETTLE_MS - RACY_MS) * 1000000; /* is_quiet asks for FILE_SETTLE_MS */
    if (racy_before.nsec >= 1000000000) {
        racy_before.sec++;
        racy_before.nsec -= 1000000000;
    }
    node->stamp = *stamp;
    node->is_stamp_loaded = true;
    node->is_stamp_racy = !file_stamp_is_quiet(stamp, racy_before);
}

static enum status decode(struct manifests *manifests,
                          struct node *node,
                          const struct file_content *content,
                          struct problem *reterr_problem)
{
    struct manifest_objects objects = { 0 };
    const struct span text = { .at = content->at, .len = content->len };
    enum status status =
        manifest_decode(text, manifest_kinds_of(&manifests->base), &manifests->limits,
                        &manifests->digester, &objects, reterr_problem);
    digester_rest(&manifests->digester);
    if (status == ST_OK) {
        status = index_replace(manifests, node, &objects, reterr_problem);
    }
    if (status == ST_OK) {
        report_damage(manifests, node, objects.damage_line, objects.damage_column);
    }
    manifest_objects_fini(&objects);
    return status;
}

/* Ours to try again by the clock: nothing about the file will change, and so no event come. */
static bool is_our_fault(enum status status)
{
    return status == ST_NOMEM || status == ST_IO;
}

static void finish_reading(struct manifests *manifests,
                           struct node *node,
                           enum status status,
                           struct problem *problem)
{
    node->is_unsettled = false;
    node->is_read_due = false;
    node->occasion = FILE_FOUND;
    manifests_unblock_sync(manifests, node);
    if (!manifests->is_scan) {
        const bool is_whole = status == ST_OK && node->refused_count == 0;
        store_count_reload(&manifests->base, is_whole, clock_now(&manifests->clock).sec);
    }
    if (status == ST_OK) {
        report_fine(manifests, node);
        return;
    }
    report_problem(manifests, node, problem);
    manifests->is_out_of_memory = manifests->is_out_of_memory || status == ST_NOMEM;
    if (is_our_fault(status)) {
        queue_defer(&manifests->queues, node, LATER_RETRY);
    }
}

static void read_node(struct manifests *manifests, struct node *node)
{
    char path[PATH_MAX];
    struct problem problem = { 0 };
    struct file_content content = { 0 };
    struct file_stamp stamp = { 0 };
    const bool is_long_seen =
        node->is_unsettled && uv_hrtime() - node->stamp_at_ns >= FILE_SETTLE_MS * NS_PER_MS;
    struct trust_question question = { .manifests = manifests, .node = node, .path = path };
    const struct file_read_options options = {
        .accept = trust_admit_file,
        .ctx = &question,
        .max_bytes = manifests->limits.file_bytes,
        .occasion = node->occasion,
        .now = clock_now(&manifests->clock),
        /* one that was believed before, or has not moved for long enough, speaks for the file */
        .seen = node->is_stamp_loaded || is_long_seen ? &node->stamp : NULL,
    };
    if (!nodes_path(manifests, node, path)) {
        return; /* tree_look() has told */
    }
    enum status status = file_read(path, &options, &content, &stamp, &problem);
    if (status == ST_UNSETTLED) {
        note_unsettled(manifests, node, &stamp);
        return;
    }
    if (status == ST_NOT_FOUND || status == ST_UNSUPPORTED) {
        /* it has just become something else */
        queue_nominate(&manifests->queues, node, FILE_FOUND);
        return;
    }
    if (status == ST_OK) {
        note_loaded(manifests, node, &stamp);
        status = decode(manifests, node, &content, &problem);
    }
    file_content_fini(&content);
    finish_reading(manifests, node, status, &problem);
}

/* --- the turn --- */

void turn_begin_scan(struct manifests *manifests)
{
    manifests->generation++;
    manifests->queues.rescan_at_ns = 0;
    manifests->is_scan = true;
    manifests->is_over_limit = false;
    manifests->is_unwatched = false;
    manifests->is_out_of_memory = false;
    queue_nominate(&manifests->queues, manifests->root, FILE_FOUND);
}

static bool begin_scan_if_due(struct manifests *manifests)
{
    const bool is_due = queue_is_rescan_due(&manifests->queues);
    if (is_due) {
        turn_begin_scan(manifests);
    }
    return is_due;
}

static void look_and_read(struct manifests *manifests)
{
    struct queues *queues = &manifests->queues;
    for (unsigned i = 0; i < TURN_ROUNDS_MAX && !cds_list_empty(&queues->dirty); i++) {
        struct node *node;
        while ((node = queue_take_dirty(queues))) {
            tree_look(manifests, node);
        }
        queue_sort_reads(queues);
        while ((node = queue_take_read(queues))) {
            read_node(manifests, node);
        }
    }
}

/* Full scans make up for what single looks cannot see to. */
static void plan_next_scan(struct manifests *manifests)
{
    if (manifests->is_out_of_memory) {
        queue_rescan_after(&manifests->queues, MANIFESTS_RETRY_MS);
    } else if (manifests->is_unwatched) {
        queue_rescan_after(&manifests->queues, RESCAN_MS);
    }
}

void turn_run(struct manifests *manifests)
{
    look_and_read(manifests);
    /* what was seen may call for more, before anything is deleted */
    if (begin_scan_if_due(manifests)) {
        look_and_read(manifests);
    }
    if (index_settle(manifests, false)) {
        look_and_read(manifests);
        (void)index_settle(manifests, true); /* asks for nothing the second time */
    }
    report_settle(manifests);
    plan_next_scan(manifests);
    if (manifests->is_scan) {
        store_count_reload(&manifests->base, !manifests->has_failures,
                           clock_now(&manifests->clock).sec);
    }
    manifests->is_scan = false;
    manifests->has_failures = false;
    if (manifests_is_settled(manifests)) {
        store_tell_synced(&manifests->base);
    }
}

/* Also when a timer has called: what waits for its other half may have it in the queue. */
void turn_follow(struct manifests *manifests)
{
    watch_take_events(manifests);
    queue_wake_later(&manifests->queues);
    (void)begin_scan_if_due(manifests); /* a turn comes anyway */
    turn_run(manifests);
}
