/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is wrong with the inputs of serve, as lines of its log: cut down when there is a flood, and
 * then said how many were left out. check-config lists them all. */
#include <stdbool.h>

#include <uv.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/log.h"
#include "base/problem.h"
#include "io/loop.h"

/** Kinds of lines, each with a limit of its own: a flood of one hides none of another. */
enum problem_line {
    LINE_MANIFEST = 0,
    LINE_MANIFEST_RESOLVED,
    LINE_MANIFEST_REMARK,
    LINE_CONTACT, /* with the API server */
    LINE_CONTACT_RESOLVED,
    LINE_KUBERNETES,
    LINE_KUBERNETES_RESOLVED,
    LINE_KEYS,
    LINE_KEYS_RESOLVED,
    LINE_KEYS_REMARK,
    PROBLEM_LINE_COUNT_
};

/** Does not move while it is open. Threads: the loop's, or before it runs. */
struct problem_log {
    struct log *log; /* borrows */
    struct clock clock;
    struct log_limit limits[PROBLEM_LINE_COUNT_];
    char contact[PROBLEM_TEXT_MAX]; /* of the last problem of contact, by which its end is known */
    uv_timer_t timer;               /* while lines are held back */
    bool is_open;
};

/** problem_log_init() - closed: it logs, and no timer tells what is held back. @log: borrows */
void problem_log_init(struct problem_log *problems, struct log *log, struct clock clock) NONNULL(1);

/** problem_log_open() - with the timer. @loop: borrows until problem_log_close() */
void problem_log_open(struct problem_log *problems, struct loop *loop) NONNULL(1, 2);

/** problem_log_close() - the loop frees it: @problems stays until loop_free(). Closed is fine */
void problem_log_close(struct problem_log *problems) NONNULL(1);

/* What a store's callbacks are; ctx: struct problem_log. */
void problem_log_manifest(void *ctx, const struct problem *problem) NONNULL(1, 2);
void problem_log_manifest_resolved(void *ctx, const struct problem *problem) NONNULL(1, 2);
void problem_log_manifest_remark(void *ctx, const struct problem *problem) NONNULL(1, 2);
void problem_log_kubernetes(void *ctx, const struct problem *problem) NONNULL(1, 2);
void problem_log_kubernetes_resolved(void *ctx, const struct problem *problem) NONNULL(1, 2);

/* What struct token_keys_listener has. @cluster: the name of the one whose keys they are; empty:
 * this one
 */
void problem_log_keys(void *ctx, const char *cluster, const struct problem *problem)
    NONNULL(1, 2, 3);
void problem_log_keys_resolved(void *ctx, const char *cluster, const struct problem *problem)
    NONNULL(1, 2, 3);
void problem_log_keys_remark(void *ctx, const char *cluster, const struct problem *problem)
    NONNULL(1, 2, 3);

/** problem_log_kubeconfig_remark() - of the start, which has two at most: without a limit */
void problem_log_kubeconfig_remark(void *ctx, const struct problem *problem) NONNULL(1, 2);

/** problem_log_secret() - a Secret that can hold no token. One from a manifest stands on a line */
void problem_log_secret(void *ctx, const struct problem *problem) NONNULL(1, 2);

/** problem_log_tell_held_back() - a line for each kind that has room again, with how many there
 * were. Called by the timer. Return: is anything still held back? */
bool problem_log_tell_held_back(struct problem_log *problems) NONNULL(1);
