/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* `review -o explain`: what was checked, in order, and why the answer is what it is. */
#include "authn/verdict.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"

/** One listing while it is written. All-zero but for buf is the start. */
struct review_explain {
    struct buf *buf;                     /* borrows */
    bool is_titled;                      /* a heading has been written */
    enum authenticator_id authenticator; /* whose checks stand last */
};

/** review_explain_check() - append one check; an explain_fn, @ctx is a struct review_explain */
explain_fn review_explain_check;

/** review_explain_decision() - append the answer: "answer: no (cacheable): token_expired: …" */
void review_explain_decision(struct review_explain *explain,
                             const struct decision *decision,
                             const struct question *question) NONNULL(1, 2, 3);

/** review_explain_printable() - append peer text with all but printable ASCII as \xNN: it goes to a
 * terminal */
void review_explain_printable(struct buf *buf, struct span text) NONNULL(1);
