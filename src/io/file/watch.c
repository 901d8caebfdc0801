/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files watched for replacement, through every symbolic link on their way.
 *
 * A path is resolved by hand (io/file/path_walk.h), and each directory on the way gets an inotify
 * watch; what is remembered is the pair (watch, name), for other names in these directories do not
 * concern us. An event for such a pair means: something was replaced, so all paths are resolved
 * again (new watches first, then the old ones that nobody needs go) and the caller is told when
 * things have been quiet. A watch is in place before its directory is looked at, so nothing falls
 * between. Should the kernel drop events, or a watch be lost, that counts as a change of
 * everything.
 *
 * A regular file whose name has just been created is most often being written; its close will tell.
 * Only when nobody has it open for writing (a hard link) is the creation itself the change.
 *
 * Limits: a truncate(2) by path and a mount on top of a watched directory are no events in
 * directories, so they go unnoticed. Untrusted: what is on disk, as far as others may write there;
 * the work per event is bounded by the paths' lengths. Threads: all on the loop's.
 */
#include "io/file/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file/path_walk.h"
#include "io/file/read.h"

/* A file that is rewritten all the time still gets its callback this often. */
#define FILE_WATCH_LATEST_MS (10 * FILE_WATCH_QUIET_MS)

/* Out of memory or of inotify watches: resolve again after this long. */
#define FILE_WATCH_RETRY_MS 1000

/* Reads per wake-up; more wait for the next, so that a noisy directory cannot hold the loop. */
#define FILE_WATCH_READS_MAX 16

#define FILE_WATCH_MASK                                                                 \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

/* The watch itself ended, or events were lost: everything may have changed. */
#define FILE_WATCH_SELF_MASK \
    (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW)

struct place {
    int wd;
    char *path;       /* owns; directory/name */
    const char *name; /* the end of path */
};

struct places {
    struct place *at; /* owns */
    size_t count;
    size_t cap;
};

/* libuv's handles outlive the watch until their close callbacks have run. */
struct handles {
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned open;
    struct file_watch *watch; /* NULL once the watch is being freed */
};

struct file_watch {
    struct handles *handles; /* owns until file_watch_free() */
    int inotify_fd;
    char **paths; /* owns */
    size_t path_count;
    char working_directory[PATH_MAX]; /* where relative paths start: that of file_watch_new() */
    struct places places;
    bool is_unresolved;     /* places are those of an earlier time */
    bool changed;           /* the caller is to be told */
    uint64_t changed_at_ms; /* since when, on the loop's clock */
    loop_fn *fn;
    void *ctx;
};

static void places_fini(struct places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        free(places->at[i].path);
    }
    free(places->at);
    *places = (struct places){ 0 };
}

static bool places_add(struct places *places, int wd, const char *directory, const char *name)
{
    if (places->count == places->cap) {
        const size_t cap = places->cap ? places->cap * 2 : 16;
        struct place *at = reallocarray(places->at, cap, sizeof(*at));
        if (!at) {
            return false;
        }
        places->at = at;
        places->cap = cap;
    }
    char *path = NULL;
    const int len = asprintf(&path, "%s/%s", directory, name);
    if (len < 0) {
        return false;
    }
    places->at[places->count++] = (struct place){
        .wd = wd,
        .path = path,
        .name = path + len - strlen(name),
    };
    return true;
}

static bool places_watch(const struct places *places, int wd)
{
    for (size_t i = 0; i < places->count; i++) {
        if (places->at[i].wd == wd) {
            return true;
        }
    }
    return false;
}

struct resolution {
    struct file_watch *watch;
    struct places places;
};

static enum status watch_place(void *ctx, const char *directory, const char *name)
{
    struct resolution *resolution = ctx;
    const int wd = inotify_add_watch(resolution->watch->inotify_fd, directory, FILE_WATCH_MASK);
    if (wd < 0) {
        /* Not there (yet), or not ours to read: the places before it stay watched. */
        return errno == ENOSPC || errno == ENOMEM ? ST_IO : ST_OK;
    }
    return places_add(&resolution->places, wd, directory, name) ? ST_OK : ST_NOMEM;
}

