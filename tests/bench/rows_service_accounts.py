# SPDX-License-Identifier: Apache-2.0
"""The rows of scripts/bench about ServiceAccount tokens, with their objects in manifests and their keys in files."""
import contextlib
import functools
import re
import statistics
import time

from bench_kit import AUDIENCE, SERVER_CPU, KubeBearer, new_tokens, pinned, run, say, secret_yaml, write_bodies, write_tokens

ALGORITHMS = ("RS256", "ES256")
# Verifications have a share of a worker's time, 30 % (server/endpoints/ask.c). So before each token that is new come so many that
# are not; then verifications take a quarter of that time.
SEEN_BEFORE_NEW = {"RS256": 6, "ES256": 13}
NEW_PER_SEC = {"RS256": 11_000, "ES256": 5_000}  # with these, or a bit less: some more are no harm
CACHED = "kube_bearer_verified_tokens_accepted"


def object_yaml(kind, name, uid, namespace=None):
    where = f", namespace: {namespace}" if namespace else ""
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, uid: {uid}{where}}}\n"


@functools.cache
def prepare(bench):
    """({algorithm: signer}, bootstrap tokens). Writes what a server of these rows is given."""
    from token_signer import ACCOUNT, ACCOUNT_UID, NAMESPACE, NODE, PODS, Signer  # needs what scripts/bench may have to install
    folder, tokens = bench.folder / "accounts", new_tokens(100, 1)
    folder.mkdir()
    (folder / "secrets.yaml").write_text("---\n".join(secret_yaml(t) for t in tokens))
    (folder / "objects.yaml").write_text("---\n".join([
        object_yaml("ServiceAccount", ACCOUNT, ACCOUNT_UID, NAMESPACE), object_yaml("Node", NODE["name"], NODE["uid"]),
        *(object_yaml("Pod", pod["name"], pod["uid"], NAMESPACE) for pod in PODS)]))
    signers = {algorithm: Signer(algorithm) for algorithm in ALGORITHMS}
    (bench.folder / "accounts.pub").write_bytes(b"".join(signer.pem() for signer in signers.values()))
    return signers, tokens


@contextlib.contextmanager
def serving(bench):
    server = KubeBearer(bench.folder, bench.build, f"--manifests={bench.folder / 'accounts'}", f"--service-account-issuer={AUDIENCE}",
                        f"--service-account-key-file={bench.folder / 'accounts.pub'}")
    try:
        yield server
    finally:
        server.stop()


def cached_row(bench):
    say("ServiceAccount tokens that were seen before, keep-alive, 16 connections, 100 Pods")
    signers, tokens = prepare(bench)
    bootstrap = write_bodies(bench.folder / "bootstrap", tokens)
    bodies = {algorithm: write_bodies(bench.folder / algorithm, signer.tokens(100)) for algorithm, signer in signers.items()}
    with serving(bench) as server:
        took = bench.alternate({"bootstrap": lambda: bench.wrk(server, bootstrap)[0],
                                **{name: (lambda b=b: bench.wrk(server, b)[0]) for name, b in bodies.items()}})
        if server.metric(CACHED) != 100 * len(bodies):
            raise RuntimeError("a valid token is refused")
    for algorithm in ALGORITHMS:
        bench.row(f"TokenReview, ServiceAccount token of a Pod, {algorithm}, cached", took[algorithm], "µs CPU/request",
                 took["bootstrap"], "a bootstrap token", limit=1.40, limit_text="≤ 1.40 ×")


def verification_us(bench):
    """{algorithm: what OpenSSL takes with a context that is prepared}"""
    said = run(*pinned(SERVER_CPU), bench.build / "tests/bench/jws_bench", *ALGORITHMS)
    return {algorithm: float(us) for algorithm, us in re.findall(r"^(\w+)  a copied context +([\d.]+) us", said, re.M)}


def present(bench, server, tokens):
    """For a second. (CPU microseconds of all requests, how many they were, how many tokens were new). None may be refused for want
    of time, which is cheaper."""
    def errors():
        return server.metric("kube_bearer_token_reviews_total", 'result="error"')

    cached, before = server.metric(CACHED), errors()
    each_us, said = bench.wrk_tokens(server, tokens, 1)
    if errors() > before:
        raise RuntimeError(f"{errors() - before:.0f} of {said['requests']} tokens were refused for want of time")
    return each_us * said["requests"], said["requests"], int(server.metric(CACHED) - cached)


def cost_of_new(bench, mixed, seen):
    """(CPU microseconds of one that is new, of one that is not)"""
    with serving(bench) as server:  # one that has seen none of them
        all_us, requests, new = present(bench, server, mixed)
        seen_us, seen_requests, _ = present(bench, server, seen)
    cached = seen_us / seen_requests
    return cached + (all_us - cached * requests) / new, cached


def first_rows(bench):
    say("ServiceAccount tokens that are new, among others that are not; runs are of a second each")
    measures, cached = {}, {}
    for algorithm, signer in prepare(bench)[0].items():
        old, new, few = signer.tokens(100), signer.tokens(NEW_PER_SEC[algorithm]), SEEN_BEFORE_NEW[algorithm]
        seen = write_tokens(bench.folder / f"{algorithm}-seen", old)
        mixed = write_tokens(bench.folder / f"{algorithm}-mixed",
                             [token for number, one in enumerate(new) for token in (*(old[number * few % 80:][:few]), one)])
        cached[algorithm] = []

        def measure(mixed=mixed, seen=seen, cached=cached[algorithm]):
            pairs = [cost_of_new(bench, mixed, seen) for _ in range(3)]
            cached.append(statistics.median(old for _, old in pairs))
            return statistics.median(new for new, _ in pairs)

        measures[algorithm] = measure
    took = bench.alternate(measures)
    for algorithm, verification in verification_us(bench).items():
        known = statistics.median(cached[algorithm])
        bench.row(f"the same, {algorithm}, new", took[algorithm], "µs CPU/request", known + verification + 10,
                 f"cached, {known:.1f}; OpenSSL's verification, {verification:.1f}; and 10", limit=1.0, limit_text="≤ the sum")


def memory_row(bench):
    say(f"{bench.cached:,} ServiceAccount tokens in the cache")
    signer = prepare(bench)[0]["ES256"]
    old, new = (write_tokens(bench.folder / f"kept-{count}", signer.tokens(count)) for count in (100, bench.cached))
    with serving(bench) as server:
        bench.wrk_tokens(server, old, 1)
        before, kept = server.memory_kib()["RssAnon"], 0
        end = time.monotonic() + 120
        while kept < bench.cached and time.monotonic() < end:  # those that find no time are asked about again
            bench.wrk_tokens(server, new)
            kept = server.metric(CACHED) - 100
        memory = (server.memory_kib()["RssAnon"] - before) * 1024 / kept
    bench.row(f"memory of a cached ServiceAccount token, of {kept:,.0f}", memory, "bytes", limit=1024, limit_text="≤ 1,024")


ROWS = {"service-accounts": cached_row, "new-service-accounts": first_rows, "service-account-memory": memory_row}
