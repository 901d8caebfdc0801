/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A public key that verifies signatures.
 *
 * It is immutable and shared, counted by references; any thread may use it and let go of it. What
 * OpenSSL needs to verify is prepared once for each processor that verifies, and kept in the key.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"
#include "jose/jws_algorithm.h"

#define JOSE_THUMBPRINT_BYTES 32

/* RFC 7518 sections 3.3 and 3.5: at least 2048 bits. A verification costs by the square of the
 * bits: 216 microseconds with 8192 of them, 17 with 2048. Nobody is known to use more. */
#define JOSE_RSA_MIN_BITS 2048
#define JOSE_RSA_MAX_BITS 8192

/* RFC 7638, with SHA-256: the same for the same key, wherever it comes from. */
struct jose_thumbprint {
    uint8_t bytes[JOSE_THUMBPRINT_BYTES];
};

struct jose_key;

/** Of what a key is made. */
struct jose_key_parts {
    enum jws_key_kind kind;
    struct span n;             /* borrows; of RSA: modulus, big endian, may begin with zeroes */
    struct span e;             /* borrows; of RSA: exponent, the same */
    struct span x;             /* borrows; of a curve: as many bytes as its field has */
    struct span y;             /* borrows; the same */
    struct span id;            /* borrows: what `kid` finds it by */
    bool takes_kubernetes_id;  /* instead of @id: base64url of SHA-256 over its
                                  SubjectPublicKeyInfo */
    enum jws_algorithm pinned; /* may verify this one only; JWS_ALGORITHM_NONE: all that fit it */
};

/**
 * jose_key_new() - check and prepare
 * @ret_key:         one reference
 * @reterr_expected: static text for people, follows "expected "; only with ST_INVALID
 *
 * What is weak is refused by its sizes, before anything is computed with it. Return: ST_OK;
 * ST_INVALID: weak, or no key at all; ST_NOMEM; ST_INTERNAL
 */
enum status jose_key_new(const struct jose_key_parts *parts,
                         struct jose_key **ret_key,
                         const char **reterr_expected) NODISCARD NONNULL(1, 2, 3);

/** jose_key_ref() - one reference more. Return: @key */
struct jose_key *jose_key_ref(struct jose_key *key) NONNULL(1);

/** jose_key_unref() - one reference less, the last one frees; NULL is fine. Return: NULL */
struct jose_key *jose_key_unref(struct jose_key *key);

/** jose_key_id() - what `kid` finds it by: a JWK's own, of PEM Kubernetes' key ID; empty: none.
 * Borrows the key; of a JWK it may hold any byte */
struct span jose_key_id(const struct jose_key *key) NONNULL(1);

/** jose_key_thumbprint() - borrows the key */
const struct jose_thumbprint *jose_key_thumbprint(const struct jose_key *key) NONNULL(1);

/** jose_thumbprint_equal() - the same key? Thumbprints are no secrets */
bool jose_thumbprint_equal(const struct jose_thumbprint *a, const struct jose_thumbprint *b)
    NONNULL(1, 2);

/** jose_key_may_verify() - is @algorithm one for this key? Its kind, curve and pinned algorithm
 * decide: a curve has one algorithm (RFC 7518 section 3.4; kube-apiserver does not ask) */
bool jose_key_may_verify(const struct jose_key *key, enum jws_algorithm algorithm) NONNULL(1);

/** jose_key_is_same() - do both verify the same under the same `kid`? */
bool jose_key_is_same(const struct jose_key *a, const struct jose_key *b) NONNULL(1, 2);

/**
 * jose_key_verify() - has the owner of @key signed @signing_input?
 * @signature: as a JWS has it, r and s of a curve side by side
 *
 * Return: ST_OK; ST_ALGORITHM_NOT_ALLOWED; ST_SIGNATURE_INVALID; ST_NOMEM, ST_INTERNAL: it could
 * not be told. Threads: any, at the same time; none waits for another. Leaves OpenSSL's queue of
 * errors empty.
 * Source: RFC 7515 section 5.2, RFC 7518 sections 3.3 to 3.5 (a salt of PSS is as long as the hash;
 * kube-apiserver takes any).
 */
enum status jose_key_verify(const struct jose_key *key,
                            enum jws_algorithm algorithm,
                            struct span signing_input,
                            struct span signature) NODISCARD NONNULL(1);
