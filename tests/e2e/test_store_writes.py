# SPDX-License-Identifier: Apache-2.0
"""Writing to the store: the same expectations of a directory of manifests and of a real kube-apiserver.

tests/support/store_tool.c plays whoever listens and writes. What each test says holds for every store it is given.
"""
import base64
import contextlib
import json
import queue
import subprocess
import threading
from collections import namedtuple

import kit
import kit_cluster
import pytest

Answer = namedtuple("Answer", "status object problem")

NAMESPACE = "kube-system"
ABSENT_UID = "00000000-0000-0000-0000-000000000000"


class Store:
    """A running store_tool."""

    def __init__(self, folder, *arguments):
        self.log_path = folder / "store_tool.log"
        self.lines, self.events, self.last_id = queue.Queue(), [], 0
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", kit.binary().parent / "tests/support/store_tool",
                 *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.wait(lambda event: event["event"] == "synced")

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def _next(self):
        line = self.lines.get(timeout=kit.DEADLINE_SEC)
        assert line is not None, f"store_tool ended:\n{self.log_path.read_text()}"
        return line

    def wait(self, is_it):
        """The first event not waited for yet that is_it(event); those before it are left out."""
        while True:
            event = self.events.pop(0) if self.events else self._next()
            if is_it(event):
                return event

    def wait_for(self, kind, name):
        return self.wait(lambda event: event["event"] == kind and event.get("name") == name)

    def ask(self, op, **command):
        self.last_id += 1
        self.process.stdin.write(json.dumps({"id": self.last_id, "op": op, **command}) + "\n")
        self.process.stdin.flush()
        while True:
            line = self._next()
            if line.get("id") == self.last_id:
                return Answer(line["status"], line["object"], line["problem"])
            self.events.append(line)

    def create(self, secret):
        return self.ask("create", object=secret)

    def update(self, secret):
        return self.ask("update", object=secret)

    def get(self, name):
        return self.ask("get", target=target(name))

    def patch(self, name, patch, **preconditions):
        return self.ask("patch", target=target(name, **preconditions), patch=patch)

    def delete(self, name, **preconditions):
        return self.ask("delete", target=target(name, **preconditions))

    def close(self):
        self.process.stdin.close()
        try:
            code = self.process.wait(kit.DEADLINE_SEC)
        finally:
            self.process.kill()
            self.reader.join()
        log = self.log_path.read_text()
        assert code == 0 and not log, f"store_tool: exit {code}\n{log}"


def target(name, **preconditions):
    return {"namespace": NAMESPACE, "name": name, **preconditions}


def new_secret(token=None):
    """A bootstrap token Secret with data only, so that each store gives back what it was given."""
    token_id, token_secret = (token or kit.new_token()).split(".")
    data = {"token-id": token_id, "token-secret": token_secret, "usage-bootstrap-authentication": "true"}
    return {"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": {"name": f"bootstrap-token-{token_id}", "namespace": NAMESPACE},
            "data": {key: encode(value) for key, value in data.items()}}


def encode(text):
    return base64.b64encode(text.encode()).decode()


def name_of(secret):
    return secret["metadata"]["name"]


def version_of(secret):
    return secret["metadata"]["resourceVersion"]


@pytest.fixture(scope="module")
def cluster(start_cluster):
    return start_cluster(webhook=False)


