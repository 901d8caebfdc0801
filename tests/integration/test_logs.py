# SPDX-License-Identifier: Apache-2.0
"""The log: one event a line, in two formats, with the reason of each refusal, and never a flood."""
import json
import re

import pytest

import kit

KLOG = re.compile(r'^[IWE]\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ (\S.*)$')


def test_log_text_is_klog_like(start_server):
    server = start_server("-v=5")
    token = server.new_token()
    server.review(token[:7] + kit.new_token()[7:])
    server.stop()
    lines = server.log().splitlines()
    assert lines and all(KLOG.match(line) for line in lines), [l for l in lines if not KLOG.match(l)][:3]


def test_log_json_is_json(start_server):
    server = start_server("--logging-format=json", "-v=5")
    token = server.new_token()
    server.review(token[:7] + kit.new_token()[7:])
    server.stop()
    for line in server.log().splitlines():
        event = json.loads(line)
        assert {"ts", "v", "msg"} <= set(event) and event["msg"], line
    refused = [e for e in map(json.loads, server.log().splitlines()) if e.get("reason") == "token_secret_mismatch"]
    assert refused and refused[0]["tokenID"] == token[:6]


@pytest.mark.parametrize("question,reason", [
    ("wrong", "token_secret_mismatch"), ("unknown", "unknown_token_id"), ("expired", "token_expired"),
    ("usage", "usage_not_allowed"), ("garbage", "unrecognized_token"), ("audience", "audience_mismatch"),
])
def test_log_says_why_a_review_was_refused(start_server, question, reason):
    server = start_server("-v=3")
    known = server.new_token()
    if question == "wrong":
        asked, token_id = known[:7] + kit.new_token()[7:], known[:6]
    elif question == "unknown":
        asked = kit.new_token()
        token_id = asked[:6]
    elif question == "expired":
        asked = server.put(kit.new_token(), expiration="2020-01-02T03:04:05Z")
        token_id = asked[:6]
    elif question == "usage":
        asked = server.put(kit.new_token(), usage_bootstrap_authentication="no")
        token_id = asked[:6]
    elif question == "audience":
        asked, token_id = known, None
    else:
        asked, token_id = kit.canary(), None
    server.new_token()
    server.review(asked, audiences=["elsewhere"] if question == "audience" else None)
    # a new token may have been asked about before it was there, under the same reason
    server.wait_log(rf'.*reason="?{reason}"?.*' + (token_id or ""))


def test_log_is_flood_proof_and_says_how_much_was_dropped(start_server):
    server = start_server()
    with server.connect() as connection:
        for _ in range(2000):
            connection.review("garbage")
    lines = len(re.findall("unrecognized_token", server.log()))
    assert 1 <= lines < 100, f"{lines} lines for 2000 refusals"
    assert server.metric("kube_bearer_log_lines_dropped_total") >= 1900
    # another reason has a budget of its own
    token = server.new_token()
    server.review(token[:7] + kit.new_token()[7:])
    server.wait_log("token_secret_mismatch")

    def dropped():
        server.review("garbage")
        return re.search(r"dropped=\"?[1-9]\d+", server.log())
    kit.eventually(dropped, "a later line says how many were dropped")


@pytest.mark.parametrize("ask,line", [
    (lambda connection: connection.review("garbage"), '"TokenReview refus(ed|als held back)".* reason="unrecognized_token"'),
    (lambda connection: connection.request("GET", "/nowhere"), '"Request refus(ed|als held back)"'),
], ids=["a review", "a request"])
def test_log_says_how_much_was_held_back_when_no_further_line_does(start_server, ask, line):
    server = start_server("--workers=1")
    with server.connect() as connection:
        for _ in range(50):
            ask(connection)

    def told():
        lines = [text for text in server.log().splitlines() if re.search(line, text)]
        assert any("held back" in text for text in lines), lines[-1]
        dropped = sum(int(number) for text in lines for number in re.findall(r"dropped=(\d+)", text))
        assert dropped + sum("refused" in text for text in lines) == 50, lines
        return True
    kit.eventually(told, "how many lines were held back")
    server.stop()
    assert {re.search('"(.*?)"', text)[1] for text in server.log().splitlines() if "held back" in text} == {
        line[1:].split()[0] + " refusals held back"}, "of what nothing was held back there is nothing to say"


def test_log_escapes_what_a_peer_sent(start_server):
    """A peer's text must not forge lines or reach a terminal's control sequences."""
    server = start_server("-v=5")
    server.review("x", audiences=['evil"\nI0101 00:00:00.000000 1 forged\x1b[31m' + "a" * 1000])
    server.new_token()
    server.stop()
    log = server.log()
    assert "\nI0101 00:00:00.000000 1 forged" not in log and "\x1b" not in log
    assert all(len(line) < 2000 for line in log.splitlines())


def test_log_verbosity_5_has_a_line_for_each_acceptance_and_0_has_none(start_server):
    loud, quiet = start_server("-v=5"), start_server()
    for server in (loud, quiet):
        token = server.new_token()
        assert server.accepts(token)
        server.stop()
    assert "accepted" in loud.log() and "accepted" not in quiet.log()
