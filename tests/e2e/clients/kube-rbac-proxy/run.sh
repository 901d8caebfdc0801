#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Serves as LISTEN (address:port) what is at UPSTREAM (a URL), with tls.crt and tls.key of the present directory.
set -euo pipefail

# docs: begin
exec kube-rbac-proxy --kubeconfig="$KUBECONFIG" --config-file=authorization.yaml --auth-header-fields-enabled \
    --secure-listen-address="$LISTEN" --tls-cert-file=tls.crt --tls-private-key-file=tls.key --upstream="$UPSTREAM"
# docs: end
