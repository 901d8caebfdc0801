/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bytes that somebody else owns: a pointer and a length, not terminated, NULs allowed.
 * A span borrows; who owns the bytes and for how long is said where the span is handed out.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct span {
    const char *at; /* may be NULL when len is 0 */
    size_t len;     /* bytes */
};

#define SPAN_LITERAL(text) ((struct span){ .at = (text), .len = sizeof(text) - 1 })

/** span_of() - view a NUL-terminated string; NULL gives the empty span */
static inline struct span span_of(const char *text)
{
    return (struct span){ .at = text, .len = text ? strlen(text) : 0 };
}

/** span_equal() - byte equality. Never for secrets: its time depends on the bytes (use
 * base/digest.h) */
static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/** span_compare() - bytewise order, a prefix first: below, at or above 0. Never for secrets */
static inline int span_compare(struct span a, struct span b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int order = common ? memcmp(a.at, b.at, common) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/** span_starts_with() - true when the first prefix.len bytes are @prefix */
static inline bool span_starts_with(struct span s, struct span prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

/** span_after() - what is left behind the first @n bytes; @n <= s.len, and s.at is not NULL: to add
 * even 0 to a null pointer is undefined in C17 */
static inline struct span span_after(struct span s, size_t n)
{
    return (struct span){ .at = s.at + n, .len = s.len - n };
}

/** span_copy() - a NUL-terminated copy for the caller to free(); NULL without memory. A NUL inside
 * @s stays inside */
static inline char *span_copy(struct span s)
{
    char *copy = malloc(s.len + 1);
    if (copy) {
        memcpy(copy, s.len ? s.at : "", s.len);
        copy[s.len] = '\0';
    }
    return copy;
}

/** span_join() - @a, @b and @c in one NUL-terminated text for the caller to free(); NULL without
 * memory. One allocation: no copy of a secret is left behind */
static inline char *span_join(struct span a, struct span b, struct span c)
{
    char *const joined = malloc(a.len + b.len + c.len + 1);
    if (joined) {
        char *end = mempcpy(joined, a.len ? a.at : "", a.len);
        end = mempcpy(end, b.len ? b.at : "", b.len);
        end = mempcpy(end, c.len ? c.at : "", c.len);
        *end = '\0';
    }
    return joined;
}
