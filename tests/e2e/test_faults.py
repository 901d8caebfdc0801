# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to kube-bearer, to its certificate, to the API server, to etcd or to the way between them: no wrong
answer at any time, no failed review while something is known, and what changed meanwhile counts once it can be known.

Two kube-bearers follow the same cluster: one asks the API server itself, the other one through the fault proxy. All the
time somebody asks both about tokens that are good, that were revoked, and that have a wrong secret.
"""
import contextlib
import json
import re
import threading
import time

import fault_proxy as faults
import kit
import pytest
from fault_proxy import Ending, FaultProxy
from kit_cluster import BEARER_PORT

ASK_SEC = 0.01  # between two questions to one kube-bearer
CONNECTION_QUESTIONS = 10  # then a new connection
BACKOFF_MIN_SEC = 0.05  # after one failure; twice that after two, and so on
BACKOFF_MAX_SEC = 10  # even after a long outage the next attempt is not further away
RECOVERY_SEC = BACKOFF_MAX_SEC + kit.DEADLINE_SEC


# Which requests: a watch that goes on from somewhere, a list by a watch that begins with everything, a list in pages.
WATCHING = {"path": "resourceVersion=", "watch": True}
STREAMING = {"path": "sendInitialEvents=true"}
LISTING = {"watch": False}
FIRST_PAGE, NEXT_PAGE = r"[?&]limit=500\b", r"[?&]continue="


class Asker:
    """Asks one kube-bearer from start to end, and keeps every answer that is not what it must be."""

    def __init__(self, bearer):
        self.bearer = bearer
        self.expected = {}  # token: is it good?
        self.count, self.wrong, self.failed, self.starting = 0, [], [], 0
        self.may_fail = False  # kube-bearer itself is away
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join(kit.DEADLINE_SEC)

    def expect(self, token, good):
        with self._lock:
            self.expected[token] = good

    def forget(self, token):
        """No question about it is under way when this returns."""
        with self._lock:
            self.expected.pop(token, None)

    def check(self):
        assert not self.wrong, f"{len(self.wrong)} wrong answers of {self.count}, first: {self.wrong[0]}"
        assert not self.failed, f"{len(self.failed)} failed reviews of {self.count}, first: {self.failed[0]}"

    def wait_more(self, more=20):
        goal = self.count + more
        kit.eventually(lambda: self.count >= goal or self.failed or self.wrong, "further answers")
        self.check()

    def _run(self):
        turn = 0
        while not self._stop.is_set():
            try:
                with self.bearer.connect() as connection:
                    for _ in range(CONNECTION_QUESTIONS):
                        turn += 1
                        if self._stop.wait(ASK_SEC) or self._ask(turn, connection) == "close":
                            break
            except (OSError, kit.Closed) as error:
                if not self.may_fail:
                    self.failed.append(repr(error))
                self._stop.wait(ASK_SEC)

    def _ask(self, turn, connection):
        """What the answer says of the connection"""
        with self._lock:
            if not self.expected:
                return None
            token, good = list(self.expected.items())[turn % len(self.expected)]
            response = connection.request("POST", "/authenticate", kit.review_body(token))
            self._judge(token, good, response)
            return response.headers.get("connection", "").lower()

    def _judge(self, token, good, response):
        self.count += 1
        if response.status != 200:
            self.starting += response.status == 503
            if not (self.may_fail and response.status == 503):
                self.failed.append(repr(response))
            return
        status = response.json()["status"]
        is_right = status.get("authenticated", False) == good
        if good and is_right:
            is_right = status["user"]["username"] == f"system:bootstrap:{token[:6]}"
        if not is_right:
            self.wrong.append(f"{token[:6]}, good: {good}: {status}")


class World:
    def __init__(self, cluster):
        self.cluster = cluster
        self.authority = cluster.authority
        self.proxy = FaultProxy(self.authority.issue(), cluster.url, self.authority.pem)
        self.direct = cluster.start_bearer(name="direct", port=BEARER_PORT)
        self.proxied = cluster.start_bearer(name="proxied", port=BEARER_PORT + 1, server_url=self.proxy.url)
        self.bearers = [self.direct, self.proxied]
        self.askers = [Asker(bearer) for bearer in self.bearers]
        for _ in range(3):
            self.expect(self.new_live_token(), True)
        for token in list(self.askers[0].expected):
            self.expect(wrong_secret(token), False)
        self.expect(kit.new_token(), False)

    def close(self):
        for asker in self.askers:
            asker.close()
        self.proxy.close()

    def expect(self, token, good):
        for asker in self.askers:
            asker.expect(token, good)

    def forget(self, token):
        for asker in self.askers:
            asker.forget(token)

    def new_live_token(self):
        token = self.cluster.new_token()
        for bearer in self.bearers:
            bearer.wait_accepts(token)
        return token

    def asker_of(self, bearer):
        return self.askers[self.bearers.index(bearer)]

    @contextlib.contextmanager
    def away(self, bearer):
        """kube-bearer itself may be unreachable, or not know anything yet; what it says must be right all the same."""
        asker = self.asker_of(bearer)
        asker.may_fail = True
        yield asker
        asker.may_fail = False


def wrong_secret(token):
    return token[:7] + kit.new_token()[7:]


class Changes:
    """A deletion, a new secret and a creation, made while something is wrong. Make it before, and call make() then."""

    def __init__(self, world):
        self.world = world
        self.deleted, self.old = world.new_live_token(), world.new_live_token()
        self.new = wrong_secret(self.old)
        self.created = kit.new_token()
        for token in (self.deleted, self.old):
            world.expect(token, True)

    def make(self):
        for token in (self.deleted, self.old):
            self.world.forget(token)
        self.world.cluster.delete_token(self.deleted)
        self.world.cluster.patch_token(self.old, token_secret=self.new[7:])
        self.world.cluster.put_token(self.created)

    def seen_by(self, bearer):
        """Which of the changes count there"""
        answers = [(self.deleted, False), (self.old, False), (self.new, True), (self.created, True)]
        return [token for token, good in answers if bearer.accepts(token) == good]

    def assert_unknown_to(self, bearer):
        """It answers as it last knew."""
        assert bearer.accepts(self.deleted) and bearer.accepts(self.old)
        assert not bearer.accepts(self.new) and not bearer.accepts(self.created)

    def wait_known(self):
        """Until all count everywhere. From then on they do for ever."""
        for bearer in self.world.bearers:
            kit.eventually(lambda: len(self.seen_by(bearer)) == 4, f"all changes count at {bearer.name}", RECOVERY_SEC)
        for token in (self.deleted, self.old):
            self.world.expect(token, False)
        for token in (self.new, self.created):
            self.world.expect(token, True)


def store_line(bearer):
    return re.search(r"^\[.\]store .*$", bearer.health("/readyz?verbose").text, re.M).group(0)


def last_contact(bearer):
    return bearer.metric("kube_bearer_store_last_contact_timestamp_seconds")


def is_connected(bearer):
    return bearer.metric("kube_bearer_store_connected") == 1


def wait_connected(bearer, connected=True):
    kit.eventually(lambda: is_connected(bearer) == connected, f"connected: {connected}", RECOVERY_SEC)


@pytest.fixture(scope="module")
def world(start_cluster):
    world = World(start_cluster(webhook=False))
    yield world
    world.close()


@pytest.fixture(autouse=True)
def answers_are_right(world):
    """Each test begins with everything in order, and must not have caused a wrong answer."""
    world.proxy.clear()
    for bearer in world.bearers:
        wait_connected(bearer)
    yield
    for asker in world.askers:
        asker.wait_more(5)


@pytest.fixture
def changes(world):
    return Changes(world)


# --- kube-bearer itself --------------------------------------------------------------------------------------

def test_faults_kube_bearer_restarts_while_the_api_server_is_silent(world, changes):
    """It does not know anything yet, and says so: 503 is no refusal. What it says then is what is true then."""
    bearer = world.proxied
    rule = world.proxy.rule(faults.is_silent)
    with world.away(bearer) as asker:
        changes.make()
        bearer.stop()
        bearer.start(wait=False)
        bearer.wait_ports()
        kit.eventually(lambda: rule.hits > 0, "it asks")
        bearer.request("POST", "/authenticate", kit.review_body(changes.deleted)).assert_status_body(503, "ServiceUnavailable")
        assert bearer.get("/readyz").status == 500 and bearer.get("/livez").status == 200
        kit.eventually(lambda: asker.starting > 0, "others have that answer, too")
        world.proxy.clear()
        world.proxy.break_streams(Ending.RESET)
        bearer.wait_ready()
        assert len(changes.seen_by(bearer)) == 4
    changes.wait_known()


def test_faults_serving_certificate_rotates_under_load(world):
    bearer, asker = world.direct, world.asker_of(world.direct)

    def serial():
        with bearer.connect() as connection:
            return connection.socket.getpeercert()["serialNumber"]
    for _ in range(3):
        before = serial()
        certificate, key = world.authority.issue(addresses=(bearer.address,))
        kit.replace_file(bearer.cert_file, certificate)  # for a moment it does not fit the key
        asker.wait_more(CONNECTION_QUESTIONS)
        kit.replace_file(bearer.key_file, key)
        kit.eventually(lambda: serial() != before, "the new certificate is shown")
        asker.wait_more(CONNECTION_QUESTIONS)


# --- the API server and etcd ---------------------------------------------------------------------------------

@pytest.fixture
def beginner(world):
    """A kube-bearer with a server that cannot stream its list, held before the second page of it."""
    with FaultProxy(world.authority.issue(), world.cluster.url, world.authority.pem) as proxy:
        latch = proxy.latch()
        proxy.rule(faults.fails(400, "BadRequest"), **STREAMING)
        proxy.rule(faults.pages_of(2), path=FIRST_PAGE)
        proxy.rule(faults.held(latch), path=NEXT_PAGE, times=1)
        bearer = world.cluster.start_bearer(name="beginner", port=BEARER_PORT + 2, server_url=proxy.url, wait=False)
        kit.eventually(lambda: latch.count == 1, "the second page is asked for")
        bearer.proxy, bearer.latch = proxy, latch
        yield bearer
        bearer.stop()


def test_faults_api_server_dies_and_history_is_compacted(world, changes, beginner):
    """One kube-bearer sees the API server die and come back; one is cut off longer, and what it missed is no longer in the
    API server's memory nor in etcd, so its watch is too old (410); one is half way through a list that is too old."""
    assert world.proxy.break_streams(Ending.SILENCE) == 1
    changes.make()
    kit.eventually(lambda: len(changes.seen_by(world.direct)) == 4, "the other one has seen it")
    world.cluster.apiserver.kill()
    wait_connected(world.direct, False)
    contact = last_contact(world.direct)
    assert re.fullmatch(r"\[\+\]store ok: no contact with the Kubernetes API server since \S+: .+; answering from what was "
                        r"known then", store_line(world.direct))
    assert world.direct.health("/readyz").status == 200
    for asker in world.askers:
        asker.wait_more()
    assert last_contact(world.direct) == contact
    world.cluster.etcd.compact()
    world.cluster.apiserver.start()
    wait_connected(world.direct)
    assert store_line(world.direct) == "[+]store ok" and last_contact(world.direct) >= contact
    changes.assert_unknown_to(world.proxied)
    world.proxy.break_streams(Ending.RESET)
    changes.wait_known()
    assert [seen for seen in world.proxy.seen(watch=True) if 410 in (seen.status, *seen.errors)], "the watch was too old"
    beginner.latch.open()
    beginner.wait_ports()
    beginner.wait_ready()
    assert beginner.proxy.seen(path=NEXT_PAGE)[0].status == 410, "the list was too old"
    assert len(changes.seen_by(beginner)) == 4


