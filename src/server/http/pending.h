/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Requests that wait for somebody else than their client: suspended by their handler, resumed from
 * any thread, usually the loop's.
 *
 * A pending request has two shares: its connection's and that of whoever will resume it. Either may
 * go first: the client leaves, its deadline passes, the server ends; what is resumed then is
 * nobody's and is freed. So no thread looks at another's connection. Resuming puts it into the
 * inbox of its worker and wakes that; an inbox lives as long as anything can be put into it.
 */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/status.h"

struct pending;
struct pending_inbox;

/** pending_inbox_new() - of one worker. Return: ST_OK; ST_NOMEM; ST_IO when the kernel has no
 * descriptor */
enum status pending_inbox_new(struct pending_inbox **ret_inbox) NODISCARD NONNULL(1);

/** pending_inbox_close() - the worker has ended: what is resumed from now on is freed. NULL is
 * fine. Return: NULL */
struct pending_inbox *pending_inbox_close(struct pending_inbox *inbox);

/** pending_inbox_fd() - readable when something was put in; for an epoll set */
int pending_inbox_fd(const struct pending_inbox *inbox) NONNULL(1);

/** pending_inbox_wake() - the descriptor was readable: make it wait for the next one. Before
 * pending_inbox_deliver(), or one that comes in between is slept over */
void pending_inbox_wake(struct pending_inbox *inbox) NONNULL(1);

/** pending_inbox_deliver() - tell of each request that was resumed and is still there, in the order
 * they were; on the worker's thread */
void pending_inbox_deliver(struct pending_inbox *inbox, void (*resumed)(void *origin))
    NONNULL(1, 2);

/**
 * pending_new() - a request begins to wait; on the worker's thread
 * @origin:     for pending_inbox_deliver(): the connection
 * @state:      what the handler will be called with again; takes it, also without memory
 * @free_state: frees it, on whichever thread; may be NULL
 *
 * Return: both shares, one for pending_resume() and one for pending_leave(); NULL without memory
 */
struct pending *pending_new(struct pending_inbox *inbox,
                            void *origin,
                            void *state,
                            void (*free_state)(void *state)) NODISCARD NONNULL(1, 2);

/** pending_state() - for whoever will resume it: his alone until he does */
void *pending_state(const struct pending *pending) NONNULL(1);

/** pending_resume() - have the handler called again; any thread. Takes its caller's share */
void pending_resume(struct pending *pending) NONNULL(1);

/** pending_is_resumed() - on the worker's thread: has it been delivered? */
bool pending_is_resumed(const struct pending *pending) NONNULL(1);

/** pending_leave() - the request was answered, or its connection ends; on the worker's thread.
 * Takes the connection's share. NULL is fine. Return: NULL */
struct pending *pending_leave(struct pending *pending);
