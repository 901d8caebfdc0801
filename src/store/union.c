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
 * Memory: no object is kept, only its names and three flags. An object of kube-system named
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
    uint8_t kind;  /* where it stands in store.kinds */
    uint8_t heard; /* by whom: store_tell() */
    bool in_first : 1;
    bool in_second : 1;
    bool is_told : 1; /* false: it is awaited from the second store */
    char key[];       /* namespace and name, nothing between */
};

struct union_store {
    struct store base;
    struct store *parts[SIDE_COUNT_]; /* owns */
    bool is_synced[SIDE_COUNT_];
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

static void tell(struct union_store *both, struct held *held, const struct store_event *event)
{
    struct store_event told = *event;
    told.type = held->is_told ? STORE_MODIFIED : STORE_ADDED;
    held->is_told = true;
    store_tell(&both->base, &told, &held->heard);
}

static bool is_in_both(const struct held *held)
{
    return held->in_first && held->in_second;
}

/* @side has the object, new or changed. */
static void handle_there(struct union_store *both,
                         enum side side,
                         const struct store_target *target,
                         const struct store_event *event)
{
    struct held *held = find_held(both, target);
    if (!held) {
        held = make_held(both, target);
    }
    if (!held) {
        report_no_memory(both, target);
        return;
    }
    const bool was_in_both = is_in_both(held);
    held->in_first = held->in_first || side == FIRST;
    held->in_second = held->in_second || side == SECOND;
    if (side == FIRST || !held->in_first) {
        tell(both, held, event);
    }
    if (is_in_both(held) && !was_in_both) {
        complain(both, target);
    }
}

static void handle_gone(struct union_store *both,
                        enum side side,
                        const struct store_target *target,
                        const struct store_event *event)
{
    struct held *held = find_held(both, target);
    if (!held || !(side == FIRST ? held->in_first : held->in_second)) {
        return;
    }
    const bool was_in_both = is_in_both(held);
    const bool counted = side == FIRST || !held->in_first;
    held->in_first = held->in_first && side != FIRST;
    held->in_second = held->in_second && side != SECOND;
    const bool is_left = held->in_first || held->in_second;
    const bool was_told = held->is_told;
    held->is_told = was_told && !counted;
    if (was_told && counted) {
        store_tell(&both->base, event, &held->heard);
    }
    if (!is_left) {
        free_held(both, held, target);
    }
    if (was_in_both) {
        tell_resolved(both, target);
    }
    if (is_left && counted) { /* last: it may tell at once */
        struct store *second = both->parts[SECOND];
        second->ops->retell(second, target);
    }
}

static void handle_synced(struct union_store *both, enum side side)
{
    both->is_synced[side] = true;
    if (both->is_synced[FIRST] && both->is_synced[SECOND]) {
        store_tell_synced(&both->base);
    }
}

static void handle_event(struct union_store *both, enum side side, const struct store_event *event)
{
    const struct store_target target = {
        .kind = event->kind,
        .namespace = event->namespace,
        .name = event->name,
    };
    switch (event->type) {
    case STORE_ADDED:
    case STORE_MODIFIED:
        handle_there(both, side, &target, event);
        break;
    case STORE_DELETED:
        handle_gone(both, side, &target, event);
        break;
    case STORE_SYNCED:
        handle_synced(both, side);
        break;
    }
}

static void on_event_of_first(void *ctx, const struct store_event *event)
{
    handle_event(ctx, FIRST, event);
}

static void on_event_of_second(void *ctx, const struct store_event *event)
{
    handle_event(ctx, SECOND, event);
}

/* A further interest in a kind only widens what is told: one handler hears of the kind. */
static void on_event_heard_already(void *ctx, const struct store_event *event)
{
    (void)ctx;
    (void)event;
}

/* --- the store's operations --- */

static bool has_kind(const struct store_interest *interests,
                     size_t count,
                     const struct object_kind *kind)
{
    for (size_t i = 0; i < count; i++) {
        if (interests[i].kind == kind) {
            return true;
        }
    }
    return false;
}

/* What the union is asked for, each of the two is; and it hears all that they know of a kind, since
 * what the first has hides what the second has, whoever listens to either. */
static enum status subscribe(struct union_store *both, enum side side)
{
    struct store *part = both->parts[side];
    store_handler *handler = side == FIRST ? on_event_of_first : on_event_of_second;
    struct store_interest interests[STORE_MAX_HANDLERS];
    const size_t count = store_interests(&both->base, interests);
    enum status status = count ? ST_OK : store_subscribe(part, NULL, handler, both);
    for (size_t i = 0; i < count && status == ST_OK; i++) {
        const bool is_heard = has_kind(interests, i, interests[i].kind);
        struct store_interest interest = interests[i];
        if (!is_heard) {
            const size_t at = store_kind_at(&both->base, interest.kind);
            interest.hears_more = true;
            interest.wants_json = both->base.kinds[at].wants_json;
            interest.is_metadata_only = both->base.kinds[at].is_metadata_only;
        }
        status =
            store_subscribe(part, &interest, is_heard ? on_event_heard_already : handler, both);
    }
    return status;
}

static enum status load(struct store *store, struct problem *reterr_problem)
{
    struct union_store *both = union_of(store);
    bool is_unsettled = false;
    for (enum side side = FIRST; side < SIDE_COUNT_; side++) {
        enum status status = subscribe(both, side);
        if (status != ST_OK) {
            problem_set(reterr_problem, status, 0, 0, "%s", status_text(status));
            return status;
        }
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

/* No retell and no find_source: a union is no part of another. */
static const struct store_ops union_ops = {
    .load = load,
    .watch = watch,
    .free = free_store,
    .reread = reread,
    .write = write_to_holder,
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
