/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the server's objects has been told to the listeners.
 *
 * Of each object a name and a hash of its uid and resourceVersion are kept: enough to tell only
 * what is news when a list is read again, and what has gone while nobody was watching. No JSON and
 * no plaintext: an object of kube-system named bootstrap-token-abcdef costs 64 bytes here and 16
 * to 32 in the table.
 *
 * Untrusted: nothing here decides who may log in, but names come from whoever may create objects;
 * they are hashed under a random key and shown with care (kube/object_kind.h). Threads: the loop's
 * only.
 */
#include "store/apiserver/objects.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "kube/names.h"
#include "kube/secret.h"
#include "store/apiserver/resource.h"

#define OBJECTS_MAX 2000000 /* of one kind; a hundred bytes each: 200 MB. As `manifests` has it */

/* What is there when no resourceVersion is: news each time. */
#define VERSION_UNKNOWN 0

struct remote_object {
    union {
        uint64_t version;                 /* hash of uid and resourceVersion as last seen */
        struct remote_object *next_stale; /* in remote_objects_end_list() */
    };
    uint32_t generation;   /* of the last list that had it */
    uint8_t namespace_len; /* a DNS label, 63 at most, and a DNS subdomain, 253 */
    uint8_t name_len;
    uint8_t heard; /* by whom: store_tell() */
    bool is_told : 1;
    bool is_wrong : 1;     /* it could not be decoded, which was reported */
    bool is_forgotten : 1; /* tell it as new when it is put next */
    char key[];            /* namespace and name, nothing between */
};

_Static_assert(sizeof(struct remote_object) == 16, "150,000 Pods are to cost little");

/* Who an object is; all borrow its tree. */
struct identity {
    struct span namespace;
    struct span name;
    struct span uid;
    struct span resource_version;
};

enum status remote_objects_init(struct remote_objects *objects,
                                struct session *session,
                                const struct store_request *request)
{
    const struct store_interest *interest = &request->interest;
    *objects = (struct remote_objects){
        .session = session,
        .kind = { .kind = interest->kind,
                  .wants_json = interest->wants_json,
                  .is_metadata_only = interest->is_metadata_only },
        .listeners = request->listeners,
        .is_counted = request->is_counted,
    };
    return table_init(&objects->table);
}

void remote_objects_fini(struct remote_objects *objects)
{
    size_t cursor = 0;
    for (struct remote_object *object; (object = table_next(&objects->table, &cursor));) {
        free(object);
    }
    table_fini(&objects->table);
}

static bool identify(const struct object_kind *kind,
                     const json_object *object,
                     struct identity *ret_identity)
{
    const json_object *metadata = resource_metadata(object);
    const struct identity identity = {
        .namespace = resource_text(metadata, "namespace"),
        .name = resource_text(metadata, "name"),
        .uid = resource_text(metadata, "uid"),
        .resource_version = resource_text(metadata, "resourceVersion"),
    };
    *ret_identity = identity;
    const bool is_placed = kind->is_cluster_scoped ? identity.namespace.len == 0
                                                   : name_is_dns_label(identity.namespace);
    return is_placed && name_is_dns_subdomain(identity.name);
}

static uint64_t hash_text(const struct table *table, struct span text)
{
    uint64_t hash;
    _Static_assert(sizeof(hash) == crypto_shorthash_BYTES &&
                       TABLE_KEY_BYTES == crypto_shorthash_KEYBYTES,
                   "SipHash's sizes");
    (void)crypto_shorthash((unsigned char *)&hash, (const unsigned char *)text.at, text.len,
                           table->key); /* cannot fail */
    return hash;
}

static uint64_t version_of(const struct table *table, const struct identity *identity)
{
    if (identity->resource_version.len == 0) {
        return VERSION_UNKNOWN;
    }
    const uint64_t version = hash_text(table, identity->resource_version) +
                             UINT64_C(0x9e3779b97f4a7c15) * hash_text(table, identity->uid);
    return version != VERSION_UNKNOWN ? version : 1;
}

