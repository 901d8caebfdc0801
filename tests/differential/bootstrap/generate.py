# SPDX-License-Identifier: Apache-2.0
"""Rounds of questions, from the tables of rules.py.

A round draws from shuffled tables, so it meets every row before any row twice, and most Secrets break one rule only:
what refuses them is that rule and nothing beside it. It depends on the seed and its own number, and on nothing that
happened before.
"""
import random

from bootstrap.cases import Subject, good_secret
from bootstrap.rules import SECRET_RULES, TOKEN_RULES, UNBROKEN
from cases import AUDIENCE_RULES, NO_AUDIENCES, Deck, Question, drawn_version, letters

SUBJECTS_PER_ROUND = 400  # with 1.2 rules each a round meets all rows
QUESTIONS = 3  # about each Secret; what is left of a round goes to the good ones
CASES_PER_ROUND = 1500


def make_subject(rng, deck):
    token_id, token_secret = letters(rng, 6), letters(rng, 16)
    subject = Subject(token_id, token_secret, good_secret(token_id, token_secret, rng))
    for _ in range(rng.choices((1, 2, 3), (85, 10, 5))[0]):
        if not subject.after or subject.after.data is None:
            break  # the rule before has left nothing to act upon
        name, apply = deck.draw()
        apply(subject, rng)
        subject.rules.append("Secret: " + name)
    return subject


def make_questions(rng, subject, others, tokens, audiences, ours):
    def drawn():
        name, make = audiences.draw()
        return name, make(ours, rng)

    def question(name, token, listing=None):
        list_name, listed = listing or (NO_AUDIENCES if rng.random() < 0.4 else drawn())
        rules = [*subject.rules, f"token: {name}", f"audiences: {list_name}"]
        return Question(subject, token, listed, drawn_version(rng), rules)

    # These three mean the same to the API server, so only one of them is asked about a token.
    yield question("as issued", subject.token, rng.choice([NO_AUDIENCES, ("empty list", []), ("all", list(ours))]))
    for _ in range(3 if is_unbroken(subject) else 1):
        yield question("as issued", subject.token)
    for token in subject.alternatives:
        yield question("as stored", token)
    while True:
        name, make = tokens.draw()
        yield question(name, make(subject, rng) if make else f"{subject.id}.{rng.choice(others).token_secret}")


def is_unbroken(subject):
    return subject.rules == [f"Secret: {UNBROKEN}"]


def make_round(seed, number, ours, count=CASES_PER_ROUND):
    """The subjects and the first count questions of a round, CASES_PER_ROUND at most.

    No question is there twice: the API server remembers a yes for ten seconds.
    """
    rng = random.Random(f"{seed}/{number}")
    secrets, tokens, audiences = (Deck(rng, rows) for rows in (SECRET_RULES, TOKEN_RULES, AUDIENCE_RULES))
    subjects = [make_subject(rng, secrets) for _ in range(SUBJECTS_PER_ROUND)]
    about = {subject.id: make_questions(rng, subject, subjects, tokens, audiences, ours) for subject in subjects}
    good = [subject for subject in subjects if is_unbroken(subject)]
    order = [subject for subject in subjects for _ in range(QUESTIONS)]
    order += [good[n % len(good)] for n in range(CASES_PER_ROUND - len(order))]
    questions, seen = [], set()
    for subject in order:
        for question in about[subject.id]:
            key = (question.token, tuple(question.audiences or ours))
            if question.token and key not in seen:  # the endpoint answers an empty token with 400
                seen.add(key)
                questions.append(question)
                break
    rng.shuffle(questions)
    questions = questions[:count]
    asked = {question.subject.id for question in questions}
    return [subject for subject in subjects if subject.id in asked], questions
