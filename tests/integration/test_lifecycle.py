# SPDX-License-Identifier: Apache-2.0
"""Start, end, addresses, and what the process leaves behind."""
import contextlib
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import kit


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_lifecycle_signal_ends_with_status_0(start_server, number):
    server = start_server()
    server.stop(number=number)
    assert server.process.returncode == 0


def test_lifecycle_drain_fails_readyz_first_and_closes_every_reply(start_server):
    token = kit.new_token()
    server = start_server("--shutdown-delay-duration=3s", tokens=[token])
    with server.connect() as kept, server.connect() as watcher:
        assert kept.review(token)["status"]["authenticated"] is True
        assert watcher.request("GET", "/readyz").status == 200
        server.process.send_signal(signal.SIGTERM)
        kit.eventually(lambda: server.get("/readyz").status == 500, "readyz fails")
        assert "shutdown" in server.get("/readyz").text
        assert server.get("/livez").status == 200
        response = kept.request("POST", "/authenticate", kit.review_body(token))
        assert response.json()["status"]["authenticated"] is True
        assert response.headers["connection"].lower() == "close"
        assert kept.is_closed_by_peer()
        for asked in (token, "x", kit.new_token()):  # new connections are still served
            response = server.request("POST", "/authenticate", kit.review_body(asked))
            assert response.status == 200 and response.headers["connection"].lower() == "close"
        response = server.request("POST", "/authenticate", "{")
        assert response.status == 400 and response.headers["connection"].lower() == "close"
    server.stop()


def test_lifecycle_replies_do_not_close_before_the_drain(server, token):
    for asked in (token, "x", kit.new_token()):
        response = server.request("POST", "/authenticate", kit.review_body(asked))
        assert response.headers.get("connection", "keep-alive").lower() != "close"


def test_lifecycle_second_signal_ends_at_once(start_server):
    server = start_server("--shutdown-delay-duration=60s")
    server.process.send_signal(signal.SIGTERM)
    kit.eventually(lambda: server.get("/readyz").status == 500, "draining")
    start = time.monotonic()
    server.stop(number=signal.SIGTERM)
    assert time.monotonic() - start < 5 * kit.SLOW


def test_lifecycle_sigquit_skips_the_delay_and_leaves_no_core(start_server):
    unlimited = ["sh", "-c", 'ulimit -c "$(ulimit -H -c)" && exec "$@"', "sh"]
    server = start_server("--shutdown-delay-duration=60s", wrapper=unlimited)
    server.stop(number=signal.SIGQUIT)
    assert re.search(r'"Signal received, shutting down" signal=3 name="SIGQUIT" .*delayMs=0', server.log())
    assert not list(server.folder.glob("*core*"))


IGNORED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO, signal.SIGPWR,
           signal.SIGXCPU, signal.SIGRTMIN + 3)


def test_lifecycle_signals_of_habit_are_logged_and_ignored(start_server):
    token = kit.new_token()
    server = start_server(tokens=[token])
    for number in IGNORED:
        server.process.send_signal(number)
        server.wait_log(rf'"Signal received, ignored" signal={int(number)} name="SIG[A-Z0-9+]+" '
                        rf'senderPid={os.getpid()} senderUid={os.getuid()}')
    assert server.accepts(token)


def test_lifecycle_signals_of_habit_do_not_flood_the_log(start_server):
    server = start_server()
    for _ in range(300):
        server.process.send_signal(signal.SIGRTMIN)  # these are not merged
    server.process.send_signal(signal.SIGTERM)
    server.wait_end()
    assert 1 <= server.log().count("Signal received, ignored") < 100


def test_lifecycle_file_size_limit_is_an_error_of_the_write(start_server):
    """What is past a limit (SIGXFSZ) cannot be logged, and that is counted; the answers go on."""
    token = kit.new_token()
    server = start_server("-v=5", tokens=[token])
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (8192, 8192))  # now: a sanitizer writes files at its start
    kit.eventually(lambda: server.accepts(token) and server.metric("kube_bearer_log_write_failures_total") > 0,
                   "lines that could not be written")
    assert server.accepts(token)


# --- SIGHUP ---------------------------------------------------------------------------------------------------

def test_lifecycle_sighup_says_that_nothing_has_changed(start_server):
    token = kit.new_token()
    server = start_server(tokens=[token])
    scans = server.metric("kube_bearer_store_reloads_total", result="success")
    line = server.hang_up()
    assert line.startswith("I") and line.endswith('certificates="unchanged" manifests="unchanged"'), line
    assert f'name="SIGHUP" senderPid={os.getpid()}' in line
    assert server.metric("kube_bearer_store_reloads_total", result="success") == scans + 1
    assert server.accepts(token)


