# SPDX-License-Identifier: Apache-2.0
"""TLS: versions, suites, resumption, client certificates and who needs one."""
import re
import ssl
from pathlib import Path

import pytest
from cryptography import x509

import kit

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("version,name", [(V12, "TLSv1.2"), (V13, "TLSv1.3")])
def test_tls_both_versions_are_spoken(server, token, version, name):
    context = kit.client_context(server.authority.pem, maximum=version, minimum=version)
    with server.connect(context=context) as connection:
        assert connection.socket.version() == name
        assert connection.review(token)["status"]["authenticated"] is True


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_older_versions_are_refused(server, version):
    context = kit.client_context(server.authority.pem, ciphers="ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = version, version
    with pytest.raises((ssl.SSLError, OSError)):
        server.connect(context=context)


def test_tls_min_version_13_refuses_12(start_server):
    token = kit.new_token()
    server = start_server("--tls-min-version=VersionTLS13", tokens=[token])
    assert server.accepts(token)
    with pytest.raises((ssl.SSLError, OSError)):
        server.connect(context=kit.client_context(server.authority.pem, maximum=V12))


def test_tls_cipher_suites_narrow_12(start_server):
    token = kit.new_token()
    server = start_server("--tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", tokens=[token])
    with server.connect(context=kit.client_context(server.authority.pem, maximum=V12)) as connection:
        assert connection.socket.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
        assert connection.review(token)["status"]["authenticated"] is True
    for refused in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        with pytest.raises((ssl.SSLError, OSError)):
            server.connect(context=kit.client_context(server.authority.pem, maximum=V12, ciphers=refused))
    assert server.accepts(token), "TLS 1.3 is not concerned"


@pytest.mark.parametrize("weak", ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
                                  "NULL", "aNULL"])
def test_tls_weak_suites_are_not_offered(server, weak):
    with pytest.raises((ssl.SSLError, OSError)):
        server.connect(context=kit.client_context(server.authority.pem, maximum=V12, ciphers=weak + ":@SECLEVEL=0"))


def test_tls_client_checks_the_certificate(server):
    with pytest.raises(ssl.SSLCertVerificationError):
        server.connect(ca_pem=kit.Authority("other").pem)


def resume(server, context, client_first=None):
    """A connection that got a session to resume."""
    with server.connect(context=context) as connection:
        connection.request("GET", "/livez")
        session = connection.socket.session
        assert session is not None
    return session


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_tls_session_is_resumed(server, token, version):
    context = kit.client_context(server.authority.pem, maximum=version, minimum=version)
    session = resume(server, context)
    before = server.metric("kube_bearer_tls_handshakes_total", kind="resumed")
    with server.connect(context=context, session=session) as connection:
        assert connection.review(token)["status"]["authenticated"] is True
        assert connection.socket.session_reused
    kit.eventually(lambda: server.metric("kube_bearer_tls_handshakes_total", kind="resumed") == before + 1, "counted")


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_tls_session_tickets_can_be_switched_off(start_server, version):
    server = start_server("--tls-session-tickets=false")
    context = kit.client_context(server.authority.pem, maximum=version, minimum=version)
    with server.connect(context=context) as connection:
        connection.request("GET", "/livez")
        session = connection.socket.session
    with server.connect(context=context, session=session if session and session.has_ticket else None) as connection:
        assert connection.request("GET", "/livez").status == 200
        assert not connection.socket.session_reused


