/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* authentication.k8s.io UserInfo: who somebody is, as data. All of it borrows. */
#include <stddef.h>

#include "base/span.h"

/** One key of extra, with its list. */
struct user_extra {
    struct span key;
    const struct span *values;
    size_t value_count;
};

struct user_info {
    struct span username;
    struct span uid; /* empty: none */
    const struct span *groups;
    size_t group_count;
    const struct user_extra *extras; /* sorted bytewise by key, unique: as Go writes a map */
    size_t extra_count;
};