def test_lifecycle_sighup_reads_what_no_event_told(start_server, tmp_path):
    """Files that are written by another of their names: no event is in the directories that are watched."""
    folder, elsewhere = tmp_path / "server", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "manifests").mkdir(parents=True)
    old, token = kit.new_token(), kit.new_token()
    authority = kit.Authority()
    certificate, key = authority.issue()
    for name, text in (("tls.crt", certificate), ("tls.key", key), ("manifests/a.yaml", kit.secret_manifest(old))):
        (elsewhere / os.path.basename(name)).write_text(text)
        os.link(elsewhere / os.path.basename(name), folder / name)
    server = start_server(folder=folder, authority=authority)
    assert server.accepts(old)
    certificate, key = authority.issue()
    (elsewhere / "tls.crt").write_text(certificate)
    (elsewhere / "tls.key").write_text(key)
    (elsewhere / "a.yaml").write_text(kit.secret_manifest(token))
    line = server.hang_up()
    # a manifest that was changed this moment is read a moment later
    assert re.search(r'certificates="ok" manifests="(ok|the file is still being written)"$', line), line
    with server.connect() as connection:
        assert connection.socket.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(certificate)
    server.wait_accepts(token)
    assert not server.accepts(old)


def test_lifecycle_sighup_names_what_is_wrong_each_time(start_server):
    token, other = kit.new_token(), kit.new_token()
    server = start_server(tokens=[token])
    server.key_file.write_text(server.authority.issue()[1])
    (server.manifests / "broken.yaml").write_text("kind: [\n")
    server.wait_log("Manifest problem")
    server.wait_log("Certificate reload failed")
    for _ in range(2):
        line = server.hang_up()
        assert line.startswith("W") and f'certificates="failed: {server.key_file}: the private key does not belong to' in line, line
        assert f'manifests="failed: {server.manifests}/broken.yaml:2:1: ' in line, line
        assert server.accepts(token)
    server.put(other)
    server.wait_accepts(other)


def test_lifecycle_sighup_during_the_start_is_held(start_server, tmp_path):
    """While the first scan runs nothing but a request to end ends it; what came is done when it can be."""
    token = kit.new_token()
    folder = tmp_path / "server"
    (folder / "manifests").mkdir(parents=True)
    for number in range(2000):
        (folder / "manifests" / f"{number}.yaml").write_text(kit.secret_manifest(kit.new_token()))
    server = start_server(folder=folder, tokens=[token], wait=False)
    server.wait_ports()
    for number in (signal.SIGHUP, *IGNORED):
        server.process.send_signal(number)
    server.wait_ready()
    server.wait_log(r"everything read again")
    assert server.accepts(token)


def test_lifecycle_sigterm_under_load_loses_no_request(start_server):
    """A request that the server has read is answered; a connection may be closed only between requests."""
    token = kit.new_token()
    server = start_server("--shutdown-delay-duration=1s", tokens=[token])
    broken, answered, stop = [], [0], threading.Event()

    def client():
        connection = None
        while not stop.is_set():
            try:
                connection = connection or server.connect()
            except (OSError, ssl.SSLError):
                if server.process.poll() is not None or stop.wait(0.01):
                    return
                continue
            try:
                connection.send(kit.http_bytes("POST", "/authenticate", kit.review_body(token)))
                response = connection.read_response()
            except kit.Closed as error:
                if connection.buffer or "short" in str(error):
                    broken.append(f"half a reply: {error}")
                connection = None
                continue
            except OSError:
                connection = None
                continue
            if response.status != 200 or not response.json()["status"].get("authenticated"):
                broken.append(repr(response))
            answered[0] += 1
            if response.headers.get("connection", "").lower() == "close":
                if not connection.is_closed_by_peer():
                    broken.append("said close, did not")
                connection.close()
                connection = None

    threads = [threading.Thread(target=client) for _ in range(6)]
    for thread in threads:
        thread.start()
    kit.eventually(lambda: answered[0] > 100, "load")
    server.process.send_signal(signal.SIGTERM)
    try:
        server.wait_end()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not broken, broken[:3]


