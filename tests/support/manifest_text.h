/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Manifests as texts for tests of the commands. TEST-ONLY tokens; no cluster has them. */

#define MANIFEST_TOKEN "abcdef.0123456789abcdef"

/* A Secret in @namespace that holds MANIFEST_TOKEN, good until 2030. */
#define MANIFEST_SECRET(namespace)                                                                \
    "apiVersion: v1\nkind: Secret\n"                                                              \
    "metadata: {name: bootstrap-token-abcdef, namespace: " namespace "}\n"                        \
                                                                     "type: "                     \
                                                                     "bootstrap.kubernetes.io/"   \
                                                                     "token\n"                    \
                                                                     "stringData:\n  token-id: "  \
                                                                     "abcdef\n  token-secret: "   \
                                                                     "0123456789abcdef\n"         \
                                                                     "  expiration: "             \
                                                                     "'2030-01-02T03:04:05Z'\n  " \
                                                                     "usage-bootstrap-"           \
                                                                     "authentication: 'true'\n"
