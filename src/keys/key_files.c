/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM files of keys.
 *
 * A file without a key that can be used is a slip of its writer, not an empty part of the set: so
 * each is looked at alone first, and the set is made of all of them at once.
 *
 * Trusted to be the operator's, perhaps half replaced. Threads: any.
 */
#include "keys/key_files.h"

#include "io/file/read.h"
#include "jose/key_set.h"

void key_files_fini(struct key_files *files)
{
    buf_fini(&files->pem);
    *files = (struct key_files){ 0 };
}

static enum status no_memory(struct problem *problem)
{
    problem_set(problem, ST_NOMEM, 0, 0, "%s", status_text(ST_NOMEM));
    return ST_NOMEM;
}

static enum status read_one(const char *path,
                            struct key_files *files,
                            struct problem *reterr_problem)
{
    CLEANUP(file_content_fini) struct file_content content = { 0 };
    const enum status status =
        file_read_published(path, KEY_SET_MAX_BYTES - files->pem.len, &content, reterr_problem);
    if (status != ST_OK) {
        problem_set_file(reterr_problem, path);
        return status;
    }
    buf_append(&files->pem, (struct span){ .at = content.at, .len = content.len });
    if (files->pem.len < KEY_SET_MAX_BYTES) { /* else it is the last, or one too many */
        buf_append_char(&files->pem, '\n');
    }
    files->ends[files->count++] = files->pem.len;
    return files->pem.failed ? no_memory(reterr_problem) : ST_OK;
}

enum status key_files_read(const char *const *paths,
                           size_t count,
                           struct key_files *ret_files,
                           struct problem *reterr_problem)
{
    struct key_files files = { .pem = { .is_secret = true } };
    for (size_t i = 0; i < count; i++) {
        const enum status status = read_one(paths[i], &files, reterr_problem);
        if (status != ST_OK) {
            key_files_fini(&files);
            return status;
        }
    }
    *ret_files = files;
    return ST_OK;
}

static struct span bytes_of(const struct key_files *files, size_t i)
{
    const size_t start = i ? files->ends[i - 1] : 0;
    return (struct span){ .at = files->pem.at + start, .len = files->ends[i] - start };
}

/* Whom a remark goes to, and of which file. */
struct remarks {
    problem_fn *fn;
    void *ctx;
    const char *path;
};

static void remark(void *ctx, const struct problem *problem)
{
    const struct remarks *const remarks = ctx;
    struct problem told = *problem;
    problem_set_file(&told, remarks->path);
    if (remarks->fn) {
        remarks->fn(remarks->ctx, &told);
    }
}

enum status key_files_parse(const struct key_files *files,
                            const char *const *paths,
                            problem_fn *on_remark,
                            void *ctx,
                            struct key_set **ret_set,
                            struct problem *reterr_problem)
{
    for (size_t i = 0; i < files->count; i++) {
        struct remarks remarks = { .fn = on_remark, .ctx = ctx, .path = paths[i] };
        struct key_set *set = NULL;
        const enum status status =
            key_set_from_pem(bytes_of(files, i), remark, &remarks, &set, reterr_problem);
        if (status != ST_OK) {
            problem_set_file(reterr_problem, paths[i]);
            return status;
        }
        if (files->count == 1) {
            *ret_set = set;
            return ST_OK;
        }
        (void)key_set_unref(set);
    }
    const enum status status =
        key_set_from_pem(buf_span(&files->pem), NULL, NULL, ret_set, reterr_problem);
    if (status != ST_OK) { /* each one alone was good: together they are too many */
        problem_set_file(reterr_problem, paths[0]);
    }
    return status;
}
