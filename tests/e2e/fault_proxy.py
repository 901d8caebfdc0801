# SPDX-License-Identifier: Apache-2.0
"""A proxy that breaks things on purpose, between kube-bearer and an API server.

It ends the client's TLS and asks the server behind with TLS of its own, so it sees every request, and can answer in the
server's place, change what comes back, cut it off or sit on it. A client certificate does not get through; a token does.

- A *fault* is a coroutine function of one exchange. The first rule that fits a request names it; without a rule the
  request passes. Rules come and go while the proxy runs.
- A *line fault* acts on one line of a watch that is already open, spoil_line(); break_streams() ends such watches.
- What is recorded of a request has neither headers nor body, so no token.

One thread with an asyncio loop per proxy; the public methods are for the test's thread.
"""
import asyncio
import enum
import gzip
import json
import re
import socket
import ssl
import struct
import tempfile
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

MAX_HEAD_BYTES = 65536
MAX_BODY_BYTES = 4 << 20  # kube-apiserver takes 3 MiB
MAX_LINE_BYTES = 16 << 20  # of a watch behind us
UPSTREAM_TIMEOUT_SEC = 30  # to connect and for the head of an answer


class Ending(enum.Enum):
    RESET = "RST; it may overtake what was sent before"
    CLOSE = "FIN, though the body has no end yet"
    FINISH = "a regular end of the body; the connection goes on"
    SILENCE = "nothing more comes, and nothing is closed"


class End(Exception):
    """What a fault raises to end its exchange in a certain way."""

    def __init__(self, how):
        super().__init__(how.value)
        self.how = how


@dataclass
class Seen:
    """A request as it is remembered."""
    method: str
    target: str
    at: float  # time.monotonic()
    has_authorization: bool
    connection: int  # from 1
    status: int = 0  # what was answered; 0: nothing (yet)
    errors: list = field(default_factory=list)  # codes of ERROR events that passed

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return dict(urllib.parse.parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def is_watch(self):
        return self.query.get("watch") in ("1", "true")


class Rule:
    """Which requests a fault is for; `hits` says how many it got."""

    def __init__(self, fault, method=None, path=None, watch=None, skip=0, times=None):
        self.fault, self.method, self.path, self.watch = fault, method, path, watch
        self.skip, self.times, self.hits = skip, times, 0

    def take(self, seen):
        """Is it for this request? Counts it if so."""
        if self.method not in (None, seen.method) or self.watch not in (None, seen.is_watch):
            return False
        if self.path is not None and not re.search(self.path, seen.target):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True


class Latch:
    """Closed until the test opens it; `count` says how many exchanges have come to it."""

    def __init__(self, loop):
        self._loop, self._event, self.count = loop, asyncio.Event(), 0

    def open(self):
        self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self):
        self.count += 1
        await self._event.wait()


class Answer:
    """What the server behind answered; the body comes as it arrives, without its chunks."""

    def __init__(self, status, reason, headers, reader, writer):
        self.status, self.reason, self.headers = status, reason, headers
        self._reader, self._writer = reader, writer

    def close(self):
        self._writer.transport.abort()

    async def pieces(self):
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            while True:
                size = int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16)
                data = await self._reader.readexactly(size + 2)
                if size == 0:
                    return
                yield data[:-2]
        left = int(self.headers.get("content-length", 0))
        while left > 0:
            data = await self._reader.read(min(left, 65536))
            if not data:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(data)
            yield data

    async def lines(self):
        """Whole lines with their ends, and what remains behind the last one."""
        rest = b""
        async for piece in self.pieces():
            rest += piece
            assert len(rest) <= MAX_LINE_BYTES
            *whole, rest = rest.split(b"\n")
            for line in whole:
                yield line + b"\n"
        if rest:
            yield rest

    async def body(self):
        return b"".join([piece async for piece in self.pieces()])


