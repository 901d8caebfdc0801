/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups.
 *
 * All that is read here the kernel wrote, or who made the container; it is trusted, but read with
 * bounds. What cannot be read is no limit and a reason: who serves is told, and served.
 *
 * memory.high counts as memory.max does. Above it nobody is killed, but without swap there is
 * nothing to reclaim from this process, and the kernel puts it to sleep until hardly anything is
 * answered. memory.soft_limit_in_bytes of version 1 does nothing of the kind and is not looked at.
 *
 * A group of version 1 whose parent has use_hierarchy=0 is not bound by that parent. No system of
 * the last ten years makes such, and to see a limit where none is only makes us careful.
 *
 * Ancestors above the root of a cgroup namespace, or above what is mounted, cannot be seen: the
 * limit of a pod as a whole is hidden from its containers.
 *
 * No threads, no state.
 */
#include "base/memory_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

/* 4 TiB. "No limit" of version 1 is 2^63 less a page, 2^43 on 32 bits */
#define MEMORY_LIMIT_NONE_BYTES (UINT64_C(1) << 42)

#define LIMIT_FILE_MAX     64       /* bytes of a file with one number */
#define CGROUP_FILE_MAX    65536    /* bytes: a line for each of some 15 controllers, a path each */
#define MOUNTINFO_FILE_MAX 16777216 /* bytes: a node with a thousand pods has some 2 MiB */
#define READ_BYTES         16384    /* asked for in one read() */

enum status memory_limit_parse(struct span text, uint64_t *ret_bytes)
{
    if (text.len > 0 && text.at[text.len - 1] == '\n') {
        text.len--;
    }
    if (span_equal(text, SPAN_LITERAL("max"))) {
        *ret_bytes = UINT64_MAX;
        return ST_OK;
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(bytes, 10U, &bytes) ||
            __builtin_add_overflow(bytes, (unsigned)(c - '0'), &bytes)) {
            return ST_SYNTAX;
        }
    }
    if (text.len == 0) {
        return ST_SYNTAX;
    }
    *ret_bytes = bytes < MEMORY_LIMIT_NONE_BYTES ? bytes : UINT64_MAX;
    return ST_OK;
}

/* What stands before @end, which is left out of both parts; all of @in when @end does not come. */
static struct span take_until(struct span *in, char end)
{
    const char *const at = in->len ? memchr(in->at, end, in->len) : NULL;
    const struct span head = { in->at, at ? (size_t)(at - in->at) : in->len };
    *in = at ? span_after(*in, head.len + 1) : (struct span){ 0 };
    return head;
}

static bool list_has(struct span list, struct span item)
{
    while (list.len > 0) {
        if (span_equal(take_until(&list, ','), item)) {
            return true;
        }
    }
    return false;
}

/* hierarchy-ID:controllers:path */
static enum status parse_cgroup_line(struct span line, struct memory_cgroup *cgroup)
{
    const struct span id = take_until(&line, ':');
    const struct span controllers = take_until(&line, ':');
    if (line.len == 0 || line.at[0] != '/' || memchr(line.at, '\0', line.len)) {
        return ST_SYNTAX;
    }
    const bool has_memory = list_has(controllers, SPAN_LITERAL("memory"));
    const bool is_v2 = span_equal(id, SPAN_LITERAL("0"));
    if (!has_memory && (!is_v2 || cgroup->path[0])) {
        return ST_OK;
    }
    if (line.len >= sizeof(cgroup->path)) {
        return ST_LIMIT;
    }
    cgroup->is_v2 = is_v2;
    memcpy(cgroup->path, line.at, line.len);
    cgroup->path[line.len] = '\0';
    return ST_OK;
}

