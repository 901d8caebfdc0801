/* SPDX-License-Identifier: Apache-2.0 */
/* Discovery documents. Texts are our own rows: names that need no escaping. No threads, no state.
 */
#include "kube/discovery.h"

#include <string.h>

static bool is_same_group(const struct api_resource *a, const struct api_resource *b)
{
    return strcmp(a->group, b->group) == 0;
}

/* `"create","get"` */
static void append_verbs(struct buf *buf, const struct api_resource *resource)
{
    for (size_t i = 0; resource->verbs[i]; i++) {
        buf_printf(buf, "%s\"%s\"", i > 0 ? "," : "", resource->verbs[i]);
    }
}

void discovery_core(struct buf *buf)
{
    buf_append_text(buf,
                    "{\"kind\":\"APIVersions\",\"versions\":[],\"serverAddressByClientCIDRs\":[]}");
}

static void append_group_version(struct buf *buf, const struct api_resource *resource)
{
    buf_printf(buf, "{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}", resource->group,
               resource->version, resource->version);
}

/* `"name":…,"versions":[…],"preferredVersion":…` */
static void append_group(struct buf *buf, struct api_resources resources, size_t first)
{
    const struct api_resource *const group = &resources.rows[first];
    buf_printf(buf, "\"name\":\"%s\",\"versions\":[", group->group);
    for (size_t i = first; i < resources.count && is_same_group(group, &resources.rows[i]); i++) {
        if (api_resource_begins_version(resources, i)) {
            buf_append_text(buf, i > first ? "," : "");
            append_group_version(buf, &resources.rows[i]);
        }
    }
    buf_append_text(buf, "],\"preferredVersion\":");
    append_group_version(buf, group);
}

void discovery_groups(struct buf *buf, struct api_resources resources)
{
    buf_append_text(buf, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
    for (size_t i = 0; i < resources.count; i++) {
        if (api_resource_begins_group(resources, i)) {
            buf_append_text(buf, i > 0 ? ",{" : "{");
            append_group(buf, resources, i);
            buf_append_char(buf, '}');
        }
    }
    buf_append_text(buf, "]}");
}

void discovery_group(struct buf *buf, struct api_resources resources, size_t first)
{
    buf_append_text(buf, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
    append_group(buf, resources, first);
    buf_append_char(buf, '}');
}

void discovery_resources(struct buf *buf, struct api_resources resources, size_t first)
{
    const struct api_resource *const version = &resources.rows[first];
    buf_printf(buf,
               "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s/%s\","
               "\"resources\":[",
               version->group, version->version);
    for (size_t i = first; i < resources.count && api_resource_is_of(version, &resources.rows[i]);
         i++) {
        const struct api_resource *const resource = &resources.rows[i];
        buf_printf(buf,
                   "%s{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\","
                   "\"verbs\":[",
                   i > first ? "," : "", resource->plural, resource->singular,
                   resource->is_namespaced ? "true" : "false", resource->kind);
        append_verbs(buf, resource);
        buf_append_text(buf, "]}");
    }
    buf_append_text(buf, "]}");
}

static void append_discovered(struct buf *buf, const struct api_resource *resource)
{
    buf_printf(buf,
               "{\"resource\":\"%s\",\"responseKind\":{\"group\":\"%s\",\"version\":\"%s\","
               "\"kind\":\"%s\"},\"scope\":\"%s\",\"singularResource\":\"%s\",\"verbs\":[",
               resource->plural, resource->group, resource->version, resource->kind,
               resource->is_namespaced ? "Namespaced" : "Cluster", resource->singular);
    append_verbs(buf, resource);
    buf_append_text(buf, "]}");
}

static void append_aggregated_head(struct buf *buf)
{
    buf_append_text(buf, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":"
                         "\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[");
}

void discovery_aggregated(struct buf *buf, struct api_resources resources)
{
    append_aggregated_head(buf);
    for (size_t i = 0; i < resources.count; i++) {
        const struct api_resource *const resource = &resources.rows[i];
        if (api_resource_begins_group(resources, i)) {
            buf_printf(buf, "%s{\"metadata\":{\"name\":\"%s\"},\"versions\":[", i > 0 ? "," : "",
                       resource->group);
        }
        if (api_resource_begins_version(resources, i)) {
            buf_printf(buf, "%s{\"version\":\"%s\",\"freshness\":\"Current\",\"resources\":[",
                       api_resource_begins_group(resources, i) ? "" : ",", resource->version);
        } else {
            buf_append_char(buf, ',');
        }
        append_discovered(buf, resource);
        const bool ends_version =
            i + 1 == resources.count || api_resource_begins_version(resources, i + 1);
        const bool ends_group =
            i + 1 == resources.count || api_resource_begins_group(resources, i + 1);
        buf_append_text(buf, ends_version ? "]}" : "");
        buf_append_text(buf, ends_group ? "]}" : "");
    }
    buf_append_text(buf, "]}");
}

void discovery_aggregated_core(struct buf *buf)
{
    append_aggregated_head(buf);
    buf_append_text(buf, "]}");
}
