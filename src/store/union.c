/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of two stores an object is told from, and what of it has been told.
 *
 * The rules, in each order in which things can happen:
 *  - The first store's object is told whenever there is one. When the second's had been told
 * before, listeners get STORE_MODIFIED: never a moment in which neither counts.
 *  - While both hold it, whatever the second says of its own is kept back.
 *  - When the first's goes, what listeners know is true no longer, and the second's was not kept:
 * so they get STORE_DELETED at once, and STORE_ADDED when the second has told it again (the retell
 *    operation). In between the object is unknown, which nobody caches, and never the old one.
 *  - Of what was awaited, any event of the second's that brings the object will do; one that says
 * it is gone ends the waiting.
 *  - While the first still waits for a file that is being written, what that file will say is not
 *    there yet. The union is synced when both stores are.
 * What a listener is told is therefore always added, modified, deleted in this order, whatever the
 * two stores call it.
 *
 * The first store is one place where an object is or is not, whoever listens. The second may know
 * of it by several requests, of which each has an order of its own, so each listener has an ear of
 * his own there, and what one ear hears is told to nobody else.
 *
 * Memory: no object is kept, only its names and who knows of it. An object of kube-system named
 * bootstrap-token-abcdef costs 48 bytes for itself and 16 to 32 in the table: 72 on average,
 * malloc's overhead included. Without memory for these, an object is not told until it changes
 * again, which is told as a problem.
 *
 * Untrusted: names, which are hashed under a random key and shown with care (kube/shown_name.h).
 * Threads: the loop's only, but for the figures.
 */
#include "store/union.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "kube/shown_name.h"
#include "store/store_base.h"

enum side { FIRST = 0, SECOND, SIDE_COUNT_ };

struct held {
    uint8_t namespace_len; /* a DNS label, 63 at most, and a DNS subdomain, 253 */
    uint8_t name_len;
    uint8_t kind;      /* where it stands in store.kinds */
    uint8_t heard;     /* by whom: store_tell_to() */
    uint8_t in_second; /* by which ears */
    bool in_first : 1;
    bool is_counted : 1;
    char key[]; /* namespace and name, nothing between */
};

/* Of one listener of the union's, at the second store. */
struct ear {
    struct union_store *both; /* borrows */
    uint8_t bit;              /* of the listener, as store.subscriptions has them */
};

struct union_store {
    struct store base;
    struct store *parts[SIDE_COUNT_]; /* owns */
    bool is_synced[SIDE_COUNT_];
    struct ear ears[STORE_MAX_HANDLERS];
    struct table objects; /* owns its items, struct held */
    problem_fn *on_problem;
    problem_fn *on_resolved;
    void *ctx;
};

static struct union_store *union_of(const struct store *store)
{
    return CONTAINER_OF(store, struct union_store, base);
}

/* --- which objects there are --- */

static struct span held_namespace(const struct held *held)
{
    return (struct span){ .at = held->key, .len = held->namespace_len };
}

static struct span held_name(const struct held *held)
{
    return (struct span){ .at = held->key + held->namespace_len, .len = held->name_len };
}

struct held_key {
    const struct store_target *target;
    uint8_t kind;
};

static struct held_key key_of(const struct union_store *both, const struct store_target *target)
{
    return (struct held_key){ .target = target,
                              .kind = (uint8_t)store_kind_at(&both->base, target->kind) };
}

static bool is_held_of(const void *item, const void *key)
{
    const struct held *held = item;
    const struct held_key *wanted = key;
    return held->kind == wanted->kind && span_equal(held_name(held), wanted->target->name) &&
           span_equal(held_namespace(held), wanted->target->namespace);
}

static uint32_t hash_key(const struct table *table, const struct held_key *key)
{
    return table_hash_pair(table, key->target->name, key->target->namespace) +
           0x85ebca6bu * key->kind;
}

static struct held *find_held(const struct union_store *both, const struct store_target *target)
{
    const struct held_key key = key_of(both, target);
    return table_find(&both->objects, hash_key(&both->objects, &key), is_held_of, &key);
}

static struct held *make_held(struct union_store *both, const struct store_target *target)
{
    const struct held_key key = key_of(both, target);
    const size_t key_len = target->namespace.len + target->name.len;
    if (target->namespace.len > UINT8_MAX || target->name.len > UINT8_MAX) {
        return NULL; /* of no valid object; only to make the casts below true */
    }
    struct held *held = calloc(1, sizeof(*held) + key_len);
    if (!held) {
        return NULL;
    }
    held->namespace_len = (uint8_t)target->namespace.len;
    held->name_len = (uint8_t)target->name.len;
    held->kind = key.kind;
    if (target->namespace.len) {
        memcpy(held->key, target->namespace.at, target->namespace.len);
    }
    memcpy(held->key + held->namespace_len, target->name.at, target->name.len);
    if (table_insert(&both->objects, hash_key(&both->objects, &key), held) != ST_OK) {
        free(held);
        return NULL;
    }
    return held;
}

