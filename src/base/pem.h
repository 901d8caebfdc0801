/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a PEM text is (RFC 7468): by its marks, without decoding it, and by OpenSSL, as libcurl will
 * read it. Nothing of a text is ever said, only what is wrong with it; the words for that are the
 * caller's, who knows where the text came from.
 */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

/** pem_pair_is_swapped() - does each stand where the other should? A text with both marks, or with
 * none, is no sign of that. */
bool pem_pair_is_swapped(struct span certificate, struct span key);

/**
 * pem_check_certificates() - can @pem say whom to trust?
 *
 * Everything in it must be readable, for one broken certificate makes OpenSSL refuse them all.
 * Return: ST_OK: there is a certificate; ST_INVALID; ST_LIMIT: longer than 2 GiB; ST_NOMEM
 */
enum status pem_check_certificates(struct span pem) NODISCARD;

/** The first that is wrong with a certificate and its key. */
enum pem_pair_fault {
    PEM_PAIR_SWAPPED = 0, /* pem_pair_is_swapped() */
    PEM_PAIR_NO_CERTIFICATE,
    PEM_PAIR_NO_KEY, /* or one with a passphrase */
    PEM_PAIR_MISMATCH,
};

/**
 * pem_check_pair() - can whoever sends @certificate sign with @key?
 * @certificate: the first one counts; those that vouch for it may follow
 *
 * An expired one is not refused: whom it is shown to does that. Return: ST_OK; ST_INVALID with
 * @reterr_fault; ST_LIMIT: longer than 2 GiB; ST_NOMEM
 */
enum status pem_check_pair(struct span certificate,
                           struct span key,
                           enum pem_pair_fault *reterr_fault) NODISCARD NONNULL(3);
