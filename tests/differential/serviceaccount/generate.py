# SPDX-License-Identifier: Apache-2.0
"""Rounds of cases, from the tables of claim_rules.py, header_rules.py and object_rules.py.

A round draws from shuffled tables, so it meets every row before any row twice, and most cases break one rule only: what
refuses them is that rule and nothing beside it. It depends on the seed and its own number, and on nothing that happened
before.
"""
import random

from cases import AUDIENCE_RULES, NO_AUDIENCES, Deck, drawn_version, letters
from serviceaccount.cases import ISSUERS, KINDS, Recipe
from serviceaccount.claim_rules import CLAIM_RULES
from serviceaccount.header_rules import HEADER_RULES
from serviceaccount.keys import GOOD
from serviceaccount.object_rules import OBJECT_RULES

CASES_PER_ROUND = 3000
TABLE = [*CLAIM_RULES, *HEADER_RULES, *OBJECT_RULES]
RULES = {name: apply for name, _, apply in TABLE}
KINDS_OF = {name: kinds for name, kinds, _ in TABLE}
# Shares of a round: a good token for audiences that are drawn, a good token as it is, a rule and drawn audiences, two rules.
# The rest is one rule each.
OF_AUDIENCES, OF_GOOD, OF_BOTH, OF_TWO = 0.08, 0.06, 0.08, 0.08
MORE_AUDIENCES = [("foreign, which some tokens are for", lambda ours, rng: ["third.example"]),
                  ("foreign and one of ours", lambda ours, rng: ["third.example", ours[1]])]


def drawn_recipe(rng, rows, audiences, ours):
    what = rng.random()
    borders = [OF_AUDIENCES, OF_AUDIENCES + OF_GOOD, OF_AUDIENCES + OF_GOOD + OF_BOTH, OF_AUDIENCES + OF_GOOD + OF_BOTH + OF_TWO]
    steps, kinds = [], set(KINDS)
    for _ in range(0 if what < borders[1] else 2 if borders[2] <= what < borders[3] else 1):
        name, possible, _ = rows.draw()
        if not steps or kinds & set(possible):
            kinds &= set(possible)
            steps.append((name, rng.random()))
    if what < borders[0] or borders[1] <= what < borders[2]:
        listing, make = audiences.draw()
        listed = make(ours, rng)
    else:
        listing, listed = rng.choice([NO_AUDIENCES, NO_AUDIENCES, ("empty list", []), ("all", ours), ("the first", ours[:1])])
    return Recipe(letters(rng, 8), rng.choice(sorted(kinds)), None if listed is None else tuple(listed),
                  rng.choice([*GOOD, "p256", "rsa"]), rng.randrange(len(ISSUERS)), rng.random(), tuple(steps),
                  version=drawn_version(rng), listing=listing)


def make_round(seed, number, ours, make, count=CASES_PER_ROUND):
    """The subjects and the first count cases of a round, CASES_PER_ROUND at most. make: Recipe -> Case"""
    rng = random.Random(f"serviceaccount/{seed}/{number}")
    rows, audiences = Deck(rng, TABLE), Deck(rng, [*AUDIENCE_RULES, *MORE_AUDIENCES])
    recipes = [drawn_recipe(rng, rows, audiences, ours) for _ in range(CASES_PER_ROUND)]
    cases = [make(recipe) for recipe in recipes[:count]]
    return [case.subject for case in cases], cases
