# SPDX-License-Identifier: Apache-2.0
"""ServiceAccount tokens that a real kube-apiserver and a real kube-controller-manager have made. Whoever asks kube-bearer gets
what the API server's own TokenReview says: the same user, and the same no.

kube-apiserver remembers each yes for 10 s (TokenSuccessCacheTTL, which no flag moves). So a token whose end is to be seen has
a twin that kube-apiserver is asked about only afterwards.

There are two clusters, and both call themselves by the same issuer: west, whose tokens kube-bearer answers for as "this
cluster", and east, whose kube-apiserver has a kube-bearer as its webhook, which answers for both as "other clusters".
"""
import base64
import itertools
import json
import re
import time

import fault_proxy as faults
import kit
import kit_cluster
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from fault_proxy import FaultProxy

NAMESPACE = "apps"
FLEET = "fleet"  # the audience of tokens that are good beyond their own cluster
ISSUER = kit.API_AUDIENCE
EVERYBODY = "system:authenticated"  # a group that kube-apiserver adds, whoever has said who it is
LEEWAY_SEC = 60  # for how long after its deletionTimestamp an object is still good for tokens that name it
PATIENCE_SEC = 1  # for how long a question waits for an object that a watch has not told of
PROJECTED_SEC = 3607  # what the kubelet asks for
INSTANTS = 50
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
TOKEN_TYPE = "kubernetes.io/service-account-token"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
FINALIZER = "example.com/e2e"
JWKS_COOL_DOWN_SEC = 10  # KEY_COOL_DOWN_MS of keys/key_schedule.h

COLLECTIONS = {"ServiceAccount": f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", "Pod": f"/api/v1/namespaces/{NAMESPACE}/pods",
               "Secret": f"/api/v1/namespaces/{NAMESPACE}/secrets", "Node": "/api/v1/nodes"}
BINDINGS = ("Pod", "Node", "Secret")
SPECS = {"Pod": {"spec": {"automountServiceAccountToken": False, "containers": [{"name": "a", "image": "a"}]}}}


class Apps:
    """A namespace of a cluster: the objects that tokens name, and the tokens."""

    def __init__(self, cluster):
        self.cluster, self.names = cluster, itertools.count()
        cluster.admin.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})

    def make(self, kind, name=None, account=None, node=None, **metadata):
        """An object; its name."""
        name = name or f"{kind.lower()}-{next(self.names)}"
        body = {"metadata": {"name": name, **metadata}, **SPECS.get(kind, {})}
        if kind == "Pod":
            body["spec"] = {**body["spec"], "serviceAccountName": account, **({"nodeName": node} if node else {})}
        self.cluster.admin.create(COLLECTIONS[kind], body)
        return name

    def path(self, kind, name):
        return f"{COLLECTIONS[kind]}/{name}"

    def delete(self, kind, name, grace_sec=0):
        self.cluster.admin.delete(self.path(kind, name), {"gracePeriodSeconds": grace_sec})

    def token(self, account, kind=None, name=None, **spec):
        """By a TokenRequest, as the kubelet makes one."""
        bound = {"boundObjectRef": {"apiVersion": "v1", "kind": kind, "name": name}} if kind else {}
        return self.cluster.request_token(NAMESPACE, account, **bound, **spec)

    def legacy_token(self, account):
        """(name of the Secret, token that kube-controller-manager has put there)"""
        name = f"secret-{next(self.names)}"
        self.cluster.admin.create(COLLECTIONS["Secret"], {
            "type": TOKEN_TYPE, "metadata": {"name": name, "annotations": {"kubernetes.io/service-account.name": account}}})
        data = kit.eventually(lambda: "token" in (secret := self.cluster.admin.get(self.path("Secret", name))).get("data", {})
                              and secret["data"], "the Secret is filled")
        token = base64.b64decode(data["token"]).decode()
        kit.CANARIES.add(token.encode())
        return name, token


