# SPDX-License-Identifier: Apache-2.0
"""What is tried on the objects that a token is about, as in claim_rules.py."""
import copy

from serviceaccount.cases import BOUND, KINDS, LEGACY, TOKEN_TYPE, Object
from serviceaccount.claim_rules import WITH_NODE, WITH_POD, WITH_SECRET
from serviceaccount.tokens import LEEWAY_SEC, At

ROLES = [("account", KINDS), ("pod", WITH_POD), ("node", WITH_NODE), ("secret", WITH_SECRET), ("token", LEGACY)]
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
LABELS = {"invalid": INVALID_SINCE, "used": "kubernetes.io/legacy-token-last-used"}


def acts(change):
    """change(object, subject, rng); it is the one of the role."""
    def rule(role):
        def apply(draft, subject, rng):
            if role in subject.objects:
                change(subject.objects[role], subject, rng)
        return apply
    return rule


def leaves(role):
    def apply(draft, subject, rng):
        subject.objects.pop(role, None)
    return apply


def earlier(change):
    """Something stood there before: change(subject, role, a copy of what stands there now, rng)."""
    def rule(role):
        def apply(draft, subject, rng):
            if role not in subject.objects:
                return
            if not subject.earlier:
                subject.earlier = dict(subject.objects)
            subject.earlier[role] = copy.deepcopy(subject.objects[role])
            change(subject, role, subject.earlier[role], rng)
        return apply
    return rule


def sets(member, value):
    return acts(lambda thing, subject, rng: setattr(thing, member, value(thing, subject, rng) if callable(value) else value))


def merges(**fields):
    return acts(lambda thing, subject, rng: thing.fields.update(fields))


def labelled(**labels):
    return acts(lambda thing, subject, rng: thing.metadata.update(labels={LABELS[name]: value for name, value in labels.items()}))


def was_recreated(subject, role, old, rng):
    """The token knows the new one."""
    old.uid = subject.uid()


def will_be_recreated(subject, role, old, rng):
    """The token knows the one before."""
    subject.objects[role].uid = subject.uid()


def is_deleted(subject, role, old, rng):
    del subject.objects[role]


def gets_deleted(offset):
    def change(subject, role, old, rng):
        subject.objects[role].deleted = offset
    return change


def comes_back(subject, role, old, rng):
    """It was being deleted; another stands there."""
    old.deleted = -3600
    old.uid = subject.uid()


def appears(subject, role, old, rng):
    del subject.earlier[role]


def moves(subject, role, old, rng):
    thing = subject.objects[role]
    if thing.namespace:
        thing.namespace = "elsewhere"


def is_young(role):
    """It is not there, and the token was made just now."""
    def apply(draft, subject, rng):
        subject.objects.pop(role, None)
        if "iat" in draft.claims.names():
            draft.claims.set("iat", At(0))
    return apply


def takes_another_name(thing, subject, rng):
    thing.name = "x" + thing.name


