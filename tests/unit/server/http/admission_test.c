/* SPDX-License-Identifier: Apache-2.0 */
/* What a head decides before the body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/admission.h"

#define MAX_BODY 1000

static const struct endpoint with_body = { .methods = METHOD_POST };
static const struct endpoint reads = { .methods = METHOD_GET, .client = ENDPOINT_ANYBODY };
static const struct endpoint at_head = { .methods = METHOD_GET, .moment = ENDPOINT_AT_HEAD };
static const struct head_refusal no_client = { .code = 401, .text = "" };
static const struct head_refusal no_path = { .code = 404, .text = "" };

/* clang-format off */
static const struct {
    const char *name;
    enum method method;
    const struct endpoint *endpoint;
    const struct head_refusal *refusal;
    struct request_head head;
    unsigned code; /* 0: the body may come */
    bool answers_now;
} rows[] = {
    { "no body", METHOD_GET, &reads, NULL, { 0 }, 0, false },
    { "the longest body", METHOD_POST, &with_body, NULL, { .content_length = MAX_BODY }, 0, false },
    { "a longer one", METHOD_POST, &with_body, NULL, { .content_length = MAX_BODY + 1 }, 413, false },
    { "a longer one to nowhere", METHOD_POST, NULL, &no_path, { .content_length = MAX_BODY + 1 }, 413, false },
    { "a body to nowhere is let come", METHOD_POST, NULL, &no_path, { .content_length = 5 }, 0, false },
    { "a body that is thrown away", METHOD_GET, &reads, NULL, { .content_length = 5 }, 0, false },
    { "a malformed head", METHOD_GET, &reads, NULL, { .is_malformed = true }, 400, false },
    { "chunks for who takes them", METHOD_POST, &with_body, NULL, { .codings = 1 }, 0, false },
    { "chunks of a client that is refused", METHOD_POST, &with_body, &no_client, { .codings = 1 }, 0, false },
    { "chunks for who does not", METHOD_GET, &reads, NULL, { .codings = 1 }, 400, false },
    { "chunks to nowhere", METHOD_POST, NULL, &no_path, { .codings = 1 }, 404, false },
    { "at the head, no body", METHOD_GET, &at_head, NULL, { 0 }, 0, false },
    { "at the head, a body", METHOD_GET, &at_head, NULL, { .content_length = 5 }, 0, true },
    { "at the head, a body too long", METHOD_GET, &at_head, NULL, { .content_length = MAX_BODY + 1 }, 0, true },
    { "at the head, chunks", METHOD_GET, &at_head, NULL, { .codings = 1 }, 0, true },
    { "at the head, refused, no body", METHOD_GET, &at_head, &no_client, { 0 }, 0, false },
    { "at the head, refused, a body", METHOD_GET, &at_head, &no_client, { .content_length = 5 }, 401, false },
    { "at the head, two lengths", METHOD_GET, &at_head, NULL, { .lengths = 2 }, 400, false },
};
/* clang-format on */

static void test_admission_judge_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct admission admission = {
            .method = rows[i].method,
            .endpoint = rows[i].endpoint,
            .refusal = rows[i].refusal,
            .head = &rows[i].head,
            .version = "HTTP/1.1",
            .max_body_bytes = MAX_BODY,
        };
        const struct head_refusal *refusal = admission_judge(&admission);
        print_message("# row: %s\n", rows[i].name);
        assert_int_equal(refusal ? refusal->code : 0, rows[i].code);
        if (!refusal) {
            assert_int_equal(admission_answers_now(&admission), rows[i].answers_now);
        }
    }
}

static void test_admission_keeps_body_where_it_means_something(void **state)
{
    (void)state;
    assert_true(admission_keeps_body(&with_body, METHOD_POST));
    assert_true(admission_keeps_body(&with_body, METHOD_DELETE));
    assert_false(admission_keeps_body(&with_body, METHOD_GET));
    assert_false(admission_keeps_body(&at_head, METHOD_POST));
    assert_false(admission_keeps_body(NULL, METHOD_POST));
}

static void test_admission_needs_certificate_if_either_says_so(void **state)
{
    (void)state;
    assert_false(admission_needs_certificate(ENDPOINT_ANYBODY, &reads));
    assert_true(admission_needs_certificate(ENDPOINT_ANYBODY, &with_body));
    assert_true(admission_needs_certificate(ENDPOINT_CLIENT_CERTIFICATE, &reads));
    assert_int_equal((struct endpoint){ 0 }.client, ENDPOINT_CLIENT_CERTIFICATE);
}

static void test_admission_too_large_is_a_413(void **state)
{
    (void)state;
    assert_int_equal(admission_too_large()->code, 413);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admission_judge_rows),
        cmocka_unit_test(test_admission_keeps_body_where_it_means_something),
        cmocka_unit_test(test_admission_needs_certificate_if_either_says_so),
        cmocka_unit_test(test_admission_too_large_is_a_413),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
