/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duplicate keys, found without a tree.
 *
 * Untrusted: the text is a file that an administrator, or whoever may write the directory, put
 * there. A file may be one object with a million keys or a million objects with one: the keys of
 * all open objects lie on one stack, an object's own are sorted when it closes and leave the stack
 * with it. That is n log n, never n squared.
 *
 * The scanner clobbers what it reads, so it gets a copy. Files hold Secrets: the copy is wiped.
 */
#include "support/json_check.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "document/json_scan.h"

#define KEYS_FIRST_CAPACITY 64 /* an ordinary Secret never grows the stack */
#define KEY_QUOTE_MAX       63 /* Kubernetes' longest label name; longer keys are not quoted back */

struct frame {
    bool is_object;
    size_t first_key; /* on the key stack */
};

struct check {
    struct json_scan scan;
    struct span *keys; /* owns; decoded, borrow the copy; the keys of all open objects, outermost
                          first */
    size_t key_count;
    size_t key_capacity;
    struct frame frames[JSON_SCAN_MAX_DEPTH];
    unsigned depth;
    struct span duplicate; /* at is NULL for none */
};

/* By content, and equal ones in the order of the text. */
static int compare_keys(const void *a_any, const void *b_any)
{
    const struct span *a = a_any;
    const struct span *b = b_any;
    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }
    const int order = memcmp(a->at, b->at, a->len);
    if (order != 0) {
        return order;
    }
    return a->at < b->at ? -1 : a->at > b->at;
}

static enum status push_key(struct check *check, struct span key)
{
    if (check->key_count == check->key_capacity) {
        /* cannot overflow: a key takes three bytes of text at least, which is in memory */
        const size_t capacity = check->key_capacity ? check->key_capacity * 2 : KEYS_FIRST_CAPACITY;
        struct span *keys = realloc(check->keys, capacity * sizeof(*keys));
        if (!keys) {
            return ST_NOMEM;
        }
        check->keys = keys;
        check->key_capacity = capacity;
    }
    check->keys[check->key_count++] = key;
    return ST_OK;
}

/* Begin the value that comes next: a scalar is checked, a container entered. */
static void begin_value(struct check *check)
{
    const enum json_kind kind = json_scan_peek(&check->scan);
    bool entered = false;
    if (kind == JSON_OBJECT) {
        entered = json_scan_object(&check->scan);
    } else if (kind == JSON_ARRAY) {
        entered = json_scan_array(&check->scan);
    } else {
        (void)json_scan_skip(&check->scan); /* its failure sticks */
    }
    if (entered) {
        check->frames[check->depth++] =
            (struct frame){ .is_object = kind == JSON_OBJECT, .first_key = check->key_count };
    }
}

/* The innermost container has ended: find what its keys repeat, earliest first. */
static enum status end_container(struct check *check)
{
    const struct frame *frame = &check->frames[--check->depth];
    const size_t count = check->key_count - frame->first_key;
    check->key_count = frame->first_key;
    if (count < 2) {
        return ST_OK;
    }
    struct span *keys = check->keys + frame->first_key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (span_equal(keys[i - 1], keys[i]) &&
            (!check->duplicate.at || keys[i].at < check->duplicate.at)) {
            check->duplicate = keys[i];
        }
    }
    return check->duplicate.at ? ST_DUPLICATE : ST_OK;
}

static enum status step(struct check *check)
{
    const struct frame *frame = &check->frames[check->depth - 1];
    struct span key;
    bool more;
    if (frame->is_object) {
        more = json_scan_member(&check->scan, &key);
        const enum status status = more ? push_key(check, key) : ST_OK;
        if (status != ST_OK) {
            return status;
        }
    } else {
        more = json_scan_element(&check->scan);
    }
    if (more) {
        begin_value(check);
    } else if (check->scan.status == ST_OK) {
        return end_container(check);
    }
    return check->scan.status;
}

static enum status run(struct check *check)
{
    enum status status = ST_OK;
    while (status == ST_OK && (check->depth > 0 || !json_scan_finished(&check->scan))) {
        if (check->depth > 0) {
            status = step(check);
        } else {
            begin_value(check);
        }
    }
    return status != ST_OK ? status : json_scan_end(&check->scan);
}

/* Only names that read well and cannot draw on a terminal are quoted. */
static bool may_quote(struct span key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.at[i] < ' ' || key.at[i] > '~') {
            return false;
        }
    }
    return key.len > 0 && key.len <= KEY_QUOTE_MAX;
}

/* @offset: of the key's opening quote in @text. Raw newlines cannot stand inside strings, so all of
 * them separate lines. */
static void describe_duplicate(struct span text,
                               size_t offset,
                               struct span key,
                               struct problem *reterr_problem)
{
    unsigned line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (text.at[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    const unsigned column = (unsigned)(offset - line_start) + 1;
    if (may_quote(key)) {
        problem_set(reterr_problem, ST_DUPLICATE, line, column,
                    "the key \"%.*s\" appears twice in one object", (int)key.len, key.at);
    } else {
        problem_set(reterr_problem, ST_DUPLICATE, line, column,
                    "a key appears twice in one object");
    }
}

enum status json_check_duplicates(struct span text, struct problem *reterr_problem)
{
    if (text.len == 0) {
        return ST_OK;
    }
    char *copy = malloc(text.len);
    if (!copy) {
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "%s", status_text(ST_NOMEM));
        return ST_NOMEM;
    }
    memcpy(copy, text.at, text.len);
    struct check check = { 0 };
    json_scan_begin(&check.scan, copy, text.len);
    const enum status status = run(&check);
    if (status == ST_DUPLICATE) {
        describe_duplicate(text, (size_t)(check.duplicate.at - copy) - 1, check.duplicate,
                           reterr_problem);
    } else if (status == ST_NOMEM) {
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "%s", status_text(ST_NOMEM));
    } else if (status != ST_OK) {
        json_scan_problem(&check.scan, reterr_problem);
    }
    sodium_memzero(copy, text.len);
    free(copy);
    free(check.keys);
    return status;
}
