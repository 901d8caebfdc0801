/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The parts of the API server store among themselves. Nobody else includes this but their tests.
 *
 *     requests, credentials  apiserver.c            one client, one access; the operations
 *     list, watch, backoff   reflector.c            one for each interest of the listeners
 *     bytes to events        reply.c                of a watch, of a list; what a refusal means
 *     what has been told     objects.c              names and versions, events
 *     create, patch, ...     write.c                one request each
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <urcu/list.h>

#include "base/buf.h"
#include "base/table.h"
#include "io/http/client.h"
#include "kube/status_body.h"
#include "store/apiserver/apiserver.h"
#include "store/store_base.h"

/* One object as JSON. The API server takes requests of 3 MiB at most, and writes six bytes for one
 * where it has to escape it: were this less, whoever may create one object could keep us from
 * reading all others. */
#define APISERVER_OBJECT_MAX_BYTES 20971520

#define APISERVER_MAX_OBJECTS \
    2000000 /* of one kind; a hundred bytes each: 200 MB. As `manifests` has it */

struct apiserver;
struct reflector;
struct apiserver_write;

/* --- objects.c --- */

/** What of one interest has been told to the listeners. */
struct remote_objects {
    struct apiserver *apiserver; /* borrows */
    enum object_kind kind;
    struct table table;  /* of struct remote_object; owns them */
    uint32_t generation; /* of the list that is being read, or was last */
    size_t wrong_count;  /* objects that cannot be decoded */
};

enum status remote_objects_init(struct remote_objects *objects,
                                struct apiserver *apiserver,
                                enum object_kind kind) NODISCARD NONNULL(1, 2);
void remote_objects_fini(struct remote_objects *objects) NONNULL(1);

/** remote_objects_begin_list() - what is not put again before remote_objects_end_list() is gone */
void remote_objects_begin_list(struct remote_objects *objects) NONNULL(1);
void remote_objects_end_list(struct remote_objects *objects) NONNULL(1);

/**
 * remote_objects_put() - @object is as the server has it now; tells the listeners if that is news
 *
 * One that cannot be decoded counts as gone, since what changed may be a revocation, and is
 * reported. Return: ST_OK, also then; ST_SYNTAX: it has no name; ST_LIMIT: there are too many
 * objects; ST_NOMEM: what was told of it before has been taken back.
 */
enum status remote_objects_put(struct remote_objects *objects, const json_object *object) NODISCARD
    NONNULL(1, 2);

/** remote_objects_remove() - @object, as it was last, is gone. Return: ST_OK; ST_SYNTAX: no name */
enum status remote_objects_remove(struct remote_objects *objects,
                                  const json_object *object) NODISCARD NONNULL(1, 2);

/** remote_objects_forget() - tell this one anew when it is put next. Return: is it there? */
bool remote_objects_forget(struct remote_objects *objects, struct span namespace, struct span name)
    NONNULL(1);

/* --- reflector.c --- */

enum status reflector_new(struct apiserver *apiserver,
                          const struct store_interest *interest,
                          struct reflector **ret_reflector) NODISCARD NONNULL(1, 2, 3);
struct reflector *reflector_free(struct reflector *reflector);

/** reflector_start() - on the loop, once */
void reflector_start(struct reflector *reflector) NONNULL(1);

/** reflector_retell() - STORE_ADDED for this object once more, if it is there, by reading the list
 * anew */
void reflector_retell(struct reflector *reflector, const struct store_target *target) NONNULL(1, 2);

bool reflector_is_synced(const struct reflector *reflector) NONNULL(1);
bool reflector_is_connected(const struct reflector *reflector) NONNULL(1);
enum status reflector_last_failure(const struct reflector *reflector) NONNULL(1);

/** reflector_problem_count() - objects that cannot be read or decoded, and one while the server is
 * away */
uint64_t reflector_problem_count(const struct reflector *reflector) NONNULL(1);

/* --- write.c --- */

enum status apiserver_create(struct store *store,
                             enum object_kind kind,
                             const json_object *object,
                             store_done_fn *done,
                             void *ctx) NODISCARD;
enum status apiserver_get(struct store *store,
                          const struct store_target *target,
                          store_done_fn *done,
                          void *ctx) NODISCARD;
enum status apiserver_update(struct store *store,
                             enum object_kind kind,
                             const json_object *object,
                             store_done_fn *done,
                             void *ctx) NODISCARD;
enum status apiserver_patch(struct store *store,
                            const struct store_target *target,
                            const json_object *patch,
                            store_done_fn *done,
                            void *ctx) NODISCARD;
enum status apiserver_delete(struct store *store,
                             const struct store_target *target,
                             store_done_fn *done,
                             void *ctx) NODISCARD;

/** apiserver_drop_writes() - give up what is under way, without `done` */
void apiserver_drop_writes(struct apiserver *apiserver) NONNULL(1);

/* --- apiserver.c --- */

struct apiserver {
    struct store base; /* first */
    struct apiserver_options options;
    struct loop *loop;          /* borrows; NULL before store_watch() */
    struct http_client *client; /* owns; NULL before store_watch() */
    struct reflector *reflectors[STORE_MAX_HANDLERS];
    size_t reflector_count;
    struct cds_list_head writes; /* of struct apiserver_write */
    size_t write_count;
    struct problem stale_credentials; /* told and not resolved; ST_OK for none */
};

struct apiserver *apiserver_of(struct store *store) NONNULL(1);

/** apiserver_path() - append "/api/v1/namespaces/NAMESPACE/secrets/NAME"
 * @namespace: empty: of all namespaces; @name: empty: the collection. Both have been checked
 * (kube/names.h) or are ours */
void apiserver_path(struct buf *buf, enum object_kind kind, struct span namespace, struct span name)
    NONNULL(1);

/** apiserver_text() - member @key of @object, when it is an object and that a string; empty
 * otherwise. Borrows @object, which may be NULL */
struct span apiserver_text(const json_object *object, const char *key) NONNULL(2);

/** apiserver_metadata() - metadata of @object, when both are objects; NULL otherwise */
const json_object *apiserver_metadata(const json_object *object);

/** apiserver_plural() - "secrets", for paths and people */
const char *apiserver_plural(enum object_kind kind);

/**
 * apiserver_request() - http_start() to the server, with credentials as they stand now
 * @content_type: of the body; NULL when there is none
 *
 * Fills in the request's headers; everything else is the caller's. Return: as http_start()
 */
enum status apiserver_request(struct apiserver *apiserver,
                              struct http_request *request,
                              const char *content_type,
                              struct http_transfer **ret_transfer,
                              struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 4, 5);

/** apiserver_report(), apiserver_resolved() - tell a problem, or that it is none any more; its file
 * is the server's URL. Callers see to it that each is told once */
void apiserver_report(struct apiserver *apiserver, const struct problem *problem) NONNULL(1, 2);
void apiserver_resolved(struct apiserver *apiserver, const struct problem *problem) NONNULL(1, 2);

/** apiserver_note_state() - a reflector is in another state: work out the store's */
void apiserver_note_state(struct apiserver *apiserver) NONNULL(1);

/** apiserver_count() - add one to a figure */
static inline void apiserver_count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/** apiserver_note_contact() - the server has said something */
void apiserver_note_contact(struct apiserver *apiserver) NONNULL(1);
