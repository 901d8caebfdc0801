/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking, waiting and counting.
 *
 * A question that waits leaves its inquiry with the request, in a block that belongs to the request
 * and to whoever resumes it (server/http/pending.h). The token stays in the request's body: nothing
 * of it is copied, and the loop looks at none of it. It is counted once, with all the time it took.
 *
 * Threats: the token is a secret even when it is wrong (it may be another system's), so neither
 * token nor audiences are logged as they are. The lines about refusals are held to a rate for each
 * reason, so that a flood of one hides no other.
 */
#include "server/endpoints/ask.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <urcu-bp.h>

#include "authn/verification_share.h"

/* After a start every token is new, and when many come at once, they come from many who log in.
 * With this a worker verifies 4,000 a second of ES256, or 17,000 of RS256; and 150, or 600, at
 * once. */
static const struct share_limit all_verifications = { .percent = 30, .burst_ns = 10000000 };

/* Of the dearest keys (ES384: 533 µs) three, and 57 a second, of ES256 600. It is a compromise:
 * each holds up whoever comes to the worker meanwhile, and what is left to them is what tokens that
 * are really new get of the time when others are made up. With 5,000 of the dearest a second, the
 * 99th percentile of others went from about 0.1 ms to 0.3-0.6 at 1 %, 0.6 at 3 % and 0.8 at 10 %
 * (two workers, 3,600 questions a second, a machine that others used, too). */
static const struct share_limit verifications_in_vain = { .percent = 3, .burst_ns = 1600000 };

/* Of one worker. */
struct ask_shard {
    struct review_metrics metrics;
    struct scratch scratch; /* owns; of the one question that is being answered */
    struct verification_share share;
    struct log_limit limits[STATUS_COUNT_]; /* one per reason of refusal */
};

struct ask {
    const struct authenticator *authenticator;
    struct waiting *waiting;
    unsigned shard_count;
    struct ask_shard shards[]; /* by struct shard.index */
};

/* A question that waits, the state of its request. */
struct held {
    struct waiter waiter;    /* first: that is how it comes back */
    struct pending *pending; /* its resumer's share */
    struct inquiry inquiry;
    struct span audiences[]; /* of the question, whose own array was its asker's */
};

enum status ask_new(const struct ask_options *options, struct ask **ret_ask)
{
    const size_t size = sizeof(struct ask) + options->shard_count * sizeof(struct ask_shard);
    struct ask *ask = aligned_alloc(_Alignof(struct ask), size);
    if (!ask) {
        return ST_NOMEM;
    }
    memset(ask, 0, size);
    ask->authenticator = options->authenticator;
    ask->waiting = options->waiting;
    ask->shard_count = options->shard_count;
    for (unsigned i = 0; i < options->shard_count; i++) {
        struct ask_shard *shard = &ask->shards[i];
        const enum status status =
            scratch_init(&shard->scratch, authenticator_scratch_bytes(options->authenticator));
        if (status != ST_OK) {
            (void)ask_free(ask);
            return status;
        }
        verification_share_init(&shard->share, options->clock, all_verifications,
                                verifications_in_vain);
    }
    *ret_ask = ask;
    return ST_OK;
}

struct ask *ask_free(struct ask *ask)
{
    for (unsigned i = 0; ask && i < ask->shard_count; i++) {
        scratch_fini(&ask->shards[i].scratch);
    }
    free(ask);
    return NULL;
}

static void log_refusal(struct shard *shard, struct log_limit *limit, const struct inquiry *inquiry)
{
    const struct decision *decision = &inquiry->decision;
    const struct question *question = &inquiry->question;
    uint64_t dropped = 0;
    if (!shard_may_log(shard, limit, &dropped)) {
        return;
    }
    struct log_field fields[7] = {
        LOG_TEXT("result", decision_result_label(decision->result)),
        LOG_TEXT("reason", status_label(decision->why)),
        LOG_TEXT("authenticator", authenticator_label(decision->authenticator)),
    };
    size_t count = 3;
    if (decision->token_id.len) {
        fields[count++] = LOG_PEER("tokenID", decision->token_id);
    }
    if (decision->why == ST_AUDIENCE_MISMATCH && question->audience_count) {
        fields[count++] = LOG_PEER("firstAudience", question->audiences[0]);
    }
    if (dropped) {
        fields[count++] = LOG_INT("dropped", dropped);
    }
    log_event(shard->log, LOG_INFO, inquiry->words->refused, fields); /* zeroes end the list */
}

static void log_acceptance(const struct shard *shard, const struct inquiry *inquiry)
{
    const struct decision *decision = &inquiry->decision;
    if (log_is_enabled(shard->log, 5)) {
        log_event_v(
            shard->log, 5, inquiry->words->accepted,
            LOG_FIELDS(LOG_TEXT("authenticator", authenticator_label(decision->authenticator)),
                       LOG_PEER("user", decision->user.name)));
    }
}

void ask_begin(struct ask *ask, struct shard *shard, struct inquiry *inquiry)
{
    struct ask_shard *own = &ask->shards[shard->index];
    inquiry->question.scratch = own->scratch;
    inquiry->question.share = &own->share;
    inquiry->question.may_wait = ask->waiting != NULL;
    if (ask->waiting) {
        inquiry->seen = waiting_now(ask->waiting);
    }
    rcu_read_lock();
    authenticator_decide(ask->authenticator, &inquiry->question, &inquiry->decision);
    if (inquiry->decision.result == DECISION_ALLOW) {
        log_acceptance(shard, inquiry);
    }
}

/* ------------------------------------------------------------------ waiting */

/* On the loop, which looks at nothing else of it. */
static void resume(struct waiter *waiter)
{
    struct held *held = (struct held *)(void *)((char *)waiter - offsetof(struct held, waiter));
    pending_resume(held->pending);
}

/* Has it waited as long as such a question may, or does it begin only now? @ret_deadline_ns: until
 * when it may. */
static bool may_wait_on(const struct inquiry *inquiry, int64_t now_ns, int64_t *ret_deadline_ns)
{
    switch (inquiry->decision.wait.kind) {
    case WAIT_OBJECT:
        *ret_deadline_ns =
            inquiry->objects_late_ns ? inquiry->objects_late_ns : now_ns + WAITING_OBJECT_NS;
        return now_ns < *ret_deadline_ns;
    case WAIT_KEYS:
        *ret_deadline_ns = now_ns + WAITING_KEYS_NS;
        return !inquiry->has_sought_keys;
    case WAIT_NOTHING:
        break;
    }
    return false;
}

static struct held *hold(const struct inquiry *inquiry, int64_t deadline_ns)
{
    const struct question *question = &inquiry->question;
    struct held *held =
        calloc(1, sizeof(*held) + question->audience_count * sizeof(held->audiences[0]));
    if (!held) {
        return NULL;
    }
    held->waiter = (struct waiter){
        .family = inquiry->decision.authenticator,
        .wait = inquiry->decision.wait,
        .seen = inquiry->seen,
        .deadline_ns = deadline_ns,
        .resume = resume,
    };
    held->inquiry = *inquiry;
    held->inquiry.decision = (struct decision){ 0 }; /* what it points at goes now */
    if (question->audience_count > 0) {
        memcpy(held->audiences, question->audiences,
               question->audience_count * sizeof(held->audiences[0]));
    }
    held->inquiry.question.audiences = held->audiences;
    if (inquiry->decision.wait.kind == WAIT_OBJECT) {
        held->inquiry.objects_late_ns = deadline_ns;
    } else {
        held->inquiry.has_sought_keys = true;
    }
    return held;
}

bool ask_suspend(struct ask *ask, struct request *request, const struct inquiry *inquiry)
{
    const struct decision *decision = &inquiry->decision;
    if (decision->wait.kind == WAIT_NOTHING) {
        return false; /* nearly always */
    }
    int64_t deadline_ns;
    if (!may_wait_on(inquiry, clock_monotonic_ns(&request->shard->clock), &deadline_ns) ||
        !waiting_reserve(ask->waiting, decision->authenticator, &decision->wait)) {
        return false;
    }
    struct held *held = hold(inquiry, deadline_ns);
    struct pending *pending = held ? request_suspend(request, held, free) : NULL;
    if (!pending) {
        waiting_release(ask->waiting, decision->authenticator, &decision->wait);
        return false;
    }
    held->pending = pending;
    rcu_read_unlock();
    scratch_wipe(&ask->shards[request->shard->index].scratch);
    waiting_add(ask->waiting, &held->waiter); /* it may be resumed from now on */
    return true;
}

struct inquiry *ask_resumed(const struct request *request)
{
    struct held *held = request->state;
    if (!held) {
        return NULL;
    }
    struct question *question = &held->inquiry.question;
    question->now = clock_now(&request->shard->clock);
    question->is_asked_again = true;
    question->conclusive_sources |= held->waiter.conclusive_sources;
    if (held->waiter.is_late && held->waiter.wait.kind == WAIT_OBJECT) {
        held->inquiry.objects_late_ns = INT64_MIN; /* whatever this clock says */
    }
    return &held->inquiry;
}

/* ------------------------------------------------------------------ the end */

static enum standing count_and_log(struct ask_shard *own,
                                   struct shard *shard,
                                   const struct inquiry *inquiry)
{
    if (inquiry->decision.is_unready) {
        return STANDING_STRANGER;
    }
    review_metrics_count(&own->metrics, &inquiry->decision,
                         clock_monotonic_ns(&shard->clock) - inquiry->started_ns);
    if (inquiry->decision.result == DECISION_ALLOW) {
        return STANDING_KNOWN;
    }
    /* borrows from the question and the scratch, no longer from the cache */
    log_refusal(shard, &own->limits[inquiry->decision.why], inquiry);
    return STANDING_REFUSED;
}

enum standing ask_end(struct ask *ask, struct shard *shard, const struct inquiry *inquiry)
{
    struct ask_shard *own = &ask->shards[shard->index];
    rcu_read_unlock();
    const enum standing standing = count_and_log(own, shard, inquiry);
    scratch_wipe(&own->scratch);
    return standing;
}

void ask_tell_held_back(struct ask *ask, struct shard *shard, const char *message)
{
    struct ask_shard *own = &ask->shards[shard->index];
    for (enum status why = 0; why < STATUS_COUNT_; why++) {
        shard_tell_held_back(shard, &own->limits[why], message, status_label(why));
    }
}

const struct review_metrics *ask_metrics(const struct ask *ask, unsigned shard)
{
    return &ask->shards[shard].metrics;
}
