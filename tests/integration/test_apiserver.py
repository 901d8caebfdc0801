# SPDX-License-Identifier: Apache-2.0
"""Secrets of a Kubernetes API server, as serve, check-config and review see them. The API server is a scripted one."""
import json
import re
import time

import pytest

import kit
from apiserver_kit import ApiServer
from test_command_line import run


@pytest.fixture(params=[True, False], ids=["streaming", "paged"])
def any_api(request, tmp_path, authority):
    """An API server of today, and one that cannot stream its lists."""
    api = ApiServer(tmp_path / "api", authority, streaming=request.param)
    yield api
    api.stop()


@pytest.fixture
def api(tmp_path, authority):
    api = ApiServer(tmp_path / "api", authority)
    yield api
    api.stop()


def serve(start_server, api, *arguments, **options):
    return start_server(*arguments, store=[f"--kubeconfig={api.kubeconfig()}"], **options)


def store_line(server):
    return re.search(r"^\[.\]store .*$", server.health("/readyz?verbose").text, re.M).group(0)


# --- serving -------------------------------------------------------------------------------------------------

def test_apiserver_sighup_reads_the_files_of_the_kubeconfig(start_server, api):
    """A watch that stands makes no request, so nothing else would say now whether the new token will do."""
    token_file = api.folder / "token"
    token_file.write_text(f"{api.token}\n")
    server = start_server(store=[f"--kubeconfig={api.kubeconfig(tokenFile=str(token_file))}"])
    assert server.hang_up().endswith('credentials="unchanged"')
    token_file.write_text(f"{kit.canary()}\n")
    assert server.hang_up().endswith('certificates="unchanged" credentials="ok"')
    token_file.write_text(" \n")
    for _ in range(2):
        assert f'credentials="failed: {token_file}: ' in server.hang_up()


def test_apiserver_changes_take_effect(start_server, any_api):
    token, other, later = kit.new_token(), kit.new_token(), kit.new_token()
    any_api.put(token)
    any_api.put(other, kind="Opaque")
    server = serve(start_server, any_api)
    assert server.accepts(token) and not server.accepts(other)
    assert server.review(later)["status"]["error"]
    any_api.put(later)
    server.wait_accepts(later)
    any_api.put(later, usage_bootstrap_authentication="false")
    server.wait_refuses(later)
    any_api.delete(token)
    server.wait_refuses(token)
    assert server.metric("kube_bearer_store_connected") == 1
    assert server.metric("kube_bearer_store_lists_total", result="success") == 1
    assert server.metric("kube_bearer_store_watches_total") >= 1
    assert server.metric("kube_bearer_store_watch_events_total") >= 3
    assert abs(server.metric("kube_bearer_store_last_contact_timestamp_seconds") - time.time()) < 5 * kit.SLOW
    assert server.metric("kube_bearer_store_objects", kind="Secret") == 1
    assert store_line(server) == "[+]store ok"
    log = server.log()
    assert f'server="{any_api.url}"' in log and "Synced" in log and "problem" not in log.replace("problems=", "")


def test_apiserver_watch_that_is_too_old_lists_anew(start_server, any_api):
    token, deleted = any_api.put(kit.new_token()), any_api.put(kit.new_token())
    server = serve(start_server, any_api)
    assert server.accepts(deleted)
    with any_api.changed:  # the deletion is forgotten before any watch has told it
        any_api.secrets.pop(f"bootstrap-token-{deleted[:6]}")
        any_api.compact()
    server.wait_refuses(deleted)
    assert server.accepts(token)


def test_apiserver_many_wrong_secrets_hide_no_loss_of_contact(start_server, api):
    for _ in range(100):
        api.put(kit.new_token(), expiration="tomorrow")
    server = serve(start_server, api)
    assert "dropped=" in server.log() and server.log().count("expiration_invalid") < 50
    api.stop()
    server.wait_log("Kubernetes API problem.*cannot watch secrets")
    api.start()


def test_apiserver_silent_watch_is_begun_anew(start_server, api):
    server = serve(start_server, api, "--watch-silence-timeout=1s")
    watches = api.watches()
    api.be_silent(True)  # as when something between the two has forgotten the connection
    token = api.put(kit.new_token())
    kit.eventually(lambda: api.watches() > watches, "another watch")
    api.be_silent(False)
    server.wait_accepts(token)


def test_apiserver_away_at_the_start_is_waited_for(start_server, api):
    token = api.put(kit.new_token())
    api.stop()
    server = serve(start_server, api, wait=False)
    server.wait_ports()
    server.wait_log("Kubernetes API problem")
    ready = server.get("/readyz?verbose")
    assert ready.status == 500 and "[-]informer-sync failed: the first synchronization of Secrets is not complete: " in ready.text
    server.request("POST", "/authenticate", kit.review_body(token)).assert_status_body(503, "ServiceUnavailable")
    assert server.get("/livez").status == 200
    api.start()
    server.wait_ready()
    assert server.accepts(token)
    server.wait_log("Kubernetes API problem resolved")
    server.wait_log("Synced")


