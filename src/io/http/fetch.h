/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One small document, fetched whole by GET: within a bound of bytes and of time, through a few
 * redirects.
 *
 * A redirect is followed to https:// only, and by a request that is made anew of a URL, a CA and
 * what we accept: what says who we are is sent to the first server or to none. So with credentials
 * no redirect is followed at all.
 *
 * Hostile: what servers send. Threads: the loop's.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "io/http/client.h"
#include "io/http/request.h"

#define HTTP_FETCH_REDIRECTS_MAX 3 /* a host's other name, a slash, a region; more is a loop */

struct http_fetch;

/** What came. All-zero unless all of it did. */
struct http_document {
    char *at; /* borrows until the function returns, and may be changed in place; may be NULL when
                 len is 0 */
    size_t len;
    int64_t max_age_sec; /* for how long it is good, as its Cache-Control and Age say; negative:
                            they say nothing */
};

/** http_fetch_fn - once, last; the fetch is gone when it returns
 * @result: status: ST_OK: the whole document came, code is 200. ST_LIMIT: it is too long.
 *          ST_UNAVAILABLE also for another code, and for a redirect that is not followed; text says
 *          which. Else as http_result. Borrows until it returns
 */
typedef void http_fetch_fn(void *ctx,
                           const struct http_result *result,
                           const struct http_document *document);

struct http_fetch_request {
    const struct http_endpoint *endpoint; /* copied as far as needed */
    const char *path;                     /* as in struct http_request; copied */
    const char *accept;                   /* media types; copied */
    const char *authorization; /* a whole header; a secret; NULL: none. Copied by the first
                                  request only */
    size_t max_bytes;
    uint64_t timeout_ms; /* of all requests together */
    http_fetch_fn *on_done;
    void *ctx;
};

/** http_fetch_start() - Return: as http_start(); on_done is never called from inside it. @ret_fetch
 * is valid until on_done has been called or http_fetch_cancel() was */
enum status http_fetch_start(struct http_client *client,
                             const struct http_fetch_request *request,
                             struct http_fetch **ret_fetch,
                             struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/** http_fetch_cancel() - end it now, without on_done. Not from its own on_done. NULL is fine.
 * Return: NULL */
struct http_fetch *http_fetch_cancel(struct http_fetch *fetch);
