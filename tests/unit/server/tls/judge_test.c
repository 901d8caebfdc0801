/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is found in a serving certificate and the chain in its file. The texts are those of a client
 * made by Go 1.26 that asked the running server with such certificates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/tls/judge.h"
#include "support/certificate_kit.h"

#define NOW_SEC INT64_C(1767323045) /* 2026-01-02T03:04:05Z */

#define CHAIN_MAX 3

#define GOOD .not_before_sec = NOW_SEC - 3600, .not_after_sec = NOW_SEC + 3600
#define LEAF .dn = "CN=kube-bearer", .names = { "DNS:kube-bearer.svc" }
#define LONG "CN=a name that is cut where it would no longer fit,O=an organization"

#define CLIENT_AUTH              \
    {                            \
        GNUTLS_KP_TLS_WWW_CLIENT \
    }

#define TIME    "x509: certificate has expired or is not yet valid"
#define UNKNOWN "x509: certificate signed by unknown authority"

static const struct certificate_kit inter = { GOOD, .dn = "CN=inter", .is_ca = true };
static const struct certificate_kit root = { GOOD, .dn = "CN=root", .is_ca = true };

/* clang-format off */
static const struct {
    const char *name;
    struct certificate_kit leaf;
    const struct certificate_kit *issuers[CHAIN_MAX - 1]; /* none: it signs itself */
    const char *file; /* what is in it, by digit: 0 the leaf, 1 and 2 its issuers, 9 a stranger */
    const char *want; /* labels in order; those of which it is certain with a ! */
    const char *says; /* of the first */
} rows[] = {
    { "good", { GOOD, LEAF }, { &root }, "0", "", NULL },
    { "good, with everything that may be in it",
      { GOOD, .dn = "CN=x", .names = { "MAIL:a@b.c", "IP:::1" }, .usages = { GNUTLS_KP_TLS_WWW_CLIENT, GNUTLS_KP_TLS_WWW_SERVER },
        .is_no_ca = true, .key_usage = GNUTLS_KEY_DIGITAL_SIGNATURE }, { &root }, "0", "", NULL },
    { "good, for any usage", { GOOD, LEAF, .usages = { GNUTLS_KP_ANY } }, { &root }, "0", "", NULL },
    { "its own CA", { GOOD, LEAF, .is_ca = true }, { NULL }, "0", "", NULL },
    { "valid from this second on", { .not_before_sec = NOW_SEC, .not_after_sec = NOW_SEC + 1, LEAF }, { &root }, "0", "", NULL },
    { "valid for this second", { .not_before_sec = NOW_SEC - 9, .not_after_sec = NOW_SEC, LEAF }, { &root }, "0", "", NULL },
    { "expired", { .not_before_sec = NOW_SEC - 9, .not_after_sec = NOW_SEC - 1, LEAF }, { &root }, "0", "expired!", TIME },
    { "not valid yet", { .not_before_sec = NOW_SEC + 1, .not_after_sec = NOW_SEC + 9, LEAF }, { &root }, "0", "not_yet_valid!", TIME },

    { "a common name only", { GOOD, .dn = "CN=kube-bearer" }, { &root }, "0", "no_san!",
      "x509: certificate relies on legacy Common Name field, use SANs instead" },
    { "no name at all", { GOOD, .dn = "O=kube-bearer" }, { &root }, "0", "no_name!", "x509: certificate is not valid for any names" },
    { "a mail address only", { GOOD, .dn = "CN=kube-bearer", .names = { "MAIL:a@b.c" } }, { &root }, "0", "no_name!",
      "x509: certificate is not valid for any names" },

    { "for clients only", { GOOD, LEAF, .usages = CLIENT_AUTH }, { &root }, "0", "wrong_usage!",
      "x509: certificate specifies an incompatible key usage" },

    { "signed with SHA-1 by ECDSA", { GOOD, LEAF, .hash = GNUTLS_DIG_SHA1 }, { &root }, "0", "signature!",
      "x509: cannot verify signature: insecure algorithm ECDSA-SHA1" },
    { "signed with SHA-1 by RSA", { GOOD, LEAF, .hash = GNUTLS_DIG_SHA1 },
      { &(const struct certificate_kit){ GOOD, .dn = "CN=r", .is_ca = true, .algorithm = GNUTLS_PK_RSA, .bits = 2048 } }, "0", "signature!",
      "x509: cannot verify signature: insecure algorithm SHA1-RSA" },
    { "signed with SHA-224", { GOOD, LEAF, .hash = GNUTLS_DIG_SHA224 }, { &root }, "0", "signature!",
      "x509: cannot verify signature: algorithm unimplemented" },
    { "signed with SHA-512", { GOOD, LEAF, .hash = GNUTLS_DIG_SHA512 }, { &root }, "0", "", NULL },
    { "its own CA, signed with SHA-1: nobody looks", { GOOD, LEAF, .hash = GNUTLS_DIG_SHA1 }, { NULL }, "0", "", NULL },

    { "RSA of the fewest bits", { GOOD, LEAF, .algorithm = GNUTLS_PK_RSA, .bits = 1024 }, { &root }, "0", "", NULL },
    { "RSA of fewer bits", { GOOD, LEAF, .algorithm = GNUTLS_PK_RSA, .bits = 1016 }, { &root }, "0", "rsa_short!",
      "crypto/rsa: 1016-bit keys are insecure" },
    { "RSA of the most bits", { GOOD, LEAF, .modulus_bits = 8192 }, { &root }, "0", "", NULL },
    { "RSA of more bits", { GOOD, LEAF, .modulus_bits = 8200 }, { &root }, "0", "rsa_long!",
      "tls: server sent certificate containing RSA key larger than 8192 bits" },
    { "ECDSA P-384", { GOOD, LEAF, .bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1) }, { &root }, "0", "", NULL },
    { "ECDSA P-521", { GOOD, LEAF, .bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1) }, { &root }, "0", "", NULL },
    { "ECDSA P-224", { GOOD, LEAF, .bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP224R1) }, { &root }, "0", "key_kind!", "EOF" },
    { "Ed25519", { GOOD, LEAF, .algorithm = GNUTLS_PK_EDDSA_ED25519, .bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519) },
      { &root }, "0", "", NULL },
    { "Ed448", { GOOD, LEAF, .algorithm = GNUTLS_PK_EDDSA_ED448, .bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED448) }, { &root }, "0",
      "key_kind!", "EOF" },
    { "RSA-PSS", { GOOD, LEAF, .algorithm = GNUTLS_PK_RSA_PSS, .bits = 2048 }, { &root }, "0", "key_kind!", "EOF" },

    { "intermediate there", { GOOD, LEAF }, { &inter, &root }, "01", "", NULL },
    { "intermediate and root there, in any order", { GOOD, LEAF }, { &inter, &root }, "021", "", NULL },
    { "intermediate twice", { GOOD, LEAF }, { &inter, &root }, "0110", "", NULL },
    { "intermediate not there: it may be what clients trust", { GOOD, LEAF }, { &inter, &root }, "0", "", NULL },
    { "intermediate missing before the root", { GOOD, LEAF }, { &inter, &root }, "02", "gap", UNKNOWN },
    { "intermediate missing before a stranger", { GOOD, LEAF }, { &inter, &root }, "09", "gap", UNKNOWN },
    { "a stranger beside it", { GOOD, LEAF }, { &root }, "019", "", NULL },
    { "a root that is no root of it", { GOOD, LEAF }, { &inter, &root }, "019", "gap", UNKNOWN },
    { "intermediate expired", { GOOD, LEAF }, { &(const struct certificate_kit){ .dn = "CN=i", .is_ca = true, .not_after_sec = NOW_SEC - 1 }, &root },
      "01", "expired", TIME },
    { "intermediate expired, and there twice", { GOOD, LEAF },
      { &(const struct certificate_kit){ .dn = "CN=i", .is_ca = true, .not_after_sec = NOW_SEC - 1 }, &root }, "011", "expired", TIME },
    { "root expired", { GOOD, LEAF }, { &(const struct certificate_kit){ .dn = "CN=r", .is_ca = true, .not_after_sec = NOW_SEC - 1 } },
      "01", "expired", TIME },
    { "intermediate not valid yet", { GOOD, LEAF },
      { &(const struct certificate_kit){ .dn = "CN=i", .is_ca = true, .not_before_sec = NOW_SEC + 1, .not_after_sec = NOW_SEC + 9 }, &root },
      "01", "not_yet_valid", TIME },
    { "intermediate signed with SHA-1", { GOOD, LEAF },
      { &(const struct certificate_kit){ GOOD, .dn = "CN=i", .is_ca = true, .hash = GNUTLS_DIG_SHA1 }, &root }, "01", "signature",
      "x509: cannot verify signature: insecure algorithm ECDSA-SHA1" },
    { "root signed with SHA-1", { GOOD, LEAF }, { &(const struct certificate_kit){ GOOD, .dn = "CN=r", .is_ca = true, .hash = GNUTLS_DIG_SHA1 } },
      "01", "", NULL },
    { "intermediate that is no CA", { GOOD, LEAF }, { &(const struct certificate_kit){ GOOD, .dn = "CN=i", .is_no_ca = true }, &root }, "01", "no_ca",
      "x509: invalid signature: parent certificate cannot sign this kind of certificate" },
    { "intermediate that does not say it is one", { GOOD, LEAF }, { &(const struct certificate_kit){ GOOD, .dn = "CN=i" }, &root }, "01", "no_ca",
      "x509: invalid signature: parent certificate cannot sign this kind of certificate" },
    { "intermediate that may sign, but no certificates", { GOOD, LEAF },
      { &(const struct certificate_kit){ GOOD, .dn = "CN=i", .is_ca = true, .key_usage = GNUTLS_KEY_CRL_SIGN }, &root }, "01", "no_ca",
      "x509: invalid signature: parent certificate cannot sign this kind of certificate" },
    { "intermediate for clients only", { GOOD, LEAF },
      { &(const struct certificate_kit){ GOOD, .dn = "CN=i", .is_ca = true, .usages = CLIENT_AUTH }, &root }, "01", "wrong_usage",
      "x509: certificate specifies an incompatible key usage" },
    { "intermediate of few bits", { GOOD, LEAF },
      { &(const struct certificate_kit){ GOOD, .dn = "CN=i", .is_ca = true, .algorithm = GNUTLS_PK_RSA, .bits = 1016 }, &root }, "01", "rsa_short",
      "crypto/rsa: 1016-bit keys are insecure" },

    { "several at once, what Go finds first in front",
      { .dn = LONG, .not_after_sec = NOW_SEC - 1, .usages = CLIENT_AUTH, .algorithm = GNUTLS_PK_RSA, .bits = 1016, .hash = GNUTLS_DIG_SHA1 },
      { &(const struct certificate_kit){ .dn = LONG "2", .not_after_sec = NOW_SEC - 1 }, &root }, "012",
      "expired! no_san! signature! wrong_usage! rsa_short! expired no_ca", TIME },
    { "several at once, with a gap",
      { GOOD, LEAF, .usages = CLIENT_AUTH }, { &(const struct certificate_kit){ GOOD, .dn = LONG }, &root }, "02", "wrong_usage! gap",
      "x509: certificate specifies an incompatible key usage" },
};
/* clang-format on */

