# SPDX-License-Identifier: Apache-2.0
"""The cluster kit: a real etcd, kube-apiserver and what else of Kubernetes a scenario needs, with kube-bearer beside.

A scenario asks the fixture start_cluster (conftest.py) for a Cluster and talks to it as its users do:

    cluster = start_cluster(webhook_cache_ttl="2m")   etcd and kube-apiserver run; the API server is ready
    bearer = cluster.start_bearer()                   kube-bearer, reading Secrets through its ServiceAccount; ready
    token = cluster.new_token(description="mine")     a bootstrap token Secret in kube-system
    cluster.whoami(token)                             {"username": ..., "groups": [...]}, or None for 401
    cluster.admin.get("/api/v1/namespaces")           REST as system:masters; cluster.api(token=...) as anybody else
    cluster.kubectl("auth", "whoami", token=token)    the real kubectl
    cluster.start_controller_manager("csrsigning")    the real kube-controller-manager
    cluster.apiserver.restart(), .stop(), .kill(), .start(), .pause(), .resume(); the same for etcd and bearer
    cluster.etcd.compact()

What holds for every cluster:
- It has a loopback address of its own out of 127/8, so it can use everybody's well-known ports: nothing else, no
  other cluster and no outgoing connection, ever takes a port of it, not even while a component is down.
- The webhook is set up but nobody listens there until start_bearer(); a second replica takes another port. Give
  Bearer's or the cluster's kubeconfig another URL to put a proxy in between (kubeconfig(), webhook_url).
- A component is ended by its pid; should the test run itself be killed, the kernel ends it (setpriv --pdeathsig).
  That is tied to the thread that started it, so components are started from the main thread.
- Whatever a component writes is in its log; conftest.py shows the end of each log when a test fails.
"""
import contextlib
import http.client
import ipaddress
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import kit

HERE = Path(__file__).resolve().parent
START_SEC = 60 * kit.SLOW  # kube-apiserver is ready after 2 to 5 s; a crowded machine may take longer
KUBECTL_SEC = 60 * kit.SLOW

ETCD_PORT, ETCD_PEER_PORT = 2379, 2380
APISERVER_PORT = 6443
CONTROLLER_MANAGER_PORT = 10257
BEARER_PORT = 8443

SYSTEM = "/api/v1/namespaces/kube-system"
SERVICE_ACCOUNT = "kube-bearer"
RBAC_FILE = kit.ROOT / "config/rbac.yaml"  # what kube-bearer may do: all that it has here, too
RBAC_LOOKUPS_FILE = kit.ROOT / "config/rbac-service-accounts.yaml"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
RBAC_SYSTEM = f"{RBAC}/namespaces/kube-system"
COLLECTIONS = {"ServiceAccount": f"{SYSTEM}/serviceaccounts", "Role": f"{RBAC_SYSTEM}/roles",
               "RoleBinding": f"{RBAC_SYSTEM}/rolebindings", "ClusterRole": f"{RBAC}/clusterroles",
               "ClusterRoleBinding": f"{RBAC}/clusterrolebindings"}


def tools():
    """The directory of the real binaries, built when it is not there."""
    done = subprocess.run([HERE / "tools/build"], stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.splitlines()[-1])


def new_address():
    """A loopback address that nothing listens on."""
    while True:
        address = str(ipaddress.IPv4Address(random.SystemRandom().randrange(0x7F010000, 0x7FFFFF00)))
        try:
            for port in (APISERVER_PORT, ETCD_PORT, BEARER_PORT):
                with socket.socket() as probe:
                    probe.bind((address, port))
            return address
        except OSError:
            continue


# --- talking to an API server ---------------------------------------------------------------------------------

class ApiError(AssertionError):
    """The API server answered, and it was no success."""

    def __init__(self, method, path, status, body):
        super().__init__(f"{method} {path}: {status} {body[:600]!r}")
        self.status, self.body = status, body


