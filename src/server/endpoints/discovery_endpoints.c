/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page a path, and for two of them a second form: clients since Kubernetes 1.26 ask for /api and
 * /apis as one aggregated document, by parameters of the media type, and take the older one from
 * servers that do not know it.
 *
 * Hostile: the Accept field, of several the first. It chooses between two documents and is not
 * kept. Threads: made before the workers start, which only read.
 */
#include "server/endpoints/discovery_endpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kube/discovery.h"
#include "kube/openapi.h"

#define JSON_TYPE "application/json"

/* /api, /apis, /openapi/v2, /openapi/v3; a group, a version and its schema for each resource at
 * most
 */
#define PAGES_FIXED        4
#define PAGES_PER_RESOURCE 3

struct page {
    char *path; /* owns */
    struct buf body;
    struct buf aggregated; /* empty: there is no such form */
    const char *type;
};

struct discovery_endpoints {
    size_t count;
    struct page *pages;    /* owns */
    struct endpoint *rows; /* owns */
};

/* --- which form --- */

static bool has_parameter(struct span parameters, struct span wanted)
{
    while (parameters.len > 0) {
        const char *const end = memchr(parameters.at, ';', parameters.len);
        const size_t len = end ? (size_t)(end - parameters.at) : parameters.len;
        struct span one = { .at = parameters.at, .len = len };
        while (one.len > 0 && (*one.at == ' ' || *one.at == '\t')) {
            one = span_after(one, 1);
        }
        while (one.len > 0 && (one.at[one.len - 1] == ' ' || one.at[one.len - 1] == '\t')) {
            one.len--;
        }
        if (one.len == wanted.len && strncasecmp(one.at, wanted.at, wanted.len) == 0) {
            return true;
        }
        parameters = span_after(parameters, end ? len + 1 : len);
    }
    return false;
}

/* One media range: @range up to the comma. */
static bool is_aggregated(struct span range)
{
    const char *const end = range.len > 0 ? memchr(range.at, ';', range.len) : NULL;
    if (!end) {
        return false;
    }
    const struct span parameters = span_after(range, (size_t)(end - range.at));
    return has_parameter(parameters, SPAN_LITERAL("g=apidiscovery.k8s.io")) &&
           has_parameter(parameters, SPAN_LITERAL("v=v2")) &&
           has_parameter(parameters, SPAN_LITERAL("as=APIGroupDiscoveryList")) &&
           !has_parameter(parameters, SPAN_LITERAL("q=0"));
}

static bool asks_for_aggregated(const struct request *request)
{
    struct span value;
    if (request_field(request, "Accept", &value) == 0) {
        return false;
    }
    while (value.len > 0) {
        const char *const end = memchr(value.at, ',', value.len);
        const size_t len = end ? (size_t)(end - value.at) : value.len;
        if (is_aggregated((struct span){ .at = value.at, .len = len })) {
            return true;
        }
        value = span_after(value, end ? len + 1 : len);
    }
    return false;
}

static enum outcome page_endpoint(void *ctx, struct request *request, struct reply *reply)
{
    const struct page *const page = ctx;
    const bool has_forms = page->aggregated.len > 0;
    const bool is_newer = has_forms && asks_for_aggregated(request);
    buf_append(reply->body, buf_span(is_newer ? &page->aggregated : &page->body));
    if (has_forms) {
        reply_add_field(reply, "Vary", "Accept");
    }
    return reply_body(reply, 200, is_newer ? DISCOVERY_AGGREGATED_TYPE : page->type);
}

/* --- making them --- */

static struct page *add_page(struct discovery_endpoints *endpoints, const char *type)
{
    struct page *const page = &endpoints->pages[endpoints->count++];
    page->type = type;
    return page;
}

static void name_page(struct page *page, const char *before, const struct api_resource *of)
{
    if (asprintf(&page->path, "%s/%s/%s", before, of->group, of->version) < 0) {
        page->path = NULL; /* seen when the rows are made */
    }
}

