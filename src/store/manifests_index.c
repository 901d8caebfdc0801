/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file holds which object, and what of it has been told.
 *
 * An object (a namespace and a name) has a claim by each file that holds it; the claim of the file
 * whose path comes first in bytewise order wins, the others are complained about. What listeners
 * were told last is remembered as a digest, so that a turn tells the net effect only: whatever
 * files were renamed, split or rewritten, an object that is in the end what it was is no event, and
 * one that moved to another file is never deleted in between. For that, deletions wait for
 * index_settle() at the end of the turn.
 *
 * When a winner goes, its successor's content has not been kept: index_settle() asks for that file
 * to be read again.
 *
 * Memory: no JSON and no plaintext. An object of kube-system named bootstrap-token-abcdef costs 96
 * bytes for itself, 64 for its claim and 16 to 32 in the table: 184 on average, malloc's overhead
 * included. Digests are BLAKE2b under a key that lives as long as the store, so a core file lets
 * nobody try out secrets.
 *
 * Untrusted: names, which are whatever a file says; they are hashed under a random key and shown
 * with care (kube/shown_name.h). Threads: the loop's only.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "kube/secret.h"
#include "kube/shown_name.h"
#include "store/manifests_private.h"

/* Of a keyed digest, enough to tell two contents apart: a chance of 1 in 2^128 to miss a change. */
#define CONTENT_DIGEST_BYTES 16

/* Plaintext memory that is kept between files; larger blocks are given back. */
#define SCRATCH_KEPT_MAX 65536

struct content_digest {
    uint8_t bytes[CONTENT_DIGEST_BYTES];
};

struct object {
    struct content_digest told; /* what listeners know, when is_told */
    struct claim *claims;       /* list, in no order */
    struct claim *winner;       /* NULL: not known, see elect() */
    struct object *next_dirty;
    uint32_t namespace_len;
    uint32_t name_len;
    bool is_told;
    bool is_dirty;
    char key[]; /* namespace and name, nothing between */
};

struct claim {
    struct object *object;
    struct node *file;
    struct claim *next;
    struct claim **slot; /* where the list points at this one; NULL when it is in none */
    struct content_digest content;
    uint32_t complaint; /* hash of the complaint told; 0 for none */
    uint32_t line;
    uint32_t column;
};

enum status index_init(struct manifests *manifests)
{
    const enum status status = table_init(&manifests->index.objects);
    return status == ST_OK ? digest_key_new(&manifests->index.key) : status;
}

static struct span object_namespace(const struct object *object)
{
    return (struct span){ .at = object->key, .len = object->namespace_len };
}

static struct span object_name(const struct object *object)
{
    return (struct span){ .at = object->key + object->namespace_len, .len = object->name_len };
}

static uint32_t hash_names(const struct manifests *manifests,
                           struct span namespace,
                           struct span name)
{
    const struct table *table = &manifests->index.objects;
    return table_hash(table, name) + 0x9e3779b1u * table_hash(table, namespace);
}

static bool is_object_of(const void *item, const void *key)
{
    const struct object *object = item;
    const struct object_meta *meta = key;
    return span_equal(object_name(object), meta->name) &&
           span_equal(object_namespace(object), meta->namespace);
}

static void mark_dirty(struct manifests *manifests, struct object *object)
{
    if (!object->is_dirty) {
        object->is_dirty = true;
        object->next_dirty = manifests->index.dirty;
        manifests->index.dirty = object;
    }
}

/* Find or make. A new one is dirty, so that it goes again if nobody comes to claim it. */
static struct object *get_object(struct manifests *manifests, const struct object_meta *meta)
{
    struct table *table = &manifests->index.objects;
    const uint32_t hash = hash_names(manifests, meta->namespace, meta->name);
    struct object *object = table_find(table, hash, is_object_of, meta);
    if (object) {
        return object;
    }
    if (meta->namespace.len > UINT32_MAX || meta->name.len > UINT32_MAX) {
        return NULL; /* longer than any file; only to make the casts below true */
    }
    size_t size = offsetof(struct object, key) + meta->namespace.len + meta->name.len;
    if (size < sizeof(*object)) { /* key begins in the padding at the end */
        size = sizeof(*object);
    }
    object = calloc(1, size);
    if (!object) {
        return NULL;
    }
    object->namespace_len = (uint32_t)meta->namespace.len;
    object->name_len = (uint32_t)meta->name.len;
    memcpy(object->key, meta->namespace.at, meta->namespace.len);
    memcpy(object->key + meta->namespace.len, meta->name.at, meta->name.len);
    if (table_insert(table, hash, object) != ST_OK) {
        free(object);
        return NULL;
    }
    mark_dirty(manifests, object);
    return object;
}

