# SPDX-License-Identifier: Apache-2.0
"""A component that delegates authentication asks kube-bearer in place of kube-apiserver: kube-controller-manager's /metrics."""
import kit
import kit_cluster
import pytest

SCRAPERS = "system:bootstrappers:scrapers"


@pytest.fixture(scope="module")
def cluster(start_cluster):
    """kube-apiserver itself has no webhook here: it only says what a user may do."""
    cluster = start_cluster(webhook=False)
    bearer = cluster.start_bearer()
    # The client appends /apis/authentication.k8s.io/v1/tokenreviews to the server's URL, as it would for kube-apiserver.
    asking = cluster.write_kubeconfig("asking", server=bearer.url.removesuffix("/authenticate"), client=cluster.admin_client)
    cluster.start_controller_manager(
        "csrsigning", f"--authentication-kubeconfig={asking}", "--authentication-skip-lookup",
        f"--authorization-kubeconfig={cluster.admin_kubeconfig}")
    cluster.kubectl("create", "clusterrolebinding", "e2e-scrapers", "--clusterrole=system:monitoring", f"--group={SCRAPERS}")
    return cluster


def scrape(cluster, token):
    """(status, body) of the controller manager's /metrics"""
    api = kit_cluster.Api(cluster.address, kit_cluster.CONTROLLER_MANAGER_PORT, cluster.authority.pem)
    status, _, body = api.raw("GET", "/metrics", headers={"Authorization": f"Bearer {token}"} if token else {})
    return status, body


def test_bootstrap_token_reads_metrics(cluster):
    token = cluster.new_token(auth_extra_groups=SCRAPERS)
    status, body = kit.eventually(lambda: (answer := scrape(cluster, token))[0] == 200 and answer, "the scrape", interval=0.05)
    assert b"# TYPE " in body
    assert cluster.whoami(token) is None  # kube-apiserver knows nothing of such tokens


def test_wrong_secret_is_refused(cluster):
    token = cluster.new_token(auth_extra_groups=SCRAPERS)
    cluster.bearers[0].wait_accepts(token)
    assert scrape(cluster, token[:7] + kit.new_token()[7:])[0] == 401
    assert scrape(cluster, kit.new_token())[0] == 401
    assert scrape(cluster, token)[0] == 200


def test_rights_come_from_the_groups(cluster):
    """Known, and told so: 403 names the user that kube-bearer said."""
    token = cluster.new_token()
    cluster.bearers[0].wait_accepts(token)
    status, body = scrape(cluster, token)
    assert status == 403 and f"system:bootstrap:{token[:6]}".encode() in body, (status, body)


def test_nobody_is_asked_without_a_token(cluster):
    assert scrape(cluster, None)[0] == 403  # anonymous
