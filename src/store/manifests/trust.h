/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which files and directories are taken, by who can change them. */
#include <stdbool.h>
#include <sys/stat.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "store/manifests/state.h"
#include "store/trust.h"

/** trust_init() - copies @policy. Who owns the directory is found out when it is first opened */
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
