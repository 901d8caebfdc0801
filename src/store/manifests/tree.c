/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of manifests: what stands where, found out by looking.
 *
 * tree_look() asks the file system what a nominated path is now and brings the node in line: a file
 * is queued for reading, a directory that is new, another one than before, or due in a full scan is
 * read entry by entry, and what is gone goes with all below it. Looking is idempotent, so it never
 * matters how often or why a node was nominated.
 *
 * Hidden names (a leading ".") are passed over; symbolic links are followed, but for those to
 * directories outside. So a volume that Kubernetes has mounted is read once, by its visible links,
 * and not again below ..data. A directory is read under one path only, whatever links lead to it:
 * that ends every loop.
 *
 * The directory itself is special. When it is gone, nothing below can be told from deleted, so
 * nothing is: all objects stay, and it is looked for until it is back. A node is dropped only after
 * a look at the root that shows it still in place. The same goes for a directory that was a mount
 * and has been unmounted; a mount further below is a directory like others, gone when it is gone.
 *
 * Untrusted: names and the shape of the tree, bounded in count, depth and path length (nodes.c);
 * walked without recursion. Threads: the loop's.
 */
#include "store/manifests/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/manifests/index.h"
#include "store/manifests/nodes.h"
#include "store/manifests/queue.h"
#include "store/manifests/report.h"
#include "store/manifests/trust.h"
#include "store/manifests/watch.h"
#include "store/name_list.h"

struct identity {
    dev_t device;
    ino_t inode;
};

static uint32_t hash_identity(const struct manifests *manifests, struct identity identity)
{
    const uint64_t parts[2] = { identity.device, identity.inode }; /* no padding */
    return table_hash(&manifests->directories,
                      (struct span){ .at = (const char *)parts, .len = sizeof(parts) });
}

static bool has_identity(const void *item, const void *key)
{
    const struct node *node = item;
    const struct identity *identity = key;
    return node->device == identity->device && node->inode == identity->inode;
}

static const char *node_name(const struct node *node)
{
    const char *slash = strrchr(node->path, '/');
    return slash ? slash + 1 : node->path;
}

/* --- what a node holds --- */

static void set_kind(struct manifests *manifests, struct node *node, enum node_kind kind)
{
    _Atomic uint64_t *files = &manifests->base.counters.files;
    if (kind == NODE_FILE && node->kind != NODE_FILE) {
        atomic_fetch_add_explicit(files, 1, memory_order_relaxed);
    } else if (kind != NODE_FILE && node->kind == NODE_FILE) {
        atomic_fetch_sub_explicit(files, 1, memory_order_relaxed);
    }
    node->kind = kind;
}

static void stop_being_alias(struct manifests *manifests, struct node *node)
{
    if (node->is_alias) {
        node->is_alias = false;
        manifests->alias_count--;
    }
}

static void release_directory(struct manifests *manifests, struct node *node)
{
    watch_release(manifests, node);
    if (node->device == 0 && node->inode == 0) {
        return;
    }
    const struct identity identity = { node->device, node->inode };
    table_remove(&manifests->directories, hash_identity(manifests, identity), node);
    node->device = 0;
    node->inode = 0;
    node->generation = 0;
    node->is_judged = false;
    if (manifests->alias_count > 0) {
        queue_rescan_after(&manifests->queues, 0); /* one of them may lead to it now */
    }
}

static void forget_file(struct manifests *manifests, struct node *node)
{
    index_forget(manifests, node);
    trust_forget(manifests, node);
    manifests_unblock_sync(manifests, node);
    node->is_unsettled = false;
    node->is_stamp_loaded = false;
    node->is_read_due = false;
}

static void free_node(struct manifests *manifests, struct node *node)
{
    forget_file(manifests, node);
    stop_being_alias(manifests, node);
    watch_drop_places(manifests, node);
    release_directory(manifests, node);
    report_gone(manifests, node);
    set_kind(manifests, node, NODE_UNKNOWN);
    queue_remove(node);
    nodes_free(manifests, node);
    if (manifests->is_over_limit) {
        queue_rescan_after(&manifests->queues, MANIFESTS_RETRY_MS); /* there is room again */
    }
}

static void free_below(struct manifests *manifests, struct node *top)
{
    struct node *node = top;
    for (;;) {
        while (!cds_list_empty(&node->children)) {
            node = cds_list_first_entry(&node->children, struct node, siblings);
        }
        if (node == top) {
            return;
        }
        struct node *parent = node->parent;
        free_node(manifests, node);
        node = parent;
    }
}

