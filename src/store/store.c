/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store as its listeners see it: calls go to the back end by its operations table, events come
 * back through the subscriptions.
 *
 * Subscriptions are fixed before the store is loaded, so telling needs no lock and no copy.
 */
#include "store/store.h"

#include "store/store_base.h"

void store_base_init(struct store *store, const struct store_ops *ops)
{
    *store = (struct store){ .ops = ops };
}

bool store_wants(const struct store *store, enum object_kind kind)
{
    return store->subscription_counts[kind] > 0;
}

static void tell_kind(struct store *store, const struct store_event *event)
{
    const struct store_subscription *subscriptions = store->subscriptions[event->kind];
    for (size_t i = 0; i < store->subscription_counts[event->kind]; i++) {
        subscriptions[i].handler(subscriptions[i].ctx, event);
    }
}

void store_tell(struct store *store, const struct store_event *event)
{
    _Atomic uint64_t *objects = &store->counters.objects[event->kind];
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
    if (atomic_exchange_explicit(&store->counters.synced, true, memory_order_relaxed)) {
        return;
    }
    for (unsigned kind = 0; kind < OBJECT_KIND_COUNT_; kind++) {
        tell_kind(store,
                  &(struct store_event){ .type = STORE_SYNCED, .kind = (enum object_kind)kind });
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

enum status store_subscribe(struct store *store,
                            enum object_kind kind,
                            store_handler *handler,
                            void *ctx)
{
    size_t *count = &store->subscription_counts[kind];
    if (*count == STORE_MAX_HANDLERS) {
        return ST_LIMIT;
    }
    store->subscriptions[kind][(*count)++] = (struct store_subscription){ handler, ctx };
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

void store_stats(const struct store *store, struct store_stats *ret_stats)
{
    const struct store_counters *counters = &store->counters;
    struct store_stats stats = {
        .files = atomic_load_explicit(&counters->files, memory_order_relaxed),
        .problems = atomic_load_explicit(&counters->problems, memory_order_relaxed),
        .reloads_ok = atomic_load_explicit(&counters->reloads_ok, memory_order_relaxed),
        .reloads_failed = atomic_load_explicit(&counters->reloads_failed, memory_order_relaxed),
        .last_reload_sec = atomic_load_explicit(&counters->last_reload_sec, memory_order_relaxed),
        .last_reload_ok = atomic_load_explicit(&counters->last_reload_ok, memory_order_relaxed),
        .synced = atomic_load_explicit(&counters->synced, memory_order_relaxed),
    };
    for (unsigned kind = 0; kind < OBJECT_KIND_COUNT_; kind++) {
        stats.objects[kind] = atomic_load_explicit(&counters->objects[kind], memory_order_relaxed);
    }
    *ret_stats = stats;
}

struct store *store_free(struct store *store)
{
    if (store) {
        store->ops->free(store);
    }
    return NULL;
}
