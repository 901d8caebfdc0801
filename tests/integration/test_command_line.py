# SPDX-License-Identifier: Apache-2.0
"""Options of the real binary, and `review --server` in all the ways a connection can be wrong."""
import http.server
import json
import os
import re
import ssl
import subprocess
import threading

import pytest

import kit

CLIENT = "kube-apiserver"


def run(*arguments, stdin="", environment=None, folder=None):
    done = subprocess.run([str(kit.binary()), *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          timeout=30 * kit.SLOW, env={**os.environ, **(environment or {})}, cwd=folder)
    for mark in kit.SANITIZER_MARKS:
        assert mark not in done.stderr, done.stderr
    kit.assert_no_canary((done.stdout + done.stderr).encode(), "what a command printed")
    return done


def assert_usage_error(done, text):
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == "" and text in done.stderr
    assert len(done.stderr.splitlines()) == 1, "one line, no help dump"


@pytest.mark.parametrize("arguments,text", [
    (["serve"], "--manifests, --kubeconfig or --in-cluster: one of them is required"),
    (["serve", "--secure-prot=1"], "did you mean --secure-port?"),
    (["serve", "--secure-port=70000"], "--secure-port: expected a whole number from 0 to 65535"),
    (["serve", "--handshake-timeout=10"], "--handshake-timeout: expected a duration"),
    (["serve", "--client-ca-file="], "--client-ca-file: expected a value; leave the option out"),
    (["serve", "--client-ca-file=x", "--client-allowed-names="], "--client-allowed-names: expected a value; leave the option out"),
    (["check-config", "--client-allowed-names", ""], "--client-allowed-names: expected a value; leave the option out"),
    (["serve", "extra"], "expected options only"),
    (["reviev"], "did you mean review?"),
    ([], "expected a command"),
])
def test_usage_errors_are_one_line_and_exit_status_2(arguments, text):
    assert_usage_error(run(*arguments), text)


def test_tokens_in_the_wrong_place_are_not_repeated():
    for arguments in (["{}"], ["review", "{}"], ["review", "--token={}"], ["review", "--{}"], ["review", "--audience={},"],
                      ["review", "-f", "{}", "--manifests=x"], ["serve", "{}"], ["help", "{}"],
                      ["review", "--token-file={}", "--manifests=x"], ["review", "--at={}"], ["review", "--server={}"]):
        done = run(*(argument.format(kit.new_token()) for argument in arguments))  # run() looks for the canary
        assert done.returncode == 2, arguments


@pytest.mark.parametrize("text,where", [
    ("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nsecurePort: '1'\n", "c.yaml:3:13: securePort: expected"),
    ("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nclientCaFile: x\n", "did you mean clientCAFile?"),
    ("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nv: 1\nv: 2\n", "c.yaml:4:1: "),
    ("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nserviceAccountIssuers:\n- name: b\n  keysURL: http://h/\n",
     "c.yaml:5:12: serviceAccountIssuers[0].keysURL: expected a URL that begins with https://"),
    ("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nclientCAFile:\n", "--client-ca-file: expected a value"),
    ("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nclientCAFile: x\nclientAllowedNames: []\n",
     "--client-allowed-names: expected a value"),
    ("apiVersion: kube-bearer/v1\nkind: Configuration\n", "c.yaml:1:13: expected apiVersion: kube-bearer/v1alpha1"),
    ("", "expected apiVersion"),
])
def test_configuration_file_errors_name_file_line_and_column(tmp_path, text, where):
    (tmp_path / "c.yaml").write_text(text)
    for command in ("serve", "check-config"):
        assert_usage_error(run(command, "--config=c.yaml", folder=tmp_path), where)


def configuration_files_of_the_documentation():
    for page in sorted((kit.ROOT / "docs").glob("*.md")):
        for text in re.findall(r"^```yaml\n(apiVersion: kube-bearer/.*?)^```$", page.read_text(), re.M | re.S):
            yield pytest.param(text, id=page.name)


@pytest.mark.parametrize("text", configuration_files_of_the_documentation())
def test_configuration_files_of_the_documentation_are_taken(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    done = run("check-config", "--config=c.yaml", folder=tmp_path)
    assert done.returncode == 1, f"the files that it names are not here, but its options are right: {done.stderr}"


def test_serve_takes_its_options_from_the_file_and_flags_win(start_server, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nworkers: 1\nsecurePort: 1\n"
                      "unknownTokenAnswer: refuse\nloggingFormat: json\napiAudiences: [a]\n")
    server = start_server(f"--config={config}", "--api-audiences=b", tokens=[])
    assert not server.review(kit.new_token())["status"].get("error"), "from the file"
    token = server.new_token()
    assert not server.review(token, audiences=["a"])["status"].get("authenticated"), "the flag replaced the file's list"
    assert server.review(token, audiences=["b"])["status"]["authenticated"]
    serving = next(json.loads(line) for line in server.log().splitlines() if '"Serving"' in line)
    assert serving["workers"] == 1 and serving["port"] == server.port


def test_serve_leaves_no_core_files(start_server):
    """That it is not dumpable either is in tests/unit/cli/process_test.c: root cannot see that from outside."""
    limits = open(f"/proc/{start_server().process.pid}/limits").read()
    assert re.search(r"Max core file size +0 +0 ", limits)


def test_review_reads_the_configuration_of_serve(start_server, tmp_path):
    token = kit.new_token()
    server = start_server(tokens=[token])
    config = tmp_path / "c.yaml"
    config.write_text("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\napiAudiences: [a]\ntlsCertFile: absent\n"
                      f"manifests: {server.manifests}\n")
    done = run("review", f"--config={config}", "--token-file=-", "--audience=a", stdin=token)
    assert done.returncode == 0 and json.loads(done.stdout)["status"]["audiences"] == ["a"]


@pytest.fixture
def guarded(start_server, tmp_path, authority):
    """A server that wants client certificates, and the files with which one asks it."""
    clients = kit.Authority("client CA")
    (tmp_path / "clients.crt").write_text(clients.pem)
    (tmp_path / "ca.crt").write_text(authority.pem)
    for name, issuer in (("client", clients), ("stranger", kit.Authority())):
        certificate, key = issuer.issue(CLIENT, client=True)
        (tmp_path / f"{name}.crt").write_text(certificate)
        (tmp_path / f"{name}.key").write_text(key)
    return start_server(f"--client-ca-file={tmp_path}/clients.crt", f"--client-allowed-names={CLIENT}",
                        tokens=[kit.new_token()])


def ask(server, folder, *arguments, name="client", host="127.0.0.1", token="x", path="/authenticate"):
    certificate = [f"--client-certificate={folder}/{name}.crt", f"--client-key={folder}/{name}.key"] if name else []
    return run("review", f"--server=https://{host}:{server.port}{path}", f"--certificate-authority={folder}/ca.crt",
               "--token-file=-", *certificate, *arguments, stdin=token)


def test_review_of_a_server_by_client_certificate(guarded, tmp_path):
    token = guarded.put(kit.new_token())
    kit.eventually(lambda: ask(guarded, tmp_path, token=token).returncode == 0, "the token is known")
    assert json.loads(ask(guarded, tmp_path, token=token).stdout)["status"]["authenticated"] is True
    wrong = token[:7] + kit.new_token()[7:]
    assert ask(guarded, tmp_path, token=wrong).returncode == 1, "refused"
    assert ask(guarded, tmp_path, token=kit.new_token()).returncode == 1, "not known"
    for name in (None, "stranger"):
        done = ask(guarded, tmp_path, token=token, name=name)
        assert done.returncode == 2, "could not be asked, which is no answer"
        assert "answered 40" in done.stderr or "--server: " in done.stderr
    assert ask(guarded, tmp_path, token=token, path="/nothing-here").returncode == 2


def test_review_of_a_server_explains_what_it_can(guarded, tmp_path):
    token = guarded.put(kit.new_token())
    kit.eventually(lambda: ask(guarded, tmp_path, token=token).returncode == 0, "the token is known")
    page = ask(guarded, tmp_path, "-o", "explain", f"--audience={kit.API_AUDIENCE}", token=token).stdout
    assert "Only the server's answer is known" in page and page.endswith("answer: yes\n")
    assert f"user: system:bootstrap:{token[:6]}\n" in page and f"audiences: {kit.API_AUDIENCE}\n" in page
    page = ask(guarded, tmp_path, "-o", "explain", token=kit.new_token()).stdout
    assert "answer: not known (not cacheable): " in page


def test_review_of_a_server_checks_the_name(start_server, tmp_path, authority):
    token = kit.new_token()
    (tmp_path / "ca.crt").write_text(authority.pem)
    server = start_server(certificate=authority.issue(names=("bearer.example",), addresses=()), tokens=[token], wait=False)
    server.wait_ports()

    def asked(*arguments):
        return ask(server, tmp_path, *arguments, name=None, token=token)
    assert asked().returncode == 2, "the certificate is not for 127.0.0.1"
    assert asked("--tls-server-name=other.example").returncode == 2
    kit.eventually(lambda: asked("--tls-server-name=bearer.example").returncode == 0, "asked by the certificate's name")


def test_review_of_a_server_verifies_as_kube_apiserver_does(start_server, tmp_path, authority):
    """OpenSSL and libcurl take a common name for a host. The token stays here."""
    token = kit.new_token()
    (tmp_path / "ca.crt").write_text(authority.pem)
    server = start_server(certificate=authority.issue("localhost", names=(), addresses=()), tokens=[token], wait=False)
    server.wait_ports()
    done = ask(server, tmp_path, name=None, token=token, host="localhost")
    assert done.returncode == 2 and done.stdout == ""
    assert ('--server: the certificate does not cover localhost; kube-apiserver says "x509: certificate relies on legacy '
            'Common Name field, use SANs instead"') in done.stderr
    done = ask(server, tmp_path, name=None, token=token)
    assert done.returncode == 2 and "because it doesn't contain any IP SANs" in done.stderr
    assert "kube_bearer_token_reviews_total{" not in server.get("/metrics", context=kit.insecure_context()).text
    server = start_server(certificate=authority.issue(names=("bearer.example",)), tokens=[token], wait=False)
    server.wait_ports()
    done = ask(server, tmp_path, "--tls-server-name=other.example", name=None, token=token)
    assert "x509: certificate is valid for bearer.example, not other.example" in done.stderr
    other = tmp_path / "ca.crt"
    other.write_text(kit.Authority().pem)
    done = ask(server, tmp_path, name=None, token=token)
    assert done.returncode == 2 and "--server: SSL certificate problem: " in done.stderr


def test_webhook_config_says_what_it_doubts(start_server, tmp_path):
    server = start_server()
    done = run("webhook-config", f"--server=https://bearer.example:{server.port}", f"--tls-cert-file={server.cert_file}")
    assert done.returncode == 0 and done.stdout.startswith("# Save this")
    assert "webhook-config: warning: --server: https://bearer.example:" in done.stderr and "/authenticate meant?" in done.stderr
    assert (f'{server.cert_file}: warning: the certificate does not cover bearer.example; kube-apiserver says '
            '"x509: certificate is valid for localhost, not bearer.example"') in done.stderr
    done = run("webhook-config", f"--server=https://127.0.0.1:{server.port}/authenticate", f"--tls-cert-file={server.cert_file}")
    assert (done.returncode, done.stderr) == (0, "")


class Elsewhere:
    """An HTTPS server that answers what a test wants, and remembers what it was asked."""

    def __init__(self, authority, folder, status, headers, body):
        certificate, key = authority.issue()
        (folder / "else.crt").write_text(certificate)
        (folder / "else.key").write_text(key)
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                seen.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value.format(port=self.server.server_address[1]))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # the client has seen enough

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "else.crt", folder / "else.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("status,headers,body,text", [
    (307, {"Location": "https://127.0.0.1:{port}/elsewhere"}, b"", "answered 307"),
    (200, {}, b"hello", "not a TokenReview"),
    (200, {}, b'{"kind":"Status","status":"Failure"}', "not a TokenReview"),
    (500, {}, b'{"kind":"TokenReview","status":{"authenticated":true}}', "answered 500"),
    (200, {}, b" " * 1100000, "the reply is longer than"),
], ids=["redirect", "no JSON", "Status", "a yes with 500", "too long"])
def test_review_of_something_else_is_no_answer(tmp_path, authority, status, headers, body, text):
    (tmp_path / "ca.crt").write_text(authority.pem)
    with Elsewhere(authority, tmp_path, status, headers, body) as server:
        done = ask(server, tmp_path, name=None, token=kit.new_token())
        assert done.returncode == 2 and text in done.stderr, (done.returncode, done.stderr)
        assert len(server.seen) == 1, "asked once, and nobody else"


