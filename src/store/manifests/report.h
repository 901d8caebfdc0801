/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Problems of manifests, each told once. */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "store/manifests/state.h"

void report_init(struct manifests *manifests) NONNULL(1);

/** report_problem() - @node's own problem is @problem (file not set) */
void report_problem(struct manifests *manifests, struct node *node, struct problem *problem)
    NONNULL(1, 2, 3);

/** report_fine() - @node has no problem of its own any more */
void report_fine(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/** report_complaint() - tell about one object of @node's file */
void report_complaint(struct manifests *manifests, struct node *node, struct problem *problem)
    NONNULL(1, 2, 3);

/** report_refusal() - one object of @node's file is refused. @is_news: it has not been told */
void report_refusal(struct manifests *manifests,
                    struct node *node,
                    struct problem *problem,
                    bool is_news) NONNULL(1, 2, 3);

/** report_complaint_count() - @node has @change more (or fewer) objects to complain about */
void report_complaint_count(struct manifests *manifests, struct node *node, int change)
    NONNULL(1, 2);

/** report_damage() - @node's file has been read, and is not all UTF-8 from @line on; 0: it is.
 * Remarked once */
void report_damage(struct manifests *manifests, struct node *node, unsigned line, unsigned column)
    NONNULL(1, 2);

/** report_settle() - at the end of a turn: tell which files are fine again */
void report_settle(struct manifests *manifests) NONNULL(1);

/** report_gone() - @node is about to be freed */
void report_gone(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/** report_file() - where @node is, for people: ret_file of PROBLEM_FILE_MAX bytes keeps the end */
void report_file(const struct manifests *manifests, const struct node *node, char *ret_file)
    NONNULL(1, 2, 3);
