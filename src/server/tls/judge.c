/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging a serving certificate as Go's verifier would.
 *
 * The way from the certificate to a CA is looked for among the certificates of the file in any
 * order, as Go does with what a server sends. Where two of them could be the next (cross-signed,
 * or an old one left beside its successor) Go tries both, and what comes behind is not judged. A
 * self-signed certificate ends the way; nobody looks at its signature.
 *
 * The file is the operator's: trusted, but GnuTLS parses it. Threads: any; nothing is kept.
 */
#include "server/tls/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/rfc3339.h"

#define RSA_MIN_BITS 1024 /* crypto/rsa checkKeySize() */
#define RSA_MAX_BITS 8192 /* crypto/tls checkKeySize() */
#define EC_P521_BITS 528  /* GnuTLS counts whole bytes */

/* of one subject alternative name; DNS allows 253. A longer one is a name all the same */
#define NAME_MAX_BYTES 512

#define INVALID_TIME "x509: certificate has expired or is not yet valid"

/* clang-format off */
static const struct {
    const char *label;
    const char *says;
    const char *mend;
} rows[TLS_FLAW_COUNT_] = {
    [TLS_FLAW_EXPIRED] = { "expired", INVALID_TIME, "renew it" },
    [TLS_FLAW_NOT_YET_VALID] = { "not_yet_valid", INVALID_TIME, "set the clock, or issue it for now" },
    [TLS_FLAW_NO_SAN] = { "no_san", "x509: certificate relies on legacy Common Name field, use SANs instead",
        "issue it with the host of the webhook's URL as DNS or IP name" },
    [TLS_FLAW_NO_NAME] = { "no_name", "x509: certificate is not valid for any names",
        "issue it with the host of the webhook's URL as DNS or IP name" },
    [TLS_FLAW_NO_CA] = { "no_ca", "x509: invalid signature: parent certificate cannot sign this kind of certificate",
        "issue it with CA:TRUE and keyCertSign" },
    [TLS_FLAW_SIGNATURE] = { "signature", "x509: cannot verify signature: algorithm unimplemented", "issue it with SHA-256" },
    [TLS_FLAW_WRONG_USAGE] = { "wrong_usage", "x509: certificate specifies an incompatible key usage",
        "issue it with extended key usage serverAuth" },
    [TLS_FLAW_RSA_SHORT] = { "rsa_short", NULL, "issue it for RSA 2048 or ECDSA P-256" },
    [TLS_FLAW_RSA_LONG] = { "rsa_long", "tls: server sent certificate containing RSA key larger than 8192 bits",
        "issue it for RSA 4096 or ECDSA P-256" },
    [TLS_FLAW_KEY_KIND] = { "key_kind", "EOF", "issue it for RSA 2048 or ECDSA P-256" },
    [TLS_FLAW_GAP] = { "gap", "x509: certificate signed by unknown authority",
        "put that one behind it, unless clients trust it" },
};

/* Certain ones in the order in which Go finds them. */
static const enum tls_flaw order[TLS_FLAW_COUNT_] = {
    TLS_FLAW_RSA_LONG, TLS_FLAW_NOT_YET_VALID, TLS_FLAW_EXPIRED, TLS_FLAW_NO_SAN, TLS_FLAW_NO_NAME, TLS_FLAW_NO_CA,
    TLS_FLAW_SIGNATURE, TLS_FLAW_WRONG_USAGE, TLS_FLAW_RSA_SHORT, TLS_FLAW_KEY_KIND, TLS_FLAW_GAP,
};

/* x509.go: those that it refuses by name. */
static const struct {
    gnutls_sign_algorithm_t algorithm;
    const char *says;
} insecure[] = {
    { GNUTLS_SIGN_RSA_SHA1, "x509: cannot verify signature: insecure algorithm SHA1-RSA" },
    { GNUTLS_SIGN_ECDSA_SHA1, "x509: cannot verify signature: insecure algorithm ECDSA-SHA1" },
    { GNUTLS_SIGN_RSA_MD5, "x509: cannot verify signature: insecure algorithm MD5-RSA" },
};
/* clang-format on */

/* --- facts --- */

static bool is_self_signed(gnutls_x509_crt_t certificate)
{
    return gnutls_x509_crt_check_issuer(certificate, certificate) != 0;
}

