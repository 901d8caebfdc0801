# SPDX-License-Identifier: Apache-2.0
"""HTTP: paths, methods, content types, malformed bodies, and the Status bodies that answer them."""
import json
import random
import socket
import struct

import pytest

import kit
from kit import REVIEW_PATHS

KIND = '"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1"'


@pytest.mark.parametrize("path", REVIEW_PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "FROB"])
def test_protocol_wrong_method_of_a_review_is_405(server, path, method):
    response = server.request(method, path, body=None if method == "GET" else "{}")
    response.assert_status_body(405, "MethodNotAllowed")
    assert response.headers["allow"] == "POST"


def test_protocol_head_of_a_review_is_405_without_body(server):
    response = server.request("HEAD", "/authenticate")
    assert response.status == 405


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/metrics", "/version", "/readyz/ping"])
def test_protocol_head_is_get_without_body(server, path):
    with server.connect() as connection:
        head = connection.request("HEAD", path)
        got = connection.request("GET", path)  # the connection is still in step: the HEAD had no body
    assert head.status == got.status == 200
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/version"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_protocol_wrong_method_of_a_page_is_405(server, path, method):
    response = server.request(method, path, body="")
    response.assert_status_body(405, "MethodNotAllowed")
    assert set(response.headers["allow"].replace(" ", "").split(",")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", [
    "/", "/authenticate/", "/authenticate/x", "/authenticatex", "/Authenticate", "//authenticate", "/apix", "/livezx",
    "/metrics/", "/apis/authentication.k8s.io/v2/tokenreviews", "/apis/authentication.k8s.io/v1/tokenreviews/name",
    "/authenticate/../authenticate", "/" + "a" * 500])
def test_protocol_other_paths_are_404(server, path):
    server.request("POST", path, kit.review_body("x")).assert_status_body(404, "NotFound")
    server.request("GET", path).assert_status_body(404, "NotFound")


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON",
                                          "application/json;charset=UTF-8"])
def test_protocol_json_content_types_are_read(server, token, content_type):
    response = server.request("POST", "/authenticate", kit.review_body(token), {"Content-Type": content_type})
    assert response.json()["status"]["authenticated"] is True


def test_protocol_absent_content_type_is_taken_for_json(server, token):
    response = server.request("POST", "/authenticate", kit.review_body(token), {"Content-Type": None})
    assert response.json()["status"]["authenticated"] is True


@pytest.mark.parametrize("content_type", ["application/yaml", "text/plain", "application/vnd.kubernetes.protobufx",
                                          "application/vnd.kubernetes", "application/protobuf", "application/jsonx", "application/json-patch+json", "x", ""])
def test_protocol_other_content_types_are_415(server, token, content_type):
    response = server.request("POST", "/authenticate", kit.review_body(token), {"Content-Type": content_type})
    status = response.assert_status_body(415, "UnsupportedMediaType")
    assert "application/json" in status["message"]
    assert "application/vnd.kubernetes.protobuf" in status["message"]


PROTOBUF = "application/vnd.kubernetes.protobuf"


@pytest.mark.parametrize("path", REVIEW_PATHS)
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize("accept", [None, f"{PROTOBUF}, */*", f"{PROTOBUF},application/json", "application/json"])
def test_protocol_protobuf_is_read_and_answered_in_json(server, token, path, version, accept):
    """client-go's typed client, as it is by default, with either of its Accept headers."""
    for asked in (token, token[:7] + kit.new_token()[7:], kit.new_token()):
        response = server.request("POST", path, kit.protobuf_body(asked, [kit.API_AUDIENCE], version),
                                  {"Content-Type": PROTOBUF, "Accept": accept})
        assert response.status == 200 and response.headers["content-type"] == "application/json"
        assert response.json() == server.review(asked, audiences=[kit.API_AUDIENCE], version=version, path=path)
    assert server.request("POST", path, kit.protobuf_body(token, (), version),
                          {"Content-Type": PROTOBUF, "Accept": accept}).json()["status"]["authenticated"] is True


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_protocol_protobuf_without_type_meta_is_what_the_path_says(server, token, version):
    body = kit.protobuf_body(token, version=None)
    reply = server.request("POST", f"/apis/authentication.k8s.io/{version}/tokenreviews", body, {"Content-Type": PROTOBUF}).json()
    assert reply["apiVersion"] == f"authentication.k8s.io/{version}" and reply["status"]["authenticated"] is True
    server.request("POST", "/authenticate", body, {"Content-Type": PROTOBUF}).assert_status_body(400, "BadRequest")


