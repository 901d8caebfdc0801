# SPDX-License-Identifier: Apache-2.0
"""The attacks. Each is one function that is a nuisance until its arena is over; its docstring is what docs show."""
import contextlib
import os
import signal
import socket
import ssl
import threading
import time

import arena as arenas
import head_cases
import kit
import swarm
from arena import BROKEN, HANDSHAKE_SEC, IDLE_SEC, REQUEST_SEC

ATTACKS = {}
KIB = 1 / 1024
# What one connection may cost, in MiB. A head and its reply: --max-header-bytes and 4 KiB for it, the same
# again for what is queued, TLS with a record each way. A handshake message: what GnuTLS takes, and its copy.
# A body: --max-request-body-bytes, in a buffer that doubles.
HEAD_MIB, MESSAGE_MIB, BODY_MIB = 80 * KIB, 160 * KIB, 340 * KIB
LANE_DESCRIPTORS = 3
HEADER_BYTES, BODY_BYTES = 8192, 131072  # the defaults of the server's limits

HEAD = b"POST /authenticate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PAGE = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Attack:
    """is_quiet: it sends next to nothing, so it may cost next to no processor. share: of the number of connections that
    the run was told. mib: what one connection may cost; all_mib: all of them together. fills_limit: there is no place for
    new connections while it goes on. options: of the server. needs: an option without which there is no such attack."""

    def __init__(self, run, name, is_quiet=False, share=1.0, mib=HEAD_MIB, fills_limit=False, all_mib=0.0, options=None, needs=None,
                 client_ca=False):
        self.run, self.name, self.text = run, name, run.__doc__
        self.is_quiet, self.share, self.mib, self.fills_limit, self.all_mib = is_quiet, share, mib, fills_limit, all_mib
        self.options, self.needs, self.client_ca = options or {}, needs, client_ca


def attack(**settings):
    def register(function):
        name = function.__name__.replace("_", "-")
        ATTACKS[name] = Attack(function, name, **settings)
        return function
    return register


# --- silent ------------------------------------------------------------------------------------------------------

@attack(is_quiet=True)
def silent_connects(arena):
    """connects to either port and says nothing"""
    arena.hold_many(arena.tcp)
    arena.hold_many(lambda: arena.tcp(arena.server.health_port))
    arena.expect_cut(max(HANDSHAKE_SEC, REQUEST_SEC))


