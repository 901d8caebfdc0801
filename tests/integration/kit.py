# SPDX-License-Identifier: Apache-2.0
"""The test kit: the real binary with throw-away certificates, and a client that can misbehave.

Rules that the kit keeps for every test:
- Port 0, and no sleep in place of an event: eventually() waits for a condition up to a deadline.
- Whatever is secret is registered as a canary when it is made; a reply or a log line that contains one
  fails the test that saw it, and so does a sanitizer's report or an exit status other than 0.
"""
import contextlib
import datetime
import ipaddress
import json
import os
import random
import re
import signal
import socket
import ssl
import string
import subprocess
import threading
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT = Path(__file__).resolve().parent.parent.parent
SLOW = float(os.environ.get("KB_SLOW_FACTOR", "1"))  # sanitizers cost time: deadlines grow, rules stay
DEADLINE_SEC = 10 * SLOW
API_AUDIENCE = "https://kubernetes.default.svc.cluster.local"
REVIEW_PATHS = ("/authenticate", "/apis/authentication.k8s.io/v1/tokenreviews",
                "/apis/authentication.k8s.io/v1beta1/tokenreviews")

SANITIZER_MARKS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:", "MemorySanitizer",
                   "Assertion `", "stack smashing detected", "*** buffer overflow")


NOT_ZERO = object()  # for wait_end(): ended by itself with 1 or 2, not by a signal


def binary():
    """The program under test: KB_BINARY, else the build directory of the README."""
    path = Path(os.environ.get("KB_BINARY", ROOT / "build" / "kube-bearer")).resolve()
    assert path.is_file(), f"{path} is not there; build it or set KB_BINARY"
    return path


def eventually(check, what, timeout=DEADLINE_SEC, interval=0.005):
    """Poll until check() is truthy and return that; AssertionError is 'not yet'."""
    end = time.monotonic() + timeout
    last = None
    while True:
        try:
            value = check()
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout:.1f} s: {what}; last seen: {last!r}")
        time.sleep(interval)


# --- secrets and canaries -----------------------------------------------------------------------------------

CANARIES = set()
_alphabet = string.ascii_lowercase + string.digits
_system_random = random.SystemRandom()


def new_token():
    """A bootstrap token nobody has seen. Its secret part must never be seen again in a log or a reply."""
    secret = "".join(_system_random.choice(_alphabet) for _ in range(16))
    CANARIES.add(secret.encode())
    return "".join(_system_random.choice(_alphabet) for _ in range(6)) + "." + secret


def canary(length=24):
    """Any other text that must not come back."""
    text = "canary" + "".join(_system_random.choice(_alphabet) for _ in range(length))
    CANARIES.add(text.encode())
    return text


def assert_no_canary(data, where):
    for secret in list(CANARIES):
        assert secret not in data, f"a secret came back in {where}"


# --- certificates --------------------------------------------------------------------------------------------

def utc_now():
    """Without a time zone, as Debian 12's cryptography has its dates."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


class Authority:
    """A throw-away certificate authority."""

    def __init__(self, name="test CA"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {random.getrandbits(32):x}")])
        self.certificate = self._builder(self.name, self.key.public_key(), 3650).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(self.key, hashes.SHA256())
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _builder(self, subject, public_key, days):
        now = utc_now()
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(days=days)))

    def issue(self, common_name="kube-bearer", names=("localhost",), addresses=("127.0.0.1", "::1"), client=False,
              days=30, seconds=None, organizations=(), begins=None):
        """(certificate PEM, key PEM)"""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
                            + [x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        alternative = [x509.DNSName(n) for n in names] + [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = self._builder(subject, key.public_key(), days)
        if seconds is not None:
            builder._not_valid_after = utc_now().replace(microsecond=0) + datetime.timedelta(seconds=seconds)
        if begins is not None:
            builder._not_valid_before = utc_now().replace(microsecond=0) + datetime.timedelta(seconds=begins)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if alternative:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                    serialization.NoEncryption()).decode()
        CANARIES.add(key_pem.splitlines()[1].encode())
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), key_pem


def replace_file(path, text):
    """Write beside and rename over, as careful writers do."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{random.getrandbits(48):x}.tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


# --- HTTP ----------------------------------------------------------------------------------------------------

class Closed(AssertionError):
    """The server closed the connection before a whole reply."""


class Response:
    def __init__(self, status, reason, headers, body):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    def assert_status_body(self, code, reason):
        """A Kubernetes Status, as every answer that is no TokenReview has it."""
        assert self.status == code, (self.status, self.body)
        assert self.headers["content-type"].split(";")[0] == "application/json"
        status = self.json()
        assert (status["kind"], status["apiVersion"], status["status"]) == ("Status", "v1", "Failure")
        assert status["code"] == code and status["reason"] == reason and status["message"], status
        return status

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


