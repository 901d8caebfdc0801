/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one request may do, as options of libcurl.
 *
 * Everything that libcurl would do by itself and that is not asked for is off: redirects (they
 * would carry the bearer token elsewhere), cookies, .netrc, other protocols, HTTP/0.9, HTTP/2 (a
 * watch keeps a connection busy anyway, and a peer's multiplexing is state of its making),
 * "Expect: 100-continue", compression (it would hide a body's size), signals. A TLS session lives
 * as long as its request, so each connection's certificate is verified anew.
 *
 * Certificates come as bytes, so that what was read and checked is what is used. When a CA is
 * given, the system's directory of CAs must be switched off by name: libcurl would look there, too.
 *
 * libcurl cannot send another server name than the URL's. With tls_server_name the URL therefore
 * names that server, CURLOPT_CONNECT_TO leads the connection to the real host, and the Host header
 * is given by hand; a proxy gets to see the real host as well.
 *
 * A write (anything but GET) never uses a connection that waited for reuse: when the server has
 * closed it meanwhile, libcurl sends the request once more, and nobody could say whether the first
 * one counted. Nor does a request that wants to see the server's certificate, which libcurl knows
 * of a connection's first request only.
 *
 * Secrets: header values, body and client key live in copies that are wiped. libcurl's own copies
 * (the request it sends, OpenSSL's key) are not within reach.
 *
 * Untrusted: nothing; endpoint and request are the operator's and ours. Threads: the loop's.
 */
#include "io/http/setup.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/pem.h"
#include "io/http/proxy.h"

#define HTTP_CONNECT_TIMEOUT_MS 10000 /* name, TCP and TLS of a server that is well: below 1 s */

#define SOCKS_PORT "1080" /* IANA; the other schemes' ports libcurl knows */

/* A peer that is gone without a word is noticed 35 s after its last one: probes after 15, 20, 25,
 * 30 s. TCP_USER_TIMEOUT bounds what was sent and not acknowledged, and has the last word on the
 * probes. */
#define TCP_IDLE_SEC        15
#define TCP_PROBE_SEC       5
#define TCP_PROBES          4
#define TCP_USER_TIMEOUT_MS 35000

/* Names what is refused, never its value: URLs and headers can hold secrets. */
static enum status refuse(struct problem *reterr_problem, const char *text)
{
    problem_set(reterr_problem, ST_INVALID, 0, 0, "%s", text);
    return ST_INVALID;
}

static enum status judge_url(CURLUcode code,
                             struct problem *reterr_problem,
                             const char *text_if_refused)
{
    if (code == CURLUE_OUT_OF_MEMORY) {
        return ST_NOMEM;
    }
    return code == CURLUE_OK ? ST_OK : refuse(reterr_problem, text_if_refused);
}

static void free_curl_text(char **text)
{
    curl_free(*text);
}

static void free_curl_url(CURLU **url)
{
    curl_url_cleanup(*url);
}

static bool append_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer) {
        *list = longer;
    }
    return longer;
}

static bool secret_copy(struct http_secret *secret, struct span bytes)
{
    secret->at = span_copy(bytes);
    secret->len = secret->at ? bytes.len : 0;
    return secret->at;
}

static void secret_fini(struct http_secret *secret)
{
    if (secret->at) {
        sodium_memzero(secret->at, secret->len);
        free(secret->at);
    }
    *secret = (struct http_secret){ 0 };
}

void http_setup_fini(struct http_setup *setup)
{
    curl_easy_cleanup(setup->easy);
    setup->easy = NULL;
    for (struct curl_slist *line = setup->headers; line; line = line->next) {
        sodium_memzero(line->data, strlen(line->data));
    }
    curl_slist_free_all(setup->headers);
    setup->headers = NULL;
    curl_slist_free_all(setup->connect_to);
    setup->connect_to = NULL;
    secret_fini(&setup->body);
    secret_fini(&setup->client_key);
}

static enum status check_ca(struct span pem, struct problem *reterr_problem)
{
    const enum status status = pem_check_certificates(pem);
    return status == ST_INVALID ? refuse(reterr_problem, "the CA holds no certificate in PEM form, "
                                                         "or a broken one")
                                : status;
}

static enum status check_client(const struct http_endpoint *endpoint,
                                struct problem *reterr_problem)
{
    static const char no_certificate[] = "the client certificate holds no certificate in PEM form";
    static const char *const texts[] = {
        [PEM_PAIR_SWAPPED] = no_certificate,
        [PEM_PAIR_NO_CERTIFICATE] = no_certificate,
        [PEM_PAIR_NO_KEY] = "the client key holds no private key in PEM form, or an encrypted one",
        [PEM_PAIR_MISMATCH] = "client certificate and client key do not belong together",
    };
    enum pem_pair_fault fault;
    const enum status status =
        pem_check_pair(endpoint->client_certificate_pem, endpoint->client_key_pem, &fault);
    return status == ST_INVALID ? refuse(reterr_problem, texts[fault]) : status;
}

/* libcurl reads PEM text only when it connects; who passed it is told now. */
static enum status check_pem(const struct http_endpoint *endpoint, struct problem *reterr_problem)
{
    enum status status = endpoint->ca_pem.len ? check_ca(endpoint->ca_pem, reterr_problem) : ST_OK;
    if (status == ST_OK && !endpoint->client_certificate_pem.len != !endpoint->client_key_pem.len) {
        return refuse(reterr_problem, "client certificate and client key go together");
    }
    if (status == ST_OK && endpoint->client_certificate_pem.len) {
        status = check_client(endpoint, reterr_problem);
    }
    return status == ST_LIMIT ? refuse(reterr_problem, "a certificate or key is longer than 2 GiB")
                              : status;
}

/* curl_easy_setopt() fails without memory and for options this libcurl was built without. */
#define SET(option, value) (curl_easy_setopt(setup->easy, option, value) == CURLE_OK)

static bool set_blob(CURL *easy, CURLoption option, struct span bytes, unsigned flags)
{
    struct curl_blob blob = {
        .data = (void *)(uintptr_t)bytes.at, /* libcurl only reads it */
        .len = bytes.len,
        .flags = flags,
    };
    return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

static bool set_tls(struct http_setup *setup, const struct http_endpoint *endpoint)
{
    CURL *easy = setup->easy;
    const long peer = endpoint->insecure_skip_tls_verify ? 0L : 1L;
    const long host = endpoint->insecure_skip_tls_verify ? 0L : 2L;
    const bool verification =
        SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
        SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
        SET(CURLOPT_SSL_VERIFYPEER, peer) && SET(CURLOPT_SSL_VERIFYHOST, host) &&
        SET(CURLOPT_PROXY_SSL_VERIFYPEER, peer) && SET(CURLOPT_PROXY_SSL_VERIFYHOST, host) &&
        /* A resumed session would carry over whom we were when it began. libcurl 7.88 shares none
         * between two requests that share nothing else; later ones do. */
        SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    /* A proxy that speaks TLS is held to the same CA, as kubectl does. */
    const bool ca = !endpoint->ca_pem.len ||
                    (set_blob(easy, CURLOPT_CAINFO_BLOB, endpoint->ca_pem, CURL_BLOB_COPY) &&
                     set_blob(easy, CURLOPT_PROXY_CAINFO_BLOB, endpoint->ca_pem, CURL_BLOB_COPY) &&
                     SET(CURLOPT_CAPATH, NULL) && SET(CURLOPT_PROXY_CAPATH, NULL));
    if (!verification || !ca || !endpoint->client_key_pem.len) {
        return verification && ca;
    }
    /* The key's copy is ours, for libcurl would not wipe one. */
    return secret_copy(&setup->client_key, endpoint->client_key_pem) &&
           set_blob(easy, CURLOPT_SSLCERT_BLOB, endpoint->client_certificate_pem, CURL_BLOB_COPY) &&
           set_blob(easy, CURLOPT_SSLKEY_BLOB,
                    (struct span){ setup->client_key.at, setup->client_key.len }, CURL_BLOB_NOCOPY);
}

/* Into setup->proxy, for people: neither user nor password. */
static bool note_proxy(struct http_setup *setup, CURLU *url)
{
    CLEANUP(free_curl_text) char *host = NULL;
    CLEANUP(free_curl_text) char *port = NULL;
    if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_PORT, &port, 0) != CURLUE_OK) {
        return false;
    }
    (void)snprintf(setup->proxy, sizeof(setup->proxy), "%s:%s", host, port);
    return true;
}

