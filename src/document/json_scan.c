/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text from a peer, read front to back.
 *
 * Untrusted: every byte. So the grammar is RFC 8259's and nothing more (no comments, no trailing
 * commas, no NaN, no byte order mark), nesting is bounded, and the containers that are open are one
 * bit each in a word of the scan, not stack frames of ours: no text can make us recurse.
 *
 * Nearly all of a TokenReview is strings, and nearly all of their bytes are plain ASCII.
 * json_plain_end() therefore looks at eight bytes at a time and everything else (escapes, UTF-8) is
 * the slow path. Bytes move only behind the first escape of a string. Decoding never lengthens: the
 * longest result of `\uXXXX` is three bytes, of a surrogate pair four out of twelve.
 */
#include "document/json_scan.h"

#include <assert.h>
#include <string.h>

#include "base/json_plain.h"
#include "base/utf8.h"

_Static_assert(JSON_SCAN_MAX_DEPTH <= 64, "json_scan.objects has one bit for each open container");

#define REPLACEMENT_CHARACTER 0xfffd

/* What kind of value a byte starts. */
static const unsigned char kind_of_first[256] = {
    ['n'] = JSON_NULL,   ['t'] = JSON_BOOL,   ['f'] = JSON_BOOL,   ['-'] = JSON_NUMBER,
    ['0'] = JSON_NUMBER, ['1'] = JSON_NUMBER, ['2'] = JSON_NUMBER, ['3'] = JSON_NUMBER,
    ['4'] = JSON_NUMBER, ['5'] = JSON_NUMBER, ['6'] = JSON_NUMBER, ['7'] = JSON_NUMBER,
    ['8'] = JSON_NUMBER, ['9'] = JSON_NUMBER, ['"'] = JSON_STRING, ['['] = JSON_ARRAY,
    ['{'] = JSON_OBJECT,
};

static bool fail_at(struct json_scan *scan,
                    const char *at,
                    enum status status,
                    const char *expected)
{
    if (scan->status == ST_OK) {
        scan->status = status;
        scan->expected = expected;
        scan->error_at = at;
    }
    return false;
}

static void skip_space(struct json_scan *scan)
{
    while (scan->at != scan->end && (unsigned char)*scan->at <= ' ') {
        if (*scan->at == '\n') {
            scan->line++;
            scan->line_at = scan->at + 1;
        } else if (*scan->at != ' ' && *scan->at != '\t' && *scan->at != '\r') {
            return;
        }
        scan->at++;
    }
}

static bool comes_next(const struct json_scan *scan, char c)
{
    return scan->at != scan->end && *scan->at == c;
}

static enum json_kind kind_of_next(struct json_scan *scan)
{
    skip_space(scan);
    return scan->at == scan->end ? JSON_NONE
                                 : (enum json_kind)kind_of_first[(unsigned char)*scan->at];
}

/* Words and numbers must be followed by what may follow a value: `nullx` and `01` are one mistake
 * each, not two values. */
static bool ends_here(const struct json_scan *scan, const char *at)
{
    return at == scan->end || (*at != '\0' && strchr(" \t\r\n,]}", *at) != NULL);
}

static bool take_word(struct json_scan *scan, struct span word)
{
    const struct span rest = { .at = scan->at, .len = (size_t)(scan->end - scan->at) };
    if (!span_starts_with(rest, word) || !ends_here(scan, scan->at + word.len)) {
        return fail_at(scan, scan->at, ST_SYNTAX, "null, true or false");
    }
    scan->at += word.len;
    return true;
}

/* One digit at least; NULL without. */
static char *skip_digits(char *at, const char *end)
{
    char *const first = at;
    while (at != end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at == first ? NULL : at;
}

/* RFC 8259 section 6: [ minus ] int [ frac ] [ exp ] */
static bool take_number(struct json_scan *scan)
{
    static const char expected[] = "a number as RFC 8259 section 6 has them";
    char *at = scan->at;
    at += *at == '-';
    if (at != scan->end && *at == '0') {
        at++; /* a zero stands alone */
    } else {
        at = skip_digits(at, scan->end);
    }
    if (at && at != scan->end && *at == '.') {
        at = skip_digits(at + 1, scan->end);
    }
    if (at && at != scan->end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at != scan->end && (*at == '+' || *at == '-');
        at = skip_digits(at, scan->end);
    }
    if (!at || !ends_here(scan, at)) {
        return fail_at(scan, scan->at, ST_SYNTAX, expected);
    }
    scan->at = at;
    return true;
}

static bool parse_hex4(const char *at, const char *end, unsigned *ret_unit)
{
    if (end - at < 4) {
        return false;
    }
    unsigned unit = 0;
    for (size_t i = 0; i < 4; i++) {
        const char c = at[i];
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (unsigned)((c | 0x20) - 'a') + 10;
        } else {
            return false;
        }
        unit = unit << 4 | digit;
    }
    *ret_unit = unit;
    return true;
}

