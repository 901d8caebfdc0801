# SPDX-License-Identifier: Apache-2.0
"""A Service in front of several kube-bearers: TCP connections go round to those that are ready.

Like a Service's it knows nothing of TLS or HTTP: a connection stays with the replica it was given, ready or not, and a
replica that is not ready gets no new ones. When a process is killed, whoever has a connection to it or has just sent
something gets a reset; freeze() and thaw() around the kill make sure that no request is inside the process at that
moment, whose caller nobody could help.

One thread with an asyncio loop, one that asks for readiness.
"""
import asyncio
import socket
import struct
import threading
import time

import kit

PROBE_SEC = 0.1
ANSWER_SEC = 1 * kit.SLOW  # whatever had no answer for so long was no question: a handshake may end with the client's word


def reset(writer):
    """RST in place of FIN."""
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class BackEnd:
    def __init__(self, address, is_ready):
        self.address, self.is_ready = address, is_ready
        self.in_rotation = False
        self.accepted = 0  # connections, ever
        self.relays = set()
        self.gate = asyncio.Event()  # closed: what clients send is held
        self.gate.set()


class Relay:
    """One connection of a client's to one back end."""

    def __init__(self):
        self.asked_at = 0.0  # when the last bytes went to the back end; 0: something came back since

    def is_asking(self):
        return time.monotonic() - self.asked_at < ANSWER_SEC


class Balancer:
    def __init__(self, address, back_ends):
        """address: (host, port) to listen on; back_ends: {name: ((host, port), function that tells readiness)}"""
        self.back_ends = {name: BackEnd(*pair) for name, pair in back_ends.items()}
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, *address))
        self._stop = threading.Event()
        self._prober = threading.Thread(target=self._probe, daemon=True)
        self._prober.start()

    def close(self):
        self._stop.set()
        self._prober.join()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(kit.DEADLINE_SEC)

    async def _end(self):
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # for the test

    def wait_rotation(self, *names):
        """Until exactly these get new connections."""
        kit.eventually(lambda: {n for n, back_end in self.back_ends.items() if back_end.in_rotation} == set(names),
                       f"in rotation: {names}")

    def freeze(self, name):
        """Hold what clients send to it, and return when it has answered everything that it got before."""
        back_end = self.back_ends[name]
        self._loop.call_soon_threadsafe(back_end.gate.clear)
        kit.eventually(lambda: not back_end.gate.is_set() and not any(relay.is_asking() for relay in set(back_end.relays)),
                       "nothing is under way")

    def thaw(self, name):
        self._loop.call_soon_threadsafe(self.back_ends[name].gate.set)

    # inside

    def _probe(self):
        while not self._stop.wait(PROBE_SEC):
            for back_end in self.back_ends.values():
                back_end.in_rotation = back_end.is_ready()

    async def _connect(self):
        """(back end, reader, writer) of the next one that takes a connection"""
        names = [name for name, back_end in self.back_ends.items() if back_end.in_rotation]
        self._turn += 1
        for i in range(len(names)):
            back_end = self.back_ends[names[(self._turn + i) % len(names)]]
            try:
                reader, writer = await asyncio.open_connection(*back_end.address)
            except OSError:
                continue
            back_end.accepted += 1
            return back_end, reader, writer
        return None, None, None

    async def _serve(self, reader, writer):
        back_end, back_reader, back_writer = await self._connect()
        if back_end is None:
            reset(writer)
            return
        relay = Relay()
        back_end.relays.add(relay)
        there = asyncio.ensure_future(self._ask(back_end, relay, reader, back_writer))
        back = asyncio.ensure_future(self._answer(back_end, relay, back_reader, writer))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            back_end.relays.discard(relay)
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            writer.close()
            reset(back_writer)

    @staticmethod
    async def _ask(back_end, relay, reader, back_writer):
        while data := await reader.read(65536):
            await back_end.gate.wait()
            relay.asked_at = time.monotonic()
            back_writer.write(data)
            await back_writer.drain()

    @staticmethod
    async def _answer(back_end, relay, back_reader, writer):
        try:
            while data := await back_reader.read(65536):
                relay.asked_at = 0.0
                writer.write(data)
                await writer.drain()
            was_killed = not back_end.gate.is_set()
        except ConnectionResetError:
            was_killed = True
        if was_killed:
            await back_end.gate.wait()
            reset(writer)
