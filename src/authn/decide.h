/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The choke point: the only code that says yes, and the only code that chooses between "no" and
 * "not known". */
#include <stdbool.h>

#include "authn/verdict.h"
#include "base/compiler.h"

/**
 * decide_verdict() - turn what an authenticator concluded into an answer
 * @unknown:       what to say to a token ID that no Secret holds
 * @has_audiences: the question named audiences: one of them at least must have been granted
 *
 * accepted                        -> DECISION_ALLOW
 * refused, FAULT_PEER             -> DECISION_DENY: kube-apiserver may remember it
 * refused, FAULT_UPSTREAM or _SELF -> DECISION_ERROR with a short text: it asks again
 * ST_TOKEN_ID_UNKNOWN             -> DECISION_DENY with UNKNOWN_TOKEN_REFUSE, else DECISION_ERROR
 * a verdict that contradicts itself -> DECISION_ERROR, ST_INTERNAL
 * Only a DECISION_ERROR may wait for something.
 */
void decide_verdict(const struct verdict *verdict,
                    enum unknown_token_answer unknown,
                    bool has_audiences,
                    struct decision *ret_decision) NONNULL(1, 4);
