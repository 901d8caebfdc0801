/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Items of one size, by the million, each known by a number of 32 bits instead of an address.
 *
 * They lie side by side in chunks, each as large as all before it together, so a number is found by
 * a few instructions and one load that is always at hand. Items start at a cache line. Memory goes
 * back to the kernel with the slab, not before: what the largest number of items once needed is
 * kept.
 *
 * Threads: slab_take() and slab_give() by one at a time. slab_at() on any thread that was handed
 * the number behind slab_take(), with the order of memory that this takes.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#define SLAB_LINE_BYTES  64
#define SLAB_FIRST_BITS  5 /* 32 items in the first chunk: a page, when they are of 128 bytes */
#define SLAB_CHUNKS_MAX  27
#define SLAB_ITEMS_MAX   (UINT32_C(1) << (SLAB_FIRST_BITS + SLAB_CHUNKS_MAX - 1))
#define SLAB_FIRST_ITEMS (UINT32_C(1) << SLAB_FIRST_BITS)

struct slab {
    void *chunks[SLAB_CHUNKS_MAX]; /* owns */
    size_t item_bytes;
    uint32_t taken;      /* the highest number that was ever given out; 0 is none's */
    uint32_t first_free; /* below it, given back; 0: none */
};

/** slab_init() - @item_bytes: rounded up to whole cache lines. Needs no memory yet */
void slab_init(struct slab *slab, size_t item_bytes) NONNULL(1);

/** slab_fini() - free the memory; every item has been given back. @slab may be all-zero */
void slab_fini(struct slab *slab) NONNULL(1);

/** slab_take() - an item of zeroes. Return: its number; 0 without memory */
uint32_t slab_take(struct slab *slab) NODISCARD NONNULL(1);

/** slab_give() - wipes */
void slab_give(struct slab *slab, uint32_t number) NONNULL(1);

/** slab_chunk() - which chunk holds it, and @ret_place: as which of its items */
static inline uint32_t slab_chunk(uint32_t number, uint32_t *ret_place)
{
    const uint32_t bits = 32 - (uint32_t)__builtin_clz(number | (SLAB_FIRST_ITEMS - 1));
    const uint32_t chunk = bits - SLAB_FIRST_BITS;
    *ret_place = chunk == 0 ? number : number - (SLAB_FIRST_ITEMS << (chunk - 1));
    return chunk;
}

#ifdef SANITIZER_WATCHES_MEMORY
/** slab_at() - the item with this number, which slab_take() returned */
void *slab_at(const struct slab *slab, uint32_t number) NONNULL(1);
#else
static inline void *slab_at(const struct slab *slab, uint32_t number)
{
    uint32_t place;
    const uint32_t chunk = slab_chunk(number, &place);
    return (char *)slab->chunks[chunk] + place * slab->item_bytes;
}
#endif
