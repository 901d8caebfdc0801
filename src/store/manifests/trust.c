/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files and directories are taken, by who can change them.
 *
 * The rules are store/trust.c's; here they meet the tree. What is judged is what was opened, by its
 * descriptor: a path that was fine a moment ago says nothing. And it must be what stands, a moment
 * later, at its name in the very directory that was judged, or at the end of a way every step of
 * which has been: a way that cannot be found any more may have been anybody's. Who replaces a file
 * or swaps a link does that, too, so such a one is looked at once more before it is unsafe.
 *
 * Without --manifests-require-safe-permissions what others can change is taken, and remarked. With
 * it:
 *  - At the start it stops the start.
 *  - Later it is a problem like others. A file keeps what it last held, which it held while nobody
 *    else could write it. Of a directory nothing new is taken, whether by a new name or by a file
 *    that changed. What is deleted is gone: that takes a right away and gives none, and an
 *    operator's revocation must count. To count everything as gone instead would let one chmod lock
 *    everybody out, and protect from nothing.
 *  - What has been made safe again is read again.
 * Who owns the directory is decided at the start: were it asked again, a user who can replace the
 * directory would own it, and all that is in it.
 *
 * Symbolic links may lead out of the directory, to files: sops, Vault's agent and Nix link that
 * way. To directories they may only when that was asked for: one link to "/" would bring in every
 * manifest of the machine.
 *
 * Threads: the loop's.
 */
#include "store/manifests/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/manifests/queue.h"
#include "store/manifests/report.h"

void trust_init(struct manifests *manifests, const struct trust_policy *policy)
{
    struct stat root;
    manifests->trust.policy = *policy;
    if (stat("/", &root) == 0) {
        manifests->trust.root_device = root.st_dev;
    }
}

/* --- what a node is known for --- */

static void count(_Atomic uint64_t *counter, bool was, bool is)
{
    if (was != is) {
        atomic_fetch_add_explicit(counter, is ? 1 : UINT64_MAX, memory_order_relaxed);
    }
}

static void set_unsafe(struct manifests *manifests, struct node *node, bool is_unsafe)
{
    if (!manifests->trust.policy.is_required) { /* else it is one of the problems */
        count(&manifests->base.counters.unsafe_files, node->is_unsafe, is_unsafe);
    }
    node->is_unsafe = is_unsafe;
}

static void set_leads_out(struct manifests *manifests, struct node *node, bool leads_out)
{
    count(&manifests->base.counters.links_out, node->leads_out, leads_out);
    node->leads_out = leads_out;
}

void trust_forget(struct manifests *manifests, struct node *node)
{
    set_unsafe(manifests, node, false);
    set_leads_out(manifests, node, false);
    node->is_refused = false;
    node->is_astray = false;
}

static void tell_remark(struct manifests *manifests,
                        const struct node *node,
                        struct problem *problem)
{
    report_file(manifests, node, problem->file);
    if (manifests->on_remark) {
        manifests->on_remark(manifests->ctx, problem);
    }
}

/* For the one line that says why the start failed: the first by path, so that it is always the
 * same. */
static void remember_refusal(struct manifests *manifests,
                             const struct node *node,
                             struct problem *problem)
{
    struct problem *first = &manifests->refusal;
    report_file(manifests, node, problem->file);
    if (manifests->is_loading &&
        (first->status == ST_OK || strcmp(problem->file, first->file) < 0)) {
        *first = *problem;
    }
}

/* @status: of judging. Return: may it be taken? ST_OK; ST_UNSAFE */
static enum status conclude(struct manifests *manifests,
                            struct node *node,
                            enum status status,
                            struct problem *problem)
{
    const bool is_news = status != ST_OK && !node->is_unsafe;
    set_unsafe(manifests, node, status != ST_OK);
    if (status != ST_OK && manifests->trust.policy.is_required) {
        remember_refusal(manifests, node, problem);
        return status;
    }
    if (is_news) {
        tell_remark(manifests, node, problem);
    }
    return ST_OK;
}

/* --- what the path leads to --- */

