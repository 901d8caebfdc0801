# SPDX-License-Identifier: Apache-2.0
"""The rows of scripts/bench: kube-bearer with a directory of manifests, next to nginx."""
import json
import random
import shutil
import socket
import ssl
import statistics
import time

import rows_service_accounts
from bench_kit import (CLIENT_CPU, ROOT, KubeBearer, Nginx, new_tokens, pinned, run, say, write_bodies, write_manifests,
                       write_tokens)

REQUESTS = "requests, keep-alive, 16 connections, 100 Secrets"
HANDSHAKES = "TLS 1.3 handshakes, P-256"


def serve(bench, manifests, *options, build=None):
    """build: of another revision"""
    return KubeBearer(bench.folder, build or bench.build, f"--manifests={bench.folder / manifests}", *options)


def request_bodies(bench):
    """The tokens of the manifests in hundred/, and {answer: what is asked for it}."""
    tokens = new_tokens(100, 1)
    write_manifests(bench.folder / "hundred", tokens, 1)
    return tokens, {
        "valid": write_bodies(bench.folder / "valid", tokens),
        "wrong secret": write_bodies(bench.folder / "wrong", [t[:7] + "a" * 16 for t in tokens]),
        "unknown ID": write_bodies(bench.folder / "unknown", [f"0{t[1:]}" for t in tokens if f"0{t[1:6]}" not in
                                                             {x[:6] for x in tokens}]),
        "not a token": write_bodies(bench.folder / "garbage", ["g" + t[1:].replace(".", "-") for t in tokens]),
    }


def requests_row(bench):
    say(REQUESTS)
    tokens, bodies = request_bodies(bench)
    server = serve(bench, "hundred")
    nginx = Nginx(bench.folder, bench.reply(server, tokens[0]))
    try:
        took = bench.alternate({"nginx": lambda: bench.wrk(nginx, bodies["valid"])[0],
                               **{name: (lambda b=b: bench.wrk(server, b)[0]) for name, b in bodies.items()}})
    finally:
        server.stop()
        nginx.stop()
    bench.row("TokenReview, valid bootstrap token", took["valid"], "µs CPU/request", took["nginx"], limit=1.25,
             limit_text="≤ 1.25 ×", aim=1.0)
    for name in ("wrong secret", "unknown ID", "not a token"):
        bench.row(f"TokenReview, {name}", took[name], "µs CPU/request", took["valid"], "the valid one", limit=1.05,
                 limit_text="≤ 1.05 ×")


def build_handshake_client(bench):
    run("gcc", "-std=c17", "-D_GNU_SOURCE", "-O2", ROOT / "tests/bench/handshake_client.c", "-o",
        bench.folder / "handshake_client", "-lssl", "-lcrypto")


def handshake(bench, server, kind):
    before, counted = server.cpu_sec(), server.handshakes() if isinstance(server, KubeBearer) else 0
    said = json.loads(run(*pinned(CLIENT_CPU), bench.folder / "handshake_client", server.port, bench.handshakes, kind))
    used = server.cpu_sec() - before
    if isinstance(server, KubeBearer) and server.handshakes() - counted < bench.handshakes:
        raise RuntimeError("the server counted fewer handshakes than the client")
    return used / said["handshakes"] * 1e6


def handshake_rows(bench):
    say(HANDSHAKES)
    build_handshake_client(bench)
    for kind, tickets, limit in (("full", False, 1.5), ("resumed", True, 1.0)):
        server = serve(bench, "hundred", f"--tls-session-tickets={str(tickets).lower()}")
        nginx = Nginx(bench.folder, "ok", "on" if tickets else "off")
        try:
            took = bench.alternate({"nginx": lambda: handshake(bench, nginx, kind),
                                   "kube-bearer": lambda: handshake(bench, server, kind)})
        finally:
            server.stop()
            nginx.stop()
        bench.row(f"handshake, {kind}, tickets {'on' if tickets else 'off'}", took["kube-bearer"], "µs CPU/handshake",
                 took["nginx"], limit=limit, limit_text=f"≤ {limit} ×")


ASKED = 100_000  # different tokens: more than caches hold of what belongs to them


