/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sending replies. Each queues exactly one and returns what the handler returns. */
#include <microhttpd.h>

#include "base/compiler.h"
#include "server/endpoint.h"

/** reply_built() - send connection->request.reply, which stays untouched until the request is
 * completed */
enum MHD_Result reply_built(struct exchange *exchange, unsigned code, const char *content_type)
    NONNULL(1, 3);

/** reply_status() - send a Kubernetes Status. @message: see status_body_build(); @retry_after_sec:
 * 0 for none, else also the Retry-After header */
enum MHD_Result reply_status(struct exchange *exchange,
                             unsigned code,
                             const char *message,
                             unsigned retry_after_sec) NONNULL(1, 3);

/** reply_method_not_allowed() - 405 Status with Allow */
enum MHD_Result reply_method_not_allowed(struct exchange *exchange) NONNULL(1);

/** reply_prepared() - send a response object that the worker keeps; @len: its body's length */
enum MHD_Result reply_prepared(struct exchange *exchange,
                               unsigned code,
                               struct MHD_Response *response,
                               size_t len) NONNULL(1, 3);

/** reply_make() - a response object with its headers, for keeping. @closes: with Connection: close
 */
struct MHD_Response *reply_make(struct span body,
                                enum MHD_ResponseMemoryMode mode,
                                const char *content_type,
                                bool closes) NONNULL(3);

/** reply_must_close() - does this reply end the connection? Yes while the server drains */
bool reply_must_close(const struct exchange *exchange) NONNULL(1);
