/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: token_review_parse_protobuf(), and protobuf_*() below it.
 *
 * Properties: the body stays as it was, what is read lies in it and is UTF-8; what the path
 * supplies only ever helps a kind or apiVersion that is missing; what was read, written as JSON,
 * reads the same, and so it does when it is written as protobuf once more.
 */
#include "base/utf8.h"
#include "fuzz.h"
#include "kube/token_review.h"
#include "support/protobuf_writer.h"

static bool lies_in(struct span text, struct span body)
{
    return text.len == 0 || (text.at >= body.at && text.at + text.len <= body.at + body.len);
}

static void require_same(const struct token_review *review, const struct token_review *again)
{
    FUZZ_REQUIRE(again->version == review->version);
    FUZZ_REQUIRE(span_equal(again->token, review->token));
    FUZZ_REQUIRE(again->audience_count == review->audience_count);
    for (size_t i = 0; i < review->audience_count; i++) {
        FUZZ_REQUIRE(span_equal(again->audiences[i], review->audiences[i]));
    }
}

static void require_same_as_json(const struct token_review *review)
{
    struct buf buf = { 0 };
    token_review_build_request(&buf, review->version, review->token, review->audiences,
                               review->audience_count);
    FUZZ_REQUIRE(!buf.failed);
    static struct token_review again;
    struct problem problem = { 0 };
    FUZZ_REQUIRE(token_review_parse(buf.at, buf.len, TOKEN_REVIEW_NO_DEFAULTS, &again, &problem) ==
                 ST_OK);
    require_same(review, &again);
    buf_fini(&buf);
}

static void require_same_as_protobuf(const struct token_review *review)
{
    struct buf meta = { 0 };
    struct buf spec = { 0 };
    struct buf raw = { 0 };
    struct buf body = { 0 };
    protobuf_put_bytes(&meta, 1, span_of(token_review_api_version(review->version)), 0);
    protobuf_put_bytes(&meta, 2, SPAN_LITERAL("TokenReview"), 0);
    protobuf_put_bytes(&spec, 1, review->token, 0);
    for (size_t i = 0; i < review->audience_count; i++) {
        protobuf_put_bytes(&spec, 2, review->audiences[i], 0);
    }
    protobuf_put_bytes(&raw, 2, buf_span(&spec), 0);
    buf_append(&body, TOKEN_REVIEW_PROTOBUF_PREFIX);
    protobuf_put_bytes(&body, 1, buf_span(&meta), 0);
    protobuf_put_bytes(&body, 2, buf_span(&raw), 0);
    FUZZ_REQUIRE(!meta.failed && !spec.failed && !raw.failed && !body.failed);
    static struct token_review again;
    struct problem problem = { 0 };
    FUZZ_REQUIRE(token_review_parse_protobuf(buf_span(&body), TOKEN_REVIEW_NO_DEFAULTS, &again,
                                             &problem) == ST_OK);
    require_same(review, &again);
    buf_fini(&meta);
    buf_fini(&spec);
    buf_fini(&raw);
    buf_fini(&body);
}

static void require_good(struct span body, const struct token_review *review)
{
    FUZZ_REQUIRE(lies_in(review->token, body) && utf8_is_valid(review->token));
    FUZZ_REQUIRE(review->audience_count <= TOKEN_REVIEW_MAX_AUDIENCES);
    for (size_t i = 0; i < review->audience_count; i++) {
        FUZZ_REQUIRE(lies_in(review->audiences[i], body) && utf8_is_valid(review->audiences[i]));
    }
    require_same_as_json(review);
    require_same_as_protobuf(review);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size);
    const struct span body = { .at = copy, .len = size };
    static struct token_review review;
    static struct token_review defaulted;
    struct problem problem = { 0 };
    struct problem other = { 0 };
    const enum status status =
        token_review_parse_protobuf(body, TOKEN_REVIEW_NO_DEFAULTS, &review, &problem);
    const enum status at_path = token_review_parse_protobuf(
        body, (struct token_review_defaults){ true, TOKEN_REVIEW_V1BETA1 }, &defaulted, &other);
    FUZZ_REQUIRE(size == 0 || memcmp(copy, data, size) == 0);
    if (status == ST_OK) {
        require_good(body, &review);
        FUZZ_REQUIRE(at_path == ST_OK);
        require_same(&review, &defaulted);
    } else {
        FUZZ_REQUIRE(status == ST_SYNTAX || status == ST_TYPE || status == ST_LIMIT ||
                     status == ST_WRONG_KIND);
        FUZZ_REQUIRE(problem.status == status && problem.text[0]);
        FUZZ_REQUIRE(at_path == status || (status == ST_WRONG_KIND && at_path == ST_OK));
    }
    free(copy);
    return 0;
}
