/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one message that every request and every answer is.
 *
 * Untrusted: the request, whole. It is decoded where it lies and nothing is allocated for it; the
 * answer never repeats the token. Any thread, on memory of the caller.
 *
 * Kubernetes decodes with Go's encoding/json (its case-sensitive variant), and so do we: see
 * token_review_parse() for what that means for null and for members that come twice. client-go's
 * typed clients send protobuf. Both are read into the same request, and judged in one place.
 */
#include "kube/token_review.h"

#include <assert.h>

#include "document/json_scan.h"
#include "kube/protobuf.h"

#define ANSWER_FRAME_BYTES  192 /* all literal text of an answer: 164 bytes, rounded up */
#define USER_FRAME_BYTES    64  /* of a user that is not rendered yet: 47 bytes, rounded up */
#define REQUEST_FRAME_BYTES 192 /* of a request: 108 bytes, rounded up */
#define ESCAPE_MAX_BYTES    6   /* `\u0000`: what one byte of text can become in JSON */

#define TOO_MANY_AUDIENCES "at most 1024 audiences"

_Static_assert(TOKEN_REVIEW_MAX_AUDIENCES == 1024, "as the text says");

/* Numbers of fields: k8s.io/apimachinery/pkg/runtime/generated.proto has the envelope,
 * k8s.io/api/authentication/v1/generated.proto the review. */
enum type_meta_field { TYPE_META_API_VERSION = 1, TYPE_META_KIND = 2 };
enum unknown_field {
    UNKNOWN_TYPE_META = 1,
    UNKNOWN_RAW = 2,
    UNKNOWN_CONTENT_ENCODING = 3,
    UNKNOWN_CONTENT_TYPE = 4
};
enum review_field { REVIEW_METADATA = 1, REVIEW_SPEC = 2, REVIEW_STATUS = 3 };
enum spec_field { SPEC_TOKEN = 1, SPEC_AUDIENCES = 2 };

static const struct span api_versions[] = {
    [TOKEN_REVIEW_V1] = SPAN_LITERAL("authentication.k8s.io/v1"),
    [TOKEN_REVIEW_V1BETA1] = SPAN_LITERAL("authentication.k8s.io/v1beta1"),
};

/* The published schema requires spec and spec.token of a TokenReview, whichever way it goes, and
 * clients that are generated from it hold a reply to that. The API's order of fields; no echo. */
#define ANSWER_SPEC "\"spec\":{\"token\":\"\"},\"status\":"

static const struct span answer_heads[] = {
    [TOKEN_REVIEW_V1] = SPAN_LITERAL(
        "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\"," ANSWER_SPEC),
    [TOKEN_REVIEW_V1BETA1] = SPAN_LITERAL(
        "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1beta1\"," ANSWER_SPEC),
};

/* What the members said, before it is known whether they make a review. */
struct request {
    struct span kind;
    struct span api_version;
    struct span token;
    struct span *audiences; /* TOKEN_REVIEW_MAX_AUDIENCES: the result's */
    size_t audience_count;
    const char *member; /* the one in work, for error messages; NULL before the first */
};

static bool is_token_review(struct span kind, struct token_review_defaults defaults)
{
    return span_equal(kind, SPAN_LITERAL("TokenReview")) || (kind.len == 0 && defaults.has_version);
}

static bool find_version(struct span api_version,
                         struct token_review_defaults defaults,
                         enum token_review_version *ret_version)
{
    if (api_version.len == 0 && defaults.has_version) {
        *ret_version = defaults.version;
        return true;
    }
    for (size_t i = 0; i < COUNTOF(api_versions); i++) {
        if (span_equal(api_version, api_versions[i])) {
            *ret_version = (enum token_review_version)i;
            return true;
        }
    }
    return false;
}

