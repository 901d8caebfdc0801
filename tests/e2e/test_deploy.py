# SPDX-License-Identifier: Apache-2.0
"""docs/deploy.md is followed: its commands run as they stand, and what they set up answers a real kube-apiserver.

The machine that the page is about is a folder: /etc/kubernetes and the like lie below it, 127.0.0.1 is the cluster's
own address, and what would change the real machine (kubeadm's manifests, useradd, systemctl) is played by scripts
in front of it in the path. What the kubelet or systemd would start is started with the command in their files.
"""
import base64
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import urllib.request
from pathlib import Path

import kit
import kit_cluster
import pytest
import yaml

PAGE = (kit.ROOT / "docs/deploy.md").read_text()
CONFIG = kit.ROOT / "config"
MANIFESTS = ("rbac.yaml", "deployment.yaml", "static-pod.yaml")
DEPLOYMENT_PORT = 8444  # the Service's 443 would need root
KUBELET_CLIENT = "kube-apiserver-kubelet-client"
COMMAND_SEC = 120 * kit.SLOW


def blocks(heading):
    """[(command, [lines that it prints])] of one section of the page."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)
    assert section, f"docs/deploy.md has no section {heading!r}"
    commands = []
    for match in re.finditer(r"(<!-- test: run -->\n)?```console\n(.*?)^```$", section.group(1), re.S | re.M):
        assert match.group(1), f"no test runs this block of docs/deploy.md:\n{match.group(2)}"
        for line in match.group(2).splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            else:
                commands[-1][1].append(line)
    return commands


def flags_of(manifest):
    """Flags of kubeadm.yaml as kube-apiserver takes them."""
    return [f"--{arg['name']}={arg['value']}" for arg in manifest["apiServer"]["extraArgs"]]


class Site:
    """A machine to follow the page on."""

    def __init__(self, cluster, folder):
        self.cluster, self.folder, self.root = cluster, folder, folder / "root"
        for name in ("etc/kubernetes/pki", "etc/kubernetes/manifests", "etc/systemd/system", "usr/local/bin"):
            (self.root / name).mkdir(parents=True)
        self._lay_out_checkout()
        self._lay_out_pki()
        self._lay_out_programs()

    def local(self, text):
        for path in ("/etc/kubernetes", "/etc/kube-bearer", "/etc/systemd", "/usr/local/bin"):
            text = text.replace(path, f"{self.root}{path}")
        text = text.replace("https://10.96.0.15/", f"https://{self.cluster.address}:{DEPLOYMENT_PORT}/")
        text = re.sub(r"(-g|chgrp) (65532|kube-bearer)\b", rf"\1 {os.getgid()}", text)
        return text.replace("127.0.0.1", self.cluster.address)

    def path(self, name):
        return Path(f"{self.root}{name}")

    def _lay_out_checkout(self):
        self.checkout = self.folder / "checkout"
        (self.checkout / "config").mkdir(parents=True)
        (self.checkout / "build").mkdir()
        for file in CONFIG.iterdir():
            (self.checkout / "config" / file.name).write_text(self.local(file.read_text()))
        shutil.copy2(kit.binary(), self.checkout / "build/kube-bearer")

    def _lay_out_pki(self):
        pki = self.path("/etc/kubernetes/pki")
        shutil.copy(self.cluster.ca_file, pki / "ca.crt")
        shutil.copy(self.cluster.ca_key_file, pki / "ca.key")
        certificate, key = self.cluster.authority.issue(KUBELET_CLIENT, names=(), addresses=(), client=True,
                                                        organizations=("kubeadm:cluster-admins",))
        (pki / "apiserver-kubelet-client.crt").write_text(certificate)
        (pki / "apiserver-kubelet-client.key").write_text(key)
        self.kubelet_client = pki / "apiserver-kubelet-client.crt", pki / "apiserver-kubelet-client.key"
        self.cluster_configuration = {
            "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "certificatesDir": str(pki),
            "controlPlaneEndpoint": f"{self.cluster.address}:{kit_cluster.APISERVER_PORT}",
            "networking": {"serviceSubnet": "10.96.0.0/24"}}
        (self.folder / "cluster.yaml").write_text(yaml.safe_dump(self.cluster_configuration))

    def _lay_out_programs(self):
        programs = self.folder / "bin"
        programs.mkdir()
        kubeadm, admin = self.cluster.binaries / "kubeadm", self.cluster.admin_kubeconfig
        self._program("kubeadm", f"""case "$1 $2 $3" in
            kubeconfig*) set -- "$@" --config {self.folder}/cluster.yaml ;;
            "init phase control-plane") set -- "$@" --dry-run ;;
            "init phase upload-config" | token*) set -- "$@" --kubeconfig {admin} ;;
            esac
            exec {kubeadm} "$@" """)
        self._program("kubectl", f'exec {self.cluster.binaries}/kubectl "$@"')
        self._program("useradd", "")
        self._program("systemctl", "")
        # An operator who puts config/kubeadm.yaml into the cluster's own configuration.
        self._program("edit", f"""exec /usr/bin/python3 -c '