def test_apiserver_going_away_leaves_what_was_known(start_server, api):
    token, deleted = api.put(kit.new_token()), api.put(kit.new_token())
    server = serve(start_server, api)
    asked = server.metric("kube_bearer_store_lists_total")
    with kit.Load(lambda: server.accepts(token) or pytest.fail("refused")) as load:
        api.stop()
        kit.eventually(lambda: server.metric("kube_bearer_store_connected") == 0, "contact is lost")
        server.wait_log("Kubernetes API problem")
        kit.eventually(lambda: re.fullmatch(
            r"\[\+\]store ok: no contact with the Kubernetes API server since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: .+; "
            r"answering from what was known then", store_line(server)), "the remark")
        assert server.get("/readyz").status == 200
        assert server.accepts(deleted), "nobody knows better yet"
        load.wait_for(5)
        api.delete(deleted)
        api.compact()
        api.start()
        server.wait_refuses(deleted)
        kit.eventually(lambda: server.metric("kube_bearer_store_connected") == 1, "contact is back")
        load.wait_for(5)
    server.wait_log("Kubernetes API problem resolved")
    assert store_line(server) == "[+]store ok"
    assert server.metric("kube_bearer_store_lists_total") > asked
    assert len(re.findall(r"Kubernetes API problem\b(?! resolved)", server.log())) < 10, "told once, not at every attempt"


def test_apiserver_token_file_is_read_again(start_server, api):
    token = api.put(kit.new_token())
    file = api.folder / "token"
    file.write_text(api.token)
    server = start_server(store=[f"--kubeconfig={api.kubeconfig(tokenFile=str(file))}"])
    assert server.accepts(token)
    api.token = kit.canary()
    api.cut()
    server.wait_log("Kubernetes API problem")
    kit.replace_file(file, api.token)
    later = api.put(kit.new_token())
    server.wait_accepts(later)
    server.wait_log("Kubernetes API problem resolved")


def test_apiserver_secret_that_can_hold_no_token_is_told(start_server, api):
    token = api.put(kit.new_token(), name="bootstrap-token-elsewhere")
    server = serve(start_server, api)
    server.wait_log(r"Kubernetes API problem.*secret_wrong_name")
    assert not server.accepts(token)
    assert "Manifest problem" not in server.log()


def test_apiserver_and_manifests_the_manifest_counts(start_server, api):
    mine, theirs = kit.new_token(), kit.new_token()
    theirs = mine[:7] + theirs[7:]
    api.put(theirs)
    only_there = api.put(kit.new_token())
    server = start_server(f"--kubeconfig={api.kubeconfig()}", tokens=[mine])
    assert server.accepts(mine) and server.accepts(only_there) and not server.accepts(theirs)
    server.wait_log(r"Kubernetes API problem.*duplicate.*" + mine[:6])
    assert "inputs with problems: 1;" in store_line(server)
    (server.manifests / f"{mine[:6]}.yaml").unlink()
    server.wait_accepts(theirs)
    server.wait_log(r"Kubernetes API problem resolved.*" + mine[:6])
    assert not server.accepts(mine)
    server.put(mine)
    server.wait_accepts(mine)
    api.stop()
    server.new_token()


def test_apiserver_does_not_stand_in_for_a_manifest_that_is_refused(start_server, api):
    """Disabled in a manifest, with a slip (no string): the API server's older one does not count in its place."""
    token = api.put(kit.new_token())
    server = start_server(f"--kubeconfig={api.kubeconfig()}", tokens=[kit.new_token()])
    assert server.accepts(token)
    good = kit.secret_manifest(token)
    slip = good.replace('usage-bootstrap-authentication: "true"', "usage-bootstrap-authentication: false")
    assert slip != good
    path = server.manifests / "slip.yaml"
    kit.replace_file(path, slip)
    server.wait_refuses(token)
    server.wait_log(r"Manifest problem.*usage-bootstrap-authentication")
    path.unlink()
    server.wait_accepts(token)


@pytest.mark.parametrize("text,where", [
    ("apiVersion: v1\nkind: Config\nclusters: [\n", r"kubeconfig:4:1: "),
    ("apiVersion: v1\nkind: Config\n", r"kubeconfig.*current-context"),
    ("apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
     "clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}]\n"
     "users: [{name: u, user: {exec: {command: x}}}]\n", r"kubeconfig.*exec"),
], ids=["not YAML", "no context", "exec"])
@pytest.mark.parametrize("command", ["serve", "check-config", "review"])
def test_apiserver_wrong_kubeconfig_stops_the_start(server, tmp_path, command, text, where):
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    arguments = {"review": ["--token-file=-"]}.get(command, [f"--tls-cert-file={server.cert_file}", "--secure-port=0",
                                                             f"--tls-private-key-file={server.key_file}"])
    done = run(command, f"--kubeconfig={file}", *arguments, stdin=kit.new_token())
    assert done.returncode == (2 if command == "review" else 1), done.stderr
    assert re.search(where, done.stderr.splitlines()[-1]), done.stderr


