/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table (base/rcu_table) from digest to block, and two lists that say what goes when it is full.
 *
 *     digest -> entry -> block: what the owner keeps, and the link in one of the lists
 *
 *     unproven   oldest first; put here when nobody said yes yet
 *     accepted   answered yes; the second-chance (clock) algorithm
 *
 * A hit takes no lock and moves nothing: a yes sets a flag of its block, once, and whoever makes
 * room looks at it. A flag on an unproven one moves it to the accepted; on an accepted one it is
 * taken away and the block goes to the end. Each step undoes a put or a yes, and one put takes
 * STEPS_MAX of them at most.
 *
 * Threats. Who has many good tokens puts many: that is what the bound is for. Who has many that are
 * good but get a no (expired, of deleted objects) only ever takes the place of others such. What
 * has left still takes memory until its grace period ends, so it is counted until then, and an
 * eighth of all is kept for it: when that is used up nothing is put.
 *
 * Digests are keyed, the key sits in guarded memory (base/quick_digest.h), and all is wiped when it
 * goes. That the table compares digests with memcmp() tells nobody anything: without the key, what
 * it compares is random to who asks.
 *
 * Threads: see the header. `lock` stands before the table's own lock, which calls left() under it.
 */
#include "authn/jwt/verified_tokens.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <sodium.h>
#include <urcu/list.h>
#include <urcu/urcu-bp.h>

#include "base/rcu_table.h"

/* A list is searched so far for who can go; some microseconds, if memory has to serve each. Then
 * the one at hand goes, or nothing. */
#define STEPS_MAX 64

/* What a table's entry takes with its share of the slots, and malloc of a block, beside itself. */
#define OVERHEAD_BYTES (64 + 22 + 16)

#define KEPT_MAX_BYTES                                                          \
    ((size_t)256 << 10) /* of one: claims are not longer than a token, and what \
                           points into them is a few times that */

_Static_assert(KEPT_MAX_BYTES < VERIFIED_TOKENS_MIN_BYTES / 2, "each finds room in an empty one");

struct block {
    struct rcu_head rcu;
    struct cds_list_head link; /* under the lock */
    struct verified_tokens *owner;
    struct quick_digest digest;
    atomic_bool has_new_yes; /* set by readers, taken away under the lock */
    bool is_accepted;        /* which list; under the lock */
    alignas(max_align_t) struct verified_token token; /* what is kept follows */
};

_Static_assert(sizeof(struct block) ==
                   offsetof(struct block, token) + sizeof(struct verified_token),
               "what is kept follows the token");
_Static_assert(sizeof(struct block) % alignof(max_align_t) == 0, "and is aligned as malloc's");

struct verified_tokens {
    struct rcu_table *table; /* of pointers to blocks, which it owns */
    struct quick_digest_key *key;
    size_t max_bytes;
    _Atomic size_t bytes; /* taken, by what is leaving too */
    pthread_mutex_t lock; /* of what is below, and of writers to the table */
    struct cds_list_head unproven;
    struct cds_list_head accepted;
    size_t live_bytes; /* taken by what can be found */
    uint64_t count;
    uint64_t accepted_count;
    uint64_t evicted;
    uint64_t refused;
};

static struct block *block_of(struct verified_token *token)
{
    return CONTAINER_OF(token, struct block, token);
}

static struct block *block_at(struct cds_list_head *link)
{
    return CONTAINER_OF(link, struct block, link);
}

static size_t block_bytes(const struct block *block)
{
    return sizeof(*block) + block->token.kept_len;
}

static size_t cost_of(const struct block *block)
{
    return block_bytes(block) + OVERHEAD_BYTES;
}

/* ------------------------------------------------------------------ one token */

struct verified_token *verified_token_new(size_t kept_len)
{
    if (kept_len > KEPT_MAX_BYTES) {
        return NULL;
    }
    struct block *block = calloc(1, sizeof(*block) + kept_len);
    if (!block) {
        return NULL;
    }
    block->token.kept_len = (uint32_t)kept_len;
    return &block->token;
}