@attack(is_quiet=True)
def silent_in_a_record(arena):
    """begins a TLS record and says no more, in the handshake or behind it"""
    def in_handshake():
        connection = arena.tcp()
        arena.send_whole(connection, b"\x16\x03\x01\x02\x00\x01")
        return connection

    def behind_it():
        connection = arena.tls()
        with socket.socket(fileno=os.dup(connection.fileno())) as twin:
            twin.sendall(b"\x17\x03\x03\x40\x00abc")
        return connection
    arena.hold_many(in_handshake, arena.count // 2)
    arena.hold_many(behind_it, arena.count // 2)
    arena.expect_cut(max(HANDSHAKE_SEC, REQUEST_SEC))


@attack(is_quiet=True)
def idle_connections(arena):
    """many connections, each with one answered request, then silent"""
    def make():
        connection = arena.tls()
        arena.send_whole(connection, PAGE % b"/version")
        connection.recv(4096)
        return connection
    arena.hold_many(make)
    arena.expect_cut(IDLE_SEC)


@attack(is_quiet=True, share=0.25)
def half_close(arena):
    """ends its own direction at once, in the handshake, in a head, in a body or behind a request, and stays"""
    def make(data, is_tls):
        connection = arena.tls() if is_tls else arena.tcp(arena.server.health_port)
        if data:
            arena.send_whole(connection, data)
        socket.socket.shutdown(connection, socket.SHUT_WR)
        return connection
    for data in (b"", b"GET /ver", HEAD + b"Content-Length: 50\r\n\r\n{", PAGE % b"/version"):
        for is_tls in (True, False):
            arena.hold_many(lambda: make(data, is_tls))
    arena.expect_cut(IDLE_SEC)


@attack(is_quiet=True, options={"--request-timeout": "1m"})
def gone_in_a_request(arena):
    """sends part of a request to the port without TLS and is gone"""
    pid = arena.server.process.pid
    before = arenas.descriptors(pid)
    os.kill(pid, signal.SIGSTOP)  # so that it always finds the bytes and the end together
    try:
        for number in range(min(arena.count, 500)):
            with contextlib.suppress(*BROKEN), arena.tcp(arena.server.health_port) as connection:
                arena.send_whole(connection,
                                 b"GET /livez HT" if number % 2 else b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{")
    finally:
        os.kill(pid, signal.SIGCONT)
    limit = time.monotonic() + arenas.CUT_SEC
    while arenas.descriptors(pid) > before + LANE_DESCRIPTORS and not arena.stop.is_set():
        if time.monotonic() > limit:
            arena.faults.append(f"{arenas.descriptors(pid) - before} connections stay although nobody is there")
            return
        arena.stop.wait(arenas.DRIP_SEC)


# --- dripping ----------------------------------------------------------------------------------------------------

@attack(share=0.1)
def dripping_handshake(arena):
    """a byte of a ClientHello every 20 ms"""
    arena.drip(None, b"", client_hello(arena.context), HANDSHAKE_SEC)


@attack(share=0.1)
def dripping_head(arena):
    """a byte of a request's head every 20 ms, over TLS"""
    arena.drip(arena.server.port, b"GET /version HTTP/1.1\r\nX-Slow: ", b"x", REQUEST_SEC)


@attack(share=0.1)
def dripping_head_without_tls(arena):
    """the same on the port without TLS"""
    arena.drip(arena.server.health_port, b"GET /version HTTP/1.1\r\nX-Slow: ", b"x", REQUEST_SEC)


@attack(share=0.1)
def dripping_body(arena):
    """a byte of a body every 20 ms"""
    arena.drip(arena.server.port, HEAD + b"Content-Length: 100000\r\n\r\n", b" ", REQUEST_SEC)


@attack(share=0.1)
def dripping_chunks(arena):
    """a byte of a chunked body every 20 ms"""
    arena.drip(arena.server.port, CHUNKED, b"1\r\n \r\n", REQUEST_SEC)


@attack(is_quiet=True)
def head_never_ended(arena):
    """8 KB of a head, and no end"""
    head = b"GET /version HTTP/1.1\r\nHost: localhost\r\nX: "
    head += b"x" * (HEADER_BYTES - len(head) - 1)

    def make():
        connection = arena.tls()
        arena.send_whole(connection, head)
        return connection
    arena.hold_many(make)
    arena.expect_cut(REQUEST_SEC)


# --- chunked -----------------------------------------------------------------------------------------------------

def hold_behind(arena, *datas):
    """Connections that have sent all of one of these, and wait."""
    def make(data):
        connection = arena.tls()
        arena.send_whole(connection, data)
        return connection
    for data in datas:
        arena.hold_many(lambda: make(data), max(1, arena.count // len(datas)))
    arena.expect_cut(REQUEST_SEC)


@attack(is_quiet=True, share=0.1)
def chunk_line_that_fills_the_pool(arena):
    """a chunk-size line as long as the connection's memory: an extension, or zeros; then silent"""
    hold_behind(arena, CHUNKED + b"5;" + b"x" * 12000, CHUNKED + b"5;" + b"x" * 12100, CHUNKED + b"5;" + b"x" * 12200,
                CHUNKED + b"0" * 20000)


@attack(share=0.02)
def chunk_line_without_end(arena):
    """a chunk extension of 1 MB, whose sender is gone after a second"""
    def once():
        with contextlib.suppress(*BROKEN), arena.tls() as connection:
            arena.send_whole(connection, CHUNKED + b"5;")
            arena.pour(connection, b"x" * 16000, 1 << 20)
            arena.stop.wait(1)
    while arena.goes_on():
        threads = [threading.Thread(target=once) for _ in range(max(2, arena.count))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@attack(share=0.02)
def chunks_without_end(arena):
    """chunks of one byte, as fast as they are taken, and never a last one"""
    pour_many(arena, CHUNKED, b"1\r\n \r\n" * 500, 4 << 20)


@attack(share=0.02)
def trailers_without_end(arena):
    """trailers behind the last chunk, as fast as they are taken, and never an empty line"""
    pour_many(arena, CHUNKED + b"1\r\n \r\n0\r\n", b"X-Trailer: abcdefgh\r\n" * 100, 4 << 20)


@attack(is_quiet=True, share=0.2)
def chunk_announced(arena):
    """a chunk of 64 KB or 2^63 bytes is announced and does not come"""
    hold_behind(arena, CHUNKED + b"ffff\r\n", CHUNKED + b"7fffffffffffffff\r\n")


def pour_many(arena, head, data, limit):
    while arena.goes_on():
        with contextlib.suppress(*BROKEN), arena.tls() as connection:
            arena.send_whole(connection, head)
            arena.pour(connection, data, limit)


@attack(share=0.02, mib=BODY_MIB)
def bodies_too_large(arena):
    """bodies of 10 MB, announced or chunked, sent on whatever the answer is"""
    while arena.goes_on():
        for head, data in ((HEAD + b"Content-Length: 10000000\r\n\r\n", b" " * 65536), (CHUNKED, b"4000\r\n" + b" " * 16384 + b"\r\n")):
            with contextlib.suppress(*BROKEN), arena.tls() as connection:
                arena.send_whole(connection, head)
                arena.pour(connection, data, 10_000_000)


PATIENT = {"--request-timeout": "30s", "--idle-timeout": "2m"}  # as they are by default: no deadline ends the attack


# --- never reading -----------------------------------------------------------------------------------------------

def never_read(arena, make, requests):
    """Pipelined requests until the kernel takes no more; then some stop, some go on whenever it does."""
    connections = []
    arena.hold_many(make)
    for number, connection in enumerate(arena.held):
        connections.append((connection, requests[number % len(requests)] * 20, number % 2 == 0))
    stopped = set()
    while arena.goes_on():
        for connection, data, stops in connections:
            for _ in range(50):
                if connection in stopped or not arena.goes_on():
                    break
                count = arena.send(connection, data)
                if count < 0 or (count == 0 and stops):
                    stopped.add(connection)
                if count <= 0:
                    break
        arena.stop.wait(arenas.DRIP_SEC)


def review(token):
    return kit.http_bytes("POST", "/authenticate", kit.review_body(token))


def never_read_requests(token):
    metrics = PAGE % b"/metrics"  # the largest answer for the shortest question
    return [metrics, metrics, review(token), PAGE % b"/nothing", metrics, metrics, PAGE % b"/healthz?verbose",
            kit.http_bytes("POST", "/authenticate", "no JSON"), metrics, PAGE % b"/authenticate", PAGE % b"/version"]


@attack(share=0.1, options={"--health-bind-address": "", **PATIENT})
def never_reading(arena):
    """pipelines metrics, reviews, health pages, errors over TLS and reads nothing"""
    never_read(arena, lambda: arena.tls(receive_buffer=4096), never_read_requests(arena.token))


@attack(share=0.1, options=PATIENT)
def never_reading_without_tls(arena):
    """the same on the port without TLS"""
    requests = [request for request in never_read_requests(arena.token) if request.startswith(b"GET")]
    never_read(arena, lambda: arena.tcp(arena.server.health_port, receive_buffer=4096), requests)


@attack(share=0.1, client_ca=True, options={"--health-bind-address": "", **PATIENT})
def never_reading_without_certificate(arena):
    """the same where reviews need a client certificate, and it has none"""
    never_read(arena, lambda: arena.tls(receive_buffer=4096), never_read_requests(arena.token))


@attack(share=0.1)
def reading_slowly(arena):
    """pipelines metrics and reads a byte every 20 ms"""
    def make():
        connection = arena.tcp(arena.server.health_port, receive_buffer=4096)
        arena.send(connection, PAGE % b"/metrics" * 50)
        return connection
    arena.hold_many(make)
    for _ in arena.turns():
        for connection in arena.held:
            with contextlib.suppress(*BROKEN):
                connection.recv(1)


# --- many, each within its limits ----------------------------------------------------------------------------------

@attack(is_quiet=True, mib=MESSAGE_MIB)
def handshake_messages(arena):
    """a ClientHello of nearly 64 KB without its end"""
    record = b"\x16\x03\x01\x40\x00"
    data = record + b"\x01\x00\xff\xf0" + b"\0" * 16380 + 2 * (record + b"\0" * 16384) + record + b"\0" * 16000

    def make():
        connection = arena.tcp()
        arena.send_whole(connection, data)
        return connection
    arena.hold_many(make)
    arena.expect_cut(HANDSHAKE_SEC)


def hold_bodies(arena):
    data = HEAD + b"Content-Length: %d\r\n\r\n" % BODY_BYTES + b" " * (BODY_BYTES - 1)

    def make():
        connection = arena.tls()
        arena.send_whole(connection, data)
        return connection
    arena.hold_many(make)
    arena.expect_cut(REQUEST_SEC)


@attack(mib=BODY_MIB)
def bodies_never_ended(arena):
    """a body of the largest size but for its last byte"""
    hold_bodies(arena)


@attack(client_ca=True)
def bodies_without_certificate(arena):
    """the same where reviews need a client certificate, and it has none"""
    hold_bodies(arena)


@attack(is_quiet=True, fills_limit=True, options={"--max-connections": "20"})
def more_than_the_limit(arena):
    """holds all connections that --max-connections allows, and asks for more"""
    for _ in arena.turns():
        with contextlib.suppress(*BROKEN):
            arena.hold(arena.tcp())
        if len(arena.held) > 200:
            arena.held.pop(0).close()


@attack(fills_limit=True, mib=0.0, all_mib=16.0, options={"--max-connection-memory": "16Mi"}, needs="--max-connection-memory")
def more_than_the_memory(arena):
    """bodies, handshake messages and idle connections far beyond --max-connection-memory (16 MiB)"""
    body = HEAD + b"Content-Length: %d\r\n\r\n" % BODY_BYTES + b" " * (BODY_BYTES - 1)

    def with_body():
        connection = arena.tls()
        arena.send_whole(connection, body)
        return connection
    while arena.goes_on():
        arena.hold_many(with_body, 20)
        arena.hold_many(arena.tls, 20)
        while len(arena.held) > 400:
            arena.held.pop(0).close()


# --- coming and going ----------------------------------------------------------------------------------------------

@attack()
def connect_and_close(arena):
    """connects and closes, as fast as it can"""
    while arena.goes_on():
        for port in (arena.server.port, arena.server.health_port):
            with contextlib.suppress(*BROKEN):
                arena.tcp(port).close()


@attack()
def connect_and_reset(arena):
    """connects and resets, silent or in a ClientHello"""
    hello = client_hello(arena.context)
    while arena.goes_on():
        with contextlib.suppress(*BROKEN):
            connection = arena.tcp()
            arena.send(connection, hello[:arena.random.choice([0, 3, 100, len(hello)])])
            arena.reset(connection)


@attack()
def handshake_and_reset(arena):
    """a whole handshake, or one with a request behind it, then a reset"""
    while arena.goes_on():
        with contextlib.suppress(*BROKEN):
            connection = arena.tls()
            if arena.random.random() < 0.5:
                arena.send(connection, review(arena.token))
            arena.reset(connection)


# --- TLS -----------------------------------------------------------------------------------------------------------

def client_hello(context, session=None):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1", session=session).do_handshake()
    return outgoing.read()


def mutated(rng, data, start=0):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        if len(data) <= start:
            break
        at = rng.randrange(start, len(data))
        how = rng.randrange(4)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at] = rng.choice([0, 1, 0x7f, 0x80, 0xff])
        elif how == 2:
            del data[at:at + rng.choice([1, 2, 50])]
        else:
            data[at:at] = rng.randbytes(rng.choice([1, 2, 50]))
    return bytes(data)


def deliver(arena, data):
    """These bytes, and a short look at what the server makes of them."""
    with contextlib.suppress(*BROKEN), arena.tcp() as connection:
        arena.send_whole(connection, data)
        connection.settimeout(0.01)
        connection.recv(65536)


@attack()
def garbage_for_tls(arena):
    """random bytes, HTTP, SSL 2 and bent ClientHellos where a handshake is due"""
    hello = client_hello(arena.context)
    while arena.goes_on():
        deliver(arena, arena.random.choice([
            arena.random.randbytes(arena.random.choice([1, 5, 100, 5000])), PAGE % b"/version", b"\x80\x2e\x01\x00\x02" + bytes(45),
            b"\x16\x03\x01\xff\xff" + hello[5:], b"\x16\x03\x01\x00\x00" * 200, b"\x15\x03\x01\x00\x02\x01\x00" * 100]))
        deliver(arena, mutated(arena.random, hello))


@attack()
def bent_handshakes(arena):
    """handshakes whose second message is bent"""
    while arena.goes_on():
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = arena.context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with contextlib.suppress(*BROKEN), arena.tcp() as connection:
            for _ in range(3):
                with contextlib.suppress(ssl.SSLWantReadError):
                    tls.do_handshake()
                    break
                arena.send_whole(connection, outgoing.read())
                incoming.write(connection.recv(65536))
            arena.send_whole(connection, mutated(arena.random, outgoing.read()))
            connection.settimeout(0.01)
            connection.recv(65536)


@attack()
def bent_tickets(arena):
    """resumes TLS 1.2 and 1.3 sessions with bent tickets"""
    hellos = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = kit.client_context(arena.server.authority.pem, minimum=version, maximum=version)
        with contextlib.suppress(*BROKEN), arena.tls(context=context) as connection:
            arena.send_whole(connection, PAGE % b"/version")
            connection.recv(4096)  # the tickets of 1.3 come with it
            hellos.append(client_hello(context, connection.session))
    while arena.goes_on() and hellos:
        hello = arena.random.choice(hellos)
        deliver(arena, mutated(arena.random, hello, start=min(120, len(hello) - 1)))


@attack(client_ca=True)
def chains_without_end(arena):
    """shows a client certificate with a chain of 80 more"""
    certificate, key = kit.Authority("strangers").issue(client=True, names=(), addresses=())
    folder = arena.server.folder
    (folder / "chain.crt").write_text(certificate + kit.Authority("chain").pem * 80)
    (folder / "chain.key").write_text(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(folder / "chain.crt", folder / "chain.key")
    while arena.goes_on():
        with contextlib.suppress(*BROKEN), arena.tls(context=context) as connection:
            arena.send_whole(connection, review(arena.token))
            if b'"authenticated":true' in connection.recv(4096):
                arena.faults.append("a yes for a client whose certificate nobody signed")
                return


@attack()
def renegotiation(arena):
    """asks for one handshake after the other on a TLS 1.2 connection"""
    arena.tool("renegotiate", arena.server.port)


@attack()
def key_updates(arena):
    """TLS 1.3 KeyUpdates, as fast as they are taken"""
    arena.tool("key-updates", arena.server.port)


@attack()
def empty_records(arena):
    """TLS records without content, as fast as they are taken"""
    arena.tool("empty-records", arena.server.port)


# --- requests ------------------------------------------------------------------------------------------------------

@attack(share=0.1)
def bent_heads(arena):
    """mutated request heads with others hidden in them, on both ports (what is answered: --heads)"""
    number = 0
    while arena.goes_on():
        cases = [head_cases.make_case(arena.random.random(), number + i, 0.3) for i in range(60)]
        number += len(cases)
        for is_secure, port, context in ((True, arena.server.port, arena.context), (False, arena.server.health_port, None)):
            payloads = [case.data for case in cases if case.is_secure == is_secure]
            swarm.exchange_all(port, payloads, 30, context, patience_sec=0.1, limit_sec=0.5)
            arena.connections += len(payloads)
            arena.sent += sum(map(len, payloads))


@attack()
def wrong_tokens(arena):
    """asks about wrong secrets, unknown IDs and no tokens at all, as fast as it is answered"""
    token_id = arena.token.split(".")[0]

    def ask():
        while arena.goes_on():
            with contextlib.suppress(OSError, kit.Closed), kit.Connection(arena.server.port, context=arena.context) as connection:
                arena.connections += 1
                while arena.goes_on():
                    for token in (f"{token_id}.aaaaaaaaaaaaaaaa", "zzzzzz.aaaaaaaaaaaaaaaa", "x" * 3000, ""):
                        data = review(token)
                        connection.send(data)
                        arena.sent += len(data)
                        if b'"authenticated":true' in connection.read_response().body.replace(b" ", b""):
                            arena.faults.append("a yes for a wrong token")
                            return
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@attack(is_quiet=True, share=0.2)
def expecting_100(arena):
    """wants to be told to go on, is told, and does not"""
    hold_behind(arena, HEAD + b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n")


# --- signals -------------------------------------------------------------------------------------------------------

def send_signals(arena, *numbers):
    for _ in arena.turns(0.005):
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                arena.server.process.send_signal(number)


@attack()
def sighup_storm(arena):
    """two hundred SIGHUPs a second"""
    send_signals(arena, signal.SIGHUP)


@attack(is_quiet=True)
def stray_signals(arena):
    """SIGUSR1 and SIGUSR2, two hundred a second"""
    send_signals(arena, signal.SIGUSR1, signal.SIGUSR2)
