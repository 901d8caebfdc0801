/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A hash table that any thread reads without a lock: keys of one length, each with a value of one
 * size, copied in. What a key is to mean is its owner's business; one that varies in length is
 * digested first.
 *
 * Readers are inside an urcu-bp read section, and what they find is whole and stays as it is until
 * they leave: a value never changes once it is in the table, an update replaces it at once.
 *
 * Writers: any thread, as many as like; a lock of the table's own lets one in after the other. It
 * is never held while anybody waits for readers, so a writer may be inside a read section, and is
 * held for long only when the table grows (some 10 ms at a million). An owner with one writer pays
 * some 20 ns a change for it. Two writers that put the same key: one of both stays.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/status.h"

struct rcu_table;

/** rcu_table_value_fn - told a value of the table; @value borrows */
typedef void rcu_table_value_fn(void *ctx, const void *value);

struct rcu_table_options {
    size_t key_bytes;            /* at least 1 */
    size_t value_bytes;          /* of a type that needs no stricter alignment than a pointer */
    rcu_table_value_fn *on_left; /* a value was replaced or removed, or the table is freed: give
                                    back what it holds. Called by the writer, under the lock;
                                    readers may still have it. May be NULL */
    void *ctx;                   /* for on_left */
};

/** rcu_table_new() - Return: ST_OK; ST_NOMEM; ST_INTERNAL when libsodium cannot start */
enum status rcu_table_new(const struct rcu_table_options *options,
                          struct rcu_table **ret_table) NODISCARD NONNULL(1, 2);

/** rcu_table_free() - wipe and free, after waiting for what is still due to be freed. No reader and
 * no other writer may be left, and the caller is in no read section. NULL is fine. Return: NULL */
struct rcu_table *rcu_table_free(struct rcu_table *table);

/** rcu_table_find() - @key: key_bytes of them. Return: borrows until the caller leaves its read
 * section; NULL when there is none. Cost: one keyed hash; two loads that memory may have to serve
 */
const void *rcu_table_find(const struct rcu_table *table, const void *key) NODISCARD NONNULL(1, 2);

/** What rcu_table_aim() knows already. */
struct rcu_table_aim {
    const struct rcu_slots *slots;
    size_t step;
    uint32_t hash;
    uint32_t number;
};

/**
 * rcu_table_aim() - the first half of rcu_table_find(): which entry it will be, most likely
 *
 * That entry is on its way from memory when this returns. So do what else there is to do, and then
 * ask for it with rcu_table_hit(), in the same read section and with the same key.
 */
struct rcu_table_aim rcu_table_aim(const struct rcu_table *table, const void *key) NODISCARD
    NONNULL(1, 2);

/** rcu_table_hit() - the second half. Return: as rcu_table_find() */
const void *rcu_table_hit(const struct rcu_table *table,
                          const struct rcu_table_aim *aim,
                          const void *key) NODISCARD NONNULL(1, 2, 3);

/** rcu_table_put() - add or atomically replace; @value: copies. Return: ST_OK; ST_NOMEM: nothing
 * changed, and on_left was not called */
enum status rcu_table_put(struct rcu_table *table, const void *key, const void *value) NODISCARD
    NONNULL(1, 2, 3);

/** rcu_table_remove() - readers that come now do not find it; needs no memory. Nothing happens when
 * there is none */
void rcu_table_remove(struct rcu_table *table, const void *key) NONNULL(1, 2);

/** rcu_table_visit() - every value, in no order; inside a read section. What is put or removed
 * meanwhile may be among them or not */
void rcu_table_visit(const struct rcu_table *table, rcu_table_value_fn *visit, void *ctx)
    NONNULL(1, 2);
