/* SPDX-License-Identifier: Apache-2.0 */
/* TokenReview: what is a request and what is not, what an answer says, and there and back again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "kube/token_review.h"
#include "support/protobuf_writer.h"

#define HEAD      "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\","
#define HEAD_BETA "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1beta1\","

#define REQUEST_MAX_AUDIENCES 4 /* in rows */

static const struct {
    const char *name;
    struct span body;
    enum token_review_version version;
    struct span token;
    size_t audience_count;
    struct span audiences[REQUEST_MAX_AUDIENCES];
} accepted_rows[] = {
    { "as kube-apiserver 1.36 sends it",
      SPAN_LITERAL(HEAD "\"metadata\":{},\"spec\":{\"token\":\"abcdef.0123456789abcdef\","
                        "\"audiences\":[\"https://kubernetes.default.svc.cluster.local\"]},"
                        "\"status\":{\"user\":{}}}\n"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("abcdef.0123456789abcdef"),
      1,
      { SPAN_LITERAL("https://kubernetes.default.svc.cluster.local") } },
    { "as older releases send it",
      SPAN_LITERAL(HEAD_BETA "\"metadata\":{\"creationTimestamp\":null},"
                             "\"spec\":{\"token\":\"t\"},\"status\":{\"user\":{}}}\n"),
      TOKEN_REVIEW_V1BETA1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "spec first",
      SPAN_LITERAL("{\"spec\":{\"audiences\":[\"a\"],\"token\":\"t\"},"
                   "\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\"}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      1,
      { SPAN_LITERAL("a") } },
    { "names written with escapes",
      SPAN_LITERAL("{\"\\u006bind\":\"Token\\u0052eview\","
                   "\"apiVersion\":\"authentication.k8s.io\\/v1\","
                   "\"spec\":{\"to\\u006ben\":\"t\"}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "no spec", SPAN_LITERAL(HEAD "\"x\":1}"), TOKEN_REVIEW_V1, SPAN_LITERAL(""), 0, { { 0 } } },
    { "spec is null",
      SPAN_LITERAL(HEAD "\"spec\":null}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "spec is empty",
      SPAN_LITERAL(HEAD "\"spec\":{}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "token is null",
      SPAN_LITERAL(HEAD "\"spec\":{\"token\":null}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "token in another case is another member",
      SPAN_LITERAL(HEAD "\"spec\":{\"Token\":\"t\",\"TOKEN\":1}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "spec in another case is another member",
      SPAN_LITERAL(HEAD "\"Spec\":{\"token\":\"t\"}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "token outside of spec is another member",
      SPAN_LITERAL(HEAD "\"token\":\"t\",\"status\":{\"token\":\"t\"}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "token with NUL, escapes and UTF-8",
      SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"a\\u0000\\\"\xc3\xa9\\ud83d\\ude42\\ud800\"}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("a\0\"\xc3\xa9\xf0\x9f\x99\x82\xef\xbf\xbd"),
      0,
      { { 0 } } },
    { "audiences is null",
      SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"t\",\"audiences\":null}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "audiences is empty",
      SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"t\",\"audiences\":[]}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "audiences keep order and duplicates; null is empty",
      SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"t\",\"audiences\":[\"b\",\"a\",null,\"b\"]}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      4,
      { SPAN_LITERAL("b"), SPAN_LITERAL("a"), SPAN_LITERAL(""), SPAN_LITERAL("b") } },
    { "the last token counts",
      SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"first\",\"token\":\"last\"}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("last"),
      0,
      { { 0 } } },
    { "null does not undo a token",
      SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"first\",\"token\":null}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("first"),
      0,
      { { 0 } } },
    { "the last audiences count, whole",
      SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"t\",\"audiences\":[\"a\",\"b\"],"
                        "\"audiences\":[\"c\"]}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      1,
      { SPAN_LITERAL("c") } },
    { "null undoes audiences",
      SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"t\",\"audiences\":[\"a\"],\"audiences\":null}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "a second spec adds to the first",
      SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"t\"},\"spec\":{\"audiences\":[\"a\"]}}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      1,
      { SPAN_LITERAL("a") } },
    { "the last kind and apiVersion count",
      SPAN_LITERAL("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"kind\":\"TokenReview\","
                   "\"apiVersion\":\"authentication.k8s.io/v1\"}"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
};

static const struct {
    const char *name;
    struct span body;
    enum status want;
    unsigned line; /* 0 and 0: unknown */
    unsigned column;
    const char *message;
} refused_rows[] = {
    { "empty body", SPAN_LITERAL(""), ST_SYNTAX, 1, 1, "expected a value, but the text ends here" },
    { "not JSON", SPAN_LITERAL("k8s\0\n"), ST_SYNTAX, 1, 1, "expected a value" },
    { "cut off", SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"t\"}"), ST_SYNTAX, 1, 83,
      "expected `,` or `}` after a member, but the text ends here" },
    { "something behind it", SPAN_LITERAL(HEAD "\"spec\":{}}\n{}"), ST_SYNTAX, 2, 1,
      "expected the end of the text" },
    { "no object", SPAN_LITERAL("[]"), ST_TYPE, 1, 1, "expected an object" },
    { "null", SPAN_LITERAL("null"), ST_TYPE, 1, 1, "expected an object" },
    { "spec is a string", SPAN_LITERAL(HEAD "\"spec\":\"t\"}"), ST_TYPE, 1, 70,
      "spec: expected an object" },
    { "spec is an array", SPAN_LITERAL(HEAD "\n \"spec\": []}"), ST_TYPE, 2, 10,
      "spec: expected an object" },
    { "token is a number", SPAN_LITERAL(HEAD "\"spec\":{\"token\":1}}"), ST_TYPE, 1, 79,
      "spec.token: expected a string" },
    { "token is true", SPAN_LITERAL(HEAD "\"spec\":{\"token\":true}}"), ST_TYPE, 1, 79,
      "spec.token: expected a string" },
    { "token is an object", SPAN_LITERAL(HEAD "\"spec\":{\"token\":{}}}"), ST_TYPE, 1, 79,
      "spec.token: expected a string" },
    { "audiences is a string", SPAN_LITERAL(HEAD "\"spec\":{\"audiences\":\"a\"}}"), ST_TYPE, 1, 83,
      "spec.audiences: expected an array" },
    { "an audience is a number", SPAN_LITERAL(HEAD "\"spec\":{\"audiences\":[\"a\",1]}}"), ST_TYPE,
      1, 88, "spec.audiences: expected a string" },
    { "kind is a number", SPAN_LITERAL("{\"kind\":1}"), ST_TYPE, 1, 9, "kind: expected a string" },
    { "apiVersion is an object", SPAN_LITERAL("{\"apiVersion\":{}}"), ST_TYPE, 1, 15,
      "apiVersion: expected a string" },
    { "malformed in a member that nobody reads", SPAN_LITERAL(HEAD "\"status\":{\"user\":nil}}"),
      ST_SYNTAX, 1, 80, "expected null, true or false" },
    { "malformed behind the spec", SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"t\"},}"), ST_SYNTAX, 1,
      84, "expected a member name in quotes" },
    { "token is not UTF-8", SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"t\xff\"}}"), ST_SYNTAX, 1, 81,
      "expected UTF-8" },
    { "no kind", SPAN_LITERAL("{\"apiVersion\":\"authentication.k8s.io/v1\",\"spec\":{}}"),
      ST_WRONG_KIND, 0, 0, "kind: expected TokenReview" },
    { "kind is null", SPAN_LITERAL("{\"kind\":null,\"apiVersion\":\"authentication.k8s.io/v1\"}"),
      ST_WRONG_KIND, 0, 0, "kind: expected TokenReview" },
    { "kind in another case",
      SPAN_LITERAL("{\"kind\":\"tokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\"}"),
      ST_WRONG_KIND, 0, 0, "kind: expected TokenReview" },
    { "kind with more behind it",
      SPAN_LITERAL("{\"kind\":\"TokenReview\\u0000\",\"apiVersion\":\"authentication.k8s.io/v1\"}"),
      ST_WRONG_KIND, 0, 0, "kind: expected TokenReview" },
    { "another kind",
      SPAN_LITERAL(
          "{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authentication.k8s.io/v1\"}"),
      ST_WRONG_KIND, 0, 0, "kind: expected TokenReview" },
    { "no apiVersion", SPAN_LITERAL("{\"kind\":\"TokenReview\"}"), ST_WRONG_KIND, 0, 0,
      "apiVersion: expected authentication.k8s.io/v1 or authentication.k8s.io/v1beta1" },
    { "another version",
      SPAN_LITERAL("{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v2\"}"),
      ST_WRONG_KIND, 0, 0,
      "apiVersion: expected authentication.k8s.io/v1 or authentication.k8s.io/v1beta1" },
    { "version cut",
      SPAN_LITERAL("{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1beta\"}"),
      ST_WRONG_KIND, 0, 0,
      "apiVersion: expected authentication.k8s.io/v1 or authentication.k8s.io/v1beta1" },
    { "another group", SPAN_LITERAL("{\"kind\":\"TokenReview\",\"apiVersion\":\"v1\"}"),
      ST_WRONG_KIND, 0, 0,
      "apiVersion: expected authentication.k8s.io/v1 or authentication.k8s.io/v1beta1" },
};

/* A heap copy without a byte to spare, so that AddressSanitizer sees a read past the end. */
static char *copy_of(struct span text)
{
    char *copy = malloc(text.len ? text.len : 1);
    assert_non_null(copy);
    if (text.len) {
        memcpy(copy, text.at, text.len);
    }
    return copy;
}

static void test_token_review_accepted_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(accepted_rows); i++) {
        char *body = copy_of(accepted_rows[i].body);
        struct token_review review;
        struct problem problem = { 0 };
        const enum status got = token_review_parse(body, accepted_rows[i].body.len,
                                                   TOKEN_REVIEW_NO_DEFAULTS, &review, &problem);
        if (got != ST_OK) {
            fail_msg("%s: %s (%s)", accepted_rows[i].name, status_label(got), problem.text);
        }
        bool same = review.version == accepted_rows[i].version &&
                    span_equal(review.token, accepted_rows[i].token) &&
                    review.audience_count == accepted_rows[i].audience_count;
        for (size_t j = 0; same && j < review.audience_count; j++) {
            same = span_equal(review.audiences[j], accepted_rows[i].audiences[j]);
        }
        if (!same) {
            fail_msg("%s: read as something else", accepted_rows[i].name);
        }
        free(body);
    }
}

static void test_token_review_refused_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refused_rows); i++) {
        char *body = copy_of(refused_rows[i].body);
        struct token_review review = { .audience_count = 77 };
        struct problem problem = { .line = 99, .column = 99 };
        const enum status got = token_review_parse(body, refused_rows[i].body.len,
                                                   TOKEN_REVIEW_NO_DEFAULTS, &review, &problem);
        if (got != refused_rows[i].want || problem.status != got ||
            problem.line != refused_rows[i].line || problem.column != refused_rows[i].column) {
            fail_msg("%s: %s at %u:%u (%s)", refused_rows[i].name, status_label(got), problem.line,
                     problem.column, problem.text);
        }
        assert_string_equal(problem.text, refused_rows[i].message);
        assert_int_equal(review.audience_count, 77); /* written on success only */
        free(body);
    }
}

#define AT_NOTHING \
    {              \
        0          \
    }
#define AT_V1                                           \
    {                                                   \
        .has_version = true, .version = TOKEN_REVIEW_V1 \
    }
#define AT_V1BETA1                                           \
    {                                                        \
        .has_version = true, .version = TOKEN_REVIEW_V1BETA1 \
    }
#define WRONG_KIND  "kind: expected TokenReview"
#define WRONG_GROUP "apiVersion: expected authentication.k8s.io/v1 or authentication.k8s.io/v1beta1"

static const struct {
    const char *name;
    struct token_review_defaults defaults;
    struct span body;
    enum token_review_version version; /* when accepted */
    const char *message;               /* when refused */
} default_rows[] = {
    { "neither", AT_V1, SPAN_LITERAL("{\"spec\":{\"token\":\"t\"}}"), TOKEN_REVIEW_V1, NULL },
    { "neither, of the other version", AT_V1BETA1, SPAN_LITERAL("{\"spec\":{\"token\":\"t\"}}"),
      TOKEN_REVIEW_V1BETA1, NULL },
    { "both null", AT_V1BETA1,
      SPAN_LITERAL("{\"kind\":null,\"apiVersion\":null,\"spec\":{\"token\":\"t\"}}"),
      TOKEN_REVIEW_V1BETA1, NULL },
    { "both empty", AT_V1BETA1,
      SPAN_LITERAL("{\"kind\":\"\",\"apiVersion\":\"\",\"spec\":{\"token\":\"t\"}}"),
      TOKEN_REVIEW_V1BETA1, NULL },
    { "a kind alone", AT_V1BETA1,
      SPAN_LITERAL("{\"kind\":\"TokenReview\",\"spec\":{\"token\":\"t\"}}"), TOKEN_REVIEW_V1BETA1,
      NULL },
    { "an apiVersion alone, which is not the default", AT_V1BETA1,
      SPAN_LITERAL("{\"apiVersion\":\"authentication.k8s.io/v1\",\"spec\":{\"token\":\"t\"}}"),
      TOKEN_REVIEW_V1, NULL },
    { "both there, and not the default", AT_V1,
      SPAN_LITERAL(HEAD_BETA "\"spec\":{\"token\":\"t\"}}"), TOKEN_REVIEW_V1BETA1, NULL },
    { "the last kind is empty", AT_V1,
      SPAN_LITERAL("{\"kind\":\"Pod\",\"kind\":\"\",\"spec\":{\"token\":\"t\"}}"), TOKEN_REVIEW_V1,
      NULL },
    { "null does not undo a kind", AT_V1,
      SPAN_LITERAL("{\"kind\":\"Pod\",\"kind\":null,\"spec\":{\"token\":\"t\"}}"), 0, WRONG_KIND },
    { "another kind", AT_V1, SPAN_LITERAL("{\"kind\":\"Pod\"}"), 0, WRONG_KIND },
    { "a blank is a kind", AT_V1, SPAN_LITERAL("{\"kind\":\" \"}"), 0, WRONG_KIND },
    { "another group", AT_V1, SPAN_LITERAL("{\"apiVersion\":\"v1\"}"), 0, WRONG_GROUP },
    { "another version of the group", AT_V1,
      SPAN_LITERAL("{\"apiVersion\":\"authentication.k8s.io/v2\"}"), 0, WRONG_GROUP },
    { "no default, no kind", AT_NOTHING,
      SPAN_LITERAL("{\"apiVersion\":\"authentication.k8s.io/v1\"}"), 0, WRONG_KIND },
    { "no default, an empty kind", AT_NOTHING,
      SPAN_LITERAL("{\"kind\":\"\",\"apiVersion\":\"authentication.k8s.io/v1\"}"), 0, WRONG_KIND },
    { "no default, an empty apiVersion", AT_NOTHING,
      SPAN_LITERAL("{\"kind\":\"TokenReview\",\"apiVersion\":\"\"}"), 0, WRONG_GROUP },
};

static void test_token_review_default_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(default_rows); i++) {
        char *body = copy_of(default_rows[i].body);
        static struct token_review review;
        struct problem problem = { 0 };
        const enum status want = default_rows[i].message ? ST_WRONG_KIND : ST_OK;
        const enum status got = token_review_parse(body, default_rows[i].body.len,
                                                   default_rows[i].defaults, &review, &problem);
        if (got != want || (got == ST_OK && (review.version != default_rows[i].version ||
                                             !span_equal(review.token, SPAN_LITERAL("t"))))) {
            fail_msg("%s: %s (%s)", default_rows[i].name, status_label(got), problem.text);
        }
        assert_string_equal(problem.text, want == ST_OK ? "" : default_rows[i].message);
        free(body);
    }
}

