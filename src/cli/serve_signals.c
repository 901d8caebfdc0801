/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals of a server, from a descriptor.
 *
 * By default nearly every signal ends the process, and whoever rotates logs or administers servers
 * has one that they send by habit. So all of these are blocked before anything else is done, and
 * taken from a signalfd where the loop can act on them, with their sender. A handler would do as
 * well, but only once it is installed, and in whatever thread of whatever library the kernel picks.
 *
 * Left alone are those that say that the program is wrong (SIGSEGV and the like: there is nothing
 * to go on with, and cli/process.c sees to it that no core file is left), SIGKILL and SIGSTOP, and
 * those that stop and continue a job or do nothing by default.
 *
 * Who may send any: root and the user of the process.
 */
#include "cli/serve_signals.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <uv.h>

/* Read in one turn of the loop: signals of a number are merged but for the realtime ones, of which
 * the rest makes the next turn. */
#define SIGNALS_PER_TURN 64

struct serve_signals {
    uv_poll_t poll;
    int fd;
    signal_fn *fn;
    void *ctx; /* borrows */
};

enum signal_meaning serve_signal_meaning(int number)
{
    switch (number) {
    case SIGTERM:
    case SIGINT:
        return SIGNAL_END;
    case SIGQUIT: /* a terminal's way to say it harder; its default is a core file */
        return SIGNAL_END_NOW;
    case SIGHUP:
        return SIGNAL_REREAD;
    case SIGPIPE:
    case SIGXFSZ:
        return SIGNAL_SHUT;
    case SIGUSR1:
    case SIGUSR2:
    case SIGALRM: /* nobody here sets a timer that sends any of these three */
    case SIGVTALRM:
    case SIGPROF:
    case SIGIO: /* SIGPOLL is the same */
    case SIGPWR:
    case SIGSTKFLT:
    case SIGXCPU: /* once a second from the soft limit on; the hard one kills */
        return SIGNAL_IGNORED;
    default: /* what lies below SIGRTMIN is the C library's own */
        return number >= SIGRTMIN && number <= SIGRTMAX ? SIGNAL_IGNORED : SIGNAL_LEFT;
    }
}

static bool is_held(enum signal_meaning meaning)
{
    return meaning != SIGNAL_LEFT && meaning != SIGNAL_SHUT;
}

static void held_signals(sigset_t *ret_set)
{
    (void)sigemptyset(ret_set); /* cannot fail, nor can the next for numbers of the table */
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (is_held(serve_signal_meaning(number))) {
            (void)sigaddset(ret_set, number);
        }
    }
}

void serve_signals_hold(void)
{
    sigset_t held;
    held_signals(&held);
    (void)pthread_sigmask(SIG_BLOCK, &held, NULL); /* fails for wrong arguments only */
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (serve_signal_meaning(number) == SIGNAL_SHUT) {
            (void)signal(number, SIG_IGN); /* cannot fail for these */
        }
    }
}

static void name_signal(int number, char *ret_name, size_t size)
{
    const char *name = sigabbrev_np(number);
    if (name) {
        (void)snprintf(ret_name, size, "SIG%s", name);
    } else { /* no others are held */
        (void)snprintf(ret_name, size, "SIGRTMIN+%d", number - SIGRTMIN);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status; /* a signalfd has no errors of its own */
    (void)events;
    const struct serve_signals *signals = poll->data;
    struct signalfd_siginfo info;
    for (unsigned i = 0; i < SIGNALS_PER_TURN; i++) {
        if (read(signals->fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
            return;
        }
        struct signal_event event = {
            .number = (int)info.ssi_signo,
            .meaning = serve_signal_meaning((int)info.ssi_signo),
            .sender_pid = info.ssi_pid,
            .sender_uid = info.ssi_uid,
        };
        name_signal(event.number, event.name, sizeof(event.name));
        signals->fn(signals->ctx, &event);
    }
}

enum status serve_signals_new(struct loop *loop,
                              signal_fn *fn,
                              void *ctx,
                              struct serve_signals **ret_signals)
{
    sigset_t held;
    held_signals(&held);
    struct serve_signals *signals = calloc(1, sizeof(*signals));
    if (!signals) {
        return ST_NOMEM;
    }
    *signals = (struct serve_signals){ .fn = fn, .ctx = ctx };
    signals->fd = signalfd(-1, &held, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals->fd < 0 || uv_poll_init(loop_uv(loop), &signals->poll, signals->fd) != 0) {
        if (signals->fd >= 0) {
            (void)close(signals->fd);
        }
        free(signals);
        return ST_IO;
    }
    signals->poll.data = signals;
    if (uv_poll_start(&signals->poll, UV_READABLE, on_readable) != 0) {
        (void)serve_signals_free(signals);
        return ST_IO;
    }
    *ret_signals = signals;
    return ST_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct serve_signals *signals = handle->data;
    (void)close(signals->fd); /* nothing was written */
    free(signals);
}

struct serve_signals *serve_signals_free(struct serve_signals *signals)
{
    if (signals) {
        uv_close((uv_handle_t *)&signals->poll, on_closed);
    }
    return NULL;
}
