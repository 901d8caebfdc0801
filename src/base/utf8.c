/* SPDX-License-Identifier: Apache-2.0 */
/* The table of RFC 3629 section 4 (Unicode table 3-7), row by row. */
#include "base/utf8.h"

static bool is_within(struct span text, size_t i, unsigned char low, unsigned char high)
{
    return i < text.len && (unsigned char)text.at[i] >= low && (unsigned char)text.at[i] <= high;
}

size_t utf8_sequence_len(struct span text)
{
    if (text.len == 0) {
        return 0;
    }
    const unsigned char first = (unsigned char)text.at[0];
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return is_within(text, 1, 0x80, 0xbf) ? 2 : 0;
    }
    if (first >= 0xe0 && first <= 0xef) {
        const unsigned char low = first == 0xe0 ? 0xa0 : 0x80;  /* else overlong */
        const unsigned char high = first == 0xed ? 0x9f : 0xbf; /* else a surrogate */
        return is_within(text, 1, low, high) && is_within(text, 2, 0x80, 0xbf) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const unsigned char low = first == 0xf0 ? 0x90 : 0x80;  /* else overlong */
        const unsigned char high = first == 0xf4 ? 0x8f : 0xbf; /* else above U+10FFFF */
        return is_within(text, 1, low, high) && is_within(text, 2, 0x80, 0xbf) &&
                       is_within(text, 3, 0x80, 0xbf)
                   ? 4
                   : 0;
    }
    return 0;
}

bool utf8_is_valid(struct span text)
{
    while (text.len > 0) {
        const size_t len = utf8_sequence_len(text);
        if (len == 0) {
            return false;
        }
        text = span_after(text, len);
    }
    return true;
}
