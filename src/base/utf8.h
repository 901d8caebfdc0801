/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"

#define BYTE_ORDER_MARK SPAN_LITERAL("\xef\xbb\xbf") /* U+FEFF, in front of a text */

#define UTF8_REPLACEMENT SPAN_LITERAL("\xef\xbf\xbd") /* U+FFFD */

/** utf8_sequence_len() - bytes of the well-formed sequence that @text starts with (1 to 4); 0 when
 * it starts with none */
size_t utf8_sequence_len(struct span text);

/** utf8_is_valid() - is all of @text well-formed? */
bool utf8_is_valid(struct span text);
