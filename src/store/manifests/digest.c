/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an object says, as 16 bytes: the resourceVersion of a store that keeps no objects.
 *
 * Two texts of one content have one digest: the order of members, comments, what is null, and
 * apiVersion and kind (which are always the same) make no difference, and in a Secret that is
 * decoded neither do stringData or data. All else
 * does, labels and annotations too, since whoever writes relies on it. metadata.resourceVersion is
 * the one member that is left out: it would have to name itself.
 *
 * Digests are BLAKE2b under a key that lives as long as the store, so neither a core file nor a
 * resourceVersion lets anybody try out secrets.
 *
 * Untrusted: trees, no deeper than DOCUMENT_MAX_DEPTH. Threads: the loop's only.
 */
#include "store/manifests/digest.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "document/edit.h"

#define SCRATCH_KEPT_MAX 65536 /* plaintext memory that is kept between files */

/* Members of an object that are sorted without an allocation; few have more. */
#define FEW_MEMBERS 32

enum status digester_init(struct digester *digester)
{
    digester->scratch = (struct buf){ .is_secret = true };
    return digest_key_new(&digester->key);
}

void digester_fini(struct digester *digester)
{
    buf_fini(&digester->scratch);
    digester->key = digest_key_free(digester->key);
}

void digester_rest(struct digester *digester)
{
    struct buf *scratch = &digester->scratch;
    if (scratch->cap > SCRATCH_KEPT_MAX) {
        buf_fini(scratch);
        scratch->is_secret = true;
    } else if (scratch->at) {
        sodium_memzero(scratch->at, scratch->cap);
    }
}

/* Lengths go in front, so that no two contents look alike. */
static void put_text(struct buf *buf, struct span text)
{
    const uint64_t len = text.len;
    buf_append(buf, (struct span){ .at = (const char *)&len, .len = sizeof(len) });
    buf_append(buf, text);
}

static void put_bits(struct buf *buf, char type, uint64_t bits)
{
    buf_append_char(buf, type);
    buf_append(buf, (struct span){ .at = (const char *)&bits, .len = sizeof(bits) });
}

static bool is_one_of(const char *key, const char *const *keys)
{
    while (keys && *keys && strcmp(*keys, key) != 0) {
        keys++;
    }
    return keys && *keys;
}

static int compare_members(const void *a, const void *b)
{
    const struct lh_entry *const *left = a;
    const struct lh_entry *const *right = b;
    return strcmp((const char *)(*left)->k, (const char *)(*right)->k);
}

static void put_value(struct buf *buf, const json_object *node);

/* In the order of their keys, without those of @left_out. */
static void put_members(struct buf *buf, const json_object *node, const char *const *left_out)
{
    struct lh_entry *few[FEW_MEMBERS];
    const size_t count = (size_t)json_object_object_length(node);
    struct lh_entry **members =
        count > FEW_MEMBERS ? calloc(count, sizeof(struct lh_entry *)) : few;
    if (!members) {
        buf->failed = true;
        return;
    }
    size_t used = 0;
    struct lh_entry *entry;
    lh_foreach(json_object_get_object(node), entry)
    {
        if (entry->v && !is_one_of(entry->k, left_out)) {
            members[used++] = entry;
        }
    }
    qsort(members, used, sizeof(struct lh_entry *), compare_members);
    for (size_t i = 0; i < used; i++) {
        buf_append_char(buf, 'm');
        put_text(buf, span_of(members[i]->k));
        put_value(buf, members[i]->v);
    }
    buf_append_char(buf, 'e');
    if (members != few) {
        free(members);
    }
}

static void put_elements(struct buf *buf, const json_object *node)
{
    const size_t count = json_object_array_length(node);
    put_bits(buf, 'a', count);
    for (size_t i = 0; i < count; i++) {
        put_value(buf, json_object_array_get_idx(node, i));
    }
}

static void put_value(struct buf *buf, const json_object *node)
{
    double number;
    uint64_t bits;
    switch (json_object_get_type(node)) {
    case json_type_null:
        buf_append_char(buf, 'n');
        break;
    case json_type_boolean:
        buf_append_char(buf, json_object_get_boolean(node) ? 't' : 'f');
        break;
    case json_type_double:
        number = json_object_get_double(node);
        memcpy(&bits, &number, sizeof(bits));
        put_bits(buf, 'd', bits);
        break;
    case json_type_int: /* one of the two saturates */
        put_bits(buf, 'i', (uint64_t)json_object_get_int64(node));
        put_bits(buf, 'u', json_object_get_uint64(node));
        break;
    case json_type_string:
        buf_append_char(buf, 's');
        put_text(buf, document_text(node));
        break;
    case json_type_object:
        put_members(buf, node, NULL);
        break;
    case json_type_array:
        put_elements(buf, node);
        break;
    }
}

/* What @secret says of itself. */
static void put_secret(struct buf *buf, const struct secret *secret)
{
    put_text(buf, secret->type);
    put_bits(buf, 'c', secret->entry_count);
    for (size_t i = 0; i < secret->entry_count; i++) {
        put_text(buf, secret->entries[i].key);
        put_text(buf, secret->entries[i].value);
    }
}

enum status digester_compute(struct digester *digester,
                             const json_object *root,
                             const struct object_meta *meta,
                             const struct secret *secret,
                             struct content_digest *ret_content)
{
    /* what the object's key says of them, or put_secret() does */
    static const char *const known[] = { "apiVersion", "kind", "metadata", NULL };
    static const char *const known_secret[] = { "apiVersion", "kind",       "metadata", "type",
                                                "data",       "stringData", NULL };
    static const char *const known_metadata[] = { "name", "namespace", "uid", "resourceVersion",
                                                  NULL };
    struct buf *scratch = &digester->scratch;
    buf_clear(scratch);
    put_text(scratch, meta->uid);
    if (secret) {
        put_secret(scratch, secret);
    }
    put_members(scratch, root, secret ? known_secret : known);
    put_members(scratch, json_object_object_get(root, "metadata"), known_metadata);
    if (scratch->failed) {
        return ST_NOMEM;
    }
    struct digest digest;
    digest_compute(digester->key, buf_span(scratch), &digest);
    memcpy(ret_content->bytes, digest.bytes, sizeof(ret_content->bytes));
    return ST_OK;
}

bool content_digest_equal(const struct content_digest *a, const struct content_digest *b)
{
    return sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void content_digest_format(const struct content_digest *content,
                           char ret_version[static RESOURCE_VERSION_MAX])
{
    (void)sodium_bin2hex(ret_version, RESOURCE_VERSION_MAX, content->bytes,
                         sizeof(content->bytes)); /* fits */
}