struct chain {
    struct certificate_kit made[CHAIN_MAX];
    size_t count;
    struct certificate_kit stranger;
};

static void chain_make(struct chain *chain,
                       const struct certificate_kit *leaf,
                       const struct certificate_kit *const *issuers)
{
    *chain = (struct chain){ .made = { *leaf }, .count = 1 };
    while (chain->count < CHAIN_MAX && issuers[chain->count - 1]) {
        chain->made[chain->count] = *issuers[chain->count - 1];
        chain->count++;
    }
    for (size_t i = chain->count; i > 0; i--) {
        certificate_kit_issue(&chain->made[i - 1], i < chain->count ? &chain->made[i] : NULL);
    }
    chain->stranger = (struct certificate_kit){ GOOD, .dn = "CN=stranger", .is_ca = true };
    certificate_kit_issue(&chain->stranger, NULL);
}

static void chain_free(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        certificate_kit_free(&chain->made[i]);
    }
    certificate_kit_free(&chain->stranger);
}

static size_t judge(const struct chain *chain,
                    const char *digits,
                    struct tls_finding ret_findings[static TLS_FINDINGS_MAX])
{
    gnutls_x509_crt_t file[8];
    struct tls_chain_facts facts;
    unsigned count = 0;
    for (; digits[count]; count++) {
        file[count] = digits[count] == '9' ? chain->stranger.certificate
                                           : chain->made[digits[count] - '0'].certificate;
    }
    tls_judge_read(file, count, &facts);
    return tls_judge(&facts, NOW_SEC, ret_findings);
}

