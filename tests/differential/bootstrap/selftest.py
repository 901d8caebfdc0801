# SPDX-License-Identifier: Apache-2.0
"""kube-bearers that are wrong, and what is to be said of each."""
from ask import Answer, accepted

MINIMAL_KEYS = {"token-id", "token-secret", "usage-bootstrap-authentication"}


def keys_of(difference):
    secret = difference.question.subject.after
    return set(secret.data or {}) if secret else None


def a_yes(question):
    user = {"username": f"system:bootstrap:{question.subject.id}", "groups": ["system:bootstrappers"]}
    return accepted(user, question.audiences)


def loses_a_group(question, answer):
    """A bug that only lists of several groups show."""
    if answer.kind != "yes" or len(answer.groups) < 3:
        return answer
    return accepted({"username": answer.user, "groups": answer.groups[:-1]}, answer.audiences)


def reads_true_loosely(question, answer):
    """A bug that accepts `True` where only `true` counts."""
    secret = question.subject.after
    value = (secret.data or {}).get("usage-bootstrap-authentication") if secret else None
    return a_yes(question) if value == b"True" and question.token == question.subject.token else answer


def calls_a_no_an_error(question, answer):
    """A bug in the class of the answer only."""
    is_wrong = answer.kind == "no" and "x" in (question.audiences or ())
    return Answer("error", error="made up") if is_wrong else answer


def misses_a_change(question, answer):
    """A bug that shows only where a Secret was good before it was changed."""
    subject = question.subject
    is_wrong = subject.before and subject.after and question.token == subject.token and answer.kind == "no"
    return a_yes(question) if is_wrong else answer


# (what is wrong, options of a kube-bearer of its own or None, distortion or None, what the smallest case looks like)
ROWS = [
    ("--api-audiences names one of two", ["--api-audiences={first}"], None,
     lambda d: keys_of(d) == MINIMAL_KEYS and len(d.question.audiences) == 1 and d.bearer.kind == "no"),
    ("an unknown ID is an error", ["--unknown-token-answer=error"], None,
     lambda d: keys_of(d) is None and d.question.audiences is None and d.bearer.kind == "error"),
    ("a group is lost", None, loses_a_group,
     lambda d: keys_of(d) == MINIMAL_KEYS | {"auth-extra-groups"} and len(d.apiserver.groups) == 3),
    ("a usage is read loosely", None, reads_true_loosely,
     lambda d: keys_of(d) == {"usage-bootstrap-authentication"} and d.question.audiences is None),
    ("a no is an error", None, calls_a_no_an_error, lambda d: keys_of(d) is None and d.question.audiences == ["x"]),
    ("a change is missed", None, misses_a_change, lambda d: d.question.subject.before and keys_of(d) == set()),
]
