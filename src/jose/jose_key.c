/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys, checked once and prepared for OpenSSL.
 *
 * Untrusted: the parts of a key, and what is verified. A weak key is refused by the sizes of its
 * parts: 64 bits of exponent make a verification cost 927 microseconds instead of 17, so arithmetic
 * would be too late.
 *
 * What verifies is a verifier: a context of OpenSSL for the key and the algorithm, and one for the
 * hash. Making one costs 2 to 6 microseconds, so they are kept; and one is used by one thread at a
 * time. OpenSSL 3.0 could copy a prepared context for each verification instead
 * (EVP_MD_CTX_copy_ex), which allocates half a dozen times and counts a dozen references up and
 * down that all threads share: EVP_PKEY, RSA or EC_KEY, EVP_SIGNATURE, EVP_KEYMGMT, EVP_MD. A
 * verifier shares nothing that anybody writes: it has a copy of the key of its own, since even
 * reading one takes the lock around its Montgomery numbers.
 *
 * A thread takes the verifier of the processor that it runs on out of the key, and puts it back.
 * When another thread of that processor was interrupted while it had it, it makes one more, and
 * whoever comes second to put one back frees his.
 *
 * One lock is left, and only with P-384, for which OpenSSL 3.0 has no code of its own: it blinds
 * the point with random numbers, and its generators, one a thread, look at their parent's count
 * each time (one futex(2) in several hundred verifications by two threads at once; CPU the same). A
 * library context for each verifier would end that, at 200 KB and a millisecond apiece.
 *
 * Threads: any. All but the references and the verifiers is constant.
 */
#include "jose/jose_key.h"

#include <endian.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "base/base64url.h"
#include "base/openssl_errors.h"

/* Verifiers are kept apart for so many processors; with more, two share a place now and then, and
 * one makes a verifier that is not kept. */
#define SHARDS 32

#define CACHE_LINE 64

/* RS256 to PS512; a curve has one. */
#define ALGORITHMS_PER_KEY (JWS_PS512 - JWS_RS256 + 1)

/* Even numbers and 1 are no exponents; Go, and so Kubernetes, has none of more than 31 bits. */
#define RSA_EXPONENT_MAX_BYTES 4

#define RSA_MAX_BYTES   (JOSE_RSA_MAX_BITS / 8)
#define FIELD_MAX_BYTES 66 /* P-521 */

/* Two INTEGERs of FIELD_MAX_BYTES and a zero in front, each with two bytes of head, in a SEQUENCE
 * of three. */
#define ECDSA_DER_MAX_BYTES (3 + 2 * (2 + 1 + FIELD_MAX_BYTES))

struct verifier {
    const struct jws_algorithm_traits *traits;
    EVP_PKEY *pkey;     /* owns a copy */
    EVP_PKEY_CTX *ctx;  /* owns */
    EVP_MD_CTX *digest; /* owns */
};

struct shard {
    _Alignas(CACHE_LINE) _Atomic(struct verifier *) verifiers[ALGORITHMS_PER_KEY];
};

struct jose_key {
    atomic_uint references;
    enum jws_key_kind kind;
    enum jws_algorithm pinned; /* JWS_ALGORITHM_NONE: whatever its kind may */
    size_t signature_len;
    EVP_PKEY *pkey;       /* owns */
    struct shard *shards; /* owns SHARDS of them; the only thing that changes */
    struct jose_thumbprint thumbprint;
    char *id; /* owns; not terminated */
    size_t id_len;
};

static struct verifier *verifier_free(struct verifier *verifier)
{
    if (verifier) {
        EVP_MD_CTX_free(verifier->digest);
        EVP_PKEY_CTX_free(verifier->ctx);
        EVP_PKEY_free(verifier->pkey);
        free(verifier);
    }
    return NULL;
}

/* What OpenSSL failed at, when its result does not tell a bad input from a failure of its own: of a
 * bad one its @library says what is wrong with it. Whatever is not known to be that is not told as
 * that: a no would be remembered. Empties the queue. */