static void make_pages(struct discovery_endpoints *endpoints,
                       struct api_resources resources,
                       const char *version)
{
    struct page *page = add_page(endpoints, JSON_TYPE);
    page->path = strdup("/api");
    discovery_core(&page->body);
    discovery_aggregated_core(&page->aggregated);
    page = add_page(endpoints, JSON_TYPE);
    page->path = strdup("/apis");
    discovery_groups(&page->body, resources);
    discovery_aggregated(&page->aggregated, resources);
    page = add_page(endpoints, OPENAPI_V2_TYPE);
    page->path = strdup("/openapi/v2");
    openapi_v2(&page->body, resources, version);
    struct page *const index = add_page(endpoints, JSON_TYPE);
    index->path = strdup("/openapi/v3");
    buf_append_text(&index->body, "{\"paths\":{");
    for (size_t i = 0; i < resources.count; i++) {
        const struct api_resource *const resource = &resources.rows[i];
        if (api_resource_begins_group(resources, i)) {
            page = add_page(endpoints, JSON_TYPE);
            if (asprintf(&page->path, "/apis/%s", resource->group) < 0) {
                page->path = NULL;
            }
            discovery_group(&page->body, resources, i);
        }
        if (api_resource_begins_version(resources, i)) {
            page = add_page(endpoints, JSON_TYPE);
            name_page(page, "/apis", resource);
            discovery_resources(&page->body, resources, i);
            page = add_page(endpoints, JSON_TYPE);
            name_page(page, "/openapi/v3/apis", resource);
            openapi_v3(&page->body, resources, i, version);
            buf_append_text(&index->body, i > 0 ? "," : "");
            openapi_v3_index(&index->body, resource, buf_span(&page->body));
        }
    }
    buf_append_text(&index->body, "}}");
}

static enum status make_rows(struct discovery_endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        struct page *const page = &endpoints->pages[i];
        if (!page->path || page->body.failed || page->aggregated.failed) {
            return ST_NOMEM;
        }
        endpoints->rows[i] = (struct endpoint){ .path = page->path,
                                                .methods = METHOD_GET | METHOD_HEAD,
                                                .client = ENDPOINT_CLIENT_CERTIFICATE,
                                                .handle = page_endpoint,
                                                .ctx = page };
    }
    return ST_OK;
}

enum status discovery_endpoints_new(struct api_resources resources,
                                    const char *version,
                                    struct discovery_endpoints **ret_endpoints)
{
    const size_t most = PAGES_FIXED + PAGES_PER_RESOURCE * resources.count;
    struct discovery_endpoints *endpoints = calloc(1, sizeof(*endpoints));
    if (!endpoints) {
        return ST_NOMEM;
    }
    enum status status = ST_NOMEM;
    endpoints->pages = calloc(most, sizeof(*endpoints->pages));
    endpoints->rows = calloc(most, sizeof(*endpoints->rows));
    if (endpoints->pages && endpoints->rows) {
        make_pages(endpoints, resources, version);
        status = make_rows(endpoints);
    }
    if (status != ST_OK) {
        (void)discovery_endpoints_free(endpoints);
        return status;
    }
    *ret_endpoints = endpoints;
    return ST_OK;
}

struct discovery_endpoints *discovery_endpoints_free(struct discovery_endpoints *endpoints)
{
    if (endpoints) {
        for (size_t i = 0; i < endpoints->count; i++) {
            free(endpoints->pages[i].path);
            buf_fini(&endpoints->pages[i].body);
            buf_fini(&endpoints->pages[i].aggregated);
        }
        free(endpoints->pages);
        free(endpoints->rows);
        free(endpoints);
    }
    return NULL;
}

const struct endpoint *discovery_endpoints_rows(const struct discovery_endpoints *endpoints,
                                                size_t *ret_count)
{
    *ret_count = endpoints->count;
    return endpoints->rows;
}
