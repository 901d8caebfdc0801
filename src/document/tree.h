/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Builds json-c trees from what a JSON or YAML reader meets, in the order it stands in the text.
 *
 * What must hold for both forms is held here, once: bounded depth, bounded number of nodes, no key
 * twice, a position on every node, strings that are wiped when they are freed. The open containers
 * are frames in a fixed array, so no text can make anybody recurse.
 *
 * Every function that returns a status fills document_tree.problem when it fails; then the tree is
 * of no use but for document_tree_fini().
 */
#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "document/node.h"
#include "document/yaml_scalar.h"

/* Keys that `<<` has copied, in one file. Copies are the one thing that costs memory without
 * costing text, so they end long before nodes do; a manifest has a few dozen. */
#define DOCUMENT_MAX_MERGED_KEYS 100000

/* What aliases repeat in one file. Nobody copies an alias here, but who reads the tree goes through
 * what it stands for each time, and may copy it: so both end before they cost more than a file
 * without an alias could. A label or a list of groups in each of 100,000 Secrets is far below. */
#define DOCUMENT_MAX_REPEATED_NODES 1000000
#define DOCUMENT_MAX_REPEATED_BYTES 67108864 /* keys and strings; as a file may have */

/** A whole value: what an alias repeats. */
struct document_value {
    json_object *node; /* shares; NULL for null */
    size_t node_count; /* nodes in it, itself included */
    size_t byte_count; /* of its keys and strings */
    unsigned height;   /* 0 for a scalar, 1 for an empty container */
};

struct document_frame {
    json_object *node;     /* owns; the open container */
    struct lh_entry *slot; /* object: the member that waits for its value; NULL between members */
    json_object *merged;   /* owns; object: keys that only `<<` has set so far; NULL for none */
    bool is_merging;       /* object: the value of `<<` comes next */
    bool has_merged;       /* object: there was a `<<` */
    size_t nodes_before;   /* document_tree.node_count when it was opened */
    size_t bytes_before;   /* and .byte_count */
    unsigned height;       /* of what it holds so far */
};

/** Owned by one document_parse(). All-zero but for the borrowed pointers is the start. */
struct document_tree {
    struct problem *problem;      /* borrows */
    document_fn *fn;              /* takes a look at each document */
    void *ctx;                    /* borrows; of fn */
    struct document_range *range; /* borrows; filled in by the reader; NULL: nobody asks */
    size_t text_offset;           /* where the text begins that the reader sees */
    struct document_place before; /* what stands before it: whole lines, and bytes of its first */
    bool is_damaged;              /* U+FFFD in it may stand for what is no UTF-8 */
    struct document_frame frames[DOCUMENT_MAX_DEPTH];
    unsigned depth;        /* open containers */
    size_t node_count;     /* in this document, aliases expanded */
    size_t byte_count;     /* of keys and strings in this document, aliases expanded */
    size_t repeated_count; /* nodes that aliases repeated, in this file */
    size_t repeated_bytes;
    size_t merged_count; /* keys copied by `<<` in this file */
    json_object *root;   /* owns; of the document that is being built */
    bool is_stopped;     /* fn has returned something else than ST_OK */
};

/** document_tree_fini() - free what has been built of a document */
void document_tree_fini(struct document_tree *tree) NONNULL(1);

/** document_tree_restart() - free what has been built of a document, to read from it on anew
 * @offset: where it begins, in the @text that the reader has seen */
void document_tree_restart(struct document_tree *tree, struct span text, size_t offset) NONNULL(1);

/** document_tree_place() - what the reader calls @line and @column (both from 1), in the file */
struct document_place document_tree_place(const struct document_tree *tree,
                                          unsigned line,
                                          unsigned column) NONNULL(1);

/** document_place_of_offset() - in @text, whose lines end with LF. A byte order mark at the
 * beginning of a line counts no column */
struct document_place document_place_of_offset(struct span text, size_t offset);

/** document_tree_is_in_object() - is the innermost open container an object? */
bool document_tree_is_in_object(const struct document_tree *tree) NONNULL(1);

/** document_tree_wants_key() - is what comes next the key of a member? */
bool document_tree_wants_key(const struct document_tree *tree) NONNULL(1);

/** document_tree_open() - begin an object or an array */
enum status document_tree_open(struct document_tree *tree,
                               enum json_type type,
                               struct document_place place) NODISCARD NONNULL(1);

/** document_tree_close() - end the innermost container
 * @ret_value: when not NULL, the container; shares it (json_object_put() it) */
enum status document_tree_close(struct document_tree *tree,
                                struct document_value *ret_value) NODISCARD NONNULL(1);

/** document_tree_key() - begin a member of the innermost object. ST_DUPLICATE when it has that key
 * @key: @key.len bytes and a NUL behind them; a NUL among them is ST_SYNTAX */
enum status document_tree_key(struct document_tree *tree,
                              struct span key,
                              struct document_place place) NODISCARD NONNULL(1);

/**
 * document_tree_merge_key() - begin YAML's `<<`: the value that comes next is an object, or an
 * array of objects, whose members this object inherits
 *
 * A member written out wins over an inherited one, an earlier element of the array over a later. A
 * second `<<`, and one behind a member that it would inherit, are ST_DUPLICATE: there yaml.v2 lets
 * the inherited member win, the YAML specification the other.
 */
enum status document_tree_merge_key(struct document_tree *tree,
                                    struct document_place place) NODISCARD NONNULL(1);

/**
 * document_tree_scalar() - add a scalar
 * @text:      the string itself when scalar->kind is YAML_KIND_STRING; base64 is decoded before
 * @ret_value: when not NULL, the scalar; shares it
 */
enum status document_tree_scalar(struct document_tree *tree,
                                 const struct yaml_scalar *scalar,
                                 struct span text,
                                 struct document_place place,
                                 struct document_value *ret_value) NODISCARD NONNULL(1, 2);

/** document_tree_repeat() - add a value once more; shares it */
enum status document_tree_repeat(struct document_tree *tree,
                                 const struct document_value *value,
                                 struct document_place place) NODISCARD NONNULL(1, 2);

/** document_tree_count_repeated() - an alias stands for as many nodes, and bytes of keys and
 * strings; ST_LIMIT. document_tree_repeat() does it by itself */
enum status document_tree_count_repeated(struct document_tree *tree,
                                         size_t nodes,
                                         size_t bytes,
                                         struct document_place place) NODISCARD NONNULL(1);

/** document_tree_end_document() - the value just finished is a document: hand it out, unless it is
 * null, and free it. Return: ST_OK; what document_tree.fn returned, with no problem filled */
enum status document_tree_end_document(struct document_tree *tree) NODISCARD NONNULL(1);

/** document_tree_fail() - set the problem. Return: @status */
enum status document_tree_fail(struct document_tree *tree,
                               enum status status,
                               struct document_place place,
                               const char *expected) NODISCARD NONNULL(1, 4);