class Api:
    """A REST API as one user. Any number of threads may use it: each keeps a connection of its own."""

    def __init__(self, address, port, ca_pem, client=None, token=None):
        """client: (certificate file, key file)"""
        self.address, self.port, self.token = address, port, token
        self.context = kit.client_context(ca_pem, client)
        self.local = threading.local()

    def raw(self, method, path, body=None, headers=None):
        """(status, headers, body); asks once more where a kept connection turns out to be closed."""
        for last in (False, True):
            fresh = getattr(self.local, "connection", None) is None
            if fresh:
                self.local.connection = http.client.HTTPSConnection(self.address, self.port, context=self.context,
                                                                    timeout=kit.DEADLINE_SEC)
            connection = self.local.connection
            try:
                connection.request(method, path, body, headers or {})
                response = connection.getresponse()
                return response.status, response.headers, response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                self.local.connection = None
                if fresh or last:
                    raise
        raise AssertionError("not reached")

    def request(self, method, path, body=None, content_type="application/json"):
        """The answer's object; text where it is none."""
        headers = {"Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = content_type
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, headers, data = self.raw(method, path, body, headers)
        if not 200 <= status < 300:
            raise ApiError(method, path, status, data)
        return json.loads(data) if headers.get_content_type() == "application/json" else data.decode()

    def get(self, path):
        return self.request("GET", path)

    def create(self, path, body):
        return self.request("POST", path, body)

    def replace(self, path, body):
        return self.request("PUT", path, body)

    def patch(self, path, body):
        return self.request("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path, body=None):
        return self.request("DELETE", path, body)

    def is_ready(self):
        """Does /readyz say so, and is there what a start creates? False, too, while nobody listens."""
        with contextlib.suppress(OSError, http.client.HTTPException, ApiError):
            return self.get("/readyz") == "ok" and bool(self.get(SYSTEM))
        return False


def kubeconfig(server, ca_file, client=None, token=None, token_file=None, namespace=None):
    """The text of a kubeconfig with one cluster, one user and one context; client: (certificate file, key file)."""
    user = {}
    if client:
        user["client-certificate"], user["client-key"] = str(client[0]), str(client[1])
    if token is not None:
        user["token"] = token
    if token_file is not None:
        user["tokenFile"] = str(token_file)
    context = {"cluster": "e2e", "user": "e2e", **({"namespace": namespace} if namespace else {})}
    return json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "e2e",
        "clusters": [{"name": "e2e", "cluster": {"server": server, "certificate-authority": str(ca_file)}}],
        "users": [{"name": "e2e", "user": user}], "contexts": [{"name": "e2e", "context": context}]}, indent=1) + "\n"


def token_secret(token, **data):
    """A bootstrap token Secret as kubeadm makes it; keyword arguments are further data, None removes a key."""
    token_id, secret = token.split(".")
    fields = {"token-id": token_id, "token-secret": secret, "usage-bootstrap-authentication": "true"}
    for key, value in data.items():
        fields[key.replace("_", "-")] = value
    return {"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": {"name": f"bootstrap-token-{token_id}", "namespace": "kube-system"},
            "stringData": {key: value for key, value in fields.items() if value is not None}}


# --- processes --------------------------------------------------------------------------------------------------

