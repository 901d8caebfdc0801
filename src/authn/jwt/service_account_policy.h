/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a source of ServiceAccount tokens is believed: what the checks must know of its settings.
 * All-zero serves no issuer, so it believes nothing. Types only; all of it borrows.
 */
#include <stdbool.h>
#include <stddef.h>

#include "authn/jwt/service_account_options.h"
#include "base/span.h"

struct audience_list {
    const struct span *sorted; /* by audiences_sort() */
    size_t count;
};

struct service_account_policy {
    const struct span *issuers; /* of bound tokens; byte for byte */
    size_t issuer_count;
    bool is_foreign; /* another cluster: of the extras only credential-id is kept */
    enum service_account_legacy legacy;
    struct service_account_lookup lookup;
    struct audience_list api_audiences; /* --api-audiences: what a request means that names none */
    struct audience_list audiences;     /* of this source: of this cluster --api-audiences */
    struct span username_prefix;
    struct span group_prefix;
};
