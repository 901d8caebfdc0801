/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* store_write() by its verbs, for tests that have one line for each. */
#include "store/store.h"

static inline enum status store_create(struct store *store,
                                       const struct object_kind *kind,
                                       const json_object *object,
                                       store_done_fn *done,
                                       void *ctx)
{
    const struct store_write write = {
        .verb = STORE_CREATE, .target = { .kind = kind }, .object = object, .done = done, .ctx = ctx
    };
    return store_write(store, &write);
}

static inline enum status store_get(struct store *store,
                                    const struct store_target *target,
                                    store_done_fn *done,
                                    void *ctx)
{
    const struct store_write write = {
        .verb = STORE_GET, .target = *target, .done = done, .ctx = ctx
    };
    return store_write(store, &write);
}

static inline enum status store_update(struct store *store,
                                       const struct object_kind *kind,
                                       const json_object *object,
                                       store_done_fn *done,
                                       void *ctx)
{
    const struct store_write write = {
        .verb = STORE_UPDATE, .target = { .kind = kind }, .object = object, .done = done, .ctx = ctx
    };
    return store_write(store, &write);
}

static inline enum status store_patch(struct store *store,
                                      const struct store_target *target,
                                      const json_object *patch,
                                      store_done_fn *done,
                                      void *ctx)
{
    const struct store_write write = {
        .verb = STORE_PATCH, .target = *target, .object = patch, .done = done, .ctx = ctx
    };
    return store_write(store, &write);
}

static inline enum status store_delete(struct store *store,
                                       const struct store_target *target,
                                       store_done_fn *done,
                                       void *ctx)
{
    const struct store_write write = {
        .verb = STORE_DELETE, .target = *target, .done = done, .ctx = ctx
    };
    return store_write(store, &write);
}