static char *write_utf8(char *at, unsigned code)
{
    if (code < 0x80) {
        *at++ = (char)code;
        return at;
    }
    if (code < 0x800) {
        *at++ = (char)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        *at++ = (char)(0xe0 | code >> 12);
        *at++ = (char)(0x80 | (code >> 6 & 0x3f));
    } else {
        *at++ = (char)(0xf0 | code >> 18);
        *at++ = (char)(0x80 | (code >> 12 & 0x3f));
        *at++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *at++ = (char)(0x80 | (code & 0x3f));
    return at;
}

/* @read points behind `\u`. The code point of one escape, or of two that are a surrogate pair; a
 * surrogate without its other half is U+FFFD, and what follows it is read for itself, as in Go.
 * Return: first byte not read; NULL when there are no four hexadecimal digits. */
static char *read_unicode_escape(char *read, const char *end, unsigned *ret_code)
{
    unsigned unit;
    if (!parse_hex4(read, end, &unit)) {
        return NULL;
    }
    read += 4;
    if (unit < 0xd800 || unit > 0xdfff) {
        *ret_code = unit;
        return read;
    }
    unsigned low;
    if (unit <= 0xdbff && end - read >= 6 && read[0] == '\\' && read[1] == 'u' &&
        parse_hex4(read + 2, end, &low) && low >= 0xdc00 && low <= 0xdfff) {
        *ret_code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        return read + 6;
    }
    *ret_code = REPLACEMENT_CHARACTER;
    return read;
}

/* The byte that a backslash and @c stand for; NUL when they are no escape of that sort. */
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return '\0';
    }
}

/* @read points at the backslash. Return: first byte behind the escape; NULL when it is none. */
static char *take_escape(char *read, const char *end, char **write)
{
    if (end - read < 2) {
        return NULL;
    }
    if (read[1] == 'u') {
        unsigned code;
        char *const rest = read_unicode_escape(read + 2, end, &code);
        if (rest) {
            *write = write_utf8(*write, code);
        }
        return rest;
    }
    const char c = short_escape(read[1]);
    if (c == '\0') {
        return NULL;
    }
    *(*write)++ = c;
    return read + 2;
}

/* scan->at points at the opening quote. */
static bool take_string(struct json_scan *scan, struct span *ret_text)
{
    char *const text = scan->at + 1;
    char *read = text;
    char *write = text;
    for (;;) {
        char *const run = read;
        read += json_plain_end(read, scan->end) - run;
        if (write != run) {
            memmove(write, run, (size_t)(read - run));
        }
        write += read - run;
        if (read == scan->end) {
            return fail_at(scan, read, ST_SYNTAX, "the closing quote of a string");
        }
        if (*read == '"') {
            break;
        }
        char *const here = read;
        if (*here == '\\') {
            read = take_escape(here, scan->end, &write);
            if (!read) {
                return fail_at(scan, here, ST_SYNTAX, "an escape as RFC 8259 section 7 has them");
            }
            continue;
        }
        if ((unsigned char)*here < 0x20) {
            return fail_at(scan, here, ST_SYNTAX, "control characters in a string to be escaped");
        }
        const struct span rest = { .at = here, .len = (size_t)(scan->end - here) };
        const size_t len = utf8_sequence_len(rest);
        if (len == 0) {
            return fail_at(scan, here, ST_SYNTAX, "UTF-8");
        }
        memmove(write, here, len);
        write += len;
        read += len;
    }
    scan->at = read + 1;
    *ret_text = (struct span){ .at = text, .len = (size_t)(write - text) };
    return true;
}

/* Something other than @expected comes next. */
static bool refuse_kind(struct json_scan *scan, enum json_kind kind, const char *expected)
{
    if (kind == JSON_NONE) {
        return fail_at(scan, scan->at, ST_SYNTAX, "a value");
    }
    return fail_at(scan, scan->at, ST_TYPE, expected);
}

static bool enter(struct json_scan *scan, bool is_object)
{
    if (scan->depth == JSON_SCAN_MAX_DEPTH) {
        return fail_at(scan, scan->at, ST_LIMIT, "less nesting");
    }
    scan->at++;
    scan->depth++;
    scan->objects = scan->objects << 1 | is_object;
    scan->is_fresh = true;
    return true;
}

static void leave(struct json_scan *scan)
{
    scan->at++;
    scan->depth--;
    scan->objects >>= 1;
    scan->is_fresh = false;
}

static bool is_in_object(const struct json_scan *scan)
{
    return (scan->objects & 1) != 0;
}

void json_scan_begin(struct json_scan *scan, char *text, size_t len)
{
    *scan = (struct json_scan){ .at = text, .end = text + len, .line_at = text, .line = 1 };
}

enum json_kind json_scan_peek(struct json_scan *scan)
{
    return scan->status == ST_OK ? kind_of_next(scan) : JSON_NONE;
}

bool json_scan_object(struct json_scan *scan)
{
    if (scan->status != ST_OK) {
        return false;
    }
    const enum json_kind kind = kind_of_next(scan);
    return kind == JSON_OBJECT ? enter(scan, true) : refuse_kind(scan, kind, "an object");
}

