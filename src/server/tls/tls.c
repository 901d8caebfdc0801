/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates in force and their replacement.
 *
 * The bundle in force is an RCU pointer: workers take a share of it when a connection starts, the
 * loop publishes a new one and drops its own share after a grace period. Files are compared by
 * content, so an event that changed nothing (a touch, a symlink swapped to the same bytes) neither
 * counts nor invalidates anybody's client certificate.
 *
 * Threat: the files are the operator's and trusted, but may be caught half written or mismatched
 * between two renames; GnuTLS refuses a key that does not fit its certificate, and the old bundle
 * stays.
 */
#include "server/tls/tls.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>
#include <sodium.h>
#include <urcu-bp.h>

#include "base/digest.h"
#include "base/pem.h"
#include "io/file/read.h"

/* an open connection's certificate may expire: noticed within a minute */
#define CLIENT_RECHECK_SEC 60

#define TRUST_LIST_SIZE 127 /* hash buckets of GnuTLS; client CA bundles are small */

/* What a client may present. All of it is looked at before anybody is trusted. */
/* leaf, and intermediates of a private PKI; TLS libraries stop near 10 */
#define CLIENT_CHAIN_MAX 8

#define CLIENT_SAN_MAX               64   /* names of one client; more is no client certificate */
#define CLIENT_CERTIFICATE_MAX_BYTES 8192 /* a leaf with 64 names is 3 KiB */

/* twice the largest in use; a verification costs under a millisecond */
#define CLIENT_RSA_MAX_BITS 8192

/* 65537 has three; a long one makes each verification a private-key operation */
#define CLIENT_RSA_EXPONENT_MAX_BYTES 8

/* of a client: a leaf of the largest size and five intermediates of RSA 4096 fit */
#define HANDSHAKE_MESSAGE_MAX_BYTES 20480

struct tls_credentials {
    _Atomic unsigned shares;
    gnutls_certificate_credentials_t server;
    gnutls_x509_trust_list_t client_ca; /* NULL without --client-ca-file */
    uint64_t generation;
    struct tls_chain_facts facts;
    struct digest content; /* of the files, to see whether a reload brings anything new */
};

struct tls_context {
    struct tls_options options;
    struct buf priority;
    gnutls_datum_t ticket_key; /* GnuTLS derives and rotates the keys in use from it by time */
    struct digest_key *content_key;
    struct tls_credentials
        *_Atomic current_rcu;    /* one share is the context's; loop writes, workers read */
    _Atomic uint64_t generation; /* of the bundle in force; set just before it is */
    pthread_mutex_t stats_lock;  /* guards what follows; never held while anything else is taken */
    struct certificate_stats stats;
    struct tls_chain_facts facts; /* of the certificate in force */
};

static struct span span_of_datum(const gnutls_datum_t *datum)
{
    return (struct span){ .at = (const char *)datum->data, .len = datum->size };
}

static void free_datum(gnutls_datum_t *datum)
{
    if (datum->data) {
        sodium_memzero(datum->data, datum->size);
        free(datum->data);
    }
    *datum = (gnutls_datum_t){ 0 };
}

/* @path's content; free_datum() wipes it, too. */
static enum status read_file(const char *path,
                             gnutls_datum_t *ret_bytes,
                             struct problem *reterr_problem)
{
    struct file_content content = { 0 };
    problem_set_file(reterr_problem, path);
    const enum status status =
        file_read_published(path, TLS_FILE_MAX_BYTES, &content, reterr_problem);
    if (status == ST_OK) {
        *ret_bytes =
            (gnutls_datum_t){ .data = (unsigned char *)content.at, .size = (unsigned)content.len };
    }
    const bool is_not_there = status == ST_NOT_FOUND || status == ST_UNSUPPORTED;
    return is_not_there ? ST_IO : status;
}

static void credentials_free(struct tls_credentials *credentials)
{
    if (credentials->server) {
        gnutls_certificate_free_credentials(credentials->server);
    }
    if (credentials->client_ca) {
        gnutls_x509_trust_list_deinit(credentials->client_ca, 1);
    }
    free(credentials);
}

struct tls_credentials *tls_credentials_unref(struct tls_credentials *credentials)
{
    if (credentials &&
        atomic_fetch_sub_explicit(&credentials->shares, 1, memory_order_acq_rel) == 1) {
        credentials_free(credentials);
    }
    return NULL;
}