static void block_free(struct block *block)
{
    sodium_memzero(block, block_bytes(block));
    free(block);
}

struct verified_token *verified_token_free(struct verified_token *token)
{
    if (token) {
        block_free(block_of(token));
    }
    return NULL;
}

void verified_token_was_accepted(struct verified_token *token)
{
    struct block *block = block_of(token);
    if (!atomic_load_explicit(&block->has_new_yes, memory_order_relaxed)) {
        atomic_store_explicit(&block->has_new_yes, true, memory_order_relaxed);
    }
}

/* ------------------------------------------------------------------ what leaves */

static void free_left(struct rcu_head *head)
{
    struct block *block = CONTAINER_OF(head, struct block, rcu);
    atomic_fetch_sub_explicit(&block->owner->bytes, cost_of(block), memory_order_relaxed);
    block_free(block);
}

/* Under both locks; when all is freed, of nobody else. */
static void left(void *ctx, const void *value)
{
    struct verified_tokens *tokens = ctx;
    struct block *block = *(struct block *const *)value;
    cds_list_del(&block->link);
    tokens->live_bytes -= cost_of(block);
    tokens->count--;
    tokens->accepted_count -= block->is_accepted;
    urcu_bp_call_rcu(&block->rcu, free_left);
}

/* ------------------------------------------------------------------ beginning and end */

static enum status init(struct verified_tokens *tokens)
{
    const struct rcu_table_options options = {
        .key_bytes = QUICK_DIGEST_BYTES,
        .value_bytes = sizeof(struct block *),
        .on_left = left,
        .ctx = tokens,
    };
    const enum status status = quick_digest_key_new(&tokens->key);
    return status == ST_OK ? rcu_table_new(&options, &tokens->table) : status;
}

enum status verified_tokens_new(size_t max_bytes, struct verified_tokens **ret_tokens)
{
    struct verified_tokens *tokens = calloc(1, sizeof(*tokens));
    if (!tokens) {
        return ST_NOMEM;
    }
    tokens->max_bytes =
        max_bytes > VERIFIED_TOKENS_MIN_BYTES ? max_bytes : VERIFIED_TOKENS_MIN_BYTES;
    (void)pthread_mutex_init(&tokens->lock, NULL); /* glibc's cannot fail */
    CDS_INIT_LIST_HEAD(&tokens->unproven);
    CDS_INIT_LIST_HEAD(&tokens->accepted);
    const enum status status = init(tokens);
    if (status != ST_OK) {
        (void)verified_tokens_free(tokens);
        return status;
    }
    *ret_tokens = tokens;
    return ST_OK;
}

struct verified_tokens *verified_tokens_free(struct verified_tokens *tokens)
{
    if (!tokens) {
        return NULL;
    }
    (void)rcu_table_free(tokens->table);
    urcu_bp_barrier(); /* blocks that wait for their grace period */
    (void)quick_digest_key_free(tokens->key);
    (void)pthread_mutex_destroy(&tokens->lock);
    free(tokens);
    return NULL;
}

const struct quick_digest_key *verified_tokens_key(const struct verified_tokens *tokens)
{
    return tokens->key;
}

struct verified_token *verified_tokens_find(const struct verified_tokens *tokens,
                                            const struct quick_digest *digest)
{
    struct block *const *found = rcu_table_find(tokens->table, digest->bytes);
    return found ? &(*found)->token : NULL;
}

/* ------------------------------------------------------------------ making room */

static void to_accepted_locked(struct verified_tokens *tokens, struct block *block)
{
    cds_list_del(&block->link);
    cds_list_add_tail(&block->link, &tokens->accepted);
    tokens->accepted_count += !block->is_accepted;
    block->is_accepted = true;
}

/* The first of @list without a new yes; those before it are accepted, at the end of the list of
 * those. NULL: there is none, or not within *@steps. */
static struct block *first_without_yes_locked(struct verified_tokens *tokens,
                                              struct cds_list_head *list,
                                              unsigned *steps)
{
    while (!cds_list_empty(list) && *steps > 0) {
        struct block *block = block_at(list->next);
        if (!atomic_exchange_explicit(&block->has_new_yes, false, memory_order_relaxed)) {
            return block;
        }
        to_accepted_locked(tokens, block);
        --*steps;
    }
    return NULL;
}

