/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Certificates and keys, good ones and those with a flaw, made at run time. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#define CERTIFICATE_KIT_LIST_MAX 4

/** A certificate to make. All-zero fields: see each. */
struct certificate_kit {
    const char *dn;                               /* "CN=localhost" */
    const char *names[CERTIFICATE_KIT_LIST_MAX];  /* "DNS:localhost", "IP:::1", "MAIL:a@b.c" */
    const char *usages[CERTIFICATE_KIT_LIST_MAX]; /* OIDs; none: no such extension */
    int64_t not_before_sec;
    int64_t not_after_sec;
    gnutls_pk_algorithm_t algorithm; /* 0: ECDSA */
    unsigned
        modulus_bits; /* not 0: show an RSA key of that size, which nobody has; a multiple of 8 */
    unsigned bits;    /* 0: P-256 */
    gnutls_digest_algorithm_t hash; /* 0: SHA-256 */
    bool is_ca;
    bool is_no_ca;      /* with the extension that says so; with neither: without it */
    unsigned key_usage; /* 0: no such extension */

    gnutls_x509_crt_t certificate; /* made; owned by whoever made it */
    gnutls_x509_privkey_t key;
};

static inline void certificate_kit_add_name(gnutls_x509_crt_t certificate, const char *name)
{
    unsigned char address[16];
    if (strncmp(name, "DNS:", 4) == 0) {
        assert_int_equal(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME,
                                                              name + 4, (unsigned)strlen(name + 4),
                                                              GNUTLS_FSAN_APPEND),
                         0);
    } else if (strncmp(name, "MAIL:", 5) == 0) {
        assert_int_equal(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_RFC822NAME,
                                                              name + 5, (unsigned)strlen(name + 5),
                                                              GNUTLS_FSAN_APPEND),
                         0);
    } else {
        const bool is_v6 = strchr(name + 3, ':') != NULL;
        assert_int_equal(inet_pton(is_v6 ? AF_INET6 : AF_INET, name + 3, address), 1);
        assert_int_equal(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS,
                                                              address, is_v6 ? 16 : 4,
                                                              GNUTLS_FSAN_APPEND),
                         0);
    }
}

static inline void certificate_kit_extend(const struct certificate_kit *kit)
{
    for (size_t i = 0; i < CERTIFICATE_KIT_LIST_MAX && kit->names[i]; i++) {
        certificate_kit_add_name(kit->certificate, kit->names[i]);
    }
    for (size_t i = 0; i < CERTIFICATE_KIT_LIST_MAX && kit->usages[i]; i++) {
        assert_int_equal(gnutls_x509_crt_set_key_purpose_oid(kit->certificate, kit->usages[i], 0),
                         0);
    }
    if (kit->is_ca || kit->is_no_ca) {
        assert_int_equal(gnutls_x509_crt_set_basic_constraints(kit->certificate, kit->is_ca, -1),
                         0);
    }
    if (kit->key_usage) {
        assert_int_equal(gnutls_x509_crt_set_key_usage(kit->certificate, kit->key_usage), 0);
    }
}

/* GnuTLS reads names of what was parsed only, not of what was set. */
static inline void certificate_kit_reparse(struct certificate_kit *kit)
{
    gnutls_datum_t der = { 0 };
    assert_int_equal(gnutls_x509_crt_export2(kit->certificate, GNUTLS_X509_FMT_DER, &der), 0);
    gnutls_x509_crt_deinit(kit->certificate);
    assert_int_equal(gnutls_x509_crt_init(&kit->certificate), 0);
    assert_int_equal(gnutls_x509_crt_import(kit->certificate, &der, GNUTLS_X509_FMT_DER), 0);
    gnutls_free(der.data);
}

