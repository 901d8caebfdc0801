/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of tokens whose signature was good: what is found, who goes when it is full, its bound,
 * threads, memory that runs out. */
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/jwt/verified_tokens.h"
#include "support/alloc_fail.h"

#define KEPT_BYTES 500 /* what a ServiceAccount token's claims take, about */

static int setup(void **state)
{
    struct verified_tokens *tokens;
    if (verified_tokens_new(VERIFIED_TOKENS_MIN_BYTES, &tokens) != ST_OK) {
        return -1;
    }
    *state = tokens;
    return 0;
}

static int teardown(void **state)
{
    *state = verified_tokens_free(*state);
    return 0;
}

/* TEST-ONLY: of the token with this number. */
static struct quick_digest digest_of(const struct verified_tokens *tokens, unsigned n)
{
    char text[32];
    struct quick_digest digest;
    const int len = snprintf(text, sizeof(text), "TEST-ONLY.%u", n);
    quick_digest_compute(verified_tokens_key(tokens),
                         (struct span){ .at = text, .len = (size_t)len }, &digest);
    return digest;
}

/* All bytes that are kept are of the mark. */
static struct verified_token *make(uint64_t mark, size_t kept_len)
{
    struct verified_token *token = verified_token_new(kept_len);
    if (token) {
        token->generation = mark;
        token->source = (uint32_t)mark;
        memset(verified_token_kept(token), (int)(mark & 0xff), kept_len);
    }
    return token;
}

static enum status try_put(
    struct verified_tokens *tokens, unsigned n, uint64_t mark, size_t kept_len, bool is_accepted)
{
    const struct quick_digest digest = digest_of(tokens, n);
    struct verified_token *token = make(mark, kept_len);
    assert_non_null(token);
    return verified_tokens_put(tokens, &digest, token, is_accepted);
}

static void put(struct verified_tokens *tokens, unsigned n, uint64_t mark, bool is_accepted)
{
    assert_int_equal(try_put(tokens, n, mark, KEPT_BYTES, is_accepted), ST_OK);
}

#define NONE UINT64_MAX
#define TORN (UINT64_MAX - 1)

static uint64_t mark_of(struct verified_token *token)
{
    if (!token) {
        return NONE;
    }
    const unsigned char *kept = verified_token_kept(token);
    for (size_t i = 0; i < token->kept_len; i++) {
        if (kept[i] != (token->generation & 0xff)) {
            return TORN;
        }
    }
    return token->source == (uint32_t)token->generation ? token->generation : TORN;
}

static uint64_t found(const struct verified_tokens *tokens, unsigned n)
{
    const struct quick_digest digest = digest_of(tokens, n);
    urcu_bp_read_lock();
    const uint64_t mark = mark_of(verified_tokens_find(tokens, &digest));
    urcu_bp_read_unlock();
    return mark;
}

/* Asked for, and answered yes. */
static bool accept_one(const struct verified_tokens *tokens, unsigned n)
{
    const struct quick_digest digest = digest_of(tokens, n);
    urcu_bp_read_lock();
    struct verified_token *token = verified_tokens_find(tokens, &digest);
    if (token) {
        verified_token_was_accepted(token);
    }
    urcu_bp_read_unlock();
    return token != NULL;
}

static struct verified_tokens_stats stats_of(struct verified_tokens *tokens)
{
    struct verified_tokens_stats stats;
    verified_tokens_stats(tokens, &stats);
    return stats;
}

/* ------------------------------------------------------------------ one thread */

static void test_verified_tokens_finds_what_was_put(void **state)
{
    struct verified_tokens *tokens = *state;
    assert_int_equal(found(tokens, 1), NONE);
    put(tokens, 1, 11, true);
    put(tokens, 2, 12, false);
    assert_int_equal(found(tokens, 1), 11);
    assert_int_equal(found(tokens, 2), 12);
    assert_int_equal(found(tokens, 3), NONE);
    put(tokens, 1, 21, false); /* verified again, under another key's generation */
    assert_int_equal(found(tokens, 1), 21);
    assert_int_equal(stats_of(tokens).count, 2);
    assert_int_equal(stats_of(tokens).accepted, 1); /* what it was worth, it still is */
    assert_int_equal(stats_of(tokens).evicted, 0);
}

static void test_verified_tokens_replaced_one_stays_with_its_readers(void **state)
{
    struct verified_tokens *tokens = *state;
    put(tokens, 1, 11, true);
    const struct quick_digest digest = digest_of(tokens, 1);
    urcu_bp_read_lock();
    struct verified_token *old = verified_tokens_find(tokens, &digest);
    put(tokens, 1, 21, true);
    assert_int_equal(mark_of(old), 11);
    verified_token_was_accepted(old);
    assert_int_equal(mark_of(verified_tokens_find(tokens, &digest)), 21);
    urcu_bp_read_unlock();
}