static struct span namespace_of(const struct remote_object *object)
{
    return (struct span){ .at = object->key, .len = object->namespace_len };
}

static struct span name_of(const struct remote_object *object)
{
    return (struct span){ .at = object->key + object->namespace_len, .len = object->name_len };
}

static bool is_object_of(const void *item, const void *key)
{
    const struct remote_object *object = item;
    const struct identity *identity = key;
    return span_equal(name_of(object), identity->name) &&
           span_equal(namespace_of(object), identity->namespace);
}

static struct remote_object *find(const struct remote_objects *objects,
                                  const struct identity *identity)
{
    const uint32_t hash = table_hash_pair(&objects->table, identity->name, identity->namespace);
    return table_find(&objects->table, hash, is_object_of, identity);
}

static struct remote_object *make(struct remote_objects *objects, const struct identity *identity)
{
    const size_t len = identity->namespace.len + identity->name.len;
    struct remote_object *object = calloc(1, sizeof(*object) + len);
    if (!object) {
        return NULL;
    }
    object->namespace_len = (uint8_t)identity->namespace.len; /* both are valid names: short */
    object->name_len = (uint8_t)identity->name.len;
    if (identity->namespace.len > 0) {
        memcpy(object->key, identity->namespace.at, identity->namespace.len);
    }
    memcpy(object->key + identity->namespace.len, identity->name.at, identity->name.len);
    const uint32_t hash = table_hash_pair(&objects->table, identity->name, identity->namespace);
    if (table_insert(&objects->table, hash, object) != ST_OK) {
        free(object);
        return NULL;
    }
    return object;
}

/* --- telling --- */

static void count(struct remote_objects *objects, bool is_change, bool is_more)
{
    if (is_change && objects->is_counted) {
        store_count_object(objects->session->store, objects->kind.kind, is_more);
    }
}

/* @decoded: what the object is */
static void tell(struct remote_objects *objects,
                 struct remote_object *object,
                 const struct store_event *decoded)
{
    const struct store_event event = {
        .type = object->is_told ? STORE_MODIFIED : STORE_ADDED,
        .kind = objects->kind.kind,
        .namespace = namespace_of(object),
        .name = name_of(object),
        .meta = decoded->meta,
        .secret = decoded->secret,
        .json = decoded->json,
        .source = session_url(objects->session),
    };
    count(objects, !object->is_told, true);
    object->is_told = true;
    store_tell_to(objects->session->store, &event, objects->listeners, &object->heard);
}

static void tell_deleted(struct remote_objects *objects, struct remote_object *object)
{
    if (!object->is_told) {
        return;
    }
    object->is_told = false;
    const struct store_event event = {
        .type = STORE_DELETED,
        .kind = objects->kind.kind,
        .namespace = namespace_of(object),
        .name = name_of(object),
    };
    count(objects, true, false);
    store_tell_to(objects->session->store, &event, objects->listeners, &object->heard);
}

static void name_problem(const struct object_kind *kind,
                         const struct remote_object *object,
                         enum status status,
                         const char *why,
                         struct problem *ret_problem)
{
    const struct shown_object shown = shown_object_of(kind, namespace_of(object), name_of(object));
    *ret_problem = (struct problem){ 0 };
    problem_set(ret_problem, status, 0, 0, "%s: %s", shown.text, why);
}

static void report_wrong(struct remote_objects *objects,
                         struct remote_object *object,
                         const struct problem *why)
{
    struct problem problem;
    name_problem(objects->kind.kind, object, why->status, why->text, &problem);
    objects->wrong_count += !object->is_wrong;
    object->is_wrong = true;
    session_report(objects->session, &problem);
}

static void report_fine(struct remote_objects *objects, struct remote_object *object)
{
    struct problem problem;
    if (object->is_wrong) {
        object->is_wrong = false;
        objects->wrong_count--;
        name_problem(objects->kind.kind, object, ST_OK, "it can be read, or is gone", &problem);
        session_resolved(objects->session, &problem);
    }
}

