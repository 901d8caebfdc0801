/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* `review --server`: put the question to a running server. */
#include "base/buf.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "cli/options.h"

/* A TokenReview is below 64 KiB; what is larger is another server. */
#define REVIEW_REPLY_MAX_BYTES 1048576

/**
 * review_server_ask() - POST @body to options->server
 * @body:      a TokenReview; borrows
 * @ret_reply: owned by the caller
 * @ret_code:  HTTP status
 *
 * The server's certificate is always verified, against the CA given or the system's, and by the
 * rules of kube-apiserver's client, which takes no common name for a host; TLS 1.2 at least;
 * redirects are not followed, for they would carry the token elsewhere; proxies of the environment
 * are not used. Return: ST_OK; ST_INVALID: URL, name, CA, certificate or key; ST_IO; ST_LIMIT for a
 * reply or a file that is too long; all with @reterr_problem; ST_NOMEM, ST_INTERNAL
 */
enum status review_server_ask(const struct options *options,
                              struct span body,
                              struct buf *ret_reply,
                              long *ret_code,
                              struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 4, 5);

/**
 * review_server_read() - understand the reply
 * @reply:             borrows
 * @ret_authenticated: status.authenticated
 * @explain:           NULL, or where to append the answer for people
 *
 * Return: ST_OK; ST_SYNTAX, ST_WRONG_KIND, ST_NOMEM
 */
enum status review_server_read(struct span reply,
                               bool *ret_authenticated,
                               struct buf *explain) NODISCARD NONNULL(2);
