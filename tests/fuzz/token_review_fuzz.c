/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: token_review_parse(), token_review_build_request(), token_review_build().
 *
 * Properties: what we accept json-c accepts, and finds the same token in; a request rebuilt from
 * what was read reads the same; an answer for it is JSON, refuses unless an audience is granted,
 * and repeats exactly the audiences granted.
 */
#include "fuzz.h"
#include "kube/token_review.h"
#include "support/json_oracle.h"

static void require_same_request(const struct token_review *review)
{
    struct buf buf = { 0 };
    token_review_build_request(&buf, review->version, review->token, review->audiences,
                               review->audience_count);
    FUZZ_REQUIRE(!buf.failed);
    static struct token_review again;
    struct problem problem = { 0 };
    FUZZ_REQUIRE(token_review_parse(buf.at, buf.len, TOKEN_REVIEW_NO_DEFAULTS, &again, &problem) ==
                 ST_OK);
    FUZZ_REQUIRE(again.version == review->version);
    FUZZ_REQUIRE(span_equal(again.token, review->token));
    FUZZ_REQUIRE(again.audience_count == review->audience_count);
    for (size_t i = 0; i < review->audience_count; i++) {
        FUZZ_REQUIRE(span_equal(again.audiences[i], review->audiences[i]));
    }
    buf_fini(&buf);
}

static bool text_equals(struct span text, json_object *node)
{
    return span_equal(text, (struct span){ .at = json_object_get_string(node),
                                           .len = (size_t)json_object_get_string_len(node) });
}

/* @mask says which of each 64 audiences are granted. */
static void require_answer(const struct token_review *review, uint64_t mask)
{
    struct audience_set set;
    for (size_t i = 0; i < COUNTOF(set.words); i++) {
        set.words[i] = mask;
    }
    const struct token_review_answer answer = { .authenticated = true,
                                                .user_head = SPAN_LITERAL("{\"username\":\"u\","),
                                                .user_tail = SPAN_LITERAL("\"groups\":[]}"),
                                                .audiences = review->audiences,
                                                .audience_count = review->audience_count,
                                                .granted = &set };
    struct buf buf = { 0 };
    token_review_build(&buf, review->version, &answer);
    FUZZ_REQUIRE(!buf.failed);
    json_object *root = NULL;
    FUZZ_REQUIRE(json_oracle_parse(buf_span(&buf), &root));
    json_object *status = json_object_object_get(root, "status");
    json_object *audiences = json_object_object_get(status, "audiences");
    size_t granted = 0;
    for (size_t i = 0; i < review->audience_count; i++) {
        if (audience_set_has(&set, i)) {
            FUZZ_REQUIRE(
                text_equals(review->audiences[i], json_object_array_get_idx(audiences, granted)));
            granted++;
        }
    }
    const bool yes = review->audience_count == 0 || granted > 0;
    FUZZ_REQUIRE(json_object_get_boolean(json_object_object_get(status, "authenticated")) == yes);
    FUZZ_REQUIRE(granted > 0 ? json_object_array_length(audiences) == granted : !audiences);
    json_object_put(root);
    buf_fini(&buf);
}

/* What a peer sent, as what a verified token may say of its user. */
static void require_user(const struct token_review *review)
{
    const struct user_extra extra = { .key = review->token,
                                      .values = review->audiences,
                                      .value_count = review->audience_count };
    const struct token_review_answer answer = { .authenticated = true,
                                                .user = { .username = review->token,
                                                          .uid = review->token,
                                                          .groups = review->audiences,
                                                          .group_count = review->audience_count,
                                                          .extras = &extra,
                                                          .extra_count = 1 } };
    struct buf buf = { 0 };
    token_review_build(&buf, review->version, &answer);
    FUZZ_REQUIRE(!buf.failed);
    json_object *root = NULL;
    FUZZ_REQUIRE(json_oracle_parse(buf_span(&buf), &root));
    json_object *user = json_object_object_get(json_object_object_get(root, "status"), "user");
    json_object *groups = json_object_object_get(user, "groups");
    json_object *uid = json_object_object_get(user, "uid");
    FUZZ_REQUIRE(text_equals(review->token, json_object_object_get(user, "username")));
    FUZZ_REQUIRE(uid ? text_equals(review->token, uid) : review->token.len == 0);
    FUZZ_REQUIRE((groups ? json_object_array_length(groups) : 0) == review->audience_count);
    for (size_t i = 0; i < review->audience_count; i++) {
        FUZZ_REQUIRE(text_equals(review->audiences[i], json_object_array_get_idx(groups, i)));
    }
    FUZZ_REQUIRE(json_object_object_length(json_object_object_get(user, "extra")) == 1);
    json_object_put(root);
    buf_fini(&buf);
}

static void require_same_as_json_c(struct span text, const struct token_review *review)
{
    json_object *root = NULL;
    FUZZ_REQUIRE(json_oracle_parse(text, &root));
    if (json_oracle_is_comparable(text)) {
        json_object *spec = json_object_object_get(root, "spec");
        json_object *token = spec ? json_object_object_get(spec, "token") : NULL;
        FUZZ_REQUIRE(token ? text_equals(review->token, token) : review->token.len == 0);
        json_object *audiences = spec ? json_object_object_get(spec, "audiences") : NULL;
        const size_t count = audiences ? json_object_array_length(audiences) : 0;
        FUZZ_REQUIRE(review->audience_count == count);
    }
    json_object_put(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = fuzz_copy(data, size);
    static struct token_review review;
    struct problem problem = { 0 };
    const enum status status =
        token_review_parse(body, size, TOKEN_REVIEW_NO_DEFAULTS, &review, &problem);
    if (status == ST_OK) {
        require_same_as_json_c((struct span){ .at = (const char *)data, .len = size }, &review);
        require_same_request(&review);
        /* a mask that depends on the input, so that all sorts of them occur */
        require_answer(&review, size * UINT64_C(0x9e3779b97f4a7c15));
        require_answer(&review, 0);
        require_user(&review);
    } else {
        FUZZ_REQUIRE(status == ST_SYNTAX || status == ST_TYPE || status == ST_LIMIT ||
                     status == ST_WRONG_KIND);
        FUZZ_REQUIRE(problem.status == status && problem.text[0]);
    }
    free(body);
    return 0;
}
