/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The keys of an issuer, fetched once: with all requests that takes, in a bounded time.
 *
 * Hostile: what servers send. Threads: the loop's.
 */
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "io/http/client.h"

struct cluster_access;
struct key_fetch;

#define KEY_FETCH_CA_MAX_BYTES 1048576 /* one PEM bundle; all public CAs are 230 KiB */

/** Where they are. Borrowed as long as the fetch lives. */
struct key_fetch_target {
    const char *jwks_url;          /* https://; else NULL, and one of the next two */
    const char *discovery_url;     /* https://: where the issuer's discovery document is */
    struct cluster_access *access; /* of an API server; its files are read again for each fetch */
    const char *issuer;            /* with discovery_url */
    const char *ca_file;           /* not with access; read for each fetch; NULL: ca_pem */
    struct span ca_pem;            /* empty: the system's */
    uint64_t timeout_ms;
};

struct key_fetch_result {
    enum status status;       /* ST_OK: a document came that is to be a JWKS */
    struct span jwks;         /* borrows until the function returns */
    int64_t fresh_sec;        /* for how long it is good; negative: nobody has said */
    unsigned code;            /* HTTP status of the last reply; 0: none came */
    uint64_t retry_after_sec; /* what the server asked for; 0: nothing */
    struct problem problem;   /* unless ST_OK; file is what was asked */
};

/** key_fetch_fn - once, last; the fetch is gone when it returns */
typedef void key_fetch_fn(void *ctx, const struct key_fetch_result *result);

/** key_fetch_start() - Return: ST_OK; what http_fetch_start() returns, ST_IO, ST_NOT_FOUND,
 * ST_UNSUPPORTED, ST_LIMIT, ST_INVALID of the CA's file, all with @reterr_problem; ST_NOMEM. @done
 * is never called from inside it */
enum status key_fetch_start(struct http_client *client,
                            const struct key_fetch_target *target,
                            key_fetch_fn *done,
                            void *ctx,
                            struct key_fetch **ret_fetch,
                            struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 5, 6);

/** key_fetch_cancel() - end it now, without its function. Not from that. NULL is fine. Return: NULL
 */
struct key_fetch *key_fetch_cancel(struct key_fetch *fetch);

/** key_fetch_check_ca() - can the CA of @target be used? Return: ST_OK; else as key_fetch_start()
 */
enum status key_fetch_check_ca(const struct key_fetch_target *target,
                               struct problem *reterr_problem) NODISCARD NONNULL(1, 2);
