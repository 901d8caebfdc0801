/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a running server, by io/http/client on a loop that lives for the one request.
 *
 * What goes out is a secret: only https, only to the host named (no redirect, no proxy), only after
 * the certificate was verified for it. --tls-server-name changes the name that is verified and sent
 * in the handshake; the connection still goes to the URL's host. A certificate that OpenSSL takes
 * and kube-apiserver would not ends it before anything is sent. What comes back is bounded and, for
 * a terminal, escaped. One thread.
 */
#include "cli/review_server.h"

#include <string.h>

#include <gnutls/x509.h>
#include <json-c/json.h>

#include "base/clock.h"
#include "base/pem.h"
#include "cli/read_file.h"
#include "cli/review_explain.h"
#include "cli/server_certificate.h"
#include "io/http/client.h"
#include "io/loop.h"

#define PEM_MAX_BYTES 1048576 /* one bundle; all public CAs are 230 KiB */

/* In PEM; all-zero where nothing was given. */
struct credentials {
    struct buf ca;
    struct buf certificate;
    struct buf key; /* wiped */
};

static void credentials_fini(struct credentials *credentials)
{
    buf_fini(&credentials->ca);
    buf_fini(&credentials->certificate);
    read_file_wipe(&credentials->key);
}

/* Everything one request holds. */
struct request {
    struct loop *loop;
    struct buf reply;
    struct problem refused; /* what kube-apiserver would refuse of the certificate */
    struct http_result result;
};

static enum status read_credentials(const struct options *options,
                                    struct credentials *credentials,
                                    struct problem *reterr_problem)
{
    const struct {
        const char *option;
        const char *path;
        struct buf *pem;
    } files[] = {
        { "--certificate-authority", options->certificate_authority, &credentials->ca },
        { "--client-certificate", options->client_certificate, &credentials->certificate },
        { "--client-key", options->client_key, &credentials->key },
    };
    enum status status = ST_OK;
    for (size_t i = 0; i < COUNTOF(files) && status == ST_OK; i++) {
        struct problem problem = { 0 };
        if (files[i].path) {
            status = read_file(files[i].path, PEM_MAX_BYTES, files[i].pem, &problem);
        }
        if (status != ST_OK) {
            problem_set(reterr_problem, status, 0, 0, "%s: %s", files[i].option, problem.text);
        }
    }
    return status;
}

/* An empty file is no reason to trust the system's CAs, or not to say who we are. */
static enum status check_credentials(const struct options *options,
                                     const struct credentials *credentials,
                                     struct problem *reterr_problem)
{
    static const char *const faults[] = {
        [PEM_PAIR_SWAPPED] = "--client-certificate and --client-key are swapped",
        [PEM_PAIR_NO_CERTIFICATE] = "--client-certificate: expected a PEM certificate",
        [PEM_PAIR_NO_KEY] = "--client-key: expected a PEM private key without a passphrase",
        [PEM_PAIR_MISMATCH] =
            "--client-key: expected the key of --client-certificate, found another's",
    };
    enum pem_pair_fault fault = PEM_PAIR_NO_CERTIFICATE;
    const char *wrong = NULL;
    if (options->certificate_authority &&
        pem_check_certificates(buf_span(&credentials->ca)) != ST_OK) {
        wrong = "--certificate-authority: expected PEM certificates of CAs";
    } else if (options->client_certificate &&
               pem_check_pair(buf_span(&credentials->certificate), buf_span(&credentials->key),
                              &fault) != ST_OK) {
        wrong = faults[fault];
    }
    if (wrong) {
        problem_set(reterr_problem, ST_INVALID, 0, 0, "%s", wrong);
    }
    return wrong ? ST_INVALID : ST_OK;
}

