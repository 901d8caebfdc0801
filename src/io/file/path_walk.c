/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path resolution in user space, component by component.
 *
 * `at` is always physical, so ".." is a cut at its last slash; a link's target is put in front of
 * what remains. Both live in fixed buffers of the kernel's own size. The file system may change
 * under the walk: the result is then stale, not wrong, because whoever walks has a watch on each
 * place before it is read and walks again on its event.
 */
#include "io/file/path_walk.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct walk {
    char at[PATH_MAX];   /* physical directory reached so far */
    char rest[PATH_MAX]; /* what remains to be resolved */
    unsigned links;
    bool is_cut_short; /* a component is not there */
};

static void go_up(struct walk *walk)
{
    char *slash = strrchr(walk->at, '/');
    if (slash == walk->at) {
        slash++; /* the parent of "/x" and of "/" is "/" */
    }
    *slash = '\0';
}

/* Cut the first component off `rest`; false when none is left. */
static bool take_component(struct walk *walk, char ret_name[static NAME_MAX + 1], bool *ret_fits)
{
    const char *start = walk->rest + strspn(walk->rest, "/");
    const size_t len = strcspn(start, "/");
    *ret_fits = len <= NAME_MAX;
    if (len == 0 || !*ret_fits) {
        return false;
    }
    memcpy(ret_name, start, len);
    ret_name[len] = '\0';
    memmove(walk->rest, start + len, strlen(start + len) + 1);
    return true;
}

static bool join(char *ret_path, size_t size, const char *directory, const char *name)
{
    const char *slash = strcmp(directory, "/") == 0 ? "" : "/";
    const int len = snprintf(ret_path, size, "%s%s%s", directory, slash, name);
    return len >= 0 && (size_t)len < size;
}

enum found { FOUND_NOTHING = 0, FOUND_LINK, FOUND_OTHER, FOUND_TOO_LONG };

/* Look at one component: a link's target goes in front of `rest`, anything else onto `at`. */
static enum found look_at(struct walk *walk, const char *name)
{
    char path[PATH_MAX];
    char target[PATH_MAX];
    if (!join(path, sizeof(path), walk->at, name)) {
        return FOUND_TOO_LONG;
    }
    const ssize_t len = readlink(path, target, sizeof(target) - 1);
    if (len < 0) {
        if (errno != EINVAL) { /* EINVAL: it is there and no link */
            return FOUND_NOTHING;
        }
        memcpy(walk->at, path, strlen(path) + 1);
        return FOUND_OTHER;
    }
    target[len] = '\0';
    char rest[PATH_MAX];
    const int rest_len = snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest);
    if (rest_len < 0 || (size_t)rest_len >= sizeof(rest)) {
        return FOUND_TOO_LONG;
    }
    memcpy(walk->rest, rest, (size_t)rest_len + 1);
    if (target[0] == '/') {
        memcpy(walk->at, "/", 2);
    }
    return FOUND_LINK;
}

static enum status walk_on(struct walk *walk, path_walk_fn *step, void *ctx)
{
    char name[NAME_MAX + 1];
    bool fits;
    while (take_component(walk, name, &fits)) {
        if (strcmp(name, ".") == 0) {
            continue;
        }
        if (strcmp(name, "..") == 0) {
            go_up(walk);
            continue;
        }
        const enum status status = step(ctx, walk->at, name);
        if (status != ST_OK) {
            return status;
        }
        const enum found found = look_at(walk, name);
        if (found == FOUND_TOO_LONG ||
            (found == FOUND_LINK && ++walk->links > PATH_WALK_LINKS_MAX)) {
            return ST_LIMIT;
        }
        if (found == FOUND_NOTHING) {
            walk->is_cut_short = true;
            return ST_OK;
        }
    }
    return fits ? ST_OK : ST_LIMIT;
}

static enum status begin(struct walk *walk, const char *directory, const char *path)
{
    const size_t directory_len = strlen(directory);
    const size_t path_len = strlen(path);
    if (directory_len >= sizeof(walk->at) || path_len >= sizeof(walk->rest)) {
        return ST_LIMIT;
    }
    if (path[0] != '/') {
        memcpy(walk->at, directory, directory_len + 1);
    }
    memcpy(walk->rest, path, path_len + 1);
    return ST_OK;
}

enum status path_walk(const char *directory, const char *path, path_walk_fn *step, void *ctx)
{
    struct walk walk = { .at = "/" };
    const enum status status = begin(&walk, directory, path);
    return status == ST_OK ? walk_on(&walk, step, ctx) : status;
}

enum status path_walk_to(const char *directory,
                         const char *path,
                         path_walk_fn *step,
                         void *ctx,
                         char ret_end[static PATH_MAX])
{
    struct walk walk = { .at = "/" };
    enum status status = begin(&walk, directory, path);
    if (status == ST_OK) {
        status = walk_on(&walk, step, ctx);
    }
    if (status != ST_OK || walk.is_cut_short) {
        return status == ST_OK ? ST_NOT_FOUND : status;
    }
    memcpy(ret_end, walk.at, strlen(walk.at) + 1);
    return ST_OK;
}
