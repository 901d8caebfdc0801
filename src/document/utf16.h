/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* UTF-16 files, as Windows PowerShell's `>` writes them, become UTF-8. */
#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"

/** utf16_is_marked() - does @bytes begin with the byte order mark of UTF-16, of either order? */
bool utf16_is_marked(struct span bytes);

/**
 * utf16_decode() - @bytes, which begin with that mark, as UTF-8 without it
 * @text:       appended to; check its `failed`
 * @ret_damage: where in it the first U+FFFD is that stands for a surrogate without its other half,
 *              or for half a unit at the end; text->len when there is none
 *
 * Source: RFC 2781; what is replaced: kubectl
 */
void utf16_decode(struct span bytes, struct buf *text, size_t *ret_damage) NONNULL(2, 3);