WEAK_KUBECONFIGS = [
    ({}, None),
    ({"server": "https", "insecure-skip-tls-verify": True}, "cluster.insecure-skip-tls-verify: "),
    ({"server": "http"}, "cluster.server: "),
]


@pytest.mark.parametrize("cluster,remark", WEAK_KUBECONFIGS, ids=["verified", "not verified", "no TLS"])
def test_apiserver_what_weakens_a_kubeconfig_is_remarked(start_server, api, cluster, remark):
    """Once, at the start: clientcmd leaves credentials out without a word."""
    path = api.kubeconfig()
    if cluster:
        content = json.loads(path.read_text())
        content["clusters"][0]["cluster"] = {**cluster, "server": api.url.replace("https", cluster["server"])}
        path.write_text(json.dumps(content))
    server = start_server(store=[f"--kubeconfig={path}"], wait=cluster.get("server") != "http")
    server.wait_log('"Serving"')
    said = re.findall(r'^W.*"Kubeconfig remark" file="(.*)" remark="(.*)"$', server.log(), re.M)
    assert [file for file, _ in said] == [str(path)] * (1 if remark else 0)
    assert all(text.startswith(remark) for _, text in said)
    done = check_config(server, f"--kubeconfig={path}")
    said = re.findall(rf"^kube-bearer check-config: {re.escape(str(path))}: warning: (.*)$", done.stderr, re.M)
    assert len(said) == (1 if remark else 0) and all(text.startswith(remark) for text in said), done.stderr


def test_apiserver_in_cluster_elsewhere_says_what_is_missing():
    done = run("review", "--in-cluster", "--token-file=-", stdin=kit.new_token())
    assert done.returncode == 2 and "KUBERNETES_SERVICE_HOST" in done.stderr, done.stderr


# --- check-config and review ---------------------------------------------------------------------------------

def check_config(server, *arguments):
    return run("check-config", f"--tls-cert-file={server.cert_file}", f"--tls-private-key-file={server.key_file}", *arguments)


def test_check_config_asks_the_api_server(server, api, tmp_path):
    api.put(kit.new_token())
    api.put(kit.new_token())
    done = check_config(server, f"--kubeconfig={api.kubeconfig()}")
    assert done.returncode == 0, done.stderr
    assert f"kube-apiserver: {api.url}, 2 Secrets\n" in done.stdout and "bootstrap tokens: 2 usable\n" in done.stdout
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "one.yaml").write_text(kit.secret_manifest(kit.new_token()))
    done = check_config(server, f"--kubeconfig={api.kubeconfig()}", f"--manifests={folder}")
    assert done.returncode == 0, done.stderr
    assert f"manifests: 1 files; kube-apiserver: {api.url}, 3 Secrets\n" in done.stdout


def test_check_config_tells_what_is_wrong_with_the_api_servers_secrets(server, api):
    api.put(kit.new_token(), name="bootstrap-token-elsewhere")
    done = check_config(server, f"--kubeconfig={api.kubeconfig()}")
    assert done.returncode == 1 and "bootstrap-token-" in done.stderr and "problems: 1\n" in done.stdout


def test_review_asks_the_api_server(any_api):
    token = any_api.put(kit.new_token())
    for question, status in ((token, 0), (kit.new_token(), 1), (token[:7] + kit.new_token()[7:], 1)):
        done = run("review", f"--kubeconfig={any_api.kubeconfig()}", "--token-file=-", stdin=question)
        assert done.returncode == status, done.stderr
        assert json.loads(done.stdout)["status"].get("authenticated", False) == (status == 0)
    done = run("review", f"--kubeconfig={any_api.kubeconfig()}", "--token-file=-", "-o", "explain", stdin=token)
    assert "answer: yes" in done.stdout


@pytest.mark.parametrize("broken,text", [
    (lambda api: api.stop(), ""),
    (lambda api: setattr(api, "refusal", (403, "Forbidden")), "403"),
    (lambda api: setattr(api, "token", kit.canary()), "401"),
], ids=["away", "forbidden", "unauthorized"])
def test_review_without_the_api_server_is_no_answer(api, broken, text):
    token = api.put(kit.new_token())
    kubeconfig = api.kubeconfig()
    broken(api)
    done = run("review", f"--kubeconfig={kubeconfig}", "--token-file=-", stdin=token)
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1, done.stderr
    assert api.url in done.stderr and text in done.stderr, done.stderr
