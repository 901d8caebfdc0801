# SPDX-License-Identifier: Apache-2.0
"""Many client connections at once, in one thread: each sends its bytes and keeps what comes back."""
import contextlib
import select
import socket
import ssl
import time

RECEIVE_BYTES = 65536


class Exchange:
    """One connection: what it sends, what came back, and how it went."""

    def __init__(self, number, data):
        self.number, self.data, self.answer = number, data, b""
        self.ended = False       # the server closed it
        self.half_closed = False
        self.handshaken = False
        self.touched = time.monotonic()
        self.socket = None

    def start(self, port, context):
        raw = socket.socket()
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # in progress, or refused: the first step sees it
            raw.connect(("127.0.0.1", port))
        self.handshaken, self.socket = context is None, raw
        try:
            self.socket = context.wrap_socket(raw, server_hostname="127.0.0.1", do_handshake_on_connect=False) if context else raw
        except OSError:
            self.handshaken, self.socket = True, socket.socket()  # refused already: so is its first step

    def step(self):
        """Go as far as it goes without waiting; return what to wait for (0: it is over)."""
        try:
            if not self.handshaken:
                self.socket.do_handshake()
                self.handshaken = True
            while self.data:
                self.data = self.data[self.socket.send(self.data):]
            while True:
                piece = self.socket.recv(RECEIVE_BYTES)
                self.touched = time.monotonic()
                if not piece:
                    self.ended = True
                    return 0
                self.answer += piece
        except ssl.SSLWantWriteError:
            return select.EPOLLOUT
        except (ssl.SSLWantReadError, BlockingIOError):
            return (select.EPOLLOUT if self.data and self.handshaken else 0) | select.EPOLLIN
        except OSError:
            self.ended = True  # reset: what came before it counts
            return 0

    def half_close(self):
        """No more bytes will come: whoever waits for some need not. Below TLS, which does not notice."""
        self.half_closed = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_WR)


def exchange_all(port, payloads, parallel=200, context=None, patience_sec=0.3, limit_sec=10.0):
    """Send each of payloads on a connection of its own. Who hears nothing for patience_sec half-closes. Return the
    Exchanges in order; one that the server has not closed limit_sec later has ended False."""
    done, waiting = [], {}
    queue = iter([Exchange(number, data) for number, data in enumerate(payloads)])
    poll = select.epoll()

    def over(exchange):
        del waiting[exchange.socket.fileno()]
        exchange.socket.close()
        done.append(exchange)

    try:
        more = True
        while waiting or more:
            while more and len(waiting) < parallel:
                exchange = next(queue, None)
                if exchange is None:
                    more = False
                    break
                exchange.start(port, context)
                waiting[exchange.socket.fileno()] = exchange
                poll.register(exchange.socket.fileno(), select.EPOLLOUT)
            for fd, _ in poll.poll(0.05):
                wanted = waiting[fd].step()
                if wanted:
                    poll.modify(fd, wanted)
                else:
                    over(waiting[fd])
            now = time.monotonic()
            for exchange in list(waiting.values()):
                if not exchange.half_closed and now - exchange.touched > patience_sec:
                    exchange.half_close()
                if now - exchange.touched > patience_sec + limit_sec:
                    over(exchange)
    finally:
        poll.close()
        for exchange in waiting.values():
            exchange.socket.close()
    return sorted(done, key=lambda exchange: exchange.number)