static void test_verified_tokens_keeps_any_length_aligned(void **state)
{
    struct verified_tokens *tokens = *state;
    static const size_t lengths[] = { 0, 1, 15, 16, 17, 500, 16384, 262144 };
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        struct verified_token *token = make(i, lengths[i]);
        assert_non_null(token);
        assert_int_equal((uintptr_t)verified_token_kept(token) % 16, 0);
        assert_int_equal(token->kept_len, lengths[i]);
        assert_null(verified_token_free(token));
        assert_int_equal(try_put(tokens, (unsigned)i, i, lengths[i], true), ST_OK);
        assert_int_equal(found(tokens, (unsigned)i), i);
    }
    assert_null(verified_token_new(262145));
    assert_null(verified_token_free(NULL));
}

static void test_verified_tokens_new_one_is_all_zero(void **state)
{
    (void)state;
    struct verified_token *token = verified_token_new(KEPT_BYTES);
    static const char zeroes[KEPT_BYTES];
    assert_non_null(token);
    assert_int_equal(token->generation, 0);
    assert_int_equal(token->source, 0);
    assert_memory_equal(verified_token_kept(token), zeroes, KEPT_BYTES);
    token = verified_token_free(token);
}

static void test_verified_tokens_caches_share_no_key(void **state)
{
    struct verified_tokens *tokens = *state;
    struct verified_tokens *other;
    assert_int_equal(verified_tokens_new(0, &other), ST_OK); /* as if the least were given */
    const struct quick_digest a = digest_of(tokens, 1);
    const struct quick_digest b = digest_of(other, 1);
    assert_false(quick_digest_equal(&a, &b));
    put(other, 1, 1, true);
    assert_int_equal(found(other, 1), 1);
    assert_null(verified_tokens_free(other));
    assert_null(verified_tokens_free(NULL));
}

#ifndef SANITIZER_WATCHES_MEMORY /* to look at what is no longer ours is what they are there for \
                                  */
static void test_verified_tokens_wipes_what_no_reader_has(void **state)
{
    struct verified_tokens *tokens = *state;
    (void)mallopt(M_PERTURB, 0); /* or else free() would write all over it (MALLOC_PERTURB_) */
    put(tokens, 1, 0x77, true);
    const struct quick_digest digest = digest_of(tokens, 1);
    urcu_bp_read_lock();
    const unsigned char *kept = verified_token_kept(verified_tokens_find(tokens, &digest));
    assert_int_equal(kept[KEPT_BYTES / 2], 0x77);
    urcu_bp_read_unlock();
    put(tokens, 1, 0x78, true);
    urcu_bp_barrier();
    assert_int_equal(kept[KEPT_BYTES / 2], 0); /* malloc's own words are at the beginning */
}
#endif

/* ------------------------------------------------------------------ who goes */

/* Distinct tokens until something went, so the cache is full; after each, what left is gone. */
static unsigned fill(struct verified_tokens *tokens, unsigned first, bool is_accepted)
{
    unsigned n = first;
    while (stats_of(tokens).evicted == 0) {
        put(tokens, n, n, is_accepted);
        n++;
    }
    urcu_bp_barrier();
    return n;
}

static size_t count_found(const struct verified_tokens *tokens, unsigned from, unsigned to)
{
    size_t count = 0;
    for (unsigned n = from; n < to; n++) {
        count += found(tokens, n) != NONE;
    }
    return count;
}

static void test_verified_tokens_oldest_unproven_goes_first(void **state)
{
    struct verified_tokens *tokens = *state;
    const unsigned full = fill(tokens, 0, false);
    assert_int_equal(found(tokens, 0), NONE);
    assert_int_equal(count_found(tokens, 1, full), full - 1);
    put(tokens, full, 1, false);
    assert_int_equal(found(tokens, 1), NONE);
    assert_int_equal(count_found(tokens, 2, full + 1), full - 1);
}

static void test_verified_tokens_accepted_stay_beside_a_flood_of_unproven(void **state)
{
    struct verified_tokens *tokens = *state;
    put(tokens, 0, 0, true);  /* accepted when it was put */
    put(tokens, 1, 1, false); /* later */
    assert_true(accept_one(tokens, 1));
    unsigned n = 2;
    for (; n < 10000; n++) {
        (void)try_put(tokens, n, n, KEPT_BYTES, false);
        if (n % 100 == 0) {
            urcu_bp_barrier();
        }
    }
    assert_int_equal(found(tokens, 0), 0);
    assert_int_equal(found(tokens, 1), 1);
    assert_true(stats_of(tokens).evicted > 5000);
    assert_int_equal(stats_of(tokens).accepted, 2);
}

