# SPDX-License-Identifier: Apache-2.0
"""The rows of scripts/bench --vs: kube-bearer with a directory of manifests, next to another revision of itself."""
import contextlib
import os
import signal
import subprocess

from bench_kit import ROOT, new_tokens, say, write_manifests
from rows_manifests import HANDSHAKES, REQUESTS, build_handshake_client, handshake, request_bodies, serve

BUILD_TIMEOUT_SEC = 1800


def commit_of(revision):
    """Its hash, abbreviated; None when there is no such commit."""
    done = subprocess.run(["git", "-C", ROOT, "rev-parse", "--verify", "--quiet", "--short=12", f"{revision}^{{commit}}"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def call(*command):
    """In a session of its own, so that with it everything ends that it has started, whatever ends us."""
    with subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, start_new_session=True) as process:
        try:
            output = process.communicate(timeout=BUILD_TIMEOUT_SEC)[0]
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit {process.returncode}: {output[-3000:]}")


def build_revision(bench):
    """A release build of bench.vs. From git's archive and not from a worktree: that would be noted in the repository."""
    checkout, build = bench.folder / "revision", bench.folder / "revision-build"
    checkout.mkdir()
    call("git", "-C", ROOT, "archive", f"--output={checkout}.tar", bench.vs)
    call("tar", "-xf", f"{checkout}.tar", "-C", checkout)
    call("meson", "setup", build, checkout, "--buildtype=release")
    call("ninja", "-C", build, "kube-bearer")
    return build


@contextlib.contextmanager
def both(bench, *options):
    """{name: server}, the other revision first."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, build in ((bench.vs, bench.vs_build), ("now", bench.build)):
            servers[name] = serve(bench, "hundred", *options, build=build)
            stack.callback(servers[name].stop)
        yield servers


def compare(bench, what, unit, servers, measure):
    took = bench.alternate({name: (lambda s=server: measure(s)) for name, server in servers.items()})
    bench.row(what, took["now"], unit, took[bench.vs], bench.vs)


def requests_row(bench):
    say(REQUESTS)
    _, bodies = request_bodies(bench)
    with both(bench) as servers:
        for name, asked in bodies.items():
            what = "valid bootstrap token" if name == "valid" else name
            compare(bench, f"TokenReview, {what}", "µs CPU/request", servers, lambda server, b=asked: bench.wrk(server, b)[0])


def handshake_rows(bench):
    say(HANDSHAKES)
    build_handshake_client(bench)
    for kind, tickets in (("full", False), ("resumed", True)):
        with both(bench, f"--tls-session-tickets={str(tickets).lower()}") as servers:
            compare(bench, f"handshake, {kind}, tickets {'on' if tickets else 'off'}", "µs CPU/handshake", servers,
                    lambda server, k=kind: handshake(bench, server, k))


ROWS = {"requests": requests_row, "handshakes": handshake_rows}


def measure(bench, names):
    say(f"building {bench.vs}")
    bench.vs_build = build_revision(bench)
    if "requests" not in names:
        write_manifests(bench.folder / "hundred", new_tokens(100, 1), 1)
    for name, row in ROWS.items():
        if name in names:
            row(bench)