def test_faults_etcd_dies_and_comes_back(world, changes):
    """The API server answers 5xx or not at all without it."""
    world.cluster.etcd.kill()
    for asker in world.askers:
        asker.wait_more()
    world.cluster.etcd.start()
    kit.eventually(world.cluster.admin.is_ready, "the API server has etcd again", interval=0.05)
    changes.make()
    changes.wait_known()


def read_anew(world):
    """Have the proxied kube-bearer list."""
    world.proxy.rule(faults.streams(faults.error_line(410, "Expired"), ending=Ending.FINISH), **WATCHING, times=1)
    world.proxy.break_streams(Ending.FINISH)


def test_faults_pages_are_a_list(world, changes):
    """A server without streaming lists, and pages of two Secrets."""
    world.proxy.rule(faults.fails(400, "BadRequest"), **STREAMING)
    rule = world.proxy.rule(faults.pages_of(2), path=FIRST_PAGE)
    lists = world.proxied.metric("kube_bearer_store_lists_total", result="success")
    read_anew(world)
    kit.eventually(lambda: world.proxied.metric("kube_bearer_store_lists_total", result="success") > lists, "a list")
    assert rule.hits >= 3
    changes.make()
    changes.wait_known()


# --- an open watch ---------------------------------------------------------------------------------------------

