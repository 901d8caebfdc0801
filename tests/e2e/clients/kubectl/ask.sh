#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Asks for the token of tokenreview.yaml in the present directory.
set -euo pipefail

# docs: begin
kubectl create -f tokenreview.yaml -o yaml
# docs: end
