# SPDX-License-Identifier: Apache-2.0
"""The other subcommands: review (by an engine of its own, and of a server), check-config, webhook-config, version, help."""
import json
import subprocess

import pytest

import kit


def run(*arguments, stdin="", check=None):
    done = subprocess.run([str(kit.binary()), *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          timeout=30 * kit.SLOW)
    for mark in kit.SANITIZER_MARKS:
        assert mark not in done.stderr, done.stderr
    kit.assert_no_canary((done.stdout + done.stderr).encode(), "what a command printed")
    if check is not None:
        assert done.returncode == check, (done.returncode, done.stdout, done.stderr)
    return done


@pytest.fixture
def manifests(tmp_path):
    folder = tmp_path / "manifests"
    folder.mkdir()

    def put(**data):
        token = kit.new_token()
        (folder / f"{token[:6]}.yaml").write_text(kit.secret_manifest(token, **data))
        return token
    folder_put = type("Manifests", (), {"path": folder, "put": staticmethod(put)})
    return folder_put


def test_review_prints_exactly_what_the_server_sends(server, token):
    wrong = token[:7] + kit.new_token()[7:]
    for asked in (token, wrong, kit.new_token(), "x", ""):
        for version in ("v1", "v1beta1"):
            body = kit.review_body(asked, [kit.API_AUDIENCE, "other"], version)
            sent = server.request("POST", "/authenticate", body)
            own = run("review", f"--manifests={server.manifests}", "-f", "-", stdin=body)
            assert own.stdout.rstrip("\n") == sent.text.rstrip("\n")
            asked_server = run("review", f"--server=https://127.0.0.1:{server.port}/authenticate",
                               f"--certificate-authority={ca_file(server)}", "-f", "-", stdin=body)
            assert asked_server.stdout.rstrip("\n") == sent.text.rstrip("\n"), asked_server.stderr


def ca_file(server):
    path = server.folder / "ca.crt"
    path.write_text(server.authority.pem)
    return path


def test_review_of_a_token_file(manifests, tmp_path):
    token = manifests.put()
    file = tmp_path / "token"
    for text in (token, token + "\n"):
        file.write_text(text)
        reply = json.loads(run("review", f"--manifests={manifests.path}", f"--token-file={file}", check=0).stdout)
        assert reply["status"]["authenticated"] is True
    assert json.loads(run("review", f"--manifests={manifests.path}", "--token-file=-", f"--audience={kit.API_AUDIENCE}",
                          stdin=token, check=0).stdout)["status"]["audiences"] == [kit.API_AUDIENCE]
    reply = json.loads(run("review", f"--manifests={manifests.path}", "--token-file=-", "--audience=x", stdin=token).stdout)
    assert not reply["status"].get("authenticated")


def test_review_at_another_instant(manifests):
    token = manifests.put(expiration="2030-01-02T03:04:05Z")
    for instant, good in (("2030-01-02T03:04:04Z", True), ("2030-01-02T03:04:05Z", False), ("2031-01-01T00:00:00Z", False)):
        reply = json.loads(run("review", f"--manifests={manifests.path}", "--token-file=-", f"--at={instant}",
                               stdin=token).stdout)
        assert bool(reply["status"].get("authenticated")) is good, instant


@pytest.mark.parametrize("data,text", [
    ({"expiration": "2020-01-02T03:04:05Z"}, "expir"), ({"usage_bootstrap_authentication": "yes"}, "usage"),
    ({"auth_extra_groups": "x"}, "group"), ({"kind": "Opaque"}, "type"), ({"deleted": True}, "delet"),
])
def test_review_explain_says_where_it_stopped(manifests, data, text):
    token = manifests.put(**data)
    page = run("review", f"--manifests={manifests.path}", "--token-file=-", "-o", "explain", stdin=token).stdout
    assert "bootstrap" in page and text in page.lower(), page
    assert token[7:] not in page


def test_review_never_takes_a_token_on_the_command_line(manifests):
    token = manifests.put()
    done = run("review", f"--manifests={manifests.path}", token)
    assert done.returncode != 0
    done = run("review", f"--manifests={manifests.path}", f"--token-file={token}")
    assert done.returncode != 0, "and a token in the place of a file name is not repeated (the canary check)"


def test_review_of_a_server_checks_its_certificate(server, token, tmp_path):
    other = tmp_path / "other.crt"
    other.write_text(kit.Authority().pem)
    done = run("review", f"--server=https://127.0.0.1:{server.port}/authenticate", f"--certificate-authority={other}",
               "--token-file=-", stdin=token)
    assert done.returncode != 0 and "authenticated" not in done.stdout


def test_check_config_says_yes_and_no(server, tmp_path):
    config = tmp_path / "c.yaml"
    good = (f"apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nmanifests: {server.manifests}\n"
            f"tlsCertFile: {server.cert_file}\ntlsPrivateKeyFile: {server.key_file}\n")
    config.write_text(good)
    assert run("check-config", f"--config={config}").returncode == 0
    config.write_text(good + "worker: 1\n")
    done = run("check-config", f"--config={config}")
    assert done.returncode != 0 and "c.yaml:6:" in done.stderr + done.stdout


def test_check_config_says_when_descriptors_are_too_few(server):
    command = [str(kit.binary()), "check-config", f"--manifests={server.manifests}", f"--tls-cert-file={server.cert_file}",
               f"--tls-private-key-file={server.key_file}", "--workers=1"]

    def within(files):
        return subprocess.run(["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *command], capture_output=True, text=True,
                              timeout=30 * kit.SLOW)
    done = within(256)
    assert done.returncode == 0 and "warning: --max-connections: lowered from 10000 to 120:" in done.stderr, done.stderr
    done = within(140)
    assert done.returncode == 1 and "check-config: --max-connections: only 4 fit:" in done.stderr, done.stderr
    assert "--max-connections" not in run(*command[1:], "--max-connections=100", check=0).stderr


def test_check_config_lists_every_manifest_problem(server, tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.yaml").write_text("kind: [\n")
    config = tmp_path / "c.yaml"
    config.write_text(f"apiVersion: kube-bearer/v1alpha1\nkind: Configuration\nmanifests: {folder}\n"
                      f"tlsCertFile: {server.cert_file}\ntlsPrivateKeyFile: {server.key_file}\n")
    done = run("check-config", f"--config={config}")
    for name in ("a.yaml:", "b.yaml:", "c.yaml:"):
        assert name in done.stdout + done.stderr
    assert done.returncode != 0


def test_webhook_config_is_a_kubeconfig_that_fits(server):
    import yaml
    done = run("webhook-config", f"--server=https://127.0.0.1:{server.port}/authenticate",
               f"--certificate-authority={ca_file(server)}", check=0)
    config = yaml.safe_load(done.stdout)
    assert (config["kind"], config["apiVersion"]) == ("Config", "v1")
    context = {c["name"]: c["context"] for c in config["contexts"]}[config["current-context"]]
    cluster = {c["name"]: c["cluster"] for c in config["clusters"]}[context["cluster"]]
    assert cluster["server"] == f"https://127.0.0.1:{server.port}/authenticate"
    assert cluster["certificate-authority"] == str(ca_file(server))


def test_version_and_help(tmp_path):
    assert run("version", check=0).stdout.strip()
    page = run("help", check=0).stdout
    for command in ("serve", "check-config", "review", "version", "help"):
        assert command in page
    for command in ("serve", "check-config", "review"):
        assert "--" in run(command, "--help", check=0).stdout
    done = run("srve")
    assert done.returncode != 0 and "serve" in done.stderr and len(done.stderr.strip().splitlines()) <= 2
    assert run().returncode != 0
