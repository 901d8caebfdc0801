/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock-free hash table (liburcu's cds_lfht) from token ID to credential.
 *
 * Threats. A core file or a stray read must not give tokens away: only keyed digests are kept, the
 * key sits in guarded memory (base/digest.h). Token IDs in questions are the attacker's choice and
 * those in Secrets are nearly so (whoever may create Secrets picks them), so the table is hashed
 * with SipHash-2-4 under a random key: nobody can prepare a long chain. libsodium's
 * crypto_shorthash is made for exactly this and costs some 20 ns.
 *
 * Same work for an unknown ID: the dummy is a credential like any other, with the digest of random
 * bytes, so that the code behind the lookup has no second path.
 *
 * Memory, at a million entries: an entry is one malloc block of 160 bytes, its share of the table
 * 16 to 32 more (tests/bench/cache_bytes.c measures). Group lists are shared (group_lists.h).
 *
 * The table grows here and not by CDS_LFHT_AUTO_RESIZE. That flag leaves growth to a thread of
 * liburcu, and up to the newest release the launch of that thread races with its end: when the
 * resize is done before the launcher has noted that it began, the table believes for ever that a
 * resize is under way and never grows again (seen with liburcu 0.13 on two processors in nearly
 * every run; a lookup among a million entries then took 200 microseconds). There is one writer,
 * which counts anyway, so it doubles the table when there are as many entries as buckets. Readers
 * notice nothing. The table never shrinks: what the largest number of Secrets once needed is kept.
 * max_nr_buckets stays 0, since any other value reserves address space for that many.
 *
 * Freeing: an entry that was replaced or removed waits for a grace period (call_rcu). Its reference
 * to the group list is given back at once, by the loop's thread; the list itself waits for a grace
 * period of its own, which cannot end before the entry's readers have left.
 *
 * Threads of liburcu: one runs the callbacks of call_rcu; creating the cache creates it, because
 * liburcu aborts when it cannot, and that had better happen at the start. Doubling a large table
 * takes short-lived helpers. liburcu 0.13 does not block signals in either, so both are started
 * with all signals blocked: signals of the process are the main program's.
 */
#include "authn/credential_cache.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <sodium.h>
#include <urcu/rculfhash.h>
#include <urcu/urcu-bp.h>

#include "authn/bootstrap_groups.h"
#include "authn/group_lists.h"

#define TABLE_MIN_BUCKETS 64 /* a power of two; a small cluster's tokens without a resize */

struct entry {
    struct cds_lfht_node node;
    _Atomic uint64_t id; /* packed; see match_id() */
    struct credential credential;
    struct rcu_head rcu;
};

struct credential_cache {
    struct cds_lfht *table;
    unsigned long bucket_count; /* a power of two */
    unsigned long entry_count;
    struct digest_key *key;
    struct group_lists *groups;
    struct credential dummy;
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

static uint64_t pack_id(struct span id)
{
    uint64_t packed = 0;
    memcpy(&packed, id.at, BOOTSTRAP_TOKEN_ID_BYTES);
    return packed;
}

static unsigned long hash_id(const struct credential_cache *cache, uint64_t id)
{
    unsigned long hash;
    _Static_assert(sizeof(hash) <= crypto_shorthash_BYTES, "the hash fills an unsigned long");
    uint8_t out[crypto_shorthash_BYTES];
    (void)crypto_shorthash(out, (const uint8_t *)&id, sizeof(id), cache->hash_key); /* always 0 */
    memcpy(&hash, out, sizeof(hash));
    return hash;
}

/* Publication: the writer stores the ID last, a reader loads it first, and finds all else complete.
 * The table gives that order too, but by inline assembly, which ThreadSanitizer cannot see; on the
 * processors we know, this load costs what a plain one does. */
static int match_id(struct cds_lfht_node *node, const void *key)
{
    const uint64_t *id = key;
    const struct entry *entry = CONTAINER_OF(node, struct entry, node);
    return atomic_load_explicit(&entry->id, memory_order_acquire) == *id;
}

static void fill_head(struct credential *credential, struct span id)
{
    char *at = credential->head;
    memcpy(at, CREDENTIAL_HEAD_BEFORE BOOTSTRAP_USER_PREFIX,
           sizeof(CREDENTIAL_HEAD_BEFORE BOOTSTRAP_USER_PREFIX) - 1);
    at += sizeof(CREDENTIAL_HEAD_BEFORE BOOTSTRAP_USER_PREFIX) - 1;
    memcpy(at, id.at, BOOTSTRAP_TOKEN_ID_BYTES);
    at += BOOTSTRAP_TOKEN_ID_BYTES;
    memcpy(at, CREDENTIAL_HEAD_AFTER, sizeof(CREDENTIAL_HEAD_AFTER) - 1);
}

struct span credential_name(const struct credential *credential)
{
    return (struct span){ .at = credential->head + sizeof(CREDENTIAL_HEAD_BEFORE) - 1,
                          .len = CREDENTIAL_NAME_BYTES };
}

static enum status dummy_init(struct credential_cache *cache)
{
    cache->dummy = (struct credential){
        .expiry = CREDENTIAL_NEVER_EXPIRES,
        .is_live = true,
        .is_bootstrap_type = true,
        .has_data = true,
        .id_matches = true,
        .may_authenticate = true,
    };
    /* "-" occurs in no token ID, so this name can be nobody's */
    fill_head(&cache->dummy, SPAN_LITERAL("------"));
    char nobody_knows[DIGEST_BYTES];
    randombytes_buf(nobody_knows, sizeof(nobody_knows));
    digest_compute(cache->key, (struct span){ .at = nobody_knows, .len = sizeof(nobody_knows) },
                   &cache->dummy.secret);
    sodium_memzero(nobody_knows, sizeof(nobody_knows));
    return bootstrap_groups_ref(cache->groups, (struct span){ 0 }, &cache->dummy.groups);
}

static sigset_t block_signals(void)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before); /* fails for wrong arguments only */
    return before;
}