static void begin_request(struct token_review *ret_review, struct request *ret_request)
{
    const struct span empty = { .at = "", .len = 0 };
    *ret_request = (struct request){
        .kind = empty, .api_version = empty, .token = empty, .audiences = ret_review->audiences
    };
}

/* All is read and well-formed: is it a review? */
static enum status conclude_request(const struct request *request,
                                    struct token_review_defaults defaults,
                                    struct token_review *ret_review,
                                    struct problem *reterr_problem)
{
    if (!is_token_review(request->kind, defaults)) {
        problem_set(reterr_problem, ST_WRONG_KIND, 0, 0, "kind: expected TokenReview");
        return ST_WRONG_KIND;
    }
    enum token_review_version version;
    if (!find_version(request->api_version, defaults, &version)) {
        problem_set(reterr_problem, ST_WRONG_KIND, 0, 0, "apiVersion: expected %s or %s",
                    token_review_api_version(TOKEN_REVIEW_V1),
                    token_review_api_version(TOKEN_REVIEW_V1BETA1));
        return ST_WRONG_KIND;
    }
    ret_review->version = version;
    ret_review->token = request->token;
    ret_review->audience_count = request->audience_count;
    return ST_OK;
}

/* ------------------------------------------------------------------ JSON */

/* A string, or null: then @ret_text stays as it was. */
static void parse_string_or_null(struct json_scan *scan, struct span *ret_text)
{
    if (!json_scan_null(scan)) {
        (void)json_scan_string(scan, ret_text); /* its failure sticks to the scan */
    }
}

static void parse_audiences(struct json_scan *scan, struct request *request)
{
    request->audience_count = 0;
    if (json_scan_null(scan) || !json_scan_array(scan)) {
        return;
    }
    while (json_scan_element(scan)) {
        if (request->audience_count == TOKEN_REVIEW_MAX_AUDIENCES) {
            (void)json_scan_fail(scan, ST_LIMIT, TOO_MANY_AUDIENCES); /* always false */
            return;
        }
        struct span audience = { .at = "", .len = 0 };
        parse_string_or_null(scan, &audience);
        request->audiences[request->audience_count++] = audience;
    }
}

static void parse_spec(struct json_scan *scan, struct request *request)
{
    if (json_scan_null(scan) || !json_scan_object(scan)) {
        return;
    }
    struct span key;
    while (json_scan_member(scan, &key)) {
        if (span_equal(key, SPAN_LITERAL("token"))) {
            request->member = "spec.token";
            parse_string_or_null(scan, &request->token);
        } else if (span_equal(key, SPAN_LITERAL("audiences"))) {
            request->member = "spec.audiences";
            parse_audiences(scan, request);
        } else {
            (void)json_scan_skip(scan); /* its failure sticks to the scan */
        }
    }
}

static void parse_members(struct json_scan *scan, struct request *request)
{
    struct span key;
    while (json_scan_member(scan, &key)) {
        if (span_equal(key, SPAN_LITERAL("kind"))) {
            request->member = "kind";
            parse_string_or_null(scan, &request->kind);
        } else if (span_equal(key, SPAN_LITERAL("apiVersion"))) {
            request->member = "apiVersion";
            parse_string_or_null(scan, &request->api_version);
        } else if (span_equal(key, SPAN_LITERAL("spec"))) {
            request->member = "spec";
            parse_spec(scan, request);
        } else {
            (void)json_scan_skip(scan); /* its failure sticks to the scan */
        }
    }
}

static void describe_scan_error(const struct json_scan *scan,
                                const char *member,
                                struct problem *reterr_problem)
{
    json_scan_problem(scan, reterr_problem);
    if (scan->status == ST_TYPE && member) {
        problem_set(reterr_problem, ST_TYPE, reterr_problem->line, reterr_problem->column,
                    "%s: expected %s", member, scan->expected);
    }
}

