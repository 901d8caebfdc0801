/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lookup in base/rcu_table and in liburcu's cds_lfht: the reason for the former.
 *
 * Both hold the same keys with values of the same size, hashed alike. They are asked for keys in
 * random order, in rounds that alternate, and the median of each counts. What is found is read at
 * both ends. "beside a digest" is what a question costs: the digest of a token secret is computed
 * too, by rcu_table's reader between the halves of its lookup.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>
#include <urcu/rculfhash.h>
#include <urcu/urcu-bp.h>

#include "base/digest.h"
#include "base/rcu_table.h"
#include "dependent_load.h"

#define ROUNDS      9
#define LOOKUPS     200000
#define KEY_BYTES   6
#define VALUE_WORDS 14 /* a credential's size */

struct value {
    uint64_t words[VALUE_WORDS];
};

struct node {
    struct cds_lfht_node node;
    uint64_t key;
    struct value value;
    struct rcu_head rcu; /* as an entry needs it to leave */
};

struct bench {
    struct rcu_table *ours;
    struct cds_lfht *theirs;
    struct node **nodes; /* owns */
    uint64_t count;
    uint64_t sum; /* of what was read: keeps the compiler from leaving it out */
    struct digest_key *digest_key;
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

static void require(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "not so: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static unsigned long hash_of(const struct bench *bench, uint64_t key)
{
    unsigned long hash;
    (void)crypto_shorthash((uint8_t *)&hash, (const uint8_t *)&key, KEY_BYTES, bench->hash_key);
    return hash;
}

static int match(struct cds_lfht_node *node, const void *key)
{
    return ((const struct node *)(const void *)node)->key == *(const uint64_t *)key;
}

static void fill(struct bench *bench, uint64_t count)
{
    const struct rcu_table_options options = { .key_bytes = KEY_BYTES,
                                               .value_bytes = sizeof(struct value) };
    *bench = (struct bench){ .count = count, .nodes = calloc(count, sizeof(*bench->nodes)) };
    bench->theirs = cds_lfht_new_flavor(64, 64, 0, 0, &urcu_bp_flavor, NULL);
    require(bench->nodes && bench->theirs, "there is memory");
    require(rcu_table_new(&options, &bench->ours) == ST_OK, "a table is made");
    require(digest_key_new(&bench->digest_key) == ST_OK, "a key is made");
    crypto_shorthash_keygen(bench->hash_key);
    unsigned long buckets = 64;
    for (uint64_t key = 0; key < count; key++) {
        const struct value value = { { key, [VALUE_WORDS - 1] = key } };
        require(rcu_table_put(bench->ours, &key, &value) == ST_OK, "there is memory");
        struct node *node = calloc(1, sizeof(*node));
        require(node != NULL, "there is memory");
        node->key = key;
        node->value = value;
        urcu_bp_read_lock();
        cds_lfht_add(bench->theirs, hash_of(bench, key), &node->node);
        urcu_bp_read_unlock();
        if (key + 1 > buckets) {
            buckets *= 2;
            cds_lfht_resize(bench->theirs, buckets);
        }
        bench->nodes[key] = node;
    }
}

static void empty(struct bench *bench)
{
    for (uint64_t i = 0; i < bench->count; i++) {
        urcu_bp_read_lock();
        (void)cds_lfht_del(bench->theirs, &bench->nodes[i]->node);
        urcu_bp_read_unlock();
    }
    urcu_bp_synchronize_rcu();
    for (uint64_t i = 0; i < bench->count; i++) {
        free(bench->nodes[i]);
    }
    (void)cds_lfht_destroy(bench->theirs, NULL);
    free(bench->nodes);
    bench->ours = rcu_table_free(bench->ours);
    bench->digest_key = digest_key_free(bench->digest_key);
}

static void add_up(struct bench *bench, const struct value *value)
{
    require(value != NULL, "what was put is found");
    bench->sum += value->words[0] + value->words[VALUE_WORDS - 1];
}

static void compute(struct bench *bench)
{
    struct digest digest;
    digest_compute(bench->digest_key, SPAN_LITERAL("0123456789abcdef"), &digest); /* TEST-ONLY */
    bench->sum += digest.bytes[0];
}

static const struct value *find_theirs(struct bench *bench, uint64_t key)
{
    struct cds_lfht_iter iter;
    cds_lfht_lookup(bench->theirs, hash_of(bench, key), match, &key, &iter);
    struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
    return node ? &((struct node *)(void *)node)->value : NULL;
}

static void ask_theirs(struct bench *bench, uint64_t key)
{
    add_up(bench, find_theirs(bench, key));
}

static void ask_ours(struct bench *bench, uint64_t key)
{
    add_up(bench, rcu_table_find(bench->ours, &key));
}

static void question_theirs(struct bench *bench, uint64_t key)
{
    compute(bench);
    add_up(bench, find_theirs(bench, key));
}

static void question_ours(struct bench *bench, uint64_t key)
{
    const struct rcu_table_aim aim = rcu_table_aim(bench->ours, &key);
    compute(bench);
    add_up(bench, rcu_table_hit(bench->ours, &aim, &key));
}

static double time_round(struct bench *bench, void (*ask)(struct bench *, uint64_t))
{
    uint64_t state = 1;
    struct timespec from;
    struct timespec to;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (int i = 0; i < LOOKUPS; i++) {
        /* what was read decides about the next: a server's lookups do not overlap either */
        state += bench->sum;
        const uint64_t key = load_random(&state, (uint32_t)bench->count);
        urcu_bp_read_lock();
        ask(bench, key);
        urcu_bp_read_unlock();
    }
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
           LOOKUPS;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[static ROUNDS])
{
    qsort(values, ROUNDS, sizeof(values[0]), compare_doubles);
    return values[ROUNDS / 2];
}

static void compare(struct bench *bench,
                    const char *what,
                    void (*ours)(struct bench *, uint64_t),
                    void (*theirs)(struct bench *, uint64_t))
{
    double a[ROUNDS];
    double b[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        a[i] = time_round(bench, ours);
        b[i] = time_round(bench, theirs);
    }
    const double us = median(a);
    const double them = median(b);
    (void)printf("%8llu keys, %-16s rcu_table %6.0f ns  cds_lfht %6.0f ns  ratio %.2f\n",
                 (unsigned long long)bench->count, what, us, them, them / us);
}

int main(void)
{
    static const uint64_t counts[] = { 100, 20000, 1000000 };
    (void)printf("a dependent random load over 400 MB: %.0f ns\n", dependent_load_ns());
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct bench bench;
        fill(&bench, counts[i]);
        compare(&bench, "a lookup", ask_ours, ask_theirs);
        compare(&bench, "beside a digest", question_ours, question_theirs);
        empty(&bench);
    }
    return EXIT_SUCCESS;
}
