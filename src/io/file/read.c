/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files only: three questions before bytes are believed.
 *
 * 1. Did it change while it was read? Device, inode, size and both times must be the same before
 *    and after.
 * 2. Does somebody have it open for writing? The kernel grants a read lease (fcntl F_SETLEASE) only
 *    while nobody has. It is taken before reading and held until the file is closed: a writer who
 *    opens the file meanwhile waits for us (with O_NONBLOCK it gets EWOULDBLOCK), and the kernel
 *    would send us SIGIO, whose default is to end the process: so the signal is set to SIGURG
 *    first, which is ignored by default.
 * 3. Has it been quiet for FILE_SETTLE_MS? Asked unless it was published a moment ago (closed after
 *    writing, renamed into place), which is a writer's own word. The time of the last change is the
 *    later of mtime and ctime: tar and rsync set mtime back, nobody sets ctime. When clocks cannot
 *    be trusted (a time in the future), a stamp that stays the same for FILE_SETTLE_MS will do;
 * file times tick every 4 to 10 ms, far below that.
 *
 * Limits: the lease needs the file's owner or CAP_LEASE, and a file system that has leases. Without
 * it, 1 and 3 remain: a writer that pauses for longer than FILE_SETTLE_MS with the file open is not
 * noticed in a scan. A file whose name appeared is then not believed before its close, unless it
 * has a second name (a hard link). And nobody can tell that a writer who closes the file is not
 * done: replace files by rename.
 *
 * Bytes come by pread(), never mmap(): a writer who truncates would kill us by SIGBUS. They may
 * hold secrets, so the buffer is wiped.
 */
#include "io/file/read.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define NS_PER_SEC INT64_C(1000000000)

enum writer { WRITER_NONE = 0, WRITER_PRESENT, WRITER_UNKNOWN };

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

struct file_stamp file_stamp_of(const struct stat *stat)
{
    return (struct file_stamp){
        .device = stat->st_dev,
        .inode = stat->st_ino,
        .size = stat->st_size,
        .modified = stat->st_mtim,
        .changed = stat->st_ctim,
    };
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

/* On WRITER_NONE the descriptor holds a lease: nobody can begin to write until it is closed. */
static enum writer take_lease(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) != 0) {
        return WRITER_UNKNOWN;
    }
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        return WRITER_NONE;
    }
    return errno == EAGAIN ? WRITER_PRESENT : WRITER_UNKNOWN;
}

/* Nanoseconds from @then to @now, saturated far above FILE_SETTLE_MS; negative: in the future. */
static int64_t elapsed_ns(struct timespec then, struct instant now)
{
    int64_t seconds;
    if (__builtin_sub_overflow(now.sec, (int64_t)then.tv_sec, &seconds) || seconds > 3600) {
        return now.sec > then.tv_sec ? 3600 * NS_PER_SEC : -1;
    }
    return seconds < -3600 ? -1 : seconds * NS_PER_SEC + now.nsec - then.tv_nsec;
}

bool file_stamp_is_quiet(const struct file_stamp *stamp, struct instant now)
{
    const int64_t settle_ns = FILE_SETTLE_MS * INT64_C(1000000);
    return elapsed_ns(stamp->modified, now) >= settle_ns &&
           elapsed_ns(stamp->changed, now) >= settle_ns;
}

static bool is_quiet(const struct file_stamp *stamp, const struct file_read_options *options)
{
    return (options->seen && file_stamp_equal(options->seen, stamp)) ||
           file_stamp_is_quiet(stamp, options->now);
}

/* Questions 2 and 3, before anything is read. */
static bool looks_finished(enum writer writer,
                           const struct stat *stat,
                           const struct file_read_options *options)
{
    if (writer == WRITER_PRESENT) {
        return false;
    }
    const struct file_stamp stamp = file_stamp_of(stat);
    switch (options->occasion) {
    case FILE_PUBLISHED:
        return true;
    case FILE_APPEARED:
        if (writer == WRITER_UNKNOWN && stat->st_nlink < 2) {
            return false;
        }
        return is_quiet(&stamp, options);
    case FILE_FOUND:
        return is_quiet(&stamp, options);
    }
    return false;
}

static enum status fail(struct problem *problem, enum status status, const char *what, int error)
{
    problem_set(problem, status, 0, 0, "%s: %s", what, strerrordesc_np(error));
    return status;
}

