/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How much memory the control group of this process may use: the tightest limit of the group and of
 * all its ancestors that can be seen.
 *
 * Groups are looked for where the kernel says they are (/proc/self/cgroup and
 * /proc/self/mountinfo), so version 1, version 2, both side by side, and containers with and
 * without a namespace of their own are one case. libuv's uv_get_constrained_memory() knows version
 * 1 only in the release of Debian 12, and the ancestors in none.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"

struct memory_limit {
    uint64_t bytes;              /* UINT64_MAX for none */
    char file[PROBLEM_FILE_MAX]; /* that says so; "" without one */
};

/**
 * memory_limit_find() - the tightest limit that holds for this process
 * @root: put before /proc and every mount point: "", or a test's directory
 *
 * Return: ST_OK, also without a limit. ST_IO, ST_SYNTAX, ST_NOT_FOUND, ST_LIMIT, ST_NOMEM with
 * @reterr_problem, which names the first file that could not be read or understood: then
 * *@ret_limit has what the others say.
 */
enum status memory_limit_find(const char *root,
                              struct memory_limit *ret_limit,
                              struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/* The parts that only look at text. */

/** memory_limit_parse() - a file such as memory.max: a number of bytes, or "max". More than any
 * process here could use is no limit: version 1 has no word for that and says 2^63 less a page.
 * Return: ST_OK; ST_SYNTAX. Source: the kernel's Documentation/admin-guide/cgroup-v2.rst */
enum status memory_limit_parse(struct span text, uint64_t *ret_bytes) NODISCARD NONNULL(2);

/** The group by which the memory of a process is counted. */
struct memory_cgroup {
    bool is_v2;
    char path[PATH_MAX]; /* as seen from the root of our cgroup namespace; "": in none */
};

/** memory_cgroup_parse() - /proc/PID/cgroup. Where version 1 has the memory controller, version 2
 * has none. Return: ST_OK; ST_SYNTAX; ST_LIMIT. Source: cgroups(7) */
enum status memory_cgroup_parse(struct span text, struct memory_cgroup *ret_cgroup) NODISCARD
    NONNULL(2);

/** Where a hierarchy of groups can be looked at. */
struct cgroup_mount {
    bool is_v2;
    char root[PATH_MAX];  /* the group that stands at @point */
    char point[PATH_MAX]; /* directory */
};

/** cgroup_mount_parse() - a line of /proc/PID/mountinfo. Return: whether it is a mount of version
 * 2, or of version 1 with the memory controller. Source: proc(5) */
bool cgroup_mount_parse(struct span line, struct cgroup_mount *ret_mount) NODISCARD NONNULL(2);

/** cgroup_mount_below() - the path of group @path below @mount's point: "" when it is the point
 * itself, NULL when it cannot be seen there. Borrows @path */
const char *cgroup_mount_below(const struct cgroup_mount *mount, const char *path) NODISCARD
    NONNULL(1, 2);