static void free_object(struct manifests *manifests, struct object *object)
{
    const uint32_t hash = hash_names(manifests, object_namespace(object), object_name(object));
    table_remove(&manifests->index.objects, hash, object);
    free(object);
}

/* --- content digests --- */

static void wipe_scratch(struct manifests_index *index, bool keep)
{
    if (index->scratch) {
        sodium_memzero(index->scratch, index->scratch_size);
    }
    if (!keep || index->scratch_size > SCRATCH_KEPT_MAX) {
        free(index->scratch);
        index->scratch = NULL;
        index->scratch_size = 0;
    }
}

static bool have_scratch(struct manifests_index *index, size_t size)
{
    if (size <= index->scratch_size) {
        return true;
    }
    wipe_scratch(index, false);
    index->scratch = malloc(size);
    index->scratch_size = index->scratch ? size : 0;
    return index->scratch;
}

static char *put(char *to, struct span part)
{
    const uint64_t len = part.len; /* in front, so that no two lists of parts look alike */
    memcpy(to, &len, sizeof(len));
    if (part.len) {
        memcpy(to + sizeof(len), part.at, part.len);
    }
    return to + sizeof(len) + part.len;
}

static bool digest_content(struct manifests_index *index,
                           const struct secret *secret,
                           struct content_digest *ret_content)
{
    const struct object_meta *meta = &secret->meta;
    const struct span deleted = { .at = "", .len = 0 };
    const struct span flag = meta->has_deletion_timestamp ? SPAN_LITERAL("deleted") : deleted;
    const struct span parts[] = { meta->uid, meta->resource_version, flag, secret->type };
    size_t size = 0;
    for (size_t i = 0; i < COUNTOF(parts); i++) {
        size += sizeof(uint64_t) + parts[i].len;
    }
    for (size_t i = 0; i < secret->entry_count; i++) {
        size += 2 * sizeof(uint64_t) + secret->entries[i].key.len + secret->entries[i].value.len;
    }
    if (!have_scratch(index, size)) {
        return false;
    }
    char *to = index->scratch;
    for (size_t i = 0; i < COUNTOF(parts); i++) {
        to = put(to, parts[i]);
    }
    for (size_t i = 0; i < secret->entry_count; i++) {
        to = put(to, secret->entries[i].key);
        to = put(to, secret->entries[i].value);
    }
    struct digest digest;
    digest_compute(index->key, (struct span){ .at = index->scratch, .len = size }, &digest);
    memcpy(ret_content->bytes, digest.bytes, sizeof(ret_content->bytes));
    return true;
}

