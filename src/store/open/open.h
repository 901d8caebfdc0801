/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One store from whatever the operator named: manifests, a Kubernetes API server, or both. */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "store/store.h"
#include "store/trust.h"

/** Where objects come from: manifests, or one API server, or the two. Strings borrow until
 * store_open() returns. */
struct store_sources {
    const char *manifests;       /* a directory; NULL: none */
    struct trust_policy trust;   /* in whom, with the manifests */
    const char *kubeconfig;      /* of an API server; NULL: none */
    bool in_pod;                 /* the API server of the pod we are in; not with kubeconfig */
    const char *pod_directory;   /* of the ServiceAccount; NULL: where Kubernetes puts it */
    const char *pod_host;        /* value of KUBERNETES_SERVICE_HOST, NULL when unset */
    const char *pod_port;        /* of KUBERNETES_SERVICE_PORT */
    uint64_t silence_timeout_ms; /* of a watch; 0: the default */
    struct clock clock;

    /* Each may be NULL; on the loop's thread; as the back ends call them. */
    problem_fn *on_manifest_problem;
    problem_fn *on_manifest_resolved;
    problem_fn *on_manifest_remark;
    problem_fn
        *on_server_problem; /* of the API server, and of an object that manifests hold, too */
    problem_fn *on_server_resolved;
    problem_fn *on_server_remark; /* as cluster_access_remark() tells them; by store_open() */
    void *ctx;
};

/**
 * store_open() - make the store; nothing is loaded and nothing asked yet
 * @sources:    at least one source
 * @ret_server: URL of the API server, for people; the caller's to free(); NULL without one
 *
 * Return: ST_OK; what manifests_new(), cluster_access_from_kubeconfig(), cluster_access_in_pod()
 * and apiserver_new() return, with @reterr_problem; ST_NOMEM
 */
enum status store_open(const struct store_sources *sources,
                       struct store **ret_store,
                       char **ret_server,
                       struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);