/* Where all are accepted, one that is not finds no place, and one that is takes the place of one
 * that was not asked for since. */
static void test_verified_tokens_full_of_accepted(void **state)
{
    struct verified_tokens *tokens = *state;
    const unsigned full = fill(tokens, 0, true);
    assert_int_equal(found(tokens, 0), NONE);
    assert_int_equal(try_put(tokens, full, full, KEPT_BYTES, false), ST_LIMIT);
    assert_int_equal(found(tokens, full), NONE);
    assert_int_equal(stats_of(tokens).refused, 1);
    assert_int_equal(count_found(tokens, 1, full), full - 1);
    assert_true(accept_one(tokens, 1)); /* asked for: it has a second chance */
    put(tokens, full, full, true);
    urcu_bp_barrier();
    assert_int_equal(found(tokens, 1), 1);
    assert_int_equal(found(tokens, 2), NONE);
    put(tokens, full + 1, full, true);
    assert_int_equal(found(tokens, 3), NONE);
    assert_int_equal(count_found(tokens, 4, full + 2), full - 2);
}

/* All were asked for: still one goes, and no put looks at them all. */
static void test_verified_tokens_all_asked_for_lately(void **state)
{
    struct verified_tokens *tokens = *state;
    const unsigned full = fill(tokens, 0, true);
    for (unsigned n = 1; n < full; n++) {
        assert_true(accept_one(tokens, n));
    }
    put(tokens, full, 1, true);
    assert_int_equal(count_found(tokens, 1, full + 1), full - 1);
}

static void test_verified_tokens_large_one_takes_the_place_of_many(void **state)
{
    struct verified_tokens *tokens = *state;
    const unsigned full = fill(tokens, 0, true);
    assert_int_equal(try_put(tokens, full, 1, 50 * KEPT_BYTES, true), ST_OK);
    const size_t left = count_found(tokens, 0, full);
    assert_true(left < full - 30 && left > full - 60);
    assert_int_equal(found(tokens, full), 1);
}

/* ------------------------------------------------------------------ the bound */

static void test_verified_tokens_flood_stays_within_the_bound(void **state)
{
    struct verified_tokens *tokens = *state;
    uint64_t most = 0;
    size_t refused = 0;
    for (unsigned n = 0; n < 100000; n++) {
        refused += try_put(tokens, n, n, KEPT_BYTES, true) != ST_OK;
        const uint64_t bytes = stats_of(tokens).bytes;
        most = bytes > most ? bytes : most;
    }
    assert_true(most <= VERIFIED_TOKENS_MIN_BYTES);
    assert_true(most > VERIFIED_TOKENS_MIN_BYTES / 8 * 6);
    assert_int_equal(stats_of(tokens).refused, refused);
    urcu_bp_barrier();
    const struct verified_tokens_stats stats = stats_of(tokens);
    assert_true(stats.bytes <= VERIFIED_TOKENS_MIN_BYTES / 8 * 7);
    assert_int_equal(stats.count + stats.evicted + stats.refused, 100000);
}

/* While a reader is inside, nothing is freed: then no more than the bound is taken all the same. */
static void test_verified_tokens_reader_that_stays_lets_nobody_in(void **state)
{
    struct verified_tokens *tokens = *state;
    (void)fill(tokens, 0, true);
    urcu_bp_read_lock();
    enum status status = ST_OK;
    for (unsigned n = 10000; n < 12000 && status == ST_OK; n++) {
        status = try_put(tokens, n, n, KEPT_BYTES, true);
    }
    assert_int_equal(status, ST_LIMIT);
    assert_true(stats_of(tokens).bytes <= VERIFIED_TOKENS_MIN_BYTES);
    urcu_bp_read_unlock();
    urcu_bp_barrier();
    put(tokens, 20000, 1, true);
}

/* ------------------------------------------------------------------ a naive model */

#define MODEL_TOKENS 4000
#define MODEL_STEPS  12000

struct model_token {
    uint64_t mark;  /* NONE: not there */
    uint64_t place; /* in its list; the list is by it in order */
    bool is_accepted;
    bool has_yes;
};

struct model {
    struct model_token tokens[MODEL_TOKENS];
    uint64_t places;
    size_t count;
    size_t capacity; /* in tokens, all of one size; found out when it was full the first time */
};

