/* SPDX-License-Identifier: Apache-2.0 */
/* Compact JWS: its form, its header. What a signature is worth, jose_key_test.c asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base64url.h"
#include "base/compiler.h"
#include "jose/jws.h"
#include "jose/member_names.h"

#define TOKEN_MAX 4096

static const struct {
    const char *name;
    struct span token;
    bool want;
} split_rows[] = {
    { "three pieces", SPAN_LITERAL("a.b.c"), true },
    { "every kind of digit", SPAN_LITERAL("Az09-_.Az09-_.Az09-_"), true },
    { "nothing", SPAN_LITERAL(""), false },
    { "no text", { 0 }, false },
    { "one piece", SPAN_LITERAL("a"), false },
    { "two pieces", SPAN_LITERAL("a.b"), false },
    { "a bootstrap token", SPAN_LITERAL("abcdef.0123456789abcdef"), false },
    { "four pieces", SPAN_LITERAL("a.b.c.d"), false },
    { "five, as a JWE has them", SPAN_LITERAL("a.b.c.d.e"), false },
    { "an empty header", SPAN_LITERAL(".b.c"), false },
    { "an empty payload: detached", SPAN_LITERAL("a..c"), false },
    { "an empty signature", SPAN_LITERAL("a.b."), false },
    { "dots alone", SPAN_LITERAL(".."), false },
    { "one dot more at the end", SPAN_LITERAL("a.b.c."), false },
    { "a blank in front", SPAN_LITERAL(" a.b.c"), false },
    { "a line break behind", SPAN_LITERAL("a.b.c\n"), false },
    { "padding", SPAN_LITERAL("a.b.c="), false },
    { "base64's plus", SPAN_LITERAL("a.b+.c"), false },
    { "a NUL", SPAN_LITERAL("a.b\0.c"), false },
    { "JSON", SPAN_LITERAL("{\"payload\":\"a.b.c\"}"), false },
};

static void test_jws_split_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(split_rows); i++) {
        struct span pieces[JWS_PIECE_COUNT_];
        if (jws_split(split_rows[i].token, pieces) != split_rows[i].want) {
            fail_msg("%s", split_rows[i].name);
        }
    }
    struct span pieces[JWS_PIECE_COUNT_];
    assert_true(jws_split(SPAN_LITERAL("ab.cde.f"), pieces));
    assert_true(span_equal(pieces[JWS_PIECE_HEADER], SPAN_LITERAL("ab")));
    assert_true(span_equal(pieces[JWS_PIECE_PAYLOAD], SPAN_LITERAL("cde")));
    assert_true(span_equal(pieces[JWS_PIECE_SIGNATURE], SPAN_LITERAL("f")));
}

#define RS256 "\"alg\":\"RS256\""

static const struct {
    const char *name;
    struct span header;
    enum status want;
    struct span want_kid;
} header_rows[] = {
    { "alg alone", SPAN_LITERAL("{" RS256 "}"), ST_OK, { 0 } },
    { "alg and kid", SPAN_LITERAL("{" RS256 ",\"kid\":\"k\"}"), ST_OK, SPAN_LITERAL("k") },
    { "blanks", SPAN_LITERAL(" {\r\n\t\"kid\" : \"k\" , \"alg\" : \"RS256\" }\n"), ST_OK,
      SPAN_LITERAL("k") },
    { "escapes", SPAN_LITERAL("{\"\\u0061lg\":\"RS\\u00325\\u0036\",\"kid\":\"\\u0000\\n\"}"),
      ST_OK, SPAN_LITERAL("\0\n") },
    { "an empty kid", SPAN_LITERAL("{" RS256 ",\"kid\":\"\"}"), ST_OK, { 0 } },
    { "a null kid", SPAN_LITERAL("{" RS256 ",\"kid\":null}"), ST_OK, { 0 } },
    { "another case is another name",
      SPAN_LITERAL("{" RS256 ",\"ALG\":\"none\",\"KID\":\"k\"}"),
      ST_OK,
      { 0 } },
    { "what is ignored",
      SPAN_LITERAL(
          "{\"typ\":\"JWT\"," RS256
          ",\"cty\":1,\"jku\":\"https://a\",\"x5u\":[],\"x5t\":\"a\",\"a\":[1,\"b\",null]}"),
      ST_OK,
      { 0 } },
    { "a number of 20 characters",
      SPAN_LITERAL("{" RS256 ",\"a\":-9223372036854775808,\"b\":1.5}"),
      ST_OK,
      { 0 } },
    { "a number of 21",
      SPAN_LITERAL("{" RS256 ",\"a\":123456789012345678901}"),
      ST_JWS_MALFORMED,
      { 0 } },
    { "a number that no double holds",
      SPAN_LITERAL("{" RS256 ",\"a\":1e400}"),
      ST_JWS_MALFORMED,
      { 0 } },
    { "an exponent in a list", SPAN_LITERAL("{" RS256 ",\"a\":[1E1]}"), ST_JWS_MALFORMED, { 0 } },
    { "an object", SPAN_LITERAL("{" RS256 ",\"a\":{}}"), ST_JWS_MALFORMED, { 0 } },
    { "a member twice, inside of a list",
      SPAN_LITERAL("{" RS256 ",\"a\":[{\"a\":1,\"a\":2}]}"),
      ST_JWS_MALFORMED,
      { 0 } },
    { "a list in a list", SPAN_LITERAL("{" RS256 ",\"a\":[[]]}"), ST_JWS_MALFORMED, { 0 } },
    { "a nonce", SPAN_LITERAL("{" RS256 ",\"nonce\":\"n\"}"), ST_OK, { 0 } },
    { "no alg", SPAN_LITERAL("{\"kid\":\"k\"}"), ST_JWS_MALFORMED, { 0 } },
    { "alg in another case", SPAN_LITERAL("{\"Alg\":\"RS256\"}"), ST_JWS_MALFORMED, { 0 } },
    { "a null alg", SPAN_LITERAL("{\"alg\":null}"), ST_JWS_MALFORMED, { 0 } },
    { "an empty alg", SPAN_LITERAL("{\"alg\":\"\"}"), ST_JWS_MALFORMED, { 0 } },
    { "alg as a list", SPAN_LITERAL("{\"alg\":[\"RS256\"]}"), ST_JWS_MALFORMED, { 0 } },
    { "none", SPAN_LITERAL("{\"alg\":\"none\"}"), ST_ALGORITHM_NOT_ALLOWED, { 0 } },
    { "nOnE", SPAN_LITERAL("{\"alg\":\"nOnE\"}"), ST_ALGORITHM_NOT_ALLOWED, { 0 } },
    { "HMAC", SPAN_LITERAL("{\"alg\":\"HS256\"}"), ST_ALGORITHM_NOT_ALLOWED, { 0 } },
    { "EdDSA", SPAN_LITERAL("{\"alg\":\"EdDSA\"}"), ST_ALGORITHM_NOT_ALLOWED, { 0 } },
    { "kid as a number", SPAN_LITERAL("{" RS256 ",\"kid\":1}"), ST_JWS_MALFORMED, { 0 } },
    { "nonce as a number", SPAN_LITERAL("{" RS256 ",\"nonce\":1}"), ST_JWS_MALFORMED, { 0 } },
    { "alg twice", SPAN_LITERAL("{" RS256 "," RS256 "}"), ST_JWS_MALFORMED, { 0 } },
    { "alg twice, once by an escape",
      SPAN_LITERAL("{" RS256 ",\"\\u0061lg\":\"none\"}"),
      ST_JWS_MALFORMED,
      { 0 } },
    { "an unknown member twice",
      SPAN_LITERAL("{\"a\":1," RS256 ",\"a\":1}"),
      ST_JWS_MALFORMED,
      { 0 } },
    { "crit", SPAN_LITERAL("{" RS256 ",\"crit\":[\"x\"],\"x\":1}"), ST_JWS_MALFORMED, { 0 } },
    { "crit of what is in the RFC",
      SPAN_LITERAL("{" RS256 ",\"crit\":[\"alg\"]}"),
      ST_JWS_MALFORMED,
      { 0 } },
    { "an empty crit", SPAN_LITERAL("{" RS256 ",\"crit\":[]}"), ST_JWS_MALFORMED, { 0 } },
    { "b64",
      SPAN_LITERAL("{" RS256 ",\"crit\":[\"b64\"],\"b64\":false}"),
      ST_JWS_MALFORMED,
      { 0 } },
    { "b64 that changes nothing",
      SPAN_LITERAL("{" RS256 ",\"b64\":true}"),
      ST_JWS_MALFORMED,
      { 0 } },
    { "jwk", SPAN_LITERAL("{" RS256 ",\"jwk\":{\"kty\":\"RSA\"}}"), ST_JWS_MALFORMED, { 0 } },
    { "x5c", SPAN_LITERAL("{" RS256 ",\"x5c\":[\"AA==\"]}"), ST_JWS_MALFORMED, { 0 } },
    { "a list", SPAN_LITERAL("[{" RS256 "}]"), ST_JWS_MALFORMED, { 0 } },
    { "null", SPAN_LITERAL("null"), ST_JWS_MALFORMED, { 0 } },
    { "a second value", SPAN_LITERAL("{" RS256 "}{}"), ST_JWS_MALFORMED, { 0 } },
    { "a NUL behind it", SPAN_LITERAL("{" RS256 "}\0"), ST_JWS_MALFORMED, { 0 } },
    { "it ends early", SPAN_LITERAL("{" RS256), ST_JWS_MALFORMED, { 0 } },
    { "a comma too many", SPAN_LITERAL("{" RS256 ",}"), ST_JWS_MALFORMED, { 0 } },
    { "a byte order mark", SPAN_LITERAL("\xef\xbb\xbf{" RS256 "}"), ST_JWS_MALFORMED, { 0 } },
    { "no UTF-8", SPAN_LITERAL("{" RS256 ",\"kid\":\"\xff\"}"), ST_JWS_MALFORMED, { 0 } },
};

static struct span make_token(struct span header, char ret[static TOKEN_MAX])
{
    const size_t len = base64url_encoded_len(header.len);
    assert_true(len + 16 < TOKEN_MAX);
    base64url_encode(header, ret);
    memcpy(ret + len, ".Zm9v.YmFy", sizeof(".Zm9v.YmFy"));
    return (struct span){ ret, len + strlen(".Zm9v.YmFy") };
}

static enum status parse(struct span token, char *room, size_t room_len, struct jws *ret_jws)
{
    struct span pieces[JWS_PIECE_COUNT_];
    assert_true(jws_split(token, pieces));
    return jws_parse(pieces, room, room_len, ret_jws);
}

static void test_jws_parse_header_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(header_rows); i++) {
        char text[TOKEN_MAX];
        char room[TOKEN_MAX];
        struct jws jws = { 0 };
        const struct span token = make_token(header_rows[i].header, text);
        const enum status status = parse(token, room, token.len, &jws);
        if (status != header_rows[i].want || !span_equal(jws.kid, header_rows[i].want_kid)) {
            fail_msg("%s: status %s", header_rows[i].name, status_label(status));
        }
        assert_int_equal(jws.algorithm, status == ST_OK ? JWS_RS256 : JWS_ALGORITHM_NONE);
    }
}

static void test_jws_parse_gives_what_was_signed(void **state)
{
    (void)state;
    char text[TOKEN_MAX];
    char room[TOKEN_MAX];
    struct jws jws = { 0 };
    const struct span token = make_token(SPAN_LITERAL("{" RS256 "}"), text);
    assert_int_equal(parse(token, room, sizeof(room), &jws), ST_OK);
    assert_true(span_equal(jws.payload, SPAN_LITERAL("foo")));
    assert_true(span_equal(jws.signature, SPAN_LITERAL("bar")));
    assert_true(span_equal(jws.signing_input, (struct span){ text, token.len - strlen(".YmFy") }));
    assert_ptr_equal(jws.signing_input.at, text);
}

static void test_jws_parse_needs_room(void **state)
{
    (void)state;
    char text[TOKEN_MAX];
    char room[TOKEN_MAX];
    struct jws jws = { 0 };
    const struct span token = make_token(SPAN_LITERAL("{" RS256 "}"), text);
    const size_t enough = strlen("{" RS256 "}") + 3 + 3;
    assert_int_equal(parse(token, room, enough, &jws), ST_OK);
    for (size_t len = 0; len < enough; len++) {
        assert_int_equal(parse(token, room, len, &jws), ST_LIMIT);
    }
}

/* Unused bits in each piece: the same bytes by another text. */
static void test_jws_parse_has_one_text_for_a_token(void **state)
{
    (void)state;
    const struct {
        const char *token;
        enum status want;
    } bits_rows[] = {
        { "eyJhbGciOiJSUzI1NiJ9.Zm8.YmE", ST_OK },
        { "eyJhbGciOiJSUzI1NiJ9.Zm9.YmE", ST_JWS_MALFORMED },
        { "eyJhbGciOiJSUzI1NiJ9.Zm8.YmF", ST_JWS_MALFORMED },
        { "eyJhbGciOiJSUzI1NiJ9Cg.Zm8.YmE", ST_OK },
        { "eyJhbGciOiJSUzI1NiJ9Ch.Zm8.YmE", ST_JWS_MALFORMED },
        { "eyJhbGciOiJSUzI1NiJ9.Zm8.YmEaa", ST_JWS_MALFORMED },
        { "eyJhbGciOiJSUzI1NiJ9.Zm8Zm.YmE", ST_JWS_MALFORMED },
    };
    for (size_t i = 0; i < COUNTOF(bits_rows); i++) {
        char room[TOKEN_MAX];
        struct jws jws = { 0 };
        if (parse(span_of(bits_rows[i].token), room, sizeof(room), &jws) != bits_rows[i].want) {
            fail_msg("%s", bits_rows[i].token);
        }
    }
}

