/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds that this program knows by itself, a row each.
 *
 * Untrusted: names and apiVersions, which are whatever a file or a peer says. Threads: any; nothing
 * is kept.
 */
#include "kube/object_kind.h"

#include <stdio.h>
#include <string.h>

static const char *const frozen_data[] = { "data", "binaryData", NULL };

const struct object_kind kind_secret = {
    .group = "",
    .version = "v1",
    .name = "Secret",
    .plural = "secrets",
    .is_secret = true,
    .frozen = frozen_data,
};

const struct object_kind kind_config_map = {
    .group = "",
    .version = "v1",
    .name = "ConfigMap",
    .plural = "configmaps",
    .frozen = frozen_data,
};

const struct object_kind kind_service_account = {
    .group = "",
    .version = "v1",
    .name = "ServiceAccount",
    .plural = "serviceaccounts",
};

const struct object_kind kind_pod = {
    .group = "",
    .version = "v1",
    .name = "Pod",
    .plural = "pods",
};

const struct object_kind kind_node = {
    .group = "",
    .version = "v1",
    .name = "Node",
    .plural = "nodes",
    .is_cluster_scoped = true,
};

struct object_api_version object_api_version(const struct object_kind *kind)
{
    struct object_api_version version;
    (void)snprintf(version.text, sizeof(version.text), "%s%s%s", kind->group,
                   kind->group[0] ? "/" : "", kind->version); /* ours: it fits */
    return version;
}

bool object_kind_has_group(const struct object_kind *kind, struct span api_version)
{
    const char *slash = api_version.len ? memchr(api_version.at, '/', api_version.len) : NULL;
    const struct span group = {
        .at = api_version.at,
        .len = slash ? (size_t)(slash - api_version.at) : 0,
    };
    return span_equal(group, span_of(kind->group));
}

struct shown_object shown_object_of(const struct object_kind *kind,
                                    struct span namespace,
                                    struct span name)
{
    struct shown_object shown;
    const struct shown_name shown_namespace = shown_name_of(namespace);
    const struct shown_name shown_name = shown_name_of(name);
    (void)snprintf(shown.text, sizeof(shown.text), "%s %s%s%s", kind->name, shown_namespace.text,
                   kind->is_cluster_scoped ? "" : "/", shown_name.text); /* kinds are short */
    return shown;
}