static void test_token_review_audience_limit(void **state)
{
    (void)state;
    for (size_t count = TOKEN_REVIEW_MAX_AUDIENCES; count <= TOKEN_REVIEW_MAX_AUDIENCES + 1;
         count++) {
        struct buf body = { 0 };
        buf_append_text(&body, HEAD "\"spec\":{\"token\":\"t\",\"audiences\":[\"0\"");
        for (size_t i = 1; i < count; i++) {
            buf_printf(&body, ",\"%zu\"", i);
        }
        buf_append_text(&body, "]}}");
        assert_false(body.failed);
        static struct token_review review;
        struct problem problem = { 0 };
        const enum status got =
            token_review_parse(body.at, body.len, TOKEN_REVIEW_NO_DEFAULTS, &review, &problem);
        if (count <= TOKEN_REVIEW_MAX_AUDIENCES) {
            assert_int_equal(got, ST_OK);
            assert_int_equal(review.audience_count, count);
            assert_true(span_equal(review.audiences[1023], SPAN_LITERAL("1023")));
        } else {
            assert_int_equal(got, ST_LIMIT);
            assert_string_equal(problem.text, "expected at most 1024 audiences");
        }
        buf_fini(&body);
    }
}

/* 62 arrays in metadata are 64 deep with the two objects around them. */
static void test_token_review_depth_limit(void **state)
{
    (void)state;
    for (size_t depth = 62; depth <= 63; depth++) {
        struct buf body = { 0 };
        buf_append_text(&body, HEAD "\"metadata\":{\"x\":");
        for (size_t i = 0; i < depth; i++) {
            buf_append_char(&body, '[');
        }
        for (size_t i = 0; i < depth; i++) {
            buf_append_char(&body, ']');
        }
        buf_append_text(&body, "}}");
        assert_false(body.failed);
        struct token_review review;
        struct problem problem = { 0 };
        assert_int_equal(
            token_review_parse(body.at, body.len, TOKEN_REVIEW_NO_DEFAULTS, &review, &problem),
            depth == 62 ? ST_OK : ST_LIMIT);
        buf_fini(&body);
    }
}

