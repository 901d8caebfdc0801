/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: manifest_rewrite() and manifest_find(), on whatever decodes as a manifest.
 *
 * Properties: of an object that is found, the first appearance can be replaced and all can be taken
 * out; what is read afterwards is that, and every other object as it was, in the same order. The
 * store itself refuses to write a text for which this does not hold; here it must hold, but for
 * texts with line breaks that only YAML knows.
 */
#include <json-c/json.h>

#include "base/utf8.h"
#include "document/edit.h"
#include "fuzz.h"
#include "store/manifests/decode.h"
#include "store/manifests/edit.h"
#include "store/manifests/rules.h"

static const struct manifests_limits limits = { .file_objects = 1000, .file_entries = 10000 };

static const struct store_kind secret_kinds[] = { { .kind = &kind_secret } };
static const struct manifest_kinds secrets = { .at = secret_kinds, .count = COUNTOF(secret_kinds) };

static struct digester digester; /* its key may be any */

static bool decode(struct span text, struct manifest_objects *ret_objects)
{
    struct problem problem = { 0 };
    *ret_objects = (struct manifest_objects){ 0 };
    return manifest_decode(text, secrets, &limits, &digester, ret_objects, &problem) == ST_OK;
}

static bool is_same_name(const struct manifest_object *a, const struct manifest_object *b)
{
    return span_equal(a->secret->meta.name, b->secret->meta.name) &&
           span_equal(a->secret->meta.namespace, b->secret->meta.namespace);
}

static struct store_target target_of(const struct manifest_object *object)
{
    return (struct store_target){
        .kind = object->kind,
        .namespace = object->meta->namespace,
        .name = object->meta->name,
    };
}

/* @changed: what the first of this name has become; NULL: all of this name are gone */
static void compare(const struct manifest_objects *before,
                    const struct manifest_objects *after,
                    const struct manifest_object *changed,
                    const struct content_digest *content)
{
    bool is_placed = false;
    size_t at = 0;
    for (size_t i = 0; i < before->count; i++) {
        const bool is_changed = is_same_name(&before->at[i], changed);
        if (is_changed && !content) {
            continue;
        }
        FUZZ_REQUIRE(at < after->count && is_same_name(&before->at[i], &after->at[at]));
        const struct content_digest *want =
            is_changed && !is_placed ? content : &before->at[i].content;
        FUZZ_REQUIRE(content_digest_equal(want, &after->at[at].content));
        is_placed = is_placed || is_changed;
        at++;
    }
    FUZZ_REQUIRE(at == after->count);
}

/* @object: as manifest_rewrite() has it */
static void rewrite(struct span text,
                    const struct manifest_objects *before,
                    const json_object *object,
                    const struct content_digest *content)
{
    const struct manifest_object *target = &before->at[before->count / 2];
    struct manifest_objects after;
    struct problem problem = { 0 };
    struct buf changed = { 0 };
    bool is_empty = false;
    const struct store_target wanted = target_of(target);
    FUZZ_REQUIRE(manifest_rewrite(text, &wanted, object, &changed, &is_empty, &problem) == ST_OK);
    after = (struct manifest_objects){ 0 }; /* what no document is left in is not read again */
    FUZZ_REQUIRE(is_empty || decode(buf_span(&changed), &after));
    compare(before, &after, target, content);
    manifest_objects_fini(&after);
    buf_fini(&changed);
}

static void replace(struct span text, const struct manifest_objects *before)
{
    const struct manifest_object *target = &before->at[before->count / 2];
    struct problem problem = { 0 };
    struct secret *secret = NULL;
    struct content_digest content;
    json_object *object = NULL;
    const struct store_target wanted = target_of(target);
    FUZZ_REQUIRE(manifest_find(text, &wanted, &object, &problem) == ST_OK);
    FUZZ_REQUIRE(rules_complete(&kind_secret, object) == ST_OK);
    FUZZ_REQUIRE(document_set_text(object, "fuzz", SPAN_LITERAL("a\nb\n")) == ST_OK);
    FUZZ_REQUIRE(secret_decode(object, &secret, &problem) == ST_OK);
    FUZZ_REQUIRE(digester_compute(&digester, object, &secret->meta, secret, &content) == ST_OK);
    FUZZ_REQUIRE(secret_free(secret) == NULL);
    rewrite(text, before, object, &content);
    (void)json_object_put(object);
}

/* NEL, LS, PS; or what might be */
static bool has_odd_breaks(struct span text)
{
    return text.len > 0 && (memchr(text.at, 0x85, text.len) || memchr(text.at, 0xa8, text.len) ||
                            memchr(text.at, 0xa9, text.len));
}

/* Such a file is not written. */
static bool has_refused(const struct manifest_objects *objects)
{
    for (size_t i = 0; i < objects->count; i++) {
        if (objects->at[i].refusal) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest_objects objects;
    if (!digester.key) {
        FUZZ_REQUIRE(digester_init(&digester) == ST_OK);
    }
    char *const copy = fuzz_copy(data, size);
    const struct span text = { .at = copy, .len = size };
    if (decode(text, &objects) && objects.count > 0 && !has_odd_breaks(text) &&
        utf8_is_valid(text) && !has_refused(&objects)) { /* else it is not written */
        rewrite(text, &objects, NULL, NULL);
        replace(text, &objects);
    }
    manifest_objects_fini(&objects);
    free(copy);
    return 0;
}
