#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: embed_test.sh PROGRAM MANIFESTS_DIRECTORY
# Asks the embedding example a few questions; answers and exit codes must be these. TEST-ONLY tokens.
program=$1
manifests=$2
audience=https://kubernetes.default.svc.cluster.local
number=0

# check NAME WANTED_CODE WANTED_OUTPUT TOKEN ARGUMENT...
check() {
    name=$1 want_code=$2 want=$3 token=$4
    shift 4
    number=$((number + 1))
    got=$(printf %s "$token" | "$program" "$@")
    code=$?
    if [ "$code" -eq "$want_code" ] && [ "$got" = "$want" ]; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        printf '%s\n' "exit code $code, output:" "$got" | sed 's/^/# /'
    fi
}

yes="yes: system:bootstrap:foreve
  group system:bootstrappers
  group system:bootstrappers:kubeadm:default-node-token"

echo 1..8
check "a token that never expires" 0 "$yes" foreve.0123456789abcdef "$manifests"
check "for our audience" 0 "$yes
  audience $audience" foreve.0123456789abcdef "$manifests" other "$audience"
check "for another audience" 1 "no: none of the audiences asked for is one of --api-audiences" \
    foreve.0123456789abcdef "$manifests" other
check "a wrong secret" 1 "no: the token secret is wrong" foreve.0123456789abcdee "$manifests"
check "expired" 1 "no: data.expiration is in the past" expird.0123456789abcdef "$manifests"
check "nobody's token" 2 "not known: no Secret holds this token ID (yet)" nobody.0123456789abcdef "$manifests"
check "no token at all" 1 "no: spec.token is empty" "" "$manifests"
check "no directory" 2 "" foreve.0123456789abcdef "$manifests/does-not-exist" 2>/dev/null
