/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache never answers what a fresh check would not: tokens, objects, key generations and times
 * change at random, and an answer by way of verified_tokens and object_index is compared with one
 * that looks at everything anew, in naive lists.
 *
 * The checks are a few of the real ones, enough to need everything that an entry keeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/jwt/object_index.h"
#include "authn/jwt/verified_tokens.h"

#define STEPS    60000
#define TOKENS   3000 /* more than find room */
#define PODS     40
#define SECRETS  40
#define KEYS     4
#define UIDS     3
#define PADDING  600 /* so that some 1,000 tokens fill the cache */
#define HOT_MASK 63

/* What a token says, and so what is kept of it. */
struct claims {
    unsigned pod;
    unsigned pod_uid;
    unsigned secret; /* of a token that is held by one */
    bool is_legacy;
    int64_t exp;
    char padding[PADDING];
};

/* The world as it is. */
struct world {
    struct verified_tokens *tokens;
    struct object_index *index;
    uint64_t random;
    int64_t now;
    uint64_t generation[KEYS]; /* 0: the key is gone */
    uint64_t generations;
    struct {
        bool is_there;
        unsigned uid;
        bool is_deleted;
    } pods[PODS];
    struct {
        bool is_there;
        unsigned token;
        bool is_invalidated;
    } secrets[SECRETS];
    size_t hits;
    size_t stale;
    size_t accepted;
};

static unsigned draw(struct world *world, unsigned below)
{
    world->random = world->random * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (unsigned)(world->random >> 33) % below;
}

/* Token n says the same at all times; its key is n % KEYS. */
static struct claims claims_of(unsigned n)
{
    return (struct claims){
        .pod = n * 7 % PODS,
        .pod_uid = n / PODS % UIDS,
        .secret = n * 11 % SECRETS,
        .is_legacy = n % 5 == 0,
        .exp = 1000 + n * 13 % 4000,
    };
}

/* TEST-ONLY */
static struct span token_of(unsigned n, char text[static 32])
{
    const int len = snprintf(text, 32, "TEST-ONLY.%u.%u", n, n * 2654435761U);
    return (struct span){ .at = text, .len = (size_t)len };
}

/* ------------------------------------------------------------------ both answers */

static bool fresh_answer(const struct world *world, unsigned n)
{
    const struct claims claims = claims_of(n);
    if (world->generation[n % KEYS] == 0) {
        return false;
    }
    if (claims.is_legacy) {
        return world->secrets[claims.secret].is_there && world->secrets[claims.secret].token == n &&
               !world->secrets[claims.secret].is_invalidated;
    }
    return world->now < claims.exp && world->pods[claims.pod].is_there &&
           world->pods[claims.pod].uid == claims.pod_uid && !world->pods[claims.pod].is_deleted;
}

static bool check(const struct world *world,
                  const struct claims *claims,
                  const struct quick_digest *digest)
{
    char name[16];
    char uid[16];
    struct indexed_object object;
    if (claims->is_legacy) {
        (void)snprintf(name, sizeof(name), "s%u", claims->secret);
        return object_index_find_token_secret(world->index, SPAN_LITERAL("n"), span_of(name),
                                              &object) &&
               quick_digest_equal(&object.token, digest) && !object.is_invalidated;
    }
    (void)snprintf(name, sizeof(name), "p%u", claims->pod);
    (void)snprintf(uid, sizeof(uid), "u%u", claims->pod_uid);
    return world->now < claims->exp &&
           object_index_find(world->index, &kind_pod, SPAN_LITERAL("n"), span_of(name), &object) &&
           span_equal(object.uid, span_of(uid)) && !object.is_being_deleted;
}

/* The signature is good: judge, and keep what was learnt. */
static bool verify(struct world *world, unsigned n, const struct quick_digest *digest)
{
    const struct claims claims = claims_of(n);
    struct verified_token *token = verified_token_new(sizeof(claims));
    assert_non_null(token);
    token->generation = world->generation[n % KEYS];
    token->source = n % KEYS;
    memcpy(verified_token_kept(token), &claims, sizeof(claims));
    const bool is_accepted = check(world, &claims, digest);
    (void)verified_tokens_put(world->tokens, digest, token, is_accepted); /* room or not */
    return is_accepted;
}

static bool cached_answer(struct world *world, unsigned n)
{
    char text[32];
    struct quick_digest digest;
    quick_digest_compute(verified_tokens_key(world->tokens), token_of(n, text), &digest);
    urcu_bp_read_lock();
    struct verified_token *token = verified_tokens_find(world->tokens, &digest);
    const bool is_present =
        token && token->generation == world->generation[token->source] && token->generation != 0;
    bool is_accepted = false;
    world->hits += is_present;
    world->stale += token && !is_present;
    if (is_present) {
        is_accepted = check(world, verified_token_kept(token), &digest);
        if (is_accepted) {
            verified_token_was_accepted(token);
        }
    } else if (world->generation[n % KEYS] != 0) {
        is_accepted = verify(world, n, &digest);
    }
    urcu_bp_read_unlock();
    return is_accepted;
}

