/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positions sit in the nodes' userdata, packed into one odd number. Odd, because json-c itself
 * keeps the text of a parsed fraction there, and that pointer is even: so the position of a node
 * that somebody else made reads as unknown, not as nonsense.
 *
 * Strings may be secrets, so each is overwritten when json-c frees it.
 *
 * Threads: none; a tree belongs to its caller.
 */
#include "document/node.h"

#include <stdint.h>

#include <sodium.h>

/* A place as one odd number: line, column, whether it is damaged, 1. With 64 bits there is room for
 * any file; with 32 both saturate early, which costs a correct column on very long lines. */
#define COLUMN_BITS (sizeof(uintptr_t) >= 8 ? 30 : 11)
#define COLUMN_MAX  (((uintptr_t)1 << COLUMN_BITS) - 1)
#define LINE_MAX_   (UINTPTR_MAX >> (COLUMN_BITS + 2))
#define DAMAGED_BIT 2u

static void *pack_place(struct document_place place, bool is_damaged)
{
    const uintptr_t line = place.line < LINE_MAX_ ? place.line : LINE_MAX_;
    const uintptr_t column = place.column < COLUMN_MAX ? place.column : COLUMN_MAX;
    return (void *)(line << (COLUMN_BITS + 2) | column << 2 | (is_damaged ? DAMAGED_BIT : 0) | 1);
}

static uintptr_t packed_of(const json_object *node)
{
    /* json-c's getter only lacks the const */
    return node ? (uintptr_t)json_object_get_userdata((json_object *)node) : 0;
}

bool document_is_damaged(const json_object *node)
{
    const uintptr_t packed = packed_of(node);
    return (packed & 1) != 0 && (packed & DAMAGED_BIT) != 0;
}

void document_position(const json_object *node, unsigned *ret_line, unsigned *ret_column)
{
    const uintptr_t packed = packed_of(node);
    const bool is_ours = (packed & 1) != 0;
    *ret_line = is_ours ? (unsigned)(packed >> (COLUMN_BITS + 2)) : 0;
    *ret_column = is_ours ? (unsigned)(packed >> 2 & COLUMN_MAX) : 0;
}

void document_wipe_string(json_object *node, void *userdata)
{
    (void)userdata;
    char *const text = (char *)json_object_get_string(node); /* its own bytes: it is a string */
    sodium_memzero(text, (size_t)json_object_get_string_len(node));
}

void document_mark(json_object *node, struct document_place place, bool is_damaged)
{
    const bool is_string = json_object_is_type(node, json_type_string);
    json_object_set_userdata(node, pack_place(place, is_string && is_damaged),
                             is_string ? document_wipe_string : NULL);
}
