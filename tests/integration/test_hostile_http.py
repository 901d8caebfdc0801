# SPDX-License-Identifier: Apache-2.0
"""HTTP that is written to be read in two ways, to keep a core busy, or to fill memory with answers nobody reads."""
import contextlib
import signal
import socket
import time

import pytest

import kit
from test_hostile_clients import anonymous_bytes, cpu_sec

GET_VERSION = kit.http_bytes("GET", "/version")


@pytest.fixture(scope="module")
def both(tmp_path_factory, authority):
    """One server with both listeners."""
    server = kit.Server(tmp_path_factory.mktemp("both"), ["--health-bind-address=127.0.0.1:0"], authority=authority)
    yield server
    server.stop()


def connect(server, listener):
    return server.connect() if listener == "secure" else kit.Connection(server.health_port)


listeners = pytest.mark.parametrize("listener", ["secure", "health"])


def headed(headers, line=b"POST /authenticate HTTP/1.1", host=b"Host: localhost\r\n"):
    return line + b"\r\n" + host + headers + b"\r\n"


def assert_refused_and_closed(connection, code, text=None):
    """One answer with one head, and nobody's request behind it."""
    response = connection.read_response()
    assert response.status == code and b"HTTP/1.1 4" not in response.body, response
    assert response.headers["connection"].lower() == "close"
    assert connection.is_closed_by_peer()
    assert connection.buffer == b"", "a second answer"
    if text is not None:
        assert text in response.json()["message"]


# --- heads that can be read in two ways ----------------------------------------------------------------------

BODY = b"0\r\n\r\n"  # no chunk, or five bytes

AMBIGUOUS = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "two lengths, a zero first": b"Content-Length: 0\r\nContent-Length: 5\r\n",
    "the same length twice": b"Content-Length: 5\r\nContent-Length: 5\r\n",
    "two encodings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
}

MALFORMED = {
    "an empty name": b"Content-Length: 5\r\n: y\r\n",
    "a name that is no token": b"Content-Length: 5\r\n(x): y\r\n",
    "a blank before the colon": b"Content-Length: 5\r\nX-Other : 1\r\n",
    "a tab before the colon": b"Content-Length: 5\r\nX-Other\t: 1\r\n",
    "a length with a blank before the colon": b"Content-Length : 5\r\n",
    "an encoding with a blank before the colon": b"Content-Length: 5\r\nTransfer-Encoding : chunked\r\n",
    "a blank in the name": b"Content-Length: 5\r\nX Other: 1\r\n",
    "a length and an encoding": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "an encoding and a length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "in other letters": b"content-length: 5\r\nTRANSFER-ENCODING: chunked\r\n",
    "a folded length": b"Content-Length:\r\n 5\r\n",
    "a fold behind a value": b"Content-Length: 5\r\nX-Other: 1\r\n 2\r\n",
    "a NUL in a length": b"Content-Length: 0\x005\r\n",
    "a control character in a value": b"Content-Length: 5\r\nX-Other: a\x01b\r\n",
    "a DEL in a value": b"Content-Length: 5\r\nX-Other: 12345678\x7f\r\n",
    "a bare CR": b"Content-Length: 5\r\nX-Other: 1\rX-More: 2\r\n",
    "a bare LF": b"Content-Length: 5\r\nX-Other: 1\nX-More: 2\r\n",
    "no colon": b"Content-Length: 5\r\nX-Other\r\n",
    "a sign": b"Content-Length: +5\r\n",
    "a negative length": b"Content-Length: -1\r\n",
    "hexadecimal": b"Content-Length: 0x5\r\n",
    "a list of lengths": b"Content-Length: 5, 5\r\n",
    "no length": b"Content-Length:\r\n",
    "a second host": b"Content-Length: 5\r\nHost: localhost\r\n",
}

