/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks from base/pages: the small ones in ordinary pages, the large ones in huge ones.
 *
 * Beneath AddressSanitizer and ThreadSanitizer each item is a block of malloc's instead, and a
 * chunk holds their addresses. They watch blocks from their birth to their death: a use after
 * slab_give() is found, and what readers did with an item before its grace period is not taken for
 * a race with who got it afterwards (liburcu's grace periods are invisible to them).
 */
#include "base/slab.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/pages.h"

void slab_init(struct slab *slab, size_t item_bytes)
{
    const size_t lines = (item_bytes + SLAB_LINE_BYTES - 1) / SLAB_LINE_BYTES;
    *slab = (struct slab){ .item_bytes = lines * SLAB_LINE_BYTES };
}

static size_t items_in_chunk(uint32_t chunk)
{
    return (size_t)SLAB_FIRST_ITEMS << (chunk == 0 ? 0 : chunk - 1);
}

#ifdef SANITIZER_WATCHES_MEMORY

typedef _Atomic(void *) cell; /* atomic: when a number is used again, they see no order */

static cell *cell_of(const struct slab *slab, uint32_t number)
{
    uint32_t place;
    const uint32_t chunk = slab_chunk(number, &place);
    return (cell *)slab->chunks[chunk] + place;
}

void *slab_at(const struct slab *slab, uint32_t number)
{
    return atomic_load_explicit(cell_of(slab, number), memory_order_relaxed);
}

/* Of malloc's, too: or else who looks for leaks would not see the items from here. */
static void *chunk_new(const struct slab *slab, uint32_t chunk)
{
    (void)slab; /* an address is as long as another */
    return calloc(items_in_chunk(chunk), sizeof(cell));
}

static void chunk_free(struct slab *slab, uint32_t chunk)
{
    free(slab->chunks[chunk]);
}

static bool revive(struct slab *slab, uint32_t number)
{
    void *item = calloc(1, slab->item_bytes);
    if (item) {
        atomic_store_explicit(cell_of(slab, number), item, memory_order_relaxed);
    }
    return item != NULL;
}

/* A cell whose item is gone holds the number of the next free one. */
static uint32_t next_free(const struct slab *slab, uint32_t number)
{
    return (uint32_t)(uintptr_t)slab_at(slab, number);
}

static void bury(struct slab *slab, uint32_t number, uint32_t next)
{
    free(slab_at(slab, number));
    atomic_store_explicit(cell_of(slab, number), (void *)(uintptr_t)next, memory_order_relaxed);
}

#else

static size_t chunk_bytes(const struct slab *slab, uint32_t chunk)
{
    return items_in_chunk(chunk) * slab->item_bytes;
}

static void *chunk_new(const struct slab *slab, uint32_t chunk)
{
    return pages_new(chunk_bytes(slab, chunk));
}

static void chunk_free(struct slab *slab, uint32_t chunk)
{
    pages_free(slab->chunks[chunk], chunk_bytes(slab, chunk));
}

/* A free item is all zeroes, but for the number of the next free one in front. */
static bool revive(struct slab *slab, uint32_t number)
{
    memset(slab_at(slab, number), 0, sizeof(number));
    return true;
}

static uint32_t next_free(const struct slab *slab, uint32_t number)
{
    uint32_t next;
    memcpy(&next, slab_at(slab, number), sizeof(next));
    return next;
}

static void bury(struct slab *slab, uint32_t number, uint32_t next)
{
    memcpy(slab_at(slab, number), &next, sizeof(next));
}

#endif

static bool chunk_is_there(struct slab *slab, uint32_t number)
{
    uint32_t place;
    const uint32_t chunk = slab_chunk(number, &place);
    if (!slab->chunks[chunk]) {
        slab->chunks[chunk] = chunk_new(slab, chunk);
    }
    return slab->chunks[chunk] != NULL;
}

uint32_t slab_take(struct slab *slab)
{
    uint32_t number = slab->first_free;
    if (number != 0) {
        const uint32_t next = next_free(slab, number);
        if (!revive(slab, number)) {
            return 0;
        }
        slab->first_free = next;
        return number;
    }
    number = slab->taken + 1;
    if (number >= SLAB_ITEMS_MAX || !chunk_is_there(slab, number) || !revive(slab, number)) {
        return 0;
    }
    slab->taken = number;
    return number;
}

void slab_give(struct slab *slab, uint32_t number)
{
    sodium_memzero(slab_at(slab, number), slab->item_bytes);
    bury(slab, number, slab->first_free);
    slab->first_free = number;
}

void slab_fini(struct slab *slab)
{
    for (uint32_t chunk = 0; chunk < SLAB_CHUNKS_MAX; chunk++) {
        chunk_free(slab, chunk);
    }
    *slab = (struct slab){ 0 };
}
