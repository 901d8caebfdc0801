/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* base64url as JOSE has it (RFC 7515 section 2, RFC 4648 section 5): no padding, no line breaks,
 * and unused bits of the last character are zero, so that each sequence of bytes has one text only.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

/** base64url_decoded_len() - bytes that @len characters stand for; rounded down for a length that
 * no text has (1 more than a multiple of 4) */
static inline size_t base64url_decoded_len(size_t len)
{
    return len / 4 * 3 + len % 4 * 3 / 4;
}

/** base64url_encoded_len() - characters that @len bytes make, without NUL */
static inline size_t base64url_encoded_len(size_t len)
{
    return len / 3 * 4 + (len % 3 * 4 + 2) / 3;
}

/** base64url_are_digits() - is each of its characters one of the 64? */
bool base64url_are_digits(struct span text);

/**
 * base64url_decode() - decode
 * @ret:     base64url_decoded_len(text.len) bytes large; or text.at itself, since writing never
 *           overtakes reading; written on failure, too
 * @ret_len: bytes decoded
 *
 * Return: ST_OK; ST_SYNTAX (then @ret_len is the offset of the offending character, or text.len
 * when the text has a length that no text has).
 */
enum status base64url_decode(struct span text, char *ret, size_t *ret_len) NODISCARD NONNULL(2, 3);

/** base64url_encode() - @ret: base64url_encoded_len(bytes.len) characters large; no NUL is written
 */
void base64url_encode(struct span bytes, char *ret) NONNULL(2);
