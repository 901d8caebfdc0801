# SPDX-License-Identifier: Apache-2.0
"""The objects of a round: written into etcd as kube-apiserver stores them, and known to all who are asked.

The API would choose their UIDs and the instants of their deletions; here the seed does, and a deletion may lie a minute, or a
year, back. Everything after etcd is as ever: the API server decodes them, tells its watches, and answers kube-bearer's.

All learn of them by watching, one watch a kind. The barrier are sentinels, an object of each kind: those of this barrier are
written after everything else, those of the one before last are deleted with them. Whoever accepts tokens about the former
and refuses tokens about the latter has seen all that came before. (The API server reads what its watches have not told it yet, so
that it accepts says nothing; and an object of two barriers ago is one that they have told.)
"""
import base64
import json
import time

import kit
from ask import NOT_YES
from cases import letters
from serviceaccount import cases
from world import Failed, World

FIRST_SEC = kit.SLOW  # a watch tells of a change within milliseconds
SENTINELS = {"account": "account", "pod": "pod", "node": "node", "secret": "secret", "legacy": "token"}  # kind of token: role


class Objects(World):
    def __init__(self, apiserver, pool, etcd, make, store):
        """etcd: a Peer. make: Recipe -> Case"""
        super().__init__(apiserver, pool)
        self.etcd, self.make, self.store = etcd, make, store
        self.sentinels = []  # of each barrier, oldest first: [Case]
        self.polls = 0

    def begin(self):
        """The first barriers, which prove nothing yet: there is no sentinel of which everybody has been told."""
        while len(self.sentinels) < 2:
            self._barrier()
            time.sleep(FIRST_SEC)

    # writing

    # One by one: a revision stands for one object, and whoever goes on watching behind a revision has seen all of it.

    def _call(self, method, **body):
        response = self.etcd.request("POST", f"/v3/kv/{method}", json.dumps(body))
        if response.status != 200:
            raise Failed(f"etcd, {method}: {response.status} {response.text[:400]}")

    def _delete(self, keys):
        list(self.pool.map(lambda key: self._call("deleterange", key=encoded(key)), keys))

    def _write(self, bodies):
        """{key: body}"""
        list(self.pool.map(lambda item: self._call("put", key=encoded(item[0]), value=encoded(item[1])), bodies.items()))

    def put(self, wanted):
        self.begin()
        now = time.time()
        gone, bodies, instants = [], {}, {}
        for subject_id, (presented, objects) in wanted.items():
            new = {each.key: each for each in objects.values()}
            for key, old in self.standing.get(subject_id, {}).items():
                if key not in new or new[key].uid != old.uid:
                    gone.append(key)
            bodies.update({key: each.json(now, presented) for key, each in new.items()})
            instants[subject_id] = [instant for each in new.values() for instant in each.borders(now)]
            self.standing[subject_id] = new
        self._delete(gone)
        self._write(bodies)
        self._barrier()
        return instants

    def clear(self):
        self._delete([key for objects in self.standing.values() for key in objects])
        self.standing = {}

    # the barrier

    def _barrier(self):
        now = time.time()
        new = [self.make(cases.Recipe(letters(self.rng, 12), kind, None)) for kind in SENTINELS]
        self.sentinels = [*self.sentinels[-3:], new]
        old = self.sentinels[-3] if len(self.sentinels) > 2 else []
        # Each is to be missed for itself: the account that it also needs stays for one barrier more.
        self._delete([case.subject.objects[SENTINELS[case.recipe.kind]].key for case in old])
        if len(self.sentinels) > 3:
            self._delete([each.key for case in self.sentinels[0] for each in case.subject.objects.values()])
        for case in new:
            self._write({each.key: each.json(now, case.token) for each in case.subject.objects.values()})
        waiting = [(peer, case, should) for peer in self.peers() for cases_of, should in ((new, True), (old, False)) for case in cases_of]
        self.wait_until(lambda: self._is_seen(waiting))

    def _is_seen(self, waiting):
        """Takes out of waiting what has been seen."""
        while waiting:
            peer, case, should = waiting[0]
            token, _ = case.present(time.time())
            self.polls += 1  # asked for an audience more each time, for the API server remembers its yes for ten seconds
            answer = peer.ask(token, [*self.apiserver.ours, f"poll-{self.polls}"])
            is_right = answer.kind == "yes" if should else answer.kind in NOT_YES
            assert is_right, f"{type(peer).__name__} about a sentinel that should{'' if should else ' not'} be there: {answer}"
            waiting.pop(0)
        return True


def encoded(text):
    return base64.b64encode(text.encode()).decode()
