/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM texts, looked at before they are used.
 *
 * libcurl reads them when it connects, and says then what was wrong with them long before; and a
 * file that rotates may hold a certificate whose key is still to come. So who has read one asks
 * here first, and gets the same answer as libcurl will, since both ask OpenSSL.
 *
 * OpenSSL does not say of every failure that memory was the reason; then the text is taken for a
 * bad one. Keys are wiped by OpenSSL. No state; OpenSSL's queue of errors is left empty.
 */
#include "base/pem.h"

#include <limits.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/openssl_errors.h"

static bool holds(struct span text, struct span mark)
{
    return text.at && memmem(text.at, text.len, mark.at, mark.len);
}

bool pem_pair_is_swapped(struct span certificate, struct span key)
{
    static const struct span certificate_mark = { "-----BEGIN CERTIFICATE-----", 27 };
    static const struct span key_mark = { "PRIVATE KEY-----", 16 }; /* of RSA, EC, PKCS 8 */
    return holds(certificate, key_mark) && !holds(certificate, certificate_mark) &&
           holds(key, certificate_mark) && !holds(key, key_mark);
}

static void free_bio(BIO **bio)
{
    (void)BIO_free(*bio); /* a buffer in memory: nothing can be lost */
}

static void free_certificate(X509 **certificate)
{
    X509_free(*certificate);
}

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_infos(STACK_OF(X509_INFO) * *infos)
{
    sk_X509_INFO_pop_free(*infos, X509_INFO_free);
}

/* What needs a passphrase is refused. Without this OpenSSL would ask for it on the terminal. */
static int no_passphrase(char *ret_text, int size, int is_writing, void *ctx)
{
    (void)ret_text;
    (void)size;
    (void)is_writing;
    (void)ctx;
    return -1;
}

/* NULL: no memory. Borrows @pem, which is no longer than INT_MAX. */
static BIO *open_pem(struct span pem)
{
    return BIO_new_mem_buf(pem.at ? pem.at : "", (int)pem.len);
}

enum status pem_check_certificates(struct span pem)
{
    if (pem.len > INT_MAX) {
        return ST_LIMIT;
    }
    ERR_clear_error(); /* what others have left there is not about @pem */
    CLEANUP(free_bio) BIO *bio = open_pem(pem);
    CLEANUP(free_infos)
    STACK_OF(X509_INFO) *infos =
        bio ? PEM_X509_INFO_read_bio(bio, NULL, no_passphrase, NULL) : NULL;
    bool is_found = false;
    for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
        is_found = is_found || sk_X509_INFO_value(infos, i)->x509;
    }
    if (openssl_errors_drain(ST_OK) == ST_NOMEM || !bio) {
        return ST_NOMEM;
    }
    return is_found ? ST_OK : ST_INVALID;
}

enum status pem_check_pair(struct span certificate,
                           struct span key,
                           enum pem_pair_fault *reterr_fault)
{
    if (certificate.len > INT_MAX || key.len > INT_MAX) {
        return ST_LIMIT;
    }
    ERR_clear_error();
    CLEANUP(free_bio) BIO *certificate_bio = open_pem(certificate);
    CLEANUP(free_bio) BIO *key_bio = open_pem(key);
    CLEANUP(free_certificate)
    X509 *x509 =
        certificate_bio ? PEM_read_bio_X509(certificate_bio, NULL, no_passphrase, NULL) : NULL;
    CLEANUP(free_key)
    EVP_PKEY *pkey = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL) : NULL;
    const bool is_pair = x509 && pkey && X509_check_private_key(x509, pkey) == 1;
    const bool is_no_memory =
        openssl_errors_drain(ST_OK) == ST_NOMEM || !certificate_bio || !key_bio;
    if (is_pair) {
        return ST_OK;
    }
    if (is_no_memory) {
        return ST_NOMEM;
    }
    if (pem_pair_is_swapped(certificate, key)) {
        *reterr_fault = PEM_PAIR_SWAPPED;
    } else if (!x509) {
        *reterr_fault = PEM_PAIR_NO_CERTIFICATE;
    } else {
        *reterr_fault = pkey ? PEM_PAIR_MISMATCH : PEM_PAIR_NO_KEY;
    }
    return ST_INVALID;
}