ENDLESS_BYTES = 256 << 20  # far above any limit, and what the kernel keeps of a connection on its own
BAD_OBJECT = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "x", "resourceVersion": "9" * 30}}

LINE_FAULTS = {
    "cut and reset": lambda: faults.cut_line(Ending.RESET),
    "cut and closed": lambda: faults.cut_line(Ending.CLOSE),
    "cut and a regular end": lambda: faults.cut_line(Ending.FINISH),
    "error 410 in its place": lambda: faults.instead_of_line(faults.error_line(410, "Expired"), ending=Ending.FINISH),
    "error 500 in its place": lambda: faults.instead_of_line(faults.error_line(500, "InternalError"), ending=Ending.FINISH),
    "error without code in its place": lambda: faults.instead_of_line(faults.error_line(None), ending=Ending.FINISH),
    "error 410, and it goes on": lambda: faults.instead_of_line(faults.error_line(410, "Expired")),
    "a bookmark that is no JSON in its place": lambda: faults.instead_of_line(b'{"type":"BOOKMARK","object":{"kind":"Secret"\n'),
    "a bookmark without version before it": lambda: faults.after_line(faults.event_line("BOOKMARK", {"kind": "Secret"})),
    "an event of unknown type in its place": lambda: faults.instead_of_line(faults.event_line("NOVELTY", BAD_OBJECT)),
    "an event that is no object in its place": lambda: faults.instead_of_line(b'["ADDED"]\n'),
    "an event about nothing in its place": lambda: faults.instead_of_line(b'{"type":"DELETED"}\n'),
    "text in its place": lambda: faults.instead_of_line(b"<html>try again later</html>\n"),
    "ends at once": lambda: faults.instead_of_line(ending=Ending.FINISH),
    "an endless line in its place": lambda: faults.endless_line(b'{"type":"ADDED","object":{"kind":"', ENDLESS_BYTES),
}


