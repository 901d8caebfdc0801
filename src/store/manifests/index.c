/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file holds which object, and what of it has been told.
 *
 * An object (a kind, a namespace and a name) has a claim by each file that holds it; the claim of
 * the file whose path comes first in bytewise order wins, the others are complained about. What
 * listeners were told last is remembered as a digest, so that a turn tells the net effect only:
 * whatever files were renamed, split or rewritten, an object that is in the end what it was is no
 * event, and one that moved to another file is never deleted in between. For that, deletions wait
 * for index_settle() at the end of the turn.
 *
 * One that is refused has a claim as well. When it wins, listeners are told of an object that holds
 * nothing, so that no other of its name counts; but when what they know is what the same file
 * said before, they are told nothing, and that stays.
 *
 * When a winner goes, its successor's content has not been kept: index_settle() asks for that file
 * to be read again.
 *
 * What a write needs to know of all this is asked here, too: which files hold an object, and
 * whether a changed text is what it should be.
 *
 * Memory: no JSON and no plaintext. An object of kube-system named bootstrap-token-abcdef costs 96
 * bytes for itself, 64 for its claim and 16 to 32 in the table: 184 on average, malloc's overhead
 * included. Digests are BLAKE2b under a key that lives as long as the store, so a core file lets
 * nobody try out secrets.
 *
 * Untrusted: names, which are whatever a file says; they are hashed under a random key and shown
 * with care (kube/object_kind.h). Threads: the loop's only.
 */
#include "store/manifests/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/secret.h"
#include "store/manifests/queue.h"
#include "store/manifests/report.h"

struct object {
    struct content_digest told; /* what listeners know, when is_told */
    struct claim *claims;       /* list, in no order */
    struct claim *winner;       /* NULL: not known, see elect() */
    struct object *next_dirty;
    unsigned made;          /* claims of the file that is being read, within make_claims() */
    uint16_t namespace_len; /* a DNS label, 63 at most, and a DNS subdomain, 253 */
    uint16_t name_len;
    uint8_t kind;  /* where it stands in store.kinds */
    uint8_t heard; /* by whom: store_tell() */
    bool is_told;
    bool is_dirty;
    bool is_to_retell; /* listeners are to hear of it as if for the first time */
    char key[];        /* namespace and name, nothing between */
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
    bool is_refused; /* content: what was last known of it from this file, or that it is refused */
};

enum status index_init(struct manifests *manifests)
{
    return table_init(&manifests->index.objects);
}

static struct span object_namespace(const struct object *object)
{
    return (struct span){ .at = object->key, .len = object->namespace_len };
}

static struct span object_name(const struct object *object)
{
    return (struct span){ .at = object->key + object->namespace_len, .len = object->name_len };
}

static const struct object_kind *object_kind(const struct manifests *manifests,
                                             const struct object *object)
{
    return manifests->base.kinds[object->kind].kind;
}

/* What an object is found by. */
struct object_key {
    size_t kind; /* as object.kind has it */
    struct span namespace;
    struct span name;
};

static struct object_key make_key(const struct manifests *manifests,
                                  const struct object_kind *kind,
                                  struct span namespace,
                                  struct span name)
{
    return (struct object_key){
        .kind = store_kind_at(&manifests->base, kind),
        .namespace = namespace,
        .name = name,
    };
}

static struct object_key key_of(const struct object *object)
{
    return (struct object_key){
        .kind = object->kind,
        .namespace = object_namespace(object),
        .name = object_name(object),
    };
}

static uint32_t hash_key(const struct manifests *manifests, const struct object_key *key)
{
    return table_hash_pair(&manifests->index.objects, key->name, key->namespace) +
           0x85ebca6bu * (uint32_t)key->kind;
}