class Exchange:
    """One request of a client, and the means to answer it."""

    def __init__(self, proxy, seen, head, body, writer):
        self.proxy, self.seen, self.head, self.body, self.writer = proxy, seen, head, body, writer
        self.answer = None
        self.ordered = None  # an Ending that the test asked for meanwhile
        self.has_begun = False

    async def ask(self, target=None):
        """Put the request to the server behind."""
        host, port, context = self.proxy.upstream
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(host, port, ssl=context, server_hostname=host, limit=MAX_LINE_BYTES), UPSTREAM_TIMEOUT_SEC)
        names = ("connection", "accept-encoding")
        kept = [line for line in self.head[1:] if line.partition(":")[0].lower() not in names]
        lines = [f"{self.seen.method} {target or self.seen.target} HTTP/1.1", *kept, "Connection: close"]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body)
        self.answer = Answer(0, "", {}, reader, writer)  # so that it is closed whatever comes
        status, reason, headers = await asyncio.wait_for(_read_answer_head(reader), UPSTREAM_TIMEOUT_SEC)
        self.answer = Answer(status, reason, headers, reader, writer)
        return self.answer

    async def raw(self, data):
        """Bytes as they are."""
        if self.writer.is_closing():
            raise ConnectionResetError("the client left")
        self.writer.write(data)
        await self.writer.drain()
        await asyncio.sleep(0)  # drain() need not wait, and others want their turn

    async def begin(self, status, reason, headers):
        """The head of an answer with a chunked body."""
        self.seen.status = status
        self.has_begun = True
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items()),
                 "Transfer-Encoding: chunked"]
        await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def begin_like(self, answer, **changed):
        """The same with what the server behind said; keyword arguments change headers, None leaves one out."""
        headers = {name: value for name, value in answer.headers.items()
                   if name not in ("transfer-encoding", "content-length", "connection")}
        headers.update({name.replace("_", "-"): value for name, value in changed.items()})
        await self.begin(answer.status, answer.reason, {n: v for n, v in headers.items() if v is not None})

    async def chunk(self, data):
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def relay(self, answer, **changed):
        """All of it, with headers changed as begin_like() does."""
        await self.begin_like(answer, **changed)
        async for piece in answer.pieces():
            await self.chunk(piece)
        await self.finish()

    async def finish(self):
        await self.raw(b"0\r\n\r\n")


def _reset(writer):
    """RST in place of FIN."""
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _read_answer_head(reader):
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    _, status, reason = (lines[0].split(" ", 2) + [""])[:3]
    headers = {}
    for line in lines[1:-2]:
        name, value = line.split(":", 1)
        headers[name.strip().lower()] = value.strip()
    return int(status), reason, headers


# --- faults: what happens to a request ------------------------------------------------------------------------

async def passes(exchange):
    """Nothing is wrong, except what spoil_line() has in store."""
    answer = await exchange.ask()
    if not exchange.seen.is_watch:
        await exchange.relay(answer)
        return
    await exchange.begin_like(answer)
    async for line in answer.lines():
        await exchange.proxy.relay_line(exchange, line)
    await exchange.finish()


async def resets(exchange):
    """RST before a byte of the answer."""
    raise End(Ending.RESET)


async def is_silent(exchange):
    """The request is read, and that is all."""
    raise End(Ending.SILENCE)


def held(latch, then=passes):
    """Nothing happens until the test opens the latch."""
    async def fault(exchange):
        await latch.wait()
        await then(exchange)
    return fault


def delayed(seconds, then=passes):
    async def fault(exchange):
        await asyncio.sleep(seconds)
        await then(exchange)
    return fault


def cuts_body(after, ending):
    """So many bytes of the body, then the end."""
    async def fault(exchange):
        answer = await exchange.ask()
        await exchange.begin_like(answer)
        left = after
        async for piece in answer.pieces():
            if len(piece) > left:
                await exchange.chunk(piece[:left]) if left else None
                raise End(ending)
            left -= len(piece)
            await exchange.chunk(piece)
        await exchange.finish()
    return fault


def cuts_chunk_header(ending):
    """The first chunk says how long it is, but for the end of that line."""
    async def fault(exchange):
        answer = await exchange.ask()
        await exchange.begin_like(answer)
        async for piece in answer.pieces():
            await exchange.raw(b"%x\r" % len(piece))
            raise End(ending)
        await exchange.finish()
    return fault


def answers(status, body=b"", **headers):
    """An answer of the proxy's own. Header names with _ for -."""
    async def fault(exchange):
        await exchange.begin(status, "Scripted", {name.replace("_", "-"): value for name, value in headers.items()})
        if body:
            await exchange.chunk(body)
        await exchange.finish()
    return fault


def status_json(code, reason, message="scripted"):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason,
            "code": code}


def fails(code, reason, retry_after=None):
    """A Kubernetes Status, as an API server refuses."""
    headers = {} if retry_after is None else {"retry_after": str(retry_after)}
    return answers(code, json.dumps(status_json(code, reason)).encode() + b"\n", content_type="application/json", **headers)


def redirects(code, url):
    return answers(code, location=url)


def streams(*lines, ending=Ending.SILENCE):
    """A watch of the proxy's own: these lines, then the end."""
    async def fault(exchange):
        await exchange.begin(200, "OK", {"Content-Type": "application/json"})
        for line in lines:
            await exchange.chunk(line)
        raise End(ending)
    return fault


def talks_garbage(data):
    """No HTTP at all."""
    async def fault(exchange):
        await exchange.raw(data)
        raise End(Ending.CLOSE)
    return fault


