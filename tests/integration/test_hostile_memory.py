# SPDX-License-Identifier: Apache-2.0
"""Many connections, each within its limits: what they hold together, and who is let go for whom."""
import contextlib
import os
import signal
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
    kit.eventually(lambda: tight.connections() == 1, "all are gone")
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
    kit.eventually(lambda: tight.connections() == 1, "all have gone")
    assert cut(tight, "too_much_memory") > 0


def test_hostile_memory_large_body_that_does_not_fit_is_503(tight):
    """Somebody who only got a no may push out nobody who got a yes; the connection goes on."""
    data = kit.http_bytes("POST", "/authenticate", LARGE_BODY)
    held_bytes = 28 * 1024 + 34 * 1024 + len(LARGE_BODY)  # each of them: itself, a record in part, its body
    with contextlib.ExitStack() as stack:
        def member(token, data=b""):
            """Near the limit one may be let go before he is busy: then he tries again."""
            def connected():
                with contextlib.suppress(OSError, kit.Closed):
                    connection = stack.enter_context(tight.connect(context=tight.context))
                    connection.review(token)
                    connection.send(data)
                    kit.eventually(lambda: unread_bytes(tight) == 0, "all is read")
                    return connection if is_there(connection) else None
            return kit.eventually(connected, "let in and answered")

        # of one half a body, so that one connection more fits, and no body of its
        bodies = [member(tight.token, data[:-1] if count else data[:65536]) for count in range(BUDGET // held_bytes)]
        poor = member("no token")
        response = poor.request("POST", "/authenticate", LARGE_BODY)
        response.assert_status_body(503, "ServiceUnavailable")
        assert response.headers["retry-after"] == "1"
        for connection in bodies[1:]:
            connection.send(data[-1:])
            connection.read_response().assert_status_body(400, "BadRequest")
        assert poor.request("POST", "/authenticate", LARGE_BODY).status == 400


@pytest.mark.parametrize("is_whole", [True, False], ids=["in one piece", "in two"])
def test_hostile_memory_who_got_a_no_holds_no_place_by_being_busy(tight, is_whole):
    """One wrong token and half a body each: while idle ones are let go, the busy must not be safe."""
    def busy(connection):
        connection.review("no token")
        connection.send(kit.http_bytes("POST", "/authenticate", LARGE_BODY)[:-1])

    with tight.connect(context=tight.context) as known:
        known.review(tight.token)
        with crowd(tight, 80, behave=busy):
            data = kit.http_bytes("POST", "/authenticate", kit.review_body(tight.token))
            for piece in [data] if is_whole else [data[:100], data[100:]]:
                known.send(piece)
                kit.eventually(lambda: unread_bytes(tight) == 0, "it is read")
            assert known.read_response().json()["status"]["authenticated"] is True

            def is_served():
                try:
                    return tight.accepts(tight.token, context=tight.context)
                except (OSError, kit.Closed):
                    return False
            kit.eventually(is_served, "a newcomer")


def test_regress_9_connection_that_ended_in_the_same_turn_is_let_alone(start_server):
    """One is closed in the turn in which another's body grows, which lets it go: what libmicrohttpd had taken off its lists was put
    on one again, freed, and walked. A stranger could end the process within seconds."""
    server = start_server("--workers=1", f"--max-connection-memory={BUDGET // 2}", "--health-bind-address=127.0.0.1:0")
    server.context = kit.client_context(server.authority.pem)
    head = kit.http_bytes("POST", "/authenticate", LARGE_BODY)[:300]
    for _ in range(8):
        with crowd(server, 90) as members:
            kit.eventually(lambda: unread_bytes(server) == 0, "all is read")
            for member in members[-20:]:
                with contextlib.suppress(OSError):
                    member.send(head)
            kit.eventually(lambda: unread_bytes(server) == 0, "all is read")
            server.process.send_signal(signal.SIGSTOP)  # so that both come in one turn
            try:
                for member in members[:-20]:
                    member.close()
                for member in members[-20:]:
                    with contextlib.suppress(OSError):
                        member.send(LARGE_BODY[:16000])
            finally:
                server.process.send_signal(signal.SIGCONT)
            kit.eventually(lambda: unread_bytes(server) == 0 or server.process.poll() is not None, "all is read")
        assert server.process.poll() is None
    kit.eventually(lambda: server.connections() == 1, "all are gone")
    assert cut(server, "made_room") > 0


def test_hostile_memory_probes_keep_places_of_their_own(start_server):
    """The health listener's worker has nobody to let go when the others' connections fill everything."""
    server = start_server("--workers=1", "--max-connections=40", "--health-bind-address=127.0.0.1:0", "--handshake-timeout=1m")
    server.context = kit.client_context(server.authority.pem)
    with crowd(server, 60):
        for _ in range(20):
            assert server.health("/livez").status == 200


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