import sys, yaml
with open("{self.checkout}/config/kubeadm.yaml") as ours, open(sys.argv[1]) as theirs:
    merged = {{**yaml.safe_load(theirs), "apiServer": yaml.safe_load(ours)["apiServer"]}}
with open(sys.argv[1], "w") as file:
    yaml.safe_dump(merged, file)
' "$1" """)
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "KUBECONFIG": str(admin),
                            "HOME": str(self.folder), "EDITOR": "edit", "KUBEADM_INIT_DRYRUN_DIR": str(self.folder / "dry-run")}

    def _program(self, name, body):
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)

    def follow(self, heading):
        """Run the section's commands; they succeed, and print what the page says, whatever else."""
        printed = []
        for command, expected in blocks(heading):
            command = self.local(command)
            done = subprocess.run(["bash", "-c", command], cwd=self.checkout, env=self.environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=COMMAND_SEC, check=False)
            assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
            lines = iter([same_for_all(line) for line in done.stdout.splitlines()])
            for want in expected:
                assert same_for_all(want) in lines, f"$ {command}\ndocs/deploy.md promises {want!r}; printed:\n{done.stdout}"
            printed.append(done.stdout)
        return printed

    def start(self, name, command, port=kit_cluster.BEARER_PORT, scheme="https"):
        """kube-bearer as the kubelet or systemd would start it; ready."""
        context = kit.client_context(self.cluster.authority.pem)
        context.check_hostname = False  # a Service's certificate is not for the address of a pod
        url = f"{scheme}://{self.cluster.address}:{port}/readyz"

        def is_ready():
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(url, timeout=kit.DEADLINE_SEC,
                                            context=context if scheme == "https" else None) as answer:
                    return answer.status == 200
            return False
        component = kit_cluster.Component(name, self.folder, command, is_ready)
        self.cluster.components.append(component)
        return component

    def use_webhook(self):
        """kube-apiserver with the flags that kubeadm has put into its manifest. (Before kube-bearer is there: neither
        waits for the other, and a kube-apiserver that is asked to end waits a minute for those who watch.)"""
        made = yaml.safe_load((self.folder / "dry-run/kube-apiserver.yaml").read_text())["spec"]["containers"][0]["command"]
        wanted = flags_of(yaml.safe_load((self.checkout / "config/kubeadm.yaml").read_text()))
        assert set(wanted) <= set(made), made
        self.cluster.apiserver.command = [*self.cluster.plain_command, *wanted]
        self.cluster.apiserver.restart()


def same_for_all(line):
    """Without token IDs and the width of columns."""
    return re.sub(r"\s+", " ", re.sub(r"system:bootstrap:[a-z0-9]{6}", "system:bootstrap:ID", line)).strip()


@pytest.fixture(scope="module")
def cluster(start_cluster):
    cluster = start_cluster(webhook=False)
    cluster.plain_command = cluster.apiserver.command
    return cluster


@pytest.fixture
def site(cluster, tmp_path):
    site = Site(cluster, tmp_path)
    cluster.apply(f"{kit_cluster.SYSTEM}/configmaps", {  # what kubeadm init left there
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kubeadm-config"},
        "data": {"ClusterConfiguration": yaml.safe_dump(site.cluster_configuration)}})
    running = len(cluster.components)
    yield site
    while len(cluster.components) > running:
        cluster.components.pop().stop()


def command_of(pod):
    container = pod["spec"]["containers"][0]
    assert container["command"][0] == "kube-bearer"
    return container["command"][1:]


