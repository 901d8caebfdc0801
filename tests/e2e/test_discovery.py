# SPDX-License-Identifier: Apache-2.0
"""The real kubectl finds TokenReview on kube-bearer itself: create, validation, explain."""
import os
import subprocess

import pytest
import yaml

import kit
import kit_cluster

REVIEW = "apiVersion: authentication.k8s.io/{version}\nkind: TokenReview\nspec:\n  token: {token}\n"


@pytest.fixture(scope="module")
def bearer(tmp_path_factory):
    token = kit.new_token()
    server = kit.Server(tmp_path_factory.mktemp("bearer"), tokens=[token])
    server.token = token
    yield server
    server.stop()


@pytest.fixture
def kubectl(bearer, binaries, tmp_path):
    ca = tmp_path / "ca.crt"
    ca.write_text(bearer.authority.pem)
    config = tmp_path / "kubeconfig"
    config.write_text(kit_cluster.kubeconfig(f"https://127.0.0.1:{bearer.port}", ca, token="TEST-ONLY"))

    def run(*arguments, stdin=None):
        return subprocess.run([binaries / "kubectl", f"--kubeconfig={config}", *arguments], input=stdin, capture_output=True,
                              text=True, timeout=60, check=False, env={**os.environ, "HOME": str(tmp_path)})
    return run


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_kubectl_create_prints_the_answer(bearer, kubectl, version):
    done = kubectl("create", "-f", "-", "-o", "yaml", stdin=REVIEW.format(version=version, token=bearer.token))
    assert done.returncode == 0, done.stderr
    review = yaml.safe_load(done.stdout)
    assert review["status"]["authenticated"] is True and review["spec"]["token"] == ""
    assert review["status"]["user"]["username"] == f"system:bootstrap:{bearer.token.split('.')[0]}"


def test_kubectl_create_of_an_unknown_token(kubectl):
    done = kubectl("create", "-f", "-", "-o", "yaml", stdin=REVIEW.format(version="v1", token=kit.new_token()))
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["status"] == {"authenticated": False, "error": "token not known (yet)"}


def test_kubectl_refuses_a_member_that_nobody_knows(bearer, kubectl):
    """Before it sends anything: it has read the schema."""
    reviews = bearer.metric("kube_bearer_token_reviews_total")
    done = kubectl("create", "-f", "-", stdin=REVIEW.format(version="v1", token="x").replace("token:", "tokn:"))
    assert done.returncode == 1 and 'unknown field "tokn"' in done.stderr
    assert bearer.metric("kube_bearer_token_reviews_total") == reviews


def test_kubectl_explains(kubectl):
    done = kubectl("explain", "tokenreview.status.user")
    assert done.returncode == 0, done.stderr
    assert "extra" in done.stdout and "map[string][]string" in done.stdout
    listed = kubectl("api-resources", "--no-headers")
    assert listed.stdout.split() == ["tokenreviews", "authentication.k8s.io/v1", "false", "TokenReview"]
    versions = kubectl("api-versions")
    assert versions.stdout.split() == ["authentication.k8s.io/v1", "authentication.k8s.io/v1beta1"]