@pytest.fixture(scope="module", params=["manifests", "apiserver"])
def store(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with contextlib.ExitStack() as stack:
        if request.param == "manifests":
            manifests = folder / "m"
            manifests.mkdir()
            store = Store(folder, "--manifests", manifests)
        else:
            store = Store(folder, "--kubeconfig", request.getfixturevalue("cluster").admin_kubeconfig)
        stack.callback(store.close)
        yield store


@pytest.fixture
def secret(store):
    """A Secret that has just been created, as it stands."""
    answer = store.create(new_secret())
    assert answer.status == "ok", answer
    store.wait_for("added", name_of(answer.object))
    return answer.object


# --- create -------------------------------------------------------------------------------------------------------

def test_create_gives_back_what_stands_there(store):
    wanted = new_secret()
    answer = store.create(wanted)
    assert answer.status == "ok" and answer.problem is None, answer
    assert answer.object["data"] == wanted["data"] and answer.object["type"] == wanted["type"]
    event = store.wait_for("added", name_of(wanted))
    assert event["namespace"] == NAMESPACE
    assert event["resourceVersion"] == version_of(answer.object) != ""
    assert event["uid"] == answer.object["metadata"].get("uid", "")
    assert store.get(name_of(wanted)).object == answer.object


def test_create_what_exists_is_refused(store, secret):
    answer = store.create(new_secret(f"{name_of(secret)[-6:]}.{'0' * 16}"))
    assert answer.status == "already_exists" and answer.object is None and answer.problem, answer
    assert store.get(name_of(secret)).object == secret


@pytest.mark.parametrize("what, change", [
    ("a name that is none", lambda s: s["metadata"].update(name="Not_A_Name")),
    ("no name", lambda s: s["metadata"].pop("name")),
    ("data that is no base64", lambda s: s["data"].update({"token-secret": "?"})),
    ("data that is no text", lambda s: s["data"].update({"token-secret": 7})),
    ("a key that is none", lambda s: s["data"].update({"no key": encode("x")})),
    ("another kind", lambda s: s.update(kind="ConfigMap")),
    ("no metadata", lambda s: s.pop("metadata")),
    ("more data than a Secret may have", lambda s: s["data"].update(big="A" * 1500000)),
])
def test_create_what_is_no_secret_is_invalid(store, what, change):
    wanted = new_secret()
    change(wanted)
    answer = store.create(wanted)
    assert answer.status == "invalid" and answer.object is None, (what, answer)


# --- get ----------------------------------------------------------------------------------------------------------

def test_get_what_is_not_there(store):
    answer = store.get(name_of(new_secret()))
    assert answer.status == "not_found" and answer.object is None and answer.problem, answer


def test_get_looks_at_no_precondition(store, secret):
    assert store.ask("get", target=target(name_of(secret), uid=ABSENT_UID)).object == secret


# --- update -------------------------------------------------------------------------------------------------------

def changed(secret, **metadata):
    """With one more key, and metadata changed; None removes."""
    meta = {key: value for key, value in {**secret["metadata"], **metadata}.items() if value is not None}
    return {**secret, "metadata": meta, "data": {**secret["data"], "description": encode("changed")}}


@pytest.mark.parametrize("metadata", [{}, {"resourceVersion": None}, {"uid": None}, {"uid": None, "resourceVersion": None}],
                         ids=["both", "uid", "version", "neither"])
def test_update_with_preconditions_that_hold(store, secret, metadata):
    answer = store.update(changed(secret, **metadata))
    assert answer.status == "ok", answer
    assert answer.object["data"] == {**secret["data"], "description": encode("changed")}
    assert version_of(answer.object) != version_of(secret)
    assert answer.object["metadata"].get("uid") == secret["metadata"].get("uid")
    assert store.wait_for("modified", name_of(secret))["resourceVersion"] == version_of(answer.object)
    assert store.get(name_of(secret)).object == answer.object


def test_update_leaves_out_what_is_left_out(store, secret):
    first = store.update(changed(secret)).object
    answer = store.update({**secret, "metadata": first["metadata"]})
    assert answer.status == "ok" and answer.object["data"] == secret["data"], answer


def test_update_of_a_version_that_was_is_a_conflict(store, secret):
    now = store.update(changed(secret)).object
    answer = store.update(changed(secret))
    assert answer.status == "conflict" and answer.object is None and answer.problem, answer
    assert store.get(name_of(secret)).object == now


def test_update_of_another_uid_is_a_conflict(store, secret):
    assert store.update(changed(secret, uid=ABSENT_UID)).status == "conflict"
    assert store.get(name_of(secret)).object == secret


def test_update_of_the_type_is_invalid(store, secret):
    assert store.update({**secret, "type": "Opaque"}).status == "invalid"
    assert store.get(name_of(secret)).object == secret


def test_update_what_is_not_there(store):
    assert store.update(new_secret()).status == "not_found"


def test_update_to_what_is_no_secret_is_invalid(store, secret):
    wanted = changed(secret)
    wanted["data"]["description"] = "?"
    assert store.update(wanted).status == "invalid"
    assert store.get(name_of(secret)).object == secret


# --- patch --------------------------------------------------------------------------------------------------------

def test_patch_changes_adds_and_deletes(store, secret):
    answer = store.patch(name_of(secret), {"data": {"token-id": None, "token-secret": encode("x"), "new": encode("y")},
                                           "metadata": {"labels": {"a": "b"}}})
    assert answer.status == "ok", answer
    kept = {"usage-bootstrap-authentication": secret["data"]["usage-bootstrap-authentication"]}
    assert answer.object["data"] == {**kept, "token-secret": encode("x"), "new": encode("y")}
    assert answer.object["metadata"]["labels"] == {"a": "b"}
    assert version_of(answer.object) != version_of(secret)
    assert store.wait_for("modified", name_of(secret))["resourceVersion"] == version_of(answer.object)
    answer = store.patch(name_of(secret), {"metadata": {"labels": None}})
    assert answer.status == "ok" and not answer.object["metadata"].get("labels"), answer


PATCH = {"data": {"description": encode("patched")}}


def test_patch_with_preconditions_that_hold(store, secret):
    preconditions = {"resourceVersion": version_of(secret)}
    if "uid" in secret["metadata"]:
        preconditions["uid"] = secret["metadata"]["uid"]
    assert store.patch(name_of(secret), PATCH, **preconditions).status == "ok"


def test_patch_with_a_precondition_that_does_not_hold_is_a_conflict(store, secret):
    now = store.patch(name_of(secret), PATCH).object
    for preconditions in ({"resourceVersion": version_of(secret)}, {"uid": ABSENT_UID},
                          {"uid": ABSENT_UID, "resourceVersion": version_of(now)}):
        assert store.patch(name_of(secret), {"metadata": preconditions}).status == "conflict"
        answer = store.patch(name_of(secret), {"data": {"description": None}}, **preconditions)
        assert answer.status == "conflict" and answer.object is None and answer.problem, (preconditions, answer)
    assert store.get(name_of(secret)).object == now


def test_patch_of_nothing_changes_nothing(store, secret):
    answer = store.patch(name_of(secret), {})
    assert answer.status == "ok" and answer.object == secret, answer


def test_patch_of_string_data_comes_to_data(store, secret):
    assert store.patch(name_of(secret), {"stringData": {"description": "text"}}).status == "ok"
    assert store.get(name_of(secret)).object["data"] == {**secret["data"], "description": encode("text")}


def test_immutable_data_stays(store, secret):
    now = store.patch(name_of(secret), {"immutable": True}).object
    assert store.patch(name_of(secret), PATCH).status == "invalid"
    assert store.get(name_of(secret)).object == now


def test_patch_what_is_not_there(store):
    assert store.patch(name_of(new_secret()), PATCH).status == "not_found"


@pytest.mark.parametrize("patch", [
    {"data": {"description": "?"}}, {"data": {"description": 7}}, {"data": [1]}, [1], {"metadata": {"name": "another"}},
    {"metadata": {"namespace": "default"}}, {"kind": "ConfigMap"}, {"type": "Opaque"}, {"type": None}],
    ids=["base64", "number", "list", "no-object", "name", "namespace", "kind", "type", "no-type"])
def test_patch_to_what_is_no_such_secret_is_invalid(store, secret, patch):
    assert store.patch(name_of(secret), patch).status == "invalid"
    assert store.get(name_of(secret)).object == secret


# --- delete -------------------------------------------------------------------------------------------------------

def test_delete(store, secret):
    answer = store.delete(name_of(secret))
    assert answer.status == "ok" and answer.object is None, answer
    store.wait_for("deleted", name_of(secret))
    assert store.get(name_of(secret)).status == "not_found"
    assert store.delete(name_of(secret)).status == "not_found"


def test_delete_with_preconditions_that_hold(store, secret):
    preconditions = {"resourceVersion": version_of(secret)}
    if "uid" in secret["metadata"]:
        preconditions["uid"] = secret["metadata"]["uid"]
    assert store.delete(name_of(secret), **preconditions).status == "ok"


def test_delete_with_a_precondition_that_does_not_hold_is_a_conflict(store, secret):
    now = store.patch(name_of(secret), PATCH).object
    for preconditions in ({"resourceVersion": version_of(secret)}, {"uid": ABSENT_UID}):
        answer = store.delete(name_of(secret), **preconditions)
        assert answer.status == "conflict" and answer.problem, (preconditions, answer)
    assert store.get(name_of(secret)).object == now


def test_created_again_is_another_object(store, secret):
    assert store.delete(name_of(secret)).status == "ok"
    again = store.create({**secret, "metadata": target(name_of(secret))})
    assert again.status == "ok", again
    assert store.update(changed(secret)).status == "conflict"
    assert store.get(name_of(secret)).object == again.object


# --- adopt --------------------------------------------------------------------------------------------------------

def test_adopt_leaves_what_has_a_uid(store, secret):
    answer = store.ask("adopt", target=target(name_of(secret)))
    assert answer.status == "ok" and answer.object == secret, answer


def test_adopt_what_is_not_there(store):
    assert store.ask("adopt", target=target(name_of(new_secret()))).status == "not_found"


# --- only with an API server --------------------------------------------------------------------------------------

def test_writing_without_the_right_to_is_forbidden(cluster, tmp_path):
    token = cluster.new_token()
    name = f"bootstrap-token-{token[:6]}"
    cluster.grant()
    config = cluster.write_kubeconfig("reader", token_file=cluster.service_account_token())
    store = Store(tmp_path, "--kubeconfig", config)
    with contextlib.closing(store):
        for answer in (store.create(new_secret()), store.get(name), store.update(new_secret(token)),
                       store.patch(name, PATCH), store.delete(name)):
            assert answer.status == "forbidden" and answer.object is None and answer.problem, answer
    cluster.delete_token(token)


# --- both at once ---------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def union(folder, kubeconfig):
    manifests = folder / "m"
    manifests.mkdir()
    with contextlib.closing(Store(folder, "--manifests", manifests, "--kubeconfig", kubeconfig)) as store:
        store.manifests = manifests
        yield store


@pytest.fixture
def both(cluster, tmp_path):
    with union(tmp_path, cluster.admin_kubeconfig) as store:
        yield store


@pytest.fixture
def both_as_reader(cluster, tmp_path):
    """With no more rights in the cluster than config/rbac.yaml gives."""
    cluster.grant()
    with union(tmp_path, cluster.write_kubeconfig("reader", token_file=cluster.service_account_token())) as store:
        yield store


def test_union_creates_in_the_cluster_and_writes_where_the_object_is(cluster, both):
    remote, local = both.create(new_secret()).object, new_secret()
    assert cluster.admin.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name_of(remote)}")["metadata"]["uid"] == \
        remote["metadata"]["uid"]
    kit.replace_file(both.manifests / "local.json", json.dumps(local))
    both.wait_for("added", name_of(local))
    assert both.create(local).status == "already_exists"
    assert both.patch(name_of(local), PATCH).status == "ok"
    assert both.patch(name_of(remote), PATCH).status == "ok"
    assert json.loads((both.manifests / "local.json").read_text())["data"]["description"] == PATCH["data"]["description"]
    assert both.get(name_of(remote)).object["data"]["description"] == PATCH["data"]["description"]
    assert both.delete(name_of(local)).status == "ok" and both.delete(name_of(remote)).status == "ok"
    both.wait_for("deleted", name_of(remote))