/* Before anything is sent: into request->refused what kube-apiserver would refuse. */
static enum status on_server(void *ctx, const char *name, struct span chain_pem)
{
    struct request *request = ctx;
    gnutls_x509_crt_t *chain = NULL;
    unsigned count = 0;
    const gnutls_datum_t datum = { .data = (unsigned char *)(uintptr_t)chain_pem.at,
                                   .size = (unsigned)chain_pem.len };
    if (chain_pem.len == 0 ||
        gnutls_x509_crt_list_import2(&chain, &count, &datum, GNUTLS_X509_FMT_PEM, 0) < 0) {
        problem_set(&request->refused, ST_INVALID, 0, 0, "the certificate cannot be read");
        return ST_INVALID;
    }
    const struct clock clock = clock_system();
    const bool is_good =
        server_certificate_is_good(chain, count, name, clock_now(&clock).sec, &request->refused);
    server_certificate_free(chain, count);
    return is_good ? ST_OK : ST_INVALID;
}

static enum status on_body(void *ctx, struct span piece)
{
    struct request *request = ctx;
    buf_append(&request->reply, piece);
    return request->reply.failed ? ST_LIMIT : ST_OK;
}

static void on_done(void *ctx, const struct http_result *result)
{
    struct request *request = ctx;
    request->result = *result;
    loop_stop(request->loop);
}

/* What came of it, in words. */
static enum status judge(const struct request *request, struct problem *reterr_problem)
{
    const struct http_result *result = &request->result;
    if (result->status == ST_OK) {
        return ST_OK;
    }
    if (request->reply.failed) {
        problem_set(reterr_problem, ST_LIMIT, 0, 0, "--server: the reply is longer than %d bytes",
                    REVIEW_REPLY_MAX_BYTES);
        return ST_LIMIT;
    }
    if (request->refused.text[0]) {
        problem_set(reterr_problem, ST_IO, 0, 0, "--server: %s", request->refused.text);
    } else if (result->distrust) {
        problem_set(reterr_problem, ST_IO, 0, 0, "--server: SSL certificate problem: %s",
                    result->distrust);
    } else {
        problem_set(reterr_problem, ST_IO, 0, 0, "--server: %s", result->text);
    }
    return ST_IO;
}

/* Until the answer is there, or there is none to come. */
static enum status run(struct request *request,
                       const struct http_endpoint *endpoint,
                       const struct http_request *http,
                       struct problem *reterr_problem)
{
    struct http_client *client = NULL;
    struct http_transfer *transfer = NULL;
    enum status status = loop_new(&request->loop);
    if (status != ST_OK) {
        return status;
    }
    status = http_client_new(request->loop, &client);
    if (status == ST_OK) {
        status = http_start(client, endpoint, http, &transfer, reterr_problem);
    }
    if (status == ST_OK) {
        loop_run(request->loop);
        status = judge(request, reterr_problem);
    } else if (status == ST_INVALID) { /* of the rest nothing is the operator's, or is checked */
        problem_set(reterr_problem, status, 0, 0,
                    "--server: expected a URL such as https://host:8443/authenticate");
    }
    client = http_client_free(client);
    request->loop = loop_free(request->loop);
    return status;
}

static enum status ask(const struct options *options,
                       const struct credentials *credentials,
                       struct span body,
                       struct request *request,
                       struct problem *reterr_problem)
{
    static const char *const headers[] = { "Content-Type: application/json",
                                           "Accept: application/json" };
    const struct http_endpoint endpoint = {
        .url = options->server,
        .tls_server_name = options->tls_server_name,
        .proxy_url = "", /* none */
        .ca_pem = buf_span(&credentials->ca),
        .client_certificate_pem = buf_span(&credentials->certificate),
        .client_key_pem = buf_span(&credentials->key),
    };
    const struct http_request http = {
        .method = "POST",
        .headers = headers,
        .header_count = COUNTOF(headers),
        .body = body,
        .connect_timeout_ms = (uint64_t)options->client_timeout_ms,
        .total_timeout_ms = (uint64_t)options->client_timeout_ms,
        .on_server = on_server,
        .on_body = on_body,
        .on_done = on_done,
        .ctx = request,
    };
    return run(request, &endpoint, &http, reterr_problem);
}

