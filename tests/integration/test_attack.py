# SPDX-License-Identifier: Apache-2.0
"""What scripts/attack judges by: it must be able to find something. The attacks themselves are a leg of their own."""
import subprocess
import sys

import pytest

import kit

sys.path.insert(0, str(kit.ROOT / "tests/attack"))
pytest.importorskip("h11")

import head_cases  # noqa: E402
import heads  # noqa: E402
import strict  # noqa: E402
import swarm  # noqa: E402

pytestmark = pytest.mark.release_only  # the program hardly takes part

OK, SMUGGLED, REFUSED = (b"HTTP/1.1 %s\r\nContent-Length: 2\r\n%s\r\nok" % parts for parts in (
    (b"200 OK", b""), (b"404 Not Found", b""), (b"400 Bad Request", b"Connection: close\r\n")))

VALID = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
WITH_BODY = b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(head_cases.HIDDEN) + head_cases.HIDDEN
MALFORMED = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n: y\r\n\r\n"
UNFINISHED = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"


class Case:
    """One that bends nothing."""
    is_benign, is_chunked, is_review = True, False, False


def readings(data):
    """Without Go's: it takes a build."""
    return {"h11": strict.read_all(data, strict.h11_take), "RFC 9112": strict.read_all(data, strict.grammar_take)}


def judge(request, answers, ended=True):
    exchange = swarm.Exchange(0, b"")
    exchange.answer, exchange.ended = answers, ended
    data = request + head_cases.SENTINEL
    return heads.judge(Case(), exchange, readings(data))


RIGHT = {
    "valid, and both are answered": (VALID, OK + OK),
    "a body, and what is behind it": (WITH_BODY, OK + OK),
    "malformed, refused and closed": (MALFORMED, REFUSED),
    "malformed, and closed without a word": (MALFORMED, b""),
    "unfinished, and closed": (UNFINISHED, b""),
}

WRONG = {
    "valid, and the second is not answered": (VALID, OK, "1 answers to 2"),
    "a request out of a body": (WITH_BODY, OK + SMUGGLED + OK, "another request"),
    "malformed, and answered": (MALFORMED, OK, "answered 200"),
    "malformed, refused, and the next is answered": (MALFORMED, REFUSED + OK, "went on"),
    "malformed, refused with two heads": (MALFORMED, REFUSED + REFUSED, "went on"),
    "unfinished, and what should be its body is answered": (UNFINISHED, OK + OK, "answered 200"),
    "no whole answer": (VALID, OK + b"more", "no whole answer"),
}


@pytest.mark.parametrize("request_bytes,answers", RIGHT.values(), ids=RIGHT.keys())
def test_attack_heads_right_answers_are_no_difference(request_bytes, answers):
    assert judge(request_bytes, answers) is None


@pytest.mark.parametrize("request_bytes,answers,what", WRONG.values(), ids=WRONG.keys())
def test_attack_heads_wrong_answers_are_found(request_bytes, answers, what):
    assert what in judge(request_bytes, answers)


def test_attack_heads_connection_that_stays_is_found():
    assert judge(VALID, OK + OK, ended=False) == "the connection stays"


ONE, TWO = 1, 2
CUTS = {
    "valid": (VALID, TWO),
    "empty line in front": (b"\r\n" + VALID, TWO),
    "HTTP/1.2": (VALID.replace(b"1.1", b"1.2"), TWO),
    "chunked": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nabcde\r\n0\r\nX: y\r\n\r\n", TWO),
    "empty name": (MALFORMED, 0),
    "fold": (VALID.replace(b": localhost", b":\r\n localhost"), 0),
    "bare LF": (VALID.replace(b"localhost\r\n", b"localhost\n"), 0),
    "NUL": (VALID.replace(b"localhost", b"local\0host"), 0),
    "two Hosts": (VALID.replace(b"Host", b"Host: a\r\nHost"), 0),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 0),
    "no Host in HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", TWO),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0),
    "length and chunked": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0),
    "length +5": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde", 0),
    "length too long": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\nabcde", 0),
    "chunk without its CRLF": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde0\r\n\r\n", 0),
    "bare LF in a chunk line": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n", 0),
    "body behind no length": (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n{abc}", ONE),
}


@pytest.mark.parametrize("data,count", CUTS.values(), ids=CUTS.keys())
def test_attack_heads_grammar_cuts_as_it_says(data, count):
    """RFC 9112, literally: how many requests are there, the sentinel among them?"""
    reading = strict.read_all(data + head_cases.SENTINEL, strict.grammar_take)
    assert len(reading.requests) == count and bool(reading.refused) == (count < TWO), (reading.requests, reading.refused)


def test_attack_heads_same_seed_makes_the_same_bytes():
    cases = [[head_cases.make_case("7", number, 0.3).data for number in range(200)] for _ in range(2)]
    assert cases[0] == cases[1] and len(set(cases[0])) > 150


def test_attack_list_names_every_attack_once():
    done = subprocess.run([kit.ROOT / "scripts/attack", "--list"], capture_output=True, text=True, check=True, timeout=60)
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert len(names) == len(set(names)) >= 30 and "never-reading" in names


def test_attack_unknown_name_is_an_error():
    done = subprocess.run([kit.ROOT / "scripts/attack", "--no-install", "--only", "nothing"], capture_output=True, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "KB_BINARY": str(kit.binary())}, check=False)
    assert done.returncode == 2 and "nothing" in done.stderr