class Component:
    """One program of Kubernetes. May be stopped and started again, with the same data, address and ports."""

    def __init__(self, name, folder, command, is_ready):
        """is_ready(): may it be used? Asked until it may."""
        self.name, self.command, self.is_ready = name, [str(word) for word in command], is_ready
        self.log_path = folder / f"{name}.log"
        self.folder = folder
        self.process = None
        self.start()

    def start(self, wait=True):
        assert self.process is None, f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *self.command], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        def check():
            assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}:\n{self.log()[-4000:]}"
            return self.is_ready()
        try:
            kit.eventually(check, f"{self.name} is ready", START_SEC, interval=0.05)
        except AssertionError:
            self.kill()
            raise

    def stop(self, number=signal.SIGTERM):
        """Ask it to end, and wait until it has."""
        if self.process is None:
            return
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(START_SEC)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end:\n{self.log()[-4000:]}") from None
        self.process = None

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        self.stop()
        self.start()

    def pause(self):
        """It keeps its connections and says nothing until resume()."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


class Etcd(Component):
    def __init__(self, program, folder, address):
        self.url = f"http://{address}:{ETCD_PORT}"
        peer = f"http://{address}:{ETCD_PEER_PORT}"
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        self.version = version.split()[2]
        super().__init__("etcd", folder, [
            program, f"--data-dir={folder / 'etcd'}", f"--listen-client-urls={self.url}", f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
            *([] if self.version.startswith("3.4.") else ["--unsafe-no-fsync"])], self._healthy)

    def _healthy(self):
        with contextlib.suppress(OSError, ValueError):
            with urllib.request.urlopen(f"{self.url}/health", timeout=kit.DEADLINE_SEC) as response:
                return json.loads(response.read())["health"] == "true"
        return False

    def call(self, method, **body):
        """etcd's JSON gateway: call("kv/compaction", revision=7)"""
        request = urllib.request.Request(f"{self.url}/v3/{method}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=kit.DEADLINE_SEC) as response:
            return json.loads(response.read())

    def compact(self):
        """Forget all history up to now; whoever watches from an older revision gets 410. Returns the revision."""
        revision = self.call("maintenance/status")["header"]["revision"]
        self.call("kv/compaction", revision=revision, physical=True)
        return int(revision)


class Bearer(kit.Server):
    """kube-bearer as kit.Server has it, with its Secrets in a cluster."""

    def __init__(self, cluster, name, store, arguments=(), port=BEARER_PORT, inside=(), **options):
        """inside: a command that ends by running what follows it"""
        self.cluster, self.name = cluster, name
        self.made_with = (cluster, name, store, arguments, port, {**options, "inside": inside})
        super().__init__(cluster.folder / name, arguments, authority=cluster.authority, bind=cluster.address, port=port,
                         certificate=cluster.authority.issue(addresses=(cluster.address,)), store=store,
                         wrapper=("setpriv", "--pdeathsig", "KILL", "--", *inside), **options)
        self.url = f"https://{self.address}:{port}/authenticate"

    def start(self, wait=True):
        """Again, after stop() or kill(): the same arguments, files, address and port."""
        assert self.stopped, f"{self.name} runs already"
        self.port_file.unlink(missing_ok=True)
        cluster, name, store, arguments, port, options = self.made_with
        self.__init__(cluster, name, store, arguments, port, **{**options, "wait": wait})

    def restart(self):
        self.stop()
        self.start()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)


# --- the cluster --------------------------------------------------------------------------------------------------

