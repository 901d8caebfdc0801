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

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* NULL stands for everything there. */
static bool texts_overlap(const char *a, const char *b)
{
    return !a || !b || strcmp(a, b) == 0;
}

static bool overlap(const struct store_interest *a, const struct store_interest *b)
{
    return a->kind == b->kind && texts_overlap(a->namespace, b->namespace) &&
           texts_overlap(a->secret_type, b->secret_type);
}

/* What covers both: more, where each is wider than the other in another way. */
static struct store_interest join(const struct store_interest *a, const struct store_interest *b)
{
    return (struct store_interest){
        .kind = a->kind,
        .namespace = is_same_text(a->namespace, b->namespace) ? a->namespace : NULL,
        .secret_type = is_same_text(a->secret_type, b->secret_type) ? a->secret_type : NULL,
        .hears_more = a->hears_more || b->hears_more,
        .wants_json = a->wants_json || b->wants_json,
        .is_metadata_only = a->is_metadata_only && b->is_metadata_only,
    };
}

/* Is all of @b in @a, and as much of it? */
static bool covers(const struct store_interest *a, const struct store_interest *b)
{
    return a->kind == b->kind && (!a->namespace || is_same_text(a->namespace, b->namespace)) &&
           (!a->secret_type || is_same_text(a->secret_type, b->secret_type)) &&
           (!a->is_metadata_only || b->is_metadata_only);
}

/* A type is no part of the metadata: who asks by it has to have more read. */
static bool is_metadata_enough(const struct store_interest *interest)
{
    return interest->is_metadata_only && !interest->secret_type;
}

/* The first that overlaps with @interest and takes as much; @count: there is none. */
static size_t find_overlap(const struct store_request *requests,
                           size_t count,
                           const struct store_interest *interest)
{
    size_t at = 0;
    while (at < count && (requests[at].interest.is_metadata_only != interest->is_metadata_only ||
                          !overlap(&requests[at].interest, interest))) {
        at++;
    }
    return at;
}

/* Return: how many there are then. */
static size_t add_request(struct store_request *requests, size_t count, struct store_request added)
{
    for (size_t at; (at = find_overlap(requests, count, &added.interest)) < count;) {
        added.interest = join(&requests[at].interest, &added.interest);
        added.listeners |= requests[at].listeners;
        count--;
        memmove(&requests[at], &requests[at + 1], (count - at) * sizeof(*requests));
    }
    requests[count++] = added;
    return count;
}

/* Has a request that brings more than @interest needs taken its listener? */
static bool add_to_wider(struct store_request *requests,
                         size_t count,
                         const struct store_request *added)
{
    for (size_t i = 0; i < count; i++) {
        if (covers(&requests[i].interest, &added->interest)) {
            requests[i].listeners |= added->listeners;
            return true;
        }
    }
    return false;
}

/* Two that cover each other would have become one. */
static bool is_covered(const struct store_request *requests, size_t count, size_t at)
{
    for (size_t i = 0; i < count; i++) {
        struct store_interest as_much = requests[at].interest;
        as_much.is_metadata_only = true;
        if (i != at && covers(&requests[i].interest, &as_much)) {
            return true;
        }
    }
    return false;
}

