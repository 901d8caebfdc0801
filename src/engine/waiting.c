/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits, what for, and for how long.
 *
 * The race: an object may be told of after a question has missed it and before that waits. So what
 * has been told is counted. A question reads the count before it is asked; here the count stands,
 * by a hash, beside what was told last under it; and who begins to wait for something that has been
 * told since is resumed at once. Things of one hash cost a question that is asked once more for
 * nothing, and nothing is missed: who reads a count sees what was published before it.
 *
 * Hostile: how many questions come, and what key IDs are made up. Places are counted before
 * anything is held, and beyond them the answer stands. Who waits is a list of at most some hundred,
 * looked through when something comes; when nobody waits, it costs a store.
 */
#include "engine/waiting.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <uv.h>

/* Sources are told apart by a hash, too: two that share a place share its bound. */
#define SOURCE_PLACES 256

/* With as many things told between a question and its waiting, one in hundreds is asked for
 * nothing: 32 KiB. */
#define TOLD_PLACES 4096

/* How many wait for one kind of thing; written by all threads. */
struct places {
    _Atomic unsigned count;
    _Atomic unsigned of_source[SOURCE_PLACES];
};

struct waiting {
    struct clock clock;
    uv_async_t wake;
    uv_timer_t timer;
    unsigned open_handles;
    struct waiting_keys keys;

    _Atomic(struct waiter *) arrived; /* a list, newest first */
    struct places objects;
    struct places key_seekers;
    _Atomic int64_t refused_until_ns[SOURCE_PLACES]; /* monotonic: wants of keys */

    _Atomic uint64_t told_count;
    uint64_t told[TOLD_PLACES]; /* the count when something of this hash was last told */

    struct waiter *first; /* those who wait, in no order that counts */
    unsigned object_count;
    int64_t timer_ns; /* when it fires; 0: not started */
};

/* ------------------------------------------------------------------ places */

/* splitmix64's finish: every bit of the result hangs on every bit of @x. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static size_t source_place(enum authenticator_id family, unsigned source)
{
    return mix((uint64_t)family << 32 | source) % SOURCE_PLACES;
}

static size_t told_place(enum authenticator_id family, unsigned source, uint64_t what)
{
    return mix(what + mix((uint64_t)family << 32 | source)) % TOLD_PLACES;
}

static bool take_place(_Atomic unsigned *count, unsigned max)
{
    if (atomic_fetch_add(count, 1) < max) {
        return true;
    }
    atomic_fetch_sub(count, 1);
    return false;
}

static bool take_places(struct places *places, size_t source, unsigned max, unsigned max_of_source)
{
    if (!take_place(&places->of_source[source], max_of_source)) {
        return false;
    }
    if (!take_place(&places->count, max)) {
        atomic_fetch_sub(&places->of_source[source], 1);
        return false;
    }
    return true;
}

bool waiting_reserve(struct waiting *waiting,
                     enum authenticator_id family,
                     const struct question_wait *wait)
{
    const size_t source = source_place(family, wait->source);
    switch (wait->kind) {
    case WAIT_OBJECT:
        return take_places(&waiting->objects, source, WAITING_OBJECTS_MAX,
                           WAITING_OBJECTS_OF_SOURCE_MAX);
    case WAIT_KEYS:
        return clock_monotonic_ns(&waiting->clock) >=
                   atomic_load(&waiting->refused_until_ns[source]) &&
               take_places(&waiting->key_seekers, source, WAITING_KEYS_MAX,
                           WAITING_KEYS_OF_SOURCE_MAX);
    case WAIT_NOTHING:
        break;
    }
    return false;
}

void waiting_release(struct waiting *waiting,
                     enum authenticator_id family,
                     const struct question_wait *wait)
{
    struct places *places = wait->kind == WAIT_OBJECT ? &waiting->objects : &waiting->key_seekers;
    atomic_fetch_sub(&places->of_source[source_place(family, wait->source)], 1);
    atomic_fetch_sub(&places->count, 1);
}

uint64_t waiting_now(const struct waiting *waiting)
{
    return atomic_load_explicit(&waiting->told_count, memory_order_acquire);
}

void waiting_add(struct waiting *waiting, struct waiter *waiter)
{
    struct waiter *newest = atomic_load(&waiting->arrived);
    do {
        waiter->next = newest;
    } while (!atomic_compare_exchange_weak(&waiting->arrived, &newest, waiter));
    (void)uv_async_send(&waiting->wake); /* fails for handles of another type only */
}

