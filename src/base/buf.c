/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with sticky failure. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "base/json_plain.h"
#include "base/utf8.h"

#define BUF_MIN_CAP 256 /* most replies and log lines fit without growing again */

static void release(struct buf *buf)
{
    if (buf->is_secret && buf->at) {
        sodium_memzero(buf->at, buf->cap);
    }
    free(buf->at);
}

static bool grow(struct buf *buf, size_t cap)
{
    /* realloc would leave the old bytes behind */
    char *at = buf->is_secret ? malloc(cap) : realloc(buf->at, cap);
    if (!at) {
        return false;
    }
    if (buf->is_secret) {
        if (buf->len) {
            memcpy(at, buf->at, buf->len);
        }
        release(buf);
    }
    buf->at = at;
    buf->cap = cap;
    return true;
}

/* Doubled until @need bytes fit. */
static size_t cap_for(const struct buf *buf, size_t need)
{
    size_t cap = buf->cap;
    if (cap < need && cap == 0) {
        cap = BUF_MIN_CAP;
    }
    while (cap < need) {
        if (__builtin_mul_overflow(cap, (size_t)2, &cap)) {
            cap = need;
        }
    }
    return cap;
}

size_t buf_cap_for(const struct buf *buf, size_t n)
{
    size_t need;
    return __builtin_add_overflow(buf->len, n, &need) ? SIZE_MAX : cap_for(buf, need);
}

bool buf_reserve(struct buf *buf, size_t n)
{
    size_t need;
    if (buf->failed || __builtin_add_overflow(buf->len, n, &need) ||
        (buf->max_len && need > buf->max_len)) {
        buf->failed = true;
        return false;
    }
    if (need <= buf->cap) {
        return true;
    }
    if (!grow(buf, cap_for(buf, need))) {
        buf->failed = true;
        return false;
    }
    return true;
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void buf_fini(struct buf *buf)
{
    release(buf);
    *buf = (struct buf){ 0 };
}

void buf_append(struct buf *buf, struct span bytes)
{
    if (bytes.len && buf_reserve(buf, bytes.len)) {
        memcpy(buf->at + buf->len, bytes.at, bytes.len);
        buf->len += bytes.len;
    }
}

void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, span_of(text));
}

void buf_append_char(struct buf *buf, char c)
{
    if (buf_reserve(buf, 1)) {
        buf->at[buf->len++] = c;
    }
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int len = vsnprintf(NULL, 0, format, args);
    /* one byte more: vsnprintf writes a NUL that is not part of the content */
    if (len < 0 || !buf_reserve(buf, (size_t)len + 1)) {
        buf->failed = true;
    } else {
        (void)vsnprintf(buf->at + buf->len, (size_t)len + 1, format, again); /* measured above */
        buf->len += (size_t)len;
    }
    va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

static const char hex_digits[] = "0123456789abcdef";

static void append_escaped(struct buf *buf, unsigned char c)
{
    switch (c) {
    case '"':
        buf_append(buf, SPAN_LITERAL("\\\""));
        break;
    case '\\':
        buf_append(buf, SPAN_LITERAL("\\\\"));
        break;
    case '\n':
        buf_append(buf, SPAN_LITERAL("\\n"));
        break;
    case '\r':
        buf_append(buf, SPAN_LITERAL("\\r"));
        break;
    case '\t':
        buf_append(buf, SPAN_LITERAL("\\t"));
        break;
    default: {
        const char code[6] = { '\\', 'u', '0', '0', hex_digits[c >> 4], hex_digits[c & 15] };
        buf_append(buf, (struct span){ .at = code, .len = sizeof(code) });
    }
    }
}

void buf_append_json_string(struct buf *buf, struct span text)
{
    const char *const end = text.len ? text.at + text.len : text.at;
    const char *plain = text.at; /* start of the run that needs no escape */
    const char *at = text.at;
    buf_append_char(buf, '"');
    while ((at = json_plain_end(at, end)) != end) {
        const unsigned char c = (unsigned char)*at;
        const size_t valid =
            c < 0x80 ? 0 : utf8_sequence_len((struct span){ at, (size_t)(end - at) });
        if (valid) {
            at += valid;
            continue;
        }
        buf_append(buf, (struct span){ .at = plain, .len = (size_t)(at - plain) });
        if (c < 0x80) {
            append_escaped(buf, c);
        } else {
            buf_append(buf, SPAN_LITERAL("\\ufffd"));
        }
        plain = ++at;
    }
    buf_append(buf, (struct span){ .at = plain, .len = (size_t)(end - plain) });
    buf_append_char(buf, '"');
}
