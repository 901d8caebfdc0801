/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify for the directory store: from events to nominated nodes.
 *
 * One watch per directory, shared by those who need it: the directory that is read, and the links
 * whose way leads through it ("places", one per component, as io/file/path_walk.h names them). The
 * kernel has one watch per inode, so users are counted. A place is looked up by watch and name, so
 * an event finds the links that it concerns without asking the others: a swap of `..data` nominates
 * those that lead through it, and nothing else.
 *
 * What an event says about a file's writer goes with the nomination. Closed after writing and
 * renamed into place are a writer's own word that the file is whole. A name that was created says
 * the opposite: it is looked at when it has had time to settle, or at its close. A file renamed
 * away waits a moment for the other half of the rename, so that its objects are not deleted and
 * added again; a file deleted does not wait.
 *
 * All events that are queued are taken in before any is acted upon, so the result is the net effect
 * of all of them.
 */
#include "store/manifests/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file/path_walk.h"
#include "store/manifests/nodes.h"
#include "store/manifests/queue.h"

#define WATCH_MASK                                                                      \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

#define WATCH_SELF_MASK (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)

/* Reads of 64 KiB per turn: the kernel's whole default queue of 16384 events with long names. What
 * is left makes the next turn. */
#define WATCH_READS_MAX 80

/* How far back to look for the first half of a rename; the kernel queues both next to each other.
 */
#define WATCH_PAIR_MAX 64

struct watch {
    int wd;
    size_t users;
    bool is_dead;               /* the kernel has dropped it */
    struct node *directory;     /* borrows: whose entries are manifests; NULL for none */
    struct cds_list_head names; /* struct name: where links lead through */
    char *path;                 /* owns; the latest by which somebody came */
};

/* A name in a watched directory that decides where links lead. */
struct name {
    struct cds_list_head of_watch;
    struct cds_list_head places;
    struct watch *watch; /* shares */
    uint32_t hash;
    char text[];
};

/* A link's interest in a name. */
struct place {
    struct cds_list_head of_name;
    struct place *next; /* of the same node */
    struct name *name;
    struct node *node;
};

enum status watch_init(struct manifests *manifests)
{
    manifests->inotify_fd = -1;
    const enum status status = table_init(&manifests->watches);
    return status == ST_OK ? table_init(&manifests->names) : status;
}

void watch_fini(struct manifests *manifests)
{
    /* whoever used a watch has released it: these tables are empty */
    table_fini(&manifests->watches);
    table_fini(&manifests->names);
    if (manifests->inotify_fd >= 0) {
        (void)close(manifests->inotify_fd); /* nothing was written */
        manifests->inotify_fd = -1;
    }
}

enum status watch_open(struct manifests *manifests, struct problem *reterr_problem)
{
    if (manifests->inotify_fd < 0) {
        manifests->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    }
    if (manifests->inotify_fd < 0) {
        problem_set(reterr_problem, ST_IO, 0, 0, "cannot be watched: %s%s", strerrordesc_np(errno),
                    errno == EMFILE ? " (see fs.inotify.max_user_instances)" : "");
        return ST_IO;
    }
    return ST_OK;
}

/* --- watches --- */

static uint32_t hash_wd(const struct manifests *manifests, int wd)
{
    return table_hash(&manifests->watches,
                      (struct span){ .at = (const char *)&wd, .len = sizeof(wd) });
}

static bool has_wd(const void *item, const void *key)
{
    return ((const struct watch *)item)->wd == *(const int *)key;
}

static struct watch *find_watch(const struct manifests *manifests, int wd)
{
    return table_find(&manifests->watches, hash_wd(manifests, wd), has_wd, &wd);
}

static struct watch *new_watch(struct manifests *manifests, int wd, const char *path)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (!watch) {
        return NULL;
    }
    watch->wd = wd;
    watch->path = strdup(path);
    CDS_INIT_LIST_HEAD(&watch->names);
    if (!watch->path || table_insert(&manifests->watches, hash_wd(manifests, wd), watch) != ST_OK) {
        free(watch->path);
        free(watch);
        return NULL;
    }
    return watch;
}

static void set_path(struct watch *watch, const char *path)
{
    char *copy = strcmp(watch->path, path) != 0 ? strdup(path) : NULL;
    if (copy) { /* without memory the old one stays: a creation is then read a little later */
        free(watch->path);
        watch->path = copy;
    }
}

