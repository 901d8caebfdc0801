/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What an API server answers to a list or a watch: bytes to objects, and for whoever asked, what
 * each frame means for what comes next.
 *
 * A reply is used for one request after the other: reply_begin(), reply_push() with what arrives,
 * of which each frame comes back to reply_take(), reply_judge(), reply_end().
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "document/json_frames.h"
#include "io/http/request.h"
#include "kube/status_body.h"
#include "store/apiserver/objects.h"
#include "store/apiserver/session.h"

/** What was asked for, and so how the answer is read. */
enum phase { PHASE_IDLE = 0, PHASE_STREAM, PHASE_LIST, PHASE_WATCH };

/** What a frame means, beside what the objects have been told of it. */
enum reply_step {
    REPLY_GO_ON = 0,
    REPLY_UNREADABLE, /* an object of a list cannot be read: reply.unreadable says why */
    REPLY_TOLD_ONE,   /* a streaming list has told of an object: it has not stalled */
    REPLY_TOLD_ALL,   /* a streaming list has told everything there is as of reply.version, and is a
                         watch from here on: so is reply.phase */
    REPLY_FOLLOWED,   /* a watch has come as far as reply.version; "": it does not say how far */
    REPLY_PAGE_ENDS,  /* of a list as of reply.version, which goes on at reply.next_page */
};

struct reply {
    struct session *session;        /* borrows; its figures are kept */
    struct remote_objects *objects; /* borrows; told of each object */

    enum phase phase;
    unsigned code; /* 0 before it comes */
    struct json_frames frames;
    struct buf error_body;    /* of what is no 200 */
    struct status_body error; /* of an ERROR event */

    enum reply_step step; /* of the last frame; and what it is about: */
    char version[RESOURCE_VERSION_MAX];
    bool is_bookmark;     /* of REPLY_FOLLOWED: nothing is left on the way that came before */
    struct buf next_page; /* empty: there is no more */
    struct problem unreadable;
    bool is_readable; /* the present frame is: whatever is wrong now is our own finding */
};

/** Why a request ended. */
struct ending {
    enum status status;
    unsigned code;
    uint64_t retry_after_sec;
    char text[PROBLEM_TEXT_MAX];
};

void reply_init(struct reply *reply, struct session *session, struct remote_objects *objects)
    NONNULL(1, 2, 3);
void reply_fini(struct reply *reply) NONNULL(1);

/** reply_begin() - the request for @phase is about to be sent. @fn: is to call reply_take() */
void reply_begin(struct reply *reply, enum phase phase, json_frame_fn *fn, void *ctx) NONNULL(1, 3);

/** reply_push() - a piece of the body; reply->code has been set. Return: ST_OK; what @fn returned;
 * ST_SYNTAX, ST_LIMIT, ST_NOMEM */
enum status reply_push(struct reply *reply, struct span piece) NODISCARD NONNULL(1);

/**
 * reply_take() - take in one event, one item, or what a list says besides its items
 *
 * Return: ST_OK, with reply->step; ST_SYNTAX: no such thing; ST_GONE and others: what an ERROR
 * event means; ST_LIMIT, ST_NOMEM
 */
enum status reply_take(struct reply *reply, enum json_frame_kind kind, struct span text) NODISCARD
    NONNULL(1);

/** reply_judge() - why the request ended, in words for people. Before reply_end() */
struct ending reply_judge(const struct reply *reply, const struct http_result *result) NODISCARD
    NONNULL(1, 2);

/** reply_end() - forget what belongs to this request; PHASE_IDLE */
void reply_end(struct reply *reply) NONNULL(1);
