# SPDX-License-Identifier: Apache-2.0
"""The Secrets of a round: into the API server, into kube-bearer's store, and known to both authenticators.

Both learn of Secrets by watching, each at its own pace. A sentinel is the barrier: it is created after everything
else, both watches tell of changes in the order of their resourceVersions, and so whoever accepts the sentinel's token
has seen all that came before. With --store manifests, kube-bearer reads the same Secrets from one file instead, which is
replaced as a whole, sentinel included.
"""
import datetime
import json
import time

import kit
from bootstrap.cases import Subject, good_secret
from cases import letters
from world import Failed, World

FINALIZER = "kube-bearer.invalid/differential"


def collection(secret):
    return f"/api/v1/namespaces/{secret.namespace}/secrets"


class Secrets(World):
    def __init__(self, apiserver, pool, manifests):
        """manifests: kube-bearer's directory; None when it watches the API server"""
        super().__init__(apiserver, pool)
        self.manifests = manifests
        if manifests:
            self.store = [f"--manifests={manifests}"]

    # writing

    def _send(self, method, path, body=None, content_type="application/json"):
        response = self.apiserver.admin.request(method, path, body and json.dumps(body), {"Content-Type": content_type})
        if response.status not in (200, 201):
            raise Failed(f"{method} {path}: {response.status} {response.text[:400]}")

    def _delete(self, secret):
        self._send("DELETE", f"{collection(secret)}/{secret.name}")

    def _remove(self, secret):
        if secret.deleted:  # it waits for its finalizer only
            self._send("PATCH", f"{collection(secret)}/{secret.name}", {"metadata": {"finalizers": None}},
                       "application/merge-patch+json")
        else:
            self._delete(secret)

    def _change(self, change):
        """change: the Secret that stands there or None, the one that shall or None.

        Returns what was written and the instant at which it expires, if that is near."""
        old, new = change
        body = instant = None
        is_update = (old and new and not old.immutable and not old.deleted
                     and (old.namespace, old.name, old.type) == (new.namespace, new.name, new.type))
        if old and not is_update:
            self._remove(old)
        if new:
            body, instant = new.object(time.time())
            if new.deleted:
                body["metadata"]["finalizers"] = [FINALIZER]
            if is_update:
                self._send("PUT", f"{collection(new)}/{new.name}", body)
            else:
                self._send("POST", collection(new), body)
            if new.deleted:
                self._delete(new)
        return body, instant

    def put(self, wanted):
        ids = list(wanted)
        changes = [(self.standing.get(token_id), wanted[token_id]) for token_id in ids]
        done = list(self.pool.map(self._change, changes))
        self.standing.update(wanted)
        sentinel = Subject(letters(self.rng, 6), letters(self.rng, 16), None)
        secret = good_secret(sentinel.id, sentinel.token_secret, self.rng)
        body, _ = self._change((None, secret))
        self.standing[sentinel.id] = secret
        if self.manifests:
            self._write_manifests([written for written, _ in done if written] + [body])
        self._wait(sentinel.token)
        return {token_id: [instant] for token_id, (_, instant) in zip(ids, done) if instant is not None}

    def _write_manifests(self, bodies):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        for body in bodies:
            if body["metadata"].pop("finalizers", None):
                body["metadata"]["deletionTimestamp"] = now
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies})
        kit.replace_file(self.manifests / "round.json", text)

    def _wait(self, token):
        def everybody_knows():
            answers = [peer.ask(token, None) for peer in self.peers()]
            assert all(answer.kind == "yes" for answer in answers), list(map(str, answers))
            return True
        self.wait_until(everybody_knows)

    def clear(self):
        list(self.pool.map(self._remove, [secret for secret in self.standing.values() if secret]))
        self.standing = {}
