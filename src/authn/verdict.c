/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of the closed sets of verdict.h. They appear in metrics, logs and `explain`, so they are
 * stable. A value outside its set is a bug of ours; it still gets a label, because a log line is
 * the worst place to crash. */
#include "authn/verdict.h"

static const char *const authenticator_labels[AUTHENTICATOR_COUNT_] = { [AUTHENTICATOR_NONE] =
                                                                            "none",
#define X(name, label, ops) [name] = (label),
                                                                        TOKEN_FAMILY_TABLE(X)
#undef X
};

static const char *const result_labels[DECISION_RESULT_COUNT_] = {
    [DECISION_DENY] = "deny",
    [DECISION_ERROR] = "error",
    [DECISION_ALLOW] = "allow",
};

const char *authenticator_label(enum authenticator_id id)
{
    return (unsigned)id < AUTHENTICATOR_COUNT_ ? authenticator_labels[id] : "unknown";
}

const char *decision_result_label(enum decision_result result)
{
    return (unsigned)result < DECISION_RESULT_COUNT_ ? result_labels[result] : "unknown";
}
