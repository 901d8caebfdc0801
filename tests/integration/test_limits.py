# SPDX-License-Identifier: Apache-2.0
"""Every row of the limits table: what a peer gets that goes past it, and that one below it does not."""
import contextlib
import re
import socket
import ssl
import subprocess
import time

import pytest
import yaml

import kit

BODY_LIMIT = 131072  # --max-request-body-bytes
MIB = 1048576


def padded(token, size):
    """A good review of exactly this many bytes."""
    body = kit.review_body(token).encode()
    return body + b" " * (size - len(body))


def test_limits_body_of_just_the_limit_is_answered(server, token):
    assert server.request("POST", "/authenticate", padded(token, BODY_LIMIT)).json()["status"]["authenticated"] is True


@pytest.mark.parametrize("length", [BODY_LIMIT + 1, 10 * BODY_LIMIT, 2 ** 40, 2 ** 63 - 1])
@pytest.mark.parametrize("expect", [False, True], ids=["plain", "expect-100-continue"])
def test_limits_content_length_past_the_limit_is_413_with_nothing_read(server, length, expect):
    headers = {"Content-Length": str(length)}
    if expect:
        headers["Expect"] = "100-continue"
    with server.connect() as connection:
        connection.send(kit.http_bytes("POST", "/authenticate", b"", headers))  # no byte of the body
        response = connection.read_response()
        response.assert_status_body(413, "RequestEntityTooLarge")
        assert connection.is_closed_by_peer(), "the rest of the body would be read as a request"


def test_limits_content_length_past_every_number_is_refused(server):
    with server.connect() as connection:
        connection.send(kit.http_bytes("POST", "/authenticate", b"", {"Content-Length": "9" * 40}))
        assert connection.read_response().status in (400, 413)


def chunks(total, size=8192):
    while total > 0:
        piece = min(size, total)
        yield b"%x\r\n" % piece + b" " * piece + b"\r\n"
        total -= piece


def test_limits_chunked_body_past_the_limit_is_discarded_then_413(server, token):
    with server.connect() as connection:
        connection.send(kit.http_bytes("POST", "/authenticate", b"", {"Transfer-Encoding": "chunked"}))
        for chunk in chunks(BODY_LIMIT + 1):
            connection.send(chunk)
        connection.send(b"0\r\n\r\n")
        connection.read_response().assert_status_body(413, "RequestEntityTooLarge")
    assert server.accepts(token)


def test_limits_chunked_body_is_cut_at_a_hard_cap(server, token):
    before = server.metric("kube_bearer_connections_cut_total", reason="body_too_large")
    with server.connect() as connection:
        connection.send(kit.http_bytes("POST", "/authenticate", b"", {"Transfer-Encoding": "chunked"}))
        sent = 0
        with pytest.raises((OSError, kit.Closed)):
            for chunk in chunks(64 * BODY_LIMIT):
                connection.send(chunk)
                sent += len(chunk)
            connection.send(b"0\r\n\r\n")
            while True:  # what the kernel took before the end arrived
                connection.read_response()
        assert sent < 64 * BODY_LIMIT
    kit.eventually(lambda: server.metric("kube_bearer_connections_cut_total", reason="body_too_large") == before + 1,
                   "the cut is counted")
    assert server.accepts(token)


def test_limits_body_limit_is_an_option(start_server):
    token = kit.new_token()
    server = start_server("--max-request-body-bytes=32768", tokens=[token])
    assert server.request("POST", "/authenticate", padded(token, 32768)).status == 200
    server.request("POST", "/authenticate", padded(token, 32769)).assert_status_body(413, "RequestEntityTooLarge")