class Asked:
    """A kube-bearer, and the API server that knows better."""

    def __init__(self, cluster, bearer, apps):
        self.cluster, self.bearer, self.apps = cluster, bearer, apps

    def both(self, token, audiences=None):
        """(kube-apiserver's answer, kube-bearer's), each as who_of() has it"""
        theirs = who_of(self.cluster.review(token, audiences), audiences)
        return theirs, who_of(self.bearer.review(token, audiences)["status"], audiences)

    def accepted(self, token, audiences=None):
        """Both say the same yes; what they say."""
        kit.eventually(lambda: self.bearer.accepts(token, audiences=audiences), "the token is accepted")
        theirs, ours = self.both(token, audiences)
        assert ours == theirs and theirs is not None
        return ours

    def refused(self, token, reason=None, audiences=None):
        """kube-bearer gets to a no that may be remembered, for this reason, and kube-apiserver to the same."""
        def count():
            return self.bearer.metric("kube_bearer_token_reviews_total", result="deny", reason=reason)
        before = count() if reason else 0
        kit.eventually(lambda: is_refusal(self.bearer.review(token, audiences)["status"]), "kube-bearer refuses the token")
        assert reason is None or count() == before + 1, reason
        self.refused_by_kubernetes(token, audiences)

    def not_accepted(self, token):
        """The same, but kube-bearer may say that it does not know (yet): what the token names, key or object, may be too new to
        have been told of. Of a legacy token nobody knows the age."""
        kit.eventually(lambda: not self.bearer.accepts(token), "kube-bearer does not accept the token")
        self.refused_by_kubernetes(token)

    def refused_by_kubernetes(self, token, audiences=None):
        kit.eventually(lambda: not is_yes(self.cluster.review(token, audiences)), "kube-apiserver refuses the token")


def who_of(status, audiences):
    """What a status says of the token's owner; None for no. Audiences count only where some were asked for: kube-bearer names
    none else, and kube-apiserver its own."""
    if not is_yes(status):
        return None
    user = status["user"]
    return {"username": user["username"], "uid": user["uid"], "groups": [each for each in user["groups"] if each != EVERYBODY],
            "extra": user.get("extra", {}), "audiences": status.get("audiences", []) if audiences is not None else []}


def is_yes(status):
    return status.get("authenticated") is True


def is_refusal(status):
    """A no that may be remembered."""
    return not is_yes(status) and not status.get("error")


def is_error(status):
    """A no that nobody remembers."""
    return not is_yes(status) and bool(status.get("error"))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(token, key, **changes):
    """The token as it would be with other claims, signed by this key; the key ID stays."""
    header, payload, _ = token.split(".")
    claims = {**json.loads(base64.urlsafe_b64decode(payload + "==")), **changes}
    text = f"{header}.{base64url(json.dumps(claims).encode())}"
    r, s = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    token = f"{text}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    kit.CANARIES.add(token.encode())
    return token


def grown_up(cluster, token):
    """The token as the cluster would have made it earlier: what it names cannot be too new to be known."""
    made = int(time.time()) - 2 * LEEWAY_SEC
    return signed(token, read_key(cluster.service_account_key), iat=made, nbf=made)


def public_pem(*keys):
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return "".join(key.public_key().public_bytes(*form).decode() for key in keys)


def read_key(file):
    return serialization.load_pem_private_key(file.read_bytes(), None)


# --- this cluster ---------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def west(start_cluster):
    """kube-bearer follows all that it can, with the rights of config/; the controller manager asks it who scrapes it."""
    cluster = start_cluster(webhook=False)
    cluster.grant_lookups()
    keys = cluster.folder / "sa.pub"
    keys.write_text(public_pem(read_key(cluster.service_account_key)))
    bearer = cluster.start_bearer(f"--service-account-issuer={ISSUER}", f"--service-account-key-file={keys}",
                                  "--service-account-lookup-secrets=all")
    cluster.start_controller_manager("serviceaccount-token-controller", *cluster.delegation_flags(bearer),
                                     f"--service-account-private-key-file={cluster.service_account_key}")
    return Asked(cluster, bearer, Apps(cluster))


@pytest.fixture
def account(west):
    return west.apps.make("ServiceAccount")


