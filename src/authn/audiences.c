/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intersection of audience lists.
 *
 * A stranger chooses how many are asked, the operator how many are ours. Ours are sorted once, at
 * the start, so that the most that can be asked costs some thousand comparisons; real requests name
 * one to three audiences, for which anything more would be slower. Audiences are no secrets, so
 * plain comparison does.
 * Threads: pure functions.
 */
#include "authn/audiences.h"

#include <assert.h>
#include <stdlib.h>

/* By length first: mostly that tells two apart, and no byte is looked at. */
static int compare(struct span a, struct span b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len == 0 ? 0 : memcmp(a.at, b.at, a.len);
}

static int compare_elements(const void *a, const void *b)
{
    return compare(*(const struct span *)a, *(const struct span *)b);
}

void audiences_sort(struct span *ours, size_t our_count)
{
    if (our_count > 1) {
        qsort(ours, our_count, sizeof(*ours), compare_elements);
    }
}

void audiences_insert(struct span *sorted, size_t count, struct span audience)
{
    size_t place = count;
    for (; place > 0 && compare(sorted[place - 1], audience) > 0; place--) {
        sorted[place] = sorted[place - 1];
    }
    sorted[place] = audience;
}

static bool contains(const struct span *sorted, size_t count, struct span wanted)
{
    size_t first = 0;
    while (first < count) {
        const size_t middle = first + (count - first) / 2;
        const int order = compare(sorted[middle], wanted);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            first = middle + 1;
        } else {
            count = middle;
        }
    }
    return false;
}

bool audiences_intersect(const struct span *asked,
                         size_t asked_count,
                         const struct span *ours,
                         size_t our_count,
                         struct audience_set *ret_common)
{
    assert(asked_count <= AUDIENCE_SET_MAX);
    *ret_common = (struct audience_set){ 0 };
    bool has_any = false;
    for (size_t i = 0; i < asked_count; i++) {
        if (contains(ours, our_count, asked[i])) {
            audience_set_add(ret_common, i);
            has_any = true;
        }
    }
    return has_any;
}
