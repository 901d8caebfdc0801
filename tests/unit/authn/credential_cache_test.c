/* SPDX-License-Identifier: Apache-2.0 */
/* The table of credentials: what is found, what a replacement leaves behind, and readers beside a
 * writer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/credential_cache.h"

static int setup(void **state)
{
    struct credential_cache *cache;
    if (credential_cache_new(&cache) != ST_OK) {
        return -1;
    }
    *state = cache;
    return 0;
}

static int teardown(void **state)
{
    *state = credential_cache_free(*state);
    return 0;
}

/* TEST-ONLY: a credential that can be told apart by its expiration. */
static void put(struct credential_cache *cache, struct span id, int64_t mark)
{
    struct credential credential = { .expiry = CREDENTIAL_EXPIRES, .expires = { .sec = mark } };
    /* the low bit of the mark picks the group list, so that both change together */
    const struct span extra =
        mark % 2 ? SPAN_LITERAL("system:bootstrappers:odd") : (struct span){ 0 };
    assert_int_equal(credential_cache_ref_groups(cache, extra, &credential.groups), ST_OK);
    assert_int_equal(credential_cache_put(cache, id, &credential), ST_OK);
}

static int64_t mark_of(const struct credential_cache *cache, struct span id)
{
    urcu_bp_read_lock();
    const struct credential *credential = credential_cache_find(cache, id);
    const int64_t mark = credential ? credential->expires.sec : -1;
    urcu_bp_read_unlock();
    return mark;
}

/* A status that does not fit would be cut: at worst to ST_OK, "usable". */
static void test_regress_10_credential_cache_keeps_every_status(void **state)
{
    struct credential_cache *cache = *state;
    const struct span id = SPAN_LITERAL("aaaaaa");
    for (int status = 0; status < STATUS_COUNT_; status++) {
        const struct credential credential = { .unusable = (enum status)status };
        assert_int_equal(credential_cache_put(cache, id, &credential), ST_OK);
        urcu_bp_read_lock();
        const struct credential *found = credential_cache_find(cache, id);
        assert_non_null(found);
        const enum status kept = found->unusable;
        urcu_bp_read_unlock();
        assert_int_equal(kept, status);
    }
}

static void test_credential_cache_finds_only_what_was_put(void **state)
{
    struct credential_cache *cache = *state;
    assert_int_equal(mark_of(cache, SPAN_LITERAL("aaaaaa")), -1);
    put(cache, SPAN_LITERAL("aaaaaa"), 1);
    put(cache, SPAN_LITERAL("aaaaab"), 2);
    assert_int_equal(mark_of(cache, SPAN_LITERAL("aaaaaa")), 1);
    assert_int_equal(mark_of(cache, SPAN_LITERAL("aaaaab")), 2);
    assert_int_equal(mark_of(cache, SPAN_LITERAL("baaaaa")), -1);
    credential_cache_remove(cache, SPAN_LITERAL("aaaaaa"));
    credential_cache_remove(cache, SPAN_LITERAL("aaaaaa"));
    assert_int_equal(mark_of(cache, SPAN_LITERAL("aaaaaa")), -1);
    assert_int_equal(mark_of(cache, SPAN_LITERAL("aaaaab")), 2);
}

static void test_credential_cache_put_renders_the_user(void **state)
{
    struct credential_cache *cache = *state;
    put(cache, SPAN_LITERAL("abc123"), 1);
    urcu_bp_read_lock();
    const struct credential *credential = credential_cache_find(cache, SPAN_LITERAL("abc123"));
    assert_non_null(credential);
    assert_true(span_equal(credential_name(credential), SPAN_LITERAL("system:bootstrap:abc123")));
    assert_true(span_equal((struct span){ .at = credential->head, .len = sizeof(credential->head) },
                           SPAN_LITERAL("{\"username\":\"system:bootstrap:abc123\",\"groups\":")));
    urcu_bp_read_unlock();
}