static void free_held(struct union_store *both,
                      struct held *held,
                      const struct store_target *target)
{
    const struct held_key key = key_of(both, target);
    table_remove(&both->objects, hash_key(&both->objects, &key), held);
    free(held);
}

/* --- problems --- */

/* The object itself is where the problem is: the second store has no files. */
static void name_place(struct problem *problem, const struct store_target *target)
{
    char place[PROBLEM_FILE_MAX];
    const struct shown_name namespace = shown_name_of(target->namespace);
    const struct shown_name name = shown_name_of(target->name);
    (void)snprintf(place, sizeof(place), "%s%s%s", namespace.text,
                   target->kind->is_cluster_scoped ? "" : "/", name.text); /* it has room */
    problem_set_file(problem, place);
}

static void report(const struct union_store *both,
                   const struct store_target *target,
                   struct problem *problem)
{
    if (both->on_problem) {
        name_place(problem, target);
        both->on_problem(both->ctx, problem);
    }
}

static void count_problems(struct union_store *both, int change)
{
    atomic_fetch_add_explicit(&both->base.counters.problems, (uint64_t)(int64_t)change,
                              memory_order_relaxed);
}

static void complain(struct union_store *both, const struct store_target *target)
{
    char source[PROBLEM_FILE_MAX];
    struct problem problem;
    const struct shown_object shown =
        shown_object_of(target->kind, target->namespace, target->name);
    struct store *first = both->parts[FIRST];
    const bool is_found = first->ops->find_source(first, target, source);
    problem_set(&problem, ST_DUPLICATE, 0, 0, "%s is in %s, too, which counts", shown.text,
                is_found ? source : "the directory of manifests");
    count_problems(both, 1);
    report(both, target, &problem);
}

static void tell_resolved(struct union_store *both, const struct store_target *target)
{
    count_problems(both, -1);
    if (both->on_resolved) {
        struct problem fine = { .status = ST_OK };
        name_place(&fine, target);
        both->on_resolved(both->ctx, &fine);
    }
}

static void report_no_memory(const struct union_store *both, const struct store_target *target)
{
    struct problem problem;
    problem_set(&problem, ST_NOMEM, 0, 0,
                "no memory to keep track of it, so it is left out until it changes again");
    report(both, target, &problem);
}

/* --- events --- */

/* One that nobody has heard of and the first store does not have is awaited, or no longer there. */
static void recount(struct union_store *both, struct held *held, const struct object_kind *kind)
{
    const bool is_there = held->in_first || held->heard != 0;
    if (is_there != held->is_counted) {
        held->is_counted = is_there;
        store_count_object(&both->base, kind, is_there);
    }
}

static bool is_in_both(const struct held *held)
{
    return held->in_first && held->in_second != 0;
}

static struct held *find_or_make(struct union_store *both, const struct store_target *target)
{
    struct held *held = find_held(both, target);
    held = held ? held : make_held(both, target);
    if (!held) {
        report_no_memory(both, target);
    }
    return held;
}

/* What has been told of @held, last: it is freed when neither has it. */
static void settle(struct union_store *both,
                   struct held *held,
                   const struct store_target *target,
                   bool was_in_both)
{
    const bool is_both = is_in_both(held);
    recount(both, held, target->kind);
    if (!held->in_first && held->in_second == 0) {
        free_held(both, held, target);
    }
    if (is_both && !was_in_both) {
        complain(both, target);
    } else if (was_in_both && !is_both) {
        tell_resolved(both, target);
    }
}

/* The first store has it, new or changed. */
static void put_first(struct union_store *both,
                      const struct store_target *target,
                      const struct store_event *event)
{
    struct held *held = find_or_make(both, target);
    if (held) {
        const bool was_in_both = is_in_both(held);
        held->in_first = true;
        store_tell_to(&both->base, event, STORE_ALL_LISTENERS, &held->heard);
        settle(both, held, target, was_in_both);
    }
}

static void remove_first(struct union_store *both,
                         const struct store_target *target,
                         const struct store_event *event)
{
    struct held *held = find_held(both, target);
    if (!held || !held->in_first) {
        return;
    }
    const bool was_in_both = is_in_both(held);
    struct store *second = both->parts[SECOND];
    held->in_first = false;
    store_tell_to(&both->base, event, STORE_ALL_LISTENERS, &held->heard);
    settle(both, held, target, was_in_both);
    if (was_in_both) { /* last: it may tell at once */
        second->ops->retell(second, target);
    }
}