@pytest.fixture(scope="module")
def held(west):
    """One object of each kind that is being deleted and stays, with two tokens that name it: {kind: (seen, unseen)}, and when."""
    apps, tokens = west.apps, {}
    other = apps.make("ServiceAccount")
    for kind in ("ServiceAccount", *BINDINGS):
        name = apps.make(kind, account=other, finalizers=[FINALIZER])
        bound = (name,) if kind == "ServiceAccount" else (other, kind, name)
        tokens[kind] = apps.token(*bound), apps.token(*bound)
        kit.eventually(lambda: west.bearer.accepts(tokens[kind][0]), f"the token of the {kind}")
        apps.delete(kind, name)
        assert west.cluster.admin.get(apps.path(kind, name))["metadata"]["deletionTimestamp"]
        wait_told(west, kind)
    return tokens, time.monotonic()


def wait_told(asked, kind):
    """All that has happened to objects of this kind is known: a watch keeps its order."""
    account = asked.apps.make("ServiceAccount")
    bound = () if kind == "ServiceAccount" else (kind, asked.apps.make(kind, account=account))
    token = asked.apps.token(account, *bound)
    kit.eventually(lambda: asked.bearer.accepts(token), f"the token of a new {kind}")


def test_deletion_leaves_a_minute(west, held):
    """What is being deleted is good for 60 s more; test_deletion_counts_after_a_minute() has the rest."""
    tokens, began = held
    for seen, _ in tokens.values():
        west.accepted(seen)
    assert time.monotonic() < began + LEEWAY_SEC, "the machine was too slow to tell"


def kubectl_token(asked, account, *arguments):
    token = asked.cluster.kubectl("create", "token", account, f"--namespace={NAMESPACE}", *arguments).stdout.strip()
    kit.CANARIES.add(token.encode())
    return token


def test_token_is_its_user(west, account):
    answer = west.accepted(kubectl_token(west, account))
    assert answer["username"] == f"system:serviceaccount:{NAMESPACE}:{account}"
    assert answer["groups"] == ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}"]
    assert set(answer["extra"]) == {CREDENTIAL_ID}


@pytest.mark.parametrize("kind", BINDINGS)
def test_bound_token_is_its_user(west, account, kind):
    """The Pod is on a Node, which kube-apiserver names beside it."""
    node = west.apps.make("Node")
    name = node if kind == "Node" else west.apps.make(kind, account=account, node=node)
    answer = west.accepted(kubectl_token(west, account, f"--bound-object-kind={kind}", f"--bound-object-name={name}"))
    named = {key.rpartition("/")[2]: value for key, value in answer["extra"].items()}
    assert (named.get("pod-name"), named.get("node-name")) == {
        "Pod": ([name], [node]), "Node": (None, [name]), "Secret": (None, None)}[kind]


@pytest.mark.parametrize("made_for, asked_for, granted", [
    ((), None, []), ((), [ISSUER], [ISSUER]), ((), ["vault", ISSUER], [ISSUER]), ((), ["vault"], None),
    (("vault",), ["vault"], ["vault"]), (("vault",), ["spire"], None), (("vault",), None, None), (("vault",), [ISSUER], None),
    (("vault", "spire", ISSUER), ["spire", "vault", "fleet"], ["spire", "vault"]), (("vault", ISSUER), None, []),
    (("vault", "spire"), ["fleet", "consul"], None),
])
def test_audiences(west, account, made_for, asked_for, granted):
    token = kubectl_token(west, account, *(f"--audience={each}" for each in made_for))
    if granted is None:
        west.refused(token, "audience_mismatch", asked_for)
    else:
        assert west.accepted(token, asked_for)["audiences"] == granted


def test_another_key_is_refused(west, account):
    """The same claims under the same key ID; the test's own signatures are good ones."""
    token = west.apps.token(account)
    west.refused(signed(token, ec.generate_private_key(ec.SECP256R1())), "invalid_signature")
    west.accepted(signed(token, read_key(west.cluster.service_account_key)))


@pytest.mark.parametrize("claim, ago_sec, is_expected", [
    ("exp", 30, is_yes), ("exp", 90, is_refusal), ("nbf", -30, is_yes), ("nbf", -90, is_error), ("iat", -30, is_yes),
    ("iat", -90, is_error)], ids=lambda value: getattr(value, "__name__", value))
