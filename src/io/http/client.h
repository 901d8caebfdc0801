/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Outgoing HTTPS on the loop: libcurl's multi interface over libuv's sockets and timers.
 *
 * Every request that leaves the process in the background goes through here, so that what may go
 * out, to whom and how long it may take is decided in one place: TLS 1.2 at least, certificate and
 * name verified unless the operator asked otherwise, no redirect followed (it would carry the
 * bearer token elsewhere), no cookies, nothing waits for "100 Continue". Replies are handed on as
 * they arrive and never gathered here: who asks bounds what it keeps.
 *
 * Threads: the loop's, or before it runs.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "io/loop.h"

struct http_client;
struct http_transfer;

#define HTTP_ERROR_MAX        256   /* bytes with NUL of http_result.text */
#define HTTP_CONTENT_TYPE_MAX 128   /* bytes with NUL; longer ones are cut */
#define HTTP_FROM_MAX         192   /* bytes with NUL of http_result.from */
#define HTTP_MAX_HEADER_BYTES 65536 /* of one reply; a Kubernetes API server sends 1 KiB */
#define HTTP_TRANSFERS_MAX    64 /* under way at once; a few watches and their lists are below 10 */

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
     * it ended early. ST_TIMEOUT. ST_NOMEM. Else what on_body returned. */
    enum status status;
    unsigned code;                            /* HTTP status; 0 when no reply began */
    bool has_retry_after;                     /* a Retry-After in seconds (a date does not count) */
    uint64_t retry_after_sec;                 /* at most a day */
    char content_type[HTTP_CONTENT_TYPE_MAX]; /* the peer's, printable ASCII; "" without one */
    char from[HTTP_FROM_MAX]; /* who was asked: "host:port", "host:port through the proxy host:port"
                               */
    char text[HTTP_ERROR_MAX]; /* for people; no secrets, no peer bytes but a host name */
};

struct http_request {
    const char *method;         /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *path;           /* "/api/v1/…?…": appended to the endpoint's URL as it is */
    const char *const *headers; /* "Name: value" without line ends; a value may be a secret */
    size_t header_count;
    struct span body;            /* copied; the copy is wiped */
    uint64_t connect_timeout_ms; /* name, TCP and TLS; 0: 10 s */
    uint64_t silence_timeout_ms; /* no byte for this long ends it with ST_TIMEOUT; 0: none */
    uint64_t total_timeout_ms;   /* 0: none */
    bool own_connection; /* do not share or reuse a connection: for a watch, which keeps one busy */

    /* Called on the loop's thread, never from inside http_start(). */
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

/** http_client_new() - Return: ST_OK; ST_NOMEM; ST_INTERNAL when libcurl cannot start */
enum status http_client_new(struct loop *loop, struct http_client **ret_client) NODISCARD
    NONNULL(1, 2);

/** http_client_free() - cancels what is under way. On the loop's thread or when it does not run.
 * NULL is fine. Return: NULL */
struct http_client *http_client_free(struct http_client *client);

/**
 * http_start() - send @request to @endpoint
 * @endpoint, @request: copied as far as needed; nothing is borrowed when this returns but ctx
 * @ret_transfer: valid until on_done has been called or http_cancel() was
 *
 * A client certificate, CA or proxy that differs from an earlier request's is never served by that
 * one's connection. What is no GET is sent once at most, on a connection of its own making.
 * Return: ST_OK; ST_NOMEM; ST_INVALID with @reterr_problem for a URL, PEM text,
 * proxy, method or header that cannot be used; ST_LIMIT with @reterr_problem when
 * HTTP_TRANSFERS_MAX are under way
 */
enum status http_start(struct http_client *client,
                       const struct http_endpoint *endpoint,
                       const struct http_request *request,
                       struct http_transfer **ret_transfer,
                       struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4, 5);

/** http_cancel() - end it now, without on_done. Allowed in its own on_head and on_body (which then
 * return anything). NULL is fine. Return: NULL */
struct http_transfer *http_cancel(struct http_transfer *transfer);

/** http_client_drop_idle() - close connections that wait for reuse: credentials have changed */
void http_client_drop_idle(struct http_client *client) NONNULL(1);
