/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes itself as a store.
 *
 * Each interest of the listeners is followed by a reflector (store/apiserver/reflector.c), which
 * lists and watches just what that interest names: a cluster with 100,000 other Secrets costs
 * nothing. While the server is away everything stays as it was last known; how long that is shows
 * in the figures.
 *
 * Untrusted: the network, up to TLS. Behind it the server is trusted to say who may log in, since
 * that is what it is asked for, but not to be well-behaved: objects, replies and times are bounded,
 * and its texts are fit for a log before they get there.
 *
 * Credentials are read again before each request, as tokens and certificates rotate. Threads: the
 * loop's; store_stats() reads atomics.
 */
#include "store/apiserver/apiserver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "document/edit.h"
#include "store/apiserver/private.h"

#define HEADER_MAX 4 /* Accept, User-Agent, Authorization, Content-Type */

static const struct {
    const char *prefix; /* of the API group */
    const char *plural;
} kinds[OBJECT_KIND_COUNT_] = {
    [OBJECT_SECRET] = { "/api/v1", "secrets" },
};

struct apiserver *apiserver_of(struct store *store)
{
    return CONTAINER_OF(store, struct apiserver, base);
}

struct span apiserver_text(const json_object *object, const char *key)
{
    return document_text(json_object_object_get(object, key)); /* NULL of what is no object */
}

const json_object *apiserver_metadata(const json_object *object)
{
    const json_object *metadata = json_object_object_get(object, "metadata");
    return json_object_is_type(metadata, json_type_object) ? metadata : NULL;
}

const char *apiserver_plural(enum object_kind kind)
{
    return kinds[kind].plural;
}

void apiserver_path(struct buf *buf, enum object_kind kind, struct span namespace, struct span name)
{
    buf_append_text(buf, kinds[kind].prefix);
    if (namespace.len > 0) {
        buf_append_text(buf, "/namespaces/");
        buf_append(buf, namespace);
    }
    buf_append_char(buf, '/');
    buf_append_text(buf, kinds[kind].plural);
    if (name.len > 0) {
        buf_append_char(buf, '/');
        buf_append(buf, name);
    }
}

/* --- problems and figures --- */

void apiserver_note_state(struct apiserver *apiserver)
{
    struct store_counters *counters = &apiserver->base.counters;
    bool is_connected = apiserver->reflector_count > 0;
    bool is_synced = true;
    uint64_t problems = apiserver->stale_credentials.status != ST_OK;
    enum status failure = ST_OK;
    for (size_t i = 0; i < apiserver->reflector_count; i++) {
        const struct reflector *reflector = apiserver->reflectors[i];
        is_connected = is_connected && reflector_is_connected(reflector);
        is_synced = is_synced && reflector_is_synced(reflector);
        failure = failure != ST_OK ? failure : reflector_last_failure(reflector);
        problems += reflector_problem_count(reflector);
    }
    atomic_store_explicit(&counters->is_connected, is_connected, memory_order_relaxed);
    atomic_store_explicit(&counters->problems, problems, memory_order_relaxed);
    atomic_store_explicit(&counters->last_failure, failure, memory_order_relaxed);
    if (is_synced && apiserver->loop) {
        store_tell_synced(&apiserver->base);
    }
}

void apiserver_note_contact(struct apiserver *apiserver)
{
    atomic_store_explicit(&apiserver->base.counters.last_contact_sec,
                          clock_now(&apiserver->options.clock).sec, memory_order_relaxed);
}

static void tell_problem(const struct apiserver *apiserver,
                         problem_fn *fn,
                         const struct problem *problem)
{
    struct problem named = *problem;
    problem_set_file(&named, cluster_access_endpoint(apiserver->options.access)->url);
    if (fn) {
        fn(apiserver->options.ctx, &named);
    }
}

void apiserver_report(struct apiserver *apiserver, const struct problem *problem)
{
    tell_problem(apiserver, apiserver->options.on_problem, problem);
    apiserver_note_state(apiserver);
}

void apiserver_resolved(struct apiserver *apiserver, const struct problem *problem)
{
    tell_problem(apiserver, apiserver->options.on_resolved, problem);
    apiserver_note_state(apiserver);
}

/* --- requests --- */

/* What cannot be read keeps what was read before: the next request tries again. */
static enum status refresh_credentials(struct apiserver *apiserver,
                                       bool *ret_changed,
                                       struct problem *reterr_problem)
{
    const struct apiserver_options *options = &apiserver->options;
    struct problem *stale = &apiserver->stale_credentials;
    bool has_changed = false;
    const enum status status =
        cluster_access_refresh(options->access, &has_changed, reterr_problem);
    if (status != ST_OK && stale->status == ST_OK) {
        *stale = *reterr_problem; /* its file is the one that cannot be read */
        stale->status = status;
        if (options->on_problem) {
            options->on_problem(options->ctx, stale);
        }
        apiserver_note_state(apiserver);
    } else if (status == ST_OK && stale->status != ST_OK) {
        stale->status = ST_OK;
        if (options->on_resolved) {
            options->on_resolved(options->ctx, stale);
        }
        apiserver_note_state(apiserver);
    }
    if (has_changed) {
        http_client_drop_idle(apiserver->client);
    }
    *ret_changed = has_changed;
    return status;
}

