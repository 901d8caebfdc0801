# SPDX-License-Identifier: Apache-2.0
"""The serving certificate is replaced while clients ask: no request fails, and the new one is soon seen."""
import os
import shutil
import ssl
import time

import pytest

import kit


def served_serial(server):
    with server.connect() as connection:
        return connection.socket.getpeercert()["serialNumber"]


def serial_of(pem):
    from cryptography import x509
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def wait_served(server, pem):
    want = serial_of(pem)
    kit.eventually(lambda: int(served_serial(server), 16) == want, "the new certificate is served")


class Asker:
    """Asks on a connection it keeps, and on a new one each time."""

    def __init__(self, server, token):
        self.server, self.token = server, token

    def on_new_connection(self):
        assert self.server.accepts(self.token)

    def kept(self):
        connection = None

        def ask():
            nonlocal connection
            connection = connection or self.server.connect()
            assert connection.review(self.token)["status"]["authenticated"] is True
        return ask


def overwrite(server, certificate, key):
    """Written in place, key first: what `cp` does. In between the pair does not match."""
    server.key_file.write_text(key)
    server.cert_file.write_text(certificate)


def rename(server, certificate, key):
    kit.replace_file(server.key_file, key)
    kit.replace_file(server.cert_file, certificate)


@pytest.mark.parametrize("write", [overwrite, rename])
def test_reload_certificate_under_load(start_server, write):
    token = kit.new_token()
    server = start_server(tokens=[token])
    asker = Asker(server, token)
    with kit.Load(asker.on_new_connection, threads=2) as new, kit.Load(asker.kept(), threads=1) as kept:
        for _ in range(5):
            certificate, key = server.authority.issue()
            write(server, certificate, key)
            wait_served(server, certificate)
            new.wait_for(5)
            kept.wait_for(5)
    assert server.metric("kube_bearer_certificate_reloads_total", result="success") >= 5


