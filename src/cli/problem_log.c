/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems and their ends in serve's log.
 *
 * Whoever may write a directory, or make objects in a cluster, decides how many problems there are,
 * and by mending or deleting them how many end. So both are limited. A line that is let through
 * says how many were held back before it; when none comes, a timer does, so that nobody takes ten
 * lines for the whole. Users make objects, and may make many that are wrong: those hide neither
 * that contact with the API server is lost nor that it is back.
 *
 * Untrusted: file names and texts, which base/log.c escapes and cuts. Threads: the loop's.
 */
#include "cli/problem_log.h"

#include <stdio.h>
#include <string.h>

#define HELD_BACK_MS (1000 / LOG_LIMIT_PER_SECOND)

/* As severe as the lines that are missing: who looks for warnings only must not miss them. */
static const struct {
    enum log_severity severity;
    const char *message;
} held_back[PROBLEM_LINE_COUNT_] = {
    [LINE_MANIFEST] = { LOG_WARNING, "Manifest problems held back" },
    [LINE_MANIFEST_RESOLVED] = { LOG_INFO, "Resolved manifest problems held back" },
    [LINE_MANIFEST_REMARK] = { LOG_WARNING, "Manifest remarks held back" },
    [LINE_CONTACT] = { LOG_WARNING, "Kubernetes API problems held back" },
    [LINE_CONTACT_RESOLVED] = { LOG_INFO, "Resolved Kubernetes API problems held back" },
    [LINE_KUBERNETES] = { LOG_WARNING, "Kubernetes API problems held back" },
    [LINE_KUBERNETES_RESOLVED] = { LOG_INFO, "Resolved Kubernetes API problems held back" },
    [LINE_KEYS] = { LOG_WARNING, "Verification keys problems held back" },
    [LINE_KEYS_RESOLVED] = { LOG_INFO, "Resolved verification keys problems held back" },
    [LINE_KEYS_REMARK] = { LOG_WARNING, "Verification keys that cannot be used held back" },
};

static void start_timer(struct problem_log *problems);

static void on_timer(uv_timer_t *timer)
{
    struct problem_log *problems = timer->data;
    if (problem_log_tell_held_back(problems)) {
        start_timer(problems);
    }
}

static void start_timer(struct problem_log *problems)
{
    if (problems->is_open && !uv_is_active((uv_handle_t *)&problems->timer)) {
        /* cannot fail: it is open and has a callback */
        (void)uv_timer_start(&problems->timer, on_timer, HELD_BACK_MS, 0);
    }
}

void problem_log_init(struct problem_log *problems, struct log *log, struct clock clock)
{
    *problems = (struct problem_log){ .log = log, .clock = clock };
}

void problem_log_open(struct problem_log *problems, struct loop *loop)
{
    problems->is_open = true;
    (void)uv_timer_init(loop_uv(loop), &problems->timer); /* cannot fail */
    problems->timer.data = problems;
}

void problem_log_close(struct problem_log *problems)
{
    if (problems->is_open) {
        problems->is_open = false;
        uv_close((uv_handle_t *)&problems->timer, NULL);
    }
}

static bool may_log(struct problem_log *problems, enum problem_line line, uint64_t *ret_dropped)
{
    const int64_t now_ns = clock_monotonic_ns(&problems->clock);
    const bool may = log_limit_take(&problems->limits[line], now_ns, ret_dropped);
    if (!may) {
        start_timer(problems);
    }
    return may;
}

bool problem_log_tell_held_back(struct problem_log *problems)
{
    const int64_t now_ns = clock_monotonic_ns(&problems->clock);
    bool is_any_left = false;
    for (unsigned line = 0; line < PROBLEM_LINE_COUNT_; line++) {
        uint64_t dropped;
        if (log_limit_take_dropped(&problems->limits[line], now_ns, &dropped)) {
            log_event(problems->log, held_back[line].severity, held_back[line].message,
                      LOG_FIELDS(LOG_INT("dropped", dropped)));
        }
        is_any_left = is_any_left || problems->limits[line].dropped > 0;
    }
    return is_any_left;
}

void problem_log_manifest(void *ctx, const struct problem *problem)
{
    struct problem_log *problems = ctx;
    uint64_t dropped;
    if (may_log(problems, LINE_MANIFEST, &dropped)) {
        log_event(problems->log, LOG_WARNING, "Manifest problem",
                  LOG_FIELDS(LOG_TEXT("file", problem->file), LOG_INT("line", problem->line),
                             LOG_INT("column", problem->column),
                             LOG_TEXT("reason", status_label(problem->status)),
                             LOG_TEXT("problem", problem->text), LOG_INT("dropped", dropped)));
    }
}

