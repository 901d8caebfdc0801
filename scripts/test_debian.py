#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Legs of scripts/test on another Debian than this machine's: scripts/test --debian 13.

The other Debian lies in a directory below ~/.cache/kube-bearer, made once by mmdebstrap from the mirrors that this
machine's apt is configured for, signed by Debian. Remove the directory to have it made anew from what Debian has
then. The checkout is copied into it, and the legs run there by chroot, with mounts and processes of their own where
the machine allows that.
"""
import argparse
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kube-bearer"
RELEASES = {"13": "trixie"}
LEGS = ("gcc-release", "integration", "quickstart")
COPY = "src/kube-bearer"  # the checkout, seen from the root
STAMP = "made-for-kube-bearer"

AS_ROOT = [] if os.geteuid() == 0 else ["sudo"]
# All that is mounted is gone, and all processes, when the command ends.
APART = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def may_be_apart():
    return subprocess.run([*AS_ROOT, *APART, "mount", "--make-rprivate", "/"], capture_output=True).returncode == 0


def inside(folder, script, apart):
    """The command that runs a shell script in the root."""
    kept = [f"{name}={os.environ[name]}" for name in ("CI",) if name in os.environ]
    enter = ["chroot", str(folder), "env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
             *kept, "bash", "-c", script]
    if not apart:
        return [*AS_ROOT, *enter]
    mounts = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --rbind /sys "$0/sys" && exec "$@"'
    return [*AS_ROOT, *APART, "bash", "-c", mounts, str(folder), *enter]


def make(folder, release, packages, apart):
    """A root with the packages, whole or not at all."""
    sources = output_of("bash", "-c", f". scripts/lib.sh && debian_sources deb {release}").splitlines()
    if not sources:
        sys.exit(f"scripts/test: apt knows no mirror of Debian itself to fetch {release} from (after apt-get update?)")
    if not shutil.which("mmdebstrap"):
        sys.exit("scripts/test: no mmdebstrap to make another Debian with: scripts/install-deps test")
    print(f"== making Debian {release} in {folder}", flush=True)
    fresh = folder.with_name(folder.name + ".new")
    subprocess.run([*AS_ROOT, "rm", "-rf", "--one-file-system", fresh, folder], check=True)
    subprocess.run([*AS_ROOT, *(APART if apart else []), "mmdebstrap", "--mode=root", "--variant=apt",
                    f"--include={','.join(packages)}", release, fresh, *sources], check=True)
    subprocess.run([*AS_ROOT, "install", "-D", "-m", "644", "/dev/stdin", fresh / STAMP], check=True, text=True,
                   input="\n".join(packages))
    subprocess.run([*AS_ROOT, "mv", fresh, folder], check=True)


def is_whole(folder, packages, apart):
    """Made for these packages, and still alive."""
    try:
        made_for = (folder / STAMP).read_text()
    except OSError:
        return False
    return made_for == "\n".join(packages) and subprocess.run(
        inside(folder, "gcc --version && python3 -c 'import pytest, cryptography'", apart), capture_output=True).returncode == 0


def listed_files(folder):
    names = output_of("git", "-c", f"safe.directory={folder}", "-C", str(folder), "ls-files", "-z", "--cached", "--others",
                      "--exclude-standard").split("\0")
    return {name for name in names if name and ((folder / name).is_symlink() or (folder / name).is_file())}


def same(source, target):
    if source.is_symlink() or target.is_symlink():
        return source.is_symlink() and target.is_symlink() and os.readlink(source) == os.readlink(target)
    return (target.is_file() and source.stat().st_mode == target.stat().st_mode
            and source.read_bytes() == target.read_bytes())


def copy_checkout(target):
    """Only what differs is written, so that a second build there builds only that."""
    if not (target / ".git").exists():
        target.mkdir(parents=True, exist_ok=True)
        output_of("git", "init", "--quiet", str(target))  # tests ask which files are the checkout's
    wanted = listed_files(ROOT)
    for name in listed_files(target) - wanted:
        (target / name).unlink()
    for name in wanted:
        source, copy = ROOT / name, target / name
        if not same(source, copy):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            shutil.copy(source, copy, follow_symlinks=False)
    # and tests build its latest commit
    git = ["git", "-C", str(target), "-c", "user.name=copy", "-c", "user.email=copy@localhost", "-c", "commit.gpgsign=false"]
    output_of(*git, "add", "--all")
    if subprocess.run([*git, "diff", "--cached", "--quiet"]).returncode != 0:
        output_of(*git, "commit", "--quiet", "--message=copy")


def main():
    parser = argparse.ArgumentParser(prog="scripts/test --debian", description="Runs legs on another Debian.")
    parser.add_argument("number", choices=list(RELEASES), metavar="NUMBER", help=f"which: {', '.join(RELEASES)}")
    parser.add_argument("--leg", action="append", metavar="NAME", help=f"run this leg; repeatable. Without: {', '.join(LEGS)}")
    parser.add_argument("--jobs", default=str(os.cpu_count() or 1), help="processes at once")
    arguments = parser.parse_args()
    if AS_ROOT and not shutil.which("sudo"):
        sys.exit("scripts/test: another Debian needs chroot: run this as root or install sudo")
    release = RELEASES[arguments.number]
    packages = output_of("scripts/install-deps", "--print", "--release", release, "integration").split()
    folder = CACHE / f"debian-{arguments.number}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one checkout at a time
        apart = may_be_apart()
        if not is_whole(folder, packages, apart):
            make(folder, release, packages, apart)
        subprocess.run([*AS_ROOT, "install", "-d", "-o", str(os.geteuid()), folder / COPY], check=True)
        copy_checkout(folder / COPY)
        legs = [word for leg in arguments.leg or LEGS for word in ("--leg", leg)]
        command = shlex.join(["scripts/test", "--no-install", "--jobs", arguments.jobs, *legs])
        return subprocess.run(inside(folder, f"find /tmp -mindepth 1 -delete; cd /{COPY} && exec {command}", apart)).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"scripts/test: {shlex.join(str(word) for word in error.cmd)}: exit {error.returncode}")
