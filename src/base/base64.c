/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard base64, read as the API server reads it.
 *
 * A Secret that kube-apiserver accepts must mean the same here, and one that it refuses must not
 * work here either. So this follows Go's decoder in its freedoms (line breaks anywhere, unused bits
 * of the last character) and in its demands (padding, nothing behind it). libsodium's decoder
 * refuses unused bits that are not zero, and so cannot stand in.
 *
 * Untrusted: the text. Output never passes base64_decoded_max(): three bytes for each four digits,
 * and one or two more for a padded rest.
 */
#include "base/base64.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define NOT_A_DIGIT 0xff

static unsigned char digit_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned char)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (unsigned char)(c - 'a' + 26);
    }
    if (c >= '0' && c <= '9') {
        return (unsigned char)(c - '0' + 52);
    }
    if (c == '+') {
        return 62;
    }
    return c == '/' ? 63 : NOT_A_DIGIT;
}

static size_t skip_line_breaks(struct span text, size_t at)
{
    while (at < text.len && (text.at[at] == '\r' || text.at[at] == '\n')) {
        at++;
    }
    return at;
}

/* Two digits of a group of four want two padding characters, three want one; line breaks may stand
 * between them and behind them, nothing else. Sets @at to where it was wrong. */
static bool take_padding(struct span text, size_t digits, size_t *at)
{
    if (digits < 2) {
        return false;
    }
    for (size_t i = digits; i < 4; i++) {
        *at = skip_line_breaks(text, *at);
        if (*at == text.len || text.at[*at] != '=') {
            return false;
        }
        ++*at;
    }
    *at = skip_line_breaks(text, *at);
    return *at == text.len;
}

enum status base64_decode(struct span text, char *ret, size_t *ret_len)
{
    size_t len = 0;
    size_t digits = 0; /* of the group of four that is being read */
    uint32_t bits = 0;
    size_t at = skip_line_breaks(text, 0);
    for (; at < text.len; at = skip_line_breaks(text, at + 1)) {
        const unsigned char value = digit_value(text.at[at]);
        if (value == NOT_A_DIGIT) {
            break;
        }
        bits = bits << 6 | value;
        if (++digits == 4) {
            ret[len++] = (char)(bits >> 16 & UCHAR_MAX);
            ret[len++] = (char)(bits >> 8 & UCHAR_MAX);
            ret[len++] = (char)(bits & UCHAR_MAX);
            digits = 0;
        }
    }
    if (digits == 0 && at == text.len) {
        *ret_len = len;
        return ST_OK;
    }
    if (!take_padding(text, digits, &at)) {
        *ret_len = at;
        return ST_SYNTAX;
    }
    bits <<= 6 * (4 - digits);
    ret[len++] = (char)(bits >> 16 & UCHAR_MAX);
    if (digits == 3) {
        ret[len++] = (char)(bits >> 8 & UCHAR_MAX);
    }
    *ret_len = len;
    return ST_OK;
}