def test_review_of_a_server_uses_no_proxy(tmp_path, authority):
    (tmp_path / "ca.crt").write_text(authority.pem)
    body = b'{"kind":"TokenReview","status":{"authenticated":true}}'
    with Elsewhere(authority, tmp_path, 200, {}, body) as server:
        done = run("review", f"--server=https://127.0.0.1:{server.port}/", f"--certificate-authority={tmp_path}/ca.crt",
                   "--token-file=-", stdin=kit.new_token(),
                   environment={"https_proxy": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1", "no_proxy": ""})
        assert done.returncode == 0, done.stderr


def test_review_of_a_server_gives_up_in_time(tmp_path, authority):
    import socket
    import time
    (tmp_path / "ca.crt").write_text(authority.pem)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        done = run("review", f"--server=https://127.0.0.1:{silent.getsockname()[1]}/", "--request-timeout=300ms",
                   f"--certificate-authority={tmp_path}/ca.crt", "--token-file=-", stdin=kit.new_token())
        assert done.returncode == 2 and time.monotonic() - started < 5 * kit.SLOW


def test_check_config_finds_a_mismatched_pair(server, tmp_path):
    other = tmp_path / "other.key"
    other.write_text(server.authority.issue()[1])
    done = run("check-config", f"--manifests={server.manifests}", f"--tls-cert-file={server.cert_file}",
               f"--tls-private-key-file={other}")
    assert done.returncode == 1 and done.stdout == ""


def test_review_that_cannot_be_printed_is_no_answer(start_server, tmp_path):
    token = kit.new_token()
    server = start_server(tokens=[token])
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(kit.binary()), "review", f"--manifests={server.manifests}", "--token-file=-"], input=token,
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=30 * kit.SLOW)
    assert done.returncode == 2 and "standard output cannot be written" in done.stderr