/* The second store has it, as far as one listener hears of it. */
static void put_second(struct union_store *both,
                       uint8_t ear,
                       const struct store_target *target,
                       const struct store_event *event)
{
    struct held *held = find_or_make(both, target);
    if (held) {
        const bool was_in_both = is_in_both(held);
        held->in_second |= ear;
        if (!held->in_first) {
            store_tell_to(&both->base, event, ear, &held->heard);
        }
        settle(both, held, target, was_in_both);
    }
}

static void remove_second(struct union_store *both,
                          uint8_t ear,
                          const struct store_target *target,
                          const struct store_event *event)
{
    struct held *held = find_held(both, target);
    if (!held || (held->in_second & ear) == 0) {
        return;
    }
    const bool was_in_both = is_in_both(held);
    held->in_second = (uint8_t)(held->in_second & ~ear);
    if (!held->in_first) {
        store_tell_to(&both->base, event, ear, &held->heard);
    }
    settle(both, held, target, was_in_both);
}

static void handle_synced(struct union_store *both, enum side side)
{
    both->is_synced[side] = true;
    if (both->is_synced[FIRST] && both->is_synced[SECOND]) {
        store_tell_synced(&both->base);
    }
}

static struct store_target target_of(const struct store_event *event)
{
    return (struct store_target){
        .kind = event->kind,
        .namespace = event->namespace,
        .name = event->name,
    };
}

static void on_event_of_first(void *ctx, const struct store_event *event)
{
    struct union_store *both = ctx;
    const struct store_target target = target_of(event);
    switch (event->type) {
    case STORE_ADDED:
    case STORE_MODIFIED:
        put_first(both, &target, event);
        break;
    case STORE_DELETED:
        remove_first(both, &target, event);
        break;
    case STORE_SYNCED:
        handle_synced(both, FIRST);
        break;
    }
}

static void on_event_of_second(void *ctx, const struct store_event *event)
{
    const struct ear *ear = ctx;
    const struct store_target target = target_of(event);
    switch (event->type) {
    case STORE_ADDED:
    case STORE_MODIFIED:
        put_second(ear->both, ear->bit, &target, event);
        break;
    case STORE_DELETED:
        remove_second(ear->both, ear->bit, &target, event);
        break;
    case STORE_SYNCED:
        handle_synced(ear->both, SECOND);
        break;
    }
}

/* A further interest in a kind only widens what is told: one handler hears of the kind. */
static void on_event_heard_already(void *ctx, const struct store_event *event)
{
    (void)ctx;
    (void)event;
}

/* --- the store's operations --- */

static bool has_kind(const struct store_subscription *subscriptions,
                     size_t count,
                     const struct object_kind *kind)
{
    for (size_t i = 0; i < count; i++) {
        if (subscriptions[i].wants_objects && subscriptions[i].interest.kind == kind) {
            return true;
        }
    }
    return false;
}

/* One handler hears all that the first store knows of a kind, since what the first has hides what
 * the second has, whoever listens to either. */
static enum status subscribe_to_first(struct union_store *both, size_t at)
{
    const struct store_subscription *own = both->base.subscriptions;
    struct store_interest interest = own[at].interest;
    const bool is_heard = has_kind(own, at, interest.kind);
    if (!is_heard) {
        const struct store_kind *kind =
            &both->base.kinds[store_kind_at(&both->base, interest.kind)];
        interest.hears_more = true;
        interest.wants_json = kind->wants_json;
        interest.is_metadata_only = kind->is_metadata_only;
    }
    return store_subscribe(both->parts[FIRST], &interest,
                           is_heard ? on_event_heard_already : on_event_of_first, both);
}

/* What the union is asked for, each of the two is. */
static enum status subscribe(struct union_store *both)
{
    const struct store_subscription *own = both->base.subscriptions;
    enum status status = ST_OK;
    bool is_asked = false;
    for (size_t i = 0; i < both->base.subscription_count && status == ST_OK; i++) {
        if (own[i].wants_objects) {
            is_asked = true;
            status = subscribe_to_first(both, i);
        }
        if (own[i].wants_objects && status == ST_OK) {
            status = store_subscribe(both->parts[SECOND], &own[i].interest, on_event_of_second,
                                     &both->ears[i]);
        }
    }
    if (!is_asked) {
        status = store_subscribe(both->parts[FIRST], NULL, on_event_of_first, both);
    }
    if (!is_asked && status == ST_OK) {
        status = store_subscribe(both->parts[SECOND], NULL, on_event_of_second, &both->ears[0]);
    }
    return status;
}

