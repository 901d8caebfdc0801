# SPDX-License-Identifier: Apache-2.0
"""Questions and answers: yes, no, not known; versions, paths, audiences."""
import datetime
import json
import re
import threading

import pytest

import kit
from kit import API_AUDIENCE, REVIEW_PATHS


@pytest.mark.parametrize("path", REVIEW_PATHS)
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_review_valid_token_is_answered_in_the_version_of_the_request(server, token, path, version):
    reply = server.review(token, path=path, version=version)
    assert reply["kind"] == "TokenReview"
    assert reply["apiVersion"] == f"authentication.k8s.io/{version}"
    status = reply["status"]
    assert status["authenticated"] is True
    assert status["user"] == {"username": f"system:bootstrap:{token[:6]}", "groups": ["system:bootstrappers"]}
    assert not status.get("error")
    assert not status.get("audiences"), "no audiences were asked for, so none are answered"


@pytest.mark.parametrize("path", REVIEW_PATHS)
def test_review_query_string_is_ignored(server, token, path):
    assert server.review(token, path=path + "?timeout=30s&token=x%00y")["status"]["authenticated"] is True


def test_review_groups_are_sorted_unique_and_have_the_default(server):
    groups = "system:bootstrappers:zone,system:bootstrappers:kubeadm:default-node-token,system:bootstrappers:zone"
    token = server.new_token(auth_extra_groups=groups)
    assert server.review(token)["status"]["user"]["groups"] == [
        "system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:bootstrappers:zone"]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_review_each_reply_has_the_spec_that_the_schema_requires_and_echoes_nothing(server, token, version):
    """Clients that are generated from the published schema refuse a TokenReview without spec or spec.token."""
    for asked, audiences in ((token, None), (token, [API_AUDIENCE]), (token, ["other"]), (token[:7] + kit.new_token()[7:], None),
                             (kit.new_token(), None), ("no token of ours", None)):
        reply = server.review(asked, audiences=audiences, version=version)
        assert list(reply) == ["kind", "apiVersion", "spec", "status"], "in the order of the API's fields"
        assert reply["spec"] == {"token": ""}


LEFT_OUT = [{}, {"kind": None, "apiVersion": None}, {"kind": "", "apiVersion": ""}, {"kind": "TokenReview"}]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize("members", LEFT_OUT, ids=str)
def test_review_path_supplies_a_kind_and_version_that_are_left_out(server, token, version, members):
    """Vault's plugin, Python's V1TokenReview(spec=…), Go that marshals the struct: all leave TypeMeta to the path."""
    response = server.request("POST", f"/apis/authentication.k8s.io/{version}/tokenreviews",
                              json.dumps({**members, "spec": {"token": token}}))
    reply = response.json()
    assert (reply["kind"], reply["apiVersion"]) == ("TokenReview", f"authentication.k8s.io/{version}")
    assert reply["status"]["authenticated"] is True


