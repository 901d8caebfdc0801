/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a request's head, one by one.
 *
 * Hostile: every byte. This runs for each field of each request, so values are looked at eight
 * bytes at a time, and a name is compared only with those of its length.
 */
#include "server/http/request_head.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define EVERY_BYTE(byte) (UINT64_MAX / 0xFF * (byte))

/* What each byte may be part of; none at all where nothing stands. */
#define IN_TOKEN 1 /* RFC 9110 5.6.2 tchar */

/* RFC 9110 7.2, RFC 3986 3.2.2: unreserved, sub-delims, and what frames an address and a port */
#define IN_HOST 2

/* clang-format off */
static const unsigned char byte_sets[256] = {
    [0x20] = 0, 3, 0, 1, 3, 3, 3, 3, 2, 2, 3, 3, 2, 3, 3, 0,
    [0x30] = 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 0, 2, 0, 0,
    [0x40] = 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    [0x50] = 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 0, 2, 1, 3,
    [0x60] = 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    [0x70] = 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 1, 0, 3, 0,
};
/* clang-format on */

static bool are_all(unsigned set, struct span text)
{
    unsigned common = set;
    for (size_t i = 0; i < text.len; i++) {
        common &= byte_sets[(unsigned char)text.at[i]];
    }
    return common != 0;
}

static bool is_token(struct span name)
{
    return name.len > 0 && are_all(IN_TOKEN, name);
}

/* RFC 9110 5.5: no control character but the tab. */
static bool is_value_byte(unsigned char byte)
{
    return (byte >= ' ' && byte != 0x7F) || byte == '\t';
}

/* Is there a byte below ' ' or a DEL among the eight? Exact for each byte whose top bit is clear,
 * and nothing is said of the others; a tab counts, and is sorted out by the caller. */
static uint64_t control_bytes(uint64_t word)
{
    const uint64_t below_space = word - EVERY_BYTE(' ');
    const uint64_t del = word ^ EVERY_BYTE(0x7F);
    return (below_space | (del - EVERY_BYTE(1))) & ~word & EVERY_BYTE(0x80);
}

static uint64_t eight_bytes(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

static bool is_value(struct span value)
{
    size_t i = 0;
    if (value.len >= sizeof(uint64_t)) {
        const size_t last = value.len - sizeof(uint64_t);
        while (i < last && !control_bytes(eight_bytes(value.at + i))) {
            i += sizeof(uint64_t);
        }
        if (i >= last && !control_bytes(eight_bytes(value.at + last))) {
            return true; /* nearly always; else which byte it is is found below */
        }
    }
    for (i = 0; i < value.len && is_value_byte((unsigned char)value.at[i]); i++) {
    }
    return i == value.len;
}

bool request_method_is_valid(struct span method)
{
    return is_token(method);
}

/* RFC 3986 2.1. In a path no NUL: libmicrohttpd decodes it, and the path would end there. */
static bool is_escape(struct span text, bool is_path)
{
    return text.len >= 2 && isxdigit((unsigned char)text.at[0]) &&
           isxdigit((unsigned char)text.at[1]) &&
           !(is_path && text.at[0] == '0' && text.at[1] == '0');
}

bool request_target_is_valid(struct span target)
{
    bool is_path = true;
    for (size_t i = 0; i < target.len; i++) {
        const char byte = target.at[i];
        is_path = is_path && byte != '?';
        if (byte < '!' || byte > '~' ||
            (byte == '%' && !is_escape(span_after(target, i + 1), is_path))) {
            return false;
        }
    }
    return target.len > 0 && target.at[0] == '/';
}

static bool is_name(struct span name, const char *wanted)
{
    return strncasecmp(name.at, wanted, name.len) == 0;
}

/* RFC 9110 8.6: 1*DIGIT; libmicrohttpd has refused anything else. */
static size_t parse_length(struct span text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || __builtin_mul_overflow(len, 10U, &len) ||
            __builtin_add_overflow(len, (size_t)(text.at[i] - '0'), &len)) {
            return SIZE_MAX;
        }
    }
    return len;
}

/* RFC 9110 7.6.1: a list of options, of which only "close" concerns us. */
static bool lists_close(struct span options)
{
    static const char close[] = "close";
    static const char separators[] = " \t,";
    for (const char *at = options.at; *(at += strspn(at, separators));) {
        const size_t len = strcspn(at, separators);
        if (len == sizeof(close) - 1 && strncasecmp(at, close, len) == 0) {
            return true;
        }
        at += len;
    }
    return false;
}

static void look_at_known(struct request_head *head, struct span name, struct span value)
{
    switch (name.len) {
    case sizeof("Host") - 1:
        if (is_name(name, "Host")) {
            head->hosts++;
            head->is_malformed = head->is_malformed || !are_all(IN_HOST, value);
        }
        break;
    case sizeof("Accept") - 1:
        if (is_name(name, "Accept")) {
            accept_add(&head->accept, value);
        }
        break;
    case sizeof("Connection") - 1:
        head->asks_close = head->asks_close || (is_name(name, "Connection") && lists_close(value));
        break;
    case sizeof("Content-Type") - 1:
        if (is_name(name, "Content-Type")) {
            head->content_type = value.at;
        }
        break;
    case sizeof("Content-Length") - 1:
        if (is_name(name, "Content-Length")) {
            head->lengths++;
            head->content_length = parse_length(value);
        }
        break;
    case sizeof("Transfer-Encoding") - 1:
        if (is_name(name, "Transfer-Encoding")) {
            head->codings++;
            head->is_coding_unknown =
                head->is_coding_unknown || strcasecmp(value.at, "chunked") != 0;
        }
        break;
    default:
        break;
    }
}

void request_head_add(struct request_head *head, struct span name, struct span value)
{
    if (!is_token(name) || !is_value(value)) {
        head->is_malformed = true;
    } else {
        look_at_known(head, name, value);
    }
}

const struct head_refusal *request_head_judge(const struct request_head *head, const char *version)
{
    static const struct head_refusal malformed = {
        .code = 400, .text = "the request line or a header field is malformed"
    };
    static const struct head_refusal hosts = { .code = 400, .text = "expected one Host header" };
    static const struct head_refusal ambiguous = { .code = 400,
                                                   .text =
                                                       "the length of the request is ambiguous" };
    static const struct head_refusal coding = {
        .code = 501, .text = "expected no transfer coding but chunked" /* RFC 9112 6.1 */
    };
    if (head->is_malformed) {
        return &malformed;
    }
    if (head->hosts > 1) {
        return &hosts;
    }
    if (head->lengths > 1 || head->codings > 1 || (head->lengths && head->codings) ||
        (head->codings && strcmp(version, "HTTP/1.0") == 0)) {
        return &ambiguous;
    }
    return head->is_coding_unknown ? &coding : NULL;
}
