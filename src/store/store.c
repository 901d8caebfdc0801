/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store as its listeners see it: calls go to the back end by its operations table, events come
 * back through the subscriptions.
 *
 * Subscriptions are fixed before the store is loaded, so telling needs no lock and no copy.
 */
#include "store/store.h"

#include <string.h>

#include "document/edit.h"
#include "store/store_base.h"

void store_base_init(struct store *store, const struct store_ops *ops)
{
    *store = (struct store){ .ops = ops };
}

size_t store_kind_at(const struct store *store, const struct object_kind *kind)
{
    size_t at = 0;
    while (at < store->kind_count && store->kinds[at].kind != kind) {
        at++;
    }
    return at;
}

bool store_wants(const struct store *store, const struct object_kind *kind)
{
    return store_kind_at(store, kind) < store->kind_count;
}

/* NULL stands for everything there. */
static bool covers_text(const char *wide, const char *narrow)
{
    return !wide || (narrow && strcmp(wide, narrow) == 0);
}

static bool covers(const struct store_interest *wide, const struct store_interest *narrow)
{
    return wide->kind == narrow->kind && covers_text(wide->namespace, narrow->namespace) &&
           covers_text(wide->secret_type, narrow->secret_type);
}

size_t store_interests(const struct store *store, struct store_interest *ret_interests)
{
    size_t count = 0;
    for (size_t i = 0; i < store->subscription_count; i++) {
        const struct store_interest *interest = &store->subscriptions[i].interest;
        bool is_covered = !store->subscriptions[i].wants_objects;
        for (size_t j = 0; j < count && !is_covered; j++) {
            is_covered = covers(&ret_interests[j], interest);
        }
        if (is_covered) {
            continue;
        }
        size_t kept = 0; /* without those that this one covers */
        for (size_t j = 0; j < count; j++) {
            if (!covers(interest, &ret_interests[j])) {
                ret_interests[kept++] = ret_interests[j];
            }
        }
        ret_interests[kept] = *interest;
        count = kept + 1;
    }
    return count;
}

static void tell_kind(struct store *store, const struct store_event *event)
{
    for (size_t i = 0; i < store->subscription_count; i++) {
        const struct store_subscription *subscription = &store->subscriptions[i];
        if (subscription->wants_objects && subscription->interest.kind == event->kind) {
            subscription->handler(subscription->ctx, event);
        }
    }
}

void store_tell(struct store *store, const struct store_event *event)
{
    const size_t kind = store_kind_at(store, event->kind);
    if (kind == store->kind_count) {
        return; /* to nobody */
    }
    _Atomic uint64_t *objects = &store->counters.objects[kind];
    store->told_count++;
    switch (event->type) {
    case STORE_ADDED:
        atomic_fetch_add_explicit(objects, 1, memory_order_relaxed);
        break;
    case STORE_DELETED:
        atomic_fetch_sub_explicit(objects, 1, memory_order_relaxed);
        break;
    case STORE_MODIFIED:
    case STORE_SYNCED:
        break;
    }
    tell_kind(store, event);
}

void store_tell_synced(struct store *store)
{
    if (atomic_exchange_explicit(&store->counters.is_synced, true, memory_order_relaxed)) {
        return;
    }
    const struct store_event synced = { .type = STORE_SYNCED };
    for (size_t i = 0; i < store->subscription_count; i++) {
        store->subscriptions[i].handler(store->subscriptions[i].ctx, &synced);
    }
}

void store_count_reload(struct store *store, bool ok, int64_t now_sec)
{
    struct store_counters *counters = &store->counters;
    atomic_fetch_add_explicit(ok ? &counters->reloads_ok : &counters->reloads_failed, 1,
                              memory_order_relaxed);
    atomic_store_explicit(&counters->last_reload_sec, now_sec, memory_order_relaxed);
    atomic_store_explicit(&counters->last_reload_ok, ok, memory_order_relaxed);
}

static void note_kind(struct store *store, const struct store_interest *interest)
{
    struct store_kind *const kind = &store->kinds[store_kind_at(store, interest->kind)];
    if (!kind->kind) {
        store->kind_count++;
        *kind = (struct store_kind){ .kind = interest->kind, .is_metadata_only = true };
    }
    kind->wants_json = kind->wants_json || interest->wants_json;
    kind->is_metadata_only = kind->is_metadata_only && interest->is_metadata_only;
}

