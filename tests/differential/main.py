# SPDX-License-Identifier: Apache-2.0
"""The same questions to kube-apiserver's own authenticators and to kube-bearer: scripts/differential.

docs/conformance.md says what is compared, and what that cannot show. ask.py asks, compare.py finds differences. A family is a
package: its generate.py makes the questions out of the tables of its rules.py, its world.py puts the objects where both
see them, its smaller.py makes a case small, its selftest.py has mistakes that must be found.
"""
import argparse
import collections
import importlib
import json
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent / "e2e"), str(HERE.parent / "integration")]

import ask  # noqa: E402
import compare  # noqa: E402
import kit  # noqa: E402
import kit_cluster  # noqa: E402
import selftest  # noqa: E402
import world  # noqa: E402

FAMILIES = ("bootstrap", "serviceaccount")
AUDIENCES = [kit.API_AUDIENCE, "second.example"]
THREADS = 6
DIFFERENCES_SHOWN = 10  # each takes some seconds to make small; the rest is counted
LOG_LINES_SHOWN = 40
AGAIN = 0.05  # at most this share of the cases is asked again, because kube-bearer has not refused and not accepted
ENOUGH = 20000  # cases, from which on each deliberate strictness must have been needed
CONFORMANCE = kit.ROOT / "docs/conformance.md"
BALANCE = 0.1  # at least this share of the cases is accepted, and refused: else hardly a rule has been tried

APISERVER_FLAGS = (
    f"--api-audiences={','.join(AUDIENCES)}",
    # It is asked as fast as it answers, by one user.
    "--enable-priority-and-fairness=false", "--max-requests-inflight=0", "--max-mutating-requests-inflight=0",
)


def show(family, difference, arguments, number):
    """A case that somebody can read, and try again."""
    question = difference.question
    print("DIFFERENCE", "(as small as it gets; generated, TEST-ONLY)" if difference.is_minimal
          else "(only together with the rest of its round; generated, TEST-ONLY)")
    print("\n".join(family.shown(question)))
    print(f"audiences:      {json.dumps(question.audiences)}")
    print(f"kube-apiserver: {difference.apiserver}")
    print(f"kube-bearer:    {difference.bearer}")
    print(f"rules tried:    {'; '.join(question.rules)}")
    print(f"repeat it:      ./scripts/differential --family {arguments.family} --store {arguments.store} "
          f"--seed {arguments.seed} --round {number}", flush=True)