static enum status use_proxy(struct http_setup *setup,
                             const char *proxy_url,
                             unsigned flags,
                             struct problem *reterr_problem)
{
    CLEANUP(free_curl_url) CURLU *url = curl_url();
    CLEANUP(free_curl_text) char *scheme = NULL;
    CLEANUP(free_curl_text) char *port = NULL;
    CLEANUP(free_curl_text) char *text = NULL;
    static const char expected[] =
        "the proxy's URL: expected http://, https:// or socks5:// and a host";
    if (!url) {
        return ST_NOMEM;
    }
    const enum status status =
        judge_url(curl_url_set(url, CURLUPART_URL, proxy_url, flags | CURLU_NON_SUPPORT_SCHEME),
                  reterr_problem, expected);
    if (status != ST_OK) {
        return status;
    }
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
        return ST_NOMEM;
    }
    const bool socks = strcmp(scheme, "socks5") == 0;
    if (!socks && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) {
        return refuse(reterr_problem, expected);
    }
    /* As kubectl has it: the scheme's own port, where libcurl takes 1080; and a SOCKS proxy finds
     * the name's address, which libcurl calls socks5h. */
    const CURLUcode code = curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    if ((code != CURLUE_OK && code != CURLUE_NO_PORT) ||
        curl_url_set(url, CURLUPART_PORT, port ? port : SOCKS_PORT, 0) != CURLUE_OK ||
        (socks &&
         curl_url_set(url, CURLUPART_SCHEME, "socks5h", CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) ||
        curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK) {
        return ST_NOMEM;
    }
    return note_proxy(setup, url) && SET(CURLOPT_PROXY, text) ? ST_OK : ST_NOMEM;
}

