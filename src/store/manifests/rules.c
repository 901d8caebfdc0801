/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be written, and what the API server would make of it.
 *
 * Who writes cannot tell a directory from a cluster, so the same objects are refused and the same
 * members filled in. The API server's rules, as far as they concern an object that stands in a
 * file: names are labels and subdomains (kube/object_meta checks), a Secret's type, uid and the
 * times of an object's life cannot be changed, `immutable: true` is what it says for kinds that
 * have it, stringData is for writing only. Of custom resources nothing but the metadata is checked:
 * there is no schema here. A deletionTimestamp in a file revokes a token (docs/manifests.md), and
 * as in the API it is not for an update to set or clear.
 *
 * Not as there: generateName, finalizers (a deletion deletes), managedFields (kept as they are).
 *
 * Untrusted: objects. Texts name members, never values. Threads: none.
 */
#include "store/manifests/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/rfc3339.h"
#include "document/edit.h"
#include "kube/secret.h"

#define UUID_MAX 37 /* bytes with NUL */

static json_object *metadata_of(const json_object *object)
{
    json_object *const metadata = json_object_is_type(object, json_type_object)
                                      ? json_object_object_get(object, "metadata")
                                      : NULL;
    return json_object_is_type(metadata, json_type_object) ? metadata : NULL;
}

static struct span metadata_text(const json_object *object, const char *key)
{
    return document_text(json_object_object_get(metadata_of(object), key));
}

void rules_names(const struct object_kind *kind,
                 const json_object *object,
                 struct span *ret_namespace,
                 struct span *ret_name)
{
    const struct span namespace = metadata_text(object, "namespace");
    *ret_name = metadata_text(object, "name");
    *ret_namespace = namespace.len ? namespace : SPAN_LITERAL("default");
    if (kind->is_cluster_scoped) {
        *ret_namespace = (struct span){ 0 };
    }
}

static enum status refuse(struct problem *problem, const char *what)
{
    problem_set(problem, ST_INVALID, 0, 0, "%s", what);
    return ST_INVALID;
}

static enum status refuse_conflict(struct problem *problem, const char *what)
{
    problem_set(problem, ST_CONFLICT, 0, 0, "%s", what);
    return ST_CONFLICT;
}

/* --- filling in --- */

static enum status set_default(json_object *object, const char *key, struct span text)
{
    return document_text(json_object_object_get(object, key)).len
               ? ST_OK
               : document_set_text(object, key, text);
}

static enum status set_base64(json_object *data, const char *key, struct span value)
{
    const size_t size = sodium_base64_ENCODED_LEN(value.len, sodium_base64_VARIANT_ORIGINAL);
    char *const text = malloc(size);
    if (!text) {
        return ST_NOMEM;
    }
    (void)sodium_bin2base64(text, size, (const unsigned char *)(value.at ? value.at : ""),
                            value.len, sodium_base64_VARIANT_ORIGINAL); /* fits */
    const enum status status = document_set_text(data, key, span_of(text));
    sodium_memzero(text, size);
    free(text);
    return status;
}

static enum status merge_string_data(json_object *object)
{
    json_object *const string_data = json_object_object_get(object, "stringData");
    enum status status = ST_OK;
    if (string_data && !json_object_object_get(object, "data")) {
        json_object *const data = json_object_new_object();
        status = data ? document_set(object, "data", data) : ST_NOMEM;
    }
    if (string_data && status == ST_OK) {
        json_object *const data = json_object_object_get(object, "data");
        json_object_object_foreach(string_data, key, value)
        {
            if (status == ST_OK) {
                status = set_base64(data, key, document_text(value));
            }
        }
    }
    if (status == ST_OK) {
        json_object_object_del(object, "stringData");
    }
    return status;
}

static enum status complete_secret(json_object *object)
{
    const enum status status = set_default(object, "type", SPAN_LITERAL("Opaque"));
    return status == ST_OK ? merge_string_data(object) : status;
}

enum status rules_complete(const struct object_kind *kind, json_object *object)
{
    const struct object_api_version version = object_api_version(kind);
    enum status status = set_default(object, "apiVersion", span_of(version.text));
    if (status == ST_OK) {
        status = set_default(object, "kind", span_of(kind->name));
    }
    if (status == ST_OK && !kind->is_cluster_scoped) {
        status = set_default(metadata_of(object), "namespace", SPAN_LITERAL("default"));
    }
    return status == ST_OK && kind->is_secret ? complete_secret(object) : status;
}

