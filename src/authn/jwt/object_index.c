/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects by name: two tables (base/rcu_table), one of what metadata told, one of token Secrets.
 *
 * Two, because the two interests that tell of Secrets come by requests of their own, each at its
 * own pace: a deletion or a change that the one tells must not undo what the other has told of a
 * Secret that was made anew meanwhile. It also keeps an entry of the larger one in one cache line.
 *
 * Memory: a cluster of 150,000 Pods is the measure. An entry is 64 bytes: half of a name's digest
 * instead of a name, the uid's text in place. With its share of the slots it takes 75 to 86
 * (tests/bench/jwt_tables.c measures).
 *
 * Untrusted: names and uids, which are whatever who may create objects picks, and names that tokens
 * carry. A name is digested under a random key of which nothing is ever seen, and 96 bits are kept:
 * two of the two million objects that a store holds agree once in 2^55 processes, and nobody can
 * make them agree. Kind and lengths are part of what is digested.
 *
 * Threats: of a token Secret only a keyed digest of its token is kept, and wiped when it leaves.
 *
 * Memory failing while an object changes: see the header; bootstrap tokens are handled alike.
 */
#include "authn/jwt/object_index.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <urcu/urcu-bp.h>

#include "base/rcu_table.h"
#include "kube/names.h"
#include "kube/object_kind.h"

#define INVALID_SINCE_LABEL "kubernetes.io/legacy-token-invalid-since"

/* What an object is counted as. */
enum tally {
    TALLY_SERVICE_ACCOUNTS = 0,
    TALLY_PODS,
    TALLY_NODES,
    TALLY_SECRETS,
    TALLY_TOKEN_SECRETS,
    TALLY_UNUSABLE, /* beside one of those above */
    TALLY_COUNT_
};

#define KEY_BYTES 12

struct key {
    uint8_t bytes[KEY_BYTES];
};

#define UID_TOO_LONG UINT8_MAX

/* All bytes are given: entries are compared as bytes. */
struct entry {
    int64_t deletion_sec;
    uint8_t is_being_deleted;
    uint8_t is_invalidated;
    uint8_t uid_len; /* or UID_TOO_LONG */
    uint8_t unused;
    char uid[INDEXED_UID_MAX]; /* zeroes behind it */
};

struct token_entry {
    struct entry entry;
    struct quick_digest token;
};

_Static_assert(sizeof(struct entry) == 48, "no padding, and with its key in one cache line");
_Static_assert(sizeof(struct token_entry) == 64, "no padding");

struct object_index {
    struct rcu_table *objects;                /* of struct entry */
    struct rcu_table *token_secrets;          /* of struct token_entry */
    const struct quick_digest_key *token_key; /* borrows */
    problem_fn *on_problem;                   /* may be NULL */
    void *ctx;
    _Atomic uint64_t counts[TALLY_COUNT_]; /* written by the loop only */
    uint8_t name_key[crypto_shorthash_siphashx24_KEYBYTES];
};

/* ------------------------------------------------------------------ beginning and end */

static enum status init(struct object_index *index)
{
    struct rcu_table_options options = { .key_bytes = KEY_BYTES,
                                         .value_bytes = sizeof(struct entry) };
    enum status status = rcu_table_new(&options, &index->objects); /* starts libsodium */
    if (status == ST_OK) {
        options.value_bytes = sizeof(struct token_entry);
        status = rcu_table_new(&options, &index->token_secrets);
    }
    if (status == ST_OK) {
        randombytes_buf(index->name_key, sizeof(index->name_key));
    }
    return status;
}

enum status object_index_new(const struct object_index_options *options,
                             struct object_index **ret_index)
{
    struct object_index *index = calloc(1, sizeof(*index));
    if (!index) {
        return ST_NOMEM;
    }
    index->token_key = options->token_key;
    index->on_problem = options->on_problem;
    index->ctx = options->ctx;
    const enum status status = init(index);
    if (status != ST_OK) {
        (void)object_index_free(index);
        return status;
    }
    *ret_index = index;
    return ST_OK;
}

struct object_index *object_index_free(struct object_index *index)
{
    if (index) {
        (void)rcu_table_free(index->objects);
        (void)rcu_table_free(index->token_secrets);
        sodium_memzero(index, sizeof(*index));
        free(index);
    }
    return NULL;
}

/* ------------------------------------------------------------------ names */

/* Return: false for a kind that is not kept. */
static bool tally_of(const struct object_kind *kind, enum tally *ret_tally)
{
    static const struct object_kind *const kinds[] = {
        [TALLY_SERVICE_ACCOUNTS] = &kind_service_account,
        [TALLY_PODS] = &kind_pod,
        [TALLY_NODES] = &kind_node,
        [TALLY_SECRETS] = &kind_secret,
    };
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        if (kinds[i] == kind) {
            *ret_tally = (enum tally)i;
            return true;
        }
    }
    return false;
}

static char *append(char *at, struct span text)
{
    return mempcpy(at, text.len ? text.at : "", text.len);
}

