/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a query once, from the bytes that were sent.
 *
 * Untrusted: all of it. What is decoded is never longer than what was sent, so one allocation of
 * that size serves all pairs, and no span moves. Threads: any; nothing is kept.
 */
#include "server/http/query.h"

#include <string.h>

void query_begin(struct query *ret_query, struct span raw)
{
    *ret_query = (struct query){ 0 };
    if (raw.len && buf_reserve(&ret_query->text, raw.len)) {
        ret_query->rest = raw;
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Append the decoded @text to @buf, which has the room. False for a bad escape. */
static bool decode_component(struct span text, struct buf *buf, struct span *ret)
{
    const size_t start = buf->len;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            const int high = i + 1 < text.len ? hex_value(text.at[i + 1]) : -1;
            const int low = i + 2 < text.len ? hex_value(text.at[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        buf_append_char(buf, c);
    }
    *ret = (struct span){ .at = buf->at + start, .len = buf->len - start };
    return !buf->failed;
}

static struct span take_pair(struct span *rest)
{
    const char *end = memchr(rest->at, '&', rest->len);
    const size_t len = end ? (size_t)(end - rest->at) : rest->len;
    const struct span pair = { .at = rest->at, .len = len };
    *rest = span_after(*rest, end ? len + 1 : len);
    return pair;
}

static bool decode_pair(struct query *query,
                        struct span pair,
                        struct span *ret_name,
                        struct span *ret_value)
{
    if (pair.len == 0 || memchr(pair.at, ';', pair.len)) {
        return false;
    }
    const char *equals = memchr(pair.at, '=', pair.len);
    const size_t name_len = equals ? (size_t)(equals - pair.at) : pair.len;
    const struct span value = equals ? span_after(pair, name_len + 1) : (struct span){ 0 };
    return decode_component((struct span){ .at = pair.at, .len = name_len }, &query->text,
                            ret_name) &&
           decode_component(value, &query->text, ret_value);
}

bool query_next(struct query *query, struct span *ret_name, struct span *ret_value)
{
    while (query->rest.len) {
        if (decode_pair(query, take_pair(&query->rest), ret_name, ret_value)) {
            return true;
        }
    }
    return false;
}

void query_fini(struct query *query)
{
    buf_fini(&query->text);
}
