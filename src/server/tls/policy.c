/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which TLS versions and cipher suites are spoken.
 *
 * Offered are the suites that Go still calls secure and GnuTLS has: forward secrecy and an AEAD.
 * The names that kube-apiserver takes but documents as insecure (CBC, RC4, 3DES, plain RSA) are
 * refused at start rather than accepted and ignored. TLS 1.3 suites have no choice in Go; naming
 * one is accepted and changes nothing.
 */
#include "server/tls/policy.h"

#include <string.h>

struct suite {
    const char *name; /* IANA, as Go and Kubernetes spell it */
    gnutls_kx_algorithm_t kx;
    gnutls_cipher_algorithm_t cipher;
    const char *kx_priority; /* NULL for TLS 1.3 */
    const char *cipher_priority;
};

/* clang-format off */
static const struct suite suites_known[] = {
    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",       GNUTLS_KX_ECDHE_ECDSA, GNUTLS_CIPHER_AES_128_GCM,       "+ECDHE-ECDSA", "+AES-128-GCM" },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",       GNUTLS_KX_ECDHE_ECDSA, GNUTLS_CIPHER_AES_256_GCM,       "+ECDHE-ECDSA", "+AES-256-GCM" },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", GNUTLS_KX_ECDHE_ECDSA, GNUTLS_CIPHER_CHACHA20_POLY1305, "+ECDHE-ECDSA", "+CHACHA20-POLY1305" },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",        GNUTLS_KX_ECDHE_ECDSA, GNUTLS_CIPHER_CHACHA20_POLY1305, "+ECDHE-ECDSA", "+CHACHA20-POLY1305" },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",         GNUTLS_KX_ECDHE_RSA,   GNUTLS_CIPHER_AES_128_GCM,       "+ECDHE-RSA",   "+AES-128-GCM" },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",         GNUTLS_KX_ECDHE_RSA,   GNUTLS_CIPHER_AES_256_GCM,       "+ECDHE-RSA",   "+AES-256-GCM" },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",   GNUTLS_KX_ECDHE_RSA,   GNUTLS_CIPHER_CHACHA20_POLY1305, "+ECDHE-RSA",   "+CHACHA20-POLY1305" },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",          GNUTLS_KX_ECDHE_RSA,   GNUTLS_CIPHER_CHACHA20_POLY1305, "+ECDHE-RSA",   "+CHACHA20-POLY1305" },
    { "TLS_AES_128_GCM_SHA256",                        GNUTLS_KX_UNKNOWN,     GNUTLS_CIPHER_AES_128_GCM,       NULL,           "+AES-128-GCM" },
    { "TLS_AES_256_GCM_SHA384",                        GNUTLS_KX_UNKNOWN,     GNUTLS_CIPHER_AES_256_GCM,       NULL,           "+AES-256-GCM" },
    { "TLS_CHACHA20_POLY1305_SHA256",                  GNUTLS_KX_UNKNOWN,     GNUTLS_CIPHER_CHACHA20_POLY1305, NULL,           "+CHACHA20-POLY1305" },
};
/* clang-format on */

/* AEAD ciphers and forward secrecy only. Our order counts, and it is Go's for machines with AES
 * instructions: AES-128-GCM first. Its SHA-256 has instructions too, where the SHA-384 of
 * AES-256-GCM costs a fifth of a whole handshake. */
#define PRIORITY_SIGNATURES "+SIGN-ALL:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1"
#define PRIORITY_GROUPS     "+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1"
#define PRIORITY_CIPHERS    "+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"
#define PRIORITY_BASE       "NONE:+CTYPE-X509:+AEAD:" PRIORITY_SIGNATURES ":" PRIORITY_GROUPS
#define PRIORITY_REST       ":" PRIORITY_CIPHERS ":+ECDHE-ECDSA:+ECDHE-RSA:%SERVER_PRECEDENCE"

static const struct suite *find_suite(const char *name)
{
    for (size_t i = 0; i < COUNTOF(suites_known); i++) {
        if (strcmp(suites_known[i].name, name) == 0) {
            return &suites_known[i];
        }
    }
    return NULL;
}

bool tls_cipher_suite_is_known(const char *name)
{
    return find_suite(name) != NULL;
}

void tls_cipher_suite_names(struct buf *buf)
{
    for (size_t i = 0; i < COUNTOF(suites_known); i++) {
        buf_append_text(buf, i ? "," : "");
        buf_append_text(buf, suites_known[i].name);
    }
}

static bool names_tls12_suite(const char *const *suites, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct suite *suite = find_suite(suites[i]);
        if (suite && suite->kx_priority) {
            return true;
        }
    }
    return false;
}

/* What was named comes first, so that a client which has it gets it. The rest stays, for TLS 1.3.
 */
static void append_preferred(struct buf *buf, const char *const *suites, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct suite *suite = find_suite(suites[i]);
        if (suite && suite->kx_priority) {
            buf_append_char(buf, ':');
            buf_append_text(buf, suite->cipher_priority);
            buf_append_char(buf, ':');
            buf_append_text(buf, suite->kx_priority);
        }
    }
}

enum status tls_priority_build(struct buf *buf,
                               enum tls_min_version min_version,
                               const char *const *suites,
                               size_t count,
                               struct problem *reterr_problem)
{
    for (size_t i = 0; i < count; i++) {
        if (!find_suite(suites[i])) {
            problem_set(reterr_problem, ST_INVALID, 0, 0,
                        "--tls-cipher-suites: unknown or insecure suite");
            return ST_INVALID;
        }
    }
    buf_append_text(buf, PRIORITY_BASE);
    append_preferred(buf, suites, count);
    buf_append_text(buf, PRIORITY_REST);
    buf_append_text(buf, ":+VERS-TLS1.3");
    /* suites that name no TLS 1.2 suite leave that version without any */
    if (min_version == TLS_MIN_VERSION_12 && (count == 0 || names_tls12_suite(suites, count))) {
        buf_append_text(buf, ":+VERS-TLS1.2");
    }
    buf_append_char(buf, '\0');
    return buf->failed ? ST_NOMEM : ST_OK;
}

bool tls_cipher_suite_is_allowed(gnutls_session_t session, const char *const *suites, size_t count)
{
    if (count == 0 || gnutls_protocol_get_version(session) != GNUTLS_TLS1_2) {
        return true;
    }
    const gnutls_kx_algorithm_t kx = gnutls_kx_get(session);
    const gnutls_cipher_algorithm_t cipher = gnutls_cipher_get(session);
    for (size_t i = 0; i < count; i++) {
        const struct suite *suite = find_suite(suites[i]);
        if (suite && suite->kx == kx && suite->cipher == cipher) {
            return true;
        }
    }
    return false;
}
