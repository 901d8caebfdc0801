# SPDX-License-Identifier: Apache-2.0
"""Clients that mean harm and are trusted with nothing: what they may cost, and that others do not notice them."""
import contextlib
import datetime
import re
import signal
import ssl
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import kit

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
SILENT_HELLO = b"\x16\x03\x01"  # a record begins, and no more


@contextlib.contextmanager
def hostile_client(*arguments):
    """tests/support/hostile_client.c, built beside the program under test."""
    program = kit.binary().parent / "tests" / "support" / "hostile_client"
    assert program.is_file(), f"{program} is not there; build it"
    process = subprocess.Popen([program, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def cpu_sec(server):
    """What the server has used of the processor so far."""
    user, system = open(f"/proc/{server.process.pid}/stat").read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / 100  # USER_HZ


def anonymous_bytes(server):
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(re.search(r"^RssAnon:\s+(\d+) kB$", status, re.M).group(1)) * 1024


def unread_bytes(server):
    """What clients sent and the server has not taken from its sockets yet."""
    port = f":{server.port:04X}"
    rows = [line.split() for line in open(f"/proc/{server.process.pid}/net/tcp")]
    return sum(int(row[4].split(":")[1], 16) for row in rows[1:] if row[1].endswith(port) and row[3] == "01")


@pytest.fixture
def alone(start_server):
    """A server with one worker: what keeps it busy keeps everybody waiting, and it looks at events in their order. Who
    is silent stays for the whole test."""
    token = kit.new_token()
    server = start_server("--workers=1", "--handshake-timeout=1m", tokens=[token])
    server.token = token
    return server


@contextlib.contextmanager
def silent_clients(server, count, data=SILENT_HELLO):
    """So many handshakes that do not go on, and the server knows it."""
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(kit.Connection(server.port)) for _ in range(count)]
        for connection in silent:
            connection.send(data)
        kit.eventually(lambda: server.connections() == count + 1 and unread_bytes(server) == 0,
                       "all are there, and read")
        yield silent


# --- certificates that cost more than a handshake -----------------------------------------------------------

@pytest.fixture
def client_authority():
    return kit.Authority("client CA")


@pytest.fixture
def guarded(start_server, tmp_path, client_authority):
    """One worker, and client certificates are demanded."""
    ca = tmp_path / "client-ca.crt"
    ca.write_text(client_authority.pem)
    token = kit.new_token()
    server = start_server(f"--client-ca-file={ca}", "--metrics-require-client-certificate=false", "--workers=1",
                          tokens=[token])
    server.token = token
    return server


@pytest.fixture
def client_pair(tmp_path, client_authority):
    """Issue a client's certificate and key, as files."""
    def issue(key_size=None):
        if key_size is None:
            pair = client_authority.issue(client=True, names=(), addresses=())
        else:
            key = rsa.generate_private_key(public_exponent=65537, key_size=key_size)
            now = kit.utc_now()
            subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "rsa client")])
            certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(client_authority.name)
                           .public_key(key.public_key()).serial_number(x509.random_serial_number())
                           .not_valid_before(now - datetime.timedelta(hours=1))
                           .not_valid_after(now + datetime.timedelta(days=1))
                           .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]), False)
                           .sign(client_authority.key, hashes.SHA256()))
            pair = (certificate.public_bytes(serialization.Encoding.PEM).decode(),
                    key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()).decode())
        paths = tmp_path / "client.crt", tmp_path / "client.key"
        for path, text in zip(paths, pair):
            path.write_text(text)
        return str(paths[0]), str(paths[1])
    return issue


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_hostile_clients_costly_certificate_is_refused_before_its_signature(guarded, client_pair, version):
    """An RSA key of 65,536 bits is cheap to send; to check a signature with it takes 24 s of a worker."""
    pair = client_pair()
    before = cpu_sec(guarded)
    with hostile_client("costly", guarded.port, version, 65536) as client:
        with kit.Load(lambda: guarded.review(guarded.token, client=pair), threads=1) as others:
            output, _ = client.communicate(timeout=kit.DEADLINE_SEC)
            others.wait_for(3)
    assert client.returncode == 0 and "terminated" in output, output
    kit.eventually(lambda: guarded.metric("kube_bearer_tls_handshake_failures_total") == 1, "the refusal is counted")
    assert cpu_sec(guarded) - before < 6


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_hostile_clients_certificate_without_its_key_is_refused(guarded, version):
    """The same client with a key that others have too: its signature is looked at, and is none."""
    with hostile_client("costly", guarded.port, version, 2048) as client:
        output, _ = client.communicate(timeout=kit.DEADLINE_SEC)
    assert client.returncode == 0 and "terminated" in output, output
    kit.eventually(lambda: guarded.metric("kube_bearer_tls_handshake_failures_total") == 1, "the refusal is counted")


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_hostile_clients_rsa_key_that_others_have_is_good(guarded, client_pair, version):
    context = kit.client_context(guarded.authority.pem, client_pair(2048), minimum=version, maximum=version)
    assert guarded.accepts(guarded.token, context=context)