static struct model_token *first_of(struct model *model, bool is_accepted)
{
    struct model_token *first = NULL;
    for (size_t i = 0; i < MODEL_TOKENS; i++) {
        struct model_token *token = &model->tokens[i];
        if (token->mark != NONE && token->is_accepted == is_accepted &&
            (!first || token->place < first->place)) {
            first = token;
        }
    }
    return first;
}

/* As the header has it, and 64 at most are looked at. */
static struct model_token *victim_of(struct model *model, bool may_take_accepted)
{
    unsigned steps = 64;
    for (int is_accepted = 0; is_accepted <= may_take_accepted; is_accepted++) {
        struct model_token *token;
        while (steps > 0 && (token = first_of(model, is_accepted))) {
            if (!token->has_yes) {
                return token;
            }
            token->has_yes = false;
            token->is_accepted = true;
            token->place = model->places++;
            steps--;
        }
    }
    return may_take_accepted ? first_of(model, true) : NULL;
}

static void model_put(struct model *model, struct model_token *token, uint64_t mark, bool yes)
{
    const bool is_accepted = yes || (token->mark != NONE && (token->is_accepted || token->has_yes));
    if (model->capacity > 0 && model->count == model->capacity) {
        struct model_token *victim = victim_of(model, is_accepted);
        if (!victim) {
            return;
        }
        victim->mark = NONE;
        model->count--;
    }
    model->count += token->mark == NONE;
    *token =
        (struct model_token){ .mark = mark, .place = model->places++, .is_accepted = is_accepted };
}

static void check_model(const struct verified_tokens *tokens, const struct model *model)
{
    size_t wrong = 0;
    for (unsigned n = 0; n < MODEL_TOKENS; n++) {
        wrong += found(tokens, n) != model->tokens[n].mark;
    }
    assert_int_equal(wrong, 0);
}

static void test_verified_tokens_is_as_a_naive_list_has_it(void **state)
{
    struct verified_tokens *tokens = *state;
    struct model *model = test_calloc(1, sizeof(*model));
    uint64_t random = 7;
    for (unsigned n = 0; n < MODEL_TOKENS; n++) {
        model->tokens[n].mark = NONE;
    }
    /* of each place of the bound, as the implementation has it: live ones take seven eighths */
    put(tokens, 0, 0, false);
    model_put(model, &model->tokens[0], 0, false);
    model->capacity = VERIFIED_TOKENS_MIN_BYTES / 8 * 7 / stats_of(tokens).bytes;
    for (unsigned step = 1; step < MODEL_STEPS; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        const unsigned n = (unsigned)(random >> 33) % (step % 3000 < 1500 ? MODEL_TOKENS : 800);
        const bool yes = (random >> 20) % 3 == 0;
        if ((random >> 24) % 2) {
            const enum status status = try_put(tokens, n, step, KEPT_BYTES, yes);
            model_put(model, &model->tokens[n], step, yes);
            assert_int_equal(status == ST_OK, model->tokens[n].mark == step);
        } else {
            assert_int_equal(accept_one(tokens, n), model->tokens[n].mark != NONE);
            model->tokens[n].has_yes = model->tokens[n].mark != NONE;
        }
        assert_int_equal(found(tokens, n), model->tokens[n].mark);
        if (step % 100 == 0) {
            urcu_bp_barrier(); /* what left is gone: or else the bound may be in the way */
        }
        if (step % 500 == 0) {
            check_model(tokens, model);
        }
    }
    check_model(tokens, model);
    assert_int_equal(stats_of(tokens).count, model->count);
    assert_true(stats_of(tokens).evicted > 1000);
    test_free(model);
}

/* ------------------------------------------------------------------ threads */

#define RACE_THREADS 4
#define RACE_STEPS   20000
#define RACE_TOKENS  3000 /* some 1,300 find room */

struct racer {
    struct verified_tokens *tokens;
    pthread_barrier_t *start;
    uint64_t random;
    size_t wrong;
    size_t hits;
};

