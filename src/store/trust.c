/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules:
 *  - A file or directory belongs to root or to the directory's owner, or it is one of the named
 *    group, whose members replace files by their own. The group alone would not say that it is a
 *    member's, since a directory with the setgid bit gives it to anybody's file; but the directory
 *    that it stands in is judged as well, and where nobody else can write a member put it there.
 *  - Nobody else may write it, by its mode. The sticky bit is no excuse: it keeps others from
 *    removing a file, and not from adding one.
 *  - A group that the operator named may. Where there is a POSIX ACL, the mode's group bits are its
 *    mask: what looks like the group's permission may be anybody's, so then the name of the group
 *    excuses nothing.
 *  - What is mounted read-only nobody writes, whatever its mode: Kubernetes mounts Secrets with
 *    1777.
 *  - On the way to a file, by its path and by symbolic links, nobody else may exchange a directory
 *    or a link. Here the sticky bit does help: /tmp/x is safe when it is ours. The way is looked at
 *    after the file was opened, so it must lead to that very file: each place on it is judged
 *    before what stands there is followed, so nobody else can have changed it in between.
 *
 * What is not seen: ACLs of other kinds (NFSv4), and what the far side of a network file system or
 * of a bind mount allows.
 *
 * Threads: any; nothing is kept.
 */
#include "store/trust.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "io/file/path_walk.h"

#define ACL_NAME "system.posix_acl_access"

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

/* How facts are said: a format and its arguments. */
#define FACTS         "mode %04o, owner %u, group %u"
#define FACTS_OF(f)   (unsigned)((f)->mode & 07777), (unsigned)(f)->owner, (unsigned)(f)->group
#define EXPECTED_WHOM "expected nobody but its owner, or the group of --manifests-writable-by-group"

static bool is_trusted(const struct trust *trust, uid_t user)
{
    return user == 0 || (trust->has_owner && user == trust->owner);
}

static bool is_group_trusted(const struct trust *trust, gid_t group)
{
    return trust->policy.has_group && group == trust->policy.group;
}

static bool is_owner_trusted(const struct trust *trust, const struct trust_facts *facts)
{
    return is_trusted(trust, facts->owner) || is_group_trusted(trust, facts->group);
}

/* Who else can write it? NULL: nobody. */
static const char *find_writer(const struct trust *trust, const struct trust_facts *facts)
{
    if (facts->is_read_only) {
        return NULL;
    }
    if (facts->mode & S_IWOTH) {
        return "everybody";
    }
    if (facts->mode & S_IWGRP && !is_group_trusted(trust, facts->group)) {
        return "its group, or who an ACL names,";
    }
    return facts->mode & S_IWGRP && facts->has_acl ? "who an ACL names" : NULL;
}

enum status trust_judge(const struct trust *trust,
                        const struct trust_facts *facts,
                        struct problem *reterr_problem)
{
    if (!is_owner_trusted(trust, facts)) {
        const bool is_roots = !trust->has_owner || trust->owner == 0;
        problem_set(reterr_problem, ST_UNSAFE, 0, 0,
                    "it belongs to another user (" FACTS "); expected owner %u%s", FACTS_OF(facts),
                    is_roots ? 0 : (unsigned)trust->owner,
                    is_roots ? " (root)" : ", whose the directory is, or 0 (root)");
        return ST_UNSAFE;
    }
    const char *writer = find_writer(trust, facts);
    if (writer) {
        problem_set(reterr_problem, ST_UNSAFE, 0, 0, "%s can write it (" FACTS "); " EXPECTED_WHOM,
                    writer, FACTS_OF(facts));
        return ST_UNSAFE;
    }
    return ST_OK;
}

enum status trust_judge_way(const struct trust *trust,
                            const char *directory,
                            const struct trust_facts *facts,
                            uid_t entry_owner,
                            struct problem *reterr_problem)
{
    const bool is_sticky = (facts->mode & S_ISVTX) != 0;
    const bool is_safe =
        is_owner_trusted(trust, facts) &&
        (!find_writer(trust, facts) || (is_sticky && is_trusted(trust, entry_owner)));
    if (!is_safe) {
        problem_set(reterr_problem, ST_UNSAFE, 0, 0,
                    "others can put something else in its place, by a directory on the way "
                    "(" FACTS "): %s",
                    FACTS_OF(facts), directory);
    }
    return is_safe ? ST_OK : ST_UNSAFE;
}