enum status store_subscribe(struct store *store,
                            const struct store_interest *interest,
                            store_handler *handler,
                            void *ctx)
{
    if (store->subscription_count == STORE_MAX_HANDLERS) {
        return ST_LIMIT;
    }
    if (interest) {
        note_kind(store, interest);
    }
    store->subscriptions[store->subscription_count++] = (struct store_subscription){
        .interest = interest ? *interest : (struct store_interest){ 0 },
        .wants_objects = interest != NULL,
        .handler = handler,
        .ctx = ctx,
    };
    return ST_OK;
}

enum status store_load(struct store *store, struct problem *reterr_problem)
{
    return store->ops->load(store, reterr_problem);
}

enum status store_watch(struct store *store, struct loop *loop, struct problem *reterr_problem)
{
    return store->ops->watch(store, loop, reterr_problem);
}

void store_reread(struct store *store, store_reread_fn *fn, void *ctx)
{
    if (store->ops->reread) {
        store->ops->reread(store, fn, ctx);
    }
}

static struct span metadata_text(const json_object *object, const char *key)
{
    return document_text(json_object_object_get(json_object_object_get(object, "metadata"), key));
}

enum status store_write(struct store *store, const struct store_write *write)
{
    struct store_write named = *write;
    if (write->verb == STORE_CREATE || write->verb == STORE_UPDATE) {
        named.target = (struct store_target){
            .kind = write->target.kind,
            .namespace = metadata_text(write->object, "namespace"),
            .name = metadata_text(write->object, "name"),
        };
    }
    if (named.target.kind->is_cluster_scoped) {
        named.target.namespace = (struct span){ 0 };
    }
    return store->ops->write(store, &named);
}

void store_stats(const struct store *store, struct store_stats *ret_stats)
{
    const struct store_counters *counters = &store->counters;
    struct store_stats stats = {
        .files = atomic_load_explicit(&counters->files, memory_order_relaxed),
        .unsafe_files = atomic_load_explicit(&counters->unsafe_files, memory_order_relaxed),
        .links_out = atomic_load_explicit(&counters->links_out, memory_order_relaxed),
        .problems = atomic_load_explicit(&counters->problems, memory_order_relaxed),
        .reloads_ok = atomic_load_explicit(&counters->reloads_ok, memory_order_relaxed),
        .reloads_failed = atomic_load_explicit(&counters->reloads_failed, memory_order_relaxed),
        .last_reload_sec = atomic_load_explicit(&counters->last_reload_sec, memory_order_relaxed),
        .last_reload_ok = atomic_load_explicit(&counters->last_reload_ok, memory_order_relaxed),
        .is_synced = atomic_load_explicit(&counters->is_synced, memory_order_relaxed),
        .is_remote = atomic_load_explicit(&counters->is_remote, memory_order_relaxed),
        .is_connected = atomic_load_explicit(&counters->is_connected, memory_order_relaxed),
        .last_contact_sec = atomic_load_explicit(&counters->last_contact_sec, memory_order_relaxed),
        .last_failure =
            (enum status)atomic_load_explicit(&counters->last_failure, memory_order_relaxed),
        .lists_ok = atomic_load_explicit(&counters->lists_ok, memory_order_relaxed),
        .lists_failed = atomic_load_explicit(&counters->lists_failed, memory_order_relaxed),
        .watches_begun = atomic_load_explicit(&counters->watches_begun, memory_order_relaxed),
        .watch_events = atomic_load_explicit(&counters->watch_events, memory_order_relaxed),
    };
    for (size_t i = 0; i < store->kind_count; i++) {
        stats.kinds[i].kind = store->kinds[i].kind;
        stats.kinds[i].objects = atomic_load_explicit(&counters->objects[i], memory_order_relaxed);
    }
    if (store->ops->stats) {
        store->ops->stats(store, &stats);
    }
    *ret_stats = stats;
}

uint64_t store_stats_objects(const struct store_stats *stats, const struct object_kind *kind)
{
    for (size_t i = 0; i < STORE_MAX_HANDLERS; i++) {
        if (stats->kinds[i].kind == kind) {
            return stats->kinds[i].objects;
        }
    }
    return 0;
}

struct store *store_free(struct store *store)
{
    if (store) {
        store->ops->free(store);
    }
    return NULL;
}
