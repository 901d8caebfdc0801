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

can_be_root() { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# The library that reads HTTP: how old it may be, and what our own copy is called where the system's is older.
MICROHTTPD_VERSION=1.0.1
OWN_MICROHTTPD=kube-bearer-microhttpd

# microhttpd_there system|own - is the system's libmicrohttpd, or our copy, there and new enough?
microhttpd_there() {
    local -A name=([system]=libmicrohttpd [own]=$OWN_MICROHTTPD)
    command -v pkg-config >/dev/null && pkg-config --exists "${name[$1]} >= $MICROHTTPD_VERSION"
}

# debian_sources deb|deb-src RELEASE - lines for a sources.list: that release of Debian, from the mirrors that
# this machine's apt is configured for, to be signed by Debian. None when it has no lists of Debian's.
debian_sources() {
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg origin label uri
    # shellcheck disable=SC2016 # the words are apt's
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sort -u |
        while IFS='|' read -r origin label uri; do
            case "$origin/$label" in
            Debian/Debian) printf '%s [signed-by=%s] %s %s main\n' "$1" "$keyring" "$uri" "$2" ;;
            Debian/Debian-Security) printf '%s [signed-by=%s] %s %s-security main\n' "$1" "$keyring" "$uri" "$2" ;;
            esac
        done
}

# Print the comment block at the top of the running script (its usage), without the # signs.
usage() { sed -n '/^# Usage/,/^$/{s/^# \{0,1\}//p}' "$0"; }

# build_release DIR [TARGET]... - configure (the first time) and compile the program, and more, in a release build.
# The lock is the checkout's own directory: two scripts may be started at once, ninja may not.
build_release() {
    local dir=$1 lock
    exec {lock}<"$ROOT"
    flock "$lock"
    [ -f "$dir/build.ninja" ] || meson setup "$dir" "$ROOT" --buildtype=release || return 1
    ninja -C "$dir" kube-bearer "${@:2}" || return 1
    exec {lock}<&-
}
