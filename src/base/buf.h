/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A growing byte buffer for building text: JSON replies, metrics pages, log lines.
 *
 * Failure is sticky: after an allocation failed or max_len was passed, `failed` is set, further
 * appends do nothing and the content must not be used. So a builder appends freely and its caller
 * checks once. A buf owns its bytes. All-zero is a valid empty buf without a limit.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"

struct buf {
    char *at;       /* owns; not NUL-terminated */
    size_t len;     /* bytes used */
    size_t cap;     /* bytes allocated */
    size_t max_len; /* refuse to grow past this; 0 means no limit */
    bool failed;
    bool is_secret; /* set beforehand: memory is wiped before it is given back, also when the buf
                       moves to grow */
};

/** buf_reserve() - make room for @n more bytes; false (and buf->failed) when that is not possible
 */
bool buf_reserve(struct buf *buf, size_t n) NONNULL(1);

/** buf_cap_for() - what @buf->cap will be when @n more bytes have been appended */
size_t buf_cap_for(const struct buf *buf, size_t n) NONNULL(1);

/** buf_clear() - forget content and failure, keep the memory for the next use */
void buf_clear(struct buf *buf) NONNULL(1);

/** buf_fini() - free the memory; the buf is all-zero afterwards. @buf may be all-zero */
void buf_fini(struct buf *buf) NONNULL(1);

void buf_append(struct buf *buf, struct span bytes) NONNULL(1);
void buf_append_text(struct buf *buf, const char *text) NONNULL(1, 2);
void buf_append_char(struct buf *buf, char c) NONNULL(1);
void buf_printf(struct buf *buf, const char *format, ...) NONNULL(1, 2) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args) NONNULL(1, 2) PRINTF_LIKE(2, 0);

/**
 * buf_append_json_string() - append @text as a JSON string with its quotes
 *
 * Escapes as RFC 8259 section 7 demands (quote, backslash, U+0000 to U+001F), and DEL. Bytes that
 * are not valid UTF-8 become U+FFFD each, as Go's encoder has it.
 */
void buf_append_json_string(struct buf *buf, struct span text) NONNULL(1);

static inline struct span buf_span(const struct buf *buf)
{
    return (struct span){ .at = buf->at, .len = buf->len };
}
