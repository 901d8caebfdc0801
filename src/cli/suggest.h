/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* "did you mean": the known name that is nearest to a mistyped one. */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"

#define SUGGEST_WORD_MAX 48 /* bytes with NUL; longer words are no typing mistake of ours */

struct suggest {
    char word[SUGGEST_WORD_MAX]; /* normalized: lower case, no dashes */
    char best[SUGGEST_WORD_MAX];
    size_t distance; /* of best; past the threshold while there is none */
};

/** suggest_begin() - look for what @word may have meant */
void suggest_begin(struct suggest *suggest, struct span word) NONNULL(1);

/** suggest_offer() - consider @candidate; of equally near ones the first stays */
void suggest_offer(struct suggest *suggest, const char *candidate) NONNULL(1, 2);

/** suggest_best() - the nearest candidate, or NULL when none is near; lives as long as @suggest */
const char *suggest_best(const struct suggest *suggest) NONNULL(1);

/**
 * suggest_is_quotable() - may an error message repeat this word?
 *
 * Only what looks like a name: letters, digits, `-` and `_`, not long. A token that was pasted in
 * the wrong place has dots and is not repeated.
 */
bool suggest_is_quotable(struct span word);
