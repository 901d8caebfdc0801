/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One libuv loop with a mailbox.
 *
 * libuv allows a single call from other threads, uv_async_send(), and merges such calls. So posts
 * go into a list under a mutex, one async handle wakes the loop, and the loop takes the whole list
 * at once: order is kept and the mutex is never held while a posted function runs. A stop is a flag
 * that travels the same way, so it works before the loop runs, too.
 *
 * Threads: loop_post() and loop_stop() from any; the rest as io/loop.h says. Lock: `mutex` guards
 * `first`, `last` and `thread_running`; nothing else is locked inside it. Signals: the thread of
 * loop_start() has all of them blocked, so that a process's handlers run where the process wants
 * them.
 */
#include "io/loop.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Rounds that loop_free() grants for close callbacks, which may close further handles themselves;
 * nothing of ours nests deeper than two. */
#define LOOP_CLOSE_ROUNDS_MAX 16

struct post {
    struct post *next;
    loop_fn *fn;
    void *ctx;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    pthread_mutex_t mutex;
    struct post *first; /* owns the list */
    struct post **last;
    pthread_t thread;
    bool thread_running;
    atomic_bool stop;
};

static struct post *take_posts(struct loop *loop)
{
    (void)pthread_mutex_lock(&loop->mutex); /* cannot fail for a default mutex used rightly */
    struct post *first = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    (void)pthread_mutex_unlock(&loop->mutex);
    return first;
}

static void on_wake(uv_async_t *wake)
{
    struct loop *loop = wake->data;
    for (struct post *post = take_posts(loop); post;) {
        struct post *next = post->next;
        post->fn(post->ctx);
        free(post);
        post = next;
    }
    if (atomic_load(&loop->stop)) {
        uv_stop(&loop->uv);
    }
}

enum status loop_new(struct loop **ret_loop)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop) {
        return ST_NOMEM;
    }
    int error = uv_loop_init(&loop->uv);
    if (error != 0) {
        free(loop);
        return error == UV_ENOMEM ? ST_NOMEM : ST_IO;
    }
    loop->wake.data = loop;
    error = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (error != 0) {
        (void)uv_loop_close(&loop->uv); /* no handle is left, so it cannot be busy */
        free(loop);
        return error == UV_ENOMEM ? ST_NOMEM : ST_IO;
    }
    (void)pthread_mutex_init(&loop->mutex, NULL); /* a default mutex: cannot fail on Linux */
    loop->last = &loop->first;
    *ret_loop = loop;
    return ST_OK;
}

struct loop *loop_free(struct loop *loop)
{
    if (!loop) {
        return NULL;
    }
    loop_stop(loop);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    int error = UV_EBUSY;
    for (unsigned i = 0; i < LOOP_CLOSE_ROUNDS_MAX && error == UV_EBUSY; i++) {
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT); /* its result only says that handles remain */
        error = uv_loop_close(&loop->uv);
    }
    for (struct post *post = take_posts(loop); post;) {
        struct post *next = post->next;
        free(post);
        post = next;
    }
    /* An owner forgot to close a handle. Leaking the loop is safer than freeing what the handle
     * still points at. */
    assert(error == 0);
    if (error == 0) {
        (void)pthread_mutex_destroy(&loop->mutex); /* nobody holds it */
        free(loop);
    }
    return NULL;
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

void loop_run(struct loop *loop)
{
    if (!atomic_load(&loop->stop)) {
        (void)uv_run(&loop->uv, UV_RUN_DEFAULT); /* not 0: our async handle always remains */
    }
    atomic_store(&loop->stop, false);
}

static void *loop_thread(void *ctx)
{
    loop_run(ctx);
    return NULL;
}

enum status loop_start(struct loop *loop)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* cannot fail, nor can the next with these arguments */
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    (void)pthread_mutex_lock(&loop->mutex);
    assert(!loop->thread_running);
    const int error = pthread_create(&loop->thread, NULL, loop_thread, loop);
    loop->thread_running = error == 0;
    if (error == 0) {
        (void)pthread_setname_np(loop->thread, "loop"); /* best effort: a name for debuggers */
    }
    (void)pthread_mutex_unlock(&loop->mutex);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? ST_OK : ST_NOMEM;
}

void loop_stop(struct loop *loop)
{
    (void)pthread_mutex_lock(&loop->mutex);
    const bool own_thread = loop->thread_running;
    const pthread_t thread = loop->thread;
    const bool join = own_thread && !pthread_equal(thread, pthread_self());
    if (join) {
        loop->thread_running = false; /* whoever sees it first joins */
    }
    (void)pthread_mutex_unlock(&loop->mutex);
    atomic_store(&loop->stop, true);
    (void)uv_async_send(&loop->wake); /* fails for handles of another type only */
    if (join) {
        (void)pthread_join(thread, NULL);
        atomic_store(&loop->stop, false); /* it has been obeyed; the next run is a new one */
    }
}

enum status loop_post(struct loop *loop, loop_fn *fn, void *ctx)
{
    struct post *post = malloc(sizeof(*post));
    if (!post) {
        return ST_NOMEM;
    }
    *post = (struct post){ .fn = fn, .ctx = ctx };
    (void)pthread_mutex_lock(&loop->mutex);
    *loop->last = post;
    loop->last = &post->next;
    (void)pthread_mutex_unlock(&loop->mutex);
    (void)uv_async_send(&loop->wake);
    return ST_OK;
}