/* Nothing was cut: a line ends with its mend. */
static void check_line(const struct tls_finding *finding)
{
    struct problem problem = { 0 };
    tls_finding_tell(finding, &problem);
    const char *line = problem.text;
    const size_t len = strlen(line);
    const size_t mend = strlen(finding->mend);
    assert_true(len > mend);
    assert_string_equal(line + len - mend, finding->mend);
    assert_non_null(strstr(line, finding->problem));
    assert_non_null(strstr(line, finding->says));
}

static void test_tls_judge_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct tls_finding findings[TLS_FINDINGS_MAX];
        struct chain chain;
        char labels[256] = "";
        print_message("# row: %s\n", rows[i].name);
        chain_make(&chain, &rows[i].leaf, rows[i].issuers);
        const size_t count = judge(&chain, rows[i].file, findings);
        for (size_t j = 0; j < count; j++) {
            const size_t len = strlen(labels);
            (void)snprintf(labels + len, sizeof(labels) - len, "%s%s%s", j ? " " : "",
                           tls_flaw_label(findings[j].flaw), findings[j].is_certain ? "!" : "");
            check_line(&findings[j]);
        }
        assert_string_equal(labels, rows[i].want);
        if (rows[i].says) {
            assert_string_equal(findings[0].says, rows[i].says);
        }
        chain_free(&chain);
    }
}