def has_huge_header(size):
    async def fault(exchange):
        await exchange.relay(await exchange.ask(), x_filler="x" * size)
    return fault


def retyped(content_type):
    """The right answer under another Content-Type; None leaves it out."""
    async def fault(exchange):
        await exchange.relay(await exchange.ask(), content_type=content_type)
    return fault


async def gzipped(exchange):
    """Compressed, though nobody asked for that."""
    answer = await exchange.ask()
    body = gzip.compress(await answer.body())
    await exchange.begin_like(answer, content_encoding="gzip")
    await exchange.chunk(body)
    await exchange.finish()


async def closes(exchange):
    """A good answer, and the connection ends with it."""
    await exchange.relay(await exchange.ask(), connection="close")
    raise End(Ending.CLOSE)


def pages_of(limit):
    """The server behind is asked for pages this small, whatever the client wants."""
    async def fault(exchange):
        target = re.sub(r"(?<=[?&]limit=)\d+", str(limit), exchange.seen.target)
        await exchange.relay(await exchange.ask(target))
    return fault


# --- line faults: what happens to one line of an open watch -----------------------------------------------------

def cut_line(ending):
    """Half of it, then the end."""
    async def fault(exchange, line):
        await exchange.chunk(line[:len(line) // 2])
        raise End(ending)
    return fault


def late_line(seconds):
    """It comes later, and so does what is behind it."""
    async def fault(exchange, line):
        await asyncio.sleep(seconds)
        await exchange.chunk(line)
    return fault


def after_line(*inserted):
    """These come first."""
    async def fault(exchange, line):
        for data in inserted:
            await exchange.chunk(data)
        await exchange.chunk(line)
    return fault


def instead_of_line(*lines, ending=None):
    async def fault(exchange, _):
        for data in lines:
            await exchange.chunk(data)
        if ending:
            raise End(ending)
    return fault


def endless_line(start, limit):
    """A line that goes on after `start` without an end, until the client has enough or `limit` bytes of nothing are gone;
    `fault.sent` counts those."""
    async def fault(exchange, _):
        piece = b"x" * 65536
        await exchange.chunk(start)
        while fault.sent < limit:
            await exchange.chunk(piece)
            fault.sent += len(piece)
        raise End(Ending.SILENCE)
    fault.sent = 0
    return fault


def event_line(kind, value):
    return json.dumps({"type": kind, "object": value}).encode() + b"\n"


def error_line(code, reason="Scripted"):
    """An ERROR event; without a code if that is None."""
    value = status_json(code, reason)
    if code is None:
        del value["code"]
    return event_line("ERROR", value)


# --- the proxy ----------------------------------------------------------------------------------------------------

class FaultProxy:
    """certificate: (certificate PEM, key PEM) to show; upstream: URL of the server behind, or None when rules answer
    everything; upstream_ca_pem: its CA."""

    def __init__(self, certificate, upstream=None, upstream_ca_pem=None):
        self._server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w") as both:  # mode 0600; OpenSSL reads keys from files only
            both.write("".join(certificate))
            both.flush()
            self._server_context.load_cert_chain(both.name)
        self.upstream = None
        if upstream:
            parts = urllib.parse.urlsplit(upstream)
            self.upstream = parts.hostname, parts.port, ssl.create_default_context(cadata=upstream_ca_pem)
        self._lock = threading.Lock()
        self._rules, self._spoilers, self._seen = [], [], []
        self._open = {}  # exchanges under way, and their tasks
        self._writers = set()  # of all connections
        self.connection_count = 0
        # Bound and never listening: keeps the port ours while nobody listens, so that clients are refused.
        self._reservation = socket.socket()
        self._reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reservation.bind(("127.0.0.1", 0))
        self.port = self._reservation.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self._server = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.listen()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._loop.is_closed():
            return
        self._do(self._stop_listening())
        self._do(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reservation.close()

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(UPSTREAM_TIMEOUT_SEC)

    # rules

    def latch(self):
        return Latch(self._loop)

    def rule(self, fault, **which):
        """From now on fault is for the requests that `which` names: method, path (a regular expression, searched in
        path and query), watch (True, False), skip (let so many pass first), times (no more than so many). The newest
        rule comes first."""
        rule = Rule(fault, **which)
        with self._lock:
            self._rules.insert(0, rule)
        return rule

    def drop(self, rule):
        with self._lock:
            self._rules.remove(rule)

    def clear(self):
        """No rules any more."""
        with self._lock:
            self._rules, self._spoilers = [], []

    def spoil_line(self, fault, containing=b""):
        """A line fault for the next line of any watch that contains this; returns a list that has the line's Seen when
        it happened."""
        happened = []
        with self._lock:
            self._spoilers.append((fault, containing, happened))
        return happened

    # what was seen

    def seen(self, since=0.0, **which):
        """Requests, oldest first; `which` as in rule()."""
        match = Rule(None, **which)
        with self._lock:
            return [seen for seen in self._seen if seen.at >= since and match.take(seen)]

    def open_watches(self):
        """Watches that the client has a good answer to, and that are still going on."""
        with self._lock:
            return [exchange.seen for exchange in self._open if exchange.seen.is_watch and exchange.seen.status == 200]

    # what happens to everybody

    def break_streams(self, ending):
        """End all that are under way; returns how many."""
        async def order():
            with self._lock:
                works = list(self._open.items())
            for exchange, work in works:
                exchange.ordered = ending
                work.cancel()
            return len(works)
        return self._do(order())

    def refuse(self):
        """Nobody listens: connections are refused, and those there were are reset."""
        self._do(self._stop_listening())

    def listen(self):
        self._do(self._start_listening())

    async def _start_listening(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self._server = await asyncio.start_server(self._serve, sock=listener, ssl=self._server_context,
                                                  ssl_shutdown_timeout=1, limit=MAX_HEAD_BYTES)

    async def _stop_listening(self):
        if self._server:
            self._server.close()
            self._server = None
        for writer in self._writers:
            _reset(writer)

    async def _end_tasks(self):
        """Connections between two requests, and whatever else still runs."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # one connection

    async def _serve(self, reader, writer):
        self.connection_count += 1
        number, first = self.connection_count, b""
        self._writers.add(writer)
        try:
            while self._server:  # a handshake may have been under way when it was closed
                exchange = await self._read_request(reader, writer, first, number)
                goes_on, first = await self._run(exchange, reader)
                if not goes_on:
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # the client left, or the test ends
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _read_request(self, reader, writer, first, number):
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        method, target, _ = head[0].split(" ")
        headers = {line.partition(":")[0].strip().lower(): line.partition(":")[2].strip() for line in head[1:]}
        length = int(headers.get("content-length", 0))
        assert length <= MAX_BODY_BYTES and "transfer-encoding" not in headers
        body = await reader.readexactly(length)
        seen = Seen(method, target, time.monotonic(), "authorization" in headers, number)
        return Exchange(self, seen, head, body, writer)

    async def _run(self, exchange, reader):
        """(does the connection go on, what of the next request has been read already)"""
        with self._lock:
            self._seen.append(exchange.seen)
            rule = next((rule for rule in self._rules if rule.take(exchange.seen)), None)
            fault = rule.fault if rule else passes
            work = self._open[exchange] = asyncio.ensure_future(fault(exchange))
        gone = asyncio.ensure_future(reader.read(1))  # a client that leaves is noticed whatever the fault does
        try:
            while True:
                await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done() and not gone.result():
                    return False, b""
                ending = await self._ending_of(exchange, work)
                if ending is not Ending.SILENCE:
                    break
                with self._lock:  # until somebody breaks it, or the client leaves
                    work = self._open[exchange] = asyncio.ensure_future(asyncio.Event().wait())
            if ending is Ending.RESET:
                _reset(exchange.writer)
                return False, b""
            if ending is Ending.CLOSE:
                exchange.writer.close()
                await exchange.writer.wait_closed()
                return False, b""
            gone.cancel()
            await asyncio.wait({gone})
            return True, b"" if gone.cancelled() else gone.result()
        finally:
            with self._lock:
                del self._open[exchange]
            for task in (work, gone):
                task.cancel()
            if exchange.answer:
                exchange.answer.close()

    async def _ending_of(self, exchange, work):
        await asyncio.wait({work})
        if exchange.ordered and work.cancelled():
            how = exchange.ordered
        elif work.cancelled():
            return Ending.RESET
        elif work.exception() is None:
            return Ending.FINISH
        elif isinstance(work.exception(), End):
            how = work.exception().how
        elif isinstance(work.exception(), (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError)):
            return Ending.RESET  # the server behind is away: so are we
        else:
            raise work.exception()
        if how is Ending.FINISH:
            await exchange.finish() if exchange.has_begun else await fails(504, "Timeout")(exchange)
        return how

    async def relay_line(self, exchange, line):
        """A line of an open watch goes its way, unless it is spoiled."""
        with self._lock:
            found = next((spoiler for spoiler in self._spoilers if spoiler[1] in line), None)
            if found:
                self._spoilers.remove(found)
        if line.startswith(b'{"type":"ERROR"'):
            exchange.seen.errors.append(json.loads(line)["object"].get("code"))
        if not found:
            await exchange.chunk(line)
            return
        found[2].append(exchange.seen)
        await found[0](exchange, line)
