/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* meta.k8s.io/v1 Status: the body of every answer of ours that is not a TokenReview, and what a
 * Kubernetes API server says when it refuses. */
#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

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

#define STATUS_BODY_REASON_MAX  64
#define STATUS_BODY_MESSAGE_MAX 200

/** What a Status says. All-zero: nothing. */
struct status_body {
    unsigned code;                       /* HTTP status that it stands for; 0 when it names none */
    char reason[STATUS_BODY_REASON_MAX]; /* "Expired", "Conflict", …; "" when it names none */
    char message[STATUS_BODY_MESSAGE_MAX]; /* printable ASCII, cut: fit to be logged */
    uint64_t retry_after_sec;              /* details.retryAfterSeconds; 0 when there is none */
    bool is_about_uid; /* details.causes names the field metadata.uid: the object has another */
};

/** status_body_read() - what a tree says that should be a Status, as the object of an ERROR event
 * is. Anything else reads as all-zero. @root: borrows; NULL is fine */
void status_body_read(const json_object *root, struct status_body *ret_body) NONNULL(2);

/** status_body_parse() - the same of a reply's body; what is no JSON object reads as all-zero, too:
 * whoever asks has the HTTP code as well. @text: borrows */
void status_body_parse(struct span text, struct status_body *ret_body) NONNULL(2);

/**
 * status_body_meaning() - what a refusal means to who asked
 * @code:   HTTP status, or status_body.code of an ERROR event
 * @reason: of the Status; tells the two meanings of 409 apart
 *
 * Return: ST_NOT_FOUND 404; ST_EXISTS 409 AlreadyExists; ST_CONFLICT 409; ST_GONE 410; ST_INVALID
 * 400, 405, 406, 415, 422; ST_FORBIDDEN 401, 403; ST_LIMIT 413; ST_TIMEOUT 408, 504; else
 * ST_UNAVAILABLE. Source: apimachinery pkg/api/errors
 */
enum status status_body_meaning(unsigned code, const char *reason) NODISCARD NONNULL(2);