/* Cut @path into its directory and its last name. */
static const char *cut(const char *path, char ret_directory[static PATH_MAX])
{
    const char *slash = strrchr(path, '/'); /* it is absolute */
    (void)snprintf(ret_directory, PATH_MAX, "%.*s", (int)(slash - path), path);
    return slash + 1;
}

/* What was judged a while ago need not be so any more: if it matters, the way is judged as a whole.
 * For a remark the directories up to the link have theirs, each by itself. */
static enum status judge_link(const struct manifests *manifests,
                              const char *path,
                              const struct stat *opened,
                              struct problem *reterr_problem)
{
    char directory[PATH_MAX];
    char physical[PATH_MAX];
    if (manifests->trust.policy.is_required) {
        return trust_walk(&manifests->trust, "", path, opened, reterr_problem);
    }
    const char *name = cut(path, directory);
    return realpath(directory, physical)
               ? trust_walk(&manifests->trust, physical, name, opened, reterr_problem)
               : trust_tell_astray(reterr_problem);
}

/* By a descriptor, since the name of the directory may lead to two by turns. */
static enum status judge_entry(const struct node *parent,
                               const char *path,
                               const struct stat *opened,
                               struct problem *reterr_problem)
{
    char directory[PATH_MAX];
    struct stat in;
    struct stat entry;
    const char *name = cut(path, directory);
    const int fd = open(directory[0] ? directory : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
        problem_set(reterr_problem, ST_IO, 0, 0, "who can change it cannot be judged: %m");
        return ST_IO;
    }
    const bool is_it = fd >= 0 && fstat(fd, &in) == 0 && parent->is_judged &&
                       in.st_dev == parent->device && in.st_ino == parent->inode &&
                       fstatat(fd, name, &entry, AT_SYMLINK_NOFOLLOW) == 0 &&
                       trust_is_same(&entry, opened);
    if (fd >= 0) {
        (void)close(fd); /* nothing was written */
    }
    return is_it ? ST_OK : trust_tell_astray(reterr_problem);
}

static enum status judge_way(const struct manifests *manifests,
                             const struct node *node,
                             const char *path,
                             const struct stat *opened,
                             struct problem *reterr_problem)
{
    if (!node->parent) {
        return trust_walk(&manifests->trust, "", path, opened, reterr_problem);
    }
    return node->is_link ? judge_link(manifests, path, opened, reterr_problem)
                         : judge_entry(node->parent, path, opened, reterr_problem);
}

/* @status: of judging. ST_NOT_FOUND counts the second time only. The event of what led a directory
 * astray finds it due. */
static enum status settle_astray(struct node *node, enum status status)
{
    const bool was_astray = node->is_astray;
    node->is_astray = status == ST_NOT_FOUND;
    if (node->is_astray) {
        node->generation = 0;
    }
    return node->is_astray && was_astray ? ST_UNSAFE : status;
}

static void note_link(struct manifests *manifests, struct node *node, const char *path)
{
    char physical[PATH_MAX];
    const bool leads_out = node->is_link && realpath(path, physical) &&
                           !trust_is_inside(manifests->physical, physical);
    const bool is_news = leads_out && !node->leads_out;
    set_leads_out(manifests, node, leads_out);
    if (is_news) {
        struct problem problem;
        problem_set(&problem, ST_UNSAFE, 0, 0,
                    "the symbolic link leads out of the directory, to %s", physical);
        tell_remark(manifests, node, &problem);
    }
}

/* By its name without links, which must lead to what was found by the link. */
bool trust_shuts_out(struct manifests *manifests,
                     struct node *node,
                     const char *path,
                     const struct stat *found)
{
    char physical[PATH_MAX];
    struct stat now;
    if (!node->is_link || manifests->trust.policy.follows_outside) {
        return false;
    }
    if (realpath(path, physical) && stat(physical, &now) == 0 && trust_is_same(&now, found) &&
        trust_is_inside(manifests->physical, physical)) {
        return false;
    }
    struct problem problem;
    problem_set(&problem, ST_UNSUPPORTED, 0, 0,
                "the symbolic link leads to a directory outside, which is not read; expected one "
                "inside, or --manifests-follow-outside-directories");
    report_problem(manifests, node, &problem);
    return true;
}

