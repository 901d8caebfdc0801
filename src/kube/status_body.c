/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals in Kubernetes' own words.
 *
 * Clients decide by the body, not by the HTTP code alone: a Status replaces the reason that the
 * code implies, and kube-apiserver's webhook client asks again when details.retryAfterSeconds is
 * there. So no member is written that does not mean anything.
 */
#include "kube/status_body.h"

/* clang-format off */
static const struct {
    unsigned code;
    const char *reason;
} reasons[] = {
    { 400, "BadRequest" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "NotFound" },
    { 405, "MethodNotAllowed" },
    { 406, "NotAcceptable" },
    { 413, "RequestEntityTooLarge" },
    { 415, "UnsupportedMediaType" },
    { 429, "TooManyRequests" },
    { 503, "ServiceUnavailable" },
    { 504, "Timeout" },
};
/* clang-format on */

/* NULL where apimachinery knows no reason (metav1.StatusReasonUnknown, which it leaves out). */
static const char *find_reason(unsigned code)
{
    for (size_t i = 0; i < COUNTOF(reasons); i++) {
        if (reasons[i].code == code) {
            return reasons[i].reason;
        }
    }
    return code >= 500 ? "InternalError" : NULL;
}

void status_body_build(struct buf *buf,
                       unsigned code,
                       const char *message,
                       unsigned retry_after_sec)
{
    buf_append_text(buf, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                         "\"status\":\"Failure\",\"message\":");
    buf_append_json_string(buf, span_of(message));
    const char *reason = find_reason(code);
    if (reason) {
        buf_printf(buf, ",\"reason\":\"%s\"", reason);
    }
    if (retry_after_sec != 0) {
        buf_printf(buf, ",\"details\":{\"retryAfterSeconds\":%u}", retry_after_sec);
    }
    buf_printf(buf, ",\"code\":%u}", code);
}
