/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing.
 *
 * Removal moves later items of the run back instead of leaving tombstones, so a table that lives
 * for years under churn stays as fast as a fresh one. It doubles when three quarters are in use and
 * halves below an eighth, so the cost per operation stays constant on average.
 */
#include "base/table.h"

#include <stdlib.h>

#include <sodium.h>

#define TABLE_MIN_SLOTS 16

_Static_assert(TABLE_KEY_BYTES == crypto_shorthash_KEYBYTES, "the key is SipHash's");

enum status table_init(struct table *table)
{
    *table = (struct table){ 0 };
    if (sodium_init() < 0) {
        return ST_INTERNAL;
    }
    crypto_shorthash_keygen(table->key);
    return ST_OK;
}

void table_fini(struct table *table)
{
    free(table->items);
    free(table->hashes);
    *table = (struct table){ 0 };
}

uint32_t table_hash(const struct table *table, struct span bytes)
{
    uint8_t out[crypto_shorthash_BYTES];
    /* always 0; an empty span may have no address */
    (void)crypto_shorthash(out, (const unsigned char *)(bytes.at ? bytes.at : ""), bytes.len,
                           table->key);
    return (uint32_t)out[0] | (uint32_t)out[1] << 8 | (uint32_t)out[2] << 16 |
           (uint32_t)out[3] << 24;
}

uint32_t table_hash_pair(const struct table *table, struct span first, struct span second)
{
    return table_hash(table, first) + 0x9e3779b1u * table_hash(table, second);
}

static size_t home_slot(const struct table *table, uint32_t hash)
{
    return hash & (table->slot_count - 1);
}

static size_t next_slot(const struct table *table, size_t slot)
{
    return (slot + 1) & (table->slot_count - 1);
}

void *table_find(const struct table *table, uint32_t hash, table_equal_fn *equal, const void *key)
{
    if (table->count == 0) {
        return NULL;
    }
    for (size_t slot = home_slot(table, hash); table->items[slot]; slot = next_slot(table, slot)) {
        if (table->hashes[slot] == hash && equal(table->items[slot], key)) {
            return table->items[slot];
        }
    }
    return NULL;
}

static void place(struct table *table, uint32_t hash, void *item)
{
    size_t slot = home_slot(table, hash);
    while (table->items[slot]) {
        slot = next_slot(table, slot);
    }
    table->items[slot] = item;
    table->hashes[slot] = hash;
}

static bool resize(struct table *table, size_t slot_count)
{
    struct table bigger = { .slot_count = slot_count, .count = table->count };
    bigger.items = calloc(slot_count, sizeof(*bigger.items));
    bigger.hashes = calloc(slot_count, sizeof(*bigger.hashes));
    if (!bigger.items || !bigger.hashes) {
        table_fini(&bigger);
        return false;
    }
    for (size_t slot = 0; slot < table->slot_count; slot++) {
        if (table->items[slot]) {
            place(&bigger, table->hashes[slot], table->items[slot]);
        }
    }
    free(table->items);
    free(table->hashes);
    table->items = bigger.items;
    table->hashes = bigger.hashes;
    table->slot_count = slot_count;
    return true;
}

enum status table_insert(struct table *table, uint32_t hash, void *item)
{
    if (table->count >= table->slot_count / 4 * 3) {
        size_t slot_count = TABLE_MIN_SLOTS;
        if (table->slot_count &&
            __builtin_mul_overflow(table->slot_count, (size_t)2, &slot_count)) {
            return ST_NOMEM;
        }
        if (!resize(table, slot_count)) {
            return ST_NOMEM;
        }
    }
    place(table, hash, item);
    table->count++;
    return ST_OK;
}

/* Is @home cyclically in (hole, slot]? Then the item at @slot may not move back to @hole. */
static bool stays(size_t hole, size_t home, size_t slot)
{
    return hole <= slot ? hole < home && home <= slot : hole < home || home <= slot;
}

static void close_gap(struct table *table, size_t hole)
{
    for (size_t slot = next_slot(table, hole); table->items[slot]; slot = next_slot(table, slot)) {
        if (!stays(hole, home_slot(table, table->hashes[slot]), slot)) {
            table->items[hole] = table->items[slot];
            table->hashes[hole] = table->hashes[slot];
            hole = slot;
        }
    }
    table->items[hole] = NULL;
}

void table_remove(struct table *table, uint32_t hash, const void *item)
{
    if (table->count == 0) {
        return;
    }
    size_t slot = home_slot(table, hash);
    while (table->items[slot] && table->items[slot] != item) {
        slot = next_slot(table, slot);
    }
    if (!table->items[slot]) {
        return;
    }
    close_gap(table, slot);
    table->count--;
    if (table->slot_count > TABLE_MIN_SLOTS && table->count < table->slot_count / 8) {
        (void)resize(table, table->slot_count / 2); /* no memory: it stays large */
    }
}

void *table_next(const struct table *table, size_t *cursor)
{
    while (*cursor < table->slot_count) {
        void *item = table->items[(*cursor)++];
        if (item) {
            return item;
        }
    }
    return NULL;
}