@pytest.mark.parametrize("name", LINE_FAULTS)
def test_faults_line_of_a_watch(world, changes, name):
    """It is the line that tells a deletion: whatever happens to it, the deletion counts."""
    fault = LINE_FAULTS[name]()
    happened = world.proxy.spoil_line(fault, containing=changes.deleted[:6].encode())
    changes.make()
    kit.eventually(lambda: happened, "the line has come")
    changes.wait_known()
    if name == "an endless line in its place":
        assert fault.sent < ENDLESS_BYTES, "what is read of a line has a limit"


def test_faults_line_that_is_half_arrived_is_not_believed(world, changes):
    """The first half of an event is a whole line if one believes in the end of the stream. It is none."""
    before = world.proxied.metric("kube_bearer_store_problems")
    happened = world.proxy.spoil_line(faults.cut_line(Ending.FINISH), containing=changes.created[:6].encode())
    changes.make()
    kit.eventually(lambda: happened, "the line has come")
    changes.wait_known()
    assert world.proxied.metric("kube_bearer_store_problems") == before


@pytest.mark.parametrize("ending", [Ending.RESET, Ending.CLOSE, Ending.FINISH], ids=lambda ending: ending.name)
def test_faults_watch_ends_between_lines(world, changes, ending):
    """It goes on from where it was: no list is asked for."""
    lists = world.proxied.metric("kube_bearer_store_lists_total")
    assert world.proxy.break_streams(ending) == 1
    changes.make()
    changes.wait_known()
    assert world.proxied.metric("kube_bearer_store_lists_total") == lists


