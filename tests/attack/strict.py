# SPDX-License-Identifier: Apache-2.0
"""How strict parsers cut bytes into requests: h11, Go's net/http (strict_parser.go), and the grammar of RFC 9112.

Each says where every request that it took ended, with method and target, and why it took no further one. None has
habits of keeping connections here: whatever lies behind a request is read as the next.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import h11

HERE = Path(__file__).resolve().parent
LIMIT_BYTES = 65536  # of a head, far above what the generator makes


class Reading:
    """requests: (end, method, target); refused: why there is no further one, or nothing was left"""

    def __init__(self, requests, refused):
        self.requests, self.refused = requests, refused


def read_all(data, take):
    requests, at = [], 0
    while at < len(data):
        if data.startswith(b"\r\n", at):
            at += 2  # RFC 9112 2.2: an empty line before a request is to be ignored
            continue
        try:
            length, method, target = take(data[at:])
        except ValueError as error:
            return Reading(requests, str(error))
        at += length
        requests.append((at, method, target))
    return Reading(requests, "")


# --- h11 -------------------------------------------------------------------------------------------------------

def h11_take(data):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=LIMIT_BYTES)
    connection.receive_data(data)
    head = None
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                raise ValueError("not all there")
            if isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.EndOfMessage):
                return len(data) - len(connection.trailing_data[0]), head.method.decode("latin-1"), head.target.decode("latin-1")
    except h11.RemoteProtocolError as error:
        raise ValueError(str(error)) from None


# --- Go's net/http ---------------------------------------------------------------------------------------------

def build_strict_parser():
    """Compiled once, and kept beside the Kubernetes of tests/e2e, whose Go it uses."""
    tools = SourceFileLoader("e2e_tools_build", str(HERE.parent / "e2e/tools/build")).load_module()
    source = HERE / "strict_parser.go"
    target = tools.CACHE / f"strict-parser-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    tools.CACHE.mkdir(parents=True, exist_ok=True)

    def build():
        beside = target.with_suffix(".unfinished")
        subprocess.run([tools.find_go(), "build", "-trimpath", "-buildvcs=false", "-o", beside, source], check=True, cwd=HERE,
                       env=tools.go_environment(), stdout=sys.stderr)
        os.replace(beside, target)

    tools.cached(target, build)
    tools.remove_unused("strict-parser", {target})
    return target


def go_read(program, cases):
    """A Reading of each."""
    done = subprocess.run([program], check=True, stdout=subprocess.PIPE,
                          input=b"".join(len(data).to_bytes(4, "big") + data for data in cases))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases), "the Go program lost a case"
    return [Reading([(r["end"], r["method"], r["target"]) for r in answer["requests"]], answer["refused"]) for answer in answers]


# --- RFC 9112, literally ---------------------------------------------------------------------------------------

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([!-~]+) HTTP/1\.([0-9])")  # 3; RFC 9110 2.5: 1.2 is read as 1.1
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"):[ \t]*((?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)[ \t]*")  # 5; no fold (5.2)
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[\t -~\x80-\xff]*)?")  # 7.1; what an extension says is nobody's business
LENGTH = re.compile(rb"[0-9]+")
LENGTH_MAX = 2 ** 63 - 1


def lines_to_empty(data, at):
    """([lines], where the empty line ended). A line ends in CRLF, and in nothing else (2.2)."""
    end = at if data.startswith(b"\r\n", at) else data.find(b"\r\n\r\n", at) + 2
    if end == 1:
        raise ValueError("not all there")
    return data[at:end].split(b"\r\n")[:-1], end + 2


def field_lines(lines):
    fields = []
    for line in lines:
        found = FIELD_LINE.fullmatch(line)
        if not found:
            raise ValueError(f"no field line: {line[:60]!r}")
        fields.append((found.group(1).lower(), found.group(2)))
    return fields


def chunked_end(data, at):
    while True:
        eol = data.find(b"\r\n", at)
        found = CHUNK_LINE.fullmatch(data[at:eol]) if eol >= 0 else None
        if not found:
            raise ValueError("no chunk line")
        size = int(found.group(1), 16)
        at = eol + 2
        if size == 0:
            lines, at = lines_to_empty(data, at)
            field_lines(lines)
            return at
        if data[at + size:at + size + 2] != b"\r\n":
            raise ValueError("a chunk does not end where it should")
        at += size + 2


def grammar_take(data):
    lines, at = lines_to_empty(data, 0)
    found = REQUEST_LINE.fullmatch(lines[0])
    if not found:
        raise ValueError(f"no request line: {lines[0][:60]!r}")
    fields = field_lines(lines[1:])
    values = {name: [value for key, value in fields if key == name] for name in (b"host", b"content-length", b"transfer-encoding")}
    is_11 = found.group(3) != b"0"
    if len(values[b"host"]) > 1 or (is_11 and not values[b"host"]):
        raise ValueError("not one Host")  # 3.2
    lengths, encodings = values[b"content-length"], values[b"transfer-encoding"]
    if encodings:
        if lengths or not is_11 or [value.lower() for value in encodings] != [b"chunked"]:
            raise ValueError("a Transfer-Encoding that is not chunked alone")  # 6.1, 6.3
        at = chunked_end(data, at)
    elif lengths:
        if len(set(lengths)) > 1 or not LENGTH.fullmatch(lengths[0]) or int(lengths[0]) > LENGTH_MAX:
            raise ValueError("no one length")  # 6.3
        at += int(lengths[0])
        if at > len(data):
            raise ValueError("not all there")
    return at, found.group(1).decode(), found.group(2).decode()


PARSERS = ("h11", "net/http", "RFC 9112")


def read_cases(go_program, cases):
    """{parser: Reading} of each."""
    return [dict(zip(PARSERS, (read_all(data, h11_take), go, read_all(data, grammar_take))))
            for data, go in zip(cases, go_read(go_program, cases))]