def test_union_the_directorys_object_counts_and_the_clusters_takes_over(cluster, both_as_reader):
    token = cluster.new_token()
    name = f"bootstrap-token-{token[:6]}"
    remote = both_as_reader.wait_for("added", name)
    kit.replace_file(both_as_reader.manifests / "same.json", json.dumps(new_secret(token)))
    assert both_as_reader.wait_for("modified", name)["resourceVersion"] != remote["resourceVersion"]
    problem = both_as_reader.wait(lambda event: event["event"] == "problem")
    assert problem["status"] == "duplicate" and problem["file"] == f"{NAMESPACE}/{name}"
    assert problem["text"] == f"Secret {NAMESPACE}/{name} is in {both_as_reader.manifests}/same.json, too, which counts"
    cluster.patch_token(token, description="kept back")
    (both_as_reader.manifests / "same.json").unlink()
    both_as_reader.wait_for("deleted", name)
    assert both_as_reader.wait(lambda event: event["event"] == "resolved")["file"] == f"{NAMESPACE}/{name}"
    again = both_as_reader.wait_for("added", name)
    assert (again["uid"], again["resourceVersion"] != remote["resourceVersion"]) == (remote["uid"], True)
    cluster.delete_token(token)
    both_as_reader.wait_for("deleted", name)