def test_faults_watch_falls_silent(world, changes):
    """Nothing is closed, nothing comes: as with a router that forgot the connection."""
    cluster, silence_sec = world.cluster, 2
    with FaultProxy(world.authority.issue(), cluster.url, world.authority.pem) as proxy:
        bearer = cluster.start_bearer(f"--watch-silence-timeout={silence_sec}s", name="impatient", port=BEARER_PORT + 2,
                                      server_url=proxy.url)
        asker = Asker(bearer)
        for token, good in world.askers[0].expected.items():
            asker.expect(token, good)
        world.bearers.append(bearer)
        world.askers.append(asker)
        try:
            silent = proxy.open_watches()
            assert proxy.break_streams(Ending.SILENCE) == 1
            changes.make()
            changes.assert_unknown_to(bearer)
            assert is_connected(bearer), "it cannot know yet"
            changes.wait_known()
            asker.wait_more()
            after = proxy.seen(since=silent[0].at, watch=True)[1]
            assert after.at - silent[0].at >= silence_sec
            # A rule of silence for new connections, too: then contact is lost, and that shows.
            proxy.rule(faults.is_silent)
            wait_connected(bearer, False)
            asker.wait_more()
            proxy.clear()
            wait_connected(bearer)
        finally:
            world.bearers.remove(bearer)
            world.askers.remove(asker)
            asker.close()
            bearer.stop()


# --- requests ----------------------------------------------------------------------------------------------------

REQUEST_FAULTS = {
    "reset": [(faults.resets, WATCHING)],
    "garbage": [(faults.talks_garbage(b"\x16\x03\x01\x02\x00 hello\r\n\r\n"), WATCHING)],
    "a huge header": [(faults.has_huge_header(1 << 20), WATCHING)],
    "a chunk header cut off": [(faults.cuts_chunk_header(Ending.CLOSE), WATCHING)],
    "closed after the answer": [(faults.answers(200, connection="close"), WATCHING)],
    "302": [(faults.redirects, WATCHING)],
    "307": [(faults.redirects, WATCHING)],
    "400": [(faults.fails(400, "BadRequest"), WATCHING)],
    "401": [(faults.fails(401, "Unauthorized"), WATCHING)],
    "403": [(faults.fails(403, "Forbidden"), WATCHING)],
    "404": [(faults.fails(404, "NotFound"), WATCHING)],
    "410 Expired": [(faults.fails(410, "Expired"), WATCHING)],
    "410 Gone": [(faults.fails(410, "Gone"), WATCHING)],
    "429": [(faults.fails(429, "TooManyRequests"), WATCHING)],
    "500": [(faults.fails(500, "InternalError"), WATCHING)],
    "503": [(faults.fails(503, "ServiceUnavailable"), WATCHING)],
    "502 of a proxy": [(faults.answers(502, b"<html>Bad Gateway</html>", content_type="text/html"), WATCHING)],
    "an empty watch": [(faults.streams(ending=Ending.FINISH), WATCHING)],
    "a watch of nonsense": [(faults.streams(b"{}\n", b"[]\n", b"null\n", ending=Ending.FINISH), WATCHING)],
    "a streaming list cut off": [(faults.cuts_body(700, Ending.CLOSE), STREAMING)],
    "a streaming list that ends early": [(faults.cuts_body(700, Ending.FINISH), STREAMING)],
    "a streaming list of nothing": [(faults.streams(ending=Ending.FINISH), STREAMING)],
    "a list cut off": [(faults.cuts_body(700, Ending.CLOSE), LISTING)],
    "a list that ends early": [(faults.cuts_body(700, Ending.FINISH), LISTING)],
    "a list that says it is HTML": [(faults.retyped("text/html"), LISTING)],
    "a gzipped list": [(faults.gzipped, LISTING)],
    "a list whose connection is closed": [(faults.closes, LISTING)],
    "a list with 410": [(faults.fails(410, "Expired"), LISTING)],
    "an empty body for a list": [(faults.answers(200, content_type="application/json"), LISTING)],
    "another object for a list": [(faults.answers(200, b'{"kind":"Status","apiVersion":"v1"}\n'), LISTING)],
}


