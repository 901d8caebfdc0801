/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Standard output and standard error of the subcommands. */
#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/problem.h"

/** output_write() - all of @buf to standard output. Return: false when that failed, or when @buf
 * had; it was said on stderr then */
bool output_write(const char *command, const struct buf *buf) NODISCARD NONNULL(1, 2);

/** output_complain() - "kube-bearer COMMAND: file:line:column: text" on stderr; @command may be
 * NULL. Control characters are shown as `?`, so that it is one line whatever a file name holds */
void output_complain(const char *command, const struct problem *problem) NONNULL(2);

/** output_warn() - the same with "warning: " before the text */
void output_warn(const char *command, const struct problem *problem) NONNULL(2);
