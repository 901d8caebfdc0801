/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Flags and serviceAccountIssuers in the one shape that the family and the engine take. */
#include "authn/authenticator.h"
#include "authn/jwt/service_account_options.h"
#include "base/compiler.h"
#include "base/span.h"
#include "cli/options.h"

/** What the sources borrow beside the options. */
struct service_account_sources {
    struct service_account_source sources[SERVICE_ACCOUNT_SOURCES_MAX];
    struct span issuers[OPTION_LIST_MAX]; /* of this cluster */
    struct span audiences[API_AUDIENCES_MAX];
};

/** service_account_sources_from() - *@ret_options borrows @options, which are checked, and
 * @ret_sources, which stays where it is */
void service_account_sources_from(const struct options *options,
                                  struct service_account_sources *ret_sources,
                                  struct service_account_options *ret_options) NONNULL(1, 2, 3);