/* Return: false for names that no object can have. */
static bool make_key(const struct object_index *index,
                     enum tally tally,
                     struct span namespace,
                     struct span name,
                     struct key *ret_key)
{
    char text[2 + NAME_LABEL_MAX + NAME_SUBDOMAIN_MAX];
    if (namespace.len > NAME_LABEL_MAX || name.len > NAME_SUBDOMAIN_MAX) {
        return false;
    }
    text[0] = (char)tally;
    text[1] = (char)namespace.len; /* or else a name could reach into the namespace */
    const char *const end = append(append(text + 2, namespace), name);
    uint8_t digest[crypto_shorthash_siphashx24_BYTES];
    (void)crypto_shorthash_siphashx24(digest, (const uint8_t *)text, (size_t)(end - text),
                                      index->name_key); /* always 0 */
    memcpy(ret_key->bytes, digest, KEY_BYTES);
    return true;
}

/* ------------------------------------------------------------------ questions */

static void show(const struct entry *entry, struct indexed_object *object)
{
    *object = (struct indexed_object){
        .uid = { .at = entry->uid, .len = entry->uid_len },
        .is_being_deleted = entry->is_being_deleted,
        .deletion_sec = entry->deletion_sec,
        .is_invalidated = entry->is_invalidated,
    };
}

bool object_index_find(const struct object_index *index,
                       const struct object_kind *kind,
                       struct span namespace,
                       struct span name,
                       struct indexed_object *ret_object)
{
    enum tally tally;
    struct key key;
    if (!tally_of(kind, &tally) || !make_key(index, tally, namespace, name, &key)) {
        return false;
    }
    const struct entry *entry = rcu_table_find(index->objects, &key);
    if (!entry || entry->uid_len == UID_TOO_LONG) {
        return false;
    }
    show(entry, ret_object);
    return true;
}

bool object_index_find_token_secret(const struct object_index *index,
                                    struct span namespace,
                                    struct span name,
                                    struct indexed_object *ret_object)
{
    struct key key;
    if (!make_key(index, TALLY_TOKEN_SECRETS, namespace, name, &key)) {
        return false;
    }
    const struct token_entry *found = rcu_table_find(index->token_secrets, &key);
    if (!found || found->entry.uid_len == UID_TOO_LONG) {
        return false;
    }
    show(&found->entry, ret_object);
    ret_object->token = found->token;
    return true;
}

uint64_t object_index_number(const struct object_index *index,
                             enum object_feed feed,
                             const struct object_kind *kind,
                             struct span namespace,
                             struct span name)
{
    enum tally tally;
    struct key key;
    uint64_t number = 0;
    if (!tally_of(kind, &tally)) {
        return 0;
    }
    if (feed == OBJECT_FEED_TOKEN_SECRETS) {
        tally = TALLY_TOKEN_SECRETS;
    }
    if (make_key(index, tally, namespace, name, &key)) {
        memcpy(&number, key.bytes, sizeof(number));
    }
    return number;
}

/* ------------------------------------------------------------------ problems */

static void report(const struct object_index *index,
                   const struct store_event *event,
                   enum status reason)
{
    if (!index->on_problem) {
        return;
    }
    const struct shown_object shown = shown_object_of(event->kind, event->namespace, event->name);
    struct problem problem = { 0 };
    problem_set(&problem, reason, event->source_line, event->source_line ? 1 : 0, "%s: %s",
                shown.text,
                reason == ST_NOMEM
                    ? "out of memory, so tokens that name it are refused until it changes again"
                    : "its uid is longer than 36 bytes, so tokens that name it are refused");
    if (event->source) {
        problem_set_file(&problem, event->source);
    }
    index->on_problem(index->ctx, &problem);
}

/* ------------------------------------------------------------------ events */

/* One writer: a load and a store, no locked instruction. */
static void count(struct object_index *index, enum tally tally, int change)
{
    _Atomic uint64_t *counter = &index->counts[tally];
    const uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + (uint64_t)(int64_t)change, memory_order_relaxed);
}

static void count_entry(struct object_index *index,
                        enum tally tally,
                        const struct entry *entry,
                        int change)
{
    count(index, tally, change);
    if (entry->uid_len == UID_TOO_LONG) {
        count(index, TALLY_UNUSABLE, change);
    }
}

static void judge(const struct object_meta *meta, struct entry *ret_entry)
{
    memset(ret_entry, 0, sizeof(*ret_entry));
    ret_entry->is_being_deleted = meta->has_deletion_timestamp;
    ret_entry->deletion_sec = meta->deletion.sec;
    if (meta->uid.len > INDEXED_UID_MAX) {
        ret_entry->uid_len = UID_TOO_LONG;
        return;
    }
    ret_entry->uid_len = (uint8_t)meta->uid.len;
    (void)append(ret_entry->uid, meta->uid);
}

