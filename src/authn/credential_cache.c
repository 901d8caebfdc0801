/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table (base/rcu_table) from token ID to credential, with what all credentials share.
 *
 * Threats. A core file or a stray read must not give tokens away: only keyed digests are kept, the
 * key sits in guarded memory (base/digest.h). Token IDs in questions are the attacker's choice and
 * those in Secrets are nearly so (whoever may create Secrets picks them): the table hashes them
 * under a random key.
 *
 * Same work for an unknown ID: the dummy is a credential like any other, with the digest of random
 * bytes, so that the code behind the lookup has no second path.
 *
 * Memory: an entry is two cache lines, its share of the table's slots 11 to 22 bytes more
 * (tests/bench/cache_bytes.c measures). Group lists are shared (group_lists.h).
 *
 * Freeing: a credential that was replaced or removed waits for a grace period. Its reference to the
 * group list is given back at once, by the loop's thread; the list itself waits for a grace period
 * of its own, which cannot end before the credential's readers have left.
 */
#include "authn/credential_cache.h"

#include <stdlib.h>

#include <sodium.h>
#include <urcu/urcu-bp.h>

#include "authn/bootstrap_groups.h"
#include "authn/group_lists.h"

struct credential_cache {
    struct rcu_table *table;
    struct digest_key *key;
    struct group_lists *groups;
    struct credential dummy;
};

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

static void give_groups_back(void *ctx, const void *value)
{
    struct credential_cache *cache = ctx;
    const struct credential *credential = value;
    group_lists_unref(cache->groups, credential->groups);
}

static enum status table_init(struct credential_cache *cache)
{
    const struct rcu_table_options options = {
        .key_bytes = BOOTSTRAP_TOKEN_ID_BYTES,
        .value_bytes = sizeof(struct credential),
        .on_left = give_groups_back,
        .ctx = cache,
    };
    return rcu_table_new(&options, &cache->table);
}

enum status credential_cache_new(struct credential_cache **ret_cache)
{
    struct credential_cache *cache = calloc(1, sizeof(*cache));
    if (!cache) {
        return ST_NOMEM;
    }
    enum status status = digest_key_new(&cache->key); /* starts libsodium */
    if (status == ST_OK) {
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

struct credential_cache *credential_cache_free(struct credential_cache *cache)
{
    if (!cache) {
        return NULL;
    }
    (void)rcu_table_free(cache->table);
    if (cache->groups) {
        group_lists_unref(cache->groups, cache->dummy.groups);
    }
    urcu_bp_barrier(); /* group lists that wait for their grace period */
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

const struct credential *credential_cache_find(const struct credential_cache *cache, struct span id)
{
    return rcu_table_find(cache->table, id.at);
}

struct rcu_table_aim credential_cache_aim(const struct credential_cache *cache, struct span id)
{
    return rcu_table_aim(cache->table, id.at);
}

const struct credential *credential_cache_hit(const struct credential_cache *cache,
                                              const struct rcu_table_aim *aim,
                                              struct span id)
{
    return rcu_table_hit(cache->table, aim, id.at);
}

const struct credential *credential_cache_dummy(const struct credential_cache *cache)
{
    return &cache->dummy;
}

enum status credential_cache_put(struct credential_cache *cache,
                                 struct span id,
                                 const struct credential *credential)
{
    struct credential whole = *credential;
    fill_head(&whole, id);
    const enum status status = rcu_table_put(cache->table, id.at, &whole);
    if (status != ST_OK) {
        group_lists_unref(cache->groups, credential->groups);
    }
    return status;
}

void credential_cache_remove(struct credential_cache *cache, struct span id)
{
    rcu_table_remove(cache->table, id.at);
}

struct tainter {
    taint_fn *taint;
    void *ctx;
};

static void taint_credential(void *ctx, const void *value)
{
    const struct tainter *tainter = ctx;
    const struct credential *credential = value;
    tainter->taint(tainter->ctx, &credential->secret, sizeof(credential->secret));
}

void credential_cache_taint(const struct credential_cache *cache, taint_fn *taint, void *ctx)
{
    struct tainter tainter = { .taint = taint, .ctx = ctx };
    urcu_bp_read_lock();
    rcu_table_visit(cache->table, taint_credential, &tainter);
    urcu_bp_read_unlock();
    taint(ctx, &cache->dummy.secret, sizeof(cache->dummy.secret));
    const struct span key = digest_key_taint(cache->key);
    taint(ctx, key.at, key.len);
}
