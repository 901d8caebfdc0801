/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Client certificates that cost their reader more than their maker: a public key of any size takes
 * only random numbers, and whoever never signs needs no private key. The proof of possession is
 * random too, so a peer that gets as far as checking it refuses it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* the length of a longer signature does not fit its two bytes */
#define COSTLY_RSA_BITS_MAX 65536

#define COSTLY_CHAIN_MAX     16
#define COSTLY_PADDING_MAX   16384
#define COSTLY_LIFETIME_SEC  86400
#define COSTLY_EC_SIGN_BYTES 64

/** What the client presents. Borrowed until the credentials are freed. */
struct costly_certificate {
    gnutls_pk_algorithm_t algorithm; /* GNUTLS_PK_RSA, GNUTLS_PK_RSA_PSS or GNUTLS_PK_ECDSA */
    unsigned bits;                   /* RSA: of the modulus, a multiple of 8 */
    unsigned exponent_bytes;         /* RSA: at most bits / 8 */
    unsigned padding_bytes;          /* of an extension nobody knows */
    unsigned chain_len;              /* the same certificate over and over */
};

/* gnutls_privkey_sign_data_func, gnutls_privkey_sign_hash_func */
static inline int costly_sign_with_nothing(gnutls_privkey_t key,
                                           gnutls_sign_algorithm_t algorithm,
                                           void *userdata,
                                           unsigned flags,
                                           const gnutls_datum_t *data,
                                           gnutls_datum_t *ret_signature)
{
    (void)key;
    (void)algorithm;
    (void)flags;
    (void)data;
    const struct costly_certificate *costly = userdata;
    const unsigned size =
        costly->algorithm == GNUTLS_PK_ECDSA ? COSTLY_EC_SIGN_BYTES : costly->bits / 8;
    ret_signature->data = gnutls_malloc(size);
    if (!ret_signature->data) {
        return GNUTLS_E_MEMORY_ERROR;
    }
    ret_signature->size = size;
    const int rc = gnutls_rnd(GNUTLS_RND_NONCE, ret_signature->data, size);
    ret_signature->data[0] &= 0x7f; /* below the modulus: a larger number is refused for nothing */
    return rc;
}

/* gnutls_privkey_info_func */
static inline int costly_describe_key(gnutls_privkey_t key, unsigned flags, void *userdata)
{
    (void)key;
    const struct costly_certificate *costly = userdata;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO) {
        return (int)costly->algorithm;
    }
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS) {
        return (int)costly->bits;
    }
    return flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO ? 1 : -1;
}

/* A random odd number of exactly this many bytes. Return: NULL without memory or randomness */
static inline unsigned char *costly_odd_number(unsigned size)
{
    unsigned char *bytes = malloc(size);
    if (!bytes || gnutls_rnd(GNUTLS_RND_NONCE, bytes, size) < 0) {
        free(bytes);
        return NULL;
    }
    bytes[0] |= 0x80;
    bytes[size - 1] |= 1;
    return bytes;
}

static inline int costly_make_rsa(const struct costly_certificate *costly, gnutls_pubkey_t key)
{
    gnutls_datum_t modulus = { .data = costly_odd_number(costly->bits / 8),
                               .size = costly->bits / 8 };
    gnutls_datum_t exponent = { .data = costly_odd_number(costly->exponent_bytes),
                                .size = costly->exponent_bytes };
    int rc = GNUTLS_E_MEMORY_ERROR;
    if (modulus.data && exponent.data) {
        rc = gnutls_pubkey_import_rsa_raw(key, &modulus, &exponent);
    }
    free(modulus.data);
    free(exponent.data);
    gnutls_x509_spki_t parameters;
    if (rc < 0 || costly->algorithm != GNUTLS_PK_RSA_PSS) {
        return rc;
    }
    rc = gnutls_x509_spki_init(&parameters);
    if (rc == 0) {
        gnutls_x509_spki_set_rsa_pss_params(parameters, GNUTLS_DIG_SHA256, 32);
        rc = gnutls_pubkey_set_spki(key, parameters, 0);
        gnutls_x509_spki_deinit(parameters);
    }
    return rc;
}

static inline int costly_add_padding(gnutls_x509_crt_t certificate, unsigned size)
{
    static const char unknown_oid[] = "2.999.1"; /* the arc for examples */
    unsigned char *octets = malloc(COSTLY_PADDING_MAX + 4);
    if (!octets) {
        return GNUTLS_E_MEMORY_ERROR;
    }
    memset(octets, 'p', COSTLY_PADDING_MAX + 4);
    const unsigned char head[4] = { 0x04, 0x82, (unsigned char)(size >> 8), (unsigned char)size };
    memcpy(octets, head, sizeof(head)); /* an OCTET STRING */
    const int rc = gnutls_x509_crt_set_extension_by_oid(certificate, unknown_oid, octets,
                                                        size + sizeof(head), 0);
    free(octets);
    return rc;
}

