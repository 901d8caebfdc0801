/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for bootstrap tokens, one row each.
 *
 * One table serves three uses, so that they cannot drift apart: requests (first refusal wins), the
 * operator's `explain` (the list up to the refusal), and the judgement on a Secret when it arrives
 * (would it refuse even the right secret, for ever?).
 *
 * Threat: an answer that takes longer or shorter tells which check failed. Every row runs on every
 * question, also behind the first refusal and for unknown IDs (against the dummy).
 *
 * Order is Kubernetes' (bootstrap.go), because the reason is told to the operator. It has no effect
 * on the answer: every refusal but the unknown ID is the same plain "no".
 *
 * Threads: pure functions over a credential that never changes.
 */
#include "authn/bootstrap_checks.h"

#include <stdio.h>

#include "authn/explain.h"
#include "base/rfc3339.h"

typedef enum status check_fn(const struct bootstrap_evidence *evidence);

static enum status check_found(const struct bootstrap_evidence *evidence)
{
    if (evidence->is_known) {
        return ST_OK;
    }
    return evidence->is_synced ? ST_TOKEN_ID_UNKNOWN : ST_NOT_SYNCED;
}

static enum status check_live(const struct bootstrap_evidence *evidence)
{
    return evidence->credential->is_live ? ST_OK : ST_SECRET_BEING_DELETED;
}

static enum status check_type(const struct bootstrap_evidence *evidence)
{
    return evidence->credential->is_bootstrap_type ? ST_OK : ST_SECRET_WRONG_TYPE;
}

static enum status check_data(const struct bootstrap_evidence *evidence)
{
    return evidence->credential->has_data ? ST_OK : ST_SECRET_NO_DATA;
}

static enum status check_secret(const struct bootstrap_evidence *evidence)
{
    return evidence->secret_matches ? ST_OK : ST_TOKEN_SECRET_MISMATCH;
}

static enum status check_id(const struct bootstrap_evidence *evidence)
{
    return evidence->credential->id_matches ? ST_OK : ST_TOKEN_ID_MISMATCH;
}

static enum status check_expiration_valid(const struct bootstrap_evidence *evidence)
{
    const bool valid = evidence->credential->expiry != CREDENTIAL_EXPIRY_INVALID;
    return valid ? ST_OK : ST_EXPIRATION_INVALID;
}

static enum status check_not_expired(const struct bootstrap_evidence *evidence)
{
    /* expired iff expires - now <= 0 (util/secrets GetExpiration): at the very instant, it is */
    const bool expired = evidence->credential->expiry == CREDENTIAL_EXPIRES &&
                         instant_compare(evidence->now, evidence->credential->expires) >= 0;
    return expired ? ST_TOKEN_EXPIRED : ST_OK;
}

static enum status check_usage(const struct bootstrap_evidence *evidence)
{
    return evidence->credential->may_authenticate ? ST_OK : ST_USAGE_NOT_ALLOWED;
}

static enum status check_groups(const struct bootstrap_evidence *evidence)
{
    return evidence->credential->groups ? ST_OK : ST_GROUPS_INVALID;
}

/* clang-format off */
static const struct {
    check_fn *run;
    const char *text;
} checks[] = {
    { check_found,            "Secret bootstrap-token-<token id> exists in namespace kube-system" },
    { check_live,             "the Secret is not being deleted" },
    { check_type,             "the Secret is of type bootstrap.kubernetes.io/token" },
    { check_data,             "the Secret has data" },
    { check_secret,           "the token secret is data.token-secret" },
    { check_id,               "data.token-id is the token ID" },
    { check_expiration_valid, "data.expiration is absent or RFC 3339" },
    { check_not_expired,      "the token has not expired" },
    { check_usage,            "data.usage-bootstrap-authentication is \"true\"" },
    { check_groups,           "every group in data.auth-extra-groups is valid" },
};
/* clang-format on */

static void explain_found(const struct bootstrap_evidence *evidence,
                          const struct question *question,
                          const char *text,
                          enum status status)
{
    explain_check(question, AUTHENTICATOR_BOOTSTRAP, text, status == ST_OK, "%s%.*s%s",
                  BOOTSTRAP_SECRET_NAMESPACE "/" BOOTSTRAP_SECRET_NAME_PREFIX,
                  (int)evidence->id.len, evidence->id.at,
                  status == ST_NOT_SYNCED ? ", and not every Secret has been read yet" : "");
}

static void explain_not_expired(const struct bootstrap_evidence *evidence,
                                const struct question *question,
                                const char *text,
                                enum status status)
{
    char expires[RFC3339_MAX] = "never";
    char now[RFC3339_MAX];
    if (evidence->credential->expiry == CREDENTIAL_EXPIRES) {
        rfc3339_format(evidence->credential->expires, expires);
    }
    rfc3339_format(evidence->now, now);
    explain_check(question, AUTHENTICATOR_BOOTSTRAP, text, status == ST_OK,
                  "expires %s, asked as of %s", expires, now);
}

static void explain_row(size_t row,
                        const struct bootstrap_evidence *evidence,
                        const struct question *question,
                        enum status status)
{
    if (checks[row].run == check_found) {
        explain_found(evidence, question, checks[row].text, status);
    } else if (checks[row].run == check_not_expired) {
        explain_not_expired(evidence, question, checks[row].text, status);
    } else {
        explain_check(question, AUTHENTICATOR_BOOTSTRAP, checks[row].text, status == ST_OK, "%s",
                      "");
    }
}

enum status bootstrap_checks_run(const struct bootstrap_evidence *evidence,
                                 const struct question *question)
{
    enum status first = ST_OK;
    for (size_t row = 0; row < COUNTOF(checks); row++) {
        const enum status status = checks[row].run(evidence);
        if (first != ST_OK) {
            continue; /* the answer stands; the work is done all the same */
        }
        first = status;
        if (question && question->explain) {
            explain_row(row, evidence, question, status);
        }
    }
    return first;
}