def many_row(bench, count, limit, loads):
    """count Secrets against a hundred. Returns the server's figures: (seconds to ready, bytes a Secret)."""
    say(f"{count:,} Secrets against a hundred")
    tokens = new_tokens(count, 2)
    write_manifests(bench.folder / "many", tokens, 1000)
    few = write_tokens(bench.folder / "few", new_tokens(100, 1))
    asked = random.Random(3).sample(tokens, min(ASKED, count))
    many = write_tokens(bench.folder / "asked", asked)
    small = serve(bench, "hundred")
    large = serve(bench, "many")
    try:
        took = bench.alternate({"hundred": lambda: bench.wrk_tokens(small, few)[0],
                               "many": lambda: bench.wrk_tokens(large, many)[0]})
        memory = large.memory_kib()["RssAnon"] - small.memory_kib()["RssAnon"]
    finally:
        small.stop()
        large.stop()
    shutil.rmtree(bench.folder / "many")
    more = (took["many"] - took["hundred"]) / bench.load_us
    bench.row(f"TokenReview, {count:,} Secrets, {len(asked):,} different tokens", took["many"], "µs CPU/request", took["hundred"],
             "100 Secrets", limit=max(limit, 1 + loads * bench.load_us / took["hundred"]),
             limit_text=f"≤ {limit} ×, or {loads} loads more: {more:.1f} are")
    return large.ready_sec, memory * 1024 / count


def million_rows(bench):
    many_row(bench, 20_000, 1.05, 2)
    ready_sec, memory = many_row(bench, bench.million, 1.2, 4)
    bench.row("memory of a Secret, credential cache and store's index together", memory, "bytes", limit=350, limit_text="≤ 350",
             note="the parts stand in the unit benchmark of the cache")
    bench.row(f"start to ready, {bench.million:,} Secrets in files of 1,000", ready_sec, "s")


def start_row(bench):
    say("start to ready, 1,000 files")
    write_manifests(bench.folder / "thousand", new_tokens(1000, 4), 1)
    taken = []
    time.sleep(0.2)  # files modified a moment ago are read twice on purpose; that is not what is measured
    for _ in range(3 if bench.runs < 5 else 11):
        server = serve(bench, "thousand")
        taken.append(server.ready_sec * 1000)
        server.stop()
    bench.row("start to ready, 1,000 Secret files", statistics.median(taken), "ms", limit=50, limit_text="≤ 50 ms",
             note=f"of {len(taken)} starts, {min(taken):.0f} to {max(taken):.0f} ms")


def memory_rows(bench):
    say(f"memory after {bench.requests:,} requests")
    bodies = write_bodies(bench.folder / "memory", new_tokens(100, 1))
    server = serve(bench, "hundred")
    try:
        done, half = 0, None
        end = time.monotonic() + 600
        while done < bench.requests and time.monotonic() < end:
            done += bench.wrk(server, bodies, seconds=2)[1]["requests"]
            if half is None and done >= bench.requests / 2:
                half = server.memory_kib()
        after = server.memory_kib()
        held = []
        context = ssl._create_unverified_context()
        before = server.memory_kib()["RssAnon"]
        count = 100 if bench.requests < 1_000_000 else 1000
        for _ in range(count):
            connection = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            connection.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.recv(4096)
            held.append(connection)
        idle = (server.memory_kib()["RssAnon"] - before) / count
        for connection in held:
            connection.close()
    finally:
        server.stop()
    bench.row(f"RssAnon after {done:,} requests", after["RssAnon"] / 1024, "MB", limit=6, limit_text="≤ 6 MB")
    bench.row(f"VmRSS after {done:,} requests", after["VmRSS"] / 1024, "MB", limit=20, limit_text="≤ 20 MB")
    bench.row("growth of RssAnon in the second half", after["RssAnon"] - half["RssAnon"], "KiB", limit=128,
             limit_text="flat (≤ 128 KiB)")
    bench.row(f"memory of an idle connection (of {count})", idle, "KiB", limit=64, limit_text="≤ 64 KiB")


ROWS = {"requests": requests_row, "handshakes": handshake_rows, "million": million_rows, "start": start_row,
        "memory": memory_rows, **rows_service_accounts.ROWS}


def measure(bench, names):
    if "requests" not in names:
        write_manifests(bench.folder / "hundred", new_tokens(100, 1), 1)
    for name, row in ROWS.items():
        if name in names:
            row(bench)
