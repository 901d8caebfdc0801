/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which of the audiences that a request names are ours. */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"
#include "kube/audience_set.h"

/** audiences_sort() - put a list of ours into the order that audiences_intersect() needs */
void audiences_sort(struct span *ours, size_t our_count);

/** audiences_insert() - put one more into @sorted, of @count that are in the order of
 * audiences_sort(), with room behind them. No allocation. Cost: linear */
void audiences_insert(struct span *sorted, size_t count, struct span audience) NONNULL(1);

/**
 * audiences_intersect() - the audiences of @asked that occur in @ours
 * @asked:       the request's; order and duplicates are kept, because the set follows it
 * @asked_count: at most AUDIENCE_SET_MAX
 * @ours:        sorted by audiences_sort() or audiences_insert()
 * @ret_common:  written completely: asked[i] is in it when it occurs in @ours, byte for byte
 *
 * Return: have they anything in common? Never, when one of them is empty.
 * Cost: the logarithm of @our_count for each that is asked.
 * Source: k8s.io/apiserver authenticator.Audiences.Intersect
 */
bool audiences_intersect(const struct span *asked,
                         size_t asked_count,
                         const struct span *ours,
                         size_t our_count,
                         struct audience_set *ret_common) NODISCARD NONNULL(5);