@pytest.mark.parametrize("path", REVIEW_PATHS)
@pytest.mark.parametrize("change", [
    lambda body: b"", lambda body: b"k8s\0", lambda body: b"k8s\1" + body[4:], lambda body: body[4:], lambda body: body[:-1],
    lambda body: body + b"\0", lambda body: body.replace(b"TokenReview", b"TokenReviev"), lambda body: body.replace(b"/v1", b"/v2"),
    lambda body: body.replace(b"canary", b"\xc0\xafnary"), lambda body: body + b"\x0b" * 65 + b"\x0c" * 65,
    lambda body: body + b"\x0c", lambda body: b"k8s\0" + b"\xff" * 4000, lambda body: kit.review_body("x").encode(),
    lambda body: kit.protobuf_body("x", ["a"] * 1025),
], ids=range(14))
def test_protocol_malformed_protobuf_is_400(server, path, change):
    response = server.request("POST", path, change(kit.protobuf_body("canary.token")), {"Content-Type": PROTOBUF})
    response.assert_status_body(400, "BadRequest")
    assert "canary" not in response.text and "nary" not in response.text


def test_protocol_json_in_place_of_protobuf_and_back_is_400(server, token):
    server.request("POST", "/authenticate", kit.review_body(token), {"Content-Type": PROTOBUF}).assert_status_body(400, "BadRequest")
    server.request("POST", "/authenticate", kit.protobuf_body(token)).assert_status_body(400, "BadRequest")


@pytest.mark.parametrize("accept", [PROTOBUF, "application/yaml", "*/*, application/json;q=0", "text/html"])
def test_protocol_who_does_not_take_json_gets_406(server, token, accept):
    for body, content_type in ((kit.protobuf_body(token), PROTOBUF), (kit.review_body(token), "application/json")):
        response = server.request("POST", "/authenticate", body, {"Content-Type": content_type, "Accept": accept})
        assert "application/json" in response.assert_status_body(406, "NotAcceptable")["message"]


@pytest.mark.parametrize("accept", ["application/json, */*", "*/*", "application/*;q=0.5", "", f"{PROTOBUF};q=0.9, application/json;q=0.1"])
def test_protocol_who_takes_json_among_others_gets_it(server, token, accept):
    response = server.request("POST", "/authenticate", kit.review_body(token), {"Accept": accept})
    assert response.json()["status"]["authenticated"] is True


def test_protocol_accept_of_a_page_is_not_looked_at(server):
    assert server.request("GET", "/livez", headers={"Accept": "text/html"}).status == 200


@pytest.mark.parametrize("body", [
    "", "null", "[]", '"x"', "7", "{", "{}", '{"kind":"TokenReview"}', "not json", "\ufeff{}",
    '{"kind":"Pod","apiVersion":"v1"}',
    '{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v2","spec":{}}',
    '{"kind":"tokenreview","apiVersion":"authentication.k8s.io/v1","spec":{}}',
    '{%s,"spec":{"token":7}}' % KIND, '{%s,"spec":{"token":["x"]}}' % KIND, '{%s,"spec":[]}' % KIND,
    '{%s,"spec":{"audiences":"x"}}' % KIND, '{%s,"spec":{"audiences":[7]}}' % KIND,
    '{%s,"spec":{"token":"x",}}' % KIND, '{%s,"spec":{"token":"x"}} x' % KIND, '{%s,"spec":{"token":"x"}' % KIND,
    "{%s,'spec':{}}" % KIND, '{%s,"spec":{"token":"\\x"}}' % KIND, '{%s,"spec":{"token":"\\ud8"}}' % KIND,
    '{%s,"spec":{"token":"a\nb"}}' % KIND, '{%s,"x":01}' % KIND, '{%s,"x":NaN}' % KIND,
    '{%s,"x":%s1%s}' % (KIND, "[" * 65, "]" * 65), '{%s,"x":%s1%s}' % (KIND, '{"a":' * 65, "}" * 65),
    '{%s,"x":%s' % (KIND, "[" * 60000),
    '{%s,"spec":{"audiences":[%s]}}' % (KIND, ",".join('"a"' for _ in range(1025))),
    b"\xff\xfe{\x00}\x00", ('{%s,"spec":{"token":"' % KIND).encode() + b"\xc0\xaf" + b'"}}',
], ids=lambda b: repr(b[:60]))
def test_protocol_malformed_body_is_400(server, body):
    server.request("POST", "/authenticate", body).assert_status_body(400, "BadRequest")


