/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Questions whose answer is about to change: they wait until the object is told of, the keys have
 * been looked for, or they have waited long enough.
 *
 * kube-apiserver reads an object that it misses, and fetches keys that it lacks, while its client
 * waits; so a token that is used the instant its ServiceAccount exists works there. Here objects
 * come by watches and keys by fetches of the loop, and the question waits for them.
 *
 * Threads: waiting_now(), waiting_reserve(), waiting_release() and waiting_add() on any; all else
 * on the loop's. No lock: who begins to wait goes into a list that is exchanged as a whole.
 */
#include <stdbool.h>
#include <stdint.h>

#include "authn/verdict.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/status.h"
#include "io/loop.h"

/* An API server tells of a new object within some ten milliseconds; kubelets and clients wait for
 * an answer some seconds. */
#define WAITING_OBJECT_NS INT64_C(1000000000)

/* a round trip to an issuer, or three with redirects */
#define WAITING_KEYS_NS INT64_C(2000000000)

/* Each is a request that is held, with its memory. Only validly signed tokens wait for objects:
 * freshly made ones of which a deployment of a few hundred Pods begins no more at once. */
#define WAITING_OBJECTS_MAX           256
#define WAITING_OBJECTS_OF_SOURCE_MAX 32

/* Whoever makes up key IDs gets so far, and keeps only those waiting who come to the same issuer
 * within one fetch. */
#define WAITING_KEYS_MAX           512
#define WAITING_KEYS_OF_SOURCE_MAX 64

/* Once a fetch was refused, how long no question of the issuer waits for one. It keeps made-up key
 * IDs off the loop between two fetches. */
#define WAITING_REFUSED_NS INT64_C(100000000)

struct waiter;
struct waiting;

/** What comes of wanting keys, as key_source_want() (keys/key_source.h) has it. */
enum waiting_want {
    WAITING_WANT_REFUSED = 0, /* they are not looked for now */
    WAITING_WANT_WAITING,     /* @done will be called */
    WAITING_WANT_CURRENT,     /* those that are known are all there are */
};

typedef void waiting_done_fn(void *mark, bool is_conclusive);

/** Who looks for keys. */
struct waiting_keys {
    /** @done, @mark: called once on the loop's thread, not from inside this, unless `unwant` comes
     * before with the same @mark. @is_conclusive: they were fetched since this was called */
    enum waiting_want (*want)(void *ctx,
                              enum authenticator_id family,
                              unsigned source,
                              waiting_done_fn *done,
                              void *mark);
    void (*unwant)(void *ctx, enum authenticator_id family, unsigned source, void *mark);
    void *ctx;
};

/** One question that waits, part of what its request keeps. From waiting_add() on it is waiting's,
 * until it calls @resume. */
struct waiter {
    enum authenticator_id family;
    struct question_wait wait;
    uint64_t seen;                         /* waiting_now() before the question was asked */
    int64_t deadline_ns;                   /* monotonic */
    void (*resume)(struct waiter *waiter); /* on the loop's thread; it may be gone when that returns
                                            */

    /* what came of it, when resumed */
    bool is_late;                /* nothing; its time has passed, or the loop's */
    uint64_t conclusive_sources; /* as in struct question: of those that it waited for */

    /* waiting's own */
    struct waiting *waiting;
    struct waiter *next;
    struct waiter *prev;
    uint64_t wanted;                       /* sources that will say when they are done */
    unsigned char marks[WAIT_SOURCES_MAX]; /* each its own number: what a source knows us by */
};

/** waiting_new() - @loop: borrows until loop_free(). Return: ST_OK; ST_NOMEM; ST_IO */
enum status waiting_new(struct loop *loop,
                        struct clock clock,
                        struct waiting **ret_waiting) NODISCARD NONNULL(1, 3);

/** waiting_free() - resume all who wait: nobody begins to any more, and nothing is told. Before
 * loop_free(), which frees it. NULL is fine. Return: NULL */
struct waiting *waiting_free(struct waiting *waiting);

/** waiting_set_keys() - @keys: copies. Without it whoever waits for keys is resumed at once */
void waiting_set_keys(struct waiting *waiting, const struct waiting_keys *keys) NONNULL(1, 2);

/** waiting_told() - something has come: as authenticator_options.on_told. @ctx: struct waiting.
 * Cost: with nobody waiting, a store into a table */
void waiting_told(void *ctx, enum authenticator_id family, unsigned source, uint64_t what)
    NONNULL(1);

/** waiting_now() - how much has been told: read it, ask, and hand it over with the waiter. What was
 * told in between is not slept over */
uint64_t waiting_now(const struct waiting *waiting) NONNULL(1);

/** waiting_reserve() - a place to wait in. false: there are too many already, or it would be of no
 * use; the answer stands. Else waiting_add() or waiting_release() is due */
bool waiting_reserve(struct waiting *waiting,
                     enum authenticator_id family,
                     const struct question_wait *wait) NODISCARD NONNULL(1, 3);

/** waiting_release() - it is not needed after all */
void waiting_release(struct waiting *waiting,
                     enum authenticator_id family,
                     const struct question_wait *wait) NONNULL(1, 3);

/** waiting_add() - in the place that was reserved. @waiter: all-zero but for what stands first in
 * it; its resume() is called in any case, perhaps before this returns */
void waiting_add(struct waiting *waiting, struct waiter *waiter) NONNULL(1, 2);
