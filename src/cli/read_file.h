/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whole files that the operator named on the command line, up to a limit. */
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"

/**
 * read_file() - read all of @path
 * @path:           "-" is standard input
 * @max_bytes:      ST_LIMIT past it
 * @ret_content:    owned by the caller, who ends it with read_file_wipe() when it holds a secret.
 *                  The memory is allocated once at its full size: nothing is left behind by growing
 * @reterr_problem: what went wrong, without the path: it may be a token put in the wrong place
 *
 * Pipes are fine. Return: ST_OK; ST_IO, ST_LIMIT, ST_NOMEM with @reterr_problem
 */
enum status read_file(const char *path,
                      size_t max_bytes,
                      struct buf *ret_content,
                      struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 4);

/** read_file_wipe() - wipe and free; all-zero is fine */
void read_file_wipe(struct buf *content) NONNULL(1);
