/* SPDX-License-Identifier: Apache-2.0 */
/* The pointer table against a plain array, with real and with colliding hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/table.h"

#define ITEMS 5000

struct item {
    uint32_t number;
    uint32_t hash;
    bool held;
};

static bool same_number(const void *item, const void *key)
{
    return ((const struct item *)item)->number == *(const uint32_t *)key;
}

static uint32_t true_hash(const struct table *table, uint32_t number)
{
    return table_hash(table, (struct span){ .at = (const char *)&number, .len = sizeof(number) });
}

/* Ten hashes for all, at the end of every table: long runs that wrap around. */
static uint32_t bad_hash(const struct table *table, uint32_t number)
{
    (void)table;
    return UINT32_MAX - number % 10;
}

static void check_all(const struct table *table, struct item *items, size_t count)
{
    size_t held = 0;
    for (uint32_t i = 0; i < count; i++) {
        void *want = items[i].held ? &items[i] : NULL;
        assert_ptr_equal(table_find(table, items[i].hash, same_number, &i), want);
        held += items[i].held;
    }
    assert_int_equal(table->count, held);
    size_t cursor = 0;
    size_t walked = 0;
    while (table_next(table, &cursor)) {
        walked++;
    }
    assert_int_equal(walked, held);
}

static void churn(uint32_t (*hash)(const struct table *table, uint32_t number), size_t count)
{
    static struct item items[ITEMS];
    struct table table;
    assert_int_equal(table_init(&table), ST_OK);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = (struct item){ .number = i, .hash = hash(&table, i) };
    }
    check_all(&table, items, count);
    for (size_t round = 0; round < count * 6; round++) {
        struct item *item = &items[randombytes_uniform((uint32_t)count)];
        /* grows to most, then shrinks to few */
        const bool grow = round < count * 3 ? round % 4 != 0 : round % 4 == 0;
        if (grow && !item->held) {
            assert_int_equal(table_insert(&table, item->hash, item), ST_OK);
            item->held = true;
        } else if (!grow) {
            table_remove(&table, item->hash, item); /* also when it is not held */
            item->held = false;
        }
        if (round % (count / 2) == 0) {
            check_all(&table, items, count);
        }
    }
    check_all(&table, items, count);
    for (size_t i = 0; i < count; i++) {
        table_remove(&table, items[i].hash, &items[i]);
        items[i].held = false;
    }
    check_all(&table, items, count);
    assert_in_range(table.slot_count, 1, 16); /* it has shrunk */
    table_fini(&table);
}

static void test_table_churn_holds_what_was_put_in(void **state)
{
    (void)state;
    churn(true_hash, ITEMS);
}

static void test_table_churn_with_colliding_hashes(void **state)
{
    (void)state;
    churn(bad_hash, 200);
}

static void test_table_keys_differ_between_tables(void **state)
{
    (void)state;
    struct table a;
    struct table b;
    assert_int_equal(table_init(&a), ST_OK);
    assert_int_equal(table_init(&b), ST_OK);
    const struct span text = SPAN_LITERAL("bootstrap-token-abcdef");
    assert_int_equal(table_hash(&a, text), table_hash(&a, text));
    assert_memory_not_equal(a.key, b.key, TABLE_KEY_BYTES);
    assert_int_equal(table_hash(&a, (struct span){ 0 }), table_hash(&a, SPAN_LITERAL("")));
    const struct span other = SPAN_LITERAL("kube-system"); /* what follows fails once in 2^32 */
    assert_int_not_equal(table_hash_pair(&a, text, other), table_hash_pair(&a, other, text));
    table_fini(&a);
    table_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_churn_holds_what_was_put_in),
        cmocka_unit_test(test_table_churn_with_colliding_hashes),
        cmocka_unit_test(test_table_keys_differ_between_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