@pytest.mark.parametrize("body", [
    '{%s,"x":%s1%s,"spec":{"token":"x"}}' % (KIND, "[" * 60, "]" * 60),
    '{%s,"spec":{"token":"x","audiences":[%s]}}' % (KIND, ",".join('"a"' for _ in range(1024))),
    '{%s,"spec":null}' % KIND, '{%s,"spec":{"token":null,"audiences":null}}' % KIND, '{%s}' % KIND,
    ' \t\r\n{%s,"spec":{"token":"x"}}\r\n ' % KIND, '{%s,"spec":{"token":"\\ud800"}}' % KIND,
], ids=lambda b: repr(b[:60]))
def test_protocol_unusual_but_good_body_is_answered(server, body):
    response = server.request("POST", "/authenticate", body)
    assert response.status == 200 and not response.json()["status"].get("authenticated")


def test_protocol_malformed_body_says_where(server):
    body = '{"kind":"TokenReview",\n"apiVersion":"authentication.k8s.io/v1",\n"spec":{"token":true}}'
    status = server.request("POST", "/authenticate", body).assert_status_body(400, "BadRequest")
    assert "3" in status["message"], "the line"


def test_protocol_chunked_body_is_a_body(server, token):
    body = kit.review_body(token).encode()
    pieces = [body[i:i + 7] for i in range(0, len(body), 7)]
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    response = server.request("POST", "/authenticate", chunked, {"Transfer-Encoding": "chunked"})
    assert response.json()["status"]["authenticated"] is True


def test_protocol_expect_100_continue_is_answered(server, token):
    body = kit.review_body(token)
    with server.connect() as connection:
        connection.send(kit.http_bytes("POST", "/authenticate", b"", {
            "Content-Length": str(len(body)), "Expect": "100-continue"}))
        assert connection.read_response().status == 100
        connection.send(body.encode())
        assert connection.read_response().json()["status"]["authenticated"] is True


@pytest.mark.parametrize("raw", [
    b"GARBAGE\r\n\r\n", b"POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
    b"POST /authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
], ids=repr)
def test_protocol_broken_http_ends_the_connection_or_is_refused(server, token, raw):
    with server.connect() as connection:
        connection.send(raw)
        try:
            assert connection.read_response().status >= 400
        except kit.Closed:
            pass
    assert server.accepts(token)


@pytest.mark.parametrize("first,second", [("Content-Length: 5", "Content-Length: 500"),
                                          ("Transfer-Encoding: chunked", "Content-Length: 5")])
def test_protocol_ambiguous_length_never_smuggles_a_second_request(server, token, first, second):
    """RFC 9112 6.3: what is ambiguous must not be read two ways."""
    inner = kit.http_bytes("GET", "/version")
    with server.connect() as connection:
        connection.send(f"POST /authenticate HTTP/1.1\r\nHost: x\r\n{first}\r\n{second}\r\n\r\n".encode()
                        + (b"0\r\n\r\n" if "chunked" in first else b"") + inner)
        try:
            assert connection.read_response().status >= 400
        except kit.Closed:
            pass
    assert server.accepts(token)


def test_protocol_http_1_0_is_answered_and_closed(server):
    with server.connect() as connection:
        connection.send(b"GET /livez HTTP/1.0\r\n\r\n")
        assert connection.read_response().status == 200
        assert connection.is_closed_by_peer()


