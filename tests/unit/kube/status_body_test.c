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

static void test_status_body_reads_what_it_writes(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    struct status_body body;
    status_body_build(&buf, 503, "not \"ready\"", 7);
    status_body_parse(buf_span(&buf), &body);
    assert_int_equal(body.code, 503);
    assert_string_equal(body.reason, "ServiceUnavailable");
    assert_string_equal(body.message, "not \"ready\"");
    assert_int_equal(body.retry_after_sec, 7);
    buf_fini(&buf);
}

static const struct {
    const char *name;
    const char *text;
    struct status_body want;
} parse_rows[] = {
    { "of an API server",
      "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
      "\"message\":\"too old resource version: 1 (9)\",\"reason\":\"Expired\",\"code\":410}",
      { 410, "Expired", "too old resource version: 1 (9)", 0, false } },
    { "what would break a log line",
      "{\"kind\":\"Status\",\"message\":\"a\\nb\\u00e4\"}",
      { 0, "", "a?b??", 0, false } },
    { "an object with another uid",
      "{\"kind\":\"Status\",\"details\":{\"causes\":[1,{},{\"field\":2},{\"field\":\"metadata."
      "uid\"}]},"
      "\"reason\":\"Invalid\",\"code\":422}",
      { 422, "Invalid", "", 0, true } },
    { "one with another name",
      "{\"kind\":\"Status\",\"details\":{\"causes\":[{\"field\":\"metadata.name\"}]},\"code\":422}",
      { 422, "", "", 0, false } },
    { "causes of another type", "{\"kind\":\"Status\",\"details\":{\"causes\":{}}}", { 0 } },
    { "members of other types",
      "{\"kind\":\"Status\",\"code\":\"410\",\"reason\":410,\"message\":null,\"details\":[1]}",
      { 0 } },
    { "numbers out of range",
      "{\"kind\":\"Status\",\"code\":-1,\"details\":{\"retryAfterSeconds\":-5}}",
      { 0 } },
    { "a code of four digits", "{\"kind\":\"Status\",\"code\":1000}", { 0 } },
    { "another kind", "{\"kind\":\"Secret\",\"code\":410}", { 0 } },
    { "no kind", "{\"code\":410}", { 0 } },
    { "broken JSON", "{\"kind\":\"Status\",\"code\":410", { 0 } },
    { "text behind it", "{\"kind\":\"Status\",\"code\":410} x", { 0 } },
    { "a page of HTML", "<html>410 Gone</html>", { 0 } },
    { "nothing", "", { 0 } },
};

static void test_status_body_parse_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(parse_rows); i++) {
        struct status_body got;
        const struct status_body *want = &parse_rows[i].want;
        status_body_parse(span_of(parse_rows[i].text), &got);
        if (got.code != want->code || strcmp(got.reason, want->reason) != 0 ||
            strcmp(got.message, want->message) != 0 ||
            got.retry_after_sec != want->retry_after_sec ||
            got.is_about_uid != want->is_about_uid) {
            fail_msg("%s: %u %s \"%s\"", parse_rows[i].name, got.code, got.reason, got.message);
        }
    }
}

static void test_status_body_long_texts_are_cut(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    struct status_body body;
    char message[2 * STATUS_BODY_MESSAGE_MAX];
    memset(message, 'm', sizeof(message));
    message[sizeof(message) - 1] = '\0';
    status_body_build(&buf, 400, message, 0);
    status_body_parse(buf_span(&buf), &body);
    assert_int_equal(strlen(body.message), STATUS_BODY_MESSAGE_MAX - 1);
    buf_fini(&buf);
}

static void test_status_body_meaning_rows(void **state)
{
    (void)state;
    static const struct {
        unsigned code;
        const char *reason;
        enum status want;
    } rows[] = {
        { 400, "", ST_INVALID },     { 401, "", ST_FORBIDDEN },
        { 403, "", ST_FORBIDDEN },   { 404, "", ST_NOT_FOUND },
        { 405, "", ST_INVALID },     { 406, "", ST_INVALID },
        { 408, "", ST_TIMEOUT },     { 409, "AlreadyExists", ST_EXISTS },
        { 409, "", ST_CONFLICT },    { 409, "Conflict", ST_CONFLICT },
        { 410, "", ST_GONE },        { 413, "", ST_LIMIT },
        { 415, "", ST_INVALID },     { 422, "", ST_INVALID },
        { 429, "", ST_UNAVAILABLE }, { 500, "", ST_UNAVAILABLE },
        { 503, "", ST_UNAVAILABLE }, { 504, "", ST_TIMEOUT },
        { 302, "", ST_UNAVAILABLE }, { 0, "", ST_UNAVAILABLE },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        assert_int_equal(status_body_meaning(rows[i].code, rows[i].reason), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_body_reason_rows),
        cmocka_unit_test(test_status_body_whole_text),
        cmocka_unit_test(test_status_body_retry_after_is_written_when_asked_for),
        cmocka_unit_test(test_status_body_full_buffer_fails),
        cmocka_unit_test(test_status_body_reads_what_it_writes),
        cmocka_unit_test(test_status_body_parse_rows),
        cmocka_unit_test(test_status_body_long_texts_are_cut),
        cmocka_unit_test(test_status_body_meaning_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
