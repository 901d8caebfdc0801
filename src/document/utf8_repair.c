/* SPDX-License-Identifier: Apache-2.0 */
/* Unicode Standard, table 3-8. Untrusted: the bytes. Threads: none. */
#include "document/utf8_repair.h"

#include <stdint.h>
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

void utf8_repair(struct span text, struct buf *repaired, size_t *ret_damage)
{
    const size_t whole = repaired->len + text.len;
    size_t damage = SIZE_MAX;
    while (text.len > 0) {
        const size_t len = utf8_sequence_len(text);
        if (len == 0 && damage == SIZE_MAX) {
            damage = repaired->len;
        }
        buf_append(repaired, len > 0 ? (struct span){ text.at, len } : UTF8_REPLACEMENT);
        text = span_after(text, len > 0 ? len : damaged_len(text));
    }
    *ret_damage = damage == SIZE_MAX ? whole : damage;
}
