/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of keys.
 *
 * Untrusted: a JWK Set is a server's. It is scanned once, in a copy, without a tree: a set of the
 * largest size would make one of hundreds of thousands of nodes. A set with a key that we cannot
 * use must not lose the others (go-jose loses all): new kinds of keys are published before
 * everybody knows them. But the text as a whole must be a JWK Set, and what exceeds a limit is
 * refused whole: half a set would be a set of somebody's choosing.
 *
 * A set without a usable key is an error and no set, so that whoever keeps the last good one goes
 * on with it.
 *
 * Threads: a set is constant but for its references.
 */
#include "jose/key_set.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "document/json_scan.h"
#include "jose/jwk.h"
#include "jose/member_names.h"
#include "jose/pem_keys.h"

struct key_set {
    atomic_uint references;
    size_t count;
    size_t skipped;
    struct jose_key *keys[KEY_SET_MAX_KEYS]; /* one reference of each */
};

/* A set that is being made. */
struct builder {
    struct key_set *set; /* owns */
    size_t entries;      /* usable or not */
    problem_fn *on_problem;
    void *ctx;
    struct problem *problem; /* borrows; filled when all is over */
};

static struct key_set *set_new(void)
{
    struct key_set *const set = calloc(1, sizeof(*set));
    if (set) {
        atomic_init(&set->references, 1);
    }
    return set;
}

/* Takes @key. The same key a second time, as a file with both halves has it, is one. */
static void add_key(struct key_set *set, struct jose_key *key)
{
    for (size_t i = 0; i < set->count; i++) {
        if (jose_key_is_same(set->keys[i], key)) {
            (void)jose_key_unref(key);
            return;
        }
    }
    set->keys[set->count++] = key;
}

static void skip_key(struct builder *builder,
                     enum status status,
                     unsigned line,
                     unsigned column,
                     const char *expected)
{
    builder->set->skipped++;
    if (builder->on_problem) {
        struct problem problem = { .status = status };
        problem_set(&problem, status, line, column, "key %zu is left out: expected %s",
                    builder->entries, expected);
        builder->on_problem(builder->ctx, &problem);
    }
}

static enum status refuse(struct builder *builder, enum status status)
{
    if (status == ST_NOT_FOUND) {
        problem_set(builder->problem, status, 0, 0, "expected a usable key");
    } else if (status == ST_LIMIT) {
        problem_set(builder->problem, status, 0, 0, "expected no more than %d keys in %d bytes",
                    KEY_SET_MAX_KEYS, KEY_SET_MAX_BYTES);
    } else {
        problem_set(builder->problem, status, 0, 0, "%s", status_text(status));
    }
    return status;
}

/* @status: how reading went; with a failure the problem is filled already. */
static enum status finish(struct builder *builder, enum status status, struct key_set **ret_set)
{
    if (status == ST_OK && builder->set->count == 0) {
        status = refuse(builder, ST_NOT_FOUND);
    }
    if (status != ST_OK) {
        (void)key_set_unref(builder->set);
        return status;
    }
    *ret_set = builder->set;
    return ST_OK;
}

static enum status take_pem_key(void *ctx, const struct pem_key *key)
{
    struct builder *const builder = ctx;
    if (builder->entries == KEY_SET_MAX_KEYS) {
        (void)jose_key_unref(key->key);
        return ST_LIMIT;
    }
    builder->entries++;
    if (key->status == ST_OK) {
        add_key(builder->set, key->key);
    } else {
        skip_key(builder, key->status, key->line, 1, key->expected);
    }
    return ST_OK;
}

enum status key_set_from_pem(struct span pem,
                             problem_fn *on_problem,
                             void *ctx,
                             struct key_set **ret_set,
                             struct problem *reterr_problem)
{
    struct builder builder = {
        .set = set_new(), .on_problem = on_problem, .ctx = ctx, .problem = reterr_problem
    };
    if (!builder.set) {
        return refuse(&builder, ST_NOMEM);
    }
    enum status status = pem.len > KEY_SET_MAX_BYTES ? ST_LIMIT : ST_OK;
    if (status == ST_OK) {
        status = pem_keys_read(pem, take_pem_key, &builder);
    }
    if (status != ST_OK) {
        (void)refuse(&builder, status);
    }
    return finish(&builder, status, ret_set);
}

