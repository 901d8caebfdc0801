/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From the text of one manifest to its objects. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "kube/secret.h"
#include "store/manifests/digest.h"
#include "store/manifests/limits.h"
#include "store/store_base.h"

struct manifest_refusal {
    enum status status;
    unsigned line;
    unsigned column;
    char text[]; /* NUL-terminated */
};

struct manifest_object {
    const struct object_kind *kind;
    const struct object_meta *meta; /* is_refused: its names */
    struct secret *secret;          /* owns; NULL: of another kind, or metadata is all of it */
    struct object_meta *plain;      /* owns; NULL: meta is the secret's */
    json_object *json;              /* owns a reference; NULL: nobody wants it, or it is refused */
    struct content_digest content;
    unsigned line;
    unsigned column;
    struct manifest_refusal *refusal; /* owns; why it is refused; NULL: it is not */
};

/** The objects of one file, in its order. All-zero is none. */
struct manifest_objects {
    struct manifest_object *at; /* owns */
    size_t count;
    size_t cap;
    unsigned damage_line; /* of what is no UTF-8 and decides nothing; 0: there is none */
    unsigned damage_column;
};

#define MANIFEST_NOT_IN_LIST SIZE_MAX

/** @object: borrows; not decoded yet. @position: in the items of the List that the document is, or
 * MANIFEST_NOT_IN_LIST */
typedef enum status manifest_object_fn(void *ctx,
                                       const struct store_kind *kind,
                                       const json_object *object,
                                       size_t position);

/** The kinds that are wanted, of which there may be none. */
struct manifest_kinds {
    const struct store_kind *at; /* borrows */
    size_t count;
};

/** manifest_kinds_of() - those that @store's listeners listen to */
static inline struct manifest_kinds manifest_kinds_of(const struct store *store)
{
    return (struct manifest_kinds){ .at = store->kinds, .count = store->kind_count };
}

/** manifest_each() - the objects of @kinds in one document, in its order. Return: ST_OK; ST_TYPE,
 * ST_INVALID, ST_UNSUPPORTED with @reterr_problem for what is no Kubernetes object; what @fn
 * returned other than ST_OK */
enum status manifest_each(const json_object *root,
                          struct manifest_kinds kinds,
                          manifest_object_fn *fn,
                          void *ctx,
                          struct problem *reterr_problem) NODISCARD NONNULL(3, 5);

/**
 * manifest_decode() - the objects of a manifest
 * @kinds:    others are passed over: only their form is checked
 * @limits:   its file_objects, file_entries and file_values count
 * @digester: makes their content digests
 *
 * One that is refused (kube/secret, kube/object_meta) is among them with its names, if these can be
 * read. Return: ST_OK; ST_NOMEM; ST_LIMIT, and with @reterr_problem (not its file) what
 * document_parse() and secret_decode() return, and ST_TYPE, ST_INVALID, ST_UNSUPPORTED for what is
 * no Kubernetes object.
 */
enum status manifest_decode(struct span text,
                            struct manifest_kinds kinds,
                            const struct manifests_limits *limits,
                            struct digester *digester,
                            struct manifest_objects *ret_objects,
                            struct problem *reterr_problem) NODISCARD NONNULL(3, 4, 5, 6);

/** manifest_objects_fini() - wipe and free */
void manifest_objects_fini(struct manifest_objects *objects) NONNULL(1);
