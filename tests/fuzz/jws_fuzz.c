/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: jws_split(), jws_parse() and jose_key_verify() on arbitrary tokens.
 *
 * Properties: the pieces and two dots are the token; what is decoded is within the room and encodes
 * to the piece again, so that no other text stands for it; the algorithm is a known one; the same
 * key verifies nothing but what its owner signed.
 */
#include "base/base64url.h"
#include "fuzz.h"
#include "jose/jws.h"
#include "jose/key_set.h"

/* RFC 7515 appendix A.3. */
static const char jwks[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
                           "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                           "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
static const char signed_text[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
    "bS9pc19yb290Ijp0cnVlfQ";

static const struct jose_key *make_key(void)
{
    struct key_set *set = NULL;
    struct problem problem;
    FUZZ_REQUIRE(key_set_from_jwks(SPAN_LITERAL(jwks), NULL, NULL, &set, &problem) == ST_OK);
    const struct jose_key *const key = jose_key_ref(key_set_at(set, 0));
    (void)key_set_unref(set);
    return key;
}

static void require_within(struct span part, const char *room, size_t room_len)
{
    FUZZ_REQUIRE(part.len == 0 || (part.at >= room && part.at + part.len <= room + room_len));
}

static void require_one_text(struct span bytes, struct span piece)
{
    char *const text = malloc(base64url_encoded_len(bytes.len) + 1);
    FUZZ_REQUIRE(text != NULL);
    base64url_encode(bytes, text);
    FUZZ_REQUIRE(span_equal((struct span){ text, base64url_encoded_len(bytes.len) }, piece));
    free(text);
}

static void require_pieces(struct span token, const struct span *pieces)
{
    FUZZ_REQUIRE(pieces[0].at == token.at && pieces[0].at[pieces[0].len] == '.');
    FUZZ_REQUIRE(pieces[1].at == pieces[0].at + pieces[0].len + 1);
    FUZZ_REQUIRE(pieces[1].at[pieces[1].len] == '.');
    FUZZ_REQUIRE(pieces[2].at == pieces[1].at + pieces[1].len + 1);
    FUZZ_REQUIRE(pieces[2].at + pieces[2].len == token.at + token.len);
    FUZZ_REQUIRE(pieces[0].len > 0 && pieces[1].len > 0 && pieces[2].len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct jose_key *key; /* one for all inputs: it does not change */
    if (!key) {
        key = make_key();
    }
    char *const copy = fuzz_copy(data, size);
    char *const room = malloc(size > 0 ? size : 1);
    FUZZ_REQUIRE(room != NULL);
    const struct span token = { .at = copy, .len = size };
    struct span pieces[JWS_PIECE_COUNT_];
    struct jws jws = { 0 };
    if (jws_split(token, pieces)) {
        require_pieces(token, pieces);
        const enum status status = jws_parse(pieces, room, size, &jws);
        FUZZ_REQUIRE(status == ST_OK || status == ST_JWS_MALFORMED || status == ST_LIMIT ||
                     status == ST_ALGORITHM_NOT_ALLOWED);
        FUZZ_REQUIRE((status == ST_OK) == (jws.algorithm != JWS_ALGORITHM_NONE));
    }
    if (jws.algorithm != JWS_ALGORITHM_NONE) {
        require_within(jws.kid, room, size);
        require_within(jws.payload, room, size);
        require_within(jws.signature, room, size);
        require_one_text(jws.payload, pieces[JWS_PIECE_PAYLOAD]);
        require_one_text(jws.signature, pieces[JWS_PIECE_SIGNATURE]);
        const enum status status =
            jose_key_verify(key, jws.algorithm, jws.signing_input, jws.signature);
        FUZZ_REQUIRE(status_fault(status) != FAULT_SELF);
        FUZZ_REQUIRE(status != ST_OK || span_equal(jws.signing_input, SPAN_LITERAL(signed_text)));
    }
    free(room);
    free(copy);
    return 0;
}
