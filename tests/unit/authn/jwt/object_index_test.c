/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects a cluster has: what two feeds tell, what is found of it, readers beside events,
 * memory that runs out. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/jwt/object_index.h"
#include "support/alloc_fail.h"

#define UID_A   "11111111-2222-3333-4444-555555555555"
#define UID_B   "11111111-2222-3333-4444-555555555556"
#define TOKEN_A "TEST-ONLY.a.a"
#define TOKEN_B "TEST-ONLY.b.b"

struct fixture {
    struct object_index *index;
    struct quick_digest_key *key;
    size_t problems;
    struct problem problem; /* the last */
};

static void on_problem(void *ctx, const struct problem *problem)
{
    struct fixture *fixture = ctx;
    fixture->problems++;
    fixture->problem = *problem;
}

static enum status new_index(struct fixture *fixture)
{
    const struct object_index_options options = { .token_key = fixture->key,
                                                  .on_problem = on_problem,
                                                  .ctx = fixture };
    return object_index_new(&options, &fixture->index);
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){ 0 };
    *state = &fixture;
    return quick_digest_key_new(&fixture.key) == ST_OK && new_index(&fixture) == ST_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture->index = object_index_free(fixture->index);
    fixture->key = quick_digest_key_free(fixture->key);
    return 0;
}

/* ------------------------------------------------------------------ what is told */

/* An object as metadata. NULL uid: it is gone. */
static void tell(struct fixture *fixture,
                 const struct object_kind *kind,
                 const char *namespace,
                 const char *name,
                 const char *uid,
                 int64_t deletion_sec)
{
    const struct object_meta meta = {
        .name = span_of(name),
        .namespace = span_of(namespace),
        .uid = span_of(uid),
        .has_deletion_timestamp = deletion_sec != 0,
        .deletion = { .sec = deletion_sec },
    };
    const struct store_event event = {
        .type = uid ? STORE_MODIFIED : STORE_DELETED,
        .kind = kind,
        .namespace = meta.namespace,
        .name = meta.name,
        .meta = uid ? &meta : NULL,
        .source = "objects.yaml",
        .source_line = 7,
    };
    object_index_handle_event(fixture->index, OBJECT_FEED_METADATA, &event);
}

/* A token Secret n/name, decoded. NULL uid: it is gone. NULL token or since: it has none. */
static void tell_token_secret(struct fixture *fixture,
                              const char *name,
                              const char *uid,
                              const char *token,
                              const char *since)
{
    const struct object_label label = {
        .key = SPAN_LITERAL("kubernetes.io/legacy-token-invalid-since"),
        .value = span_of(since),
    };
    const struct secret_entry entry = { .key = SPAN_LITERAL("token"), .value = span_of(token) };
    const struct secret secret = {
        .meta = { .name = span_of(name),
                  .namespace = SPAN_LITERAL("n"),
                  .uid = span_of(uid),
                  .labels = &label,
                  .label_count = since ? 1 : 0 },
        .type = SPAN_LITERAL("kubernetes.io/service-account-token"),
        .entries = &entry,
        .entry_count = token ? 1 : 0,
    };
    const struct store_event event = {
        .type = uid ? STORE_MODIFIED : STORE_DELETED,
        .kind = &kind_secret,
        .namespace = secret.meta.namespace,
        .name = secret.meta.name,
        .meta = uid ? &secret.meta : NULL,
        .secret = uid ? &secret : NULL,
    };
    object_index_handle_event(fixture->index, OBJECT_FEED_TOKEN_SECRETS, &event);
}

static void tell_synced(struct fixture *fixture)
{
    const struct store_event event = { .type = STORE_SYNCED };
    object_index_handle_event(fixture->index, OBJECT_FEED_METADATA, &event);
    object_index_handle_event(fixture->index, OBJECT_FEED_TOKEN_SECRETS, &event);
}

/* What is found, in words: "-", or the uid, " invalidated", " deleted at N". @kind NULL: of a token
 * Secret. */
