/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One or two documents, one after the other.
 *
 *     discovery_url --- issuer is the one, jwks_uri ---> JWKS
 *     jwks_url -----------------------------------------> JWKS
 *     access: /openid/v1/jwks, with credentials --------> JWKS
 *
 * The discovery document is read each time: an issuer that moves its keys is followed, and there is
 * one way only. Credentials go to the API server that the kubeconfig names, and nowhere else
 * (io/http/fetch.h); a discovery document names no server that gets any.
 *
 * Untrusted: the servers, and where they say that keys are. Threads: the loop's.
 */
#include "keys/key_fetch.h"

#include <stdlib.h>

#include <uv.h>

#include "base/pem.h"
#include "io/file/read.h"
#include "io/http/fetch.h"
#include "jose/key_set.h"
#include "keys/openid_configuration.h"
#include "kube/cluster_access.h"

/* Of an API server (Kubernetes: "ServiceAccount issuer discovery"). */
#define CLUSTER_JWKS_PATH "/openid/v1/jwks"

/* RFC 7517 8.5.2; most servers say application/json whatever is asked. */
#define JWKS_MEDIA_TYPES "application/jwk-set+json, application/json"

#define NS_PER_MS 1000000

struct key_fetch {
    struct http_client *client;            /* borrows */
    const struct key_fetch_target *target; /* borrows */
    struct file_content ca;                /* of target->ca_file */
    struct http_fetch *http;
    char *jwks_uri; /* owns; what discovery has said; NULL: it has not, or was not asked */
    uint64_t due_ns;
    key_fetch_fn *done;
    void *ctx;
};

static struct key_fetch *fetch_free(struct key_fetch *fetch)
{
    if (fetch) {
        file_content_fini(&fetch->ca);
        free(fetch->jwks_uri);
        free(fetch);
    }
    return NULL;
}

static void finish(struct key_fetch *fetch, const struct key_fetch_result *result)
{
    fetch->done(fetch->ctx, result);
    (void)fetch_free(fetch);
}

/* What is asked now, for people. */
static const char *url_of(const struct key_fetch *fetch)
{
    const struct key_fetch_target *const target = fetch->target;
    if (target->access) {
        return cluster_access_endpoint(target->access)->url;
    }
    if (target->jwks_url) {
        return target->jwks_url;
    }
    return fetch->jwks_uri ? fetch->jwks_uri : target->discovery_url;
}

static enum status read_ca(const struct key_fetch_target *target,
                           struct file_content *ret_content,
                           struct problem *reterr_problem)
{
    struct span pem = target->ca_pem;
    enum status status = ST_OK;
    if (target->ca_file) {
        status = file_read_published(target->ca_file, KEY_FETCH_CA_MAX_BYTES, ret_content,
                                     reterr_problem);
        pem = (struct span){ .at = ret_content->at, .len = ret_content->len };
    }
    if (status == ST_OK && (target->ca_file || pem.len)) {
        status = pem_check_certificates(pem);
        if (status != ST_OK) {
            problem_set(reterr_problem, status, 0, 0,
                        "the certificate authority: expected certificates in PEM, all of them "
                        "readable");
        }
    }
    if (status != ST_OK && target->ca_file) {
        problem_set_file(reterr_problem, target->ca_file);
    }
    return status;
}

enum status key_fetch_check_ca(const struct key_fetch_target *target,
                               struct problem *reterr_problem)
{
    CLEANUP(file_content_fini) struct file_content content = { 0 };
    return target->access ? ST_OK : read_ca(target, &content, reterr_problem);
}

static void on_document(void *ctx,
                        const struct http_result *result,
                        const struct http_document *document);

static enum status ask(struct key_fetch *fetch,
                       const struct http_endpoint *endpoint,
                       struct http_fetch_request request,
                       struct problem *reterr_problem)
{
    const uint64_t now_ns = uv_hrtime();
    request.endpoint = endpoint;
    request.timeout_ms = fetch->due_ns > now_ns ? (fetch->due_ns - now_ns) / NS_PER_MS : 0;
    request.on_done = on_document;
    request.ctx = fetch;
    const enum status status =
        http_fetch_start(fetch->client, &request, &fetch->http, reterr_problem);
    if (status != ST_OK) {
        problem_set_file(reterr_problem, url_of(fetch));
    }
    return status;
}

