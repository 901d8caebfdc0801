# SPDX-License-Identifier: Apache-2.0
"""The rights in config/rbac.yaml are exactly enough: kube-bearer works with them, and with any one of them taken away something
stops working. Whatever the file grants and nothing needs makes a test red. So are those of config/rbac-service-accounts.yaml,
each for what its ClusterRole is there for, as tests/support/store_tool.c follows it."""
import contextlib
import copy
import itertools
import json
import queue
import subprocess
import threading

import fault_proxy as faults
import kit
import pytest
import yaml
from fault_proxy import FaultProxy
from kit_cluster import SYSTEM

FILE = kit.ROOT / "config" / "rbac.yaml"
DOCUMENTS = {document["kind"]: document for document in yaml.safe_load_all(FILE.read_text())}
ROLE, BINDING = DOCUMENTS["Role"], DOCUMENTS["RoleBinding"]
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

# A server lists by a watch that begins with everything, or in pages where it cannot do that.
SERVERS = ("streaming", "paged")


def reductions():
    """(name, rules) for each verb, resource and API group of each rule that may be taken away"""
    for number, rule in enumerate(ROLE["rules"]):
        for member in ("verbs", "resources", "apiGroups"):
            for value in rule[member]:
                rules = copy.deepcopy(ROLE["rules"])
                rules[number][member].remove(value)
                if not rules[number][member]:
                    del rules[number]
                yield f"rule {number} without {member} {value or 'core'}", rules


def user_of(subject):
    return f"system:serviceaccount:{subject['namespace']}:{subject['name']}" if subject["kind"] == "ServiceAccount" else subject["name"]


@pytest.fixture(scope="module")
def cluster(start_cluster):
    cluster = start_cluster(webhook=False)
    cluster.kubectl("apply", "-f", FILE)
    return cluster


@pytest.fixture(scope="module")
def paged(cluster):
    """A way to the API server that has no streaming lists."""
    with FaultProxy(cluster.authority.issue(), cluster.url, cluster.authority.pem) as proxy:
        proxy.rule(faults.fails(400, "BadRequest"), path="sendInitialEvents=true")
        yield proxy


@pytest.fixture
def works(cluster, paged):
    """Does kube-bearer, started now as this subject, get ready and follow a change?"""
    number = itertools.count(len(cluster.bearers))

    def try_it(server, subject=BINDING["subjects"][0]):
        url = {"streaming": cluster.url, "paged": paged.url}[server]
        if subject["kind"] == "ServiceAccount":
            user = {"token_file": cluster.service_account_token(subject["name"])}
        else:
            user = {"client": cluster.client_files("user", subject["name"])}
        config = cluster.write_kubeconfig("tried", server=url, **user)
        bearer = cluster.start_bearer(store=[f"--kubeconfig={config}"], name=f"tried{next(number)}", wait=False)
        try:
            bearer.wait_ports()
            # Either it follows everything, or it has told why it cannot.
            kit.eventually(lambda: bearer.metric("kube_bearer_store_connected") == 1 or "Kubernetes API problem" in bearer.log(),
                           "it works or says that it does not")
            if bearer.metric("kube_bearer_store_connected") == 0:
                assert "403 Forbidden" in bearer.log(), bearer.log()
                return False
            bearer.wait_ready()
            token = cluster.new_token()
            bearer.wait_accepts(token)
            cluster.delete_token(token)
            bearer.wait_refuses(token)
            return True
        finally:
            bearer.stop()
    return try_it


