# SPDX-License-Identifier: Apache-2.0
"""What could keep kube-bearer from seeing what happens in the cluster, without the API server being away: objects that
users made to be hard to read, and a history that goes back."""
import shutil

import kit
import pytest
from kit_cluster import SYSTEM, ApiError, secret_path, token_secret

SILENCE_SEC = 2


@pytest.fixture(scope="module")
def cluster(start_cluster):
    return start_cluster(webhook=False)


@pytest.fixture(scope="module")
def bearer(cluster):
    return cluster.start_bearer(f"--watch-silence-timeout={SILENCE_SEC}s")


def nested(levels):
    fields = {}
    for _ in range(levels):
        fields = {"f:a": fields}
    return fields


def managed(fields):
    return {"managedFields": [{"manager": "m", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
                               "fieldsType": "FieldsV1", "fieldsV1": fields}]}


# metadata, and whether a Secret with it can be read: of managedFields only the nesting is looked at
HARD_TO_READ = {
    "nested": (managed(nested(200)), False),
    "a NUL in a key": (managed({"f:a\0b": {}}), True),
    "six bytes for one": ({"ownerReferences": [{"apiVersion": "v1", "kind": "x", "name": "<" * 1300000, "uid": "y"}]}, False),
}


@pytest.mark.parametrize("metadata, is_readable", HARD_TO_READ.values(), ids=HARD_TO_READ)
def test_blindness_objects_keep_nobody_from_others(cluster, bearer, metadata, is_readable):
    """Whoever may write one Secret of the type can revoke it so, but not stop others from being revoked."""
    kept, dropped, changed = cluster.new_token(), cluster.new_token(), cluster.new_token()
    for token in (kept, dropped, changed):
        bearer.wait_accepts(token)
    hostile = token_secret(kit.new_token())
    hostile["metadata"].update(metadata)
    made = cluster.admin.create(f"{SYSTEM}/secrets", hostile)
    assert all(key in made["metadata"] for key in metadata), "the API server takes it"
    cluster.delete_token(dropped)
    bearer.wait_refuses(dropped)
    if "managedFields" in metadata:
        there = cluster.admin.get(secret_path(changed))
        there["metadata"].update(metadata)
        cluster.admin.replace(secret_path(changed), there)
        if not is_readable:
            bearer.wait_refuses(changed)
            assert "cannot be read, and count as gone" in bearer.log()
    fresh = cluster.new_token()
    bearer.wait_accepts(fresh)
    assert bearer.accepts(changed) == (is_readable or "managedFields" not in metadata)
    assert bearer.accepts(kept)
    cluster.admin.delete(f"{SYSTEM}/secrets/{made['metadata']['name']}")


def may_list(user):
    try:
        return user.get(f"{SYSTEM}/secrets?limit=1")
    except ApiError:
        return None


def test_blindness_history_that_goes_back(cluster, bearer):
    """etcd is restored from a backup: a watch from the future is told nothing, and kube-bearer does not stay with it."""
    kept = cluster.new_token()
    bearer.wait_accepts(kept)
    data, backup = cluster.folder / "etcd", cluster.folder / "backup"
    cluster.etcd.stop()
    shutil.copytree(data, backup)
    cluster.etcd.start()
    kit.eventually(cluster.admin.is_ready, "kube-apiserver has etcd again")
    later = cluster.new_token()
    for number in range(200):
        cluster.admin.patch(secret_path(later), {"metadata": {"labels": {"number": str(number)}}})
    bearer.wait_accepts(later)
    bearer.pause()  # it comes back when the API server has read its roles: no 403 makes it begin anew
    try:
        cluster.apiserver.kill()
        cluster.etcd.kill()
        shutil.rmtree(data)
        backup.rename(data)
        cluster.etcd.start()
        cluster.apiserver.start()
        user = cluster.api(token=cluster.service_account_token().read_text())
        kit.eventually(lambda: may_list(user), "kube-bearer may list")
        cluster.delete_token(kept)
    finally:
        bearer.resume()
    for token in (later, kept):
        bearer.wait_refuses(token)
    bearer.wait_accepts(cluster.new_token())
