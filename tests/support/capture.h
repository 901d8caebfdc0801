/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Catch what a function writes to standard output and standard error, in files that are gone at
 * once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CAPTURE_MAX 65536 /* bytes with NUL; help --all is a third of it */

struct capture {
    int saved[2];
    FILE *files[2];
    char out[CAPTURE_MAX];
    char err[CAPTURE_MAX];
};

static inline void capture_begin(struct capture *capture)
{
    (void)fflush(stdout);
    (void)fflush(stderr);
    for (int i = 0; i < 2; i++) {
        capture->files[i] = tmpfile();
        assert_non_null(capture->files[i]);
        capture->saved[i] = dup(i + 1);
        assert_true(capture->saved[i] >= 0);
        assert_int_equal(dup2(fileno(capture->files[i]), i + 1), i + 1);
    }
}

static inline void capture_end(struct capture *capture)
{
    char *const texts[2] = { capture->out, capture->err };
    (void)fflush(stdout);
    (void)fflush(stderr);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dup2(capture->saved[i], i + 1), i + 1);
        assert_int_equal(close(capture->saved[i]), 0);
        rewind(capture->files[i]);
        const size_t len = fread(texts[i], 1, CAPTURE_MAX - 1, capture->files[i]);
        texts[i][len] = '\0';
        assert_int_equal(fclose(capture->files[i]), 0);
    }
}