class Connection:
    """One client connection, TLS unless plain. Sends exactly the bytes it is given."""

    def __init__(self, port, ca_pem=None, client=None, context=None, session=None, address="127.0.0.1", timeout=None,
                 local_address=None):
        self.timeout = timeout or DEADLINE_SEC
        self.raw = socket.create_connection((address, port), timeout=self.timeout,
                                            source_address=(local_address, 0) if local_address else None)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.eof = False
        if context is None and ca_pem is not None:
            context = client_context(ca_pem, client)
        try:
            self.socket = context.wrap_socket(self.raw, server_hostname=address, session=session) if context else self.raw
        except BaseException:
            self.raw.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _fill(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            data = b""
        self.eof = not data
        self.buffer += data
        return bool(data)

    def _take_until(self, mark):
        while mark not in self.buffer:
            if not self._fill():
                raise Closed(f"closed after {self.buffer[:200]!r}")
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def _take(self, count):
        while len(self.buffer) < count:
            if not self._fill():
                raise Closed(f"closed {count - len(self.buffer)} bytes short")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_response(self, head_only=False):
        head = self._take_until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        version, status, reason = (lines[0].split(" ", 2) + [""])[:3]
        assert version in ("HTTP/1.1", "HTTP/1.0"), lines[0]
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.strip().lower()] = value.strip()
        body = b""
        if head_only or int(status) in (204, 304) or 100 <= int(status) < 200:
            pass
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            while True:
                size = int(self._take_until(b"\r\n").split(b";")[0], 16)
                body += self._take(size)
                self._take(2)
                if size == 0:
                    break
        elif "content-length" in headers:
            body = self._take(int(headers["content-length"]))
        else:
            while self._fill():
                pass
            body, self.buffer = self.buffer, b""
        assert_no_canary(head + b"\r\n\r\n" + body, "a reply")
        return Response(int(status), reason, headers, body)

    def request(self, method, path, body=None, headers=None, head_only=None):
        self.send(http_bytes(method, path, body, headers))
        return self.read_response(head_only=method == "HEAD" if head_only is None else head_only)

    def review(self, token, audiences=None, version="v1", path="/authenticate"):
        response = self.request("POST", path, review_body(token, audiences, version))
        assert response.status == 200, response
        return response.json()

    def is_closed_by_peer(self, within=None):
        """Does the end of the stream come within the time? Data in between is kept."""
        end = time.monotonic() + (within or self.timeout)
        while not self.eof and time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                self._fill()
            except (TimeoutError, socket.timeout, ssl.SSLWantReadError):
                break
            except OSError:
                self.eof = True
            finally:
                self.socket.settimeout(self.timeout)
        return self.eof

    def half_close(self):
        """TCP FIN in our direction only, without TLS noticing."""
        with socket.socket(fileno=os.dup(self.socket.fileno())) as twin:
            twin.shutdown(socket.SHUT_WR)


def http_bytes(method, path, body=None, headers=None):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    headers = dict(headers or {})
    if body is not None:
        body = body if isinstance(body, bytes) else body.encode()
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            lines.append(f"Content-Length: {len(body)}")
        if "Content-Type" not in headers:
            lines.append("Content-Type: application/json")
    lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")


def client_context(ca_pem, client=None, maximum=None, minimum=None, ciphers=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca_pem)
    if client:
        context.load_cert_chain(*client)
    if ciphers:
        context.set_ciphers(ciphers)
    if minimum:
        context.minimum_version = minimum
    if maximum:
        context.maximum_version = maximum
    return context


def insecure_context():
    """Of a client that verifies nothing, as a probe's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def review_body(token, audiences=None, version="v1"):
    """What kube-apiserver sends."""
    spec = {"token": token}
    if audiences is not None:
        spec["audiences"] = audiences
    return json.dumps({"kind": "TokenReview", "apiVersion": f"authentication.k8s.io/{version}", "metadata": {},
                       "spec": spec, "status": {"user": {}}}) + "\n"


# --- manifests -----------------------------------------------------------------------------------------------

def protobuf_field(number, value):
    """A field whose value are bytes, a string or a message."""
    def varint(n):
        return bytes([n]) if n < 0x80 else bytes([0x80 | n & 0x7f]) + varint(n >> 7)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def protobuf_body(token, audiences=(), version="v1", kind="TokenReview"):
    """A review as client-go's typed client sends it; version None: nothing in its TypeMeta."""
    meta = protobuf_field(1, f"authentication.k8s.io/{version}" if version else "") + protobuf_field(2, kind if version else "")
    spec = protobuf_field(1, token) + b"".join(protobuf_field(2, audience) for audience in audiences)
    empty = b"".join(protobuf_field(n, "") for n in (1, 2, 3, 4, 5))
    review = protobuf_field(1, empty) + protobuf_field(2, spec) + protobuf_field(3, protobuf_field(4, ""))
    return (b"k8s\0" + protobuf_field(1, meta) + protobuf_field(2, review) + protobuf_field(3, "") + protobuf_field(4, ""))


