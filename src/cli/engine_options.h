/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Checked options in the shape that the engine, the store and the TLS side take: the same for
 * serve, check-config and review. */
#include "base/compiler.h"
#include "cli/options.h"
#include "cli/service_account_sources.h"
#include "engine/engine.h"
#include "server/tls/tls.h"

/** What the options of an engine borrow beside the operator's. */
struct engine_room {
    struct span audiences[API_AUDIENCES_MAX];
    struct service_account_sources service_account_sources;
    struct service_account_options service_accounts;
    struct engine_cluster_options clusters[SERVICE_ACCOUNT_OTHERS_MAX];
};

/** engine_options_from() - *@ret_engine borrows @options, @ret_room, and the environment, which
 * says where a pod's API server is; the first two live as long as the engine, and stay where they
 * are. No callbacks are set; files settle by the system's clock, whatever --at says. Return: ST_OK;
 * ST_NOT_FOUND for a group that the machine does not know, ST_INVALID for one that is no number,
 * with @reterr_problem; ST_NOMEM */
enum status engine_options_from(const struct options *options,
                                struct engine_room *ret_room,
                                struct engine_options *ret_engine,
                                struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/** tls_options_from() - *@ret_tls borrows @options; the clock is the system's */
void tls_options_from(const struct options *options, struct tls_options *ret_tls) NONNULL(1, 2);