static void credentials_unrefp(struct tls_credentials **credentials)
{
    *credentials = tls_credentials_unref(*credentials);
}

static enum status refuse(struct problem *reterr_problem,
                          const char *path,
                          const char *what,
                          int gnutls_error)
{
    problem_set_file(reterr_problem, path);
    problem_set(reterr_problem, ST_INVALID, 0, 0, "%s: %s", what, gnutls_strerror(gnutls_error));
    return ST_INVALID;
}

/* What the client is sent depends on the file's other certificates, too; those that GnuTLS finds no
 * use for it does not keep. So the file is judged. */
static enum status read_facts(struct tls_credentials *credentials,
                              const struct tls_options *options,
                              const gnutls_datum_t *cert,
                              struct problem *reterr_problem)
{
    gnutls_x509_crt_t *file = NULL;
    unsigned count = 0;
    const int rc = gnutls_x509_crt_list_import2(&file, &count, cert, GNUTLS_X509_FMT_PEM, 0);
    if (rc < 0 || count == 0) {
        return refuse(reterr_problem, options->cert_file, "expected a certificate", rc);
    }
    tls_judge_read(file, count, &credentials->facts);
    for (unsigned i = 0; i < count; i++) {
        gnutls_x509_crt_deinit(file[i]);
    }
    gnutls_free(file);
    return ST_OK;
}

static enum status load_pair(struct tls_credentials *credentials,
                             const struct tls_options *options,
                             const gnutls_datum_t *cert,
                             const gnutls_datum_t *key,
                             struct problem *reterr_problem)
{
    if (pem_pair_is_swapped(span_of_datum(cert), span_of_datum(key))) {
        problem_set_file(reterr_problem, options->cert_file);
        problem_set(reterr_problem, ST_INVALID, 0, 0,
                    "--tls-cert-file and --tls-private-key-file are swapped: this is the key, and "
                    "%s the certificate",
                    options->key_file);
        return ST_INVALID;
    }
    int rc = gnutls_certificate_allocate_credentials(&credentials->server);
    if (rc < 0) {
        return ST_NOMEM;
    }
    rc = gnutls_certificate_set_x509_key_mem2(credentials->server, cert, key, GNUTLS_X509_FMT_PEM,
                                              NULL, 0);
    if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
        problem_set_file(reterr_problem, options->key_file);
        problem_set(reterr_problem, ST_INVALID, 0, 0, "the private key does not belong to %s",
                    options->cert_file);
        return ST_INVALID;
    }
    if (rc < 0) {
        return refuse(reterr_problem, options->cert_file,
                      "expected a PEM certificate and its unencrypted PEM key", rc);
    }
    return read_facts(credentials, options, cert, reterr_problem);
}

static unsigned rsa_exponent_bytes(gnutls_x509_crt_t certificate)
{
    gnutls_datum_t modulus = { 0 };
    gnutls_datum_t exponent = { 0 };
    if (gnutls_x509_crt_get_pk_rsa_raw(certificate, &modulus, &exponent) < 0) {
        return UINT_MAX;
    }
    unsigned zeros = 0; /* DER puts one in front of a number that would look negative */
    while (zeros < exponent.size && exponent.data[zeros] == 0) {
        zeros++;
    }
    const unsigned bytes = exponent.size - zeros;
    gnutls_free(modulus.data);
    gnutls_free(exponent.data);
    return bytes;
}

/* Is the key one whose signatures cost us milliseconds at most? */
static bool has_affordable_key(const gnutls_datum_t *der)
{
    gnutls_x509_crt_t certificate;
    unsigned bits = 0;
    if (gnutls_x509_crt_init(&certificate) < 0) {
        return false;
    }
    bool affordable = false;
    if (gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER) >= 0) {
        const int algorithm = gnutls_x509_crt_get_pk_algorithm(certificate, &bits);
        affordable = algorithm == GNUTLS_PK_RSA
                         ? bits <= CLIENT_RSA_MAX_BITS &&
                               rsa_exponent_bytes(certificate) <= CLIENT_RSA_EXPONENT_MAX_BYTES
                         : algorithm == GNUTLS_PK_ECDSA || algorithm == GNUTLS_PK_EDDSA_ED25519 ||
                               algorithm == GNUTLS_PK_EDDSA_ED448;
    }
    gnutls_x509_crt_deinit(certificate);
    return affordable;
}

