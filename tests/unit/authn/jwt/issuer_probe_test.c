/* SPDX-License-Identifier: Apache-2.0 */
/* The issuer of a payload that nobody has verified. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "authn/jwt/issuer_probe.h"

/* @payload encoded, probed with @spare bytes of room more than it takes, or fewer. */
static bool probe(struct span payload, int spare, char ret_issuer[static 64])
{
    const size_t piece_len = base64url_encoded_len(payload.len);
    const size_t room_len = payload.len + (size_t)(ptrdiff_t)spare;
    char *piece = malloc(piece_len + 1);
    char *room = malloc(room_len + 1);
    struct span issuer = SPAN_LITERAL("untouched");
    assert_non_null(piece);
    assert_non_null(room);
    base64url_encode(payload, piece);
    const bool found =
        jwt_probe_issuer((struct span){ .at = piece, .len = piece_len }, room, room_len, &issuer);
    assert_true(issuer.len < 64);
    memcpy(ret_issuer, issuer.at, issuer.len);
    ret_issuer[issuer.len] = '\0';
    free(piece);
    free(room);
    return found;
}

static const struct {
    const char *name;
    struct span payload;
    const char *want; /* NULL: none */
} rows[] = {
    { "alone", SPAN_LITERAL("{\"iss\":\"a\"}"), "a" },
    { "behind others",
      SPAN_LITERAL(" {\"aud\":[\"x\",{}],\"exp\":1e9,\"iss\":\"a\",\"sub\":\"b\"}"), "a" },
    { "escaped", SPAN_LITERAL("{\"\\u0069ss\":\"https:\\/\\/a\"}"), "https://a" },
    { "empty", SPAN_LITERAL("{\"iss\":\"\"}"), "" },
    { "the first of two", SPAN_LITERAL("{\"iss\":\"a\",\"iss\":\"b\"}"), "a" },
    { "whatever comes behind", SPAN_LITERAL("{\"iss\":\"a\"]]"), "a" },
    { "none", SPAN_LITERAL("{\"sub\":\"a\"}"), NULL },
    { "of an object inside", SPAN_LITERAL("{\"a\":{\"iss\":\"a\"}}"), NULL },
    { "in capitals", SPAN_LITERAL("{\"ISS\":\"a\"}"), NULL },
    { "null", SPAN_LITERAL("{\"iss\":null}"), NULL },
    { "a number", SPAN_LITERAL("{\"iss\":1}"), NULL },
    { "a list", SPAN_LITERAL("{\"iss\":[\"a\"]}"), NULL },
    { "malformed in front", SPAN_LITERAL("{\"a\":tru,\"iss\":\"a\"}"), NULL },
    { "cut off", SPAN_LITERAL("{\"iss\":\"a"), NULL },
    { "no UTF-8", SPAN_LITERAL("{\"iss\":\"\xff\"}"), NULL },
    { "no object", SPAN_LITERAL("[\"iss\",\"a\"]"), NULL },
    { "nothing", SPAN_LITERAL(""), NULL },
};

static void test_issuer_probe_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char issuer[64];
        const bool found = probe(rows[i].payload, 0, issuer);
        const char *const want = rows[i].want ? rows[i].want : "untouched";
        if (found != (rows[i].want != NULL) || !span_equal(span_of(issuer), span_of(want))) {
            fail_msg("%s: %s", rows[i].name, issuer);
        }
    }
}

static void test_issuer_probe_without_room_finds_none(void **state)
{
    (void)state;
    char issuer[64];
    assert_true(probe(SPAN_LITERAL("{\"iss\":\"a\"}"), 5, issuer));
    assert_false(probe(SPAN_LITERAL("{\"iss\":\"a\"}"), -1, issuer));
}

static void test_issuer_probe_refuses_what_is_no_base64url(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "eyJpc3MiOiJhIn0=", "eyJpc3MiOiJhIn0\n", "eyJpc3MiOiJhIn1", "eyJpc3Mi.iJhIn0", "e",
    };
    for (size_t i = 0; i < COUNTOF(pieces); i++) {
        char room[64];
        struct span issuer;
        assert_false(jwt_probe_issuer(span_of(pieces[i]), room, sizeof(room), &issuer));
    }
    char room[64];
    struct span issuer;
    assert_true(jwt_probe_issuer(SPAN_LITERAL("eyJpc3MiOiJhIn0"), room, sizeof(room), &issuer));
    assert_true(span_equal(issuer, SPAN_LITERAL("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_issuer_probe_rows),
        cmocka_unit_test(test_issuer_probe_without_room_finds_none),
        cmocka_unit_test(test_issuer_probe_refuses_what_is_no_base64url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
