/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A request as handlers see it, without libmicrohttpd: what they nearly always need stands in it,
 * the fields of its head are fetched by name. Nothing is copied.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/log.h"
#include "base/span.h"
#include "server/http/method.h"
#include "server/http/metrics.h"
#include "server/http/pending.h"

/** What one worker counts and holds back, touched by its thread alone (scrapes read the counters).
 * Whoever keeps more than this by worker has a place for each `index`. */
struct shard {
    struct worker_metrics metrics;
    unsigned index;  /* from 0 to below the server's number of workers */
    struct log *log; /* borrows; may be NULL */
    struct clock clock;
    struct log_limit limit; /* of all lines about requests that have no limit of their own */
};

/** shard_may_log() - may a line of @limit be written now? Counts it when not, but not without a
 * log.
 * @ret_dropped: as log_limit_take() */
bool shard_may_log(struct shard *shard, struct log_limit *limit, uint64_t *ret_dropped) NODISCARD
    NONNULL(1, 2, 3);

/** shard_tell_held_back() - a line that only says how many of @limit were not written, if there are
 * any. @reason: of those lines; NULL: of any */
void shard_tell_held_back(struct shard *shard,
                          struct log_limit *limit,
                          const char *message,
                          const char *reason) NONNULL(1, 2, 3);

/** Where the fields of a head come from. */
struct request_source {
    /** Return: how many fields of this name there are; @ret_value is the first one's, if any */
    unsigned (*field)(void *origin, const char *name, struct span *ret_value);
};

/** One request. All of it is borrowed until the handler returns, and means the same when it is
 * called again. */
struct request {
    enum method method;
    const char *method_name;  /* as it was sent */
    const char *version;      /* "HTTP/1.1" */
    struct span path;         /* percent-decoded */
    struct span parameter;    /* what stands in place of the path's {name} */
    struct span query;        /* as it was sent, without `?`: query.h reads it */
    const char *content_type; /* NULL: none */
    bool refuses_json;        /* by its Accept fields */
    char *body;               /* may be clobbered; never NULL. Nothing at the head */
    size_t body_len;
    struct shard *shard; /* of the worker */
    void *state; /* of a request that was resumed: what request_suspend() was given; else NULL */
    struct pending_inbox *inbox;
    struct pending *pending; /* set by request_suspend() */
    const struct request_source *source;
    void *origin;
};

/** request_field() - a field of the head by name, in whatever letters. Return: how many there are:
 * a peer may send several where one is meant. @ret_value: the first, borrowed; empty without one */
unsigned request_field(const struct request *request, const char *name, struct span *ret_value)
    NONNULL(1, 2, 3);

/**
 * request_suspend() - answer later: the handler returns OUTCOME_PENDING, and is called again when
 * pending_resume() was
 * @state, @free_state: as pending_new(); it is freed when the request is done, or suspended again
 *
 * The deadline of the request goes on, and so does the end of the server: the handler is not called
 * again when one of them comes first. Return: what to resume, from any thread, or NULL without
 * memory
 */
struct pending *request_suspend(struct request *request,
                                void *state,
                                void (*free_state)(void *state)) NODISCARD NONNULL(1);
