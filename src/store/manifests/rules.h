/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What may be written, and what the API server would make of it. */
#include <json-c/json.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "store/store.h"

/** rules_names() - the name and the namespace that @object says, "default" for none, and
 * none for what is in no namespace. Borrow it; empty when they are not there */
void rules_names(const struct object_kind *kind,
                 const json_object *object,
                 struct span *ret_namespace,
                 struct span *ret_name) NONNULL(1, 3, 4);

/** rules_complete() - what the API server fills in: apiVersion, kind, namespace; of a Secret type,
 * and stringData becomes part of data. @object: may be changed; decodes. Return: ST_OK; ST_NOMEM */
enum status rules_complete(const struct object_kind *kind, json_object *object) NODISCARD
    NONNULL(1, 2);

/** rules_create() - check and complete a new object, and give it a uid. Return: ST_OK; ST_INVALID
 * with @reterr_problem; ST_NOMEM. On failure @object may be half changed, as below */
enum status rules_create(const struct object_kind *kind,
                         json_object *object,
                         struct instant now,
                         struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 4);

/**
 * rules_update() - check and complete @object, which is to replace @old
 * @old: complete, with its metadata.resourceVersion
 *
 * Return: ST_OK; ST_CONFLICT when uid or resourceVersion are others; ST_INVALID for what cannot be
 * changed, and what is no such object; ST_NOMEM
 */
enum status rules_update(const struct object_kind *kind,
                         json_object *object,
                         const json_object *old,
                         struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/** rules_adopt() - give @object, which is complete, a uid and a creation time where it has none.
 * Return: ST_OK; ST_NOMEM */
enum status rules_adopt(json_object *object, struct instant now) NODISCARD NONNULL(1);

/** rules_expect() - is @object still what @target asks for? Return: ST_OK; ST_CONFLICT */
enum status rules_expect(const json_object *object,
                         const struct store_target *target,
                         struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);
