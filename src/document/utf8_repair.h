/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Texts that are not all UTF-8, made so. */
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

/**
 * utf8_repair() - @text with U+FFFD for what is not well-formed
 * @max_len:    of what comes of it, which may have three bytes for one
 * @repaired:   appended to
 * @ret_damage: where in it the first of these is; repaired->len when there is none
 *
 * One U+FFFD stands for as many bytes as could begin a sequence, as the Unicode Standard has it
 * (table 3-8), and kubectl. Return: ST_OK; ST_LIMIT, ST_NOMEM: nothing was appended.
 * Cost: the length is counted first, so memory is taken once, and none for what is refused
 */
enum status utf8_repair(struct span text,
                        size_t max_len,
                        struct buf *repaired,
                        size_t *ret_damage) NODISCARD NONNULL(3, 4);
