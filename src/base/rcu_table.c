/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing over slots of eight bytes, entries apart (base/slab).
 *
 *     table -> slots (mask, array) -> slot: hash and number -> entry: key and value
 *              at hand                at random               at random
 *
 * A slot holds half of the key's hash and the number of its entry. So what a lookup does not want
 * it passes by without looking at an entry, a larger array is filled without looking at entries or
 * hashing again, and a reader sees slot by slot either the old word or the new one. Probing stays
 * in the slot's cache line before it goes on to the next.
 *
 * Threats. Keys are their peers' choice, so they are hashed with SipHash-2-4 under a random key:
 * nobody can prepare a long run. What leaves is wiped.
 *
 * Order: an entry is complete before its slot is stored (release), and a reader loads the slot
 * first (acquire). The same with an array and the pointer to it.
 *
 * Removal leaves a mark in the slot, because a reader may be about to pass it by; the next put that
 * comes along uses it again. Marks count as slots in use. When three quarters are, the array is
 * made anew, for twice what is there; the old one serves its readers and goes after a grace period.
 * So does an entry. Entries wait in two lists, chained through themselves, so that removal needs no
 * memory: `leaving` for the grace period that runs, `left` for the next.
 *
 * liburcu's cds_lfht was here before, and does not do: its nodes are wherever malloc has put them,
 * each reached through the one before, and it reads the node before it can tell that it is not the
 * one. tests/bench/rcu_table_bench.c compares both.
 *
 * Threads: see the header. liburcu's own runs the callbacks; creating a table creates it, because
 * liburcu aborts when it cannot, and that had better happen at the start. liburcu 0.13 does not
 * block signals in it, so it is started with all signals blocked: signals of the process are the
 * main program's.
 */
#include "base/rcu_table.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <urcu/urcu-bp.h>

#include "base/pages.h"
#include "base/slab.h"

#define SLOTS_PER_LINE 8
#define SLOTS_MIN      512 /* a page; a power of two */

/* A slot that was in use. Number 0 is no entry's, so this is no live slot, and not the free one. */
#define SLOT_MARK (UINT64_C(1) << 32)

typedef _Atomic uint64_t slot; /* hash << 32 | number; 0: free */

struct rcu_slots {
    slot *at;     /* owns */
    size_t count; /* a power of two */
    struct rcu_head rcu;
};

/* The value follows the key, aligned. */
struct entry {
    uint32_t next; /* in one of the two lists, once it has left; no reader looks at it */
    uint8_t key[];
};

struct rcu_table {
    _Atomic(struct rcu_slots *) slots; /* owns */
    struct slab entries;
    size_t key_bytes;
    size_t value_at; /* in an entry */
    size_t value_bytes;
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
    rcu_table_value_fn *on_left;
    void *ctx;
    pthread_mutex_t lock; /* a leaf, but for on_left; held by whoever changes what is below */
    size_t live;          /* entries that are found */
    size_t used;          /* slots that are not free */
    uint32_t left;        /* head of a list */
    uint32_t leaving;     /* head of a list */
    bool grace_runs;
    struct rcu_head grace;
};

/* ------------------------------------------------------------------ looking */

static uint32_t hash_of(const struct rcu_table *table, const void *key)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint32_t hash;
    (void)crypto_shorthash(out, key, table->key_bytes, table->hash_key); /* always 0 */
    memcpy(&hash, out, sizeof(hash));
    return hash;
}

static uint64_t slot_word(uint32_t hash, uint32_t number)
{
    return (uint64_t)hash << 32 | number;
}

/* Where step @step of the way of @hash leads: round its line, then to the line behind. */
static slot *slot_at(const struct rcu_slots *slots, uint32_t hash, size_t step)
{
    const size_t line =
        ((hash & ~(size_t)(SLOTS_PER_LINE - 1)) + (step & ~(size_t)(SLOTS_PER_LINE - 1))) &
        (slots->count - 1);
    return &slots->at[line | ((hash + step) & (SLOTS_PER_LINE - 1))];
}