static bool is_for_servers(gnutls_x509_crt_t certificate)
{
    for (unsigned i = 0;; i++) {
        char oid[128];
        size_t size = sizeof(oid);
        const int rc = gnutls_x509_crt_get_key_purpose_oid(certificate, i, oid, &size, NULL);
        if (rc == GNUTLS_E_SHORT_MEMORY_BUFFER) {
            continue; /* a longer one than those that are looked for */
        }
        if (rc < 0) {
            return i == 0; /* without the extension it is for everything */
        }
        if (strcmp(oid, GNUTLS_KP_TLS_WWW_SERVER) == 0 || strcmp(oid, GNUTLS_KP_ANY) == 0) {
            return true;
        }
    }
}

static unsigned judge_names(gnutls_x509_crt_t certificate)
{
    for (unsigned i = 0;; i++) {
        char name[NAME_MAX_BYTES];
        size_t size = sizeof(name);
        unsigned type = 0;
        const int rc =
            gnutls_x509_crt_get_subject_alt_name2(certificate, i, name, &size, &type, NULL);
        if (rc < 0 && rc != GNUTLS_E_SHORT_MEMORY_BUFFER) {
            size = 0;
            const bool has_cn =
                gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, NULL,
                                              &size) == GNUTLS_E_SHORT_MEMORY_BUFFER;
            return 1U << (i == 0 && has_cn ? TLS_FLAW_NO_SAN : TLS_FLAW_NO_NAME);
        }
        if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_IPADDRESS) {
            return 0;
        }
    }
}

/* x509.go checkSignature(): everything else is insecure, or unknown to it. */
static bool is_signature_good(gnutls_sign_algorithm_t signature)
{
    const gnutls_digest_algorithm_t hash = gnutls_sign_get_hash_algorithm(signature);
    switch ((int)gnutls_sign_get_pk_algorithm(signature)) { /* one of many */
    case GNUTLS_PK_EDDSA_ED25519:
        return true;
    case GNUTLS_PK_RSA:
    case GNUTLS_PK_RSA_PSS:
    case GNUTLS_PK_ECDSA:
        return hash == GNUTLS_DIG_SHA256 || hash == GNUTLS_DIG_SHA384 || hash == GNUTLS_DIG_SHA512;
    default:
        return false;
    }
}

static unsigned judge_key(int algorithm, unsigned bits)
{
    switch (algorithm) {
    case GNUTLS_PK_RSA:
        return (bits < RSA_MIN_BITS ? 1U << TLS_FLAW_RSA_SHORT : 0) |
               (bits > RSA_MAX_BITS ? 1U << TLS_FLAW_RSA_LONG : 0);
    case GNUTLS_PK_ECDSA: /* of the curves that have other sizes TLS in Go has none */
        return bits == 256 || bits == 384 || bits == EC_P521_BITS ? 0 : 1U << TLS_FLAW_KEY_KIND;
    case GNUTLS_PK_EDDSA_ED25519:
        return 0;
    default:
        return 1U << TLS_FLAW_KEY_KIND;
    }
}

/* x509.go CheckSignatureFrom(), verify.go isValid(). */
static bool may_issue(gnutls_x509_crt_t certificate)
{
    unsigned is_ca = 0;
    unsigned usage = 0;
    const bool has_constraints =
        gnutls_x509_crt_get_basic_constraints(certificate, NULL, &is_ca, NULL) >= 0;
    const bool has_usage = gnutls_x509_crt_get_key_usage(certificate, &usage, NULL) >= 0;
    if (has_usage && usage != 0 && !(usage & GNUTLS_KEY_KEY_CERT_SIGN)) {
        return false;
    }
    if (!has_constraints && gnutls_x509_crt_get_version(certificate) < 3) {
        return is_self_signed(certificate); /* roots are older than the extension */
    }
    return is_ca != 0;
}

typedef int get_name_fn(gnutls_x509_crt_t certificate, gnutls_datum_t *ret_name, unsigned flags);

static void take_name(get_name_fn *get,
                      gnutls_x509_crt_t certificate,
                      char ret_name[static TLS_SUBJECT_MAX])
{
    gnutls_datum_t name = { 0 };
    if (get(certificate, &name, 0) >= 0) {
        size_t len = name.size < TLS_SUBJECT_MAX ? name.size : TLS_SUBJECT_MAX - 1;
        while (len < name.size && len > 0 && (name.data[len] & 0xc0) == 0x80) {
            len--; /* not within a character of UTF-8 */
        }
        memcpy(ret_name, name.data, len);
        gnutls_free(name.data);
    }
}