static enum status load(struct store *store, struct problem *reterr_problem)
{
    struct union_store *both = union_of(store);
    bool is_unsettled = false;
    enum status status = subscribe(both);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "%s", status_text(status));
        return status;
    }
    for (enum side side = FIRST; side < SIDE_COUNT_; side++) {
        status = store_load(both->parts[side], reterr_problem);
        if (status != ST_OK && status != ST_UNSETTLED) {
            return status;
        }
        is_unsettled = is_unsettled || status == ST_UNSETTLED;
    }
    return is_unsettled ? ST_UNSETTLED : ST_OK;
}

static enum status watch(struct store *store, struct loop *loop, struct problem *reterr_problem)
{
    const struct union_store *both = union_of(store);
    const enum status status = store_watch(both->parts[FIRST], loop, reterr_problem);
    return status == ST_OK ? store_watch(both->parts[SECOND], loop, reterr_problem) : status;
}

static void reread(struct store *store, store_reread_fn *fn, void *ctx)
{
    const struct union_store *both = union_of(store);
    store_reread(both->parts[FIRST], fn, ctx);
    store_reread(both->parts[SECOND], fn, ctx);
}

static void free_store(struct store *store)
{
    struct union_store *both = union_of(store);
    size_t cursor = 0;
    both->parts[FIRST] = store_free(both->parts[FIRST]);
    both->parts[SECOND] = store_free(both->parts[SECOND]);
    for (struct held *held; (held = table_next(&both->objects, &cursor));) {
        free(held);
    }
    table_fini(&both->objects);
    free(both);
}

/* The store whose object counts; the second where there is none, for what is yet to be created and
 * for what it holds beyond the interests. */
static struct store *holder(const struct store *store, const struct store_target *target)
{
    const struct union_store *both = union_of(store);
    const struct held *held = find_held(both, target);
    return both->parts[held && held->in_first ? FIRST : SECOND];
}

/* Of a name that the first store has, the first store says that it exists. */
static enum status write_to_holder(struct store *store, const struct store_write *write)
{
    return store_write(holder(store, &write->target), write);
}

/* On top of what the union counts itself: the objects that are told, and those in both. */
static void add_stats(const struct store *store, struct store_stats *stats)
{
    const struct union_store *both = union_of(store);
    struct store_stats first;
    struct store_stats second;
    store_stats(both->parts[FIRST], &first);
    store_stats(both->parts[SECOND], &second);
    const struct store_stats *later =
        second.last_reload_sec > first.last_reload_sec ? &second : &first;
    stats->files = first.files + second.files;
    stats->unsafe_files = first.unsafe_files + second.unsafe_files;
    stats->links_out = first.links_out + second.links_out;
    stats->problems += first.problems + second.problems;
    stats->reloads_ok = first.reloads_ok + second.reloads_ok;
    stats->reloads_failed = first.reloads_failed + second.reloads_failed;
    stats->last_reload_sec = later->last_reload_sec;
    stats->last_reload_ok = later->last_reload_ok;
    stats->is_remote = second.is_remote;
    stats->is_connected = second.is_connected;
    stats->last_contact_sec = second.last_contact_sec;
    stats->last_failure = second.last_failure;
    stats->lists_ok = second.lists_ok;
    stats->lists_failed = second.lists_failed;
    stats->watches_begun = second.watches_begun;
    stats->watch_events = second.watch_events;
}

/* What the first store has is there at once. */
static int64_t told_until_sec(const struct store *store, const struct object_kind *kind)
{
    return store_told_until_sec(union_of(store)->parts[SECOND], kind);
}

/* No retell and no find_source: a union is no part of another. */
static const struct store_ops union_ops = {
    .load = load,
    .watch = watch,
    .free = free_store,
    .reread = reread,
    .write = write_to_holder,
    .told_until_sec = told_until_sec,
    .stats = add_stats,
};

enum status union_new(const struct union_options *options, struct store **ret_store)
{
    struct union_store *both = calloc(1, sizeof(*both));
    if (!both) {
        (void)store_free(options->first);
        (void)store_free(options->second);
        return ST_NOMEM;
    }
    store_base_init(&both->base, &union_ops);
    for (size_t i = 0; i < STORE_MAX_HANDLERS; i++) {
        both->ears[i] = (struct ear){ .both = both, .bit = (uint8_t)(1u << i) };
    }
    both->parts[FIRST] = options->first;
    both->parts[SECOND] = options->second;
    both->on_problem = options->on_problem;
    both->on_resolved = options->on_resolved;
    both->ctx = options->ctx;
    const enum status status = table_init(&both->objects);
    if (status != ST_OK) {
        free_store(&both->base);
        return status;
    }
    *ret_store = &both->base;
    return ST_OK;
}