static void drop(struct manifests *manifests, struct node *node)
{
    free_below(manifests, node);
    free_node(manifests, node);
}

/* Whatever it was, it is no directory now. */
static void stop_being_directory(struct manifests *manifests, struct node *node)
{
    if (node->kind == NODE_DIRECTORY) {
        free_below(manifests, node);
        release_directory(manifests, node);
        trust_forget(manifests, node);
        set_kind(manifests, node, NODE_UNKNOWN);
    }
    stop_being_alias(manifests, node);
}

/* --- directories --- */

static void fail(
    struct manifests *manifests, struct node *node, enum status status, const char *what, int error)
{
    struct problem problem;
    problem_set(&problem, status, 0, 0, "%s: %s", what, strerrordesc_np(error));
    report_problem(manifests, node, &problem);
    if (error == ENOMEM || error == EMFILE || error == ENFILE) {
        manifests->is_out_of_memory = true;
    }
}

static bool is_worth_a_look(const struct dirent *entry)
{
    switch (entry->d_type) {
    case DT_REG:
        return nodes_is_manifest_name(entry->d_name);
    case DT_DIR:
    case DT_LNK:
    case DT_UNKNOWN:
        return true;
    default: /* not an enum: sockets, FIFOs, devices */
        return false;
    }
}

/* Return: were all read? What went wrong has been told. */
static bool list_entries(struct manifests *manifests,
                         struct node *directory,
                         DIR *stream,
                         struct name_list *names)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry && errno != 0) {
            fail(manifests, directory, ST_IO, "cannot be read", errno);
            directory->generation = 0; /* not read: the next look tries again */
            queue_defer(&manifests->queues, directory, LATER_RETRY);
            return false;
        }
        if (!entry) {
            return true;
        }
        if (entry->d_name[0] != '.' && is_worth_a_look(entry) &&
            name_list_add(names, entry->d_name, manifests->limits.nodes) != ST_OK) {
            manifests->is_out_of_memory = true; /* a full scan later finds what is missed now */
            return true;
        }
    }
}

/* In order of name, by which it is decided what there is no room for. Return: all of them? What
 * went wrong has been told. */
static bool see_entries(struct manifests *manifests,
                        struct node *directory,
                        DIR *stream,
                        enum file_occasion occasion)
{
    CLEANUP(name_list_fini) struct name_list names = { 0 };
    bool is_whole = list_entries(manifests, directory, stream, &names);
    name_list_sort(&names, names.count);
    for (size_t i = 0; i < names.count; i++) {
        struct node *node = nodes_add(manifests, directory, names.at[i]);
        is_whole = is_whole && node;
        if (node) {
            node->is_seen = true;
            queue_nominate(&manifests->queues, node, occasion);
        }
    }
    return is_whole;
}

/* Those below that were not seen may be gone; a look will tell. */
static void nominate_unseen(struct manifests *manifests, struct node *directory)
{
    struct node *node;
    cds_list_for_each_entry(node, &directory->children, siblings)
    {
        if (!node->is_seen) {
            queue_nominate(&manifests->queues, node, FILE_FOUND);
        }
        node->is_seen = false;
    }
}

/* Read a directory whose watch has begun. */
static void scan(struct manifests *manifests,
                 struct node *directory,
                 const char *path,
                 enum file_occasion occasion)
{
    DIR *stream = opendir(path);
    struct stat stat;
    if (!stream) {
        directory->generation = 0;
        if (errno == ENOENT || errno == ENOTDIR) {
            queue_nominate(&manifests->queues, directory, occasion);
        } else {
            fail(manifests, directory, ST_IO, "cannot be read", errno);
            queue_defer(&manifests->queues, directory, LATER_RETRY);
        }
        return;
    }
    if (fstat(dirfd(stream), &stat) != 0 || stat.st_dev != directory->device ||
        stat.st_ino != directory->inode) {
        directory->generation = 0; /* replaced this very moment: look again */
        queue_nominate(&manifests->queues, directory, occasion);
    } else {
        if (trust_admit_directory(manifests, directory, path, dirfd(stream), &stat) &&
            see_entries(manifests, directory, stream, occasion)) {
            report_fine(manifests, directory);
        }
        nominate_unseen(manifests, directory);
    }
    (void)closedir(stream); /* nothing was written */
}

/* Does @node still lead to the directory that it is known by? */
static bool is_in_place(const struct manifests *manifests, const struct node *node)
{
    char path[PATH_MAX];
    struct stat now;
    return nodes_path(manifests, node, path) && stat(path, &now) == 0 && S_ISDIR(now.st_mode) &&
           now.st_dev == node->device && now.st_ino == node->inode;
}