# --- handshakes that do not go on ----------------------------------------------------------------------------

def test_hostile_clients_silent_handshake_uses_no_processor(alone):
    """libmicrohttpd by itself would ask GnuTLS over and over: one silent client kept a core busy."""
    span_sec = 2
    with silent_clients(alone, 5, b"\x16\x03\x01\x02\x00") as silent:
        before = cpu_sec(alone)
        time.sleep(span_sec)  # not a wait for something: it is what is measured
        used = cpu_sec(alone) - before
        assert not any(connection.is_closed_by_peer(within=0.01) for connection in silent), "nobody was left to measure"
        assert used < span_sec / 4, f"{used:.2f} s of the processor in {span_sec} s"
        assert alone.accepts(alone.token)


def test_hostile_clients_silent_handshake_goes_on_when_its_client_does(alone):
    """What waits is not forgotten."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = kit.client_context(alone.authority.pem).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    with silent_clients(alone, 1, hello[:3]) as (connection,):
        for piece in (hello[3:100], hello[100:]):
            connection.send(piece)
            assert alone.accepts(alone.token)
        incoming.write(connection.socket.recv(65536))
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(connection.socket.recv(65536))
        assert tls.version() == "TLSv1.3"


@pytest.mark.parametrize("count", [1, 20])
def test_hostile_clients_silent_handshake_does_not_hold_up_the_end(start_server, count):
    server = start_server("--workers=1", "--shutdown-grace-duration=1s")
    with silent_clients(server, count) as silent:
        server.process.terminate()
        server.wait_end(timeout=1 + 4 * kit.SLOW)
        assert silent[0].is_closed_by_peer()


def records(tls, data, size):
    """TLS records of so many bytes each."""
    for start in range(0, len(data), size):
        tls.write(data[start:start + size])


def test_hostile_clients_silent_handshake_does_not_slow_down_others(alone):
    """While a handshake waits, the worker sleeps on two lots of descriptors, and the second record of three in one
    segment is on neither: each such request took 500 ms."""
    requests, limit_sec = 100, 10
    token = kit.canary(3000)
    data = kit.http_bytes("POST", "/authenticate", kit.review_body(token))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = kit.client_context(alone.authority.pem).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with silent_clients(alone, 1), kit.Connection(alone.port) as connection:
        def exchange(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    connection.send(outgoing.read())
                    received = connection.socket.recv(65536)
                    assert received, "the server ended the connection"
                    incoming.write(received)
        exchange(tls.do_handshake)
        start = time.monotonic()
        for answered in range(requests):
            records(tls, data, len(data) // 3 + 1)
            reply = exchange(lambda: tls.read(65536))
            assert reply.startswith(b"HTTP/1.1 200 "), reply
            assert time.monotonic() - start < limit_sec, f"{answered + 1} of {requests} requests within {limit_sec} s"


def test_hostile_clients_silent_handshake_does_not_slow_down_who_comes(alone):
    """While a handshake waits, new connections still wake the worker: each step of theirs took 250 ms."""
    connections, limit_sec = 100, 10
    with silent_clients(alone, 1):
        start = time.monotonic()
        for answered in range(connections):
            assert alone.accepts(alone.token)
            assert time.monotonic() - start < limit_sec, f"{answered + 1} of {connections} within {limit_sec} s"


# --- bytes behind a message that carries none ----------------------------------------------------------------

@pytest.mark.parametrize("count", [1, 8])
def test_hostile_clients_request_behind_a_key_update_is_answered(alone, count):
    """GnuTLS says "nothing yet" after a KeyUpdate, although the request is in our buffer and no event will come. Of
    several at once all but one are kept aside: the worker's buffer is one."""
    with hostile_client("key-update", alone.port, count) as client:
        assert client.stdout.readline() == "ready\n"
        alone.process.send_signal(signal.SIGSTOP)  # so that it finds all of them together
        try:
            client.stdin.write("go\n")
            client.stdin.flush()
            assert client.stdout.readline() == "sent\n"
        finally:
            alone.process.send_signal(signal.SIGCONT)
        output = client.stdout.read()  # communicate() of newer Pythons forgets what readline() has read ahead
        client.wait(timeout=6 * count + kit.DEADLINE_SEC)
    assert (client.returncode, output) == (0, f"{count} answered\n")


