/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was told of an interest, by name.
 *
 * Secrets are kept in plaintext only if the interest has them told, so whoever needs no more than
 * names and labels says so (is_metadata_only). They are wiped when they change, go, or are freed;
 * the program writes no core file (cli/process).
 *
 * Untrusted: names, which are hashed under a random key. Threads: the loop's.
 */
#include "store/kept.h"

#include <stdlib.h>

#include "base/table.h"

struct item {
    struct kept_object object; /* what callers see */
    struct object_meta *meta;  /* owns; NULL: it is the secret's */
    struct secret *secret;     /* owns */
    json_object *json;         /* owns a reference */
};

struct store_kept {
    struct table items; /* owns them */
    bool has_lost;
};

struct key {
    struct span namespace;
    struct span name;
};

static bool is_item_of(const void *item, const void *key)
{
    const struct object_meta *meta = ((const struct item *)item)->object.meta;
    const struct key *wanted = key;
    return span_equal(meta->name, wanted->name) && span_equal(meta->namespace, wanted->namespace);
}

static uint32_t hash_key(const struct store_kept *kept, const struct key *key)
{
    return table_hash_pair(&kept->items, key->name, key->namespace);
}

static struct item *find_item(const struct store_kept *kept, const struct key *key)
{
    return table_find(&kept->items, hash_key(kept, key), is_item_of, key);
}

static struct item *free_item(struct item *item)
{
    if (item) {
        (void)object_meta_free(item->meta);
        (void)secret_free(item->secret);
        (void)json_object_put(item->json);
        free(item);
    }
    return NULL;
}

static struct item *make_item(const struct store_event *event)
{
    struct item *item = calloc(1, sizeof(*item));
    if (!item) {
        return NULL;
    }
    item->secret = event->secret ? secret_copy(event->secret) : NULL;
    item->meta = event->secret ? NULL : object_meta_dup(event->meta);
    if (!item->secret && !item->meta) {
        return free_item(item);
    }
    item->json = json_object_get((json_object *)event->json); /* nobody changes it */
    item->object = (struct kept_object){
        .meta = item->secret ? &item->secret->meta : item->meta,
        .secret = item->secret,
        .json = item->json,
    };
    return item;
}

static void drop(struct store_kept *kept, const struct key *key)
{
    struct item *item = find_item(kept, key);
    if (item) {
        table_remove(&kept->items, hash_key(kept, key), item);
        (void)free_item(item);
    }
}

/* What it was goes first: rather nothing is known of an object than what is true no more. */
static void on_event(void *ctx, const struct store_event *event)
{
    struct store_kept *kept = ctx;
    const struct key key = { .namespace = event->namespace, .name = event->name };
    if (event->type == STORE_SYNCED) {
        return;
    }
    drop(kept, &key);
    if (event->type == STORE_DELETED) {
        return;
    }
    struct item *item = make_item(event);
    if (!item || table_insert(&kept->items, hash_key(kept, &key), item) != ST_OK) {
        (void)free_item(item);
        kept->has_lost = true;
    }
}

enum status store_kept_new(struct store *store,
                           const struct store_interest *interest,
                           struct store_kept **ret_kept)
{
    struct store_kept *kept = calloc(1, sizeof(*kept));
    if (!kept) {
        return ST_NOMEM;
    }
    enum status status = table_init(&kept->items);
    if (status == ST_OK) {
        status = store_subscribe(store, interest, on_event, kept);
    }
    if (status != ST_OK) {
        (void)store_kept_free(kept);
        return status;
    }
    *ret_kept = kept;
    return ST_OK;
}

struct store_kept *store_kept_free(struct store_kept *kept)
{
    size_t cursor = 0;
    if (!kept) {
        return NULL;
    }
    for (struct item *item; (item = table_next(&kept->items, &cursor));) {
        (void)free_item(item);
    }
    table_fini(&kept->items);
    free(kept);
    return NULL;
}

const struct kept_object *store_kept_find(const struct store_kept *kept,
                                          struct span namespace,
                                          struct span name)
{
    const struct key key = { .namespace = namespace, .name = name };
    const struct item *item = find_item(kept, &key);
    return item ? &item->object : NULL;
}

static bool is_wished(const struct object_meta *meta, const struct kept_wish *wish)
{
    struct span value;
    if (wish->namespace.len > 0 && !span_equal(meta->namespace, wish->namespace)) {
        return false;
    }
    return !wish->label ||
           (object_label_find(meta->labels, meta->label_count, wish->label, &value) &&
            span_equal(value, wish->value));
}

const struct kept_object *store_kept_next(const struct store_kept *kept,
                                          const struct kept_wish *wish,
                                          size_t *cursor)
{
    const struct item *item;
    do {
        item = table_next(&kept->items, cursor);
    } while (item && !is_wished(item->object.meta, wish));
    return item ? &item->object : NULL;
}

bool store_kept_is_whole(const struct store_kept *kept)
{
    return !kept->has_lost;
}
