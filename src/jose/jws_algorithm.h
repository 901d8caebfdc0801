/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The signature algorithms that are known here (RFC 7518 section 3.1), as one table, and the kinds
 * of keys that they go with.
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
    JWS_ES256,
    JWS_ES384,
    JWS_ES512,
    JWS_ALGORITHM_COUNT_
};

enum jws_key_kind {
    JWS_KEY_NONE = 0, /* none that is known; verifies nothing */
    JWS_KEY_RSA,
    JWS_KEY_P256,
    JWS_KEY_P384,
    JWS_KEY_P521,
    JWS_KEY_KIND_COUNT_
};

/** What there is to know of an algorithm. */
struct jws_algorithm_traits {
    struct span name;       /* as the `alg` of a header has it */
    const char *digest;     /* OpenSSL's name */
    enum jws_key_kind kind; /* a curve has one algorithm: RFC 7518 section 3.4 */
    bool is_pss;            /* RSASSA-PSS; otherwise, with a key of RSA, RSASSA-PKCS1-v1_5 */
};

/** jws_algorithm_traits() - static storage, never NULL; all-zero for JWS_ALGORITHM_NONE */
const struct jws_algorithm_traits *jws_algorithm_traits(enum jws_algorithm algorithm);

/** jws_algorithm_from_name() - case counts. Return: JWS_ALGORITHM_NONE when there is no such one */
enum jws_algorithm jws_algorithm_from_name(struct span name);

/** What there is to know of a kind of keys. */
struct jws_key_traits {
    struct span curve;   /* as the `crv` of a JWK has it; empty for RSA */
    unsigned field_len;  /* bytes of a coordinate, and of each half of a signature; 0 for RSA */
    const char *openssl; /* OpenSSL's name of the curve */
};

/** jws_key_traits() - static storage, never NULL; all-zero for JWS_KEY_NONE */
const struct jws_key_traits *jws_key_traits(enum jws_key_kind kind);

/** jws_key_kind_from_curve() - by the `crv` of a JWK. Return: JWS_KEY_NONE when no algorithm uses
 * it */
enum jws_key_kind jws_key_kind_from_curve(struct span curve);
