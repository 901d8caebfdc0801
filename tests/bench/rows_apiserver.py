# SPDX-License-Identifier: Apache-2.0
"""The rows of scripts/bench --store apiserver: Secrets in a real kube-apiserver and etcd, and nothing else going on."""
import contextlib
import itertools
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from bench_kit import CLIENT_CPU, ROOT, KubeBearer, new_tokens, review, say, secret_object, write_bodies

sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/integration")]

SECRETS = "/api/v1/namespaces/kube-system/secrets"
CREATORS = 8  # threads; kube-apiserver takes some 500 Secrets a second from them
CHANGES_PER_SEC = 100
CHANGED = 50  # Secrets that are changed in turn


class Store:
    """A cluster with Secrets, and kube-bearers that read them."""

    def __init__(self, bench):
        import kit_cluster  # needs the test packages, which this store alone needs here
        self.bench, self.kit = bench, kit_cluster
        self.cluster = kit_cluster.Cluster(kit_cluster.tools(), bench.folder / "cluster", webhook=False)
        self.cluster.grant()
        token = self.cluster.service_account_token()
        self.kubeconfig = self.cluster.write_kubeconfig("bench", token_file=token)

    def create(self, tokens):
        say(f"  creating {len(tokens):,} Secrets")
        with ThreadPoolExecutor(CREATORS) as pool:
            for _ in pool.map(lambda token: self.cluster.admin.create(SECRETS, secret_object(token)), tokens):
                pass

    def serve(self):
        return KubeBearer(self.bench.folder, self.bench.build, f"--kubeconfig={self.kubeconfig}")

    def confine(self):
        """The API server's side to the clients' CPU."""
        for component in self.cluster.components:
            subprocess.run(["taskset", "-a", "-c", "-p", str(CLIENT_CPU), str(component.process.pid)], check=True,
                           stdout=subprocess.DEVNULL)


def start_rows(bench, store):
    say(f"start to ready, {bench.secrets:,} Secrets")
    server = store.serve()
    empty = server.memory_kib()["RssAnon"]
    server.stop()
    store.create(new_tokens(bench.secrets, 5))
    taken, own, memory = [], [], []
    for _ in range(bench.runs):
        server = store.serve()
        taken.append(server.ready_sec)
        own.append(server.cpu_sec())
        memory.append(server.memory_kib()["RssAnon"])
        server.stop()
    bench.row(f"start to ready, {bench.secrets:,} bootstrap Secrets", statistics.median(taken), "s", limit=2,
              limit_text="< 2 s", note=f"of {len(taken)} starts, {min(taken):.2f} to {max(taken):.2f} s")
    bench.row("of that, kube-bearer's own CPU time", statistics.median(own), "s")
    bench.row("memory of a Secret, credential cache and store's index together",
              (statistics.median(memory) - empty) * 1024 / bench.secrets, "bytes", limit=300, limit_text="≤ 300",
              note="the cache alone: tests/bench/cache_bytes")


def accepted_row(bench, store):
    """From the answer to a create until kube-bearer says yes, asked over and over on one connection."""
    count = bench.creates
    say(f"a created token accepted, {count} times")
    server = store.serve()
    asked = store.kit.Api("127.0.0.1", server.port, (bench.folder / "tls.crt").read_text())
    taken = []
    try:
        for token in new_tokens(count, 6):
            body = review(token).encode()
            store.cluster.admin.create(SECRETS, secret_object(token))
            begun = time.perf_counter()
            while b'"authenticated":true' not in asked.raw("POST", "/authenticate", body,
                                                           {"Content-Type": "application/json"})[2]:
                if time.perf_counter() - begun > 30:
                    raise RuntimeError("a created token was not accepted within 30 s")
            taken.append((time.perf_counter() - begun) * 1000)
    finally:
        server.stop()
    taken.sort()
    bench.row("from the create's answer to the token being accepted, p50", taken[len(taken) // 2], "ms")
    bench.row("the same, p99", taken[len(taken) * 99 // 100], "ms", limit=10, limit_text="≤ 10 ms",
              note=f"the longest of {count}: {taken[-1]:.1f} ms")


@contextlib.contextmanager
def changes(store, names):
    """CHANGES_PER_SEC of these Secrets change while the body runs; yields a count of them."""
    over, done = threading.Event(), itertools.count()
    failed = []

    def change():
        begun = time.perf_counter()
        for number, name in enumerate(itertools.cycle(names)):
            if over.wait(max(0, begun + number / CHANGES_PER_SEC - time.perf_counter())):
                return
            try:
                store.cluster.admin.patch(f"{SECRETS}/{name}", {"stringData": {"description": f"change {number}"}})
            except AssertionError as error:
                failed.append(error)
                return
            next(done)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()
    if failed:
        raise failed[0]


def changes_row(bench, store):
    """The price of a request, on the workers alone and for the whole process: while none of the Secrets change, while some
    that kube-bearer does not follow do (so the machine does the same work), and while some that it follows do."""
    say(f"requests while {CHANGES_PER_SEC} Secrets a second change")
    store.confine()
    tokens = new_tokens(100 + 2 * CHANGED, 7)
    asked, changed, others = tokens[:100], tokens[100:-CHANGED], tokens[-CHANGED:]
    store.create(asked + changed)
    for token in others:
        store.cluster.admin.create(SECRETS, {**secret_object(token), "type": "Opaque"})
    bodies = write_bodies(bench.folder / "asked", asked)
    server = store.serve()
    whole = {"quiet": [], "others": [], "followed": []}
    rates = []

    def measure(name):
        used, path = server.cpu_sec(), server.cpu_sec("worker")
        _, said = bench.wrk(server, bodies)
        whole[name].append((server.cpu_sec() - used) / said["requests"] * 1e6)
        return (server.cpu_sec("worker") - path) / said["requests"] * 1e6

    def changing(name, secrets):
        with changes(store, [f"bootstrap-token-{token[:6]}" for token in secrets]) as done:
            begun = time.perf_counter()
            price = measure(name)
            rates.append(next(done) / (time.perf_counter() - begun))
        return price

    try:
        took = bench.alternate({"quiet": lambda: measure("quiet"), "others": lambda: changing("others", others),
                                "followed": lambda: changing("followed", changed)})
    finally:
        server.stop()
    what = f"TokenReview while {CHANGES_PER_SEC} Secrets a second change"
    note = f"{statistics.median(rates):.0f} changes a second"
    bench.row(f"{what}, request path (workers)", took["followed"], "µs CPU/request", took["others"],
              "as many other Secrets change", limit=1.02, limit_text="≤ 1.02 ×")
    bench.row("the same", took["followed"], "µs CPU/request", took["quiet"], "none changes", note=note)
    bench.row("the same, whole process", statistics.median(whole["followed"]), "µs CPU/request",
              statistics.median(whole["others"]), "as many other Secrets change")


ROWS = {"start": start_rows, "accepted": accepted_row, "changes": changes_row}


def measure(bench, names):
    store = Store(bench)
    try:
        for name, row in ROWS.items():
            if name in names:
                row(bench, store)
    finally:
        store.cluster.close()
