# SPDX-License-Identifier: Apache-2.0
"""Bootstrap tokens: Secrets in kube-system, and what is presented as a token."""
from bootstrap import generate, selftest, smaller
from bootstrap.world import Secrets


class Family:
    title = "kube-apiserver's bootstrap authenticator"
    stores = ("apiserver", "manifests")
    round_size = selftest_size = generate.CASES_PER_ROUND
    wrong = selftest.ROWS
    stricter = ()  # nothing is refused on purpose
    smaller, renamed, shown = map(staticmethod, (smaller.smaller, smaller.renamed, smaller.shown))

    def __init__(self, folder, audiences):
        self.folder, self.audiences = folder, audiences
        self.apiserver_flags = ["--enable-bootstrap-token-auth"]

    def bearer_options(self, changed=()):
        """changed: what another one has instead"""
        options = {"--api-audiences": ",".join(self.audiences), "--unknown-token-answer": "refuse"}
        options.update(option.format(first=self.audiences[0]).split("=", 1) for option in changed)
        return list(map("=".join, options.items()))

    def make_world(self, cluster, apiserver, pool, store):
        del cluster
        manifests = None
        if store == "manifests":
            manifests = self.folder / "manifests"
            manifests.mkdir()
        return Secrets(apiserver, pool, manifests)

    def make_round(self, seed, number, count=generate.CASES_PER_ROUND):
        return generate.make_round(seed, number, self.audiences, count)

    def comparable(self, answer):
        """What of an answer has to be the same."""
        return answer

    def stricter_for(self, question, token):
        """The name of the reason for which kube-bearer refuses on purpose what kube-apiserver accepts, or None."""
        return None