/* Return: ST_OK; ST_NOMEM, ST_INTERNAL. Errors of the scan stick to it. */
static enum status read_key(struct json_scan *scan, struct builder *builder)
{
    struct jose_key *key = NULL;
    const char *expected = "";
    (void)json_scan_peek(scan); /* now it stands where the key begins */
    const unsigned line = scan->line;
    const unsigned column = (unsigned)(scan->at - scan->line_at) + 1;
    const enum status status = jwk_read(scan, &key, &expected);
    if (scan->status != ST_OK) {
        return ST_OK;
    }
    builder->entries++;
    if (status == ST_OK) {
        add_key(builder->set, key);
    } else if (status == ST_NOMEM || status == ST_INTERNAL) {
        return status;
    } else if (status != ST_NOT_FOUND) {
        skip_key(builder, status, line, column, expected);
    }
    return ST_OK;
}

static enum status read_keys(struct json_scan *scan, struct builder *builder)
{
    enum status status = ST_OK;
    if (json_scan_array(scan)) {
        while (status == ST_OK && json_scan_element(scan)) {
            if (builder->entries == KEY_SET_MAX_KEYS) {
                (void)json_scan_fail(scan, ST_LIMIT, "no more than 64 keys");
            } else {
                status = read_key(scan, builder);
            }
        }
    }
    return status;
}

static enum status read_set(struct json_scan *scan, struct builder *builder)
{
    struct member_names names = { .count = 0 };
    struct span name = { 0 };
    enum status status = ST_OK;
    if (!json_scan_object(scan)) {
        return ST_OK;
    }
    while (status == ST_OK && json_scan_member(scan, &name)) {
        const enum status known = member_names_add(&names, name);
        if (known != ST_OK) {
            (void)json_scan_fail(scan, known, "each member once, and no more than 32");
        } else if (span_equal(name, SPAN_LITERAL("keys"))) {
            status = read_keys(scan, builder);
        } else {
            (void)json_scan_skip(scan);
        }
    }
    return status;
}

static enum status read_jwks(char *text, size_t len, struct builder *builder)
{
    struct json_scan scan;
    json_scan_begin(&scan, text, len);
    enum status status = read_set(&scan, builder);
    if (status != ST_OK) {
        return refuse(builder, status);
    }
    status = json_scan_end(&scan);
    if (status != ST_OK) {
        json_scan_problem(&scan, builder->problem);
    }
    return status;
}

enum status key_set_from_jwks(struct span json,
                              problem_fn *on_problem,
                              void *ctx,
                              struct key_set **ret_set,
                              struct problem *reterr_problem)
{
    struct builder builder = {
        .set = set_new(), .on_problem = on_problem, .ctx = ctx, .problem = reterr_problem
    };
    if (!builder.set) {
        return refuse(&builder, ST_NOMEM);
    }
    if (json.len > KEY_SET_MAX_BYTES) {
        return finish(&builder, refuse(&builder, ST_LIMIT), ret_set);
    }
    char *const copy = span_copy(json);
    if (!copy) {
        return finish(&builder, refuse(&builder, ST_NOMEM), ret_set);
    }
    const enum status status = read_jwks(copy, json.len, &builder);
    sodium_memzero(copy, json.len); /* private keys do get published */
    free(copy);
    return finish(&builder, status, ret_set);
}

struct key_set *key_set_ref(struct key_set *set)
{
    (void)atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

struct key_set *key_set_unref(struct key_set *set)
{
    if (set && atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) == 1) {
        for (size_t i = 0; i < set->count; i++) {
            (void)jose_key_unref(set->keys[i]);
        }
        free(set);
    }
    return NULL;
}

size_t key_set_count(const struct key_set *set)
{
    return set->count;
}

struct jose_key *key_set_at(const struct key_set *set, size_t i)
{
    return set->keys[i];
}

size_t key_set_skipped(const struct key_set *set)
{
    return set->skipped;
}