static enum status set_proxy(struct http_setup *setup,
                             const char *proxy_url,
                             bool secure,
                             const char *host,
                             const char *port,
                             struct problem *reterr_problem)
{
    unsigned flags = 0;
    if (!proxy_url) {
        const struct http_proxy_rules rules = http_proxy_environment();
        proxy_url = http_proxy_choose(&rules, secure, host, port);
        flags = CURLU_GUESS_SCHEME; /* in a variable a host alone is enough */
    }
    if (!SET(CURLOPT_PROXY, "") || !SET(CURLOPT_NOPROXY, "")) { /* not libcurl's look around */
        return ST_NOMEM;
    }
    return proxy_url[0] ? use_proxy(setup, proxy_url, flags, reterr_problem) : ST_OK;
}

/* A name that libcurl (8.14) had no memory to look at it calls a bad one, too. Then it is a good
 * one when asked again. */
static CURLUcode set_host(CURLU *url, const char *name)
{
    const CURLUcode code = curl_url_set(url, CURLUPART_HOST, name, 0);
    const bool good =
        code == CURLUE_BAD_HOSTNAME && curl_url_set(url, CURLUPART_HOST, name, 0) == CURLUE_OK;
    return good ? CURLUE_OUT_OF_MEMORY : code;
}

/* The URL names the server that is expected in the certificate; the connection goes to the host
 * that was in it before, whose name stays in the Host header. */
