/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of Kubernetes manifests as a store.
 *
 * The rules, for whoever puts files there:
 *  - Every *.yaml, *.yml and *.json below the directory is read, subdirectories and symbolic links
 *    included (to directories outside only when asked), hidden names (a leading ".") left out. v1
 * Secrets are taken, alone, in multi-document files or in Lists; other kinds are ignored.
 *  - A file that cannot be read, is not well-formed or holds what is no Kubernetes object keeps
 * what it held before, and its problem is told with line and column. A file that is removed takes
 * its objects with it.
 *  - In a file that is well-formed, a Secret that is refused keeps what it was before in that file,
 *    and its name: where it was nothing, or is being deleted, no other of that name counts. The
 *    others count.
 *  - Nothing half-written is read. A file is believed when it has been closed after writing or
 *    renamed into place; one that is merely found must be closed and quiet (io/file/read.h). The
 *    best way to change a file is a rename over it.
 *  - An object that two files hold is the one of the file whose path comes first in bytewise order;
 *    the other is told as a problem and takes over when the first goes.
 *  - When the directory itself is gone, everything stays as it was last known until it is back.
 *
 * What cannot be seen: a file written by another of its names (a hard link elsewhere), cut by
 * truncate(2) without being opened, or changed by another machine on a network file system; and a
 * mount put on top of the directory. None of these is an event there. A full scan would notice, and
 * one follows every loss of events; a restart always does.
 *
 * Why not read everything again after each change: a directory of thousands of files must follow a
 * change within milliseconds. So events nominate single paths, and a turn of the loop looks at
 * those, reads what is new, and tells the net effect (see store/manifests/private.h for the parts).
 *
 * Threats: whoever may write below the directory may bring in tokens; that is what it is for, and
 * store/manifests/trust.c says who that may be. They must not be able to stop the server, to make
 * it read half a Secret, or to make it reveal one: sizes, counts and depth are bounded, devices and
 * FIFOs are not opened, file contents are wiped after use and never quoted.
 *
 * Threads: all on the loop's (or before it runs); store_stats() reads atomics.
 */
#include "store/manifests/manifests.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/manifests/private.h"

/* Rounds of looking in one turn. A directory that is replaced while it is read takes another; who
 * replaces it faster than we look waits for the next turn. */
#define TURN_ROUNDS_MAX 8

/* File times tick every few milliseconds, and a change within the same tick leaves no trace in them
 * (git's "racy" files). Read again in a full scan what was read this soon after its change. */
#define RACY_MS 50

#define MANIFESTS_RESCAN_MS 10000 /* in place of watches that the kernel refuses */

/* A file that is being written for longer no longer delays STORE_SYNCED, and is told about. */
#define MANIFESTS_UNSETTLED_MAX_MS 2000

#define NS_PER_MS UINT64_C(1000000)

/* --- what is due --- */

static void begin_scan(struct manifests *manifests)
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
        begin_scan(manifests);
    }
    return is_due;
}

void manifests_wake_later(struct manifests *manifests)
{
    queue_wake_later(&manifests->queues);
    (void)begin_scan_if_due(manifests); /* who calls takes a turn anyway */
}

uint64_t manifests_next_due_ns(struct manifests *manifests)
{
    const bool is_at_once = manifests->index.dirty || write_is_due(manifests);
    return is_at_once ? 1 : queue_next_due_ns(&manifests->queues);
}

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
    if (now_ns - node->unsettled_at_ns < MANIFESTS_UNSETTLED_MAX_MS * NS_PER_MS) {
        queue_defer(&manifests->queues, node, LATER_SETTLE);
        return;
    }
    struct problem problem;
    problem_set(&problem, ST_UNSETTLED, 0, 0,
                "somebody has been writing it for over %d seconds; it is read when they close it",
                MANIFESTS_UNSETTLED_MAX_MS / 1000);
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
        manifest_decode(text, store_wants(&manifests->base, OBJECT_SECRET), &manifests->limits,
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
        /* a stamp that was believed before, or has not moved for long enough, speaks for the file
         */
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
        queue_nominate(&manifests->queues, node,
                       FILE_FOUND); /* it has just become something else */
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
        queue_rescan_after(&manifests->queues, MANIFESTS_RESCAN_MS);
    }
}

