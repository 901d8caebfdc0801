/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* TokenReview to question, decision to TokenReview: the one place for the server and for `review`,
 * so that what the operator is shown offline is what kube-apiserver would be told. */
#include "authn/verdict.h"
#include "base/compiler.h"
#include "kube/token_review.h"

/**
 * review_question_from() - what a parsed TokenReview asks
 * @review:       borrowed by *@ret_question
 * @now:          the instant to ask about
 * @ret_question: written completely; nobody listens to explanations, and there is no scratch. It
 *                waits for the sync, since kube-apiserver may remember a no, and asks again what
 *                was not ready
 */
void review_question_from(const struct token_review *review,
                          struct instant now,
                          struct question *ret_question) NONNULL(1, 3);

/**
 * review_answer_from_decision() - what to send for @decision about @question
 * @decision:   what it points at must live as long as *@ret_answer is used (RCU read section)
 * @question:   its audiences are borrowed likewise
 * @ret_answer: written completely; borrows from both
 *
 * Only DECISION_ALLOW authenticates; only then are user and audiences set. Only DECISION_ERROR has
 * an error text: a refusal without one is what kube-apiserver may cache. Never fails, never
 * allocates.
 */
void review_answer_from_decision(const struct decision *decision,
                                 const struct question *question,
                                 struct token_review_answer *ret_answer) NONNULL(1, 2, 3);