static enum status status_of_failure(int library, enum status bad_input)
{
    enum status status = ST_INTERNAL;
    unsigned long error;
    while ((error = ERR_get_error()) != 0) {
        const int reason = ERR_GET_REASON(error);
        if (reason == ERR_R_MALLOC_FAILURE) {
            status = ST_NOMEM;
        } else if (ERR_GET_LIB(error) == library && !(reason & ERR_RFLAG_COMMON) &&
                   status == ST_INTERNAL) {
            status = bad_input;
        }
    }
    return status;
}

static bool prepare_rsa(EVP_PKEY_CTX *ctx, const struct jws_algorithm_traits *traits)
{
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, traits->is_pss ? RSA_PKCS1_PSS_PADDING
                                                         : RSA_PKCS1_PADDING) <= 0) {
        return false;
    }
    /* RFC 7518 section 3.5; MGF1 takes the same hash unless told otherwise */
    return !traits->is_pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

static bool prepare(struct verifier *verifier)
{
    const struct jws_algorithm_traits *const traits = verifier->traits;
    EVP_MD *const digest = EVP_MD_fetch(NULL, traits->digest, NULL);
    const bool is_ready = digest && EVP_DigestInit_ex(verifier->digest, digest, NULL) == 1 &&
                          EVP_PKEY_verify_init(verifier->ctx) == 1 &&
                          (traits->kind != JWS_KEY_RSA || prepare_rsa(verifier->ctx, traits)) &&
                          EVP_PKEY_CTX_set_signature_md(verifier->ctx, digest) == 1;
    EVP_MD_free(digest);
    return is_ready;
}

/* NULL: OpenSSL's queue says why. */
static struct verifier *verifier_new(EVP_PKEY *pkey, const struct jws_algorithm_traits *traits)
{
    struct verifier *const verifier = calloc(1, sizeof(*verifier));
    if (!verifier) {
        ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
        return NULL;
    }
    verifier->traits = traits;
    verifier->pkey = EVP_PKEY_dup(pkey);
    verifier->ctx = verifier->pkey ? EVP_PKEY_CTX_new_from_pkey(NULL, verifier->pkey, NULL) : NULL;
    verifier->digest = EVP_MD_CTX_new();
    if (!verifier->ctx || !verifier->digest || !prepare(verifier)) {
        return verifier_free(verifier);
    }
    return verifier;
}

static _Atomic(struct verifier *) *place_of(const struct jose_key *key,
                                            enum jws_algorithm algorithm)
{
    const int processor = sched_getcpu(); /* a hint; -1 where the kernel does not tell */
    const size_t shard = processor < 0 ? 0 : (size_t)processor % SHARDS;
    return &key->shards[shard].verifiers[key->kind == JWS_KEY_RSA ? algorithm - JWS_RS256 : 0];
}

/* Numbers go to OpenSSL as the machine has them. */
static void to_native_order(struct span big_endian, unsigned char *ret)
{
    for (size_t i = 0; i < big_endian.len; i++) {
        const size_t from = __BYTE_ORDER == __LITTLE_ENDIAN ? big_endian.len - 1 - i : i;
        ret[i] = (unsigned char)big_endian.at[from];
    }
}

/* NULL: OpenSSL's queue says why. */
static EVP_PKEY *pkey_from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *const ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static EVP_PKEY *rsa_from_parts(const struct jose_key_parts *parts)
{
    unsigned char n[RSA_MAX_BYTES];
    unsigned char e[RSA_EXPONENT_MAX_BYTES];
    to_native_order(parts->n, n);
    to_native_order(parts->e, e);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, parts->n.len),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, parts->e.len),
        OSSL_PARAM_construct_end(),
    };
    return pkey_from_params("RSA", params);
}

/* OpenSSL refuses a point that is not on the curve. */
static EVP_PKEY *curve_from_parts(const struct jose_key_parts *parts)
{
    const struct jws_key_traits *const traits = jws_key_traits(parts->kind);
    unsigned char point[1 + 2 * FIELD_MAX_BYTES] = { POINT_CONVERSION_UNCOMPRESSED };
    memcpy(point + 1, parts->x.at, traits->field_len);
    memcpy(point + 1 + traits->field_len, parts->y.at, traits->field_len);
    char *const group = (char *)(uintptr_t)traits->openssl; /* only read */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
                                          1 + 2 * (size_t)traits->field_len),
        OSSL_PARAM_construct_end(),
    };
    return pkey_from_params("EC", params);
}

