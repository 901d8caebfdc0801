/* SPDX-License-Identifier: Apache-2.0 */
/* The table that any thread reads: what is found, readers beside writers, writers beside writers,
 * memory that runs out. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "base/rcu_table.h"
#include "support/alloc_fail.h"
#include "support/huge_pages.h"

#define KEY_BYTES 6
#define HUNDRED   100
#define MANY      300000 /* some ten pairs of them share a hash of 32 bits */

/* All words of one that is whole are the same. */
struct value {
    uint64_t words[14];
};

struct fixture {
    struct rcu_table *table;
    size_t left; /* told by on_left, under the table's lock */
    uint64_t left_sum;
};

static void on_left(void *ctx, const void *value)
{
    struct fixture *fixture = ctx;
    fixture->left++;
    fixture->left_sum += ((const struct value *)value)->words[0];
}

static enum status new_table(struct fixture *fixture)
{
    const struct rcu_table_options options = {
        .key_bytes = KEY_BYTES,
        .value_bytes = sizeof(struct value),
        .on_left = on_left,
        .ctx = fixture,
    };
    return rcu_table_new(&options, &fixture->table);
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){ 0 };
    *state = &fixture;
    return new_table(&fixture) == ST_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture->table = rcu_table_free(fixture->table);
    return 0;
}

static enum status try_put(struct rcu_table *table, const void *key, uint64_t mark)
{
    struct value value;
    for (size_t i = 0; i < COUNTOF(value.words); i++) {
        value.words[i] = mark;
    }
    return rcu_table_put(table, key, &value);
}

static void put(struct rcu_table *table, const void *key, uint64_t mark)
{
    assert_int_equal(try_put(table, key, mark), ST_OK);
}

#define NONE UINT64_MAX
#define TORN (UINT64_MAX - 1)

static uint64_t mark_of(const struct value *value)
{
    if (!value) {
        return NONE;
    }
    for (size_t i = 1; i < COUNTOF(value->words); i++) {
        if (value->words[i] != value->words[0]) {
            return TORN;
        }
    }
    return value->words[0];
}

static uint64_t found(const struct rcu_table *table, const void *key)
{
    urcu_bp_read_lock();
    const uint64_t mark = mark_of(rcu_table_find(table, key));
    urcu_bp_read_unlock();
    return mark;
}

static const char *key_of(uint64_t n, char key[static KEY_BYTES])
{
    memcpy(key, &n, KEY_BYTES);
    return key;
}

/* ------------------------------------------------------------------ one thread */

static const struct {
    const char *name;
    enum { PUT, REMOVE, LOOK } what;
    const char *key; /* KEY_BYTES */
    uint64_t mark;   /* put, or found */
} steps[] = {
    { "nothing is there", LOOK, "aaaaaa", NONE },
    { "nothing to remove", REMOVE, "aaaaaa", 0 },
    { "add", PUT, "aaaaaa", 1 },
    { "it is found", LOOK, "aaaaaa", 1 },
    { "not by another last byte", LOOK, "aaaaab", NONE },
    { "not by another first byte", LOOK, "baaaaa", NONE },
    { "any bytes: add zeroes", PUT, "\0\0\0\0\0\0", 2 },
    { "they are found", LOOK, "\0\0\0\0\0\0", 2 },
    { "not by one that is none", LOOK, "\0\0\0\0\0\1", NONE },
    { "not by one that is none, behind a zero", LOOK, "\0\1\0\0\0\0", NONE },
    { "replace", PUT, "aaaaaa", 3 },
    { "the new one is found", LOOK, "aaaaaa", 3 },
    { "the other is as before", LOOK, "\0\0\0\0\0\0", 2 },
    { "remove what is not there", REMOVE, "aaaaab", 0 },
    { "all are as before", LOOK, "aaaaaa", 3 },
    { "remove", REMOVE, "aaaaaa", 0 },
    { "it is gone", LOOK, "aaaaaa", NONE },
    { "the other stays", LOOK, "\0\0\0\0\0\0", 2 },
    { "remove again", REMOVE, "aaaaaa", 0 },
    { "add again", PUT, "aaaaaa", 4 },
    { "it is found again", LOOK, "aaaaaa", 4 },
};