static inline int costly_set_validity(gnutls_x509_crt_t certificate)
{
    const time_t now = time(NULL);
    const int rc = gnutls_x509_crt_set_activation_time(certificate, now - 1);
    return rc < 0 ? rc
                  : gnutls_x509_crt_set_expiration_time(certificate, now + COSTLY_LIFETIME_SEC);
}

static inline int costly_set_key(const struct costly_certificate *costly,
                                 gnutls_x509_crt_t certificate,
                                 gnutls_x509_privkey_t issuer_key)
{
    gnutls_pubkey_t key;
    if (costly->algorithm == GNUTLS_PK_ECDSA) {
        return gnutls_x509_crt_set_key(certificate, issuer_key);
    }
    int rc = gnutls_pubkey_init(&key);
    if (rc == 0) {
        rc = costly_make_rsa(costly, key);
        rc = rc < 0 ? rc : gnutls_x509_crt_set_pubkey(certificate, key);
        gnutls_pubkey_deinit(key);
    }
    return rc;
}

/* @issuer is a certificate of its key's, and otherwise empty. */
static inline int costly_fill(const struct costly_certificate *costly,
                              gnutls_x509_crt_t certificate,
                              gnutls_x509_crt_t issuer,
                              gnutls_x509_privkey_t issuer_key)
{
    int rc;
    if ((rc = gnutls_x509_privkey_generate(issuer_key, GNUTLS_PK_ECDSA,
                                           GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0)) <
            0 ||
        (rc = gnutls_x509_crt_set_dn(issuer, "CN=issuer", NULL)) < 0 ||
        (rc = gnutls_x509_crt_set_key(issuer, issuer_key)) < 0 ||
        (rc = costly_set_key(costly, certificate, issuer_key)) < 0 ||
        (costly->padding_bytes &&
         (rc = costly_add_padding(certificate, costly->padding_bytes)) < 0) ||
        (rc = gnutls_x509_crt_set_version(certificate, 3)) < 0 ||
        (rc = gnutls_x509_crt_set_serial(certificate, "\x01", 1)) < 0 ||
        (rc = gnutls_x509_crt_set_dn(certificate, "CN=costly", NULL)) < 0 ||
        (rc = costly_set_validity(certificate)) < 0) {
        return rc;
    }
    return gnutls_x509_crt_sign2(certificate, issuer, issuer_key, GNUTLS_DIG_SHA256, 0);
}

static inline int costly_install(struct costly_certificate *costly,
                                 gnutls_x509_crt_t certificate,
                                 gnutls_certificate_credentials_t credentials)
{
    gnutls_pcert_st chain[COSTLY_CHAIN_MAX];
    gnutls_privkey_t key;
    unsigned count = 0;
    int rc = gnutls_privkey_init(&key);
    if (rc < 0) {
        return rc;
    }
    rc = gnutls_privkey_import_ext4(key, costly, costly_sign_with_nothing, costly_sign_with_nothing,
                                    NULL, NULL, costly_describe_key, 0);
    while (rc == 0 && count < costly->chain_len) {
        rc = gnutls_pcert_import_x509(&chain[count], certificate, 0);
        count += rc == 0;
    }
    if (rc == 0) {
        gnutls_certificate_set_flags(credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
        rc = gnutls_certificate_set_key(credentials, NULL, 0, chain, (int)count, key);
    }
    if (rc < 0) {
        while (count > 0) {
            gnutls_pcert_deinit(&chain[--count]);
        }
        gnutls_privkey_deinit(key);
    }
    return rc;
}

/** costly_certificate_set() - have a client present it. Return: negative for a GnuTLS error */
static inline int costly_certificate_set(struct costly_certificate *costly,
                                         gnutls_certificate_credentials_t credentials)
{
    gnutls_x509_crt_t certificate = NULL;
    gnutls_x509_crt_t issuer = NULL;
    gnutls_x509_privkey_t issuer_key = NULL;
    int rc;
    if ((rc = gnutls_x509_crt_init(&certificate)) == 0 &&
        (rc = gnutls_x509_crt_init(&issuer)) == 0 &&
        (rc = gnutls_x509_privkey_init(&issuer_key)) == 0 &&
        (rc = costly_fill(costly, certificate, issuer, issuer_key)) == 0) {
        rc = costly_install(costly, certificate, credentials);
    }
    gnutls_x509_privkey_deinit(issuer_key);
    gnutls_x509_crt_deinit(issuer);
    gnutls_x509_crt_deinit(certificate);
    return rc;
}