DELETIONS = [86400 * 365, 3600, LEEWAY_SEC + 30, 30, 0, 20 - LEEWAY_SEC, -LEEWAY_SEC - 30, -3600, -86400 * 365]
BORDERS = range(-LEEWAY_SEC - 4, 3 - LEEWAY_SEC)  # crossed while questions are asked
ODD_METADATA = {"labels": {"a": "b"}, "annotations": {"x/y": "\"\\\n\u2028\U0001f600}{"}, "managedFields": [
    {"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
    "fieldsV1": {"f:metadata": {"f:uid": {}, "f:name": {}}}}],
    "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "deletionTimestamp", "uid": "uid"}], "generation": 3}

EACH = [
    ("not there", leaves),
    ("another one", acts(lambda thing, subject, rng: setattr(thing, "uid", subject.uid()))),
    ("one of a uid in capitals", acts(lambda thing, subject, rng: setattr(thing, "uid", thing.uid.upper()))),
    ("under another name", acts(takes_another_name)),
    ("in another namespace", acts(lambda thing, subject, rng: setattr(thing, "namespace", "elsewhere" if thing.namespace else ""))),
    *[(f"being deleted {offset:+} s", sets("deleted", offset)) for offset in DELETIONS],
    ("of odd metadata", acts(lambda thing, subject, rng: thing.metadata.update(copy.deepcopy(ODD_METADATA)))),
    ("with a finalizer", acts(lambda thing, subject, rng: thing.metadata.update(finalizers=["example.test/x"]))),
    ("was another", earlier(was_recreated)), ("is another than it was", earlier(will_be_recreated)), ("was deleted", earlier(is_deleted)),
    ("was there, is being deleted since now", earlier(gets_deleted(0))),
    ("was there, is being deleted since long", earlier(gets_deleted(-3600))),
    ("was being deleted, is another", earlier(comes_back)), ("appeared", earlier(appears)), ("moved", earlier(moves)),
    ("changed a label", earlier(lambda subject, role, old, rng: old.metadata.update(labels={"a": "b"}))),
]


def data_token(name, value):
    return f"the Secret's token: {name}", LEGACY, acts(lambda thing, subject, rng: setattr(thing, "token", value))("token")


def other_bytes(token):
    return token[:-4].encode() + b"\xff\0\xfe\x80"


DATA_TOKENS = [
    ("absent", None), ("empty", lambda t: b""), ("newline behind", lambda t: t.encode() + b"\n"),
    ("blank in front", lambda t: b" " + t.encode()),
    ("NUL behind", lambda t: t.encode() + b"\0"), ("one short", lambda t: t[:-1].encode()), ("first letter", lambda t: t[:1].encode()),
    ("twice", lambda t: t.encode() * 2), ("another", lambda t: b"another"),
    ("one letter of another case", lambda t: t.replace("e", "E", 1).encode()),
    ("another signature", lambda t: t.rsplit(".", 1)[0].encode() + b".AAAA"), ("other bytes", other_bytes),
    ("upper case", lambda t: t.upper().encode()),
    ("100 KiB behind", lambda t: t.encode() + b"x" * 102400), ("padded", lambda t: t.encode() + b"="),
    ("NUL in front", lambda t: b"\0" + t.encode()),
]


def had_another_token(subject, role, old, rng):
    old.token = lambda token: b"another"


def gets_another_token(subject, role, old, rng):
    subject.objects[role].token = lambda token: b"another"


def gets_invalid(subject, role, old, rng):
    subject.objects[role].metadata["labels"] = {INVALID_SINCE: "2025-01-01"}


def was_invalid(subject, role, old, rng):
    old.metadata["labels"] = {INVALID_SINCE: "2025-01-01"}


def loses_its_token(subject, role, old, rng):
    subject.objects[role].token = None


def changes_type(subject, role, old, rng):
    """Which the API does not let anybody do, but by deleting it first."""
    subject.objects[role].fields["type"] = "Opaque"
    subject.objects[role].uid = subject.uid()


def is_listed(draft, subject, rng):
    """As a Secret that was made for the account by itself."""
    subject.objects["account"].fields["secrets"] = [{"name": subject.objects["token"].name}]


def is_bound_to_a_token_secret(draft, subject, rng):
    subject.objects["secret"].fields = {"type": TOKEN_TYPE, "data": {"token": "eA=="}}


def pod_of_another_account(draft, subject, rng):
    subject.objects["pod"].fields["spec"]["serviceAccountName"] = "another"


def has_a_namesake(draft, subject, rng):
    """The same names in another namespace, of other objects."""
    for role, thing in list(subject.objects.items()):
        if thing.namespace:
            subject.objects[f"namesake-{role}"] = Object(thing.kind, thing.name, "elsewhere", subject.uid(), fields=thing.fields)


OBJECT_RULES = [
    *[(f"{role}: {name}", kinds, rule(role)) for role, kinds in ROLES for name, rule in EACH],
    *[(f"{role}: being deleted, on the border", kinds,
    sets("deleted", lambda thing, subject, rng: rng.choice(BORDERS))(role)) for role, kinds in ROLES] * 4,
    *[(f"{role}: not there, and the token is young", BOUND, is_young(role)) for role, kinds in ROLES[:1]],
    *[data_token(name, value) for name, value in DATA_TOKENS],
    *[(f"the Secret's type {value!r}", LEGACY, merges(type=value)("token")) for value in ("Opaque", "", TOKEN_TYPE + "s",
    TOKEN_TYPE.upper())],
    *[(f"invalid since {value!r}", LEGACY, labelled(invalid=value)("token")) for value in ("2025-01-01", "2099-01-01", "x", "", "0")],
    *[(f"last used {value!r}", LEGACY, labelled(used=value)("token")) for value in ("2025-01-01", "x", "")],
    ("invalid since beside last used", LEGACY, labelled(used="2025-01-01", invalid="2025-01-01")("token")),
    ("the Secret has more data", LEGACY, merges(data={"ca.crt": "eA==", "namespace": "eA==", "Token": "eA=="})("token")),
    ("the Secret has no annotations", LEGACY, acts(lambda thing, subject, rng: thing.metadata.pop("annotations", None))("token")),
    ("the Secret's annotations name another", LEGACY, acts(lambda thing, subject, rng: thing.metadata.update(
        annotations={"kubernetes.io/service-account.name": "x", "kubernetes.io/service-account.uid": "x"}))("token")),
    ("the Secret is immutable", LEGACY, merges(immutable=True)("token")),
    *[(f"the Secret {name}", LEGACY, earlier(change)("token")) for name, change in
      (("had another token", had_another_token), ("has another token now", gets_another_token), ("became invalid", gets_invalid),
       ("was invalid", was_invalid), ("lost its token", loses_its_token), ("changed its type", changes_type))],
    ("the Secret is listed", LEGACY, is_listed),
    ("bound to a token Secret", WITH_SECRET, is_bound_to_a_token_secret),
    ("the pod is another account's", WITH_POD, pod_of_another_account),
    *[(f"the pod has ended: {phase}", WITH_POD, merges(status={"phase": phase})("pod")) for phase in ("Succeeded", "Failed")],
    ("the node is unschedulable", WITH_NODE, merges(spec={"unschedulable": True})("node")),
    ("the account wants no token mounted", KINDS,
     merges(automountServiceAccountToken=False, imagePullSecrets=[{"name": "x"}])("account")),
    ("namesakes elsewhere", KINDS, has_a_namesake),
]
