/* SPDX-License-Identifier: Apache-2.0 */
/* What PEM texts are: which of two stands in the other's place, and what OpenSSL would take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/pem.h"
#include "support/certificate_kit.h"

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
#define KEY(kind)   "-----BEGIN " kind "PRIVATE KEY-----\nAA==\n-----END " kind "PRIVATE KEY-----\n"

static const struct {
    const char *name;
    const char *certificate;
    const char *key;
    bool want;
} rows[] = {
    { "as they should be", CERTIFICATE, KEY(""), false },
    { "swapped", KEY(""), CERTIFICATE, true },
    { "swapped, a key in an older form", "text before\n" KEY("RSA "), CERTIFICATE CERTIFICATE,
      true },
    { "swapped, an encrypted key", KEY("ENCRYPTED "), CERTIFICATE, true },
    { "both in each", CERTIFICATE KEY(""), CERTIFICATE KEY(""), false },
    { "the key twice", KEY(""), KEY(""), false },
    { "the certificate twice", CERTIFICATE, CERTIFICATE, false },
    { "a key and nothing", KEY(""), "", false },
    { "nothing and a certificate", "", CERTIFICATE, false },
    { "no PEM", "certificate", "key", false },
};

static void test_pem_pair_is_swapped_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        print_message("# row: %s\n", rows[i].name);
        assert_int_equal(pem_pair_is_swapped(span_of(rows[i].certificate), span_of(rows[i].key)),
                         rows[i].want);
    }
}

/* Two pairs, and what can be wrong with one. All are owned. */
struct texts {
    struct span a;
    struct span a_key;
    struct span b;
    struct span b_key;
    struct span locked_key; /* of a, behind a passphrase */
    struct span locked;     /* a, said to be encrypted: RFC 1421 section 4.6.1.1 */
    struct span spoilt;     /* a and b, and a character of b is none of base64 */
    struct span spoilt_key;
};

static struct span take(gnutls_datum_t *pem)
{
    struct span copy = { .at = span_copy((struct span){ (const char *)pem->data, pem->size }),
                         .len = pem->size };
    assert_non_null(copy.at);
    gnutls_free(pem->data);
    return copy;
}

static void make_pair(struct span *ret_certificate, struct span *ret_key, struct span *ret_locked)
{
    struct certificate_kit kit = { .dn = "CN=TEST-ONLY" };
    gnutls_datum_t pem = { 0 };
    certificate_kit_issue(&kit, NULL);
    assert_int_equal(gnutls_x509_crt_export2(kit.certificate, GNUTLS_X509_FMT_PEM, &pem), 0);
    *ret_certificate = take(&pem);
    assert_int_equal(gnutls_x509_privkey_export2(kit.key, GNUTLS_X509_FMT_PEM, &pem), 0);
    *ret_key = take(&pem);
    if (ret_locked) {
        assert_int_equal(gnutls_x509_privkey_export2_pkcs8(kit.key, GNUTLS_X509_FMT_PEM,
                                                           "TEST-ONLY", GNUTLS_PKCS_PBES2_AES_128,
                                                           &pem),
                         0);
        *ret_locked = take(&pem);
    }
    certificate_kit_free(&kit);
}

static struct span join(struct span a, struct span b, struct span c)
{
    const struct span joined = { .at = span_join(a, b, c), .len = a.len + b.len + c.len };
    assert_non_null(joined.at);
    return joined;
}

static struct span spoil(struct span text)
{
    ((char *)(uintptr_t)text.at)[text.len / 4 * 3] = '!';
    return text;
}

static void texts_make(struct texts *texts)
{
    const struct span begin = SPAN_LITERAL("-----BEGIN CERTIFICATE-----\n");
    const struct span lock = SPAN_LITERAL("Proc-Type: 4,ENCRYPTED\n"
                                          "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n"
                                          "\n");
    make_pair(&texts->a, &texts->a_key, &texts->locked_key);
    make_pair(&texts->b, &texts->b_key, NULL);
    assert_true(span_starts_with(texts->a, begin));
    texts->locked = join(begin, lock, span_after(texts->a, begin.len));
    texts->spoilt = spoil(join(texts->a, texts->b, (struct span){ 0 }));
    texts->spoilt_key = spoil(join(texts->a_key, (struct span){ 0 }, (struct span){ 0 }));
}

static void texts_free(struct texts *texts)
{
    struct span *const all[] = { &texts->a,      &texts->a_key,      &texts->b,
                                 &texts->b_key,  &texts->locked_key, &texts->locked,
                                 &texts->spoilt, &texts->spoilt_key };
    for (size_t i = 0; i < COUNTOF(all); i++) {
        free((char *)(uintptr_t)all[i]->at);
    }
}

