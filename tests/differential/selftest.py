# SPDX-License-Identifier: Apache-2.0
"""What finds no difference must be able to find one: each of a family's wrong kube-bearers has to be found out."""
import compare
from ask import KubeBearer

CASES = 3000  # within so many each mistake shows


def find(comparison, row):
    """The first difference, made small. Each row has questions of its own: the API server remembers a yes for ten seconds."""
    size = comparison.family.selftest_size
    for number in range(CASES // size):
        results = comparison.run(*comparison.family.make_round(f"selftest {row}", number, size))
        found = [difference for _, _, difference in results if difference]
        if found:
            return comparison.shrink(found[0])
    return None


def run(family, cluster, world, apiserver, right):
    """(passed, failed), one check a row; the right kube-bearer shows no difference in rounds like these"""
    results = {"nothing is wrong": find(compare.Comparison(family, world, apiserver, right), "right") is None}
    for number, (name, options, distort, is_expected) in enumerate(family.wrong):
        bearer = right
        if options and right is apiserver:
            continue  # there is no kube-bearer
        if options:
            server = cluster.start_bearer(*family.bearer_options(options), name=f"wrong-{number}", port=0, store=world.store)
            bearer = KubeBearer(server, family.audiences)
            world.bearers.append(bearer)
        found = find(compare.Comparison(family, world, apiserver, bearer, distort), number)
        results[name] = bool(found and found.is_minimal and is_expected(found))
        if not results[name]:
            print(f"{name}: {found}")
    for name, is_right in results.items():
        print(f"{'ok  ' if is_right else 'FAIL'} {name}")
    return sum(results.values()), len(results) - sum(results.values())
