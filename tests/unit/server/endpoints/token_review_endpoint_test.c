/* SPDX-License-Identifier: Apache-2.0 */
/* Every code and body that a review can get, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/token_review.h"
#include "server/endpoints/token_review_endpoint.h"
#include "support/engine_kit.h"
#include "support/request_kit.h"

#define REVIEW(version, spec)                                                   \
    "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/" version \
    "\",\"spec\":" spec "}"
#define OF_TOKEN(token) "{\"token\":\"" token "\"}"

/* clang-format off */
static const struct {
    const char *name;
    const char *content_type;
    const char *body;
    bool is_before_sync;
    unsigned code;
    unsigned prepared; /* not 0: this one, and no body */
    const char *want;  /* part of the body */
    enum standing standing;
} rows[] = {
    { "a yes", "application/json", REVIEW("v1", OF_TOKEN(TEST_TOKEN)), false, 200, 0,
      "\"authenticated\":true,\"user\":{\"username\":\"system:bootstrap:abcdef\"", STANDING_KNOWN },
    { "a yes of v1beta1", "application/json", REVIEW("v1beta1", OF_TOKEN(TEST_TOKEN)), false, 200, 0,
      "\"apiVersion\":\"authentication.k8s.io/v1beta1\"", STANDING_KNOWN },
    { "a yes for an audience", "application/json", REVIEW("v1", "{\"token\":\"" TEST_TOKEN "\",\"audiences\":[\"x\",\"api\"]}"), false, 200, 0,
      "\"audiences\":[\"api\"]", STANDING_KNOWN },
    { "a no", "application/json", REVIEW("v1", OF_TOKEN("abcdef.0123456789abcdeg")), false, 0, 5, NULL, STANDING_REFUSED },
    { "a no of v1beta1", "application/json", REVIEW("v1beta1", OF_TOKEN("abcdef.0123456789abcdeg")), false, 0, 6, NULL, STANDING_REFUSED },
    { "another audience", "application/json", REVIEW("v1", "{\"token\":\"" TEST_TOKEN "\",\"audiences\":[\"x\"]}"), false, 0, 5, NULL, STANDING_REFUSED },
    { "no token", "application/json", REVIEW("v1", "{}"), false, 0, 5, NULL, STANDING_REFUSED },
    { "not known", "application/json", REVIEW("v1", OF_TOKEN("abcdeg.0123456789abcdef")), false, 200, 0,
      "\"error\":\"", STANDING_REFUSED },
    { "no content type", NULL, REVIEW("v1", OF_TOKEN(TEST_TOKEN)), false, 200, 0, "\"authenticated\":true", STANDING_KNOWN },
    { "a content type with a parameter", "Application/JSON; charset=utf-8", REVIEW("v1", OF_TOKEN(TEST_TOKEN)), false, 200, 0,
      "\"authenticated\":true", STANDING_KNOWN },
    { "protobuf that is none", "application/vnd.kubernetes.protobuf", REVIEW("v1", OF_TOKEN(TEST_TOKEN)), false, 400, 0,
      "\"reason\":\"BadRequest\"", STANDING_STRANGER },
    { "JSON is not accepted", "application/json", REVIEW("v1", OF_TOKEN(TEST_TOKEN)), false, 406, 0,
      "\"reason\":\"NotAcceptable\"", STANDING_STRANGER },
    { "another content type", "application/jsonp", REVIEW("v1", OF_TOKEN(TEST_TOKEN)), false, 415, 0,
      "\"reason\":\"UnsupportedMediaType\"", STANDING_STRANGER },
    { "no body", "application/json", "", false, 400, 0, "\"reason\":\"BadRequest\"", STANDING_STRANGER },
    { "no JSON", "application/json", "x", false, 400, 0, "\"reason\":\"BadRequest\"", STANDING_STRANGER },
    { "another kind", "application/json", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", false, 400, 0,
      "\"reason\":\"BadRequest\"", STANDING_STRANGER },
    { "before the first sync", "application/json", REVIEW("v1", OF_TOKEN(TEST_TOKEN)), true, 503, 0,
      "\"reason\":\"ServiceUnavailable\",\"details\":{\"retryAfterSeconds\":1}", STANDING_STRANGER },
};
/* clang-format on */

static void test_token_review_endpoint_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct authenticator *authenticator = engine_kit_make(!rows[i].is_before_sync);
        struct token_review_endpoint endpoint = { .first_refusal = 5 };
        struct request_kit kit;
        request_kit_init(&kit);
        assert_int_equal(ask_new(&(struct ask_options){ .authenticator = authenticator,
                                                        .clock = clock_system(),
                                                        .shard_count = 1 },
                                 &endpoint.ask),
                         ST_OK);
        kit.request.method = METHOD_POST;
        kit.request.method_name = "POST";
        kit.request.content_type = rows[i].content_type;
        kit.request.refuses_json = rows[i].code == 406;
        request_kit_set_body(&kit, rows[i].body);
        print_message("# row: %s\n", rows[i].name);
        assert_int_equal(token_review_endpoint(&endpoint, &kit.request, &kit.reply),
                         OUTCOME_REPLIES);
        assert_int_equal(kit.reply.code, rows[i].code);
        assert_int_equal(kit.reply.prepared, rows[i].prepared);
        assert_int_equal(kit.reply.standing, rows[i].standing);
        assert_int_equal(kit.reply.retry_after_sec, rows[i].code == 503 ? 1 : 0);
        buf_append_char(&kit.body, '\0');
        if (rows[i].want && !strstr(kit.body.at, rows[i].want)) {
            fail_msg("%s in place of %s", kit.body.at, rows[i].want);
        }
        assert_null(strstr(kit.body.at, TEST_TOKEN_SECRET));
        endpoint.ask = ask_free(endpoint.ask);
        authenticator = authenticator_free(authenticator);
        request_kit_fini(&kit);
    }
}

static void test_token_review_endpoint_refusals_are_plain(void **state)
{
    (void)state;
    static const char *const want[] = {
        "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\",",
        "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1beta1\",",
    };
    struct prepared_reply refusals[2];
    struct buf bodies = { 0 };
    assert_int_equal(token_review_endpoint_refusals(&bodies, refusals), ST_OK);
    for (size_t i = 0; i < COUNTOF(refusals); i++) {
        static const struct token_review_answer no = { 0 };
        struct buf body = { 0 };
        token_review_build(&body, (enum token_review_version)i, &no);
        assert_true(span_equal(refusals[i].body, buf_span(&body)));
        assert_true(span_starts_with(refusals[i].body, span_of(want[i])));
        assert_int_equal(refusals[i].code, 200);
        assert_string_equal(refusals[i].content_type, "application/json");
        buf_fini(&body);
    }
    buf_fini(&bodies);
    bodies.max_len = 10;
    assert_int_equal(token_review_endpoint_refusals(&bodies, refusals), ST_NOMEM);
    buf_fini(&bodies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_review_endpoint_rows),
        cmocka_unit_test(test_token_review_endpoint_refusals_are_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
