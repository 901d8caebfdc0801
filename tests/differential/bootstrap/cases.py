# SPDX-License-Identifier: Apache-2.0
"""What a case consists of: Secrets in the API, and a question about a token."""
import base64
import copy
import datetime
from dataclasses import dataclass, field

NAMESPACE = "kube-system"
TYPE = "bootstrap.kubernetes.io/token"
NAME_PREFIX = "bootstrap-token-"


@dataclass
class Soon:
    """An expiration near the moment when it is written, so that its instant comes while questions are being asked."""
    after_sec: float
    form: str

    def at(self, now):
        """(the instant in seconds since 1970, its text); whole seconds where the form has no fraction"""
        instant = now + self.after_sec
        offset = {"offset east": 330, "offset west": -1500}.get(self.form, 0)
        if self.form != "fraction" and self.form != "comma":
            instant = float(int(instant))
        shown = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=instant, minutes=offset)
        text = shown.strftime("%Y-%m-%dT%H:%M:%S")
        if self.form in ("fraction", "comma"):
            text += f"{',' if self.form == 'comma' else '.'}{shown.microsecond:06d}"
        # -25 h is written as Go's parser has it at most: 24 hours and 60 minutes
        return instant, text + {"offset east": "+05:30", "offset west": "-24:60"}.get(self.form, "Z")


@dataclass
class Secret:
    """A Secret as it shall stand in the API; data holds bytes, or Soon."""
    name: str
    data: dict = None
    namespace: str = NAMESPACE
    type: str = TYPE
    deleted: bool = False  # has a finalizer, and was deleted
    immutable: bool = False
    annotations: dict = field(default_factory=dict)

    def object(self, now):
        """(the object for the API, the instant of a near expiration or None)"""
        metadata = {"name": self.name, "namespace": self.namespace}
        if self.annotations:
            metadata["annotations"] = self.annotations
        result = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": self.type}
        if self.immutable:
            result["immutable"] = True
        instant = None
        if self.data is not None:
            result["data"] = {}
            for key, value in self.data.items():
                if isinstance(value, Soon):
                    instant, text = value.at(now)
                    value = text.encode()
                result["data"][key] = base64.b64encode(value).decode()
        return result, instant


@dataclass
class Subject:
    """One token ID: the Secret that stood there first, if any, and the one that stands there now, if any."""
    id: str
    token_secret: str
    after: Secret
    before: Secret = None
    rules: list = field(default_factory=list)
    alternatives: list = field(default_factory=list)  # tokens that a rule makes worth asking

    @property
    def token(self):
        return f"{self.id}.{self.token_secret}"

    def secrets(self):
        return [secret for secret in (self.before, self.after) if secret]


def good_secret(token_id, token_secret, rng):
    """What kubeadm would write, more or less."""
    data = {"token-id": token_id.encode(), "token-secret": token_secret.encode(),
            "usage-bootstrap-authentication": b"true"}
    if rng.random() < 0.5:
        data["auth-extra-groups"] = b"system:bootstrappers:kubeadm:default-node-token"
    if rng.random() < 0.5:
        data["expiration"] = b"2099-12-31T23:59:59Z"
    if rng.random() < 0.3:
        data["usage-bootstrap-signing"] = b"true"
    if rng.random() < 0.2:
        data["description"] = b"TEST-ONLY"
    return Secret(NAME_PREFIX + token_id, data)


def with_id(subject, token, new_id):
    """The same subject and token under another ID: the API server cannot have an answer to it in its memory."""
    subject, old_id = copy.deepcopy(subject), subject.id
    for secret in subject.secrets():
        secret.name = secret.name.replace(old_id, new_id)
        for key, value in (secret.data or {}).items():
            if isinstance(value, bytes):
                secret.data[key] = value.replace(old_id.encode(), new_id.encode())
    subject.id = new_id
    return subject, token.replace(old_id, new_id)