static bool is_object_of(const void *item, const void *key)
{
    const struct object *object = item;
    const struct object_key *wanted = key;
    return object->kind == wanted->kind && span_equal(object_name(object), wanted->name) &&
           span_equal(object_namespace(object), wanted->namespace);
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
static struct object *get_object(struct manifests *manifests, const struct object_key *key)
{
    struct table *table = &manifests->index.objects;
    const uint32_t hash = hash_key(manifests, key);
    struct object *object = table_find(table, hash, is_object_of, key);
    if (object) {
        return object;
    }
    if (key->namespace.len > UINT16_MAX || key->name.len > UINT16_MAX) {
        return NULL; /* of no valid object; only to make the casts below true */
    }
    size_t size = offsetof(struct object, key) + key->namespace.len + key->name.len;
    if (size < sizeof(*object)) { /* key begins in the padding at the end */
        size = sizeof(*object);
    }
    object = calloc(1, size);
    if (!object) {
        return NULL;
    }
    object->namespace_len = (uint16_t)key->namespace.len;
    object->name_len = (uint16_t)key->name.len;
    object->kind = (uint8_t)key->kind; /* of few */
    if (key->namespace.len > 0) {
        memcpy(object->key, key->namespace.at, key->namespace.len);
    }
    memcpy(object->key + key->namespace.len, key->name.at, key->name.len);
    if (table_insert(table, hash, object) != ST_OK) {
        free(object);
        return NULL;
    }
    mark_dirty(manifests, object);
    return object;
}

static void free_object(struct manifests *manifests, struct object *object)
{
    const struct object_key key = key_of(object);
    table_remove(&manifests->index.objects, hash_key(manifests, &key), object);
    free(object);
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
    node->refused_count = 0;
}

/* --- telling --- */

static void tell(struct manifests *manifests,
                 const struct claim *claim,
                 const struct manifest_object *from)
{
    struct object *object = claim->object;
    char source[PROBLEM_FILE_MAX];
    char version[RESOURCE_VERSION_MAX];
    struct secret secret = { 0 }; /* borrows all that @from holds */
    struct object_meta meta = *from->meta;
    report_file(manifests, claim->file, source);
    content_digest_format(&claim->content, version);
    meta.resource_version = span_of(version);
    if (from->secret) {
        secret = *from->secret;
        secret.meta = meta;
    }
    const struct store_event event = {
        .type = object->is_told ? STORE_MODIFIED : STORE_ADDED,
        .kind = from->kind,
        .namespace = object_namespace(object),
        .name = object_name(object),
        .meta = from->secret ? &secret.meta : &meta,
        .secret = from->secret ? &secret : NULL,
        .json = from->json,
        .source = source,
        .source_line = claim->line,
    };
    object->told = claim->content;
    object->is_told = true;
    store_tell(&manifests->base, &event, &object->heard);
}

static void tell_deleted(struct manifests *manifests, struct object *object)
{
    const struct store_event event = {
        .type = STORE_DELETED,
        .kind = object_kind(manifests, object),
        .namespace = object_namespace(object),
        .name = object_name(object),
    };
    object->is_told = false;
    store_tell(&manifests->base, &event, &object->heard);
}

static bool is_news(const struct object *object, const struct claim *claim)
{
    return !object->is_told || !content_digest_equal(&object->told, &claim->content);
}

/* --- replacing a file's objects --- */

/* Is what listeners know of @object what @node's file said? Then it stays so while the file says
 * what is refused: as a file that cannot be read keeps its objects. Not where the file has the
 * object once more: that one may take back what the refused one would keep. */
static bool is_last_good_of(struct object *object, const struct node *node)
{
    const struct claim *winner = elect(object);
    return object->made == 1 && winner && winner->file == node && !is_news(object, winner);
}

/* What a refused object holds for now: nothing, or what it held. */
static void keep_last_good(struct node *node,
                           struct claim *claims,
                           const struct manifest_objects *objects)
{
    for (size_t i = 0; i < objects->count; i++) {
        const struct manifest_object *from = &objects->at[i];
        if (from->refusal && !from->meta->has_deletion_timestamp &&
            is_last_good_of(claims[i].object, node)) {
            claims[i].content = claims[i].object->told;
        }
    }
}

static void forget_made(struct claim *claims, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        claims[i].object->made = 0;
    }
}

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
        claims[i].content = from->content;
        const struct object_key key =
            make_key(manifests, from->kind, from->meta->namespace, from->meta->name);
        claims[i].object = get_object(manifests, &key);
        if (!claims[i].object) {
            forget_made(claims, i);
            free(claims);
            return NULL;
        }
        claims[i].object->made++;
        claims[i].is_refused = from->refusal != NULL;
    }
    keep_last_good(node, claims, objects);
    forget_made(claims, objects->count);
    return claims;
}

static struct shown_object show(const struct manifests *manifests, const struct object *object)
{
    return shown_object_of(object_kind(manifests, object), object_namespace(object),
                           object_name(object));
}

static void complain_about_refusal(struct manifests *manifests,
                                   struct claim *claim,
                                   const struct manifest_refusal *refusal)
{
    const struct shown_object shown = show(manifests, claim->object);
    struct problem problem;
    problem_set(&problem, refusal->status, refusal->line, refusal->column, "%s: %s", shown.text,
                refusal->text);
    const uint32_t hash = table_hash(&manifests->index.objects, span_of(problem.text)) | 1;
    if (claim->complaint == 0) {
        report_complaint_count(manifests, claim->file, 1);
    }
    const bool is_told = claim->complaint == hash;
    claim->complaint = hash;
    claim->file->refused_count++;
    report_refusal(manifests, claim->file, &problem, !is_told);
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
        struct claim *claim = &claims[i];
        if (elect(claim->object) == claim && is_news(claim->object, claim)) {
            tell(manifests, claim, &objects->at[i]);
        }
        if (objects->at[i].refusal) {
            complain_about_refusal(manifests, claim, objects->at[i].refusal);
        }
    }
    return ST_OK;
}

/* --- settling --- */

