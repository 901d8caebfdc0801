/* SPDX-License-Identifier: Apache-2.0 */
/* Cache-Control and Age. Untrusted: every byte; whoever uses the result keeps it within bounds of
 * his own. Threads: any. */
#include "io/http/freshness.h"

#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(struct span text)
{
    while (text.len && is_blank(text.at[0])) {
        text = span_after(text, 1);
    }
    while (text.len && is_blank(text.at[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* delta-seconds (RFC 9111 1.2.2). */
static bool read_seconds(struct span text, int32_t *ret_sec)
{
    int64_t sec = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
        sec = sec * 10 + (text.at[i] - '0');
        sec = sec < HTTP_FRESH_MAX_SEC ? sec : HTTP_FRESH_MAX_SEC;
    }
    *ret_sec = (int32_t)sec;
    return text.len > 0;
}

/* The length of the list's first element: up to a comma that stands in no quoted string. */
static size_t element_len(struct span list)
{
    bool is_quoted = false;
    for (size_t i = 0; i < list.len; i++) {
        if (is_quoted && list.at[i] == '\\') {
            i++;
        } else if (list.at[i] == '"') {
            is_quoted = !is_quoted;
        } else if (list.at[i] == ',' && !is_quoted) {
            return i;
        }
    }
    return list.len;
}

static bool is_named(struct span text, const char *name)
{
    return text.len == strlen(name) && strncasecmp(text.at, name, text.len) == 0;
}

/* RFC 9111 5.2: a value may stand in quotes though it should not. */
static struct span unquote(struct span value)
{
    return value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"'
               ? (struct span){ .at = value.at + 1, .len = value.len - 2 }
               : value;
}

static void note_max_age(struct http_freshness *freshness, int32_t sec)
{
    const bool is_less = !freshness->is_told || sec < freshness->max_age_sec;
    freshness->max_age_sec = is_less ? sec : freshness->max_age_sec;
    freshness->is_told = true;
}

static void add_directive(struct http_freshness *freshness, struct span directive)
{
    const char *const equals = directive.len ? memchr(directive.at, '=', directive.len) : NULL;
    const size_t name_len = equals ? (size_t)(equals - directive.at) : directive.len;
    const struct span name = { .at = directive.at, .len = name_len };
    int32_t sec = 0;
    if (is_named(name, "max-age")) {
        const bool is_read = equals && read_seconds(unquote(span_after(directive, name_len + 1)),
                                                    &sec); /* else RFC 9111 4.2.1: stale */
        note_max_age(freshness, is_read ? sec : 0);
    } else if (is_named(name, "no-cache") || is_named(name, "no-store")) {
        note_max_age(freshness, 0);
    }
}

void http_freshness_add(struct http_freshness *freshness, struct span cache_control)
{
    while (cache_control.len) {
        const size_t len = element_len(cache_control);
        add_directive(freshness, trim((struct span){ .at = cache_control.at, .len = len }));
        cache_control = span_after(cache_control, len < cache_control.len ? len + 1 : len);
    }
}

void http_freshness_add_age(struct http_freshness *freshness, struct span age)
{
    int32_t sec = 0;
    if (read_seconds(trim(age), &sec)) {
        freshness->age_sec = sec;
    }
}

int64_t http_freshness_left_sec(const struct http_freshness *freshness)
{
    if (!freshness->is_told) {
        return -1;
    }
    return freshness->max_age_sec > freshness->age_sec ? freshness->max_age_sec - freshness->age_sec
                                                       : 0;
}
