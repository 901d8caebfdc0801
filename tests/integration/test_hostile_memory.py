# SPDX-License-Identifier: Apache-2.0
"""Many connections, each within its limits: what they hold together, and who is let go for whom."""
import contextlib
import os
import socket

import pytest

import kit
from test_hostile_clients import anonymous_bytes, unread_bytes

BUDGET = 8 * 1024 * 1024
MORE_THAN_FIT = 350  # 290 idle connections fill it
LARGE_BODY = b" " * 131072


@pytest.fixture
def tight(start_server):
    token = kit.new_token()
    server = start_server("--workers=1", f"--max-connection-memory={BUDGET}", "--handshake-timeout=1m", "--request-timeout=1m",
                          tokens=[token])
    server.token = token
    server.context = kit.client_context(server.authority.pem)
    return server


def charged(server):
    return server.metric("kube_bearer_connection_memory_bytes")


def cut(server, reason):
    return server.metric("kube_bearer_connections_cut_total", reason=reason)


def send_raw(connection, data):
    """Past TLS."""
    with socket.socket(fileno=os.dup(connection.socket.fileno())) as twin:
        twin.sendall(data)


# What a member of a crowd does, and whether it speaks TLS.
BEHAVIOURS = {
    "nothing": (False, lambda connection: None),
    "half a handshake": (False, lambda connection: connection.send(b"\x16\x03\x01\x40\x00\x01\x00\x3f\x00" + b"x" * 16000)),
    "a handshake": (True, lambda connection: None),
    "half a record": (True, lambda connection: send_raw(connection, b"\x17\x03\x03\x40\x00" + b"x" * 16000)),
    "half a body": (True, lambda connection: connection.send(kit.http_bytes("POST", "/authenticate", LARGE_BODY)[:-1])),
}


@contextlib.contextmanager
def crowd(server, count, tls=True, behave=lambda connection: None):
    """So many connections, as far as they are let in and as long as they are kept."""
    with contextlib.ExitStack() as stack:
        members = []
        for _ in range(count):
            with contextlib.suppress(OSError, kit.Closed):
                members.append(stack.enter_context(kit.Connection(server.port, context=server.context if tls else None)))
                behave(members[-1])
        yield members


def is_there(connection):
    return not connection.is_closed_by_peer(within=0.05)


@pytest.mark.parametrize("tls,behave", BEHAVIOURS.values(), ids=BEHAVIOURS.keys())
def test_hostile_memory_crowd_stays_within_the_budget_and_others_are_served(tight, tls, behave):
    before = anonymous_bytes(tight)
    with tight.connect(context=tight.context) as known:
        known.review(tight.token)
        for _ in range(3):
            with crowd(tight, MORE_THAN_FIT, tls, behave):
                assert charged(tight) <= BUDGET
                assert known.review(tight.token)["status"]["authenticated"] is True
                assert tight.accepts(tight.token)
        assert cut(tight, "made_room") > 0
    kit.eventually(lambda: tight.metric("kube_bearer_connections") == 1, "all are gone")
    assert charged(tight) < 40000, "only who asks is charged for"
    if kit.SLOW == 1:  # sanitizers keep what was freed
        assert anonymous_bytes(tight) - before < BUDGET + 1024 * 1024


def test_hostile_memory_budget_that_is_not_reached_closes_nobody(tight):
    with crowd(tight, 100) as members:
        assert all(member.request("GET", "/livez").status == 200 for member in members)
        assert cut(tight, "made_room") == cut(tight, "too_much_memory") == 0


def test_hostile_memory_oldest_stranger_goes_first(tight):
    with crowd(tight, MORE_THAN_FIT) as members:
        kit.eventually(lambda: members[0].is_closed_by_peer(within=0.05), "the oldest is gone")
        assert is_there(members[-1]) and members[-1].request("GET", "/livez").status == 200


def test_hostile_memory_who_got_a_yes_makes_room_for_no_stranger(tight):
    """Nor for somebody who only got a no: that costs nothing. Strangers go before both."""
    with tight.connect(context=tight.context) as known, tight.connect(context=tight.context) as refused:
        known.review(tight.token)
        refused.review("no token")
        with crowd(tight, MORE_THAN_FIT):
            assert cut(tight, "made_room") > 0
            assert is_there(refused), "a stranger goes first"
        with crowd(tight, MORE_THAN_FIT, behave=lambda connection: connection.review("no token")):
            assert not is_there(refused), "the longest idle of those who got a no"
            assert known.review(tight.token)["status"]["authenticated"] is True


