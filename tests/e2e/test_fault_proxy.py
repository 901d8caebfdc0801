# SPDX-License-Identifier: Apache-2.0
"""The fault proxy does what its faults say: each is tried once against a server that knows nothing of it."""
import contextlib
import gzip
import http.server
import json
import os
import queue
import socket
import ssl
import threading
import time

import pytest

import fault_proxy as faults
import kit
from fault_proxy import Ending, FaultProxy

LIST_BODY = json.dumps({"kind": "SecretList", "items": ["x" * 1000]}).encode()
LINE = b'{"type":"ADDED","object":{"metadata":{"name":"first"}}}\n'


class Upstream(http.server.ThreadingHTTPServer):
    """/list has a fixed body; /watch sends the lines of a queue as chunks; None ends it. Remembers what it was asked."""
    daemon_threads = True
    block_on_close = False

    def __init__(self, authority, folder):
        super().__init__(("127.0.0.1", 0), UpstreamHandler)
        certificate, key = folder / "upstream.crt", folder / "upstream.key"
        for path, text in zip((certificate, key), authority.issue()):
            path.write_text(text)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.lines, self.asked = queue.Queue(), []
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def handle_error(self, request, client_address):
        """The proxy hangs up on us all the time."""

    def close(self):
        self.lines.put(None)
        self.shutdown()
        self.server_close()
        self.thread.join()


class UpstreamHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Not to the terminal."""

    def do_POST(self):
        self.do_GET()

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        if not self.path.startswith("/watch"):
            self.send_header("Content-Length", str(len(LIST_BODY)))
            self.end_headers()
            self.wfile.write(LIST_BODY)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            line = self.server.lines.get(timeout=kit.DEADLINE_SEC)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line or b""), line or b""))
            if line is None:
                return


@pytest.fixture(scope="module")
def authority():
    return kit.Authority()


@pytest.fixture
def upstream(authority, tmp_path):
    server = Upstream(authority, tmp_path)
    yield server
    server.close()


@pytest.fixture
def proxy(authority, upstream):
    with FaultProxy(authority.issue(), upstream.url, authority.pem) as proxy:
        yield proxy


@pytest.fixture
def client(authority, proxy):
    with kit.Connection(proxy.port, ca_pem=authority.pem) as connection:
        yield connection


@contextlib.contextmanager
def watching(client, upstream, line=LINE):
    """A watch through the proxy that has passed one line; gives the client, at the second."""
    upstream.lines.put(line)
    client.send(kit.http_bytes("GET", "/watch?watch=1"))
    assert b"200" in client._take_until(b"\r\n\r\n")
    assert read_chunk(client) == line
    yield client


def read_chunk(client):
    size = int(client._take_until(b"\r\n"), 16)
    data = client._take(size)
    assert client._take(2) == b"\r\n"
    return data


def is_reset(client):
    """Does the connection end by RST? Read below TLS, for Python's ssl calls that an end of the stream."""
    with socket.socket(fileno=os.dup(client.socket.fileno())) as twin:
        twin.settimeout(kit.DEADLINE_SEC)
        try:
            while twin.recv(65536):
                pass
        except ConnectionResetError:
            return True
    return False


def is_silent(client):
    return not client.is_closed_by_peer(within=0.2) and not client.buffer


# --- what passes --------------------------------------------------------------------------------------------

def test_fault_proxy_passes_request_and_answer(client, upstream):
    response = client.request("POST", "/list?limit=7", "question", {"Authorization": "Bearer t", "X-Other": "1"})
    assert (response.status, response.body, response.headers["content-type"]) == (200, LIST_BODY, "application/json")
    method, path, headers, body = upstream.asked[0]
    assert (method, path, body) == ("POST", "/list?limit=7", b"question")
    assert (headers["Authorization"], headers["X-Other"]) == ("Bearer t", "1")
    assert client.request("GET", "/list").body == LIST_BODY  # the same connection again


def test_fault_proxy_records_no_token(client, proxy):
    token = kit.canary()
    client.request("GET", "/list?watch=0&a=b", headers={"Authorization": f"Bearer {token}"})
    client.request("GET", "/list")
    first, second = proxy.seen()
    assert (first.method, first.path, first.query, first.status) == ("GET", "/list", {"watch": "0", "a": "b"}, 200)
    assert first.has_authorization and not second.has_authorization and first.at <= second.at
    kit.assert_no_canary(repr(vars(proxy)).encode() + repr(proxy.seen()).encode(), "what the proxy keeps")


