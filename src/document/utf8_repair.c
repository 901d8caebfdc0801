/* SPDX-License-Identifier: Apache-2.0 */
/* Unicode Standard, table 3-8. Untrusted: the bytes. Threads: none. */
#include "document/utf8_repair.h"

#include <string.h>

#include "base/utf8.h"

/* Of what is not well-formed: is it the beginning of something that is? */
static size_t damaged_len(struct span text)
{
    for (size_t len = text.len < 3 ? text.len : 3; len > 1; len--) {
        char completed[] = "\x80\x80\x80\x80";
        memcpy(completed, text.at, len);
        if (utf8_sequence_len(span_of(completed)) > len) {
            return len;
        }
    }
    return 1;
}

/* Take the next piece off @text. Return: what stands for it */
static struct span take_piece(struct span *text)
{
    const size_t len = utf8_sequence_len(*text);
    const struct span piece = { .at = text->at, .len = len };
    *text = span_after(*text, len > 0 ? len : damaged_len(*text));
    return len > 0 ? piece : UTF8_REPLACEMENT;
}

/* Counted no further than just above @max_len. */
static size_t repaired_len(struct span text, size_t max_len)
{
    size_t len = 0;
    while (text.len > 0 && len <= max_len) {
        len += take_piece(&text).len;
    }
    return len;
}

enum status utf8_repair(struct span text, size_t max_len, struct buf *repaired, size_t *ret_damage)
{
    const size_t len = repaired_len(text, max_len);
    const size_t whole = repaired->len + len;
    size_t damage = whole;
    if (len > max_len) {
        return ST_LIMIT;
    }
    if (!buf_reserve(repaired, len)) {
        return ST_NOMEM;
    }
    while (text.len > 0) {
        if (damage == whole && utf8_sequence_len(text) == 0) {
            damage = repaired->len;
        }
        buf_append(repaired, take_piece(&text));
    }
    *ret_damage = damage;
    return ST_OK;
}
