# SPDX-License-Identifier: Apache-2.0
"""Makes a case small, and shows what is left of it."""
import base64
import binascii
import json
import time
from dataclasses import replace

from cases import smaller_requests
from serviceaccount.tokens import Members

VALUE_SHOWN = 1200
PLAIN = {"taste": None, "key": "p256", "issuer": 0}


def smaller(recipe, claims, kinds_of):
    """Recipes with one thing less, the big things first. claims: the names of the case's; kinds_of: {rule: kinds of tokens}"""
    for n in range(len(recipe.steps)):
        yield replace(recipe, steps=recipe.steps[:n] + recipe.steps[n + 1:])
    for audiences, version in smaller_requests(recipe.audiences, recipe.version):
        yield replace(recipe, audiences=audiences, version=version)
    for member, value in PLAIN.items():
        if getattr(recipe, member) != value:
            yield replace(recipe, **{member: value})
    for kind in {"pod and node": ("account", "pod", "node"), "account": (), "legacy": ()}.get(recipe.kind, ("account",)):
        if all(kind in kinds_of[name] for name, _ in recipe.steps):
            yield replace(recipe, kind=kind)
    for name in claims:
        if name != "iss":
            yield replace(recipe, without=(*recipe.without, name))


def claim_names(draft):
    return draft.claims.names() if isinstance(draft.claims, Members) else []


def shown(case):
    """Lines that say what stands in the API and what is presented."""
    now = time.time()
    for name, objects in (("before", case.subject.earlier), ("now", case.subject.objects)):
        for thing in objects.values():
            yield f"# in etcd {name}, at {thing.key}"
            yield thing.json(now, case.token)[:VALUE_SHOWN]
    token, _ = case.present(now)
    yield f"signed by:      {case.draft.key}, {case.draft.algorithm}"
    for what, piece in zip(("header", "payload"), token.split(".")):
        yield f"{what + ':':15} {readable(piece)[:VALUE_SHOWN]}"
    yield f"token:          {json.dumps(token)[:VALUE_SHOWN]}"


def readable(piece):
    try:
        return repr(base64.urlsafe_b64decode(piece.encode() + b"=" * (-len(piece) % 4)))[1:]
    except (binascii.Error, UnicodeEncodeError):
        return "no base64url"