class Cluster:
    """etcd and kube-apiserver, running; further components on demand."""

    def __init__(self, binaries, folder, webhook_version="v1", webhook_cache_ttl="0s", webhook_url=None, webhook=True,
                 etcd="etcd", flags=()):
        """webhook=False: without one. etcd: the name of the binary. flags: further ones for kube-apiserver."""
        self.binaries, self.folder = binaries, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.address = new_address()
        self.url = f"https://{self.address}:{APISERVER_PORT}"
        self.authority = kit.Authority("e2e CA")
        self.components, self.bearers = [], []
        self.apiserver = self.controller_manager = None
        self._write_keys()
        self.admin_client = self.client_files("admin", "kubernetes-admin", organizations=("system:masters",))
        self.admin = self.api(client=self.admin_client)
        self.admin_kubeconfig = self.write_kubeconfig("admin", client=self.admin_client)
        self.webhook_kubeconfig = folder / "webhook.kubeconfig"
        self.webhook_kubeconfig.write_text(kubeconfig(
            webhook_url or f"https://{self.address}:{BEARER_PORT}/authenticate", self.ca_file))
        if webhook:
            flags = [f"--authentication-token-webhook-config-file={self.webhook_kubeconfig}",
                     f"--authentication-token-webhook-version={webhook_version}",
                     f"--authentication-token-webhook-cache-ttl={webhook_cache_ttl}", *flags]
        try:
            self.etcd = Etcd(binaries / etcd, folder, self.address)
            self.components.append(self.etcd)
            self.apiserver = self._component("kube-apiserver", self._apiserver_flags() + list(flags), self.admin.is_ready)
        except BaseException:
            self.close()
            raise

    def _write_keys(self):
        self.ca_file, self.ca_key_file = self.folder / "ca.crt", self.folder / "ca.key"
        self.ca_file.write_text(self.authority.pem)
        self.ca_key_file.write_bytes(_key_pem(self.authority.key))
        self.service_account_key = self.folder / "sa.key"
        self.service_account_key.write_bytes(_key_pem(ec.generate_private_key(ec.SECP256R1())))
        certificate, key = self.authority.issue("e2e", addresses=(self.address,))
        self.serving = self.folder / "serving.crt", self.folder / "serving.key"
        self.serving[0].write_text(certificate)
        self.serving[1].write_text(key)

    def _serving_flags(self, port):
        return [f"--bind-address={self.address}", f"--secure-port={port}", f"--tls-cert-file={self.serving[0]}",
                f"--tls-private-key-file={self.serving[1]}", f"--client-ca-file={self.ca_file}", "--profiling=false"]

    def _apiserver_flags(self):
        return [*self._serving_flags(APISERVER_PORT), f"--advertise-address={self.address}",
                f"--etcd-servers=http://{self.address}:{ETCD_PORT}", "--authorization-mode=Node,RBAC",
                f"--service-account-issuer={kit.API_AUDIENCE}", f"--service-account-key-file={self.service_account_key}",
                f"--service-account-signing-key-file={self.service_account_key}",
                # There are no nodes and nobody goes through the Service: its address must only be valid.
                "--service-cluster-ip-range=10.96.0.0/24", "--endpoint-reconciler-type=none"]

    def _component(self, name, flags, is_ready):
        component = Component(name, self.folder, [self.binaries / name, *flags], is_ready)
        self.components.append(component)
        return component

    def start_controller_manager(self, controllers, *flags):
        """kube-controller-manager with these controllers (comma separated) as its admin; signs with the cluster's CA."""
        api = Api(self.address, CONTROLLER_MANAGER_PORT, self.authority.pem)

        def is_healthy():
            with contextlib.suppress(OSError, http.client.HTTPException, ApiError):
                return api.get("/healthz") == "ok"
            return False
        self.controller_manager = self._component("kube-controller-manager", [
            *self._serving_flags(CONTROLLER_MANAGER_PORT), f"--kubeconfig={self.admin_kubeconfig}", "--leader-elect=false",
            f"--controllers={controllers}", f"--cluster-signing-cert-file={self.ca_file}",
            f"--cluster-signing-key-file={self.ca_key_file}", *flags], is_healthy)
        return self.controller_manager

    def delegation_flags(self, bearer):
        """With which a component has kube-bearer say who asks it, and kube-apiserver what he may."""
        # The client appends /apis/authentication.k8s.io/v1/tokenreviews to the server's URL, as it would for kube-apiserver.
        asking = self.write_kubeconfig("asking", server=bearer.url.removesuffix("/authenticate"), client=self.admin_client)
        return (f"--authentication-kubeconfig={asking}", "--authentication-skip-lookup",
                f"--authorization-kubeconfig={self.admin_kubeconfig}")

    def scrape(self, token=None):
        """(status, body) of the controller manager's /metrics"""
        api = Api(self.address, CONTROLLER_MANAGER_PORT, self.authority.pem)
        status, _, body = api.raw("GET", "/metrics", headers={"Authorization": f"Bearer {token}"} if token else {})
        return status, body

    def start_bearer(self, *arguments, name="kube-bearer", server_url=None, ca_file=None, port=BEARER_PORT, store=None,
                     **options):
        """kube-bearer as its ServiceAccount. server_url, ca_file: where it finds the API server, if not at once."""
        if store is None:
            self.grant()
            config = self.write_kubeconfig(name, token_file=self.service_account_token(), server=server_url, ca_file=ca_file)
            store = [f"--kubeconfig={config}"]
        bearer = Bearer.__new__(Bearer)
        bearer.stopped, bearer.name, bearer.log_path = True, name, self.folder / name / "log"
        self.bearers.append(bearer)  # before it is ready: one that never gets ready must not outlive the test
        bearer.__init__(self, name, store, arguments, port, **options)
        return bearer

    # who may ask

    def grant(self, rules=None):
        """What config/rbac.yaml says, with other rules in its Role where they are given. May be called again."""
        for body in yaml.safe_load_all(RBAC_FILE.read_text()):
            if rules is not None and body["kind"] == "Role":
                body["rules"] = rules
            self.apply(COLLECTIONS[body["kind"]], body)

    def grant_lookups(self):
        """What config/rbac-service-accounts.yaml says, beside grant()."""
        for body in yaml.safe_load_all(RBAC_LOOKUPS_FILE.read_text()):
            self.apply(COLLECTIONS[body["kind"]], body)

    def apply(self, collection, body):
        """Create, or replace what has that name."""
        try:
            return self.admin.create(collection, body)
        except ApiError as error:
            if error.status != 409:
                raise
            return self.admin.replace(f"{collection}/{body['metadata']['name']}", body)

    def service_account_token(self, name=SERVICE_ACCOUNT):
        """File with a fresh token, as the kubelet mounts it."""
        file = self.folder / f"{name}.token"
        kit.replace_file(file, self.request_token("kube-system", name))
        return file

    def request_token(self, namespace, name, **spec):
        """A token of a ServiceAccount; further members of the TokenRequest's spec as the API has them."""
        answer = self.admin.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600, **spec}})
        token = answer["status"]["token"]
        kit.CANARIES.add(token.encode())
        return token

    def client_files(self, name, common_name, organizations=()):
        """(certificate file, key file) of a user of the cluster"""
        certificate, key = self.authority.issue(common_name, names=(), addresses=(), client=True, organizations=organizations)
        files = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        files[0].write_text(certificate)
        files[1].write_text(key)
        return files

    def write_kubeconfig(self, name, server=None, ca_file=None, **user):
        file = self.folder / f"{name}.kubeconfig"
        kit.replace_file(file, kubeconfig(server or self.url, ca_file or self.ca_file, **user))
        return file

    def api(self, **user):
        """The API as another user: token=..., client=(certificate file, key file), or nobody."""
        return Api(self.address, APISERVER_PORT, self.authority.pem, **user)

    def kubectl(self, *arguments, token=None, client=None, stdin=None, check=True, program="kubectl"):
        """Run the real kubectl, as the admin if no token or client is given; the CompletedProcess, output as text."""
        config = self.admin_kubeconfig
        if token is not None or client is not None:
            config = self.write_kubeconfig("user", token=token, client=client)
        done = subprocess.run([self.binaries / program, f"--kubeconfig={config}", *map(str, arguments)], input=stdin,
                              capture_output=True, text=True, timeout=KUBECTL_SEC, check=False, cwd=self.folder,
                              env={**os.environ, "HOME": str(self.folder)})
        assert not check or done.returncode == 0, f"{program} {arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def kubeadm(self, *arguments, **options):
        return self.kubectl(*arguments, program="kubeadm", **options)

    # bootstrap tokens

    def new_token(self, **data):
        """A new bootstrap token that has its Secret."""
        return self.put_token(kit.new_token(), **data)

    def put_token(self, token, **data):
        self.admin.create(f"{SYSTEM}/secrets", token_secret(token, **data))
        return token

    def put_tokens(self, tokens, threads=8, **data):
        """The same for many."""
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda token: self.put_token(token, **data), tokens))

    def patch_token(self, token, **data):
        """Change data of its Secret (None removes a key)."""
        self.admin.patch(secret_path(token), {"stringData": {k.replace("_", "-"): v for k, v in data.items() if v is not None},
                                              "data": {k.replace("_", "-"): None for k, v in data.items() if v is None}})

    def delete_token(self, token):
        self.admin.delete(secret_path(token))

    def review(self, token, audiences=None):
        """The status of the API server's own TokenReview. A yes it remembers for 10 s, whatever happens meanwhile."""
        spec = {"token": token} if audiences is None else {"token": token, "audiences": audiences}
        return self.admin.create("/apis/authentication.k8s.io/v1/tokenreviews", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec})["status"]

    def whoami(self, token):
        """Who the API server takes the bearer of this token for: its userInfo; None when it says 401."""
        try:
            answer = self.api(token=token).create("/apis/authentication.k8s.io/v1/selfsubjectreviews", {
                "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
        except ApiError as error:
            if error.status != 401:
                raise
            return None
        return answer["status"]["userInfo"]

    # the end

    def logs(self):
        """(name, text) of every component's log"""
        yield from ((component.name, component.log()) for component in self.components)
        yield from ((bearer.name, bearer.log()) for bearer in self.bearers if bearer.log_path.exists())

    def close(self):
        """End everything. kube-bearer is asked to and must leave with 0; the others are disposed of."""
        errors = []
        for bearer in self.bearers:
            try:
                if hasattr(bearer, "process"):
                    bearer.stop()
            except AssertionError as error:
                errors.append(error)
                bearer.kill()
        for component in reversed(self.components):
            component.kill()
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)
        if errors:
            raise errors[0]


def secret_path(token):
    return f"{SYSTEM}/secrets/bootstrap-token-{token.split('.')[0]}"


def _key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                             serialization.NoEncryption())