def test_fault_proxy_watch_passes_line_by_line(client, upstream, proxy):
    with watching(client, upstream):
        assert len(proxy.open_watches()) == 1
        upstream.lines.put(b"second\n")
        assert read_chunk(client) == b"second\n"
        upstream.lines.put(None)
        assert read_chunk(client) == b""
    assert client.request("GET", "/list").status == 200
    assert proxy.open_watches() == []


def test_fault_proxy_client_that_leaves_is_noticed(client, upstream, proxy):
    with watching(client, upstream):
        client.close()
        kit.eventually(lambda: not proxy.open_watches(), "the watch is over")


def test_fault_proxy_server_behind_that_is_away_is_a_reset(authority, upstream, proxy, client):
    upstream.close()
    client.send(kit.http_bytes("GET", "/list"))
    assert is_reset(client)


# --- rules --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("which, hit", [
    ({"method": "GET"}, [1, 0, 1]), ({"path": r"^/watch"}, [0, 0, 1]), ({"path": "limit=1"}, [1, 0, 0]),
    ({"watch": True}, [0, 0, 1]), ({"watch": False}, [1, 1, 0]), ({"skip": 1}, [0, 1, 1]), ({"times": 1}, [1, 0, 0]),
    ({"skip": 1, "times": 1}, [0, 1, 0])], ids=str)
def test_fault_proxy_rule_is_for_the_requests_it_names(client, proxy, upstream, which, hit):
    upstream.lines.put(None)
    rule = proxy.rule(faults.fails(500, "InternalError"), **which)
    requests = [("GET", "/list?limit=1"), ("POST", "/list"), ("GET", "/watch?watch=1")]
    assert [int(client.request(*request).status == 500) for request in requests] == hit
    assert rule.hits == sum(hit)
    assert [seen.status for seen in proxy.seen()] == [500 if one else 200 for one in hit]


def test_fault_proxy_rules_come_and_go(client, proxy):
    proxy.rule(faults.fails(500, "InternalError"))
    newer = proxy.rule(faults.fails(503, "ServiceUnavailable"))
    assert client.request("GET", "/list").status == 503
    proxy.drop(newer)
    assert client.request("GET", "/list").status == 500
    proxy.clear()
    assert client.request("GET", "/list").status == 200


# --- faults of a request ----------------------------------------------------------------------------------------

def test_fault_proxy_resets_before_the_answer(client, proxy):
    proxy.rule(faults.resets)
    client.send(kit.http_bytes("GET", "/list"))
    assert is_reset(client)


def test_fault_proxy_is_silent(client, proxy, upstream):
    proxy.rule(faults.is_silent)
    client.send(kit.http_bytes("GET", "/list"))
    assert is_silent(client) and not upstream.asked


def test_fault_proxy_held_until_the_latch_opens(client, proxy):
    latch = proxy.latch()
    proxy.rule(faults.held(latch))
    client.send(kit.http_bytes("GET", "/list"))
    kit.eventually(lambda: latch.count == 1, "it is held")
    assert is_silent(client)
    latch.open()
    assert client.read_response().body == LIST_BODY


def test_fault_proxy_delayed(client, proxy):
    proxy.rule(faults.delayed(0.3))
    start = time.monotonic()
    assert client.request("GET", "/list").body == LIST_BODY
    assert time.monotonic() - start >= 0.3


@pytest.mark.parametrize("ending", Ending, ids=lambda ending: ending.name)
def test_fault_proxy_cuts_body(client, proxy, ending):
    proxy.rule(faults.cuts_body(10, ending), times=1)
    client.send(kit.http_bytes("GET", "/list"))
    if ending is not Ending.RESET:  # it may overtake what went before
        client._take_until(b"\r\n\r\n")
        assert read_chunk(client) == LIST_BODY[:10]
    check_ending(client, ending)


def check_ending(client, ending):
    if ending is Ending.RESET:
        assert is_reset(client)
    elif ending is Ending.CLOSE:
        assert client.is_closed_by_peer() and not client.buffer
    elif ending is Ending.FINISH:
        assert read_chunk(client) == b"" and client.request("GET", "/list").body == LIST_BODY
    else:
        assert is_silent(client)


