# SPDX-License-Identifier: Apache-2.0
"""Where an attack takes place: the server, and what an attacker needs to be a nuisance. All of it on loopback."""
import contextlib
import math
import os
import random
import re
import select
import socket
import ssl
import subprocess
import threading
import time

import kit

# Short, so that an attack sees each of them pass. The good lane asks more often than any of them.
HANDSHAKE_SEC, REQUEST_SEC, IDLE_SEC = 1 * kit.SLOW, 1 * kit.SLOW, 1.5 * kit.SLOW
GRACE_SEC = 0.5
CUT_SEC = 1 * kit.SLOW + 1  # a connection past its deadline is gone within a second, and seen to be a little later
DRIP_SEC = 0.02
CONNECT_SEC = 5 * kit.SLOW
BROKEN = (OSError, ssl.SSLError, AssertionError, ValueError)  # what an attacker shrugs off: it is the server that counts

OPTIONS = {"--workers": "2", "--health-bind-address": "127.0.0.1:0", "--handshake-timeout": f"{HANDSHAKE_SEC * 1000:.0f}ms",
           "--request-timeout": f"{REQUEST_SEC * 1000:.0f}ms", "--idle-timeout": f"{IDLE_SEC * 1000:.0f}ms",
           "--shutdown-grace-duration": f"{GRACE_SEC * 1000:.0f}ms"}


class Arena:
    def __init__(self, server, seconds, count, seed, token):
        self.server, self.count, self.token = server, count, token
        self.random = random.Random(seed)
        self.end = time.monotonic() + seconds
        self.stop = threading.Event()
        self.held, self.faults = [], []
        self.connections = self.sent = self.most = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE  # loopback, and not what is tested

    # time

    def goes_on(self):
        return not self.stop.is_set() and time.monotonic() < self.end

    def turns(self, interval=DRIP_SEC):
        while self.goes_on():
            yield
            self.stop.wait(interval)

    def wait(self):
        self.stop.wait(max(0, self.end - time.monotonic()))

    # connections

    def hold(self, connection):
        """Until the attack is over."""
        self.held.append(connection)
        self.most = max(self.most, len(self.held))
        return connection

    def tcp(self, port=None, receive_buffer=None):
        raw = socket.socket()
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each request waits for an ACK
        raw.settimeout(CONNECT_SEC)
        try:
            raw.connect(("127.0.0.1", port or self.server.port))
        except OSError:
            raw.close()
            raise
        self.connections += 1
        return raw

    def tls(self, receive_buffer=None, context=None, session=None):
        raw = self.tcp(receive_buffer=receive_buffer)
        try:
            return (context or self.context).wrap_socket(raw, server_hostname="127.0.0.1", session=session)
        except BaseException:
            raw.close()
            raise

    def open(self, port):
        """TLS on the secure port, else none."""
        return self.tls() if port == self.server.port else self.tcp(port)

    def hold_many(self, make, count=None):
        """As many as it gets, and each as far as the server lets it."""
        for _ in range(self.count if count is None else count):
            if self.stop.is_set():
                return
            with contextlib.suppress(*BROKEN):
                self.hold(make())

    def send(self, connection, data):
        """As the kernel takes it, without waiting; return how much. An attacker that is not let simply loses it."""
        connection.setblocking(False)
        try:
            count = connection.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except BROKEN:
            return -1
        self.sent += count
        return count

    def send_whole(self, connection, data):
        connection.settimeout(CONNECT_SEC)
        connection.sendall(data)
        self.sent += len(data)

    @staticmethod
    def is_closed(connection):
        """By the server. What it has sent is thrown away."""
        connection.setblocking(False)
        try:
            while connection.recv(65536):
                pass
            return True
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except BROKEN:
            return True

    def expect_cut(self, deadline_sec, each_turn=lambda: None):
        """All that is held has to be closed by the server when the deadline has passed, whatever happens each turn."""
        limit = time.monotonic() + deadline_sec + CUT_SEC
        left = list(self.held)
        while left and not self.stop.is_set():
            each_turn()
            left = [connection for connection in left if not self.is_closed(connection)]
            if left and time.monotonic() > limit:
                self.faults.append(f"{len(left)} of {len(self.held)} connections stay {CUT_SEC:.0f} s after their deadline")
                return
            self.stop.wait(DRIP_SEC)

    def drip(self, port, head, body, deadline_sec):
        """head at once, then the bytes of body one by one, for ever."""
        connections = []

        def start():
            connection = self.open(port) if port else self.tcp()
            connections.append(connection)
            if head:
                self.send_whole(connection, head)
            return connection
        self.hold_many(start)
        position = 0

        def drop():
            nonlocal position
            for connection in connections:
                self.send(connection, body[position % len(body):][:1])
            position += 1
        self.expect_cut(deadline_sec, drop)

    def pour(self, connection, data, limit):
        """Send data over and over until so many bytes have gone or the server has had enough."""
        gone = 0
        while gone < limit and self.goes_on():
            count = self.send(connection, data)
            if count < 0:
                return
            if count == 0:
                select.select([], [connection], [], 0.05)
            gone += count

    def reset(self, connection):
        """Close with RST in place of FIN."""
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with contextlib.suppress(*BROKEN):
            connection.close()

    def tool(self, *arguments):
        """tests/support/hostile_client.c, for the rest of the attack. It says how many connections it made."""
        program = kit.binary().parent / "tests/support/hostile_client"
        assert program.is_file(), f"{program} is not there; build it"
        self.sent = None  # it does not say
        seconds = max(1, math.floor(self.end - time.monotonic()))
        process = subprocess.Popen([program, *map(str, arguments), str(seconds)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        while process.poll() is None and not self.stop.wait(DRIP_SEC):
            pass
        process.terminate()
        output, _ = process.communicate(timeout=kit.DEADLINE_SEC)
        found = re.match(r"(\d+) connections", output)
        self.connections += int(found.group(1)) if found else 0

    def close(self):
        for connection in self.held:
            with contextlib.suppress(*BROKEN):
                connection.close()
        self.held = []


# --- what the server costs ---------------------------------------------------------------------------------------

def cpu_sec(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        user, system = file.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def anonymous_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    return 0.0


def descriptors(pid):
    """Of a process that has ended: none."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except FileNotFoundError:
        return 0


class Span:
    """Processor and memory between two moments."""

    def __init__(self, pid):
        self.pid, self.start, self.cpu_start = pid, time.monotonic(), cpu_sec(pid)
        self.mib, self.cpu, self.seconds = anonymous_mib(pid), 0.0, 0.0

    def look(self):
        """It may have ended: then what was seen before stays."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            self.look_again()

    def look_again(self):
        self.mib = max(self.mib, anonymous_mib(self.pid))
        self.cpu, self.seconds = cpu_sec(self.pid) - self.cpu_start, time.monotonic() - self.start

    @property
    def share(self):
        return self.cpu / self.seconds if self.seconds else 0.0


def watch(pid, over):
    """A Span until over() is true."""
    span = Span(pid)
    while not over():
        time.sleep(0.02)  # not a wait: the next look
        span.look()
    span.look()
    return span
