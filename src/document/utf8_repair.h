/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Texts that are not all UTF-8, made so. */
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"

/**
 * utf8_repair() - @text with U+FFFD for what is not well-formed
 * @repaired:   appended to
 * @ret_damage: where in it the first of these is; repaired->len when there is none
 *
 * One U+FFFD stands for as many bytes as could begin a sequence, as the Unicode Standard has it
 * (table 3-8), and kubectl.
 */
void utf8_repair(struct span text, struct buf *repaired, size_t *ret_damage) NONNULL(2, 3);