/* ------------------------------------------------------------------ the list */

static void link_waiter(struct waiting *waiting, struct waiter *waiter)
{
    waiter->prev = NULL;
    waiter->next = waiting->first;
    if (waiting->first) {
        waiting->first->prev = waiter;
    }
    waiting->first = waiter;
    waiting->object_count += waiter->wait.kind == WAIT_OBJECT;
}

static void unlink_waiter(struct waiting *waiting, struct waiter *waiter)
{
    *(waiter->prev ? &waiter->prev->next : &waiting->first) = waiter->next;
    if (waiter->next) {
        waiter->next->prev = waiter->prev;
    }
    waiting->object_count -= waiter->wait.kind == WAIT_OBJECT;
}

/* It waits no longer, and is not ours any more. */
static void finish(struct waiting *waiting, struct waiter *waiter)
{
    for (unsigned source = 0; waiter->wanted; source++) {
        if (waiter->wanted >> source & 1) {
            waiting->keys.unwant(waiting->keys.ctx, waiter->family, source, &waiter->marks[source]);
            waiter->wanted &= ~(UINT64_C(1) << source);
        }
    }
    unlink_waiter(waiting, waiter);
    waiting_release(waiting, waiter->family, &waiter->wait);
    waiter->resume(waiter);
}

/* ------------------------------------------------------------------ deadlines */

static void on_timer(uv_timer_t *timer);

