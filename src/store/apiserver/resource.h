/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How the API names kinds and objects: in paths, and in the objects themselves. */
#include <json-c/json.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"
#include "store/store.h"

/* One object as JSON. The API server takes requests of 3 MiB at most, and writes six bytes for one
 * where it has to escape it: were this less, whoever may create one object could keep us from
 * reading all others. */
#define RESOURCE_MAX_BYTES 20971520

/** resource_path() - append "/api/v1/namespaces/NAMESPACE/secrets/NAME", or
 * "/apis/GROUP/VERSION/…"
 * @namespace: empty: of all namespaces, or of the cluster; @name: empty: the collection. Both have
 * been checked (kube/names.h) or are ours */
void resource_path(struct buf *buf,
                   const struct object_kind *kind,
                   struct span namespace,
                   struct span name) NONNULL(1, 2);

/** resource_text() - member @key of @object, when it is an object and that a string; empty
 * otherwise. Borrows @object, which may be NULL */
struct span resource_text(const json_object *object, const char *key) NONNULL(2);

/** resource_metadata() - metadata of @object, when both are objects; NULL otherwise */
const json_object *resource_metadata(const json_object *object);
