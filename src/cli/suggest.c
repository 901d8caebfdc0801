/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nearest name by edit distance (optimal string alignment: insert, delete, replace, swap
 * neighbours).
 *
 * Case and dashes do not count, so that `tls-cert-file` in a configuration file finds tlsCertFile.
 * A beginning of a name counts as near, whatever is missing. Words are short by definition, so
 * quadratic time and fixed rows do. No threads, no state.
 */
#include "cli/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PREFIX_MIN 3 /* shorter beginnings fit too much */

/* Longer words are cut: they only get farther away by that. */
static void normalize(struct span word, char ret_text[static SUGGEST_WORD_MAX])
{
    size_t len = 0;
    memset(ret_text, 0, SUGGEST_WORD_MAX);
    for (size_t i = 0; i < word.len && len + 1 < SUGGEST_WORD_MAX; i++) {
        if (word.at[i] != '-' && word.at[i] != '_') {
            ret_text[len++] = (char)tolower((unsigned char)word.at[i]);
        }
    }
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static size_t distance(const char *a, const char *b)
{
    size_t rows[3][SUGGEST_WORD_MAX]; /* before last, last, this */
    const size_t b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++) {
        rows[1][j] = j;
    }
    for (size_t i = 1; a[i - 1]; i++) {
        rows[2][0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            const size_t replace = rows[1][j - 1] + (a[i - 1] != b[j - 1]);
            rows[2][j] = smallest(rows[1][j] + 1, rows[2][j - 1] + 1, replace);
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && rows[0][j - 2] + 1 < rows[2][j]) {
                rows[2][j] = rows[0][j - 2] + 1;
            }
        }
        memcpy(rows[0], rows[1], sizeof(rows[0]));
        memcpy(rows[1], rows[2], sizeof(rows[1]));
    }
    return rows[1][b_len];
}

void suggest_begin(struct suggest *suggest, struct span word)
{
    normalize(word, suggest->word);
    suggest->best[0] = '\0';
    suggest->distance = strlen(suggest->word) / 3 + 1; /* a third of the letters may be wrong */
}

void suggest_offer(struct suggest *suggest, const char *candidate)
{
    char name[SUGGEST_WORD_MAX];
    normalize(span_of(candidate), name);
    const size_t word_len = strlen(suggest->word);
    size_t d = distance(suggest->word, name);
    if (word_len >= PREFIX_MIN && strncmp(suggest->word, name, word_len) == 0) {
        d = d < 1 ? d : 1;
    }
    if (d < suggest->distance && d < strlen(name)) {
        suggest->distance = d;
        (void)snprintf(suggest->best, sizeof(suggest->best), "%s", candidate); /* cut on purpose */
    }
}

const char *suggest_best(const struct suggest *suggest)
{
    return suggest->best[0] ? suggest->best : NULL;
}

bool suggest_is_quotable(struct span word)
{
    if (word.len == 0 || word.len >= SUGGEST_WORD_MAX) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        const unsigned char c = (unsigned char)word.at[i];
        if (!isalnum(c) && c != '-' && c != '_') {
            return false;
        }
    }
    return true;
}
