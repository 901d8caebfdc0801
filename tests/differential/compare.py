# SPDX-License-Identifier: Apache-2.0
"""Asks both about every question of a round, finds what differs, and makes that small."""
import copy
import time
from dataclasses import dataclass

import cases
from ask import Answer

SHRINK_MAX_TRIES = 400  # some tens do: a case has a handful of members


@dataclass
class Difference:
    question: cases.Question
    apiserver: Answer
    bearer: Answer
    is_minimal: bool = False


class Comparison:
    """One kube-bearer against the API server."""

    def __init__(self, world, apiserver, bearer, distort=None):
        """distort(question, answer) -> answer stands for a bug in kube-bearer, in the self-test"""
        self.world, self.apiserver, self.bearer, self.distort = world, apiserver, bearer, distort

    def _ask(self, question, audiences):
        before = time.time()
        theirs = self.apiserver.ask(question.token, audiences)
        ours = self.bearer.ask(question.token, audiences, question.version)
        if self.distort:
            ours = self.distort(question, ours)
        return theirs, ours, before, time.time()

    def difference(self, question, expires_at=None):
        """(the API server's answer, a Difference or None)

        When the token expired between the two questions both are right. It has expired for good then, so both are asked
        again; for one audience more, nobody's, because the API server may remember its yes to the same question.
        """
        theirs, ours, before, after = self._ask(question, question.audiences)
        if theirs != ours and expires_at is not None and before <= expires_at <= after:
            theirs, ours, _, _ = self._ask(question, [*(question.audiences or self.apiserver.ours), "again"])
        return theirs, Difference(question, theirs, ours) if theirs != ours else None

    # rounds

    def run(self, subjects, questions):
        """[(question, API server's answer, Difference or None)] with all Secrets of the round in place"""
        before = {subject.id: subject.before for subject in subjects if subject.before}
        if before:
            self.world.put(before)
        instants = self.world.put({subject.id: subject.after for subject in subjects})

        def ask(question):
            return (question, *self.difference(question, instants.get(question.subject.id)))
        results = list(self.world.pool.map(ask, questions))
        self.world.clear()
        return results

    # making it small

    def still_differs(self, question):
        """The Difference, if a single case makes it again, under an ID that nobody has asked about."""
        subject, token = cases.with_id(question.subject, question.token, cases.letters(self.world.rng, 6))
        question = cases.Question(subject, token, question.audiences, question.version, question.rules)
        return self.run([subject], [question])[0][2]

    def shrink(self, difference):
        """The smallest case that differs: one thing after the other is taken away. The case itself if it needs its round."""
        small = self.still_differs(difference.question)
        if not small:
            return difference
        tries = 0
        is_smaller = True
        while is_smaller:
            is_smaller = False
            for candidate in smaller(small.question):
                tries += 1
                if tries > SHRINK_MAX_TRIES:
                    break
                found = self.still_differs(candidate)
                if found:
                    small, is_smaller = found, True
                    break
        small.is_minimal = True
        return small


def smaller(question):
    """Cases with one thing less, the big things first."""
    def variant(change):
        candidate = copy.deepcopy(question)
        change(candidate)
        return candidate

    subject = question.subject
    for which, secret in (("before", subject.before), ("after", subject.after)):
        if not secret:
            continue
        yield variant(lambda q, w=which: setattr(q.subject, w, None))
        plain = cases.Secret(cases.NAME_PREFIX + subject.id)
        for member in ("name", "namespace", "type", "deleted", "immutable", "annotations"):
            if getattr(secret, member) != getattr(plain, member):
                yield variant(lambda q, w=which, m=member: setattr(getattr(q.subject, w), m, getattr(plain, m)))
        for key, value in (secret.data or {}).items():
            yield variant(lambda q, w=which, key=key: getattr(q.subject, w).data.pop(key))
            for less in smaller_values(key, value):
                yield variant(lambda q, w=which, key=key, less=less: getattr(q.subject, w).data.update({key: less}))
    if question.token != subject.token:
        yield variant(lambda q: setattr(q, "token", q.subject.token))
    if question.audiences is not None:
        yield variant(lambda q: setattr(q, "audiences", None))
        for n in range(len(question.audiences)):
            yield variant(lambda q, n=n: q.audiences.pop(n))
    if question.version != "v1":
        yield variant(lambda q: setattr(q, "version", "v1"))


def smaller_values(key, value):
    """Shorter values of a key of data that may still show the same."""
    if not isinstance(value, bytes) or key in ("token-id", "token-secret", "usage-bootstrap-authentication"):
        return
    parts = value.split(b",")
    if len(parts) > 1:
        half = len(parts) // 2
        yield b",".join(parts[:half])
        yield b",".join(parts[half:])
        if len(parts) <= 8:
            yield from (b",".join(parts[:n] + parts[n + 1:]) for n in range(len(parts)))
    elif len(value) > 64:
        yield value[:len(value) // 2]