def test_times(west, account, claim, ago_sec, is_expected):
    """Clocks may differ by a minute. A no that time alone ends is none to remember."""
    token = signed(west.apps.token(account), read_key(west.cluster.service_account_key), **{claim: int(time.time()) - ago_sec})
    kit.eventually(lambda: is_expected(west.bearer.review(token)["status"]), is_expected.__name__)
    theirs, ours = west.both(token)
    assert theirs == ours


def remove(apps, kind, name, account):
    apps.delete(kind, name)


def make_anew(apps, kind, name, account):
    apps.delete(kind, name)
    apps.make(kind, name, account=account)


@pytest.mark.parametrize("change, reason", [(remove, "unknown_object"), (make_anew, "object_uid_mismatch")])
@pytest.mark.parametrize("kind", ["ServiceAccount", *BINDINGS])
def test_revoked(west, account, kind, change, reason):
    """Gone is gone, whatever the leeway, and another object of the same name is another one."""
    name = account if kind == "ServiceAccount" else west.apps.make(kind, account=account)
    other = west.apps.make("ServiceAccount") if kind == "ServiceAccount" else account
    bound = () if kind == "ServiceAccount" else (kind, name)
    young, unseen, others = west.apps.token(account, *bound), west.apps.token(account, *bound), west.apps.token(other)
    seen = grown_up(west.cluster, young)
    west.accepted(young)
    west.accepted(seen)
    change(west.apps, kind, name, account)
    wait_told(west, kind)
    west.refused(grown_up(west.cluster, unseen), reason)
    west.not_accepted(unseen)
    assert is_refusal(west.bearer.review(seen)["status"])
    assert not west.bearer.accepts(young)
    west.accepted(others)


def test_pod_deleted_with_grace(west, account):
    """A Pod may use its token until it is gone: that is for the kubelet to say, here for us."""
    node = west.apps.make("Node")
    pod = west.apps.make("Pod", account=account, node=node)
    before, during, after = (west.apps.token(account, "Pod", pod) for _ in range(3))
    west.accepted(before)
    west.apps.delete("Pod", pod, grace_sec=30)
    assert west.cluster.admin.get(west.apps.path("Pod", pod))["metadata"]["deletionGracePeriodSeconds"] == 30
    wait_told(west, "Pod")
    west.accepted(during)
    west.apps.delete("Pod", pod)  # the kubelet's last word
    wait_told(west, "Pod")
    west.refused(grown_up(west.cluster, after), "unknown_object")
    assert not west.bearer.accepts(before)


# --- freshly made -----------------------------------------------------------------------------------------------

def test_token_used_at_once(west):
    """Its ServiceAccount exists, so the token is good, although the watch may not have told of it yet."""
    answers = []
    for _ in range(INSTANTS):
        token = west.apps.token(west.apps.make("ServiceAccount"))
        answers.append(west.bearer.review(token)["status"])
    assert [each for each in answers if not is_yes(each)] == []


