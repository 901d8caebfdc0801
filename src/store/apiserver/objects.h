/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What of one request has been told to its listeners, so that they hear only what is news. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"
#include "base/table.h"
#include "store/apiserver/session.h"
#include "store/store.h"
#include "store/store_base.h"

struct remote_objects {
    struct session *session; /* borrows */
    struct store_kind kind;  /* what its listeners want of it */
    uint8_t listeners;       /* whom to tell: store_tell_to() */
    bool is_counted;         /* no other request brings the same */
    struct table table;      /* of struct remote_object; owns them */
    uint32_t generation;     /* of the list that is being read, or was last */
    size_t wrong_count;      /* objects that cannot be decoded */
};

enum status remote_objects_init(struct remote_objects *objects,
                                struct session *session,
                                const struct store_request *request) NODISCARD NONNULL(1, 2, 3);
void remote_objects_fini(struct remote_objects *objects) NONNULL(1);

/** remote_objects_begin_list() - what is not put again before remote_objects_end_list() is gone */
void remote_objects_begin_list(struct remote_objects *objects) NONNULL(1);
void remote_objects_end_list(struct remote_objects *objects) NONNULL(1);

/**
 * remote_objects_put() - @object is as the server has it now; tells the listeners if that is news
 *
 * One that cannot be decoded counts as gone, since what changed may be a revocation, and is
 * reported. Return: ST_OK, also then; ST_SYNTAX: it has no name; ST_LIMIT: there are too many
 * objects; ST_NOMEM: what was told of it before has been taken back.
 */
enum status remote_objects_put(struct remote_objects *objects, const json_object *object) NODISCARD
    NONNULL(1, 2);

/** remote_objects_remove() - @object, as it was last, is gone. Return: ST_OK; ST_SYNTAX: no name */
enum status remote_objects_remove(struct remote_objects *objects,
                                  const json_object *object) NODISCARD NONNULL(1, 2);

/** remote_objects_forget() - tell this one anew when it is put next. Return: is it there? */
bool remote_objects_forget(struct remote_objects *objects, struct span namespace, struct span name)
    NONNULL(1);
