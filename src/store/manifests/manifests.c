/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of Kubernetes manifests as a store.
 *
 * The rules, for whoever puts files there:
 *  - Every *.yaml, *.yml and *.json below the directory is read, subdirectories and symbolic links
 *    included (to directories outside only when asked), hidden names (a leading ".") left out.
 * Objects of the kinds that somebody listens to are taken, alone, in multi-document files or in
 * Lists; others are ignored.
 *  - A file that cannot be read, is not well-formed or holds what is no Kubernetes object keeps
 *    what it held before, and its problem is told with line and column. A file that is removed
 * takes its objects with it.
 *  - In a file that is well-formed, an object that is refused keeps what it was before in that
 * file, and its name: where it was nothing, or is being deleted, no other of that name counts. The
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
 * those, reads what is new, and tells the net effect. Events are hints; what counts is what the
 * file system says when a node is looked at. So a lost, doubled or late event costs a look and
 * never an answer.
 *
 * The parts, of which each knows only what stands below it:
 *
 *     the store's operations     manifests.c  and who takes a turn when the loop calls
 *     writes                     write.c      one at a time, between two turns
 *     the turn                   turn.c       look, read, settle, report
 *     the loop                   wake.c       calls when something has happened or is due
 *     files and directories      tree.c       looks at nominated nodes, queues files to read
 *     inotify                    watch.c      nominates nodes: "look at this path"
 *     who can change them        trust.c      what may be taken, by the rules of store/trust.c
 *     objects, duplicates        index.c      which file holds what, events
 *     known paths                nodes.c      found and made, within limits
 *     problems                   report.c     told once, resolved once
 *     what is to be done         queue.c      nodes to look at or to read, now or later
 *     what they share            state.h      struct manifests; node.h: a path; limits.h
 *
 * and beside them, without a directory:
 *
 *     one object of a text       edit.c       found, replaced, taken out
 *     bytes to objects           decode.c     one file's text to a list of objects
 *     what may be written        rules.c      as the API server has it
 *     what an object says        digest.c     its resourceVersion
 *
 * Threats: whoever may write below the directory may bring in tokens; that is what it is for, and
 * store/manifests/trust.c says who that may be. They must not be able to stop the server, to make
 * it read half a Secret, or to make it reveal one: sizes, counts and depth are bounded, devices and
 * FIFOs are not opened, file contents are wiped after use and never quoted.
 *
 * Threads: all on the loop's (or before it runs); store_stats() reads atomics.
 */
#include "store/manifests/manifests.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/manifests/index.h"
#include "store/manifests/nodes.h"
#include "store/manifests/queue.h"
#include "store/manifests/report.h"
#include "store/manifests/state.h"
#include "store/manifests/tree.h"
#include "store/manifests/trust.h"
#include "store/manifests/turn.h"
#include "store/manifests/wake.h"
#include "store/manifests/watch.h"
#include "store/manifests/write.h"

/* --- the store's operations --- */

static enum status load(struct store *store, struct problem *reterr_problem)
{
    struct manifests *manifests = manifests_of(store);
    /* Without inotify one can still load; watch() tries again and says why it cannot. */
    manifests->is_unwatched = watch_open(manifests, reterr_problem) != ST_OK;
    manifests->is_loading = true;
    turn_begin_scan(manifests);
    turn_run(manifests);
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

/* One write a turn, so that many do not keep the loop from the rest of its work. */
static void take_turn(struct manifests *manifests)
{
    turn_follow(manifests);
    struct write_job *const job = write_run_next(manifests);
    wake_arm(manifests);
    write_finish(job); /* last: it may free the store */
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
    return status == ST_OK ? wake_start(manifests, loop, take_turn, reterr_problem) : status;
}

/* What has changed is what listeners were told: a file that was only touched is no news. */
static void reread(struct store *store, store_reread_fn *fn, void *ctx)
{
    struct manifests *manifests = manifests_of(store);
    const uint64_t told_before = store->told_count;
    struct store_reread found = { .what = "manifests" };
    queue_rescan_after(&manifests->queues, 0);
    turn_follow(manifests);
    wake_arm(manifests);
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

static void free_store(struct store *store)
{
    struct manifests *manifests = manifests_of(store);
    wake_stop(manifests);
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
    index_retell(manifests, target);
    wake_arm(manifests);
}

static const struct store_ops manifests_ops = {
    .load = load,
    .watch = watch,
    .free = free_store,
    .reread = reread,
    .find_source = find_source,
    .write = write_enqueue,
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
        .file_values = MANIFESTS_MAX_FILE_VALUES,
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
