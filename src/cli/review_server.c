/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a running server, by libcurl.
 *
 * What goes out is a secret: only https, only to the host named (no redirect, no proxy), only after
 * the certificate was verified for it. --tls-server-name changes the name that is verified and sent
 * in the handshake; the connection still goes to the URL's host, by CURLOPT_CONNECT_TO. A
 * certificate that OpenSSL takes and kube-apiserver would not ends it before anything is sent. What
 * comes back is bounded and, for a terminal, escaped. One thread.
 */
#include "cli/review_server.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <json-c/json.h>

#include "base/clock.h"
#include "cli/review_explain.h"
#include "cli/server_certificate.h"

/* Everything one request holds; all freed by request_fini(). */
struct request {
    CURL *curl;
    CURLU *url;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    struct buf reply;
    char error[CURL_ERROR_SIZE];
    char *host; /* libcurl's; that the certificate must cover */
    struct problem
        refused; /* what kube-apiserver would refuse of the certificate; ST_OK for none */
};

static void request_fini(struct request *request)
{
    curl_easy_cleanup(request->curl);
    curl_url_cleanup(request->url);
    curl_slist_free_all(request->headers);
    curl_slist_free_all(request->connect_to);
    buf_fini(&request->reply);
    curl_free(request->host);
}

/* The certificates of the handshake, in PEM one behind the other. */
static void take_certificates(CURL *curl, struct buf *pem)
{
    static const char key[] = "Cert:";
    struct curl_certinfo *info = NULL;
    if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || !info) {
        return;
    }
    for (int i = 0; i < info->num_of_certs; i++) {
        for (const struct curl_slist *at = info->certinfo[i]; at; at = at->next) {
            if (strncmp(at->data, key, sizeof(key) - 1) == 0) {
                buf_append_text(pem, at->data + sizeof(key) - 1);
                buf_append_char(pem, '\n');
            }
        }
    }
}

/* Into request->refused what kube-apiserver would refuse. Return: was there a certificate? */
static bool judge_certificate(struct request *request)
{
    CLEANUP(buf_fini) struct buf pem = { 0 };
    gnutls_x509_crt_t *chain = NULL;
    unsigned count = 0;
    take_certificates(request->curl, &pem);
    const gnutls_datum_t datum = { .data = (unsigned char *)pem.at, .size = (unsigned)pem.len };
    if (pem.failed || pem.len == 0 ||
        gnutls_x509_crt_list_import2(&chain, &count, &datum, GNUTLS_X509_FMT_PEM, 0) < 0) {
        return false;
    }
    const struct clock clock = clock_system();
    (void)server_certificate_is_good(chain, count, request->host, clock_now(&clock).sec,
                                     &request->refused); /* which says it */
    server_certificate_free(chain, count);
    return true;
}

