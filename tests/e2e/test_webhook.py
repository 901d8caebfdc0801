# SPDX-License-Identifier: Apache-2.0
"""kube-apiserver with its own bootstrap tokens off, and kube-bearer as its webhook: what the user of a token sees."""
import kit
import kit_cluster
import pytest


@pytest.fixture(scope="module", params=["v1", "v1beta1"])
def cluster(start_cluster, request):
    cluster = start_cluster(webhook_version=request.param)
    cluster.start_bearer()
    return cluster


@pytest.fixture
def new_token(cluster):
    """A token that kube-bearer knows."""
    def new(**data):
        token = cluster.new_token(**data)
        cluster.bearers[0].wait_accepts(token)
        return token
    return new


def whoami(cluster, token):
    """(username, groups) as kubectl prints them"""
    printed = cluster.kubectl("auth", "whoami", token=token).stdout
    rows = dict(line.split(None, 1) for line in printed.splitlines())
    return rows["Username"].strip(), rows["Groups"].strip().strip("[]").split()


def test_bootstrap_token_is_its_user(cluster, new_token):
    token = new_token()
    assert whoami(cluster, token) == (f"system:bootstrap:{token[:6]}", ["system:bootstrappers", "system:authenticated"])


def test_extra_groups_come_along(cluster, new_token):
    token = new_token(auth_extra_groups="system:bootstrappers:workers,system:bootstrappers:kubeadm:default-node-token")
    user, groups = whoami(cluster, token)
    assert user == f"system:bootstrap:{token[:6]}"
    assert sorted(groups) == ["system:authenticated", "system:bootstrappers",
                              "system:bootstrappers:kubeadm:default-node-token", "system:bootstrappers:workers"]


def test_wrong_secret_is_refused(cluster, new_token):
    token = new_token()
    wrong = token[:7] + kit.new_token()[7:]
    done = cluster.kubectl("auth", "whoami", token=wrong, check=False)
    assert done.returncode != 0 and "You must be logged in to the server" in done.stderr, done
    assert cluster.whoami(wrong) is None
    assert cluster.whoami(token)["username"] == f"system:bootstrap:{token[:6]}"  # the right one is not hurt by it


def test_unknown_and_malformed_tokens_are_refused(cluster):
    for token in (kit.new_token(), kit.new_token().upper(), kit.new_token()[:-1], "no-bootstrap-token"):
        assert cluster.whoami(token) is None


def test_other_secrets_are_not_even_sent(cluster, new_token):
    """However many there are in kube-system: the API server filters by type."""
    new_token()
    bearer, others = cluster.bearers[0], 50
    objects = bearer.metric("kube_bearer_store_objects", kind="Secret")
    events = bearer.metric("kube_bearer_store_watch_events_total")
    for number in range(others):
        cluster.admin.create(f"{kit_cluster.SYSTEM}/secrets", {
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": f"other-{number}"}, "stringData": {"a": "b"}})
    new_token()  # a watch keeps its order: what came before this one has come, or never will
    assert bearer.metric("kube_bearer_store_objects", kind="Secret") == objects + 1
    assert bearer.metric("kube_bearer_store_watch_events_total") < events + others


def test_rights_are_those_of_the_groups(cluster, new_token):
    """The API server authorizes by what kube-bearer says: RBAC for a group of the token's opens a door for it only."""
    cluster.kubectl("create", "clusterrole", "e2e-reader", "--verb=list", "--resource=configmaps")
    cluster.kubectl("create", "clusterrolebinding", "e2e-reader", "--clusterrole=e2e-reader", "--group=system:bootstrappers:readers")
    reader, other = new_token(auth_extra_groups="system:bootstrappers:readers"), new_token()
    question = ("auth", "can-i", "list", "configmaps", "--all-namespaces")
    kit.eventually(lambda: cluster.kubectl(*question, token=reader, check=False).stdout.startswith("yes"), "the group's rights",
                   interval=0.05)
    assert cluster.kubectl(*question, token=other, check=False).stdout.startswith("no")
