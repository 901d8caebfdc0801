/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Checked options in the shape that the engine, the store and the TLS side take: the same for
 * serve, check-config and review. */
#include "authn/authenticator.h"
#include "base/compiler.h"
#include "cli/options.h"
#include "server/tls.h"
#include "store/open/open.h"

/** engine_options_from() - @ret_audiences: storage that *@ret_engine borrows, as it borrows
 * @options; no callbacks are set */
void engine_options_from(const struct options *options,
                         struct span ret_audiences[static API_AUDIENCES_MAX],
                         struct authenticator_options *ret_engine) NONNULL(1, 3);

/** store_sources_from() - *@ret_sources borrows @options and the environment, which says where a
 * pod's API server is; no callbacks are set; the clock is the system's. Return: ST_OK; ST_NOT_FOUND
 * for a group that the machine does not know, ST_INVALID for one that is no number, with
 * @reterr_problem; ST_NOMEM */
enum status store_sources_from(const struct options *options,
                               struct store_sources *ret_sources,
                               struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** tls_options_from() - *@ret_tls borrows @options; the clock is the system's */
void tls_options_from(const struct options *options, struct tls_options *ret_tls) NONNULL(1, 2);
