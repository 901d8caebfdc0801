/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whose a JWT says it is, to find who may be asked about it. Nothing of it is to be believed. */
#include <stdbool.h>
#include <stddef.h>

#include "base/base64url.h"
#include "base/compiler.h"
#include "base/span.h"

/**
 * jwt_probe_issuer() - `iss` of a payload that nobody has verified
 * @payload_piece: the middle one of a compact JWS, still encoded
 * @room:          base64url_decoded_len(payload_piece.len) bytes at least; @ret_issuer borrows it
 * @ret_issuer:    written on true only
 *
 * Return: false when the payload is no object with a string `iss`, or room_len is too small. What
 * stands behind `iss` is not looked at: whoever decodes the claims does.
 * Cost: no allocation.
 */
bool jwt_probe_issuer(struct span payload_piece,
                      char *room,
                      size_t room_len,
                      struct span *ret_issuer) NODISCARD NONNULL(2, 4);