static void start_timer(struct waiting *waiting, int64_t due_ns, int64_t now_ns)
{
    const int64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    waiting->timer_ns = due_ns;
    /* cannot fail: it is open and has a callback. It may be early, since libuv counts from when
     * this turn of the loop began: then it is started again */
    (void)uv_timer_start(&waiting->timer, on_timer, (uint64_t)(left_ns / 1000000 + 1), 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct waiting *waiting = timer->data;
    const int64_t now_ns = clock_monotonic_ns(&waiting->clock);
    int64_t due_ns = INT64_MAX;
    struct waiter *next;
    for (struct waiter *waiter = waiting->first; waiter; waiter = next) {
        next = waiter->next;
        if (now_ns >= waiter->deadline_ns) {
            waiter->is_late = true;
            finish(waiting, waiter);
        } else if (waiter->deadline_ns < due_ns) {
            due_ns = waiter->deadline_ns;
        }
    }
    waiting->timer_ns = 0;
    if (due_ns != INT64_MAX) {
        start_timer(waiting, due_ns, now_ns);
    }
}

static void keep_deadline(struct waiting *waiting, const struct waiter *waiter)
{
    if (waiting->timer_ns == 0 || waiter->deadline_ns < waiting->timer_ns) {
        start_timer(waiting, waiter->deadline_ns, clock_monotonic_ns(&waiting->clock));
    }
}

/* ------------------------------------------------------------------ what they wait for */

void waiting_told(void *ctx, enum authenticator_id family, unsigned source, uint64_t what)
{
    struct waiting *waiting = ctx;
    const uint64_t count = atomic_load_explicit(&waiting->told_count, memory_order_relaxed) + 1;
    waiting->told[told_place(family, source, what)] = count;
    atomic_store_explicit(&waiting->told_count, count, memory_order_release);
    if (waiting->object_count == 0) {
        return; /* nearly always */
    }
    struct waiter *next;
    for (struct waiter *waiter = waiting->first; waiter; waiter = next) {
        next = waiter->next;
        if (waiter->wait.kind == WAIT_OBJECT && waiter->wait.what == what &&
            waiter->wait.source == source && waiter->family == family) {
            finish(waiting, waiter);
        }
    }
}

static struct waiter *waiter_of(unsigned char *mark)
{
    return (struct waiter *)(void *)(mark - *mark - offsetof(struct waiter, marks));
}

/* waiting_done_fn */
static void on_keys(void *ctx, bool is_conclusive)
{
    unsigned char *mark = ctx;
    struct waiter *waiter = waiter_of(mark);
    const uint64_t source = UINT64_C(1) << *mark;
    waiter->wanted &= ~source;
    waiter->conclusive_sources |= is_conclusive ? source : 0;
    if (!waiter->wanted) {
        finish(waiter->waiting, waiter);
    }
}

static void want(struct waiting *waiting, struct waiter *waiter, unsigned source)
{
    const uint64_t bit = UINT64_C(1) << source;
    waiter->marks[source] = (unsigned char)source;
    waiter->wanted |= bit;
    switch (waiting->keys.want(waiting->keys.ctx, waiter->family, source, on_keys,
                               &waiter->marks[source])) {
    case WAITING_WANT_WAITING:
        return;
    case WAITING_WANT_CURRENT:
        waiter->conclusive_sources |= bit;
        break;
    case WAITING_WANT_REFUSED:
        break;
    }
    waiter->wanted &= ~bit;
}

/* Ask for the keys. Return: is there anything to wait for? */
static bool want_keys(struct waiting *waiting, struct waiter *waiter)
{
    for (unsigned source = 0; waiting->keys.want && source < WAIT_SOURCES_MAX; source++) {
        if (waiter->wait.what >> source & 1) {
            want(waiting, waiter, source);
        }
    }
    if (!waiter->wanted && waiter->conclusive_sources != waiter->wait.what) {
        const size_t place = source_place(waiter->family, waiter->wait.source);
        atomic_store(&waiting->refused_until_ns[place],
                     clock_monotonic_ns(&waiting->clock) + WAITING_REFUSED_NS);
    }
    return waiter->wanted != 0;
}

/* Has it come between the question and now? */
static bool was_told(const struct waiting *waiting, const struct waiter *waiter)
{
    const size_t place = told_place(waiter->family, waiter->wait.source, waiter->wait.what);
    return waiting->told[place] > waiter->seen;
}

static void begin(struct waiting *waiting, struct waiter *waiter)
{
    waiter->waiting = waiting;
    link_waiter(waiting, waiter);
    const bool waits =
        waiter->wait.kind == WAIT_OBJECT ? !was_told(waiting, waiter) : want_keys(waiting, waiter);
    if (waits) {
        keep_deadline(waiting, waiter);
    } else {
        finish(waiting, waiter);
    }
}

static void take_arrived(struct waiting *waiting)
{
    struct waiter *next;
    for (struct waiter *waiter = atomic_exchange(&waiting->arrived, NULL); waiter; waiter = next) {
        next = waiter->next;
        begin(waiting, waiter);
    }
}

static void on_wake(uv_async_t *wake)
{
    take_arrived(wake->data);
}

/* ------------------------------------------------------------------ life */

enum status waiting_new(struct loop *loop, struct clock clock, struct waiting **ret_waiting)
{
    struct waiting *waiting = calloc(1, sizeof(*waiting));
    if (!waiting) {
        return ST_NOMEM;
    }
    waiting->clock = clock;
    waiting->wake.data = waiting->timer.data = waiting;
    const int error = uv_async_init(loop_uv(loop), &waiting->wake, on_wake);
    if (error != 0) {
        free(waiting);
        return error == UV_ENOMEM ? ST_NOMEM : ST_IO;
    }
    (void)uv_timer_init(loop_uv(loop), &waiting->timer); /* cannot fail: it fills in the handle */
    waiting->open_handles = 2;
    *ret_waiting = waiting;
    return ST_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct waiting *waiting = handle->data;
    if (--waiting->open_handles == 0) {
        free(waiting);
    }
}

struct waiting *waiting_free(struct waiting *waiting)
{
    if (waiting) {
        waiting->keys.want = NULL; /* who has arrived only now begins nothing */
        take_arrived(waiting);
        while (waiting->first) {
            waiting->first->is_late = true;
            finish(waiting, waiting->first);
        }
        uv_close((uv_handle_t *)&waiting->wake, on_closed);
        uv_close((uv_handle_t *)&waiting->timer, on_closed);
    }
    return NULL;
}

void waiting_set_keys(struct waiting *waiting, const struct waiting_keys *keys)
{
    waiting->keys = *keys;
}