size_t store_requests(const struct store *store, struct store_request *ret_requests)
{
    size_t count = 0;
    for (size_t pass = 0; pass < 2; pass++) { /* metadata last: it may come with what takes more */
        for (size_t i = 0; i < store->subscription_count; i++) {
            const struct store_subscription *subscription = &store->subscriptions[i];
            struct store_request added = { .interest = subscription->interest,
                                           .listeners = (uint8_t)(1u << i) };
            added.interest.is_metadata_only = is_metadata_enough(&added.interest);
            if (subscription->wants_objects && added.interest.is_metadata_only == (pass == 1) &&
                !(pass == 1 && add_to_wider(ret_requests, count, &added))) {
                count = add_request(ret_requests, count, added);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        ret_requests[i].is_counted = !is_covered(ret_requests, count, i);
    }
    return count;
}

/* Of a Secret that is refused no type is known. Who hears more hears of what other interests ask
 * for, too: of that metadata may be all there is, which is nothing for who needs the Secret. */
static bool names(const struct store_interest *interest, const struct store_event *event)
{
    const bool is_whole = event->secret || interest->is_metadata_only;
    const bool is_type =
        !interest->secret_type || (event->secret && !event->secret->meta.is_refused &&
                                   span_equal(event->secret->type, span_of(interest->secret_type)));
    const bool is_place =
        !interest->namespace || span_equal(event->namespace, span_of(interest->namespace));
    return (interest->hears_more && is_whole) || (is_type && is_place);
}

/* As one listener is to hear of it. */
static void tell_one(const struct store_subscription *subscription,
                     const struct store_event *event,
                     bool has_heard,
                     bool is_there)
{
    struct store_event told = *event;
    const struct store_interest *interest = &subscription->interest;
    told.interest = interest;
    if (is_there) {
        told.type = has_heard ? STORE_MODIFIED : STORE_ADDED;
    } else {
        told.type = STORE_DELETED;
        told.meta = NULL;
    }
    if (!is_there || interest->is_metadata_only) {
        told.secret = NULL;
    }
    if (!is_there || interest->is_metadata_only || !interest->wants_json) {
        told.json = NULL;
    }
    subscription->handler(subscription->ctx, &told);
}

void store_tell_to(struct store *store,
                   const struct store_event *event,
                   uint8_t listeners,
                   uint8_t *heard)
{
    store->told_count++;
    for (size_t i = 0; i < store->subscription_count; i++) {
        const struct store_subscription *subscription = &store->subscriptions[i];
        const uint8_t bit = (uint8_t)(1u << i);
        if ((listeners & bit) == 0 || !subscription->wants_objects ||
            subscription->interest.kind != event->kind) {
            continue;
        }
        const bool is_there = event->type != STORE_DELETED && names(&subscription->interest, event);
        const bool has_heard = (*heard & bit) != 0;
        *heard = (uint8_t)(is_there ? *heard | bit : *heard & ~bit);
        if (is_there || has_heard) {
            tell_one(subscription, event, has_heard, is_there);
        }
    }
}

void store_count_object(struct store *store, const struct object_kind *kind, bool is_more)
{
    const size_t at = store_kind_at(store, kind);
    if (at < store->kind_count) {
        atomic_fetch_add_explicit(&store->counters.objects[at], is_more ? 1 : UINT64_MAX,
                                  memory_order_relaxed);
    }
}

void store_tell(struct store *store, const struct store_event *event, uint8_t *heard)
{
    if (!store_wants(store, event->kind)) {
        return;
    }
    if (event->type == STORE_ADDED || event->type == STORE_DELETED) {
        store_count_object(store, event->kind, event->type == STORE_ADDED);
    }
    store_tell_to(store, event, STORE_ALL_LISTENERS, heard);
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
    const size_t at = store_kind_at(store, interest->kind);
    struct store_kind *const kind = &store->kinds[at];
    if (!kind->kind) {
        store->kind_count++;
        atomic_store_explicit(&store->counters.kinds[at], interest->kind, memory_order_relaxed);
        *kind = (struct store_kind){ .kind = interest->kind, .is_metadata_only = true };
    }
    kind->wants_json = kind->wants_json || interest->wants_json;
    kind->is_metadata_only = kind->is_metadata_only && is_metadata_enough(interest);
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
    for (size_t i = 0; i < STORE_MAX_HANDLERS; i++) {
        stats.kinds[i].kind = atomic_load_explicit(&counters->kinds[i], memory_order_relaxed);
        stats.kinds[i].objects = atomic_load_explicit(&counters->objects[i], memory_order_relaxed);
    }
    if (store->ops->stats) {
        store->ops->stats(store, &stats);
    }
    *ret_stats = stats;
}

int64_t store_told_until_sec(const struct store *store, const struct object_kind *kind)
{
    return store->ops->told_until_sec ? store->ops->told_until_sec(store, kind) : INT64_MAX;
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
