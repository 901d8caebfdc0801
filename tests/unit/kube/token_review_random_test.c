/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random reviews, each written as JSON and as protobuf, in random ways that must not matter: order,
 * members that nobody knows, values that later ones replace, long numbers. Both must be read alike,
 * and as what was meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kube/token_review.h"
#include "support/protobuf_writer.h"
#include "support/random_tree.h"

#define REVIEWS    100000
#define TEXT_MAX   24
#define MANY_EVERY 4096 /* a question near the limit of audiences */

struct text {
    char bytes[TEXT_MAX];
    size_t len;
};

struct meant {
    struct span kind;
    struct span api_version;
    struct text token;
    size_t audience_count;
    struct text audiences[TOKEN_REVIEW_MAX_AUDIENCES + 1];
};

static struct random_tree dice = { .state = 20261130 }; /* fixed: a failure repeats */

static unsigned below(unsigned limit)
{
    return (unsigned)random_below(&dice, limit);
}

static struct span one_of(const struct span *list, size_t count)
{
    return list[below((unsigned)count)];
}

static struct span span_of_text(const struct text *text)
{
    return (struct span){ .at = text->bytes, .len = text->len };
}

static void make_text(struct text *text, bool may_be_malformed)
{
    static const struct span pieces[] = {
        SPAN_LITERAL("a"),
        SPAN_LITERAL("."),
        SPAN_LITERAL("abcdef"),
        SPAN_LITERAL("0123"),
        SPAN_LITERAL("\""),
        SPAN_LITERAL("\\"),
        SPAN_LITERAL("\0"),
        SPAN_LITERAL("\n"),
        SPAN_LITERAL("\x7f"),
        SPAN_LITERAL("\xc3\xa9"),
        SPAN_LITERAL("\xe2\x82\xac"),
        SPAN_LITERAL("\xf0\x9f\x99\x82"),
    };
    text->len = 0;
    for (unsigned i = below(5); i > 0; i--) {
        const struct span piece = one_of(pieces, COUNTOF(pieces));
        memcpy(text->bytes + text->len, piece.at, piece.len);
        text->len += piece.len;
    }
    if (may_be_malformed && below(200) == 0) {
        text->bytes[text->len++] = (char)(0x80 + below(0x80)); /* no UTF-8: the end of a text */
    }
}

static void make_review(struct meant *meant, unsigned turn)
{
    static const struct span kinds[] = { SPAN_LITERAL("TokenReview"),
                                         SPAN_LITERAL("TokenReview"),
                                         SPAN_LITERAL("TokenReview"),
                                         SPAN_LITERAL("TokenReview"),
                                         SPAN_LITERAL(""),
                                         SPAN_LITERAL("Pod") };
    static const struct span versions[] = { SPAN_LITERAL("authentication.k8s.io/v1"),
                                            SPAN_LITERAL("authentication.k8s.io/v1beta1"),
                                            SPAN_LITERAL("authentication.k8s.io/v1"),
                                            SPAN_LITERAL("authentication.k8s.io/v1beta1"),
                                            SPAN_LITERAL(""),
                                            SPAN_LITERAL("authentication.k8s.io/v2") };
    meant->kind = one_of(kinds, COUNTOF(kinds));
    meant->api_version = one_of(versions, COUNTOF(versions));
    const bool has_many = turn % MANY_EVERY == 0; /* well-formed: of two errors the first is told */
    make_text(&meant->token, !has_many);
    meant->audience_count =
        has_many ? TOKEN_REVIEW_MAX_AUDIENCES - 1 + below(3) : below(2) * below(6);
    for (size_t i = 0; i < meant->audience_count; i++) {
        make_text(&meant->audiences[i], !has_many);
    }
}

/* ------------------------------------------------------------------ JSON */

/* Bytes that are no UTF-8 go out as they are. */
static void put_json_string(struct buf *buf, struct span text)
{
    buf_append_char(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        if (c < 0x20 || c == '"' || c == '\\' || (c < 0x80 && below(8) == 0)) {
            buf_printf(buf, "\\u%04x", c);
        } else {
            buf_append_char(buf, (char)c);
        }
    }
    buf_append_char(buf, '"');
}

