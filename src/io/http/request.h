/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is asked of a server and what comes back: for who fills it in or hands it on, and sends
 * nothing itself. io/http/client.h sends it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

#define HTTP_ERROR_MAX        256 /* bytes with NUL of http_result.text */
#define HTTP_CONTENT_TYPE_MAX 128 /* bytes with NUL; longer ones are cut */
#define HTTP_FROM_MAX         192 /* bytes with NUL of http_result.from */

/** A server, and what TLS needs to reach it. Everything borrows; a field that is empty is not used.
 */
struct http_endpoint {
    const char
        *url; /* "https://host:port/prefix", no query; a slash at the end is left out. http://
                 is allowed (proxies of tests, `kubectl proxy`); then TLS fields mean nothing */
    const char *tls_server_name; /* verified and sent as SNI in place of the URL's host */
    const char *proxy_url; /* http://, https:// or socks5://; NULL: as HTTPS_PROXY, HTTP_PROXY,
                              NO_PROXY say (io/http/proxy.h); "": none */
    struct span ca_pem;    /* empty: the system's */
    struct span client_certificate_pem;
    struct span client_key_pem;
    bool insecure_skip_tls_verify;
};

/** What came back, or why nothing did. */
struct http_result {
    /* ST_OK: a whole reply came, whatever its code. ST_UNAVAILABLE: no connection, TLS refused, or
     * it ended early. ST_TIMEOUT. ST_NOMEM. Else what on_server or on_body returned. */
    enum status status;
    unsigned code;                            /* HTTP status; 0 when no reply began */
    bool has_retry_after;                     /* a Retry-After in seconds (a date does not count) */
    uint64_t retry_after_sec;                 /* at most a day */
    char content_type[HTTP_CONTENT_TYPE_MAX]; /* the peer's, printable ASCII; "" without one */
    char from[HTTP_FROM_MAX]; /* who was asked: "host:port", "host:port through the proxy host:port"
                               */
    char text[HTTP_ERROR_MAX]; /* for people; no secrets, no peer bytes but a host name */
    const char *distrust; /* why the server's certificate is not trusted, in OpenSSL's words (static
                             storage); NULL when that is not why it failed */
};

struct http_request {
    const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *path;   /* "/api/v1/…?…": appended to the endpoint's URL as it is; NULL: that
                           one says it all, and may have a query */
    const char *const *headers; /* "Name: value" without line ends; a value may be a secret */
    size_t header_count;
    struct span body;            /* copied; the copy is wiped */
    uint64_t connect_timeout_ms; /* name, TCP and TLS; 0: 10 s */
    uint64_t silence_timeout_ms; /* no byte for this long ends it with ST_TIMEOUT; 0: none */
    uint64_t total_timeout_ms;   /* 0: none */
    bool own_connection; /* do not share or reuse a connection: for a watch, which keeps one busy */

    /* Called on the loop's thread, never from inside http_start(). */
    /**
     * once, before anything is sent: what the server has shown in the handshake. NULL is fine
     * @name:      what must stand in the certificate: the endpoint's tls_server_name, or its host
     * @chain_pem: the certificate and what came with it, one behind the other; empty without TLS
     *
     * For who would refuse more than TLS does, or say it better: also when the name was not found,
     * but not when the chain is not trusted. Return: ST_OK; anything else ends the transfer with
     * that status
     */
    enum status (*on_server)(void *ctx, const char *name, struct span chain_pem) NODISCARD;
    /** once, before the first on_body: code, content_type, from and retry_after of @head are set.
     * NULL is fine */
    void (*on_head)(void *ctx, const struct http_result *head);
    /** a piece of the body, decoded from chunks. Return: ST_OK; anything else ends the transfer
     * with that status */
    enum status (*on_body)(void *ctx, struct span piece) NODISCARD;
    /** once, last; the transfer is gone when it returns. Not called after http_cancel() */
    void (*on_done)(void *ctx, const struct http_result *result);
    void *ctx;
};
