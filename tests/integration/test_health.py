# SPDX-License-Identifier: Apache-2.0
"""Health pages, metrics, version."""
import json
import math
import subprocess

import pytest

import kit


@pytest.mark.parametrize("page", ["livez", "readyz", "healthz"])
def test_health_page_says_ok(server, page):
    response = server.get(f"/{page}")
    assert (response.status, response.text) == (200, "ok")
    assert response.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("page", ["livez", "readyz", "healthz"])
def test_health_verbose_lists_the_checks(server, page):
    text = server.get(f"/{page}?verbose").text
    assert "[+]ping ok\n" in text and text.rstrip().endswith(f"{page} check passed")
    assert ("[+]informer-sync ok" in text) == (page == "readyz")


def test_health_exclude_leaves_out(server):
    assert "[+]ping excluded: ok" in server.get("/readyz?verbose&exclude=ping").text
    text = server.get("/readyz?exclude=ping&exclude=shutdown&verbose=1").text
    assert "[+]shutdown excluded: ok" in text
    unknown = server.get("/readyz?verbose&exclude=nothing")
    assert unknown.status == 200 and "nothing" in unknown.text


def test_health_single_checks(server):
    names = [line[3:].split(" ")[0] for line in server.get("/readyz?verbose").text.splitlines() if line.startswith("[+]")]
    assert {"ping", "informer-sync", "shutdown"} <= set(names)
    for name in names:
        response = server.get(f"/readyz/{name}")
        assert (response.status, response.text) == (200, "ok")
    assert server.get("/readyz/nothing").status == 404
    assert server.get("/livez/ping").status == 200


def test_health_bind_address_moves_the_pages(start_server):
    token = kit.new_token()
    server = start_server("--health-bind-address=127.0.0.1:0", tokens=[token])
    assert server.health_port and server.health_port != server.port
    for path in ("/livez", "/readyz", "/healthz", "/metrics"):
        assert server.health(path).status == 200
        server.get(path).assert_status_body(404, "NotFound")
    with kit.Connection(server.health_port) as connection:
        connection.request("POST", "/authenticate", kit.review_body(token)).assert_status_body(404, "NotFound")
    assert server.accepts(token)


def test_metrics_page_is_well_formed_and_complete(server, token):
    assert server.accepts(token)
    server.review("x")
    response = server.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = {name for name, _ in kit.parse_metrics(response.text)}
    for name in ("kube_bearer_token_reviews_total", "kube_bearer_token_review_duration_seconds_bucket",
                 "kube_bearer_tls_handshakes_total", "kube_bearer_tls_handshake_failures_total", "kube_bearer_connections",
                 "kube_bearer_bootstrap_tokens", "kube_bearer_certificate_not_after_timestamp_seconds",
                 "kube_bearer_store_last_reload_timestamp_seconds", "kube_bearer_store_last_reload_successful",
                 "kube_bearer_clock_steps_total", "kube_bearer_build_info", "process_cpu_seconds_total",
                 "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"):
        assert name in names, name


def test_metrics_reviews_are_counted_by_result_and_reason(server, token):
    wrong = token[:7] + kit.new_token()[7:]
    asked = [(token, dict(authenticator="bootstrap", result="allow")),
             (wrong, dict(authenticator="bootstrap", result="deny", reason="token_secret_mismatch")),
             (kit.new_token(), dict(authenticator="bootstrap", result="error", reason="unknown_token_id")),
             ("x", dict(result="deny", reason="unrecognized_token")), ("", dict(result="deny", reason="empty_token"))]
    for question, labels in asked:
        before = server.metric("kube_bearer_token_reviews_total", **labels)
        durations = server.metric("kube_bearer_token_review_duration_seconds_count")
        server.review(question)
        assert server.metric("kube_bearer_token_reviews_total", **labels) == before + 1, labels
        assert server.metric("kube_bearer_token_review_duration_seconds_count") == durations + 1


def test_metrics_histogram_is_cumulative_and_finer_than_a_millisecond(server, token):
    server.accepts(token)
    page = server.metrics()
    buckets = sorted((float(dict(labels)["le"]), value) for (name, labels), value in page.items()
                     if name == "kube_bearer_token_review_duration_seconds_bucket")
    assert buckets[-1][0] == math.inf and len([b for b, _ in buckets if b < 0.001]) >= 3
    counts = [value for _, value in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == page[("kube_bearer_token_review_duration_seconds_count", frozenset())] > 0
    assert page[("kube_bearer_token_review_duration_seconds_sum", frozenset())] > 0


def test_metrics_connections_and_handshakes_move(server):
    before, accepted = server.metric("kube_bearer_tls_handshakes_total"), server.metric("kube_bearer_connections_accepted_total")
    open_before = server.metric("kube_bearer_connections")
    held = [server.connect() for _ in range(3)]
    for connection in held:
        assert connection.request("GET", "/livez").status == 200
    assert server.metric("kube_bearer_connections") >= open_before + 3
    assert server.metric("kube_bearer_tls_handshakes_total") >= before + 3
    assert server.metric("kube_bearer_connections_accepted_total") >= accepted + 3
    for connection in held:
        connection.close()
    kit.eventually(lambda: server.metric("kube_bearer_connections") <= open_before, "they have ended")


def test_metrics_http_codes_are_counted(server):
    before = {code: server.metric("kube_bearer_http_requests_total", code=code) for code in ("400", "404", "405", "415")}
    server.request("POST", "/authenticate", "x")
    server.get("/nothing")
    server.get("/authenticate")
    server.request("POST", "/authenticate", "x", {"Content-Type": "text/plain"})
    for code, count in before.items():
        assert server.metric("kube_bearer_http_requests_total", code=code) == count + 1, code


def test_version_page_and_command_agree(server):
    page = server.get("/version").json()
    command = json.loads(subprocess.run([kit.binary(), "version", "-o", "json"], capture_output=True, text=True, timeout=30,
                                        check=True).stdout)
    assert page == command
    assert "gitVersion" in page or "version" in page
