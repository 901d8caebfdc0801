/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of members, kept to see one that comes again.
 *
 * Untrusted: the names. No allocation, so that a header costs none.
 */
#include "jose/member_names.h"

enum status member_names_add(struct member_names *names, struct span name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (span_equal(names->names[i], name)) {
            return ST_DUPLICATE;
        }
    }
    if (names->count == MEMBER_NAMES_MAX) {
        return ST_LIMIT;
    }
    names->names[names->count++] = name;
    return ST_OK;
}