static const char *found(const struct fixture *fixture,
                         const struct object_kind *kind,
                         struct span namespace,
                         struct span name)
{
    static char text[128];
    struct indexed_object object;
    urcu_bp_read_lock();
    const bool is_there =
        kind ? object_index_find(fixture->index, kind, namespace, name, &object)
             : object_index_find_token_secret(fixture->index, namespace, name, &object);
    (void)snprintf(text, sizeof(text), "-");
    if (is_there) {
        const int len = snprintf(text, sizeof(text), "%.*s%s", (int)object.uid.len, object.uid.at,
                                 object.is_invalidated ? " invalidated" : "");
        if (object.is_being_deleted) {
            (void)snprintf(text + len, sizeof(text) - (size_t)len, " deleted at %lld",
                           (long long)object.deletion_sec);
        }
    }
    urcu_bp_read_unlock();
    return text;
}

static void assert_found(const struct fixture *fixture,
                         const struct object_kind *kind,
                         const char *namespace,
                         const char *name,
                         const char *want)
{
    assert_string_equal(found(fixture, kind, span_of(namespace), span_of(name)), want);
}

/* Does the token Secret n/name hold it? */
static bool holds(const struct fixture *fixture, const char *name, const char *token)
{
    struct indexed_object object;
    struct quick_digest presented;
    quick_digest_compute(fixture->key, span_of(token), &presented);
    urcu_bp_read_lock();
    const bool is_there =
        object_index_find_token_secret(fixture->index, SPAN_LITERAL("n"), span_of(name), &object);
    urcu_bp_read_unlock();
    return is_there && quick_digest_equal(&object.token, &presented);
}

/* ------------------------------------------------------------------ one thread */

static void test_object_index_finds_what_was_told(void **state)
{
    struct fixture *fixture = *state;
    tell(fixture, &kind_service_account, "n", "a", UID_A, 0);
    tell(fixture, &kind_pod, "n", "a", UID_B, 1767323045);
    tell(fixture, &kind_node, "", "a", "", 0);
    tell(fixture, &kind_secret, "n", "b", "short", 0);
    assert_found(fixture, &kind_service_account, "n", "a", UID_A);
    assert_found(fixture, &kind_pod, "n", "a", UID_B " deleted at 1767323045");
    assert_found(fixture, &kind_node, "", "a", "");
    assert_found(fixture, &kind_secret, "n", "b", "short");
    tell(fixture, &kind_service_account, "n", "a", UID_B, 0);
    assert_found(fixture, &kind_service_account, "n", "a", UID_B);
    tell(fixture, &kind_service_account, "n", "a", NULL, 0);
    tell(fixture, &kind_service_account, "n", "a", NULL, 0);
    assert_found(fixture, &kind_service_account, "n", "a", "-");
    assert_found(fixture, &kind_pod, "n", "a", UID_B " deleted at 1767323045");
    assert_int_equal(fixture->problems, 0);
}

