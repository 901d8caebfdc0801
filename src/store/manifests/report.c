/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems of manifests: each is told once, and again only when it changes.
 *
 * A file has at most one problem of its own (it cannot be read or decoded) and any number of
 * complaints (objects that are refused, or that another file holds as well). It is told to be fine
 * again when it has none of either at the end of a turn, or when it is gone. Only a hash of what
 * was told is kept.
 */
#include "store/manifests/report.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

void report_init(struct manifests *manifests)
{
    CDS_INIT_LIST_HEAD(&manifests->touched);
}

static uint64_t hash_problem(const struct manifests *manifests, const struct problem *problem)
{
    const struct table *table = &manifests->nodes; /* for its key */
    const uint32_t text = table_hash(table, span_of(problem->text));
    const uint32_t place = problem->line * 0x9e3779b1u + problem->column * 0x85ebca6bu;
    return 1 + ((uint64_t)text << 30 | (place ^ (uint32_t)problem->status) >> 2);
}

static void touch(struct manifests *manifests, struct node *node)
{
    if (cds_list_empty(&node->touched)) {
        cds_list_add_tail(&node->touched, &manifests->touched);
    }
}

static void count_problems(struct manifests *manifests, int change)
{
    atomic_fetch_add_explicit(&manifests->base.counters.problems, (uint64_t)(int64_t)change,
                              memory_order_relaxed);
}

void report_file(const struct manifests *manifests, const struct node *node, char *ret_file)
{
    char path[2 * PATH_MAX];
    struct problem holder; /* for how problems cut a path */
    (void)snprintf(path, sizeof(path), "%s%s%s", manifests->directory, node->parent ? "/" : "",
                   node->path);
    problem_set_file(&holder, path);
    memcpy(ret_file, holder.file, PROBLEM_FILE_MAX);
}

static void tell_problem(struct manifests *manifests, struct node *node, struct problem *problem)
{
    node->is_reported = true;
    report_file(manifests, node, problem->file);
    if (manifests->on_problem) {
        manifests->on_problem(manifests->ctx, problem);
    }
}

static void tell_resolved(struct manifests *manifests, struct node *node)
{
    node->is_reported = false;
    if (manifests->on_resolved) {
        struct problem fine = { .status = ST_OK };
        report_file(manifests, node, fine.file);
        manifests->on_resolved(manifests->ctx, &fine);
    }
}

static void note_failure(struct manifests *manifests,
                         const struct node *node,
                         const struct problem *problem)
{
    if (!manifests->has_failures) {
        manifests->first_failure = *problem;
        report_file(manifests, node, manifests->first_failure.file);
    }
    manifests->has_failures = true;
}

void report_problem(struct manifests *manifests, struct node *node, struct problem *problem)
{
    note_failure(manifests, node, problem);
    const uint64_t hash = hash_problem(manifests, problem);
    if (node->problem_hash == hash) {
        return;
    }
    if (node->problem_hash == 0) {
        count_problems(manifests, 1);
    }
    node->problem_hash = hash;
    tell_problem(manifests, node, problem);
}

void report_fine(struct manifests *manifests, struct node *node)
{
    if (node->problem_hash != 0) {
        node->problem_hash = 0;
        count_problems(manifests, -1);
        touch(manifests, node);
    }
}

void report_complaint(struct manifests *manifests, struct node *node, struct problem *problem)
{
    tell_problem(manifests, node, problem);
}

void report_refusal(struct manifests *manifests,
                    struct node *node,
                    struct problem *problem,
                    bool is_news)
{
    note_failure(manifests, node, problem);
    if (is_news) {
        tell_problem(manifests, node, problem);
    }
}

void report_complaint_count(struct manifests *manifests, struct node *node, int change)
{
    node->complaints += (size_t)(ptrdiff_t)change;
    count_problems(manifests, change);
    touch(manifests, node);
}

void report_damage(struct manifests *manifests, struct node *node, unsigned line, unsigned column)
{
    const bool is_news = line > 0 && !node->is_damaged;
    node->is_damaged = line > 0;
    if (is_news && manifests->on_remark) {
        struct problem problem;
        problem_set(&problem, ST_SYNTAX, line, column,
                    "what is no UTF-8 (line %u, column %u) is read as U+FFFD, where it decides "
                    "nothing: save the file as UTF-8",
                    line, column);
        report_file(manifests, node, problem.file);
        manifests->on_remark(manifests->ctx, &problem);
    }
}

void report_settle(struct manifests *manifests)
{
    while (!cds_list_empty(&manifests->touched)) {
        struct node *node = cds_list_first_entry(&manifests->touched, struct node, touched);
        cds_list_del_init(&node->touched);
        if (node->is_reported && node->problem_hash == 0 && node->complaints == 0) {
            tell_resolved(manifests, node);
        }
    }
}

void report_gone(struct manifests *manifests, struct node *node)
{
    report_fine(manifests, node);
    cds_list_del_init(&node->touched);
    if (node->is_reported) {
        tell_resolved(manifests, node);
    }
}