bool tls_session_chain_is_affordable(gnutls_session_t session)
{
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (count > CLIENT_CHAIN_MAX) {
        return false;
    }
    for (unsigned i = 0; chain && i < count; i++) {
        if (chain[i].size > CLIENT_CERTIFICATE_MAX_BYTES || !has_affordable_key(&chain[i])) {
            return false;
        }
    }
    return true;
}

/* gnutls_certificate_verify_function: TLS 1.2 asks it before CertificateVerify, TLS 1.3 only after.
 */
static int refuse_costly_chain(gnutls_session_t session)
{
    return tls_session_chain_is_affordable(session) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

static enum status load_client_ca(struct tls_credentials *credentials,
                                  const struct tls_options *options,
                                  const gnutls_datum_t *ca,
                                  struct problem *reterr_problem)
{
    int rc = gnutls_x509_trust_list_init(&credentials->client_ca, TRUST_LIST_SIZE);
    if (rc < 0) {
        return ST_NOMEM;
    }
    rc = gnutls_x509_trust_list_add_trust_mem(credentials->client_ca, ca, NULL, GNUTLS_X509_FMT_PEM,
                                              0, 0);
    if (rc <= 0) {
        return refuse(reterr_problem, options->client_ca_file, "expected PEM certificates of CAs",
                      rc ? rc : GNUTLS_E_NO_CERTIFICATE_FOUND);
    }
    gnutls_certificate_set_verify_function(credentials->server, refuse_costly_chain);
    /* only for the list of CA names in the certificate request: verification is ours, against the
     * CA in force */
    rc = gnutls_certificate_set_x509_trust_mem(credentials->server, ca, GNUTLS_X509_FMT_PEM);
    return rc < 0 ? refuse(reterr_problem, options->client_ca_file,
                           "expected PEM certificates of CAs", rc)
                  : ST_OK;
}

static void digest_files(const struct tls_context *context,
                         const gnutls_datum_t *files,
                         size_t count,
                         struct digest *ret_digest)
{
    struct digest parts[3] = { 0 };
    for (size_t i = 0; i < count; i++) {
        digest_compute(context->content_key, span_of_datum(&files[i]), &parts[i]);
    }
    digest_compute(context->content_key,
                   (struct span){ .at = (const char *)parts, .len = sizeof(parts) }, ret_digest);
}

/* Files as read: certificate, key, client CA. */
struct files {
    gnutls_datum_t bytes[3];
};

static void files_fini(struct files *files)
{
    for (size_t i = 0; i < COUNTOF(files->bytes); i++) {
        free_datum(&files->bytes[i]);
    }
}

static enum status load(struct tls_context *context,
                        struct tls_credentials **ret_credentials,
                        struct problem *reterr_problem)
{
    const struct tls_options *options = &context->options;
    const char *const paths[3] = { options->cert_file, options->key_file, options->client_ca_file };
    CLEANUP(files_fini) struct files files = { 0 };
    for (size_t i = 0; i < COUNTOF(paths); i++) {
        const enum status status =
            paths[i] ? read_file(paths[i], &files.bytes[i], reterr_problem) : ST_OK;
        if (status != ST_OK) {
            return status;
        }
    }
    CLEANUP(credentials_unrefp)
    struct tls_credentials *credentials = calloc(1, sizeof(*credentials));
    if (!credentials) {
        return ST_NOMEM;
    }
    atomic_init(&credentials->shares, 1);
    digest_files(context, files.bytes, COUNTOF(files.bytes), &credentials->content);
    enum status status =
        load_pair(credentials, options, &files.bytes[0], &files.bytes[1], reterr_problem);
    if (status == ST_OK && options->client_ca_file) {
        status = load_client_ca(credentials, options, &files.bytes[2], reterr_problem);
    }
    if (status != ST_OK) {
        return status;
    }
    *ret_credentials = credentials;
    credentials = NULL;
    return ST_OK;
}

/* Acquire and release where liburcu's own macros would do: the same instructions on x86, and an
 * order that sanitizers see. */
static struct tls_credentials *load_current_rcu(const struct tls_context *context)
{
    return atomic_load_explicit(&context->current_rcu, memory_order_acquire);
}

static void publish(struct tls_context *context, struct tls_credentials *fresh)
{
    fresh->generation = atomic_load_explicit(&context->generation, memory_order_relaxed) + 1;
    atomic_store_explicit(&context->generation, fresh->generation, memory_order_release);
    struct tls_credentials *old =
        atomic_exchange_explicit(&context->current_rcu, fresh, memory_order_acq_rel);
    synchronize_rcu(); /* nobody is between reading the pointer and taking a share */
    (void)tls_credentials_unref(old);
}

static void record_reload(struct tls_context *context,
                          enum status status,
                          const struct tls_chain_facts *facts,
                          const struct problem *problem)
{
    const int64_t now_sec = clock_now(&context->options.clock).sec;
    char text[sizeof(context->stats.last_error)] = "";
    if (status != ST_OK) {
        problem_format(problem, text, sizeof(text));
    }
    (void)pthread_mutex_lock(
        &context->stats_lock); /* a default mutex, never destroyed while in use: cannot fail */
    context->stats.last_reload_sec = now_sec;
    context->stats.last_reload_ok = status == ST_OK;
    memcpy(context->stats.last_error, text, sizeof(text));
    if (status == ST_OK) {
        context->stats.reloads_ok++;
        context->stats.not_after_sec = facts->path[0].not_after_sec;
        context->facts = *facts;
    } else {
        context->stats.reloads_failed++;
    }
    (void)pthread_mutex_unlock(&context->stats_lock);
}

enum status tls_context_reload(struct tls_context *context,
                               bool *ret_changed,
                               struct problem *reterr_problem)
{
    CLEANUP(credentials_unrefp) struct tls_credentials *fresh = NULL;
    struct problem problem = { 0 };
    const enum status status = load(context, &fresh, &problem);
    if (status != ST_OK) {
        if (status == ST_NOMEM) {
            problem_set(&problem, status, 0, 0, "%s", status_text(status));
        }
        record_reload(context, status, NULL, &problem);
        *reterr_problem = problem;
        return status;
    }
    /* the loop is the only writer, so reading without a section is safe here */
    const struct tls_credentials *current = load_current_rcu(context);
    *ret_changed = !current || !digest_equal(&fresh->content, &current->content);
    if (*ret_changed || !context->stats.last_reload_ok) {
        record_reload(context, ST_OK, &fresh->facts, NULL);
    }
    if (*ret_changed) {
        publish(context, fresh);
        fresh = NULL;
    }
    return ST_OK;
}

static void context_freep(struct tls_context **context)
{
    *context = tls_context_free(*context);
}

enum status tls_context_new(const struct tls_options *options,
                            struct tls_context **ret_context,
                            struct problem *reterr_problem)
{
    CLEANUP(context_freep) struct tls_context *context = calloc(1, sizeof(*context));
    if (!context) {
        return ST_NOMEM;
    }
    context->options = *options;
    (void)pthread_mutex_init(&context->stats_lock,
                             NULL); /* default attributes: cannot fail on Linux */
    enum status status = digest_key_new(&context->content_key);
    if (status != ST_OK) {
        return status;
    }
    status = tls_priority_build(&context->priority, options->min_version, options->cipher_suites,
                                options->cipher_suite_count, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    if (options->session_tickets && gnutls_session_ticket_key_generate(&context->ticket_key) < 0) {
        return ST_NOMEM;
    }
    bool changed;
    status = tls_context_reload(context, &changed, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    *ret_context = context;
    context = NULL;
    return ST_OK;
}

struct tls_context *tls_context_free(struct tls_context *context)
{
    if (!context) {
        return NULL;
    }
    (void)tls_credentials_unref(context->current_rcu);
    if (context->ticket_key.data) {
        sodium_memzero(context->ticket_key.data, context->ticket_key.size);
        gnutls_free(context->ticket_key.data);
    }
    (void)digest_key_free(context->content_key);
    buf_fini(&context->priority);
    (void)pthread_mutex_destroy(&context->stats_lock);
    free(context);
    return NULL;
}

void tls_context_stats(struct tls_context *context, struct certificate_stats *ret_stats)
{
    (void)pthread_mutex_lock(&context->stats_lock);
    *ret_stats = context->stats;
    (void)pthread_mutex_unlock(&context->stats_lock);
}

size_t tls_context_judge(struct tls_context *context,
                         struct tls_finding ret_findings[static TLS_FINDINGS_MAX])
{
    (void)pthread_mutex_lock(&context->stats_lock);
    const struct tls_chain_facts facts = context->facts;
    (void)pthread_mutex_unlock(&context->stats_lock);
    return tls_judge(&facts, clock_now(&context->options.clock).sec, ret_findings);
}

const char *tls_context_priority(const struct tls_context *context)
{
    return context->priority.at;
}

bool tls_context_wants_client_certificates(const struct tls_context *context)
{
    return context->options.client_ca_file != NULL;
}

static struct tls_credentials *current_ref(struct tls_context *context)
{
    rcu_read_lock();
    struct tls_credentials *current = load_current_rcu(context);
    atomic_fetch_add_explicit(&current->shares, 1, memory_order_relaxed);
    rcu_read_unlock();
    return current;
}

enum status tls_session_prepare(struct tls_context *context,
                                gnutls_session_t session,
                                struct tls_credentials **ret_credentials)
{
    CLEANUP(credentials_unrefp) struct tls_credentials *credentials = current_ref(context);
    if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials->server) < 0) {
        return ST_NOMEM;
    }
    if (context->ticket_key.data &&
        gnutls_session_ticket_enable_server(session, &context->ticket_key) < 0) {
        return ST_NOMEM;
    }
    gnutls_handshake_set_max_packet_length(session, HANDSHAKE_MESSAGE_MAX_BYTES);
    if (credentials->client_ca) {
        /* asked for, not demanded: health needs none, and a review without one deserves a readable
         * 401 */
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    }
    *ret_credentials = credentials;
    credentials = NULL;
    return ST_OK;
}

size_t tls_session_client_chain_bytes(gnutls_session_t session)
{
    unsigned count = 0;
    size_t bytes = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    for (unsigned i = 0; chain && i < count; i++) {
        bytes += chain[i].size;
    }
    return bytes;
}

bool tls_session_is_acceptable(const struct tls_context *context, gnutls_session_t session)
{
    return tls_cipher_suite_is_allowed(session, context->options.cipher_suites,
                                       context->options.cipher_suite_count);
}

/* A client's chain as sent, decoded. */
struct client_chain {
    gnutls_x509_crt_t certificates[CLIENT_CHAIN_MAX];
    unsigned count;
};

static void client_chain_fini(struct client_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++) {
        gnutls_x509_crt_deinit(chain->certificates[i]);
    }
}