static bool is_odd(struct span number)
{
    return number.len > 0 && (number.at[number.len - 1] & 1) != 0;
}

static size_t bits_of(struct span number)
{
    return number.len == 0 ? 0
                           : number.len * 8 - (size_t)__builtin_clz((unsigned char)number.at[0]) +
                                 8 * (sizeof(unsigned) - 1);
}

static struct span without_zeroes(struct span number)
{
    while (number.len > 0 && number.at[0] == 0) {
        number = span_after(number, 1);
    }
    return number;
}

/* What there is to complain of; NULL: nothing. */
static const char *judge_rsa(const struct jose_key_parts *parts)
{
    const size_t bits = bits_of(parts->n);
    if (bits < JOSE_RSA_MIN_BITS || bits > JOSE_RSA_MAX_BITS) {
        return "a modulus of 2048 to 8192 bits";
    }
    if (!is_odd(parts->n)) {
        return "an odd modulus";
    }
    if (parts->e.len > RSA_EXPONENT_MAX_BYTES) {
        return "an exponent of no more than 32 bits";
    }
    if (!is_odd(parts->e) || (parts->e.len == 1 && parts->e.at[0] == 1)) {
        return "an odd exponent from 3 on";
    }
    return NULL;
}

static const char *judge_curve(const struct jose_key_parts *parts)
{
    const size_t field_len = jws_key_traits(parts->kind)->field_len;
    if (parts->x.len != field_len || parts->y.len != field_len) {
        return "coordinates as long as the field of the curve";
    }
    return NULL;
}

static const char *judge(const struct jose_key_parts *parts)
{
    if (parts->pinned != JWS_ALGORITHM_NONE &&
        jws_algorithm_traits(parts->pinned)->kind != parts->kind) {
        return "an algorithm that fits the key";
    }
    return parts->kind == JWS_KEY_RSA ? judge_rsa(parts) : judge_curve(parts);
}

static void hash_text(crypto_hash_sha256_state *state, struct span text)
{
    (void)crypto_hash_sha256_update(state, (const unsigned char *)text.at, text.len);
}

/* As base64url, in pieces of which each but the last makes whole groups. */
static void hash_base64url(crypto_hash_sha256_state *state, struct span bytes)
{
    char text[64];
    while (bytes.len > 0) {
        const size_t take = bytes.len < 48 ? bytes.len : 48;
        base64url_encode((struct span){ .at = bytes.at, .len = take }, text);
        hash_text(state, (struct span){ .at = text, .len = base64url_encoded_len(take) });
        bytes = span_after(bytes, take);
    }
}

/* RFC 7638 section 3.2: the required members, sorted, without blanks. */
static void compute_thumbprint(const struct jose_key_parts *parts, struct jose_thumbprint *ret)
{
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    if (parts->kind == JWS_KEY_RSA) {
        hash_text(&state, SPAN_LITERAL("{\"e\":\""));
        hash_base64url(&state, parts->e);
        hash_text(&state, SPAN_LITERAL("\",\"kty\":\"RSA\",\"n\":\""));
        hash_base64url(&state, parts->n);
    } else {
        hash_text(&state, SPAN_LITERAL("{\"crv\":\""));
        hash_text(&state, jws_key_traits(parts->kind)->curve);
        hash_text(&state, SPAN_LITERAL("\",\"kty\":\"EC\",\"x\":\""));
        hash_base64url(&state, parts->x);
        hash_text(&state, SPAN_LITERAL("\",\"y\":\""));
        hash_base64url(&state, parts->y);
    }
    hash_text(&state, SPAN_LITERAL("\"}"));
    (void)crypto_hash_sha256_final(&state, ret->bytes);
}