/* Kind, namespace and name are told apart, whatever a token claims them to be. */
static void test_object_index_names_do_not_run_into_each_other(void **state)
{
    struct fixture *fixture = *state;
    static char long_name[254];
    memset(long_name, 'a', sizeof(long_name));
    tell(fixture, &kind_pod, "ab", "cd", UID_A, 0);
    const struct {
        const struct object_kind *kind;
        struct span namespace;
        struct span name;
        const char *want;
    } rows[] = {
        { &kind_pod, SPAN_LITERAL("ab"), SPAN_LITERAL("cd"), UID_A },
        { &kind_pod, SPAN_LITERAL("a"), SPAN_LITERAL("bcd"), "-" },
        { &kind_pod, SPAN_LITERAL("abc"), SPAN_LITERAL("d"), "-" },
        { &kind_pod, SPAN_LITERAL(""), SPAN_LITERAL("abcd"), "-" },
        { &kind_pod, { NULL, 0 }, { NULL, 0 }, "-" },
        { &kind_pod, SPAN_LITERAL("ab"), SPAN_LITERAL("cd\0"), "-" },
        { &kind_pod, { long_name, 64 }, SPAN_LITERAL("cd"), "-" },
        { &kind_pod, SPAN_LITERAL("ab"), { long_name, 254 }, "-" },
        { &kind_secret, SPAN_LITERAL("ab"), SPAN_LITERAL("cd"), "-" },
        { &kind_service_account, SPAN_LITERAL("ab"), SPAN_LITERAL("cd"), "-" },
        { &kind_node, SPAN_LITERAL("ab"), SPAN_LITERAL("cd"), "-" },
        { &kind_config_map, SPAN_LITERAL("ab"), SPAN_LITERAL("cd"), "-" },
        { NULL, SPAN_LITERAL("ab"), SPAN_LITERAL("cd"), "-" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const char *got = found(fixture, rows[i].kind, rows[i].namespace, rows[i].name);
        if (strcmp(got, rows[i].want) != 0) {
            fail_msg("row %zu: %s", i, got);
        }
    }
}

static void test_object_index_numbers_objects_apart(void **state)
{
    const struct fixture *fixture = *state;
    static char long_name[254];
    memset(long_name, 'a', sizeof(long_name));
    const struct {
        enum object_feed feed;
        const struct object_kind *kind;
        struct span namespace;
        struct span name;
    } rows[] = {
        { OBJECT_FEED_METADATA, &kind_pod, SPAN_LITERAL("ab"), SPAN_LITERAL("cd") },
        { OBJECT_FEED_METADATA, &kind_pod, SPAN_LITERAL("a"), SPAN_LITERAL("bcd") },
        { OBJECT_FEED_METADATA, &kind_secret, SPAN_LITERAL("ab"), SPAN_LITERAL("cd") },
        { OBJECT_FEED_TOKEN_SECRETS, &kind_secret, SPAN_LITERAL("ab"), SPAN_LITERAL("cd") },
        { OBJECT_FEED_METADATA, &kind_pod, SPAN_LITERAL("ab"), { long_name, 254 } },
        { OBJECT_FEED_METADATA, &kind_config_map, SPAN_LITERAL("ab"), SPAN_LITERAL("cd") },
    };
    uint64_t numbers[COUNTOF(rows)];
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        for (int again = 0; again < 2; again++) {
            const uint64_t number = object_index_number(fixture->index, rows[i].feed, rows[i].kind,
                                                        rows[i].namespace, rows[i].name);
            assert_true(again == 0 || number == numbers[i]);
            numbers[i] = number;
        }
        assert_int_equal(numbers[i] != 0, i < 4);
        for (size_t k = 0; k < i && i < 4; k++) {
            assert_int_not_equal(numbers[k], numbers[i]);
        }
    }
}

static void test_object_index_longest_names_are_found(void **state)
{
    struct fixture *fixture = *state;
    char namespace[64] = { 0 };
    char name[254] = { 0 };
    memset(namespace, 'n', sizeof(namespace) - 1);
    memset(name, 'a', sizeof(name) - 1);
    tell(fixture, &kind_pod, namespace, name, UID_A, 0);
    assert_found(fixture, &kind_pod, namespace, name, UID_A);
    name[252] = 'b';
    assert_found(fixture, &kind_pod, namespace, name, "-");
}

static void test_object_index_token_secrets_hold_their_token(void **state)
{
    struct fixture *fixture = *state;
    tell_token_secret(fixture, "s", UID_A, TOKEN_A, NULL);
    assert_found(fixture, NULL, "n", "s", UID_A);
    assert_true(holds(fixture, "s", TOKEN_A));
    assert_false(holds(fixture, "s", TOKEN_B));
    assert_false(holds(fixture, "s", ""));
    assert_false(holds(fixture, "t", TOKEN_A));
    tell_token_secret(fixture, "s", UID_A, TOKEN_B, "");
    assert_found(fixture, NULL, "n", "s", UID_A);
    assert_false(holds(fixture, "s", TOKEN_A));
    assert_true(holds(fixture, "s", TOKEN_B));
    tell_token_secret(fixture, "s", UID_A, TOKEN_B, "any text");
    assert_found(fixture, NULL, "n", "s", UID_A " invalidated");
    tell_token_secret(fixture, "s", UID_A, NULL, NULL);
    assert_found(fixture, NULL, "n", "s", UID_A);
    assert_false(holds(fixture, "s", TOKEN_B));
    tell_token_secret(fixture, "s", NULL, NULL, NULL);
    assert_found(fixture, NULL, "n", "s", "-");
}