@pytest.mark.parametrize("kind", BINDINGS)
def test_bound_token_used_at_once(west, account, kind):
    answers = []
    for _ in range(INSTANTS // len(BINDINGS)):
        token = west.apps.token(account, kind, west.apps.make(kind, account=account))
        answers.append(west.bearer.review(token)["status"])
    assert [each for each in answers if not is_yes(each)] == []


@pytest.fixture(scope="module")
def told_late(west):
    """(kube-bearer, the proxy by which it hears of west)"""
    cluster = west.cluster
    with FaultProxy(cluster.authority.issue(), cluster.url, cluster.authority.pem) as proxy:
        bearer = cluster.start_bearer(f"--service-account-issuer={ISSUER}",
                                      f"--service-account-key-file={cluster.service_account_key}",
                                      name="told-late", port=kit_cluster.BEARER_PORT + 3, server_url=proxy.url)
        try:
            yield bearer, proxy
        finally:
            bearer.stop()


@pytest.mark.parametrize("late_sec, is_expected", [(0.3, is_yes), (2 * PATIENCE_SEC, is_error)],
                         ids=["in time", "too late"])
def test_token_used_before_the_watch_tells(west, told_late, late_sec, is_expected):
    """Whoever asks waits for that, for so long and no longer; a no is none to remember then."""
    bearer, proxy = told_late
    account = f"told-late-{late_sec}"
    happened = proxy.spoil_line(faults.late_line(late_sec), containing=f'"name":"{account}"'.encode())
    token = west.apps.token(west.apps.make("ServiceAccount", account))
    began = time.monotonic()
    status = bearer.review(token)["status"]
    took_sec = time.monotonic() - began
    assert is_expected(status) and happened, (status, took_sec)
    assert min(late_sec, PATIENCE_SEC) - 0.2 < took_sec < min(late_sec, PATIENCE_SEC) + kit.SLOW
    bearer.wait_accepts(token)


# --- legacy tokens ----------------------------------------------------------------------------------------------

def secret_data(apps, name):
    return apps.cluster.admin.get(apps.path("Secret", name))["data"]


def test_legacy_token_is_its_user(west, account):
    _, token = west.apps.legacy_token(account)
    answer = west.accepted(token)
    assert answer["username"] == f"system:serviceaccount:{NAMESPACE}:{account}" and answer["extra"] == {}
    assert west.accepted(token, [ISSUER, "vault"])["audiences"] == [ISSUER]
    west.refused(token, "audience_mismatch", ["vault"])


def test_legacy_token_that_its_secret_no_longer_has(west, account):
    """Another good one stands in its place."""
    name, token = west.apps.legacy_token(account)
    other, others = west.apps.legacy_token(account)
    kit.eventually(lambda: west.bearer.accepts(token), "the legacy token")
    was = secret_data(west.apps, name)["token"]
    west.cluster.admin.patch(west.apps.path("Secret", name), {"data": {"token": secret_data(west.apps, other)["token"]}})
    west.refused(token)
    west.accepted(others)
    west.cluster.admin.patch(west.apps.path("Secret", name), {"data": {"token": was}})
    west.accepted(token)


def test_legacy_token_marked_as_invalid(west, account):
    name, token = west.apps.legacy_token(account)
    kit.eventually(lambda: west.bearer.accepts(token), "the legacy token")
    west.cluster.admin.patch(west.apps.path("Secret", name), {"metadata": {"labels": {INVALID_SINCE: "2026-01-02"}}})
    west.refused(token, "token_invalidated")
    west.cluster.admin.patch(west.apps.path("Secret", name), {"metadata": {"labels": {INVALID_SINCE: None}}})
    west.accepted(token)


@pytest.mark.parametrize("kind", ["Secret", "ServiceAccount"])
@pytest.mark.parametrize("is_held", [False, True], ids=["gone", "being deleted"])
def test_legacy_token_of_what_was_deleted(west, kind, is_held):
    """There is no leeway for one that has no end."""
    account = west.apps.make("ServiceAccount")
    name, token = west.apps.legacy_token(account)
    kit.eventually(lambda: west.bearer.accepts(token), "the legacy token")
    path = west.apps.path(kind, name if kind == "Secret" else account)
    if is_held:
        west.cluster.admin.patch(path, {"metadata": {"finalizers": [FINALIZER]}})
    west.cluster.admin.delete(path)
    west.not_accepted(token)


# --- a component that delegates authentication --------------------------------------------------------------------

def test_component_that_delegates_authentication(west, account):
    """A Pod scrapes the controller manager with the token that its kubelet projects."""
    pod = west.apps.make("Pod", account=account)
    token = west.apps.token(account, "Pod", pod, expirationSeconds=PROJECTED_SEC)
    other = west.apps.make("ServiceAccount")
    status, body = west.cluster.scrape(west.apps.token(other))
    assert status == 403 and f"system:serviceaccount:{NAMESPACE}:{other}".encode() in body, (status, body)
    west.cluster.kubectl("create", "clusterrolebinding", f"e2e-{account}", "--clusterrole=system:monitoring",
                         f"--serviceaccount={NAMESPACE}:{account}")
    kit.eventually(lambda: west.cluster.scrape(token)[0] == 200, "the scrape", interval=0.05)
    assert west.cluster.scrape(west.apps.token(account, audiences=["vault"]))[0] == 401
    assert west.cluster.scrape(token[:-8] + "AAAAAAAA")[0] == 401


# --- other clusters -----------------------------------------------------------------------------------------------

class Fleet:
    """Two clusters of one issuer and the kube-bearer that answers for both; it was started while east was away."""

    def __init__(self, west, cluster):
        self.west, self.east = west.apps, Apps(cluster)
        self.clusters = {"west": west.cluster, "east": cluster}
        self.account = {"west": west.apps.make("ServiceAccount"), "east": self.east.make("ServiceAccount")}
        entries = []
        for name, of in self.clusters.items():
            of.grant()
            of.grant_lookups()
            config = of.write_kubeconfig("fleet", token_file=of.service_account_token())
            entries.append({"name": name, "issuer": ISSUER, "kubeconfig": str(config), "usernamePrefix": f"{name}:",
                            "groupPrefix": f"{name}:", "audiences": [FLEET], "legacy": True})
        (cluster.folder / "none").mkdir()
        config = cluster.folder / "fleet.yaml"
        config.write_text(json.dumps({"apiVersion": "kube-bearer/v1alpha1", "kind": "Configuration",
                                      "serviceAccountIssuers": entries}))
        tokens = {name: self.token(name) for name in self.clusters}
        cluster.apiserver.kill()
        self.bearer = cluster.start_bearer(store=[f"--config={config}", f"--manifests={cluster.folder}/none"])
        kit.eventually(lambda: self.bearer.accepts(tokens["west"], audiences=[FLEET]), "west's token, east being away")
        self.begun = {name: self.ask(token) for name, token in tokens.items()}
        self.begun["nobody"] = self.ask(with_key_id(tokens["west"], "nobody"))
        cluster.apiserver.start()
        kit.eventually(lambda: self.bearer.accepts(tokens["east"], audiences=[FLEET]), "east's token", 3 * kit.DEADLINE_SEC)

    def apps(self, name):
        return {"west": self.west, "east": self.east}[name]

    def token(self, name, audiences=(FLEET,)):
        return self.apps(name).token(self.account[name], audiences=list(audiences))

    def ask(self, token, audiences=(FLEET,)):
        return self.bearer.review(token, list(audiences))["status"]


def with_key_id(token, kid):
    """A token with another header: its signature is good no longer."""
    return ".".join([base64url(json.dumps({"alg": "ES256", "kid": kid}).encode()), *token.split(".")[1:]])


@pytest.fixture(scope="module")
def fleet(west, start_cluster):
    return Fleet(west, start_cluster(flags=[f"--api-audiences={ISSUER},{FLEET}"]))


def abroad(answer, name):
    """An answer of a cluster's own API server, as another cluster is to know it."""
    return {**answer, "username": f"{name}:{answer['username']}", "groups": [f"{name}:{group}" for group in answer["groups"]],
            "extra": {key: value for key, value in answer["extra"].items() if key == CREDENTIAL_ID}}


def test_cluster_that_is_away_from_the_start(fleet):
    """Its tokens are no errors of their owners: nobody is to remember the no. The other cluster's are answered."""
    assert is_yes(fleet.begun["west"])
    assert is_error(fleet.begun["east"])
    assert is_error(fleet.begun["nobody"]), "it may have been a key of the cluster that was away"


@pytest.mark.parametrize("name", ["west", "east"])
def test_whose_token_it_is_its_key_decides(fleet, name):
    token = fleet.token(name)
    theirs = who_of(fleet.clusters[name].review(token, [FLEET]), [FLEET])
    kit.eventually(lambda: fleet.bearer.accepts(token, audiences=[FLEET]), "the token")
    assert who_of(fleet.ask(token), [FLEET]) == abroad(theirs, name)


def test_bound_token_of_another_cluster(fleet, west):
    """Pod and Node are names of another cluster, which mean nothing here."""
    pod = west.apps.make("Pod", account=fleet.account["west"], node=west.apps.make("Node"))
    seen, unseen = (west.apps.token(fleet.account["west"], "Pod", pod, audiences=[FLEET]) for _ in range(2))
    kit.eventually(lambda: fleet.bearer.accepts(seen, audiences=[FLEET]), "the Pod's token")
    theirs = who_of(west.cluster.review(seen, [FLEET]), [FLEET])
    assert len(theirs["extra"]) > 1 and who_of(fleet.ask(seen), [FLEET]) == abroad(theirs, "west")
    west.apps.delete("Pod", pod)
    kit.eventually(lambda: is_refusal(fleet.ask(grown_up(west.cluster, unseen))), "the Pod is gone")
    assert not is_yes(fleet.ask(seen))


def test_legacy_token_of_another_cluster(fleet, west):
    name, token = west.apps.legacy_token(fleet.account["west"])
    kit.eventually(lambda: fleet.bearer.accepts(token, audiences=[FLEET]), "the legacy token")
    theirs = who_of(west.cluster.review(token), None)
    assert who_of(fleet.ask(token), [FLEET]) == {**abroad(theirs, "west"), "audiences": [FLEET]}
    west.apps.delete("Secret", name)
    kit.eventually(lambda: not is_yes(fleet.ask(token)), "the Secret is gone")


@pytest.mark.parametrize("audiences", [[ISSUER], ["vault"], [FLEET, "vault"]], ids=" ".join)
def test_audiences_of_another_cluster(fleet, audiences):
    """Only what is its entry's, the token's and the question's."""
    token = fleet.token("west", audiences)
    answer = who_of(fleet.ask(token, audiences), audiences)
    assert (answer and answer["audiences"]) == ([FLEET] if FLEET in audiences else None)
    assert is_refusal(fleet.ask(token, [ISSUER]))


def test_key_that_no_cluster_has(fleet):
    """Once all have said which keys they have, it is a no like any other."""
    unknown = with_key_id(fleet.token("west"), "nobody")
    kit.eventually(lambda: is_refusal(fleet.ask(unknown)), "the no", 2 * JWKS_COOL_DOWN_SEC * kit.SLOW)


def test_kube_apiserver_that_asks(fleet):
    """East's API server knows nothing of west's keys. It takes the bearer for the user that its webhook says."""
    east, account = fleet.clusters["east"], fleet.account["west"]
    user = east.whoami(fleet.token("west"))
    assert user["username"] == f"west:system:serviceaccount:{NAMESPACE}:{account}"
    assert user["groups"] == ["west:system:serviceaccounts", f"west:system:serviceaccounts:{NAMESPACE}", EVERYBODY]
    assert east.whoami(fleet.token("east"))["username"] == f"system:serviceaccount:{NAMESPACE}:{fleet.account['east']}"
    assert east.whoami(fleet.token("west", [ISSUER])) is None, "a token that any Pod of west has"
    assert fleet.clusters["west"].whoami(fleet.token("east", [ISSUER])) is None, "west asks nobody"


def test_rights_of_another_clusters_user(fleet):
    """RBAC knows him by his whole name."""
    east, account = fleet.clusters["east"], fleet.account["west"]
    token = fleet.token("west")
    question = ("auth", "can-i", "list", "configmaps", "--all-namespaces")
    assert east.kubectl(*question, token=token, check=False).stdout.startswith("no")
    east.kubectl("create", "clusterrole", "e2e-reader", "--verb=list", "--resource=configmaps")
    east.kubectl("create", "clusterrolebinding", "e2e-reader", "--clusterrole=e2e-reader",
                 f"--user=west:system:serviceaccount:{NAMESPACE}:{account}")
    kit.eventually(lambda: east.kubectl(*question, token=token, check=False).stdout.startswith("yes"), "the rights",
                   interval=0.05)


def test_cluster_that_goes_away_and_comes_back(fleet):
    """What was known last goes on answering, new tokens included; what happened meanwhile counts afterwards."""
    east, apps = fleet.clusters["east"], fleet.east
    account = apps.make("ServiceAccount")
    before, unseen = (grown_up(east, apps.token(account, audiences=[FLEET])) for _ in range(2))
    kit.eventually(lambda: fleet.bearer.accepts(before, audiences=[FLEET]), "the token")
    east.apiserver.kill()
    try:
        remark = kit.eventually(lambda: re.search("^.*east.*no contact.*$", fleet.bearer.health("/readyz?verbose").text, re.M),
                                "a remark on it")
        assert remark.group().startswith("[+]cluster/east ok: ") and fleet.bearer.health("/readyz").status == 200
        assert fleet.bearer.metric("kube_bearer_cluster_connected", cluster="east") == 0
        assert fleet.bearer.metric("kube_bearer_cluster_connected", cluster="west") == 1
        for token in (before, unseen, fleet.token("west")):
            assert is_yes(fleet.ask(token))
    finally:
        east.apiserver.start()
    apps.delete("ServiceAccount", account)
    kit.eventually(lambda: is_refusal(fleet.ask(before)), "the ServiceAccount is gone", 3 * kit.DEADLINE_SEC)
    assert is_refusal(fleet.ask(unseen))


# --- keys that change -----------------------------------------------------------------------------------------------

class Rotation:
    """West's key, and one that is to come in its place."""

    numbers = itertools.count()

    def __init__(self, cluster):
        self.cluster, self.old = cluster, cluster.service_account_key
        self.new = cluster.folder / f"new-{next(self.numbers)}.key"
        self.new.write_bytes(rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))

    def serve(self, *files):
        """kube-apiserver signs with the first of these keys, and knows all."""
        self.cluster.apiserver.kill()
        flags = ("--service-account-signing-key-file=", "--service-account-key-file=")
        command = [word for word in self.cluster.apiserver.command if not word.startswith(flags)]
        self.cluster.apiserver.command = [*command, f"{flags[0]}{files[0]}", *(f"{flags[1]}{file}" for file in files)]
        self.cluster.apiserver.start()
        # By the new key, as the kubelet would bring one: the old one may be known to nobody in a moment.
        self.cluster.service_account_token()


