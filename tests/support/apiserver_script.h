/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An API server in plain HTTP that tells one Secret, for tests of what stands on top of the store.
 */
#include "base/buf.h"
#include "support/file_kit.h"
#include "support/https_script.h"

/* The streaming list of every bootstrap token Secret, which goes on as a watch. */
#define APISERVER_SECRETS                                       \
    "GET /api/v1/namespaces/kube-system/secrets?fieldSelector=" \
    "type%3Dbootstrap.kubernetes.io%2Ftoken&"

#define APISERVER_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

/* What MANIFEST_SECRET("kube-system") is as an event; @name: of the Secret. */
#define APISERVER_ADDED(name)                                                                     \
    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{"    \
    "\"name\":\"" name "\",\"namespace\":\"kube-system\",\"uid\":\"u\",\"resourceVersion\":\"7\"" \
    "},\"type\":\"bootstrap.kubernetes.io/token\",\"data\":{\"token-id\":\"YWJjZGVm\","           \
    "\"token-secret\":\"MDEyMzQ1Njc4OWFiY2RlZg==\",\"usage-bootstrap-authentication\":"           \
    "\"dHJ1ZQ==\"}}}\n"

#define APISERVER_TOLD_ALL                                                                        \
    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{" \
    "\"resourceVersion\":\"8\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"

#define APISERVER_UNAVAILABLE                                                                \
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: " \
    "111\r\n\r\n"                                                                            \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"code\":503,"        \
    "\"reason\":\"ServiceUnavailable\",\"message\":\"no\"}\n"

/** apiserver_script_kubeconfig() - write @name, which points at @port of this machine */
static inline void apiserver_script_kubeconfig(const struct file_kit *kit,
                                               const char *name,
                                               uint16_t port)
{
    struct buf text = { 0 };
    buf_printf(&text,
               "current-context: x\n"
               "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
               "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:%u'}}]\n"
               "users: [{name: u, user: {token: TEST-ONLY}}]\n%c",
               port, '\0');
    assert_false(text.failed);
    kit_write(kit, name, text.at);
    buf_fini(&text);
}

/** apiserver_script_start() - play @exchanges */
static inline void apiserver_script_start(struct https_script *script,
                                          const struct https_exchange *exchanges,
                                          size_t exchange_count)
{
    *script = (struct https_script){ .exchanges = exchanges,
                                     .exchange_count = exchange_count,
                                     .plain = true };
    https_script_start(script);
}

/** apiserver_script_is_over() - has every exchange begun? */
static inline bool apiserver_script_is_over(struct https_script *script)
{
    bool over = true;
    pthread_mutex_lock(&script->mutex);
    for (size_t i = 0; i < script->exchange_count; i++) {
        over = over && script->taken[i];
    }
    pthread_mutex_unlock(&script->mutex);
    return over;
}
