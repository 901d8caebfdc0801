# SPDX-License-Identifier: Apache-2.0
"""ServiceAccount tokens by files alone: what operators see of their keys and objects. What the tokens get, tests/e2e holds against
kube-apiserver."""
import subprocess

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import kit
from kit import replace_file

ACCOUNTS = "".join(f"---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}, namespace: ns, uid: {name}}}\n"
                   for name in ("a", "b"))


def public_key():
    return ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def test_keys_and_objects_are_told_to_operators(start_server, tmp_path):
    """A key file that is broken later: the old keys serve, and log, readyz and metrics say so, until it is mended."""
    keys = tmp_path / "sa.pub"
    replace_file(keys, public_key())
    server = start_server("--service-account-issuer=https://issuer.example", f"--service-account-key-file={keys}",
                          "--service-account-lookup-nodes=false")
    (server.manifests / "accounts.yaml").write_text(ACCOUNTS)
    own = {"cluster": ""}

    def failing():
        return server.metric("kube_bearer_service_account_keys_failing", **own)

    kit.eventually(lambda: server.metric("kube_bearer_service_account_objects", kind="service_accounts", **own) == 2, "two accounts")
    assert server.metric("kube_bearer_service_account_keys", **own) == 1
    assert server.metric("kube_bearer_verified_tokens") == 0
    assert failing() == 0
    assert "[+]keys ok\n" in server.get("/readyz?verbose").text

    replace_file(keys, "no key\n")
    kit.eventually(lambda: failing() == 1, "the broken file")
    assert server.metric("kube_bearer_service_account_keys", **own) == 1
    page = server.get("/readyz/keys?verbose")
    assert page.status == 200 and "[+]keys ok: no keys could be had since 2" in page.text, page.text
    assert str(keys) not in page.text
    server.wait_log(f'"Verification keys problem" cluster="" source="{keys}"')

    replace_file(keys, public_key() + public_key())
    kit.eventually(lambda: server.metric("kube_bearer_service_account_keys", **own) == 2, "two keys")
    assert failing() == 0
    server.wait_log('"Verification keys problem resolved" cluster=""')


def test_check_config_says_whose_tokens_are_answered(start_server, tmp_path):
    server = start_server()
    keys = tmp_path / "sa.pub"
    replace_file(keys, public_key())
    (server.manifests / "accounts.yaml").write_text(ACCOUNTS)
    command = [kit.binary(), "check-config", f"--manifests={server.manifests}", f"--tls-cert-file={server.cert_file}",
               f"--tls-private-key-file={server.key_file}", "--service-account-issuer=https://issuer.example",
               f"--service-account-key-file={keys}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (f"ServiceAccount tokens of this cluster: issuer https://issuer.example; keys: 1 of {keys}; "
            "looked up: 2 ServiceAccounts, 0 Pods, 0 Nodes, 0 token Secrets\n") in done.stdout
    replace_file(keys, "no key\n")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and str(keys) in done.stderr, done.stderr