def secret_manifest(token, name=None, namespace="kube-system", kind="bootstrap.kubernetes.io/token", deleted=False, **data):
    """A bootstrap token Secret as kubeadm makes it; keyword arguments override data (None removes a key)."""
    token_id, token_secret = token.split(".")
    fields = {"token-id": token_id, "token-secret": token_secret, "usage-bootstrap-authentication": "true"}
    for key, value in data.items():
        fields[key.replace("_", "-")] = value
    lines = ["apiVersion: v1", "kind: Secret", "metadata:", f"  name: {name or 'bootstrap-token-' + token_id}"]
    if namespace:
        lines.append(f"  namespace: {namespace}")
    if deleted:
        lines.append('  deletionTimestamp: "2026-01-02T03:04:05Z"')
    lines += [f"type: {kind}", "stringData:"]
    lines += [f"  {key}: {json.dumps(value)}" for key, value in fields.items() if value is not None]
    return "\n".join(lines) + "\n"


def rfc3339(seconds_from_now):
    instant = utc_now() + datetime.timedelta(seconds=seconds_from_now)
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- the server ----------------------------------------------------------------------------------------------

class Server:
    """One running `kube-bearer serve`."""

    def __init__(self, folder, arguments=(), authority=None, certificate=None, tokens=(), wait=True, environment=None,
                 bind="127.0.0.1", port=0, wrapper=(), manifests=None, store=None):
        """store: arguments that say where the objects are, in place of --manifests."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.manifests = Path(manifests) if manifests else self.folder / "manifests"
        self.manifests.mkdir(exist_ok=True)
        self.authority = authority or Authority()
        self.cert_file, self.key_file = self.folder / "tls.crt", self.folder / "tls.key"
        certificate = certificate or self.authority.issue()
        if not self.cert_file.exists():
            self.cert_file.write_text(certificate[0])
            self.key_file.write_text(certificate[1])
        self.port_file = self.folder / "ports.json"
        for token in tokens:
            self.put(token)
        self.log_path = self.folder / "log"
        self.log_file = open(self.log_path, "ab")
        self.address = bind if bind and bind.startswith("127.") else "127.0.0.1"
        self.arguments = ["serve", *([f"--manifests={self.manifests}"] if store is None else store),
                          f"--tls-cert-file={self.cert_file}", f"--tls-private-key-file={self.key_file}",
                          f"--secure-port={port}", f"--port-file={self.port_file}",
                          *([f"--bind-address={bind}"] if bind else []), *arguments]
        self.started = time.monotonic()
        self.process = subprocess.Popen([*wrapper, str(binary()), *self.arguments], stdin=subprocess.DEVNULL,
                                        stdout=self.log_file, stderr=self.log_file, cwd=self.folder,
                                        env={**os.environ, **(environment or {})})
        self.port = self.health_port = None
        self.stopped = False
        if wait:
            self.wait_ports()
            self.wait_ready()

    # life

    def wait_ports(self):
        def ports():
            assert self.process.poll() is None, f"exited with {self.process.returncode}:\n{self.log()}"
            return json.loads(self.port_file.read_text()) if self.port_file.exists() else None
        ports = eventually(ports, "the port file")
        self.port, self.health_port = ports["secure"], ports.get("health") or None

    def wait_ready(self):
        eventually(lambda: self.health("/readyz").status == 200, "readyz")

    def health(self, path, **options):
        """GET on whichever listener has health."""
        if self.health_port:
            with Connection(self.health_port, **options) as connection:
                return connection.request("GET", path)
        return self.get(path, **options)

    def stop(self, expect=0, number=signal.SIGTERM):
        """End it, and check what a run leaves behind."""
        if self.stopped:
            return
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.wait_end(expect)

    def wait_end(self, expect=0, timeout=15 * SLOW):
        """It has been told to end: wait for that, and check what a run leaves behind."""
        self.stopped = True
        try:
            code = self.process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not end within {timeout:.0f} s:\n{self.log()[-4000:]}") from None
        finally:
            self.log_file.close()
        log = self.log()
        for mark in SANITIZER_MARKS:
            assert mark not in log, f"{mark} in the log:\n{log[-12000:]}"
        assert_no_canary(log.encode(), "the log")
        assert (code in (1, 2) if expect is NOT_ZERO else code == expect), f"exit status {code}:\n{log[-4000:]}"

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.stopped = True

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, pattern, what=None):
        return eventually(lambda: re.search(pattern, self.log()), what or f"log line {pattern}")

    def hang_up(self):
        """SIGHUP, and the line that says what came of it."""
        pattern = r'(?m)^[IWE]\d.*"Signal received, (?:everything|not everything could be) read again.*$'
        before = len(re.findall(pattern, self.log()))
        self.process.send_signal(signal.SIGHUP)
        return eventually(lambda: re.findall(pattern, self.log())[before:], "SIGHUP's line")[0]

    # questions

    def connect(self, **options):
        options.setdefault("ca_pem", self.authority.pem)
        options.setdefault("address", self.address)
        return Connection(self.port, **options)

    def request(self, method, path, body=None, headers=None, **options):
        with self.connect(**options) as connection:
            return connection.request(method, path, body, headers)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def review(self, token, audiences=None, version="v1", path="/authenticate", **options):
        """The reply's TokenReview."""
        with self.connect(**options) as connection:
            return connection.review(token, audiences, version, path)

    def accepts(self, token, **options):
        return self.review(token, **options)["status"].get("authenticated") is True

    def wait_accepts(self, token):
        eventually(lambda: self.accepts(token), "the token is accepted")

    def wait_refuses(self, token):
        eventually(lambda: not self.accepts(token), "the token is refused")

    def metrics(self):
        return parse_metrics(self.health("/metrics").text)

    def connections(self):
        """How many are open, the one that asks included; None while a newcomer is turned away."""
        try:
            return self.metric("kube_bearer_connections")
        except (OSError, Closed):
            return None

    def metric(self, name, **labels):
        """Sum of the samples of a name that have these labels."""
        return sum(value for key, value in self.metrics().items()
                   if key[0] == name and set(labels.items()) <= set(key[1]))

    # objects

    def put(self, token, file=None, **data):
        """Write a Secret the careful way: beside and renamed."""
        replace_file(self.manifests / (file or f"{token.split('.')[0]}.yaml"), secret_manifest(token, **data))
        return token

    def new_token(self, **data):
        token = self.put(new_token(), **data)
        self.wait_accepts(token)
        return token