@pytest.fixture
def rotation(west):
    rotation = Rotation(west.cluster)
    yield rotation
    rotation.serve(rotation.old)


def start_rotated(west, name, port, *arguments):
    bearer = west.cluster.start_bearer(f"--service-account-issuer={ISSUER}", *arguments, name=name, port=port)
    return Asked(west.cluster, bearer, west.apps)


def test_rotation_of_key_files(west, account, rotation):
    """Both keys, then the new one alone: kube-bearer follows its file."""
    keys = west.cluster.folder / "rotated.pub"
    keys.write_text(public_pem(read_key(rotation.old)))
    asked = start_rotated(west, "by-file", kit_cluster.BEARER_PORT + 1, f"--service-account-key-file={keys}")
    was, was_unseen = west.apps.token(account), west.apps.token(account)
    asked.accepted(was)

    kit.replace_file(keys, public_pem(read_key(rotation.old), read_key(rotation.new)))
    rotation.serve(rotation.new, rotation.old)
    token = west.apps.token(account)
    asked.accepted(token)
    asked.accepted(was)

    kit.replace_file(keys, public_pem(read_key(rotation.new)))
    rotation.serve(rotation.new)
    asked.refused(was_unseen, "unknown_key")
    asked.accepted(token)
    assert is_refusal(asked.bearer.review(was)["status"])


