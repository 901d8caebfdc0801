/* SPDX-License-Identifier: Apache-2.0 */
/* Status bodies: every reason, the whole text, and that json-c reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "kube/status_body.h"

static const struct {
    unsigned code;
    const char *reason; /* NULL for none */
} reason_rows[] = {
    { 400, "BadRequest" },
    { 401, "Unauthorized" },
    { 402, NULL },
    { 403, "Forbidden" },
    { 404, "NotFound" },
    { 405, "MethodNotAllowed" },
    { 406, "NotAcceptable" },
    { 413, "RequestEntityTooLarge" },
    { 415, "UnsupportedMediaType" },
    { 429, "TooManyRequests" },
    { 431, NULL },
    { 499, NULL },
    { 500, "InternalError" },
    { 502, "InternalError" },
    { 503, "ServiceUnavailable" },
    { 504, "Timeout" },
    { 599, "InternalError" },
};

static json_object *build(unsigned code, const char *message, unsigned retry_after_sec)
{
    struct buf buf = { 0 };
    status_body_build(&buf, code, message, retry_after_sec);
    buf_append_char(&buf, '\0');
    assert_false(buf.failed);
    json_object *root = json_tokener_parse(buf.at);
    assert_non_null(root);
    buf_fini(&buf);
    return root;
}

static const char *get_text(json_object *root, const char *key)
{
    return json_object_get_string(json_object_object_get(root, key));
}

static void test_status_body_reason_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(reason_rows); i++) {
        json_object *root = build(reason_rows[i].code, "m", 0);
        assert_int_equal(json_object_get_int(json_object_object_get(root, "code")),
                         (int)reason_rows[i].code);
        if (reason_rows[i].reason) {
            assert_string_equal(get_text(root, "reason"), reason_rows[i].reason);
        } else {
            assert_false(json_object_object_get_ex(root, "reason", NULL));
        }
        assert_false(json_object_object_get_ex(root, "details", NULL));
        json_object_put(root);
    }
}

static void test_status_body_whole_text(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    buf_append_text(&buf, "before:");
    status_body_build(&buf, 503, "not \"ready\"\n", 1);
    buf_append_char(&buf, '\0');
    assert_false(buf.failed);
    assert_string_equal(buf.at, "before:{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                                "\"status\":\"Failure\",\"message\":\"not \\\"ready\\\"\\n\","
                                "\"reason\":\"ServiceUnavailable\","
                                "\"details\":{\"retryAfterSeconds\":1},\"code\":503}");
    buf_fini(&buf);
}

static void test_status_body_retry_after_is_written_when_asked_for(void **state)
{
    (void)state;
    json_object *root = build(503, "starting", 30);
    json_object *details = json_object_object_get(root, "details");
    assert_int_equal(json_object_get_int(json_object_object_get(details, "retryAfterSeconds")), 30);
    json_object_put(root);
}

static void test_status_body_full_buffer_fails(void **state)
{
    (void)state;
    struct buf buf = { .max_len = 100 };
    status_body_build(&buf, 400, "a message", 0);
    assert_true(buf.failed);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_body_reason_rows),
        cmocka_unit_test(test_status_body_whole_text),
        cmocka_unit_test(test_status_body_retry_after_is_written_when_asked_for),
        cmocka_unit_test(test_status_body_full_buffer_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
