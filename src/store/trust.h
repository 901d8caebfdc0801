/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who, besides those whom the operator trusts, can change a file: rules over what fstat() says.
 *
 * Whoever can write a manifest grants access. Trusted are root, the user who owned the directory at
 * the start, and a group if one was named. The rules are functions of the facts and touch nothing;
 * what gathers the facts stands beside them.
 */
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"

/** What the operator has decided. All-zero: no group, nothing is refused, links to directories are
 * followed inside only. */
struct trust_policy {
    bool is_required;     /* what is not safe is refused; false: remarked */
    bool follows_outside; /* symbolic links to directories that lead out */
    bool has_group;
    gid_t group; /* may write, too */
};

struct trust {
    struct trust_policy policy;
    bool has_owner;
    uid_t owner;       /* besides root */
    dev_t root_device; /* of "/": see trust_look_at() */
};

/** What is known of one file or directory. */
struct trust_facts {
    mode_t mode;
    uid_t owner;
    gid_t group;
    bool is_read_only; /* nobody can write it here */
    bool
        has_acl; /* the mode's group bits are the mask of an ACL: others than the group may write */
};

/** trust_judge() - can only who is trusted write it? Return: ST_OK; ST_UNSAFE with @reterr_problem,
 * which says mode, owner, group and what was expected */
enum status trust_judge(const struct trust *trust,
                        const struct trust_facts *facts,
                        struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/**
 * trust_judge_way() - can only who is trusted put another entry in an entry's place?
 * @directory:   where it stands, for people
 * @facts:       of that directory
 * @entry_owner: who owns the entry: in a directory with the sticky bit nobody else may move it
 *
 * Return: as trust_judge()
 */
enum status trust_judge_way(const struct trust *trust,
                            const char *directory,
                            const struct trust_facts *facts,
                            uid_t entry_owner,
                            struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 5);

/**
 * trust_is_read_only() - can nobody write there?
 * @device: of the file
 * @flags:  statvfs's f_flag of its mount
 *
 * What is mounted read-only counts, unless it lies on the file system of "/": a service manager
 * makes all of that read-only for one service (ProtectSystem=strict), and only for that one.
 */
bool trust_is_read_only(const struct trust *trust, dev_t device, unsigned long flags) NODISCARD
    NONNULL(1);

/** trust_look_at() - the facts about an open file or directory. @stat: what fstat() tells of @fd */
struct trust_facts trust_look_at(const struct trust *trust, int fd, const struct stat *stat)
    NONNULL(1, 3);

/**
 * trust_walk() - trust_judge_way() for every directory that decides where @path leads
 * @directory: where a relative @path starts: absolute, without symbolic links; itself not judged.
 *             "" with an absolute @path: nothing goes unjudged
 * @opened:    what fstat() tells of what was opened by @path
 *
 * The file was open before its way is walked, and by then the way may be gone or lead elsewhere:
 * then nobody can say by what way it was opened. Return: as trust_judge(), also for a way that is
 * too long to be walked; ST_NOT_FOUND with @reterr_problem: it does not lead to @opened any more
 */
enum status trust_walk(const struct trust *trust,
                       const char *directory,
                       const char *path,
                       const struct stat *opened,
                       struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4, 5);

/** trust_is_same() - do both tell of one file or directory? */
bool trust_is_same(const struct stat *a, const struct stat *b) NODISCARD NONNULL(1, 2);

/** trust_tell_astray() - Return: ST_NOT_FOUND with @reterr_problem, as trust_walk() has it */
enum status trust_tell_astray(struct problem *reterr_problem) NODISCARD NONNULL(1);

/** trust_is_inside() - is @path @directory, or below it? Both absolute, without symbolic links */
bool trust_is_inside(const char *directory, const char *path) NODISCARD NONNULL(1, 2);
