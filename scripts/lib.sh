# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scripts share. Source it; it changes nothing but the few names below.

# The checkout this file lies in, with symlinks resolved.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*"; }

# A step, set apart from what tools print.
step() { printf '\n== %s\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Print the comment block at the top of the running script (its usage), without the # signs.
usage() { sed -n '/^# Usage/,/^$/{s/^# \{0,1\}//p}' "$0"; }

# build_release DIR - configure (the first time) and compile the program in a release build.
# The lock is the checkout's own directory: two scripts may be started at once, ninja may not.
build_release() {
    local dir=$1 lock
    exec {lock}<"$ROOT"
    flock "$lock"
    [ -f "$dir/build.ninja" ] || meson setup "$dir" "$ROOT" --buildtype=release || return 1
    ninja -C "$dir" kube-bearer || return 1
    exec {lock}<&-
}
