/* SPDX-License-Identifier: Apache-2.0 */
/* Replies as handlers make them: every Status, and what it says in the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/reply.h"
#include "support/request_kit.h"

static const struct {
    unsigned code;
    unsigned retry_after_sec;
    const char *want;
} rows[] = {
#define STATUS_OF(code, middle)                                                          \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"," \
    "\"message\":\"why\"," middle "\"code\":" #code "}"
    { 400, 0, STATUS_OF(400, "\"reason\":\"BadRequest\",") },
    { 401, 0, STATUS_OF(401, "\"reason\":\"Unauthorized\",") },
    { 403, 0, STATUS_OF(403, "\"reason\":\"Forbidden\",") },
    { 404, 0, STATUS_OF(404, "\"reason\":\"NotFound\",") },
    { 405, 0, STATUS_OF(405, "\"reason\":\"MethodNotAllowed\",") },
    { 406, 0, STATUS_OF(406, "\"reason\":\"NotAcceptable\",") },
    { 413, 0, STATUS_OF(413, "\"reason\":\"RequestEntityTooLarge\",") },
    { 415, 0, STATUS_OF(415, "\"reason\":\"UnsupportedMediaType\",") },
    { 429, 2,
      STATUS_OF(429, "\"reason\":\"TooManyRequests\",\"details\":{\"retryAfterSeconds\":2},") },
    { 500, 0, STATUS_OF(500, "\"reason\":\"InternalError\",") },
    { 501, 0, STATUS_OF(501, "\"reason\":\"InternalError\",") },
    { 503, 1,
      STATUS_OF(503, "\"reason\":\"ServiceUnavailable\",\"details\":{\"retryAfterSeconds\":1},") },
};

static void test_reply_status_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct request_kit kit;
        char log[1024];
        char line[64];
        request_kit_init(&kit);
        buf_append_text(&kit.body, "half of something else");
        kit.reply.prepared = 7;
        assert_int_equal(
            reply_status(&kit.request, &kit.reply, rows[i].code, "why", rows[i].retry_after_sec),
            OUTCOME_REPLIES);
        request_kit_assert_body(&kit, rows[i].want);
        assert_int_equal(kit.reply.code, rows[i].code);
        assert_int_equal(kit.reply.retry_after_sec, rows[i].retry_after_sec);
        assert_int_equal(kit.reply.prepared, 0);
        assert_string_equal(kit.reply.content_type, "application/json");
        snprintf(line, sizeof(line), "code=%u method=\"GET\" message=\"why\"", rows[i].code);
        request_kit_log(&kit, log, sizeof(log));
        assert_non_null(strstr(log, "\"Request refused\""));
        assert_non_null(strstr(log, line));
        request_kit_fini(&kit);
    }
}

static void test_reply_refusal_says_what_is_allowed(void **state)
{
    (void)state;
    static const struct head_refusal wrong_method = { .code = 405, .text = "x", .allow = "GET" };
    static const struct head_refusal busy = { .code = 503, .text = "x", .retry_after_sec = 3 };
    struct request_kit kit;
    request_kit_init(&kit);
    assert_int_equal(reply_refusal(&kit.request, &kit.reply, &wrong_method), OUTCOME_REPLIES);
    assert_int_equal(kit.reply.code, 405);
    assert_int_equal(kit.reply.field_count, 1);
    assert_string_equal(kit.reply.fields[0].name, "Allow");
    assert_string_equal(kit.reply.fields[0].value, "GET");
    request_kit_again(&kit);
    assert_int_equal(reply_refusal(&kit.request, &kit.reply, &busy), OUTCOME_REPLIES);
    assert_int_equal(kit.reply.field_count, 0);
    assert_int_equal(kit.reply.retry_after_sec, 3);
    request_kit_fini(&kit);
}

static void test_reply_body_without_memory_closes(void **state)
{
    (void)state;
    struct request_kit kit;
    request_kit_init(&kit);
    assert_int_equal(reply_body(&kit.reply, 200, "text/plain"), OUTCOME_REPLIES);
    assert_int_equal(kit.reply.code, 200);
    kit.body.failed = true;
    assert_int_equal(reply_body(&kit.reply, 200, "text/plain"), OUTCOME_CLOSES);
    request_kit_fini(&kit);
}

static void test_reply_prepared_keeps_its_number(void **state)
{
    (void)state;
    struct reply reply = { 0 };
    assert_int_equal(reply_prepared(&reply, 3), OUTCOME_REPLIES);
    assert_int_equal(reply.prepared, 3);
}

static void test_reply_fields_are_bounded(void **state)
{
    (void)state;
    struct reply reply = { 0 };
    for (unsigned i = 0; i <= REPLY_FIELDS_MAX; i++) {
        reply_add_field(&reply, "X", i == REPLY_FIELDS_MAX ? "one too many" : "y");
    }
    assert_int_equal(reply.field_count, REPLY_FIELDS_MAX);
    assert_string_equal(reply.fields[REPLY_FIELDS_MAX - 1].value, "y");
}

/* A flood of refusals writes ten lines, and what is held back is counted. */
static void test_reply_status_lines_are_held_to_a_rate(void **state)
{
    (void)state;
    struct request_kit kit;
    static char log[65536];
    request_kit_init(&kit);
    for (int i = 0; i < LOG_LIMIT_BURST + 5; i++) {
        request_kit_again(&kit);
        assert_int_equal(reply_status(&kit.request, &kit.reply, 404, "why", 0), OUTCOME_REPLIES);
    }
    int lines = 0;
    for (const char *c = request_kit_log(&kit, log, sizeof(log)); *c; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(lines, LOG_LIMIT_BURST);
    assert_int_equal(kit.shard->metrics.counters[COUNT_LOG_DROPPED], 5);
    request_kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_status_rows),
        cmocka_unit_test(test_reply_refusal_says_what_is_allowed),
        cmocka_unit_test(test_reply_body_without_memory_closes),
        cmocka_unit_test(test_reply_prepared_keeps_its_number),
        cmocka_unit_test(test_reply_fields_are_bounded),
        cmocka_unit_test(test_reply_status_lines_are_held_to_a_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
