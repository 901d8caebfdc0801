/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doubts about a webhook's kubeconfig.
 *
 * The files need not be readable by who prints the kubeconfig: what cannot be read is not looked
 * at. The client's key passes through memory that is wiped. No state.
 */
#include "cli/webhook_remarks.h"

#include <string.h>

#include <curl/curl.h>

#include "base/pem.h"
#include "cli/read_file.h"
#include "cli/server_certificate.h"
#include "server/tls/judge.h"

#define PEM_MAX_BYTES 1048576 /* a bundle of all public CAs is 230 KiB */
#define NAMELESS      (1U << TLS_FLAW_NO_SAN | 1U << TLS_FLAW_NO_NAME)

/* Certificates of a file. */
struct bundle {
    gnutls_x509_crt_t *items;
    unsigned count;
};

static void bundle_fini(struct bundle *bundle)
{
    server_certificate_free(bundle->items, bundle->count);
}

static void free_curl_text(char **text)
{
    curl_free(*text);
}

static void free_curl_url(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void bundle_read(const char *path, struct bundle *ret_bundle)
{
    CLEANUP(read_file_wipe) struct buf pem = { 0 };
    struct problem problem;
    if (!path || read_file(path, PEM_MAX_BYTES, &pem, &problem) != ST_OK) {
        return;
    }
    const gnutls_datum_t datum = { .data = (unsigned char *)pem.at, .size = (unsigned)pem.len };
    if (gnutls_x509_crt_list_import2(&ret_bundle->items, &ret_bundle->count, &datum,
                                     GNUTLS_X509_FMT_PEM, 0) < 0) {
        *ret_bundle = (struct bundle){ 0 };
    }
}

/* A CA's certificate has no host in it, and a server's may not sign others: one that stands alone
 * and is either no CA or has a host is the server's own. */
static bool is_serving_certificate(const struct bundle *ca)
{
    struct tls_chain_facts facts;
    if (ca->count != 1) {
        return false;
    }
    tls_judge_read(ca->items, ca->count, &facts);
    return gnutls_x509_crt_get_ca_status(ca->items[0], NULL) <= 0 ||
           !(facts.path[0].flaws & NAMELESS);
}

static void remark_certificate(
    const struct options *options, const char *host, int64_t now_sec, problem_fn *fn, void *ctx)
{
    CLEANUP(bundle_fini) struct bundle bundle = { 0 };
    struct problem problem = { 0 };
    const char *path = options->server_cert_file;
    if (path) {
        bundle_read(path, &bundle);
    } else {
        path = options->certificate_authority;
        bundle_read(path, &bundle);
        if (!is_serving_certificate(&bundle)) {
            return;
        }
    }
    if (bundle.count > 0 &&
        !server_certificate_is_good(bundle.items, bundle.count,
                                    options->tls_server_name ? options->tls_server_name : host,
                                    now_sec, &problem)) {
        problem_set_file(&problem, path);
        fn(ctx, &problem);
    }
}

static void remark_path(const char *server, const char *path, problem_fn *fn, void *ctx)
{
    struct problem problem = { 0 };
    if (strcmp(path, "/") != 0) {
        return;
    }
    const size_t len = strlen(server);
    problem_set(&problem, ST_INVALID, 0, 0,
                "--server: %s has no path, and nothing answers reviews there: is %s%sauthenticate "
                "meant?",
                server, server, len > 0 && server[len - 1] == '/' ? "" : "/");
    fn(ctx, &problem);
}

static bool is_pair_swapped(const struct options *options)
{
    CLEANUP(read_file_wipe) struct buf certificate = { 0 };
    CLEANUP(read_file_wipe) struct buf key = { 0 };
    struct problem problem;
    return options->client_certificate && options->client_key &&
           read_file(options->client_certificate, PEM_MAX_BYTES, &certificate, &problem) == ST_OK &&
           read_file(options->client_key, PEM_MAX_BYTES, &key, &problem) == ST_OK &&
           pem_pair_is_swapped(buf_span(&certificate), buf_span(&key));
}

enum status webhook_remarks(const struct options *options,
                            int64_t now_sec,
                            problem_fn *fn,
                            void *ctx,
                            struct problem *reterr_problem)
{
    CLEANUP(free_curl_url) CURLU *url = curl_url();
    CLEANUP(free_curl_text) char *host = NULL;
    CLEANUP(free_curl_text) char *path = NULL;
    if (is_pair_swapped(options)) {
        problem_set_file(reterr_problem, options->client_certificate);
        problem_set(reterr_problem, ST_INVALID, 0, 0,
                    "--client-certificate and --client-key are swapped: this is the key");
        return ST_INVALID;
    }
    if (url && curl_url_set(url, CURLUPART_URL, options->server, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK) {
        remark_path(options->server, path, fn, ctx);
        remark_certificate(options, host, now_sec, fn, ctx);
    }
    return ST_OK;
}