static struct entry *entry_at(const struct rcu_table *table, uint32_t number)
{
    return slab_at(&table->entries, number);
}

static void *value_of(const struct rcu_table *table, struct entry *entry)
{
    return (char *)entry + table->value_at;
}

static bool has_key(const struct rcu_table *table, uint32_t number, const void *key)
{
    return memcmp(entry_at(table, number)->key, key, table->key_bytes) == 0;
}

/* The next entry on the way whose hash is the right one, from @aim->step on; aim->number 0: there
 * is none. One slot in four is free at least, so every way has an end. */
static void look_on(struct rcu_table_aim *aim)
{
    for (;; aim->step++) {
        const uint64_t word =
            atomic_load_explicit(slot_at(aim->slots, aim->hash, aim->step), memory_order_acquire);
        if (word == 0 || (word >> 32 == aim->hash && word != SLOT_MARK)) {
            aim->number = (uint32_t)word;
            return;
        }
    }
}

/* From a candidate to the entry with this very key; aim->number 0: there is none. */
static void settle(const struct rcu_table *table, struct rcu_table_aim *aim, const void *key)
{
    while (aim->number != 0 && !has_key(table, aim->number, key)) {
        aim->step++;
        look_on(aim);
    }
}

static struct rcu_table_aim first_look(const struct rcu_table *table, uint32_t hash)
{
    struct rcu_table_aim aim = {
        .slots = atomic_load_explicit(&table->slots, memory_order_acquire),
        .hash = hash,
    };
    look_on(&aim);
    return aim;
}

struct rcu_table_aim rcu_table_aim(const struct rcu_table *table, const void *key)
{
    const struct rcu_table_aim aim = first_look(table, hash_of(table, key));
    if (aim.number != 0) {
        const char *entry = (const char *)entry_at(table, aim.number);
        PREFETCH(entry);
        PREFETCH(entry + SLAB_LINE_BYTES); /* what lies further back comes while these are read */
    }
    return aim;
}

const void *rcu_table_hit(const struct rcu_table *table,
                          const struct rcu_table_aim *aim,
                          const void *key)
{
    struct rcu_table_aim at = *aim;
    settle(table, &at, key);
    return at.number == 0 ? NULL : value_of(table, entry_at(table, at.number));
}

const void *rcu_table_find(const struct rcu_table *table, const void *key)
{
    const struct rcu_table_aim aim = rcu_table_aim(table, key);
    return rcu_table_hit(table, &aim, key);
}

void rcu_table_visit(const struct rcu_table *table, rcu_table_value_fn *visit, void *ctx)
{
    const struct rcu_slots *slots = atomic_load_explicit(&table->slots, memory_order_acquire);
    for (size_t i = 0; i < slots->count; i++) {
        const uint32_t number = (uint32_t)atomic_load_explicit(&slots->at[i], memory_order_acquire);
        if (number != 0) {
            visit(ctx, value_of(table, entry_at(table, number)));
        }
    }
}

/* ------------------------------------------------------------------ what leaves */

static void reclaim_locked(struct rcu_table *table);

/* On liburcu's thread: no reader has what is in `leaving`. */
static void grace_is_over(struct rcu_head *head)
{
    struct rcu_table *table = CONTAINER_OF(head, struct rcu_table, grace);
    (void)pthread_mutex_lock(&table->lock);
    while (table->leaving != 0) {
        const uint32_t number = table->leaving;
        table->leaving = entry_at(table, number)->next;
        slab_give(&table->entries, number);
    }
    table->grace_runs = false;
    reclaim_locked(table);
    (void)pthread_mutex_unlock(&table->lock);
}

static void reclaim_locked(struct rcu_table *table)
{
    if (table->grace_runs || table->left == 0) {
        return;
    }
    table->leaving = table->left;
    table->left = 0;
    table->grace_runs = true;
    urcu_bp_call_rcu(&table->grace, grace_is_over);
}

