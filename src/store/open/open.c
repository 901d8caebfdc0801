/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From sources to one store, for the command line and for the library alike.
 *
 * Kubeconfig, certificates and directory are looked at here, so that what is wrong with them stops
 * a start and is said with file and line. That an API server is away is not found out here and
 * stops nothing: store_watch() goes on trying. Threads: as store/store.h.
 */
#include "store/open/open.h"

#include <stdlib.h>

#include "kube/cluster_access.h"
#include "store/apiserver/apiserver.h"
#include "store/manifests/manifests.h"
#include "store/union.h"

static enum status open_manifests(const struct store_sources *sources,
                                  struct store **ret_store,
                                  struct problem *reterr_problem)
{
    const struct manifests_options manifests = {
        .directory = sources->manifests,
        .clock = sources->clock,
        .on_problem = sources->on_manifest_problem,
        .on_resolved = sources->on_manifest_resolved,
        .on_remark = sources->on_manifest_remark,
        .ctx = sources->ctx,
        .trust = sources->trust,
    };
    return manifests_new(&manifests, ret_store, reterr_problem);
}

static enum status open_server(const struct store_sources *sources,
                               struct store **ret_store,
                               char **ret_server,
                               struct problem *reterr_problem)
{
    struct cluster_access *access = NULL;
    const enum status status =
        sources->in_pod
            ? cluster_access_in_pod(sources->pod_directory, sources->pod_host, sources->pod_port,
                                    &access, reterr_problem)
            : cluster_access_from_kubeconfig(sources->kubeconfig, &access, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    char *server = span_copy(span_of(cluster_access_endpoint(access)->url));
    if (!server) {
        (void)cluster_access_free(access);
        return ST_NOMEM;
    }
    if (sources->on_server_remark) {
        cluster_access_remark(access, sources->on_server_remark, sources->ctx);
    }
    const struct apiserver_options apiserver = {
        .access = access,
        .clock = sources->clock,
        .silence_timeout_ms = sources->silence_timeout_ms,
        .on_problem = sources->on_server_problem,
        .on_resolved = sources->on_server_resolved,
        .ctx = sources->ctx,
    };
    const enum status made = apiserver_new(&apiserver, ret_store, reterr_problem);
    if (made != ST_OK) {
        free(server);
        return made;
    }
    *ret_server = server;
    return ST_OK;
}

static enum status open_both(const struct store_sources *sources,
                             struct store **ret_store,
                             char **ret_server,
                             struct problem *reterr_problem)
{
    struct store *manifests = NULL;
    struct store *apiserver = NULL;
    char *server = NULL;
    enum status status = open_manifests(sources, &manifests, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    status = open_server(sources, &apiserver, &server, reterr_problem);
    if (status != ST_OK) {
        (void)store_free(manifests);
        return status;
    }
    const struct union_options both = {
        .first = manifests,
        .second = apiserver,
        .on_problem = sources->on_server_problem,
        .on_resolved = sources->on_server_resolved,
        .ctx = sources->ctx,
    };
    status = union_new(&both, ret_store);
    if (status != ST_OK) {
        free(server);
        return status;
    }
    *ret_server = server;
    return ST_OK;
}

enum status store_open(const struct store_sources *sources,
                       struct store **ret_store,
                       char **ret_server,
                       struct problem *reterr_problem)
{
    const bool has_server = sources->kubeconfig || sources->in_pod;
    if (sources->manifests && has_server) {
        return open_both(sources, ret_store, ret_server, reterr_problem);
    }
    if (has_server) {
        return open_server(sources, ret_store, ret_server, reterr_problem);
    }
    *ret_server = NULL;
    return open_manifests(sources, ret_store, reterr_problem);
}
