/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What everything that talks to one API server shares: the HTTP client, who we are to the server,
 * and whom to tell what came of it. Knows of no reflector and no write.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "io/http/client.h"
#include "io/loop.h"
#include "kube/cluster_access.h"
#include "store/store_base.h"

/** Filled in by its owner, who ends it with session_fini(). */
struct session {
    struct store *store; /* borrows: whose listeners are told, and whose figures are kept */
    struct cluster_access *access; /* owns */
    struct clock clock;
    problem_fn *on_problem;  /* may be NULL */
    problem_fn *on_resolved; /* may be NULL; file is the same as in the problem */
    void *ctx;
    /* a problem came or went, or the server is there or away: the store's state is to be worked out
     * anew */
    void (*on_state)(struct store *store);

    struct loop *loop;                /* borrows; NULL before session_open() */
    struct http_client *client;       /* owns; NULL before session_open() */
    struct problem stale_credentials; /* told and not resolved; ST_OK for none */
};

/** session_open() - from here on requests can be sent, on @loop. Return: ST_OK; ST_NOMEM,
 * ST_INTERNAL with @reterr_problem */
enum status session_open(struct session *session,
                         struct loop *loop,
                         struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** session_fini() - whoever sent something has cancelled it */
void session_fini(struct session *session) NONNULL(1);

/** session_url() - the server's, for people */
const char *session_url(const struct session *session) NONNULL(1);

/**
 * session_refresh() - read the files again that say who we are; after session_open()
 *
 * What cannot be read is told once and keeps what was read before. Return: as
 * cluster_access_refresh()
 */
enum status session_refresh(struct session *session,
                            bool *ret_changed,
                            struct problem *reterr_problem) NONNULL(1, 2, 3);

/** In what form things go, and are to come. */
struct media_types {
    const char *accept;       /* NULL: JSON */
    const char *content_type; /* of the body; NULL when there is none */
};

/**
 * session_request() - http_start() to the server, with credentials as they stand now
 *
 * Fills in the request's headers; everything else is the caller's. Return: as http_start()
 */
enum status session_request(struct session *session,
                            struct http_request *request,
                            struct media_types media,
                            struct http_transfer **ret_transfer,
                            struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 4, 5);

/** session_report(), session_resolved() - tell a problem, or that it is none any more; its file is
 * the server's URL. Callers see to it that each is told once */
void session_report(struct session *session, const struct problem *problem) NONNULL(1, 2);
void session_resolved(struct session *session, const struct problem *problem) NONNULL(1, 2);

/** session_note_state() - whoever keeps the store true is in another state */
void session_note_state(struct session *session) NONNULL(1);

/** session_note_contact() - the server has said something */
void session_note_contact(struct session *session) NONNULL(1);

/** session_count() - add one to a figure of the store's */
static inline void session_count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}