enum status memory_cgroup_parse(struct span text, struct memory_cgroup *ret_cgroup)
{
    *ret_cgroup = (struct memory_cgroup){ 0 };
    while (text.len > 0) {
        const enum status status = parse_cgroup_line(take_until(&text, '\n'), ret_cgroup);
        if (status != ST_OK) {
            ret_cgroup->path[0] = '\0';
            return status;
        }
    }
    return ST_OK;
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* The kernel writes blanks and backslashes of a path as \ooo. */
static bool unescape_path(struct span text, char ret_path[static PATH_MAX])
{
    size_t len = 0;
    if (text.len == 0 || text.at[0] != '/') {
        return false;
    }
    while (text.len > 0 && len + 1 < PATH_MAX) {
        unsigned c = (unsigned char)text.at[0];
        size_t taken = 1;
        if (c == '\\') {
            if (text.len < 4 || !is_octal(text.at[1]) || !is_octal(text.at[2]) ||
                !is_octal(text.at[3])) {
                return false;
            }
            c = (unsigned)(text.at[1] - '0') << 6 | (unsigned)(text.at[2] - '0') << 3 |
                (unsigned)(text.at[3] - '0');
            taken = 4;
        }
        if (c == 0 || c > UCHAR_MAX) {
            return false;
        }
        ret_path[len++] = (char)c;
        text = span_after(text, taken);
    }
    ret_path[len] = '\0';
    return text.len == 0;
}

bool cgroup_mount_parse(struct span line, struct cgroup_mount *ret_mount)
{
    for (unsigned i = 0; i < 3; i++) {
        (void)take_until(&line, ' '); /* its number, its parent's, its device */
    }
    const struct span root = take_until(&line, ' ');
    const struct span point = take_until(&line, ' ');
    /* options, then any number of fields up to one that is a hyphen */
    while (line.len > 0 && !span_equal(take_until(&line, ' '), SPAN_LITERAL("-"))) {
    }
    const struct span type = take_until(&line, ' ');
    (void)take_until(&line, ' '); /* source */
    ret_mount->is_v2 = span_equal(type, SPAN_LITERAL("cgroup2"));
    return (ret_mount->is_v2 ||
            (span_equal(type, SPAN_LITERAL("cgroup")) && list_has(line, SPAN_LITERAL("memory")))) &&
           unescape_path(root, ret_mount->root) && unescape_path(point, ret_mount->point);
}

/* Is a component of @path ".."? */
static bool goes_up(const char *path)
{
    for (const char *at = strstr(path, "/.."); at; at = strstr(at + 1, "/..")) {
        if (at[3] == '/' || at[3] == '\0') {
            return true;
        }
    }
    return false;
}

const char *cgroup_mount_below(const struct cgroup_mount *mount, const char *path)
{
    const size_t len = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);
    const char *const below = path + len;
    if (strncmp(path, mount->root, len) != 0 || (*below != '/' && *below != '\0')) {
        return NULL;
    }
    /* outside of a namespace's root paths begin with "/..", and the root of the mount may, too */
    return goes_up(below) ? NULL : strcmp(below, "/") == 0 ? "" : below;
}

/* One call of memory_limit_find(). */
struct search {
    const char *root;
    struct memory_limit *limit;
    struct problem *problem; /* the first */
    enum status status;      /* its */
};

static void note(struct search *search, const char *file, enum status status, const char *text)
{
    if (search->status == ST_OK) {
        search->status = status;
        problem_set_file(search->problem, file);
        problem_set(search->problem, status, 0, 0, "%s", text);
    }
}

static enum status read_up_to(const char *path, size_t max_bytes, struct buf *ret_text)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return errno == ENOENT ? ST_NOT_FOUND : ST_IO;
    }
    enum status status = ST_OK;
    ssize_t n = 1;
    while (status == ST_OK && n > 0) {
        if (!buf_reserve(ret_text, READ_BYTES)) {
            status = ST_NOMEM;
            break;
        }
        n = read(fd, ret_text->at + ret_text->len, READ_BYTES);
        ret_text->len += n > 0 ? (size_t)n : 0;
        if (n < 0) {
            status = ST_IO;
        } else if (ret_text->len > max_bytes) {
            status = ST_LIMIT;
        }
    }
    (void)close(fd); /* was read only */
    return status;
}

/* "" and a note when it does not fit. */
static void join_path(struct search *search,
                      const char *directory,
                      const char *name,
                      char ret_path[static PATH_MAX])
{
    const int len = snprintf(ret_path, PATH_MAX, "%s%s", directory, name);
    if (len < 0 || len >= PATH_MAX) {
        note(search, ret_path, ST_LIMIT, status_text(ST_LIMIT));
        ret_path[0] = '\0';
    }
}

