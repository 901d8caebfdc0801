# SPDX-License-Identifier: Apache-2.0
"""What all families have in common: a question about a token, the audiences it is asked for, and how cases are drawn.

A row of a table is met before any row is met twice. Whether it is refused stands nowhere here: the API server says so.
"""
import string
from dataclasses import dataclass

ALPHABET = string.ascii_lowercase + string.digits
NO_AUDIENCES = ("none", None)


@dataclass
class Question:
    """subject: what stands in the API for it; its id is in every name of it, so that a fresh one is a fresh case."""
    subject: object
    token: str
    audiences: list  # None: the member is left out
    version: str
    rules: list

    def present(self, now):
        """(the token as it is presented now, the instants at which it becomes good or bad by itself)"""
        del now
        return self.token, ()


def letters(rng, count):
    return "".join(rng.choice(ALPHABET) for _ in range(count))


class Deck:
    """Draws from a table in random order, every row before any row again."""

    def __init__(self, rng, rows):
        self.rng, self.rows, self.left = rng, rows, []

    def draw(self):
        if not self.left:
            self.left = list(self.rows)
            self.rng.shuffle(self.left)
        return self.left.pop()


def drawn_version(rng):
    return rng.choice(["v1", "v1", "v1beta1"])


def smaller_requests(audiences, version):
    """(audiences, version) with one thing less."""
    if audiences is not None:
        yield None, version
        yield from ((audiences[:n] + audiences[n + 1:], version) for n in range(len(audiences)))
    if version != "v1":
        yield audiences, "v1"


# (name, the list that is asked for), given the API server's own audiences
AUDIENCE_RULES = [
    ("the first", lambda ours, r: ours[:1]),
    ("the second", lambda ours, r: ours[1:]),
    ("all, the other way round", lambda ours, r: ours[::-1]),
    ("one twice", lambda ours, r: ours[:1] * 2),
    ("all twice", lambda ours, r: ours * 2),
    ("crosswise", lambda ours, r: ours + ours[::-1]),
    ("one more in front", lambda ours, r: ["x", *ours]),
    ("one more behind", lambda ours, r: [*ours, "x"]),
    ("one more between", lambda ours, r: [ours[1], "x", ours[0], "x", ours[1]]),
    ("one of ours and another", lambda ours, r: [letters(r, 8), ours[1]]),
    ("another", lambda ours, r: [letters(r, 8)]),
    ("others", lambda ours, r: [letters(r, 8), letters(r, 8)]),
    ("empty text", lambda ours, r: [""]),
    ("empty text and ours", lambda ours, r: ["", ours[0]]),
    ("upper case", lambda ours, r: [ours[0].upper(), ours[1].upper()]),
    ("slash behind", lambda ours, r: [ours[0] + "/"]),
    ("one short", lambda ours, r: [ours[0][:-1]]),
    ("blank behind", lambda ours, r: [ours[0] + " "]),
    ("blank in front", lambda ours, r: [" " + ours[1]]),
    ("NUL behind", lambda ours, r: [ours[0] + "\0"]),
    ("joined", lambda ours, r: [",".join(ours)]),
    ("look-alike", lambda ours, r: [ours[1].replace("e", "\u0435")]),
    ("odd letters beside ours", lambda ours, r: ["\"\\\u2028\U0001f600\0\n", ours[0]]),
    ("64 with one of ours", lambda ours, r: [*(letters(r, 4) for _ in range(63)), ours[1]]),
    ("64 of ours", lambda ours, r: (ours * 32)[:64]),
]