enum status apiserver_request(struct apiserver *apiserver,
                              struct http_request *request,
                              const char *content_type,
                              struct http_transfer **ret_transfer,
                              struct problem *reterr_problem)
{
    char agent[128];
    char type[128];
    const char *headers[HEADER_MAX] = { "Accept: application/json", agent };
    size_t count = 2;
    bool has_changed = false;
    struct problem stale = { 0 };
    (void)refresh_credentials(apiserver, &has_changed, &stale); /* it has told what is wrong */
    /* texts of ours: they fit */
    (void)snprintf(agent, sizeof(agent), "User-Agent: kube-bearer/%s (%s)", version_number(),
                   version_platform());
    const char *authorization = cluster_access_authorization(apiserver->options.access);
    if (authorization) {
        headers[count++] = authorization;
    }
    if (content_type) {
        (void)snprintf(type, sizeof(type), "Content-Type: %s", content_type);
        headers[count++] = type;
    }
    request->headers = headers;
    request->header_count = count;
    const enum status status =
        http_start(apiserver->client, cluster_access_endpoint(apiserver->options.access), request,
                   ret_transfer, reterr_problem);
    request->headers = NULL;
    request->header_count = 0;
    return status;
}

/* --- the store's operations --- */

static enum status load(struct store *store, struct problem *reterr_problem)
{
    (void)store;
    problem_set(reterr_problem, ST_UNSETTLED, 0, 0, "the Kubernetes API has not been asked yet");
    return ST_UNSETTLED;
}

/* Who listens to the same object by two interests would be told twice; nobody needs that yet. */
static bool overlap(const struct store_interest *a, const struct store_interest *b)
{
    const bool same_namespace =
        !a->namespace || !b->namespace || strcmp(a->namespace, b->namespace) == 0;
    const bool same_type =
        !a->secret_type || !b->secret_type || strcmp(a->secret_type, b->secret_type) == 0;
    return a->kind == b->kind && same_namespace && same_type;
}

static enum status make_reflectors(struct apiserver *apiserver, struct problem *reterr_problem)
{
    struct store_interest interests[STORE_MAX_HANDLERS];
    const size_t count = store_interests(&apiserver->base, interests);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (overlap(&interests[i], &interests[j])) {
                problem_set(reterr_problem, ST_INTERNAL, 0, 0,
                            "two listeners want sets of %s that overlap",
                            apiserver_plural(interests[i].kind));
                return ST_INTERNAL;
            }
        }
        const enum status status =
            reflector_new(apiserver, &interests[i], &apiserver->reflectors[i]);
        if (status != ST_OK) {
            problem_set(reterr_problem, status, 0, 0, "%s", status_text(status));
            return status;
        }
        apiserver->reflector_count++;
    }
    return ST_OK;
}

static enum status watch(struct store *store, struct loop *loop, struct problem *reterr_problem)
{
    struct apiserver *apiserver = apiserver_of(store);
    enum status status = http_client_new(loop, &apiserver->client);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "cannot start the HTTP client: %s",
                    status_text(status));
        return status;
    }
    apiserver->loop = loop;
    status = make_reflectors(apiserver, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    for (size_t i = 0; i < apiserver->reflector_count; i++) {
        reflector_start(apiserver->reflectors[i]);
    }
    apiserver_note_state(apiserver); /* nobody wants objects: that is synced */
    return ST_OK;
}

static void retell(struct store *store, const struct store_target *target)
{
    struct apiserver *apiserver = apiserver_of(store);
    for (size_t i = 0; i < apiserver->reflector_count; i++) {
        reflector_retell(apiserver->reflectors[i], target);
    }
}

/* Objects come by a watch. What is followed here are the files that say who we are. */
static void reread(struct store *store, store_reread_fn *fn, void *ctx)
{
    struct problem problem = { 0 };
    struct store_reread found = { .what = "credentials" };
    found.status = refresh_credentials(apiserver_of(store), &found.has_changed, &problem);
    found.problem = found.status == ST_OK ? NULL : &problem;
    fn(ctx, &found);
}

static void free_store(struct store *store)
{
    struct apiserver *apiserver = apiserver_of(store);
    for (size_t i = 0; i < apiserver->reflector_count; i++) {
        (void)reflector_free(apiserver->reflectors[i]);
    }
    apiserver_drop_writes(apiserver);
    (void)http_client_free(apiserver->client);
    (void)cluster_access_free(apiserver->options.access);
    free(apiserver);
}

static const struct store_ops apiserver_ops = {
    .load = load,
    .watch = watch,
    .free = free_store,
    .reread = reread,
    .create = apiserver_create,
    .get = apiserver_get,
    .update = apiserver_update,
    .patch = apiserver_patch,
    .delete = apiserver_delete,
    .retell = retell,
};

enum status apiserver_new(const struct apiserver_options *options,
                          struct store **ret_store,
                          struct problem *reterr_problem)
{
    struct apiserver *apiserver = calloc(1, sizeof(*apiserver));
    if (!apiserver) {
        (void)cluster_access_free(options->access);
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "out of memory");
        return ST_NOMEM;
    }
    store_base_init(&apiserver->base, &apiserver_ops);
    atomic_store_explicit(&apiserver->base.counters.is_remote, true, memory_order_relaxed);
    apiserver->options = *options;
    if (options->silence_timeout_ms == 0) {
        apiserver->options.silence_timeout_ms = APISERVER_SILENCE_TIMEOUT_MS;
    }
    CDS_INIT_LIST_HEAD(&apiserver->writes);
    *ret_store = &apiserver->base;
    return ST_OK;
}