bool json_scan_array(struct json_scan *scan)
{
    if (scan->status != ST_OK) {
        return false;
    }
    const enum json_kind kind = kind_of_next(scan);
    return kind == JSON_ARRAY ? enter(scan, false) : refuse_kind(scan, kind, "an array");
}

bool json_scan_member(struct json_scan *scan, struct span *ret_key)
{
    if (scan->status != ST_OK) {
        return false;
    }
    assert(scan->depth > 0 && is_in_object(scan));
    skip_space(scan);
    if (comes_next(scan, '}')) {
        leave(scan);
        return false;
    }
    if (!scan->is_fresh) {
        if (!comes_next(scan, ',')) {
            return fail_at(scan, scan->at, ST_SYNTAX, "`,` or `}` after a member");
        }
        scan->at++;
        skip_space(scan);
    }
    scan->is_fresh = false;
    if (!comes_next(scan, '"')) {
        return fail_at(scan, scan->at, ST_SYNTAX, "a member name in quotes");
    }
    struct span key;
    if (!take_string(scan, &key)) {
        return false;
    }
    skip_space(scan);
    if (!comes_next(scan, ':')) {
        return fail_at(scan, scan->at, ST_SYNTAX, "`:` after a member name");
    }
    scan->at++;
    *ret_key = key;
    return true;
}

bool json_scan_element(struct json_scan *scan)
{
    if (scan->status != ST_OK) {
        return false;
    }
    assert(scan->depth > 0 && !is_in_object(scan));
    skip_space(scan);
    if (comes_next(scan, ']')) {
        leave(scan);
        return false;
    }
    if (!scan->is_fresh) {
        if (!comes_next(scan, ',')) {
            return fail_at(scan, scan->at, ST_SYNTAX, "`,` or `]` after an element");
        }
        scan->at++;
    }
    scan->is_fresh = false;
    return true;
}

bool json_scan_string(struct json_scan *scan, struct span *ret_text)
{
    if (scan->status != ST_OK) {
        return false;
    }
    const enum json_kind kind = kind_of_next(scan);
    return kind == JSON_STRING ? take_string(scan, ret_text) : refuse_kind(scan, kind, "a string");
}

bool json_scan_number(struct json_scan *scan, struct span *ret_text)
{
    if (scan->status != ST_OK) {
        return false;
    }
    const enum json_kind kind = kind_of_next(scan);
    if (kind != JSON_NUMBER) {
        return refuse_kind(scan, kind, "a number");
    }
    const char *const text = scan->at;
    if (!take_number(scan)) {
        return false;
    }
    *ret_text = (struct span){ .at = text, .len = (size_t)(scan->at - text) };
    return true;
}

bool json_scan_null(struct json_scan *scan)
{
    return json_scan_peek(scan) == JSON_NULL && take_word(scan, SPAN_LITERAL("null"));
}

/* Check one scalar, or enter one container. */
static bool skip_step(struct json_scan *scan)
{
    struct span ignored;
    switch (kind_of_next(scan)) {
    case JSON_NONE:
        break;
    case JSON_NULL:
        return take_word(scan, SPAN_LITERAL("null"));
    case JSON_BOOL:
        return take_word(scan, *scan->at == 't' ? SPAN_LITERAL("true") : SPAN_LITERAL("false"));
    case JSON_NUMBER:
        return take_number(scan);
    case JSON_STRING:
        return take_string(scan, &ignored);
    case JSON_ARRAY:
        return enter(scan, false);
    case JSON_OBJECT:
        return enter(scan, true);
    }
    return fail_at(scan, scan->at, ST_SYNTAX, "a value");
}

bool json_scan_skip(struct json_scan *scan)
{
    const unsigned depth = scan->depth;
    if (scan->status != ST_OK || !skip_step(scan)) {
        return false;
    }
    while (scan->depth > depth) {
        struct span ignored;
        const bool more =
            is_in_object(scan) ? json_scan_member(scan, &ignored) : json_scan_element(scan);
        if (more ? !skip_step(scan) : scan->status != ST_OK) {
            return false;
        }
    }
    return true;
}

bool json_scan_finished(struct json_scan *scan)
{
    if (scan->status != ST_OK) {
        return true;
    }
    assert(scan->depth == 0);
    skip_space(scan);
    return scan->at == scan->end;
}

bool json_scan_fail(struct json_scan *scan, enum status status, const char *expected)
{
    return fail_at(scan, scan->at, status, expected);
}

enum status json_scan_end(struct json_scan *scan)
{
    if (scan->status == ST_OK) {
        skip_space(scan);
        if (scan->at != scan->end || scan->depth != 0) {
            (void)fail_at(scan, scan->at, ST_SYNTAX, "the end of the text");
        }
    }
    return scan->status;
}

void json_scan_problem(const struct json_scan *scan, struct problem *reterr_problem)
{
    const unsigned column = (unsigned)(scan->error_at - scan->line_at) + 1;
    problem_set(reterr_problem, scan->status, scan->line, column, "expected %s%s", scan->expected,
                scan->error_at == scan->end ? ", but the text ends here" : "");
}
