/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An issuer for tests: a key of P-256, sets that have it, and tokens that it signs. TEST-ONLY. */
#include "jose/key_set.h"
#include "support/jose_kit.h"

struct signer {
    EVP_PKEY *key; /* owns */
};

static inline struct signer signer_make(void)
{
    return (struct signer){ jose_kit_curve("P-256") };
}

static inline void signer_fini(struct signer *signer)
{
    EVP_PKEY_free(signer->key);
    signer->key = NULL;
}

/** signer_key_set() - of one or two signers, by PEM; to be unref()ed. @other may be NULL */
static inline struct key_set *signer_key_set(const struct signer *one, const struct signer *other)
{
    struct key_set *set = NULL;
    struct problem problem = { 0 };
    char *first = jose_kit_pem(one->key, false);
    char *second = other ? jose_kit_pem(other->key, false) : calloc(1, 1);
    char *both = span_join(span_of(first), span_of(second), (struct span){ 0 });
    assert_int_equal(key_set_from_pem(span_of(both), NULL, NULL, &set, &problem), ST_OK);
    free(first);
    free(second);
    free(both);
    return set;
}

/** signer_jwks() - a set of one JWK with this ID; to be unref()ed */
static inline struct key_set *signer_jwks(const struct signer *signer, const char *kid)
{
    struct key_set *set = NULL;
    struct problem problem = { 0 };
    char *id = span_join(SPAN_LITERAL("\"kid\":\""), span_of(kid), SPAN_LITERAL("\","));
    char *jwk = jose_kit_jwk(signer->key, id);
    char *json = span_join(SPAN_LITERAL("{\"keys\":["), span_of(jwk), SPAN_LITERAL("]}"));
    assert_int_equal(key_set_from_jwks(span_of(json), NULL, NULL, &set, &problem), ST_OK);
    free(id);
    free(jwk);
    free(json);
    return set;
}

/** signer_sign() - a compact JWS by ES256, whatever the header says; to be free()d */
static inline char *signer_sign(const struct signer *signer,
                                const char *header,
                                const char *payload)
{
    return jose_kit_token(signer->key, JWS_ES256, span_of(header), span_of(payload));
}
