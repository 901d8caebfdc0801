/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals in Kubernetes' own words.
 *
 * Clients decide by the body, not by the HTTP code alone: a Status replaces the reason that the
 * code implies, and kube-apiserver's webhook client asks again when details.retryAfterSeconds is
 * there. So no member is written that does not mean anything.
 */
#include "kube/status_body.h"

#include "document/document.h"

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

/* What a peer wrote, for a log: printable ASCII, cut to @size with its NUL. */
static void copy_printable(const json_object *node, char *ret_text, size_t size)
{
    if (!json_object_is_type(node, json_type_string)) {
        return;
    }
    const char *text = json_object_get_string((json_object *)node);
    const size_t len = (size_t)json_object_get_string_len(node);
    const size_t kept = len < size - 1 ? len : size - 1;
    for (size_t i = 0; i < kept; i++) {
        ret_text[i] = (text[i] >= ' ' && text[i] < 0x7f) ? text[i] : '?';
    }
    ret_text[kept] = '\0';
}

static int64_t number_of(const json_object *object, const char *key)
{
    const json_object *node = json_object_object_get(object, key);
    return json_object_is_type(node, json_type_int) ? json_object_get_int64(node) : 0;
}

static bool has_cause(const json_object *details, const char *field)
{
    const json_object *causes = json_object_object_get(details, "causes");
    if (!json_object_is_type(causes, json_type_array)) {
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(causes); i++) {
        const json_object *cause = json_object_array_get_idx(causes, i);
        json_object *node = json_object_is_type(cause, json_type_object)
                                ? json_object_object_get(cause, "field")
                                : NULL;
        if (json_object_is_type(node, json_type_string) &&
            strcmp(json_object_get_string(node), field) == 0) {
            return true;
        }
    }
    return false;
}

void status_body_read(const json_object *root, struct status_body *ret_body)
{
    *ret_body = (struct status_body){ 0 };
    const bool is_object = json_object_is_type(root, json_type_object);
    json_object *kind = is_object ? json_object_object_get(root, "kind") : NULL;
    if (!json_object_is_type(kind, json_type_string) ||
        strcmp(json_object_get_string(kind), "Status") != 0) {
        return;
    }
    const int64_t code = number_of(root, "code");
    ret_body->code = code > 0 && code < 1000 ? (unsigned)code : 0;
    copy_printable(json_object_object_get(root, "reason"), ret_body->reason,
                   sizeof(ret_body->reason));
    copy_printable(json_object_object_get(root, "message"), ret_body->message,
                   sizeof(ret_body->message));
    const json_object *details = json_object_object_get(root, "details");
    if (json_object_is_type(details, json_type_object)) {
        const int64_t seconds = number_of(details, "retryAfterSeconds");
        ret_body->retry_after_sec = seconds > 0 ? (uint64_t)seconds : 0;
        ret_body->is_about_uid = has_cause(details, "metadata.uid");
    }
}

static enum status take_status(void *ctx, json_object *root)
{
    status_body_read(root, ctx);
    return ST_OK;
}

void status_body_parse(struct span text, struct status_body *ret_body)
{
    struct problem problem;
    *ret_body = (struct status_body){ 0 };
    if (text.len == 0 || text.at[0] != '{' ||
        document_parse_json(text, (struct document_path){ 0 }, take_status, ret_body, &problem) !=
            ST_OK) {
        *ret_body = (struct status_body){ 0 };
    }
}

enum status status_body_meaning(unsigned code, const char *reason)
{
    switch (code) {
    case 400:
    case 405:
    case 406:
    case 415:
    case 422:
        return ST_INVALID;
    case 401:
    case 403:
        return ST_FORBIDDEN;
    case 404:
        return ST_NOT_FOUND;
    case 408:
    case 504:
        return ST_TIMEOUT;
    case 409:
        return strcmp(reason, "AlreadyExists") == 0 ? ST_EXISTS : ST_CONFLICT;
    case 410:
        return ST_GONE;
    case 413:
        return ST_LIMIT;
    default:
        return ST_UNAVAILABLE;
    }
}