/* ------------------------------------------------------------------ protobuf */

#define META                   \
    "\x0a\x27\x0a\x18"         \
    "authentication.k8s.io/v1" \
    "\x12\x0b"                 \
    "TokenReview"
#define META_BETA                   \
    "\x0a\x2c\x0a\x1d"              \
    "authentication.k8s.io/v1beta1" \
    "\x12\x0b"                      \
    "TokenReview"
#define BODY(text) SPAN_LITERAL("k8s\0" text)

static const struct {
    const char *name;
    struct token_review_defaults defaults;
    struct span body;
    enum token_review_version version;
    struct span token;
    size_t audience_count;
    struct span audiences[REQUEST_MAX_AUDIENCES];
} protobuf_accepted_rows[] = {
    { "as client-go 0.36 sends it",
      AT_NOTHING,
      BODY(META "\x12\x67"
                "\x0a\x10\x0a\x00\x12\x00\x1a\x00\x22\x00\x2a\x00\x32\x00\x38\x00\x42\x00"
                "\x12\x47\x0a\x17"
                "abcdef.0123456789abcdef" /* TEST-ONLY */
                "\x12\x2c"
                "https://kubernetes.default.svc.cluster.local"
                "\x1a\x0a\x08\x00\x12\x04\x0a\x00\x12\x00\x1a\x00\x1a\x00\x22\x00"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("abcdef.0123456789abcdef"),
      1,
      { SPAN_LITERAL("https://kubernetes.default.svc.cluster.local") } },
    { "v1beta1",
      AT_NOTHING,
      BODY(META_BETA "\x12\x05\x12\x03\x0a\x01t"),
      TOKEN_REVIEW_V1BETA1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "raw first",
      AT_NOTHING,
      BODY("\x12\x05\x12\x03\x0a\x01t" META),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "no raw", AT_NOTHING, BODY(META), TOKEN_REVIEW_V1, SPAN_LITERAL(""), 0, { { 0 } } },
    { "no spec",
      AT_NOTHING,
      BODY(META "\x12\x00"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "no token",
      AT_NOTHING,
      BODY(META "\x12\x02\x12\x00"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "a token with NUL and UTF-8",
      AT_NOTHING,
      BODY(META "\x12\x08\x12\x06\x0a\x04"
                "a\0\xc3\xa9"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("a\0\xc3\xa9"),
      0,
      { { 0 } } },
    { "audiences keep order and duplicates, and may be empty",
      AT_NOTHING,
      BODY(META "\x12\x0d\x12\x0b\x12\x01"
                "b\x12\x01"
                "a\x12\x00\x12\x01"
                "b"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      4,
      { SPAN_LITERAL("b"), SPAN_LITERAL("a"), SPAN_LITERAL(""), SPAN_LITERAL("b") } },
    { "the last token counts",
      AT_NOTHING,
      BODY(META "\x12\x08\x12\x06\x0a\x01"
                "s\x0a\x01t"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "also an empty one",
      AT_NOTHING,
      BODY(META "\x12\x07\x12\x05\x0a\x01"
                "s\x0a\x00"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "a second spec adds to the first",
      AT_NOTHING,
      BODY(META "\x12\x0d\x12\x06\x0a\x01t\x12\x01"
                "a\x12\x03\x12\x01"
                "b"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      2,
      { SPAN_LITERAL("a"), SPAN_LITERAL("b") } },
    { "the last raw counts, whole, and what it replaces is not looked into",
      AT_NOTHING,
      BODY(META "\x12\x01\xff\x12\x05\x12\x03\x0a\x01t"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "a second typeMeta adds to the first",
      AT_NOTHING,
      BODY("\x0a\x1a\x0a\x18"
           "authentication.k8s.io/v1"
           "\x0a\x0d\x12\x0b"
           "TokenReview"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "contentEncoding and contentType",
      AT_NOTHING,
      BODY(META "\x1a\x04gzip\x22\x01\xff"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL(""),
      0,
      { { 0 } } },
    { "metadata and status that are no messages",
      AT_NOTHING,
      BODY(META "\x12\x0b\x0a\x01\xff\x1a\x01\xff\x12\x03\x0a\x01t"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "fields that nobody knows, everywhere",
      AT_NOTHING,
      BODY("\x28\x01"
           "\x0a\x29\x18\x01\x0a\x18"
           "authentication.k8s.io/v1"
           "\x12\x0b"
           "TokenReview"
           "\x12\x09\x20\x01\x12\x05\x18\x01\x0a\x01t"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "neither kind nor apiVersion, where the path has them",
      AT_V1BETA1,
      BODY("\x0a\x04\x0a\x00\x12\x00"
           "\x12\x05\x12\x03\x0a\x01t"),
      TOKEN_REVIEW_V1BETA1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "no typeMeta, where the path has it",
      AT_V1,
      BODY("\x12\x05\x12\x03\x0a\x01t"),
      TOKEN_REVIEW_V1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
    { "the path overrules nothing",
      AT_V1,
      BODY(META_BETA "\x12\x05\x12\x03\x0a\x01t"),
      TOKEN_REVIEW_V1BETA1,
      SPAN_LITERAL("t"),
      0,
      { { 0 } } },
};

#define PREFIX_WANTED "protobuf: expected k8s, a NUL and a message"
#define TOO_LONG      "as many bytes as the message announces"

static const struct {
    const char *name;
    struct token_review_defaults defaults;
    struct span body;
    enum status want;
    const char *message;
} protobuf_refused_rows[] = {
    { "an empty body", AT_V1, SPAN_LITERAL(""), ST_SYNTAX, PREFIX_WANTED },
    { "half a prefix", AT_V1, SPAN_LITERAL("k8s"), ST_SYNTAX, PREFIX_WANTED },
    { "another prefix", AT_V1, SPAN_LITERAL("k8s\1" META), ST_SYNTAX, PREFIX_WANTED },
    { "nothing behind the prefix", AT_V1, BODY(""), ST_SYNTAX, PREFIX_WANTED },
    { "no prefix", AT_V1, SPAN_LITERAL(META), ST_SYNTAX, PREFIX_WANTED },
    { "JSON", AT_V1, SPAN_LITERAL(HEAD "\"spec\":{}}"), ST_SYNTAX, PREFIX_WANTED },
    { "a prefix twice", AT_V1, BODY("k8s\0" META), ST_SYNTAX,
      "protobuf, byte 8: expected the number of a field" },
    { "an envelope that is cut", AT_V1, BODY("\x12\x06\x12\x03\x0a\x01t"), ST_SYNTAX,
      "protobuf, byte 7: expected " TOO_LONG },
    { "a spec that is cut", AT_V1, BODY("\x12\x05\x12\x04\x0a\x01t"), ST_SYNTAX,
      "protobuf, byte 9: expected " TOO_LONG },
    { "a token that is cut", AT_V1, BODY("\x12\x05\x12\x03\x0a\x02t"), ST_SYNTAX,
      "protobuf, byte 11: expected " TOO_LONG },
    { "something behind the envelope", AT_V1, BODY(META "\x00"), ST_SYNTAX,
      "protobuf, byte 46: expected the number of a field" },
    { "a token that is no UTF-8", AT_V1, BODY("\x12\x05\x12\x03\x0a\x01\xff"), ST_SYNTAX,
      "protobuf, byte 11: expected UTF-8" },
    { "an audience that is no UTF-8", AT_V1, BODY("\x12\x05\x12\x03\x12\x01\xff"), ST_SYNTAX,
      "protobuf, byte 11: expected UTF-8" },
    { "a kind that is no UTF-8", AT_V1, BODY("\x0a\x03\x12\x01\xff"), ST_SYNTAX,
      "protobuf, byte 9: expected UTF-8" },
    { "an apiVersion that is no UTF-8", AT_V1, BODY("\x0a\x03\x0a\x01\xff"), ST_SYNTAX,
      "protobuf, byte 9: expected UTF-8" },
    { "typeMeta is a number", AT_V1, BODY("\x08\x01"), ST_TYPE, "typeMeta: expected a message" },
    { "apiVersion is a number", AT_V1, BODY("\x0a\x02\x08\x01"), ST_TYPE,
      "apiVersion: expected a string" },
    { "kind is a number", AT_V1, BODY("\x0a\x02\x10\x01"), ST_TYPE, "kind: expected a string" },
    { "raw is a number", AT_V1, BODY("\x10\x01"), ST_TYPE, "raw: expected bytes" },
    { "contentEncoding is a number", AT_V1, BODY("\x18\x01"), ST_TYPE,
      "contentEncoding: expected bytes" },
    { "contentType is a number", AT_V1, BODY("\x20\x01"), ST_TYPE, "contentType: expected bytes" },
    { "metadata is a number", AT_V1, BODY("\x12\x02\x08\x01"), ST_TYPE,
      "metadata: expected bytes" },
    { "spec is a number", AT_V1, BODY("\x12\x02\x10\x01"), ST_TYPE, "spec: expected a message" },
    { "status is a group", AT_V1, BODY("\x12\x02\x1b\x1c"), ST_TYPE, "status: expected bytes" },
    { "token is a number", AT_V1, BODY("\x12\x04\x12\x02\x08\x01"), ST_TYPE,
      "spec.token: expected a string" },
    { "an audience is a number", AT_V1, BODY("\x12\x04\x12\x02\x10\x01"), ST_TYPE,
      "spec.audiences: expected a string" },
    { "no kind, and no path that has one", AT_NOTHING,
      BODY("\x0a\x1a\x0a\x18"
           "authentication.k8s.io/v1"),
      ST_WRONG_KIND, WRONG_KIND },
    { "an empty kind, and no path that has one", AT_NOTHING,
      BODY("\x0a\x1c\x0a\x18"
           "authentication.k8s.io/v1"
           "\x12\x00"),
      ST_WRONG_KIND, WRONG_KIND },
    { "no apiVersion, and no path that has one", AT_NOTHING,
      BODY("\x0a\x0d\x12\x0b"
           "TokenReview"),
      ST_WRONG_KIND, WRONG_GROUP },
    { "another kind", AT_V1, BODY("\x0a\x05\x12\x03Pod"), ST_WRONG_KIND, WRONG_KIND },
    { "another group", AT_V1, BODY("\x0a\x04\x0a\x02v1"), ST_WRONG_KIND, WRONG_GROUP },
    { "malformed goes before another kind", AT_V1,
      BODY("\x0a\x05\x12\x03Pod"
           "\x12\x01\xff"),
      ST_SYNTAX, "protobuf, byte 14: expected a number, but the message ends in it" },
};

static void test_token_review_protobuf_accepted_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(protobuf_accepted_rows); i++) {
        const struct span body = protobuf_accepted_rows[i].body;
        char *copy = copy_of(body);
        static struct token_review review;
        struct problem problem = { 0 };
        const enum status got = token_review_parse_protobuf(
            (struct span){ copy, body.len }, protobuf_accepted_rows[i].defaults, &review, &problem);
        print_message("# %s\n", protobuf_accepted_rows[i].name);
        assert_string_equal(problem.text, "");
        assert_int_equal(got, ST_OK);
        assert_int_equal(review.version, protobuf_accepted_rows[i].version);
        assert_true(span_equal(review.token, protobuf_accepted_rows[i].token));
        assert_int_equal(review.audience_count, protobuf_accepted_rows[i].audience_count);
        for (size_t j = 0; j < review.audience_count; j++) {
            assert_true(span_equal(review.audiences[j], protobuf_accepted_rows[i].audiences[j]));
        }
        assert_memory_equal(copy, body.at, body.len); /* not written to */
        free(copy);
    }
}

static void test_token_review_protobuf_refused_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(protobuf_refused_rows); i++) {
        const struct span body = protobuf_refused_rows[i].body;
        char *copy = copy_of(body);
        static struct token_review review;
        review.audience_count = 77;
        struct problem problem = { .line = 99, .column = 99 };
        const enum status got = token_review_parse_protobuf(
            (struct span){ copy, body.len }, protobuf_refused_rows[i].defaults, &review, &problem);
        print_message("# %s\n", protobuf_refused_rows[i].name);
        assert_string_equal(problem.text, protobuf_refused_rows[i].message);
        assert_int_equal(got, protobuf_refused_rows[i].want);
        assert_int_equal(problem.status, got);
        assert_int_equal(problem.line, 0);
        assert_int_equal(review.audience_count, 77); /* written on success only */
        free(copy);
    }
}

static void test_token_review_protobuf_audience_limit(void **state)
{
    (void)state;
    for (size_t count = TOKEN_REVIEW_MAX_AUDIENCES; count <= TOKEN_REVIEW_MAX_AUDIENCES + 1;
         count++) {
        struct buf spec = { 0 };
        struct buf raw = { 0 };
        struct buf body = { 0 };
        for (size_t i = 0; i < count; i++) {
            protobuf_put_bytes(&spec, 2, SPAN_LITERAL("a"), 0);
        }
        protobuf_put_bytes(&raw, 2, buf_span(&spec), 0);
        buf_append(&body, BODY(META));
        protobuf_put_bytes(&body, 2, buf_span(&raw), 0);
        assert_false(body.failed);
        static struct token_review review;
        struct problem problem = { 0 };
        const enum status got = token_review_parse_protobuf(
            buf_span(&body), TOKEN_REVIEW_NO_DEFAULTS, &review, &problem);
        if (count <= TOKEN_REVIEW_MAX_AUDIENCES) {
            assert_int_equal(got, ST_OK);
            assert_int_equal(review.audience_count, count);
        } else {
            assert_int_equal(got, ST_LIMIT);
            assert_non_null(strstr(problem.text, "expected at most 1024 audiences"));
        }
        buf_fini(&spec);
        buf_fini(&raw);
        buf_fini(&body);
    }
}

/* ------------------------------------------------------------------ answers */

static const struct audience_set none = { { 0 } };
static const struct audience_set all = { { UINT64_MAX } };
static const struct audience_set first_and_last = { { 5 } };
static const struct audience_set last = { { 4 } };
static const struct audience_set one_beyond = { { 8 } };
static const struct span three[] = { SPAN_LITERAL("a"), SPAN_LITERAL("b\"\n"), SPAN_LITERAL("c") };

#define USER \
    .user_head = SPAN_LITERAL("{\"username\":\"u\","), .user_tail = SPAN_LITERAL("\"groups\":[]}")
#define USER_TEXT   "{\"username\":\"u\",\"groups\":[]}"
#define SPEC        "\"spec\":{\"token\":\"\"},"
#define ANSWER      HEAD SPEC "\"status\":"
#define ANSWER_BETA HEAD_BETA SPEC "\"status\":"

static const struct span values[] = { SPAN_LITERAL("v"), SPAN_LITERAL("\xff\t") };
static const struct user_extra extras[] = {
    { .key = SPAN_LITERAL("a/b"), .values = values, .value_count = 2 },
    { .key = SPAN_LITERAL("\""), .values = values, .value_count = 1 },
    { .key = SPAN_LITERAL("empty") },
};

static const struct {
    const char *name;
    enum token_review_version version;
    struct token_review_answer answer;
    const char *want;
} answer_rows[] = {
    { "all-zero is a refusal",
      TOKEN_REVIEW_V1,
      { .authenticated = false },
      ANSWER "{\"authenticated\":false}}" },
    { "a refusal of v1beta1",
      TOKEN_REVIEW_V1BETA1,
      { .authenticated = false },
      ANSWER_BETA "{\"authenticated\":false}}" },
    { "not known",
      TOKEN_REVIEW_V1,
      { .error = SPAN_LITERAL("no \"keys\" yet") },
      ANSWER "{\"authenticated\":false,\"error\":\"no \\\"keys\\\" yet\"}}" },
    { "a refusal has neither user nor audiences",
      TOKEN_REVIEW_V1,
      { USER, .audiences = three, .audience_count = 3, .granted = &all },
      ANSWER "{\"authenticated\":false}}" },
    { "a yes without audiences",
      TOKEN_REVIEW_V1,
      { .authenticated = true, USER },
      ANSWER "{\"authenticated\":true,\"user\":" USER_TEXT "}}" },
    { "a yes of v1beta1",
      TOKEN_REVIEW_V1BETA1,
      { .authenticated = true, USER },
      ANSWER_BETA "{\"authenticated\":true,\"user\":" USER_TEXT "}}" },
    { "a yes whose user is written from its parts, in the API's order",
      TOKEN_REVIEW_V1,
      { .authenticated = true,
        .user = { .username = SPAN_LITERAL("u\\"),
                  .uid = SPAN_LITERAL("1"),
                  .groups = three,
                  .group_count = 3,
                  .extras = extras,
                  .extra_count = 3 },
        .audiences = three,
        .audience_count = 3,
        .granted = &first_and_last },
      ANSWER "{\"authenticated\":true,\"user\":{\"username\":\"u\\\\\",\"uid\":\"1\","
             "\"groups\":[\"a\",\"b\\\"\\n\",\"c\"],"
             "\"extra\":{\"a/b\":[\"v\",\"\\ufffd\\t\"],\"\\\"\":[\"v\"],\"empty\":[]}},"
             "\"audiences\":[\"a\",\"c\"]}}" },
    { "a yes whose user has a name only",
      TOKEN_REVIEW_V1,
      { .authenticated = true, .user = { .username = SPAN_LITERAL("u") } },
      ANSWER "{\"authenticated\":true,\"user\":{\"username\":\"u\"}}}" },
    { "a refusal does not write the parts either",
      TOKEN_REVIEW_V1,
      { .user = { .username = SPAN_LITERAL("u"), .groups = three, .group_count = 3 } },
      ANSWER "{\"authenticated\":false}}" },
    { "a yes for all audiences",
      TOKEN_REVIEW_V1,
      { .authenticated = true, USER, .audiences = three, .audience_count = 3, .granted = &all },
      ANSWER "{\"authenticated\":true,\"user\":" USER_TEXT
             ",\"audiences\":[\"a\",\"b\\\"\\n\",\"c\"]}}" },
    { "a yes for the first and last",
      TOKEN_REVIEW_V1,
      { .authenticated = true,
        USER,
        .audiences = three,
        .audience_count = 3,
        .granted = &first_and_last },
      ANSWER "{\"authenticated\":true,\"user\":" USER_TEXT ",\"audiences\":[\"a\",\"c\"]}}" },
    { "a yes for the last",
      TOKEN_REVIEW_V1,
      { .authenticated = true, USER, .audiences = three, .audience_count = 3, .granted = &last },
      ANSWER "{\"authenticated\":true,\"user\":" USER_TEXT ",\"audiences\":[\"c\"]}}" },
    { "a yes for none of the audiences is a no",
      TOKEN_REVIEW_V1,
      { .authenticated = true, USER, .audiences = three, .audience_count = 3, .granted = &none },
      ANSWER "{\"authenticated\":false}}" },
    { "and so is one that does not say for which",
      TOKEN_REVIEW_V1,
      { .authenticated = true, USER, .audiences = three, .audience_count = 3 },
      ANSWER "{\"authenticated\":false}}" },
    { "a bit without an audience grants nothing",
      TOKEN_REVIEW_V1,
      { .authenticated = true,
        USER,
        .audiences = three,
        .audience_count = 3,
        .granted = &one_beyond },
      ANSWER "{\"authenticated\":false}}" },
};

static void test_token_review_answer_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(answer_rows); i++) {
        struct buf buf = { 0 };
        token_review_build(&buf, answer_rows[i].version, &answer_rows[i].answer);
        assert_false(buf.failed);
        if (!span_equal(buf_span(&buf), span_of(answer_rows[i].want))) {
            fail_msg("%s: %.*s", answer_rows[i].name, (int)buf.len, buf.at);
        }
        buf_append_char(&buf, '\0');
        json_object *root = json_tokener_parse(buf.at); /* json-c agrees that it is JSON */
        assert_true(json_object_is_type(json_object_object_get(root, "status"), json_type_object));
        json_object_put(root);
        buf_fini(&buf);
    }
}

static void test_token_review_answer_appends_and_all_audiences_fit(void **state)
{
    (void)state;
    struct audience_set granted = { 0 };
    audience_set_add(&granted, TOKEN_REVIEW_MAX_AUDIENCES - 1);
    struct span audiences[TOKEN_REVIEW_MAX_AUDIENCES];
    for (size_t i = 0; i < COUNTOF(audiences); i++) {
        audiences[i] = SPAN_LITERAL("x");
    }
    const struct token_review_answer answer = { .authenticated = true,
                                                USER,
                                                .audiences = audiences,
                                                .audience_count = COUNTOF(audiences),
                                                .granted = &granted };
    struct buf buf = { 0 };
    buf_append_text(&buf, "before:");
    token_review_build(&buf, TOKEN_REVIEW_V1, &answer);
    assert_true(span_equal(
        buf_span(&buf), SPAN_LITERAL("before:" ANSWER "{\"authenticated\":true,\"user\":" USER_TEXT
                                     ",\"audiences\":[\"x\"]}}")));
    buf_fini(&buf);
}

static void test_token_review_full_buffer_fails(void **state)
{
    (void)state;
    const struct token_review_answer answer = { 0 };
    struct buf buf = { .max_len = 64 };
    token_review_build(&buf, TOKEN_REVIEW_V1, &answer);
    assert_true(buf.failed);
    buf_clear(&buf);
    token_review_build_request(&buf, TOKEN_REVIEW_V1, SPAN_LITERAL("t"), NULL, 0);
    assert_true(buf.failed);
    buf_clear(&buf);
    buf_fini(&buf);
}

static void test_token_review_request_longer_than_a_size_t_fails(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    /* six times this is a small number when a size_t wraps */
    const struct span token = { .at = "t", .len = SIZE_MAX / 6 + 100 };
    token_review_build_request(&buf, TOKEN_REVIEW_V1, token, NULL, 0);
    assert_true(buf.failed);
    buf_clear(&buf);
    const struct span huge[] = { { .at = "t", .len = SIZE_MAX }, { .at = "t", .len = SIZE_MAX } };
    token_review_build_request(&buf, TOKEN_REVIEW_V1, SPAN_LITERAL("t"), huge, COUNTOF(huge));
    assert_true(buf.failed);
    buf_fini(&buf);
}

static void test_token_review_request_text(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    token_review_build_request(&buf, TOKEN_REVIEW_V1, SPAN_LITERAL("t\"\0"), three, 2);
    assert_true(
        span_equal(buf_span(&buf), SPAN_LITERAL(HEAD "\"spec\":{\"token\":\"t\\\"\\u0000\","
                                                     "\"audiences\":[\"a\",\"b\\\"\\n\"]}}")));
    buf_clear(&buf);
    token_review_build_request(&buf, TOKEN_REVIEW_V1BETA1, SPAN_LITERAL(""), NULL, 0);
    assert_true(span_equal(buf_span(&buf), SPAN_LITERAL(HEAD_BETA "\"spec\":{\"token\":\"\"}}")));
    buf_fini(&buf);
}

/* Room is made once, for the worst case, so that the buffer never moves and leaves a token behind
 * in freed memory: what needs six bytes for one ends in a buffer as large as what needs one. */
static void test_token_review_request_is_written_without_moving(void **state)
{
    (void)state;
    size_t caps[2];
    for (size_t i = 0; i < COUNTOF(caps); i++) {
        char token[4096];
        memset(token, i == 0 ? 'x' : '\x01', sizeof(token));
        const struct span span = { .at = token, .len = sizeof(token) };
        struct buf buf = { 0 };
        token_review_build_request(&buf, TOKEN_REVIEW_V1BETA1, span, &span, 1);
        assert_false(buf.failed);
        caps[i] = buf.cap;
        buf_fini(&buf);
    }
    assert_int_equal(caps[0], caps[1]);
}

static void test_token_review_request_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(accepted_rows); i++) {
        struct buf buf = { 0 };
        token_review_build_request(&buf, accepted_rows[i].version, accepted_rows[i].token,
                                   accepted_rows[i].audiences, accepted_rows[i].audience_count);
        assert_false(buf.failed);
        struct token_review review;
        struct problem problem = { 0 };
        assert_int_equal(
            token_review_parse(buf.at, buf.len, TOKEN_REVIEW_NO_DEFAULTS, &review, &problem),
            ST_OK);
        assert_int_equal(review.version, accepted_rows[i].version);
        assert_true(span_equal(review.token, accepted_rows[i].token));
        assert_int_equal(review.audience_count, accepted_rows[i].audience_count);
        for (size_t j = 0; j < review.audience_count; j++) {
            assert_true(span_equal(review.audiences[j], accepted_rows[i].audiences[j]));
        }
        buf_fini(&buf);
    }
}

static void test_token_review_api_version(void **state)
{
    (void)state;
    assert_string_equal(token_review_api_version(TOKEN_REVIEW_V1), "authentication.k8s.io/v1");
    assert_string_equal(token_review_api_version(TOKEN_REVIEW_V1BETA1),
                        "authentication.k8s.io/v1beta1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_review_accepted_rows),
        cmocka_unit_test(test_token_review_refused_rows),
        cmocka_unit_test(test_token_review_default_rows),
        cmocka_unit_test(test_token_review_audience_limit),
        cmocka_unit_test(test_token_review_depth_limit),
        cmocka_unit_test(test_token_review_protobuf_accepted_rows),
        cmocka_unit_test(test_token_review_protobuf_refused_rows),
        cmocka_unit_test(test_token_review_protobuf_audience_limit),
        cmocka_unit_test(test_token_review_answer_rows),
        cmocka_unit_test(test_token_review_answer_appends_and_all_audiences_fit),
        cmocka_unit_test(test_token_review_full_buffer_fails),
        cmocka_unit_test(test_token_review_request_longer_than_a_size_t_fails),
        cmocka_unit_test(test_token_review_request_text),
        cmocka_unit_test(test_token_review_request_is_written_without_moving),
        cmocka_unit_test(test_token_review_request_round_trip),
        cmocka_unit_test(test_token_review_api_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
