# SPDX-License-Identifier: Apache-2.0
import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import kit  # noqa: E402

os.umask(0o022)  # manifests that a test makes are nobody else's to write, whatever the developer's habit
os.environ.pop("KUBERNETES_SERVICE_HOST", None)  # in a pod of CI's, what is under test would take that cluster's Secrets


def pytest_configure(config):
    config.addinivalue_line("markers", "release_only: once is enough; not repeated under sanitizers")


@pytest.fixture(scope="session")
def authority():
    return kit.Authority()


@pytest.fixture
def start_server(tmp_path, authority):
    """Start servers; each is ended and checked when the test is over."""
    servers, number = [], itertools.count()

    def start(*arguments, **options):
        options.setdefault("authority", authority)
        folder = options.pop("folder", None) or tmp_path / f"server{next(number)}"
        # In the list before it is ready: one that never gets ready must not outlive the test.
        server = kit.Server.__new__(kit.Server)
        server.stopped = True
        servers.append(server)
        server.__init__(folder, arguments, **options)
        return server

    yield start
    errors = []
    for server in servers:
        try:
            if hasattr(server, "process"):
                server.stop()
        except AssertionError as error:
            errors.append(error)
            server.kill()
    if errors:
        raise errors[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory, authority):
    """One server for a whole file: for tests that change nothing they do not put back."""
    server = kit.Server(tmp_path_factory.mktemp("server"), ["-v=5"], authority=authority)
    yield server
    server.stop()


@pytest.fixture
def token(server):
    return server.new_token()