static enum status ask_url(struct key_fetch *fetch,
                           const char *accept,
                           size_t max_bytes,
                           struct problem *reterr_problem)
{
    const struct key_fetch_target *const target = fetch->target;
    const struct http_endpoint endpoint = {
        .url = url_of(fetch),
        .ca_pem = target->ca_file ? (struct span){ .at = fetch->ca.at, .len = fetch->ca.len }
                                  : target->ca_pem,
    };
    return ask(fetch, &endpoint,
               (struct http_fetch_request){ .accept = accept, .max_bytes = max_bytes },
               reterr_problem);
}

static enum status ask_cluster(struct key_fetch *fetch, struct problem *reterr_problem)
{
    struct cluster_access *const access = fetch->target->access;
    struct problem stale = { 0 };
    bool has_changed = false;
    /* What cannot be read leaves what was read before: the server's answer says whether it does. */
    const enum status status = cluster_access_refresh(access, &has_changed, &stale);
    if (status == ST_NOMEM) {
        return ST_NOMEM;
    }
    return ask(fetch, cluster_access_endpoint(access),
               (struct http_fetch_request){
                   .path = CLUSTER_JWKS_PATH,
                   .accept = JWKS_MEDIA_TYPES,
                   .authorization = cluster_access_authorization(access),
                   .max_bytes = KEY_SET_MAX_BYTES,
               },
               reterr_problem);
}

static enum status begin(struct key_fetch *fetch, struct problem *reterr_problem)
{
    const struct key_fetch_target *const target = fetch->target;
    if (target->access) {
        return ask_cluster(fetch, reterr_problem);
    }
    const enum status status = read_ca(target, &fetch->ca, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    return target->jwks_url
               ? ask_url(fetch, JWKS_MEDIA_TYPES, KEY_SET_MAX_BYTES, reterr_problem)
               : ask_url(fetch, "application/json", OPENID_CONFIGURATION_MAX_BYTES, reterr_problem);
}

/* The discovery document. */
static enum status follow(struct key_fetch *fetch,
                          const struct http_document *document,
                          struct problem *reterr_problem)
{
    struct span uri = { 0 };
    char nothing[1];
    enum status status =
        openid_configuration_parse(document->len ? document->at : nothing, document->len,
                                   span_of(fetch->target->issuer), &uri, reterr_problem);
    if (status != ST_OK) {
        problem_set_file(reterr_problem, url_of(fetch));
        return status;
    }
    fetch->jwks_uri = span_copy(uri);
    return fetch->jwks_uri ? ask_url(fetch, JWKS_MEDIA_TYPES, KEY_SET_MAX_BYTES, reterr_problem)
                           : ST_NOMEM;
}

static void on_document(void *ctx,
                        const struct http_result *result,
                        const struct http_document *document)
{
    struct key_fetch *fetch = ctx;
    struct key_fetch_result told = {
        .status = result->status,
        .code = result->code,
        .retry_after_sec = result->has_retry_after ? result->retry_after_sec : 0,
        .fresh_sec = document->max_age_sec,
    };
    fetch->http = NULL;
    if (result->status != ST_OK) {
        problem_set(&told.problem, result->status, 0, 0, "%s", result->text);
        problem_set_file(&told.problem, url_of(fetch));
    } else if (fetch->target->discovery_url && !fetch->jwks_uri) {
        told.status = follow(fetch, document, &told.problem);
        if (told.status == ST_OK) {
            return;
        }
    } else {
        told.jwks = (struct span){ .at = document->at, .len = document->len };
    }
    finish(fetch, &told);
}

enum status key_fetch_start(struct http_client *client,
                            const struct key_fetch_target *target,
                            key_fetch_fn *done,
                            void *ctx,
                            struct key_fetch **ret_fetch,
                            struct problem *reterr_problem)
{
    struct key_fetch *fetch = calloc(1, sizeof(*fetch));
    if (!fetch) {
        return ST_NOMEM;
    }
    *fetch = (struct key_fetch){
        .client = client,
        .target = target,
        .due_ns = uv_hrtime() + target->timeout_ms * NS_PER_MS,
        .done = done,
        .ctx = ctx,
    };
    const enum status status = begin(fetch, reterr_problem);
    if (status != ST_OK) {
        (void)fetch_free(fetch);
        return status;
    }
    *ret_fetch = fetch;
    return ST_OK;
}

struct key_fetch *key_fetch_cancel(struct key_fetch *fetch)
{
    if (fetch) {
        fetch->http = http_fetch_cancel(fetch->http);
    }
    return fetch_free(fetch);
}
