/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies of a server: only the boolean true is a yes. The asking itself, with its certificates, is
 * in tests/integration/test_cli.py and test_command_line.py; here only what must fail before a byte
 * is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/review_server.h"

#define KIND "{\"kind\":\"TokenReview\",\"status\":"

static const struct {
    const char *name;
    const char *reply;
    enum status status;
    bool authenticated;
    const char *explained; /* last line */
} rows[] = {
    { "yes",
      KIND "{\"authenticated\":true,\"user\":{\"username\":\"u\",\"groups\":[\"a\",\"b\"]},"
           "\"audiences\":[\"x\"]}}",
      ST_OK, true, "\nuser: u\ngroups: a, b\naudiences: x\nanswer: yes\n" },
    { "yes without lists", KIND "{\"authenticated\":true,\"user\":{\"username\":\"u\"}}}", ST_OK,
      true, "\nuser: u\nanswer: yes\n" },
    { "no", KIND "{\"authenticated\":false}}", ST_OK, false, "\nanswer: no (cacheable)\n" },
    { "not known", KIND "{\"authenticated\":false,\"error\":\"later\\u001b\"}}", ST_OK, false,
      "\nanswer: not known (not cacheable): later\\x1b\n" },
    { "absent is no", KIND "{}}", ST_OK, false, "\nanswer: no (cacheable)\n" },
    { "null status is no", KIND "null}", ST_OK, false, "\nanswer: no (cacheable)\n" },
    { "a text is no", KIND "{\"authenticated\":\"true\"}}", ST_OK, false, "answer: no" },
    { "a number is no", KIND "{\"authenticated\":1}}", ST_OK, false, "answer: no" },
    { "Status", "{\"kind\":\"Status\",\"status\":\"Failure\"}", ST_WRONG_KIND, false, "" },
    { "no kind", "{\"status\":{\"authenticated\":true}}", ST_WRONG_KIND, false, "" },
    { "no object", "[]", ST_WRONG_KIND, false, "" },
    { "cut off", "{\"kind\":\"TokenReview\"", ST_SYNTAX, false, "" },
    { "empty", "", ST_SYNTAX, false, "" },
    { "not JSON", "<html>", ST_SYNTAX, false, "" },
};

static void test_review_server_read_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct buf page = { 0 };
        bool authenticated = false;
        print_message("# %s\n", rows[i].name);
        assert_int_equal(review_server_read(span_of(rows[i].reply), &authenticated, &page),
                         rows[i].status);
        assert_int_equal(authenticated, rows[i].authenticated);
        buf_append_char(&page, '\0');
        assert_non_null(strstr(page.at, rows[i].explained));
        buf_fini(&page);
        authenticated = false;
        assert_int_equal(review_server_read(span_of(rows[i].reply), &authenticated, NULL),
                         rows[i].status);
        assert_int_equal(authenticated, rows[i].authenticated);
    }
}

static const struct {
    const char *name;
    const char *url;
    const char *server_name;
} url_rows[] = {
    { "no host", "https://", NULL },
    { "a user in the URL", "https://user@127.0.0.1:1/", NULL },
    { "a port that is none", "https://127.0.0.1:99999/", NULL },
    { "a server name that is none", "https://127.0.0.1:1/", "a b" },
};

static void test_review_server_ask_refuses_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(url_rows); i++) {
        const struct options options = {
            .server = (char *)(uintptr_t)url_rows[i].url,
            .tls_server_name = (char *)(uintptr_t)url_rows[i].server_name,
            .client_timeout_ms = 1000,
        };
        struct buf reply = { 0 };
        struct problem problem = { 0 };
        long code = 0;
        print_message("# %s\n", url_rows[i].name);
        assert_int_equal(review_server_ask(&options, SPAN_LITERAL("{}"), &reply, &code, &problem),
                         ST_INVALID);
        assert_non_null(strstr(problem.text, "--server: expected a URL such as"));
        assert_null(reply.at);
    }
}

static void test_review_server_ask_nobody_there_is_an_io_error(void **state)
{
    (void)state;
    const struct options options = { .server = (char *)(uintptr_t) "https://127.0.0.1:1/",
                                     .client_timeout_ms = 1000 };
    struct buf reply = { 0 };
    struct problem problem = { 0 };
    long code = 0;
    assert_int_equal(review_server_ask(&options, SPAN_LITERAL("{}"), &reply, &code, &problem),
                     ST_IO);
    assert_non_null(strstr(problem.text, "--server: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_review_server_read_rows),
        cmocka_unit_test(test_review_server_ask_refuses_urls),
        cmocka_unit_test(test_review_server_ask_nobody_there_is_an_io_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