void problem_log_manifest_resolved(void *ctx, const struct problem *problem)
{
    struct problem_log *problems = ctx;
    uint64_t dropped;
    if (may_log(problems, LINE_MANIFEST_RESOLVED, &dropped)) {
        log_event(problems->log, LOG_INFO, "Manifest problem resolved",
                  LOG_FIELDS(LOG_TEXT("file", problem->file), LOG_INT("dropped", dropped)));
    }
}

void problem_log_manifest_remark(void *ctx, const struct problem *problem)
{
    struct problem_log *problems = ctx;
    uint64_t dropped;
    if (may_log(problems, LINE_MANIFEST_REMARK, &dropped)) {
        log_event(problems->log, LOG_WARNING, "Manifest remark",
                  LOG_FIELDS(LOG_TEXT("file", problem->file), LOG_TEXT("remark", problem->text),
                             LOG_INT("dropped", dropped)));
    }
}

void problem_log_kubernetes(void *ctx, const struct problem *problem)
{
    struct problem_log *problems = ctx;
    const bool is_contact = status_fault(problem->status) == FAULT_UPSTREAM;
    uint64_t dropped;
    if (is_contact) {
        (void)snprintf(problems->contact, sizeof(problems->contact), "%s", problem->text);
    }
    if (may_log(problems, is_contact ? LINE_CONTACT : LINE_KUBERNETES, &dropped)) {
        log_event(problems->log, LOG_WARNING, "Kubernetes API problem",
                  LOG_FIELDS(LOG_TEXT("source", problem->file),
                             LOG_TEXT("reason", status_label(problem->status)),
                             LOG_TEXT("problem", problem->text), LOG_INT("dropped", dropped)));
    }
}

/* What ends says what it was, in the words in which it was told. */
void problem_log_kubernetes_resolved(void *ctx, const struct problem *problem)
{
    struct problem_log *problems = ctx;
    const bool is_contact = problem->text[0] && strcmp(problem->text, problems->contact) == 0;
    uint64_t dropped;
    if (may_log(problems, is_contact ? LINE_CONTACT_RESOLVED : LINE_KUBERNETES_RESOLVED,
                &dropped)) {
        log_event(problems->log, LOG_INFO, "Kubernetes API problem resolved",
                  LOG_FIELDS(LOG_TEXT("source", problem->file), LOG_TEXT("what", problem->text),
                             LOG_INT("dropped", dropped)));
    }
}

static void tell_keys(struct problem_log *problems,
                      enum problem_line kind,
                      const char *message,
                      const char *cluster,
                      const struct problem *problem)
{
    uint64_t dropped;
    if (may_log(problems, kind, &dropped)) {
        log_event(problems->log, held_back[kind].severity, message,
                  LOG_FIELDS(LOG_TEXT("cluster", cluster), LOG_TEXT("source", problem->file),
                             LOG_INT("line", problem->line),
                             LOG_TEXT("reason", status_label(problem->status)),
                             LOG_TEXT("problem", problem->text), LOG_INT("dropped", dropped)));
    }
}

void problem_log_keys(void *ctx, const char *cluster, const struct problem *problem)
{
    tell_keys(ctx, LINE_KEYS, "Verification keys problem", cluster, problem);
}

void problem_log_keys_resolved(void *ctx, const char *cluster, const struct problem *problem)
{
    tell_keys(ctx, LINE_KEYS_RESOLVED, "Verification keys problem resolved", cluster, problem);
}

void problem_log_keys_remark(void *ctx, const char *cluster, const struct problem *problem)
{
    tell_keys(ctx, LINE_KEYS_REMARK, "Verification key cannot be used", cluster, problem);
}

void problem_log_kubeconfig_remark(void *ctx, const struct problem *problem)
{
    const struct problem_log *problems = ctx;
    log_event(problems->log, LOG_WARNING, "Kubeconfig remark",
              LOG_FIELDS(LOG_TEXT("file", problem->file), LOG_TEXT("remark", problem->text)));
}

void problem_log_secret(void *ctx, const struct problem *problem)
{
    if (problem->line > 0) {
        problem_log_manifest(ctx, problem);
    } else {
        problem_log_kubernetes(ctx, problem);
    }
}
