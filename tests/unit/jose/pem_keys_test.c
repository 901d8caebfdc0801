/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of PEM texts: every form that kube-apiserver takes, and what is said of the others. All keys
 * are TEST-ONLY and made at run time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/compiler.h"
#include "jose/pem_keys.h"
#include "support/jose_kit.h"

#define TOLD_MAX 8
#define TEXT_MAX 16384

struct told {
    struct pem_key keys[TOLD_MAX];
    size_t count;
    size_t max; /* as many, and then enough */
};

static enum status note(void *ctx, const struct pem_key *key)
{
    struct told *const told = ctx;
    if (told->count == told->max) {
        (void)jose_key_unref(key->key);
        return ST_LIMIT;
    }
    assert_int_equal(key->status == ST_OK, key->key != NULL);
    assert_int_equal(key->status == ST_OK, key->expected == NULL);
    told->keys[told->count++] = *key;
    return ST_OK;
}

static void read_text(const char *text, struct told *told)
{
    *told = (struct told){ .max = TOLD_MAX };
    assert_int_equal(pem_keys_read(span_of(text), note, told), ST_OK);
    assert_int_equal(ERR_peek_error(), 0);
}

static void forget(struct told *told)
{
    for (size_t i = 0; i < told->count; i++) {
        (void)jose_key_unref(told->keys[i].key);
    }
}

/* The one key of @text, which must be that of @pkey. */
static void require_key(const char *name, const char *text, EVP_PKEY *pkey)
{
    const enum jws_algorithm algorithm = EVP_PKEY_is_a(pkey, "RSA")       ? JWS_RS256
                                         : EVP_PKEY_get_bits(pkey) == 256 ? JWS_ES256
                                         : EVP_PKEY_get_bits(pkey) == 384 ? JWS_ES384
                                                                          : JWS_ES512;
    struct told told;
    print_message("# row: %s\n", name);
    read_text(text, &told);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.keys[0].status, ST_OK);
    unsigned char signature[JOSE_KIT_SIGNATURE_MAX];
    const size_t len = jose_kit_sign(pkey, algorithm, SPAN_LITERAL("a.b"), signature);
    assert_int_equal(jose_key_verify(told.keys[0].key, algorithm, SPAN_LITERAL("a.b"),
                                     (struct span){ (const char *)signature, len }),
                     ST_OK);
    assert_int_equal(jose_key_id(told.keys[0].key).len, 43);
    forget(&told);
}

/* One that OpenSSL wrote into @bio. The caller frees it. */
static char *text_of(BIO *bio)
{
    char *at = NULL;
    const long len = BIO_get_mem_data(bio, &at);
    char *const text = span_copy((struct span){ at, (size_t)len });
    assert_non_null(text);
    assert_int_equal(BIO_free(bio), 1);
    return text;
}

static char *traditional(EVP_PKEY *pkey)
{
    BIO *const bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    return text_of(bio);
}

static char *certificate(EVP_PKEY *pkey)
{
    X509 *const x509 = X509_new();
    assert_int_equal(X509_set_pubkey(x509, pkey), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x509), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x509), 60));
    assert_true(X509_sign(x509, pkey, EVP_sha256()) > 0);
    BIO *const bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
    X509_free(x509);
    return text_of(bio);
}

static char *encrypted(EVP_PKEY *pkey, bool is_traditional)
{
    BIO *const bio = BIO_new(BIO_s_mem());
    unsigned char passphrase[] = "TEST-ONLY";
    assert_int_equal(is_traditional ? PEM_write_bio_PrivateKey_traditional(
                                          bio, pkey, EVP_aes_128_cbc(), passphrase, 9, NULL, NULL)
                                    : PEM_write_bio_PrivateKey(bio, pkey, EVP_aes_128_cbc(),
                                                               passphrase, 9, NULL, NULL),
                     1);
    return text_of(bio);
}

static void test_pem_keys_read_each_form(void **state)
{
    (void)state;
    EVP_PKEY *const pkeys[] = { jose_kit_rsa(2048), jose_kit_curve("P-256"),
                                jose_kit_curve("P-384"), jose_kit_curve("P-521") };
    for (size_t i = 0; i < COUNTOF(pkeys); i++) {
        char *const texts[] = { jose_kit_pem(pkeys[i], false), jose_kit_pem(pkeys[i], true),
                                traditional(pkeys[i]), certificate(pkeys[i]) };
        const char *const names[] = { "PKIX", "PKCS 8", "PKCS 1 or SEC 1", "certificate" };
        for (size_t j = 0; j < COUNTOF(texts); j++) {
            require_key(names[j], texts[j], pkeys[i]);
            free(texts[j]);
        }
        EVP_PKEY_free(pkeys[i]);
    }
}

static void require_refused(const char *name, char *text, enum status want, const char *expected)
{
    struct told told;
    read_text(text, &told);
    if (told.count != 1 || told.keys[0].status != want ||
        !strstr(told.keys[0].expected, expected)) {
        fail_msg("%s: %zu told, status %s, expected %s", name, told.count,
                 status_label(told.keys[0].status), told.keys[0].expected);
    }
    forget(&told);
    free(text);
}

