/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The schema of the resources, as clients ask for it: OpenAPI v3 in JSON (`kubectl explain`, newer
 * clients), OpenAPI v2 in protobuf (what kubectl checks a manifest with before it sends it).
 *
 * Each function appends one document (check buf->failed), made of kube/api_resource.h.
 * Source: OpenAPI 3.0.0; OpenAPI 2.0 with the field numbers of gnostic's OpenAPIv2.proto; the
 * x-kubernetes-* extensions as kube-apiserver writes them.
 */
#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"
#include "kube/api_resource.h"

#define OPENAPI_V2_TYPE "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

/** openapi_v3() - /openapi/v3/apis/GROUP/VERSION: those of row @first's group and version
 * @version: of this server, for people */
void openapi_v3(struct buf *buf, struct api_resources resources, size_t first, const char *version)
    NONNULL(1, 4);

/** openapi_v3_index() - append one entry of /openapi/v3, `"apis/GROUP/VERSION":{…}`
 * @document: what openapi_v3() has made of it: clients keep it until its hash changes */
void openapi_v3_index(struct buf *buf, const struct api_resource *resource, struct span document)
    NONNULL(1, 2);

/** openapi_v2() - /openapi/v2 */
void openapi_v2(struct buf *buf, struct api_resources resources, const char *version) NONNULL(1, 3);