static enum status set_kubernetes_id(struct jose_key *key)
{
    unsigned char *der = NULL;
    const int len = i2d_PUBKEY(key->pkey, &der);
    if (len <= 0) {
        return openssl_errors_drain(ST_INTERNAL);
    }
    unsigned char hash[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(hash, der, (unsigned long long)len);
    OPENSSL_free(der);
    key->id_len = base64url_encoded_len(sizeof(hash));
    key->id = malloc(key->id_len);
    if (!key->id) {
        return ST_NOMEM;
    }
    base64url_encode((struct span){ .at = (const char *)hash, .len = sizeof(hash) }, key->id);
    return ST_OK;
}

static enum status set_id(struct jose_key *key, const struct jose_key_parts *parts)
{
    if (parts->takes_kubernetes_id) {
        return set_kubernetes_id(key);
    }
    key->id = span_copy(parts->id);
    key->id_len = parts->id.len;
    return key->id ? ST_OK : ST_NOMEM;
}

static enum status fill(struct jose_key *key,
                        const struct jose_key_parts *parts,
                        const char **reterr_expected)
{
    const bool is_rsa = parts->kind == JWS_KEY_RSA;
    key->shards = aligned_alloc(CACHE_LINE, SHARDS * sizeof(*key->shards));
    if (!key->shards) {
        return ST_NOMEM;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        for (size_t j = 0; j < ALGORITHMS_PER_KEY; j++) {
            atomic_init(&key->shards[i].verifiers[j], NULL);
        }
    }
    key->kind = parts->kind;
    key->pinned = parts->pinned;
    key->signature_len = is_rsa ? parts->n.len : 2 * (size_t)jws_key_traits(parts->kind)->field_len;
    compute_thumbprint(parts, &key->thumbprint);
    key->pkey = is_rsa ? rsa_from_parts(parts) : curve_from_parts(parts);
    if (!key->pkey) {
        *reterr_expected = "a point on the curve";
        return is_rsa ? openssl_errors_drain(ST_INTERNAL)
                      : status_of_failure(ERR_LIB_EC, ST_INVALID);
    }
    return set_id(key, parts);
}

enum status jose_key_new(const struct jose_key_parts *parts,
                         struct jose_key **ret_key,
                         const char **reterr_expected)
{
    struct jose_key_parts trimmed = *parts;
    trimmed.n = without_zeroes(parts->n);
    trimmed.e = without_zeroes(parts->e);
    const char *expected = judge(&trimmed);
    if (expected) {
        *reterr_expected = expected;
        return ST_INVALID;
    }
    struct jose_key *const key = calloc(1, sizeof(*key));
    if (!key) {
        return ST_NOMEM;
    }
    atomic_init(&key->references, 1);
    ERR_clear_error(); /* what others have left there is not about this key */
    const enum status status = fill(key, &trimmed, &expected);
    if (status != ST_OK) {
        if (status == ST_INVALID) {
            *reterr_expected = expected;
        }
        (void)jose_key_unref(key);
        return status;
    }
    *ret_key = key;
    return ST_OK;
}

struct jose_key *jose_key_ref(struct jose_key *key)
{
    (void)atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
    return key;
}

static void free_shards(struct shard *shards)
{
    for (size_t i = 0; shards && i < SHARDS; i++) {
        for (size_t j = 0; j < ALGORITHMS_PER_KEY; j++) {
            (void)verifier_free(
                atomic_load_explicit(&shards[i].verifiers[j], memory_order_acquire));
        }
    }
    free(shards);
}

struct jose_key *jose_key_unref(struct jose_key *key)
{
    if (key && atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) == 1) {
        free_shards(key->shards);
        EVP_PKEY_free(key->pkey);
        free(key->id);
        free(key);
    }
    return NULL;
}

struct span jose_key_id(const struct jose_key *key)
{
    return (struct span){ .at = key->id, .len = key->id_len };
}

const struct jose_thumbprint *jose_key_thumbprint(const struct jose_key *key)
{
    return &key->thumbprint;
}

bool jose_thumbprint_equal(const struct jose_thumbprint *a, const struct jose_thumbprint *b)
{
    return span_equal((struct span){ .at = (const char *)a->bytes, .len = sizeof(a->bytes) },
                      (struct span){ .at = (const char *)b->bytes, .len = sizeof(b->bytes) });
}

bool jose_key_may_verify(const struct jose_key *key, enum jws_algorithm algorithm)
{
    /* RFC 8725 section 3.1: the key says what it is for, not the token */
    return algorithm != JWS_ALGORITHM_NONE && jws_algorithm_traits(algorithm)->kind == key->kind &&
           (key->pinned == JWS_ALGORITHM_NONE || key->pinned == algorithm);
}