static void restore_signals(const sigset_t *before)
{
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

static enum status table_init(struct credential_cache *cache)
{
    cache->bucket_count = TABLE_MIN_BUCKETS;
    cache->table =
        cds_lfht_new_flavor(TABLE_MIN_BUCKETS, TABLE_MIN_BUCKETS, 0, 0, &urcu_bp_flavor, NULL);
    if (!cache->table) {
        return ST_NOMEM;
    }
    const sigset_t before = block_signals();
    (void)urcu_bp_get_default_call_rcu_data(); /* the thread exists from here on */
    restore_signals(&before);
    return ST_OK;
}

/* Readers go on meanwhile. Costs the writer some 100 ns per entry that is there. */
static void grow_table(struct credential_cache *cache)
{
    if (cache->entry_count <= cache->bucket_count) {
        return;
    }
    cache->bucket_count *= 2;
    const sigset_t before = block_signals();
    cds_lfht_resize(cache->table, cache->bucket_count);
    restore_signals(&before);
}

enum status credential_cache_new(struct credential_cache **ret_cache)
{
    struct credential_cache *cache = calloc(1, sizeof(*cache));
    if (!cache) {
        return ST_NOMEM;
    }
    enum status status = digest_key_new(&cache->key); /* starts libsodium */
    if (status == ST_OK) {
        randombytes_buf(cache->hash_key, sizeof(cache->hash_key));
        status = group_lists_new(&cache->groups);
    }
    if (status == ST_OK) {
        status = dummy_init(cache);
    }
    if (status == ST_OK) {
        status = table_init(cache);
    }
    if (status != ST_OK) {
        (void)credential_cache_free(cache);
        return status;
    }
    *ret_cache = cache;
    return ST_OK;
}

static void free_entry(struct rcu_head *head)
{
    struct entry *entry = CONTAINER_OF(head, struct entry, rcu);
    (void)atomic_load_explicit(&entry->id, memory_order_acquire); /* pairs with retire() */
    sodium_memzero(&entry->credential, sizeof(entry->credential));
    free(entry);
}

/* @entry has left the table. */
static void retire(struct credential_cache *cache, struct entry *entry)
{
    group_lists_unref(cache->groups, entry->credential.groups);
    /* liburcu hands it to its own thread in an order that ThreadSanitizer cannot see; this it can
     */
    (void)atomic_fetch_add_explicit(&entry->id, 0, memory_order_release);
    urcu_bp_call_rcu(&entry->rcu, free_entry);
}

static void remove_all(struct credential_cache *cache)
{
    struct cds_lfht_iter iter;
    struct cds_lfht_node *node;
    urcu_bp_read_lock();
    cds_lfht_for_each(cache->table, &iter, node)
    {
        if (cds_lfht_del(cache->table, node) == 0) {
            retire(cache, CONTAINER_OF(node, struct entry, node));
        }
    }
    urcu_bp_read_unlock();
    /* fails only when a node is left, and there is no other writer */
    (void)cds_lfht_destroy(cache->table, NULL);
}

struct credential_cache *credential_cache_free(struct credential_cache *cache)
{
    if (!cache) {
        return NULL;
    }
    if (cache->table) {
        remove_all(cache);
    }
    if (cache->groups) {
        group_lists_unref(cache->groups, cache->dummy.groups);
    }
    urcu_bp_barrier(); /* entries and group lists that wait for their grace period */
    (void)group_lists_free(cache->groups);
    (void)digest_key_free(cache->key);
    sodium_memzero(cache, sizeof(*cache));
    free(cache);
    return NULL;
}

const struct digest_key *credential_cache_key(const struct credential_cache *cache)
{
    return cache->key;
}

enum status credential_cache_ref_groups(struct credential_cache *cache,
                                        struct span extra_groups,
                                        const struct group_list **ret_list)
{
    return bootstrap_groups_ref(cache->groups, extra_groups, ret_list);
}

static struct entry *find_entry(const struct credential_cache *cache, uint64_t id)
{
    struct cds_lfht_iter iter;
    cds_lfht_lookup(cache->table, hash_id(cache, id), match_id, &id, &iter);
    struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
    return node ? CONTAINER_OF(node, struct entry, node) : NULL;
}

const struct credential *credential_cache_find(const struct credential_cache *cache, struct span id)
{
    const struct entry *entry = find_entry(cache, pack_id(id));
    return entry ? &entry->credential : NULL;
}

const struct credential *credential_cache_dummy(const struct credential_cache *cache)
{
    return &cache->dummy;
}

enum status credential_cache_put(struct credential_cache *cache,
                                 struct span id,
                                 const struct credential *credential)
{
    struct entry *entry = malloc(sizeof(*entry));
    if (!entry) {
        group_lists_unref(cache->groups, credential->groups);
        return ST_NOMEM;
    }
    *entry = (struct entry){ .credential = *credential };
    fill_head(&entry->credential, id);
    cds_lfht_node_init(&entry->node);
    const uint64_t packed = pack_id(id);
    atomic_store_explicit(&entry->id, packed, memory_order_release);
    urcu_bp_read_lock();
    struct cds_lfht_node *old =
        cds_lfht_add_replace(cache->table, hash_id(cache, packed), match_id, &packed, &entry->node);
    urcu_bp_read_unlock();
    if (old) {
        retire(cache, CONTAINER_OF(old, struct entry, node));
    } else {
        cache->entry_count++;
        grow_table(cache);
    }
    return ST_OK;
}

void credential_cache_remove(struct credential_cache *cache, struct span id)
{
    urcu_bp_read_lock();
    struct entry *entry = find_entry(cache, pack_id(id));
    if (entry && cds_lfht_del(cache->table, &entry->node) == 0) {
        retire(cache, entry);
        cache->entry_count--;
    }
    urcu_bp_read_unlock();
}

void credential_cache_taint(const struct credential_cache *cache, taint_fn *taint, void *ctx)
{
    struct cds_lfht_iter iter;
    struct cds_lfht_node *node;
    urcu_bp_read_lock();
    cds_lfht_for_each(cache->table, &iter, node)
    {
        taint(ctx, &CONTAINER_OF(node, struct entry, node)->credential.secret,
              sizeof(struct digest));
    }
    urcu_bp_read_unlock();
    taint(ctx, &cache->dummy.secret, sizeof(cache->dummy.secret));
    const struct span key = digest_key_taint(cache->key);
    taint(ctx, key.at, key.len);
}