/* Each feed has its own truth of one Secret. */
static void test_object_index_feeds_leave_each_other_alone(void **state)
{
    struct fixture *fixture = *state;
    tell_token_secret(fixture, "s", UID_A, TOKEN_A, NULL);
    assert_found(fixture, &kind_secret, "n", "s", "-");
    tell(fixture, &kind_secret, "n", "s", UID_A, 0);
    assert_true(holds(fixture, "s", TOKEN_A));
    tell(fixture, &kind_secret, "n", "s", UID_A, 5);
    assert_found(fixture, &kind_secret, "n", "s", UID_A " deleted at 5");
    assert_found(fixture, NULL, "n", "s", UID_A);
    /* made anew: one request is behind, and tells of the deletion after the other told of the new
     * one */
    tell_token_secret(fixture, "s", NULL, NULL, NULL);
    tell_token_secret(fixture, "s", UID_B, TOKEN_B, NULL);
    tell(fixture, &kind_secret, "n", "s", NULL, 0);
    assert_true(holds(fixture, "s", TOKEN_B));
    tell(fixture, &kind_secret, "n", "s", UID_B, 0);
    tell_token_secret(fixture, "s", NULL, NULL, NULL);
    assert_found(fixture, &kind_secret, "n", "s", UID_B);
    assert_found(fixture, NULL, "n", "s", "-");
}

static void test_object_index_refused_objects_are_gone(void **state)
{
    struct fixture *fixture = *state;
    tell(fixture, &kind_pod, "n", "a", UID_A, 0);
    tell_token_secret(fixture, "s", UID_A, TOKEN_A, NULL);
    const struct object_meta pod = { .name = SPAN_LITERAL("a"), .is_refused = true };
    const struct secret secret = { .meta = { .name = SPAN_LITERAL("s"), .is_refused = true } };
    struct store_event event = {
        .type = STORE_MODIFIED,
        .kind = &kind_pod,
        .namespace = SPAN_LITERAL("n"),
        .name = pod.name,
        .meta = &pod,
    };
    object_index_handle_event(fixture->index, OBJECT_FEED_METADATA, &event);
    assert_found(fixture, &kind_pod, "n", "a", "-");
    event.kind = &kind_secret;
    event.name = secret.meta.name;
    event.meta = &secret.meta;
    event.secret = &secret;
    object_index_handle_event(fixture->index, OBJECT_FEED_TOKEN_SECRETS, &event);
    assert_found(fixture, NULL, "n", "s", "-");
}

/* Other kinds, and by the feed of token Secrets anything that is none. */
static void test_object_index_ignores_what_it_does_not_keep(void **state)
{
    struct fixture *fixture = *state;
    struct object_index_stats stats;
    tell(fixture, &kind_config_map, "n", "a", UID_A, 0);
    tell_synced(fixture);
    const struct object_meta meta = { .name = SPAN_LITERAL("a"), .uid = SPAN_LITERAL(UID_A) };
    struct store_event event = {
        .kind = &kind_pod,
        .namespace = SPAN_LITERAL("n"),
        .name = meta.name,
        .meta = &meta,
    };
    object_index_handle_event(fixture->index, OBJECT_FEED_TOKEN_SECRETS, &event);
    event.kind = &kind_secret; /* with no more than its metadata */
    object_index_handle_event(fixture->index, OBJECT_FEED_TOKEN_SECRETS, &event);
    object_index_stats(fixture->index, &stats);
    assert_int_equal(stats.service_accounts + stats.pods + stats.nodes + stats.secrets +
                         stats.token_secrets + stats.unusable,
                     0);
}

static void test_object_index_counts_by_kind(void **state)
{
    struct fixture *fixture = *state;
    struct object_index_stats stats;
    tell(fixture, &kind_service_account, "n", "a", UID_A, 0);
    tell(fixture, &kind_pod, "n", "a", UID_A, 0);
    tell(fixture, &kind_pod, "n", "b", UID_A, 0);
    tell(fixture, &kind_pod, "n", "b", UID_A, 0);
    tell(fixture, &kind_pod, "n", "b", UID_B, 9);
    tell(fixture, &kind_node, "", "a", UID_A, 0);
    tell(fixture, &kind_secret, "n", "s", UID_A, 0);
    tell_token_secret(fixture, "s", UID_A, TOKEN_A, NULL);
    tell_token_secret(fixture, "t", UID_A, TOKEN_A, NULL);
    tell_token_secret(fixture, "u", UID_A, TOKEN_A, NULL);
    tell_token_secret(fixture, "u", NULL, NULL, NULL);
    object_index_stats(fixture->index, &stats);
    assert_int_equal(stats.service_accounts, 1);
    assert_int_equal(stats.pods, 2);
    assert_int_equal(stats.nodes, 1);
    assert_int_equal(stats.secrets, 1);
    assert_int_equal(stats.token_secrets, 2);
    tell(fixture, &kind_pod, "n", "b", NULL, 0);
    tell(fixture, &kind_pod, "n", "b", NULL, 0);
    object_index_stats(fixture->index, &stats);
    assert_int_equal(stats.pods, 1);
}

