/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What an API server says of its resources, so that kubectl and typed clients find them: lists of
 * groups, versions and resources, made of kube/api_resource.h.
 *
 * Each function appends one JSON document (check buf->failed). Rows of one group and version stand
 * together.
 * Source: Kubernetes meta/v1 APIVersions, APIGroupList, APIGroup, APIResourceList;
 * apidiscovery.k8s.io/v2 APIGroupDiscoveryList.
 */
#include "base/buf.h"
#include "base/compiler.h"
#include "kube/api_resource.h"

/* The media type of the aggregated form; without it clients take a reply for the older one. */
#define DISCOVERY_AGGREGATED_TYPE \
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

/** discovery_core() - /api: there is no core group here */
void discovery_core(struct buf *buf) NONNULL(1);

/** discovery_groups() - /apis: every group */
void discovery_groups(struct buf *buf, struct api_resources resources) NONNULL(1);

/** discovery_group() - /apis/GROUP: the group of row @first */
void discovery_group(struct buf *buf, struct api_resources resources, size_t first) NONNULL(1);

/** discovery_resources() - /apis/GROUP/VERSION: those of row @first's group and version */
void discovery_resources(struct buf *buf, struct api_resources resources, size_t first) NONNULL(1);

/** discovery_aggregated() - /apis in one document, as clients since 1.26 ask for it */
void discovery_aggregated(struct buf *buf, struct api_resources resources) NONNULL(1);

/** discovery_aggregated_core() - /api in that form */
void discovery_aggregated_core(struct buf *buf) NONNULL(1);
