/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a ServiceAccount token says, decoded. Whether any of it is true is for others: the signature
 * (jose/), then authn/jwt/service_account_checks.h.
 *
 * Read as kube-apiserver reads verified claims: names are case-sensitive, null is absent, a member
 * that comes twice is refused in every object that is decoded (the claims themselves, and of a
 * bound token `kubernetes.io` and the references in it), unknown names included, and so is an `iss`
 * in other letters, which its probe for the issuer reads. Dates may have a
 * fraction, which is cut off. Stricter than it: bounds, UTF-8, dates beyond what Go's time can
 * hold.
 *
 * Threads: pure functions on the caller's memory.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authn/jwt/service_account_options.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"

/* Of one token. Projected tokens have one, rarely three; whoever asks for more by TokenRequest may
 * make every answer dear. */
#define SERVICE_ACCOUNT_AUDIENCES_MAX 64

/** A reference to an object by a bound token. */
struct object_ref {
    bool is_present; /* not absent, and not null; it may be empty all the same */
    struct span name;
    struct span uid;
};

/** Texts borrow what was decoded; absent ones are empty. */
struct service_account_claims {
    struct span issuer;
    struct span subject;
    struct span jti;
    const struct span *audiences; /* sorted by audiences_sort() */
    size_t audience_count;        /* 0: the token says nothing of audiences */
    bool is_legacy;
    bool has_exp;
    bool has_nbf;
    bool has_iat;
    int64_t exp; /* seconds since 1970; so far from the ends that a leeway overflows nothing */
    int64_t nbf;
    int64_t iat;
    struct span namespace;
    struct span name; /* of the ServiceAccount */
    struct span uid;
    struct object_ref secret; /* of legacy tokens: without uid */
    struct object_ref pod;
    struct object_ref node;
    bool has_other_binding; /* `kubernetes.io` has an object that is none of these */
};

/**
 * service_account_claims_decode() - the claims of a token
 * @payload:        decoded from base64url; clobbered; the claims borrow it
 * @is_legacy:      the issuer that was probed is SERVICE_ACCOUNT_LEGACY_ISSUER: then
 *                  `kubernetes.io` means nothing, else the members of legacy tokens do
 * @audiences:      room; the claims borrow it
 * @reterr_problem: what was expected, and where in the payload; never a value. May be NULL
 *
 * Return: ST_OK; ST_CLAIMS_MALFORMED. Cost: one pass, no allocation.
 * Source: go-jose v2 jwt.Claims; kubernetes pkg/serviceaccount claims.go, legacy.go
 */
enum status service_account_claims_decode(
    char *payload,
    size_t len,
    bool is_legacy,
    struct span audiences[static SERVICE_ACCOUNT_AUDIENCES_MAX],
    struct service_account_claims *ret_claims,
    struct problem *reterr_problem) NODISCARD NONNULL(1, 4, 5);

/** service_account_claims_size() - bytes of a copy in one block */
size_t service_account_claims_size(const struct service_account_claims *claims) NONNULL(1);

/** service_account_claims_copy() - into @room, service_account_claims_size() bytes, aligned as
 * malloc's. Return: the copy, at the start of @room; all of it lies there, so it must not move */
const struct service_account_claims *service_account_claims_copy(
    const struct service_account_claims *claims, void *room) NONNULL(1, 2);
