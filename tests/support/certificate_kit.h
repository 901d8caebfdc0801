/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A self-signed serving certificate and its key, made at run time, as files. */
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <gnutls/x509.h>

static inline void certificate_kit_write(const char *path, gnutls_datum_t *pem)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(pem->data, 1, pem->size, file), pem->size);
    assert_int_equal(fclose(file), 0);
    gnutls_free(pem->data);
}

/** certificate_kit_make() - write both files. @not_after_sec: when the certificate ends */
static inline void certificate_kit_make(const char *certificate_path,
                                        const char *key_path,
                                        int64_t not_after_sec)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    gnutls_datum_t pem = { 0 };
    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(
                         key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
    certificate_kit_write(key_path, &pem);
    assert_int_equal(gnutls_x509_crt_init(&certificate), 0);
    assert_int_equal(gnutls_x509_crt_set_version(certificate, 3), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(certificate, "\x01", 1), 0);
    assert_int_equal(gnutls_x509_crt_set_dn(certificate, "CN=localhost", NULL), 0);
    assert_int_equal(gnutls_x509_crt_set_activation_time(certificate, 0), 0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(certificate, not_after_sec), 0);
    assert_int_equal(gnutls_x509_crt_set_key(certificate, key), 0);
    assert_int_equal(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem), 0);
    certificate_kit_write(certificate_path, &pem);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}
