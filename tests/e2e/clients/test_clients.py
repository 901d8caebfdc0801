# SPDX-License-Identifier: Apache-2.0
"""Clients that others wrote ask for a good, a wrong and an unknown token, and say what they made of the answers.

Each is a small program of this folder, with the client as it is published and its default settings. It finds the server by
KUBECONFIG, reads questions (a name, a token) from standard input, and prints a JSON object for each.
docs/clients.md shows the lines of these programs between "docs: begin" and "docs: end".
"""
import contextlib
import http.server
import json
import os
import re
import shutil
import subprocess
import tempfile
import textwrap
import threading
from pathlib import Path

import kit
import kit_cluster
import pytest
import yaml

HERE = Path(__file__).resolve().parent
PAGE = (kit.ROOT / "docs/clients.md").read_text()
CLIENT_SEC = 120 * kit.SLOW  # Python compiles some thousand modules the first time
PROXY_PORT = kit_cluster.BEARER_PORT  # of an address of its own
UNKNOWN = "token not known (yet)"  # in status.error


class World:
    """A server that asks for a client certificate, the three tokens, and what the clients are written with."""

    def __init__(self, folder, stack):
        """stack: ends the servers."""
        self.folder, self.stack, self.authority = folder, stack, kit.Authority()
        certificate, key = self.authority.issue("asker", names=(), addresses=(), client=True)
        for name, text in (("ca.crt", self.authority.pem), ("tls.crt", certificate), ("tls.key", key)):
            (folder / name).write_text(text)
        good = kit.new_token()
        self.tokens = {"good": good, "wrong": good[:7] + kit.new_token()[7:], "unknown": kit.new_token()}
        self.username = f"system:bootstrap:{good[:6]}"
        self.kubeconfig = self.serve(f"--client-ca-file={folder / 'ca.crt'}")

    def serve(self, *arguments):
        """A kubeconfig for another server that knows the good token."""
        folder = Path(tempfile.mkdtemp(dir=self.folder, prefix="server"))
        server = kit.Server(folder, arguments, authority=self.authority, tokens=[self.tokens["good"]], wait=False)
        self.stack.callback(server.stop)
        server.wait_ports()
        server.wait_ready()
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text((HERE / "kubeconfig.yaml").read_text()
                              .replace("kube-bearer.example:8443", f"127.0.0.1:{server.port}").replace("/etc/asker", str(self.folder)))
        return kubeconfig

    def built(self, family):
        """The directory of tests/e2e/clients/build."""
        done = subprocess.run([HERE / "build", family], stdout=subprocess.PIPE, text=True, check=True)
        return Path(json.loads(done.stdout.splitlines()[-1])[family])

    def environment(self, *path, kubeconfig=None):
        """Of a client; path: directories of programs that it needs. (Bytecode of Python's is kept: it is most of the time.)"""
        return {**os.environ, "HOME": str(self.folder), "KUBECONFIG": str(kubeconfig or self.kubeconfig), "PYTHONDONTWRITEBYTECODE": "",
                "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]])}

    def ask(self, *command, kubeconfig=None):
        """Run a client; {name of the token: what it printed for it}."""
        questions = "".join(f"{name} {token}\n" for name, token in self.tokens.items())
        done = subprocess.run([str(word) for word in command], input=questions, capture_output=True, text=True, timeout=CLIENT_SEC,
                              check=False, cwd=self.folder, env=self.environment(kubeconfig=kubeconfig))
        kit.assert_no_canary((done.stdout + done.stderr).encode(), "what a client printed")
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr[-4000:]}"
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        return {answer["token"]: answer for answer in answers}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("clients"), stack)


def python(program):
    return lambda world: world.ask(world.built("python") / "bin/python", HERE / "python" / program)


def node(world):
    """The program stands where its modules are."""
    built, folder = world.built("node"), world.folder / "node"
    folder.mkdir()
    (folder / "node_modules").symlink_to(built / "node_modules")
    shutil.copy(HERE / "node/client.mjs", folder)
    return world.ask(built / "node", folder / "client.mjs")


def java(world):
    return world.ask("java", "-cp", f"{world.built('java')}/*", HERE / "java/Client.java")


def go(program):
    return lambda world: world.ask(world.built("go") / program)


def kubectl(world):
    question, answers = (HERE / "kubectl/tokenreview.yaml").read_text(), {}
    for name, token in world.tokens.items():
        (world.folder / "tokenreview.yaml").write_text(question.replace("abcdef.0123456789abcdef", token))
        done = subprocess.run([HERE / "kubectl/ask.sh"], capture_output=True, text=True, timeout=CLIENT_SEC, check=False, cwd=world.folder,
                              env=world.environment(kit_cluster.tools()))
        kit.assert_no_canary((done.stdout + done.stderr).encode(), "what kubectl printed")
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
        status = yaml.safe_load(done.stdout)["status"]
        answers[name] = {"token": name, "authenticated": status.get("authenticated", False),
                         "username": status.get("user", {}).get("username"), "error": status.get("error")}
    return answers


