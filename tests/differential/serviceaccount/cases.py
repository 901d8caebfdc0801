# SPDX-License-Identifier: Apache-2.0
"""What a case consists of: the objects that stand in the API for it, and a token about them.

A case is made from its Recipe and from nothing else, so that one under a fresh ID, or with a rule less, is made again.
"""
import base64
import datetime
import json
import random
import time
import uuid
from dataclasses import dataclass, field

import kit
from cases import Question
from serviceaccount.keys import NATURAL
from serviceaccount.tokens import LEEWAY_SEC, At, Draft, KeyId, Members

KINDS = ("account", "pod", "pod and node", "node", "secret", "legacy")  # what a token is bound to; or it is a permanent one
LEGACY = ("legacy",)
BOUND = KINDS[:-1]
ISSUERS = (kit.API_AUDIENCE, "https://second.example/issuer")  # kit_cluster's own, and one more
LEGACY_ISSUER = "kubernetes/serviceaccount"
LEGACY_PREFIX = "kubernetes.io/serviceaccount/"
ANNOTATION = "kubernetes.io/service-account"
TOKEN_TYPE = "kubernetes.io/service-account-token"
PLURALS = {"ServiceAccount": "serviceaccounts", "Pod": "pods", "Node": "minions", "Secret": "secrets"}  # in etcd
OLD = At(-120)  # kube-bearer waits for the objects of a token that is younger than a minute


@dataclass
class Object:
    """As it shall stand in the API."""
    kind: str
    name: str
    namespace: str
    uid: str
    deleted: int = None  # its deletionTimestamp, in seconds from when it is written
    metadata: dict = field(default_factory=dict)
    fields: dict = field(default_factory=dict)
    token: object = None  # of a Secret: (the token that is presented) -> what data.token holds

    @property
    def key(self):
        """In etcd."""
        return f"/registry/{PLURALS[self.kind]}/{self.namespace + '/' if self.namespace else ''}{self.name}"

    def json(self, now, presented):
        metadata = {"name": self.name, "uid": self.uid, "creationTimestamp": "2025-01-01T00:00:00Z", **self.metadata}
        if self.namespace:
            metadata["namespace"] = self.namespace
        if self.deleted is not None:
            metadata["deletionTimestamp"] = rfc3339(now + self.deleted)
            metadata.setdefault("finalizers", ["kube-bearer.invalid/differential"])
        body = {"apiVersion": "v1", "kind": self.kind, "metadata": metadata, **self.fields}
        if self.token:
            body["data"] = {**body.get("data", {}), "token": base64.b64encode(self.token(presented)).decode()}
        return json.dumps(body)

    def borders(self, now):
        """When its deletion counts."""
        return [] if self.deleted is None else [int(now) + self.deleted + LEEWAY_SEC]