static void test_pem_check_certificates_rows(void **state)
{
    (void)state;
    struct texts texts;
    texts_make(&texts);
    const struct span both = join(texts.a, SPAN_LITERAL("between\n"), texts.b);
    const struct span with_key = join(texts.a_key, texts.a, (struct span){ 0 });
    const struct {
        const char *name;
        struct span pem;
        enum status want;
    } check_rows[] = {
        { "one", texts.a, ST_OK },
        { "two, and words between them", both, ST_OK },
        { "with a key beside it", with_key, ST_OK },
        { "a key alone", texts.a_key, ST_INVALID },
        { "the second is broken", texts.spoilt, ST_INVALID },
        { "behind a passphrase", texts.locked, ST_INVALID },
        { "no PEM", SPAN_LITERAL("TEST-ONLY"), ST_INVALID },
        { "an empty text", SPAN_LITERAL(""), ST_INVALID },
        { "no text", { 0 }, ST_INVALID },
        { "longer than OpenSSL can take", { texts.a.at, (size_t)INT32_MAX + 1 }, ST_LIMIT },
    };
    for (size_t i = 0; i < COUNTOF(check_rows); i++) {
        print_message("# row: %s\n", check_rows[i].name);
        assert_int_equal(pem_check_certificates(check_rows[i].pem), check_rows[i].want);
    }
    free((char *)(uintptr_t)both.at);
    free((char *)(uintptr_t)with_key.at);
    texts_free(&texts);
}

static void test_pem_check_pair_rows(void **state)
{
    (void)state;
    struct texts texts;
    texts_make(&texts);
    const struct span chain = join(texts.a, texts.b, (struct span){ 0 });
    const struct span both = join(texts.a_key, texts.a, (struct span){ 0 });
    const struct span noise = SPAN_LITERAL("TEST-ONLY");
    const struct {
        const char *name;
        struct span certificate;
        struct span key;
        enum status want;
        enum pem_pair_fault fault;
    } check_rows[] = {
        { "a pair", texts.a, texts.a_key, ST_OK, 0 },
        { "a chain and the key of its first", chain, texts.a_key, ST_OK, 0 },
        { "a chain and the key of its second", chain, texts.b_key, ST_INVALID, PEM_PAIR_MISMATCH },
        { "both in one", both, both, ST_OK, 0 },
        { "another's key", texts.a, texts.b_key, ST_INVALID, PEM_PAIR_MISMATCH },
        { "swapped", texts.a_key, texts.a, ST_INVALID, PEM_PAIR_SWAPPED },
        { "the key twice", texts.a_key, texts.a_key, ST_INVALID, PEM_PAIR_NO_CERTIFICATE },
        { "no certificate", noise, texts.a_key, ST_INVALID, PEM_PAIR_NO_CERTIFICATE },
        { "a broken certificate", span_after(texts.spoilt, texts.a.len), texts.b_key, ST_INVALID,
          PEM_PAIR_NO_CERTIFICATE },
        { "nothing at all", { 0 }, { 0 }, ST_INVALID, PEM_PAIR_NO_CERTIFICATE },
        { "the certificate twice", texts.a, texts.a, ST_INVALID, PEM_PAIR_NO_KEY },
        { "no key", texts.a, noise, ST_INVALID, PEM_PAIR_NO_KEY },
        { "a broken key", texts.a, texts.spoilt_key, ST_INVALID, PEM_PAIR_NO_KEY },
        { "a key with a passphrase", texts.a, texts.locked_key, ST_INVALID, PEM_PAIR_NO_KEY },
        { "a certificate longer than OpenSSL can take",
          { texts.a.at, (size_t)INT32_MAX + 1 },
          texts.a_key,
          ST_LIMIT,
          0 },
        { "a key longer than OpenSSL can take",
          texts.a,
          { texts.a.at, (size_t)INT32_MAX + 1 },
          ST_LIMIT,
          0 },
    };
    for (size_t i = 0; i < COUNTOF(check_rows); i++) {
        enum pem_pair_fault fault =
            check_rows[i].fault == PEM_PAIR_SWAPPED ? PEM_PAIR_MISMATCH : PEM_PAIR_SWAPPED;
        print_message("# row: %s\n", check_rows[i].name);
        assert_int_equal(pem_check_pair(check_rows[i].certificate, check_rows[i].key, &fault),
                         check_rows[i].want);
        assert_true(check_rows[i].want != ST_INVALID || fault == check_rows[i].fault);
    }
    free((char *)(uintptr_t)chain.at);
    free((char *)(uintptr_t)both.at);
    texts_free(&texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pem_pair_is_swapped_rows),
        cmocka_unit_test(test_pem_check_certificates_rows),
        cmocka_unit_test(test_pem_check_pair_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