def test_tls_failed_handshake_is_counted(server):
    before = server.metric("kube_bearer_tls_handshake_failures_total")
    with kit.Connection(server.port) as connection:
        connection.send(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.is_closed_by_peer()
    kit.eventually(lambda: server.metric("kube_bearer_tls_handshake_failures_total") > before, "counted")


# --- client certificates -------------------------------------------------------------------------------------

class Clients:
    def __init__(self, folder, authority):
        self.folder, self.authority, self.count = folder, authority, 0

    def issue(self, authority=None, **options):
        self.count += 1
        options.setdefault("addresses", ())
        options.setdefault("names", ())
        options.setdefault("client", True)
        certificate, key = (authority or self.authority).issue(**options)
        paths = self.folder / f"client{self.count}.crt", self.folder / f"client{self.count}.key"
        paths[0].write_text(certificate)
        paths[1].write_text(key)
        return str(paths[0]), str(paths[1])


@pytest.fixture
def clients(tmp_path):
    return Clients(tmp_path, kit.Authority("client CA"))


@pytest.fixture
def guarded(start_server, clients, tmp_path):
    """A server that wants client certificates, but of scrapes only when asked to."""
    def start(*arguments, scrape="--metrics-require-client-certificate=false", **options):
        ca = tmp_path / "client-ca.crt"
        ca.write_text(clients.authority.pem)
        token = kit.new_token()
        server = start_server(f"--client-ca-file={ca}", *filter(None, [scrape]), *arguments, tokens=[token], **options)
        server.token, server.client_ca_file = token, ca
        return server
    return start


def ask(server, client=None, path="/authenticate", **options):
    return server.request("POST", path, kit.review_body(server.token), client=client, **options)


@pytest.mark.parametrize("path", kit.REVIEW_PATHS)
def test_client_certificate_of_the_ca_may_ask(guarded, clients, path):
    server = guarded()
    assert ask(server, clients.issue(common_name="kube-apiserver"), path).json()["status"]["authenticated"] is True


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
@pytest.mark.parametrize("path", kit.REVIEW_PATHS)
def test_client_certificate_missing_is_401(guarded, path, version):
    server = guarded()
    context = kit.client_context(server.authority.pem, maximum=version)
    ask(server, None, path, context=context).assert_status_body(401, "Unauthorized")
    assert server.metric("kube_bearer_client_certificates_refused_total", reason="missing") == 1


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_client_certificate_of_another_ca_is_refused(guarded, clients, version):
    """By the handshake or by a 401, but never answered."""
    server = guarded()
    context = kit.client_context(server.authority.pem, clients.issue(kit.Authority("foreign")), maximum=version)
    try:
        ask(server, context=context).assert_status_body(401, "Unauthorized")
        assert server.metric("kube_bearer_client_certificates_refused_total", reason="untrusted") == 1
    except (ssl.SSLError, OSError, kit.Closed):
        pass


@pytest.mark.parametrize("options", [{"seconds": -60}, {"client": False}], ids=["expired", "a serving certificate"])
def test_client_certificate_that_is_not_good_is_refused(guarded, clients, options):
    server = guarded()
    try:
        ask(server, clients.issue(**options)).assert_status_body(401, "Unauthorized")
    except (ssl.SSLError, OSError, kit.Closed):
        pass
    assert server.metric("kube_bearer_token_reviews_total") == 0


def refusals(server):
    return [line for line in server.log().splitlines() if '"Client certificate refused"' in line]


@pytest.mark.parametrize("issue,reason,problem", [
    ({"seconds": -60}, "expired", "expired"),
    ({"begins": 3600}, "not_yet_valid", "not yet valid"),
    ({"client": False}, "wrong_usage", "intended purpose"),
    ({"authority": kit.Authority("foreign"), "seconds": -60}, "untrusted", "issuer is unknown"),
    ({}, "name", None),
], ids=["expired", "not valid yet", "a serving certificate", "another CA's, and expired", "another name"])
def test_client_certificate_refused_is_told_by_reason(guarded, clients, issue, reason, problem):
    server = guarded("--client-allowed-names=kube-apiserver")
    client = clients.issue(common_name='some"body\x1b', **issue)
    with server.connect(client=client) as connection:
        port = connection.socket.getsockname()[1]
        response = connection.request("POST", "/authenticate", kit.review_body(server.token))
    response.assert_status_body(*((403, "Forbidden") if reason == "name" else (401, "Unauthorized")))
    assert server.metric("kube_bearer_client_certificates_refused_total", reason=reason) == 1
    assert server.metric("kube_bearer_client_certificates_refused_total") == 1, "counted once"
    line, = refusals(server)
    certificate = x509.load_pem_x509_certificate(Path(client[0]).read_bytes())
    fields = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line))
    assert fields["reason"] == reason and fields["client"] == f"127.0.0.1:{port}"
    assert fields["issuer"].startswith("CN=") and int(fields["serial"], 16) == certificate.serial_number
    assert fields["expires"] == f"{certificate.not_valid_after:%Y-%m-%dT%H:%M:%SZ}"
    assert fields["subject"].startswith("CN=some") and "\x1b" not in line, "what the peer chose is escaped"
    assert problem in fields["problem"] if problem else "problem" not in fields


def test_client_certificate_refused_floods_of_one_reason_hide_no_other(guarded, clients):
    server = guarded("--client-allowed-names=kube-apiserver", "--workers=1")
    with server.connect(client=clients.issue(seconds=-60)) as connection:
        for _ in range(50):
            connection.request("POST", "/authenticate", kit.review_body(server.token))
    assert 10 <= len(refusals(server)) < 50
    server.wait_log(r'"Client certificate refusals held back" reason="expired" dropped=\d+')
    ask(server, clients.issue())
    assert 'reason="name"' in refusals(server)[-1]
    assert server.metric("kube_bearer_client_certificates_refused_total", reason="expired") == 50


@pytest.mark.parametrize("issue,allowed", [
    ({"common_name": "kube-apiserver"}, True), ({"common_name": "somebody", "names": ("webhook.client",)}, True),
    ({"common_name": "somebody"}, False), ({"common_name": "kube-apiserver2"}, False),
    ({"common_name": "Kube-apiserver"}, False), ({"common_name": "x", "names": ("a.webhook.client",)}, False),
], ids=str)
def test_client_certificate_names_narrow_who_may_ask(guarded, clients, issue, allowed):
    server = guarded("--client-allowed-names=kube-apiserver,webhook.client")
    response = ask(server, clients.issue(**issue))
    if allowed:
        assert response.json()["status"]["authenticated"] is True
    else:
        response.assert_status_body(403, "Forbidden")
        assert server.metric("kube_bearer_client_certificates_refused_total", reason="name") == 1


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/readyz/ping", "/version"])
def test_client_certificate_is_not_needed_for_health(guarded, path):
    assert guarded(scrape=None).get(path).status == 200


