/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What readyz says of the store: figures in, a line for people out. Anybody may read that page, so
 * only texts of ours and times go into it. */
#include "base/compiler.h"
#include "server/endpoints/health.h"
#include "store/store.h"

/** store_remark_before_sync() - why informer-sync fails: not complete, and what went wrong last */
void store_remark_before_sync(const struct store_stats *stats,
                              char ret_remark[static HEALTH_REMARK_MAX]) NONNULL(1);

/** store_remark_cluster() - of a further cluster: as store_remark(), and before the first sync that
 * its tokens get an error */
void store_remark_cluster(const struct store_stats *stats,
                          char ret_remark[static HEALTH_REMARK_MAX]) NONNULL(1);

/** store_remark() - what to know of a store that is answered from: lost contact, wrong inputs, and
 * manifests that others can change; leaves @ret_remark alone when all is well, and before the first
 * sync with an API server */
void store_remark(const struct store_stats *stats, char ret_remark[static HEALTH_REMARK_MAX])
    NONNULL(1);
