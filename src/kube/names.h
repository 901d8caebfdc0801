/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names that Kubernetes accepts: what may stand in metadata.name and metadata.namespace. */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/span.h"

#define NAME_SUBDOMAIN_MAX 253
#define NAME_LABEL_MAX     63

/** name_is_dns_subdomain() - at most 253 bytes of RFC 1123 labels with dots between them. Source:
 * apimachinery pkg/util/validation IsDNS1123Subdomain */
bool name_is_dns_subdomain(struct span text) NODISCARD;

/** name_is_dns_label() - at most 63 of a-z, 0-9 and inner `-`. Source: IsDNS1123Label */
bool name_is_dns_label(struct span text) NODISCARD;
