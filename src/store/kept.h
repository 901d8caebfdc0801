/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Objects that a listener asked to have kept, to read them back: by name, or by a label.
 *
 * A listener like any other, so stores keep nothing themselves, and what is kept is what was told:
 * a kind's metadata, its JSON, or Secrets in plaintext, as the interest says. Threads: the loop's.
 */
#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"
#include "kube/object_meta.h"
#include "kube/secret.h"
#include "store/store.h"

/** One of them, as last told. */
struct kept_object {
    const struct object_meta *meta;
    const struct secret *secret; /* NULL unless it was told; meta is part of it */
    const json_object *json;     /* NULL unless it was told */
};

/** What to look for. All-zero: everything. */
struct kept_wish {
    struct span namespace; /* empty: every one */
    const char *label;     /* NULL: whatever labels it has */
    struct span value;     /* of that label */
};

struct store_kept;

/** store_kept_new() - keep what @interest names, of @store, which borrows it: free it afterwards.
 * Before store_load(). Return: ST_OK; ST_NOMEM; ST_INTERNAL; ST_LIMIT, as store_subscribe() */
enum status store_kept_new(struct store *store,
                           const struct store_interest *interest,
                           struct store_kept **ret_kept) NODISCARD NONNULL(1, 2, 3);

/** store_kept_free() - wipes Secrets; NULL is fine. Return: NULL */
struct store_kept *store_kept_free(struct store_kept *kept);

/** store_kept_find() - borrows until the store tells of the object again; NULL: there is none. One
 * that is refused has its names (meta->is_refused) */
const struct kept_object *store_kept_find(const struct store_kept *kept,
                                          struct span namespace,
                                          struct span name) NODISCARD NONNULL(1);

/** store_kept_next() - walk those that @wish names, in no order: start with *@cursor 0; NULL at the
 * end. Borrows as above; nothing may be told meanwhile */
const struct kept_object *store_kept_next(const struct store_kept *kept,
                                          const struct kept_wish *wish,
                                          size_t *cursor) NODISCARD NONNULL(1, 2, 3);

/** store_kept_is_whole() - false once there was no memory for an object: it is missing until it is
 * told again, and others may be, too */
bool store_kept_is_whole(const struct store_kept *kept) NODISCARD NONNULL(1);