/* --- what comes from the server --- */

static enum status decode_and_tell(struct remote_objects *objects,
                                   struct remote_object *object,
                                   const json_object *tree,
                                   struct problem *problem)
{
    const struct store_kind *wanted = &objects->kind;
    struct secret *secret = NULL;
    struct object_meta *plain = NULL;
    const enum status status = store_kind_decodes_secret(wanted)
                                   ? secret_decode(tree, &secret, problem)
                                   : object_meta_decode(wanted->kind, tree, &plain, problem);
    if (status == ST_OK) {
        const struct store_event decoded = {
            .meta = secret ? &secret->meta : plain,
            .secret = secret,
            .json = wanted->wants_json ? tree : NULL,
        };
        report_fine(objects, object);
        tell(objects, object, &decoded);
    }
    secret = secret_free(secret);
    plain = object_meta_free(plain);
    return status;
}

static enum status tell_news(struct remote_objects *objects,
                             struct remote_object *object,
                             const json_object *tree)
{
    struct problem problem = { 0 };
    const enum status status = decode_and_tell(objects, object, tree, &problem);
    if (status == ST_OK) {
        return ST_OK;
    }
    tell_deleted(objects, object);
    if (status == ST_NOMEM) {
        object->version = VERSION_UNKNOWN;
        return ST_NOMEM;
    }
    report_wrong(objects, object, &problem);
    return ST_OK;
}

enum status remote_objects_put(struct remote_objects *objects, const json_object *tree)
{
    struct identity identity;
    if (!identify(objects->kind.kind, tree, &identity)) {
        return ST_SYNTAX;
    }
    const uint64_t version = version_of(&objects->table, &identity);
    struct remote_object *object = find(objects, &identity);
    if (!object && objects->table.count >= OBJECTS_MAX) {
        return ST_LIMIT;
    }
    if (!object) {
        object = make(objects, &identity);
    }
    if (!object) {
        return ST_NOMEM;
    }
    object->generation = objects->generation;
    if (object->is_forgotten) {
        object->is_forgotten = false;
        tell_deleted(objects, object);
    } else if (object->version == version && version != VERSION_UNKNOWN) {
        return ST_OK; /* told, or reported as wrong */
    }
    object->version = version;
    return tell_news(objects, object, tree);
}

static void drop(struct remote_objects *objects, struct remote_object *object)
{
    const uint32_t hash = table_hash_pair(&objects->table, name_of(object), namespace_of(object));
    tell_deleted(objects, object);
    report_fine(objects, object);
    table_remove(&objects->table, hash, object);
    free(object);
}

enum status remote_objects_remove(struct remote_objects *objects, const json_object *tree)
{
    struct identity identity;
    if (!identify(objects->kind.kind, tree, &identity)) {
        return ST_SYNTAX;
    }
    struct remote_object *object = find(objects, &identity);
    if (object) {
        drop(objects, object);
    }
    return ST_OK;
}

void remote_objects_begin_list(struct remote_objects *objects)
{
    objects->generation++;
}

void remote_objects_end_list(struct remote_objects *objects)
{
    struct remote_object *stale = NULL;
    size_t cursor = 0;
    for (struct remote_object *object; (object = table_next(&objects->table, &cursor));) {
        if (object->generation != objects->generation) {
            object->next_stale = stale;
            stale = object;
        }
    }
    while (stale) {
        struct remote_object *next = stale->next_stale;
        drop(objects, stale);
        stale = next;
    }
}

bool remote_objects_forget(struct remote_objects *objects, struct span namespace, struct span name)
{
    const struct identity identity = { .namespace = namespace, .name = name };
    struct remote_object *object = find(objects, &identity);
    if (object) {
        object->is_forgotten = true;
    }
    return object != NULL;
}