static bool same_content(const struct content_digest *a, const struct content_digest *b)
{
    return sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* --- claims --- */

/* First path first; within one file, its order (its claims stand in one array). */
static bool comes_before(const struct claim *a, const struct claim *b)
{
    return a->file == b->file ? a < b : strcmp(a->file->path, b->file->path) < 0;
}

static struct claim *elect(struct object *object)
{
    if (!object->winner) {
        for (struct claim *claim = object->claims; claim; claim = claim->next) {
            if (!object->winner || comes_before(claim, object->winner)) {
                object->winner = claim;
            }
        }
    }
    return object->winner;
}

static void put_first(struct claim *claim)
{
    struct object *object = claim->object;
    claim->next = object->claims;
    claim->slot = &object->claims;
    if (claim->next) {
        claim->next->slot = &claim->next;
    }
    object->claims = claim;
}

static void take_out(struct claim *claim)
{
    *claim->slot = claim->next;
    if (claim->next) {
        claim->next->slot = claim->slot;
    }
    claim->slot = NULL;
}

static void link_claim(struct manifests *manifests, struct claim *claim)
{
    struct object *object = claim->object;
    const bool is_only = !object->claims;
    put_first(claim);
    if (is_only || (object->winner && comes_before(claim, object->winner))) {
        object->winner = claim;
    }
    if (!is_only) {
        mark_dirty(manifests, object); /* somebody loses: complain */
    }
}

static void unlink_claim(struct manifests *manifests, struct claim *claim)
{
    struct object *object = claim->object;
    take_out(claim);
    if (object->winner == claim) {
        object->winner = NULL;
    }
    if (claim->complaint) {
        report_complaint_count(manifests, claim->file, -1);
    }
    mark_dirty(manifests, object);
}

/* For inherit_complaint() to find: to the front of their objects' lists, the last one first. */
static void raise_complaints(struct node *node)
{
    for (size_t i = 0; i < node->claim_count; i++) {
        if (node->claims[i].complaint) {
            take_out(&node->claims[i]);
            put_first(&node->claims[i]);
        }
    }
}

/* A complaint told about the same object in the former content of the same file stays told. A look
 * at the first of the list must do: a file may hold the same object 100,000 times. */
static void inherit_complaint(struct manifests *manifests, struct claim *claim)
{
    struct claim *old = claim->object->claims;
    if (old && old->file == claim->file && old->complaint) {
        claim->complaint = old->complaint; /* the file's count of them stays */
        old->complaint = 0;
        unlink_claim(manifests, old);
    }
}

void index_forget(struct manifests *manifests, struct node *node)
{
    for (size_t i = 0; i < node->claim_count; i++) {
        if (node->claims[i].slot) { /* else its complaint was inherited */
            unlink_claim(manifests, &node->claims[i]);
        }
    }
    manifests->index.claim_count -= node->claim_count;
    free(node->claims);
    node->claims = NULL;
    node->claim_count = 0;
}

/* --- telling --- */

static void tell(struct manifests *manifests,
                 const struct claim *claim,
                 const struct secret *secret)
{
    struct object *object = claim->object;
    char source[PROBLEM_FILE_MAX];
    report_file(manifests, claim->file, source);
    const struct store_event event = {
        .type = object->is_told ? STORE_MODIFIED : STORE_ADDED,
        .kind = OBJECT_SECRET,
        .namespace = object_namespace(object),
        .name = object_name(object),
        .secret = secret,
        .source = source,
        .source_line = claim->line,
    };
    object->told = claim->content;
    object->is_told = true;
    store_tell(&manifests->base, &event);
}

static void tell_deleted(struct manifests *manifests, struct object *object)
{
    const struct store_event event = {
        .type = STORE_DELETED,
        .kind = OBJECT_SECRET,
        .namespace = object_namespace(object),
        .name = object_name(object),
    };
    object->is_told = false;
    store_tell(&manifests->base, &event);
}

static bool is_news(const struct object *object, const struct claim *claim)
{
    return !object->is_told || !same_content(&object->told, &claim->content);
}

/* --- replacing a file's objects --- */

/* Everything that can fail. Objects made here for nothing are dirty and go in index_settle(). */
static struct claim *make_claims(struct manifests *manifests,
                                 struct node *node,
                                 const struct manifest_objects *objects)
{
    struct claim *claims = calloc(objects->count ? objects->count : 1, sizeof(*claims));
    if (!claims) {
        return NULL;
    }
    for (size_t i = 0; i < objects->count; i++) {
        const struct manifest_object *from = &objects->at[i];
        claims[i].file = node;
        claims[i].line = from->line;
        claims[i].column = from->column;
        claims[i].object = get_object(manifests, &from->secret->meta);
        if (!claims[i].object ||
            !digest_content(&manifests->index, from->secret, &claims[i].content)) {
            free(claims);
            return NULL;
        }
    }
    return claims;
}

enum status index_replace(struct manifests *manifests,
                          struct node *node,
                          const struct manifest_objects *objects,
                          struct problem *reterr_problem)
{
    struct manifests_index *index = &manifests->index;
    const size_t others = index->claim_count - node->claim_count;
    if (objects->count > manifests->limits.objects ||
        others > manifests->limits.objects - objects->count) {
        problem_set(reterr_problem, ST_LIMIT, 0, 0, "expected at most %zu objects in all files",
                    manifests->limits.objects);
        return ST_LIMIT;
    }
    struct claim *claims = make_claims(manifests, node, objects);
    wipe_scratch(index, claims);
    if (!claims) {
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "no memory to keep track of its objects");
        return ST_NOMEM;
    }
    raise_complaints(node);
    for (size_t i = objects->count; i > 0; i--) { /* the first may win, and then needs none */
        inherit_complaint(manifests, &claims[i - 1]);
    }
    index_forget(manifests, node);
    node->claims = claims;
    node->claim_count = objects->count;
    index->claim_count += objects->count;
    for (size_t i = 0; i < objects->count; i++) {
        link_claim(manifests, &claims[i]);
    }
    for (size_t i = 0; i < objects->count; i++) {
        const struct claim *claim = &claims[i];
        if (elect(claim->object) == claim && is_news(claim->object, claim)) {
            tell(manifests, claim, objects->at[i].secret);
        }
    }
    return ST_OK;
}