def test_lifecycle_running_request_finishes(start_server):
    """Half of a request is there when the signal comes; the other half follows and is answered."""
    token = kit.new_token()
    server = start_server("--shutdown-grace-duration=10s", tokens=[token])
    data = kit.http_bytes("POST", "/authenticate", kit.review_body(token))
    with server.connect() as connection:
        connection.send(data[:-20])
        connection_before = server.metric("kube_bearer_connections")
        assert connection_before >= 1
        server.process.send_signal(signal.SIGTERM)
        server.wait_log("shutting down")
        connection.send(data[-20:])
        response = connection.read_response()
        assert response.json()["status"]["authenticated"] is True
        assert response.headers["connection"].lower() == "close"
    server.stop()


def half_sent(server, stack, token):
    """A request whose end has not been sent, and that end."""
    data = kit.http_bytes("POST", "/authenticate", kit.review_body(token))
    connection = stack.enter_context(server.connect())
    assert connection.review(token)["status"]["authenticated"] is True  # the server has it
    connection.send(data[:-20])
    return connection, data[-20:]


@pytest.mark.parametrize("delay,numbers", [
    ("0s", [signal.SIGTERM, signal.SIGINT]), ("0s", [signal.SIGQUIT, signal.SIGQUIT]),
    ("60s", [signal.SIGTERM, signal.SIGTERM, signal.SIGINT]), ("60s", [signal.SIGQUIT, signal.SIGTERM]),
], ids=["in the grace", "SIGQUIT in the grace", "in the delay and in the grace", "after SIGQUIT"])
def test_regress_10_signal_in_the_grace_ends_at_once(start_server, delay, numbers):
    """The last of these cuts a request that would have had minutes; none before it does."""
    token = kit.new_token()
    server = start_server(f"--shutdown-delay-duration={delay}", "--shutdown-grace-duration=5m", tokens=[token])
    with contextlib.ExitStack() as stack:
        connection, _ = half_sent(server, stack, token)
        for count, number in enumerate(numbers):
            assert not connection.is_closed_by_peer(within=0.05)
            server.process.send_signal(number)
            kit.eventually(lambda: server.log().count('"Signal received') == count + 1, "it is logged")
        assert connection.is_closed_by_peer() and connection.buffer == b""
        server.wait_end()
    assert "cutting off what still runs" in server.log().splitlines()[-2]


def test_regress_10_revocation_in_the_grace_counts(start_server):
    """The last requests are answered from what is true now, and SIGHUP is no signal to end."""
    token, other = kit.new_token(), kit.new_token()
    server = start_server("--shutdown-grace-duration=5m", tokens=[token, other])
    with contextlib.ExitStack() as stack:
        running = [half_sent(server, stack, token), half_sent(server, stack, other)]
        idle = stack.enter_context(server.connect())
        server.process.send_signal(signal.SIGTERM)
        assert idle.is_closed_by_peer(), "the grace has begun"
        (server.manifests / f"{token.split('.')[0]}.yaml").unlink()
        (server.manifests / "later.yaml").write_text("kind: [\n")
        server.wait_log("Manifest problem", "what came behind the deletion is read")
        server.hang_up()
        for (connection, rest), good in zip(running, (False, True)):
            connection.send(rest)
            assert connection.read_response().json()["status"].get("authenticated") is good
    server.wait_end()


