/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The signature algorithms that are known here (RFC 7518 section 3.1), as one table.
 *
 * `none` and those of HMAC are not among them, so nothing can ask for them. Neither is EdDSA:
 * kube-apiserver takes it nowhere.
 */
#include <stdbool.h>

#include "base/span.h"

enum jws_algorithm {
    JWS_ALGORITHM_NONE = 0, /* none that is known; verifies nothing */
    JWS_RS256,
    JWS_RS384,
    JWS_RS512,
    JWS_PS256,
    JWS_PS384,
    JWS_PS512,
    JWS_ES256, /* on P-256 only */
    JWS_ES384, /* on P-384 only */
    JWS_ES512, /* on P-521 only */
    JWS_ALGORITHM_COUNT_
};

/** jws_algorithm_from_name() - case counts. Return: JWS_ALGORITHM_NONE when there is no such one */
enum jws_algorithm jws_algorithm_from_name(struct span name);

/** jws_algorithm_name() - as the `alg` of a header has it; static storage; "" for
 * JWS_ALGORITHM_NONE */
struct span jws_algorithm_name(enum jws_algorithm algorithm);

/** The numbers of a signature algorithm. */
struct jws_algorithm_traits {
    const char *digest;  /* OpenSSL's name; NULL for JWS_ALGORITHM_NONE */
    const char *curve;   /* OpenSSL's name; NULL: it is one of RSA */
    unsigned digest_len; /* bytes */
    unsigned half_len;   /* bytes of each of r and s; 0: it is one of RSA */
    bool is_pss;         /* RSASSA-PSS, otherwise RSASSA-PKCS1-v1_5 */
};

/** jws_algorithm_traits() - static storage, never NULL; all-zero for JWS_ALGORITHM_NONE */
const struct jws_algorithm_traits *jws_algorithm_traits(enum jws_algorithm algorithm);
