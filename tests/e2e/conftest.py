# SPDX-License-Identifier: Apache-2.0
import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "integration"))

import kit_cluster  # noqa: E402

RUNNING = []  # clusters, for their logs when a test fails
LOG_TAIL_LINES = 60


@pytest.fixture(scope="session")
def binaries():
    """The directory with the real etcd, kube-apiserver, kube-controller-manager, kubectl and kubeadm."""
    return kit_cluster.tools()


@pytest.fixture(scope="module")
def start_cluster(tmp_path_factory, binaries):
    """Start clusters (kit_cluster.Cluster's arguments); they are shared by the file's tests and ended after them."""
    number = itertools.count()

    def start(**options):
        cluster = kit_cluster.Cluster(binaries, tmp_path_factory.mktemp("cluster") / str(next(number)), **options)
        RUNNING.append(cluster)
        return cluster

    yield start
    errors = []
    while RUNNING:
        try:
            RUNNING.pop().close()
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """What the programs said last, where a test failed."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for name, text in itertools.chain.from_iterable(cluster.logs() for cluster in RUNNING):
            report.sections.append((f"end of {name}'s log", "\n".join(text.splitlines()[-LOG_TAIL_LINES:])))