bool jose_key_is_same(const struct jose_key *a, const struct jose_key *b)
{
    return a->pinned == b->pinned && jose_thumbprint_equal(&a->thumbprint, &b->thumbprint) &&
           span_equal(jose_key_id(a), jose_key_id(b));
}

/* An INTEGER of ASN.1: no zeroes in front but one where the highest bit would be a sign. */
static unsigned char *write_integer(unsigned char *at, struct span number)
{
    number = without_zeroes(number);
    const bool needs_zero = number.len == 0 || (number.at[0] & 0x80) != 0;
    *at++ = 0x02;
    *at++ = (unsigned char)(number.len + needs_zero);
    if (needs_zero) {
        *at++ = 0;
    }
    return number.len ? mempcpy(at, number.at, number.len) : at;
}

/* r and s side by side (RFC 7518 section 3.4) as the SEQUENCE that OpenSSL takes. Return: its
 * length
 */
static size_t ecdsa_to_der(struct span signature, unsigned char ret[static ECDSA_DER_MAX_BYTES])
{
    unsigned char numbers[ECDSA_DER_MAX_BYTES];
    const size_t half = signature.len / 2;
    unsigned char *end = write_integer(numbers, (struct span){ signature.at, half });
    end = write_integer(end, span_after(signature, half));
    const size_t len = (size_t)(end - numbers);
    unsigned char *at = ret;
    *at++ = 0x30;
    if (len >= 0x80) {
        *at++ = 0x81; /* one byte of length follows */
    }
    *at++ = (unsigned char)len;
    at = mempcpy(at, numbers, len);
    return (size_t)(at - ret);
}

static enum status verify_digest(struct verifier *verifier,
                                 struct span signature,
                                 const unsigned char *digest,
                                 unsigned digest_len)
{
    unsigned char der[ECDSA_DER_MAX_BYTES];
    const unsigned char *at = (const unsigned char *)signature.at;
    size_t len = signature.len;
    if (verifier->traits->kind != JWS_KEY_RSA) {
        len = ecdsa_to_der(signature, der);
        at = der;
    }
    const int result = EVP_PKEY_verify(verifier->ctx, at, len, digest, digest_len);
    if (result == 1) {
        return ST_OK;
    }
    if (verifier->traits->is_pss) { /* 0 for whatever failed */
        return status_of_failure(ERR_LIB_RSA, ST_SIGNATURE_INVALID);
    }
    return openssl_errors_drain(result == 0 ? ST_SIGNATURE_INVALID : ST_INTERNAL);
}

static enum status verify(struct verifier *verifier,
                          struct span signing_input,
                          struct span signature)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    if (EVP_DigestInit_ex(verifier->digest, NULL, NULL) != 1 ||
        EVP_DigestUpdate(verifier->digest, signing_input.at, signing_input.len) != 1 ||
        EVP_DigestFinal_ex(verifier->digest, digest, &digest_len) != 1) {
        return openssl_errors_drain(ST_INTERNAL);
    }
    return verify_digest(verifier, signature, digest, digest_len);
}

enum status jose_key_verify(const struct jose_key *key,
                            enum jws_algorithm algorithm,
                            struct span signing_input,
                            struct span signature)
{
    if (!jose_key_may_verify(key, algorithm)) {
        return ST_ALGORITHM_NOT_ALLOWED;
    }
    if (signature.len != key->signature_len) { /* RFC 8017 sections 8.1.2, 8.2.2; RFC 7518 3.4 */
        return ST_SIGNATURE_INVALID;
    }
    ERR_clear_error();
    _Atomic(struct verifier *) *const place = place_of(key, algorithm);
    struct verifier *verifier = atomic_exchange_explicit(place, NULL, memory_order_acquire);
    if (!verifier) {
        verifier = verifier_new(key->pkey, jws_algorithm_traits(algorithm));
        if (!verifier) {
            return openssl_errors_drain(ST_INTERNAL);
        }
    }
    const enum status status = verify(verifier, signing_input, signature);
    struct verifier *nobody = NULL;
    if (!atomic_compare_exchange_strong_explicit(place, &nobody, verifier, memory_order_release,
                                                 memory_order_relaxed)) {
        (void)verifier_free(verifier);
    }
    return status;
}
