/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Read a whole file, and only a whole one.
 *
 * A file that somebody is still writing can look complete: a Secret cut off before `expiration:`
 * is valid YAML and would never expire. file_read() hands out bytes only when nothing speaks
 * against the file being finished; io/file/read.c says what it asks and where the limits of asking
 * are.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"

/* quiet for this long counts as finished; a writer's pause is shorter */
#define FILE_SETTLE_MS 100

/** What tells one state of a file from the next. */
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified; /* may be set by anyone, may be in the future */
    struct timespec changed;  /* set by the kernel only */
};

/** file_stamp_of() - what stat() or fstat() has told */
struct file_stamp file_stamp_of(const struct stat *stat) NONNULL(1);

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b) NONNULL(1, 2);

/** file_stamp_is_quiet() - does @stamp's last change lie FILE_SETTLE_MS or longer before @now, and
 * not in the future? */
bool file_stamp_is_quiet(const struct file_stamp *stamp, struct instant now) NONNULL(1);

/** How the file came to our attention; what follows from it about its writer. */
enum file_occasion {
    FILE_FOUND = 0, /* in a scan: it may be in the middle of being written */
    FILE_APPEARED,  /* its name was created: a hard link, or a writer that has just begun */
    FILE_PUBLISHED, /* closed after writing, or renamed into place, a moment ago */
};

/**
 * file_accept_fn - may the file that was opened be read? Asked before a byte is
 * @fd:   of the open file; for what fstat() does not tell
 * @stat: what fstat() tells of it
 *
 * Return: ST_OK; anything else, with @reterr_problem, becomes the result of file_read()
 */
typedef enum status file_accept_fn(void *ctx,
                                   int fd,
                                   const struct stat *stat,
                                   struct problem *reterr_problem);

struct file_read_options {
    file_accept_fn *accept; /* NULL: any */
    void *ctx;              /* handed to accept */
    size_t max_bytes;
    enum file_occasion occasion;
    struct instant now;            /* wall clock */
    const struct file_stamp *seen; /* the file's stamp FILE_SETTLE_MS or longer ago; NULL if not
                                      known. Borrows */
};

/** The bytes of a file. All-zero is empty. */
struct file_content {
    char *at; /* owns */
    size_t len;
};

/**
 * file_read() - read the regular file that @path leads to
 * @ret_content: file_content_fini() wipes and frees it
 * @ret_stamp:   written for ST_OK, ST_UNSETTLED and ST_LIMIT
 *
 * Return: ST_OK; ST_UNSETTLED (read it again at its close, or FILE_SETTLE_MS later with @ret_stamp
 * as `seen`); and with @reterr_problem (text only): ST_NOT_FOUND, ST_UNSUPPORTED for anything but a
 * regular file, ST_LIMIT above max_bytes, ST_IO, ST_NOMEM; and what accept() returns.
 */
enum status file_read(const char *path,
                      const struct file_read_options *options,
                      struct file_content *ret_content,
                      struct file_stamp *ret_stamp,
                      struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4, 5);

/** file_read_published() - file_read() of a file that is replaced as a whole, by a rename or by a
 * link. Return: as file_read(), but ST_IO with @reterr_problem while somebody writes into it */
enum status file_read_published(const char *path,
                                size_t max_bytes,
                                struct file_content *ret_content,
                                struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 4);

/** file_content_fini() - wipe and free; the content is all-zero afterwards */
void file_content_fini(struct file_content *content) NONNULL(1);

/** file_is_being_written() - does somebody hold the regular file at @path open for writing? false
 * also when that cannot be found out */
bool file_is_being_written(const char *path) NODISCARD NONNULL(1);
