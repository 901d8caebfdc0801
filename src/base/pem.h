/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a PEM text is by its marks (RFC 7468), without decoding it. */
#include <stdbool.h>

#include "base/span.h"

/** pem_pair_is_swapped() - does each stand where the other should? A text with both marks, or with
 * none, is no sign of that. */
bool pem_pair_is_swapped(struct span certificate, struct span key);
