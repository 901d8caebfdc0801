/* SPDX-License-Identifier: Apache-2.0 */
/* Problems of inputs, formatted for people. */
#include "base/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void problem_set(struct problem *problem,
                 enum status status,
                 unsigned line,
                 unsigned column,
                 const char *format,
                 ...)
{
    if (!problem) {
        return;
    }
    problem->status = status;
    problem->line = line;
    problem->column = column;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(problem->text, sizeof(problem->text), format, args); /* cut on purpose */
    va_end(args);
}

void problem_set_file(struct problem *problem, const char *path)
{
    if (!problem) {
        return;
    }
    const size_t len = strlen(path);
    const size_t skip = len < sizeof(problem->file) ? 0 : len - (sizeof(problem->file) - 1);
    memcpy(problem->file, path + skip, len - skip + 1);
}

void problem_format(const struct problem *problem, char *ret_line, size_t size)
{
    char where[PROBLEM_FILE_MAX + 32] = "";
    if (problem->file[0] && problem->line) {
        (void)snprintf(where, sizeof(where), "%s:%u:%u: ", problem->file, problem->line,
                       problem->column);
    } else if (problem->file[0]) {
        (void)snprintf(where, sizeof(where), "%s: ", problem->file);
    } else if (problem->line) {
        (void)snprintf(where, sizeof(where), "line %u, column %u: ", problem->line,
                       problem->column);
    }
    (void)snprintf(ret_line, size, "%s%s", where, problem->text); /* cut on purpose */
}
