/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* UTF-16 files, as Windows PowerShell's `>` writes them, become UTF-8. */
#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

/** utf16_is_marked() - does @bytes begin with the byte order mark of UTF-16, of either order? */
bool utf16_is_marked(struct span bytes);

/**
 * utf16_decode() - @bytes, which begin with that mark, as UTF-8 without it
 * @text: appended to; on ST_SYNTAX up to where the error is
 *
 * Return: ST_OK; ST_SYNTAX for a surrogate without its other half, and half a unit at the end;
 * ST_NOMEM. Source: RFC 2781
 */
enum status utf16_decode(struct span bytes, struct buf *text) NODISCARD NONNULL(2);
