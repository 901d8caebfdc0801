/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The checks of a ServiceAccount token whose signature is good, in Kubernetes' order, as tables
 * that decide and explain.
 *
 * Whoever asks looks up what service_account_lookups_of() names, runs the checks, and for
 * ST_OBJECT_NOT_TOLD waits for what service_account_first_untold() names.
 *
 * Threads: pure functions.
 */
#include <stdbool.h>
#include <stdint.h>

#include "authn/jwt/object_index.h"
#include "authn/jwt/service_account_claims.h"
#include "authn/jwt/service_account_policy.h"
#include "authn/verdict.h"
#include "base/compiler.h"

/* Clocks of clusters differ: what go-jose and Kubernetes allow them. Also how long a bound token
 * outlives the deletion of what it is bound to, and how long after a token was made a store may not
 * have been told of what the token names. */
#define SERVICE_ACCOUNT_LEEWAY_SEC 60

enum object_state {
    OBJECT_NOT_LOOKED_UP = 0, /* objects of the kind are not followed */
    OBJECT_MISSING,           /* there is none */
    OBJECT_NOT_TOLD,          /* there may be one that the store has not told of yet */
    OBJECT_FOUND,
};

struct looked_up {
    enum object_state state;
    struct indexed_object object; /* when found */
    bool token_matches;           /* of a legacy token's Secret: it holds this very token; compared
                                     in constant time */
};

/** What there is to judge. */
struct service_account_evidence {
    const struct service_account_claims *claims;
    const struct service_account_policy *policy; /* of the source whose key made the signature */
    enum authenticator_id family;                /* whose checks explain tells them to be */
    struct looked_up account;                    /* what is not looked up stays all-zero */
    struct looked_up secret;
    struct looked_up pod;
    struct looked_up node;
};

/** Which objects must be looked up to judge a token. */
struct service_account_lookups {
    bool account;
    bool secret; /* of a legacy token: object_index_find_token_secret() */
    bool pod;
    bool node;
};

/** service_account_lookups_of() - a reference to a kind that is not followed, and the node beside a
 * pod, are not looked up */
struct service_account_lookups service_account_lookups_of(
    const struct service_account_claims *claims, const struct service_account_policy *policy)
    NONNULL(1, 2);

/**
 * service_account_may_be_untold() - may an object that a token names be there, though the store has
 * not told of it?
 * @last_contact_sec: when the store last knew itself to be up to date, seconds since 1970
 *
 * It was there when the token was made. So not when the store has been up to date later than that,
 * by more than clocks may differ. Of a token that does not say when it was made (no legacy one
 * does) nobody knows: true, and whoever asks bounds it by other means.
 */
bool service_account_may_be_untold(const struct service_account_claims *claims,
                                   int64_t last_contact_sec) NODISCARD NONNULL(1);

/**
 * service_account_checks_run() - every check in order, up to the first that fails
 * @question:    time and audiences; told each check when it wants to be
 * @ret_granted: of the question's audiences; none when it names none: then the token is for one of
 *               --api-audiences
 *
 * Return: ST_OK, or what the first failing check says: ST_TOKEN_UNRECOGNIZED (the issuer is none of
 * the source's, or its legacy tokens are not answered), ST_AUDIENCE_MISMATCH, ST_CLAIM_MISSING,
 * ST_CLAIMS_MALFORMED (no ServiceAccount can be called so), ST_SUBJECT_INVALID,
 * ST_TOKEN_NOT_YET_VALID, ST_TOKEN_EXPIRED, ST_TOKEN_FROM_FUTURE, ST_BINDING_NOT_FOLLOWED,
 * ST_OBJECT_UNKNOWN, ST_OBJECT_NOT_TOLD, ST_OBJECT_UID_MISMATCH, ST_OBJECT_DELETED,
 * ST_TOKEN_SECRET_MISMATCH, ST_TOKEN_INVALIDATED.
 * Cost: no allocation, but to explain.
 * Source: kubernetes pkg/serviceaccount jwt.go, claims.go, legacy.go
 */
enum status service_account_checks_run(const struct service_account_evidence *evidence,
                                       const struct question *question,
                                       struct audience_set *ret_granted) NODISCARD NONNULL(1, 2, 3);

enum service_account_object {
    SERVICE_ACCOUNT_OBJECT_NONE = 0,
    SERVICE_ACCOUNT_OBJECT_ACCOUNT,
    SERVICE_ACCOUNT_OBJECT_SECRET,
    SERVICE_ACCOUNT_OBJECT_POD,
    SERVICE_ACCOUNT_OBJECT_NODE,
};

/** service_account_first_untold() - the object whose check says ST_OBJECT_NOT_TOLD first */
enum service_account_object service_account_first_untold(
    const struct service_account_evidence *evidence) NODISCARD NONNULL(1);