/* @number has left its slot. */
static void retire_locked(struct rcu_table *table, uint32_t number)
{
    struct entry *entry = entry_at(table, number);
    if (table->on_left) {
        table->on_left(table->ctx, value_of(table, entry));
    }
    entry->next = table->left;
    table->left = number;
    reclaim_locked(table);
}

/* ------------------------------------------------------------------ slots */

static struct rcu_slots *slots_new(size_t count)
{
    struct rcu_slots *slots = malloc(sizeof(*slots));
    if (!slots) {
        return NULL;
    }
    *slots = (struct rcu_slots){ .at = pages_new(count * sizeof(slot)), .count = count };
    if (!slots->at) {
        free(slots);
        return NULL;
    }
    return slots;
}

static void slots_free(struct rcu_head *head)
{
    struct rcu_slots *slots = CONTAINER_OF(head, struct rcu_slots, rcu);
    pages_free(slots->at, slots->count * sizeof(slot));
    free(slots);
}

/* Nobody reads @slots yet, and @word is not in them. */
static void place(const struct rcu_slots *slots, uint64_t word)
{
    const uint32_t hash = (uint32_t)(word >> 32);
    size_t step = 0;
    while (atomic_load_explicit(slot_at(slots, hash, step), memory_order_relaxed) != 0) {
        step++;
    }
    atomic_store_explicit(slot_at(slots, hash, step), word, memory_order_relaxed);
}

/* Room for one more. Return: false without memory. */
static bool make_room_locked(struct rcu_table *table)
{
    struct rcu_slots *old = atomic_load_explicit(&table->slots, memory_order_relaxed);
    if (table->used < old->count / 4 * 3) {
        return true;
    }
    size_t count = SLOTS_MIN;
    while (count / 2 <= table->live) { /* a quarter of it at least can be used up before the next */
        count *= 2;
    }
    struct rcu_slots *fresh = slots_new(count);
    if (!fresh) {
        return false;
    }
    for (size_t i = 0; i < old->count; i++) {
        const uint64_t word = atomic_load_explicit(&old->at[i], memory_order_relaxed);
        if ((uint32_t)word != 0) {
            place(fresh, word);
        }
    }
    atomic_store_explicit(&table->slots, fresh, memory_order_release);
    table->used = table->live;
    urcu_bp_call_rcu(&old->rcu, slots_free);
    return true;
}

/* ------------------------------------------------------------------ changing */

static uint32_t entry_new_locked(struct rcu_table *table, const void *key, const void *value)
{
    const uint32_t number = slab_take(&table->entries);
    if (number != 0) {
        struct entry *entry = entry_at(table, number);
        memcpy(entry->key, key, table->key_bytes);
        memcpy(value_of(table, entry), value, table->value_bytes);
    }
    return number;
}

/* The key is not there. Return: false without memory. */
static bool add_locked(struct rcu_table *table, uint32_t hash, uint32_t number)
{
    if (!make_room_locked(table)) {
        return false;
    }
    const struct rcu_slots *slots = atomic_load_explicit(&table->slots, memory_order_relaxed);
    for (size_t step = 0;; step++) {
        slot *at = slot_at(slots, hash, step);
        const uint64_t word = atomic_load_explicit(at, memory_order_relaxed);
        if ((uint32_t)word == 0) {
            table->used += word == 0;
            table->live++;
            atomic_store_explicit(at, slot_word(hash, number), memory_order_release);
            return true;
        }
    }
}

static struct rcu_table_aim find_locked(const struct rcu_table *table, const void *key)
{
    struct rcu_table_aim aim = first_look(table, hash_of(table, key));
    settle(table, &aim, key);
    return aim;
}

