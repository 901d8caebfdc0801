/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Memory for one question, so that a family of tokens which has to decode something allocates
 * nothing. Who asks has one, as large as authenticator_scratch_bytes() says, and asks one question
 * at a time with it. All-zero is none.
 */
#include <stddef.h>

#include "base/compiler.h"
#include "base/status.h"

struct scratch {
    void *at;     /* owns; aligned for any type; NULL when len is 0. Families take it by
                     scratch_use() */
    size_t len;   /* bytes */
    size_t *used; /* owns; of these, from the first on: what may hold something */
};

/** scratch_init() - Return: ST_OK; ST_NOMEM, with an all-zero one. Nothing is allocated for 0 bytes
 */
enum status scratch_init(struct scratch *scratch, size_t len) NODISCARD NONNULL(1);

/** scratch_use() - the scratch, to write into its first @len bytes, at most scratch->len. What is
 * not announced is not wiped: a question that takes little of it is not to pay for all. Return: at
 */
void *scratch_use(const struct scratch *scratch, size_t len) NONNULL(1);

/** scratch_wipe() - what was used, once nothing of the answer is needed any more: it may hold parts
 * of a token */
void scratch_wipe(const struct scratch *scratch) NONNULL(1);

/** scratch_fini() - wipe and free; all-zero is fine, and what it is afterwards */
void scratch_fini(struct scratch *scratch) NONNULL(1);