def test_lifecycle_grace_is_bounded(start_server):
    """A request that never comes to its end does not hold the process."""
    server = start_server("--shutdown-grace-duration=1s")
    with server.connect() as connection:
        connection.send(b"POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        start = time.monotonic()
        server.stop()
        assert time.monotonic() - start < 4 * kit.SLOW


@pytest.mark.parametrize("bind,works,fails", [("", ["127.0.0.1", "::1"], []), ("::", ["127.0.0.1", "::1"], []),
                                              ("127.0.0.1", ["127.0.0.1"], ["::1", "127.0.0.2"]), ("::1", ["::1"], ["127.0.0.1"])])
def test_lifecycle_addresses(start_server, bind, works, fails):
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6 on this machine")
    token = kit.new_token()
    server = start_server(tokens=[token], bind=bind, wait=False)
    server.wait_ports()
    for address in works:
        kit.eventually(lambda: server.review(token, address=address)["status"].get("authenticated"), f"by {address}")
    for address in fails:
        with pytest.raises(OSError):
            server.connect(address=address)


def test_lifecycle_two_servers_share_a_machine_and_nothing_else(start_server):
    one, two = start_server(), start_server()
    token, other = one.new_token(), two.new_token()
    assert one.accepts(token) and two.accepts(other)
    assert not one.accepts(other) and not two.accepts(token)
    one.stop()
    assert two.accepts(other)


def test_lifecycle_taken_port_is_one_line_and_status_1(start_server, tmp_path):
    server = start_server()
    command = [str(kit.binary()), *server.arguments, f"--secure-port={server.port}"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30 * kit.SLOW)
    assert run.returncode == 1
    errors = [line for line in run.stderr.splitlines() if line.startswith("kube-bearer ")]
    assert len(errors) == 1 and errors[0].startswith("kube-bearer serve: cannot listen") and str(server.port) in errors[0], \
        run.stderr


def test_lifecycle_port_file_is_whole(start_server):
    server = start_server()
    assert json.loads(server.port_file.read_text())["secure"] == server.port


def test_lifecycle_port_file_does_not_write_through_a_link(start_server, tmp_path):
    """Whoever may write in the directory of the port file could have any file of ours truncated."""
    folder = tmp_path / "server"
    folder.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    (folder / "ports.json.tmp").symlink_to(victim)
    server = start_server(folder=folder)
    assert victim.read_text() == "precious\n"
    assert json.loads(server.port_file.read_text()) == {"secure": server.port, "health": 0}
    assert not server.port_file.is_symlink() and not os.path.lexists(folder / "ports.json.tmp")


def test_lifecycle_leaves_no_core_file(start_server):
    server = start_server()
    limits = open(f"/proc/{server.process.pid}/limits").read()
    assert re.search(r"Max core file size\s+0\s+0\s", limits), limits
    # not dumpable: /proc/PID belongs to root, and nobody else may attach
    if os.getuid() != 0:
        assert os.stat(f"/proc/{server.process.pid}/environ").st_uid == 0


def test_lifecycle_thousands_of_requests_leave_no_descriptors_or_memory(start_server):
    token = kit.new_token()
    server = start_server(tokens=[token])
    folder = f"/proc/{server.process.pid}/fd"

    def rss_kib():
        return int(re.search(r"RssAnon:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read()).group(1))

    def round_of_clients(count):
        for _ in range(count):
            assert server.accepts(token)

    round_of_clients(100)
    descriptors, memory = len(os.listdir(folder)), rss_kib()
    round_of_clients(300)
    kit.eventually(lambda: len(os.listdir(folder)) <= descriptors + 1, "descriptors are given back")
    if kit.SLOW == 1:
        assert rss_kib() < memory + 1024, "KiB"


@pytest.mark.parametrize("arguments,expected", [
    (["--frobnicate"], "frobnicate"), (["--secure-prt=1"], "secure-port"), (["--secure-port=x"], "secure-port"),
    (["--secure-port=70000"], "secure-port"), (["--workers=0"], "workers"), (["--idle-timeout=5"], "idle-timeout"),
    (["--unknown-token-answer=maybe"], "error"), (["--tls-cert-file=/nonexistent/x.crt"], "/nonexistent/x.crt"),
    (["--manifests=/nonexistent"], "/nonexistent"), (["--bind-address=nowhere"], "bind-address"),
    (["--tls-cipher-suites=NULL"], "tls-cipher-suites"), (["extra"], ""),
    (["--client-allowed-names=x"], "client-ca-file"), (["--config=/nonexistent.yaml"], "/nonexistent.yaml"),
], ids=str)
def test_lifecycle_bad_option_stops_the_start_with_one_line(start_server, arguments, expected):
    server = start_server(*arguments, wait=False)
    server.wait_end(expect=kit.NOT_ZERO)
    log = server.log()
    assert expected in log and len(log.strip().splitlines()) <= 2, log


def test_lifecycle_config_file_and_flags_win(start_server, tmp_path):
    config = tmp_path / "kube-bearer.yaml"
    config.write_text("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nunknownTokenAnswer: refuse\nworkers: 3\n")
    server = start_server(f"--config={config}")
    assert not server.review(kit.new_token())["status"].get("error")
    other = start_server(f"--config={config}", "--unknown-token-answer=error")
    assert other.review(kit.new_token())["status"]["error"]


@pytest.mark.parametrize("text,where", [
    ("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nworker: 3\n", ":3:"),
    ("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nworkers: many\n", ":3:"),
    ("apiVersion: kube-bearer/v1\nkind: Configuration\n", ":1:"),
    ("apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nworkers: 1\nworkers: 2\n", ":4:"),
    ("apiVersion: kube-bearer/v1alpha1\nkind: [\n", ":"),
])
def test_lifecycle_bad_config_file_says_file_and_line(start_server, tmp_path, text, where):
    config = tmp_path / "kube-bearer.yaml"
    config.write_text(text)
    server = start_server(f"--config={config}", wait=False)
    server.wait_end(expect=kit.NOT_ZERO)
    assert f"kube-bearer.yaml{where}" in server.log(), server.log()
