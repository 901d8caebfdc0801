/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The metadata of an object of any kind: who it is, and what others have written on it.
 *
 * As plaintext as the object: kubectl keeps all of what was applied in an annotation. So what is
 * made of it here is wiped when freed.
 */
#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "kube/object_kind.h"

struct object_label {
    struct span key;
    struct span value;
};

struct object_meta {
    struct span name;
    struct span namespace; /* "default" when the manifest names none, as kubectl has it; empty of
                              cluster-scoped kinds */
    struct span uid;       /* empty when unknown */
    struct span resource_version;
    const struct object_label *labels; /* in no order, as are the annotations */
    const struct object_label *annotations;
    size_t label_count;
    size_t annotation_count;
    bool has_deletion_timestamp; /* present and not null, whatever its value */
    struct instant deletion;     /* what it says; 1970 when that cannot be read: who waits for some
                                    time after it has waited long enough */
    bool is_refused; /* of object_meta_read_names(): what else it says is not known, and none of it
                        counts */
};

/**
 * object_meta_read() - the metadata of @root as the API server would take it
 * @ret_meta: its spans borrow @root; labels and annotations are checked and left out:
 *            object_meta_copy() has them
 *
 * metadata.name must be a DNS subdomain, the namespace a DNS label, labels and annotations strings,
 * finalizers a list of them; `immutable`, where the kind has it, a boolean. Return: ST_OK; ST_TYPE,
 * ST_INVALID, ST_SYNTAX with @reterr_problem (position and what was expected, never a value).
 */
enum status object_meta_read(const struct object_kind *kind,
                             const json_object *root,
                             struct object_meta *ret_meta,
                             struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 4);

/** object_meta_read_names() - what is left of an object that is refused: its name and namespace,
 * and whether it is being deleted. Return: as object_meta_read(), when these are refused, too */
enum status object_meta_read_names(const struct object_kind *kind,
                                   const json_object *root,
                                   struct object_meta *ret_meta,
                                   struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 4);

/** What a copy takes. */
struct object_meta_size {
    size_t label_count; /* annotations, too */
    size_t text_len;
};

/** object_meta_measure() - @root: of which @meta was read */
struct object_meta_size object_meta_measure(const struct object_meta *meta,
                                            const json_object *root) NODISCARD NONNULL(1);

/** object_meta_copy() - a copy that borrows @labels and what stands at *@text, which have the room
 * that was measured; *@text is moved behind it */
struct object_meta object_meta_copy(const struct object_meta *meta,
                                    const json_object *root,
                                    struct object_label *labels,
                                    char **text) NODISCARD NONNULL(1, 3, 4);

/** object_meta_decode() - object_meta_read(), with labels and annotations, as a copy of its own.
 * Return: as object_meta_read(); ST_NOMEM. Cost: one allocation */
enum status object_meta_decode(const struct object_kind *kind,
                               const json_object *root,
                               struct object_meta **ret_meta,
                               struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 4);

/** object_meta_decode_names() - the same of object_meta_read_names() */
enum status object_meta_decode_names(const struct object_kind *kind,
                                     const json_object *root,
                                     struct object_meta **ret_meta,
                                     struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 4);

/** object_meta_dup() - a copy of its own; NULL: no memory */
struct object_meta *object_meta_dup(const struct object_meta *meta) NODISCARD NONNULL(1);

/** object_meta_size() - what a copy takes of labels and texts, as object_meta_measure() has it of a
 * tree; object_meta_copy_of() is then object_meta_copy() */
struct object_meta_size object_meta_size(const struct object_meta *meta) NODISCARD NONNULL(1);
struct object_meta object_meta_copy_of(const struct object_meta *meta,
                                       struct object_label *labels,
                                       char **text) NODISCARD NONNULL(1, 2, 3);

/** object_meta_free() - wipe and free; NULL is fine. Return: NULL */
struct object_meta *object_meta_free(struct object_meta *meta);

/** object_label_find() - false when there is none. An empty value is found and has len 0 */
bool object_label_find(const struct object_label *labels,
                       size_t count,
                       const char *key,
                       struct span *ret_value) NONNULL(3, 4);
