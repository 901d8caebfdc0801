/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What those who read documents and those who use them share: nodes that know where they stood, the
 * place of a document in its text, the limits.
 */
#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "base/status.h"

#define DOCUMENT_MAX_DEPTH 64 /* nesting; Kubernetes objects stay below 20 */

/* Values in one document, aliases expanded. Peaks measured per value with json-c 0.16 on 64 bits:
 * 70 bytes for numbers in an array, 160 to 180 for [] and {}, 185 for members of one large object,
 * 250 for {a: {a: {}}}. So 2,000,000 stay below 512 MB in the worst of these shapes, on top of
 * their strings. A List of 100,000 Secrets of 18 values each, as `kubectl get -o yaml` prints
 * bootstrap tokens, is 1,800,000 and takes 320 MB; as documents of their own they take 2 MB. */
#define DOCUMENT_MAX_NODES 2000000

/** Where something stands, both from 1. */
struct document_place {
    unsigned line;
    unsigned column;
};

/**
 * document_fn - called once per document, in file order; empty documents are left out
 * @root: borrows until return (json_object_get() to keep); what follows it in the text has not been
 *        read yet, and may be an error
 * Return: ST_OK to go on; anything else stops and becomes the result of document_parse()
 */
typedef enum status document_fn(void *ctx, json_object *root);

/** Where a document stands in its text: offsets in bytes, in this order. */
struct document_range {
    size_t stream;      /* where what it was read from as JSON or YAML begins */
    size_t start;       /* of its directives, its `---`, or else of its first value */
    size_t content;     /* of its first value */
    size_t content_end; /* behind its last value; a comment may stand on the same line */
    size_t end;         /* of its `...`, or of what comes behind it: the next document, the end */
    bool is_json;
};

/** Keys from the root on, each of an object in the one before. */
struct document_path {
    const char *const *keys; /* borrows */
    size_t count;            /* 0: no member at all */
};

/** document_is_damaged() - is @node a string in which U+FFFD stands for what was no UTF-8? */
bool document_is_damaged(const json_object *node);

/** document_position() - where @node began, both from 1; 0 and 0 for null (NULL in json-c) and for
 * a node that did not come from document_parse(). An alias stands where its anchor does */
void document_position(const json_object *node, unsigned *ret_line, unsigned *ret_column)
    NONNULL(2, 3);

/** document_mark() - @node began at @place. Its text is wiped from now on when json-c frees it
 * @is_damaged: counts for strings only */
void document_mark(json_object *node, struct document_place place, bool is_damaged) NONNULL(1);

/** document_wipe_string() - what json-c calls just before it frees a string of ours: a
 * json_object_delete_fn. @userdata: not looked at */
void document_wipe_string(json_object *node, void *userdata) NONNULL(1);