def run_rounds(comparison, arguments):
    """(passed, failed, {rule: [accepted, refused]})"""
    failed = passed = shown = 0
    rules = collections.defaultdict(lambda: [0, 0])
    start = time.monotonic()
    family = comparison.family
    size = family.round_size
    for number in range(arguments.first_round, -(-arguments.cases // size)) if arguments.round is None else [arguments.round]:
        count = min(size, arguments.cases - number * size) if arguments.round is None else size
        subjects, questions = family.make_round(arguments.seed, number, count)
        differences = []
        for question, answer, difference in comparison.run(subjects, questions):
            differences += [difference] if difference else []
            for rule in question.rules:
                rules[rule][answer.kind != "yes"] += 1
        failed += len(differences)
        passed += len(questions) - len(differences)
        for difference in differences[:DIFFERENCES_SHOWN - shown]:
            show(family, comparison.shrink(difference), arguments, number)
            shown += 1
        if sys.stdout.isatty() or number % 10 == 9:
            print(f"{passed + failed} cases, {failed} differences, {time.monotonic() - start:.0f} s", flush=True)
    return passed, failed, rules


def show_rules(rules):
    for rule, (accepted, refused) in sorted(rules.items()):
        print(f"{accepted:7} accepted {refused:7} refused  {rule}")


def balance(rules):
    """Failures of the generator itself: there must be enough cases on both sides."""
    one_each = [pair for rule, pair in rules.items() if rule.startswith("audiences: ")]
    accepted, refused = (sum(pair[side] for pair in one_each) for side in (0, 1))
    if min(accepted, refused) >= BALANCE * (accepted + refused):
        return 0
    print(f"{accepted} cases were accepted and {refused} refused: that tries hardly a rule")
    return 1


def restless(comparison, cases):
    """A kube-bearer that wants to be asked again all the time would pass, and be of no use."""
    count = len(comparison.asked_again)
    if count:
        print(f"{count:7} times kube-bearer wanted to be asked again")
    return count > AGAIN * cases


def unneeded(comparison, cases):
    """Failures of the list of what is stricter on purpose: a name that the operator cannot find, or that nothing needs."""
    text = CONFORMANCE.read_text()
    faults = [f"docs/conformance.md does not name \"{name}\"" for name in comparison.family.stricter if name not in text]
    if cases >= ENOUGH:
        faults += [f"nothing needs \"{name}\"" for name in comparison.family.stricter if not comparison.excused[name]]
    print("\n".join(faults), end="\n" if faults else "")
    return len(faults)


def run(family, arguments, folder):
    cluster = kit_cluster.Cluster(kit_cluster.tools(), folder, webhook=False, flags=[*APISERVER_FLAGS, *family.apiserver_flags])
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            apiserver = ask.KubeApiserver(cluster, AUDIENCES)
            the_world = family.make_world(cluster, apiserver, pool, arguments.store)
            if arguments.alone:
                bearer = apiserver
            else:
                bearer = ask.KubeBearer(cluster.start_bearer(*family.bearer_options(), store=the_world.store), AUDIENCES)
                the_world.bearers.append(bearer)
            if arguments.selftest:
                return selftest.run(family, cluster, the_world, apiserver, bearer)
            comparison = compare.Comparison(family, the_world, apiserver, bearer)
            passed, failed, rules = run_rounds(comparison, arguments)
            if arguments.rules:
                show_rules(rules)
            for name, count in sorted(comparison.excused.items()):
                print(f"{count:7} refused on purpose: {name}")
            if arguments.round is None and arguments.cases >= family.round_size:
                failed += balance(rules) + restless(comparison, passed + failed) + (0 if arguments.alone else unneeded(comparison, passed + failed))
            return passed, failed
    except world.Failed:
        for name, text in cluster.logs():
            print(f"== end of {name}'s log", *text.splitlines()[-LOG_LINES_SHOWN:], sep="\n", flush=True)
        raise
    finally:
        cluster.close()


def main():
    parser = argparse.ArgumentParser(prog="scripts/differential", description=__doc__.splitlines()[0])
    parser.add_argument("--family", choices=FAMILIES, default=FAMILIES[0], help="whose tokens (bootstrap)")
    parser.add_argument("--cases", type=int, default=2000, metavar="N", help="questions to ask (2000)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 9), metavar="S",
                        help="the same seed asks the same questions; else one is drawn, and printed")
    parser.add_argument("--store", choices=("apiserver", "manifests"), default="apiserver",
                        help="where kube-bearer finds the Secrets: it watches the same API server (apiserver), or reads files")
    parser.add_argument("--round", type=int, metavar="R",
                        help="only the R-th round of the seed's questions, from 0")
    parser.add_argument("--first-round", type=int, default=0, metavar="R",
                        help="go on with that round, where a run was broken off: what came before counts as asked")
    parser.add_argument("--alone", action="store_true",
                        help="ask the API server twice: says what the questions are worth, and whether they are asked at rest")
    parser.add_argument("--rules", action="store_true", help="say how often each rule was met, accepted and refused")
    parser.add_argument("--selftest", action="store_true", help="against wrong kube-bearers: each must be found out")
    arguments = parser.parse_args()
    if arguments.cases < 1:
        parser.error("--cases must be at least 1")
    Family = importlib.import_module(arguments.family).Family
    if arguments.store not in Family.stores:
        parser.error(f"--store {arguments.store} does not go with --family {arguments.family}")
    print(f"{Family.title} and {'itself' if arguments.alone else f'{kit.binary().name} --store {arguments.store}'}: "
          f"{'self-test' if arguments.selftest else f'{arguments.cases} cases, seed {arguments.seed}'}", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kb-differential-") as folder:
        try:
            passed, failed = run(Family(Path(folder), AUDIENCES), arguments, Path(folder))
        except world.Failed as error:
            sys.exit(f"nothing could be compared: {error}")
    print(f"in {time.monotonic() - start:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
