# SPDX-License-Identifier: Apache-2.0
"""What all rows of scripts/bench measure with: servers, tokens, wrk, alternating runs.

Both servers use the same certificate and one worker each on CPU 0; the clients run on CPU 1. A request's
price is the server's CPU time (utime + stime of all its threads) over the number of requests, so it hardly
depends on what the clients manage. Runs of all candidates alternate, and the median counts.
"""
import base64
import contextlib
import json
import os
import random
import re
import shutil
import socket
import ssl
import statistics
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CPU, CLIENT_CPU = 0, 1
START_TIMEOUT_SEC = 300  # a million Secrets are read in this time, and a hang ends
ALPHABET = string.ascii_lowercase + string.digits


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=600, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit {done.returncode}: {done.stdout[-500:]} {done.stderr[-2000:]}")
    return done.stdout


def pinned(cpu):
    return ["taskset", "-c", str(cpu)] if (os.cpu_count() or 1) > 1 else []


# --- what both are given -------------------------------------------------------------------------------------

def make_certificate(folder):
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    run("openssl", "req", "-x509", *key, "-subj", "/CN=benchmark", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", folder / "tls.key", "-out", folder / "tls.crt")
    os.chmod(folder / "tls.key", 0o600)


def new_tokens(count, seed):
    """Distinct tokens. TEST-ONLY: they live as long as the benchmark."""
    rng = random.Random(seed)
    ids = set()
    while len(ids) < count:
        ids.add("".join(rng.choices(ALPHABET, k=6)))
    return [f"{i}.{''.join(rng.choices(ALPHABET, k=16))}" for i in sorted(ids)]


def secret_object(token):
    name, secret = token.split(".")
    data = {"auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token", "token-id": name, "token-secret": secret,
            "usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true"}
    return {"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": {"name": f"bootstrap-token-{name}", "namespace": "kube-system"},
            "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}


def secret_yaml(token):
    name, secret = token.split(".")
    return (f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: bootstrap-token-{name}\n  namespace: kube-system\n"
            f"type: bootstrap.kubernetes.io/token\nstringData:\n  token-id: \"{name}\"\n  token-secret: \"{secret}\"\n"
            f"  usage-bootstrap-authentication: \"true\"\n  usage-bootstrap-signing: \"true\"\n"
            f"  auth-extra-groups: system:bootstrappers:kubeadm:default-node-token\n")


def write_manifests(folder, tokens, per_file):
    """YAML, one object a file, as people have it; or JSON, many in a file, for the million."""
    folder.mkdir()
    if per_file == 1:
        for token in tokens:
            (folder / f"{token[:6]}.yaml").write_text(secret_yaml(token))
        return
    for at in range(0, len(tokens), per_file):
        items = [secret_object(t) for t in tokens[at:at + per_file]]
        (folder / f"{at:08d}.json").write_text("\n".join(json.dumps(item) for item in items) + "\n")


AUDIENCE = "https://kubernetes.default.svc.cluster.local"


def review(token):
    """What kube-apiserver sends."""
    return json.dumps({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
                       "spec": {"token": token, "audiences": [AUDIENCE]}, "status": {"user": {}}}, separators=(",", ":"))


def write_bodies(path, tokens):
    path.write_text("".join(review(t) + "\n" for t in tokens))
    return path


def write_tokens(path, tokens):
    path.write_text("".join(t + "\n" for t in tokens))
    return path


# --- servers -------------------------------------------------------------------------------------------------

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A server under measurement; .pid is the process whose CPU counts."""

    def last_words(self):
        return ""

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_sec(self, threads=None):
        """threads: of those only whose name begins with this"""
        stats = [Path(f"/proc/{self.pid}/stat")]
        if threads is not None:
            stats = [task / "stat" for task in Path(f"/proc/{self.pid}/task").iterdir()
                     if (task / "comm").read_text().startswith(threads)]
        fields = [stat.read_text().rsplit(")", 1)[1].split() for stat in stats]
        return sum(int(f[11]) + int(f[12]) for f in fields) / TICKS

    def memory_kib(self):
        text = Path(f"/proc/{self.pid}/status").read_text()
        return {name: int(re.search(rf"{name}:\s+(\d+)", text).group(1)) for name in ("VmRSS", "RssAnon")}

    def wait_answer(self, *arguments, **options):
        """Until a GET answers 200. Nobody but us can stop it yet."""
        try:
            self._wait_answer(*arguments, **options)
        except BaseException:
            self.stop()
            raise

    def _wait_answer(self, path="/livez", find_port=None, plain=False, code=b"200"):
        end = time.monotonic() + START_TIMEOUT_SEC
        context = ssl._create_unverified_context()
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {self.last_words()}")
            with contextlib.suppress(OSError):
                with socket.create_connection(("127.0.0.1", find_port() if find_port else self.port), timeout=5) as raw:
                    connection = raw if plain else context.wrap_socket(raw)
                    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                    if connection.recv(4096).split(b" ")[1:2] == [code]:
                        return
            time.sleep(0.0005)
        raise RuntimeError(f"{self.name} did not get ready")


class KubeBearer(Process):
    name = "kube-bearer"

    def __init__(self, folder, build, *options):
        """options: of serve; where the Secrets are among them"""
        self.work = Path(tempfile.mkdtemp(dir=folder))
        ports = self.work / "ports.json"
        self.log = open(self.work / "log", "wb")
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [*pinned(SERVER_CPU), str(build / "kube-bearer"), "serve",
             f"--tls-cert-file={folder}/tls.crt", f"--tls-private-key-file={folder}/tls.key", "--bind-address=127.0.0.1",
             "--secure-port=0", "--health-bind-address=127.0.0.1:0", f"--port-file={ports}", "--workers=1", *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.pid = self.process.pid
        self.port = None
        self.wait_answer("/readyz", lambda: json.loads(ports.read_text())["health"], plain=True)
        self.ready_sec = time.perf_counter() - self.started
        told = json.loads(ports.read_text())
        self.port, self.health_port = told["secure"], told["health"]

    def last_words(self):
        return (self.work / "log").read_text(errors="replace").strip().rpartition("\n")[2]

    def metric(self, name, label=""):
        """The sum over its labels; of those only that have this one."""
        with socket.create_connection(("127.0.0.1", self.health_port), timeout=10) as s:
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            page = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        return sum(float(v) for labels, v in re.findall(rf"^{name}(\{{[^}}]*\}})? (\S+)$", page, re.M) if label in labels)

    def handshakes(self):
        return int(self.metric("kube_bearer_tls_handshakes_total"))


class Nginx(Process):
    name = "nginx"

    def __init__(self, folder, body, tickets="on"):
        work = Path(tempfile.mkdtemp(dir=folder))
        os.chmod(folder, 0o711)
        os.chmod(work, 0o755)
        for name in ("tls.crt", "tls.key"):
            shutil.copy(folder / name, work / name)
        self.port = free_port()
        text = (ROOT / "tests/bench/nginx.conf.template").read_text()
        for name, value in (("DIR", str(work)), ("PORT", str(self.port)), ("TICKETS", tickets), ("BODY", body)):
            text = text.replace(f"@{name}@", value)
        (work / "nginx.conf").write_text(text)
        program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        self.process = subprocess.Popen([*pinned(SERVER_CPU), program, "-p", str(work), "-e", str(work / "nginx-error.log"),
                                         "-c", str(work / "nginx.conf")], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        self.wait_answer()
        # the worker does the work
        self.pid = int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])


# --- measuring -----------------------------------------------------------------------------------------------

def measure_load(folder):
    """How far memory is away, in nanoseconds: what a table of many Secrets must be judged by."""
    program = folder / "dependent_load"
    run("gcc", "-std=c17", "-D_GNU_SOURCE", "-O2", ROOT / "tests/bench/dependent_load.c", "-o", program)
    return float(run(*pinned(SERVER_CPU), program))


class Bench:
    def __init__(self, arguments, folder, load_ns):
        self.load_us = load_ns / 1000
        self.runs = arguments.runs or (2 if arguments.quick else 5)
        self.seconds = arguments.seconds or (1 if arguments.quick else 5)
        self.handshakes = 300 if arguments.quick else 2000
        self.requests = 50_000 if arguments.quick else 1_000_000
        self.secrets = 2000 if arguments.quick else 20_000  # in an API server
        self.creates = 50 if arguments.quick else 500
        self.million = 100_000 if arguments.quick else 1_000_000
        self.cached = 10_000 if arguments.quick else 50_000  # ServiceAccount tokens; more do not fit into the cache
        self.folder, self.build = folder, arguments.build
        self.vs, self.vs_build = arguments.vs, None  # another revision, and the directory of its build
        self.rows = []

    def row(self, what, value, unit, other=None, other_name="nginx", limit=None, limit_text="", aim=None, note=""):
        ratio = value / other if other else None
        judged = ratio if other else value
        self.rows.append({"what": what, "value": value, "unit": unit, "compared_with": other_name if other else None,
                          "other": other, "ratio": ratio, "limit": limit, "limit_text": limit_text, "aim": aim, "note": note,
                          "ok": None if limit is None else judged <= limit})
        say(f"  {what}: {value:.2f} {unit}" + (f", {other_name} {other:.2f}, ratio {ratio:.3f}" if other else ""))

    def wrk(self, server, bodies, seconds=None, connections=16):
        """(CPU microseconds a request, what wrk says)"""
        return self.run_wrk(server, seconds, connections, "review.lua", bodies)

    def wrk_tokens(self, server, tokens, seconds=None):
        """The same, with bodies made on the fly: for very many tokens."""
        return self.run_wrk(server, seconds, 16, "review_tokens.lua", tokens, review("@"))

    def run_wrk(self, server, seconds, connections, script, *arguments):
        seconds = seconds or self.seconds
        before = server.cpu_sec()
        out = run(*pinned(CLIENT_CPU), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", ROOT / "tests/bench" / script,
                  f"https://127.0.0.1:{server.port}/authenticate", "--", *arguments)
        used = server.cpu_sec() - before
        said = json.loads(re.search(r"^BENCH (.*)$", out, re.M).group(1))
        if said["errors"] or said["not_2xx"] or not said["requests"]:
            raise RuntimeError(f"{server.name}: {said}")
        return used / said["requests"] * 1e6, said

    def alternate(self, candidates):
        """{name: median} over alternating runs of {name: function}"""
        taken = {name: [] for name in candidates}
        for number in range(self.runs):
            for name, measure in candidates.items():
                taken[name].append(measure())
            say(f"    run {number + 1}: " + ", ".join(f"{n} {v[-1]:.2f}" for n, v in taken.items()))
        return {name: statistics.median(values) for name, values in taken.items()}

    def reply(self, server, token):
        context = ssl._create_unverified_context()
        with context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as s:
            body = review(token).encode()
            s.sendall(b"POST /authenticate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                      + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            text = b"".join(iter(lambda: s.recv(65536), b"")).split(b"\r\n\r\n", 1)[1].decode().strip()
        if json.loads(text)["status"].get("authenticated") is not True:
            raise RuntimeError(f"a valid token is refused: {text}")
        return text