/* A reader that holds the old version keeps it whole while a new one is served to others. */
static void test_credential_cache_replace_leaves_readers_their_version(void **state)
{
    struct credential_cache *cache = *state;
    put(cache, SPAN_LITERAL("abc123"), 1);
    urcu_bp_read_lock();
    const struct credential *old = credential_cache_find(cache, SPAN_LITERAL("abc123"));
    put(cache, SPAN_LITERAL("abc123"), 2);
    const struct credential *fresh = credential_cache_find(cache, SPAN_LITERAL("abc123"));
    assert_ptr_not_equal(old, fresh);
    assert_int_equal(old->expires.sec, 1);
    assert_int_equal(old->groups->count, 2);
    assert_int_equal(fresh->expires.sec, 2);
    assert_int_equal(fresh->groups->count, 1);
    urcu_bp_read_unlock();
}

static void test_credential_cache_dummy_passes_all_but_the_secret(void **state)
{
    struct credential_cache *cache = *state;
    const struct credential *dummy = credential_cache_dummy(cache);
    assert_true(dummy->is_live && dummy->is_bootstrap_type && dummy->has_data);
    assert_true(dummy->id_matches && dummy->may_authenticate);
    assert_int_equal(dummy->expiry, CREDENTIAL_NEVER_EXPIRES);
    assert_non_null(dummy->groups);
    const struct digest zero = { 0 };
    assert_false(digest_equal(&dummy->secret, &zero));
    struct digest of_nothing;
    digest_compute(credential_cache_key(cache), (struct span){ 0 }, &of_nothing);
    assert_false(digest_equal(&dummy->secret, &of_nothing));
}

static void test_credential_cache_keys_differ(void **state)
{
    struct credential_cache *cache = *state;
    struct credential_cache *other;
    assert_int_equal(credential_cache_new(&other), ST_OK);
    struct digest a;
    struct digest b;
    digest_compute(credential_cache_key(cache), SPAN_LITERAL("same"), &a);
    digest_compute(credential_cache_key(other), SPAN_LITERAL("same"), &b);
    assert_false(digest_equal(&a, &b));
    other = credential_cache_free(other);
    assert_null(other);
}

#define MANY 20000 /* enough for the table to double many times */

static struct span make_id(unsigned n, char text[static BOOTSTRAP_TOKEN_ID_BYTES])
{
    for (size_t i = 0; i < BOOTSTRAP_TOKEN_ID_BYTES; i++, n /= 36) {
        text[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36];
    }
    return (struct span){ .at = text, .len = BOOTSTRAP_TOKEN_ID_BYTES };
}

static void test_credential_cache_many_are_all_found(void **state)
{
    struct credential_cache *cache = *state;
    char text[BOOTSTRAP_TOKEN_ID_BYTES];
    for (unsigned n = 0; n < MANY; n++) {
        put(cache, make_id(n, text), n);
    }
    for (unsigned n = 0; n < MANY; n += 3) {
        credential_cache_remove(cache, make_id(n, text));
    }
    for (unsigned n = 0; n < MANY; n++) {
        assert_int_equal(mark_of(cache, make_id(n, text)), n % 3 ? (int64_t)n : -1);
    }
}

/* A table that stops growing is a list. Then a lookup among GROWN_IDS entries costs some 200 times
 * what it costs among FEW_IDS; in a table that grows it is below 10 (memory is far away). */
#define FEW_IDS    1000
#define GROWN_IDS  100000
#define GROWN_MOST 50

