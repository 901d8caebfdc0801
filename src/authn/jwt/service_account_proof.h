/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The first time that a token is seen: parsed, its signature tried with the issuer's keys, its
 * claims decoded. What comes of it stays true and may be kept; whether the token is good now is for
 * service_account_checks.h.
 *
 * Threads: pure functions on the caller's memory, but for what the share of time is charged.
 */
#include <stdint.h>

#include "authn/jwt/key_book.h"
#include "authn/jwt/service_account_claims.h"
#include "authn/token_family.h"
#include "authn/verdict.h"
#include "base/compiler.h"

/* Signatures that are tried with the keys of one source. A token names its key, and a set has each
 * name once or twice; one without a name is tried with all, and issuers of such have a few. By
 * source, so that none can fill up another's. */
#define PROOF_TRIES_OF_SOURCE_MAX 16

/** A token and with what to prove it. All of it borrows. */
struct proof_task {
    const struct question *question;
    enum authenticator_id family;
    const struct span *pieces; /* of jws_split(): by enum jws_piece */
    const struct key_page *page;
    const struct key_issuer *issuer; /* that the token claims to be of */
    char *room;                      /* as many bytes as the token has */
    size_t room_len;
    struct span *audiences; /* SERVICE_ACCOUNT_AUDIENCES_MAX of room */
};

struct proof {
    const struct key_entry *key;          /* that made the signature; borrows the page */
    struct service_account_claims claims; /* borrow the task's rooms */
    uint64_t waits_for; /* of ST_KEYS_UNAVAILABLE: sources whose keys may make it another answer, a
                           bit each */
};

/**
 * service_account_prove() - is the token signed by whom it claims to be from, and what does it say?
 * @ret_proof: key and claims on ST_OK only
 *
 * Return: ST_OK; what jws_parse() and service_account_claims_decode() return;
 * ST_ALGORITHM_NOT_ALLOWED, ST_SIGNATURE_INVALID: of each key that the token may mean, and no
 * source may have another; ST_KEY_UNKNOWN: it means none, and no source may have one;
 * ST_KEYS_UNAVAILABLE: one may; ST_VERIFICATION_BUSY: no share of time is left, or more than
 * PROOF_TRIES_OF_SOURCE_MAX would have to be tried; ST_NOMEM, ST_INTERNAL: OpenSSL could not say.
 */
enum status service_account_prove(const struct proof_task *task, struct proof *ret_proof) NODISCARD
    NONNULL(1, 2);
