/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which of the audiences that a request names are ours: one bit each. */
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

/**
 * audiences_intersect() - the audiences of @asked that occur in @ours
 * @asked:       the request's; order and duplicates are kept, because the bits follow it
 * @asked_count: at most QUESTION_MAX_AUDIENCES
 *
 * Return: bit i is set when asked[i] occurs in @ours, byte for byte; 0 when they have nothing in
 * common, or when one of them is empty.
 * Source: k8s.io/apiserver authenticator.Audiences.Intersect
 */
uint64_t audiences_intersect(const struct span *asked,
                             size_t asked_count,
                             const struct span *ours,
                             size_t our_count) NODISCARD;
