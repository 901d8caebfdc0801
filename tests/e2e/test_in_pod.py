# SPDX-License-Identifier: Apache-2.0
"""In a pod: no option says where the Secrets are, the API server is found by the environment, and kube-bearer is the pod's
ServiceAccount by the files that the kubelet mounts, which rotate.

There is no kubelet here. What it does for a container is done by hand: the volume stands at its place in a mount namespace of
kube-bearer's own, and its content is replaced as the kubelet replaces it, by one symbolic link that is swapped.
"""
import os
import subprocess

import kit
import pytest
from kit_cluster import APISERVER_PORT, SERVICE_ACCOUNT, SYSTEM

DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"
# The volume's folder under that name; what else is in /run stays out of sight and untouched.
ENTER = """set -e
exec 3< "$1"
mount -t tmpfs -o mode=755 tmpfs "$(readlink -f /var/run)"
mkdir -p "$2"
mount --bind /proc/self/fd/3 "$2"
shift 2
exec "$@" 3<&-
"""


class Volume:
    """A projected volume: files are links through ..data, which leads to a folder with the time in its name."""

    def __init__(self, folder, ca_pem):
        self.folder, self.ca_pem, self.number = folder, ca_pem, 0
        folder.mkdir()

    def put(self, token):
        self.number += 1
        content = self.folder / f"..2026_{self.number}"
        content.mkdir()
        for name, text in (("token", token), ("ca.crt", self.ca_pem), ("namespace", "kube-system")):
            (content / name).write_text(text)
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        (self.folder / "..data_tmp").symlink_to(content.name)
        os.replace(self.folder / "..data_tmp", self.folder / "..data")


@pytest.fixture(scope="module")
def cluster(start_cluster):
    return start_cluster()


@pytest.fixture(scope="module")
def volume(cluster):
    cluster.grant()
    volume = Volume(cluster.folder / "volume", cluster.authority.pem)
    volume.put(cluster.service_account_token().read_text())
    return volume


@pytest.fixture(scope="module")
def bearer(cluster, volume):
    enter = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*enter, "true"], check=False).returncode != 0:
        pytest.skip("no mount namespaces to be had here (a container, a chroot)")  # which counts as failed in CI
    return cluster.start_bearer(
        store=[], inside=[*enter, "sh", "-c", ENTER, "sh", volume.folder, DIRECTORY],
        environment={"KUBERNETES_SERVICE_HOST": cluster.address, "KUBERNETES_SERVICE_PORT": str(APISERVER_PORT)})


def test_secrets_of_the_cluster_count(cluster, bearer):
    token = cluster.new_token()
    bearer.wait_accepts(token)
    assert cluster.whoami(token)["username"] == f"system:bootstrap:{token[:6]}"
    cluster.delete_token(token)
    bearer.wait_refuses(token)


def test_a_token_that_was_replaced_is_the_one_that_counts(cluster, bearer, volume):
    """The ServiceAccount is made anew, so its old tokens are good for nothing."""
    kept = cluster.new_token()
    bearer.wait_accepts(kept)
    cluster.admin.delete(f"{SYSTEM}/serviceaccounts/{SERVICE_ACCOUNT}")
    cluster.grant()
    cluster.apiserver.kill()  # the watch that the old token began
    cluster.apiserver.start()
    bearer.wait_log("Kubernetes API problem.*401", "the old token being refused")
    assert bearer.accepts(kept)
    volume.put(cluster.service_account_token().read_text())
    fresh = cluster.new_token()
    kit.eventually(lambda: bearer.accepts(fresh), "the new token being used", 2 * kit.DEADLINE_SEC)
    assert bearer.accepts(kept)
