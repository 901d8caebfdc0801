/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be written, and what the API server would make of it.
 *
 * Who writes cannot tell a directory from a cluster, so the same objects are refused and the same
 * members filled in. The API server's rules for a Secret, as far as they concern an object that
 * stands in a file: names are labels and subdomains (kube/secret checks), type and uid and the
 * times of an object's life cannot be changed, `immutable: true` is what it says, stringData is
 * for writing only. A deletionTimestamp in a file revokes a token (docs/manifests.md), and as in
 * the API it is not for an update to set or clear.
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

void rules_names(const json_object *object, struct span *ret_namespace, struct span *ret_name)
{
    const struct span namespace = metadata_text(object, "namespace");
    *ret_name = metadata_text(object, "name");
    *ret_namespace = namespace.len ? namespace : SPAN_LITERAL("default");
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

enum status rules_complete(json_object *object)
{
    enum status status = set_default(object, "apiVersion", SPAN_LITERAL("v1"));
    if (status == ST_OK) {
        status = set_default(object, "kind", SPAN_LITERAL("Secret"));
    }
    if (status == ST_OK) {
        status = set_default(metadata_of(object), "namespace", SPAN_LITERAL("default"));
    }
    if (status == ST_OK) {
        status = set_default(object, "type", SPAN_LITERAL("Opaque"));
    }
    return status == ST_OK ? merge_string_data(object) : status;
}

/* --- checks --- */

static bool is_absent_or(const json_object *object, const char *key, struct span want)
{
    const json_object *member = json_object_object_get(object, key);
    return !member || span_equal(document_text(member), want);
}

/* What kube/secret refuses of a manifest is invalid, whatever is wrong with it. */
static enum status decode(const json_object *object,
                          struct secret **ret_secret,
                          struct problem *problem)
{
    enum status status = secret_decode(object, ret_secret, problem);
    if (status != ST_OK && status != ST_NOMEM) {
        status = ST_INVALID;
        problem->status = status;
    }
    if (status == ST_OK && (!is_absent_or(object, "apiVersion", SPAN_LITERAL("v1")) ||
                            !is_absent_or(object, "kind", SPAN_LITERAL("Secret")))) {
        *ret_secret = secret_free(*ret_secret);
        return refuse(problem, "expected apiVersion v1 and kind Secret");
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

static enum status begin_life(json_object *object, struct instant now)
{
    char uid[UUID_MAX];
    char created[RFC3339_MAX];
    json_object *const metadata = metadata_of(object);
    make_uuid(uid);
    rfc3339_format(now, created);
    json_object_object_del(metadata, "resourceVersion");
    json_object_object_del(metadata, "deletionTimestamp");
    json_object_object_del(metadata, "deletionGracePeriodSeconds");
    const enum status status = document_set_text(metadata, "uid", span_of(uid));
    return status == ST_OK ? document_set_text(metadata, "creationTimestamp", span_of(created))
                           : status;
}

enum status rules_create(json_object *object, struct instant now, struct problem *reterr_problem)
{
    struct secret *secret;
    enum status status = decode(object, &secret, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    const bool has_version = secret->meta.resource_version.len > 0;
    secret = secret_free(secret);
    if (has_version) {
        return refuse(reterr_problem,
                      "metadata.resourceVersion: not to be set on an object that is created");
    }
    status = rules_complete(object);
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

static enum status check_unchanged(const json_object *object,
                                   const struct secret *secret,
                                   const json_object *old,
                                   const struct secret *before,
                                   struct problem *problem)
{
    if (!span_equal(secret->meta.name, before->meta.name) ||
        !span_equal(secret->meta.namespace, before->meta.namespace)) {
        return refuse(problem, "metadata: name and namespace cannot be changed");
    }
    if (!span_equal(secret->type, before->type)) {
        return refuse(problem, "type: cannot be changed");
    }
    if (!is_immutable(old)) {
        return ST_OK;
    }
    if (!is_immutable(object)) {
        return refuse(problem, "immutable: cannot be unset");
    }
    return is_same_data(secret, before)
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

enum status rules_update(json_object *object,
                         const json_object *old,
                         struct problem *reterr_problem)
{
    struct secret *secret = NULL;
    struct secret *before = NULL;
    enum status status = decode(object, &secret, reterr_problem);
    if (status == ST_OK) {
        const struct store_target expected = {
            .uid = secret->meta.uid,
            .resource_version = secret->meta.resource_version,
        };
        status = rules_expect(old, &expected, reterr_problem);
    }
    if (status == ST_OK) {
        status = decode(old, &before, reterr_problem);
    }
    if (status == ST_OK) {
        status = check_unchanged(object, secret, old, before, reterr_problem);
    }
    secret = secret_free(secret);
    before = secret_free(before);
    if (status == ST_OK) {
        status = keep_life(object, old, reterr_problem);
    }
    return status == ST_OK ? rules_complete(object) : status;
}
