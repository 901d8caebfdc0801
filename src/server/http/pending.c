/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits, and the inbox of what need not wait any longer.
 *
 * Threads: anybody puts in, the worker takes out. The list is one pointer that is exchanged as a
 * whole, so nobody waits for anybody. `origin` and `is_resumed` are the worker's alone; `state`
 * belongs to who resumes until he does, then to the worker.
 */
#include "server/http/pending.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct pending {
    struct pending *next;        /* in the inbox */
    struct pending_inbox *inbox; /* a share */
    _Atomic unsigned shares;
    void *origin; /* NULL: it has left */
    bool is_resumed;
    void *state;
    void (*free_state)(void *state);
};

struct pending_inbox {
    _Atomic unsigned shares; /* the worker's, one of each that is pending, and of who puts in */
    int fd;
    _Atomic(struct pending *) newest; /* or the mark of an inbox that is closed */
};

/* No address of a struct pending: what `newest` is when nothing is taken out any more. */
static struct pending *closed_mark(struct pending_inbox *inbox)
{
    return (struct pending *)(void *)inbox;
}

enum status pending_inbox_new(struct pending_inbox **ret_inbox)
{
    struct pending_inbox *inbox = calloc(1, sizeof(*inbox));
    if (!inbox) {
        return ST_NOMEM;
    }
    inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox->fd < 0) {
        free(inbox);
        return ST_IO;
    }
    atomic_store(&inbox->shares, 1);
    *ret_inbox = inbox;
    return ST_OK;
}

static void inbox_unref(struct pending_inbox *inbox)
{
    if (atomic_fetch_sub(&inbox->shares, 1) == 1) {
        (void)close(inbox->fd); /* nothing to lose in it */
        free(inbox);
    }
}

static void pending_unref(struct pending *pending)
{
    if (atomic_fetch_sub(&pending->shares, 1) == 1) {
        if (pending->free_state) {
            pending->free_state(pending->state);
        }
        inbox_unref(pending->inbox);
        free(pending);
    }
}

struct pending_inbox *pending_inbox_close(struct pending_inbox *inbox)
{
    if (inbox) {
        struct pending *next;
        for (struct pending *pending = atomic_exchange(&inbox->newest, closed_mark(inbox)); pending;
             pending = next) {
            next = pending->next;
            pending_unref(pending);
        }
        inbox_unref(inbox);
    }
    return NULL;
}

int pending_inbox_fd(const struct pending_inbox *inbox)
{
    return inbox->fd;
}

void pending_inbox_wake(struct pending_inbox *inbox)
{
    uint64_t count;
    (void)!read(inbox->fd, &count, sizeof(count)); /* fails only when nothing was put in */
}

void pending_inbox_deliver(struct pending_inbox *inbox, void (*resumed)(void *origin))
{
    if (!atomic_load_explicit(&inbox->newest, memory_order_relaxed)) {
        return; /* nearly always */
    }
    struct pending *oldest = NULL;
    struct pending *next;
    for (struct pending *pending = atomic_exchange(&inbox->newest, NULL); pending; pending = next) {
        next = pending->next;
        pending->next = oldest;
        oldest = pending;
    }
    for (; oldest; oldest = next) {
        next = oldest->next;
        oldest->is_resumed = true;
        if (oldest->origin) {
            resumed(oldest->origin);
        }
        pending_unref(oldest);
    }
}

struct pending *pending_new(struct pending_inbox *inbox,
                            void *origin,
                            void *state,
                            void (*free_state)(void *state))
{
    struct pending *pending = calloc(1, sizeof(*pending));
    if (!pending) {
        if (free_state) {
            free_state(state);
        }
        return NULL;
    }
    atomic_fetch_add(&inbox->shares, 1);
    atomic_store(&pending->shares, 2);
    pending->inbox = inbox;
    pending->origin = origin;
    pending->state = state;
    pending->free_state = free_state;
    return pending;
}

void *pending_state(const struct pending *pending)
{
    return pending->state;
}

void pending_resume(struct pending *pending)
{
    struct pending_inbox *inbox = pending->inbox;
    struct pending *newest = atomic_load(&inbox->newest);
    /* once it is in, the worker may free it, and end */
    atomic_fetch_add(&inbox->shares, 1);
    do {
        if (newest == closed_mark(inbox)) {
            pending_unref(pending);
            inbox_unref(inbox);
            return;
        }
        pending->next = newest;
    } while (!atomic_compare_exchange_weak(&inbox->newest, &newest, pending));
    const uint64_t one = 1;
    (void)!write(inbox->fd, &one, sizeof(one)); /* fails only when it is awake anyhow */
    inbox_unref(inbox);
}

bool pending_is_resumed(const struct pending *pending)
{
    return pending->is_resumed;
}

struct pending *pending_leave(struct pending *pending)
{
    if (pending) {
        pending->origin = NULL;
        pending_unref(pending);
    }
    return NULL;
}