# --- the three ways ---------------------------------------------------------------------------------------------------

def test_static_pod(site):
    site.follow("What it may do")
    site.follow("A. A static pod beside each kube-apiserver")
    site.follow("kube-apiserver's flags")
    pod = yaml.safe_load(site.path("/etc/kubernetes/manifests/kube-bearer.yaml").read_text())
    site.use_webhook()
    site.start("static-pod", [kit.binary(), *command_of(pod)])
    printed = site.follow("Does it work?")
    assert any("answer: yes" in text for text in printed), printed


def test_static_pod_admits_nobody_but_kube_apiserver(site):
    site.follow("What it may do")
    site.follow("A. A static pod beside each kube-apiserver")
    pod = yaml.safe_load(site.path("/etc/kubernetes/manifests/kube-bearer.yaml").read_text())
    site.start("static-pod", [kit.binary(), *command_of(pod)])
    for client, want in ((site.kubelet_client, 200), (site.cluster.admin_client, 403), (None, 401)):
        with kit.Connection(kit_cluster.BEARER_PORT, address=site.cluster.address, ca_pem=site.cluster.authority.pem,
                            client=client) as connection:
            assert connection.request("POST", "/authenticate", json.dumps({
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "x"}})).status == want, client
            assert connection.request("GET", "/metrics").status == want, client


def test_deployment(site):
    cluster = site.cluster
    site.follow("What it may do")
    site.follow("B. A Deployment")
    site.follow("kube-apiserver's flags")
    deployment = cluster.admin.get("/apis/apps/v1/namespaces/kube-system/deployments/kube-bearer")
    secret = cluster.admin.get(f"{kit_cluster.SYSTEM}/secrets/kube-bearer-tls")
    pod = deployment["spec"]["template"]
    for mount in pod["spec"]["containers"][0]["volumeMounts"]:
        Path(mount["mountPath"]).mkdir(parents=True)
    for name, data in secret["data"].items():
        site.path(f"/etc/kube-bearer/tls/{name}").write_bytes(base64.b64decode(data))
    site.path("/etc/kube-bearer/client-ca/ca.crt").write_text(cluster.authority.pem)
    config = cluster.write_kubeconfig("in-cluster", token_file=cluster.service_account_token(pod["spec"]["serviceAccountName"]))
    here = {"--in-cluster": f"--kubeconfig={config}", "--secure-port=8443": f"--secure-port={DEPLOYMENT_PORT}"}
    command = [here.pop(word, word) for word in command_of(pod)]
    assert not here, command
    site.use_webhook()
    site.start("deployment-pod", [kit.binary(), *command, f"--bind-address={cluster.address}"], port=DEPLOYMENT_PORT)
    token = cluster.new_token()
    assert cluster.whoami(token)["username"] == f"system:bootstrap:{token[:6]}"


def test_systemd_unit(site):
    site.follow("What it may do")
    site.follow("C. A systemd unit")
    site.follow("kube-apiserver's flags")
    unit = site.path("/etc/systemd/system/kube-bearer.service").read_text()
    command, user = (re.search(rf"^{key}=(.*)$", unit, re.M).group(1) for key in ("ExecStart", "User"))
    assert any(made.startswith("useradd ") and made.split()[-1] == user for made, _ in blocks("C. A systemd unit"))
    site.use_webhook()
    site.start("systemd-unit", shlex.split(command), port=8444, scheme="http")
    token = site.cluster.new_token()
    assert site.cluster.whoami(token)["username"] == f"system:bootstrap:{token[:6]}"


# --- the files ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", MANIFESTS)
def test_the_api_server_takes_it(cluster, name):
    if name == "static-pod.yaml":  # what kube-controller-manager makes
        cluster.apply(f"{kit_cluster.SYSTEM}/serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount",
                                                                "metadata": {"name": "default"}})
    done = cluster.kubectl("apply", "--server-side", "--dry-run=server", "--force-conflicts", "--validate=strict", "-f",
                           CONFIG / name)
    assert "Warning" not in done.stderr, done.stderr


