/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The options table, written for people: `--help` and the README. */
#include "base/buf.h"
#include "base/compiler.h"
#include "cli/options.h"

#define HELP_COLUMNS 100 /* no line of help is longer */

/** options_help() - append the options of @command, grouped, with defaults */
void options_help(struct buf *buf, enum option_command command) NONNULL(1);

/** options_help_wrap() - append @text as lines of at most HELP_COLUMNS columns, each @indent deep;
 * a line of @text stays a line at least */
void options_help_wrap(struct buf *buf, struct span text, size_t indent) NONNULL(1);

/** options_document() - append the reference of all options in Markdown: what stands in README.md
 * between its options markers */
void options_document(struct buf *buf) NONNULL(1);
