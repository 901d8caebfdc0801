# SPDX-License-Identifier: Apache-2.0
"""An etcd before 3.5.13 behind kube-apiserver, as Debian 12 has it: the API server offers a streaming list that then ends
in an error, and kube-bearer lists and watches instead."""
import re

import kit
import pytest


def lists_of_secrets(cluster):
    """How often a namespace's Secrets were listed, by kube-apiserver's own count; a streaming list is a watch to it."""
    pattern = r'apiserver_request_total\{[^}]*resource="secrets",scope="namespace"[^}]*verb="LIST"[^}]*\} (\d+)'
    return sum(map(int, re.findall(pattern, cluster.admin.get("/metrics"))))


@pytest.fixture(scope="module")
def cluster(start_cluster):
    cluster = start_cluster(etcd="etcd-3.4")
    assert cluster.etcd.version.startswith("3.4."), cluster.etcd.version
    return cluster


def test_synced_and_followed(cluster):
    there = cluster.new_token(auth_extra_groups="system:bootstrappers:old")
    bearer = cluster.start_bearer()
    assert bearer.accepts(there)  # it was ready, so what was there has come
    assert lists_of_secrets(cluster) > 0
    assert "system:bootstrappers:old" in cluster.whoami(there)["groups"]

    added = cluster.new_token()
    bearer.wait_accepts(added)
    cluster.patch_token(added, usage_bootstrap_authentication="false")
    bearer.wait_refuses(added)
    cluster.patch_token(added, usage_bootstrap_authentication="true")
    bearer.wait_accepts(added)
    cluster.delete_token(there)
    bearer.wait_refuses(there)
    assert bearer.accepts(added)


def test_synced_again_after_a_restart_of_both(cluster):
    bearer = cluster.bearers[0]
    kept, dropped = cluster.new_token(), cluster.new_token()
    bearer.wait_accepts(kept)
    bearer.wait_accepts(dropped)
    cluster.apiserver.kill()
    cluster.etcd.kill()
    assert bearer.accepts(kept)
    cluster.etcd.start()
    cluster.apiserver.start()
    cluster.delete_token(dropped)
    bearer.wait_refuses(dropped)
    fresh = cluster.new_token()
    kit.eventually(lambda: bearer.accepts(fresh), "a new token after the restart", kit.DEADLINE_SEC)
    assert bearer.accepts(kept)


def test_list_of_several_pages(cluster):
    """More than twice what kube-bearer asks for at once (500)."""
    tokens = cluster.put_tokens(kit.new_token() for _ in range(1100))
    bearer = cluster.bearers[0]
    bearer.restart()
    with bearer.connect() as connection:
        refused = [token for token in tokens if not connection.review(token)["status"].get("authenticated")]
    assert not refused, f"{len(refused)} of {len(tokens)} did not come"


def test_newer_etcd_needs_no_list(start_cluster):
    """The other side of it: where streaming lists work, kube-bearer asks for no other."""
    cluster = start_cluster()
    there = cluster.new_token()
    assert cluster.start_bearer().accepts(there)
    assert lists_of_secrets(cluster) == 0