static void put_json_member(struct buf *buf, const char *name, struct span text)
{
    if (text.len == 0 && below(3) > 0) { /* absent, null or empty: alike */
        buf_printf(buf, below(2) ? "\"%s\":null," : "\"_%s\":7,", name);
        return;
    }
    if (below(8) == 0) {
        buf_printf(buf, "\"%s\":\"another\",", name); /* the last one counts */
    }
    buf_printf(buf, "\"%s\":", name);
    put_json_string(buf, text);
    buf_append_char(buf, ',');
}

static void put_json_audiences(struct buf *buf, const struct meant *meant)
{
    buf_append_text(buf, "\"audiences\":[");
    for (size_t i = 0; i < meant->audience_count; i++) {
        buf_append_text(buf, i ? "," : "");
        put_json_string(buf, span_of_text(&meant->audiences[i]));
    }
    buf_append_text(buf, "],");
}

static void put_json_spec(struct buf *buf, const struct meant *meant)
{
    const bool token_first = below(2);
    buf_append_text(buf, "\"spec\":{");
    for (unsigned turn = 0; turn < 2; turn++) {
        if ((turn == 0) == token_first) {
            put_json_member(buf, "token", span_of_text(&meant->token));
        } else {
            put_json_audiences(buf, meant);
        }
        if (below(8) == 0) {
            buf_append_text(buf, "\"x\":[{}]},\"spec\":{"); /* a second one adds to the first */
        }
    }
    buf_append_text(buf, "\"more\":1},");
}

static void put_json(struct buf *buf, const struct meant *meant)
{
    const unsigned first = below(3);
    buf_append_char(buf, '{');
    for (unsigned turn = 0; turn < 3; turn++) {
        const unsigned member = (first + turn) % 3;
        if (member == 0) {
            put_json_member(buf, "kind", meant->kind);
        } else if (member == 1) {
            put_json_member(buf, "apiVersion", meant->api_version);
        } else {
            put_json_spec(buf, meant);
        }
    }
    buf_append_text(buf, "\"metadata\":{}}");
}

/* ------------------------------------------------------------------ protobuf */

static void put_field(struct buf *buf, uint32_t number, struct span bytes)
{
    protobuf_put_bytes(buf, number, bytes, below(16) == 0 ? below(4) : 0);
}

static void put_unknown(struct buf *buf)
{
    static const struct span values[] = {
        SPAN_LITERAL("\xe8\x04\x96\x01"), /* a number */
        SPAN_LITERAL("\xe9\x04"
                     "12345678"),                                  /* 64 bits */
        SPAN_LITERAL("\xea\x04\x03\xff\xfe\xfd"),                  /* bytes */
        SPAN_LITERAL("\xeb\x04\x0a\x01x\xeb\x04\xec\x04\xec\x04"), /* groups */
        SPAN_LITERAL("\xed\x04"
                     "1234"), /* 32 bits */
    };
    if (below(8) == 0) {
        buf_append(buf, one_of(values, COUNTOF(values)));
    }
}

static void put_scalar(struct buf *buf, uint32_t number, struct span text)
{
    put_unknown(buf);
    if (text.len == 0 && below(2)) {
        return; /* absent and empty are alike */
    }
    if (below(8) == 0) {
        put_field(buf, number, SPAN_LITERAL("another"));
    }
    put_field(buf, number, text);
}

static void put_message(struct buf *buf, uint32_t number, struct buf *message)
{
    assert_false(message->failed);
    put_field(buf, number, buf_span(message));
    buf_clear(message);
}

static void put_protobuf_review(struct buf *raw, const struct meant *meant)
{
    struct buf spec = { 0 };
    const bool token_first = below(2);
    if (below(2)) {
        put_field(raw, 1, SPAN_LITERAL("not looked into"));
    }
    for (unsigned turn = 0; turn < 2; turn++) {
        if ((turn == 0) == token_first) {
            put_scalar(&spec, 1, span_of_text(&meant->token));
        } else {
            for (size_t i = 0; i < meant->audience_count; i++) {
                put_unknown(&spec);
                put_field(&spec, 2, span_of_text(&meant->audiences[i]));
                if (below(8) == 0) {
                    put_message(raw, 2, &spec); /* audiences of two specs are one list */
                }
            }
        }
        if (below(8) == 0) {
            put_message(raw, 2, &spec);
        }
    }
    put_message(raw, 2, &spec);
    put_unknown(raw);
    buf_fini(&spec);
}

