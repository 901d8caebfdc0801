/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Every outcome the project distinguishes, as one closed set.
 *
 * A row gives the enumerator, the label (metrics and logs; stable, lower_snake), who is to blame
 * and a sentence for the operator, which holds for whoever gives the reason: a family of tokens has
 * words of its own where it can say more (token_family_reason_text()), under the same label.
 * authn/decide.c turns the blame into an answer: FAULT_PEER is "no" (cacheable), FAULT_UPSTREAM and
 * FAULT_SELF are "we could not answer" (status.error, not cacheable). Nothing else makes that
 * choice.
 */

enum fault {
    FAULT_NONE = 0, /* nobody: it went well */
    FAULT_PEER,     /* who asked, or the object asked about */
    FAULT_UPSTREAM, /* what we depend on has not told us (yet) */
    FAULT_SELF,     /* us: memory, disk, a bug */
};

/* clang-format off */
#define STATUS_TABLE(X)                                                                                          \
    X(ST_OK,                    "ok",                     FAULT_NONE,     "success")                             \
    /* general */                                                                                                \
    X(ST_NOMEM,                 "no_memory",              FAULT_SELF,     "out of memory")                       \
    X(ST_IO,                    "io_error",               FAULT_SELF,     "input or output failed")              \
    X(ST_INTERNAL,              "internal",               FAULT_SELF,     "internal error")                      \
    X(ST_NOT_FOUND,             "not_found",              FAULT_PEER,     "not found")                           \
    X(ST_NOT_SYNCED,            "not_synced",             FAULT_UPSTREAM, "the first synchronization of Secrets is not complete") \
    X(ST_CONFLICT,              "conflict",               FAULT_PEER,     "the object was changed by someone else") \
    X(ST_EXISTS,                "already_exists",         FAULT_PEER,     "an object of this name exists already") \
    X(ST_FORBIDDEN,             "forbidden",              FAULT_UPSTREAM, "the API server does not allow it")    \
    X(ST_UNAVAILABLE,           "unavailable",            FAULT_UPSTREAM, "the server cannot be reached or does not answer as it should") \
    X(ST_TIMEOUT,               "timeout",                FAULT_UPSTREAM, "the server did not answer in time")   \
    X(ST_GONE,                  "gone",                   FAULT_UPSTREAM, "the resourceVersion is too old, the list must be read anew") \
    X(ST_UNSETTLED,             "unsettled",              FAULT_UPSTREAM, "the file is still being written")     \
    X(ST_UNSAFE,                "unsafe",                 FAULT_PEER,     "others than those who are trusted with it can change it") \
    /* input */                                                                                                  \
    X(ST_SYNTAX,                "malformed",              FAULT_PEER,     "the text is not well-formed")         \
    X(ST_TYPE,                  "wrong_type",             FAULT_PEER,     "a member has the wrong type")         \
    X(ST_DUPLICATE,             "duplicate",              FAULT_PEER,     "a key appears twice")                 \
    X(ST_LIMIT,                 "too_large",              FAULT_PEER,     "a limit was exceeded")                \
    X(ST_INVALID,               "invalid",                FAULT_PEER,     "a value is not valid")                \
    X(ST_UNSUPPORTED,           "unsupported",            FAULT_PEER,     "not supported")                       \
    X(ST_WRONG_KIND,            "wrong_kind",             FAULT_PEER,     "not a TokenReview of a known apiVersion") \
    /* tokens: why an authenticator said no */                                                                   \
    X(ST_TOKEN_EMPTY,           "empty_token",            FAULT_PEER,     "spec.token is empty")                 \
    X(ST_TOKEN_TOO_LONG,        "token_too_long",         FAULT_PEER,     "longer than any token that could be accepted") \
    X(ST_TOKEN_UNRECOGNIZED,    "unrecognized_token",     FAULT_PEER,     "not of the form of any known token")  \
    X(ST_AUDIENCE_MISMATCH,     "audience_mismatch",      FAULT_PEER,     "the token is for none of the audiences asked for") \
    X(ST_TOKEN_ID_UNKNOWN,      "unknown_token_id",       FAULT_UPSTREAM, "the token's ID is not known (yet)") \
    X(ST_SECRET_BEING_DELETED,  "secret_being_deleted",   FAULT_PEER,     "the Secret has a deletionTimestamp")  \
    X(ST_SECRET_WRONG_TYPE,     "secret_wrong_type",      FAULT_PEER,     "the Secret is not of the type that a token's is") \
    X(ST_SECRET_NO_DATA,        "secret_no_data",         FAULT_PEER,     "the Secret has no data")              \
    X(ST_TOKEN_SECRET_MISMATCH, "token_secret_mismatch",  FAULT_PEER,     "the token secret is wrong")           \
    X(ST_TOKEN_ID_MISMATCH,     "token_id_mismatch",      FAULT_PEER,     "the object's own ID is not the token's") \
    X(ST_TOKEN_EXPIRED,         "token_expired",          FAULT_PEER,     "the token has expired")      \
    X(ST_EXPIRATION_INVALID,    "expiration_invalid",     FAULT_PEER,     "the expiration cannot be read, so the token counts as expired") \
    X(ST_USAGE_NOT_ALLOWED,     "usage_not_allowed",      FAULT_PEER,     "the token is not for authentication") \
    X(ST_GROUPS_INVALID,        "groups_invalid",         FAULT_PEER,     "a group is not valid") \
    /* signed tokens (JWS): why one is refused, or cannot be judged (yet) */                                     \
    X(ST_JWS_MALFORMED,         "malformed_jws",          FAULT_PEER,     "the token is no compact JWS that may be read") \
    X(ST_ALGORITHM_NOT_ALLOWED, "algorithm_not_allowed",  FAULT_PEER,     "the token's algorithm is none that its key may verify") \
    X(ST_KEY_UNKNOWN,           "unknown_key",            FAULT_PEER,     "the issuer has no key with the token's key ID") \
    X(ST_KEYS_UNAVAILABLE,      "keys_unavailable",       FAULT_UPSTREAM, "the issuer's keys are not known (yet)") \
    X(ST_SIGNATURE_INVALID,     "invalid_signature",      FAULT_PEER,     "no key of the issuer has made the token's signature") \
    X(ST_VERIFICATION_BUSY,     "verification_busy",      FAULT_UPSTREAM, "tokens that were never seen before have used up their share of time") \
    X(ST_CLAIMS_MALFORMED,      "malformed_claims",       FAULT_PEER,     "the claims are not what they must be") \
    X(ST_CLAIM_MISSING,         "missing_claim",          FAULT_PEER,     "a claim is missing that the token must have") \
    X(ST_SUBJECT_INVALID,       "invalid_subject",        FAULT_PEER,     "the subject is not the one that the other claims name") \
    X(ST_TOKEN_NOT_YET_VALID,   "token_not_yet_valid",    FAULT_UPSTREAM, "the token is not valid yet")      \
    X(ST_TOKEN_FROM_FUTURE,     "token_from_future",      FAULT_UPSTREAM, "the token was issued in the future") \
    X(ST_OBJECT_UNKNOWN,        "unknown_object",         FAULT_PEER,     "an object that the token names does not exist") \
    X(ST_OBJECT_NOT_TOLD,       "object_not_told",        FAULT_UPSTREAM, "an object that the token names has not been told of (yet)") \
    X(ST_OBJECT_DELETED,        "object_deleted",         FAULT_PEER,     "an object that the token names has been deleted") \
    X(ST_OBJECT_UID_MISMATCH,   "object_uid_mismatch",    FAULT_PEER,     "an object that the token names is another one of the same name") \
    X(ST_BINDING_NOT_FOLLOWED,  "binding_not_followed",   FAULT_PEER,     "the token is bound to a kind of object that is not looked up") \
    X(ST_TOKEN_INVALIDATED,     "token_invalidated",      FAULT_PEER,     "the token's Secret is gone or marked as invalid") \
    /* Secrets: why one cannot hold a token at all (metrics, check-config) */                                    \
    X(ST_SECRET_WRONG_NAMESPACE,"secret_wrong_namespace", FAULT_PEER,     "the Secret is not in the namespace where a token's must be") \
    X(ST_SECRET_WRONG_NAME,     "secret_wrong_name",      FAULT_PEER,     "the Secret is not named as a token's must be")
/* clang-format on */

enum status {
#define X(name, label, fault, text) name,
    STATUS_TABLE(X)
#undef X
        STATUS_COUNT_
};

/** status_label() - stable lower_snake name for metrics and logs; static storage, never NULL */
const char *status_label(enum status status);

/** status_text() - one sentence for an operator; static storage, never NULL */
const char *status_text(enum status status);

/** status_fault() - who is to blame */
enum fault status_fault(enum status status);
