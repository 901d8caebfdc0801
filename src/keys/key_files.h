/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* PEM files whose keys are one issuer's, read together: all of them or none. */
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"

struct key_set;

#define KEY_FILES_MAX 16 /* of one issuer: two while keys are rotated */

/** What is in the files. All-zero is nothing. May hold private keys: key_files_fini() wipes it. */
struct key_files {
    struct buf pem;             /* one behind the other, each with a line break behind it */
    size_t ends[KEY_FILES_MAX]; /* where each one ends in it */
    size_t count;
};

/**
 * key_files_read() - the bytes of @count files, 1 to KEY_FILES_MAX
 * @ret_files: key_files_fini() it when all was read; untouched otherwise
 *
 * Together they may have KEY_SET_MAX_BYTES. Return: ST_OK; ST_NOT_FOUND, ST_IO (also of one that is
 * being written), ST_LIMIT, ST_UNSUPPORTED with @reterr_problem (file and text); ST_NOMEM
 */
enum status key_files_read(const char *const *paths,
                           size_t count,
                           struct key_files *ret_files,
                           struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 4);

/**
 * key_files_parse() - their keys as one set; each file has one that can be used, at least
 * @paths:     as read
 * @on_remark: called for each key that is left out, with file and line; NULL is fine
 * @ret_set:   one reference
 *
 * Return: as key_set_from_pem(), with the file in @reterr_problem
 */
enum status key_files_parse(const struct key_files *files,
                            const char *const *paths,
                            problem_fn *on_remark,
                            void *ctx,
                            struct key_set **ret_set,
                            struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 5, 6);

/** key_files_fini() - wipe and free; the files are all-zero afterwards */
void key_files_fini(struct key_files *files) NONNULL(1);
