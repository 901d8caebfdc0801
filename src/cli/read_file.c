/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a whole file.
 *
 * What is read may be a bearer token, so it goes by read(2) into one allocation of full size: no
 * stdio buffer, no realloc that leaves a copy. The caller wipes. No threads, no state.
 */
#include "cli/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

void read_file_wipe(struct buf *content)
{
    if (content->at) {
        sodium_memzero(content->at, content->cap);
    }
    buf_fini(content);
}

/* One byte more than allowed is asked for: that is how too much shows. */
static enum status read_all(int fd,
                            size_t max_bytes,
                            struct buf *content,
                            struct problem *reterr_problem)
{
    if (!buf_reserve(content, max_bytes + 1)) {
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "%s", status_text(ST_NOMEM));
        return ST_NOMEM;
    }
    while (content->len <= max_bytes) {
        const ssize_t n = read(fd, content->at + content->len, max_bytes + 1 - content->len);
        if (n == 0) {
            return ST_OK;
        }
        if (n < 0 && errno != EINTR) {
            problem_set(reterr_problem, ST_IO, 0, 0, "cannot be read: %m");
            return ST_IO;
        }
        content->len += n > 0 ? (size_t)n : 0;
    }
    problem_set(reterr_problem, ST_LIMIT, 0, 0, "expected at most %zu bytes", max_bytes);
    return ST_LIMIT;
}

enum status read_file(const char *path,
                      size_t max_bytes,
                      struct buf *ret_content,
                      struct problem *reterr_problem)
{
    const bool standard_input = strcmp(path, "-") == 0;
    const int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        problem_set(reterr_problem, ST_IO, 0, 0, "cannot be opened: %m");
        return ST_IO;
    }
    struct buf content = { 0 };
    const enum status status = read_all(fd, max_bytes, &content, reterr_problem);
    if (!standard_input) {
        (void)close(fd); /* read-only: nothing can be lost */
    }
    if (status != ST_OK) {
        read_file_wipe(&content);
        return status;
    }
    *ret_content = content;
    return ST_OK;
}