def rfc3339(now):
    return datetime.datetime.fromtimestamp(int(now), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Gone(Exception):
    """A rule before has taken away what this one is about."""


class Roles(dict):
    def __missing__(self, role):
        raise Gone(role)


@dataclass
class Subject:
    """The objects of one case by their role: account, pod, node, secret, token, and others that rules add."""
    id: str
    rng: random.Random
    namespace: str
    objects: Roles = field(default_factory=Roles)
    earlier: dict = field(default_factory=dict)  # what stood there before these, if anything did
    presented: str = ""  # what a permanent token's Secret shall hold

    @property
    def before(self):
        return (self.presented, self.earlier) if self.earlier else None

    @property
    def after(self):
        return self.presented, self.objects

    def uid(self):
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def add(self, role, kind, **members):
        self.objects[role] = Object(kind, f"{role}-{self.id}", "" if kind == "Node" else self.namespace, self.uid(), **members)
        return self.objects[role]


@dataclass(frozen=True)
class Recipe:
    id: str
    kind: str
    audiences: tuple  # that are asked for; None: the member is left out
    key: str = "p256"
    issuer: int = 0
    taste: float = None  # chooses what does not matter; None: nothing beside what must be
    steps: tuple = ()  # (rule's name, seed of its choices)
    without: tuple = ()  # claims that a smaller case has not
    version: str = "v1"
    listing: str = ""  # the name of the audiences


@dataclass
class Case(Question):
    recipe: Recipe = None
    draft: Draft = None
    keys: object = None

    def present(self, now):
        return (self.token, ()) if self.token else self.draft.issue(self.keys, now)


def reference(thing):
    return Members(("name", thing.name), ("uid", thing.uid))


def good_objects(subject, kind):
    """What a token of that kind needs."""
    subject.add("account", "ServiceAccount")
    if kind in ("pod", "pod and node"):
        account = subject.objects["account"].name
        subject.add("pod", "Pod", fields={"spec": {"serviceAccountName": account, "containers": [{"name": "c", "image": "i"}]}})
    if kind in ("node", "pod and node"):
        subject.add("node", "Node")
    if kind == "secret":
        subject.add("secret", "Secret", fields={"type": "Opaque"})
    if kind in LEGACY:
        account = subject.objects["account"]
        subject.add("token", "Secret", token=str.encode, fields={"type": TOKEN_TYPE}, metadata={
            "annotations": {ANNOTATION + ".name": account.name, ANNOTATION + ".uid": account.uid}})


def legacy_claims(subject):
    account, secret = subject.objects["account"], subject.objects["token"]
    return Members(("iss", LEGACY_ISSUER), (LEGACY_PREFIX + "namespace", account.namespace),
                   (LEGACY_PREFIX + "secret.name", secret.name), (LEGACY_PREFIX + "service-account.name", account.name),
                   (LEGACY_PREFIX + "service-account.uid", account.uid),
                   ("sub", f"system:serviceaccount:{account.namespace}:{account.name}"))


def bound_claims(subject, kind, issuer, ours, rng):
    """rng: None for the plainest"""
    account = subject.objects["account"]
    private = Members(("namespace", account.namespace), ("serviceaccount", reference(account)))
    for role in kind.split(" and "):
        if role != "account":
            private.add(role, reference(subject.objects[role]))
    claims = Members()
    claims.add("aud", list(ours))
    claims.add("exp", At(3600))
    claims.add("iat", OLD)
    claims.add("iss", issuer)
    claims.add("jti", subject.uid())
    claims.add("kubernetes.io", private)
    claims.add("nbf", OLD)
    claims.add("sub", f"system:serviceaccount:{account.namespace}:{account.name}")
    if rng:
        claims.set("aud", rng.choice([list(ours), list(ours), ours[:1], ours[1:], [*ours, "third.example"], ["third.example", ours[1]]]))
        claims.set("iat", rng.choice([OLD] * 8 + [At(0), At(-86400)]))
        if rng.random() < 0.2:
            private.add("warnafter", At(rng.choice([-3600, 3600])))
        if rng.random() < 0.3:
            rng.shuffle(claims.pairs)
    return claims


def build(recipe, world):
    """world: keys, audiences (those of both servers) and rules ({name: what it does})"""
    rng = random.Random(recipe.id)
    subject = Subject(recipe.id, rng, rng.choice(["default", "kube-system", "team-a"]))
    good_objects(subject, recipe.kind)
    taste = None if recipe.taste is None else random.Random(recipe.taste)
    if recipe.kind in LEGACY:
        claims = legacy_claims(subject)
    else:
        claims = bound_claims(subject, recipe.kind, ISSUERS[recipe.issuer], list(world.audiences), taste)
    algorithm = NATURAL[recipe.key]
    header = Members(("alg", algorithm), ("kid", KeyId(recipe.key)))
    draft = Draft(header, claims, recipe.key, algorithm)
    for number, (name, seed) in enumerate(recipe.steps):
        try:
            world.rules[name](draft, subject, random.Random(seed))
        except Gone:
            assert number > 0, f"{name}: a token of the kind {recipe.kind} has no such object"
    for name in recipe.without:
        draft.claims.drop(name)
    case = Case(subject, "", None if recipe.audiences is None else list(recipe.audiences), recipe.version,
                [f"kind: {recipe.kind}", f"key: {recipe.key}", *(name for name, _ in recipe.steps), f"audiences: {recipe.listing}"],
                recipe, draft, world.keys)
    if recipe.kind in LEGACY:
        case.token, _ = draft.issue(world.keys, time.time())
        subject.presented = case.token
    return case