@pytest.mark.parametrize("scrape", [None, "--metrics-require-client-certificate"])
def test_client_certificate_is_needed_for_metrics_unless_opened(guarded, clients, scrape):
    server = guarded(scrape=scrape)
    server.get("/metrics").assert_status_body(401, "Unauthorized")
    assert server.get("/metrics", client=clients.issue()).status == 200
    try:
        server.get("/metrics", client=clients.issue(kit.Authority("foreign"))).assert_status_body(401, "Unauthorized")
    except (ssl.SSLError, OSError, kit.Closed):
        pass  # OpenSSL's client shows none when the server names other CAs; see above
    assert server.get("/readyz").status == 200


def test_client_certificate_names_narrow_who_may_scrape(guarded, clients):
    server = guarded("--client-allowed-names=kube-apiserver,prometheus", scrape=None)
    assert server.get("/metrics", client=clients.issue(common_name="prometheus")).status == 200
    server.get("/metrics", client=clients.issue(common_name="somebody")).assert_status_body(403, "Forbidden")


def test_client_certificate_is_not_needed_for_metrics_that_were_opened(guarded):
    server = guarded(scrape="--metrics-require-client-certificate=false")
    assert server.get("/metrics").status == 200
    server.request("POST", "/authenticate", kit.review_body(server.token)).assert_status_body(401, "Unauthorized")


def test_client_certificate_is_not_needed_on_the_health_listener(guarded):
    """It is plain HTTP: nobody could show one."""
    server = guarded("--health-bind-address=127.0.0.1:0", scrape=None)
    assert server.health_port and server.health("/metrics").status == 200
    assert server.get("/metrics").status == 404


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_client_certificate_resumed_session_still_counts(guarded, clients, version):
    server = guarded()
    context = kit.client_context(server.authority.pem, clients.issue(), maximum=version, minimum=version)
    session = resume(server, context)
    with server.connect(context=context, session=session) as connection:
        assert connection.review(server.token)["status"]["authenticated"] is True
        assert connection.socket.session_reused


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_client_certificate_resumption_after_the_ca_changed_is_refused(guarded, clients, version):
    """GnuTLS does not verify a resumed session by itself: the server must."""
    server = guarded()
    context = kit.client_context(server.authority.pem, clients.issue(), maximum=version, minimum=version)
    session = resume(server, context)
    other = kit.Authority("new client CA")
    known = clients.issue(other)
    kit.replace_file(server.client_ca_file, other.pem)
    kit.eventually(lambda: ask(server, known).status == 200, "the new CA is in force")
    try:
        with server.connect(context=context, session=session) as connection:
            connection.request("POST", "/authenticate", kit.review_body(server.token)).assert_status_body(401, "Unauthorized")
    except (ssl.SSLError, OSError, kit.Closed):
        pass
    # ... and one that had no certificate cannot gain by resuming
    bare = kit.client_context(server.authority.pem, maximum=version, minimum=version)
    with server.connect(context=bare, session=resume(server, bare)) as connection:
        connection.request("POST", "/authenticate", kit.review_body(server.token)).assert_status_body(401, "Unauthorized")


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_client_certificate_open_connection_is_checked_against_the_ca_in_force(guarded, clients, version):
    server = guarded()
    context = kit.client_context(server.authority.pem, clients.issue(), maximum=version, minimum=version)
    with server.connect(context=context) as connection:
        assert connection.review(server.token)["status"]["authenticated"] is True
        other = kit.Authority("new client CA")
        known = clients.issue(other)
        kit.replace_file(server.client_ca_file, other.pem)
        kit.eventually(lambda: _status(server, known) == 200, "the new CA is in force")
        connection.request("POST", "/authenticate", kit.review_body(server.token)).assert_status_body(401, "Unauthorized")
        kit.replace_file(server.client_ca_file, clients.authority.pem + other.pem)
        kit.eventually(lambda: _status(server, clients.issue()) == 200, "both CAs are in force")
        assert connection.review(server.token)["status"]["authenticated"] is True


def _status(server, client):
    try:
        return ask(server, client).status
    except (ssl.SSLError, OSError, kit.Closed):
        return None


def test_client_certificate_ca_that_cannot_be_read_keeps_the_old_one(guarded, clients):
    server = guarded()
    client = clients.issue()
    kit.replace_file(server.client_ca_file, "not a certificate\n")
    server.wait_log("reload failed")
    assert ask(server, client).json()["status"]["authenticated"] is True
    ask(server).assert_status_body(401, "Unauthorized")
    assert server.metric("kube_bearer_certificate_reloads_total", result="failure") >= 1