static void put_protobuf(struct buf *buf, const struct meant *meant)
{
    struct buf part = { 0 };
    const bool meta_first = below(2);
    buf_append(buf, TOKEN_REVIEW_PROTOBUF_PREFIX);
    for (unsigned turn = 0; turn < 2; turn++) {
        put_unknown(buf);
        if ((turn == 0) == meta_first) {
            put_scalar(&part, 1, meant->api_version);
            if (below(8) == 0) {
                put_message(buf, 1, &part); /* a second one adds to the first */
            }
            put_scalar(&part, 2, meant->kind);
            put_message(buf, 1, &part);
        } else {
            if (below(8) == 0) {
                put_field(buf, 2, SPAN_LITERAL("the last raw counts, whole"));
            }
            put_protobuf_review(&part, meant);
            put_message(buf, 2, &part);
        }
    }
    put_field(buf, 4, SPAN_LITERAL("application/vnd.kubernetes.protobuf"));
    buf_fini(&part);
}

/* ------------------------------------------------------------------ both */

static void require_same(unsigned turn,
                         const struct token_review *json,
                         const struct token_review *protobuf)
{
    bool same = json->version == protobuf->version && span_equal(json->token, protobuf->token) &&
                json->audience_count == protobuf->audience_count;
    for (size_t i = 0; same && i < json->audience_count; i++) {
        same = span_equal(json->audiences[i], protobuf->audiences[i]);
    }
    if (!same) {
        fail_msg("review %u: read as two different ones", turn);
    }
}

static void require_as_meant(unsigned turn,
                             const struct token_review *review,
                             const struct meant *meant)
{
    bool same = span_equal(review->token, span_of_text(&meant->token)) &&
                review->audience_count == meant->audience_count;
    for (size_t i = 0; same && i < review->audience_count; i++) {
        same = span_equal(review->audiences[i], span_of_text(&meant->audiences[i]));
    }
    if (!same) {
        fail_msg("review %u: read as something else", turn);
    }
}

static void test_token_review_random_reviews_are_the_same_in_both_forms(void **state)
{
    (void)state;
    static struct meant meant;
    static struct token_review from_json;
    static struct token_review from_protobuf;
    struct buf json = { 0 };
    struct buf protobuf = { 0 };
    size_t counts[STATUS_COUNT_] = { 0 };
    for (unsigned turn = 0; turn < REVIEWS; turn++) {
        struct problem problem = { 0 };
        struct problem other = { 0 };
        const struct token_review_defaults defaults = { .has_version = below(2),
                                                        .version =
                                                            (enum token_review_version)below(2) };
        make_review(&meant, turn);
        buf_clear(&json);
        buf_clear(&protobuf);
        put_json(&json, &meant);
        put_protobuf(&protobuf, &meant);
        assert_false(json.failed || protobuf.failed);
        const enum status want =
            token_review_parse(json.at, json.len, defaults, &from_json, &problem);
        const enum status got =
            token_review_parse_protobuf(buf_span(&protobuf), defaults, &from_protobuf, &other);
        if (got != want) {
            fail_msg("review %u: JSON %s (%s), protobuf %s (%s)", turn, status_label(want),
                     problem.text, status_label(got), other.text);
        }
        counts[got]++;
        if (got == ST_OK) {
            require_same(turn, &from_json, &from_protobuf);
            require_as_meant(turn, &from_protobuf, &meant);
        }
    }
    print_message("# read %zu, another kind %zu, malformed %zu, too many %zu\n", counts[ST_OK],
                  counts[ST_WRONG_KIND], counts[ST_SYNTAX], counts[ST_LIMIT]);
    assert_true(counts[ST_OK] > REVIEWS / 4 && counts[ST_WRONG_KIND] > REVIEWS / 8);
    assert_true(counts[ST_SYNTAX] > 100 && counts[ST_LIMIT] > 1);
    buf_fini(&json);
    buf_fini(&protobuf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_review_random_reviews_are_the_same_in_both_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
