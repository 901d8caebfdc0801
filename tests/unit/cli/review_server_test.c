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
#include "support/certificate_kit.h"
#include "support/file_kit.h"

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
    assert_string_equal(problem.text,
                        "--server: cannot connect to 127.0.0.1:1: Connection refused");
}

#define MISMATCH "--client-key: expected the key of --client-certificate, found another's"

static const struct {
    const char *name;
    const char *ca; /* files; NULL: not given */
    const char *certificate;
    const char *key;
    enum status want;
    const char *problem;
} credential_rows[] = {
    { "good ones", "a.crt", "a.crt", "a.key", ST_IO, "--server: cannot connect to " },
    { "no file", "gone", NULL, NULL, ST_IO, "--certificate-authority: cannot be opened: No such" },
    { "an empty CA is not the system's", "empty", NULL, NULL, ST_INVALID,
      "--certificate-authority: expected PEM certificates of CAs" },
    { "a CA that is none", "noise", NULL, NULL, ST_INVALID,
      "--certificate-authority: expected PEM certificates of CAs" },
    { "no client certificate", NULL, "gone", "a.key", ST_IO, "--client-certificate: cannot be " },
    { "no client key", NULL, "a.crt", "gone", ST_IO, "--client-key: cannot be opened: No such" },
    { "an empty client certificate", NULL, "empty", "empty", ST_INVALID,
      "--client-certificate: expected a PEM certificate" },
    { "no key in the file", NULL, "a.crt", "noise", ST_INVALID,
      "--client-key: expected a PEM private key without a passphrase" },
    { "another's key", "a.crt", "a.crt", "b.key", ST_INVALID, MISMATCH },
    { "swapped", NULL, "a.key", "a.crt", ST_INVALID,
      "--client-certificate and --client-key are swapped" },
};

static void test_review_server_ask_credential_rows(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    certificate_kit_make(kit_path(&kit, "a.crt").text, kit_path(&kit, "a.key").text, INT32_MAX);
    certificate_kit_make(kit_path(&kit, "b.crt").text, kit_path(&kit, "b.key").text, INT32_MAX);
    kit_write(&kit, "empty", "");
    kit_write(&kit, "noise", "TEST-ONLY");
    for (size_t i = 0; i < COUNTOF(credential_rows); i++) {
        const char *names[] = { credential_rows[i].ca, credential_rows[i].certificate,
                                credential_rows[i].key };
        struct kit_path paths[COUNTOF(names)];
        for (size_t j = 0; j < COUNTOF(names); j++) {
            paths[j] = kit_path(&kit, names[j] ? names[j] : "");
        }
        const struct options options = {
            .server = (char *)(uintptr_t) "https://127.0.0.1:1/",
            .certificate_authority = names[0] ? paths[0].text : NULL,
            .client_certificate = names[1] ? paths[1].text : NULL,
            .client_key = names[2] ? paths[2].text : NULL,
            .client_timeout_ms = 1000,
        };
        struct buf reply = { 0 };
        struct problem problem = { 0 };
        long code = 0;
        print_message("# %s\n", credential_rows[i].name);
        assert_int_equal(review_server_ask(&options, SPAN_LITERAL("{}"), &reply, &code, &problem),
                         credential_rows[i].want);
        assert_true(span_starts_with(span_of(problem.text), span_of(credential_rows[i].problem)));
        assert_null(reply.at);
    }
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_review_server_read_rows),
        cmocka_unit_test(test_review_server_ask_refuses_urls),
        cmocka_unit_test(test_review_server_ask_nobody_there_is_an_io_error),
        cmocka_unit_test(test_review_server_ask_credential_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