static void complain(struct manifests *manifests, struct claim *claim, const struct claim *winner)
{
    const struct shown_object shown = show(manifests, claim->object);
    char file[PROBLEM_FILE_MAX];
    struct problem problem;
    if (winner->file == claim->file) {
        problem_set(&problem, ST_DUPLICATE, claim->line, claim->column,
                    "%s appears twice in this file; the first one counts", shown.text);
    } else {
        report_file(manifests, winner->file, file);
        problem_set(&problem, ST_DUPLICATE, claim->line, claim->column,
                    "%s is in %s, too, which counts", shown.text, file);
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
        if (claim->is_refused) {
            continue; /* that has been told, and stands */
        }
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
    if (object->is_to_retell && object->is_told) {
        tell_deleted(manifests, object);
    }
    object->is_to_retell = false;
    if (!is_news(object, winner)) {
        return false;
    }
    if (!last) {
        winner->file->is_read_due = true;
        queue_nominate(&manifests->queues, winner->file, FILE_FOUND);
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

/* --- questions --- */

static struct object *find_object(const struct manifests *manifests,
                                  const struct store_target *target)
{
    const struct object_key key =
        make_key(manifests, target->kind, target->namespace, target->name);
    return table_find(&manifests->index.objects, hash_key(manifests, &key), is_object_of, &key);
}

bool index_find(struct manifests *manifests,
                const struct store_target *target,
                struct node **ret_file,
                struct content_digest *ret_content)
{
    struct object *object = find_object(manifests, target);
    const struct claim *winner = object ? elect(object) : NULL;
    if (!winner) {
        return false;
    }
    *ret_file = winner->file;
    *ret_content = winner->content;
    return true;
}

bool index_find_source(struct manifests *manifests,
                       const struct store_target *target,
                       char *ret_source)
{
    struct node *file;
    struct content_digest content;
    if (!index_find(manifests, target, &file, &content)) {
        return false;
    }
    report_file(manifests, file, ret_source);
    return true;
}

struct node *index_last_holder(struct manifests *manifests, const struct store_target *target)
{
    const struct object *object = find_object(manifests, target);
    const struct claim *last = NULL;
    for (const struct claim *claim = object ? object->claims : NULL; claim; claim = claim->next) {
        if (!last || comes_before(last, claim)) {
            last = claim;
        }
    }
    return last ? last->file : NULL;
}

bool index_has_told(struct manifests *manifests,
                    const struct store_target *target,
                    const struct content_digest *content)
{
    const struct object *object = find_object(manifests, target);
    const bool is_told = object && object->is_told;
    return content ? is_told && content_digest_equal(&object->told, content) : !is_told;
}

static bool has_key(const struct manifest_object *object, const struct store_target *target)
{
    return object->kind == target->kind && span_equal(object->meta->name, target->name) &&
           span_equal(object->meta->namespace, target->namespace);
}

static bool is_same_object(const struct manifests *manifests,
                           const struct claim *claim,
                           const struct manifest_object *object)
{
    const struct store_target target = {
        .kind = object_kind(manifests, claim->object),
        .namespace = object_namespace(claim->object),
        .name = object_name(claim->object),
    };
    return has_key(object, &target) && content_digest_equal(&claim->content, &object->content);
}

bool index_expects(struct manifests *manifests,
                   const struct node *file,
                   const struct store_target *target,
                   const struct content_digest *content,
                   const struct manifest_objects *objects)
{
    const struct object *changed = find_object(manifests, target);
    const size_t claim_count = file ? file->claim_count : 0;
    size_t at = 0;
    bool is_placed = false;
    for (size_t i = 0; i < claim_count; i++) {
        const struct claim *claim = &file->claims[i];
        if (claim->object == changed && !content) {
            continue;
        }
        const bool is_changed = claim->object == changed && !is_placed;
        const bool is_as_expected =
            at < objects->count &&
            (is_changed ? has_key(&objects->at[at], target) &&
                              content_digest_equal(content, &objects->at[at].content)
                        : is_same_object(manifests, claim, &objects->at[at]));
        if (!is_as_expected) {
            return false;
        }
        is_placed = is_placed || is_changed;
        at++;
    }
    if (!file && content) {
        is_placed = objects->count == 1 && content_digest_equal(content, &objects->at[0].content) &&
                    has_key(&objects->at[0], target);
        at = objects->count;
    }
    return at == objects->count && is_placed == (content != NULL);
}

void index_retell(struct manifests *manifests, const struct store_target *target)
{
    struct object *object = find_object(manifests, target);
    if (object) {
        object->is_to_retell = true;
        mark_dirty(manifests, object);
    }
}

void index_fini(struct manifests *manifests)
{
    struct manifests_index *index = &manifests->index;
    size_t cursor = 0;
    for (struct object *object; (object = table_next(&index->objects, &cursor));) {
        free(object);
    }
    table_fini(&index->objects);
}
