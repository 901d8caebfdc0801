/* SPDX-License-Identifier: Apache-2.0 */
/* Items by number: each its own memory, zeroed and aligned, taken again when it was given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slab.h"
#include "support/alloc_fail.h"

#define ITEM_BYTES 100
#define MANY       5000 /* several chunks */

static bool is_zero(const struct slab *slab, uint32_t number)
{
    const char *item = slab_at(slab, number);
    char sum = 0;
    for (size_t i = 0; i < ITEM_BYTES; i++) {
        sum |= item[i];
    }
    return sum == 0;
}

static void mark(const struct slab *slab, uint32_t number)
{
    char *item = slab_at(slab, number);
    memset(item, (int)(number % 251 + 1), ITEM_BYTES);
}

static bool is_marked(const struct slab *slab, uint32_t number)
{
    const unsigned char *item = slab_at(slab, number);
    bool is = true;
    for (size_t i = 0; i < ITEM_BYTES; i++) {
        is = is && item[i] == number % 251 + 1;
    }
    return is;
}

static void test_slab_items_are_apart(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, ITEM_BYTES);
    for (uint32_t i = 1; i <= MANY; i++) {
        assert_int_equal(slab_take(&slab), i);
        assert_true(is_zero(&slab, i));
        mark(&slab, i);
    }
    for (uint32_t i = 1; i <= MANY; i++) {
        assert_true(is_marked(&slab, i));
#ifndef SANITIZER_WATCHES_MEMORY
        assert_int_equal((uintptr_t)slab_at(&slab, i) % SLAB_LINE_BYTES, 0);
#endif
    }
    for (uint32_t i = 1; i <= MANY; i++) {
        slab_give(&slab, i);
    }
    slab_fini(&slab);
}

static void test_slab_what_was_given_back_is_taken_again(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, ITEM_BYTES);
    for (uint32_t i = 1; i <= 100; i++) {
        assert_int_equal(slab_take(&slab), i);
        mark(&slab, i);
    }
    for (uint32_t i = 2; i <= 100; i += 2) {
        slab_give(&slab, i);
    }
    bool seen[101] = { false };
    for (uint32_t i = 2; i <= 100; i += 2) {
        const uint32_t number = slab_take(&slab);
        assert_true(number > 0 && number <= 100 && number % 2 == 0 && !seen[number]);
        assert_true(is_zero(&slab, number));
        seen[number] = true;
        mark(&slab, number);
    }
    assert_int_equal(slab_take(&slab), 101);
    for (uint32_t i = 1; i <= 101; i++) {
        assert_true(i == 101 || is_marked(&slab, i));
        slab_give(&slab, i);
    }
    slab_fini(&slab);
}

/* Chunks are each as large as all before: their bounds, and the last number of all. */
static void test_slab_chunk_bounds(void **state)
{
    (void)state;
    const struct {
        uint32_t number;
        uint32_t chunk;
        uint32_t place;
    } rows[] = {
        { 1, 0, 1 },  { 31, 0, 31 },  { 32, 1, 0 },  { 63, 1, 31 },
        { 64, 2, 0 }, { 127, 2, 63 }, { 128, 3, 0 }, { SLAB_ITEMS_MAX - 1, 26, (1u << 30) - 1 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t place;
        assert_int_equal(slab_chunk(rows[i].number, &place), rows[i].chunk);
        assert_int_equal(place, rows[i].place);
    }
    assert_int_equal(SLAB_CHUNKS_MAX, 27);
}

static void test_slab_without_memory_gives_none(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct slab slab;
    slab_init(&slab, ITEM_BYTES);
    size_t nth = 1;
    uint32_t number = 0;
    bool reached = true;
    for (; reached; nth++) {
        alloc_fail_arm(nth);
        number = slab_take(&slab);
        reached = alloc_fail_disarm();
        assert_int_equal(number, reached ? 0 : 1);
    }
    assert_true(nth > 2); /* one failed at least */
    slab_give(&slab, number);
    slab_fini(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slab_items_are_apart),
        cmocka_unit_test(test_slab_what_was_given_back_is_taken_again),
        cmocka_unit_test(test_slab_chunk_bounds),
        cmocka_unit_test(test_slab_without_memory_gives_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