def test_fault_proxy_close_is_no_reset(client, proxy):
    proxy.rule(faults.cuts_body(10, Ending.CLOSE))
    client.send(kit.http_bytes("GET", "/list"))
    assert not is_reset(client)


def test_fault_proxy_cuts_chunk_header(client, proxy):
    proxy.rule(faults.cuts_chunk_header(Ending.CLOSE))
    client.send(kit.http_bytes("GET", "/list"))
    client._take_until(b"\r\n\r\n")
    assert client.is_closed_by_peer() and client.buffer == b"%x\r" % len(LIST_BODY)


@pytest.mark.parametrize("code, reason, retry_after", [
    (429, "TooManyRequests", 7), (429, "TooManyRequests", None), (500, "InternalError", None), (503, "ServiceUnavailable", 2),
    (403, "Forbidden", None), (401, "Unauthorized", None), (410, "Expired", None), (410, "Gone", None)], ids=str)
def test_fault_proxy_fails_with_a_status(client, proxy, upstream, code, reason, retry_after):
    proxy.rule(faults.fails(code, reason, retry_after))
    response = client.request("GET", "/list")
    response.assert_status_body(code, reason)
    assert response.headers.get("retry-after") == (str(retry_after) if retry_after else None)
    assert not upstream.asked


@pytest.mark.parametrize("code", [302, 307])
def test_fault_proxy_redirects_to_a_server_that_says_what_it_saw(client, proxy, authority, code):
    with FaultProxy(authority.issue()) as elsewhere:
        elsewhere.rule(faults.answers(200, b"{}"))
        proxy.rule(faults.redirects(code, elsewhere.url + "/list"))
        response = client.request("GET", "/list")
        assert (response.status, response.headers["location"]) == (code, elsewhere.url + "/list")
        assert elsewhere.seen() == []
        with kit.Connection(elsewhere.port, ca_pem=authority.pem) as follower:
            follower.request("GET", "/list", headers={"Authorization": "Bearer x"})
        assert [seen.has_authorization for seen in elsewhere.seen()] == [True]


def test_fault_proxy_streams_lines_of_its_own(client, proxy, upstream):
    proxy.rule(faults.streams(faults.error_line(410, "Expired"), faults.error_line(None), faults.event_line("NEW", {})))
    client.send(kit.http_bytes("GET", "/watch?watch=true"))
    client._take_until(b"\r\n\r\n")
    first, second, third = (json.loads(read_chunk(client)) for _ in range(3))
    assert first["type"] == "ERROR" and (first["object"]["code"], first["object"]["reason"]) == (410, "Expired")
    assert second["type"] == "ERROR" and "code" not in second["object"] and third == {"type": "NEW", "object": {}}
    assert is_silent(client) and not upstream.asked


def test_fault_proxy_talks_garbage(client, proxy):
    proxy.rule(faults.talks_garbage(b"\x00\xff\r\nnonsense"))
    client.send(kit.http_bytes("GET", "/list"))
    assert client.is_closed_by_peer() and client.buffer == b"\x00\xff\r\nnonsense"


def test_fault_proxy_has_huge_header(client, proxy):
    proxy.rule(faults.has_huge_header(100_000))
    response = client.request("GET", "/list")
    assert len(response.headers["x-filler"]) == 100_000 and response.body == LIST_BODY


@pytest.mark.parametrize("content_type", ["text/html", None])
def test_fault_proxy_retyped(client, proxy, content_type):
    proxy.rule(faults.retyped(content_type))
    response = client.request("GET", "/list")
    assert response.headers.get("content-type") == content_type and response.body == LIST_BODY


def test_fault_proxy_gzipped(client, proxy):
    proxy.rule(faults.gzipped)
    response = client.request("GET", "/list")
    assert response.headers["content-encoding"] == "gzip" and gzip.decompress(response.body) == LIST_BODY


def test_fault_proxy_closes_after_a_good_answer(client, proxy):
    proxy.rule(faults.closes)
    response = client.request("GET", "/list")
    assert response.body == LIST_BODY and response.headers["connection"] == "close" and client.is_closed_by_peer()


def test_fault_proxy_asks_for_smaller_pages(client, proxy, upstream):
    proxy.rule(faults.pages_of(3))
    assert client.request("GET", "/list?a=1&limit=500&continue=x").body == LIST_BODY
    assert upstream.asked[0][1] == "/list?a=1&limit=3&continue=x"


