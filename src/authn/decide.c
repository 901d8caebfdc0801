/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From verdict to decision.
 *
 * Threat: a yes by accident. So the answer starts as all-zero, which denies, allow is set in one
 * line, and a verdict that is not whole (accepted without a name, or with a reason for refusing, or
 * by nobody) becomes an error of ours instead of a yes.
 *
 * Threat: texts that tell too much. Whoever holds a token may learn that it is not known yet or
 * that we cannot answer now, and nothing else: which check failed goes to the operator
 * (decision.why), never into status.error.
 *
 * Threads: pure functions.
 */
#include "authn/decide.h"

static bool is_rendered(const struct user *user)
{
    return user->json_head.len > 0 && user->groups->json.len > 0;
}

static bool is_whole(const struct verdict *verdict, bool has_audiences)
{
    return verdict->why == ST_OK && (!has_audiences || !audience_set_is_empty(&verdict->granted)) &&
           verdict->authenticator != AUTHENTICATOR_NONE && verdict->user.name.len > 0 &&
           verdict->user.groups && (verdict->user.is_rendered_late || is_rendered(&verdict->user));
}

static struct span error_text(enum status why)
{
    if (why == ST_TOKEN_ID_UNKNOWN) {
        return SPAN_LITERAL("token not known (yet)");
    }
    if (status_fault(why) == FAULT_UPSTREAM) {
        return SPAN_LITERAL("not ready to answer, ask again");
    }
    return SPAN_LITERAL("internal error");
}

static enum decision_result result_of_refusal(enum status why, enum unknown_token_answer unknown)
{
    if (why == ST_TOKEN_ID_UNKNOWN) {
        return unknown == UNKNOWN_TOKEN_REFUSE ? DECISION_DENY : DECISION_ERROR;
    }
    return status_fault(why) == FAULT_PEER ? DECISION_DENY : DECISION_ERROR;
}

void decide_verdict(const struct verdict *verdict,
                    enum unknown_token_answer unknown,
                    bool has_audiences,
                    struct decision *ret_decision)
{
    *ret_decision = (struct decision){
        .authenticator = verdict->authenticator,
        .reason_text = status_text(ST_OK),
        .token_id = verdict->token_id,
    };
    if (verdict->accepted && is_whole(verdict, has_audiences)) {
        ret_decision->result = DECISION_ALLOW;
        ret_decision->user = verdict->user;
        ret_decision->granted = verdict->granted;
        return;
    }
    /* accepted but not whole, or refused without a reason: a bug of ours, and never a yes */
    const bool broken = verdict->accepted || verdict->why == ST_OK;
    ret_decision->why = broken ? ST_INTERNAL : verdict->why;
    ret_decision->is_unready = ret_decision->why == ST_NOT_SYNCED && verdict->is_unready;
    ret_decision->reason_text =
        verdict->reason_text && !broken ? verdict->reason_text : status_text(ret_decision->why);
    ret_decision->result = result_of_refusal(ret_decision->why, unknown);
    if (ret_decision->result == DECISION_ERROR) {
        ret_decision->error = error_text(ret_decision->why);
        if (!broken) {
            ret_decision->wait = verdict->wait;
        }
    }
}