/* ------------------------------------------------------------------ what changes */

static void change_pod(struct world *world)
{
    const unsigned n = draw(world, PODS);
    char name[16];
    char uid[16];
    world->pods[n].is_there = draw(world, 4) > 0;
    world->pods[n].uid = draw(world, UIDS);
    world->pods[n].is_deleted = draw(world, 5) == 0;
    (void)snprintf(name, sizeof(name), "p%u", n);
    (void)snprintf(uid, sizeof(uid), "u%u", world->pods[n].uid);
    const struct object_meta meta = {
        .name = span_of(name),
        .namespace = SPAN_LITERAL("n"),
        .uid = span_of(uid),
        .has_deletion_timestamp = world->pods[n].is_deleted,
    };
    const struct store_event event = {
        .type = world->pods[n].is_there ? STORE_MODIFIED : STORE_DELETED,
        .kind = &kind_pod,
        .namespace = meta.namespace,
        .name = meta.name,
        .meta = world->pods[n].is_there ? &meta : NULL,
    };
    object_index_handle_event(world->index, OBJECT_FEED_METADATA, &event);
}

static void change_secret(struct world *world)
{
    const unsigned n = draw(world, SECRETS);
    char name[16];
    char text[32];
    world->secrets[n].is_there = draw(world, 4) > 0;
    do { /* one that may be held by it, most of them asked for often */
        world->secrets[n].token = draw(world, draw(world, 4) ? HOT_MASK + 1 : TOKENS) / 5 * 5;
    } while (claims_of(world->secrets[n].token).secret != n && draw(world, 40));
    world->secrets[n].is_invalidated = draw(world, 5) == 0;
    (void)snprintf(name, sizeof(name), "s%u", n);
    const struct object_label label = {
        .key = SPAN_LITERAL("kubernetes.io/legacy-token-invalid-since"),
        .value = SPAN_LITERAL("2026-01-01"),
    };
    const struct secret_entry entry = {
        .key = SPAN_LITERAL("token"),
        .value = token_of(world->secrets[n].token, text),
    };
    const struct secret secret = {
        .meta = { .name = span_of(name),
                  .namespace = SPAN_LITERAL("n"),
                  .labels = &label,
                  .label_count = world->secrets[n].is_invalidated },
        .entries = &entry,
        .entry_count = 1,
    };
    const struct store_event event = {
        .type = world->secrets[n].is_there ? STORE_MODIFIED : STORE_DELETED,
        .kind = &kind_secret,
        .namespace = secret.meta.namespace,
        .name = secret.meta.name,
        .meta = world->secrets[n].is_there ? &secret.meta : NULL,
        .secret = world->secrets[n].is_there ? &secret : NULL,
    };
    object_index_handle_event(world->index, OBJECT_FEED_TOKEN_SECRETS, &event);
}

/* A key goes, comes back, or is replaced: never with a generation that was there before. */
static void change_key(struct world *world)
{
    world->generation[draw(world, KEYS)] = draw(world, 3) ? ++world->generations : 0;
}

static void change(struct world *world)
{
    switch (draw(world, 16)) {
    case 0:
        if (draw(world, 4) == 0) {
            change_key(world);
        }
        break;
    case 1:
        world->now = draw(world, 6000);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        change_secret(world);
        break;
    default:
        change_pod(world);
    }
}

static void test_cached_answers_are_those_of_a_fresh_check(void **state)
{
    (void)state;
    struct world world = { .random = 3 };
    struct verified_tokens_stats stats;
    assert_int_equal(verified_tokens_new(VERIFIED_TOKENS_MIN_BYTES, &world.tokens), ST_OK);
    const struct object_index_options options = { .token_key = verified_tokens_key(world.tokens) };
    assert_int_equal(object_index_new(&options, &world.index), ST_OK);
    for (unsigned key = 0; key < KEYS; key++) {
        world.generation[key] = ++world.generations;
    }
    for (unsigned step = 0; step < STEPS; step++) {
        const unsigned n = draw(&world, draw(&world, 2) ? HOT_MASK + 1 : TOKENS);
        if (draw(&world, 8) == 0) {
            change(&world);
        }
        const bool want = fresh_answer(&world, n);
        if (cached_answer(&world, n) != want) {
            fail_msg("step %u, token %u: a fresh check says %s", step, n, want ? "yes" : "no");
        }
        world.accepted += want;
        if (step % 250 == 0) {
            urcu_bp_barrier(); /* what left is gone, and so there is room */
        }
    }
    verified_tokens_stats(world.tokens, &stats);
    assert_true(stats.evicted > 1000); /* it has all happened */
    assert_true(world.hits > STEPS / 10);
    assert_true(world.stale > 100);
    assert_true(world.accepted > STEPS / 20);
    world.index = object_index_free(world.index);
    world.tokens = verified_tokens_free(world.tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cached_answers_are_those_of_a_fresh_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
