/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64url, read at the letter.
 *
 * What is signed is the text, what counts are the bytes: a decoder that takes several texts for the
 * same bytes lets whoever holds one token make others of it that no cache and no digest of tokens
 * knows. libsodium's decoder wants an output of its own; this one decodes in place.
 *
 * Untrusted: the text. Output never passes base64url_decoded_len().
 */
#include "base/base64url.h"

#include <limits.h>
#include <stdint.h>

static const char digits[64] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
};

/* The value of each digit and one more; 0: it is none. */
/* clang-format off */
static const unsigned char values[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};
/* clang-format on */

static unsigned value_of(char c)
{
    return values[(unsigned char)c];
}

bool base64url_are_digits(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (value_of(text.at[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* Digits into the lower bits of a word, first one highest. Return: how many of them there are in a
 * row, up to @count. */
static size_t take_digits(const char *at, size_t count, uint32_t *ret_bits)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        const unsigned value = value_of(at[i]);
        if (value == 0) {
            return i;
        }
        bits = bits << 6 | (value - 1);
    }
    *ret_bits = bits;
    return count;
}

enum status base64url_decode(struct span text, char *ret, size_t *ret_len)
{
    const size_t rest = text.len % 4; /* digits behind the last whole group */
    size_t len = 0;
    size_t at = 0;
    uint32_t bits = 0;
    size_t taken;
    for (; at + 4 <= text.len; at += 4) {
        taken = take_digits(text.at + at, 4, &bits);
        if (taken < 4) {
            *ret_len = at + taken;
            return ST_SYNTAX;
        }
        ret[len++] = (char)(bits >> 16 & UCHAR_MAX);
        ret[len++] = (char)(bits >> 8 & UCHAR_MAX);
        ret[len++] = (char)(bits & UCHAR_MAX);
    }
    bits = 0;
    taken = take_digits(rest ? text.at + at : "", rest, &bits);
    if (taken < rest || rest == 1) {
        *ret_len = taken < rest ? at + taken : text.len;
        return ST_SYNTAX;
    }
    const unsigned unused = rest == 2 ? 4 : 2;
    if (rest > 0 && (bits & ((1U << unused) - 1)) != 0) {
        *ret_len = text.len - 1;
        return ST_SYNTAX;
    }
    for (size_t i = rest; i > 1; i--) {
        ret[len++] = (char)(bits >> unused >> 8 * (i - 2) & UCHAR_MAX);
    }
    *ret_len = len;
    return ST_OK;
}

void base64url_encode(struct span bytes, char *ret)
{
    uint32_t bits = 0;
    unsigned waiting = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (unsigned char)bytes.at[i];
        waiting += 8;
        while (waiting >= 6) {
            waiting -= 6;
            *ret++ = digits[bits >> waiting & 0x3f];
        }
    }
    if (waiting > 0) {
        *ret = digits[bits << (6 - waiting) & 0x3f];
    }
}