enum status review_server_ask(const struct options *options,
                              struct span body,
                              struct buf *ret_reply,
                              long *ret_code,
                              struct problem *reterr_problem)
{
    CLEANUP(credentials_fini) struct credentials credentials = { 0 };
    struct request request = { .reply = { .max_len = REVIEW_REPLY_MAX_BYTES } };
    enum status status = read_credentials(options, &credentials, reterr_problem);
    if (status == ST_OK) {
        status = check_credentials(options, &credentials, reterr_problem);
    }
    if (status == ST_OK) {
        status = ask(options, &credentials, body, &request, reterr_problem);
    }
    if (status != ST_OK) {
        buf_fini(&request.reply);
        return status;
    }
    *ret_reply = request.reply;
    *ret_code = request.result.code;
    return ST_OK;
}

static struct span text_of(json_object *value)
{
    if (!json_object_is_type(value, json_type_string)) {
        return (struct span){ 0 };
    }
    return (struct span){ json_object_get_string(value),
                          (size_t)json_object_get_string_len(value) };
}

/* A list of texts on one line; nothing when it is absent or empty. */
static void explain_list(struct buf *buf, const char *title, json_object *list)
{
    const size_t count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        buf_append_text(buf, i ? ", " : title);
        review_explain_printable(buf, text_of(json_object_array_get_idx(list, i)));
    }
    buf_append_text(buf, count ? "\n" : "");
}

static json_object *member(json_object *object, const char *key)
{
    json_object *value = NULL;
    if (json_object_is_type(object, json_type_object) &&
        json_object_object_get_ex(object, key, &value)) {
        return value;
    }
    return NULL;
}

static void explain_status(struct buf *buf, json_object *status, bool authenticated)
{
    const struct span error = text_of(member(status, "error"));
    buf_append_text(buf, "Only the server's answer is known here; its reasons stand in its log, or "
                         "ask an engine with --manifests.\n\n");
    if (authenticated) {
        json_object *user = member(status, "user");
        buf_append_text(buf, "user: ");
        review_explain_printable(buf, text_of(member(user, "username")));
        buf_append_char(buf, '\n');
        explain_list(buf, "groups: ", member(user, "groups"));
        explain_list(buf, "audiences: ", member(status, "audiences"));
        buf_append_text(buf, "answer: yes\n");
    } else if (error.len > 0) {
        buf_append_text(buf, "answer: not known (not cacheable): ");
        review_explain_printable(buf, error);
        buf_append_char(buf, '\n');
    } else {
        buf_append_text(buf, "answer: no (cacheable)\n");
    }
}

static void put_object(json_object **object)
{
    json_object_put(*object);
}

static void free_tokener(json_tokener **tokener)
{
    json_tokener_free(*tokener);
}

enum status review_server_read(struct span reply, bool *ret_authenticated, struct buf *explain)
{
    CLEANUP(free_tokener) json_tokener *tokener = json_tokener_new();
    if (!tokener || reply.len > REVIEW_REPLY_MAX_BYTES) {
        return tokener ? ST_LIMIT : ST_NOMEM;
    }
    CLEANUP(put_object)
    json_object *root = json_tokener_parse_ex(tokener, reply.at, (int)reply.len);
    if (json_tokener_get_error(tokener) != json_tokener_success) {
        return ST_SYNTAX;
    }
    if (!span_equal(text_of(member(root, "kind")), SPAN_LITERAL("TokenReview"))) {
        return ST_WRONG_KIND;
    }
    json_object *status = member(root, "status");
    json_object *authenticated = member(status, "authenticated");
    /* absent is no: only the boolean true is yes */
    const bool yes = json_object_is_type(authenticated, json_type_boolean) &&
                     json_object_get_boolean(authenticated);
    if (explain) {
        explain_status(explain, status, yes);
    }
    *ret_authenticated = yes;
    return ST_OK;
}