def test_limits_headers_past_the_limit_are_431(server, token):
    for headers in ({"X-Long": "a" * 20000}, {f"X-{i}": "a" * 100 for i in range(200)}):
        with server.connect() as connection:
            connection.send(kit.http_bytes("POST", "/authenticate", b"{}", headers))
            assert connection.read_response().status == 431
    with server.connect() as connection:
        connection.send(b"GET /livez?" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.read_response().status in (414, 431)
    assert server.request("POST", "/authenticate", kit.review_body(token), {"X-Long": "a" * 4000}).status == 200


@pytest.mark.parametrize("length", [16384, 16385, 100000])
def test_limits_long_token_is_a_plain_refusal(server, length):
    secret = kit.canary(length - 6)
    status = server.review(secret)["status"]
    assert not status.get("authenticated") and not status.get("error")
    reason = "token_too_long" if length > 16384 else "unrecognized_token"
    kit.eventually(lambda: server.metric("kube_bearer_token_reviews_total", reason=reason) >= 1, f"{reason} is counted")


def test_limits_connections_one_more_is_closed_and_counted(start_server):
    token = kit.new_token()
    server = start_server("--max-connections=4", "--workers=1", tokens=[token])
    kit.eventually(lambda: server.metric("kube_bearer_connections") <= 1, "readyz' connections have ended")
    held = [server.connect() for _ in range(4)]
    for connection in held:
        assert connection.review(token)["status"]["authenticated"] is True
    with pytest.raises((OSError, kit.Closed)):
        with server.connect() as connection:
            connection.review(token)
    assert held[0].review(token)["status"]["authenticated"] is True
    page = kit.parse_metrics(held[1].request("GET", "/metrics").text)
    assert page[("kube_bearer_connections_cut_total", frozenset({("reason", "too_many")}))] >= 1
    for connection in held:
        connection.close()
    kit.eventually(lambda: _accepts_quietly(server, token), "room again")


def _accepts_quietly(server, token):
    try:
        return server.accepts(token)
    except (OSError, kit.Closed):
        return False


def test_limits_connections_per_address_are_closed_and_counted(start_server):
    token = kit.new_token()
    server = start_server("--max-connections-per-address=3", tokens=[token], wait=False)
    server.wait_ports()
    kit.eventually(lambda: _accepts_quietly(server, token), "ready")

    def hold():
        held = []
        try:
            for _ in range(3):
                held.append(server.connect(local_address="127.0.0.2"))
            return held
        except OSError:
            for connection in held:
                connection.close()
            return None

    held = kit.eventually(hold, "three connections of one address")
    with pytest.raises((OSError, kit.Closed)):
        with server.connect(local_address="127.0.0.2") as connection:
            connection.review(token)
    with server.connect(local_address="127.0.0.3") as connection:  # another address is not concerned
        assert connection.review(token)["status"]["authenticated"] is True
        page = kit.parse_metrics(connection.request("GET", "/metrics").text)
        assert page[("kube_bearer_connections_cut_total", frozenset({("reason", "too_many_from_address")}))] >= 1
    held.pop().close()
    kit.eventually(lambda: _accepts_from(server, token, "127.0.0.2"), "room for one more of the address")
    for connection in held:
        connection.close()


def _accepts_from(server, token, address):
    try:
        with server.connect(local_address=address) as connection:
            return connection.review(token)["status"]["authenticated"]
    except (OSError, kit.Closed):
        return False


def files_limit(count):
    """In front of a command: soft and hard limit of open files."""
    return ("sh", "-c", f'ulimit -n {count} && exec "$@"', "sh")


def test_limits_descriptors_run_out_for_clients_not_for_the_store(start_server):
    """Who opens connections without a token must not keep another's revoked token alive."""
    old, new = kit.new_token(), kit.new_token()
    server = start_server("--workers=1", "--handshake-timeout=60s", tokens=[old], wrapper=files_limit(256))
    with server.connect() as kept:
        assert kept.review(old)["status"]["authenticated"] is True
        idle = [kit.Connection(server.port) for _ in range(300)]
        try:
            def cut():
                page = kit.parse_metrics(kept.request("GET", "/metrics").text)
                assert page[("kube_bearer_connections_limit", frozenset())] == 120
                assert page[("kube_bearer_connections", frozenset())] <= 120
                return sum(page[("kube_bearer_connections_cut_total", frozenset({("reason", reason)}))]
                           for reason in ("too_many", "made_room"))  # who is refused makes a place for the next
            kit.eventually(lambda: cut() >= 181, "all have been accepted, or closed", timeout=2 * kit.SLOW)
            server.put(new, file=f"{old.split('.')[0]}.yaml")
            kit.eventually(lambda: kept.review(new)["status"].get("authenticated"), "the new token", timeout=2 * kit.SLOW)
            assert not kept.review(old)["status"].get("authenticated")
            cut()
        finally:
            for connection in idle:
                connection.close()
    server.wait_log("max-connections: lowered from 10000 to 120:")
    kit.eventually(lambda: _accepts_quietly(server, new), "room again")


def test_limits_descriptors_too_few_stop_the_start(start_server):
    server = start_server("--workers=1", wrapper=files_limit(140), wait=False)
    server.wait_end(expect=1)
    line = server.log().strip().splitlines()[-1]
    assert line.startswith("kube-bearer serve: --max-connections: only 4 fit: the process may open 140 files;"), line


def test_limits_descriptors_soft_limit_is_raised(start_server):
    server = start_server("--workers=1", "--max-connections=500", wrapper=("sh", "-c", 'ulimit -S -n 64 && exec "$@"', "sh"))
    assert server.metric("kube_bearer_connections_limit") == 500
    assert "lowered" not in server.log()
    soft, hard = re.search(r"Max open files\s+(\d+)\s+(\d+)", open(f"/proc/{server.process.pid}/limits").read()).groups()
    assert soft == hard and int(hard) > 64


@pytest.fixture
def hasty(start_server):
    """A server with short times; the real ones are minutes."""
    token = kit.new_token()
    server = start_server("--handshake-timeout=1s", "--request-timeout=1500ms", "--idle-timeout=3s", tokens=[token])
    server.token = token
    return server


def cut_after(connection, limit_sec, start):
    assert connection.is_closed_by_peer(within=limit_sec + 5 * kit.SLOW), "was not cut"
    took = time.monotonic() - start
    assert limit_sec * 0.9 <= took <= limit_sec + 0.4 + 0.8 * kit.SLOW, f"cut after {took:.2f} s, limit {limit_sec}"


def test_limits_handshake_that_never_comes_is_cut(hasty):
    start = time.monotonic()
    with kit.Connection(hasty.port) as connection:
        cut_after(connection, 1.0, start)
    kit.eventually(lambda: hasty.metric("kube_bearer_connections_cut_total", reason="handshake_timeout") == 1, "counted")


def test_limits_handshake_that_drips_is_cut(hasty):
    """A byte of a ClientHello now and then does not buy time."""
    start = time.monotonic()
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 400
    with kit.Connection(hasty.port) as connection:
        for byte in hello:
            if time.monotonic() - start > 8:
                break
            try:
                connection.send(bytes([byte]))
            except OSError:
                break
            if connection.is_closed_by_peer(within=0.1):
                break
        cut_after(connection, 1.0, start)


@pytest.mark.parametrize("data", [
    kit.http_bytes("GET", "/livez", None, {"X-Padding": "a" * 300}),
    kit.http_bytes("POST", "/authenticate", b" " * 300),
], ids=["header", "body"])
def test_limits_request_that_drips_is_cut(hasty, data):
    """One byte after the other, steadily: the deadline is absolute."""
    head = data.index(b"X-Padding") if b"X-Padding" in data else data.index(b"\r\n\r\n") + 4
    with hasty.connect() as connection:
        start = time.monotonic()
        connection.send(data[:head])
        for byte in data[head:]:
            try:
                connection.send(bytes([byte]))
            except OSError:
                break
            if time.monotonic() - start > 8 or connection.is_closed_by_peer(within=0.1):
                break
        cut_after(connection, 1.5, start)
    kit.eventually(lambda: hasty.metric("kube_bearer_connections_cut_total", reason="request_timeout") == 1, "counted")


@pytest.mark.parametrize("data", [b"\x00" * 100 + b"\r\n\r\n", b"\r\n", b"POST", b"POST /authenticate HTTP/1.1\r\nHost: x\r\n"], ids=repr)
def test_limits_bytes_that_never_become_a_request_are_cut(hasty, data):
    """Refused at once or when the time is over, but not kept."""
    with hasty.connect() as connection:
        connection.send(data)
        assert connection.is_closed_by_peer(within=1.5 + 5 * kit.SLOW)
    assert hasty.accepts(hasty.token)


def test_limits_request_that_begins_in_the_handshakes_last_flight_has_the_request_deadline(hasty):
    """Finished and half a request in one segment: the server has read both before it is done with the handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = kit.client_context(hasty.authority.pem).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with kit.Connection(hasty.port) as connection:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.send(outgoing.read())
                incoming.write(connection.socket.recv(65536))
        tls.write(b"POST /authenticate HTTP/1.1\r\nHost: x\r\n")
        start = time.monotonic()
        connection.send(outgoing.read())  # Finished and the application data
        cut_after(connection, 1.5, start)
    kit.eventually(lambda: hasty.metric("kube_bearer_connections_cut_total", reason="request_timeout") == 1, "counted")


def test_limits_request_that_begins_behind_another_has_the_request_deadline(hasty):
    """Pipelined: a whole request and half of the next in one record."""
    data = kit.http_bytes("POST", "/authenticate", kit.review_body(hasty.token))
    with hasty.connect() as connection:
        start = time.monotonic()
        connection.send(data + data[:-20])
        assert connection.read_response().json()["status"]["authenticated"] is True
        cut_after(connection, 1.5, start)
    kit.eventually(lambda: hasty.metric("kube_bearer_connections_cut_total", reason="request_timeout") == 1, "counted")


def test_limits_idle_connection_is_cut_after_the_idle_time(hasty):
    with hasty.connect() as connection:
        assert connection.review(hasty.token)["status"]["authenticated"] is True
        start = time.monotonic()
        cut_after(connection, 3.0, start)
    kit.eventually(lambda: hasty.metric("kube_bearer_connections_cut_total", reason="idle_timeout") == 1, "counted")


def test_limits_busy_connection_outlives_every_time(hasty):
    """Deadlines are of a phase, not of a connection."""
    with hasty.connect() as connection:
        start = time.monotonic()
        while time.monotonic() - start < 4.5:
            assert connection.review(hasty.token)["status"]["authenticated"] is True
            assert not connection.is_closed_by_peer(within=0.3)


def test_limits_idle_time_is_over_ninety_seconds_by_default(server):
    """kube-apiserver keeps idle connections for 90 s; a server that closes first costs it an EOF."""
    page = subprocess.run([kit.binary(), "serve", "--help"], capture_output=True, text=True, timeout=30).stdout
    found = re.search(r"--idle-timeout.*?\(default (\d+)m(\d+)s\)|--idle-timeout.*?default (\d+)m(\d+)s", page, re.S)
    assert found, page
    minutes, seconds = [int(g) for g in found.groups() if g is not None][:2]
    assert minutes * 60 + seconds > 90


def test_limits_slow_reader_does_not_hold_up_others(server, token):
    """A client that asks and never reads fills its own socket, nobody else's."""
    with server.connect() as slow:
        slow.socket.settimeout(0.2)
        data = kit.http_bytes("GET", "/metrics") * 50
        try:
            for _ in range(200):
                slow.send(data)
        except OSError:
            pass
        start = time.monotonic()
        for _ in range(20):
            assert server.accepts(token)
        assert time.monotonic() - start < 5 * kit.SLOW


def test_limits_many_unfinished_connections_do_not_hold_up_others(server, token):
    sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        for _ in range(20):
            assert server.accepts(token)
    finally:
        for s in sockets:
            s.close()


# --- memory of connections ----------------------------------------------------------------------------------

def anonymous_bytes(server):
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(re.search(r"^RssAnon:\s+(\d+) kB$", status, re.M).group(1)) * 1024


def test_limits_memory_of_connections_is_logged_at_the_start(start_server):
    start_server("--max-connection-memory=64Mi").wait_log(
        '"Serving" .* connectionMemory=67108864 connectionMemoryFrom="--max-connection-memory"')
    chosen = start_server().wait_log(r'"Serving" .* connectionMemory=(\d+) connectionMemoryFrom="(/.*|no memory limit)"')
    assert int(chosen.group(1)) >= 16 * BODY_LIMIT


def test_limits_memory_for_less_than_sixteen_connections_stops_the_start(start_server):
    server = start_server("--max-connection-memory=1Mi", wait=False)
    server.wait_end(expect=kit.NOT_ZERO)
    assert "--max-connection-memory: expected at least 3112960 bytes" in server.log()


def shipped_memory_limits():
    """Bytes, by file in config/."""
    for name in ("deployment.yaml", "static-pod.yaml"):
        for document in yaml.safe_load_all((kit.ROOT / "config" / name).read_text()):
            if document["kind"] in ("Deployment", "Pod"):
                pod = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
                assert not any("--max-connection-memory" in word for word in pod["containers"][0]["command"])
                limit = pod["containers"][0]["resources"]["limits"]["memory"]
                yield name, int(re.fullmatch(r"(\d+)Mi", limit).group(1)) * MIB
    unit = (kit.ROOT / "config" / "kube-bearer.service").read_text()
    yield "kube-bearer.service", int(re.search(r"^MemoryMax=(\d+)M$", unit, re.M).group(1)) * MIB


@pytest.mark.parametrize("name,limit", shipped_memory_limits(), ids=str)
def test_limits_memory_of_what_is_shipped_fits_its_own_limit(name, limit):
    """The formula itself is tests/unit/cli/process_test.c's; here the page and the files say the same, and it is enough."""
    page = (kit.ROOT / "docs" / "operations.md").read_text()
    row = re.search(rf"^\| {limit // MIB} MiB[^|]*\| (\d+) MiB \| ([\d,]+) \| ([\d,]+) \|$", page, re.M)
    assert row, f"operations.md has no row for the limit of {name}"
    budget, idle, full = (int(cell.replace(",", "")) for cell in row.groups())
    assert budget * MIB == (limit - 64 * MIB) // 4 * 3
    assert idle * 28 * 1024 <= budget * MIB and full * 156 * 1024 <= budget * MIB
    assert idle > 1000, "API servers, their probes, and as many again that only sit there"


@pytest.mark.release_only  # sanitizers keep what was freed
def test_limits_memory_goes_back_to_the_system_after_a_peak(start_server):
    clients, body = 800, 100_000
    server = start_server("--workers=2", "--max-connection-memory=1Gi")
    context = kit.client_context(server.authority.pem)
    before = anonymous_bytes(server)
    half = kit.http_bytes("POST", "/authenticate", b" " * body)[:-1]
    with contextlib.ExitStack() as stack:
        for _ in range(clients):
            stack.enter_context(server.connect(context=context)).send(half)
        kit.eventually(lambda: anonymous_bytes(server) - before > clients * body * 3 / 4, "the bodies are held")
        peak = anonymous_bytes(server) - before
    # what the heap keeps by itself is more than half of it
    kit.eventually(lambda: anonymous_bytes(server) - before < peak / 3, "the pages are given back", timeout=30)
