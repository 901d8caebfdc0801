/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A reflector among its two files: store/apiserver/reflector.c decides what to ask and when,
 * store/apiserver/reply.c reads what comes back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "base/problem.h"
#include "document/json_frames.h"
#include "io/http/client.h"
#include "kube/status_body.h"
#include "store/apiserver/objects.h"
#include "store/apiserver/session.h"

#define CONTINUE_MAX   8192  /* a token is base64 of a key and a resourceVersion: 150 bytes */
#define ERROR_BODY_MAX 65536 /* a Status is 300 bytes; what a proxy says may be a page of HTML */

enum phase { PHASE_IDLE = 0, PHASE_STREAM, PHASE_LIST, PHASE_WATCH };

struct reflector {
    struct session *session; /* borrows */
    struct store_interest interest;
    uint64_t silence_timeout_ms;
    struct remote_objects objects;
    uv_timer_t *timer; /* freed by its close callback; IDLE: when to begin; STREAM: when it stalls;
                          WATCH: when to list anew */

    enum phase phase;
    struct http_transfer *transfer; /* NULL when IDLE */
    unsigned code;                  /* of its reply; 0 before it comes */
    struct json_frames frames;
    struct buf error_body;
    struct status_body error; /* of an ERROR event */
    uint64_t began_ns;
    bool has_progress;     /* it has told something */
    uint64_t confirmed_ns; /* when the server last said where in its history we are */

    char resource_version[RESOURCE_VERSION_MAX]; /* where a watch goes on; "": list first */
    struct buf continue_token;                   /* of the next page; empty: the first */
    bool avoids_stream;                          /* this list is read in pages */
    bool avoids_pages;         /* the token of the last try had expired: all at once */
    bool wants_list;           /* read the list again when this one is through */
    size_t unreadable_count;   /* objects of this list, or of the last, that are not readable */
    size_t unreadable_told;    /* how many the last problem said; 0: resolved */
    struct problem unreadable; /* why the last of them is not */
    bool is_readable;          /* the present frame is: whatever is wrong now is our own finding */

    struct backoff backoff;
    enum status last_failure;
    bool is_synced;
    bool is_connected;
    struct problem problem; /* told and not resolved; ST_OK for none */
};

/* Why an attempt ended. */
struct ending {
    enum status status;
    unsigned code;
    uint64_t retry_after_sec;
    char text[PROBLEM_TEXT_MAX];
};

/* --- reflector.c --- */

/** reflector_new() - after session_open(). @silence_timeout_ms: a watch without a byte for this
 * long is begun anew */
enum status reflector_new(struct session *session,
                          const struct store_interest *interest,
                          uint64_t silence_timeout_ms,
                          struct reflector **ret_reflector) NODISCARD NONNULL(1, 2, 4);
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

/** reflector_keep_stream() - a streaming list has told something: it has not stalled */
void reflector_keep_stream(struct reflector *reflector) NONNULL(1);

/** reflector_end_stream() - a streaming list has told everything and is a watch from here on */
void reflector_end_stream(struct reflector *reflector) NONNULL(1);

/* --- reply.c --- */

/**
 * reply_take() - take in one event, one item, or what a list says besides its items: a
 * json_frame_fn
 * @ctx: the struct reflector, in the phase that the reply belongs to
 *
 * Return: ST_OK; ST_SYNTAX: no such thing; ST_GONE and others: what an ERROR event means, which
 * reflector->error then says; ST_LIMIT, ST_NOMEM
 */
enum status reply_take(void *ctx, enum json_frame_kind kind, struct span text) NODISCARD NONNULL(1);

/** reply_judge() - why a request ended, in words for people. Before the phase and what was received
 * are forgotten */
struct ending reply_judge(const struct reflector *reflector,
                          const struct http_result *result) NODISCARD NONNULL(1, 2);
