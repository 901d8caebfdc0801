/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names of objects, as far as a person may be shown them: they are whatever a file or a peer says.
 */
#include "base/compiler.h"
#include "base/span.h"

#define SHOWN_NAME_MAX 80 /* bytes of a name, so that two fit into a problem's text */

struct shown_name {
    char text[SHOWN_NAME_MAX + sizeof("...")];
};

/**
 * shown_name_of() - @name in letters, digits, "-" and ".", everything else replaced by "?"
 *
 * Cut to SHOWN_NAME_MAX, and behind the token ID in the name of a bootstrap token Secret: people
 * have been seen to put the whole token there. "..." stands for what was cut.
 */
struct shown_name shown_name_of(struct span name) NODISCARD;