/* Share the watch on the directory at @path. NULL with errno. */
static struct watch *get_watch(struct manifests *manifests, const char *path)
{
    if (manifests->inotify_fd < 0) {
        errno = EBADF;
        return NULL;
    }
    const int wd = inotify_add_watch(manifests->inotify_fd, path, WATCH_MASK);
    if (wd < 0) {
        return NULL;
    }
    struct watch *watch = find_watch(manifests, wd);
    if (!watch) {
        watch = new_watch(manifests, wd, path);
    }
    if (!watch) {
        (void)inotify_rm_watch(manifests->inotify_fd, wd); /* it is there: we just made it */
        errno = ENOMEM;
        return NULL;
    }
    set_path(watch, path);
    watch->users++;
    return watch;
}

static void put_watch(struct manifests *manifests, struct watch *watch)
{
    if (--watch->users > 0) {
        return;
    }
    if (!watch->is_dead) {
        (void)inotify_rm_watch(manifests->inotify_fd, watch->wd); /* may have gone by itself */
        table_remove(&manifests->watches, hash_wd(manifests, watch->wd), watch);
    }
    free(watch->path);
    free(watch);
}

void watch_directory(struct manifests *manifests, struct node *node, const char *path)
{
    watch_release(manifests, node);
    struct watch *watch = get_watch(manifests, path);
    if (!watch) {
        manifests->is_unwatched = true;
        return;
    }
    watch->directory = node;
    node->watch = watch;
}

void watch_release(struct manifests *manifests, struct node *node)
{
    struct watch *watch = node->watch;
    if (watch) {
        if (watch->directory == node) {
            watch->directory = NULL;
        }
        node->watch = NULL;
        put_watch(manifests, watch);
    }
}

bool watch_is_alive(const struct node *node)
{
    return node->watch && !node->watch->is_dead && node->watch->directory == node;
}

/* --- places --- */

struct name_key {
    const struct watch *watch;
    const char *text;
};

static uint32_t hash_name(const struct manifests *manifests, const struct name_key *key)
{
    return table_hash(&manifests->names, span_of(key->text)) +
           0x9e3779b1u * hash_wd(manifests, key->watch->wd);
}

static bool is_name(const void *item, const void *key)
{
    const struct name *name = item;
    const struct name_key *want = key;
    return name->watch == want->watch && strcmp(name->text, want->text) == 0;
}

static struct name *find_name(const struct manifests *manifests, const struct name_key *key)
{
    if (manifests->names.count == 0) {
        return NULL;
    }
    return table_find(&manifests->names, hash_name(manifests, key), is_name, key);
}

/* Takes the caller's share of @watch, also on failure. */
static struct name *get_name(struct manifests *manifests, struct watch *watch, const char *text)
{
    const struct name_key key = { watch, text };
    struct name *name = find_name(manifests, &key);
    if (name) {
        put_watch(manifests, watch); /* the name has a share already */
        return name;
    }
    const size_t len = strlen(text);
    name = calloc(1, sizeof(*name) + len + 1);
    if (!name) {
        put_watch(manifests, watch);
        return NULL;
    }
    name->watch = watch;
    name->hash = hash_name(manifests, &key);
    CDS_INIT_LIST_HEAD(&name->places);
    memcpy(name->text, text, len + 1);
    if (table_insert(&manifests->names, name->hash, name) != ST_OK) {
        free(name);
        put_watch(manifests, watch);
        return NULL;
    }
    cds_list_add_tail(&name->of_watch, &watch->names);
    return name;
}

static void put_name(struct manifests *manifests, struct name *name)
{
    if (cds_list_empty(&name->places)) {
        table_remove(&manifests->names, name->hash, name);
        cds_list_del(&name->of_watch);
        put_watch(manifests, name->watch);
        free(name);
    }
}

static void free_places(struct manifests *manifests, struct place *places)
{
    while (places) {
        struct place *next = places->next;
        cds_list_del(&places->of_name);
        put_name(manifests, places->name);
        free(places);
        places = next;
    }
}

struct place_walk {
    struct manifests *manifests;
    struct node *node;
    struct place *places; /* owns */
    bool skips_next;      /* component of the path */
    bool is_incomplete;
};