BAD_LINES = {
    "a method that is no token": (b"G(T /version HTTP/1.1", b"Host: localhost\r\n"),
    "a target that does not begin with a slash": (b"GET version HTTP/1.1", b"Host: localhost\r\n"),
    "an absolute target": (b"GET http://[::1/version HTTP/1.1", b"Host: localhost\r\n"),
    "a target with a byte that is none of ASCII": (b"GET /\x80 HTTP/1.1", b"Host: localhost\r\n"),
    "a target with half an escape": (b"GET /version%2 HTTP/1.1", b"Host: localhost\r\n"),
    "a target with a NUL in it": (b"GET /version%00 HTTP/1.1", b"Host: localhost\r\n"),
    "a host that is none": (b"GET /version HTTP/1.1", b"Host: a b\r\n"),
    "no host": (b"GET /version HTTP/1.1", b""),
    "an encoding in HTTP/1.0": (b"POST /authenticate HTTP/1.0", b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n"),
}

PLAIN = {
    "one length": b"Content-Length: 5\r\n",
    "no blank after the colon": b"Content-Length:5\r\nX-Other:1\r\n",
    "blanks in a value": b"Content-Length: 5\r\nX-Other: 1 : 2\r\n",
    "a tab and bytes above ASCII in a value": b"Content-Length: 5\r\nX-Other: 12345678\t\x80\xff\r\n",
    "an empty value": b"Content-Length: 5\r\nX-Other:\r\n",
    "every byte of a name": b"Content-Length: 5\r\n!#$%&'*+-.^_`|~09AZaz: 1\r\n",
    "leading zeros": b"Content-Length: 005\r\n",
}


@pytest.mark.parametrize("headers", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_hostile_http_ambiguous_framing_is_400_and_the_end(server, headers):
    """RFC 9112 6.1, 6.3. What comes behind is nobody's request."""
    with server.connect() as connection:
        connection.send(headed(headers) + BODY + GET_VERSION)
        assert_refused_and_closed(connection, 400, "ambiguous")


@listeners
@pytest.mark.parametrize("headers", MALFORMED.values(), ids=MALFORMED.keys())
def test_hostile_http_malformed_head_is_400_and_the_end(both, headers, listener):
    """RFC 9110 5.1, 5.5, 8.6; RFC 9112 2.2, 3.2, 5, 6.1. Some are refused by libmicrohttpd before we see them."""
    with connect(both, listener) as connection:
        connection.send(headed(headers) + BODY + GET_VERSION)
        assert_refused_and_closed(connection, 400)


@listeners
@pytest.mark.parametrize("line,headers", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_hostile_http_malformed_request_line_or_host_is_400_and_the_end(both, line, headers, listener):
    """RFC 9112 3; a body that nobody announced and that is then read as a request ends there, too."""
    with connect(both, listener) as connection:
        connection.send(line + b"\r\n" + headers + b"\r\n" + GET_VERSION)
        assert_refused_and_closed(connection, 400)


@pytest.mark.parametrize("headers", PLAIN.values(), ids=PLAIN.keys())
def test_hostile_http_plain_framing_is_read_to_its_end(server, headers):
    """The bodies are no reviews; that the next request is answered shows where they ended."""
    with server.connect() as connection:
        connection.send(headed(headers) + BODY + GET_VERSION)
        connection.read_response().assert_status_body(400, "BadRequest")
        assert connection.read_response().status == 200


@pytest.mark.parametrize("line", [b"GET /readyz?verbose&exclude=a%20b HTTP/1.1", b"GET /version HTTP/1.2", b"\r\nGET /version HTTP/1.1"],
                         ids=["escapes in a query", "a later minor version", "an empty line first"])
def test_hostile_http_unusual_request_line_is_answered_and_keeps_the_connection(server, line):
    """RFC 9112 2.2, 2.3, 3.2.1."""
    with server.connect() as connection:
        connection.send(headed(b"", line) + GET_VERSION)
        assert [connection.read_response().status for _ in range(2)] == [200, 200]


@listeners
@pytest.mark.parametrize("length", [b"18446744073709551615", b"18446744073709551616", b"9" * 40])
def test_hostile_http_length_past_all_counting_is_413_with_one_head(both, listener, length):
    with connect(both, listener) as connection:
        connection.send(headed(b"Content-Length: " + length + b"\r\n") + GET_VERSION)
        assert_refused_and_closed(connection, 413)


@listeners
@pytest.mark.parametrize("headers", [b"X-Long: " + b"a" * 20000 + b"\r\n", b"Cookie: " + b"a=b; " * 1000 + b"\r\n"],
                         ids=["one header", "cookies"])
def test_hostile_http_head_past_the_limit_is_one_head_and_the_end(both, listener, headers):
    """libmicrohttpd's own page; 0.9.75 sent its head twice."""
    with connect(both, listener) as connection:
        connection.send(headed(headers, b"GET /version HTTP/1.1"))
        with contextlib.suppress(kit.Closed):
            assert_refused_and_closed(connection, 431)


def test_hostile_http_what_libmicrohttpd_refuses_is_counted(start_server):
    """It leaves no line in the log and no place among the answers; what is refused by us is not counted here."""
    server = start_server()
    for headers in (b"X-Long: " + b"a" * 20000 + b"\r\n", b"Content-Length: -1\r\n", b"(X): y\r\n"):
        with server.connect() as connection:
            connection.send(headed(headers, b"GET /version HTTP/1.1"))
            assert connection.is_closed_by_peer()
    kit.eventually(lambda: server.metric("kube_bearer_connections_cut_total", reason="malformed") == 2, "the first two")


# --- chunks --------------------------------------------------------------------------------------------------

CHUNKED = b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_hostile_http_chunked_review_is_answered_and_ends_the_connection(both):
    """kubectl create --raw and Spring send them. Where one ends is for libmicrohttpd to say."""
    token = both.new_token()
    body = kit.review_body(token).encode()
    with both.connect() as connection:
        connection.send(headed(CHUNKED) + chunk(body[:7]) + chunk(body[7:]) + b"0\r\nX-Trailer: 1\r\n\r\n" + GET_VERSION)
        response = connection.read_response()
        assert response.json()["status"]["authenticated"] is True
        assert response.headers["connection"].lower() == "close"
        assert connection.is_closed_by_peer() and connection.buffer == b"", "a second answer"


@pytest.mark.parametrize("method,path,code,text", [
    ("GET", "/version", 400, "no chunked body is taken here"), ("POST", "/version", 405, ""), ("POST", "/nothing", 404, "")])
@listeners
def test_hostile_http_chunked_body_where_none_is_taken_is_refused_at_the_head(both, listener, method, path, code, text):
    with connect(both, listener) as connection:
        connection.send(headed(CHUNKED, f"{method} {path} HTTP/1.1".encode()))
        assert_refused_and_closed(connection, code, text)


@pytest.mark.parametrize("coding", ["xchunked", "gzip, chunked", "chunked, gzip", "identity", "gzip", ""])
@listeners
def test_hostile_http_other_transfer_coding_is_refused_at_once(both, listener, coding):
    """RFC 9112 6.1 would have 501. libmicrohttpd refuses before we see the head, and says 400."""
    with connect(both, listener) as connection:
        connection.send(headed(b"Transfer-Encoding: " + coding.encode() + b"\r\n") + GET_VERSION)
        assert_refused_and_closed(connection, 400)


@pytest.mark.parametrize("body", [
    b"5;ext\r\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"5 \r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhelloXX0\r\n\r\n", b"10000000000000000\r\nhello\r\n", b"0\r\n(X): y\r\n\r\n", b"0\r\nX : y\r\n\r\n",
    b"0\r\nX: y\r\n z\r\n\r\n", b"0\r\nX: \x01\r\n\r\n", b"5;a\rb\r\nhello\r\n0\r\n\r\n", b"5;a\nhello\r\n0\r\n\r\n"],
    ids=["extension", "bare LF", "blank", "sign", "no CRLF behind it", "too large", "trailer no token", "trailer blank",
         "trailer folded", "trailer control", "bare CR in an extension", "bare LF in an extension"])
def test_hostile_http_malformed_chunk_is_refused_and_nothing_behind_it_counts(both, body):
    """RFC 9112 7.1. Extensions are none of anybody's here: libmicrohttpd 1.0.1 misreads them."""
    with both.connect() as connection:
        connection.send(headed(CHUNKED) + body + GET_VERSION)
        response = connection.read_response()
        assert response.status in (400, 413), response
        assert response.headers["connection"].lower() == "close"
        assert connection.is_closed_by_peer() and connection.buffer == b"", "a second answer"


ENDLESS = {
    "an extension that fills the buffer": b"5;" + b"x" * 12100,
    "zeros that fill it": b"0" * 20000,
    "an extension of a megabyte": b"5;" + b"x" * 1000000,
    "a trailer that fills it": b"0\r\nX: " + b"y" * 20000,
    "trailers without end": b"0\r\n" + b"X: y\r\n" * 20000,
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS.keys())
def test_hostile_http_chunk_line_that_fills_the_buffer_costs_no_processor_and_ends(start_server, body):
    """With libmicrohttpd 0.9.75 one such connection took a core for thirty seconds, and sometimes never ended."""
    span_sec = 2
    server = start_server("--workers=1", "--request-timeout=5s")
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            connection = stack.enter_context(server.connect())
            with contextlib.suppress(OSError):
                connection.send(headed(CHUNKED) + body)
        before = cpu_sec(server)
        time.sleep(span_sec)  # not a wait for something: it is what is measured
        assert cpu_sec(server) - before < span_sec / 4
        kit.eventually(lambda: server.connections() == 1, "they are gone", timeout=8 + kit.DEADLINE_SEC)


def test_hostile_http_framing_without_a_body_is_bounded(start_server):
    """A byte in a chunk in a record of its own: some thirty bytes on the wire for one of a body."""
    server = start_server("--max-request-body-bytes=32768")
    with server.connect() as connection:
        connection.send(headed(CHUNKED))
        with contextlib.suppress(OSError):
            for _ in range(16384):
                connection.send(b"1\r\n")
                connection.send(b"x\r\n")
        kit.eventually(lambda: server.metric("kube_bearer_connections_cut_total", reason="too_many_bytes") == 1, "it was cut")
    assert server.metric("kube_bearer_connections_cut_total", reason="body_too_large") == 0


@pytest.mark.parametrize("listener", ["secure", "health"])
@pytest.mark.parametrize("data", [b"", b"GET /version HTTP/1.1\r\nHost: lo", headed(CHUNKED) + b"5;" + b"x" * 12000, b"GET /version " * 900],
                         ids=["nothing", "half a head", "half a chunk line", "a line that fills the buffer"])
def test_hostile_http_what_is_cut_is_gone_and_does_not_hold_up_the_end(start_server, listener, data):
    """In whatever state libmicrohttpd is."""
    server = start_server("--workers=1", "--health-bind-address=127.0.0.1:0", "--request-timeout=1s", "--idle-timeout=1s",
                          "--handshake-timeout=1s", "--shutdown-grace-duration=1s")
    with connect(server, listener) as connection, connect(server, listener) as late:
        for each in (connection, late):
            with contextlib.suppress(OSError):
                each.send(data)
        assert connection.is_closed_by_peer(within=3 + 2 * kit.SLOW)
        kit.eventually(lambda: server.connections() == 1, "both are gone")
    with connect(server, listener) as connection:
        with contextlib.suppress(OSError):
            connection.send(data)
        server.process.terminate()
        server.wait_end(timeout=1 + 3 + 4 * kit.SLOW)


@pytest.mark.parametrize("data", [b"", b"GET /version HT", headed(b"Content-Length: 50\r\n") + b"abc", GET_VERSION],
                         ids=["nothing", "half a head", "half a body", "a whole request"])
@listeners
def test_hostile_http_who_sends_and_leaves_at_once_is_gone(both, listener, data):
    """On the plain listener both come in one event, and libmicrohttpd reads no further than the data."""
    for _ in range(20):
        with connect(both, listener) as connection:
            connection.send(data)
    # far below --request-timeout and --idle-timeout
    kit.eventually(lambda: both.connections() == 1, "they are gone")


# --- answers that nobody reads -------------------------------------------------------------------------------

def review_of_nothing():
    return kit.http_bytes("POST", "/authenticate", kit.review_body("no token"))


PIPELINES = {
    "metrics": lambda: kit.http_bytes("GET", "/metrics"),
    "health": lambda: kit.http_bytes("GET", "/readyz?verbose"),
    "no path": lambda: kit.http_bytes("GET", "/nothing"),
    "reviews": review_of_nothing,
    "errors": lambda: kit.http_bytes("POST", "/authenticate", b"no JSON"),
}


def send_until_blocked(connection, data, quiet_sec=0.5 * kit.SLOW):
    """Pipeline until neither side takes any more; return the number of whole requests on their way."""
    sent, quiet_since = 0, time.monotonic()
    many = data * 50
    connection.socket.setblocking(False)
    try:
        while time.monotonic() - quiet_since < quiet_sec:
            try:
                while sent < 100 * len(many):
                    sent += connection.socket.send(many[sent % len(many):])
                    quiet_since = time.monotonic()
                return sent // len(data)
            except OSError:  # SSLWantWrite, or would block
                time.sleep(0.01)
    finally:
        connection.socket.settimeout(connection.timeout)
    return sent // len(data)


def assert_answers_nothing_more(server):
    """But what this asks itself."""
    def is_quiet():
        before = server.metric("kube_bearer_http_requests_total")
        time.sleep(0.2)  # not a wait for something: it is what is measured
        return server.metric("kube_bearer_http_requests_total") == before + 1
    kit.eventually(is_quiet, "it goes on without its reader")


@listeners
@pytest.mark.parametrize("request_of", PIPELINES.values(), ids=PIPELINES.keys())
def test_hostile_http_pipeline_waits_for_its_reader(start_server, listener, request_of):
    """Requests behind an answer that does not leave are not looked at, so they cost nothing; and they are answered when
    their client reads."""
    server = start_server("--workers=1", "--health-bind-address=127.0.0.1:0")
    data = request_of()
    with connect(server, listener) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        assert send_until_blocked(connection, data) > 1000
        assert_answers_nothing_more(server)
        for _ in range(1000):  # several times what lies in the sockets' buffers
            assert connection.read_response().status in (200, 400, 404)


@pytest.mark.release_only  # sanitizers keep what was freed
@listeners
@pytest.mark.parametrize("request_of", PIPELINES.values(), ids=PIPELINES.keys())
def test_hostile_http_pipeline_that_nobody_reads_holds_little_memory(start_server, listener, request_of):
    clients, each_bytes = 40, 262144
    server = start_server("--workers=1", "--health-bind-address=127.0.0.1:0", "--request-timeout=3s")
    data = request_of()
    before = anonymous_bytes(server)
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(server, listener)) for _ in range(clients)]
        for connection in connections:
            send_until_blocked(connection, data, quiet_sec=0.05)
        assert anonymous_bytes(server) - before < clients * each_bytes
        # past their deadline they are cut, although their sockets stay open on the other side: nothing is answered any more
        kit.eventually(lambda: server.metric("kube_bearer_connections") <= 1, "all are cut", timeout=10 + kit.DEADLINE_SEC)
        assert_answers_nothing_more(server)
        assert anonymous_bytes(server) - before < clients * each_bytes


@pytest.mark.parametrize("paused", [False, True], ids=["goes on", "paused meanwhile"])
def test_regress_10_answer_that_nobody_reads_does_not_hold_up_the_end(start_server, paused):
    """Its connection is suspended, with which libmicrohttpd is never to be stopped: it aborts. A process that is paused
    (SIGSTOP, a snapshot of its machine) may miss all of the time that is there for cutting who is left."""
    grace_sec, last_sec = 2, 3
    server = start_server("--workers=1", f"--shutdown-grace-duration={grace_sec}s")
    with server.connect() as connection, server.connect() as idle:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert send_until_blocked(connection, review_of_nothing()) > 100
        assert idle.request("GET", "/livez").status == 200
        server.process.terminate()
        assert idle.is_closed_by_peer()
        if paused:
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(grace_sec + last_sec + 0.5)  # not a wait for something: the clock goes on
            server.process.send_signal(signal.SIGCONT)
        server.wait_end(timeout=grace_sec + last_sec + 4 * kit.SLOW)


def test_hostile_http_half_closed_client_gets_its_answers(both):
    """Who has ended his side and reads slowly is not one who has left."""
    with connect(both, "health") as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        connection.send(kit.http_bytes("GET", "/metrics") * 100)
        connection.half_close()
        for _ in range(3):  # longer than the interval at which the worker looks for those who have left
            assert_answers_nothing_more(both)
        assert [connection.read_response().status for _ in range(100)] == [200] * 100