static void test_object_index_longer_uid_is_a_problem_once(void **state)
{
    struct fixture *fixture = *state;
    struct object_index_stats stats;
    tell(fixture, &kind_pod, "n", "a", UID_A "x", 0);
    assert_found(fixture, &kind_pod, "n", "a", "-");
    assert_int_equal(fixture->problems, 1);
    assert_int_equal(fixture->problem.status, ST_LIMIT);
    assert_int_equal(fixture->problem.line, 7);
    assert_string_equal(fixture->problem.file, "objects.yaml");
    assert_string_equal(
        fixture->problem.text,
        "Pod n/a: its uid is longer than 36 bytes, so tokens that name it are refused");
    tell(fixture, &kind_pod, "n", "a", UID_A "x", 4);
    assert_int_equal(fixture->problems, 1);
    object_index_stats(fixture->index, &stats);
    assert_int_equal(stats.unusable, 1);
    tell(fixture, &kind_pod, "n", "a", UID_A, 0);
    assert_found(fixture, &kind_pod, "n", "a", UID_A);
    object_index_stats(fixture->index, &stats);
    assert_int_equal(stats.unusable, 0);
    assert_int_equal(stats.pods, 1);
    tell_token_secret(fixture, "s", UID_A "x", TOKEN_A, NULL);
    assert_found(fixture, NULL, "n", "s", "-");
    assert_int_equal(fixture->problems, 2);
    tell_token_secret(fixture, "s", NULL, NULL, NULL);
    object_index_stats(fixture->index, &stats);
    assert_int_equal(stats.unusable + stats.token_secrets, 0);
}

struct sum {
    size_t pieces;
    size_t bytes;
};

static void add_up(void *ctx, const void *at, size_t len)
{
    struct sum *sum = ctx;
    assert_non_null(at);
    sum->pieces++;
    sum->bytes += len;
}

static void test_object_index_taint_names_every_digest(void **state)
{
    struct fixture *fixture = *state;
    struct sum sum = { 0 };
    tell(fixture, &kind_secret, "n", "s", UID_A, 0);
    tell_token_secret(fixture, "s", UID_A, TOKEN_A, NULL);
    tell_token_secret(fixture, "t", UID_A, TOKEN_B, NULL);
    object_index_taint(fixture->index, add_up, &sum);
    assert_int_equal(sum.pieces, 2);
    assert_int_equal(sum.bytes, 2 * QUICK_DIGEST_BYTES);
}

/* ------------------------------------------------------------------ a naive model */

#define MODEL_NAMES  12
#define MODEL_TOKENS 4
#define MODEL_STEPS  20000

static const struct object_kind *const model_kinds[] = {
    &kind_service_account, &kind_pod, &kind_node, &kind_secret, NULL, /* token Secrets */
};

struct model_object {
    char uid[40]; /* "": not there */
    int deletion;
    bool is_invalidated;
    unsigned token;
};

struct model {
    struct model_object objects[COUNTOF(model_kinds)][MODEL_NAMES];
};

static unsigned draw(uint64_t *random, unsigned below)
{
    *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (unsigned)(*random >> 33) % below;
}

static const char *namespace_of(const struct object_kind *kind)
{
    return kind && kind->is_cluster_scoped ? "" : "n";
}

