/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The query of a request, pair by pair, as Go's url.ParseQuery reads it: `+` is a space, a pair
 * with a bad %-escape or a semicolon is left out, the rest counts. */
#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"

/** A query that is being read. */
struct query {
    struct span rest; /* borrows: what has not been read yet, as it was sent */
    struct buf text;  /* owns what was decoded */
};

/** query_begin() - @raw: without `?`, borrowed until query_fini(); may be empty. Without memory the
 * query reads as an empty one */
void query_begin(struct query *ret_query, struct span raw) NONNULL(1);

/** query_next() - the next pair. @ret_name, @ret_value: decoded, any bytes; they live until
 * query_fini(). Return: was there one? */
bool query_next(struct query *query, struct span *ret_name, struct span *ret_value) NODISCARD
    NONNULL(1, 2, 3);

/** query_fini() - nothing that was read lives any longer */
void query_fini(struct query *query) NONNULL(1);
