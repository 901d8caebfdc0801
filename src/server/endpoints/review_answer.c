/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TokenReview to question, and decision to TokenReview answer.
 *
 * Three answers exist and they must not blur: yes (user and audiences), no (nothing, so that
 * kube-apiserver may cache it) and not known (an error text, so that it may not). A field that does
 * not belong to the answer stays zero even when the decision carries something there: a refused
 * user must not leak, and an error next to a yes would be dropped by kube-apiserver silently.
 * No threads, no state.
 */
#include "server/endpoints/review_answer.h"

void review_question_from(const struct token_review *review,
                          struct instant now,
                          struct question *ret_question)
{
    *ret_question = (struct question){
        .token = review->token,
        /* kube-apiserver means the same by absent, null and [] (audagnostic.go asks for len > 0) */
        .has_audiences = review->audience_count != 0,
        .audiences = review->audiences,
        .audience_count = review->audience_count,
        .now = now,
        .waits_for_sync = true,
    };
}

static void answer_user(const struct user *user, struct token_review_answer *answer)
{
    if (!user->is_rendered_late) {
        answer->user_head = user->json_head;
        answer->user_tail = user->groups->json;
        return;
    }
    answer->user = (struct user_info){
        .username = user->name,
        .uid = user->uid,
        .groups = user->groups->names,
        .group_count = user->groups->count,
        .extras = user->extras,
        .extra_count = user->extra_count,
    };
}

void review_answer_from_decision(const struct decision *decision,
                                 const struct question *question,
                                 struct token_review_answer *ret_answer)
{
    *ret_answer = (struct token_review_answer){ 0 };
    switch (decision->result) {
    case DECISION_ALLOW:
        ret_answer->authenticated = true;
        answer_user(&decision->user, ret_answer);
        ret_answer->audiences = question->audiences;
        ret_answer->audience_count = question->audience_count;
        ret_answer->granted = &decision->granted;
        break;
    case DECISION_ERROR:
        ret_answer->error = decision->error;
        break;
    case DECISION_DENY:
    case DECISION_RESULT_COUNT_:
        break;
    }
}
