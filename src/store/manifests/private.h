/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The parts of the directory store among themselves. Nobody else includes this but their tests.
 *
 *     inotify, timers            watch.c      nominates nodes: "look at this path"
 *     files and directories      tree.c       looks at nominated nodes, queues files to read
 *     bytes to Secrets           decode.c     one file's text to a list of Secrets
 *     objects, duplicates        index.c      which file holds what, events
 *     problems                   report.c     told once, resolved once
 *     who can change them        trust.c      what may be taken, by the rules of store/trust.c
 *     the turn                   manifests.c  look, read, settle, report; then wait
 *
 *     create, update, ...        write.c      one at a time, between two turns
 *     what may be written        rules.c      as the API server has it
 *     one object of a text       edit.c       found, replaced, taken out
 *     what an object says        digest.c     its resourceVersion
 *
 * Events are hints; what counts is what the file system says when a node is looked at. So a lost,
 * doubled or late event costs a look and never an answer.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <urcu/list.h>
#include <uv.h>

#include "base/buf.h"
#include "base/table.h"
#include "store/manifests/decode.h"
#include "store/manifests/digest.h"
#include "store/manifests/edit.h"
#include "store/manifests/limits.h"
#include "store/manifests/manifests.h"
#include "store/manifests/node.h"
#include "store/manifests/queue.h"
#include "store/manifests/rules.h"
#include "store/store_base.h"

#define MANIFESTS_RESCAN_MS 10000 /* in place of watches that the kernel refuses */

/* A file that is being written for longer no longer delays STORE_SYNCED, and is told about. */
#define MANIFESTS_UNSETTLED_MAX_MS 2000

struct object;

struct manifests_index {
    struct table objects;
    struct object *dirty; /* list of objects to settle */
    size_t claim_count;
};

struct write_job;

/* Writes that wait for their turn. Each holds an object, of 1 MiB at most for a Secret, and takes
 * two fsyncs, on a slow disk 50 ms: a controller that has so many waiting should wait itself. */
#define MANIFESTS_MAX_WRITES 128

/** libuv's handles outlive the store until their close callbacks have run. */
struct manifests_handles {
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned open;
    struct manifests *manifests;
};

struct manifests {
    struct store base;       /* first */
    char *directory;         /* owns; as given, for people */
    char *absolute;          /* owns; for the kernel */
    char physical[PATH_MAX]; /* without symbolic links, as last looked at; "" for unknown */
    struct clock clock;
    problem_fn *on_problem;
    problem_fn *on_resolved;
    problem_fn *on_remark;
    void *ctx;
    struct manifests_limits limits;

    struct trust trust;
    struct problem refusal; /* while loading: of what is refused, the first by path */

    struct manifests_index index;
    struct digester digester;

    struct cds_list_head writes; /* owns; in the order of their calls */
    size_t write_count;

    struct table nodes;       /* by path */
    struct table directories; /* by device and inode: none is read under two paths */
    struct node *root;        /* owns the tree */
    size_t alias_count;
    unsigned generation; /* of the present or last full scan, from 1 */

    struct queues queues;
    struct cds_list_head touched; /* nodes whose problems changed in this turn */
    size_t sync_blockers;

    int inotify_fd;       /* -1 for none */
    struct table watches; /* by descriptor */
    struct table names;   /* by watch and name: where links can come to lead elsewhere */
    struct manifests_handles *handles;

    struct problem first_failure; /* of the last turn that had any */
    bool is_root_lost;
    bool is_unmounted; /* the root was a mount, and what is there now is what it covered */
    bool is_loading;
    bool is_loaded;
    bool is_scan;       /* this turn is a full scan: it counts as one reload */
    bool has_failures;  /* in this turn */
    bool is_over_limit; /* there are files that the limit on nodes kept out */
    bool is_unwatched;  /* a directory could not be watched: rescan by time */
    bool is_out_of_memory;
};

/* --- manifests.c --- */

/** manifests_of() - the back end behind a store of manifests_new(); for tests */
struct manifests *manifests_of(struct store *store) NONNULL(1);

/** manifests_turn() - look at what is dirty, read, settle, report */
void manifests_turn(struct manifests *manifests) NONNULL(1);

/** manifests_wake_later() - nominate what has waited long enough */
void manifests_wake_later(struct manifests *manifests) NONNULL(1);

/** manifests_next_due_ns() - when manifests_wake_later() has something to do; 0 for never */
uint64_t manifests_next_due_ns(struct manifests *manifests) NODISCARD NONNULL(1);

/** manifests_path() - of @node for the kernel, PATH_MAX bytes; false when it is too long */
bool manifests_path(const struct manifests *manifests,
                    const struct node *node,
                    char *ret_path) NODISCARD NONNULL(1, 2, 3);

