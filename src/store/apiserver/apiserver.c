/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes itself as a store.
 *
 * Each interest of the listeners is followed by a reflector (store/apiserver/reflector.c), which
 * lists and watches just what that interest names: a cluster with 100,000 other Secrets costs
 * nothing. Interests that overlap share one, so that an object comes once; where each is wider than
 * the other (all Secrets of a namespace, and all of a type) that is one for all of the kind, which
 * takes the right to read them. But metadata of many objects is not asked for together with the
 * whole of a few, which would be the whole of many.
 *
 * What one reflector says is known in its own order only: of a Secret that is deleted and made
 * again as one of another type, the second may be told before the first. So a listener hears by
 * one reflector. While the server is away everything stays as it was last known; how
 * long that is shows in the figures.
 *
 * Untrusted: the network, up to TLS. Behind it the server is trusted to say who may log in, since
 * that is what it is asked for, but not to be well-behaved: objects, replies and times are bounded,
 * and its texts are fit for a log before they get there.
 *
 * Threads: the loop's; store_stats() reads atomics.
 */
#include "store/apiserver/apiserver.h"

#include <stdlib.h>
#include <string.h>

#include "store/apiserver/reflector.h"
#include "store/apiserver/resource.h"
#include "store/apiserver/session.h"
#include "store/apiserver/write.h"

struct apiserver {
    struct store base; /* first */
    struct session session;
    uint64_t silence_timeout_ms;
    uint64_t list_timeout_ms;
    struct reflector *reflectors[STORE_MAX_HANDLERS];
    size_t reflector_count;
    struct remote_writes writes;
};

static struct apiserver *apiserver_of(struct store *store)
{
    return CONTAINER_OF(store, struct apiserver, base);
}

/* Of each kind, the reflector that is furthest behind. */
static void note_told_until(struct store *store)
{
    const struct apiserver *apiserver = apiserver_of(store);
    for (size_t kind = 0; kind < store->kind_count; kind++) {
        int64_t until_sec = INT64_MAX;
        for (size_t i = 0; i < apiserver->reflector_count; i++) {
            const struct reflector *reflector = apiserver->reflectors[i];
            const int64_t sec = reflector_told_until_sec(reflector);
            if (reflector_kind(reflector) == store->kinds[kind].kind && sec < until_sec) {
                until_sec = sec;
            }
        }
        atomic_store_explicit(&store->counters.told_until_sec[kind],
                              until_sec == INT64_MAX ? 0 : until_sec, memory_order_release);
    }
}

/* What happened up to then has reached the listeners' own tables. */
static int64_t told_until_sec(const struct store *store, const struct object_kind *kind)
{
    const struct store_counters *counters = &store->counters;
    for (size_t i = 0; i < STORE_MAX_HANDLERS; i++) {
        if (atomic_load_explicit(&counters->kinds[i], memory_order_relaxed) == kind) {
            return atomic_load_explicit(&counters->told_until_sec[i], memory_order_acquire);
        }
    }
    return 0;
}

/* The store's state of all reflectors'. */
static void note_state(struct store *store)
{
    const struct apiserver *apiserver = apiserver_of(store);
    struct store_counters *counters = &store->counters;
    bool is_connected = apiserver->reflector_count > 0;
    bool is_synced = true;
    uint64_t problems = apiserver->session.stale_credentials.status != ST_OK;
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
    note_told_until(store);
    if (is_synced && apiserver->session.loop) {
        store_tell_synced(store);
    }
}

static enum status load(struct store *store, struct problem *reterr_problem)
{
    (void)store;
    problem_set(reterr_problem, ST_UNSETTLED, 0, 0, "the Kubernetes API has not been asked yet");
    return ST_UNSETTLED;
}

static enum status make_reflectors(struct apiserver *apiserver, struct problem *reterr_problem)
{
    struct store_request requests[STORE_MAX_HANDLERS];
    const size_t count = store_requests(&apiserver->base, requests);
    for (size_t i = 0; i < count; i++) {
        const enum status status =
            reflector_new(&apiserver->session, &requests[i], apiserver->silence_timeout_ms,
                          apiserver->list_timeout_ms, &apiserver->reflectors[i]);
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
    enum status status = session_open(&apiserver->session, loop, reterr_problem);
    if (status == ST_OK) {
        status = make_reflectors(apiserver, reterr_problem);
    }
    if (status != ST_OK) {
        return status;
    }
    for (size_t i = 0; i < apiserver->reflector_count; i++) {
        reflector_start(apiserver->reflectors[i]);
    }
    note_state(store); /* nobody wants objects: that is synced */
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
    found.status = session_refresh(&apiserver_of(store)->session, &found.has_changed, &problem);
    found.problem = found.status == ST_OK ? NULL : &problem;
    fn(ctx, &found);
}

static void free_store(struct store *store)
{
    struct apiserver *apiserver = apiserver_of(store);
    for (size_t i = 0; i < apiserver->reflector_count; i++) {
        (void)reflector_free(apiserver->reflectors[i]);
    }
    remote_writes_fini(&apiserver->writes);
    session_fini(&apiserver->session);
    free(apiserver);
}

static enum status write_one(struct store *store, const struct store_write *write)
{
    return remote_write_begin(&apiserver_of(store)->writes, write);
}

static const struct store_ops apiserver_ops = {
    .load = load,
    .watch = watch,
    .free = free_store,
    .reread = reread,
    .write = write_one,
    .retell = retell,
    .told_until_sec = told_until_sec,
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
    apiserver->session = (struct session){
        .store = &apiserver->base,
        .access = options->access,
        .clock = options->clock,
        .on_problem = options->on_problem,
        .on_resolved = options->on_resolved,
        .ctx = options->ctx,
        .on_state = note_state,
    };
    apiserver->silence_timeout_ms =
        options->silence_timeout_ms ? options->silence_timeout_ms : APISERVER_SILENCE_TIMEOUT_MS;
    apiserver->list_timeout_ms =
        options->list_timeout_ms ? options->list_timeout_ms : APISERVER_LIST_TIMEOUT_MS;
    remote_writes_init(&apiserver->writes, &apiserver->session);
    *ret_store = &apiserver->base;
    return ST_OK;
}
