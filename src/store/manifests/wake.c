/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory store on the loop: inotify's descriptor is polled, and one timer is set to whatever
 * is due first. What is to be done then is for the caller to say.
 *
 * Threads: the loop's.
 */
#include "store/manifests/wake.h"

#include <stdlib.h>

#include <uv.h>

#include "store/manifests/queue.h"

#define NS_PER_MS UINT64_C(1000000)

/* libuv's handles outlive the store until their close callbacks have run. */
struct wake {
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned open;
    struct manifests *manifests; /* borrows */
    wake_fn *fn;
};

static void call(const struct wake *wake)
{
    wake->fn(wake->manifests); /* last: it may free the store */
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    if (status == 0) { /* an inotify descriptor has no errors of its own */
        call(poll->data);
    }
}

static void on_timer(uv_timer_t *timer)
{
    call(timer->data);
}

static uint64_t next_due_ns(struct manifests *manifests)
{
    const bool is_at_once = manifests->index.dirty || manifests_is_write_due(manifests);
    return is_at_once ? 1 : queue_next_due_ns(&manifests->queues);
}

enum status wake_start(struct manifests *manifests,
                       struct loop *loop,
                       wake_fn *fn,
                       struct problem *reterr_problem)
{
    struct wake *wake = calloc(1, sizeof(*wake));
    if (!wake) {
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "no memory to watch it");
        return ST_NOMEM;
    }
    if (uv_poll_init(loop_uv(loop), &wake->poll, manifests->inotify_fd) != 0) {
        free(wake);
        problem_set(reterr_problem, ST_IO, 0, 0, "cannot be watched on the loop");
        return ST_IO;
    }
    (void)uv_timer_init(loop_uv(loop), &wake->timer); /* cannot fail */
    wake->poll.data = wake;
    wake->timer.data = wake;
    wake->open = 2;
    wake->manifests = manifests;
    wake->fn = fn;
    manifests->wake = wake; /* from here on wake_stop() closes the handles */
    if (uv_poll_start(&wake->poll, UV_READABLE, on_readable) != 0) {
        problem_set(reterr_problem, ST_IO, 0, 0, "cannot be watched on the loop");
        return ST_IO;
    }
    wake_arm(manifests);
    return ST_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct wake *wake = handle->data;
    if (--wake->open == 0) {
        free(wake);
    }
}

void wake_stop(struct manifests *manifests)
{
    struct wake *wake = manifests->wake;
    if (wake) {
        manifests->wake = NULL;
        uv_close((uv_handle_t *)&wake->poll, on_closed);
        uv_close((uv_handle_t *)&wake->timer, on_closed);
    }
}

void wake_arm(struct manifests *manifests)
{
    if (!manifests->wake) {
        return;
    }
    uv_timer_t *timer = &manifests->wake->timer;
    const uint64_t due_ns = next_due_ns(manifests);
    if (due_ns == 0) {
        (void)uv_timer_stop(timer); /* fine when it does not run */
        return;
    }
    const uint64_t now_ns = uv_hrtime();
    const uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    uv_update_time(timer->loop); /* a long turn has left its clock behind */
    (void)uv_timer_start(timer, on_timer, (wait_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}
