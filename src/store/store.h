/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Kubernetes objects from somewhere, as events, and written back. Three stores take this one shape:
 * `manifests` (a directory), `apiserver` (list and watch) and `union` (both); who listens or writes
 * cannot tell which it is.
 *
 * Threads: everything on the loop's thread, except store_stats(). A handler never blocks and never
 * calls back into the store. Life: new -> store_subscribe()... -> store_load() -> store_watch() ->
 * store_free().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "io/loop.h"
#include "kube/object_kind.h"
#include "kube/secret.h"

enum store_event_type {
    STORE_ADDED = 0,
    STORE_MODIFIED,
    STORE_DELETED,
    STORE_SYNCED, /* everything that was there at the start has been told; once, with no object */
};

struct store_interest;

struct store_event {
    enum store_event_type type;
    const struct object_kind *kind; /* NULL for STORE_SYNCED */
    struct span namespace;          /* borrow until the handler returns; empty for STORE_SYNCED */
    struct span name;
    /* of STORE_ADDED and STORE_MODIFIED, and borrow until the handler returns; else NULL */
    const struct object_meta *meta;
    const struct secret *secret; /* of a kind that is_secret, unless metadata was all that was asked
                                    for; meta is part of it */
    const json_object *json;     /* the whole object, if asked for; its metadata may say no
                                    resourceVersion, or another. NULL when meta.is_refused */
    const struct store_interest *interest; /* whose listener is told; NULL for STORE_SYNCED. The
                                              store's copy, for its life */
    const char
        *source; /* where it stands, for people ("file.yaml"), or NULL; borrows until return */
    unsigned source_line; /* from 1; 0 when unknown */
};

/**
 * What a listener is told of, and no more. Texts are static.
 *
 * A store that has to fetch asks for what its listeners' interests name together. Where two overlap
 * that is the least that covers both, unless one of them needs no more than metadata: that is asked
 * for beside the other, or comes with it. Each listener hears by one request; so who is told by
 * several of its own interests in a kind has to tell them apart (store_event.interest): an object
 * that comes to be another's is told as deleted and as added in either order.
 */
struct store_interest {
    const struct object_kind *kind;
    const char *namespace;   /* NULL: every namespace */
    const char *secret_type; /* kind_secret: only those of this type; NULL: every type */
    bool hears_more;         /* also of whatever else of the kind the store comes across by itself,
                                or by the same request: for who remarks on what is misplaced */
    bool wants_json;         /* store_event.json */
    bool is_metadata_only;   /* store_event.meta is all; a store that fetches fetches no more, and
                                nothing else of an object is checked */
};

typedef void store_handler(void *ctx, const struct store_event *event);

/* Of one store: the credential cache, a few controllers, a token listing; more is a mistake. */
#define STORE_MAX_HANDLERS 8

struct store_stats {
    struct {
        const struct object_kind *kind; /* NULL from the first that is unused on */
        uint64_t objects;               /* held now */
    } kinds[STORE_MAX_HANDLERS];        /* those that somebody listens to */
    uint64_t files;                     /* manifests: files held now */
    uint64_t unsafe_files; /* manifests: files and directories held now that others can change,
                              unless that is refused and a problem */
    uint64_t links_out;    /* manifests: symbolic links held now that lead out of the directory */
    uint64_t problems;     /* what is wrong now: files and objects that cannot be read,
                              duplicates, a server that is away */
    uint64_t reloads_ok;   /* scans or files re-read without a problem, since the start */
    uint64_t reloads_failed;
    int64_t last_reload_sec; /* wall clock of the last one, 0 for none */
    bool last_reload_ok;
    bool is_synced;

    /* a store behind a network: apiserver, and a union with one */
    bool is_remote;
    bool is_connected;        /* every watch is open, as far as we know */
    int64_t last_contact_sec; /* wall clock of the last byte from the server; 0: never */
    enum status last_failure; /* why the last attempt failed; ST_OK when connected */
    uint64_t lists_ok;        /* whole lists since the start, streaming ones included */
    uint64_t lists_failed;
    uint64_t watches_begun; /* since the start; a healthy one lasts five to ten minutes */
    uint64_t watch_events;
};

struct store; /* a back end embeds it: store/store_base.h */

/** The store of one cluster among several. */
struct cluster_store {
    const char *name;   /* for people and metrics: a DNS label */
    const char *server; /* URL of its API server, for people; NULL without one */
    struct store *store;
};

/** store_subscribe() - be told of what @interest names; before store_load(). Handlers are told in
 * the order of subscription; each hears an object as added, modified and deleted in this order,
 * deleted also when it has come to be one that @interest does not name. Kinds nobody subscribed to
 * are ignored. @interest: copies; NULL: only STORE_SYNCED, once. Return: ST_OK; ST_LIMIT past
 * STORE_MAX_HANDLERS */
enum status store_subscribe(struct store *store,
                            const struct store_interest *interest,
                            store_handler *handler,
                            void *ctx) NODISCARD NONNULL(1, 3);

/**
 * store_load() - read what is there, on the calling thread, and tell it to the handlers
 *
 * Ends with STORE_SYNCED unless something was still being written: then store_watch() reads it when
 * it has settled and tells STORE_SYNCED. Input problems go to the back end's problem_fn and are not
 * failures. Return: ST_OK; ST_UNSETTLED (STORE_SYNCED is still to come); ST_IO, ST_NOMEM with
 * @reterr_problem.
 */
