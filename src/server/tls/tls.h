/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the server proves and demands in TLS: certificate, key, client CA, and their replacement
 * while running.
 *
 * One immutable bundle (struct tls_credentials) is in force at a time. A reload builds and checks a
 * new one completely and then publishes it; connections keep the bundle they shook hands with until
 * they close. The client CA is different: each connection's client certificate is checked against
 * the bundle in force *now*, on open and resumed connections too.
 *
 * Threads: tls_context_reload() on the loop's thread; everything else on any.
 */
#include <stdbool.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "server/tls/judge.h"
#include "server/tls/policy.h"

#define TLS_FILE_MAX_BYTES 1048576 /* a chain is some KiB, a bundle of all public CAs 230 KiB */

struct tls_options {
    const char *cert_file;      /* PEM chain, leaf first */
    const char *key_file;       /* PEM, unencrypted */
    const char *client_ca_file; /* PEM bundle; NULL: no client certificates are asked for */
    const char *const
        *client_allowed_names; /* CN or DNS SAN; none: any certificate of the CA will do */
    size_t client_allowed_name_count;
    enum tls_min_version min_version;
    const char *const *cipher_suites;
    size_t cipher_suite_count;
    bool session_tickets;
    struct clock clock;
};

/** What a scrape and the readyz page are told. Written by the loop, read by any thread through
 * tls_context_stats(). */
struct certificate_stats {
    int64_t not_after_sec; /* of the certificate in service; 0 without TLS */
    uint64_t reloads_ok;
    uint64_t reloads_failed;
    int64_t last_reload_sec; /* 0 for none */
    bool last_reload_ok;
    char last_error[256]; /* "" after a good one */
};

struct tls_context;
struct tls_credentials;

/** tls_context_new() - load everything; @options is copied, what it points at is borrowed for the
 * context's life. Return: ST_OK; ST_IO, ST_INVALID, ST_LIMIT, ST_NOMEM with @reterr_problem naming
 * the file */
enum status tls_context_new(const struct tls_options *options,
                            struct tls_context **ret_context,
                            struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** tls_context_free() - no connection may be left. NULL is fine. Return: NULL */
struct tls_context *tls_context_free(struct tls_context *context);

/**
 * tls_context_reload() - read the files again; publish them if all is well, else keep what is in
 * force
 * @ret_changed: did anything differ from what was in force?
 * Return: as tls_context_new()
 */
enum status tls_context_reload(struct tls_context *context,
                               bool *ret_changed,
                               struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** tls_context_stats() - any thread */
void tls_context_stats(struct tls_context *context, struct certificate_stats *ret_stats)
    NONNULL(1, 2);

/** tls_context_judge() - what is wrong with the certificate in force, now; any thread. Return: as
 * tls_judge() */
size_t tls_context_judge(struct tls_context *context,
                         struct tls_finding ret_findings[static TLS_FINDINGS_MAX]) NODISCARD
    NONNULL(1);

/** tls_context_priority() - the GnuTLS priority string; lives as long as the context */
const char *tls_context_priority(const struct tls_context *context) NONNULL(1);

/** tls_context_wants_client_certificates() - was a client CA given? */
bool tls_context_wants_client_certificates(const struct tls_context *context) NONNULL(1);

/**
 * tls_session_prepare() - a new connection: give its session the credentials in force, tickets, and
 * the client certificate request
 * @ret_credentials: the caller's share; give it back with tls_credentials_unref() when the
 * connection has ended
 */
enum status tls_session_prepare(struct tls_context *context,
                                gnutls_session_t session,
                                struct tls_credentials **ret_credentials) NODISCARD
    NONNULL(1, 2, 3);

/**
 * tls_session_chain_is_affordable() - may the signature of the client's certificate be checked?
 *
 * Asked within the handshake, when the chain has come and before CertificateVerify is looked at: of
 * TLS 1.2 by GnuTLS itself (its verify function), of TLS 1.3 by the caller's handshake hook, since
 * GnuTLS 3.7 runs its own too late there. GnuTLS takes an RSA key of any size from a client that
 * nobody trusts yet: one of 65,536 bits cost 24 s. Trust is another question, asked later.
 */
bool tls_session_chain_is_affordable(gnutls_session_t session) NONNULL(1);

/** tls_session_client_chain_bytes() - of the certificates that the client showed and GnuTLS keeps;
 * 0 without any */
size_t tls_session_client_chain_bytes(gnutls_session_t session) NONNULL(1);

/** tls_session_is_acceptable() - after the handshake: is the negotiated suite one that was asked
 * for? */
bool tls_session_is_acceptable(const struct tls_context *context, gnutls_session_t session)
    NONNULL(1, 2);

/** tls_credentials_unref() - NULL is fine. Return: NULL */
struct tls_credentials *tls_credentials_unref(struct tls_credentials *credentials);

enum client_certificate {
    CLIENT_CERTIFICATE_MISSING = 0,
    CLIENT_CERTIFICATE_UNTRUSTED, /* of another CA, or anything that has no value of its own here */
    CLIENT_CERTIFICATE_EXPIRED,   /* it, or what stands between it and the CA */
    CLIENT_CERTIFICATE_NOT_YET_VALID,
    CLIENT_CERTIFICATE_WRONG_USAGE, /* not for clients */
    CLIENT_CERTIFICATE_NAME_REFUSED,
    CLIENT_CERTIFICATE_ACCEPTED,
    CLIENT_CERTIFICATE_COUNT_
};

/** What a connection remembers about its client's certificate, so that only a change of the CA or a
 * minute passing costs a verification again. */
struct client_certificate_cache {
    uint64_t generation; /* of the bundle it was checked against; 0: never */
    int64_t checked_at_sec;
    enum client_certificate result;
    unsigned flaws; /* as GnuTLS has them, gnutls_certificate_status_t */
};

/** tls_client_certificate_check() - is this connection's certificate good by the CA in force? Works
 * on resumed sessions, which GnuTLS does not verify itself */
enum client_certificate tls_client_certificate_check(struct tls_context *context,
                                                     gnutls_session_t session,
                                                     struct client_certificate_cache *cache)
    NONNULL(1, 2, 3);

#define CLIENT_CERTIFICATE_NAME_MAX 256 /* bytes with NUL; longer ones are cut */

/** What a client's certificate says of itself: its bytes, so fit for LOG_PEER only. */
struct client_certificate_facts {
    char subject[CLIENT_CERTIFICATE_NAME_MAX];
    char issuer[CLIENT_CERTIFICATE_NAME_MAX];
    char serial[CLIENT_CERTIFICATE_NAME_MAX]; /* hexadecimal */
    int64_t not_after_sec;
};

/** tls_client_certificate_describe() - what cannot be read stays empty; all of it without a
 * certificate */
void tls_client_certificate_describe(gnutls_session_t session,
                                     struct client_certificate_facts *ret_facts) NONNULL(1, 2);