/* CURLOPT_PREREQFUNCTION: the server is connected, and nothing has been sent. */
static int before_request(void *ctx, char *server_ip, char *own_ip, int server_port, int own_port)
{
    struct request *request = ctx;
    (void)server_ip;
    (void)own_ip;
    (void)server_port;
    (void)own_port;
    if (!judge_certificate(request)) {
        problem_set(&request->refused, ST_INVALID, 0, 0, "the certificate cannot be read");
    }
    return request->refused.text[0] ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t on_reply(char *bytes, size_t size, size_t count, void *ctx)
{
    struct buf *reply = ctx;
    buf_append(reply, (struct span){ .at = bytes, .len = size * count });
    return reply->failed ? 0 : size * count; /* anything else than all ends the transfer */
}

static bool append_header(struct curl_slist **list, const char *header)
{
    struct curl_slist *longer = curl_slist_append(*list, header);
    if (longer) {
        *list = longer;
    }
    return longer;
}

static void free_curl_text(char **text)
{
    curl_free(*text);
}

/* The URL names the server that is expected in the certificate; the connection goes to the host
 * that was in it before. */
static enum status rename_server(struct request *request, const char *server_name)
{
    CLEANUP(free_curl_text) char *host = NULL;
    CLEANUP(free_curl_text) char *port = NULL;
    if (curl_url_get(request->url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(request->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        curl_url_set(request->url, CURLUPART_HOST, server_name, 0) != CURLUE_OK) {
        return ST_INVALID;
    }
    CLEANUP(buf_fini) struct buf rule = { 0 };
    buf_printf(&rule, "::%s:%s", host, port); /* whatever host and port: connect here */
    buf_append_char(&rule, '\0');
    return !rule.failed && append_header(&request->connect_to, rule.at) ? ST_OK : ST_NOMEM;
}

static enum status prepare_url(const struct options *options,
                               struct request *request,
                               struct problem *reterr_problem)
{
    request->url = curl_url();
    if (!request->url) {
        return ST_NOMEM;
    }
    enum status st = ST_INVALID;
    if (curl_url_set(request->url, CURLUPART_URL, options->server, CURLU_DISALLOW_USER) ==
        CURLUE_OK) {
        st = options->tls_server_name ? rename_server(request, options->tls_server_name) : ST_OK;
    }
    if (st == ST_OK && curl_url_get(request->url, CURLUPART_HOST, &request->host, 0) != CURLUE_OK) {
        st = ST_INVALID;
    }
    if (st == ST_INVALID) {
        problem_set(reterr_problem, st, 0, 0,
                    "--server: expected a URL such as https://host:8443/authenticate");
    }
    return st;
}

static bool set_options(const struct options *options, struct request *request, struct span body)
{
    CURL *curl = request->curl;
    const bool secure =
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    const bool files =
        (!options->certificate_authority ||
         (curl_easy_setopt(curl, CURLOPT_CAINFO, options->certificate_authority) == CURLE_OK &&
          curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK)) &&
        (!options->client_certificate ||
         (curl_easy_setopt(curl, CURLOPT_SSLCERT, options->client_certificate) == CURLE_OK &&
          curl_easy_setopt(curl, CURLOPT_SSLKEY, options->client_key) == CURLE_OK));
    return secure && files && curl_easy_setopt(curl, CURLOPT_CURLU, request->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, before_request) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PREREQDATA, request) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECT_TO, request->connect_to) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, request->headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at ? body.at : "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)options->client_timeout_ms) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, request->error) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_reply) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, &request->reply) == CURLE_OK;
}

static enum status perform(struct request *request, long *ret_code, struct problem *reterr_problem)
{
    const CURLcode code = curl_easy_perform(request->curl);
    if (request->reply.failed) {
        problem_set(reterr_problem, ST_LIMIT, 0, 0, "--server: the reply is longer than %d bytes",
                    REVIEW_REPLY_MAX_BYTES);
        return ST_LIMIT;
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION) { /* libcurl looks at names of its own accord */
        (void)judge_certificate(request);         /* none where the handshake came to nothing */
    }
    if (request->refused.text[0]) {
        problem_set(reterr_problem, ST_IO, 0, 0, "--server: %s", request->refused.text);
        return ST_IO;
    }
    if (code != CURLE_OK) {
        problem_set(reterr_problem, ST_IO, 0, 0, "--server: %s",
                    request->error[0] ? request->error : curl_easy_strerror(code));
        return ST_IO;
    }
    return curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, ret_code) == CURLE_OK
               ? ST_OK
               : ST_INTERNAL;
}

enum status review_server_ask(const struct options *options,
                              struct span body,
                              struct buf *ret_reply,
                              long *ret_code,
                              struct problem *reterr_problem)
{
    CLEANUP(request_fini)
    struct request request = {
        .reply = { .max_len = REVIEW_REPLY_MAX_BYTES },
    };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return ST_INTERNAL;
    }
    request.curl = curl_easy_init();
    if (!request.curl || !append_header(&request.headers, "Content-Type: application/json") ||
        !append_header(&request.headers, "Accept: application/json") ||
        !append_header(&request.headers, "Expect:")) { /* no waiting for 100 Continue */
        return ST_NOMEM;
    }
    enum status st = prepare_url(options, &request, reterr_problem);
    if (st == ST_OK && !set_options(options, &request, body)) {
        st = ST_NOMEM;
    }
    if (st == ST_OK) {
        st = perform(&request, ret_code, reterr_problem);
    }
    if (st == ST_OK) {
        *ret_reply = request.reply;
        request.reply = (struct buf){ 0 };
    }
    return st;
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