def make_mount(folder, certificate, key):
    """The layout of a Secret that the kubelet mounts: tls.crt -> ..data/tls.crt, ..data -> ..2026_x"""
    folder.mkdir(exist_ok=True)
    version = folder / f"..{os.urandom(6).hex()}"
    version.mkdir()
    (version / "tls.crt").write_text(certificate)
    (version / "tls.key").write_text(key)
    temporary = folder / "..data_tmp"
    temporary.symlink_to(version.name)
    old = (folder / "..data").resolve() if (folder / "..data").exists() else None
    os.replace(temporary, folder / "..data")
    for name in ("tls.crt", "tls.key"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    if old:
        shutil.rmtree(old)


def test_reload_certificate_by_symlink_swap_under_load(start_server, authority, tmp_path):
    mount, token = tmp_path / "mount", kit.new_token()
    make_mount(mount, *authority.issue())
    server = start_server(f"--tls-cert-file={mount}/tls.crt", f"--tls-private-key-file={mount}/tls.key", tokens=[token])
    asker = Asker(server, token)
    with kit.Load(asker.on_new_connection, threads=2) as new, kit.Load(asker.kept(), threads=1) as kept:
        for _ in range(5):
            certificate, key = authority.issue()
            make_mount(mount, certificate, key)
            wait_served(server, certificate)
            new.wait_for(5)
            kept.wait_for(5)


def test_reload_certificate_by_swapped_directory_symlink(start_server, authority, tmp_path):
    """A symlink further up the path."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        certificate, key = authority.issue()
        (tmp_path / name / "tls.crt").write_text(certificate)
        (tmp_path / name / "tls.key").write_text(key)
    (tmp_path / "live").symlink_to("one")
    server = start_server(f"--tls-cert-file={tmp_path}/live/tls.crt", f"--tls-private-key-file={tmp_path}/live/tls.key")
    (tmp_path / "live.new").symlink_to("two")
    os.replace(tmp_path / "live.new", tmp_path / "live")
    wait_served(server, (tmp_path / "two" / "tls.crt").read_text())


@pytest.mark.parametrize("broken", ["not PEM", "key of another", "certificate gone", "key gone", "empty"])
def test_reload_broken_pair_keeps_the_old_one_and_says_so(start_server, broken):
    token = kit.new_token()
    server = start_server(tokens=[token])
    serial = served_serial(server)
    certificate, key = server.authority.issue()
    if broken == "not PEM":
        kit.replace_file(server.cert_file, kit.canary() + "\n")
    elif broken == "key of another":
        kit.replace_file(server.key_file, key)
    elif broken == "certificate gone":
        server.cert_file.unlink()
    elif broken == "key gone":
        server.key_file.unlink()
    else:
        kit.replace_file(server.cert_file, "")
    server.wait_log("reload failed")
    assert served_serial(server) == serial
    assert server.accepts(token)
    assert server.metric("kube_bearer_certificate_reloads_total", result="failure") >= 1
    page = server.get("/readyz?verbose")
    assert page.status == 200, "a server that still serves the old one stays in service"
    assert "reload failed" in page.text
    rename(server, certificate, key)
    wait_served(server, certificate)
    kit.eventually(lambda: "reload failed" not in server.get("/readyz?verbose").text, "readyz has recovered")


def test_reload_certificate_expiry_is_a_metric(start_server):
    server = start_server()
    certificate, key = server.authority.issue(days=400)
    before = server.metric("kube_bearer_certificate_not_after_timestamp_seconds")
    assert 25 * 86400 < before - time.time() < 31 * 86400
    rename(server, certificate, key)
    kit.eventually(lambda: server.metric("kube_bearer_certificate_not_after_timestamp_seconds") > before + 300 * 86400,
                   "the metric follows")


def test_reload_expired_serving_certificate_fails_readyz(start_server):
    server = start_server()
    kit.eventually(lambda: server.get("/readyz").status == 200, "ready")
    certificate, key = server.authority.issue(seconds=2)
    rename(server, certificate, key)
    context = kit.client_context(server.authority.pem)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the client of a probe does not verify either
    kit.eventually(lambda: server.get("/readyz", context=context).status == 500, "readyz fails")
    assert server.get("/livez", context=context).status == 200
    assert "serving-certificate" in server.get("/readyz", context=context).text
    rename(server, *server.authority.issue())
    kit.eventually(lambda: server.get("/readyz", context=context).status == 200, "readyz recovers")


def test_reload_certificate_that_clients_refuse_is_named(start_server):
    """In the log at each reload, and as a remark in readyz: others than kube-apiserver may take it."""
    server = start_server()
    assert "[+]serving-certificate ok\n" in server.get("/readyz?verbose").text
    context = kit.client_context(server.authority.pem)
    context.check_hostname = False
    for certificate, reason, says in (
            (server.authority.issue(names=(), addresses=()), "no_san", "x509: certificate relies on legacy Common Name field"),
            (server.authority.issue(client=True), "wrong_usage", "x509: certificate specifies an incompatible key usage")):
        context.verify_mode = ssl.CERT_NONE
        rename(server, *certificate)
        server.wait_log(f'"Clients will refuse the serving certificate" reason="{reason}"')
        line, = [line for line in server.log().splitlines() if f'reason="{reason}"' in line]
        assert f'file="{server.cert_file}"' in line and f'kubeAPIServerSays="{says}' in line and 'mend="issue it' in line
        remark = server.get("/readyz?verbose", context=context)
        assert remark.status == 200 and "[+]serving-certificate ok: the certificate " in remark.text
        assert f'kube-apiserver says "{says}' in remark.text and "issue it" in remark.text


def test_reload_serving_certificate_that_is_not_valid_yet_fails_readyz(start_server):
    server = start_server()
    context = kit.client_context(server.authority.pem)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    rename(server, *server.authority.issue(begins=3600))
    server.wait_log('reason="not_yet_valid"')
    failed = server.get("/readyz", context=context)
    assert failed.status == 500 and "[-]serving-certificate failed: the certificate is not valid before" in failed.text
    assert server.get("/livez", context=context).status == 200


def test_start_with_a_certificate_that_clients_refuse_is_logged(start_server, authority):
    server = start_server(certificate=authority.issue(names=(), addresses=()), wait=False)
    server.wait_ports()
    server.wait_log('"Clients will refuse the serving certificate" reason="no_san"')


def test_reload_key_type_may_change(start_server, authority):
    """From an EC pair to an RSA pair."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    import datetime
    import ipaddress
    server = start_server()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = kit.utc_now()
    certificate = (x509.CertificateBuilder().subject_name(authority.name).issuer_name(authority.name)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=2))
                   .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
                   .sign(authority.key, hashes.SHA256()))
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    rename(server, pem, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                          serialization.NoEncryption()).decode())
    wait_served(server, pem)