/* The same certificate, while time goes on. */
static void test_tls_judge_time_is_the_callers(void **state)
{
    (void)state;
    struct certificate_kit kit = { GOOD, LEAF };
    struct tls_finding findings[TLS_FINDINGS_MAX];
    struct tls_chain_facts facts;
    certificate_kit_issue(&kit, NULL);
    tls_judge_read(&kit.certificate, 1, &facts);
    assert_int_equal(tls_judge(&facts, NOW_SEC - 3601, findings), 1);
    assert_string_equal(findings[0].problem,
                        "the certificate is not valid before 2026-01-02T02:04:05Z");
    assert_int_equal(tls_judge(&facts, NOW_SEC, findings), 0);
    assert_int_equal(tls_judge(&facts, NOW_SEC + 3601, findings), 1);
    assert_string_equal(findings[0].problem, "the certificate expired at 2026-01-02T04:04:05Z");
    certificate_kit_free(&kit);
}

static void test_tls_judge_names_who_it_is_about(void **state)
{
    (void)state;
    static const struct certificate_kit leaf = { GOOD, LEAF };
    static const struct certificate_kit expired = { .dn = LONG, .is_ca = true };
    static const struct certificate_kit *const issuers[] = { &expired, &root };
    struct tls_finding findings[TLS_FINDINGS_MAX];
    struct chain chain;
    struct problem problem = { 0 };
    chain_make(&chain, &leaf, issuers);
    assert_int_equal(judge(&chain, "01", findings), 1);
    tls_finding_tell(&findings[0], &problem);
    assert_string_equal(problem.text,
                        "the intermediate \"CN=a name that is cut where it w\" expired at "
                        "1970-01-01T00:00:00Z; kube-apiserver may say \"" TIME "\"; renew it");
    assert_int_equal(judge(&chain, "02", findings), 1);
    assert_string_equal(findings[0].problem, "the file lacks the issuer of the certificate, "
                                             "\"CN=a name that is cut where it w\"");
    chain_free(&chain);
}

static void test_tls_judge_of_nothing_finds_nothing(void **state)
{
    (void)state;
    struct tls_finding findings[TLS_FINDINGS_MAX];
    struct tls_chain_facts facts;
    tls_judge_read(NULL, 0, &facts);
    assert_int_equal(tls_judge(&facts, NOW_SEC, findings), 0);
}

/* Only time takes a server out of service, and only the certificate's own. */
static const struct {
    const char *name;
    size_t count;
    struct tls_finding findings[2];
    bool want;
    const char *text;
} tell_rows[] = {
    { .name = "nothing", .count = 0, .want = true, .text = "" },
    { "expired",
      1,
      { { TLS_FLAW_EXPIRED, true, "P", "S", "M" } },
      false,
      "P; kube-apiserver says \"S\"; M" },
    { "not valid yet, behind another",
      2,
      { { TLS_FLAW_RSA_LONG, true, "P", "S", "M" }, { TLS_FLAW_NOT_YET_VALID, true, "", "", "" } },
      false,
      "1 of 2: P; kube-apiserver says \"S\"; M" },
    { "an intermediate expired",
      1,
      { { TLS_FLAW_EXPIRED, false, "P", "S", "M" } },
      true,
      "P; kube-apiserver may say \"S\"; M" },
    { "for clients only",
      1,
      { { TLS_FLAW_WRONG_USAGE, true, "P", "S", "M" } },
      true,
      "P; kube-apiserver says \"S\"; M" },
};

static void test_tls_findings_tell_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(tell_rows); i++) {
        struct problem problem = { 0 };
        print_message("# row: %s\n", tell_rows[i].name);
        assert_int_equal(tls_findings_tell(tell_rows[i].findings, tell_rows[i].count, &problem),
                         tell_rows[i].want);
        assert_string_equal(problem.text, tell_rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_judge_rows),
        cmocka_unit_test(test_tls_judge_time_is_the_callers),
        cmocka_unit_test(test_tls_judge_names_who_it_is_about),
        cmocka_unit_test(test_tls_judge_of_nothing_finds_nothing),
        cmocka_unit_test(test_tls_findings_tell_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
