/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A reply as handlers make it, without libmicrohttpd. */
#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "server/http/request.h"
#include "server/http/request_head.h"
#include "server/http/standing.h"

/** What a handler has done. */
enum outcome {
    OUTCOME_CLOSES =
        0,           /* nothing: there is no memory, and the connection is closed without words */
    OUTCOME_REPLIES, /* filled in the reply */
    OUTCOME_PENDING, /* called request_suspend(), and will be called again when that is resumed */
};

/* beside those that every reply has; a 405 has one */
#define REPLY_FIELDS_MAX 4

struct reply_field {
    const char *name;
    const char *value; /* lives as long as the server */
};

/** A reply that was made at the start: rows that whoever composes the server hands in. */
struct prepared_reply {
    unsigned code;
    const char *content_type;
    struct span body;
};

/** One reply. All-zero but for `body` when a handler gets it. */
struct reply {
    unsigned code;
    const char *content_type; /* lives as long as the server */
    struct buf *body;  /* empty at first; the connection's, so it is kept until it was sent */
    unsigned prepared; /* not 0: of the prepared replies this one, counted from 1, and nothing of
                          the above */
    unsigned retry_after_sec; /* not 0: a Retry-After */
    bool closes;              /* the connection ends behind it */
    enum standing standing; /* what the client has shown by this request; more than before counts */
    unsigned field_count;
    struct reply_field fields[REPLY_FIELDS_MAX];
};

/** reply_body() - what the handler appended to the body is the reply; without memory for it there
 * is none. Return: what the handler returns */
enum outcome reply_body(struct reply *reply, unsigned code, const char *content_type) NODISCARD
    NONNULL(1, 3);

/** reply_prepared() - @number: from 1. Return: what the handler returns */
enum outcome reply_prepared(struct reply *reply, unsigned number) NODISCARD NONNULL(1);

/** reply_status() - a Kubernetes Status, and a line in the log. @message: see status_body_build();
 * @retry_after_sec: 0 for none, else also the header. Return: what the handler returns */
enum outcome reply_status(struct request *request,
                          struct reply *reply,
                          unsigned code,
                          const char *message,
                          unsigned retry_after_sec) NODISCARD NONNULL(1, 2, 4);

/** reply_refusal() - the same for a no by the head */
enum outcome reply_refusal(struct request *request,
                           struct reply *reply,
                           const struct head_refusal *refusal) NODISCARD NONNULL(1, 2, 3);

/** reply_add_field() - @name, @value: live as long as the server. More than REPLY_FIELDS_MAX are
 * left out */
void reply_add_field(struct reply *reply, const char *name, const char *value) NONNULL(1, 2, 3);