/* @len bytes. ST_UNSETTLED when the file ended early; whether it goes on is seen by its stamp. */
static enum status read_bytes(int fd, char *at, size_t len, struct problem *reterr_problem)
{
    size_t done = 0;
    while (done < len) {
        const ssize_t n = pread(fd, at + done, len - done, (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail(reterr_problem, ST_IO, "cannot read", errno);
        }
        if (n == 0) {
            return ST_UNSETTLED;
        }
        done += (size_t)n;
    }
    return ST_OK;
}

static enum status open_regular(const char *path, int *ret_fd, struct problem *reterr_problem)
{
    struct stat stat_before;
    /* stat first: opening a device or a FIFO can have effects */
    if (stat(path, &stat_before) != 0) {
        const int error = errno;
        const bool gone = error == ENOENT || error == ENOTDIR;
        return fail(reterr_problem, gone ? ST_NOT_FOUND : ST_IO, "cannot open", error);
    }
    if (!S_ISREG(stat_before.st_mode)) {
        problem_set(reterr_problem, ST_UNSUPPORTED, 0, 0, "expected a regular file");
        return ST_UNSUPPORTED;
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) {
        *ret_fd = fd;
        return ST_OK;
    }
    const int error = errno;
    if (error == EWOULDBLOCK) { /* somebody holds a write lease on it: a file server */
        return ST_UNSETTLED;
    }
    return fail(reterr_problem, error == ENOENT ? ST_NOT_FOUND : ST_IO, "cannot open", error);
}

/* What was opened, which need not be what the path led to before. */
static enum status look_at_open_file(int fd,
                                     const struct file_read_options *options,
                                     struct stat *ret_stat,
                                     struct problem *reterr_problem)
{
    if (fstat(fd, ret_stat) != 0) {
        return fail(reterr_problem, ST_IO, "cannot look at", errno);
    }
    if (!S_ISREG(ret_stat->st_mode)) {
        problem_set(reterr_problem, ST_UNSUPPORTED, 0, 0, "expected a regular file");
        return ST_UNSUPPORTED;
    }
    return options->accept ? options->accept(options->ctx, fd, ret_stat, reterr_problem) : ST_OK;
}

static enum status read_open_file(int fd,
                                  const struct file_read_options *options,
                                  struct file_content *content,
                                  struct file_stamp *ret_stamp,
                                  struct problem *reterr_problem)
{
    const enum writer writer = take_lease(fd);
    struct stat before;
    struct stat after;
    enum status status = look_at_open_file(fd, options, &before, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    *ret_stamp = file_stamp_of(&before);
    if (!looks_finished(writer, &before, options)) {
        return ST_UNSETTLED;
    }
    if ((uintmax_t)before.st_size > options->max_bytes) {
        problem_set(reterr_problem, ST_LIMIT, 0, 0, "expected at most %zu bytes, found %jd",
                    options->max_bytes, (intmax_t)before.st_size);
        return ST_LIMIT;
    }
    content->len = (size_t)before.st_size;
    content->at = malloc(content->len + 1); /* an empty file has a buffer, too */
    if (!content->at) {
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "no memory for %zu bytes", content->len);
        content->len = 0;
        return ST_NOMEM;
    }
    status = read_bytes(fd, content->at, content->len, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    if (fstat(fd, &after) != 0) {
        return fail(reterr_problem, ST_IO, "cannot look at", errno);
    }
    const struct file_stamp now = file_stamp_of(&after);
    return file_stamp_equal(ret_stamp, &now) ? ST_OK : ST_UNSETTLED;
}

enum status file_read(const char *path,
                      const struct file_read_options *options,
                      struct file_content *ret_content,
                      struct file_stamp *ret_stamp,
                      struct problem *reterr_problem)
{
    int fd = -1;
    struct file_stamp stamp = { 0 };
    struct file_content content = { 0 };
    enum status status = open_regular(path, &fd, reterr_problem);
    if (status == ST_OK) {
        status = read_open_file(fd, options, &content, &stamp, reterr_problem);
        (void)close(fd); /* nothing was written */
    }
    if (status == ST_OK) {
        *ret_content = content;
    } else {
        file_content_fini(&content);
    }
    if (status == ST_OK || status == ST_UNSETTLED || status == ST_LIMIT) {
        *ret_stamp = stamp;
    }
    return status;
}

enum status file_read_published(const char *path,
                                size_t max_bytes,
                                struct file_content *ret_content,
                                struct problem *reterr_problem)
{
    const struct file_read_options options = { .max_bytes = max_bytes, .occasion = FILE_PUBLISHED };
    struct file_stamp stamp;
    const enum status status = file_read(path, &options, ret_content, &stamp, reterr_problem);
    if (status == ST_UNSETTLED) {
        problem_set(reterr_problem, ST_IO, 0, 0, "%s", status_text(status));
        return ST_IO;
    }
    return status;
}

void file_content_fini(struct file_content *content)
{
    if (content->at) {
        sodium_memzero(content->at, content->len);
        free(content->at);
    }
    *content = (struct file_content){ 0 };
}

bool file_is_being_written(const char *path)
{
    struct problem ignored;
    int fd = -1;
    const enum status status = open_regular(path, &fd, &ignored);
    if (status != ST_OK) {
        return status == ST_UNSETTLED;
    }
    const bool present = take_lease(fd) == WRITER_PRESENT;
    (void)close(fd); /* nothing was written */
    return present;
}
