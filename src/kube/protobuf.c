/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol buffers from a peer, read front to back.
 *
 * Untrusted: every byte. A length is compared with what is left before anything is done with it; a
 * number takes ten bytes at most; messages nest as deep as somebody enters them, groups as deep as
 * a counter allows, and neither recurses. Nothing is allocated and no byte moves.
 *
 * What is good and what is not is the same as for the code that Kubernetes generates (gogo/protobuf
 * 1.3.2), down to a tenth byte whose upper bits fall off and groups whose end names another field.
 * Two differences, where that code wraps: a field's number has 29 bits, and none is 0 in a group
 * either.
 */
#include "kube/protobuf.h"

#include "base/utf8.h"

#define TYPE_BITS       3
#define VARINT_BITS     7
#define VARINT_MAX_BITS 64 /* ten bytes, of whose last one bit counts */

static bool fail_at(struct protobuf *scan, const char *at, enum status status, const char *expected)
{
    if (scan->status == ST_OK) {
        scan->status = status;
        scan->expected = expected;
        scan->error_at = at;
    }
    return false;
}

/* Bytes of the innermost message that are not read yet. */
static size_t bytes_left(const struct protobuf *scan)
{
    return (size_t)(scan->ends[scan->depth - 1] - scan->at);
}

static bool take(struct protobuf *scan, uint64_t len)
{
    if (len > bytes_left(scan)) {
        return fail_at(scan, scan->at, ST_SYNTAX, "as many bytes as the message announces");
    }
    scan->at += len;
    return true;
}

static bool take_varint(struct protobuf *scan, uint64_t *ret_value)
{
    const char *const first = scan->at;
    const char *const end = scan->ends[scan->depth - 1];
    uint64_t value = 0;
    for (unsigned shift = 0; shift < VARINT_MAX_BITS; shift += VARINT_BITS) {
        if (scan->at == end) {
            return fail_at(scan, first, ST_SYNTAX, "a number, but the message ends in it");
        }
        const unsigned char byte = (unsigned char)*scan->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return fail_at(scan, first, ST_SYNTAX, "a number of at most ten bytes");
}

static bool take_tag(struct protobuf *scan, uint32_t *ret_number)
{
    const char *const first = scan->at;
    uint64_t tag;
    if (!take_varint(scan, &tag)) {
        return false;
    }
    const uint64_t number = tag >> TYPE_BITS;
    const unsigned type = tag & ((1U << TYPE_BITS) - 1);
    if (number == 0 || number > PROTOBUF_MAX_NUMBER) {
        return fail_at(scan, first, ST_SYNTAX, "the number of a field");
    }
    if (type > PROTOBUF_FIXED32) {
        return fail_at(scan, first, ST_SYNTAX, "a wire type");
    }
    scan->type = (enum protobuf_type)type;
    *ret_number = (uint32_t)number;
    return true;
}

void protobuf_begin(struct protobuf *scan, struct span message)
{
    *scan = (struct protobuf){ .at = message.at, .depth = 1 };
    scan->ends[0] = message.at + message.len;
}

bool protobuf_field(struct protobuf *scan, uint32_t *ret_number)
{
    if (scan->status != ST_OK) {
        return false;
    }
    if (scan->depth == 0) {
        return false; /* all is read */
    }
    if (bytes_left(scan) == 0) {
        scan->depth--;
        return false;
    }
    const char *const first = scan->at;
    if (!take_tag(scan, ret_number)) {
        return false;
    }
    return scan->type != PROTOBUF_GROUP_END || fail_at(scan, first, ST_SYNTAX, "no end of a group");
}

/* Of a value with a length: that. */
static bool take_length(struct protobuf *scan, const char *expected, uint64_t *ret_len)
{
    if (scan->status != ST_OK) {
        return false;
    }
    if (scan->type != PROTOBUF_BYTES) {
        return fail_at(scan, scan->at, ST_TYPE, expected);
    }
    return take_varint(scan, ret_len);
}

bool protobuf_message(struct protobuf *scan)
{
    uint64_t len;
    if (!take_length(scan, "a message", &len)) {
        return false;
    }
    if (scan->depth == PROTOBUF_MAX_DEPTH) {
        return fail_at(scan, scan->at, ST_LIMIT, "messages in each other no deeper");
    }
    const char *const first = scan->at;
    if (!take(scan, len)) {
        return false;
    }
    scan->ends[scan->depth++] = scan->at;
    scan->at = first;
    return true;
}

bool protobuf_bytes(struct protobuf *scan, struct span *ret_bytes)
{
    uint64_t len;
    if (!take_length(scan, "bytes", &len)) {
        return false;
    }
    const char *const first = scan->at;
    if (!take(scan, len)) {
        return false;
    }
    *ret_bytes = (struct span){ .at = first, .len = (size_t)len };
    return true;
}

bool protobuf_text(struct protobuf *scan, struct span *ret_text)
{
    uint64_t len;
    if (!take_length(scan, "a string", &len)) {
        return false;
    }
    const struct span text = { .at = scan->at, .len = (size_t)len };
    if (!take(scan, len)) {
        return false;
    }
    if (!utf8_is_valid(text)) {
        return fail_at(scan, text.at, ST_SYNTAX, "UTF-8");
    }
    *ret_text = text;
    return true;
}

/* One value, or one step into or out of a group. */
static bool skip_step(struct protobuf *scan, unsigned *groups)
{
    uint64_t number = 0;
    switch (scan->type) {
    case PROTOBUF_VARINT:
        return take_varint(scan, &number);
    case PROTOBUF_FIXED64:
        return take(scan, sizeof(uint64_t));
    case PROTOBUF_BYTES:
        return take_varint(scan, &number) && take(scan, number);
    case PROTOBUF_GROUP:
        return ++*groups <= PROTOBUF_MAX_GROUPS ||
               fail_at(scan, scan->at, ST_LIMIT, "at most 64 groups in each other");
    case PROTOBUF_GROUP_END: /* protobuf_field() has refused one that nothing began */
        --*groups;
        return true;
    case PROTOBUF_FIXED32:
        return take(scan, sizeof(uint32_t));
    }
    return false;
}

_Static_assert(PROTOBUF_MAX_GROUPS == 64, "named in a message");

bool protobuf_skip(struct protobuf *scan)
{
    unsigned groups = 0;
    if (scan->status != ST_OK || !skip_step(scan, &groups)) {
        return false;
    }
    while (groups > 0) {
        uint32_t ignored;
        if (!take_tag(scan, &ignored) || !skip_step(scan, &groups)) {
            return false;
        }
    }
    return true;
}

bool protobuf_fail(struct protobuf *scan, enum status status, const char *expected)
{
    return fail_at(scan, scan->at, status, expected);
}

void protobuf_problem(const struct protobuf *scan,
                      const char *start,
                      struct problem *reterr_problem)
{
    problem_set(reterr_problem, scan->status, 0, 0, "protobuf, byte %zu: expected %s",
                (size_t)(scan->error_at - start) + 1, scan->expected);
}