/* A group without the file has no limit: the root, or one without the memory controller. */
static void look_at_file(struct search *search, const char *directory, const char *name)
{
    char path[PATH_MAX];
    CLEANUP(buf_fini) struct buf text = { 0 };
    uint64_t bytes = 0;
    join_path(search, directory, name, path);
    enum status status = path[0] ? read_up_to(path, LIMIT_FILE_MAX, &text) : ST_NOT_FOUND;
    if (status == ST_OK) {
        status = memory_limit_parse(buf_span(&text), &bytes);
    }
    if (status != ST_OK && status != ST_NOT_FOUND) {
        note(search, path, status,
             status == ST_IO ? "cannot be read" : "expected a number of bytes, or max");
    }
    if (status == ST_OK && bytes < search->limit->bytes) {
        search->limit->bytes = bytes;
        (void)snprintf(search->limit->file, sizeof(search->limit->file), "%s",
                       path + strlen(search->root)); /* cut on purpose */
    }
}

/* The group @below the mount, then each ancestor up to the mount's point. */
static void look_at_groups(struct search *search,
                           const struct cgroup_mount *mount,
                           const char *below)
{
    char point[PATH_MAX];
    char directory[PATH_MAX];
    join_path(search, search->root, mount->point, point);
    join_path(search, point, below, directory);
    if (!point[0] || !directory[0]) {
        return;
    }
    const size_t point_len = strlen(point);
    if (access(directory, X_OK) != 0) {
        note(search, directory, ST_NOT_FOUND,
             errno == ENOENT ? "the control group is not there" : "cannot be looked at");
    }
    for (;;) {
        if (mount->is_v2) {
            look_at_file(search, directory, "/memory.max");
            look_at_file(search, directory, "/memory.high");
        } else {
            look_at_file(search, directory, "/memory.limit_in_bytes");
        }
        char *const slash = strrchr(directory, '/');
        if (!slash || (size_t)(slash - directory) < point_len) {
            return;
        }
        *slash = '\0';
    }
}

/* Every mount that shows the group is looked at: what one hides, another may show. */
static void look_at_mounts(struct search *search,
                           struct span mountinfo,
                           const struct memory_cgroup *cgroup)
{
    bool seen = false;
    while (mountinfo.len > 0) {
        struct cgroup_mount mount;
        if (!cgroup_mount_parse(take_until(&mountinfo, '\n'), &mount) ||
            mount.is_v2 != cgroup->is_v2) {
            continue;
        }
        const char *const below = cgroup_mount_below(&mount, cgroup->path);
        if (below) {
            seen = true;
            look_at_groups(search, &mount, below);
        }
    }
    if (!seen) {
        note(search, cgroup->path, ST_NOT_FOUND, "no mount shows this control group");
    }
}

/* *@ret_text is empty when the file was not read; that is noted. */
static void read_proc(struct search *search,
                      const char *name,
                      size_t max_bytes,
                      struct buf *ret_text)
{
    char path[PATH_MAX];
    join_path(search, search->root, name, path);
    const enum status status = path[0] ? read_up_to(path, max_bytes, ret_text) : ST_LIMIT;
    if (status != ST_OK) {
        buf_clear(ret_text);
        note(search, path, status, status_text(status));
    }
}

enum status memory_limit_find(const char *root,
                              struct memory_limit *ret_limit,
                              struct problem *reterr_problem)
{
    CLEANUP(buf_fini) struct buf groups = { 0 };
    CLEANUP(buf_fini) struct buf mounts = { 0 };
    struct search search = { .root = root, .limit = ret_limit, .problem = reterr_problem };
    struct memory_cgroup cgroup;
    *ret_limit = (struct memory_limit){ .bytes = UINT64_MAX };
    read_proc(&search, "/proc/self/cgroup", CGROUP_FILE_MAX, &groups);
    const enum status status = memory_cgroup_parse(buf_span(&groups), &cgroup);
    if (status != ST_OK) {
        note(&search, "/proc/self/cgroup", status,
             "expected lines of the form ID:CONTROLLERS:/PATH");
    }
    if (cgroup.path[0]) {
        read_proc(&search, "/proc/self/mountinfo", MOUNTINFO_FILE_MAX, &mounts);
    }
    if (mounts.len > 0) {
        look_at_mounts(&search, buf_span(&mounts), &cgroup);
    }
    return search.status;
}
