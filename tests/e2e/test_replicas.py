# SPDX-License-Identifier: Apache-2.0
"""Two replicas behind one address, and kube-apiserver asks it for every request: whatever happens to one of them, no
user of the API notices."""
import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import kit
import pytest
from balancer import Balancer
from kit_cluster import BEARER_PORT

PORTS = {"one": BEARER_PORT + 1, "two": BEARER_PORT + 2}
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
SELF_BODY = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}

# Whatever the webhook's cache is told, kube-apiserver remembers each yes for ten seconds (TokenSuccessCacheTTL in
# pkg/kubeapiserver/options/authentication.go; it has no flag). So the load goes round so many tokens that each is asked about anew.
REMEMBERED_SEC = 10
USERS = 3
PAUSE_SEC = 0.1
TOKENS = int(USERS / PAUSE_SEC * REMEMBERED_SEC * 1.1)


class Replicas:
    """The cluster, its two kube-bearers by name, and the balancer before them."""

    def __init__(self, cluster):
        self.cluster = cluster
        with ThreadPoolExecutor(USERS) as pool:
            self.tokens = list(pool.map(lambda _: cluster.new_token(), range(TOKENS)))
        self.round = itertools.cycle(self.tokens)
        self.bearers = {name: cluster.start_bearer("--shutdown-delay-duration=1s", name=name, port=port)
                        for name, port in PORTS.items()}
        self.balancer = Balancer((cluster.address, BEARER_PORT), {
            name: ((cluster.address, PORTS[name]), lambda bearer=bearer: self.is_ready(bearer))
            for name, bearer in self.bearers.items()})
        self.balancer.wait_rotation(*PORTS)

    @staticmethod
    def is_ready(bearer):
        try:
            return bearer.port is not None and bearer.health("/readyz").status == 200
        except (OSError, kit.Closed):
            return False

    def ask(self):
        """One request to the API server with a bootstrap token; anything but its user is an error."""
        token = next(self.round)
        user = self.cluster.whoami(token)
        assert user and user["username"] == f"system:bootstrap:{token[:6]}", user

    def load(self):
        def ask():
            self.ask()
            time.sleep(PAUSE_SEC)
        return kit.Load(ask, threads=USERS)

    def answered(self, name):
        return self.bearers[name].metric("kube_bearer_token_reviews_total")

    def busier(self):
        """(name of the one that gets more of the questions now, name of the other)"""
        before = {name: self.answered(name) for name in PORTS}
        for _ in range(10):
            self.ask()
        return sorted(PORTS, key=lambda name: self.answered(name) - before[name], reverse=True)

    def wait_answers(self, name, more=10):
        goal = self.answered(name) + more
        kit.eventually(lambda: self.answered(name) >= goal, f"{name} answers", interval=0.05)


@pytest.fixture(scope="module")
def replicas(start_cluster):
    replicas = Replicas(start_cluster())
    yield replicas
    replicas.balancer.close()


def test_replicas_each_request_asks(replicas):
    """Without a cache every request reaches kube-bearer: else the rest of this file would prove nothing."""
    before = sum(replicas.answered(name) for name in PORTS)
    for _ in range(5):
        replicas.ask()
    assert sum(replicas.answered(name) for name in PORTS) == before + 5


def test_replicas_killed_one_is_not_missed(replicas):
    """SIGKILL: no farewell on its connections, and questions on their way to it."""
    with replicas.load() as load:
        load.wait_for(20)
        gone, stays = replicas.busier()
        replicas.balancer.freeze(gone)
        replicas.bearers[gone].kill()
        replicas.balancer.thaw(gone)
        replicas.balancer.wait_rotation(stays)
        replicas.wait_answers(stays)
        load.wait_for(20)
        replicas.bearers[gone].start()
        replicas.balancer.wait_rotation(*PORTS)
        load.wait_for(20)


def test_replicas_drained_one_is_not_missed(replicas):
    """SIGTERM with --shutdown-delay-duration: it serves on until the Service has noticed, then leaves."""
    with replicas.load() as load:
        load.wait_for(20)
        gone, stays = replicas.busier()
        replicas.bearers[gone].stop()
        replicas.balancer.wait_rotation(stays)
        replicas.wait_answers(stays)
        replicas.bearers[gone].start()
        replicas.balancer.wait_rotation(*PORTS)
        load.wait_for(20)


def test_replicas_roll_one_after_the_other(replicas):
    """As a Deployment does with a new image: the next only when the last one is ready. A token made meanwhile is good at
    both, one deleted meanwhile at neither."""
    revoked = replicas.cluster.new_token()
    for bearer in replicas.bearers.values():
        bearer.wait_accepts(revoked)
    with replicas.load() as load:
        for name in PORTS:
            replicas.bearers[name].restart()
            replicas.balancer.wait_rotation(*PORTS)
            load.wait_for(20)
            if name == "one":
                replicas.cluster.delete_token(revoked)
                created = replicas.cluster.new_token()
    for bearer in replicas.bearers.values():
        bearer.wait_accepts(created)
        bearer.wait_refuses(revoked)
    user = replicas.cluster.kubectl("auth", "whoami", token=created).stdout
    assert f"system:bootstrap:{created[:6]}" in user
    assert replicas.cluster.kubectl("auth", "whoami", token=revoked, check=False).returncode != 0
