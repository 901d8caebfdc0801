# SPDX-License-Identifier: Apache-2.0
"""A token before it is signed: its members in order, duplicates and all, and what is done to its bytes afterwards."""
import json
import random
from dataclasses import dataclass

from serviceaccount.keys import NATURAL, base64url

LEEWAY_SEC = 60


@dataclass(frozen=True)
class At:
    """A date, so many seconds from when the token is signed, which is just before it is asked about."""
    offset: int
    form: str = "{}"  # of the number


@dataclass(frozen=True)
class Raw:
    """JSON as it stands; it may be none."""
    text: str


@dataclass(frozen=True)
class KeyId:
    """The ID that Kubernetes gives a key; edit(text) makes another value of it."""
    key: str
    edit: object = None


class Members:
    """A JSON object whose members have an order and may be there twice."""

    def __init__(self, *pairs):
        self.pairs = [list(pair) for pair in pairs]

    def names(self):
        return [name for name, _ in self.pairs]

    def get(self, name):
        return next((value for key, value in self.pairs if key == name), None)

    def set(self, name, value):
        for pair in self.pairs:
            if pair[0] == name:
                pair[1] = value
                return
        self.pairs.append([name, value])

    def drop(self, name):
        self.pairs = [pair for pair in self.pairs if pair[0] != name]

    def rename(self, name, new_name):
        for pair in self.pairs:
            if pair[0] == name:
                pair[0] = new_name

    def add(self, name, value, first=False):
        """Beside what has that name already."""
        self.pairs.insert(0 if first else len(self.pairs), [name, value])


class Writer:
    """Writes compact JSON; collects the instants at which a date in it changes what the token is worth."""

    def __init__(self, keys, now):
        self.keys, self.now, self.borders = keys, now, []

    def write(self, value):
        if isinstance(value, At):
            instant = int(self.now) + value.offset
            self.borders += [instant - LEEWAY_SEC, instant + LEEWAY_SEC]
            return value.form.format(instant)
        if isinstance(value, Raw):
            return value.text
        if isinstance(value, KeyId):
            text = self.keys.ids[value.key]
            return self.write(value.edit(text) if value.edit else text)
        if isinstance(value, Members):
            return "{" + ",".join(f"{self.write(name)}:{self.write(each)}" for name, each in value.pairs) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(self.write, value)) + "]"
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_bytes(text):
    return text.encode("utf-8", "surrogateescape")


class Draft:
    def __init__(self, header, claims, key, algorithm):
        self.header, self.claims, self.key, self.algorithm = header, claims, key, algorithm
        self.header_edits, self.claims_edits = [], []  # of the JSON's text
        self.encoded_edits = []  # of [header, payload] in base64url, before they are signed
        self.signature_edits = []  # of its bytes
        self.piece_edits = []  # of [header, payload, signature] in base64url; the signature stays that of what was there
        self.sign = None  # (keys, data) -> bytes, if it is not the ordinary one

    def at(self, path):
        """The object that the last of the path is a member of; None when a rule before has taken it away."""
        node = self.claims
        for name in path[:-1]:
            node = node.get(name) if isinstance(node, Members) else None
        return node

    def resign(self, key, algorithm=None):
        """By another key; the header follows."""
        self.key, self.algorithm = key, algorithm or NATURAL[key]
        self.header.set("alg", self.algorithm)
        self.header.set("kid", KeyId(key))

    def issue(self, keys, now):
        """(the token, the instants at which it becomes good or bad)"""
        writer = Writer(keys, now)
        header, claims = writer.write(self.header), writer.write(self.claims)
        for edit in self.header_edits:
            header = edit(header)
        for edit in self.claims_edits:
            claims = edit(claims)
        encoded = [base64url(as_bytes(header)), base64url(as_bytes(claims))]
        for edit in self.encoded_edits:
            encoded = edit(encoded)
        data = ".".join(encoded).encode()
        signature = self.sign(keys, data) if self.sign else keys.sign(self.key, self.algorithm, data)
        for edit in self.signature_edits:
            signature = edit(signature)
        pieces = [*encoded, base64url(signature)]
        for edit in self.piece_edits:
            pieces = edit(pieces)
        return ".".join(pieces), writer.borders


def chosen(rng, edit):
    """edit(value, rng) as an edit that chooses the same each time; of what a rule before has emptied, nothing becomes."""
    seed = rng.random()
    return lambda value: edit(value, random.Random(seed)) if value else value
