/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Secrets of the bootstrap type that no token can ever find, because of their namespace or name.
 *
 * They are remembered only so that each is reported once and counted while it is there: a deletion
 * names the Secret, not what was wrong with it. Threads: the loop's only.
 */
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

struct rejected_secrets;

/** rejected_secrets_new() - Return: ST_OK; ST_NOMEM */
enum status rejected_secrets_new(struct rejected_secrets **ret_rejected) NODISCARD NONNULL(1);

/** rejected_secrets_free() - NULL is fine. Return: NULL */
struct rejected_secrets *rejected_secrets_free(struct rejected_secrets *rejected);

/**
 * rejected_secrets_put() - remember one; copies the names
 * @ret_is_new: false when it was there already (with that reason: the reason follows from the name)
 * Return: ST_OK; ST_NOMEM
 */
enum status rejected_secrets_put(struct rejected_secrets *rejected,
                                 struct span namespace,
                                 struct span name,
                                 bool *ret_is_new) NODISCARD NONNULL(1, 4);

/** rejected_secrets_remove() - forget one. Return: was it there? */
bool rejected_secrets_remove(struct rejected_secrets *rejected,
                             struct span namespace,
                             struct span name) NODISCARD NONNULL(1);
