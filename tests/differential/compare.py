# SPDX-License-Identifier: Apache-2.0
"""Asks both about every question of a round, finds what differs, and makes that small."""
import collections
import time
from dataclasses import dataclass

import kit
from ask import NOT_READY, NOT_YES, Answer
from cases import Question, letters

REST_SEC = 0.02
SHRINK_MAX_TRIES = 400  # some tens do: a case has a handful of members


@dataclass
class Difference:
    question: Question
    apiserver: Answer
    bearer: Answer
    is_minimal: bool = False


class Comparison:
    """One kube-bearer against the API server, about one family."""

    def __init__(self, family, world, apiserver, bearer, distort=None):
        """distort(question, answer) -> answer stands for a bug in kube-bearer, in the self-test"""
        self.family, self.world, self.apiserver, self.bearer, self.distort = family, world, apiserver, bearer, distort
        self.asked_again = []  # questions, as often as kube-bearer wanted a rest
        self.excused = collections.Counter()  # cases, by the name of the deliberate strictness

    def _ask(self, question, token, audiences):
        before = time.time()
        theirs = self.apiserver.ask(token, audiences)
        ours = self.bearer.ask(token, audiences, question.version)
        if theirs.kind == "yes" and ours.error == NOT_READY and not self.family.stricter_for(question, token):
            ours = self._ask_later(question, token, audiences)
        if self.distort:
            ours = self.distort(question, ours)
        return theirs, ours, before, time.time()

    def _ask_later(self, question, token, audiences):
        """kube-bearer has not refused it: it has a share of time for tokens that it has never seen, say."""
        until = time.monotonic() + kit.DEADLINE_SEC
        while True:
            time.sleep(REST_SEC)
            self.asked_again.append(question)
            ours = self.bearer.ask(token, audiences, question.version)
            if ours.error != NOT_READY or time.monotonic() > until:
                return ours

    def _differ(self, theirs, ours):
        return self.family.comparable(theirs) != self.family.comparable(ours)

    def difference(self, question, instants=()):
        """(the API server's answer, a Difference or None)

        When the token expired between the two questions, or became good, both are right. It is that for good then, so both are
        asked again; for one audience more, nobody's, because the API server may remember its yes to the same question.
        """
        token, borders = question.present(time.time())
        theirs, ours, before, after = self._ask(question, token, question.audiences)
        if self._differ(theirs, ours) and any(before <= border <= after for border in (*borders, *instants)):
            theirs, ours, _, _ = self._ask(question, token, [*(question.audiences or self.apiserver.ours), "again"])
        if not self._differ(theirs, ours):
            if self.bearer is self.apiserver and theirs.kind == "yes":
                self._reason(question, token)  # alone: what a kube-bearer would refuse
            return theirs, None
        reason = self._reason(question, token) if theirs.kind == "yes" and ours.kind in NOT_YES else None
        return theirs, None if reason else Difference(question, theirs, ours)

    def _reason(self, question, token):
        """What is refused on purpose; it is counted."""
        reason = self.family.stricter_for(question, token)
        self.excused.update([reason] if reason else [])
        return reason

    # rounds

    def run(self, subjects, questions):
        """[(question, API server's answer, Difference or None)] with all objects of the round in place"""
        before = {subject.id: subject.before for subject in subjects if subject.before}
        if before:
            self.world.put(before)
        instants = self.world.put({subject.id: subject.after for subject in subjects})

        def ask(question):
            return (question, *self.difference(question, instants.get(question.subject.id, ())))
        results = list(self.world.pool.map(ask, questions))
        self.world.clear()
        return results

    # making it small

    def still_differs(self, question):
        """The Difference, if a single case makes it again, under an ID that nobody has asked about."""
        question = self.family.renamed(question, letters(self.world.rng, 6))
        return self.run([question.subject], [question])[0][2]

    def shrink(self, difference):
        """The smallest case that differs: one thing after the other is taken away. The case itself if it needs its round."""
        small = self.still_differs(difference.question)
        if not small:
            return difference
        tries = 0
        is_smaller = True
        while is_smaller:
            is_smaller = False
            for candidate in self.family.smaller(small.question):
                tries += 1
                if tries > SHRINK_MAX_TRIES:
                    break
                found = self.still_differs(candidate)
                if found:
                    small, is_smaller = found, True
                    break
        small.is_minimal = True
        return small