static void read_certificate(gnutls_x509_crt_t certificate,
                             bool is_issuer,
                             struct tls_certificate_facts *facts)
{
    const int key = gnutls_x509_crt_get_pk_algorithm(certificate, &facts->key_bits);
    facts->not_before_sec = (int64_t)gnutls_x509_crt_get_activation_time(certificate);
    facts->not_after_sec = (int64_t)gnutls_x509_crt_get_expiration_time(certificate);
    facts->signature =
        (gnutls_sign_algorithm_t)gnutls_x509_crt_get_signature_algorithm(certificate);
    facts->is_self_signed = is_self_signed(certificate);
    take_name(gnutls_x509_crt_get_dn3, certificate, facts->subject);
    take_name(gnutls_x509_crt_get_issuer_dn3, certificate, facts->issuer);
    facts->flaws = judge_key(key, facts->key_bits);
    if (is_issuer) { /* its key signs certificates only: what TLS lacks is no matter */
        facts->flaws &= ~(1U << TLS_FLAW_KEY_KIND);
        facts->flaws |= may_issue(certificate) ? 0 : 1U << TLS_FLAW_NO_CA;
    } else {
        facts->flaws |= judge_names(certificate);
    }
    if (!facts->is_self_signed && !is_signature_good(facts->signature)) {
        facts->flaws |= 1U << TLS_FLAW_SIGNATURE;
    }
    if (!is_for_servers(certificate)) {
        facts->flaws |= 1U << TLS_FLAW_WRONG_USAGE;
    }
}

/* How many of the file may have issued @certificate, the same one twice counted once. */
static unsigned find_issuer(const gnutls_x509_crt_t *file,
                            unsigned count,
                            gnutls_x509_crt_t certificate,
                            unsigned *ret_index)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++) {
        if (gnutls_x509_crt_check_issuer(certificate, file[i]) == 0 ||
            (found && gnutls_x509_crt_equals(file[*ret_index], file[i]))) {
            continue;
        }
        *ret_index = i;
        found++;
    }
    return found;
}

/* Is there an end that was not reached? The certificate alone, with others that have nothing to do
 * with it, or a root that nothing leads to: else the client's CA is what is not in the file, as
 * usual. */
static bool has_gap(const gnutls_x509_crt_t *file, unsigned count, unsigned path_count)
{
    bool has_others = false;
    bool has_root = false;
    for (unsigned i = 1; i < count; i++) {
        has_others = has_others || !gnutls_x509_crt_equals(file[0], file[i]);
        has_root = has_root || is_self_signed(file[i]);
    }
    return has_others && (path_count == 1 || has_root);
}

void tls_judge_read(const gnutls_x509_crt_t *file,
                    unsigned count,
                    struct tls_chain_facts *ret_facts)
{
    *ret_facts = (struct tls_chain_facts){ 0 };
    unsigned at = 0;
    unsigned issuers = count > 0;
    while (issuers == 1 && ret_facts->count < TLS_JUDGE_PATH_MAX) {
        struct tls_certificate_facts *facts = &ret_facts->path[ret_facts->count];
        read_certificate(file[at], ret_facts->count > 0, facts);
        ret_facts->count++;
        if (facts->is_self_signed) {
            return;
        }
        issuers = find_issuer(file, count, file[at], &at);
    }
    if (issuers == 0 && count > 0 && has_gap(file, count, ret_facts->count)) {
        ret_facts->path[ret_facts->count - 1].flaws |= 1U << TLS_FLAW_GAP;
    }
}

/* --- findings --- */

static void describe_who(const struct tls_chain_facts *facts, unsigned at, char *ret, size_t size)
{
    const struct tls_certificate_facts *certificate = &facts->path[at];
    if (at == 0) {
        (void)snprintf(ret, size, "the certificate");
    } else {
        (void)snprintf(ret, size, "the %s \"%s\"",
                       certificate->is_self_signed ? "CA" : "intermediate", certificate->subject);
    }
}