/* May @node be the one path under which this directory is read? */
static bool take_identity(struct manifests *manifests, struct node *node, struct identity identity)
{
    const uint32_t hash = hash_identity(manifests, identity);
    struct node *holder = table_find(&manifests->directories, hash, has_identity, &identity);
    if (holder && is_in_place(manifests, holder)) {
        return false;
    }
    if (holder) { /* it was moved here from there */
        release_directory(manifests, holder);
        queue_nominate(&manifests->queues, holder, FILE_FOUND);
    }
    if (table_insert(&manifests->directories, hash, node) != ST_OK) {
        manifests->is_out_of_memory = true;
        return false;
    }
    node->device = identity.device;
    node->inode = identity.inode;
    return true;
}

static void enter_directory(struct manifests *manifests,
                            struct node *node,
                            const char *path,
                            const struct stat *stat)
{
    const struct identity identity = { stat->st_dev, stat->st_ino };
    const bool is_same = node->kind == NODE_DIRECTORY && has_identity(node, &identity);
    if (is_same && node->generation == manifests->generation && watch_is_alive(node)) {
        return; /* its own events tell what happens in it */
    }
    if (node->kind != NODE_DIRECTORY) {
        forget_file(manifests, node);
        report_fine(manifests, node);
        set_kind(manifests, node, NODE_DIRECTORY);
    }
    stop_being_alias(manifests, node);
    if (node->depth > manifests->limits.depth) {
        struct problem problem;
        problem_set(&problem, ST_LIMIT, 0, 0, "expected at most %u directories within each other",
                    manifests->limits.depth);
        report_problem(manifests, node, &problem);
        return;
    }
    if (!is_same) {
        release_directory(manifests, node);
        if (!take_identity(manifests, node, identity)) {
            node->is_alias = true;
            manifests->alias_count++; /* first: the other path may be one below this, and so go */
            free_below(manifests, node);
            trust_forget(manifests, node); /* the other path is the one that is judged */
            return;
        }
    }
    if (!watch_is_alive(node)) {
        watch_directory(manifests, node, path);
    }
    node->generation = manifests->generation;
    scan(manifests, node, path, node->occasion);
}

/* --- the root --- */

static void lose_root(struct manifests *manifests, const char *why)
{
    struct problem problem;
    problem_set(&problem, ST_IO, 0, 0, "%s; what was last read from it stays in force", why);
    report_problem(manifests, manifests->root, &problem);
    queue_defer(&manifests->queues, manifests->root, LATER_SETTLE);
    if (manifests->is_root_lost) {
        return;
    }
    manifests->is_root_lost = true;
    size_t cursor = 0;
    for (struct node *node; (node = table_next(&manifests->nodes, &cursor));) {
        release_directory(manifests, node); /* it may live on somewhere else: not our business */
    }
}

/* @node is a link that is not to be followed. */
static void ignore(struct manifests *manifests, struct node *node)
{
    stop_being_directory(manifests, node);
    forget_file(manifests, node);
    set_kind(manifests, node, NODE_IGNORED);
}

/* The empty directory that a mount had covered says nothing about the mount's files. */
static bool is_still_unmounted(struct manifests *manifests)
{
    struct statx now;
    if (manifests->is_unmounted && statx(AT_FDCWD, manifests->absolute, 0, 0, &now) == 0 &&
        now.stx_attributes & STATX_ATTR_MOUNT_ROOT) {
        manifests->is_unmounted = false;
    }
    return manifests->is_unmounted;
}

static void look_at_root(struct manifests *manifests, struct node *root)
{
    struct stat now;
    watch_places(manifests, root, "/", manifests->absolute, false);
    if (!realpath(manifests->absolute, manifests->physical)) {
        manifests->physical[0] = '\0';
    }
    if (stat(manifests->absolute, &now) != 0) {
        lose_root(manifests, strerrordesc_np(errno));
        return;
    }
    if (!S_ISDIR(now.st_mode)) {
        lose_root(manifests, "expected a directory");
        return;
    }
    if (is_still_unmounted(manifests)) {
        lose_root(manifests, "it has been unmounted");
        return;
    }
    if (manifests->is_root_lost) {
        manifests->is_root_lost = false;
        manifests->is_scan = true;
        report_fine(manifests, root);
    }
    enter_directory(manifests, root, manifests->absolute, &now);
}

/* --- one look --- */