static void test_rcu_table_steps(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNTOF(steps); i++) {
        if (steps[i].what == PUT) {
            put(fixture->table, steps[i].key, steps[i].mark);
        } else if (steps[i].what == REMOVE) {
            rcu_table_remove(fixture->table, steps[i].key);
        } else if (found(fixture->table, steps[i].key) != steps[i].mark) {
            fail_msg("%s", steps[i].name);
        }
    }
    assert_int_equal(fixture->left, 2);
    assert_int_equal(fixture->left_sum, 1 + 3);
    fixture->table = rcu_table_free(fixture->table);
    assert_int_equal(fixture->left, 4);
    assert_int_equal(fixture->left_sum, 1 + 3 + 2 + 4);
}

static void test_rcu_table_keys_and_values_of_any_size(void **state)
{
    (void)state;
    for (size_t key_bytes = 1; key_bytes <= 70; key_bytes++) {
        const struct rcu_table_options options = { .key_bytes = key_bytes,
                                                   .value_bytes = 73 - key_bytes };
        struct rcu_table *table;
        assert_int_equal(rcu_table_new(&options, &table), ST_OK);
        char key[70];
        char value[73];
        memset(key, 'k', sizeof(key));
        memset(value, 'v', sizeof(value));
        assert_int_equal(rcu_table_put(table, key, value), ST_OK);
        urcu_bp_read_lock();
        const char *at = rcu_table_find(table, key);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % sizeof(void *), 0);
        assert_memory_equal(at, value, options.value_bytes);
        key[key_bytes - 1] = 'l';
        assert_null(rcu_table_find(table, key));
        urcu_bp_read_unlock();
        table = rcu_table_free(table);
        assert_null(table);
    }
    assert_null(rcu_table_free(NULL));
}

static void count_value(void *ctx, const void *value)
{
    unsigned char *seen = ctx;
    seen[mark_of(value)]++;
}

static void test_rcu_table_many_are_all_found(void **state)
{
    struct fixture *fixture = *state;
    char key[KEY_BYTES];
    for (uint64_t n = 0; n < MANY; n++) {
        put(fixture->table, key_of(n, key), n);
    }
    for (uint64_t n = 0; n < MANY; n += 3) {
        rcu_table_remove(fixture->table, key_of(n, key));
    }
    assert_int_equal(fixture->left, MANY / 3);
    size_t wrong = 0;
    for (uint64_t n = 0; n < 2 * (uint64_t)MANY; n++) {
        const uint64_t want = n < MANY && n % 3 ? n : NONE;
        wrong += found(fixture->table, key_of(n, key)) != want;
    }
    assert_int_equal(wrong, 0);
    unsigned char *seen = test_calloc(MANY, 1);
    urcu_bp_read_lock();
    rcu_table_visit(fixture->table, count_value, seen);
    urcu_bp_read_unlock();
    for (uint64_t n = 0; n < MANY; n++) {
        wrong += seen[n] != (n % 3 ? 1 : 0);
    }
    assert_int_equal(wrong, 0);
    test_free(seen);
}

