/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The signals of a server: what each means, held from the start on, told on the loop.
 *
 * Threads: everything on the loop's thread, or before it runs.
 */
#include <stdint.h>

#include "base/compiler.h"
#include "base/log.h"
#include "base/status.h"
#include "io/loop.h"

enum signal_meaning {
    SIGNAL_LEFT = 0, /* as the kernel has it: faults, job control, what cannot be caught */
    SIGNAL_SHUT,     /* ignored in silence: the write that it is about fails and says more */
    SIGNAL_IGNORED,  /* told, and otherwise without effect */
    SIGNAL_REREAD,
    SIGNAL_END,
    SIGNAL_END_NOW, /* without the delay */
};

struct signal_event {
    int number;
    char name[16]; /* "SIGHUP", "SIGRTMIN+3" */
    enum signal_meaning meaning;
    uint32_t sender_pid; /* 0: the kernel, or somebody of another PID namespace */
    uint32_t sender_uid;
};

/* What a line about @event, a pointer, says of it. */
#define SIGNAL_FIELDS(event)                                             \
    LOG_INT("signal", (event)->number), LOG_TEXT("name", (event)->name), \
        LOG_INT("senderPid", (event)->sender_pid), LOG_INT("senderUid", (event)->sender_uid)
#define SIGNAL_FIELD_COUNT 4

typedef void signal_fn(void *ctx, const struct signal_event *event);

/** serve_signal_meaning() - of any number; what is no signal is SIGNAL_LEFT */
enum signal_meaning serve_signal_meaning(int number) NODISCARD;

/**
 * serve_signals_hold() - from here on no signal that means something else ends the process
 *
 * Call first of all, while there is one thread: later ones inherit it. What comes waits for
 * serve_signals_new(), and for the loop to run. It is not taken back: a signal that comes too late
 * must not change how the process ends.
 */
void serve_signals_hold(void);

struct serve_signals;

/** serve_signals_new() - tell @fn of each held signal that has come or comes, on @loop. Return:
 * ST_OK; ST_NOMEM; ST_IO when the kernel has no descriptor for it */
enum status serve_signals_new(struct loop *loop,
                              signal_fn *fn,
                              void *ctx,
                              struct serve_signals **ret_signals) NODISCARD NONNULL(1, 2, 4);

/** serve_signals_free() - they stay held. NULL is fine. Return: NULL */
struct serve_signals *serve_signals_free(struct serve_signals *signals);