static enum status rename_server(struct http_setup *setup,
                                 CURLU *url,
                                 const char *server_name,
                                 const char *host,
                                 struct problem *reterr_problem)
{
    CLEANUP(free_curl_text) char *port = NULL;
    CLEANUP(buf_fini) struct buf line = { 0 };
    const enum status status = judge_url(set_host(url, server_name), reterr_problem,
                                         "the TLS server name is no host name");
    if (status != ST_OK) {
        return status;
    }
    const CURLUcode code = curl_url_get(url, CURLUPART_PORT, &port, 0);
    const bool usual_port = code == CURLUE_NO_PORT;
    if (code != CURLUE_OK && !usual_port) {
        return ST_NOMEM;
    }
    buf_printf(&line, "::%s:%s", host, usual_port ? "443" : port); /* whatever host and port */
    buf_append_char(&line, '\0');
    if (line.failed || !append_line(&setup->connect_to, line.at)) {
        return ST_NOMEM;
    }
    buf_clear(&line);
    buf_printf(&line, "Host: %s%s%s", host, usual_port ? "" : ":", usual_port ? "" : port);
    buf_append_char(&line, '\0');
    return !line.failed && append_line(&setup->headers, line.at) &&
                   SET(CURLOPT_CONNECT_TO, setup->connect_to)
               ? ST_OK
               : ST_NOMEM;
}

static enum status parse_url(CURLU *url,
                             const char *base,
                             const char *path,
                             struct problem *reterr_problem)
{
    struct span prefix = span_of(base);
    CLEANUP(buf_fini) struct buf whole = { 0 };
    if (path && (strchr(base, '?') || strchr(base, '#'))) {
        return refuse(reterr_problem, "the server's URL: expected no query and no fragment");
    }
    if (path && (path[0] != '/' || strchr(path, '#'))) {
        return refuse(reterr_problem, "the request's path: expected / first and no fragment");
    }
    if (path && prefix.len && base[prefix.len - 1] == '/') {
        prefix.len--;
    }
    buf_append(&whole, prefix);
    buf_append_text(&whole, path ? path : "");
    buf_append_char(&whole, '\0');
    if (whole.failed) {
        return ST_NOMEM;
    }
    const unsigned flags = CURLU_DISALLOW_USER | CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME;
    CLEANUP(free_curl_text) char *scheme = NULL;
    static const char expected[] = "the server's URL: expected https:// and a host, without a user";
    const enum status status =
        judge_url(curl_url_set(url, CURLUPART_URL, whole.at, flags), reterr_problem, expected);
    if (status != ST_OK) {
        return status;
    }
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
        return ST_NOMEM;
    }
    return strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0
               ? ST_OK
               : refuse(reterr_problem, expected);
}

static enum status set_url(struct http_setup *setup,
                           const struct http_endpoint *endpoint,
                           const char *path,
                           struct problem *reterr_problem)
{
    CLEANUP(free_curl_url) CURLU *url = curl_url();
    CLEANUP(free_curl_text) char *scheme = NULL;
    CLEANUP(free_curl_text) char *host = NULL;
    CLEANUP(free_curl_text) char *port = NULL;
    if (!url) {
        return ST_NOMEM;
    }
    enum status status = parse_url(url, endpoint->url, path, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        return ST_NOMEM;
    }
    const bool secure = strcmp(scheme, "https") == 0;
    const bool renamed = secure && endpoint->tls_server_name && endpoint->tls_server_name[0];
    (void)snprintf(setup->where, sizeof(setup->where), "%s:%s", host, port);
    (void)snprintf(setup->name, sizeof(setup->name), "%s",
                   renamed ? endpoint->tls_server_name : host);
    status = set_proxy(setup, endpoint->proxy_url, secure, host, port, reterr_problem);
    if (status == ST_OK && renamed) {
        status = rename_server(setup, url, endpoint->tls_server_name, host, reterr_problem);
    }
    CLEANUP(free_curl_text) char *text = NULL;
    if (status != ST_OK) {
        return status;
    }
    /* As text: a CURLU handle would have to live as long as the transfer. */
    return curl_url_get(url, CURLUPART_URL, &text, CURLU_PATH_AS_IS) == CURLUE_OK &&
                   SET(CURLOPT_URL, text) && SET(CURLOPT_PATH_AS_IS, 1L)
               ? ST_OK
               : ST_NOMEM;
}