static void test_jws_parse_is_bounded(void **state)
{
    (void)state;
    char header[TOKEN_MAX / 2] = "{" RS256;
    char text[TOKEN_MAX];
    char room[TOKEN_MAX];
    struct jws jws = { 0 };
    for (size_t i = 1; i < MEMBER_NAMES_MAX; i++) {
        const size_t len = strlen(header);
        (void)snprintf(header + len, sizeof(header) - len, ",\"m%zu\":1", i);
    }
    char more[TOKEN_MAX / 2 + 16];
    (void)snprintf(more, sizeof(more), "%s}", header);
    assert_int_equal(parse(make_token(span_of(more), text), room, sizeof(room), &jws), ST_OK);
    (void)snprintf(more, sizeof(more), "%s,\"one\":1}", header);
    assert_int_equal(parse(make_token(span_of(more), text), room, sizeof(room), &jws), ST_LIMIT);
    char deep[128];
    memset(deep, '[', sizeof(deep));
    (void)snprintf(more, sizeof(more), "{\"a\":%.*s", (int)sizeof(deep), deep);
    assert_int_equal(parse(make_token(span_of(more), text), room, sizeof(room), &jws),
                     ST_JWS_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jws_split_rows),
        cmocka_unit_test(test_jws_parse_header_rows),
        cmocka_unit_test(test_jws_parse_gives_what_was_signed),
        cmocka_unit_test(test_jws_parse_needs_room),
        cmocka_unit_test(test_jws_parse_has_one_text_for_a_token),
        cmocka_unit_test(test_jws_parse_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