/* Add what is new, then drop what is no longer on any path. On failure the old places stay. */
static enum status resolve(struct file_watch *watch)
{
    struct resolution resolution = { .watch = watch };
    enum status status = ST_OK;
    for (size_t i = 0; i < watch->path_count && status == ST_OK; i++) {
        status = path_walk(watch->working_directory, watch->paths[i], watch_place, &resolution);
        if (status == ST_LIMIT) { /* a loop of links: its places are watched */
            status = ST_OK;
        }
    }
    if (status != ST_OK) {
        const int error = errno;
        places_fini(&resolution.places);
        errno = error;
        return status;
    }
    const struct places old = watch->places;
    watch->places = resolution.places;
    for (size_t i = 0; i < old.count; i++) {
        if (!places_watch(&watch->places, old.at[i].wd)) {
            (void)inotify_rm_watch(watch->inotify_fd, old.at[i].wd); /* may be gone already */
        }
    }
    places_fini(&(struct places){ .at = old.at, .count = old.count });
    return ST_OK;
}

static void on_timer(uv_timer_t *timer);

/* Uses of the one timer: the end of a burst, and another try at resolving. */
static void arm_timer(struct file_watch *watch, uint64_t delay_ms)
{
    (void)uv_timer_start(&watch->handles->timer, on_timer, delay_ms, 0); /* has a callback */
}

static void note_change(struct file_watch *watch)
{
    const uint64_t now_ms = uv_now(watch->handles->timer.loop);
    if (!watch->changed) {
        watch->changed = true;
        watch->changed_at_ms = now_ms;
    }
    const uint64_t waited_ms = now_ms - watch->changed_at_ms;
    const uint64_t left_ms =
        waited_ms < FILE_WATCH_LATEST_MS ? FILE_WATCH_LATEST_MS - waited_ms : 0;
    arm_timer(watch, left_ms < FILE_WATCH_QUIET_MS ? left_ms : FILE_WATCH_QUIET_MS);
}

/* Try again after a failure; what happened meanwhile is not known, so it counts as a change. */
static void on_timer(uv_timer_t *timer)
{
    struct file_watch *watch = ((struct handles *)timer->data)->watch;
    if (watch->is_unresolved) {
        watch->changed = true;
        watch->is_unresolved = resolve(watch) != ST_OK;
    }
    if (watch->is_unresolved) {
        arm_timer(watch, FILE_WATCH_RETRY_MS);
    }
    if (watch->changed) {
        watch->changed = false;
        watch->fn(watch->ctx); /* may free the watch */
    }
}

/* A regular file that has just been created: its close is the change, if somebody writes to it. */
static bool will_be_closed(const struct place *place)
{
    struct stat stat;
    return lstat(place->path, &stat) == 0 && S_ISREG(stat.st_mode) &&
           file_is_being_written(place->path);
}

static bool concerns_us(const struct file_watch *watch, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        return true;
    }
    if (event->mask & FILE_WATCH_SELF_MASK) {
        return places_watch(&watch->places, event->wd); /* not of a watch that we removed */
    }
    for (size_t i = 0; i < watch->places.count; i++) {
        const struct place *place = &watch->places.at[i];
        if (place->wd == event->wd && event->len && strcmp(place->name, event->name) == 0) {
            const bool fresh = (event->mask & (IN_CREATE | IN_ISDIR)) == IN_CREATE;
            return !fresh || !will_be_closed(place);
        }
    }
    return false;
}

