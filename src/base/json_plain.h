/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How far a text stands for itself inside a JSON string: for who reads one and for who writes one.
 * Nearly all bytes of nearly all strings do, so they are looked at eight at a time.
 */
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define JSON_PLAIN_EACH(value) (UINT64_C(0x0101010101010101) * (unsigned char)(value))

/** json_plain_marks() - the top bit of each byte of @word that is a quote, a backslash, a control
 * character (DEL, too) or not ASCII. Exact for the lowest such byte; a borrow out of it can mark
 * bytes above it falsely */
static inline uint64_t json_plain_marks(uint64_t word)
{
    const uint64_t quote = word ^ JSON_PLAIN_EACH('"');
    const uint64_t backslash = word ^ JSON_PLAIN_EACH('\\');
    const uint64_t delete = word ^ JSON_PLAIN_EACH(0x7f);
    const uint64_t is_quote = (quote - JSON_PLAIN_EACH(1)) & ~quote;
    const uint64_t is_backslash = (backslash - JSON_PLAIN_EACH(1)) & ~backslash;
    const uint64_t is_delete = (delete - JSON_PLAIN_EACH(1)) & ~delete;
    const uint64_t is_control = (word - JSON_PLAIN_EACH(0x20)) & ~word;
    return (is_quote | is_backslash | is_delete | is_control | word) & JSON_PLAIN_EACH(0x80);
}

static inline bool json_plain_is_special(char c)
{
    return c == '"' || c == '\\' || (unsigned char)c < 0x20 || (unsigned char)c >= 0x7f;
}

/** json_plain_end() - the first byte from @at on that json_plain_is_special(), or @end */
static inline const char *json_plain_end(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        const uint64_t special = json_plain_marks(le64toh(word)); /* lowest byte is the first */
        if (special != 0) {
            return at + __builtin_ctzll(special) / 8;
        }
        at += 8;
    }
    while (at != end && !json_plain_is_special(*at)) {
        at++;
    }
    return at;
}
