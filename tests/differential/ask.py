# SPDX-License-Identifier: Apache-2.0
"""Both authenticators behind one face: a question in, an Answer out, in a form that can be compared.

kube-apiserver is asked through its TokenReview endpoint. That one passes the token through a made-up Authorization
header, which cannot carry white space as it is; a token with white space is presented the other way there is, as a
subprotocol of a websocket request, and a SelfSubjectReview says who it made of its bearer. That way tells no audiences
and does not tell a plain no from an error; all the rest is compared.
"""
import base64
import json
import threading
from dataclasses import dataclass

import kit
import kit_cluster

NOT_YES = ("no", "error")
NOT_READY = "not ready to answer, ask again"  # kube-bearer's, for what is no refusal
PLAIN_NO = "invalid bearer token"  # what the endpoint adds when every authenticator passed
ADDED_GROUP = "system:authenticated"
# Go's unicode.IsSpace. Trimmed at the ends of the made-up header; a blank ends the token wherever it stands.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200b))) + "\u2028\u2029\u202f\u205f\u3000"
TIMEOUT_SEC = 6 * kit.DEADLINE_SEC  # of an answer: whether it comes at all
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
SELF_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
SELF_REVIEW_BODY = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
SUBPROTOCOL = "base64url.bearer.authorization.k8s.io."


@dataclass(frozen=True)
class Answer:
    """What was answered, without what the two say differently by design."""
    kind: str  # yes, no, error, or what went wrong
    user: str = ""
    uid: str = ""
    groups: tuple = ()
    extra: str = "{}"
    audiences: tuple = ()
    error: str = ""

    def __str__(self):
        if self.kind != "yes":
            return f"error: {self.error!r}" if self.kind == "error" else self.kind
        return (f"yes: {self.user} uid={self.uid!r} groups={list(self.groups)} extra={self.extra} "
                f"audiences={list(self.audiences)}")


def accepted(user, audiences):
    return Answer("yes", user.get("username", ""), user.get("uid", ""), tuple(user.get("groups") or ()),
                  json.dumps(user.get("extra") or {}, sort_keys=True), tuple(audiences or ()))


def without_added_group(user):
    """The API server appends one group to whatever an authenticator has said."""
    groups = list(user.get("groups") or ())
    if groups and groups[-1] == ADDED_GROUP:
        groups.pop()
    return {**user, "groups": groups}


class Peer:
    """A server; each thread keeps a connection of its own."""

    def __init__(self, address, port, ca_pem=None, client=None):
        """ca_pem: None for one without TLS"""
        self.address, self.port = address, port
        self.context = kit.client_context(ca_pem, client) if ca_pem else None
        self.local = threading.local()

    def request(self, method, path, body=None, headers=None):
        for is_last in (False, True):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                is_last = True
                connection = kit.Connection(self.port, context=self.context, address=self.address, timeout=TIMEOUT_SEC)
                self.local.connection = connection
            try:
                return connection.request(method, path, body, headers)
            except (OSError, kit.Closed):
                connection.close()
                self.local.connection = None
                if is_last:
                    raise
        raise AssertionError("not reached")


class KubeApiserver:
    def __init__(self, cluster, audiences):
        self.ours = tuple(audiences)
        self.admin = Peer(cluster.address, kit_cluster.APISERVER_PORT, cluster.authority.pem, cluster.admin_client)
        self.anybody = Peer(cluster.address, kit_cluster.APISERVER_PORT, cluster.authority.pem)

    def ask(self, token, audiences, version="v1"):
        del version  # of its endpoint there is but one
        return self.ask_by_websocket(token) if needs_websocket(token) else self.ask_by_review(token, audiences)

    def ask_by_review(self, token, audiences):
        response = self.admin.request("POST", REVIEWS, kit.review_body(token, audiences))
        if response.status != 201:
            return Answer(f"HTTP {response.status}: {response.text[:300]}")
        status = response.json()["status"]
        if status.get("authenticated"):
            given = tuple(status.get("audiences") or ())
            if not audiences and set(given) <= set(self.ours):
                given = ()  # asked for none, it asks its authenticators for its own; a webhook names none then
            return accepted(without_added_group(status["user"]), given)
        error = status.get("error", "")
        return Answer("no") if error == PLAIN_NO else Answer("error", error=error)

    def ask_by_websocket(self, token):
        encoded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
        response = self.anybody.request("POST", SELF_REVIEWS, SELF_REVIEW_BODY, {
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Protocol": f"{SUBPROTOCOL}{encoded}, other"})
        if response.status == 201:
            return accepted(without_added_group(response.json()["status"]["userInfo"]), self.ours)
        return Answer("no" if response.status == 401 else f"HTTP {response.status}: {response.text[:300]}")


def needs_websocket(token):
    return " " in token or token.rstrip(WHITE_SPACE) != token


class KubeBearer:
    def __init__(self, server, audiences):
        self.ours = list(audiences)
        self.peer = Peer(server.address, server.port, server.authority.pem)

    def ask(self, token, audiences, version="v1"):
        if needs_websocket(token):
            audiences = self.ours  # as the API server asks its webhook for whoever presents a token to itself
        # Unescaped, as Go writes it: beyond what JSON must escape, the token arrives as it is.
        body = json.dumps(json.loads(kit.review_body(token, audiences, version)), ensure_ascii=False)
        response = self.peer.request("POST", "/authenticate", body)
        if response.status != 200:
            return Answer(f"HTTP {response.status}: {response.text[:300]}")
        review = response.json()
        if review["apiVersion"] != f"authentication.k8s.io/{version}":
            return Answer(f"answered in {review['apiVersion']}")
        status = review["status"]
        if status.get("authenticated") and "error" not in status:
            return accepted(status["user"], status.get("audiences"))
        if status.get("authenticated"):
            return Answer("yes with an error")
        return Answer("error", error=status["error"]) if "error" in status else Answer("no")
