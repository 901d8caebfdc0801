/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port file, written beside and renamed.
 *
 * Its directory may be one in which others write (/tmp, /run of a group). The temporary's name is
 * known beforehand, so somebody may have put a link there to a file of ours, to have it truncated:
 * it is created anew or not at all. One thread.
 */
#include "cli/port_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define PORT_FILE_TEXT_MAX 64 /* bytes with NUL; the longest is 34 */

/* Return: 0, or what went wrong */
static int fill(int fd, uint16_t secure, uint16_t health)
{
    char text[PORT_FILE_TEXT_MAX];
    const int len = snprintf(text, sizeof(text), "{\"secure\":%u,\"health\":%u}\n", secure, health);
    errno = EIO; /* for a short write, which leaves errno alone */
    const int error = write(fd, text, (size_t)len) == len ? 0 : errno;
    return close(fd) == 0 || error ? error : errno;
}

/* Return: as fill() */
static int replace(const char *temporary, const char *path, uint16_t secure, uint16_t health)
{
    (void)unlink(temporary); /* of a run that was killed; if it cannot go, creation fails */
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return errno;
    }
    int error = fill(fd, secure, health);
    if (!error && rename(temporary, path) != 0) {
        error = errno;
    }
    if (error) {
        (void)unlink(temporary); /* best effort: the error is told already */
    }
    return error;
}

enum status port_file_write(const char *path,
                            uint16_t secure,
                            uint16_t health,
                            struct problem *reterr_problem)
{
    char temporary[PATH_MAX];
    const int len = snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    const int error = len > 0 && (size_t)len < sizeof(temporary)
                          ? replace(temporary, path, secure, health)
                          : ENAMETOOLONG;
    if (error) {
        errno = error; /* %m */
        problem_set(reterr_problem, ST_IO, 0, 0, "cannot be written: %m");
        problem_set_file(reterr_problem, path);
        return ST_IO;
    }
    return ST_OK;
}
