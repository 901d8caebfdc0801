# SPDX-License-Identifier: Apache-2.0
"""How a node joins: what kubeadm sets up, a token of kubeadm's, and a certificate that kube-controller-manager signs."""
import base64

import kit
import kit_cluster
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
NODE_TOKENS = "system:bootstrappers:kubeadm:default-node-token"
# What a Secret says counts for kube-apiserver 10 s later at most (it remembers every yes that long); this is for a slow machine.
NOTICED_SEC = 10 + kit.DEADLINE_SEC

INIT = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: {token}
  groups: [{group}]
  usages: [signing, authentication]
localAPIEndpoint:
  advertiseAddress: 10.96.0.1  # kubeadm takes no loopback address; the phase only looks at it
nodeRegistration:
  name: e2e
  criSocket: unix:///run/e2e.sock
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {version}
"""


@pytest.fixture(scope="module")
def cluster(start_cluster):
    cluster = start_cluster()
    cluster.start_bearer()
    cluster.start_controller_manager("csrapproving,csrsigning")
    return cluster


@pytest.fixture(scope="module")
def node_token(cluster):
    """`kubeadm init phase bootstrap-token`: its RBAC, and a token for nodes."""
    token = kit.new_token()
    config = cluster.folder / "kubeadm.yaml"
    config.write_text(INIT.format(token=token, group=NODE_TOKENS, version=cluster.admin.get("/version")["gitVersion"]))
    cluster.kubeadm("init", "phase", "bootstrap-token", f"--config={config}", "--skip-token-print")
    wait_accepted(cluster, token)
    return token


def wait_accepted(cluster, token):
    return kit.eventually(lambda: cluster.whoami(token), "the token is accepted", NOTICED_SEC, interval=0.05)


def wait_refused(cluster, token):
    kit.eventually(lambda: cluster.whoami(token) is None, "the token is refused", NOTICED_SEC, interval=0.05)


class Request:
    """A CertificateSigningRequest as a kubelet makes it."""

    def __init__(self, api, node, user=None):
        self.api = api
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
                             x509.NameAttribute(NameOID.COMMON_NAME, user or f"system:node:{node}")])
        pem = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM)
        self.name = f"node-csr-{node}"
        api.create(REQUESTS, {
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": self.name},
            "spec": {"request": base64.b64encode(pem).decode(), "usages": ["digital signature", "client auth"],
                     "signerName": "kubernetes.io/kube-apiserver-client-kubelet"}})

    def status(self):
        return self.api.get(f"{REQUESTS}/{self.name}").get("status", {})

    def wait_certificate(self):
        encoded = kit.eventually(lambda: self.status().get("certificate"), "the certificate is issued", interval=0.05)
        return base64.b64decode(encoded).decode()


def test_node_gets_its_certificate_by_a_token(cluster, node_token):
    request = Request(cluster.api(token=node_token), "worker-1")
    certificate = request.wait_certificate()
    assert [c["type"] for c in request.status()["conditions"]] == ["Approved"]
    asked_by = cluster.admin.get(f"{REQUESTS}/{request.name}")["spec"]
    assert asked_by["username"] == f"system:bootstrap:{node_token[:6]}" and NODE_TOKENS in asked_by["groups"]

    files = cluster.folder / "worker-1.crt", cluster.folder / "worker-1.key"
    files[0].write_text(certificate)
    files[1].write_bytes(request.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                   serialization.NoEncryption()))
    printed = cluster.kubectl("auth", "whoami", client=files).stdout
    assert "system:node:worker-1" in printed and "system:nodes" in printed, printed


def test_token_without_the_group_may_not_ask(cluster, node_token):
    token = cluster.new_token()
    assert wait_accepted(cluster, token)["groups"] == ["system:bootstrappers", "system:authenticated"]
    with pytest.raises(kit_cluster.ApiError) as refusal:
        Request(cluster.api(token=token), "worker-2")
    assert refusal.value.status == 403
    assert wait_accepted(cluster, node_token)  # where the one with the group may


def test_request_is_not_approved_for_who_may_ask_only(cluster, node_token):
    """Approval hangs on the groups that kube-bearer says, too."""
    cluster.kubectl("create", "clusterrolebinding", "e2e-askers", "--clusterrole=system:node-bootstrapper",
                    "--group=system:bootstrappers:askers")
    asker = cluster.new_token(auth_extra_groups="system:bootstrappers:askers")
    wait_accepted(cluster, asker)

    def ask():
        try:
            return Request(cluster.api(token=asker), "worker-3")
        except kit_cluster.ApiError as error:
            assert error.status != 403, "the binding does not count yet"
            raise
    waiting = kit.eventually(ask, "the request is made", interval=0.05)
    foreign = Request(cluster.api(token=node_token), "worker-4", user="kubernetes-admin")
    Request(cluster.api(token=node_token), "worker-5").wait_certificate()
    for request in (waiting, foreign):
        assert not request.status().get("conditions") and not request.status().get("certificate")


def test_kubeadm_token_create_list_delete(cluster, node_token):
    token = cluster.kubeadm("token", "create", "--description=for a test", "--ttl=1h",
                            "--groups=system:bootstrappers:kubeadm-made").stdout.strip()
    kit.CANARIES.add(token[7:].encode())
    assert sorted(wait_accepted(cluster, token)["groups"]) == ["system:authenticated", "system:bootstrappers",
                                                               "system:bootstrappers:kubeadm-made"]
    row = next(line for line in cluster.kubeadm("token", "list").stdout.splitlines() if line.startswith(token))
    assert "authentication,signing" in row and "for a test" in row, row
    cluster.kubeadm("token", "delete", token[:6])
    wait_refused(cluster, token)
    assert node_token in cluster.kubeadm("token", "list").stdout
