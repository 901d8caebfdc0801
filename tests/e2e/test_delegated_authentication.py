# SPDX-License-Identifier: Apache-2.0
"""A component that delegates authentication asks kube-bearer in place of kube-apiserver: kube-controller-manager's /metrics."""
import kit
import pytest

SCRAPERS = "system:bootstrappers:scrapers"


@pytest.fixture(scope="module")
def cluster(start_cluster):
    """kube-apiserver itself has no webhook here: it only says what a user may do."""
    cluster = start_cluster(webhook=False)
    bearer = cluster.start_bearer()
    cluster.start_controller_manager("csrsigning", *cluster.delegation_flags(bearer))
    cluster.kubectl("create", "clusterrolebinding", "e2e-scrapers", "--clusterrole=system:monitoring", f"--group={SCRAPERS}")
    return cluster


def test_bootstrap_token_reads_metrics(cluster):
    token = cluster.new_token(auth_extra_groups=SCRAPERS)
    status, body = kit.eventually(lambda: (answer := cluster.scrape(token))[0] == 200 and answer, "the scrape", interval=0.05)
    assert b"# TYPE " in body
    assert cluster.whoami(token) is None  # kube-apiserver knows nothing of such tokens


def test_wrong_secret_is_refused(cluster):
    token = cluster.new_token(auth_extra_groups=SCRAPERS)
    cluster.bearers[0].wait_accepts(token)
    assert cluster.scrape(token[:7] + kit.new_token()[7:])[0] == 401
    assert cluster.scrape(kit.new_token())[0] == 401
    assert cluster.scrape(token)[0] == 200


def test_rights_come_from_the_groups(cluster):
    """Known, and told so: 403 names the user that kube-bearer said."""
    token = cluster.new_token()
    cluster.bearers[0].wait_accepts(token)
    status, body = cluster.scrape(token)
    assert status == 403 and f"system:bootstrap:{token[:6]}".encode() in body, (status, body)


def test_nobody_is_asked_without_a_token(cluster):
    assert cluster.scrape()[0] == 403  # anonymous