/* --- checks --- */

static bool is_absent_or(const json_object *object, const char *key, struct span want)
{
    const json_object *member = json_object_object_get(object, key);
    return !member || span_equal(document_text(member), want);
}

/* An object as far as it is looked at. */
struct decoded {
    const struct object_meta *meta;
    struct secret *secret; /* owns; NULL: of another kind */
    struct object_meta *plain;
};

static void decoded_fini(struct decoded *decoded)
{
    decoded->secret = secret_free(decoded->secret);
    decoded->plain = object_meta_free(decoded->plain);
}

/* What is refused of a manifest is invalid, whatever is wrong with it. */
static enum status decode(const struct object_kind *kind,
                          const json_object *object,
                          struct decoded *ret_decoded,
                          struct problem *problem)
{
    struct decoded decoded = { 0 };
    const struct object_api_version version = object_api_version(kind);
    enum status status = kind->is_secret
                             ? secret_decode(object, &decoded.secret, problem)
                             : object_meta_decode(kind, object, &decoded.plain, problem);
    if (status != ST_OK && status != ST_NOMEM) {
        status = ST_INVALID;
        problem->status = status;
    }
    if (status == ST_OK && (!is_absent_or(object, "apiVersion", span_of(version.text)) ||
                            !is_absent_or(object, "kind", span_of(kind->name)))) {
        decoded_fini(&decoded);
        problem_set(problem, ST_INVALID, 0, 0, "expected apiVersion %s and kind %s", version.text,
                    kind->name);
        return ST_INVALID;
    }
    if (status == ST_OK) {
        decoded.meta = decoded.secret ? &decoded.secret->meta : decoded.plain;
        *ret_decoded = decoded;
    }
    return status;
}

enum status rules_expect(const json_object *object,
                         const struct store_target *target,
                         struct problem *reterr_problem)
{
    if (target->uid.len && !span_equal(target->uid, metadata_text(object, "uid"))) {
        return refuse_conflict(reterr_problem, "the object has another uid");
    }
    if (target->resource_version.len &&
        !span_equal(target->resource_version, metadata_text(object, "resourceVersion"))) {
        return refuse_conflict(reterr_problem, "the object has been changed since: it has another "
                                               "resourceVersion");
    }
    return ST_OK;
}

/* --- create --- */

/* RFC 9562, version 4 */
static void make_uuid(char ret_text[static UUID_MAX])
{
    uint8_t b[16];
    randombytes_buf(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)snprintf(ret_text, UUID_MAX,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]); /* fits */
}

enum status rules_adopt(json_object *object, struct instant now)
{
    char uid[UUID_MAX];
    char created[RFC3339_MAX];
    json_object *const metadata = metadata_of(object);
    make_uuid(uid);
    rfc3339_format(now, created);
    const enum status status = set_default(metadata, "uid", span_of(uid));
    return status == ST_OK ? set_default(metadata, "creationTimestamp", span_of(created)) : status;
}

static enum status begin_life(json_object *object, struct instant now)
{
    static const char *const others[] = { "uid", "creationTimestamp", "resourceVersion",
                                          "deletionTimestamp", "deletionGracePeriodSeconds" };
    for (size_t i = 0; i < COUNTOF(others); i++) {
        json_object_object_del(metadata_of(object), others[i]);
    }
    return rules_adopt(object, now);
}

enum status rules_create(const struct object_kind *kind,
                         json_object *object,
                         struct instant now,
                         struct problem *reterr_problem)
{
    struct decoded decoded;
    enum status status = decode(kind, object, &decoded, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    const bool has_version = decoded.meta->resource_version.len > 0;
    decoded_fini(&decoded);
    if (has_version) {
        return refuse(reterr_problem,
                      "metadata.resourceVersion: not to be set on an object that is created");
    }
    status = rules_complete(kind, object);
    return status == ST_OK ? begin_life(object, now) : status;
}

/* --- update --- */

static bool is_immutable(const json_object *object)
{
    return json_object_get_boolean(json_object_object_get(object, "immutable")) != 0;
}

static bool is_same_text(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.at, b.at, a.len) == 0);
}