/* --- files and directories that were opened --- */

static enum status judge_place(const struct manifests *manifests,
                               const struct node *node,
                               struct problem *reterr_problem)
{
    for (const struct node *parent = node->parent; parent; parent = parent->parent) {
        if (parent->is_refused) {
            char file[PROBLEM_FILE_MAX];
            report_file(manifests, parent, file);
            problem_set(reterr_problem, ST_UNSAFE, 0, 0,
                        "others can change a directory that it is in: %s", file);
            return ST_UNSAFE;
        }
    }
    return ST_OK;
}

enum status trust_admit_file(void *ctx,
                             int fd,
                             const struct stat *stat,
                             struct problem *reterr_problem)
{
    const struct trust_question *question = ctx;
    struct manifests *manifests = question->manifests;
    struct node *node = question->node;
    const struct trust_facts facts = trust_look_at(&manifests->trust, fd, stat);
    enum status status = judge_place(manifests, node, reterr_problem);
    if (status == ST_OK) {
        status = trust_judge(&manifests->trust, &facts, reterr_problem);
    }
    if (status == ST_OK) {
        status = judge_way(manifests, node, question->path, stat, reterr_problem);
    }
    status = settle_astray(node, status);
    if (status != ST_OK && status != ST_UNSAFE) {
        return status;
    }
    note_link(manifests, node, question->path);
    return conclude(manifests, node, status, reterr_problem);
}

/* Judging came to no end: @status says why. */
static void judge_directory_later(struct manifests *manifests,
                                  struct node *node,
                                  enum status status,
                                  struct problem *problem)
{
    node->generation = 0;
    if (status == ST_NOT_FOUND) {
        queue_nominate(&manifests->queues, node, node->occasion);
    } else {
        report_problem(manifests, node, problem);
        queue_defer(&manifests->queues, node, LATER_RETRY);
    }
}

bool trust_admit_directory(struct manifests *manifests,
                           struct node *node,
                           const char *path,
                           int fd,
                           const struct stat *stat)
{
    struct trust *trust = &manifests->trust;
    struct problem problem;
    if (!node->parent && !trust->has_owner) {
        trust->has_owner = true;
        trust->owner = stat->st_uid;
    }
    const struct trust_facts facts = trust_look_at(trust, fd, stat);
    enum status status = trust_judge(trust, &facts, &problem);
    if (status == ST_OK) {
        status = judge_way(manifests, node, path, stat, &problem);
    }
    status = settle_astray(node, status);
    if (status != ST_OK && status != ST_UNSAFE) {
        judge_directory_later(manifests, node, status, &problem);
        return false;
    }
    note_link(manifests, node, path);
    const bool was_refused = node->is_refused;
    node->is_judged = true;
    node->is_refused = conclude(manifests, node, status, &problem) != ST_OK;
    if (node->is_refused) {
        report_problem(manifests, node, &problem);
    } else if (was_refused) {
        queue_rescan_after(&manifests->queues, 0); /* files far below it were refused with it */
    }
    return !node->is_refused;
}

enum status trust_judge_load(struct manifests *manifests, struct problem *reterr_problem)
{
    const struct problem *first = &manifests->refusal;
    size_t more = 0;
    size_t cursor = 0;
    if (first->status == ST_OK) {
        return ST_OK;
    }
    for (const struct node *node; (node = table_next(&manifests->nodes, &cursor));) {
        more += node->is_unsafe;
    }
    problem_set_file(reterr_problem, first->file);
    problem_set(reterr_problem, ST_UNSAFE, 0, 0, "--manifests-require-safe-permissions: %s",
                first->text);
    if (more > 1) {
        problem_set(reterr_problem, ST_UNSAFE, 0, 0,
                    "--manifests-require-safe-permissions: %s (and %zu more)", first->text,
                    more - 1);
    }
    return ST_UNSAFE;
}
