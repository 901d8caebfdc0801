/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: document_parse(), YAML and JSON, and secret_decode() on what it hands out.
 *
 * Properties: a refusal has a place and a text, and hands nothing out; every node but null has a
 * place in the text and lies no deeper than the limit; a tree written as JSON or as YAML parses
 * again to an equal tree; documents stand in the text one behind the other; JSON is accepted only
 * if the duplicate check accepts it; what is read strictly is read the same with damage allowed; a
 * Secret's keys are sorted, unique and found, its size within the limit.
 */
#include "document/document.h"
#include "document/write.h"
#include "fuzz.h"
#include "kube/secret.h"
#include "support/json_check.h"

#define WALK_MAX 20000 /* nodes; aliases can make a small text a tree of millions */

struct walk {
    unsigned lines; /* that the text can have */
    size_t size;
    size_t nodes;
    struct document_notes notes;
    size_t end; /* of the document before */
};

static void require_place(const json_object *node, const struct walk *walk)
{
    unsigned line, column;
    document_position(node, &line, &column);
    FUZZ_REQUIRE(node == NULL || (line > 0 && line <= walk->lines && column > 0));
}

/* Recursion ends at DOCUMENT_MAX_DEPTH, or the property is violated. */
static void walk_tree(json_object *node, unsigned depth, struct walk *walk)
{
    require_place(node, walk);
    FUZZ_REQUIRE(depth <= DOCUMENT_MAX_DEPTH);
    if (++walk->nodes > WALK_MAX) {
        return;
    }
    if (json_object_is_type(node, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(node) && walk->nodes <= WALK_MAX; i++) {
            walk_tree(json_object_array_get_idx(node, i), depth + 1, walk);
        }
    } else if (json_object_is_type(node, json_type_object)) {
        json_object_object_foreach(node, key, value)
        {
            (void)key;
            walk_tree(value, depth + 1, walk);
        }
    }
}

static enum status compare_tree(void *ctx, json_object *root)
{
    FUZZ_REQUIRE(json_object_equal(ctx, root));
    return ST_OK;
}

static void require_round_trip(json_object *root)
{
    struct problem problem = { 0 };
    if (!json_object_is_type(root, json_type_object)) {
        return; /* would be read as YAML, which has other escapes */
    }
    const char *const text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
    FUZZ_REQUIRE(text != NULL);
    FUZZ_REQUIRE(document_parse(span_of(text), compare_tree, root, &problem) == ST_OK);
}

static enum status count_tree(void *ctx, json_object *root)
{
    json_object **want = ctx;
    FUZZ_REQUIRE(*want && json_object_equal(*want, root));
    *want = NULL;
    return ST_OK;
}

static void require_written(json_object *root, bool as_json)
{
    struct buf text = { 0 };
    struct problem problem = { 0 };
    json_object *want = root;
    const enum status status =
        as_json ? document_write_json(root, &text) : document_write_yaml(root, &text);
    FUZZ_REQUIRE(status == ST_OK);
    FUZZ_REQUIRE(document_parse(buf_span(&text), count_tree, &want, &problem) == ST_OK && !want);
    buf_fini(&text);
}

static void require_range(struct walk *walk)
{
    const struct document_range *const range = &walk->notes.range;
    FUZZ_REQUIRE(walk->end <= range->start && range->start <= range->content);
    FUZZ_REQUIRE(range->content <= range->content_end && range->content_end <= range->end);
    FUZZ_REQUIRE(range->end <= walk->size || walk->notes.is_transcoded);
    walk->end = range->end;
}

static void require_secret(const struct secret *secret)
{
    size_t size = 0;
    FUZZ_REQUIRE(secret->meta.name.len > 0 && secret->meta.namespace.len > 0);
    FUZZ_REQUIRE(secret->type.len > 0);
    for (size_t i = 0; i < secret->entry_count; i++) {
        const struct secret_entry *const entry = &secret->entries[i];
        char key[256] = "";
        struct span found;
        FUZZ_REQUIRE(entry->key.len > 0 && entry->key.len < sizeof(key));
        memcpy(key, entry->key.at, entry->key.len);
        FUZZ_REQUIRE(secret_find(secret, key, &found) && found.at == entry->value.at);
        FUZZ_REQUIRE(i == 0 || strncmp(entry[-1].key.at, key, entry[-1].key.len) <= 0);
        size += entry->value.len;
    }
    FUZZ_REQUIRE(size <= SECRET_MAX_BYTES);
}

static void try_secret(json_object *root)
{
    struct secret *secret = NULL;
    struct problem problem = { 0 };
    const enum status status = secret_decode(root, &secret, &problem);
    FUZZ_REQUIRE((status == ST_OK) == (secret != NULL));
    if (secret) {
        require_secret(secret);
        FUZZ_REQUIRE(secret_free(secret) == NULL);
        return;
    }
    FUZZ_REQUIRE(status == ST_TYPE || status == ST_INVALID || status == ST_LIMIT ||
                 status == ST_SYNTAX);
    FUZZ_REQUIRE(problem.status == status && problem.text[0] && problem.line > 0);
}

static enum status check_document(void *ctx, json_object *root)
{
    struct walk *const walk = ctx;
    FUZZ_REQUIRE(root != NULL);
    walk_tree(root, 0, walk);
    require_range(walk);
    if (walk->nodes <= WALK_MAX) {
        require_round_trip(root);
        require_written(root, false);
        if (json_object_is_type(root, json_type_object)) {
            require_written(root, true); /* anything else would be read as YAML */
        }
    }
    try_secret(root);
    return ST_OK;
}

static bool is_json(struct span text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.at[0]) && text.at[0] != '\0') {
        text = span_after(text, 1);
    }
    return text.len > 0 && text.at[0] == '{';
}

static void compare_with_check(struct span text, enum status status)
{
    struct problem problem = { 0 };
    const enum status check = json_check_duplicates(text, &problem);
    FUZZ_REQUIRE(check != ST_OK || status == ST_OK || status == ST_LIMIT || status == ST_SYNTAX);
    FUZZ_REQUIRE(check != ST_DUPLICATE || status != ST_OK);
}

static enum status ignore(void *ctx, json_object *root)
{
    (void)ctx;
    (void)root;
    return ST_OK;
}

/* Damage is all that makes a difference. */
static void compare_with_strict(struct span text,
                                enum status status,
                                const struct document_notes *notes)
{
    struct problem problem = { 0 };
    const enum status strict = document_parse(text, ignore, NULL, &problem);
    FUZZ_REQUIRE(notes->damage_line == 0 || (strict != ST_OK && notes->is_transcoded));
    FUZZ_REQUIRE(notes->damage_line > 0 || strict == status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const copy = fuzz_copy(data, size);
    const struct span text = { .at = copy, .len = size };
    struct walk walk = {
        .lines = (unsigned)size + 1, /* YAML has five kinds of line breaks */
        .size = size,
    };
    struct problem problem = { 0 };
    const enum status status =
        document_parse_notes(text, &walk.notes, check_document, &walk, &problem);
    FUZZ_REQUIRE(size == 0 || memcmp(copy, data, size) == 0);
    if (status != ST_OK) {
        FUZZ_REQUIRE(status == ST_SYNTAX || status == ST_DUPLICATE || status == ST_LIMIT);
        FUZZ_REQUIRE(problem.status == status && problem.text[0] && problem.line > 0);
    }
    if (is_json(text)) {
        compare_with_check(text, status);
    }
    compare_with_strict(text, status, &walk.notes);
    free(copy);
    return 0;
}