def test_protocol_connection_close_is_kept(server, token):
    with server.connect() as connection:
        response = connection.request("POST", "/authenticate", kit.review_body(token), {"Connection": "close"})
        assert response.json()["status"]["authenticated"] is True
        assert connection.is_closed_by_peer()


def test_protocol_many_requests_share_a_connection(server, token):
    with server.connect() as connection:
        for _ in range(200):
            assert connection.review(token)["status"]["authenticated"] is True
            assert connection.request("GET", "/livez").text == "ok"


def test_protocol_pipelined_requests_are_answered_in_order(server, token):
    asked = [token, "x", kit.new_token(), token, "", token] * 10
    with server.connect() as connection:
        connection.send(b"".join(kit.http_bytes("POST", "/authenticate", kit.review_body(t)) for t in asked))
        replies = [connection.read_response().json()["status"] for _ in asked]
    for t, status in zip(asked, replies):
        assert bool(status.get("authenticated")) == (t == token)
        assert bool(status.get("error")) == (t not in (token, "x", ""))


def test_protocol_pipelined_requests_in_odd_pieces_are_answered(server, token):
    """Pieces end in the middle of headers, of bodies, and between records."""
    data = b"".join(kit.http_bytes("POST", "/authenticate", kit.review_body(token)) for _ in range(6))
    rng = random.Random(20260102)
    with server.connect() as connection:
        at = 0
        while at < len(data):
            size = rng.choice((1, 2, 3, 50, 200, 700))
            connection.send(data[at:at + size])
            at += size
        for _ in range(6):
            assert connection.read_response().json()["status"]["authenticated"] is True


def test_protocol_half_closed_connection_still_gets_its_reply(server, token):
    """A client that shuts its sending side down after the request still reads the answer, or a clean end."""
    with server.connect() as connection:
        connection.send(kit.http_bytes("POST", "/authenticate", kit.review_body(token)))
        connection.half_close()
        try:
            assert connection.read_response().json()["status"]["authenticated"] is True
        except kit.Closed:
            pass
        assert connection.is_closed_by_peer()
    assert server.accepts(token)


def test_protocol_connection_reset_in_the_middle_harms_nobody(server, token):
    for cut in (0, 1, 30, 120, 400):
        connection = server.connect()
        connection.send(kit.http_bytes("POST", "/authenticate", kit.review_body(token))[:cut])
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    assert server.accepts(token)


def test_protocol_ten_thousand_random_bodies_are_answered(server, token, record_property):
    """Random bytes, mutated reviews, and valid ones between them: an answer each, and never a yes to the wrong one."""
    seed = random.SystemRandom().getrandbits(64)
    print(f"seed {seed}")
    record_property("seed", str(seed))
    rng = random.Random(seed)
    good = kit.review_body(token).encode()
    allowed = {200, 400}
    count = 10000 if kit.SLOW == 1 else 3000

    def body():
        kind = rng.randrange(4)
        if kind == 0:
            return rng.randbytes(rng.randrange(0, 300))
        if kind == 1:
            return "".join(rng.choice('{}[]",:\\untrefalsdk0123456789.eE+- \n') for _ in range(rng.randrange(200))).encode()
        mutated = bytearray(good)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(mutated))
            action = rng.randrange(3)
            if action == 0:
                mutated[at] = rng.randrange(256)
            elif action == 1:
                del mutated[at:at + rng.randrange(1, 20)]
            else:
                mutated[at:at] = rng.randbytes(rng.randrange(1, 5))
        return bytes(mutated)

    done = 0
    with server.connect() as connection:
        while done < count:
            batch = [body() for _ in range(20)]
            connection.send(b"".join(kit.http_bytes("POST", "/authenticate", b) for b in batch))
            for sent in batch:
                response = connection.read_response()
                assert response.status in allowed, (seed, sent, response)
                if response.status == 200 and response.json()["status"].get("authenticated"):
                    assert token in json.loads(sent)["spec"]["token"], (seed, sent)
            done += len(batch)
            if done % 1000 == 0:
                assert connection.review(token)["status"]["authenticated"] is True
