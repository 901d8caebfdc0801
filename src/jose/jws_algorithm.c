/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row for each algorithm and each curve, so that nothing about them is decided elsewhere.
 *
 * Names come from peers, and are compared byte by byte: `nOnE` and `rs256` are no algorithms.
 */
#include "jose/jws_algorithm.h"

/* clang-format off */
static const struct jws_algorithm_traits algorithms[JWS_ALGORITHM_COUNT_] = {
    [JWS_RS256] = { { "RS256", 5 }, "SHA2-256", JWS_KEY_RSA,  false },
    [JWS_RS384] = { { "RS384", 5 }, "SHA2-384", JWS_KEY_RSA,  false },
    [JWS_RS512] = { { "RS512", 5 }, "SHA2-512", JWS_KEY_RSA,  false },
    [JWS_PS256] = { { "PS256", 5 }, "SHA2-256", JWS_KEY_RSA,  true },
    [JWS_PS384] = { { "PS384", 5 }, "SHA2-384", JWS_KEY_RSA,  true },
    [JWS_PS512] = { { "PS512", 5 }, "SHA2-512", JWS_KEY_RSA,  true },
    [JWS_ES256] = { { "ES256", 5 }, "SHA2-256", JWS_KEY_P256, false },
    [JWS_ES384] = { { "ES384", 5 }, "SHA2-384", JWS_KEY_P384, false },
    [JWS_ES512] = { { "ES512", 5 }, "SHA2-512", JWS_KEY_P521, false },
};

static const struct jws_key_traits kinds[JWS_KEY_KIND_COUNT_] = {
    [JWS_KEY_P256] = { { "P-256", 5 }, 32, "prime256v1" },
    [JWS_KEY_P384] = { { "P-384", 5 }, 48, "secp384r1" },
    [JWS_KEY_P521] = { { "P-521", 5 }, 66, "secp521r1" },
};
/* clang-format on */

const struct jws_algorithm_traits *jws_algorithm_traits(enum jws_algorithm algorithm)
{
    return &algorithms[algorithm];
}

enum jws_algorithm jws_algorithm_from_name(struct span name)
{
    for (unsigned i = JWS_ALGORITHM_NONE + 1; i < JWS_ALGORITHM_COUNT_; i++) {
        if (span_equal(name, algorithms[i].name)) {
            return (enum jws_algorithm)i;
        }
    }
    return JWS_ALGORITHM_NONE;
}

const struct jws_key_traits *jws_key_traits(enum jws_key_kind kind)
{
    return &kinds[kind];
}

enum jws_key_kind jws_key_kind_from_curve(struct span curve)
{
    for (unsigned i = JWS_KEY_P256; i < JWS_KEY_KIND_COUNT_; i++) {
        if (span_equal(curve, kinds[i].curve)) {
            return (enum jws_key_kind)i;
        }
    }
    return JWS_KEY_NONE;
}