# Clients that show the reply's status as it is.
CLIENTS = {
    "Python kubernetes": python("kubernetes_client.py"),
    "Python kubernetes_asyncio": python("kubernetes_asyncio_client.py"),
    "Python lightkube": python("lightkube_client.py"),
    "Node @kubernetes/client-node": node,
    "Java io.kubernetes:client-java": java,
    "Go client-go": go("typed"),
    "Go controller-runtime": go("controller_runtime"),
    "kubectl create": kubectl,
}


def understood(username):
    return {"good": {"token": "good", "authenticated": True, "username": username, "error": None},
            "wrong": {"token": "wrong", "authenticated": False, "username": None, "error": None},
            "unknown": {"token": "unknown", "authenticated": False, "username": None, "error": UNKNOWN}}


@pytest.mark.parametrize("name", CLIENTS)
def test_client_understands_every_answer(world, name):
    assert CLIENTS[name](world) == understood(world.username)


def test_vault_understands_every_answer(world):
    """Only a ServiceAccount can log in to Vault: of the others the plugin says whether it knows them, and no more."""
    answers = world.ask(world.built("go") / "vault", kubeconfig=world.serve())  # it has no client certificate to show
    assert not any(answer["authenticated"] for answer in answers.values())
    assert {name: answer["error"] for name, answer in answers.items()} == {
        "good": "lookup failed: unexpected username format",
        "wrong": "lookup failed: service account jwt not valid",
        "unknown": f"lookup failed: {UNKNOWN}"}


# --- kube-rbac-proxy --------------------------------------------------------------------------------------------

class Upstream(http.server.BaseHTTPRequestHandler):
    """Tells whom it was asked for."""

    def do_GET(self):  # noqa: N802 (http.server's name)
        body = (self.headers["x-remote-user"] or "").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def proxy(world):
    """get(path, token): (status, body) of the upstream behind kube-rbac-proxy."""
    folder, address = world.folder / "proxy", kit_cluster.new_address()
    folder.mkdir()
    certificate, key = world.authority.issue(names=(), addresses=(address,))
    (folder / "tls.crt").write_text(certificate)
    (folder / "tls.key").write_text(key)
    shutil.copy(HERE / "kube-rbac-proxy/authorization.yaml", folder)
    api = kit_cluster.Api(address, PROXY_PORT, world.authority.pem)

    def get(path, token=None):
        status, _, body = api.raw("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        return status, body.decode().strip()

    def is_listening():
        assert process.poll() is None, (folder / "log").read_text()
        with contextlib.suppress(OSError):
            return get("/metrics")[0] == 401
        return False

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as upstream, open(folder / "log", "wb") as log:
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        process = subprocess.Popen([HERE / "kube-rbac-proxy/run.sh"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env={
            **world.environment(world.built("kube-rbac-proxy")), "LISTEN": f"{address}:{PROXY_PORT}",
            "UPSTREAM": f"http://127.0.0.1:{upstream.server_port}/"})
        try:
            kit.eventually(is_listening, "kube-rbac-proxy", interval=0.05)
            yield get
        finally:
            process.kill()
            process.wait()
            upstream.shutdown()
    kit.assert_no_canary((folder / "log").read_bytes(), "kube-rbac-proxy's log")


def test_kube_rbac_proxy_lets_in_whom_it_knows(world, proxy):
    assert proxy("/metrics", world.tokens["good"]) == (200, world.username)
    assert proxy("/metrics", world.tokens["wrong"]) == (401, "Unauthorized")
    assert proxy("/metrics", world.tokens["unknown"]) == (401, "Unauthorized")


def test_kube_rbac_proxy_has_nobody_to_ask_what_a_user_may_do(world, proxy):
    """What its own file does not allow it asks as a SubjectAccessReview, and 404 is no answer to that."""
    status, body = proxy("/other", world.tokens["good"])
    assert status == 500 and body.startswith(f"Authorization error (user={world.username}"), (status, body)


# --- the page ---------------------------------------------------------------------------------------------------

def shown_lines(path):
    """What docs/clients.md shows of a file: all of it, or what stands between the marks."""
    text = (kit.ROOT / path).read_text()
    found = re.search(r"^[ \t]*(?:#|//) docs: begin\n(.*?)^[ \t]*(?:#|//) docs: end$", text, re.S | re.M)
    return textwrap.dedent(found.group(1)).rstrip("\n") + "\n" if found else text


def test_page_shows_what_is_run_and_printed():
    blocks = re.findall(r"(?:<!-- (\S+) -->\n)?```\w*\n(.*?)^```$", PAGE, re.S | re.M)
    for name, text in blocks:
        assert name, f"docs/clients.md: a block without its file:\n{text}"
        if name == "printed":
            assert list(map(json.loads, text.splitlines())) == list(understood("system:bootstrap:abcdef").values())
        else:
            assert text == shown_lines(name), f"docs/clients.md shows other lines of {name}:\n{text}"
    assert blocks