/* @ret_value: a struct entry, or the struct token_entry that it begins. */
static void judge_token_secret(const struct object_index *index,
                               const struct secret *secret,
                               struct token_entry *ret_value)
{
    struct span token = { 0 };
    struct span since = { 0 };
    judge(&secret->meta, &ret_value->entry);
    (void)object_label_find(secret->meta.labels, secret->meta.label_count, INVALID_SINCE_LABEL,
                            &since); /* missing counts as empty, as in Go; so below */
    ret_value->entry.is_invalidated = since.len > 0;
    (void)secret_find(secret, "token", &token);
    quick_digest_compute(index->token_key, token, &ret_value->token);
}

/* What was told before of the object that @event is about. */
struct before {
    bool was_there;
    bool is_same;
    uint8_t uid_len;
};

static struct before look_back(const struct rcu_table *table,
                               const struct key *key,
                               const void *value,
                               size_t value_bytes)
{
    struct before before = { 0 };
    urcu_bp_read_lock();
    const struct entry *old = rcu_table_find(table, key);
    if (old) {
        before.was_there = true;
        before.uid_len = old->uid_len;
        before.is_same = value && sodium_memcmp(old, value, value_bytes) == 0;
    }
    urcu_bp_read_unlock();
    return before;
}

/* @value: what the object is now; NULL: gone. Most changes of a Pod change nothing here. */
static void change(struct object_index *index,
                   enum tally tally,
                   const struct store_event *event,
                   const struct entry *value,
                   size_t value_bytes)
{
    struct rcu_table *const table =
        tally == TALLY_TOKEN_SECRETS ? index->token_secrets : index->objects;
    struct key key;
    if (!make_key(index, tally, event->namespace, event->name, &key)) {
        return; /* no store tells of one: names are checked */
    }
    const struct before before = look_back(table, &key, value, value_bytes);
    if (before.is_same) {
        return;
    }
    if (before.was_there) {
        count_entry(index, tally, &(struct entry){ .uid_len = before.uid_len }, -1);
    }
    const enum status status = value ? rcu_table_put(table, &key, value) : ST_NOT_FOUND;
    if (status != ST_OK) {
        rcu_table_remove(table, &key);
        if (status == ST_NOMEM) {
            report(index, event, status);
        }
        return;
    }
    count_entry(index, tally, value, 1);
    if (value->uid_len == UID_TOO_LONG && !(before.was_there && before.uid_len == UID_TOO_LONG)) {
        report(index, event, ST_LIMIT);
    }
}

static void handle_metadata(struct object_index *index, const struct store_event *event)
{
    enum tally tally;
    struct entry entry;
    if (!tally_of(event->kind, &tally)) {
        return;
    }
    const bool is_there = event->type != STORE_DELETED && !event->meta->is_refused;
    if (is_there) {
        judge(event->meta, &entry);
    }
    change(index, tally, event, is_there ? &entry : NULL, sizeof(entry));
}

static void handle_token_secret(struct object_index *index, const struct store_event *event)
{
    struct token_entry value;
    if (event->kind != &kind_secret) {
        return;
    }
    const bool is_there =
        event->type != STORE_DELETED && event->secret && !event->secret->meta.is_refused;
    if (is_there) {
        judge_token_secret(index, event->secret, &value);
    }
    change(index, TALLY_TOKEN_SECRETS, event, is_there ? &value.entry : NULL, sizeof(value));
    sodium_memzero(&value, sizeof(value));
}

void object_index_handle_event(struct object_index *index,
                               enum object_feed feed,
                               const struct store_event *event)
{
    if (event->type == STORE_SYNCED) {
        return;
    }
    switch (feed) {
    case OBJECT_FEED_METADATA:
        handle_metadata(index, event);
        break;
    case OBJECT_FEED_TOKEN_SECRETS:
        handle_token_secret(index, event);
        break;
    }
}

/* ------------------------------------------------------------------ figures */

static uint64_t counted(const struct object_index *index, enum tally tally)
{
    return atomic_load_explicit(&index->counts[tally], memory_order_relaxed);
}

void object_index_stats(const struct object_index *index, struct object_index_stats *ret_stats)
{
    *ret_stats = (struct object_index_stats){
        .service_accounts = counted(index, TALLY_SERVICE_ACCOUNTS),
        .pods = counted(index, TALLY_PODS),
        .nodes = counted(index, TALLY_NODES),
        .secrets = counted(index, TALLY_SECRETS),
        .token_secrets = counted(index, TALLY_TOKEN_SECRETS),
        .unusable = counted(index, TALLY_UNUSABLE),
    };
}

struct tainter {
    taint_fn *taint;
    void *ctx;
};

static void taint_token(void *ctx, const void *value)
{
    const struct tainter *tainter = ctx;
    const struct token_entry *entry = value;
    tainter->taint(tainter->ctx, &entry->token, sizeof(entry->token));
}

void object_index_taint(const struct object_index *index, taint_fn *taint, void *ctx)
{
    struct tainter tainter = { .taint = taint, .ctx = ctx };
    urcu_bp_read_lock();
    rcu_table_visit(index->token_secrets, taint_token, &tainter);
    urcu_bp_read_unlock();
}