static void model_step(struct fixture *fixture, struct model *model, uint64_t *random)
{
    const unsigned k = draw(random, COUNTOF(model_kinds));
    const unsigned n = draw(random, MODEL_NAMES);
    struct model_object *object = &model->objects[k][n];
    char name[16];
    char token[32];
    (void)snprintf(name, sizeof(name), "o%u", n);
    *object = (struct model_object){ 0 };
    if (draw(random, 3) > 0) {
        const unsigned uid = draw(random, 5);
        (void)snprintf(object->uid, sizeof(object->uid), "%s%s", uid % 2 ? UID_A : UID_B,
                       uid == 4 ? "x" : "");
    }
    const char *uid = object->uid[0] ? object->uid : NULL;
    if (model_kinds[k]) {
        object->deletion = (int)draw(random, 3);
        tell(fixture, model_kinds[k], namespace_of(model_kinds[k]), name, uid, object->deletion);
        return;
    }
    object->is_invalidated = draw(random, 2);
    object->token = draw(random, MODEL_TOKENS);
    (void)snprintf(token, sizeof(token), "TEST-ONLY.%u", object->token);
    tell_token_secret(fixture, name, uid, token, object->is_invalidated ? "2026-01-01" : NULL);
}

static void check_object(struct fixture *fixture, const struct model *model, size_t k, size_t n)
{
    const struct model_object *object = &model->objects[k][n];
    const bool is_there = object->uid[0] != '\0' && strlen(object->uid) <= INDEXED_UID_MAX;
    char name[32];
    char token[32];
    char want[128] = "-";
    (void)snprintf(name, sizeof(name), "o%zu", n);
    if (is_there && object->deletion != 0) {
        (void)snprintf(want, sizeof(want), "%s deleted at %d", object->uid, object->deletion);
    } else if (is_there) {
        (void)snprintf(want, sizeof(want), "%s%s", object->uid,
                       object->is_invalidated ? " invalidated" : "");
    }
    assert_found(fixture, model_kinds[k], namespace_of(model_kinds[k]), name, want);
    for (unsigned t = 0; t < MODEL_TOKENS && !model_kinds[k]; t++) {
        (void)snprintf(token, sizeof(token), "TEST-ONLY.%u", t);
        assert_int_equal(holds(fixture, name, token), is_there && object->token == t);
    }
}

static void test_object_index_is_as_a_naive_list_has_it(void **state)
{
    struct fixture *fixture = *state;
    struct model model = { 0 };
    uint64_t random = 12;
    for (unsigned step = 0; step < MODEL_STEPS; step++) {
        model_step(fixture, &model, &random);
        check_object(fixture, &model, draw(&random, COUNTOF(model_kinds)),
                     draw(&random, MODEL_NAMES));
    }
    uint64_t counts[COUNTOF(model_kinds)] = { 0 };
    uint64_t unusable = 0;
    for (size_t k = 0; k < COUNTOF(model_kinds); k++) {
        for (size_t n = 0; n < MODEL_NAMES; n++) {
            check_object(fixture, &model, k, n);
            counts[k] += model.objects[k][n].uid[0] != '\0';
            unusable += strlen(model.objects[k][n].uid) > INDEXED_UID_MAX;
        }
    }
    struct object_index_stats stats;
    object_index_stats(fixture->index, &stats);
    assert_int_equal(stats.service_accounts, counts[0]);
    assert_int_equal(stats.pods, counts[1]);
    assert_int_equal(stats.nodes, counts[2]);
    assert_int_equal(stats.secrets, counts[3]);
    assert_int_equal(stats.token_secrets, counts[4]);
    assert_int_equal(stats.unusable, unusable);
}

/* ------------------------------------------------------------------ threads */

#define RACE_READERS 2
#define RACE_EVENTS  20000

struct race {
    struct fixture *fixture;
    pthread_barrier_t start;
    atomic_bool over;
    _Atomic uint64_t wrong;
    _Atomic uint64_t found;
};

/* A Secret is told with one of two uids, and each has its token: they change together. */
static void *read_on(void *arg)
{
    struct race *race = arg;
    struct quick_digest tokens[2];
    quick_digest_compute(race->fixture->key, SPAN_LITERAL(TOKEN_A), &tokens[0]);
    quick_digest_compute(race->fixture->key, SPAN_LITERAL(TOKEN_B), &tokens[1]);
    (void)pthread_barrier_wait(&race->start);
    do { /* once at least, however the threads are scheduled */
        struct indexed_object object;
        urcu_bp_read_lock();
        if (object_index_find_token_secret(race->fixture->index, SPAN_LITERAL("n"),
                                           SPAN_LITERAL("s"), &object)) {
            const bool is_b = span_equal(object.uid, SPAN_LITERAL(UID_B));
            const bool is_whole =
                quick_digest_equal(&object.token, &tokens[is_b]) && object.is_invalidated == is_b;
            atomic_fetch_add(&race->found, 1);
            atomic_fetch_add(&race->wrong, !is_whole);
        }
        atomic_fetch_add(&race->wrong,
                         !object_index_find(race->fixture->index, &kind_pod, SPAN_LITERAL("n"),
                                            SPAN_LITERAL("stays"), &object));
        urcu_bp_read_unlock();
    } while (!atomic_load(&race->over));
    return NULL;
}

