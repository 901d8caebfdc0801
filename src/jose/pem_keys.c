/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys from the operator's files, as kube-apiserver takes them: whoever signs may name the same
 * file to sign and to verify, so private keys are read too.
 *
 * OpenSSL decodes them, and only their numbers are taken over: the key that will verify is made of
 * those and judged as one from the network is. The files are trusted not to be hostile, so
 * arithmetic of OpenSSL's on the way (of a private key without its public half) costs nobody.
 *
 * OpenSSL does not say of every failure that memory was the reason; then the block is taken for a
 * bad one. Threads: none; OpenSSL's queue of errors is left empty.
 */
#include "jose/pem_keys.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/openssl_errors.h"

/* One block, decoded; OpenSSL's memory. */
struct block {
    char *name;
    char *header;
    unsigned char *data; /* may be a private key */
    long len;
};

static void block_fini(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    if (block->data) {
        OPENSSL_clear_free(block->data, (size_t)block->len);
    }
    *block = (struct block){ 0 };
}

typedef EVP_PKEY *decode_fn(const unsigned char **at, long len);

static EVP_PKEY *decode_public(const unsigned char **at, long len)
{
    return d2i_PUBKEY(NULL, at, len);
}

static EVP_PKEY *decode_private(const unsigned char **at, long len)
{
    return d2i_AutoPrivateKey(NULL, at, len);
}

static EVP_PKEY *decode_certificate(const unsigned char **at, long len)
{
    X509 *const certificate = d2i_X509(NULL, at, len);
    EVP_PKEY *const pkey = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return pkey;
}

/* Blocks that are looked at. kube-apiserver passes over the last two without a word. */
static const struct {
    const char *name;
    decode_fn *decode;
} kinds[] = {
    { "PUBLIC KEY", decode_public },      { "CERTIFICATE", decode_certificate },
    { "PRIVATE KEY", decode_private },    { "RSA PRIVATE KEY", decode_private },
    { "EC PRIVATE KEY", decode_private }, { "RSA PUBLIC KEY", NULL },
    { "ENCRYPTED PRIVATE KEY", NULL },
};

static bool is_key(const struct block *block, decode_fn **ret_decode)
{
    const struct span name = span_of(block->name);
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        if (span_equal(name, span_of(kinds[i].name))) {
            *ret_decode = kinds[i].decode;
            return true;
        }
    }
    return false;
}

/* @ret_number: owned by the caller, big endian, @min_len bytes at least. Return: ST_OK; ST_NOMEM;
 * ST_INTERNAL */
static enum status take_number(EVP_PKEY *pkey,
                               const char *name,
                               int min_len,
                               struct span *ret_number)
{
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1) {
        return openssl_errors_drain(ST_INTERNAL);
    }
    const int len = BN_num_bytes(number) > min_len ? BN_num_bytes(number) : min_len;
    unsigned char *const bytes = malloc(len > 0 ? (size_t)len : 1);
    if (bytes) {
        (void)BN_bn2binpad(number, bytes, len); /* it fits */
        *ret_number = (struct span){ .at = (const char *)bytes, .len = (size_t)len };
    }
    BN_free(number);
    return bytes ? ST_OK : ST_NOMEM;
}

static void free_number(struct span number)
{
    free((char *)(uintptr_t)number.at);
}

/* Curves that come with numbers of their own instead of a name are none of ours, whatever these
 * are. */
static enum jws_key_kind kind_of(EVP_PKEY *pkey)
{
    char group[32] = { 0 };
    size_t len = 0;
    int is_explicit = 0;
    if (EVP_PKEY_is_a(pkey, "RSA")) {
        return JWS_KEY_RSA;
    }
    if (!EVP_PKEY_is_a(pkey, "EC") ||
        EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) != 1 ||
        EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                               &is_explicit) != 1 ||
        is_explicit) {
        return JWS_KEY_NONE;
    }
    for (enum jws_key_kind kind = JWS_KEY_P256; kind < JWS_KEY_KIND_COUNT_; kind++) {
        if (span_equal(span_of(group), span_of(jws_key_traits(kind)->openssl))) {
            return kind;
        }
    }
    return JWS_KEY_NONE;
}

static enum status take_numbers(EVP_PKEY *pkey, struct jose_key_parts *parts)
{
    const int field_len = (int)jws_key_traits(parts->kind)->field_len;
    if (parts->kind == JWS_KEY_RSA) {
        const enum status status = take_number(pkey, OSSL_PKEY_PARAM_RSA_N, 0, &parts->n);
        return status == ST_OK ? take_number(pkey, OSSL_PKEY_PARAM_RSA_E, 0, &parts->e) : status;
    }
    const enum status status = take_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, field_len, &parts->x);
    return status == ST_OK ? take_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, field_len, &parts->y)
                           : status;
}