static void describe(
    const struct tls_chain_facts *facts, unsigned at, enum tls_flaw flaw, char *ret, size_t size)
{
    const struct tls_certificate_facts *certificate = &facts->path[at];
    char who[TLS_SUBJECT_MAX + 32];
    char when[RFC3339_MAX];
    const char *algorithm = gnutls_sign_get_name(certificate->signature);
    describe_who(facts, at, who, sizeof(who));
    rfc3339_format((struct instant){ .sec = flaw == TLS_FLAW_EXPIRED
                                                ? certificate->not_after_sec
                                                : certificate->not_before_sec },
                   when);
    switch (flaw) {
    case TLS_FLAW_EXPIRED:
        (void)snprintf(ret, size, "%s expired at %s", who, when);
        break;
    case TLS_FLAW_NOT_YET_VALID:
        (void)snprintf(ret, size, "%s is not valid before %s", who, when);
        break;
    case TLS_FLAW_NO_SAN:
        (void)snprintf(ret, size, "%s has a common name and no subject alternative name", who);
        break;
    case TLS_FLAW_NO_NAME:
        (void)snprintf(ret, size, "%s has no DNS name and no IP address", who);
        break;
    case TLS_FLAW_NO_CA:
        (void)snprintf(ret, size, "%s may not sign certificates", who);
        break;
    case TLS_FLAW_SIGNATURE:
        (void)snprintf(ret, size, "%s is signed with %s", who, algorithm ? algorithm : "?");
        break;
    case TLS_FLAW_GAP:
        (void)snprintf(ret, size, "the file lacks the issuer of %s, \"%s\"", who,
                       certificate->issuer);
        break;
    case TLS_FLAW_WRONG_USAGE:
        (void)snprintf(ret, size, "%s is not for servers", who);
        break;
    case TLS_FLAW_RSA_SHORT:
    case TLS_FLAW_RSA_LONG:
        (void)snprintf(ret, size, "%s has an RSA key of %u bits", who, certificate->key_bits);
        break;
    case TLS_FLAW_KEY_KIND:
        (void)snprintf(ret, size, "%s has a key of a kind that Go's TLS does not have", who);
        break;
    case TLS_FLAW_COUNT_:
        break; /* no flaw */
    }
}

static void quote(const struct tls_certificate_facts *facts,
                  enum tls_flaw flaw,
                  struct tls_finding *finding)
{
    if (flaw == TLS_FLAW_RSA_SHORT) {
        (void)snprintf(finding->says, sizeof(finding->says), "crypto/rsa: %u-bit keys are insecure",
                       facts->key_bits);
        return;
    }
    const char *says = rows[flaw].says;
    for (size_t i = 0; flaw == TLS_FLAW_SIGNATURE && i < COUNTOF(insecure); i++) {
        says = insecure[i].algorithm == facts->signature ? insecure[i].says : says;
    }
    (void)snprintf(finding->says, sizeof(finding->says), "%s", says);
}

static unsigned flaws_now(const struct tls_certificate_facts *facts, int64_t now_sec)
{
    return facts->flaws | (now_sec > facts->not_after_sec ? 1U << TLS_FLAW_EXPIRED : 0) |
           (now_sec < facts->not_before_sec ? 1U << TLS_FLAW_NOT_YET_VALID : 0);
}

size_t tls_judge(const struct tls_chain_facts *facts,
                 int64_t now_sec,
                 struct tls_finding ret_findings[static TLS_FINDINGS_MAX])
{
    size_t count = 0;
    for (unsigned i = 0; i < facts->count * TLS_FLAW_COUNT_ && count < TLS_FINDINGS_MAX; i++) {
        const unsigned at = i / TLS_FLAW_COUNT_;
        const enum tls_flaw flaw = order[i % TLS_FLAW_COUNT_];
        if (!(flaws_now(&facts->path[at], now_sec) & 1U << flaw)) {
            continue;
        }
        struct tls_finding *finding = &ret_findings[count++];
        *finding = (struct tls_finding){ .flaw = flaw,
                                         .is_certain = at == 0 && flaw != TLS_FLAW_GAP,
                                         .mend = rows[flaw].mend };
        describe(facts, at, flaw, finding->problem, sizeof(finding->problem));
        quote(&facts->path[at], flaw, finding);
    }
    return count;
}

const char *tls_flaw_label(enum tls_flaw flaw)
{
    return rows[flaw].label;
}

static void tell(const struct tls_finding *finding, const char *prefix, struct problem *problem)
{
    problem_set(problem, ST_INVALID, 0, 0, "%s%s; kube-apiserver %s \"%s\"; %s", prefix,
                finding->problem, finding->is_certain ? "says" : "may say", finding->says,
                finding->mend);
}

void tls_finding_tell(const struct tls_finding *finding, struct problem *problem)
{
    tell(finding, "", problem);
}

static bool is_about_time(const struct tls_finding *finding)
{
    return finding->is_certain &&
           (finding->flaw == TLS_FLAW_EXPIRED || finding->flaw == TLS_FLAW_NOT_YET_VALID);
}

bool tls_findings_tell(const struct tls_finding *findings, size_t count, struct problem *problem)
{
    char prefix[32] = "";
    bool is_in_force = true;
    for (size_t i = 0; i < count; i++) {
        is_in_force = is_in_force && !is_about_time(&findings[i]);
    }
    if (count > 1) {
        (void)snprintf(prefix, sizeof(prefix), "1 of %zu: ", count);
    }
    if (count > 0) {
        tell(&findings[0], prefix, problem);
    }
    return is_in_force;
}