/* Numbers of a size are quicker made than keys. */
static inline void certificate_kit_show_rsa(const struct certificate_kit *kit)
{
    gnutls_pubkey_t key;
    unsigned char bytes[2048];
    const gnutls_datum_t modulus = { bytes, kit->modulus_bits / 8 };
    const gnutls_datum_t exponent = { (unsigned char *)(uintptr_t) "\x01\x00\x01", 3 };
    assert_true(modulus.size <= sizeof(bytes));
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(gnutls_pubkey_init(&key), 0);
    assert_int_equal(gnutls_pubkey_import_rsa_raw(key, &modulus, &exponent), 0);
    assert_int_equal(gnutls_x509_crt_set_pubkey(kit->certificate, key), 0);
    gnutls_pubkey_deinit(key);
}

/** certificate_kit_issue() - make key and certificate. @issuer: NULL: it signs itself */
static inline void certificate_kit_issue(struct certificate_kit *kit,
                                         const struct certificate_kit *issuer)
{
    const gnutls_pk_algorithm_t algorithm = kit->algorithm ? kit->algorithm : GNUTLS_PK_ECDSA;
    const unsigned bits = kit->bits ? kit->bits : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    assert_int_equal(gnutls_x509_privkey_init(&kit->key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(kit->key, algorithm, bits, 0), 0);
    assert_int_equal(gnutls_x509_crt_init(&kit->certificate), 0);
    assert_int_equal(gnutls_x509_crt_set_version(kit->certificate, 3), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(kit->certificate, "\x01", 1), 0);
    assert_int_equal(gnutls_x509_crt_set_dn(kit->certificate, kit->dn, NULL), 0);
    assert_int_equal(gnutls_x509_crt_set_activation_time(kit->certificate, kit->not_before_sec), 0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(kit->certificate, kit->not_after_sec), 0);
    if (kit->modulus_bits) {
        certificate_kit_show_rsa(kit);
    } else {
        assert_int_equal(gnutls_x509_crt_set_key(kit->certificate, kit->key), 0);
    }
    certificate_kit_extend(kit);
    if (!issuer) {
        issuer = kit;
    }
    assert_int_equal(gnutls_x509_crt_sign2(kit->certificate, issuer->certificate, issuer->key,
                                           kit->hash ? kit->hash : GNUTLS_DIG_SHA256, 0),
                     0);
    certificate_kit_reparse(kit);
}

static inline void certificate_kit_free(struct certificate_kit *kit)
{
    gnutls_x509_crt_deinit(kit->certificate);
    gnutls_x509_privkey_deinit(kit->key);
    kit->certificate = NULL;
    kit->key = NULL;
}

static inline void certificate_kit_write(const char *path, gnutls_datum_t *pem)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(pem->data, 1, pem->size, file), pem->size);
    assert_int_equal(fclose(file), 0);
    gnutls_free(pem->data);
}

/** certificate_kit_save() - write what was issued to two files, as PEM */
static inline void certificate_kit_save(const struct certificate_kit *kit,
                                        const char *certificate_path,
                                        const char *key_path)
{
    gnutls_datum_t pem = { 0 };
    assert_int_equal(gnutls_x509_privkey_export2(kit->key, GNUTLS_X509_FMT_PEM, &pem), 0);
    certificate_kit_write(key_path, &pem);
    assert_int_equal(gnutls_x509_crt_export2(kit->certificate, GNUTLS_X509_FMT_PEM, &pem), 0);
    certificate_kit_write(certificate_path, &pem);
}

/** certificate_kit_make() - a self-signed serving certificate without a flaw, in two files.
 * @not_after_sec: when the certificate ends */
static inline void certificate_kit_make(const char *certificate_path,
                                        const char *key_path,
                                        int64_t not_after_sec)
{
    struct certificate_kit kit = { .dn = "CN=localhost",
                                   .names = { "DNS:localhost" },
                                   .not_after_sec = not_after_sec };
    certificate_kit_issue(&kit, NULL);
    certificate_kit_save(&kit, certificate_path, key_path);
    certificate_kit_free(&kit);
}
