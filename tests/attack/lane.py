# SPDX-License-Identifier: Apache-2.0
"""The good lane: a client that does nothing wrong, beside every attack, in a process of its own.

Twenty questions a second over TLS: a good token and a wrong one on a kept connection, and the good one on new ones.
"""
import multiprocessing
import time

import kit

INTERVAL_SEC = 0.05


class Figures:
    """What the lane has seen since it was last asked."""

    def __init__(self):
        self.answers, self.slowest_ms = 0, 0.0
        self.errors = []       # whatever is not the right answer
        self.turned_away = []  # new connections that were closed before they had an answer
        self.wrong_yes = 0


class Client:
    def __init__(self, port, ca_pem, tokens, certificate):
        self.port, (self.good, self.wrong), self.kept = port, tokens, None
        self.context = kit.client_context(ca_pem, certificate)
        self.figures = Figures()

    def connect(self):
        return kit.Connection(self.port, context=self.context)

    def ask(self, connection, token):
        accepted = connection.review(token)["status"].get("authenticated") is True
        if token == self.wrong and accepted:
            self.figures.wrong_yes += 1
        elif token == self.good and not accepted:
            self.figures.errors.append("the good token was refused")

    def on_new_connection(self):
        try:
            connection = self.connect()
        except OSError as error:
            self.figures.turned_away.append(repr(error))
            return
        with connection:
            try:
                self.ask(connection, self.good)
            except (OSError, kit.Closed) as error:
                self.figures.turned_away.append(repr(error))

    def on_kept_connection(self, token):
        try:
            self.kept = self.kept or self.connect()
            self.ask(self.kept, token)
        except Exception as error:  # noqa: BLE001: whatever it was, it is the finding
            self.figures.errors.append(repr(error))
            if self.kept:
                self.kept.close()
            self.kept = None

    def step(self, number):
        start = time.monotonic()
        if number % 5 == 4:
            self.on_new_connection()
        else:
            self.on_kept_connection(self.wrong if number % 5 == 2 else self.good)
        self.figures.answers += 1
        self.figures.slowest_ms = max(self.figures.slowest_ms, (time.monotonic() - start) * 1000)


def serve_lane(pipe, *arguments):
    client, number, due = Client(*arguments), 0, time.monotonic()
    while True:
        client.step(number)
        number += 1
        due = max(due + INTERVAL_SEC, time.monotonic())
        if pipe.poll(max(0, due - time.monotonic())):
            if pipe.recv() == "end":
                return
            pipe.send(client.figures)
            client.figures = Figures()


class Lane:
    def __init__(self, server, tokens, certificate=None):
        fork = multiprocessing.get_context("fork")
        self.pipe, theirs = fork.Pipe()
        self.process = fork.Process(target=serve_lane, args=(theirs, server.port, server.authority.pem, tokens, certificate), daemon=True)
        self.process.start()

    def figures(self):
        """Since the last call."""
        self.pipe.send("figures")
        if not self.pipe.poll(3 * kit.DEADLINE_SEC):
            raise AssertionError("the good lane hangs")
        return self.pipe.recv()

    def end(self):
        if self.process.is_alive():
            self.pipe.send("end")
            self.process.join(2 * kit.DEADLINE_SEC)
            if self.process.is_alive():
                self.process.kill()
                self.process.join()