static void test_object_index_readers_see_whole_objects(void **state)
{
    struct race race = { .fixture = *state };
    pthread_t readers[RACE_READERS];
    tell(race.fixture, &kind_pod, "n", "stays", UID_A, 0);
    tell_token_secret(race.fixture, "s", UID_A, TOKEN_A, NULL);
    assert_int_equal(pthread_barrier_init(&race.start, NULL, RACE_READERS + 1), 0);
    for (size_t i = 0; i < RACE_READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &race), 0);
    }
    (void)pthread_barrier_wait(&race.start);
    for (unsigned n = 0; n < RACE_EVENTS; n++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "p%u", n % 3000);
        tell(race.fixture, &kind_pod, "n", name, n % 5 ? UID_A : NULL, 0);
        if (n % 7 == 0) {
            tell_token_secret(race.fixture, "s", NULL, NULL, NULL);
        } else if (n % 2 == 0) {
            tell_token_secret(race.fixture, "s", UID_A, TOKEN_A, NULL);
        } else {
            tell_token_secret(race.fixture, "s", UID_B, TOKEN_B, "2026-01-01");
        }
    }
    atomic_store(&race.over, true);
    for (size_t i = 0; i < RACE_READERS; i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&race.start);
    assert_int_equal(atomic_load(&race.wrong), 0);
    assert_true(atomic_load(&race.found) > 0);
}

/* ------------------------------------------------------------------ memory runs out */

static void test_object_index_new_without_memory(void **state)
{
    struct fixture *fixture = *state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct fixture other = { .key = fixture->key };
    size_t nth = 1;
    bool reached;
    do {
        alloc_fail_arm(nth++);
        const enum status status = new_index(&other);
        reached = alloc_fail_disarm();
        assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
    } while (reached);
    assert_true(nth > 5); /* the index, and each table and its slots */
    assert_null(object_index_free(other.index));
    assert_null(object_index_free(NULL));
}

/* A change for which there is no memory may have been a revocation: nothing is left of what was. */
static void test_object_index_change_without_memory_takes_the_old_one_away(void **state)
{
    struct fixture *fixture = *state;
    struct object_index_stats stats;
    if (!alloc_fail_is_available()) {
        return;
    }
    size_t failures = 0;
    for (unsigned n = 0; n < 1000; n++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "p%u", n);
        tell(fixture, &kind_pod, "n", name, UID_A, 0);
        alloc_fail_arm(1);
        tell(fixture, &kind_pod, "n", name, UID_B, 3);
        const bool failed = alloc_fail_disarm();
        failures += failed;
        assert_found(fixture, &kind_pod, "n", name, failed ? "-" : UID_B " deleted at 3");
        assert_int_equal(fixture->problems, failures);
    }
    assert_true(failures > 0);
    assert_int_equal(fixture->problem.status, ST_NOMEM);
    assert_non_null(strstr(fixture->problem.text, "out of memory"));
    object_index_stats(fixture->index, &stats);
    assert_int_equal(stats.pods, 1000 - failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_object_index_finds_what_was_told),
        T(test_object_index_names_do_not_run_into_each_other),
        T(test_object_index_numbers_objects_apart),
        T(test_object_index_longest_names_are_found),
        T(test_object_index_token_secrets_hold_their_token),
        T(test_object_index_feeds_leave_each_other_alone),
        T(test_object_index_refused_objects_are_gone),
        T(test_object_index_ignores_what_it_does_not_keep),
        T(test_object_index_counts_by_kind),
        T(test_object_index_longer_uid_is_a_problem_once),
        T(test_object_index_taint_names_every_digest),
        T(test_object_index_is_as_a_naive_list_has_it),
        T(test_object_index_readers_see_whole_objects),
        T(test_object_index_new_without_memory),
        T(test_object_index_change_without_memory_takes_the_old_one_away),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