static enum status add_place(void *ctx, const char *directory, const char *text)
{
    struct place_walk *walk = ctx;
    if (walk->skips_next) {
        walk->skips_next = false;
        return ST_OK;
    }
    struct watch *watch = get_watch(walk->manifests, directory);
    if (!watch) {
        /* Not there, or a file: its own place tells. Above the root: not ours to read. */
        const bool is_normal = errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
                               (errno == EACCES && !walk->node->parent);
        walk->is_incomplete = walk->is_incomplete || !is_normal;
        return ST_OK;
    }
    struct name *name = get_name(walk->manifests, watch, text);
    struct place *place = name ? calloc(1, sizeof(*place)) : NULL;
    if (!place) {
        if (name) {
            put_name(walk->manifests, name);
        }
        return ST_NOMEM;
    }
    place->name = name;
    place->node = walk->node;
    cds_list_add_tail(&place->of_name, &name->places);
    place->next = walk->places;
    walk->places = place;
    return ST_OK;
}

void watch_places(struct manifests *manifests,
                  struct node *node,
                  const char *directory,
                  const char *path,
                  bool skip_first)
{
    struct place_walk walk = { .manifests = manifests, .node = node, .skips_next = skip_first };
    const enum status status = path_walk(directory, path, add_place, &walk);
    /* ST_LIMIT is a loop of links: its places are known, and looking at it tells the rest */
    if (walk.is_incomplete || (status != ST_OK && status != ST_LIMIT)) {
        manifests->is_unwatched = true;
    }
    /* the new ones hold what the old ones share, so no watch is dropped and added again */
    struct place *old = node->places;
    node->places = walk.places;
    free_places(manifests, old);
}

void watch_drop_places(struct manifests *manifests, struct node *node)
{
    struct place *places = node->places;
    node->places = NULL;
    free_places(manifests, places);
}

/* --- events --- */

/* The other half of a rename within the tree has come: no need to wait for it. */
static void pair_move(struct manifests *manifests, uint32_t cookie)
{
    unsigned tries = 0;
    struct node *node;
    cds_list_for_each_entry_reverse(node, &manifests->queues.later[LATER_MOVE], queue)
    {
        if (node->cookie == cookie) {
            queue_nominate(&manifests->queues, node, FILE_FOUND);
            return;
        }
        if (++tries == WATCH_PAIR_MAX) {
            return;
        }
    }
}

static bool is_regular_file(const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct stat stat;
    const int len = snprintf(path, sizeof(path), "%s/%s", directory, name);
    return len > 0 && (size_t)len < sizeof(path) && lstat(path, &stat) == 0 &&
           S_ISREG(stat.st_mode);
}

/* @node is what the event is about, or a link that leads through it. */
static void apply_event(struct manifests *manifests,
                        struct node *node,
                        const struct watch *watch,
                        const struct inotify_event *event,
                        bool is_place)
{
    if (event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) {
        queue_nominate(&manifests->queues, node, FILE_PUBLISHED);
    } else if (event->mask & IN_MOVED_FROM || (is_place && event->mask & IN_DELETE)) {
        node->cookie = event->cookie;
        queue_defer(&manifests->queues, node, LATER_MOVE);
    } else if (event->mask & IN_CREATE && !(event->mask & IN_ISDIR) &&
               is_regular_file(watch->path, event->name)) {
        queue_defer(&manifests->queues, node, LATER_SETTLE);
        node->occasion = FILE_APPEARED;
    } else if (event->mask & (IN_CREATE | IN_DELETE)) {
        queue_nominate(&manifests->queues, node, FILE_FOUND);
    } else if (event->mask & IN_ATTRIB) { /* who may read or write it, perhaps */
        queue_nominate(&manifests->queues, node, FILE_FOUND);
    }
}

static void apply_to_places(struct manifests *manifests,
                            const struct watch *watch,
                            const struct inotify_event *event)
{
    const struct name *name = find_name(manifests, &(struct name_key){ watch, event->name });
    struct place *place;
    if (name) {
        cds_list_for_each_entry(place, &name->places, of_name)
        {
            apply_event(manifests, place->node, watch, event, true);
        }
    }
}