# --- bodies of those who may not ask -------------------------------------------------------------------------

BODY_BYTES = 100000
CLIENTS = 200
ALL_BODIES_BYTES = CLIENTS * BODY_BYTES
MAY_NOT_ASK = {
    "no certificate": ("POST", "/authenticate", 401, "Unauthorized"),
    "no such path": ("POST", "/nothing", 404, "NotFound"),
    "another method": ("PUT", "/authenticate", 405, "MethodNotAllowed"),
    "another method of a page": ("POST", "/version", 405, "MethodNotAllowed"),
}
may_not_ask = pytest.mark.parametrize("method,path,code,reason", MAY_NOT_ASK.values(), ids=MAY_NOT_ASK.keys())


@may_not_ask
def test_hostile_clients_refusal_comes_after_the_body_and_keeps_the_connection(guarded, method, path, code, reason):
    body = b"x" * BODY_BYTES
    data = kit.http_bytes(method, path, body)
    with guarded.connect() as connection:
        for _ in range(2):
            for start in range(0, len(data) - 1, 10000):
                connection.send(data[start:min(start + 10000, len(data) - 1)])
                assert guarded.get("/livez").status == 200  # one worker: it has looked at the piece, too
            assert not connection.is_closed_by_peer(within=0.01) and connection.buffer == b"", "answered too early"
            connection.send(data[-1:])
            connection.read_response().assert_status_body(code, reason)
        assert connection.request("GET", "/livez").status == 200


@contextlib.contextmanager
def unfinished_bodies(server, method, path, code, **options):
    """Many clients that have sent all of a large body but its last byte, and what the server holds more for it."""
    data = kit.http_bytes(method, path, b" " * BODY_BYTES)
    context = kit.client_context(server.authority.pem, options.get("client"))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect(context=context)) for _ in range(CLIENTS)]
        for connection in clients:
            assert connection.request(method, path, b" ").status == code  # the connection's own memory
        before = anonymous_bytes(server)
        for connection in clients:
            connection.send(data[:-1])
        kit.eventually(lambda: unread_bytes(server) == 0, "all is read")
        yield anonymous_bytes(server) - before
        for connection in clients:
            connection.send(data[-1:])
            assert connection.read_response().status == code


@pytest.mark.release_only  # sanitizers keep what was freed
@may_not_ask
def test_hostile_clients_body_of_a_refused_request_is_not_kept(guarded, method, path, code, reason):
    with unfinished_bodies(guarded, method, path, code) as more:
        assert more < ALL_BODIES_BYTES / 4


@pytest.mark.release_only
def test_hostile_clients_body_of_who_may_ask_is_kept(guarded, client_pair):
    """The measure sees what it is to see."""
    with unfinished_bodies(guarded, "POST", "/authenticate", 400, client=client_pair()) as more:
        assert more > ALL_BODIES_BYTES * 3 / 4
