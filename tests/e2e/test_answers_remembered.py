# SPDX-License-Identifier: Apache-2.0
"""Which answers kube-apiserver remembers. It may remember for ten minutes here, so what it asks again it has not kept."""
import kit
import kit_cluster
import pytest


@pytest.fixture(scope="module")
def cluster(start_cluster):
    cluster = start_cluster(webhook_cache_ttl="10m")
    cluster.start_bearer()
    return cluster


def asked(cluster, **labels):
    return cluster.bearers[0].metric("kube_bearer_token_reviews_total", **labels)


def test_token_asked_for_before_its_secret_exists(cluster):
    token = kit.new_token()
    for number in (1, 2):
        assert cluster.whoami(token) is None
        assert asked(cluster, reason="unknown_token_id") == number, "not known is asked again"
    cluster.put_token(token)
    user = kit.eventually(lambda: cluster.whoami(token), "the new token is accepted", interval=0.02)
    assert user["username"] == f"system:bootstrap:{token[:6]}"


def test_secret_deleted_and_made_again(cluster):
    """Its ID is unknown in between, so the new secret works at once although the old token is remembered."""
    old = cluster.new_token()
    kit.eventually(lambda: cluster.whoami(old), "accepted", interval=0.02)
    cluster.delete_token(old)
    cluster.bearers[0].wait_refuses(old)
    new = old[:7] + kit.new_token()[7:]
    assert cluster.whoami(new) is None
    cluster.put_token(new)
    kit.eventually(lambda: cluster.whoami(new), "the new secret is accepted", interval=0.02)
    assert cluster.whoami(old) is not None  # for ten minutes: the price of a long TTL


def test_wrong_secret_is_remembered(cluster):
    bearer = cluster.bearers[0]
    token = cluster.new_token()
    bearer.wait_accepts(token)
    wrong = token[:7] + kit.new_token()[7:]
    assert cluster.whoami(wrong) is None
    before = asked(cluster)
    for _ in range(5):
        assert cluster.whoami(wrong) is None
    assert asked(cluster) == before, "a wrong secret is asked about once"

    # Made right behind the API server's back, it stays refused there; kube-bearer itself accepts it.
    cluster.patch_token(token, token_secret=wrong[7:])
    bearer.wait_accepts(wrong)
    assert cluster.whoami(wrong) is None
    assert cluster.admin.get(kit_cluster.secret_path(token))["data"]


def test_yes_is_remembered(cluster):
    token = cluster.new_token()
    kit.eventually(lambda: cluster.whoami(token), "accepted", interval=0.02)
    before = asked(cluster)
    for _ in range(5):
        assert cluster.whoami(token)
    assert asked(cluster) == before


def test_unknown_token_answer_refuse(start_cluster):
    """The other side of the trade-off: nobody learns which IDs exist, and a token asked for too early waits for the TTL."""
    cluster = start_cluster(webhook_cache_ttl="10m")
    bearer = cluster.start_bearer("--unknown-token-answer=refuse")
    token = kit.new_token()
    assert cluster.whoami(token) is None
    cluster.put_token(token)
    bearer.wait_accepts(token)
    assert cluster.whoami(token) is None