@pytest.mark.parametrize("name", REQUEST_FAULTS)
def test_faults_answer_to_a_request(world, changes, name):
    """Twice, then all is well again. Nothing that was known is forgotten for it, and nothing is overlooked."""
    (fault, which), = REQUEST_FAULTS[name]
    with FaultProxy(world.authority.issue()) as elsewhere:
        elsewhere.rule(faults.answers(200, b"{}"))
        if fault is faults.redirects:
            fault = faults.redirects(int(name), elsewhere.url + "/api/v1/namespaces/kube-system/secrets?watch=true")
        if which is LISTING:
            world.proxy.rule(faults.fails(400, "BadRequest"), **STREAMING, times=3)
        if which is not WATCHING:
            world.proxy.rule(faults.fails(410, "Expired"), **WATCHING, times=1)
        rule = world.proxy.rule(fault, **which, times=2)
        assert world.proxy.break_streams(Ending.RESET) == 1
        changes.make()
        kit.eventually(lambda: rule.hits >= 1, "the fault has its request")
        changes.wait_known()
        wait_connected(world.proxied)
        assert elsewhere.seen() == [], "a redirect was followed, and a token with it"


# --- the way back --------------------------------------------------------------------------------------------------

def test_faults_outage_shows_and_is_no_stampede(world, changes):
    """Attempts get rarer, at least as fast as the documentation says; what is known is answered; it all shows."""
    attempts = 5
    rule = world.proxy.rule(faults.resets)
    broken_at = time.monotonic()
    world.proxy.break_streams(Ending.RESET)
    changes.make()
    kit.eventually(lambda: rule.hits >= 2, "it has tried again")
    wait_connected(world.proxied, False)
    contact = last_contact(world.proxied)
    assert "no contact with the Kubernetes API server since" in store_line(world.proxied)
    assert world.proxied.health("/readyz").status == 200
    changes.assert_unknown_to(world.proxied)
    kit.eventually(lambda: rule.hits >= attempts, "attempts")
    assert last_contact(world.proxied) == contact
    times = [seen.at for seen in world.proxy.seen(since=broken_at)]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    for failures, gap in enumerate(gaps, 2):  # the watch that broke was the first
        assert gap >= BACKOFF_MIN_SEC * 2 ** (failures - 1), gaps
    world.proxy.clear()
    changes.wait_known()
    wait_connected(world.proxied)
    assert store_line(world.proxied) == "[+]store ok"
    assert last_contact(world.proxied) >= contact


def test_faults_refused_connections_are_no_harm(world, changes):
    """Nobody listens at all, then somebody does again."""
    world.proxy.refuse()
    changes.make()
    wait_connected(world.proxied, False)
    changes.assert_unknown_to(world.proxied)
    world.askers[1].wait_more()
    world.proxy.listen()
    changes.wait_known()


@pytest.mark.parametrize("code, reason", [(429, "TooManyRequests"), (503, "ServiceUnavailable")])
def test_faults_retry_after_is_kept(world, changes, code, reason):
    """No request before its time, whatever the backoff says."""
    retry_after = 2
    rule = world.proxy.rule(faults.fails(code, reason, retry_after), times=1)
    world.proxy.break_streams(Ending.RESET)
    changes.make()
    kit.eventually(lambda: rule.hits == 1, "it is asked to wait")
    changes.wait_known()
    asked = [seen for seen in world.proxy.seen() if seen.status == code][-1]
    after = world.proxy.seen(since=asked.at)[1]
    assert after.at - asked.at >= retry_after


def test_faults_token_never_left_in_a_url_or_a_log(world):
    """The proxy has seen every request there was."""
    assert all(seen.has_authorization for seen in world.proxy.seen())
    kit.assert_no_canary(json.dumps([seen.target for seen in world.proxy.seen()]).encode(), "a URL")
    for bearer in world.bearers:
        kit.assert_no_canary(bearer.log().encode(), "a log")