enum status token_review_parse(char *body,
                               size_t len,
                               struct token_review_defaults defaults,
                               struct token_review *ret_review,
                               struct problem *reterr_problem)
{
    struct request request;
    begin_request(ret_review, &request);
    struct json_scan scan;
    json_scan_begin(&scan, body, len);
    if (json_scan_object(&scan)) {
        parse_members(&scan, &request);
    }
    const enum status status = json_scan_end(&scan);
    if (status != ST_OK) {
        describe_scan_error(&scan, request.member, reterr_problem);
        return status;
    }
    return conclude_request(&request, defaults, ret_review, reterr_problem);
}

/* ------------------------------------------------------------------ protobuf */

/* In the readers below a call that fails is remembered by the scan, and ends the loop. */

static void read_type_meta(struct protobuf *scan, struct request *request)
{
    uint32_t number;
    while (protobuf_field(scan, &number)) {
        if (number == TYPE_META_API_VERSION) {
            request->member = "apiVersion";
            (void)protobuf_text(scan, &request->api_version);
        } else if (number == TYPE_META_KIND) {
            request->member = "kind";
            (void)protobuf_text(scan, &request->kind);
        } else {
            (void)protobuf_skip(scan);
        }
    }
}

/* @ret_raw: the message in it, not looked into. */
static void read_envelope(struct protobuf *scan, struct request *request, struct span *ret_raw)
{
    uint32_t number;
    while (protobuf_field(scan, &number)) {
        struct span ignored;
        switch (number) {
        case UNKNOWN_TYPE_META:
            request->member = "typeMeta";
            if (protobuf_message(scan)) {
                read_type_meta(scan, request);
            }
            break;
        case UNKNOWN_RAW:
            request->member = "raw";
            (void)protobuf_bytes(scan, ret_raw);
            break;
        case UNKNOWN_CONTENT_ENCODING: /* Kubernetes looks at neither */
        case UNKNOWN_CONTENT_TYPE:
            request->member =
                number == UNKNOWN_CONTENT_ENCODING ? "contentEncoding" : "contentType";
            (void)protobuf_bytes(scan, &ignored);
            break;
        default:
            (void)protobuf_skip(scan);
            break;
        }
    }
}

static void read_audience(struct protobuf *scan, struct request *request)
{
    struct span audience;
    request->member = "spec.audiences";
    if (!protobuf_text(scan, &audience)) {
        return;
    }
    if (request->audience_count == TOKEN_REVIEW_MAX_AUDIENCES) {
        (void)protobuf_fail(scan, ST_LIMIT, TOO_MANY_AUDIENCES); /* always false */
        return;
    }
    request->audiences[request->audience_count++] = audience;
}

static void read_spec(struct protobuf *scan, struct request *request)
{
    uint32_t number;
    while (protobuf_field(scan, &number)) {
        if (number == SPEC_TOKEN) {
            request->member = "spec.token";
            (void)protobuf_text(scan, &request->token);
        } else if (number == SPEC_AUDIENCES) {
            read_audience(scan, request);
        } else {
            (void)protobuf_skip(scan);
        }
    }
}

static void read_review(struct protobuf *scan, struct request *request)
{
    uint32_t number;
    while (protobuf_field(scan, &number)) {
        struct span ignored;
        switch (number) {
        case REVIEW_SPEC:
            request->member = "spec";
            if (protobuf_message(scan)) {
                read_spec(scan, request);
            }
            break;
        case REVIEW_METADATA:
        case REVIEW_STATUS:
            request->member = number == REVIEW_METADATA ? "metadata" : "status";
            (void)protobuf_bytes(scan, &ignored);
            break;
        default:
            (void)protobuf_skip(scan);
            break;
        }
    }
}

static enum status describe_protobuf_error(const struct protobuf *scan,
                                           const char *start,
                                           const char *member,
                                           struct problem *reterr_problem)
{
    protobuf_problem(scan, start, reterr_problem);
    if (scan->status == ST_TYPE) {
        problem_set(reterr_problem, ST_TYPE, 0, 0, "%s: expected %s", member, scan->expected);
    }
    return scan->status;
}

