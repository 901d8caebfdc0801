/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Outgoing HTTPS on the loop: libcurl's multi interface over libuv's sockets and timers.
 *
 * Every request that leaves the process goes through here, so that what may go out, to whom and how
 * long it may take is decided in one place: TLS 1.2 at least, certificate and name verified unless
 * the operator asked otherwise, no redirect followed (it would carry the bearer token elsewhere),
 * no cookies, nothing waits for "100 Continue". Replies are handed on as they arrive and never
 * gathered here: who asks bounds what it keeps.
 *
 * Threads: the loop's, or before it runs.
 */
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "io/http/request.h"
#include "io/loop.h"

struct http_client;
struct http_transfer;

#define HTTP_MAX_HEADER_BYTES 65536 /* of one reply; a Kubernetes API server sends 1 KiB */
#define HTTP_TRANSFERS_MAX    64 /* under way at once; a few watches and their lists are below 10 */

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

/** http_reply_header() - number @i of the reply's fields called @name (case does not count); empty
 * when there are no more. In its on_head only: borrows until that returns. The peer's bytes */
struct span http_reply_header(const struct http_transfer *transfer, const char *name, size_t i)
    NONNULL(1, 2);

/** http_cancel() - end it now, without on_done. Allowed in its own on_head and on_body (which then
 * return anything). NULL is fine. Return: NULL */
struct http_transfer *http_cancel(struct http_transfer *transfer);

/** http_client_drop_idle() - close connections that wait for reuse: credentials have changed */
void http_client_drop_idle(struct http_client *client) NONNULL(1);
