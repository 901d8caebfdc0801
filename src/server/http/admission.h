/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the head of a request decides, before a byte of its body is read. */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "server/http/endpoint.h"
#include "server/http/request_head.h"

/** What has been found out of a request. */
struct admission {
    enum method method;
    const struct endpoint *endpoint; /* NULL: none for its path and method */
    const struct head_refusal
        *refusal; /* why it will be refused, when its body has come; NULL: it will not, so far */
    const struct request_head *head;
    const char *version; /* "HTTP/1.1" */
    size_t max_body_bytes;
};

/** admission_too_large() - the 413 */
const struct head_refusal *admission_too_large(void);

/** admission_needs_certificate() - must the client show one? @listener: who may ask on it */
bool admission_needs_certificate(enum endpoint_client listener, const struct endpoint *endpoint)
    NONNULL(2);

/** admission_has_body() - does a body follow this head? */
bool admission_has_body(const struct request_head *head) NONNULL(1);

/** admission_keeps_body() - is the body worth keeping? @endpoint: NULL: none was found */
bool admission_keeps_body(const struct endpoint *endpoint, enum method method);

/** admission_judge() - must it be refused at once, since its body is not worth reading or has no
 * certain end? Return: NULL when not; else why, and the connection ends behind that */
const struct head_refusal *admission_judge(const struct admission *admission) NONNULL(1);

/** admission_answers_now() - of what admission_judge() lets through: is the handler to be asked
 * before the body? */
bool admission_answers_now(const struct admission *admission) NONNULL(1);