void manifests_turn(struct manifests *manifests)
{
    look_and_read(manifests);
    if (begin_scan_if_due(
            manifests)) { /* what was seen calls for more, before anything is deleted */
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

/* --- the store's operations --- */

static enum status load(struct store *store, struct problem *reterr_problem)
{
    struct manifests *manifests = manifests_of(store);
    /* Without inotify one can still load; watch() tries again and says why it cannot. */
    manifests->is_unwatched = watch_open(manifests, reterr_problem) != ST_OK;
    manifests->is_loading = true;
    begin_scan(manifests);
    manifests_turn(manifests);
    manifests->is_loading = false;
    problem_set_file(reterr_problem, manifests->directory);
    /* An operator is told now, rather than by tokens that are missing. */
    if (manifests->is_root_lost || manifests->root->generation == 0) {
        problem_set(reterr_problem, ST_IO, 0, 0, "expected a directory that can be read");
        return ST_IO;
    }
    if (manifests->is_out_of_memory) {
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "no memory to read it");
        return ST_NOMEM;
    }
    const enum status status = trust_judge_load(manifests, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    manifests->is_loaded = true;
    if (manifests->sync_blockers > 0) {
        problem_set(reterr_problem, ST_UNSETTLED, 0, 0, "%zu files are still being written",
                    manifests->sync_blockers);
        return ST_UNSETTLED;
    }
    store_tell_synced(store);
    return ST_OK;
}

static enum status watch(struct store *store, struct loop *loop, struct problem *reterr_problem)
{
    struct manifests *manifests = manifests_of(store);
    problem_set_file(reterr_problem, manifests->directory);
    const bool is_late = manifests->inotify_fd < 0;
    enum status status = watch_open(manifests, reterr_problem);
    if (status == ST_OK && is_late) {
        queue_rescan_after(&manifests->queues,
                           0); /* what has changed since the load was not seen */
    }
    return status == ST_OK ? watch_start(manifests, loop, reterr_problem) : status;
}

/* What has changed is what listeners were told: a file that was only touched is no news. */
static void reread(struct store *store, store_reread_fn *fn, void *ctx)
{
    struct manifests *manifests = manifests_of(store);
    const uint64_t told_before = store->told_count;
    struct store_reread found = { .what = "manifests" };
    queue_rescan_after(&manifests->queues, 0);
    watch_follow(manifests);
    watch_arm(manifests);
    found.has_changed = store->told_count != told_before;
    if (!atomic_load_explicit(&store->counters.last_reload_ok, memory_order_relaxed)) {
        found.problem = &manifests->first_failure;
        found.status = manifests->first_failure.status;
    } else if (!cds_list_empty(&manifests->queues.later[LATER_SETTLE])) {
        found.status = ST_UNSETTLED;
    }
    fn(ctx, &found);
}

static bool find_source(struct store *store, const struct store_target *target, char *ret_source)
{
    return index_find_source(manifests_of(store), target, ret_source);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct manifests_handles *handles = handle->data;
    if (--handles->open == 0) {
        free(handles);
    }
}

static void free_store(struct store *store)
{
    struct manifests *manifests = manifests_of(store);
    struct manifests_handles *handles = manifests->handles;
    if (handles) {
        uv_close((uv_handle_t *)&handles->poll, on_handle_closed);
        uv_close((uv_handle_t *)&handles->timer, on_handle_closed);
    }
    write_fini(manifests);
    tree_fini(manifests);
    nodes_fini(manifests);
    watch_fini(manifests);
    index_fini(manifests);
    digester_fini(&manifests->digester);
    free(manifests->directory);
    free(manifests->absolute);
    free(manifests);
}

static void retell(struct store *store, const struct store_target *target)
{
    struct manifests *manifests = manifests_of(store);
    if (target->kind == OBJECT_SECRET) {
        index_retell(manifests, target->namespace, target->name);
        watch_arm(manifests);
    }
}

static const struct store_ops manifests_ops = {
    .load = load,
    .watch = watch,
    .free = free_store,
    .reread = reread,
    .find_source = find_source,
    .create = write_create,
    .get = write_get,
    .update = write_update,
    .patch = write_patch,
    .delete = write_delete,
    .retell = retell,
};

/* --- making one --- */

static enum status check_directory(const char *path, struct problem *reterr_problem)
{
    struct stat now;
    const bool is_there = stat(path, &now) == 0;
    if (is_there && !S_ISDIR(now.st_mode)) { /* first: a file lacks permissions, too */
        problem_set(reterr_problem, ST_IO, 0, 0, "expected a directory");
        return ST_IO;
    }
    if (!is_there || access(path, R_OK | X_OK) != 0) {
        problem_set(reterr_problem, ST_IO, 0, 0, "expected a directory that can be read: %m");
        return ST_IO;
    }
    return ST_OK;
}

static enum status set_directory(struct manifests *manifests,
                                 const char *directory,
                                 struct problem *reterr_problem)
{
    char current[PATH_MAX] = "";
    const bool is_relative = directory[0] != '/';
    size_t len = strlen(directory);
    while (len > 1 && directory[len - 1] == '/') {
        len--;
    }
    if (is_relative && !getcwd(current, sizeof(current))) {
        problem_set(reterr_problem, ST_IO, 0, 0, "the working directory cannot be named: %m");
        return ST_IO;
    }
    manifests->directory = strndup(directory, len);
    if (!manifests->directory || asprintf(&manifests->absolute, "%s%s%s", current,
                                          is_relative ? "/" : "", manifests->directory) < 0) {
        manifests->absolute = NULL;
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "no memory");
        return ST_NOMEM;
    }
    return ST_OK;
}

enum status manifests_new(const struct manifests_options *options,
                          struct store **ret_store,
                          struct problem *reterr_problem)
{
    problem_set_file(reterr_problem, options->directory);
    enum status status = check_directory(options->directory, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    struct manifests *manifests = calloc(1, sizeof(*manifests));
    if (!manifests) {
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "no memory");
        return ST_NOMEM;
    }
    store_base_init(&manifests->base, &manifests_ops);
    manifests->clock = options->clock;
    manifests->on_problem = options->on_problem;
    manifests->on_resolved = options->on_resolved;
    manifests->on_remark = options->on_remark;
    manifests->ctx = options->ctx;
    manifests->limits = (struct manifests_limits){
        .file_bytes = MANIFESTS_MAX_FILE_BYTES,
        .nodes = MANIFESTS_MAX_NODES,
        .objects = MANIFESTS_MAX_OBJECTS,
        .file_objects = MANIFESTS_MAX_FILE_OBJECTS,
        .file_entries = MANIFESTS_MAX_FILE_ENTRIES,
        .depth = MANIFESTS_MAX_DEPTH,
    };
    queue_init(&manifests->queues);
    report_init(manifests);
    write_init(manifests);
    trust_init(manifests, &options->trust);
    status = watch_init(manifests);
    if (status == ST_OK) {
        status = digester_init(&manifests->digester);
    }
    if (status == ST_OK) {
        status = index_init(manifests);
    }
    if (status == ST_OK) {
        status = nodes_init(manifests);
    }
    if (status == ST_OK) {
        status = tree_init(manifests);
    }
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "%s", status_text(status));
    } else {
        status = set_directory(manifests, options->directory, reterr_problem);
    }
    if (status != ST_OK) {
        free_store(&manifests->base);
        return status;
    }
    *ret_store = &manifests->base;
    return ST_OK;
}