/* Marks of what went must neither fill the table nor hide what is there. */
static void test_rcu_table_lasts_through_changes(void **state)
{
    struct fixture *fixture = *state;
    char key[KEY_BYTES];
    size_t wrong = 0;
    for (uint64_t n = 0; n < 50000; n++) {
        put(fixture->table, key_of(n, key), n);
        if (n >= HUNDRED) {
            rcu_table_remove(fixture->table, key_of(n - HUNDRED, key));
            wrong += found(fixture->table, key) != NONE;
            wrong += found(fixture->table, key_of(n - HUNDRED + 1, key)) != n - HUNDRED + 1;
        }
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(fixture->left, 50000 - HUNDRED);
}

static void test_rcu_table_hundred_take_no_huge_page_but_many_do(void **state)
{
    struct fixture *fixture = *state;
    if (!huge_pages_are_known()) {
        return;
    }
    char key[KEY_BYTES];
    const size_t before = huge_pages_kib();
    for (uint64_t n = 0; n < HUNDRED; n++) {
        put(fixture->table, key_of(n, key), n);
    }
    assert_int_equal(huge_pages_kib(), before);
    for (uint64_t n = HUNDRED; n < MANY; n++) {
        put(fixture->table, key_of(n, key), n);
    }
#ifndef SANITIZER_WATCHES_MEMORY /* there each entry is a block of malloc's */
    assert_true(huge_pages_kib() > before);
#endif
    fixture->table = rcu_table_free(fixture->table);
    assert_int_equal(huge_pages_kib(), before);
}

/* ------------------------------------------------------------------ readers keep what they found
 */

static void test_rcu_table_readers_keep_their_version(void **state)
{
    struct fixture *fixture = *state;
    put(fixture->table, "aaaaaa", 1);
    put(fixture->table, "bbbbbb", 2);
    urcu_bp_read_lock();
    const struct value *replaced = rcu_table_find(fixture->table, "aaaaaa");
    const struct value *removed = rcu_table_find(fixture->table, "bbbbbb");
    const struct rcu_table_aim aim = rcu_table_aim(fixture->table, "aaaaaa");
    put(fixture->table, "aaaaaa", 3);
    rcu_table_remove(fixture->table, "bbbbbb");
    char key[KEY_BYTES];
    for (uint64_t n = 0; n < 2000; n++) { /* the table grows beneath them */
        put(fixture->table, key_of(n, key), n);
    }
    assert_int_equal(mark_of(replaced), 1);
    assert_int_equal(mark_of(removed), 2);
    assert_int_equal(mark_of(rcu_table_find(fixture->table, "aaaaaa")), 3);
    assert_null(rcu_table_find(fixture->table, "bbbbbb"));
    /* a key that is not the one which was aimed at: so it looks on, in the slots of then */
    assert_null(rcu_table_hit(fixture->table, &aim, "cccccc"));
    urcu_bp_read_unlock();
}

/* What lies between the halves of a lookup does not matter: it answers as of one of both. */
static void test_rcu_table_aim_and_hit(void **state)
{
    struct fixture *fixture = *state;
    put(fixture->table, "aaaaaa", 1);
    urcu_bp_read_lock();
    const struct rcu_table_aim there = rcu_table_aim(fixture->table, "aaaaaa");
    const struct rcu_table_aim not_there = rcu_table_aim(fixture->table, "bbbbbb");
    assert_int_equal(mark_of(rcu_table_hit(fixture->table, &there, "aaaaaa")), 1);
    assert_null(rcu_table_hit(fixture->table, &not_there, "bbbbbb"));
    put(fixture->table, "aaaaaa", 2);
    put(fixture->table, "bbbbbb", 3);
    assert_int_equal(mark_of(rcu_table_hit(fixture->table, &there, "aaaaaa")), 1);
    assert_null(rcu_table_hit(fixture->table, &not_there, "bbbbbb"));
    urcu_bp_read_unlock();
    assert_int_equal(found(fixture->table, "aaaaaa"), 2);
    assert_int_equal(found(fixture->table, "bbbbbb"), 3);
}

#ifndef SANITIZER_WATCHES_MEMORY /* to look at what is no longer ours is what they are there for \
                                  */
static void test_rcu_table_wipes_what_no_reader_has(void **state)
{
    struct fixture *fixture = *state;
    put(fixture->table, "aaaaaa", 1);
    urcu_bp_read_lock();
    const struct value *gone = rcu_table_find(fixture->table, "aaaaaa");
    rcu_table_remove(fixture->table, "aaaaaa");
    assert_int_equal(mark_of(gone), 1);
    urcu_bp_read_unlock();
    urcu_bp_barrier();
    assert_int_equal(mark_of(gone), 0);
    put(fixture->table, "bbbbbb", 2); /* and it is used again */
    urcu_bp_read_lock();
    assert_ptr_equal(rcu_table_find(fixture->table, "bbbbbb"), gone);
    urcu_bp_read_unlock();
}
#endif

/* ------------------------------------------------------------------ threads */

#define READERS      2
#define WRITERS      3
#define RACE_KEYS    64
#define RACE_CHANGES 10000 /* of each writer */
#define GROWN        20000

struct race {
    struct fixture *fixture;
    pthread_barrier_t start;
    atomic_bool over;
    _Atomic uint64_t grown; /* keys below it are there, for good */
    _Atomic uint64_t wrong;
    _Atomic uint64_t found;
};

/* Of keys that stay, each is found; of others, what is found is whole. */
static void *read_on(void *arg)
{
    struct race *race = arg;
    char key[KEY_BYTES];
    uint64_t random = 1;
    (void)pthread_barrier_wait(&race->start);
    do { /* once at least, however the threads are scheduled */
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        const uint64_t grown = atomic_load(&race->grown);
        const uint64_t n = (random >> 33) % (grown + RACE_KEYS);
        const uint64_t mark = found(race->fixture->table, key_of(n, key));
        const bool is_right = mark == NONE ? n >= grown : mark != TORN && mark % GROWN == n;
        atomic_fetch_add(&race->wrong, !is_right);
        atomic_fetch_add(&race->found, mark != NONE);
    } while (!atomic_load(&race->over));
    return NULL;
}

static void start_readers(struct race *race, pthread_t readers[static READERS])
{
    assert_int_equal(pthread_barrier_init(&race->start, NULL, READERS + 1), 0);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, race), 0);
    }
    (void)pthread_barrier_wait(&race->start);
}

