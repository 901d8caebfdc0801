/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is served where, who may ask, and when he is answered: rows that whoever composes the server
 * hands in, made a table in which a path is looked up once.
 *
 * A path is that of the request, percent-decoded. Its last segment may be a parameter:
 *   /x             this path and no other
 *   /x/{name}      any one segment that is not empty
 *   /x/{name...}   whatever is behind it, slashes too; and /x itself, with nothing
 * The longest row that fits counts, and a path as it is before one with a parameter.
 */
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"
#include "server/http/method.h"
#include "server/http/reply.h"
#include "server/http/request.h"
#include "server/http/request_head.h"

/** endpoint_fn - answer @request. On the worker's thread, which serves nobody else meanwhile.
 * @request: borrowed until it returns. @reply: to be filled in; all-zero but for an empty body */
typedef enum outcome endpoint_fn(void *ctx, struct request *request, struct reply *reply);

/** Who may ask, of an endpoint or of a listener: the stricter of both counts. */
enum endpoint_client {
    ENDPOINT_CLIENT_CERTIFICATE =
        0, /* with --client-ca-file: a certificate of it; without: anybody */
    ENDPOINT_ANYBODY,
};

enum endpoint_moment {
    ENDPOINT_WITH_BODY = 0, /* asked when all of the request is there */
    ENDPOINT_AT_HEAD,       /* asked before the body, which is not read: the connection ends behind
                               the reply when there is one */
};

struct endpoint {
    const char *path;
    unsigned methods; /* enum method, joined */
    enum endpoint_client client;
    enum endpoint_moment moment;
    const char *expects; /* what another method is told was expected; NULL: the methods' names. Of
                            several rows with the same path the first counts */
    endpoint_fn *handle;
    void *ctx;
};

struct endpoint_table;

/** endpoint_table_new() - @rows: borrowed for the table's life. Return: ST_OK; ST_INVALID for a row
 * without method or handler, a path that is none of the above, or two rows for one method of a
 * path; ST_NOMEM */
enum status endpoint_table_new(const struct endpoint *rows,
                               size_t count,
                               struct endpoint_table **ret_table) NODISCARD NONNULL(3);

/** endpoint_table_free() - NULL is fine. Return: NULL */
struct endpoint_table *endpoint_table_free(struct endpoint_table *table);

/** What was found. */
struct endpoint_match {
    const struct endpoint *endpoint;    /* NULL: none */
    const struct head_refusal *refusal; /* then why: 404, or 405 with what is allowed */
    struct span parameter;              /* borrows the path; empty without one */
};

/** endpoint_find() - Cost: a comparison with each path of the same length; with a parameter one
 * more for each segment of the path */
struct endpoint_match endpoint_find(const struct endpoint_table *table,
                                    struct span path,
                                    enum method method) NONNULL(1);