# --- faults of a line -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("ending", Ending, ids=lambda ending: ending.name)
def test_fault_proxy_cuts_the_line_that_contains_it(client, proxy, upstream, ending):
    with watching(client, upstream):
        happened = proxy.spoil_line(faults.cut_line(ending), containing=b"wanted")
        upstream.lines.put(b"another\n")
        assert read_chunk(client) == b"another\n" and not happened
        upstream.lines.put(b"the wanted one\n")
        if ending is not Ending.RESET:
            assert read_chunk(client) == b"the wan"
        check_ending(client, ending)
        assert [seen.target for seen in happened] == ["/watch?watch=1"]


def test_fault_proxy_late_line(client, proxy, upstream):
    with watching(client, upstream):
        proxy.spoil_line(faults.late_line(0.3), containing=b"late")
        start = time.monotonic()
        upstream.lines.put(b"the late one\n")
        upstream.lines.put(b"another\n")
        assert [read_chunk(client) for _ in range(2)] == [b"the late one\n", b"another\n"]
        assert time.monotonic() - start >= 0.3


def test_fault_proxy_puts_lines_before_and_in_place_of_one(client, proxy, upstream):
    with watching(client, upstream):
        proxy.spoil_line(faults.after_line(b"1\n", b"2\n"))
        upstream.lines.put(b"3\n")
        assert [read_chunk(client) for _ in range(3)] == [b"1\n", b"2\n", b"3\n"]
        proxy.spoil_line(faults.instead_of_line(b"other\n"))
        upstream.lines.put(b"4\n")
        upstream.lines.put(b"5\n")
        assert [read_chunk(client) for _ in range(2)] == [b"other\n", b"5\n"]
        proxy.spoil_line(faults.instead_of_line(b"last\n", ending=Ending.FINISH))
        upstream.lines.put(b"6\n")
        assert [read_chunk(client) for _ in range(2)] == [b"last\n", b""]


def test_fault_proxy_endless_line_is_bounded_and_ends_with_the_client(client, proxy, upstream):
    with watching(client, upstream):
        fault = faults.endless_line(b"{", 1 << 20)
        proxy.spoil_line(fault)
        upstream.lines.put(b"x\n")
        assert read_chunk(client) == b"{"
        assert sum(len(read_chunk(client)) for _ in range(16)) == 1 << 20 == fault.sent
        assert is_silent(client)


def test_fault_proxy_endless_line_stops_when_the_client_leaves(client, proxy, upstream):
    with watching(client, upstream):
        fault = faults.endless_line(b"{", 1 << 30)
        proxy.spoil_line(fault)
        upstream.lines.put(b"x\n")
        read_chunk(client)
        client.close()
        kit.eventually(lambda: not proxy.open_watches(), "the watch is over")
        assert fault.sent < 1 << 30


def test_fault_proxy_remembers_errors_of_a_watch(client, proxy, upstream):
    with watching(client, upstream, b'{"type":"ERROR","object":{"code":410}}\n'):
        assert proxy.seen(watch=True)[0].errors == [410]


# --- faults of everybody ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("ending", Ending, ids=lambda ending: ending.name)
def test_fault_proxy_breaks_open_streams(client, proxy, upstream, ending):
    with watching(client, upstream):
        assert proxy.break_streams(ending) == 1
        upstream.lines.put(b"too late\n")
        check_ending(client, ending)


def test_fault_proxy_breaks_what_was_silent(client, proxy):
    proxy.rule(faults.is_silent, times=1)
    client.send(kit.http_bytes("GET", "/watch?watch=1"))
    kit.eventually(lambda: proxy.seen(), "it is there")
    assert proxy.break_streams(Ending.SILENCE) == 1 and proxy.break_streams(Ending.FINISH) == 1
    client.read_response().assert_status_body(504, "Timeout")
    assert client.request("GET", "/list").body == LIST_BODY


def test_fault_proxy_refuses_and_comes_back(client, proxy, upstream, authority):
    with kit.Connection(proxy.port, ca_pem=authority.pem) as idle, watching(client, upstream):
        idle.request("GET", "/list")
        proxy.refuse()
        assert is_reset(client) and is_reset(idle)
        with pytest.raises(ConnectionRefusedError):
            kit.Connection(proxy.port)
        proxy.listen()
        with kit.Connection(proxy.port, ca_pem=authority.pem) as back:
            assert back.request("GET", "/list").body == LIST_BODY
        assert proxy.connection_count == 3