static enum status make(EVP_PKEY *pkey, struct pem_key *key)
{
    struct jose_key_parts parts = { .kind = kind_of(pkey), .takes_kubernetes_id = true };
    enum status status = openssl_errors_drain(ST_OK);
    if (status != ST_OK) {
        return status;
    }
    if (parts.kind == JWS_KEY_NONE) {
        key->expected = "a key of RSA, P-256, P-384 or P-521";
        return ST_UNSUPPORTED;
    }
    status = take_numbers(pkey, &parts);
    if (status == ST_OK) {
        status = jose_key_new(&parts, &key->key, &key->expected);
    }
    free_number(parts.n);
    free_number(parts.e);
    free_number(parts.x);
    free_number(parts.y);
    return status;
}

static enum status decode(const struct block *block, decode_fn *fn, struct pem_key *key)
{
    if (!fn || block->header[0]) { /* a header says that it is encrypted: RFC 1421 section 4.6 */
        key->expected = "a key in PKIX, PKCS 8, PKCS 1 or SEC 1 form without a passphrase";
        return ST_UNSUPPORTED;
    }
    const unsigned char *at = block->data;
    EVP_PKEY *const pkey = fn(&at, block->len);
    if (!pkey || at != block->data + block->len) {
        EVP_PKEY_free(pkey);
        key->expected = "a key or certificate as its BEGIN line says";
        return openssl_errors_drain(ST_SYNTAX);
    }
    ERR_clear_error(); /* what its decoders tried on the way */
    const enum status status = make(pkey, key);
    EVP_PKEY_free(pkey);
    return status;
}

/* The line on which the first block from @from on begins. Counts on from @line, and sets @from to
 * it. */
static unsigned line_of_next(struct span pem, size_t *from, unsigned line)
{
    static const struct span mark = { "-----BEGIN ", 11 };
    const char *const start = pem.at + *from;
    const char *const found = memmem(start, pem.len - *from, mark.at, mark.len);
    for (const char *at = start; found && at < found; at++) {
        line += *at == '\n';
    }
    *from = found ? (size_t)(found - pem.at) : pem.len;
    return line;
}

/* Return: ST_OK; ST_NOT_FOUND: there is no other block; ST_SYNTAX; ST_NOMEM */
static enum status next_block(BIO *bio, struct block *ret_block)
{
    if (PEM_read_bio_ex(bio, &ret_block->name, &ret_block->header, &ret_block->data,
                        &ret_block->len, PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE) == 1) {
        return ST_OK;
    }
    *ret_block = (struct block){ 0 };
    const unsigned long error = ERR_peek_last_error();
    const bool is_end =
        ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    return openssl_errors_drain(is_end ? ST_NOT_FOUND : ST_SYNTAX);
}

static enum status tell(struct pem_key *key, enum status status, pem_key_fn *fn, void *ctx)
{
    if (status == ST_NOMEM || status == ST_INTERNAL) {
        return status;
    }
    key->status = status;
    return fn(ctx, key);
}

static enum status read_blocks(BIO *bio, struct span pem, pem_key_fn *fn, void *ctx)
{
    struct pem_key key = { .line = 1 };
    size_t from = 0;
    for (;;) {
        struct block block = { 0 };
        decode_fn *how = NULL;
        key = (struct pem_key){ .line = line_of_next(pem, &from, key.line) };
        enum status status = next_block(bio, &block);
        if (status == ST_NOT_FOUND) {
            return ST_OK;
        }
        if (status == ST_SYNTAX) {
            key.expected = "base64 between a BEGIN and its END line";
            status = tell(&key, status, fn, ctx);
        } else if (status == ST_OK && is_key(&block, &how)) {
            status = tell(&key, decode(&block, how, &key), fn, ctx);
        }
        block_fini(&block);
        if (status != ST_OK) {
            return status;
        }
        const size_t behind = pem.len - (size_t)BIO_pending(bio);
        for (; from < behind; from++) {
            key.line += pem.at[from] == '\n';
        }
    }
}

enum status pem_keys_read(struct span pem, pem_key_fn *fn, void *ctx)
{
    if (pem.len > INT_MAX) {
        return ST_LIMIT;
    }
    ERR_clear_error();
    BIO *const bio = BIO_new_mem_buf(pem.len ? pem.at : "", (int)pem.len);
    if (!bio) {
        return openssl_errors_drain(ST_NOMEM);
    }
    const enum status status = pem.len ? read_blocks(bio, pem, fn, ctx) : ST_OK;
    (void)BIO_free(bio); /* a buffer in memory: nothing can be lost */
    return status;
}