static double ns_per_find(const struct credential_cache *cache, unsigned ids)
{
    char text[BOOTSTRAP_TOKEN_ID_BYTES];
    double best = 1e18; /* of some rounds: the others met other programs */
    for (int round = 0; round < 5; round++) {
        struct timespec from;
        struct timespec to;
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        for (unsigned n = 0; n < FEW_IDS; n++) {
            assert_true(mark_of(cache, make_id(n * 31 % ids, text)) >= 0);
        }
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        const double ns =
            (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
        best = ns < best ? ns : best;
    }
    return best / FEW_IDS;
}

static void test_credential_cache_lookups_stay_fast_as_it_grows(void **state)
{
    struct credential_cache *cache = *state;
    char text[BOOTSTRAP_TOKEN_ID_BYTES];
    for (unsigned n = 0; n < FEW_IDS; n++) {
        put(cache, make_id(n, text), n);
    }
    const double few = ns_per_find(cache, FEW_IDS);
    for (unsigned n = FEW_IDS; n < GROWN_IDS; n++) {
        put(cache, make_id(n, text), n);
    }
    const double grown = ns_per_find(cache, GROWN_IDS);
    if (grown > GROWN_MOST * few) {
        fail_msg("%.0f ns a lookup among %d, %.0f among %d", few, FEW_IDS, grown, GROWN_IDS);
    }
}

/* Readers beside a writer. The writer stops after a fixed number of changes, the readers with it.
 */
#define RACE_IDS     16
#define RACE_READERS 3
#define RACE_CHANGES 20000

struct race {
    struct credential_cache *cache;
    pthread_barrier_t start;
    atomic_bool over;
    _Atomic uint64_t torn;
    _Atomic uint64_t found;
};

static void *read_on(void *arg)
{
    struct race *race = arg;
    char text[BOOTSTRAP_TOKEN_ID_BYTES];
    (void)pthread_barrier_wait(&race->start);
    unsigned n = 0;
    do { /* once at least, however the threads are scheduled */
        const struct span id = make_id(n % RACE_IDS, text);
        urcu_bp_read_lock();
        const struct credential *credential = credential_cache_find(race->cache, id);
        if (credential) {
            const size_t want_groups = credential->expires.sec % 2 ? 2 : 1;
            const bool whole = credential->groups->count == want_groups &&
                               memcmp(credential_name(credential).at + strlen("system:bootstrap:"),
                                      id.at, id.len) == 0;
            atomic_fetch_add(&race->found, 1);
            atomic_fetch_add(&race->torn, !whole);
        }
        urcu_bp_read_unlock();
        n++;
    } while (!atomic_load(&race->over));
    return NULL;
}

static void test_credential_cache_readers_see_whole_versions(void **state)
{
    struct race race = { .cache = *state };
    pthread_t readers[RACE_READERS];
    char text[BOOTSTRAP_TOKEN_ID_BYTES];
    for (unsigned n = 0; n < RACE_IDS; n++) {
        put(race.cache, make_id(n, text), n);
    }
    assert_int_equal(pthread_barrier_init(&race.start, NULL, RACE_READERS + 1), 0);
    for (size_t i = 0; i < RACE_READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &race), 0);
    }
    (void)pthread_barrier_wait(&race.start);
    for (unsigned n = 1; n < RACE_CHANGES; n++) {
        const struct span id = make_id(n * 7 % RACE_IDS, text);
        if (n % 5 == 0) {
            credential_cache_remove(race.cache, id);
        } else {
            put(race.cache, id, n);
        }
    }
    atomic_store(&race.over, true);
    for (size_t i = 0; i < RACE_READERS; i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&race.start);
    assert_int_equal(atomic_load(&race.torn), 0);
    assert_true(atomic_load(&race.found) > 0);
}

struct taint_tally {
    size_t pieces;
    size_t bytes;
};

static void tally(void *ctx, const void *at, size_t len)
{
    struct taint_tally *sum = ctx;
    assert_non_null(at);
    sum->pieces++;
    sum->bytes += len;
}

static void test_credential_cache_taint_names_key_and_every_digest(void **state)
{
    struct credential_cache *cache = *state;
    put(cache, SPAN_LITERAL("aaaaaa"), 1);
    put(cache, SPAN_LITERAL("bbbbbb"), 2);
    struct taint_tally sum = { 0 };
    credential_cache_taint(cache, tally, &sum);
    assert_int_equal(sum.pieces, 4); /* two digests, the dummy's, the key */
    assert_int_equal(sum.bytes, 4 * DIGEST_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_regress_10_credential_cache_keeps_every_status),
        T(test_credential_cache_finds_only_what_was_put),
        T(test_credential_cache_put_renders_the_user),
        T(test_credential_cache_replace_leaves_readers_their_version),
        T(test_credential_cache_dummy_passes_all_but_the_secret),
        T(test_credential_cache_keys_differ),
        T(test_credential_cache_many_are_all_found),
        T(test_credential_cache_lookups_stay_fast_as_it_grows),
        T(test_credential_cache_readers_see_whole_versions),
        T(test_credential_cache_taint_names_key_and_every_digest),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