# --- metrics -------------------------------------------------------------------------------------------------

_sample = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
_label = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)')


def parse_metrics(text):
    """{(name, frozenset of label pairs): value}; holds the page to the text format 0.0.4."""
    assert text.endswith("\n")
    samples, types, helps, finished, current = {}, {}, {}, set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, helps_text = line[7:].split(" ", 1)
            assert name not in helps and helps_text, line
            helps[name] = helps_text
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name not in types and kind in ("counter", "gauge", "histogram"), line
            types[name] = kind
        else:
            found = _sample.match(line)
            assert found, f"not a sample: {line!r}"
            name, labels, value = found.groups()
            family = re.sub(r"_(bucket|sum|count)$", "", name) if re.sub(r"_(bucket|sum|count)$", "", name) in types else name
            assert family in types and family in helps, f"{name}: no TYPE or HELP before it"
            if family != current:
                assert family not in finished, f"{family}: its samples do not stand together"
                finished.add(current)
                current = family
            pairs = _label.findall(labels or "")
            assert "".join(f'{k}="{v}",' for k, v in pairs).rstrip(",") == (labels or ""), f"labels: {line!r}"
            key = (name, frozenset(pairs))
            assert key not in samples, f"twice: {line}"
            samples[key] = float(value)
    return samples


# --- load ----------------------------------------------------------------------------------------------------

class Load:
    """Clients that keep asking until told to stop. Every failure is kept; none may happen."""

    def __init__(self, ask, threads=2):
        self.stop_event = threading.Event()
        self.failures, self.count = [], 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(ask,), daemon=True) for _ in range(threads)]

    def _run(self, ask):
        while not self.stop_event.is_set():
            try:
                ask()
                with self.lock:
                    self.count += 1
            except Exception as error:  # noqa: BLE001: whatever it was, it is the finding
                with self.lock:
                    self.failures.append(repr(error))
                if len(self.failures) > 20:
                    return

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stop_event.set()
        for thread in self.threads:
            thread.join(DEADLINE_SEC)
        if kind is None:
            assert not self.failures, f"{len(self.failures)} of {self.count} failed, first: {self.failures[0]}"
            assert self.count > 0, "the load never got an answer"

    def wait_for(self, more):
        """Until so many further answers have come."""
        goal = self.count + more
        eventually(lambda: self.count >= goal or self.failures, f"{more} more answers")
