/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The documents by which clients find the resources: /api, /apis and what is below, /openapi/v2 and
 * /openapi/v3. All of them are made at the start, from the rows of kube/api_resource.h.
 */
#include "base/compiler.h"
#include "base/status.h"
#include "kube/api_resource.h"
#include "server/http/endpoint.h"

struct discovery_endpoints;

/** discovery_endpoints_new() - @version: of this server, for people. Return: ST_OK; ST_NOMEM */
enum status discovery_endpoints_new(struct api_resources resources,
                                    const char *version,
                                    struct discovery_endpoints **ret_endpoints) NODISCARD
    NONNULL(2, 3);

/** discovery_endpoints_free() - no worker may be left. NULL is fine. Return: NULL */
struct discovery_endpoints *discovery_endpoints_free(struct discovery_endpoints *endpoints);

/** discovery_endpoints_rows() - with the same right to ask as for reviews; borrows @endpoints */
const struct endpoint *discovery_endpoints_rows(const struct discovery_endpoints *endpoints,
                                                size_t *ret_count) NONNULL(1, 2);