/* One read's worth of events. False when there was nothing to read. */
static bool read_events(struct file_watch *watch, bool *ret_changed)
{
    _Alignas(struct inotify_event) char buffer[16 * 1024];
    const ssize_t len = read(watch->inotify_fd, buffer, sizeof(buffer));
    if (len <= 0) {
        return len < 0 && errno == EINTR;
    }
    size_t at = 0;
    while (at < (size_t)len) {
        const struct inotify_event *event = (const void *)(buffer + at);
        *ret_changed = concerns_us(watch, event) || *ret_changed;
        at += sizeof(*event) + event->len;
    }
    return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct file_watch *watch = ((struct handles *)poll->data)->watch;
    if (status < 0) {
        return; /* an inotify descriptor has no errors of its own */
    }
    bool changed = false;
    for (unsigned i = 0; i < FILE_WATCH_READS_MAX && read_events(watch, &changed); i++) {
    }
    if (!changed) {
        return;
    }
    watch->is_unresolved = resolve(watch) != ST_OK;
    note_change(watch);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct handles *handles = handle->data;
    if (--handles->open == 0) {
        free(handles);
    }
}

struct file_watch *file_watch_free(struct file_watch *watch)
{
    if (!watch) {
        return NULL;
    }
    struct handles *handles = watch->handles;
    if (handles) {
        handles->watch = NULL;
        uv_close((uv_handle_t *)&handles->poll, on_handle_closed);
        uv_close((uv_handle_t *)&handles->timer, on_handle_closed);
    }
    if (watch->inotify_fd >= 0) {
        (void)close(watch->inotify_fd); /* nothing was written */
    }
    for (size_t i = 0; i < watch->path_count; i++) {
        free(watch->paths[i]);
    }
    free(watch->paths);
    places_fini(&watch->places);
    free(watch);
    return NULL;
}

static enum status open_handles(struct file_watch *watch, uv_loop_t *uv)
{
    struct handles *handles = calloc(1, sizeof(*handles));
    if (!handles) {
        return ST_NOMEM;
    }
    if (uv_poll_init(uv, &handles->poll, watch->inotify_fd) != 0) {
        free(handles);
        return ST_IO;
    }
    (void)uv_timer_init(uv, &handles->timer); /* cannot fail */
    handles->poll.data = handles;
    handles->timer.data = handles;
    handles->open = 2;
    handles->watch = watch;
    watch->handles = handles; /* from here on file_watch_free() closes them */
    return uv_poll_start(&handles->poll, UV_READABLE, on_readable) == 0 ? ST_OK : ST_IO;
}

static enum status copy_paths(struct file_watch *watch, const char *const *paths, size_t count)
{
    watch->paths = calloc(count ? count : 1, sizeof(*watch->paths));
    if (!watch->paths) {
        return ST_NOMEM;
    }
    for (; watch->path_count < count; watch->path_count++) {
        char *copy = strdup(paths[watch->path_count]);
        if (!copy) {
            return ST_NOMEM;
        }
        watch->paths[watch->path_count] = copy;
    }
    return ST_OK;
}

static enum status start(struct file_watch *watch,
                         struct loop *loop,
                         const char *const *paths,
                         size_t count)
{
    enum status status = copy_paths(watch, paths, count);
    if (status != ST_OK) {
        return status;
    }
    if (!getcwd(watch->working_directory, sizeof(watch->working_directory))) {
        return ST_IO;
    }
    watch->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->inotify_fd < 0) {
        return ST_IO;
    }
    status = resolve(watch);
    return status == ST_OK ? open_handles(watch, loop_uv(loop)) : status;
}

enum status file_watch_new(struct loop *loop,
                           const char *const *paths,
                           size_t count,
                           loop_fn *fn,
                           void *ctx,
                           struct file_watch **ret_watch)
{
    struct file_watch *watch = calloc(1, sizeof(*watch));
    if (!watch) {
        return ST_NOMEM;
    }
    watch->inotify_fd = -1;
    watch->fn = fn;
    watch->ctx = ctx;
    const enum status status = start(watch, loop, paths, count);
    if (status != ST_OK) {
        const int error = errno;
        file_watch_free(watch);
        errno = error;
        return status;
    }
    *ret_watch = watch;
    return ST_OK;
}
