/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Asking the authenticator, counting what it decides, and the line in the log: the one place for
 * whatever brings a token, a review, a sidecar's check or a bearer of our own; and where a question
 * waits whose answer is about to change. What a token may cost that was never seen before is each
 * worker's share.
 *
 * Threads: asked on workers, each with the figures and limits of its own shard.
 */
#include <stdint.h>

#include "authn/authenticator.h"
#include "authn/verdict.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/status.h"
#include "engine/waiting.h"
#include "server/endpoints/review_metrics.h"
#include "server/http/request.h"
#include "server/http/standing.h"

struct ask;

struct ask_options {
    const struct authenticator *authenticator; /* borrows */
    struct waiting *waiting;                   /* borrows; NULL: no question waits */
    struct clock clock;                        /* of the workers */
    unsigned shard_count;                      /* workers */
};

/** What the log calls a yes and a no of one kind of question; static texts. */
struct ask_words {
    const char *accepted;
    const char *refused;
};

/** One question and its decision: on the stack of whoever asks, and if it waits, kept with its
 * request. The asker sets what stands before the decision; what is ask's own is 0 at first. */
struct inquiry {
    const struct ask_words *words;
    struct question
        question;  /* token, audiences, the instant: peer bytes, borrowed until ask_end(), or if
                      it waits as long as the request; what has to do with waiting is set here */
    unsigned form; /* the asker's own: what form the answer has */
    int64_t started_ns;       /* monotonic: when the request was there */
    struct decision decision; /* from ask_begin() on; what it points at lives until ask_end() */

    /* ask's own */
    uint64_t seen;           /* what had been told when it was asked */
    int64_t objects_late_ns; /* monotonic: when it has waited for objects for long enough; 0: it has
                                not yet */
    bool has_sought_keys;    /* once is enough */
};

/** ask_new() - Return: ST_OK; ST_NOMEM */
enum status ask_new(const struct ask_options *options, struct ask **ret_ask) NODISCARD
    NONNULL(1, 2);

/** ask_free() - nobody may be asking. NULL is fine. Return: NULL */
struct ask *ask_free(struct ask *ask);

/** ask_resumed() - of a request that has waited: its inquiry, ready for ask_begin() once more, and
 * the request's. NULL: the request has not waited */
struct inquiry *ask_resumed(const struct request *request) NONNULL(1);

/** ask_begin() - enter the read section and decide; ask_suspend() is due, and ask_end() unless that
 * suspends. In between the reply is built, and nothing waits. A yes is logged where that is asked
 * for. The question's scratch is the worker's */
void ask_begin(struct ask *ask, struct shard *shard, struct inquiry *inquiry) NONNULL(1, 2, 3);

/** ask_suspend() - suspend the request if the answer is about to change: then nothing has been
 * answered or counted, and the handler returns OUTCOME_PENDING; it is called again when there is
 * more to say, after a second or two at the latest. false: ask_end() is due. Cost: nothing, but for
 * an answer that may change */
bool ask_suspend(struct ask *ask, struct request *request, const struct inquiry *inquiry) NODISCARD
    NONNULL(1, 2, 3);

/** ask_end() - leave the read section, count, and log what is no yes; but for a question that came
 * before its family was ready (verdict.h), which has not been answered. Return: what the client
 * has shown by it */
enum standing ask_end(struct ask *ask, struct shard *shard, const struct inquiry *inquiry)
    NONNULL(1, 2, 3);

/** ask_tell_held_back() - say how many refusals were not logged, by reason. Of all
 * kinds of question together; on the worker's thread. @message: "TokenReview refusals held back" */
void ask_tell_held_back(struct ask *ask, struct shard *shard, const char *message) NONNULL(1, 2, 3);

/** ask_metrics() - what the worker of this number counts; any thread */
const struct review_metrics *ask_metrics(const struct ask *ask, unsigned shard) NONNULL(1);