/* What is found under a token's number was put under it. */
static void *race_on(void *arg)
{
    struct racer *racer = arg;
    (void)pthread_barrier_wait(racer->start);
    for (unsigned step = 0; step < RACE_STEPS; step++) {
        racer->random = racer->random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        const unsigned n = (unsigned)(racer->random >> 33) % RACE_TOKENS;
        const struct quick_digest digest = digest_of(racer->tokens, n);
        urcu_bp_read_lock();
        struct verified_token *token = verified_tokens_find(racer->tokens, &digest);
        if (token) {
            racer->hits++;
            racer->wrong += mark_of(token) == TORN || token->generation % RACE_TOKENS != n;
            if (n % 2) {
                verified_token_was_accepted(token);
            }
        }
        urcu_bp_read_unlock();
        if (!token || racer->random >> 28 == 0) {
            struct verified_token *fresh = make(n + (uint64_t)step * RACE_TOKENS, KEPT_BYTES);
            (void)(fresh &&
                   verified_tokens_put(racer->tokens, &digest, fresh, n % 4 == 1) == ST_OK);
        }
        if (step % 1000 == 0) {
            racer->wrong += stats_of(racer->tokens).bytes > VERIFIED_TOKENS_MIN_BYTES;
        }
    }
    return NULL;
}

static void test_verified_tokens_threads_put_and_find(void **state)
{
    struct racer racers[RACE_THREADS];
    pthread_t threads[RACE_THREADS];
    pthread_barrier_t start;
    size_t hits = 0;
    assert_int_equal(pthread_barrier_init(&start, NULL, RACE_THREADS), 0);
    for (size_t i = 0; i < RACE_THREADS; i++) {
        racers[i] = (struct racer){ .tokens = *state, .start = &start, .random = i + 1 };
        assert_int_equal(pthread_create(&threads[i], NULL, race_on, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACE_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(racers[i].wrong, 0);
        hits += racers[i].hits;
    }
    (void)pthread_barrier_destroy(&start);
    assert_true(hits > 0);
    urcu_bp_barrier();
    const struct verified_tokens_stats stats = stats_of(*state);
    assert_int_equal(stats.count, count_found(*state, 0, RACE_TOKENS));
    assert_true(stats.bytes <= VERIFIED_TOKENS_MIN_BYTES / 8 * 7);
}

/* ------------------------------------------------------------------ memory runs out */

static void test_verified_tokens_new_without_memory(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct verified_tokens *tokens = NULL;
    size_t nth = 1;
    bool reached;
    do {
        alloc_fail_arm(nth++);
        const enum status status = verified_tokens_new(VERIFIED_TOKENS_MIN_BYTES, &tokens);
        reached = alloc_fail_disarm();
        assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
    } while (reached);
    assert_true(nth > 4); /* the cache, its key, the table and its slots */
    tokens = verified_tokens_free(tokens);
}

static void test_verified_tokens_put_without_memory_changes_nothing(void **state)
{
    struct verified_tokens *tokens = *state;
    if (!alloc_fail_is_available()) {
        return;
    }
    alloc_fail_arm(1);
    assert_null(verified_token_new(KEPT_BYTES));
    assert_true(alloc_fail_disarm());
    size_t failures = 0;
    for (unsigned n = 0; n < 1000; n++) {
        const struct quick_digest digest = digest_of(tokens, n);
        struct verified_token *token = make(n, KEPT_BYTES);
        const struct verified_tokens_stats before = stats_of(tokens);
        alloc_fail_arm(1);
        const enum status status = verified_tokens_put(tokens, &digest, token, true);
        const bool failed = alloc_fail_disarm();
        assert_int_equal(status, failed ? ST_NOMEM : ST_OK);
        assert_int_equal(found(tokens, n), failed ? NONE : n);
        assert_int_equal(stats_of(tokens).count, before.count + !failed);
        assert_true((stats_of(tokens).bytes > before.bytes) == !failed);
        failures += failed;
    }
    assert_true(failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_verified_tokens_finds_what_was_put),
        T(test_verified_tokens_replaced_one_stays_with_its_readers),
        T(test_verified_tokens_keeps_any_length_aligned),
        T(test_verified_tokens_new_one_is_all_zero),
        T(test_verified_tokens_caches_share_no_key),
#ifndef SANITIZER_WATCHES_MEMORY
        T(test_verified_tokens_wipes_what_no_reader_has),
#endif
        T(test_verified_tokens_oldest_unproven_goes_first),
        T(test_verified_tokens_accepted_stay_beside_a_flood_of_unproven),
        T(test_verified_tokens_full_of_accepted),
        T(test_verified_tokens_all_asked_for_lately),
        T(test_verified_tokens_large_one_takes_the_place_of_many),
        T(test_verified_tokens_flood_stays_within_the_bound),
        T(test_verified_tokens_reader_that_stays_lets_nobody_in),
        T(test_verified_tokens_is_as_a_naive_list_has_it),
        T(test_verified_tokens_threads_put_and_find),
        T(test_verified_tokens_new_without_memory),
        T(test_verified_tokens_put_without_memory_changes_nothing),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
