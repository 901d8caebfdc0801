/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking and counting.
 *
 * Threats: the token is a secret even when it is wrong (it may be another system's), so neither
 * token nor audiences are logged as they are. The lines about refusals are held to a rate for each
 * reason, so that a flood of one hides no other.
 */
#include "server/endpoints/ask.h"

#include <stdlib.h>
#include <string.h>

#include <urcu-bp.h>

/* Of one worker. */
struct ask_shard {
    struct review_metrics metrics;
    struct scratch scratch;                 /* owns; of the one question that is being answered */
    struct log_limit limits[STATUS_COUNT_]; /* one per reason of refusal */
};

struct ask {
    const struct authenticator *authenticator;
    unsigned shard_count;
    struct ask_shard shards[]; /* by struct shard.index */
};

enum status ask_new(const struct authenticator *authenticator,
                    unsigned shard_count,
                    struct ask **ret_ask)
{
    const size_t size = sizeof(struct ask) + shard_count * sizeof(struct ask_shard);
    struct ask *ask = aligned_alloc(_Alignof(struct ask), size);
    if (!ask) {
        return ST_NOMEM;
    }
    memset(ask, 0, size);
    ask->authenticator = authenticator;
    ask->shard_count = shard_count;
    for (unsigned i = 0; i < shard_count; i++) {
        const size_t scratch_bytes = authenticator_scratch_bytes(authenticator);
        const enum status status = scratch_init(&ask->shards[i].scratch, scratch_bytes);
        if (status != ST_OK) {
            (void)ask_free(ask);
            return status;
        }
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

void ask_begin(const struct ask *ask, struct shard *shard, struct inquiry *inquiry)
{
    inquiry->question.scratch = ask->shards[shard->index].scratch;
    rcu_read_lock();
    authenticator_decide(ask->authenticator, &inquiry->question, &inquiry->decision);
    if (inquiry->decision.result == DECISION_ALLOW) {
        log_acceptance(shard, inquiry);
    }
}

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