/** manifests_is_settled() - has everything that was there at the start been read? */
bool manifests_is_settled(const struct manifests *manifests) NODISCARD NONNULL(1);

/** manifests_unblock_sync() - STORE_SYNCED need not wait for @node any longer */
void manifests_unblock_sync(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/* --- tree.c --- */

enum status tree_init(struct manifests *manifests) NODISCARD NONNULL(1);
void tree_fini(struct manifests *manifests) NONNULL(1);

/** tree_is_manifest_name() - *.yaml, *.yml, *.json */
bool tree_is_manifest_name(const char *name) NODISCARD NONNULL(1);

struct node *tree_find(const struct manifests *manifests,
                       const struct node *parent,
                       const char *name) NODISCARD NONNULL(1, 2, 3);

/** tree_add() - find or make. NULL past the limits or without memory, which is noted */
struct node *tree_add(struct manifests *manifests, struct node *parent, const char *name) NODISCARD
    NONNULL(1, 2, 3);

/** tree_look() - at a nominated node: what is it now? Queues it for reading, scans it, drops it */
void tree_look(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/* --- trust.c --- */

void trust_init(struct manifests *manifests, const struct trust_policy *policy) NONNULL(1, 2);

/** trust_forget() - @node is no longer what was judged */
void trust_forget(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/** trust_shuts_out() - is @node a link to a directory outside, and that not asked for? Then it has
 * been told. @found: what stat() tells of @path */
bool trust_shuts_out(struct manifests *manifests,
                     struct node *node,
                     const char *path,
                     const struct stat *found) NODISCARD NONNULL(1, 2, 3, 4);

/** trust_admit_directory() - may its entries be taken? @fd: it, open, with its @stat. What speaks
 * against it has been told, as a remark or as a problem, or it has been nominated */
bool trust_admit_directory(struct manifests *manifests,
                           struct node *node,
                           const char *path,
                           int fd,
                           const struct stat *stat) NODISCARD NONNULL(1, 2, 3, 5);

struct trust_question {
    struct manifests *manifests;
    struct node *node;
    const char *path; /* borrows */
};

/** trust_admit_file() - a file_accept_fn; @ctx: struct trust_question. Return: ST_OK; ST_UNSAFE;
 * ST_NOT_FOUND: its path leads elsewhere now, look again */
enum status trust_admit_file(void *ctx,
                             int fd,
                             const struct stat *stat,
                             struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 4);

/** trust_judge_load() - was anything refused in the load? Return: ST_OK; ST_UNSAFE with
 * @reterr_problem */
enum status trust_judge_load(struct manifests *manifests, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/* --- watch.c --- */

enum status watch_init(struct manifests *manifests) NODISCARD NONNULL(1);
void watch_fini(struct manifests *manifests) NONNULL(1);

/** watch_open() - get an inotify descriptor unless there is one. Return: ST_OK; ST_IO */
enum status watch_open(struct manifests *manifests, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** watch_start() - poll it on @loop */
enum status watch_start(struct manifests *manifests,
                        struct loop *loop,
                        struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** watch_directory() - node->watch for the directory at @path. Failing is noted, not told */
void watch_directory(struct manifests *manifests, struct node *node, const char *path)
    NONNULL(1, 2, 3);
void watch_release(struct manifests *manifests, struct node *node) NONNULL(1, 2);
bool watch_is_alive(const struct node *node) NODISCARD NONNULL(1);

/** watch_places() - note everywhere on the way of @path below @directory where it can come to lead
 * elsewhere. @skip_first: not its first component */
void watch_places(struct manifests *manifests,
                  struct node *node,
                  const char *directory,
                  const char *path,
                  bool skip_first) NONNULL(1, 2, 3, 4);
void watch_drop_places(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/** watch_follow() - read what inotify has to say, and take a turn */
void watch_follow(struct manifests *manifests) NONNULL(1);

/** watch_arm() - set the timer to what is due next */
void watch_arm(struct manifests *manifests) NONNULL(1);

/* --- index.c --- */

enum status index_init(struct manifests *manifests) NODISCARD NONNULL(1);
void index_fini(struct manifests *manifests) NONNULL(1);

/**
 * index_replace() - @node's file holds exactly @objects now; tells STORE_ADDED and STORE_MODIFIED
 *
 * Return: ST_OK; ST_NOMEM, ST_LIMIT with @reterr_problem: then nothing has changed.
 */
enum status index_replace(struct manifests *manifests,
                          struct node *node,
                          const struct manifest_objects *objects,
                          struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/** index_forget() - @node's file is gone */
void index_forget(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/**
 * index_settle() - finish what index_replace() and index_forget() began
 * @last: what is still not told after this is gone for now
 *
 * Tells STORE_DELETED for objects in no file, complains about duplicates, and nominates files whose
 * object takes over. Return: has it nominated any? Never when @last.
 */
bool index_settle(struct manifests *manifests, bool last) NONNULL(1);

/** index_find_source() - the file whose object counts, as report_file() has it; false: there is
 * none
 */
bool index_find_source(struct manifests *manifests,
                       const struct store_target *target,
                       char *ret_source) NODISCARD NONNULL(1, 2, 3);

/** index_find() - which file's object counts. Return: is there such an object?
 * @ret_file: borrows until the next turn */
bool index_find(struct manifests *manifests,
                struct span namespace,
                struct span name,
                struct node **ret_file,
                struct content_digest *ret_content) NODISCARD NONNULL(1, 4, 5);

/** index_last_holder() - of the files with this object the one whose path comes last: it would be
 * missed least. NULL: none */
struct node *index_last_holder(struct manifests *manifests,
                               struct span namespace,
                               struct span name) NODISCARD NONNULL(1);

/** index_has_told() - is @content of this object what listeners know? NULL: do they know of none?
 */
bool index_has_told(struct manifests *manifests,
                    struct span namespace,
                    struct span name,
                    const struct content_digest *content) NODISCARD NONNULL(1);

/**
 * index_expects() - is @objects what @file holds, but for one object?
 * @file:    NULL: a new file
 * @content: what the object's first appearance has become; NULL: it is in it no more
 */
bool index_expects(struct manifests *manifests,
                   const struct node *file,
                   struct span namespace,
                   struct span name,
                   const struct content_digest *content,
                   const struct manifest_objects *objects) NODISCARD NONNULL(1, 6);

/** index_retell() - in the next turn tell an object as deleted, and added again from its file */
void index_retell(struct manifests *manifests, struct span namespace, struct span name) NONNULL(1);

/* --- write.c --- */

/* store_create() and so on; ST_UNSUPPORTED before store_watch(), and while nobody listens to such
 * objects, since then they are not kept track of. */
enum status write_create(struct store *store,
                         enum object_kind kind,
                         const json_object *object,
                         store_done_fn *done,
                         void *ctx) NODISCARD NONNULL(1, 3, 4);
enum status write_get(struct store *store,
                      const struct store_target *target,
                      store_done_fn *done,
                      void *ctx) NODISCARD NONNULL(1, 2, 3);
enum status write_update(struct store *store,
                         enum object_kind kind,
                         const json_object *object,
                         store_done_fn *done,
                         void *ctx) NODISCARD NONNULL(1, 3, 4);
enum status write_patch(struct store *store,
                        const struct store_target *target,
                        const json_object *patch,
                        store_done_fn *done,
                        void *ctx) NODISCARD NONNULL(1, 2, 3, 4);
enum status write_delete(struct store *store,
                         const struct store_target *target,
                         store_done_fn *done,
                         void *ctx) NODISCARD NONNULL(1, 2, 3);

/** write_is_due() - does one wait that can be run now? */
bool write_is_due(const struct manifests *manifests) NODISCARD NONNULL(1);

/** write_run_next() - run the first that waits, and tell what has changed. Return: it, for
 * write_finish(); NULL: none was due */
struct write_job *write_run_next(struct manifests *manifests) NODISCARD NONNULL(1);

/** write_finish() - call its done function, and free it; NULL is fine. The store may be gone
 * afterwards */
void write_finish(struct write_job *job);

void write_init(struct manifests *manifests) NONNULL(1);
void write_fini(struct manifests *manifests) NONNULL(1);

/* --- report.c --- */

/** report_problem() - @node's own problem is @problem (file not set) */
void report_problem(struct manifests *manifests, struct node *node, struct problem *problem)
    NONNULL(1, 2, 3);
void report_fine(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/** report_complaint() - tell about one object of @node's file */
void report_complaint(struct manifests *manifests, struct node *node, struct problem *problem)
    NONNULL(1, 2, 3);

/** report_refusal() - one object of @node's file is refused. @is_news: it has not been told */
void report_refusal(struct manifests *manifests,
                    struct node *node,
                    struct problem *problem,
                    bool is_news) NONNULL(1, 2, 3);

/** report_complaint_count() - @node has @change more (or fewer) objects to complain about */
void report_complaint_count(struct manifests *manifests, struct node *node, int change)
    NONNULL(1, 2);

/** report_damage() - @node's file has been read, and is not all UTF-8 from @line on; 0: it is.
 * Remarked once */
void report_damage(struct manifests *manifests, struct node *node, unsigned line, unsigned column)
    NONNULL(1, 2);

/** report_settle() - at the end of a turn: tell which files are fine again */
void report_settle(struct manifests *manifests) NONNULL(1);

/** report_gone() - @node is about to be freed */
void report_gone(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/** report_file() - where @node is, for people: ret_file of PROBLEM_FILE_MAX bytes keeps the end */
void report_file(const struct manifests *manifests, const struct node *node, char *ret_file)
    NONNULL(1, 2, 3);