enum status token_review_parse_protobuf(struct span body,
                                        struct token_review_defaults defaults,
                                        struct token_review *ret_review,
                                        struct problem *reterr_problem)
{
    const struct span prefix = TOKEN_REVIEW_PROTOBUF_PREFIX;
    if (!span_starts_with(body, prefix) || body.len == prefix.len) {
        problem_set(reterr_problem, ST_SYNTAX, 0, 0, "protobuf: expected k8s, a NUL and a message");
        return ST_SYNTAX;
    }
    struct request request;
    begin_request(ret_review, &request);
    struct span raw = { .at = "", .len = 0 };
    struct protobuf scan;
    protobuf_begin(&scan, span_after(body, prefix.len));
    read_envelope(&scan, &request, &raw);
    if (scan.status == ST_OK) {
        protobuf_begin(&scan, raw);
        read_review(&scan, &request);
    }
    if (scan.status != ST_OK) {
        return describe_protobuf_error(&scan, body.at, request.member, reterr_problem);
    }
    return conclude_request(&request, defaults, ret_review, reterr_problem);
}

/* ------------------------------------------------------------------ answers */

static void append_list(struct buf *buf, const struct span *texts, size_t count)
{
    buf_append_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_append_char(buf, ',');
        }
        buf_append_json_string(buf, texts[i]);
    }
    buf_append_char(buf, ']');
}

static void append_extras(struct buf *buf, const struct user_info *user)
{
    buf_append(buf, SPAN_LITERAL(",\"extra\":"));
    for (size_t i = 0; i < user->extra_count; i++) {
        buf_append_char(buf, i == 0 ? '{' : ',');
        buf_append_json_string(buf, user->extras[i].key);
        buf_append_char(buf, ':');
        append_list(buf, user->extras[i].values, user->extras[i].value_count);
    }
    buf_append_char(buf, '}');
}

/* The API's order of fields. */
static void append_user(struct buf *buf, const struct user_info *user)
{
    buf_append(buf, SPAN_LITERAL("{\"username\":"));
    buf_append_json_string(buf, user->username);
    if (user->uid.len != 0) {
        buf_append(buf, SPAN_LITERAL(",\"uid\":"));
        buf_append_json_string(buf, user->uid);
    }
    if (user->group_count != 0) {
        buf_append(buf, SPAN_LITERAL(",\"groups\":"));
        append_list(buf, user->groups, user->group_count);
    }
    if (user->extra_count != 0) {
        append_extras(buf, user);
    }
    buf_append_char(buf, '}');
}

static bool is_granted(const struct token_review_answer *answer, size_t i)
{
    return answer->granted && audience_set_has(answer->granted, i);
}

static bool is_any_granted(const struct token_review_answer *answer)
{
    for (size_t i = 0; i < answer->audience_count; i++) {
        if (is_granted(answer, i)) {
            return true;
        }
    }
    return false;
}

static void append_granted_audiences(struct buf *buf, const struct token_review_answer *answer)
{
    buf_append(buf, SPAN_LITERAL(",\"audiences\":["));
    bool first = true;
    for (size_t i = 0; i < answer->audience_count; i++) {
        if (!is_granted(answer, i)) {
            continue;
        }
        if (!first) {
            buf_append_char(buf, ',');
        }
        first = false;
        buf_append_json_string(buf, answer->audiences[i]);
    }
    buf_append_char(buf, ']');
}

/* Of a user that is written from its parts. */
static size_t guess_user_len(const struct user_info *user)
{
    static const size_t per_text = sizeof("\"\",") - 1;
    size_t len = USER_FRAME_BYTES + user->username.len + user->uid.len;
    for (size_t i = 0; i < user->group_count; i++) {
        len += user->groups[i].len + per_text;
    }
    for (size_t i = 0; i < user->extra_count; i++) {
        len += user->extras[i].key.len + sizeof("\"\":[],") - 1;
        for (size_t k = 0; k < user->extras[i].value_count; k++) {
            len += user->extras[i].values[k].len + per_text;
        }
    }
    return len;
}