def test_rotation_of_the_api_servers_keys(west, account, rotation):
    """kube-bearer has nothing but its kubeconfig. A key ID that it does not know makes it ask for the keys."""
    asked = start_rotated(west, "by-api", kit_cluster.BEARER_PORT + 2)
    was, was_unseen = west.apps.token(account), west.apps.token(account)
    asked.accepted(was)

    rotation.serve(rotation.new, rotation.old)
    token = west.apps.token(account)
    assert asked.bearer.accepts(token), "the first token of a new key"
    asked.accepted(token)
    asked.accepted(was)

    rotation.serve(rotation.new)
    unknown = with_key_id(token, "nobody")
    kit.eventually(lambda: is_refusal(asked.bearer.review(unknown)["status"]), "the keys are fetched again",
                   2 * JWKS_COOL_DOWN_SEC * kit.SLOW, interval=0.2)
    asked.not_accepted(was_unseen)  # its key is one that nobody knows; they were fetched before it came, so that says little
    asked.accepted(token)
    assert not asked.bearer.accepts(was)


def test_deletion_counts_after_a_minute(west, held):
    """Of what test_deletion_leaves_a_minute() has seen the beginning. It is the last one, so that there is little to wait for."""
    tokens, began = held
    time.sleep(max(0, began + LEEWAY_SEC + 2 - time.monotonic()))
    for seen, unseen in tokens.values():
        west.refused(unseen, "object_deleted")
        assert is_refusal(west.bearer.review(seen)["status"])
