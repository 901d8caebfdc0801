# SPDX-License-Identifier: Apache-2.0
"""kube-bearers that are wrong, and what is to be said of each."""
import json
from dataclasses import replace

from ask import NOT_YES, Answer
from serviceaccount.tokens import LEEWAY_SEC, At

A_YES = Answer("yes", user="made up")


def steps_of(difference):
    return [name for name, _ in difference.question.recipe.steps]


def is_one(difference, prefix, kinds=None):
    """One rule is left, and a kind of token that it needs."""
    recipe = difference.question.recipe
    return len(recipe.steps) == 1 and recipe.steps[0][0].startswith(prefix) and (not kinds or recipe.kind in kinds)


def when(prefix, answer):
    """Whoever breaks that rule gets this answer."""
    def distort(case, given):
        return answer if any(name.startswith(prefix) for name, _ in case.recipe.steps) else given
    return distort


def seconds_from_now(case):
    expires = case.draft.claims.get("exp")
    return expires.offset if isinstance(expires, At) and expires.form == "{}" else 0


def forgets_the_leeway(case, answer):
    """A bug within a minute only."""
    return Answer("no") if -LEEWAY_SEC < seconds_from_now(case) < 0 else answer


def doubles_the_leeway(case, answer):
    """A bug beyond it only."""
    is_wrong = -2 * LEEWAY_SEC < seconds_from_now(case) < -LEEWAY_SEC and answer.kind in NOT_YES and len(case.recipe.steps) == 1
    return A_YES if is_wrong and case.recipe.kind != "legacy" else answer


def loses_an_extra(case, answer):
    extra = json.loads(answer.extra)
    extra.pop("authentication.kubernetes.io/node-uid", None)
    return replace(answer, extra=json.dumps(extra, sort_keys=True))


def turns_the_audiences(case, answer):
    return replace(answer, audiences=answer.audiences[::-1])


def misses_a_change(case, answer):
    """A bug that shows only where a Secret was good before it was changed."""
    return A_YES if "the Secret has another token now" in [name for name, _ in case.recipe.steps] else answer


# (what is wrong, options of a kube-bearer of its own or None, distortion or None, what the smallest case looks like)
ROWS = [
    ("--api-audiences names one of two", ["--api-audiences={audiences[0]}"], None,
     lambda d: not steps_of(d) and d.apiserver.kind == "yes"),
    ("an issuer is not known", ["--service-account-issuer={issuers[0]}"], None,
     lambda d: not steps_of(d) and d.question.recipe.issuer == 1 and d.bearer.kind in NOT_YES),
    ("keys are not known", ["--service-account-key-file={files[0]}"], None,
     lambda d: len(steps_of(d)) <= 1 and d.question.draft.key not in ("rsa", "p256") and d.bearer.kind in NOT_YES),
    ("no leeway", None, forgets_the_leeway, lambda d: is_one(d, "exp: ")),
    ("twice the leeway", None, doubles_the_leeway, lambda d: is_one(d, "exp: ")),
    ("another Pod is taken for it", None, when("pod: another one", A_YES),
     lambda d: is_one(d, "pod: another one", ("pod", "pod and node"))),
    ("an extra is lost", None, loses_an_extra, lambda d: not steps_of(d) and "node" in d.question.recipe.kind),
    ("audiences the other way round", None, turns_the_audiences, lambda d: not steps_of(d) and len(d.apiserver.audiences) == 2),
    ("a permanent token is not compared", None, when("the Secret's token: another", A_YES),
     lambda d: is_one(d, "the Secret's token", ("legacy",))),
    ("a change is missed", None, misses_a_change,
     lambda d: is_one(d, "the Secret has another token now") and d.question.subject.before),
    ("a signature is not verified", None, when("signature's bytes: a bit flipped", A_YES),
     lambda d: is_one(d, "signature's bytes: a bit flipped")),
    ("an algorithm is confused", None, when("HS256 with the public key of rsa", A_YES),
     lambda d: is_one(d, "HS256 with the public key of rsa")),
    ("stricter than is listed", None, when("header typ", Answer("no")), lambda d: is_one(d, "header typ")),
]
