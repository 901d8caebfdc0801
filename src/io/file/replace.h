/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Write a whole file, or none of it: beside it, then renamed into place, all of it on the disk
 * before the call returns. A crash at any moment leaves the old file or the new one.
 */
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "io/file/read.h"

/**
 * file_replace() - put @content where @path is
 * @path: with a directory before its name; a symbolic link at its end is not followed
 * @seen: the file that is to be replaced, as file_read() saw it; the new one keeps its permissions,
 *        and its owner and group if we may set them. NULL: nothing may be there, and it is made for
 *        its owner only
 *
 * The name that it is written under begins with a dot. What a crash leaves of it is harmless, and
 * is never used. A writer who opens the old file between our last look at it and the rename writes
 * into a file without a name.
 *
 * Return: ST_OK; and with @reterr_problem (text only): ST_EXISTS when something is there and @seen
 * is NULL; ST_CONFLICT when it is not what was seen; ST_IO, then nothing has changed;
 * ST_UNAVAILABLE when it is in place, and may not survive a crash. Cost: two fsync()s
 */
enum status file_replace(const char *path,
                         struct span content,
                         const struct file_stamp *seen,
                         struct problem *reterr_problem) NODISCARD NONNULL(1, 4);

/** file_remove() - unlink the file that was seen. Return: as file_replace() */
enum status file_remove(const char *path,
                        const struct file_stamp *seen,
                        struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);
