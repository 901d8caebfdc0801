/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The body of every answer that is not a TokenReview: meta.k8s.io/v1 Status. */
#include "base/buf.h"
#include "base/compiler.h"

/**
 * status_body_build() - append
 * {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":…,"reason":…,
 * "details":{"retryAfterSeconds":N},"code":…}
 * @code:     HTTP status 400 to 599; the reason follows from it as in apimachinery (400 BadRequest,
 * 401 Unauthorized, 403 Forbidden, 404 NotFound, 405 MethodNotAllowed, 406 NotAcceptable, 413
 * RequestEntityTooLarge, 415 UnsupportedMediaType, 429 TooManyRequests, 503 ServiceUnavailable, 504
 * Timeout, others >= 500 InternalError, others no reason)
 * @message:  what, and what was expected; never peer bytes
 * @retry_after_sec: details.retryAfterSeconds; 0 leaves details out
 */
void status_body_build(struct buf *buf,
                       unsigned code,
                       const char *message,
                       unsigned retry_after_sec) NONNULL(1, 3);