static char *explicit_curve(void)
{
    EVP_PKEY *const pkey = jose_kit_curve("P-256");
    assert_int_equal(EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING,
                                                    OSSL_PKEY_EC_ENCODING_EXPLICIT),
                     1);
    char *const text = jose_kit_pem(pkey, false);
    EVP_PKEY_free(pkey);
    return text;
}

static char *of_new(EVP_PKEY *pkey, char *(*write)(EVP_PKEY *))
{
    assert_non_null(pkey);
    char *const text = write(pkey);
    EVP_PKEY_free(pkey);
    return text;
}

static char *public_text(EVP_PKEY *pkey)
{
    return jose_kit_pem(pkey, false);
}

static char *encrypted_pkcs8(EVP_PKEY *pkey)
{
    return encrypted(pkey, false);
}

static char *encrypted_traditional(EVP_PKEY *pkey)
{
    return encrypted(pkey, true);
}

static char *copy_of(const char *text)
{
    return span_copy(span_of(text));
}

static void test_pem_keys_read_refused_rows(void **state)
{
    (void)state;
    require_refused("a weak one", of_new(jose_kit_rsa(1024), public_text), ST_INVALID,
                    "2048 to 8192 bits");
    require_refused("a weak one, private", of_new(jose_kit_rsa(1024), traditional), ST_INVALID,
                    "2048 to 8192 bits");
    require_refused("another curve", of_new(jose_kit_curve("secp256k1"), public_text),
                    ST_UNSUPPORTED, "a key of RSA, P-256");
    require_refused("a curve by its numbers", explicit_curve(), ST_UNSUPPORTED,
                    "a key of RSA, P-256");
    require_refused("Ed25519", of_new(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), public_text),
                    ST_UNSUPPORTED, "a key of RSA, P-256");
    require_refused("a passphrase", of_new(jose_kit_curve("P-256"), encrypted_pkcs8),
                    ST_UNSUPPORTED, "without a passphrase");
    require_refused("a passphrase, traditional",
                    of_new(jose_kit_curve("P-256"), encrypted_traditional), ST_UNSUPPORTED,
                    "without a passphrase");
    require_refused("no key in it",
                    copy_of("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
                    ST_SYNTAX, "as its BEGIN line says");
    require_refused("no base64",
                    copy_of("-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----\n"),
                    ST_SYNTAX, "between a BEGIN");
    require_refused("it ends early", copy_of("-----BEGIN PUBLIC KEY-----\nAAAA\n"), ST_SYNTAX,
                    "between a BEGIN");
    require_refused("another END", copy_of("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END KEY-----\n"),
                    ST_SYNTAX, "between a BEGIN");
    require_refused("PKCS 1, public",
                    copy_of("-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n"),
                    ST_UNSUPPORTED, "PKIX");
}

static void test_pem_keys_read_several_with_lines(void **state)
{
    (void)state;
    EVP_PKEY *const pkey = jose_kit_curve("P-256");
    char *const one = jose_kit_pem(pkey, false);
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof(text),
                   "# a comment\n%swords between\n\n"
                   "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
                   "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n%s",
                   one, one);
    struct told told;
    read_text(text, &told);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.keys[0].status, ST_OK);
    assert_int_equal(told.keys[0].line, 2);
    assert_int_equal(told.keys[1].status, ST_SYNTAX);
    assert_int_equal(told.keys[1].line, 11);
    assert_int_equal(told.keys[2].status, ST_OK);
    assert_int_equal(told.keys[2].line, 14);
    assert_true(jose_key_is_same(told.keys[0].key, told.keys[2].key));
    forget(&told);

    told = (struct told){ .max = 1 };
    assert_int_equal(pem_keys_read(span_of(text), note, &told), ST_LIMIT);
    assert_int_equal(told.count, 1);
    forget(&told);
    free(one);
    EVP_PKEY_free(pkey);
}

static void test_pem_keys_read_nothing(void **state)
{
    (void)state;
    const char *const texts[] = { "", "words", "-----BEGIN", "-----BEGIN -----\n",
                                  "-----BEGIN X-----\nAAAA\n-----END X-----\n" };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        struct told told;
        read_text(texts[i], &told);
        assert_true(told.count == 0 || told.keys[0].status != ST_OK);
    }
    struct told told = { .max = TOLD_MAX };
    assert_int_equal(pem_keys_read((struct span){ 0 }, note, &told), ST_OK);
    assert_int_equal(pem_keys_read((struct span){ "", (size_t)INT32_MAX + 1 }, note, &told),
                     ST_LIMIT);
    assert_int_equal(told.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pem_keys_read_each_form),
        cmocka_unit_test(test_pem_keys_read_refused_rows),
        cmocka_unit_test(test_pem_keys_read_several_with_lines),
        cmocka_unit_test(test_pem_keys_read_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
