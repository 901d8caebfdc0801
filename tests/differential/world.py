# SPDX-License-Identifier: Apache-2.0
"""What stands in the API while a round is asked, known to whoever is asked. Each family has a World of its own."""
import random

import kit
from ask import TIMEOUT_SEC


class Failed(AssertionError):
    """Something was not taken, or one of the two never saw it."""


class World:
    store = None  # kube-bearer's arguments that say where it finds the objects; None: kit_cluster's own

    def __init__(self, apiserver, pool):
        """pool: what writes and asks"""
        self.apiserver, self.pool = apiserver, pool
        self.rng = random.Random()
        self.standing = {}  # subject's ID -> what stands there for it
        self.bearers = []  # whoever must have seen a change before questions are asked

    def put(self, wanted):
        """Make {subject's ID: what shall stand there} true, and wait until all know.

        Returns {ID: the instants at which that changes its meaning by itself}."""
        raise NotImplementedError

    def clear(self):
        """Take everything away; whoever puts something next waits for that."""
        raise NotImplementedError

    def peers(self):
        return [self.apiserver, *self.bearers]

    def wait_until(self, everybody_knows):
        """everybody_knows() asserts it."""
        try:
            kit.eventually(everybody_knows, "everybody has seen the round's objects", TIMEOUT_SEC, interval=0.002)
        except AssertionError as error:
            raise Failed(str(error)) from None
