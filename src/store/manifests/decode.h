/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From the text of one manifest to its Secrets. */
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

struct manifest_refusal {
    enum status status;
    unsigned line;
    unsigned column;
    char text[]; /* NUL-terminated */
};

struct manifest_object {
    struct secret *secret; /* owns; is_refused: its names */
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

/** @object: borrows; a Secret that has not been decoded. @position: in the items of the List that
 * the document is, or MANIFEST_NOT_IN_LIST */
typedef enum status manifest_secret_fn(void *ctx, const json_object *object, size_t position);

/** manifest_each_secret() - the Secrets in one document, in its order. Return: ST_OK; ST_TYPE,
 * ST_INVALID, ST_UNSUPPORTED with @reterr_problem for what is no Kubernetes object; what @fn
 * returned other than ST_OK */
enum status manifest_each_secret(const json_object *root,
                                 manifest_secret_fn *fn,
                                 void *ctx,
                                 struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 4);

/**
 * manifest_decode() - the Secrets of a manifest
 * @want_secrets: false: check the form only, take nothing
 * @limits:       its file_objects and file_entries count
 * @digester:     makes their content digests
 *
 * One that secret_decode() refuses is among them with its names, if these can be read. Return:
 * ST_OK; ST_NOMEM; ST_LIMIT, and with @reterr_problem (not its file) what document_parse() and
 * secret_decode() return, and ST_TYPE, ST_INVALID, ST_UNSUPPORTED for what is no Kubernetes object.
 */
enum status manifest_decode(struct span text,
                            bool want_secrets,
                            const struct manifests_limits *limits,
                            struct digester *digester,
                            struct manifest_objects *ret_objects,
                            struct problem *reterr_problem) NODISCARD NONNULL(3, 4, 5, 6);

/** manifest_objects_fini() - wipe and free */
void manifest_objects_fini(struct manifest_objects *objects) NONNULL(1);
