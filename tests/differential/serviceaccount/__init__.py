# SPDX-License-Identifier: Apache-2.0
"""ServiceAccount tokens: of every kind, permanent and bound, and the objects that they are about."""
from dataclasses import replace
from types import SimpleNamespace

import kit_cluster
from ask import NOT_YES, Answer, Peer
from serviceaccount import cases, generate, selftest, smaller, stricter
from serviceaccount.keys import Keys
from serviceaccount.world import Objects


class Family:
    title = "kube-apiserver's ServiceAccount authenticators"
    stores = ("apiserver",)
    round_size = generate.CASES_PER_ROUND
    selftest_size = 1000
    wrong = selftest.ROWS
    stricter = tuple(stricter.STRICTER)

    def __init__(self, folder, audiences):
        self.audiences = audiences
        self.keys = Keys(folder)
        self.parts = SimpleNamespace(keys=self.keys, audiences=audiences, rules=generate.RULES)
        self.apiserver_flags = [f"--service-account-issuer={cases.ISSUERS[1]}",
                                *(f"--service-account-key-file={file}" for file in self.keys.files)]

    def make(self, recipe):
        return cases.build(recipe, self.parts)

    def bearer_options(self, changed=()):
        """changed: what another one has instead"""
        options = {"--api-audiences": [",".join(self.audiences)], "--service-account-issuer": list(cases.ISSUERS),
                   "--service-account-key-file": list(map(str, self.keys.files)), "--service-account-lookup-secrets": ["all"]}
        for option in changed:
            name, value = option.format(audiences=self.audiences, issuers=cases.ISSUERS, files=self.keys.files).split("=", 1)
            options[name] = [value]
        return [f"{name}={value}" for name, values in options.items() for value in values]

    def make_world(self, cluster, apiserver, pool, store):
        etcd = Peer(cluster.address, kit_cluster.ETCD_PORT)
        return Objects(apiserver, pool, etcd, self.make, [f"--kubeconfig={cluster.admin_kubeconfig}"])

    def make_round(self, seed, number, count=generate.CASES_PER_ROUND):
        return generate.make_round(seed, number, self.audiences, self.make, count)

    def comparable(self, answer):
        """A refusal is a refusal: the JWT authenticators of the API server call most of them errors, which it does not remember."""
        return Answer("not yes") if answer.kind in NOT_YES else answer

    def stricter_for(self, case, token):
        return stricter.reason_for(case, token)

    def renamed(self, case, new_id):
        return self.make(replace(case.recipe, id=new_id))

    def smaller(self, case):
        return map(self.make, smaller.smaller(case.recipe, smaller.claim_names(case.draft), generate.KINDS_OF))

    def shown(self, case):
        return smaller.shown(case)