/* Room for an answer without anything that needs escaping; with it, the buffer grows again. */
static size_t guess_answer_len(const struct token_review_answer *answer)
{
    size_t len =
        ANSWER_FRAME_BYTES + answer->user_head.len + answer->user_tail.len + answer->error.len;
    if (answer->user_head.len == 0) {
        len += guess_user_len(&answer->user);
    }
    for (size_t i = 0; i < answer->audience_count; i++) {
        len += answer->audiences[i].len + sizeof("\"\",") - 1;
    }
    return len;
}

void token_review_build(struct buf *buf,
                        enum token_review_version version,
                        const struct token_review_answer *answer)
{
    assert(answer->audience_count <= TOKEN_REVIEW_MAX_AUDIENCES);
    const bool authenticated =
        answer->authenticated && (answer->audience_count == 0 || is_any_granted(answer));
    if (!buf_reserve(buf, guess_answer_len(answer))) {
        return;
    }
    buf_append(buf, answer_heads[version]);
    if (authenticated) {
        buf_append(buf, SPAN_LITERAL("{\"authenticated\":true,\"user\":"));
        if (answer->user_head.len != 0) {
            buf_append(buf, answer->user_head);
            buf_append(buf, answer->user_tail);
        } else {
            append_user(buf, &answer->user);
        }
        if (answer->audience_count != 0) {
            append_granted_audiences(buf, answer);
        }
    } else {
        buf_append(buf, SPAN_LITERAL("{\"authenticated\":false"));
    }
    if (answer->error.len != 0) {
        buf_append(buf, SPAN_LITERAL(",\"error\":"));
        buf_append_json_string(buf, answer->error);
    }
    buf_append(buf, SPAN_LITERAL("}}"));
}

/* Upper bound of a request's length, so that the buffer never moves and leaves a token behind in
 * freed memory. false when it does not fit a size_t. */
static bool bound_request_len(struct span token,
                              const struct span *audiences,
                              size_t audience_count,
                              size_t *ret_len)
{
    size_t text = token.len;
    for (size_t i = 0; i < audience_count; i++) {
        if (__builtin_add_overflow(text, audiences[i].len, &text) ||
            __builtin_add_overflow(text, sizeof("\"\",") - 1, &text)) {
            return false;
        }
    }
    return !__builtin_mul_overflow(text, ESCAPE_MAX_BYTES, &text) &&
           !__builtin_add_overflow(text, REQUEST_FRAME_BYTES, ret_len);
}

void token_review_build_request(struct buf *buf,
                                enum token_review_version version,
                                struct span token,
                                const struct span *audiences,
                                size_t audience_count)
{
    size_t len;
    if (!bound_request_len(token, audiences, audience_count, &len)) {
        buf->failed = true;
        return;
    }
    if (!buf_reserve(buf, len)) {
        return;
    }
    buf_append(buf, SPAN_LITERAL("{\"kind\":\"TokenReview\",\"apiVersion\":\""));
    buf_append_text(buf, token_review_api_version(version));
    buf_append(buf, SPAN_LITERAL("\",\"spec\":{\"token\":"));
    buf_append_json_string(buf, token);
    for (size_t i = 0; i < audience_count; i++) {
        buf_append(buf, i == 0 ? SPAN_LITERAL(",\"audiences\":[") : SPAN_LITERAL(","));
        buf_append_json_string(buf, audiences[i]);
    }
    buf_append(buf, audience_count == 0 ? SPAN_LITERAL("}}") : SPAN_LITERAL("]}}"));
}

const char *token_review_api_version(enum token_review_version version)
{
    return api_versions[version].at;
}
