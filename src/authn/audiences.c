/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intersection of audience lists.
 *
 * Two nested loops over at most 64 x 64 short strings: real requests name one to three audiences,
 * and a set would have to be built per request. Audiences are no secrets, so plain comparison does.
 * Threads: pure function.
 */
#include "authn/audiences.h"

#include <assert.h>

#include "authn/verdict.h"

static bool contains(const struct span *list, size_t count, struct span wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal(list[i], wanted)) {
            return true;
        }
    }
    return false;
}

uint64_t audiences_intersect(const struct span *asked,
                             size_t asked_count,
                             const struct span *ours,
                             size_t our_count)
{
    assert(asked_count <= QUESTION_MAX_AUDIENCES);
    uint64_t mask = 0;
    for (size_t i = 0; i < asked_count; i++) {
        if (contains(ours, our_count, asked[i])) {
            mask |= UINT64_C(1) << i;
        }
    }
    return mask;
}