static enum status set_headers(struct http_setup *setup,
                               const struct http_request *request,
                               struct problem *reterr_problem)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strpbrk(request->headers[i], "\r\n")) {
            return refuse(reterr_problem, "a header: expected one line");
        }
        if (!append_line(&setup->headers, request->headers[i])) {
            return ST_NOMEM;
        }
    }
    /* What libcurl would add: nothing waits for 100 Continue, and a body is no HTML form. */
    return append_line(&setup->headers, "Expect:") &&
                   append_line(&setup->headers, "Content-Type:") &&
                   SET(CURLOPT_HTTPHEADER, setup->headers) &&
                   SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE)
               ? ST_OK
               : ST_NOMEM;
}

static enum status set_method(struct http_setup *setup,
                              const struct http_request *request,
                              struct problem *reterr_problem)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
    const char *method = NULL;
    for (size_t i = 0; i < COUNTOF(methods); i++) {
        method = strcmp(request->method, methods[i]) == 0 ? methods[i] : method;
    }
    if (!method) {
        return refuse(reterr_problem, "the method: expected GET, POST, PUT, PATCH or DELETE");
    }
    const bool reads = method == methods[0];
    const bool has_body = request->body.len || (!reads && strcmp(method, "DELETE") != 0);
    const bool body_set =
        !has_body || (secret_copy(&setup->body, request->body) &&
                      SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)setup->body.len) &&
                      SET(CURLOPT_POSTFIELDS, setup->body.at));
    /* own_connection needs nothing here: such a request has a pool of its own. */
    return body_set && SET(CURLOPT_CUSTOMREQUEST, method) &&
                   SET(CURLOPT_FRESH_CONNECT, reads && !request->on_server ? 0L : 1L)
               ? ST_OK
               : ST_NOMEM;
}

/* libcurl's own option for keepalive lacks the number of probes. */
static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    static const struct {
        int level;
        int name;
        int value;
    } options[] = {
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, TCP_IDLE_SEC },
        { IPPROTO_TCP, TCP_KEEPINTVL, TCP_PROBE_SEC },
        { IPPROTO_TCP, TCP_KEEPCNT, TCP_PROBES },
        { IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS },
    };
    (void)ctx;
    (void)purpose;
    bool ok = fcntl(fd, F_SETFD, FD_CLOEXEC) == 0; /* libcurl 7.88 leaves it open to children */
    for (size_t i = 0; i < COUNTOF(options); i++) {
        ok = setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                        sizeof(options[i].value)) == 0 &&
             ok;
    }
    return ok ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

static long timeout_of(uint64_t timeout_ms)
{
    return timeout_ms < INT32_MAX ? (long)timeout_ms : (long)INT32_MAX; /* 24 days */
}

static bool set_rules(struct http_setup *setup, const struct http_request *request)
{
    const uint64_t connect_timeout_ms =
        request->connect_timeout_ms ? request->connect_timeout_ms : HTTP_CONNECT_TIMEOUT_MS;
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_HTTP09_ALLOWED, 0L) && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) && SET(CURLOPT_ACCEPT_ENCODING, NULL) &&
           SET(CURLOPT_NOSIGNAL, 1L) && /* the thread that looks up names is waited for by nobody:
                                           a getaddrinfo() that hangs would stop the loop */
           SET(CURLOPT_QUICK_EXIT, 1L) &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_of(connect_timeout_ms)) &&
           SET(CURLOPT_TIMEOUT_MS, timeout_of(request->total_timeout_ms)) &&
           SET(CURLOPT_CERTINFO, request->on_server ? 1L : 0L) &&
           SET(CURLOPT_SOCKOPTFUNCTION, on_socket) && SET(CURLOPT_ERRORBUFFER, setup->error);
}

enum status http_setup_init(struct http_setup *setup,
                            const struct http_endpoint *endpoint,
                            const struct http_request *request,
                            struct problem *reterr_problem)
{
    enum status status = check_pem(endpoint, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    setup->easy = curl_easy_init();
    if (!setup->easy || !set_rules(setup, request) || !set_tls(setup, endpoint)) {
        return ST_NOMEM;
    }
    status = set_url(setup, endpoint, request->path, reterr_problem);
    if (status == ST_OK) {
        status = set_method(setup, request, reterr_problem);
    }
    return status == ST_OK ? set_headers(setup, request, reterr_problem) : status;
}
