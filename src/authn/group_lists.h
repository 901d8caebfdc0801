/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Group lists of bootstrap tokens, each distinct list stored once however many tokens share it.
 *
 * Ownership: the set owns the lists; users hold references, counted. Threads: every function on the
 * loop's thread. Readers see a list through a credential inside an RCU read section; a list whose
 * last reference went is freed after the readers of that time have left.
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
 * group_lists_ref() - the list that data.auth-extra-groups stands for
 * @extra_groups: comma separated, nothing trimmed; empty (or absent) gives only the default group
 * @ret_list:     a new reference, sorted bytewise, without duplicates, system:bootstrappers first
 *
 * Return: ST_OK; ST_GROUPS_INVALID when any element breaks the grammar (one voids the token);
 * ST_NOMEM.
 * Source: k8s.io/cluster-bootstrap util/secrets GetGroups
 */
enum status group_lists_ref(struct group_lists *lists,
                            struct span extra_groups,
                            const struct group_list **ret_list) NODISCARD NONNULL(1, 3);

/** group_lists_unref() - give a reference back; NULL is fine */
void group_lists_unref(struct group_lists *lists, const struct group_list *list) NONNULL(1);

/** group_lists_count() - distinct lists held */
size_t group_lists_count(const struct group_lists *lists) NONNULL(1);