static void end_readers(struct race *race, const pthread_t readers[static READERS])
{
    atomic_store(&race->over, true);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&race->start);
    assert_int_equal(atomic_load(&race->wrong), 0);
}

static void test_rcu_table_grows_beneath_its_readers(void **state)
{
    struct race race = { .fixture = *state };
    struct rcu_table *table = race.fixture->table;
    pthread_t readers[READERS];
    char key[KEY_BYTES];
    start_readers(&race, readers);
    put(table, key_of(0, key), 0);
    atomic_store(&race.grown, 1);
    while (atomic_load(&race.found) == 0) { /* or else it may all be over before they are there */
        sched_yield();
    }
    for (uint64_t n = 1; n < GROWN; n++) {
        put(table, key_of(n, key), n);
        atomic_store(&race.grown, n + 1);
        if (n % 4 == 0) { /* replaced, and found all the while */
            put(table, key_of(n / 2, key), n / 2 + GROWN);
        }
    }
    end_readers(&race, readers);
    assert_true(atomic_load(&race.found) > 0);
}

static void test_rcu_table_changes_beneath_its_readers(void **state)
{
    struct race race = { .fixture = *state };
    struct rcu_table *table = race.fixture->table;
    pthread_t readers[READERS];
    char key[KEY_BYTES];
    start_readers(&race, readers);
    for (uint64_t n = 0; n < 2 * (uint64_t)RACE_CHANGES; n++) {
        const uint64_t which = n * 7 % RACE_KEYS;
        if (n % 5 == 0) {
            rcu_table_remove(table, key_of(which, key));
        } else {
            put(table, key_of(which, key), which + n * GROWN);
        }
    }
    end_readers(&race, readers);
}

struct writer {
    struct race *race;
    uint64_t number;
    size_t puts;
};

