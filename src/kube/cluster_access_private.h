/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where cluster_access.c gets bytes from, so that tests and fuzzers need no file system. */
#include <stddef.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "io/file/read.h"
#include "kube/cluster_access.h"

struct access_reader {
    /** the whole content of @path, at most @max_bytes. Return: ST_OK; ST_NOMEM; anything else with
     * @reterr_problem (text only) */
    enum status (*read)(void *ctx,
                        const char *path,
                        size_t max_bytes,
                        struct file_content *ret_content,
                        struct problem *reterr_problem) NODISCARD;
    void *ctx;
};

/** cluster_access_from_text() - as cluster_access_from_kubeconfig(), of a kubeconfig that has been
 * read: @text, from @source, with relative paths that count from @directory. @reader: copied */
enum status cluster_access_from_text(struct span text,
                                     const char *source,
                                     const char *directory,
                                     const struct access_reader *reader,
                                     struct cluster_access **ret_access,
                                     struct problem *reterr_problem) NODISCARD
    NONNULL(2, 3, 4, 5, 6);