/* --- settling --- */

static void complain(struct manifests *manifests, struct claim *claim, const struct claim *winner)
{
    const struct shown_name namespace = shown_name_of(object_namespace(claim->object));
    const struct shown_name name = shown_name_of(object_name(claim->object));
    char file[PROBLEM_FILE_MAX];
    struct problem problem;
    if (winner->file == claim->file) {
        problem_set(&problem, ST_DUPLICATE, claim->line, claim->column,
                    "Secret %s/%s appears twice in this file; the first one counts", namespace.text,
                    name.text);
    } else {
        report_file(manifests, winner->file, file);
        problem_set(&problem, ST_DUPLICATE, claim->line, claim->column,
                    "Secret %s/%s is in %s, too, which counts", namespace.text, name.text, file);
    }
    const uint32_t hash = table_hash(&manifests->index.objects, span_of(problem.text)) | 1;
    if (claim->complaint == 0) {
        report_complaint_count(manifests, claim->file, 1);
    }
    if (claim->complaint != hash) {
        claim->complaint = hash;
        report_complaint(manifests, claim->file, &problem);
    }
}

static void complain_about_losers(struct manifests *manifests, const struct object *object)
{
    for (struct claim *claim = object->claims; claim; claim = claim->next) {
        if (claim != object->winner) {
            complain(manifests, claim, object->winner);
        } else if (claim->complaint) {
            claim->complaint = 0;
            report_complaint_count(manifests, claim->file, -1);
        }
    }
}

static struct object *take_dirty(struct manifests_index *index)
{
    struct object *list = index->dirty;
    index->dirty = NULL;
    return list;
}

/* One object. Return: has its winner's file been asked for? */
static bool settle_object(struct manifests *manifests, struct object *object, bool last)
{
    const struct claim *winner = elect(object);
    if (!winner) {
        if (object->is_told) {
            tell_deleted(manifests, object);
        }
        free_object(manifests, object);
        return false;
    }
    complain_about_losers(manifests, object);
    if (!is_news(object, winner)) {
        return false;
    }
    if (!last) {
        winner->file->is_read_due = true;
        manifests_nominate(manifests, winner->file, FILE_FOUND);
        mark_dirty(manifests, object);
        return true;
    }
    if (object->is_told) { /* what was told is in no file any more, and what is, is not readable */
        tell_deleted(manifests, object);
    }
    return false;
}

bool index_settle(struct manifests *manifests, bool last)
{
    bool asked = false;
    struct object *object = take_dirty(&manifests->index);
    while (object) {
        struct object *next = object->next_dirty;
        object->is_dirty = false;
        asked = settle_object(manifests, object, last) || asked;
        object = next;
    }
    return asked;
}

bool index_find_source(struct manifests *manifests,
                       const struct store_target *target,
                       char *ret_source)
{
    const struct object_meta meta = { .namespace = target->namespace, .name = target->name };
    struct object *object =
        table_find(&manifests->index.objects, hash_names(manifests, meta.namespace, meta.name),
                   is_object_of, &meta);
    const struct claim *winner = object ? elect(object) : NULL;
    if (!winner) {
        return false;
    }
    report_file(manifests, winner->file, ret_source);
    return true;
}

void index_fini(struct manifests *manifests)
{
    struct manifests_index *index = &manifests->index;
    size_t cursor = 0;
    for (struct object *object; (object = table_next(&index->objects, &cursor));) {
        free(object);
    }
    table_fini(&index->objects);
    wipe_scratch(index, false);
    index->key = digest_key_free(index->key);
}