/* Keys of its own, which it must find as it left them, and one that all write. */
static void *write_on(void *arg)
{
    struct writer *writer = arg;
    struct race *race = writer->race;
    struct rcu_table *table = race->fixture->table;
    char key[KEY_BYTES];
    for (uint64_t n = 0; n < RACE_CHANGES; n++) {
        const uint64_t own = (n % (RACE_CHANGES / 4) + 1) * WRITERS + writer->number;
        uint64_t want = NONE;
        if (n % 5 == 0) {
            rcu_table_remove(table, key_of(own, key));
        } else {
            want = n;
            atomic_fetch_add(&race->wrong, try_put(table, key_of(own, key), n) != ST_OK);
            writer->puts++;
        }
        atomic_fetch_add(&race->wrong, found(table, key) != want);
        atomic_fetch_add(&race->wrong, try_put(table, key_of(0, key), n) != ST_OK);
        atomic_fetch_add(&race->wrong, found(table, key) >= RACE_CHANGES);
        writer->puts++;
    }
    return NULL;
}

static void count_entry(void *ctx, const void *value)
{
    (void)value;
    ++*(size_t *)ctx;
}

/* The table's lock serialises them: no change is lost, and each value leaves once. */
static void test_rcu_table_writers_take_turns(void **state)
{
    struct race race = { .fixture = *state };
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .race = &race, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, write_on, &writers[i]), 0);
    }
    size_t puts = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        puts += writers[i].puts;
    }
    assert_int_equal(atomic_load(&race.wrong), 0);
    size_t live = 0;
    urcu_bp_read_lock();
    rcu_table_visit(race.fixture->table, count_entry, &live);
    urcu_bp_read_unlock();
    /* of each writer's keys, one in five was removed last, in every round the same */
    assert_int_equal(live, 1 + WRITERS * (RACE_CHANGES / 4 / 5 * 4));
    assert_int_equal(race.fixture->left, puts - live);
}

/* ------------------------------------------------------------------ memory runs out */

static void test_rcu_table_new_without_memory(void **state)
{
    struct fixture *unused = *state;
    (void)unused;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct fixture fixture = { 0 };
    size_t nth = 1;
    bool reached;
    do {
        alloc_fail_arm(nth++);
        const enum status status = new_table(&fixture);
        reached = alloc_fail_disarm();
        assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
    } while (reached);
    assert_true(nth > 3); /* the table and its slots, at least */
    fixture.table = rcu_table_free(fixture.table);
    assert_null(fixture.table);
}

/* Each of the first thousand changes, with each of its allocations failing: nothing changed, and
 * what was there is found. */
static void test_rcu_table_put_without_memory_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    if (!alloc_fail_is_available()) {
        return;
    }
    char key[KEY_BYTES];
    size_t failures = 0;
    for (uint64_t n = 0; n < 1000; n++) {
        bool reached;
        size_t nth = 1;
        do {
            alloc_fail_arm(nth++);
            const enum status status = try_put(fixture->table, key_of(n, key), n);
            reached = alloc_fail_disarm();
            assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
            assert_int_equal(found(fixture->table, key_of(n, key)), reached ? NONE : n);
            assert_int_equal(found(fixture->table, key_of(n / 2, key)),
                             n == 0 && reached ? NONE : n / 2);
            failures += reached;
        } while (reached);
    }
    assert_true(failures >= 5); /* of chunks and slots */
    assert_int_equal(fixture->left, 0);
    alloc_fail_arm(1);
    for (uint64_t n = 0; n < 1000; n++) { /* to take away needs none */
        rcu_table_remove(fixture->table, key_of(n, key));
    }
    assert_false(alloc_fail_disarm());
    assert_int_equal(fixture->left, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_rcu_table_steps),
        T(test_rcu_table_keys_and_values_of_any_size),
        T(test_rcu_table_many_are_all_found),
        T(test_rcu_table_lasts_through_changes),
        T(test_rcu_table_hundred_take_no_huge_page_but_many_do),
        T(test_rcu_table_readers_keep_their_version),
        T(test_rcu_table_aim_and_hit),
#ifndef SANITIZER_WATCHES_MEMORY
        T(test_rcu_table_wipes_what_no_reader_has),
#endif
        T(test_rcu_table_grows_beneath_its_readers),
        T(test_rcu_table_changes_beneath_its_readers),
        T(test_rcu_table_writers_take_turns),
        T(test_rcu_table_new_without_memory),
        T(test_rcu_table_put_without_memory_changes_nothing),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
