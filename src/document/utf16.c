/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 2781. Untrusted: the bytes. Threads: none. */
#include "document/utf16.h"

#include <stdint.h>

#define BIG_ENDIAN_MARK    SPAN_LITERAL("\xfe\xff")
#define LITTLE_ENDIAN_MARK SPAN_LITERAL("\xff\xfe")

#define UNIT_LEN      2
#define PAIR_LEN      4
#define REPLACEMENT   0xfffd
#define UTF8_PER_UNIT 3 /* at most: two units of a pair become four bytes */

bool utf16_is_marked(struct span bytes)
{
    return span_starts_with(bytes, BIG_ENDIAN_MARK) || span_starts_with(bytes, LITTLE_ENDIAN_MARK);
}

static uint32_t unit_at(const char *at, bool is_big_endian)
{
    const uint32_t first = (unsigned char)at[0];
    const uint32_t second = (unsigned char)at[1];
    return is_big_endian ? first << 8 | second : second << 8 | first;
}

struct character {
    uint32_t value;
    size_t len; /* bytes */
    bool is_damage;
};

static struct character character_at(struct span bytes, bool is_big_endian)
{
    const struct character damage = {
        .value = REPLACEMENT,
        .len = bytes.len < UNIT_LEN ? bytes.len : UNIT_LEN,
        .is_damage = true,
    };
    if (bytes.len < UNIT_LEN) {
        return damage;
    }
    const uint32_t unit = unit_at(bytes.at, is_big_endian);
    if (unit < 0xd800 || unit > 0xdfff) {
        return (struct character){ .value = unit, .len = UNIT_LEN };
    }
    if (unit > 0xdbff || bytes.len < PAIR_LEN) {
        return damage;
    }
    const uint32_t low = unit_at(bytes.at + UNIT_LEN, is_big_endian);
    if (low < 0xdc00 || low > 0xdfff) {
        return damage;
    }
    return (struct character){
        .value = 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00)),
        .len = PAIR_LEN,
    };
}

static void append_utf8(struct buf *text, uint32_t c)
{
    if (c < 0x80) {
        buf_append_char(text, (char)c);
    } else if (c < 0x800) {
        buf_append_char(text, (char)(0xc0 | c >> 6));
        buf_append_char(text, (char)(0x80 | (c & 0x3f)));
    } else {
        if (c < 0x10000) {
            buf_append_char(text, (char)(0xe0 | c >> 12));
        } else {
            buf_append_char(text, (char)(0xf0 | c >> 18));
            buf_append_char(text, (char)(0x80 | (c >> 12 & 0x3f)));
        }
        buf_append_char(text, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_append_char(text, (char)(0x80 | (c & 0x3f)));
    }
}

void utf16_decode(struct span bytes, struct buf *text, size_t *ret_damage)
{
    const bool is_big_endian = span_starts_with(bytes, BIG_ENDIAN_MARK);
    struct span rest = span_after(bytes, BIG_ENDIAN_MARK.len);
    size_t damage = SIZE_MAX;
    (void)buf_reserve(text, rest.len / UNIT_LEN * UTF8_PER_UNIT); /* text->failed tells */
    while (rest.len > 0) {
        const struct character character = character_at(rest, is_big_endian);
        if (character.is_damage && damage == SIZE_MAX) {
            damage = text->len;
        }
        append_utf8(text, character.value);
        rest = span_after(rest, character.len);
    }
    *ret_damage = damage == SIZE_MAX ? text->len : damage;
}
