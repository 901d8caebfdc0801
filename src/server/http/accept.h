/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Does a client take JSON? That is all we send in answer to a review. RFC 9110 12.5.1. */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/span.h"

/** What the Accept fields of a request have said so far. All-zero: there was none. */
struct accept {
    unsigned char closeness; /* of the closest range that JSON is in; 0: none yet */
    bool is_given;           /* there was a range */
    bool is_wanted;          /* the closest has a weight above 0 */
};

/** accept_add() - one Accept field: @value, with a NUL behind it */
void accept_add(struct accept *accept, struct span value) NONNULL(1);

/** accept_takes_json() - may JSON be sent? Also when there was no field, or an empty one */
bool accept_takes_json(const struct accept *accept) NONNULL(1);
