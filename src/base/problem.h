/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is wrong with an input, said to a person: where, what, and what was expected.
 *
 * Used as `reterr_problem` (filled only on failure) and handed to a problem_fn when one input can
 * have many. The text never holds a secret or raw peer bytes: quote names of keys and options, not
 * values of Secrets.
 */
#include <stddef.h>

#include "base/compiler.h"
#include "base/status.h"

#define PROBLEM_TEXT_MAX 256 /* bytes with NUL; one line on a terminal, longer texts are cut */
#define PROBLEM_FILE_MAX 512 /* bytes with NUL; longer paths keep their end */

struct problem {
    enum status status;
    char file[PROBLEM_FILE_MAX]; /* "" when the input is no file */
    unsigned line;               /* from 1; 0 when unknown */
    unsigned column;             /* from 1, in bytes; 0 when unknown */
    char text[PROBLEM_TEXT_MAX];
};

typedef void problem_fn(void *ctx, const struct problem *problem);

/** problem_set() - fill status, position and text; leaves file alone. @problem may be NULL: does
 * nothing */
void problem_set(struct problem *problem,
                 enum status status,
                 unsigned line,
                 unsigned column,
                 const char *format,
                 ...) NONNULL(5) PRINTF_LIKE(5, 6);

/** problem_set_file() - record the path, keeping its end when it is too long. @problem may be NULL
 */
void problem_set_file(struct problem *problem, const char *path) NONNULL(2);

/** problem_format() - "file:line:column: text" into @ret_line, cut to @size bytes with NUL; parts
 * unknown are left out */
void problem_format(const struct problem *problem, char *ret_line, size_t size) NONNULL(1, 2);