def test_deployment_makes_two_pods_that_a_restricted_namespace_would_take(cluster):
    for name in ("rbac.yaml", "deployment.yaml"):
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", CONFIG / name)
    cluster.start_controller_manager("deployment-controller,replicaset-controller,disruption-controller,"
                                     "serviceaccount-controller,root-ca-certificate-publisher-controller")
    selector = "labelSelector=app.kubernetes.io/name=kube-bearer"
    pods = kit.eventually(lambda: len(found := cluster.admin.get(f"{kit_cluster.SYSTEM}/pods?{selector}")["items"]) == 2 and found,
                          "two pods", kit_cluster.START_SEC, interval=0.05)
    budget = "/apis/policy/v1/namespaces/kube-system/poddisruptionbudgets/kube-bearer"
    kit.eventually(lambda: cluster.admin.get(budget)["status"]["expectedPods"] == 2, "the budget counts both",
                   kit_cluster.START_SEC, interval=0.05)
    assert cluster.admin.get(budget)["status"]["desiredHealthy"] == 1
    # The same pods where nothing but restricted ones are let in.
    cluster.kubectl("create", "namespace", "restricted")
    cluster.kubectl("label", "namespace", "restricted", "pod-security.kubernetes.io/enforce=restricted")
    cluster.kubectl("-n", "restricted", "create", "serviceaccount", "kube-bearer")
    kept = ("containers", "volumes", "securityContext", "serviceAccountName", "automountServiceAccountToken", "tolerations")
    spec = {key: pods[0]["spec"][key] for key in kept}
    spec["volumes"] = [volume for volume in spec["volumes"] if "projected" not in volume]
    for container in spec["containers"]:
        container["volumeMounts"] = [mount for mount in container["volumeMounts"] if "serviceaccount" not in mount["mountPath"]]
    cluster.admin.create("/api/v1/namespaces/restricted/pods?dryRun=All", {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kube-bearer"}, "spec": spec})


def test_webhook_kubeconfig_is_what_the_program_prints(cluster, tmp_path):
    """config/webhook.kubeconfig by hand, `kube-bearer webhook-config` by machine."""
    site = Site(cluster, tmp_path)
    ours = yaml.safe_load((site.checkout / "config/webhook.kubeconfig").read_text())
    where, who = ours["clusters"][0]["cluster"], ours["users"][0]["user"]
    printed = subprocess.run([kit.binary(), "webhook-config", f"--server={where['server']}",
                              f"--certificate-authority={where['certificate-authority']}",
                              f"--client-certificate={who['client-certificate']}", f"--client-key={who['client-key']}"],
                             capture_output=True, text=True, check=True).stdout
    assert yaml.safe_load(printed) == ours


def test_flags_on_the_page_are_those_for_kubeadm():
    on_page = re.findall(r"^--\S+$", PAGE, re.M)
    assert on_page == flags_of(yaml.safe_load((CONFIG / "kubeadm.yaml").read_text()))


@pytest.mark.parametrize("without", ["list", "watch"])
def test_a_right_that_is_missing_is_told_and_waited_for(start_cluster, without):
    """Without one of its verbs kube-bearer does not get to follow the cluster, says which, and goes on when it is granted. (Where
    kube-apiserver can stream lists, watch alone would do; with etcd 3.4 it cannot. test_rbac.py has the rest of the role.)"""
    cluster = start_cluster(webhook=False, etcd="etcd-3.4")
    rules = next(document["rules"] for document in yaml.safe_load_all((CONFIG / "rbac.yaml").read_text())
                 if document["kind"] == "Role")
    assert rules == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]}]
    cluster.grant([{**rules[0], "verbs": [verb for verb in rules[0]["verbs"] if verb != without]}])
    config = cluster.write_kubeconfig("without", token_file=cluster.service_account_token())
    bearer = cluster.start_bearer(store=[f"--kubeconfig={config}"], wait=False)
    kit.eventually(lambda: f"cannot {without} resource" in bearer.log(), "it says what it lacks")

    def is_connected():
        with kit.Connection(kit_cluster.BEARER_PORT, address=cluster.address, ca_pem=cluster.authority.pem) as connection:
            page = connection.request("GET", "/metrics").body.decode()
        return re.search(r"^kube_bearer_store_connected (.*)$", page, re.M).group(1) == "1"
    assert not is_connected()
    cluster.grant()
    kit.eventually(is_connected, "it follows the cluster", kit_cluster.START_SEC, interval=0.05)
