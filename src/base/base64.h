/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Standard base64 (RFC 4648 section 4) exactly as Go's encoding/base64 StdEncoding reads it into a
 * []byte field: padding demanded, CR and LF skipped anywhere, unused trailing bits ignored. */
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

/** base64_decoded_max() - bytes that decoding @len characters can yield at most */
static inline size_t base64_decoded_max(size_t len)
{
    return len / 4 * 3 + 3;
}

/**
 * base64_decode() - decode
 * @ret:     base64_decoded_max(text.len) bytes large; or text.at itself, since writing never
 *           overtakes reading
 * @ret_len: bytes decoded
 *
 * Return: ST_OK; ST_SYNTAX (then @ret_len is the offset of the offending character).
 */
enum status base64_decode(struct span text, char *ret, size_t *ret_len) NODISCARD NONNULL(2, 3);
