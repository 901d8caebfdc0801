/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A hash table of pointers for one thread: names of files, keys of objects, by the million.
 *
 * (What many threads read is in base/rcu_table, which copies its entries.) The table borrows its
 * items and knows nothing of them but a 32-bit hash; hashes are SipHash under a random key, so that
 * names chosen by others cannot be made to collide. 12 bytes a slot, at most three in four slots
 * are in use: 16 to 32 bytes an item.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

#define TABLE_KEY_BYTES 16

struct table {
    void **items; /* owns the array; NULL marks a free slot */
    uint32_t *hashes;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
    uint8_t key[TABLE_KEY_BYTES];
};

/** table_equal_fn - is @item the one that @key describes? */
typedef bool table_equal_fn(const void *item, const void *key);

/** table_init() - empty, with a random key. Return: ST_OK; ST_INTERNAL when libsodium cannot start
 */
enum status table_init(struct table *table) NODISCARD NONNULL(1);

/** table_fini() - free the slots; the items are their owners'. @table may be all-zero */
void table_fini(struct table *table) NONNULL(1);

/** table_hash() - of @bytes, under this table's key. Add up several for keys of several parts, each
 * multiplied by a different odd number */
uint32_t table_hash(const struct table *table, struct span bytes) NODISCARD NONNULL(1);

/** table_hash_pair() - of two parts whose order counts: a name and a namespace */
uint32_t table_hash_pair(const struct table *table, struct span first, struct span second) NODISCARD
    NONNULL(1);

/** table_find() - borrows; NULL when there is none */
void *table_find(const struct table *table,
                 uint32_t hash,
                 table_equal_fn *equal,
                 const void *key) NODISCARD NONNULL(1, 3);

/** table_insert() - @item must not be in the table yet. Return: ST_OK; ST_NOMEM, nothing changed */
enum status table_insert(struct table *table, uint32_t hash, void *item) NODISCARD NONNULL(1, 3);

/** table_remove() - take out this very @item; does nothing when it is not in there */
void table_remove(struct table *table, uint32_t hash, const void *item) NONNULL(1, 3);

/** table_next() - walk all items: start with *@cursor 0; NULL at the end. No insert or remove
 * meanwhile */
void *table_next(const struct table *table, size_t *cursor) NODISCARD NONNULL(1, 2);