/* @node's path leads nowhere. That means something only while the root is where it was. */
static void find_gone(struct manifests *manifests, struct node *node)
{
    if (is_in_place(manifests, manifests->root)) {
        drop(manifests, node);
    } else {
        queue_nominate(&manifests->queues, manifests->root, FILE_FOUND);
        queue_defer(&manifests->queues, node, LATER_SETTLE);
    }
}

/* A link that leads nowhere (yet). Its target is gone, and its objects with it. */
static void find_dangling(struct manifests *manifests, struct node *node)
{
    if (!is_in_place(manifests, manifests->root)) {
        find_gone(manifests, node);
        return;
    }
    ignore(manifests, node);
    if (nodes_is_manifest_name(node_name(node))) {
        struct problem problem;
        problem_set(&problem, ST_NOT_FOUND, 0, 0, "the symbolic link leads nowhere");
        report_problem(manifests, node, &problem);
    }
}

static void find_other(struct manifests *manifests, struct node *node)
{
    if (!node->is_link) {
        drop(manifests, node);
        return;
    }
    ignore(manifests, node);
    report_fine(manifests, node);
}

static bool is_known_well(const struct node *node, const struct stat *stat)
{
    const struct file_stamp stamp = file_stamp_of(stat);
    return node->occasion == FILE_FOUND && !node->is_read_due && node->problem_hash == 0 &&
           !node->is_unsettled && node->is_stamp_loaded && !node->is_stamp_racy &&
           file_stamp_equal(&node->stamp, &stamp);
}

static void find_file(struct manifests *manifests, struct node *node, const struct stat *stat)
{
    stop_being_directory(manifests, node);
    set_kind(manifests, node, NODE_FILE);
    if (!is_known_well(node, stat)) {
        queue_read(&manifests->queues, node);
    }
}

/* Where a link leads can change in each directory on its way. */
static void follow_link(struct manifests *manifests, struct node *node, const char *path)
{
    char directory[PATH_MAX];
    char physical[PATH_MAX];
    const char *slash = strrchr(path, '/');
    (void)snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
    if (realpath(directory, physical)) {
        watch_places(manifests, node, physical, slash + 1, true);
    } else {
        manifests->is_unwatched = true; /* without memory, or gone: a later look tells */
    }
}

static bool is_absence(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

static void look_failed(struct manifests *manifests, struct node *node, int error)
{
    if (!is_absence(
            error)) { /* not allowed, or the disk: it may be there, so it keeps its objects */
        fail(manifests, node, ST_IO, "cannot be looked at", error);
        queue_defer(&manifests->queues, node, LATER_RETRY);
    } else if (node->is_link) {
        find_dangling(manifests, node);
    } else {
        find_gone(manifests, node);
    }
}

static void look_at_entry(struct manifests *manifests, struct node *node, const char *path)
{
    struct stat now;
    const bool was_link = node->is_link;
    node->is_link = false;
    if (lstat(path, &now) != 0) {
        look_failed(manifests, node, errno);
        return;
    }
    node->is_link = S_ISLNK(now.st_mode);
    if (node->is_link) {
        follow_link(manifests, node, path);
    } else if (was_link) {
        watch_drop_places(manifests, node);
    }
    if (node->is_link && stat(path, &now) != 0) {
        look_failed(manifests, node, errno);
    } else if (S_ISDIR(now.st_mode) && trust_shuts_out(manifests, node, path, &now)) {
        ignore(manifests, node);
    } else if (S_ISDIR(now.st_mode)) {
        enter_directory(manifests, node, path, &now);
    } else if (S_ISREG(now.st_mode) && nodes_is_manifest_name(node_name(node))) {
        find_file(manifests, node, &now);
    } else {
        find_other(manifests, node);
    }
}

void tree_look(struct manifests *manifests, struct node *node)
{
    char path[PATH_MAX];
    if (!node->parent) {
        look_at_root(manifests, node);
    } else if (manifests->is_root_lost) {
        return; /* the scan when it is back finds everything */
    } else if (nodes_path(manifests, node, path)) {
        look_at_entry(manifests, node, path);
    } else {
        fail(manifests, node, ST_LIMIT, "cannot be looked at", ENAMETOOLONG);
    }
}

enum status tree_init(struct manifests *manifests)
{
    return table_init(&manifests->directories);
}

void tree_fini(struct manifests *manifests)
{
    manifests->on_problem = NULL; /* the end of the store resolves nothing */
    manifests->on_resolved = NULL;
    if (manifests->root) {
        drop(manifests, manifests->root);
        manifests->root = NULL;
    }
    table_fini(&manifests->directories);
}