static struct block *pick_locked(struct verified_tokens *tokens,
                                 bool may_take_accepted,
                                 unsigned *steps)
{
    struct block *block = first_without_yes_locked(tokens, &tokens->unproven, steps);
    if (block || !may_take_accepted) {
        return block;
    }
    block = first_without_yes_locked(tokens, &tokens->accepted, steps);
    if (!block && !cds_list_empty(&tokens->accepted)) {
        block = block_at(tokens->accepted.next);
    }
    return block;
}

/* Return: whether @cost more find room. */
static bool make_room_locked(struct verified_tokens *tokens, size_t cost, bool may_take_accepted)
{
    unsigned steps = STEPS_MAX;
    if (atomic_load_explicit(&tokens->bytes, memory_order_relaxed) + cost > tokens->max_bytes) {
        return false; /* what left is not gone yet: to let go of more would help only later */
    }
    while (tokens->live_bytes + cost > tokens->max_bytes / 8 * 7) {
        struct block *block = pick_locked(tokens, may_take_accepted, &steps);
        if (!block) {
            return false;
        }
        const struct quick_digest digest = block->digest;
        rcu_table_remove(tokens->table, digest.bytes);
        tokens->evicted++;
    }
    return true;
}

/* ------------------------------------------------------------------ putting */

/* Of a token that is there already under another key's generation: what it was worth, it still is.
 */
static bool was_accepted_locked(struct verified_tokens *tokens, const struct quick_digest *digest)
{
    urcu_bp_read_lock();
    struct verified_token *old = verified_tokens_find(tokens, digest);
    const bool was_accepted =
        old && (block_of(old)->is_accepted ||
                atomic_load_explicit(&block_of(old)->has_new_yes, memory_order_relaxed));
    urcu_bp_read_unlock();
    return was_accepted;
}

static enum status put_locked(struct verified_tokens *tokens,
                              const struct quick_digest *digest,
                              struct block *block,
                              bool is_accepted)
{
    const size_t cost = cost_of(block);
    block->owner = tokens;
    block->digest = *digest;
    block->is_accepted = is_accepted || was_accepted_locked(tokens, digest);
    if (!make_room_locked(tokens, cost, block->is_accepted)) {
        tokens->refused++;
        return ST_LIMIT;
    }
    const enum status status = rcu_table_put(tokens->table, digest->bytes, &block);
    if (status == ST_OK) {
        cds_list_add_tail(&block->link, block->is_accepted ? &tokens->accepted : &tokens->unproven);
        (void)atomic_fetch_add_explicit(&tokens->bytes, cost, memory_order_relaxed);
        tokens->live_bytes += cost;
        tokens->count++;
        tokens->accepted_count += block->is_accepted;
    }
    return status;
}

enum status verified_tokens_put(struct verified_tokens *tokens,
                                const struct quick_digest *digest,
                                struct verified_token *token,
                                bool is_accepted)
{
    (void)pthread_mutex_lock(&tokens->lock); /* fails for wrong use only */
    const enum status status = put_locked(tokens, digest, block_of(token), is_accepted);
    (void)pthread_mutex_unlock(&tokens->lock);
    if (status != ST_OK) {
        block_free(block_of(token)); /* no reader has seen it */
    }
    return status;
}

/* ------------------------------------------------------------------ figures */

void verified_tokens_stats(struct verified_tokens *tokens, struct verified_tokens_stats *ret_stats)
{
    (void)pthread_mutex_lock(&tokens->lock);
    *ret_stats = (struct verified_tokens_stats){
        .count = tokens->count,
        .accepted = tokens->accepted_count,
        .bytes = atomic_load_explicit(&tokens->bytes, memory_order_relaxed),
        .evicted = tokens->evicted,
        .refused = tokens->refused,
    };
    (void)pthread_mutex_unlock(&tokens->lock);
}
