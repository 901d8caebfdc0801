/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Keys that sign, and tokens of theirs, made at run time: every one is TEST-ONLY. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/base64url.h"
#include "base/span.h"
#include "jose/jws_algorithm.h"

#define JOSE_KIT_SIGNATURE_MAX 1024

/** jose_kit_rsa() / jose_kit_curve() - a new key; the caller frees it */
static inline EVP_PKEY *jose_kit_rsa(size_t bits)
{
    EVP_PKEY *const pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
    assert_non_null(pkey);
    return pkey;
}

static inline EVP_PKEY *jose_kit_curve(const char *name)
{
    EVP_PKEY *const pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", name);
    assert_non_null(pkey);
    return pkey;
}

/** jose_kit_for() - a new key that @algorithm fits; the caller frees it */
static inline EVP_PKEY *jose_kit_for(enum jws_algorithm algorithm)
{
    const enum jws_key_kind kind = jws_algorithm_traits(algorithm)->kind;
    return kind == JWS_KEY_RSA ? jose_kit_rsa(2048) : jose_kit_curve(jws_key_traits(kind)->openssl);
}

/** jose_kit_number() - base64url of one number of @pkey, @len bytes at least; the caller frees it
 */
static inline char *jose_kit_number(const EVP_PKEY *pkey, const char *name, int len)
{
    unsigned char bytes[2048];
    BIGNUM *number = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &number), 1);
    len = BN_num_bytes(number) > len ? BN_num_bytes(number) : len;
    assert_true(len <= (int)sizeof(bytes));
    assert_int_equal(BN_bn2binpad(number, bytes, len), len);
    BN_free(number);
    const struct span span = { .at = (const char *)bytes, .len = (size_t)len };
    char *const text = calloc(1, base64url_encoded_len(span.len) + 1);
    assert_non_null(text);
    base64url_encode(span, text);
    return text;
}

/** jose_kit_jwk() - the public half as a JWK; @more: members in front, each with its comma. The
 * caller frees it */
static inline char *jose_kit_jwk(const EVP_PKEY *pkey, const char *more)
{
    char *jwk = NULL;
    if (EVP_PKEY_is_a(pkey, "RSA")) {
        char *const n = jose_kit_number(pkey, OSSL_PKEY_PARAM_RSA_N, 0);
        char *const e = jose_kit_number(pkey, OSSL_PKEY_PARAM_RSA_E, 0);
        assert_true(asprintf(&jwk, "{%s\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", more, n, e) >
                    0);
        free(n);
        free(e);
        return jwk;
    }
    const int len = (EVP_PKEY_get_bits(pkey) + 7) / 8;
    char *const x = jose_kit_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, len);
    char *const y = jose_kit_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, len);
    assert_true(asprintf(&jwk, "{%s\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"%s\",\"y\":\"%s\"}",
                         more, EVP_PKEY_get_bits(pkey), x, y) > 0);
    free(x);
    free(y);
    return jwk;
}

/** jose_kit_pem() - PKIX, or PKCS 8 of a private key; the caller frees it */
static inline char *jose_kit_pem(EVP_PKEY *pkey, bool is_private)
{
    BIO *const bio = BIO_new(BIO_s_mem());
    assert_non_null(bio);
    assert_int_equal(is_private ? PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
                                : PEM_write_bio_PUBKEY(bio, pkey),
                     1);
    char *at = NULL;
    const long len = BIO_get_mem_data(bio, &at);
    char *const copy = span_copy((struct span){ .at = at, .len = (size_t)len });
    assert_non_null(copy);
    assert_int_equal(BIO_free(bio), 1);
    return copy;
}

/** jose_kit_sign() - by OpenSSL's own signer. Return: length of @ret */
static inline size_t jose_kit_sign(EVP_PKEY *pkey,
                                   enum jws_algorithm algorithm,
                                   struct span input,
                                   unsigned char ret[static JOSE_KIT_SIGNATURE_MAX])
{
    const struct jws_algorithm_traits *const traits = jws_algorithm_traits(algorithm);
    const int half = (int)jws_key_traits(traits->kind)->field_len;
    EVP_MD_CTX *const ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    unsigned char made[JOSE_KIT_SIGNATURE_MAX];
    size_t len = sizeof(made);
    assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, traits->digest, NULL, NULL, pkey, NULL), 1);
    if (traits->is_pss) {
        assert_true(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) > 0);
    }
    assert_int_equal(EVP_DigestSign(ctx, made, &len, (const unsigned char *)input.at, input.len),
                     1);
    EVP_MD_CTX_free(ctx);
    if (half == 0) {
        memcpy(ret, made, len);
        return len;
    }
    const unsigned char *at = made;
    ECDSA_SIG *const pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    assert_non_null(pair);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret, half), half);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret + half, half), half);
    ECDSA_SIG_free(pair);
    return 2 * (size_t)half;
}

static inline char *jose_kit_encode(char *at, struct span bytes)
{
    base64url_encode(bytes, at);
    return at + base64url_encoded_len(bytes.len);
}

/** jose_kit_token() - a compact JWS over @header and @payload as they are; the caller frees it */
static inline char *jose_kit_token(EVP_PKEY *pkey,
                                   enum jws_algorithm algorithm,
                                   struct span header,
                                   struct span payload)
{
    unsigned char signature[JOSE_KIT_SIGNATURE_MAX];
    char *const token =
        calloc(1, base64url_encoded_len(header.len) + base64url_encoded_len(payload.len) +
                      base64url_encoded_len(sizeof(signature)) + 3);
    assert_non_null(token);
    char *end = jose_kit_encode(token, header);
    *end++ = '.';
    end = jose_kit_encode(end, payload);
    const struct span input = { .at = token, .len = (size_t)(end - token) };
    const size_t len = jose_kit_sign(pkey, algorithm, input, signature);
    *end++ = '.';
    (void)jose_kit_encode(end, (struct span){ .at = (const char *)signature, .len = len });
    return token;
}
