/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A compact JWS (RFC 7515 section 7.1), taken apart; nothing is verified here.
 *
 * Stricter than kube-apiserver, which takes white space in the token, bits that no byte needs, and
 * these members of the header: a valid `jwk` or `x5c` (an invalid one it refuses; we read neither,
 * and so refuse both), `crit` with nothing but `b64`, `b64`, and values that nobody writes there:
 * objects, lists in lists, numbers with an exponent or of more than 20 characters.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"
#include "jose/jws_algorithm.h"

enum jws_piece { JWS_PIECE_HEADER = 0, JWS_PIECE_PAYLOAD, JWS_PIECE_SIGNATURE, JWS_PIECE_COUNT_ };

struct jws {
    enum jws_algorithm algorithm; /* never JWS_ALGORITHM_NONE when jws_parse() went well */
    struct span kid;              /* borrows the room, may hold any byte; empty: none */
    struct span payload;          /* borrows the room: decoded, not looked at */
    struct span signature;        /* borrows the room: decoded */
    struct span signing_input;    /* borrows the token: what is signed */
};

/**
 * jws_split() - has @token the form of a compact JWS?
 * @ret_pieces: borrow the token, by enum jws_piece
 *
 * That is: exactly two dots, no piece is empty, and all else are digits of base64url. Cost: one
 * pass.
 */
bool jws_split(struct span token, struct span ret_pieces[static JWS_PIECE_COUNT_]) NODISCARD
    NONNULL(2);

/**
 * jws_parse() - decode the pieces and read the header
 * @pieces:  of jws_split(), next to each other in the token
 * @room:    for what is decoded; as many bytes as the token has always suffice
 * @ret_jws: borrows the room and the token
 *
 * Return: ST_OK; ST_JWS_MALFORMED: a piece is no base64url, the header no JSON object, of a wrong
 * type, with a member twice, without `alg`, or with one that must not be ignored and is not
 * understood; ST_ALGORITHM_NOT_ALLOWED: `alg` is none of enum jws_algorithm; ST_LIMIT: more than
 * MEMBER_NAMES_MAX, or the room is too small.
 * Cost: no allocation. Source: RFC 7515 section 5.2; RFC 8725 sections 3.1, 3.10.
 */
enum status jws_parse(const struct span pieces[static JWS_PIECE_COUNT_],
                      char *room,
                      size_t room_len,
                      struct jws *ret_jws) NODISCARD NONNULL(1, 2, 4);