static bool client_chain_load(gnutls_session_t session, struct client_chain *ret_chain)
{
    unsigned count = 0;
    const gnutls_datum_t *raw = gnutls_certificate_get_peers(session, &count);
    if (!raw || count == 0 || count > CLIENT_CHAIN_MAX) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (gnutls_x509_crt_init(&ret_chain->certificates[i]) < 0) {
            return false;
        }
        ret_chain->count++;
        if (gnutls_x509_crt_import(ret_chain->certificates[i], &raw[i], GNUTLS_X509_FMT_DER) < 0) {
            return false;
        }
    }
    return true;
}

static bool name_is_allowed(const struct tls_options *options, const char *name, size_t len)
{
    for (size_t i = 0; i < options->client_allowed_name_count; i++) {
        const char *allowed = options->client_allowed_names[i];
        /* with the length: a name with a NUL inside is not the name before the NUL */
        if (strlen(allowed) == len && memcmp(allowed, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_allowed_name(const struct tls_options *options, gnutls_x509_crt_t leaf)
{
    if (options->client_allowed_name_count == 0) {
        return true;
    }
    char name[256]; /* longer names than DNS allows are no one's we know */
    size_t len = sizeof(name);
    if (gnutls_x509_crt_get_dn_by_oid(leaf, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len) == 0 &&
        name_is_allowed(options, name, len)) {
        return true;
    }
    for (unsigned i = 0; i < CLIENT_SAN_MAX; i++) {
        len = sizeof(name);
        const int type = gnutls_x509_crt_get_subject_alt_name(leaf, i, name, &len, NULL);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            break;
        }
        if (type == GNUTLS_SAN_DNSNAME && name_is_allowed(options, name, len)) {
            return true;
        }
    }
    return false;
}

/* A stranger's certificate may be expired, too: whose it is comes first. */
static enum client_certificate judge_flaws(unsigned flaws)
{
    if (flaws & GNUTLS_CERT_SIGNER_NOT_FOUND) {
        return CLIENT_CERTIFICATE_UNTRUSTED;
    }
    if (flaws & GNUTLS_CERT_NOT_ACTIVATED) {
        return CLIENT_CERTIFICATE_NOT_YET_VALID;
    }
    if (flaws & GNUTLS_CERT_EXPIRED) {
        return CLIENT_CERTIFICATE_EXPIRED;
    }
    return flaws & GNUTLS_CERT_PURPOSE_MISMATCH ? CLIENT_CERTIFICATE_WRONG_USAGE
                                                : CLIENT_CERTIFICATE_UNTRUSTED;
}

static enum client_certificate verify(const struct tls_context *context,
                                      const struct tls_credentials *current,
                                      gnutls_session_t session,
                                      unsigned *ret_flaws)
{
    CLEANUP(client_chain_fini) struct client_chain chain = { 0 };
    unsigned sent = 0;
    if (!gnutls_certificate_get_peers(session, &sent) || sent == 0) {
        return CLIENT_CERTIFICATE_MISSING;
    }
    if (!client_chain_load(session, &chain)) {
        return CLIENT_CERTIFICATE_UNTRUSTED;
    }
    gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                      .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT };
    const int rc = gnutls_x509_trust_list_verify_crt2(current->client_ca, chain.certificates,
                                                      chain.count, &purpose, 1, 0, ret_flaws, NULL);
    if (rc < 0 || *ret_flaws != 0) {
        return rc < 0 ? CLIENT_CERTIFICATE_UNTRUSTED : judge_flaws(*ret_flaws);
    }
    return has_allowed_name(&context->options, chain.certificates[0])
               ? CLIENT_CERTIFICATE_ACCEPTED
               : CLIENT_CERTIFICATE_NAME_REFUSED;
}

enum client_certificate tls_client_certificate_check(struct tls_context *context,
                                                     gnutls_session_t session,
                                                     struct client_certificate_cache *cache)
{
    const uint64_t generation = atomic_load_explicit(&context->generation, memory_order_acquire);
    const int64_t now_sec = clock_now(&context->options.clock).sec;
    const bool is_fresh = cache->generation == generation && now_sec >= cache->checked_at_sec &&
                          now_sec - cache->checked_at_sec < CLIENT_RECHECK_SEC;
    if (!is_fresh) {
        CLEANUP(credentials_unrefp) struct tls_credentials *current = current_ref(context);
        cache->flaws = 0;
        cache->result = verify(context, current, session, &cache->flaws);
        cache->generation = current->generation;
        cache->checked_at_sec = now_sec;
    }
    return cache->result;
}

typedef int get_dn_fn(gnutls_x509_crt_t certificate, gnutls_datum_t *ret_name, unsigned flags);

static void take_dn(get_dn_fn *get,
                    gnutls_x509_crt_t leaf,
                    char ret_name[static CLIENT_CERTIFICATE_NAME_MAX])
{
    gnutls_datum_t name = { 0 };
    if (get(leaf, &name, 0) >= 0) {
        (void)snprintf(ret_name, CLIENT_CERTIFICATE_NAME_MAX, "%s", (const char *)name.data);
        gnutls_free(name.data);
    }
}

void tls_client_certificate_describe(gnutls_session_t session,
                                     struct client_certificate_facts *ret_facts)
{
    CLEANUP(client_chain_fini) struct client_chain chain = { 0 };
    *ret_facts = (struct client_certificate_facts){ 0 };
    if (!client_chain_load(session, &chain)) {
        return;
    }
    gnutls_x509_crt_t leaf = chain.certificates[0];
    unsigned char serial[CLIENT_CERTIFICATE_NAME_MAX / 2 - 1];
    size_t serial_len = sizeof(serial);
    take_dn(gnutls_x509_crt_get_dn3, leaf, ret_facts->subject);
    take_dn(gnutls_x509_crt_get_issuer_dn3, leaf, ret_facts->issuer);
    ret_facts->not_after_sec = (int64_t)gnutls_x509_crt_get_expiration_time(leaf);
    if (gnutls_x509_crt_get_serial(leaf, serial, &serial_len) >= 0) {
        (void)sodium_bin2hex(ret_facts->serial, sizeof(ret_facts->serial), serial,
                             serial_len); /* returns its first argument */
    }
}