static bool is_link(const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct stat stat;
    const int len = snprintf(path, sizeof(path), "%s/%s", directory, name);
    return len > 0 && (size_t)len < sizeof(path) && lstat(path, &stat) == 0 &&
           S_ISLNK(stat.st_mode);
}

/* Is a new entry of this name worth a node? A link may lead to a directory. */
static bool is_wanted(const struct watch *watch, const struct inotify_event *event)
{
    if (!(event->mask & (IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO))) {
        return false;
    }
    return event->mask & IN_ISDIR || nodes_is_manifest_name(event->name) ||
           (!(event->mask & IN_CLOSE_WRITE) && is_link(watch->path, event->name));
}

static void apply_to_entry(struct manifests *manifests,
                           const struct watch *watch,
                           const struct inotify_event *event)
{
    if (event->name[0] == '.') { /* hidden: editors' files, ..data */
        return;
    }
    struct node *node = nodes_find(manifests, watch->directory, event->name);
    if (!node && !watch->directory->is_refused && is_wanted(watch, event)) {
        node = nodes_add(manifests, watch->directory, event->name);
    }
    if (node) {
        apply_event(manifests, node, watch, event, false);
    }
}

/* The directory itself has been moved, deleted or unmounted: ask all who rely on it. */
static void lose_watch(struct manifests *manifests, struct watch *watch, uint32_t mask)
{
    if (mask & IN_IGNORED) {
        watch->is_dead = true;
        table_remove(&manifests->watches, hash_wd(manifests, watch->wd), watch);
    }
    if (watch->directory) {
        manifests->is_unmounted =
            manifests->is_unmounted || (mask & IN_UNMOUNT && !watch->directory->parent);
        queue_nominate(&manifests->queues, watch->directory, FILE_FOUND);
    }
    struct name *name;
    cds_list_for_each_entry(name, &watch->names, of_watch)
    {
        struct place *place;
        cds_list_for_each_entry(place, &name->places, of_name)
        {
            queue_nominate(&manifests->queues, place->node, FILE_FOUND);
        }
    }
}

/* Whether it was judged safe or not: judge again, though nothing else has changed. */
static void ask_again(struct manifests *manifests, struct node *node)
{
    node->generation = 0;
    node->is_read_due = node->kind == NODE_FILE;
    queue_nominate(&manifests->queues, node, FILE_FOUND);
}

/* Who may write the directory itself has changed, perhaps; also for links that lead through it. */
static void note_attributes(struct manifests *manifests, struct watch *watch)
{
    if (watch->directory) {
        ask_again(manifests, watch->directory);
    }
    struct name *name;
    cds_list_for_each_entry(name, &watch->names, of_watch)
    {
        struct place *place;
        cds_list_for_each_entry(place, &name->places, of_name)
        {
            ask_again(manifests, place->node);
        }
    }
}

static void handle_event(struct manifests *manifests, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        queue_rescan_after(&manifests->queues, 0);
        return;
    }
    struct watch *watch = find_watch(manifests, event->wd);
    if (!watch) { /* of a watch that we removed */
        return;
    }
    if (event->mask & WATCH_SELF_MASK) {
        lose_watch(manifests, watch, event->mask);
        return;
    }
    if (event->len == 0 && event->mask & IN_ATTRIB) {
        note_attributes(manifests, watch);
    }
    if (event->len == 0) {
        return;
    }
    if (event->mask & IN_MOVED_TO) {
        pair_move(manifests, event->cookie);
    }
    apply_to_places(manifests, watch, event);
    if (watch->directory) {
        apply_to_entry(manifests, watch, event);
    }
}

static bool read_some(struct manifests *manifests, char *buffer, size_t size)
{
    const ssize_t len = read(manifests->inotify_fd, buffer, size);
    if (len <= 0) {
        return len < 0 && errno == EINTR;
    }
    size_t at = 0;
    while (at < (size_t)len) {
        const struct inotify_event *event = (const void *)(buffer + at);
        handle_event(manifests, event);
        at += sizeof(*event) + event->len;
    }
    return true;
}

void watch_take_events(struct manifests *manifests)
{
    _Alignas(struct inotify_event) char buffer[65536];
    for (unsigned i = 0; i < WATCH_READS_MAX; i++) {
        if (!read_some(manifests, buffer, sizeof(buffer))) {
            break;
        }
    }
}
