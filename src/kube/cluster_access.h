/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where a Kubernetes API server is and who we are to it: a kubeconfig, or a pod's ServiceAccount.
 *
 * Kubeconfigs follow clientcmd's rules: current-context decides; embedded data wins over a file of
 * the same kind, but tokenFile over token once it is readable; relative paths count from the
 * kubeconfig's directory; a server without a scheme is https; without TLS no credentials are used,
 * as they would travel in the clear. `exec`, `auth-provider` and impersonation are refused with a
 * text that says so. In a pod: KUBERNETES_SERVICE_HOST and _PORT, and token and ca.crt of the
 * ServiceAccount directory.
 *
 * Files (CA, certificate, key, token) are read again by cluster_access_refresh(), as they rotate;
 * the kubeconfig itself is read once: another server or user takes another cluster_access.
 * Threads: one at a time. Sources: k8s.io/client-go tools/clientcmd, rest/config.go and transport.
 */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "io/http/request.h"

#define KUBECONFIG_MAX_BYTES      1048576 /* with embedded certificates a real one is 10 KiB */
#define CREDENTIAL_MAX_BYTES      1048576 /* one PEM bundle; all public CAs are 230 KiB */
#define ACCESS_TOKEN_MAX_BYTES    65536   /* a ServiceAccount token is 1 to 2 KiB */
#define SERVICE_ACCOUNT_DIRECTORY "/var/run/secrets/kubernetes.io/serviceaccount"

struct cluster_access;

/**
 * cluster_access_from_kubeconfig() - read @path, and every file it names once
 *
 * Return: ST_OK; ST_NOT_FOUND: no such file, or a context, cluster or user that it names but has
 * not; ST_IO for a file that cannot be read; ST_SYNTAX, ST_DUPLICATE, ST_TYPE, ST_INVALID,
 * ST_LIMIT, ST_UNSUPPORTED; all with @reterr_problem (file, line and column where known, what was
 * expected, never a value); ST_NOMEM
 */
enum status cluster_access_from_kubeconfig(const char *path,
                                           struct cluster_access **ret_access,
                                           struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2, 3);

/** cluster_access_in_pod() - @directory: of the ServiceAccount; NULL: SERVICE_ACCOUNT_DIRECTORY.
 * @host, @port: values of KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, NULL when unset;
 * an IPv6 address needs no brackets. Errors as above; ST_NOT_FOUND: this is no pod */
enum status cluster_access_in_pod(const char *directory,
                                  const char *host,
                                  const char *port,
                                  struct cluster_access **ret_access,
                                  struct problem *reterr_problem) NODISCARD NONNULL(4, 5);

/** cluster_access_free() - wipe and free; NULL is fine. Return: NULL */
struct cluster_access *cluster_access_free(struct cluster_access *access);

/**
 * cluster_access_refresh() - read the files again, all or nothing
 * @ret_changed: something differs from before
 *
 * When one cannot be read or is still being written, or certificate and key do not belong together,
 * everything stays as it was. An expired certificate is not refused: the API server does that.
 * Return: ST_OK; ST_IO, ST_INVALID, ST_LIMIT with @reterr_problem; ST_NOMEM
 */
enum status cluster_access_refresh(struct cluster_access *access,
                                   bool *ret_changed,
                                   struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3);

/** cluster_access_endpoint() - borrows until the next refresh or free */
const struct http_endpoint *cluster_access_endpoint(const struct cluster_access *access) NONNULL(1);

/** cluster_access_authorization() - the whole header "Authorization: Bearer …" (or Basic); NULL for
 * none (client certificate). A secret; borrows until the next refresh or free */
const char *cluster_access_authorization(const struct cluster_access *access) NONNULL(1);

/** cluster_access_remark() - tell @fn what weakens the access, though it is used: status ST_UNSAFE,
 * file as cluster_access_source(). Twice at most */
void cluster_access_remark(const struct cluster_access *access, problem_fn *fn, void *ctx)
    NONNULL(1, 2);

/** cluster_access_source() - the kubeconfig's path or the directory, for people */
const char *cluster_access_source(const struct cluster_access *access) NONNULL(1);
