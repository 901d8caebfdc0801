/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of data.auth-extra-groups.
 *
 * Untrusted: its text, at most SECRET_MAX_BYTES long, hence at most some 47,000 groups; a valid
 * group needs 23 bytes with its comma.
 *
 * Threads: those of the lists it is given.
 */
#include "authn/bootstrap_groups.h"

#include <stdlib.h>

#include "authn/bootstrap_token.h"

static int compare_names(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static size_t count_elements(struct span text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.at[i] == ',';
    }
    return count;
}

/* Split at commas into @ret_names; false when an element is no valid group. */
static bool split_groups(struct span text, struct span *ret_names)
{
    size_t start = 0;
    size_t count = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.at[i] != ',') {
            continue;
        }
        const struct span group = { .at = text.at + start, .len = i - start };
        if (!bootstrap_group_is_valid(group)) {
            return false;
        }
        ret_names[count++] = group;
        start = i + 1;
    }
    return true;
}

static size_t sort_unique(struct span *names, size_t count)
{
    qsort(names, count, sizeof(*names), compare_names);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (!span_equal(names[i], names[kept - 1])) {
            names[kept++] = names[i];
        }
    }
    return kept;
}

enum status bootstrap_groups_ref(struct group_lists *lists,
                                 struct span extra_groups,
                                 const struct group_list **ret_list)
{
    const size_t extra = extra_groups.len == 0 ? 0 : count_elements(extra_groups);
    struct span *names = calloc(extra + 1, sizeof(*names));
    if (!names) {
        return ST_NOMEM;
    }
    names[0] = SPAN_LITERAL(BOOTSTRAP_DEFAULT_GROUP);
    enum status status = ST_GROUPS_INVALID;
    if (extra == 0 || split_groups(extra_groups, names + 1)) {
        status = group_lists_ref(lists, names, sort_unique(names, extra + 1), ret_list);
    }
    free(names);
    return status;
}