def test_hostile_memory_client_certificate_counts_like_a_yes(start_server, tmp_path):
    authority = kit.Authority("client CA")
    ca = tmp_path / "client-ca.crt"
    ca.write_text(authority.pem)
    pair = tmp_path / "client.crt", tmp_path / "client.key"
    for path, text in zip(pair, authority.issue(client=True)):
        path.write_text(text)
    server = start_server("--workers=1", f"--max-connection-memory={BUDGET}", f"--client-ca-file={ca}",
                          "--metrics-require-client-certificate=false")
    server.context = kit.client_context(server.authority.pem)
    with server.connect(client=tuple(map(str, pair))) as known, server.connect(context=server.context) as stranger:
        known.review("no token")
        assert stranger.request("POST", "/authenticate", "{}").status == 401
        with crowd(server, MORE_THAN_FIT, behave=lambda connection: connection.request("POST", "/authenticate", "{}")):
            assert not is_there(stranger)
            assert known.review("no token")["status"].get("authenticated", False) is False


def test_hostile_memory_when_nobody_may_go_newcomers_are_refused(tight):
    """Everybody here got a yes: who was there first keeps its place."""
    with tight.connect(context=tight.context) as poor, contextlib.ExitStack() as stack:
        poor.review("no token")
        members = []
        for _ in range(MORE_THAN_FIT):
            with contextlib.suppress(OSError, kit.Closed):
                connection = stack.enter_context(tight.connect(context=tight.context))
                connection.review(tight.token)
                members.append(connection)
        assert 120 < len(members) < MORE_THAN_FIT
        assert not is_there(poor), "the one who got a no made room"
        assert members[0].review(tight.token)["status"]["authenticated"] is True
    kit.eventually(lambda: tight.metric("kube_bearer_connections") == 1, "all have gone")
    assert cut(tight, "too_much_memory") > 0


def test_hostile_memory_large_body_that_does_not_fit_is_503(tight):
    """Somebody who only got a no may push out nobody who got a yes; the connection goes on."""
    data = kit.http_bytes("POST", "/authenticate", LARGE_BODY)
    with contextlib.ExitStack() as stack:
        poor = stack.enter_context(tight.connect(context=tight.context))
        poor.review("no token")
        poor.send(data[:1000])  # who is busy is not let go
        kit.eventually(lambda: unread_bytes(tight) == 0, "it is busy")
        bodies = []
        for _ in range(BUDGET // len(LARGE_BODY)):
            with contextlib.suppress(OSError, kit.Closed):
                connection = stack.enter_context(tight.connect(context=tight.context))
                connection.review(tight.token)
                connection.send(data[:-1])
                bodies.append(connection)
                kit.eventually(lambda: unread_bytes(tight) == 0, "all is read")
        poor.send(data[1000:])
        response = poor.read_response()
        response.assert_status_body(503, "ServiceUnavailable")
        assert response.headers["retry-after"] == "1"
        for connection in bodies:
            connection.send(data[-1:])
        answers = [connection.read_response().status for connection in bodies]
        assert answers.count(400) > 40 and set(answers) <= {400, 503}, "no TokenReview, or no room"
        assert poor.request("POST", "/authenticate", LARGE_BODY).status == 400


def test_hostile_memory_strangers_do_not_hold_all_places(start_server):
    """--max-connections: who is refused has made a place for whoever comes next, unless all have a credential."""
    token = kit.new_token()
    server = start_server("--max-connections=40", "--workers=1", "--handshake-timeout=1m", tokens=[token])
    server.context = kit.client_context(server.authority.pem)
    with server.connect(context=server.context) as known:
        known.review(token)
        with crowd(server, 60, tls=False) as strangers:
            assert len(strangers) == 60

            def is_served():
                try:
                    return server.accepts(token, context=server.context)
                except (OSError, kit.Closed):
                    return False
            kit.eventually(is_served, "a place was made")
            assert known.review(token)["status"]["authenticated"] is True
        assert cut(server, "too_many") > 0 and cut(server, "made_room") > 0
