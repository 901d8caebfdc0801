/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Kubernetes objects from somewhere, as events. Two back ends take this one shape: `manifests` (a
 * directory) and, later, `apiserver` (list/watch); who listens cannot tell which it is. Create,
 * update and delete with resourceVersion preconditions will join the operations table when
 * controllers need them.
 *
 * Threads: everything on the loop's thread, except store_stats(). A handler never blocks and never
 * calls back into the store. Life: new -> store_subscribe()... -> store_load() -> store_watch() ->
 * store_free().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/loop.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "kube/secret.h"

enum object_kind { OBJECT_SECRET = 0, OBJECT_KIND_COUNT_ };

enum store_event_type {
    STORE_ADDED = 0,
    STORE_MODIFIED,
    STORE_DELETED,
    STORE_SYNCED, /* everything that was there at the start has been told; once, with no object */
};

struct store_event {
    enum store_event_type type;
    enum object_kind kind;
    struct span namespace; /* borrow until the handler returns; empty for STORE_SYNCED */
    struct span name;
    const struct secret
        *secret; /* borrows until the handler returns; NULL for STORE_DELETED and STORE_SYNCED */
    const char
        *source; /* where it stands, for people ("file.yaml"), or NULL; borrows until return */
    unsigned source_line; /* from 1; 0 when unknown */
};

typedef void store_handler(void *ctx, const struct store_event *event);

struct store_stats {
    uint64_t objects[OBJECT_KIND_COUNT_]; /* held now */
    uint64_t files;                       /* manifests: files held now */
    uint64_t problems;   /* inputs that are wrong now (files that do not parse, duplicates) */
    uint64_t reloads_ok; /* scans or files re-read without a problem, since the start */
    uint64_t reloads_failed;
    int64_t last_reload_sec; /* wall clock of the last one, 0 for none */
    bool last_reload_ok;
    bool synced;
};

struct store; /* a back end embeds it: store/store_base.h */

/* Per kind: the credential cache, a few controllers, a token listing; more is a mistake. */
#define STORE_MAX_HANDLERS 8

/** store_subscribe() - be told events of @kind; before store_load(). Handlers are told in the order
 * of subscription. Kinds nobody subscribed to are ignored. Return: ST_OK; ST_LIMIT past
 * STORE_MAX_HANDLERS */
enum status store_subscribe(struct store *store,
                            enum object_kind kind,
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

/** store_stats() - any thread */
void store_stats(const struct store *store, struct store_stats *ret_stats) NONNULL(1, 2);

/** store_free() - on the loop's thread or when it does not run. NULL is fine. Return: NULL */
struct store *store_free(struct store *store);
