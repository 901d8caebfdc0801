/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compact JWS: three pieces, of which the header is read.
 *
 * Untrusted: every byte. Nothing here says whether a token is good; the header only proposes a key
 * and an algorithm, and a key refuses what it is not for. So keys in the header are never read, and
 * what would change how the rest is read (`crit`, `b64`) is refused.
 *
 * Threads: none; all is the caller's.
 */
#include "jose/jws.h"

#include <string.h>

#include "base/base64url.h"
#include "document/json_scan.h"
#include "jose/member_names.h"

#define HEADER_NUMBER_MAX 20 /* characters: 64 bits and a sign */

static struct span until_point(struct span text)
{
    const char *const point = text.len > 0 ? memchr(text.at, '.', text.len) : NULL;
    return point ? (struct span){ .at = text.at, .len = (size_t)(point - text.at) } : text;
}

bool jws_split(struct span token, struct span ret_pieces[static JWS_PIECE_COUNT_])
{
    struct span rest = token;
    for (size_t piece = 0; piece < JWS_PIECE_COUNT_; piece++) {
        const struct span text = until_point(rest);
        const bool is_last = text.len == rest.len;
        if (text.len == 0 || is_last != (piece == JWS_PIECE_SIGNATURE) ||
            !base64url_are_digits(text)) {
            return false;
        }
        ret_pieces[piece] = text;
        rest = span_after(rest, text.len + !is_last);
    }
    return true;
}

/* kube-apiserver reads null as absent. */
static bool read_text_or_null(struct json_scan *scan, struct span *ret_text)
{
    return json_scan_null(scan) || json_scan_string(scan, ret_text);
}

/* RFC 7515 section 4.1.11: what is critical and not understood refuses the token; we understand
 * nothing. Nor is a key of the sender's own read (4.1.3, 4.1.6): kube-apiserver refuses a bad one,
 * and ignores a good one. */
static bool is_refused(struct span name)
{
    return span_equal(name, SPAN_LITERAL("crit")) || span_equal(name, SPAN_LITERAL("b64")) ||
           span_equal(name, SPAN_LITERAL("jwk")) || span_equal(name, SPAN_LITERAL("x5c"));
}

static bool skip_scalar(struct json_scan *scan)
{
    struct span number = { 0 };
    switch (json_scan_peek(scan)) {
    case JSON_NUMBER:
        if (!json_scan_number(scan, &number)) {
            return false;
        }
        return (number.len <= HEADER_NUMBER_MAX && !memchr(number.at, 'e', number.len) &&
                !memchr(number.at, 'E', number.len)) ||
               json_scan_fail(scan, ST_UNSUPPORTED, "a shorter number, without exponent");
    case JSON_ARRAY:
    case JSON_OBJECT:
        return json_scan_fail(scan, ST_UNSUPPORTED, "nothing nested");
    case JSON_NONE:
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_STRING:
        break;
    }
    return json_scan_skip(scan);
}

/* kube-apiserver makes values of what it does not know, too: it refuses an object in which a member
 * comes twice, however deep, and a number that no double holds. No issuer writes either, so no
 * object is taken, no list in a list, and no number that might be one. */
static bool skip_member(struct json_scan *scan)
{
    if (json_scan_peek(scan) != JSON_ARRAY) {
        return skip_scalar(scan);
    }
    bool is_fine = json_scan_array(scan);
    while (is_fine && json_scan_element(scan)) {
        is_fine = skip_scalar(scan);
    }
    return is_fine;
}

static bool read_member(struct json_scan *scan,
                        struct span name,
                        struct span *alg,
                        struct span *kid)
{
    struct span nonce = { 0 };
    if (is_refused(name)) {
        return json_scan_fail(scan, ST_UNSUPPORTED, "no such member");
    }
    if (span_equal(name, SPAN_LITERAL("alg"))) {
        return json_scan_string(scan, alg);
    }
    if (span_equal(name, SPAN_LITERAL("kid"))) {
        return read_text_or_null(scan, kid);
    }
    if (span_equal(name, SPAN_LITERAL("nonce"))) {
        return read_text_or_null(scan, &nonce); /* as kube-apiserver has it; nobody asks for it */
    }
    return skip_member(scan);
}

static enum status read_header(char *text, size_t len, struct jws *jws)
{
    struct member_names names = { .count = 0 };
    struct span alg = { 0 };
    struct span kid = { 0 };
    struct json_scan scan;
    json_scan_begin(&scan, text, len);
    if (json_scan_object(&scan)) {
        struct span name = { 0 };
        while (json_scan_member(&scan, &name)) {
            const enum status status = member_names_add(&names, name);
            if (status != ST_OK) {
                return status == ST_LIMIT ? ST_LIMIT : ST_JWS_MALFORMED;
            }
            (void)read_member(&scan, name, &alg, &kid); /* errors stick */
        }
    }
    const enum status status = json_scan_end(&scan);
    if (status != ST_OK || alg.len == 0) {
        return status == ST_LIMIT ? ST_LIMIT : ST_JWS_MALFORMED;
    }
    jws->algorithm = jws_algorithm_from_name(alg);
    jws->kid = kid;
    return jws->algorithm == JWS_ALGORITHM_NONE ? ST_ALGORITHM_NOT_ALLOWED : ST_OK;
}

/* Takes what it needs from the front of the room. */
static enum status decode_piece(struct span piece, char **room, size_t *room_len, struct span *ret)
{
    size_t len = 0;
    if (base64url_decoded_len(piece.len) > *room_len) {
        return ST_LIMIT;
    }
    if (base64url_decode(piece, *room, &len) != ST_OK) {
        return ST_JWS_MALFORMED;
    }
    *ret = (struct span){ .at = *room, .len = len };
    *room += len;
    *room_len -= len;
    return ST_OK;
}

enum status jws_parse(const struct span pieces[static JWS_PIECE_COUNT_],
                      char *room,
                      size_t room_len,
                      struct jws *ret_jws)
{
    struct jws jws = { 0 };
    struct span header = { 0 };
    char *const text = room;
    const struct span payload = pieces[JWS_PIECE_PAYLOAD];
    enum status status = decode_piece(pieces[JWS_PIECE_HEADER], &room, &room_len, &header);
    if (status == ST_OK) {
        status = decode_piece(payload, &room, &room_len, &jws.payload);
    }
    if (status == ST_OK) {
        status = decode_piece(pieces[JWS_PIECE_SIGNATURE], &room, &room_len, &jws.signature);
    }
    if (status == ST_OK) {
        status = read_header(text, header.len, &jws);
    }
    if (status != ST_OK) {
        return status;
    }
    const char *const start = pieces[JWS_PIECE_HEADER].at;
    jws.signing_input =
        (struct span){ .at = start, .len = (size_t)(payload.at - start) + payload.len };
    *ret_jws = jws;
    return ST_OK;
}