static enum status put_locked(struct rcu_table *table, const void *key, const void *value)
{
    const uint32_t fresh = entry_new_locked(table, key, value);
    if (fresh == 0) {
        return ST_NOMEM;
    }
    const struct rcu_table_aim old = find_locked(table, key);
    if (old.number != 0) {
        atomic_store_explicit(slot_at(old.slots, old.hash, old.step), slot_word(old.hash, fresh),
                              memory_order_release);
        retire_locked(table, old.number);
    } else if (!add_locked(table, old.hash, fresh)) {
        slab_give(&table->entries, fresh); /* no reader has seen it */
        return ST_NOMEM;
    }
    return ST_OK;
}

enum status rcu_table_put(struct rcu_table *table, const void *key, const void *value)
{
    (void)pthread_mutex_lock(&table->lock); /* fails for wrong use only */
    const enum status status = put_locked(table, key, value);
    (void)pthread_mutex_unlock(&table->lock);
    return status;
}

void rcu_table_remove(struct rcu_table *table, const void *key)
{
    (void)pthread_mutex_lock(&table->lock);
    const struct rcu_table_aim old = find_locked(table, key);
    if (old.number != 0) {
        atomic_store_explicit(slot_at(old.slots, old.hash, old.step), SLOT_MARK,
                              memory_order_release);
        table->live--;
        retire_locked(table, old.number);
    }
    (void)pthread_mutex_unlock(&table->lock);
}

/* ------------------------------------------------------------------ beginning and end */

static void start_thread(void)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before); /* fails for wrong arguments only */
    (void)urcu_bp_get_default_call_rcu_data();       /* the thread exists from here on */
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

enum status rcu_table_new(const struct rcu_table_options *options, struct rcu_table **ret_table)
{
    if (sodium_init() < 0) {
        return ST_INTERNAL;
    }
    struct rcu_table *table = calloc(1, sizeof(*table));
    if (!table) {
        return ST_NOMEM;
    }
    struct rcu_slots *slots = slots_new(SLOTS_MIN);
    if (!slots) {
        free(table);
        return ST_NOMEM;
    }
    atomic_init(&table->slots, slots);
    (void)pthread_mutex_init(&table->lock, NULL); /* glibc's cannot fail */
    crypto_shorthash_keygen(table->hash_key);
    table->key_bytes = options->key_bytes;
    table->value_bytes = options->value_bytes;
    const size_t behind_key = offsetof(struct entry, key) + options->key_bytes;
    table->value_at = (behind_key + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
    slab_init(&table->entries, table->value_at + options->value_bytes);
    table->on_left = options->on_left;
    table->ctx = options->ctx;
    start_thread();
    *ret_table = table;
    return ST_OK;
}

/* What is found leaves, without a mark: nobody looks any more. */
static void retire_all(struct rcu_table *table)
{
    const struct rcu_slots *slots = atomic_load_explicit(&table->slots, memory_order_relaxed);
    (void)pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < slots->count; i++) {
        const uint32_t number = (uint32_t)atomic_load_explicit(&slots->at[i], memory_order_relaxed);
        if (number != 0) {
            retire_locked(table, number);
        }
    }
    (void)pthread_mutex_unlock(&table->lock);
}

/* A callback may have asked for one more, for what left while it ran. */
static void wait_for_grace(struct rcu_table *table)
{
    bool grace_runs;
    do {
        urcu_bp_barrier();
        (void)pthread_mutex_lock(&table->lock);
        grace_runs = table->grace_runs;
        (void)pthread_mutex_unlock(&table->lock);
    } while (grace_runs);
}

struct rcu_table *rcu_table_free(struct rcu_table *table)
{
    if (!table) {
        return NULL;
    }
    retire_all(table);
    wait_for_grace(table);
    slab_fini(&table->entries);
    struct rcu_slots *slots = atomic_load_explicit(&table->slots, memory_order_relaxed);
    slots_free(&slots->rcu);
    (void)pthread_mutex_destroy(&table->lock);
    sodium_memzero(table, sizeof(*table));
    free(table);
    return NULL;
}