def is_allowed(cluster, user, verb, resource="secrets", namespace="kube-system", group=""):
    """As the authorizer knows the rules now; it may be a moment behind."""
    answer = cluster.admin.create(REVIEWS, {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": {"verb": verb, "group": group, "resource": resource, "namespace": namespace}}})
    return answer["status"]["allowed"]


def wait_in_force(cluster, rules, user):
    for number, rule in enumerate(ROLE["rules"]):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    granted = any(group in r["apiGroups"] and resource in r["resources"] and verb in r["verbs"] for r in rules)
                    kit.eventually(lambda: is_allowed(cluster, user, verb, resource, group=group) == granted, f"{verb}: {granted}")


@pytest.fixture
def grant(cluster):
    """Other rules or subjects than the file's, until the test is over."""
    user = user_of(BINDING["subjects"][0])

    def change(rules):
        cluster.admin.replace(f"{RBAC}/roles/{ROLE['metadata']['name']}", {**ROLE, "rules": rules})
        wait_in_force(cluster, rules, user)
    yield change
    change(ROLE["rules"])


def test_rbac_there_is_something_to_try():
    assert len(list(reductions())) >= 4 and len(BINDING["subjects"]) >= 1


@pytest.mark.parametrize("server", SERVERS)
def test_rbac_is_enough(works, server):
    assert works(server)


@pytest.mark.parametrize("subject", BINDING["subjects"], ids=lambda subject: subject["kind"])
def test_rbac_is_for_every_subject(works, subject):
    assert works("streaming", subject)


@pytest.mark.parametrize("rules", [pytest.param(rules, id=name) for name, rules in reductions()])
def test_rbac_everything_is_needed(works, grant, rules):
    grant(rules)
    assert not all(works(server) for server in SERVERS)


@pytest.mark.parametrize("subject", BINDING["subjects"], ids=lambda subject: subject["kind"])
def test_rbac_every_subject_is_needed(cluster, works, subject):
    user = user_of(subject)
    others = [other for other in BINDING["subjects"] if other != subject]
    path = f"{RBAC}/rolebindings/{BINDING['metadata']['name']}"
    cluster.admin.replace(path, {**BINDING, "subjects": others})
    try:
        kit.eventually(lambda: not is_allowed(cluster, user, "watch"), "it is taken away")
        assert not works("streaming", subject)
    finally:
        cluster.admin.replace(path, BINDING)
        kit.eventually(lambda: is_allowed(cluster, user, "watch"), "it is given back")


@pytest.mark.parametrize("verb, resource, namespace", [
    ("list", "secrets", "default"), ("create", "secrets", "kube-system"), ("update", "secrets", "kube-system"),
    ("delete", "secrets", "kube-system"), ("list", "configmaps", "kube-system"), ("list", "serviceaccounts", "kube-system")])
def test_rbac_grants_nothing_else(cluster, verb, resource, namespace):
    for subject in BINDING["subjects"]:
        assert not is_allowed(cluster, user_of(subject), verb, resource, namespace)


def test_rbac_file_names_the_service_account_it_binds(cluster):
    account = DOCUMENTS["ServiceAccount"]["metadata"]
    assert {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]} in BINDING["subjects"]
    assert cluster.admin.get(f"{SYSTEM}/serviceaccounts/{account['name']}")["metadata"]["name"] == account["name"]


# --- config/rbac-service-accounts.yaml -------------------------------------------------------------------------

FURTHER = list(yaml.safe_load_all((kit.ROOT / "config/rbac-service-accounts.yaml").read_text()))
CLUSTER_ROLES = {document["metadata"]["name"]: document for document in FURTHER if document["kind"] == "ClusterRole"}
CLUSTER_BINDINGS = [document for document in FURTHER if document["kind"] == "ClusterRoleBinding"]
CLUSTER_RBAC = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
TOKEN_TYPE = "kubernetes.io/service-account-token"

# what store_tool follows: (its ClusterRole, where one is made, what it is)
FOLLOWED = {
    "service-accounts": ("kube-bearer-service-accounts", "/api/v1/namespaces/default/serviceaccounts", {}),
    "pods": ("kube-bearer-pods", "/api/v1/namespaces/default/pods",
             {"spec": {"serviceAccountName": "tried", "containers": [{"name": "a", "image": "a"}]}}),
    "nodes": ("kube-bearer-nodes", "/api/v1/nodes", {}),
    "token-secrets": ("kube-bearer-secrets", "/api/v1/namespaces/default/secrets",
                      {"type": TOKEN_TYPE, "metadata": {"annotations": {"kubernetes.io/service-account.name": "tried"}}}),
    "every-secret": ("kube-bearer-secrets", "/api/v1/namespaces/default/secrets", {"type": "Opaque"}),
}


def further_reductions():
    """(what is followed, rules) for each verb, resource and API group of each ClusterRole that may be taken away"""
    for what, (role, _, _) in FOLLOWED.items():
        for number, rule in enumerate(CLUSTER_ROLES[role]["rules"]):
            for member in ("verbs", "resources", "apiGroups"):
                for value in rule[member]:
                    rules = copy.deepcopy(CLUSTER_ROLES[role]["rules"])
                    rules[number][member].remove(value)
                    if not rules[number][member]:
                        del rules[number]
                    yield pytest.param(what, rules, id=f"{what}: rule {number} without {member} {value or 'core'}")


@pytest.fixture(scope="module")
def further(cluster):
    """The file is applied, and there is a ServiceAccount for what needs one."""
    cluster.kubectl("apply", "-f", kit.ROOT / "config/rbac-service-accounts.yaml")
    cluster.admin.create("/api/v1/namespaces/default/serviceaccounts",
                         {"metadata": {"name": "tried"}, "automountServiceAccountToken": False})
    return cluster


@pytest.fixture
def allow(further):
    """Of all ClusterRoles only this one, with these rules, until the test is over."""
    user = user_of(BINDING["subjects"][0])

    def wait_for(rules_of):
        for name, role in CLUSTER_ROLES.items():
            for rule in role["rules"]:
                for resource, verb in itertools.product(rule["resources"], rule["verbs"]):
                    granted = any("" in r["apiGroups"] and resource in r["resources"] and verb in r["verbs"] for r in rules_of[name])
                    kit.eventually(lambda: is_allowed(further, user, verb, resource, namespace="") == granted, f"{verb}: {granted}")

    def change(rules_of):
        for name, role in CLUSTER_ROLES.items():
            further.admin.replace(f"{CLUSTER_RBAC}/{name}", {**role, "rules": rules_of[name]})
        wait_for(rules_of)
    yield lambda allowed, rules: change({name: rules if name == allowed else [] for name in CLUSTER_ROLES})
    change({name: role["rules"] for name, role in CLUSTER_ROLES.items()})


@contextlib.contextmanager
def following(cluster, url, what):
    """wait(is_it): the next line of a store_tool, of those that is_it(line)"""
    config = cluster.write_kubeconfig("followed", server=url, token_file=cluster.service_account_token())
    lines = queue.Queue()
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", kit.binary().parent / "tests/support/store_tool",
                                "--kubeconfig", str(config), f"--follow={what}"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read():
        for line in process.stdout:
            lines.put(json.loads(line))

    def wait(is_it):
        while True:
            line = lines.get(timeout=kit.DEADLINE_SEC)
            if is_it(line):
                return line
    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield wait
    finally:
        process.stdin.close()
        process.wait(kit.DEADLINE_SEC)
        reader.join()


def follows(cluster, url, what):
    """Does it tell what is there, and what comes and goes? Else it says that it may not."""
    _, path, body = FOLLOWED[what]
    name = f"tried-{kit.new_token().split('.')[0]}"
    with following(cluster, url, what) as wait:
        first = wait(lambda line: line["event"] in ("synced", "problem"))
        if first["event"] == "problem":
            assert "403 Forbidden" in first["text"], first
            return False
        cluster.admin.create(path, {**body, "metadata": {**body.get("metadata", {}), "name": name}})
        told = wait(lambda line: line["event"] == "problem" or line.get("name") == name)
        cluster.admin.delete(f"{path}/{name}", {"gracePeriodSeconds": 0})
        if told["event"] == "problem":
            assert "403 Forbidden" in told["text"], told
            return False
        assert told["event"] == "added" and told["uid"]
        wait(lambda line: line["event"] == "deleted" and line["name"] == name)
        return True


def url_of(cluster, paged, server):
    return {"streaming": cluster.url, "paged": paged.url}[server]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("what", FOLLOWED)
def test_rbac_of_service_accounts_is_enough(further, paged, allow, what, server):
    role = FOLLOWED[what][0]
    allow(role, CLUSTER_ROLES[role]["rules"])
    assert follows(further, url_of(further, paged, server), what)


@pytest.mark.parametrize("what, rules", further_reductions())
def test_rbac_of_service_accounts_is_needed(further, paged, allow, what, rules):
    allow(FOLLOWED[what][0], rules)
    assert not all(follows(further, url_of(further, paged, server), what) for server in SERVERS)


def test_rbac_of_service_accounts_has_a_use_for_every_role():
    assert {role for role, _, _ in FOLLOWED.values()} == set(CLUSTER_ROLES)
    assert {binding["roleRef"]["name"] for binding in CLUSTER_BINDINGS} == set(CLUSTER_ROLES)
    assert all(binding["subjects"] == BINDING["subjects"] for binding in CLUSTER_BINDINGS)


@pytest.mark.parametrize("resource", ["serviceaccounts", "pods", "nodes", "secrets"])
@pytest.mark.parametrize("verb", ["get", "create", "update", "patch", "delete"])
def test_rbac_of_service_accounts_grants_nothing_else(further, verb, resource):
    for subject in BINDING["subjects"]:
        assert is_allowed(further, user_of(subject), "list", resource, namespace="")
        assert not is_allowed(further, user_of(subject), verb, resource, namespace="")