# --- other kinds than Secrets ---------------------------------------------------------------------------------------

Kind = namedtuple("Kind", "name api_version namespace content is_told_whole")
KINDS = [Kind("ServiceAccount", "v1", NAMESPACE, "imagePullSecrets", False), Kind("ConfigMap", "v1", NAMESPACE, "data", True),
         Kind("Widget", "example.com/v1", None, "spec", True)]
CONTENTS = {"imagePullSecrets": ([{"name": "a"}], [{"name": "b"}]), "data": ({"a": "1"}, {"a": "2"}),
            "spec": ({"size": 1}, {"size": 2})}
WIDGETS = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
           "metadata": {"name": "widgets.example.com"},
           "spec": {"group": "example.com", "scope": "Cluster", "names": {"kind": "Widget", "plural": "widgets"},
                    "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                        "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}


@pytest.fixture(scope="module")
def widgets(cluster):
    """The cluster, which has the custom resource."""
    def is_served():
        with contextlib.suppress(kit_cluster.ApiError):
            return cluster.admin.get("/apis/example.com/v1/widgets")["kind"] == "WidgetList"
        return False
    cluster.apply("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
    kit.eventually(is_served, "the custom resource is served")
    return cluster


@pytest.fixture(scope="module", params=["manifests", "apiserver", "union"])
def kinds_store(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds-" + request.param)
    arguments = []
    if request.param != "apiserver":
        (folder / "m").mkdir()
        arguments += ["--manifests", folder / "m"]
    if request.param != "manifests":
        arguments += ["--kubeconfig", request.getfixturevalue("widgets").admin_kubeconfig]
    with contextlib.closing(Store(folder, *arguments, "--kinds")) as store:
        yield store


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_objects_of_other_kinds_are_told_and_written(kinds_store, kind):
    place = {"namespace": kind.namespace} if kind.namespace else {}
    before, after = CONTENTS[kind.content]
    name = f"a-{kit.new_token()[:6]}"
    wanted = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name, **place}, kind.content: before}

    def wait_for(event):
        got = kinds_store.wait(lambda e: e["event"] == event and (e.get("kind"), e.get("name")) == (kind.name, name))
        assert got["namespace"] == (kind.namespace or "")
        return got

    def ask(op, **command):
        if op not in ("create", "update"):
            command["target"] = {"name": name, **place, **command.get("target", {})}
        return kinds_store.ask(op, kind=kind.name, **command)

    made = ask("create", object=wanted)
    assert made.status == "ok" and made.object[kind.content] == before, made
    added = wait_for("added")
    assert (added["resourceVersion"], added["uid"]) == (version_of(made.object), made.object["metadata"]["uid"])
    assert ("object" in added) == kind.is_told_whole and added.get("object", made.object)[kind.content] == before
    assert ask("create", object=wanted).status == "already_exists"
    assert ask("get").object == made.object
    changed_object = ask("update", object={**made.object, kind.content: after})
    assert changed_object.status == "ok" and changed_object.object[kind.content] == after, changed_object
    modified = wait_for("modified")
    assert modified["resourceVersion"] == version_of(changed_object.object) != version_of(made.object)
    assert ask("update", object=made.object).status == "conflict"
    assert ask("patch", patch={"metadata": {"labels": {"a": "b"}}}).object["metadata"]["labels"] == {"a": "b"}
    assert ask("delete", target={"uid": ABSENT_UID}).status == "conflict"
    assert ask("delete").status == "ok"
    wait_for("deleted")
    assert ask("get").status == "not_found"
