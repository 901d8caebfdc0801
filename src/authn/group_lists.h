/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Group lists, each distinct one stored once however many tokens share it. Of any family: what
 * groups a token gives and in which order is its family's business.
 *
 * Ownership: the set owns the lists; users hold references, counted. Threads: one at a time, so the
 * loop's, or whoever holds its owner's lock. Readers see a list through an entry inside an RCU read
 * section; a list whose last reference went is freed after the readers of that time have left.
 */
#include "authn/verdict.h"
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

struct group_lists;

/** group_lists_new() - Return: ST_OK; ST_NOMEM */
enum status group_lists_new(struct group_lists **ret_lists) NODISCARD NONNULL(1);

/** group_lists_free() - the set and every list that is still referenced; no reader may be left.
 * NULL is fine. Return: NULL */
struct group_lists *group_lists_free(struct group_lists *lists);

/**
 * group_lists_ref() - the list of these groups, in this order
 * @names:    copies; any bytes, each of them; what is not UTF-8 is U+FFFD in the answer's JSON
 * @ret_list: a new reference
 *
 * Return: ST_OK; ST_NOMEM
 */
enum status group_lists_ref(struct group_lists *lists,
                            const struct span *names,
                            size_t count,
                            const struct group_list **ret_list) NODISCARD NONNULL(1, 4);

/** group_lists_unref() - give a reference back; NULL is fine */
void group_lists_unref(struct group_lists *lists, const struct group_list *list) NONNULL(1);

/** group_lists_count() - distinct lists held */
size_t group_lists_count(const struct group_lists *lists) NONNULL(1);
