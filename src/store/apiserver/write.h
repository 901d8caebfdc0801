/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Single objects of the API server, one request each. Operations are as store_create() and so on
 * describe them. */
#include <stddef.h>

#include <json-c/json.h>
#include <urcu/list.h>

#include "base/compiler.h"
#include "base/status.h"
#include "store/apiserver/session.h"
#include "store/store.h"

/** What is under way. */
struct remote_writes {
    struct session *session;   /* borrows */
    struct cds_list_head list; /* of struct remote_write */
    size_t count;
};

void remote_writes_init(struct remote_writes *writes, struct session *session) NONNULL(1, 2);

/** remote_writes_fini() - give up what is under way, without `done` */
void remote_writes_fini(struct remote_writes *writes) NONNULL(1);

enum status remote_create(struct remote_writes *writes,
                          enum object_kind kind,
                          const json_object *object,
                          store_done_fn *done,
                          void *ctx) NODISCARD NONNULL(1);
enum status remote_get(struct remote_writes *writes,
                       const struct store_target *target,
                       store_done_fn *done,
                       void *ctx) NODISCARD NONNULL(1);
enum status remote_update(struct remote_writes *writes,
                          enum object_kind kind,
                          const json_object *object,
                          store_done_fn *done,
                          void *ctx) NODISCARD NONNULL(1);
enum status remote_patch(struct remote_writes *writes,
                         const struct store_target *target,
                         const json_object *patch,
                         store_done_fn *done,
                         void *ctx) NODISCARD NONNULL(1);
enum status remote_delete(struct remote_writes *writes,
                          const struct store_target *target,
                          store_done_fn *done,
                          void *ctx) NODISCARD NONNULL(1);
