/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the subcommands print.
 *
 * A reply that did not reach its reader must not end in exit status 0, so every write is checked. A
 * file name may hold anything, a terminal escape too; complaints are one printable line.
 */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_BYTES (PROBLEM_FILE_MAX + PROBLEM_TEXT_MAX + 64)

static bool write_all(struct span bytes)
{
    while (bytes.len > 0) {
        const ssize_t n = write(STDOUT_FILENO, bytes.at, bytes.len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        bytes = span_after(bytes, n > 0 ? (size_t)n : 0);
    }
    return true;
}

bool output_write(const char *command, const struct buf *buf)
{
    struct problem problem = { 0 };
    if (buf->failed) {
        problem_set(&problem, ST_NOMEM, 0, 0, "%s", status_text(ST_NOMEM));
    } else if (!write_all(buf_span(buf))) {
        problem_set(&problem, ST_IO, 0, 0, "standard output cannot be written: %m");
    } else {
        return true;
    }
    output_complain(command, &problem);
    return false;
}

void output_complain(const char *command, const struct problem *problem)
{
    char line[LINE_MAX_BYTES];
    problem_format(problem, line, sizeof(line));
    for (char *at = line; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
    /* nowhere left to complain when this fails */
    (void)fprintf(stderr, "kube-bearer%s%s: %s\n", command ? " " : "", command ? command : "",
                  line);
}

void output_warn(const char *command, const struct problem *problem)
{
    struct problem warning = *problem;
    problem_set(&warning, problem->status, 0, 0, "warning: %s", problem->text);
    output_complain(command, &warning);
}
