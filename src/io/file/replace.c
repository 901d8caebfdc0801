/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write, fsync, rename, fsync the directory.
 *
 * Everything happens relative to one open directory, so that it is the same one that is written to
 * and made durable, whatever its path leads to meanwhile. The temporary's name is random and it is
 * created anew or not at all, so nobody can put a link there beforehand, and two writers do not
 * meet. It is made for its owner only, and gets its permissions when they are known.
 *
 * Untrusted: the path's last name may have become anything since it was seen. Threads: none.
 */
#include "io/file/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define TEMPORARY_MAX 40 /* bytes with NUL of a temporary's name */

struct place {
    int directory; /* a descriptor; owns */
    const char *name;
};

static enum status fail(struct problem *problem, enum status status, const char *what, int error)
{
    problem_set(problem, status, 0, 0, "%s: %s", what, strerrordesc_np(error));
    return status;
}

static enum status open_place(const char *path, struct place *ret_place, struct problem *problem)
{
    char directory[PATH_MAX];
    const char *const slash = strrchr(path, '/');
    const int len =
        slash ? snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path) + 1, path)
              : snprintf(directory, sizeof(directory), ".");
    if (len <= 0 || (size_t)len >= sizeof(directory)) {
        return fail(problem, ST_IO, "cannot open its directory", ENAMETOOLONG);
    }
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail(problem, ST_IO, "cannot open its directory", errno);
    }
    *ret_place = (struct place){ .directory = fd, .name = slash ? slash + 1 : path };
    return ST_OK;
}

static enum status check_seen(const struct place *place,
                              const struct file_stamp *seen,
                              struct stat *ret_stat,
                              struct problem *problem)
{
    struct stat now;
    const bool is_there = fstatat(place->directory, place->name, &now, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_there && errno != ENOENT) {
        return fail(problem, ST_IO, "cannot look at it", errno);
    }
    const struct file_stamp stamp = is_there ? file_stamp_of(&now) : (struct file_stamp){ 0 };
    if (!is_there || !file_stamp_equal(&stamp, seen)) {
        problem_set(problem, ST_CONFLICT, 0, 0, "somebody else has changed the file meanwhile");
        return ST_CONFLICT;
    }
    *ret_stat = now;
    return ST_OK;
}

/* Return: 0, or what went wrong */
static int write_all(int fd, struct span content)
{
    while (content.len > 0) {
        const ssize_t n = write(fd, content.at, content.len);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        content = span_after(content, n > 0 ? (size_t)n : 0);
    }
    return 0;
}

/* As the file that it replaces. Who may not read that one must not be able to read this. Return: as
 * write_all() */
static int keep_permissions(int fd, const struct stat *old)
{
    struct stat now;
    mode_t mode = old->st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
    if (fstat(fd, &now) != 0) {
        return errno;
    }
    if (now.st_gid != old->st_gid && fchown(fd, (uid_t)-1, old->st_gid) != 0) {
        mode &= ~(mode_t)S_IRWXG; /* another group now */
    }
    if (now.st_uid != old->st_uid && fchown(fd, old->st_uid, (gid_t)-1) != 0) {
        errno = 0; /* it is ours then: who could read it by group or as other still can */
    }
    return fchmod(fd, mode) == 0 ? 0 : errno;
}

/* Return: as write_all() */
static int fill(int fd, struct span content, const struct stat *old)
{
    int error = write_all(fd, content);
    if (!error && old) {
        error = keep_permissions(fd, old);
    }
    if (!error && fsync(fd) != 0) {
        error = errno;
    }
    return close(fd) == 0 || error ? error : errno;
}

static enum status publish(const struct place *place,
                           const char *temporary,
                           const struct file_stamp *seen,
                           struct problem *problem)
{
    const int directory = place->directory;
    if (seen) { /* once more: writing takes time */
        struct stat ignored;
        const enum status status = check_seen(place, seen, &ignored, problem);
        if (status != ST_OK) {
            return status;
        }
        return renameat(directory, temporary, directory, place->name) == 0
                   ? ST_OK
                   : fail(problem, ST_IO, "cannot be replaced", errno);
    }
    if (renameat2(directory, temporary, directory, place->name, RENAME_NOREPLACE) == 0) {
        return ST_OK;
    }
    int error = errno;
    if (error == EINVAL || error == ENOSYS) { /* network file systems */
        error = linkat(directory, temporary, directory, place->name, 0) == 0 ? 0 : errno;
        if (!error) {
            (void)unlinkat(directory, temporary, 0); /* a second, hidden name does no harm */
            return ST_OK;
        }
    }
    return fail(problem, error == EEXIST ? ST_EXISTS : ST_IO, "cannot be created", error);
}

/* What has happened in the directory survives a crash from here on. */
static enum status sync_directory(const struct place *place, struct problem *problem)
{
    if (fsync(place->directory) == 0 || errno == EINVAL) { /* EINVAL: the file system has no such */
        return ST_OK;
    }
    return fail(problem, ST_UNAVAILABLE, "it is done, and may not survive a crash", errno);
}

static enum status write_beside(const struct place *place,
                                struct span content,
                                const struct file_stamp *seen,
                                struct problem *problem)
{
    struct stat old;
    char temporary[TEMPORARY_MAX];
    uint32_t random[3];
    enum status status = seen ? check_seen(place, seen, &old, problem) : ST_OK;
    if (status != ST_OK) {
        return status;
    }
    randombytes_buf(random, sizeof(random));
    (void)snprintf(temporary, sizeof(temporary), ".kb-%08x%08x%08x.tmp", random[0], random[1],
                   random[2]); /* fits */
    const int fd = openat(place->directory, temporary,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail(problem, ST_IO, "no file can be made beside it", errno);
    }
    const int error = fill(fd, content, seen ? &old : NULL);
    status = error ? fail(problem, ST_IO, "cannot be written", error)
                   : publish(place, temporary, seen, problem);
    if (status != ST_OK) {
        (void)unlinkat(place->directory, temporary, 0); /* best effort: the error is told already */
        return status;
    }
    return sync_directory(place, problem);
}

enum status file_replace(const char *path,
                         struct span content,
                         const struct file_stamp *seen,
                         struct problem *reterr_problem)
{
    struct place place;
    enum status status = open_place(path, &place, reterr_problem);
    if (status == ST_OK) {
        status = write_beside(&place, content, seen, reterr_problem);
        (void)close(place.directory); /* nothing was written through it */
    }
    return status;
}

static enum status remove_seen(const struct place *place,
                               const struct file_stamp *seen,
                               struct problem *problem)
{
    struct stat ignored;
    const enum status status = check_seen(place, seen, &ignored, problem);
    if (status != ST_OK) {
        return status;
    }
    if (unlinkat(place->directory, place->name, 0) != 0) {
        return fail(problem, ST_IO, "cannot be removed", errno);
    }
    return sync_directory(place, problem);
}

enum status file_remove(const char *path,
                        const struct file_stamp *seen,
                        struct problem *reterr_problem)
{
    struct place place;
    enum status status = open_place(path, &place, reterr_problem);
    if (status == ST_OK) {
        status = remove_seen(&place, seen, reterr_problem);
        (void)close(place.directory); /* nothing was written through it */
    }
    return status;
}
