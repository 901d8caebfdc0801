/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What every back end of the store shares: the operations table, the subscriptions and the figures.
 * For back ends (and for tests that play one); who merely listens includes store/store.h.
 *
 * A back end embeds struct store as its first member, calls store_base_init(), and reports through
 * store_tell(). Threads: the loop's, but for the counters, which other threads read.
 */
#include <stdatomic.h>

#include "store/store.h"

/* bytes with NUL; opaque, but etcd's are at most 19 digits, and ours 32 */
#define RESOURCE_VERSION_MAX 128

/** What a back end can do. The free operation frees the store itself. */
struct store_ops {
    enum status (*load)(struct store *store, struct problem *reterr_problem) NODISCARD;
    enum status (*watch)(struct store *store,
                         struct loop *loop,
                         struct problem *reterr_problem) NODISCARD;
    void (*free)(struct store *store);
    /* as store_reread() describes it; NULL: nothing here is followed */
    void (*reread)(struct store *store, store_reread_fn *fn, void *ctx);

    /* as store_write() describes it; names of the target are those of the object, where that has
     * them: empty when it has none */
    enum status (*write)(struct store *store, const struct store_write *write) NODISCARD;

    /* Tell the object again, as STORE_ADDED, soon: a union had kept it back and needs it now. What
     * is no longer there is not told. STORE_DELETED for it may come before, and does no harm. */
    void (*retell)(struct store *store, const struct store_target *target);
    /* Where the object stands, for people, as store_event.source has it: a union that tells of the
     * same object elsewhere asks its first store, also out of a handler. @ret_source:
     * PROBLEM_FILE_MAX bytes. Return: false when it is not there */
    bool (*find_source)(struct store *store,
                        const struct store_target *target,
                        char *ret_source) NODISCARD;
    /* As store_told_until_sec() describes it; NULL: all is told when it is there. Any thread */
    int64_t (*told_until_sec)(const struct store *store, const struct object_kind *kind) NODISCARD;
    /* Fill in what is not in store_counters; NULL: nothing. Any thread */
    void (*stats)(const struct store *store, struct store_stats *stats);
};

/** A kind that is listened to, and what all who listen want of its objects. */
struct store_kind {
    const struct object_kind *kind;
    bool wants_json;
    bool is_metadata_only;
};

/** store_kind_decodes_secret() - does it take more than metadata to tell of it? */
static inline bool store_kind_decodes_secret(const struct store_kind *kind)
{
    return kind->kind->is_secret && !kind->is_metadata_only;
}

_Static_assert(STORE_MAX_HANDLERS <= 8, "a byte says who has heard of an object");

struct store_subscription {
    struct store_interest interest;
    bool wants_objects; /* false: STORE_SYNCED only */
    store_handler *handler;
    void *ctx; /* borrows for the store's life */
};

/* Written on the loop's thread with relaxed order; each figure stands for itself. */
struct store_counters {
    /* whose objects are counted, NULL behind the last: a union subscribes to its parts when others
     * read already */
    const struct object_kind *_Atomic kinds[STORE_MAX_HANDLERS];
    _Atomic uint64_t objects[STORE_MAX_HANDLERS];       /* by kind, as store.kinds has them */
    _Atomic int64_t told_until_sec[STORE_MAX_HANDLERS]; /* the same; of a store that fetches */
    _Atomic uint64_t files;
    _Atomic uint64_t unsafe_files;
    _Atomic uint64_t links_out;
    _Atomic uint64_t problems;
    _Atomic uint64_t reloads_ok;
    _Atomic uint64_t reloads_failed;
    _Atomic int64_t last_reload_sec;
    atomic_bool last_reload_ok;
    atomic_bool is_synced;
    atomic_bool is_remote;
    atomic_bool is_connected;
    _Atomic int64_t last_contact_sec;
    _Atomic unsigned last_failure; /* enum status */
    _Atomic uint64_t lists_ok;
    _Atomic uint64_t lists_failed;
    _Atomic uint64_t watches_begun;
    _Atomic uint64_t watch_events;
};

struct store {
    const struct store_ops *ops;
    struct store_subscription subscriptions[STORE_MAX_HANDLERS]; /* in order */
    size_t subscription_count;
    struct store_kind kinds[STORE_MAX_HANDLERS]; /* those that are listened to */
    size_t kind_count;
    uint64_t told_count; /* events of objects, since the start */
    struct store_counters counters;
};

/** store_base_init() - no subscriptions, all figures zero. @ops: borrows for the store's life */
void store_base_init(struct store *store, const struct store_ops *ops) NONNULL(1, 2);

/** store_kind_at() - where @kind stands in store->kinds; store->kind_count: nobody listens to it */
size_t store_kind_at(const struct store *store, const struct object_kind *kind) NODISCARD
    NONNULL(1);

/** store_wants() - does anybody listen to objects of @kind? */
bool store_wants(const struct store *store, const struct object_kind *kind) NODISCARD NONNULL(1);

/** What a store that fetches has to ask for at once, and for whom. */
struct store_request {
    struct store_interest interest; /* covers those of its listeners */
    uint8_t listeners;              /* a bit each, as store.subscriptions has them */
    bool is_counted;                /* false: another of the kind brings all of this, too */
};

/**
 * store_requests() - what is listened to, as requests of which each listener is served by one
 * @ret_requests: STORE_MAX_HANDLERS of room
 *
 * Of two interests that overlap one request is made that covers both. Where metadata is enough for
 * one of them only, two are, unless the other covers it. Return: how many
 */
size_t store_requests(const struct store *store, struct store_request *ret_requests) NODISCARD
    NONNULL(1, 2);

#define STORE_ALL_LISTENERS UINT8_MAX

/**
 * store_tell_to() - hand @event to those of @listeners whose interest names the object, or has
 * named it before
 * @heard: of the object: who has been told of it, a bit each; 0 at first. Is kept up to date
 */
void store_tell_to(struct store *store,
                   const struct store_event *event,
                   uint8_t listeners,
                   uint8_t *heard) NONNULL(1, 2, 4);

/** store_count_object() - there is one more of @kind, or one less */
void store_count_object(struct store *store, const struct object_kind *kind, bool is_more)
    NONNULL(1, 2);

/** store_tell() - store_tell_to() everybody, and store_count_object(): STORE_ADDED adds one,
 * STORE_DELETED takes one */
void store_tell(struct store *store, const struct store_event *event, uint8_t *heard)
    NONNULL(1, 2, 3);

/** store_tell_synced() - STORE_SYNCED to everybody; only the first call does anything */
void store_tell_synced(struct store *store) NONNULL(1);

/** store_count_reload() - a scan or a file was read again. @now_sec: wall clock */
void store_count_reload(struct store *store, bool ok, int64_t now_sec) NONNULL(1);