enum status store_load(struct store *store, struct problem *reterr_problem) NODISCARD NONNULL(1, 2);

/** store_watch() - follow changes on @loop from here on. Nothing between load and watch is lost.
 * Return: ST_OK; ST_IO, ST_NOMEM with @reterr_problem */
enum status store_watch(struct store *store,
                        struct loop *loop,
                        struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** What store_reread() found at one of the places that a store reads. */
struct store_reread {
    const char *what;   /* "manifests", "credentials"; static */
    enum status status; /* ST_OK; ST_UNSETTLED: something is still being written, and is read when
                           it has settled; else a problem */
    bool has_changed;
    const struct problem *problem; /* the first, of perhaps many; borrows until the call returns;
                                      NULL on the two above */
};

typedef void store_reread_fn(void *ctx, const struct store_reread *found);

/**
 * store_reread() - look at everything on this machine that the store follows, now rather than at
 * its next event, timer or request; after store_watch()
 * @fn: told of each place once, before this returns
 *
 * Changes go to the handlers and problems to the back end's problem_fn as at any other time. A
 * problem that stands has been told there before; @fn hears of it all the same.
 */
void store_reread(struct store *store, store_reread_fn *fn, void *ctx) NONNULL(1, 2);

/* --- writing --- */

/** Which object, and what it must still be. Spans borrow until the call returns. */
struct store_target {
    const struct object_kind *kind;
    struct span namespace;
    struct span name;
    struct span uid;              /* empty: any */
    struct span resource_version; /* empty: any */
};

/**
 * store_done_fn - how a write ended; on the loop's thread, never from inside the call that began it
 * @object: borrows until return; as it is now; NULL on failure, and of a deletion. May hold a
 *          secret
 *
 * @status: ST_OK; ST_NOT_FOUND; ST_EXISTS (create); ST_CONFLICT: uid or resourceVersion are not
 * those asked for, or somebody else wrote meanwhile; ST_INVALID: refused as no such object;
 * ST_FORBIDDEN; ST_UNAVAILABLE, ST_TIMEOUT: it may or may not have happened; ST_UNSUPPORTED: it
 * stands where this store does not write; ST_LIMIT, ST_IO, ST_NOMEM. @problem: NULL on ST_OK. It
 * may begin further writes, and free the store.
 */
typedef void store_done_fn(void *ctx,
                           enum status status,
                           const json_object *object,
                           const struct problem *problem);

enum store_verb {
    STORE_GET = 0, /* as it stands, read from where it lives and not from what was told */
    STORE_CREATE,
    STORE_UPDATE, /* replace it whole */
    STORE_PATCH,
    STORE_DELETE,
    /* Give it a uid and a creation time, where somebody has written it by hand without: for who is
     * about to sign for it, or to count time from its creation, and needs both to last. Where it
     * has them, and of an API server, it is a STORE_GET. ST_UNSUPPORTED, ST_IO: it stands where
     * nothing can be written; then it has none, and what needs one is refused: nothing that would
     * not last is made in its stead */
    STORE_ADOPT,
};

/** One thing to do to one object. */
struct store_write {
    enum store_verb verb;
    /* STORE_CREATE, STORE_UPDATE: its kind; who it is, and what it must still be, says @object.
     * STORE_GET and STORE_ADOPT look at no preconditions: the object says which it is */
    struct store_target target;
    /* STORE_CREATE, STORE_UPDATE: a whole Kubernetes object with metadata.name and
     * metadata.namespace. STORE_PATCH: a JSON merge patch (RFC 7386). Borrows until the call
     * returns */
    const json_object *object;
    store_done_fn *done;
    void *ctx; /* of @done */
};

/** store_write() - Return: ST_OK: `done` will be called; ST_NOMEM, ST_LIMIT (too many at once),
 * ST_INVALID (a name or namespace that nothing can have), ST_UNSUPPORTED (before store_watch(),
 * where a store needs its loop): it will not */
enum status store_write(struct store *store, const struct store_write *write) NODISCARD
    NONNULL(1, 2);

/** store_stats() - any thread */
void store_stats(const struct store *store, struct store_stats *ret_stats) NONNULL(1, 2);

/**
 * store_told_until_sec() - up to when listeners know all of @kind that there is: an object of it
 * that was made before, and has not been told, does not exist
 *
 * Wall clock of this machine. Of an API server that is when its last whole list began, and from
 * then on the last byte of a watch that has caught up: what a watch that was opened anew tells
 * before its first bookmark may be long past. Of several requests for one kind the one that is
 * furthest behind counts, and none runs on while the server is away. 0: not before there has been a
 * whole list, and of a kind that nobody listens to. A union: its second store's. Manifests:
 * INT64_MAX, since there is nothing but what is told.
 *
 * Any thread. Cost: a load for each kind that is listened to, at most.
 */
int64_t store_told_until_sec(const struct store *store, const struct object_kind *kind) NODISCARD
    NONNULL(1, 2);

/** store_stats_objects() - how many of @kind are held; 0 of a kind that nobody listens to */
uint64_t store_stats_objects(const struct store_stats *stats,
                             const struct object_kind *kind) NODISCARD NONNULL(1, 2);

/** store_free() - on the loop's thread or when it does not run. Writes under way are given up
 * without a call of their @done. NULL is fine. Return: NULL */
struct store *store_free(struct store *store);
