/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What clients written in Go, kube-apiserver before all, will say of a serving certificate.
 *
 * GnuTLS serves whatever certificate fits its key. Go's verifier (crypto/x509, crypto/tls) refuses
 * many of them, and tells so only in the log of the other side. What does not hang on what that
 * side trusts is found here: of the certificate itself it is certain; of what stands behind it in
 * the file it is not, since the other side may trust an intermediate directly, or a renewed one of
 * the same name.
 *
 * Threads: any; nothing is kept.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/x509.h>

#include "base/compiler.h"
#include "base/problem.h"

#define TLS_JUDGE_PATH_MAX 6  /* certificates of a way to a CA that are looked at; usual are two */
#define TLS_SUBJECT_MAX    33 /* bytes with NUL of a name in a finding; enough to recognize it */
#define TLS_FINDINGS_MAX   8  /* further ones show when these are mended */

enum tls_flaw {
    TLS_FLAW_EXPIRED = 0,
    TLS_FLAW_NOT_YET_VALID,
    TLS_FLAW_NO_SAN,      /* a common name only */
    TLS_FLAW_NO_NAME,     /* nothing that a host could be compared with */
    TLS_FLAW_NO_CA,       /* stands as an issuer and may not be one */
    TLS_FLAW_SIGNATURE,   /* by an algorithm that Go refuses or does not have */
    TLS_FLAW_WRONG_USAGE, /* not for servers */
    TLS_FLAW_RSA_SHORT,
    TLS_FLAW_RSA_LONG,
    TLS_FLAW_KEY_KIND,
    TLS_FLAW_GAP, /* an issuer is missing between this one and the others of the file */
    TLS_FLAW_COUNT_
};

/** What one certificate is judged by. */
struct tls_certificate_facts {
    unsigned flaws; /* a bit each, 1U << enum tls_flaw: those that time does not change */
    int64_t not_before_sec;
    int64_t not_after_sec;
    unsigned key_bits;
    bool is_self_signed;
    gnutls_sign_algorithm_t signature;
    char subject[TLS_SUBJECT_MAX];
    char issuer[TLS_SUBJECT_MAX];
};

/** The certificate and its way to a CA, as far as the file has it. All-zero: no certificate. */
struct tls_chain_facts {
    struct tls_certificate_facts path[TLS_JUDGE_PATH_MAX]; /* the serving certificate first */
    unsigned count;
};

struct tls_finding {
    enum tls_flaw flaw;
    bool is_certain;   /* whoever verifies as Go does refuses it, whatever he trusts */
    char problem[160]; /* what is wrong, with which certificate */
    char says[96];     /* what kube-apiserver's log has of it, without what hangs on the URL */
    const char *mend;
};

/** tls_judge_read() - take down what @file, the certificates of a file in its order, will be judged
 * by */
void tls_judge_read(const gnutls_x509_crt_t *file,
                    unsigned count,
                    struct tls_chain_facts *ret_facts) NONNULL(3);

/**
 * tls_judge() - what is wrong with it now
 *
 * Return: how many of @ret_findings were filled in; the certain ones come first, and of them what
 * Go would find first.
 * Source: crypto/x509 verify.go and x509.go, crypto/tls handshake_client.go, crypto/rsa rsa.go of
 * Go 1.26; each row of the test was tried with a program made by it.
 */
size_t tls_judge(const struct tls_chain_facts *facts,
                 int64_t now_sec,
                 struct tls_finding ret_findings[static TLS_FINDINGS_MAX]) NODISCARD NONNULL(1);

/** tls_flaw_label() - "wrong_usage", for logs */
const char *tls_flaw_label(enum tls_flaw flaw);

/** tls_finding_tell() - what is wrong, what kube-apiserver says, and the mend, in one line; leaves
 * the file of @problem alone */
void tls_finding_tell(const struct tls_finding *finding, struct problem *problem) NONNULL(1, 2);

/** tls_findings_tell() - the first of them, and how many more there are; nothing for none. Return:
 * is the certificate in force, by its time? */
bool tls_findings_tell(const struct tls_finding *findings, size_t count, struct problem *problem)
    NONNULL(3);