static bool is_same_data(const struct secret *a, const struct secret *b)
{
    bool is_same = a->entry_count == b->entry_count;
    for (size_t i = 0; is_same && i < a->entry_count; i++) { /* both are sorted */
        is_same = is_same_text(a->entries[i].key, b->entries[i].key) &&
                  is_same_text(a->entries[i].value, b->entries[i].value);
    }
    return is_same;
}

static enum status check_frozen(const struct object_kind *kind,
                                const json_object *object,
                                const json_object *old,
                                struct problem *problem)
{
    for (const char *const *key = kind->frozen; *key; key++) {
        if (!json_object_equal(json_object_object_get(object, *key),
                               json_object_object_get(old, *key))) {
            problem_set(problem, ST_INVALID, 0, 0, "%s: cannot be changed, as `immutable` is set",
                        *key);
            return ST_INVALID;
        }
    }
    return ST_OK;
}

/* An object, and what is to become of it. */
struct change {
    const json_object *object;
    const json_object *old;
    struct decoded now;
    struct decoded before;
};

static enum status check_unchanged(const struct object_kind *kind,
                                   const struct change *change,
                                   struct problem *problem)
{
    const struct object_meta *now = change->now.meta;
    const struct object_meta *before = change->before.meta;
    const struct secret *secret = change->now.secret;
    if (!span_equal(now->name, before->name) || !span_equal(now->namespace, before->namespace)) {
        return refuse(problem, "metadata: name and namespace cannot be changed");
    }
    if (secret && !span_equal(secret->type, change->before.secret->type)) {
        return refuse(problem, "type: cannot be changed");
    }
    if (!kind->frozen || !is_immutable(change->old)) {
        return ST_OK;
    }
    if (!is_immutable(change->object)) {
        return refuse(problem, "immutable: cannot be unset");
    }
    if (!secret) {
        return check_frozen(kind, change->object, change->old, problem);
    }
    /* by what it decodes to: stringData may say the same */
    return is_same_data(secret, change->before.secret)
               ? ST_OK
               : refuse(problem, "data: cannot be changed, as `immutable` is set");
}

/* The times of an object's life: absent stands for what they are. */
static enum status keep(json_object *metadata,
                        const json_object *old,
                        const char *key,
                        struct problem *problem)
{
    json_object *const value = json_object_object_get(metadata, key);
    json_object *const before = json_object_object_get(old, key);
    const bool is_empty = json_object_is_type(value, json_type_string) &&
                          json_object_get_string_len(value) == 0; /* Go's zero value */
    if (value && !is_empty) {
        if (before && json_object_equal(value, before)) {
            return ST_OK;
        }
        problem_set(problem, ST_INVALID, 0, 0, "metadata.%s: cannot be changed", key);
        return ST_INVALID;
    }
    json_object *copy = NULL;
    json_object_object_del(metadata, key);
    const enum status status = before ? document_copy(before, &copy) : ST_OK;
    return status == ST_OK && copy ? document_set(metadata, key, copy) : status;
}

static enum status keep_life(json_object *object, const json_object *old, struct problem *problem)
{
    static const char *const keys[] = { "uid", "creationTimestamp", "deletionTimestamp",
                                        "deletionGracePeriodSeconds" };
    enum status status = ST_OK;
    for (size_t i = 0; i < COUNTOF(keys) && status == ST_OK; i++) {
        status = keep(metadata_of(object), metadata_of(old), keys[i], problem);
    }
    json_object_object_del(metadata_of(object), "resourceVersion");
    return status;
}

enum status rules_update(const struct object_kind *kind,
                         json_object *object,
                         const json_object *old,
                         struct problem *reterr_problem)
{
    struct change change = { .object = object, .old = old };
    enum status status = decode(kind, object, &change.now, reterr_problem);
    if (status == ST_OK) {
        const struct store_target expected = {
            .uid = change.now.meta->uid,
            .resource_version = change.now.meta->resource_version,
        };
        status = rules_expect(old, &expected, reterr_problem);
    }
    if (status == ST_OK) {
        status = decode(kind, old, &change.before, reterr_problem);
    }
    if (status == ST_OK) {
        status = check_unchanged(kind, &change, reterr_problem);
    }
    decoded_fini(&change.now);
    decoded_fini(&change.before);
    if (status == ST_OK) {
        status = keep_life(object, old, reterr_problem);
    }
    return status == ST_OK ? rules_complete(kind, object) : status;
}