static struct trust_facts facts_of(const struct stat *stat)
{
    return (
        struct trust_facts){ .mode = stat->st_mode, .owner = stat->st_uid, .group = stat->st_gid };
}

bool trust_is_read_only(const struct trust *trust, dev_t device, unsigned long flags)
{
    return (flags & ST_RDONLY) && device != trust->root_device;
}

/* Most files are writable by nobody else, and need no more than their stat. */
struct trust_facts trust_look_at(const struct trust *trust, int fd, const struct stat *stat)
{
    struct trust_facts facts = facts_of(stat);
    struct statvfs system;
    if (facts.mode & OTHERS_WRITE) {
        facts.is_read_only =
            fstatvfs(fd, &system) == 0 && trust_is_read_only(trust, stat->st_dev, system.f_flag);
        facts.has_acl = fgetxattr(fd, ACL_NAME, NULL, 0) > 0;
    }
    return facts;
}

/* The same for a directory that need not be readable, only passed through. */
static bool look_at_path(const struct trust *trust, const char *path, struct trust_facts *ret_facts)
{
    struct stat now;
    struct statvfs system;
    if (stat(path, &now) != 0) {
        return false;
    }
    *ret_facts = facts_of(&now);
    if (now.st_mode & OTHERS_WRITE) {
        ret_facts->is_read_only =
            statvfs(path, &system) == 0 && trust_is_read_only(trust, now.st_dev, system.f_flag);
        ret_facts->has_acl = getxattr(path, ACL_NAME, NULL, 0) > 0;
    }
    return true;
}

struct way {
    const struct trust *trust;
    const char *start;
    struct problem *problem;
};

static enum status judge_step(void *ctx, const char *directory, const char *name)
{
    const struct way *way = ctx;
    char path[PATH_MAX];
    struct trust_facts facts;
    struct stat entry;
    const char *slash = directory[1] ? "/" : ""; /* it is absolute: "/" or longer */
    const int len = snprintf(path, sizeof(path), "%s%s%s", directory, slash, name);
    if (strcmp(directory, way->start) == 0) {
        return ST_OK;
    }
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return ST_LIMIT;
    }
    if (lstat(path, &entry) != 0 || !look_at_path(way->trust, directory, &facts)) {
        return ST_NOT_FOUND;
    }
    return trust_judge_way(way->trust, directory, &facts, entry.st_uid, way->problem);
}

bool trust_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

enum status trust_tell_astray(struct problem *reterr_problem)
{
    problem_set(reterr_problem, ST_UNSAFE, 0, 0,
                "its path led to something else, or nowhere, as soon as it was opened; expected "
                "one that stays while who can change it is judged");
    return ST_NOT_FOUND;
}

enum status trust_walk(const struct trust *trust,
                       const char *directory,
                       const char *path,
                       const struct stat *opened,
                       struct problem *reterr_problem)
{
    struct way way = { .trust = trust, .start = directory, .problem = reterr_problem };
    char end[PATH_MAX];
    struct stat found;
    const enum status status = path_walk_to(directory, path, judge_step, &way, end);
    if (status == ST_LIMIT) { /* the kernel counts bytes otherwise, and may have opened it */
        problem_set(reterr_problem, ST_UNSAFE, 0, 0,
                    "its path is too long for who can change it to be judged; expected at most %u "
                    "symbolic links, and %u bytes with their targets",
                    PATH_WALK_LINKS_MAX, PATH_MAX - 1);
        return ST_UNSAFE;
    }
    if (status == ST_NOT_FOUND ||
        (status == ST_OK && (lstat(end, &found) != 0 || !trust_is_same(&found, opened)))) {
        return trust_tell_astray(reterr_problem);
    }
    return status;
}

bool trust_is_inside(const char *directory, const char *path)
{
    const size_t len = strlen(directory);
    if (strcmp(directory, "/") == 0) {
        return path[0] == '/';
    }
    return len > 0 && strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}