@pytest.mark.parametrize("members", [{"apiVersion": "authentication.k8s.io/v1beta1"},
                                     {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1beta1"}], ids=str)
def test_review_path_does_not_overrule_the_version_of_the_body(server, token, members):
    response = server.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", json.dumps({**members, "spec": {"token": token}}))
    assert response.json()["apiVersion"] == "authentication.k8s.io/v1beta1"
    assert response.json()["status"]["authenticated"] is True


@pytest.mark.parametrize("path", REVIEW_PATHS)
@pytest.mark.parametrize("members", [{"kind": "Pod"}, {"kind": "tokenreview"}, {"apiVersion": "v1"}, {"kind": 7},
                                     {"apiVersion": "authentication.k8s.io/v2"}], ids=str)
def test_review_path_mends_nothing_that_is_wrong(server, token, path, members):
    body = json.dumps({**members, "spec": {"token": token}})
    server.request("POST", path, body).assert_status_body(400, "BadRequest")


@pytest.mark.parametrize("members", LEFT_OUT, ids=str)
def test_review_kind_and_version_are_required_where_the_path_names_none(server, token, members):
    body = json.dumps({**members, "spec": {"token": token}})
    server.request("POST", "/authenticate", body).assert_status_body(400, "BadRequest")


def assert_plain_refusal(reply):
    """What kube-apiserver may cache: 200, not authenticated, no error, no user."""
    status = reply["status"]
    assert status.get("authenticated", False) is False
    assert not status.get("error") and not status.get("user") and not status.get("audiences"), status


def test_review_wrong_secret_is_a_cacheable_refusal(server, token):
    wrong = token[:7] + kit.new_token()[7:]
    assert_plain_refusal(server.review(wrong))


@pytest.mark.parametrize("make", [
    lambda t: "", lambda t: "x", lambda t: t.upper(), lambda t: t + "\n", lambda t: " " + t, lambda t: t[:-1],
    lambda t: t + "a", lambda t: t.replace(".", ":"), lambda t: t[:6] + ".." + t[7:], lambda t: t + "\0",
    lambda t: "eyJhbGciOiJub25lIn0.e30.", lambda t: "ünïcödé", lambda t: "A" * 16000,
], ids=["empty", "one letter", "upper case", "newline", "blank", "short", "long", "colon", "two dots", "NUL", "a JWT",
        "not ASCII", "very long"])
def test_review_text_that_is_no_token_of_ours_is_a_cacheable_refusal(server, token, make):
    assert_plain_refusal(server.review(make(token)))


@pytest.mark.parametrize("data", [
    {"usage_bootstrap_authentication": "True"}, {"usage_bootstrap_authentication": None},
    {"usage_bootstrap_authentication": "true\n"}, {"token_id": "zzzzzz"}, {"token_id": None},
    {"auth_extra_groups": "system:masters"}, {"auth_extra_groups": "system:bootstrappers"},
    {"auth_extra_groups": "system:bootstrappers:a, system:bootstrappers:b"},
    {"expiration": "2020-01-02T03:04:05Z"}, {"expiration": "tomorrow"},
    {"kind": "Opaque"}, {"deleted": True},
], ids=str)
def test_review_secret_that_fails_one_rule_is_a_cacheable_refusal(server, data):
    token = server.put(kit.new_token(), **data)
    marker = server.new_token()  # written later: when it is known, the first one has been read too
    assert server.accepts(marker)
    assert_plain_refusal(server.review(token))


@pytest.mark.parametrize("data", [{"namespace": "default"}, {"namespace": None}, {"name": "bootstrap-token-other1"}],
                         ids=str)
def test_review_secret_in_the_wrong_place_is_not_known(server, data):
    token = server.put(kit.new_token(), **data)
    server.new_token()
    status = server.review(token)["status"]
    assert not status.get("authenticated") and status["error"]


@pytest.mark.parametrize("data", [{}, {"expiration": "2099-01-02T03:04:05Z"}, {"expiration": ""},
                                  {"expiration": "2099-01-02T03:04:05.5+01:00"}, {"auth_extra_groups": ""},
                                  {"usage_bootstrap_signing": "false"}, {"description": "x" * 1000}], ids=str)
def test_review_secret_that_keeps_every_rule_is_accepted(server, data):
    assert server.accepts(server.new_token(**data))


def test_review_unknown_id_is_an_error_that_is_not_cached(server):
    status = server.review(kit.new_token())["status"]
    assert not status.get("authenticated")
    assert status["error"] and not status.get("user") and not status.get("audiences")


def test_review_token_created_after_it_was_asked_for_works_at_once(server):
    token = kit.new_token()
    assert server.review(token)["status"]["error"]
    server.put(token)
    server.wait_accepts(token)


def test_review_unknown_token_answer_refuse_looks_like_a_wrong_secret(start_server):
    known = kit.new_token()
    server = start_server("--unknown-token-answer=refuse", tokens=[known])
    unknown = server.request("POST", "/authenticate", kit.review_body(kit.new_token()))
    wrong = server.request("POST", "/authenticate", kit.review_body(known[:7] + kit.new_token()[7:]))
    assert_plain_refusal(unknown.json())
    assert unknown.body == wrong.body
    hide = {"date"}
    assert {k: v for k, v in unknown.headers.items() if k not in hide} == \
        {k: v for k, v in wrong.headers.items() if k not in hide}
    assert server.accepts(known)


@pytest.mark.parametrize("asked,granted", [
    (None, None), ([], None), ([API_AUDIENCE], [API_AUDIENCE]),
    (["other", API_AUDIENCE, "more"], [API_AUDIENCE]), ([API_AUDIENCE, API_AUDIENCE], [API_AUDIENCE] * 2),
])
def test_review_audiences_are_the_intersection(server, token, asked, granted):
    status = server.review(token, audiences=asked)["status"]
    assert status["authenticated"] is True
    assert (status.get("audiences") or None) == granted


@pytest.mark.parametrize("count", [64, 65, 1024])
def test_review_many_audiences_are_answered(server, token, count):
    """kube-apiserver takes any number; a service may ask for all of its tenants."""
    others = [f"https://tenant-{i}.example.com" for i in range(count - 1)]
    status = server.review(token, audiences=[*others, API_AUDIENCE])["status"]
    assert status["authenticated"] is True and status["audiences"] == [API_AUDIENCE]
    assert_plain_refusal(server.review(token, audiences=[*others, "other"]))


@pytest.mark.parametrize("asked", [["other"], ["", "a"], [API_AUDIENCE + "/"], [API_AUDIENCE.upper()]])
def test_review_foreign_audience_is_a_cacheable_refusal(server, token, asked):
    assert_plain_refusal(server.review(token, audiences=asked))


def test_review_unknown_id_for_a_foreign_audience_is_not_even_looked_up(server):
    assert_plain_refusal(server.review(kit.new_token(), audiences=["other"]))


def test_review_api_audiences_option_is_what_counts(start_server):
    token = kit.new_token()
    server = start_server("--api-audiences=a,b", "--api-audiences=c", tokens=[token])
    assert server.review(token, audiences=["c", "x", "a"])["status"]["audiences"] == ["c", "a"]
    assert_plain_refusal(server.review(token, audiences=[API_AUDIENCE]))
    server.wait_log("audience_mismatch")


def test_review_unknown_members_are_ignored(server, token):
    body = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {"creationTimestamp": None, "x": [1]},
            "spec": {"token": token, "future": {"deep": [{}, [], -1.5e3, "é"]}}, "status": {"user": {}}, "Spec": {"token": "y"},
            "more": True}
    response = server.request("POST", "/authenticate", json.dumps(body))
    assert response.json()["status"]["authenticated"] is True


def test_review_last_of_duplicate_members_counts(server, token):
    body = ('{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":"x","token":"%s"}}' % token)
    assert server.request("POST", "/authenticate", body).json()["status"]["authenticated"] is True


def test_review_escaped_token_is_the_same_token(server, token):
    escaped = "".join(f"\\u{ord(c):04x}" for c in token)
    body = '{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":"%s"}}' % escaped
    assert server.request("POST", "/authenticate", body).json()["status"]["authenticated"] is True


def test_review_reply_is_json_and_has_no_redirect_or_retry(server, token):
    for asked in (token, kit.new_token(), "x"):
        response = server.request("POST", "/authenticate", kit.review_body(asked))
        assert response.status == 200
        assert response.headers["content-type"].split(";")[0] == "application/json"
        assert not {"location", "retry-after", "set-cookie"} & set(response.headers)


def test_review_token_that_expires_is_refused_at_that_instant(server):
    token = server.new_token(expiration=kit.rfc3339(3))
    assert server.accepts(token)
    with server.connect() as connection:
        kit.eventually(lambda: not connection.review(token)["status"].get("authenticated"), "the token expires", timeout=10)
        expiry = datetime.datetime.strptime(re.search(
            r'expiration: "([^"]+)"', (server.manifests / f"{token[:6]}.yaml").read_text()).group(1), "%Y-%m-%dT%H:%M:%SZ")
        late = (kit.utc_now() - expiry).total_seconds()
        assert 0 <= late < 0.3 * kit.SLOW, f"refused {late} s after it expired"
        assert_plain_refusal(connection.review(token))


def test_review_before_the_first_sync_asks_to_come_back(start_server, tmp_path):
    """A file that is still being written holds the first sync back: 503 with retryAfterSeconds, readyz fails."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    token = kit.new_token()
    # The mark of a file that may not be whole: its time of change is now. Somebody goes on writing for a while.
    path = folder / "slow.yaml"
    stop = threading.Event()

    def writer():
        with open(path, "w") as file:
            while not stop.wait(0.002):
                file.write("# still writing\n")
                file.flush()
            file.write(kit.secret_manifest(token))

    thread = threading.Thread(target=writer)
    thread.start()
    try:
        kit.eventually(path.exists, "the writer has begun")
        server = start_server(manifests=folder, wait=False)
        server.wait_ports()
        response = server.request("POST", "/authenticate", kit.review_body(token))
        status = response.assert_status_body(503, "ServiceUnavailable")
        assert status["details"]["retryAfterSeconds"] == 1
        assert response.headers["retry-after"] == "1"
        # what no family of tokens has to be told more for
        assert_plain_refusal(server.request("POST", "/authenticate", kit.review_body("of-no-form")).json())
        assert server.get("/readyz").status == 500
        assert server.get("/livez").status == 200
    finally:
        stop.set()
        thread.join()
    server.wait_ready()
    server.wait_accepts(token)
